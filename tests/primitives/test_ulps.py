"""The accuracy that docs/accuracy.md promises, on fewer points than the command that measures it takes."""

from __future__ import annotations

import mpmath
import pytest

from diffcli.graph import TABLE
from diffcli.primitives import FUNCTIONS, error_functions, gamma_family, twofold

from . import accuracy, coefficients

NAMES = {case.name for case in accuracy.CASES}
#: Elementwise functions that are exact or locally constant, and those composed of measured ones.
EXACT = {"abs", "ceil", "clip", "floor", "heaviside", "relu", "round", "sign", "stop", "trunc", "where"}


@pytest.mark.parametrize("case", accuracy.CASES, ids=lambda case: case.name + "".join(f"-{p:g}" for p in case.params))
def test_value_and_derivatives(case: accuracy.Case) -> None:
    worst = accuracy.measure(case, 60 if len(case.arguments) > 1 else 150, seed=1)
    limits = (case.limits[0], *[case.limits[1]] * (len(worst.errors) - 1))
    assert all(error <= limit for error, limit in zip(worst.errors, limits, strict=True)), worst


def test_every_elementwise_function_is_measured() -> None:
    families = ("elementwise", "piecewise")
    public = {callee.doc.name for callee in FUNCTIONS.values() if callee.doc.family in families}
    assert public - EXACT - NAMES == set()
    assert {"divide", "multiply", "reciprocal", "square"} <= NAMES & set(TABLE)


@pytest.mark.parametrize("case", accuracy.CASES, ids=lambda case: case.name + "".join(f"-{p:g}" for p in case.params))
def test_the_stated_derivatives_are_the_values_differences(case: accuracy.Case) -> None:
    """The truth is written twice, as a function and as its derivatives: here the two are held against each other."""
    m = accuracy.M
    rng = accuracy.np.random.default_rng(3)
    m.prec = 300
    for _ in range(2):
        lows = [max(d.low + 0.1, 0.1) for d in case.arguments]
        point = [
            m.mpf(float(rng.uniform(low, min(d.high, low + 0.8)))) for low, d in zip(lows, case.arguments, strict=True)
        ]
        for i, partial in enumerate(case.partials):
            if partial is None:
                continue
            h = m.mpf(2) ** -60
            across = [case.value(*[x + k * h if j == i else x for j, x in enumerate(point)]) for k in (1, -1)]
            m.prec = 300
            assert abs((across[0] - across[1]) / (2 * h) - partial(*point)) < m.mpf(2) ** -80 * (
                1 + abs(partial(*point))
            )


def test_the_coefficients_are_those_that_are_derived() -> None:
    assert tuple(map(float, coefficients.erf_series())) == error_functions.ERF
    assert tuple(map(float, coefficients.erfcx_series())) == error_functions.ERFCX
    assert coefficients.pair(coefficients.erfcx_series()[0])[1] == error_functions.ERFCX_LOW
    assert [coefficients.pair(b) for b in coefficients.bernoulli_terms(14)] == gamma_family.BERNOULLI


def test_constants_in_two_parts() -> None:
    m = coefficients.M
    for value, exact in (
        (twofold.PI, m.pi + 0),
        (twofold.LOG_PI, m.log(m.pi)),
        (twofold.HALF_LOG_TAU, m.log(2 * m.pi) / 2),
        (twofold.INVERSE_E, m.exp(-1)),
        (twofold.E, m.e + 0),
    ):
        assert value == coefficients.pair(exact)
    for k, value in enumerate(twofold._INVERSE_FACTORIALS):
        assert value == coefficients.pair(1 / m.factorial(k))
    for high, low, slope, curvature in gamma_family._ZEROS_OF_LGAMMA:
        zero = m.mpf(high) + m.mpf(low)
        assert abs(m.log(abs(m.gamma(zero)))) < 1e-30 * abs(slope)
        assert slope == float(m.digamma(zero)) or abs(slope / m.digamma(zero) - 1) < 1e-15
        assert abs(curvature / (m.psi(1, zero) / 2) - 1) < 1e-15
    for high, low, slope, curvature in gamma_family._ZEROS_OF_PSI:
        zero = m.mpf(high) + m.mpf(low)
        assert abs(m.digamma(zero)) < 1e-30 * abs(slope)
        assert abs(slope / m.psi(1, zero) - 1) < 1e-15
        assert abs(curvature / (m.psi(2, zero) / 2) - 1) < 1e-15


@pytest.mark.parametrize(
    ("ours", "exact", "low", "high"),
    [
        (twofold.exp, mpmath.mp.exp, -500.0, 500.0),
        (twofold.expm1, mpmath.mp.expm1, -2.0, 2.0),
        (twofold.log, mpmath.mp.log, 1e-3, 1e3),
        (twofold.log1p, mpmath.mp.log1p, -0.9, 0.9),
        (lambda x: twofold.sin_cos_pi(x)[0], mpmath.mp.sinpi, -0.5, 0.5),
        (lambda x: twofold.sin_cos_pi(x)[1], mpmath.mp.cospi, -0.5, 0.5),
    ],
    ids=["exp", "expm1", "log", "log1p", "sin", "cos"],
)
def test_twice_the_precision(ours, exact, low, high) -> None:  # type: ignore[no-untyped-def]
    np = accuracy.np
    rng = np.random.default_rng(5)
    x = rng.uniform(low, high, 200)
    below = x * rng.uniform(-1, 1, 200) * 2.0**-54
    found = ours((x, below))
    with mpmath.workprec(300):
        for a, b, h, low_part in zip(x, below, *found, strict=True):
            want = exact(mpmath.mpf(float(a)) + mpmath.mpf(float(b)))
            assert abs(mpmath.mpf(float(h)) + mpmath.mpf(float(low_part)) - want) <= abs(want) * mpmath.mpf(2) ** -98
