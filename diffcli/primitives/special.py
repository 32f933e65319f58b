"""The error function and the gamma family.

All of it is NumPy: the error functions from polynomials that `tests/primitives/coefficients.py` derives, the gamma
family from Stirling's series in numbers of twice the precision. Library routines are not used because they lose
what matters here: hundreds of ulps in the tail of erfc, every digit near the zeros of lgamma and digamma.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from diffcli.errors import ExpressionError
from diffcli.graph import Array, Builder, Node, Primitive
from diffcli.primitives import twofold
from diffcli.primitives.catalogue import function, whole_number
from diffcli.primitives.elementwise import square
from diffcli.primitives.kinds import elementwise
from diffcli.primitives.piecewise import equal, where
from diffcli.primitives.twofold import Constant, Two

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
    value: Array = np.full_like(u, coefficients[-1])
    for c in reversed(coefficients[:-1]):
        value = value * u + c
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
    below, rest = twofold.two_sum(1.0 + 0.0 * x, 2.0 * x)
    t = (x - 3.75) / (x + 3.75)
    series, lost = twofold.two_sum(ERFCX[0] + 0.0 * x, t * _horner(ERFCX[1:], t))
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
    near = size < 0.875
    tail = np.copysign(1.0 - _erfc_tail(size), x)
    return np.where(near, _erf_near(np.where(near, x, 0.0)), tail)


def _erfc(x: Array) -> Array:
    size = np.abs(x)
    tail = _erfc_tail(size)
    return np.where(size < 0.25, 1.0 - _erf_near(np.where(size < 0.25, x, 0.0)), np.where(x < 0.0, 2.0 - tail, tail))


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

# The gamma function in twice the precision ------------------------------------------------------------------

#: The Bernoulli numbers B₂, B₄, …
BERNOULLI: list[Constant] = [
    (0.16666666666666666, 9.25185853854297e-18), (-0.03333333333333333, -4.625929269271486e-19),
    (0.023809523809523808, 1.32169407693471e-18), (-0.03333333333333333, -4.625929269271486e-19),
    (0.07575757575757576, -2.10269512239613e-18), (-0.2531135531135531, -1.1061562736192037e-17),
    (1.1666666666666667, -7.401486830834377e-17), (-7.092156862745098, -3.274069468698501e-16),
    (54.971177944862156, -1.9588897477095493e-16), (-529.1242424242424, 6.890111377067638e-16),
    (6192.123188405797, 9.226757844073186e-14), (-86580.25311355312, 3.5926706461242705e-12),
    (1425517.1666666667, -7.761021455128987e-11), (-27298231.067816094, 1.610010519795034e-09),
]  # fmt: skip

#: From here on Stirling's series with 14 terms is good to 2⁻¹⁰⁵.
_FAR = 24.0
#: Between these magnitudes the argument is worked on with twice the precision; beyond, the leading terms suffice.
_LEAST, _MOST = 2.0**-70, 2.0**53
_DOUBLED = 5  # terms of the series whose own rounding counts
_STIRLING = [(1, 2 * k * (2 * k - 1)) for k in range(1, 15)]
_DIGAMMA = [(1, 2 * k) for k in range(1, 15)]


def _series(z: Two, weights: Sequence[tuple[int, int]]) -> Two:
    """Σₖ B₂ₖ·(p/q)ₖ·z^(−2k), with the first terms in twice the precision."""
    u = twofold.divide(twofold.two((1.0, 0.0)), z)
    u = twofold.multiply(u, u)
    tail = np.zeros_like(z[0])
    for k in range(len(BERNOULLI), _DOUBLED, -1):
        p, q = weights[k - 1]
        tail = (tail + BERNOULLI[k - 1][0] * (p / q)) * u[0]
    total = twofold.whole(tail)
    for k in range(_DOUBLED, 0, -1):
        p, q = weights[k - 1]
        term = twofold.multiply(twofold.two(BERNOULLI[k - 1]), twofold.two((float(p), 0.0)))
        term = twofold.divide(term, twofold.two((float(q), 0.0)))
        total = twofold.multiply(twofold.add(total, term), u)
    return total


def _lifted(x: Two) -> tuple[Two, Two, Two]:
    """z = x + m ≥ 24 with whole m, the product P = x(x+1)⋯(x+m−1), and Σ 1/(x+k) as its numerator over P."""
    one = twofold.two((1.0, 0.0))
    z, product, numerator = x, twofold.whole(np.ones_like(x[0])), twofold.whole(np.zeros_like(x[0]))
    while (low := z[0] < _FAR).any():
        numerator = twofold.choose(low, twofold.add(twofold.multiply(numerator, z), product), numerator)
        product = twofold.choose(low, twofold.multiply(product, z), product)
        z = twofold.choose(low, twofold.add(z, one), z)
    return z, product, numerator


def _log_gamma(x: Two) -> Two:
    """log Γ(x) for x > 0."""
    z, product, _ = _lifted(x)
    logarithm = twofold.log(z)
    main = twofold.multiply(twofold.subtract(z, twofold.two((0.5, 0.0))), logarithm)
    series = twofold.multiply(_series(z, _STIRLING), z)
    total = twofold.add(twofold.subtract(main, z), twofold.add(twofold.two(twofold.HALF_LOG_TAU), series))
    return twofold.subtract(total, twofold.log(product))


def _psi(x: Two) -> Two:
    """ψ(x) for x > 0."""
    z, product, numerator = _lifted(x)
    half = twofold.divide(twofold.two((0.5, 0.0)), z)
    total = twofold.subtract(twofold.subtract(twofold.log(z), half), _series(z, _DIGAMMA))
    return twofold.subtract(total, twofold.divide(numerator, product))


def _mirrored(x: Two) -> tuple[Array, Two, Two, Array]:
    """Where x < 0; 1 − x there and x elsewhere; x less the nearest whole number; the sign of Γ(x)."""
    below = x[0] < 0.0
    other = twofold.choose(below, twofold.subtract(twofold.two((1.0, 0.0)), x), x)
    t = twofold.subtract(x, twofold.whole(np.rint(x[0])))
    floor = np.where(t[0] < 0.0, np.rint(x[0]) - 1.0, np.rint(x[0]))
    sign = np.where(below & (np.fmod(floor, 2.0) != 0.0), -1.0, 1.0)
    return below, other, twofold.choose(below, t, twofold.whole(np.full_like(x[0], 0.25))), sign


def _log_gamma_signed(x: Two) -> tuple[Two, Array]:
    """log|Γ(x)| and the sign of Γ(x) for any x but the poles."""
    below, other, t, sign = _mirrored(x)
    value = _log_gamma(other)
    if below.any():
        sine, _ = twofold.sin_cos_pi(t)
        sine = twofold.scaled(sine, np.where(sine[0] < 0.0, -1.0, 1.0))
        mirrored = twofold.subtract(twofold.subtract(twofold.two(twofold.LOG_PI), twofold.log(sine)), value)
        value = twofold.choose(below, mirrored, value)
    return value, sign


def _psi_signed(x: Two) -> Two:
    """ψ(x) for any x but the poles."""
    below, other, t, _ = _mirrored(x)
    value = _psi(other)
    if below.any():
        sine, cosine = twofold.sin_cos_pi(t)
        cotangent = twofold.divide(twofold.multiply(twofold.two(twofold.PI), cosine), sine)
        value = twofold.choose(below, twofold.subtract(value, cotangent), value)
    return value


def _worked(x: Array) -> tuple[Array, Two]:
    """Where the argument is worked on with twice the precision, and the argument there (1.5 elsewhere)."""
    size = np.abs(x)
    fine = (size >= _LEAST) & (size < _MOST) & ((x > 0.0) | (x != np.rint(x)))
    return fine, twofold.whole(np.where(fine, x, 1.5))


def _is_pole(x: Array) -> Array:
    pole: Array = (x < 0.0) & (x == np.rint(x))
    return pole


def _exponential(logarithm: Two, factor: Two, power: Array | int = 0) -> Array:
    """factor·exp(logarithm)·2^power, of any magnitude."""
    mantissa, exponent = twofold.exp_parts(logarithm)
    scaled = twofold.multiply(mantissa, factor)
    value: Array = np.ldexp(scaled[0] + scaled[1], np.clip(exponent + power, -4000, 4000).astype(np.intc))
    return value


def _gamma(x: Array) -> Array:
    fine, argument = _worked(np.clip(x, -1000.5, 1000.0))
    logarithm, sign = _log_gamma_signed(argument)
    value = _exponential(logarithm, twofold.whole(sign))
    value = np.where(fine, value, np.where(np.abs(x) < _LEAST, 1.0 / x, np.where(x > 0.0, np.inf, np.nan)))
    # Between the poles far below, the clipped argument has told the size, 0, but not the sign.
    odd = np.fmod(np.floor(x), 2.0) != 0.0
    value = np.where(x < -200.0, np.where(odd, -0.0, 0.0), value)
    return np.where(_is_pole(x) | np.isnan(x) | np.isneginf(x), np.nan, value)


def _gamma_slope(x: Array) -> Array:
    """Γ'(x) = Γ(x)·ψ(x), in one piece, since Γ may be subnormal or infinite where their product is not."""
    fine, argument = _worked(np.clip(x, -1000.5, 1000.0))
    logarithm, sign = _log_gamma_signed(argument)
    value = _exponential(logarithm, twofold.multiply(_psi_signed(argument), twofold.whole(sign)))
    value = np.where(fine, value, np.where(np.abs(x) < _LEAST, -(1.0 / x) / x, np.where(x > 0.0, np.inf, np.nan)))
    value = np.where(x < -220.0, 0.0, value)
    return np.where(_is_pole(x) | np.isnan(x) | np.isneginf(x), np.nan, value)


