"""What mpmath makes of an operation on arrays, and of its change along tangents: no rule of the table is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from diffcli.graph import Builder
from diffcli.precise.arithmetic import Arithmetic
from diffcli.precise.graphs import apply

from .cases import Array, Case

BITS, STEP = 1200, -160


def exact_tangent(case: Case, at: Sequence[Array], along: Mapping[int, Array]) -> Array:
    """The derivative of an operation at arguments (without a batch) along the tangents of some of them."""
    ar = Arithmetic()
    m = ar.m
    m.prec = BITS
    h = m.mpf(2) ** STEP
    points = [ar.array(x) for x in at]
    ends = []
    for sign in (1, -1):
        moved = [x + sign * h * ar.array(along[i]) if i in along else x for i, x in enumerate(points)]
        ends.append(_value(case, ar, moved))
    return np.vectorize(float, otypes=[float])((ends[0] - ends[1]) / (2 * h))


def _value(case: Case, ar: Arithmetic, args: list[Any]) -> Any:
    own = OWN.get(case.op.name)
    if own is not None:
        return own(ar.m, *args, *case.params)
    node = case.node(case.inputs(Builder()))
    return apply(ar, node, args)


def _matrix(m: Any, a: Any) -> Any:
    return m.matrix(a.tolist())


def _array(a: Any) -> Any:
    out = np.empty((a.rows, a.cols), dtype=object)
    for i in range(a.rows):
        for j in range(a.cols):
            out[i, j] = a[i, j]
    return out


def _cofactor(m: Any, a: Any) -> Any:
    """det(A)·A⁻ᵀ: the matrices that it is tried on are regular."""
    matrix = _matrix(m, a)
    return m.det(matrix) * _array((matrix**-1).T)


def _cofactor_along(m: Any, a: Any, *directions: Any) -> Any:
    if not directions:
        return _cofactor(m, a)
    h = m.mpf(2) ** STEP
    e, *rest = directions
    return (_cofactor_along(m, a + h * e, *rest) - _cofactor_along(m, a - h * e, *rest)) / (2 * h)


def _eigenvectors(m: Any, a: Any) -> Any:
    """In columns, each with the sign that LAPACK gives it (where a symmetric matrix moves a little, it keeps it)."""
    vectors = _array(m.eigsy(_matrix(m, (a + a.T) / 2))[1])
    given = np.linalg.eigh(np.vectorize(float)((a + a.T) / 2))[1]
    return vectors * np.sign((vectors * given).sum(axis=0).astype(float))


def _inverse_gaps(m: Any, x: Any) -> Any:
    gaps = x[np.newaxis, :] - x[:, np.newaxis]
    return np.where(np.eye(len(x), dtype=bool), m.zero, 1 / (gaps + np.eye(len(x), dtype=int)))


def _unit(m: Any, x: Any, axis: int) -> Any:
    length = np.vectorize(m.sqrt, otypes=[object])((x * x).sum(axis=axis, keepdims=True))
    return x / length


def _inverse_power(m: Any, a: Any, b: Any, n: int, turns: int) -> Any:
    return np.vectorize(lambda x, y: (m.j**turns / m.mpc(x, y) ** n).real, otypes=[object])(a, b)


#: Operations that only rules build: what they are, beside the rules of `diffcli.precise` for what people call.
OWN: dict[str, Callable[..., Any]] = {
    "cofactor": _cofactor,
    "cofactor_along": _cofactor_along,
    "cofactor_further": _cofactor_along,
    "eigenvectors": _eigenvectors,
    "inverse_gaps": _inverse_gaps,
    "inverse_power": _inverse_power,
    "unit": _unit,
}
