"""Values and derivatives to any number of digits, correctly rounded."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from diffcli.bound import Differentiable, Point, bind
from diffcli.errors import UsageError
from diffcli.labels import labels
from diffcli.precise.allowance import SlowError
from diffcli.precise.arithmetic import require
from diffcli.precise.limits import Exactly
from diffcli.precise.orders import higher

#: How long it may take, in seconds.
SECONDS = 60.0
MOST_DIGITS = 5000
#: From so many digits on, their number is no longer told.
MOST_COUNTED = 10**18
#: Doubles that stand for numbers they cannot hold, here as in the formula meant to be those.
NAMED: dict[float, Callable[[Any], Any]] = {
    math.pi: lambda m: +m.pi,
    math.tau: lambda m: 2 * m.pi,
    math.e: lambda m: +m.e,
}


class Rounded(NamedTuple):
    """Numbers as decimal digits: the outputs' elements by label, and of each its derivatives by the inputs' labels;
    f, f′, f″, …, where an order was asked for. `beyond`: the outputs whose exponents are out of reach, and that are
    therefore said to be infinite or 0; `unknown`: those that are not known, with the reason.
    """

    digits: int
    values: dict[str, str]
    derivatives: dict[str, dict[str, str]]
    orders: list[str] | None = None
    beyond: tuple[str, ...] = ()
    unknown: tuple[tuple[str, str], ...] = ()


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
    exactly.reach_far()
    function = bound.function
    rows = [
        label for name, out in zip(function.names, function.outputs, strict=True) for label in labels(name, out.shape)
    ]
    names = [label for node in bound.wrt for label in labels(str(node.params[0]), node.shape)]
    try:
        found = _digits(exactly, lambda bits: exactly.filled(exactly.values(bits), bits), digits)
        values = dict(zip(rows, found, strict=True))
        beyond = tuple(row for row, text in values.items() if exactly.ar.beyond and text in ("0", "inf", "-inf"))
        reason = _out_of_reach(exactly)
        unknown = tuple((row, reason) for row, text in values.items() if text == "nan" and reason is not None)
        exactly.shorter = max(_steepness(values.values()), exactly.ar.swing)
        columns = [
            _digits(exactly, partial(_slopes, exactly, j, list(values.values())), digits)
            for j in range(len(names) if derivatives else 0)
        ]
        orders = None if order is None else _orders(exactly, order, digits, values[rows[0]], columns[0][0])
    except SlowError:
        raise UsageError(
            f"{digits} digits take more than {seconds:g} seconds here", hint="ask for fewer", code="limit"
        ) from None
    table = [[column[o] for column in columns] for o in range(len(rows))]
    by_row = {row: dict(zip(names, line, strict=True)) for row, line in zip(rows, table, strict=True) if line}
    return Rounded(digits, values, by_row, orders, beyond, unknown)


def _out_of_reach(exactly: Exactly) -> str | None:
    """What makes values unknown, if anything does."""
    if exactly.ar.too_far is not None:
        function, digits = exactly.ar.too_far
        shown = f"{digits:,}" if digits < MOST_COUNTED else "uncountable"
        return f"an argument of {function} has {shown} digits"
    return "a number on the way has an exponent of more than 600 digits" if exactly.ar.beyond else None


def _steepness(values: Iterable[str]) -> int:
    """How much faster than others, as a power of two, functions vary whose exponents are as large as those of
    `values`: like exp(g), whose slope is g′ times itself.
    """
    exponents = [int(text.partition("e")[2]) for text in values if "e" in text]
    return max(map(int.bit_length, exponents), default=0)


def _orders(exactly: Exactly, order: int, digits: int, value: str, slope: str) -> list[str]:
    """f, f′, f″, …: where one does not exist, none after it does."""
    found = [value, slope]
    while len(found) <= order:
        if found[-1] in ("nan", "inf", "-inf"):
            found.append("nan")
        else:
            found += _digits(exactly, partial(_bend, exactly, len(found)), digits)
    return found


def _bend(exactly: Exactly, order: int, bits: int) -> list[Any]:
    """The derivative of that order by the one input."""
    return higher(exactly, 0, order, bits, around=exactly.ar.is_nan(exactly.values()[0]))


def _slopes(exactly: Exactly, j: int, values: Sequence[str], bits: int) -> list[Any]:
    """∂output/∂x_j, from what the outputs are; at the end of a domain a limit, and where the formula itself has no
    value but a limit, the derivative of the function that has it there. What has neither has no derivative, but for
    what it does not change with: there it is 0.
    """
    nan = exactly.ar.is_nan
    smooth = higher(exactly, j, 1, bits)
    if any(map(nan, smooth)):
        around = higher(exactly, j, 1, bits, around=True)
        here = exactly.values()
        smooth = [b if nan(a) and nan(f) else a for a, b, f in zip(smooth, around, here, strict=True)]
    if any(map(nan, smooth)):
        sides = exactly.partial(j)
        smooth = [side.value if nan(x) else x for x, side in zip(smooth, sides, strict=True)]
    known = [exactly.ar.nan if text == "nan" else x for x, text in zip(smooth, values, strict=True)]
    return [x if moves else exactly.ar.m.zero for x, moves in zip(known, exactly.reached[:, j], strict=True)]


def _digits(exactly: Exactly, compute: Callable[[int], list[Any]], digits: int) -> list[str]:
    """The numbers that `compute` gives to so many bits, in decimal: with more bits while the last digit is not sure."""
    bits = int(digits * 3.33) + 24
    while True:
        numbers = compute(bits)
        m = exactly.ar.m
        m.prec = max(2 * bits, 128)
        shown, sure = [], True
        for x in numbers:
            x = x if isinstance(x, bool) else +x  # mpmath does not write down numbers of very many bits
            text = _decimal(m, x, digits)
            if not isinstance(x, bool) and m.isfinite(x) and x:
                off = abs(x) * m.mpf(2) ** (8 - bits)
                sure = sure and _decimal(m, x - off, digits) == text == _decimal(m, x + off, digits)
            shown.append(text)
        if sure or bits > 8 * digits + 2000 or 3 * bits > exactly.most:
            return shown
        bits *= 2


def _decimal(m: Any, x: Any, digits: int) -> str:
    if isinstance(x, bool):
        return str(int(x))
    text: str = m.nstr(x, digits, min_fixed=-5, max_fixed=max(digits, 16), strip_zeros=True)
    return text.removesuffix(".0").replace(".0e", "e").replace("+inf", "inf")
