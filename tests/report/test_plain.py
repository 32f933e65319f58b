from __future__ import annotations

import math
from textwrap import dedent

import numpy as np
import pytest

from diffcli.report.plain import render
from diffcli.report.result import Eval, Functions, Grad, Result

from . import examples

GOLDEN: dict[str, tuple[Result, str]] = {
    "eval": (
        examples.EVAL,
        """\
        r     = 5
        theta = 0.9272952180016122
        """,
    ),
    "eval of one number is that number alone": (Eval("1/3", {}, {"f": 1 / 3}), "0.3333333333333333\n"),
    "a vector reads back": (Eval("", {}, {"f": np.array([1.0, -0.5])}), "[1, -0.5]\n"),
    "a matrix takes a line a row": (
        Eval("", {}, {"A": np.array([[1.0, 20.5], [-3.0, math.nan]]), "b": 2.0}),
        """\
        A = [[ 1, 20.5],
             [-3,  nan]]
        b = 2
        """,
    ),
    "an empty array": (Eval("", {}, {"f": np.zeros((0, 3))}), "[]\n"),
    "grad": (
        examples.GRAD,
        """\
        f = -3

        input  at    gradient
        x       2    -1.5
        w[0]    1     2
        w[1]   -2.5   2
        """,
    ),
    "the gradient by a matrix is a matrix": (
        Grad("sum(A)", {"A": np.ones((2, 3))}, 6.0, {"A": np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.5]])}),
        """\
        f = 6

        gradient by A (2x3)
           0  1  2
        0  1  2  3
        1  4  5  6.5
        """,
    ),
    "no input is left": (Grad("2", {}, 2.0, {}), "f = 2\n"),
    "grad of higher orders": (
        examples.ORDERS,
        """\
        at x = 2

        f       8
        f'     12
        f''    12
        f'''    6
        f^(4)   0
        """,
    ),
    "jvp": (
        examples.JVP,
        """\
        tangent x = 1

        output  value               jvp
        r       5                    0.6
        theta   0.9272952180016122  -0.16
        """,
    ),
    "hvp": (
        examples.HVP,
        """\
        f = 2
        tangent x = 1

        input  at  hvp
        x      1   4
        y      2   2
        """,
    ),
    "hessian": (
        examples.HESSIAN,
        """\
        f = 2

        input  at  gradient
        x      1   4
        y      2   1

        Hessian (2x2), 2 passes
           x  y
        x  4  2
        y  2  0
        """,
    ),
    "a sparse Jacobian is its entries": (
        examples.SPARSE,
        """\
        f = [1, 2]

        Jacobian (2x3) in forward mode, 2 passes of 3
        3 entries, density 50 %

        row   column  entry
        f[0]  x[0]      0.5
        f[0]  x[2]     -1
        f[1]  x[1]    inf
        """,
    ),
    "a sparse Hessian": (
        examples.SPARSE_HESSIAN,
        """\
        f = 2

        input  at  gradient
        x      1   4
        y      2   1

        Hessian (2x2), 2 passes of 2
        2 entries, density 50 %

        row  column  entry
        x    y       1
        y    x       1
        """,
    ),
    "jacobian": (
        examples.JACOBIAN,
        """\
        r     = 5
        theta = 0.9272952180016122

        Jacobian (2x2) in reverse mode, 2 passes
               x      y
        r       0.6   0.8
        theta  -0.16  0.12
        """,
    ),
    "vjp": (
        examples.VJP,
        """\
        r     = 5
        theta = 0.9272952180016122
        cotangent r = 1, theta = 0

        input  at  vjp
        x      3   0.6
        y      4   0.8
        """,
    ),
    "trace": (
        examples.TRACE,
        """\
        seed f = 1

        node  expression  value  partials              adjoint
        v0    x           2                            3
        v1    y           3                            2
        v2    f = x*y     6      d/dv0 = 3, d/dv1 = 2  1
        """,
    ),
    "functions": (
        examples.FUNCTIONS,
        """\
        elementwise
        log(x)  Natural logarithm. Also ln.

        piecewise
        abs(x)  Absolute value.
        """,
    ),
    "a function": (
        Functions([examples.ABS]),
        """\
        abs(x)
        meaning     Absolute value.
        domain      all reals
        derivative  sign(x)
        at kinks    0 at 0
        notation    |x|
        family      piecewise
        """,
    ),
}


@pytest.mark.parametrize(("result", "expected"), GOLDEN.values(), ids=GOLDEN.keys())
def test_golden(result: Result, expected: str) -> None:
    assert render(result) == dedent(expected)


def test_the_words_follow_both_passes() -> None:
    shown = render(examples.EXPLAINED, explain=True)
    assert shown.index("Forward pass") < shown.index("f = x*y = 6") < shown.index("Reverse pass")
    assert shown.rstrip().endswith("x_bar += f_bar · 3 = 3\ny_bar += f_bar · 2 = 2")


def test_digits_shorten_every_number() -> None:
    assert render(examples.EVAL, digits=3) == "r     = 5\ntheta = 0.927\n"


def test_nothing_is_cut_however_large() -> None:
    numbers = np.arange(3000.0) / 7
    shown = render(Grad("…", {"w": numbers}, 0.0, {"w": numbers}))
    assert "…" not in shown
    for i in (0, 1499, 2999):
        assert any(line.split() == [f"w[{i}]", *[repr(i / 7).removesuffix(".0")] * 2] for line in shown.splitlines())
    wide = render(Eval("", {}, {"f": np.ones((2, 500)) / 3}))
    assert len(wide.splitlines()) == 2
    assert wide.count("0.3333333333333333") == 1000


def test_control_characters_are_escaped() -> None:
    bad = examples.NODES[2]._replace(expression="x*\x1b[31my[/bold]")
    shown = render(examples.TRACE._replace(nodes=[bad]))
    assert "\x1b" not in shown
    assert "x*\\x1b[31my[/bold]" in shown
