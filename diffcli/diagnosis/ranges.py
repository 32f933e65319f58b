"""What can be said of many points at once, from nothing but the ranges of the inputs.

Interval arithmetic on a graph, with the running error bound beside it. Every node has a `Range`: where its values lie,
and numbers q and u such that at each point its error bound (`bounds`, in units of `EPS`) is at most q·|value| + u. So
a result is only in doubt where it is smaller than a threshold that is the same for all points, and nothing need be
computed at the others.

A rule may be wide, never narrow: it must hold at every point whose inputs lie in their ranges.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from diffcli.diagnosis.bounds import (
    LOCALLY_CONSTANT,
    MOVES,
    NEVER_UNDERFLOWS,
    ROUNDLESS,
    SMALLEST_NORMAL,
    SUBNORMAL_ERROR,
)
from diffcli.graph import CONSTANT, Node

#: What rounding and the differences that stand in for slopes may add to a rule.
MARGIN = 1.01
INF = math.inf


class Range(NamedTuple):
    """Values between `low` and `high`, not between −`least` and `least` but for 0; the error is ≤ q·|value| + u.

    `ends` says that values outside are possible: ±∞ or NaN, from arguments that are finite.
    """

    low: float
    high: float
    least: float = 0.0
    q: float = 0.0
    u: float = 0.0
    ends: bool = False

    @property
    def most(self) -> float:
        """The largest magnitude."""
        return max(-self.low, self.high)

    @property
    def nearest(self) -> float:
        """The smallest magnitude, 0 included."""
        return max(self.low, -self.high, 0.0)

    def threshold(self, trusted: float) -> float:
        """Up to which size a value may have a relative error bound of more than `trusted`; −1: at no size."""
        if self.q >= trusted:
            return INF
        excess = self.u - 4 * SUBNORMAL_ERROR
        return excess / (trusted - self.q) if excess > 0.0 else -1.0

    @property
    def error(self) -> float:
        """A bound on the error at all points."""
        return _times(self.q, self.most) + self.u


UNKNOWN = Range(-INF, INF, 0.0, INF, INF, True)
_Rule: TypeAlias = Callable[..., Range]


def ranges(order: Sequence[Node], given: Mapping[Node, Range], primal: Container[Node]) -> dict[Node, Range]:
    """The ranges of the nodes in `order` (arguments first), from those of inputs and of what else is given; conditions
    have none. What overflows is cut off at the largest double, and `ends`, only among the `primal` nodes.
    """
    found = dict(given)
    for node in order:
        if node.boolean or node in found:
            continue
        if node.op is CONSTANT:
            found[node] = of_constant(node.params[0])
        else:
            found[node] = _of(node, [found.get(arg, _CONDITION) for arg in node.args], node in primal)
    return found


def of_constant(value: Any) -> Range:
    """The range of numbers that are exact."""
    if value.size == 0:
        return Range(0.0, 0.0, INF)
    low, high = float(value.min()), float(value.max())
    if low == high:
        return Range(low, high, abs(low) or INF)
    sizes = abs(value[value != 0.0])
    return Range(low, high, float(sizes.min()))


def of_values(value: Any) -> tuple[Range, bool]:
    """The range of an input's numbers, those that are finite; and whether all are."""
    low, high = float(value.min(initial=INF)), float(value.max(initial=-INF))
    finite = low > -INF and high < INF
    if not finite:
        value = value[np.isfinite(value)]
        low, high = float(value.min(initial=INF)), float(value.max(initial=-INF))
    if low > high:
        return Range(0.0, 0.0, INF), finite
    if low > 0.0 or high < 0.0:
        return Range(low, high, max(low, -high)), finite
    size = np.abs(value)
    least = float(size.min())
    if least == 0.0:
        least = float(size.min(initial=INF, where=size > 0.0))
    return Range(low, high, least), finite


_CONDITION = Range(0.0, 1.0, 1.0)


