"""The chain rule, all of it: from a graph to the graph of its derivative.

    vjp(f_i ∘ … ∘ f_1, x)(v) = (vjp(f_1, x) ∘ … ∘ vjp(f_i, x_{i-1}))(v)

`adjoint` walks the graph backwards and composes the pullbacks; `tangent` walks it forwards and composes the
pushforwards. Both only build nodes, so a derivative is again a function: to be evaluated, shown, or derived again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from diffcli.graph import Node, ancestors
from diffcli.primitives.kinds import only_where
from diffcli.primitives.structure import joined, sum_


class Contribution(NamedTuple):
    """What `node` hands back to its `position`-th argument: `bar` of the node times the local partial."""

    node: Node
    position: int
    bar: Node


@dataclass(frozen=True, slots=True)
class Sweep:
    """One reverse pass: the cotangent of every node that the outputs depend on, and the steps that made it."""

    cotangents: dict[Node, Node] = field(default_factory=dict)
    contributions: list[Contribution] = field(default_factory=list)


def active(outputs: Iterable[Node], wrt: Iterable[Node]) -> list[Node]:
    """The nodes between `wrt` and `outputs`, arguments first: where a derivative can be other than zero."""
    moving = set(wrt)
    between = []
    for node in ancestors(outputs):
        if node in moving or not moving.isdisjoint(node.args):
            moving.add(node)
            between.append(node)
    return between


def adjoint(
    outputs: Sequence[Node],
    seeds: Sequence[Node | None],
    wrt: Iterable[Node],
    looked_at: Sequence[Node | None] | None = None,
) -> Sweep:
    """The reverse pass: from one cotangent an output (`None`: zero) to the cotangents of `wrt`.

    Every node carries the condition under which it is looked at. A branch not taken contributes nothing, not
    even 0·∞; a 0·∞ that comes from no branch stays NaN, because it is one. `looked_at` says the same of the
    outputs: which of their elements are looked at (all); then no 0·∞ comes from inside a product of matrices either.
    """
    sweep = Sweep()
    received: dict[Node, list[Node]] = {}
    conditions = _Conditions()
    for i, (output, seed) in enumerate(zip(outputs, seeds, strict=True)):
        if seed is not None:
            received.setdefault(output, []).append(seed)
            conditions.either(output, looked_at[i] if looked_at else None)
    targets = set(wrt)
    between = active([o for o, s in zip(outputs, seeds, strict=True) if s is not None], targets)
    moving = set(between)
    for node in reversed(between):
        terms = received.pop(node, None)
        bar = joined(terms) if terms else None
        if bar is None:
            continue
        sweep.cotangents[node] = bar
        for i, arg in enumerate(node.args):
            if arg not in moving:
                continue
            here = conditions.through(node, i)
            looked = conditions.of(node) if looked_at and node.op.sifted else None
            if looked is not None and node.op.sifted:
                bar_arg: Node | None = node.op.sifted(node, bar, i, looked)
            else:
                bar_arg = node.op.pullback(node, _looked_at(bar, node, here), i)
            if bar_arg is None:
                continue
            if here is not None and _chooses(node):
                bar_arg = only_where(here, bar_arg)
            conditions.either(arg, here)
            received.setdefault(arg, []).append(bar_arg)
            sweep.contributions.append(Contribution(node, i, bar_arg))
    return sweep


def _chooses(node: Node) -> bool:
    """Whether what a node hands back must be dropped where nobody looks: it may be other than the 0 that it gets."""
    return node.op.scales or bool(node.op.uses)


def _looked_at(bar: Node, node: Node, here: Node | None) -> Node:
    """`bar` without the zeros where `here` does not hold, if an elementwise node's answer is dropped there anyway."""
    spared = here is not None and bar.op.name == "where" and bar.args[0] is here
    return bar.args[1] if spared and node.op.kind == "elementwise" and _chooses(node) else bar


def tangent(outputs: Sequence[Node], seeds: Mapping[Node, Node]) -> list[Node | None]:
    """The forward pass: from tangents of some nodes (`seeds`) to those of `outputs`; `None` is zero.

    A branch not taken needs no care here: the choice between two tangents drops one of them whole.
    """
    dots: dict[Node, Node | None] = dict(seeds)
    for node in active(outputs, seeds):
        if node not in dots:
            dots[node] = node.op.pushforward(node, [dots.get(arg) for arg in node.args])
    return [dots.get(output) for output in outputs]


def looked_at(outputs: Sequence[Node]) -> dict[Node, Node | None]:
    """For every node that the outputs depend on, the condition under which they look at it; `None`: always."""
    conditions = _Conditions()
    for output in outputs:
        conditions.either(output, None)
    order = ancestors(outputs)
    for node in reversed(order):
        for i, arg in enumerate(node.args):
            conditions.either(arg, conditions.through(node, i))
    return {node: conditions.of(node) for node in order}


class _Conditions:
    """For every node, when it is looked at: `None` means always."""

    def __init__(self) -> None:
        self._known: dict[Node, Node | None] = {}

    def either(self, node: Node, condition: Node | None) -> None:
        """One more use of `node`, under `condition`."""
        before = self._known.setdefault(node, condition)
        if before is condition:
            return
        if before is None or condition is None or before is ~condition:
            self._known[node] = None
        else:
            self._known[node] = before | condition

    def of(self, node: Node) -> Node | None:
        """When `node` is looked at."""
        return self._known[node]

    def through(self, node: Node, i: int) -> Node | None:
        """When `node` looks at its i-th argument: when it is looked at itself, and its own choice falls so."""
        outer = self._known[node]
        if outer is None and not node.op.uses:
            return None
        if outer is not None and node.op.kind != "elementwise":
            outer = _moved_back(node, i, outer)
        inner = node.op.uses[i] if node.op.uses else None
        if inner is None:
            return outer
        return inner(node) if outer is None else outer & inner(node)


def _moved_back(node: Node, i: int, condition: Node) -> Node | None:
    """`condition`, shaped like `node`, as it bears on the i-th argument: where any looked-at element needs it."""
    builder = node.builder
    flags = builder.number(condition)
    if not node.op.scales:  # it moves and adds up elements, of flags as of cotangents
        counts = node.op.pullback(node, flags, i)
    elif node.op.reaches:
        counts = node.op.reaches(node, flags, i)
    else:
        counts = builder.broadcast(sum_(flags, params=((),)), node.args[i].shape)
    return None if counts is None else builder.truth(counts)
