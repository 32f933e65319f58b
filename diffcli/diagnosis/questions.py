"""What a command computes at a point, and whether that needs a closer look.

Loaded at every start: what looks closely (`findings`) is not, and ordinary points never need it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffcli.bound import Bound
from diffcli.diagnosis.passes import Derived, Passes, forward, reverse
from diffcli.graph import Function, Node


class Question:
    """What a command computes at a point, as passes over a graph: one for each row of the answer, or one for all."""

    def __init__(self, bound: Bound, what: str) -> None:
        self.what = what
        self.bound = bound
        self.function = bound.function
        self.wrt = bound.wrt
        self.at = {node: value[..., 0] for node, value in bound.at.items()}
        self.passes: list[Passes] = []

    def suspicious(self) -> bool:
        """Whether any of the numbers, or a number on the way, needs a closer look."""
        if any(not np.isfinite(value).all() for value in self.at.values()):
            return True
        return any(passes.suspicious() for passes in self.passes)


def _eval(bound: Bound, v: Any) -> Question:
    question = Question(bound, "eval")
    question.passes = [Passes(bound.function, Derived(()), question.at)]
    return question


def _one_hots(function: Function) -> list[list[NDArray[Any]]]:
    rows = []
    for i, output in enumerate(function.outputs):
        for k in range(output.size):
            seeds = [np.zeros(each.shape) for each in function.outputs]
            seeds[i] = np.zeros(output.shape)
            seeds[i].flat[k] = 1.0
            rows.append(seeds)
    return rows


def _rows(what: str) -> Callable[[Bound, Any], Question]:
    def ask(bound: Bound, v: Any) -> Question:
        question = Question(bound, what)
        derived = bound.once("diagnosis: reverse", lambda: reverse(bound.function, bound.wrt))
        question.passes = [Passes(bound.function, derived, question.at, seeds) for seeds in _one_hots(bound.function)]
        return question

    return ask


def _given(seeds: Sequence[Node], names: Sequence[str], v: Mapping[str, ArrayLike]) -> list[NDArray[Any]]:
    return [
        np.broadcast_to(np.asarray(v.get(name, 0.0), dtype=np.float64), seed.shape)
        for seed, name in zip(seeds, names, strict=True)
    ]


def _vjp(bound: Bound, v: Mapping[str, ArrayLike]) -> Question:
    question = Question(bound, "vjp")
    derived = bound.once("diagnosis: reverse", lambda: reverse(bound.function, bound.wrt))
    seeds = _given(derived.seeds, bound.function.names, v)
    question.passes = [Passes(bound.function, derived, question.at, seeds)]
    return question


def _jvp(bound: Bound, v: Mapping[str, ArrayLike]) -> Question:
    question = Question(bound, "jvp")
    derived = bound.once("diagnosis: forward", lambda: forward(bound.function, bound.wrt))
    seeds = _given(derived.seeds, [node.params[0] for node in bound.wrt], v)
    question.passes = [Passes(bound.function, derived, question.at, seeds)]
    return question


def _gradient_function(function: Function, wrt: Sequence[Node]) -> tuple[Function, Derived]:
    """The gradient as a function of the same inputs, and the derivative rules its nodes come from."""
    derived = reverse(function, wrt)
    return Function(function.inputs, (*function.outputs, *derived.nodes), (*function.names, *map(str, wrt))), derived


def _hessian(bound: Bound, v: Any) -> Question:
    question = Question(bound, "hessian")

    def make() -> tuple[Function, Derived, Derived]:
        gradient, first = _gradient_function(bound.function, bound.wrt)
        second = reverse(Function(bound.function.inputs, first.nodes, tuple(map(str, bound.wrt))), bound.wrt)
        owners = dict(first.owners)
        for node, owner in second.owners.items():
            owners.setdefault(node, first.owners.get(owner, owner))
        return gradient, first, Derived(second.nodes, (*first.seeds, *second.seeds), owners)

    gradient, first, second = bound.once("diagnosis: hessian", make)
    one = [np.ones(output.shape) for output in bound.function.outputs]
    rows = _one_hots(Function(gradient.inputs, first.nodes, ("",) * len(first.nodes)))
    question.passes = [Passes(gradient, second, question.at, [*one, *row]) for row in rows]
    return question


#: By what is asked; each takes the function at its point and the cotangent or the tangent.
QUESTIONS: dict[str, Callable[[Bound, Any], Question]] = {
    "eval": _eval,
    "grad": _rows("grad"),
    "jacobian": _rows("jacobian"),
    "vjp": _vjp,
    "jvp": _jvp,
    "hessian": _hessian,
}
