from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import jsonschema
import mpmath
import numpy as np
import pytest

import diffcli
import diffcli.precise.arithmetic
from diffcli.bound import bind
from diffcli.diagnosis.questions import ask
from diffcli.diagnosis.truth import truth
from diffcli.errors import UsageError
from diffcli.graph import TABLE
from diffcli.precise import Exactly, SlowError, to_double
from diffcli.precise.rounded import rounded
from diffcli.primitives.catalogue import FUNCTIONS
from tests.cli.conftest import Run, run  # noqa: F401


def exactly(source: str, at: dict[str, object], seconds: float = 10.0) -> Exactly:
    bound = bind(diffcli.parse(source), at)
    point = {node: value[..., 0] for node, value in bound.at.items()}
    return Exactly(bound.function.outputs, point, bound.wrt, seconds=seconds)


def values(source: str, **at: object) -> list[float]:
    return [to_double(x) for x in exactly(source, at).values()]


UNARY = [
    op
    for op in TABLE.values()
    if op.kind == "elementwise" and op.reference and len(op.samples) == 1 and op.name in FUNCTIONS
]


@pytest.mark.parametrize("op", UNARY, ids=lambda op: op.name)
def test_a_derivative_is_that_of_the_reference(op: object) -> None:
    low, high = op.samples[0]  # type: ignore[attr-defined]
    x = low + (high - low) * 0.37
    (partial,) = exactly(f"{op.name}(x)", {"x": x}).partial(0)  # type: ignore[attr-defined]
    with mpmath.workdps(60):
        wanted = mpmath.diff(lambda t: op.reference(mpmath, t), mpmath.mpf(x))  # type: ignore[attr-defined]
    assert abs(partial.value - wanted) <= 1e-15 * abs(wanted)


@pytest.mark.parametrize(
    ("source", "at", "wanted"),
    [
        ("sum(v)", {"v": [1e20, 1, -1e20]}, [1.0]),
        ("mean(A, axis=0)", {"A": [[1, 2], [3, 5]]}, [2.0, 3.5]),
        ("A @ b", {"A": [[1e200, 1], [0, 2]], "b": [1e-200, 3]}, [4.0, 6.0]),
        ("cumsum(v)", {"v": [1, 2, 3]}, [1.0, 3.0, 6.0]),
        ("cumprod(v)", {"v": [1, 2, 3]}, [1.0, 2.0, 6.0]),
        ("softmax(v)", {"v": [1000, 0]}, [1.0, 0.0]),
        ("log_softmax(v)", {"v": [1000, 0]}, [0.0, -1000.0]),
        ("logsumexp(v)", {"v": [1000, 1000]}, [1000 + math.log(2)]),
        ("solve(A, A @ A)", {"A": [[1, 2], [3, 5]]}, [1.0, 2.0, 3.0, 5.0]),
        ("norm(v)", {"v": [3e200, 4e200]}, [5e200]),
        ("sort(v)", {"v": [3, 1, 2]}, [1.0, 2.0, 3.0]),
        ("median(v)", {"v": [4, 1, 2, 3]}, [2.5]),
        ("max(v)", {"v": [4, 1, 2]}, [4.0]),
        ("diag(v)[1]", {"v": [4, 1]}, [0.0, 1.0]),
        ("x % 3 + fmod(x, 3)", {"x": -7}, [2.0 - 1.0]),
        ("x^0 + 0^x", {"x": 2}, [1.0]),
        ("log2(x) + log10(x) + log1p(x)", {"x": 1}, [math.log(2)]),
        ("where(x > 0 and not x == 2 or x < -5, x, 0)", {"x": 3}, [3.0]),
        ("clip(x, 0, 1) + min(x, 1) + relu(x)", {"x": 3}, [5.0]),
        ("exp(x) + tanh(x) + erf(x)", {"x": -1e300}, [-2.0]),
        ("xlogy(0, x)", {"x": -1}, [0.0]),
        ("[x, -x] % 0^-2", {"x": 5}, [5.0, math.inf]),
        ("fmod([x, -x], 0^-2)", {"x": 5}, [5.0, -5.0]),
    ],
)
def test_values(source: str, at: dict[str, object], wanted: list[float]) -> None:
    np.testing.assert_allclose(values(source, **at), wanted, rtol=1e-15, atol=0)


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("mod(1, 1/v)", 0.0),
        ("fmod(-1, 1/v)", 0.0),
        ("floor(1/v*v)", 1.0),
        ("ceil(-1/v*v)", -1.0),
        ("trunc(-1/v*v)", -1.0),
        ("round(3/v*v/2)", 2.0),
    ],
)
def test_what_rounding_alone_tells_from_a_whole_number_is_one(source: str, wanted: float) -> None:
    v = [float(k) for k in range(1, 60)]
    assert values(source, v=v) == [wanted] * len(v)


