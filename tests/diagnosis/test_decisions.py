"""Decisions made on digits that rounding has spoilt, and numbers whose doubt must not vanish at whole numbers."""

from __future__ import annotations

import numpy as np
import pytest

import diffcli
import diffcli.precise
from diffcli.bound import bind
from diffcli.diagnosis import examine
from diffcli.diagnosis.ledger import Finding
from diffcli.diagnosis.questions import ask


def examined(text: str, x: float, what: str = "grad") -> list[Finding]:
    return examine(diffcli.parse(text), {"x": x}, what)


#: Formula, point, what is meant: value and derivative; and whose digits decided wrongly.
DECIDED = [
    ("where(exp(x)-1-x > 0, x, 2*x)", 1e-8, 1e-8, 1.0, "exp(x)-1-x"),
    ("relu(exp(x)-1-x)", 1e-8, 5.0000000166666667e-17, 1.0000000050000000e-8, "exp(x)-1-x"),
    ("max(exp(x)-1-x, 0)", 1e-8, 5.0000000166666667e-17, 1.0000000050000000e-8, "exp(x)-1-x"),
    ("clip(exp(x)-1-x, 0, 1)", 1e-8, 5.0000000166666667e-17, 1.0000000050000000e-8, "exp(x)-1-x"),
    ("max(log(x+1), x/2)", 1e-17, 1e-17, 1.0, "log(x+1)"),
    ("sign(exp(x)-1-x)*x", 1e-8, 1e-8, 1.0, "exp(x)-1-x"),
    ("floor(exp(x)-x)", 1e-8, 1.0, 0.0, "exp(x)-x"),
    ("floor(1e9*(exp(x)-1))", 5e-9, 5.0, 0.0, "1e9*(exp(x)-1)"),
    ("max(exp(x)-x, 1)", 1e-8, 1.0, 1.0000000050000000e-8, "exp(x)-x"),
]


@pytest.mark.parametrize(("text", "x", "value", "slope", "by"), DECIDED, ids=[each[0] for each in DECIDED])
def test_a_decision_by_lost_digits_is_said_with_what_is_meant(
    text: str, x: float, value: float, slope: float, by: str
) -> None:
    finding = examined(text, x)[0]
    assert finding.code == "cancellation"
    assert "is decided by" in finding.message
    assert by in finding.message
    assert finding.span is not None
    assert finding.refined is not None
    assert finding.refined["value"] == pytest.approx(value, rel=1e-12)
    assert np.ravel(finding.refined["gradient"]["x"])[0] == pytest.approx(slope, rel=1e-12)


@pytest.mark.parametrize(("text", "x", "value", "slope", "by"), DECIDED, ids=[each[0] for each in DECIDED])
def test_without_mpmath_the_bound_alone_says_so(
    monkeypatch: pytest.MonkeyPatch, text: str, x: float, value: float, slope: float, by: str
) -> None:
    monkeypatch.setattr(diffcli.precise, "available", lambda: False)
    assert any("is decided by" in each.message and by in each.message for each in examined(text, x))


@pytest.mark.parametrize(
    ("text", "x"),
    [
        ("mod(exp(x)-x, 1)", 1e-8),
        ("ceil(1e8*(exp(x)-1))", 1e-8),
        ("round(1e8*(exp(x)-1))", 5e-9),
        ("heaviside(exp(x)-1-x)", 1e-8),
        ("max([exp(x)-1-x, 0])", 1e-8),
    ],
)
def test_values_alone_are_doubted_too(text: str, x: float) -> None:
    assert [each.code for each in examined(text, x, "eval")] == ["cancellation"]


@pytest.mark.parametrize(
    ("text", "x"),
    [
        ("relu(exp(x)-1-x)", 0.5),
        ("where(x > 0, x, 2*x)", 1e-8),
        ("relu(x-1)", 1.0000001),
        ("max(3*x, x/2)", 2.0),
        ("floor(x/2)+x", 4.5),
        ("where(exp(x)-1 > -1e-30, x, 2*x)", 1e-8),  # decided by few digits, but rightly
    ],
)
@pytest.mark.parametrize("what", ["eval", "grad"])
def test_nothing_is_said_of_what_is_decided_rightly(text: str, x: float, what: str) -> None:
    assert examined(text, x, what) == []


