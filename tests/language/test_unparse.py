"""parse(print(program)) = program."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings

from diffcli.language.syntax import Bare, File, Number
from diffcli.language.unparse import number, unparse

from .trees import HERE, expression, expressions, files, parse, shape

PROGRAMS = [
    line
    for line in Path(__file__).with_name("expressions.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]


def test_the_fixture_is_large() -> None:
    assert len(PROGRAMS) >= 200
    assert len(set(PROGRAMS)) == len(PROGRAMS)


@pytest.mark.parametrize("text", PROGRAMS)
def test_a_program_survives(text: str) -> None:
    tree = parse(text)
    printed = unparse(tree)
    again = parse(printed)
    assert shape(again) == shape(tree), printed
    assert unparse(again) == printed


@given(expressions)
@settings(max_examples=300, deadline=None)
def test_a_random_expression_survives(tree: object) -> None:
    file = File((Bare(tree, HERE),))  # type: ignore[arg-type]
    assert shape(parse(unparse(file))) == shape(file)


@given(files)
@settings(max_examples=200, deadline=None)
def test_a_random_file_survives(tree: File) -> None:
    printed = unparse(tree)
    assert shape(parse(printed)) == shape(tree), printed


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("((x)+(y))*(z)", "(x + y)*z"),
        ("(x*y)*z", "x*y*z"),
        ("x*(y*z)", "x*(y*z)"),
        ("x-(y-z)", "x - (y - z)"),
        ("(x^y)^z", "(x^y)^z"),
        ("x**(y**z)", "x^y^z"),
        ("(-x)^2", "(-x)^2"),
        ("-(x^2)", "-x^2"),
        ("2^(-x)", "2^-x"),
        ("not (a<b)", "not a < b"),
        ("(a if b else c) if d else e", "(a if b else c) if d else e"),
        ("a if b else (c if d else e)", "a if b else c if d else e"),
        ("(A@B)'", "(A @ B)'"),
        ("a[ 1 : , ::2 ]", "a[1:, ::2]"),
        ("sum(A,axis=(0))", "sum(A, axis=0)"),
        ("1.0e+05*x−y×z÷w·v", "100000*x - y*z/w*v"),
        ("e\u0301 = 1", "é = 1"),
        ("f(a,b)=a;param s=1,t;return f", "f(a, b) = a\nparam s = 1\nparam t\nreturn f"),
    ],
)
def test_brackets_are_few(text: str, printed: str) -> None:
    assert unparse(parse(text)) == printed


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (0.1, "0.1"),
        (1e22, "1e22"),
        (1e-5, "1e-5"),
        (1.5e-300, "1.5e-300"),
        (123456.75, "123456.75"),
        (1e16, "1e16"),
        (5e-324, "5e-324"),
        (-2.0, "-2"),
        (float("inf"), "inf"),
        (float("nan"), "nan"),
    ],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert number(value) == text


def test_a_negative_number_gets_brackets_where_a_sign_would() -> None:
    power = expression("2^3")
    power.left = Number(-2.0, "-2", HERE)
    assert unparse(power) == "(-2)^3"


def test_deep_trees_print() -> None:
    for text in ("sin(" * 20_000 + "x" + ")" * 20_000, "2^-" * 20_000 + "x", " + ".join(["x"] * 20_000)):
        tree = expression(text)
        assert shape(expression(unparse(tree))) == shape(tree)
