"""A hint that says what to write is a promise: with the text underlined replaced by it, the numbers are right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import diffcli
from diffcli.diagnosis import examine
from diffcli.diagnosis.ledger import Finding
from diffcli.diagnosis.story import diagnose

CURED: list[tuple[str, dict[str, Any], str]] = [
    ("log(exp(x))", {"x": 1000}, "x"),
    ("2*log(exp(x+y))", {"x": 1000, "y": 1}, "(x + y)"),
    ("log(1-exp(x))", {"x": -1e-20}, "log(-expm1(x))"),
    ("log(1-exp(x))", {"x": -50}, "log1p(-exp(x))"),
    ("log1p(-exp(x))", {"x": -1e-20}, "log(-expm1(x))"),
    ("log(exp(x)-1)", {"x": 1000}, "x + log1p(-exp(-x))"),
    ("sum(log(1-exp(v)))", {"v": [-1e-20, -50]}, "where(v > -0.7, log(-expm1(v)), log1p(-exp(v)))"),
    ("cosh(x)-1", {"x": 1e-9}, "2*sinh(x/2)^2"),
    ("log(1-erf(x))", {"x": 7}, "log(erfc(x))"),
    ("1-erf(x)", {"x": 7}, "erfc(x)"),
    ("erf(x)-1", {"x": 7}, "-erfc(x)"),
    ("1-cos(x)", {"x": 1e-9}, "2*sin(x/2)^2"),
    ("x/(1-cos(x))", {"x": 1e-9}, "(2*sin(x/2)^2)"),
    ("(1-cos(x))/x^2", {"x": 0}, "sinc(x/(2*pi))^2/2"),
    ("exp(x)-exp(y)", {"x": 1, "y": 1 + 1e-14}, "exp(y)*expm1(x - y)"),
    ("sqrt(x+1)-sqrt(x)", {"x": 1e18}, "1/(sqrt(x + 1) + sqrt(x))"),
    ("sqrt(x^2+1)-x", {"x": 1e9}, "1/(sqrt(x^2 + 1) + x)"),
    ("x+sqrt(x^2+1)", {"x": -1e9}, "1/(sqrt(x^2 + 1) - x)"),
    ("1-sqrt(1-x^2)", {"x": 1e-9}, "(x^2)/(1 + sqrt(1 - x^2))"),
    ("sqrt(1+x)-1", {"x": 1e-18}, "x/(sqrt(1 + x) + 1)"),
    ("(-b+sqrt(b^2-4*a*c))/(2*a)", {"a": 1, "b": 1e9, "c": 1}, "2*c/(-b - sqrt(b^2 - 4*a*c))"),
    ("(-b-sqrt(b^2-4*a*c))/(2*a)", {"a": 0, "b": -1e9, "c": 1}, "2*c/(-b + sqrt(b^2 - 4*a*c))"),
    ("x^2-y^2", {"x": 1e8 + 1, "y": 1e8}, "(x - y)*(x + y)"),
    ("(x+h)^2-x^2", {"x": 1, "h": 1e-18}, "h*(x + h + x)"),
    ("-b+sqrt(b^2-4*c)", {"b": 1e9, "c": 1}, "(-4*c)/(sqrt(b^2 - 4*c) + b)"),
    ("1-tanh(x)^2", {"x": 30}, "1/cosh(x)^2"),
    ("tanh(x)-1", {"x": 30}, "-2*sigmoid(-2*x)"),
    ("log(cosh(x))", {"x": 1000}, "logaddexp(x, -x) - log(2)"),
    ("log(cosh(x))", {"x": 1e-9}, "log1p(2*sinh(x/2)^2)"),
    ("log(sinh(x))", {"x": 1000}, "x + log(-expm1(-2*x)/2)"),
    ("1/(1+exp(-x))", {"x": -1000}, "sigmoid(x)"),
    ("1/(exp(x)-1)", {"x": 800}, "-exp(-x)/expm1(-x)"),
    ("log(x)-log(y)", {"x": 1e10 + 1, "y": 1e10}, "log1p((x - y)/y)"),
    ("log(x^2)", {"x": -1e-200}, "2*log(abs(x))"),
    ("acos(1-x)", {"x": 1e-20}, "2*asin(sqrt(x/2))"),
    ("acosh(1+x)", {"x": 1e-20}, "2*asinh(sqrt(x/2))"),
    ("log(sigmoid(x))", {"x": -1000}, "log_sigmoid(x)"),
    ("log(1+exp(x))", {"x": 1000}, "softplus(x)"),
    ("log(sum(exp(v)))", {"v": [1000, 1001]}, "logsumexp(v)"),
    ("log(mean(exp(v)))", {"v": [1000, 1001]}, "logsumexp(v) - log(len(v))"),
    ("mean(v^2)-mean(v)^2", {"v": [1e9, 1e9 + 1]}, "var(v)"),
    ("sum(v^2)/2-(sum(v)/2)^2", {"v": [1e9, 1e9 + 1]}, "var(v)"),
    ("sqrt(x^2+y^2)", {"x": 1e200, "y": 1e200}, "hypot(x, y)"),
    ("sqrt(x*y)", {"x": 1e200, "y": 1e200}, "sqrt(x)*sqrt(y)"),
    ("(x+y)-x", {"x": 1e20, "y": 1}, "y"),
    ("-sum(v*log(v))", {"v": [0, 1]}, "xlogy(v, v)"),
    ("(1+x)^n-1", {"x": 1e-18, "n": 3}, "expm1(n*log1p(x))"),
    ("sin(x+h)-sin(x)", {"x": 1, "h": 1e-14}, "2*cos((x + h + x)/2)*sin(h/2)"),
    ("atan(x+1)-atan(x)", {"x": 1e10}, "atan2(1, 1 + (x + 1)*x)"),
    ("gamma(x+1)/gamma(x)", {"x": 200}, "x"),
    ("log(det(A))", {"A": [[1e-200, 0], [0, 1e-200]]}, "logabsdet(A)"),
    ("log(softmax(v)[0])", {"v": [-1000, 0]}, "log_softmax(v)[0]"),
    ("log(prod(v))", {"v": [1e-200, 1e-200, 3]}, "sum(log(v))"),
    ("1/exp(x)", {"x": 710}, "exp(-x)"),
    ("(1+r)^n", {"r": 1e-10, "n": 1e10}, "exp(n*log1p(r))"),
    ("1-x/sqrt(x^2+1)", {"x": 1e9}, "1/(sqrt(x^2 + 1)*(sqrt(x^2 + 1) + x))"),
    ("tan(x)-sin(x)", {"x": 1e-6}, "2*tan(x)*sin(x/2)^2"),
    ("sum(v^2)-3*mean(v)^2", {"v": [1e9, 1e9 + 1, 1e9 + 2]}, "sum((v - mean(v))^2)"),
    ("sum(v^2)/3-mean(v)^2", {"v": [1e9, 1e9 + 1, 1e9 + 2]}, "var(v)"),
    ("sqrt(v@v)", {"v": [1e200, 1]}, "norm(v)"),
    ("1-(1-x)^n", {"x": 1e-18, "n": 5}, "-expm1(n*log1p(-x))"),
    ("a^2+b^2-2*a*b*cos(c)", {"a": 1, "b": 1 + 1e-9, "c": 1e-9}, "(a - b)^2 + 4*a*b*sin(c/2)^2"),
    ("acos(sin(a)*sin(b)+cos(a)*cos(b)*cos(d))", {"a": 0.5, "b": 0.5, "d": 1e-9},
     "2*asin(sqrt(sin((a - b)/2)^2 + cos(a)*cos(b)*sin(d/2)^2))"),
    ("log(exp(-x^2/2)/sqrt(2*pi))", {"x": 40}, "(-x^2/2) - log(sqrt(2*pi))"),
    ("log(a*exp(x)+b*exp(y))", {"a": 1, "b": 2, "x": 1000, "y": 1000}, "logaddexp(x + log(a), y + log(b))"),
    ("prod(v)^(1/3)", {"v": [1e200, 1e200, 1e200]}, "exp((1/3)*sum(log(v)))"),
    ("sum(exp(v)*w)/sum(exp(v))", {"v": [1000, 1], "w": [1, 2]}, "sum(softmax(v)*w)"),
    ("x^n*exp(-x)/gamma(n+1)", {"x": 200, "n": 200}, "exp(n*log(x) - x - lgamma(n + 1))"),
    ("log(1-1/(1+exp(-x)))", {"x": 1000}, "log_sigmoid(-x)"),
    ("s = exp(x) + exp(y); f = log(s); return f", {"x": 1000, "y": 1000}, "logaddexp(x, y)"),
]  # fmt: skip


def cure(finding: Finding) -> str | None:
    """What a finding says to write."""
    return finding.hint.removeprefix("write ") if finding.hint and finding.hint.startswith("write ") else None


@pytest.mark.parametrize(("text", "at", "better"), CURED, ids=[f"{text} {at}" for text, at, _ in CURED])
def test_what_is_underlined_replaced_by_the_hint_is_right(text: str, at: dict[str, Any], better: str) -> None:
    (finding,) = [each for each in examine(diffcli.parse(text), at, "grad") if cure(each)]
    assert cure(finding) == better
    assert finding.span is not None
    assert finding.refined is not None
    start, end = finding.span
    program = diffcli.parse(text[:start] + better + text[end:])
    value, gradient = diffcli.value_and_grad(program, {name: at[name] for name in program.inputs})
    np.testing.assert_allclose(value, finding.refined["value"], rtol=1e-12)
    for name, slopes in gradient.items():
        np.testing.assert_allclose(slopes, finding.refined["gradient"][name], rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("log(1-erf(x))", {"x": 40}),  # erfc(40) is no double either
        ("atan(y/x)", {"x": 0, "y": 1}),  # sign(0) is 0, and there is no limit
        ("log(x)", {"x": -1}),
        ("log(x)-log(y)", {"x": -1000, "y": 1e-8}),
        ("1/x", {"x": 0}),
        ("exp(x)-exp(y)", {"x": 1000, "y": 0}),  # infinite, whatever the spelling
        ("x*log(y)", {"x": 1, "y": 0}),
        ("(x+1)-x", {"x": 1e20}),  # it is 1, and no formula
    ],
)
def test_where_no_spelling_helps_none_is_given(text: str, at: dict[str, Any]) -> None:
    findings = examine(diffcli.parse(text), at, "grad")
    assert findings
    assert [cure(each) for each in findings] == [None] * len(findings)


@pytest.mark.parametrize(
    ("text", "at", "better", "also"),
    [
        ("log(1+x)+log(1+y)", {"x": 1e-20, "y": 1e-20}, "log1p(x)", {"log(1+y)": "log1p(y)"}),
        ("(log(1+x)+log(1+y))*(cos(z)-1)", {"x": 1e-20, "y": 1e-20, "z": 1e-9}, "log1p(x)",
         {"log(1+y)": "log1p(y)", "(cos(z)-1)": "(-2*sin(z/2)^2)"}),
    ],
)  # fmt: skip
def test_what_else_is_needed_is_told(text: str, at: dict[str, Any], better: str, also: dict[str, str]) -> None:
    """One spelling leaves the formula wrong; all that are told make it right."""
    finding = next(each for each in examine(diffcli.parse(text), at, "grad") if cure(each))
    told = [better, *(f"and {new} for {old}" for old, new in also.items())]
    assert cure(finding) == ", ".join(told)
    assert finding.expression is not None
    for old, new in {finding.expression: better, **also}.items():
        text = text.replace(old, new)
    assert examine(diffcli.parse(text), at, "grad") == []


@pytest.mark.parametrize(
    ("text", "x", "what", "told"),
    [
        ("(exp(x)-1-x)/x^2", 1e-8, "grad", "expm1(x), but the value still loses 8 of its 16 digits"),
        ("x/(exp(x)-1)", 1e-10, "grad", "expm1(x), but df/dx still loses 6 of its 16 digits"),
        ("x/(exp(x)-1)", 1e-10, "hessian", "expm1(x), but df/dx still loses 6 of its 16 digits"),
        ("x/(exp(x)-1)", 1e-10, "eval", "expm1(x)"),
        ("(1+1/x)^x", 1e10, "eval", "exp(x*log1p(1/x))"),
        ("(1+1/x)^x", 1e10, "grad", "exp(x*log1p(1/x)), but df/dx still loses 10 of its 16 digits"),
    ],
)
def test_what_a_hint_leaves_wrong_is_told(text: str, x: float, what: str, told: str) -> None:
    (finding,) = examine(diffcli.parse(text), {"x": x}, what)
    assert cure(finding) == told


@pytest.mark.parametrize(
    ("text", "better"),
    [
        ("log(1+x)*2 + y*log(1 + x)", "log1p(x) wherever it stands"),
        ("a = log(1+x); a*2 + y*a", "log1p(x)"),  # it stands there once
        ("f(t) = log(1+t)\nf(x)*2 + y*f(x)", "log1p(t)"),
    ],
)
def test_what_is_written_at_several_places_is_to_be_replaced_at_all(text: str, better: str) -> None:
    (finding,) = examine(diffcli.parse(text), {"x": 1e-20, "y": 1.0}, "grad")
    assert cure(finding) == better


def test_a_hint_for_one_output_says_nothing_of_another() -> None:
    found = examine(diffcli.parse("[log(1+x), log(1+y)]"), {"x": 1e-20, "y": 1e-20}, "jacobian")
    assert [cure(each) for each in found] == ["log1p(x)", "log1p(y)"]


def test_in_a_function_of_ones_own_the_hint_has_its_names() -> None:
    text = "f(a) = log(1 + a)\ng(b) = f(b)*2\ng(x) + f(x*y)"
    at = {"x": 1e-20, "y": 0.5}
    (finding,) = examine(diffcli.parse(text), at, "grad")
    assert (cure(finding), finding.expression) == ("log1p(a)", "log(1 + a)")
    value, gradient = diffcli.value_and_grad(diffcli.parse(text.replace("log(1 + a)", "log1p(a)")), at)
    assert (value, gradient["x"]) == (2.5e-20, 2.5)


def test_second_derivatives_count_where_they_are_asked_for() -> None:
    at = {"x": 1e-9}
    (finding,) = examine(diffcli.parse("(1-cos(x))/x^2"), at, "hessian")
    assert cure(finding) == "sinc(x/(2*pi))^2/2"
    # The root of a square has the right value there, and no second derivative at 0 that a spelling could mend.
    assert not any(cure(each) for each in examine(diffcli.parse("sqrt(x)"), {"x": 0}, "hessian"))


@pytest.mark.parametrize(
    ("source", "v", "better"),
    [("sum(sqrt(v+1)-sqrt(v))", [1e18, 1], "1/(sqrt(v + 1) + sqrt(v))"), ("sum(log(exp(v))^2)", [800, 1], "v")],
)
@pytest.mark.parametrize("what", ["grad", "hessian", "hvp"])
def test_arrays_in_a_hessian_are_judged_by_their_slopes(source: str, v: list[float], better: str, what: str) -> None:
    tangent = {"v": [1.0, 2.0]} if what == "hvp" else None
    findings = examine(diffcli.parse(source), {"v": v}, what, v=tangent)
    assert f"write {better}" in [each.hint for each in findings]


def test_values_alone_are_enough_where_only_they_are_asked_for() -> None:
    (finding,) = examine(diffcli.parse("(1-cos(x))/x^2"), {"x": 1e-8}, "eval")
    assert cure(finding) == "2*sin(x/2)^2" or cure(finding) == "(2*sin(x/2)^2)"


def test_without_mpmath_a_spelling_beyond_doubt_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import diffcli.precise

    monkeypatch.setattr(diffcli.precise, "available", lambda: False)
    told = {
        text: [cure(each) for each in examine(diffcli.parse(text), {"x": x}, "grad")]
        for text, x in [("log(1+x)", 1e-20), ("log(exp(x))", 1000.0), ("log(1-erf(x))", 40.0), ("exp(x)", 1000.0)]
    }
    assert told == {"log(1+x)": ["log1p(x)"], "log(exp(x))": ["x"], "log(1-erf(x))": [None], "exp(x)": [None]}


def test_the_story_lists_what_is_no_worse_here() -> None:
    def listed(text: str, at: dict[str, Any]) -> list[tuple[str, str]]:
        return [(each.expression, each.better) for each in diagnose(diffcli.parse(text), at).rewrites]

    assert listed("log(1-exp(x))", {"x": -0.1}) == [("log(1-exp(x))", "log(-expm1(x))")]
    assert listed("log(1-exp(x))", {"x": -50}) == [("log(1-exp(x))", "log1p(-exp(x))")]
    assert listed("atan(y/x) + log(1+x)", {"x": 3, "y": 1}) == [
        ("atan(y/x)", "atan2(sign(x)*y, abs(x))"), ("log(1+x)", "log1p(x)")]  # fmt: skip
    assert listed("log(cosh(x))", {"x": 2}) == []


def test_higher_derivatives_are_cured_too() -> None:
    from diffcli.diagnosis.higher_orders import examine_orders
    from diffcli.higher import derivatives

    program = diffcli.parse("(1-cos(x))/x^2")
    findings = examine_orders(program, {"x": 1e-5}, derivatives(program, {"x": 1e-5}, 3))
    assert {cure(each) for each in findings} == {"sinc(x/(2*pi))^2/2"}
