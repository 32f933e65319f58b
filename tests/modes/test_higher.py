"""Taylor series against mpmath: every elementwise primitive, compositions, and everything that mixes elements."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

import diffcli
from diffcli.errors import UsageError
from diffcli.graph import TABLE
from diffcli.primitives import FUNCTIONS

ORDER = 10
NAMES = [
    name
    for name, op in TABLE.items()
    if op.kind == "elementwise" and op.reference is not None and len(op.samples) == 1 and name in FUNCTIONS
    # mpmath itself loses its digits on the derivatives of these, or they have none
    and name not in ("abs", "sign", "floor", "ceil", "round", "trunc", "relu", "heaviside")
]  # fmt: skip


def _wanted(f: Callable[[Any], Any], x: float) -> list[Any]:
    with mpmath.workdps(60):
        return [mpmath.mpf(c) for c in mpmath.taylor(f, mpmath.mpf(x), ORDER)]


def _close(found: np.ndarray, wanted: list[Any], within: float, scale: float = 0.0) -> None:
    assert len(found) == len(wanted) == ORDER + 1
    for k, (one, other) in enumerate(zip(found.tolist(), wanted, strict=True)):
        assert abs(one - float(other)) <= within * abs(float(other)) + scale, (k, one, other)


def test_the_table_is_there() -> None:
    assert len(NAMES) > 25


@pytest.mark.parametrize("name", NAMES)
def test_every_elementwise_function_to_order_10(name: str) -> None:
    op = TABLE[name]
    ((low, high),) = op.samples
    rng = random.Random(name)
    for _ in range(2):
        x = low + (high - low) * rng.uniform(0.1, 0.9)
        _close(
            diffcli.taylor(diffcli.parse(f"{name}(x)"), {"x": x}, ORDER),
            _wanted(lambda z: op.reference(mpmath, z), x),
            2e-13,
        )


m = mpmath
COMPOSED: list[tuple[str, Callable[[Any], Any]]] = [
    ("exp(sin(x)*x^2)", lambda x: m.exp(m.sin(x) * x**2)),
    ("x^x", lambda x: x**x),
    ("2^x / (1 + x^2)", lambda x: 2**x / (1 + x**2)),
    ("x^3 - 7*x", lambda x: x**3 - 7 * x),
    ("x^-2.5", lambda x: x ** mpmath.mpf(-2.5)),
    ("atan2(x, 1 + x)", lambda x: m.atan2(x, 1 + x)),
    ("hypot(x, 3)", lambda x: m.sqrt(x**2 + 9)),
    ("logaddexp(x, x^2)", lambda x: m.log(m.exp(x) + m.exp(x**2))),
    ("sqrt(log(1 + exp(x)))", lambda x: m.sqrt(m.log(1 + m.exp(x)))),
    ("where(x > 0.5, x^5, -x)", lambda x: x**5),
    ("x^5 if x < 0.5 else sin(x)", lambda x: m.sin(x)),
    ("max(x^2, x, 1/x)", lambda x: 1 / x),
    ("prod([x, x^2, sin(x)])", lambda x: x**3 * m.sin(x)),
    ("norm([x, 1, x^2])", lambda x: m.sqrt(x**2 + 1 + x**4)),
    ("logsumexp([x, 2*x, 1])", lambda x: m.log(m.exp(x) + m.exp(2 * x) + m.e)),
    ("softmax([x, x^2, 1])[1]", lambda x: m.exp(x**2) / (m.exp(x) + m.exp(x**2) + m.e)),
    ("log_softmax([x, x^2])[0]", lambda x: x - m.log(m.exp(x) + m.exp(x**2))),
    ("([[x, 1], [2, sin(x)]] @ [x, exp(x)])[1]", lambda x: 2 * x + m.sin(x) * m.exp(x)),
    ("sum([[x, 1], [2, x]] @ [[x, x], [x^2, 1]])", lambda x: 3 * x**2 + x**3 + 5 * x + 1),
    ("sort([x^2, 1/x, -x])[1]", lambda x: x**2),
    ("var([x, x^2, 1])", lambda x: sum((z - (x + x**2 + 1) / 3) ** 2 for z in (x, x**2, 1)) / 3),
    ("sum(cumsum([x, x^2, x^3]))", lambda x: 3 * x + 2 * x**2 + x**3),
    ("trace(outer([x, 1], [sin(x), 3]))", lambda x: x * m.sin(x) + 3),
    ("stop(x)*x", lambda x: mpmath.mpf(0.7) * x),
    ("floor(x) + x", lambda x: x),
]  # fmt: skip


@pytest.mark.parametrize(("text", "reference"), COMPOSED, ids=[text for text, _ in COMPOSED])
def test_compositions_to_order_10(text: str, reference: Callable[[Any], Any]) -> None:
    _close(diffcli.taylor(diffcli.parse(text), {"x": 0.7}, ORDER), _wanted(reference, 0.7), 1e-13, 1e-15)


def test_derivatives_are_factorials_of_coefficients() -> None:
    f = diffcli.parse("exp(2*x)")
    np.testing.assert_allclose(diffcli.derivatives(f, {"x": 0}, 12), 2.0 ** np.arange(13), rtol=1e-14)
    assert diffcli.taylor(f, {"x": 0}, 0).tolist() == [1.0]
    assert diffcli.taylor(diffcli.parse("input x; f = 3"), {"x": 1}, 2).tolist() == [3.0, 0.0, 0.0]


@pytest.mark.parametrize("wrt", ["x", "t"])
def test_a_program_serves_many_points_and_variables(wrt: str) -> None:
    f = diffcli.parse("norm([x, t, x*t])")
    diffcli.taylor(f, {"x": 3.0, "t": 4.0}, ORDER, wrt=["x"])
    diffcli.taylor(f, {"x": 3.0, "t": 4.0}, ORDER, wrt=["t"])
    found = diffcli.taylor(f, {"x": 0.5, "t": 0.5}, ORDER, wrt=[wrt])
    _close(found, _wanted(lambda z: m.sqrt(z**2 + 0.25 + (z / 2) ** 2), 0.5), 1e-12, 1e-15)


def test_first_orders_agree_with_gradient_and_hessian() -> None:
    f, at = diffcli.parse("param a = 2\ntanh(a*x)/(1 + x^2)"), {"x": 0.3}
    value, gradient = diffcli.value_and_grad(f, at)
    found = diffcli.derivatives(f, at, 2)
    np.testing.assert_allclose(found, [value, gradient["x"], diffcli.hessian(f, at).matrix[0, 0]], rtol=1e-15)
    assert diffcli.derivatives(f, at, 1, wrt=["a"])[1] == pytest.approx(diffcli.grad(f, at, wrt=["a"])["a"], rel=1e-15)


def test_outside_the_domain_and_at_a_pole() -> None:
    assert np.isnan(diffcli.derivatives(diffcli.parse("log(x)"), {"x": -1.0}, 3)).all()
    assert diffcli.derivatives(diffcli.parse("sqrt(x)"), {"x": 0.0}, 1).tolist() == [0.0, math.inf]
    assert diffcli.derivatives(diffcli.parse("where(x > 0, sqrt(x), x^2)"), {"x": 0.0}, 3).tolist() == [0, 0, 2, 0]


def test_the_cost_does_not_explode() -> None:
    """Nested derivatives of this would need more nodes than memory holds."""
    program = diffcli.parse("tanh(sin(exp(tanh(sin(exp(tanh(x)))))))")
    function = program.bind({"x": ()})
    diffcli.taylor(program, {"x": 0.1}, 20)
    assert len(function.builder.nodes) < 2000


def test_a_long_formula_needs_no_deep_stack() -> None:
    f = diffcli.parse("+".join(["sin(x)"] * 1 + [f"x^{k % 5}" for k in range(5000)]))
    assert diffcli.derivatives(f, {"x": 1.0}, 2)[2] == pytest.approx(1000 * (2 + 6 + 12) - math.sin(1), rel=1e-12)


@pytest.mark.parametrize(
    ("text", "at", "order", "code"),
    [
        ("x*y", {"x": 1, "y": 2}, 2, "order"),
        ("sum(x)", {"x": [1, 2]}, 2, "order"),
        ("[x, x]", {"x": 1}, 2, "not-scalar"),
        ("a = x; b = x", {"x": 1}, 2, "not-scalar"),
        ("x", {"x": 1}, -1, "order"),
    ],
)
def test_what_has_no_higher_derivative_is_refused(text: str, at: dict[str, Any], order: int, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        diffcli.derivatives(diffcli.parse(text), at, order)
    assert caught.value.code == code


def test_factorials_beyond_doubles() -> None:
    """171! is no double, but 0·171! is 0, and exp has the derivative e at 1 to any order."""
    assert diffcli.derivatives(diffcli.parse("x^2"), {"x": 1.0}, 175)[3:].tolist() == [0.0] * 173
    rows = diffcli.derivatives(diffcli.parse("exp(x)"), {"x": 1.0}, 172)
    np.testing.assert_allclose(rows, math.e, rtol=1e-11)
    assert diffcli.derivatives(diffcli.parse("1/(1-x)"), {"x": 0.0}, 171)[-2:].tolist() == [
        float(math.factorial(170)),
        math.inf,
    ]
