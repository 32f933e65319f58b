"""Timing that can be trusted: alternating runs in one process or of whole commands, medians, and paired ratios."""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection


@dataclass
class Table:
    """One table of results; `notes` say what was left out and why."""

    title: str
    columns: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def markdown(self) -> str:
        """The table as Markdown."""
        lines = [f"### {self.title}", "", "| " + " | ".join(self.columns) + " |", "|" + "---|" * len(self.columns)]
        lines += ["| " + " | ".join(row) + " |" for row in self.rows]
        lines += ["", *(f"- {note}" for note in self.notes)] if self.notes else []
        return "\n".join(lines)


def machine() -> str:
    """What this ran on, in a line."""
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def installed(*modules: str) -> bool:
    """Whether a peer can be imported; nothing is imported to find out."""
    return all(importlib.util.find_spec(module) is not None for module in modules)


def busy() -> bool:
    """Whether other work takes so much of this machine that the time on the wall says little."""
    return hasattr(os, "getloadavg") and os.getloadavg()[0] > 0.5 * (os.cpu_count() or 1)


def once(work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds that one call takes, by `clock`."""
    start = clock()
    work()
    return clock() - start


def alternate(
    works: Mapping[str, Callable[[], object]],
    rounds: int = 7,
    warm_up: int = 1,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Seconds of each work in every round. The works take turns, so that a drift of the machine's speed hits all."""
    for _ in range(warm_up):
        for work in works.values():
            work()
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            times[name].append(once(work, clock))
    return times


def alternate_apart(
    makers: Mapping[str, Callable[[], Callable[[], object]]], rounds: int = 7, warm_up: int = 3
) -> dict[str, list[float]]:
    """Like `alternate`, each work made and run in a process of its own, where the threads and the memory of the others
    are not in its way. The makers are functions of a module (or `partial` of such), so that they can be sent there.
    """
    pairs = {}
    context = multiprocessing.get_context("spawn")
    for name, maker in makers.items():
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, maker, warm_up), daemon=True)
        process.start()
        pairs[name] = (ours, process)
    times: dict[str, list[float]] = {name: [] for name in makers}
    for ours, _ in pairs.values():
        ours.recv()  # it is warm
    for _ in range(rounds):
        for name, (ours, _) in pairs.items():
            time.sleep(0.02)  # threads that wait in a loop for more work give up
            ours.send(True)
            times[name].append(ours.recv())
    for ours, process in pairs.values():
        ours.send(False)
        process.join()
    return times


def _serve(line: Connection, maker: Callable[[], Callable[[], object]], warm_up: int) -> None:
    work = maker()
    for _ in range(warm_up):
        work()
    line.send(0.0)
    while line.recv():
        work()  # what the others threw out of the cache comes back
        line.send(once(work))


def ratio(times: Mapping[str, Sequence[float]], of: str, to: str) -> float:
    """The median of the paired ratios of two works that took turns."""
    return statistics.median(a / b for a, b in zip(times[of], times[to], strict=True))


def command(*words: str) -> Callable[[], object]:
    """A whole command as a work: a fresh process, its output read and dropped."""
    return lambda: subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def seconds(value: float) -> str:
    """A time that people can read."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value / 1e-9:.3g} ns"
