"""Plain aligned text for pipes and files: complete, never cut, never wrapped, no digit lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from diffcli.report import text
from diffcli.report.blocks import Block, Grid, Line, Style, opens, widths
from diffcli.report.layout import layout

if TYPE_CHECKING:
    from diffcli.report.result import Result


def render(result: Result, *, digits: int | None = None, explain: bool = False) -> str:
    """`result` as text whose lines end with a newline; `digits` shortens the numbers if the reader asked for it."""
    return "".join(f"{line}\n" for line in _lines(layout(result, Style(digits=digits, explain=explain))))


def _lines(blocks: Sequence[Block]) -> Iterator[str]:
    previous: Block | None = None
    for block in blocks:
        if previous is not None and opens(block, previous):
            yield ""
        yield from [block.text] if isinstance(block, Line) else _rows(block)
        previous = block


def _rows(grid: Grid) -> Iterator[str]:
    columns = [list(cells) for cells in grid.columns]
    if grid.heads:
        columns = [[head, *cells] for head, cells in zip(grid.heads, columns, strict=True)]
    padded = [[text.pad(cell, room) for cell in cells] for cells, room in zip(columns, widths(grid), strict=True)]
    for row in zip(*padded, strict=True):
        yield "  ".join(row).rstrip()
