"""Limits are told where every way leads to them: lines, curves, and what the rest does while something grows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import diffcli
from diffcli.diagnosis import examine

INF = math.inf

#: Formula, point, and the limit there: NaN where it depends on the way.
LIMITS: list[tuple[str, dict[str, float], float]] = [
    ("x^2*y/(x^4+y^2)", {"x": 0, "y": 0}, math.nan),  # ½ along y = x², 0 along all lines
    ("x*y^2/(x^2+y^4)", {"x": 0, "y": 0}, math.nan),
    ("x^2/y", {"x": 0, "y": 0}, math.nan),
    ("x^3/(x-y)", {"x": 0, "y": 0}, math.nan),  # where y nears x
    ("x*y*z/(x^2+y^4+z^4)", {"x": 0, "y": 0, "z": 0}, 0.0),
    ("sin(x)/x*y", {"x": 0, "y": 0}, 0.0),
    ("(x^2-y^2)/(x-y)", {"x": 1, "y": 1}, 2.0),
    ("(x^3+y^3)/(x^2+y^2)", {"x": 0, "y": 0}, 0.0),
    ("x*y", {"x": INF, "y": 0}, math.nan),
    ("x*exp(-x)*y", {"x": INF, "y": 0}, 0.0),
    ("x/x*y", {"x": INF, "y": 3}, 3.0),
    ("x^y", {"x": 1, "y": INF}, 1.0),  # by convention
    ("sqrt(x+1)-sqrt(x)", {"x": INF}, 0.0),
]


@pytest.mark.parametrize(("source", "at", "limit"), LIMITS, ids=[f"{source} {at}" for source, at, _ in LIMITS])
def test_a_limit_is_what_every_way_leads_to(source: str, at: dict[str, float], limit: float) -> None:
    finding = examine(diffcli.parse(source), at, "grad")[-1]
    assert finding.refined is not None
    np.testing.assert_equal(finding.refined["value"], limit)
    assert ("the limit exists" in finding.message) <= (not math.isnan(limit))


def test_curves_are_left_out_where_there_is_no_time_for_them() -> None:
    program, at = diffcli.parse("sin(x*y)/(x*y)"), {"x": 0.0, "y": 2.0}
    (finding,) = examine(program, at, "eval", seconds=0.02)
    assert finding.refined == {"values": {"f": 1.0}}


@pytest.mark.parametrize(
    ("source", "at", "hessian"),
    [
        ("x^2*exp(-x)", {"x": INF}, [[0.0]]),
        ("x^2/(1 + 1/x)", {"x": INF}, [[2.0]]),
        ("atan(x)*y^2", {"x": INF, "y": 3.0}, [[0.0, 0.0], [0.0, math.pi]]),
    ],
)
def test_second_derivatives_at_infinity(source: str, at: dict[str, float], hessian: list[list[float]]) -> None:
    refined = examine(diffcli.parse(source), at, "hessian")[0].refined
    assert refined is not None
    np.testing.assert_allclose(refined["hessian"], hessian, rtol=1e-15)


def test_what_is_not_known_is_no_nan() -> None:
    def refined(source: str, at: dict[str, Any], what: str = "grad") -> Any:
        return examine(diffcli.parse(source), at, what)[0].refined

    # Beside so large a number nobody sees y, and the slope of that is out of reach.
    assert refined("exp(exp(exp(x))) + y", {"x": INF, "y": 1}) == {"value": INF, "gradient": None}
    both = refined("exp(exp(exp(x))) + y", {"x": INF, "y": 1}, "hessian")
    assert both == {"value": INF, "gradient": None, "hessian": None}
    assert refined("exp(gamma(exp(x)))", {"x": INF}) == {"value": INF, "gradient": None}
    # An argument with more digits than anybody computes.
    assert refined("sin(exp(exp(x)))", {"x": 20}, "eval") is None
    # And what there is not, is NaN.
    np.testing.assert_equal(refined("log(x)", {"x": -1}), {"value": math.nan, "gradient": {"x": math.nan}})
    np.testing.assert_equal(refined("exp(-1/x)", {"x": 0}, "eval"), {"values": {"f": math.nan}})


def test_an_infinite_cotangent_leaves_a_derivative_of_0_as_it_is() -> None:
    program = diffcli.parse("a = x^2*y; b = exp(x)")
    findings = examine(program, {"x": 1, "y": 1}, "vjp", v={"a": 0, "b": INF})
    assert findings[0].refined is not None
    assert findings[0].refined["vjp"] == {"x": INF, "y": 0.0}


def test_below_0_entr_is_outside_its_domain() -> None:
    (finding,) = examine(diffcli.parse("entr(x)"), {"x": -1}, "eval")
    assert (finding.code, finding.hint) == ("domain", "its argument must be ≥ 0")
