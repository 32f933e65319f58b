"""Steps tied to the memory they work on: each a call that has its operands and the place of its value already."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

import numpy as np

from diffcli.evaluation import limits
from diffcli.evaluation.steps import Kernel
from diffcli.graph import Array, Node, Shape


class Tied:
    """Steps in order, each a call without arguments, and the spare memory that they need besides their values."""

    def __init__(self) -> None:
        self.steps: list[Callable[[], Any]] = []
        #: What is the same for all points and is read in whole rows: the repeated copy, and what it repeats.
        self.repeated: list[tuple[Array, Array]] = []
        self._spare: dict[tuple[int, int, bool], Array] = {}
        self._masked: dict[int, int] = {}  # by size: the condition whose mask is there

    def add(self, node: Node, operands: list[Array], params: tuple[Any, ...], out: Array) -> None:
        """One more step: the value of `node` from those of its arguments, into `out`."""
        if node.op.apply is np.where:
            zero = node.args[2].constant and not operands[2].view(np.int64).any()
            self._choose(node.args[0].index, operands, zero, out)
        elif node.op.additions is not None and all(each.flags.c_contiguous for each in operands):
            # (What is repeated in place would be copied for its new shape, here and now, before it has a value.)
            adding = node.op.additions(*operands, *params, out, self._rooms())
            self.steps += [partial(np.add, a, b, place) for a, b, place in adding]
        else:
            self.steps.append(self._call(node, operands, params, out))

    def copied(self, apply: Kernel, args: tuple[Any, ...], out: Array) -> None:
        """One more step: what `apply` makes anew is copied into `out`."""
        self.steps.append(partial(_copied, apply, args, out))

    def _call(self, node: Node, operands: list[Array], params: tuple[Any, ...], out: Array) -> Callable[[], Any]:
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
            # By position where NumPy allows it: to read a name takes it a third of a short call.
            if op.apply in (np.maximum, np.minimum):
                return partial(op.apply, *operands, out=out)
            return partial(op.apply, *operands, out)
        if op.writes:
            return partial(op.apply, *operands, *params, out=out)
        return partial(_copied, op.apply, (*operands, *params), out)

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
        mask = self._spared(chosen.size, -1).view(np.int64).reshape(chosen.shape)
        if self._masked.get(chosen.size) != condition:
            self._masked[chosen.size] = condition
            self.steps.append(partial(np.negative, chosen.view(np.int8), mask))
        yes, no, bits = a.view(np.int64), b.view(np.int64), out.view(np.int64)
        if zero:  # and for good
            self.steps.append(partial(np.bitwise_and, yes, mask, bits))
        else:
            self.steps.append(partial(np.bitwise_xor, yes, no, bits))
            self.steps.append(partial(np.bitwise_and, bits, mask, bits))
            self.steps.append(partial(np.bitwise_xor, bits, no, bits))

    def _rooms(self) -> Callable[[Shape], Array]:
        """Gives one spare array after the other, for what is on the way to a value."""
        numbers = count(-2, -1)

        def room(shape: Shape) -> Array:
            return self._spared(math.prod(shape), next(numbers)).reshape(shape)

        return room

    def _spared(self, size: int, use: int, boolean: bool = False) -> Array:
        """Spare memory for a use: where it is read by an operand's position, else by a negative number."""
        key = (size, use, boolean)
        if key not in self._spare:
            self._spare[key] = np.empty(size, dtype=bool if boolean else np.float64)
        return self._spare[key]

    def _whole(self, operand: Array, shape: Shape, position: int) -> Array:
        """`operand` as one contiguous array of that shape. What moves and is not contiguous is copied before its use
        into a spare buffer; what is fixed is repeated.
        """
        if operand.shape == shape and operand.flags.c_contiguous:
            return operand
        if operand.shape[-1] != shape[-1]:
            repeated = np.array(np.broadcast_to(operand, shape), order="C")  # a copy even of nothing, to write to
            self.repeated.append((repeated, operand))
            return repeated
        spare = self._spared(math.prod(shape), position, operand.dtype == bool).reshape(shape)
        self.steps.append(partial(np.copyto, spare, operand))
        return spare


def _is_number(operand: Array, shape: Shape) -> bool:
    return not any(operand.strides) or operand.shape == (1,) != shape


def _as_number(operand: Array) -> Array:
    """One number, however often it is repeated, without its axes."""
    return np.lib.stride_tricks.as_strided(operand, (), ())


def _copied(apply: Kernel, args: tuple[Any, ...], out: Array) -> None:
    np.copyto(out, apply(*args))
