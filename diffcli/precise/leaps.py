"""Where an operation is not continuous, not even with ±∞ among the numbers: what its arguments go to does not say there
what it goes to itself.

Beside a pole 0⁰ may be anything. And what is 0, 1 or infinite for want of exponents or of precision is not so to a
logarithm, nor to a factor that is out of all proportion: (1 + exp(−x) − 1)·exp(x) goes to 1 as x grows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from diffcli.graph import Node
from diffcli.precise.arithmetic import Arithmetic, Exact, finite, size
from diffcli.primitives.structure import MOVES

#: What drowns is smaller than 2^-24,000 beside what it drowns in: factors of less than this, as a power of two, do not
#: bring it back. Nor do roots of less than this degree.
FACTOR, ROOT = 1 << 12, 4
#: By how many powers of two factors of numbers out of reach are smaller than these.
SPARE = 64


class Ends(IntEnum):
    """Why a number is no value but only a limit, if it is: it is made of a pole, of what is infinite or 0 for want of
    exponents, or of what is lost beside something larger for want of precision.
    """

    NONE = 0
    POLE = 1
    UNREACHED = 2
    DROWNED = 3


#: One for all elements of a node, or one for each of them.
Each: TypeAlias = "Ends | NDArray[Any]"


def noted(ar: Arithmetic) -> tuple[int, ...]:
    """How often each of them was met so far."""
    return 0, ar.poles, ar.unreached, ar.drowned


def met(ar: Arithmetic, before: tuple[int, ...]) -> Ends:
    """The last of them that was met since."""
    return max((end for end in Ends if noted(ar)[end] > before[end]), default=Ends.NONE)


def handed_on(node: Node, args: Sequence[Exact], ends: Sequence[Each]) -> Each:
    """Why the elements of a result are only limits, by why those of its arguments are: what an operation moves about
    stays what it is, and a branch that is not taken has no part in what is chosen.
    """
    if all(each is Ends.NONE for each in ends):
        return Ends.NONE
    shaped = [np.broadcast_to(np.asarray(each, dtype=float), arg.shape) for arg, each in zip(args, ends, strict=True)]
    if node.op.name in MOVES:
        return _shortest(node.op.apply(*[each[..., np.newaxis] for each in shaped], *node.params)[..., 0])
    if node.op.kind != "elementwise":
        return Ends(int(max(each.max(initial=0.0) for each in shaped)))
    if node.op.name == "where":
        for k, other in ((1, False), (2, True)):
            shaped[k] = np.where(np.array([c is other for c in args[0].flat]).reshape(node.shape), 0.0, shaped[k])
    return _shortest(np.max(shaped, axis=0))


def with_own(handed: Each, own: Sequence[Ends], shape: tuple[int, ...]) -> Each:
    """Why the elements of a result are only limits, by what is handed on and by what its operation itself met: once for
    the whole, or once for each.
    """
    if not any(own):
        return handed
    return _shortest(np.maximum(handed, np.reshape(own, shape) if len(own) > 1 else np.full(shape, own[0])))


def _shortest(ends: NDArray[Any]) -> Each:
    """One for all, if all are the same."""
    first = ends.flat[0] if ends.size else 0.0
    return Ends(int(first)) if (ends == first).all() else ends


def without_leaps(ar: Arithmetic, node: Node, args: Sequence[Exact], value: Exact, ends: Each) -> Exact:
    """The value of an operation whose arguments are what they are only as limits, NaN where it leaps there."""
    if node.op.kind != "elementwise":
        worst = Ends(int(np.max(ends)))
        moves = node.op.kind == "linear" and node.op.name != "sum"
        unsure = worst > Ends.POLE and not moves and _out_of_proportion(args, value, _factor(ar, worst))
        return value * ar.nan if unsure else value
    if not any(node.op.name in table for table in (LEAPS, DECISIONS, OF_LOST)):
        return value
    columns = [arg.ravel() for arg in args]
    out = value.copy()
    for k, end in enumerate(np.broadcast_to(ends, node.shape).flat):
        numbers = [column[k] for column in columns]
        if end and not any(map(ar.is_nan, numbers)) and _leaps(ar, node.op.name, numbers, Ends(int(end))):
            out.flat[k] = ar.nan
    return out


def _factor(ar: Arithmetic, end: Ends) -> int:
    """How much larger than 1 a number is that brings back what is lost."""
    return FACTOR if end is Ends.DROWNED else 1 << (ar.reach - SPARE)


def _leaps(ar: Arithmetic, name: str, numbers: Sequence[Any], end: Ends) -> bool:
    """Whether an operation leaps at some numbers that are only limits."""
    # Numbers that no precision tells apart are equal to a decision.
    leap = LEAPS.get(name) or (DECISIONS.get(name) if end < Ends.DROWNED else None)
    of_lost = OF_LOST.get(name) if end > Ends.POLE else None
    return bool((leap and leap(*numbers)) or (of_lost and of_lost(_factor(ar, end), *numbers)))


def _out_of_proportion(args: Sequence[Exact], value: Exact, factor: int) -> bool:
    """Whether there is a 0 in arrays, and a number so large that it matters what is lost in the 0."""
    numbers = [x for array in (*args, value) for x in array.flat if not isinstance(x, bool)]
    return any(x == 0 for x in numbers) and any(_huge(x, factor) for x in numbers)


def _infinite(x: Any) -> bool:
    return not finite(x)


def _huge(x: Any, factor: int) -> bool:
    return bool(x and (_infinite(x) or size(x) > factor))


def _tiny(x: Any, factor: int) -> bool:
    return bool(x and finite(x) and size(x) < -factor)


def _indeterminate_power(x: Any, n: Any) -> bool:
    """0⁰, ∞⁰, 1^∞."""
    return bool((n == 0 and (x == 0 or _infinite(x))) or (x == 1 and _infinite(n)))


def _power_of_lost(factor: int, x: Any, n: Any) -> bool:
    """The same, nearly."""
    return bool(((x == 0 or _infinite(x)) and abs(n) < 1 / ROOT) or (x == 1 and _huge(n, factor)))


def _whole(x: Any) -> bool:
    return bool(finite(x) and x == int(x))


def _multiple(x: Any, d: Any) -> bool:
    """Whether x is none or any number of times d; beside an infinite d there is no other but 0."""
    if d == 0 or _infinite(x):
        return True
    return bool(x == 0) if _infinite(d) else _whole(x / d)


def _cut(y: Any, x: Any) -> bool:
    """Along the negative half of the second axis, at the origin, and where both are infinite."""
    return bool((y == 0 and x <= 0) or (_infinite(y) and _infinite(x)))


def _equal(a: Any, b: Any) -> bool:
    return bool(a == b)


def _cancel(factor: int, a: Any, b: Any) -> bool:
    """Whether numbers cancel that are so large that what is lost in them may be as well."""
    return bool(_huge(a, factor) and abs(a) == abs(b))


def _ended(factor: int, x: Any) -> bool:
    return _infinite(x)


def _ended_at(*places: int) -> Callable[..., bool]:
    return lambda factor, x: bool(x in places or _infinite(x))


#: By operation, whether it leaps at some numbers; and of those that decide.
LEAPS: dict[str, Callable[..., bool]] = {"power": _indeterminate_power, "atan2": _cut}
DECISIONS: dict[str, Callable[..., bool]] = {
    **dict.fromkeys(("floor", "ceil", "trunc"), _whole),
    "round": lambda x: _whole(2 * x),
    **dict.fromkeys(("mod", "fmod"), _multiple),
    **dict.fromkeys(("sign", "heaviside", "truth"), lambda x: bool(x == 0)),
    **dict.fromkeys(("less", "less_equal", "greater", "greater_equal", "equal", "not_equal"), _equal),
}
#: The same where something is lost, which a factor as large may bring back: what is out of reach may have a logarithm
#: within it, and 0 a product.
OF_LOST: dict[str, Callable[..., bool]] = {
    **dict.fromkeys(("add", "subtract"), _cancel),
    "multiply": lambda factor, a, b: bool((a == 0 and _huge(b, factor)) or (b == 0 and _huge(a, factor))),
    "divide": lambda factor, a, b: bool(a == 0 and _tiny(b, factor)),
    "atan2": lambda factor, y, x: bool((y == 0 and _tiny(x, factor)) or (x == 0 and _tiny(y, factor))),
    "power": _power_of_lost,
    "xlogy": lambda factor, x, y: bool(y == 0 or _infinite(y) or (x == 0 and _huge(y, factor))),
    **dict.fromkeys(("log", "log2", "log10"), _ended_at(0)),
    **dict.fromkeys(("log1p", "asinh", "acosh", "digamma"), _ended),
    "logit": _ended_at(0, 1),
    **dict.fromkeys(("atanh", "erfinv"), _ended_at(-1, 1)),
}
