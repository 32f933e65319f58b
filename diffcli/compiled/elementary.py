"""exp, log, sine and their like for eight numbers at a time, and what NumPy's names mean here.

All within two or three ulps, as the tests measure; special values are NumPy's. The polynomials and the reductions are
those of fdlibm (Sun Microsystems, 1993), without its branches: both sides are computed, and one is chosen. Products and
sums of polynomials may be fused; those whose rounding is the point are not.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from diffcli.compiled.vectors import BITS, FLAGS, FUNCTIONS, NUMBERS, UFUNCS, WHOLE, Body, Vector
from diffcli.primitives import twofold

_LOG2E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
#: 1/3!, 1/4!, …: the series of exp, which is exact to the last digit for |r| ≤ ½·log 2.
_EXP = tuple(1.0 / math.factorial(k) for k in range(3, 14))
_LOG = (
    6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01, 2.222219843214978396e-01,
    1.818357216161805012e-01, 1.531383769920937332e-01, 1.479819860511658591e-01,
)  # fmt: skip
_SIN = (
    -1.66666666666666324348e-01, 8.33333333332248946124e-03, -1.98412698298579493134e-04, 2.75573137070700676789e-06,
    -2.50507602534068634195e-08, 1.58969099521155010221e-10,
)  # fmt: skip
_COS = (
    4.16666666666666019037e-02, -1.38888888888741095749e-03, 2.48015872894767294178e-05, -2.75573143513906633035e-07,
    2.08757232129817482790e-09, -1.13596475577881948265e-11,
)  # fmt: skip
#: π/2 in parts of 33 bits: a product with a whole number below 2²⁰ is exact.
_HALF_PI = (1.57079632673412561417e00, 6.07710050630396597660e-11, 2.02226624871116645580e-21)
_HALF_PI_REST = 8.47842766036889956997e-32
#: Beyond it the C library does the reduction.
_FAR = 2.0**20


def _polynomial(coefficients: tuple[float, ...], x: Vector) -> Vector:
    """c₀ + c₁·x + c₂·x² + …"""
    value = x.body.constant(coefficients[-1])
    for c in reversed(coefficients[:-1]):
        value = value.times_plus(x, c)
    return value


# exp --------------------------------------------------------------------------------------------------------


def _exp_parts(x: Vector) -> tuple[Vector, Vector]:
    """The whole k and p of exp(x) = 2ᵏ·(1 + p), |p| < 0.42; p has the relative accuracy of expm1."""
    k = (x * _LOG2E).call("roundeven")
    high, low = x - k * _LN2_HIGH, k * _LN2_LOW
    r = high - low
    lost = (high - r) - low
    t = r * r
    return k, r + (t.times_plus(0.5, t * r * _polynomial(_EXP, r)) + lost)


def _power_of_two(k: Vector) -> Vector:
    """2ᵏ, |k| < 1023."""
    return k.body.constant(1.0).exponent_shifted(k)


def _scaled(x: Vector, k: Vector) -> Vector:
    """x·2ᵏ, |k| ≤ 2046, rounded once unless the half of it underflows."""
    half = (0.5 * k).call("floor")
    return x * _power_of_two(half) * _power_of_two(k - half)


def _bounded(x: Vector, low: float, high: float) -> Vector:
    """x within bounds; NaN stays NaN."""
    return (x > high).where(high, (x < low).where(low, x))


def _exp(x: Vector) -> Vector:
    k, p = _exp_parts(_bounded(x, -760.0, 720.0))
    return _scaled(1.0 + p, k)


def _expm1(x: Vector) -> Vector:
    # 2ᵏ·p + (2ᵏ − 1), at half the size, for 2ᵏ may be infinite where the result is not.
    k, p = _exp_parts(_bounded(x, -50.0, 709.79))
    scale = _power_of_two(k - 1.0)
    value = scale * p + (scale - 0.5)
    return (abs(x) < 2.0**-54).where(x, value + value)


def _decay(x: Vector) -> tuple[Vector, Vector]:
    """The parts of exp(−2|x|): what tanh and its derivative share, and LLVM computes once."""
    return _exp_parts(_bounded(-2.0 * abs(x), -760.0, 0.0))


def _tanh(x: Vector) -> Vector:
    # −e/(2 + e) with e = expm1(−2|x|).
    k, p = _decay(x)
    scale = _power_of_two(k)
    e = (k < -100.0).where(-1.0, scale * p + (scale - 1.0))
    return (e / (2.0 + e)).call("copysign", x)


def sech_square(x: Vector) -> Vector:
    """1/cosh²(x) as 4t/(1 + t)² with t = exp(−2|x|): one division, and no overflow."""
    k, p = _decay(x)
    below = 1.0 + _scaled(1.0 + p, k)
    return _scaled((1.0 + p) / (below * below), k + 2.0)


def _half_exp(x: Vector) -> Vector:
    k, p = _exp_parts(_bounded(x, -760.0, 720.0))
    return _scaled(1.0 + p, k - 1.0)


def _cosh(x: Vector) -> Vector:
    half = _half_exp(abs(x))
    return half + 0.25 / half


def _sinh(x: Vector) -> Vector:
    size = abs(x)
    e = expm1(size)
    near = 0.5 * (e + e / (e + 1.0))
    return (size < 40.0).where(near, _half_exp(size)).call("copysign", x)


# log --------------------------------------------------------------------------------------------------------


def _parted(x: Vector) -> tuple[Vector, Vector]:
    """The m and whole k of x = m·2ᵏ, √½ < m ≤ √2, for positive finite x."""
    body = x.body
    tiny = x < 2.0**-1022
    bits = tiny.where(x * 2.0**54, x).bits()
    moved = body.put(f"add {BITS} {bits}, splat (i64 {0x00095F62 << 32})")
    exponent = body.put(f"lshr {BITS} {moved}, splat (i64 52)")
    mantissa = body.put(f"and {BITS} {moved}, splat (i64 {(1 << 52) - 1})")
    mantissa = body.put(f"add {BITS} {mantissa}, splat (i64 {0x3FE6A09E << 32})")
    number = body.put(f"add {BITS} {exponent}, splat (i64 {0x4338 << 48})")
    k = body.number(f"bitcast {BITS} {number} to {NUMBERS}") - (WHOLE + 1023.0)
    return body.number(f"bitcast {BITS} {mantissa} to {NUMBERS}"), tiny.where(k - 54.0, k)


def _log(x: Vector) -> Vector:
    m, k = _parted(x)
    f = m - 1.0
    half_square = 0.5 * f * f
    s = f / (2.0 + f)
    z = s * s
    rest = z * _polynomial(_LOG, z)
    value = s * (half_square + rest) + k * _LN2_LOW - half_square + f + k * _LN2_HIGH
    value = (x < math.inf).where(value, x)
    return (x > 0.0).where(value, (x == 0.0).where(-math.inf, (x < 0.0).where(math.nan, x)))


def _log1p(x: Vector) -> Vector:
    u = 1.0 + x
    # What the sum has lost: log(u + c) = log(u) + c/u to the last digit.
    c = (x >= 1.0).where(1.0 - (u - x), x - (u - 1.0))
    y = log(u)
    value = ((u > 0.0) & (u < math.inf)).where(y + c / u, y)
    return (abs(x) < 2.0**-54).where(x, value)


# Sine and cosine --------------------------------------------------------------------------------------------


def _quarter(x: Vector) -> tuple[Vector, Vector, Vector]:
    """The whole n, and y + rest = x − n·π/2 in two floats, |y| ≤ π/4 or hardly more, for |x| ≤ 2²⁰."""
    n = (x * 0.6366197723675814).call("roundeven")
    first, second, third = _HALF_PI
    a = x - n * first
    product = n * second
    b = a - product
    lost = (a - b) - product
    product = n * third
    c = b - product
    rest = n * _HALF_PI_REST - ((b - c) - product) - lost
    y = c - rest
    return n, y, (c - y) - rest


def _waves(x: Vector) -> tuple[Vector, Vector, Vector]:
    """n, and the sine and cosine of x − n·π/2."""
    n, y, rest = _quarter(x)
    z = y * y
    v = z * y
    sine = y - ((z * (0.5 * rest - v * _polynomial(_SIN[1:], z)) - rest) - v * _SIN[0])
    half = 0.5 * z
    w = 1.0 - half
    cosine = w + (((1.0 - w) - half) + (z * (z * _polynomial(_COS, z)) - y * rest))
    return n, sine, cosine


def _odd(n: Vector) -> Vector:
    """Whether a whole number is odd."""
    return _bit(n, 1)


def _bit(n: Vector, bit: int) -> Vector:
    body = n.body
    masked = body.put(f"and {BITS} {(n + WHOLE).bits()}, splat (i64 {bit})")
    return Vector(body, body.put(f"icmp ne {BITS} {masked}, zeroinitializer"), FLAGS)


def _sin(x: Vector) -> Vector:
    n, sine, cosine = _waves(x)
    value = _odd(n).where(cosine, sine)
    value = (abs(x) < 2.0**-27).where(x, _bit(n, 2).where(-value, value))
    return x.body.unless(abs(x) <= _FAR, value, lambda: x.body.library("sin", x))


def _cos(x: Vector) -> Vector:
    n, sine, cosine = _waves(x)
    value = _odd(n).where(sine, cosine)
    value = _bit(n + 1.0, 2).where(-value, value)
    return x.body.unless(abs(x) <= _FAR, value, lambda: x.body.library("cos", x))


# What NumPy has ---------------------------------------------------------------------------------------------


def named(name: str, make: Callable[..., Vector]) -> Callable[..., Vector]:
    """A function of the module, called by its name."""
    return lambda *args: args[0].body.call(name, make, *[arg.number() for arg in args])


def _library(name: str) -> Callable[..., Vector]:
    """A function of the C library."""
    return named(name, lambda *args: args[0].body.library(name, *args))


def _own(function: str) -> Callable[[Vector], Vector]:
    """A function that LLVM has itself."""
    return lambda x: x.number().call(function)


exp, expm1, log, log1p = (
    named(name, make) for name, make in (("exp", _exp), ("expm1", _expm1), ("log", _log), ("log1p", _log1p))
)


def _not_number(x: Vector) -> Vector:
    return x != x


def _is_finite(x: Vector) -> Vector:
    return abs(x) < math.inf


def _negative(x: Vector) -> Vector:
    """Whether the sign is minus, of zeros and NaN too."""
    return x.body.constant(1.0).call("copysign", x) < 0.0


def _maximum(a: Vector, b: Vector) -> Vector:
    return ((a >= b) | _not_number(a)).where(a, b)


def _minimum(a: Vector, b: Vector) -> Vector:
    return ((a <= b) | _not_number(a)).where(a, b)


def _sign(x: Vector) -> Vector:
    return (x > 0.0).where(1.0, (x < 0.0).where(-1.0, (x == 0.0).where(0.0, x)))


def _mod(a: Vector, b: Vector) -> Vector:
    rest = a.body.library("fmod", a, b)
    moved = ((b < 0.0) & (rest > 0.0)) | ((b > 0.0) & (rest < 0.0))
    return (rest == 0.0).where(rest.call("copysign", b), moved.where(rest + b, rest))


def _logaddexp(a: Vector, b: Vector) -> Vector:
    return (a == b).where(a + math.log(2.0), _maximum(a, b) + log1p(exp(-abs(a - b))))


def _frexp(x: Vector) -> tuple[Vector, Vector]:
    """x = m·2ᵏ, ½ ≤ |m| < 1; the whole number k as a number."""
    m, k = _parted(abs(x))
    low = m >= 1.0
    m, k = low.where(0.5 * m, m), low.where(k + 1.0, k)
    plain = (x != 0.0) & _is_finite(x)
    return plain.where(m.call("copysign", x), x), plain.where(k, 0.0)


def _cbrt(x: Any) -> Any:
    """The C library's, which may be 4 ulps off, after a step of Newton's method with the residual in two floats."""
    tiny = abs(x) < 1e-250
    x = tiny.where(x * 2.0**300, x)
    y = x.body.library("cbrt", x)
    square, low = twofold.two_product(y, y)
    cube, more = twofold.two_product(square, y)
    better = y - ((cube - x) + (more + low * y)) / (3.0 * square)
    y = ((x != 0.0) & _is_finite(x)).where(better, y)
    return tiny.where(y * 2.0**-100, y)


def _ldexp(x: Vector, k: Vector) -> Vector:
    return _scaled(x, _bounded(k, -2044.0, 2044.0))


UFUNCS.update({
    np.add: Vector.__add__, np.subtract: Vector.__sub__, np.multiply: Vector.__mul__, np.divide: Vector.__truediv__,
    np.negative: Vector.__neg__, np.positive: lambda x: x, np.absolute: _own("fabs"), np.sqrt: _own("sqrt"),
    np.floor: _own("floor"), np.ceil: _own("ceil"), np.trunc: _own("trunc"), np.rint: _own("roundeven"),
    np.reciprocal: lambda x: 1.0 / x, np.square: lambda x: x * x,
    np.less: Vector.__lt__, np.less_equal: Vector.__le__, np.greater: Vector.__gt__, np.greater_equal: Vector.__ge__,
    np.equal: Vector.__eq__, np.not_equal: Vector.__ne__,
    np.logical_and: Vector.__and__, np.bitwise_and: Vector.__and__, np.logical_or: Vector.__or__,
    np.bitwise_or: Vector.__or__, np.logical_not: Vector.__invert__, np.invert: Vector.__invert__,
    np.isnan: _not_number, np.isfinite: _is_finite, np.isinf: lambda x: abs(x) == math.inf, np.signbit: _negative,
    np.maximum: _maximum, np.minimum: _minimum, np.sign: _sign, np.copysign: lambda a, b: a.call("copysign", b),
    np.frexp: _frexp, np.ldexp: _ldexp, np.deg2rad: lambda x: x * (math.pi / 180.0),
    np.rad2deg: lambda x: x * (180.0 / math.pi), np.exp: exp, np.expm1: expm1, np.log: log, np.log1p: log1p,
    np.sin: named("sin", _sin), np.cos: named("cos", _cos), np.tanh: named("tanh", _tanh),
    np.cosh: named("cosh", _cosh), np.sinh: named("sinh", _sinh), np.remainder: named("mod", _mod),
    np.logaddexp: named("logaddexp", _logaddexp), np.cbrt: named("cbrt", _cbrt), np.tan: _library("tan"),
    np.arcsin: _library("asin"), np.arccos: _library("acos"), np.arctan: _library("atan"),
    np.arcsinh: _library("asinh"), np.arccosh: _library("acosh"), np.arctanh: _library("atanh"),
    np.arctan2: _library("atan2"), np.hypot: _library("hypot"), np.power: _library("pow"),
    np.exp2: _library("exp2"), np.log2: _library("log2"), np.log10: _library("log10"), np.fmod: _library("fmod"),
})  # fmt: skip


def _copied(body: Body, place: Vector, source: Any, where: Any = True) -> None:
    value = body.of(where).where(source, place)
    place.text, place.kind = value.text, value.kind


#: What NumPy has that is no ufunc, by the function; the body comes first.
FUNCTIONS.update(
    {
        np.where: lambda body, c, a, b: body.of(c).where(a, b),
        np.copyto: _copied,
        np.zeros_like: lambda body, x: body.constant(0.0),
        np.ones_like: lambda body, x: body.constant(1.0),
        np.full_like: lambda body, x, value: body.constant(value),
        np.clip: lambda body, x, low, high: _minimum(_maximum(x, body.of(low)), body.of(high)),
        np.isneginf: lambda body, x: x == -math.inf,
        np.isposinf: lambda body, x: x == math.inf,
    }
)
