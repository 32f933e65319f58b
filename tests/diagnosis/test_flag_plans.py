"""What flags say of many points is the same compiled, and where it cannot be compiled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import diffcli
from diffcli.bound import bind
from diffcli.compiled import machine
from diffcli.diagnosis import flag_plans
from diffcli.diagnosis.flag_plans import Flags
from diffcli.diagnosis.flags import not_finite_flag
from diffcli.diagnosis.own import Own
from diffcli.diagnosis.questions import asked
from diffcli.graph import Node

Array = np.ndarray[Any, Any]

COUNT = 2_000


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Whatever is compiled and run, though there are few points."""
    ran: list[Any] = []
    original = machine.run
    monkeypatch.setattr(machine, "run", lambda plan, *rest, **kw: ran.append(plan) or original(plan, *rest, **kw))
    monkeypatch.setattr(flag_plans, "WORTH_COMPILING", COUNT)
    return ran


def points(inputs: Sequence[Node]) -> dict[Node, Array]:
    rng = np.random.default_rng(3)
    return {node: rng.uniform(-2.0, 2.0, COUNT) for node in inputs}


@pytest.mark.parametrize(
    ("text", "what", "trusted"),
    [
        ("(x - y)/(sin(x)*y - cos(x)) + tanh(x/y)^3", "grad", 30.0),
        ("a = x*cos(y) - y*sin(y)\nb = x/(1 + x - y)\nreturn a, b", "jacobian", 50.0),
        ("sin(x*y)/(x - y) - erfc(x)", "hessian", 300.0),
    ],
)
def test_flags_are_the_same_compiled(text: str, what: str, trusted: float, compiled: list[Any]) -> None:
    bound = bind(diffcli.parse(text), {"x": 1.0, "y": 1.0})
    at = points(bound.function.inputs)
    own = Own(asked(bound, what), {}, trusted)
    ((flags, seeds),) = own.doubted
    (before,) = flags.run({node: value[: COUNT // 2] for node, value in at.items()} | dict(seeds))
    assert not compiled
    assert 0 < np.count_nonzero(before) < COUNT // 2
    (after,) = flags.run({**at, **seeds})
    assert len(compiled) == 1
    assert machine.why_not(compiled[0]) is None
    assert after.dtype == bool
    assert np.array_equal(after[: COUNT // 2], before)


def test_what_is_not_finite_is_flagged_compiled_too(compiled: list[Any]) -> None:
    bound = bind(diffcli.parse("x + 0*y"), {"x": 1.0, "y": 1.0})
    x = bound.function.inputs[0]
    numbers = [1.0, np.nan, np.inf, -np.inf, 0.0, -0.0, 1e308, 5e-324]
    flags = Flags([not_finite_flag(x)])
    (before,) = flags.run({x: np.array(numbers)})
    (after,) = flags.run({x: np.resize(numbers, COUNT)})
    assert len(compiled) == 1
    assert machine.why_not(compiled[0]) is None
    assert before.tolist() == after[:8].tolist() == [False, True, True, True, False, False, False, False]


def test_what_cannot_be_compiled_is_computed_all_the_same(compiled: list[Any]) -> None:
    bound = bind(diffcli.parse("gamma(x)*y"), {"x": 1.0, "y": 1.0})
    at = points(bound.function.inputs)
    flags = Flags([bound.function.outputs[0] > 0.5])
    (found,) = flags.run(at)
    (again,) = flags.run(at)
    assert machine.why_not(compiled[0]) is not None
    assert len(compiled) == 1
    assert np.array_equal(found, again)
    assert 0 < np.count_nonzero(found) < COUNT


def test_without_a_compiler_nothing_is_compiled(compiled: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flag_plans, "find_spec", lambda name: None)
    bound = bind(diffcli.parse("x*y"), {"x": 1.0, "y": 1.0})
    (found,) = Flags([bound.function.outputs[0] > 0.0]).run(points(bound.function.inputs))
    assert found.dtype == bool
    assert not compiled
