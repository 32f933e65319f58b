"""The true values and derivatives of a random formula, by differences of its exact values.

A derivative is (f(x + h) − f(x − h))/2h with 77 digits or more and h = 2^-90·|x| or less; so no rule of
differentiation is used at all. Where the two one-sided quotients differ, a step that is 2^60 times smaller tells a
curve from a kink. Answers that have to be relied on are computed at two precisions until they agree.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from tests.diagnosis.exact import Exact, Row, Undecided
from tests.diagnosis.formulas import Formula, Step

#: The derivative exists; from one side only (the end of a domain); not; the formula itself has no value there; it has
#: none, but its values and slopes go to one limit from all around; or it has a value there and none around, or a step
#: so low that no double shows it: then nothing is asked of the derivative.
SMOOTH, SIDE, SHARP, UNDEFINED, LIMIT, ALONE = "smooth", "side", "sharp", "undefined", "limit", "alone"

#: How much smaller the second step is, and how much closer a limit then is.
SMALLER, CLOSER = 60, 18
#: Steps are so many powers of two: at those themselves sin(π/h) is always 0.
UNEVEN = 0.6180339887498949
#: How much smaller the steps are that tell a kink here from one that is nearer than any double: by products of doubles.
NEAREST = 2_200
MOST_BITS = 12_000
#: Log₂ of half the smallest double.
LEAST_DOUBLE = -1_075
STEPPED = frozenset({"floor", "ceil", "round", "trunc", "mod_2", "mod", "fmod"})


class Slope(NamedTuple):
    """A derivative: what kind it is, and how large."""

    kind: str
    value: Any


@dataclass(slots=True)
class Truth:
    """Values by output element; `slopes[o][j]` by output element and direction; `bends[i][j]` second derivatives."""

    values: Row
    slopes: list[list[Slope]]
    bends: list[list[Slope]] = field(default_factory=list)


class Differences:
    """The exact numbers of one formula at one point."""

    def __init__(self, formula: Formula, at: dict[str, list[float]], *, seconds: float = 2.0) -> None:
        self.formula = formula
        self.at = at
        self.exact = Exact(seconds)
        self.exact.minus = self._minus()
        self.places = [(name, k) for name, row in at.items() for k in range(len(row))]
        constants = [step.number for step in formula.steps if step.meaning == "number"]
        numbers = [x for row in at.values() for x in row] + constants
        far = max((abs(int(np.frexp(x)[1])) for x in numbers if x), default=0)
        #: How many bits the steps are smaller than what they are steps of.
        self.fine = 90 + (2 * far if far > 20 else 0)
        self.far = far
        # The sides agree in odd singularities too (∛x, x·log|x|, a step through the middle). Random numbers meet none.
        self.wary = any(not 0.01 < abs(x) < 100 or 8 * x == int(8 * x) for row in at.values() for x in row)
        #: Whether it goes up in steps, which may be far shorter than those of the differences: floor(exp(x)) at 700.
        self.stepped = any(step.meaning in STEPPED for body in self._bodies() for step in body)
        self._held: tuple[int, list[Row]] = (0, [])

    def _minus(self) -> bool:
        """Whether a zero may be −0, which decides the side of a cut: any may, of a negative number or a −0."""
        signed = any(np.signbit(x) for row in self.at.values() for x in row)
        if signed or not any(step.meaning == "atan2" for body in self._bodies() for step in body):
            return signed
        self.exact.at(100)
        seen: Row = []
        point = {name: [self.exact.number(x) for x in row] for name, row in self.at.items()}
        self.formula.value(self.exact, point, touch=lambda _, row: (seen.extend(row), row)[1])
        return any(x is not None and x < 0 for x in seen)

    def _bodies(self) -> list[list[Step]]:
        return [self.formula.steps, *self.formula.functions.values()]

    # One evaluation ......................................................................................

    def value(self, moved: dict[int, Any] | None = None) -> Row:
        """The formula's value at the working precision, with some places moved."""
        o = self.exact
        o.check()
        point = {name: [o.number(x) for x in row] for name, row in self.at.items()}
        for j, step in (moved or {}).items():
            name, k = self.places[j]
            point[name][k] = o.add(point[name][k], step)
        held = self._held[1]
        if not moved and held:
            held = []
            self._held = (o.m.prec, held)
        return [x if x is None or o.m.isfinite(x) else None for x in self.formula.value(o, point, held)]

    def step(self, j: int, finer: int = 0) -> Any:
        """The step in direction j."""
        name, k = self.places[j]
        x = self.at[name][k]
        size = int(np.frexp(x)[1]) if x else -self.far
        return self.exact.m.ldexp(UNEVEN, size - self.fine - finer)

    def _settled(self, compute: Any, start: int, *, sure: bool) -> Any:
        """`compute()` at a precision that keeps all that matters; if `sure`, at two that agree."""
        o = self.exact
        bits, before = start, None
        while True:
            o.at(bits)
            self._held = (bits, [])
            found = compute()
            # Of 1 + 1e-200·x a step is seen where 1e-200 is, and as many bits below.
            needed = o.needed + o.unseen
            enough = needed <= bits
            if enough and (not sure or (before is not None and _alike(before, found))):
                return found
            if bits >= MOST_BITS:
                raise Undecided
            before = found if enough or bits > 4000 else None
            bits = min(MOST_BITS, max(needed + 64, bits + 200 if enough else 2 * bits))

    # First order .........................................................................................

    def first(self, *, sure: bool = False, more: int = 0) -> Truth:
        """Values and first derivatives. `sure`: at two precisions; `more`: with steps so many bits finer."""

        def compute() -> Truth:
            middle = self.value()
            around = self._around(more) if sure and None in middle else None
            slopes: list[list[Slope]] = [[] for _ in middle]
            for j in range(len(self.places)):
                h = self.step(j, more)
                up, down = self.value({j: h}), self.value({j: -h})
                closer: list[Row] = []
                for o, (a, f, b) in enumerate(zip(up, middle, down, strict=True)):
                    slope = self._quick(a, f, b, h)
                    if slope is None:
                        if not closer:
                            g = self.step(j, more + SMALLER)
                            closer = [self.value({j: g}), self.value({j: -g})]
                        slope = self._closely(a, f, b, h, closer[0][o], closer[1][o], g)
                    if sure and (slope.kind in (SHARP, ALONE) or (slope.kind == SMOOTH and self.stepped)):
                        slope = self._nearest(j, o) or slope
                    slopes[o].append(slope)
            if around is not None:
                for o in (o for o, f in enumerate(middle) if f is None):
                    middle[o], slopes[o] = around.values[o], around.slopes[o]
            return Truth(middle, slopes)

        return self._settled(compute, 3 * (self.fine + more) + 4 * self.far // 3, sure=sure)

    def _quotient(self, a: Any, b: Any, h: Any) -> Any:
        """(a − b)/h, with note of the bits that it takes."""
        d = a - b
        if d:
            lost = max(self.exact.m.mag(a) if a else -(10**9), self.exact.m.mag(b) if b else -(10**9))
            lost -= self.exact.m.mag(d)
            self.exact.needed = max(self.exact.needed, lost + self.exact.lost + self.exact.digits)
        elif a:
            self.exact.unseen = max(self.exact.unseen, -self.exact.m.mag(h))
        return d / h

    def _quick(self, a: Any, f: Any, b: Any, h: Any) -> Slope | None:
        if f is None:
            return Slope(UNDEFINED, None)
        if a is None or b is None:
            return Slope(ALONE, None) if a is None and b is None else None
        if a == f == b:
            if f and self.exact.m.mag(f) > 1100:
                raise Undecided  # beside a number beyond doubles a slope may be too small to be seen
            return Slope(SMOOTH, self._quotient(a, f, h))
        right, left = self._quotient(a, f, h), self._quotient(f, b, h)
        if not self.wary and abs(right - left) <= self.exact.m.ldexp(max(abs(right), abs(left)), -45):
            return Slope(SMOOTH, (right + left) / 2)
        return None

    def _closely(self, a: Any, f: Any, b: Any, h: Any, c: Any, d: Any, g: Any) -> Slope:
        """From f at x ± h (a and b) and x ± g (c and d), where g is much smaller."""
        m = self.exact.m
        if a is None or b is None:
            if (a is None) != (c is None) or (b is None) != (d is None):
                raise Undecided
            far, near = (self._quotient(f, b, h), self._quotient(f, d, g)) if a is None else (
                self._quotient(a, f, h), self._quotient(c, f, g))  # fmt: skip
            value = self._limit(far, near)
            return Slope(SHARP, None) if value is None else Slope(SIDE, value)
        if c is None or d is None:
            raise Undecided
        right, left = self._limit(self._quotient(a, f, h), self._quotient(c, f, g)), self._limit(
            self._quotient(f, b, h), self._quotient(f, d, g))  # fmt: skip
        if right is None or left is None:
            # A step that no double of the value shows.
            hair = max(m.ldexp(abs(f), -53), m.ldexp(1, LEAST_DOUBLE))
            steps = (abs(a - f) > abs(c - f) * 2 or abs(c - f) < hair) and (
                abs(b - f) > abs(d - f) * 2 or abs(d - f) < hair
            )
            shrinks = abs(a - f) > 2 * abs(c - f) and abs(b - f) > 2 * abs(d - f)
            return Slope(ALONE if steps and not shrinks else SHARP, None)
        if abs(right - left) > m.ldexp(max(abs(right), abs(left)), -45):
            return Slope(SHARP, None)
        return Slope(SMOOTH, (right + left) / 2)

    def _nearest(self, j: int, o: int) -> Slope | None:
        """The derivative where it exists after all: the kink lies beside the point, nearer than any double, or it is 0
        as that of h^1.001 is; or steps go over many steps of the formula. Or there is a step of the value so low that
        no double shows it: longer steps, which go up or down by more than that, do not show that it is one.
        """
        h, g = self.step(j, NEAREST), self.step(j, 2 * NEAREST)
        a, b, c, d = (self.value({j: step})[o] for step in (h, -h, g, -g))
        if a is None and b is None:
            return None
        f = self.value()[o]
        if f and self.exact.m.mag(f) > 1100 and (c == f or d == f):
            raise Undecided  # what changes beside a number beyond doubles may be too little to be seen
        found = self._closely(a, f, b, h, c, d, g)
        return found if found.kind in (SMOOTH, SIDE, ALONE) else None

    def _around(self, more: int) -> Truth:
        """The limits of values and slopes along slanting lines, for what has no value at the point itself: at the end
        of a domain, from inside. (A line along which there is no value is outside.)
        """
        n = len(self.places)
        found: list[list[list[Any]]] = []  # by line: the numbers far off, and near
        for sign, swap in ((1, 1), (-1, 1), (1, -1), (-1, -1)) if n > 1 else ((1, 1), (-1, 1)):
            ways = [sign * swap**i * self.exact.m.mpf(i + 2) / (i + 3) for i in range(n)]
            found.append([self._beside(ways, more + closer) for closer in (0, SMALLER)])
        numbers = [self._together([(far[k], near[k]) for far, near in found]) for k in range(len(found[0][0]))]
        rows = [numbers[o * (n + 1) : (o + 1) * (n + 1)] for o in range(len(numbers) // (n + 1))]
        none = Slope(UNDEFINED, None)
        slopes = [[none if None in (row[0], x) else Slope(LIMIT, x) for x in row[1:]] for row in rows]
        return Truth([row[0] for row in rows], slopes)

    def _beside(self, ways: list[Any], finer: int) -> list[Any]:
        """Value and slopes of each output a step away, one after the other."""
        off = {i: way * self.step(i, finer) for i, way in enumerate(ways)}
        rows = [[x] for x in self.value(off)]
        for j in range(len(ways)):
            h = self.step(j, finer + SMALLER)
            up, down = self.value({**off, j: off[j] + h}), self.value({**off, j: off[j] - h})
            for row, a, b in zip(rows, up, down, strict=True):
                row.append(None if a is None or b is None else self._quotient(a, b, 2 * h))
        return [x for row in rows for x in row]

    def _together(self, pairs: list[tuple[Any, Any]]) -> Any:
        """What all ways lead to; None if to nothing, or not to the same."""
        inside = [pair for pair in pairs if pair != (None, None)]
        if not inside or any(None in pair for pair in inside):
            return None
        ends = [self._limit(far, near) for far, near in inside]
        if None in ends:
            return None
        most = max(map(abs, ends))
        return ends[0] if all(abs(x - ends[0]) <= self.exact.m.ldexp(most, -45) for x in ends) else None

    def _limit(self, far: Any, near: Any) -> Any:
        """What a quotient goes to that was `far` and is `near`; None if to nothing finite."""
        m = self.exact.m
        if abs(near - far) <= m.ldexp(abs(far), -45):
            return near
        if abs(near) <= m.ldexp(abs(far), -CLOSER):
            return m.zero
        if abs(near - far) <= m.ldexp(abs(far), -8):
            raise Undecided  # something like 1 + h^0.25, or like 1 + 1e-6·log(h): who knows
        return None

    # Second order ........................................................................................

    def second(self, *, sure: bool = False, more: int = 0) -> list[list[Slope]]:
        """The second derivatives of a formula that is one number, whose first exist."""
        n = len(self.places)

        def corner(i: int, j: int, p: Any, q: Any) -> Any:
            """The second difference with steps p and q."""
            if i == j:
                a, f, b = (self.value({i: s})[0] if s else self.value()[0] for s in (p, None, -p))
                terms = [(a, 1), (f, -2), (b, 1)]
                square = p * p
            else:
                spots = [((p, q), 1), ((p, -q), -1), ((-p, q), -1), ((-p, -q), 1)]
                terms = [(self.value({i: s, j: t})[0], sign) for (s, t), sign in spots]
                square = 4 * p * q
            if any(x is None for x, _ in terms):
                return None
            total = sum(x * weight for x, weight in terms)
            if total:
                largest = max(self.exact.m.mag(x) if x else -(10**9) for x, _ in terms)
                lost = largest - self.exact.m.mag(total)
                self.exact.needed = max(self.exact.needed, lost + self.exact.lost + self.exact.digits)
            return total / square

        def compute() -> list[list[Slope]]:
            self.value()  # what `stop` holds is that of the point itself
            rows: list[list[Slope]] = [[Slope(UNDEFINED, None)] * n for _ in range(n)]
            for i in range(n):
                for j in range(i + 1):
                    steps = [(self.step(i, more + k), self.step(j, more + k)) for k in (0, SMALLER)]
                    (p, q), (s, t) = steps
                    # On a kink of the slope the sides differ, and the middle is their mean whatever the step.
                    far, near = corner(i, j, p, q), corner(i, j, s, t)
                    slope = Slope(UNDEFINED, None)
                    if far is not None and near is not None:
                        value = self._limit(far, near)
                        slope = Slope(SHARP, None) if value is None else Slope(SMOOTH, value)
                        if value is not None and not self._even(i, j, s, t, value):
                            slope = Slope(SHARP, None)
                    rows[i][j] = rows[j][i] = slope
            return rows

        return self._settled(compute, 4 * (self.fine + more + SMALLER) + 2 * self.far, sure=sure)

    def _even(self, i: int, j: int, p: Any, q: Any, middle: Any) -> bool:
        """Whether second differences on one side and on the other agree with the `middle` one."""
        m = self.exact.m
        for s, t in ((p, q), (-p, -q)):
            if i == j:
                a, b, c = (self.value({i: k * s})[0] if k else self.value()[0] for k in (0, 1, 2))
                if None in (a, b, c):
                    return False
                side = (a - 2 * b + c) / (s * s)
            else:
                a, b, c, d = (
                    self.value({i: k * s, j: n * t} if k or n else None)[0] for k, n in ((0, 0), (1, 0), (0, 1), (1, 1))
                )
                if None in (a, b, c, d):
                    return False
                side = (a - b - c + d) / (s * t)
            if abs(side - middle) > m.ldexp(max(abs(side), abs(middle)), -30) and abs(side - middle) > m.ldexp(1, -45):
                return False
        return True


def _alike(a: Any, b: Any) -> bool:
    """Whether two answers are the same, to 60 bits."""
    if isinstance(a, Truth):
        return _alike(a.values, b.values) and _alike(a.slopes, b.slopes)
    if isinstance(a, Slope):
        return a.kind == b.kind and _alike(a.value, b.value)
    if isinstance(a, list):
        return all(_alike(x, y) for x, y in zip(a, b, strict=True))
    if a is None or b is None:
        return a is b
    return bool(abs(a - b) <= abs(b) * 2.0**-60 or max(abs(a), abs(b)) < 2.0**-1500)
