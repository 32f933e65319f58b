"""How large numbers are, by logarithms that have no more digits than are read."""

from __future__ import annotations

import math

import mpmath
import pytest

from diffcli.precise.arithmetic import Arithmetic, log2


@pytest.mark.parametrize("exponent", [-(2**60), -2700, -1, 0, 1, 100, 2**60])
@pytest.mark.parametrize("mantissa", [1.0, 1.25, math.pi / 2, 2.0 - 2.0**-52])
def test_the_digits_of_a_double_are_right(mantissa: float, exponent: int) -> None:
    ar = Arithmetic()
    ar.m.prec = 3000
    x = ar.m.ldexp(ar.m.mpf(mantissa), exponent)
    whole, rest = log2(x)
    with mpmath.workprec(3000):
        wanted = mpmath.log(mpmath.mpf(mantissa), 2) + exponent
        assert abs(whole + mpmath.mpf(rest) - wanted) < 2.0**-50
    assert mantissa != 1.0 or ar.log2(x) == exponent


def test_numbers_of_more_digits_than_a_double_are_rounded() -> None:
    ar = Arithmetic()
    ar.m.prec = 5000
    nearly = 2 - ar.m.mpf(2) ** -4000
    assert ar.log2(nearly) == 1
    assert ar.log2(1 / nearly) == -1
    assert abs(ar.log2(ar.m.mpf(10) ** 1000) / 1000 - math.log2(10)) < 1e-14
