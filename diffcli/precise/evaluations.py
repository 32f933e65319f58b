"""The outputs of a graph at and near a point, at rising precision until two evaluations agree."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffcli.graph import CONSTANT, Node, ancestors
from diffcli.precise.allowance import Allowance
from diffcli.precise.arithmetic import DEEP_REACH, WIDE_BEYOND, WIDE_FAR, WIDE_REACH, Arithmetic, Exact, finite, size
from diffcli.precise.graphs import Graph, Latest
from diffcli.precise.leaps import FACTOR
from diffcli.precise.nowhere import Nowhere
from diffcli.precise.sequences import Sequences
from diffcli.precise.ways import Way
from diffcli.sparsity import pattern

#: The precisions, in bits, that an evaluation starts from and may rise to.
LEAST, MOST = 160, 24_000
#: By how many bits the second precision is finer than the first, at least.
RISE = 96
#: The precision at which whatever doubles can tell apart is seen side by side.
SEEN = 2_400
#: Log₂ of the step that the steps of differences are powers of: away from 0, and at 0, where doubles reach down to
#: 2^-1074.
UNIT, UNIT_AT_ZERO = -100, -150
#: Times this: at powers of two themselves mod(1/h, 1) is always 0.
UNEVEN = 0.6180339887498949
#: No step is longer than those at 2^LARGEST: a wave out there has the same length as here.
LARGEST = 40
#: So many entries of what changes with what are looked at.
MOST_REACHED = 1 << 22
#: At so many precisions what has been computed is kept, of graphs with no more numbers than that.
KEPT, MOST_NUMBERS = 16, 1 << 14
#: Log₂ of numbers that are as steep as they are large.
BEYOND_DOUBLES = 1 << 16
#: What fades loses at least one of so many parts of its size, in bits, from one precision to the next.
SHARE = 1 << 10
#: What jumps again and again.
_STEPPED = frozenset({"mod", "fmod", "floor", "ceil", "round", "trunc"})


class Evaluations(Sequences):
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
        super().__init__(Arithmetic())
        self.ar.allowance = Allowance(seconds)
        self.ar.exactly = exactly or {}
        self.ar.reach = DEEP_REACH
        self.outputs = list(outputs)
        self.order = ancestors(outputs)
        self.at = at
        self._wrt = list(wrt)
        self.directions = [(node, k) for node in wrt for k in range(node.size)]
        self._stops = [node for node in self.order if node.op.name == "stop"]
        self._graph = Graph(self.ar, self.order)
        self._latest: dict[int, Latest] = {}  # by precision, the last one last
        self._kept = KEPT if sum(node.size for node in self.order) <= MOST_NUMBERS else 0
        self._base: dict[tuple[int, int], list[Any]] = {}
        self._values: list[Any] | None = None
        # 1 − cos(x) is x²/2 below 1: what is far from 1 itself needs that many more bits to be seen beside it.
        numbers = [*at.values(), *(node.params[0] for node in self.order if node.op is CONSTANT and node.size < 100)]
        sizes = [int(np.frexp(x)[1]) for value in numbers for x in np.ravel(value) if x and np.isfinite(x)]
        self._least = max(LEAST, 4 * max(map(abs, sizes), default=0))
        # A kink is rounded off on the scale of the smallest number about, or of its square; steps stand closer still.
        self._tiniest = smallest = min(sizes, default=0)
        self._stepped = [node for node in self.order if node.op.name in _STEPPED]
        power = 5 if self._stepped else 2
        self._smallest = power * smallest if smallest < -40 else None
        self._endless = [node for node, value in at.items() if np.isinf(value).any()]
        self._infinite = sum(int(np.isinf(at[node]).sum()) for node in self._endless)
        self._pace = 0
        self._slowly = False
        #: The precision up to which numbers may ask for more.
        self.most = MOST
        #: By how many powers of two steps are shorter: where exponents are large, they vary as fast.
        self.shorter = 0

    def reach_far(self) -> None:
        """Have exponents of hundreds of digits, and as much precision as may be: for numbers that are out of reach."""
        self.ar.reach, self.ar.far = WIDE_REACH, WIDE_FAR
        self.most = self.ar.widest = WIDE_BEYOND

    def shorten(self, values: Sequence[Any]) -> None:
        """Take steps that suit functions as steep as those whose exponents are as large as those of `values`."""
        m = self.ar.m
        sizes = [int(m.mag(x)).bit_length() for x in values if not isinstance(x, bool) and m.isfinite(x) and x]
        self.shorter = max([self.shorter, self.ar.swing, *sizes])

    @cached_property
    def reached(self) -> NDArray[np.bool_]:
        """Whether an output element (rows) changes with a direction (columns) at all, by the graph: where it does not,
        its derivative is 0, even where it has no value. Where that would take too much room, all count as reached.
        """
        shape = (sum(node.size for node in self.outputs), len(self.directions))
        found = pattern(self.outputs, self._wrt, limit=MOST_REACHED, deciding=True)
        if found is None:
            return np.ones(shape, dtype=bool)
        flags = np.zeros(shape, dtype=bool)
        flags[found.rows, found.columns] = True
        return flags

    @property
    def at_infinity(self) -> bool:
        """Whether an input is infinite: then all numbers are limits."""
        return self._infinite > 0

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

    def unit(self, j: int) -> int:
        """Log₂ of the step that the steps in direction j are powers of."""
        return UNIT if self.coordinate(j) else UNIT_AT_ZERO

    def _point(self, latest: Latest, shifts: Mapping[tuple[Node, int], Any], infinite: Any = None) -> dict[Node, Exact]:
        """The inputs, with some elements moved, and the infinite ones at ±`infinite`, each at its own pace."""
        if not latest.still:
            latest.still = {node: self.ar.array(value) for node, value in self.at.items()}
        moved = {node for node, _ in shifts}
        if infinite is not None:
            moved.update(self._endless)
        point = latest.still.copy()
        met = 0
        for node in self.at if moved else ():
            if node not in moved:
                continue
            array = point[node].copy()
            for k, x in enumerate(np.ravel(self.at[node])):
                if np.isinf(x) and infinite is not None:
                    pace = 1 + (met if self._pace > 0 else self._infinite - 1 - met if self._pace < 0 else 0)
                    array.flat[k] = pace * (infinite if x > 0 else -infinite)
                    met += 1
                shift = shifts.get((node, k))
                if shift is not None:
                    array.flat[k] = self.ar.add(array.flat[k], shift)
            point[node] = latest.given(node, array)
        return point

    def _latest_at(self, precision: int) -> Latest:
        """The latest evaluation at a precision, if it is still kept."""
        latest = self._latest.pop(precision, None) or Latest(self.ar, self._graph, precision)
        self._latest[precision] = latest  # as the last one
        if len(self._latest) > self._kept:
            del self._latest[next(iter(self._latest))]
        return latest

    def _run(self, precision: int, shifts: Mapping[tuple[Node, int], Any], infinite: Any = None) -> list[Any]:
        """Every output's elements at one precision."""
        self.ar.m.prec = precision
        latest = self._latest_at(precision)
        if self._stops and (not latest.frozen or latest.frozen_at != (infinite, self._pace)):
            latest.evaluate(self._point(latest, {}, infinite))
            latest.frozen = {node: latest[node] for node in self._stops}
            latest.frozen_at = infinite, self._pace
        latest.evaluate({**self._point(latest, shifts, infinite), **latest.frozen})
        if self._stepped and not shifts and infinite is None:
            # A step of floor(exp(x)) at 700 is as short as 2^-1010.
            self.shorter = max(self.shorter, *(self._periods(latest[node.args[0]]) for node in self._stepped))
        return [x for node in self.outputs for x in latest[node].flat]

    def _periods(self, arg: Exact) -> int:
        """Log₂ of how many whole numbers there are up to the numbers of an array."""
        return max([size(x) for x in arg.flat if not isinstance(x, bool) and finite(x) and x], default=0)

    # Values ..............................................................................................

    def values(self, bits: int = 70) -> list[Any]:
        """The outputs at the point itself, at rising precision until two agree to `bits`."""
        return self.agreed(lambda precision: self._run(precision, {}), bits)

    @cached_property
    def nowhere(self) -> Nowhere | None:
        """What plainly has no value at the point nor anywhere about it; None where that is not plain."""
        rough, fine = (self._at_the_point(precision) for precision in (self._least, self._least + RISE))
        return None if rough is None or fine is None else Nowhere(self.ar, self._graph, rough, fine)

    def _at_the_point(self, precision: int) -> Latest | None:
        """The evaluation at the point itself at one precision; None where that is not enough of it."""
        needed, self.ar.needed = self.ar.needed, 0
        self._run(precision, {})
        lacking, self.ar.needed = self.ar.needed > precision, needed
        return None if lacking or self.ar.beyond else self._latest_at(precision)

    def far(self, infinite: int) -> Any:
        """Where the infinite inputs stand, at the precision set."""
        far = self.ar.m.mpf(2) ** infinite / UNEVEN
        return self.ar.m.log(far) if self._slowly else far

    def _values_near(
        self, shifts: Mapping[tuple[Node, int], Any], infinite: int | None = None, step: int = 0
    ) -> list[Any]:
        """The outputs near the point, where no input is infinite."""

        def near(precision: int) -> list[Any]:
            self.ar.m.prec = precision
            return self._run(precision, shifts, None if infinite is None else self.far(infinite))

        return self.agreed(near, 70, -infinite if infinite else step)

    def agreed(
        self, compute: Callable[[int], list[Any]], bits: int, step: int = 0, least: int = 0, seen: int = SEEN
    ) -> list[Any]:
        """`compute(precision)` where more precision changes nothing any more; `step`: log₂ of a step it takes;
        `least`: the precision that makes sense of it; `seen`: that at which 0 is no want of bits.
        """
        ar, precision = self.ar, max(self._least, bits + 64, 64 - 2 * step + (self._spread() if step else 0), least)
        before: list[Any] | None = None
        last = lacking = 0
        while True:
            ar.needed = 0
            now = compute(precision)
            short, lacking = lacking, ar.needed - precision
            enough = lacking + bits <= 0 or precision >= self.most
            # What rounding leaves of an exact 0, added to something, asks for as many more bits whatever it is given.
            enough = enough or (last >= SEEN and abs(lacking - short) < 64)
            zero = any(not isinstance(x, bool) and x == 0 for x in now)
            enough = enough and (not zero or precision >= min(seen, self.most))
            if enough and before is not None and self.same(before, now, bits):
                return now
            pairs = list(zip(before or now, now, strict=True))
            faded = [before is not None and self._fades(b, n, last, precision) for b, n in pairs]
            burst = [before is not None and self._bursts(b, n, last, precision) for b, n in pairs]
            known = all(
                fades or bursts or self.alike(b, n, bits)
                for fades, bursts, (b, n) in zip(faded, burst, pairs, strict=True)
            )
            if (any(faded) or any(burst)) and known and precision >= min(max(seen, SEEN), self.most):
                # What fades asks for more bits for ever: `enough` says nothing here.
                return [
                    ar.m.zero if fades else ar.nan if bursts else n
                    for n, fades, bursts in zip(now, faded, burst, strict=True)
                ]
            if precision >= self.most:
                return [n if self.alike(b, n, bits) else ar.nan for b, n in pairs]
            zero = zero or any(faded)
            # What cancels to nothing may do so for want of bits: doubles differ by up to 2^2100.
            rise = max(
                ar.needed + bits + 32,
                precision + (RISE if before is None else precision // 2),
                seen if zero and precision < seen else 0,
            )
            before, last = now, precision
            precision = min(rise, self.most)

    def _spread(self) -> int:
        """How many bits lie between the values at the point and the least of the numbers: what that one does must be
        seen beside them. Beside what is larger than any precision nothing is: that asks for none.
        """
        if self._infinite:
            return 0
        m = self.ar.m
        sizes = [m.mag(x) for x in self._here() if not isinstance(x, bool) and m.isfinite(x) and x]
        return int(max([0, *(size for size in sizes if size <= self.most)])) + max(0, -self._tiniest)

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
        # exp(-exp(1000)) is small itself: digits of its exponent are lacking, which changes little of its size.
        gone = m.mag(before) - m.mag(now)
        return bool(gone >= precision - last - 64 and gone >= -m.mag(now) // SHARE)

    def _bursts(self, before: Any, now: Any, last: int, precision: int) -> bool:
        """Whether a number is one over nothing but rounding, which grows as the precisions do, and so means 1/0."""
        m = self.ar.m
        if isinstance(now, bool) or isinstance(before, bool):
            return False
        if not (m.isfinite(before) and m.isfinite(now)):  # by chance, the 0 itself
            pairs = [(x, bits) for x, bits in ((before, last), (now, precision)) if m.isfinite(x) and x]
            return last >= SEEN and len(pairs) == 1 and bool(m.mag(pairs[0][0]) > pairs[0][1] // 2)
        return bool(before and now) and self._fades(1 / before, 1 / now, last, precision)

    # Near the point .....................................................................................

    def moved(self, precision: int, steps: Mapping[int, Any], infinite: Any = None) -> list[Any]:
        """The outputs at one precision, a step away from the point in some directions."""
        if not any(steps.values()) and infinite is None:
            key = (precision, 0)
            if key not in self._base:
                self._base[key] = self._run(precision, {})
            return self._base[key]
        return self._run(precision, {self.directions[j]: step for j, step in steps.items()}, infinite)

    def _quotient(self, a: Any, b: Any, h: Any) -> Any:
        """(a − b)/h, NaN where either is not finite, with note of the bits that the difference takes. Numbers too large
        for any precision to show what changes beside them are out of reach where they seem to be the same.
        """
        m = self.ar.m
        if isinstance(a, bool) or isinstance(b, bool):
            return m.zero if a == b else self.ar.nan
        if not (m.isfinite(a) and m.isfinite(b)):
            return self.ar.nan
        d = a - b
        if not d and a and m.mag(a) > FACTOR:
            self.ar.drown()  # nothing is seen beside a number as large
            return self.ar.nan
        if a and b:
            lost = max(m.mag(a), m.mag(b)) - (m.mag(d) if d else max(m.mag(a), m.mag(b)) - self.ar.m.prec)
            if d:
                self.ar.needed = max(self.ar.needed, lost + 64)
        return d / h

    def _here(self) -> list[Any]:
        if self._values is None:
            self._values = self.values()
            sizes = [size(x) for x in self._values if not isinstance(x, bool) and finite(x) and x]
            if self.ar.swing > LARGEST or max(map(abs, sizes), default=0) > BEYOND_DOUBLES:
                self.shorten(self._values)
        return self._values

    def _steps(self, way: Way, sign: int, units: int) -> dict[tuple[Node, int], Any]:
        m = self.ar.m
        steps = {}
        for j, terms in way.items():
            sizes = (slope * m.mpf(2) ** (self.scale(j) + power * units * self.unit(j)) for slope, power in terms)
            steps[self.directions[j]] = sign * UNEVEN * m.fsum(sizes)
        return steps

    def _off(self, h: Any, away: int) -> dict[int, Any]:
        """Steps of all inputs that are nothing beside h: all one way, the other way (`away` = −1), or by turns (2)."""
        m = self.ar.m
        sizes = [m.mpf(abs(self.coordinate(i)) or 1.0) for i in range(len(self.directions))]
        signs = [(-1) ** i if away == 2 else away for i in range(len(sizes))]
        return {
            i: h * h * sign * size * (i + 2) / (i + 3) for i, (size, sign) in enumerate(zip(sizes, signs, strict=True))
        }
