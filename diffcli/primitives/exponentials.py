"""Exponentials, logarithms and what is made of them: sigmoid, softplus, logaddexp, xlogy, entropy.

Each rule is the form that keeps its relative accuracy over the whole domain, and is NaN outside it: s(x)·s(−x) and
not s·(1 − s), which has no correct digit at 40.
"""

from __future__ import annotations

import math

import numpy as np

from diffcli.graph import TABLE, Array, Primitive
from diffcli.primitives import twofold
from diffcli.primitives.arithmetic import inside, reciprocal, square
from diffcli.primitives.kinds import elementwise

LN2 = math.log(2.0)
LN10 = math.log(10.0)


exp = elementwise(
    "exp", np.exp, partials=(lambda y, x: y,),
    signature="x", doc="Exponential function.", rule="exp(x)", notation="eˣ",
    reference=lambda m, x: m.exp(x), samples=((-20, 20),),
)  # fmt: skip


def _exp2_derivative(x: Array, order: int) -> Array:
    factor = LN2**order
    value = factor * np.exp2(x)
    # From 1024 on the power overflows before the derivative does.
    return np.where(x >= 1024.0, 256.0 * factor * np.exp2(x - 8.0), value)


exp2_derivative: Primitive = elementwise(
    "exp2_derivative", _exp2_derivative, partials=(lambda y, x: exp2_derivative(x, params=(y.params[0] + 1,)),),
    doc="A derivative of 2ˣ; the parameter is its order.",
)  # fmt: skip
exp2 = elementwise(
    "exp2", np.exp2, partials=(lambda y, x: exp2_derivative(x, params=(1,)),),
    signature="x", doc="2 to the power x.", rule="log(2)·2ˣ", notation="2ˣ",
    reference=lambda m, x: m.power(2, x), samples=((-20, 20),),
)  # fmt: skip
expm1 = elementwise(
    "expm1", np.expm1, partials=(lambda y, x: exp(x),),
    signature="x", doc="exp(x) − 1, accurate near 0.", rule="exp(x)", notation="eˣ − 1",
    reference=lambda m, x: m.expm1(x), samples=((-5, 5),),
)  # fmt: skip
log = elementwise(
    "log", np.log, partials=(lambda y, x: reciprocal(inside(x, 0.0)),),
    signature="x", aliases=("ln",), doc="Natural logarithm.", domain="x > 0", rule="1/x",
    reference=lambda m, x: m.log(x), samples=((0.01, 30),),
)  # fmt: skip
log2 = elementwise(
    "log2", np.log2, partials=(lambda y, x: 1.0 / LN2 / inside(x, 0.0),),
    signature="x", doc="Logarithm to base 2.", domain="x > 0", rule="1/(x·log 2)", notation="log₂ x",
    reference=lambda m, x: m.log(x) / m.log(2), samples=((0.01, 30),),
)  # fmt: skip
log10 = elementwise(
    "log10", np.log10, partials=(lambda y, x: 1.0 / LN10 / inside(x, 0.0),),
    signature="x", doc="Logarithm to base 10.", domain="x > 0", rule="1/(x·log 10)", notation="log₁₀ x",
    reference=lambda m, x: m.log10(x), samples=((0.01, 30),),
)  # fmt: skip
log1p = elementwise(
    "log1p", np.log1p, partials=(lambda y, x: reciprocal(1.0 + inside(x, -1.0)),),
    signature="x", doc="log(1 + x), accurate near 0.", domain="x > −1", rule="1/(1+x)", notation="log(1 + x)",
    reference=lambda m, x: m.log1p(x), samples=((-0.9, 9),),
)  # fmt: skip


def _sigmoid(x: Array, out: Array | None = None) -> Array:
    # t/(1 + t) where x < 0, else 1/(1 + t), with t = exp(−|x|), which never overflows.
    t = np.abs(x, out=out)
    np.exp(np.negative(t, out=t), out=t)
    below = 1.0 + t
    np.copyto(t, 1.0, where=x >= 0.0)
    return np.divide(t, below, out=t)


def _softplus(x: Array, out: Array | None = None) -> Array:
    t = np.abs(x, out=out)
    np.log1p(np.exp(np.negative(t, out=t), out=t), out=t)
    return np.add(np.maximum(x, 0.0), t, out=t)


