"""Many points: what is warned of is what the same points are warned of alone, and ordinary ones are left in peace."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import diffcli
from diffcli.diagnosis import examine, examined, extended, many, marks
from diffcli.diagnosis.many import SPEAKERS, Watch
from diffcli.diagnosis.screen import Screen
from tests.cli.conftest import Run, run  # noqa: F401
from tests.diagnosis.formulas import EDGE, ORDINARY, SIMPLE, formula, point
from tests.diagnosis.random_points import expression
from tests.diagnosis.test_running import FINER
from tests.diagnosis.test_variants import SECOND, VARIANTS

HARD = [
    (text, at) for text, at, _, _ in VARIANTS if all(np.ndim(value) == 0 for value in at.values())
]  # fmt: skip


def among_others(text: str, at: dict[str, float], count: int = 40) -> tuple[diffcli.Batch, int]:
    """A batch of points, the hard one in their midst."""
    rng = np.random.default_rng(len(text))
    points = {name: rng.uniform(0.6, 1.7, count) for name in at}
    for name, value in at.items():
        points[name][count // 2] = value
    return diffcli.parse(text).batch(points), count // 2


def codes_of(batch: diffcli.Batch, row: int) -> set[str]:
    return {code for code, rows in batch.warnings.items() if row in rows}


@pytest.mark.sampled
def test_hard_points_are_found_among_others() -> None:
    missed, more = [], []
    for text, at in HARD:
        batch, row = among_others(text, at)
        batch.value_and_grad()
        found = codes_of(batch, row)
        findings = examine(diffcli.parse(text), at, "grad")
        alone = {finding.code for finding in findings}
        if found - alone:
            more.append((text, at, found, alone))
        # In a batch digits count from the seventh on.
        if alone - found and not (alone <= {"cancellation"} and lost(findings) <= 8):
            missed.append((text, at, found, alone))
    assert (missed, more) == ([], [])


def lost(findings: Any) -> int:
    words = " ".join(finding.message for finding in findings)
    return 16 if "all its digits" in words else int(words.partition(" loses ")[2].partition(" of its")[0])


@pytest.mark.parametrize(("text", "x", "_"), SECOND)
def test_second_derivatives_too(text: str, x: float, _: float) -> None:
    batch, row = among_others(text, {"x": x}, 9)
    batch.hessian()
    alone = {finding.code for finding in examine(diffcli.parse(text), {"x": x}, "hessian")}
    assert codes_of(batch, row) == alone


def test_ordinary_points_are_left_in_peace() -> None:
    """Of the published starting points, and points around them."""
    data = json.loads((Path(__file__).parents[1] / "data" / "hs_cutest.json").read_text(encoding="utf-8"))["problems"]
    rng = np.random.default_rng(1)
    rows, warned = 0, {}
    for problem in data:
        program = diffcli.parse(problem["f_expr"])
        start = {f"x{i + 1}": value for i, value in enumerate(problem["x0"]) if f"x{i + 1}" in program.inputs}
        batch = program.batch({name: value + rng.uniform(0.01, 0.1, 300) for name, value in start.items()})
        value, _ = batch.value_and_grad()
        rows += len(value)
        for code, where in batch.warnings.items():
            if np.isfinite(value[where]).all():
                warned[problem["name"]] = (code, len(where))
    assert rows > 3000
    assert warned == {}


def differences(text: str, points: dict[str, Any], verb: str = "grad") -> tuple[list[Any], int]:
    """The rows of a batch whose codes are not those of the same point alone, and how many are warned of. Digits count
    from the seventh on in a batch.
    """
    program = diffcli.parse(text)
    batch = program.batch({name: points[name] for name in program.inputs})
    {"grad": batch.value_and_grad, "eval": batch.values, "hessian": batch.hessian}[verb]()
    warned = batch.warnings
    found, count = [], 0
    for row in range(len(batch)):
        codes = {code for code, rows in warned.items() if row in rows}
        at = {name: points[name][row] for name in program.inputs}
        findings = examine(program, at, verb)
        alone = {finding.code for finding in findings}
        if codes != alone and not (codes < alone and alone - codes == {"cancellation"} and lost(findings) <= 8):
            found.append((verb, text, at, codes, alone))
        count += bool(codes)
    return found, count


@pytest.mark.sampled
def test_every_row_of_random_formulas_is_warned_of_as_alone() -> None:
    """Among rows of all kinds: ordinary ones, kinks and zeros, the ends of the doubles, infinities and NaN."""
    rng = random.Random(12)
    edges = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 1e-9, 1e-200, 1e200, 710.0, math.inf, -math.inf, math.nan, 1e-17]
    found, warned = [], 0
    for k in range(24):
        text = expression(rng, 3)
        points = {
            name: np.array([rng.choice(edges) if rng.random() < 0.4 else rng.uniform(-3, 3) for _ in range(12)])
            for name in "xy"
        }
        if set(diffcli.parse(text).inputs):
            more, count = differences(text, points, ("grad", "eval", "hessian")[k % 3])
            found += more
            warned += count
    for k in range(20):
        made = formula(rng)
        rows = [point(rng, made.inputs, rng.choice([ORDINARY, SIMPLE, EDGE])) for _ in range(8)]
        points = {name: np.array([np.reshape(row[name], shape) for row in rows]) for name, shape in made.inputs.items()}
        more, count = differences(made.text, points, "grad" if k % 2 else "eval")
        found += more
        warned += count
    assert found == []
    assert warned > 60


@pytest.mark.parametrize(
    ("text", "x"),
    [
        ("((1 + x) - 1)^2", 1e-20), ("((1 + x) - 1)*((1 + x^2) - 1)", 1e-20), ("((1 + x) - 1)^2*((2 + x) - 2)", 1e-20),
        ("((1 + x) - 1)^3", 1e-20), ("cos((1e14 + x) - 1e14)", 1e-3), ("sin((1e14 + x) - 1e14 + pi/2)", 1e-3),
        ("tanh((1e17 + x) - 1e17)", 5.0), ("exp((1e17 + x) - 1e17 - 20) + 1", 5.0),
        ("erfc((1e17 + x) - 1e17 + 6)", -5.0), ("erf((1e17 + x) - 1e17)", 5.0),
        ("[(1 + x) - 1, 0] @ [(2 + x) - 2, 1] + 1e-60", 1e-20),
    ],
)  # fmt: skip
@pytest.mark.parametrize("alone", [False, True])
def test_lost_digits_are_not_found_again_by_slopes_that_vanish(text: str, x: float, alone: bool) -> None:
    """Where all digits of a number are lost, what is made of it may be wrong although no slope says so."""
    points = {"x": np.array([x, x] if alone else [x, 0.5, 0.7, 0.9])}
    for verb in ("eval", "grad"):
        found, warned = differences(text, points, verb)
        assert (found, warned > 0) == ([], True)


def test_ties_everywhere_hide_no_cancellation() -> None:
    x = np.array([-1.3448459309401117, 0.5, 1.5, -2.0, 0.25, 0.75])
    y = np.array([-1e-9, 0.7, 0.9, 1.1, 1.3, 1.7])
    assert differences("1/(atan(((-(x) / (y + x)) / asinh(max(y, y)))))", {"x": x, "y": y}) == ([], 1)


@pytest.mark.parametrize("text", ["sum(v)", "dot(v, [1, 1, 1])", "mean(v)", "cumsum(v)[2]"])
def test_what_cancels_inside_a_sum_is_no_zero(text: str) -> None:
    """Not even in extended precision is 1e20 + 1 − 1e20 anything but 0, which no factor moves."""
    batch = diffcli.parse(text).batch({"v": [[1.0, 2.0, 3.0], [1e20, 1.0, -1e20]]})
    batch.value_and_grad()
    assert {code: rows.tolist() for code, rows in batch.warnings.items()} == {"cancellation": [1]}


def test_what_an_infinite_argument_decides_is_looked_at() -> None:
    points = {"x": np.linspace(-3, 3, 8), "y": np.full(8, -0.0)}
    assert differences("((max((1 / y), cos(x)))^2)^2", points) == ([], 8)


#: Sixty turns by an angle: nothing is lost, but every turn adds 40 % to the bound.
TURNS = "p0 = x\nq0 = y\n" + "\n".join(
    f"p{k + 1} = 0.6*p{k} - 0.8*q{k}\nq{k + 1} = 0.8*p{k} + 0.6*q{k}" for k in range(60)
)


@pytest.mark.parametrize("count", [300, 6000])
def test_a_hopeless_bound_raises_no_alarm_and_hides_none(count: int) -> None:
    program = diffcli.parse(f"{TURNS}\nf = p60^2 + q60^2 + (1 - cos(z))/z^2\nreturn f")
    rng = np.random.default_rng(6)
    points = {name: rng.uniform(0.5, 1.5, count) for name in "xyz"}
    bad = [7, count // 2, count - 1]
    points["z"][bad] = 1e-9
    batch = program.batch(points)
    batch.value_and_grad()
    assert {code: rows.tolist() for code, rows in batch.warnings.items()} == {"cancellation": bad}


def test_hopeless_bounds_are_not_asked_for_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Block after block: once most were too large, some show whether they still are."""
    program = diffcli.parse(f"{TURNS}\nf = p60^2 + q60^2 + (1 - cos(z))/z^2\nreturn f")
    watch, asked_at = Watch(program, "grad"), []
    original = Screen._too_large
    monkeypatch.setattr(Screen, "_too_large", lambda *args: asked_at.append(len(args[2])) or original(*args))
    rng = np.random.default_rng(6)
    for _ in range(2):
        points = {name: rng.uniform(0.5, 1.5, 9000) for name in "xyz"}
        points["z"][5] = 1e-9
        batch = program.batch(points)
        batch.value_and_grad()
        assert {code: rows.tolist() for code, rows in batch.warned(watch).by_code().items()} == {"cancellation": [5]}
    assert asked_at == [9000, 512]