def test_nothing_runs_away() -> None:
    for source in ("sin(exp(exp(exp(x))))", "exp(exp(exp(x)))", "x^x^x^x", "gamma(exp(exp(x)))", "sin(1/x)"):
        point = exactly(source, {"x": 30.0 if "1/" not in source else 0.0}, seconds=5.0)
        assert all(not mpmath.isfinite(x) for x in point.values())
    with pytest.raises(SlowError):
        exactly("sum(sin(v))", {"v": np.ones(10_000)}, seconds=0.0).values()


@pytest.mark.parametrize(
    ("source", "x", "left", "right"),
    [("abs(x)", 0.0, -1.0, 1.0), ("sqrt(x)", 0.0, math.nan, math.inf), ("x*log(x)", 0.0, math.nan, -math.inf),
     ("1/x", 0.0, -math.inf, -math.inf), ("sin(1/x)", 0.0, math.nan, math.nan), ("cbrt(x)", 0.0, math.inf, math.inf),
     ("sqrt(x^2 + 1e-300)", 0.0, 0.0, 0.0), ("stop(x)*x", 3.0, 3.0, 3.0)],
)  # fmt: skip
def test_derivatives_from_both_sides(source: str, x: float, left: float, right: float) -> None:
    (partial,) = exactly(source, {"x": x}).partial(0)
    np.testing.assert_array_equal([to_double(partial.left), to_double(partial.right)], [left, right])


def test_limits_agree_along_every_line_or_are_none() -> None:
    assert [to_double(v) for v in exactly("sin(x*y)/(x*y)", {"x": 0, "y": 0}).limits()] == [1.0]
    assert math.isnan(to_double(exactly("x*y/(x^2 + y^2)", {"x": 0, "y": 0}).limits()[0]))
    assert math.isnan(values("x - y", x=math.inf, y=math.inf)[0])
    assert values("x*exp(-x)", x=math.inf) == [0.0]


def test_to_double_rounds_overflows_and_has_no_negative_zero() -> None:
    assert to_double(mpmath.mpf("1e400")) == math.inf
    assert math.copysign(1, to_double(mpmath.mpf("-1e-500"))) == 1.0
    assert to_double(True) == 1.0


@pytest.mark.parametrize("digits", [5, 17, 50, 200])
def test_digits_are_correctly_rounded(digits: int) -> None:
    found = rounded(diffcli.parse("exp(x)*sin(y) + sqrt(2)"), {"x": 0.1, "y": 3}, digits)
    with mpmath.workdps(2 * digits + 20):
        x, y = mpmath.mpf(0.1), mpmath.mpf(3)
        wanted = mpmath.exp(x) * mpmath.sin(y) + mpmath.sqrt(2)
        assert found.values == {"f": mpmath.nstr(wanted, digits)}
        assert found.derivatives["f"]["x"] == mpmath.nstr(mpmath.exp(x) * mpmath.sin(y), digits)
        assert found.derivatives["f"]["y"] == mpmath.nstr(mpmath.exp(x) * mpmath.cos(y), digits)


def test_constants_are_the_numbers_themselves() -> None:
    found = rounded(diffcli.parse("[pi, e, tau, sin(pi), 0.5]"), {}, 40, derivatives=False).values
    assert found["f[0]"] == "3.141592653589793238462643383279502884197"
    assert found["f[1]"] == "2.718281828459045235360287471352662497757"
    assert (found["f[3]"], found["f[4]"]) == ("0", "0.5")


