"""A derivative held against an independent one: component by component, with a verdict.

Where mpmath is installed the other derivative is a difference in arbitrary precision, from both sides
(`diffcli.precise`); else Ridders' extrapolated differences in doubles, which are good for six digits and more.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from diffcli.bound import Array, Bound, Differentiable, Point, Values, bind
from diffcli.calculus import evaluate, jacobian
from diffcli.errors import UsageError

if TYPE_CHECKING:
    from diffcli.diagnosis.questions import Question
    from diffcli.diagnosis.reach import Reach

#: How long the arbitrary precision may take, in seconds.
SECONDS = 30.0
#: Relative differences up to this are agreement: a few units of the last place of an ordinary derivative.
CLOSE = 1e-12
#: Without mpmath the other derivative is no better than this.
COARSE = 1e-6


class Component(NamedTuple):
    """One entry of the Jacobian beside an independent figure; `left` and `right` are those of the two sides.

    The verdict is ``agrees`` (to `digits` digits), ``kink`` (no derivative exists: those from the two sides differ, or
    the value jumps), ``ill-conditioned`` (what differs is within what rounding may do to this formula here; or the
    formula has no finite value here, at the most a limit, whose derivative the reference is; or there is no reference
    to disagree with) or ``disagrees``. NaN agrees with NaN where there is no derivative; an infinite derivative agrees
    with an infinite reference only. A `reference` of NaN says that there is none, None that it is not known.
    """

    row: str
    column: str
    derivative: float
    reference: float | None
    left: float | None
    right: float | None
    digits: float
    verdict: str


class Check(NamedTuple):
    """All components, row by row; `method` is ``mpmath`` or ``differences``."""

    values: Values
    method: str
    components: list[Component]

    @property
    def agrees(self) -> bool:
        """Whether no component disagrees."""
        return all(each.verdict != "disagrees" for each in self.components)


def check(
    f: Differentiable, at: Point | ArrayLike, *, wrt: Sequence[str] | None = None, seconds: float = SECONDS
) -> Check:
    """The Jacobian of f at a point against an independent one."""
    from diffcli.precise import available

    bound = bind(f, at, wrt)
    for node, value in bound.at.items():
        if np.isnan(value).any():
            raise UsageError(f"{node.params[0]} is not a number, so there is nothing to check", code="point")
    found = jacobian(f, at, wrt=wrt)
    matrix = np.asarray(found.matrix)
    others = _precisely(bound, matrix.shape, seconds) if available() else None
    method = "differences" if others is None else "mpmath"
    if others is None:
        others = _by_differences(f, bound, matrix.shape)
    graph = _Graph(bound)
    components = [
        _judged(graph, found.rows[o], found.columns[j], o, j, float(matrix[o, j]), others[o][j], method)
        for o in range(matrix.shape[0])
        for j in range(matrix.shape[1])
    ]
    return Check(found.values, method, components)


class _Other(NamedTuple):
    """A derivative by differences, and those from the two sides."""

    value: float
    left: float | None
    right: float | None
    error: float  # what it may be off by
    removed: bool = False  # whether the formula has no finite value at the point, at the most a limit
    unknown: bool = False  # whether a reference that is NaN may well exist: numbers on the way are out of reach
    jumps: bool = False  # whether the value at the point is not what it goes to from one of the sides

    @property
    def sided(self) -> bool:
        """Whether there is a derivative on either side, and none that is both."""
        return not (self.left is None or math.isnan(self.left) or self.right is None or math.isnan(self.right))


def _precisely(bound: Bound, shape: tuple[int, ...], seconds: float) -> list[list[_Other]] | None:
    """The Jacobian by differences in arbitrary precision; None where it takes too long."""
    from diffcli.precise import Exactly, SlowError, to_double

    at = {node: value[..., 0] for node, value in bound.at.items()}

    def found(*, wide: bool) -> list[list[_Other]]:
        exactly = Exactly(bound.function.outputs, at, bound.wrt, seconds=seconds)
        if wide:
            exactly.reach_far()
        columns = []
        here = exactly.values()
        removed = [not (isinstance(x, bool) or exactly.ar.m.isfinite(x)) for x in here]
        if wide:
            exactly.shorten(here)
        for j in range(shape[1]):
            exactly.ar.beyond = False
            partials = exactly.partial(j)
            far = exactly.ar.beyond
            column = []
            for partial, gone in zip(partials, removed, strict=True):
                value, left, right = map(to_double, partial[:3])
                unknown = far and math.isnan(value) and (math.isnan(left) or math.isnan(right))
                column.append(_Other(value, left, right, 0.0, gone, unknown, partial.jumps))
            columns.append(column)
        return columns

    try:
        columns = found(wide=False)
    except SlowError:
        return None
    if any(other.unknown for column in columns for other in column):
        with contextlib.suppress(SlowError):
            columns = found(wide=True)
    return [[columns[j][o] for j in range(shape[1])] for o in range(shape[0])]


def _judged(
    graph: _Graph, row: str, column: str, o: int, j: int, derivative: float, other: _Other, method: str
) -> Component:
    if other.removed and graph.strange(o, j):
        other = _Other(0.0, 0.0, 0.0, 0.0)
    kink = other.jumps or (math.isnan(other.value) and other.sided)
    digits = 0.0 if kink or other.unknown else agreement(derivative, other.value)
    if other.unknown:
        verdict = "ill-conditioned"
    elif kink:
        verdict = "kink" if other.jumps or _between(graph, o, j, derivative, other) else "disagrees"
    elif digits >= -math.log10(CLOSE if method == "mpmath" else COARSE) or abs(derivative - other.value) <= other.error:
        verdict = "agrees"
    else:
        lost = other.removed or math.isnan(other.value) or _rounded(graph, o, j, derivative, other)
        verdict = "ill-conditioned" if lost else "disagrees"
    reference = None if other.unknown else other.value
    sides = (other.left, other.right) if kink else (None, None)
    return Component(row, column, derivative, reference, *sides, digits, verdict)


def _rounded(graph: _Graph, o: int, j: int, derivative: float, other: _Other) -> bool:
    """Whether rounding alone may have made the difference."""
    return math.isfinite(derivative) and abs(derivative - other.value) <= 4 * graph.rounding(o, j)


def _between(graph: _Graph, o: int, j: int, derivative: float, other: _Other) -> bool:
    """Whether a derivative at a kink is that of one of its sides or lies between them, as far as rounding goes. NaN
    says that there is none: repeated eigenvalues have no slope to settle on.
    """
    low, high = sorted((other.left or 0.0, other.right or 0.0))
    if math.isnan(derivative) or low <= derivative <= high:
        return True
    beyond = low - derivative if derivative < low else derivative - high
    close = CLOSE * max(abs(x) for x in (low, high) if math.isfinite(x)) if math.isfinite(beyond) else 0.0
    return beyond <= max(close, 4 * graph.rounding(o, j))


class _Graph:
    """What the graph knows of the entries of the Jacobian; it is only asked where two numbers differ."""

    def __init__(self, bound: Bound) -> None:
        self._bound = bound

    def rounding(self, o: int, j: int) -> float:
        """What rounding may have done to one entry."""
        from diffcli.diagnosis.bounds import EPS

        question = self._question
        if question is None:
            return 0.0
        passes = question.all.column(j if question.by_columns else o)
        errors, nodes = passes.errors(), passes.derived.nodes
        flat = np.concatenate([np.ravel(np.broadcast_to(errors[node], (*node.shape, 1))) for node in nodes])
        return float(flat[o if question.by_columns else j]) * EPS

    def strange(self, o: int, j: int) -> bool:
        """Whether an output element does not look at the j-th number: a branch that is not taken takes no part."""
        from diffcli.diagnosis.truth import element

        if self._question is None:
            return False
        node, k = element(self._question.wrt, j)
        output = element(self._bound.function.outputs, o)
        looks = self._reach.of(self._question.all.column(0), *output, taking_part=True).get(node)
        return looks is None or not np.ravel(looks)[k]

    @cached_property
    def _question(self) -> Question | None:
        """Both passes for the whole matrix; None where that would take too many numbers."""
        from diffcli.diagnosis.questions import ask

        question = ask(self._bound, "jacobian")
        return question if question.what == "jacobian" else None

    @cached_property
    def _reach(self) -> Reach:
        from diffcli.diagnosis.naming import Naming
        from diffcli.diagnosis.reach import Reach

        assert self._question is not None
        return Reach(self._question, Naming(self._question, None))


def agreement(a: float, b: float) -> float:
    """To how many digits two numbers agree, 16 at most."""
    if a == b or (math.isnan(a) and math.isnan(b)):
        return 16.0
    if not (math.isfinite(a) and math.isfinite(b)) or b == 0.0:
        return 0.0
    return min(16.0, max(0.0, -math.log10(abs(a - b) / abs(b))))


# Without arbitrary precision --------------------------------------------------------------------------------


def _by_differences(f: Differentiable, bound: Bound, shape: tuple[int, ...]) -> list[list[_Other]]:
    """Ridders' method: central differences at shrinking steps, extrapolated to none (C. Ridders, 1982)."""
    point = {str(node.params[0]): np.array(value[..., 0]) for node, value in bound.at.items()}
    others: list[list[_Other]] = [[] for _ in range(shape[0])]
    for node in bound.wrt:
        name = str(node.params[0])
        for k in range(node.size):

            def at(x: float, name: str = name, k: int = k) -> Array:
                moved = point[name].copy()
                moved.flat[k] = x
                values = evaluate(f, {**point, name: moved})
                return np.concatenate([np.ravel(np.asarray(value)) for value in values.values()])

            values, errors = ridders(at, float(point[name].flat[k]), shape[0])
            for o in range(shape[0]):
                others[o].append(_Other(float(values[o]), None, None, 4 * float(errors[o])))
    return others


def ridders(at: Callable[[float], Array], x: float, count: int) -> tuple[Array, Array]:
    """The derivatives of `count` functions at x, and estimates of their errors."""
    shrink = 1.4
    h = 0.02 * max(abs(x), 1e-3)
    best, error = np.full(count, np.nan), np.full(count, np.inf)
    before: list[Array] = []
    with np.errstate(all="ignore"):
        for _ in range(12):
            row = [(at(x + h) - at(x - h)) / (2.0 * h)]
            factor = shrink * shrink
            for k, older in enumerate(before):
                row.append((row[k] * factor - older) / (factor - 1.0))
                factor *= shrink * shrink
                estimate = np.fmax(np.abs(row[k + 1] - row[k]), np.abs(row[k + 1] - older))
                better = estimate <= error
                best, error = np.where(better, row[k + 1], best), np.where(better, estimate, error)
            before = row
            h /= shrink
    return best, error
