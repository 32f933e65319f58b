"""Intervals that carry a rounding-error bound along: what the rules of `ranges` are about, and share.

A rule may be wide, never narrow: it must hold at every point whose inputs lie in their ranges.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from diffcli.diagnosis.bounds import SUBNORMAL_ERROR

#: What rounding and the differences that stand in for slopes may add to a rule.
MARGIN = 1.01
INF = math.inf
LARGEST = 1.7976931348623157e308


class Range(NamedTuple):
    """Values between `low` and `high`, not between −`least` and `least` but for 0; the error is ≤ q·|value| + u.

    `ends` says that values outside are possible: ±∞ or NaN, from arguments that are finite. It is `sound` if neither
    that nor such arguments are possible, as long as the inputs are finite.
    """

    low: float
    high: float
    least: float = 0.0
    q: float = 0.0
    u: float = 0.0
    ends: bool = False
    sound: bool = True

    @property
    def most(self) -> float:
        """The largest magnitude."""
        return max(-self.low, self.high)

    @property
    def nearest(self) -> float:
        """The smallest magnitude, 0 included."""
        return max(self.low, -self.high, 0.0)

    def threshold(self, trusted: float) -> float:
        """Up to which size a value may have a relative error bound of more than `trusted`; −1: at no size."""
        if self.q >= trusted:
            return INF
        excess = self.u - 4 * SUBNORMAL_ERROR
        return excess / (trusted - self.q) if excess > 0.0 else -1.0

    @property
    def error(self) -> float:
        """A bound on the error at all points."""
        return times(self.q, self.most) + self.u


UNKNOWN = Range(-INF, INF, 0.0, INF, INF, True, False)
Rule: TypeAlias = Callable[..., Range]


def times(a: float, b: float) -> float:
    return 0.0 if a == 0.0 or b == 0.0 else a * b


def hull(args: Sequence[Range], *, filled: bool = False) -> Range:
    """Either of some numbers; with `filled`, or 0."""
    low, high = min([x.low for x in args]), max([x.high for x in args])
    if filled:
        low, high = min(low, 0.0), max(high, 0.0)
    return Range(low, high, min([x.least for x in args]), max([x.q for x in args]), max([x.u for x in args]))


def wide(low: float, high: float) -> tuple[float, float]:
    """Ends that another rounding of the same function does not pass."""
    return low - abs(low) * 1e-14, high + abs(high) * 1e-14


def safely(function: Callable[[float], float], x: float) -> float:
    try:
        return function(x)
    except (OverflowError, ValueError):
        return INF if x > 0.0 else -INF