def test_where_there_is_no_derivative_there_are_no_digits() -> None:
    program = diffcli.parse("[abs(x), sqrt(x), x^2]")
    found = rounded(program, {"x": 0}, 20).derivatives
    assert [found[f"f[{i}]"]["x"] for i in range(3)] == ["nan", "inf", "0"]
    with pytest.raises(UsageError, match="NaN"):
        rounded(program, {"x": math.nan}, 20)
    with pytest.raises(UsageError, match="5000"):
        rounded(program, {"x": 1}, 5001)
    with pytest.raises(UsageError, match="seconds"):
        rounded(program, {"x": 1}, 20, seconds=0.0)


def test_without_mpmath_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:  # noqa: F811
    monkeypatch.setattr(diffcli.precise.arithmetic, "available", lambda: False)
    code, _, err = run("eval", "sqrt(2)", "--precise")
    assert code == 2
    assert "pip install 'diffcli[precise]'" in err


def test_precise_on_the_command_line(run: Run) -> None:  # noqa: F811
    assert run("eval", "sqrt(2)", "--precise").out == "f = 1.4142135623730950488016887242096980785696718753769\n"
    assert "df/dx  0.3333333333" in run("grad", "log(x)", "x=3", "--precise", "--digits", "10").out
    found = json.loads(run("jacobian", "[x, x^2]", "x=3", "--precise", "--json").out)
    assert found["precise"]["derivatives"] == {"f[0]": {"x": "1"}, "f[1]": {"x": "6"}}
    schema = Path(diffcli.__file__).parent / "report" / "schemas" / "jacobian.json"
    jsonschema.validate(found, json.loads(schema.read_text(encoding="utf-8")))
    assert run("eval", "1 - cos(x)", "x=1e-9", "--precise", "--digits", "5").err == ""


def test_doubles_beside_the_digits_have_their_warnings(run: Run) -> None:  # noqa: F811
    wrong = ("1 - cos(x)", "x=1e-9", "--precise")
    (warning,) = json.loads(run("eval", *wrong, "--json").out)["warnings"]
    assert (warning["code"], warning["refined"]) == ("cancellation", {"values": {"f": 5e-19}})
    code, out, err = run("eval", *wrong, "--format", "csv")
    assert (code, out.split()) == (0, ["f", "0"])
    assert "cancels" in err


@pytest.mark.parametrize(
    ("text", "reference", "x"),
    [
        ("exp(x)/(1 + x^2)", lambda x: mpmath.exp(x) / (1 + x * x), 0.1),
        ("sin(x)", mpmath.sin, 1.0),
        ("(1 - cos(x))/x^2", lambda x: (1 - mpmath.cos(x)) / x**2, 1e-5),
        ("log(x)*pi", lambda x: mpmath.log(x) * mpmath.pi, 100.0),
    ],
)
def test_higher_orders_are_correctly_rounded(text: str, reference: Any, x: float) -> None:
    found = rounded(diffcli.parse(text), {"x": x}, 40, order=5).orders
    with mpmath.workdps(400):
        series = mpmath.taylor(reference, mpmath.mpf(x), 5)
        wanted = [c * mpmath.factorial(k) for k, c in enumerate(series)]
        assert found is not None
        with mpmath.workdps(60):
            assert [mpmath.nstr(mpmath.mpf(digits), 40) for digits in found] == [mpmath.nstr(c, 40) for c in wanted]


@pytest.mark.parametrize(
    ("text", "x", "wanted"),
    [
        ("x^3", 0, ["0", "0", "0", "6", "0", "0"]),
        ("pi*x^2 + sin(2)*x", 3, [None, None, "6.2831853071795864769", "0", "0", "0"]),
        ("1e-250*x^2 + x", 1, [None, None, "2e-250", "0", "0", "0"]),
        ("x^2", 0.1, ["0.01", "0.2", "2", "0", "0", "0"]),
        ("x*abs(x)", 0, ["0", "0", "nan", "nan", "nan", "nan"]),
        ("abs(x)", 0, ["0", "nan", "nan", "nan", "nan", "nan"]),
        ("floor(x) + (x > 1)", 1.5, ["2", "0", "0", "0", "0", "0"]),
        ("stop(x)*x^2", 2, ["8", "8", "4", "0", "0", "0"]),
    ],
)
def test_higher_orders_that_vanish_or_do_not_exist(text: str, x: float, wanted: list[str | None]) -> None:
    found = rounded(diffcli.parse(text), {"x": x}, 20, order=5).orders
    assert found is not None
    shown = [f"{float(number):.14g}" for number in found]
    assert shown == [s if w is None else f"{float(w):.14g}" for s, w in zip(shown, wanted, strict=True)]


