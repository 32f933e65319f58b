"""From a graph to numbers: NumPy, one step a node, in the graph's own order.

The batch is the last axis: a scalar is an array ``(B,)``, a vector ``(n, B)``, and what does not depend on the
batch has B = 1. A point alone and the same point in any batch give the same bits, because every operation
works element by element or sums in an order that the shape alone decides; so blocks and threads may cut a
batch anywhere.

One point runs through the steps as they are. A batch runs in blocks: what is the same for all points is computed
once, the rest in a *bench*, a set of buffers that fit a block, where every step is already tied to the buffers it
reads and writes. Each thread has a bench of its own; NumPy lets go of the interpreter while it computes.
"""

from __future__ import annotations

import math
import os
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import compress
from typing import Any

import numpy as np

from diffcli.graph import CONSTANT, INPUT, Array, Node, Shape, ancestors

#: How many bytes the buffers of one bench fill: a core's share of the last cache. (Blocks that fit the cache
#: before it are no faster on one thread, and on two they lose by handing the interpreter to each other.)
BENCH_BYTES = 1 << 22
MAX_BLOCK = 1 << 16
#: Benches up to this size are kept for the next run.
KEPT_BYTES = 1 << 26
#: So many numbers fill a line of the cache.
ALIGNED = 8
#: A thread is worth its start if a step of its blocks computes so many numbers.
NUMBERS_PER_CALL = 1 << 14
#: Values at least this large are worth a buffer even for a single point.
LARGE = 1 << 14
#: Rows of fewer numbers take NumPy longer than they need.
ROW = 64
#: Values no larger than this are not worth forgetting before the run is over.
SMALL = 16

_Kernel = Callable[..., Any]
#: Kernel, where its value goes, up to two arguments, or (all of them, parameters), and what is not used afterwards.
_Step = tuple[_Kernel, int, int, int, tuple[tuple[int, ...], tuple[Any, ...]] | None, tuple[int, ...]]


def _contiguous(ufunc: _Kernel) -> _Kernel:
    """`ufunc` on operands of one shape, row by row in memory: vectorised loops for other strides may round
    otherwise.
    """

    def apply(*args: object) -> Array:
        arrays = np.broadcast_arrays(*[a for a in args if isinstance(a, np.ndarray)])
        rest = [a for a in args if not isinstance(a, np.ndarray)]
        return ufunc(*[np.ascontiguousarray(a) for a in arrays], *rest)  # type: ignore[no-any-return]

    return apply


def _kernel(node: Node) -> _Kernel:
    op = node.op
    shorter = op.shorter(node) if op.shorter else None
    if shorter is not None:
        return shorter
    if op.exact or op.kind != "elementwise" or not node.shape:
        return op.apply
    return _contiguous(op.apply)


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
        self._constant_steps: list[_Step] | None = self._steps(constant, slots)
        self.steps = self._steps(steps, slots)
        self._schedules: dict[frozenset[int], Schedule] = {}
        self._large = bool(self.inputs) and any(node.size >= LARGE for node in steps)

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
                if not arg.constant and arg.size > SMALL:
                    last[slots[arg.index]] = node.index
        for slot, index in last.items():
            if slot not in kept:
                self._dying.setdefault(index, []).append(slot)

    def _steps(self, nodes: list[Node], slots: list[int]) -> list[_Step]:
        steps: list[_Step] = []
        dying = self._dying
        for node in nodes:
            index = node.index
            dead = tuple(dying[index]) if index in dying else ()
            args = node.args
            first = slots[args[0].index]
            if node.params or len(args) > 2:
                every = tuple([slots[arg.index] for arg in args])
                steps.append((_kernel(node), slots[index], first, first, (every, node.params), dead))
            else:
                second = slots[args[1].index] if len(args) == 2 else -1
                steps.append((_kernel(node), slots[index], first, second, None, dead))
        return steps

    def run(self, values: Mapping[Node, Array], jobs: int = 1, into: Mapping[Node, Array] | None = None) -> list[Array]:
        """The outputs' values, from those of the inputs and of what is given; the batch axis is the last.

        A batch runs on up to `jobs` threads; the numbers are the same on any number of them. Outputs that differ from
        point to point are written to the arrays in `into`, where these are given.
        """
        memory, batch, moving = self.start(values)
        with np.errstate(all="ignore"):
            if not moving and not self._large:
                _follow(self.steps, memory)
            else:
                # One point with large values is a batch of one: fresh memory costs more than the arithmetic.
                schedule = self.schedule(frozenset(moving or [slot for _, slot in self.inputs]))
                schedule.run(memory, batch, jobs, into or {})
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

    def schedule(self, moving: frozenset[int]) -> Schedule:
        """How the plan runs when the inputs in these slots differ from point to point."""
        found = self._schedules.get(moving)
        if found is None:
            found = self._schedules[moving] = Schedule(self, moving)
        return found

    def _settle_constants(self) -> None:
        """Computes what depends on no input, once for all runs."""
        memory: list[Any] = [None] * len(self.order)
        for slot, constant in self._constants:
            memory[slot] = constant
        steps = self._constant_steps or []
        _follow(steps, memory)
        for value in memory:
            if value is not None:
                value.flags.writeable = False  # it serves all runs, and what is handed out may be written to
        wanted = set(self.outputs)
        for _, _, first, second, more, _ in self.steps:
            wanted.update(more[0] if more else (first, second))
        self._constants = [(slot, memory[slot]) for slot in sorted(wanted) if slot >= 0 and memory[slot] is not None]
        self._constant_steps = None


