"""Products of vectors and matrices, and functions of square matrices."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence

import numpy as np

from diffcli.errors import ExpressionError
from diffcli.graph import Array, Builder, Node, Primitive, Shape, broadcast_shapes, register, show_shape
from diffcli.primitives import twofold
from diffcli.primitives.catalogue import function
from diffcli.primitives.kinds import bilinear, total
from diffcli.primitives.structure import diagonal, halves, index, reshaped, stack, sum_, swapped

#: Below so many multiplications a point, products are summed over the whole batch at once; above, each point's
#: matrices go to BLAS. The choice depends on the shapes alone, so a point gives the same bits in any batch.
BLAS_FROM = 4096


def _matmul(a: Array, b: Array) -> Array:
    *_, n, k, _ = a.shape
    m = b.shape[-2]
    if n * k * m < BLAS_FROM:
        return halves(a[..., :, :, np.newaxis, :] * b[..., np.newaxis, :, :, :], a.ndim - 2)[..., :, 0, :, :]
    batch = max(a.shape[-1], b.shape[-1])
    # Copies, one contiguous matrix a point: BLAS then sees the same layout in every batch.
    left = np.ascontiguousarray(np.moveaxis(a, -1, 0))
    right = np.ascontiguousarray(np.moveaxis(b, -1, 0))
    out = np.empty((batch, *a.shape[:-3], n, m))
    for i in range(batch):
        np.matmul(left[i if len(left) > 1 else 0], right[i if len(right) > 1 else 0], out=out[i])
    return np.ascontiguousarray(np.moveaxis(out, 0, -1))


def _matmul_shape(a: Shape, b: Shape) -> Shape:
    return (*a[:-1], b[-1])


matmul: Primitive = bilinear(
    "matmul", _matmul, _matmul_shape,
    (lambda node, bar: matmul(bar, swapped(node.args[1])), lambda node, bar: matmul(swapped(node.args[0]), bar)),
    operator="@", doc="The product of matrices, or of stacks of them.",
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


# Square matrices --------------------------------------------------------------------------------------------
#
# One matrix a point goes to LAPACK, from a contiguous copy, so a batch gives the bits of each of its points. A
# matrix for which LAPACK gives up (singular, not positive definite, not finite) gives NaN and spares the others.

#: A determinant so much smaller than the product of its rows' lengths is found in exact arithmetic instead.
CANCELLED = 1e-10
#: Up to this size: exact arithmetic takes n³ products of ever longer numbers.
EXACT_UP_TO = 12


def _stacked(a: Array) -> Array:
    return np.ascontiguousarray(np.moveaxis(a, -1, 0))


def _batch_last(a: Array) -> Array:
    return np.ascontiguousarray(np.moveaxis(a, 0, -1))


def _each(f: Callable[..., Array], *stacks: Array, like: Array) -> Array:
    """f of every matrix of the stacks, shaped like `like`; NaN for those it fails on."""
    try:
        return np.asarray(f(*stacks))
    except np.linalg.LinAlgError:
        out = np.full(like.shape, np.nan)
        for i in range(len(out)):
            with contextlib.suppress(np.linalg.LinAlgError):
                out[i] = f(*[stack[i if len(stack) > 1 else 0] for stack in stacks])
        return out


def _exact_determinant(matrix: Array) -> float:
    """The determinant, rounded once: floats are whole numbers times a power of two, eliminated without fractions."""
    shift = 0
    rows: list[list[int]] = []
    for row in matrix:
        ratios = [float(x).as_integer_ratio() for x in row]
        bits = max(q.bit_length() - 1 for _, q in ratios)
        rows.append([p << (bits - q.bit_length() + 1) for p, q in ratios])
        shift += bits
    sign, before, n = 1, 1, len(rows)
    for k in range(n - 1):
        pivot = next((i for i in range(k, n) if rows[i][k]), None)
        if pivot is None:
            return 0.0
        if pivot != k:
            rows[k], rows[pivot] = rows[pivot], rows[k]
            sign = -sign
        for i in range(k + 1, n):
            for j in range(k + 1, n):
                rows[i][j] = (rows[i][j] * rows[k][k] - rows[i][k] * rows[k][j]) // before
        before = rows[k][k]
    value = sign * rows[-1][-1]
    try:
        return value / (1 << shift)
    except OverflowError:
        return math.copysign(math.inf, value)


def _cancels(stack: Array, value: Array) -> Array:
    """Which determinants are so small beside their rows that LAPACK's has few digits left."""
    with np.errstate(all="ignore"):
        lengths = np.sqrt((stack * stack).sum(axis=-1)).prod(axis=-1)
        flags: Array = np.isfinite(stack).all(axis=(-1, -2)) & (np.abs(value) <= CANCELLED * lengths)
    return flags


