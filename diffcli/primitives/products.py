"""Products of vectors and matrices."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from diffcli.errors import ExpressionError
from diffcli.graph import Array, Builder, Node, Primitive, Shape, broadcast_shapes, show_shape
from diffcli.primitives.catalogue import function
from diffcli.primitives.kinds import add_up, bilinear, expand, only_where
from diffcli.primitives.structure import halves, index, is_swapped, reshaped, stack, sum_, swapped

#: Below so many multiplications a point, products are summed over the whole batch at once; above, each point's
#: matrices go to BLAS. The choice depends on the shapes alone, so a point gives the same bits in any batch.
BLAS_FROM = 4096
#: From about so many multiplications on, BLAS shares a product among threads of its own.
BLAS_SHARES_FROM = 1 << 18
#: Up to so many products a matrix product is taken apart where not every element of it is looked at.
SIFTED_UP_TO = 1 << 22


def _matmul(a: Array, b: Array, out: Array | None = None, turned: tuple[bool, bool] = (False, False)) -> Array:
    """A @ B, the points last; `turned` says which of the two the graph has as transposes of what is at hand."""
    *_, n, k, _ = a.shape
    m = b.shape[-2]
    if n * k * m < BLAS_FROM:
        place = None if out is None else out[..., :, np.newaxis, :, :]
        value = halves(a[..., :, :, np.newaxis, :] * b[..., np.newaxis, :, :, :], a.ndim - 2, place)[..., :, 0, :, :]
        return value if out is None else out
    batch = max(a.shape[-1], b.shape[-1])
    left, right = _matrices(a, turned[0]), _matrices(b, turned[1])
    if np.may_share_memory(left, right):  # NumPy has a routine of its own for A·Aᵀ, which a batch of copies never meets
        left = left.copy("K")
    shape = (*a.shape[:-3], n, m)
    found = np.empty((batch, *shape)) if out is None or batch > 1 else out.reshape((1, *shape))
    for i in range(batch):
        np.matmul(left[i if len(left) > 1 else 0], right[i if len(right) > 1 else 0], out=found[i])
    if out is None:
        return np.ascontiguousarray(np.moveaxis(found, 0, -1))
    if batch > 1:
        np.copyto(out, np.moveaxis(found, 0, -1))
    return out


def _matrices(x: Array, turned: bool) -> Array:
    """A matrix a point, contiguous, or the transpose of one that is: BLAS then sees the same layout in every batch."""
    first = np.moveaxis(x, -1, 0) if x.shape[-1] > 1 else x[np.newaxis, ..., 0]
    return np.ascontiguousarray(first.swapaxes(-1, -2)).swapaxes(-1, -2) if turned else np.ascontiguousarray(first)


def _without_copies(node: Node) -> Callable[..., Array] | None:
    """The same for factors that are transposes: BLAS reads them as they lie. But what it reads all the time, a small
    factor on the right, it reads faster row by row.
    """
    left, right = (is_swapped(arg) for arg in node.args)
    right = right and 4 * node.args[1].size > node.args[0].size
    return partial(_matmul, turned=(left, right)) if left or right else None


def _matmul_shape(a: Shape, b: Shape) -> Shape:
    return (*a[:-1], b[-1])


def _reached(node: Node, flags: Node, i: int) -> Node:
    """An element of the product looks at a row of the left factor and at a column of the right one."""
    axis = len(node.shape) - 1 - i
    return expand(add_up(flags, axis), axis, node.args[i].shape[axis])


def _sifted(node: Node, bar: Node, i: int, condition: Node) -> Node:
    if i == 0:
        return swapped(_sum_where(swapped(node.args[1]), swapped(bar), swapped(condition)))
    return _sum_where(node.args[0], bar, condition)


def _sum_where(left: Node, bar: Node, condition: Node) -> Node:
    """Σᵢ left[i,k]·bar[i,j] over the i with condition[i,j]; of large matrices over those with some condition[i,·]."""
    builder, axis = bar.builder, len(bar.shape) - 2
    rows, columns = left.shape[-1], bar.shape[-1]
    if columns != 1 and bar.size * rows <= SIFTED_UP_TO:
        products = expand(left, axis + 2, columns) * expand(bar, axis + 1, rows)
        return add_up(only_where(expand(condition, axis + 1, rows), products), axis)
    some = condition if columns == 1 else expand(add_up(builder.number(condition), axis + 1), axis + 1, 1)
    kept = only_where(builder.broadcast(builder.truth(some), left.shape), left)
    return matmul(swapped(kept), only_where(condition, bar))


def _small_stack(node: Node) -> bool:
    """Whether the rows are matrices of a stack, each too small a product for BLAS to share among threads."""
    return len(node.shape) > 2 and node.shape[-1] * node.shape[-2] * node.args[0].shape[-1] < BLAS_SHARES_FROM


matmul: Primitive = bilinear(
    "matmul", _matmul, _matmul_shape,
    (lambda node, bar: matmul(bar, swapped(node.args[1])), lambda node, bar: matmul(swapped(node.args[0]), bar)),
    reaches=_reached, sifted=_sifted, operator="@", writes=True, shorter=_without_copies,
    keeps_rows=_small_stack,
    doc="The product of matrices, or of stacks of them.",
)  # fmt: skip

PRODUCT = {"family": "linear algebra", "rule": "bilinear: each factor meets the cotangent"}


@function("A, B", doc="The matrix product, the same as A @ B.", notation="A·B", **PRODUCT)
def matmul_(builder: Builder, a: Node, b: Node) -> Node:
    """The product A @ B, by NumPy's rule for vectors, matrices and stacks of matrices."""
    a, b = builder.number(a), builder.number(b)
    if not a.shape or not b.shape:
        raise ExpressionError("@ multiplies vectors and matrices, not numbers", hint="write *", code="shape")
    inner = b.shape[-2] if len(b.shape) > 1 else b.shape[0]
    if a.shape[-1] != inner:
        raise ExpressionError(
            f"shapes {show_shape(a.shape)} and {show_shape(b.shape)} do not fit: "
            f"{a.shape[-1]} columns meet {inner} rows",
            code="shape",
        )
    left = reshaped(a, (1, *a.shape)) if len(a.shape) == 1 else a
    right = reshaped(b, (*b.shape, 1)) if len(b.shape) == 1 else b
    lead = broadcast_shapes([left.shape[:-2], right.shape[:-2]])
    left = builder.broadcast(left, (*lead, *left.shape[-2:]))
    right = builder.broadcast(right, (*lead, *right.shape[-2:]))
    rows = () if len(a.shape) == 1 else (left.shape[-2],)
    columns = () if len(b.shape) == 1 else (right.shape[-1],)
    return reshaped(matmul(left, right), (*lead, *rows, *columns))