def _of(node: Node, args: list[Range], cut: bool) -> Range:
    name = node.op.name
    for x in args:
        if not (math.isfinite(x.low) and math.isfinite(x.high)):
            return UNKNOWN
    rule = _RULES.get(name)
    if rule is not None:
        low, high, least, q, u, ends = rule(node, *args)
    elif name in MOVES or name in ("take", "put"):
        low, high, least, q, u, ends = _hull(args, filled=name in ("index", "diagonal_matrix", "put"))
    elif name in LOCALLY_CONSTANT:
        return Range(-1.0 if name == "sign" else 0.0, 1.0) if name in _STEPS else UNKNOWN
    else:
        return UNKNOWN
    if name not in ROUNDLESS:
        q += 1.0
        if least < SMALLEST_NORMAL and name not in NEVER_UNDERFLOWS:
            u += SUBNORMAL_ERROR
            low, high = min(low, 0.0), max(high, 0.0)
    if low != low or high != high or q != q or u != u:
        return UNKNOWN
    if not (low > -INF and high < INF):
        if not cut:
            return UNKNOWN
        ends = True
        low, high = max(low, -_LARGEST), min(high, _LARGEST)
    return Range(low, high, least, q, u, ends)


_LARGEST = 1.7976931348623157e308
_STEPS = frozenset({"sign", "heaviside", "share", "between", "tie_share", "peak", "defined"})


def _times(a: float, b: float) -> float:
    return 0.0 if a == 0.0 or b == 0.0 else a * b


def _placed(node: Node, *args: Range) -> Range:
    """Each in its place, added up where they meet."""
    if len(args) == 1:
        return _hull(args, filled=True)
    low, high = sum([min(x.low, 0.0) for x in args]), sum([max(x.high, 0.0) for x in args])
    return Range(low, high, min([x.least for x in args]) * 2.0**-53, 0.0, sum([x.error for x in args]))


def _hull(args: Sequence[Range], *, filled: bool = False) -> Range:
    """Either of some numbers; with `filled`, or 0."""
    low, high = min([x.low for x in args]), max([x.high for x in args])
    if filled:
        low, high = min(low, 0.0), max(high, 0.0)
    return Range(low, high, min([x.least for x in args]), max([x.q for x in args]), max([x.u for x in args]))


# Arithmetic -------------------------------------------------------------------------------------------------


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
    ends = (_times(a.low, b.low), _times(a.low, b.high), _times(a.high, b.low), _times(a.high, b.high))
    u = _times(b.most, a.u) + _times(a.most, b.u)
    return Range(min(ends), max(ends), a.least * b.least if a.least < INF and b.least < INF else INF, a.q + b.q, u)


def _square(node: Node, x: Range) -> Range:
    return Range(x.nearest * x.nearest, _power(x.most, 2.0), x.least * x.least, 2.0 * x.q, _times(2.0 * x.most, x.u))


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
    u = (a.u / nearest if a.u else 0.0) + _times(largest, b.u / nearest if b.u else 0.0)
    least = a.least / b.most if b.most and a.least < INF else INF
    return Range(low, high, least, a.q + b.q, u, ends=b.nearest == 0.0)


_ONE = Range(1.0, 1.0, 1.0)


def _reciprocal(node: Node, x: Range) -> Range:
    return _divide(node, _ONE, x)


def _quotient(node: Node, y: Range, a: Range, b: Range) -> Range:
    return _divide(node, y, b)


def _extreme(pick: Callable[..., float]) -> _Rule:
    def rule(node: Node, a: Range, b: Range) -> Range:
        low, high = pick(a.low, b.low), pick(a.high, b.high)
        return Range(low, high, min(a.least, b.least), max(a.q, b.q), max(a.u, b.u))

    return rule


def _magnitude(node: Node, x: Range) -> Range:
    return x._replace(low=x.nearest, high=x.most, ends=False)


def _passed(node: Node, x: Range) -> Range:
    return x._replace(ends=False)


def _within(node: Node, x: Range, *others: Range) -> Range:
    return x._replace(ends=True)  # NaN outside its domain


def _clip(node: Node, x: Range, low: Range, high: Range) -> Range:
    hull = _hull((x, low, high))
    return hull._replace(low=min(max(x.low, low.low), high.low), high=min(max(x.high, low.high), high.high), ends=False)


def _relu(node: Node, x: Range) -> Range:
    return x._replace(low=max(x.low, 0.0), high=max(x.high, 0.0), ends=False)


