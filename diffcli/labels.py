"""What the elements of a value are called, wherever they appear: in tables, JSON, CSV and Python."""

from __future__ import annotations

from collections.abc import Sequence


def labels(name: str, shape: Sequence[int]) -> list[str]:
    """The elements of an input or output of that shape, row by row: ``r``, ``w[0]``, ``A[1,2]``."""
    indices = [""]
    for length in shape:
        indices = [f"{index},{i}" if index else str(i) for index in indices for i in range(length)]
    return [f"{name}[{index}]" for index in indices] if len(shape) else [name]


def label(name: str, place: Sequence[int]) -> str:
    """One of them."""
    return f"{name}[{','.join(map(str, place))}]" if len(place) else name


def order_mark(k: int) -> str:
    """What follows a function's name in the name of its derivative of order `k`: ``''``, and ``^(4)`` from 4 on."""
    return "'" * k if k < 4 else f"^({k})"
