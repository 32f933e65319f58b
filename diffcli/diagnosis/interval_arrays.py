"""Intervals through what works on whole arrays: one for all elements."""

from __future__ import annotations

import math

from diffcli.diagnosis.bounds import EPS
from diffcli.diagnosis.intervals import INF, MARGIN, Range, Rule, hull, times, wide
from diffcli.graph import Node


def _placed(node: Node, *args: Range) -> Range:
    """Each in its place, added up where they meet."""
    if len(args) == 1:
        return hull(args, filled=True)
    low, high = sum([min(x.low, 0.0) for x in args]), sum([max(x.high, 0.0) for x in args])
    return Range(low, high, min([x.least for x in args]) * 2.0**-53, 0.0, sum([x.error for x in args]))


def _sum(node: Node, x: Range) -> Range:
    return _summed(x, node.args[0].size / max(1, node.size), node.args[0].size)


def _mean(node: Node, x: Range) -> Range:
    count = node.args[0].size / max(1, node.size)
    total = _summed(x, count, node.args[0].size)
    return total._replace(low=total.low / count, high=total.high / count, least=total.least / count, u=total.u / count)


def _summed(x: Range, count: float, size: int) -> Range:
    depth = max(1.0, math.log2(max(size, 1))) - 1.0  # as in `bounds`
    low, high = wide(min(times(count, x.low), 0.0), max(times(count, x.high), 0.0))
    u = count * x.u
    if x.low >= 0.0 or x.high <= 0.0:
        return Range(low, high, x.least, x.q + depth, u)
    return Range(low, high, x.least * 2.0**-53, 0.0, u + count * (x.q + depth) * x.most)


def _cumsum(node: Node, x: Range) -> Range:
    return _summed(x, float(node.args[0].size), node.args[0].size)


def _matmul(node: Node, a: Range, b: Range) -> Range:
    count = float(node.args[0].shape[-1])
    depth = max(1.0, math.log2(max(count, 1.0)))
    most = times(count, times(a.most, b.most))
    u = count * (times(b.most, a.u) + times(a.most, b.u) + EPS * times(a.u, b.u))
    if a.low >= 0.0 and b.low >= 0.0:
        return Range(0.0, most, 0.0, a.q + b.q + depth, u)
    return Range(-most, most, 0.0, 0.0, u + times(most, a.q + b.q + depth))


def _largest(node: Node, x: Range) -> Range:
    return x._replace(q=0.0, u=x.error, ends=False)


def _logsumexp(node: Node, x: Range) -> Range:
    count = node.args[0].size / max(1, node.size)
    low, high = wide(x.low, x.high + math.log(max(count, 1.0)))
    return Range(low, high, 0.0, 0.0, MARGIN * x.error)


def _softmax(node: Node, x: Range) -> Range:
    return Range(0.0, 1.0, 0.0, 2.0 * x.error)


def _norm(node: Node, x: Range) -> Range:
    count = node.args[0].size / max(1, node.size)
    return Range(0.0, x.most * count, x.least, 1.5 * x.q, math.sqrt(count) * x.u)


def _unit(node: Node, x: Range) -> Range:
    """X over its length."""
    length = _norm(node, x)
    nearest = length.nearest or length.least
    u = 0.0 if x.u == length.u == 0.0 else (x.u + length.u) / nearest if nearest else INF
    sign = (0.0 if x.low >= 0.0 else -1.0, 0.0 if x.high <= 0.0 else 1.0)
    return Range(*sign, 0.0, MARGIN * (x.q + length.q), MARGIN * u, ends=length.nearest == 0.0)


RULES: dict[str, Rule] = {
    "unit": _unit,
    "place": _placed,
    "sum": _sum,
    "mean": _mean,
    "cumsum": _cumsum,
    "matmul": _matmul,
    "max": _largest,
    "min": _largest,
    "sort": _largest,
    "logsumexp": _logsumexp,
    "softmax": _softmax,
    "norm": _norm,
}  # fmt: skip
