"""Arrays in, arrays out: every number is the one that its point gives alone, to the bit."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pyarrow as arrow
import pytest
from scipy.optimize import rosen_der, rosen_hess

import diffcli
from diffcli.batching.arrays import _unsound
from diffcli.errors import UsageError
from diffcli.evaluation import limits

SAMPLES = Path(__file__).parents[2] / "samples"


def bits(value: Any) -> bytes:
    array = np.asarray(value, dtype=np.float64)
    # A NaN is a NaN; and which of two zeros an entry is that is zero by structure, nobody said.
    return np.where(np.isnan(array), np.nan, array + 0.0).tobytes()


#: Points for the samples, by input: shape and range.
RANGES: dict[str, dict[str, tuple[tuple[int, ...], float, float]]] = {
    "polar": {"x": ((), -3, 3), "y": ((), -3, 3)},
    "kepler": {"M": ((), 0, 6), "e": ((), 0, 0.9)},
    "black_scholes": {"spot": ((), 50, 150), "strike": ((), 50, 150)},
    "rosenbrock": {"x": ((5,), -2, 2)},
}


def sample(name: str, count: int, seed: int = 0) -> tuple[diffcli.Program, dict[str, np.ndarray]]:
    program = diffcli.parse((SAMPLES / f"{name}.expr").read_text(encoding="utf-8"))
    rng = np.random.default_rng(seed)
    known = RANGES[name]
    points = {}
    for each in program.inputs:
        shape, low, high = known.get(each, (np.shape(program.defaults.get(each, 0.0)), 0.1, 1.0))
        points[each] = rng.uniform(low, high, (count, *shape))
    return program, points


@pytest.mark.parametrize("name", RANGES)
@pytest.mark.parametrize("block", [7, 100, 1 << 16])
def test_each_point_of_a_sample_is_the_point_alone(name: str, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_BLOCK", block)
    monkeypatch.setattr(limits, "NUMBERS_PER_CALL", 1)
    count = 60
    program, points = sample(name, count)
    for array in points.values():
        array.flat[:3] = [0.0, np.inf, -1.0]
    batch = program.batch(points, jobs=2)
    values, jacobians = batch.values(), batch.jacobian()
    for i in range(count):
        at = {key: array[i] for key, array in points.items()}
        alone = diffcli.evaluate(program, at)
        assert all(bits(values[key][i]) == bits(value) for key, value in alone.items())
        matrix = diffcli.jacobian(program, at)
        assert bits(jacobians.matrix[i]) == bits(matrix.matrix)
        assert (jacobians.rows, jacobians.columns) == (matrix.rows, matrix.columns)
        assert (jacobians.mode, jacobians.passes) == (matrix.mode, matrix.passes)
    if len(program.outputs) == 1 and values[program.outputs[0]].ndim == 1:
        value, gradient = batch.value_and_grad()
        hessian = batch.hessian()
        for i in range(count):
            at = {key: array[i] for key, array in points.items()}
            one, parts = diffcli.value_and_grad(program, at)
            assert bits(value[i]) == bits(one)
            assert all(bits(gradient[key][i]) == bits(part) for key, part in parts.items())
            assert bits(hessian.matrix[i]) == bits(diffcli.hessian(program, at).matrix)


@pytest.mark.parametrize("name", RANGES)
def test_a_million_rows_in_any_cut(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Values and derivatives of 300,000 points at once, and of the same points in cuts, blocks and threads."""
    count = 300_000
    program, points = sample(name, count, seed=1)
    wrt = [key for key in program.inputs if key not in program.params][:2]

    def answers(rows: slice, jobs: int) -> tuple[Any, ...]:
        batch = diffcli.batch(program, {key: array[rows] for key, array in points.items()}, jobs=jobs)
        if len(program.outputs) == 1:
            value, gradient = batch.value_and_grad(wrt=wrt)
            return value, *gradient.values()
        values, bars = batch.vjp({program.outputs[0]: 1.5}, wrt=wrt)
        return *values.values(), *bars.values()

    whole = answers(slice(None), 2)
    monkeypatch.setattr(limits, "MAX_BLOCK", 1000)
    for rows, jobs in ((slice(0, 100_001), 1), (slice(100_001, 100_011), 2), (slice(100_011, count), 3)):
        for one, part in zip(whole, answers(rows, jobs), strict=True):
            assert bits(one[rows]) == bits(part)


