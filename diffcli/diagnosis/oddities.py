"""What is odd about points that need a closer look, as a number: those that are odd in the same way have the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from diffcli.diagnosis.derived import Derived
from diffcli.diagnosis.extended import taken
from diffcli.diagnosis.intervals import INF
from diffcli.evaluation import Plan
from diffcli.graph import Node

Array: TypeAlias = NDArray[Any]

#: Points whose numbers on the way are kept together.
TOGETHER = 1 << 14


class Oddities:
    """Tells points apart that are odd in different ways: by all flags, and by all numbers on the way."""

    def __init__(self, derived: Derived) -> None:
        self._derived = derived
        self._flags: list[Node] = []
        self._plan: Plan | None = None

    def flag(self, flags: list[Node]) -> None:
        """What flags points by: kinks, and what is not finite."""
        if flags != self._flags:
            self._flags, self._plan = flags, None

    def signatures(
        self, at: Mapping[Node, Array], answers: Sequence[Array], rows: Array, bounds: Array, hanging: Array
    ) -> Array:
        """What is odd about some `rows` of the points `at` and of the `answers`, whose error bounds are too large by
        `bounds`, or where rounding may have decided something (`hanging`).
        """
        numbers = np.zeros(len(rows), dtype=np.uint64)
        for start in range(0, len(rows), TOGETHER):
            part = slice(start, start + TOGETHER)
            numbers[part] = self._of(at, answers, rows[part], bounds[part], hanging[part])
        return numbers

    def _of(
        self, at: Mapping[Node, Array], answers: Sequence[Array], rows: Array, bounds: Array, hanging: Array
    ) -> Array:
        signatures = _Signatures(len(rows))
        signatures.add(hanging)
        for column in bounds.T:
            signatures.add(column > 0.0)
            signatures.add(np.isinf(column))
        some = taken(at, rows)
        for value in some.values():
            signatures.add(_kinds(value))
        for answer in answers:
            columns = np.moveaxis(answer[rows], 0, -1)
            for column in columns.reshape(-1, len(rows)):
                signatures.add(_kinds(column))
        # The reason is what first was no number; and whether a kink matters, what is multiplied by 0.
        for value in self._every().run(some):
            signatures.add(value if value.dtype == bool else _kinds(value) | _zeros(value))
        return signatures.numbers

    def _every(self) -> Plan:
        """All flags, and all numbers on the way."""
        if self._plan is None:
            derived = self._derived
            nodes = [
                node for node in derived.order
                if (node in derived.primal or not derived.seeds) and not node.constant and not node.boolean
            ]  # fmt: skip
            self._plan = Plan([*self._flags, *nodes])
        return self._plan


def _kinds(value: Array) -> Array:
    """For every point: 0 if all its numbers are finite, else bits: 1 NaN, 2 and 4 the infinities."""
    axes = tuple(range(value.ndim - 1))
    if np.isfinite(value).all():
        return np.zeros(value.shape[-1:], dtype=np.uint8)
    found = np.isnan(value) + np.uint8(2) * (value == INF) + np.uint8(4) * (value == -INF)
    return np.asarray(np.bitwise_or.reduce(found, axis=axes) if axes else found)


class _Signatures:
    """A number for each of some points that is the same for those with the same marks (nearly surely no others)."""

    def __init__(self, count: int) -> None:
        self.numbers = np.zeros(count, dtype=np.uint64)
        self._key = 0

    def add(self, mark: Array | int) -> None:
        """Takes in one more mark, a number or a number a point."""
        self._key = (self._key + 0x9E3779B97F4A7C15) % (1 << 64)  # as in Steele, Lea and Flood's SplitMix
        if np.any(mark):
            mixed = (self._key ^ (self._key >> 30)) * 0xBF58476D1CE4E5B9 % (1 << 64)
            self.numbers += np.asarray(mark).astype(np.uint64) * np.uint64(mixed | 1)


def _zeros(value: Array) -> Array:
    """For every point 8 if any of its numbers is 0, and 16 if all are."""
    axes = tuple(range(value.ndim - 1))
    zero = value == 0.0
    if not zero.any():
        return np.zeros(value.shape[-1:], dtype=np.uint8)
    return np.asarray(np.uint8(8) * zero.any(axis=axes) + np.uint8(16) * zero.all(axis=axes))
