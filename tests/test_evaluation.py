"""Numbers: the order of the steps, what is kept, and the same bits in every batch."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import diffcli
from diffcli.derive import adjoint
from diffcli.evaluation import Plan, lift
from diffcli.graph import TABLE, Array, Builder, Function, Node
from tests.programs import SHAPES, points, programs

SIZES = (2, 3, 7, 8, 17, 1000)


def _with_adjoint(text: str) -> tuple[Function, list[Node]]:
    """Outputs and the cotangents of the inputs, from one program."""
    program = diffcli.parse(text)
    function = program.bind({name: SHAPES[name] for name in program.inputs})
    one = function.builder.constant(1.0)
    seeds = [function.builder.broadcast(one, out.shape) for out in function.outputs]
    bars = adjoint(function.outputs, seeds, function.inputs).cotangents
    return function, [*function.outputs, *(bars[x] for x in function.inputs if x in bars)]


def _column(array: Array, i: int) -> bytes:
    """The bits of one point; a NaN is a NaN, whatever sign the processor gave it."""
    column = array[..., i if array.shape[-1] > 1 else 0]
    return np.where(np.isnan(column), np.nan, column).tobytes()


@given(programs(), st.lists(points(smooth=True) | points(), min_size=8, max_size=8))
@settings(max_examples=60, deadline=None)
def test_a_point_alone_is_a_point_in_a_batch(text: str, several: list[dict[str, Array]]) -> None:
    function, outputs = _with_adjoint(text)
    plan = Plan(outputs)
    tiled = [several[i % len(several)] for i in range(1000)]
    batch = {node: np.stack([point[node.params[0]] for point in tiled], axis=-1) for node in function.inputs}
    alone = [plan.run({node: lift(point[node.params[0]]) for node in function.inputs}) for point in several]
    for size in SIZES:
        found = plan.run({node: np.ascontiguousarray(value[..., :size]) for node, value in batch.items()})
        for i in {0, 1, min(size, 8) - 1}:
            for one, many in zip(alone[i], found, strict=True):
                assert _column(one, 0) == _column(many, i)
        for one, many in zip(alone[(size - 1) % 8], found, strict=True):
            assert _column(one, 0) == _column(many, size - 1)


@pytest.mark.parametrize("text", ["A' @ B", "A @ B'", "A' @ A", "A @ A'", "sin(A)' @ A", "(A' @ B)' @ A'"])
def test_transposed_factors_have_the_same_bits_alone_and_in_a_batch(text: str) -> None:
    a, b = np.random.default_rng(0).standard_normal((2, 3, 40, 43))
    program = diffcli.parse(text)
    batch = program.batch({name: value for name, value in (("A", a), ("B", b)) if name in program.inputs})
    (many,) = batch.values().values()
    for i in range(3):
        at = {name: value[i] for name, value in (("A", a), ("B", b)) if name in program.inputs}
        (one,) = diffcli.evaluate(program, at).values()
        assert np.asarray(one).tobytes() == np.ascontiguousarray(many[i]).tobytes()
        exact = eval(text.replace("'", ".T"), {"A": a[i], "B": b[i], "sin": np.sin})
        np.testing.assert_allclose(one, exact, rtol=1e-12, atol=1e-12)


@given(programs(), points(), st.lists(points(smooth=True), min_size=5, max_size=5), st.sampled_from(list(SHAPES)))
@settings(max_examples=60, deadline=None)
def test_what_does_not_depend_on_the_batch_may_stand_once(
    text: str, fixed: dict[str, Array], several: list[dict[str, Array]], held: str
) -> None:
    function, outputs = _with_adjoint(text)
    plan = Plan(outputs)
    mixed = plan.run(
        {
            node: lift(fixed[name])
            if (name := node.params[0]) == held
            else np.stack([point[name] for point in several], axis=-1)
            for node in function.inputs
        }
    )
    for i, point in enumerate(several):
        at = {**point, held: fixed[held]}
        alone = plan.run({node: lift(at[node.params[0]]) for node in function.inputs})
        for one, many in zip(alone, mixed, strict=True):
            assert _column(one, 0) == _column(many, i)


@pytest.mark.parametrize("n", [1, 2, 3, 5, 7, 64, 65, 1000])
def test_sums_are_by_halves(n: int) -> None:
    builder = Builder()
    x = builder.input("x", (n,))
    values = np.random.default_rng(n).standard_normal((n, 3)) * 10.0 ** np.arange(3)
    (found,) = Plan([TABLE["sum"](x, params=((),))]).run({x: values})

    def halved(row: list[float]) -> float:
        while len(row) > 1:
            half = len(row) // 2
            paired = [row[i] + row[half + i] for i in range(half)]
            if len(row) % 2:
                paired[0] += row[-1]
            row = paired
        return row[0]

    assert found.tolist() == [halved(values[:, k].tolist()) for k in range(3)]


def test_a_value_is_freed_after_its_last_use() -> None:
    builder = Builder()
    x = builder.input("x", (1000,))
    node: Node = x
    for _ in range(40):
        node = TABLE["sin"](node)
    plan = Plan([node])
    values = np.ones((1000, 200))
    plan.run({x: values})
    tracemalloc.start()
    try:
        plan.run({x: values})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * values.nbytes


def test_a_value_used_twice_by_one_step_is_freed_once() -> None:
    builder = Builder()
    x = builder.input("x", ())
    y = TABLE["sin"](x)
    (found,) = Plan([y * y]).run({x: np.array([0.5])})
    assert found[0] == np.sin(0.5) ** 2


def test_an_output_may_be_an_input_a_constant_or_twice_the_same() -> None:
    builder = Builder()
    x, c = builder.input("x", ()), builder.constant(3.0)
    y = TABLE["exp"](x)
    found = Plan([x, c, y, y, y + 1.0]).run({x: np.array([1.0, 2.0])})
    assert [value.tolist() for value in found[:2]] == [[1.0, 2.0], [3.0]]
    assert found[2].tolist() == found[3].tolist() == np.exp([1.0, 2.0]).tolist()


def test_given_nodes_are_not_computed() -> None:
    builder = Builder()
    x = builder.input("x", ())
    y = TABLE["exp"](x)
    plan = Plan([y * 2.0], given=[y])
    assert x not in plan.order
    assert plan.run({y: np.array([5.0])})[0].tolist() == [10.0]


def test_a_given_constant_is_given() -> None:
    builder = Builder()
    c = builder.constant(3.0)
    assert Plan([c], given=[c]).run({c: np.array([4.0])})[0].tolist() == [4.0]


def test_constants_are_never_written_to() -> None:
    builder = Builder()
    c = builder.constant(np.array([1.0, 2.0]))
    assert not c.params[0].flags.writeable
    program = diffcli.parse("[1, 2, 3]")
    first = diffcli.evaluate(program, {})["f"]
    assert isinstance(first, np.ndarray)
    first[0] = 99.0
    assert diffcli.evaluate(program, {})["f"].tolist() == [1.0, 2.0, 3.0]  # type: ignore[union-attr]


def test_the_point_is_never_written_to() -> None:
    w = np.array([3.0, 1.0, 2.0])
    kept = w.copy()
    for text in ("sort(w)", "w", "w[::-1]", "softmax(w)", "reshape(w, 3, 1)", "w * 1"):
        found = diffcli.evaluate(diffcli.parse(text), {"w": w})["f"]
        assert isinstance(found, np.ndarray)
        found[...] = -1.0
        bar = diffcli.vjp(diffcli.parse(text), {"w": w})(np.ones(found.shape))["w"]
        assert isinstance(bar, np.ndarray)
        bar[...] = -1.0
    assert (w == kept).all()
    assert not w.flags.owndata or w.flags.writeable


def test_numpy_says_nothing() -> None:
    with np.errstate(all="raise"):
        assert np.isnan(diffcli.grad(diffcli.parse("log(x)"), {"x": -1})["x"])
        assert diffcli.evaluate(diffcli.parse("exp(x)/0"), {"x": 1e4})["f"] == np.inf


def test_a_deep_graph_is_no_trouble() -> None:
    builder = Builder()
    x = builder.input("x", ())
    node: Node = x
    for _ in range(50_000):
        node = TABLE["sin"](node)
    bars = adjoint([node], [builder.constant(1.0)], [x]).cotangents
    value, slope = Plan([node, bars[x]]).run({x: np.array([1.0])})
    assert 0 < value[0] < 0.01
    assert 0 < slope[0] < 1e-5
