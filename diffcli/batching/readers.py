"""Tables of points in files, read a block at a time, so that a file of any length takes the same memory.

A row that cannot be read is a row with an error, in its place: the tables are read to their end. What is wrong with
a whole file (no such column, no array of numbers) raises `UsageError`.
"""

from __future__ import annotations

import csv
import json
import os
import re
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any, BinaryIO, Protocol

import numpy as np

from diffcli.batching.columns import BLOCK_ROWS, Array, Block
from diffcli.errors import UsageError
from diffcli.labels import labels
from diffcli.report.text import escape

#: How many bytes of a text are read at a time.
CHUNK = 1 << 22
#: A row longer than this is refused: what follows an opening quote that never closes must not fill the memory.
MAX_ROW = 1 << 24

SUFFIXES = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".npy": "npy", ".npz": "npz",
            ".parquet": "parquet", ".pq": "parquet"}  # fmt: skip

# One way to match, whatever the text: a field of ten megabytes of digits is decided in one go.
_NUMBER = re.compile(rb"[+-]?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|(?i:nan|inf(?:inity)?))").fullmatch
_SPECIAL = {"NaN": np.nan, "Infinity": np.inf, "-Infinity": -np.inf}


class Table(Protocol):
    """A table that can be read once, from its start to its end."""

    names: list[str]

    def blocks(self, columns: Sequence[str], keep: Sequence[str]) -> Iterator[Block]:
        """The rows, with `columns` as numbers and `keep` as texts."""

    def progress(self) -> float | None:
        """What part of it has been read, where that is known."""

    def close(self) -> None:
        """Let go of the file."""


def open_table(path: str, stream: BinaryIO | None, columns: Sequence[str] | None = None) -> Table:
    """The table in the file at `path` (“-”: in `stream`, CSV or JSON Lines); `columns` name those of an ``.npy``."""
    if path == "-":
        if stream is None:
            raise UsageError("standard input is closed", code="file")
        return _text(stream, "standard input", None, owned=False)
    kind = SUFFIXES.get(os.path.splitext(path)[1].lower())
    try:
        if kind == "npy":
            return NpyTable(path, columns)
        if kind == "npz":
            return NpzTable(path)
        if kind == "parquet":
            return ParquetTable(path)
        file = open(path, "rb")  # noqa: SIM115  # the table closes it
        try:
            return _text(file, path, kind)
        except BaseException:
            file.close()
            raise
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        said = getattr(error, "strerror", None) or str(error).partition("\n")[0] or type(error).__name__
        said = said[:1].lower() + said[1:]
        raise UsageError(f"{escape(path)} cannot be read: {said}", code="file") from error


def _text(stream: BinaryIO, name: str, kind: str | None, *, owned: bool = True) -> Table:
    lines = Lines(stream, owned=owned)
    start = lines.peek().lstrip()
    if kind is None:
        head = start.partition(b"\n")[0]
        kind = "jsonl" if head.startswith(b"{") else "tsv" if b"\t" in head and b"," not in head else "csv"
    if not start:
        raise UsageError(f"{escape(name)} is empty", hint="its first line names the columns: x,y", code="points")
    return JsonTable(lines, name) if kind == "jsonl" else CsvTable(lines, name, b"\t" if kind == "tsv" else b",")


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
        """The beginning, which stays."""
        while not self._ended and b"\n" not in self._rest and len(self._rest) < MAX_ROW:
            self._more()
        if self._rest.startswith(b"\xef\xbb\xbf"):
            self._rest = self._rest[3:]
        return self._rest

    def first(self) -> bytes:
        """The first line, which goes."""
        self.peek()
        line, _, self._rest = self._rest.partition(b"\n")
        return line.removesuffix(b"\r")

    def _more(self) -> None:
        # A pipe gives what it has, so that its rows are answered while it is open.
        read = getattr(self._stream, "read1", self._stream.read)
        data = read(CHUNK)
        self._ended = not data
        self._read += len(data)
        self._rest += data

    def pieces(self, *, quotes: bool) -> Iterator[bytes]:
        """Whole lines, many at a time. With `quotes`, a line end inside quotes is none, for up to `MAX_ROW` bytes."""
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
            elif len(self._rest) > MAX_ROW:
                # No row ends here. The first line goes alone, for better or worse.
                end = self._rest.find(b"\n") + 1 or len(self._rest)
                piece, self._rest = self._rest[:end], self._rest[end:]
                yield piece
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


