"""Operations on arrays in arbitrary precision: reductions, products, functions of matrices."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from diffcli.graph import Node
from diffcli.precise import gamma
from diffcli.precise.arithmetic import Arithmetic, Exact, finite, size
from diffcli.precise.scalars import exponential, largest, logaddexp, of_gamma, smallest


def unknown(ar: Arithmetic, node: Node) -> Exact:
    """NaN for every element."""
    out = np.empty(node.shape, dtype=object)
    out.fill(ar.nan)
    return out


def objects(value: Any, shape: tuple[int, ...]) -> Exact:
    """A number or an array of them in that shape."""
    out = np.empty(shape, dtype=object)
    if shape == ():
        out[()] = value[()] if isinstance(value, np.ndarray) else value
    else:
        out[...] = value
    return out


def _batched(ar: Arithmetic, node: Node, *args: Exact) -> Exact:
    """What only moves numbers about does so with these too: its own `apply`, on a batch of one."""
    moved: Exact = node.op.apply(*[arg[..., np.newaxis] for arg in args], *node.params)[..., 0]
    return moved


def _sum(ar: Arithmetic, node: Node, x: Exact) -> Exact:
    (shape,) = node.params
    extra = x.ndim - len(shape)
    axes = tuple(k for k in range(x.ndim) if k < extra or (shape[k - extra] == 1 and x.shape[k] != 1))
    kept = [k for k in range(x.ndim) if k not in axes]
    rows = np.transpose(x, (*kept, *axes)).reshape((*[x.shape[k] for k in kept], math.prod(x.shape[k] for k in axes)))
    out = np.empty(rows.shape[:-1], dtype=object)
    for position in np.ndindex(*rows.shape[:-1]):
        out[position] = ar.total(rows[position].tolist())
    return out.reshape(shape)


def _rows(of: Callable[[Arithmetic, list[Any]], Any]) -> Callable[..., Exact]:
    """A rule from one on the numbers along an axis, which gives one number or as many as it takes."""

    def rule(ar: Arithmetic, node: Node, x: Exact) -> Exact:
        axis = node.params[0]
        rows = np.moveaxis(x, axis, -1)
        reduced = node.shape != x.shape
        out = np.empty(rows.shape[:-1] if reduced else rows.shape, dtype=object)
        for position in np.ndindex(*rows.shape[:-1]):
            answer = of(ar, rows[position].tolist())
            if reduced:
                out[position] = answer
            else:
                for k, number in enumerate(answer):
                    out[(*position, k)] = number
        return out if reduced else np.moveaxis(out, -1, axis)

    return rule


def _logsumexp(ar: Arithmetic, row: list[Any]) -> Any:
    if not row:
        return -ar.inf
    result = row[0]
    for x in row[1:]:
        result = ar.nan if ar.is_nan(result) or ar.is_nan(x) else logaddexp(ar, result, x)
    return result


def _log_softmax(ar: Arithmetic, row: list[Any]) -> list[Any]:
    total = _logsumexp(ar, row)
    return [ar.add(x, -total) for x in row]


def _norm(ar: Arithmetic, row: list[Any]) -> Any:
    return ar.call(lambda m, v: m.sqrt(v), ar.total([x * x for x in row]))


def _sorted(ar: Arithmetic, row: list[Any]) -> list[Any]:
    return [ar.nan] * len(row) if any(ar.is_nan(x) for x in row) else sorted(row)


def _matmul(ar: Arithmetic, node: Node, a: Exact, b: Exact) -> Exact:
    out = np.empty(node.shape, dtype=object)
    lead = node.shape[:-2]
    a = np.broadcast_to(a, (*lead, *a.shape[-2:]))
    b = np.broadcast_to(b, (*lead, *b.shape[-2:]))
    for position in np.ndindex(*node.shape):
        row, column = a[(*position[:-2], position[-2])], b[(*position[:-2], slice(None), position[-1])]
        out[position] = ar.total([ar.call(lambda _, p, q: p * q, p, q) for p, q in zip(row, column, strict=True)])
    return out


def _diagonal_matrix(ar: Arithmetic, node: Node, x: Exact) -> Exact:
    out = np.empty(node.shape, dtype=object)
    out.fill(ar.m.zero)
    for k, value in enumerate(x):
        out[k, k] = value
    return out


def _cumsum(ar: Arithmetic, node: Node, x: Exact) -> Exact:
    axis, backwards = node.params
    rows = np.moveaxis(x, axis, 0)
    out = np.empty(rows.shape, dtype=object)
    for position in np.ndindex(*rows.shape[1:]):
        total = ar.m.zero
        for k in range(len(rows))[:: -1 if backwards else 1]:
            total = ar.add(total, rows[(k, *position)])
            out[(k, *position)] = total
    return np.moveaxis(out, 0, axis)


# Matrices ---------------------------------------------------------------------------------------------------


def _matrices(of: Callable[..., Any]) -> Callable[..., Exact]:
    """A rule from one on mpmath matrices; a matrix that the operation has no answer for gives NaN."""

    def rule(ar: Arithmetic, node: Node, *args: Exact) -> Exact:
        if any(not ar.m.isfinite(x) for arg in args for x in arg.flat):
            return unknown(ar, node)
        # Elimination multiplies rows: sums of products of numbers far apart, which `needed` cannot see into.
        sizes = [ar.m.mag(x) for arg in args for x in arg.flat if x]
        if sizes:
            ar.sees(2 * (max(sizes) - min(sizes)))
        try:
            answer = of(ar, *[ar.m.matrix(arg.tolist()) for arg in args])
        except (ArithmeticError, ValueError, TypeError):
            return unknown(ar, node)
        if not isinstance(answer, ar.m.matrix):
            return objects(answer, node.shape)
        out = np.empty(answer.rows * answer.cols, dtype=object)
        out[:] = [answer[i, j] for i in range(answer.rows) for j in range(answer.cols)]
        return out.reshape(node.shape)

    return rule


def _determinant(ar: Arithmetic, a: Any) -> Any:
    """By elimination with the largest pivots; exact zeros stay zeros."""
    m, n = ar.m, a.rows
    rows = [[a[i, j] for j in range(n)] for i in range(n)]
    det = m.one
    for k in range(n):
        pivot = max(range(k, n), key=lambda i: abs(rows[i][k]))
        if rows[pivot][k] == 0:
            return m.zero
        if pivot != k:
            rows[k], rows[pivot] = rows[pivot], rows[k]
            det = -det
        det *= rows[k][k]
        for i in range(k + 1, n):
            factor = rows[i][k] / rows[k][k]
            if factor:
                rows[i] = [rows[i][j] - factor * rows[k][j] for j in range(n)]
    return det


def _eliminated(ar: Arithmetic, a: Any, right: list[list[Any]]) -> Any:
    """The x with a·x = right (by rows), by elimination with the largest pivots. Raises `ZeroDivisionError` where `a` is
    singular to the last bit, which is a reason for more of them unless it is so exactly.
    """
    m, n = ar.m, a.rows
    rows = [[*(a[i, j] for j in range(n)), *right[i]] for i in range(n)]
    room = sum(m.mag(max(map(abs, row[:n]))) if any(row[:n]) else 0 for row in rows)
    for k in range(n):
        pivot = max(range(k, n), key=lambda i: abs(rows[i][k]))
        rows[k], rows[pivot] = rows[pivot], rows[k]
        here = rows[k][k]
        if not here:
            raise ZeroDivisionError
        room -= m.mag(here)
        scaled = rows[k][k + 1 :] = [x / here if x else x for x in rows[k][k + 1 :]]
        for i, row in enumerate(rows):
            factor = row[k]
            if i != k and factor:
                row[k + 1 :] = [x - factor * y if y else x for x, y in zip(row[k + 1 :], scaled, strict=True)]
    # What the determinant is short of the product of the rows' sizes, elimination has lost.
    ar.sees(room)
    if room > m.prec - 32:
        raise ZeroDivisionError
    return [row[n:] for row in rows]


def _inverse(ar: Arithmetic, a: Any) -> Any:
    return ar.m.matrix(_eliminated(ar, a, ar.m.eye(a.rows).tolist()))


def _solve(ar: Arithmetic, a: Any, b: Any) -> Any:
    return ar.m.matrix(_eliminated(ar, a, b.tolist()))


def _logabsdet(ar: Arithmetic, a: Any) -> Any:
    det = abs(_determinant(ar, a))
    return -ar.inf if det == 0 else ar.m.log(det)


def _polygamma(ar: Arithmetic, node: Node, x: Exact) -> Exact:
    (n,) = node.params
    psi = of_gamma(lambda m, v: gamma.psi(m, n, v), "zero")
    out = np.empty(x.size, dtype=object)
    out[:] = [psi(ar, number) for number in x.flat]
    return out.reshape(x.shape)


def _eigenvalues(ar: Arithmetic, a: Any) -> Any:
    """Those of a symmetric matrix; not known where entries are out of all proportion, for small ones would drown."""
    sizes = [size(x) for x in a if finite(x) and x]
    if max(sizes, default=0) - min(sizes, default=0) > ar.widest:
        ar.drown()
        return [ar.nan] * a.rows
    return ar.m.eigsy((a + a.T) / 2, eigvals_only=True) if a.rows else []


RULES: dict[str, Callable[..., Any]] = {
    "polygamma": _polygamma,
    **dict.fromkeys(("broadcast", "reshape", "transpose", "index", "concat", "stack", "diagonal"), _batched),
    "sum": _sum,
    "mean": _rows(lambda ar, row: ar.total(row) / len(row)),
    "max": _rows(lambda ar, row: largest(ar, *row)),
    "min": _rows(lambda ar, row: smallest(ar, *row)),
    "logsumexp": _rows(_logsumexp),
    "softmax": _rows(lambda ar, row: [exponential(ar, x) for x in _log_softmax(ar, row)]),
    "log_softmax": _rows(_log_softmax),
    "norm": _rows(_norm),
    "sort": _rows(_sorted),
    "matmul": _matmul,
    "diagonal_matrix": _diagonal_matrix,
    "cumsum": _cumsum,
    "det": _matrices(_determinant),
    "logabsdet": _matrices(_logabsdet),
    "inv": _matrices(_inverse),
    "solve": _matrices(_solve),
    "chol": _matrices(lambda ar, a: ar.m.cholesky((a + a.T) / 2)),
    "eigvalsh": _matrices(_eigenvalues),
}
