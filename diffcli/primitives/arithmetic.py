"""Sums, products and quotients, and what says that a derivative exists only where its function does."""

from __future__ import annotations

import math

import numpy as np

from diffcli.graph import Array, Node, Primitive
from diffcli.primitives.kinds import elementwise

INF = math.inf
SMALLEST_NORMAL = 2.0**-1022


def _fold_add(a: Node, b: Node) -> Node | None:
    if b.op is negate:
        return a - b.args[0]
    return None


def _is(node: Node, value: float) -> bool:
    """Whether `node` is the literal `value` in every element (so never −0 for 0)."""
    while node.op.name in ("broadcast", "reshape", "transpose"):
        node = node.args[0]
    if node.op.name != "constant":
        return False
    array = node.params[0]
    return bool(array.ndim == 0 and array.item() == value)


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


def _quotient(y: Array, a: Array, b: Array, out: Array | None = None) -> Array:
    again = np.divide(y, b, out=out)
    # Where y = a/b has fallen among the subnormals it has lost digits that a small b brings back to light. Then
    # b is larger than 2⁻⁵³, and where b² overflows the answer is 0 either way.
    size = np.abs(y)
    if not (size < SMALLEST_NORMAL).any():
        return again
    lossy = (size < SMALLEST_NORMAL) & (size != 0.0)
    again = np.where(lossy, a / (b * b), again)
    if out is None:
        return again
    np.copyto(out, again)
    return out


quotient: Primitive = elementwise(
    "quotient", _quotient,
    partials=(lambda q, y, a, b: reciprocal(b), None, lambda q, y, a, b: -quotient(q, y, b)),
    exact=True, writes=True, doc="y/b where y is a/b, with the digits that an underflow of y has taken.",
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
    # Adding 0 makes −0 a +0: a pole at the end of the domain is approached from inside it.
    value = np.add(x, 0.0, out=out)
    if outside.any():
        bits = value.view(np.int64)  # all ones are a NaN
        np.bitwise_or(bits, np.negative(outside.view(np.int8), dtype=np.int64), out=bits)
    return value


within = elementwise(
    "within", _within, partials=(lambda y, x: 1.0,), scales=False, writes=True,
    reference=lambda m, x: x, samples=((0.1, 0.9),),
    doc="x inside [low, high] and NaN outside: a derivative exists only where its function does.",
)  # fmt: skip


def inside(x: Node, low: float, high: float = INF) -> Node:
    """`x`, or NaN where it lies outside [low, high]."""
    return within(x, params=(low, high))