#: Zeros of lgamma, in two parts each, with ψ and ½ψ′ there. The further ones are so steep that no float is close.
_ZEROS_OF_LGAMMA = (
    (1.0, 0.0, -0.5772156649015329, 0.8224670334241132),
    (2.0, 0.0, 0.42278433509846713, 0.3224670334241132),
    (-2.4570247382208006, -3.7075610815513266e-17, 1.5156034480216574, 4.8583209516339965),
    (-2.7476826467274127, 9.055340329338315e-17, -1.9143501856115988, 9.575189475709667),
    (-3.14358088834998, -2.1818179852331714e-16, 7.781884658131351, 25.831338372387957),
    (-3.955294284858598, -1.999428391746348e-17, -20.725060845803707, 251.7146825868894),
    (-4.039361839740537, 2.1143995503980602e-16, 26.790480886140593, 324.25532293784715),
    (-4.991544640560048, 1.5174411760571722e-16, -116.53578161624363, 6995.235954894064),
)


def _lgamma(x: Array) -> Array:
    fine, argument = _worked(x)
    value = np.where(fine, _log_gamma_signed(argument)[0][0], np.inf)
    large = x >= _MOST
    safe = np.where(large, x, _MOST)
    value = np.where(large, safe * (np.log(safe) - 1.0), value)
    value = np.where(np.abs(x) < _LEAST, -np.log(np.abs(x)), value)
    # At its zeros by its series: twice the precision leaves too few digits for the closest floats.
    for high, low, slope, curvature in _ZEROS_OF_LGAMMA:
        near = np.abs(x - high) < 2.0**-40
        t = np.where(near, (x - high) - low, 0.0)
        value = np.where(near, t * (slope + curvature * t), value)
    return np.where(np.isnan(x), x, np.where(np.isposinf(x), np.inf, value))