def _follow(steps: Sequence[_Step], memory: list[Any]) -> None:
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


# Batches ----------------------------------------------------------------------------------------------------


class Schedule:
    """How a plan runs when the inputs in the slots `moving` differ from point to point.

    What depends on none of them is computed once a run (`fixed`). All else gets a buffer of a bench: a buffer is
    free again after the last use of its value and of every view of it, and the next value of its size takes it.
    """

    def __init__(self, plan: Plan, moving: frozenset[int]) -> None:
        self.nodes = plan.order
        self.sources = sorted(moving)
        moves = bytearray(len(plan.order))
        for slot in moving:
            moves[slot] = 1
        fixed: list[bool] = []
        self.steps: list[tuple[int, tuple[int, ...]]] = []  # of what moves: slot, arguments
        for step in plan.steps:
            slot, args = step[1], step[4][0] if step[4] else tuple(a for a in step[2:4] if a >= 0)
            if any(moves[arg] for arg in args):
                moves[slot] = 1
                self.steps.append((slot, args))
            fixed.append(not moves[slot])
        # A value that moving steps look at stays for as long as there are blocks.
        self.fixed = [(*step[:5], ()) for step in compress(plan.steps, fixed)]
        self._moves = moves
        self.work = sum(self.nodes[slot].size for slot, _ in self.steps)
        self.targets = [slot for slot in dict.fromkeys(plan.outputs) if moves[slot]]
        self._assign()
        self._lock = threading.Lock()
        self._benches: list[Bench] = []

    def _assign(self) -> None:
        """Gives every moving value a buffer: its number, or that of the value it is a view of."""
        nodes, moves = self.nodes, self._moves
        self.buffer: dict[int, int] = {}
        self.buffers: list[tuple[int, bool]] = []  # numbers a point, and whether they are booleans
        root = list(range(len(nodes)))
        for slot, args in self.steps:
            if nodes[slot].op.view and moves[args[0]]:
                root[slot] = root[args[0]]
        last: dict[int, int] = {}
        for slot, args in self.steps:
            for arg in args:
                last[root[arg]] = slot
        for slot in self.targets:
            last[root[slot]] = len(nodes)
        free: dict[tuple[int, bool], list[int]] = {}

        def take(slot: int) -> None:
            kind = (nodes[slot].size, nodes[slot].boolean)
            if free.get(kind):
                self.buffer[slot] = free[kind].pop()
            else:
                self.buffer[slot] = len(self.buffers)
                self.buffers.append(kind)

        for slot in self.sources:
            take(slot)  # filled before the first step, so no two share one
        for slot, args in self.steps:
            if root[slot] != slot:
                continue
            dead = dict.fromkeys(root[arg] for arg in args if moves[arg] and last[root[arg]] == slot)
            heir = self._heir(slot, args, root, dead)
            if heir is None:
                take(slot)
            else:
                self.buffer[slot] = self.buffer[heir]
            for each in dead:
                if each != heir:
                    free.setdefault(self.buffers[self.buffer[each]], []).append(self.buffer[each])
        self.width = sum(size for size, _ in self.buffers)
        self.root = root

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
        most = max(1, min(MAX_BLOCK, BENCH_BYTES // (8 * max(1, self.width))))
        threads = max(1, min(jobs, int(batch * mean / NUMBERS_PER_CALL)))
        if threads > 1 and most * mean < NUMBERS_PER_CALL:
            # Threads that hand the interpreter over at every short step lose more than smaller buffers gain.
            longer = min(int(NUMBERS_PER_CALL / mean), 4 * most)
            threads, most = (threads, longer) if 2 * longer * mean >= NUMBERS_PER_CALL else (1, most)
        blocks = max(-(-batch // most), min(threads, batch))
        blocks += -blocks % threads if batch >= blocks + threads else 0
        return -(-batch // blocks), min(threads, blocks)

    def run(self, memory: list[Any], batch: int, jobs: int, into: Mapping[Node, Array]) -> None:
        """Computes the moving outputs into `memory`, whose inputs and constants are there."""
        self.settle(memory)
        sources = [(slot, memory[slot]) for slot in self.sources]
        results = self.results(batch, into)
        size, threads = self.block(batch, jobs)
        # The last block ends where the batch ends, and so may begin inside the one before: the bits are the same.
        starts = [*range(0, batch - size, size), batch - size]
        in_threads(threads, lambda shared: self._work(shared, size, memory, sources, results), starts)
        for slot, result in results.items():
            memory[slot] = result

    def settle(self, memory: list[Any]) -> None:
        """Computes what is the same for all points."""
        _follow(self.fixed, memory)

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
            found = into.get(node)
            if found is not None:
                results[slot] = found
            elif node.boolean:
                results[slot] = np.empty((*node.shape, batch), dtype=bool)
            else:
                first, end = end, end + node.size * batch
                parts.append((slot, first, end))
                end += -end % ALIGNED
        if parts:
            memory = np.empty(end)
            for slot, first, last in parts:
                results[slot] = memory[first:last].reshape((*self.nodes[slot].shape, batch))
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
        if 8 * self.width * size <= KEPT_BYTES:
            with self._lock:
                self._benches.append(bench)
                del self._benches[: -2 * cores()]

    def _bench(self, size: int, memory: list[Any]) -> Bench:
        found = None
        with self._lock:
            for i, bench in enumerate(self._benches):
                if bench.size == size:
                    found = self._benches.pop(i)
                    break
        if found is None:
            found = Bench(self, size, memory)
        found.set_up(memory)
        return found


def in_threads(threads: int, work: Callable[[Iterator[int]], None], starts: Iterable[int]) -> None:
    """`work` on so many threads, this one among them, all drawing from `starts`; the first error is raised here."""
    shared = iter(starts)  # a thread takes from it in one step of the interpreter
    errors: list[BaseException] = []

    def guarded() -> None:
        try:
            work(shared)
        except BaseException as error:  # raised again in the caller's thread
            errors.append(error)
            deque(shared, maxlen=0)  # nothing is left to do for anybody

    others = [threading.Thread(target=guarded, daemon=True) for _ in range(threads - 1)]
    for thread in others:
        thread.start()
    guarded()
    for thread in others:
        thread.join()
    if errors:
        raise errors[0]


class Bench:
    """A schedule's buffers for blocks of one size, and its steps, each tied to the buffers it works on.

    What is the same for all points is held here too, in copies that `set_up` renews for every run.
    """

    def __init__(self, schedule: Schedule, size: int, memory: list[Any]) -> None:
        self.size = size
        self.steps: list[Callable[[], Any]] = []
        self.values: dict[int, Array] = {}
        self._flat = [np.empty(n * size, dtype=bool if boolean else np.float64) for n, boolean in schedule.buffers]
        self._spare: dict[tuple[int, int, bool], Array] = {}
        self._masked: dict[tuple[int, int, bool], int] = {}
        self._fixed: dict[int, Array] = {}
        self._repeated: list[tuple[Array, Array]] = []
        nodes = schedule.nodes
        for slot in schedule.sources:
            self.values[slot] = self._buffer(schedule.buffer[slot], nodes[slot].shape)
        for slot, args in schedule.steps:
            node = nodes[slot]
            operands = [self.values[arg] if arg in self.values else self._kept(arg, memory[arg], nodes) for arg in args]
            if schedule.root[slot] == slot:
                self.values[slot] = self._buffer(schedule.buffer[slot], node.shape)
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
            if op.exact and out.size >= LARGE:
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
        if axis < 0 or not 0 < row < ROW or any(operand.shape not in ((), out.shape) for operand in operands):
            return operands, out
        extent = out.shape[axis]
        times = next(k for k in range(1, extent + 1) if extent % k == 0 and (k * row >= ROW or k == extent))
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


def _copied(apply: _Kernel, args: tuple[Any, ...], out: Array) -> None:
    np.copyto(out, apply(*args))


def cores() -> int:
    """How many threads this process may run at once."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


def lift(value: Array) -> Array:
    """A value as a batch of one point."""
    return np.asarray(value, dtype=np.float64)[..., np.newaxis]
