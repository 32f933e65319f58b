"""The running error bound as nodes of the graph it is about: for many points, in blocks and on all cores.

The rules are those of `bounds`, which has the mathematics. Two things make it cheaper here. Products, quotients and
most functions hand on what is relative to their arguments as a multiple of their own value, so that only sums, which
cancel, need numbers of their own at each point; and what is the same at all points is a number. So it may come out a
few times as large as that of `bounds`, never smaller but for roundings of its own (`SLACK`): a point that is not
doubted by it is not doubted by `passes` either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from numpy.typing import NDArray

from diffcli.diagnosis.bounds import (
    FORGIVEN,
    LOCALLY_CONSTANT,
    NEVER_UNDERFLOWS,
    ROUNDLESS,
    SMALLEST_NORMAL,
    SUBNORMAL_ERROR,
)
from diffcli.diagnosis.intervals import UNKNOWN, Range
from diffcli.diagnosis.running_rules import EXACT, RELATIVE, Error, Known, constant, handed, total
from diffcli.graph import TABLE, Node
from diffcli.primitives.structure import MOVES

Array: TypeAlias = NDArray[Any]

#: What rounding may take away from a bound, relative: it is computed in another order than in `bounds`.
SLACK = 1e-6


def errors(order: Sequence[Node], known: Mapping[Node, Range]) -> dict[Node, Error]:
    """The error bound of every node of `order`, arguments first; where the ranges that are `known` hold. What they
    bound relative to a number itself need not be followed further back.
    """
    found: dict[Node, Error] = {}
    for node in order:
        if not node.args or node.boolean or node.op.name in LOCALLY_CONSTANT or node.op.name == "number":
            found[node] = EXACT
            continue
        here = known.get(node, UNKNOWN)
        if here.u == 0.0 and here.q <= RELATIVE and node.op.name not in MOVES:
            found[node] = Error(here.q)
            continue
        passed = handed(node, [Known(arg, found[arg], known.get(arg, UNKNOWN)) for arg in node.args], here)
        found[node] = passed if node.op.name in ROUNDLESS else _rounded(node, passed, here.least)
    return found


def whole(node: Node, error: Error) -> Node | None:
    """The bound on a node's error at each point; None if it is exact."""
    return Known(node, error, UNKNOWN).whole


def doubted(node: Node, error: Error, trusted: float, limit: Node | None = None) -> Node | None:
    """Which elements of a result may be wrong by more than so many units of the last place; None: none at any point.
    A `limit` that is not known yet may be larger than what is `trusted`.
    """
    q, u, more = error
    excess = max(0.0, u - FORGIVEN)  # what is right to 16 of the smallest subnormals is right (`truth.right`)
    if more is None and excess == 0.0 and q <= trusted:
        return None
    beside = total(more, constant(node, excess))
    least = TABLE["abs"](node) * (trusted - q if limit is None else limit - q)
    return ~TABLE["less_equal"](node.builder.constant(0.0) if beside is None else beside, least)  # a NaN says nothing


def _rounded(node: Node, passed: Error, nearest: float) -> Error:
    """With what the operation itself adds: half a unit of the last place, and where numbers are neither 0 nor at least
    as large as `nearest`, of the subnormal range.
    """
    safe = node.op.name in NEVER_UNDERFLOWS or nearest >= SMALLEST_NORMAL
    return Error(passed.q + 1.0, passed.u + (0.0 if safe else SUBNORMAL_ERROR), passed.more)
