"""Operations that move numbers about: linear, each the transpose of another, so no other rule mentions shapes.

Arrays carry the batch on their last axis. Axes are counted from the front, so the batch never disturbs them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, TypeAlias

import numpy as np

from diffcli.graph import Array, Node, Primitive, Shape
from diffcli.primitives.kinds import linear, total

#: One entry an axis: a position, or (start, stop, step) of a slice, all non-negative but the step.
Key: TypeAlias = tuple[int | tuple[int | None, int | None, int], ...]


#: NumPy takes as long for a row of so many numbers as for its first.
SHORT = 16


def halves(x: Array, axis: int, out: Array | None = None) -> Array:
    """The sum along `axis`, which stays with length 1, by halves; into `out`, where that is given.

    The order of the additions depends on the length alone, so a batch gives the bits of each of its points; the
    rounding error grows like log₂ n.
    """
    n = x.shape[axis]
    lead = (slice(None),) * axis
    if n > 1 and math.prod(x.shape[axis + 1 :]) < SHORT and math.prod(x.shape[:axis]) >= SHORT * n:
        return _short_halves(x, axis, out)
    if n == 0:
        x = np.zeros((*x.shape[:axis], 1, *x.shape[axis + 1 :]))
    place = None  # the first sums' own memory, which takes all later ones
    while n > 1:
        half = n // 2
        if place is not None:
            place = place[(*lead, slice(0, half))]
        y = np.add(x[(*lead, slice(0, half))], x[(*lead, slice(half, 2 * half))], out=out if n == 2 else place)
        if n % 2:
            y[(*lead, slice(0, 1))] += x[(*lead, slice(n - 1, n))]
        x, n, place = y, half, y
    if out is None or x is out:
        return x
    np.copyto(out, x)
    return out


def _short_halves(x: Array, axis: int, out: Array | None) -> Array:
    """The same, where little lies behind the axis: its elements, each with all that lies before it, are the rows."""
    turned = np.moveaxis(x, axis, 0)
    half = len(turned) // 2
    rows = np.empty((half, *turned.shape[1:]))
    for i in range(half):
        np.add(turned[i], turned[half + i], out=rows[i])
    if len(turned) % 2:
        rows[0] += turned[-1]
    total = np.moveaxis(halves(rows, 0), 0, axis)
    if out is None:
        return total
    np.copyto(out, total)
    return out


def _broadcast(x: Array, shape: Shape) -> Array:
    lead = (1,) * (len(shape) - (x.ndim - 1))
    return np.broadcast_to(x.reshape(lead + x.shape), (*shape, x.shape[-1]))


def _sum(x: Array, shape: Shape, out: Array | None = None) -> Array:
    extra = x.ndim - 1 - len(shape)
    if extra and shape == ():
        x = x.reshape(math.prod(x.shape[:-1]), x.shape[-1])
        extra = 1
    summed = [axis < extra or (shape[axis - extra] == 1 and x.shape[axis] != 1) for axis in range(x.ndim - 1)]
    last = max((axis for axis, each in enumerate(summed) if each), default=None)
    for axis in range(x.ndim - 1):
        if axis == last and out is not None:
            halves(x, axis, out.reshape((*x.shape[:axis], 1, *x.shape[axis + 1 :])))
            return out
        if summed[axis]:
            x = halves(x, axis)
    x = x.reshape((*shape, x.shape[-1]))
    if out is None:
        return x
    np.copyto(out, x)
    return out


broadcast = linear(
    "broadcast", _broadcast, lambda s, shape: shape,
    lambda node, bar, i: sum_(bar, params=(node.args[0].shape,)), boolean=None, view=True, exact=True,
    doc="Repeats along new axes and axes of length 1, by NumPy's rule.",
)  # fmt: skip
sum_: Primitive = linear(
    "sum", _sum, lambda s, shape: shape,
    lambda node, bar, i: bar.builder.broadcast(bar, node.args[0].shape), writes=True,
    doc="Adds up to the given shape: the transpose of broadcast.",
)  # fmt: skip
reshape = linear(
    "reshape", lambda x, shape: x.reshape((*shape, x.shape[-1])), lambda s, shape: shape,
    lambda node, bar, i: reshaped(bar, node.args[0].shape), boolean=None, view=True, exact=True,
    doc="The same numbers, row by row, in another shape.",
)  # fmt: skip


def reshaped(node: Node, shape: Shape) -> Node:
    """`node` in another shape, if it is another."""
    return node if node.shape == shape else reshape(node, params=(shape,))


def _inverse(order: Sequence[int]) -> tuple[int, ...]:
    inverse = [0] * len(order)
    for i, k in enumerate(order):
        inverse[k] = i
    return tuple(inverse)


transpose: Primitive = linear(
    "transpose", lambda x, order: np.transpose(x, (*order, len(order))), lambda s, order: tuple(s[k] for k in order),
    lambda node, bar, i: transpose(bar, params=(_inverse(node.params[0]),)), boolean=None, view=True, exact=True,
    doc="Reorders the axes.",
)  # fmt: skip


def swapped(node: Node) -> Node:
    """The matrix transpose: the last two axes change places."""
    if is_swapped(node):
        return node.args[0]
    return node if len(node.shape) < 2 else transpose(node, params=(_last_two(len(node.shape)),))


def is_swapped(node: Node) -> bool:
    """Whether a node is the transpose of a matrix, or of a stack of them."""
    return node.op is transpose and len(node.shape) > 1 and node.params == (_last_two(len(node.shape)),)


def _last_two(n: int) -> tuple[int, ...]:
    return (*range(n - 2), n - 1, n - 2)


def _key(key: Key) -> tuple[int | slice, ...]:
    return tuple(slice(*k) if isinstance(k, tuple) else k for k in key)


def _index_shape(shape: Shape, key: Key) -> Shape:
    extents = [len(range(*slice(*k).indices(n))) for k, n in zip(key, shape, strict=False) if isinstance(k, tuple)]
    return (*extents, *shape[len(key) :])


def _place(*args: Any, out: Array | None = None) -> Array:
    *parts, keys, shape = args
    batch = max(part.shape[-1] for part in parts)
    out = np.empty((*shape, batch)) if out is None else out
    out.fill(0.0)
    for part, key in zip(parts, keys, strict=True):
        out[_key(key)] += part
    return out


index = linear(
    "index", lambda x, key: x[_key(key)], _index_shape,
    lambda node, bar, i: place(bar, params=((node.params[0],), node.args[0].shape)),
    boolean=None, view=True, exact=True, doc="A part of an array.",
)  # fmt: skip
place: Primitive = linear(
    "place", _place, lambda *args: args[-1],
    lambda node, bar, i: index(bar, params=(node.params[0][i],)), writes=True,
    doc="Adds each argument at its place in an array of zeros: the transpose of index.",
)  # fmt: skip


def joined(terms: Sequence[Node]) -> Node | None:
    """The sum of contributions to one array. Those that fill parts of it are put in place together: n parts of
    an array of n numbers cost n, not n².
    """
    if len(terms) == 1:
        return terms[0]
    parts = [term for term in terms if term.op is place]
    if len(parts) < 2:
        return total(terms)
    rest = [term for term in terms if term.op is not place]
    args = tuple(arg for part in parts for arg in part.args)
    keys = tuple(key for part in parts for key in part.params[0])
    return total([*rest, place(*args, params=(keys, parts[0].shape))])


def _whole(shape: Shape) -> list[int | tuple[int | None, int | None, int]]:
    return [(0, n, 1) for n in shape]


def _concat_transpose(node: Node, bar: Node, i: int) -> Node:
    (axis,) = node.params
    kept = node.builder.kept
    if node not in kept:  # summed once for all arguments
        kept[node] = [0, *accumulate(arg.shape[axis] for arg in node.args)]
    key = _whole(node.shape)
    key[axis] = (kept[node][i], kept[node][i + 1], 1)
    return index(bar, params=(tuple(key),))


def _batched(parts: Sequence[Array]) -> list[Array]:
    batch = max(part.shape[-1] for part in parts)
    return [part if part.shape[-1] == batch else np.broadcast_to(part, (*part.shape[:-1], batch)) for part in parts]


concat = linear(
    "concat", lambda *args, out=None: np.concatenate(_batched(args[:-1]), axis=args[-1], out=out),
    lambda *args: (*args[0][: args[-1]], sum(s[args[-1]] for s in args[:-1]), *args[0][args[-1] + 1 :]),
    _concat_transpose, writes=True, doc="Joins arrays along an axis.",
)  # fmt: skip
stack = linear(
    "stack", lambda *args, out=None: np.stack(_batched(args), out=out), lambda *shapes: (len(shapes), *shapes[0]),
    lambda node, bar, i: index(bar, params=((i,),)), writes=True,
    doc="Stacks arrays of one shape along a new first axis.",
)  # fmt: skip


def _cumsum(x: Array, axis: int, backwards: bool) -> Array:
    if not backwards:
        return np.cumsum(x, axis=axis)
    return np.flip(np.cumsum(np.flip(x, axis), axis=axis), axis)


cumsum: Primitive = linear(
    "cumsum", _cumsum, lambda s, *_: s,
    lambda node, bar, i: cumsum(bar, params=(node.params[0], not node.params[1])),
    doc="Running sums along an axis, from its start or from its end.",
)  # fmt: skip


def _along(axis: int, x: Array, order: Array) -> tuple[Array, Array]:
    batch = max(x.shape[-1], order.shape[-1])
    shape = (*order.shape[:-1], batch)
    return np.broadcast_to(x, (*x.shape[:-1], batch)), np.broadcast_to(order, shape).astype(np.intp)


def _take(x: Array, order: Array, axis: int) -> Array:
    x, at = _along(axis, x, order)
    return np.take_along_axis(x, at, axis)


def _put(x: Array, order: Array, axis: int) -> Array:
    x, at = _along(axis, x, order)
    out = np.empty(x.shape)
    np.put_along_axis(out, at, x, axis)
    return out


take = linear(
    "take", _take, lambda s, order, axis: s, lambda node, bar, i: put(bar, node.args[1], params=node.params),
    data=(1,), doc="Reorders along an axis: position k gets element order[k].",
)  # fmt: skip
put: Primitive = linear(
    "put", _put, lambda s, order, axis: s, lambda node, bar, i: take(bar, node.args[1], params=node.params),
    data=(1,), doc="Undoes take: element k goes to position order[k].",
)  # fmt: skip


def _diagonal(x: Array) -> Array:
    n = min(x.shape[0], x.shape[1])
    return x[np.arange(n), np.arange(n)]


def _diagonal_matrix(x: Array, shape: Shape) -> Array:
    out = np.zeros((*shape, x.shape[-1]))
    out[np.arange(len(x)), np.arange(len(x))] = x
    return out


diagonal = linear(
    "diagonal", _diagonal, lambda s: (min(s),),
    lambda node, bar, i: diagonal_matrix(bar, params=(node.args[0].shape,)), doc="The diagonal of a matrix.",
)  # fmt: skip
diagonal_matrix: Primitive = linear(
    "diagonal_matrix", _diagonal_matrix, lambda s, shape: shape, lambda node, bar, i: diagonal(bar),
    doc="A matrix with the given diagonal and zeros elsewhere.",
)  # fmt: skip