def test_what_a_sample_of_hopeless_bounds_says_nothing_about_is_looked_at() -> None:
    """The derivative by z is doubted at one row only, while those by x and y are at all."""
    program = diffcli.parse(f"{TURNS}\nf = p60^2 + q60^2 + z*(1 - cos(w))/w^2\nreturn f")
    rng = np.random.default_rng(7)
    points = {name: rng.uniform(0.5, 1.5, 6000) for name in "xyzw"}
    points["z"][1234], points["w"][1234] = 0.0, 2.2e-8
    batch = program.batch(points)
    batch.value_and_grad()
    assert {code: rows.tolist() for code, rows in batch.warnings.items()} == {"cancellation": [1234]}


def test_where_most_of_a_stretch_is_in_doubt_all_of_it_is() -> None:
    """What is asked of them next costs least for all. What is not finite is found all the same, in any column."""
    numbers = np.linspace(0.0, 1.0, 3 * marks.CHUNK)
    others = np.ones((2, len(numbers)))
    others[0, 7], others[1, -1] = np.nan, -np.inf
    wrong, small = marks.wrong_or_small([others[0], numbers, others[1]], [0.5, 0.4, 1.0], len(numbers), 1)
    assert wrong.tolist() == [7, len(numbers) - 1]
    assert small.tolist() == [row for row in range(len(numbers) - 1) if row != 7]  # by the column of ones
    wrong, small = marks.wrong_or_small([others[0], numbers, others[1]], [0.5, 0.4, 0.5], len(numbers), 1)
    assert wrong.tolist() == [7, len(numbers) - 1]
    first = [row for row in range(marks.CHUNK) if row != 7]
    assert small.tolist() == [*first, *range(marks.CHUNK, int(np.searchsorted(numbers, 0.4, "right")))]


