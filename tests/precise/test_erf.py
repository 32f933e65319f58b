"""erf and erfc far off, by their tails, are those of mpmath's series, in a thousandth of the time."""

from __future__ import annotations

import time

import mpmath
import pytest

from diffcli.precise.erf import erf, erfc


@pytest.mark.parametrize("precision", [60, 200, 1000])
@pytest.mark.parametrize("x", [0.5, 4.5, -4.5, 7.25, -20.0, 26.5])
def test_the_tail_has_all_the_digits_that_show(x: float, precision: int) -> None:
    m = mpmath.MPContext()
    m.prec = precision + 200
    wanted = m.erf(m.mpf(x)), m.erfc(m.mpf(x))
    m.prec = precision
    found = erf(m, m.mpf(x)), erfc(m, m.mpf(x))
    m.prec = precision + 200
    for a, b in zip(found, wanted, strict=True):
        assert abs(a - b) <= abs(b) * m.mpf(2) ** (2 - precision)


def test_far_off_it_is_fast() -> None:
    m = mpmath.MPContext()
    m.prec = 8_300
    start = time.process_time()
    assert 0 < 1 - erf(m, m.mpf(75)) < m.mpf(10) ** -2400
    assert erf(m, -(m.mpf(10) ** 40_000)) == -1
    assert time.process_time() - start < 0.1  # mpmath's takes 0.6 s


@pytest.mark.parametrize("precision", [720, 2500])
@pytest.mark.parametrize("x", [1e-9, 0.3, -0.7, 1.4, 3.9, 4.2, 13.0, 26.0, 45.0])
def test_own_series_have_all_digits_of_many(x: float, precision: int) -> None:
    m = mpmath.MPContext()
    m.prec = precision
    found = erf(m, m.mpf(x)), erfc(m, m.mpf(x))
    m.prec = 2 * precision
    for a, b in zip(found, (m.erf(m.mpf(x)), m.erfc(m.mpf(x))), strict=True):
        assert abs(a - b) <= abs(b) * m.mpf(2) ** (2 - precision)