def _log_sigmoid(x: Array, out: Array | None = None) -> Array:
    y = _softplus(-x, out=out)
    return np.negative(y, out=y)


def _logit(x: Array) -> Array:
    # Three forms, each free of cancellation on its part; 1−x and 2x−1 are exact where they are used.
    middle = 2.0 * np.arctanh(2.0 * x - 1.0)
    low = np.log(x / (1.0 - x))
    high = -np.log((1.0 - x) / x)
    return np.where(x < 0.25, low, np.where(x > 0.75, high, middle))


def _sigmoid_slope(x: Array) -> Array:
    t = np.exp(-np.abs(x))
    below: Array = 1.0 + t
    return t / below / below


sigmoid_slope: Primitive = elementwise(
    # s(x)·s(−x): s·(1−s) cancels to 0 from x = 37 on; and s(−x) − s(x) of its derivative near 0.
    "sigmoid_slope", _sigmoid_slope, partials=(lambda y, x: -(y * TABLE["tanh"](0.5 * x)),),
    doc="s(x)·s(−x) = 1/(4·cosh²(x/2)), the derivative of sigmoid.",
    reference=lambda m, x: m.sech(x / 2) ** 2 / 4, samples=((-40, 40),),
)  # fmt: skip
sigmoid: Primitive = elementwise(
    "sigmoid", _sigmoid, writes=True, partials=(lambda y, x: sigmoid_slope(x),),
    signature="x", aliases=("expit", "logistic"), doc="1/(1 + exp(−x)).", rule="s(x)·s(−x)", notation="1/(1 + e⁻ˣ)",
    reference=lambda m, x: 1 / (1 + m.exp(-x)), samples=((-40, 40),),
)  # fmt: skip
logit_slope: Primitive = elementwise(
    # Adding 0 makes −0 a +0: the pole is approached from inside the domain.
    "logit_slope", lambda x: np.where((x >= 0.0) & (x <= 1.0), 1.0 / ((x + 0.0) * (1.0 - x)), np.nan),
    partials=(lambda y, x: (2.0 * x - 1.0) * square(y),), doc="1/(x·(1−x)), the derivative of logit.",
    samples=((0.01, 0.99),),
)  # fmt: skip
logit = elementwise(
    "logit", _logit, partials=(lambda y, x: logit_slope(x),),
    signature="x", doc="log(x/(1−x)), the inverse of sigmoid.", domain="0 < x < 1", rule="1/(x·(1−x))",
    notation="log(x/(1−x))", reference=lambda m, x: m.log(x / (1 - x)), samples=((0.01, 0.99),),
)  # fmt: skip
softplus = elementwise(
    "softplus", _softplus, writes=True, partials=(lambda y, x: sigmoid(x),),
    signature="x", doc="log(1 + exp(x)) without overflow.", rule="sigmoid(x)", notation="log(1 + eˣ)",
    reference=lambda m, x: m.log1p(m.exp(x)), samples=((-40, 40),),
)  # fmt: skip
log_sigmoid = elementwise(
    "log_sigmoid", _log_sigmoid, writes=True, partials=(lambda y, x: sigmoid(-x),),
    signature="x", doc="log(sigmoid(x)) without underflow.", rule="sigmoid(−x)", notation="−log(1 + e⁻ˣ)",
    reference=lambda m, x: -m.log1p(m.exp(-x)), samples=((-40, 40),),
)  # fmt: skip


def _logaddexp(a: Array, b: Array) -> Array:
    high, low = np.maximum(a, b), np.minimum(a, b)
    # The rounding of the difference, which the exponential would magnify, is made good to first order.
    d, e = twofold.two_sum(low, -high)
    more = np.log1p(np.exp(d) * (1.0 + e))
    value = np.where(np.isfinite(d) & np.isfinite(e), high + more, np.logaddexp(a, b))
    # Near its zeros, exp(a) + exp(b) = 1, the larger and what the other adds cancel.
    close = (high < 0.0) & (np.abs(value) < more) & (low > -600.0)
    if close.any():
        high, low = np.where(close, high, -1.0), np.where(close, low, -1.0)
        excess = twofold.add(twofold.expm1(twofold.whole(high)), twofold.exp(twofold.whole(low)))
        value = np.where(close, twofold.log1p(excess)[0], value)
    return value


