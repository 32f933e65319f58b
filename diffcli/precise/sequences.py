"""What sequences of numbers in arbitrary precision go to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from diffcli.precise.arithmetic import Arithmetic

#: The samples of a sequence stand at these powers of one step. They shrink to their third from one to the next, and the
#: one halfway tells logarithms.
POWERS, HALFWAY = (1, 3, 9, 27), 2
#: More of them, where a sequence grows.
BETWEEN = (4, 5, 7)
#: Those that beside the first three tell where a sequence goes slowly: so the logarithm of the step goes from 1 to 9.
SLOWLY = (2, 4, 5, 6, 7, 8)


class Limit(NamedTuple):
    """What a sequence goes to: ``finite`` with its value, ``infinite`` with ±∞, or ``none`` with NaN."""

    kind: str
    value: Any


class Sequences:
    """Judges sequences whose steps shrink to their third power from one sample to the next."""

    def __init__(self, ar: Arithmetic) -> None:
        self.ar = ar

    def same(self, a: Sequence[Any], b: Sequence[Any], bits: int) -> bool:
        """Whether all of two rows of numbers agree to so many bits."""
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

    def common(self, a: Limit, b: Limit) -> Limit:
        """What two ways lead to; where one leaves the domain, what the other does."""
        if a.kind == "none" or b.kind == "none":
            return b if a.kind == "none" else a
        return a if self.agree(a.value, b.value) else Limit("none", self.ar.nan)

    def agree(self, a: Any, b: Any) -> bool:
        """Whether two numbers are the same limit."""
        return self.alike(a, b, 50)

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
            if len(rows) > 2:
                rows.append(sample(power))
                continue
            halfway = sample(HALFWAY)
            foreseen = self._foreseen(rows[0], halfway, rows[1])
            if foreseen is not None:
                return [*rows, foreseen]
            nearer = sample(power)
            grows = any(map(self._grows, rows[1], nearer))
            between = [halfway, *(map(sample, BETWEEN) if grows else ())]
            columns = zip(rows[1], nearer, zip(*between, strict=True), strict=True)
            rows.append([self._on_the_way(near, last, some) for near, last, some in columns])
        return rows

    def _grows(self, near: Any, nearer: Any) -> bool:
        if any(isinstance(x, bool) or not self.ar.m.isfinite(x) for x in (near, nearer)):
            return False
        return bool(abs(nearer) > abs(near)) and not self.alike(near, nearer, 60)  # what is there already may come up

    def _on_the_way(self, near: Any, nearer: Any, between: Sequence[Any]) -> Any:
        """A sample; NaN if it grows and has another sign than one of those `between`: a wave has by chance the same at
        some, and goes nowhere.
        """
        waves = self._grows(near, nearer) and any((x > 0) != (nearer > 0) for x in between if self.ar.m.isfinite(x))
        return self.ar.nan if waves else nearer

    def unless_it_waves(self, limit: Limit, between: Sequence[Any]) -> Limit:
        """A limit; none if it is infinite, and one of some samples on the way has another sign."""
        waves = limit.kind == "infinite" and any((x > 0) != (limit.value > 0) for x in between if not self.ar.is_nan(x))
        return Limit("none", self.ar.nan) if waves else limit

    def _foreseen(self, first: list[Any], halfway: list[Any], second: list[Any]) -> list[Any] | None:
        """The third of the samples, where these three show that all go like hᵖ·(α + β·log h), 2p a whole number."""
        m, row = self.ar.m, []
        for a, middle, b in zip(first, halfway, second, strict=True):
            # Of what is a constant already but for its last bits, these say nothing.
            if isinstance(b, bool) or self.ar.is_nan(b) or (a == 0 and b == 0) or self.alike(middle, b, 100):
                row.append(b)
                continue
            if not all(not isinstance(x, bool) and m.isfinite(x) and x for x in (a, middle, b)):
                return None
            rate = 25 * int(m.nint(self.ar.log2(abs(b / a)) / 50))
            scale = m.mpf(2) ** rate
            a, middle, b = a / scale, middle / scale**2, b / scale**3
            # What comes near a number already does so with a power of the step, not like a logarithm.
            if not self.alike(a + b, 2 * middle, 50) or (rate == 0 and self.alike(a, b, 40)):
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
        exponent = int(m.nint(self.ar.log2(abs(b / a))))
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
            once, again = self.ar.log2(abs(a / first)), self.ar.log2(abs(b / a))
            # A power of the step grows by the same exponent each time, but for logarithms that it is multiplied with,
            # an exponential faster yet; a logarithm by the same factor.
            power = once > 16 and again - 3 * once >= -8 - once / 16
            if power or (0.5 < once < 16 and 0.5 < again < 16):
                return Limit("infinite", self.ar.inf if b > 0 else -self.ar.inf)
        if abs(b - a) <= abs(a - first) / 1024:
            return Limit("finite", b)
        return Limit("none", nan)

    def slowly(
        self,
        limits: Sequence[Limit],
        rows: Sequence[Sequence[Any]],
        sample: Callable[[int], list[Any]],
        asked: Collection[int] | None = None,
    ) -> list[Limit]:
        """`limits` of the columns of `rows`, the first three of which stand at POWERS; with those of what comes nearer
        so slowly that these do not show them, such as log(h)/(1 + log(h)). Of what does not come nearer like a function
        of one over a logarithm nobody knows where it goes: it counts as beyond reach. `asked`: of these columns.
        """
        found, columns = [*limits], [*zip(*rows[:3], strict=True)]
        nowhere = [k for k, limit in enumerate(found) if limit.kind == "none" and (asked is None or k in asked)]
        slow = [k for k in nowhere if len(rows) > 2 and self._slows_down(columns[k])]
        if not slow:
            return found
        beyond = self.ar.beyond
        between = [sample(power) for power in SLOWLY]
        for k in slow:
            first, third, last = columns[k]
            second, *others = (row[k] for row in between)
            column = [first, second, third, *others, last]
            if self._slows_down(column):
                limit = self._of_slow(column)
                beyond = beyond or limit.kind == "none"
                found[k] = limit
        self.ar.beyond = beyond
        return found

    def _slows_down(self, column: Sequence[Any]) -> bool:
        """Whether every step is less than the one before, and the same way."""
        if any(isinstance(x, bool) or not self.ar.m.isfinite(x) for x in column):
            return False
        steps = [b - a for a, b in pairwise(column)]
        return all(a and 0 < b / a < 1 for a, b in pairwise(steps))

    def _of_slow(self, column: Sequence[Any]) -> Limit:
        """The limit of what is nearly a polynomial in 1/k, k = 1, 2, …; none if the first number is needed for it."""
        m, count = self.ar.m, len(column)

        def extrapolated(first: int) -> Any:
            ks = range(first, count + 1)
            weights = [m.fprod(m.mpf(k) / (k - j) for j in ks if j != k) for k in ks]
            return m.fdot(weights, column[first - 1 :])

        value = extrapolated(1)
        return Limit("finite", value) if self.agree(value, extrapolated(2)) else Limit("none", self.ar.nan)

    def _vanishing(self, first: Any, a: Any, b: Any) -> bool:
        """Whether a sequence goes to 0: fast, like a power of the step, or evenly, like one over its logarithm. The
        samples of a wave may get smaller too, by chance.
        """
        once, again = self.ar.log2(abs(a / first)), self.ar.log2(abs(b / a))
        if once <= -16 and again <= -16:
            return True
        even = abs(again - once) <= abs(once) / 4 and (a > 0) == (b > 0) == (first > 0)
        return bool(even and once <= -1 and again <= -1)
