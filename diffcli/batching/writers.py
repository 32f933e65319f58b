"""Tables of answers, written a block at a time: CSV, JSON Lines, NumPy's files and Parquet.

A row with an error has empty results and its reason in the column `error`; a result that is not finite stands as it
is, with the code of its warning there.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, Protocol

import numpy as np

from diffcli.batching import printing
from diffcli.batching.columns import Array
from diffcli.errors import UsageError
from diffcli.report.stream import Sink

FORMATS = ("csv", "jsonl", "npy", "npz", "parquet")
SEEKING = frozenset({"npy", "npz", "parquet"})


@dataclass(frozen=True, slots=True)
class Field:
    """One quantity of an answer: what it is called in each format, and the shape it has at one point."""

    name: str  # in .npz
    path: tuple[str, ...]  # in JSON
    columns: tuple[str, ...]  # in CSV, element by element
    shape: tuple[int, ...]


@dataclass(slots=True)
class Answer:
    """Some rows of a result: an array a field, points first; texts carried along; errors and warnings by row."""

    first: int
    count: int
    arrays: Sequence[Array]
    kept: Sequence[Sequence[str]]
    errors: Mapping[int, tuple[str, str]]  # code, message
    warnings: Mapping[int, str]


class Writer(Protocol):
    """Writes answers; `close` completes the file."""

    def write(self, answer: Answer) -> None: ...
    def close(self) -> None: ...


def open_writer(form: str, sink: Sink, fields: Sequence[Field], kept: Sequence[str]) -> Writer:
    """The writer of a format, with its header written."""
    if form == "csv":
        return CsvWriter(sink, fields, kept)
    if form == "jsonl":
        return JsonWriter(sink, fields, kept)
    if form == "npy":
        return NpyWriter(sink, fields)
    if form == "npz":
        return NpzWriter(sink, fields, kept)
    return ParquetWriter(sink, fields, kept)


def _table(answer: Answer) -> Array:
    """(rows, columns): all fields side by side."""
    parts = [array.reshape(answer.count, -1) for array in answer.arrays]
    return np.concatenate([*parts], axis=1) if parts else np.zeros((answer.count, 0))


def _columns(fields: Sequence[Field]) -> list[str]:
    return [column for field in fields for column in field.columns]


class CsvWriter:
    """CSV: what is kept, the results, and the column `error`."""

    def __init__(self, sink: Sink, fields: Sequence[Field], kept: Sequence[str]) -> None:
        self._sink = sink
        header = ",".join(map(printing.cell, [*kept, *_columns(fields), "error"]))
        self._put(f"{header}\n".encode("utf-8", "surrogateescape"))

    def _put(self, data: bytes | memoryview) -> None:
        self._sink.write(data)
        self._sink.flush()

    def write(self, answer: Answer) -> None:
        """A line a row."""
        table = _table(answer)
        reasons = None
        if answer.errors or answer.warnings:
            reasons = [""] * answer.count
            for i, code in answer.warnings.items():
                reasons[i] = printing.cell(code)
            for i, (_, message) in answer.errors.items():
                reasons[i] = printing.cell(message)
        kept = [printing.cells(column) for column in answer.kept]
        if answer.count:
            self._put(printing.lines(table, kept, reasons, answer.errors))

    def close(self) -> None:
        """Nothing is left to write."""


class JsonWriter:
    """JSON Lines: an object a row."""

    def __init__(self, sink: Sink, fields: Sequence[Field], kept: Sequence[str]) -> None:
        self._sink, self._fields, self._kept = sink, fields, kept

    def write(self, answer: Answer) -> None:
        """A line a row."""
        lists = [_json(array) for array in answer.arrays]
        lines = []
        for i in range(answer.count):
            row: dict[str, Any] = {"i": answer.first + i}
            if self._kept:
                row["kept"] = {name: texts[i] for name, texts in zip(self._kept, answer.kept, strict=True)}
            if i in answer.errors:
                code, message = answer.errors[i]
                row["error"] = {"code": code, "message": message}
            else:
                for field, values in zip(self._fields, lists, strict=True):
                    place = row
                    for key in field.path[:-1]:
                        place = place.setdefault(key, {})
                    place[field.path[-1]] = values[i]
                row["warnings"] = [{"code": answer.warnings[i]}] if i in answer.warnings else []
            lines.append(json.dumps(row, ensure_ascii=False))
        if lines:
            self._sink.write(("\n".join(lines) + "\n").encode("utf-8", "surrogatepass"))
            self._sink.flush()

    def close(self) -> None:
        """Nothing is left to write."""


def _json(array: Array) -> list[Any]:
    """Nested lists, with strings for what JSON has no number for."""
    if np.isfinite(array).all():
        plain: list[Any] = array.tolist()
        return plain
    mixed = array.astype(object)
    mixed[np.isnan(array)] = "NaN"
    mixed[array == np.inf] = "Infinity"
    mixed[array == -np.inf] = "-Infinity"
    found: list[Any] = mixed.tolist()
    return found


class NpyWriter:
    """An array (points, columns), NaN where a row has an error."""

    def __init__(self, sink: Sink, fields: Sequence[Field]) -> None:
        self._sink = sink
        self._width = len(_columns(fields))
        self._count = 0
        sink.write(_npy_header((0, self._width)))

    def write(self, answer: Answer) -> None:
        """A row of the array a row."""
        table = _blanked(_table(answer), answer)
        self._sink.write(np.ascontiguousarray(table).tobytes())
        self._count += answer.count

    def close(self) -> None:
        """Say at the beginning how many there are."""
        self._sink.flush()
        self._sink.file.seek(0)
        self._sink.write(_npy_header((self._count, self._width)))


def _blanked(table: Array, answer: Answer) -> Array:
    if answer.errors:
        table = np.array(table)
        table[list(answer.errors)] = np.nan
    return table


def _npy_header(shape: tuple[int, ...]) -> bytes:
    """The first 128 bytes of an ``.npy`` file of doubles, whatever its shape."""
    text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}"
    return b"\x93NUMPY\x01\x00\x76\x00" + text.ljust(117).encode("latin-1") + b"\n"


class NpzWriter:
    """Arrays by name, points first; kept columns as texts; `error_row` and `error` say which rows failed and why."""

    def __init__(self, sink: Sink, fields: Sequence[Field], kept: Sequence[str]) -> None:
        self._sink, self._fields, self._names = sink, fields, kept
        self._spools: list[IO[bytes]] = [tempfile.TemporaryFile() for _ in fields]  # noqa: SIM115  # closed by `close`
        self._kept: list[list[str]] = [[] for _ in kept]
        self._errors: list[tuple[int, str]] = []
        self._count = 0

    def write(self, answer: Answer) -> None:
        """Rows of all arrays."""
        for spool, array in zip(self._spools, answer.arrays, strict=True):
            spool.write(np.ascontiguousarray(_blanked(array, answer)).tobytes())
        for known, texts in zip(self._kept, answer.kept, strict=True):
            known.extend(texts)
        reasons = {**answer.warnings, **{i: message for i, (_, message) in answer.errors.items()}}
        self._errors += [(answer.first + i, reason) for i, reason in sorted(reasons.items())]
        self._count += answer.count

    def close(self) -> None:
        """Put the arrays into one archive."""
        with zipfile.ZipFile(self._sink.file, "w") as archive:
            for field, spool in zip(self._fields, self._spools, strict=True):
                with archive.open(f"{field.name}.npy", "w", force_zip64=True) as member, spool:
                    member.write(_npy_header((self._count, *field.shape)))
                    spool.seek(0)
                    while data := spool.read(1 << 20):
                        member.write(data)
            rows = np.array([row for row, _ in self._errors], dtype=np.int64)
            reasons = np.array([reason for _, reason in self._errors], dtype=np.str_)
            for name, array in [("error_row", rows), ("error", reasons),
                                *zip(self._names, map(np.array, self._kept), strict=True)]:  # fmt: skip
                with archive.open(f"{name}.npy", "w") as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)


class ParquetWriter:
    """Parquet: kept columns as texts, the results as doubles (null where a row has an error), and `error`."""

    def __init__(self, sink: Sink, fields: Sequence[Field], kept: Sequence[str]) -> None:
        try:
            import pyarrow as arrow
            import pyarrow.parquet as parquet
        except ImportError:
            raise UsageError(
                "Parquet needs pyarrow", hint="pip install 'diffcli[parquet]'", code="missing-package"
            ) from None
        texts, results = [(name, arrow.string()) for name in kept], [(c, arrow.float64()) for c in _columns(fields)]
        self._schema = arrow.schema([*texts, *results, ("error", arrow.string())])
        self._writer = parquet.ParquetWriter(sink.file, self._schema)

    def write(self, answer: Answer) -> None:
        """A row group a block."""
        import pyarrow as arrow

        bad = np.zeros(answer.count, dtype=bool)
        bad[list(answer.errors)] = True
        reasons: list[str | None] = [None] * answer.count
        for i, reason in {**answer.warnings, **{i: message for i, (_, message) in answer.errors.items()}}.items():
            reasons[i] = reason
        columns = [arrow.array(texts, arrow.string()) for texts in answer.kept]
        columns += [arrow.array(column, mask=bad) for column in np.ascontiguousarray(_table(answer).T)]
        columns.append(arrow.array(reasons, arrow.string()))
        self._writer.write_batch(arrow.record_batch(columns, schema=self._schema))

    def close(self) -> None:
        """Write the index at the end."""
        self._writer.close()