def _chosen(node: Node, c: Range, a: Range, b: Range) -> Range:
    return _hull((a, b))


# Functions --------------------------------------------------------------------------------------------------


def _wide(low: float, high: float) -> tuple[float, float]:
    """Ends that another rounding of the same function does not pass."""
    return low - abs(low) * 1e-14, high + abs(high) * 1e-14


def _safely(function: Callable[[float], float], x: float) -> float:
    try:
        return function(x)
    except (OverflowError, ValueError):
        return INF if x > 0.0 else -INF


def _rising(
    function: Callable[[float], float],
    q: Callable[[Range], float],
    u: Callable[[Range], float],
    least: Callable[[Range], float] = lambda x: 0.0,
) -> _Rule:
    """A function that rises everywhere: `q` and `u` of the result, but for its own rounding."""

    def rule(node: Node, x: Range) -> Range:
        low, high = _wide(_safely(function, x.low), _safely(function, x.high))
        return Range(low, high, max(low, -high, least(x)), MARGIN * q(x), MARGIN * u(x))

    return rule


def _kept(x: Range) -> float:
    return x.q


def _added(x: Range) -> float:
    return x.u


def _whole(x: Range) -> float:
    return x.error


def _none(x: Range) -> float:
    return 0.0


def _exp(node: Node, x: Range) -> Range:
    low, high = _wide(_safely(math.exp, x.low), _safely(math.exp, x.high))
    return Range(max(low, 0.0), high, max(low, 0.0), MARGIN * x.error)


def _sqrt(node: Node, x: Range) -> Range:
    nearest = max(x.low, 0.0)
    u = 0.0 if x.u == 0.0 else x.u / (2.0 * math.sqrt(nearest)) if nearest else INF
    low, high = math.sqrt(nearest), math.sqrt(max(x.high, 0.0))
    return Range(low, high, math.sqrt(x.least), x.q / 2.0, MARGIN * u, ends=x.low < 0.0)


def _log(function: Callable[[float], float]) -> _Rule:
    def rule(node: Node, x: Range) -> Range:
        nearest = max(x.low, x.least)
        if not nearest or x.high <= 0.0:
            return UNKNOWN
        low, high = _wide(function(min(nearest, x.high)), function(x.high))
        return Range(low, high, 2.0**-53, 0.0, MARGIN * 1.5 * (x.q + x.u / nearest), ends=x.low <= 0.0)

    return rule


def _log1p(node: Node, x: Range) -> Range:
    if x.low <= -1.0:
        return UNKNOWN
    low, high = _wide(math.log1p(x.low), math.log1p(x.high))
    least = 0.5 * min(x.least, 1.0)
    if x.low >= 0.0:
        return Range(low, high, least, MARGIN * x.q, MARGIN * x.u)
    return Range(low, high, least, 0.0, MARGIN * x.error / (1.0 + x.low))


def _sine(shift: float) -> _Rule:
    """Sin(x + shift·π/2)."""
    function = math.cos if shift else math.sin

    def rule(node: Node, x: Range) -> Range:
        if not shift and x.most <= 1.5:
            low, high = _wide(math.sin(x.low), math.sin(x.high))
            return Range(low, high, 0.6 * min(x.least, 1.0), MARGIN * x.q, MARGIN * x.u)
        low, high = _wide(*sorted((function(x.low), function(x.high))))
        first, last = ((end + shift * math.pi / 2) / math.pi - 0.5 for end in (x.low, x.high))
        # A maximum at every even whole number of half turns, a minimum at every odd one; not too sure of where.
        for k, place in ((0, 1.0), (1, -1.0)):
            if math.floor((last - k) / 2 + 1e-9) >= math.ceil((first - k) / 2 - 1e-9) or x.most > 1e6:
                low, high = min(low, place), max(high, place)
        return Range(max(low, -1.0), min(high, 1.0), min(2.0**-70, 0.6 * x.least), 0.0, MARGIN * x.error)

    return rule


def _cosh(node: Node, x: Range) -> Range:
    low, high = _wide(_safely(math.cosh, x.nearest), abs(_safely(math.cosh, x.most)))
    return Range(max(low, 1.0), high, 1.0, MARGIN * x.error)