def _det(a: Array) -> Array:
    stack = _stacked(a)
    value: Array = np.linalg.det(stack)
    if 1 < stack.shape[-1] <= EXACT_UP_TO:
        for i in np.flatnonzero(_cancels(stack, value)):
            value[i] = _exact_determinant(stack[i])
    return value


def _singular(stack: Array) -> Array:
    """Which matrices are exactly singular: rounding turns most of their zero pivots into something tiny."""
    with np.errstate(all="ignore"):
        value = np.linalg.det(stack)
    flags: Array = np.asarray(value == 0.0)
    if 1 < stack.shape[-1] <= EXACT_UP_TO:
        for i in np.flatnonzero(_cancels(stack, value)):
            flags[i] = _exact_determinant(stack[i]) == 0.0
    return flags


def _minor(a: Array, b: Array, c: Array, d: Array) -> Array:
    """A·d − b·c, rounded once or nearly."""
    p, e = twofold.two_product(a, d)
    q, f = twofold.two_product(b, c)
    value: Array = (p - q) + (e - f)
    return np.where(np.isfinite(value), value, a * d - b * c)


def _cross_rows(u: Array, v: Array) -> Array:
    return np.stack([_minor(u[i - 2], u[i - 1], v[i - 2], v[i - 1]) for i in range(3)])


def _cofactor(a: Array) -> Array:
    n = a.shape[0]
    if n == 1:
        return np.ones_like(a)
    if n == 2:
        return np.stack([np.stack([a[1, 1], -a[1, 0]]), np.stack([-a[0, 1], a[0, 0]])])
    if n == 3:
        return np.stack([_cross_rows(a[i - 2], a[i - 1]) for i in range(3)])
    stack = _stacked(a)
    return _batch_last(_each(_cofactor_by_svd, stack, like=stack))


def _without_one(s: Array) -> Array:
    """The products of all but one of the last axis."""
    n = s.shape[-1]
    others = np.where(np.eye(n, dtype=bool), 1.0, s[..., np.newaxis, :])
    value: Array = others.prod(axis=-1)
    return value


def _cofactor_by_svd(a: Array) -> Array:
    """A = U·S·Vᵀ has the cofactors det U·det V·U·(products of the other singular values)·Vᵀ, singular or not."""
    u, s, v = np.linalg.svd(a)
    sign = np.rint(np.linalg.det(u) * np.linalg.det(v))
    return np.asarray((u * (_without_one(s) * sign[..., np.newaxis])[..., np.newaxis, :]) @ v)


def _cofactor_along(a: Array, e: Array) -> Array:
    n = a.shape[0]
    if n == 1:
        return np.zeros(np.broadcast_shapes(a.shape, e.shape))
    if n == 2:
        return np.broadcast_to(_cofactor(e), np.broadcast_shapes(a.shape, e.shape)).copy()
    batch = max(a.shape[-1], e.shape[-1])
    a, e = (np.broadcast_to(x, (n, n, batch)) for x in (a, e))
    if n == 3:
        crossed = [_cross_rows(a[i - 2], e[i - 1]) + _cross_rows(e[i - 2], a[i - 1]) for i in range(3)]
        return np.stack(crossed)
    stack = _stacked(a)
    return _batch_last(_each(_cofactor_along_by_svd, stack, _stacked(e), like=stack))


def _cofactor_along_by_svd(a: Array, e: Array) -> Array:
    u, s, v = np.linalg.svd(a)
    n = s.shape[-1]
    sign = np.rint(np.linalg.det(u) * np.linalg.det(v))[..., np.newaxis, np.newaxis]
    turned = np.swapaxes(u, -1, -2) @ e @ np.swapaxes(v, -1, -2)
    kept = ~(np.eye(n, dtype=bool)[:, np.newaxis, :] | np.eye(n, dtype=bool)[np.newaxis, :, :])
    pairs = np.where(kept, s[..., np.newaxis, np.newaxis, :], 1.0).prod(axis=-1)
    pairs = np.where(np.eye(n, dtype=bool), 0.0, pairs)
    on_diagonal = (pairs @ np.diagonal(turned, axis1=-2, axis2=-1)[..., np.newaxis])[..., 0]
    inner = -pairs * np.swapaxes(turned, -1, -2) + on_diagonal[..., np.newaxis] * np.eye(n)
    return np.asarray(u @ (sign * inner) @ v)


