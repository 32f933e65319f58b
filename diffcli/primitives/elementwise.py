"""Smooth functions of one or two numbers.

Each rule is the form that keeps its relative accuracy over the whole domain, and is NaN outside it. The
textbook form is often another one: 1 − tanh² has no correct digit at 20, 1/√(1−x²) half of them near 1.
"""

from __future__ import annotations

import math

import numpy as np

from diffcli.graph import TABLE, Array, Node, Partial, Primitive
from diffcli.primitives import twofold
from diffcli.primitives.kinds import elementwise

INF = math.inf
LN2 = math.log(2.0)
LN10 = math.log(10.0)
DEGREE = math.pi / 180.0
SMALLEST_NORMAL = 2.0**-1022


# Arithmetic -------------------------------------------------------------------------------------------------


def _fold_add(a: Node, b: Node) -> Node | None:
    if b.op is negate:
        return a - b.args[0]
    return None


def _is(node: Node, value: float) -> bool:
    """Whether `node` is the literal `value` in every element (so never −0 for 0)."""
    while node.op.name == "broadcast":
        node = node.args[0]
    if node.op.name != "constant":
        return False
    array = node.params[0]
    return bool(array.ndim == 0 and array == value)


def _fold_multiply(a: Node, b: Node) -> Node | None:
    if not (a.constant or b.constant):
        return None
    for one, other in ((a, b), (b, a)):
        if _is(one, 1.0):
            return other
        if _is(one, -1.0):
            return -other
    return None


def _fold_divide(a: Node, b: Node) -> Node | None:
    return a if b.constant and _is(b, 1.0) else None


def _fold_negate(x: Node) -> Node | None:
    return x.args[0] if x.op.name == "negate" else None


add = elementwise(
    "add", np.add, partials=(lambda y, a, b: 1.0, lambda y, a, b: 1.0),
    exact=True, scales=False, operator="+", fold=_fold_add,
    reference=lambda m, a, b: a + b, samples=((-9, 9), (-9, 9)),
)  # fmt: skip
subtract = elementwise(
    "subtract", np.subtract, partials=(lambda y, a, b: 1.0, lambda y, a, b: -1.0),
    exact=True, scales=False, operator="-",
    reference=lambda m, a, b: a - b, samples=((-9, 9), (-9, 9)),
)  # fmt: skip
multiply = elementwise(
    "multiply", np.multiply, partials=(lambda y, a, b: b, lambda y, a, b: a),
    exact=True, operator="*", fold=_fold_multiply,
    reference=lambda m, a, b: a * b, samples=((-9, 9), (-9, 9)),
)  # fmt: skip
divide = elementwise(
    # −(y/b) rather than −a/b²: b² overflows long before the quotient does.
    "divide", np.divide, partials=(lambda y, a, b: reciprocal(b), lambda y, a, b: -quotient(y, a, b)),
    exact=True, operator="/", fold=_fold_divide,
    reference=lambda m, a, b: a / b, samples=((-9, 9), (0.1, 9)),
)  # fmt: skip


def _quotient(y: Array, a: Array, b: Array) -> Array:
    again = y / b
    # Where y = a/b has fallen among the subnormals it has lost digits that a small b brings back to light. Then
    # b is larger than 2⁻⁵³, and where b² overflows the answer is 0 either way.
    lossy = (np.abs(y) < SMALLEST_NORMAL) & (y != 0.0)
    return np.where(lossy, a / (b * b), again) if lossy.any() else again


quotient: Primitive = elementwise(
    "quotient", _quotient,
    partials=(lambda q, y, a, b: reciprocal(b), None, lambda q, y, a, b: -quotient(q, y, b)),
    exact=True, doc="y/b where y is a/b, with the digits that an underflow of y has taken.",
)  # fmt: skip
negate: Primitive = elementwise(
    "negate", np.negative, partials=(lambda y, x: -1.0,),
    exact=True, scales=False, fold=_fold_negate, reference=lambda m, x: -x, samples=((-9, 9),),
)  # fmt: skip
reciprocal: Primitive = elementwise(
    "reciprocal", np.reciprocal, partials=(lambda y, x: -square(y),),
    exact=True, reference=lambda m, x: 1 / x, samples=((0.1, 9),),
)  # fmt: skip
square: Primitive = elementwise(
    "square", np.square, partials=(lambda y, x: 2.0 * x,),
    exact=True, reference=lambda m, x: x * x, samples=((-9, 9),),
)  # fmt: skip


