"""The beta function, from logarithms in twice the precision that do not cancel."""

from __future__ import annotations

import numpy as np

from diffcli.graph import Array, Node, Primitive
from diffcli.primitives import twofold
from diffcli.primitives.arithmetic import square
from diffcli.primitives.gamma_family import (
    STIRLING,
    digamma_of,
    exponential,
    is_pole,
    log_gamma_signed,
    polygamma,
    polygamma_of,
    psi_signed,
    stirling_series,
)
from diffcli.primitives.kinds import elementwise
from diffcli.primitives.twofold import Two


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
    # 1/b + 1/a for the smallest, (b−1)!·a⁻ᵇ for the largest; the sum a pole: 0; one of them a pole: none.
    value = np.where(np.abs(b) < 2.0**-1000, 1.0 / b + np.where(np.abs(a) < 2.0**-70, 1.0 / a, 0.0), value)
    value = np.where(((a >= 2.0**53) & (b > 2.0**20)) | (np.isposinf(a) & (b > 0.0)), 0.0, value)
    value = np.where((total[0] <= 0.0) & (total[0] == np.rint(total[0])) & (total[1] == 0.0), 0.0, value)
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
    safe = np.where(step, a, 1.5)
    value = np.where(step, polygamma_of(safe, 1) + 0.5 * b * polygamma_of(safe, 2), value)
    return np.where(is_pole(a) | is_pole(total[0]) | np.isnan(a) | np.isnan(b), np.nan, value)


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
    value = exponential(logarithm, twofold.whole(-sign * np.where(finite, m * n, 1.0)), p + q)
    value = np.where(np.minimum(np.abs(a), np.abs(b)) < 2.0**-1000, -_digamma_rise(a, b), value)
    least, most = np.minimum(a, b), np.maximum(a, b)
    value = np.where(finite, value, np.where(np.isinf(n) & (a == 0.0), -np.inf, np.nan))
    value = np.where(((most >= 2.0**53) & (least > 2.0**20)) | (np.isposinf(most) & (least > 0.0)), 0.0, value)
    undefined = is_pole(a) | is_pole(b) | is_pole(a + b) | np.isnan(a + b)
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
