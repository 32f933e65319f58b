"""Questions about single points of a batch, as nodes of the graph: where an operation stands at its kink, where its
value is no number, where rounding may have carried its arguments across a decision.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from diffcli.diagnosis.bounds import ROUNDLESS
from diffcli.diagnosis.intervals import Range
from diffcli.diagnosis.passes import SUMS
from diffcli.diagnosis.sites import at_site, undecided
from diffcli.graph import CONSTANT, TABLE, Node, Primitive

Array: TypeAlias = NDArray[Any]

#: What makes whole numbers of whole numbers, and no roundings below 2^53.
WHOLE = frozenset({"add", "subtract", "multiply", "square"})


def _made(op: Primitive, args: tuple[Node, ...], shape: tuple[int, ...]) -> Node:
    return args[0].builder.make(op, args, (), shape)


def _flag(name: str, apply: Any) -> Primitive:
    return Primitive(name=name, kind="flag", apply=apply, shape=lambda *shapes: shapes[0], boolean=True)


_ANY = _flag("any", lambda x: x.any(axis=tuple(range(x.ndim - 1))))

_AT_EQUALITY = frozenset({
    "maximum", "minimum", "less", "less_equal", "greater", "greater_equal", "equal", "not_equal",
})  # fmt: skip
_AT_ZERO = frozenset({"abs", "relu", "sign", "heaviside", "truth"})


def site_flag(node: Node) -> Node:
    """Which elements of an operation stand at its kink, its jump or an equality."""
    name, first = node.op.name, node.args[0]
    if name in _AT_EQUALITY and not first.boolean and not node.args[1].boolean:
        return TABLE["equal"](*node.args)
    if name in _AT_ZERO and not first.boolean:
        return TABLE["equal"](first, 0.0)
    op = _flag(f"site of {name}", lambda value, *args: at_site(node, args, value))
    return _made(op, (node, *node.args), node.shape)


def not_finite_flag(node: Node) -> Node:
    """Which elements of a node are infinite or NaN: those that are not 0 less themselves."""
    return TABLE["not_equal"](node - node, 0.0)


def near_flag(node: Node, errors: Sequence[Any]) -> Node:
    """Which elements of an operation may stand across its decision if its arguments are off by that much: for each a
    number that holds at all points, or a node.
    """
    given = tuple(error for error in errors if isinstance(error, Node))
    count = len(node.args)

    def apply(value: Array, *rest: Array) -> Array:
        moving = iter(rest[count:])
        known = [next(moving) if isinstance(error, Node) else error for error in errors]
        return undecided(node, rest[:count], known, value)

    return _made(_flag(f"near {node.op.name}", apply), (node, *node.args, *given), node.shape)


def whole_flags(order: Sequence[Node]) -> dict[Node, Node]:
    """For the nodes of `order` that may be exact whatever their error bounds say, sums and products of whole numbers:
    at which points they are. (As `Passes.hanging` has it for one point.)
    """
    found: dict[Node, Node] = {}
    for node in order:
        name = node.op.name
        if not node.boolean and not all(arg in found for arg in node.args):
            continue
        if not (name in WHOLE or name in SUMS or name in ROUNDLESS or not node.args or node.boolean):
            continue
        if node.op is CONSTANT and not _is_whole(node.params[0][..., np.newaxis], False).all():
            continue
        sized = node.op(*map(TABLE["abs"], node.args), params=node.params) if name in SUMS else node
        flag = _made(_SMALL if node.args else _WHOLE, (sized,), ())
        for arg in () if node.boolean else node.args:
            flag = flag & found[arg]
        found[node] = flag
    return found


def _is_whole(value: Array, computed: bool) -> Array:
    """Whether all numbers of a point are whole, or if they are `computed` from such, whether they still must be."""
    axes = tuple(range(value.ndim - 1))
    fits = np.abs(value) < 2.0**53
    return np.asarray((fits if computed else fits & (value == np.floor(value))).all(axis=axes))


_SMALL = _flag("exactly computed", lambda value: _is_whole(value, True))
_WHOLE = _flag("whole", lambda value: _is_whole(value, False))


def apart(node: Node, known: Mapping[Node, Range], room: float = 0.0) -> bool:
    """Whether the ranges of an operation's arguments keep it further than `room` from its kink, jump or equality."""
    name = node.op.name
    args = [known.get(arg) for arg in node.args]
    if any(arg is None for arg in args):
        return False
    x, *others = [arg for arg in args if arg is not None]
    if name in _AT_EQUALITY or name == "clip":
        return all(max(a.low - b.high, b.low - a.high) > room for a, b in combinations((x, *others), 2))
    if name in _AT_ZERO:
        return x.nearest > room
    if name in ("floor", "ceil", "trunc"):
        low, high = x.low - room, x.high + room
        return high - low < 1.0 and math.ceil(low) > math.floor(high)
    if name == "norm":
        return x.nearest > room
    if name in ("hypot", "power"):
        return max(x.nearest, others[0].nearest) > room
    if name == "atan2":
        return x.nearest > room or others[0].low > room
    return False


def where_looked_at(flags: Node, condition: Node | None) -> Node:
    """The flags of what somebody looks at."""
    if condition is None or condition is flags:
        return flags
    # Of a number a point it may be said that it is looked at; of the elements of arrays, as a whole.
    if condition.shape != flags.shape:
        flags, condition = per_point(flags), per_point(condition)
    return flags & condition


def per_point(flags: Node) -> Node:
    """Whether any element is flagged."""
    return flags if flags.shape == () else _made(_ANY, (flags,), ())


def either(flags: Sequence[Node]) -> Node:
    """Whether any of some flags is up."""
    total = flags[0]
    for flag in flags[1:]:
        total = total | flag
    return total


def every(flags: Sequence[Node]) -> Node:
    """Whether all of them are."""
    total = flags[0]
    for flag in flags[1:]:
        total = total & flag
    return total
