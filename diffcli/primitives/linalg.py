"""Functions of square matrices: their rules. `lapack.py` has the numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from diffcli.errors import ExpressionError
from diffcli.graph import Array, Builder, Node, Primitive, Shape, register, show_shape
from diffcli.primitives import lapack
from diffcli.primitives.catalogue import function
from diffcli.primitives.kinds import total
from diffcli.primitives.products import matmul
from diffcli.primitives.structure import diagonal, reshaped, sum_, swapped


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


#: Up to this size the third and higher derivatives of det are found for singular matrices too, from all choices of
#: rows; beyond, these would be too many.
CHOICES_UP_TO = 12


def _third(a: Node, e: Node, f: Node) -> Node:
    """The gradient in A of ⟨f, D²det(A)[e]⟩; for large matrices only where A is not singular."""
    if a.shape[0] < 3:
        return a.builder.broadcast(a.builder.constant(0.0), a.shape)
    if a.shape[0] == 3:
        return cofactor_along(e, f)
    if a.shape[0] <= CHOICES_UP_TO:
        return cofactor_further(a, e, f)
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
    "det", lapack.det, lambda s: (),
    lambda node, bar, i: bar * cofactor(node.args[0]),
    lambda node, dots: _first(dots, lambda dot: _inner(cofactor(node.args[0]), dot)),
    "The determinant.",
)  # fmt: skip
cofactor: Primitive = _own(
    # The derivative of det, right for singular matrices too, where det·A⁻ᵀ would be 0·∞.
    "cofactor", lapack.cofactor, lambda s: s,
    lambda node, bar, i: cofactor_along(node.args[0], bar),
    lambda node, dots: _first(dots, lambda dot: cofactor_along(node.args[0], dot)),
    "The matrix of cofactors.",
)  # fmt: skip
cofactor_along: Primitive = _own(
    "cofactor_along", lapack.cofactor_along, lambda s, t: s,
    lambda node, bar, i: (
        cofactor_along(node.args[0], bar) if i == 1 else _third(node.args[0], node.args[1], bar)
    ),
    _along_pushforward,
    "The derivative of the cofactors of A in the direction E: the second derivative of det, symmetric.",
)  # fmt: skip


def _further_pullback(node: Node, bar: Node, i: int) -> Node:
    a, *directions = node.args
    if i == 0:
        return cofactor_further(a, *directions, bar)
    return cofactor_further(a, *directions[: i - 1], *directions[i:], bar)


def _further_pushforward(node: Node, dots: Sequence[Node | None]) -> Node | None:
    return total([_further_pullback(node, dot, i) for i, dot in enumerate(dots) if dot is not None])


cofactor_further: Primitive = _own(
    "cofactor_further", lapack.cofactor_further, lambda s, *_: s, _further_pullback, _further_pushforward,
    "The derivative of the cofactors of A in several directions, the third and higher derivatives of det.",
)  # fmt: skip
inv: Primitive = _own(
    "inv", lapack.inv, lambda s: s,
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
    "solve", lapack.solve, lambda s, t: t, _solve_pullback, _solve_pushforward, "The X with A·X = B, B a matrix."
)  # fmt: skip
logabsdet: Primitive = _own(
    "logabsdet", lapack.logabsdet, lambda s: (),
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
    "chol", lapack.chol, lambda s: s, _chol_pullback, _chol_pushforward, "Cholesky's factor of the symmetric part of A."
)  # fmt: skip
inverse_gaps: Primitive = _own(
    "inverse_gaps", lapack.inverse_gaps, lambda s: (*s, *s),
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
    "eigvalsh", lapack.eigvalsh, lambda s: s[:1], _eigen_pullback, _eigen_pushforward,
    "The eigenvalues of the symmetric part of A, ascending.",
)  # fmt: skip
eigenvectors: Primitive = _own(
    "eigenvectors", lapack.eigenvectors, lambda s: s, _vectors_pullback, _vectors_pushforward,
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
