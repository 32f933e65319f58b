from __future__ import annotations

import pytest

from diffcli.cli.words import arrange, pointed
from diffcli.errors import UsageError
from diffcli.report.excerpt import render_error

WITH_VALUE = ("--at", "-o", "--output", "--format")
OPTIONS = {**dict.fromkeys(WITH_VALUE, True), **dict.fromkeys(("--json", "-q", "-v", "-h"), False)}


@pytest.mark.parametrize(
    "expression",
    [
        *("-x^2", "-1", "-(a)", "-.5", "-inf", "-o^2", "-q*v", "-vq", "-θ", "-x-y", "-"),
        *("--x^2", "--1", "--(a)", "--θ", "--x*y", "---x"),
    ],
)
def test_an_expression_may_start_with_a_minus_sign(expression: str) -> None:
    assert arrange("d", [expression, "--json"], OPTIONS) == (["--json"], [expression])
    assert arrange("d", ["--json", expression], OPTIONS) == (["--json"], [expression])


def test_options_may_stand_anywhere_and_keep_their_values() -> None:
    assert arrange("d", ["--at", "-x", "-a", "-o", "f", "x=1", "--format=csv", "y=2"], OPTIONS) == (
        ["--at", "-x", "-o", "f", "--format=csv"],
        ["-a", "x=1", "y=2"],
    )


def test_after_two_dashes_everything_is_an_expression() -> None:
    assert arrange("d", ["-q", "--", "--json", "-v", "--"], OPTIONS) == (["-q"], ["--json", "-v", "--"])


@pytest.mark.parametrize(
    ("words", "message", "mend"),
    [
        (["x", "--jsno"], "there is no option --jsno", "did you mean --json?"),
        (["--jsno", "x"], "there is no option --jsno", "did you mean --json?"),
        (["x", "--fromat=csv"], "there is no option --fromat", "did you mean --format?"),
        (["x", "--zzz"], "there is no option --zzz", "see d --help; an expression goes in parentheses, or after --"),
        (["x", "-z"], "there is no option -z", "see d --help; an expression goes in parentheses, or after --"),
        (["x", "--json=1"], "--json takes no value", "write --json"),
        (["x", "--at"], "--at needs a value", "see d --help"),
        (["x", "-o", "--json"], "-o needs a value", "see d --help"),
    ],
)
def test_mistakes_are_underlined(words: list[str], message: str, mend: str) -> None:
    with pytest.raises(UsageError) as caught:
        arrange("d", words, OPTIONS)
    error = caught.value
    assert (error.message, error.hint) == (message, mend)
    assert error.source is not None
    assert error.span is not None
    assert error.source.text[slice(*error.span)] in words


def test_the_command_line_is_shown_as_a_shell_would_read_it() -> None:
    error = pointed("no", "yes", "diffcli grad", ["sin(x) * y", "--jsno", "x=1"], 1)
    assert render_error(error).splitlines() == [
        "error: no",
        "  diffcli grad 'sin(x) * y' --jsno x=1",
        "                            ^^^^^^ yes",
    ]
