"""Many points at once, in arrays: the batch is the first axis of what goes in and of what comes out.

    f.batch({"x": xs, "y": ys}).value_and_grad()

Every number is the one, to the bit, that the same point gives alone.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from diffcli.batching.answers import Answer, Arrays, Hessians, Jacobians
from diffcli.batching.given import by_name, fixed, threads
from diffcli.bound import Array, Bound, Differentiable, bind, cotangents, only_output, refuse_text, tangents
from diffcli.calculus import gradient_plan, looking_pass, looking_pull
from diffcli.colouring import Colouring
from diffcli.errors import UsageError
from diffcli.evaluation import Plan, cores
from diffcli.evaluation.extremes import NOTHING_SEEN, Extremes
from diffcli.graph import Node
from diffcli.labels import labels
from diffcli.matrices import (
    Mode,
    gradient_function,
    hessian_of,
    jacobian_of,
    known_mode,
    make_room,
    readable_of,
    symmetric_way_of,
    way_of,
)
from diffcli.passes import Pull, Push
from diffcli.sparsity import Integers
from diffcli.sweeps import MENDING_NUMBERS, each, one_hots, stacked
from diffcli.unrolled import Entries, Unrolled, worth

#: How many bytes of intermediate values a block of points may keep between the forward pass and the sweeps.
KEPT_BYTES = 1 << 25


@dataclass(slots=True)
class _Interest:
    """Whether anybody has asked for the warnings of a formula."""

    asked: bool = False


class Batch:
    """A formula at many points; each method computes one thing at all of them.

    Arrays by name have the points on their first axis: (points,) for a number, (points, 3) for a vector of three.
    With `jit` everything is compiled that can be; `fallbacks` says of the rest, once it is computed, what kept it in
    NumPy.
    """

    def __init__(
        self,
        f: Differentiable,
        points: Mapping[str, ArrayLike] | ArrayLike,
        at: Mapping[str, ArrayLike] | None = None,
        *,
        jobs: int | None = None,
        jit: bool = False,
    ) -> None:
        refuse_text(f)
        known = fixed(at)
        self._f = f
        self._machine = _machine() if jit else None
        self.fallbacks: list[str] = []
        self._jobs = cores() if jobs is None else threads(jobs)
        self._points = by_name(f, points)
        lengths = {name: len(array) for name, array in self._points.items()}
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{name} {length:,}" for name, length in lengths.items())
            raise UsageError(f"the inputs have different numbers of points: {told}", code="points")
        self.count = next(iter(lengths.values()), 0)
        samples = {name: array[0] if len(array) else np.ones(array.shape[1:]) for name, array in self._points.items()}
        both = sorted(set(samples) & set(known))
        if both:
            raise UsageError(f"{both[0]} is given both with the points and for all of them", code="points")
        self._sample = {**known, **samples}
        self._bounds: dict[tuple[str, ...] | None, Bound] = {}
        self._answer: Answer | None = None
        self._seen, self._watching = Extremes(), False

    def __len__(self) -> int:
        return self.count

    def bound(self, wrt: Sequence[str] | None = None) -> Bound:
        """The formula at these points, to be differentiated in `wrt`."""
        wrt = (wrt,) if isinstance(wrt, str) else wrt  # one name, and not its letters
        key = tuple(wrt) if isinstance(wrt, Sequence) else None
        if key not in self._bounds:
            bound = bind(self._f, self._sample, wrt)
            moving = {node: np.moveaxis(self._points[name], 0, -1)
                      for node in bound.function.inputs if (name := node.params[0]) in self._points}  # fmt: skip
            self._bounds[key] = Bound(bound.function, {**bound.at, **moving}, bound.wrt)
        return self._bounds[key]

    @property
    def warnings(self) -> dict[str, Array]:
        """For every code of a warning its rows: about what was computed last, or about the values if nothing was.

        Looked for when it is asked for. The codes are those of a single point; see docs/diagnosis.md.
        """
        found: dict[str, Array] = self.warned().by_code()
        return found

    def warned(self, watch: Any = None, skipped: Collection[int] = ()) -> Any:
        """The same as a `diffcli.diagnosis.many.Warned`, less the rows that are `skipped`; by a `Watch` that has seen
        other points of the same table.
        """
        if self._answer is None:
            self.values()
        answer = self._answer
        assert answer is not None
        if watch is None:
            # Above this room, which computes and does not judge; so by its name.
            watch = import_module("diffcli.diagnosis.many").Watch(self._f, answer.what, wrt=answer.wrt, v=answer.v)
        bound = self.bound(answer.wrt)
        bound.once("interest", _Interest).asked = True
        return watch.look(bound, answer.arrays, self.count, self._jobs, skipped, self._seen)

    def _alone(self, bound: Bound, i: int) -> Bound:
        """The same at the i-th point only."""
        return self._only(bound, [i])

    def _only(self, bound: Bound, rows: Sequence[int]) -> Bound:
        """The same at some of the points."""
        at = {
            node: np.ascontiguousarray(value[..., rows]) if node.params[0] in self._points else value
            for node, value in bound.at.items()
        }
        return Bound(bound.function, at, bound.wrt)

    def _mend(self, bound: Bound, seeds: Sequence[Array], bars: Sequence[Array]) -> None:
        """Puts right what a pass gave where 0·∞ got in from what is not read, or not asked for."""
        rows = _unsound(bars, self._seen)
        if rows:
            found = looking_pass(self._only(bound, rows), seeds)
            for bar, mended, node in zip(bars, found, bound.wrt, strict=True):
                bar[rows] = _first(mended, node, len(rows))
                self._seen.forget(np.moveaxis(bar, 0, -1), rows)

    def _mend_rows(self, bound: Bound, matrix: Array, points: Sequence[int], entries: Sequence[Integers]) -> None:
        """The same for the rows of Jacobians, of which `entries` has the columns: a pass a row, for all the points at
        which it is not finite.
        """
        outputs, shared, places = bound.function.outputs, each(len(entries)), np.array(points)
        bad = ~np.isfinite(matrix[places]).all(axis=2)
        for row in np.flatnonzero(bad.any(axis=0)).tolist():
            some, columns = places[bad[:, row]], entries[row]
            bars = looking_pass(self._only(bound, some.tolist()), one_hots(outputs, shared, row, 1))
            each_point = [_first(bar, node, len(some)) for bar, node in zip(bars, bound.wrt, strict=True)]
            whole = np.concatenate([part.reshape(len(some), -1) for part in each_point], axis=1)
            matrix[some[:, np.newaxis], row, columns] = whole[:, columns]

    def run(self, plan: Plan, bound: Bound, nodes: Sequence[Node]) -> list[Array]:
        """The plan's outputs, shaped like `nodes`, with the points on the first axis."""
        if not self.count:
            return [np.zeros((0, *node.shape)) for node in nodes]
        self._begin(bound)
        found = self._run(plan, bound.at)
        return [_first(array, node, self.count) for array, node in zip(found, nodes, strict=True)]

    def values(self) -> Arrays:
        """The outputs by name."""
        bound = self.bound()
        function = bound.function
        plan = bound.once("values", lambda: Plan(function.outputs))
        values = self.run(plan, bound, function.outputs)
        self._answer = Answer("eval", None, None, values)
        return dict(zip(function.names, values, strict=True))

    def value_and_grad(self, *, wrt: Sequence[str] | None = None) -> tuple[Array, Arrays]:
        """The values (points,) of a formula of one number, and its gradients by input."""
        bound = self.bound(wrt)
        output = _number(bound)
        plan = bound.once("gradient", lambda: gradient_plan(output, bound.wrt))
        value, *parts = self.run(plan, bound, [output, *bound.wrt])
        self._mend(bound, [np.ones(1)], parts)
        self._answer = Answer("grad", wrt, None, [value, *parts])
        return value, dict(zip(_names(bound.wrt), parts, strict=True))

    def grad(self, *, wrt: Sequence[str] | None = None) -> Arrays:
        """The gradients by input; see `value_and_grad`."""
        return self.value_and_grad(wrt=wrt)[1]

    def vjp(
        self, cotangent: Mapping[str, ArrayLike] | ArrayLike, *, wrt: Sequence[str] | None = None
    ) -> tuple[Arrays, Arrays]:
        """The outputs by name, and Jᵀ·v by input, for one v at all points: a cotangent an output, those left out 0."""
        bound = self.bound(wrt)
        function = bound.function
        passes = bound.once("pull", lambda: Pull(function, bound.wrt))
        given = cotangents(function, cotangent)
        seeds = [given.get(i, np.zeros((*node.shape, 1))) for i, node in enumerate(function.outputs)]
        values, bars = self._pass(passes, bound, seeds)
        self._mend(bound, seeds, bars)
        parts = dict(zip(_names(bound.wrt), bars, strict=True))
        whole = {function.names[i]: seed[..., 0] for i, seed in given.items()}
        self._answer = Answer("vjp", wrt, whole, [*values, *parts.values()])
        return dict(zip(function.names, values, strict=True)), parts

    def jvp(
        self, tangent: Mapping[str, ArrayLike] | ArrayLike, *, wrt: Sequence[str] | None = None
    ) -> tuple[Arrays, Arrays]:
        """The outputs by name, and J·u by output, for one u at all points: a tangent an input, those left out 0."""
        if wrt is None and isinstance(tangent, Mapping):
            wrt = tuple(tangent)
        bound = self.bound(wrt)
        function = bound.function
        passes = bound.once("push", lambda: Push(function, bound.wrt))
        given = tangents(bound.wrt, tangent)
        seeds = [given.get(node, np.zeros((*node.shape, 1))) for node in bound.wrt]
        values, dots = self._pass(passes, bound, seeds)
        whole = {str(node.params[0]): seed[..., 0] for node, seed in given.items()}
        self._answer = Answer("jvp", wrt, whole, [*values, *dots])
        return dict(zip(function.names, values, strict=True)), dict(zip(function.names, dots, strict=True))

    def jacobian(self, *, wrt: Sequence[str] | None = None, mode: Mode = "auto") -> Jacobians:
        """The Jacobian of every point."""
        known_mode(mode)
        bound = self.bound(wrt)
        function = bound.function
        m, n = (sum(node.size for node in nodes) for nodes in (function.outputs, bound.wrt))
        make_room(bound, m, n, alone=False)
        way = way_of(bound, mode)
        passes: Push | Pull
        if way.forward:
            passes = bound.once("push", lambda: Push(function, bound.wrt))
        else:
            passes = bound.once("pull", lambda: Pull(function, bound.wrt))
        rows, columns = _full(m, n) if way.found is None else (way.found.rows, way.found.columns)
        places, sharing = (rows, columns) if way.forward else (columns, rows)
        found = Entries((m, n), rows, columns, places, way.shared.colours[sharing])
        values, matrix, unsound = self._matrices(f"unrolled:{mode}", passes, bound, way.shared, found)
        if unsound and m * looking_pull(bound).weight <= MENDING_NUMBERS:
            self._mend_rows(bound, matrix, unsound, [columns[rows == k] for k in range(m)])
        else:  # what a point by itself leaves as it is stays so here
            for i in unsound:
                matrix[i] = jacobian_of(self._alone(bound, i), mode, sparse=False).matrix
        self._seen.forget(np.moveaxis(matrix, 0, -1), unsound)
        self._answer = Answer("jacobian", wrt, None, [*values, matrix])
        return Jacobians(
            matrix,
            _labels(function.names, function.outputs),
            _labels(_names(bound.wrt), bound.wrt),
            dict(zip(function.names, values, strict=True)),
            "forward" if way.forward else "reverse",
            way.shared.passes,
        )

    def hessian(self, *, wrt: Sequence[str] | None = None) -> Hessians:
        """The Hessian of every point, of a formula of one number."""
        bound = self.bound(wrt)
        _number(bound)
        n = sum(node.size for node in bound.wrt)
        make_room(bound, n, n, alone=False)
        gradient = gradient_function(bound)
        found, shared = symmetric_way_of(bound)
        passes = bound.once("second", lambda: Push(gradient, bound.wrt, also=bound.function.outputs))
        if found is None:
            rows, columns = _full(n, n)
            low, high = np.minimum(rows, columns), np.maximum(rows, columns)
            entries = Entries((n, n), rows, columns, high, shared.colours[low])  # of two that are one, that below
        else:
            entries = Entries(found.shape, found.rows, found.columns, *readable_of(bound, found, shared))
        values, matrix, unsound = self._matrices("unrolled:second", passes, bound, shared, entries)
        unsound = sorted({*unsound, *_unsound(values[:-1], self._seen)})
        for i in unsound:
            alone = hessian_of(self._alone(bound, i), sparse=False)
            matrix[i] = alone.matrix
            for part, mended in zip(values, alone.gradient.values(), strict=False):
                part[i] = mended
        for changed in (matrix, *values[:-1]):
            self._seen.forget(np.moveaxis(changed, 0, -1), unsound)
        self._answer = Answer("hessian", wrt, None, [values[-1], *values[:-1], matrix])
        return Hessians(
            matrix,
            _labels(gradient.names, bound.wrt),
            values[-1],
            dict(zip(gradient.names, values, strict=False)),
            shared.passes,
        )

    def _pass(self, passes: Push | Pull, bound: Bound, seeds: Sequence[Array]) -> tuple[list[Array], list[Array]]:
        """The outputs, and the results of one pass, points first: a plan for both, as the values serve only once."""
        what = "evaluation and " + type(passes).__name__
        plan = bound.once(what, lambda: Plan([*passes.outputs, *passes.results]))
        at = {**bound.at, **dict(zip(passes.seeds, seeds, strict=True))}
        found = self.run(plan, Bound(bound.function, at, bound.wrt), [*passes.outputs, *passes.targets])
        return found[: len(passes.outputs)], found[len(passes.outputs) :]

    def _matrices(
        self, what: str, passes: Push | Pull, bound: Bound, shared: Colouring, entries: Entries
    ) -> tuple[list[Array], Array, list[int]]:
        """The values that the passes give, points first; the matrix of every point; and which have an entry that is
        not finite, where 0·∞ may have got in between entries that share a pass.
        """
        self._begin(bound)
        unrolled = bound.once(what, lambda: Unrolled(passes, shared, entries) if worth(passes, shared) else None)
        if unrolled is not None and self.count:
            found, matrix, unsound = unrolled.run(bound.at, self.count, self._run)
            values = [_first(array, node, self.count) for array, node in zip(found, passes.outputs, strict=True)]
            return values, np.moveaxis(matrix, -1, 0), unsound.tolist()
        seeds = [one_hots(passes.inputs, shared, k, 1) for k in range(shared.passes)]
        values, swept = self._swept(passes, bound, seeds)
        matrix = np.zeros((self.count, *entries.shape))
        matrix[:, entries.rows, entries.columns] = swept[:, entries.places, entries.colours]
        return values, matrix, _unsound([matrix])

    def _begin(self, bound: Bound) -> None:
        """Nothing is seen yet of what is computed next; and nothing will be, unless warnings of such were asked for."""
        self._seen, self._watching = Extremes(), bound.once("interest", _Interest).asked

    def _run(self, plan: Plan, at: Mapping[Node, Array], into: Mapping[Node, Array] | None = None) -> list[Array]:
        if self._machine is None:
            return plan.run(at, self._jobs, into)
        moving = {node for node in at if node.params[0] in self._points}
        found: list[Array] = self._machine.run(
            plan, at, self._jobs, into, moving, self._seen if self._watching else None
        )
        reason = self._machine.why_not(plan)
        if reason is not None and reason not in self.fallbacks:
            self.fallbacks.append(reason)
        return found

    def _swept(self, passes: Push | Pull, bound: Bound, seeds: Sequence[Sequence[Array]]) -> tuple[list[Array], Array]:
        """The values that the passes give, points first, and the results of a sweep for every member of `seeds`:
        (points, elements, sweeps). Points go in blocks, so that what a forward pass keeps for its sweeps stays small.
        """
        outputs = passes.outputs
        height = sum(node.size for node in passes.targets)
        values = [np.empty((self.count, *node.shape)) for node in outputs]
        results = np.empty((self.count, height, len(seeds)))
        kept_numbers = sum(node.size for node in passes.residuals) + height
        size = max(1, KEPT_BYTES // (8 * max(1, kept_numbers)))
        for first in range(0, self.count, size):
            last = min(first + size, self.count)
            at = {
                node: value[..., first:last] if node.params[0] in self._points else value
                for node, value in bound.at.items()
            }
            computed, kept = passes.start(at, self._jobs)
            for whole, array, node in zip(values, computed, outputs, strict=True):
                whole[first:last] = _first(array, node, last - first)
            for k, members in enumerate(seeds):
                given = dict(zip(passes.seeds, members, strict=True))
                found = passes.sweep.run({**kept, **given}, self._jobs)
                results[first:last, :, k] = stacked(passes.targets, found, last - first).T
        return values, results


def batch(
    f: Differentiable,
    points: Mapping[str, ArrayLike] | ArrayLike,
    at: Mapping[str, ArrayLike] | None = None,
    *,
    jobs: int | None = None,
    jit: bool = False,
) -> Batch:
    """`f` at many points: arrays by name with the points on the first axis, or a matrix with a column an input.

    `at` gives the inputs that are the same for all points. `jobs`: how many threads (all cores). `jit`: compile the
    formula, which takes a fraction of a second and needs the extra ``jit``; the last bits may then differ. Raises
    `UsageError`: a name that the formula lacks, missing names, different numbers of points, `jit` without the extra.
    """
    return Batch(f, points, at, jobs=jobs, jit=jit)


def _machine() -> Any:
    """What runs compiled graphs, only loaded where it is asked for."""
    from diffcli.compiled import machine

    machine.compiler()
    return machine


def _full(m: int, n: int) -> tuple[Integers, Integers]:
    """The row and the column of every element of a matrix."""
    rows, columns = np.divmod(np.arange(m * n), max(1, n))
    return rows, columns


def _unsound(parts: Sequence[Array], seen: Extremes = NOTHING_SEEN) -> list[int]:
    """The points at which one of the arrays has a NaN or an infinity."""
    parts = [part for part in parts if not seen.finite(np.moveaxis(part, 0, -1))]
    with np.errstate(all="ignore"):
        if all(math.isfinite(np.add.reduce(part, axis=None)) for part in parts):
            return []  # in a sum neither is lost, and this is the quickest look (BLAS would wake its threads for it)
    sound = np.ones(len(parts[0]) if parts else 0, dtype=bool)
    for part in parts:
        sound &= np.isfinite(part).all(axis=tuple(range(1, part.ndim)))
    found: list[int] = np.flatnonzero(~sound).tolist()
    return found


def _first(array: Array, node: Node, count: int) -> Array:
    """With the batch on the first axis; what does not depend on it is repeated, and a constant is copied."""
    if array.shape != (*node.shape, count) or not array.flags.writeable:
        array = np.array(np.broadcast_to(array, (*node.shape, count)))
    return array if array.ndim == 1 else np.moveaxis(array, -1, 0)


def _number(bound: Bound) -> Node:
    only_output(bound.function)
    (output,) = bound.function.outputs
    if output.shape != ():
        raise UsageError(
            f"a gradient is that of one number, and {bound.function.names[0]} has the shape {output.shape}",
            hint="use jacobian, or reduce it to a number: sum(…), norm(…)",
            code="not-scalar",
        )
    return output


def _names(wrt: Sequence[Node]) -> list[str]:
    return [node.params[0] for node in wrt]


def _labels(names: Sequence[str], nodes: Sequence[Node]) -> tuple[str, ...]:
    return tuple(label for name, node in zip(names, nodes, strict=True) for label in labels(name, node.shape))