def _shares(a: Array, b: Array) -> Array:
    # The rounding of a − b, which the exponential would magnify, is made good to first order.
    d, e = twofold.two_sum(a, -b)
    value = _sigmoid(d) * (1.0 + np.where(np.isfinite(e), e, 0.0) * _sigmoid(-d))
    return np.where((a == b) & ~np.isnan(a), np.where(np.isneginf(a), np.nan, 0.5), value)


shares: Primitive = elementwise(
    "shares", _shares,
    partials=(lambda y, a, b: shares_slope(a, b), lambda y, a, b: -shares_slope(a, b)),
    doc="exp(x)/(exp(x) + exp(y)): x's share of a sum of exponentials.",
    reference=lambda m, a, b: 1 / (1 + m.exp(b - a)), samples=((-20, 20), (-20, 20)),
)  # fmt: skip
shares_slope: Primitive = elementwise(
    "shares_slope", lambda a, b: _shares(a, b) * _shares(b, a),
    partials=(lambda y, a, b: -(y * TABLE["tanh"](0.5 * (a - b))), lambda y, a, b: y * TABLE["tanh"](0.5 * (a - b))),
    doc="The product of both shares, the derivative of each.",
    reference=lambda m, a, b: m.sech((a - b) / 2) ** 2 / 4, samples=((-20, 20), (-20, 20)),
)  # fmt: skip
logaddexp = elementwise(
    "logaddexp", _logaddexp, partials=(lambda y, a, b: shares(a, b), lambda y, a, b: shares(b, a)),
    signature="x, y", doc="log(exp(x) + exp(y)) without overflow.", rule="sigmoid(x−y), sigmoid(y−x)",
    notation="log(eˣ + eʸ)",
    reference=lambda m, a, b: m.log(m.exp(a) + m.exp(b)), samples=((-20, 20), (-20, 20)),
)  # fmt: skip


def _xlogy(x: Array, y: Array) -> Array:
    return np.where((x == 0.0) & ~np.isnan(y), 0.0, x * np.log(y))


def _xlogy_slope(a: Array, b: Array) -> Array:
    # Where a is 0, the function is 0 for every b.
    return np.where((a == 0.0) & ~np.isnan(b), 0.0, np.where(b < 0.0, np.nan, a / (b + 0.0)))


xlogy_slope: Primitive = elementwise(
    "xlogy_slope", _xlogy_slope,
    partials=(lambda y, a, b: reciprocal(inside(b, 0.0)), lambda y, a, b: -xlogy_slope(y, b)),
    doc="x/y, the derivative of xlogy in y; 0 where x is 0.", samples=((0.1, 5), (0.1, 9)),
)  # fmt: skip
xlogy = elementwise(
    "xlogy", _xlogy, partials=(lambda y, a, b: log(b), lambda y, a, b: xlogy_slope(a, b)),
    signature="x, y", doc="x·log(y), and 0 where x is 0.", domain="y > 0", rule="log(y), x/y", notation="x·log y",
    reference=lambda m, a, b: a * m.log(b), samples=((-5, 5), (0.1, 9)),
)  # fmt: skip


def _log_times_e(x: Array) -> Array:
    # Near 1/e the sum cancels: log(x·e) = log1p((x − 1/e)·e), and x − 1/e is exact with 1/e in two parts.
    high, low = twofold.INVERSE_E
    near = np.abs(x - high) < 0.125
    return np.where(near, np.log1p(((np.where(near, x, high) - high) - low) * math.e), np.log(x) + 1.0)


log_times_e = elementwise(
    "log_times_e", _log_times_e, partials=(lambda y, x: reciprocal(inside(x, 0.0)),),
    doc="log(e·x) = 1 + log(x).", reference=lambda m, x: 1 + m.log(x), samples=((0.01, 30),),
)  # fmt: skip
entr = elementwise(
    "entr", lambda x: np.where(x < 0.0, -np.inf, 0.0 - _xlogy(x, np.abs(x))), partials=(lambda y, x: -log_times_e(x),),
    signature="x", doc="Entropy −x·log(x); 0 at 0, −∞ below.", domain="x ≥ 0", rule="−log(x) − 1",
    notation="−x·log x", reference=lambda m, x: -x * m.log(x), samples=((0.01, 9),),
)  # fmt: skip
