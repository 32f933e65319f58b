"""Reading, computing and writing at once: one thread reads ahead, another writes behind, in order, in bounded memory.

Threads are enough, because the slow parts (files, NumPy, pyarrow) let go of the interpreter. They are daemons, and are
not waited for longer than `PATIENCE`: a thread that waits for a pipe cannot be woken, and must not keep Ctrl-C from
ending the run.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")

#: How many blocks wait between one stage and the next, at most.
WAITING = 2
#: How long a wait lasts before it looks around, in seconds: Ctrl-C must get through wherever it strikes.
TURN = 0.25
#: How long a run that fails waits for its threads, in seconds.
PATIENCE = 0.5


class _Channel(Generic[T]):
    """A bounded queue that can be closed from both ends; what it still holds then is forgotten."""

    def __init__(self) -> None:
        self._items: deque[T] = deque()
        self._change = threading.Condition()
        self._closed = False

    def put(self, item: T) -> bool:
        """Wait for room; False if nobody wants the item any more."""
        with self._change:
            while not (self._closed or len(self._items) < WAITING):
                self._change.wait(TURN)
            if not self._closed:
                self._items.append(item)
                self._change.notify_all()
            return not self._closed

    def get(self) -> T | None:
        """Wait for an item; None if there will be none."""
        with self._change:
            while not (self._closed or self._items):
                self._change.wait(TURN)
            if self._closed:
                return None
            self._change.notify_all()
            return self._items.popleft()

    def close(self) -> None:
        with self._change:
            self._closed = True
            self._items.clear()
            self._change.notify_all()


class Ahead(Generic[T]):
    """The items of `source`, taken by a thread that runs ahead of who asks for them; its error comes in its place."""

    def __init__(self, source: Iterable[T]) -> None:
        self._channel: _Channel[tuple[T] | BaseException] = _Channel()
        self._thread = threading.Thread(target=self._take, args=(source,), daemon=True)
        self._thread.start()

    def _take(self, source: Iterable[T]) -> None:
        try:
            for item in source:
                if not self._channel.put((item,)):
                    return
            self._channel.put(StopIteration())
        except BaseException as error:  # raised again by who asks
            self._channel.put(error)

    def __iter__(self) -> Iterator[T]:
        while isinstance(found := self._channel.get(), tuple):
            yield found[0]
        if found is not None and not isinstance(found, StopIteration):
            raise found

    def close(self) -> None:
        """Take no more."""
        self._channel.close()
        self._thread.join(PATIENCE)


class Behind(Generic[T]):
    """Hands items to `use` in a thread of its own, in order; its error is raised by the next `put`, or by `finish`."""

    def __init__(self, use: Callable[[T], object]) -> None:
        self._channel: _Channel[tuple[T] | None] = _Channel()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, args=(use,), daemon=True)
        self._thread.start()

    def _work(self, use: Callable[[T], object]) -> None:
        try:
            while (item := self._channel.get()) is not None:
                use(item[0])
        except BaseException as error:  # raised again in the thread that puts
            self._error = error
            self._channel.close()

    def put(self, item: T) -> None:
        """Hand over an item; waits while too many are on their way."""
        if not self._channel.put((item,)):
            self.finish()

    def finish(self) -> None:
        """Wait until all is used."""
        self._channel.put(None)
        while self._thread.is_alive():
            self._thread.join(TURN)
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Use no more."""
        self._channel.close()
        self._thread.join(PATIENCE)
