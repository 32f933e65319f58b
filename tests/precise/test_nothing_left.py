"""Where the exact result is 0, rounding leaves something at every precision; no precision makes sense of it."""

from __future__ import annotations

import mpmath
import pytest

import diffcli
from diffcli.bound import bind
from diffcli.precise import Exactly


@pytest.mark.parametrize(
    ("source", "at"),
    [
        # 1/0, of which rounding makes a huge number at every precision.
        ("1/logsumexp(log_softmax(v))", {"v": [0.1, -0.3, 0.75]}),
        # A slope of 0: what is left of v × v/y is rounding.
        (
            "min(logaddexp(cross(v, v/y), concat([y, x], [y*y])))",
            {"v": [2.409949619477344, 0.23894554835064521, 0.2072736430271419], "y": 0.48410790194477527, "x": 2.98},
        ),
    ],
)
def test_rounding_that_is_left_of_nothing_asks_for_no_more_and_more_digits(
    source: str, at: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    bound = bind(diffcli.parse(source), at)
    point = {node: value[..., 0] for node, value in bound.at.items()}
    exactly = Exactly(bound.function.outputs, point, bound.wrt, seconds=20.0)
    precisions: list[int] = []
    run = exactly._run
    monkeypatch.setattr(exactly, "_run", lambda bits, *rest: precisions.append(bits) or run(bits, *rest))
    (value,) = exactly.values()
    for j in range(len(exactly.directions) if value == value else 0):
        exactly.partial(j)
    assert max(precisions) < 10_000


@pytest.mark.parametrize(
    ("source", "at", "second"),
    [
        # From a wave far out, of which the first steps show 59 bits.
        ("cos(x)", {"x": 1e17}, 0.8855573282976307),
        # The slope jumps by 2.8 of 1e17, which no double shows.
        ("hypot(x, x) + 1e17*x + x^2", {"x": 0.0}, None),
        ("x*x*x", {"x": 0.0}, 0.0),
    ],
)
def test_second_derivatives_beside_what_is_large(source: str, at: dict[str, object], second: float | None) -> None:
    bound = bind(diffcli.parse(source), at)
    point = {node: value[..., 0] for node, value in bound.at.items()}
    (found,) = Exactly(bound.function.outputs, point, bound.wrt).second(0, 0)
    assert found.value != found.value if second is None else float(found.value) == second


def test_what_is_far_below_the_other_is_seen_by_a_logarithm() -> None:
    bound = bind(diffcli.parse("log(logaddexp(x, 0))"), {"x": -1e8})
    point = {node: value[..., 0] for node, value in bound.at.items()}
    (value,) = Exactly(bound.function.outputs, point, bound.wrt).values()
    assert float(value) == -1e8


def test_a_standard_deviation_has_all_the_digits_that_are_asked_for() -> None:
    """The root of n is no double: sin(std(v)·1e16) would show its seventeenth digit."""
    bound = bind(diffcli.parse("sin(std(v)*1e16)"), {"v": [1.0, 2.0, 4.0]})
    point = {node: value[..., 0] for node, value in bound.at.items()}
    (value,) = Exactly(bound.function.outputs, point, bound.wrt).values()
    with mpmath.workdps(60):
        wanted = mpmath.sin(mpmath.sqrt(mpmath.mpf(14) / 9) * mpmath.mpf(10) ** 16)
    assert abs(value - wanted) < 1e-17


@pytest.mark.parametrize(
    ("text", "x", "value"),
    [
        ("where(y < 1, x, log(sign(x))) % 2", 0.0, 0.0),
        ("floor(atanh(x) if x < 1 else x)", 1.0, 1.0),
        ("sign([x, 1/x])[0]", 0.0, 0.0),
        ("sign(concat([1/x], [x*2]))[1]", 0.0, 0.0),
        ("floor([y, log(x)])[0]", 0.0, 0.0),
    ],
)
def test_a_pole_elsewhere_leaves_a_decision_alone(text: str, x: float, value: float) -> None:
    # In a branch that is not taken, or in another number of an array.
    bound = bind(diffcli.parse(text), {"x": x} | ({"y": 0.0} if "y" in text else {}))
    exactly = Exactly(bound.function.outputs, {node: v[..., 0] for node, v in bound.at.items()}, bound.wrt)
    assert exactly.values() == [value]
