from __future__ import annotations

import json

import numpy as np
import pytest

import diffcli
from diffcli.diagnosis.story import diagnose
from tests.cli.conftest import Run, run  # noqa: F401


def test_the_story_of_an_overflow() -> None:
    story = diagnose(diffcli.parse("log(exp(x) + exp(y))"), {"x": 1000, "y": 1000})
    assert [finding.code for finding in story.findings] == ["overflow"]
    assert [(each.expression, each.better) for each in story.rewrites] == [("log(exp(x) + exp(y))", "logaddexp(x, y)")]
    # κ of logaddexp at (t, t) is t·½/(t + log 2).
    np.testing.assert_allclose(story.conditions, [[500 / (1000 + np.log(2))] * 2], rtol=1e-12)
    assert {loss.expression for loss in story.losses} == {"exp(x)", "exp(y)"}


def test_the_story_of_an_ordinary_point_is_short() -> None:
    story = diagnose(diffcli.parse("r = x*y; s = x - y"), {"x": 3, "y": 2})
    assert (story.findings, story.rewrites, story.losses) == ([], [], [])
    np.testing.assert_allclose(story.conditions, [[1, 1], [3, 2]])


def test_the_nodes_that_lose_most_come_first() -> None:
    story = diagnose(diffcli.parse("(1 - cos(x))/x^2 + log(1 + x)"), {"x": 1e-8})
    assert story.losses[0].expression == "(1 - cos(x))"
    assert story.losses[0].own == 16.0


@pytest.mark.usefixtures("capsys")
def test_diagnose_on_the_command_line(run: Run) -> None:  # noqa: F811
    code, out, err = run("diagnose", "x*log(x)", "x=0")
    assert (code, err) == (0, "")
    assert "  really: value = 0; gradient x = -inf" in out
    assert "xlogy(x, x)" in out
    found = json.loads(run("diagnose", "x*log(x)", "x=0", "--json").out)
    assert found["findings"][0]["refined"] == {"value": 0.0, "gradient": {"x": "-Infinity"}}
    assert run("diagnose", "x*y", "x=1", "y=2").out.startswith("f = 2\nnothing to find fault with")
    assert run("diagnose", "x*log(x)", "x=0", "--format", "csv").out.startswith("code,message,hint")


def test_what_an_output_does_not_depend_on_moves_it_by_nothing() -> None:
    """Even where the output has no value but a limit."""
    found = diagnose(diffcli.parse("a = sin(x)/x; b = x*y"), {"x": 0, "y": 1}).findings
    (refined,) = [each.refined for each in found]
    assert refined is not None
    assert refined["values"] == {"a": 1.0, "b": 0.0}
    assert refined["jacobian"].tolist() == [[0.0, 0.0], [1.0, 0.0]]


@pytest.mark.parametrize(
    ("text", "at", "better"),
    [
        ("cosh(x)^2 - sinh(x)^2", {"x": 20}, []),  # (cosh(x) - sinh(x))*(cosh(x) + sinh(x)) loses as much
        ("cosh(x)^2 - sinh(y)^2", {"x": 2, "y": 1}, ["(cosh(x) - sinh(y))*(cosh(x) + sinh(y))"]),
        ("r*t*log(q/k)", {"r": 8, "t": 300, "q": 1, "k": 1}, []),  # which no xlogy makes any better
        ("x*y*log(x)", {"x": 0, "y": 1}, ["y*xlogy(x, x)"]),
        ("y/(exp(x) - 1)", {"x": 1e4, "y": 1}, ["-y*exp(-x)/expm1(-x)"]),  # and not expm1(x), which overflows too
    ],
)
def test_what_to_write_is_right_here(text: str, at: dict[str, float], better: list[str]) -> None:
    assert [each.better for each in diagnose(diffcli.parse(text), at).rewrites] == better
