"""Where an operation has a kink, a jump or a comparison that falls on equality."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

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
    return np.asarray((x == low) | (x == high))


def _whole_number(node: Node, args: Sequence[Array], value: Array) -> Array:
    (x,) = args
    there = (x == np.floor(x)) & (np.abs(x) < 2.0**53)
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
    return np.asarray((y == 0.0) & (x < 0.0))


SITES: dict[str, Site] = {
    **dict.fromkeys(("maximum", "minimum", "less", "less_equal", "greater", "greater_equal", "equal", "not_equal"),
                    _equal),
    **dict.fromkeys(("abs", "relu", "sign", "heaviside", "truth"), _zero),
    **dict.fromkeys(("max", "min"), _tied),
    "clip": _bounds_met,
    **dict.fromkeys(("floor", "ceil", "trunc"), _whole_number),
    "round": _halfway,
    **dict.fromkeys(("mod", "fmod"), _multiple),
    "hypot": _both_zero,
    "norm": lambda node, args, value: np.asarray(value == 0.0),
    "sort": _equal_neighbours,
    "eigvalsh": _repeated,
    "atan2": _cut,
}  # fmt: skip
