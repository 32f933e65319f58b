"""Which derivatives can be other than zero: the pattern of a Jacobian, found in the graph before any number is.

Every element of every node gets the set of input elements that it depends on, smoothly: what only decides a branch,
or goes through a locally constant function, counts for nothing. The sets are rows of a sparse matrix, and the whole
never takes room for m × n. A rule is a promise that nothing is missed: an operation without one is taken to depend
on all that its arguments depend on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from diffcli.derive import active
from diffcli.graph import Node
from diffcli.primitives.structure import Key

Integers: TypeAlias = NDArray[np.int64]

#: What a node costs beside its entries, so that a limit on entries bounds the time for long formulas too.
NODE_COST = 32


class Pattern(NamedTuple):
    """Where a matrix of `width` columns may be non-zero: row i has the columns `columns[starts[i]:starts[i+1]]`,
    ascending.
    """

    starts: Integers
    columns: Integers
    width: int

    @property
    def shape(self) -> tuple[int, int]:
        """The matrix's rows and columns."""
        return len(self.starts) - 1, self.width

    @property
    def nnz(self) -> int:
        """How many entries may be non-zero."""
        return len(self.columns)

    @property
    def rows(self) -> Integers:
        """The row of every entry."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))

    def transposed(self) -> Pattern:
        """The pattern of the transposed matrix."""
        order = np.argsort(self.columns, kind="stable")
        counts = np.bincount(self.columns, minlength=self.width)
        return Pattern(_starts(counts), self.rows[order], len(self.starts) - 1)

    def taken(self, rows: Integers) -> Pattern:
        """The given rows, in the given order."""
        first, counts = self.starts[rows], np.diff(self.starts)[rows]
        starts = _starts(counts)
        places = np.arange(starts[-1]) + np.repeat(first - starts[:-1], counts)
        return Pattern(starts, self.columns[places], self.width)

    def symmetric(self) -> Pattern:
        """This pattern and its mirror image, in one."""
        return union([self, self.transposed()])


def from_keys(keys: Integers, rows: int, width: int) -> Pattern:
    """The pattern with the entries ``row·width + column``, in any order and any number of times."""
    keys = np.sort(keys)
    if len(keys):
        keys = keys[np.concatenate([[True], keys[1:] != keys[:-1]])]
    starts = np.searchsorted(keys, np.arange(rows + 1, dtype=np.int64) * width)
    return Pattern(starts, keys - np.repeat(np.arange(rows) * width, np.diff(starts)), width)


def gathered(parts: Sequence[tuple[Pattern, Integers]], rows: int, width: int) -> Pattern:
    """Of every part, row i added to row `targets[i]` of the result."""
    keys = [np.repeat(targets * width, np.diff(part.starts)) + part.columns for part, targets in parts]
    return from_keys(np.concatenate(keys) if keys else np.zeros(0, np.int64), rows, width)


def union(parts: Sequence[Pattern]) -> Pattern:
    """What stands in any of the parts, which have one shape."""
    distinct: list[Pattern] = []
    for part in parts:
        if not any(_same(part, other) for other in distinct):
            distinct.append(part)
    if len(distinct) == 1:
        return distinct[0]
    rows, width = distinct[0].shape
    return gathered([(part, np.arange(rows)) for part in distinct], rows, width)


def identity(size: int, first: int, width: int) -> Pattern:
    """Row i depends on column first + i alone."""
    return Pattern(np.arange(size + 1), np.arange(first, first + size), width)


def empty(rows: int, width: int) -> Pattern:
    """Rows that depend on nothing."""
    return Pattern(np.zeros(rows + 1, np.int64), np.zeros(0, np.int64), width)


def _starts(counts: Integers) -> Integers:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])


def _same(a: Pattern, b: Pattern) -> bool:
    if a is b:
        return True
    return a.nnz == b.nnz and np.array_equal(a.starts, b.starts) and np.array_equal(a.columns, b.columns)


def _stacked(parts: Sequence[Pattern]) -> Pattern:
    offsets = _starts(np.array([part.nnz for part in parts]))
    ends = [part.starts[1:] + offset for part, offset in zip(parts, offsets[:-1], strict=True)]
    starts = np.concatenate([np.zeros(1, np.int64), *ends])
    return Pattern(starts, np.concatenate([part.columns for part in parts]), parts[0].width)


# From the graph ---------------------------------------------------------------------------------------------


def pattern(
    outputs: Sequence[Node],
    wrt: Sequence[Node],
    *,
    limit: int | None = None,
    wide: bool = False,
    deciding: bool = False,
) -> Pattern | None:
    """The pattern of the Jacobian of `outputs`, one below the other, by `wrt`, side by side.

    `wide` counts what a constant matrix multiplies by 0 too: where numbers are not finite, 0 does not hide them.
    `deciding` counts that, and what only decides, steps or jumps: all that can change a value, but for what `stop`
    holds still.
    `None`: finding it would take more than `limit` entries (without one: than memory allows), so the matrix is
    better treated as dense.
    """
    width = sum(node.size for node in wrt)
    found: dict[Node, Pattern] = {}
    first = 0
    for node in wrt:
        found[node] = identity(node.size, first, width)
        first += node.size
    between = active(outputs, wrt)
    uses = _last_uses(between, outputs)
    spent = 0
    for node in between:
        if node in found:
            continue
        inside = {arg: found[arg] for arg in node.args if arg in found}
        budget = None if limit is None else limit - spent
        if budget is not None and _least(node, inside) > budget:
            return None
        rule = _touched if deciding else _reached
        reached = rule(node, inside, width, budget, wide or deciding)
        if reached is None:
            return None
        if reached.nnz:
            found[node] = reached
        spent += reached.nnz + NODE_COST
        if limit is not None and spent > limit:
            return None
        for arg in uses.get(node, ()):
            found.pop(arg, None)
    return _stacked([found.get(node) or empty(node.size, width) for node in outputs] or [empty(0, width)])


def _last_uses(order: Sequence[Node], outputs: Sequence[Node]) -> dict[Node, list[Node]]:
    """By node, the arguments that nothing after it needs."""
    seen = set(outputs)
    uses: dict[Node, list[Node]] = {}
    for node in reversed(order):
        for arg in node.args:
            if arg not in seen:
                seen.add(arg)
                uses.setdefault(node, []).append(arg)
    return uses


def _least(node: Node, inside: Mapping[Node, Pattern]) -> int:
    """At least so many entries pass through the rule of `node`, found without trying."""
    entries = sum(part.nnz for part in inside.values())
    if node.op.name == "broadcast":
        (arg,) = node.args
        return entries * (node.size // max(1, arg.size))
    return entries


_Rule: TypeAlias = "Callable[[Node, Mapping[Node, Pattern], int, int | None], Pattern | None]"


def _reached(node: Node, inside: Mapping[Node, Pattern], width: int, budget: int | None, wide: bool) -> Pattern | None:
    if not inside:  # it depends on nothing any more: behind a `stop`, say
        return empty(node.size, width)
    if node.op.kind == "elementwise":
        rules = zip(node.args, node.op.partials, strict=True)
        parts = [inside[arg] for arg, rule in rules if rule is not None and arg in inside]
        return union(parts) if parts else empty(node.size, width)
    if wide and node.op.name == "matmul":
        return _product(node, inside, width, budget, wide=True)
    rule = _along_axis if node.op.kind == "reduction" else RULES.get(node.op.name, _everything)
    return rule(node, inside, width, budget)


def _touched(node: Node, inside: Mapping[Node, Pattern], width: int, budget: int | None, wide: bool) -> Pattern | None:
    """The same of all that can change a value: no argument is left out because it has no slope."""
    if node.op.name == "stop":
        return empty(node.size, width)
    if node.op.kind == "elementwise" and inside:
        return union(list(inside.values()))
    if node.op.kind == "reduction" and any(arg in inside for arg in node.args[1:]):
        return _everything(node, inside, width, budget)
    return _reached(node, inside, width, budget, wide)


def _everything(node: Node, inside: Mapping[Node, Pattern], width: int, budget: int | None) -> Pattern | None:
    """Every element depends on every element of the arguments: what is true of any operation."""
    columns = np.unique(np.concatenate([part.columns for part in inside.values()]))
    if budget is not None and len(columns) * node.size > budget:
        return None
    return Pattern(np.arange(node.size + 1) * len(columns), np.tile(columns, node.size), width)


def _moved(node: Node, inside: Mapping[Node, Pattern], width: int, budget: int | None) -> Pattern | None:
    """Every element is one of the arguments': numbering them and applying the operation tells which."""
    numbers = []
    first = 0
    for arg in node.args:
        numbers.append(np.arange(first, first + arg.size).reshape((*arg.shape, 1)))
        first += arg.size
    source = node.op.apply(*numbers, *node.params).reshape(-1)
    parts = [inside.get(arg) or empty(arg.size, width) for arg in node.args]
    return (parts[0] if len(parts) == 1 else _stacked(parts)).taken(source)


