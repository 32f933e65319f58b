"""Which of many points need a closer look, found at a small part of what computing them took.

Three questions, from cheap to dear. Is a result not finite, or so small that rounding may have spoilt it? The threshold
comes from the ranges of the inputs (`ranges`) and is the same for all points, so that this is a comparison a result.
Does an operation stand at its kink or jump, or leave the doubles' range? A plan of its own computes these flags, where
there are such operations. And only for the points whose results are small: is their own error bound large (`passes`)?
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from diffcli.bound import Bound
from diffcli.derive import looked_at
from diffcli.diagnosis.bounds import EPS, SUBNORMAL_ERROR
from diffcli.diagnosis.flags import near_flag, not_finite_flag, per_point, site_flag, where_looked_at
from diffcli.diagnosis.intervals import INF, Range
from diffcli.diagnosis.passes import EXCUSABLE, Passes
from diffcli.diagnosis.questions import Asked
from diffcli.diagnosis.ranges import of_constant, of_values, ranges
from diffcli.evaluation import Plan
from diffcli.graph import Node

Array: TypeAlias = NDArray[Any]

LARGEST = float(np.finfo(np.float64).max)
#: Numbers looked at in one go: what fits a core's nearest caches.
CHUNK = 1 << 15
#: Of fewer points an answer's elements are looked at together, however they lie: each by itself costs a dozen calls.
WORTH_A_ROW = 1 << 8
#: How many rules of ranges are worth their while: rows of an answer times nodes of its graph.
MOST_RULES = 1 << 17
#: Points whose error bounds are computed together.
TOGETHER = 1 << 11
#: Where the ranges say too little of more than one point in so many, so many points say what errors are usual, and
#: results are in doubt that errors so many times larger would spoil.
ONE_IN, SAMPLE, ROOM = 256, 192, 64.0
#: The share of the points of a block whose error bounds are computed, unless one of them turns out too large; and how
#: many they are at least.
SHARE, FEW = 1 / 1024, 256
#: Points near a decision, of one block, whose error bounds are computed; more are taken to hang on it.
MOST_NEAR = 1 << 16


class Suspects(NamedTuple):
    """Points that need a closer look: their rows, in order; what is odd about each, as a number that is the same for
    those that are odd in the same way; and where that is only its error bound, how large the bound is, in units of the
    last place (else 0); and whether it is that rounding may have decided something.
    """

    rows: Array
    signatures: Array
    bounds: Array
    hanging: Array


class Screen:
    """Looks over the answers to one question about one formula, as many blocks of points as there are."""

    def __init__(self, bound: Bound, asked: Asked) -> None:
        self._function, self._asked = bound.function, asked
        #: Asked whether the numbers at these rows are right all the same, the most doubtful first.
        self.appeal: Callable[[Array], bool] | None = None
        derived = asked.derived
        self._later = [node for node in derived.order if node not in derived.primal]
        self._trusted = EXCUSABLE / EPS + len(derived.order)
        self._box: dict[Node, Range] = {}
        self._doubtful: list[Any] = []
        self._sampled = False
        self._flags: list[Node] = []
        self._any_flag: Plan | None = None
        self._all_flags: Plan | None = None
        self._rooms: list[list[float]] = []
        self._near: Plan | None = None

    def suspects(self, at: Mapping[Node, Array], answers: Sequence[Array], count: int, jobs: int = 1) -> Suspects:
        """The points that need a closer look, of `count`. `at` has the points on the last axis, `answers` (in the
        command's order) on the first.
        """
        grown, infinite = self._fit(at)
        odd, small = self._marked(answers, count)
        if np.count_nonzero(small) * ONE_IN > count and (grown or not self._sampled):
            self._sample(at, answers, count)
            odd, small = self._marked(answers, count)
        if self._any_flag is not None:
            (flagged,) = self._any_flag.run(at, jobs)
            odd |= flagged
        for value in infinite:
            odd |= ~np.isfinite(value).all(axis=tuple(range(value.ndim - 1)))
        doubted, bounds = self._bounded(at, answers, np.flatnonzero(small & ~odd), count)
        undecided = self._undecided(at, odd, count, jobs)
        rows = np.union1d(np.union1d(np.flatnonzero(odd), doubted), undecided)
        known = np.zeros((len(rows), bounds.shape[1]))
        known[np.searchsorted(rows, doubted)] = bounds
        hanging = np.isin(rows, undecided)
        signed = self._signed(at, answers, rows, known, hanging)
        return Suspects(rows, signed, known.max(axis=1, initial=0.0), hanging)

    def _marked(self, answers: Sequence[Array], count: int) -> tuple[Array, Array]:
        """The points with a result that is not finite, and those with one that is in doubt for its size."""
        odd, small = np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)
        # Of an answer that is too large to be followed, only the values have thresholds.
        for answer, threshold in zip_longest(answers, self._doubtful, fillvalue=-1.0):
            _mark(np.asarray(answer), threshold, odd, small)
        return odd, small

    # The ranges ..........................................................................................

    def _fit(self, at: Mapping[Node, Array]) -> tuple[bool, list[Array]]:
        """Makes the box of the inputs hold these points, and the thresholds fit the box. Whether it had to grow, and
        the inputs that have numbers which are not finite.
        """
        fits = bool(self._box)
        infinite = []
        for node in self._function.inputs:
            found, finite = of_values(at[node])
            if not finite:
                infinite.append(at[node])
            before = self._box.get(node)
            if before is None:
                self._box[node], fits = found, False
            elif found.low < before.low or found.high > before.high or found.least < before.least:
                # A little wider than needed, so that the next block fits.
                low, high = min(found.low, before.low), max(found.high, before.high)
                room = 0.25 * (high - low)
                self._box[node] = Range(
                    low - room if found.low < before.low else low,
                    high + room if found.high > before.high else high,
                    min(found.least / 1024.0, before.least),
                )
                fits = False
        if not fits:
            self._settle()
        return not fits, infinite

    def _settle(self) -> None:
        asked, derived = self._asked, self._asked.derived
        primal = derived.primal
        base = ranges([node for node in derived.order if node in primal], self._box, primal)
        flags = [node for node in base if node.op.name != "input" and base[node].ends and not node.constant]
        self._set_flags(flags)
        self._set_near([
            [base[arg].error if arg in base else 0.0 for arg in node.args] for node in derived.decisions
        ])  # fmt: skip
        bound_by = self._threshold
        outputs = [bound_by(base.get(node)) for node in self._function.outputs]
        rows = []
        costly = asked.rows * len(self._later) > MOST_RULES
        for k in range(asked.rows):
            if costly:
                rows.append([-1.0] * len((*derived.nodes, *derived.also)))
                continue
            seeds = {node: of_constant(seed[..., 0]) for node, seed in zip(derived.seeds, asked.row(k), strict=True)}
            found = ranges(self._later, {**base, **seeds}, primal)
            rows.append([bound_by(found.get(node)) for node in (*derived.nodes, *derived.also)])
        self._doubtful = [*outputs, *self._arranged(rows)]
        self._sampled = False

    def _threshold(self, found: Range | None) -> float:
        """Up to which size a result is in doubt; −1: at no size."""
        return -1.0 if found is None else found.threshold(self._trusted)

    # Kinks, and where numbers end ........................................................................

    def _set_flags(self, ending: Sequence[Node]) -> None:
        derived = self._asked.derived
        sited = derived.sited if derived.nodes else []
        conditions = looked_at(self._function.outputs) if sited or ending else {}
        flags = [per_point(where_looked_at(site_flag(node), conditions.get(node))) for node in sited]
        flags += [per_point(where_looked_at(not_finite_flag(node), conditions.get(node))) for node in ending]
        flags = list(dict.fromkeys(flags))
        if flags == self._flags:
            return
        self._flags = flags
        total = flags[0]
        for flag in flags[1:]:
            total = total | flag
        self._any_flag, self._all_flags = Plan([total]), Plan(flags)

    # Decisions ...........................................................................................

    def _set_near(self, rooms: list[list[float]]) -> None:
        """Flags for what is as near to a decision as these errors of the arguments reach."""
        decisions = self._asked.derived.decisions
        if rooms == self._rooms:
            return
        self._rooms = rooms
        conditions = looked_at(self._function.outputs)
        total = None
        for node, errors in zip(decisions, rooms, strict=True):
            flag = per_point(where_looked_at(near_flag(node, errors), conditions.get(node)))
            total = flag if total is None else total | flag
        self._near = None if total is None else Plan([total])

    def _undecided(self, at: Mapping[Node, Array], odd: Array, count: int, jobs: int) -> Array:
        """The points, but for the odd ones, where rounding may have decided something."""
        if any(INF in errors for errors in self._rooms):
            self._sample_rooms(at, count)
        rows = self._near_rows(at, odd, jobs)
        if len(rows) * ONE_IN > count and len(rows) > FEW:
            self._sample_rooms(at, count)
            rows = self._near_rows(at, odd, jobs)
        found = []
        for start in range(0, len(rows), TOGETHER):
            part = rows[start : start + TOGETHER]
            if start < MOST_NEAR:
                passes = Passes(self._asked.derived, _taken(at, part), self._asked.row(0))
                part = part[np.broadcast_to(passes.undecided(), part.shape)]
            found.append(part)
        return np.concatenate(found) if found else rows

    def _near_rows(self, at: Mapping[Node, Array], odd: Array, jobs: int) -> Array:
        if self._near is None:
            return np.zeros(0, dtype=np.intp)
        (near,) = self._near.run(at, jobs)
        return np.flatnonzero(near & ~odd)

    def _sample_rooms(self, at: Mapping[Node, Array], count: int) -> None:
        """Errors of what decides, from those at some points, where those from the ranges are larger."""
        derived = self._asked.derived
        some = _taken(at, np.linspace(0, count - 1, SAMPLE).astype(np.intp))
        errors = Passes(derived, some, self._asked.row(0)).errors()
        usual = [[_finite_max(errors[arg]) * ROOM for arg in node.args] for node in derived.decisions]
        self._set_near([
            [min(pair) for pair in zip(*each, strict=True)] for each in zip(self._rooms, usual, strict=True)
        ])  # fmt: skip

    # Error bounds ........................................................................................

    def _sample(self, at: Mapping[Node, Array], answers: Sequence[Array], count: int) -> None:
        """Thresholds from the errors at some points, where those from the ranges are larger: at the extremes of every
        input and of every answer, and at points spread evenly.
        """
        self._sampled = True
        chosen = [np.linspace(0, count - 1, SAMPLE).astype(np.intp)]
        arrays = [np.moveaxis(value, -1, 0) for value in at.values() if value.shape[-1] == count]
        for array in (*arrays, *answers):
            flat = array.reshape(count, -1)[:, : SAMPLE // 4]
            if flat.size:
                chosen += [flat.argmin(axis=0), flat.argmax(axis=0)]
        some = _taken(at, np.unique(np.concatenate(chosen)))
        asked, derived = self._asked, self._asked.derived
        outputs: list[Array] = []
        rows: list[list[Array]] = []
        for k in range(asked.rows):
            passes = Passes(derived, some, asked.row(k))
            errors = passes.errors()
            fair = ~passes.not_finite()
            usual = [_usual(errors[node], passes.values[node], fair) for node in passes.results()]
            outputs = usual[: len(self._function.outputs)]
            rows.append(usual[len(outputs) :])
        self._apply([*outputs, *self._arranged(rows)])

    def _apply(self, usual: Sequence[Array]) -> None:
        self._doubtful = [
            np.minimum(threshold, np.where(errors > 4 * SUBNORMAL_ERROR, ROOM * errors / self._trusted, -1.0))
            for threshold, errors in zip(self._doubtful, usual, strict=True)
        ]

    def _arranged(self, rows: Sequence[Sequence[Any]]) -> list[Any]:
        """What is known of the derivatives, a row a seed, as the answer has them."""
        derived = self._asked.derived
        if self._asked.what not in ("jacobian", "hessian"):
            return list(rows[0])
        width = len(derived.nodes)
        matrix = [
            np.concatenate([
                np.broadcast_to(each, node.shape).ravel() for each, node in zip(row[:width], derived.nodes, strict=True)
            ] or [np.zeros(0)])
            for row in rows
        ]  # fmt: skip
        whole = np.array(matrix)
        return [*rows[0][width:], whole.T if self._asked.by_columns else whole]

    def _bounded(
        self, at: Mapping[Node, Array], answers: Sequence[Array], rows: Array, count: int
    ) -> tuple[Array, Array]:
        """Of some points those whose error bound is too large, and the bound for each row of the answer.

        Where there are too many, at first only those whose results are smallest against their thresholds are looked
        at, and as many spread evenly.
        """
        limit = max(FEW, int(SHARE * count))
        if len(rows) > 2 * limit:
            some = rows[np.linspace(0, len(rows) - 1, min(len(rows), 16 * limit)).astype(np.intp)]
            nearest = np.argpartition(self._closeness(answers, some), limit)[:limit]
            first = some[np.union1d(nearest, np.linspace(0, len(some) - 1, limit).astype(np.intp))]
            found = self._bounds(at, first)
            if not found.any() or self._appealed(first, found):
                return rows[:0], found[:0]
        found = self._bounds(at, rows)
        kept = np.flatnonzero(found.any(axis=1))
        return rows[kept], found[kept]

    def _closeness(self, answers: Sequence[Array], rows: Array) -> Array:
        """How small the results are against their thresholds, at some points."""
        least = np.full(len(rows), INF)
        for answer, threshold in zip_longest(answers, self._doubtful, fillvalue=-1.0):
            size = np.abs(np.asarray(answer)[rows])
            limit = np.asarray(threshold)
            with np.errstate(all="ignore"):
                ratio = np.where(limit > 0.0, size / limit, INF)
            least = np.minimum(least, ratio.reshape(len(rows), -1).min(axis=1, initial=INF))
        return least

    def _appealed(self, rows: Array, bounds: Array) -> bool:
        """Whether the rows of the largest bounds turn out right, so that bounds up to those are no reason for doubt."""
        worst = bounds.max(axis=1)
        order = np.argsort(-worst, kind="stable")
        if self.appeal is None or not self.appeal(rows[order]):
            return False
        self._trusted = max(self._trusted, 4.0 * float(worst[order[0]]))
        self._settle()
        return True

    def _bounds(self, at: Mapping[Node, Array], rows: Array) -> Array:
        """The error bounds of some points that are too large, a column a row of the answer; else 0."""
        asked = self._asked
        found = np.zeros((len(rows), asked.rows))
        for start in range(0, len(rows), TOGETHER):
            part = rows[start : start + TOGETHER]
            some = _taken(at, part)
            for k in range(asked.rows):
                passes = Passes(asked.derived, some, asked.row(k))
                passes.trusted = self._trusted
                worst = passes.worst()
                if (worst > self._trusted).any():
                    worst = np.where(passes.excused(), 0.0, worst)
                found[start : start + len(part), k] = np.where(worst > self._trusted, worst, 0.0)
        return found

    # What is odd .........................................................................................

    def _signed(
        self, at: Mapping[Node, Array], answers: Sequence[Array], rows: Array, bounds: Array, hanging: Array
    ) -> Array:
        """What is odd about some points, as a number."""
        signed = np.zeros(len(rows), dtype=np.uint64)
        if not len(rows):
            return signed
        some = _taken(at, rows)
        _fold(signed, hanging)
        for column in bounds.T:
            _fold(signed, (column > 0.0) + np.isinf(column))
        for value in some.values():
            _fold(signed, _kinds(value))
        wrong = np.zeros(len(rows), dtype=bool)
        for answer in answers:
            columns = np.moveaxis(answer[rows], 0, -1)
            for column in columns.reshape(-1, len(rows)):
                kinds = _kinds(column)
                wrong |= kinds != 0
                _fold(signed, kinds)
        if self._all_flags is not None:
            for flag in self._all_flags.run(some):
                _fold(signed, flag)
        # Where a result is not finite, the reason is what first was not.
        if wrong.any():
            primal = self._asked.derived.primal
            nodes = [
                node for node in self._asked.derived.order
                if node in primal and not node.constant and not node.boolean and node.args
            ]  # fmt: skip
            why = signed[wrong]
            for value in Plan(nodes).run(_taken(some, np.flatnonzero(wrong))) if nodes else ():
                _fold(why, _kinds(value))
            signed[wrong] = why
        return signed


def _fold(signed: Array, mark: Array) -> None:
    """Takes one more mark into the numbers that stand for all marks (Fowler, Noll and Vo)."""
    np.multiply(signed, np.uint64(0x100000001B3), out=signed)
    np.bitwise_xor(signed, mark.astype(np.uint64) + np.uint64(1), out=signed)


def _mark(answer: Array, threshold: Any, odd: Array, small: Array) -> None:
    """Marks the points at which a result is not finite (`odd`), or no larger than the threshold (`small`)."""
    if answer.ndim > 1:
        columns = np.moveaxis(answer, 0, -1)
        if columns.flags.c_contiguous and len(answer) >= WORTH_A_ROW:
            flat = columns.reshape(-1, columns.shape[-1])
            for row, limit in zip(flat, np.ravel(np.broadcast_to(threshold, columns.shape[:-1])), strict=True):
                _mark(row, float(limit), odd, small)
            return
        answer = answer.reshape(len(answer), -1)
        threshold = np.ravel(np.broadcast_to(threshold, columns.shape[:-1]))
    width = max(1, CHUNK // (answer.size // max(1, len(answer)) or 1))
    scratch = np.empty((width, *answer.shape[1:]))
    highest = float(np.max(threshold, initial=-1.0))
    for start in range(0, len(answer), width):
        part = answer[start : start + width]
        low, high = part.min(initial=INF), part.max(initial=-INF)
        # A NaN is no less and no more than anything.
        if low >= -LARGEST and high <= LARGEST and (highest < 0.0 or low > highest or high < -highest):
            continue
        size = np.abs(part, out=scratch[: len(part)])
        if high <= LARGEST and low >= -LARGEST and size.min() > highest:
            continue
        finite, far = size <= LARGEST, size > threshold
        if size.ndim > 1:
            finite, far = np.asarray(finite.all(axis=1)), np.asarray(far.all(axis=1))
        end = start + len(part)
        odd[start:end] |= ~finite
        small[start:end] |= ~far


def _usual(error: Any, value: Array, fair: Array) -> Array:
    """The largest error of each element of a node at the points that are `fair`, where all numbers are finite."""
    errors = np.broadcast_to(error, (*value.shape[:-1], len(fair)))[..., fair]
    largest = np.max(errors, axis=-1, initial=0.0)
    return np.where(np.isnan(largest), INF, largest)


def _taken(at: Mapping[Node, Array], rows: Array) -> dict[Node, Array]:
    return {node: value if value.shape[-1] == 1 else value[..., rows] for node, value in at.items()}


def _kinds(value: Array) -> Array:
    """For every point: 0 if all its numbers are finite, else bits: 1 NaN, 2 and 4 the infinities."""
    axes = tuple(range(value.ndim - 1))
    if np.isfinite(value).all():
        return np.zeros(value.shape[-1:], dtype=np.uint8)
    kinds = np.isnan(value) + np.uint8(2) * (value == INF) + np.uint8(4) * (value == -INF)
    return np.asarray(np.bitwise_or.reduce(kinds, axis=axes) if axes else kinds)


def _finite_max(error: Any) -> float:
    found = np.asarray(error)
    return float(np.max(found, initial=0.0, where=np.isfinite(found)))
