"""Forward mode made visible: tangents beside the values."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import diffcli
from diffcli.cli.main import main
from diffcli.errors import UsageError

from .programs import point, program


def test_every_node_has_its_tangent() -> None:
    trace = diffcli.trace(diffcli.parse("sin(x)*y + 3"), {"x": 0.0, "y": 2.0}, mode="forward")
    rows = {node.expression: node for node in trace.nodes}
    assert trace.seed == {"x": 1.0, "y": 0.0}
    assert {name: node.tangent for name, node in rows.items()} == {
        "x": 1.0, "y": 0.0, "sin(x)": 1.0, "sin(x)*y": 2.0, "3": 0.0, "sin(x)*y + 3": 2.0,
    }  # fmt: skip
    assert all(node.adjoint is None and node.reverse == () for node in trace.nodes)
    assert rows["sin(x)"].partials == (1.0,)


def test_the_words() -> None:
    trace = diffcli.trace(
        diffcli.parse("a = x*y; b = sum([a, y])"), {"x": 2.0, "y": 3.0}, mode="forward", tangent={"x": 1.0}
    )
    assert [node.forward for node in trace.nodes] == [
        "x is given: 2, x_dot is given: 1",
        "y is given: 3",
        "a = x*y = 6, a_dot = 3 · x_dot = 3",
        "v3 = [a, y] = [6, 3], v3_dot = a_dot carried through stack = [3, 0]",
        "b = sum(v3) = 9, b_dot = v3_dot carried through sum = 3",
    ]


@pytest.mark.parametrize("seed", range(20))
def test_the_last_tangents_are_the_pushforward(seed: int) -> None:
    f, at = diffcli.parse(program(seed)), point(seed)
    u = {"v": np.arange(6.0), "s": 2.0}
    trace = diffcli.trace(f, at, mode="forward", tangent=u)
    wanted = diffcli.jvp(f, at, u)
    by_name = {node.name: node for node in trace.nodes}
    named = [name for name in wanted if name in by_name]  # one step may be two outputs, and has one name
    assert named
    for name in named:
        value = wanted[name]
        np.testing.assert_allclose(by_name[name].tangent, value, rtol=1e-14, atol=1e-14)
    assert trace.values.keys() == wanted.keys()


def test_an_empty_input_has_nothing_to_seed() -> None:
    trace = diffcli.trace(diffcli.parse("sum(x)"), {"x": np.zeros(0)}, mode="forward")
    assert trace.nodes[-1].tangent == 0.0


@pytest.mark.parametrize(
    "options", [{"mode": "sideways"}, {"tangent": {"x": 1}}, {"mode": "forward", "cotangent": {"f": 1}}]
)
def test_what_does_not_go_together(options: Any) -> None:
    with pytest.raises(UsageError) as caught:
        diffcli.trace(diffcli.parse("x"), {"x": 1}, **options)
    assert caught.value.code == "mode"


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["trace", "x^2*y", "x=3", "y=2", "--mode", "forward"]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert shown.splitlines()[0] == "seed x = 1, y = 0"
    assert shown.splitlines()[2].split() == ["node", "expression", "value", "partials", "tangent"]
    assert main([*words, "--explain"]) == 0
    told = capsys.readouterr().out
    assert "Forward pass, downwards: each value and tangent from those above it\n" in told
    assert "Reverse pass" not in told
    assert main([*words, "--json", "--explain"]) == 0
    nodes = json.loads(capsys.readouterr().out)["nodes"]
    assert [node["tangent"] for node in nodes] == [1.0, 0.0, 6.0, 12.0]
    assert [node["adjoint"] for node in nodes] == [None] * 4
    assert "reverse" not in nodes[0]
    assert main([*words[:4], "--tangent", "y=1", "--format", "csv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith(",tangent")
    assert lines[-1].endswith(",9")
    assert main([*words, "--cotangent", "f=1"]) == 2


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_a_branch_not_taken_has_no_partial(mode: Any) -> None:
    f = diffcli.parse("where(x > 0, sqrt(x), y)")
    shown = diffcli.trace(
        f, {"x": 0.0, "y": 2.0}, mode=mode, **({"tangent": {"x": 1.0, "y": 1.0}} if mode == "forward" else {})
    )
    last = shown.nodes[-1]
    assert list(last.partials) == [0.0, 0.0, 1.0]
    if mode == "forward":
        assert last.tangent == 1.0
        assert last.forward.endswith("f_dot = 1 · y_dot = 1")
