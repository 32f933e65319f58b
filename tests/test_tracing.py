"""The two passes made visible: rows, and the same in words."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray

import diffcli
from diffcli.errors import UsageError
from tests.programs import points, programs

Array = NDArray[np.float64]


def _rows(text: str, at: dict[str, object], **options: object) -> dict[str, diffcli.TraceNode]:
    trace = diffcli.trace(diffcli.parse(text), at, **options)  # type: ignore[arg-type]
    return {node.expression: node for node in trace.nodes}


def test_a_trace_has_every_node_in_order() -> None:
    trace = diffcli.trace(diffcli.parse("sin(x)*y"), {"x": 1, "y": 2})
    assert [node.id for node in trace.nodes] == [0, 1, 2, 3]
    assert [node.expression for node in trace.nodes] == ["x", "y", "sin(x)", "sin(x)*y"]
    assert [node.op for node in trace.nodes] == ["input", "input", "sin", "multiply"]
    assert [node.args for node in trace.nodes] == [(), (), (0,), (2, 1)]
    assert [node.value for node in trace.nodes] == [1.0, 2.0, math.sin(1), 2 * math.sin(1)]
    assert [node.adjoint for node in trace.nodes] == [2 * math.cos(1), math.sin(1), 2.0, 1.0]
    assert [node.partials for node in trace.nodes] == [(), (), (math.cos(1),), (2.0, math.sin(1))]
    assert [node.span for node in trace.nodes] == [None, None, (0, 6), (0, 8)]
    assert [node.name for node in trace.nodes] == ["x", "y", None, "f"]
    assert trace.values == {"f": 2 * math.sin(1)}
    assert trace.seed == {"f": 1.0}


def test_the_words() -> None:
    trace = diffcli.trace(diffcli.parse("sin(x)*y"), {"x": 1, "y": 2})
    assert [node.forward for node in trace.nodes] == [
        "x is given: 1",
        "y is given: 2",
        "v2 = sin(x) = 0.841471",
        "f = v2*y = 1.68294",
    ]
    assert [node.reverse for node in trace.nodes] == [
        (),
        (),
        ("x_bar += v2_bar · ∂v2/∂x = v2_bar · 0.540302 = 1.0806",),
        ("v2_bar += f_bar · ∂f/∂v2 = f_bar · 2 = 2", "y_bar += f_bar · ∂f/∂y = f_bar · 0.841471 = 0.841471"),
    ]


def test_names_of_the_file_appear() -> None:
    rows = _rows("r = sqrt(x^2 + y^2)\nt = r*c\nreturn t, r", {"x": 3, "y": 4, "c": 2})
    assert rows["sqrt(x^2 + y^2)"].name == "r"
    assert rows["r*c"].name == "t"
    assert rows["r*c"].forward == "t = r*c = 10"
    assert rows["c"].adjoint == 5.0


def test_the_seed() -> None:
    f = diffcli.parse("r = x*y\ns = x + y\nreturn r, s")
    at = {"x": 2, "y": 3}
    first = diffcli.trace(f, at)
    assert first.seed == {"r": 1.0, "s": 0.0}
    assert [node.adjoint for node in first.nodes if node.name == "x"] == [3.0]
    other = diffcli.trace(f, at, cotangent={"s": 10})
    assert other.seed == {"r": 0.0, "s": 10.0}
    by_name = {node.name: node for node in other.nodes}
    assert by_name["x"].adjoint == 10.0
    assert by_name["r"].adjoint is None
    arrays = diffcli.trace(diffcli.parse("w^2"), {"w": [1, 2]})
    assert arrays.seed["f"].tolist() == [1.0, 0.0]  # type: ignore[union-attr]
    given = diffcli.trace(diffcli.parse("w^2"), {"w": [1, 2]}, cotangent=[0, 1])
    assert given.nodes[0].adjoint.tolist() == [0.0, 4.0]  # type: ignore[union-attr]


def test_what_cannot_be_traced() -> None:
    with pytest.raises(UsageError, match="no output q"):
        diffcli.trace(diffcli.parse("x"), {"x": 1}, cotangent={"q": 1})
    with pytest.raises(UsageError, match="no value for x"):
        diffcli.trace(diffcli.parse("x"), {})


def test_arrays_and_structure() -> None:
    rows = _rows("sum(w*2)", {"w": [1, 2, 3]})
    assert rows["w*2"].adjoint.tolist() == [1.0, 1.0, 1.0]  # type: ignore[union-attr]
    assert rows["w"].adjoint.tolist() == [2.0, 2.0, 2.0]  # type: ignore[union-attr]
    assert rows["sum(w*2)"].partials == (None,)
    assert "carried back through sum" in rows["sum(w*2)"].reverse[0]
    assert "w_bar" in rows["w*2"].reverse[0]


def test_long_arrays_are_told_by_their_shape() -> None:
    rows = _rows("sum(w^2)", {"w": np.arange(10.0)})
    assert "an array of shape (10,)" in rows["w"].forward
    assert "[1, 2, 3]" in _rows("sum(w^2)", {"w": [1, 2, 3]})["w"].forward


def test_constants_and_broadcasts() -> None:
    trace = diffcli.trace(diffcli.parse("w + 2.5"), {"w": [1, 2]})
    words = [node.forward for node in trace.nodes]
    assert "2.5 is a constant" in words
    assert any("repeated to the shape (2,)" in text for text in words)


def test_what_is_not_differentiated() -> None:
    trace = diffcli.trace(diffcli.parse("x*y"), {"x": 2, "y": 3}, wrt=["y"])
    by_name = {node.name: node for node in trace.nodes}
    assert by_name["x"].adjoint is None
    assert by_name["y"].adjoint == 2.0
    unused = diffcli.trace(diffcli.parse("input x, y\nx"), {"x": 2, "y": 3})
    assert {node.name: node.adjoint for node in unused.nodes} == {"x": 1.0, "y": 0.0}


def test_a_conditional_shows_its_branch() -> None:
    rows = _rows("where(x > 0, sqrt(x), 0)", {"x": 0})
    assert rows["x > 0"].value == 0.0
    assert rows["x > 0"].adjoint is None
    assert rows["x"].adjoint == 0.0
    assert rows["sqrt(x)"].partials == (math.inf,)


def test_an_output_without_numbers() -> None:
    trace = diffcli.trace(diffcli.parse("w"), {"w": []})
    assert trace.seed["f"].shape == (0,)  # type: ignore[union-attr]


@given(programs(), points())
@settings(max_examples=60, deadline=None)
def test_a_trace_is_the_gradient_s_own_sweep(text: str, point: dict[str, Array]) -> None:
    program = diffcli.parse(text)
    at = {name: point[name] for name in program.inputs}
    trace = diffcli.trace(program, at)
    assert [node.id for node in trace.nodes] == list(range(len(trace.nodes)))
    assert all(arg < node.id for node in trace.nodes for arg in node.args)
    bars = diffcli.vjp(program, at)(trace.seed)
    adjoints = {node.name: node.adjoint for node in trace.nodes if node.op == "input"}
    for name, bar in bars.items():
        np.testing.assert_allclose(adjoints[name], bar, rtol=1e-12, atol=1e-12)
    for node in trace.nodes:
        assert node.expression
        assert node.forward
        assert len(node.partials) == len(node.args)
        assert node.adjoint is None or np.shape(node.adjoint) == np.shape(node.value)