def _inv(a: Array) -> Array:
    stack = _stacked(a)
    value = _each(np.linalg.inv, stack, like=stack)
    return _batch_last(np.where(_singular(stack)[:, np.newaxis, np.newaxis], np.nan, value))


def _solve(a: Array, b: Array) -> Array:
    batch = max(a.shape[-1], b.shape[-1])
    left, right = (_stacked(np.broadcast_to(x, (*x.shape[:-1], batch))) for x in (a, b))
    value = _each(np.linalg.solve, left, right, like=right)
    return _batch_last(np.where(_singular(left)[:, np.newaxis, np.newaxis], np.nan, value))


def _logabsdet(a: Array) -> Array:
    stack = _stacked(a)
    with np.errstate(all="ignore"):
        value: Array = np.linalg.slogdet(stack)[1]
        if 1 < stack.shape[-1] <= EXACT_UP_TO:
            for i in np.flatnonzero(_cancels(stack, np.exp(value))):
                value[i] = np.log(np.abs(_exact_determinant(stack[i])))
    return value


def _symmetric(a: Array) -> Array:
    stack = _stacked(a)
    return 0.5 * (stack + np.swapaxes(stack, -1, -2))


def _chol(a: Array) -> Array:
    stack = _symmetric(a)
    return _batch_last(_each(np.linalg.cholesky, stack, like=stack))


def _eigvalsh(a: Array) -> Array:
    stack = _symmetric(a)
    return _batch_last(_each(lambda m: np.linalg.eigh(m)[0], stack, like=stack[..., 0]))


def _eigenvectors(a: Array) -> Array:
    stack = _symmetric(a)
    vectors = _each(lambda m: np.linalg.eigh(m)[1], stack, like=stack)
    # The sign that makes the largest component positive: LAPACK leaves it open.
    top = np.take_along_axis(vectors, np.argmax(np.abs(vectors), axis=-2)[..., np.newaxis, :], axis=-2)
    return _batch_last(vectors * np.where(top < 0.0, -1.0, 1.0))


def _inverse_gaps(values: Array) -> Array:
    """1/(λⱼ − λᵢ), 0 on the diagonal and NaN where two are equal as far as rounding can tell."""
    gaps = values[np.newaxis, :] - values[:, np.newaxis]
    n = len(values)
    least = 8.0 * n * np.finfo(np.float64).eps * np.abs(values).max(axis=0, initial=0.0)
    inverse = np.where(np.abs(gaps) <= least, np.nan, 1.0 / gaps)
    inverse[np.arange(n), np.arange(n)] = 0.0
    return inverse


def _own(
    name: str,
    apply: Callable[..., Array],
    shape: Callable[..., Shape],
    pullback: Callable[[Node, Node, int], Node | None],
    pushforward: Callable[[Node, Sequence[Node | None]], Node | None],
    doc: str,
) -> Primitive:
    return register(
        Primitive(
            name=name, kind="own", apply=apply, shape=shape, pullback=pullback, pushforward=pushforward, doc=doc
        )
    )  # fmt: skip


def _inner(a: Node, b: Node) -> Node:
    """Σᵢⱼ aᵢⱼ·bᵢⱼ."""
    return sum_(a * b, params=((),))


def _first(dots: Sequence[Node | None], rule: Callable[[Node], Node]) -> Node | None:
    return None if dots[0] is None else rule(dots[0])


def _third(a: Node, e: Node, f: Node) -> Node:
    """The gradient in A of ⟨f, D²det(A)[e]⟩, for A not singular."""
    if a.shape[0] < 3:
        return a.builder.broadcast(a.builder.constant(0.0), a.shape)
    if a.shape[0] == 3:
        return cofactor_along(e, f)
    x = inv(a)
    p, q = matmul(x, e), matmul(x, f)
    identity = a.builder.constant(np.eye(a.shape[0]))
    trace_p, trace_q = _inner(p, identity), _inner(q, identity)
    pq, qp = matmul(p, q), matmul(q, p)
    inner = (trace_p * trace_q - _inner(pq, identity)) * x - matmul(trace_p * q + trace_q * p - pq - qp, x)
    return det(a) * swapped(inner)


def _along_pushforward(node: Node, dots: Sequence[Node | None]) -> Node | None:
    a, e = node.args
    terms = []
    if dots[0] is not None:
        terms.append(_third(a, e, dots[0]))
    if dots[1] is not None:
        terms.append(cofactor_along(a, dots[1]))
    return total(terms)


