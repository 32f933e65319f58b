"""What values and derivatives really are at a point, and what they go to where the formula itself has none.

Derivatives are differences of values at a step so small, and with so many digits, that nothing of them is lost. So
they share no rule with `diffcli.derive`: they judge it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial, reduce
from typing import Any, NamedTuple

import numpy as np

from diffcli.precise.arithmetic import finite, size
from diffcli.precise.evaluations import UNEVEN, UNIT, UNIT_AT_ZERO
from diffcli.precise.infinity import Endless
from diffcli.precise.sequences import POWERS, Limit
from diffcli.precise.ways import Way, curves, lines

#: How far the second point of a difference lies from the first, in steps: twice as far, mod(1, h) would seem to agree.
STRIDE = 1.2360679774997898
#: How much longer the second of the steps is that mixed differences take, and how much to see whether it matters.
STEEP, STEEPER = 0.75, 1.25
#: The ways in which other inputs are moved off a singularity that they share (`Exactly._off`).
OFF = (1, -1, 2)
#: A curve takes more bits than a line, and both sides of it are looked at.
AS_DEAR = 6.0
#: Log₂ of numbers that are 0 to all doubles, and to products of them with doubles.
LEAST_SEEN = -2_400

#: What may have a kink, or make one of a zero.
_KINKED = frozenset({
    "abs", "maximum", "minimum", "relu", "clip", "max", "min", "sort", "where", "hypot", "norm", "sqrt", "power",
    "eigvalsh", "mod", "fmod",
})  # fmt: skip


class _UnevenError(Exception):
    """Difference quotients that should be the same are not."""


class Partial(NamedTuple):
    """A derivative in one direction, and those from its two sides; NaN where there is none.

    `jumps` where the value at the point is not what it goes to from one of the sides: then there is no derivative.
    """

    value: Any
    left: Any
    right: Any
    jumps: bool = False


class Exactly(Endless):
    """What the numbers of some nodes of a graph, and their derivatives, really are: exact values, or limits."""

    # Derivatives .........................................................................................

    def partial(self, j: int) -> list[Partial]:
        """The derivative of every output in direction j: the limit of the difference quotients from both sides; 0 of
        what does not change in that direction, whether it has a value or not.
        """
        plain = None if self._infinite else self._plainly(j)
        if plain is not None:
            return [Partial(x, x, x) for x in plain]
        zero = self.ar.m.zero
        still = Partial(zero, zero, zero)
        if not self.reached[:, j].any():
            return [still] * len(self.reached)
        found = self._from_both_sides(j)
        return [each if moves else still for each, moves in zip(found, self.reached[:, j], strict=True)]

    def _from_both_sides(self, j: int) -> list[Partial]:
        """The derivatives in direction j where the function is not plainly smooth, or an input is infinite."""
        sides = []
        if self._infinite:
            return [Partial(x, x, x) for x in self._at_infinity(lambda k: self._slope_near(j, k))]
        jumps = wild = [False] * sum(node.size for node in self.outputs)
        for sign in (-1, 1):
            limits, near = self._one_sided(j, sign, 0)
            rows = zip(jumps, self._here(), near[0], *near[-2:], strict=True)
            jumps = [jump or self._apart(f, *beside) for jump, f, *beside in rows]
            limits = [self._as_steep(sign, *each) for each in zip(limits, self._here(), near[-1], strict=True)]
            if all(limit.kind == "none" for limit in limits) and len(self.directions) > 1:
                limits = self._whichever([self._one_sided(j, sign, away)[0] for away in OFF])
            # Where there are values whose slopes go nowhere, the other side is not all there is.
            rows = zip(wild, limits, near[-1], strict=True)
            wild = [each or (limit.kind == "none" and self.ar.m.isfinite(f)) for each, limit, f in rows]
            sides.append(limits)
        found = [self.both(a.value, b.value, jump) for a, b, jump in zip(*sides, jumps, strict=True)]
        return [each._replace(value=self.ar.nan) if w else each for each, w in zip(found, wild, strict=True)]

    def _plainly(self, j: int) -> list[Any] | None:
        """The derivatives in direction j where the function is plainly smooth, as it is nearly always: the quotients
        between f(x − h), f(x), f(x + h) and f(x + 2h) are the same. (The third tells odd singularities: of ∛x the first
        two agree.) None where one of them differs, or has no value.
        """
        m = self.ar.m
        if not all(isinstance(x, bool) or m.isfinite(x) for x in self._here()):
            return None
        scale = self.scale(j) + self.unit(j)

        def quotients(precision: int) -> list[Any]:
            m.prec = precision
            h = UNEVEN * m.mpf(2) ** scale
            before, here, after, beyond = (self.moved(precision, {j: n * h}) for n in (-1, 0, 1, 2))
            rows = [
                [self._quotient(b, a, h) for a, b in zip(first, second, strict=True)]
                for first, second in ((before, here), (here, after), (after, beyond))
            ]
            alike = all(self.alike(a, b, 48) and self.alike(b, c, 48) for a, b, c in zip(*rows, strict=True))
            if not alike and self.ar.needed + 64 <= precision:
                raise _UnevenError
            return [(a + b) / 2 for a, b in zip(*rows[:2], strict=True)]

        try:
            found = self.agreed(quotients, 64, scale)
        except _UnevenError:
            return None
        return None if any(map(self.ar.is_nan, found)) else found

    def _as_steep(self, sign: int, limit: Limit, f: Any, near: Any) -> Limit:
        """The slope on one side of what has a value and is infinite on that side: x·log(0) is 0 at 0 alone."""
        m = self.ar.m
        infinite = not isinstance(near, bool) and m.isfinite(f) and m.isinf(near)
        return Limit("infinite", sign * near) if infinite else limit

    def _apart(self, f: Any, *near: Any) -> bool:
        """Whether a value is not what those `near` it go to, from the farthest to the nearest."""
        m = self.ar.m
        if not all(isinstance(x, bool) or m.isfinite(x) for x in (f, near[-1])):
            return False
        gap, size = abs(near[-1] - f), max(abs(near[-1]), abs(f))
        if not size or m.mag(size) < LEAST_SEEN:  # exp(−1e17) varies within every step, and is 0 to all doubles
            return False
        if self.alike(near[-2], near[-1], 60):
            return bool(gap > m.mpf(2) ** -58 * size)
        # A slow approach ends far off, but it does come nearer.
        return bool(gap > m.mpf(2) ** -20 * size and not 2 * gap < abs(near[0] - f))

    def both(self, left: Any, right: Any, jumps: bool = False) -> Partial:
        nan = self.ar.is_nan
        if nan(left) or nan(right):
            value = right if nan(left) else left
        elif max(abs(left), abs(right)) < self.ar.m.mpf(2) ** LEAST_SEEN:  # rounding, on one of the sides
            value = self.ar.m.zero
        else:
            value = right if self.agree(left, right) else self.ar.nan
        return Partial(self.ar.nan if jumps else value, left, right, jumps)

    def _one_sided(self, j: int, sign: int, away: int) -> tuple[list[Limit], list[list[Any]]]:
        """The limits of (f(x + h + s·h) − f(x + h))/(s·h), and f(x + h) for smaller and smaller h.

        `away` moves the other inputs too, off a singularity that they share.
        """
        beside: dict[int, list[Any]] = {}  # by how far off, for the halfway step comes last

        def slopes(units: int) -> list[Any]:
            k = units * self.unit(j)

            def quotients(precision: int) -> list[Any]:
                m = self.ar.m
                m.prec = precision
                h = sign * UNEVEN * m.mpf(2) ** (self.scale(j) + k)
                steps = self._off(h, away) if away else {}
                near = self.moved(precision, {**steps, j: h})
                next_ = self.moved(precision, {**steps, j: (1 + STRIDE) * h})
                tiny = m.mpf(2) ** (-4 * precision // 5)  # what only rounding is left of
                beside[units] = [m.zero if not isinstance(x, bool) and abs(x) < tiny else x for x in near]
                return [self._quotient(b, a, STRIDE * h) for a, b in zip(near, next_, strict=True)]

            return self.agreed(quotients, 64, k + min(0, self.scale(j)))

        first = slopes(POWERS[0])
        if all(map(self.ar.is_nan, first)):
            return [Limit("none", self.ar.nan)] * len(first), [*beside.values()]
        most = 4 if self.coordinate(j) else 3
        rows = self.approach(lambda power: first if power == 1 else slopes(power), most)
        near = [beside[units] for units in sorted(beside)]
        return self.slowly(self.along(rows), rows, slopes), near

    def _whichever(self, ways: Sequence[list[Limit]]) -> list[Limit]:
        """The limits of several outputs, where all ways to go agree."""
        return [reduce(self.common, column) for column in zip(*ways, strict=True)]

    def _slope_near(self, j: int, infinite: int) -> list[Any]:
        """A central difference in direction j where infinite inputs are at ±2^`infinite`."""

        def difference(precision: int) -> list[Any]:
            self.ar.m.prec = precision
            h, far = self._step_near(j, infinite), self.far(infinite)
            up, down = self.moved(precision, {j: h}, far), self.moved(precision, {j: -h}, far)
            return [self._quotient(a, b, 2 * h) for a, b in zip(up, down, strict=True)]

        # Beside cubes of what is infinite the difference of another input must still be seen.
        return self.agreed(difference, 60, -infinite - 160, 6 * infinite + 400 + abs(self.scale(j)))

    def _bend_near(self, i: int, j: int, infinite: int) -> list[Any]:
        """A central second difference there."""

        def difference(precision: int) -> list[Any]:
            self.ar.m.prec = precision
            h, g, far = self._step_near(i, infinite), self._step_near(j, infinite), self.far(infinite)
            rows = [
                [self.moved(precision, {i: a * h, j: b * g} if i != j else {i: (a + b) * h}, far) for b in (1, -1)]
                for a in (1, -1)
            ]
            slopes = [[self._quotient(a, b, 2 * g) for a, b in zip(*row, strict=True)] for row in rows]
            return [self._quotient(a, b, 2 * h) for a, b in zip(*slopes, strict=True)]

        least = 8 * infinite + 800 + abs(self.scale(i)) + abs(self.scale(j))
        return self.agreed(difference, 60, -infinite - 160, least)

    def _step_near(self, j: int, infinite: int) -> Any:
        """Far less than a wave of sin(x²) out there, at the precision set: longer steps see none."""
        m, x = self.ar.m, self.coordinate(j)
        size = 1 if np.isinf(x) else (abs(m.mpf(x)) if x else m.mpf(2) ** -1200)
        return size * m.mpf(2) ** (-2 * infinite - 160)

    def limits(self, missing: Sequence[int] | None = None) -> list[Any]:
        """The values of the outputs as limits: along every input from both sides, along slanting lines and, as far as
        there is time for them, along curves. Where all that exist agree, the limit; else NaN. `missing`: the elements
        of the outputs that it is asked for.
        """
        count = len(self.directions)
        found: list[list[Any]] = []
        together = [self.ar.nan] * sum(node.size for node in self.outputs)
        if missing and not self.ar.beyond and self.nowhere is not None:
            absent = self.nowhere.elements(self.outputs)
            if all(absent[o] for o in missing):
                return together
        before, straight = self.ar.allowance.spent, list(lines(count))
        for k, way in enumerate((*straight, *curves(count))):
            if k == len(straight):
                before = (self.ar.allowance.spent - before) / k  # what one has cost
            if k >= len(straight) and not self.ar.allowance.affords(AS_DEAR * before):
                break
            for sign in (-1, 1):
                self.ar.beyond = self.ar.crowded = False
                rows = self.approach(partial(self._along, way, sign))
                if all(map(self.ar.is_nan, rows[-1])):
                    if self.ar.beyond or self.ar.crowded:
                        # Out of reach: nobody knows what it goes to that way. Or there are values that go nowhere.
                        return [self.ar.nan] * len(together)
                    continue
                self.ar.beyond = False
                limits = self.slowly(self.along(rows), rows, partial(self._along, way, sign), missing)
                if self.ar.beyond:
                    return [self.ar.nan] * len(together)
                found.append([limit.value for limit in limits])
                together = [self._together(column) for column in zip(*found, strict=True)]
                if len(found) > 1 and all(self.ar.is_nan(together[o]) for o in missing or range(len(together))):
                    self.ar.beyond = False
                    return together  # two ways lead apart, or nowhere: others do not bring them together
        self.ar.beyond = False
        return together

    def _along(self, way: Way, sign: int, units: int) -> list[Any]:
        """The outputs at one place of a way."""
        steepest = max(power for terms in way.values() for _, power in terms)
        step = int(steepest * units) * UNIT_AT_ZERO + (self._smallest or 0)
        return self._values_near(self._steps(way, sign, units), step=step)

    def filled(self, values: list[Any], bits: int) -> list[Any]:
        """`values` at the point, with limits to so many `bits` where the formula itself has none but goes somewhere."""
        missing = [o for o, x in enumerate(values) if self.ar.is_nan(x)]
        if not missing or not self.directions or self._infinite:
            return values
        ends = self.limits(missing)
        line: Way = {j: [((j + 2) / (j + 3), 1)] for j in range(len(self.directions))}
        units = (bits + 64) // -UNIT + 1

        def beside(sign: int) -> list[Any]:
            return self.agreed(
                lambda precision: self._run(precision, self._steps(line, sign, units)), bits, units * UNIT_AT_ZERO
            )

        out = list(values)
        for o, left, right in zip(range(len(out)), beside(-1), beside(1), strict=True):
            if o in missing:
                agree = bool(self.ar.m.isfinite(ends[o])) and self.alike(left, right, bits)
                out[o] = left if agree else ends[o] if not ends[o] or self.ar.m.isinf(ends[o]) else self.ar.nan
        return out

    def _together(self, column: Sequence[Any]) -> Any:
        """What several ways lead to, where those that lead anywhere agree."""
        seen = [v for v in column if not self.ar.is_nan(v)]
        agree = bool(seen) and all(self.agree(seen[0], v) for v in seen[1:])
        return seen[0] if agree else self.ar.nan

    # Second order ........................................................................................

    def second(self, i: int, j: int) -> list[Partial]:
        """∂²output/∂x_i∂x_j, from both sides: limits of second differences."""
        if self._infinite:
            return [Partial(x, x, x) for x in self._at_infinity(lambda k: self._bend_near(i, j, k))]
        sides = []
        crossed = []  # mixed differences across the point, which say something else of |x|·|y|
        for sign in (-1, 1):
            for away in (0, 1) if len(self.directions) > 1 else (0,):
                rows = self.approach(partial(self._bends, i, j, sign, away, STEEP))
                limits = self.along(rows)
                if away:
                    other_way = self.along(self.approach(partial(self._bends, i, j, sign, OFF[-1], STEEP)))
                    limits = self._whichever([limits, other_way])
                if any(limit.kind != "none" for limit in limits):
                    break
            if i != j and any(limit.kind == "finite" for limit in limits):
                other, across = (self._bends(i, j, sign, away, ratio, POWERS[0]) for ratio in (STEEPER, -STEEP))
                crossed += [self._as_near(*each) for each in zip(limits, rows[0], across, strict=True)]
                alike = [self._as_near(*each) for each in zip(limits, rows[0], other, strict=True)]
                none = Limit("none", self.ar.nan)
                limits = [limit if same else none for limit, same in zip(limits, alike, strict=True)]
            sides.append(limits)
        found = [self.both(left.value, right.value) for left, right in zip(*sides, strict=True)]
        count = len(found)
        kinked = any(node.op.name in _KINKED for node in self.order)
        if i == j and kinked and any(self.ar.m.isfinite(each.value) for each in found):
            crossed = self._joins(i, found)
        return [each if all(crossed[o::count]) else each._replace(value=self.ar.nan) for o, each in enumerate(found)]

    def _joins(self, i: int, found: Sequence[Partial]) -> list[bool]:
        """Whether the slope in direction i goes through the point in one, for each output with these second derivatives
        on the two sides. It may jump by so little of itself that no double shows it: then second differences across
        the point grow as the step shrinks.
        """
        unit = UNIT if self.coordinate(i) else UNIT_AT_ZERO
        far, near = (self._across(i, self.scale(i) + unit - closer) for closer in (0, 20))
        least = self.ar.m.mpf(2) ** LEAST_SEEN
        rows = zip(far, near, found, strict=True)
        return [not abs(b) > max(1024 * max(abs(a), abs(each.value)), least) for a, b, each in rows]

    def _across(self, i: int, step: int) -> list[Any]:
        """Second differences with the point in the middle, at the steps ±2^`step`."""

        def quotients(precision: int) -> list[Any]:
            m = self.ar.m
            m.prec = precision
            h = UNEVEN * m.mpf(2) ** step
            before, here, after = (self.moved(precision, {i: n * h}) for n in (-1, 0, 1))
            return [self._quotient(self._quotient(c, b, h), self._quotient(b, a, h), h)
                    for a, b, c in zip(before, here, after, strict=True)]  # fmt: skip

        return self.agreed(quotients, 40, 2 * step, seen=self._level(2 * step))

    def _bends(self, i: int, j: int, sign: int, away: int, ratio: float, units: int) -> list[Any]:
        """Second differences on one side of the point. The steps are unlike, by `ratio`, so that no symmetry of the
        function makes differences of 0 by chance. `away` moves the other inputs too, off a singularity that they share.
        """
        k = units * (UNIT if self.coordinate(i) and self.coordinate(j) else UNIT_AT_ZERO)

        def quotients(precision: int) -> list[Any]:
            m = self.ar.m
            m.prec = precision
            h = sign * UNEVEN * m.mpf(2) ** (self.scale(i) + k)
            g = sign * UNEVEN * m.mpf(ratio) * m.mpf(2) ** (self.scale(j) + k)
            off = self._off(h, away) if away else {}
            if i == j:
                a, b, c = (self.moved(precision, {**off, i: n * h}) for n in (1, 2, 3))
                return [self._quotient(self._quotient(r, q, h), self._quotient(q, p, h), h)
                        for p, q, r in zip(a, b, c, strict=True)]  # fmt: skip
            a, b, c, d = (
                self.moved(precision, {**off, i: n * h, j: p * g}) for n, p in ((1, 1), (2, 1), (1, 2), (2, 2))
            )
            return [self._quotient(self._quotient(s, r, h), self._quotient(q, p, h), g)
                    for p, q, r, s in zip(a, b, c, d, strict=True)]  # fmt: skip

        steps = self.scale(i) + self.scale(j) + 2 * k
        return self.agreed(quotients, 64, k + min(0, self.scale(i), self.scale(j)), seen=self._level(steps))

    def _level(self, steps: int) -> int:
        """The precision at which a second difference that seems to be 0 is 0 to all doubles; `steps`: log₂ of the
        product of its steps.
        """
        sizes = [size(x) for x in self._here() if not isinstance(x, bool) and finite(x) and x]
        return max([0, *sizes]) - steps - LEAST_SEEN

    def _as_near(self, limit: Limit, sample: Any, other: Any) -> bool:
        """Whether mixed differences with other steps come as near a limit as `sample`, which is one of those that it is
        of: x²y²/(x² + y²) has a limit for every ratio of the steps, and at 0 no mixed derivative.
        """
        m = self.ar.m
        if limit.kind != "finite" or not m.isfinite(other):
            return True
        near = m.mpf(2) ** 20 * abs(sample - limit.value) + m.mpf(2) ** -20 * abs(limit.value)
        return bool(abs(other - limit.value) <= near)

    # Limits ..............................................................................................


def to_double(x: Any) -> float:
    """The nearest double, ties to even, subnormals and overflow included."""
    if isinstance(x, bool):
        return float(x)
    try:
        return float(x) + 0.0  # no −0: arbitrary precision has none
    except OverflowError:
        return float("inf") if x > 0 else float("-inf")
