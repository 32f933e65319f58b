"""The judge of the random programs sees what it is there to see, and the oracle knows what it says."""

from __future__ import annotations

import math

import pytest

import diffcli
from diffcli.bound import bind
from tests.diagnosis import exact
from tests.diagnosis.blame import Blame
from tests.diagnosis.differences import ALONE, LIMIT, SHARP, SIDE, SMOOTH, UNDEFINED, Differences
from tests.diagnosis.formulas import EDGE, NUMBER, PAIR, TRIPLE, Formula, Step
from tests.diagnosis.judged import Case, Tally, judge
from tests.diagnosis.paths import Paths


def made(text: str, *steps: Step) -> Formula:
    """A formula of x and y, put together by hand."""
    inputs = [Step("x", "input", (), NUMBER), Step("y", "input", (), NUMBER)]
    return Formula(text, {"x": NUMBER, "y": NUMBER}, [*inputs, *steps], {})


DIFFERENCE = made("1 - cos(x)", Step("cos({})", "cos", (0,), NUMBER), Step("(1 - {})", "one_minus", (2,), NUMBER))
SUM = made("sum([x, y])", Step("[{}, {}]", "join", (0, 1), PAIR), Step("sum({})", "sum", (2,), NUMBER))
CORNERS = made(
    "abs(x) + abs(y)",
    Step("abs({})", "abs", (0,), NUMBER),
    Step("abs({})", "abs", (1,), NUMBER),
    Step("({} + {})", "add", (2, 3), NUMBER),
)
PRODUCT = made("x*y", Step("{}*{}", "multiply", (0, 1), NUMBER))
MAXIMUM = made("max(x, y)", Step("max({}, {})", "max", (0, 1), NUMBER))


def tallied(
    formula: Formula, at: dict[str, list[float]], verb: str = "grad", off: float = 0.0, *, mute: bool = False
) -> Tally:
    """What is said of an answer whose last number is `off` by so much of itself."""
    case = Case.of(formula, at, verb, EDGE)
    case.numbers[-1] *= 1 + off
    if mute:
        case.findings = []
    tally = Tally()
    judge(case, tally)
    return tally


def test_a_wrong_number_is_noticed() -> None:
    at = {"x": [3.0], "y": [0.7]}
    assert not tallied(PRODUCT, at).silent
    assert not tallied(PRODUCT, at, off=2e-15).silent
    ((reason, line, _),) = tallied(PRODUCT, at, off=1e-14).silent
    assert (reason, line) == ("wrong", "diffcli grad \"x*y\" --at 'x=3.0, y=0.7'")
    assert tallied(PRODUCT, at, "hessian", off=1e-14).silent


def test_a_warning_that_is_missing_is_noticed() -> None:
    at = {"x": [2.0], "y": [2.0]}
    assert not tallied(MAXIMUM, at).silent
    assert tallied(MAXIMUM, at, mute=True).silent[0][0] == "sharp"
    assert tallied(PRODUCT, {"x": [1e308], "y": [10.0]}, mute=True).silent[0][0] == "not finite"


def test_a_warning_that_is_not_true_is_noticed() -> None:
    kink = Case.of(MAXIMUM, {"x": [2.0], "y": [2.0]}, "grad", EDGE).findings
    case = Case.of(PRODUCT, {"x": [2.0], "y": [3.0]}, "grad", EDGE)
    for findings, reason in [
        (kink, "tie: no reason to warn"),
        ([kink[0]._replace(code="cancellation")], "cancellation: no reason to warn"),
        ([kink[0]._replace(code="pole")], "pole: no reason to warn"),
    ]:
        case.findings, tally = findings, Tally()
        judge(case, tally)
        assert tally.untrue[0][0] == reason
    case = Case.of(PRODUCT, {"x": [1e308], "y": [10.0]}, "grad", EDGE)
    assert case.findings
    assert not tallied(PRODUCT, case.at).untrue
    case.findings, tally = [each._replace(refined={"value": 1e308}) for each in case.findings], Tally()
    judge(case, tally)
    assert tally.untrue[0][0] == "overflow: refined value is off"


def test_a_warning_excuses_only_what_it_is_about() -> None:
    at = {"x": [0.0], "y": [0.0]}
    assert not tallied(CORNERS, at).silent
    case = Case.of(CORNERS, at, "grad", EDGE)
    assert [finding.expression for finding in case.findings] == ["abs(x)", "abs(y)"]
    for left, about in ((0, 2), (1, 1)):
        case.findings, tally = case.findings[left : left + 1], Tally()
        judge(case, tally)
        assert tally.silent[0][0] == f"sharp, and no warning is about number {about}"
        case = Case.of(CORNERS, at, "grad", EDGE)
    # A wrong value is not excused by what is said of a derivative.
    case.numbers[0] = 1e-3
    tally = Tally()
    judge(case, tally)
    assert tally.silent[0][0] == "wrong, and no warning is about number 0"


