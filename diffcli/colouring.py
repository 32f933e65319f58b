"""Which columns (rows) of a sparse matrix can share a pass: those of one colour.

Columns that have no row in common are told apart in their sum, so one pass seeded with all of them gives all their
entries (Curtis, Powell and Reid, 1974). For a symmetric matrix half as much is enough: an entry may be read in its row
or in its mirror image (Powell and Toint, 1979; a restricted star colouring in the words of Gebremedhin, Manne and
Pothen, “What color is your Jacobian?”, 2005). Colours are found greedily, a column at a time. The colours that a row
has seen are the bits of one number, so the time grows with the number of entries.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from diffcli.sparsity import Integers, Pattern


class Colouring(NamedTuple):
    """A colour for every column (0, 1, …; −1 for an empty one) and how many there are: the passes."""

    colours: Integers
    passes: int


def of_columns(pattern: Pattern) -> Colouring:
    """Columns of one colour share no row. In natural order or the largest first, whichever takes fewer."""
    transposed = pattern.transposed()
    degrees = np.diff(transposed.starts)
    least = int(np.diff(pattern.starts).max(initial=0))  # no colouring does with fewer than the fullest row
    best = _greedy(transposed, np.arange(pattern.width), len(pattern.starts) - 1)
    if best.passes > least:
        other = _greedy(transposed, np.argsort(-degrees, kind="stable"), len(pattern.starts) - 1)
        best = min(best, other, key=lambda colouring: colouring.passes)
    return best


def of_rows(pattern: Pattern) -> Colouring:
    """Rows of one colour share no column."""
    return of_columns(pattern.transposed())


def _greedy(transposed: Pattern, order: Integers, rows: int) -> Colouring:
    seen = [0] * rows
    starts, entries = transposed.starts.tolist(), transposed.columns.tolist()
    colours = [-1] * (len(starts) - 1)
    passes = 0
    for j in order.tolist():
        column = entries[starts[j] : starts[j + 1]]
        if not column:
            continue
        taken = 0
        for i in column:
            taken |= seen[i]
        free = ~taken & (taken + 1)
        colours[j] = free.bit_length() - 1
        passes = max(passes, colours[j] + 1)
        for i in column:
            seen[i] |= free
    return Colouring(np.array(colours, np.int64), passes)


def symmetric(pattern: Pattern) -> Colouring:
    """A colouring of a symmetric pattern from which `readable` finds every entry."""
    degrees = np.diff(pattern.starts)
    natural = _star(pattern, np.arange(pattern.width))
    largest = _star(pattern, np.argsort(-degrees, kind="stable"))
    return min(natural, largest, key=lambda colouring: colouring.passes)


def _star(pattern: Pattern, order: Integers) -> Colouring:
    starts, entries = pattern.starts.tolist(), pattern.columns.tolist()
    colours = [-1] * pattern.width
    around = [0] * pattern.width  # the colours of the coloured neighbours
    passes = 0
    for v in order.tolist():
        neighbours = [w for w in entries[starts[v] : starts[v + 1]] if w != v]
        if not neighbours and starts[v] == starts[v + 1]:
            continue
        taken = 0
        for w in neighbours:
            colour = colours[w]
            # A neighbour with two neighbours of one colour must have a lower colour than they: then both entries
            # are read in the rows of these two. While it has none, no two may agree.
            taken |= around[w] if colour < 0 else 1 << colour | around[w] & ((1 << colour) - 1)
        free = ~taken & (taken + 1)
        colours[v] = free.bit_length() - 1
        passes = max(passes, colours[v] + 1)
        for w in neighbours:
            around[w] |= free
    return Colouring(np.array(colours, np.int64), passes)


def readable(pattern: Pattern, colouring: Colouring) -> tuple[Integers, Integers]:
    """For every entry of a symmetric pattern, the row and the colour where its value stands alone. An entry and its
    mirror image are read in the same place, so the matrix comes out symmetric to the bit.
    """
    rows, columns = pattern.rows, pattern.columns
    count = np.int64(max(1, colouring.passes))
    _, place, times = np.unique(rows * count + colouring.colours[columns], return_inverse=True, return_counts=True)
    alone = times[place] == 1
    mirror = np.lexsort((rows, columns))  # the entries of the transposed pattern, which is the same, in order
    upper = rows <= columns
    here = alone & (upper | ~alone[mirror])
    row, column = np.where(here, rows, columns), np.where(here, columns, rows)
    return row, colouring.colours[column]
