"""Kernels made and run: LLVM through llvmlite, on all cores."""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from diffcli.compiled.kernel import Source, source_of
from diffcli.compiled.vectors import LANES, CannotCompileError
from diffcli.compiled.watched import begun, record
from diffcli.errors import UsageError
from diffcli.evaluation import Plan, in_threads
from diffcli.evaluation.extremes import Extremes, places
from diffcli.graph import Array, Node

if TYPE_CHECKING:
    from types import ModuleType

#: How many points a thread takes at a time.
BLOCK = 1 << 14
#: A thread is worth its start for so many instructions, times points.
WORTH_A_THREAD = 1 << 20

_Run = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 2, *[ctypes.c_void_p] * 4)
_Watching = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 2, *[ctypes.c_void_p] * 5, *[ctypes.c_int64] * 2)
_lock = threading.Lock()
#: By plan, by what moves and how it lies in memory: the kernel, or why there is none.
_kernels: WeakKeyDictionary[Plan, dict[Any, Kernel | str]] = WeakKeyDictionary()


def compiler() -> ModuleType:
    """LLVM; a `UsageError` says how to get it."""
    try:
        import llvmlite.binding as llvm
    except ImportError:
        raise UsageError(
            "compiling a formula needs llvmlite, which is not installed",
            hint="pip install 'diffcli[jit]', or leave jit out",
            code="missing-package",
        ) from None
    module: ModuleType = llvm
    return module


class Kernel:
    """The machine code of a graph."""

    def __init__(self, source: Source) -> None:
        llvm = compiler()
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        features = llvm.get_host_cpu_features().flatten()
        target = llvm.Target.from_default_triple()
        machine = target.create_target_machine(cpu=llvm.get_host_cpu_name(), features=features, opt=2)
        for name in source.library:
            llvm.add_symbol(f"diffcli.{name}", _address(name))
        module = llvm.parse_assembly(source.text)
        module.triple = target.triple
        tuning = llvm.create_pipeline_tuning_options(speed_level=2)
        passes = llvm.create_pass_builder(machine, tuning)
        passes.getModulePassManager().run(module, passes)
        self._engine = llvm.create_mcjit_compiler(module, machine)  # owns the code
        self._engine.finalize_object()
        self.run = _Run(self._engine.get_function_address("kernel"))
        self.watching = _Watching(self._engine.get_function_address("watching"))
        self.source = source


def _address(name: str) -> int:
    """Where a function of the C library is."""
    library = ctypes.CDLL("ucrtbase" if sys.platform == "win32" else None)
    address = ctypes.cast(getattr(library, name), ctypes.c_void_p).value
    assert address is not None
    return address


def run(
    plan: Plan,
    values: Mapping[Node, Array],
    jobs: int,
    into: Mapping[Node, Array] | None = None,
    moving: Collection[Node] = (),
    extremes: Extremes | None = None,
) -> list[Array]:
    """What `Plan.run` does, compiled; in NumPy, where the graph allows nothing else.

    The inputs in `moving` differ from point to point, even if there is only one. What is seen of them and of the
    results goes into `extremes`.
    """
    apart = [(node, slot) for node, slot in plan.inputs if node in moving or values[node].shape[-1] != 1]
    batch = max((values[node].shape[-1] for node, _ in apart), default=LANES)
    if batch < LANES:
        return _few(plan, values, jobs, into or {}, [node for node, _ in apart])
    memory, _, _ = plan.start(values)
    slots = frozenset(slot for _, slot in apart)
    schedule = plan.schedule(slots)
    with np.errstate(all="ignore"):
        schedule.settle(memory)
    sources = [memory[slot] for slot in schedule.sources]
    strided = tuple(source.strides[-1] != source.itemsize for source in sources)
    kernel = _kernel(plan, slots, strided, memory)
    if not schedule.targets or isinstance(kernel, str):
        return plan.run(values, jobs, into)
    results = schedule.results(batch, into or {})
    pointers, steps = _pointers(sources)
    written = [results[slot] for slot in schedule.targets]
    targets, _ = _pointers(written)
    fixed = [np.ravel(memory[slot]).astype(np.float64) for slot in kernel.source.still]
    still = np.concatenate(fixed) if fixed else np.zeros(1)
    arguments = [array.__array_interface__["data"][0] for array in (pointers, steps, targets, still)]
    threads = max(1, min(jobs, batch * kernel.source.length // WORTH_A_THREAD))
    # Blocks enough that no thread waits long for the last one.
    size = min(BLOCK, max(LANES, -(-batch // (4 * threads))))
    blocks = range(0, batch, size)
    read = sources if extremes is not None and extremes.read else []
    width = len(pointers) if read else 0, len(targets)
    seen = begun(0 if extremes is None else len(blocks), *width)

    def work(shared: Iterator[int]) -> None:
        for first in shared:
            # The last block ends where the batch ends, and may begin inside the one before: the bits are the same.
            block = min(first, batch - LANES), min(first + size, batch)
            if extremes is None:
                kernel.run(*block, *arguments)
            else:
                here = seen[first // size].__array_interface__["data"][0]
                kernel.watching(*block, *arguments, here, *width)

    in_threads(threads, work, blocks)
    if extremes is not None:
        record(extremes, size, seen, read, written)
    for slot, result in results.items():
        memory[slot] = result
    return [memory[slot] for slot in plan.outputs]


def _few(
    plan: Plan, values: Mapping[Node, Array], jobs: int, into: Mapping[Node, Array], moving: Sequence[Node]
) -> list[Array]:
    """Fewer points than are computed at a time: the last stands for those that are missing."""
    count = max(values[node].shape[-1] for node in moving)
    missing = LANES - count
    filled = {node: np.concatenate([values[node], *[values[node][..., -1:]] * missing], axis=-1) for node in moving}
    found = run(plan, {**values, **filled}, jobs)
    results = [array if array.shape[-1] == 1 else np.ascontiguousarray(array[..., :count]) for array in found]
    for slot, result in zip(plan.outputs, results, strict=True):
        node = plan.order[slot]
        if node in into:
            np.copyto(into[node], result)
    return results


def why_not(plan: Plan) -> str | None:
    """What kept a plan that has been run from being compiled."""
    reasons = [found for found in _kernels.get(plan, {}).values() if isinstance(found, str)]
    return reasons[0] if reasons else None


def _kernel(plan: Plan, moving: frozenset[int], strided: tuple[bool, ...], memory: list[Any]) -> Kernel | str:
    key = (moving, strided)
    with _lock:
        known = _kernels.setdefault(plan, {})
        if key not in known:
            try:
                known[key] = Kernel(source_of(plan.schedule(moving), memory, strided))
            except CannotCompileError as error:
                known[key] = str(error)
        return known[key]


def _pointers(arrays: Iterable[Array]) -> tuple[Array, Array]:
    """Where the points of every element of the arrays begin, and how far they lie apart in bytes."""
    pointers, steps = zip(*[place for array in arrays for place in places(array)], strict=True)
    return np.array(pointers, dtype=np.int64), np.array(steps, dtype=np.int64)
