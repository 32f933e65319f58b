"""Lines of CSV read all at once: by NumPy, or several times as fast by pyarrow where it is installed.

Both round correctly, so the bits are the same. What they could read otherwise than a row by itself is read is left to
that: lines of another number of fields, quotes around more than a plain field, cells that are no numbers.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from diffcli.batching.columns import Array
from diffcli.report.digits import arrow

# One way to match, whatever the text: a field of ten megabytes of digits is decided in one go.
NUMBER = re.compile(rb"[+-]?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|(?i:nan|inf(?:inity)?))").fullmatch

#: What is often written for a missing number; pyarrow gives up at other words.
_MISSING = ["", "NA", "N/A", "n/a", "#N/A", "NULL", "null", "None", "NaN", "nan", "NAN", "?", "-", "."]


#: pyarrow needs as long for a column as for so many numbers, so NumPy reads the lines that are fewer.
FEWEST_LINES = 64


class Wanted(NamedTuple):
    """What is read of a table of `width` columns: numbers from some of them, by name, and texts."""

    width: int
    delimiter: bytes
    columns: Sequence[str]
    places: Sequence[int]
    kept: Sequence[int]


@dataclass(slots=True)
class Look:
    """Where the lines of a piece end, and which of them may be read with the others."""

    starts: NDArray[np.intp]
    ends: NDArray[np.intp]
    plain: NDArray[np.bool_]


class Read(NamedTuple):
    """Rows read at once: numbers by column (NaN where there is none), and texts."""

    numbers: dict[str, Array]
    texts: list[list[str]]


def look(piece: bytes, wanted: Wanted) -> Look | None:
    """At a piece whose last line has its end; None if some line ends inside quotes."""
    data = np.frombuffer(piece, dtype=np.uint8)
    delimiter = ord(wanted.delimiter)
    ends = np.flatnonzero(data == 10)
    starts = np.concatenate([[0], ends[:-1] + 1])
    separators = np.flatnonzero(data == delimiter)
    plain = np.diff(np.searchsorted(separators, ends), prepend=0) == wanted.width - 1
    plain &= ends > starts
    if b'"' in piece:
        quotes = np.flatnonzero(data == 34)
        if (np.diff(np.searchsorted(quotes, ends), prepend=0) % 2).any():
            return None
        before, after = quotes[::2] - 1, quotes[1::2] + 1
        bounds = np.isin(np.arange(256), [10, delimiter])  # what may stand around a field
        odd = [
            quotes[::2][~bounds[data[before]] & (before >= 0)],
            quotes[1::2][~bounds[data[after]]],
            separators[np.searchsorted(quotes, separators) % 2 == 1],
        ]
        plain[np.searchsorted(ends, np.concatenate(odd))] = False
    return Look(starts, ends, plain)


def chosen(piece: bytes, seen: Look, which: NDArray[np.bool_]) -> bytes:
    """Some lines of a piece."""
    if which.all():
        return piece
    turns = np.flatnonzero(np.diff(which, prepend=False, append=False)).reshape(-1, 2)
    return b"".join([piece[seen.starts[first] : seen.ends[last - 1] + 1] for first, last in turns.tolist()])


def read(text: bytes, count: int, wanted: Wanted) -> Read:
    """So many plain lines; NaN where a cell is no number."""
    if not count:
        return Read({column: np.zeros(0) for column in wanted.columns}, [[] for _ in wanted.kept])
    text = text.replace(b'"', b"")  # around plain fields they mean nothing
    package = arrow(count * wanted.width) if count >= FEWEST_LINES else None
    found = None if package is None else _by_arrow(package, text, count, wanted)
    return found or _by_numpy(text, count, wanted)


def _by_arrow(package: Any, text: bytes, count: int, wanted: Wanted) -> Read | None:
    types = {str(place): package.float64() for place in wanted.places}
    types |= {str(place): package.string() for place in wanted.kept}
    if not types or b"(" in text:  # nan(…) is no number here
        return None
    form = package.csv
    names = [str(k) for k in range(wanted.width)]
    try:
        table = form.read_csv(
            package.py_buffer(text),
            form.ReadOptions(use_threads=False, block_size=len(text) + 1, column_names=names),
            form.ParseOptions(delimiter=wanted.delimiter.decode(), quote_char=False, double_quote=False),
            form.ConvertOptions(column_types=types, include_columns=list(types), null_values=_MISSING),
        )
        if table.num_rows != count:
            return None
        numbers = {
            # A column that is kept too came as texts.
            column: table.column(str(place)).chunk(0).cast(package.float64()).to_numpy(zero_copy_only=False)
            for column, place in zip(wanted.columns, wanted.places, strict=True)
        }
    except package.ArrowInvalid:
        return None
    return Read(numbers, [table.column(str(place)).to_pylist() for place in wanted.kept])


def _by_numpy(text: bytes, count: int, wanted: Wanted) -> Read:
    row = text.removesuffix(b"\n").replace(b"\n", wanted.delimiter)
    if list(wanted.places) == list(range(wanted.width)) and not wanted.kept:
        table = _numbers(row, wanted.delimiter).reshape(count, wanted.width)
        return Read({column: table[:, k] for k, column in enumerate(wanted.columns)}, [])
    fields = row.split(wanted.delimiter)
    between = wanted.delimiter
    return Read(
        {
            column: _numbers(between.join(fields[place :: wanted.width]), between)
            for column, place in zip(wanted.columns, wanted.places, strict=True)
        },
        [[text.decode("utf-8", "surrogateescape") for text in fields[place :: wanted.width]] for place in wanted.kept],
    )


def _numbers(text: bytes, delimiter: bytes) -> Array:
    """The cells' numbers, NaN for what is none. Rounds correctly, as `float` does."""
    if b"," not in text:
        text, delimiter = text.replace(delimiter, b","), b","
    empty = not text or b",," in text or b"," in (text[:1], text[-1:])
    if delimiter == b"," and not empty and b"(" not in text:
        with warnings.catch_warnings(), suppress(ValueError, DeprecationWarning):
            warnings.simplefilter("error")  # so NumPy says what it could not read
            return np.fromstring(text, sep=",")
    cells = [cell.strip() for cell in text.split(delimiter)]
    return np.fromstring(b",".join([cell if NUMBER(cell) else b"nan" for cell in cells]), sep=",")
