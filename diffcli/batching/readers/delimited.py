"""CSV and TSV: whole pieces at once where nothing is amiss, and row by row where something is."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from diffcli.batching import sizes
from diffcli.batching.columns import Block, Shapes
from diffcli.batching.readers.lines import Lines
from diffcli.batching.readers.quickly import NUMBER, Read, Wanted, chosen, look, read
from diffcli.batching.readers.table import shown, too_long
from diffcli.errors import UsageError
from diffcli.memory import worded
from diffcli.report.text import escape

# A field may be as long as a row, which is at most a piece longer than that.
csv.field_size_limit(max(csv.field_size_limit(), 2 * sizes.MAX_ROW))

_DECIMAL_COMMA = re.compile(rb"[+-]?[0-9]{1,30},[0-9]{1,30}").fullmatch


class CsvTable:
    """CSV or TSV with a header (RFC 4180; the last line may lack its end)."""

    def __init__(self, lines: Lines, name: str, delimiter: bytes) -> None:
        self._lines = lines
        self._delimiter = delimiter
        first = lines.first()
        if first is None:
            said = f"the first line of {escape(name)} is longer than {worded(sizes.MAX_ROW)}"
            hint = "put arrays as large as that into an .npz file"
            raise UsageError(said, hint=hint, code="limit")
        header = self._fields(first)
        if header is None:
            said = f"the first line of {escape(name)} opens a quote and does not close it"
            raise UsageError(said, hint="its first line names the columns: x,y", code="points")
        if not any(header):
            raise UsageError(f"{escape(name)} has no header", hint="its first line names the columns", code="points")
        self.names = [each.strip() for each in header]
        self.shapes: Shapes = {}
        self.progress, self.close = lines.progress, lines.close

    def check(self, columns: Sequence[str], keep: Sequence[str]) -> None:
        """Every column holds texts, which say row by row whether they are numbers."""

    def blocks(self, columns: Sequence[str], keep: Sequence[str]) -> Iterator[Block]:
        where = {name: place for place, name in enumerate(self.names)}
        places, kept = ([where[name] for name in names] for names in (columns, keep))
        wanted = Wanted(len(self.names), self._delimiter, columns, places, kept)
        for piece in self._lines.pieces(quotes=True):
            if piece is None:
                yield too_long(columns, keep, self.shapes)
                continue
            piece = piece.replace(b"\r\n", b"\n")
            yield self._block(piece if piece.endswith(b"\n") else piece + b"\n", wanted)

    def _block(self, piece: bytes, wanted: Wanted) -> Block:
        """The rows of a piece: all at once, but for those that need a look of their own."""
        seen = look(piece, wanted)
        if seen is None:
            return self._row_by_row(piece, wanted)
        found = read(chosen(piece, seen, seen.plain), int(seen.plain.sum()), wanted)
        missing = np.zeros(int(seen.plain.sum()), dtype=bool)
        for numbers in found.numbers.values():
            missing |= np.isnan(numbers)
        singly = ~seen.plain
        singly[np.flatnonzero(seen.plain)[missing]] = True
        if not singly.any():
            return Block(len(singly), found.numbers, [*found.texts])
        spans = zip(
            np.flatnonzero(singly).tolist(), seen.starts[singly].tolist(), seen.ends[singly].tolist(), strict=True
        )
        lines = {line: piece[start:end] for line, start, end in spans}
        blank = [line for line, text in lines.items() if not text.strip()]  # which are no rows
        rest = self._row_by_row(b"".join([text + b"\n" for text in lines.values() if text.strip()]), wanted)
        return _merged(found, ~missing, rest, singly, blank)

    def _row_by_row(self, piece: bytes, wanted: Wanted) -> Block:
        width, _, columns, places, kept = wanted
        errors: dict[int, str] = {}
        rows: list[list[float]] = []
        texts: list[list[str]] = [[] for _ in kept]
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
                    if NUMBER(number):
                        numbers[k] = float(number)
                    else:
                        errors[i] = f"{column} is {shown(fields[place])}, not a number{_cure(number)}"
                        break
            rows.append(numbers)
            there = self._before_the_quote(record) if fields is None else fields
            for text, place in zip(texts, kept, strict=True):
                text.append(there[place] if place < len(there) else "")
        table = np.array(rows, dtype=np.float64).reshape(len(rows), len(columns))
        return Block(len(rows), {column: table[:, k] for k, column in enumerate(columns)}, [*texts], errors)

    def _before_the_quote(self, record: bytes) -> list[str]:
        """The fields of a malformed row that can be read all the same: those before its first quote."""
        text = record.partition(b'"')[0].decode("utf-8", "surrogateescape")
        return text.split(self._delimiter.decode())[:-1]

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


def _cure(cell: bytes) -> str:
    return f"; write {cell.decode().replace(',', '.')}" if _DECIMAL_COMMA(cell) else ""


def _merged(found: Read, sound: NDArray[np.bool_], rest: Block, singly: NDArray[np.bool_], blank: list[int]) -> Block:
    """The `sound` rows of those that were read at once, and between them the `rest`, which were read singly."""
    singly = np.delete(singly, blank)
    numbers = {}
    for column, values in found.numbers.items():
        numbers[column] = np.empty(len(singly))
        numbers[column][~singly] = values[sound]
        numbers[column][singly] = rest.numbers[column]
    kept: list[Sequence[str]] = []
    for texts, others in zip(found.texts, rest.kept, strict=True):
        cells = np.empty(len(singly), dtype=object)
        cells[~singly] = np.array(texts, dtype=object)[sound]
        cells[singly] = others
        kept.append(cells.tolist())
    places = np.flatnonzero(singly)
    return Block(len(singly), numbers, kept, {int(places[i]): said for i, said in rest.errors.items()})
