"""Several reasons at one point: each number that is wrong has its own, and what takes no part in a number is none."""

from __future__ import annotations

import math

import pytest

import diffcli
from diffcli.diagnosis import examine
from diffcli.diagnosis.findings import Finding


def examined(text: str, at: dict[str, float], what: str = "grad") -> list[Finding]:
    return examine(diffcli.parse(text), at, what)


def test_a_number_on_another_branch_has_a_reason_of_its_own() -> None:
    found = examined("p = log(1 - x); [p, (p if x < 1 else y) + log2(y)]", {"x": 2.0, "y": -1.0}, "jacobian")
    assert {each.expression for each in found} == {"log(1 - x)", "log2(y)"}


def test_what_a_power_of_one_takes_is_no_reason() -> None:
    # 1ⁿ is 1 whatever n is, so it is the other logarithm that makes the value NaN.
    found = examined("abs(y)^log(x) + log2(y)", {"x": -1.0, "y": -1.0})
    assert {each.expression for each in found} == {"log(x)", "log2(y)"}


@pytest.mark.parametrize("text", ["ceil((x + y)^4)", "floor(exp(x)*y)", "round((x + y)^4) + y", "trunc(exp(x)^2 + y)"])
def test_no_step_of_one_is_missed_beside_large_numbers(text: str) -> None:
    assert examined(text, {"x": 40.1, "y": 1e17}) == []


def test_a_remainder_by_many_periods_is_exact() -> None:
    (finding, *_) = examined("fmod(exp2(x), y) + log(z)", {"x": 1000.0, "y": 1000.0, "z": 0.0}, "eval")
    assert finding.code == "pole"
    (finding, *_) = examined("fmod(exp2(x), y) + 0*sqrt(z)", {"x": 1000.0, "y": 1000.0, "z": 0.0})
    assert finding.refined is not None
    assert finding.refined["value"] == pow(2, 1000, 1000) == 376


def test_what_rounding_alone_tells_apart_is_equal() -> None:
    at = {"x": 0.8348304155011528}
    (finding,) = examined("where(tan(atan2(x, x)) < 1, 2*x, 3*x)", at)
    assert "is decided by" in finding.message
    assert finding.refined == {"value": 3 * at["x"], "gradient": {"x": 3.0}}


@pytest.mark.parametrize("text", ["log_sigmoid(x)^1.5", "log_sigmoid(2*x)**(x^0.3)"])
def test_a_number_below_a_domain_that_underflows_has_no_value(text: str) -> None:
    at = {"x": 800.0}
    assert diffcli.evaluate(diffcli.parse(text), at) == {"f": 0.0}
    for finding in examined(text, at):
        assert finding.refined is None or math.isnan(finding.refined["value"])
    assert examined(text, at)