class CsvTable:
    """CSV or TSV with a header (RFC 4180; the last line may lack its end)."""

    def __init__(self, lines: Lines, name: str, delimiter: bytes) -> None:
        self._lines = lines
        self._delimiter = delimiter
        header = self._fields(lines.first())
        if header is None or not any(header):
            raise UsageError(f"{escape(name)} has no header", hint="its first line names the columns", code="points")
        self.names = [each.strip() for each in header]
        self.progress, self.close = lines.progress, lines.close

    def blocks(self, columns: Sequence[str], keep: Sequence[str]) -> Iterator[Block]:
        places = [self.names.index(column) for column in columns]
        kept = [self.names.index(column) for column in keep]
        for piece in self._lines.pieces(quotes=True):
            piece = piece.replace(b"\r\n", b"\n")
            block = None if b'"' in piece else self._quickly(piece, columns, places, kept)
            yield block or self._row_by_row(piece, columns, places, kept)

    def _quickly(
        self, piece: bytes, columns: Sequence[str], places: Sequence[int], kept: Sequence[int]
    ) -> Block | None:
        """A piece in which nothing is amiss; None if something is."""
        text = piece.removesuffix(b"\n")
        width = len(self.names)
        data = np.frombuffer(text, dtype=np.uint8)
        ends = np.append(np.flatnonzero(data == 10), len(data))
        separators = np.searchsorted(np.flatnonzero(data == ord(self._delimiter)), ends)
        count = len(ends)
        if not np.array_equal(separators, np.arange(1, count + 1) * (width - 1)):
            return None
        row = text.replace(b"\n", self._delimiter)
        if list(places) == list(range(width)) and not kept:
            numbers = _parsed(row, self._delimiter, count * width)
            if numbers is None:
                return None
            table = numbers.reshape(count, width)
            return Block(count, {column: table[:, i] for i, column in enumerate(columns)})
        fields = row.split(self._delimiter)
        found: dict[str, Array] = {}
        for column, place in zip(columns, places, strict=True):
            numbers = _parsed(b",".join(fields[place::width]), b",", count)
            if numbers is None:
                return None
            found[column] = numbers
        texts: list[Sequence[str]] = [
            [text.decode("utf-8", "surrogateescape") for text in fields[place::width]] for place in kept
        ]
        return Block(count, found, texts)

    def _row_by_row(self, piece: bytes, columns: Sequence[str], places: Sequence[int], kept: Sequence[int]) -> Block:
        errors: dict[int, str] = {}
        rows: list[list[float]] = []
        texts: list[list[str]] = [[] for _ in kept]
        width = len(self.names)
        for record in _records(piece):
            if not record.strip():
                continue  # an empty line is no row
            i = len(rows)
            fields = self._fields(record)
            numbers = [1.0] * len(columns)
            if fields is None:
                errors[i] = "a quote is opened and never closed" if record.count(b'"') % 2 else "the row is malformed"
            elif len(fields) != width:
                errors[i] = f"{len(fields)} field{'s' * (len(fields) != 1)} where the header has {width}"
            else:
                for k, (column, place) in enumerate(zip(columns, places, strict=True)):
                    number = fields[place].strip().encode("utf-8", "surrogateescape")
                    if _NUMBER(number):
                        numbers[k] = float(number)
                    else:
                        errors[i] = f"{column} is {_shown(fields[place])}, not a number"
                        break
            rows.append(numbers)
            for text, place in zip(texts, kept, strict=True):
                text.append(fields[place] if fields and place < len(fields) else "")
        table = np.array(rows, dtype=np.float64).reshape(len(rows), len(columns))
        return Block(len(rows), {column: table[:, k] for k, column in enumerate(columns)}, [*texts], errors)

    def _fields(self, record: bytes) -> list[str] | None:
        """The fields of one row; None if it is malformed."""
        text = record.decode("utf-8", "surrogateescape").rstrip("\n")
        if '"' not in text:
            return text.split(self._delimiter.decode())
        try:
            return next(csv.reader([text], delimiter=self._delimiter.decode(), strict=True))
        except (csv.Error, StopIteration):
            return None


def _records(piece: bytes) -> Iterator[bytes]:
    """The rows of a piece, of as many lines as their quotes make them; a quote that never closes ends with its line."""
    lines = piece.split(b"\n")
    if not lines[-1]:
        lines.pop()
    parities = np.cumsum([line.count(b'"') for line in lines]) % 2 if b'"' in piece else np.zeros(len(lines), int)
    # Where a row has begun with the parity p, it ends at the next line after which the parity is p again.
    later: dict[int, list[int]] = {0: [], 1: []}
    for i in range(len(lines) - 1, -1, -1):
        later[int(parities[i])].append(i)
    i, before = 0, 0
    while i < len(lines):
        ahead = later[before]
        while ahead and ahead[-1] < i:
            ahead.pop()
        last = ahead[-1] if ahead else i
        yield b"\n".join(lines[i : last + 1])
        before = int(parities[last])
        i = last + 1


