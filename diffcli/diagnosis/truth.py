"""What the numbers at a point really are, by arbitrary precision (`diffcli.precise`), beside those of an answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from diffcli.diagnosis.bounds import EPS, SMALLEST_NORMAL
from diffcli.diagnosis.passes import EXCUSABLE, TOLERANCE, Passes
from diffcli.graph import Function, Node

if TYPE_CHECKING:
    from diffcli.precise import Exactly, Partial

SECOND_ORDER = ("hessian", "hvp")


@dataclass(slots=True)
class Truth:
    """What the numbers really are. `values` by output element; the derivatives as arrays (output element, direction),
    NaN where none exists; None where it is not known: mpmath is missing, it would have cost too much, or a number on
    the way is out of reach.
    """

    values: list[float] | None = None
    exists: list[bool] | None = None  # whether the formula itself has this value, or only a limit
    first: Sides | None = None
    second: Sides | None = None
    #: Derivatives that doubles cannot hold, by their order, the output element (or direction) and the direction: their
    #: log10.
    beyond: dict[tuple[int, int, int], float] = field(default_factory=dict)
    #: What plainly has no value at the point nor anywhere about it, as far as that was asked.
    nowhere: frozenset[Node] = frozenset()


class Sides(NamedTuple):
    """Derivatives with those from either side, and whether the value jumps; arrays of one shape."""

    value: NDArray[Any]
    left: NDArray[Any]
    right: NDArray[Any]
    jumps: NDArray[Any]

    @classmethod
    def unknown(cls, shape: tuple[int, ...]) -> Sides:
        """Arrays to be filled."""
        value, left, after = (np.full(shape, np.nan) for _ in range(3))
        return cls(value, left, after, np.zeros(shape, dtype=bool))

    @property
    def differ(self) -> bool:
        """Whether there is a derivative that exists from both sides only."""
        return bool((np.isnan(self.value) & ~np.isnan(self.left) & ~np.isnan(self.right)).any())

    def row(self, o: int) -> Sides:
        """Those of one output element."""
        return Sides(*(table[o] for table in self))


class Asked(Protocol):
    """What is asked for: the numbers of a function, as a command gives them; what finding them cost is added up."""

    spent: float

    @property
    def function(self) -> Function: ...
    @property
    def wrt(self) -> tuple[Node, ...]: ...
    @property
    def what(self) -> str: ...


_Part: TypeAlias = "Callable[[Exactly, Asked, Truth], bool]"


def truth(question: Asked, at: Mapping[Node, NDArray[Any]], seconds: float) -> Truth:
    """The exact values and derivatives at a point, as far as they cost no more than so many `seconds`."""
    return _found(question, at, seconds, (_find_values, _find_first, _find_second))


def values(question: Asked, at: Mapping[Node, NDArray[Any]], seconds: float) -> list[float] | None:
    """The exact values alone."""
    return _found(question, at, seconds, (_find_values,)).values


def _found(question: Asked, at: Mapping[Node, NDArray[Any]], seconds: float, parts: Sequence[_Part]) -> Truth:
    """What some `parts` of the search find, each of which says whether there is something for the next to find."""
    from diffcli.precise import Exactly, SlowError, available

    found = Truth()
    if not available() or any(np.isnan(value).any() for value in at.values()):
        return found
    exactly = Exactly(question.function.outputs, at, question.wrt, seconds=seconds)
    try:
        for part in parts:
            if not part(exactly, question, found):
                break
    except SlowError:
        pass
    finally:
        question.spent += exactly.ar.allowance.spent
    return found


def _find_values(exactly: Exactly, question: Asked, found: Truth) -> bool:
    """The values, or what they go to; whether derivatives are to follow."""
    from diffcli.precise import to_double

    m, nan, allowance = exactly.ar.m, exactly.ar.is_nan, exactly.ar.allowance
    values = exactly.values()
    spent = allowance.spent
    exists = [not nan(x) and bool(m.isfinite(x)) for x in values]
    missing = [o for o, x in enumerate(values) if nan(x)]  # an infinite value is known already
    if missing and exactly.directions and not exactly.at_infinity:
        limits = exactly.limits(missing)
        if exactly.nowhere is not None:
            found.nowhere = exactly.nowhere.nodes()
        values = [limit if nan(x) else x for x, limit in zip(values, limits, strict=True)]
    if exactly.ar.beyond and any(map(nan, values)):  # nobody knows what is beyond the reach of exponents
        return False
    found.values, found.exists = [to_double(x) for x in values], exists
    # Differences take four evaluations or more in each direction, and limits of them six times as many: what cannot
    # end in time is not begun.
    dear = (4 if all(exists) else 24) * len(exactly.directions) * spent > allowance.seconds
    return question.what != "eval" and not dear


def _find_first(exactly: Exactly, question: Asked, found: Truth) -> bool:
    """The first derivatives; whether there are second ones to follow."""
    from diffcli.precise import to_double

    m = exactly.ar.m
    there = [o for o, x in enumerate(found.values or ()) if not math.isnan(x)]
    first = Sides.unknown((len(found.values or ()), len(exactly.directions)))
    exactly.ar.beyond = False
    # What has no value here, nor a limit, has no derivative, but for what it does not change with.
    for j in range(len(exactly.directions)) if there else ():
        partials = exactly.partial(j)
        for table, column in zip(first, to_sides(partials), strict=True):
            table[there, j] = column[there]
        for o in there:
            exact = partials[o].value
            if math.isinf(first.value[o, j]) and m.isfinite(exact):
                found.beyond[1, o, j] = to_double(m.log10(abs(exact)))
    if exactly.ar.beyond and np.isnan(first.left[there]).any():
        return False
    if len(there) < len(first.value):
        for table in first:
            table[~exactly.reached] = 0
    found.first = first
    return question.what in SECOND_ORDER


def to_sides(partials: Sequence[Partial]) -> Sides:
    """Exact derivatives as doubles, one after the other."""
    from diffcli.precise import to_double

    value, left, after = (np.array([to_double(x) for x in column]) for column in [*zip(*partials, strict=True)][:3])
    return Sides(value, left, after, np.array([each.jumps for each in partials]))


def _find_second(exactly: Exactly, question: Asked, found: Truth) -> bool:
    """The second derivatives of the one output."""
    from diffcli.precise import to_double

    assert found.first is not None
    m, n = exactly.ar.m, len(exactly.directions)
    second = Sides.unknown((n, n))
    exactly.ar.beyond = False
    # Where a first derivative does not exist there is none of its own.
    some = [j for j in range(n) if not math.isnan(found.first.value[0, j])]
    for i, j in ((i, j) for i in some for j in some if j <= i):
        (partial,) = exactly.second(i, j)
        for table, x in zip(second, partial[:3], strict=False):
            table[i, j] = table[j, i] = to_double(x)
        if math.isinf(second.value[i, j]) and m.isfinite(partial.value):
            found.beyond[2, i, j] = found.beyond[2, j, i] = to_double(m.log10(abs(partial.value)))
    if exactly.ar.beyond and np.isnan(second.left[np.ix_(some, some)]).any():
        return False
    found.second = second
    return True


def right(reported: float, exact: float) -> bool:
    """Whether a double is the number that it should be, as far as doubles go."""
    if math.isnan(reported) or math.isnan(exact):
        return math.isnan(reported) and math.isnan(exact)
    if math.isinf(reported) or math.isinf(exact):
        return reported == exact
    return abs(reported - exact) <= max(TOLERANCE * abs(exact), 2.0**-1070)


def excusable(reported: float, exact: float, beside: Sequence[float]) -> bool:
    """Whether a number has most of its digits, or is wrong by no more than a rounding of the largest beside it."""
    if not math.isfinite(reported) or not math.isfinite(exact):
        return False
    largest = max((abs(x) for x in beside if math.isfinite(x)), default=0.0)
    return abs(reported - exact) <= max(EXCUSABLE * abs(exact), 64 * EPS * largest if len(beside) > 1 else 0.0)


@dataclass(frozen=True, slots=True)
class Derivative:
    """One number of a derivative, the j-th of row o, beside what it should be (None: not known): the k-th element of
    `node`. `first`: of the gradient, where it stands beside a Hessian.
    """

    passes: Passes
    o: int
    j: int
    node: Node
    k: int
    value: float
    exact: float | None
    left: float | None
    right: float | None
    jumps: bool
    first: bool = False

    @property
    def kink(self) -> bool:
        """Whether it differs from the two sides, which both exist, or the value jumps."""
        if self.exact is None or self.left is None or self.right is None:
            return False
        sided = math.isnan(self.exact) and not math.isnan(self.left) and not math.isnan(self.right)
        return self.jumps or sided

    @property
    def fine(self) -> bool:
        """Whether nothing need be said about it."""
        if self.exact is None:
            doubt = self._element(self.passes.doubts(self.node))
            # Only a bound speaks, and adds up what might underflow: that much nobody misses.
            doubted = doubt > self.passes.trusted and self.rounding() > SMALLEST_NORMAL
            return math.isfinite(self.value) and not doubted
        return not self.kink and math.isfinite(self.value) and right(self.value, self.exact)

    @property
    def chosen(self) -> bool:
        """Whether it is finite and wrong by more than rounding can be: the work of a convention at a kink or a tie."""
        if self.exact is None or not math.isfinite(self.value):
            return False
        return not abs(self.value - self.exact) <= 16 * self.rounding()

    @property
    def nothing(self) -> bool:
        """Whether it is 0 and should be another number: a convention's work too, where the bound knows nothing."""
        return self.value == 0.0 and self.exact is not None and math.isfinite(self.exact) and self.exact != 0.0

    def rounding(self) -> float:
        """The bound on its rounding error, absolute."""
        return self._element(self.passes.errors()[self.node]) * EPS

    def _element(self, table: Any) -> float:
        return float(np.broadcast_to(table, (*self.node.shape, 1)).flat[self.k])


def element(nodes: Sequence[Node], k: int) -> tuple[Node, int]:
    """The node, and the place in it, of the k-th of all elements of `nodes`."""
    for node in nodes:
        if k < node.size:
            return node, k
        k -= node.size
    raise IndexError(k)
