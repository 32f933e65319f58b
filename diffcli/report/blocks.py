"""What a layout is made of, lines and grids of finished text, and how a grid is made to fit a terminal.

A pipe takes lines of any length and gets everything. Where a terminal has no room for a grid, its numbers are shown to
fewer digits, then (of a matrix) the middle columns are left out; a note says so, and ``--all`` shows the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from diffcli.report import text

HEAD, TAIL = 20, 8
"""The rows and columns of something large that a terminal shows: so many first ones, so many last ones."""
SMALLER = ((None, 6), (10, 6), (6, 6), (6, 2), (4, 2))
"""What a terminal tries until a grid fits: so many digits, and so many elements of an array in one cell."""
GAP = 3
WORDS = 14
"""The width below which a column of words is not folded."""


class Style(NamedTuple):
    """What the reader's side allows: the digits asked for, the columns of a terminal (None is a pipe), signs
    beyond ASCII, `everything` however large, the passes in words.
    """

    digits: int | None = None
    room: int | None = None
    everything: bool = False
    signs: bool = False
    explain: bool = False
    in_a_cell: int = 6

    @property
    def cuts(self) -> bool:
        """Whether the middle of what is large may be left out."""
        return self.room is not None and not self.everything

    def number(self, value: float) -> str:
        """`value` with as many digits as this style shows."""
        return text.number(value, self.digits)

    def shape(self, lengths: Sequence[int]) -> str:
        """``(2×3)``."""
        return f"({('×' if self.signs else 'x').join(map(str, lengths))})"


class Line(NamedTuple):
    """A line of text; `kind` is ``result``, ``head``, ``note``, or ``aside``, which stands at the end."""

    text: str
    kind: str = "result"


class Grid(NamedTuple):
    """Columns of text under their heads; a column's kind is ``name``, ``given``, ``number``, ``words``, or ``parts``,
    which may stand on a line each.

    A `matrix` may lose columns from its middle where there is no room for them.
    """

    heads: Sequence[str]
    columns: Sequence[Sequence[str]]
    kinds: Sequence[str]
    matrix: bool = False


Block: TypeAlias = Line | Grid
FEWER = Line("numbers are shortened to fit; --digits 17 shows every digit", "aside")
LEFT_OUT = Line("… stands for what is left out; --all shows everything", "aside")


def opens(block: Block, previous: Block) -> bool:
    """Whether a blank line separates `block` from the one before it."""
    if isinstance(previous, Line) and previous.kind == "head":
        return False
    if isinstance(block, Line) and block.kind == "aside":
        return isinstance(previous, Grid)
    return isinstance(block, Grid) or block.kind == "head" or isinstance(previous, Grid)


def kept(count: int, style: Style) -> Sequence[int | None]:
    """The indices to show of `count`; None stands for those left out."""
    if not style.cuts or count <= HEAD + TAIL + 2:
        return range(count)
    return [*range(HEAD), None, *range(count - TAIL, count)]


def widths(grid: Grid) -> list[int]:
    """The columns of a terminal that each column takes."""
    heads = grid.heads or [""] * len(grid.columns)
    return [max(map(text.width, [head, *cells])) for head, cells in zip(heads, grid.columns, strict=True)]


def needed(grid: Grid) -> int:
    """The columns of a terminal that `grid` takes if no number is broken, words are folded and parts stacked."""
    each = widths(grid)
    for i, kind in enumerate(grid.kinds):
        if kind == "words":
            each[i] = min(each[i], WORDS)
        elif kind == "parts":
            each[i] = max(text.width(part) for cell in (grid.heads[i], *grid.columns[i]) for part in stacked(cell))
    return sum(each) + GAP * (len(each) - 1)


def stacked(cell: str) -> list[str]:
    """The lines of a cell of parts where there is no room for one."""
    return cell.replace(", ", ",\n").split("\n")


def fitted(build: Callable[[Style], Grid], style: Style) -> list[Block]:
    """The grid that `build` makes, with as many digits and columns as fit, and a note on what does not."""
    whole = grid = build(style)
    if style.room is None:
        return [grid]
    digits = style.digits
    for fewer, in_a_cell in SMALLER if not style.everything else ():
        digits = style.digits or fewer
        grid = build(style._replace(digits=digits, in_a_cell=in_a_cell))
        if needed(grid) <= style.room:
            break
    blocks: list[Block] = [grid]
    if grid.matrix and len(grid.columns) > 2 and needed(grid) > style.room:
        blocks = list(_groups(grid, style.room)) if style.everything else [_narrowed(grid, style.room)]
    if digits != style.digits and grid.columns != whole.columns:
        blocks.append(FEWER)
    grids = [block for block in blocks if isinstance(block, Grid)]
    if style.cuts and any("…" in cell for grid in grids for column in grid.columns for cell in column):
        blocks.append(LEFT_OUT)
    return blocks


def _groups(grid: Grid, room: int) -> Sequence[Grid]:
    label, *each = widths(grid)
    groups: list[list[int]] = [[]]
    used = label
    for j, columns in enumerate(each, start=1):
        if used + GAP + columns > room and groups[-1]:
            groups.append([])
            used = label
        groups[-1].append(j)
        used += GAP + columns
    return [_pick(grid, [0, *group]) for group in groups]


def _narrowed(grid: Grid, room: int) -> Grid:
    label, *each = widths(grid)
    used = label + GAP + 1 + GAP + each[-1]
    first: list[int] = []
    for j, columns in enumerate(each[:-1], start=1):
        used += GAP + columns
        if (used > room and first) or grid.heads[j] == "…":
            break
        first.append(j)
    return _pick(grid, [0, *first, None, len(each)])


def _pick(grid: Grid, chosen: Sequence[int | None]) -> Grid:
    blank = ["…"] * len(grid.columns[0])
    return Grid(
        ["…" if j is None else grid.heads[j] for j in chosen],
        [blank if j is None else grid.columns[j] for j in chosen],
        ["given" if j is None else grid.kinds[j] for j in chosen],
        matrix=True,
    )
