"""The hyperbolic functions and their inverses.

Each rule is the form that keeps its relative accuracy over the whole domain, and is NaN outside it. The textbook
form is often another one: 1 − tanh² has no correct digit at 20.
"""

from __future__ import annotations

import numpy as np

from diffcli.graph import Array, Primitive
from diffcli.primitives.arithmetic import reciprocal, square
from diffcli.primitives.kinds import elementwise
from diffcli.primitives.powers import hypot

sinh = elementwise(
    "sinh", np.sinh, partials=(lambda y, x: cosh(x),),
    signature="x", doc="Hyperbolic sine.", rule="cosh(x)",
    reference=lambda m, x: m.sinh(x), samples=((-9, 9),),
)  # fmt: skip
cosh: Primitive = elementwise(
    "cosh", np.cosh, partials=(lambda y, x: sinh(x),),
    signature="x", doc="Hyperbolic cosine.", rule="sinh(x)",
    reference=lambda m, x: m.cosh(x), samples=((-9, 9),),
)  # fmt: skip


def _sech_square(x: Array, out: Array | None = None) -> Array:
    # Divided twice: cosh² would overflow where the quotient is still a number.
    below = np.cosh(x)
    return np.divide(np.divide(1.0, below, out=out), below, out=out)


sech_square: Primitive = elementwise(
    "sech_square", _sech_square, writes=True, partials=(lambda y, x: -2.0 * (y * tanh(x)),),
    doc="1/cosh²(x), the derivative of tanh.", reference=lambda m, x: m.sech(x) ** 2, samples=((-30, 30),),
)  # fmt: skip
tanh: Primitive = elementwise(
    # 1/cosh² and not 1 − tanh², which has no correct digit at 20.
    "tanh", np.tanh, partials=(lambda y, x: sech_square(x),),
    signature="x", doc="Hyperbolic tangent.", rule="1/cosh²(x)",
    reference=lambda m, x: m.tanh(x), samples=((-30, 30),),
)  # fmt: skip
asinh = elementwise(
    "asinh", np.arcsinh, partials=(lambda y, x: reciprocal(hypot(1.0, x)),),
    signature="x", aliases=("arcsinh",), doc="Inverse hyperbolic sine.", rule="1/√(1+x²)",
    reference=lambda m, x: m.asinh(x), samples=((-30, 30),),
)  # fmt: skip


def _acosh_derivative(x: Array, order: int) -> Array:
    """The derivatives of s = (x² − 1)^(−½): Pₙ(x)·s²ⁿ⁺¹ with Pₙ₊₁ = (x² − 1)·Pₙ′ − (2n + 1)·x·Pₙ.

    All terms of Pₙ have one sign, so nothing cancels. Its leading xⁿ goes to the powers of s: x·s is 1, and not ∞·0,
    at the far end.
    """
    slope: Array = 1.0 / (np.sqrt(x - 1.0) * np.sqrt(x + 1.0))
    if order == 1:
        return slope
    p = np.polynomial.Polynomial([1.0])
    for k in range(order - 1):
        p = np.polynomial.Polynomial([-1.0, 0.0, 1.0]) * p.deriv() + np.polynomial.Polynomial([0.0, -2.0 * k - 1.0]) * p
    r = 1.0 / x
    steep = np.where(x > 2.0, 1.0 / np.sqrt((1.0 - r) * (1.0 + r)), x * slope)
    value = np.full_like(r, p.coef[0])
    for c in p.coef[1:]:
        value = value * r + c
    for _ in range(order - 1):
        value = value * (slope * steep)
    return value * slope


acosh_derivative: Primitive = elementwise(
    "acosh_derivative", _acosh_derivative, partials=(lambda y, x: acosh_derivative(x, params=(y.params[0] + 1,)),),
    doc="A derivative of acosh; the parameter is its order.",
)  # fmt: skip
acosh = elementwise(
    "acosh", np.arccosh, partials=(lambda y, x: acosh_derivative(x, params=(1,)),),
    signature="x", aliases=("arccosh",), doc="Inverse hyperbolic cosine.", domain="x ≥ 1",
    rule="1/(√(x−1)·√(x+1))", reference=lambda m, x: m.acosh(x), samples=((1, 30),),
)  # fmt: skip
atanh_slope: Primitive = elementwise(
    "atanh_slope", lambda x: np.where(np.abs(x) <= 1.0, 1.0 / ((1.0 - x) * (1.0 + x)), np.nan),
    partials=(lambda y, x: 2.0 * x * square(y),), doc="1/((1−x)(1+x)), the derivative of atanh.",
    samples=((-0.99, 0.99),),
)  # fmt: skip
atanh = elementwise(
    "atanh", np.arctanh, partials=(lambda y, x: atanh_slope(x),),
    signature="x", aliases=("arctanh",), doc="Inverse hyperbolic tangent.", domain="−1 < x < 1",
    rule="1/((1−x)(1+x))", reference=lambda m, x: m.atanh(x), samples=((-0.99, 0.99),),
)  # fmt: skip