def test_precise_orders_on_the_command_line(run: Run) -> None:  # noqa: F811
    shown = run("grad", "sin(x)", "x=1", "--order", "2", "--precise", "--digits", "10").out
    assert shown == "at x = 1\n\nf     0.8414709848\nf'    0.5403023059\nf''  -0.8414709848\n"
    found = json.loads(run("grad", "x^4", "x=2", "--order", "3", "--precise", "--json").out)
    assert found["precise"]["orders"] == ["16", "32", "48", "48"]
    schema = Path(diffcli.__file__).parent / "report" / "schemas" / "grad.json"
    jsonschema.validate(found, json.loads(schema.read_text(encoding="utf-8")))


def test_entries_alone_are_not_to_be_had_precisely(run: Run) -> None:  # noqa: F811
    code, out, err = run("jacobian", "x^2", "x=[1,2]", "--sparse", "--precise")
    assert (code, out) == (2, "")
    assert "leave one of them out" in err


@pytest.mark.parametrize(
    ("text", "words", "shown"),
    [
        ("exp(-x)", ["x=2000"], "2.57653587296e-869"),
        ("1-tanh(x)", ["x=1000"], "5.15307174592e-869"),
        ("erfc(x)", ["x=1000"], "1.86003704863e-434298"),
        ("exp(-pi*x)", ["x=1000"], "4.2038398057e-1365"),
        ("sin(pi*x)", ["x=1"], "0"),
        ("cos(pi/2)*x", ["x=1"], "0"),
    ],
)
def test_small_is_not_nothing(run: Run, text: str, words: list[str], shown: str) -> None:  # noqa: F811
    """Nothing but what shrinks with every further digit is taken for 0, as sin(π) is."""
    code, out, _ = run("eval", text, *words, "--precise", "--digits", "12")
    assert (code, out.strip()) == (0, f"f = {shown}")


@pytest.mark.parametrize(
    ("text", "words", "digits"),
    [
        ("exp(exp(x))", ["x=10"], "9.387512218584e+9565"),
        ("exp(-exp(x))", ["x=10"], "1.065244951714e-9566"),
        ("10^10^x", ["x=30"], "1e+1000000000000000000000000000000"),
        ("gamma(x)", ["x=1e6"], "8.263931688331e+5565702"),
    ],
)
def test_exponents_of_any_size(run: Run, text: str, words: list[str], digits: str) -> None:  # noqa: F811
    code, out, err = run("eval", text, *words, "--precise", "--digits", "13")
    assert (code, out, err) == (0, f"f = {digits}\n", "")


def test_exponents_of_hundreds_of_digits() -> None:
    """log₁₀ of exp(exp(1000)) is exp(1000)/ln 10."""
    digits = rounded(diffcli.parse("exp(exp(x))"), {"x": 1000}, 20)
    with mpmath.workdps(600):
        exponent = mpmath.exp(1000) / mpmath.log(10)
        mantissa, _, power = digits.values["f"].partition("e")
        assert int(power) == int(mpmath.floor(exponent))
        assert abs(mpmath.mpf(mantissa) - 10 ** (exponent - int(power))) < mpmath.mpf(10) ** -18
        # f′ = exp(x)·f
        slope, _, of_slope = digits.derivatives["f"]["x"].partition("e")
        log10 = mpmath.log(mpmath.mpf(slope), 10) + int(of_slope)
        assert abs(log10 - exponent - 1000 / mpmath.log(10)) < mpmath.mpf(10) ** -18


@pytest.mark.parametrize(
    ("text", "x", "reason"),
    [
        ("sin(exp(exp(x)))", "20", "an argument of sin has 210,704,571 digits, which is out of reach"),
        ("sin(exp(exp(exp(x))))", "9", "a number on the way has an exponent of more than 600 digits"),
    ],
)
def test_what_is_not_known_is_said(run: Run, text: str, x: str, reason: str) -> None:  # noqa: F811
    code, out, err = run("eval", text, f"x={x}", "--precise")
    assert (code, out) == (0, "f = nan\n")
    assert reason in err