def _added(targets: Callable[[Node, int, Integers], Integers]) -> _Rule:
    """Every element is a sum of elements: `targets(node, i, numbers)` says where argument i's elements go, from the
    numbers of the result's elements in its shape.
    """

    def rule(node: Node, inside: Mapping[Node, Pattern], width: int, budget: int | None) -> Pattern | None:
        numbers = np.arange(node.size).reshape(node.shape)
        parts = [
            (inside[arg], targets(node, i, numbers).reshape(-1)) for i, arg in enumerate(node.args) if arg in inside
        ]
        return gathered(parts, node.size, width)

    return rule


def _summed_to(node: Node, i: int, numbers: Integers) -> Integers:
    return np.broadcast_to(numbers, node.args[0].shape)


def _placed_at(node: Node, i: int, numbers: Integers) -> Integers:
    key: Key = node.params[0][i]
    return np.asarray(numbers[tuple(slice(*k) if isinstance(k, tuple) else k for k in key)])


def _on_diagonal(node: Node, i: int, numbers: Integers) -> Integers:
    return numbers[np.arange(node.args[0].size), np.arange(node.args[0].size)]


def _lanes(node: Node) -> tuple[Integers, int]:
    """For every element of the first argument, the number of the lane along the axis that it lies in."""
    axis, shape = node.params[0], node.args[0].shape
    kept = (*shape[:axis], 1, *shape[axis + 1 :])
    count = math.prod(kept)
    return np.broadcast_to(np.arange(count).reshape(kept), shape).reshape(-1), count