def _parsed(text: bytes, delimiter: bytes, count: int) -> Array | None:
    """So many numbers; None if one of them is none. Rounds correctly, as `float` does."""
    if delimiter != b",":
        if b"," in text:
            return None
        text = text.replace(delimiter, b",")  # white space as a delimiter would swallow empty fields
    if text[-1:] in (b"", b","):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # so NumPy says what it could not read
            numbers: Array = np.fromstring(text, sep=",")
    except (ValueError, DeprecationWarning):
        return None
    return numbers if len(numbers) == count else None


def _shown(text: str) -> str:
    if not text.strip():
        return "empty"
    return escape(text if len(text) <= 40 else f"{text[:37]}…").encode("utf-8", "replace").decode()


class JsonTable:
    """JSON Lines: an object a line, ``{"x": 1, "w": [1, 2]}``. The first says which names and shapes there are."""

    def __init__(self, lines: Lines, name: str) -> None:
        self._lines = lines
        self._shapes: dict[str, tuple[int, ...]] = {}
        self.progress, self.close = lines.progress, lines.close
        self.names: list[str] = []
        for line in lines.peek().split(b"\n"):
            row = _object(line)
            if row is None:
                continue
            for key, value in row.items():
                found = _leaves(value)
                self._shapes[key] = found[0] if found else ()
                self.names += labels(key, self._shapes[key])
            return
        raise UsageError(f"{escape(name)} holds no JSON object", hint='a line is {"x": 1, "w": [1, 2]}', code="points")

    def blocks(self, columns: Sequence[str], keep: Sequence[str]) -> Iterator[Block]:
        wanted: dict[str, list[str]] = {}
        for key, shape in self._shapes.items():
            mine = labels(key, shape)
            if any(label in columns for label in mine):
                wanted[key] = mine
        for piece in self._lines.pieces(quotes=False):
            lines = [line for line in piece.split(b"\n") if line.strip()]
            for start in range(0, len(lines), BLOCK_ROWS):
                yield self._block(lines[start : start + BLOCK_ROWS], wanted, keep)

    def _block(self, lines: Sequence[bytes], wanted: dict[str, list[str]], keep: Sequence[str]) -> Block:
        errors: dict[int, str] = {}
        objects: list[dict[str, Any]] = []
        try:
            objects = json.loads(b"[" + b",".join(lines) + b"]")
        except (ValueError, RecursionError):
            objects = []
        if len(objects) != len(lines) or not all(type(row) is dict for row in objects):
            objects = []
            for i, line in enumerate(lines):
                row = _object(line)
                objects.append(row or {})
                if row is None:
                    errors[i] = "the line is no JSON object"
        numbers: dict[str, Array] = {}
        for key, mine in wanted.items():
            values = self._values(key, [row.get(key) for row in objects], errors)
            numbers |= {label: values[:, k] for k, label in enumerate(mine)}
        kept = [[_plain(row.get(name)) for row in objects] for name in keep]
        return Block(len(lines), numbers, [*kept], errors)

    def _values(self, key: str, found: list[Any], errors: dict[int, str]) -> Array:
        shape = self._shapes[key]
        if shape == () and all(type(value) is float or type(value) is int for value in found):
            with suppress(OverflowError):  # a whole number beyond all doubles
                return np.array(found, dtype=np.float64)[:, np.newaxis]
        rows = np.ones((len(found), int(np.prod(shape))))
        for i, value in enumerate(found):
            leaves = _leaves(value)
            if leaves is None or leaves[0] != shape:
                wanted = "a number" if shape == () else f"an array of the shape {shape}"
                errors.setdefault(i, f"{key} is {_shown(_plain(value))}, not {wanted}")
            else:
                rows[i] = leaves[1]
        return rows


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def _leaves(value: Any) -> tuple[tuple[int, ...], list[float]] | None:
    """The shape and the numbers of nested lists; None if they are no array of numbers."""
    shape: list[int] = []
    level = [value]
    while level and isinstance(level[0], list):
        if not all(isinstance(row, list) and len(row) == len(level[0]) for row in level):
            return None
        shape.append(len(level[0]))
        level = list(chain.from_iterable(level))
    numbers = [_SPECIAL.get(leaf) if isinstance(leaf, str) else leaf for leaf in level]
    if not all(isinstance(leaf, float | int) and not isinstance(leaf, bool) for leaf in numbers):
        return None
    try:
        return tuple(shape), [float(leaf) for leaf in numbers]  # type: ignore[arg-type]
    except OverflowError:
        return None


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)


