"""Columns of a table as inputs of a formula: ``x``, ``w[0]``, ``A[1,2]``; and ranges as tables of their own."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from diffcli.batching import sizes
from diffcli.batching.printing import texts
from diffcli.errors import UsageError
from diffcli.graph import MAX_DIMENSIONS

Array = NDArray[np.float64]

#: More points than this are no grid that anybody meant.
MAX_GRID = 10**12

_ELEMENT = re.compile(r"(.*?)\[\s*([0-9]{1,1000}(?:\s*,\s*[0-9]{1,1000})*)\s*\]").fullmatch


@dataclass(slots=True)
class Block:
    """Some points in a row: numbers by column, texts to carry along, and what is wrong with single rows.

    A row with an error has a number in every column all the same, which means nothing.
    """

    count: int
    numbers: dict[str, Array]
    kept: list[Sequence[str]] = field(default_factory=list)
    errors: dict[int, str] = field(default_factory=dict)
    part: float | None = None  # of the table, up to here, where that is known


class Carried(str):
    """What a line of JSON holds that is carried along, as a text; and the value that it was, for lines of JSON."""

    __slots__ = ("value",)
    value: Any


class Layout:
    """Which columns of a table make up which inputs of a formula."""

    def __init__(self, inputs: Sequence[str], names: Sequence[str]) -> None:
        wanted = set(inputs)
        #: For every input that the table has: its shape and its columns, row by row.
        self.inputs: dict[str, tuple[tuple[int, ...], list[str]]] = {}
        places: dict[str, dict[tuple[int, ...], str]] = {}
        for column in names:
            name = normalize("NFC", column.strip())
            element = _ELEMENT(name)
            at: tuple[int, ...] = ()
            if name not in wanted and element:
                name, at = element[1].strip(), tuple(int(k) for k in element[2].split(","))
            if name not in wanted:
                continue
            known = places.setdefault(name, {})
            if at in known:
                raise UsageError(f"the points have two columns {column.strip()}", code="points")
            known[at] = column
        for name, known in places.items():
            self.inputs[name] = _shaped(name, known)

    @property
    def columns(self) -> list[str]:
        """The columns that are read as numbers."""
        return [column for _, columns in self.inputs.values() for column in columns]

    def points(self, block: Block) -> dict[str, Array]:
        """The inputs by name, with the points on the first axis."""
        found = {}
        for name, (shape, columns) in self.inputs.items():
            parts = [block.numbers[column] for column in columns]
            found[name] = parts[0] if shape == () else np.stack(parts, axis=-1).reshape((block.count, *shape))
        return found


def _shaped(name: str, known: Mapping[tuple[int, ...], str]) -> tuple[tuple[int, ...], list[str]]:
    if () in known:
        if len(known) > 1:
            raise UsageError(f"the points have a column {name} and columns {name}[…]", code="points")
        return (), [known[()]]
    depths = sorted({len(at) for at in known})
    if len(depths) > 1 or depths[0] > MAX_DIMENSIONS:
        hint = f"all columns of an array have as many, at most {MAX_DIMENSIONS}"
        said = f"the columns of {name} have {' or '.join(map(str, depths))} indices"
        raise UsageError(said, hint=hint, code="points")
    shape = tuple(max(axis) + 1 for axis in zip(*known, strict=True))
    if math.prod(shape) > len(known):  # one of the first is missing: the header may name any number
        missing = next(at for k in range(len(known) + 1) if (at := _place(k, shape)) not in known)
        label = f"{name}[{','.join(map(str, missing))}]"
        raise UsageError(f"the points lack the column {label}", hint=f"{name} has other elements", code="points")
    return shape, [known[at] for at in sorted(known)]


def _place(k: int, shape: Sequence[int]) -> tuple[int, ...]:
    """The index of the k-th element, row by row."""
    at = []
    for length in reversed(shape):
        k, i = divmod(k, length)
        at.append(i)
    return tuple(reversed(at))


class Range(NamedTuple):
    """So many numbers at equal distances from `first` to `last`, those of `numpy.linspace` to the bit."""

    first: float
    last: float
    size: int

    def at(self, places: NDArray[np.int64]) -> Array:
        """The numbers at some places."""
        steps = self.size - 1
        length = self.last - self.first
        found = places.astype(np.float64)
        if length / max(1, steps) == 0.0:  # too small for a number of its own
            found = found / max(1, steps) * length
        else:
            found *= length / max(1, steps)
        found += self.first
        if steps:
            found[places == steps] = self.last
        return found


class Grid:
    """Every combination of some ranges, the first varying slowest, as a table without a file."""

    def __init__(self, ranges: Mapping[str, Range]) -> None:
        self.names = list(ranges)
        self._ranges = list(ranges.values())
        self.total = math.prod(each.size for each in self._ranges)
        if self.total > MAX_GRID:
            raise UsageError(
                f"the ranges make a grid of {float(self.total):.3g} points",
                hint="give fewer points a range",
                code="limit",
            )
        self._done = 0

    def check(self, columns: Sequence[str], keep: Sequence[str]) -> None:
        """All columns are numbers."""

    def blocks(self, columns: Sequence[str], keep: Sequence[str]) -> Iterator[Block]:
        """The points, block by block."""
        for start in range(0, self.total, sizes.BLOCK_ROWS):
            self._done = end = min(start + sizes.BLOCK_ROWS, self.total)
            index = np.arange(start, end)
            numbers: dict[str, Array] = {}
            for name, each in zip(reversed(self.names), reversed(self._ranges), strict=True):
                index, place = np.divmod(index, each.size)
                numbers[name] = each.at(place)
            yield Block(end - start, numbers, [texts(numbers[name]) for name in keep])

    def progress(self) -> float | None:
        """What part of it has been read."""
        return self._done / self.total

    def close(self) -> None:
        """There is no file."""
