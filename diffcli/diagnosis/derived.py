"""Derivatives as nodes of the graph they are derivatives of, and which operation each node comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from diffcli.bound import Bound
from diffcli.calculus import gradient_plan
from diffcli.derive import Sweep, adjoint
from diffcli.diagnosis.bounds import LOCALLY_CONSTANT, ROUNDLESS
from diffcli.diagnosis.singles import Singles
from diffcli.diagnosis.sites import REACHES, SITES
from diffcli.evaluation.steps import Step, follow, step_of
from diffcli.graph import CONSTANT, INPUT, Array, Function, Node, ancestors
from diffcli.passes import Pull, Push

Owners = Mapping[Node, Node]


class Derived:
    """Derivatives as nodes of the same graph: `nodes` belong to the command's answer, `seeds` are given.

    `owners` says which operation's derivative rule a node was made by; `also` are nodes of the answer on the way;
    `order` has all that they and the function's outputs depend on, arguments first.
    """

    def __init__(
        self,
        function: Function,
        nodes: Sequence[Node] = (),
        seeds: Sequence[Node] = (),
        owners: Callable[[], Owners] = dict,
        also: Sequence[Node] = (),
        order: Sequence[Node] | None = None,
    ) -> None:
        self.function = function
        self.nodes, self.seeds, self.also = tuple(nodes), tuple(seeds), tuple(also)
        self._owners = owners
        if order is None:
            order = ancestors([*function.outputs, *nodes, *also])
        self.order = list(order)
        self.size = sum([node.size for node in self.order])

    @cached_property
    def owners(self) -> Owners:
        """By node of the derivative: the operation of the function itself that it is due to."""
        return self._owners()

    @cached_property
    def primal(self) -> frozenset[Node]:
        """What the function's outputs depend on."""
        return frozenset(ancestors(self.function.outputs))

    @cached_property
    def slopes(self) -> frozenset[Node]:
        """The derivatives themselves: one a variable, where there are thousands."""
        return frozenset(self.nodes)

    @cached_property
    def singles(self) -> Singles:
        """The nodes of one number."""
        return Singles(self.order, self.sited)

    @cached_property
    def sited(self) -> list[Node]:
        """The operations that have a kink, a jump or a comparison somewhere."""
        primal = None
        found = []
        for node in self.order:
            # (A power with a fixed exponent has no jump.)
            if node.op.name in SITES and not (node.op.name == "power" and node.args[1].constant):
                primal = primal or self.primal
                if node in primal:
                    found.append(node)
        return found

    @cached_property
    def decisions(self) -> list[Node]:
        """Those of them that an argument decides which rounding may have spoilt."""
        exact: set[Node] = set()
        for node in self.order if self.sited else ():
            hands_on = node.op.name not in LOCALLY_CONSTANT and not node.boolean
            if not hands_on or (exact.issuperset(node.args) and (not node.args or node.op.name in ROUNDLESS)):
                exact.add(node)
        return [node for node in self.sited if node.op.name in REACHES and not exact.issuperset(node.args)]

    @cached_property
    def places(self) -> Mapping[Node, int]:
        """Where each node stands in `order`."""
        return {node: place for place, node in enumerate(self.order)}

    @cached_property
    def numbers(self) -> list[int]:
        """The places of what is no condition."""
        return [place for place, node in enumerate(self.order) if not node.boolean]

    @cached_property
    def leaves(self) -> list[tuple[int, Node]]:
        """What is given, inputs and seeds, and its places."""
        return [(place, node) for place, node in enumerate(self.order) if not node.args and node.op is not CONSTANT]

    @cached_property
    def _memory(self) -> list[Array | None]:
        """The constants in their places."""
        return [node.params[0][..., None] if node.op is CONSTANT else None for node in self.order]

    @cached_property
    def _steps(self) -> list[Step]:
        places = self.places
        return [step_of(node, places[node], [places[arg] for arg in node.args]) for node in self.order if node.args]

    def run(self, given: Mapping[Node, Array]) -> list[Array]:
        """The value of every node of `order`, to the bit what a plan gives."""
        memory: list[Any] = self._memory.copy()
        for place, node in self.leaves:
            memory[place] = given[node]
        follow(self._steps, memory)
        return memory


