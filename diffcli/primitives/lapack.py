"""The numbers of square matrices: determinants, cofactors, inverses, factors, eigenvalues.

One matrix a point goes to LAPACK, from a contiguous copy, so a batch gives the bits of each of its points. A
matrix for which LAPACK gives up (singular, not positive definite, not finite) gives NaN and spares the others.
"""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffcli.graph import Array
from diffcli.primitives import twofold
from diffcli.primitives.arithmetic import SMALLEST_NORMAL

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
    """The determinant, rounded once."""
    value, shift = _whole_determinant(matrix)
    try:
        return value / (1 << shift)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _whole_determinant(matrix: Array) -> tuple[int, int]:
    """The determinant as a whole number over a power of two, and that power: floats are such numbers, eliminated
    without fractions.
    """
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
            return 0, 0
        if pivot != k:
            rows[k], rows[pivot] = rows[pivot], rows[k]
            sign = -sign
        for i in range(k + 1, n):
            for j in range(k + 1, n):
                rows[i][j] = (rows[i][j] * rows[k][k] - rows[i][k] * rows[k][j]) // before
        before = rows[k][k]
    return sign * rows[-1][-1], shift


def _cancels(stack: Array, value: Array) -> Array:
    """Which determinants are so small beside their rows that LAPACK's has few digits left."""
    with np.errstate(all="ignore"):
        lengths = np.sqrt((stack * stack).sum(axis=-1)).prod(axis=-1)
        flags: Array = np.isfinite(stack).all(axis=(-1, -2)) & (np.abs(value) <= CANCELLED * lengths)
    return flags


def det(a: Array) -> Array:
    stack = _stacked(a)
    value: Array = np.linalg.det(stack)
    if stack.shape[-1] == 2:
        # NumPy's is the exponential of a logarithm, whose last places are as many as the logarithm is large.
        direct, there = _two_by_two(stack)
        value = np.where(there, direct, value)
    if 1 < stack.shape[-1] <= EXACT_UP_TO:
        for i in np.flatnonzero(_cancels(stack, value)):
            value[i] = _exact_determinant(stack[i])
    return value


def _two_by_two(stack: Array) -> tuple[Array, Array]:
    """Determinants rounded nearly once, and where no product in them overflowed or underflowed."""
    with np.errstate(all="ignore"):
        direct = _minor(stack[..., 0, 0], stack[..., 0, 1], stack[..., 1, 0], stack[..., 1, 1])
        size = np.abs(direct)
        return direct, (size > 2.0**-900) & (size < 2.0**900)


def _singular(stack: Array) -> Array:
    """Which matrices are exactly singular: rounding turns most of their zero pivots into something tiny."""
    with np.errstate(all="ignore"):
        value = np.linalg.det(stack)
        # A determinant that underflows is not 0, nor is its logarithm −∞.
        flags: Array = np.asarray(np.isneginf(np.linalg.slogdet(stack)[1]))
    if 1 < stack.shape[-1] <= EXACT_UP_TO:
        for i in np.flatnonzero(_cancels(stack, value)):
            flags[i] = _whole_determinant(stack[i])[0] == 0
    return flags


def _minor(a: Array, b: Array, c: Array, d: Array) -> Array:
    """A·d − b·c, rounded once or nearly."""
    p, e = twofold.two_product(a, d)
    q, f = twofold.two_product(b, c)
    value: Array = (p - q) + (e - f)
    return np.where(np.isfinite(value), value, a * d - b * c)


def _cross_rows(u: Array, v: Array) -> Array:
    return np.stack([_minor(u[i - 2], u[i - 1], v[i - 2], v[i - 1]) for i in range(3)])


def cofactor(a: Array) -> Array:
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


def cofactor_along(a: Array, e: Array) -> Array:
    n = a.shape[0]
    if n == 1:
        return np.zeros(np.broadcast_shapes(a.shape, e.shape))
    if n == 2:
        return np.broadcast_to(cofactor(e), np.broadcast_shapes(a.shape, e.shape)).copy()
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


def cofactor_further(a: Array, *directions: Array) -> Array:
    """The derivative of the cofactors of A in all of two or more `directions`, symmetric in them; singular or not.

    In the bases that make A diagonal, by singular values, the determinant's expansion has a term for every choice of
    rows: the minor of the directions there, times the singular values of the other rows.
    """
    n = a.shape[0]
    batch = max(x.shape[-1] for x in (a, *directions))
    stacks = [_stacked(np.broadcast_to(x, (n, n, batch))) for x in (a, *directions)]
    if len(directions) >= n:
        return np.zeros((n, n, batch))
    return _batch_last(_each(_cofactor_further_by_svd, *stacks, like=stacks[0]))


