"""How a batch runs, or one point with large values: which values share a buffer, how large a block is, and who
computes it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from itertools import compress
from typing import Any

import numpy as np

from diffcli.evaluation import limits
from diffcli.evaluation.bench import Bench, Layout
from diffcli.evaluation.stages import Stage, rows_in_memory, staged
from diffcli.evaluation.steps import Step, follow
from diffcli.evaluation.threads import cores, in_threads
from diffcli.graph import Array, Node

#: So many benches of a schedule wait for its next runs.
KEPT_BENCHES = 2 * cores()


class Schedule:
    """How a plan runs when the inputs in the slots `moving` differ from point to point.

    What depends on none of them is computed once a run (`fixed`). All else gets a buffer of a bench: a buffer is
    free again after the last use of its value and of every view of it, and the next value of its size takes it.

    With `point` it is for batches of one point with large values, whose rows are shared among threads (`stages`).
    """

    def __init__(
        self,
        nodes: Sequence[Node],
        steps: Sequence[Step],
        outputs: Sequence[int],
        moving: frozenset[int],
        *,
        point: bool = False,
    ) -> None:
        self.nodes = nodes
        self.sources = sorted(moving)
        moves = bytearray(len(nodes))
        for slot in moving:
            moves[slot] = 1
        fixed: list[bool] = []
        self.steps: list[tuple[int, tuple[int, ...]]] = []  # of what moves: slot, arguments
        for step in steps:
            slot, args = step[1], step[4][0] if step[4] else tuple(a for a in step[2:4] if a >= 0)
            if any(moves[arg] for arg in args):
                moves[slot] = 1
                self.steps.append((slot, args))
            fixed.append(not moves[slot])
        # A value that moving steps look at stays for as long as there are blocks.
        self.fixed = [(*step[:5], ()) for step in compress(steps, fixed)]
        self._moves = moves
        self.work = sum(self.nodes[slot].size for slot, _ in self.steps)
        self.targets = [slot for slot in dict.fromkeys(outputs) if moves[slot]]
        self._root = self._roots()
        self._rows = rows_in_memory(nodes, self.steps, self._root) if point else []
        self.stages = staged(nodes, self.steps, self._root, self._rows) if point else [Stage(0, self.steps)]
        self.layout = self._laid_out()
        self.width = sum(size for size, _ in self.layout.buffers)  # numbers a point
        self._lock = threading.Lock()
        self._benches: list[Bench] = []

    def _roots(self) -> list[int]:
        """By slot: the slot of the value that its value is a view of, or its own."""
        root = list(range(len(self.nodes)))
        for slot, args in self.steps:
            if self.nodes[slot].op.view and self._moves[args[0]]:
                root[slot] = root[args[0]]
        return root

    def _held(self, stage: Stage) -> set[int]:
        """The values whose buffers are not free before a stage's end: some of its parts may still have to read them
        where others have gone on, for what they read are not the rows that they compute.
        """
        nodes, root, rows = self.nodes, self._root, stage.rows
        if not rows:
            return set()
        read = {arg for slot, args in stage.steps if root[slot] == slot for arg in args}
        return {root[arg] for arg in read if self._rows[arg] != rows or nodes[root[arg]].shape[:1] != (rows,)}

    def _laid_out(self) -> Layout:
        """Every moving value's buffer: its number, or that of the value it is a view of."""
        nodes, moves, root = self.nodes, self._moves, self._root
        buffer: dict[int, int] = {}
        buffers: list[tuple[int, bool]] = []
        last: dict[int, int] = {}
        for stage in self.stages:
            for slot, args in stage.steps:
                for arg in args:
                    last[root[arg]] = slot
        for slot in self.targets:
            last[root[slot]] = len(nodes)
        free: dict[tuple[int, bool], list[int]] = {}

        def take(slot: int) -> None:
            kind = (nodes[slot].size, nodes[slot].boolean)
            if free.get(kind):
                buffer[slot] = free[kind].pop()
            else:
                buffer[slot] = len(buffers)
                buffers.append(kind)

        def give(slot: int) -> None:
            free.setdefault(buffers[buffer[slot]], []).append(buffer[slot])

        for slot in self.sources:
            take(slot)  # filled before the first step, so no two share one
        for stage in self.stages:
            held, late = self._held(stage), []
            for slot, args in stage.steps:
                if root[slot] != slot:
                    continue
                dead = dict.fromkeys(root[arg] for arg in args if moves[arg] and last[root[arg]] == slot)
                heir = self._heir(slot, args, root, dead.keys() - held)
                if heir is None:
                    take(slot)
                else:
                    buffer[slot] = buffer[heir]
                for each in dead:
                    if each in held:
                        late.append(each)
                    elif each != heir:
                        give(each)
            for each in late:
                give(each)
        return Layout(nodes, self.sources, self.stages, buffers, buffer, root)

    def _heir(self, slot: int, args: tuple[int, ...], root: list[int], dead: Collection[int]) -> int | None:
        """The argument whose buffer the result may overwrite: an exact ufunc may work in place, element by element,
        where no other argument looks at the same memory otherwise. (Inexact ones have other loops for it.)
        """
        nodes, every = self.nodes, args
        node = nodes[slot]
        if node.op.apply is np.where:
            args = args[1:2]
        elif not (node.op.exact and isinstance(node.op.apply, np.ufunc)):
            return None
        for arg in args:
            if arg in dead and root[arg] == arg and nodes[arg].shape == node.shape:
                same = [other for other in every if root[other] == arg]
                if nodes[arg].boolean == node.boolean and all(other == arg for other in same):
                    return arg
        return None

    def block(self, batch: int, jobs: int) -> tuple[int, int]:
        """How many points a block has, and how many threads are worth their while."""
        mean = max(1.0, self.work / max(1, len(self.steps)))  # numbers a step computes at a point
        most = max(1, min(limits.MAX_BLOCK, limits.BENCH_BYTES // (8 * max(1, self.width))))
        threads = max(1, min(jobs, int(batch * mean / limits.NUMBERS_PER_CALL)))
        if threads > 1 and most * mean < limits.NUMBERS_PER_CALL:
            # Threads that hand the interpreter over at every short step lose more than smaller buffers gain.
            longer = min(int(limits.NUMBERS_PER_CALL / mean), 4 * most)
            threads, most = (threads, longer) if 2 * longer * mean >= limits.NUMBERS_PER_CALL else (1, most)
        blocks = max(-(-batch // most), min(threads, batch))
        blocks += -blocks % threads if batch >= blocks + threads else 0
        return -(-batch // blocks), min(threads, blocks)

    def run(self, memory: list[Any], batch: int, jobs: int, into: Mapping[Node, Array]) -> None:
        """Computes the moving outputs into `memory`, whose inputs and constants are there."""
        self.settle(memory)
        sources = [(slot, memory[slot]) for slot in self.sources]
        results = self.results(batch, into)
        if batch == 1:
            self._run_point(memory, jobs, sources, results)
        else:
            self._run_blocks(memory, batch, jobs, sources, results)
        for slot, result in results.items():
            memory[slot] = result

    def _run_point(
        self, memory: list[Any], jobs: int, sources: list[tuple[int, Array]], results: dict[int, Array]
    ) -> None:
        """One point: stage after stage, the parts of each on several threads."""
        bench = self._bench(1, memory, cores())
        for slot, value in sources:
            np.copyto(bench.values[slot], value)
        for parts in bench.stages:
            work = partial(_take, parts)
            in_threads(min(jobs, len(parts)), work, range(len(parts)))
        for slot, result in results.items():
            np.copyto(result, bench.values[slot])
        self._put_back(bench)

    def _run_blocks(
        self, memory: list[Any], batch: int, jobs: int, sources: list[tuple[int, Array]], results: dict[int, Array]
    ) -> None:
        """A batch: block after block, several threads at them."""
        size, threads = self.block(batch, jobs)
        # The last block ends where the batch ends, and so may begin inside the one before: the bits are the same.
        starts = [*range(0, batch - size, size), batch - size]
        in_threads(threads, lambda shared: self._work(shared, size, memory, sources, results), starts)

    def settle(self, memory: list[Any]) -> None:
        """Computes what is the same for all points."""
        follow(self.fixed, memory)

    def results(self, batch: int, into: Mapping[Node, Array]) -> dict[int, Array]:
        """The arrays for the moving outputs, by slot: those of `into`, or parts of a new one.

        One and not many, because the C library then keeps its memory for the next run; giving back many at once, it
        returns the memory to the system, and to get it anew costs more than most formulas.
        """
        results = {}
        parts: list[tuple[int, int, int]] = []
        end = 0
        for slot in self.targets:
            node = self.nodes[slot]
            if node in into:
                results[slot] = into[node]
            elif node.boolean:
                results[slot] = np.empty((*node.shape, batch), dtype=bool)
            else:
                first, end = end, end + (node.size * batch if node.shape else batch)
                parts.append((slot, first, end))
                end += -end % limits.ALIGNED
        if parts:
            memory = np.empty(end)
            for slot, first, last in parts:
                part, shape = memory[first:last], self.nodes[slot].shape
                results[slot] = part.reshape((*shape, batch)) if shape else part
        return results

    def _work(
        self,
        starts: Iterator[int],
        size: int,
        memory: list[Any],
        sources: list[tuple[int, Array]],
        results: dict[int, Array],
    ) -> None:
        with np.errstate(all="ignore"):
            bench = self._bench(size, memory)
            ins = [(bench.values[slot], value) for slot, value in sources]
            outs = [(bench.values[slot], result) for slot, result in results.items()]
            steps, copy = bench.steps, np.copyto
            for start in starts:
                end = start + size
                for place, value in ins:
                    copy(place, value[..., start:end])
                for step in steps:
                    step()
                for place, result in outs:
                    copy(result[..., start:end], place)
        self._put_back(bench)

    def _put_back(self, bench: Bench) -> None:
        """Keeps a bench for the next run, unless it is very large."""
        if 8 * self.width * bench.size <= limits.KEPT_BYTES:
            with self._lock:
                self._benches.append(bench)
                del self._benches[:-KEPT_BENCHES]

    def _bench(self, size: int, memory: list[Any], parts: int = 1) -> Bench:
        found = None
        with self._lock:
            for i, bench in enumerate(self._benches):
                if bench.size == size:
                    found = self._benches.pop(i)
                    break
        if found is None:
            found = Bench(self.layout, size, memory, parts)
        found.set_up(memory)
        return found


def _take(parts: Sequence[Sequence[Callable[[], Any]]], numbers: Iterator[int]) -> None:
    """The steps of those parts of a stage whose numbers come along."""
    with np.errstate(all="ignore"):
        for number in numbers:
            for step in parts[number]:
                step()
