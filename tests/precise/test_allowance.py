"""What the exact numbers behind a warning cost is limited, and reckoned so that a busy machine changes nothing."""

from __future__ import annotations

import time

import numpy as np
import pytest

import diffcli
from diffcli.bound import bind
from diffcli.diagnosis import SECONDS, examined
from diffcli.diagnosis.questions import ask
from diffcli.diagnosis.truth import truth
from diffcli.precise import Exactly, SlowError
from diffcli.precise.allowance import Allowance


def test_waiting_costs_nothing() -> None:
    allowance = Allowance(0.01)
    time.sleep(0.1)
    allowance.spend(0.009)


def test_what_is_granted_can_be_spent_once() -> None:
    allowance = Allowance(1.0)
    allowance.spend(0.75)
    with pytest.raises(SlowError):
        allowance.spend(0.75)


def test_what_costs_far_more_than_reckoned_ends_too() -> None:
    allowance = Allowance(0.01)

    def work() -> None:
        end = time.monotonic() + 20.0
        while time.monotonic() < end:
            allowance.watch()

    with pytest.raises(SlowError):
        work()


def exactly(source: str, seconds: float, **at: object) -> Exactly:
    bound = bind(diffcli.parse(source), at)
    point = {node: value[..., 0] for node, value in bound.at.items()}
    return Exactly(bound.function.outputs, point, bound.wrt, seconds=seconds)


def test_what_is_too_much_is_not_begun() -> None:
    asked = exactly("sum(sin(v))", 0.1, v=np.ones(100_000))
    start = time.process_time()
    with pytest.raises(SlowError):
        asked.values()
    assert time.process_time() - start < 0.5


@pytest.mark.parametrize(
    ("source", "at", "what", "code"),
    [
        ("beta(x,y)*erfinv(z)", {"x": 1e-300, "y": 1, "z": 1}, "grad", "pole"),
        ("beta(x,y)", {"x": 0, "y": 1}, "hessian", "pole"),
        ("sum(eigvalsh(A)^2)", {"A": np.eye(4)}, "hessian", "tie"),
    ],
)
def test_hard_points_are_told_of_in_time(source: str, at: dict[str, object], what: str, code: str) -> None:
    start = time.process_time()
    findings, spent = examined(diffcli.parse(source), at, what)
    assert [finding.code for finding in findings] == [code]
    assert spent <= 2 * SECONDS
    assert time.process_time() - start < 2.5  # 0.5 s or less; they took 3 to 11


def test_the_cost_is_always_the_same() -> None:
    costs = set()
    for _ in range(2):
        each = exactly("x*log(x) + gamma(x)", 10.0, x=0.0)
        each.limits()
        each.partial(0)
        costs.add(each.ar.allowance.spent)
    assert len(costs) == 1


@pytest.mark.parametrize(
    ("source", "what", "at"),
    [
        ("gamma(x)*y", "grad", {"x": -2, "y": 1}),
        ("gamma(x)*y", "hessian", {"x": -2, "y": 1}),
        ("x*digamma(x)", "grad", {"x": 0}),
        ("x*lgamma(x)", "grad", {"x": 0}),
        ("lgamma(mod(x, 2))", "hessian", {"x": 2}),
        ("polygamma(3, x)", "grad", {"x": 0}),
        ("polygamma(100, x)", "grad", {"x": -5}),
        ("beta(x, y)", "hessian", {"x": -2, "y": 0.5}),
        ("erfinv(x)", "grad", {"x": 1}),
        ("x*log(x)", "hessian", {"x": 0}),
        ("abs(x)/abs(x)^1.5", "grad", {"x": 0}),
        ("sin(1/x)", "grad", {"x": 0}),
        ("1/x^7", "hessian", {"x": 0}),
    ],
)
def test_hard_points_are_cheap(source: str, what: str, at: dict[str, float]) -> None:
    """In seconds of the processor, three times as many as they take when nothing else runs."""
    bound = bind(diffcli.parse(source), at)
    question = ask(bound, what)
    start = time.process_time()
    known = truth(question, question.at, SECONDS)
    assert time.process_time() - start < 3.0
    assert known.values is not None
    assert known.first is not None


@pytest.mark.parametrize("what", ["grad", "hessian"])
def test_only_what_an_input_moves_is_computed_again(what: str) -> None:
    terms = [f"abs(x{i} - x{(7 * i + 3) % 50})" for i in range(50)]
    findings, spent = examined(diffcli.parse(" + ".join(terms)), {f"x{i}": 1.5 for i in range(50)}, what)
    assert {each.code for each in findings} == {"kink"}
    assert spent < 0.15  # and three times as much where all terms are computed again and again


@pytest.mark.parametrize(
    ("source", "at"),
    [
        ("[abs(x - y)*y, floor(exp(x)*z), mod(z, y) - stop(x*y), sin(x*pi)]", {"x": 1.0, "y": 0.5, "z": 2.0}),
        ("[sum(abs(v[1:] - v[:-1])*sqrt(v[1:])), max(v)*w[1], sort(w)[0]/v[0], sum(exp(stop(v)))*w[0]]",
         {"v": [1.0, 1.0], "w": [3.0, 3.0]}),
        ("[det(A), (A @ v)[1], A[1,0]*sum(tanh(A[0]))]", {"A": [[1.0, 1.0], [1.0, 1.0]], "v": [0.0, 1.0]}),
    ],
)  # fmt: skip
def test_what_is_not_computed_again_is_what_it_would_be(
    source: str, at: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for kept in (16, 0):
        monkeypatch.setattr("diffcli.precise.evaluations.KEPT", kept)
        of = exactly(source, 60.0, **at)
        found.append(repr([of.values(), *map(of.partial, range(len(of.directions))), of.second(0, 1)]))
    assert found[0] == found[1]


def test_what_an_infinite_input_leaves_open_is_asked_once_where_nothing_else_matters() -> None:
    source = "logsumexp([x, y] + 2*[z, w]) - logsumexp([x, y])"
    findings, spent = examined(diffcli.parse(source), {"x": np.inf, "y": 1.0, "z": 0.5, "w": 0.25}, "eval")
    assert [each.code for each in findings] == ["nonfinite-input", "removable"]
    assert findings[1].refined == {"values": {"f": 1.0}}
    assert spent < 0.03  # and three times as much where each of the others moves by itself, on all ways
