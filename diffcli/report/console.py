"""Tables for a terminal, drawn with Rich.

Every piece of text goes in as `Text`, which Rich takes as it is: what a user typed is never read as markup.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from diffcli.report.blocks import GAP, Block, Grid, Line, Style, needed, opens, stacked, widths
from diffcli.report.layout import layout

if TYPE_CHECKING:
    from diffcli.report.result import Result

ENDLESS = 1_000_000
_STYLES = {"name": "cyan", "given": "bright_black", "head": "bold", "note": "bright_black", "aside": "bright_black"}
_NOT_FINITE = frozenset({"nan", "inf", "-inf"})


def render(
    result: Result,
    *,
    width: int | None,
    colour: bool,
    unicode: bool = True,
    digits: int | None = None,
    explain: bool = False,
    everything: bool = False,
) -> str:
    """`result` as tables for a terminal of `width` columns; None is a pipe that wants colour, and gets everything.

    `everything` shows what is large whole, a wide matrix in groups of columns.
    """
    out = io.StringIO()
    console = Console(
        file=out,
        width=width or ENDLESS,
        force_terminal=True,
        color_system="standard" if colour else None,
        no_color=not colour,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    previous: Block | None = None
    for block in layout(result, Style(digits, width, everything, unicode, explain)):
        if previous is not None and opens(block, previous):
            console.print()
        if isinstance(block, Line):
            console.print(Text(block.text, style=_STYLES.get(block.kind, "") if colour else ""), soft_wrap=True)
        else:
            console.print(_table(block, width or ENDLESS, colour, unicode), crop=False)
        previous = block
    return out.getvalue()


def _table(grid: Grid, room: int, colour: bool, unicode: bool) -> Table:
    table = Table(
        box=(box.SIMPLE_HEAD if unicode else box.ASCII2) if grid.heads else None,
        show_edge=False,
        pad_edge=False,
        show_header=bool(grid.heads),
        header_style="bold" if colour else "",
    )
    whole = needed(grid) <= room
    tight = sum(widths(grid)) + GAP * (len(grid.kinds) - 1) > room
    for head, kind, cells in zip(grid.heads or [""] * len(grid.columns), grid.kinds, grid.columns, strict=True):
        table.add_column(
            Text(head),
            # A number is broken nowhere, for its halves read as two: rather a line is too long.
            min_width=None if kind in ("name", "words") else max(map(len, " ".join(cells).split()), default=0),
            justify="right" if kind == "number" else "left",
            overflow="fold",
            no_wrap=whole and kind != "words",
            style=_STYLES.get(kind, "") if colour else "",
        )
    columns = [
        ["\n".join(stacked(cell)) for cell in cells] if tight and kind == "parts" else cells
        for cells, kind in zip(grid.columns, grid.kinds, strict=True)
    ]
    for row in zip(*columns, strict=True):
        table.add_row(*(_cell(cell if whole else cell.strip(), colour) for cell in row))
    return table


def _cell(cell: str, colour: bool) -> Text:
    return Text(cell, style="red" if colour and cell.strip() in _NOT_FINITE else "")
