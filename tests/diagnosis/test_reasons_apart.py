"""Several reasons at one point: each number that is wrong has its own, and what takes no part in a number is none."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest

import diffcli
from diffcli.bound import bind
from diffcli.diagnosis import examine
from diffcli.diagnosis.bounds import EPS
from diffcli.diagnosis.ledger import Finding
from diffcli.diagnosis.questions import ask


def examined(text: str, at: dict[str, Any], what: str = "grad") -> list[Finding]:
    return examine(diffcli.parse(text), at, what)


def test_a_number_on_another_branch_has_a_reason_of_its_own() -> None:
    found = examined("p = log(1 - x); [p, (p if x < 1 else y) + log2(y)]", {"x": 2.0, "y": -1.0}, "jacobian")
    assert {each.expression for each in found} == {"log(1 - x)", "log2(y)"}


def test_what_a_power_of_one_takes_is_no_reason() -> None:
    # 1ⁿ is 1 whatever n is, so it is the other logarithm that makes the value NaN.
    found = examined("abs(y)^log(x) + log2(y)", {"x": -1.0, "y": -1.0})
    assert {each.expression for each in found} == {"log(x)", "log2(y)"}


@pytest.mark.parametrize("text", ["heaviside(0^x)", "heaviside((x - x)^x)", "heaviside(0^(1e-320*x*y))"])
def test_nothing_to_the_power_of_nothing_jumps(text: str) -> None:
    at = {"x": 0.0, "y": 1e-10} if "y" in text else {"x": 0.0}
    assert {each.code for each in examined(text, at)} == {"kink"}


def test_a_tie_by_rounding_is_no_zero_of_the_inputs() -> None:
    # sin(π/2) rounds to 1, so that its slope of 6e-17 is halved.
    (finding,) = examined("1e16*log(y) + min(sin(x), 1)", {"x": math.pi / 2, "y": 2.0})
    assert finding.code == "tie"
    assert examined("1e16*log(y) + sin(x)", {"x": math.pi / 2, "y": 2.0}) == []


@pytest.mark.parametrize(
    ("text", "x", "codes"),
    [
        ("cos(floor(x))", 1e17, ["kink"]),  # every double is whole there, and cos tells them apart
        ("floor(x)", 1e19, []),
        ("sin(y)*floor(exp(x))", 700.0, []),
    ],
)
def test_steps_beyond_all_fractions(text: str, x: float, codes: list[str]) -> None:
    assert [each.code for each in examined(text, {"x": x, "y": 0.3} if "y" in text else {"x": x})] == codes


def test_what_is_rounded_beyond_all_fractions_is_doubted() -> None:
    (finding, *_) = examined("cos(round(x*x + 9.5))", {"x": 1e17 / 3}, "eval")
    assert finding.code == "cancellation"


def test_a_choice_at_a_kink_is_no_reason_for_what_is_infinite() -> None:
    text = "p = y^y; asin((-x)^0.5) + where(p < 1, p^2, fmod(0.5, x))"
    found = examined(text, {"x": -1.0, "y": 1.0})
    assert {each.code for each in found} == {"predicate-at-equality", "pole"}
    assert "asin((-x)^0.5)" in {each.expression for each in found}


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        ("min(sqrt(z), 1) + (1 if log(y) < 1 else y)", {"sqrt(z)"}),
        ("(1 if log(y) < 1 else y) + min(sqrt(z), 1)", {"log(y)", "sqrt(z)"}),
        ("(y if x >= -2 else z)*log10(-1) + (-1 - x)^0.5*z", {"log10(-1)"}),
        ("(y if x >= 1 else z)*log10(-1) + log(x)", {"log10(-1)", "log(x)"}),
    ],
)
def test_a_nan_has_the_reason_that_reaches_it(text: str, reasons: set[str]) -> None:
    found = examined(text, {"x": -1.5, "y": -1.0, "z": -2.0} if "x" in text else {"y": -1.0, "z": -2.0})
    assert {each.expression for each in found} == reasons


@pytest.mark.parametrize("text", ["log_sigmoid(hypot(exp(x - y), y*exp(x)))", "exp(entr(y*(x*y)))"])
def test_what_varies_below_all_doubles_does_not_jump(text: str) -> None:
    assert examined(text, {"x": 1.33, "y": 1e8}) == []


def test_an_inverse_rounds_by_its_largest_elements() -> None:
    program = diffcli.parse("inv([[y, x], [x, x]])[0, 0]")
    at = {"x": 1.5836781664695165, "y": 1.5628455657789195}
    passes = ask(bind(program, at), "eval").all
    (output,) = passes.function.outputs
    exact = 1 / (Fraction(at["y"]) - Fraction(at["x"]))
    off = abs(Fraction(float(passes.values[output][0])) - exact)
    assert 20 * EPS * abs(exact) < off < 2 * EPS * float(passes.errors()[output])


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


@pytest.mark.parametrize(
    ("text", "at", "hint"),
    [
        ("log(x - 2)", {"x": 1}, "its argument must be > 0"),
        ("asin(y)", {"y": 2}, "its argument must be ≥ −1 and ≤ 1"),
        ("erfinv(2*x)", {"x": 0.75}, "its argument must be > −1 and < 1"),
        ("xlogy(y, x)", {"x": -1, "y": 2}, "its second argument must be > 0"),
        ("gamma(y)", {"y": -1}, "its domain is all but 0, −1, −2, …"),
    ],
)
def test_what_an_argument_must_be_is_said_without_the_letters_of_the_catalogue(
    text: str, at: dict[str, float], hint: str
) -> None:
    """They would be taken for the variables of the formula."""
    assert examined(text, at)[0].hint == hint


@pytest.mark.parametrize(
    ("text", "at", "said"),
    [
        ("(1 - (1 + r)^(-n))/r", {"r": 1e-12, "n": 360.0}, "(1 + r) rounds away digits of r: "),
        ("exp(x) - 1", {"x": 1e-9}, "exp(x) - 1 cancels: "),
        ("(sum(x) - 1)*y", {"x": [1e17, 1.0, -1e17], "y": 2.0}, "sum(x) cancels: "),
        ("log(1 + x)", {"x": 1e-9}, "log(1 + x) magnifies rounding errors: "),
    ],
)
def test_a_sum_larger_than_its_terms_does_not_cancel(text: str, at: dict[str, Any], said: str) -> None:
    (finding, *_) = examined(text, at, "eval")
    assert finding.message.startswith(said)


@pytest.mark.parametrize(
    ("text", "x", "code", "said"),
    [
        ("x^-2", 0.0, "pole", "divides 1 by 0"),
        ("1/(x*x)", 1e-170, "overflow", "(x*x) underflows to 0"),  # 1e340 is no pole
        ("(x*x)^-2", 1e-170, "overflow", "(x*x) underflows to 0"),
        ("1/(x*x)", 0.0, "pole", "divides 1 by 0"),
        # The quotient is 3e-261, and divided by 1 + exp(600) once more nothing.
        ("1/(1 + exp(-x))", -600.0, "overflow", "a part of the derivative of 1/(1 + exp(-x)) underflows to 0"),
        ("acos(x)", 1.0000000000000002, "domain", "its argument is 1.0000000000000002"),
        ("asin(x)", -1.0000000001, "domain", "its argument is -1.0000000001"),
        ("log1p(x)", -1.25, "domain", "its argument is -1.25"),
    ],
)
def test_reasons_that_are_easily_taken_for_each_other(text: str, x: float, code: str, said: str) -> None:
    (finding,) = examined(text, {"x": x})
    assert finding.code == code
    assert said in finding.message


def test_a_negative_power_is_told_what_to_do() -> None:
    (finding,) = examined("x^-3", {"x": 0.0})
    assert finding.hint == "keep the base away from 0"


def test_the_logarithm_of_an_empty_sum_does_not_overflow() -> None:
    (finding,) = examine(diffcli.parse("logsumexp(v)"), {"v": []}, "grad")
    assert (finding.code, finding.message) == ("pole", "logsumexp(v) is −∞: there is nothing to add up")


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_both_zeros_are_the_end_of_a_domain(zero: float) -> None:
    (finding,) = examined("x*log(x)", {"x": zero})
    assert finding.code == "removable"
    assert finding.refined == {"value": 0.0, "gradient": {"x": -math.inf}}


def test_a_logarithm_in_a_divisor_does_not_jump() -> None:
    (finding,) = examined("1/log(x)", {"x": 0.0})
    assert finding.code == "pole"
    assert finding.refined == {"value": 0.0, "gradient": {"x": -math.inf}}


@pytest.mark.parametrize(
    ("text", "at", "what", "v", "code"),
    [
        ("sinh(x)", {"x": 710.0}, "vjp", {"f": 2.0}, "overflow"),  # each factor is a double
        ("1/x", {"x": 1e-200}, "jvp", {"x": 1.0}, "overflow"),
        ("1/x", {"x": 1e-100}, "hvp", {"x": 1e20}, "overflow"),
        ("sqrt(x)", {"x": 0.0}, "vjp", {"f": 3.0}, "pole"),
        ("sqrt(x)*y", {"x": 0.0, "y": 1.0}, "jvp", {"x": 1.0, "y": 1.0}, "pole"),
    ],
)
def test_products_that_overflow_have_no_pole(
    text: str, at: dict[str, float], what: str, v: dict[str, float], code: str
) -> None:
    (finding,) = examine(diffcli.parse(text), at, what, v=v)
    assert finding.code == code


def test_a_remainder_whose_jumps_crowd_together_has_no_limit() -> None:
    # The divisor is 0, for every double is so many times the least; beside z it is any number up to that.
    (finding,) = examined("fmod(log(z)^-2, fmod(z, y))", {"z": 0.67, "y": 5e-324})
    assert finding.code == "domain"
    assert finding.refined is not None
    assert math.isnan(finding.refined["value"])


@pytest.mark.parametrize("text", ["log1p(expm1(x))", "log(1 + expm1(x))"])
def test_what_is_nearly_minus_one_has_a_logarithm(text: str) -> None:
    (finding,) = examined(text, {"x": -745.0})
    assert finding.refined == {"value": -745.0, "gradient": {"x": 1.0}}


@pytest.mark.parametrize(
    ("text", "at", "said"),
    [
        ("log(x) + log(y)", {"x": 0.0, "y": -1.0}, ["log(x) is infinite", "log(y) has no value: its argument is -1"]),
        ("sum(log(w))", {"w": [0.0, -1.0]}, ["log(w) is infinite", "log(w) has no value: its argument is -1"]),
        ("log(x) - log(y)", {"x": 0.0, "y": 0.0}, ["log(x) is infinite"]),
        # The 0th power of NaN is 1 in doubles, which is no matter of rounding.
        ("acosh(x)^y", {"x": 0.0, "y": 0.0}, ["acosh(x) has no value"]),
        ("where(x > 0, sqrt(x), acosh(x)^y)", {"x": -1.0, "y": 0.0}, ["acosh(x) has no value"]),
    ],
)
def test_where_there_is_no_value_the_reason_is_what_has_none(text: str, at: dict[str, Any], said: list[str]) -> None:
    findings = examined(text, at, "eval")
    assert [finding.message[: len(each)] for finding, each in zip(findings, said, strict=True)] == said


@pytest.mark.parametrize(
    ("text", "x", "what", "code"),
    [
        ("1/x", 1e-200, "grad", "overflow"),
        ("log(x)", 1e-200, "hessian", "overflow"),
        ("gamma(x)", 1e-300, "grad", "overflow"),
        ("x*log(x)", 1e-320, "hessian", "overflow"),  # NaN
        ("sum([x, 2*x]^-1)", 1e-200, "grad", "overflow"),
        ("sqrt(x)", 0.0, "grad", "pole"),
        ("cbrt(x)", -0.0, "grad", "pole"),
        ("asin(x)", 1.0, "grad", "pole"),
        ("acosh(x)", 1.0, "hessian", "pole"),
        ("x^0.5", 0.0, "grad", "pole"),
        ("entr(x)", 0.0, "hessian", "pole"),
    ],
)
def test_poles_and_overflows_are_told_apart_where_nobody_knows_the_exact_slope(
    text: str, x: float, what: str, code: str
) -> None:
    (finding,) = examine(diffcli.parse(text), {"x": x}, what, seconds=1e-9)  # as without mpmath
    assert finding.refined is None or None in finding.refined.values()
    assert finding.code == code


def test_a_kink_is_told_once_where_something_else_makes_the_slope_none() -> None:
    codes = [finding.code for finding in examined("abs(x) + exp(x + 1000)/exp(x + 1000)", {"x": 0.0})]
    assert codes == ["overflow", "kink"]


def test_the_parts_of_a_vector_are_made_of_what_each_is_made_of() -> None:
    # df/dx is y·log(y − 1), and has nothing of log(−y).
    found = examined("p = [x, y, 1]; (concat(p[1:], p[:1]) @ [log(-y), 2, y])*log(y-1)", {"x": 1.25, "y": 0.25})
    assert {each.expression for each in found} == {"log(-y)", "log(y-1)"}
