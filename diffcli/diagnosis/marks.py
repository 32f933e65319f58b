"""Passes over long columns of numbers: their extremes, and which are not finite or too small.

All of it goes through memory a stretch at a time, so that what is read once is still in a cache when it is read again,
and on several threads where there is enough to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from diffcli.diagnosis.intervals import INF, LARGEST, Range
from diffcli.diagnosis.ranges import of_values
from diffcli.evaluation import in_threads
from diffcli.evaluation.extremes import NOTHING_SEEN, Extremes

Array: TypeAlias = NDArray[Any]

#: Numbers looked at in one go: what fits a core's nearest caches.
CHUNK = 1 << 15
#: A thread is worth its start for so many numbers.
WORTH_A_THREAD = 1 << 18
#: Thresholds of results that are never too small, and of those that are not even infinite at any point.
NEVER_SMALL, NEVER_WRONG = -1.0, -INF


def ranges_of(values: Sequence[Array], jobs: int, seen: Extremes = NOTHING_SEEN) -> list[tuple[Range, bool]]:
    """For each of some arrays the range of its finite numbers, and whether all are."""
    parts: list[list[tuple[Range, bool]]] = [[] for _ in values]

    def work(shared: Iterator[tuple[int, Array]]) -> None:
        for k, part in shared:
            parts[k].append(of_values(part))

    unread: list[tuple[int, Array]] = []
    for k, value in enumerate(values):
        known = seen.of(value)
        if known is None or known.low is None or known.high is None:
            unread += [(k, part) for part in _stretches(value)]
            continue
        finite = known.most <= LARGEST
        if finite.any():
            low, high = float(known.low[finite].min()), float(known.high[finite].max())
            sizes = known.least[finite]
            least = float(sizes.min(where=sizes > 0.0, initial=INF))
            parts[k].append((Range(low, high, least), True))
        for element, stretch in np.argwhere(~finite).tolist():
            numbers = value.reshape(-1, value.shape[-1])[element] if value.ndim > 1 else value
            unread.append((k, numbers[stretch * seen.size : (stretch + 1) * seen.size]))
    _spread(work, unread, [part for _, part in unread], jobs)
    return [(_joined([found for found, _ in each]), all(finite for _, finite in each)) for each in parts]


def _stretches(value: Array) -> Iterator[Array]:
    """An array in parts of the last axis, or as a whole where it is small."""
    width = max(1, 2 * CHUNK * value.shape[-1] // max(1, value.size))
    for start in range(0, value.shape[-1], width):
        yield value[..., start : start + width]


def _joined(found: Sequence[Range]) -> Range:
    """One range for all; those of nothing (0 to 0, none nearer than ∞) do not count."""
    some = [each for each in found if each.least < INF or each.low or each.high]
    if not some:
        return Range(0.0, 0.0, INF)
    # Where only some stretches hold zeros and nothing else, 0 has to be inside.
    zero = [0.0] if len(some) < len(found) else []
    return Range(
        min([each.low for each in some] + zero),
        max([each.high for each in some] + zero),
        min(each.least for each in some),
    )


@dataclass(slots=True)
class _Column:
    """One number of every point: up to which size it is in doubt, whether it is known to be finite, whether there were
    numbers on both sides of 0 so far, how many were in doubt, and which chunks have some that are, or are not finite
    (None: nobody knows).
    """

    numbers: Array
    limit: float
    finite: bool
    both: bool = False
    doubted: int = 0
    chunks: Array | None = None

    def ask(self, seen: Extremes) -> bool:
        """Whether any number has to be read; `chunks` then says where, if that is known."""
        known = seen.of(self.numbers)
        if known is None:
            return True
        self.finite = self.finite or bool((known.most <= LARGEST).all())
        (stretches,) = np.nonzero(~((known.most[0] <= LARGEST) & (known.least[0] > self.limit)))
        count = len(self.numbers)
        self.chunks = np.zeros(-(-count // CHUNK), dtype=bool)
        for stretch in stretches.tolist():
            end = min((stretch + 1) * seen.size, count)
            self.chunks[stretch * seen.size // CHUNK : (end - 1) // CHUNK + 1] = True
        return len(stretches) > 0


def wrong_or_small(
    answers: Sequence[Array],
    thresholds: Sequence[Any],
    count: int,
    jobs: int,
    finite: Sequence[Any] = (),
    seen: Extremes = NOTHING_SEEN,
) -> tuple[Array, Array]:
    """The rows with a result that is not finite, and the others with one that is no larger than its threshold. The
    answers have their points on the first axis; of those beyond the thresholds it is only seen whether they are finite,
    and of those that are known to be `finite` not even that; nor are they read where enough was `seen` of them.
    """
    columns: list[_Column] = []
    tables: list[tuple[Array, Array]] = []
    for k, (answer, threshold) in enumerate(zip_longest(answers, thresholds, fillvalue=NEVER_SMALL)):
        moved = np.moveaxis(np.asarray(answer), 0, -1)
        limits = np.ravel(np.broadcast_to(threshold, moved.shape[:-1]))
        if len(limits) == 1 or (moved.flags.c_contiguous and count >= CHUNK // 8):
            known = np.ravel(np.broadcast_to(finite[k] if k < len(finite) else False, moved.shape[:-1])).tolist()
            parts = map(_Column, moved.reshape(-1, count), limits.tolist(), known)
            columns += [column for column in parts if column.limit != NEVER_WRONG and column.ask(seen)]
        elif np.any(limits != NEVER_WRONG):
            tables.append((np.asarray(answer).reshape(count, -1), np.maximum(limits, NEVER_SMALL)))
    found: dict[int, tuple[Array, Array]] = {}

    def work(shared: Iterator[int]) -> None:
        marks = _Marks()
        for start in shared:
            end = start + CHUNK
            # Those first that are mostly in doubt: they may settle it.
            for column in sorted(columns, key=_most_doubted):
                if column.chunks is None or column.chunks[start // CHUNK]:
                    marks.take(column, start, end)
            for table, limits in tables:
                marks.take_rows(table[start:end], limits)
            if marks.any:
                found[start] = marks.rows(start, min(end, count))

    if columns or tables:
        arrays = [*(column.numbers for column in columns), *(table for table, _ in tables)]
        _spread(work, range(0, count, CHUNK), arrays, jobs)
    nothing = np.zeros(0, dtype=np.intp)
    rows = [found[start] for start in sorted(found)] or [(nothing, nothing)]
    return np.concatenate([wrong for wrong, _ in rows]), np.concatenate([small for _, small in rows])


def _most_doubted(column: _Column) -> int:
    return -column.doubted


class _Marks:
    """What one stretch of points is marked with; there is nothing to clear where nothing was marked, as mostly. Where
    most of them are in doubt, all are taken to be: what is asked of them next costs least for a stretch as a whole.
    """

    def __init__(self) -> None:
        self.any = self._all = False
        self._scratch = np.empty(CHUNK)
        self._wrong, self._small = np.zeros((2, CHUNK), dtype=bool)

    def take(self, column: _Column, start: int, end: int) -> None:
        """Marks where a result is not finite, or no larger than its limit."""
        part, limit, finite = column.numbers[start:end], column.limit, column.finite
        if column.chunks is None and not (finite and column.both):
            low, high = part.min(), part.max()
            # A NaN is no less and no more than anything.
            finite = finite or bool(low >= -LARGEST and high <= LARGEST)
            if finite and (limit < 0.0 or low > limit or high < -limit):
                return
            column.both = bool(low < 0.0 < high)
        if finite and self._all:
            return
        self.any, count = True, len(part)
        if finite and limit == INF:
            self._all, column.doubted = True, column.doubted + count
            return
        size = np.abs(part, out=self._scratch[:count])
        if not finite:
            self._wrong[:count] |= ~(size <= LARGEST)
        small = size <= limit
        found = int(np.count_nonzero(small))
        if found:
            column.doubted += found
            self._small[:count] |= small
            self._all = self._all or 2 * int(np.count_nonzero(self._small[:count])) > count

    def take_rows(self, part: Array, limits: Array) -> None:
        """The same for many results a point, that lie side by side."""
        self.any = True
        width = max(1, CHUNK // part.shape[1])
        for start in range(0, len(part), width):
            size = np.abs(part[start : start + width])
            end = start + len(size)
            self._wrong[start:end] |= ~(size.max(axis=1) <= LARGEST)
            self._small[start:end] |= (size <= limits).any(axis=1)

    def rows(self, start: int, end: int) -> tuple[Array, Array]:
        """The rows that are wrong, and the others that are small; after that nothing is marked."""
        if self._all:
            self._small[: end - start] = True
        self._small &= ~self._wrong
        rows = np.flatnonzero(self._wrong) + start, np.flatnonzero(self._small) + start
        self._wrong[:] = self._small[:] = self.any = self._all = False
        return rows


def _spread(work: Callable[[Iterator[Any]], None], parts: Iterable[Any], arrays: Sequence[Array], jobs: int) -> None:
    threads = max(1, min(jobs, sum(array.size for array in arrays) // WORTH_A_THREAD))

    def quietly(shared: Iterator[Any]) -> None:
        with np.errstate(all="ignore"):
            work(shared)

    in_threads(threads, quietly, parts)
