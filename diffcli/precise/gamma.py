"""The gamma function and its family to any precision, at a cost that tiny, huge and near-pole arguments do not change.

mpmath's own prepare hundreds of Taylor coefficients, or Bernoulli numbers, for every precision they meet, which takes
seconds at the precisions of limits. Here everything is Stirling's series far to the right (Abramowitz and Stegun
6.1.40, 6.3.18, 6.4.11), with the exact Bernoulli numbers found once; recurrence leads there, reflection to the right
half. All of it is real: `m` is an mpmath context, x a finite number of it, poles raise `ValueError`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from diffcli.precise.arithmetic import log2

#: Bits that a sum has beyond those wanted of it, in the first place.
SPARE = 40
#: Where Stirling's series is used: at this many times the bits that are wanted. Further off takes fewer terms and more
#: steps of the recurrence, which cost about the same here.
FAR = 0.4
#: log Γ(x) beyond 2^this is not exponentiated: Γ(x) is as good as infinite.
LARGEST = 2500
#: Over so many poles the recurrence leads from below 0 to above in a third of the time that reflection takes.
STEPPED = 64

_bernoulli: list[tuple[int, int]] = []


def bernoulli(count: int) -> list[tuple[int, int]]:
    """B₂, B₄, …, at least `count` of them, as numerators and denominators: from the tangent numbers (R. Brent and
    D. Harvey, Fast computation of Bernoulli, Tangent and Secant numbers, 2011).
    """
    if len(_bernoulli) < count:
        n = max(count, 5 * len(_bernoulli) // 4, 64)
        tangents = [0, 1]
        for k in range(2, n + 1):
            tangents.append((k - 1) * tangents[-1])
        for k in range(2, n + 1):
            for j in range(k, n + 1):
                tangents[j] = (j - k) * tangents[j - 1] + (j - k + 2) * tangents[j]
        _bernoulli.clear()
        for k in range(1, n + 1):
            top, bottom = 2 * k * tangents[k], 4**k * (4**k - 1)
            shared = math.gcd(top, bottom)
            _bernoulli.append(((top if k % 2 else -top) // shared, bottom // shared))
    return _bernoulli


@contextmanager
def _spared(m: Any, bits: int) -> Iterator[None]:
    """More precision for a while."""
    wanted = m.prec
    m.prec = wanted + bits
    try:
        yield
    finally:
        m.prec = wanted


def _total(m: Any, terms: Callable[[], Sequence[Any]], spare: int = 0) -> Any:
    """The sum of what `terms()` gives, to the last bits: with more precision where they cancel. 0 where they do so to
    the end.
    """
    spare += SPARE
    while True:
        with _spared(m, spare):
            found = terms()
            total = m.fsum(found)
            largest = max(m.mag(term) for term in found if term)
            lost = largest - m.mag(total) if total else m.prec
        if lost + 16 <= spare or spare > 4 * m.prec:
            return +total if total and lost < m.prec + spare - 16 else m.zero
        spare = lost + SPARE


# To the right of ½ ------------------------------------------------------------------------------------------


def _steps(m: Any, z: Any, order: int = 0) -> int:
    """How many steps of 1 lead far enough to the right."""
    return max(0, int(FAR * m.prec) + order + 8 - int(z)) if m.mag(z) < 40 else 0


def _series(m: Any, z: Any, order: int) -> Any:
    """Σₖ B₂ₖ·(2k + order − 1)!/((2k)!·(order − 1)!)·z^−2k, to as many bits after the point as the precision; for the
    orders 0 and −1, ψ and log Γ, without the last factorial.
    """
    size = sum(log2(z))
    bits, count = 0.0, 0
    while bits > -m.prec - 8:  # of the term after the last
        count += 1
        k = 2 * count
        bits = (math.lgamma(k + max(order, 0)) - math.lgamma(max(order, 1))) / math.log(2.0) - k * (size + 2.6514961)
    factors = []
    for k, (top, bottom) in enumerate(bernoulli(count)[:count], 1):
        if order < 1:
            factors.append((top, bottom * (2 * k if order == 0 else 2 * k * (2 * k - 1))))
        else:
            factors.append((top * math.comb(2 * k + order - 1, 2 * k), bottom))
    # In whole numbers: the factors times 2^−shift·k, and u times 2^shift, both with so many bits after the point.
    after = m.prec + 16
    u = 1 / (z * z)
    shift = -int(m.mag(u))
    v = int(m.ldexp(u, shift + after))
    total = 0
    for k in range(len(factors), 0, -1):
        top, bottom = factors[k - 1]
        places = after - shift * k
        total = ((top << places if places >= 0 else top >> -places) // bottom + total) * v >> after
    return m.ldexp(m.mpf(total), -after)


def _as_whole(m: Any, z: Any, most: int) -> tuple[int, int]:
    """z as a whole number of 2^−places, with as few places as it needs, and `most` at the most."""
    _, exponent = z.man_exp
    places = min(max(0, -exponent), most)
    return int(m.ldexp(z, places)), places


#: So many factors of a rising factorial are multiplied out as a polynomial with whole coefficients.
BLOCK = 12


def _rising(m: Any, z: Any, count: int) -> Any:
    """z·(z + 1)⋯(z + count − 1), z > 0.

    The i-th factor from the left times the i-th from the right is w + i·(count − 1 − i), w = z·(z + count − 1): whole
    numbers and a w that is always the same, so that few multiplications have all digits (D. Smith, 1989).
    """
    if not count:
        return m.one
    after = m.prec + 64
    w = int(m.ldexp(m.fmul(z, m.fadd(z, count - 1, exact=True), exact=True), after))
    powers = [1 << after, w]
    while len(powers) <= BLOCK:
        powers.append(powers[-1] * w >> after)
    middle = int(m.ldexp(z + (count - 1) // 2, after)) if count % 2 else 1 << after
    product, exponent = middle, -after
    for first in range(0, count // 2, BLOCK):
        coefficients = [1]  # of w⁰, w¹, …
        for i in range(first, min(first + BLOCK, count // 2)):
            c = i * (count - 1 - i)
            coefficients = [c * low + high for low, high in zip([*coefficients, 0], [0, *coefficients], strict=True)]
        product *= sum(c * power for c, power in zip(coefficients, powers, strict=False))
        exponent -= after
        excess = product.bit_length() - after
        if excess > 0:
            product >>= excess
            exponent += excess
    return m.ldexp(m.mpf(product), exponent)


def _reciprocals(m: Any, z: Any, count: int, power: int) -> Any:
    """Σ (z + k)^−power for k = 0, …, count − 1."""
    if not count:
        return m.zero
    after = m.prec + power * int(m.mag(z + count))
    here, places = _as_whole(m, z, after)
    one, top, total = 1 << places, 1 << after + places, 0
    for _ in range(count):
        factor = term = top // here
        for bit in format(power, "b")[1:]:
            term = term * term >> after
            if bit == "1":
                term = term * factor >> after
        total += term
        here += one
    return m.ldexp(m.mpf(total), -after)


def _log_gamma(m: Any, z: Any) -> list[Any]:
    """Addends of log Γ(z), z ≥ ½."""
    count = _steps(m, z)
    product = _rising(m, z, count)
    z += count
    terms = [(z - 0.5) * m.log(z), -z, m.log(2 * m.pi) / 2, z * _series(m, z, -1)]
    return [*terms, -m.log(product)] if count else terms


def _psi(m: Any, n: int, z: Any) -> list[Any]:
    """Addends of ψ⁽ⁿ⁾(z), n ≥ 0, z ≥ ½; of (−1)ⁿ⁺¹·ψ⁽ⁿ⁾(z)/n! for n ≥ 1, which is Σ (z + k)^(−n−1)."""
    count = _steps(m, z, n)
    head = _reciprocals(m, z, count, n + 1)
    z += count
    if n == 0:
        return [m.log(z), -1 / (2 * z), -_series(m, z, 0), -head]
    return [head, (1 + m.mpf(n) / (2 * z) + _series(m, z, n)) / (n * z**n)]


# Everywhere -------------------------------------------------------------------------------------------------


def _nearest(m: Any, x: Any) -> tuple[Any, Any]:
    """The whole number next to x, and x less it, exactly."""
    whole = m.nint(x)
    rest = m.fsub(x, whole, exact=True)
    if not rest and x <= 0:
        raise ValueError("a pole of the gamma function")
    return whole, rest


def _mirrored(m: Any, x: Any) -> Any:
    """1 − x."""
    return m.fsub(1, x)


def _odd(m: Any, whole: Any) -> bool:
    return bool(m.mag(whole) <= m.prec + 64 and int(whole) % 2)


def lgamma(m: Any, x: Any) -> Any:
    """log|Γ(x)|."""
    whole, rest = _nearest(m, x)
    if whole in (1, 2) and not rest:
        return m.zero
    # Next to its zeros at 1 and 2 it is as small as the way to them.
    spare = -m.mag(rest) if whole in (1, 2) else 0

    def terms() -> Sequence[Any]:
        if x >= 0.5:
            return _log_gamma(m, x)
        return [m.log(m.pi / abs(m.sinpi(rest))), *(-term for term in _log_gamma(m, _mirrored(m, x)))]

    return _total(m, terms, spare)


def _signed(m: Any, x: Any) -> tuple[Any, int]:
    """log|Γ(x)| to as many bits after the point as before it, and the sign of Γ(x)."""
    whole, rest = _nearest(m, x)
    spare = max(0, int(m.mag(x)) + int(m.mag(x)).bit_length()) if m.mag(x) < LARGEST else 0
    with _spared(m, spare + SPARE):
        logarithm = lgamma(m, x)
    below = x < 0.5
    return logarithm, -1 if below and _odd(m, whole) != (rest < 0) else 1


def _exponential(m: Any, logarithm: Any) -> Any:
    if m.mag(logarithm) > LARGEST:
        return m.inf if logarithm > 0 else m.zero
    return m.exp(logarithm)


def gamma(m: Any, x: Any) -> Any:
    """Γ(x)."""
    logarithm, sign = _signed(m, x)
    return +(sign * _exponential(m, logarithm))


def psi(m: Any, n: int, x: Any) -> Any:
    """ψ⁽ⁿ⁾(x), n ≥ 0: digamma for n = 0."""
    whole, rest = _nearest(m, x)

    def below() -> Sequence[Any]:
        if -(n + 1) * m.mag(rest) > m.prec + 4 * n + 64:  # beside the nearest pole nothing else is seen
            return [rest ** -(n + 1) if n else -1 / rest]
        if n and whole > -STEPPED:
            return [*((rest + k) ** -(n + 1) for k in range(int(whole), 1)), *_psi(m, n, 1 + rest)]
        mirrored = _psi(m, n, _mirrored(m, x))
        if n == 0:
            return [*mirrored, -m.pi * m.cospi(rest) / m.sinpi(rest)]
        # The sum over all whole numbers, less what lies below x; the nearest pole's term stands alone.
        sign = -1 if n % 2 == 0 else 1
        sides = [*_psi(m, n, 1 + rest), *(sign * term for term in _psi(m, n, 1 - rest))]
        return [rest ** -(n + 1), *sides, *(-sign * term for term in mirrored)]

    def above() -> Sequence[Any]:
        return _psi(m, n, x)

    total = _total(m, above if x >= 0.5 else below)
    return total if n == 0 else total * m.factorial(n) * (-1 if n % 2 == 0 else 1)


def beta(m: Any, a: Any, b: Any) -> Any:
    """B(a, b) = Γ(a)·Γ(b)/Γ(a + b); 0 where only a + b is a pole, and the limit along a where a is one too."""
    poles = [x for x in (a, b) if x <= 0 and m.isint(x)]
    total = m.fadd(a, b, exact=True)
    if total <= 0 and m.isint(total) and len(poles) < 2:
        if not poles:
            return m.zero
        (pole,) = poles
        other = b if pole is a else a
        # Γ(−n + ε)/Γ(−n + k + ε) → (−1)ᵏ·(n − k)!/n!, n = −pole, k = other.
        size = gamma(m, other) * gamma(m, 1 - total) / gamma(m, 1 - pole)
        return -size if _odd(m, other) else size
    if poles:
        raise ValueError("a pole of the gamma function")
    with _spared(m, SPARE + max(0, *(int(m.mag(x)) + 16 for x in (a, b, total)))):
        (p, s), (q, t), (r, u) = (_signed(m, x) for x in (a, b, total))
        value = s * t * u * _exponential(m, p + q - r)
    return +value
