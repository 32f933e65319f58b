"""The error function, what it leaves of 1, and its inverse.

All of it is NumPy, from polynomials that `tests/primitives/coefficients.py` derives: library routines lose hundreds of
ulps in the tail of erfc.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from diffcli.graph import Array, Primitive
from diffcli.primitives import twofold
from diffcli.primitives.arithmetic import square
from diffcli.primitives.kinds import elementwise
from diffcli.primitives.piecewise import equal, where

TWO_OVER_SQRT_PI = 1.1283791670955126
SQRT_PI_OVER_TWO = 0.886226925452758

# The error function -----------------------------------------------------------------------------------------

#: erf(x)/x as a polynomial in x², |x| ≤ 1.
ERF = (
    1.1283791670955126, -0.37612638903183754, 0.11283791670955126, -0.026866170645131218, 0.005223977625441674,
    -0.0008548327023403001, 0.00012055332978879483, -1.4925650236967501e-05, 1.6462110782018636e-06,
    -1.636576864883207e-07, 1.4806027146128752e-08, -1.2277734486795524e-09, 9.323723518153027e-11,
    -6.1967364287877e-12, 2.8067128195611264e-13,
)  # fmt: skip

#: (1 + 2x)·exp(x²)·erfc(x) as a polynomial in (x − 3.75)/(x + 3.75), x ≥ 0.
ERFCX = (
    1.2375126308378275, -0.14024059858554702, 0.003585415485463656, 0.08227673849015103, -0.10880393014170556,
    0.09230432116019804, -0.05869339859058929, 0.028362277421519668, -0.009746579547145438, 0.0017556258323895534,
    0.000293713591593492, -0.0002901539791322486, 5.1649421745236465e-05, 2.2383911531916976e-05,
    -1.144508983794941e-05, -9.728484952656482e-07, 1.7535246298697825e-06, -5.826439766695699e-08,
    -2.6125820988901525e-07, 2.429131177189471e-08, 4.107398937332565e-08, -4.390251943140879e-09,
    -6.606829477916605e-09, 5.460657473630792e-10, 9.234867707529155e-10, -3.7587308035623257e-11,
    -7.666209795998097e-11,
)  # fmt: skip

#: What the first of them is too small by.
ERFCX_LOW = 1.0546160249725448e-16


def _horner(coefficients: tuple[float, ...], u: Array) -> Array:
    value: Array = coefficients[-1] * u
    value += coefficients[-2]
    for c in reversed(coefficients[:-2]):
        value *= u
        value += c
    return value


def _but(value: Array, here: Array, of: Callable[[Array], Array], x: Any) -> Array:
    """`value`, but of(x) where `here` holds: computed there alone, for a long polynomial is worth the sorting out."""
    if not isinstance(x, np.ndarray):  # a compiled loop has no parts
        return np.where(here, of(np.where(here, x, 0.0)), value)
    some = np.flatnonzero(here)
    if some.size:
        value.reshape(-1)[some] = of(x.reshape(-1)[some])
    return value


def _gauss_parts(x: Array) -> tuple[Array, Array]:
    """G and a small d with exp(−x²) = G·(1 + d): x is split so that the rounding of its square does not arise,
    which the exponential would magnify to 800 ulps.
    """
    x = np.minimum(np.abs(x), 40.0)
    t = 134217729.0 * x
    high = t - (t - x)
    return np.exp(-(high * high)), np.expm1((high - x) * (high + x))


def _gauss(x: Array) -> Array:
    """exp(−x²)."""
    whole, more = _gauss_parts(x)
    value: Array = whole + whole * more
    return value


def _erfc_tail(x: Array) -> Array:
    """erfc(x) for x ≥ 0, with as few roundings as can be."""
    whole, more = _gauss_parts(x)
    x = np.minimum(x, 40.0)
    below, rest = twofold.two_sum(np.asarray(1.0), 2.0 * x)
    t = (x - 3.75) / (x + 3.75)
    series, lost = twofold.quick_sum(np.asarray(ERFCX[0]), t * _horner(ERFCX[1:], t))
    value = whole * (series / below)
    tail: Array = value + value * (more + (lost + ERFCX_LOW) / series - rest / below)
    return tail


def _erfcx(x: Array) -> Array:
    """exp(x²)·erfc(x) for x ≥ 0."""
    # Beyond 1e8 the quotient is 1 to the last digit, and at ∞ it would be NaN.
    bounded = np.minimum(x, 1e300)
    return _horner(ERFCX, (bounded - 3.75) / (bounded + 3.75)) / (1.0 + 2.0 * x)


def _erf_near(x: Array) -> Array:
    """erf(x) for |x| ≤ 1."""
    return x * _horner(ERF, x * x)


def _erf(x: Array) -> Array:
    size = np.abs(x)
    return _but(np.copysign(1.0 - _erfc_tail(size), x), size < 0.875, _erf_near, x)


def _erfc(x: Array) -> Array:
    size = np.abs(x)
    tail = _erfc_tail(size)
    return _but(np.where(x < 0.0, 2.0 - tail, tail), size < 0.25, lambda x: 1.0 - _erf_near(x), x)


def _erfinv(y: Array) -> Array:
    """From an approximation to the root of erf(x) = y, or far out of erfc(x) = 1 − |y|, by Halley's method."""
    size = np.abs(y)
    rest = 1.0 - size  # exact where it is used, from ½ on
    safe = np.where((size < 1.0) & (size > 0.0), size, 0.5)
    w = -np.log1p(-safe * safe)
    # Winitzki's approximation, 2e-3 everywhere; three steps of third order leave the rounding alone.
    b = 2.0 / (math.pi * 0.147) - 0.5 * w
    x = np.sqrt(np.sqrt(b * b + w / 0.147) - b)
    x = np.where(safe < 1e-4, safe * SQRT_PI_OVER_TWO, x)
    outer = safe >= 0.75
    for _ in range(3):
        error = np.where(outer, (1.0 - safe) - _erfc(x), _erf(x) - safe)
        step = error / (TWO_OVER_SQRT_PI * _gauss(x))
        x = x - step / (1.0 + x * step)
    return np.copysign(np.where(size == 0.0, 0.0, np.where(rest == 0.0, np.inf, np.where(size < 1.0, x, np.nan))), y)


