"""Limits where exponentials cancel or are out of reach, and where a pole is on the way; each is worked out by hand."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest

import diffcli
from diffcli.diagnosis import examine

INF, NAN, E = math.inf, math.nan, math.e

#: Formula, x, value, slope; None where it is not asked for.
LIMITS = [
    ("log(cosh(x)) - x", INF, -math.log(2), 0),
    ("log(cosh(x)) + x", -INF, -math.log(2), 0),
    ("x - log(1 + exp(x))", INF, 0, 0),
    ("exp(x)/(1 + exp(x))", INF, 1, 0),
    ("(exp(x) - exp(-x))/(exp(x) + exp(-x))", -INF, -1, 0),
    ("exp(x + exp(-x)) - exp(x)", INF, 1, 0),
    ("(1 + exp(-x))^exp(x)", INF, E, 0),
    ("(1 - tanh(x))*exp(2*x)", INF, 2, 0),
    ("(1 + exp(-x) - 1)*exp(x)", INF, 1, 0),
    ("(exp(x) + x) - exp(x) - x", INF, 0, 0),
    ("cosh(x)^2 - sinh(x)^2", INF, 1, 0),
    ("exp(exp(x))/exp(exp(x) + 1)", INF, 1 / E, 0),
    ("log(log(exp(exp(x)))) - x", INF, 0, 0),
    ("exp(-exp(x))*exp(x)", INF, 0, 0),
    ("x^10/exp(x)", INF, 0, 0),
    ("exp(x) - x^10", INF, INF, INF),
    ("gamma(x + 1)/gamma(x)/x", INF, 1, 0),
    ("exp(x)*sin(x)", INF, NAN, None),
    ("x*sin(x)", INF, NAN, None),
    ("exp(-x)*sin(x)", INF, 0, 0),
    ("(exp(-1/x^2))^(x^2)", 0, 1 / E, 0),
    ("x^(1/log(x))", 0, E, 0),
    ("exp(-log(x))^(1/log(x))", 0, 1 / E, 0),
    ("floor(1/log(x))", 0, -1, 0),
    ("log(exp(1/x^2))*x^2", 0, 1, 0),
    ("where(exp(-1/x^2) > 0, 1, 2)", 1e-20, 1, None),
    ("exp(-x^2)*exp(x^2 + 1)", 1e200, E, 0),
    ("log(exp(x^2))", 1e100, 1e200, 2e100),
    # As slow as one over a logarithm.
    ("log(x)/(1 + log(x))", 0, 1, INF),
    ("log(x)/(1 + log(x))", INF, 1, 0),
    ("log(x)^2/(1 + log(x)^2)", 0, 1, -INF),
    ("(1 + 1/log(x))^log(x)", 0, E, INF),
    ("2 + log(x - 1)/(1 - log(x - 1))", 1, 1, INF),
    ("x*log(x)/(2 + log(x))", 0, 0, 1),
    ("3 - 1/log1p(x)", INF, 3, 0),
    ("sin(log(x))", 0, NAN, None),
]  # fmt: skip


@pytest.mark.parametrize(("source", "x", "value", "slope"), LIMITS, ids=[each[0] for each in LIMITS])
def test_limits(source: str, x: float, value: float, slope: float | None) -> None:
    """Both warned of, and told right."""
    program = diffcli.parse(source)
    told = examine(program, {"x": x}, "eval")[0].refined
    assert told is not None
    np.testing.assert_allclose(told["values"]["f"], value, rtol=1e-15)
    if slope is not None:
        told = examine(program, {"x": x}, "grad")[0].refined
        assert told is not None
        np.testing.assert_allclose([told["value"], told["gradient"]["x"]], [value, slope], rtol=1e-15)


@pytest.mark.parametrize(
    "source",
    [
        "log(log(exp(exp(exp(x))))) - exp(x)",
        "(1 + exp(-exp(exp(x))) - 1)*exp(exp(exp(x)))",
        "exp(exp(exp(x)))*exp(-exp(exp(x)))",
        "exp(-exp(exp(x)))^exp(-exp(exp(x)))",
        "tan(exp(exp(x)))",
    ],
)
def test_what_is_lost_is_not_told(source: str) -> None:
    """At every pace the exponentials are out of reach, and 0, 1 or ∞ only for want of exponents or precision."""
    told = examine(diffcli.parse(source), {"x": INF}, "eval")[0].refined
    assert told is None or math.isnan(told["values"]["f"])


@pytest.mark.parametrize(
    "source", ["beta(exp(x), exp(-x))", "eigvalsh([[exp(x), 1], [1, exp(-x)]])[0]*exp(x)", "tan(exp(x))"]
)
def test_what_is_out_of_all_proportion_is_not_known(source: str) -> None:
    assert examine(diffcli.parse(source), {"x": 1e30}, "eval")[0].refined is None


@pytest.mark.parametrize("source", ["log(x)/(10 + log(x))", "sqrt(-log(x))/(1 + sqrt(-log(x)))"])
def test_what_is_too_slow_is_not_known(source: str) -> None:
    """It does go somewhere: NaN, that there is no limit, would be untrue."""
    for at in (0.0, INF) if "sqrt" not in source else (0.0,):
        found = examine(diffcli.parse(source), {"x": at}, "grad")
        assert found
        assert all(each.refined is None for each in found)


@pytest.mark.parametrize("source", ["1/x", "cos(x)/sin(x)", "1/tan(x)", "gamma(x)", "1/x^3"])
def test_a_pole_of_two_signs_has_no_value_and_so_no_slope(source: str) -> None:
    told = examine(diffcli.parse(source), {"x": 0}, "grad")[0].refined
    assert told is not None
    assert math.isnan(told["value"])
    assert math.isnan(told["gradient"]["x"])


def test_slopes_beside_what_is_out_of_proportion() -> None:
    told = examine(diffcli.parse("exp(x) + y"), {"x": INF, "y": 1}, "grad")[0].refined
    assert told == {"value": INF, "gradient": {"x": INF, "y": 1.0}}


def test_the_slope_of_a_wave_far_out() -> None:
    told = examine(diffcli.parse("sinc(exp(x))"), {"x": 700}, "grad")[0].refined
    with mpmath.workprec(4000):
        u = mpmath.pi * mpmath.exp(700)
        assert told == {"value": float(mpmath.sinc(u)), "gradient": {"x": float(mpmath.cos(u) - mpmath.sinc(u))}}


@pytest.mark.parametrize("source", ["sqrt(1 + x^2)", "x^3/(1 + x^2)", "atan(x^2)", "1/x^2"])
@pytest.mark.parametrize("x", [1e200, 1e300])
def test_no_kink_is_invented_far_out(source: str, x: float) -> None:
    """There second derivatives are 1e-600, and those of one side seemed to be 0."""
    found = examine(diffcli.parse(source), {"x": x}, "hessian")
    assert "kink" not in [each.code for each in found]
    assert all(each.refined is None or each.refined["hessian"] == 0 for each in found)


@pytest.mark.parametrize(
    "source", ["abs(x - 1e200)", "abs(x - 1e200)*(x - 1e200)*1e-300", "sqrt(1 + x^2) + abs(x - 1e200)"]
)
def test_kinks_far_out_are_told(source: str) -> None:
    assert "kink" in [each.code for each in examine(diffcli.parse(source), {"x": 1e200}, "hessian")]


@pytest.mark.parametrize("source", ["exp(-exp(x))", "0.5^exp(x)", "1/(1 + exp(exp(x)))"])
def test_what_is_too_small_for_doubles_is_not_taken_for_rounding(source: str) -> None:
    """Its slope exists, and is nothing to a double, however many digits its exponent has."""
    for x in (800.0, 1000.0, 1200.0, 1400.0):
        told = examine(diffcli.parse(source), {"x": x}, "hessian")[0].refined
        assert told is not None
        assert (told["value"], told["gradient"]["x"], np.ravel(told["hessian"])[0]) == (0, 0, 0), x