def test_a_reference_of_others() -> None:
    x = np.random.default_rng(0).uniform(-2, 2, (50, 5))
    program, _ = sample("rosenbrock", 1)
    batch = program.batch({"x": x})
    np.testing.assert_allclose(batch.grad()["x"], [rosen_der(each) for each in x], rtol=1e-12, atol=1e-10)
    np.testing.assert_allclose(batch.hessian().matrix, [rosen_hess(each) for each in x], rtol=1e-12, atol=1e-10)


def test_shapes_and_kinds_of_points() -> None:
    f = diffcli.parse("sum(w)*x + k")
    w, x = np.arange(6).reshape(2, 3), np.array([1, 2], dtype=np.int32)
    batch = f.batch({"w": w, "x": x}, {"k": 10})
    assert len(batch) == 2
    value, gradient = batch.value_and_grad(wrt=["x", "w", "k"])
    assert value.tolist() == [13.0, 34.0]
    assert gradient["x"].tolist() == [3.0, 12.0]
    assert gradient["w"].tolist() == [[1.0] * 3, [2.0] * 3]
    assert gradient["k"].tolist() == [1.0, 1.0]
    gradient["k"][0] = 5.0  # an array of its own
    assert gradient["k"].tolist() == [5.0, 1.0]
    alone = diffcli.parse("x + k").batch({"x": [1.0]}, {"k": 2.0}).value_and_grad(wrt=["k"])[1]
    alone["k"][0] = 5.0  # also where one constant is all
    assert alone["k"].tolist() == [5.0]
    assert diffcli.parse("x*y").batch(np.array([[1.0, 2.0], [3.0, 4.0]])).values()["f"].tolist() == [2.0, 12.0]


def test_both_products() -> None:
    f = diffcli.parse("r = x*y\ns = x + y\nreturn r, s")
    batch = f.batch({"x": [1.0, 2.0], "y": [3.0, 4.0]})
    values, bars = batch.vjp({"r": 1, "s": 10})
    assert values["r"].tolist() == [3.0, 8.0]
    assert (bars["x"].tolist(), bars["y"].tolist()) == ([13.0, 14.0], [11.0, 12.0])
    _, dots = batch.jvp({"x": 1.0})
    assert (dots["r"].tolist(), dots["s"].tolist()) == ([3.0, 4.0], [1.0, 1.0])


def test_an_output_not_asked_for_brings_no_nan() -> None:
    f = diffcli.parse("a = 2*x\nb = sqrt(x)\nreturn a, b")
    _, bars = f.batch({"x": [0.0, 1.0]}).vjp({"a": 1.0})
    assert bars["x"].tolist() == [2.0, 2.0]


def test_an_infinite_cotangent_at_one_point() -> None:
    values, bars = diffcli.parse("[x, y]").batch({"x": [1.0], "y": [2.0]}).vjp({"f": [np.inf, 1.0]})
    assert values["f"].tolist() == [[1.0, 2.0]]
    assert (bars["x"].tolist(), bars["y"].tolist()) == ([np.inf], [1.0])


def test_no_points_and_one_point() -> None:
    f = diffcli.parse("[x*y, x]")
    empty = f.batch({"x": [], "y": []})
    assert empty.values()["f"].shape == (0, 2)
    assert empty.jacobian().matrix.shape == (0, 2, 2)
    assert diffcli.parse("x^2").batch({"x": []}).grad()["x"].shape == (0,)
    assert f.batch({"x": [2.0], "y": [3.0]}).jacobian().matrix.tolist() == [[[3.0, 2.0], [1.0, 0.0]]]


