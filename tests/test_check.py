from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

import diffcli
import diffcli.precise
from diffcli.check import agreement, check, ridders
from tests.cli.conftest import Run, run  # noqa: F401

SCHEMAS = Path(diffcli.__file__).parent / "report" / "schemas"


def verdicts(source: str, at: dict[str, Any]) -> list[str]:
    return [each.verdict for each in check(diffcli.parse(source), at).components]


@pytest.mark.parametrize(
    ("source", "at", "wanted"),
    [
        ("sin(x)*y", {"x": 1, "y": 2}, ["agrees", "agrees"]),
        ("[x*y, exp(x)]", {"x": 1, "y": 2}, ["agrees"] * 4),
        ("abs(x)", {"x": 0}, ["kink"]),
        ("max(x, y)", {"x": 1, "y": 1}, ["kink", "kink"]),
        ("sqrt(x)", {"x": 0}, ["agrees"]),
        ("log(x)", {"x": -1}, ["agrees"]),
        ("where(x == 3, 9, x^2)", {"x": 3}, ["disagrees"]),
        ("sqrt(x^4)", {"x": 0}, ["disagrees"]),
        ("(1 - cos(x))/x^2", {"x": 1e-5}, ["ill-conditioned"]),
        ("x/y", {"x": 1, "y": 0}, ["ill-conditioned", "agrees"]),
        ("log(exp(x))", {"x": 1e30}, ["disagrees"]),
        ("exp(x)", {"x": 1e30}, ["agrees"]),
        ("gamma(x)", {"x": -1}, ["ill-conditioned"]),
        ("where(x == 3, 9.5, x^2)", {"x": 3}, ["kink"]),  # a jump
        ("1/sinh(atan2(y, x))", {"y": 0, "x": -1.25}, ["kink", "agrees"]),  # its sides differ from it by a rounding
        ("mean(log_sigmoid(where(v < 1, v^2, v)))", {"v": [0.5, 1, 30]}, ["agrees", "kink", "agrees"]),
        (
            "[where(z > 0, log(x), y), y^2]",
            {"x": -1, "y": 1, "z": 1},
            ["agrees"] * 6,
        ),
        (
            "acos(10) + x + where(y > 1, 0, z)",
            {"x": 1, "y": 2, "z": 3},
            ["ill-conditioned", "agrees", "agrees"],
        ),
        ("sort(log10([x + abs(z), y]))[1]", {"x": 0, "y": 2, "z": 0}, ["agrees", "agrees", "agrees"]),
        ("exp(x) + y", {"x": 1e5, "y": 1}, ["agrees", "ill-conditioned"]),  # no precision shows y beside it
        ("gamma(x)*y", {"x": 1e300, "y": 2}, ["agrees", "agrees"]),
        (
            "concat(1/([1, x] + [y, x])^2, [fmod(y, 3) - atanh(10)])",
            {"x": -1.1, "y": -1.02},
            ["agrees"] * 5 + ["ill-conditioned"],
        ),
        ("log(exp(exp(exp(x))))", {"x": 20}, ["ill-conditioned"]),
        ("log(exp(exp(exp(x))))", {"x": 1}, ["agrees"]),
    ],
)
def test_verdicts(source: str, at: dict[str, Any], wanted: list[str]) -> None:
    assert verdicts(source, at) == wanted


def test_without_mpmath_extrapolated_differences_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diffcli.precise, "available", lambda: False)
    found = check(diffcli.parse("sin(x)*exp(y) + sum(v^3)"), {"x": 1, "y": 2, "v": [1, 2]})
    assert found.method == "differences"
    assert found.agrees
    assert all(each.digits > 8 for each in found.components)
    assert verdicts("where(x == 3, 9, x^2)", {"x": 3}) == ["disagrees"]


def test_a_wrong_rule_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from diffcli.graph import TABLE

    sinh = TABLE["sinh"]
    object.__setattr__(sinh, "partials", (lambda y, x: 1.001 * TABLE["cosh"](x),))
    try:
        assert verdicts("sinh(x)", {"x": 1}) == ["disagrees"]
    finally:
        object.__setattr__(sinh, "partials", (lambda y, x: TABLE["cosh"](x),))
    assert verdicts("sinh(x)", {"x": 1.5}) == ["agrees"]


def test_ridders() -> None:
    slopes, errors = ridders(lambda x: np.array([math.sin(x), math.exp(x)]), 1.0, 2)
    np.testing.assert_allclose(slopes, [math.cos(1), math.e], rtol=1e-11)
    assert (errors < 1e-9).all()