def test_without_finer_numbers_the_rows_are_examined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extended, "possible", lambda derived: False)
    found = []
    for text, at in HARD[::9]:
        batch, row = among_others(text + " ", at, 12)
        batch.value_and_grad()
        alone = {finding.code for finding in examine(diffcli.parse(text), at, "grad")}
        if codes_of(batch, row) != alone:
            found.append((text, at, codes_of(batch, row), alone))
    assert found == []


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("text", ["x*y", "max(x, y)/y", "sqrt(x)*y", "sum([x, y])", "abs(x) + y"])
def test_ranges_as_wide_as_the_doubles(text: str) -> None:
    """NumPy complained on standard error of an overflow in what was made of them."""
    for x in ([-1e308, 1.0], [1.7e308, -1.7e308], [1.0, 2.0], [0.0, 5e-324]):
        assert differences(text, {"x": np.array(x), "y": np.array([1.0, 1.5e308])})[0] == []


def test_a_row_is_judged_the_same_in_any_company() -> None:
    program = diffcli.parse("where(x > 0, log(x), 0)*y + (1 - cos(y))/y^2")
    rng = np.random.default_rng(4)
    x, y = rng.uniform(-1, 1, 5000), rng.uniform(0.5, 1, 5000)
    x[::50], y[7::500] = 0.0, 1e-9
    whole = program.batch({"x": x, "y": y})
    whole.value_and_grad()
    some = program.batch({"x": x[2000:2600], "y": y[2000:2600]})
    some.value_and_grad()
    for code, rows in whole.warnings.items():
        inside = rows[(rows >= 2000) & (rows < 2600)] - 2000
        assert some.warnings[code].tolist() == inside.tolist()
    assert set(whole.warnings["cancellation"]) == set(range(7, 5000, 500))
    assert set(whole.warnings["predicate-at-equality"]) == set(range(0, 5000, 50))


