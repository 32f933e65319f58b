"""A sparse matrix for people: a picture of its pattern for a terminal, and its entries one a row."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from diffcli.report import text
from diffcli.report.blocks import Block, Grid, Line, Style, fitted, kept

if TYPE_CHECKING:
    from diffcli.report.result import Entries

WIDEST, HIGHEST = 64, 24
"""The most characters of a picture, across and down."""
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))


def sparse(entries: Entries, rows: Sequence[str], columns: Sequence[str], style: Style) -> list[Block]:
    """How many entries there are and where, as a picture on a terminal, and what they are."""
    m, n = entries.shape
    share = len(entries.data) / (m * n) if m * n else 0.0
    blocks: list[Block] = [Line(f"{len(entries.data)} entries, density {100 * share:.3g} %", "note")]
    if style.room is not None and len(entries.data):
        blocks += [Line(line) for line in picture(entries, min(WIDEST, style.room), HIGHEST, signs=style.signs)]
    return blocks + (fitted(partial(_table, entries, rows, columns), style) if len(entries.data) else [])


def picture(entries: Entries, width: int, height: int, *, signs: bool) -> list[str]:
    """The pattern within `width` by `height` characters: of eight dots each where braille can be shown, else one."""
    m, n = entries.shape
    down, across = (4, 2) if signs else (1, 1)
    # Larger matrices are shrunk by one factor both ways, so that a diagonal stays one.
    scale = max(1.0, n / (width * across), m / (height * down))
    dots = min(height * down, math.ceil(m / scale)), min(width * across, math.ceil(n / scale))
    high, wide = -(-dots[0] // down), -(-dots[1] // across)
    cells = [[0] * wide for _ in range(high)]
    places = (entries.row * dots[0] // m).tolist(), (entries.col * dots[1] // n).tolist()
    found = dict.fromkeys(zip(*places, strict=True))
    for i, j in found:
        cells[i // down][j // across] |= _DOTS[i % 4][j % 2] if signs else 1
    if signs:
        return ["".join(chr(0x2800 + cell) for cell in row) for row in cells]
    return ["".join("#" if cell else "." for cell in row) for row in cells]


def _table(entries: Entries, rows: Sequence[str], columns: Sequence[str], style: Style) -> Grid:
    shown = kept(len(entries.data), style)
    where = [(None if k is None else (entries.row[k], entries.col[k], entries.data[k])) for k in shown]
    return Grid(
        ("row", "column", "entry"),
        [
            ["…" if at is None else text.escape(rows[at[0]]) for at in where],
            ["" if at is None else text.escape(columns[at[1]]) for at in where],
            text.align(["" if at is None else style.number(float(at[2])) for at in where]),
        ],
        ("name", "name", "number"),
    )
