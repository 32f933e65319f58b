"""The running error bound as nodes of the graph it is about: for many points, in blocks and on all cores.

The rules are those of `bounds`, which has the mathematics; here the frequent ones build nodes, and the rest are asked
as they are. What comes out is at least what `bounds` gives, to within roundings of its own (`SLACK`), so that a point
that is not doubted by it is not doubted by `passes` either.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from diffcli.diagnosis.bounds import (
    FORGIVEN,
    LOCALLY_CONSTANT,
    MOVES,
    NEVER_UNDERFLOWS,
    ROUNDLESS,
    SMALLEST_NORMAL,
    SUBNORMAL_ERROR,
    bound,
)
from diffcli.diagnosis.intervals import UNKNOWN, Range
from diffcli.graph import TABLE, Node, Primitive

Array: TypeAlias = NDArray[Any]
#: An error bound in units of `EPS`; `None` is that of an exact number.
Error: TypeAlias = "Node | None"
_Rule: TypeAlias = Callable[[Node, Sequence[Error]], Error]

#: What rounding may take away from a bound, relative: it is computed in another order than in `bounds`.
SLACK = 1e-6
#: Up to so many units a bound from the ranges is near enough to what a point's own would be.
RELATIVE = 100.0


def errors(order: Sequence[Node], known: Mapping[Node, Range]) -> dict[Node, Error]:
    """The error bound of every node of `order`, arguments first; where the ranges that are `known` hold. What they
    bound relative to a number itself need not be followed further back.
    """
    found: dict[Node, Error] = {}
    for node in order:
        if not node.args or node.boolean:
            found[node] = None
            continue
        here = known.get(node, UNKNOWN)
        if here.u == 0.0 and here.q <= RELATIVE and node.op.name not in MOVES:
            found[node] = _times(here.q, _size(node)) if here.q else None
            continue
        mine = [found[arg] for arg in node.args]
        handed = _handed(node, mine)
        found[node] = handed if node.op.name in ROUNDLESS else _sum(handed, _rounding(node, here.least))
    return found


def relative(results: Sequence[Node], known: Mapping[Node, Error]) -> list[Node]:
    """The error bound of each result in units of its last place, the largest of its elements; as `Passes.worst`."""
    zero = results[0].builder.constant(0.0)
    op = Primitive(name="relative", kind="bound", apply=_relative, shape=lambda *shapes: ())
    pairs = [(node, known[node]) for node in results]
    return [zero if error is None else node.builder.make(op, (node, error), (), ()) for node, error in pairs]


def _relative(value: Array, error: Array) -> Array:
    # What is right to 16 of the smallest subnormals is right (`truth.right`); zeros have errors here of one each.
    excess = np.maximum(error - FORGIVEN, 0.0)
    ulps = np.where(excess == 0.0, 0.0, excess / np.abs(value))
    largest = ulps.max(axis=tuple(range(ulps.ndim - 1)), initial=0.0)
    return np.where(np.isnan(largest), math.inf, largest)


def _handed(node: Node, mine: Sequence[Error]) -> Error:
    """What the arguments' errors do to a node."""
    name = node.op.name
    if name in LOCALLY_CONSTANT or name == "number":
        return None
    if all(error is None for error in mine) and name not in _ADDERS:
        return None
    if name in MOVES or name == "place":
        return node.op(*_filled(node, mine), params=node.params)
    rule = _RULES.get(name)
    return rule(node, mine) if rule is not None else _asked(node, mine)


def _asked(node: Node, mine: Sequence[Error]) -> Node:
    """By the rule of `bounds`, on arrays."""
    count = len(node.args)

    def apply(value: Array, *rest: Array) -> Array:
        pairs = zip(rest[count:], rest[:count], strict=True)
        moved = [np.broadcast_to(error, x.shape) for error, x in pairs]
        return bound(node, rest[:count], moved, value, exactly=True)

    return _made(f"bound of {node.op.name}", apply, node, (node, *node.args, *_filled(node, mine)))


def _rounding(node: Node, nearest: float) -> Node:
    """What the operation itself adds: half a unit of the last place, and where numbers are neither 0 nor at least as
    large as `nearest`, of the subnormal range.
    """
    if node.op.name in NEVER_UNDERFLOWS or nearest >= SMALLEST_NORMAL:
        return _size(node)
    return _size(node) + SUBNORMAL_ERROR


