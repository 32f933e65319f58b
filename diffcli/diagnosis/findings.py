"""From suspicion to findings: what is wrong at a point, where it begins, and what the numbers really are.

A finding is only made of what holds: with mpmath at hand every number that is doubted is computed again in
arbitrary precision (`diffcli.precise`), and what turns out right is not mentioned.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from diffcli.calculus import looking_pass
from diffcli.diagnosis.bounds import EPS, SMALLEST_NORMAL
from diffcli.diagnosis.naming import Naming
from diffcli.diagnosis.passes import TOLERANCE, Passes
from diffcli.diagnosis.questions import Question, matrix
from diffcli.diagnosis.reach import Looks, Reach
from diffcli.diagnosis.refined import PRODUCTS, Refined, refined
from diffcli.diagnosis.sites import CONTINUOUS, SITES
from diffcli.diagnosis.truth import SECOND_ORDER, Derivative, Sides, Truth, element, excusable, right, truth
from diffcli.diagnosis.words import (
    OF_REGULAR,
    local,
    nowhere,
    of_decided,
    of_derivative,
    of_indeterminate,
    of_lost,
    of_nearly_singular,
    of_nothing,
    of_outside,
    of_sides,
    of_singular,
    of_site,
    of_vanished,
)
from diffcli.errors import Span
from diffcli.graph import INPUT, Node
from diffcli.sweeps import stacked


class Finding(NamedTuple):
    """One reason to read a number with care; the fields are those of a warning in JSON."""

    code: str
    message: str
    hint: str | None
    node: int | None
    expression: str | None
    span: Span | None
    where: str
    refined: Refined | None


#: As many are made at the most, and of so many numbers of each kind it is asked what makes them.
MOST = 8
ASKED = 64


# Findings ---------------------------------------------------------------------------------------------------


def _at_most_two(values: Iterable[float]) -> list[float]:
    """What `excusable` looks at of many numbers: whether there is more than one, and the largest."""
    every = list(values)
    return every if len(every) < 2 else [0.0, max((abs(x) for x in every if math.isfinite(x)), default=0.0)]


class Examination:
    """One suspicious point, looked at closely."""

    def __init__(self, question: Question, seconds: float, text: str | None = None) -> None:
        self.question = question
        self.function = question.function
        self.truth = truth(question, question.at, seconds)
        self.naming = Naming(question, text)
        self._seconds = seconds
        self._beside: list[Truth] | None = None
        self._slopes: dict[bool, list[float]] = {}
        self._made: list[Finding] = []
        self._matrix: NDArray[Any] | None = None
        self.passes = question.passes
        self.reach = Reach(question, self.naming)
        self._named: dict[tuple[Node, str, str], None] = {}  # what findings are about, with their codes and places

    def findings(self) -> list[Finding]:
        """All of them, those of the value first."""
        first = next(iter(self.passes.values()))
        self._inputs(first)
        if any(np.isnan(value).any() for value in self.question.at.values()):
            return self._made
        if not all(np.isfinite(value).all() for value in self._directions(first)):
            return self._made
        self._mind_signed_zeros(first)
        self._mind_strangers(first)
        bad_values = self._bad_values(first)
        culprit = self._culprit(first, primal=True)
        derivatives = self._derivatives()
        self._slopes = {
            first: _at_most_two(d.value for d in derivatives if d.first == first) for first in (False, True)
        }
        wrong = [d for d in derivatives if not d.fine and not self._as_good_as_zero(d)]
        if culprit is not None and (bad_values or wrong or not self._all_known()):
            self._singular(first, *culprit, "value", bad_values)
        elif bad_values:
            self._wrong_values(first, bad_values, bad_values)
        for o in bad_values[:ASKED]:
            if not self._value_is_said(first, o):
                self._wrong_values(first, [o], bad_values)
        if not self._all_known():
            self._unknown_decisions()
        self._kinks(derivatives, wrong)
        self._wrong_derivatives([d for d in wrong if not d.kink], bad_values)
        return self._made

    def _all_known(self) -> bool:
        known = self.truth.values is not None
        return known and (self.question.what == "eval" or self.truth.first is not None)

    # Inputs ..............................................................................................

    def _inputs(self, passes: Passes) -> None:
        for node, value in self.question.at.items():
            self._not_finite(str(node.params[0]), value, node, "value")
        tangents = self.question.what != "vjp"
        nodes = self.question.wrt if tangents else self.function.outputs
        names = [str(node.params[0]) for node in nodes] if tangents else self.function.names
        for node, name, value in zip(nodes, names, self._directions(passes), strict=False):
            self._not_finite(f"the {'tangent' if tangents else 'cotangent'} of {name}", value, node, "derivative")

    def _not_finite(self, name: str, value: NDArray[Any], node: Node, where: str) -> None:
        bad = np.isnan(value) if np.isnan(value).any() else np.isinf(value)
        if not bad.any():
            return
        if value.ndim:
            name += f"[{','.join(str(int(i)) for i in np.argwhere(bad)[0])}]"
        what = "not a number" if np.isnan(value).any() else "infinite"
        self._add("nonfinite-input", f"{name} is {what}", "give it a finite value", node, where)

    def _directions(self, passes: Passes) -> list[NDArray[Any]]:
        """The vector that a product is asked for, by its parts."""
        if self.question.what not in PRODUCTS:
            return []
        return [passes.values.get(seed, np.zeros((*seed.shape, 1)))[..., 0] for seed in passes.derived.seeds]

    # Values ..............................................................................................

    def _bad_values(self, passes: Passes) -> list[int]:
        """The output elements that are not what they should be, or not finite."""
        reported = self._reported(passes)
        bad = []
        for o, value in enumerate(reported):
            if self.truth.values is None:
                if not math.isfinite(value):
                    bad.append(o)
            elif not math.isfinite(value) or not right(value, self.truth.values[o]):
                if self._infinite_input() and right(value, self.truth.values[o]):
                    continue
                if not self._a_zero_of_the_inputs(passes, o, value):
                    bad.append(o)
        if self.truth.values is None and not bad:
            errors = passes.errors()
            flat = np.concatenate([np.ravel(passes.relative(node, errors)) for node in self.function.outputs])
            bad = [int(o) for o in np.flatnonzero(flat > passes.trusted)]
        return bad

    def _wrong_values(self, passes: Passes, outputs: list[int], bad: Sequence[int]) -> None:
        """A finding about the first cause of what is wrong with some output elements, of all that are `bad`."""
        looks = self.reach.outputs(passes, outputs)
        culprit = self._culprit(passes, primal=True, looks=looks)
        infinite = [o for o in outputs if not math.isfinite(self._reported(passes)[o])]
        if culprit is not None:
            self._singular(passes, *culprit, "value", bad)
        elif infinite:
            self._indeterminate(passes, infinite)
        elif (outside := self._without_value(passes, outputs, looks)) is not None:
            node, k = outside
            self._add(*of_outside(self.naming.spell(node), passes, node, k), node, "value")
        elif not self._decided(passes, looks, self._beyond_rounding(passes, outputs), "value"):
            self._lost(passes, looks, outputs)

    def _without_value(self, passes: Passes, outputs: list[int], looks: Looks) -> tuple[Node, int] | None:
        """What gave a number where there is none, if some output elements have no value."""
        values = self.truth.values
        none = values is not None and any(math.isnan(values[o]) for o in outputs)
        return self._outside(passes, looks) if none else None

    def _value_is_said(self, passes: Passes, o: int) -> bool:
        """Whether a finding is about what makes an output element."""
        return any(self.reach.makes(passes, node, o) for node, _, where in self._named if where == "value")

    def _mind_signed_zeros(self, passes: Passes) -> None:
        """Arbitrary precision has no −0: a value that is right just below 0 is right there."""
        known = self.truth.values
        minus = {node: (value == 0.0) & np.signbit(value) for node, value in self.question.at.items()}
        if known is None or not any(flags.any() for flags in minus.values()):
            return
        reported = self._reported(passes)
        odd = [o for o, value in enumerate(reported) if not right(value, known[o])]
        if not odd:
            return
        below = {node: np.where(minus[node], -(2.0**-1074), value) for node, value in self.question.at.items()}
        signed = truth(self.question, below, self._seconds / 2).values or known
        for o in odd:
            if right(reported[o], signed[o]):
                known[o] = signed[o]

    def _mind_strangers(self, passes: Passes) -> None:
        """What has no value has no derivative, but for what it does not depend on: there it is 0."""
        first = self.truth.first
        if first is None:
            return
        odd = np.isnan(first.value) | first.jumps
        for o in np.flatnonzero(odd.any(axis=1))[:ASKED]:
            reached = self.reach.of(passes, *element(self.function.outputs, int(o)))
            of = [np.ravel(reached.get(node, np.zeros(node.shape, dtype=bool))) for node in self.question.wrt]
            strange = odd[o] & ~np.concatenate(of)
            for table in first:
                table[o, strange] = 0

    # Zeros ...............................................................................................
    #
    # In a Jacobian of numbers around 1, cos(a + b) where a + b is nearly π/2 gives 2e-17, and no digit of it is right.
    # But the inputs' own last places move it as much: it is 0 as nearly as they can say, and no spelling does better.
    # That is no finding. Nor is it one that a gradient near a minimum has lost some digits.

    def _a_zero_of_the_inputs(self, passes: Passes, o: int, reported: float) -> bool:
        if self.truth.values is None:
            return False
        exact = self.truth.values[o]
        if not excusable(reported, exact, self._reported(passes)):
            return False
        moved = [abs(t.values[o] - exact) for t in self._truths_beside() if t.values is not None]
        return abs(reported - exact) <= 8 * max(moved, default=0.0)

    def _as_good_as_zero(self, d: Derivative) -> bool:
        if d.exact is None:
            # Only the bound is known, and it is seldom reached.
            return excusable(d.value, d.value + d.rounding(), self._slopes[d.first])
        if d.kink or not excusable(d.value, d.exact, self._slopes[d.first]):
            return False
        moved = []
        for beside in self._truths_beside():
            sides = self._exact(d.passes, d.o, beside, first=d.first)
            if sides is not None:
                moved.append(abs(float(sides.value[d.j]) - d.exact))
        return not moved or abs(d.value - d.exact) <= 8 * max(moved)

    def _truths_beside(self) -> list[Truth]:
        """What the numbers are where the inputs differ in their last place, in two patterns of signs."""
        if self._beside is None:
            self._beside = []
            for pattern in (1, 2):
                at = {}
                count = 0
                for node, value in self.question.at.items():
                    signs = np.where((np.arange(count, count + value.size) // pattern) % 2, -1.0, 1.0)
                    count += value.size
                    at[node] = np.asarray(value * (1.0 + signs.reshape(value.shape) * 2.0**-52))
                self._beside.append(truth(self.question, at, self._seconds / 2))
        return self._beside

    def _infinite_input(self) -> bool:
        return any(np.isinf(value).any() for value in self.question.at.values())

    def _reported(self, passes: Passes) -> list[float]:
        return [float(x) for node in self.function.outputs for x in np.ravel(passes.values[node])]

    def _culprit(self, passes: Passes, *, primal: bool, looks: Looks | None = None) -> tuple[Node, int] | None:
        """The first node, of those looked at, that made something non-finite of finite arguments; and where in it."""
        return next(self._culprits(passes, primal=primal, looks=looks), None)

    def _culprits(self, passes: Passes, *, primal: bool, looks: Looks | None = None) -> Iterator[tuple[Node, int]]:
        used = self.reach.used(passes) if looks is None else looks
        for node in passes.order:
            if node not in used or not node.args or node.boolean:
                continue
            if (node in passes.forward and node in self.naming.ids) != primal:
                continue
            value = passes.values[node]
            bad = ~np.isfinite(value) & used[node]
            if not bad.any():
                continue
            args = [passes.values[arg] for arg in node.args]
            for arg in args:
                finite = np.isfinite(arg.astype(np.float64))
                bad &= finite if node.op.kind == "elementwise" else finite.all()
            if bad.any():
                yield node, int(np.flatnonzero(bad)[0])

    def _singular(self, passes: Passes, node: Node, element: int, where: str, bad: Sequence[int]) -> None:
        """A finding about a node that turned finite into non-finite."""
        reason, message, hint = of_singular(self.naming.spell(node), passes, node, element)
        values = self.truth.values
        bad = [o for o in bad[:ASKED] if self.reach.makes(passes, node, o)]
        repaired = values is not None and any(math.isfinite(values[o]) for o in bad) and bool(bad)
        meant = self.truth.exists is not None and all(self.truth.exists[o] for o in bad)
        if repaired and meant and node.op.name in OF_REGULAR:
            reason, message, hint = of_nearly_singular(self.naming.spell(node))
        elif repaired:
            if not meant:
                reason = "removable"
            message += "; the value that is meant exists" if reason != "removable" else "; the limit exists"
        self._add(reason, message, hint, node, where)

    def _indeterminate(self, passes: Passes, bad: Sequence[int]) -> None:
        """A finding about ∞ − ∞, 0·∞ or ∞/∞ of what is infinite already, an input or a number in the formula."""
        exact = self.truth.values
        exists = exact is not None and any(math.isfinite(exact[o]) for o in bad)
        if not exists and self._infinite_input():
            return  # which is said
        looks = self.reach.outputs(passes, bad)
        node = next(
            (
                n
                for n in passes.order
                if n in looks and n in self.naming.ids and n.args and not n.boolean and np.isnan(passes.values[n]).any()
            ),
            element(self.function.outputs, bad[0])[0],
        )
        shown = self.naming.spell(node)
        if exists:
            self._add("removable", f"{shown} is not determined here; the limit exists", None, node, "value")
        elif np.isnan(passes.values[node]).any():
            said = of_indeterminate(shown, passes, node)
            self._add("domain", said, None, node, "value")

    def _lost(self, passes: Passes, looks: Looks, outputs: list[int], d: Derivative | None = None) -> None:
        """A finding about finite numbers, output elements or the derivative `d`, that are wrong: digits cancelled, or
        what they look at underflowed.
        """
        where = "value" if d is None else "derivative"
        made = [element(self.function.outputs, o)[0] for o in outputs] if d is None else [d.node]
        vanished = self._vanished(passes, looks)
        if vanished is not None:
            node, rest = vanished
            self._add("overflow", of_vanished(self.naming.spell(node), rest), None, node, where)
            return
        culprit = self._where_digits_went(passes, looks, made[0])
        cancels = culprit.op.name in ("add", "subtract", "sum")
        if d is None:
            outputs = [o for o in outputs[:ASKED] if self.reach.makes(passes, culprit, o)] or outputs
        digits = self._digits_lost(passes, outputs, d)
        if d is None or culprit in self.naming.ids:
            node, what = culprit, self.naming.spell(culprit)
        else:
            node = passes.derived.owners.get(culprit, self._output(d))
            what = f"the derivative of {self.naming.spell(node)}"
            if (
                node not in self.naming.ids or node.op is INPUT or not self.reach.on_the_way(node, d)
            ):  # where the parts of a derivative are added up
                node, what = self._output(d), f"the sum that makes {self._label(d)}"
        known = self.truth.values
        nothing = d is None and known is not None and all(math.isnan(known[o]) for o in outputs)
        said = of_nothing(what, cancels=cancels) if nothing else of_lost(what, where, digits, cancels=cancels)
        self._add("cancellation", said, None, node, where)

    # Decisions ...........................................................................................

    def _beyond_rounding(self, passes: Passes, bad: Sequence[int]) -> bool:
        """Whether a value is finite and wrong by more than its own rounding errors can be."""
        if self.truth.values is None:
            return False
        errors = passes.errors()
        bounds = np.concatenate([
            np.ravel(np.broadcast_to(errors[node], passes.values[node].shape)) for node in self.function.outputs
        ])  # fmt: skip
        reported, exact = self._reported(passes), self.truth.values
        return any(
            math.isfinite(reported[o]) and abs(reported[o] - exact[o]) > 16 * EPS * float(bounds[o]) for o in bad
        )

    def _decided(self, passes: Passes, looks: Looks, beyond: bool, where: str) -> bool:
        """A finding about a number that rounding has put on the wrong side of a decision, if that is the reason why
        something is wrong `beyond` what is handed on from there.
        """
        hanging = [n for n in passes.hanging() if n in self.naming.ids and n in looks] if beyond else []
        if hanging:
            self._hangs(passes, hanging[0], where)
        return bool(hanging)

    def _unknown_decisions(self) -> None:
        """Findings about all that rounding may have decided, where nobody knows what is true."""
        known, derives = self.truth.values is not None, self.question.what != "eval"
        for passes in self.passes.values():
            errors = passes.errors()
            for node in passes.hanging()[:8]:
                args = zip(node.args, (errors[arg] for arg in node.args), strict=True)
                off = EPS * max(float(np.max(error, initial=0.0)) for _, error in args)
                size = float(np.abs(passes.values[node]).max(initial=0.0))
                jumps = not known and (node.op.name not in CONTINUOUS or off > TOLERANCE * size)
                if node in self.naming.ids and (jumps or derives):
                    self._hangs(passes, node, "value" if jumps else "derivative")

    def _hangs(self, passes: Passes, node: Node, where: str) -> None:
        """A finding about one decision: its argument with the largest error is to blame."""
        errors = passes.errors()
        culprit = max(node.args, key=lambda arg: float(np.max(errors[arg], initial=0.0)))
        off = float(np.max(passes.relative(culprit, errors), initial=0.0)) * EPS
        shown = culprit if culprit in self.naming.ids else node
        said = of_decided(self.naming.spell(node), self.naming.spell(shown), off)
        origin = self._where_digits_went(passes, self.reach.of(passes, culprit), culprit)
        cured = origin in self.naming.ids and self.naming.advice(origin)
        self._add("cancellation", said, None, origin if cured else shown, where)

    def _output(self, d: Derivative) -> Node:
        """The output that a derivative is of."""
        outputs = self.function.outputs
        return element(outputs, next(iter(self.reach.of_what(d)), 0))[0]

    def _owner(self, d: Derivative) -> Node:
        """The operation whose rule made a derivative non-finite."""
        owners = d.passes.derived.owners
        for culprit, _ in self._culprits(d.passes, primal=False, looks=self.reach.of_derivative(d)):
            owner = owners.get(culprit)
            if owner is not None and owner.op is not INPUT and self.reach.on_the_way(owner, d):
                return owner
        return self._output(d)

    def _label(self, d: Derivative) -> str:
        return self.naming.derivative(d.o, d.j, first=d.first)

    def _vanished(self, passes: Passes, used: Looks) -> tuple[Node, float] | None:
        """The first operation whose result is so small that a double has no place for its digits, and what it gave."""
        for node, k, args in self._single(passes, used, lambda value: np.abs(value) < SMALLEST_NORMAL):
            exact = local(node, args)
            if exact is not None and -np.inf < exact[1] < -307.6:
                rest = float(np.ravel(passes.values[node])[k])
                if abs(exact[0] - rest) > TOLERANCE * abs(exact[0]):
                    return node, rest
        return None

    def _outside(self, passes: Passes, used: Looks) -> tuple[Node, int] | None:
        """The first operation that gave a number where it has no value."""
        for node, k, args in self._single(passes, used, np.isfinite):
            if all(map(math.isfinite, args)) and nowhere(node, args):
                return node, k
        return None

    def _single(
        self, passes: Passes, used: Looks, wanted: Callable[[Any], Any]
    ) -> Iterator[tuple[Node, int, list[float]]]:
        """The operations on single numbers, of those looked at, that gave what is wanted; where, and of what."""
        for node in passes.order:
            if node not in used or node not in self.naming.ids or node.op.kind != "elementwise":
                continue
            if node.args and not node.boolean:
                for k in np.flatnonzero(wanted(passes.values[node]) & used[node])[:4]:
                    yield node, int(k), [float(np.ravel(passes.values[arg])[k]) for arg in node.args]

    def _where_digits_went(self, passes: Passes, used: Looks, output: Node) -> Node:
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

    def _digits_lost(self, passes: Passes, outputs: list[int], d: Derivative | None) -> float:
        values = self.truth.values
        known = values is not None if d is None else d.exact is not None
        if known:
            pairs = [(d.value, d.exact or 0.0)] if d is not None else []
            if d is None and values is not None:
                reported = self._reported(passes)
                pairs = [(reported[o], values[o]) for o in outputs]
            errors = [abs(r - t) / abs(t) if t and math.isfinite(r) else 1.0 for r, t in pairs if not right(r, t)]
            worst = max(errors, default=1.0)
        else:
            bound = passes.errors()
            made = [element(self.function.outputs, o) for o in outputs] if d is None else [(d.node, d.k)]
            worst = EPS * max(float(np.ravel(passes.relative(node, bound))[k]) for node, k in made)
        return min(16.0, max(0.0, 16.0 + math.log10(worst))) if worst > 0 else 0.0

    # Derivatives .........................................................................................

    def _derivatives(self) -> list[Derivative]:
        """Every number of the command's derivative, beside what it should be."""
        rows: list[Derivative] = []
        exact: dict[int, Sides | None] = {}
        for seed, passes in self.passes.items():
            for place, (node, k, value) in enumerate(_elements(passes, passes.derived.nodes)):
                o, j = (place, seed) if self.question.by_columns else (seed, place)
                if o not in exact:
                    exact[o] = self._exact(passes, o)
                given = value if math.isfinite(value) else self._mended(o, j, value)
                rows.append(Derivative(passes, o, j, node, k, given, *_of(exact[o], j)))
        if self.question.what in SECOND_ORDER:
            passes = next(iter(self.passes.values()))
            slopes = self._exact(passes, 0, first=True)
            for j, (node, k, value) in enumerate(_elements(passes, passes.derived.also)):
                given = value if math.isfinite(value) else float(self._gradient()[j])
                rows.append(Derivative(passes, 0, j, node, k, given, *_of(slopes, j), first=True))
        return rows

    def _mended(self, o: int, j: int, value: float) -> float:
        """A number of a matrix as the command gives it: what is not finite in a pass is found again by itself."""
        if self._matrix is None:
            self._matrix = matrix(self.question)
        return value if self._matrix is None else float(self._matrix[o, j])

    def _gradient(self) -> NDArray[Any]:
        """The gradient beside a Hessian, as the command gives it where a number of it is not finite."""
        bars = looking_pass(self.question.bound, [np.ones(1)])
        return stacked(self.question.wrt, bars, 1)[:, 0]

    def _exact(self, passes: Passes, o: int, known: Truth | None = None, *, first: bool = False) -> Sides | None:
        """What one row of the command's derivative really is; `first`: the gradient beside a Hessian."""
        what = self.question.what
        known = known or self.truth
        if first:
            return None if known.first is None else known.first.row(o)
        table = known.second if what in SECOND_ORDER else known.first
        if table is None or what == "eval":
            return None
        return self._product(table, passes) if what in PRODUCTS else table.row(o)

    def _product(self, whole: Sides, passes: Passes) -> Sides:
        """Vᵀ·J, J·u or H·u, of what the matrix really is; a coefficient of 0 takes no part."""
        seeds = np.concatenate([np.ravel(passes.values.get(s, np.zeros(s.shape))) for s in passes.derived.seeds])
        products = []
        for table in whole:
            matrix = table if self.question.what == "vjp" else table.T
            with np.errstate(all="ignore"):
                terms = [np.zeros(matrix.shape[1]), *(s * row for s, row in zip(seeds, matrix, strict=True) if s)]
                products.append(np.sum(terms, axis=0))
        return Sides(*products)

    def _kinks(self, derivatives: list[Derivative], wrong: list[Derivative]) -> None:
        """Findings about kinks, ties and comparisons at equality that a derivative depends on."""
        if self.question.what == "eval":
            return
        known = self.truth.first is not None or self.truth.second is not None
        touched = [d for d in derivatives if d.kink or (d.exact is not None and d in wrong)]
        if known and not touched:
            return
        sites: dict[Node, None] = {}
        for passes in self.passes.values():
            used = self.reach.used(passes)
            for node in passes.order:
                if node in self.naming.ids and node.op.name in SITES and (passes.at_site(node) & used[node]).any():
                    sites[node] = None
        chosen = [d for d in touched if d.kink] or [d for d in touched if d.chosen]
        if known and not chosen and not any(node.op.boolean for node in sites):
            return
        pool = chosen or touched
        for node in list(sites)[:ASKED]:
            shown = next(iter(self._at_the_site(node, pool)), None)
            if shown is None and pool:
                continue
            code, message, hint = of_site(self.naming.spell(node), node, shown)
            message += of_sides(self._label(shown), shown) if shown is not None else ""
            self._add(code, message, hint, node, "derivative")
        for d in [d for d in touched if d.kink][:ASKED]:
            if self._derivative_is_said(d, places=("derivative",)):
                continue
            node = self._owner(d)
            does = "jumps" if d.jumps else "has a kink"
            said = f"{self.naming.spell(node)} {does} here{of_sides(self._label(d), d)}"
            self._add("kink", said, None, node, "derivative")

    def _at_the_site(self, site: Node, pool: Sequence[Derivative]) -> list[Derivative]:
        """The first of some derivatives that depends on a site, at best through what it is in."""
        some = [d for d in pool if self.reach.on_the_way(site, d)][:1]
        return some or [d for d in pool[:ASKED] if self._looks_at(d, site)][:1]

    def _looks_at(self, d: Derivative, node: Node) -> bool:
        flags = self.reach.of_derivative(d).get(node)
        return flags is not None and bool(flags.any())

    def _derivative_is_said(
        self, d: Derivative, places: Sequence[str] = ("value", "derivative"), *, inputs: bool = False
    ) -> bool:
        """Whether a finding is about what makes a derivative; `inputs`: or about an infinite input."""
        named = [each for each in self._named if each[2] in places and (inputs or each[1] != "nonfinite-input")]
        if any(self.reach.on_the_way(node, d) for node, _, _ in named):
            return True
        # That a slope is infinite says nothing of the value, where it is a factor of another derivative.
        slopes = ("pole", "removable", "domain")
        return any(self._looks_at(d, node) for node, code, where in named if where == "value" or code not in slopes)

    def _wrong_derivatives(self, wrong: list[Derivative], bad: Sequence[int]) -> None:
        """Findings about derivatives that are infinite, undefined or have lost their digits."""
        for d in sorted(wrong, key=lambda d: math.isfinite(d.value))[:ASKED]:
            if len(self._made) == MOST:
                return
            of_bad = any(o in bad for o in self.reach.of_what(d))
            # What has no value has no derivative: that is said. Nor does one of what is wrong itself need a reason.
            none = of_bad and math.isfinite(d.value) and d.exact is not None and math.isnan(d.exact)
            if not none and not self._derivative_is_said(d, inputs=of_bad):
                self._wrong_derivative(d)

    def _wrong_derivative(self, d: Derivative) -> None:
        looks = self.reach.of_derivative(d)
        if math.isfinite(d.value):
            crossed = [n for n in d.passes.hanging() if self.reach.on_the_way(n, d)] if d.chosen else []
            decisions = {**looks, **dict.fromkeys(crossed, np.ones(1, dtype=bool))}
            if self._decided(d.passes, decisions, d.chosen, "derivative"):
                return
            if d.exact is not None and math.isnan(d.exact):
                said = f"{self._label(d)} does not exist here"
                self._add("kink", said, None, self._output(d), "derivative")
            else:
                self._lost(d.passes, looks, [], d)
            return
        culprit = self._culprit(d.passes, primal=True, looks=looks)
        if culprit is not None:
            self._singular(d.passes, *culprit, "value", [])
            return
        node = self._owner(d)
        beyond = None if d.first else self.truth.beyond.get((d.o, d.j))
        code, message, hint = of_derivative(self.naming.spell(node), self._label(d), d, beyond)
        self._add(code, message, hint, node, "derivative")

    # Making them .........................................................................................

    def _add(self, code: str, message: str, hint: str | None, node: Node, where: str) -> None:
        span = self.naming.span(node)
        self._named[node, code, where] = None
        if len(self._made) == MOST or any(
            (each.code, each.span, each.message) == (code, span, message) for each in self._made
        ):
            return
        # What an input that is not a number gives is known to nobody.
        first = next(iter(self.passes.values()))
        answer = None if self.question.what == "eval" else self._exact(first, 0)
        number, shown = self.naming.ids.get(node), self.naming.spell(node)
        cure = self.naming.advice(node) or hint
        exact = refined(self.question, self.truth, answer)
        self._made.append(Finding(code, message, cure, number, shown, span, where, exact))


def _elements(passes: Passes, nodes: Sequence[Node]) -> list[tuple[Node, int, float]]:
    """Every element of some nodes, with its place in its own and its value."""
    return [(node, k, float(x)) for node in nodes for k, x in enumerate(np.ravel(passes.values[node]))]


def _of(sides: Sides | None, j: int) -> tuple[float | None, float | None, float | None, bool]:
    if sides is None:
        return None, None, None, False
    value, left, right, jumps = (table[j] for table in sides)
    return float(value), float(left), float(right), bool(jumps)
