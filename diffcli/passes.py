"""Passes with free seeds: the two directions of a derivative, run for as many seeds at once as memory likes.

Forward (`Push`): tangents of the inputs to tangents of the outputs, J·u. Reverse (`Pull`): cotangents of the outputs
to cotangents of the inputs, Jᵀ·v. Both compute the values first and keep the residuals, the intermediate values that
the derivative looks at, so that any number of seeds share one evaluation.

A matrix is the passes of every one-hot seed. Where its pattern is known, seeds are sums of one-hots that do not
disturb each other, and its entries are read out of the sums.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from diffcli import colouring
from diffcli.bound import Array
from diffcli.colouring import Colouring
from diffcli.derive import active, adjoint, tangent
from diffcli.evaluation import Plan
from diffcli.graph import Function, Node, ancestors
from diffcli.sparsity import Integers, Pattern

#: How many numbers a sweep may hold at once before its seeds are done in chunks.
CHUNK_NUMBERS = 1 << 24


class Passes:
    """From values and residuals, `values`, to `results`, which depend on them and on `seeds`."""

    def __init__(self, outputs: Sequence[Node], seeds: Sequence[Node], results: Sequence[Node]) -> None:
        moving = set(active(results, seeds))
        used = {arg for node in moving for arg in node.args} | set(results)
        self.residuals = [node for node in ancestors(used, moving) if node in used and node not in moving]
        self.values = Plan([*outputs, *self.residuals])
        self.sweep = Plan(results, given=self.residuals)
        self.outputs = list(outputs)
        #: Numbers that one seed needs at a time.
        self.weight = max(1, sum(node.size for node in self.sweep.order if node not in self.residuals))

    def start(self, at: Mapping[Node, Array], jobs: int = 1) -> tuple[list[Array], dict[Node, Array]]:
        """The outputs' values and what the sweeps look at."""
        computed = self.values.run(at, jobs)
        count = len(self.outputs)
        return computed[:count], dict(zip(self.residuals, computed[count:], strict=True))


class Push(Passes):
    """The forward passes of `function` for tangents of the inputs in `wrt`; the others' are structurally zero.

    The values of `also` are computed with those of its outputs, after them.
    """

    def __init__(self, function: Function, wrt: Sequence[Node], also: Sequence[Node] = ()) -> None:
        builder = function.builder
        self.inputs = list(wrt)
        self.targets = list(function.outputs)
        self.seeds = [builder.input(f"u:{node.params[0]}", node.shape) for node in wrt]
        dots = tangent(function.outputs, dict(zip(wrt, self.seeds, strict=True)))
        zero = builder.constant(0.0)
        results = [zero if dot is None else dot for dot in dots]
        super().__init__([*function.outputs, *also], self.seeds, results)


class Pull(Passes):
    """The reverse passes of `function` for cotangents of its outputs.

    With `looking`, a second seed an output says which of its elements are looked at, 1 or 0: from the others comes
    nothing at all, not even 0·∞.
    """

    def __init__(self, function: Function, wrt: Sequence[Node], *, looking: bool = False) -> None:
        builder = function.builder
        self.inputs = list(function.outputs)
        self.targets = list(wrt)
        # One graph may serve several functions: the node's index keeps their seeds apart.
        places = [(f"{i}:{output.index}", output.shape) for i, output in enumerate(function.outputs)]
        self.seeds = [builder.input(f"v:{place}", shape) for place, shape in places]
        self.looks = [builder.input(f"look:{place}", shape) for place, shape in places]
        conditions = [builder.truth(look) for look in self.looks] if looking else None
        sweep = adjoint(function.outputs, self.seeds, wrt, conditions)
        zero = builder.constant(0.0)
        bars = [sweep.cotangents.get(node, zero) for node in wrt]
        super().__init__(function.outputs, [*self.seeds, *self.looks], bars)


def one_hots(nodes: Sequence[Node], shared: Colouring, first: int, count: int) -> list[Array]:
    """A batch of seeds for `nodes`, one below the other: seed k is 1 at the elements of colour first + k."""
    chosen = np.flatnonzero((shared.colours >= first) & (shared.colours < first + count))
    rows = np.zeros((len(shared.colours), count))
    rows[chosen, shared.colours[chosen] - first] = 1.0
    ends = np.cumsum([node.size for node in nodes])[:-1]
    return [part.reshape((*node.shape, count)) for node, part in zip(nodes, np.split(rows, ends), strict=True)]


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


def mended(data: Array, pattern: Pattern, pull: Callable[[], tuple[Pull, Mapping[Node, Array]]]) -> Array:
    """`data`, the entries of `pattern`, with those of every row that has a NaN or an infinity found anew.

    A pass multiplies infinite partials by zeros that stand for *not asked*, and 0·∞ is NaN. Asked row by row, with
    `Pull` looking at nothing else, every entry is what it is on its own.
    """
    rows = pattern.rows
    bad = np.unique(rows[~np.isfinite(data)])
    if not len(bad):
        return data
    some = pattern.taken(bad)
    shared = colouring.of_rows(some)
    passes, kept = pull()
    spread = _spread(shared, bad, pattern.shape[0])
    again = read(passes, kept, spread, some.columns, shared.colours[some.rows], looking=True)
    data = data.copy()
    data[np.isin(rows, bad)] = again
    return data


def mended_dense(matrix: Array, pull: Callable[[], tuple[Pull, Mapping[Node, Array]]]) -> Array:
    """The same for a whole matrix."""
    bad = np.flatnonzero(~np.isfinite(matrix).all(axis=1))
    if len(bad):
        passes, kept = pull()
        spread = _spread(each(len(bad)), bad, len(matrix))
        for first, block in swept(passes, kept, spread, looking=True):
            matrix[bad[first : first + block.shape[1]]] = block.T
    return matrix


def _spread(shared: Colouring, rows: Integers, count: int) -> Colouring:
    """A colouring of some rows as one of all `count`, where the others have none."""
    colours = np.full(count, -1)
    colours[rows] = shared.colours
    return Colouring(colours, shared.passes)