det: Primitive = _own(
    "det", _det, lambda s: (),
    lambda node, bar, i: bar * cofactor(node.args[0]),
    lambda node, dots: _first(dots, lambda dot: _inner(cofactor(node.args[0]), dot)),
    "The determinant.",
)  # fmt: skip
cofactor: Primitive = _own(
    # The derivative of det, right for singular matrices too, where det·A⁻ᵀ would be 0·∞.
    "cofactor", _cofactor, lambda s: s,
    lambda node, bar, i: cofactor_along(node.args[0], bar),
    lambda node, dots: _first(dots, lambda dot: cofactor_along(node.args[0], dot)),
    "The matrix of cofactors.",
)  # fmt: skip
cofactor_along: Primitive = _own(
    "cofactor_along", _cofactor_along, lambda s, t: s,
    lambda node, bar, i: (
        cofactor_along(node.args[0], bar) if i == 1 else _third(node.args[0], node.args[1], bar)
    ),
    _along_pushforward,
    "The derivative of the cofactors of A in the direction E: the second derivative of det, symmetric.",
)  # fmt: skip
inv: Primitive = _own(
    "inv", _inv, lambda s: s,
    lambda node, bar, i: -matmul(matmul(swapped(node), bar), swapped(node)),
    lambda node, dots: _first(dots, lambda dot: -matmul(matmul(node, dot), node)),
    "The inverse matrix.",
)  # fmt: skip


def _solve_pullback(node: Node, bar: Node, i: int) -> Node:
    back = solve(swapped(node.args[0]), bar)
    return back if i == 1 else -matmul(back, swapped(node))


def _solve_pushforward(node: Node, dots: Sequence[Node | None]) -> Node | None:
    terms = []
    if dots[1] is not None:
        terms.append(dots[1])
    if dots[0] is not None:
        terms.append(-matmul(dots[0], node))
    right = total(terms)
    return None if right is None else solve(node.args[0], right)


solve: Primitive = _own(
    "solve", _solve, lambda s, t: t, _solve_pullback, _solve_pushforward, "The X with A·X = B, B a matrix."
)  # fmt: skip
logabsdet: Primitive = _own(
    "logabsdet", _logabsdet, lambda s: (),
    lambda node, bar, i: bar * swapped(inv(node.args[0])),
    lambda node, dots: _first(dots, lambda dot: _inner(swapped(inv(node.args[0])), dot)),
    "log|det A|.",
)  # fmt: skip


def _lower_half(node: Node) -> Node:
    """The lower triangle, with half the diagonal."""
    n = node.shape[0]
    return node * node.builder.constant(np.tril(np.ones((n, n))) - 0.5 * np.eye(n))


def _halved(node: Node) -> Node:
    """The symmetric part."""
    return 0.5 * (node + swapped(node))


def _chol_pullback(node: Node, bar: Node, i: int) -> Node:
    x = inv(node)
    return _halved(matmul(matmul(swapped(x), _lower_half(matmul(swapped(node), bar))), x))


def _chol_pushforward(node: Node, dots: Sequence[Node | None]) -> Node | None:
    x = inv(node)
    return _first(dots, lambda dot: matmul(node, _lower_half(matmul(matmul(x, _halved(dot)), swapped(x)))))


chol: Primitive = _own(
    "chol", _chol, lambda s: s, _chol_pullback, _chol_pushforward, "Cholesky's factor of the symmetric part of A."
)  # fmt: skip
inverse_gaps: Primitive = _own(
    "inverse_gaps", _inverse_gaps, lambda s: (*s, *s),
    lambda node, bar, i: _gaps_pullback(node, bar),
    lambda node, dots: _first(dots, lambda dot: _gaps_pushforward(node, dot)),
    "1/(λⱼ − λᵢ) for all pairs, 0 on the diagonal, NaN where two are equal.",
)  # fmt: skip


def _gaps_pullback(node: Node, bar: Node) -> Node:
    n = node.shape[0]
    weights = bar * (node * node)
    return reshaped(sum_(weights, params=((n, 1),)), (n,)) - reshaped(sum_(weights, params=((1, n),)), (n,))


def _gaps_pushforward(node: Node, dot: Node) -> Node:
    n = node.shape[0]
    row, column = reshaped(dot, (1, n)), reshaped(dot, (n, 1))
    return (column - row) * (node * node)


def _eigen_pullback(node: Node, bar: Node, i: int) -> Node:
    v = eigenvectors(node.args[0])
    weights = reshaped(bar + _undefined_if_equal(node), (1, node.shape[0]))
    return matmul(v * weights, swapped(v))


def _undefined_if_equal(values: Node) -> Node:
    """0 for every eigenvalue that stands alone, NaN for one that has an equal."""
    n = values.shape[0]
    return reshaped(sum_(0.0 * inverse_gaps(values), params=((n, 1),)), (n,))


