"""erf and erfc far off, where they are constants but for a tail.

mpmath sums a series as long as all the digits, which takes seconds at 8,000 bits; of the tail only the digits that show
beside the constant are needed.
"""

from __future__ import annotations

from typing import Any

#: From here on the tail is computed by itself.
FAR = 4


def erf(m: Any, x: Any) -> Any:
    """erf(x) at the precision of `m`, for a finite x."""
    return m.sign(x) * (1 - _tail(m, abs(x))) if abs(x) > FAR else m.erf(x)


def erfc(m: Any, x: Any) -> Any:
    """erfc(x) at the precision of `m`, for a finite x."""
    return 2 - _tail(m, -x) if x < -FAR else m.erfc(x)


def _tail(m: Any, x: Any) -> Any:
    """erfc(x) of a large x to as many digits as are seen beside 1: it is less than exp(−x²)."""
    shown = m.prec - int(1.44269 * float(min(x, m.mpf(2) ** 64)) ** 2) + 32
    if shown <= 0:
        return m.zero
    precision = m.prec
    try:
        m.prec = max(shown, 64)
        return m.erfc(x)
    finally:
        m.prec = precision