def _along_axis(node: Node, inside: Mapping[Node, Pattern], width: int, budget: int | None) -> Pattern | None:
    """Every element depends on the whole lane of its argument along the axis, which it may lie in or have replaced."""
    lanes, count = _lanes(node)
    if node.args[0] not in inside:
        return empty(node.size, width)
    whole = gathered([(inside[node.args[0]], lanes)], count, width)
    if node.size == count and node.shape != node.args[0].shape:
        return whole
    if budget is not None and int(np.diff(whole.starts)[lanes].sum()) > budget:
        return None
    return whole.taken(lanes)


def _running(node: Node, inside: Mapping[Node, Pattern], width: int, budget: int | None) -> Pattern | None:
    """Every element depends on those before it along the axis (after it, where the sums run backwards)."""
    axis, backwards = node.params
    shape = node.shape
    extent, lanes = shape[axis], math.prod(shape[:axis] + shape[axis + 1 :])
    if budget is not None and node.size * (extent + 1) // 2 > budget:
        return None
    to, of = np.tril_indices(extent)
    if backwards:
        to, of = of, to
    numbers = np.moveaxis(np.arange(node.size).reshape(shape), axis, 0).reshape(extent, lanes)
    source = inside[node.args[0]].taken(numbers[of].reshape(-1))
    return gathered([(source, numbers[to].reshape(-1))], node.size, width)


def _product(
    node: Node, inside: Mapping[Node, Pattern], width: int, budget: int | None, *, wide: bool = False
) -> Pattern | None:
    """Element (i, j) of a matrix product: row i of the left factor and column j of the right one. A constant factor's
    zeros are no dependence.
    """
    out = np.arange(node.size).reshape(node.shape)
    parts = []
    for arg, other, kept in ((node.args[0], node.args[1], -2), (node.args[1], node.args[0], -1)):
        if arg not in inside:
            continue
        # The axis that the argument and the product share comes first: the rows of a left factor, the columns of a
        # right one. What is left of a product's element is its place among the lanes of the argument.
        numbers = np.moveaxis(np.arange(arg.size).reshape(arg.shape), kept, 0)
        places = np.moveaxis(out, kept, 0)
        lanes, beside = numbers.shape[1:], places.shape[1:]
        if other.constant and not wide:
            value = other.builder.known(other)
            *lead, inner, across = np.nonzero(value if kept == -2 else np.swapaxes(value, -1, -2))
            here, there = np.ravel_multi_index((*lead, inner), lanes), np.ravel_multi_index((*lead, across), beside)
            source = inside[arg].taken(numbers.reshape(len(numbers), -1)[:, here].reshape(-1))
            parts.append((source, places.reshape(len(places), -1)[:, there].reshape(-1)))
        else:
            count = math.prod(numbers.shape[:-1])
            lane = np.arange(count).reshape((*numbers.shape[:-1], 1))
            targets = np.empty(arg.size, np.int64)
            targets[numbers] = np.broadcast_to(lane, numbers.shape)
            whole = gathered([(inside[arg], targets)], count, width)
            source = whole.taken(np.broadcast_to(lane, places.shape).reshape(-1))
            parts.append((source, places.reshape(-1)))
        if budget is not None and source.nnz > budget:
            return None
    return gathered(parts, node.size, width)


RULES: dict[str, _Rule] = {
    **dict.fromkeys(("broadcast", "reshape", "transpose", "index", "concat", "stack", "diagonal"), _moved),
    "sum": _added(_summed_to),
    "place": _added(_placed_at),
    "diagonal_matrix": _added(_on_diagonal),
    **dict.fromkeys(("mean", "take", "put", "tie_mean", "sort", "softmax", "log_softmax"), _along_axis),
    "cumsum": _running,
    "matmul": _product,
}
