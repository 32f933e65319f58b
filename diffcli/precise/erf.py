"""erf and erfc to any precision, where mpmath takes seconds: far off, and with thousands of bits.

Far off they are constants but for a tail, of which only the digits that show beside the constant are needed. The tail
itself is erfc's asymptotic series (Abramowitz and Stegun 7.1.23) where that has the digits, else one less the series of
erf (7.1.6), with as many more digits as cancel.
"""

from __future__ import annotations

from math import isqrt, lgamma, log, log2
from typing import Any

#: From here on the tail is computed by itself.
FAR = 4
#: With fewer bits mpmath is as fast.
MANY = 700


def erf(m: Any, x: Any) -> Any:
    """erf(x) at the precision of `m`, for a finite x."""
    if abs(x) > FAR:
        return m.sign(x) * (1 - _tail(m, abs(x)))
    return m.sign(x) * _series(m, abs(x), m.prec + 32) if m.prec > MANY and m.mag(x) > -64 and x else m.erf(x)


def erfc(m: Any, x: Any) -> Any:
    """erfc(x) at the precision of `m`, for a finite x."""
    if x < -FAR:
        return 2 - _tail(m, -x)
    return _beyond(m, x) if x > 1 and m.prec > MANY else m.erfc(x)


def _tail(m: Any, x: Any) -> Any:
    """erfc(x) of a large x to as many digits as are seen beside 1: it is less than exp(−x²)."""
    shown = m.prec - int(1.44269 * float(min(x, m.mpf(2) ** 64)) ** 2) + 32
    if shown <= 0:
        return m.zero
    precision = m.prec
    try:
        m.prec = max(shown, 64)
        return erfc(m, x)
    finally:
        m.prec = precision


def _beyond(m: Any, x: Any) -> Any:
    """erfc(x), x > 1."""
    wanted = m.prec
    lost = int(1.4427 * float(min(x, m.mpf(2) ** 64)) ** 2) + 16  # bits that erf(x) is short of 1
    if lost > wanted + 64:
        return _asymptotic(m, x)
    try:
        m.prec = wanted + lost + 64
        return 1 - _series(m, x, m.prec)
    finally:
        m.prec = wanted


def _asymptotic(m: Any, x: Any) -> Any:
    """exp(−x²)/(x·√π)·Σ (−1)ᵏ·(2k − 1)!!/(2x²)ᵏ."""
    wanted, bits = m.prec, m.prec + 48
    try:
        m.prec = bits + 2 * max(0, int(m.mag(x)))  # exp multiplies the error of x²
        square = x * x
        u = int(m.ldexp(1 / (2 * square), bits))
        total = term = 1 << bits
        k = 1
        while term:
            term = -((term * u >> bits) * (2 * k - 1))
            total += term
            k += 1
            if k > 2 * square:
                break
        value = m.exp(-square) * m.ldexp(m.mpf(total), -bits) / (x * m.sqrt(m.pi))
    finally:
        m.prec = wanted
    return +value


def _series(m: Any, x: Any, bits: int) -> Any:
    """erf(x) = 2x·exp(−x²)/√π·Σ tᵏ/(2k + 1)!!, t = 2x², to so many bits, x > 0.

    All terms are positive. They are added in blocks, from the last one: within a block there are divisions by small
    numbers only, and a multiplication with all digits stands between two blocks (D. Smith, 1989).
    """
    wanted = m.prec
    try:
        m.prec = bits + 32 + 2 * max(0, int(m.mag(x)))
        square = x * x
        after = m.prec
        t = int(m.ldexp(2 * square, after))
        count = _terms(float(2 * square), bits)
        width = max(1, isqrt(count))
        powers = [1 << after]
        for _ in range(width):
            powers.append(powers[-1] * t >> after)
        total = 0
        for k in range(count, -1, -1):
            place = k % width
            if place == width - 1:
                total = total * powers[width] >> after
            total = (powers[place] + total) // (2 * k + 1)
        value = 2 * x * m.exp(-square) / m.sqrt(m.pi) * m.ldexp(m.mpf(total), -after)
    finally:
        m.prec = wanted
    return +value


def _terms(t: float, bits: int) -> int:
    """From which k on tᵏ/(2k + 1)!! is nothing beside 1, at so many bits."""

    def size(k: int) -> float:  # (2k + 1)!! = 2^(k+1)·Γ(k + 3/2)/√π
        return k * log2(t / 2.0) - lgamma(k + 1.5) / log(2.0)

    low, high = int(t), int(t) + 64
    while size(high) > -bits - 16:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if size(middle) > -bits - 16 else (low, middle)
    return high
