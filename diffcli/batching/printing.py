"""Numbers as text, many at a time: each the shortest that reads back to the same double, in one spelling.

The digits are Python's. Where pyarrow is installed, long tables get theirs from it, several times as fast: they are the
same, and where it would spell a number otherwise, Python does it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffcli.report.digits import arrow, plain, strings

Array = NDArray[np.float64]

#: What a cell cannot hold without quotes, by what stands between the cells.
_SPECIAL = {",": re.compile(r'[,"\r\n]').search, "\t": re.compile(r'[\t"\r\n]').search}


def texts(column: Array) -> list[str]:
    """Every number of a column."""
    return numbers(column[:, np.newaxis]).split(",\n")[:-1]


def numbers(table: Array) -> str:
    """A line a row, and a comma after every number: ``1,0.5,-2e-7,``."""
    count, width = table.shape
    text: str = (("%r," * width + "\n") * count) % tuple(table.ravel().tolist())
    # 1.0 is written 1, as everywhere; and e-07 is e-7.
    text = text.replace(".0,", ",")
    if "e" in text:
        text = text.replace("e+", "e").replace("e-0", "e-")
    if "n" in text:
        text = text.replace("nan", "NaN").replace("inf", "Infinity")
    return text


def cells(column: Sequence[str], between: str = ",") -> Sequence[str]:
    """Texts as cells of CSV or TSV, in quotes where they must be."""
    return [cell(text, between) for text in column] if _SPECIAL[between]("\0".join(column)) else column


def cell(text: str, between: str = ",") -> str:
    """A text as a cell of CSV or TSV."""
    return '"' + text.replace('"', '""') + '"' if _SPECIAL[between](text) else text


def lines(
    table: Array,
    before: Sequence[Sequence[str]],
    after: Sequence[str] | None,
    blank: Collection[int],
    between: str = ",",
) -> bytes | memoryview:
    """CSV, or TSV: a line a row of `table`, between finished cells; the numbers of the rows in `blank` are left out."""
    package = arrow(table.size)
    if package is not None:
        try:
            return _lines_by_arrow(package, table, before, after, blank, between)
        except UnicodeEncodeError:  # bytes that are no text, which are carried along as they are
            pass
    text = numbers(table).replace(",", between)
    if before or after or blank:
        rows = text.split("\n")[:-1]
        for i in blank:
            rows[i] = between * table.shape[1]
        ends = after or [""] * len(rows)
        heads = ["".join([f"{each}{between}" for each in row]) for row in zip(*before, strict=True)] or [""] * len(rows)
        text = "".join([f"{head}{row}{end}\n" for head, row, end in zip(heads, rows, ends, strict=True)])
    return text.encode("utf-8", "surrogateescape")


def _lines_by_arrow(
    package: Any,
    table: Array,
    before: Sequence[Sequence[str]],
    after: Sequence[str] | None,
    blank: Collection[int],
    between: str,
) -> memoryview:
    compute = package.compute
    count, width = table.shape
    joined = []
    if width:
        flat = table.ravel()
        ends = np.arange(count + 1, dtype=np.int32) * width
        joined = [
            compute.binary_join(
                package.ListArray.from_arrays(ends, strings(package, flat, ~plain(flat), texts)), between
            )
        ]
        if blank:
            empty = np.zeros(count, dtype=bool)
            empty[list(blank)] = True
            joined = [compute.if_else(package.array(empty), between * (width - 1), joined[0])]
    heads = [package.array(column, package.string()) for column in before]
    last = "\n" if after is None else package.array([f"{end}\n" for end in after], package.string())
    if not (heads or joined):
        last = last if after is not None else package.array(["\n"] * count)
    rows = compute.binary_join_element_wise(*heads, *joined, last, between)
    # The texts of an array stand one behind the other in its memory.
    size = int(np.frombuffer(rows.buffers()[1], dtype=np.int32, count=count + 1)[-1])
    return memoryview(rows.buffers()[2])[:size]
