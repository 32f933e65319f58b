"""Angles and their inverses.

Each rule is the form that keeps its relative accuracy over the whole domain, and is NaN outside it. The textbook
form is often another one: of 1/√(1−x²) half of the digits are wrong near 1.
"""

from __future__ import annotations

import math

import numpy as np

from diffcli.graph import Array, Primitive
from diffcli.primitives import twofold
from diffcli.primitives.arithmetic import reciprocal, square
from diffcli.primitives.kinds import elementwise
from diffcli.primitives.powers import hypot, inverse_part

DEGREE = math.pi / 180.0


sin = elementwise(
    "sin", np.sin, partials=(lambda y, x: cos(x),),
    signature="x", doc="Sine; x in radians.", rule="cos(x)",
    reference=lambda m, x: m.sin(x), samples=((-20, 20),),
)  # fmt: skip
cos: Primitive = elementwise(
    "cos", np.cos, partials=(lambda y, x: -sin(x),),
    signature="x", doc="Cosine; x in radians.", rule="−sin(x)",
    reference=lambda m, x: m.cos(x), samples=((-20, 20),),
)  # fmt: skip
tan = elementwise(
    "tan", np.tan, partials=(lambda y, x: 1.0 + square(y),),
    signature="x", doc="Tangent; x in radians.", domain="x ≠ π/2 + kπ", rule="1 + tan²(x)",
    reference=lambda m, x: m.tan(x), samples=((-1.5, 1.5),),
)  # fmt: skip
asin_slope: Primitive = elementwise(
    "asin_slope", lambda x: 1.0 / np.sqrt((1.0 - x) * (1.0 + x)), partials=(lambda y, x: x * y * square(y),),
    doc="1/√((1−x)(1+x)), the derivative of asin.", reference=lambda m, x: 1 / m.sqrt((1 - x) * (1 + x)),
    samples=((-0.99, 0.99),),
)  # fmt: skip
asin = elementwise(
    "asin", np.arcsin, partials=(lambda y, x: asin_slope(x),),
    signature="x", aliases=("arcsin",), doc="Inverse sine, in [−π/2, π/2].", domain="−1 ≤ x ≤ 1",
    rule="1/√((1−x)(1+x))", reference=lambda m, x: m.asin(x), samples=((-1, 1),),
)  # fmt: skip
acos = elementwise(
    "acos", np.arccos, partials=(lambda y, x: -asin_slope(x),),
    signature="x", aliases=("arccos",), doc="Inverse cosine, in [0, π].", domain="−1 ≤ x ≤ 1",
    rule="−1/√((1−x)(1+x))", reference=lambda m, x: m.acos(x), samples=((-1, 1),),
)  # fmt: skip
atan = elementwise(
    # 1/(1+x²) as 1/h/h: x² overflows where the derivative is still a number.
    "atan", np.arctan, partials=(lambda y, x: reciprocal(hypot(1.0, x)) / hypot(1.0, x),),
    signature="x", aliases=("arctan",), doc="Inverse tangent, in (−π/2, π/2).", rule="1/(1+x²)",
    reference=lambda m, x: m.atan(x), samples=((-9, 9),),
)  # fmt: skip
atan2 = elementwise(
    "atan2", np.arctan2, partials=(lambda z, y, x: inverse_part(x, y), lambda z, y, x: -inverse_part(y, x)),
    signature="y, x", aliases=("arctan2",), doc="Angle of the point (x, y), in (−π, π]. The ordinate comes first.",
    domain="not the origin; the value jumps across x < 0, y = 0", rule="x/(x²+y²), −y/(x²+y²)",
    reference=lambda m, y, x: m.atan2(y, x), samples=((-9, 9), (0.1, 9)),
)  # fmt: skip


def _sin_pi(x: Array) -> Array:
    """sin(πx), reduced before the multiplication by π, so exact at the zeros."""
    r = x - 2.0 * np.rint(0.5 * x)
    r = np.where(np.abs(r) > 0.5, np.copysign(1.0 - np.abs(r), r), r)
    z, rounding = twofold.two_product(np.asarray(math.pi), r)
    return np.sin(z) + np.cos(z) * (rounding + twofold.PI[1] * r)


