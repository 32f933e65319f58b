from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffcli.errors import DiffcliError, ExpressionError, Source, UsageError
from diffcli.report.excerpt import render_error, render_notice
from diffcli.report.text import width

from . import examples


def shown(
    text: str, span: tuple[int, int], hint: str | None = "fix it", name: str = "expression", columns: int = 80
) -> list[str]:
    error = ExpressionError("it is wrong", span, hint, source=Source(text, name))
    return render_error(error, width=columns).splitlines()


def under(lines: list[str]) -> str:
    """What stands above the carets, column by column of the terminal."""
    _, excerpt, below = lines
    start = len(below) - len(below.lstrip())
    count = len(below.lstrip()) - len(below.lstrip().lstrip("^"))
    cells = [char for char in excerpt for _ in range(width(char))]
    return "".join(cells[start : start + count])


def test_the_message_the_place_and_the_fix_in_three_lines() -> None:
    assert shown("3 + 2x", (4, 6), "write 2*x") == ["error: it is wrong", "  3 + 2x", "      ^^ write 2*x"]


def test_what_has_no_place_needs_two_lines_and_what_has_no_fix_one() -> None:
    assert render_error(UsageError("no", hint="do this")) == "error: no\n  do this\n"
    assert render_error(UsageError("no")) == "error: no\n"
    assert shown("abc", (1, 2), None)[2] == "   ^"


def test_files_show_their_name_and_line() -> None:
    lines = shown("a = 1\nb = a +* 2\n", (12, 14), name="model.expr")
    assert lines[1:] == ["  model.expr:2 | b = a +* 2", "                       ^^ fix it"]
    assert shown("x=1,5", (2, 5), name="--at")[1] == "  --at | x=1,5"
    assert shown("a = 1\nb = )", (10, 11))[1] == "  2 | b = )"


def test_windows_line_ends_are_one_line_end() -> None:
    assert shown("a = 1\r\nb = 2\r\nc = )\r\n", (18, 19), name="m.expr")[1:] == [
        "  m.expr:3 | c = )",
        "                 ^ fix it",
    ]


def test_the_end_of_the_text_is_after_its_last_character() -> None:
    assert shown("sin(x", (5, 5))[1:] == ["  sin(x", "       ^ fix it"]
    assert shown("sin(x\n\n", (7, 7), name="m.expr")[1:] == ["  m.expr:1 | sin(x", "                  ^ fix it"]
    assert shown("", (0, 0))[1:] == ["  fix it"]
    assert shown("x", (7, 9))[1:] == ["  x", "   ^ fix it"]


def test_a_span_over_lines_is_marked_on_its_first() -> None:
    assert shown("f(a,\nb)", (0, 7))[1:] == ["  1 | f(a,", "      ^^^^ fix it"]


@pytest.mark.parametrize("before", ["\t\t", "日本 + ", "e\u0301 + ", "\x1b[31m", "\u202e"])
def test_carets_line_up_below_tabs_wide_combining_and_escaped_characters(before: str) -> None:
    text = f"{before}x+*y"
    start = len(before) + 1
    assert under(shown(text, (start, start + 2))) == "+*"


def test_a_long_line_is_cut_around_the_place() -> None:
    text = "a + " * 50 + "?" + " + b" * 50
    lines = shown(text, (200, 201), "a fix of some length")
    assert under(lines) == "?"
    assert lines[1].startswith("  …")
    assert lines[1].endswith("…")
    assert all(width(line) <= 80 for line in lines)


def test_a_line_of_millions_is_no_trouble() -> None:
    text = "x+" * 1_000_000 + "?"
    assert under(shown(text, (2_000_000, 2_000_001))) == "?"
    assert under(shown(text, (1_000_000, 1_000_001))) == "x"


def test_a_wide_span_is_marked_as_far_as_it_shows() -> None:
    lines = shown("x" * 500, (0, 500))
    assert all(width(line) <= 80 for line in lines[:2])
    assert set(under(lines)) == {"x"}


@given(st.text(max_size=200), st.integers(0, 200), st.integers(0, 30), st.integers(20, 120))
def test_any_text_at_any_width(text: str, start: int, length: int, columns: int) -> None:
    lines = render_error(
        ExpressionError(text, (start, start + length), text, source=Source(text, text)), width=columns
    ).split("\n")
    assert len(lines) == (4 if text.strip() else 3 if text else 2)
    assert lines[-1] == ""
    assert all(line.isprintable() for line in lines)


def test_a_users_text_is_escaped_everywhere() -> None:
    bad = "[/bold]\x1b[2J"
    error = UsageError(f"no {bad}", (0, 3), f"not {bad}", source=Source(bad, f"{bad}.expr"))
    text = render_error(error)
    assert "\x1b" not in text
    assert text.count("[/bold]\\x1b[2J") == 4


def test_colour_only_where_it_is_wanted() -> None:
    error = DiffcliError("no", (0, 1), "yes", source=Source("x"))
    assert "\x1b" not in render_error(error)
    assert render_error(error, colour=True).startswith("\x1b[1;31merror:\x1b[0m no\n")


def test_a_warning_looks_like_an_error_but_says_warning() -> None:
    assert render_notice(examples.NOTICE, Source("log(-x)")).splitlines() == [
        "warning: log of a negative number",
        "  log(-x)",
        "  ^^^^^^^ use log(abs(x))",
    ]


def test_a_long_file_name_is_cut_on_the_left() -> None:
    lines = shown("x+", (2, 2), name="a/very/long/path/to/some/file/called/model.expr")
    assert lines[1].startswith("  …")
    assert "called/model.expr:1 | x+" in lines[1]
