"""Intervals through functions of one number, or of two."""

from __future__ import annotations

import math
from collections.abc import Callable

from diffcli.diagnosis.bounds import EPS, ERF_SLOPE
from diffcli.diagnosis.intervals import INF, MARGIN, UNKNOWN, Range, Rule, safely, times, wide
from diffcli.graph import Node

#: Up to here an argument's error changes no slope that matters.
FIRM = 2.0**-10


def _rising(
    function: Callable[[float], float],
    q: Callable[[Range], float],
    u: Callable[[Range], float],
    least: Callable[[Range], float] = lambda x: 0.0,
) -> Rule:
    """A function that rises everywhere: `q` and `u` of the result, but for its own rounding."""

    def rule(node: Node, x: Range) -> Range:
        low, high = wide(safely(function, x.low), safely(function, x.high))
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
    low, high = wide(safely(math.exp, x.low), safely(math.exp, x.high))
    return Range(max(low, 0.0), high, max(low, 0.0), MARGIN * x.error)


def _sqrt(node: Node, x: Range) -> Range:
    nearest = max(x.low, 0.0)
    u = 0.0 if x.u == 0.0 else x.u / (2.0 * math.sqrt(nearest)) if nearest else INF
    low, high = math.sqrt(nearest), math.sqrt(max(x.high, 0.0))
    return Range(low, high, math.sqrt(x.least), x.q / 2.0, MARGIN * u, ends=x.low < 0.0)


def _log(function: Callable[[float], float]) -> Rule:
    def rule(node: Node, x: Range) -> Range:
        nearest = max(x.low, x.least)
        if not nearest or x.high <= 0.0:
            return UNKNOWN
        low, high = wide(function(min(nearest, x.high)), function(x.high))
        return Range(low, high, 2.0**-53, 0.0, MARGIN * 1.5 * (x.q + x.u / nearest), ends=x.low <= 0.0)

    return rule


def _log1p(node: Node, x: Range) -> Range:
    if x.low <= -1.0:
        return UNKNOWN
    low, high = wide(math.log1p(x.low), math.log1p(x.high))
    least = 0.5 * min(x.least, 1.0)
    if x.low >= 0.0:
        return Range(low, high, least, MARGIN * x.q, MARGIN * x.u)
    return Range(low, high, least, 0.0, MARGIN * x.error / (1.0 + x.low))


def _sine(shift: float) -> Rule:
    """Sin(x + shift·π/2)."""
    function = math.cos if shift else math.sin

    def rule(node: Node, x: Range) -> Range:
        if not shift and x.most <= 1.5:
            low, high = wide(math.sin(x.low), math.sin(x.high))
            return Range(low, high, 0.6 * min(x.least, 1.0), MARGIN * x.q, MARGIN * x.u)
        low, high = wide(*sorted((function(x.low), function(x.high))))
        first, last = ((end + shift * math.pi / 2) / math.pi - 0.5 for end in (x.low, x.high))
        # A maximum at every even whole number of half turns, a minimum at every odd one; not too sure of where.
        for k, place in ((0, 1.0), (1, -1.0)):
            if math.floor((last - k) / 2 + 1e-9) >= math.ceil((first - k) / 2 - 1e-9) or x.most > 1e6:
                low, high = min(low, place), max(high, place)
        return Range(max(low, -1.0), min(high, 1.0), min(2.0**-70, 0.6 * x.least), 0.0, MARGIN * x.error)

    return rule


def _cosh(node: Node, x: Range) -> Range:
    low, high = wide(safely(math.cosh, x.nearest), abs(safely(math.cosh, x.most)))
    return Range(max(low, 1.0), high, 1.0, MARGIN * x.error)


def _sech_square(node: Node, x: Range) -> Range:
    low, high = wide(_sech(x.most), _sech(x.nearest))
    return Range(max(low, 0.0), high, max(low, 0.0), 2.0 * MARGIN * x.error + 2.0)


def _sigmoid_slope(node: Node, x: Range) -> Range:
    low, high = wide(_sech(0.5 * x.most) / 4.0, _sech(0.5 * x.nearest) / 4.0)
    return Range(max(low, 0.0), high, max(low, 0.0), MARGIN * x.error + 2.0)


def _gauss(node: Node, x: Range) -> Range:
    """Exp(−x²)."""
    low, high = wide(_bell(x.most), _bell(x.nearest))
    if x.error * EPS > FIRM:
        return Range(max(low, 0.0), high, max(low, 0.0), 0.0, x.error)
    # 2·x²·exp(−x²) is at most 2/e, and 2·x·exp(−x²) at most √(2/e), and both fall beyond 1.
    peak = high if x.nearest >= 1.0 else 1.0 / math.e
    far = max(x.nearest, 1.0)
    u = 2.0 * times(times(far * far, peak), x.q) + 2.4 * far * peak * x.u
    relative = 2.0 * x.most * x.error
    if relative * high <= u:
        return Range(max(low, 0.0), high, max(low, 0.0), MARGIN * relative)
    return Range(max(low, 0.0), high, max(low, 0.0), 0.0, MARGIN * u + EPS * x.error * x.error)