#: Zeros of ψ, in two parts each, with ψ′ and ½ψ″ there.
_ZEROS_OF_PSI = (
    (1.4616321449683622, 9.549995429965697e-17, 0.9676722454476212, -0.4427631689835921),
    (-0.5040830082644554, -8.15428206243813e-18, 8.939798558792134, -0.8093454625306507),
    (-1.5734984731623904, -1.574185691077347e-17, 9.941513615924176, -7.802593974782628),
    (-2.6107208684441447, 9.881960746978353e-17, 10.84832879920919, -12.770725694247192),
    (-3.635293366436901, 5.454396163173039e-17, 11.650939359651861, -16.938337607821335),
    (-4.653237761743142, -2.5492686201468193e-16, 12.369637994669782, -20.636997462381604),
    (-5.6671624415568855, -3.2153051074948335e-18, 13.021406387509394, -24.0108335669899),
    (-6.678418213073427, 3.470798723495241e-16, 13.61885190419576, -27.138720475450622),
    (-7.687788325031626, -1.351562494643672e-16, 14.17134063324115, -30.070057845407266),
)


def _digamma(x: Array) -> Array:
    fine, argument = _worked(x)
    value = np.where(fine, _psi_signed(argument)[0], np.where(x > 0.0, np.log(np.abs(x)), np.nan))
    value = np.where(np.abs(x) < _LEAST, -1.0 / x, value)
    # At its zeros by its series: twice the precision leaves one digit too few for the closest floats.
    for high, low, slope, curvature in _ZEROS_OF_PSI:
        near = np.abs(x - high) < 2.0**-40
        t = np.where(near, (x - high) - low, 0.0)
        value = np.where(near, t * (slope + curvature * t), value)
    return np.where(_is_pole(x) | np.isnan(x) | np.isneginf(x), np.nan, value)


