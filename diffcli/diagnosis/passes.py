"""Both passes at one point with nothing thrown away, and the cheap question: is anything here suspicious?

The test is the running rounding-error bound (`bounds`): Σ|path products|·ε, at hand for values and derivatives alike.
Ordinary points end here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from diffcli.diagnosis.bounds import EPS, FORGIVEN, ROUNDLESS, bound
from diffcli.diagnosis.derived import Derived
from diffcli.diagnosis.sites import at_site, undecided
from diffcli.graph import CONSTANT, Node, ancestors
from diffcli.primitives.structure import MOVES

Array: TypeAlias = NDArray[Any]

#: Relative error from which on a number counts as wrong: 9,000 halves of a unit of the last place.
TOLERANCE = 1e-12
#: The same, where the inputs' own last places change the number as much.
EXCUSABLE = 1e-9
#: From so many derivatives on, one is only doubted if its error matters beside the largest.
CROWD = 100
#: What adds up elements.
SUMS = frozenset({"sum", "matmul"})
#: Of so many members of a batch at the most it is looked up which of their numbers count.
MANY = 64


def trust(derived: Derived) -> float:
    """The error bound, in units of EPS, up to which a result is not doubted. The bound adds up every rounding at its
    worst: a long sum is better than that.
    """
    return TOLERANCE / EPS + len(derived.order)


class Passes:
    """Every value that the outputs and the derivatives go through: at one point, for one seed or a batch of them.

    Arrays have the shapes of their nodes and the batch on the last axis, 1 for what no seed reaches.
    """

    def __init__(self, derived: Derived, at: Mapping[Node, Array], seeds: Sequence[Array] = ()) -> None:
        self.function = derived.function
        self.derived = derived
        self.order = derived.order
        with np.errstate(all="ignore"):
            self._list = derived.run({**at, **dict(zip(derived.seeds, seeds, strict=True))})
        self.batch = max([self._list[place].shape[-1] for place, _ in derived.leaves], default=1)
        self._flat: Array | None = derived.singles.flat(self._list) if self.batch == 1 else None
        self.trusted = trust(derived)
        self._doubts: dict[Node, Array] = {}

    @cached_property
    def values(self) -> dict[Node, Array]:
        """By node."""
        return dict(zip(self.order, self._list, strict=True))

    @property
    def forward(self) -> frozenset[Node]:
        """What the function's outputs depend on."""
        return self.derived.primal

    def column(self, b: int) -> Passes:
        """The passes of one seed of the batch."""
        if self.batch == 1:
            return self
        one = object.__new__(Passes)
        one.__dict__.update({name: it for name, it in self.__dict__.items() if name not in ("values", "_bounds")})
        one._list = [v if v.shape[-1] == 1 else v[..., b : b + 1] for v in self._list]
        one.batch = 1
        one._flat = self.derived.singles.flat(one._list)
        one._doubts = {}
        return one

    # What was looked at ..................................................................................

    def looked_at(self) -> dict[Node, Array]:
        """For every node, which of its elements the results look at: an untaken branch is not. For one seed."""
        used = {node: np.zeros((*node.shape, 1), dtype=bool) for node in self.order}
        for node in self.results():
            used[node][...] = True
        conditions = self.conditions()
        for node in reversed(self.order):
            here = used[node]
            if not here.any():
                continue
            for i, seen in enumerate(made_of(node, here)):
                used[node.args[i]] |= seen & conditions.get((node, i), True)
        return used

    def conditions(self) -> dict[tuple[Node, int], Array]:
        """By operation and argument, for those that choose among their arguments: which elements of it are chosen."""
        wanted = {
            (node, i): rule(node)
            for node in self.order
            if node.op.uses
            for i, rule in enumerate(node.op.uses)
            if rule is not None
        }
        known = dict(self.values)
        with np.errstate(all="ignore"):
            for node in ancestors(wanted.values(), known):
                if node in known:
                    continue
                if node.op is CONSTANT:
                    known[node] = node.params[0][..., np.newaxis]
                else:
                    known[node] = node.op.apply(*[known[arg] for arg in node.args], *node.params)
        return {key: known[node].astype(bool) for key, node in wanted.items()}

    def has_minus_zero(self) -> bool:
        """Whether the function goes through a −0."""
        zeros = (x[x == 0.0] for node, x in self.values.items() if node in self.forward and not node.boolean)
        return any(bool(np.signbit(x).any()) for x in zeros)

    def without_minus_zero(self) -> list[float]:
        """What the output elements would be if every zero were +0."""
        values: dict[Node, Array] = {}
        with np.errstate(all="ignore"):
            for node in self.order:
                if node in self.forward:
                    args = [values[arg] for arg in node.args]
                    value = node.op.apply(*args, *node.params) if args else self.values[node]
                    values[node] = value if node.boolean else value + 0.0
        return [float(x) for node in self.function.outputs for x in np.ravel(values[node])]

    # Suspicion ...........................................................................................

    def suspicious(self) -> list[int]:
        """The members of the batch for which something asks for a closer look: a number that is not finite, a kink's
        point, a large error bound, a decision that rounding may have made.
        """
        odd = self.not_finite() | self.at_sites()
        if self.batch == 1:  # the same, with fewer calls of NumPy
            found = (odd[0] and self.matters()) or self.uncertain(self.trusted)[0] or self.undecided()[0]
            return [0] if found else []
        flagged = np.flatnonzero(odd)
        if 0 < len(flagged) <= MANY:
            # A branch not taken may be anything.
            for b in flagged:
                odd[b] = self.column(int(b)).matters()
        if not odd.all():
            odd = odd | self.uncertain(self.trusted)
        if not odd.all():
            odd = odd | self.undecided()
        return [int(b) for b in np.flatnonzero(odd)]

    def matters(self) -> bool:
        """Whether any number that is looked at is infinite or NaN, or comes from a kink, a jump or an equality; for one
        member of the batch.
        """
        used = self.looked_at()
        return any(
            not node.boolean and bool((~np.isfinite(value) & used[node]).any())
            for node, value in zip(self.order, self._list, strict=True)
        ) or any(bool((self.at_site(node) & used[node]).any()) for node in self.derived.sited if self.derived.nodes)

    def not_finite(self) -> Array:
        """For each member of the batch, whether any number is infinite or NaN."""
        odd = np.zeros(self.batch, dtype=bool)
        alone = self._flat is not None
        if self._flat is not None:
            odd |= not np.isfinite(self._flat).all()
        for place in self.derived.singles.others if alone else self.derived.numbers:
            odd |= _any(~np.isfinite(self._list[place]))
        return odd

    def at_sites(self) -> Array:
        """For each member of the batch, whether an operation is at its kink, its jump or an equality."""
        odd = np.zeros(self.batch, dtype=bool)
        if not self.derived.nodes:
            return odd
        alone = self._flat is not None
        if self._flat is not None:
            with np.errstate(all="ignore"):
                odd |= self.derived.singles.at_site(self._flat)
        for node in self.derived.sited:
            if not (alone and node.shape == () and node.op.kind == "elementwise"):
                odd |= _any(self.at_site(node))
        return odd

    def undecided(self) -> Array:
        """For each member of the batch, whether rounding may have carried an argument of an operation across its kink,
        its jump or an equality.
        """
        odd = np.zeros(self.batch, dtype=bool)
        for node in self.derived.decisions:
            odd |= _any(self.undecided_at(node))
        flagged = np.flatnonzero(odd)
        if 0 < len(flagged) <= MANY:
            for b in flagged:
                odd[b] = bool(self.column(int(b)).hanging())
        return odd

    def undecided_at(self, node: Node) -> Array:
        """Which elements of a node with a kink, a jump or a comparison may lie on the other side of it."""
        errors = self.errors()
        args = [self.values[arg] for arg in node.args]
        return undecided(node, args, [errors[arg] for arg in node.args], self.values[node])

    def hanging(self) -> list[Node]:
        """The operations looked at that rounding may have carried across; for one member of the batch."""
        near = {node: flags for node in self.derived.decisions if (flags := self.undecided_at(node)).any()}
        whole = self._whole() if near else set()
        near = {node: flags for node, flags in near.items() if not whole.issuperset(node.args)}
        used = self.looked_at() if near else {}
        return [node for node, flags in near.items() if (flags & used[node]).any()]

    def _whole(self) -> set[Node]:
        """What is exact, whatever the bound says: sums and products of whole numbers."""
        whole: set[Node] = set()
        for node in self.derived.order:
            if node not in self.forward or not (whole.issuperset(node.args) or node.boolean):
                continue
            name, value = node.op.name, self.values[node]
            if name in SUMS and node.args:
                value = node.op.apply(*[abs(self.values[arg]) for arg in node.args], *node.params)
            elif node.args and name not in ROUNDLESS and name not in ("add", "subtract", "multiply", "square"):
                continue
            if bool((abs(value) < 2.0**53).all()) and (node.args or bool((value == np.floor(value)).all())):
                whole.add(node)
        return whole

    def uncertain(self, trusted: float) -> Array:
        """For each member of the batch, whether a result's error bound is larger than `trusted` units of EPS."""
        return self.worst() > trusted

    def worst(self) -> Array:
        """For each member of the batch, the largest error bound of a result in units of its last place."""
        worst, largest = np.zeros(self.batch), 0.0
        errors = self.errors()
        dwarfed = self._dwarfed()
        for node in self.results():
            if self._flat is not None and node.shape == () and dwarfed is None:
                largest = max(largest, self._relative_of_one(node, errors))
                continue
            ulps = self.relative(node, errors)
            if dwarfed is not None and node in self.derived.slopes:
                # Among many derivatives some cross 0 by chance; they are judged by the largest.
                size = np.abs(self.values[node])
                with np.errstate(all="ignore"):
                    ulps = np.where(errors[node] * EPS <= np.maximum(EXCUSABLE * size, 64 * EPS * dwarfed), 0.0, ulps)
            worst = np.maximum(worst, ulps.max(axis=tuple(range(ulps.ndim - 1)), initial=0.0))
        return np.maximum(worst, largest)

    def _dwarfed(self) -> Array | None:
        """The largest derivative of each member of the batch, where there are many."""
        return None if sum(node.size for node in self.derived.slopes) < CROWD else self._largest()

    def _largest(self) -> Array:
        largest = np.zeros(1)
        for node in self.derived.slopes:
            value = np.abs(self.values[node])
            largest = np.maximum(largest, value.max(axis=tuple(range(value.ndim - 1)), initial=0.0))
        return largest

    def results(self) -> list[Node]:
        """The outputs and the derivatives."""
        return [*self.function.outputs, *self.derived.nodes, *self.derived.also]

    def doubts(self, node: Node) -> Array:
        """`relative` by the bound on all errors, found once for all elements of a node."""
        if node not in self._doubts:
            self._doubts[node] = self.relative(node, self.errors())
        return self._doubts[node]

    def relative(self, node: Node, errors: Mapping[Node, Any]) -> Array:
        """The error bound of a node's elements in units of their last place."""
        value = np.abs(self.values[node].astype(np.float64))
        with np.errstate(all="ignore"):
            excess = np.maximum(errors[node] - FORGIVEN, 0.0)
            ulps = np.where(excess == 0.0, 0.0, excess / value)
        return np.where(np.isnan(ulps), np.inf, ulps)

    def _relative_of_one(self, node: Node, errors: Mapping[Node, Any]) -> float:
        """`relative` of a single number at a single point, without the calls of NumPy, which would be most of it."""
        excess, size = float(errors[node]) - FORGIVEN, abs(float(self._list[self.derived.places[node]][0]))
        if excess <= 0.0:
            return 0.0
        ulps = excess / size if size else math.inf
        return math.inf if math.isnan(ulps) else ulps

    def at_site(self, node: Node) -> Array:
        """Which elements of a node with a kink, a jump or a comparison stand exactly at it."""
        return at_site(node, [self.values[arg] for arg in node.args], self.values[node])

    def errors(self) -> Mapping[Node, Any]:
        """A bound on the error of every node's elements, to first order, in units of EPS: absolute, not relative."""
        return self._bounds

    @cached_property
    def _bounds(self) -> Mapping[Node, Any]:
        with np.errstate(all="ignore"):
            if self._flat is not None:
                return dict(zip(self.order, self.derived.singles.errors(self._list, self._flat), strict=True))
            errors: dict[Node, Any] = {}
            for node, value in zip(self.order, self._list, strict=True):
                if not node.args or node.boolean:
                    errors[node] = 0.0
                    continue
                args = [self.values[arg] for arg in node.args]
                mine = [np.broadcast_to(errors[arg], x.shape) for arg, x in zip(node.args, args, strict=True)]
                errors[node] = bound(node, args, mine, value)
            return errors


