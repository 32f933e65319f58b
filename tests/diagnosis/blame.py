"""Which numbers of an answer a finding is about: those that change when the operation that it names gives nonsense, at
the point or, on the same branches, a little beside it.

Found by trying, in doubles: every node after the named one is computed again with other numbers in its place. What
`diffcli.diagnosis.reach` says has no hand in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from diffcli.bound import Bound
from diffcli.diagnosis.ledger import Finding
from diffcli.diagnosis.questions import ask
from diffcli.graph import INPUT, Node, ancestors

Array: TypeAlias = NDArray[Any]
#: What takes a number's place: nothing, something larger, something smaller.
NONSENSE = (lambda x: np.full_like(x, np.nan), lambda x: 2.5 * np.abs(x) + 3.7, lambda x: -2.5 * np.abs(x) - 3.7)


class Blame:
    """The nodes of one answer, by the numbers that ``diffcli trace`` gives them."""

    def __init__(self, bound: Bound, verb: str) -> None:
        question = ask(bound, verb)
        self.function = bound.function
        self.wrt = bound.wrt
        self.derived = question.all.derived
        self.order = question.all.order
        self.columns = question.by_columns
        primal = {*ancestors(self.function.outputs), *self.function.inputs}
        self.directions = [(node, k) for node in self.wrt for k in range(node.size)]
        self.nodes = sorted(primal, key=lambda node: node.index)
        with np.errstate(all="ignore"):
            found = question.all.values
            self._bases = [found, self._healed(found), self._beside(found, 1), self._beside(found, -1)]
        self._changed: dict[tuple[Node, int | None], dict[Node, Array]] = {}

    def named(self, finding: Finding) -> list[int]:
        """The nodes that a finding names: all that are written where its text is underlined."""
        spans = self.function.spans
        alike = [place for place, node in enumerate(self.nodes) if finding.span and spans.get(node) == finding.span]
        return sorted({*alike, *([] if finding.node is None else [finding.node])})

    def value(self, place: int, o: int) -> bool:
        """Whether the o-th number of the value is made of a node."""
        return self._in(self.nodes[place], self.function.outputs, o, 0)

    def spoils(self, place: int, o: int) -> bool:
        """Whether the o-th number of the value has none where a node has none: a comparison of nothing decides nothing,
        though it may be between two numbers that are the same.
        """
        node, base = self.nodes[place], self._bases[0]
        now = {node: np.full_like(base[node], np.nan)} if node in base and not node.boolean else {}
        with np.errstate(all="ignore"):
            for each in self.order if now else ():
                if each in now or not any(arg in now for arg in each.args):
                    continue
                args = [now.get(arg, base[arg]) for arg in each.args]
                found = each.op.apply(*args, *each.params)
                if each.boolean:
                    for arg in args:
                        found = np.where(arg != arg, ~base[each], found)
                elif each.op.name == "where":
                    same = (args[0] == base[each.args[0]]) | (args[1] == args[2])
                    found = np.where(same, found, np.nan)
                now[each] = found
        output, k = next(each for each in self._elements() if each[2] == o)[:2]
        return output in now and bool(np.isnan(np.ravel(now[output])[k]))

    def slope(self, place: int, o: int, j: int) -> bool:
        """Whether its derivative in direction j is, or whether the node lies between the two."""
        if self.derived.also:
            known = self._in(self.nodes[place], self.derived.also, j, 0)
        else:
            k, row = (o, j) if self.columns else (j, o)
            known = self._in(self.nodes[place], self.derived.nodes, k, row)
        return known or (self.value(place, o) and self._moves(j, place))

    def between(self, place: int, j: int) -> bool:
        """Whether a node stands between the input of direction j and the value, used or not."""
        return self.directions[j][0] in ancestors([self.nodes[place]])

    def bend(self, place: int, i: int, j: int) -> bool:
        """The same for a second derivative in directions i and j."""
        known = self._in(self.nodes[place], self.derived.nodes, i, j)
        return known or (self.value(place, 0) and (self._moves(i, place) or self._moves(j, place)))

    def decided(self, places: Sequence[int], o: int, j: int) -> bool:
        """Whether comparisons that change with direction j decide together about an output: each alone may not."""
        moving = [self.nodes[place] for place in places if self.nodes[place].boolean and self._moves(j, place)]
        output, k = next(each for each in self._elements() if each[2] == o)[:2]
        for base in self._bases if len(moving) > 1 else ():
            now = self._run(base, moving[0], ~base[moving[0]], {node: ~base[node] for node in moving[1:]})
            if output in now and np.ravel(now[output])[k] != np.ravel(base[output])[k]:
                return True
        return False

    def _elements(self) -> Iterator[tuple[Node, int, int]]:
        """The elements of the outputs, with their places in them and among all."""
        place = 0
        for node in self.function.outputs:
            for k in range(node.size):
                yield node, k, place
                place += 1

    def _moves(self, j: int, place: int) -> bool:
        """Whether a node changes with the j-th element of all inputs."""
        node, (name, k) = self.nodes[place], self.directions[j]
        return name is node or bool(self._of(name, k).get(node, np.zeros(1)).any())

    def _in(self, named: Node, nodes: Sequence[Node], k: int, row: int) -> bool:
        """Whether the k-th element of some nodes, for one seed, changes with the one that is named."""
        for node in nodes:
            if k < node.size:
                flags = self._of(named).get(node)
                return flags is not None and bool(flags.reshape(node.size, -1)[k, row % flags.shape[-1]])
            k -= node.size
        raise IndexError(k)

    # Trying ..............................................................................................

    def _healed(self, found: Mapping[Node, Array]) -> dict[Node, Array]:
        """All numbers, with finite ones for those that are not: of two that are infinite one hides the other."""
        values: dict[Node, Array] = {}
        for node in self.order:
            value = found[node]
            if node.args and not node.boolean:
                value = node.op.apply(*[values[arg] for arg in node.args], *node.params)
            values[node] = value if node.boolean else np.where(np.isfinite(value), value, 1.3 + 0.01 * node.index)
        return values

    def _beside(self, found: Mapping[Node, Array], sign: int) -> dict[Node, Array]:
        """All numbers a little beside the point, on one side or the other, on the same branches: at a point that is a
        tie, a zero or a pole of something, what depends on it may stand still.
        """
        values: dict[Node, Array] = {}
        for node in self.order:
            value = found[node]
            if node.op is INPUT:
                value = np.where(np.isfinite(value), value + sign * (0.03 * value + 0.007 * (1 + node.index)), value)
            elif node.args and not node.boolean:
                value = node.op.apply(*[values[arg] for arg in node.args], *node.params)
            values[node] = value
        return values

    def _of(self, node: Node, element: int | None = None) -> dict[Node, Array]:
        """Which elements of which nodes change with a node, or with one element of it."""
        key = (node, element)
        if key not in self._changed:
            found: dict[Node, Array] = {}
            for base in self._bases if node in self._bases[0] else ():  # nothing is made of the x of x^0
                for values in self._tried(base, node, element):
                    for each, now in values.items():
                        flags = (now != base[each]) & ~((now != now) & (base[each] != base[each]))
                        found[each] = found[each] | flags if each in found else flags
            self._changed[key] = found
        return self._changed[key]

    def _tried(self, base: Mapping[Node, Array], node: Node, element: int | None) -> Iterator[dict[Node, Array]]:
        """The nodes that may change, with nonsense in the place of one; at last with all that it decides reversed."""
        start = base[node]
        if node.boolean:
            yield self._run(base, node, ~start)
            return
        with np.errstate(all="ignore"):
            others = [other(start) for other in NONSENSE]
        there = np.ones(node.size, dtype=bool) if element is None else np.arange(node.size) == element
        for k, other in enumerate([*others, start + 1.0]):
            put = np.where(there.reshape((*node.shape, 1)), other, start)
            yield self._run(base, node, put, reverse=k == len(others))

    def _run(
        self,
        base: Mapping[Node, Array],
        node: Node,
        put: Array,
        others: Mapping[Node, Array] | None = None,
        *,
        reverse: bool = False,
    ) -> dict[Node, Array]:
        given = {node: put, **(others or {})}
        now = dict(given)
        with np.errstate(all="ignore"):
            for each in self.order:
                if each not in given and any(arg in now for arg in each.args):
                    args = [now.get(arg, base[arg]) for arg in each.args]
                    now[each] = ~base[each] if reverse and each.boolean else each.op.apply(*args, *each.params)
        return now