def _power_of(x: Two, n: int) -> Two:
    """xⁿ by squaring, n ≥ 1."""
    result: Two | None = None
    while n:
        if n % 2:
            result = x if result is None else twofold.multiply(result, x)
        n //= 2
        if n:
            x = twofold.multiply(x, x)
    assert result is not None
    return result


def _zeta(s: int, a: Two) -> Two:
    """Σₖ (a+k)⁻ˢ for a > 0 (Hurwitz), s ≥ 2: the first terms one by one, the rest by Euler and Maclaurin."""
    one = twofold.two((1.0, 0.0))
    z, total = a, twofold.whole(np.zeros_like(a[0]))
    while (low := z[0] < _FAR + s).any():
        term = _power_of(twofold.divide(one, z), s)
        total = twofold.choose(low, twofold.add(total, term), total)
        z = twofold.choose(low, twofold.add(z, one), z)
    r = twofold.divide(one, z)
    weights = [(math.prod(range(s, s + 2 * k - 1)), math.factorial(2 * k)) for k in range(1, 15)]
    corrections = twofold.add(twofold.two((0.5, 0.0)), twofold.multiply(_series(z, weights), z))
    rest = twofold.add(twofold.divide(z, twofold.two((s - 1.0, 0.0))), corrections)
    return twofold.add(total, twofold.multiply(rest, _power_of(r, s)))


