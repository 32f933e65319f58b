"""The gamma function, its logarithm, and the derivatives of that.

All of it is NumPy, from Stirling's series in numbers of twice the precision: library routines lose every digit near
the zeros of lgamma and digamma.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from diffcli.errors import ExpressionError
from diffcli.graph import Array, Builder, Node, Primitive
from diffcli.primitives import twofold
from diffcli.primitives.catalogue import function, whole_number
from diffcli.primitives.kinds import elementwise
from diffcli.primitives.twofold import Constant, Two

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
STIRLING = [(1, 2 * k * (2 * k - 1)) for k in range(1, 15)]
_DIGAMMA = [(1, 2 * k) for k in range(1, 15)]


def stirling_series(z: Two, weights: Sequence[tuple[int, int]]) -> Two:
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
    series = twofold.multiply(stirling_series(z, STIRLING), z)
    total = twofold.add(twofold.subtract(main, z), twofold.add(twofold.two(twofold.HALF_LOG_TAU), series))
    return twofold.subtract(total, twofold.log(product))


def _psi(x: Two) -> Two:
    """ψ(x) for x > 0."""
    z, product, numerator = _lifted(x)
    half = twofold.divide(twofold.two((0.5, 0.0)), z)
    total = twofold.subtract(twofold.subtract(twofold.log(z), half), stirling_series(z, _DIGAMMA))
    return twofold.subtract(total, twofold.divide(numerator, product))


def _mirrored(x: Two) -> tuple[Array, Two, Two, Array]:
    """Where x < 0; 1 − x there and x elsewhere; x less the nearest whole number; the sign of Γ(x)."""
    below = x[0] < 0.0
    other = twofold.choose(below, twofold.subtract(twofold.two((1.0, 0.0)), x), x)
    t = twofold.subtract(x, twofold.whole(np.rint(x[0])))
    floor = np.where(t[0] < 0.0, np.rint(x[0]) - 1.0, np.rint(x[0]))
    sign = np.where(below & (np.fmod(floor, 2.0) != 0.0), -1.0, 1.0)
    return below, other, twofold.choose(below, t, twofold.whole(np.full_like(x[0], 0.25))), sign


@twofold.remembered
def log_gamma_signed(x: Two) -> tuple[Two, Array]:
    """log|Γ(x)| and the sign of Γ(x) for any x but the poles."""
    below, other, t, sign = _mirrored(x)
    value = _log_gamma(other)
    if below.any():
        sine, _ = twofold.sin_cos_pi(t)
        sine = twofold.scaled(sine, np.where(sine[0] < 0.0, -1.0, 1.0))
        mirrored = twofold.subtract(twofold.subtract(twofold.two(twofold.LOG_PI), twofold.log(sine)), value)
        value = twofold.choose(below, mirrored, value)
    return value, sign


@twofold.remembered
def psi_signed(x: Two) -> Two:
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


def is_pole(x: Array) -> Array:
    pole: Array = (x < 0.0) & (x == np.rint(x))
    return pole


def exponential(logarithm: Two, factor: Two, power: Array | int = 0) -> Array:
    """factor·exp(logarithm)·2^power, of any magnitude."""
    mantissa, exponent = twofold.exp_parts(logarithm)
    scaled = twofold.multiply(mantissa, factor)
    value: Array = np.ldexp(scaled[0] + scaled[1], np.clip(exponent + power, -4000, 4000).astype(np.intc))
    return value


def _gamma(x: Array) -> Array:
    fine, argument = _worked(np.clip(x, -1000.5, 1000.0))
    logarithm, sign = log_gamma_signed(argument)
    value = exponential(logarithm, twofold.whole(sign))
    value = np.where(fine, value, np.where(np.abs(x) < _LEAST, 1.0 / x, np.where(x > 0.0, np.inf, np.nan)))
    # Between the poles far below, the clipped argument has told the size, 0, but not the sign.
    odd = np.fmod(np.floor(x), 2.0) != 0.0
    value = np.where(x < -200.0, np.where(odd, -0.0, 0.0), value)
    return np.where(is_pole(x) | np.isnan(x) | np.isneginf(x), np.nan, value)


def _bell(order: int, slopes: Sequence[Array]) -> Array:
    """y⁽ⁿ⁾/y of a y whose logarithm has the derivatives `slopes`: a complete Bell polynomial in them."""
    found: list[Array] = [np.ones_like(slopes[0])]
    for m in range(order):
        terms = [math.comb(m, i) * found[m - i] * slopes[i] for i in range(m + 1)]
        found.append(np.sum(terms, axis=0))
    return found[order]


def _gamma_derivative(x: Array, order: int) -> Array:
    """Γ⁽ⁿ⁾(x), Γ'(x) = Γ(x)·ψ(x), in one piece, since Γ may be subnormal or infinite where the product is not."""
    fine, argument = _worked(np.clip(x, -1000.5, 1000.0))
    logarithm, sign = log_gamma_signed(argument)
    if order == 1:
        factor = psi_signed(argument)
    else:
        slopes = [psi_signed(argument)[0], *(polygamma_of(argument[0], k) for k in range(1, order))]
        factor = twofold.whole(_bell(order, slopes))
    value = exponential(logarithm, twofold.multiply(factor, twofold.whole(sign)))
    small = math.factorial(order) / x
    for _ in range(order):
        small = -(small / x)
    value = np.where(fine, value, np.where(np.abs(x) < _LEAST, small, np.where(x > 0.0, np.inf, np.nan)))
    value = np.where(x < -220.0 - 20.0 * order, 0.0, value)
    return np.where(is_pole(x) | np.isnan(x) | np.isneginf(x), np.nan, value)


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
    value = np.where(fine, log_gamma_signed(argument)[0][0], np.inf)
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


