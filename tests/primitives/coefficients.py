"""Derives the coefficients of error_functions.py: `python -m tests.primitives.coefficients` prints them.

Polynomials through the Chebyshev points of their interval, found in 60 digits and then rounded. That is within a
small factor of the best polynomial of the degree, and the degree is chosen so that the error is far below an ulp.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath

M = mpmath.mp.clone()
M.dps = 60

ERFCX_CENTRE = 3.75


def fitted(f: Callable[[Any], Any], low: float, high: float, degree: int) -> list[Any]:
    """The coefficients c₀, c₁, … of the polynomial in u that meets f at the Chebyshev points of [low, high]."""
    n = degree + 1
    nodes = [(low + high) / M.mpf(2) + (high - low) / M.mpf(2) * M.cospi(M.mpf(2 * k + 1) / (2 * n)) for k in range(n)]
    matrix = M.matrix(n, n)
    for i, u in enumerate(nodes):
        for j in range(n):
            matrix[i, j] = u**j
    return list(M.lu_solve(matrix, M.matrix([f(u) for u in nodes])))


def erf_series() -> list[Any]:
    """erf(x)/x in u = x², for |x| ≤ 1."""
    return fitted(lambda u: M.erf(M.sqrt(u)) / M.sqrt(u) if u > 0 else 2 / M.sqrt(M.pi), 0, 1, 14)


def erfcx_series() -> list[Any]:
    """(1 + 2x)·exp(x²)·erfc(x) in t = (x − 3.75)/(x + 3.75), for all x ≥ 0 (Schonfelder 1978)."""

    def f(t: Any) -> Any:
        x = ERFCX_CENTRE * (1 + t) / (1 - t)
        if x > 40:  # the asymptotic series: its terms fall below 1e-60 long before they grow
            total, term = M.mpf(1), M.mpf(1)
            for k in range(1, 60):
                term *= -(2 * k - 1) / (2 * x * x)
                total += term
            return (1 + 2 * x) / (x * M.sqrt(M.pi)) * total
        with M.workdps(60 + int(x * x / 2)):
            return (1 + 2 * x) * M.exp(x * x) * M.erfc(x)

    return fitted(f, -1, 1, 26)


def bernoulli_terms(count: int) -> list[Any]:
    """B₂ₖ for k = 1 … count: the numerators of Stirling's and of the Euler–Maclaurin series."""
    return [M.bernoulli(2 * k) for k in range(1, count + 1)]


def pair(x: Any) -> tuple[float, float]:
    """A number as the sum of two floats."""
    high = float(x)
    return high, float(x - M.mpf(high))


def main() -> None:
    """Prints every table."""
    for name, series in (("ERF", erf_series()), ("ERFCX", erfcx_series())):
        print(f"{name} = {[float(c) for c in series]}")
    print(f"BERNOULLI = {[pair(b) for b in bernoulli_terms(20)]}")


if __name__ == "__main__":
    main()