def test_nothing_is_to_blame_for_an_input_that_nothing_is_made_of() -> None:
    bound = bind(diffcli.parse("abs(y) + x^0"), {"x": 1.0, "y": 0.0}, ["x", "y"])
    blame = Blame(bound, "grad")
    (place,) = [k for k, node in enumerate(blame.nodes) if node.op.name == "abs"]
    assert [blame.slope(place, 0, j) for j in (0, 1)] == [False, True]


def test_what_rounding_may_do() -> None:
    assert float(Paths(PRODUCT, {"x": [3.0], "y": [0.7]}).of_value(0)) == pytest.approx(2.1)
    # ∂f/∂x = y: what reaches x is rounded once.
    assert float(Paths(PRODUCT, {"x": [3.0], "y": [0.7]}).of_slope(0, 0)) == pytest.approx(0.7)
    x = 1e-3
    paths = Paths(DIFFERENCE, {"x": [x], "y": [1.0]})
    assert float(paths.of_value(0)) == pytest.approx(math.cos(x) + (1 - math.cos(x)))
    assert float(paths.of_slope(0, 0)) == pytest.approx(2 * math.sin(x))
    # An operation on arrays rounds as if its arguments had been.
    assert float(Paths(SUM, {"x": [1e8], "y": [3 - 1e8]}).of_value(0)) == pytest.approx(2e8)


@pytest.mark.parametrize(
    ("meaning", "x", "kind", "slope"),
    [
        ("sin", 0.3, SMOOTH, math.cos(0.3)),
        ("cube", 0.0, SMOOTH, 0.0),
        ("sqrt", 2.0, SMOOTH, 0.5 / math.sqrt(2)),
        ("power_3_2", 0.0, SIDE, 0.0),
        ("sqrt", 0.0, SHARP, None),
        ("cbrt", 0.0, SHARP, None),
        ("abs", 0.0, SHARP, None),
        ("sign", 0.0, SHARP, None),
        ("floor", 3.0, SHARP, None),
        ("floor", 3.5, SMOOTH, 0.0),
        ("entr", 0.0, SHARP, None),
        ("sinc", 0.0, SMOOTH, 0.0),
        ("log", -1.0, UNDEFINED, None),
        ("digamma", 1.5, SMOOTH, 0.9348022005446793),
        ("erfinv", 0.5, SMOOTH, math.sqrt(math.pi) / 2 * math.exp(0.4769362762044699**2)),
    ],
)
def test_the_oracle_knows_a_slope_from_a_kink(meaning: str, x: float, kind: str, slope: float | None) -> None:
    formula = Formula(meaning, {"x": NUMBER}, [Step("x", "input", (), NUMBER), Step("", meaning, (0,), NUMBER)], {})
    ((found,),) = Differences(formula, {"x": [x]}).first(sure=True).slopes
    assert found.kind == kind
    if slope is not None:
        assert abs(found.value - slope) <= 1e-15 * abs(slope)


def test_the_oracle_knows_a_point_without_neighbours() -> None:
    power = made("x^y", Step("{}^{}", "power", (0, 1), NUMBER))
    slopes = Differences(power, {"x": [-2.0], "y": [3.0]}).first(sure=True).slopes[0]
    assert [slope.kind for slope in slopes] == [SMOOTH, ALONE]
    assert abs(slopes[0].value - 12) < 1e-30


def test_the_oracle_sees_what_doubles_do_not() -> None:
    # (1 + x) − 1 at 1e-200, for which 77 digits are not enough.
    steps = [
        Step("(1 + {})", "add_one", (0,), NUMBER),
        Step("({} - {})", "subtract", (2, 1), NUMBER),
    ]
    formula = made("(1 + x) - y", *steps)
    (value,) = Differences(formula, {"x": [1e-200], "y": [1.0]}).first(sure=True).values
    assert float(value) == 1e-200
    assert exact.BEYOND > 3 * 1074


def chosen(test: str, x: int) -> Formula:
    """Whether step x, which comes third, compares so with 1: then y, else x."""
    return made(
        f"where(1/x {test} 1, y, x)",
        Step("1/{}", "reciprocal", (0,), NUMBER),
        Step("1", "number", (), NUMBER, 1.0),
        Step("{} " + test + " {}", {"<": "less", "!=": "not_equal"}[test], (x, 3), NUMBER),
        Step("where({}, {}, {})", "where", (4, 1, 0), NUMBER),
    )


def test_where_there_is_no_value_all_ways_must_lead_to_one() -> None:
    at = {"x": [0.0], "y": [2.0]}
    # 1/0 is not 1, whatever its sign is: around 0 this is y.
    truth = Differences(chosen("!=", 2), at).first(sure=True)
    assert float(truth.values[0]) == 2.0
    assert [(slope.kind, float(slope.value)) for slope in truth.slopes[0]] == [(LIMIT, 0.0), (LIMIT, 1.0)]
    # But whether it is less than 1 depends on its sign.
    truth = Differences(chosen("<", 2), at).first(sure=True)
    assert truth.values == [None]
    assert {slope.kind for slope in truth.slopes[0]} == {UNDEFINED}
    assert tallied(chosen("<", 2), at, mute=True).silent
    assert not tallied(chosen("<", 2), at).silent
    assert not tallied(chosen("!=", 2), at, mute=True).silent