class NpyTable:
    """An array in an ``.npy`` file, a row a point; structured arrays name their columns themselves."""

    def __init__(self, path: str, columns: Sequence[str] | None) -> None:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        if array.dtype.names:
            self.names = list(array.dtype.names)
            self._column = [array[name] for name in self.names]
        else:
            if array.ndim == 1:
                array = array[:, np.newaxis]
            if array.ndim != 2 or array.dtype.kind not in "biuf":
                raise ValueError(f"an array of shape {array.shape} and type {array.dtype} is no table of numbers")
            if columns is None or len(columns) != array.shape[1]:
                has = f"{array.shape[1]} column{'s' * (array.shape[1] != 1)}"
                said = "without names" if columns is None else f"and --columns {len(columns)} names"
                raise UsageError(f"{escape(path)} has {has} {said}", hint="add --columns x,y,…", code="points")
            self.names = list(columns)
            self._column = [array[:, i] for i in range(array.shape[1])]
        self._count = len(array)
        self._done = 0

    def progress(self) -> float | None:
        return self._done / self._count if self._count else None

    def close(self) -> None:
        self._column.clear()

    def blocks(self, columns: Sequence[str], keep: Sequence[str]) -> Iterator[Block]:
        held = {name: self._column[self.names.index(name)] for name in (*columns, *keep)}
        for start in range(0, self._count, BLOCK_ROWS):
            self._done = end = min(start + BLOCK_ROWS, self._count)
            numbers = {name: np.asarray(held[name][start:end], dtype=np.float64) for name in columns}
            kept = [[str(value) for value in held[name][start:end].tolist()] for name in keep]
            yield Block(end - start, numbers, [*kept])


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
        streams = {name: self._archive.open(f"{name}.npy") for name in used}
        for stream in streams.values():
            _npy_header(stream)
        for start in range(0, self._count, BLOCK_ROWS):
            self._done = end = min(start + BLOCK_ROWS, self._count)
            numbers: dict[str, Array] = {}
            texts: dict[str, list[str]] = {}
            for name, mine in used.items():
                shape, dtype = self._members[name]
                size = (end - start) * int(np.prod(shape[1:])) * dtype.itemsize
                rows = np.frombuffer(streams[name].read(size), dtype=dtype).reshape(end - start, len(mine))
                for k, label in enumerate(mine):
                    if label in columns:
                        numbers[label] = rows[:, k].astype(np.float64)
                    if label in keep:
                        texts[label] = [str(value) for value in rows[:, k].tolist()]
            yield Block(end - start, numbers, [texts[name] for name in keep])
        for stream in streams.values():
            stream.close()


def _npy_header(member: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(member)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return read(member)


class ParquetTable:
    """A Parquet file; a column of lists of one length is an array."""

    def __init__(self, path: str) -> None:
        try:
            import pyarrow.parquet as parquet
        except ImportError:
            raise UsageError(
                "Parquet needs pyarrow", hint="pip install 'diffcli[parquet]'", code="missing-package"
            ) from None
        self._file = parquet.ParquetFile(path)
        self._count = self._file.metadata.num_rows
        self._done = 0
        self._length: dict[str, int | None] = {}
        first = next(self._file.iter_batches(batch_size=1), None)
        for each in self._file.schema_arrow:
            value = first.column(each.name)[0].as_py() if first is not None and first.num_rows else None
            self._length[each.name] = len(value) if isinstance(value, list) else None
        self.names = [label for name, n in self._length.items() for label in labels(name, () if n is None else (n,))]

    def progress(self) -> float | None:
        return self._done / self._count if self._count else None

    def close(self) -> None:
        self._file.close()

    def blocks(self, columns: Sequence[str], keep: Sequence[str]) -> Iterator[Block]:
        mine = {name: labels(name, () if n is None else (n,)) for name, n in self._length.items()}
        used = [name for name, each in mine.items() if not {*columns, *keep}.isdisjoint(each)]
        for batch in self._file.iter_batches(batch_size=BLOCK_ROWS, columns=used):
            errors: dict[int, str] = {}
            numbers: dict[str, Array] = {}
            for name in used:
                if {*columns}.isdisjoint(mine[name]):
                    continue
                numbers |= zip(mine[name], self._numbers(name, batch.column(name), errors), strict=True)
            kept = [[_plain(value) for value in batch.column(name).to_pylist()] for name in keep]
            self._done += batch.num_rows
            yield Block(batch.num_rows, numbers, [*kept], errors)

    def _numbers(self, name: str, column: Any, errors: dict[int, str]) -> list[Array]:
        import pyarrow as arrow

        n = self._length[name]
        if n is None and column.null_count == 0:
            try:
                return [column.cast(arrow.float64()).to_numpy(zero_copy_only=False)]
            except arrow.ArrowException:
                pass
        rows = np.ones((len(column), 1 if n is None else n))
        shape = () if n is None else (n,)
        for i, value in enumerate(column.to_pylist()):
            leaves = _leaves(value)
            if leaves is None or leaves[0] != shape:
                wanted = "a number" if n is None else f"a list of {n} numbers"
                errors.setdefault(i, f"{name} is {_shown(_plain(value))}, not {wanted}")
            else:
                rows[i] = leaves[1]
        return list(rows.T)
