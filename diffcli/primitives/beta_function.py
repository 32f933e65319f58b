"""The beta function, from logarithms in twice the precision that do not cancel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from diffcli.graph import Array, Node, Primitive
from diffcli.primitives import twofold
from diffcli.primitives.gamma_family import (
    STIRLING,
    digamma_of,
    exponential,
    is_pole,
    log_gamma_signed,
    polygamma,
    polygamma_of,
    polygamma_signed,
    psi_signed,
    stirling_series,
)
from diffcli.primitives.kinds import elementwise
from diffcli.primitives.twofold import Two

#: 1/x² is beyond doubles for what is smaller, and all but 1/x below the last place of 1/x.
_TINY = 2.0**-1000
#: No second derivative that is finite tells what is smaller from it.
_NEARLY_TINY = 2.0**-900


def _within_reach(x: Two) -> Two:
    """x, or 1.5 where x is a pole, zero, not a number, or too large or small to compute with."""
    size = np.abs(x[0])
    fine = (size >= _TINY) & (size < 2.0**900) & ((x[0] > 0.0) | (x[0] != np.rint(x[0])) | (x[1] != 0.0))
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
        twofold.multiply(stirling_series(z, STIRLING), z), twofold.multiply(stirling_series(sum_, STIRLING), sum_)
    )
    difference = twofold.add(twofold.subtract(small, drop), series)
    near = [np.where(far, 1.5, v[0]) for v in (large, both)], [np.where(far, 0.0, v[1]) for v in (large, both)]
    (log_a, sign_a), (log_sum, sign_sum) = (log_gamma_signed((h, low)) for h, low in zip(*near, strict=True))
    difference = twofold.choose(far, difference, twofold.subtract(log_a, log_sum))
    vast = np.isfinite(a) & (a >= 2.0**900)
    power_law = twofold.negative(twofold.multiply(small, twofold.log(twofold.whole(np.where(vast, a, 1.0)))))
    difference = twofold.choose(vast, power_law, difference)
    log_b, sign_b = log_gamma_signed(small)
    return twofold.add(log_b, difference), np.where(far, 1.0, sign_a * sign_sum) * sign_b


def _beta(a: Array, b: Array) -> Array:
    a, b = np.where(a >= b, a, b), np.where(a >= b, b, a)
    logarithm, sign = _log_beta(a, b)
    value = exponential(logarithm, twofold.whole(sign))
    total = twofold.two_sum(a, b)
    # 1/a + 1/b for the smallest, (b−1)!·a⁻ᵇ for the largest; the sum a pole: 0; one of them a pole: none.
    least, other = np.where(np.abs(a) < np.abs(b), a, b), np.where(np.abs(a) < np.abs(b), b, a)
    at_origin = np.where(np.abs(other) < 2.0**-70, 1.0 / other, 0.0)
    value = np.where(np.abs(least) < _TINY, 1.0 / least + at_origin, value)
    value = np.where(((a >= 2.0**53) & (b > 2.0**20)) | (np.isposinf(a) & (b > 0.0)), 0.0, value)
    vanishes = (total[0] <= 0.0) & (total[0] == np.rint(total[0])) & (total[1] == 0.0) & (b != 0.0)
    value = np.where(vanishes, 0.0, value)
    return np.where(is_pole(a) | is_pole(b) | np.isnan(a) | np.isnan(b) | np.isneginf(b), np.nan, value)


def _digamma_rise(a: Array, b: Array) -> Array:
    """(ψ(a+b) − ψ(a))/b, the mean of ψ′ from a to a+b."""
    total = twofold.two_sum(a, b)
    low = psi_signed(_within_reach(twofold.whole(a)))
    value = twofold.subtract(psi_signed(_within_reach(total)), low)[0] / b
    value = np.where((a >= 2.0**900) & (np.abs(b) < a), np.log1p(b / a) / b, value)
    value = np.where((b >= 2.0**900) & (np.abs(a) < b), (np.log(b) - digamma_of(a)) / b, value)
    value = np.where(np.abs(a) < 2.0**-1000, (1.0 / a - 1.0 / total[0]) / b, value)
    # For a small step by the slope: the difference would have no digits left.
    step = np.abs(b) <= 2.0**-27 * np.abs(a)
    if step.any():
        safe = np.where(step, a, 1.5)
        bend = np.where(np.abs(b) <= 2.0**-60 * np.abs(safe), 0.0, 0.5 * b * polygamma_of(safe, 2))
        value = np.where(step, polygamma_of(safe, 1) + bend, value)
    pole = is_pole(total[0]) & (total[1] == 0.0)
    return np.where(is_pole(a) | pole | np.isnan(a) | np.isnan(b), np.nan, value)


digamma_rise: Primitive = elementwise(
    "digamma_rise", _digamma_rise,
    partials=(
        lambda y, a, b: (polygamma(a + b, params=(1,)) - polygamma(a, params=(1,))) / b,
        lambda y, a, b: (polygamma(a + b, params=(1,)) - y) / b,
    ),
    doc="(digamma(a + b) − digamma(a))/b, also where the two nearly agree.",
    reference=lambda m, a, b: (m.digamma(a + b) - m.digamma(a)) / b, samples=((0.1, 20), (0.1, 20)),
)  # fmt: skip


#: How near, beside 1, a + b must be to a pole of Γ for B to be found from the pole alone.
_NEAR = 2.0**-48


def _pole_of_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """The m of the pole −m of Γ that a + b is at, or as good as at, and how far from it it is."""
    total = twofold.two_sum(a, b)
    m = -np.rint(total[0])
    distance = twofold.add(total, twofold.whole(m))[0]
    return m, np.where(m >= 0.0, distance, np.inf)


def _vanishes(a: Array, b: Array) -> Array:
    """Where B is 0 because a + b is a pole of Γ, and a and b are none."""
    flags: Array = (_pole_of_sum(a, b)[1] == 0.0) & (a != 0.0) & ~is_pole(a) & ~is_pole(b)
    return flags


def _slope_at_zero(a: Array, b: Array) -> Array:
    """Γ(a)·Γ(b)·(−1)ᵐ·m! where a + b = −m: the slope of 1/Γ there is (−1)ᵐ·m!, and B is 0."""
    m = np.clip(_pole_of_sum(a, b)[0], 0.0, 2.0**52)
    (log_a, sign_a), (log_b, sign_b) = (log_gamma_signed(_within_reach(twofold.whole(v))) for v in (a, b))
    log_m, _ = log_gamma_signed(twofold.whole(m + 1.0))
    sign = sign_a * sign_b * np.where(np.fmod(m, 2.0) == 0.0, 1.0, -1.0)
    value = exponential(twofold.add(twofold.add(log_a, log_b), log_m), twofold.whole(sign))
    return np.where(np.abs(a) < 2.0**-600, -np.inf, value)


def _beta_slope(a: Array, b: Array) -> Array:
    """∂B/∂a = B·(ψ(a) − ψ(a+b)), in one piece, since B may be subnormal or infinite where the product is not."""
    logarithm, sign = _log_beta(a, b)
    rise = _digamma_rise(a, b)
    (m, p), (n, q) = np.frexp(b), np.frexp(rise)
    finite = np.isfinite(m) & np.isfinite(n)
    value = exponential(logarithm, twofold.whole(-sign * np.where(finite, m * n, 1.0)), p + q)
    value = np.where(np.abs(b) < _TINY, -rise, value)
    least, most = np.minimum(a, b), np.maximum(a, b)
    value = np.where(finite, value, np.nan)
    value = np.where(np.abs(a) < 2.0**-600, -np.inf, value)  # −1/a²
    value = np.where(((most >= 2.0**53) & (least > 2.0**20)) | (np.isposinf(most) & (least > 0.0)), 0.0, value)
    vanishes = _vanishes(a, b)
    if vanishes.any():
        value = np.where(vanishes, _slope_at_zero(a, b), value)
    return np.where(is_pole(a) | is_pole(b) | np.isnan(a + b), np.nan, value)


def _taylor(slopes: Sequence[Array], b: Array, divisors: Sequence[float]) -> Array:
    """slopes[0]/divisors[0] + b·slopes[1]/divisors[1] + …"""
    value: Array = slopes[-1] / divisors[-1]
    for slope, divisor in zip(reversed(slopes[:-1]), reversed(divisors[:-1]), strict=True):
        value = value * b + slope / divisor
    return value


def _bend_by_small_step(a: Array, b: Array, mixed: bool) -> Array:
    """A second derivative over B, for a b so much smaller than a's way to a pole that Taylor's series is enough."""
    slopes = [polygamma_of(a, k) for k in range(1, 7)]
    rise = _taylor(slopes[:5], b, (1.0, 2.0, 6.0, 24.0, 120.0))
    if not mixed:
        bend: Array = (b * rise) ** 2 - b * _taylor(slopes[1:], b, (1.0, 2.0, 6.0, 24.0, 120.0))
        return bend
    more = _taylor(slopes[1:], b, (2.0, 3.0, 8.0, 30.0, 144.0))
    after = psi_signed(twofold.whole(1.0 + b))[0] - psi_signed(_within_reach(twofold.two_sum(a, b)))[0]
    value: Array = -b * (after * rise + more)
    return value


def _twist_near_origin(a: Array, b: Array) -> Array:
    """∂²B/∂a∂b for small a and b, from B = (1/a + 1/b)·Γ(1+a)·Γ(1+b)/Γ(1+a+b)."""
    end = 1.0 + (a + b)
    slopes = [polygamma_of(end, k) for k in range(1, 8)]
    back = (1.0, -2.0, 6.0, -24.0, 120.0, -720.0)
    rises = [_taylor(slopes[:6], step, back) for step in (a, b)]
    falls = [_taylor(slopes[1:], step, (-2.0, 6.0, -24.0, 120.0, -720.0, 5040.0)) for step in (a, b)]
    logs = [log_gamma_signed(twofold.add(twofold.two((1.0, 0.0)), v))[0] for v in (
        twofold.whole(a), twofold.whole(b), twofold.two_sum(a, b))]  # fmt: skip
    scale = exponential(twofold.subtract(twofold.add(logs[0], logs[1]), logs[2]), twofold.whole(np.ones_like(a)))
    value: Array = scale * ((a + b) * rises[0] * rises[1] + falls[0] + falls[1])
    return value


def _beta_bend(a: Array, b: Array, mixed: bool) -> Array:
    """∂²B/∂a² = B·(D² + ψ′(a) − ψ′(a+b)), or ∂²B/∂a∂b = B·(D·E − ψ′(a+b)), D = ψ(a) − ψ(a+b), E = ψ(b) − ψ(a+b).

    With twice the digits, as the terms nearly cancel close to a pole of a + b; where b is small, by series.
    """
    # At a pole in b a second derivative that is one of a, too, goes on as if there were none.
    origin = (a == 0.0) & (b == 0.0)
    b = np.where(np.abs(b) < _NEARLY_TINY, np.copysign(_NEARLY_TINY, b), b)
    if mixed:
        a = np.where(np.abs(a) < _NEARLY_TINY, np.copysign(_NEARLY_TINY, a), a)
    a, b = np.broadcast_arrays(a, b)
    if mixed:
        a, b = np.where(np.abs(a) >= np.abs(b), a, b), np.where(np.abs(a) >= np.abs(b), b, a)
    total = twofold.two_sum(a, b)
    first, second, both = (_within_reach(v) for v in (twofold.whole(a), twofold.whole(b), total))
    psi_a, psi_b, psi_sum = (psi_signed(v) for v in (first, second, both))
    drop, other = twofold.subtract(psi_a, psi_sum), twofold.subtract(psi_b, psi_sum)
    trigamma = polygamma_signed(both, 1)
    if mixed:
        factor = twofold.subtract(twofold.multiply(drop, other), trigamma)
    else:
        bend = twofold.subtract(polygamma_signed(first, 1), trigamma)
        factor = twofold.add(twofold.multiply(drop, drop), bend)
    way = np.where(a > 0.0, a, np.abs(a - np.rint(a)))
    step = (np.abs(b) <= 2.0**-13 * way) & (way < 2.0**900)
    if step.any():
        by_series = _bend_by_small_step(np.where(step, a, 1.5), np.where(step, b, 0.0), mixed)
        factor = twofold.choose(step, twofold.whole(by_series), factor)
    logarithm, sign = _log_beta(a, b)
    fine = np.isfinite(factor[0])
    value = exponential(logarithm, twofold.multiply(twofold.choose(fine, factor, psi_a), twofold.whole(sign)))
    reached = (first[0] == a) & (second[0] == b) & (both[0] == total[0]) & fine
    if not reached.all():
        plain = _beta_slope(a, b) * -b * _digamma_rise(a, b)
        if mixed:
            plain = _beta_slope(a, b) * -a * _digamma_rise(b, a) - _beta(a, b) * polygamma_of(total[0], 1)
        value = np.where(reached, value, plain)
    # At a zero of B by the next term of 1/Γ(−m + ε) = (−1)ᵐ·m!·(ε − ψ(m + 1)·ε² + …).
    m, distance = _pole_of_sum(a, b)
    near = (np.abs(distance) <= _NEAR) & (a != 0.0) & (b != 0.0) & (m < 2.0**52)
    if near.any():
        after = psi_signed(twofold.whole(np.where(near, m, 0.0) + 1.0))[0]
        rest = psi_a[0] + (psi_b[0] if mixed else psi_a[0]) - 2.0 * after
        value = np.where(near, _slope_at_zero(a, b) * rest, value)
    if mixed:
        small = np.abs(a) <= 2.0**-9
        if small.any():
            value = np.where(small, _twist_near_origin(np.where(small, a, 0.0), np.where(small, b, 0.0)), value)
    else:
        # B = (1/a + 1/b)·(1 − ζ(2)·a·b + …) near the origin, and 2/a³ is beyond doubles for what is smaller.
        alone = (np.abs(a) < 2.0**-400) | ((np.abs(a) < 2.0**-30) & (np.abs(b) < 2.0**-24))
        value = np.where(alone, 2.0 / a / a / a, value)
    undefined = is_pole(a) | is_pole(b) | np.isnan(total[0]) | (mixed & origin)
    return np.where(undefined, np.nan, value)


def _trigamma(x: Node, order: int = 1) -> Node:
    return polygamma(x, params=(order,))


def _bend_along(y: Node, a: Node, b: Node) -> Node:
    drop, bend = -(b * digamma_rise(a, b)), _trigamma(a) - _trigamma(a + b)
    if y.params[0]:
        other = -(a * digamma_rise(b, a))
        return y * drop + beta(a, b) * (bend * other - drop * _trigamma(a + b) - _trigamma(a + b, 2))
    return y * drop + beta(a, b) * (2.0 * (drop * bend) + (_trigamma(a, 2) - _trigamma(a + b, 2)))


def _bend_across(y: Node, a: Node, b: Node) -> Node:
    drop, other = -(b * digamma_rise(a, b)), -(a * digamma_rise(b, a))
    if y.params[0]:
        bend = _trigamma(b) - _trigamma(a + b)
        return y * other + beta(a, b) * (drop * bend - other * _trigamma(a + b) - _trigamma(a + b, 2))
    return y * other - beta(a, b) * (2.0 * (drop * _trigamma(a + b)) + _trigamma(a + b, 2))


beta_bend: Primitive = elementwise(
    "beta_bend", _beta_bend, partials=(_bend_along, _bend_across),
    doc="A second derivative of the beta function, twice in a, or where the parameter says so in a and b.",
)  # fmt: skip
beta_slope: Primitive = elementwise(
    "beta_slope", _beta_slope,
    partials=(
        lambda y, a, b: beta_bend(a, b, params=(False,)),
        lambda y, a, b: beta_bend(a, b, params=(True,)),
    ),
    doc="The derivative of the beta function in its first argument.",
    reference=lambda m, a, b: m.beta(a, b) * (m.digamma(a) - m.digamma(a + b)), samples=((0.1, 20), (0.1, 20)),
)  # fmt: skip


beta: Primitive = elementwise(
    "beta", _beta, partials=(lambda y, a, b: beta_slope(a, b), lambda y, a, b: beta_slope(b, a)),
    signature="a, b", doc="Beta function, Γ(a)·Γ(b)/Γ(a + b).", domain="a, b > 0, and below 0 where Γ exists",
    rule="B·(ψ(a) − ψ(a+b)), B·(ψ(b) − ψ(a+b))", notation="B(a, b)",
    reference=lambda m, a, b: m.beta(a, b), samples=((0.1, 20), (0.1, 20)),
)  # fmt: skip
