"""What every table of points can do, and what a single cell of one is, whatever the format."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from decimal import Decimal
from itertools import chain
from typing import Any, Protocol

import numpy as np

from diffcli.batching import sizes
from diffcli.batching.columns import Block, Place, Shapes
from diffcli.memory import worded
from diffcli.report.text import escape

_SPECIAL = {"NaN": np.nan, "Infinity": np.inf, "-Infinity": -np.inf}


class Table(Protocol):
    """A table that can be read once, from its start to its end."""

    names: list[str]
    shapes: Shapes

    def check(self, columns: Sequence[str], keep: Sequence[str]) -> None:
        """Raises ValueError or `UsageError` where these columns cannot be read, before anything is written."""

    def blocks(self, columns: Sequence[str], keep: Sequence[str]) -> Iterator[Block]:
        """The rows, with `columns` as numbers and `keep`, columns and elements of arrays, as texts."""

    def progress(self) -> float | None:
        """What part of it has been read, where that is known."""

    def close(self) -> None:
        """Let go of the file."""


def too_long(columns: Sequence[str], keep: Sequence[str], shapes: Shapes) -> Block:
    """The row of a line that was left out."""
    said = f"the line is longer than {worded(sizes.MAX_ROW)}"
    numbers = {column: np.ones((1, *shapes.get(column, ()))) for column in columns}
    return Block(1, numbers, [[""] for _ in keep], {0: said})


def leaves(value: Any) -> tuple[tuple[int, ...], list[float]] | None:
    """The shape and the numbers of nested lists; None if they are no array of numbers."""
    shape: list[int] = []
    level = [value]
    while level and isinstance(level[0], list):
        if not all(isinstance(row, list) and len(row) == len(level[0]) for row in level):
            return None
        shape.append(len(level[0]))
        level = list(chain.from_iterable(level))
    if str in (types := set(map(type, level))):
        level = [_SPECIAL.get(leaf) if isinstance(leaf, str) else leaf for leaf in level]
        types = set(map(type, level))
    if not types <= {float, int}:
        return None
    try:
        return tuple(shape), [*map(float, level)]
    except OverflowError:
        return None


def located(label: str, names: Collection[str]) -> tuple[str, Place]:
    """The column that a label stands for or, as an element, is in; and where."""
    if label in names:
        return label, ()
    name, _, place = label.rpartition("[")
    return name, tuple(int(k) for k in place.removesuffix("]").split(","))


def element(value: Any, at: Sequence[int]) -> Any:
    """An element of nested lists; None if they have none there."""
    for k in at:
        if not isinstance(value, list) or k >= len(value):
            return None
        value = value[k]
    return value


def plain(value: Any) -> str:
    """A value to carry along: a text as it is, nothing as nothing, dates by ISO 8601, all else as JSON."""
    if value is None or isinstance(value, str):
        return value or ""
    spelled = _spelled(value)
    return json.dumps(value, default=_spelled) if spelled is None else spelled


def _spelled(value: Any) -> str | None:
    """What JSON has no form for; None of what it has."""
    match value:
        case bytes():
            return value.decode("utf-8", "surrogateescape")
        case Decimal():
            return format(value, "f")
        case float() | int() | list() | dict():
            return None
    return str(value.isoformat()) if hasattr(value, "isoformat") else str(value)


def shown(text: str) -> str:
    if not text.strip():
        return "empty"
    return escape(text if len(text) <= 40 else f"{text[:37]}…").encode("utf-8", "replace").decode()
