"""Powers, roots, and lengths in the plane.

Each rule is the form that keeps its relative accuracy over the whole domain, and is NaN outside it: n·xⁿ⁻¹ from xⁿ,
so that n − 1 is not rounded, and x/(x² + y²) without the squares, which overflow long before it does.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from diffcli.graph import TABLE, Array, Node, Partial, Primitive, ancestors
from diffcli.primitives.arithmetic import INF, SMALLEST_NORMAL, inside, reciprocal, square
from diffcli.primitives.kinds import elementwise


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


#: What numbers that are written down go through without being rounded.
_AS_WRITTEN = frozenset({"constant", "broadcast", "negate", "stack", "concat", "reshape", "transpose", "index"})


def _minus_one(n: Node) -> Node:
    """N − 1 as a constant, so that the rule for the power folds again; as a difference if n is rounded, of which
    exp(1e-9) − 1 has few digits left.
    """
    if any(node.op.name not in _AS_WRITTEN for node in ancestors([n])):
        return n - 1.0
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
    if not len(coefficients):
        return np.zeros_like(n)
    value = np.full_like(n, coefficients[-1])
    for c in coefficients[-2::-1]:
        value = value * n + c
    return value


def _power_derivative(x: Array, n: Array, j: int, k: int) -> Array:
    """∂ʲ⁺ᵏ xⁿ/∂xʲ∂nᵏ = x^(n−j)·Σᵢ (k over i)·[dⁱ/dnⁱ n(n−1)⋯(n−j+1)]·(log x)^(k−i).

    x^(n−j) is found as xⁿ/xʲ: the rounding of n − j alone would cost log x ulps. Mantissas and exponents go their own
    ways, so that only the result overflows or underflows. At x = 0 the limit from above.
    """
    # Where the power itself is no normal number, its root is, or nothing helps.
    y, half = np.power(x, n), np.power(np.abs(x), 0.5 * n)
    falling = _falling(n, j, 0)
    total = falling
    if k:
        logarithm = np.log(x)
        total = np.zeros_like(y)
        for i in range(min(k, j) + 1):
            total = total + math.comb(k, i) * _falling(n, j, i) * logarithm ** (k - i)
    plain = (np.abs(y) >= SMALLEST_NORMAL) & np.isfinite(y)
    usable = (plain | ((half >= SMALLEST_NORMAL) & np.isfinite(half))) & (x != 0.0) & np.isfinite(x)
    (root, height), (mantissa, exponent) = np.frexp(half), np.frexp(np.where(plain, y, 1.0))
    odd = (x < 0.0) & (np.fmod(n, 2.0) != 0.0)
    mantissa = np.where(plain, mantissa, np.where(odd, -root * root, root * root))
    exponent = np.where(plain, exponent, 2 * height)
    base, step = np.frexp(np.where(usable, x, 1.0))
    factor, more = np.frexp(total)
    value = mantissa * factor
    for _ in range(j):
        value = value / base
    value = np.ldexp(value, exponent + more - j * step)
    # Elsewhere the power is so far out that it outweighs every factor that is not an exact 0.
    direct = np.power(x, n - j)
    outside = np.where(direct == 0.0, 0.0, direct * total)
    value = np.where(usable, value, outside)
    if k == 0:
        value = np.where(falling == 0.0, 0.0, value)
    else:
        # At 0 a power's logarithmic factor counts for nothing, unless the power itself is a constant or a pole.
        pole = falling * np.power(0.0, n - j) * (-1.0 if k % 2 else 1.0)
        at_zero = np.where(n > j, 0.0, np.where(n < j, np.where(falling == 0.0, np.nan, pole), np.nan))
        value = np.where(x == 0.0, at_zero, value)
        # Next to a whole exponent a negative number has no power.
        value = np.where(x < 0.0, np.nan, value)
        if j == 0:
            value = np.where(np.isnan(n) & (x == 1.0), 0.0, value)
    return np.where((x < 0.0) & (n != np.rint(n)), np.nan, value)


def _cube(x: Array, n: Array, out: Array | None = None) -> Array:
    value = np.square(x, out=out)
    return np.multiply(value, x, out=value)


def _fourth(x: Array, n: Array, out: Array | None = None) -> Array:
    value = np.square(x, out=out)
    return np.square(value, out=value)


def _few_products(node: Node) -> Callable[..., Array] | None:
    """How x³ and x⁴ are found: a tenth of the time of a power in general, and still within 2 ulps of the answer."""
    n = node.args[1]
    exponent = n.builder.known(n) if n.constant else np.zeros(0)
    for whole, product in ((3.0, _cube), (4.0, _fourth)):
        if exponent.size and (exponent == whole).all():
            return product
    return None


power = elementwise(
    "power", np.power, partials=(_power_base, lambda y, x, n: power_derivative(x, n, params=(0, 1))),
    operator="^", fold=_fold_power, shorter=_few_products, signature="x, n", aliases=("pow",),
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


# Lengths in the plane ----------------------------------------------------------------------------------------


def _scale(a: Array, b: Array) -> Array:
    """1 where squares are safe, else a power of two at least twice as large as both and at most four times."""
    top = np.maximum(np.abs(a), np.abs(b))
    exponent = np.frexp(np.where(np.isfinite(top), top, 1.0))[1] + 1
    return np.ldexp(1.0, np.where(np.abs(exponent) <= 500, 0, np.clip(exponent, -1021, 1023)))


def _ordinary(length: Array, most: float) -> bool:
    """Whether every scale is 1 and nothing else is special: the plain formula then gives the same bits."""
    if length.size == 1:  # a reduction costs more than all the rest of the formula
        return bool(1.0 / most < length.item() < most)
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
        lambda y, a, b: -((y * direction(b, a)) / _length(a, b)),
    ),
    doc="a/√(a² + b²), the cosine of a direction, without overflow; 0 at the origin.",
    reference=lambda m, a, b: a / m.hypot(a, b), samples=((0.1, 9), (-9, 9)),
)  # fmt: skip
inverse_part: Primitive = elementwise(
    # The real part of 1/(a + ib), of which the derivative is −1/(a + ib)².
    "inverse_part", _inverse_part,
    partials=(
        lambda y, a, b: -inverse_power(a, b, params=(2, 0)),
        lambda y, a, b: -inverse_power(a, b, params=(2, 1)),
    ),
    doc="a/(a² + b²) without overflow or underflow.",
    reference=lambda m, a, b: a / (a * a + b * b), samples=((0.1, 9), (-9, 9)),
)  # fmt: skip


def _inverse_power(a: Array, b: Array, n: int, turns: int) -> Array:
    """Re(iᵏ/(a + ib)ⁿ) of a and b scaled by a power of two, so that nothing on the way overflows or underflows."""
    top = np.maximum(np.abs(a), np.abs(b))
    infinite, exponent = np.isinf(top), np.frexp(np.where(np.isfinite(top), top, 1.0))[1]
    u, v = np.ldexp(np.where(infinite, 1.0, a), -exponent), np.ldexp(np.where(infinite, 1.0, b), -exponent)
    square_sum = u * u + v * v
    real, imaginary = u, -v  # (u − iv)ⁿ; the difference of squares as a product
    if n > 1:
        real, imaginary = (u - v) * (u + v), -2.0 * u * v
    for _ in range(n - 2):
        real, imaginary = real * u + imaginary * v, imaginary * u - real * v
    part = (real, -imaginary, -real, imaginary)[turns % 4]
    for _ in range(n):
        part = part / square_sum
    value = np.where(infinite, 0.0, np.ldexp(part, -n * exponent))
    return np.where(np.isnan(a) | np.isnan(b), np.nan, value)


inverse_power: Primitive = elementwise(
    "inverse_power", _inverse_power,
    partials=(
        lambda y, a, b: -float(y.params[0]) * inverse_power(a, b, params=(y.params[0] + 1, y.params[1])),
        lambda y, a, b: -float(y.params[0]) * inverse_power(a, b, params=(y.params[0] + 1, y.params[1] + 1)),
    ),
    doc="Re(iᵏ/(a + ib)ⁿ), up to a factor the derivatives of log(a + ib); the parameters are n and k.",
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
