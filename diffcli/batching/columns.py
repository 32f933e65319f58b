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
from diffcli.labels import label, labels

Array = NDArray[np.float64]
Shape = tuple[int, ...]
#: Where in an array an element is.
Place = tuple[int, ...]
#: Of the columns of a table that hold an array in every row, the shape of that.
Shapes = Mapping[str, Shape]

#: More points than this are no grid that anybody meant.
MAX_GRID = 10**12

_ELEMENT = re.compile(r"(.*?)\[\s*([0-9]{1,1000}(?:\s*,\s*[0-9]{1,1000})*)\s*\]").fullmatch


@dataclass(slots=True)
class Block:
    """Some points in a row: numbers by column, of an array with its elements on further axes; texts to carry along; and
    what is wrong with single rows.

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

    def __init__(self, inputs: Sequence[str], names: Sequence[str], shapes: Shapes) -> None:
        wanted = set(inputs)
        self._shapes = {name: shape for name, shape in shapes.items() if shape}
        #: For every input that the table has: its shape and its columns, row by row.
        self.inputs: dict[str, tuple[Shape, list[str]]] = {}
        places: dict[str, dict[Place, str]] = {}
        for column in names:
            name = normalize("NFC", column.strip())
            element = None if shapes.get(column) else _ELEMENT(name)
            at: Place = ()
            if name not in wanted and element:
                name, at = element[1].strip(), tuple(int(k) for k in element[2].split(","))
            if name not in wanted:
                continue
            known = places.setdefault(name, {})
            if at in known:
                raise UsageError(f"the points have two columns {column.strip()}", code="points")
            known[at] = column
        for name, known in places.items():
            self.inputs[name] = _shaped(name, known, shapes)

    @property
    def columns(self) -> list[str]:
        """The columns that are read as numbers."""
        return [column for _, columns in self.inputs.values() for column in columns]

    def column(self, name: str, place: Sequence[int]) -> str:
        """The column, or the element of one, that an element of an input comes from."""
        shape, columns = self.inputs[name]
        if columns[0] in self._shapes or not shape:
            return label(columns[0], place)
        return columns[int(np.ravel_multi_index(place, shape))]

    def points(self, block: Block) -> dict[str, Array]:
        """The inputs by name, with the points on the first axis."""
        found = {}
        for name, (shape, columns) in self.inputs.items():
            parts = [block.numbers[column] for column in columns]
            if parts[0].shape[1:] == shape:
                found[name] = parts[0]
            else:
                found[name] = np.stack(parts, axis=-1).reshape((block.count, *shape))
        return found


def _shaped(name: str, known: Mapping[Place, str], shapes: Shapes) -> tuple[Shape, list[str]]:
    if () in known:
        if len(known) > 1:
            raise UsageError(f"the points have a column {name} and columns {name}[…]", code="points")
        return shapes.get(known[()], ()), [known[()]]
    depths = sorted({len(at) for at in known})
    if len(depths) > 1 or depths[0] > MAX_DIMENSIONS:
        hint = f"all columns of an array have as many, at most {MAX_DIMENSIONS}"
        said = f"the columns of {name} have {' or '.join(map(str, depths))} indices"
        raise UsageError(said, hint=hint, code="points")
    shape = tuple(max(axis) + 1 for axis in zip(*known, strict=True))
    if math.prod(shape) > len(known):  # one of the first is missing: the header may name any number
        missing = next(at for k in range(len(known) + 1) if (at := _place(k, shape)) not in known)
        raise UsageError(
            f"the points lack the column {label(name, missing)}", hint=f"{name} has other elements", code="points"
        )
    return shape, [known[at] for at in sorted(known)]


def elements(name: str, names: Sequence[str], shapes: Shapes) -> list[str]:
    """The columns, and elements of arrays, that a name stands for, however its letters are composed: of an array all
    elements. None if there is nothing of that name.
    """
    wanted = normalize("NFC", name)
    composed = {each: normalize("NFC", each) for each in names}
    alike = [name] if name in composed else [each for each in composed if composed[each] == wanted]
    if alike:
        return [element for each in alike for element in labels(each, shapes.get(each, ()))]
    parts = [each for each in composed if composed[each].startswith(f"{wanted}[")]
    element = _ELEMENT(wanted)
    if parts or not element:
        return parts
    at = tuple(int(k) for k in element[2].split(","))
    within = [each for each in shapes if composed[each] == element[1].strip() and _within(at, shapes[each])]
    return [label(each, at) for each in within]


def _within(at: Place, shape: Shape) -> bool:
    return len(at) == len(shape) and all(k < length for k, length in zip(at, shape, strict=True))


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
        self.shapes: Shapes = {}
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
