"""Tables of answers, written a block at a time: CSV, JSON Lines, NumPy's files and Parquet.

A row with an error has empty results and its reason in the column `error` (``domain`` where the formula has no value);
a result that is not to be trusted stands as it is, with the codes of its warnings there (``pole``, or ``kink;tie``).
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple, Protocol

import numpy as np

from diffcli.batching import printing
from diffcli.batching.columns import Array, Carried
from diffcli.batching.spools import Spool, TextSpool, npy_header
from diffcli.errors import UsageError
from diffcli.report import as_json
from diffcli.report.stream import Sink

#: Those that `--format` takes.
FORMATS = ("csv", "tsv", "jsonl", "npy", "npz", "parquet")
#: The code of a row at which the formula has no value.
DOMAIN = "domain"
#: Parquet describes every column for every group of rows.
MOST_COLUMNS = 1 << 16
#: How many rows a group has, at least, but for the last.
GROUP_ROWS = 1 << 16
#: A row of JSON with more numbers is written by itself, as the answer to one point is.
WIDE = 1 << 14
SEEKING = frozenset({"npy", "npz", "parquet"})


@dataclass(frozen=True, slots=True)
class Field:
    """One quantity of an answer: what it is called in each format, and the shape it has at one point."""

    name: str  # in .npz
    path: tuple[str, ...]  # in JSON
    labels: Callable[[], Sequence[str]]  # in CSV, element by element; only made when asked for: there may be millions
    shape: tuple[int, ...]

    @property
    def columns(self) -> Sequence[str]:
        """What its elements are called in CSV."""
        return self.labels()

    @property
    def size(self) -> int:
        """How many numbers it has at one point."""
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class Same:
    """What every line of JSON says alike, such as the names of a matrix's columns; a table has them in its header."""

    key: str
    value: Any


@dataclass(slots=True)
class Answer:
    """Some rows of a result: an array a field, points first; texts carried along; errors and warnings by row."""

    first: int
    count: int
    arrays: Sequence[Array]
    kept: Sequence[Sequence[str]]
    errors: Mapping[int, tuple[str, str]]  # code, message
    warnings: Mapping[int, Sequence[str]]  # codes


class Writer(Protocol):
    """Writes answers; `close` completes the file."""

    def write(self, answer: Answer) -> None: ...
    def close(self) -> None: ...
    def abandon(self) -> None:
        """The file will not be completed, and may be closed already."""


def open_writer(form: str, sink: Sink, parts: Sequence[Field | Same], kept: Sequence[str]) -> Writer:
    """The writer of a format, with its header written; `parts` are those of a line of JSON, in order."""
    fields = [part for part in parts if isinstance(part, Field)]
    if form in ("csv", "tsv"):
        return CsvWriter(sink, fields, kept, "\t" if form == "tsv" else ",")
    if form == "jsonl":
        return JsonWriter(sink, parts, kept)
    if form == "npy":
        return NpyWriter(sink, fields)
    if form == "npz":
        return NpzWriter(sink, fields, kept)
    return ParquetWriter(sink, fields, kept)


def _table(answer: Answer) -> Array:
    """(rows, columns): all fields side by side."""
    parts = [array.reshape(answer.count, math.prod(array.shape[1:])) for array in answer.arrays]
    return np.concatenate([*parts], axis=1) if parts else np.zeros((answer.count, 0))


def _reasons(answer: Answer) -> dict[int, str]:
    """What the column `error` says: of rows with an error the reason, of rows with warnings their codes."""
    codes = {i: ";".join(each) for i, each in answer.warnings.items()}
    return codes | {i: code if code == DOMAIN else message for i, (code, message) in answer.errors.items()}


def _columns(fields: Sequence[Field]) -> list[str]:
    return [column for field in fields for column in field.columns]


class CsvWriter:
    """CSV or TSV: what is kept, the results, and the column `error`."""

    def __init__(self, sink: Sink, fields: Sequence[Field], kept: Sequence[str], between: str = ",") -> None:
        self._sink, self._between = sink, between
        header = between.join(printing.cells([*kept, *_columns(fields), "error"], between))
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
            for i, reason in _reasons(answer).items():
                reasons[i] = printing.cell(reason, self._between)
        kept = [printing.cells(column, self._between) for column in answer.kept]
        if answer.count:
            self._put(printing.lines(table, kept, reasons, answer.errors, self._between))

    def close(self) -> None:
        """Nothing is left to write."""

    def abandon(self) -> None:
        """Nothing waits to be written."""