def test_what_rounding_alone_tells_apart_is_equal() -> None:
    formula = made(
        "where(tan(atan2(x, x)) < 1, y, x)",
        Step("atan2({}, {})", "atan2", (0, 0), NUMBER),
        Step("tan({})", "tan", (2,), NUMBER),
        Step("{} < 1", "below_one", (3,), NUMBER),
        Step("where({}, {}, {})", "where", (4, 1, 0), NUMBER),
    )
    for x in (0.8348304155011528, 0.3, 0.7, 1.1):
        truth = Differences(formula, {"x": [x], "y": [5.0]}, seconds=10.0).first(sure=True)
        assert float(truth.values[0]) == x


def test_a_kink_nearer_than_any_double_is_none_here() -> None:
    # max(x, 1e-200·1e-200): the kink is at 1e-400.
    formula = made(
        "max(x, 1e-200*1e-200)",
        Step("1e-200", "number", (), NUMBER, 1e-200),
        Step("{}*{}", "multiply", (2, 2), NUMBER),
        Step("{}*{}", "multiply", (3, 2), NUMBER),
        Step("max({}, {})", "max", (0, 4), NUMBER),
    )
    (row,) = Differences(formula, {"x": [0.0], "y": [1.0]}).first(sure=True).slopes
    assert (row[0].kind, float(row[0].value)) == (SMOOTH, 0.0)


def test_what_rounds_alike_is_moved_together() -> None:
    formula = made(
        "median([sin(x), sin(x), sin(x)])",
        Step("sin({})", "sin", (0,), NUMBER),
        Step("repeat", "repeat_3", (2,), TRIPLE),
        Step("{}*1", "multiply", (3, 3), TRIPLE),
        Step("median({})", "median", (4,), NUMBER),
    )
    # sin(x)², of which both sin(x) and the square are rounded.
    assert float(Paths(formula, {"x": [0.7], "y": [1.0]}).of_value(0)) == pytest.approx(3 * math.sin(0.7) ** 2)


def test_steps_go_over_no_steps() -> None:
    formula = made("floor(exp(x))", Step("exp({})", "exp", (0,), NUMBER), Step("floor({})", "floor", (2,), NUMBER))
    (row,) = Differences(formula, {"x": [700.0], "y": [1.0]}).first(sure=True).slopes
    assert (row[0].kind, float(row[0].value)) == (SMOOTH, 0.0)


def test_a_warning_is_about_all_that_it_underlines() -> None:
    at = {"x": [1e308], "y": [0.5]}
    product = made(
        "cross([y, 0.25, x], [x, x, x])",
        Step("0.25", "number", (), NUMBER, 0.25),
        Step("[{}, {}, {}]", "join", (1, 2, 0), TRIPLE),
        Step("[{}, {}, {}]", "join", (0, 0, 0), TRIPLE),
        Step("cross({}, {})", "cross", (3, 4), TRIPLE),
    )
    case = Case.of(product, at, "jacobian", EDGE)
    assert [math.isfinite(x) for x in case.numbers[:3]] == [False, False, True]
    assert len(case.findings) == 1
    assert not case.missing(["right" if math.isfinite(x) else "not finite" for x in case.got])


@pytest.mark.parametrize(("x", "size"), [(0.3, 0.0), (-0.3, 1.7)])
def test_a_floored_remainder_is_rounded_where_the_divisor_is_added(x: float, size: float) -> None:
    remainder = made("x % y", Step("{} % {}", "mod", (0, 1), NUMBER))
    assert float(Paths(remainder, {"x": [x], "y": [2.0]}).of_value(0)) == pytest.approx(size)


def test_a_sum_that_is_less_than_the_slope_is_not_known() -> None:
    # From one of its steps to the next it is 2^-690.
    steps = [Step("exp2({})", "exp2", (0,), NUMBER), Step("fmod({}, {})", "fmod", (2, 1), NUMBER)]
    remainder = made("sin(fmod(exp2(x), y))", *steps, Step("sin({})", "sin", (3,), NUMBER))
    at = {"x": [700.0], "y": [-700.0]}
    assert not tallied(remainder, at).silent
    case = Case.of(remainder, at, "grad", EDGE)
    case.numbers[1] *= 1 + 3e-14
    assert case.verdicts(case.truths(sure=True))[1] == "lax"


def test_what_a_double_just_holds_is_told_as_it_is() -> None:
    steps = [
        Step("{} + {}", "add", (0, 0), NUMBER),
        Step("{} - {}", "subtract", (2, 1), NUMBER),
    ]
    assert not tallied(made("x + x - y", *steps), {"x": [1.2e308], "y": [0.65e308]}).untrue  # 1.75e308
