"""Every wrong number has its reason: each culprit is named once, and no part is blamed for another."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import diffcli
from diffcli.diagnosis import examine
from diffcli.diagnosis.ledger import MOST, Finding


def found(what: str, text: str, at: dict[str, Any], v: dict[str, Any] | None = None) -> list[Finding]:
    return list(examine(diffcli.parse(text), at, what, v=v))


INDEPENDENT: list[tuple[str, str, dict[str, Any], list[str]]] = [
    ("jacobian", "[1-cos(x), sin(y)-y]", {"x": 1e-9, "y": 1e-6}, ["1-cos(x)", "sin(y)-y"]),
    ("grad", "log(x) + (1-cos(y))/y^2", {"x": 0, "y": 1e-5}, ["log(x)", "(1-cos(y))"]),
    ("grad", "(exp(x)-1)/x + (1-cos(y))/y^2", {"x": 1e-9, "y": 1e-5}, ["(exp(x)-1)", "(1-cos(y))"]),
    ("grad", "abs(x)+sqrt(y)", {"x": 0, "y": 0}, ["abs(x)", "sqrt(y)"]),
    ("grad", "sqrt(x)*sqrt(y)", {"x": 0, "y": 0}, ["sqrt(x)", "sqrt(y)"]),
    ("grad", "log(x)+1/y", {"x": 0, "y": 0}, ["log(x)", "1/y"]),
    ("grad", "log(v[0]) + (1-cos(v[1]))/v[1]^2", {"v": [0, 1e-5]}, ["log(v[0])", "(1-cos(v[1]))"]),
    ("eval", "[exp(x), 1/y]", {"x": 1000, "y": 0}, ["exp(x)", "1/y"]),
    ("eval", "[log(x), sin(y)-y]", {"x": 0, "y": 1e-6}, ["log(x)", "sin(y)-y"]),
    ("jacobian", "[log(x-5), sin(y)-y]", {"x": 1, "y": 1e-6}, ["log(x-5)", "sin(y)-y"]),
    ("jacobian", "[sqrt(x), log(y-5)]", {"x": 0, "y": 1}, ["log(y-5)", "sqrt(x)"]),
    ("grad", "abs(x)+max(y,z)", {"x": 0, "y": 1, "z": 1}, ["abs(x)", "max(y,z)"]),
]


@pytest.mark.parametrize(("what", "text", "at", "named"), INDEPENDENT)
def test_independent_parts_are_each_named(what: str, text: str, at: dict[str, Any], named: list[str]) -> None:
    findings = found(what, text, at)
    # What is underlined is the culprit, or the whole that is to be replaced.
    underlined = [text[slice(*f.span)] for f in findings if f.span]
    assert [part for part, whole in zip(named, underlined, strict=True) if part in whole] == named
    assert all(part in f.message for part, f in zip(named, findings, strict=True))


@pytest.mark.parametrize(
    ("what", "text", "at"),
    [
        ("grad", "log(x)", {"x": 0}),
        ("grad", "log(x)*y", {"x": 0, "y": 2}),
        ("grad", "log(x - 2) + y", {"x": 1, "y": 2}),
        ("grad", "(1-cos(x))/x^2", {"x": 1e-9}),
        ("grad", "sqrt(sum(v^2))", {"v": [0.0, 0.0]}),
        ("jacobian", "[log(x), 2*y]", {"x": 0, "y": 1}),
        ("hessian", "abs(x)+y^2.5", {"x": 0, "y": 0}),
        ("eval", "[log(x), log(x)+y, 3*log(x)]", {"x": 0, "y": 1}),
    ],
)
def test_one_culprit_is_one_finding(what: str, text: str, at: dict[str, Any]) -> None:
    assert len(found(what, text, at)) == 1


def test_only_outputs_that_depend_on_it_tell_whether_a_limit_exists() -> None:
    for text, x in (("[log(x), sin(y)-y]", 0), ("[log(x-5), sin(y)-y]", 1)):
        for what in ("eval", "jacobian"):
            assert not any("exists" in f.message for f in found(what, text, {"x": x, "y": 1e-6}))
    assert "the limit exists" in found("eval", "[sin(x)/x, log(y)]", {"x": 0, "y": 0})[0].message


def test_a_kink_is_shown_by_a_derivative_that_depends_on_it() -> None:
    first, second = found("grad", "abs(x)+max(y,z)", {"x": 0, "y": 1, "z": 1})
    assert first.message.endswith("df/dx is -1 from the left and 1 from the right")
    assert second.message.endswith("df/dy is 0 from the left and 1 from the right")


def test_an_infinite_slope_is_that_of_its_own_output() -> None:
    findings = found("jacobian", "[sqrt(x), log(y-5)]", {"x": 0, "y": 1})
    assert findings[1].message == "df[0]/dx is ∞: the slope of sqrt(x) is infinite here"


def test_what_an_output_does_not_depend_on_has_a_derivative() -> None:
    findings = found("vjp", "r=abs(x)*y;s=log(x)", {"x": 0, "y": 1}, {"r": 1, "s": 1})
    assert [f.expression for f in findings] == ["log(x)"]
    assert not any("cotangent of y" in f.message for f in findings)


#: A command, an expression with its point, the vector, and what the product is from the left and from the right.
SIDES: list[tuple[str, str, dict[str, Any], dict[str, Any], list[float], list[float]]] = [
    ("jvp", "max(x,y)", {"x": 1, "y": 1}, {"x": 1, "y": 1}, [1], [1]),
    ("jvp", "max(x,y)", {"x": 1, "y": 1}, {"x": 1, "y": -1}, [-1], [1]),
    ("jvp", "where(x>y,x^2,y^2)", {"x": 1, "y": 1}, {"x": 1, "y": 1}, [2], [2]),
    ("jvp", "floor(x+y)*x", {"x": 1, "y": 1}, {"x": 1, "y": -1}, [2], [2]),
    ("jvp", "hypot(x,y)", {"x": 0, "y": 0}, {"x": 3, "y": 4}, [-5], [5]),
    ("jvp", "abs(x)", {"x": 0}, {"x": -2}, [-2], [2]),
    ("jvp", "min(abs(x),abs(y))", {"x": 0, "y": 0}, {"x": 1, "y": 2}, [-1], [1]),
    ("jvp", "x*y/hypot(x,y)", {"x": 0, "y": 0}, {"x": 3, "y": 4}, [-2.4], [2.4]),
    ("jvp", "max(v)", {"v": [1, 1e-200, 1]}, {"v": [2, 7, 3]}, [2], [3]),
    ("jvp", "[abs(x), x*y]", {"x": 0, "y": 2}, {"x": 1, "y": 1}, [-1, 2], [1, 2]),
    ("jvp", "sin(x)/x*(y+z)", {"x": 0, "y": 1, "z": 1}, {"x": 0, "y": 2, "z": 3}, [5], [5]),
    ("jvp", "[sin(x)/x, y+z]", {"x": 0, "y": 1, "z": 1}, {"x": 0, "y": 2, "z": 3}, [0, 5], [0, 5]),
    ("vjp", "[max(x,y),min(x,y)]", {"x": 1, "y": 1}, {"f": [1, 1]}, [1, 1], [1, 1]),
    ("vjp", "[abs(x),abs(x)]", {"x": 0}, {"f": [1, -1]}, [0], [0]),
    ("vjp", "[abs(x),abs(x)]", {"x": 0}, {"f": [1, -3]}, [2], [-2]),
    ("vjp", "[abs(x),log(x),abs(x)]", {"x": 0}, {"f": [1, 0, 2]}, [-3], [3]),
    ("vjp", "a=max(x,y);b=min(x,y)*z", {"x": 1, "y": 1, "z": 2}, {"a": 2, "b": 1}, [2, 2, 1], [2, 2, 1]),
]


@pytest.mark.parametrize(("what", "text", "at", "v", "left", "right"), SIDES)
def test_the_sides_of_a_product_are_its_own(
    what: str, text: str, at: dict[str, Any], v: dict[str, Any], left: list[float], right: list[float]
) -> None:
    findings = found(what, text, at, v)
    assert left == right or any(f.where == "derivative" for f in findings)
    for finding in findings:
        assert finding.refined is not None
        sides = [finding.refined[side] for side in (("left", "right") if left != right else (what,))]
        for side, exact in zip(sides, (left, right), strict=False):
            assert [x for part in side.values() for x in np.ravel(part)] == pytest.approx(exact, rel=1e-14)
    kinks = [f for f in findings if f.code in ("kink", "tie", "predicate-at-equality")]
    assert bool(kinks) == (left != right)


@pytest.mark.parametrize(
    ("what", "text", "at", "v"),
    [
        ("jvp", "floor(x)", {"x": 1}, {"x": 1}),
        ("jvp", "round(min(x + y, x*y))", {"x": -0.5, "y": 0}, {"x": 0, "y": 2.5}),
        ("vjp", "2*floor(x)", {"x": 1}, {"f": 1}),
        ("vjp", "trunc(cumsum(y + zeros(3)))[:-1]", {"y": -1.5}, {"f": [-1, 1]}),
    ],
)
def test_what_only_jumps_has_no_product(what: str, text: str, at: dict[str, Any], v: dict[str, Any]) -> None:
    # Its derivative is 0 whatever the vector, and has no place for it.
    (finding,) = found(what, text, at, v)
    assert "jumps here" in finding.message
    assert finding.refined is not None
    assert all(np.isnan(np.ravel(part)).all() for part in finding.refined[what].values())
    assert not found(what, text, at, {name: np.zeros_like(part, dtype=float) for name, part in v.items()})


def test_there_are_not_more_than_a_reader_bears() -> None:
    text = "[" + ", ".join(f"log(v[{k}])" for k in range(12)) + "]"
    assert len(found("eval", text, {"v": [0.0] * 12})) == MOST == 8


def test_a_jump_is_told_along_itself_alone() -> None:
    """The derivative of a step is 0 whatever the tangent, so that the tangent stands in no number of the answer."""
    (jump,) = found("jvp", "floor(x) + y", {"x": 1, "y": 1}, {"x": 1, "y": 0})
    assert (jump.code, jump.where) == ("kink", "derivative")
    assert jump.refined is not None
    assert math.isnan(jump.refined["jvp"]["f"])
    assert found("jvp", "floor(x) + y", {"x": 1, "y": 1}, {"x": 0, "y": 1}) == []


@pytest.mark.parametrize("what", ["grad", "hessian"])
def test_the_slope_of_xlogy_where_both_are_0(what: str) -> None:
    finding = found(what, "xlogy(x, y)", {"x": 0, "y": 0}, {})[0]
    assert finding.refined is not None
    assert finding.refined["gradient"] == {"x": -math.inf, "y": 0.0}