def gradient(bound: Bound) -> Derived:
    """The gradient of one number, by the very nodes that `value_and_grad` computes."""
    function = bound.function
    (output,) = function.outputs
    plan = bound.once("gradient", lambda: gradient_plan(output, bound.wrt))
    found = [plan.order[slot] for slot in plan.outputs[1:]]
    bars = _whole(found, bound.wrt)
    repeated = [bar for bar, node in zip(bars, found, strict=True) if bar is not node]
    order = list(dict.fromkeys([*plan.order, *repeated]))  # the function may repeat the same number itself
    seed = output.builder.constant(1.0)
    return Derived(function, bars, (), lambda: _owners(function, [seed], bound.wrt), order=order)


def _whole(bars: Sequence[Node], wrt: Sequence[Node]) -> list[Node]:
    """Cotangents in the shapes of their inputs."""
    return [bar.builder.broadcast(bar, node.shape) for bar, node in zip(bars, wrt, strict=True)]


def reverse(bound: Bound) -> Derived:
    """The cotangents of the inputs for a free cotangent of every output."""
    function = bound.function
    passes = bound.once("pull", lambda: Pull(function, bound.wrt))
    bars = _whole([passes.sweep.order[slot] for slot in passes.sweep.outputs], bound.wrt)
    return Derived(function, bars, passes.seeds, lambda: _owners(function, passes.seeds, bound.wrt))


def _owners(function: Function, seeds: Sequence[Node], wrt: Sequence[Node]) -> dict[Node, Node]:
    """Who made which node of the reverse pass: deriving once more gives the same nodes."""
    return claims(adjoint(function.outputs, seeds, wrt), set(ancestors(function.outputs)))


def claims(sweep: Sweep, primal: set[Node]) -> dict[Node, Node]:
    """The operation that each node of a reverse pass is due to."""
    owners: dict[Node, Node] = {}
    for step in sweep.contributions:
        _claim(owners, step.bar, step.node, primal)
    for node, bar in sweep.cotangents.items():
        _claim(owners, bar, node, primal)
    return owners


def _claim(owners: dict[Node, Node], made: Node, owner: Node, primal: set[Node]) -> None:
    pending = [made]
    while pending:
        node = pending.pop()
        if node in owners or node in primal or node.op is INPUT or node.op is CONSTANT:
            continue
        owners[node] = owner
        pending.extend(node.args)


def forward(bound: Bound) -> Derived:
    """The tangents of the outputs for a free tangent of each of the inputs."""
    function = bound.function
    builder = function.builder
    passes = bound.once("push", lambda: Push(function, bound.wrt))
    found = [passes.sweep.order[slot] for slot in passes.sweep.outputs]
    dots = [builder.broadcast(dot, output.shape) for dot, output in zip(found, function.outputs, strict=True)]
    return Derived(function, dots, passes.seeds, lambda: _followers(function, dots))


def _followers(function: Function, dots: Sequence[Node]) -> dict[Node, Node]:
    known = set(ancestors(function.outputs))
    owners: dict[Node, Node] = {}
    for node in ancestors(dots):
        # A tangent's node is made right after those of the operation's arguments: its owner is an operand of it.
        if node not in known and node.op is not INPUT and node.op is not CONSTANT:
            near = [arg for arg in node.args if arg in known and arg.op is not CONSTANT]
            owners[node] = (
                max(near, key=lambda n: n.index)
                if near
                else next((owners[arg] for arg in node.args if arg in owners), function.outputs[0])
            )
    return owners


def second(bound: Bound) -> Derived:
    """The columns of the Hessian of one number, for a free tangent of the inputs, by the very nodes that `hessian`
    computes; the gradient on the way.
    """
    from diffcli.matrices import gradient_function, second_passes

    function, bars = bound.function, gradient_function(bound)
    passes = second_passes(bound)
    dots = _whole([passes.sweep.order[slot] for slot in passes.sweep.outputs], bound.wrt)

    def owners() -> dict[Node, Node]:
        known = _owners(function, [function.builder.constant(1.0)], bound.wrt)
        for node, owner in _followers(bars, dots).items():
            known.setdefault(node, known.get(owner, owner))
        return known

    return Derived(function, dots, passes.seeds, owners, bars.outputs)
