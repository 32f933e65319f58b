"""The inverse of the error function to any precision: mpmath's own takes seconds close to ±1."""

from __future__ import annotations

import math
from typing import Any

from diffcli.precise.arithmetic import log2
from diffcli.precise.erf import erf, erfc

#: Of 1 − |y|, as a power of two: closer to ±1 the answer is not looked for.
CLOSEST = -1_000_000


def erfinv(m: Any, y: Any) -> Any:
    """The x with erf(x) = y, −1 < y < 1, by Halley's method, each step of which triples the digits.

    Beyond ±½ it is erfc(x) = 1 − |y| that is solved, which keeps the digits of 1 − |y|.
    """
    if not y:
        return m.zero
    size, wanted = m.fneg(y, exact=True) if y < 0 else y, m.prec
    far = size > 0.5
    rest = m.fsub(1, size, exact=True)
    if m.mag(rest) < CLOSEST:
        raise ValueError("too close to the ends of erfinv")
    x = _near(m, rest) if far else size * m.sqrt(m.pi) / 2
    right = 0  # bits of x
    try:
        while right < wanted + 8:
            m.prec = min(3 * right + 64, wanted + 32)
            off = rest - erfc(m, x) if far else erf(m, x) - size
            step = off * m.exp(x * x) * m.sqrt(m.pi) / 2
            step /= 1 + x * step
            x -= step
            right = 3 * (m.mag(x) - m.mag(step) - 2) if step else m.prec
            right = max(0, min(right, m.prec - 8))
    finally:
        m.prec = wanted
    return +(x if y > 0 else -x)


def _near(m: Any, rest: Any) -> Any:
    """An x where erfc(x) is about `rest`: erfc(x) ~ exp(−x²)/(x·√π)."""
    size = -math.log(2.0) * sum(log2(rest))
    return m.mpf(math.sqrt(max(size - 0.5 * math.log(math.pi * max(size, 1.0)), 0.2)))
