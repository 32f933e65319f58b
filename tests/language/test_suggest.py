"""One suggestion or none."""

from __future__ import annotations

import pytest

from diffcli.language.suggest import closest

FUNCTIONS = ["sin", "sinh", "asin", "cos", "cosh", "abs", "sign", "sqrt", "atan2", "logsumexp", "log_softmax", "norm"]


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("sni", "sin"),
        ("sinn", "sin"),
        ("Sin", "sin"),
        ("SQRT", "sqrt"),
        ("sqr", "sqrt"),
        ("arctan2", "atan2"),
        ("logsumxep", "logsumexp"),
        ("logsoftmax", "log_softmax"),
        ("csoh", "cosh"),
        ("nrom", "norm"),
        ("foo", None),
        ("x", None),
        ("", None),
        ("bessel", None),
        ("sin", "sinh"),
    ],
)
def test_closest(name: str, suggestion: str | None) -> None:
    assert closest(name, FUNCTIONS) == suggestion


def test_a_variable_of_one_letter_is_like_no_other() -> None:
    assert closest("z", ["x", "y"]) is None
    assert closest("X", ["x", "y"]) == "x"


def test_of_several_the_nearest() -> None:
    assert closest("thetta", ["theta1", "theta", "beta"]) == "theta"
    assert closest("mu2", ["nu2", "mu1"]) == "mu1"