@pytest.mark.parametrize(
    ("points", "at", "said"),
    [
        ({"x": [1.0], "y": [1.0, 2.0]}, None, "different numbers of points: x 1, y 2"),
        ({"x": [1.0]}, None, "no value for y"),
        ({"x": [1.0], "y": [2.0], "z": [1.0]}, None, "no variable z"),
        ({"x": [1.0], "y": [2.0]}, {"x": 1.0}, "x is given both"),
        ({"x": ["one"], "y": [2.0]}, None, "the column x of the points is not a number or an array of numbers"),
        ({"x": [[1.0, 2.0], [3.0]], "y": [2.0]}, None, "the column x of the points is not a number or an array"),
        ({"x": np.array([1, 2j]), "y": [2.0]}, None, "the column x of the points is not a number or an array"),
        ({"x": np.ma.array([1.0, 2.0], mask=[0, 1]), "y": [2.0]}, None, "the column x of the points is masked"),
        ({"x": [10**400], "y": [2.0]}, None, "the column x of the points is not a number or an array of numbers"),
        ({"x": 1.0, "y": [2.0]}, None, "the points of x are one number, and no array of them"),
        ({}, {"x": 1.0, "y": 2.0}, "no points"),
        ([[1.0, 2.0, 3.0]], None, "column for each of x, y"),
        ([[1.0, 2.0], [3.0]], None, "the table of points is not a number or an array of numbers"),
        (None, None, "the table of points is not a number or an array of numbers"),
        ({"x": [1.0]}, {"y": [[1.0], [2.0, 3.0]]}, "the value of y is not a number or an array of numbers"),
        ({"x": [1.0]}, 3, "what is the same for all points is given by name"),
        ({"x": [1.0]}, [3], "what is the same for all points is given by name"),
    ],
)
def test_points_that_do_not_fit(points: Any, at: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        diffcli.parse("x*y").batch(points, at).values()


@pytest.mark.parametrize("jobs", ["2", 2.5, 0, -1, [2]])
def test_threads_that_are_no_number(jobs: Any) -> None:
    with pytest.raises(UsageError, match="not a number of threads") as caught:
        diffcli.parse("x").batch({"x": [1.0]}, jobs=jobs)
    assert caught.value.hint == "write jobs=2, or leave it out: all cores"


@pytest.mark.parametrize(
    "ask",
    [lambda: diffcli.batch("x*y", [[1.0, 2.0]]), lambda: diffcli.grad("x*y", [1.0, 2.0])],  # type: ignore[arg-type]
)
def test_a_formula_that_nobody_has_parsed(ask: Any) -> None:
    with pytest.raises(UsageError, match="the formula is a text") as caught:
        ask()
    assert caught.value.hint == "write diffcli.parse('x*y')"


def test_names_that_are_none() -> None:
    program = diffcli.parse("xy + x*y")
    batch = program.batch({"x": [1.0], "y": [2.0], "xy": [3.0]})
    for ask in (lambda: batch.grad(wrt=3), lambda: diffcli.grad(program, {"x": 1, "y": 2, "xy": 3}, wrt=3)):  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="3 names no inputs"):
            ask()
    assert list(batch.grad(wrt=["x", "y"])) == ["x", "y"]
    assert list(batch.grad(wrt="xy")) == ["xy"]  # one name, and not its letters


def test_masks_and_fields() -> None:
    program = diffcli.parse("x*sum(w)")
    points = np.array([(2.0, (3.0, 4.0)), (5.0, (6.0, 7.0))], [("x", "f8"), ("w", "f8", 2)])
    assert program.batch(points).values()["f"].tolist() == [14.0, 65.0]
    whole = {"x": np.ma.array([2.0, 5.0]), "w": points["w"]}  # masked nowhere
    assert program.batch(whole).values()["f"].tolist() == [14.0, 65.0]
    with pytest.raises(UsageError, match="the value of x is masked in places"):
        diffcli.evaluate(diffcli.parse("sum(x)"), {"x": np.ma.array([1.0, 2.0], mask=[True, False])})


def test_tables_have_columns_that_are_no_inputs() -> None:
    program = diffcli.parse("x*y")
    frame = pandas.DataFrame({"id": ["a", "b"], "x": [1.0, 2.0], "y": [3.0, 4.0]})
    assert program.batch(frame).values()["f"].tolist() == [3.0, 8.0]
    assert program.batch(frame[["x"]], {"y": frame["y"][0]}).values()["f"].tolist() == [3.0, 6.0]
    fields = np.array([("a", 1.0, 3.0), ("b", 2.0, 4.0)], [("id", "U1"), ("x", "f8"), ("y", "f8")])
    assert program.batch(fields).values()["f"].tolist() == [3.0, 8.0]
    assert program.batch(arrow.table({"id": ["a"], "x": [1.0], "y": [3.0]})).values()["f"].tolist() == [3.0]
    with pytest.raises(UsageError, match="no points"):
        program.batch(frame[["id"]])


def test_a_gradient_is_that_of_one_number() -> None:
    with pytest.raises(UsageError, match="one number"):
        diffcli.parse("[x, x]").batch({"x": [1.0]}).grad()


def test_points_whose_results_are_not_finite_are_found_among_huge_ones() -> None:
    """A sum overflows where its terms do not: then every point is looked at."""
    huge = np.full(5, 1e308)
    assert _unsound([huge, np.ones(5)]) == []
    assert _unsound([np.ones(5), np.array([1.0, np.inf, -np.inf, np.nan, 1e308])]) == [1, 2, 3]
    assert _unsound([np.moveaxis(np.array([[1.0, 2.0], [np.nan, 3.0]]), -1, 0)]) == [0]
    assert _unsound([np.zeros((0, 2)), np.zeros(0)]) == []
