from __future__ import annotations

import math
import re

import numpy as np
import pytest

from diffcli.report.console import render
from diffcli.report.result import Eval, Grad, Jacobian, Node, Result, Trace, Vjp
from diffcli.report.text import number, width

from . import examples

N = 60
BIG = np.arange(N * N, dtype=float).reshape(N, N) / 7
LABELS = tuple(f"w[{i}]" for i in range(N))
WIDE = Jacobian("…", {"w": BIG[0]}, {"f": BIG[0]}, LABELS, LABELS, BIG, "reverse", N)


def plainly(result: Result, columns: int | None = 80, **options: bool | int) -> str:
    return render(result, width=columns, colour=False, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("result", [*examples.ALL.values(), examples.EXPLAINED])
@pytest.mark.parametrize("columns", [40, 80, 200])
@pytest.mark.parametrize("unicode", [True, False])
def test_no_table_is_wider_than_the_terminal(result: Result, columns: int, unicode: bool) -> None:
    shown = plainly(result, columns, unicode=unicode, explain=True)
    tables = [line for line in shown.splitlines() if "─" in line or "   " in line]
    assert all(width(line) <= columns for line in tables)
    assert "\x1b" not in shown


def test_numbers_are_whole_where_there_is_room() -> None:
    shown = plainly(examples.JACOBIAN._replace(jacobian=np.array([[1 / 3, 2 / 3], [math.pi, math.e]])))
    assert "0.3333333333333333" in shown
    assert "3.141592653589793" in shown
    assert "digits" not in shown


def test_fewer_digits_before_fewer_columns() -> None:
    result = examples.JACOBIAN._replace(jacobian=np.array([[1 / 3, 2 / 3], [math.pi, math.e]]))
    shown = plainly(result, 40)
    assert "0.3333333333" in shown
    assert "0.33333333333" not in shown
    assert "--digits 17 shows every digit" in shown


def test_a_large_matrix_is_cut_and_says_its_shape() -> None:
    shown = plainly(WIDE)
    assert "Jacobian (60×60) in reverse mode, 60 passes" in shown
    assert "; --all shows everything" in shown
    assert "w[59]" in shown
    assert "w[30]" not in shown
    assert len(shown.splitlines()) < 45


def test_all_shows_a_wide_matrix_in_groups_of_columns() -> None:
    shown = plainly(WIDE, everything=True)
    assert "…" not in shown
    for label in LABELS:
        assert label in shown
    assert repr(float(BIG[30, 30])) in shown
    assert max(width(line) for line in shown.splitlines() if "w[" in line) <= 80


def test_a_long_vector_shows_its_ends() -> None:
    shown = plainly(Eval("", {}, {"f": BIG[1], "g": 1.0}), 60)
    assert f"f = [{BIG[1, 0]}, {BIG[1, 1]}, …, 17] (60)\ng = 1\n" in shown
    assert "--all" in shown
    assert "…" not in plainly(Eval("", {}, {"f": BIG[1], "g": 1.0}), 60, everything=True)


def test_a_wide_matrix_of_eval_becomes_a_table() -> None:
    assert "(60×60)\n" in plainly(Eval("", {}, {"f": BIG}))
    assert "A (60×60)\n" in plainly(Eval("", {}, {"A": BIG, "b": 1.0}))
    assert plainly(Eval("", {}, {"f": np.eye(2)})) == "[[1, 0],\n [0, 1]]\n"


def test_long_gradients_keep_their_first_and_last_rows() -> None:
    numbers = np.arange(1000.0)
    shown = plainly(Grad("", {"w": numbers}, 0.0, {"w": numbers}))
    assert "w[19] " in shown
    assert "w[20]" not in shown
    assert "w[999]" in shown
    assert "w[500]" in plainly(Grad("", {"w": numbers}, 0.0, {"w": numbers}), everything=True)


def test_many_scalars_many_outputs_and_many_nodes_are_cut_too() -> None:
    many = {f"x{i}": float(i) for i in range(500)}
    nodes = [
        Node(i, f"x{i}", "input", (), 1.0, 1.0, (), None, None, f"x{i} is given", (f"step {i}",)) for i in range(500)
    ]
    for result in (Grad("", many, 0.0, many), Eval("", {}, many), Trace("", {}, {}, {"f": 1.0}, nodes)):
        shown = plainly(result, explain=True)
        assert len(shown.splitlines()) < 110
        assert "x499" in shown
        assert "x250" not in shown
        assert "--all" in shown
        assert "x250" in plainly(result, explain=True, everything=True)


def test_the_trace_reads_downwards_and_upwards() -> None:
    shown = plainly(examples.TRACE)
    assert "value ↓" in shown
    assert "adjoint ↑" in shown
    assert "∂/∂v0 = 3, ∂/∂v1 = 2" in shown
    assert "seed f = 1" in shown


@pytest.mark.parametrize("columns", [48, 60, 80])
def test_a_narrow_trace_breaks_no_number(columns: int) -> None:
    node = Node(3, "sin(x1)", "sin", (0,), 0.9092974268256817, 1.0, (-0.4161468365471424,), None, None)
    product = Node(2, "x1*x2", "multiply", (0, 1), 6.0, 1.0, (3.25, 2.125), None, None)
    shown = plainly(Trace("", {}, {}, {"f": 1.0}, [product, node]), columns)
    assert max(width(line) for line in shown.splitlines() if "numbers are" not in line) <= columns
    numbers = [-0.4161468365471424, 0.9092974268256817, 3.25, 2.125]
    words = shown.replace(",", " ").split()
    assert all(any(number(value, digits) in words for digits in (4, 6, 10, None)) for value in numbers)


@pytest.mark.parametrize("columns", [8, 16, 20, 24, 30, 40])
def test_no_number_is_broken_anywhere(columns: int) -> None:
    """Its halves would read as two: -0.06 above 897."""
    slopes = [-0.06897123456789, -3.5, 1.25e-100, 22.167123456]
    result = examples.JACOBIAN._replace(jacobian=np.array(slopes).reshape(2, 2), rows=("r", "s"))
    shown = plainly(result, columns).partition("numbers are")[0].split()
    heads = {"r", "s", "x", "y", "…"}
    read = [float(word) for word in shown[shown.index("x") :] if word not in heads and not set("─") >= set(word)]
    nearest = [min(slopes, key=lambda slope, value=value: abs(slope - value)) for value in read]  # type: ignore[misc]
    assert read == pytest.approx(nearest, rel=1e-3)
    assert set(nearest) >= {1.25e-100, 22.167123456}  # the last column, at least


@pytest.mark.parametrize("columns", [20, 30, 60])
def test_a_vector_keeps_to_the_terminal(columns: int) -> None:
    shown = plainly(examples.EVAL._replace(values={"f": np.arange(12) / 8}), columns)
    assert max(map(width, shown.splitlines())) <= columns
    assert [float(word.strip("[],")) for word in shown.split()] == (np.arange(12) / 8).tolist()


def test_a_trace_of_long_expressions_and_arrays_is_shortened() -> None:
    node = Node(0, "+".join(["sin(x)"] * 30), "add", (), BIG[0], BIG[0], (), None, None)
    shown = plainly(Trace("", {}, {}, {"f": 1.0}, [node]), 200)
    assert "sin(x)+sin(x)+sin(x)+sin(x)+sin( … in(x)+sin(x)" in " ".join(shown.split())
    assert "(60)" in shown


def test_markup_and_escapes_in_a_users_text_do_nothing() -> None:
    node = examples.NODES[2]._replace(expression="[/bold]*x[red]\x1b[31m:smile:", forward="[/bold] \x1b]0;")
    shown = plainly(examples.TRACE._replace(nodes=[node]), 160, explain=True)
    assert "[/bold]*x[red]\\x1b[31m:smile:" in shown
    assert "[/bold] \\x1b]0;" in shown
    assert "\x1b" not in shown


def test_colour_is_the_only_difference() -> None:
    result = examples.GRAD._replace(gradient={"x": math.nan, "w": np.array([1.0, math.inf])})
    coloured = render(result, width=80, colour=True)
    assert "\x1b[31m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plainly(result)


def test_colour_in_a_pipe_leaves_nothing_out() -> None:
    shown = render(WIDE, width=None, colour=True)
    assert "…" not in shown
    assert repr(float(BIG[30, 30])) in shown


def test_given_digits_are_kept() -> None:
    shown = plainly(Vjp("", examples.AT, {"f": 1 / 3}, {"f": 1.0}, {"x": 1 / 3, "y": 2 / 3}), digits=3)
    assert "0.333\n" in shown
    assert "0.3333" not in shown
