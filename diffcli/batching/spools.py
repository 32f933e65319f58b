"""Arrays that grow without filling the memory, on their way into an ``.npz`` file: each waits in a nameless file."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray


def npy_header(shape: tuple[int, ...], dtype: str = "<f8") -> bytes:
    """The first 128 bytes of an ``.npy`` file, whatever its shape."""
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}"
    return b"\x93NUMPY\x01\x00\x76\x00" + text.ljust(117).encode("latin-1") + b"\n"


class Spool:
    """Rows of one shape and type, behind each other."""

    def __init__(self, folder: str | None, dtype: str = "<f8") -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # closed by `close`
        self._dtype = dtype

    def add(self, array: NDArray[Any]) -> None:
        """More rows."""
        self._file.write(np.ascontiguousarray(array, dtype=self._dtype).data)

    def pour(self, member: IO[bytes], shape: tuple[int, ...]) -> None:
        """All of it as an ``.npy`` file, into `member`."""
        member.write(npy_header(shape, self._dtype))
        self._file.seek(0)
        while data := self._file.read(1 << 20):
            member.write(data)
        self.close()

    def close(self) -> None:
        """Let go of what has been added."""
        self._file.close()


class TextSpool:
    """Texts, whose array is as wide as the longest of them; each block waits as wide as its own longest."""

    def __init__(self, folder: str | None) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # closed by `close`
        self._blocks: list[tuple[int, int]] = []  # texts, letters of the longest
        self.count = 0

    def add(self, texts: Sequence[str]) -> None:
        """More texts."""
        array = np.array(texts, dtype=np.str_)
        self._blocks.append((len(texts), array.dtype.itemsize // 4))
        self._file.write(array.tobytes())
        self.count += len(texts)

    def pour(self, member: IO[bytes]) -> None:
        """All of it as an ``.npy`` file, into `member`."""
        widest = max([width for _, width in self._blocks], default=1)
        member.write(npy_header((self.count,), f"<U{widest}"))
        self._file.seek(0)
        for count, width in self._blocks:
            block = np.frombuffer(self._file.read(4 * count * width), dtype=f"<U{width}")
            member.write(block.astype(f"<U{widest}").tobytes())
        self.close()

    def close(self) -> None:
        """Let go of what has been added."""
        self._file.close()
