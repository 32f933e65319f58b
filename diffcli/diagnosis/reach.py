"""What one number is made of: the elements of the graph that it looks at."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffcli.diagnosis.naming import Naming
from diffcli.diagnosis.passes import Passes, made_of
from diffcli.diagnosis.questions import Question
from diffcli.diagnosis.truth import SECOND_ORDER, Derivative, element
from diffcli.graph import Node

#: From so many numbers on, what an element looks at is what its whole array does; of so many elements at the most it is
#: found one by one.
LARGE = 1 << 16
MANY = 64
#: Of so many wrong numbers of each kind it is asked what makes them.
ASKED = 64

#: Which elements of some nodes a number looks at.
Looks = Mapping[Node, NDArray[Any]]


class Reach:
    """Which numbers depend on which nodes, at one point; a branch that is not taken takes no part."""

    def __init__(self, question: Question, naming: Naming) -> None:
        self._question = question
        self._naming = naming
        self._outputs = question.function.outputs
        self._used: dict[int, dict[Node, NDArray[Any]]] = {}
        self._conditions: dict[int, Mapping[tuple[Node, int], NDArray[Any]]] = {}
        self._of: dict[tuple[int, Node, int | None, bool], Looks] = {}
        self._all: dict[tuple[int, tuple[int, ...], bool], Looks] = {}
        self._seeded: list[int] | None = None

    def used(self, passes: Passes) -> dict[Node, NDArray[Any]]:
        """What all the results of `passes` look at."""
        if id(passes) not in self._used:
            self._used[id(passes)] = passes.looked_at()
        return self._used[id(passes)]

    def of(self, passes: Passes, node: Node, k: int | None = None, *, taking_part: bool = False) -> Looks:
        """What the k-th element of a node looks at; None: any of them. With `taking_part`, nothing that makes no
        difference to its value: what is not chosen, and no NaN such as n in 1ⁿ; nor, where it is NaN itself, what only
        comparisons read.
        """
        if passes.derived.size > LARGE:
            k = None
        key = (id(passes), node, k, taking_part)
        if key not in self._of:
            self._of[key] = self._found(passes, node, k, taking_part)
        return self._of[key]

    def _found(self, passes: Passes, node: Node, k: int | None, taking_part: bool) -> Looks:
        taken = self.used(passes)
        start = np.ones((*node.shape, 1), dtype=bool)
        if k is not None:
            start = (np.arange(node.size) == k).reshape(start.shape)
        looks: dict[Node, NDArray[Any]] = {node: start}
        conditions = self._chosen(passes) if taking_part else {}
        spoilt = taking_part and bool(np.isnan(passes.values[node][start]).any())
        for each in reversed(passes.order):
            here = looks.get(each)
            if here is None or not here.any():
                continue
            back = made_of(each, here)
            for i, (arg, flags) in enumerate(zip(each.args, back, strict=True)):
                known = taken.get(arg)
                if known is not None:
                    seen = flags & known & conditions.get((each, i), True)
                    if taking_part:
                        seen = seen & ~_overruled(passes, each, arg, spoilt)
                    looks[arg] = looks[arg] | seen if arg in looks else seen
        return looks

    def _chosen(self, passes: Passes) -> Mapping[tuple[Node, int], NDArray[Any]]:
        """`Passes.conditions`, found once."""
        if id(passes) not in self._conditions:
            self._conditions[id(passes)] = passes.conditions()
        return self._conditions[id(passes)]

    def outputs(self, passes: Passes, elements: Sequence[int], *, taking_part: bool = False) -> Looks:
        """What some of the output elements look at."""
        key = (id(passes), tuple(elements), taking_part)
        if key not in self._all:
            places: dict[tuple[Node, int | None], None] = dict.fromkeys(element(self._outputs, o) for o in elements)
            if len(places) > MANY or passes.derived.size > LARGE:
                places = dict.fromkeys((node, None) for node, _ in places)
            looks: dict[Node, NDArray[Any]] = {}
            for place in places:
                for node, flags in self.of(passes, *place, taking_part=taking_part).items():
                    looks[node] = looks[node] | flags if node in looks else flags
            self._all[key] = looks
        return self._all[key]

    def beaten(self, passes: Passes, elements: Sequence[int]) -> Looks:
        """What some of the output elements look at, together with what is beaten there, such as 1/0 in min(1/0, 5); a
        branch that is not taken is not even beaten.
        """
        looks: dict[Node, NDArray[Any]] = {node: np.zeros((*node.shape, 1), dtype=bool) for node in self._outputs}
        for node, k in (element(self._outputs, o) for o in elements):
            looks[node].flat[k] = True
        branches = {key: chosen for key, chosen in self._chosen(passes).items() if key[0].op.conditions}
        for each in reversed(passes.order):
            here = looks.get(each)
            for i, flags in enumerate(() if here is None else made_of(each, here)):
                arg, seen = each.args[i], flags & branches.get((each, i), True)
                looks[arg] = looks[arg] | seen if arg in looks else seen
        return looks

    def numbers(self, looks: Looks, passes: Passes) -> Looks:
        """Of what output elements look at, what they are made of: not what comparisons alone read."""
        made = {*self._outputs}
        for each in reversed(passes.order):
            if each in made and not each.boolean and looks[each].any():
                made.update(arg for arg in each.args if arg in looks)
        return {node: flags for node, flags in looks.items() if node in made}

    def makes(self, passes: Passes, node: Node, o: int) -> bool:
        """Whether an output element depends on a node."""
        flags = self.of(passes, *element(self._outputs, o), taking_part=True).get(node)
        return flags is not None and bool(flags.any())

    def on_the_way(self, node: Node, d: Derivative) -> bool:
        """Whether a node lies between what a derivative is of and what it is in, or one of the two."""
        made = self.outputs(d.passes, self.of_what(d)).get(node)
        if made is None or not made.any():
            return False
        if self._question.what == "jvp":
            return True
        places = {d.o, d.j} if self._question.what == "hessian" and not d.first else {d.j}
        looks = self.of(d.passes, node)
        for place in places:
            wrt, k = element(self._question.wrt, place)
            flags = looks.get(wrt)
            if flags is not None and np.ravel(flags)[k]:
                return True
        if self._question.what != "hvp" or d.first:
            return False
        owners = d.passes.derived.owners  # a product has parts from the inputs that move, too
        return any(owners.get(each) is node for each in self.of(d.passes, d.node, d.k))

    def of_what(self, d: Derivative) -> list[int]:
        """The output elements that a derivative is of."""
        what = self._question.what
        if what == "jvp":
            return [d.j]
        if what == "vjp":
            if self._seeded is None:
                pairs = zip(self._question.vector, self._outputs, strict=True)
                seeds = [np.ravel(np.broadcast_to(v, (*node.shape, 1))) for v, node in pairs]
                self._seeded = np.flatnonzero(np.concatenate(seeds)).tolist()
            return self._seeded
        return [0] if what in SECOND_ORDER or what == "grad" else [d.o]

    def of_derivative(self, d: Derivative) -> Looks:
        """What a derivative looks at, without what only other rows of the answer do."""
        looks = self.of(d.passes, d.node, d.k, taking_part=not math.isfinite(d.value))
        outputs = self.outputs(d.passes, self.of_what(d))
        return {node: flags for node, flags in looks.items() if node not in self._naming.ids or node in outputs}


def _overruled(passes: Passes, node: Node, arg: Node, spoilt: bool) -> NDArray[Any]:
    """Which elements of a result are numbers although this argument is none: 1ⁿ is 1, whatever n is. A comparison may
    decide by it, or by what is infinite, but what is `spoilt` is so by something else.
    """
    if node.op.kind != "elementwise" or node.boolean:
        return np.full(1, node.boolean and spoilt)
    found = np.isfinite(passes.values[node].astype(np.float64))
    return np.asarray(np.isnan(passes.values[arg].astype(np.float64)) & found)