def test_the_branch_not_taken_decides_nothing() -> None:
    assert examined("where(x > 0, x, relu(exp(x)-1-x))", 1e-8) == []


def test_a_whole_number_by_rounding_is_no_zero_of_sinc() -> None:
    (finding, *_) = examined("sinc(x^2)", 123456789.1)
    assert finding.refined is not None
    assert finding.refined["value"] == pytest.approx(-1.82e-17, rel=1e-2)
    assert np.ravel(finding.refined["gradient"]["x"])[0] == pytest.approx(-7.88e-9, rel=1e-2)


@pytest.mark.parametrize(("text", "x"), [("sinc(x^2)", 1234567.1), ("tan(x^3)", 54321.1), ("sinc(x^2)", 3e7 + 0.3)])
def test_far_out_slopes_do_not_vanish(text: str, x: float) -> None:
    assert examined(text, x)


@pytest.mark.parametrize("x", [0.3, 2.0, 123456789.1])
def test_sinc_of_an_input_is_exact(x: float) -> None:
    assert examined("sinc(x)", x) == []


@pytest.mark.parametrize(("text", "x"), [each[:2] for each in DECIDED], ids=[each[0] for each in DECIDED])
@pytest.mark.parametrize("count", [40, 20_000])
def test_a_decided_row_is_found_among_others(text: str, x: float, count: int) -> None:
    points = np.random.default_rng(3).uniform(0.6, 1.7, count)
    points[count // 2] = x
    batch = diffcli.parse(text).batch({"x": points})
    batch.value_and_grad()
    assert {code: rows.tolist() for code, rows in batch.warnings.items()} == {"cancellation": [count // 2]}


def test_many_decided_rows_speak_for_the_rest() -> None:
    batch = diffcli.parse("relu(exp(x)-1-x)").batch({"x": np.linspace(0.9e-8, 1.1e-8, 3000)})
    batch.value_and_grad()
    assert len(batch.warnings["cancellation"]) > 2900


def test_whole_numbers_are_exact() -> None:
    program = diffcli.parse("sum(relu(A@x))")
    at = {"A": [[1.0, -2.0], [3.0, 1.0]], "x": [2.0, 1.0]}
    assert not ask(bind(program, at), "eval").suspicious()


def test_a_remainder_of_exact_numbers_is_exact() -> None:
    assert not ask(bind(diffcli.parse("max(x % 2, 0)"), {"x": -40.0}), "eval").suspicious()


def test_a_hint_for_what_decides_is_about_what_decides() -> None:
    # 1 - cos(x) has a better spelling, but of the branch that is not taken.
    finding = examined("where(cos(x) < 1, log(1 - cos(x)), tan(x))", 1e-17)[0]
    assert (finding.expression, finding.hint) == ("cos(x)", None)


def test_a_step_that_the_inputs_may_take_is_said_where_rounding_took_it() -> None:
    # 1e-9 is all but a multiple of 1e-12: the other side of the step is within the last place of y, too.
    program = diffcli.parse("[atan2(x, 2), atan2(y, 10)] % y^1.5 - 0.5")
    at = {"x": 3.0, "y": 1e-8}
    finding = examine(program, at, "eval")[0]
    assert (finding.code, finding.where) == ("cancellation", "value")
    assert finding.refined is not None
    assert abs(finding.refined["values"]["f"][1] - diffcli.evaluate(program, at)["f"][1]) > 0.9e-12


def test_at_a_step_nothing_is_excused() -> None:
    # It is 10: 1e-8 goes into 1e8 without a rest, and its double does not.
    finding = examined("mod(x, 1/x) + 10", 1e8)[0]
    assert (finding.code, finding.where) == ("cancellation", "value")
    assert finding.refined is not None
    assert finding.refined["value"] == 10


#: Decisions inside of operations on arrays: formula, and the derivative at x in terms of x, for small x.
INSIDE = [
    ("eigvalsh([[exp(x)-x, 0], [0, 1+x^2/5]])[0]", 0.4),
    ("eigvalsh([[exp(x)-x, x^3], [x^3, 1+x^2/5]])[0]", 0.4),
    ("sort([exp(x)-x, 1+x^2/5])[0]", 0.4),
    ("median([exp(x)-x, 1+x^2/5, 1+x^2/4])", 0.5),
    ("norm([exp(x)-x-1, x^2/5]) + 1", 2 * 0.29**0.5),
    ("hypot(exp(x)-x-1, x^2/5) + 1", 2 * 0.29**0.5),
    ("max(norm([exp(x)-x, 1]), sqrt(2))", 0.5**0.5),
    ("mod(norm([exp(x)-x-1]), x^2/5)", 0.2),
    ("floor(norm([exp(x)-x]))", 0.0),
    ("logsumexp([1e17*(exp(x)-x-1), 0])/1e17 + 1", 0.99),
]


@pytest.mark.parametrize(("text", "slope"), INSIDE, ids=[each[0] for each in INSIDE])
@pytest.mark.parametrize("x", [3e-9, 0.7e-8, 1e-8, 1.3e-8])
def test_what_lost_digits_decide_inside_of_an_operation_is_said(text: str, slope: float, x: float) -> None:
    program = diffcli.parse(text)
    found = float(np.ravel(diffcli.grad(program, {"x": x})["x"])[0])
    assert abs(found - slope * x) <= 1e-6 * slope * x or examined(text, x)


@pytest.mark.parametrize("what", ["eval", "grad"])
@pytest.mark.parametrize(
    ("text", "x", "words"),
    [
        ("1 if (acos(x) >= 0 and x <= -2) else 2", -2.0, "acos(x) has no value"),  # right of −2 it is 2, all the same
        ("3 if log(x) > 1 else 4", -1.0, "log(x) has no value"),
    ],
)
def test_what_a_nan_decides_has_no_value(what: str, text: str, x: float, words: str) -> None:
    finding = examined(text, x, what)[0]
    assert finding.code == "domain"
    assert words in finding.message
    assert finding.refined is not None
    assert np.isnan(finding.refined["values"]["f"] if what == "eval" else finding.refined["value"])


def test_what_is_infinite_in_a_comparison_is_not_the_reason_for_a_nan() -> None:
    program = diffcli.parse("where(y^-0.5 == cosh(y), 0, x) + logit(x)")
    findings = examine(program, {"y": 0.0, "x": -2.0}, "grad")
    assert "logit(x)" in [each.expression for each in findings if each.code == "domain"]


def test_a_branch_that_is_not_taken_is_no_reason_for_there_being_no_value() -> None:
    # With all digits the argument of acos is more than 1.
    program = diffcli.parse("acos(x^3 + (1/z if z != 0 else y))")
    finding = examine(program, {"x": 1e-17, "y": 1.0, "z": 0.0}, "grad")[0]
    assert (finding.code, finding.where, finding.expression) == ("cancellation", "value", program.source.text)


def test_what_a_nan_does_not_decide_has_its_value() -> None:
    program = diffcli.parse("1 if sqrt(x) > 1 or x <= y else 2*x")
    assert examine(program, {"x": -1.0, "y": 0.0}, "grad") == []


def test_a_branch_that_is_not_taken_is_not_beaten_either() -> None:
    # With all digits y − x is no whole number, and a negative one has no such power.
    text = "p = 0.25 - atan2(x, y); asin(p) if (-1 < p < 1) else (1/x)^(y - x)"
    finding = examine(diffcli.parse(text), {"x": -40.0, "y": 1e-200}, "grad")[0]
    assert (finding.code, finding.where) == ("cancellation", "value")
    assert finding.expression in ("(1/x)", "(y - x)", "(1/x)^(y - x)")
    assert finding.refined is not None
    assert np.isnan(finding.refined["value"])
    finding = examine(diffcli.parse("min(1/x, 5)*y"), {"x": 0.0, "y": 2.0}, "grad")[0]  # as 1/x is
    assert (finding.code, finding.expression) == ("pole", "1/x")


def test_each_number_of_an_array_has_its_own_decision() -> None:
    # The remainders by 2 have no digit; that by x + log(2) is x, and by what doubles have of it 0.
    text = "p = deg2rad(y); [p*y % 2, p] - (x % logaddexp(x, x))"
    found = examine(diffcli.parse(text), {"x": 1e17, "y": 1e20}, "eval")
    assert {each.expression for each in found} == {"p*y", "logaddexp(x, x)"}