@function("a, b", doc="The scalar product of two vectors; of matrices, their product.", notation="a·b", **PRODUCT)
def dot(builder: Builder, a: Node, b: Node) -> Node:
    """The scalar product."""
    if len(a.shape) == len(b.shape) == 1:
        if a.shape != b.shape:
            raise ExpressionError(f"dot needs vectors of one length, not {a.shape[0]} and {b.shape[0]}", code="shape")
        return sum_(a * b, params=((),))
    if not a.shape or not b.shape:
        return a * b
    return matmul_(builder, a, b)


@function("a, b", doc="The matrix of all products aᵢ·bⱼ.", notation="a·bᵀ", **PRODUCT)
def outer(builder: Builder, a: Node, b: Node) -> Node:
    """The outer product."""
    return reshaped(a, (a.size, 1)) * reshaped(b, (1, b.size))


@function("a, b", doc="The vector product in three dimensions.", notation="a × b", **PRODUCT)
def cross(builder: Builder, a: Node, b: Node) -> Node:
    """The vector product."""
    if a.shape != (3,) or b.shape != (3,):
        raise ExpressionError(
            f"cross needs two vectors of length 3, not {show_shape(a.shape)} and {show_shape(b.shape)}", code="shape"
        )
    (a0, a1, a2), (b0, b1, b2) = ([index(v, params=((i,),)) for i in range(3)] for v in (a, b))
    return stack(a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0)
