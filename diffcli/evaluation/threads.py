"""Work shared among threads: NumPy lets go of the interpreter while it computes."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from queue import SimpleQueue


def in_threads(threads: int, work: Callable[[Iterator[int]], None], starts: Iterable[int]) -> None:
    """`work` on up to so many threads, this one among them, all drawing from `starts`; the first error is raised
    here.
    """
    shared = iter(starts)  # a thread takes from it in one step of the interpreter
    errors: list[BaseException] = []

    def guarded() -> None:
        try:
            work(shared)
        except BaseException as error:  # raised again in the caller's thread
            errors.append(error)
            deque(shared, maxlen=0)  # nothing is left to do for anybody

    lent = _helpers.lend(guarded, threads - 1) if threads > 1 else []
    guarded()
    for share in lent:
        share.end()
    if errors:
        raise errors[0]


class _Share:
    """A helper's share in some work; it is dropped if the work is done before the helper has begun."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._begun = threading.Lock()
        self._ended = threading.Lock()
        self._ended.acquire()

    def take(self) -> None:
        """The share, unless it was dropped."""
        if self._begun.acquire(blocking=False):
            self._work()
            self._ended.release()

    def end(self) -> None:
        """Drops the share, or waits for its end."""
        if not self._begun.acquire(blocking=False):
            self._ended.acquire()


class _Helpers:
    """Threads that wait for work. To wake one takes a third of the time of starting one, and short runs are many."""

    def __init__(self) -> None:
        self._count = 0
        self._lock = threading.Lock()
        self._shares: SimpleQueue[_Share] | None = None

    def lend(self, work: Callable[[], None], count: int) -> list[_Share]:
        """Shares in `work` for up to so many helpers."""
        shares = [_Share(work) for _ in range(count)]
        with self._lock:
            if self._shares is None:
                from queue import SimpleQueue

                self._shares = SimpleQueue()
            while self._count < count:
                self._count += 1
                name = f"diffcli-helper-{self._count}"
                threading.Thread(target=_help, args=(self._shares,), name=name, daemon=True).start()
        for share in shares:
            self._shares.put(share)
        return shares


def _help(shares: SimpleQueue[_Share]) -> None:
    while True:
        share = shares.get()
        share.take()
        del share  # what it works on may be large


_helpers = _Helpers()


def _none_came_along() -> None:
    """A process that was forked has none of its parent's threads."""
    global _helpers
    _helpers = _Helpers()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_none_came_along)


def cores() -> int:
    """How many threads this process may run at once."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1
