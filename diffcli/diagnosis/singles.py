"""The error bound of a graph's single numbers, all uses of one operation at a time.

A formula of a thousand terms has some thousand nodes of one number each. NumPy's calls, one a node and more, would cost
many times the gradient; so slopes are computed for all uses of an operation together, and only the sums of products
that hand the errors on go node by node.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from diffcli.diagnosis.bounds import EPS, LOST, ROUNDLESS, SMALLEST_NORMAL, STRAIGHT, bound, rounding, slopes, widened
from diffcli.diagnosis.sites import at_site
from diffcli.graph import Node

Array: TypeAlias = NDArray[Any]


class _Uses(NamedTuple):
    """All uses of one operation on single numbers: their places, and those of their arguments."""

    node: Node  # one of them
    places: Array
    args: list[Array]


class Singles:
    """The nodes of one number among `order`, in which every node has a place; arguments come before users. `sited`
    are those that have a kink, a jump or a comparison somewhere.
    """

    def __init__(self, order: Sequence[Node], sited: Sequence[Node]) -> None:
        places = {node: place for place, node in enumerate(order)}
        alone = [place for place, node in enumerate(order) if node.shape == ()]
        self._alone = np.array(alone, dtype=np.intp)
        #: The others, less conditions.
        self.others = [place for place, node in enumerate(order) if node.shape != () and not node.boolean]
        #: Takes the single numbers from a row of values; one place alone would give no row.
        self._pick = itemgetter(*alone) if len(alone) > 1 else lambda values: [values[place] for place in alone]
        self._nodes = order
        uses: dict[tuple[Any, ...], list[Node]] = {}
        #: Who hands errors to whom: (place, two arguments' places); the second is the first again if there is one
        #: argument, and −1 if there are more. Of what is no single number, or made of arrays: (place, −1, −1).
        self._steps: list[tuple[int, int, int]] = []
        for place, node in enumerate(order):
            args = node.args
            if not args or node.boolean:
                continue
            if node.shape != () or node.op.kind != "elementwise":
                self._steps.append((place, -1, -1))
                continue
            uses.setdefault((node.op, node.params), []).append(node)
            self._steps.append((place, places[args[0]], places[args[-1]] if len(args) < 3 else -1))
        self._args = {
            place: tuple([places[arg] for arg in order[place].args]) for place, _, last in self._steps if last < 0
        }
        self._uses = [_uses(nodes, places) for nodes in uses.values()]
        #: What rounds, and from where on by half a unit in its last place.
        self._rounded = np.zeros(len(order), dtype=bool)
        for each in self._uses:
            self._rounded[each.places] = each.node.op.name not in ROUNDLESS
        self._normal = np.where(self._rounded, SMALLEST_NORMAL, 0.0)
        alike: dict[tuple[Any, ...], list[Node]] = {}
        for node in sited:
            if node.shape == () and node.op.kind == "elementwise":
                alike.setdefault((node.op, node.params), []).append(node)
        self._sited = [_uses(nodes, places) for nodes in alike.values()]

    def flat(self, values: Sequence[Array]) -> Array:
        """The single numbers among `values` (a value a place, for one point) in their places; 0 for all else."""
        flat = np.zeros(len(values))
        if len(self._alone):
            flat[self._alone] = np.concatenate(self._pick(values))
        return flat

    def at_site(self, flat: Array) -> bool:
        """Whether any single number stands at a kink, a jump or an equality."""
        return any(
            at_site(uses.node, [flat[places] for places in uses.args], flat[uses.places]).any() for uses in self._sited
        )

    def errors(self, values: Sequence[Array], flat: Array) -> list[Any]:
        """The error bound of every node, by place: a float or an array."""
        one, two = np.zeros((2, len(values)))
        sizes = np.abs(flat)
        own = np.where(self._rounded, sizes, 0.0)
        small = bool((own < self._normal).any())
        more: dict[int, tuple[float, ...]] = {}
        for uses in self._uses:
            args = [flat[places] for places in uses.args]
            value = flat[uses.places]
            if small and uses.node.op.name not in ROUNDLESS:
                own[uses.places] = rounding(uses.node, args, value)
            found = slopes(uses.node.op, uses.node.params, args, value)
            if len(found) < 3:
                for slope, each in zip((one, two), found, strict=False):
                    slope[uses.places] = each
            else:
                columns = [np.broadcast_to(each, value.shape).tolist() for each in found]
                more.update(zip(uses.places.tolist(), zip(*columns, strict=True), strict=True))
        errors: list[Any] = own.tolist()
        first, second = one.tolist(), two.tolist()
        most = (sizes * (LOST / EPS)).tolist()
        for place, a, b in self._steps:
            if b >= 0:
                # A factor of 0 hands nothing on, not even an error without bounds.
                here, there = errors[a], errors[b]
                error = errors[place]
                if here:
                    error += first[place] * here if first[place] else 0.0
                if there:
                    error += second[place] * there if second[place] else 0.0
                if (here > most[a] or there > most[b]) and self._nodes[place].op.name not in STRAIGHT:
                    error = self._widened(place, (a, b), values, errors, error)
                errors[place] = error
            elif a >= 0:
                pairs = zip(more[place], self._args[place], strict=True)
                errors[place] += sum([slope * errors[k] for slope, k in pairs if slope and errors[k]])
            else:
                other = self._other(place, values, errors)
                errors[place] = other if self._nodes[place].shape else float(other[0])
        return errors

    def _widened(
        self, place: int, places: tuple[int, int], values: Sequence[Array], errors: Sequence[Any], handed: float
    ) -> float:
        node = self._nodes[place]
        some = places[: len(node.args)]
        args, mine = [values[k] for k in some], [np.full(1, errors[k]) for k in some]
        return float(widened(node, args, mine, values[place], np.full(1, handed))[0])

    def _other(self, place: int, values: Sequence[Array], errors: Sequence[Any]) -> Array:
        places = self._args[place]
        args = [values[k] for k in places]
        mine = [np.broadcast_to(errors[k], values[k].shape) for k in places]
        return bound(self._nodes[place], args, mine, values[place])


def _uses(nodes: Sequence[Node], places: dict[Node, int]) -> _Uses:
    args = [[places[node.args[i]] for node in nodes] for i in range(len(nodes[0].args))]
    return _Uses(nodes[0], np.array([places[node] for node in nodes]), [np.array(column) for column in args])
