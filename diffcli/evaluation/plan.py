"""Which steps compute some nodes, in which order, and when a value has been used for the last time."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from diffcli.evaluation import limits
from diffcli.evaluation.steps import Step, follow, step_of
from diffcli.evaluation.threads import cores
from diffcli.graph import CONSTANT, INPUT, Array, Node, ancestors

if TYPE_CHECKING:
    from diffcli.evaluation.schedule import Schedule


class Plan:
    """The steps that compute `outputs`, in order, with every value dropped after its last use.

    Nodes in `given` are not computed: their values are handed to `run`, like those of inputs.
    """

    def __init__(self, outputs: Sequence[Node], given: Collection[Node] = ()) -> None:
        self._given = frozenset(given)
        self.order = ancestors(outputs, self._given)
        slots = self._numbered()
        self.outputs = [slots[node.index] for node in outputs]
        self.inputs: list[tuple[Node, int]] = []
        self._constants: list[tuple[int, Array]] = []
        constant: list[Node] = []
        steps: list[Node] = []
        for slot, node in enumerate(self.order):
            if node.op is INPUT or (given and node in self._given):
                self.inputs.append((node, slot))
            elif node.op is CONSTANT:
                self._constants.append((slot, node.params[0][..., np.newaxis]))
            else:
                (constant if node.constant else steps).append(node)
        self._last_uses(slots, constant, steps)
        self._constant_steps: list[Step] | None = self._steps(constant, slots)
        self.steps = self._steps(steps, slots)
        self._schedules: dict[frozenset[int], Schedule] = {}
        self._large = bool(self.inputs) and any(node.size >= limits.LARGE for node in steps)

    def _numbered(self) -> list[int]:
        slots = [0] * (self.order[-1].index + 1 if self.order else 0)
        for slot, node in enumerate(self.order):
            slots[node.index] = slot
        return slots

    def _last_uses(self, slots: list[int], constant: list[Node], steps: list[Node]) -> None:
        kept = set(self.outputs)
        self._dying: dict[int, list[int]] = {}  # by the step after which they go
        last: dict[int, int] = {}
        for node in steps:
            for arg in node.args:
                if not arg.constant and arg.size > limits.SMALL:
                    last[slots[arg.index]] = node.index
        for slot, index in last.items():
            if slot not in kept:
                self._dying.setdefault(index, []).append(slot)

    def _steps(self, nodes: list[Node], slots: list[int]) -> list[Step]:
        dying = self._dying
        return [
            step_of(node, slots[node.index], [slots[arg.index] for arg in node.args], tuple(dying.get(node.index, ())))
            for node in nodes
        ]

    def run(
        self, values: Mapping[Node, Array], jobs: int | None = None, into: Mapping[Node, Array] | None = None
    ) -> list[Array]:
        """The outputs' values, from those of the inputs and of what is given; the batch axis is the last.

        It runs on up to `jobs` threads, and the numbers are the same on any number of them; without it a batch on one,
        and a single point with large values on all cores. Outputs that differ from point to point are written to the
        arrays in `into`, where these are given.
        """
        memory, batch, moving = self.start(values)
        with np.errstate(all="ignore"):
            if not moving and not self._large:
                follow(self.steps, memory)
            elif moving:
                self.schedule(frozenset(moving)).run(memory, batch, jobs or 1, into or {})
            else:
                # One point with large values has buffers too: fresh memory costs more than the arithmetic.
                self.schedule(frozenset(), point=True).run(memory, 1, jobs or cores(), into or {})
        return [memory[slot] for slot in self.outputs]

    def start(self, values: Mapping[Node, Array]) -> tuple[list[Any], int, list[int]]:
        """What a run begins with: the memory, with inputs and constants in their slots; how many points there are; and
        the slots of the inputs that differ from point to point.
        """
        batch = 1
        moving = []
        memory: list[Any] = [None] * len(self.order)
        for node, slot in self.inputs:
            value = values[node]
            memory[slot] = value
            extent = value.shape[-1]
            if extent != 1:
                batch = extent
                moving.append(slot)
        if self._constant_steps is not None:
            with np.errstate(all="ignore"):
                self._settle_constants()
        for slot, constant in self._constants:
            memory[slot] = constant
        return memory, batch, moving

    def schedule(self, moving: frozenset[int], *, point: bool = False) -> Schedule:
        """How the plan runs when the inputs in these slots differ from point to point; or one `point` by itself."""
        found = self._schedules.get(moving)
        if found is None:
            from diffcli.evaluation.schedule import Schedule

            slots = frozenset(slot for _, slot in self.inputs) if point else moving
            found = Schedule(self.order, self.steps, self.outputs, slots, point=point)
            self._schedules[moving] = found
        return found

    def _settle_constants(self) -> None:
        """Computes what depends on no input, once for all runs."""
        memory: list[Any] = [None] * len(self.order)
        for slot, constant in self._constants:
            memory[slot] = constant
        steps = self._constant_steps or []
        follow(steps, memory)
        for value in memory:
            if value is not None:
                value.flags.writeable = False  # it serves all runs, and what is handed out may be written to
        wanted = set(self.outputs)
        for _, _, first, second, more, _ in self.steps:
            wanted.update(more[0] if more else (first, second))
        self._constants = [(slot, memory[slot]) for slot in sorted(wanted) if slot >= 0 and memory[slot] is not None]
        self._constant_steps = None


def lift(value: Array) -> Array:
    """A value as a batch of one point."""
    return np.asarray(value, dtype=np.float64)[..., np.newaxis]
