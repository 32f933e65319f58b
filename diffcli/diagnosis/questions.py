"""What a command computes at a point, and whether that needs a closer look.

Loaded at every start: what looks closely (`findings`) is not, and ordinary points never need it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffcli.bound import Bound, cotangents, tangents
from diffcli.calculus import gradient_plan
from diffcli.diagnosis.derived import Derived, forward, gradient, reverse, second
from diffcli.diagnosis.passes import CROWD, Passes, trust
from diffcli.evaluation import Plan
from diffcli.graph import INPUT, Node

#: From so many numbers on, the ranges of arrays are looked at before the arrays.
LARGE = 1 << 12
#: How many seeds of a batch are looked at closely, and how many numbers are looked at in the first place.
LOOKED_AT = 16
MOST_NUMBERS = 1 << 22


class Asked(NamedTuple):
    """What a command computes, whatever the point: the graph of its answer, and the seeds of its rows or columns, side
    by side on the batch axis.
    """

    what: str
    derived: Derived
    seeds: Sequence[NDArray[Any]] = ()
    by_columns: bool = False

    @property
    def rows(self) -> int:
        """How many seeds there are."""
        return max([seed.shape[-1] for seed in self.seeds], default=1)

    def row(self, k: int) -> list[NDArray[Any]]:
        """The k-th seed alone."""
        return [seed if seed.shape[-1] == 1 else seed[..., k : k + 1] for seed in self.seeds]


def ordinary(bound: Bound, asked: Asked) -> bool:
    """Whether the ranges of large arrays already say that there is nothing to look at, so that no number on the way
    need be kept. (False: they do not say so.)
    """
    derived = asked.derived
    large = derived.size >= max(LARGE, 8 * len(derived.order))
    sited = (derived.nodes and derived.sited) or derived.decisions
    if asked.what not in ("eval", "grad") or not large or sited:
        return False
    from diffcli.diagnosis.ranges import of_values, ranges  # no single number needs them

    box = {}
    for node, value in bound.at.items():
        box[node], finite = of_values(value)
        if not finite:
            return False
    found = ranges(derived.order, box, derived.primal)
    if any(known.ends for node, known in found.items() if node in derived.primal and node.op is not INPUT):
        return False
    plan = bound.once("values", lambda: Plan(bound.function.outputs))
    if asked.what == "grad":
        plan = bound.once("gradient", lambda: gradient_plan(bound.function.outputs[0], bound.wrt))
    trusted = trust(derived)
    largest = 0.0
    results = list(zip([*bound.function.outputs, *derived.nodes], plan.run(bound.at), strict=True))
    for node, value in results:
        if not np.isfinite(value).all():
            return False
        if node in derived.slopes:
            largest = max(largest, float(np.abs(value).max(initial=0.0)))
    crowd = sum(node.size for node in derived.slopes) >= CROWD
    for node, value in results:
        known = found.get(node)
        if known is None or (crowd and node in derived.slopes and known.error <= 64 * largest):
            continue
        if (np.abs(value) <= known.threshold(trusted)).any():
            return False
    return True


class Question:
    """What a command computes at a point, as passes over a graph; a seed of the batch for each row of its answer."""

    def __init__(self, bound: Bound, asked: Asked) -> None:
        self.what = asked.what
        self.bound = bound
        self.function = bound.function
        self.wrt = bound.wrt
        self.at = {node: value[..., 0] for node, value in bound.at.items()}
        self._asked = asked
        self.by_columns = asked.by_columns
        #: How many rows the answer has: where no derivative depends on the seeds, one pass stands for them all.
        self._rows = asked.rows
        #: What exact numbers have cost so far, in reckoned seconds (`diffcli.precise.allowance`).
        self.spent = 0.0
        #: The seeds that need a closer look, once `suspicious` has been asked.
        self.seeds: list[int] = []

    @cached_property
    def all(self) -> Passes:
        """Both passes, for all seeds."""
        return Passes(self._asked.derived, self.bound.at, self._asked.seeds)

    @property
    def vector(self) -> Sequence[NDArray[Any]]:
        """The cotangent or the tangent that was asked about; for whole matrices, that of every row."""
        return self._asked.seeds

    @property
    def named_vector(self) -> dict[str, NDArray[Any]] | None:
        """The cotangent or the tangent as `ask` takes it; None where none is asked about."""
        if self.what not in ("vjp", "jvp", "hvp"):
            return None
        names = self.function.names if self.what == "vjp" else [str(node.params[0]) for node in self.wrt]
        return {name: part[..., 0] for name, part in zip(names, self.vector, strict=True)}

    def suspicious(self) -> bool:
        """Whether any of the numbers, or a number on the way, needs a closer look."""
        if ordinary(self.bound, self._asked):
            return False
        self.seeds = self.all.suspicious()
        if not self.seeds and not all(map(_finite, self.at.values())):
            self.seeds = [0]
        if self.seeds and self.all.batch == 1:
            self.seeds = list(range(self._rows))
        return bool(self.seeds)

    @property
    def passes(self) -> dict[int, Passes]:
        """The passes that need a closer look, by seed."""
        return {b: self.all.column(b) for b in self.seeds[:LOOKED_AT]}


def _finite(value: NDArray[Any]) -> bool:
    return math.isfinite(value) if value.ndim == 0 else bool(np.isfinite(value).all())


def ask(bound: Bound, what: str, v: Any = None) -> Question:
    """What a command answers at a point: ``eval``, ``grad``, ``jacobian``, ``vjp`` (with the cotangent `v`), ``jvp``
    (with the tangent `v`), ``hessian`` or ``hvp`` (with the tangent `v`).
    """
    return Question(bound, asked(bound, what, v))


def asked(bound: Bound, what: str, v: Any = None) -> Asked:
    """The same for whatever point. Where it would take too many numbers, the values alone are seen to."""
    return _ASKED[what](bound, v)


def matrix(question: Question) -> NDArray[Any] | None:
    """The matrix that the command gives, or as one row the vector, found anew as where a number is not finite."""
    from diffcli.calculus import looking_pass
    from diffcli.matrices import hessian_of, jacobian_of, second_passes
    from diffcli.sweeps import stacked

    if question.what == "hessian":
        return hessian_of(question.bound, sparse=False).__array__()
    if question.what == "jacobian":
        return jacobian_of(question.bound, "auto", sparse=False).__array__()
    if question.what == "hvp":
        passes = second_passes(question.bound, looking=True)
        seeds = dict(zip(passes.seeds, question.vector, strict=True))
        found = passes.sweep.run({**passes.start(question.bound.at)[1], **seeds})
        return stacked(question.wrt, found, 1).T
    if question.what in ("grad", "vjp"):
        bars = looking_pass(question.bound, list(question.vector) or [np.ones(1)])
        return stacked(question.wrt, bars, bars[0].shape[-1]).T
    return None


def _eval(bound: Bound, v: Any) -> Asked:
    return Asked("eval", bound.once("diagnosis: eval", lambda: Derived(bound.function)))


def _one_hots(nodes: Sequence[Node]) -> list[NDArray[Any]]:
    """Every one-hot cotangent of `nodes`, on the batch axis."""
    count = sum(node.size for node in nodes)
    eye = np.eye(count)
    seeds, start = [], 0
    for node in nodes:
        seeds.append(eye[start : start + node.size].reshape((*node.shape, count)))
        start += node.size
    return seeds


def _too_large(derived: Derived, seeds: int) -> bool:
    """Whether both passes for all seeds would hold more numbers than is worth it, or there are none to hold: then the
    values alone are seen to.
    """
    return not seeds or seeds * derived.size > MOST_NUMBERS


def _grad(bound: Bound, v: Any) -> Asked:
    (output,) = bound.function.outputs
    if output.shape:  # of one element: an optimiser's
        return _rows(bound, v, "grad")
    derived = bound.once("diagnosis: gradient", lambda: gradient(bound))
    return _eval(bound, v) if _too_large(derived, 1) else Asked("grad", derived)


def _jacobian(bound: Bound, v: Any) -> Asked:
    """In the direction that `jacobian` takes: the other one may round otherwise, or not be finite."""
    from diffcli.matrices import way_of  # with all that colours a matrix, which most commands do not need

    if not bound.wrt or not way_of(bound, "auto").forward:
        return _rows(bound, v)
    derived = bound.once("diagnosis: forward", lambda: forward(bound))
    if _too_large(derived, sum(node.size for node in bound.wrt)):
        return _eval(bound, v)
    return Asked("jacobian", derived, _one_hots(bound.wrt), by_columns=True)


def _rows(bound: Bound, v: Any, what: str = "jacobian") -> Asked:
    derived = bound.once("diagnosis: reverse", lambda: reverse(bound))
    outputs = bound.function.outputs
    if _too_large(derived, sum(node.size for node in outputs)):
        return _eval(bound, v)
    return Asked(what, derived, _one_hots(outputs))


def _vjp(bound: Bound, v: Mapping[str, ArrayLike]) -> Asked:
    derived = bound.once("diagnosis: reverse", lambda: reverse(bound))
    given, outputs = cotangents(bound.function, v), bound.function.outputs
    return Asked("vjp", derived, [given.get(i, np.zeros((*node.shape, 1))) for i, node in enumerate(outputs)])


def _moving(bound: Bound, u: Mapping[str, ArrayLike]) -> list[NDArray[Any]]:
    """A tangent of every input; those left out do not move."""
    given = tangents(bound.wrt, u)
    return [given.get(node, np.zeros((*node.shape, 1))) for node in bound.wrt]


def _jvp(bound: Bound, v: Mapping[str, ArrayLike]) -> Asked:
    derived = bound.once("diagnosis: forward", lambda: forward(bound))
    return Asked("jvp", derived, _moving(bound, v))


def _hessian(bound: Bound, v: Any) -> Asked:
    if not bound.wrt:
        return _eval(bound, v)
    derived = bound.once("diagnosis: hessian", lambda: second(bound))
    if _too_large(derived, sum(node.size for node in bound.wrt)):
        return _eval(bound, v)
    return Asked("hessian", derived, _one_hots(bound.wrt))


def _hvp(bound: Bound, v: Mapping[str, ArrayLike]) -> Asked:
    derived = bound.once("diagnosis: hessian", lambda: second(bound))
    if _too_large(derived, 1):
        return _eval(bound, v)
    return Asked("hvp", derived, _moving(bound, v))


#: By what is asked; each takes the function at its point and the cotangent or the tangent.
_ASKED: dict[str, Callable[[Bound, Any], Asked]] = {
    "eval": _eval,
    "grad": _grad,
    "jacobian": _jacobian,
    "vjp": _vjp,
    "jvp": _jvp,
    "hessian": _hessian,
    "hvp": _hvp,
}