def digamma_of(x: Array) -> Array:
    fine, argument = _worked(x)
    value = np.where(fine, psi_signed(argument)[0], np.where(x > 0.0, np.log(np.abs(x)), np.nan))
    value = np.where(np.abs(x) < _LEAST, -1.0 / x, value)
    # At its zeros by its series: twice the precision leaves one digit too few for the closest floats.
    for high, low, slope, curvature in _ZEROS_OF_PSI:
        near = np.abs(x - high) < 2.0**-40
        t = np.where(near, (x - high) - low, 0.0)
        value = np.where(near, t * (slope + curvature * t), value)
    return np.where(is_pole(x) | np.isnan(x) | np.isneginf(x), np.nan, value)


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


#: So many numbers are worked on at once.
_AT_ONCE = 4096


def _batches(steps: list[Two], size: int) -> Iterator[list[Two]]:
    """`steps` of arrays of that size in parts that are no larger than is good for a cache."""
    several = max(1, _AT_ONCE // max(size, 1))
    for start in range(0, len(steps), several):
        yield steps[start : start + several]


def _zeta(s: int, a: Two) -> Two:
    """Σₖ (a+k)⁻ˢ for a > 0 (Hurwitz), s ≥ 2: the first terms one by one, the rest by Euler and Maclaurin."""
    one = twofold.two((1.0, 0.0))
    z, total = a, twofold.whole(np.zeros_like(a[0]))
    steps = [z]
    while (low := z[0] < _FAR + s).any():
        z = twofold.choose(low, twofold.add(z, one), z)
        steps.append(z)
    # Of few numbers all terms at once: an operation on an array costs as much as one on a number.
    for few in _batches(steps[:-1], a[0].size):
        terms = _power_of(twofold.divide(one, (np.stack([x[0] for x in few]), np.stack([x[1] for x in few]))), s)
        for k, x in enumerate(few):
            low = x[0] < _FAR + s
            total = twofold.choose(low, twofold.add(total, (terms[0][k], terms[1][k])), total)
    r = twofold.divide(one, z)
    weights = [(math.prod(range(s, s + 2 * k - 1)), math.factorial(2 * k)) for k in range(1, 15)]
    corrections = twofold.add(twofold.two((0.5, 0.0)), twofold.multiply(stirling_series(z, weights), z))
    rest = twofold.add(twofold.divide(z, twofold.two((s - 1.0, 0.0))), corrections)
    return twofold.add(total, twofold.multiply(rest, _power_of(r, s)))


@twofold.remembered
def polygamma_signed(x: Two, n: int) -> Two:
    """ψ⁽ⁿ⁾(x) = (−1)ⁿ⁺¹·n!·Σₖ (x+k)^(−n−1), n ≥ 1, for any x but the poles.

    Below 0 the sum over all whole numbers, less what lies below x: ζ(s, f) + (−1)ˢ·(ζ(s, 1−f) − ζ(s, 1−x)), where
    f is x less the whole number below.
    """
    s = n + 1
    one = twofold.two((1.0, 0.0))
    below = x[0] < 0.0
    value = _zeta(s, twofold.choose(below, twofold.subtract(one, x), x))
    if below.any():
        mirror = twofold.choose(below, x, twofold.whole(np.full_like(x[0], -0.5)))
        t = twofold.subtract(mirror, twofold.whole(np.floor(mirror[0])))
        t = twofold.choose(t[0] < 0.0, twofold.add(t, one), t)
        # The nearest pole's term is split off: 1/tˢ may be too large for the rest.
        up, down = _zeta(s, t), _zeta(s, twofold.subtract(one, t))
        mirrored = twofold.add(up, twofold.scaled(twofold.subtract(down, value), 1.0 if s % 2 == 0 else -1.0))
        value = twofold.choose(below, mirrored, value)
    sign = -1.0 if n % 2 == 0 else 1.0
    return twofold.multiply(value, twofold.two((sign * math.factorial(n), 0.0)))


def polygamma_of(x: Array, n: int) -> Array:
    """ψ⁽ⁿ⁾(x), n ≥ 1."""
    s = n + 1
    sign = -1.0 if n % 2 == 0 else 1.0
    factorial = float(math.factorial(n))
    low, high = 2.0 ** (-60.0 / s), 2.0**60
    size = np.abs(x)
    fine = (size >= low) & (size < high) & ((x > 0.0) | (x != np.rint(x)))
    result = polygamma_signed(twofold.whole(np.where(fine, x, 1.5)), n)[0]
    small = sign * factorial / np.power(x, s)
    # (n−1)!/xⁿ·(1 + n/(2x)): the second term is below an ulp. Scaled, as x⁻ⁿ may be subnormal where the product is not.
    shift = 200 // n
    large = np.ldexp(sign * math.factorial(n - 1) * np.power(np.abs(x) * 2.0**-shift, -n), -shift * n)
    result = np.where(fine, result, np.where(size < low, small, np.where(x > 0.0, large, np.nan)))
    return np.where(is_pole(x) | np.isnan(x) | np.isneginf(x), np.nan, result)


gamma: Primitive = elementwise(
    "gamma", _gamma, partials=(lambda y, x: gamma_derivative(x, params=(1,)),),
    signature="x", doc="Gamma function: gamma(n + 1) is n!.", domain="all but 0, −1, −2, …", rule="Γ(x)·ψ(x)",
    notation="Γ(x)", reference=lambda m, x: m.gamma(x), samples=((0.1, 20),),
)  # fmt: skip
gamma_derivative: Primitive = elementwise(
    "gamma_derivative", _gamma_derivative,
    partials=(lambda y, x: gamma_derivative(x, params=(y.params[0] + 1,)),),
    doc="A derivative of the gamma function; the parameter is its order.",
)  # fmt: skip
lgamma = elementwise(
    "lgamma", _lgamma, partials=(lambda y, x: digamma(x),),
    signature="x", aliases=("gammaln", "loggamma"), doc="log|Γ(x)|.", domain="all but 0, −1, −2, …", rule="ψ(x)",
    notation="log|Γ(x)|", reference=lambda m, x: m.log(abs(m.gamma(x))), samples=((0.1, 20),),
)  # fmt: skip
digamma: Primitive = elementwise(
    "digamma", digamma_of, partials=(lambda y, x: polygamma(x, params=(1,)),),
    signature="x", aliases=("psi",), doc="The derivative of lgamma.", domain="all but 0, −1, −2, …", rule="ψ′(x)",
    notation="ψ(x)", reference=lambda m, x: m.digamma(x), samples=((0.1, 20),),
)  # fmt: skip
polygamma: Primitive = elementwise(
    "polygamma", polygamma_of,
    partials=(lambda y, x: polygamma(x, params=(y.params[0] + 1,)),),
    doc="The derivative of digamma of the order given by the parameter.",
    reference=lambda m, x, order: m.psi(order, x),
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
