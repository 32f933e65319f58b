"""Ways that lead to a point: along each input, along slanting lines, and along curves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, permutations

#: How far each input moves, by its number, at the parameter s > 0: Σ c·sᵖ, as pairs (c, p).
Way = Mapping[int, Sequence[tuple[float, float]]]
#: Curves are tried for so many pairs of inputs.
PAIRS = 6


def lines(count: int) -> Iterator[Way]:
    """Along every input, and where there are several along two slanting lines."""
    for j in range(count):
        yield {j: [(1.0, 1)]}
    if count > 1:
        yield {j: [((j + 2) / (j + 3), 1)] for j in range(count)}
        yield {j: [((-1) ** j * (j + 4) / (j + 3), 1)] for j in range(count)}


def curves(count: int) -> Iterator[Way]:
    """Ways that touch an axis or a diagonal: x²·y/(x⁴ + y²) goes to 0 along every line through 0, and along y = x² it
    does not; x³/(x − y) does not where y nears x faster than x nears 0.
    """
    for i, j in islice(permutations(range(count), 2), PAIRS):
        for power in (2, 3):
            yield {i: [(1.0, 1)], j: [(0.75, power)]}
        if i < j:
            for slope in (1.0, -1.0):
                yield {i: [(1.0, 1)], j: [(slope, 1), (0.75, 3)]}
