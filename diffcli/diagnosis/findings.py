"""From suspicion to findings: what is wrong at a point, where it begins, and what the numbers really are.

A finding is only made of what holds: with mpmath at hand every number that is doubted is computed again in
arbitrary precision (`diffcli.precise`), and what turns out right is not mentioned.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import process_time
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from diffcli.diagnosis.bounds import EPS, SMALLEST_NORMAL
from diffcli.diagnosis.passes import EXCUSABLE, TOLERANCE, Passes
from diffcli.diagnosis.questions import Question
from diffcli.diagnosis.sites import SITES
from diffcli.errors import Span
from diffcli.graph import INPUT, Node, ancestors
from diffcli.labels import labels

#: The longest piece of a source that a message repeats.
LONGEST = 60

Refined = Mapping[str, Any]


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


# The exact numbers ------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Truth:
    """What the numbers really are. `values` by output element; the derivatives as arrays (output element, direction),
    NaN where none exists; None where mpmath is missing or time was over.
    """

    values: list[float] | None = None
    sizes: list[float] | None = None  # log2 of the values' magnitudes, which doubles may not hold
    exists: list[bool] | None = None  # whether the formula itself has this value, or only a limit
    first: Sides | None = None
    second: Sides | None = None
    beyond: dict[tuple[int, int], float] = field(default_factory=dict)  # derivatives too large for doubles: their log10


class Sides(NamedTuple):
    """Derivatives with those from either side, and whether the value jumps; arrays of one shape."""

    value: NDArray[Any]
    left: NDArray[Any]
    right: NDArray[Any]
    jumps: NDArray[Any]

    @classmethod
    def unknown(cls, shape: tuple[int, ...]) -> Sides:
        """Arrays to be filled."""
        value, left, after = (np.full(shape, np.nan) for _ in range(3))
        return cls(value, left, after, np.zeros(shape, dtype=bool))

    @property
    def differ(self) -> bool:
        """Whether there is a derivative that exists from both sides only."""
        return bool((np.isnan(self.value) & ~np.isnan(self.left) & ~np.isnan(self.right)).any())

    def row(self, o: int) -> Sides:
        """Those of one output element."""
        return Sides(*(table[o] for table in self))


def truth(question: Question, at: Mapping[Node, NDArray[Any]], seconds: float) -> Truth:
    """The exact values and derivatives at a point, as far as time allows."""
    from diffcli.precise import Exactly, SlowError, available, to_double

    found = Truth()
    if not available() or any(np.isnan(value).any() for value in at.values()):
        return found
    function = question.function
    exactly = Exactly(function.outputs, at, question.wrt, seconds=seconds)
    m, nan = exactly.ar.m, exactly.ar.is_nan
    start = process_time()
    try:
        values = exactly.values()
        spent = process_time() - start
        exists = [not nan(x) and bool(m.isfinite(x)) for x in values]
        if not all(exists) and exactly.directions:
            limits = exactly.limits() if not any(np.isinf(v).any() for v in at.values()) else values
            values = [x if there else limit for x, there, limit in zip(values, exists, limits, strict=True)]
        found.values, found.exists = [to_double(x) for x in values], exists
        found.sizes = [float(m.mag(x)) if m.isfinite(x) and x else 0.0 for x in values]
        if question.what == "eval":
            return found
        n = len(exactly.directions)
        # Differences take four evaluations or more in each direction: what cannot end in time is not begun.
        if 4 * n * spent > seconds:
            return found
        first = Sides.unknown((len(values), n))
        for j in range(n):
            for o, partial in enumerate(exactly.partial(j)):
                for table, x in zip(first, partial[:3], strict=False):
                    table[o, j] = to_double(x)
                first.jumps[o, j] = partial.jumps
                if math.isinf(first.value[o, j]) and m.isfinite(partial.value):
                    found.beyond[o, j] = float(m.log10(abs(partial.value)))
        found.first = first
        if question.what == "hessian":
            second = Sides.unknown((n, n))
            for i in range(n):
                for j in range(i + 1):
                    (partial,) = exactly.second(i, j)
                    for table, x in zip(second, partial[:3], strict=False):
                        table[i, j] = table[j, i] = to_double(x)
            found.second = second
    except SlowError:
        pass
    return found


def right(reported: float, exact: float) -> bool:
    """Whether a double is the number that it should be, as far as doubles go."""
    if math.isnan(reported) or math.isnan(exact):
        return math.isnan(reported) and math.isnan(exact)
    if math.isinf(reported) or math.isinf(exact):
        return reported == exact
    return abs(reported - exact) <= max(TOLERANCE * abs(exact), 2.0**-1070)


# Findings ---------------------------------------------------------------------------------------------------


class Examination:
    """One suspicious point, looked at closely."""

    def __init__(self, question: Question, seconds: float, text: str | None = None) -> None:
        self.question = question
        self.text = text
        self.function = question.function
        self.truth = truth(question, question.at, seconds)
        self._seconds = seconds
        self._beside: list[Truth] | None = None
        primal = sorted({*ancestors(self.function.outputs), *self.function.inputs}, key=lambda node: node.index)
        self.ids = {node: i for i, node in enumerate(primal)}
        self.users: dict[Node, list[Node]] = {}
        for node in primal:
            for arg in node.args:
                self.users.setdefault(arg, []).append(node)
        self._slopes: list[float] = []
        self._made: list[Finding] = []
        self._spelling: Any = None
        self.passes = question.passes
        self._looked: dict[int, dict[Node, NDArray[Any]]] = {}

    def findings(self) -> list[Finding]:
        """All of them, those of the value first."""
        self._inputs()
        if any(np.isnan(value).any() for value in self.question.at.values()):
            return self._made
        first = next(iter(self.passes.values()))
        bad_values = self._bad_values(first)
        culprit = self._culprit(first, primal=True)
        derivatives = self._derivatives()
        self._slopes = [d.value for d in derivatives]
        wrong = [d for d in derivatives if not d.fine and not self._as_good_as_zero(d)]
        if culprit is not None and (bad_values or wrong or not self._all_known()):
            self._singular(first, *culprit, "value", bad_values)
        elif bad_values and self._infinite_input():
            self._indeterminate(first, bad_values)
        elif bad_values:
            self._lost(first, list(self.function.outputs), "value", bad_values)
        self._kinks(derivatives, wrong)
        # A derivative of what is wrong itself needs no reason of its own.
        said = culprit is not None and any(finding.where == "value" for finding in self._made)
        by_rows = self.question.what == "jacobian"
        rest = [d for d in wrong if not d.kink and not (d.o in bad_values if by_rows else said or bad_values)]
        if rest:
            self._wrong_derivatives(rest)
        return self._made

    def _all_known(self) -> bool:
        known = self.truth.values is not None
        return known and (self.question.what == "eval" or self.truth.first is not None)

    # Inputs ..............................................................................................

    def _inputs(self) -> None:
        for node, value in self.question.at.items():
            bad = np.isnan(value) if np.isnan(value).any() else np.isinf(value)
            if not bad.any():
                continue
            name = str(node.params[0])
            if value.ndim:
                name += f"[{','.join(str(int(i)) for i in np.argwhere(bad)[0])}]"
            what = "not a number" if np.isnan(value).any() else "infinite"
            # What an infinite input gives is a limit, and only worth saying where it differs.
            refined = None if np.isnan(value).any() else self.refined()
            self._add("nonfinite-input", f"{name} is {what}", "give it a finite value", node, "value", refined)

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

    # Zeros ...............................................................................................
    #
    # In a Jacobian of numbers around 1, cos(a + b) where a + b is nearly π/2 gives 2e-17, and no digit of it is right.
    # But the inputs' own last places move it as much: it is 0 as nearly as they can say, and no spelling does better.
    # That is no finding. Nor is it one that a gradient near a minimum has lost some digits.

    def _a_zero_of_the_inputs(self, passes: Passes, o: int, reported: float) -> bool:
        if self.truth.values is None:
            return False
        exact = self.truth.values[o]
        if not _excusable(reported, exact, self._reported(passes)):
            return False
        moved = [abs(t.values[o] - exact) for t in self._truths_beside() if t.values is not None]
        return abs(reported - exact) <= 8 * max(moved, default=0.0)

    def _as_good_as_zero(self, d: _Derivative) -> bool:
        if d.exact is None:
            # Only the bound is known, and it is seldom reached.
            node, k = _element(d.passes.derived.nodes, d.j)
            bound = float(np.ravel(np.broadcast_to(d.passes.errors()[node], (*node.shape, 1)))[k]) * EPS
            return _excusable(d.value, d.value + bound, self._slopes)
        if d.kink or not _excusable(d.value, d.exact, self._slopes):
            return False
        moved = []
        for beside in self._truths_beside():
            sides = self._exact(d.passes, d.o, beside)
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

    def _culprit(self, passes: Passes, *, primal: bool) -> tuple[Node, int] | None:
        """The first node, of those looked at, that made something non-finite of finite arguments; and where in it."""
        used = self._used(passes)
        for node in passes.order:
            if (node in passes.forward and node in self.ids) != primal or not node.args or node.boolean:
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
                return node, int(np.flatnonzero(bad)[0])
        return None

    def _used(self, passes: Passes) -> dict[Node, NDArray[Any]]:
        if id(passes) not in self._looked:
            self._looked[id(passes)] = passes.looked_at()
        return self._looked[id(passes)]

    def _singular(self, passes: Passes, node: Node, element: int, where: str, bad: Sequence[int]) -> None:
        """A finding about a node that turned finite into non-finite."""
        from diffcli.diagnosis.words import of_singular

        reason, message, hint = of_singular(self, passes, node, element)
        values = self.truth.values
        repaired = values is not None and any(math.isfinite(values[o]) for o in bad) and bool(bad)
        if repaired:
            assert self.truth.exists is not None
            if not all(self.truth.exists[o] for o in bad):
                reason = "removable"
            message += "; the value that is meant exists" if reason != "removable" else "; the limit exists"
        self._add(reason, message, self.advice(node) or hint, node, where, self.refined())

    def _indeterminate(self, passes: Passes, bad: Sequence[int]) -> None:
        """A finding about ∞ − ∞ or 0·∞ of infinite inputs, whose limit exists."""
        if self.truth.values is None or not any(math.isfinite(self.truth.values[o]) for o in bad):
            return
        node = next(
            (
                n
                for n in passes.order
                if n in self.ids and n.args and not n.boolean and np.isnan(passes.values[n]).any()
            ),
            self.function.outputs[0],
        )
        self._add("removable", f"{self.spell(node)} is not determined here; the limit exists", None, node, "value",
                  self.refined())  # fmt: skip

    def _lost(self, passes: Passes, outputs: list[Node], where: str, bad: Sequence[int]) -> None:
        """A finding about a finite number that is wrong: digits cancelled, or what it was made of underflowed."""
        vanished = self._vanished(passes, outputs)
        if vanished is not None:
            said = f"{self.spell(vanished)} underflows to 0"
            self._add("overflow", said, self.advice(vanished), vanished, where, self.refined())
            return
        culprit = self._where_digits_went(passes, outputs)
        node = culprit if culprit in self.ids else passes.derived.owners.get(culprit, outputs[0])
        digits = self._digits_lost(passes, outputs, where)
        spoken = self.spell(node)
        about = "the value" if where == "value" else "the derivative"
        lost = "all its digits" if digits >= 15.5 else f"{digits:.0f} of its 16 digits"
        verb = "cancels" if culprit.op.name in ("add", "subtract", "sum") else "magnifies rounding errors"
        what = f"{spoken} {verb}" if where == "value" or node is culprit else f"the derivative of {spoken} {verb}"
        self._add("cancellation", f"{what}: {about} loses {lost}", self.advice(node), node, where, self.refined())

    def _vanished(self, passes: Passes, outputs: list[Node]) -> Node | None:
        """The first operation whose result is not 0 and yet is so small that a double has no place for it."""
        from diffcli.diagnosis.words import local

        used = self._used(passes)
        for node in ancestors(outputs):
            if node not in self.ids or node.op.kind != "elementwise" or not node.args or node.boolean:
                continue
            small = (np.abs(passes.values[node]) < SMALLEST_NORMAL) & used[node]
            for k in np.flatnonzero(small)[:4]:
                args = [float(np.ravel(passes.values[arg])[k]) for arg in node.args]
                exact = local(node, args)
                if exact is not None and -np.inf < exact[1] < -307.6:
                    return node
        return None

    def _where_digits_went(self, passes: Passes, outputs: list[Node]) -> Node:
        """The first node on the way to `outputs` whose error is large against itself, those of its arguments being
        small.
        """
        errors = passes.errors()
        used = self._used(passes)
        worst, at = 0.0, outputs[0]
        for node in ancestors(outputs):
            if not node.args or node.boolean:
                continue
            mine = np.where(used[node], passes.relative(node, errors), 0.0).max(initial=0.0)
            theirs = max(
                (np.where(used[arg], passes.relative(arg, errors), 0.0).max(initial=0.0) for arg in node.args),
                default=0.0,
            )
            if mine > 64.0 * max(theirs, 1.0):
                return node if mine > TOLERANCE / EPS / 16 or worst == 0.0 else at
            if mine > worst:
                worst, at = mine, node
        return at

    def _digits_lost(self, passes: Passes, outputs: list[Node], where: str) -> float:
        if where == "value" and self.truth.values is not None:
            errors = [
                abs(r - t) / abs(t) if t and math.isfinite(r) else 1.0
                for r, t in zip(self._reported(passes), self.truth.values, strict=True)
                if not right(r, t)
            ]
            worst = max(errors, default=1.0)
        else:
            bound = passes.errors()
            worst = EPS * max(float(passes.relative(node, bound).max(initial=0.0)) for node in outputs)
        return min(16.0, max(0.0, 16.0 + math.log10(worst))) if worst > 0 else 0.0

    # Derivatives .........................................................................................

    def _derivatives(self) -> list[_Derivative]:
        """Every number of the command's derivative, beside what it should be."""
        rows: list[_Derivative] = []
        for o, passes in self.passes.items():
            reported = [float(x) for node in passes.derived.nodes for x in np.ravel(passes.values[node])]
            exact = self._exact(passes, o)
            for j, value in enumerate(reported):
                sides = None if exact is None else tuple(float(table[j]) for table in exact)
                rows.append(_Derivative(passes, o, j, value, *(sides or (None, None, None, False))))
        return rows

    def _exact(self, passes: Passes, o: int, known: Truth | None = None) -> Sides | None:
        """What one row of the command's derivative really is."""
        what = self.question.what
        known = known or self.truth
        if what == "hessian":
            return None if known.second is None else known.second.row(o)
        if known.first is None or what == "eval":
            return None
        return self._product(known.first, passes) if what in ("vjp", "jvp") else known.first.row(o)

    def _product(self, first: Sides, passes: Passes) -> Sides:
        """Vᵀ·J, or J·u, of what the Jacobian really is; a coefficient of 0 takes no part."""
        seeds = np.concatenate([np.ravel(passes.values.get(s, np.zeros(s.shape))) for s in passes.derived.seeds])
        products = []
        for table in first:
            matrix = table if self.question.what == "vjp" else table.T
            with np.errstate(all="ignore"):
                terms = [np.zeros(matrix.shape[1]), *(s * row for s, row in zip(seeds, matrix, strict=True) if s)]
                products.append(np.sum(terms, axis=0))
        return Sides(*products)

    def _kinks(self, derivatives: list[_Derivative], wrong: list[_Derivative]) -> None:
        """Findings about kinks, ties and comparisons at equality that a derivative depends on."""
        if self.question.what == "eval":
            return
        known = self.truth.first is not None or self.truth.second is not None
        touched = [d for d in derivatives if d.kink or (d.exact is not None and d in wrong)]
        if known and not touched:
            return
        sites: dict[Node, None] = {}
        for passes in self.passes.values():
            used = self._used(passes)
            for node in passes.order:
                if node in self.ids and node.op.name in SITES and (passes.at_site(node) & used[node]).any():
                    sites[node] = None
        if known and not any(d.kink for d in touched) and not any(node.op.boolean for node in sites):
            return
        from diffcli.diagnosis.words import of_site

        if not sites and any(d.kink for d in touched):
            d = next(d for d in touched if d.kink)
            culprit = self._culprit(d.passes, primal=False)
            owner = d.passes.derived.owners.get(culprit[0]) if culprit else None
            node = owner or self.function.outputs[0]
            does = "jumps" if d.jumps else "has a kink"
            self._add("kink", f"{self.spell(node)} {does} here{self._sides(d)}", self.advice(node), node,
                      "derivative", self.refined())  # fmt: skip
            return
        shown = next((d for d in touched if d.kink), touched[0] if touched else None)
        for node in list(sites)[:8]:
            code, message, hint = of_site(self, node, shown)
            message += self._sides(shown) if shown is not None else ""
            self._add(code, message, self.advice(node) or hint, node, "derivative", self.refined())

    def _sides(self, d: _Derivative) -> str:
        if d.left is None or d.right is None:
            return ""
        name = self.label(d)
        if d.jumps:
            if math.isnan(d.left) or math.isnan(d.right):
                return f", so {name} does not exist"
            if d.left == d.right:
                return f": {name} does not exist; the slope beside it is {_number(d.left)}"
            return f": the slopes are {_number(d.left)} on the left and {_number(d.right)} on the right"
        if not d.kink and d.exact is not None:
            if math.isnan(d.exact):
                return f": {name} does not exist"
            return f": on both sides {name} is {_number(d.exact)}"
        return f": {name} is {_number(d.left)} from the left and {_number(d.right)} from the right"

    def label(self, d: _Derivative) -> str:
        """A derivative's name: df/dx, d²f/dx dy."""
        columns = self.columns()
        rows = self.rows()
        if self.question.what == "hessian":
            return f"d²{rows[0]}/d{columns[d.o]}d{columns[d.j]}"
        if self.question.what == "vjp":
            return f"the cotangent of {columns[d.j]}"
        if self.question.what == "jvp":
            return f"the tangent of {rows[d.j]}"
        return f"d{rows[d.o]}/d{columns[d.j]}"

    def rows(self) -> list[str]:
        """The outputs' elements, by name."""
        return [label for name, out in zip(self.function.names, self.function.outputs, strict=True)
                for label in labels(name, out.shape)]  # fmt: skip

    def columns(self) -> list[str]:
        """The elements of the inputs to differentiate in, by name."""
        return [label for node in self.question.wrt for label in labels(str(node.params[0]), node.shape)]

    def _wrong_derivatives(self, wrong: list[_Derivative]) -> None:
        """Findings about derivatives that are infinite, undefined or have lost their digits."""
        from diffcli.diagnosis.words import of_derivative

        unsaid = [d for d in wrong if not any(f.where == "derivative" for f in self._made)]
        if not unsaid:
            return
        nonfinite = [d for d in wrong if not math.isfinite(d.value)]
        if nonfinite:
            d = nonfinite[0]
            culprit = self._culprit(d.passes, primal=False)
            owner = d.passes.derived.owners.get(culprit[0]) if culprit else None
            node = owner or self.function.outputs[0]
            code, message, hint = of_derivative(self, d, node)
            self._add(code, message, self.advice(node) or hint, node, "derivative", self.refined())
            return
        d = wrong[0]
        self._lost(d.passes, [d.node()], "derivative", [])

    # Making them .........................................................................................

    def advice(self, node: Node) -> str | None:
        """What to write instead, where a pattern fits."""
        from diffcli.rewrites import suggestion

        best = suggestion(self.function, near=node)
        return f"write {best.better}" if best else None

    def spell(self, node: Node) -> str:
        """A node as people would write it."""
        from diffcli.spell import Spelling

        span = self.function.spans.get(self.placed(node))
        if span is not None and self.text is not None:
            written = " ".join(self.text[span[0] : span[1]].split())
            if len(written) <= LONGEST:
                return written
        if self._spelling is None:
            self._spelling = Spelling(self.function.labels, lambda each: f"v{self.ids.get(each, each.index)}")
        shown: str = self._spelling.of(self.placed(node))
        return shown

    def placed(self, node: Node) -> Node:
        """`node`, or the nearest that uses it and was written by a person."""
        spans = self.function.spans
        here, seen = [node], {node}
        while here:
            for each in here:
                if each in spans or each.op is INPUT:
                    return each
            following = [user for each in here for user in self.users.get(each, ()) if user not in seen]
            here = sorted(dict.fromkeys(following), key=lambda each: each.index)
            seen.update(here)
        return node

    def _add(self, code: str, message: str, hint: str | None, node: Node, where: str, refined: Refined | None) -> None:
        shown = self.placed(node)
        found = Finding(
            code, message, hint, self.ids.get(node), self.spell(node), self.function.spans.get(shown), where, refined
        )
        if not any((each.code, each.span, each.message) == (code, found.span, message) for each in self._made):
            self._made.append(found)

    def refined(self) -> Refined | None:
        """The exact numbers, under the keys of the command's answer."""
        known, what = self.truth, self.question.what
        if known.values is None:
            return None
        values = self._shaped(known.values, self.function.outputs, self.function.names)
        if what == "eval":
            return {"values": values}
        out: dict[str, Any] = (
            {"value": next(iter(values.values()))} if what in ("grad", "hessian") else {"values": values}
        )
        if known.first is None:
            return out
        sides = self._exact(next(iter(self.passes.values())), 0) if what in ("vjp", "jvp") else known.first
        assert sides is not None
        if what == "hessian":
            out["gradient"] = self._by_input(known.first.value[0])
            if known.second is None:
                return out
            sides = known.second
        key = {"grad": "gradient"}.get(what, what)
        shapes: dict[str, Callable[[NDArray[Any]], Any]] = {
            "grad": self._by_first_row,
            "vjp": self._by_input,
            "jvp": self._by_output,
        }
        shape = shapes.get(what, np.asarray)
        out[key] = shape(sides.value)
        if sides.differ:
            out["left"], out["right"] = shape(sides.left), shape(sides.right)
        return out

    def _by_first_row(self, table: NDArray[Any]) -> dict[str, Any]:
        return self._by_input(table[0])

    def _by_output(self, row: NDArray[Any]) -> dict[str, Any]:
        return self._shaped(row.tolist(), self.function.outputs, self.function.names)

    def _by_input(self, row: NDArray[Any]) -> dict[str, Any]:
        return self._shaped(row.tolist(), self.question.wrt, [str(node.params[0]) for node in self.question.wrt])

    def _shaped(self, flat: Sequence[float], nodes: Sequence[Node], names: Sequence[str]) -> dict[str, Any]:
        out: dict[str, Any] = {}
        start = 0
        for node, name in zip(nodes, names, strict=True):
            part = flat[start : start + node.size]
            out[name] = float(part[0]) if node.shape == () else np.array(part).reshape(node.shape)
            start += node.size
        return out


