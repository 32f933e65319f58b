"""Numbers of twice the precision: unevaluated sums (hi, lo) of two floats, |lo| ≤ ½ ulp(hi), 106 bits together.

For the few places where an answer is the small difference of large numbers: near the zeros of lgamma, digamma,
logaddexp and of sinc's derivatives. Everything is made of IEEE additions, multiplications and divisions, each
rounded once, so a point gives the same bits in any batch and on any machine.

Sources: Dekker 1971, Knuth TAOCP 4.2.2, Joldes, Muller & Popescu 2017. Magnitudes must stay below 2⁹⁹⁰.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeAlias, TypeVar

import numpy as np

from diffcli.graph import Array

Two: TypeAlias = tuple[Array, Array]
Constant: TypeAlias = tuple[float, float]
#: Answers are remembered for so few numbers, and so many of them.
FEW, REMEMBERED = 8, 256

_R = TypeVar("_R")

PI: Constant = (3.141592653589793, 1.2246467991473532e-16)
LOG_PI: Constant = (1.1447298858494002, 1.0265951162707826e-17)
HALF_LOG_TAU: Constant = (0.9189385332046728, -3.8782941580672414e-17)
INVERSE_E: Constant = (0.36787944117144233, -1.2428753672788363e-17)
E: Constant = (2.718281828459045, 1.4456468917292502e-16)
_LN2 = (0.6931471805599453, 2.3190468138462996e-17, 5.707708438416212e-34)
_SPLIT = 134217729.0  # 2²⁷ + 1

#: 1/k! as sums of two floats.
_INVERSE_FACTORIALS: list[Constant] = [
    (1.0, 0.0), (1.0, 0.0),
    (0.5, 0.0), (0.16666666666666666, 9.25185853854297e-18),
    (0.041666666666666664, 2.3129646346357427e-18), (0.008333333333333333, 1.1564823173178714e-19),
    (0.001388888888888889, -5.300543954373577e-20), (0.0001984126984126984, 1.7209558293420705e-22),
    (2.48015873015873e-05, 2.1511947866775882e-23), (2.7557319223985893e-06, -1.858393274046472e-22),
    (2.755731922398589e-07, 2.3767714622250297e-23), (2.505210838544172e-08, -1.448814070935912e-24),
    (2.08767569878681e-09, -1.20734505911326e-25), (1.6059043836821613e-10, 1.2585294588752098e-26),
    (1.1470745597729725e-11, 2.0655512752830745e-28), (7.647163731819816e-13, 7.03872877733453e-30),
    (4.779477332387385e-14, 4.399205485834081e-31), (2.8114572543455206e-15, 1.6508842730861433e-31),
    (1.5619206968586225e-16, 1.1910679660273754e-32), (8.22063524662433e-18, 2.2141894119604265e-34),
    (4.110317623312165e-19, 1.4412973378659527e-36), (1.9572941063391263e-20, -1.3643503830087908e-36),
    (8.896791392450574e-22, -7.911402614872376e-38), (3.868170170630684e-23, -8.843177655482344e-40),
    (1.6117375710961184e-24, -3.6846573564509766e-41), (6.446950284384474e-26, -1.9330404233703465e-42),
    (2.4795962632247976e-27, -1.2953730964765229e-43),
]  # fmt: skip


def remembered(of: Callable[..., _R]) -> Callable[..., _R]:
    """`of`, a function of one number of twice the precision and of whole numbers, with its answers for few numbers
    kept: at one point the parts of a derivative ask the same many times. What comes back is shared, and not to be
    written into.
    """

    @lru_cache(REMEMBERED)
    def known(shape: tuple[int, ...], high: bytes, low: bytes, *params: int) -> _R:
        return of((np.frombuffer(high).reshape(shape), np.frombuffer(low).reshape(shape)), *params)

    @wraps(of)
    def either(x: Two, *params: int) -> _R:
        high, low = x
        if high.size > FEW or high.shape != low.shape or high.dtype != low.dtype or high.dtype != np.float64:
            return of(x, *params)
        return known(high.shape, high.tobytes(), low.tobytes(), *params)

    return either


def two_sum(a: Array, b: Array) -> Two:
    """a + b, exactly."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def quick_sum(a: Array, b: Array) -> Two:
    """a + b, exactly, where |a| ≥ |b|."""
    s = a + b
    return s, b - (s - a)


def _halves_of(a: Array) -> Two:
    t = _SPLIT * a
    high = t - (t - a)
    return high, a - high


def two_product(a: Array, b: Array) -> Two:
    """a · b, exactly."""
    p = a * b
    (ah, al), (bh, bl) = _halves_of(a), _halves_of(b)
    return p, ((ah * bh - p) + ah * bl + al * bh) + al * bl


def two(value: Constant) -> Two:
    """A constant, to compute with."""
    return np.asarray(value[0]), np.asarray(value[1])


def whole(x: Array) -> Two:
    """A float as a number of twice the precision."""
    return x, np.zeros_like(x)


def add(x: Two, y: Two) -> Two:
    """x + y, also where they nearly cancel."""
    s, e = two_sum(x[0], y[0])
    t, f = two_sum(x[1], y[1])
    s, e = quick_sum(s, e + t)
    return quick_sum(s, e + f)


def negative(x: Two) -> Two:
    """−x."""
    return -x[0], -x[1]


def subtract(x: Two, y: Two) -> Two:
    """x − y."""
    return add(x, negative(y))