def test_every_question_has_its_warnings() -> None:
    points = {"x": [1.0, 0.0, 2.0], "y": [1.0, 3.0, 2.0]}
    batch = diffcli.parse("[abs(x)*y, max(x, y)]").batch(points)
    assert batch.warnings == {}  # of the values, which have no kinks
    batch.jacobian()
    assert {code: rows.tolist() for code, rows in batch.warnings.items()} == {"kink": [1], "tie": [0, 2]}
    batch.vjp({"f": [1.0, 0.0]})
    assert {code: rows.tolist() for code, rows in batch.warnings.items()} == {"kink": [1]}
    batch.jvp({"y": 1.0})
    assert {code: rows.tolist() for code, rows in batch.warnings.items()} == {"tie": [0, 2]}
    batch.values()
    assert batch.warnings == {}
    log = diffcli.parse("log(x)/y").batch(points)
    log.values()
    assert {code: rows.tolist() for code, rows in log.warnings.items()} == {"pole": [1]}


def test_arrays_have_warnings() -> None:
    v = np.ones((6, 3)) * np.arange(1, 4)
    v[2] = [1.0, 5.0, 5.0]
    v[4] = [0.0, -1.0, 2.0]
    batch = diffcli.parse("max(v) + sum(sqrt(v))").batch({"v": v})
    batch.value_and_grad()
    assert {code: rows.tolist() for code, rows in batch.warnings.items()} == {"domain": [4], "tie": [2]}


def test_a_bound_that_says_too_much_is_found_out() -> None:
    """The terms of sin at 30 cancel; those of an iterated map do not, whatever the sum over all paths says."""
    steps = "\n".join(f"{b} = 1.5*{a}*(1 - {a})" for a, b in zip("xabcdefgh", "abcdefghi", strict=True))
    program = diffcli.parse(f"{steps}\nj = i + 1e-7*sin(1e6*i)\nreturn j")
    batch = program.batch({"x": np.linspace(0.1, 0.9, 3000)})
    batch.value_and_grad()
    assert "cancellation" not in batch.warnings or len(batch.warnings["cancellation"]) < 3


def test_where_there_are_too_many_the_bound_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many, "EXAMINED", 5)
    x = np.linspace(1e-9, 2e-9, 300)
    batch = diffcli.parse("(1 - cos(x))/x^2").batch({"x": x})
    batch.value_and_grad()
    assert len(batch.warnings["cancellation"]) == 300


