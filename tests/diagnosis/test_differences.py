"""The oracle of the random programs where all but the last of many digits are the same, or where there is no value."""

from __future__ import annotations

import math

import pytest

from tests.diagnosis.differences import ALONE, LIMIT, SHARP, Differences
from tests.diagnosis.exact import Undecided
from tests.diagnosis.formulas import EDGE, NUMBER, PAIR, Step
from tests.diagnosis.judged import Case
from tests.diagnosis.test_judged import made, tallied


def test_at_the_end_of_a_domain_the_limit_is_that_from_inside() -> None:
    # Left of y = 0 there is no yʸ; right of it this is 1 % ∞.
    steps = [
        Step("{}^{}", "power", (1, 1), NUMBER),
        Step("{}/{}", "divide", (0, 1), NUMBER),
        Step("{} % {}", "mod", (2, 3), NUMBER),
        Step("heaviside({})", "heaviside", (4,), NUMBER),
    ]
    remainder = made("heaviside(y^y % (x/y))", *steps)
    at = {"x": [1.5], "y": [0.0]}
    truth = Differences(remainder, at).first(sure=True)
    assert truth.values == [1]
    assert [(slope.kind, float(slope.value)) for slope in truth.slopes[0]] == [(LIMIT, 0.0), (LIMIT, 0.0)]
    assert not tallied(remainder, at, mute=True).silent


@pytest.mark.parametrize(("large", "kind"), [(100.0, ALONE), (2.0, SHARP)])
def test_a_jump_that_no_double_shows_is_none(large: float, kind: str) -> None:
    # mod jumps by y at 2, and its sum with exp(100) by 1e-44 of itself: less than what longer steps go up by.
    steps = [
        Step("mod({}, {})", "mod", (0, 1), NUMBER),
        Step(str(large), "number", (), NUMBER, large),
        Step("{}*{}", "multiply", (3, 0), NUMBER),
        Step("logaddexp({}, {})", "logaddexp", (2, 4), NUMBER),
    ]
    formula = made(f"logaddexp(mod(x, y), {large}*x)", *steps)
    (row,) = Differences(formula, {"x": [2.0], "y": [0.25]}).first(sure=True).slopes
    assert row[0].kind == kind


def test_a_jump_from_nothing_to_nothing_is_none() -> None:
    steps = [
        Step("ceil({})", "ceil", (1,), NUMBER),
        Step("{} - {}", "subtract", (2, 0), NUMBER),
        Step("{}^{}", "power", (0, 3), NUMBER),
    ]
    power = made("x^(ceil(y) - x)", *steps)
    assert not tallied(power, {"x": [700.0], "y": [2.0]}, mute=True).silent  # from 1e-1985 to 1e-1982
    assert tallied(power, {"x": [70.0], "y": [2.0]}, mute=True).silent  # from 1e-125 to 1e-123


@pytest.mark.parametrize(
    ("steps", "at", "slopes"),
    [
        (
            [
                Step("{}^{}", "power", (0, 1), NUMBER),
                Step("sinc({})", "sinc", (2,), NUMBER),
                Step("cos({})", "cos", (3,), NUMBER),
            ],
            (math.pi / 2, 1000.0),
            # −sin(s)·(cos(πu) − s)/u·∂u for u = x^y and s = sinc(u), by mpmath with 1,000 digits.
            (7.675764811347864e-195, 5.4447612046090794e-198),
        ),
        (
            [Step("exp({})", "exp", (0,), NUMBER), Step("atan2({}, {})", "atan2", (2, 1), NUMBER)],
            (423.0, 1.5),
            (1.5 * math.exp(-423.0), -math.exp(-423.0)),
        ),
    ],
)
def test_what_is_nearly_a_constant_is_none(
    steps: list[Step], at: tuple[float, float], slopes: tuple[float, float]
) -> None:
    (row,) = Differences(made("", *steps), {"x": [at[0]], "y": [at[1]]}).first(sure=True, more=40).slopes
    assert [float(slope.value) for slope in row] == pytest.approx(slopes, rel=1e-13, abs=0.0)


def test_what_rounding_leaves_of_a_logarithm_is_no_kink() -> None:
    # y^x differs from 1 by 1e-500, and x·log(yˣ) is even in x.
    steps = [
        Step("{}^{}", "power", (1, 0), NUMBER),
        Step("xlogy({}, {})", "xlogy", (1, 2), NUMBER),
        Step("{}*{}", "multiply", (3, 0), NUMBER),
    ]
    formula = made("xlogy(y, y^x)*x", *steps)
    try:
        bends = Differences(formula, {"x": [0.0], "y": [1e100]}, seconds=10.0).second(sure=True, more=40)
    except Undecided:
        return
    assert SHARP not in {bend.kind for row in bends for bend in row}


