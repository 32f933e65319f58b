"""Value and derivatives of every elementwise primitive against mpmath, in units of the last place.

The reference is the function alone, at hundreds of digits, and its differences: no derivative rule enters.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np
import pytest

from diffcli.derive import adjoint, tangent
from diffcli.evaluation import Plan
from diffcli.graph import TABLE, Builder, Node, Primitive
from diffcli.primitives import FUNCTIONS

assert FUNCTIONS
# mpmath takes minutes for the gamma family at hundreds of digits; test_ulps.py has references that are quicker.
ELSEWHERE = {"within", *(name for name in TABLE if name.startswith(("erf", "gamma", "lgamma", "digamma", "beta")))}
OPS = [op for op in TABLE.values() if op.samples and op.reference and not op.conditions and op.name not in ELSEWHERE]
UNARY = [op for op in OPS if len(op.samples) == 1]
BINARY = [op for op in OPS if len(op.samples) == 2 and op.name not in ("mod", "fmod")]  # these jump on the grid
VALUE_ULPS, PARTIAL_ULPS, SECOND_ULPS = 4.0, 6.0, 16.0

POSITIVE = [
    *(5e-324, 1e-310, 2.2250738585072014e-308, 1e-300, 1e-200, 1e-154, 1e-100, 1e-20, 1e-17, 1e-16, 1e-12, 1e-8),
    *(1e-5, 1e-3, 0.1, 0.25, 0.5 - 1e-9, 0.5, 0.5 + 1e-9, 0.75, 0.9, 1 - 1e-8, 1 - 2**-53, 1.0, 1 + 2**-52, 1 + 1e-8),
    *(1.5, np.pi / 2, 2.0, 3.0, np.pi, 10.0, 18.0, 20.0, 37.0, 40.0, 100.0, 700.0, 709.0, 745.0, 1e3, 1e5, 1e8, 1e10),
    *(1e16, 1e100, 1e154, 1e155, 1e200, 1e300, 1.7976931348623157e308),
]
SPECIAL = [(x,) for x in (0.0, *POSITIVE, *(-x for x in POSITIVE))]
# Without zeros: kinks and jumps lie there, and test_conventions.py has them one by one.
GRID = [1e-300, 1e-9, 0.5, 2.0, 1e200]
PAIRS = list(itertools.product([*GRID, *(-x for x in GRID)], repeat=2))

#: Where a difference of terms that are each rounded passes through 0, the error is measured in units of the terms:
#: (name, 0 for the value or i for the i-th partial) → their size, and why.
Scale = Callable[..., float]
TERMS: dict[tuple[str, int], tuple[Scale, str]] = {
    ("logaddexp", 0): (lambda a, b: max(abs(a), abs(b)), "max(a, b) + log1p(…), of either sign"),
    ("logaddexp", 1): (lambda a, b: _sigmoid(a - b) * max(1.0, abs(a - b)), "exp of a − b, which is rounded"),
    ("logaddexp", 2): (lambda a, b: _sigmoid(b - a) * max(1.0, abs(a - b)), "exp of b − a, which is rounded"),
    ("entr", 1): (lambda x: 1.0 + abs(np.log(x)), "−log(x) − 1, near 1/e"),
    ("sinc", 1): (lambda x: 2.0 / max(abs(x), 1.0), "(cos(πx) − sinc(x))/x, near its zeros"),
    ("power", 1): (
        lambda x, n: abs(n) * np.power(x, n - 1.0) * (1.0 + max(1.0, abs(n)) * abs(np.log(x))),
        "x to the power n − 1, which is rounded",
    ),
}


def _sigmoid(x: float) -> float:
    return float(1.0 / (1.0 + np.exp(-x)))


def _points(op: Primitive, count: int) -> list[tuple[float, ...]]:
    rng = np.random.default_rng(zlib.crc32(op.name.encode()))
    return [tuple(float(rng.uniform(low, high)) for low, high in op.samples) for _ in range(count)]


def _ours(op: Primitive, points: Sequence[tuple[float, ...]]) -> list[np.ndarray]:
    """The value and each partial, at all points."""
    builder = Builder()
    inputs = [builder.input(f"x{i}", ()) for i in range(len(op.samples))]
    node = op(*inputs)
    outputs: list[Node] = [node]
    for x in inputs:
        (dot,) = tangent([node], {x: builder.constant(1.0)})
        outputs.append(dot or builder.constant(0.0))
    found = Plan(outputs).run({x: np.array([p[i] for p in points]) for i, x in enumerate(inputs)})
    return [np.broadcast_to(value, (len(points),)) for value in found]


def _real(value: Any) -> Any:
    """The number, or None for one that is not real."""
    value = mpmath.mpmathify(value)
    if isinstance(value, mpmath.mpc):
        return value.real if value.imag == 0 else None
    return None if mpmath.isnan(value) else value


class _Reference:
    """A function of mpmath's, with values that are `None` where it has none."""

    def __init__(self, op: Primitive) -> None:
        self.op = op

    def value(self, point: Sequence[Any]) -> Any:
        assert self.op.reference is not None
        try:
            return _real(self.op.reference(mpmath, *point))
        except (ZeroDivisionError, ValueError):
            return None

    def partial(self, point: Sequence[Any], i: int) -> Any:
        """The derivative, from the difference across; at an end of the domain and at a pole, from the side."""
        if not any(self.op.partials):
            return mpmath.mpf(0)  # between its jumps a step is flat
        h = min(abs(x) for x in (*point, mpmath.mpf(1)) if x) * mpmath.mpf(10) ** -40
        wide, narrow = self._slope(point, i, h), self._slope(point, i, h * h)
        if wide is None or narrow is None:
            return None
        # The slope of a chord grows without bound where the tangent is vertical.
        return narrow * mpmath.inf if abs(narrow) > 1.5 * abs(wide) else wide

    def _slope(self, point: Sequence[Any], i: int, h: Any) -> Any:
        def at(k: int) -> Any:
            return self.value([x + k * h if j == i else x for j, x in enumerate(point)])

        before, here, after = at(-1), at(0), at(1)
        if before is not None and here is not None and after is not None:
            return (after - before) / (2 * h)
        if after is not None:
            return (at(2) - after) / h
        return (before - at(-2)) / h if before is not None else None