class JsonWriter:
    """JSON Lines: an object a row, with the keys that the command's object has at one point."""

    def __init__(self, sink: Sink, parts: Sequence[Field | Same], kept: Sequence[str]) -> None:
        self._sink, self._parts, self._kept = sink, parts, _texts(kept)
        fields = [part for part in parts if isinstance(part, Field)]
        self._wide = sum(field.size for field in fields) > WIDE
        #: A row in which all is well, as a form for ``%``: its number, texts in JSON, numbers.
        places = [_Place("") if self._wide else _place(field.shape) for field in fields]
        self._form = f"{_formed(self._row(_Place('%d'), [_Place('%s')] * len(kept), places, []))}\n"

    def _row(self, i: Any, kept: Sequence[Any], values: Sequence[Any], warnings: Sequence[Any]) -> dict[str, Any]:
        row: dict[str, Any] = {"i": i}
        if self._kept:
            row["kept"] = dict(zip(self._kept, kept, strict=True))
        following = iter(values)
        for part in self._parts:
            if isinstance(part, Same):
                row[part.key] = part.value
                continue
            place = row
            for key in part.path[:-1]:
                place = place.setdefault(key, {})
            place[part.path[-1]] = next(following)
        row["warnings"] = warnings
        return row

    def write(self, answer: Answer) -> None:
        """A line a row."""
        if self._wide:
            for i in range(answer.count):
                self._put(f"{as_json.dumps(self._odd(answer, i))}\n")
        elif answer.count:
            self._put(self._lines(answer))

    def _put(self, text: str) -> None:
        # Bytes that were no text, as JSON writes what is no character.
        self._sink.write(text.encode("utf-8", "backslashreplace"))
        self._sink.flush()

    def _lines(self, answer: Answer) -> str:
        table = _table(answer)
        kept = [[as_json.dumps(_value(text)) for text in _texts(column)] for column in answer.kept]
        columns = (range(answer.first, answer.first + answer.count), *kept, *table.T.tolist())
        text = (self._form * answer.count) % tuple(chain.from_iterable(zip(*columns, strict=True)))
        odd = {*np.flatnonzero(~np.isfinite(table).all(axis=1)).tolist(), *answer.errors, *answer.warnings}
        if odd:
            lines = text.split("\n")
            for i in odd:
                lines[i] = as_json.dumps(self._odd(answer, i))
            text = "\n".join(lines)
        return text

    def _odd(self, answer: Answer, i: int) -> dict[str, Any]:
        """A row with an error, a warning, a number that JSON has no sign for, or very many of them."""
        kept = [_value(*_texts(column[i : i + 1])) for column in answer.kept]
        if i not in answer.errors:
            warnings = [{"code": code} for code in answer.warnings.get(i, ())]
            return self._row(answer.first + i, kept, [array[i] for array in answer.arrays], warnings)
        code, message = answer.errors[i]
        row: dict[str, Any] = {"i": answer.first + i}
        if self._kept:
            row["kept"] = dict(zip(self._kept, kept, strict=True))
        return row | {"error": {"code": code, "message": message}}

    def close(self) -> None:
        """Nothing is left to write."""

    def abandon(self) -> None:
        """Nothing waits to be written."""


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
            return as_json.dumps(value).replace("%", "%%")


class NpyWriter:
    """An array (points, columns), NaN where a row has an error."""

    def __init__(self, sink: Sink, fields: Sequence[Field]) -> None:
        self._sink = sink
        self._width = sum(field.size for field in fields)
        self._count = 0
        sink.write(npy_header((0, self._width)))

    def write(self, answer: Answer) -> None:
        """A row of the array a row."""
        table = _blanked(_table(answer), answer)
        self._sink.write(np.ascontiguousarray(table).tobytes())
        self._count += answer.count

    def close(self) -> None:
        """Say at the beginning how many there are."""
        self._sink.flush()
        self._sink.file.seek(0)
        self._sink.write(npy_header((self._count, self._width)))

    def abandon(self) -> None:
        """Nothing waits to be written."""


def _blanked(table: Array, answer: Answer) -> Array:
    if answer.errors:
        table = np.array(table)
        table[list(answer.errors)] = np.nan
    return table


