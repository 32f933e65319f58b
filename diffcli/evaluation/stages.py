"""One point with large values: what several threads may compute at once.

Many steps keep to the rows of their values, a row being what stands at one place of the first axis: whatever works
element by element, sums along other axes, products of stacks of matrices. Such steps may follow each other in one part
of the rows while others do the same in another part. A *stage* is a run of them, of as many rows each, or of steps that
are taken whole. Where the rows are cut changes no bit, for a row is computed as it would be without the others.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, NamedTuple

from diffcli.evaluation import limits
from diffcli.graph import Node
from diffcli.primitives.structure import reshape, sum_

#: The slot that a step fills, and those it reads.
Reads = tuple[int, tuple[int, ...]]
#: In `rows_in_memory`: a view that may have to copy.
COPY = -1


class Stage(NamedTuple):
    """Steps in order. With `rows`, all their values have so many, and keep to them; with 0 they are taken whole."""

    rows: int
    steps: list[Reads]

    def parts(self, nodes: Sequence[Node], most: int) -> int:
        """Into how many parts, up to `most`, to cut the rows, so that each is worth a thread's while."""
        if not self.rows:
            return 1
        work = sum(_largest(nodes, slot, args) for slot, args in self.steps)
        return max(1, min(most, self.rows, work // limits.WORTH_A_PART))


def rows_in_memory(nodes: Sequence[Node], steps: Sequence[Reads], root: Sequence[int]) -> list[int]:
    """How many rows the value of each slot has, where they are the rows of `root`, the value it is a view of; else 0,
    and `COPY` for a view that may have to copy.
    """
    found = [node.shape[0] if node.shape else 0 for node in nodes]
    straight = [True] * len(nodes)  # row by row in memory
    for slot, args in steps:
        node = nodes[slot]
        if root[slot] != slot:
            straight[slot] = straight[args[0]] and node.op is reshape
            if node.op is reshape and not straight[slot]:
                found[slot] = COPY
            elif found[args[0]] <= 0 or not keeps_rows(node):
                found[slot] = 0
    return found


def keeps_rows(node: Node) -> bool:
    """Whether each row of a node's value comes from the same row of each argument alone."""
    rule, rows = node.op.keeps_rows, node.shape[:1]
    return rule is not None and rows > (1,) and all(arg.shape[:1] == rows for arg in node.args) and rule(node)


def params_for(node: Node, rows: int) -> tuple[Any, ...]:
    """The parameters of a step for so many of its rows: a sum is told the shape of what it gives."""
    return ((rows, *node.shape[1:]),) if node.op is sum_ else node.params


def staged(nodes: Sequence[Node], steps: Sequence[Reads], root: Sequence[int], in_memory: Sequence[int]) -> list[Stage]:
    """The steps in stages, each step after those it reads.

    What is large goes into the last stage that can take it, near to where it is used; what is small into the first, so
    that it stands between no two others.
    """
    found = _Stages()
    place: dict[int, int] = {}  # in which stage a slot's value is computed
    for slot, args in steps:
        before = [(place.get(arg, -1), in_memory[arg]) for arg in args]
        if root[slot] != slot and in_memory[slot] != COPY:
            place[slot] = max(0, before[0][0])  # a view is at hand where its root is
        else:
            large = _largest(nodes, slot, args) >= limits.LARGE
            rows = nodes[slot].shape[0] if root[slot] == slot and keeps_rows(nodes[slot]) else 0
            place[slot] = found.place(rows, before, large=large)
        found.stages[place[slot]].steps.append((slot, args))
    return [stage for stage in found.stages if stage.steps]


def _largest(nodes: Sequence[Node], slot: int, args: tuple[int, ...]) -> int:
    return max(nodes[each].size for each in (slot, *args))


class _Stages:
    """Stages as they grow."""

    def __init__(self) -> None:
        self.stages = [Stage(0, [])]
        self._by_rows: dict[int, list[int]] = {0: [0]}

    def place(self, rows: int, before: list[tuple[int, int]], *, large: bool) -> int:
        """The stage for a step with so many rows to keep to (0: none), whose arguments are computed `before`: each in
        which stage (−1: it is there from the start), and how many rows of memory are its own.
        """
        if rows:
            first, follows = self._first(rows, before)
            if large or follows:
                return self._taking(rows, first, last=large)
        return self._taking(0, self._first(0, before)[0], last=large)

    def _first(self, rows: int, before: list[tuple[int, int]]) -> tuple[int, bool]:
        """The first stage that a step could be in, and whether there it would follow on an argument."""
        joined = [k >= 0 and self.stages[k].rows == rows and rows in (0, own) for k, own in before]
        first = max((k if joins else k + 1 for (k, _), joins in zip(before, joined, strict=True)), default=0)
        return first, any(joins and k == first for (k, _), joins in zip(before, joined, strict=True))

    def _taking(self, rows: int, first: int, *, last: bool) -> int:
        """The last stage, or the next, of so many rows that is not before `first`; a new one if there is none."""
        known = self._by_rows.setdefault(rows, [])
        if not known or known[-1] < first:
            known.append(len(self.stages))
            self.stages.append(Stage(rows, []))
        return known[-1] if last else known[bisect_left(known, first)]
