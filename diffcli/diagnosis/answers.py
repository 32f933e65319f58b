"""The numbers of an answer beside what they really are: which of them are wrong, and by how much."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffcli.calculus import looking_pass
from diffcli.diagnosis.bounds import EPS
from diffcli.diagnosis.passes import Passes
from diffcli.diagnosis.products import along, of_sum
from diffcli.diagnosis.questions import Question, matrix
from diffcli.diagnosis.reach import ASKED, Reach
from diffcli.diagnosis.refined import PRODUCTS
from diffcli.diagnosis.truth import SECOND_ORDER, Derivative, Sides, Truth, element, excusable, right, truth, values
from diffcli.graph import Node
from diffcli.sweeps import stacked


class Answer:
    """The numbers that a command gives at one point, and the truth about them as far as so many `seconds` find it, if
    it is not `known`.
    """

    def __init__(self, question: Question, seconds: float, known: Truth | None = None) -> None:
        self.question = question
        self.function = question.function
        self.truth = known or truth(question, question.at, seconds)
        self.passes = question.passes
        self._seconds = seconds
        self._beside: list[Truth] | None = None
        self._slopes: dict[bool, list[float]] = {}
        self._matrix: NDArray[Any] | None = None
        self._products: dict[Passes, Sides] = {}

    def all_known(self) -> bool:
        """Whether the truth about all that the command gives was found."""
        what, known = self.question.what, self.truth
        derivatives = known.second if what in SECOND_ORDER else known.first
        return known.values is not None and (what == "eval" or derivatives is not None)

    def reported(self, passes: Passes) -> list[float]:
        """The output elements as doubles have them."""
        return [float(x) for node in self.function.outputs for x in np.ravel(passes.values[node])]

    def infinite_input(self) -> bool:
        """Whether a number of the point is infinite."""
        return any(np.isinf(value).any() for value in self.question.at.values())

    def directions(self) -> list[NDArray[Any]]:
        """The vector that a product is asked for, by its parts."""
        if self.question.what not in PRODUCTS:
            return []
        return [part[..., 0] for part in self.question.vector]

    def bad_values(self, passes: Passes) -> list[int]:
        """The output elements that are not what they should be, or not finite."""
        reported = self.reported(passes)
        bad = []
        for o, value in enumerate(reported):
            if self.truth.values is None:
                if not math.isfinite(value):
                    bad.append(o)
            elif not math.isfinite(value) or not right(value, self.truth.values[o]):
                if self.infinite_input() and right(value, self.truth.values[o]):
                    continue
                if not self._a_zero_of_the_inputs(passes, o, value):
                    bad.append(o)
        if self.truth.values is None and not bad:
            errors = passes.errors()
            flat = np.concatenate([np.ravel(passes.relative(node, errors)) for node in self.function.outputs])
            bad = [int(o) for o in np.flatnonzero(flat > passes.trusted)]
        return bad

    def beyond_rounding(self, passes: Passes, bad: Sequence[int]) -> bool:
        """Whether a value is finite and wrong by more than its own rounding errors can be."""
        if self.truth.values is None:
            return False
        errors = passes.errors()
        bounds = np.concatenate([
            np.ravel(np.broadcast_to(errors[node], passes.values[node].shape)) for node in self.function.outputs
        ])  # fmt: skip
        reported, exact = self.reported(passes), self.truth.values
        return any(
            math.isfinite(reported[o]) and abs(reported[o] - exact[o]) > 16 * EPS * float(bounds[o]) for o in bad
        )

    def doubted(self, passes: Passes, outputs: Sequence[int]) -> bool:
        """Whether rounding may be the reason why some output elements are wrong."""
        places = [element(self.function.outputs, o) for o in outputs]
        return any(float(np.ravel(passes.doubts(node))[k]) > passes.trusted for node, k in places)

    def mind_signed_zeros(self, passes: Passes) -> None:
        """Arbitrary precision has no −0: a value that is right just below 0 is right there. What would be right if all
        zeros were +0 is no matter of rounding either: atan2(0·y, −0·z) is at no limit of anything.
        """
        known = self.truth.values
        if known is None:
            return
        reported = self.reported(passes)
        odd = [o for o, value in enumerate(reported) if not right(value, known[o])]
        minus = {node: (value == 0.0) & np.signbit(value) for node, value in self.question.at.items()}
        if odd and any(flags.any() for flags in minus.values()):
            below = {node: np.where(minus[node], -(2.0**-1074), value) for node, value in self.question.at.items()}
            signed = values(self.question, below, self._seconds / 2) or known
            # −0 is an end of [0, ∞), not outside of it.
            for o in [o for o in odd if not math.isnan(signed[o]) and right(reported[o], signed[o])]:
                known[o] = signed[o]
                odd.remove(o)
        odd = [o for o in odd if math.isfinite(reported[o])]
        if odd and passes.has_minus_zero():
            unsigned = passes.without_minus_zero()
            for o in odd:
                if right(unsigned[o], known[o]):
                    known[o] = reported[o]

    def derivatives(self) -> list[Derivative]:
        """Every number of the command's derivative, beside what it should be."""
        rows: list[Derivative] = []
        exact: dict[int, Sides | None] = {}
        for seed, passes in self.passes.items():
            for place, (node, k, value) in enumerate(_elements(passes, passes.derived.nodes)):
                o, j = (place, seed) if self.question.by_columns else (seed, place)
                if o not in exact:
                    exact[o] = self.exact(passes, o)
                given = value if math.isfinite(value) and self.question.what != "hessian" else self._given(o, j, value)
                rows.append(Derivative(passes, o, j, node, k, given, *_of(exact[o], j)))
        if self.question.what in SECOND_ORDER:
            passes = next(iter(self.passes.values()))
            slopes = self.exact(passes, 0, first=True)
            for j, (node, k, value) in enumerate(_elements(passes, passes.derived.also)):
                given = value if math.isfinite(value) else float(self._gradient()[j])
                rows.append(Derivative(passes, 0, j, node, k, given, *_of(slopes, j), first=True))
        return rows

    def wrong(self, derivatives: Sequence[Derivative]) -> list[Derivative]:
        """Those of all `derivatives` that are not what they should be."""
        self._slopes = {
            first: _at_most_two(d.value for d in derivatives if d.first == first) for first in (False, True)
        }
        return [d for d in derivatives if not d.fine and not self._as_good_as_zero(d)]

    def _given(self, o: int, j: int, value: float) -> float:
        """A number of a matrix as the command gives it: what is not finite in a pass is found again by itself, and of
        the two sides of a Hessian one is given for both.
        """
        if self._matrix is None:
            self._matrix = matrix(self.question)
        return value if self._matrix is None else float(self._matrix[o, j])

    def _gradient(self) -> NDArray[Any]:
        """The gradient beside a Hessian, as the command gives it where a number of it is not finite."""
        bars = looking_pass(self.question.bound, [np.ones(1)])
        return stacked(self.question.wrt, bars, 1)[:, 0]

    def exact(self, passes: Passes, o: int, known: Truth | None = None, *, first: bool = False) -> Sides | None:
        """What one row of the command's derivative really is; `first`: the gradient beside a Hessian."""
        what = self.question.what
        known = known or self.truth
        if first:
            return None if known.first is None else known.first.row(o)
        table = known.second if what in SECOND_ORDER else known.first
        if table is None or what == "eval":
            return None
        if what not in PRODUCTS:
            return table.row(o)
        if known is not self.truth or what == "hvp":
            return self._product(table)
        if passes not in self._products:
            self._products[passes] = self._sided(self._product(table), passes)
        return self._products[passes]

    def beyond(self, d: Derivative) -> float | None:
        """Log₁₀ of the size of an infinite derivative that is finite, and too large for a double; None: it is not."""
        what, order = self.question.what, 2 if self.question.what in SECOND_ORDER and not d.first else 1
        if what not in PRODUCTS or d.first:
            return self.truth.beyond.get((order, d.o, d.j))
        table = self.truth.second if order == 2 else self.truth.first
        if table is None:
            return None
        coefficients = np.concatenate([np.ravel(part) for part in self.directions()])
        sizes = []
        for k in np.flatnonzero(coefficients):
            place = (int(k), d.j) if what == "vjp" else (d.o if what == "jvp" else d.j, int(k))
            size = abs(float(table.value[place]))
            if not math.isfinite(size) and (order, *place) not in self.truth.beyond:
                return None
            size = self.truth.beyond.get((order, *place), math.log10(size) if math.isfinite(size) and size else -400.0)
            sizes.append(size + math.log10(abs(coefficients[k])))
        return max(sizes, default=None)

    def _product(self, whole: Sides) -> Sides:
        """Vᵀ·J, J·u or H·u, of what the matrix really is; a coefficient of 0 takes no part, and of an infinite one no
        derivative that is 0.
        """
        seeds = np.concatenate([np.ravel(part) for part in self.directions()])
        products = []
        for table in whole:
            matrix = table if self.question.what == "vjp" else table.T
            with np.errstate(all="ignore"):
                rows = [np.where(row == 0, 0.0, s * row) for s, row in zip(seeds, matrix, strict=True) if s]
                if table is whole.jumps:
                    rows = [np.abs(row) for row in rows]  # that of one is not made up for by another's
                terms = [np.zeros(matrix.shape[1]), *rows]
                products.append(np.sum(terms, axis=0))
        return Sides(*products)

    def _sided(self, product: Sides, passes: Passes) -> Sides:
        """Vᵀ·J or J·u, less what no product tells: one-sided derivatives, and those along a line that is no input's."""
        forward, parts = self.question.what == "jvp", self.directions()
        seeds = np.concatenate([np.ravel(part) for part in parts])
        there = np.isfinite(np.array(self.truth.values))
        odd = np.isnan(product.value) | (product.jumps != 0)
        # A function may have all partial derivatives, 0 of min(|x|, |y|) at the origin, and a kink along other lines.
        odd = (odd | (np.count_nonzero(seeds) > 1)) & there if forward else odd & there[seeds != 0].all()
        if not odd.any() or not seeds.any() or not np.isfinite(seeds).all() or self.infinite_input():
            return product
        places = np.flatnonzero(odd)
        if forward:
            found = along(self.question, parts, places.tolist(), self._seconds)
        else:
            found = of_sum(self.question, parts, places.tolist(), self._seconds)
        if found is not None:
            # Beside what has only a limit, what does not depend on it stays what it is.
            seen = ~(np.isnan(found.left) & np.isnan(found.right)) | found.jumps
            for table, exact in zip(product, found, strict=True):
                table[places[seen]] = exact[seen]
        return product

    def mind_comparisons(self, passes: Passes, node: Node, k: int, reach: Reach) -> None:
        """What a comparison with a NaN has decided, the k-th number of `node`, has no value, although doubles have one,
        and although it may have one beside the point.
        """
        known = self.truth
        if known.values is None or known.exists is None or not np.isnan(np.ravel(passes.values[node])[k]):
            return
        for o, value in enumerate(self.reported(passes)):
            if math.isfinite(value) and not known.exists[o] and reach.makes(passes, node, o):
                known.values[o] = math.nan
                for table in known.first or ():
                    table[o] = math.nan if table.dtype != bool else False

    def mind_strangers(self, passes: Passes, reach: Reach) -> None:
        """What has no value has no derivative, but for what it does not depend on: there it is 0. By the graph that is
        known already; at this point there may be more of it, in a branch that is not taken.
        """
        first = self.truth.first
        if first is None:
            return
        odd = np.isnan(first.value) | first.jumps
        for o in np.flatnonzero(odd.any(axis=1))[:ASKED]:
            reached = reach.of(passes, *element(self.function.outputs, int(o)))
            of = [np.ravel(reached.get(node, np.zeros(node.shape, dtype=bool))) for node in self.question.wrt]
            strange = odd[o] & ~np.concatenate(of)
            for table in first:
                table[o, strange] = 0

    def digits_lost(self, passes: Passes, outputs: list[int], d: Derivative | None) -> float:
        """Of 16, how many some output elements or the derivative `d` lack; if no truth is known, by the bound."""
        values = self.truth.values
        known = values is not None if d is None else d.exact is not None
        if known:
            pairs = [(d.value, d.exact or 0.0)] if d is not None else []
            if d is None and values is not None:
                reported = self.reported(passes)
                pairs = [(reported[o], values[o]) for o in outputs]
            errors = [abs(r - t) / abs(t) if t and math.isfinite(r) else 1.0 for r, t in pairs if not right(r, t)]
            worst = max(errors, default=1.0)
        else:
            bound = passes.errors()
            made = [element(self.function.outputs, o) for o in outputs] if d is None else [(d.node, d.k)]
            worst = EPS * max(float(np.ravel(passes.relative(node, bound))[k]) for node, k in made)
        return min(16.0, max(0.0, 16.0 + math.log10(worst))) if worst > 0 else 0.0

    # Zeros ...............................................................................................
    #
    # In a Jacobian of numbers around 1, cos(a + b) where a + b is nearly π/2 gives 2e-17, and no digit of it is right.
    # But the inputs' own last places move it as much: it is 0 as nearly as they can say, and no spelling does better.
    # That is no finding. Nor is it one that a gradient near a minimum has lost some digits.

    def _a_zero_of_the_inputs(self, passes: Passes, o: int, reported: float) -> bool:
        if self.truth.values is None:
            return False
        exact = self.truth.values[o]
        # The other side of a step is no excuse, though the inputs' last places may go there, too.
        jumps = self.truth.first is not None and bool(self.truth.first.jumps[o].any())
        if jumps or self.beyond_rounding(passes, [o]) or not excusable(reported, exact, self.reported(passes)):
            return False
        moved = [abs(t.values[o] - exact) for t in self._truths_beside() if t.values is not None]
        return abs(reported - exact) <= 8 * max(moved, default=0.0)

    def _as_good_as_zero(self, d: Derivative) -> bool:
        if d.exact is None:
            # Only the bound is known, and it is seldom reached.
            return excusable(d.value, d.value + d.rounding(), self._slopes[d.first])
        # What no rounding explains is no zero of the inputs either, but a tie shared by two: min(sin(x), 1) at π/2.
        if d.kink or d.chosen or not excusable(d.value, d.exact, self._slopes[d.first]):
            return False
        moved = []
        for beside in self._truths_beside():
            sides = self.exact(d.passes, d.o, beside, first=d.first)
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


def _at_most_two(values: Iterable[float]) -> list[float]:
    """What `excusable` looks at of many numbers: whether there is more than one, and the largest."""
    every = list(values)
    return every if len(every) < 2 else [0.0, max((abs(x) for x in every if math.isfinite(x)), default=0.0)]


def _elements(passes: Passes, nodes: Sequence[Node]) -> list[tuple[Node, int, float]]:
    """Every element of some nodes, with its place in its own and its value."""
    return [(node, k, float(x)) for node in nodes for k, x in enumerate(np.ravel(passes.values[node]))]


def _of(sides: Sides | None, j: int) -> tuple[float | None, float | None, float | None, bool]:
    if sides is None:
        return None, None, None, False
    value, left, right, jumps = (table[j] for table in sides)
    return float(value), float(left), float(right), bool(jumps)