class NpzWriter:
    """Arrays by name, points first; kept columns as texts; `error_row` and `error` say which rows failed and why."""

    def __init__(self, sink: Sink, fields: Sequence[Field], kept: Sequence[str]) -> None:
        self._sink, self._fields, self._names = sink, fields, _texts(kept)
        # Beside the result, where there is room for it, and not where temporary files may be in memory.
        self._spools = [Spool(sink.folder) for _ in fields]
        self._kept = [TextSpool(sink.folder) for _ in kept]
        self._errors, self._error_rows = TextSpool(sink.folder), Spool(sink.folder, "<i8")
        self._count = 0

    def write(self, answer: Answer) -> None:
        """Rows of all arrays."""
        for spool, array in zip(self._spools, answer.arrays, strict=True):
            spool.add(_blanked(array, answer))
        for known, texts in zip(self._kept, answer.kept, strict=True):
            known.add(texts)
        reasons = _reasons(answer)
        rows = sorted(reasons)
        self._errors.add([reasons[i] for i in rows])
        self._error_rows.add(np.array(rows, dtype=np.int64) + answer.first)
        self._count += answer.count

    def close(self) -> None:
        """Put the arrays into one archive."""
        with zipfile.ZipFile(self._sink.file, "w") as archive:
            for field, spool in zip(self._fields, self._spools, strict=True):
                with archive.open(f"{field.name}.npy", "w", force_zip64=True) as member:
                    spool.pour(member, (self._count, *field.shape))
            with archive.open("error_row.npy", "w", force_zip64=True) as member:
                self._error_rows.pour(member, (self._errors.count,))
            for name, texts in [("error", self._errors), *zip(self._names, self._kept, strict=True)]:
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    texts.pour(member)

    def abandon(self) -> None:
        """What waits has no name, and goes with its files."""
        waiting: list[Spool | TextSpool] = [*self._spools, *self._kept, self._errors, self._error_rows]
        for spool in waiting:
            spool.close()


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
        width = sum(field.size for field in fields)
        if width > MOST_COLUMNS:
            said = f"Parquet is not made for tables of {width:,} columns"
            raise UsageError(said, hint="npz holds matrices as they are: -o result.npz", code="limit")
        kept = _texts(kept)
        texts, results = [(name, arrow.string()) for name in kept], [(c, arrow.float64()) for c in _columns(fields)]
        self._schema = arrow.schema([*texts, *results, ("error", arrow.string())])
        # Results hardly repeat, so a dictionary of them costs half the time and saves nothing.
        self._writer = parquet.ParquetWriter(sink.file, self._schema, use_dictionary=[*kept, "error"])
        self._waiting: list[Any] = []

    def write(self, answer: Answer) -> None:
        """Rows, that wait until they are a row group."""
        import pyarrow as arrow

        bad = np.zeros(answer.count, dtype=bool)
        bad[list(answer.errors)] = True
        reasons: list[str | None] = [None] * answer.count
        for i, reason in _reasons(answer).items():
            reasons[i] = reason
        columns = [arrow.array(_texts(texts), arrow.string()) for texts in answer.kept]
        columns += [arrow.array(column, mask=bad) for column in np.ascontiguousarray(_table(answer).T)]
        columns.append(arrow.array(reasons, arrow.string()))
        self._waiting.append(arrow.record_batch(columns, schema=self._schema))
        if sum(batch.num_rows for batch in self._waiting) >= GROUP_ROWS:
            self._group()

    def _group(self) -> None:
        import pyarrow as arrow

        if self._waiting:
            self._writer.write_table(arrow.Table.from_batches(self._waiting))
            self._waiting.clear()

    def close(self) -> None:
        """Write the rest, and the index at the end."""
        self._group()
        self._writer.close()

    def abandon(self) -> None:
        """Keep pyarrow from completing, in the end, a file that is closed."""
        self._writer.is_open = False


def _texts(column: Sequence[str]) -> Sequence[str]:
    """Texts that Parquet and JSON can hold, and names of archives: bytes that were no text become question marks."""
    try:
        "".join(column).encode()
    except UnicodeEncodeError:
        return [text.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for text in column]
    return column


def _value(text: str) -> Any:
    """What is kept, as JSON has it."""
    return text.value if isinstance(text, Carried) else text
