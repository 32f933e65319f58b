"""Compiled graphs give what NumPy gives, but for the last digits; special values and branches to the bit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import diffcli
from diffcli.compiled import machine
from diffcli.errors import UsageError
from diffcli.evaluation import Plan
from diffcli.graph import TABLE, Builder, Primitive
from tests.batching.test_arrays import RANGES, bits, sample
from tests.programs import SHAPES, points, programs

Array = np.ndarray[Any, np.dtype[np.float64]]

#: Computed by loops that end when all points are done, or with a decision for all of them, or along an axis.
LEFT_TO_NUMPY = {
    "gamma", "gamma_derivative", "lgamma", "digamma", "digamma_rise", "polygamma", "beta", "beta_slope", "beta_bend",
    "tie_share", "peak", "far_direction", "order",
}  # fmt: skip
PARAMS: dict[str, tuple[Any, ...]] = {
    "within": (0.0, 1.0), "sinc_derivative": (2,), "power_derivative": (1, 0), "polygamma": (1,),
    "inverse_power": (2, 1), "exp2_derivative": (1,), "acosh_derivative": (3,),
}  # fmt: skip
SPECIAL = [
    0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, np.inf, -np.inf, np.nan, 5e-324, 1e-310, -1e-310, 2.0**-1022, 1e308,
    -1e308, 1.7e308, 709.78, 709.79, 710.4, 711.0, -708.0, -745.0, -745.2, -746.0, 22.0, -22.0, 1e5, 2.0**20, 1.1e6,
    -1e9, 1e22, np.pi, np.pi / 2, 1e-8, -1e-20, 1 - 2.0**-53, 1 + 2.0**-52,
]  # fmt: skip
ELEMENTWISE = [op for op in TABLE.values() if op.kind == "elementwise" and op.name not in LEFT_TO_NUMPY]


def numbers(rng: np.random.Generator, op: Primitive) -> list[Array]:
    """Arguments of every kind: where the table samples, of all magnitudes, near multiples of π/2, and special ones."""
    columns = []
    for i in range(len(op.partials)):
        low, high = op.samples[i] if i < len(op.samples) else (-3.0, 3.0)
        count = 400
        signs = rng.choice([-1.0, 1.0], count)
        parts = [
            rng.uniform(low, high, count),
            signs * 10 ** rng.uniform(-300, 300, count),
            signs * 10 ** rng.uniform(-9, 6, count),
            rng.integers(-99, 99, count) * (np.pi / 2),
            rng.uniform(-2, 2, count),
        ]
        many = np.tile(SPECIAL, len(SPECIAL)) if i % 2 else np.repeat(SPECIAL, len(SPECIAL))
        columns.append(np.concatenate([*parts, many]))
    if op.conditions:
        columns[0] = (columns[0] > 0.0).astype(np.float64)
    return columns


def ulps(one: Array, other: Array) -> Array:
    """How far apart two results are in units of the last place; two NaN are equal, and any number is far from them."""
    with np.errstate(all="ignore"):
        apart = np.abs(one - other) / np.spacing(np.minimum(np.abs(one), 1e308))
    apart = np.where((one == other) | (np.isnan(one) & np.isnan(other)), 0.0, apart)
    return np.where(np.isnan(apart), np.inf, apart)


@pytest.mark.parametrize("op", ELEMENTWISE, ids=lambda op: op.name)
def test_every_function_of_the_table(op: Primitive) -> None:
    builder = Builder()
    inputs = [builder.input(f"x{i}", ()) for i in range(len(op.partials))]
    plan = Plan([builder.number(op(*inputs, params=PARAMS.get(op.name, ())))])
    values = dict(zip(inputs, numbers(np.random.default_rng(3), op), strict=True))
    (expected,) = plan.run(values)
    (found,) = machine.run(plan, values, 1)
    assert machine.why_not(plan) is None
    apart = ulps(expected, found)
    worst = int(np.argmax(apart))
    # NumPy's are within 4 ulps of the truth, and so are these.
    assert apart[worst] <= (0.0 if op.exact else 8.0), [value[worst] for value in values.values()]


def test_the_functions_written_here_are_within_two_ulps_of_the_truth() -> None:
    mpmath = pytest.importorskip("mpmath")
    rng = np.random.default_rng(7)
    for name in ("exp", "expm1", "log", "log1p", "sin", "cos", "tanh", "sinh", "cosh", "cbrt"):
        x = np.concatenate([rng.uniform(0.01, 3, 300), 10 ** rng.uniform(-6, 2.5, 300)])
        found = diffcli.parse(f"{name}(x)").batch({"x": x}, jit=True).values()["f"]
        with mpmath.workprec(120):
            exact = [getattr(mpmath, name)(mpmath.mpf(each)) for each in x.tolist()]
            errors = [abs((mpmath.mpf(y) - e) / mpmath.mpf(np.spacing(abs(float(e))))) for y, e in
                      zip(found.tolist(), exact, strict=True)]  # fmt: skip
        assert max(errors) < 2.5, name


@pytest.mark.sampled
@settings(max_examples=25, deadline=None)
@given(text=programs(smooth=True), rows=st.lists(points(smooth=True), min_size=2, max_size=9))
def test_random_programs(text: str, rows: list[dict[str, Any]]) -> None:
    program = diffcli.parse(text)
    names = [name for name in program.inputs if name in SHAPES]
    if not names:
        return
    at = {name: np.array([row[name] for row in rows]) for name in names}
    batches = program.batch(at), program.batch(at, jit=True)
    for one, other in zip(batches[0].values().values(), batches[1].values().values(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)
    one, other = (batch.jacobian().matrix for batch in batches)
    np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("name", RANGES)
def test_the_samples(name: str) -> None:
    program, at = sample(name, 1000, seed=2)
    plain, compiled = program.batch(at), program.batch(at, jit=True)
    matrix = compiled.jacobian()
    np.testing.assert_allclose(matrix.matrix, plain.jacobian().matrix, rtol=1e-11, atol=1e-9)
    assert compiled.fallbacks == []
    if len(program.outputs) == 1 and plain.values()[program.outputs[0]].ndim == 1:
        for one, other in zip(plain.grad().values(), compiled.grad().values(), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-9)
        np.testing.assert_allclose(compiled.hessian().matrix, plain.hessian().matrix, rtol=1e-11, atol=1e-8)


def test_branches_and_special_values_are_decided_alike() -> None:
    text = "where(x > 0, sqrt(x), 0) + max(x, y)*relu(y) + clip(x, -1, 1)^3 + where(isfinite_y > 0, y, 1/x)"
    program = diffcli.parse(text.replace("isfinite_y", "y - y + 1"))
    grid = np.array([0.0, -0.0, 1.0, -1.0, 2.0, np.inf, -np.inf, np.nan, 5e-324, 1e300])
    at = {"x": np.repeat(grid, len(grid)), "y": np.tile(grid, len(grid))}
    plain, compiled = program.batch(at), program.batch(at, jit=True)
    assert bits(plain.values()["f"]) == bits(compiled.values()["f"])
    for one, other in zip(plain.grad().values(), compiled.grad().values(), strict=True):
        assert bits(one) == bits(other)


def test_a_point_has_the_same_bits_in_any_cut_and_on_any_number_of_threads() -> None:
    """Also among neighbours whose sine goes another way, and where fewer points are left than go at a time."""
    program = diffcli.parse("sin(x)*exp(y) + cos(x*p)*w[0] + norm_of(w[1], y)\n".replace("norm_of", "hypot"))
    rng = np.random.default_rng(5)
    count = 70_001
    at = {"x": rng.uniform(-9, 9, count) * np.where(rng.random(count) < 0.1, 1e7, 1.0), "y": rng.uniform(-2, 2, count)}
    at["w"] = rng.standard_normal((count, 2))
    whole = program.batch(at, {"p": 1.5}, jit=True, jobs=2).value_and_grad(wrt=["x", "y", "w"])
    for first, last, jobs in ((0, 1, 1), (1, 6, 2), (6, 14, 1), (14, 40_000, 3), (40_000, count, 1)):
        part = program.batch({name: array[first:last] for name, array in at.items()}, {"p": 1.5}, jit=True, jobs=jobs)
        value, gradient = part.value_and_grad(wrt=["x", "y", "w"])
        assert bits(value) == bits(whole[0][first:last])
        for name, array in gradient.items():
            assert bits(array) == bits(whole[1][name][first:last])


def test_inputs_of_any_layout_and_what_is_the_same_for_all_points() -> None:
    program = diffcli.parse("sum(A @ v)*x + k*sum(v^2) + v[-1]*c[1]")
    rng = np.random.default_rng(1)
    at = {"A": rng.standard_normal((30, 2, 3)), "v": rng.standard_normal((30, 6))[:, ::2], "x": np.arange(60.0)[::2]}
    for held in ({"k": 2.0, "c": [1.0, 2.0]}, {"k": 3.0, "c": [0.5, -2.0]}):
        value, gradient = program.batch(at, held, jit=True).value_and_grad()
        expected, parts = program.batch(at, held).value_and_grad()
        np.testing.assert_allclose(value, expected, rtol=1e-13)
        for name, array in parts.items():
            np.testing.assert_allclose(gradient[name], array, rtol=1e-13, atol=1e-13)


def test_products_with_the_jacobian() -> None:
    program = diffcli.parse("r = x*sin(y)\ns = x/y\nreturn r, s")
    at = {"x": np.linspace(1, 2, 20), "y": np.linspace(2, 3, 20)}
    plain, compiled = program.batch(at), program.batch(at, jit=True)
    for method, seed in (("vjp", {"r": 2.0}), ("jvp", {"x": 1.0})):
        for one, other in zip(getattr(plain, method)(seed), getattr(compiled, method)(seed), strict=True):
            for name, array in one.items():
                np.testing.assert_allclose(other[name], array, rtol=1e-14)


def test_what_cannot_be_compiled_is_computed_by_numpy_and_said() -> None:
    at = {"x": np.linspace(0.5, 3, 20)}
    for text, reason in (
        ("lgamma(x) + x", "lgamma is not compiled"),
        ("logsumexp([x, 2*x])", "logsumexp is not compiled"),
    ):
        batch = diffcli.parse(text).batch(at, jit=True)
        assert bits(batch.values()["f"]) == bits(diffcli.parse(text).batch(at).values()["f"])
        assert batch.fallbacks == [reason]


def test_a_formula_of_a_million_values_is_left_to_numpy() -> None:
    batch = diffcli.parse("sum(sin(w)*x)").batch({"x": np.ones(9)}, {"w": np.arange(100_000.0)}, jit=True)
    batch.values()
    assert batch.fallbacks == ["the formula has too many values"]


def test_constants_and_inputs_as_results() -> None:
    program = diffcli.parse("a = 2\nb = x\nc = x > 1\nreturn a, b, c")
    x = np.linspace(0, 2, 11)
    for count in (11, 3, 0):
        values = program.batch({"x": x[:count]}, jit=True).values()
        assert values["a"].tolist() == [2.0] * count
        assert values["b"].tolist() == x[:count].tolist()
        assert values["c"].tolist() == (x[:count] > 1).astype(float).tolist()


def test_without_the_extra_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "llvmlite.binding", None)
    with pytest.raises(UsageError, match="needs llvmlite") as caught:
        diffcli.parse("x").batch({"x": [1.0]}, jit=True)
    assert "pip install 'diffcli[jit]'" in str(caught.value.hint)


def test_the_command(tmp_path: Path) -> None:
    table = tmp_path / "points.csv"
    table.write_text("x\n" + "".join(f"{i / 8}\n" for i in range(20)))

    def answer(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "diffcli", "grad", *words, "--points", str(table)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip

    plain, compiled = answer("x^2*3"), answer("x^2*3", "--jit")
    assert compiled.stdout == plain.stdout
    assert "not compiled" in answer("lgamma(x+1)", "--jit").stderr
    assert "not compiled" not in compiled.stderr


def test_nothing_of_it_is_imported_unless_it_is_asked_for() -> None:
    code = (
        "import sys, diffcli; diffcli.parse('x^2').batch({'x': [1.0, 2.0]}).grad();"
        "print([name for name in sys.modules if 'llvmlite' in name or 'compiled' in name])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