def test_waves_of_large_arguments_have_their_digits() -> None:
    """The argument exp(exp(8)) has 1,295 digits before the point, and so has the slope."""
    digits = rounded(diffcli.parse("sin(exp(exp(x)))"), {"x": 8}, 20)
    with mpmath.workdps(1400):
        u = mpmath.exp(mpmath.exp(8))
        value, slope = mpmath.sin(u), mpmath.cos(u) * u * mpmath.exp(8)
        assert abs(mpmath.mpf(digits.values["f"]) / value - 1) < mpmath.mpf(10) ** -19
        assert abs(mpmath.mpf(digits.derivatives["f"]["x"]) / slope - 1) < mpmath.mpf(10) ** -19


@pytest.mark.parametrize(("text", "shown"), [("exp(exp(exp(x)))", "inf"), ("exp(-exp(exp(x)))", "0")])
def test_what_is_out_of_reach_is_said(run: Run, text: str, shown: str) -> None:  # noqa: F811
    code, out, err = run("eval", text, "x=1000", "--precise")
    assert (code, out) == (0, f"f = {shown}\n")
    assert "out of reach" in err
    *of_doubles, warning = json.loads(run("eval", text, "x=1000", "--precise", "--json").out)["warnings"]
    assert (warning["code"], "out of reach" in warning["message"]) == ("overflow", True)
    # exp(1000) is no double, which spoils the first value only.
    assert [each["expression"] for each in of_doubles] == ["exp(x)"] * (shown == "inf")


@pytest.mark.parametrize(
    ("text", "value", "slope"),
    [
        ("sin(x)/x", "1", "0"),
        ("(exp(x) - 1 - x)/x^2", "0.5", "0.16666666666666666666666666666666666666666666666667"),
        ("(exp(x) - 1)/x", "1", "0.5"),
        ("log(1 + x)/x*pi", "3.1415926535897932384626433832795028841971693993751",
         "-1.5707963267948966192313216916397514420985846996876"),
        ("abs(x)/x", "nan", "nan"),
        ("1/x", "nan", "nan"),
        ("x*log(x)", "0", "-inf"),
        ("log(x)", "-inf", "inf"),
    ],
)  # fmt: skip
def test_value_and_derivative_are_of_one_function(text: str, value: str, slope: str) -> None:
    """Of the one that has its limit where the formula has none."""
    found = rounded(diffcli.parse(text), {"x": 0}, 50)
    assert (found.values["f"], found.derivatives["f"]["x"]) == (value, slope)


def test_orders_at_a_removable_singularity() -> None:
    assert rounded(diffcli.parse("sin(x)/x"), {"x": 0}, 10, order=4).orders == ["1", "0", "-0.3333333333", "0", "0.2"]


def test_long_sums_are_rounded_once() -> None:
    """Each addend lost alone beside the first, all of them together not."""
    (found,) = exactly("sum(v) - 1e16", {"v": [1e16, *[0.5] * 1000]}).values()
    assert found == 500
    assert values("sum(v)", v=[1e300, *[1e-300] * 20, -1e300]) == [2e-299]


@pytest.mark.parametrize(
    ("source", "at"),
    [("exp(-1/x)", {"x": 0.0}), ("x/abs(x)", {"x": 0.0}), ("x/y", {"x": 0.0, "y": 0.0}), ("sqrt(x - 1)", {"x": 0.0})],
)
def test_what_has_no_value_has_no_derivative(source: str, at: dict[str, float]) -> None:
    """Nor has a warning's `refined`, although the slopes on one side or on both may exist."""
    question = ask(bind(diffcli.parse(source), at), "grad")
    known = truth(question, question.at, 5.0)
    assert known.values is not None
    assert known.first is not None
    assert np.isnan([*known.values, *known.first.value[0]]).all()


def test_second_derivatives_beside_a_singularity_that_another_input_has() -> None:
    """x·log x + y² at x = 0: along y the formula has no value anywhere."""
    point = exactly("x*log(x) + y^2", {"x": 0.0, "y": 1.0})
    assert [to_double(point.second(i, j)[0].value) for i, j in ((0, 0), (1, 0), (1, 1))] == [math.inf, 0.0, 2.0]