def _sinc(x: Array) -> Array:
    """sin(πx)/(πx). Where |x| < 2⁻²⁷ it is 1, and from 2⁵² on, where all x are whole, 0."""
    safe = np.where((np.abs(x) > 2.0**-27) & (np.abs(x) < 2.0**52), x, 0.5)
    z, rounding = twofold.two_product(np.asarray(math.pi), safe)
    plain = np.sin(z) / z
    near = plain + (rounding + twofold.PI[1] * safe) * (np.cos(z) - plain) / z
    far = _sin_pi(safe) / z
    far = far - far * ((rounding + twofold.PI[1] * safe) / z)
    value = np.where(np.abs(safe) <= 0.5, near, far)
    return np.where(np.abs(x) <= 2.0**-27, 1.0, np.where(np.abs(x) >= 2.0**52, 0.0, np.where(np.isnan(x), x, value)))


def _sinc_derivative(x: Array, order: int) -> Array:
    """The derivative of that order, at least 1, of sin(πx)/(πx).

    Far from 0 by the recurrence x·Sₖ + k·Sₖ₋₁ = πᵏ⁻¹·sin(πx + kπ/2), which follows from differentiating
    x·S₀ = sin(πx)/π, with twice the digits, as its zeros are differences; near 0, where it cancels, by its series.
    """
    z = math.pi * x
    near = np.abs(z) <= max(2.0, float(order))
    huge = np.abs(x) >= 2.0**900
    safe = np.where(near | huge | ~np.isfinite(x), 1.5, x)
    r = safe - 2.0 * np.rint(0.5 * safe)
    folded = np.where(np.abs(r) > 0.5, np.copysign(1.0 - np.abs(r), r), r)
    sine, cosine = twofold.sin_cos_pi(twofold.whole(folded))
    cosine = twofold.scaled(cosine, np.where(np.abs(r) > 0.5, -1.0, 1.0))
    waves = (sine, cosine, twofold.negative(sine), twofold.negative(cosine))
    pi, below = twofold.two(twofold.PI), twofold.whole(safe)
    s = twofold.divide(sine, twofold.multiply(pi, below))
    factor = twofold.two((1.0, 0.0))
    for k in range(1, order + 1):
        wave = twofold.multiply(factor, waves[k % 4])
        s = twofold.divide(twofold.subtract(wave, twofold.multiply(twofold.two((float(k), 0.0)), s)), below)
        factor = twofold.multiply(factor, pi)
    # Beyond 2⁵³ every x is even: the sine is 0 and the cosine 1.
    limit = math.pi ** (order - 1) * (0.0, 1.0, 0.0, -1.0)[order % 4]
    far = np.where(huge, limit / x, s[0])
    small = np.where(near, z, 0.0)
    series = np.zeros_like(small)
    first = (order + 1) // 2
    term = small ** (2 * first - order) * ((-1.0) ** first / math.factorial(2 * first - order))
    for j in range(first, first + 16 + order):
        series = series + term / (2 * j + 1)
        p = 2 * j - order
        term = term * -(small * small) / ((p + 1) * (p + 2))
    return np.where(np.isnan(x), x, np.where(near, math.pi**order * series, far))


sinc = elementwise(
    "sinc", _sinc, partials=(lambda y, x: sinc_derivative(x, params=(1,)),),
    signature="x", doc="sin(πx)/(πx), and 1 at 0.", rule="(cos(πx) − sinc(x))/x", notation="sin(πx)/(πx)",
    reference=lambda m, x: m.sincpi(x), samples=((-9, 9),),
)  # fmt: skip
sinc_derivative: Primitive = elementwise(
    "sinc_derivative", _sinc_derivative,
    partials=(lambda y, x: sinc_derivative(x, params=(y.params[0] + 1,)),),
    doc="A derivative of sinc; the parameter is its order.", samples=((-9, 9),),
)  # fmt: skip
deg2rad = elementwise(
    "deg2rad", np.deg2rad, partials=(lambda y, x: DEGREE,), scales=False,
    signature="x", aliases=("radians",), doc="Degrees to radians.", rule="π/180", notation="x·π/180",
    reference=lambda m, x: x * m.pi / 180, samples=((-400, 400),),
)  # fmt: skip
rad2deg = elementwise(
    "rad2deg", np.rad2deg, partials=(lambda y, x: 180.0 / math.pi,), scales=False,
    signature="x", aliases=("degrees",), doc="Radians to degrees.", rule="180/π", notation="x·180/π",
    reference=lambda m, x: x * 180 / m.pi, samples=((-7, 7),),
)  # fmt: skip