def test_a_zero_made_of_a_negative_number_may_have_its_sign() -> None:
    steps = [
        Step("{} - {}", "subtract", (0, 1), NUMBER),
        Step("0", "number", (), NUMBER, 0.0),
        Step("{}*{}", "multiply", (3, 2), NUMBER),
        Step("atan2({}, {})", "atan2", (4, 4), NUMBER),
    ]
    formula = made("atan2(0*(x - y), 0*(x - y))", *steps)
    with pytest.raises(Undecided):
        Differences(formula, {"x": [1.0], "y": [2.0]}).first()


def test_what_changes_beside_a_number_beyond_doubles_is_not_taken_for_nothing() -> None:
    steps = [
        Step("hypot({}, {})", "hypot", (0, 1), NUMBER),
        Step("exp({})", "exp", (2,), NUMBER),
        Step("ceil({})", "ceil", (3,), NUMBER),
        Step("logaddexp({}, {})", "logaddexp", (1, 0), NUMBER),
        Step("{}*{}", "multiply", (5, 4), NUMBER),
    ]
    formula = made("logaddexp(y, x)*ceil(exp(hypot(x, y)))", *steps)
    with pytest.raises(Undecided):
        Differences(formula, {"x": [1000.0], "y": [-1.0]}).first(sure=True, more=40)


def test_a_comparison_of_nothing_decides_nothing() -> None:
    # Both branches end as 1, but which of them is taken nobody knows.
    steps = [
        Step("log({})", "log", (1,), NUMBER),
        Step("{} < 1", "below_one", (2,), NUMBER),
        Step("2*{}", "twice", (0,), NUMBER),
        Step("where({}, {}, {})", "where", (3, 0, 4), NUMBER),
        Step("sign({})", "sign", (5,), NUMBER),
    ]
    formula = made("sign(where(log(y) < 1, x, 2*x))", *steps)
    at = {"x": [4.0], "y": [-1.0]}
    assert Case.of(formula, at, "grad", EDGE).findings
    assert not tallied(formula, at).silent
    assert tallied(formula, at, mute=True).silent


def test_nothing_spreads_to_second_derivatives() -> None:
    steps = [
        Step("ceil({})", "ceil", (1,), NUMBER),
        Step("log({})", "log", (1,), NUMBER),
        Step("{}*{}", "multiply", (3, 0), NUMBER),
        Step("{}^-0.5", "inverse_root", (4,), NUMBER),
        Step("{}^{}", "power", (2, 5), NUMBER),
    ]
    formula = made("ceil(y)^((log(y)*x)^-0.5)", *steps)
    case = Case.of(formula, {"x": [1.0], "y": [0.93]}, "hessian", EDGE)
    assert math.isnan(case.second[1][1])  # of 1 to the power of nothing
    assert not tallied(formula, case.at, "hessian").silent
    assert tallied(formula, case.at, "hessian", mute=True).silent


def test_what_is_infinite_less_infinite_decides_nothing() -> None:
    steps = [
        Step("log({})", "log", (0,), NUMBER),
        Step("-{}", "negate", (2,), NUMBER),
        Step("[{}, {}]", "join", (2, 3), PAIR),
        Step("sum({})", "sum", (4,), NUMBER),
        Step("{} < 1", "below_one", (5,), NUMBER),
        Step("where({}, {}, {})", "where", (6, 1, 0), NUMBER),
    ]
    formula = made("where(sum([log(x), -log(x)]) < 1, y, x)", *steps)
    assert Differences(formula, {"x": [0.0], "y": [2.0]}).value() == [None]


def test_beside_a_pole_a_remainder_of_nothing_goes_where_its_neighbours_go() -> None:
    # y % log(y) is y + log(y) right of 0, and its exponential y there.
    steps = [
        Step("log({})", "log", (1,), NUMBER),
        Step("{} % {}", "mod", (1, 2), NUMBER),
        Step("exp({})", "exp", (3,), NUMBER),
    ]
    truth = Differences(made("exp(y % log(y))", *steps), {"x": [1.0], "y": [0.0]}).first(sure=True)
    assert float(truth.values[0]) == 0
    assert [float(slope.value) for slope in truth.slopes[0]] == [0.0, 1.0]


def test_of_what_nothing_is_asked_a_warning_is_not_untrue() -> None:
    # ceil jumps by 1 beside 1e23; the wave has no digit, and the warning says so.
    steps = [
        Step("{}*{}", "multiply", (0, 1), NUMBER),
        Step("ceil({})", "ceil", (2,), NUMBER),
        Step("{}^2", "square", (0,), NUMBER),
        Step("sin({})", "sin", (4,), NUMBER),
        Step("{} + {}", "add", (3, 5), NUMBER),
    ]
    formula, at = made("ceil(x*y) + sin(x^2)", *steps), {"x": [1e20], "y": [1000.0]}
    assert Case.of(formula, at, "grad", EDGE).findings
    assert not tallied(formula, at).untrue