def _any(flags: Array) -> Array:
    """Whether any element is flagged, by member of the batch."""
    return np.asarray(flags.any(axis=tuple(range(flags.ndim - 1))))


def made_of(node: Node, here: Array) -> list[Array]:
    """Which elements of each argument some elements of a node are made of."""
    if node.op.name in MOVES:
        return moved_back(node, here)
    if node.op.kind == "elementwise":
        return [here.reshape((*arg.shape, 1)) for arg in node.args]
    seen = [np.ones((*arg.shape, 1), dtype=bool) for arg in node.args]
    if node.op.name == "matmul" and all(len(arg.shape) == 2 for arg in node.args):
        seen[0] &= here.any(axis=1, keepdims=True)  # a row of the one and a column of the other
        seen[1] &= here.any(axis=0, keepdims=True)
    return seen


def moved_back(node: Node, flags: Array) -> list[Array]:
    """Which elements of each argument the flagged elements of `node` are: the moves, done to numbers of places."""
    ends = np.cumsum([1, *(arg.size for arg in node.args)])  # place 0 is nobody's: a zero that was filled in
    places = [
        np.arange(start, start + arg.size, dtype=np.float64).reshape((*arg.shape, 1))
        for start, arg in zip(ends, node.args, strict=False)
    ]
    back = np.zeros(ends[-1], dtype=bool)
    back[node.op.apply(*places, *node.params)[flags].astype(np.intp)] = True
    return [
        back[start : start + arg.size].reshape((*arg.shape, 1)) for start, arg in zip(ends, node.args, strict=False)
    ]