def test_agreement_counts_digits() -> None:
    assert agreement(1.0, 1.0) == agreement(math.nan, math.nan) == 16.0
    assert agreement(1.0, math.inf) == agreement(1.0, 0.0) == 0.0
    assert agreement(1.001, 1.0) == pytest.approx(3.0)


def test_check_on_the_command_line(run: Run) -> None:  # noqa: F811
    assert run("check", "sin(x)", "x=1").code == 0
    code, out, err = run("check", "where(x == 3, 9, x^2)", "x=3", "--json")
    assert code == 5
    jsonschema.validate(json.loads(out), json.loads((SCHEMAS / "check.json").read_text(encoding="utf-8")))
    assert json.loads(err)["error"]["code"] == "disagrees"
    story = json.loads(run("diagnose", "1/x", "x=0", "--json").out)
    jsonschema.validate(story, json.loads((SCHEMAS / "diagnose.json").read_text(encoding="utf-8")))
    assert "df/dx" in run("check", "abs(x)", "x=0").out
    assert run("check", "x^2", "x=3", "--format", "csv").out == (
        "row,column,derivative,reference,left,right,digits,verdict\nf,x,6,6,,,16,agrees\n"
    )


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["[sin(x), y]", "x=1", "y=0"], 0, "all agree"),
        (["[x, abs(y)]", "x=1", "y=0"], 0, "1 kink, 3 agree of 4"),
        (["(1-cos(x))/x^2", "x=1e-9"], 0, "1 ill-conditioned"),
        (["eigvalsh(A)", "A=[[1,0],[0,1]]"], 0, "8 kinks of 8"),
        (["where(x == 3, 9, x^2)", "x=3"], 5, "1 disagrees"),
    ],
)
def test_the_verdicts_are_counted(run: Run, words: list[str], code: int, told: str) -> None:  # noqa: F811
    found = run("check", *words)
    assert found.code == code
    assert f"Against differences in arbitrary precision: {told}\n" in found.out


def test_there_is_nothing_to_check_where_an_input_is_no_number(run: Run) -> None:  # noqa: F811
    code, _, err = run("check", "x", "x=nan")
    assert code == 2
    assert "x is not a number" in err


@pytest.mark.parametrize(("source", "reference"), [("sin(x)/x", 0.0), ("x*log(x)", -math.inf)])
def test_where_the_formula_has_no_value_but_a_limit_nothing_disagrees(source: str, reference: float) -> None:
    found = check(diffcli.parse(source), {"x": 0.0})
    (component,) = found.components
    assert math.isnan(component.derivative)
    assert (component.reference, component.verdict, found.agrees) == (reference, "ill-conditioned", True)


@pytest.mark.parametrize(
    ("source", "at"),
    [
        ("[sin(x)/x, y]", {"x": 0, "y": 1}),
        ("[x*log(x), y^2]", {"x": 0, "y": 2}),
        ("v*log(v)", {"v": [0, 1]}),
        ("[log(x), y]", {"x": -1, "y": 1}),
    ],
)
def test_what_an_output_does_not_depend_on_has_derivative_0_where_it_has_no_value(
    source: str, at: dict[str, Any]
) -> None:
    found = check(diffcli.parse(source), at)
    assert found.agrees
    of = found.components[1]
    assert math.isnan(float(np.ravel(found.values["f"])[0]))
    assert (of.derivative, of.reference, of.verdict) == (0.0, 0.0, "agrees")


def test_a_derivative_without_a_reference_has_no_digits() -> None:
    """The slope of log(exp(x)) is 1, also where exp(x) has 4e29 digits before the point."""
    (component,) = check(diffcli.parse("log(exp(x))"), {"x": 1e30}).components
    assert (component.reference, component.digits) == (1.0, 0.0)
    (component,) = check(diffcli.parse("log(exp(exp(exp(x))))"), {"x": 20}).components
    assert component.reference is None
    assert component.digits == 0.0


def test_without_mpmath_an_infinite_derivative_agrees_with_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diffcli.precise, "available", lambda: False)
    assert verdicts("sqrt(x)", {"x": 0}) == ["ill-conditioned"]
    assert verdicts("x/y", {"x": 1, "y": 0})[0] == "ill-conditioned"
    assert verdicts("log(x)", {"x": -1}) == ["agrees"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["floor(x)", "x=1"], "0           none, the value jumps, 0 on both sides          kink"),
        (["log(x)", "x=-1"], "nan         none               agrees"),
        (["log(exp(exp(exp(x))))", "x=20"], "nan         not known          ill-conditioned"),
    ],
)
def test_what_has_no_reference_is_told_in_words(run: Run, words: list[str], told: str) -> None:  # noqa: F811
    assert told in run("check", *words).out
