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
from itertools import chain
from typing import IO, Any, NamedTuple, Protocol

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
        #: A row in which all is well, as a form for ``%``: its number, texts in JSON, numbers.
        places = [_place(field.shape) for field in fields]
        self._form = f"{_formed(self._row(_Place('%d'), [_Place('%s')] * len(kept), places, []))}\n"

    def _row(self, i: Any, kept: Sequence[Any], values: Sequence[Any], warnings: Sequence[Any]) -> dict[str, Any]:
        row: dict[str, Any] = {"i": i}
        if self._kept:
            row["kept"] = dict(zip(self._kept, kept, strict=True))
        for field, value in zip(self._fields, values, strict=True):
            place = row
            for key in field.path[:-1]:
                place = place.setdefault(key, {})
            place[field.path[-1]] = value
        row["warnings"] = warnings
        return row

    def write(self, answer: Answer) -> None:
        """A line a row."""
        if not answer.count:
            return
        table = _table(answer)
        kept = [[json.dumps(text, ensure_ascii=False) for text in column] for column in answer.kept]
        columns = (range(answer.first, answer.first + answer.count), *kept, *table.T.tolist())
        text = (self._form * answer.count) % tuple(chain.from_iterable(zip(*columns, strict=True)))
        odd = {*np.flatnonzero(~np.isfinite(table).all(axis=1)).tolist(), *answer.errors, *answer.warnings}
        if odd:
            lines = text.split("\n")
            for i in odd:
                lines[i] = json.dumps(self._odd(answer, i), ensure_ascii=False)
            text = "\n".join(lines)
        # Bytes that were no text, as JSON writes what is no character.
        self._sink.write(text.encode("utf-8", "backslashreplace"))
        self._sink.flush()

    def _odd(self, answer: Answer, i: int) -> dict[str, Any]:
        """A row with an error, a warning, or a number that JSON has no sign for."""
        kept = [column[i] for column in answer.kept]
        if i not in answer.errors:
            warnings = [{"code": answer.warnings[i]}] if i in answer.warnings else []
            return self._row(answer.first + i, kept, [_json(array[i]) for array in answer.arrays], warnings)
        code, message = answer.errors[i]
        row: dict[str, Any] = {"i": answer.first + i}
        if self._kept:
            row["kept"] = dict(zip(self._kept, kept, strict=True))
        return row | {"error": {"code": code, "message": message}}

    def close(self) -> None:
        """Nothing is left to write."""


class _Place(NamedTuple):
    """Where in a form something comes, as ``%`` spells it."""

    text: str


def _place(shape: Sequence[int]) -> _Place:
    """The place of a number, or of nested lists of numbers."""
    text = "%r"
    for n in reversed(shape):
        text = f"[{', '.join([text] * n)}]"
    return _Place(text)


def _formed(value: Any) -> str:
    """A row as JSON, in which places stay open. Rows are shallow."""
    match value:
        case _Place():
            return value.text
        case dict():
            return "{" + ", ".join(f"{_formed(key)}: {_formed(each)}" for key, each in value.items()) + "}"
        case _:
            return json.dumps(value, ensure_ascii=False).replace("%", "%%")


def _json(array: Array) -> Any:
    """A number or nested lists, with strings for what JSON has no number for."""
    if np.isfinite(array).all():
        return array.tolist()
    mixed = np.asarray(array).astype(object)
    mixed[np.isnan(array)] = "NaN"
    mixed[array == np.inf] = "Infinity"
    mixed[array == -np.inf] = "-Infinity"
    return mixed.tolist()


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
        # Results hardly repeat, so a dictionary of them costs half the time and saves nothing.
        self._writer = parquet.ParquetWriter(sink.file, self._schema, use_dictionary=[*kept, "error"])

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
