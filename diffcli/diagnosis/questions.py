"""What a command computes at a point, and whether that needs a closer look.

Loaded at every start: what looks closely (`findings`) is not, and ordinary points never need it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffcli.bound import Bound
from diffcli.diagnosis.derived import Derived, forward, gradient, reverse, second
from diffcli.diagnosis.passes import Passes
from diffcli.graph import Node

#: How many seeds of a batch are looked at closely, and how many numbers are looked at in the first place.
LOOKED_AT = 16
MOST_NUMBERS = 1 << 22


class Question:
    """What a command computes at a point, as passes over a graph; a seed of the batch for each row of its answer."""

    def __init__(self, bound: Bound, what: str, derived: Derived, seeds: Sequence[NDArray[Any]] = ()) -> None:
        self.what = what
        self.bound = bound
        self.function = bound.function
        self.wrt = bound.wrt
        self.at = {node: value[..., 0] for node, value in bound.at.items()}
        self.all = Passes(derived, bound.at, seeds)
        #: The seeds that need a closer look, once `suspicious` has been asked.
        self.seeds: list[int] = []

    def suspicious(self) -> bool:
        """Whether any of the numbers, or a number on the way, needs a closer look."""
        self.seeds = self.all.suspicious()
        if any(not np.isfinite(value).all() for value in self.at.values()):
            self.seeds = self.seeds or [0]
        return bool(self.seeds)

    @property
    def passes(self) -> dict[int, Passes]:
        """The passes that need a closer look, by seed."""
        return {b: self.all.column(b) for b in self.seeds[:LOOKED_AT]}


def _eval(bound: Bound, v: Any) -> Question:
    return Question(bound, "eval", bound.once("diagnosis: eval", lambda: Derived(bound.function)))


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


def _grad(bound: Bound, v: Any) -> Question:
    (output,) = bound.function.outputs
    if output.shape:  # of one element: an optimiser's
        return _rows(bound, v, "grad")
    derived = bound.once("diagnosis: gradient", lambda: gradient(bound))
    return _eval(bound, v) if _too_large(derived, 1) else Question(bound, "grad", derived)


def _rows(bound: Bound, v: Any, what: str = "jacobian") -> Question:
    derived = bound.once("diagnosis: reverse", lambda: reverse(bound))
    outputs = bound.function.outputs
    if _too_large(derived, sum(node.size for node in outputs)):
        return _eval(bound, v)
    return Question(bound, what, derived, _one_hots(outputs))


def _given(seeds: Sequence[Node], names: Sequence[str], v: Mapping[str, ArrayLike]) -> list[NDArray[Any]]:
    return [
        np.broadcast_to(np.asarray(v.get(name, 0.0), dtype=np.float64), seed.shape)[..., np.newaxis]
        for seed, name in zip(seeds, names, strict=True)
    ]


def _vjp(bound: Bound, v: Mapping[str, ArrayLike]) -> Question:
    derived = bound.once("diagnosis: reverse", lambda: reverse(bound))
    return Question(bound, "vjp", derived, _given(derived.seeds, bound.function.names, v))


def _jvp(bound: Bound, v: Mapping[str, ArrayLike]) -> Question:
    derived = bound.once("diagnosis: forward", lambda: forward(bound))
    return Question(bound, "jvp", derived, _given(derived.seeds, [node.params[0] for node in bound.wrt], v))


def _hessian(bound: Bound, v: Any) -> Question:
    if not bound.wrt:
        return _eval(bound, v)
    derived = bound.once("diagnosis: hessian", lambda: second(bound))
    if _too_large(derived, sum(node.size for node in bound.wrt)):
        return _eval(bound, v)
    return Question(bound, "hessian", derived, _one_hots(bound.wrt))


#: By what is asked; each takes the function at its point and the cotangent or the tangent.
QUESTIONS: dict[str, Callable[[Bound, Any], Question]] = {
    "eval": _eval,
    "grad": _grad,
    "jacobian": _rows,
    "vjp": _vjp,
    "jvp": _jvp,
    "hessian": _hessian,
}
