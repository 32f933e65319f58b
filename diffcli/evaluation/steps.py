"""The steps of a plan: a kernel, the slots it reads, and the slot it fills."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffcli.graph import Array, Node

Kernel = Callable[..., Any]
#: Kernel, where its value goes, up to two arguments, or (all of them, parameters), and what is not used afterwards.
Step = tuple[Kernel, int, int, int, tuple[tuple[int, ...], tuple[Any, ...]] | None, tuple[int, ...]]


def _contiguous(ufunc: Kernel) -> Kernel:
    """`ufunc` on operands of one shape, row by row in memory: vectorised loops for other strides may round
    otherwise.
    """

    def apply(*args: object) -> Array:
        arrays = np.broadcast_arrays(*[a for a in args if isinstance(a, np.ndarray)])
        rest = [a for a in args if not isinstance(a, np.ndarray)]
        return ufunc(*[np.ascontiguousarray(a) for a in arrays], *rest)  # type: ignore[no-any-return]

    return apply


def kernel_of(node: Node) -> Kernel:
    """What computes a node at one point: the table's, or a shorter way that gives the same bits as a batch."""
    op = node.op
    shorter = op.shorter(node) if op.shorter else None
    if shorter is not None:
        return shorter
    if op.exact or op.kind != "elementwise" or not node.shape:
        return op.apply
    return _contiguous(op.apply)


def step_of(node: Node, slot: int, args: Sequence[int], dead: tuple[int, ...] = ()) -> Step:
    """The step that computes a node of what is in the slots `args`."""
    first = args[0]
    if node.params or len(args) > 2:
        return kernel_of(node), slot, first, first, (tuple(args), node.params), dead
    return kernel_of(node), slot, first, args[1] if len(args) == 2 else -1, None, dead


def follow(steps: Sequence[Step], memory: list[Any]) -> None:
    """Takes the steps in order: each puts its value into its slot of the memory and drops what was used last by it."""
    for kernel, slot, first, second, more, dead in steps:
        if more is not None:
            memory[slot] = kernel(*[memory[arg] for arg in more[0]], *more[1])
        elif second < 0:
            memory[slot] = kernel(memory[first])
        else:
            memory[slot] = kernel(memory[first], memory[second])
        if dead:
            for arg in dead:
                memory[arg] = None
