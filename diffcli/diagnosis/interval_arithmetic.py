"""Intervals through arithmetic, choices and powers."""

from __future__ import annotations

import math
from collections.abc import Callable

from diffcli.diagnosis.bounds import EPS
from diffcli.diagnosis.intervals import INF, MARGIN, UNKNOWN, Range, Rule, hull, times, wide
from diffcli.graph import Node


def _add(node: Node, a: Range, b: Range) -> Range:
    low, high = a.low + b.low, a.high + b.high
    u = a.u + b.u
    if (a.low >= 0.0 and b.low >= 0.0) or (a.high <= 0.0 and b.high <= 0.0):
        return Range(low, high, min(a.least, b.least), max(a.q, b.q), u)
    # Doubles differ by no less than a unit of the last place of the smaller.
    least = max(low, -high, min(a.least, b.least) * 2.0**-53)
    if a.q or b.q:
        # The larger addend is at most the smaller and the sum.
        return Range(low, high, least, max(a.q, b.q), u + (a.q + b.q) * min(a.most, b.most))
    return Range(low, high, least, 0.0, u)


def _negated(x: Range) -> Range:
    return x._replace(low=-x.high, high=-x.low)


def _multiply(node: Node, a: Range, b: Range) -> Range:
    if node.args[0] is node.args[1]:
        return _square(node, a)
    ends = (times(a.low, b.low), times(a.low, b.high), times(a.high, b.low), times(a.high, b.high))
    u = times(b.most, a.u) + times(a.most, b.u) + EPS * times(a.u, b.u)  # the last where the digits of both are lost
    return Range(min(ends), max(ends), a.least * b.least if a.least < INF and b.least < INF else INF, a.q + b.q, u)


def _square(node: Node, x: Range) -> Range:
    return Range(
        x.nearest * x.nearest, _power(x.most, 2.0), x.least * x.least, 2.0 * x.q, times(2.0 * x.most + EPS * x.u, x.u)
    )


def _power(x: float, n: float) -> float:
    try:
        return float(x**n)
    except (OverflowError, ZeroDivisionError):
        return -INF if x < 0.0 and n % 2.0 == 1.0 else INF


def _divide(node: Node, a: Range, b: Range) -> Range:
    nearest = b.nearest or b.least
    if not nearest:
        return UNKNOWN
    largest = a.most / nearest if a.most else 0.0
    if b.nearest:
        ends = (a.low / b.low, a.low / b.high, a.high / b.low, a.high / b.high)
        low, high = min(ends), max(ends)
    else:
        low, high = -largest, largest
    u = (a.u / nearest if a.u else 0.0) + times(largest, b.u / nearest if b.u else 0.0)
    least = a.least / b.most if b.most and a.least < INF else INF
    return Range(low, high, least, a.q + b.q, u, ends=b.nearest == 0.0)


_ONE = Range(1.0, 1.0, 1.0)


def _reciprocal(node: Node, x: Range) -> Range:
    return _divide(node, _ONE, x)


def _quotient(node: Node, y: Range, a: Range, b: Range) -> Range:
    return _divide(node, y, b)


def _extreme(pick: Callable[..., float]) -> Rule:
    def rule(node: Node, a: Range, b: Range) -> Range:
        low, high = pick(a.low, b.low), pick(a.high, b.high)
        return Range(low, high, min(a.least, b.least), max(a.q, b.q), max(a.u, b.u))

    return rule


def _magnitude(node: Node, x: Range) -> Range:
    return x._replace(low=x.nearest, high=x.most, ends=False)


def _passed(node: Node, x: Range) -> Range:
    return x._replace(ends=False)


def _within(node: Node, x: Range) -> Range:
    low, high = node.params
    if x.high < low or x.low > high:
        return UNKNOWN
    ends = x.low < low or x.high > high  # NaN outside
    return x._replace(low=max(x.low, low), high=min(x.high, high), ends=ends)


def _clip(node: Node, x: Range, low: Range, high: Range) -> Range:
    either = hull((x, low, high))
    return either._replace(
        low=min(max(x.low, low.low), high.low), high=min(max(x.high, low.high), high.high), ends=False
    )


def _relu(node: Node, x: Range) -> Range:
    return x._replace(low=max(x.low, 0.0), high=max(x.high, 0.0), ends=False)


def _chosen(node: Node, c: Range, a: Range, b: Range) -> Range:
    return hull((a, b))


def _raised(node: Node, x: Range, n: Range) -> Range:
    """A power with one exponent for all points."""
    k = n.low
    if n.low != n.high or (x.low < 0.0 and k != math.floor(k)) or abs(k) > 1e6:
        return UNKNOWN
    nearest = x.nearest or x.least
    if k == 0.0 or not nearest:
        return UNKNOWN
    if k < 0.0 and x.nearest == 0.0:
        ends = (_power(nearest, k),)
        low, high = -ends[0] if x.low < 0.0 else 0.0, ends[0]
    else:
        values = [_power(each, k) for each in (x.low, x.high)]
        if x.low < 0.0 < x.high:
            values.append(0.0)
        low, high = wide(min(values), max(values))
    least = _power(nearest if k > 0.0 else x.most, k)
    slope = _power(x.most + EPS * x.u if k > 1.0 else nearest, k - 1.0)
    return Range(low, high, least * 0.99, MARGIN * abs(k) * x.q, times(MARGIN * abs(k) * slope, x.u),
                 ends=k < 0.0 and x.nearest == 0.0)  # fmt: skip


RULES: dict[str, Rule] = {
    "add": _add,
    "subtract": lambda node, a, b: _add(node, a, _negated(b)),
    "multiply": _multiply,
    "divide": _divide,
    "quotient": _quotient,
    "reciprocal": _reciprocal,
    "negate": lambda node, x: _negated(x)._replace(ends=False),
    "square": _square,
    "power": _raised,
    "within": _within,
    "stop": _passed,
    "number": lambda node, x: Range(0.0, 1.0, 1.0),
    "abs": _magnitude,
    "relu": _relu,
    "clip": _clip,
    "where": _chosen,
    "maximum": _extreme(max),
    "minimum": _extreme(min),
}  # fmt: skip
