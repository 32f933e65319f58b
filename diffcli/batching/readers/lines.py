"""A text that is read a piece at a time, each of whole lines."""

from __future__ import annotations

import os
import re
import select
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

import numpy as np

from diffcli.batching import sizes

_BLANK = re.compile(rb"(?:[^\S\n]*\n)+").match


class Lines:
    """A stream of bytes in pieces that end where a line does, outside quotes."""

    def __init__(self, stream: BinaryIO, *, owned: bool = True) -> None:
        self._stream = stream
        self._owned = owned
        self._rest = b""
        self._ended = False
        self._read = 0
        self._size: int | None = None
        with suppress(OSError, ValueError, AttributeError):
            self._size = os.fstat(stream.fileno()).st_size or None

    def close(self) -> None:
        if self._owned:
            self._stream.close()

    def progress(self) -> float | None:
        return None if self._size is None else min(1.0, self._read / self._size)

    def peek(self) -> bytes:
        """The beginning, which stays: from the first line that is not blank."""
        while True:
            while not self._ended and b"\n" not in self._rest and len(self._rest) < sizes.MAX_ROW:
                self._more()
            if self._rest.startswith(b"\xef\xbb\xbf"):
                self._rest = self._rest[3:]
            blank = _BLANK(self._rest)
            if not blank:
                return self._rest
            self._rest = self._rest[blank.end() :]

    def ahead(self, count: int) -> Iterator[bytes]:
        """The lines at hand, which stay; if they are fewer than `count`, as many more as are asked for."""
        self.peek()
        start = seen = 0
        while True:
            end = self._rest.find(b"\n", start)
            if end >= 0:
                yield self._rest[start:end]
                start, seen = end + 1, seen + 1
            elif self._ended or seen >= count or len(self._rest) >= sizes.MAX_ROW:
                break
            else:
                self._more()
        if self._ended and start < len(self._rest):
            yield self._rest[start:]

    def first(self) -> bytes | None:
        """The first line, which goes; None if it is longer than `MAX_ROW` bytes."""
        if b"\n" not in self.peek() and not self._ended:
            return None
        line, _, self._rest = self._rest.partition(b"\n")
        return line.removesuffix(b"\r")

    def _more(self) -> None:
        # A pipe gives what it has, so that its rows are answered while it is open.
        read = getattr(self._stream, "read1", self._stream.read)
        while (data := read(sizes.CHUNK)) is None:  # a pipe that somebody told not to wait
            select.select([self._stream], [], [])
        self._ended = not data
        self._read += len(data)
        self._rest += data

    def _skip(self) -> None:
        """Leave out the line that has begun."""
        while not self._ended and b"\n" not in self._rest:
            self._rest = b""
            self._more()
        self._rest = self._rest.partition(b"\n")[2]

    def pieces(self, *, quotes: bool) -> Iterator[bytes | None]:
        """Whole lines, many at a time; None for a line that is longer than `MAX_ROW` bytes and left out. With `quotes`,
        a line end inside quotes is none, for up to as many bytes.
        """
        while True:
            cut = self._cut(quotes)
            if cut > 0:
                piece, self._rest = self._rest[:cut], self._rest[cut:]
                yield piece
            elif self._ended:
                if self._rest:
                    piece, self._rest = self._rest, b""
                    yield piece
                return
            elif len(self._rest) > sizes.MAX_ROW:
                # No row ends here. The first line goes alone, for better or worse.
                end = self._rest.find(b"\n") + 1
                if end:
                    piece, self._rest = self._rest[:end], self._rest[end:]
                    yield piece
                else:
                    self._skip()
                    yield None
            else:
                self._more()

    def _cut(self, quotes: bool) -> int:
        cut = self._rest.rfind(b"\n") + 1
        if quotes and self._rest.count(b'"', 0, cut) % 2:
            data = np.frombuffer(self._rest, dtype=np.uint8, count=cut)
            ends = np.flatnonzero(data == 10)
            outside = ends[np.searchsorted(np.flatnonzero(data == 34), ends) % 2 == 0]
            cut = int(outside[-1]) + 1 if len(outside) else 0
        return cut