def _polygamma(x: Array, n: int) -> Array:
    """ψ⁽ⁿ⁾(x) = (−1)ⁿ⁺¹·n!·Σₖ (x+k)^(−n−1), n ≥ 1.

    Below 0 the sum over all whole numbers, less what lies below x: ζ(s, f) + (−1)ˢ·(ζ(s, 1−f) − ζ(s, 1−x)), where
    f is x less the whole number below.
    """
    s = n + 1
    sign = -1.0 if n % 2 == 0 else 1.0
    parity = 1.0 if s % 2 == 0 else -1.0
    factorial = float(math.factorial(n))
    low, high = 2.0 ** (-60.0 / s), 2.0**60
    size = np.abs(x)
    fine = (size >= low) & (size < high) & ((x > 0.0) | (x != np.rint(x)))
    argument = twofold.whole(np.where(fine, x, 1.5))
    below = argument[0] < 0.0
    value = _zeta(s, twofold.choose(below, twofold.subtract(twofold.two((1.0, 0.0)), argument), argument))
    if below.any():
        mirror = twofold.whole(np.where(below, argument[0], -0.5))
        t = twofold.subtract(mirror, twofold.whole(np.floor(mirror[0])))
        # The nearest pole's term is split off: 1/tˢ may be too large for the rest.
        up, down = _zeta(s, t), _zeta(s, twofold.subtract(twofold.two((1.0, 0.0)), t))
        mirrored = twofold.add(up, twofold.scaled(twofold.subtract(down, value), parity))
        value = twofold.choose(below, mirrored, value)
    result = sign * factorial * value[0]
    small = sign * factorial / np.power(x, s)
    # (n−1)!/xⁿ·(1 + n/(2x)): the second term is below an ulp. Scaled, as x⁻ⁿ may be subnormal where the product is not.
    shift = 200 // n
    large = np.ldexp(sign * math.factorial(n - 1) * np.power(np.abs(x) * 2.0**-shift, -n), -shift * n)
    result = np.where(fine, result, np.where(size < low, small, np.where(x > 0.0, large, np.nan)))
    return np.where(_is_pole(x) | np.isnan(x) | np.isneginf(x), np.nan, result)


gamma: Primitive = elementwise(
    "gamma", _gamma, partials=(lambda y, x: gamma_slope(x),),
    signature="x", doc="Gamma function: gamma(n + 1) is n!.", domain="all but 0, −1, −2, …", rule="Γ(x)·ψ(x)",
    notation="Γ(x)", reference=lambda m, x: m.gamma(x), samples=((0.1, 20),),
)  # fmt: skip
gamma_slope: Primitive = elementwise(
    "gamma_slope", _gamma_slope, partials=(lambda y, x: gamma(x) * (square(digamma(x)) + polygamma(x, params=(1,))),),
    doc="The derivative of the gamma function.", reference=lambda m, x: m.gamma(x) * m.digamma(x),
    samples=((0.1, 20),),
)  # fmt: skip
lgamma = elementwise(
    "lgamma", _lgamma, partials=(lambda y, x: digamma(x),),
    signature="x", aliases=("gammaln", "loggamma"), doc="log|Γ(x)|.", domain="all but 0, −1, −2, …", rule="ψ(x)",
    notation="log|Γ(x)|", reference=lambda m, x: m.log(abs(m.gamma(x))), samples=((0.1, 20),),
)  # fmt: skip
digamma: Primitive = elementwise(
    "digamma", _digamma, partials=(lambda y, x: polygamma(x, params=(1,)),),
    signature="x", aliases=("psi",), doc="The derivative of lgamma.", domain="all but 0, −1, −2, …", rule="ψ′(x)",
    notation="ψ(x)", reference=lambda m, x: m.digamma(x), samples=((0.1, 20),),
)  # fmt: skip
polygamma: Primitive = elementwise(
    "polygamma", _polygamma,
    partials=(lambda y, x: polygamma(x, params=(y.params[0] + 1,)),),
    doc="The derivative of digamma of the order given by the parameter.",
)  # fmt: skip


@function(
    "n, x", name="polygamma", family="elementwise", doc="The n-th derivative of digamma; n is a whole number.",
    domain="all but 0, −1, −2, …", rule="∂x: polygamma(n+1, x)", notation="ψ⁽ⁿ⁾(x)",
)  # fmt: skip
def polygamma_(builder: Builder, n: Node, x: Node) -> Node:
    """The derivative of digamma of order `n`, known beforehand."""
    order = whole_number(n, "the order of polygamma")
    if not 0 <= order <= 100:
        raise ExpressionError("the order of polygamma must be from 0 to 100", code="shape")
    return digamma(x) if order == 0 else polygamma(x, params=(order,))


