"""Ranges through turns: what p·cos(t) ± q·sin(t) is at most, and how wrong.

Term by term it could be √2 times as large, and after a few turns in a row most of a range would be nothing but that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from diffcli.diagnosis.bounds import SUBNORMAL_ERROR
from diffcli.diagnosis.intervals import MARGIN, UNKNOWN, Range, times, wide
from diffcli.graph import Node

#: For what underflows on the way.
ROOM = 4.0 * SUBNORMAL_ERROR


def turned(node: Node, here: Range, known: Mapping[Node, Range]) -> Range:
    """The range of a node, `here` by its terms, or a narrower one where the node is a coordinate after a turn."""
    parts = _parts(node)
    if parts is None or not here.most < math.inf:
        return here
    t, p, q = (known.get(part, UNKNOWN) for part in parts)
    far = math.hypot(p.most, q.most)
    _, high = wide(0.0, far)
    # Cosine, sine and the products round; and neither wave moves by more than the angle does.
    error = math.hypot(p.error + 2.0 * p.most, q.error + 2.0 * q.most) + times(t.error, p.most + q.most)
    here = here._replace(low=max(here.low, -high), high=min(here.high, high))
    if not error < here.error:
        return here
    return here._replace(q=1.0, u=MARGIN * error + min(here.u, ROOM))


def _parts(node: Node) -> tuple[Node, Node, Node] | None:
    """The angle, and what its cosine and its sine are multiplied by."""
    if node.op.name not in ("add", "subtract"):
        return None
    first, second = (_waves(arg) for arg in node.args)
    for name, angle, other in first:
        for opposite, same, another in second:
            if same is angle and {name, opposite} == {"cos", "sin"}:
                return (angle, other, another) if name == "cos" else (angle, another, other)
    return None


def _waves(product: Node) -> list[tuple[str, Node, Node]]:
    """The factors of a product that are a sine or a cosine: its name, its angle, and the other factor."""
    product = _unsigned(product)
    if product.op.name != "multiply":
        return []
    a, b = product.args
    pairs = ((_unsigned(a), b), (_unsigned(b), a))
    return [(wave.op.name, wave.args[0], other) for wave, other in pairs if wave.op.name in ("sin", "cos")]


def _unsigned(node: Node) -> Node:
    return node.args[0] if node.op.name == "negate" else node
