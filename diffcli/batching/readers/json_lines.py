"""JSON Lines: an object a line."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from typing import Any
from unicodedata import normalize

import numpy as np

from diffcli.batching import sizes
from diffcli.batching.columns import Array, Block, Carried, Place, Shapes
from diffcli.batching.readers.lines import Lines
from diffcli.batching.readers.quickly import NUMBER
from diffcli.batching.readers.table import element, leaves, located, plain, shown, too_long
from diffcli.errors import UsageError
from diffcli.report.text import escape

#: A value with more brackets than this is carried along as a text: it may be deeper than Python counts.
_DEEPEST = 200
#: Halves of characters, which JSON can spell and no file can hold.
_HALF = re.compile("[\ud800-\udfff]")


#: The value of a key that a line lacks.
_MISSING = object()


class JsonTable:
    """JSON Lines: an object a line, ``{"x": 1, "w": [1, 2]}``. The first that the formula can take says which names and
    shapes there are (`forms`).
    """

    def __init__(self, lines: Lines, name: str) -> None:
        self._lines = lines
        self.shapes: Shapes = {}
        self.progress, self.close = lines.progress, lines.close
        self.names: list[str] = []
        # Between two lines, so that no line can borrow from another what it lacks.
        self._mark = os.urandom(8).hex()
        self._between = f',"{self._mark}",'.encode()
        first = next(self._ahead(), None)
        if first is None:
            hint = 'a line is {"x": 1, "w": [1, 2]}'
            raise UsageError(f"{escape(name)} holds no JSON object", hint=hint, code="points")
        self._first = first
        self._take(first)

    def _ahead(self) -> Iterator[dict[str, Any]]:
        """The objects at the beginning, which stay."""
        return (row for line in self._lines.ahead(sizes.LOOK_AHEAD) if (row := _object(line)) is not None)

    def _take(self, row: dict[str, Any]) -> None:
        """The names and shapes of a row are those of the table."""
        self.shapes = {key: found[0] if (found := leaves(value)) else () for key, value in row.items()}
        self.names = [*row]

    def forms(self, inputs: Collection[str]) -> Iterator[None]:
        """Take the names and shapes of one row after another: of those ahead in which no input is anything but numbers,
        the different ones, and in the end of the first row, whatever it holds.
        """
        seen: set[tuple[Any, ...]] = set()
        for row in self._ahead():
            mine = {key: leaves(value) for key, value in row.items() if normalize("NFC", key.strip()) in inputs}
            form = tuple((key, found[0]) for key, found in sorted(mine.items()) if found is not None)
            if len(form) == len(mine) and (form, *row) not in seen and len(seen) < sizes.LOOK_AHEAD:
                seen.add((form, *row))
                self._take(row)
                yield
        self._take(self._first)
        yield

    def check(self, columns: Sequence[str], keep: Sequence[str]) -> None:
        """Every row says for itself what it holds."""

    def blocks(self, columns: Sequence[str], keep: Sequence[str]) -> Iterator[Block]:
        kept = [located(label, self.shapes) for label in keep]
        for piece in self._lines.pieces(quotes=False):
            if piece is None:
                yield too_long(columns, keep, self.shapes)
                continue
            lines = [line for line in piece.split(b"\n") if line.strip()]
            for start in range(0, len(lines), sizes.BLOCK_ROWS):
                yield self._block(lines[start : start + sizes.BLOCK_ROWS], columns, kept)

    def _block(self, lines: Sequence[bytes], columns: Sequence[str], kept: Sequence[tuple[str, Place]]) -> Block:
        errors: dict[int, str] = {}
        objects = self._objects(lines)
        if objects is None:
            objects = []
            for i, line in enumerate(lines):
                row = _object(line)
                objects.append(row or {})
                if row is None:
                    errors[i] = "the line is no JSON object"
        numbers = {key: self._values(key, [row.get(key, _MISSING) for row in objects], errors) for key in columns}
        texts = [[_carried(element(row.get(key), at)) for row in objects] for key, at in kept]
        return Block(len(lines), numbers, [*texts], errors)

    def _objects(self, lines: Sequence[bytes]) -> list[dict[str, Any]] | None:
        """The objects of lines that are one object each, all in one go; None if not all are."""
        try:
            found = json.loads(b"[" + self._between.join(lines) + b"]")
        except (ValueError, RecursionError):
            return None
        objects = found[::2]
        whole = len(found) == 2 * len(lines) - 1 and found[1::2].count(self._mark) == len(lines) - 1
        return objects if whole and set(map(type, objects)) == {dict} else None

    def _values(self, key: str, found: list[Any], errors: dict[int, str]) -> Array:
        shape = self.shapes[key]
        if shape == () and {float, int}.issuperset(map(type, found)):
            with suppress(OverflowError):  # a whole number beyond all doubles
                return np.array(found, dtype=np.float64)
        rows = np.ones((len(found), *shape))
        flat = rows.reshape(len(found), math.prod(shape))
        for i, value in enumerate(found):
            array = leaves(value)
            if array is None or array[0] != shape:
                wanted = "a number" if shape == () else f"an array of the shape {shape}"
                said = "missing" if value is _MISSING else f"{_quoted(value)}, not {wanted}"
                errors.setdefault(i, f"{key} is {said}")
            else:
                flat[i] = array[1]
        return rows


def _carried(value: Any) -> str:
    if isinstance(value, str):
        return _HALF.sub("\ufffd", value)
    text = Carried(_HALF.sub("\ufffd", plain(value)))
    text.value = value if text.count("[") + text.count("{") <= _DEEPEST else str(text)
    return text


def _quoted(value: Any) -> str:
    """A value as an error shows it: a text that spells a number has its quotes."""
    text = shown(plain(value))
    return f'"{text}"' if isinstance(value, str) and NUMBER(text.encode()) else text


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None
