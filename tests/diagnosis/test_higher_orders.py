"""The derivatives of `grad --order N`, from the second on: warned of where they are wrong, infinite or do not exist."""

from __future__ import annotations

import json
import math
from typing import Any

import mpmath
import pytest

import diffcli
from diffcli.diagnosis.higher_orders import examine_orders
from diffcli.diagnosis.ledger import Finding
from tests.cli.conftest import Run, run  # noqa: F401


def findings(source: str, x: float, order: int) -> list[Finding]:
    program = diffcli.parse(source)
    return examine_orders(program, {"x": x}, diffcli.derivatives(program, {"x": x}, order).tolist())


@pytest.mark.parametrize(
    ("source", "order", "code", "left", "right"),
    [
        ("abs(x)^3", 3, "kink", -6.0, 6.0),
        ("x*abs(x)", 2, "kink", -2.0, 2.0),
        ("max(x, 0)^3", 3, "tie", 0.0, 6.0),
        ("relu(x)^2", 2, "kink", 0.0, 2.0),
        ("where(x > 0, x^4, 0)", 4, "predicate-at-equality", 0.0, 24.0),
        ("abs(x)^4.5", 5, "kink", -math.inf, math.inf),
        ("sqrt(x^4)", 2, None, 2.0, 2.0),
    ],
)
def test_kinks_of_derivatives(source: str, order: int, code: str | None, left: float, right: float) -> None:
    assert findings(source, 0.0, order - 1) == []
    found = findings(source, 0.0, order + 1)
    if code is None:
        assert not any(each.code == "kink" for each in found)
        return
    assert [each.code for each in found] == [code]
    assert found[0].refined is not None
    assert (found[0].refined["left"][order], found[0].refined["right"][order]) == (left, right)
    assert math.isnan(found[0].refined["derivatives"][order])


@pytest.mark.parametrize(("source", "order"), [("x^3.5", 4), ("x^2.5", 3), ("x^2*xlogy(x, x)", 3), ("x^2*sqrt(x)", 3)])
def test_poles_of_derivatives(source: str, order: int) -> None:
    assert not any(each.code == "pole" for each in findings(source, 0.0, order - 1))
    (found,) = [each for each in findings(source, 0.0, order) if each.code == "pole"]
    assert found.refined is not None
    assert math.isinf(found.refined["derivatives"][order])
    assert found.refined["derivatives"][:order].tolist() == [0.0] * order


def test_removable_ones() -> None:
    """Of x²·√x, whose f″ is 3.75·√x, 0·∞."""
    (found,) = findings("x^2*sqrt(x)", 0.0, 2)
    assert found.code == "removable"


@pytest.mark.parametrize(
    ("source", "exact", "x"),
    [
        ("(1 - cos(x))/x^2", lambda m, x: (1 - m.cos(x)) / x**2, 1e-3),
        ("x - sin(x)", lambda m, x: x - m.sin(x), 1e-7),
        ("(exp(x) - 1 - x)/x^2", lambda m, x: (m.exp(x) - 1 - x) / x**2, 1e-2),
        ("log(exp(x) + 1e-9) - x", lambda m, x: m.log(m.exp(x) + 1e-9) - x, 3.0),
    ],
)
def test_cancellation(source: str, exact: Any, x: float) -> None:
    found = [each for each in findings(source, x, 4) if each.code == "cancellation"]
    given = diffcli.derivatives(diffcli.parse(source), {"x": x}, 4)
    with mpmath.workdps(120):
        right = [c * math.factorial(k) for k, c in enumerate(mpmath.taylor(lambda t: exact(mpmath, t), x, 4))]
    wrong = [k for k in range(2, 5) if abs(given[k] - right[k]) > 1e-12 * abs(right[k])]
    assert len(found) == bool(wrong)
    if wrong:
        assert found[0].refined is not None
        assert found[0].refined["derivatives"] == pytest.approx([float(c) for c in right], rel=1e-15)


@pytest.mark.parametrize("x", [0.3, -1.7, 2.5, 0.0])
@pytest.mark.parametrize(
    "source",
    ["exp(x)*sin(x)", "log(3 + x)", "x^5 - 2*x^3 + 1", "tan(x/2)", "atan(x)", "where(x > 1, x^2, 3)", "sinc(x)"],
)
def test_ordinary_points_are_quiet(source: str, x: float) -> None:
    assert findings(source, x, 6) == []


def test_what_is_said_of_the_first_is_not_said_again() -> None:
    for source in ("abs(x)", "sqrt(x)", "1/x", "sin(1/x)"):
        assert findings(source, 0.0, 4) == []
    assert findings("sin(x)", math.inf, 3) == []


@pytest.mark.parametrize(
    ("source", "x", "site", "exact"),
    [
        ("where(x == 1, x^2, x^3)", 1.0, "x == 1", "6"),
        ("where(x == 3, 9, x^2)", 3.0, "x == 3", "2"),
        ("max(x^2, 2*x - 1)", 1.0, "max(x^2, 2*x - 1)", "2"),  # which is never below x²
    ],
)
def test_a_choice_is_not_blamed_on_rounding(source: str, x: float, site: str, exact: str) -> None:
    (found,) = findings(source, x, 2)
    assert (found.expression, found.code) == (site, "predicate-at-equality" if "==" in site else "tie")
    assert found.message.endswith(f": on both sides f'' is {exact}")


def test_rounding_beside_a_comparison_is_still_rounding() -> None:
    (found,) = findings("where(x > 1e-5, 1, 1)*(1 - cos(x))/x^2", 1e-5, 2)
    assert found.code == "cancellation"


def test_on_the_command_line(run: Run) -> None:  # noqa: F811
    found = json.loads(run("grad", "abs(x)^3", "x=0", "--order", "3", "--json").out)
    (warning,) = found["warnings"]
    assert (warning["code"], warning["span"], warning["where"]) == ("kink", [0, 6], "derivative")
    assert warning["refined"] == {
        "value": 0.0,
        "derivatives": [0.0, 0.0, 0.0, "NaN"],
        "left": [0.0, 0.0, 0.0, -6.0],
        "right": [0.0, 0.0, 0.0, 6.0],
    }
    assert "f''' is -6 from the left and 6 from the right" in run("grad", "abs(x)^3", "x=0", "--order", "3").err
    assert run("grad", "x - sin(x)", "x=1e-5", "--order", "2", "--precise").err == ""
    assert run("grad", "abs(x)^3", "x=0", "--order", "2").err == ""
