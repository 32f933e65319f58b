"""Flags at many points: whether something is so at each of them, compiled where there are enough points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from diffcli.evaluation import Plan
from diffcli.evaluation.extremes import Extremes
from diffcli.graph import TABLE, Node

Array: TypeAlias = NDArray[Any]

#: From so many points on, all runs together, what compiling takes is less than what it saves, whatever the graph.
WORTH_COMPILING = 1 << 18
_NONE = np.zeros(1, dtype=bool)


class Flags:
    """Some flags, each one a point; what a bound leaves room for, so that no function need be right to the last bit."""

    def __init__(self, flags: Sequence[Node]) -> None:
        self._flags = list(flags)
        self._plan = Plan(flags)
        self._compiled: Plan | None = None
        self._points = 0

    def run(self, at: Mapping[Node, Array], jobs: int = 1) -> list[Array]:
        """The flags, of one point if they are the same at all."""
        self._points += max((value.shape[-1] for value in at.values()), default=1)
        if self._points >= WORTH_COMPILING and find_spec("llvmlite") is not None:
            from diffcli.compiled import machine

            if self._compiled is None:  # whose results are numbers
                self._compiled = Plan([TABLE["where"](flag, 1.0, 0.0) for flag in self._flags])
            if machine.why_not(self._compiled) is None:
                extremes = Extremes(read=False)
                found = machine.run(self._compiled, at, jobs, extremes=extremes)
                return [_NONE if extremes.all_zero(each) else each != 0.0 for each in found]
        return self._plan.run(at, jobs)
