"""Where a formula plainly has no value about a point, no limits are looked for; and nowhere else is it said."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from diffcli.bound import bind
from diffcli.diagnosis import examined
from diffcli.language.program import parse
from diffcli.precise import Exactly
from diffcli.precise.arithmetic import Arithmetic
from diffcli.precise.nowhere import _LENIENT
from diffcli.precise.scalars import SCALARS


def absent(text: str, at: Mapping[str, object]) -> list[bool]:
    """Whether each output element is said to have no value about a point."""
    bound = bind(parse(text), at)
    point = {node: value[..., 0] for node, value in bound.at.items()}
    nowhere = Exactly(bound.function.outputs, point, bound.wrt).nowhere
    return [False] * len(bound.function.outputs) if nowhere is None else nowhere.elements(bound.function.outputs)


@pytest.mark.parametrize(
    ("text", "x", "y"),
    [
        ("log(x)", -1, 0), ("sqrt(x)*y", -1e-300, 0), ("acos(x) + y", 3, 1), ("atanh(x)/y", -2, 0), ("x^y", -1.5, 0.3),
        ("xlogy(y, x)", -1, 2), ("exp(max(log(x), y))", -1, 1), ("sum([y, log(x), 1])", -1, 1), ("log(x) + 1/y", -1, 0),
        ("where(y > 0, log(x), 1/x)", -1, 1), ("log(floor(x) - 0.5)", 0.3, 0),
        ("where(log(x) > 0, 1, 2)*sqrt(x)", -1, 1), ("log(abs(x) - 1)", 0, 0), ("acosh(cos(x)/2)", 0, 0),
    ],
)  # fmt: skip
def test_outside_a_domain(text: str, x: float, y: float) -> None:
    at = {name: value for name, value in {"x": x, "y": y}.items() if name in parse(text).inputs}
    assert absent(text, at) == [True]
    findings, spent = examined(parse(text), at, "eval")
    assert "domain" in {finding.code for finding in findings}
    assert spent < 2e-3  # the evaluations at the point itself; a search for limits takes 0.01 and more


@pytest.mark.parametrize(
    ("text", "x", "y"),
    [
        # What has values beside the point: poles, limits, steps and the ends of a domain.
        ("1/x", 0, 0), ("x/x", 0, 0), ("log(x)/(1 + log(x))", 0, 0), ("log(floor(x) - 0.5)", 1, 0),
        ("log(floor(x) - 0.5)", 0, 0), ("log(x - y)/log(x - y)", 1, 1), ("where(x > 0, 1, log(-1))", 0, 0),
        ("where(x > 0, log(-1), 1)", 0, 0), ("log(0.5 - sign(x))", 0, 0), ("mod(x, y)", 1, 0), ("beta(x, y)", -1, 1),
        ("log(0^x - 0.5)", 0, 0), ("log(mod(x, 1) - 0.5)", 1, 0), ("xlogy(x, y)", 0, -1), ("gamma(x)", -1, 0),
        ("log(tan(atan2(x, -1)) - 1)/y", 0, 1), ("log(-1e-30 + x)", 1e-30, 0), ("log((1 + x) - 1 - x/2)", 1e-200, 0),
        ("log(sin(x)^2 + cos(x)^2 - 1)", 0.3, 0), ("[1, 2] @ [1/x, 3]", 0, 0),
        # What nobody knows by so few digits.
        ("log(exp(-exp(x)) - exp(-exp(y)))", 1e4, 2e4),
    ],
)  # fmt: skip
def test_where_a_limit_may_exist(text: str, x: float, y: float) -> None:
    at = {name: value for name, value in {"x": x, "y": y}.items() if name in parse(text).inputs}
    assert absent(text, at) == [False]


def test_of_many_outputs_and_elements_those_that_have_none() -> None:
    assert absent("[log(x), y, sqrt(y)]\n", {"x": -1, "y": 2}) == [True, False, False]
    assert absent("cumsum(log(v))", {"v": [1.0, -1.0, 2.0]}) == [False, True, True]


def test_nearly_all_operations_hand_on_that_there_is_no_value() -> None:
    ar = Arithmetic()
    for name, rule in SCALARS.items():
        count = rule.__code__.co_argcount - 1 or 2  # maximum and minimum take any number
        for k in range(count) if name not in _LENIENT else ():
            numbers = [ar.nan if i == k else ar.m.one for i in range(count)]
            # A quotient is handed beside its arguments, and is none where one of them is.
            assert ar.is_nan(rule(ar, *numbers)) or (name, k) == ("quotient", 1), (name, k)
