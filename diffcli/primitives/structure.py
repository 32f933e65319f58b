"""Operations that move numbers about: linear, each the transpose of another, so no other rule mentions shapes.

Arrays carry the batch on their last axis. Axes are counted from the front, so the batch never disturbs them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import accumulate
from typing import Any, TypeAlias

import numpy as np

from diffcli.graph import Array, Node, Primitive, Shape
from diffcli.primitives.kinds import along_another, linear, total

#: What moves numbers or takes one of them as it is.
MOVES = frozenset({"broadcast", "reshape", "transpose", "index", "concat", "stack", "diagonal", "diagonal_matrix"})

#: One entry an axis: a position, or (start, stop, step) of a slice, all non-negative but the step.
Key: TypeAlias = tuple[int | tuple[int | None, int | None, int], ...]


#: NumPy takes as long for a row of so many numbers as for its first.
SHORT = 16
#: Added to a number it leaves every bit of it, be it +0 or −0.
NOTHING = np.array(-0.0)
#: What is added to what, and where the sum goes.
Addition: TypeAlias = tuple[Array, Array, Array]


def halves(x: Array, axis: int, out: Array | None = None) -> Array:
    """The sum along `axis`, which stays with length 1, by halves; into `out`, where that is given.

    The order of the additions depends on the length alone, so a batch gives the bits of each of its points; the
    rounding error grows like log₂ n.
    """
    n = x.shape[axis]
    if n == 1 and out is None:
        return x
    room = partial(np.empty, dtype=x.dtype)
    if out is None:
        out = room((*x.shape[:axis], 1, *x.shape[axis + 1 :]))
    for a, b, place in additions(x, axis, out, room):
        np.add(a, b, out=place)
    return out


def additions(x: Array, axis: int, out: Array, room: Callable[[Shape], Array]) -> Iterator[Addition]:
    """The additions by which `halves` comes to `out`, in order; `room` gives memory for the sums on the way."""
    n = x.shape[axis]
    if n < 2:
        yield (x if n else np.zeros(out.shape)), NOTHING, out
        return
    if math.prod(x.shape[axis + 1 :]) < SHORT and math.prod(x.shape[:axis]) >= SHORT * n:
        # Little lies behind the axis: its elements, each with all that lies before it, are the rows.
        yield from _additions_of_rows(np.moveaxis(x, axis, 0), np.moveaxis(out, axis, 0), room)
        return
    row, last = x.swapaxes(0, axis), out.swapaxes(0, axis)
    place = None  # the first sums' own memory, which takes all later ones
    while n > 1:
        half = n // 2
        if half == 1:
            place = last
        elif place is None:
            place = room((*x.shape[:axis], half, *x.shape[axis + 1 :])).swapaxes(0, axis)
        else:
            place = place[:half]
        yield row[:half], row[half : 2 * half], place
        if n % 2:
            yield place[:1], row[n - 1 :], place[:1]
        row, n = place, half


def _additions_of_rows(x: Array, out: Array, room: Callable[[Shape], Array]) -> Iterator[Addition]:
    """The same along the first axis, row by row in the first sums."""
    n = len(x)
    half = n // 2
    rows = out if half == 1 else room((half, *x.shape[1:]))
    for i in range(half):
        yield x[i], x[half + i], rows[i]
    if n % 2:
        yield rows[0], x[n - 1], rows[0]
    if half > 1:
        yield from additions(rows, 0, out, room)


def _broadcast(x: Array, shape: Shape) -> Array:
    lead = (1,) * (len(shape) - (x.ndim - 1))
    return np.broadcast_to(x.reshape(lead + x.shape), (*shape, x.shape[-1]))


def _summed(x: Array, shape: Shape) -> tuple[Array, list[int]]:
    """What is to be added up to `shape`, and along which axes."""
    extra = x.ndim - 1 - len(shape)
    if extra and shape == ():
        return x.reshape(math.prod(x.shape[:-1]), x.shape[-1]), [0]
    return x, [axis for axis, n in enumerate(x.shape[:-1]) if axis < extra or (shape[axis - extra] == 1 and n != 1)]


def _sum(x: Array, shape: Shape, out: Array | None = None) -> Array:
    if out is not None:
        for a, b, place in _sum_additions(x, shape, out, np.empty):
            np.add(a, b, out=place)
        return out
    x, axes = _summed(x, shape)
    for axis in axes:
        x = halves(x, axis)
    return x.reshape((*shape, x.shape[-1]))


def _sum_additions(x: Array, shape: Shape, out: Array, room: Callable[[Shape], Array]) -> Iterator[Addition]:
    """The additions by which `_sum` comes to `out`, in order."""
    x, axes = _summed(x, shape)
    if not axes:
        yield x.reshape(out.shape), NOTHING, out
    for axis in axes:
        one = (*x.shape[:axis], 1, *x.shape[axis + 1 :])
        total = out.reshape(one) if axis == axes[-1] else room(one)
        yield from additions(x, axis, total, room)
        x = total


def _same_axes(node: Node) -> bool:
    return len(node.shape) == len(node.args[0].shape)


broadcast = linear(
    "broadcast", _broadcast, lambda s, shape: shape,
    lambda node, bar, i: sum_(bar, params=(node.args[0].shape,)), boolean=None, view=True, exact=True,
    keeps_rows=_same_axes, doc="Repeats along new axes and axes of length 1, by NumPy's rule.",
)  # fmt: skip
sum_: Primitive = linear(
    "sum", _sum, lambda s, shape: shape,
    lambda node, bar, i: bar.builder.broadcast(bar, node.args[0].shape), writes=True,
    additions=_sum_additions, keeps_rows=_same_axes, doc="Adds up to the given shape: the transpose of broadcast.",
)  # fmt: skip
reshape = linear(
    "reshape", lambda x, shape: x.reshape((*shape, x.shape[-1])), lambda s, shape: shape,
    lambda node, bar, i: reshaped(bar, node.args[0].shape), boolean=None, view=True, exact=True,
    keeps_rows=lambda node: True, doc="The same numbers, row by row, in another shape.",
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
    keeps_rows=lambda node: bool(node.params[0][0] == 0), doc="Reorders the axes.",
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
    boolean=None, view=True, exact=True, keeps_rows=lambda node: node.params[0][:1] == ((0, node.shape[0], 1),),
    doc="A part of an array.",
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
    _concat_transpose, writes=True, keeps_rows=along_another, doc="Joins arrays along an axis.",
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
    keeps_rows=along_another, doc="Running sums along an axis, from its start or from its end.",
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
    data=(1,), keeps_rows=along_another, doc="Reorders along an axis: position k gets element order[k].",
)  # fmt: skip
put: Primitive = linear(
    "put", _put, lambda s, order, axis: s, lambda node, bar, i: take(bar, node.args[1], params=node.params),
    data=(1,), keeps_rows=along_another, doc="Undoes take: element k goes to position order[k].",
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