def _made(name: str, apply: Callable[..., Array], node: Node, args: tuple[Node, ...]) -> Node:
    op = Primitive(name=name, kind="bound", apply=apply, shape=lambda *shapes: shapes[0])
    return node.builder.make(op, args, (), node.shape)


def _filled(node: Node, mine: Sequence[Error]) -> list[Node]:
    """The errors, zeros for those of exact numbers."""
    zero = node.builder.constant(0.0)
    return [
        node.builder.broadcast(zero, arg.shape) if error is None else error
        for arg, error in zip(node.args, mine, strict=True)
    ]


def _sum(*terms: Error) -> Error:
    total = None
    for term in terms:
        if term is not None:
            total = term if total is None else total + term
    return total


def _size(node: Node) -> Node:
    return TABLE["abs"](node)


def _times(slope: Node | float, error: Error) -> Error:
    return None if error is None else error * slope


# Rules ------------------------------------------------------------------------------------------------------


def _passed(node: Node, mine: Sequence[Error]) -> Error:
    return mine[0]


def _added(node: Node, mine: Sequence[Error]) -> Error:
    return _sum(*mine)


def _multiplied(node: Node, mine: Sequence[Error]) -> Error:
    a, b = node.args
    return _sum(_times(_size(b), mine[0]), _times(_size(a), mine[1]))


def _divided(node: Node, mine: Sequence[Error]) -> Error:
    """Of a quotient whose divisor is the last argument."""
    total = _sum(mine[0], _times(_size(node), mine[-1]))
    return None if total is None else total / _size(node.args[-1])


def _inverted(node: Node, mine: Sequence[Error]) -> Error:
    error = _times(_size(node), mine[0])
    return None if error is None else error / _size(node.args[0])


def _by_slope(slope: Callable[[Node, Node], Node]) -> _Rule:
    """Of a function of one number, from the size of its slope at x, where it is y."""

    def rule(node: Node, mine: Sequence[Error]) -> Error:
        return None if mine[0] is None else mine[0] * slope(node, node.args[0])

    return rule


def _raised(node: Node, mine: Sequence[Error]) -> Error:
    x, n = node.args
    if mine[1] is not None or mine[0] is None:
        return _asked(node, mine)
    return _times(_size(n * (node / x)), mine[0])


def _chosen(node: Node, mine: Sequence[Error]) -> Error:
    zeros = [0.0 if error is None else error for error in mine[1:]]
    return TABLE["where"](node.args[0], *zeros)


def _added_up(node: Node, mine: Sequence[Error]) -> Error:
    (x,) = node.args
    depth = max(1.0, math.log2(max(x.size, 1))) - 1.0
    inside = _sum(mine[0], _size(x) * depth if depth else None)
    return None if inside is None else node.op(inside, params=node.params)


def _of_matrices(node: Node, mine: Sequence[Error]) -> Error:
    a, b = node.args
    depth = max(1.0, math.log2(max(a.shape[-1], 1)))
    first = _sum(mine[0], _size(a) * depth)
    assert first is not None
    total = node.op(first, _size(b), params=node.params)
    return total if mine[1] is None else total + node.op(_size(a), mine[1], params=node.params)


#: What adds up elements rounds many times, exact ones too.
_ADDERS = frozenset({"sum", "mean", "cumsum", "matmul"})

_RULES: dict[str, _Rule] = {
    **dict.fromkeys(("negate", "abs", "within", "stop"), _passed),
    **dict.fromkeys(("add", "subtract"), _added),
    "multiply": _multiplied,
    **dict.fromkeys(("divide", "quotient"), _divided),
    "reciprocal": _inverted,
    "square": _by_slope(lambda y, x: _size(x) * 2.0),
    "sqrt": _by_slope(lambda y, x: 0.5 / y),
    "exp": _by_slope(lambda y, x: y),
    "log": _by_slope(lambda y, x: 1.0 / _size(x)),
    "log1p": _by_slope(lambda y, x: 1.0 / _size(x + 1.0)),
    "expm1": _by_slope(lambda y, x: y + 1.0),
    "sin": _by_slope(lambda y, x: _size(TABLE["cos"](x))),
    "cos": _by_slope(lambda y, x: _size(TABLE["sin"](x))),
    "tan": _by_slope(lambda y, x: TABLE["square"](y) + 1.0),
    "tanh": _by_slope(lambda y, x: TABLE["sech_square"](x)),
    "power": _raised,
    "where": _chosen,
    **dict.fromkeys(("sum", "mean", "cumsum"), _added_up),
    "matmul": _of_matrices,
}
