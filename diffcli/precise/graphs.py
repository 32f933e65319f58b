"""Evaluations of a graph in arbitrary precision, one after the other: only what has moved in between is computed anew.

Near a point most of a graph stays where it is: of sixty terms |x − y| one input moves two.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from diffcli.graph import CONSTANT, Node
from diffcli.precise.allowance import cost
from diffcli.precise.arithmetic import Arithmetic, Exact
from diffcli.precise.arrays import RULES, objects, unknown
from diffcli.precise.leaps import Each, Ends, handed_on, met, noted, with_own, without_leaps
from diffcli.precise.scalars import SCALARS, referred

#: What takes longer, in seconds at so many bits, may take far longer than was reckoned.
LENGTHY, SOME = 1e-3, 1000


class Graph:
    """The nodes of a graph, arguments first, and which of them change with which."""

    def __init__(self, ar: Arithmetic, order: Sequence[Node]) -> None:
        self.order = list(order)
        self.nodes = frozenset(order)
        self.leaves = frozenset(node for node in self.order if not node.args)
        #: What works element by element, on single numbers.
        self.on_numbers = {node: of for node in self.order if (of := _on_numbers(ar, node)) is not None}
        self.lengthy = frozenset(node for node in self.order if cost(node, SOME) > LENGTHY)
        self._changing: dict[frozenset[Node], list[Node]] = {}
        self._costs: dict[int, dict[Node, float]] = {}
        self._sums: dict[tuple[int, frozenset[Node]], float] = {}

    def changing(self, moved: frozenset[Node]) -> list[Node]:
        """What changes when some nodes do, these among them."""
        if moved not in self._changing:
            found = set(moved)
            for node in self.order:
                if not found.isdisjoint(node.args):
                    found.add(node)
            self._changing[moved] = [node for node in self.order if node in found]
        return self._changing[moved]

    def cost(self, moved: frozenset[Node], precision: int) -> float:
        """What evaluating all that costs, in seconds."""
        key = precision, moved
        if key not in self._sums:
            if precision not in self._costs:
                self._costs[precision] = {node: cost(node, precision) for node in self.order}
            costs = self._costs[precision]
            self._sums[key] = sum([costs[node] for node in self.changing(moved)])
        return self._sums[key]


class _Made(NamedTuple):
    """A node's value, what it was made of, and what was noted meanwhile, once for the whole or once for each element:
    how many bits were needed, whether something was out of reach, and why it is only a limit. `ends` is why the node
    or its elements are, by what they are made of too, and `value` what of `computed` does not leap there.
    """

    value: Exact
    args: Sequence[Exact] = ()
    needed: Sequence[int] = (0,)
    beyond: Sequence[bool] = (False,)
    own: Sequence[Ends] = (Ends.NONE,)
    computed: Exact | None = None
    ends: Each = Ends.NONE


class Latest:
    """The latest values of a graph's nodes at one precision. What is made of the very numbers that it was made of is
    not computed again: node by node, and in arrays element by element. Raises `SlowError` where that is too dear.
    """

    def __init__(self, ar: Arithmetic, graph: Graph, precision: int) -> None:
        ar.allowance.spend(graph.cost(graph.leaves, precision))  # before anything is computed at that precision
        self._ar = ar
        self._graph = graph
        self._precision = precision
        self._made: dict[Node, _Made] = {}
        #: The inputs where none is moved.
        self.still: dict[Node, Exact] = {}
        #: What a change of the inputs must not move, and where infinite inputs stood meanwhile.
        self.frozen: dict[Node, Exact] = {}
        self.frozen_at: Any = None

    def __getitem__(self, node: Node) -> Exact:
        """The latest value of a node."""
        return self._made[node].value

    def ends(self, node: Node) -> Each:
        """Why a node's latest value, or each number of it, is only a limit, if it is."""
        return self._made[node].ends

    def given(self, node: Node, value: Exact) -> Exact:
        """`value` as an input's, by the very numbers that it had at last where they are equal."""
        if node not in self._made:
            return value
        before = self[node]
        same = [x._mpf_ == y._mpf_ for x, y in zip(value.flat, before.flat, strict=True)]
        if all(same):
            return before
        for k in np.flatnonzero(same):
            value.flat[k] = before.flat[k]
        return value

    def evaluate(self, given: Mapping[Node, Exact]) -> None:
        """Compute all values from those that are `given`: of inputs, and of what a change of these must not move."""
        ar, graph, before = self._ar, self._graph, self._made
        fresh = [node for node, value in given.items() if node not in before or self[node] is not value]
        moved = graph.nodes.intersection(fresh)
        if before:
            ar.allowance.spend(graph.cost(moved, self._precision))
        else:
            moved = graph.leaves.union(moved)  # as is paid for
        needed, beyond, made = ar.needed, ar.beyond, before.copy()
        for node in graph.changing(moved):
            if node in graph.lengthy:
                ar.allowance.watch()
            if node in given:
                made[node] = _Made(given[node])
            elif node.op is CONSTANT:
                made[node] = _Made(ar.array(node.params[0]))
            else:
                args = [made[arg] for arg in node.args]
                found = self._computed(node, [arg.value for arg in args])
                made[node] = self._less_leaps(node, found, handed_on(node, found.args, [arg.ends for arg in args]))
        self._made = made
        ar.needed = max([needed, *(bits for each in made.values() for bits in each.needed)])
        ar.beyond = beyond or any(flag for each in made.values() for flag in each.beyond)

    def _computed(self, node: Node, args: list[Exact]) -> _Made:
        """The value of one operation; of an array's elements, those that are made of others than at last."""
        ar, of = self._ar, self._graph.on_numbers.get(node)
        if of is None or node.shape == ():
            ar.needed, ar.beyond = 0, False
            so_far = noted(ar)
            value = apply(ar, node, args) if of is None else objects(of(*[arg[()] for arg in args]), ())
            return _Made(value, args, (ar.needed,), (ar.beyond,), (met(ar, so_far),))
        rows = [*zip(*[arg.ravel().tolist() for arg in args], strict=True)]
        value = np.empty(node.size, dtype=object)
        before = self._made.get(node)
        if before is None or not before.args:
            anew, needed, beyond = [*range(node.size)], [0] * node.size, [False] * node.size
            own = [Ends.NONE] * node.size
        else:
            value[:] = (before.value if before.computed is None else before.computed).ravel()
            needed, beyond, own = [*before.needed], [*before.beyond], [*before.own]
            old = zip(*[arg.ravel().tolist() for arg in before.args], strict=True)
            pairs = zip(rows, old, strict=True)
            anew = [k for k, (row, last) in enumerate(pairs) if not all(map(operator.is_, row, last))]
        for k in anew:
            ar.needed, ar.beyond, so_far = 0, False, noted(ar)
            value[k] = of(*rows[k])
            needed[k], beyond[k], own[k] = ar.needed, ar.beyond, met(ar, so_far)
        return _Made(value.reshape(node.shape), args, needed, beyond, own)

    def _less_leaps(self, node: Node, made: _Made, handed: Each) -> _Made:
        """What has been computed, less what leaps where its arguments are only limits, as far as is `handed` on."""
        ends = with_own(handed, made.own, node.shape)
        if handed is Ends.NONE:
            return made if ends is Ends.NONE else made._replace(ends=ends)
        value = without_leaps(self._ar, node, made.args, made.value, handed)
        return made._replace(value=value, computed=made.value, ends=ends)


def apply(ar: Arithmetic, node: Node, args: list[Exact]) -> Exact:
    """The value of one operation; NaN where nothing is known about it."""
    rule = RULES.get(node.op.name)
    if rule is not None:
        return objects(rule(ar, node, *args), node.shape)
    of = _on_numbers(ar, node)
    if of is None:
        return unknown(ar, node)
    value = np.empty(node.size, dtype=object)
    for k, numbers in enumerate(zip(*[arg.ravel().tolist() for arg in args], strict=True)):
        value[k] = of(*numbers)
    return value.reshape(node.shape)


def _on_numbers(ar: Arithmetic, node: Node) -> Callable[..., Any] | None:
    """The operation on single numbers, if it is one that works element by element and is known."""
    if node.op.name in RULES or node.op.kind != "elementwise":
        return None
    scalar = SCALARS.get(node.op.name)
    if scalar is not None:
        return partial(scalar, ar)
    return None if node.op.reference is None else lambda *numbers: referred(ar, node, [*numbers])
