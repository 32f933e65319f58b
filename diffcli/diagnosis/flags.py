"""Questions about single points of a batch, as nodes of the graph: where an operation stands at its kink, where its
value is no number, where rounding may have carried its arguments across a decision.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from diffcli.diagnosis.sites import at_site, undecided
from diffcli.graph import TABLE, Node, Primitive


def _made(op: Primitive, args: tuple[Node, ...], shape: tuple[int, ...]) -> Node:
    return args[0].builder.make(op, args, (), shape)


def _flag(name: str, apply: Any) -> Primitive:
    return Primitive(name=name, kind="flag", apply=apply, shape=lambda *shapes: shapes[0], boolean=True)


_NOT_FINITE = _flag("not finite", lambda x: ~np.isfinite(x))
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
    """Which elements of a node are infinite or NaN."""
    return _made(_NOT_FINITE, (node,), node.shape)


def near_flag(node: Node, errors: Sequence[float]) -> Node:
    """Which elements of an operation may stand across its decision if its arguments are off by that much."""
    op = _flag(f"near {node.op.name}", lambda value, *args: undecided(node, args, errors, value))
    return _made(op, (node, *node.args), node.shape)


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
