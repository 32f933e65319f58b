"""Arrays that grow without filling the memory, on their way into an ``.npz`` file: each waits in a nameless file."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from diffcli.errors import UsageError

#: How many bytes of nothing the array of texts may hold, all of which are as long as the longest.
MAX_PADDING = 1 << 30
#: Bytes of a letter in NumPy's arrays, and how many letters are written at a time.
LETTER, POURED = 4, 1 << 20


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
    """Texts, whose array is as wide as the longest of them; until then each waits as long as it is.

    That array ends its texts with zeros, so a text that ends so itself gets U+FFFD for them.
    """

    def __init__(self, folder: str | None) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # closed by `close`
        self._blocks: list[tuple[int, int]] = []  # texts, letters of all
        self._widest = 1
        self._letters = 0
        self.count = 0

    def add(self, texts: Sequence[str]) -> None:
        """More texts. Raises `UsageError` where most of their array would be padding, more than `MAX_PADDING` bytes."""
        if any(text.endswith("\0") for text in texts):
            texts = [(bare := text.rstrip("\0")) + "\ufffd" * (len(text) - len(bare)) for text in texts]
        lengths = np.array([len(text) for text in texts], dtype=np.int64)
        joined = "".join(texts).encode("utf-32-le", "surrogatepass")
        self._widest = max(self._widest, int(lengths.max(initial=1)))
        self._letters += len(joined) // LETTER
        self.count += len(texts)
        if LETTER * (self._widest * self.count - self._letters) > MAX_PADDING:
            said = f"an .npz file makes all texts as long as the longest, which has {self._widest:,} letters"
            hint = "that would take gigabytes; write CSV or Parquet, or keep another column"
            raise UsageError(said, hint=hint, code="limit")
        self._blocks.append((len(texts), len(joined) // LETTER))
        self._file.write(lengths.tobytes())
        self._file.write(joined)

    def pour(self, member: IO[bytes]) -> None:
        """All of it as an ``.npy`` file, into `member`."""
        member.write(npy_header((self.count,), f"<U{self._widest}"))
        self._file.seek(0)
        rows = max(1, POURED // self._widest)
        for count, letters in self._blocks:
            lengths = np.frombuffer(self._file.read(8 * count), dtype=np.int64)
            text = np.frombuffer(self._file.read(LETTER * letters), dtype=np.uint32)
            ends = np.concatenate([[0], np.cumsum(lengths)])
            for start in range(0, count, rows):
                mine = lengths[start : start + rows, np.newaxis]
                table = np.zeros((len(mine), self._widest), dtype=np.uint32)
                table[np.arange(self._widest) < mine] = text[ends[start] : ends[start + len(mine)]]
                member.write(table.data)
        self.close()

    def close(self) -> None:
        """Let go of what has been added."""
        self._file.close()
