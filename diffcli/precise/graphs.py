"""One evaluation of a graph in arbitrary precision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from diffcli.graph import CONSTANT, INPUT, Node
from diffcli.precise.arithmetic import Arithmetic, Exact
from diffcli.precise.arrays import RULES, objects, unknown
from diffcli.precise.scalars import SCALARS, referred


def evaluate(
    ar: Arithmetic, order: Sequence[Node], given: Mapping[Node, Exact], frozen: Mapping[Node, Exact] | None = None
) -> dict[Node, Exact]:
    """The values of the nodes in `order` (arguments first) from those of the inputs.

    `frozen` holds the values of `stop` nodes that a change of the inputs must not move.
    """
    found: dict[Node, Exact] = {}
    for node in order:
        ar.allowance.watch()
        if node.op is INPUT:
            found[node] = given[node]
        elif node.op is CONSTANT:
            found[node] = ar.array(node.params[0])
        elif frozen is not None and node in frozen:
            found[node] = frozen[node]
        else:
            found[node] = apply(ar, node, [found[arg] for arg in node.args])
    return found


def apply(ar: Arithmetic, node: Node, args: list[Exact]) -> Exact:
    """The value of one operation; NaN where nothing is known about it."""
    rule = RULES.get(node.op.name)
    if rule is not None:
        return objects(rule(ar, node, *args), node.shape)
    if node.op.kind == "elementwise":
        scalar = SCALARS.get(node.op.name)
        reference = node.op.reference
        if scalar is None and reference is None:
            return unknown(ar, node)
        flat = [arg.ravel() for arg in args]
        out = np.empty(node.size, dtype=object)
        for k in range(node.size):
            numbers = [column[k] for column in flat]
            out[k] = scalar(ar, *numbers) if scalar else referred(ar, node, numbers)
        return out.reshape(node.shape)
    return unknown(ar, node)