@dataclass(frozen=True, slots=True)
class _Derivative:
    """One number of a derivative, beside what it should be (None: not known)."""

    passes: Passes
    o: int
    j: int
    value: float
    exact: float | None
    left: float | None
    right: float | None
    jumps: bool

    @property
    def kink(self) -> bool:
        """Whether it differs from the two sides, which both exist, or the value jumps."""
        if self.exact is None or self.left is None or self.right is None:
            return False
        sided = math.isnan(self.exact) and not math.isnan(self.left) and not math.isnan(self.right)
        return self.jumps or sided

    @property
    def fine(self) -> bool:
        """Whether nothing need be said about it."""
        if self.exact is None:
            return math.isfinite(self.value) and not self.passes.doubted()[self.j]
        return not self.kink and math.isfinite(self.value) and right(self.value, self.exact)

    def node(self) -> Node:
        """The node it is an element of."""
        return _element(self.passes.derived.nodes, self.j)[0]


def _element(nodes: Sequence[Node], k: int) -> tuple[Node, int]:
    """The node, and the place in it, of the k-th of all elements of `nodes`."""
    for node in nodes:
        if k < node.size:
            return node, k
        k -= node.size
    raise IndexError(k)


def _excusable(reported: float, exact: float, beside: Sequence[float]) -> bool:
    """Whether a number has most of its digits, or is wrong by no more than a rounding of the largest beside it."""
    if not math.isfinite(reported) or not math.isfinite(exact):
        return False
    largest = max((abs(x) for x in beside if math.isfinite(x)), default=0.0)
    return abs(reported - exact) <= max(EXCUSABLE * abs(exact), 64 * EPS * largest if len(beside) > 1 else 0.0)


def _number(x: float) -> str:
    if math.isinf(x):
        return "∞" if x > 0 else "−∞"
    return f"{x:.6g}"
