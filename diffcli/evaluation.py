"""From a graph to numbers: NumPy, one step a node, in the graph's own order.

The batch is the last axis: a scalar is an array ``(B,)``, a vector ``(n, B)``, and what does not depend on the
batch has B = 1. A point alone and the same point in any batch give the same bits, because every operation
works element by element or sums in an order that the shape alone decides.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np

from diffcli.graph import CONSTANT, INPUT, Array, Node, ancestors

_Step = tuple[Callable[..., Array], int, tuple[int, ...], tuple[object, ...], tuple[int, ...]]


def _contiguous(ufunc: Callable[..., Array]) -> Callable[..., Array]:
    """`ufunc` on operands of one shape, row by row in memory: vectorised loops for other strides may round
    otherwise.
    """

    def apply(*args: object) -> Array:
        arrays = np.broadcast_arrays(*[a for a in args if isinstance(a, np.ndarray)])
        rest = [a for a in args if not isinstance(a, np.ndarray)]
        return ufunc(*[np.ascontiguousarray(a) for a in arrays], *rest)

    return apply


def _contiguous_one(ufunc: Callable[..., Array]) -> Callable[..., Array]:
    def apply(x: Array, *params: object) -> Array:
        return ufunc(np.ascontiguousarray(x), *params)

    return apply


class Plan:
    """The steps that compute `outputs`, in order, with every value dropped after its last use.

    Nodes in `given` are not computed: their values are handed to `run`, like those of inputs.
    """

    def __init__(self, outputs: Sequence[Node], given: Collection[Node] = ()) -> None:
        self._given = frozenset(given)
        self.order = ancestors(outputs, self._given)
        self.slots = {node: slot for slot, node in enumerate(self.order)}
        self.outputs = [self.slots[node] for node in outputs]
        self.inputs = [(n, self.slots[n]) for n in self.order if n.op is INPUT or n in self._given]
        self.constants = [
            (self.slots[n], n.params[0][..., np.newaxis])
            for n in self.order
            if n.op is CONSTANT and n not in self._given
        ]
        self.steps = self._steps()

    def _steps(self) -> list[_Step]:
        last = dict.fromkeys(self.outputs, len(self.order))
        steps: list[_Step] = []
        for slot in range(len(self.order) - 1, -1, -1):
            node = self.order[slot]
            if node.op is INPUT or node.op is CONSTANT or node in self._given:
                continue
            args = tuple(self.slots[arg] for arg in node.args)
            dead = []
            for arg in args:
                if arg not in last:
                    last[arg] = slot
                    dead.append(arg)
            steps.append((_kernel(node), slot, args, node.params, tuple(dead)))
        steps.reverse()
        return steps

    def run(self, values: Mapping[Node, Array]) -> list[Array]:
        """The outputs' values, from those of the inputs and of what is given; the batch axis is the last."""
        memory: list[Array | None] = [None] * len(self.order)
        for slot, constant in self.constants:
            memory[slot] = constant
        for node, slot in self.inputs:
            memory[slot] = values[node]
        with np.errstate(all="ignore"):
            for kernel, slot, args, params, dead in self.steps:
                memory[slot] = kernel(*[memory[arg] for arg in args], *params)
                for arg in dead:
                    memory[arg] = None
        return [memory[slot] for slot in self.outputs]  # type: ignore[misc]


def _kernel(node: Node) -> Callable[..., Array]:
    op = node.op
    if op.exact or op.kind != "elementwise":
        return op.apply
    return _contiguous(op.apply) if len(node.args) > 1 else _contiguous_one(op.apply)


def lift(value: Array) -> Array:
    """A value as a batch of one point."""
    return np.asarray(value, dtype=np.float64)[..., np.newaxis]