def _within(x: Array, low: float, high: float, out: Array | None = None) -> Array:
    outside = x < low if high == INF else (x < low) | (x > high)
    bits = np.negative(outside.view(np.int8), out=None if out is None else out.view(np.int64), dtype=np.int64)
    # All ones are a NaN; and adding 0 makes −0 a +0: a pole at the end of the domain is approached from inside it.
    value = np.bitwise_or(bits, x.view(np.int64), out=bits).view(np.float64)
    return np.add(value, 0.0, out=value)


within = elementwise(
    "within", _within, partials=(lambda y, x: 1.0,), scales=False, writes=True,
    reference=lambda m, x: x, samples=((0.1, 0.9),),
    doc="x inside [low, high] and NaN outside: a derivative exists only where its function does.",
)  # fmt: skip


def inside(x: Node, low: float, high: float = INF) -> Node:
    """`x`, or NaN where it lies outside [low, high]."""
    return within(x, params=(low, high))


# Powers -----------------------------------------------------------------------------------------------------


def _fold_power(x: Node, n: Node) -> Node | None:
    if not n.constant:
        return None
    exponent = n.builder.known(n)
    if exponent.size == 0 or (exponent != exponent.flat[0]).any():
        return None
    match float(exponent.flat[0]):
        case 2.0:
            return square(x)
        case 1.0:
            return x
        case 0.0:
            return x.builder.broadcast(x.builder.constant(1.0), x.shape)
        case -1.0:
            return reciprocal(x)
        case 0.5:
            return sqrt(x)
    return None


def _power_base(y: Node, x: Node, n: Node) -> Partial:
    if n.constant:
        exponent = n.builder.known(n)
        # Where n − 1 is exact the rule stays a power, and folds again: 3·x², not a special function. (Not where some
        # n is 0: 0·x⁻¹ is NaN at 0.)
        exact = exponent.all() and ((exponent - 1.0) + 1.0 == exponent).all()
        if exact and ((exponent >= 0.5) | (np.rint(exponent) == exponent)).all():
            return n * x ** _minus_one(n)
    return power_derivative(x, n, params=(1, 0))


def _minus_one(n: Node) -> Node:
    """N − 1 as a constant, so that the rule for the power folds again."""
    value = n.builder.known(n) - 1.0
    return n.builder.constant(value.flat[0] if value.size and (value == value.flat[0]).all() else value)


def _falling(n: Array, j: int, k: int) -> Array:
    """The k-th derivative in n of n·(n−1)⋯(n−j+1)."""
    if k == 0:
        product = np.ones_like(n)
        for i in range(j):
            product = product * (n - i)
        return product
    coefficients = np.polynomial.polynomial.polyfromroots(range(j)) if j else np.ones(1)
    for _ in range(k):
        coefficients = coefficients[1:] * np.arange(1.0, len(coefficients))
    value = np.zeros_like(n)
    for c in coefficients[::-1]:
        value = value * n + c
    return value