def _sech_square(node: Node, x: Range) -> Range:
    low, high = _wide(_sech(x.most), _sech(x.nearest))
    return Range(max(low, 0.0), high, max(low, 0.0), 2.0 * MARGIN * x.error + 2.0)


def _sigmoid_slope(node: Node, x: Range) -> Range:
    low, high = _wide(_sech(0.5 * x.most) / 4.0, _sech(0.5 * x.nearest) / 4.0)
    return Range(max(low, 0.0), high, max(low, 0.0), MARGIN * x.error + 2.0)


def _sech(x: float) -> float:
    return 4.0 * math.exp(-2.0 * x) / (1.0 + math.exp(-2.0 * x)) ** 2


def _sigmoid(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x)) if x > -700.0 else math.exp(x)


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def _tan(node: Node, x: Range) -> Range:
    if x.most > 1.5:
        return UNKNOWN
    low, high = _wide(math.tan(x.low), math.tan(x.high))
    return Range(low, high, x.least, 0.0, MARGIN * x.error * (1.0 + max(-low, high) ** 2))


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
        low, high = _wide(min(values), max(values))
    least = _power(nearest if k > 0.0 else x.most, k)
    slope = _power(x.most if k > 1.0 else nearest, k - 1.0)
    return Range(low, high, least * 0.99, MARGIN * abs(k) * x.q, _times(MARGIN * abs(k) * slope, x.u),
                 ends=k < 0.0 and x.nearest == 0.0)  # fmt: skip


def _inside(function: Callable[[float], float], slope: Callable[[float], float]) -> _Rule:
    """A function on (−1, 1), monotone or even and growing away from 0, whose slope is largest far from 0."""

    def rule(node: Node, x: Range) -> Range:
        if x.most >= 1.0:
            return UNKNOWN
        values = [function(x.low), function(x.high), *([function(0.0)] if x.low < 0.0 < x.high else [])]
        low, high = _wide(min(values), max(values))
        least = max(low, -high, min(2.0**-60, 0.5 * x.least))
        return Range(low, high, least, 0.0, MARGIN * x.error * slope(x.most))

    return rule


def _root_slope(x: float) -> float:
    return 1.0 / math.sqrt((1.0 - x) * (1.0 + x))


def _direction(node: Node, a: Range, b: Range) -> Range:
    """Of a in (a, b)."""
    nearest = math.hypot(a.nearest, b.nearest) or min(a.least, b.least)
    u = 0.0 if a.u == b.u == 0.0 else (a.u + b.u) / nearest if nearest else INF
    sign = (0.0 if a.low >= 0.0 else -1.0, 0.0 if a.high <= 0.0 else 1.0)
    return Range(*sign, 0.0, MARGIN * (a.q + b.q), MARGIN * u)


def _unit(node: Node, x: Range) -> Range:
    """X over its length."""
    length = _norm(node, x)
    nearest = length.nearest or length.least
    u = 0.0 if x.u == length.u == 0.0 else (x.u + length.u) / nearest if nearest else INF
    sign = (0.0 if x.low >= 0.0 else -1.0, 0.0 if x.high <= 0.0 else 1.0)
    return Range(*sign, 0.0, MARGIN * (x.q + length.q), MARGIN * u)


def _hypot(node: Node, a: Range, b: Range) -> Range:
    low, high = _wide(math.hypot(a.nearest, b.nearest), math.hypot(a.most, b.most))
    return Range(low, high, min(a.least, b.least), MARGIN * 1.5 * max(a.q, b.q), MARGIN * (a.u + b.u))


def _logaddexp(node: Node, a: Range, b: Range) -> Range:
    low, high = _wide(max(a.low, b.low), max(a.high, b.high) + math.log(2.0))
    return Range(low, high, 0.0, 0.0, MARGIN * (a.error + b.error))


# Arrays -----------------------------------------------------------------------------------------------------


def _sum(node: Node, x: Range) -> Range:
    return _summed(x, node.args[0].size / max(1, node.size), node.args[0].size)


def _mean(node: Node, x: Range) -> Range:
    count = node.args[0].size / max(1, node.size)
    total = _summed(x, count, node.args[0].size)
    return total._replace(low=total.low / count, high=total.high / count, least=total.least / count, u=total.u / count)


