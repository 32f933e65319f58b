"""A small matrix as one graph: the passes of every one-hot seed, written out one after the other.

A sweep with free seeds multiplies by zeros that stand for *not asked*. Where the seeds are constants, all that follows
from a zero vanishes, and what several passes have in common exists once. The sums keep the order that the sweep has,
so every entry has the bits that the sweep gives it, zeros of either sign aside; only the 0·∞ of a sweep does not arise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from diffcli.colouring import Colouring
from diffcli.evaluation import Plan
from diffcli.graph import TABLE, Array, Builder, Node, ancestors
from diffcli.passes import Pull, Push
from diffcli.primitives.kinds import total
from diffcli.sparsity import Integers
from diffcli.sweeps import one_hots

#: What computes a plan at points, as `Plan.run` does: into the given arrays, where it can.
Run: TypeAlias = Callable[[Plan, Mapping[Node, Array], Mapping[Node, Array]], list[Array]]

#: So many operations the passes may have together, and so many entries the matrix, to be written out.
MOST_NODES = 1 << 13
MOST_ENTRIES = 1 << 10
#: What depends on constants only is computed at once up to this size: it may turn out to be 0 or 1.
SETTLED = 256


class Entries(NamedTuple):
    """What may be other than zero in a matrix of `shape`: the entry (rows[i], columns[i]) stands in the element
    `places[i]` of the results of the pass `colours[i]`.
    """

    shape: tuple[int, int]
    rows: Integers
    columns: Integers
    places: Integers
    colours: Integers


class Unrolled:
    """The plan of a matrix whose entries stand in passes."""

    def __init__(self, passes: Push | Pull, shared: Colouring, entries: Entries) -> None:
        self.shape, *arrays = entries
        found = _entries(passes, shared)
        cells: dict[Node, list[tuple[int, int]]] = {}
        for row, column, place, colour in zip(*[array.tolist() for array in arrays], strict=True):
            node = found.get((place, colour))
            if node is not None:
                cells.setdefault(node, []).append((row, column))
        self._cells = cells
        self._values = len(passes.outputs)
        # Their sum is not finite where any of them is not: to look at one number a point is enough.
        witness = total(list(cells))
        self.plan = Plan([*passes.outputs, *cells, *([] if witness is None else [witness])])

    def run(self, at: Mapping[Node, Array], count: int, run: Run) -> tuple[list[Array], Array, Integers]:
        """The outputs' values, batch last; the matrices (m, n, points); and the points with an entry that is not
        finite.
        """
        matrix = np.zeros((*self.shape, count))
        into = {node: matrix[cells[0]] for node, cells in self._cells.items()}
        found = run(self.plan, at, into)
        values, entries = found[: self._values], found[self._values :]
        for (node, cells), entry in zip(self._cells.items(), entries, strict=False):
            if entry is not into[node]:
                np.copyto(into[node], entry)
            for cell in cells[1:]:
                np.copyto(matrix[cell], entry)
        if not self._cells:
            return values, matrix, np.zeros(0, np.int64)
        unsound = np.flatnonzero(~np.isfinite(np.broadcast_to(entries[-1], (count,))))
        return values, matrix, unsound


def worth(passes: Push | Pull, shared: Colouring) -> bool:
    """Whether the passes are few and short enough to be written out."""
    entries = shared.passes * sum(node.size for node in passes.targets)
    return len(passes.sweep.order) * shared.passes <= MOST_NODES and entries <= MOST_ENTRIES


def _entries(passes: Push | Pull, shared: Colouring) -> dict[tuple[int, int], Node]:
    """Every entry, a number, by its element of the results and the colour of its pass."""
    found: dict[tuple[int, int], Node] = {}
    for colour in range(shared.passes):
        seeds = one_hots(passes.inputs, shared, colour, 1)
        first = 0
        for target, node in zip(passes.targets, seeded(passes.results, passes.seeds, seeds), strict=True):
            if node is not None:
                for i, part in enumerate(_elements(node.builder.broadcast(node, target.shape))):
                    settled = _settled(part) if part.constant else part
                    if settled is not None:
                        found[first + i, colour] = settled
            first += target.size
    return found


def seeded(results: Sequence[Node], seeds: Sequence[Node], values: Sequence[Array]) -> list[Node | None]:
    """`results` with constants for the seeds, `values` with one point on the last axis; None is zero in all its
    elements.
    """
    known = {node: _settled(node.builder.constant(value[..., 0])) for node, value in zip(seeds, values, strict=True)}
    return _substituted(results, known)


def _elements(node: Node) -> list[Node]:
    if not node.shape:
        return [node]
    index = TABLE["index"]
    return [index(node, params=(tuple(map(int, key)),)) for key in np.ndindex(*node.shape)]


def _settled(node: Node) -> Node | None:
    """A constant node as plainly as can be; None for zeros."""
    return _plainly(node) if node.builder.known(node).any() else None


def _plainly(node: Node) -> Node:
    """A constant node as a constant: a repeated number where all elements are one number."""
    builder = node.builder
    value = builder.known(node)
    if node.shape and (value == value.flat[0]).all():
        return builder.broadcast(builder.constant(float(value.flat[0])), node.shape)
    return builder.constant(value)


def _substituted(results: Sequence[Node], seeds: Mapping[Node, Node | None]) -> list[Node | None]:
    """`results` with constants for the seeds; None is zero in all its elements."""
    found: dict[Node, Node | None] = dict(seeds)
    for node in ancestors(results, seeds):
        if node in found:
            continue
        args = [found.get(arg, arg) for arg in node.args]
        if all(new is old for new, old in zip(args, node.args, strict=True)):
            found[node] = node
            continue
        made = _applied(node, args)
        if made is not None and made.constant and made.op.name != "constant" and made.size <= SETTLED:
            # Parts of a seed are zeros by structure; a product that comes to 0 still meets infinities, as in a sweep.
            made = _settled(made) if node.op.kind == "linear" else _plainly(made)
        found[node] = made
    return [found[result] for result in results]


def _applied(node: Node, args: Sequence[Node | None]) -> Node | None:
    """The operation of `node` on other arguments, of which those that are None are zero."""
    builder, op = node.builder, node.op
    if None in args:
        match op.name:
            case "add" | "subtract":
                a, b = args
                if a is None:
                    return b if b is None or op.name == "add" else -b
                return a
            case "multiply" | "matmul":
                return None
            case "negate" | "divide" if args[0] is None:
                return None
            case "where" if args[1] is None and args[2] is None:
                return None
            case "place":
                kept = [(arg, key) for arg, key in zip(args, node.params[0], strict=True) if arg is not None]
                parts, keys = tuple(arg for arg, _ in kept), tuple(key for _, key in kept)
                return op(*parts, params=(keys, node.params[1])) if kept else None
        moved = args[:1] if op.name in ("take", "put", "tie_mean") else args  # the others say where to
        if op.kind == "linear" and all(arg is None for arg in moved):
            return None
    return op(*[_zeros(builder, old) if new is None else new for new, old in zip(args, node.args, strict=True)],
              params=node.params)  # fmt: skip


def _zeros(builder: Builder, like: Node) -> Node:
    return builder.broadcast(builder.constant(0.0), like.shape)
