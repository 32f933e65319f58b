"""NumPy's files: ``.npy``, mapped into memory, and ``.npz``, read as it is unpacked."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray

from diffcli.batching import sizes
from diffcli.batching.columns import Array, Block
from diffcli.batching.readers.quickly import NUMBER
from diffcli.batching.readers.table import places, plain, shown
from diffcli.errors import UsageError
from diffcli.labels import labels
from diffcli.report.text import escape


def _mapped(path: str) -> NDArray[Any]:
    """The array of an ``.npy`` file, not read yet. Raises OSError, ValueError or `UsageError` where it is none."""
    with open(path, "rb") as file:
        try:
            shape, _, dtype = _npy_header(file)
        except OSError:
            raise
        except Exception as error:  # NumPy reads the header as a piece of Python, and raises whatever that does
            raise ValueError("its header is none of NumPy's") from error
        if dtype.hasobject:
            hint = "save them as numbers: numpy.save(FILE, array.astype(float))"
            raise UsageError(f"{escape(path)} holds Python objects, which are not loaded", hint=hint, code="file")
        start = file.tell()
        wanted, there = math.prod(shape) * dtype.itemsize, file.seek(0, 2) - start
    if there < wanted:
        said = f"{escape(path)} cannot be read: it ends after {there:,} of the {wanted:,} bytes of its array"
        raise UsageError(said, hint="it was cut off: write or copy it once more", code="file")
    array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return array


class NpyTable:
    """An array in an ``.npy`` file, a row a point; structured arrays name their columns themselves."""

    def __init__(self, path: str, columns: Sequence[str] | None) -> None:
        array = _mapped(path)
        self._dtype = array.dtype
        if array.dtype.names:
            shapes = {name: array.dtype[name].shape for name in array.dtype.names}
        else:
            if array.ndim > 2 or not array.ndim or array.dtype.kind not in "biuf":
                raise ValueError(f"an array of shape {array.shape} and type {array.dtype} is no table of numbers")
            width = array.shape[1] if array.ndim == 2 else 1
            if columns is None or len(columns) != width:
                has = f"{width} column{'s' * (width != 1)}"
                said = "without names" if columns is None else f"and --columns {len(columns)} names"
                raise UsageError(f"{escape(path)} has {has} {said}", hint="add --columns x,y,…", code="points")
            shapes = dict.fromkeys(columns, ())
        self.names = [label for name, shape in shapes.items() for label in labels(name, shape)]
        self._places = places(shapes)
        order: Literal["C", "F"] = "C" if array.flags.c_contiguous else "F"
        self._mapped = partial(
            np.memmap, path, array.dtype, "r", getattr(array, "offset", 0), array.shape, order
        )  # fmt: skip
        self._count = len(array)
        self._done = 0

    def check(self, columns: Sequence[str], keep: Sequence[str]) -> None:
        if self._dtype.names:
            for label in columns:
                _refuse_no_numbers(label, self._dtype[self._places[label][0]].base)

    def progress(self) -> float | None:
        return self._done / self._count if self._count else None

    def close(self) -> None:
        """The file is open only while a block is read."""

    def blocks(self, columns: Sequence[str], keep: Sequence[str]) -> Iterator[Block]:
        for start in range(0, self._count, sizes.BLOCK_ROWS):
            self._done = end = min(start + sizes.BLOCK_ROWS, self._count)
            # Mapped anew, for what was read stays in memory while it is mapped.
            rows: NDArray[Any] = self._mapped()[start:end]
            cells: dict[str, NDArray[Any]]
            if rows.dtype.names:
                used = {label: self._places[label] for label in {*columns, *keep}}
                cells = {label: np.moveaxis(rows[name], 0, -1)[at] for label, (name, at) in used.items()}
            else:
                cells = dict(zip(self.names, rows.reshape(len(rows), -1).T, strict=True))
            yield _block(end - start, cells, columns, keep)


class NpzTable:
    """Arrays by input in an ``.npz`` file, each with the points on its first axis; read as they are unpacked."""

    def __init__(self, path: str) -> None:
        try:
            self._archive = zipfile.ZipFile(path)
        except NotImplementedError as error:  # a version of ZIP that nobody has written yet
            raise ValueError(str(error)) from error
        self._members: dict[str, tuple[tuple[int, ...], bool, np.dtype[Any]]] = {}
        self.names: list[str] = []
        try:
            self._look()
        except BaseException:
            self._archive.close()
            raise

    def _look(self) -> None:
        for info in self._archive.infolist():
            name = info.filename.removesuffix(".npy")
            try:
                with self._archive.open(info) as member:
                    shape, fortran, dtype = _npy_header(member)
            except (OSError, zipfile.BadZipFile, zlib.error):
                raise
            except Exception:  # something else, that nobody need read
                shape, fortran, dtype = (), False, np.dtype("V")
            self._members[name] = shape, fortran, dtype
            self.names += labels(name, shape[1:])
        self._count = self._done = 0

    def check(self, columns: Sequence[str], keep: Sequence[str]) -> None:
        counts = {}
        for name, mine in self._used([*columns, *keep]).items():
            shape, fortran, dtype = self._members[name]
            if dtype.hasobject:
                raise ValueError(f"{name} holds Python objects, which are not loaded")
            if not shape or (fortran and len(shape) > 1) or (dtype.names or dtype.kind not in "biufUSMm"):
                raise ValueError(f"{name} is no array of numbers with the points on its first axis")
            for label in {*columns} & {*mine}:
                _refuse_no_numbers(label, dtype)
            counts[name] = shape[0]
        if len(set(counts.values())) > 1:
            told = ", ".join(f"{name} {count:,}" for name, count in counts.items())
            raise UsageError(f"the arrays have different numbers of points: {told}", code="points")
        self._count = next(iter(counts.values()), 0)

    def _used(self, wanted: Sequence[str]) -> dict[str, list[str]]:
        """The arrays that have some of the labels, with the labels of each."""
        found = {name: labels(name, shape[1:]) for name, (shape, _, _) in self._members.items()}
        return {name: mine for name, mine in found.items() if not {*wanted}.isdisjoint(mine)}

    def progress(self) -> float | None:
        return self._done / self._count if self._count else None

    def close(self) -> None:
        self._archive.close()

    def blocks(self, columns: Sequence[str], keep: Sequence[str]) -> Iterator[Block]:
        used = self._used([*columns, *keep])
        with ExitStack() as stack:
            streams = {name: stack.enter_context(self._archive.open(f"{name}.npy")) for name in used}
            for stream in streams.values():
                _npy_header(stream)
            for start in range(0, self._count, sizes.BLOCK_ROWS):
                self._done = end = min(start + sizes.BLOCK_ROWS, self._count)
                rows = {name: self._rows(name, streams[name], end - start) for name in used}
                cells = {label: rows[name][:, k] for name, mine in used.items() for k, label in enumerate(mine)}
                yield _block(end - start, cells, columns, keep)

    def _rows(self, name: str, stream: IO[bytes], count: int) -> NDArray[Any]:
        """(rows, elements): the next rows of one array."""
        shape, _, dtype = self._members[name]
        elements = int(np.prod(shape[1:]))
        data = stream.read(count * elements * dtype.itemsize)
        if len(data) < count * elements * dtype.itemsize:
            raise EOFError(f"{name} ends before its {shape[0]:,} rows are over")
        return np.frombuffer(data, dtype=dtype).reshape(count, elements)


def _refuse_no_numbers(name: str, dtype: np.dtype[Any]) -> None:
    if dtype.names or dtype.kind not in "biufUS":
        raise ValueError(f"{name} is of the type {dtype}, which is no number")


def _block(count: int, cells: Mapping[str, NDArray[Any]], columns: Sequence[str], keep: Sequence[str]) -> Block:
    errors: dict[int, str] = {}
    numbers = {label: _numbers(label, cells[label], errors) for label in columns}
    return Block(count, numbers, [_texts(cells[label]) for label in keep], errors)


def _numbers(label: str, cells: NDArray[Any], errors: dict[int, str]) -> Array:
    """A column as numbers; of texts those that spell one, and errors for the others."""
    if cells.dtype.kind not in "US":
        return cells.astype(np.float64)
    numbers = np.ones(len(cells))
    for i, text in enumerate(_texts(cells)):
        number = text.strip().encode("utf-8", "surrogateescape")
        if NUMBER(number):
            numbers[i] = float(number)
        else:
            errors.setdefault(i, f"{label} is {shown(text)}, not a number")
    return numbers


def _texts(cells: NDArray[Any]) -> list[str]:
    if cells.dtype.kind == "M":
        return [str(each) for each in np.datetime_as_string(cells)]
    return [plain(value) if isinstance(value, bytes) else str(value) for value in cells.tolist()]


def _npy_header(member: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(member)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return read(member)