def _summed(x: Range, count: float, size: int) -> Range:
    depth = max(1.0, math.log2(max(size, 1))) - 1.0  # as in `bounds`
    low, high = _wide(min(_times(count, x.low), 0.0), max(_times(count, x.high), 0.0))
    u = count * x.u
    if x.low >= 0.0 or x.high <= 0.0:
        return Range(low, high, x.least, x.q + depth, u)
    return Range(low, high, x.least * 2.0**-53, 0.0, u + count * (x.q + depth) * x.most)


def _cumsum(node: Node, x: Range) -> Range:
    return _summed(x, float(node.args[0].size), node.args[0].size)


def _matmul(node: Node, a: Range, b: Range) -> Range:
    count = float(node.args[0].shape[-1])
    depth = max(1.0, math.log2(max(count, 1.0)))
    most = _times(count, _times(a.most, b.most))
    u = count * (_times(b.most, a.u) + _times(a.most, b.u))
    if a.low >= 0.0 and b.low >= 0.0:
        return Range(0.0, most, 0.0, a.q + b.q + depth, u)
    return Range(-most, most, 0.0, 0.0, u + _times(most, a.q + b.q + depth))


def _largest(node: Node, x: Range) -> Range:
    return x._replace(q=0.0, u=x.error, ends=False)


def _logsumexp(node: Node, x: Range) -> Range:
    count = node.args[0].size / max(1, node.size)
    low, high = _wide(x.low, x.high + math.log(max(count, 1.0)))
    return Range(low, high, 0.0, 0.0, MARGIN * x.error)


def _softmax(node: Node, x: Range) -> Range:
    return Range(0.0, 1.0, 0.0, 2.0 * x.error)


def _norm(node: Node, x: Range) -> Range:
    count = node.args[0].size / max(1, node.size)
    return Range(0.0, x.most * count, x.least, 1.5 * x.q, math.sqrt(count) * x.u)


_RULES: dict[str, _Rule] = {
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
    "sqrt": _sqrt,
    "exp": _exp,
    "log": _log(math.log),
    "log2": _log(math.log2),
    "log10": _log(math.log10),
    "log1p": _log1p,
    "expm1": _rising(math.expm1, lambda x: x.q * (1.0 + max(x.high, 0.0)),
                     lambda x: _times(x.u, _safely(math.exp, max(x.high, 0.0))), lambda x: 0.5 * min(x.least, 1.0)),
    "sin": _sine(0.0),
    "cos": _sine(1.0),
    "tan": _tan,
    "atan": _rising(math.atan, _kept, _added, lambda x: 0.7 * min(x.least, 1.0)),
    "asinh": _rising(math.asinh, _kept, _added, lambda x: 0.8 * min(x.least, 1.0)),
    "sinh": _rising(math.sinh, lambda x: x.q * (1.0 + x.most), lambda x: _times(x.u, abs(_safely(math.cosh, x.most))),
                    lambda x: x.least),
    "cosh": _cosh,
    "tanh": _rising(math.tanh, _kept, _added, lambda x: 0.7 * min(x.least, 1.0)),
    "sech_square": _sech_square,
    "sigmoid_slope": _sigmoid_slope,
    "erf": _rising(math.erf, _kept, lambda x: 1.13 * x.u, lambda x: 0.8 * min(x.least, 1.0)),
    "sigmoid": _rising(_sigmoid, _whole, _none),
    "softplus": _rising(_softplus, _whole, _none),
    "log_sigmoid": _rising(lambda x: -_softplus(-x), _whole, _none),
    "asin": _inside(math.asin, _root_slope),
    "acos": _inside(math.acos, _root_slope),
    "atanh": _inside(math.atanh, lambda x: 1.0 / ((1.0 - x) * (1.0 + x))),
    "asin_slope": _inside(_root_slope, lambda x: x * _root_slope(x) ** 3),
    "atanh_slope": _inside(lambda x: 1.0 / ((1.0 - x) * (1.0 + x)), lambda x: 2.0 * x / ((1.0 - x) * (1.0 + x)) ** 2),
    "direction": _direction,
    "unit": _unit,
    "hypot": _hypot,
    "logaddexp": _logaddexp,
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
