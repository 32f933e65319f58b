"""From suspicion to findings: what is wrong at a point, where it begins, and what the numbers really are.

A finding is only made of what holds: with mpmath at hand every number that is doubted is computed again in
arbitrary precision (`diffcli.precise`), and what turns out right is not mentioned.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffcli.diagnosis.answers import Answer
from diffcli.diagnosis.bounds import EPS
from diffcli.diagnosis.culprits import Culprits
from diffcli.diagnosis.cures import Cures
from diffcli.diagnosis.ledger import Finding, Ledger
from diffcli.diagnosis.naming import Naming
from diffcli.diagnosis.passes import TOLERANCE, Passes
from diffcli.diagnosis.questions import Question
from diffcli.diagnosis.reach import ASKED, Looks, Reach
from diffcli.diagnosis.sites import CONTINUOUS, SITES
from diffcli.diagnosis.truth import Derivative, element
from diffcli.diagnosis.words import (
    OF_REGULAR,
    losing,
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
from diffcli.graph import Node

#: What a convention chooses among finite numbers for.
_CHOICES = ("kink", "tie", "predicate-at-equality")


class Examination:
    """One suspicious point, looked at closely; `hints`: and what to write instead is looked for."""

    def __init__(self, question: Question, seconds: float, text: str | None = None, *, hints: bool = True) -> None:
        self.question = question
        self.function = question.function
        self.answer = Answer(question, seconds)
        self.truth = self.answer.truth
        self.passes = question.passes
        self.naming = Naming(question, text)
        self.reach = Reach(question, self.naming)
        self.culprits = Culprits(question, self.naming, self.reach)
        self.cures = Cures(question, self.truth, seconds)
        self._ledger = Ledger(self.answer, self.naming, self.cures if hints else None)
        self._add = self._ledger.add

    def findings(self) -> list[Finding]:
        """All of them, those of the value first."""
        first = next(iter(self.passes.values()))
        self._inputs()
        if any(np.isnan(value).any() for value in self.question.at.values()):
            return self._ledger.findings
        if not all(np.isfinite(value).all() for value in self.answer.directions()):
            return self._ledger.findings
        self.answer.mind_signed_zeros(first)
        culprit = self.culprits.first(first, primal=True)
        if culprit is not None:
            self.answer.mind_comparisons(first, *culprit, self.reach)
        self.answer.mind_strangers(first, self.reach)
        bad_values = self.answer.bad_values(first)
        derivatives = self.answer.derivatives()
        wrong = self.answer.wrong(derivatives)
        if culprit is not None and (bad_values or wrong or not self.answer.all_known()):
            self._singular(first, *culprit, "value", bad_values)
        elif bad_values:
            self._wrong_values(first, bad_values, bad_values)
        for o in bad_values[:ASKED]:
            if not self._value_is_said(first, o):
                self._wrong_values(first, [o], bad_values)
            elif self._no_value([o]) and math.isnan(self.answer.reported(first)[o]):
                self._undefined(first, o)
        if not self.answer.all_known():
            self._unknown_decisions()
        self._kinks(derivatives, wrong)
        self._wrong_derivatives([d for d in wrong if not d.kink], bad_values)
        return self._ledger.findings

    # Inputs ..............................................................................................

    def _inputs(self) -> None:
        for node, value in self.question.at.items():
            self._not_finite(str(node.params[0]), value, node, "value")
        tangents = self.question.what != "vjp"
        nodes = self.question.wrt if tangents else self.function.outputs
        names = [str(node.params[0]) for node in nodes] if tangents else self.function.names
        for node, name, value in zip(nodes, names, self.answer.directions(), strict=False):
            self._not_finite(f"the {'tangent' if tangents else 'cotangent'} of {name}", value, node, "derivative")

    def _not_finite(self, name: str, value: NDArray[Any], node: Node, where: str) -> None:
        bad = np.isnan(value) if np.isnan(value).any() else np.isinf(value)
        if not bad.any():
            return
        if value.ndim:
            name += f"[{','.join(str(int(i)) for i in np.argwhere(bad)[0])}]"
        what = "not a number" if np.isnan(value).any() else "infinite"
        self._add("nonfinite-input", f"{name} is {what}", "give it a finite value", node, where)

    # Values ..............................................................................................

    def _wrong_values(self, passes: Passes, outputs: list[int], bad: Sequence[int]) -> None:
        """A finding about the first cause of what is wrong with some output elements, of all that are `bad`."""
        looks = self.reach.outputs(passes, outputs, taking_part=True)
        culprit = self.culprits.first(passes, primal=True, looks=looks)
        infinite = [o for o in outputs if not math.isfinite(self.answer.reported(passes)[o])]
        if culprit is not None:
            self._singular(passes, *culprit, "value", bad)
        elif infinite:
            self._indeterminate(passes, infinite)
        elif (outside := self._without_value(passes, outputs, looks)) is not None:
            node, k = outside
            self._add(*of_outside(self.naming.spell(node), passes, node, k), node, "value")
        elif self._no_value(outputs) and (beaten := self._beaten(passes, outputs)) is not None:
            self._singular(passes, *beaten, "value", bad)
        elif not self._decided(passes, looks, self.answer.beyond_rounding(passes, outputs), "value"):
            self._lost(passes, self.reach.numbers(looks, passes), outputs)

    def _no_value(self, outputs: Sequence[int]) -> bool:
        """Whether some output elements have no value."""
        values = self.truth.values
        return values is not None and any(math.isnan(values[o]) for o in outputs)

    def _without_value(self, passes: Passes, outputs: list[int], looks: Looks) -> tuple[Node, int] | None:
        """What gave a number where there is none, if some output elements have no value."""
        return self.culprits.outside(passes, looks) if self._no_value(outputs) else None

    def _beaten(self, passes: Passes, outputs: list[int]) -> tuple[Node, int] | None:
        """What is not finite and makes no difference to the numbers of some outputs, which have no value because of it:
        a NaN, for its 0th power is 1, or, where rounding is no reason, 1/0, which min(1/0, 5) does not take.
        """
        undefined = self.culprits.undefined(passes, self.reach.outputs(passes, outputs))
        if undefined is not None or self.answer.doubted(passes, outputs):
            return undefined
        return self.culprits.first(passes, primal=True, looks=self.reach.beaten(passes, outputs))

    def _undefined(self, passes: Passes, o: int) -> None:
        """A finding about what has no value at all, where one about what is infinite does not say why the output has
        none: log(0) + log(−1).
        """
        culprit = self.culprits.undefined(passes, self.reach.outputs(passes, [o], taking_part=True))
        if culprit is not None:
            self._singular(passes, *culprit, "value", [o])

    def _value_is_said(self, passes: Passes, o: int) -> bool:
        """Whether a finding is about what makes an output element."""
        return any(self.reach.makes(passes, node, o) for node, _, where in self._ledger.named if where == "value")

    def _singular(self, passes: Passes, node: Node, element: int, where: str, bad: Sequence[int]) -> None:
        """A finding about a node that turned finite into non-finite."""
        reason, message, hint = of_singular(self.naming.spell(node), passes, node, element)
        values = self.truth.values
        bad = [o for o in bad[:ASKED] if self.reach.makes(passes, node, o)]
        repaired = values is not None and any(math.isfinite(values[o]) for o in bad) and bool(bad)
        meant = self.truth.exists is not None and all(self.truth.exists[o] for o in bad)
        vanished = self._vanished(passes, node, element, bad)
        if vanished is not None:
            reason, hint = "overflow", None
            message = of_vanished(self.naming.spell(vanished[0]), vanished[1])
            if bad and not repaired:
                message += f", so {self.naming.spell(node)} overflows: doubles end at 1.8e+308"
            node = vanished[0]
        elif repaired and meant and node.op.name in OF_REGULAR:
            reason, message, hint = of_nearly_singular(self.naming.spell(node))
        elif repaired:
            if not meant:
                reason = "removable"
            message += "; the value that is meant exists" if reason != "removable" else "; the limit exists"
        self._add(reason, message, hint, node, where)

    def _vanished(self, passes: Passes, node: Node, element: int, bad: Sequence[int]) -> tuple[Node, float] | None:
        """What underflowed on the way to a node that is not finite, and what was left of it; None where what is made of
        the node has no value, so that it stands at a pole.
        """
        exists = self.truth.exists or []
        made = bad or [o for o in range(len(exists)) if self.reach.makes(passes, node, o)]
        if not (exists and made and all(exists[o] for o in made)):
            return None
        return self.culprits.vanished(passes, self.reach.of(passes, node, element))

    def _indeterminate(self, passes: Passes, bad: Sequence[int]) -> None:
        """A finding about ∞ − ∞, 0·∞ or ∞/∞ of what is infinite already, an input or a number in the formula."""
        exact = self.truth.values
        exists = exact is not None and any(math.isfinite(exact[o]) for o in bad)
        if not exists and self.answer.infinite_input():
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
        vanished = self.culprits.vanished(passes, looks)
        if vanished is not None:
            node, rest = vanished
            self._add("overflow", of_vanished(self.naming.spell(node), rest), None, node, where)
            return
        culprit = self.culprits.where_digits_went(passes, looks, made[0])
        written = culprit in self.naming.ids
        does = losing(passes, culprit, self.naming.spell if d is None or written else None)
        if d is None:
            outputs = [o for o in outputs[:ASKED] if self.reach.makes(passes, culprit, o)] or outputs
        digits = self.answer.digits_lost(passes, outputs, d)
        node, what = (culprit, self.naming.spell(culprit)) if d is None or written else self._rule(culprit, d)
        if d is not None and not written and self._faint(passes, culprit, d):
            return
        known = self.truth.values
        nothing = d is None and known is not None and all(math.isnan(known[o]) for o in outputs)
        if nothing and self.answer.infinite_input():
            return  # which is said: some rules of doubles give a number where there is no limit, 1 for (−1)^∞
        said = of_nothing(what, does) if nothing else of_lost(what, does, where, digits)
        self._add("cancellation", said, None, node, where)

    def _faint(self, passes: Passes, culprit: Node, d: Derivative) -> bool:
        """Whether a derivative has lost its digits because a part of it underflowed: then there is a finding."""
        vanished = self.culprits.vanished(passes, self.reach.of(passes, culprit), written=False)
        if vanished is None:
            return False
        node, what = self._rule(vanished[0], d)
        self._add("overflow", of_vanished(f"a part of {what}", vanished[1]), None, node, "derivative")
        return True

    def _rule(self, culprit: Node, d: Derivative) -> tuple[Node, str]:
        """The operation by whose rule a node of the derivative `d` was made, and what to call that."""
        node = self.culprits.by_rule(culprit, d)
        if node is None:
            return self.culprits.output(d), f"the sum that makes {self._label(d)}"
        return node, f"the derivative of {self.naming.spell(node)}"

    # Decisions ...........................................................................................

    def _decided(self, passes: Passes, looks: Looks, beyond: bool, where: str) -> bool:
        """A finding about a number that rounding has put on the wrong side of a decision, if that is the reason why
        something is wrong `beyond` what is handed on from there.
        """
        hanging = (
            [n for n in passes.hanging() if n in self.naming.ids and n in looks and looks[n].any()] if beyond else []
        )
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
        origin = self.culprits.where_digits_went(passes, self.reach.of(passes, culprit), culprit)
        cured = self._ledger.cure(origin, of=node) is not None
        self._add("cancellation", said, None, origin if cured else shown, where, of=node)

    def _label(self, d: Derivative) -> str:
        return self.naming.derivative(d.o, d.j, first=d.first)

    # Derivatives .........................................................................................

    def _kinks(self, derivatives: list[Derivative], wrong: list[Derivative]) -> None:
        """Findings about kinks, ties and comparisons at equality that a derivative depends on."""
        if self.question.what == "eval":
            return
        known = self.answer.all_known()
        touched = [d for d in derivatives if d.kink or (d.exact is not None and d in wrong)]
        if known and not touched:
            return
        sites = self.culprits.sites(self.passes.values())
        chosen = [d for d in touched if d.kink] or [d for d in touched if d.chosen or d.nothing]
        if known and not chosen and not any(node.op.boolean for node in sites):
            return
        pool = chosen or touched
        for node in sites[:ASKED]:
            shown = next(iter(self.culprits.at_the_site(node, pool)), None)
            if shown is None and pool:
                continue
            code, message, hint = of_site(self.naming.spell(node), node, shown)
            message += of_sides(self._label(shown), shown) if shown is not None else ""
            self._add(code, message, hint, node, "derivative")
        for d in [d for d in touched if d.kink][:ASKED]:
            if self._at_a_pole(d) or self._derivative_is_said(d, places=("derivative",)) or self._kink_is_said(d):
                continue
            node = self.culprits.owner(d)
            does = "jumps" if d.jumps else "has a kink"
            said = f"{self.naming.spell(node)} {does} here{of_sides(self._label(d), d)}"
            self._add("kink", said, None, node, "derivative")

    def _at_a_pole(self, d: Derivative) -> bool:
        """Whether what a derivative is of is infinite or has no value: so it has no kink either."""
        known = self.truth.values
        if known is None or self.answer.infinite_input():
            return False
        return not any(math.isfinite(known[o]) for o in self.reach.of_what(d))

    def _kink_is_said(self, d: Derivative) -> bool:
        """Whether findings are about the kink of a derivative, and about why it is not finite besides."""
        told = any(code in _CHOICES and self.reach.on_the_way(node, d) for node, code, _ in self._ledger.named)
        return told and self._derivative_is_said(d)

    def _derivative_is_said(
        self, d: Derivative, places: Sequence[str] = ("value", "derivative"), *, inputs: bool = False
    ) -> bool:
        """Whether a finding is about what makes a derivative; `inputs`: or about an infinite input."""
        named = [each for each in self._ledger.named if each[2] in places and (inputs or each[1] != "nonfinite-input")]
        if not math.isfinite(d.value):
            # A choice at a kink is finite, but for what its own rule gives.
            owner = self.culprits.owner(d)
            named = [each for each in named if each[1] not in _CHOICES or each[0] is owner]
        if any(self.reach.on_the_way(node, d) for node, _, _ in named):
            return True
        # That a slope is infinite says nothing of the value, where it is a factor of another derivative.
        slopes = ("pole", "removable", "domain")
        return any(
            self.culprits.looks_at(d, node) for node, code, where in named if where == "value" or code not in slopes
        )

    def _wrong_derivatives(self, wrong: list[Derivative], bad: Sequence[int]) -> None:
        """Findings about derivatives that are infinite, undefined or have lost their digits."""
        for d in sorted(wrong, key=lambda d: math.isfinite(d.value))[:ASKED]:
            if self._ledger.full:
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
                self._add("kink", said, None, self.culprits.output(d), "derivative")
            else:
                self._lost(d.passes, looks, [], d)
            return
        culprit = self.culprits.first(d.passes, primal=True, looks=looks)
        if culprit is not None:
            self._singular(d.passes, *culprit, "value", [])
            return
        node = self.culprits.owner(d)
        if d.exact is None and node.op.name in SITES and d.passes.at_site(node).any():
            # Whether what is made of it has a derivative all the same, nobody has found out.
            code, message, hint = of_site(self.naming.spell(node), node, d)
        else:
            beyond = math.inf if d.exact is None and self.culprits.overflows(d) else self.answer.beyond(d)
            code, message, hint = of_derivative(self.naming.spell(node), self._label(d), d, beyond)
        self._add(code, message, hint, node, "derivative")
