"""A graph written in the language it came from."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray

import diffcli
from diffcli.graph import ancestors
from diffcli.spell import LONGEST, Spelling
from tests.programs import SHAPES, points, programs

SHAPE = {**SHAPES, "z": (), "v": (4,)}


def _spelt(text: str) -> str:
    program = diffcli.parse(text)
    function = program.bind({name: SHAPE[name] for name in program.inputs})
    (output,) = function.outputs
    return Spelling({}, lambda node: f"v{node.index}").of(output)


@pytest.mark.parametrize(
    "text",
    [
        "x + y + z",
        "x + (y + z)",
        "x - y - z",
        "x - (y - z)",
        "(x < y) < z",
        "x*y*z",
        "x*(y*z)",
        "x/y/z",
        "x/(y/z)",
        "x/(y*z)",
        "(x + y)*z",
        "x + y*z",
        "-x",
        "-(x + y)",
        "-(x*y)",
        "(-x)*y",
        "-x^3",
        "(-x)^3",
        "x^-y",
        "x^y^z",
        "(x^y)^z",
        "x^2",
        "(x + 1)^2",
        "(x^2)^2",
        "x^(y + 1)",
        "x % y",
        "sin(x)",
        "atan2(y, x)",
        "max(x, y)",
        "min(x, y)",
        "where(x > 0, x, y)",
        "x < y",
        "(x < y)*2",
        "not x < y",
        "not (x < y and y < z)",
        "x < y and y < z or z < 1",
        "x < y and (y < z or z < 1)",
        "w[0]",
        "w[1:]",
        "w[::-1]",
        "w[::2]",
        "(w + 1)[0]",
        "A[1, :2]",
        "A[:, 0]",
        "A'",
        "A @ w",
        "(A @ w)[0]",
        "A' @ A",
        "[x, y, z]",
        "sum(w)",
        "sqrt(x)",
        "0.1*x",
        "x*1e+20",
        "x*-2",
        "x^-2",
        "2^x",
        "(-2)^x",
        "1/x",
        "1/(x + y)",
        "x^-1",
        "(x*y)^-1",
        "y/x^-1",
        "1/x*y",
        "abs(x) - relu(y)",
    ],
)
def test_what_is_spelt_means_the_same(text: str) -> None:
    rng = np.random.default_rng(3)
    spelt = _spelt(text)
    program, again = diffcli.parse(text), diffcli.parse(spelt)
    assert set(again.inputs) == set(program.inputs)
    for _ in range(5):
        at = {name: rng.uniform(0.2, 3, SHAPE[name]) for name in program.inputs}
        one, other = (np.asarray(diffcli.evaluate(p, at)["f"]) for p in (program, again))
        np.testing.assert_allclose(one, other, rtol=1e-14, err_msg=spelt)


@pytest.mark.parametrize(
    ("text", "spelt"),
    [
        ("((x)) + ((y))", "x + y"),
        ("x**2", "x^2"),
        ("x*(y*z)", "x*(y*z)"),
        ("x/(y/z)", "x/(y/z)"),
        ("-(x*y)", "-(x*y)"),
        ("w + 1", "w + 1"),
        ("x > 0 and y > 0", "x > 0 and y > 0"),
        ("(x > 0) + 1", "(x > 0) + 1"),
        ("[1, 2] * x", "[1, 2]*x"),
        ("w @ w", "sum(w*w)"),
    ],
)
def test_it_is_written_as_people_write(text: str, spelt: str) -> None:
    if text == "w @ w":
        text = "dot(w, w)"
    assert _spelt(text) == spelt


def test_long_operands_become_references() -> None:
    text = "+".join(f"sin({i}*x)" for i in range(100))
    spelt = _spelt(text)
    assert len(spelt) < 2 * LONGEST + 20
    assert "v" in spelt


def test_large_constants_are_told_by_their_shape() -> None:
    assert _spelt("w + ones(3)") == "w + 1"
    assert "an array of shape (20,)" in _spelt("arange(20)")
    assert _spelt("[1.5, -2, 1e300]") == "[1.5, -2, 1e+300]"


def test_a_deep_graph_is_spelt() -> None:
    assert len(_spelt("sin(" * 5000 + "x" + ")" * 5000)) < 200


@given(programs(), points())
@settings(max_examples=60, deadline=None)
def test_every_node_can_be_spelt(text: str, point: dict[str, NDArray[np.float64]]) -> None:
    program = diffcli.parse(text)
    function = program.bind({name: SHAPE[name] for name in program.inputs})
    spelling = Spelling(function.labels, lambda node: f"v{node.index}")
    for node in ancestors(function.outputs):
        assert spelling.of(node)
        assert spelling.step(node, lambda arg: f"v{arg.index}")


@pytest.mark.parametrize(
    "text", ["softmax(v)[0]", "norm(v)", "mean(A, axis=0)", "max(v)", "max(A, axis=1)", "cumsum(v)"]
)
def test_what_goes_along_an_axis_is_written_as_it_is_called(text: str) -> None:
    program = diffcli.parse(text)
    function = program.bind({"v": (3,), "A": (2, 3)})
    assert Spelling({}, lambda node: "…").of(function.outputs[0]) == text
