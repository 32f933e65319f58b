"""The warnings of many points: which rows, and why.

The screen (`screen`) finds the rows that need a closer look. Rows that are odd in the same way (the same results
infinite or NaN, the same operations at their kinks) mostly have the same reason, so a few of each kind are examined
like single points and speak for the rest. A large error bound speaks for itself: such rows are examined one by one,
and past a limit the bound is believed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffcli.bound import Bound, Differentiable
from diffcli.diagnosis import SECONDS, examined
from diffcli.diagnosis.questions import asked
from diffcli.diagnosis.screen import Screen
from diffcli.evaluation.extremes import NOTHING_SEEN, Extremes

Array = NDArray[Any]
Codes = tuple[str, ...]

#: How many rows of one kind are examined before they speak for all.
SPEAKERS = 4
#: How many rows a run examines with exact numbers, at the most, and of one kind. What that may cost, in seconds as
#: `diffcli.precise.allowance` reckons them; and how many rows are examined whatever it costs.
EXAMINED, ALONE = 200, 64
ALL, FEW = 8.0, 8


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
    """Rows that are odd in the same way: what those that were examined have said."""

    said: list[Codes] = field(default_factory=list)

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
        self._examined, self._spent = 0, 0.0

    def look(
        self,
        bound: Bound,
        answers: Sequence[Array],
        count: int,
        jobs: int = 1,
        skipped: Collection[int] = (),
        seen: Extremes = NOTHING_SEEN,
    ) -> Warned:
        """The warnings of these points. `bound` has them on the batch axis; `answers` are the arrays of the command's
        answer, in its order, with the points on the first axis. Rows that are `skipped` mean nothing. What was `seen`
        of the numbers when they were computed need not be read again.
        """
        warned = Warned([])
        if not count:
            return warned
        if self._screen is None:
            self._screen = self._made(bound)
        with np.errstate(all="ignore"):
            rows, signatures, bounds, hanging = self._screen.suspects(bound.at, answers, count, jobs, seen)
        doubted = np.asarray(bounds.any(axis=1))
        if skipped:
            kept = ~np.isin(rows, list(skipped))
            rows, signatures, doubted, hanging = rows[kept], signatures[kept], doubted[kept], hanging[kept]
        if not len(rows):
            return warned
        for mark, group in _groups(signatures):
            kind = self._kinds.setdefault(mark, _Kind())
            ask = self._singly if doubted[group[0]] or hanging[group[0]] else self._alike
            alike = rows[group]
            known, rest = ask(bound, kind, alike)
            for row, codes in known.items():
                warned.add(codes or _plain(answers, row), [row])
            others = alike[~np.isin(alike, list(known))] if known else alike
            if len(others):
                warned.add(rest or _plain(answers, int(others[0])), others)
        return warned

    def _made(self, bound: Bound) -> Screen:
        """The screen, which serves all batches of a formula where the question is always the same."""
        if self._v is not None:
            return Screen(bound, asked(bound, self._what, self._v))
        return bound.once(f"screen: {self._what}", lambda: Screen(bound, asked(bound, self._what)))

    def _alike(self, bound: Bound, kind: _Kind, rows: Array) -> tuple[dict[int, Codes], Codes]:
        """The codes of rows that are odd in the same way: of those that were asked, and of the rest."""
        known: dict[int, Codes] = {}
        if not kind.agreed:
            spread = np.linspace(0, len(rows) - 1, SPEAKERS).astype(int).tolist()
            self._ask(bound, kind, rows[list(dict.fromkeys(spread))], known)
            if len(set(kind.said)) > 1:
                self._ask(bound, kind, rows, known)
        if not kind.said:
            kind.said.append(self._codes(bound, int(rows[0]), 0.0))  # by the place of what is odd alone
        return known, kind.together

    def _singly(self, bound: Bound, kind: _Kind, rows: Array) -> tuple[dict[int, Codes], Codes]:
        """The codes of rows whose error bounds are too large, or where rounding may have decided something, each by
        itself, since it may as well be right; and what is said of the rest, for which the bound is believed.
        """
        known: dict[int, Codes] = {}
        self._ask(bound, kind, rows, known)
        return known, kind.together or ("cancellation",)

    def _ask(self, bound: Bound, kind: _Kind, rows: Array, known: dict[int, Codes]) -> None:
        """Examines some rows, as far as their kind's share goes."""
        for each in rows:
            row = int(each)
            if row in known:
                continue
            if len(kind.said) >= ALONE or self._used_up:
                return
            self._examined += 1
            known[row] = self._codes(bound, row, SECONDS)
            kind.said.append(known[row])

    @property
    def _used_up(self) -> bool:
        """Whether a run's share of rows that are looked at like single points is used up."""
        return self._examined >= EXAMINED or (self._spent > ALL and self._examined >= FEW)

    def _codes(self, bound: Bound, row: int, seconds: float) -> Codes:
        point = {str(node.params[0]): value[..., row if value.shape[-1] > 1 else 0] for node, value in bound.at.items()}
        findings, spent = examined(self._f, point, self._what, wrt=self._wrt, v=self._v, seconds=seconds, hints=False)
        self._spent += spent
        return tuple(dict.fromkeys(finding.code for finding in findings))


def _groups(signatures: Array) -> list[tuple[int, Array]]:
    """The places of each signature, in the order in which they come."""
    marks, members = np.unique(signatures, return_inverse=True)
    order = np.argsort(members, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(members[order])) + 1)
    return sorted(zip(marks.tolist(), groups, strict=True), key=lambda each: int(each[1][0]))


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
