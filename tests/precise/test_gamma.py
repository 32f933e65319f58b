"""The gamma family and erfinv in arbitrary precision, against mpmath's own functions with more digits."""

from __future__ import annotations

import mpmath
import pytest

from diffcli.precise import gamma
from diffcli.precise.erfinv import erfinv

POINTS = [
    0.3, 0.5, 1.5, 3.0, 7.25, 20.0, 100.5, 1e15, 1e-10, 1e-300, 1 + 2.0**-40, 2 - 2.0**-40,
    -0.5, -2.5, -1e-10, -2 + 2.0**-40, -2 - 2.0**-40, -63.25, -64.75, -100.25, -1000.75,
    1.4616321449683622, -0.5040830082644554, -2.4570247382208006, -3.14358088834998,
]  # fmt: skip


@pytest.fixture
def m() -> mpmath.MPContext:
    return mpmath.MPContext()


def _close(found: object, exact: object, bits: int) -> None:
    with mpmath.workprec(4 * bits + 400):
        assert abs(mpmath.mpf(found) - exact) <= abs(exact) * mpmath.mpf(2) ** (3 - bits)


@pytest.mark.parametrize("bits", [100, 700])
@pytest.mark.parametrize("x", POINTS)
def test_one_argument(m: mpmath.MPContext, x: float, bits: int) -> None:
    m.prec = bits
    with mpmath.workprec(3 * bits + 300):
        if abs(x) < 1e6:
            _close(gamma.gamma(m, m.mpf(x)), mpmath.gamma(x), bits)
        _close(gamma.lgamma(m, m.mpf(x)), mpmath.re(mpmath.loggamma(x)), bits)
        for n in (0, 1, 2, 5):
            _close(gamma.psi(m, n, m.mpf(x)), mpmath.psi(n, x), bits)
    assert m.prec == bits


@pytest.mark.parametrize(
    ("a", "b"),
    [(0.5, 0.25), (-0.5, 2.25), (1e-5, 3), (1000.5, 2000.25), (-2.5, 1.5 + 2.0**-30), (-2.5, -1.25), (1e-200, 1e-100),
     (1e8, 3.5), (3, 4), (-3, 2), (1, -1), (-4, 3), (-2.5, 0.5)],
)  # fmt: skip
def test_beta(m: mpmath.MPContext, a: float, b: float) -> None:
    m.prec = 150
    with mpmath.workprec(600):
        _close(gamma.beta(m, m.mpf(a), m.mpf(b)), mpmath.beta(a, b), 150)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 23, 24, 25, 26, 27, 401])
@pytest.mark.parametrize("z", [0.5, 1.0, 3.1, 333.3])
def test_rising_factorials(m: mpmath.MPContext, z: float, count: int) -> None:
    m.prec = 900
    z = m.mpf(z) + m.mpf(2) ** -300
    _close(gamma._rising(m, z, count), m.fprod(m.fadd(z, i, exact=True) for i in range(count)), 895)


def test_zeros_are_zeros(m: mpmath.MPContext) -> None:
    assert gamma.lgamma(m, m.mpf(1)) == gamma.lgamma(m, m.mpf(2)) == gamma.beta(m, m.mpf(-1.5), m.mpf(0.5)) == 0


@pytest.mark.parametrize("x", [0, -1, -2, -1000])
def test_poles(m: mpmath.MPContext, x: int) -> None:
    for f in (gamma.gamma, gamma.lgamma, lambda m, x: gamma.psi(m, 0, x), lambda m, x: gamma.psi(m, 3, x)):
        with pytest.raises(ValueError, match="pole"):
            f(m, m.mpf(x))
    with pytest.raises(ValueError, match="pole"):
        gamma.beta(m, m.mpf(x), m.mpf(0.5))
    with pytest.raises(ValueError, match="pole"):
        gamma.beta(m, m.mpf(x), m.mpf(x))


@pytest.mark.parametrize("n", [0, 1, 2, 7])
def test_next_to_a_pole_by_the_laurent_series(m: mpmath.MPContext, n: int) -> None:
    """Γ(−2 + t) = (1/t + 3/2 − γ)/2 + O(t), and ψ⁽ⁿ⁾(−2 + t) = (−1)ⁿ⁺¹·n!/tⁿ⁺¹ + O(1)."""
    m.prec = 3000
    t = m.mpf(2) ** -900
    x = -2 + t
    assert abs(gamma.gamma(m, x) - (1 / t + 1.5 - m.euler) / 2) < m.mpf(2) ** -890
    leading = (-1) ** (n + 1) * m.factorial(n) / t ** (n + 1)
    assert abs(gamma.psi(m, n, x) / leading - 1) <= 2 * t


def test_huge_arguments_by_stirling(m: mpmath.MPContext) -> None:
    x = m.mpf(2) ** 3000
    assert m.almosteq(gamma.lgamma(m, x), x * (m.log(x) - 1))
    assert m.almosteq(gamma.psi(m, 0, x), m.log(x))
    assert m.almosteq(gamma.psi(m, 1, x), 1 / x)
    assert gamma.gamma(m, x) == m.inf


@pytest.mark.parametrize("y", [0.3, 0.5, 0.51, 1e-200, -0.9, 0.999999, -1 + 2.0**-53])
@pytest.mark.parametrize("bits", [60, 900])
def test_erfinv(m: mpmath.MPContext, y: float, bits: int) -> None:
    m.prec = bits
    x = erfinv(m, m.mpf(y))
    with mpmath.workprec(2 * bits + 700):
        off = (mpmath.erf(x) - y) * mpmath.exp(mpmath.mpf(x) ** 2) * mpmath.sqrt(mpmath.pi) / 2
        assert abs(off) <= abs(x) * mpmath.mpf(2) ** (1 - bits)


def test_erfinv_at_its_ends(m: mpmath.MPContext) -> None:
    assert erfinv(m, m.zero) == 0
    with pytest.raises(ValueError, match="close"):
        erfinv(m, m.fsub(1, m.mpf(2) ** -2_000_000, exact=True))
