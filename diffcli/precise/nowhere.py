"""Where a graph has no value at a point nor anywhere about it: log of what is below 0, and all that is made of it.

No way to such a point leads to a limit, so none need be tried; there are dozens, and each takes several evaluations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from diffcli.graph import INPUT, Node
from diffcli.precise.arithmetic import Arithmetic, finite
from diffcli.precise.graphs import Graph, Latest
from diffcli.precise.leaps import DECISIONS, LEAPS, Ends
from diffcli.precise.sequences import Sequences

#: Numbers that agree to so many bits at two precisions are no rounding. Arguments are moved by the last of these to
#: see what an operation does about them, and those that are 0 by a power of two.
BITS, AT_ZERO = 60, -200
#: What agrees to so many bits meanwhile does not leap.
CLOSE = 20
#: What may have a value although an argument has none.
_LENIENT = frozenset({"where", "and", "or"})


class _About(NamedTuple):
    """Of every element of a node, whether it is a number that varies but little about the point, and whether it has no
    value there at all; neither, where that is not plain.
    """

    steady: NDArray[np.bool_]
    absent: NDArray[np.bool_]


class Nowhere:
    """Looks at a graph at one point, of which there are the values at two precisions."""

    def __init__(self, ar: Arithmetic, graph: Graph, rough: Latest, fine: Latest) -> None:
        self._ar, self._graph, self._rough, self._fine = ar, graph, rough, fine
        self._alike = Sequences(ar).alike
        self._about: dict[Node, _About] = {}
        self._moving: set[Node] = set()
        for node in graph.order:
            if node.op is INPUT or not self._moving.isdisjoint(node.args):
                self._moving.add(node)
            self._about[node] = self._of(node)

    def nodes(self) -> frozenset[Node]:
        """The nodes no element of which has a value about the point."""
        return frozenset(node for node, about in self._about.items() if about.absent.all())

    def elements(self, outputs: Sequence[Node]) -> list[bool]:
        """Whether an element of some nodes has no value about the point: for all of them, row by row."""
        return [bool(flag) for node in outputs for flag in self._about[node].absent.flat]

    def _of(self, node: Node) -> _About:
        steady = self._settled(node)
        of = self._graph.on_numbers.get(node)
        if of is not None:
            return self._by_element(node, of, steady)
        if not node.args:
            return _About(steady, ~steady & False)
        steady &= all(self._about[arg].steady.all() for arg in node.args)
        return _About(steady, self._spread(node))

    def _settled(self, node: Node) -> NDArray[np.bool_]:
        """Which elements of a node are finite numbers, and more than limits or rounding."""
        pairs = zip(self._rough[node].flat, self._fine[node].flat, strict=True)
        known = self._rough.ends(node) is self._fine.ends(node) is Ends.NONE
        flags = [known and (isinstance(b, bool) or finite(b)) and self._alike(a, b, BITS) for a, b in pairs]
        return np.array(flags, dtype=bool).reshape(node.shape)

    def _spread(self, node: Node) -> NDArray[np.bool_]:
        """Which elements of a linear operation on arrays are made of one that has no value."""
        if node.op.kind != "linear":
            return np.zeros(node.shape, dtype=bool)
        args = [np.where(self._about[arg].absent, np.nan, 0.0)[..., np.newaxis] for arg in node.args]
        return np.asarray(np.isnan(node.op.apply(*args, *node.params))[..., 0])

    # Element by element ..................................................................................

    def _by_element(self, node: Node, of: Callable[..., Any], steady: NDArray[np.bool_]) -> _About:
        found = _About(steady, np.zeros(node.shape, dtype=bool))
        about = [self._about[arg] for arg in node.args]
        values = [self._fine[arg] for arg in node.args]
        for k in range(node.size):
            if node.op.name == "where" and about[0].steady.flat[k]:
                chosen = about[1] if values[0].flat[k] else about[2]
                found.steady.flat[k], found.absent.flat[k] = chosen.steady.flat[k], chosen.absent.flat[k]
            elif all(each.steady.flat[k] for each in about):
                numbers = [value.flat[k] for value in values]
                found.absent.flat[k] = self._none_about(node, of, numbers)
                found.steady.flat[k] = steady.flat[k] and not self._leaps(node, of, numbers)
            else:
                found.steady.flat[k] = False
                found.absent.flat[k] = node.op.name not in _LENIENT and any(each.absent.flat[k] for each in about)
        return found

    def _none_about(self, node: Node, of: Callable[..., Any], numbers: list[Any]) -> bool:
        """Whether an operation has no value at some numbers nor about them: a pole has."""
        return self._ar.is_nan(of(*numbers)) and all(map(self._ar.is_nan, self._moved(node, of, numbers)))

    def _leaps(self, node: Node, of: Callable[..., Any], numbers: list[Any]) -> bool:
        """Whether an operation is another about some numbers than at them."""
        if node.op.name not in LEAPS and node.op.name not in DECISIONS:
            return False
        here = of(*numbers)
        return not all(self._alike(x, here, CLOSE) for x in self._moved(node, of, numbers) if not self._ar.is_nan(x))

    def _moved(self, node: Node, of: Callable[..., Any], numbers: list[Any]) -> list[Any]:
        """What an operation gives where the arguments that can do so are a little off, in all directions."""
        two = self._ar.m.mpf(2)
        ways = [
            (x, x - (step := abs(x) * two**-BITS or two**AT_ZERO), x + step)
            if arg in self._moving and not isinstance(x, bool)
            else (x,)
            for arg, x in zip(node.args, numbers, strict=True)
        ]
        return [of(*each) for each in product(*ways)]
