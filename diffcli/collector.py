"""Python's collector of reference cycles, which has nothing to find while a graph is built."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def resting() -> Iterator[None]:
    """No search for cycles inside the block.

    Whoever builds a graph makes millions of objects and no garbage; the collector would look at all of them again and
    again, for a third of the time. It goes on afterwards if it was on.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