def multiply(x: Two, y: Two) -> Two:
    """x · y."""
    p, e = two_product(x[0], y[0])
    return quick_sum(p, e + (x[0] * y[1] + x[1] * y[0]))


def scaled(x: Two, power_of_two: float | Array) -> Two:
    """x times a power of two, exactly."""
    return x[0] * power_of_two, x[1] * power_of_two


def divide(x: Two, y: Two) -> Two:
    """x / y."""
    q = x[0] / y[0]
    r = subtract(x, multiply(y, whole(q)))
    p = r[0] / y[0]
    r = subtract(r, multiply(y, whole(p)))
    q, p = quick_sum(q, p)
    return add((q, p), whole(r[0] / y[0]))


def choose(condition: Array, x: Two, y: Two) -> Two:
    """x where the condition holds, else y."""
    return np.where(condition, x[0], y[0]), np.where(condition, x[1], y[1])


def polynomial(coefficients: list[Constant], x: Two) -> Two:
    """c₀ + c₁·x + c₂·x² + …"""
    y = two(coefficients[-1])
    for c in reversed(coefficients[:-1]):
        y = add(multiply(y, x), two(c))
    return y


def _reduced(x: Two) -> tuple[Two, Array]:
    """The r and whole k of x = r + k·log 2, |r| ≤ ½·log 2."""
    k = np.rint(x[0] / _LN2[0])
    p, e = two_product(k, np.asarray(_LN2[0]))
    s, t = two_sum(x[0], -p)
    q, f = two_product(k, np.asarray(_LN2[1]))
    r = add((s, t), (-e, -k * _LN2[2] - f))
    return add(add(r, (-q, np.zeros_like(q))), whole(x[1])), k


def _small_expm1(r: Two) -> Two:
    """exp(r) − 1 for |r| ≤ ½·log 2: its series at r/64, doubled six times by e ← e·(2 + e)."""
    r = scaled(r, 0.015625)
    e = multiply(polynomial(_INVERSE_FACTORIALS[1:13], r), r)
    for _ in range(6):
        e = add(scaled(e, 2.0), multiply(e, e))
    return e


def exp_parts(x: Two) -> tuple[Two, Array]:
    """The m and whole k of exp(x) = m·2ᵏ, so that nothing overflows: m is near 1."""
    r, k = _reduced(x)
    return add(_small_expm1(r), two((1.0, 0.0))), k


def exp(x: Two) -> Two:
    """exp(x) for |x| < 600."""
    m, k = exp_parts(x)
    return scaled(m, np.ldexp(1.0, k.astype(np.intc)))


def expm1(x: Two) -> Two:
    """exp(x) − 1 for x < 600, accurate near 0."""
    r, k = _reduced(x)
    power = np.ldexp(1.0, np.maximum(k, -1000).astype(np.intc))
    return add(scaled(_small_expm1(r), power), add(whole(power), two((-1.0, 0.0))))


def log(x: Two) -> Two:
    """log(x) for x > 0: one step of Newton's method from the float's, y + (x·exp(−y) − 1) to second order.

    Accurate in itself near 1 too: there y is small and x·exp(−y) − 1 is found through expm1.
    """
    m, k = np.frexp(x[0])
    low = m < 0.7071067811865476
    m, k = np.where(low, 2.0 * m, m), k - low
    mantissa = (m, np.ldexp(x[1], -k))
    y = np.log(m)
    # x·exp(−y) − 1 = (x − 1) + x·expm1(−y)
    step = add(add(mantissa, two((-1.0, 0.0))), multiply(mantissa, _small_expm1(whole(-y))))
    # log(1 + s) = s − s²/2: s is at most 2⁻⁵³ times a few.
    result = add(whole(y), add(step, (-0.5 * step[0] * step[0], np.zeros_like(y))))
    kf = k.astype(np.float64)
    p, e = two_product(kf, np.asarray(_LN2[0]))
    q, f = two_product(kf, np.asarray(_LN2[1]))
    return add(add((p, e), (q, f)), result)


def log1p(x: Two) -> Two:
    """log(1 + x) for x > −1, accurate in itself near 0."""
    y = np.log1p(x[0])
    small = np.abs(y) <= 0.34
    safe = np.where(small, y, 0.0)
    near = choose(small, x, whole(np.zeros_like(y)))
    # (1 + x)·exp(−y) − 1 = x + expm1(−y) + x·expm1(−y)
    e = _small_expm1(whole(-safe))
    step = add(add(near, e), multiply(near, e))
    fine = add(whole(safe), add(step, (-0.5 * step[0] * step[0], np.zeros_like(y))))
    return choose(small, fine, log(add(choose(small, whole(np.zeros_like(y)), x), two((1.0, 0.0)))))


def sin_cos_pi(t: Two) -> tuple[Two, Two]:
    """sin(πt) and cos(πt) for |t| ≤ ½."""
    # Beyond ¼ the roles change: sin(πt) = ±cos(π(½ − |t|)). The series' terms then fall below 2⁻¹⁰³ from z²⁷/27! on.
    far = np.abs(t[0]) > 0.25
    sign = np.where(t[0] < 0.0, -1.0, 1.0)
    near = choose(far, subtract(two((0.5, 0.0)), scaled(t, sign)), t)
    z = multiply(near, two(PI))
    square = negative(multiply(z, z))
    sine = multiply(polynomial(_INVERSE_FACTORIALS[1:27:2], square), z)
    cosine = polynomial(_INVERSE_FACTORIALS[0:27:2], square)
    return choose(far, scaled(cosine, sign), sine), choose(far, sine, cosine)
