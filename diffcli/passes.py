"""Passes with free seeds: the two directions of a derivative.

Forward (`Push`): tangents of the inputs to tangents of the outputs, J·u. Reverse (`Pull`): cotangents of the outputs
to cotangents of the inputs, Jᵀ·v. Both compute the values first and keep the residuals, the intermediate values that
the derivative looks at, so that any number of seeds share one evaluation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from diffcli.bound import Array
from diffcli.derive import active, adjoint, tangent
from diffcli.evaluation import Plan
from diffcli.graph import Function, Node, ancestors


class Passes:
    """From values and residuals, `values`, to `results`, which depend on them and on `seeds`."""

    #: What is handed in for each of the inputs of a pass; a direction makes them.
    seeds: list[Node]

    def __init__(self, outputs: Sequence[Node], seeds: Sequence[Node], results: Sequence[Node]) -> None:
        moving = set(active(results, seeds))
        used = {arg for node in moving for arg in node.args} | set(results)
        self.residuals = [node for node in ancestors(used, moving) if node in used and node not in moving]
        self.values = Plan([*outputs, *self.residuals])
        self.sweep = Plan(results, given=self.residuals)
        self.outputs = list(outputs)
        self.results = list(results)
        #: Numbers that one seed needs at a time.
        kept = set(self.residuals)
        self.weight = max(1, sum(node.size for node in self.sweep.order if node not in kept))

    def start(self, at: Mapping[Node, Array], jobs: int = 1) -> tuple[list[Array], dict[Node, Array]]:
        """The outputs' values and what the sweeps look at."""
        computed = self.values.run(at, jobs)
        count = len(self.outputs)
        return computed[:count], dict(zip(self.residuals, computed[count:], strict=True))


class Push(Passes):
    """The forward passes of `function` for tangents of the inputs in `wrt`; the others' are structurally zero.

    The values of `also` are computed with those of its outputs, after them.
    """

    def __init__(self, function: Function, wrt: Sequence[Node], also: Sequence[Node] = ()) -> None:
        builder = (*function.outputs, *also)[0].builder  # the gradient of a constant has no outputs
        self.inputs = list(wrt)
        self.targets = list(function.outputs)
        self.seeds = [builder.input(f"u:{node.params[0]}", node.shape) for node in wrt]
        dots = tangent(function.outputs, dict(zip(wrt, self.seeds, strict=True)))
        zero = builder.constant(0.0)
        results = [zero if dot is None else dot for dot in dots]
        super().__init__([*function.outputs, *also], self.seeds, results)


class Pull(Passes):
    """The reverse passes of `function` for cotangents of its outputs.

    With `looking`, a second seed an output says which of its elements are looked at, 1 or 0: from the others comes
    nothing at all, not even 0·∞.
    """

    def __init__(self, function: Function, wrt: Sequence[Node], *, looking: bool = False) -> None:
        builder = function.builder
        self.inputs = list(function.outputs)
        self.targets = list(wrt)
        # One graph may serve several functions: the node's index keeps their seeds apart.
        places = [(f"{i}:{output.index}", output.shape) for i, output in enumerate(function.outputs)]
        self.seeds = [builder.input(f"v:{place}", shape) for place, shape in places]
        self.looks = [builder.input(f"look:{place}", shape) for place, shape in places]
        conditions = [builder.truth(look) for look in self.looks] if looking else None
        sweep = adjoint(function.outputs, self.seeds, wrt, conditions)
        zero = builder.constant(0.0)
        bars = [sweep.cotangents.get(node, zero) for node in wrt]
        super().__init__(function.outputs, [*self.seeds, *self.looks], bars)
