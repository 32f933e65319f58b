"""What holds at kinks, jumps, poles and ends of domains: values and derivatives, one by one."""

from __future__ import annotations

import math

import pytest

import diffcli

INF, NAN = math.inf, math.nan


@pytest.mark.parametrize(
    ("text", "at", "value", "gradient"),
    [
        # kinks: the least subgradient, equal shares
        ("abs(x)", {"x": 0}, 0, [0]),
        ("abs(x)", {"x": -0.0}, 0, [0]),
        ("max(x, y)", {"x": 1, "y": 1}, 1, [0.5, 0.5]),
        ("min(x, y)", {"x": 1, "y": 1}, 1, [0.5, 0.5]),
        ("max(x, y, z)", {"x": 1, "y": 1, "z": 1}, 1, [1 / 3, 1 / 3, 1 / 3]),
        ("max(max(x, y), z)", {"x": 1, "y": 1, "z": 1}, 1, [1 / 3, 1 / 3, 1 / 3]),
        ("max(max(x, y, z), u)", {"x": 1, "y": 1, "z": 1, "u": 1}, 1, [0.25, 0.25, 0.25, 0.25]),
        ("min(x, min(y, z))", {"x": 1, "y": 1, "z": 1}, 1, [1 / 3, 1 / 3, 1 / 3]),
        ("min(x, y, z)", {"x": 2, "y": 1, "z": 1}, 1, [0, 0.5, 0.5]),
        ("max(x,0)-max(-x,0)", {"x": 0}, 0, [1]),
        ("relu(x)", {"x": 0}, 0, [0.5]),
        ("relu(x) - relu(-x)", {"x": 0}, 0, [1]),
        ("clip(x, -1, 1)", {"x": 1}, 1, [1]),
        ("clip(x, -1, 1)", {"x": -1}, -1, [1]),
        ("clip(x, -1, 1)", {"x": 3}, 1, [0]),
        ("clip(x, low, high)", {"x": -3, "low": -1, "high": 1}, -1, [0, 1, 0]),
        ("clip(x, low, high)", {"x": 3, "low": -1, "high": 1}, 1, [0, 0, 1]),
        ("hypot(x, y)", {"x": 0, "y": 0}, 0, [0, 0]),
        ("norm([x, y])", {"x": 0, "y": 0}, 0, [0, 0]),
        ("std([x, y])", {"x": 2, "y": 2}, 0, [0, 0]),
        ("max([x, y, 1])", {"x": 1, "y": 0}, 1, [0.5, 0]),
        ("median([x, y, 5])", {"x": 1, "y": 1}, 1, [0.5, 0.5]),
        # jumps: 0
        ("sign(x)", {"x": 0}, 0, [0]),
        ("heaviside(x)", {"x": 0}, 0.5, [0]),
        ("floor(x)", {"x": 2}, 2, [0]),
        ("ceil(x)", {"x": 2.5}, 3, [0]),
        ("round(x)", {"x": 2.5}, 2, [0]),
        ("trunc(x)", {"x": -2.5}, -2, [0]),
        ("x % y", {"x": 6, "y": 3}, 0, [1, -2]),
        ("mod(x, y)", {"x": -7, "y": 3}, 2, [1, 3]),
        ("fmod(x, y)", {"x": -7, "y": 3}, -1, [1, 2]),
        # the value that mathematics fills in
        ("0^x", {"x": 0}, 1, [NAN]),
        ("x^0", {"x": 0}, 1, [0]),
        ("x^y", {"x": 0, "y": 2}, 0, [0, 0]),
        ("x^y", {"x": 0, "y": 0}, 1, [0, NAN]),
        ("x^y", {"x": -2, "y": 3}, -8, [12, NAN]),
        ("x^3", {"x": 0}, 0, [0]),
        ("x^2", {"x": -3}, 9, [-6]),
        ("x^-1", {"x": 4}, 0.25, [-1 / 16]),
        ("x^1", {"x": 4}, 4, [1]),
        ("x^0.5", {"x": 4}, 2, [0.25]),
        ("sum(x^[0, 1, 2])", {"x": 0}, 1, [1]),
        ("sum(x^arange(4))", {"x": -2}, -5, [9]),
        ("sinc(x)", {"x": 0}, 1, [0]),
        ("xlogy(x, y)", {"x": 0, "y": 0}, 0, [-INF, 0]),
        ("xlogy(x, y)", {"x": 0, "y": 3}, 0, [math.log(3), 0]),
        ("entr(x)", {"x": 0}, 0, [INF]),
        ("prod([x, 0, y])", {"x": 2, "y": 3}, 0, [0, 0]),
        ("prod([x, y, 5])", {"x": 0, "y": 3}, 0, [15, 0]),
        # ends of domains and poles
        ("sqrt(x)", {"x": 0}, 0, [INF]),
        ("cbrt(x)", {"x": 0}, 0, [INF]),
        ("log(x)", {"x": 0}, -INF, [INF]),
        ("log(x)", {"x": -0.0}, -INF, [INF]),
        ("asin(x)", {"x": 1}, math.pi / 2, [INF]),
        ("acos(x)", {"x": -1}, math.pi, [-INF]),
        ("atanh(x)", {"x": 1}, INF, [INF]),
        ("acosh(x)", {"x": 1}, 0, [INF]),
        ("1/x", {"x": 0}, INF, [-INF]),
        ("logit(x)", {"x": 1}, INF, [INF]),
        # outside: no function, no derivative
        *((f"{f}(x)", {"x": -1.5}, NAN, [NAN]) for f in ("sqrt", "log", "log2", "log10", "log1p")),
        *((f"{f}(x)", {"x": -1.5}, NAN, [NAN]) for f in ("asin", "acos", "acosh", "atanh", "logit")),
        ("asin(x)", {"x": 2}, NAN, [NAN]),
        ("acosh(x)", {"x": -2}, NAN, [NAN]),
        ("atanh(x)", {"x": 2}, NAN, [NAN]),
        ("logit(x)", {"x": 2}, NAN, [NAN]),
        ("x^0.5", {"x": -2}, NAN, [NAN]),
        ("x^1.5", {"x": -2}, NAN, [NAN]),
        ("x^y", {"x": -2, "y": 1.5}, NAN, [NAN, NAN]),
        ("xlogy(x, y)", {"x": 1, "y": -1}, NAN, [NAN, NAN]),
        ("entr(x)", {"x": -1}, -INF, [NAN]),
        ("x % y", {"x": 1, "y": 0}, NAN, [NAN, NAN]),
        ("atan2(y, x)", {"y": 0, "x": 0}, 0, [NAN, NAN]),
        # extremes
        ("logaddexp(x, y)", {"x": 1000, "y": -1000}, 1000, [1, 0]),
        ("logaddexp(x, y)", {"x": -INF, "y": 1}, 1, [0, 1]),
        ("softplus(x)", {"x": 1e4}, 1e4, [1]),
        ("sigmoid(x)", {"x": -INF}, 0, [0]),
        ("tanh(x)", {"x": INF}, 1, [0]),
        ("atan(x)", {"x": INF}, math.pi / 2, [0]),
        ("hypot(x, y)", {"x": 3e200, "y": 4e200}, 5e200, [0.6, 0.8]),
        ("norm([x, y])", {"x": 3e-200, "y": 4e-200}, 5e-200, [0.6, 0.8]),
        ("mean([x, y])", {"x": 1.5e308, "y": 1.5e308}, 1.5e308, [0.5, 0.5]),
        ("mean([x, y, x, y])", {"x": 1.5e308, "y": -1.5e308}, 0, [0.5, 0.5]),
        ("logsumexp([x, y])", {"x": -INF, "y": -INF}, -INF, [NAN, NAN]),
        ("logsumexp([x, y])", {"x": -INF, "y": 3}, 3, [0, 1]),
        ("softmax([x, y])[0]", {"x": 1000, "y": -1000}, 1, [0, 0]),
        ("x/y", {"x": 1e-200, "y": 1e-200}, 1, [1e200, -1e200]),
        ("stop(x)*x", {"x": 3}, 9, [3]),
        ("stop(x^2)", {"x": 3}, 9, [0]),
    ],
)
def test_at(text: str, at: dict[str, float], value: float, gradient: list[float]) -> None:
    found, by_name = diffcli.value_and_grad(diffcli.parse(text), at)
    assert found == pytest.approx(value, rel=1e-15, nan_ok=True)
    assert list(by_name.values()) == pytest.approx(gradient, rel=1e-15, abs=0, nan_ok=True)


@pytest.mark.parametrize("x", [0.0, 1.0])
def test_no_entropy_is_a_plain_zero(x: float) -> None:
    """−x·log(x) would be −0 there, which a reader takes for a fault."""
    assert str(diffcli.evaluate(diffcli.parse("entr(x)"), {"x": x})["f"]) == "0.0"