def _eigen_pushforward(node: Node, dots: Sequence[Node | None]) -> Node | None:
    def rule(dot: Node) -> Node:
        v = eigenvectors(node.args[0])
        turned = matmul(matmul(swapped(v), _halved(dot)), v)
        return diagonal(turned) + _undefined_if_equal(node)

    return _first(dots, rule)


def _vectors_pullback(node: Node, bar: Node, i: int) -> Node:
    gaps = inverse_gaps(eigvalsh(node.args[0]))
    return _halved(matmul(matmul(node, gaps * matmul(swapped(node), bar)), swapped(node)))


def _vectors_pushforward(node: Node, dots: Sequence[Node | None]) -> Node | None:
    gaps = inverse_gaps(eigvalsh(node.args[0]))
    return _first(
        dots, lambda dot: matmul(node, gaps * matmul(matmul(swapped(node), _halved(dot)), node))
    )  # fmt: skip


eigvalsh: Primitive = _own(
    "eigvalsh", _eigvalsh, lambda s: s[:1], _eigen_pullback, _eigen_pushforward,
    "The eigenvalues of the symmetric part of A, ascending.",
)  # fmt: skip
eigenvectors: Primitive = _own(
    "eigenvectors", _eigenvectors, lambda s: s, _vectors_pullback, _vectors_pushforward,
    "The eigenvectors that belong to eigvalsh, as columns.",
)  # fmt: skip


def _square(builder: Builder, a: Node, what: str) -> Node:
    a = builder.number(a)
    if len(a.shape) != 2 or a.shape[0] != a.shape[1]:
        raise ExpressionError(f"{what} needs a square matrix, not {show_shape(a.shape)}", code="shape")
    return a


SQUARE = {"family": "linear algebra"}


@function(
    "A", name="det", doc="The determinant.", rule="the matrix of cofactors, for singular matrices too",
    notation="det A", **SQUARE,
)  # fmt: skip
def det_(builder: Builder, a: Node) -> Node:
    """The determinant."""
    return det(_square(builder, a, "det"))


@function(
    "A", name="logabsdet", doc="log|det A|; −∞ for a singular matrix.", domain="A not singular", rule="A⁻ᵀ",
    notation="log|det A|", **SQUARE,
)  # fmt: skip
def logabsdet_(builder: Builder, a: Node) -> Node:
    """The logarithm of the determinant's size."""
    return logabsdet(_square(builder, a, "logabsdet"))


@function(
    "A", name="inv", doc="The inverse matrix.", domain="A not singular", rule="−A⁻ᵀ·v·A⁻ᵀ", notation="A⁻¹", **SQUARE
)  # fmt: skip
def inv_(builder: Builder, a: Node) -> Node:
    """The inverse matrix."""
    return inv(_square(builder, a, "inv"))


@function(
    "A, b", name="solve", doc="The x with A·x = b; b a vector, or a matrix of columns.", domain="A not singular",
    rule="∂b: A⁻ᵀ·v   ∂A: −(A⁻ᵀ·v)·xᵀ", notation="A⁻¹·b", **SQUARE,
)  # fmt: skip
def solve_(builder: Builder, a: Node, b: Node) -> Node:
    """The solution of a linear system."""
    a, b = _square(builder, a, "solve"), builder.number(b)
    if len(b.shape) not in (1, 2) or b.shape[0] != a.shape[0]:
        raise ExpressionError(
            f"solve needs a right-hand side of {a.shape[0]} rows, not {show_shape(b.shape)}", code="shape"
        )
    return reshaped(solve(a, b if len(b.shape) == 2 else reshaped(b, (b.shape[0], 1))), b.shape)


@function(
    "A", name="chol", doc="Cholesky's lower triangular L with L·Lᵀ = A; of A only the symmetric part counts.",
    domain="A positive definite", rule="L⁻ᵀ·Φ(Lᵀ·v)·L⁻¹, symmetrised; Φ: lower triangle, half the diagonal",
    notation="chol A", **SQUARE,
)  # fmt: skip
def chol_(builder: Builder, a: Node) -> Node:
    """Cholesky's factor."""
    return chol(_square(builder, a, "chol"))


@function(
    "A", name="eigvalsh", doc="Eigenvalues of a symmetric matrix, ascending; only the symmetric part counts.",
    rule="V·diag(v)·Vᵀ", kink="none (NaN) where an eigenvalue is repeated", notation="λ(A)", **SQUARE,
)  # fmt: skip
def eigvalsh_(builder: Builder, a: Node) -> Node:
    """The eigenvalues of a symmetric matrix."""
    return eigvalsh(_square(builder, a, "eigvalsh"))