def _ulps(got: float, want: Any, terms: float = 0.0) -> float:
    nearest = float(want) if abs(want) < mpmath.mpf(2) ** 1024 else float(mpmath.sign(want)) * np.inf
    if np.isinf(nearest) or np.isinf(got):
        limit = 1.7976931348623157e308
        near = (np.isinf(nearest) and abs(got) >= limit * (1 - 1e-15)) or abs(nearest) >= limit * (1 - 1e-15)
        return 0.0 if near and np.sign(got) == np.sign(nearest) else np.inf
    if np.isnan(got):
        return np.inf
    unit = np.spacing(min(max(abs(nearest), terms), 1e308))
    return float(abs(mpmath.mpf(got) - want) / mpmath.mpf(float(unit)))


def _check(op: Primitive, points: Sequence[tuple[float, ...]], digits: int) -> None:
    reference = _Reference(op)
    failures = []
    compared = 0
    ours = _ours(op, points)
    with mpmath.workdps(digits):
        for k, point in enumerate(points):
            exact = [mpmath.mpf(x) for x in point]
            value = reference.value(exact)
            for j, got in enumerate(row[k] for row in ours):
                want = value if j == 0 else reference.partial(exact, j - 1)
                if want is None or (j and value is None and np.isnan(ours[0][k])):
                    # Where there is no function there is no number (and no derivative of one).
                    if j and not np.isnan(got):
                        failures.append((j, point, "no number", float(got)))
                    continue
                scale, _ = TERMS.get((op.name, j), (None, ""))
                terms = 0.0
                if scale is not None:
                    with np.errstate(all="ignore"):
                        terms = float(np.nan_to_num(scale(*point), nan=0.0, posinf=0.0))
                off = _ulps(float(got), want, terms)
                compared += 1
                if off > (PARTIAL_ULPS if j else VALUE_ULPS):
                    failures.append((j, point, float(want) if abs(want) < 1e308 else str(want)[:9], float(got), off))
    assert not failures, failures[:12]
    assert compared > len(points) // 4


@pytest.mark.parametrize("op", OPS, ids=str)
def test_random_points(op: Primitive) -> None:
    _check(op, _points(op, 40), 200)


def _second(op: Primitive, points: Sequence[tuple[float, ...]]) -> list[list[np.ndarray]]:
    """All second partials, by the adjoint of the adjoint."""
    builder = Builder()
    inputs = [builder.input(f"x{i}", ()) for i in range(len(op.samples))]
    one, zero = builder.constant(1.0), builder.constant(0.0)
    first = adjoint([op(*inputs)], [one], inputs).cotangents
    rows: list[Node] = []
    for x in inputs:
        second = adjoint([first[x]], [one], inputs).cotangents if x in first else {}
        rows += [second.get(other, zero) for other in inputs]
    found = Plan(rows).run({x: np.array([p[i] for p in points]) for i, x in enumerate(inputs)})
    n = len(inputs)
    flat = [np.broadcast_to(value, (len(points),)) for value in found]
    return [flat[i * n : (i + 1) * n] for i in range(n)]


@pytest.mark.parametrize("op", OPS, ids=str)
def test_second_derivatives(op: Primitive) -> None:
    points = _points(op, 25)
    ours = _second(op, points)
    reference = _Reference(op)
    with mpmath.workdps(200):
        for k, point in enumerate(points):
            exact = [mpmath.mpf(x) for x in point]
            h = min(abs(x) for x in (*exact, mpmath.mpf(1))) * mpmath.mpf(10) ** -40
            for i, row in enumerate(ours):
                for j, column in enumerate(row):
                    corners = []
                    for sign in (1, -1):
                        moved = [x + (sign * h if m == j else 0) for m, x in enumerate(exact)]
                        corners.append(reference.partial(moved, i))
                    want = (corners[0] - corners[1]) / (2 * h)
                    # A second derivative is a sum of terms, of the size of f″ or of f′ over the distance.
                    terms = abs(want) + abs(corners[0])
                    off = abs(mpmath.mpf(float(column[k])) - want)
                    assert off <= SECOND_ULPS * 2.0**-52 * terms, (point, i, j, float(want), float(column[k]))


@pytest.mark.parametrize("op", UNARY, ids=str)
def test_special_points(op: Primitive) -> None:
    _check(op, SPECIAL, 720)


@pytest.mark.parametrize("op", BINARY, ids=str)
def test_special_pairs(op: Primitive) -> None:
    _check(op, [point for point in PAIRS if _sensible(op, *point)], 1300)


def _sensible(op: Primitive, a: float, b: float) -> bool:
    if op.name == "power":
        return a > 0
    if op.name == "inverse_part":
        return abs(a) != abs(b)  # its derivative is 0 there, which no difference finds
    return op.name != "logaddexp" or max(abs(a), abs(b)) < 1e100  # mpmath's exp(1e200) takes its time