def _cofactor_further_by_svd(a: Array, *directions: Array) -> Array:
    u, s, v = np.linalg.svd(a)
    n, size = s.shape[-1], len(directions) + 1
    sign = np.rint(np.linalg.det(u) * np.linalg.det(v))[..., np.newaxis, np.newaxis]
    turned = [np.swapaxes(u, -1, -2) @ e @ np.swapaxes(v, -1, -2) for e in directions]
    inner = np.zeros_like(a)
    for rows in itertools.combinations(range(n), size):
        rest = [i for i in range(n) if i not in rows]
        weight = s[..., rest].prod(axis=-1)[..., np.newaxis, np.newaxis]
        if weight.any():
            block: Any = (..., *np.ix_(rows, rows))
            inner[block] += weight * _polarized([e[block] for e in turned])
    return np.asarray(u @ (sign * inner) @ v)


def _polarized(directions: Sequence[Array]) -> Array:
    """The derivative at 0 of the cofactors, of matrices one larger than there are directions, in all of these."""
    total = np.zeros_like(directions[0])
    count = len(directions)
    for chosen in itertools.product((False, True), repeat=count):
        if any(chosen):
            summed = np.sum([e for e, taken in zip(directions, chosen, strict=True) if taken], axis=0)
            total = total + (-1.0) ** (count - sum(chosen)) * _stacked(cofactor(_batch_last(summed)))
    return total


def inv(a: Array) -> Array:
    stack = _stacked(a)
    value = _each(np.linalg.inv, stack, like=stack)
    return _batch_last(np.where(_singular(stack)[:, np.newaxis, np.newaxis], np.nan, value))


def solve(a: Array, b: Array) -> Array:
    batch = max(a.shape[-1], b.shape[-1])
    left, right = (_stacked(np.broadcast_to(x, (*x.shape[:-1], batch))) for x in (a, b))
    value = _each(np.linalg.solve, left, right, like=right)
    return _batch_last(np.where(_singular(left)[:, np.newaxis, np.newaxis], np.nan, value))


def logabsdet(a: Array) -> Array:
    stack = _stacked(a)
    with np.errstate(all="ignore"):
        value: Array = np.linalg.slogdet(stack)[1]
        if stack.shape[-1] == 2:
            direct, there = _two_by_two(stack)
            value = np.where(there, np.log(np.abs(direct)), value)
        if 1 < stack.shape[-1] <= EXACT_UP_TO:
            for i in np.flatnonzero(_cancels(stack, np.exp(value))):
                value[i] = _log_size(stack[i])
    return value


def _log_size(matrix: Array) -> float:
    size = abs(_exact_determinant(matrix))
    if SMALLEST_NORMAL <= size < math.inf:
        return math.log(size)
    whole, shift = _whole_determinant(matrix)  # no float is so small, or so large
    return math.log(abs(whole)) - shift * math.log(2.0) if whole else -math.inf


def _symmetric(a: Array) -> Array:
    stack = _stacked(a)
    return 0.5 * (stack + np.swapaxes(stack, -1, -2))


def chol(a: Array) -> Array:
    stack = _symmetric(a)
    factor = _each(np.linalg.cholesky, stack, like=stack)
    # A matrix with a NaN is not positive definite either: nothing of it has a value, nor the zeros above the diagonal.
    return _batch_last(np.where(np.isnan(factor).any(axis=(-2, -1), keepdims=True), np.nan, factor))


def eigvalsh(a: Array) -> Array:
    stack = _symmetric(a)
    return _batch_last(_each(lambda m: np.linalg.eigh(m)[0], stack, like=np.diagonal(stack, axis1=-2, axis2=-1)))


def eigenvectors(a: Array) -> Array:
    stack = _symmetric(a)
    vectors = _each(lambda m: np.linalg.eigh(m)[1], stack, like=stack)
    if not vectors.size:
        return _batch_last(vectors)
    # The sign that makes the largest component positive: LAPACK leaves it open.
    top = np.take_along_axis(vectors, np.argmax(np.abs(vectors), axis=-2)[..., np.newaxis, :], axis=-2)
    return _batch_last(vectors * np.where(top < 0.0, -1.0, 1.0))


def inverse_gaps(values: Array) -> Array:
    """1/(λⱼ − λᵢ), 0 on the diagonal and NaN where two are equal as far as rounding can tell."""
    gaps = values[np.newaxis, :] - values[:, np.newaxis]
    n = len(values)
    least = 8.0 * n * np.finfo(np.float64).eps * np.abs(values).max(axis=0, initial=0.0)
    inverse = np.where(np.abs(gaps) <= least, np.nan, 1.0 / gaps)
    inverse[np.arange(n), np.arange(n)] = 0.0
    return inverse
