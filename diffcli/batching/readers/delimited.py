"""CSV and TSV: whole pieces at once where nothing is amiss, and row by row where something is."""

from __future__ import annotations

import csv
import re
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from diffcli.batching.columns import Array, Block
from diffcli.batching.printing import arrow
from diffcli.batching.readers.lines import Lines
from diffcli.batching.readers.table import shown
from diffcli.errors import UsageError
from diffcli.report.text import escape

# One way to match, whatever the text: a field of ten megabytes of digits is decided in one go.
_NUMBER = re.compile(rb"[+-]?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|(?i:nan|inf(?:inity)?))").fullmatch


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
        package = arrow(count * width)
        if package is not None:
            block = self._by_arrow(package, text, count, columns, places, kept)
            if block is not None:
                return block
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

    def _by_arrow(
        self,
        package: Any,
        text: bytes,
        count: int,
        columns: Sequence[str],
        places: Sequence[int],
        kept: Sequence[int],
    ) -> Block | None:
        """The same by pyarrow, several times as fast. It rounds correctly, and what it refuses others look at."""
        types = {str(place): package.string() for place in kept} | {str(k): package.float64() for k in places}
        if not types or not {*places}.isdisjoint(kept) or b"(" in text:  # nan(…) is no number here
            return None
        form = package.csv
        try:
            found = form.read_csv(
                package.py_buffer(text),
                form.ReadOptions(
                    use_threads=False, block_size=len(text) + 1, column_names=[str(k) for k in range(len(self.names))]
                ),
                form.ParseOptions(delimiter=self._delimiter.decode(), quote_char=False, double_quote=False),
                form.ConvertOptions(column_types=types, include_columns=list(types), null_values=[]),
            )
        except package.ArrowInvalid:
            return None
        if found.num_rows != count:
            return None
        numbers = {
            column: found.column(str(place)).chunk(0).to_numpy() for column, place in zip(columns, places, strict=True)
        }
        return Block(count, numbers, [found.column(str(place)).to_pylist() for place in kept])

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
                        errors[i] = f"{column} is {shown(fields[place])}, not a number"
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