def _erfc(node: Node, x: Range) -> Range:
    low, high = math.erfc(x.high) * 0.999, math.erfc(x.low) * 1.001
    if x.u == 0.0 and x.low >= 0.0:
        # x·erf'(x) is at most (2·x² + 1)·erfc(x).
        return Range(low, high, low, times(MARGIN * (2.0 * x.most * x.most + 1.0), x.q))
    if x.error * EPS > FIRM:
        return Range(low, high, low, 0.0, ERF_SLOPE * x.error)
    # x·exp(−x²) is at most 1/√(2·e), and falls beyond.
    peak = _bell(x.nearest) * x.nearest if x.nearest >= 1.0 else 0.43
    return Range(low, high, low, 0.0, MARGIN * ERF_SLOPE * (peak * x.q + _bell(x.nearest) * x.u))


def _bell(x: float) -> float:
    return math.exp(-x * x) if x < 1e100 else 0.0


def _sech(x: float) -> float:
    return 4.0 * math.exp(-2.0 * x) / (1.0 + math.exp(-2.0 * x)) ** 2


def _sigmoid(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x)) if x > -700.0 else math.exp(x)


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def _tan(node: Node, x: Range) -> Range:
    if x.most > 1.5:
        return UNKNOWN
    low, high = wide(math.tan(x.low), math.tan(x.high))
    return Range(low, high, x.least, 0.0, MARGIN * x.error * (1.0 + max(-low, high) ** 2))


def _inside(function: Callable[[float], float], slope: Callable[[float], float]) -> Rule:
    """A function on (−1, 1), monotone or even and growing away from 0, whose slope is largest far from 0."""

    def rule(node: Node, x: Range) -> Range:
        if x.most >= 1.0:
            return UNKNOWN
        values = [function(x.low), function(x.high), *([function(0.0)] if x.low < 0.0 < x.high else [])]
        low, high = wide(min(values), max(values))
        least = max(low, -high, min(2.0**-60, 0.5 * x.least))
        return Range(low, high, least, 0.0, MARGIN * x.error * slope(x.most))

    return rule


def _root_slope(x: float) -> float:
    return 1.0 / math.sqrt((1.0 - x) * (1.0 + x))


def _direction(node: Node, a: Range, b: Range) -> Range:
    """Of a in (a, b)."""
    away = math.hypot(a.nearest, b.nearest)
    nearest = away or min(a.least, b.least)
    u = 0.0 if a.u == b.u == 0.0 else (a.u + b.u) / nearest if nearest else INF
    sign = (0.0 if a.low >= 0.0 else -1.0, 0.0 if a.high <= 0.0 else 1.0)
    return Range(*sign, 0.0, MARGIN * (a.q + b.q), MARGIN * u, ends=away == 0.0)


def _hypot(node: Node, a: Range, b: Range) -> Range:
    low, high = wide(math.hypot(a.nearest, b.nearest), math.hypot(a.most, b.most))
    return Range(low, high, min(a.least, b.least), MARGIN * 1.5 * max(a.q, b.q), MARGIN * (a.u + b.u))


def _logaddexp(node: Node, a: Range, b: Range) -> Range:
    low, high = wide(max(a.low, b.low), max(a.high, b.high) + math.log(2.0))
    return Range(low, high, 0.0, 0.0, MARGIN * (a.error + b.error))


RULES: dict[str, Rule] = {
    "sqrt": _sqrt,
    "exp": _exp,
    "log": _log(math.log),
    "log2": _log(math.log2),
    "log10": _log(math.log10),
    "log1p": _log1p,
    "expm1": _rising(math.expm1, lambda x: x.q * (1.0 + max(x.high, 0.0)),
                     lambda x: times(x.u, safely(math.exp, max(x.high, 0.0))), lambda x: 0.5 * min(x.least, 1.0)),
    "sin": _sine(0.0),
    "cos": _sine(1.0),
    "tan": _tan,
    "atan": _rising(math.atan, _kept, _added, lambda x: 0.7 * min(x.least, 1.0)),
    "asinh": _rising(math.asinh, _kept, _added, lambda x: 0.8 * min(x.least, 1.0)),
    "sinh": _rising(math.sinh, lambda x: x.q * (1.0 + x.most), lambda x: times(x.u, abs(safely(math.cosh, x.most))),
                    lambda x: x.least),
    "cosh": _cosh,
    "tanh": _rising(math.tanh, _kept, _added, lambda x: 0.7 * min(x.least, 1.0)),
    "sech_square": _sech_square,
    "sigmoid_slope": _sigmoid_slope,
    "erf": _rising(math.erf, _kept, lambda x: ERF_SLOPE * x.u, lambda x: 0.8 * min(x.least, 1.0)),
    "sigmoid": _rising(_sigmoid, _whole, _none),
    "erfc": _erfc,
    "gauss": _gauss,
    "softplus": _rising(_softplus, _whole, _none),
    "log_sigmoid": _rising(lambda x: -_softplus(-x), _whole, _none),
    "asin": _inside(math.asin, _root_slope),
    "acos": _inside(math.acos, _root_slope),
    "atanh": _inside(math.atanh, lambda x: 1.0 / ((1.0 - x) * (1.0 + x))),
    "asin_slope": _inside(_root_slope, lambda x: x * _root_slope(x) ** 3),
    "atanh_slope": _inside(lambda x: 1.0 / ((1.0 - x) * (1.0 + x)), lambda x: 2.0 * x / ((1.0 - x) * (1.0 + x)) ** 2),
    "direction": _direction,
    "hypot": _hypot,
    "logaddexp": _logaddexp,
}  # fmt: skip
