"""Where an operation has a kink, a jump or a comparison that falls on equality, and where rounding errors may have
carried its arguments across.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from diffcli.diagnosis.bounds import EPS, NEVER_UNDERFLOWS, ROUNDLESS, SUBNORMAL_ERROR
from diffcli.graph import Node

Array: TypeAlias = NDArray[Any]

#: Which elements of a node's value stand exactly at such a place: from the node, its arguments' values and its own.
Site: TypeAlias = Callable[[Node, Sequence[Array], Array], Array]


def at_site(node: Node, args: Sequence[Array], value: Array) -> Array:
    """Which elements of a node of `SITES` stand exactly at its kink, jump or equality."""
    with np.errstate(all="ignore"):
        return np.asarray(SITES[node.op.name](node, args, value))


def _equal(node: Node, args: Sequence[Array], value: Array) -> Array:
    a, b = args[:2]
    return np.asarray(a == b)


def _zero(node: Node, args: Sequence[Array], value: Array) -> Array:
    return np.asarray(args[0] == 0.0)


def _tied(node: Node, args: Sequence[Array], value: Array) -> Array:
    axis = node.params[0]
    return np.asarray((args[0] == np.expand_dims(value, axis)).sum(axis=axis) > 1)


def _bounds_met(node: Node, args: Sequence[Array], value: Array) -> Array:
    x, low, high = args
    return np.asarray((x == low) | (x == high) | (low == high))


def _whole_number(node: Node, args: Sequence[Array], value: Array) -> Array:
    (x,) = args
    there = x == np.floor(x)  # infinite ones too, which are looked at anyway
    return np.asarray(there & (x != 0.0) if node.op.name == "trunc" else there)


def _halfway(node: Node, args: Sequence[Array], value: Array) -> Array:
    (x,) = args
    return np.asarray(np.abs(x - np.trunc(x)) == 0.5)


def _multiple(node: Node, args: Sequence[Array], value: Array) -> Array:
    x, d = args
    return np.asarray((value == 0.0) & (d != 0.0) & ((x != 0.0) | (node.op.name == "mod")))


def _both_zero(node: Node, args: Sequence[Array], value: Array) -> Array:
    a, b = args
    return np.asarray((a == 0.0) & (b == 0.0))


def _equal_neighbours(node: Node, args: Sequence[Array], value: Array) -> Array:
    y = np.moveaxis(value, node.params[0], 0)
    return np.moveaxis(_either_of(y[1:] == y[:-1], y.shape), 0, node.params[0])


def _repeated(node: Node, args: Sequence[Array], value: Array) -> Array:
    close = np.abs(np.diff(value, axis=0)) <= 1e-14 * np.max(np.abs(value), axis=0, initial=0.0)
    return _either_of(close, value.shape)


def _either_of(pairs: Array, shape: tuple[int, ...]) -> Array:
    there = np.zeros(shape, dtype=bool)
    there[1:] |= pairs
    there[:-1] |= pairs
    return there


def _cut(node: Node, args: Sequence[Array], value: Array) -> Array:
    y, x = args
    return np.asarray((y == 0.0) & (x <= 0.0))


SITES: dict[str, Site] = {
    **dict.fromkeys(("maximum", "minimum", "less", "less_equal", "greater", "greater_equal", "equal", "not_equal"),
                    _equal),
    **dict.fromkeys(("abs", "relu", "sign", "heaviside", "truth"), _zero),
    **dict.fromkeys(("max", "min"), _tied),
    "clip": _bounds_met,
    **dict.fromkeys(("floor", "ceil", "trunc"), _whole_number),
    "round": _halfway,
    **dict.fromkeys(("mod", "fmod"), _multiple),
    **dict.fromkeys(("hypot", "power"), _both_zero),
    "norm": lambda node, args, value: np.asarray(value == 0.0),
    "sort": _equal_neighbours,
    "eigvalsh": _repeated,
    "atan2": _cut,
}  # fmt: skip


# Decisions ----------------------------------------------------------------------------------------------------

#: Which elements of a node's value may lie on the other side of such a place: from the node, its arguments' values, how
#: far off each may be, and its own value.
Reach: TypeAlias = Callable[[Node, Sequence[Array], Sequence[Array], Array], Array]


def undecided(node: Node, args: Sequence[Array], errors: Sequence[Any], value: Array) -> Array:
    """Which elements of a node of `SITES` may stand on the other side of its kink, jump or equality for all that is
    known of its arguments, whose error bounds are `errors`, in units of EPS. Exact arguments decide.
    """
    reach = REACHES.get(node.op.name)
    if reach is None:
        return np.zeros(value.shape, dtype=bool)
    with np.errstate(all="ignore"):
        rooms = [_room(arg, x, error) for arg, x, error in zip(node.args, args, errors, strict=True)]
        if not any(room.any() for room in rooms):
            return np.zeros(value.shape, dtype=bool)
        return np.asarray(reach(node, [x.astype(np.float64) for x in args], rooms, value))


def _room(arg: Node, x: Array, error: Any) -> Array:
    """How far off an argument may be. What only an operation that underflows could make of a 0 is not counted where
    there is none: a sum of zeros is 0.
    """
    room = np.broadcast_to(np.asarray(error, dtype=np.float64), x.shape) * EPS
    if arg.op.kind != "elementwise" or arg.op.name in NEVER_UNDERFLOWS or arg.op.name in ROUNDLESS:
        return np.where(room <= 1024.0 * EPS * SUBNORMAL_ERROR, 0.0, room)
    return room


def _within(distance: Array, room: Array) -> Array:
    return np.asarray((room > 0.0) & (np.abs(distance) <= room))


def _near_equal(node: Node, args: Sequence[Array], rooms: Sequence[Array], value: Array) -> Array:
    return _within(args[0] - args[1], rooms[0] + rooms[1])


def _near_zero(node: Node, args: Sequence[Array], rooms: Sequence[Array], value: Array) -> Array:
    return _within(args[0], rooms[0])


def _nearly_tied(node: Node, args: Sequence[Array], rooms: Sequence[Array], value: Array) -> Array:
    (axis,) = node.params[:1]
    of_largest = np.where(args[0] == np.expand_dims(value, axis), rooms[0], 0.0).max(axis=axis, initial=0.0)
    room = rooms[0] + np.expand_dims(of_largest, axis)
    near = np.abs(args[0] - np.expand_dims(value, axis)) <= room
    return np.asarray((near.sum(axis=axis) > 1) & (near & (room > 0.0)).any(axis=axis))


def _near_bounds(node: Node, args: Sequence[Array], rooms: Sequence[Array], value: Array) -> Array:
    x, low, high = args
    near = _within(x - low, rooms[0] + rooms[1]) | _within(x - high, rooms[0] + rooms[2])
    return near | _within(high - low, rooms[1] + rooms[2])


def _near_whole(node: Node, args: Sequence[Array], rooms: Sequence[Array], value: Array) -> Array:
    (x,) = args
    near = _within(x - np.rint(x), rooms[0])
    return near & ((np.abs(x) >= 0.5) | (rooms[0] >= 1.0)) if node.op.name == "trunc" else near


def _near_half(node: Node, args: Sequence[Array], rooms: Sequence[Array], value: Array) -> Array:
    return _within(np.abs(args[0] - np.trunc(args[0])) - 0.5, rooms[0])


def _near_multiple(node: Node, args: Sequence[Array], rooms: Sequence[Array], value: Array) -> Array:
    x, d = args
    quotient = np.abs(x / d)
    room = rooms[0] + np.where(rooms[1] == 0.0, 0.0, rooms[1] * np.ceil(quotient))
    near = _within(np.minimum(np.abs(value), np.abs(d) - np.abs(value)), room)
    return near & ((quotient >= 0.5) | (room >= np.abs(d))) if node.op.name == "fmod" else near


def _near_neighbours(node: Node, args: Sequence[Array], rooms: Sequence[Array], value: Array) -> Array:
    axis = node.params[0]
    y = np.moveaxis(value, axis, 0)
    room = 2.0 * np.max(rooms[0], axis=axis, initial=0.0)
    near = _either_of((room > 0.0) & (np.abs(np.diff(y, axis=0)) <= room), y.shape)
    return np.moveaxis(near, 0, axis)


def _near_cut(node: Node, args: Sequence[Array], rooms: Sequence[Array], value: Array) -> Array:
    y, x = args
    return _within(y, rooms[0]) & (x - rooms[1] < 0.0)


REACHES: dict[str, Reach] = {
    **dict.fromkeys(("maximum", "minimum", "less", "less_equal", "greater", "greater_equal", "equal", "not_equal"),
                    _near_equal),
    **dict.fromkeys(("abs", "relu", "sign", "heaviside", "truth"), _near_zero),
    **dict.fromkeys(("max", "min"), _nearly_tied),
    "clip": _near_bounds,
    **dict.fromkeys(("floor", "ceil", "trunc"), _near_whole),
    "round": _near_half,
    **dict.fromkeys(("mod", "fmod"), _near_multiple),
    "sort": _near_neighbours,
    "atan2": _near_cut,
}  # fmt: skip
#: Of these the value itself does not jump.
CONTINUOUS = frozenset({"maximum", "minimum", "abs", "relu", "max", "min", "clip", "sort"})
