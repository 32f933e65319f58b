"""What is given beside the formula: inputs to differentiate in, and directions to differentiate along."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import diffcli
from diffcli.errors import UsageError
from tests.cli.conftest import Run, run  # noqa: F401

F = diffcli.parse("sum(w)*x")
AT = {"w": [1.0, 2.0], "x": 3.0}


@pytest.mark.parametrize(
    "act",
    [
        lambda: diffcli.jvp(F, AT, {"w": "abc"}),
        lambda: diffcli.jvp(F, AT, {"w": [[1], [1, 2]]}),
        lambda: diffcli.jvp(F, AT, {"x": 1j}),
        lambda: diffcli.hvp(F, AT, {"x": np.array([1j])}),
        lambda: diffcli.vjp(F, AT)({"f": "1"}),
        lambda: diffcli.jvp(F, AT, [[1], [1, 2]], wrt=["w"]),
        lambda: diffcli.evaluate(diffcli.parse("x*y"), [1j, 2]),
    ],
)
def test_what_is_no_array_of_numbers_is_refused_in_words(act: Callable[[], Any]) -> None:
    with pytest.raises(UsageError, match="is not a number or an array of numbers") as caught:
        act()
    assert caught.value.code == "value"


@pytest.mark.parametrize("order", [2.5, -1, "2"])
def test_an_order_is_a_whole_number(order: Any) -> None:
    with pytest.raises(UsageError, match=f"there is no derivative of order {order}") as caught:
        diffcli.taylor(F, AT, order, wrt=["x"])
    assert caught.value.code == "order"


def test_a_string_is_one_name() -> None:
    f = diffcli.parse("wx*w*x^2")
    at = {"wx": 2.0, "w": 3.0, "x": 5.0}
    assert diffcli.grad(f, at, wrt="wx") == {"wx": 75.0}
    assert diffcli.jacobian(f, at, wrt="wx").columns == ("wx",)
    assert diffcli.vjp(f, at, wrt="wx")(1.0) == {"wx": 75.0}
    assert diffcli.derivatives(f, at, 1, wrt="wx").tolist() == [150.0, 75.0]
    assert list(diffcli.batch(f, {"wx": [2.0]}, {"w": 3.0, "x": 5.0}).grad(wrt="wx")) == ["wx"]


def test_a_param_that_the_tangent_names_moves(run: Run) -> None:  # noqa: F811
    f = diffcli.parse("param a = 2; a*x^2")
    assert diffcli.jvp(f, {"x": 3.0}, {"a": 1.0}) == {"f": 9.0}
    assert diffcli.hvp(f, {"x": 3.0}, {"a": 1.0}) == {"a": 0.0, "x": 6.0}
    assert diffcli.hvp(f, {"x": 3.0}, {"x": 1.0}) == {"x": 4.0}
    words = ["param a = 2; a*x^2", "x=3", "--tangent", "a=1", "--json"]
    assert '"jvp": {"f": 9.0}' in run("jvp", *words).out
    assert '"hvp": {"a": 0.0, "x": 6.0}' in run("hvp", *words).out
    assert '"tangent": 9.0' in run("trace", *words).out
    refused = run("hvp", "param a = 2; a*x^2", "x=3", "--wrt", "x", "--tangent", "a=1")
    assert refused.code == 2
    assert "name it in --wrt too" in refused.err


@pytest.mark.parametrize("command", ["jvp", "hvp", "trace", "vjp"])
def test_a_direction_may_not_be_empty(run: Run, command: str) -> None:  # noqa: F811
    option = "--cotangent" if command == "vjp" else "--tangent"
    outcome = run(command, "x^2", "x=1", option, "")
    assert (outcome.code, outcome.out) == (2, "")
    assert f"{option} is empty" in outcome.err


@pytest.mark.parametrize(
    ("words", "stdin"),
    [
        (["jvp", "x^2", "--at", "-", "--tangent", "-"], '{"x": 1}'),
        (["jvp", "-", "x=1", "--tangent", "-"], "x^2"),
        (["vjp", "-", "x=1", "--cotangent", "-"], "x^2"),
    ],
)
def test_two_may_not_ask_for_standard_input(run: Run, words: list[str], stdin: str) -> None:  # noqa: F811
    outcome = run(*words, stdin=stdin)
    assert (outcome.code, outcome.out) == (2, "")
    assert "standard input is asked for twice" in outcome.err