def _power_derivative(x: Array, n: Array, j: int, k: int) -> Array:
    """∂ʲ⁺ᵏ xⁿ/∂xʲ∂nᵏ = Σᵢ (k over i)·[dⁱ/dnⁱ n(n−1)⋯(n−j+1)]·x^(n−j)·(log x)^(k−i).

    x^(n−j) is found as xⁿ/xʲ: the rounding of n − j alone would cost log x ulps. At x = 0 the limit from above.
    """
    y = np.power(x, n)
    direct = np.power(x, n - j)
    plain = (np.abs(y) >= SMALLEST_NORMAL) & np.isfinite(y) & (x != 0.0) & np.isfinite(x)
    first = _falling(n, j, 0)
    if k == 0:
        # The factor goes first, and a large power is scaled: n·y must not overflow or underflow where n·xⁿ⁻¹ does not.
        scale = np.where(np.abs(y) >= 2.0**800, 2.0**-200, 1.0)
        early = first * (y * scale)
        for _ in range(j):
            early = early / x
        early = early / scale
        value = np.where(plain, early, first * direct)
        if j == 1:
            # A subnormal power times a huge exponent is a normal number again: by halves, the digits are kept.
            half = np.power(x, 0.5 * n)
            rescued = first * (half * 2.0**300) / x * half * 2.0**-300
            value = np.where(~plain & (y < 1.0) & (half >= SMALLEST_NORMAL) & np.isfinite(rescued), rescued, value)
        return np.where(first == 0.0, 0.0, value)
    divided = y
    for _ in range(j):
        divided = divided / x
    power_ = np.where(plain & np.isfinite(divided), divided, direct)
    logarithm = np.log(x)
    total = np.zeros_like(power_ * logarithm)
    for i in range(min(k, j) + 1):
        total = total + math.comb(k, i) * _falling(n, j, i) * logarithm ** (k - i)
    value = np.where(power_ == 0.0, 0.0, power_ * total)
    if j == 0:
        # A subnormal power times a large logarithm may be a normal number again, and an infinite one times a small
        # logarithm a finite one: by halves, the digits are kept.
        half = np.power(x, 0.5 * n)
        scale = np.where(half < 1.0, 2.0**300, 2.0**-300)
        rescued = (half * scale) * (half * scale) * logarithm**k / scale / scale
        usable = ~plain & (half >= SMALLEST_NORMAL) & np.isfinite(half) & (x > 0.0) & np.isfinite(x)
        value = np.where(usable, rescued, value)
    # At 0 a power's logarithmic factor counts for nothing, unless the power itself is a constant or a pole.
    pole = first * np.power(0.0, n - j) * (-1.0 if k % 2 else 1.0)
    at_zero = np.where(n > j, 0.0, np.where(n < j, np.where(first == 0.0, np.nan, pole), np.nan))
    value = np.where(x == 0.0, at_zero + np.zeros_like(x), value)
    return np.where(np.isnan(n) & (x == 1.0) & (j == 0), 0.0, value)


power = elementwise(
    "power", np.power, partials=(_power_base, lambda y, x, n: power_derivative(x, n, params=(0, 1))),
    operator="^", fold=_fold_power, signature="x, n", aliases=("pow",),
    doc="x to the power n; x^0 is 1.", domain="x > 0, or any x where n is a whole number",
    rule="∂x: n·x^(n−1)   ∂n: xⁿ·log x", notation="xⁿ",
    reference=lambda m, x, n: m.power(x, n), samples=((0.1, 5), (-3, 3)),
)  # fmt: skip
power_derivative: Primitive = elementwise(
    "power_derivative", _power_derivative,
    partials=(
        lambda y, x, n: power_derivative(x, n, params=(y.params[0] + 1, y.params[1])),
        lambda y, x, n: power_derivative(x, n, params=(y.params[0], y.params[1] + 1)),
    ),
    doc="A derivative of xⁿ; the parameters are its orders in x and in n.",
)  # fmt: skip
sqrt = elementwise(
    "sqrt", np.sqrt, partials=(lambda y, x: 0.5 / inside(y, 0.0),), exact=True,
    signature="x", doc="Square root.", domain="x ≥ 0", rule="1/(2√x)", notation="√x",
    reference=lambda m, x: m.sqrt(x), samples=((0, 9),),
)  # fmt: skip
cbrt_slope: Primitive = elementwise(
    "cbrt_slope", lambda x: (1.0 / 3.0) / np.square(np.cbrt(x)),
    partials=(lambda y, x: (-2.0 / 3.0) * (y * reciprocal(x)),),
    doc="The derivative of cbrt.", reference=lambda m, x: 1 / (3 * m.cbrt(abs(x)) ** 2), samples=((0.1, 9),),
)  # fmt: skip
cbrt = elementwise(
    "cbrt", np.cbrt, partials=(lambda y, x: cbrt_slope(x),),
    signature="x", doc="Cube root, odd: cbrt(-8) is -2.", rule="1/(3·∛x²)", notation="∛x",
    reference=lambda m, x: m.sign(x) * m.cbrt(abs(x)), samples=((-9, 9),),
)  # fmt: skip


