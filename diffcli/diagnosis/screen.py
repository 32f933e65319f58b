"""Which of many points need a closer look, found at a small part of what computing them took.

In three steps, from cheap to dear, each of which only leaves out what the next would leave out too. Ranges of the
inputs (`ranges`) say which results may not be finite, or may have lost digits where they are smaller than a threshold,
and which operations may stand at a kink or a decision at all: so what is done for all points is a comparison a
result, and flags where there are such operations. Then, for those that are left, comes the error bound that every
point has by itself: as nodes (`running`), and last as at a single point (`passes`). So whether a point is a suspect
does not depend on those around it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from diffcli.bound import Bound
from diffcli.derive import looked_at
from diffcli.diagnosis import extended
from diffcli.diagnosis.bounds import EPS
from diffcli.diagnosis.extended import Finer, taken
from diffcli.diagnosis.flag_plans import Flags
from diffcli.diagnosis.flags import apart, either, near_flag, not_finite_flag, per_point, site_flag, where_looked_at
from diffcli.diagnosis.intervals import LARGEST, UNKNOWN, Range
from diffcli.diagnosis.marks import NEVER_WRONG, ranges_of, wrong_or_small
from diffcli.diagnosis.oddities import Oddities
from diffcli.diagnosis.own import Own
from diffcli.diagnosis.passes import EXCUSABLE, Passes
from diffcli.diagnosis.questions import Asked
from diffcli.diagnosis.ranges import of_constant, ranges
from diffcli.evaluation.extremes import NOTHING_SEEN, Extremes
from diffcli.graph import INPUT, Node

Array: TypeAlias = NDArray[Any]

#: Points whose numbers on the way are kept together for error bounds.
TOGETHER = 1 << 11
#: Where the bounds of so many points are too large, some show how much too large, and what is said of the rest is
#: multiplied by this.
MANY, SAMPLE, SAFELY = 1 << 12, 512, 64.0
#: From so many points on, it is first asked at some whether most bounds are too large.
HOPELESS = 1 << 16
#: By how much more than the roundings of its arguments an operation must be away from its decision.
ROOM = 1.01


class Suspects(NamedTuple):
    """Points that need a closer look: their rows, in order; what is odd about each, as a number that is the same for
    those that are odd in the same way; where that is only its error bound, how large the bound is for each row of the
    answer, in units of the last place (else 0); and whether it is that rounding may have decided something.
    """

    rows: Array
    signatures: Array
    bounds: Array
    hanging: Array


class Screen:
    """Looks over the answers to one question about one formula, as many blocks of points as there are."""

    def __init__(self, bound: Bound, asked: Asked) -> None:
        self._function, self._asked = bound.function, asked
        derived = asked.derived
        self._later = [node for node in derived.order if node not in derived.primal]
        self._trusted = EXCUSABLE / EPS + len(derived.order)
        self._box: dict[Node, Range] = {}
        self._thresholds: list[Any] = []
        self._finite: list[Any] = []
        self._oddities = Oddities(derived)
        self._flagged: Flags | None = None
        self._known: dict[Node, Range] = {}
        self._own: Own | None = None
        self._finer = Finer(derived) if extended.possible(derived) else None
        #: Whether most bounds were too large the last time.
        self._hopeless = False

    def suspects(
        self,
        at: Mapping[Node, Array],
        answers: Sequence[Array],
        count: int,
        jobs: int = 1,
        seen: Extremes = NOTHING_SEEN,
    ) -> Suspects:
        """The points that need a closer look, of `count`. `at` has the points on the last axis, `answers` (in the
        command's order) on the first. What was `seen` of both need not be read again.
        """
        infinite = self._fit(at, jobs, seen)
        wrong, small = wrong_or_small(answers, self._thresholds, count, jobs, self._finite, seen)
        strange = [np.flatnonzero(~np.isfinite(x).all(axis=tuple(range(x.ndim - 1)))) for x in infinite]
        odd = _marked([wrong, *strange], count)
        near = wrong[:0]
        sited = near
        if self._flagged is not None:
            sited, near = (_where(flags, count) for flags in self._flagged.run(at, jobs))
        doubted, bounds = self._doubted(at, _less(small, odd), count, jobs)
        hanging = self._hanging(at, _less(near, odd), count, jobs)
        every = _marked([sited, doubted, hanging], count, odd)
        rows = wrong[:0] if every is None else np.flatnonzero(every)
        known = np.zeros((len(rows), bounds.shape[1]))
        known[np.searchsorted(rows, doubted)] = bounds
        waiting = _marked([hanging], count)
        undecided = np.zeros(len(rows), dtype=bool) if waiting is None else waiting[rows]
        return Suspects(rows, self._oddities.signatures(at, answers, rows, known, undecided), known, undecided)

    # The ranges ..........................................................................................

    def _fit(self, at: Mapping[Node, Array], jobs: int, seen: Extremes) -> list[Array]:
        """Makes the box of the inputs hold these points, and all that follows from it; the inputs that have numbers
        which are not finite.
        """
        inputs = self._function.inputs
        fits = bool(self._box) or (not inputs and bool(self._thresholds))
        infinite = []
        for node, (found, finite) in zip(inputs, ranges_of([at[node] for node in inputs], jobs, seen), strict=True):
            if not finite:
                infinite.append(at[node])
            before = self._box.get(node)
            if before is None:
                self._box[node], fits = found, False
            elif found.low < before.low or found.high > before.high or found.least < before.least:
                self._box[node], fits = _grown(before, found), False
        if not fits:
            self._settle()
        return infinite

    def _settle(self) -> None:
        asked, derived = self._asked, self._asked.derived
        primal = derived.primal
        base = ranges([node for node in derived.order if node in primal], self._box, primal)
        self._set_flags(base)
        self._known, self._own = base, None
        outputs = [base.get(node, UNKNOWN) for node in self._function.outputs]
        rows = []
        for k in range(asked.rows):
            seeds = {node: of_constant(seed[..., 0]) for node, seed in zip(derived.seeds, asked.row(k), strict=True)}
            found = ranges(self._later, {**base, **seeds}, primal)
            if asked.rows == 1:
                self._known = found
            rows.append([found.get(node, UNKNOWN) for node in (*derived.nodes, *derived.also)])
        self._thresholds = [*map(self._threshold, outputs), *self._arranged(rows, self._threshold)]
        self._finite = [*(each.sound for each in outputs), *self._arranged(rows, lambda each: float(each.sound))]

    def _threshold(self, found: Range) -> float:
        """Up to which size a result is in doubt."""
        limit = found.threshold(self._trusted)
        return NEVER_WRONG if limit < 0.0 and found.sound else limit

    def _arranged(self, rows: Sequence[Sequence[Range]], said: Callable[[Range], float]) -> list[Any]:
        """What is said of the derivatives by their ranges, a row a seed, as the answer has them."""
        derived = self._asked.derived
        if self._asked.what not in ("jacobian", "hessian"):
            return [said(each) for each in rows[0]]
        width = len(derived.nodes)
        matrix = [
            np.concatenate([
                np.full(node.size, said(each)) for each, node in zip(row[:width], derived.nodes, strict=True)
            ] or [np.zeros(0)])
            for row in rows
        ]  # fmt: skip
        whole = np.array(matrix)
        return [*map(said, rows[0][width:]), whole.T if self._asked.by_columns else whole]

    # Kinks, decisions, and where numbers end ..............................................................

    def _set_flags(self, base: Mapping[Node, Range]) -> None:
        """One plan for what stands at a kink or has no number, and for what is as near to a decision as rounding may
        carry it; both only where the ranges do not exclude it.
        """
        derived = self._asked.derived
        sited = [node for node in derived.sited if derived.nodes and not apart(node, base)]
        ending = [node for node in base if node.op is not INPUT and base[node].ends and not node.constant]
        errors = {node: [base[arg].error if arg in base else 0.0 for arg in node.args] for node in derived.decisions}
        deciding = [node for node in errors if not apart(node, base, ROOM * EPS * sum(errors[node]))]
        conditions = looked_at(self._function.outputs) if sited or ending or deciding else {}

        def flag(node: Node, flags: Node) -> Node:
            return per_point(where_looked_at(flags, conditions.get(node)))

        found = [flag(node, site_flag(node)) for node in sited]
        found += [flag(node, not_finite_flag(node)) for node in ending]
        # What an infinite argument decides may be decided otherwise next to it.
        for node in derived.sited:
            found += [flag(node, not_finite_flag(arg)) for arg in node.args if arg in ending]
        near = [flag(node, near_flag(node, errors[node])) for node in deciding]
        found = list(dict.fromkeys(found))
        self._flagged = None
        if found or near:
            never = self._function.builder.constant(0.0) > 0.0
            self._flagged = Flags([either(found or [never]), either(near or [never])])
        self._oddities.flag(found)

    # Error bounds ........................................................................................

    def _doubted(self, at: Mapping[Node, Array], rows: Array, count: int, jobs: int) -> tuple[Array, Array]:
        """Of some points those that may be wrong by too much, and the error bound for each row of the answer."""
        asked, finer = self._asked, self._finer
        if len(rows):
            rows = self._by_bounds(at, rows, count, jobs)
        if not len(rows):
            return rows, np.zeros((0, asked.rows))
        kept, bounds = [rows[:0]], [np.zeros((0, asked.rows))]
        for start in range(0, len(rows), TOGETHER):
            part = rows[start : start + TOGETHER]
            if finer is not None:
                part = part[self._wrong(finer, taken(at, part), len(part))]
            found = self._bounds(taken(at, part), len(part))
            large = found.any(axis=1)
            kept.append(part[large])
            bounds.append(found[large])
        return np.concatenate(kept), np.concatenate(bounds)

    def _by_bounds(self, at: Mapping[Node, Array], rows: Array, count: int, jobs: int) -> Array:
        """Of some points those whose own bounds are too large; of very many, those where they are so unusually."""
        finer = self._finer
        if finer is not None and len(rows) > 2 * MANY and (self._hopeless or len(rows) >= HOPELESS):
            sample = _sampled(rows)
            sample = sample[self._too_large(at, sample, count, jobs)]
            if 2 * len(sample) > SAMPLE:  # it need only be asked how much so
                return self._not_usual(finer, at, rows, sample, count, jobs)
        found = rows[self._too_large(at, rows, count, jobs)]
        self._hopeless = 2 * len(found) > len(rows)
        if finer is None or len(found) <= MANY:
            return found
        return self._not_usual(finer, at, found, _sampled(found), count, jobs)

    def _too_large(self, at: Mapping[Node, Array], rows: Array, count: int, jobs: int) -> Array:
        """At which of some points a result's own bound is too large."""
        flags = np.zeros(len(rows), dtype=bool)
        for plan, seeds in self._owned().doubted:
            flags |= _run_at(plan, at, seeds, rows, count, jobs)
        return flags

    def _not_usual(
        self, finer: Finer, at: Mapping[Node, Array], rows: Array, sample: Array, count: int, jobs: int
    ) -> Array:
        """Of very many points whose bounds are too large those that may be wrong by too much: what part of the bound
        the errors really are is found at a sample of them, and a multiple of it taken for all.
        """
        some = taken(at, sample)
        own, odd = self._owned(), np.zeros(len(rows), dtype=bool)
        for k in range(self._asked.rows):
            errors = own.errors(k, some)
            parts = finer.opinion(some, self._asked.row(k), errors, self._trusted).parts.max(axis=1)
            # A result that no sample was in doubt about says nothing.
            limits = {
                node: np.array([own.trusted / (min(1.0, SAFELY * share) or 1.0)])
                for node, share in zip(own.limits, parts.tolist(), strict=True)
            }
            if own.unusual is not None:
                odd |= _run_at(own.unusual, at, {**own.seeds(k), **limits}, rows, count, jobs)
        return rows[odd]

    def _wrong(self, finer: Finer, some: Mapping[Node, Array], count: int) -> Array:
        """Which of some points may be wrong by too much for all that numbers say that are finer."""
        own, found = self._owned(), np.zeros(count, dtype=bool)
        for k in range(self._asked.rows if count else 0):
            found |= finer.wrong(some, self._asked.row(k), partial(own.errors, k), count)
        return found

    def _bounds(self, some: Mapping[Node, Array], count: int) -> Array:
        """The error bounds of some points that are too large, a column a row of the answer; else 0."""
        found = np.zeros((count, self._asked.rows))
        for k in range(self._asked.rows if count else 0):
            passes = Passes(self._asked.derived, some, self._asked.row(k))
            worst = passes.worst()
            found[:, k] = np.where(worst > self._trusted, worst, 0.0)
        return found

    def _hanging(self, at: Mapping[Node, Array], rows: Array, count: int, jobs: int) -> Array:
        """Of some points those where rounding may have decided something."""
        plan = self._owned().hanging if len(rows) else None
        if plan is None:
            return rows[:0]
        return rows[_run_at(plan, at, {}, rows, count, jobs)]

    def _owned(self) -> Own:
        if self._own is None:
            self._own = Own(self._asked, self._known, self._trusted)
        return self._own


def _grown(before: Range, found: Range) -> Range:
    """A range that holds two, and a little more, so that the next block fits."""
    low, high = min(found.low, before.low), max(found.high, before.high)
    room = 0.25 * high - 0.25 * low
    return Range(
        max(low - room, -LARGEST) if found.low < before.low else low,
        min(high + room, LARGEST) if found.high > before.high else high,
        min(found.least / 1024.0, before.least),
    )


def _where(flags: Array, count: int) -> Array:
    return np.flatnonzero(np.broadcast_to(flags, (count,))) if flags.any() else np.zeros(0, dtype=np.intp)


def _marked(parts: Sequence[Array], count: int, known: Array | None = None) -> Array | None:
    """Of all points which are in any of some parts, or are `known` before; None if there are no such points."""
    if not any(len(part) for part in parts):
        return known
    marks = np.zeros(count, dtype=bool) if known is None else known.copy()
    for part in parts:
        marks[part] = True
    return marks


def _less(rows: Array, marks: Array | None) -> Array:
    """Rows but for those that are marked."""
    return rows if marks is None else rows[~marks[rows]]


def _sampled(rows: Array) -> Array:
    return rows[np.linspace(0, len(rows) - 1, SAMPLE).astype(np.intp)]


def _run_at(
    flags: Flags, at: Mapping[Node, Array], seeds: Mapping[Node, Array], rows: Array, count: int, jobs: int
) -> Array:
    """A flag at some points."""
    whole = 2 * len(rows) > count  # then it costs less to compute all than to gather some
    (found,) = flags.run({**(at if whole else taken(at, rows)), **seeds}, jobs)
    found = np.broadcast_to(found, (count if whole else len(rows),))
    return found[rows] if whole else found
