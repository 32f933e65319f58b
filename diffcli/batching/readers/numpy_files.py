"""NumPy's files: ``.npy``, mapped into memory, and ``.npz``, read as it is unpacked."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray

from diffcli.batching import sizes
from diffcli.batching.columns import Array, Block, Shape, Shapes
from diffcli.batching.readers.quickly import NUMBER
from diffcli.batching.readers.table import located, plain, shown
from diffcli.errors import UsageError
from diffcli.labels import label
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
            self.shapes: Shapes = {name: array.dtype[name].shape for name in array.dtype.names}
        else:
            if array.ndim > 2 or not array.ndim or array.dtype.kind not in "biuf":
                raise ValueError(f"an array of shape {array.shape} and type {array.dtype} is no table of numbers")
            width = array.shape[1] if array.ndim == 2 else 1
            if columns is None or len(columns) != width:
                has = f"{width} column{'s' * (width != 1)}"
                said = "without names" if columns is None else f"and --columns {len(columns)} names"
                raise UsageError(f"{escape(path)} has {has} {said}", hint="add --columns x,y,…", code="points")
            self.shapes = dict.fromkeys(columns, ())
        self.names = [*self.shapes]
        order: Literal["C", "F"] = "C" if array.flags.c_contiguous else "F"
        self._mapped = partial(
            np.memmap, path, array.dtype, "r", getattr(array, "offset", 0), array.shape, order
        )  # fmt: skip
        self._count = len(array)
        self._done = 0

    def check(self, columns: Sequence[str], keep: Sequence[str]) -> None:
        if self._dtype.names:
            for name in columns:
                _refuse_no_numbers(name, self._dtype[name].base)

    def progress(self) -> float | None:
        return self._done / self._count if self._count else None

    def close(self) -> None:
        """The file is open only while a block is read."""

    def blocks(self, columns: Sequence[str], keep: Sequence[str]) -> Iterator[Block]:
        most = sizes.rows(sum(map(math.prod, self.shapes.values())))
        for start in range(0, self._count, most):
            self._done = end = min(start + most, self._count)
            # Mapped anew, for what was read stays in memory while it is mapped.
            rows: NDArray[Any] = self._mapped()[start:end]
            cells: dict[str, NDArray[Any]]
            if rows.dtype.names:
                cells = {name: rows[name] for name in _used(columns, keep, self.shapes)}
            else:
                cells = dict(zip(self.names, rows.reshape(len(rows), -1).T, strict=True))
            yield _block(end - start, cells, columns, keep)


class NpzTable:
    """Arrays by input in an ``.npz`` file, each with the points on its first axis; read as they are unpacked."""

    def __init__(self, path: str) -> None:
        try:
            self._archive = zipfile.ZipFile(path)
        except NotImplementedError as error:
            # What `zipfile` raises for a version of ZIP, or a way of compressing, that is newer than it knows.
            raise ValueError(str(error)) from error
        self._members: dict[str, tuple[Shape, bool, np.dtype[Any]]] = {}
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
        self.names = [*self._members]
        self.shapes: Shapes = {name: shape[1:] for name, (shape, _, _) in self._members.items()}
        self._count = self._done = 0

    def check(self, columns: Sequence[str], keep: Sequence[str]) -> None:
        counts = {}
        for name in _used(columns, keep, self.shapes):
            shape, fortran, dtype = self._members[name]
            if dtype.hasobject:
                raise ValueError(f"{name} holds Python objects, which are not loaded")
            if not shape or (fortran and len(shape) > 1) or (dtype.names or dtype.kind not in "biufUSMm"):
                raise ValueError(f"{name} is no array of numbers with the points on its first axis")
            if name in columns:
                _refuse_no_numbers(name, dtype)
            counts[name] = shape[0]
        if len(set(counts.values())) > 1:
            told = ", ".join(f"{name} {count:,}" for name, count in counts.items())
            raise UsageError(f"the arrays have different numbers of points: {told}", code="points")
        self._count = next(iter(counts.values()), 0)

    def progress(self) -> float | None:
        return self._done / self._count if self._count else None

    def close(self) -> None:
        self._archive.close()

    def blocks(self, columns: Sequence[str], keep: Sequence[str]) -> Iterator[Block]:
        used = _used(columns, keep, self.shapes)
        most = sizes.rows(sum(math.prod(self.shapes[name]) for name in used))
        with ExitStack() as stack:
            streams = {name: stack.enter_context(self._archive.open(f"{name}.npy")) for name in used}
            for stream in streams.values():
                _npy_header(stream)
            for start in range(0, self._count, most):
                self._done = end = min(start + most, self._count)
                cells = {name: self._rows(name, streams[name], end - start) for name in used}
                yield _block(end - start, cells, columns, keep)

    def _rows(self, name: str, stream: IO[bytes], count: int) -> NDArray[Any]:
        """The next rows of one array."""
        shape, _, dtype = self._members[name]
        size = count * math.prod(shape[1:]) * dtype.itemsize
        data = stream.read(size)
        if len(data) < size:
            raise EOFError(f"{name} ends before its {shape[0]:,} rows are over")
        return np.frombuffer(data, dtype=dtype).reshape(count, *shape[1:])


def _used(columns: Sequence[str], keep: Sequence[str], names: Collection[str]) -> list[str]:
    """The columns that are read, for their numbers or to be carried along."""
    return [*dict.fromkeys([*columns, *(located(label, names)[0] for label in keep)])]


def _refuse_no_numbers(name: str, dtype: np.dtype[Any]) -> None:
    if dtype.names or dtype.kind not in "biufUS":
        raise ValueError(f"{name} is of the type {dtype}, which is no number")


def _block(count: int, cells: Mapping[str, NDArray[Any]], columns: Sequence[str], keep: Sequence[str]) -> Block:
    errors: dict[int, str] = {}
    numbers = {name: _numbers(name, cells[name], errors) for name in columns}
    places = [located(label, cells) for label in keep]
    # The points come first, so an element of all of them is found from the other end.
    return Block(count, numbers, [_texts(cells[name].T[at[::-1]]) for name, at in places], errors)


def _numbers(name: str, cells: NDArray[Any], errors: dict[int, str]) -> Array:
    """A column as numbers; of texts those that spell one, and errors for the others."""
    if cells.dtype.kind not in "US":
        return cells.astype(np.float64)
    numbers = np.ones(cells.shape)
    for at, text in zip(np.ndindex(cells.shape), _texts(cells.ravel()), strict=True):
        number = text.strip().encode("utf-8", "surrogateescape")
        if NUMBER(number):
            numbers[at] = float(number)
        else:
            errors.setdefault(at[0], f"{label(name, at[1:])} is {shown(text)}, not a number")
    return numbers


def _texts(cells: NDArray[Any]) -> list[str]:
    if cells.dtype.kind == "M":
        return [str(each) for each in np.datetime_as_string(cells)]
    return [plain(value) if isinstance(value, bytes) else str(value) for value in cells.tolist()]


def _npy_header(member: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(member)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return read(member)
