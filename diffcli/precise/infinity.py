"""Limits where inputs are infinite: what the outputs go to as these grow, whatever the others do meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from diffcli.graph import Node
from diffcli.precise.evaluations import Evaluations

#: Where an infinite input is approached from, and where one looks what is on the way.
TOWARDS_INFINITY, ON_THE_WAY = (100, 300, 900), (130, 410, 500)
#: So many of the other inputs are moved meanwhile.
MOST_MOVED = 4
#: The outputs near the point, where infinite inputs stand at the power of two named.
Near: TypeAlias = Callable[[int], list[Any]]


class Endless(Evaluations):
    """The same where inputs may be infinite: then all values are limits."""

    def values(self, bits: int = 70) -> list[Any]:
        """The outputs at the point itself, or as infinite inputs grow."""
        if not self._infinite:
            return super().values(bits)
        alone = self._beside(())
        return self._whatever_the_rest(self._at_infinity(alone), alone)

    def _whatever_the_rest(self, found: list[Any], alone: Near) -> list[Any]:
        """Limits as some inputs grow, `alone`, less those that depend on how the others come to where they are: x·y
        does at (∞, 0). That is only asked of what the infinities themselves leave undetermined: 1^∞ is 1 by convention.
        """
        nan = self.ar.is_nan
        here = self._run(self._least, {})
        odd = [o for o, x in enumerate(here) if nan(x) and not nan(found[o])]
        finite = [(node, int(k)) for node, value in self.at.items() for k in np.flatnonzero(np.isfinite(value))]
        places, ways = finite[:MOST_MOVED], [(power, sign) for power in (0.5, 1, 2) for sign in (-1, 1)]
        if not odd or (len(places) > 1 and self._alike(odd, alone, [self._beside(places, *way) for way in ways])):
            return found
        for near in [self._beside([place], *way) for place in places for way in ways]:
            if not odd or self._alike(odd, alone, [near]):
                continue
            other = self._at_infinity(near)
            for o in [o for o in odd if not nan(other[o]) and not self.agree(found[o], other[o])]:
                found[o] = self.ar.nan
                odd.remove(o)
        return found

    def _beside(self, places: Sequence[tuple[Node, int]], power: float = 1, sign: int = 1) -> Near:
        """The outputs as infinite inputs grow and some others come to where they are from one side, as a power."""
        known: dict[tuple[int, bool, int], list[Any]] = {}

        def near(k: int) -> list[Any]:
            key = self._pace, self._slowly, k
            if key not in known:
                step = sign * self.ar.m.mpf(2) ** (-power * k)
                shifts = {place: step * 3 / (3 + i) for i, place in enumerate(places)}
                known[key] = self._values_near(shifts, k)
            return known[key]

        return near

    def _alike(self, odd: Sequence[int], alone: Near, others: Sequence[Near]) -> bool:
        """Whether some outputs are the same, on several ways, as `alone` in the last of the samples: then they go to
        the same limits.
        """
        last, alike = TOWARDS_INFINITY[-1], True
        for pace in self._races():
            self._pace = pace
            alike = alike and all(self.agree(alone(last)[o], near(last)[o]) for near in others for o in odd)
        self._pace = 0
        return alike

    def _races(self) -> Sequence[int]:
        """In what order infinite inputs outpace each other."""
        return (0, 1, -1) if self._infinite > 1 else (0,)

    def _at_infinity(self, at: Near) -> list[Any]:
        """Limits as the infinite inputs grow: like a logarithm, where exponentials of them are out of reach."""
        nan = self.ar.is_nan
        before, self.ar.beyond = self.ar.beyond, False
        found = self._at_paces(at)
        if self.ar.beyond and any(map(nan, found)):
            self.ar.beyond = False
            self._slowly = True
            try:
                slow = self._at_paces(at)
            finally:
                self._slowly = False
            found = [b if nan(a) else a for a, b in zip(found, slow, strict=True)]
            # Nobody knows what goes nowhere one of the two ways.
            self.ar.beyond = any(map(nan, found))
        self.ar.beyond = self.ar.beyond or before
        return found

    def _at_paces(self, at: Near) -> list[Any]:
        """The same; where several inputs are infinite, whatever their paces."""
        found = []
        for pace in self._races():
            self._pace = pace
            rows = [at(k) for k in TOWARDS_INFINITY]
            limits = self.slowly(self.along(rows), rows, lambda power: at(power * TOWARDS_INFINITY[0]))
            if any(limit.kind == "infinite" for limit in limits):
                between = zip(*(at(k) for k in ON_THE_WAY), strict=True)
                limits = [self.unless_it_waves(*each) for each in zip(limits, between, strict=True)]
            found.append([limit.value for limit in limits])
        self._pace = 0
        return [
            column[0] if all(self.agree(column[0], x) for x in column[1:]) else self.ar.nan
            for column in zip(*found, strict=True)
        ]
