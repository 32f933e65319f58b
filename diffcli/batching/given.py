"""Points, and what goes with them, as people give them in Python."""

from __future__ import annotations

from collections.abc import Mapping
from operator import index
from typing import Any

from numpy.typing import ArrayLike

from diffcli.bound import Array, Differentiable
from diffcli.doubles import numbers
from diffcli.errors import UsageError


def fixed(at: Any) -> Mapping[str, ArrayLike]:
    """What is the same for all points. Raises `UsageError` unless it is given by name."""
    if at is None or isinstance(at, Mapping):
        return at or {}
    said = "what is the same for all points is given by name"
    raise UsageError(said, hint="write f.batch(points, {'k': 2})", code="point")


def threads(jobs: int) -> int:
    """How many threads there are to be. Raises `UsageError` for what is no number of threads."""
    try:
        count = index(jobs)
    except TypeError:
        count = 0
    if count < 1:
        raise UsageError(f"jobs is {jobs!r}, not a number of threads", hint="write jobs=2, or leave it out: all cores")
    return count


def by_name(f: Differentiable, points: Mapping[str, ArrayLike] | ArrayLike) -> dict[str, Array]:
    """Arrays by name, with the points on the first axis. Raises `UsageError` for what is no array of numbers."""
    fields = getattr(getattr(points, "dtype", None), "names", None)
    if isinstance(points, Mapping) or hasattr(points, "keys"):  # a data frame has keys too
        named = {str(name): points[name] for name in points}  # type: ignore[index,union-attr]
    elif fields:  # a structured array
        named = {name: points[name] for name in fields}  # type: ignore[index]
    else:
        free = [name for name in f.inputs if name not in f.params]
        matrix = numbers(points, "the table of points", "points")
        if matrix.ndim != 2 or matrix.shape[1] != len(free):
            raise UsageError(
                f"points as a matrix need a column for each of {', '.join(free)}; its shape is {matrix.shape}",
                hint="give them by name: {'x': …, 'y': …}",
                code="points",
            )
        named = {name: matrix[:, i] for i, name in enumerate(free)}
    arrays = {}
    for name, value in named.items():
        array = numbers(value, f"the column {name} of the points", "points")
        if not array.ndim:
            raise UsageError(f"the points of {name} are one number, and no array of them", code="points")
        arrays[name] = array
    if not arrays:
        raise UsageError("there are no points", hint="give an array for at least one input", code="points")
    return arrays
