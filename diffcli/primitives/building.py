"""Building arrays and taking them apart, as people call it: `zeros`, `concat`, `reshape` and the like."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from diffcli.errors import ExpressionError
from diffcli.graph import Builder, Node, show_shape
from diffcli.primitives.catalogue import axis_of, function, whole_number
from diffcli.primitives.structure import (
    concat,
    cumsum,
    diagonal,
    diagonal_matrix,
    index,
    reshaped,
    stack,
    sum_,
    swapped,
    transpose,
)

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