def _scale(a: Array, b: Array) -> Array:
    """1 where squares are safe, else a power of two at least twice as large as both and at most four times."""
    top = np.maximum(np.abs(a), np.abs(b))
    exponent = np.frexp(np.where(np.isfinite(top), top, 1.0))[1] + 1
    return np.ldexp(1.0, np.where(np.abs(exponent) <= 500, 0, np.clip(exponent, -1021, 1023)))


def _ordinary(length: Array, most: float) -> bool:
    """Whether every scale is 1 and nothing else is special: the plain formula then gives the same bits."""
    return bool(length.size and np.minimum.reduce(length, None) > 1.0 / most and np.maximum.reduce(length, None) < most)


def _direction(a: Array, b: Array) -> Array:
    length: Array = np.hypot(a, b)
    if _ordinary(length, 1e150):
        return a / length
    scale = _scale(a, b)
    u, v = a / scale, b / scale
    value = np.where(np.isinf(b) & np.isfinite(a), 0.0 * u, u / np.hypot(u, v))
    value = np.where(np.isinf(a) & np.isfinite(b), np.copysign(1.0, a), value)
    return np.where((a == 0.0) & (b == 0.0), 0.0, value)


def _inverse_part(a: Array, b: Array) -> Array:
    square_sum: Array = a * a + b * b
    if _ordinary(square_sum, 1e290):
        return a / square_sum
    scale = _scale(a, b)
    u, v = a / scale, b / scale
    # Of the two divisions by the scale and the one by the sum of squares, those that enlarge come first.
    square_sum = u * u + v * v
    value = np.where(scale < 1.0, u / scale / square_sum, u / square_sum / scale)
    value = np.where(np.isinf(a) | np.isinf(b), 0.0 * np.sign(a), value)
    return np.where(np.isnan(a) | np.isnan(b), np.nan, value)


direction: Primitive = elementwise(
    "direction", _direction,
    partials=(
        lambda y, a, b: direction(b, a) * (direction(b, a) / _length(a, b)),
        lambda y, a, b: -(y * (direction(b, a) / _length(a, b))),
    ),
    doc="a/√(a² + b²), the cosine of a direction, without overflow; 0 at the origin.",
    reference=lambda m, a, b: a / m.hypot(a, b), samples=((0.1, 9), (-9, 9)),
)  # fmt: skip
inverse_part: Primitive = elementwise(
    # The real part of 1/(a + ib), of which the derivative is −1/(a + ib)²; the difference of squares as a product.
    "inverse_part", _inverse_part,
    partials=(
        lambda y, a, b: ((b - a) / hypot(a, b) / hypot(a, b)) * ((b + a) / hypot(a, b) / hypot(a, b)),
        lambda y, a, b: -2.0 * y * inverse_part(b, a),
    ),
    doc="a/(a² + b²) without overflow or underflow.",
    reference=lambda m, a, b: a / (a * a + b * b), samples=((0.1, 9), (-9, 9)),
)  # fmt: skip


def _length(a: Node, b: Node) -> Node:
    """The hypotenuse, and ∞ at the origin: a convention's derivative there is 0."""
    h = hypot(a, b)
    return TABLE["where"](TABLE["equal"](h, 0.0), INF, h)


