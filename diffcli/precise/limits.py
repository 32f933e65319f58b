"""What values and derivatives really are at a point, and what they go to where the formula itself has none.

Derivatives are differences of values at a step so small, and with so many digits, that nothing of them is lost. So
they share no rule with `diffcli.derive`: they judge it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from diffcli.graph import CONSTANT, Node, ancestors
from diffcli.precise.arithmetic import Allowance, Arithmetic, Exact, cost, evaluate

#: The precisions, in bits, that an evaluation starts from and may rise to.
LEAST, MOST = 160, 24_000
#: The precision at which whatever doubles can tell apart is seen side by side.
SEEN = 2_400
#: Log₂ of the step that the steps of differences are powers of: away from 0, and at 0, where doubles reach down to
#: 2^-1074. The powers shrink to their third from one to the next; they are even, and the one halfway tells logarithms.
UNIT, UNIT_AT_ZERO = -100, -150
POWERS, HALFWAY = (1, 3, 9, 27), 2
#: No step is longer than those at 2^LARGEST: a wave out there has the same length as here.
LARGEST = 40
#: How much longer the second of the steps is that mixed differences take, and how much to see whether it matters.
STEEP, STEEPER = 0.75, 1.25
#: Where an infinite input is approached from.
TOWARDS_INFINITY = (100, 300, 900)


class _UnevenError(Exception):
    """Difference quotients that should be the same are not."""


class Limit(NamedTuple):
    """What a sequence goes to: ``finite`` with its value, ``infinite`` with ±∞, or ``none`` with NaN."""

    kind: str
    value: Any


class Partial(NamedTuple):
    """A derivative in one direction, and those from its two sides; NaN where there is none.

    `jumps` where the value at the point is not what it goes to from one of the sides: then there is no derivative.
    """

    value: Any
    left: Any
    right: Any
    jumps: bool = False


class Exactly:
    """The numbers of some nodes of a graph, as functions of the inputs, in arbitrary precision.

    `at` maps each input to its doubles. `wrt` are inputs; their elements, row by row, are numbered j = 0, 1, …
    The elements of `outputs`, row by row, are numbered likewise.
    """

    def __init__(
        self,
        outputs: Sequence[Node],
        at: Mapping[Node, NDArray[np.float64]],
        wrt: Sequence[Node],
        *,
        seconds: float = 2.0,
        exactly: Mapping[float, Any] | None = None,
    ) -> None:
        self.ar = Arithmetic()
        self.ar.allowance = Allowance(seconds)
        self.ar.exactly = exactly or {}
        self.outputs = list(outputs)
        self.order = ancestors(outputs)
        self.at = at
        self.directions = [(node, k) for node in wrt for k in range(node.size)]
        self._stops = [node for node in self.order if node.op.name == "stop"]
        self._frozen: tuple[int, dict[Node, Exact]] = (0, {})
        self._costs: dict[int, float] = {}
        self._base: dict[tuple[int, int], list[Any]] = {}
        self._values: list[Any] | None = None
        # 1 − cos(x) is x²/2 below 1: what is far from 1 itself needs that many more bits to be seen beside it.
        numbers = [*at.values(), *(node.params[0] for node in self.order if node.op is CONSTANT and node.size < 100)]
        sizes = [int(np.frexp(x)[1]) for value in numbers for x in np.ravel(value) if x and np.isfinite(x)]
        self._least = max(LEAST, 4 * max(map(abs, sizes), default=0))
        # A kink is rounded off on the scale of the smallest number about, or of its square.
        smallest = min(sizes, default=0)
        self._smallest = 2 * smallest if smallest < -60 else None
        self._infinite = sum(int(np.isinf(value).sum()) for value in at.values())
        self._pace = 0
        #: By how many powers of two steps are shorter: where exponents are large, they vary as fast.
        self.shorter = 0

    # Points ..............................................................................................

    def coordinate(self, j: int) -> float:
        """The double at direction j."""
        node, k = self.directions[j]
        return float(np.ravel(self.at[node])[k])

    def scale(self, j: int) -> int:
        """Log₂ of what steps in direction j are measured by."""
        x = self.coordinate(j)
        size = min(int(np.frexp(x)[1]), LARGEST) if x else 0
        return (size if self._smallest is None else min(size, self._smallest)) - self.shorter

    def _point(self, shifts: Mapping[tuple[Node, int], Any], infinite: Any) -> dict[Node, Exact]:
        """The inputs, with some elements moved, and the infinite ones at ±`infinite`, each at its own pace."""
        point = {}
        met = 0
        for node, value in self.at.items():
            array = self.ar.array(value)
            for k, x in enumerate(np.ravel(value)):
                if np.isinf(x) and infinite is not None:
                    pace = 1 + (met if self._pace > 0 else self._infinite - 1 - met if self._pace < 0 else 0)
                    array.flat[k] = pace * (infinite if x > 0 else -infinite)
                    met += 1
                shift = shifts.get((node, k))
                if shift is not None:
                    array.flat[k] = self.ar.add(array.flat[k], shift)
            point[node] = array
        return point

    def _run(self, precision: int, shifts: Mapping[tuple[Node, int], Any], infinite: Any = None) -> list[Any]:
        """Every output's elements at one precision."""
        ar = self.ar
        ar.m.prec = precision
        if precision not in self._costs:
            self._costs[precision] = sum(cost(node, precision) for node in self.order)
        ar.allowance.spend(self._costs[precision])
        frozen = None
        if self._stops:
            if self._frozen[0] != precision:
                values = evaluate(ar, self.order, self._point({}, infinite))
                self._frozen = (precision, {node: values[node] for node in self._stops})
            frozen = self._frozen[1]
        found = evaluate(ar, self.order, self._point(shifts, infinite), frozen)
        return [x for node in self.outputs for x in found[node].flat]

    # Values ..............................................................................................

    def values(self, bits: int = 70) -> list[Any]:
        """The outputs at the point itself, at rising precision until two agree to `bits`."""
        if self._infinite:
            return self._at_infinity(lambda k: self._values_near({}, k))
        return self.agreed(lambda precision: self._run(precision, {}), bits)

    def _at_infinity(self, at: Callable[[int], list[Any]]) -> list[Any]:
        """Limits as the infinite inputs grow; where there are several, whatever their paces."""
        found = []
        for pace in (0, 1, -1) if self._infinite > 1 else (0,):
            self._pace = pace
            found.append([limit.value for limit in self.along([at(k) for k in TOWARDS_INFINITY])])
        self._pace = 0
        return [
            column[0] if all(self._agree(column[0], x) for x in column[1:]) else self.ar.nan
            for column in zip(*found, strict=True)
        ]

    def _values_near(
        self, shifts: Mapping[tuple[Node, int], Any], infinite: int | None = None, step: int = 0
    ) -> list[Any]:
        """The outputs near the point, where no input is infinite."""
        far = None if infinite is None else self.ar.m.mpf(2) ** infinite
        return self.agreed(lambda precision: self._run(precision, shifts, far), 70, -infinite if infinite else step)

    def agreed(self, compute: Callable[[int], list[Any]], bits: int, step: int = 0, least: int = 0) -> list[Any]:
        """`compute(precision)` where more precision changes nothing any more; `step`: log₂ of a step it takes;
        `least`: the precision that makes sense of it.
        """
        ar, precision = self.ar, max(self._least, bits + 64, 64 - 4 * step, least)
        before: list[Any] | None = None
        last = 0
        while True:
            ar.needed = 0
            now = compute(precision)
            enough = ar.needed + bits <= precision or precision >= MOST
            if enough and before is not None and self._same(before, now, bits):
                return now
            pairs = list(zip(before or now, now, strict=True))
            faded = [before is not None and self._fades(b, n, last, precision) for b, n in pairs]
            known = all(fades or self.alike(b, n, bits) for fades, (b, n) in zip(faded, pairs, strict=True))
            if any(faded) and known and precision >= SEEN:
                # What fades asks for more bits for ever: `enough` says nothing here.
                return [ar.m.zero if fades else n for n, fades in zip(now, faded, strict=True)]
            if precision >= MOST:
                return [n if self.alike(b, n, bits) else ar.nan for b, n in pairs]
            zero = any(faded) or any(not isinstance(x, bool) and x == 0 for x in now)
            # What cancels to nothing may do so for want of bits: doubles differ by up to 2^2100.
            rise = max(
                ar.needed + bits + 32,
                precision + (96 if before is None else precision // 2),
                SEEN if zero and precision < SEEN else 0,
            )
            before, last = now, precision
            precision = min(rise, MOST)

    def _fades(self, before: Any, now: Any, last: int, precision: int) -> bool:
        """Whether a number is nothing but rounding at both precisions, shrinks as they grow, and means 0: sin(π) is as
        small as π has digits.
        """
        m = self.ar.m
        if isinstance(now, bool) or isinstance(before, bool) or not (m.isfinite(before) and m.isfinite(now)):
            return False
        if not before or m.mag(before) > -last // 2:
            return False
        if not now:
            return True
        if precision >= SEEN and m.mag(now) > -SEEN // 2:
            return False
        return bool(m.mag(before) - m.mag(now) >= precision - last - 64)

    def _same(self, a: Sequence[Any], b: Sequence[Any], bits: int) -> bool:
        return all(self.alike(x, y, bits) for x, y in zip(a, b, strict=True))

    def alike(self, x: Any, y: Any, bits: int) -> bool:
        """Whether two numbers agree to so many bits."""
        if isinstance(x, bool) or isinstance(y, bool):
            return bool(x == y)
        m = self.ar.m
        if x == y or (self.ar.is_nan(x) and self.ar.is_nan(y)):
            return True
        if not (m.isfinite(x) and m.isfinite(y)):
            return False
        return bool(abs(x - y) <= abs(y) * m.mpf(2) ** -bits)

    # Derivatives .........................................................................................

    def smooth(self, j: int, bits: int = 70) -> list[Any]:
        """∂output/∂x_j of every output by a central difference; NaN where the function is not smooth to the step."""

        def difference(precision: int) -> list[Any]:
            m = self.ar.m
            m.prec = precision
            small = -(bits + 40)
            x = self.coordinate(j)
            h = m.mpf(2) ** (self.scale(j) + (small if x else min(-1140, small)))
            up, middle, down = (self.moved(precision, {j: s * h}) for s in (1, 0, -1))
            out = []
            for a, f, b in zip(up, middle, down, strict=True):
                right, left = self._quotient(a, f, h), self._quotient(f, b, h)
                central = self._quotient(a, b, 2 * h)
                fits = self.alike(left, right, bits // 2)
                out.append(central if fits else self.ar.nan)
            return out

        start = -(bits + 40) if self.coordinate(j) else min(-1140, -(bits + 40))
        return self.agreed(difference, bits, start + min(0, self.scale(j)))

    def moved(self, precision: int, steps: Mapping[int, Any], infinite: Any = None) -> list[Any]:
        """The outputs at one precision, a step away from the point in some directions."""
        if not any(steps.values()) and infinite is None:
            key = (precision, 0)
            if key not in self._base:
                self._base[key] = self._run(precision, {})
            return self._base[key]
        return self._run(precision, {self.directions[j]: step for j, step in steps.items()}, infinite)

    def _quotient(self, a: Any, b: Any, h: Any) -> Any:
        """(a − b)/h, NaN where either is not finite, with note of the bits that the difference takes."""
        m = self.ar.m
        if isinstance(a, bool) or isinstance(b, bool):
            return m.zero if a == b else self.ar.nan
        if not (m.isfinite(a) and m.isfinite(b)):
            return self.ar.nan
        d = a - b
        if a and b:
            lost = max(m.mag(a), m.mag(b)) - (m.mag(d) if d else max(m.mag(a), m.mag(b)) - self.ar.m.prec)
            if d:
                self.ar.needed = max(self.ar.needed, lost + 64)
        return d / h

    def partial(self, j: int) -> list[Partial]:
        """The derivative of every output in direction j: the limit of the difference quotients from both sides."""
        sides = []
        if self._infinite:
            return [Partial(x, x, x) for x in self._at_infinity(lambda k: self._slope_near(j, k))]
        plain = self._plainly(j)
        if plain is not None:
            return [Partial(x, x, x) for x in plain]
        jumps = [False] * sum(node.size for node in self.outputs)
        for sign in (-1, 1):
            limits, near = self._one_sided(j, sign, 0)
            rows = zip(jumps, self._here(), *near[-2:], strict=True)
            jumps = [jump or self._apart(f, *beside) for jump, f, *beside in rows]
            if all(limit.kind == "none" for limit in limits) and len(self.directions) > 1:
                limits = [self._common(*pair) for pair in
                          zip(*(self._one_sided(j, sign, away)[0] for away in (1, -1)), strict=True)]  # fmt: skip
            sides.append(limits)
        return [self.both(a.value, b.value, jump) for a, b, jump in zip(*sides, jumps, strict=True)]

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
            h = m.mpf(2) ** scale
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
            return self.agreed(quotients, 64, scale)
        except _UnevenError:
            return None

    def _here(self) -> list[Any]:
        if self._values is None:
            self._values = self.values()
        return self._values

    def _apart(self, f: Any, *near: Any) -> bool:
        """Whether a value is not what those `near` it go to, the last of which is the nearest."""
        m = self.ar.m
        if not all(isinstance(x, bool) or m.isfinite(x) for x in (f, near[-1])):
            return bool(m.isfinite(f) and m.isinf(near[-1]))
        gap, size = abs(near[-1] - f), max(abs(near[-1]), abs(f))
        if self.alike(near[0], near[-1], 60):
            return bool(gap > m.mpf(2) ** -58 * size)
        # A slow approach ends far off, but it does come nearer.
        return bool(gap > m.mpf(2) ** -20 * size and not 2 * gap < abs(near[0] - f))

    def both(self, left: Any, right: Any, jumps: bool = False) -> Partial:
        nan = self.ar.is_nan
        if nan(left) or nan(right):
            value = right if nan(left) else left
        else:
            value = right if self._agree(left, right) else self.ar.nan
        return Partial(self.ar.nan if jumps else value, left, right, jumps)

    def _common(self, a: Limit, b: Limit) -> Limit:
        """What two ways lead to; where one leaves the domain, what the other does."""
        if a.kind == "none" or b.kind == "none":
            return b if a.kind == "none" else a
        return a if self._agree(a.value, b.value) else Limit("none", self.ar.nan)

    def _agree(self, a: Any, b: Any) -> bool:
        return self.alike(a, b, 50)

    def _one_sided(self, j: int, sign: int, away: int) -> tuple[list[Limit], list[list[Any]]]:
        """The limits of (f(x + 2h) − f(x + h))/h, and f(x + h) for smaller and smaller h.

        `away` moves the other inputs too, off a singularity that they share.
        """
        beside: dict[int, list[Any]] = {}  # by how far off, for the halfway step comes last

        def slopes(units: int) -> list[Any]:
            k = units * self.unit(j)

            def quotients(precision: int) -> list[Any]:
                m = self.ar.m
                m.prec = precision
                h = sign * m.mpf(2) ** (self.scale(j) + k)
                steps = {i: away * step for i, step in self._off(h).items()} if away else {}
                near = self.moved(precision, {**steps, j: h})
                next_ = self.moved(precision, {**steps, j: 2 * h})
                tiny = m.mpf(2) ** (-4 * precision // 5)  # what only rounding is left of
                beside[units] = [m.zero if not isinstance(x, bool) and abs(x) < tiny else x for x in near]
                return [self._quotient(b, a, h) for a, b in zip(near, next_, strict=True)]

            return self.agreed(quotients, 64, k + min(0, self.scale(j)))

        first = slopes(POWERS[0])
        if all(map(self.ar.is_nan, first)):
            return [Limit("none", self.ar.nan)] * len(first), [*beside.values()]
        most = 4 if self.coordinate(j) else 3
        limits = self.along(self.approach(lambda power: first if power == 1 else slopes(power), most))
        return limits, [beside[units] for units in sorted(beside)]

    def _slope_near(self, j: int, infinite: int) -> list[Any]:
        """A central difference in direction j where infinite inputs are at ±2^`infinite`."""

        def difference(precision: int) -> list[Any]:
            m = self.ar.m
            m.prec = precision
            far = m.mpf(2) ** infinite
            x = self.coordinate(j)
            size = 1 if np.isinf(x) else (abs(m.mpf(x)) if x else m.mpf(2) ** -1200)
            # Far less than a wave of sin(x²) out there: longer steps see none.
            h = size * m.mpf(2) ** (-2 * infinite - 160)
            up, down = self.moved(precision, {j: h}, far), self.moved(precision, {j: -h}, far)
            return [self._quotient(a, b, 2 * h) for a, b in zip(up, down, strict=True)]

        return self.agreed(difference, 60, -infinite - 160)

    def limits(self, missing: Sequence[int] | None = None) -> list[Any]:
        """The values of the outputs as limits: along every input from both sides, and along slanting lines. Where
        all that exist agree, the limit; else NaN. `missing`: the elements of the outputs that it is asked for.
        """
        count = len(self.directions)
        lines: list[dict[int, float]] = [{j: 1.0} for j in range(count)]
        if count > 1:
            lines += [{j: (j + 2) / (j + 3) for j in range(count)}]
            lines += [{j: (-1) ** j * (j + 4) / (j + 3) for j in range(count)}]
        found: list[list[Any]] = []
        together = [self.ar.nan] * sum(node.size for node in self.outputs)
        for line, sign in ((line, sign) for line in lines for sign in (-1, 1)):

            def near(units: int, line: Mapping[int, float] = line, sign: int = sign) -> list[Any]:
                step = units * UNIT_AT_ZERO + (self._smallest or 0)
                return self._values_near(self._steps(line, sign, units), step=step)

            rows = self.approach(near)
            if all(map(self.ar.is_nan, rows[-1])):
                continue
            found.append([limit.value for limit in self.along(rows)])
            together = [self._together(column) for column in zip(*found, strict=True)]
            if len(found) > 1 and all(self.ar.is_nan(together[o]) for o in missing or range(len(together))):
                break  # two ways lead apart, or nowhere: others do not bring them together
        return together

    def filled(self, values: list[Any], bits: int) -> list[Any]:
        """`values` at the point, with limits to so many `bits` where the formula itself has none but goes somewhere."""
        missing = [o for o, x in enumerate(values) if self.ar.is_nan(x)]
        if not missing or not self.directions or self._infinite:
            return values
        ends = self.limits(missing)
        line = {j: (j + 2) / (j + 3) for j in range(len(self.directions))}
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
        agree = bool(seen) and all(self._agree(seen[0], v) for v in seen[1:])
        return seen[0] if agree else self.ar.nan

    def unit(self, j: int) -> int:
        """Log₂ of the step that the steps in direction j are powers of."""
        return UNIT if self.coordinate(j) else UNIT_AT_ZERO

    def _steps(self, line: Mapping[int, float], sign: int, units: int) -> dict[tuple[Node, int], Any]:
        m = self.ar.m
        steps = {}
        for j, slope in line.items():
            size = m.mpf(2) ** (self.scale(j) + units * self.unit(j))
            steps[self.directions[j]] = sign * m.mpf(slope) * size
        return steps

    # Second order ........................................................................................

    def second(self, i: int, j: int) -> list[Partial]:
        """∂²output/∂x_i∂x_j, from both sides: limits of second differences."""
        sides = []
        crossed = []  # mixed differences across the point, which say something else of |x|·|y|
        for sign in (-1, 1):
            for away in (0, 1) if len(self.directions) > 1 else (0,):
                rows = self.approach(partial(self._bends, i, j, sign, away, STEEP))
                limits = self.along(rows)
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
        return [each if all(crossed[o::count]) else each._replace(value=self.ar.nan) for o, each in enumerate(found)]

    def _bends(self, i: int, j: int, sign: int, away: int, ratio: float, units: int) -> list[Any]:
        """Second differences on one side of the point. The steps are unlike, by `ratio`, so that no symmetry of the
        function makes differences of 0 by chance. `away` moves the other inputs too, off a singularity that they share.
        """
        k = units * (UNIT if self.coordinate(i) and self.coordinate(j) else UNIT_AT_ZERO)

        def quotients(precision: int) -> list[Any]:
            m = self.ar.m
            m.prec = precision
            h = sign * m.mpf(2) ** (self.scale(i) + k)
            g = sign * m.mpf(ratio) * m.mpf(2) ** (self.scale(j) + k)
            off = self._off(h) if away else {}
            if i == j:
                a, b, c = (self.moved(precision, {**off, i: n * h}) for n in (1, 2, 3))
                return [self._quotient(self._quotient(r, q, h), self._quotient(q, p, h), h)
                        for p, q, r in zip(a, b, c, strict=True)]  # fmt: skip
            a, b, c, d = (
                self.moved(precision, {**off, i: n * h, j: p * g}) for n, p in ((1, 1), (2, 1), (1, 2), (2, 2))
            )
            return [self._quotient(self._quotient(s, r, h), self._quotient(q, p, h), g)
                    for p, q, r, s in zip(a, b, c, d, strict=True)]  # fmt: skip

        return self.agreed(quotients, 64, k + min(0, self.scale(i), self.scale(j)))

    def _off(self, h: Any) -> dict[int, Any]:
        """Steps of all inputs that are nothing beside h."""
        m = self.ar.m
        sizes = [m.mpf(abs(self.coordinate(i)) or 1.0) for i in range(len(self.directions))]
        return {i: h * h * size * (i + 2) / (i + 3) for i, size in enumerate(sizes)}

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

    def along(self, rows: Sequence[Sequence[Any]]) -> list[Limit]:
        """The limits of the columns of `rows`, which come closer and closer."""
        return [self.limit(column) for column in zip(*rows, strict=True)]

    def approach(self, sample: Callable[[int], list[Any]], most: int = 3) -> list[list[Any]]:
        """`sample(power)` at ever smaller steps, `most` of them, until all columns say where they go."""
        rows = [sample(POWERS[0]), sample(POWERS[1])]
        for power in POWERS[2:most]:
            # A limit needs the last two of three.
            nowhere = most == 3 and all(map(self.ar.is_nan, rows[-1]))
            if nowhere or all(map(self._settled, zip(*rows, strict=True))):
                break
            foreseen = self._foreseen(rows[0], sample(HALFWAY), rows[1]) if len(rows) == 2 else None
            if foreseen is not None:
                return [*rows, foreseen]
            rows.append(sample(power))
        return rows

    def _foreseen(self, first: list[Any], halfway: list[Any], second: list[Any]) -> list[Any] | None:
        """The third of the samples, where these three show that all go like hᵖ·(α + β·log h), 2p a whole number."""
        m, row = self.ar.m, []
        for a, middle, b in zip(first, halfway, second, strict=True):
            if isinstance(b, bool) or self.ar.is_nan(b) or (a == 0 and b == 0):
                row.append(b)
                continue
            if not all(not isinstance(x, bool) and m.isfinite(x) and x for x in (a, middle, b)):
                return None
            rate = 25 * int(m.nint(m.log(abs(b / a), 2) / 50))
            scale = m.mpf(2) ** rate
            a, middle, b = a / scale, middle / scale**2, b / scale**3
            if not self.alike(a + b, 2 * middle, 50):
                return None
            row.append((4 * b - 3 * a) * scale**9)
        return row

    def _settled(self, sequence: Sequence[Any]) -> bool:
        *_, a, b = sequence
        if len(sequence) > 2:
            return self.limit(sequence).kind != "none" or (self.alike(a, b, 60) and bool(b))
        return bool(b) and (self.alike(a, b, 60) or self._as_a_power(a, b) != 0)

    def _as_a_power(self, a: Any, b: Any) -> int:
        """Whether b/a is a power of the quotient of two steps, to the last bits: its exponent, as of 2, else 0."""
        m = self.ar.m
        if isinstance(a, bool) or not (m.isfinite(a) and m.isfinite(b) and a and b):
            return 0
        exponent = int(m.nint(m.log(abs(b / a), 2)))
        # Whole and half powers of 2^200 and of 2^300.
        exact = abs(exponent) >= 100 and exponent % 50 == 0 and self.alike(b, a * m.mpf(2) ** exponent, 60)
        return exponent if exact else 0

    def limit(self, sequence: Sequence[Any]) -> Limit:
        """What a sequence goes to whose steps shrink to their third power from one to the next."""
        m, nan = self.ar.m, self.ar.nan
        if any(isinstance(a, bool) for a in sequence):
            return Limit("finite", sequence[-1])
        *_, a, b = sequence
        if self.ar.is_nan(a) or self.ar.is_nan(b):
            return Limit("none", nan)
        if m.isinf(b):
            return Limit("infinite", b) if a == b else Limit("none", nan)
        if m.isinf(a):
            return Limit("none", nan)
        if self.alike(a, b, 60) or (a == 0 and b == 0):
            return Limit("finite", b)
        if len(sequence) == 2 and (power := self._as_a_power(a, b)):
            return Limit("infinite", m.sign(b) * self.ar.inf) if power > 0 else Limit("finite", m.zero)
        first = sequence[-3] if len(sequence) > 2 else nan
        if not m.isfinite(first):
            return Limit("none", nan)
        if b == 0 or (first and a and self._vanishing(first, a, b)):
            return Limit("finite", m.zero)
        if first and a and b and (a > 0) == (b > 0) == (first > 0):
            once, again = m.log(abs(a / first), 2), m.log(abs(b / a), 2)
            # A power of the step grows by the same exponent each time, a logarithm by the same factor.
            power = once > 16 and abs(again - 3 * once) <= 8
            if power or (0.5 < once < 16 and 0.5 < again < 16):
                return Limit("infinite", self.ar.inf if b > 0 else -self.ar.inf)
        if abs(b - a) <= abs(a - first) / 1024:
            return Limit("finite", b)
        return Limit("none", nan)

    def _vanishing(self, first: Any, a: Any, b: Any) -> bool:
        """Whether a sequence goes to 0: fast, like a power of the step, or evenly, like one over its logarithm. The
        samples of a wave may get smaller too, by chance.
        """
        m = self.ar.m
        once, again = m.log(abs(a / first), 2), m.log(abs(b / a), 2)
        if once <= -16 and again <= -16:
            return True
        even = abs(again - once) <= abs(once) / 4 and (a > 0) == (b > 0) == (first > 0)
        return bool(even and once <= -1 and again <= -1)


def to_double(x: Any) -> float:
    """The nearest double, ties to even, subnormals and overflow included."""
    if isinstance(x, bool):
        return float(x)
    try:
        return float(x) + 0.0  # no −0: arbitrary precision has none
    except OverflowError:
        return float("inf") if x > 0 else float("-inf")