def _erfinv_slope(y: Array) -> Array:
    """1/erf'(erfinv(y)) = ½√π·exp(x²), far out as ½√π·erfcx(x)/(1 − |y|): exp would magnify the rounding of x."""
    x = np.abs(_erfinv(y))
    rest = 1.0 - np.abs(y)
    inner = SQRT_PI_OVER_TWO / _gauss(x)
    outer = np.where(rest == 0.0, np.inf, SQRT_PI_OVER_TWO * _erfcx(x) / rest)
    return np.where(np.abs(y) < 0.5, inner, outer)


gauss: Primitive = elementwise(
    "gauss", _gauss, partials=(lambda y, x: -2.0 * where(equal(y, 0.0), 0.0, x * y),),
    doc="exp(−x²).", reference=lambda m, x: m.exp(-x * x), samples=((-6, 6),),
)  # fmt: skip
erf = elementwise(
    "erf", _erf, partials=(lambda y, x: TWO_OVER_SQRT_PI * gauss(x),),
    signature="x", doc="Error function, 2/√π·∫₀ˣ exp(−t²) dt.", rule="2/√π·exp(−x²)",
    reference=lambda m, x: m.erf(x), samples=((-4, 4),),
)  # fmt: skip
erfc = elementwise(
    "erfc", _erfc, partials=(lambda y, x: -TWO_OVER_SQRT_PI * gauss(x),),
    signature="x", doc="1 − erf(x), accurate where erf(x) is near 1.", rule="−2/√π·exp(−x²)",
    reference=lambda m, x: m.erfc(x), samples=((-4, 4),),
)  # fmt: skip
erfinv: Primitive = elementwise(
    "erfinv", _erfinv, partials=(lambda y, x: erfinv_slope(x),),
    signature="y", doc="The x whose erf is y.", domain="−1 < y < 1", rule="√π/2·exp(x²), x = erfinv(y)",
    notation="erf⁻¹(y)", reference=lambda m, y: m.erfinv(y), samples=((-0.99, 0.99),),
)  # fmt: skip
erfinv_slope: Primitive = elementwise(
    "erfinv_slope", _erfinv_slope, partials=(lambda y, x: 2.0 * erfinv(x) * square(y),),
    doc="The derivative of erfinv.", reference=lambda m, y: m.sqrt(m.pi) / 2 * m.exp(m.erfinv(y) ** 2),
    samples=((-0.99, 0.99),),
)  # fmt: skip