def test_rows_are_examined_until_a_run_has_spent_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few whatever they cost; for the rest their bound is believed."""
    looks = []
    monkeypatch.setattr(many, "ALL", 1e-9)
    monkeypatch.setattr(many, "examined", lambda *args, **options: looks.append(args) or examined(*args, **options))
    batch = diffcli.parse("(1 - cos(x))/x^2").batch({"x": np.linspace(1e-9, 2e-9, 60)})
    batch.value_and_grad()
    assert len(batch.warnings["cancellation"]) == 60
    assert len(looks) == many.FEW


def test_a_zero_of_the_inputs_needs_no_exact_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside other values; by itself it has lost half its digits."""
    looks = []
    monkeypatch.setattr(many, "examined", lambda *args, **options: looks.append(args) or examined(*args, **options))
    points = {"x": [1.0, 0.3], "y": [math.pi / 2 - 1 + 1e-8, 0.7]}
    assert diffcli.parse("[cos(x + y), 1 + sin(x + y)]").batch(points).warnings == {}
    assert len(looks) == (0 if FINER else 1)
    assert {*diffcli.parse("cos(x + y)").batch(points).warnings} == {"cancellation"}


def test_no_number_is_left_unsaid_past_all_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many, "EXAMINED", 0)
    batch = diffcli.parse("log(x) + max(x, 1)").batch({"x": [-1.0, 0.0, 1.0, 2.0]})
    batch.value_and_grad()
    assert {code: rows.tolist() for code, rows in batch.warnings.items()} == {"domain": [0], "pole": [1], "tie": [2]}


def test_rows_that_are_odd_alike_share_a_look(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []
    monkeypatch.setattr(many, "examined", lambda *args, **options: looks.append(args) or examined(*args, **options))
    x = np.where(np.arange(20_000) % 2, -1.0, 0.0)
    watch = Watch(diffcli.parse("log(x)"), "grad")
    batch = diffcli.parse("log(x)").batch({"x": x})
    batch.value_and_grad()
    found = batch.warned(watch).by_code()
    assert (len(found["domain"]), len(found["pole"])) == (10_000, 10_000)
    assert len(looks) == 2 * SPEAKERS
    batch.warned(watch)
    assert len(looks) == 2 * SPEAKERS


@pytest.mark.usefixtures("capsys")
def test_tables_carry_the_codes(run: Run, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "p.csv").write_text("x,y\n1,2\n0,3\n5,5\n-1,1\n?,1\n")
    points = str(tmp_path / "p.csv")
    code, out, err = run("grad", "abs(x)*y + max(x, y)", "--points", points)
    assert code == 6
    assert [line.rpartition(",")[2] for line in out.splitlines()] == ["error", "", "kink", "tie", "", ' not a number"']
    assert "5 rows, 1 failed, warnings: kink 1, tie 1" in err
    rows = [json.loads(line) for line in run("grad", "log(x*y)", "--points", points, "--json").out.splitlines()]
    assert [row.get("warnings") for row in rows] == [[], [{"code": "pole"}], [], None, None]
    assert [row["error"]["code"] for row in rows[3:]] == ["domain", "row"]
    assert run("eval", "x=-1:1:3", "abs(x)").code != 0
    assert run("grad", "abs(x)", "x=-1:1:3").out == "x,f,d_x,error\n-1,1,-1,\n0,0,0,kink\n1,1,1,\n"
    run("grad", "abs(x)", "x=-1:1:3", "-o", str(tmp_path / "r.npz"))
    with np.load(tmp_path / "r.npz") as found:
        assert (found["error_row"].tolist(), found["error"].tolist()) == ([1], ["kink"])


def test_infinite_inputs() -> None:
    batch = diffcli.parse("exp(-x) + 1/x").batch({"x": [1.0, math.inf, math.nan]})
    batch.value_and_grad()
    assert {code: rows.tolist() for code, rows in batch.warnings.items()} == {"nonfinite-input": [1, 2]}


@pytest.mark.parametrize("text", ["erfc(x)", "erfc(x*x)", "erf(x)", "x^5"])
def test_columns_whose_squares_overflow_are_looked_at(text: str) -> None:
    points = diffcli.parse(text).batch({"x": [0.5, 1e100, 1e200]})
    points.grad()
    assert set(points.warnings) <= {"overflow"}
