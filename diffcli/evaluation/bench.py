"""The buffers in which the blocks of a batch, or the values of one point, are computed, and the steps tied to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from diffcli.evaluation.stages import Stage, params_for
from diffcli.evaluation.tied import Tied
from diffcli.graph import Array, Node, Shape


class Layout(NamedTuple):
    """Which values of a batch share a buffer."""

    nodes: Sequence[Node]  # by slot
    sources: Sequence[int]  # slots that are filled from outside
    stages: Sequence[Stage]  # what is computed, in order
    buffers: Sequence[tuple[int, bool]]  # numbers a point, and whether they are booleans
    buffer: Mapping[int, int]  # by slot
    root: Sequence[int]  # by slot: the slot of the value that its value is a view of, or its own


class Bench:
    """A schedule's buffers for blocks of one size, and its steps, each tied to the buffers it works on.

    What is the same for all points is held here too, in copies that `set_up` renews for every run. `stages` has the
    steps by stage, and of a stage by part: the parts of one stage may be taken in any order, and at once.
    """

    def __init__(self, layout: Layout, size: int, memory: list[Any], parts: int = 1) -> None:
        self.size = size
        self.stages: list[list[list[Callable[[], Any]]]] = []
        self.values: dict[int, Array] = {}
        self._layout = layout
        self._memory = memory
        self._flat = [np.empty(n * size, dtype=bool if boolean else np.float64) for n, boolean in layout.buffers]
        self._fixed: dict[int, Array] = {}
        self._tied: list[Tied] = []
        for slot in layout.sources:
            self.values[slot] = self._buffer(layout.buffer[slot], layout.nodes[slot].shape)
        for stage in layout.stages:
            ties = [Tied() for _ in range(stage.parts(layout.nodes, parts))]
            for slot, args in stage.steps:
                self._tie(slot, args, ties)
            self._tied += ties
            self.stages.append([each.steps for each in ties])
        #: All of them, in order.
        self.steps = [step for parts in self.stages for part in parts for step in part]
        self._memory = []

    def set_up(self, memory: list[Any]) -> None:
        """Takes over what a new run computed once for all points."""
        for slot, kept in self._fixed.items():
            np.copyto(kept, memory[slot])
        for tied in self._tied:
            for repeated, kept in tied.repeated:
                np.copyto(repeated, kept)

    def _tie(self, slot: int, args: tuple[int, ...], ties: list[Tied]) -> None:
        """One step of a stage, in each of its parts."""
        node = self._layout.nodes[slot]
        operands = [self.values[arg] if arg in self.values else self._kept(arg) for arg in args]
        if self._layout.root[slot] != slot:
            value = node.op.apply(*operands, *node.params)
            if not np.may_share_memory(value, operands[0]):  # a reshape of a transpose has to copy
                ties[0].copied(node.op.apply, (*operands, *node.params), value)
            self.values[slot] = value
            return
        out = self.values[slot] = self._buffer(self._layout.buffer[slot], node.shape)
        if len(ties) == 1:
            ties[0].add(node, operands, node.params, out)
            return
        rows = node.shape[0]
        for i, tied in enumerate(ties):
            first, last = rows * i // len(ties), rows * (i + 1) // len(ties)
            own = [operand[first:last] for operand in operands]
            tied.add(node, own, params_for(node, last - first), out[first:last])

    def _buffer(self, number: int, shape: Shape) -> Array:
        return self._flat[number].reshape((*shape, self.size))

    def _kept(self, slot: int) -> Array:
        if self._layout.nodes[slot].constant:
            constant: Array = self._memory[slot]
            return constant
        if slot not in self._fixed:
            self._fixed[slot] = np.array(self._memory[slot])
        return self._fixed[slot]
