"""The warnings of many points: which rows, and why.

The screen (`screen`) finds the rows that need a closer look. Rows that are odd in the same way (the same results
infinite or NaN, the same operations at their kinks) mostly have the same reason, so a few of each kind are examined
like single points and speak for the rest. A large error bound speaks for itself: such rows are examined one by one,
and past a limit the bound is believed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from time import process_time
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffcli.bound import Bound, Differentiable
from diffcli.diagnosis import examine
from diffcli.diagnosis.questions import asked
from diffcli.diagnosis.screen import Screen

Array = NDArray[Any]
Codes = tuple[str, ...]

#: How many rows of one kind are examined before they speak for all.
SPEAKERS = 2
#: How many rows of large error bounds, one after the other, must turn out right.
CLEARING = 3
#: How many rows a run examines with exact numbers, how long one of them and all together may take, in seconds.
EXAMINED, ONE, ALL = 200, 1.0, 3.0
#: How many rows of one kind, of those that rounding may have decided, are examined each by itself.
ALONE = 64


@dataclass(frozen=True, slots=True)
class Warned:
    """The warnings of many points: codes, and the rows that they are for."""

    parts: list[tuple[Codes, Array]]

    def add(self, codes: Codes, rows: ArrayLike) -> None:
        """The codes of some more rows, if there are any."""
        if codes:
            self.parts.append((codes, np.asarray(rows, dtype=np.intp)))

    def by_code(self) -> dict[str, Array]:
        """For every code its rows, in order."""
        found: dict[str, list[Array]] = {}
        for codes, rows in self.parts:
            for code in codes:
                found.setdefault(code, []).append(rows)
        return {code: np.sort(np.concatenate(found[code])) for code in sorted(found)}

    def by_row(self) -> dict[int, Codes]:
        """For every row that has any its codes."""
        return {row: codes for codes, rows in self.parts for row in rows.tolist()}


@dataclass(slots=True)
class _Kind:
    """Rows that are odd in the same way: what those that were examined have said, and whether the rest follows."""

    said: list[Codes] = field(default_factory=list)
    cleared: float = 0.0  # error bounds up to which its rows are right all the same

    @property
    def agreed(self) -> bool:
        """Whether all speakers said the same."""
        return len(self.said) >= SPEAKERS and len(set(self.said)) == 1

    @property
    def together(self) -> Codes:
        """All that was said."""
        return tuple(dict.fromkeys(code for codes in self.said for code in codes))


class Watch:
    """Looks at the answers to one question at many points, block after block.

    `what` is ``eval``, ``grad``, ``jacobian``, ``vjp`` (with the cotangent `v`), ``jvp`` (with the tangent `v`) or
    ``hessian``.
    """

    def __init__(
        self,
        f: Differentiable,
        what: str,
        *,
        wrt: Sequence[str] | None = None,
        v: Mapping[str, ArrayLike] | None = None,
    ) -> None:
        self._f, self._what, self._wrt, self._v = f, what, wrt, v
        self._screen: Screen | None = None
        self._kinds: dict[int, _Kind] = {}
        self._left = EXAMINED
        self._seconds = ALL

    def look(
        self, bound: Bound, answers: Sequence[Array], count: int, jobs: int = 1, skipped: Collection[int] = ()
    ) -> Warned:
        """The warnings of these points. `bound` has them on the batch axis; `answers` are the arrays of the command's
        answer, in its order, with the points on the first axis. Rows that are `skipped` mean nothing.
        """
        warned = Warned([])
        if not count:
            return warned
        if self._screen is None:
            self._screen = self._made(bound)
        self._screen.appeal = lambda doubted: self._right(bound, doubted)
        rows, signatures, bounds, hanging = self._screen.suspects(bound.at, answers, count, jobs)
        if skipped:
            kept = ~np.isin(rows, list(skipped))
            rows, signatures, bounds, hanging = rows[kept], signatures[kept], bounds[kept], hanging[kept]
        if not len(rows):
            return warned
        marks, members = np.unique(signatures, return_inverse=True)
        order = np.argsort(members, kind="stable")
        groups = np.split(order, np.flatnonzero(np.diff(members[order])) + 1)
        for mark, group in sorted(zip(marks.tolist(), groups, strict=True), key=lambda each: int(each[1][0])):
            kind = self._kinds.setdefault(mark, _Kind())
            if bounds[group[0]] > 0.0:
                known, rest = self._doubted(bound, kind, rows[group], bounds[group])
            elif hanging[group[0]]:
                known, rest = self._undecided(bound, kind, rows[group].tolist())
            else:
                known, rest = self._alike(bound, kind, rows[group].tolist())
            for row, codes in known.items():
                warned.add(codes or _plain(answers, row), [row])
            others = rows[group] if not known else np.array([row for row in rows[group].tolist() if row not in known])
            if len(others):
                warned.add(rest or _plain(answers, int(others[0])), others)
        return warned

    def _made(self, bound: Bound) -> Screen:
        """The screen, which serves all batches of a formula where the question is always the same."""
        if self._v is not None:
            return Screen(bound, asked(bound, self._what, self._v))
        return bound.once(f"screen: {self._what}", lambda: Screen(bound, asked(bound, self._what)))

    def _alike(self, bound: Bound, kind: _Kind, rows: Sequence[int]) -> tuple[dict[int, Codes], Codes]:
        """The codes of rows that are odd in the same way: of those that were asked, and of the rest."""
        known: dict[int, Codes] = {}

        def ask(speakers: Sequence[int]) -> None:
            for row in speakers:
                if row not in known:
                    codes = self._examined(bound, row)
                    if codes is None:
                        return
                    known[row] = codes
                    kind.said.append(codes)

        if not kind.agreed:
            ask((rows[0], rows[-1]))
            if len(set(kind.said)) > 1:
                ask(rows)
        if not kind.said:
            kind.said.append(self._codes(bound, rows[0], 0.0))  # by the place of what is odd alone
        return known, kind.together

    def _doubted(self, bound: Bound, kind: _Kind, rows: Array, bounds: Array) -> tuple[dict[int, Codes], Codes]:
        """The codes of rows with a large error bound, and of the rest. The largest bounds are looked at first, until
        so many rows turn out right that the bound is known to say too much.
        """
        known: dict[int, Codes] = {}
        right = 0
        order = np.argsort(-bounds, kind="stable")
        for k in order.tolist():
            if bounds[k] <= kind.cleared:
                break
            row = int(rows[k])
            codes = self._examined(bound, row)
            if codes is None:
                break
            known[row] = codes
            if codes:
                right = 0
                kind.said.append(codes)
                continue
            right += 1
            if right >= CLEARING:
                kind.cleared = max(kind.cleared, 2.0 * float(bounds[k]))
                break
        for row, size in zip(rows.tolist(), bounds.tolist(), strict=True):
            if size <= kind.cleared:
                known.setdefault(row, ())
        return known, tuple(dict.fromkeys((*kind.together, "cancellation")))

    def _undecided(self, bound: Bound, kind: _Kind, rows: Sequence[int]) -> tuple[dict[int, Codes], Codes]:
        """The codes of rows where rounding may have decided something: of some, each by itself, since it may as well
        have decided rightly; and what they say of the rest.
        """
        known: dict[int, Codes] = {}
        for row in rows[:ALONE]:
            codes = self._examined(bound, row)
            if codes is None:
                break
            known[row] = codes
            kind.said.append(codes)
        return known, kind.together if kind.said else ("cancellation",)

    def _right(self, bound: Bound, rows: Array) -> bool:
        """Whether nothing is wrong at the first of some rows."""
        return all(self._examined(bound, row) == () for row in rows[:CLEARING].tolist())

    def _examined(self, bound: Bound, row: int) -> Codes | None:
        """The codes of one row, looked at like a single point; None when a run's share of such looks is used up."""
        if self._left <= 0 or self._seconds <= 0.0:
            return None
        self._left -= 1
        start = process_time()
        codes = self._codes(bound, row, ONE)
        self._seconds -= process_time() - start
        return codes

    def _codes(self, bound: Bound, row: int, seconds: float) -> Codes:
        point = {str(node.params[0]): value[..., row if value.shape[-1] > 1 else 0] for node, value in bound.at.items()}
        findings = examine(self._f, point, self._what, wrt=self._wrt, v=self._v, seconds=seconds)
        return tuple(dict.fromkeys(finding.code for finding in findings))


def _plain(answers: Sequence[Array], row: int) -> Codes:
    """What can be said of a result that is not finite where nobody has looked closer."""
    codes = []
    for answer in answers:
        numbers = np.asarray(answer[row])
        if np.isnan(numbers).any():
            codes.append("domain")
        elif np.isinf(numbers).any():
            codes.append("overflow")
    return tuple(dict.fromkeys(codes))
