"""Work shared among threads: NumPy lets go of the interpreter while it computes."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator


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


def cores() -> int:
    """How many threads this process may run at once."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1
