"""Many passes at once: a matrix is the passes of every one-hot seed, side by side on the batch axis.

Where its pattern is known, seeds are sums of one-hots that do not disturb each other, and its entries are read out of
the sums.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from diffcli import colouring
from diffcli.bound import Array
from diffcli.colouring import Colouring
from diffcli.graph import Node
from diffcli.passes import Pull, Push
from diffcli.sparsity import Integers, Pattern

#: How many numbers a sweep may hold at once before its seeds are done in chunks.
CHUNK_NUMBERS = 1 << 24
#: How many numbers may be spent on rows that are not finite; beyond, they stay as they are.
MENDING_NUMBERS = 1 << 28


def one_hots(nodes: Sequence[Node], shared: Colouring, first: int, count: int) -> list[Array]:
    """A batch of seeds for `nodes`, one below the other: seed k is 1 at the elements of colour first + k."""
    chosen = np.flatnonzero((shared.colours >= first) & (shared.colours < first + count))
    rows = np.zeros((len(shared.colours), count))
    rows[chosen, shared.colours[chosen] - first] = 1.0
    ends = np.cumsum([0, *(node.size for node in nodes)])[:-1]
    _, *parts = np.split(rows, ends)  # nothing stands before the first
    return [part.reshape((*node.shape, count)) for node, part in zip(nodes, parts, strict=True)]


def swept(
    passes: Push | Pull, kept: Mapping[Node, Array], shared: Colouring, *, looking: bool = False
) -> Iterator[tuple[int, Array]]:
    """The results of a pass for every colour, chunk by chunk: the first colour of the chunk, and an array with a row
    for every element of the results and a column for every colour.
    """
    chunk = max(1, CHUNK_NUMBERS // passes.weight)
    for first in range(0, shared.passes, chunk):
        count = min(chunk, shared.passes - first)
        hot = one_hots(passes.inputs, shared, first, count)
        given = dict(zip(passes.seeds, hot, strict=True))
        if looking and isinstance(passes, Pull):
            given |= dict(zip(passes.looks, hot, strict=True))
        found = passes.sweep.run({**kept, **given})
        yield first, stacked(passes.targets, found, count)


def stacked(nodes: Sequence[Node], values: Sequence[Array], count: int) -> Array:
    """Values of `nodes` one below the other: a row an element, a column a member of the batch."""
    parts = [
        np.broadcast_to(value, (*node.shape, count)).reshape(node.size, count)
        for node, value in zip(nodes, values, strict=True)
    ]
    return parts[0] if len(parts) == 1 else np.concatenate([np.zeros((0, count)), *parts])


def each(size: int) -> Colouring:
    """A colour of its own for everyone."""
    return Colouring(np.arange(size), size)


def dense(passes: Push | Pull, kept: Mapping[Node, Array], shape: tuple[int, int]) -> Array:
    """The whole matrix of `shape`, a pass for every column (forward) or row (reverse)."""
    matrix = np.empty(shape)
    across = matrix if isinstance(passes, Push) else matrix.T
    for first, block in swept(passes, kept, each(across.shape[1])):
        across[:, first : first + block.shape[1]] = block
    return matrix


def read(
    passes: Push | Pull, kept: Mapping[Node, Array], shared: Colouring, places: Integers, colours: Integers,
    *, looking: bool = False,
) -> Array:  # fmt: skip
    """The entries that stand at `places` (elements of the results) in the passes of `colours`."""
    data = np.zeros(len(places))
    for first, block in swept(passes, kept, shared, looking=looking):
        here = (colours >= first) & (colours < first + block.shape[1])
        data[here] = block[places[here], colours[here] - first]
    return data


class Again(NamedTuple):
    """What finds rows anew: passes that look at nothing but what they are asked for, the residuals they need, and
    which rows may then share a pass (None: none).
    """

    passes: Pull
    kept: Mapping[Node, Array]
    wide: Pattern | None


def mended(data: Array, pattern: Pattern, again: Callable[[], Again]) -> Array:
    """`data`, the entries of `pattern`, with those of every row that has a NaN or an infinity found anew.

    A pass multiplies infinite partials by zeros that stand for *not asked*, and 0·∞ is NaN. Asked for itself, with
    `Pull` looking at nothing else, every entry is what it is on its own. Thousands of rows that share a column would
    take a pass each: that costs more than a point is worth where nothing is finite.
    """
    rows = pattern.rows
    bad = np.unique(rows[~np.isfinite(data)])
    if not len(bad):
        return data
    passes, kept, wide = again()
    some = pattern.taken(bad)
    shared = each(len(bad)) if wide is None else colouring.of_rows(wide.taken(bad))
    if shared.passes * passes.weight > MENDING_NUMBERS:
        return data
    spread = _spread(shared, bad, pattern.shape[0])
    found = read(passes, kept, spread, some.columns, shared.colours[some.rows], looking=True)
    data = data.copy()
    data[np.isin(rows, bad)] = found
    return data


def mended_dense(matrix: Array, again: Callable[[], Again]) -> Array:
    """The same for a whole matrix."""
    bad = np.flatnonzero(~np.isfinite(matrix).all(axis=1))
    if len(bad):
        passes, kept, _ = again()
        if len(bad) * passes.weight > MENDING_NUMBERS:
            return matrix
        spread = _spread(each(len(bad)), bad, len(matrix))
        for first, block in swept(passes, kept, spread, looking=True):
            matrix[bad[first : first + block.shape[1]]] = block.T
    return matrix


def _spread(shared: Colouring, rows: Integers, count: int) -> Colouring:
    """A colouring of some rows as one of all `count`, where the others have none."""
    colours = np.full(count, -1)
    colours[rows] = shared.colours
    return Colouring(colours, shared.passes)
