"""A graph on a line through a point: what it does where several inputs move at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffcli.graph import Node
from diffcli.precise.limits import Exactly


class Along(Exactly):
    """The outputs as functions of one number t, where the inputs are at `at` + t·`line`; `partial(0)` has their
    derivatives by t. `line` maps inputs to arrays of their shape, of finite numbers that are not all 0.
    """

    def __init__(
        self,
        outputs: Sequence[Node],
        at: Mapping[Node, NDArray[np.float64]],
        line: Mapping[Node, NDArray[np.float64]],
        *,
        seconds: float = 2.0,
    ) -> None:
        super().__init__(outputs, at, [*line], seconds=seconds)
        paces = np.concatenate([np.ravel(line[node]) for node in line])
        self._moving = moving = [j for j, pace in enumerate(paces) if pace]
        self._paces = {self.directions[j]: float(paces[j]) for j in moving}
        self._scale = min(Exactly.scale(self, j) - int(np.frexp(paces[j])[1]) for j in moving)
        # Steps are those of an input at 0, if there is one: they are the shorter ones. The others may have to be moved
        # off a singularity.
        lead = min(moving, key=lambda j: abs(self.coordinate(j)))
        self.directions.insert(0, self.directions.pop(lead))

    @cached_property
    def reached(self) -> NDArray[np.bool_]:
        """Whether an output element changes along the line at all, in the first column."""
        moves: NDArray[np.bool_] = super().reached[:, self._moving]
        return np.logical_or.reduce(moves, axis=1, keepdims=True)

    def scale(self, j: int) -> int:
        """Log₂ of what steps of t are measured by."""
        return self._scale - self.shorter

    def moved(self, precision: int, steps: Mapping[int, Any], infinite: Any = None) -> list[Any]:
        """The outputs at one precision, a step of t away from the point, and the other inputs by so much more."""
        if not any(steps.values()) and infinite is None:
            return super().moved(precision, steps)
        shifts = {self.directions[j]: step for j, step in steps.items() if j}
        for place, pace in self._paces.items():
            shifts[place] = shifts.get(place, 0) + self.ar.m.mpf(pace) * steps.get(0, 0)
        return self._run(precision, shifts, infinite)
