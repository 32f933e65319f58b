"""What a batch answers: matrices of many points, and what was computed last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffcli.graph import Array

Arrays = dict[str, Array]


@dataclass(frozen=True, slots=True)
class Jacobians:
    """The Jacobian of every point: `matrix` (points, m, n), its labels, and the outputs' values by name."""

    matrix: Array
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: Arrays
    mode: str
    passes: int

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """The matrices, so that NumPy takes the Jacobians as one array."""
        return np.array(self.matrix, dtype=dtype, copy=copy)


@dataclass(frozen=True, slots=True)
class Hessians:
    """The Hessian of every point: `matrix` (points, n, n), the values (points,) and the gradients by name."""

    matrix: Array
    columns: tuple[str, ...]
    value: Array
    gradient: Arrays
    passes: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What was computed last: what was asked, and the arrays of the answer in the order of the command's."""

    what: str
    wrt: Sequence[str] | None
    v: Mapping[str, Array] | None
    arrays: Sequence[Array]
