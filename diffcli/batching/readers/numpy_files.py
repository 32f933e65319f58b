"""NumPy's files: ``.npy``, mapped into memory, and ``.npz``, read as it is unpacked."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray

from diffcli.batching import sizes
from diffcli.batching.columns import Block
from diffcli.errors import UsageError
from diffcli.labels import labels
from diffcli.report.text import escape


class NpyTable:
    """An array in an ``.npy`` file, a row a point; structured arrays name their columns themselves."""

    def __init__(self, path: str, columns: Sequence[str] | None) -> None:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        if array.dtype.names:
            self.names = list(array.dtype.names)
        else:
            if array.ndim > 2 or not array.ndim or array.dtype.kind not in "biuf":
                raise ValueError(f"an array of shape {array.shape} and type {array.dtype} is no table of numbers")
            width = array.shape[1] if array.ndim == 2 else 1
            if columns is None or len(columns) != width:
                has = f"{width} column{'s' * (width != 1)}"
                said = "without names" if columns is None else f"and --columns {len(columns)} names"
                raise UsageError(f"{escape(path)} has {has} {said}", hint="add --columns x,y,…", code="points")
            self.names = list(columns)
        order: Literal["C", "F"] = "C" if array.flags.c_contiguous else "F"
        self._mapped = partial(
            np.memmap, path, array.dtype, "r", getattr(array, "offset", 0), array.shape, order
        )  # fmt: skip
        self._count = len(array)
        self._done = 0

    def progress(self) -> float | None:
        return self._done / self._count if self._count else None

    def close(self) -> None:
        """The file is open only while a block is read."""

    def blocks(self, columns: Sequence[str], keep: Sequence[str]) -> Iterator[Block]:
        for start in range(0, self._count, sizes.BLOCK_ROWS):
            self._done = end = min(start + sizes.BLOCK_ROWS, self._count)
            # Mapped anew, for what was read stays in memory while it is mapped.
            rows: NDArray[Any] = self._mapped()[start:end]
            if rows.dtype.names:
                cells = {name: rows[name] for name in self.names}
            else:
                cells = dict(zip(self.names, rows.reshape(len(rows), -1).T, strict=True))
            numbers = {name: np.asarray(cells[name], dtype=np.float64) for name in columns}
            yield Block(end - start, numbers, [[str(value) for value in cells[name].tolist()] for name in keep])


class NpzTable:
    """Arrays by input in an ``.npz`` file, each with the points on its first axis; read as they are unpacked."""

    def __init__(self, path: str) -> None:
        self._archive = zipfile.ZipFile(path)
        self._members: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {}
        self.names: list[str] = []
        try:
            self._look()
        except BaseException:
            self._archive.close()
            raise

    def _look(self) -> None:
        for info in self._archive.infolist():
            name = info.filename.removesuffix(".npy")
            with self._archive.open(info) as member:
                shape, fortran, dtype = _npy_header(member)
            if dtype.hasobject:
                raise ValueError(f"{name} holds Python objects, which are not loaded")
            if not shape or (fortran and len(shape) > 1) or dtype.kind not in "biufUS":
                raise ValueError(f"{name} is no array of numbers with the points on its first axis")
            self._members[name] = shape, dtype
            self.names += labels(name, shape[1:])
        counts = {name: shape[0] for name, (shape, _) in self._members.items()}
        if len(set(counts.values())) > 1:
            told = ", ".join(f"{name} {count:,}" for name, count in counts.items())
            raise UsageError(f"the arrays have different numbers of points: {told}", code="points")
        self._count = next(iter(counts.values()), 0)
        self._done = 0

    def progress(self) -> float | None:
        return self._done / self._count if self._count else None

    def close(self) -> None:
        self._archive.close()

    def blocks(self, columns: Sequence[str], keep: Sequence[str]) -> Iterator[Block]:
        used = {name: mine for name, (shape, _) in self._members.items()
                if not {*columns, *keep}.isdisjoint(mine := labels(name, shape[1:]))}  # fmt: skip
        with ExitStack() as stack:
            streams = {name: stack.enter_context(self._archive.open(f"{name}.npy")) for name in used}
            for stream in streams.values():
                _npy_header(stream)
            for start in range(0, self._count, sizes.BLOCK_ROWS):
                self._done = end = min(start + sizes.BLOCK_ROWS, self._count)
                rows = {name: self._rows(name, streams[name], end - start) for name in used}
                cells = {label: rows[name][:, k] for name, mine in used.items() for k, label in enumerate(mine)}
                numbers = {label: cells[label].astype(np.float64) for label in columns}
                yield Block(end - start, numbers, [[str(value) for value in cells[label].tolist()] for label in keep])

    def _rows(self, name: str, stream: IO[bytes], count: int) -> NDArray[Any]:
        """(rows, elements): the next rows of one array."""
        shape, dtype = self._members[name]
        elements = int(np.prod(shape[1:]))
        data = stream.read(count * elements * dtype.itemsize)
        if len(data) < count * elements * dtype.itemsize:
            raise EOFError(f"{name} ends before its {shape[0]:,} rows are over")
        return np.frombuffer(data, dtype=dtype).reshape(count, elements)


def _npy_header(member: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(member)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return read(member)
