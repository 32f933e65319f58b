"""Where it begins that a number is wrong: the first operation that is to blame, of those that it is made of."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from diffcli.diagnosis.bounds import EPS, SMALLEST_NORMAL
from diffcli.diagnosis.naming import Naming
from diffcli.diagnosis.passes import TOLERANCE, Passes
from diffcli.diagnosis.questions import Question
from diffcli.diagnosis.reach import ASKED, Looks, Reach
from diffcli.diagnosis.sites import SITES
from diffcli.diagnosis.truth import Derivative, element
from diffcli.diagnosis.words import local, nowhere
from diffcli.graph import INPUT, Node

#: Times these, numbers are close enough to overflow alike, and no longer at a pole.
NEIGHBOURS = (1 - 2.0**-20, 1 + 2.0**-20)
Wanted: TypeAlias = Callable[[NDArray[Any]], NDArray[np.bool_]]


def not_finite(value: NDArray[Any]) -> NDArray[np.bool_]:
    """Which numbers are infinite or none."""
    return np.asarray(~np.isfinite(value))


class Culprits:
    """What is to blame at one point, looked for among the operations that have a name in the formula."""

    def __init__(self, question: Question, naming: Naming, reach: Reach) -> None:
        self.function = question.function
        self.naming = naming
        self.reach = reach

    def first(self, passes: Passes, *, primal: bool, looks: Looks | None = None) -> tuple[Node, int] | None:
        """The first node, of those looked at, that made something non-finite of finite arguments; and where in it."""
        return next(self.each(passes, primal=primal, looks=looks), None)

    def undefined(self, passes: Passes, looks: Looks) -> tuple[Node, int] | None:
        """The first node of the formula, of those looked at, that gave NaN for finite arguments; and where in it."""
        return next(self.each(passes, primal=True, looks=looks, wanted=np.isnan), None)

    def each(
        self, passes: Passes, *, primal: bool, looks: Looks | None = None, wanted: Wanted = not_finite
    ) -> Iterator[tuple[Node, int]]:
        """All such nodes, of the formula (`primal`) or of its derivative, in the order of evaluation; what they made is
        not finite, or of those numbers what is `wanted`.
        """
        used = self.reach.used(passes) if looks is None else looks
        for node in passes.order:
            if node not in used or not node.args or node.boolean:
                continue
            if (node in passes.forward and node in self.naming.ids) != primal:
                continue
            bad = wanted(passes.values[node]) & used[node]
            if not bad.any():
                continue
            args = [passes.values[arg] for arg in node.args]
            for arg in args:
                finite = np.isfinite(arg.astype(np.float64))
                bad &= finite if node.op.kind == "elementwise" else finite.all()
            if bad.any():
                yield node, int(np.flatnonzero(bad)[0])

    def where_digits_went(self, passes: Passes, used: Looks, output: Node) -> Node:
        """The first of the nodes on the way to `output` whose error is large against itself, those of its
        arguments being small.
        """
        errors = passes.errors()
        worst, at = 0.0, output
        for node in passes.order:
            if node not in used or not node.args or node.boolean:
                continue
            mine = np.where(used[node], passes.relative(node, errors), 0.0).max(initial=0.0)
            theirs = max(
                (
                    np.where(used[arg], passes.relative(arg, errors), 0.0).max(initial=0.0)
                    for arg in node.args
                    if arg in used
                ),
                default=0.0,
            )
            if mine > 64.0 * max(theirs, 1.0):
                return node if mine > TOLERANCE / EPS / 16 or worst == 0.0 else at
            if mine > worst:
                worst, at = mine, node
        return at

    def vanished(self, passes: Passes, used: Looks, *, written: bool = True) -> tuple[Node, float] | None:
        """The first operation whose result is so small that a double has no place for its digits, and what it gave; of
        those that are `written` in the formula, or of its derivative.
        """
        small = self._single(passes, used, lambda value: np.abs(value) < SMALLEST_NORMAL, written=written)
        for node, k, args in small:
            exact = local(node, args)
            if exact is not None and -np.inf < exact[1] < -307.6:
                rest = float(np.ravel(passes.values[node])[k])
                if abs(exact[0] - rest) > TOLERANCE * abs(exact[0]):
                    return node, rest
        return None

    def outside(self, passes: Passes, used: Looks) -> tuple[Node, int] | None:
        """The first operation that gave a number where it has no value."""
        for node, k, args in self._single(passes, used, np.isfinite):
            if all(map(math.isfinite, args)) and nowhere(node, args):
                return node, k
        return None

    def _single(
        self, passes: Passes, used: Looks, wanted: Wanted, *, written: bool = True
    ) -> Iterator[tuple[Node, int, list[float]]]:
        """The operations on single numbers, of those looked at, that gave what is wanted; where, and of what."""
        for node in passes.order:
            if node not in used or (node in self.naming.ids) != written or node.op.kind != "elementwise":
                continue
            if node.args and not node.boolean:
                for k in np.flatnonzero(wanted(passes.values[node]) & used[node])[:4]:
                    yield node, int(k), [float(np.ravel(passes.values[arg])[k]) for arg in node.args]

    def owner(self, d: Derivative) -> Node:
        """The operation whose rule made a derivative non-finite."""
        owners = d.passes.derived.owners
        for culprit, _ in self.each(d.passes, primal=False, looks=self.reach.of_derivative(d)):
            owner = owners.get(culprit)
            if owner is not None and owner.op is not INPUT and self.reach.on_the_way(owner, d):
                return owner
        return self.output(d)

    def overflows(self, d: Derivative) -> bool:
        """Whether a derivative is not finite because a number on its way is too large for a double, as far as doubles
        tell: that operation has no argument that is 0, and next to its arguments it gives nothing finite either.
        """
        found = next(self.each(d.passes, primal=False, looks=self.reach.of_derivative(d)), None)
        if found is None:
            return False
        node, k = found
        if node.op.kind != "elementwise":
            return node.op.kind in ("linear", "bilinear")  # sums and products of what is finite
        args = [np.ravel(d.passes.values[arg])[k : k + 1] for arg in node.args]
        if any((arg == 0.0).any() for arg in args):
            return False
        with np.errstate(all="ignore"):
            beside = [node.op.apply(*(arg * near for arg in args), *node.params) for near in NEIGHBOURS]
        return not any(np.isfinite(value).any() for value in beside)

    def by_rule(self, node: Node, d: Derivative) -> Node | None:
        """The operation by whose rule a node of the derivative was made; None where its parts are added up."""
        owner = d.passes.derived.owners.get(node, self.output(d))
        known = owner in self.naming.ids and owner.op is not INPUT
        return owner if known and self.reach.on_the_way(owner, d) else None

    def output(self, d: Derivative) -> Node:
        """The output that a derivative is of."""
        outputs = self.function.outputs
        return element(outputs, next(iter(self.reach.of_what(d)), 0))[0]

    def sites(self, every: Iterable[Passes]) -> list[Node]:
        """Where a kink, a tie or a comparison at equality is met, in any of some passes."""
        met: dict[Node, None] = {}
        for passes in every:
            used = self.reach.used(passes)
            for node in passes.order:
                if node in self.naming.ids and node.op.name in SITES and (passes.at_site(node) & used[node]).any():
                    met[node] = None
        return list(met)

    def at_the_site(self, site: Node, pool: Sequence[Derivative]) -> list[Derivative]:
        """The first of some derivatives that depends on a site, at best through what it is in."""
        some = [d for d in pool if self.reach.on_the_way(site, d)][:1]
        return some or [d for d in pool[:ASKED] if self.looks_at(d, site)][:1]

    def looks_at(self, d: Derivative, node: Node) -> bool:
        """Whether a derivative is made of a node."""
        flags = self.reach.of_derivative(d).get(node)
        return flags is not None and bool(flags.any())
