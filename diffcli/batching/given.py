"""Points, and what goes with them, as people give them in Python."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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


def _columns(points: Any) -> Iterable[Any] | None:
    """The names of the columns of a structured array, of a table of pyarrow's, or of a data frame."""
    found: Iterable[Any] | None = getattr(getattr(points, "dtype", None), "names", None)
    for attribute in ("column_names", "columns"):
        found = getattr(points, attribute, None) if found is None else found
    return found


def by_name(f: Differentiable, points: Mapping[str, ArrayLike] | ArrayLike) -> dict[str, Array]:
    """Arrays by name, with the points on the first axis. Raises `UsageError` for what is no array of numbers."""
    arrays = {}
    for name, value in _named(f, points).items():
        array = numbers(value, f"the column {name} of the points", "points")
        if not array.ndim:
            hint = f"what is the same for all points is given apart: f.batch(points, {{{name!r}: …}})"
            raise UsageError(f"the points of {name} are one number, and no array of them", hint=hint, code="points")
        arrays[name] = array
    if not arrays:
        raise UsageError("there are no points", hint="give an array for at least one input", code="points")
    return arrays


def _named(f: Differentiable, points: Any) -> Mapping[str, Any]:
    """What has names of its own by these, and the columns of a matrix by those of the inputs.

    A mapping is made for the formula, and so has its inputs' names alone; of a table the columns count that are inputs.
    """
    columns = None if isinstance(points, Mapping) else _columns(points)
    if columns is not None:
        return {name: points[name] for name in columns if isinstance(name, str) and name in f.names}
    if isinstance(points, Mapping) or hasattr(points, "keys"):
        return {str(name): points[name] for name in points}
    free = [name for name in f.inputs if name not in f.params]
    matrix = numbers(points, "the table of points", "points")
    if matrix.ndim != 2 or matrix.shape[1] != len(free):
        raise UsageError(
            f"points as a matrix need a column for each of {', '.join(free)}; its shape is {matrix.shape}",
            hint="give them by name: {'x': …, 'y': …}",
            code="points",
        )
    return {name: matrix[:, i] for i, name in enumerate(free)}
