"""The ranges of a box hold at every point in it: values, the smallest magnitude, and the error bound."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

import diffcli
from diffcli.bound import bind
from diffcli.diagnosis.intervals import UNKNOWN, Range
from diffcli.diagnosis.passes import Passes
from diffcli.diagnosis.questions import asked
from diffcli.diagnosis.ranges import ranges
from diffcli.graph import INPUT, Node
from tests.diagnosis.random_points import expression

#: One formula a rule, or several; x and y range over boxes on both sides of 0.
RULES = [
    "x*y - x/y + x^2 - 1/x", "x^3 + y^-2 + x^0.5*y", "sqrt(x) + cbrt(y)", "exp(x)*log(y) - log2(x) + log10(y)",
    "log1p(x) + expm1(y)", "sin(x*y) + cos(x - y) + tan(x/4)", "asin(x/9)*acos(y/9) - atan(x*y)",
    "sinh(x) + cosh(y)*tanh(x*y) + asinh(x)", "atanh(x/9) + sigmoid(x*y) + softplus(x - y) + log_sigmoid(y)",
    "erf(x*y)", "erfc(x - y) - erfc(x)*erf(y)", "hypot(x, y)*atan2(y, x)", "logaddexp(x, y)",
    "max(x, y) - min(x*y, 2) + abs(x - y)", "(x*cos(x*y) - y*sin(x*y))*(cos(y)*x + sin(y)*(x - y))",
    "relu(x - y) + clip(x, -1, y) + where(x > y, x*y, x - y)", "sum([x, y, x*y])*mean([x, y]) + norm([x, y, 1])",
    "logsumexp([x, y]) + max([x, y, 1]) + sum(softmax([x, y])*[1, 2])", "sum([[x, y], [1, x]] @ [y, x])",
    "sum(cumsum([x, y, x])*[1, 2, 3]) + sum(sort([x, y])*[1, 2])", "sign(x)*floor(y) + stop(x)*heaviside(x - y)",
]  # fmt: skip
BOXES: list[tuple[tuple[float, float], tuple[float, float]]] = [
    ((0.5, 2.0), (0.5, 2.0)), ((-3.0, 3.0), (0.1, 5.0)), ((1e-9, 1e3), (-2.0, -0.5)), ((-1e-3, 2.0), (-4.0, 4.0)),
    ((1e-200, 1e-150), (1e150, 1e160)),
]  # fmt: skip


def held(text: str, box: Any, count: int = 300) -> None:
    """The rules hold at random points of a box: every value in its range, every error below its bound."""
    program = diffcli.parse(text)
    bound = bind(program, dict.fromkeys(program.inputs, 1.0))
    derived = asked(bound, "grad").derived
    rng = np.random.default_rng(3)
    at, given = {}, {}
    for node, (low, high) in zip(bound.function.inputs, box, strict=False):
        x = rng.uniform(low, high, count)
        x[:2] = low, high
        at[node], given[node] = x, Range(low, high, float(np.abs(x).min()))
    found = ranges(derived.order, given, derived.primal)
    passes = Passes(derived, at)
    errors = passes.errors()
    # Of what becomes of infinite numbers nothing is said, nor where the bound's own arithmetic overflows.
    spoilt: dict[Node, np.ndarray[Any, Any]] = {}
    for node in derived.order:
        value = np.broadcast_to(passes.values[node], (*node.shape, count))
        error = np.broadcast_to(errors[node], value.shape)
        axes = tuple(range(len(node.shape)))
        before = np.zeros(count, dtype=bool)
        for arg in node.args:
            before |= spoilt[arg]
        finite = np.isfinite(value).all(axis=axes)
        sizes = [np.abs(passes.values[arg].astype(float)) for arg in (*node.args, node)]
        wild = any(((size > 0.0) & ((size < 1e-100) | (size > 1e100))).any() for size in sizes)
        spoilt[node] = before | ~finite | (wild & ~np.isfinite(error).all(axis=axes))
        known = found.get(node)
        if known is None or known.q + known.u == np.inf or node.op is INPUT:
            continue
        assert known.ends or (finite | before).all() or node not in derived.primal, (text, node)
        assert finite.all() or not known.sound, (text, node)
        x, e = value[..., ~spoilt[node]], error[..., ~spoilt[node]]
        assert ((known.low <= x) & (x <= known.high)).all(), (text, node, known, x.min(), x.max())
        assert (np.abs(x[x != 0.0]) >= known.least).all(), (text, node, known)
        with np.errstate(over="ignore"):
            limit = (known.q * np.abs(x) + known.u) * (1 + 1e-9) + 2.0**-1010
        holds = np.nan_to_num(e, nan=np.inf) <= limit
        assert holds.all(), (text, node, known, e[~holds], limit[~holds])


@pytest.mark.parametrize("text", RULES)
def test_a_rule_holds_all_over_its_box(text: str) -> None:
    for box in BOXES:
        held(text, box)


@pytest.mark.sampled
@pytest.mark.parametrize("text", ["x*cos(t) - sin(t)*y", "sin(t)*x + (-(cos(t)*y))"])
def test_a_turn_makes_nothing_longer(text: str) -> None:
    bound = bind(diffcli.parse(text), {"x": 1.0, "y": 1.0, "t": 1.0})
    derived = asked(bound, "eval").derived
    box = {"x": Range(-3.0, 3.0), "y": Range(-4.0, 4.0), "t": Range(-3.0, 3.0)}
    known = ranges(derived.order, {node: box[str(node.params[0])] for node in bound.function.inputs}, derived.primal)
    found = known[bound.function.outputs[0]]
    assert -5.001 < found.low < -4.999
    assert 4.999 < found.high < 5.001
    assert found.error < 3.1 * 5.0  # of three roundings


@pytest.mark.sampled
def test_rules_hold_for_random_formulas() -> None:
    rng = random.Random(5)
    for _ in range(150):
        text = expression(rng, 4)
        if {"x", "y"} & set(diffcli.parse(text).inputs):
            held(text, rng.choice(BOXES), 40)


def test_where_nothing_is_known_nothing_is_claimed() -> None:
    program = diffcli.parse("gamma(x) + 1")
    bound = bind(program, {"x": 2.0})
    derived = asked(bound, "grad").derived
    found = ranges(derived.order, {bound.function.inputs[0]: Range(1.0, 2.0, 1.0)}, derived.primal)
    assert found[bound.function.outputs[0]] == UNKNOWN