def _within_reach(x: Two) -> Two:
    """x, or 1.5 where x is a pole, zero, not a number, or too large or small to compute with."""
    size = np.abs(x[0])
    fine = (size >= 2.0**-1000) & (size < 2.0**900) & ((x[0] > 0.0) | (x[0] != np.rint(x[0])) | (x[1] != 0.0))
    return twofold.choose(fine, x, twofold.whole(np.full_like(x[0], 1.5)))


def _log_beta(a: Array, b: Array) -> tuple[Two, Array]:
    """log|B(a, b)| and the sign of B, where both arguments are within reach."""
    a, b = np.where(a >= b, a, b), np.where(a >= b, b, a)
    total = twofold.two_sum(a, b)
    large, small, both = (_within_reach(v) for v in (twofold.whole(a), twofold.whole(b), total))
    # A large argument's log Γ less that of the sum, without the cancellation of their leading terms:
    # −b·log(a+b) − (a − ½)·log(1 + b/a) + b + (what Stirling's series adds).
    far = (a >= 128.0) & (b > 0.0)
    z, sum_ = (twofold.choose(far, v, twofold.whole(np.full_like(a, 200.0))) for v in (large, both))
    ratio = twofold.divide(small, z)
    ratio = twofold.choose(far, ratio, twofold.whole(np.zeros_like(a)))
    drop = twofold.add(
        twofold.multiply(small, twofold.log(sum_)),
        twofold.multiply(twofold.subtract(z, twofold.two((0.5, 0.0))), twofold.log1p(ratio)),
    )
    series = twofold.subtract(
        twofold.multiply(_series(z, _STIRLING), z), twofold.multiply(_series(sum_, _STIRLING), sum_)
    )
    difference = twofold.add(twofold.subtract(small, drop), series)
    near = [np.where(far, 1.5, v[0]) for v in (large, both)], [np.where(far, 0.0, v[1]) for v in (large, both)]
    (log_a, sign_a), (log_sum, sign_sum) = (_log_gamma_signed((h, low)) for h, low in zip(*near, strict=True))
    difference = twofold.choose(far, difference, twofold.subtract(log_a, log_sum))
    vast = np.isfinite(a) & (a >= 2.0**900)
    power_law = twofold.negative(twofold.multiply(small, twofold.log(twofold.whole(np.where(vast, a, 1.0)))))
    difference = twofold.choose(vast, power_law, difference)
    log_b, sign_b = _log_gamma_signed(small)
    return twofold.add(log_b, difference), np.where(far, 1.0, sign_a * sign_sum) * sign_b


def _beta(a: Array, b: Array) -> Array:
    a, b = np.where(a >= b, a, b), np.where(a >= b, b, a)
    logarithm, sign = _log_beta(a, b)
    value = _exponential(logarithm, twofold.whole(sign))
    total = twofold.two_sum(a, b)
    # 1/b + 1/a for the smallest, (b−1)!·a⁻ᵇ for the largest; the sum a pole: 0; one of them a pole: none.
    value = np.where(np.abs(b) < 2.0**-1000, 1.0 / b + np.where(np.abs(a) < 2.0**-70, 1.0 / a, 0.0), value)
    value = np.where(((a >= 2.0**53) & (b > 2.0**20)) | (np.isposinf(a) & (b > 0.0)), 0.0, value)
    value = np.where((total[0] <= 0.0) & (total[0] == np.rint(total[0])) & (total[1] == 0.0), 0.0, value)
    return np.where(_is_pole(a) | _is_pole(b) | np.isnan(a) | np.isnan(b) | np.isneginf(b), np.nan, value)


