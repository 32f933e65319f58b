"""The buffers in which the blocks of a batch are computed, and the steps tied to them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from diffcli.evaluation import limits
from diffcli.evaluation.steps import Kernel
from diffcli.graph import Array, Node, Shape


class Layout(NamedTuple):
    """Which values of a batch share a buffer."""

    nodes: Sequence[Node]  # by slot
    sources: Sequence[int]  # slots that are filled from outside
    steps: Sequence[tuple[int, tuple[int, ...]]]  # slot and arguments of what is computed, in order
    buffers: Sequence[tuple[int, bool]]  # numbers a point, and whether they are booleans
    buffer: Mapping[int, int]  # by slot
    root: Sequence[int]  # by slot: the slot of the value that its value is a view of, or its own


class Bench:
    """A schedule's buffers for blocks of one size, and its steps, each tied to the buffers it works on.

    What is the same for all points is held here too, in copies that `set_up` renews for every run.
    """

    def __init__(self, layout: Layout, size: int, memory: list[Any]) -> None:
        self.size = size
        self.steps: list[Callable[[], Any]] = []
        self.values: dict[int, Array] = {}
        self._flat = [np.empty(n * size, dtype=bool if boolean else np.float64) for n, boolean in layout.buffers]
        self._spare: dict[tuple[int, int, bool], Array] = {}
        self._masked: dict[tuple[int, int, bool], int] = {}
        self._fixed: dict[int, Array] = {}
        self._repeated: list[tuple[Array, Array]] = []
        nodes = layout.nodes
        for slot in layout.sources:
            self.values[slot] = self._buffer(layout.buffer[slot], nodes[slot].shape)
        for slot, args in layout.steps:
            node = nodes[slot]
            operands = [self.values[arg] if arg in self.values else self._kept(arg, memory[arg], nodes) for arg in args]
            if layout.root[slot] == slot:
                self.values[slot] = self._buffer(layout.buffer[slot], node.shape)
                if node.op.apply is np.where:
                    zero = nodes[args[2]].constant and not operands[2].view(np.int64).any()
                    self._choose(args[0], operands, zero, self.values[slot])
                else:
                    self.steps.append(self._tied(node, operands, self.values[slot]))
            else:
                value = node.op.apply(*operands, *node.params)
                if not np.may_share_memory(value, operands[0]):  # a reshape of a transpose has to copy
                    self.steps.append(partial(_copied, node.op.apply, (*operands, *node.params), value))
                self.values[slot] = value

    def set_up(self, memory: list[Any]) -> None:
        """Takes over what a new run computed once for all points."""
        for slot, kept in self._fixed.items():
            np.copyto(kept, memory[slot])
        for repeated, kept in self._repeated:
            np.copyto(repeated, kept)

    def _buffer(self, number: int, shape: Shape) -> Array:
        return self._flat[number].reshape((*shape, self.size))

    def _kept(self, slot: int, value: Array, nodes: Sequence[Node]) -> Array:
        if nodes[slot].constant:
            return value
        if slot not in self._fixed:
            self._fixed[slot] = np.array(value)
        return self._fixed[slot]

    def _tied(self, node: Node, operands: list[Array], out: Array) -> Callable[[], Any]:
        op = node.op
        shorter = op.shorter(node) if op.shorter else None
        if shorter is not None:
            return partial(shorter, *operands, out=out)
        if op.kind == "elementwise" and not op.exact:
            operands = [self._whole(operand, out.shape, i) for i, operand in enumerate(operands)]
        if isinstance(op.apply, np.ufunc):
            # A single number as an array without axes, however often it is to be read: NumPy takes its short way then.
            operands = [_as_number(each) if _is_number(each, out.shape) else each for each in operands]
            if op.exact and out.size >= limits.LARGE:
                operands, out = self._lengthened(operands, out)
            return partial(op.apply, *operands, out=out)
        if op.writes:
            return partial(op.apply, *operands, *node.params, out=out)
        return partial(_copied, op.apply, (*operands, *node.params), out)

    def _lengthened(self, operands: list[Array], out: Array) -> tuple[list[Array], Array]:
        """The same operation in longer rows, where an operand repeats short ones: some repetitions are written out."""
        repeats = {axis for operand in operands for axis, step in enumerate(operand.strides) if not step}
        axis = max((axis for axis in repeats if out.shape[axis] > 1), default=-1)
        row = math.prod(out.shape[axis + 1 :])
        if axis < 0 or not 0 < row < limits.ROW or any(operand.shape not in ((), out.shape) for operand in operands):
            return operands, out
        extent = out.shape[axis]
        times = next(k for k in range(1, extent + 1) if extent % k == 0 and (k * row >= limits.ROW or k == extent))
        lead = out.shape[:axis]
        shape = (*lead, extent // times, times * row)
        longer = []
        for operand in operands:
            if operand.ndim and not operand.strides[axis]:
                one = operand[(*[slice(None)] * axis, slice(0, 1))]
                written = np.empty((*lead, times, *out.shape[axis + 1 :]))
                self.steps.append(partial(np.copyto, written, one))
                longer.append(written.reshape((*lead, 1, times * row)))
            else:
                longer.append(operand.reshape(shape) if operand.ndim else operand)
                if not np.may_share_memory(longer[-1], operand):
                    return operands, out
        return longer, out.reshape(shape)

    def _choose(self, condition: int, operands: list[Array], zero: bool, out: Array) -> None:
        """Steps for a branch, by bit masks (all ones where the condition holds): half the time of `numpy.where`,
        which has no ``out=``. Branches that follow each other share the mask of their condition.
        """
        chosen, a, b = operands
        key = (chosen.size, -1, False)
        if key not in self._spare:
            self._spare[key] = np.empty(chosen.size)
        mask = self._spare[key].view(np.int64).reshape(chosen.shape)
        if self._masked.get(key) != condition:
            self._masked[key] = condition
            self.steps.append(partial(np.negative, chosen.view(np.int8), out=mask))
        yes, no, bits = a.view(np.int64), b.view(np.int64), out.view(np.int64)
        if zero:  # and for good
            self.steps.append(partial(np.bitwise_and, yes, mask, out=bits))
        else:
            self.steps.append(partial(np.bitwise_xor, yes, no, out=bits))
            self.steps.append(partial(np.bitwise_and, bits, mask, out=bits))
            self.steps.append(partial(np.bitwise_xor, bits, no, out=bits))

    def _whole(self, operand: Array, shape: Shape, position: int) -> Array:
        """`operand` as one contiguous array of that shape. What moves and is not contiguous is copied before its use
        into a spare buffer; what is fixed is repeated.
        """
        if operand.shape == shape and operand.flags.c_contiguous:
            return operand
        if operand.shape[-1] != shape[-1]:
            repeated = np.array(np.broadcast_to(operand, shape), order="C")  # a copy even of nothing, to write to
            self._repeated.append((repeated, operand))
            return repeated
        count = math.prod(shape)
        key = (count, position, operand.dtype == bool)
        if key not in self._spare:
            self._spare[key] = np.empty(count, dtype=operand.dtype)
        spare = self._spare[key].reshape(shape)
        self.steps.append(partial(np.copyto, spare, operand))
        return spare


def _is_number(operand: Array, shape: Shape) -> bool:
    return not any(operand.strides) or operand.shape == (1,) != shape


def _as_number(operand: Array) -> Array:
    """One number, however often it is repeated, without its axes."""
    return np.lib.stride_tricks.as_strided(operand, (), ())


def _copied(apply: Kernel, args: tuple[Any, ...], out: Array) -> None:
    np.copyto(out, apply(*args))
