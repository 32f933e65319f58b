"""The public calculus: pullbacks, gradients, Jacobians, and what SciPy makes of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.optimize import approx_fprime, least_squares, minimize

import diffcli
from diffcli import sweeps
from diffcli.errors import UsageError

POLAR = diffcli.parse("input x, y\nparam s = 1\nr = s*sqrt(x^2 + y^2)\ntheta = atan2(y, x)\nreturn r, theta")
AT = {"x": 3.0, "y": 4.0}


def refused(act: Any) -> UsageError:
    with pytest.raises(UsageError) as raised:
        act()
    assert raised.value.exit_code == 2
    return raised.value


# Values -----------------------------------------------------------------------------------------------------


def test_evaluate() -> None:
    assert diffcli.evaluate(POLAR, AT) == {"r": 5.0, "theta": math.atan2(4, 3)}
    found = diffcli.evaluate(diffcli.parse("x*w"), {"x": 2, "w": [1, 2]})["f"]
    assert isinstance(found, np.ndarray)
    assert found.tolist() == [2.0, 4.0]
    assert isinstance(diffcli.evaluate(POLAR, AT)["r"], float)


def test_evaluate_at_a_vector() -> None:
    assert diffcli.evaluate(POLAR, [3, 4])["r"] == 5.0
    assert diffcli.evaluate(diffcli.parse("sum(w^2)"), [1, 2, 3]) == {"f": 14.0}
    assert diffcli.evaluate(diffcli.parse("x^2"), 3) == {"f": 9.0}
    assert diffcli.evaluate(diffcli.parse("1 + 1"), []) == {"f": 2.0}


# Pullbacks --------------------------------------------------------------------------------------------------


def test_the_identity_in_one_line() -> None:
    pullback = diffcli.vjp(POLAR, AT)
    assert pullback.values == {"r": 5.0, "theta": math.atan2(4, 3)}
    assert pullback.wrt == ("x", "y")
    J = diffcli.jacobian(POLAR, AT).matrix
    for v in ([1, 0], [0, 1], [2, -3], [0, 0]):
        bars = pullback({"r": v[0], "theta": v[1]})
        assert list(bars.values()) == pytest.approx(np.array(v) @ J, rel=1e-14)


def test_a_pullback_may_be_called_often() -> None:
    pullback = diffcli.vjp(diffcli.parse("sin(x)"), {"x": 0.5})
    assert pullback.value == math.sin(0.5)
    assert [pullback(v)["x"] for v in (1, 2, 0)] == [math.cos(0.5), 2 * math.cos(0.5), 0.0]
    assert pullback({"f": 1}) == pullback(1.0) == pullback(np.array(1.0))


def test_outputs_left_out_count_as_zero() -> None:
    assert diffcli.vjp(POLAR, AT)({"r": 1}) == pytest.approx({"x": 0.6, "y": 0.8}, rel=1e-15)
    assert diffcli.vjp(POLAR, AT)({}) == {"x": 0.0, "y": 0.0}


def test_cotangents_of_arrays() -> None:
    f = diffcli.parse("A @ w")
    A = np.arange(6.0).reshape(2, 3)
    w = np.array([1.0, -1.0, 2.0])
    bars = diffcli.vjp(f, {"A": A, "w": w})([1.0, 10.0])
    np.testing.assert_array_equal(bars["A"], np.outer([1.0, 10.0], w))
    np.testing.assert_array_equal(bars["w"], A.T @ [1.0, 10.0])
    # A number stands for an array full of it.
    np.testing.assert_array_equal(diffcli.vjp(f, {"A": A, "w": w})(1.0)["w"], A.sum(axis=0))


def test_a_pullback_s_results_have_the_inputs_shapes() -> None:
    bars = diffcli.vjp(diffcli.parse("x*sum(w) + 0*A[0, 0]"), {"x": 1, "w": [1, 2], "A": np.eye(2)})(1.0)
    assert [np.shape(bar) for bar in bars.values()] == [(), (2,), (2, 2)]
    unused = diffcli.vjp(diffcli.parse("input x, w\nx"), {"x": 1, "w": [1, 2]})(1.0)
    assert unused["w"].tolist() == [0.0, 0.0]  # type: ignore[union-attr]


def test_the_order_of_wrt() -> None:
    assert list(diffcli.vjp(POLAR, AT, wrt=["y", "x"])({"r": 1})) == ["y", "x"]
    assert list(diffcli.grad(diffcli.parse("x*y"), AT, wrt=("y",))) == ["y"]
    assert diffcli.jacobian(POLAR, AT, wrt=["y", "s", "x"]).columns == ("y", "s", "x")
    assert diffcli.grad(diffcli.parse("x*y"), AT, wrt=[]) == {}


def test_params_are_held_unless_named() -> None:
    f = diffcli.parse("param s = 2\ns*x^2")
    assert diffcli.grad(f, {"x": 3}) == {"x": 12.0}
    assert diffcli.grad(f, {"x": 3, "s": 5}) == {"x": 30.0}
    assert diffcli.grad(f, {"x": 3}, wrt=["s"]) == {"s": 9.0}
    assert diffcli.grad(f, [3.0]).tolist() == [12.0]


@pytest.mark.parametrize(
    ("act", "code", "message"),
    [
        (lambda: diffcli.vjp(POLAR, AT)({"q": 1}), "unknown-output", "no output q"),
        (lambda: diffcli.vjp(POLAR, AT)(1.0), "not-scalar", "2 outputs: r, theta"),
        (lambda: diffcli.vjp(POLAR, AT).value, "not-scalar", "2 outputs"),
        (lambda: diffcli.vjp(POLAR, AT)({"r": [1, 2]}), "cotangent-shape", "shape (), not (2,)"),
        (lambda: diffcli.vjp(diffcli.parse("w"), {"w": [1, 2]})([1, 2, 3]), "cotangent-shape", "(2,), not (3,)"),
        (lambda: diffcli.vjp(POLAR, AT, wrt=["z"]), "unknown-variable", "cannot differentiate in z"),
        (lambda: diffcli.vjp(POLAR, AT, wrt=["x", "x"]), "usage", "named twice"),
        (lambda: diffcli.vjp(POLAR, {"x": 1}), "missing-variable", "no value for y"),
        (lambda: diffcli.vjp(POLAR, {**AT, "z": 1}), "unknown-variable", "no variable z"),
        (lambda: diffcli.vjp(POLAR, [1, 2, 3]), "point", "needs 2 numbers"),
        (lambda: diffcli.grad(POLAR, AT), "not-scalar", "2 outputs"),
        (lambda: diffcli.grad(diffcli.parse("x*w"), {"x": 1, "w": [1]}), "not-scalar", "shape (1,)"),
        (lambda: diffcli.value_and_grad(diffcli.parse("w"), [1.0, 2.0]), "not-scalar", "shape (2,)"),
        (lambda: diffcli.grad(diffcli.parse("x*[1]"), 1.0), "not-scalar", "shape (1,)"),
        (lambda: diffcli.grad(diffcli.parse("x*[1]"), [1.0]), "not-scalar", "shape (1,)"),
        (lambda: diffcli.grad(diffcli.parse("x"))([1.0, 2.0]), "not-scalar", "shape (2,)"),
    ],
)
def test_what_cannot_be_is_refused(act: Any, code: str, message: str) -> None:
    error = refused(act)
    assert error.code == code
    assert message in error.message


def test_the_hint_names_the_way_on() -> None:
    assert "jacobian" in (refused(lambda: diffcli.grad(POLAR, AT)).hint or "")
    assert "jacobian" in (refused(lambda: diffcli.grad(diffcli.parse("w*2"), {"w": [1.0]})).hint or "")


# Gradients --------------------------------------------------------------------------------------------------

ROSENBROCK = diffcli.parse("sum(100*(x[1:] - x[:-1]^2)^2 + (1 - x[:-1])^2)")


def test_value_and_grad_by_name_and_by_vector() -> None:
    f = diffcli.parse("sin(x)*y")
    value, by_name = diffcli.value_and_grad(f, {"x": 1, "y": 2})
    assert value == 2 * math.sin(1)
    assert by_name == {"x": 2 * math.cos(1), "y": math.sin(1)} == diffcli.grad(f, {"x": 1, "y": 2})
    same, flat = diffcli.value_and_grad(f, [1, 2])
    assert same == value
    assert isinstance(flat, np.ndarray)
    assert flat.tolist() == list(by_name.values()) == diffcli.grad(f, np.array([1, 2])).tolist()


def test_without_a_point_they_are_functions() -> None:
    f = diffcli.value_and_grad(ROSENBROCK)
    value, gradient = f([-1.2, 1.0])
    assert value == pytest.approx(24.2)
    assert gradient == pytest.approx([-215.6, -88.0])
    assert diffcli.grad(ROSENBROCK)([-1.2, 1.0]).tolist() == gradient.tolist()
    assert diffcli.grad(diffcli.parse("x*y"), wrt=["y"])([2.0, 3.0]).tolist() == [2.0]


def test_minimize_takes_it_as_it_is() -> None:
    found = minimize(diffcli.value_and_grad(ROSENBROCK), np.array([-1.2, 1.0, -1.2, 1.0]), jac=True, method="BFGS")
    assert found.success
    assert found.x == pytest.approx(np.ones(4), abs=1e-5)
    separate = minimize(
        lambda x: diffcli.evaluate(ROSENBROCK, x)["f"], np.zeros(3), jac=diffcli.grad(ROSENBROCK), method="CG"
    )
    assert separate.x == pytest.approx(np.ones(3), abs=1e-4)


def test_least_squares_takes_the_jacobian() -> None:
    t = np.linspace(0.0, 2.0, 9)
    data = 2.5 * np.exp(-1.3 * t)
    f = diffcli.parse("input a, k\nparam t, d\na*exp(-k*t) - d")

    def at(p: Any) -> dict[str, Any]:
        return {"a": p[0], "k": p[1], "t": t, "d": data}

    found = least_squares(
        lambda p: diffcli.evaluate(f, at(p))["f"], [1.0, 1.0], jac=lambda p: diffcli.jacobian(f, at(p)).matrix
    )
    assert found.x == pytest.approx([2.5, 1.3], rel=1e-8)
    as_array = least_squares(
        lambda p: diffcli.evaluate(f, at(p))["f"], [1.0, 1.0], jac=lambda p: np.asarray(diffcli.jacobian(f, at(p)))
    )
    assert as_array.x.tolist() == found.x.tolist()


def test_a_gradient_against_scipy_s_differences() -> None:
    x = np.array([0.3, -0.7, 1.1, 0.2])
    wanted = approx_fprime(x, lambda p: diffcli.evaluate(ROSENBROCK, p)["f"])
    assert diffcli.grad(ROSENBROCK, x) == pytest.approx(wanted, rel=1e-5, abs=1e-5)


def test_the_graph_of_a_gradient_is_built_once() -> None:
    f = diffcli.parse("sin(x)*y")
    diffcli.grad(f, AT)
    nodes = len(f.bind({"x": (), "y": ()}).builder.nodes)
    for _ in range(3):
        diffcli.grad(f, {"x": 0.1, "y": 7})
    assert len(f.bind({"x": (), "y": ()}).builder.nodes) == nodes


# Jacobians --------------------------------------------------------------------------------------------------


def test_a_jacobian_is_labelled() -> None:
    f = diffcli.parse("y = A @ x\nz = sum(x)\nreturn y, z")
    found = diffcli.jacobian(f, {"A": [[1, 2], [3, 4]], "x": [5, 6]})
    assert found.rows == ("y[0]", "y[1]", "z")
    assert found.columns == ("A[0,0]", "A[0,1]", "A[1,0]", "A[1,1]", "x[0]", "x[1]")
    assert found.matrix.tolist() == [[5, 6, 0, 0, 1, 2], [0, 0, 5, 6, 3, 4], [0, 0, 0, 0, 1, 1]]
    assert found.values["z"] == 11.0
    assert found.values["y"].tolist() == [17.0, 39.0]  # type: ignore[union-attr]


def test_a_full_jacobian_takes_a_pass_a_row() -> None:
    found = diffcli.jacobian(diffcli.parse("[sum(w), sum(w^2), prod(w)]"), {"w": [1, 2, 3, 4]})
    assert (found.mode, found.passes) == ("reverse", 3)
    assert found.matrix.tolist() == [[1, 1, 1, 1], [2, 4, 6, 8], [24, 12, 8, 6]]


def test_a_jacobian_is_an_array() -> None:
    found = diffcli.jacobian(POLAR, AT)
    assert np.asarray(found).tolist() == found.matrix.tolist()
    assert np.array(found, dtype=np.float32).dtype == np.float32
    assert (np.linalg.inv(found) @ found.matrix).round(12).tolist() == np.eye(2).tolist()


@pytest.mark.parametrize("numbers", [1, 100, 1000, 5000])
def test_rows_in_chunks_are_the_same_rows(monkeypatch: pytest.MonkeyPatch, numbers: int) -> None:
    text = "u = sin(B @ w) * sum(w); v = softmax(w); return u, v"
    at = {"B": np.random.default_rng(1).standard_normal((17, 5)), "w": np.linspace(-1, 1, 5)}
    whole = diffcli.jacobian(diffcli.parse(text), at, wrt=["w", "B"])
    monkeypatch.setattr(sweeps, "CHUNK_NUMBERS", numbers)
    chunked = diffcli.jacobian(diffcli.parse(text), at, wrt=["w", "B"])
    assert chunked.matrix.tobytes() == whole.matrix.tobytes()
    assert chunked.passes == whole.passes


def test_a_jacobian_without_rows_or_columns() -> None:
    assert diffcli.jacobian(diffcli.parse("zeros(0)*x"), {"x": 1}).matrix.shape == (0, 1)
    assert diffcli.jacobian(diffcli.parse("[1, 2]"), {}).matrix.shape == (2, 0)
    assert diffcli.jacobian(diffcli.parse("w*2"), {"w": []}).matrix.shape == (0, 0)
    assert diffcli.jacobian(diffcli.parse("x*y"), AT, wrt=[]).matrix.shape == (1, 0)


def test_outputs_that_are_inputs_or_constants() -> None:
    f = diffcli.parse("b = x*y; a = 3\nreturn x, a, b, y")
    assert diffcli.jacobian(f, AT).matrix.tolist() == [[1, 0], [0, 0], [4, 3], [0, 1]]
    assert diffcli.vjp(f, AT)({"x": 1, "b": 1, "a": 5}) == {"x": 5.0, "y": 3.0}
    assert diffcli.grad(diffcli.parse("x"), {"x": 3}) == {"x": 1.0}


def test_outputs_that_are_the_same_node() -> None:
    f = diffcli.parse("a = sin(x)\nb = sin(x)\nreturn a, b, x")
    assert diffcli.vjp(f, {"x": 0.0})({"a": 1, "b": 1, "x": 1}) == {"x": 3.0}


@pytest.mark.parametrize("size", [3, 20_000])
@pytest.mark.parametrize(
    "text",
    [
        "sum([2, 3]@[x[0], y[0]])",
        "sum(sin(x + y))",
        "dot(x, y)",
        "sum(x)",
        "sum(2*x) + sum(exp(y))",
        "prod(exp(y - y)*x)",
    ],
)
def test_whoever_writes_to_results_harms_nobody(text: str, size: int) -> None:
    """Results are handed out without a copy where that is safe: no two share memory, nor with what later calls use."""
    f = diffcli.parse(f"input x, y\n{text}")
    outputs = diffcli.parse("input x, y\na = x\nb = exp(x + y)\nc = exp(x + y)\nd = [1, 2]*2\nreturn a, b, c, d")
    at = {"x": np.linspace(0.5, 1.5, size), "y": np.linspace(-1.0, 1.0, size)}
    kept = {name: value.copy() for name, value in at.items()}
    u = {"x": np.ones(size), "y": np.full(size, 0.5)}

    def arrays() -> list[Any]:
        return [
            *diffcli.evaluate(outputs, at).values(),
            *diffcli.grad(f, at).values(),
            *diffcli.hvp(f, at, u).values(),
            diffcli.vjp(f, at)(1.0)["x"],
        ]

    first = arrays()
    expected = [part.copy() for part in first]
    for i, part in enumerate(first):
        part[:] = i + 7.0
    for i, part in enumerate(first):
        assert (part == i + 7.0).all()
    for part, right in zip(arrays(), expected, strict=True):
        np.testing.assert_array_equal(part, right)
    for name, value in at.items():
        np.testing.assert_array_equal(value, kept[name])