def test_a_kink_beside_a_logarithm_is_no_jump() -> None:
    """The samples that tell the one must not be taken for the last of those that tell the other."""
    for partial in exactly("[hypot(x, y), x*log(abs(x) + abs(y))*0 + abs(x)]", {"x": 0.0, "y": 0.0}).partial(0):
        assert not partial.jumps
        assert (to_double(partial.left), to_double(partial.right)) == (-1.0, 1.0)
    bowl, spike = exactly("[abs(x), xlogy(abs(x), abs(x))]", {"x": 0.0}).partial(0)
    assert not bowl.jumps
    assert (to_double(spike.left), to_double(spike.right)) == (math.inf, -math.inf)


@pytest.mark.parametrize(("source", "slope"), [("1/log(x)", -math.inf), ("1/log(x)^2", math.inf), ("x/log(x)", 0.0)])
def test_a_slow_approach_is_no_jump(source: str, slope: float) -> None:
    """1/log(x) is still −0.005 at 2^-300, and its slope is not quite 1/x there."""
    (partial,) = exactly(source, {"x": 0.0}).partial(0)
    assert not partial.jumps
    assert to_double(partial.value) == slope


@pytest.mark.parametrize("source", ["z/y*x", "x + x*(y - 2*z)/(y + z)"])
def test_a_slope_that_depends_on_how_the_others_come_is_none(source: str) -> None:
    """Where they all come one way, or all the other, their quotient is the same."""
    point = exactly(source, {"x": 0.0, "y": 0.0, "z": 0.0})
    place = next(j for j, (node, _) in enumerate(point.directions) if node.params[0] == "x")
    assert math.isnan(to_double(point.partial(place)[0].value))


@pytest.mark.parametrize(
    "source", ["mod(1/x, 1)", "sin(exp(1/x))", "exp(1/x)/(1 + exp(1/x))", "sin(1/x)", "sin(log(abs(x)))", "tan(1/x)"]
)
def test_what_waves_or_jumps_or_is_out_of_reach_has_no_limit(source: str) -> None:
    """Nor by the chance of where it is sampled; and what is not known on one side is not what it is on the other."""
    assert np.isnan([to_double(x) for x in exactly(source, {"x": 0.0}).limits()]).all()


def test_the_standard_deviation_has_all_its_digits() -> None:
    found = rounded(diffcli.parse("[std(v), std(v, ddof=1)]"), {"v": [1, 2, 4]}, 40)
    with mpmath.workdps(60):
        square = mpmath.mpf(14) / 3
        assert found.values["f[0]"] == mpmath.nstr(mpmath.sqrt(square / 3), 40)
        assert found.values["f[1]"] == mpmath.nstr(mpmath.sqrt(square / 2), 40)


def test_what_comes_near_slowly_is_no_logarithm() -> None:
    """The second derivative next to the largest doubles, where a step is no smaller than 2^-60."""
    y = 1e308
    (partial,) = exactly("sin(y + x)", {"y": y, "x": 0.25}).second(0, 0)
    with mpmath.workprec(2000):
        wanted = -mpmath.sin(mpmath.mpf(y) + 0.25)
    assert abs(partial.value - wanted) <= 1e-15 * abs(wanted)


@pytest.mark.parametrize(("source", "x"), [("[sin(x)/x, y]", 0.0), ("[log(x), y]", -1.0), ("[1/x - 1/x, y]", 0.0)])
def test_what_does_not_change_with_an_input_has_derivative_0_even_where_it_has_no_value(source: str, x: float) -> None:
    found = rounded(diffcli.parse(source), {"x": x, "y": 1.0}, 20)
    assert [row["y"] for row in found.derivatives.values()] == ["0", "1"]
    assert [to_double(partial.value) for partial in exactly(source, {"x": x, "y": 1.0}).partial(1)] == [0.0, 1.0]


@pytest.mark.parametrize(
    ("text", "shown", "code"), [("tan(pi*x/2)", "nan", "domain"), ("log(sin(pi*x))", "-inf", "pole")]
)
def test_what_only_doubles_have_is_said(run: Run, text: str, shown: str, code: str) -> None:  # noqa: F811
    # π itself is beside the double pi, where tan(π/2) has its pole.
    for command in ("eval", "grad", "jacobian"):
        assert "with all digits, pi, tau and e the numbers themselves, f" in run(command, text, "x=1", "--precise").err
        answer = json.loads(run(command, text, "x=1", "--precise", "--json").out)
        assert (answer["precise"]["values"]["f"], [each["code"] for each in answer["warnings"]]) == (shown, [code])
    assert run("eval", text, "x=0.25", "--precise").err == ""