def _digamma_rise(a: Array, b: Array) -> Array:
    """(ψ(a+b) − ψ(a))/b, the mean of ψ′ from a to a+b."""
    total = twofold.two_sum(a, b)
    low = _psi_signed(_within_reach(twofold.whole(a)))
    value = twofold.subtract(_psi_signed(_within_reach(total)), low)[0] / b
    value = np.where((a >= 2.0**900) & (np.abs(b) < a), np.log1p(b / a) / b, value)
    value = np.where((b >= 2.0**900) & (np.abs(a) < b), (np.log(b) - _digamma(a)) / b, value)
    value = np.where(np.abs(a) < 2.0**-1000, (1.0 / a - 1.0 / total[0]) / b, value)
    # For a small step by the slope: the difference would have no digits left.
    step = np.abs(b) <= 2.0**-27 * np.abs(a)
    safe = np.where(step, a, 1.5)
    value = np.where(step, _polygamma(safe, 1) + 0.5 * b * _polygamma(safe, 2), value)
    return np.where(_is_pole(a) | _is_pole(total[0]) | np.isnan(a) | np.isnan(b), np.nan, value)


digamma_rise: Primitive = elementwise(
    "digamma_rise", _digamma_rise,
    partials=(
        lambda y, a, b: (polygamma(a + b, params=(1,)) - polygamma(a, params=(1,))) / b,
        lambda y, a, b: (polygamma(a + b, params=(1,)) - y) / b,
    ),
    doc="(digamma(a + b) − digamma(a))/b, also where the two nearly agree.",
    reference=lambda m, a, b: (m.digamma(a + b) - m.digamma(a)) / b, samples=((0.1, 20), (0.1, 20)),
)  # fmt: skip


def _beta_slope(a: Array, b: Array) -> Array:
    """∂B/∂a = B·(ψ(a) − ψ(a+b)), in one piece, since B may be subnormal or infinite where the product is not."""
    logarithm, sign = _log_beta(a, b)
    (m, p), (n, q) = np.frexp(b), np.frexp(_digamma_rise(a, b))
    finite = np.isfinite(m) & np.isfinite(n)
    value = _exponential(logarithm, twofold.whole(-sign * np.where(finite, m * n, 1.0)), p + q)
    value = np.where(np.minimum(np.abs(a), np.abs(b)) < 2.0**-1000, -_digamma_rise(a, b), value)
    least, most = np.minimum(a, b), np.maximum(a, b)
    value = np.where(finite, value, np.where(np.isinf(n) & (a == 0.0), -np.inf, np.nan))
    value = np.where(((most >= 2.0**53) & (least > 2.0**20)) | (np.isposinf(most) & (least > 0.0)), 0.0, value)
    undefined = _is_pole(a) | _is_pole(b) | _is_pole(a + b) | np.isnan(a + b)
    return np.where(undefined | ((a + b == 0.0) & (a != 0.0)), np.nan, value)


beta_slope: Primitive = elementwise(
    "beta_slope", _beta_slope,
    partials=(
        lambda y, a, b: beta(a, b) * (square(b * digamma_rise(a, b)) + _trigamma_drop(a, b)),
        lambda y, a, b: beta(a, b) * (a * b * digamma_rise(a, b) * digamma_rise(b, a) - polygamma(a + b, params=(1,))),
    ),
    doc="The derivative of the beta function in its first argument.",
    reference=lambda m, a, b: m.beta(a, b) * (m.digamma(a) - m.digamma(a + b)), samples=((0.1, 20), (0.1, 20)),
)  # fmt: skip


def _trigamma_drop(a: Node, b: Node) -> Node:
    return polygamma(a, params=(1,)) - polygamma(a + b, params=(1,))


beta: Primitive = elementwise(
    "beta", _beta, partials=(lambda y, a, b: beta_slope(a, b), lambda y, a, b: beta_slope(b, a)),
    signature="a, b", doc="Beta function, Γ(a)·Γ(b)/Γ(a + b).", domain="a, b > 0, and below 0 where Γ exists",
    rule="B·(ψ(a) − ψ(a+b)), B·(ψ(b) − ψ(a+b))", notation="B(a, b)",
    reference=lambda m, a, b: m.beta(a, b), samples=((0.1, 20), (0.1, 20)),
)  # fmt: skip
