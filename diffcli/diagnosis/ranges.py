"""What can be said of many points at once, from nothing but the ranges of the inputs.

Interval arithmetic on a graph, with the running error bound beside it. Every node has a `Range`: where its values lie,
and numbers q and u such that at each point its error bound (`bounds`, in units of `EPS`) is at most q·|value| + u. So
a result is only in doubt where it is smaller than a threshold that is the same for all points, and nothing need be
computed at the others.

A rule may be wide, never narrow: it must hold at every point whose inputs lie in their ranges.
"""

from __future__ import annotations

import math
from collections.abc import Container, Mapping, Sequence
from typing import Any

import numpy as np

from diffcli.diagnosis import interval_arithmetic, interval_arrays, interval_functions
from diffcli.diagnosis.bounds import (
    LOCALLY_CONSTANT,
    NEVER_UNDERFLOWS,
    ROUNDLESS,
    SMALLEST_NORMAL,
    SUBNORMAL_ERROR,
)
from diffcli.diagnosis.intervals import INF, LARGEST, UNKNOWN, Range, Rule, hull
from diffcli.diagnosis.turns import turned
from diffcli.graph import CONSTANT, Node
from diffcli.primitives.structure import MOVES


def ranges(order: Sequence[Node], given: Mapping[Node, Range], primal: Container[Node]) -> dict[Node, Range]:
    """The ranges of the nodes in `order` (arguments first), from those of inputs and of what else is given; conditions
    have none. What overflows is cut off at the largest double, and `ends`, only among the `primal` nodes.
    """
    found = dict(given)
    for node in order:
        if node.boolean or node in found:
            continue
        if node.op is CONSTANT:
            found[node] = of_constant(node.params[0])
        else:
            here = _of(node, [found.get(arg, _CONDITION) for arg in node.args], node in primal)
            found[node] = turned(node, here, found)
    return found


def of_constant(value: Any) -> Range:
    """The range of numbers that are exact."""
    if value.size == 0:
        return Range(0.0, 0.0, INF)
    low, high = float(value.min()), float(value.max())
    if low == high:
        return Range(low, high, abs(low) or INF)
    sizes = abs(value[value != 0.0])
    return Range(low, high, float(sizes.min()))


def of_values(value: Any) -> tuple[Range, bool]:
    """The range of an input's numbers, those that are finite; and whether all are."""
    low, high = float(value.min(initial=INF)), float(value.max(initial=-INF))
    finite = low > -INF and high < INF
    if not finite:
        value = value[np.isfinite(value)]
        low, high = float(value.min(initial=INF)), float(value.max(initial=-INF))
    if low > high:
        return Range(0.0, 0.0, INF), finite
    if low > 0.0 or high < 0.0:
        return Range(low, high, max(low, -high)), finite
    size = np.abs(value)
    least = float(size.min())
    if least == 0.0:
        # Doubles have the order of their bits, in which 0 less 1 is the largest of all.
        bits = size.view(np.uint64)
        bits -= np.uint64(1)
        smallest = bits.min(keepdims=True) + np.uint64(1)
        least = float(smallest.view(np.float64).flat[0]) or INF
    return Range(low, high, least), finite


_CONDITION = Range(0.0, 1.0, 1.0)


def _of(node: Node, args: list[Range], cut: bool) -> Range:
    name = node.op.name
    for x in args:
        if not (math.isfinite(x.low) and math.isfinite(x.high)):
            return UNKNOWN
    rule = _RULES.get(name)
    if rule is not None:
        low, high, least, q, u, ends, _ = rule(node, *args)
    elif name in MOVES or name in ("take", "put"):
        low, high, least, q, u, ends, _ = hull(args, filled=name in ("index", "diagonal_matrix", "put"))
    elif name in LOCALLY_CONSTANT:
        sound = all(x.sound for x in args)
        return Range(-1.0 if name == "sign" else 0.0, 1.0, sound=sound) if name in _STEPS else UNKNOWN
    else:
        return UNKNOWN
    if name not in ROUNDLESS:
        q += 1.0
        if least < SMALLEST_NORMAL and name not in NEVER_UNDERFLOWS:
            u += SUBNORMAL_ERROR
            low, high = min(low, 0.0), max(high, 0.0)
    if low != low or high != high or q != q or u != u:
        return UNKNOWN
    if not (low > -INF and high < INF):
        if not cut:
            return UNKNOWN
        ends = True
        low, high = max(low, -LARGEST), min(high, LARGEST)
    return Range(low, high, least, q, u, ends, not ends and all(x.sound for x in args))


_STEPS = frozenset({"sign", "heaviside", "share", "between", "tie_share", "peak", "defined"})

_RULES: dict[str, Rule] = {**interval_arithmetic.RULES, **interval_functions.RULES, **interval_arrays.RULES}