hypot: Primitive = elementwise(
    "hypot", np.hypot,
    partials=(lambda y, a, b: direction(a, b), lambda y, a, b: direction(b, a)),
    signature="x, y", doc="√(x² + y²) without overflow.", rule="x/h, y/h with h = hypot(x, y)",
    kink="0 at the origin, the least of the subgradients", notation="√(x² + y²)",
    reference=lambda m, a, b: m.hypot(a, b), samples=((-9, 9), (-9, 9)),
)  # fmt: skip


# Exponentials and logarithms --------------------------------------------------------------------------------

exp = elementwise(
    "exp", np.exp, partials=(lambda y, x: y,),
    signature="x", doc="Exponential function.", rule="exp(x)", notation="eˣ",
    reference=lambda m, x: m.exp(x), samples=((-20, 20),),
)  # fmt: skip
exp2 = elementwise(
    "exp2", np.exp2, partials=(lambda y, x: LN2 * y,),
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


sigmoid: Primitive = elementwise(
    # s(x)·s(−x): s·(1−s) cancels to 0 from x = 37 on.
    "sigmoid", _sigmoid, writes=True, partials=(lambda y, x: y * sigmoid(-x),),
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
    partials=(lambda y, a, b: y * shares(b, a), lambda y, a, b: -(y * shares(b, a))),
    doc="exp(x)/(exp(x) + exp(y)): x's share of a sum of exponentials.",
    reference=lambda m, a, b: 1 / (1 + m.exp(b - a)), samples=((-20, 20), (-20, 20)),
)  # fmt: skip
logaddexp = elementwise(
    "logaddexp", _logaddexp, partials=(lambda y, a, b: shares(a, b), lambda y, a, b: shares(b, a)),
    signature="x, y", doc="log(exp(x) + exp(y)) without overflow.", rule="sigmoid(x−y), sigmoid(y−x)",
    notation="log(eˣ + eʸ)",
    reference=lambda m, a, b: m.log(m.exp(a) + m.exp(b)), samples=((-20, 20), (-20, 20)),
)  # fmt: skip


def _xlogy(x: Array, y: Array) -> Array:
    return np.where((x == 0.0) & ~np.isnan(y), 0.0, x * np.log(y))


def _xlogy_second(y: Node, a: Node, b: Node) -> Partial:
    return TABLE["where"](TABLE["equal"](a, 0.0), 0.0, a / inside(b, 0.0))


xlogy = elementwise(
    "xlogy", _xlogy, partials=(lambda y, a, b: log(b), _xlogy_second),
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
    "entr", lambda x: np.where(x < 0.0, -np.inf, -_xlogy(x, np.abs(x))), partials=(lambda y, x: -log_times_e(x),),
    signature="x", doc="Entropy −x·log(x); 0 at 0, −∞ below.", domain="x ≥ 0", rule="−log(x) − 1",
    notation="−x·log x", reference=lambda m, x: -x * m.log(x), samples=((0.01, 9),),
)  # fmt: skip


# Trigonometry -----------------------------------------------------------------------------------------------

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


# Hyperbolic functions ---------------------------------------------------------------------------------------

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
sech_square: Primitive = elementwise(
    # Divided twice: cosh² would overflow where the quotient is still a number.
    "sech_square", lambda x: 1.0 / np.cosh(x) / np.cosh(x), partials=(lambda y, x: -2.0 * (y * tanh(x)),),
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


def _acosh_bend(y: Node, x: Node) -> Partial:
    # −x·s³, where x·s is taken apart so that it is 1 and not ∞·0 at the far end.
    r = reciprocal(x)
    return -(square(y) * TABLE["where"](x > 2.0, reciprocal(sqrt((1.0 - r) * (1.0 + r))), x * y))


acosh_slope: Primitive = elementwise(
    "acosh_slope", lambda x: 1.0 / (np.sqrt(x - 1.0) * np.sqrt(x + 1.0)), partials=(_acosh_bend,),
    doc="1/(√(x−1)·√(x+1)), the derivative of acosh.",
    samples=((1.1, 30),),
)  # fmt: skip
acosh = elementwise(
    "acosh", np.arccosh, partials=(lambda y, x: acosh_slope(x),),
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
