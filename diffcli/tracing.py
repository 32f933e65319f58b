"""Both modes made visible: every node of a graph with its value, its local partials, and its adjoint or its tangent.

All of it comes from the one sweep that computes the derivative: nothing is worked out a second time for show.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from diffcli import derive
from diffcli.bound import Array, Bound, Differentiable, Point, Value, Values, bind, cotangents, single, tangents
from diffcli.derive import Contribution, adjoint
from diffcli.errors import UsageError
from diffcli.evaluation import Plan
from diffcli.graph import CONSTANT, INPUT, Function, Node, ancestors
from diffcli.primitives.kinds import only_where
from diffcli.spell import Spelling


@dataclass(frozen=True, slots=True)
class TraceNode:
    """One node at one point. `partials[i]` is ∂node/∂argument i, element by element; None where the operation is
    not elementwise (its rule is linear), or the argument is a constant. In forward mode every node has a `tangent`
    and none an `adjoint`; in reverse mode it is the other way round.
    """

    id: int
    expression: str
    op: str
    args: tuple[int, ...]
    value: Value
    adjoint: Value | None
    partials: tuple[Value | None, ...]
    span: tuple[int, int] | None
    name: str | None
    forward: str
    reverse: tuple[str, ...] = field(default=())
    tangent: Value | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """The two passes at a point: the values forward, and the adjoints backward from `seed`, the cotangent; or the
    values and the tangents forward from `seed`, the tangent.
    """

    values: Values
    seed: Values
    nodes: tuple[TraceNode, ...]


def trace(
    f: Differentiable,
    at: Point | ArrayLike,
    *,
    wrt: Sequence[str] | None = None,
    mode: Literal["reverse", "forward"] = "reverse",
    cotangent: Mapping[str, ArrayLike] | ArrayLike | None = None,
    tangent: Mapping[str, ArrayLike] | ArrayLike | None = None,
) -> Trace:
    """Every node of f at a point, arguments before users, with its adjoint: how the seeded output changes with it; or
    in forward mode with its tangent: how it changes with the seeded input.

    The reverse pass starts from `cotangent` (one an output, by name), or from 1 for the first number that f gives; the
    forward pass from `tangent` (one an input), or from 1 for the first number that f takes.
    """
    if mode not in ("reverse", "forward"):
        raise UsageError(f"there is no mode {mode}", hint="the modes are reverse and forward", code="mode")
    if (cotangent if mode == "forward" else tangent) is not None:
        other = "cotangent" if mode == "forward" else "tangent"
        raise UsageError(f"{mode} mode starts from no {other}", code="mode")
    bound = bind(f, at, wrt)
    if mode == "forward":
        return _forward(bound, tangent)
    function = bound.function
    builder = function.builder
    seeds = _first_one_hot(function) if cotangent is None else cotangents(function, cotangent)
    sweep = adjoint(
        function.outputs,
        [builder.constant(seeds[i][..., 0]) if i in seeds else None for i in range(len(function.outputs))],
        bound.wrt,
    )
    nodes = sorted({*ancestors(function.outputs), *function.inputs}, key=lambda node: node.index)
    partials = {node: [_partial(node, i) for i in range(len(node.args))] for node in nodes}
    wanted = [
        *nodes,
        *sweep.cotangents.values(),
        *(step.bar for step in sweep.contributions),
        *(partial for row in partials.values() for partial in row if partial is not None),
    ]
    found = dict(zip(wanted, Plan(wanted).run(bound.at), strict=True))
    telling = _Telling(function, nodes, found, bound.wrt)
    steps: dict[Node, list[Contribution]] = {}
    for step in sweep.contributions:
        steps.setdefault(step.node, []).append(step)
    rows = [telling.row(node, partials[node], sweep.cotangents.get(node), steps.get(node, ())) for node in nodes]
    return Trace(
        values={name: single(found[out]) for name, out in zip(function.names, function.outputs, strict=True)},
        seed={
            name: single(seeds[i]) if i in seeds else single(np.zeros((*output.shape, 1)))
            for i, (name, output) in enumerate(zip(function.names, function.outputs, strict=True))
        },
        nodes=tuple(rows),
    )


def _forward(bound: Bound, u: Mapping[str, ArrayLike] | ArrayLike | None) -> Trace:
    function = bound.function
    builder = function.builder
    if u is None:
        first = next((node for node in bound.wrt if node.size), None)
        given = {} if first is None else {first: _one_hot(first)}
    else:
        given = tangents(bound.wrt, u)
    nodes = sorted({*ancestors(function.outputs), *function.inputs}, key=lambda node: node.index)
    seeds = {node: builder.constant(value[..., 0]) for node, value in given.items()}
    dots = dict(zip(nodes, derive.tangent(nodes, seeds), strict=True))
    partials = {node: [_partial(node, i) for i in range(len(node.args))] for node in nodes}
    wanted = [
        *nodes,
        *(dot for dot in dots.values() if dot is not None),
        *(partial for row in partials.values() for partial in row if partial is not None),
    ]
    found = dict(zip(wanted, Plan(wanted).run(bound.at), strict=True))
    telling = _Telling(function, nodes, found, bound.wrt)
    return Trace(
        values={name: single(found[out]) for name, out in zip(function.names, function.outputs, strict=True)},
        seed={node.params[0]: single(given.get(node, np.zeros((*node.shape, 1)))) for node in bound.wrt},
        nodes=tuple(telling.pushed(node, partials[node], dots) for node in nodes),
    )


def _one_hot(node: Node) -> Array:
    seed = np.zeros((*node.shape, 1))
    seed.flat[0] = 1.0
    return seed


def _first_one_hot(function: Function) -> dict[int, Array]:
    for i, output in enumerate(function.outputs):
        if output.size:
            return {i: _one_hot(output)}
    return {}


def _partial(node: Node, i: int) -> Node | None:
    """∂node/∂argument i as a node, for elementwise operations and arguments that vary."""
    if node.op.kind != "elementwise" or node.args[i].constant:
        return None
    rule = node.op.partials[i]
    partial = None if rule is None else rule(node, *node.args)
    if not isinstance(partial, Node):
        partial = node.builder.constant(partial or 0.0)
    used = node.op.uses[i] if node.op.uses else None
    return node.builder.number(partial) if used is None else only_where(used(node), node.builder.number(partial))


class _Telling:
    """Puts the nodes of one trace into rows and words."""

    def __init__(
        self, function: Function, nodes: Sequence[Node], found: Mapping[Node, Array], wrt: Sequence[Node]
    ) -> None:
        self.function = function
        self.ids = {node: i for i, node in enumerate(nodes)}
        self.found = found
        self.wrt = wrt
        self.spelling = Spelling(function.labels, lambda node: f"v{self.ids[node]}")
        self.outputs = dict(zip(function.outputs, function.names, strict=True))

    def row(
        self, node: Node, partials: Sequence[Node | None], bar: Node | None, steps: Sequence[Contribution]
    ) -> TraceNode:
        value = _shaped(self.found[node], node)
        adjoint_value: Value | None = None
        if bar is not None:
            adjoint_value = _shaped(self.found[bar], node)
        elif node in self.wrt:
            adjoint_value = single(np.zeros((*node.shape, 1)))
        return TraceNode(
            id=self.ids[node],
            expression=self.spelling.of(node),
            op=node.op.name,
            args=tuple(self.ids[arg] for arg in node.args),
            value=value,
            adjoint=adjoint_value,
            partials=tuple(None if p is None else _shaped(self.found[p], node) for p in partials),
            span=self.function.spans.get(node),
            name=self.function.labels.get(node) or (node.params[0] if node.op is INPUT else self.outputs.get(node)),
            forward=self._forward(node, value),
            reverse=tuple(self._reverse(step, partials) for step in steps),
        )

    def pushed(self, node: Node, partials: Sequence[Node | None], dots: Mapping[Node, Node | None]) -> TraceNode:
        """The row of a node in forward mode."""
        dot = dots[node]
        moved = single(np.zeros((*node.shape, 1))) if dot is None else _shaped(self.found[dot], node)
        row = self.row(node, partials, None, ())
        return replace(
            row, adjoint=None, tangent=moved, forward=f"{row.forward}{self._pushed(node, partials, dots, moved)}"
        )

    def _pushed(
        self, node: Node, partials: Sequence[Node | None], dots: Mapping[Node, Node | None], moved: Value
    ) -> str:
        """The step of the tangent beside that of the value, for what moves."""
        if dots[node] is None:
            return ""
        here = f"{self.called(node)}_dot"
        if node.op is INPUT:
            return f", {here} is given: {_short(moved)}"
        terms = []
        for arg, partial in zip(node.args, partials, strict=True):
            if dots[arg] is None:
                continue
            if partial is None:
                terms.append(f"{self.called(arg)}_dot carried through {node.op.name}")
            elif not node.op.uses or self.found[partial].any():  # a branch not taken has no part in it
                terms.append(f"{_short(_shaped(self.found[partial], node))} · {self.called(arg)}_dot")
        made = f"{' + '.join(terms)} = " if terms else ""
        return f", {here} = {made}{_short(moved)}"

    def called(self, node: Node) -> str:
        """What the words call a node: its name, or v and its number."""
        if node.op is INPUT:
            return str(node.params[0])
        if node.op is CONSTANT:
            return self.spelling.of(node)
        return self.function.labels.get(node) or self.outputs.get(node) or f"v{self.ids[node]}"

    def _forward(self, node: Node, value: Value) -> str:
        if node.op is INPUT:
            return f"{self.called(node)} is given: {_short(value)}"
        if node.op is CONSTANT:
            return f"{self.called(node)} is a constant"
        if node.op.name == "broadcast":
            return f"{self.called(node)} is {self.called(node.args[0])}, repeated to the shape {node.shape}"
        step = self.spelling.step(node, self.called)
        return f"{self.called(node)} = {step} = {_short(value)}"

    def _reverse(self, step: Contribution, partials: Sequence[Node | None]) -> str:
        node, arg = step.node, step.node.args[step.position]
        target, here = self.called(arg), self.called(node)
        got = _short(_shaped(self.found[step.bar], arg))
        partial = partials[step.position]
        if partial is None:
            return f"{target}_bar += {here}_bar carried back through {node.op.name} = {got}"
        factor = _short(_shaped(self.found[partial], node))
        return f"{target}_bar += {here}_bar · ∂{here}/∂{target} = {here}_bar · {factor} = {got}"


def _shaped(array: Array, node: Node) -> Value:
    """A value in the node's own shape: a derivative that is one number for all elements is repeated."""
    return single(np.broadcast_to(array.astype(np.float64), (*node.shape, 1)))


def _short(value: Value) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if value.size <= 4:
        return np.array2string(value, separator=", ", formatter={"float_kind": lambda v: f"{v:.6g}"}).replace("\n", "")
    return f"an array of shape {value.shape}"
