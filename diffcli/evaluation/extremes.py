"""What a run has seen of long columns of numbers while it had them at hand: their extremes, stretch by stretch.

To read the columns once more takes as long as to compute them, where that is compiled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from diffcli.graph import Array


class Seen(NamedTuple):
    """Some columns' extremes, a row a column and an item a stretch. What is `most` is infinite or NaN where any number
    is; then the others say nothing. `low` and `high` are only known of what was read, and of that `least` is the
    smallest magnitude but for zeros, and 0 if there is none.
    """

    least: Array
    most: Array
    low: Array | None = None
    high: Array | None = None


class Extremes:
    """The extremes that runs have seen, found by where in memory the columns are; of what they read too, unless it is
    `read` for nobody.
    """

    def __init__(self, *, read: bool = True) -> None:
        self.read = read
        #: How many points a stretch has. The last may have fewer, and then a few of the one before, too.
        self.size = 1
        self._count = 0
        self._known: dict[tuple[int, int], Seen] = {}
        #: Memory that is held is nobody else's.
        self._held: list[Array] = []

    def add(self, size: int, arrays: Sequence[Array], seen: Mapping[tuple[int, int], Seen]) -> None:
        """Takes in what was seen of the columns of `arrays`, in stretches of `size` points, by their places."""
        self.size, self._count = size, arrays[0].shape[-1] if arrays else 0
        self._known.update(seen)
        self._held += arrays

    def of(self, array: Array) -> Seen | None:
        """Those of an array with its points on the last axis; None if they are not all known."""
        if not self._known or array.dtype != np.float64 or array.shape[-1] != self._count:
            return None
        found = [self._known.get(place) for place in places(array)]
        known = [each for each in found if each is not None]
        if not known or len(known) < len(found):
            return None
        least, most = np.stack([each.least for each in known]), np.stack([each.most for each in known])
        low = [each.low for each in known if each.low is not None]
        high = [each.high for each in known if each.high is not None]
        return Seen(least, most, np.stack(low), np.stack(high)) if low and high else Seen(least, most)

    def finite(self, array: Array) -> bool:
        """Whether all numbers of an array are known to be finite."""
        seen = self.of(array)
        return seen is not None and bool(np.isfinite(seen.most).all())

    def all_zero(self, array: Array) -> bool:
        """Whether all numbers of an array are known to be 0."""
        seen = self.of(array)
        return seen is not None and not seen.most.any()

    def forget(self, array: Array, rows: Sequence[int]) -> None:
        """Some points of an array have got new values."""
        if self._known and len(rows):
            for place in places(array):
                if place in self._known:
                    self._known[place].most[np.asarray(rows) // self.size] = np.nan


#: Of what was not computed by anything that watches.
NOTHING_SEEN = Extremes()


def places(array: Array) -> list[tuple[int, int]]:
    """Where the points of every element of an array begin in memory, and how far they lie apart in bytes."""
    first = array.__array_interface__["data"][0]
    if array.ndim == 1:
        return [(first, array.strides[0])]
    offsets = sum(np.ix_(*map(np.multiply, map(np.arange, array.shape[:-1]), array.strides[:-1])))
    return [(place, array.strides[-1]) for place in (first + np.ravel(offsets)).tolist()]
