"""Derivatives of any order by one number, in arbitrary precision."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb
from typing import Any, NamedTuple

from diffcli.precise.limits import Exactly, Partial

#: How much shorter the second step is, which must tell the same as the first; as a power of two.
SHORTER = 64
#: With so many bits to spare, a difference that is not seen is none: doubles differ by up to 2^2100.
SPARE = 2400


class _Sides(NamedTuple):
    """The mean of the difference quotients from both sides, and how far these are apart."""

    mean: Any
    apart: Any


def higher(exactly: Exactly, j: int, order: int, bits: int, *, around: bool = False) -> list[Any]:
    """The derivative of that order of every output in direction j, to so many `bits`; NaN where there is none.

    It is the mean of the differences from both sides, whose error is of second order in the step. They must come
    together as the step shrinks: at a kink of the derivative before this one they do not. `around`: the point itself,
    where the formula has no value but a limit, is left out.
    """
    m = exactly.ar.m
    places = [i + 0.5 for i in range(-order - 1, order + 1)] if around else list(range(-order, order + 1))
    steps = (-(bits + 40), -(bits + 40 + SHORTER))
    least = bits + 64 - (order + 1) * (steps[1] + min(0, exactly.scale(j)))

    def derivative(precision: int) -> list[Any]:
        found = []
        for step in steps:
            m.prec = precision
            h = m.mpf(2) ** (exactly.scale(j) + step)
            rows = [exactly.moved(precision, {j: i * h}) for i in places]
            columns = zip(*rows, strict=True)
            enough = min(least + SPARE, exactly.most)
            found.append([_sides(exactly, column, order, h**order, bits, enough) for column in columns])
        return [_limit(exactly, far, near, bits) for far, near in zip(*found, strict=True)]

    return exactly.agreed(derivative, bits, least=least)


def _sides(exactly: Exactly, column: Sequence[Any], order: int, unit: Any, bits: int, enough: int) -> _Sides:
    """From the values at a row of points, the first half of them on the left. What no more than rounding shows is 0
    at a precision that is `enough`, and else a reason for more of it.
    """
    ar, m = exactly.ar, exactly.ar.m
    if any(isinstance(x, bool) for x in column):
        same = all(x == column[0] for x in column)
        return _Sides(m.zero, m.zero) if same else _Sides(ar.nan, ar.nan)
    if not all(map(m.isfinite, column)):
        return _Sides(ar.nan, ar.nan)
    weights = [(-1) ** (order - i) * comb(order, i) for i in range(order + 1)]
    left = sum((w * x for w, x in zip(weights, column, strict=False)), m.zero)
    right = sum((w * x for w, x in zip(weights, column[-order - 1 :], strict=True)), m.zero)
    largest = max(map(abs, column))
    rounding = largest * m.mpf(2) ** (order + 8 - m.prec)
    mean, apart = (left + right) / 2, abs(right - left)
    if abs(mean) > rounding:
        ar.needed = max(ar.needed, m.mag(largest) - m.mag(mean) + 64)
    elif m.prec < enough:
        ar.needed = max(ar.needed, enough - bits)
    return _Sides(*(x / unit if abs(x) > rounding else m.zero for x in (mean, apart)))


def _limit(exactly: Exactly, far: _Sides, near: _Sides, bits: int) -> Any:
    """What the quotients of two steps go to, the second one far shorter than the first."""
    m = exactly.ar.m
    fewer = m.mpf(2) ** (-SHORTER // 2)
    if not near.apart <= max(far.apart * fewer, abs(near.mean) * m.mpf(2) ** (-bits // 2)):
        return exactly.ar.nan
    if exactly.alike(far.mean, near.mean, bits):
        return near.mean
    return m.zero if abs(near.mean) <= abs(far.mean) * fewer else exactly.ar.nan


def sided(exactly: Exactly, j: int, order: int) -> list[Partial]:
    """The derivative of that order of every output in direction j, from both sides: limits of its differences there."""
    m, unit = exactly.ar.m, exactly.unit(j)
    weights = [(-1) ** (order - i) * comb(order, i) for i in range(order + 1)]
    sides = []
    for sign in (-1, 1):

        def quotients(units: int, sign: int = sign) -> list[Any]:
            step = exactly.scale(j) + units * unit

            def of(precision: int) -> list[Any]:
                m.prec = precision
                h = sign * m.mpf(2) ** step
                rows = [exactly.moved(precision, {j: (i + 1) * h}) for i in range(order + 1)]
                return [_quotient(exactly, column, weights, h**order) for column in zip(*rows, strict=True)]

            return exactly.agreed(of, 64, least=64 - (order + 2) * step)

        sides.append(exactly.along(exactly.approach(quotients)))
    return [exactly.both(left.value, right.value) for left, right in zip(*sides, strict=True)]


def _quotient(exactly: Exactly, column: Sequence[Any], weights: Sequence[int], unit: Any) -> Any:
    """The weighted sum of some values over `unit`, with note of the bits that it takes."""
    m, nan = exactly.ar.m, exactly.ar.nan
    if any(isinstance(x, bool) for x in column) or not all(map(m.isfinite, column)):
        return nan
    total = sum((w * x for w, x in zip(weights, column, strict=True)), m.zero)
    if total:
        exactly.ar.sees(m.mag(max(map(abs, column))) - m.mag(total))
    return total / unit
