"""Σ|path products| of a number of a random formula: what one rounding of every number on its way may do to it.

Found by trying: each number that the formula goes through is moved a little, in arbitrary precision, and the value and
its difference quotients are looked at. Nothing of `diffcli.diagnosis` has a hand in it, nor any derivative rule.

Below the normal range rounding is absolute: nothing rounds by less than ε times the smallest normal double.

Of the value f it is Σ|∂f/∂v|·|v| over all results v of operations that round; an operation on arrays rounds as if its
arguments had been rounded first (those of factorisations by the largest of them). A remainder is exact; floored, it is
a sum with the divisor where the signs differ, and rounded like all sums. Of a derivative g = ∂f/∂x it is the
same sum, Σ|∂g/∂v|·|v|, and what the reverse pass itself rounds: Σ|∂f/∂v · ∂v/∂w · ∂w/∂x| over all arguments w of all
results v.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from tests.diagnosis.exact import Exact, Row
from tests.diagnosis.formulas import BOOLEAN, Formula, Place
from tests.diagnosis.meanings import MEANINGS

#: The smallest normal double, by its power of 2.
NORMAL = -1022
#: How far, relative to themselves, numbers are moved: by 2^-MOVED, and where some are large or small, by less.
MOVED = 100
#: Operations whose results are exact, or numbers that were there before.
EXACT = {
    *(
        "negate",
        "twice",
        "stop",
        "where",
        "abs",
        "relu",
        "sign",
        "floor",
        "ceil",
        "round",
        "trunc",
        "heaviside",
        "clip",
    ),
    *("cap", "max", "min", "sort", "sort_0", "max_0", "median", "one", "fmod"),
    *("first", "second", "last", "join", "append", "row_0", "column_1", "diagonal", "tail", "head", "reverse", "roll"),
    *("transpose", "repeat_2", "repeat_3", "repeat_4", "input", "number", "call", *BOOLEAN),
}
#: Operations that mix all their arguments, and round as the largest of them does.
FACTORISATIONS = {"eigvalsh", "chol", "inv", "solve", "det", "logabsdet"}


#: What is moved: the result of a step, and which of its numbers.
Spot: TypeAlias = tuple[Place, tuple[int, ...]]


class Paths:
    """The sums of one formula at one point."""

    def __init__(self, formula: Formula, at: dict[str, list[float]], *, seconds: float = 2.0) -> None:
        self.formula = formula
        self.at = at
        self.exact = Exact(seconds)
        self.directions = [(name, k) for name, row in at.items() for k in range(len(row))]
        constants = [step.number for step in formula.steps if step.meaning == "number"]
        numbers = [x for row in at.values() for x in row] + constants
        self.far = max((abs(int(np.frexp(x)[1])) for x in numbers if x), default=0)
        self._fine = MOVED + (2 * self.far if self.far > 20 else 0)
        self._held: dict[Spot | None, list[Row]] = {}
        self._runs: dict[tuple[Spot | None, int | None], Row] = {}
        #: The results of all operations and, under ("of", step, argument), what those on arrays take.
        self.rows: dict[Place, Row] = {}
        self._moved_rows: dict[int, dict[Place, Row]] = {}
        room = 4 * self.far
        self.exact.at(4 * self._fine + room)
        self._run(None, None)
        if self.exact.needed > room:  # something is a constant but for its last digits
            self.exact.at(4 * self._fine + self.exact.needed)
            self._runs.clear()
            self._run(None, None)

    def of_value(self, o: int) -> Any:
        """Of the o-th number of the value; None where some of it has no value."""
        total = self.exact.m.zero
        for spot, size in self._spots():
            slope = self._slope(spot, o)
            if slope is None:
                return None
            if slope:  # log(0) on a branch that is not taken does nothing
                total += abs(slope) * size
        return total

    def of_slope(self, o: int, j: int) -> Any:
        """Of its derivative in direction j."""
        h = self._step(j)
        total = self.exact.m.zero
        for spot, size in self._spots():
            there, here = self._slope(spot, o, j), self._slope(spot, o)
            if there is None or here is None:
                return None
            if there != here:
                total += abs(there - here) / h * size
        handed = self._handed(o, j)
        return None if handed is None else total + handed

    # What moves ..........................................................................................

    def _spots(self) -> list[tuple[Spot, Any]]:
        """The numbers that rounding moves, with their sizes."""
        spots = []
        for place, row in self.rows.items():
            meaning = self._meaning(place)
            if meaning in EXACT:
                continue
            sizes = [abs(x) if x is not None and x is not True and x is not False else 0 for x in row]
            if meaning in ("mod", "mod_2"):
                sizes = [size if self._lifted(place, k) else 0 for k, size in enumerate(sizes)]
            if meaning == "power_1_3":  # the exponent 1/3 is rounded too
                sizes = [size * (1 + abs(self.exact.m.log(size))) if size else 0 for size in sizes]
            if place[0] == "of" and meaning in FACTORISATIONS:
                sizes = [max(sizes)] * len(sizes)
            least = self.exact.m.ldexp(1, NORMAL)
            spots += [((place, (k,)), max(size, least)) for k, size in enumerate(sizes) if size]
            # Equal numbers round alike: of three alone each is nothing to their median.
            groups: dict[Any, list[int]] = {}
            for k, (x, size) in enumerate(zip(row, sizes, strict=True)):
                if size:
                    groups.setdefault(x, []).append(k)
            spots += [((place, tuple(ks)), max(sizes[ks[0]], least)) for ks in groups.values() if len(ks) > 1]
        return spots

    def _lifted(self, place: Place, k: int) -> bool:
        """Whether the floored remainder is a sum, of the exact one and the divisor: where the signs differ."""
        args = [self.rows[arg] for arg in self.formula.arguments(place)]
        x, d = [row[k if len(row) > 1 else 0] for row in args] if len(args) == 2 else (args[0][k], 2)
        return x is not None and d is not None and bool(x * d < 0)

    def _meaning(self, place: Place) -> str:
        return self.formula.step(place).meaning

    def _step(self, j: int) -> Any:
        name, k = self.directions[j]
        x = self.at[name][k]
        size = int(np.frexp(x)[1]) if x else -self.far
        return self.exact.m.ldexp(1, size - self._fine)

    def _run(self, spot: Spot | None, j: int | None) -> Row:
        """The value, with a number moved, and an input. What `stop` holds does not move with the input."""
        key = (spot, j)
        if key in self._runs:
            return self._runs[key]
        o = self.exact
        o.check()
        point = {name: [o.number(x) for x in row] for name, row in self.at.items()}
        if j is not None:
            self._run(spot, None)
            name, k = self.directions[j]
            point[name][k] += self._step(j)
        held = [] if j is None else list(self._held[spot])
        seen: dict[Place, Row] = {}

        def touch(place: Place, row: Row) -> Row:
            if spot is not None and place == spot[0]:
                row = list(row)
                for k in spot[1]:
                    if row[k] is not None:  # at the end of a domain a number may have no value beside
                        row[k] += self._nudge(spot)
            seen[place] = row
            return row

        value = self.formula.value(o, point, held, touch)
        if j is None:
            self._held[spot] = held
        if spot is None:
            if j is None:
                self.rows = seen
            else:
                self._moved_rows[j] = seen
        self._runs[key] = [x if x is None or o.m.isfinite(x) else None for x in value]
        return self._runs[key]

    def _nudge(self, spot: Spot) -> Any:
        place, (k, *_) = spot
        return self._hair(self.rows[place][k])

    def _hair(self, x: Any) -> Any:
        return self.exact.m.ldexp(x, -self._fine) if x else self.exact.m.ldexp(1, -self._fine - self.far)

    def _slope(self, spot: Spot, o: int, j: int | None = None) -> Any:
        """How much a number of the value moves with one on its way."""
        there, here = self._run(spot, j)[o], self._run(None, j)[o]
        return None if there is None or here is None else (there - here) / self._nudge(spot)

    # What the reverse pass adds up .......................................................................

    def _handed(self, o: int, j: int) -> Any:
        """Σ|∂f/∂v · ∂v/∂w · ∂w/∂x|."""
        self._run(None, j)
        m, h = self.exact.m, self._step(j)
        total, least = m.zero, m.ldexp(1, NORMAL)
        for place, row in self.rows.items():
            if place[0] == "of" or self._meaning(place) in ("input", "number", "call", "stop", *BOOLEAN):
                continue
            for k, x in enumerate(row):
                edges = [] if x is None else self._edges(place, k, j)
                slope = self._slope((place, (k,)), o) if edges else 0
                if slope is None:
                    return None
                if slope:
                    total += sum(abs(slope * edge * moves / h) + least * (abs(slope) + abs(moves / h))
                                 for edge, moves in edges)  # fmt: skip
        return total

    def _edges(self, place: Place, k: int, j: int) -> list[tuple[Any, Any]]:
        """∂v/∂w, and how much w moves with an input, of the k-th number v of a result and all arguments w of it."""
        step, o = self.formula.step(place), self.exact
        args = [self.rows[arg] for arg in self.formula.arguments(place)]
        moved = [self._moved_rows[j][arg] for arg in self.formula.arguments(place)]
        if step.elementwise:
            args, moved = ([[row[k if len(row) > 1 else 0]] for row in rows] for rows in (args, moved))
            k = 0
        edges = []
        here = MEANINGS[step.meaning](o, *args)[k]
        for a, (row, after) in enumerate(zip(args, moved, strict=True)):
            for n, (w, there) in enumerate(zip(row, after, strict=True)):
                if w is None or there is None or isinstance(w, bool) or w == there:
                    continue
                nudge = self._hair(w)
                near = [list(each) for each in args]
                near[a][n] = w + nudge
                beside = MEANINGS[step.meaning](o, *near)[k]
                if here is not None and beside is not None and here != beside:
                    edges.append(((beside - here) / nudge, there - w))
        return edges
