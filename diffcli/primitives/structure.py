"""Operations that move numbers about: linear, each the transpose of another, so no other rule mentions shapes.

Arrays carry the batch on their last axis. Axes are counted from the front, so the batch never disturbs them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, TypeAlias

import numpy as np

from diffcli.errors import ExpressionError
from diffcli.graph import Array, Builder, Node, Primitive, Shape, show_shape
from diffcli.primitives.catalogue import axis_of, function, whole_number
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

# What people call -------------------------------------------------------------------------------------------

LINEAR = {"family": "building", "rule": "linear: the cotangent goes back to where the number came from"}
CONSTANT = {"family": "building", "rule": "a constant: no derivative"}


def shape_from(nodes: Sequence[Node], what: str) -> tuple[int, ...]:
    """A shape given as numbers, ``(2, 3)``, or as one array, ``([2, 3])``."""
    if len(nodes) == 1 and len(nodes[0].shape) == 1:
        (node,) = nodes
        nodes = [index(node, params=((i,),)) for i in range(node.shape[0])]
    return tuple(whole_number(size, what) for size in nodes)


def _filled(builder: Builder, value: float, nodes: Sequence[Node]) -> Node:
    shape = shape_from(nodes, "a size")
    if any(n < 0 for n in shape):
        raise ExpressionError(f"an array cannot have the shape {shape}", code="shape")
    return builder.broadcast(builder.constant(value), shape)


@function("n, …", doc="An array of zeros: zeros(3), zeros(2, 3).", notation="0", **CONSTANT)
def zeros(builder: Builder, *nodes: Node) -> Node:
    """An array of zeros."""
    return _filled(builder, 0.0, nodes)


@function("n, …", doc="An array of ones: ones(3), ones(2, 3).", notation="1", **CONSTANT)
def ones(builder: Builder, *nodes: Node) -> Node:
    """An array of ones."""
    return _filled(builder, 1.0, nodes)


@function("n, m=n", doc="The identity matrix, n × n or n × m.", notation="I", **CONSTANT)
def eye(builder: Builder, *nodes: Node) -> Node:
    """The identity matrix."""
    sizes = [whole_number(node, "a size") for node in nodes]
    if min(sizes) < 0:
        raise ExpressionError(f"an array cannot have the shape {(sizes[0], sizes[-1])}", code="shape")
    builder.make_room((sizes[0], sizes[-1]))
    return builder.constant(np.eye(sizes[0], sizes[-1]))


@function("start=0, stop, step=1", doc="From start up to, not including, stop: arange(3) is 0, 1, 2.", **CONSTANT)
def arange_(builder: Builder, *nodes: Node) -> Node:
    """Equally spaced whole steps."""
    bounds = []
    for node in nodes:
        if not node.constant or node.shape != ():
            raise ExpressionError("the bounds of arange must be numbers known before the point is", code="shape")
        bounds.append(float(builder.known(node)))
    if len(bounds) == 3 and bounds[2] == 0.0:
        raise ExpressionError("the step of arange must not be 0", code="shape")
    start, stop, step = (0.0, *bounds, 1.0) if len(bounds) == 1 else (*bounds, 1.0)[:3]
    count = (stop - start) / step
    if not math.isfinite(count):
        raise ExpressionError("arange needs finite bounds and a step that they are not too many of", code="shape")
    builder.make_room((max(0, math.ceil(count)),))
    return builder.constant(np.arange(*bounds, dtype=np.float64))


@function("a, b, n", family="building", doc="n numbers from a to b, both included.", rule="linear in a and b")
def linspace(builder: Builder, a: Node, b: Node, n: Node) -> Node:
    """Equally spaced numbers, differentiable in both ends."""
    count = whole_number(n, "the number of points")
    if count < 0:
        raise ExpressionError("linspace needs a number of points, 0 or more", code="shape")
    builder.make_room((count,))
    t = builder.constant(np.linspace(0.0, 1.0, count))
    return a * (1.0 - t) + b * t


@function("a, …, axis=", doc="Joins arrays along an axis (the first).", **LINEAR)
def concat_(builder: Builder, *nodes: Node, axis: Node | None = None) -> Node:
    """Joins arrays along an axis."""
    if any(node.shape == () for node in nodes):
        raise ExpressionError("concat joins arrays, not numbers", hint="write [a, b] or stack(a, b)", code="shape")
    k = 0 if axis is None else axis_of(nodes[0], axis)
    for node in nodes:
        rest = (node.shape[:k], node.shape[k + 1 :])
        if len(node.shape) != len(nodes[0].shape) or rest != (nodes[0].shape[:k], nodes[0].shape[k + 1 :]):
            raise ExpressionError(
                f"shapes {show_shape(nodes[0].shape)} and {show_shape(node.shape)} cannot be joined along axis {k}",
                code="shape",
            )
    return concat(*nodes, params=(k,))


@function("a, …, axis=", doc="Stacks arrays of one shape along a new axis (the first).", **LINEAR)
def stack_(builder: Builder, *nodes: Node, axis: Node | None = None) -> Node:
    """Stacks arrays along a new axis."""
    for node in nodes:
        if node.shape != nodes[0].shape:
            raise ExpressionError(
                f"shapes {show_shape(nodes[0].shape)} and {show_shape(node.shape)} cannot be stacked", code="shape"
            )
    stacked = stack(*nodes)
    k = 0 if axis is None else axis_of(stacked, axis)
    rest = list(range(1, len(stacked.shape)))
    rest.insert(k, 0)
    return stacked if k == 0 else transpose(stacked, params=(tuple(rest),))


@function("x, n, …", doc="The same numbers in another shape; one size may be −1.", **LINEAR)
def reshape_(builder: Builder, x: Node, *sizes: Node) -> Node:
    """The same numbers in another shape."""
    shape = list(shape_from(sizes, "a size"))
    given = 1
    for n in shape:
        given *= n if n >= 0 else 1
    if shape.count(-1) == 1 and given and x.size % given == 0:
        shape[shape.index(-1)] = x.size // given
    product = 1
    for n in shape:
        product *= n
    if product != x.size or any(n < 0 for n in shape):
        raise ExpressionError(
            f"{x.size} numbers of shape {show_shape(x.shape)} do not fill the shape {tuple(shape)}", code="shape"
        )
    return reshaped(x, tuple(shape))


@function("x", doc="All the numbers in a row.", **LINEAR)
def flatten(builder: Builder, x: Node) -> Node:
    """All the numbers in a row."""
    return reshaped(x, (x.size,))


@function("x", doc="How many elements x has along its first axis.", **CONSTANT)
def len_(builder: Builder, x: Node) -> Node:
    """The extent of the first axis."""
    if not x.shape:
        raise ExpressionError("len needs an array, and this is a single number", code="shape")
    return builder.constant(float(x.shape[0]))


@function(
    "A",
    family="linear algebra",
    doc="The transpose, the same as A'.",
    rule="the transpose of the cotangent",
    notation="Aᵀ",
)
def transpose_(builder: Builder, a: Node) -> Node:
    """The matrix transpose."""
    return swapped(a)


@function(
    "x", family="linear algebra", doc="The diagonal of a matrix, or the matrix with that diagonal.",
    rule="linear: back to the diagonal",
)  # fmt: skip
def diag(builder: Builder, x: Node) -> Node:
    """The diagonal of a matrix, or a diagonal matrix."""
    if len(x.shape) == 1:
        return diagonal_matrix(x, params=((x.shape[0], x.shape[0]),))
    if len(x.shape) == 2:
        return diagonal(x)
    raise ExpressionError(f"diag needs a vector or a matrix, not {show_shape(x.shape)}", code="shape")


@function("A", family="linear algebra", doc="The sum of the diagonal.", rule="the identity matrix", notation="tr A")
def trace(builder: Builder, a: Node) -> Node:
    """The sum of the diagonal."""
    if len(a.shape) != 2:
        raise ExpressionError(f"trace needs a matrix, not {show_shape(a.shape)}", code="shape")
    return sum_(diagonal(a), params=((),))


@function("x, axis=", family="along an axis", doc="Running sums.", rule="running sums of the cotangent, from the end")
def cumsum_(builder: Builder, x: Node, axis: Node | None = None) -> Node:
    """Running sums."""
    if axis is None and len(x.shape) != 1:
        x = reshaped(x, (x.size,))
    return cumsum(x, params=(0 if axis is None else axis_of(x, axis), False))
