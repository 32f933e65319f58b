from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffcli.report import text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1.0, "1"),
        (-0.0, "-0"),
        (0.1, "0.1"),
        (1e16, "1e16"),
        (1e-7, "1e-7"),
        (1.5e-300, "1.5e-300"),
        (123456789.0, "123456789"),
        (math.pi, "3.141592653589793"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
    ],
)
def test_a_number_is_as_short_as_it_can_be(value: float, shown: str) -> None:
    assert text.number(value) == shown


@given(st.floats(allow_nan=False))
def test_a_number_reads_back_to_the_same_double(value: float) -> None:
    back = float(text.number(value))
    assert back == value
    assert math.copysign(1, back) == math.copysign(1, value)
    assert len(text.number(value)) <= len(repr(value))


@pytest.mark.parametrize(
    ("digits", "shown"), [(1, "3"), (4, "3.142"), (17, "3.141592653589793"), (30, "3.141592653589793")]
)
def test_digits_shorten_and_never_lengthen(digits: int, shown: str) -> None:
    assert text.number(math.pi, digits) == shown


def test_a_shortened_number_may_need_an_exponent() -> None:
    assert text.number(1234567.0, 3) == "1.23e6"


@pytest.mark.parametrize(
    ("raw", "safe"),
    [
        ("sin(x)", "sin(x)"),
        ("θ·[/bold]", "θ·[/bold]"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\tb\nc\rd", "a\\tb\\nc\\rd"),
        ("\u202edrawkcab", "\\u202edrawkcab"),
        ("x\u00a0y", "x\\xa0y"),
        ("\U000e0041", "\\U000e0041"),
        ("bad\udcff.expr", "bad\\xff.expr"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_moves_the_cursor_is_escaped(raw: str, safe: str) -> None:
    assert text.escape(raw) == safe


@pytest.mark.parametrize(("shown", "columns"), [("abc", 3), ("日本", 4), ("e\u0301", 1), ("θ", 1), ("", 0), ("Ａ", 2)])
def test_the_width_of_text_is_that_on_a_terminal(shown: str, columns: int) -> None:
    assert text.width(shown) == columns
    assert text.width(text.pad(shown, 9)) == 9


def test_numbers_align_at_their_points() -> None:
    assert text.align(["1", "-2.5", "1e20", "nan", "[1, 2]", ""]) == [
        "  1   ",
        " -2.5 ",
        "  1e20",
        "nan   ",
        "[1, 2]",
        "      ",
    ]
    assert text.align([]) == []
