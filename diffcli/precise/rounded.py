"""Values and derivatives to any number of digits, correctly rounded."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from diffcli.bound import Differentiable, Point, bind
from diffcli.errors import UsageError
from diffcli.labels import labels
from diffcli.precise.arithmetic import SlowError, require
from diffcli.precise.limits import MOST, Exactly
from diffcli.precise.orders import higher

#: How long it may take, in seconds.
SECONDS = 60.0
MOST_DIGITS = 5000
#: Doubles that stand for numbers they cannot hold, here as in the formula meant to be those.
NAMED: dict[float, Callable[[Any], Any]] = {
    math.pi: lambda m: +m.pi,
    math.tau: lambda m: 2 * m.pi,
    math.e: lambda m: +m.e,
}


class Rounded(NamedTuple):
    """Numbers as decimal digits: the outputs' elements by label, and of each its derivatives by the inputs' labels;
    f, f′, f″, …, where an order was asked for.
    """

    digits: int
    values: dict[str, str]
    derivatives: dict[str, dict[str, str]]
    orders: list[str] | None = None


def rounded(
    f: Differentiable,
    at: Point | ArrayLike,
    digits: int,
    *,
    wrt: Sequence[str] | None = None,
    derivatives: bool = True,
    order: int | None = None,
    seconds: float = SECONDS,
) -> Rounded:
    """The outputs of f at a point, and its Jacobian, to `digits` significant digits; of one number by one number, the
    derivatives up to that `order` too.

    Inputs and literals are the doubles that they are read as; pi, tau and e are the numbers themselves. Where there is
    no derivative, or none that arbitrary precision finds, it is ``nan``. Raises `UsageError` without mpmath, for too
    many digits, and when it takes too long.
    """
    require()
    if digits > MOST_DIGITS:
        raise UsageError(f"--digits {digits} is more than the {MOST_DIGITS} that are computed", code="usage")
    bound = bind(f, at, wrt)
    point = {node: value[..., 0] for node, value in bound.at.items()}
    if any(np.isnan(value).any() for value in point.values()):
        raise UsageError("arbitrary precision needs a point of numbers, and this one has a NaN", code="point")
    exactly = Exactly(bound.function.outputs, point, bound.wrt, seconds=seconds, exactly=NAMED)
    function = bound.function
    rows = [
        label for name, out in zip(function.names, function.outputs, strict=True) for label in labels(name, out.shape)
    ]
    names = [label for node in bound.wrt for label in labels(str(node.params[0]), node.shape)]
    try:
        values = dict(zip(rows, _digits(exactly, exactly.values, digits), strict=True))
        columns = [
            _digits(exactly, partial(_slopes, exactly, j), digits) for j in range(len(names) if derivatives else 0)
        ]
        orders = None if order is None else _orders(exactly, order, digits, values[rows[0]], columns[0][0])
    except SlowError:
        raise UsageError(
            f"{digits} digits take more than {seconds:g} seconds here", hint="ask for fewer", code="limit"
        ) from None
    table = [[column[o] for column in columns] for o in range(len(rows))]
    by_row = {row: dict(zip(names, line, strict=True)) for row, line in zip(rows, table, strict=True) if line}
    return Rounded(digits, values, by_row, orders)


def _orders(exactly: Exactly, order: int, digits: int, value: str, slope: str) -> list[str]:
    """f, f′, f″, …: where one does not exist, none after it does."""
    found = [value, slope]
    while len(found) <= order:
        if found[-1] in ("nan", "inf", "-inf"):
            found.append("nan")
        else:
            found += _digits(exactly, partial(higher, exactly, 0, len(found)), digits)
    return found


def _slopes(exactly: Exactly, j: int, bits: int) -> list[Any]:
    """∂output/∂x_j; at the end of a domain, and where the formula itself has no value, a limit."""
    smooth = higher(exactly, j, 1, bits)
    if any(exactly.ar.is_nan(x) for x in smooth):
        sides = exactly.partial(j)
        return [side.value if exactly.ar.is_nan(x) else x for x, side in zip(smooth, sides, strict=True)]
    return smooth


def _digits(exactly: Exactly, compute: Callable[[int], list[Any]], digits: int) -> list[str]:
    """The numbers that `compute` gives to so many bits, in decimal: with more bits while the last digit is not sure."""
    bits = int(digits * 3.33) + 24
    while True:
        numbers = compute(bits)
        m = exactly.ar.m
        m.prec = max(2 * bits, 128)
        shown, sure = [], True
        for x in numbers:
            text = _decimal(m, x, digits)
            if not isinstance(x, bool) and m.isfinite(x) and x:
                off = abs(x) * m.mpf(2) ** (8 - bits)
                sure = sure and _decimal(m, x - off, digits) == text == _decimal(m, x + off, digits)
            shown.append(text)
        if sure or bits > 8 * digits + 2000 or 3 * bits > MOST:
            return shown
        bits *= 2


def _decimal(m: Any, x: Any, digits: int) -> str:
    if isinstance(x, bool):
        return str(int(x))
    text: str = m.nstr(x, digits, min_fixed=-5, max_fixed=max(digits, 16), strip_zeros=True)
    return text.removesuffix(".0").replace("+inf", "inf")
