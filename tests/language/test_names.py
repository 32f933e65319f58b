"""Whose name is whose: inputs, params, outputs, functions of the file, constants that a point shadows."""

from __future__ import annotations

import math

import pytest

import diffcli
from diffcli.errors import ExpressionError


def refused(text: str) -> ExpressionError:
    with pytest.raises(ExpressionError) as raised:
        diffcli.parse(text)
    assert raised.value.source is not None
    return raised.value


def lines_of(*lines: str) -> str:
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "inputs", "outputs"),
    [
        ("sin(x)*y", ("x", "y"), ("f",)),
        ("y + x", ("y", "x"), ("f",)),
        ("y if c else x", ("y", "c", "x"), ("f",)),  # in the order they are read
        ("w[k] + w", ("w", "k"), ("f",)),
        ("A[i:j:k]'", ("A", "i", "j", "k"), ("f",)),
        ("[b, a] + sum(c, axis=d)", ("b", "a", "c", "d"), ("f",)),
        ("-a + not b < c", None, None),
        ("x*pi + e^tau", ("x",), ("f",)),
        ("1", (), ("f",)),
        ("input y, x\nx + y", ("y", "x"), ("f",)),
        ("input y\nx + y", ("y", "x"), ("f",)),
        ("x + y; input z, y", ("z", "y", "x"), ("f",)),
        ("param s = 2\ns*x", ("s", "x"), ("f",)),
        ("s*x\nparam s = 2", ("s", "x"), ("f",)),
        ("param s = 2\ninput x\ns*x", ("x", "s"), ("f",)),
        ("input x, y\nx", ("x", "y"), ("f",)),  # declared, so a point may give it
        # outputs
        ("a = x\nb = a + 1", ("x",), ("b",)),
        ("a = x\nb = x + 1", ("x",), ("a", "b")),
        ("a = x\na", ("x",), ("a",)),
        ("a = x\na + 1", ("x",), ("f",)),
        ("a = x\na\na + 1", ("x",), ("a", "f")),
        ("x; y", ("x", "y"), ("f1", "f2")),
        ("a = 2*x; x; y", ("x", "y"), ("a", "f1", "f2")),
        ("f = x^2; x; f", ("x",), ("f1", "f")),
        ("f = 2*x\nx", ("x",), ("f", "f1")),
        ("f1 = 2*x; x; x + 1", ("x",), ("f1", "f2", "f3")),
        ("a = x\nb = y\nreturn a", ("x", "y"), ("a",)),
        ("a = x\nb = y\nreturn b, a", ("x", "y"), ("b", "a")),
        ("return a\na = x", ("x",), ("a",)),
        ("a = x\nreturn x, a", ("x",), ("x", "a")),
        # functions of the file
        ("half(a) = a/2\nhalf(x)", ("x",), ("f",)),
        ("half(x)\nhalf(a) = a/2", ("x",), ("f",)),
        ("scaled(a) = s*a\nscaled(x)", ("s", "x"), ("f",)),
        ("k() = 3\nk() + x", ("x",), ("f",)),
        ("g(a, b) = a - b\ng(y, x)", ("y", "x"), ("f",)),
    ],
)
def test_inputs_and_outputs(text: str, inputs: tuple[str, ...] | None, outputs: tuple[str, ...] | None) -> None:
    if inputs is None:
        refused(text)
        return
    program = diffcli.parse(text)
    assert program.inputs == inputs
    assert program.outputs == outputs


def test_the_file_of_the_manual() -> None:
    program = diffcli.parse(
        lines_of(
            "# polar.expr: Cartesian to polar",
            "input x, y                  # optional: fixes the order of the inputs",
            "param scale = 1             # a default that --at may override",
            "half(a) = a / 2             # a function of the file's own",
            "r = scale * sqrt(x^2 + y^2)",
            "theta = atan2(y, x)",
            "return r, theta             # optional",
        )
    )
    assert program.inputs == ("x", "y", "scale")
    assert program.params == ("scale",)
    assert program.outputs == ("r", "theta")
    assert diffcli.evaluate(program, {"x": 3, "y": 4}) == {"r": 5.0, "theta": math.atan2(4, 3)}
    assert diffcli.evaluate(program, {"x": 3, "y": 4, "scale": 2})["r"] == 10.0
    assert diffcli.jacobian(program, {"x": 3, "y": 4}).columns == ("x", "y")
    assert diffcli.jacobian(program, {"x": 3, "y": 4}, wrt=["scale"]).matrix.tolist() == [[5.0], [0.0]]


def test_params_and_defaults() -> None:
    program = diffcli.parse("input x = 1.5, y\nparam s = 2*pi, v = [1, -2], n\ns*x*y*sum(v)*n")
    assert program.params == ("s", "v", "n")
    assert {name: value.tolist() for name, value in program.defaults.items()} == {
        "x": 1.5,
        "s": 2 * math.pi,
        "v": [1.0, -2.0],
    }
    assert diffcli.grad(program, {"y": 2, "n": 1}) == {"x": -4 * math.pi, "y": -3 * math.pi}


def test_a_default_may_use_functions_and_constants() -> None:
    program = diffcli.parse("param a = sin(pi/2) + e^0, b = sum([1, 2]), c = 1 > 0\na*b*c")
    assert diffcli.evaluate(program, {}) == {"f": 6.0}


@pytest.mark.parametrize(
    ("text", "code", "mark", "parts"),
    [
        ("a = 1\na = 2", "assigned-twice", (6, 7), ["a is defined twice", "first on line 1, then on line 2"]),
        ("a = 1; a = 2; a", "assigned-twice", (7, 8), ["at column 1", "at column 8"]),
        ("input x\nx = 2", "assigned-twice", (8, 9), ["x is defined twice", "line 1", "line 2"]),
        ("x = 2\nparam x = 1", "assigned-twice", (12, 13), ["x is defined twice"]),
        ("input x, x\nx", "assigned-twice", (9, 10), ["x is defined twice"]),
        ("g(a) = a\ng(b) = b\ng(1)", "assigned-twice", (9, 10), ["g is defined twice"]),
        ("g(a) = a\ng = 1", "assigned-twice", (9, 10), ["g is defined twice"]),
        ("b = a\na = x", "used-before-assignment", (4, 5), ["a is used before its assignment on line 2"]),
        ("a + 1\na = x", "used-before-assignment", (0, 1), ["line 2"]),
        ("a = a + 1", "used-before-assignment", (4, 5), ["a is used before its assignment"]),
        ("sin = 1", "shadow", (0, 3), ["sin is a function"]),
        ("ln = 1", "shadow", (0, 2), ["ln is a function"]),
        ("input max\nmax", "shadow", (6, 9), ["max is a function"]),
        ("sum(a) = a\nsum(1)", "shadow", (0, 3), ["sum is a function of the language"]),
        ("g(a) = g(a)\ng(x)", "recursion", (7, 11), ["may not call itself: g → g"]),
        (
            "p(a) = q(a)\nq(a) = r(a) + 1\nr(a) = p(a)\np(x)",
            "recursion",
            (35, 39),
            ["p → q → r → p"],
        ),
        ("outer_(a) = g(a)\ng(a) = h(a)\nh(a) = g(a)\nouter_(x)", "recursion", None, ["g → h → g"]),
        ("g(a) = a\ng + 1", "name", (9, 10), ["g is a function of this file"]),
        ("g(a) = a\ng(1, 2)", "arity", (9, 16), ["g takes 1 argument, not 2"]),
        ("g(a, b) = a\ng(1)", "arity", (12, 16), ["g takes 2 arguments, not 1"]),
        ("g(a) = a\ng(a=1)", "arity", (9, 15), ["g takes 1 argument"]),
        ("x = 2\nx(3)", "not-a-function", (6, 7), ["x is a variable, not a function"]),
        ("x + x(3)", "not-a-function", (4, 5), ["x is a variable"]),
        ("g(a) = a(1)\ng(2)", "not-a-function", (7, 8), ["a is a variable"]),
        ("foo(x)", "unknown-function", (0, 3), ["there is no function foo"]),
        ("sni(x)", "unknown-function", (0, 3), ["there is no function sni"]),
        ("a = x\nreturn b", "name", (13, 14), ["nothing is called b"]),
        ("a = x\nreturn a, a", "return", (16, 17), ["a is returned twice"]),
        ("a = x\nreturn a\nreturn a", "return", None, ["one return"]),
        ("input x", "empty", None, ["nothing is computed"]),
        ("g(a) = a", "empty", None, ["nothing is computed"]),
        ("param s = x\ns", "default", (10, 11), ["a default must be a number, and x is none"]),
        ("g(a) = a\nparam s = g(2)\ns", "default", (19, 20), ["g is a function of this file"]),
        ("param s = foo(2)\ns", "unknown-function", (10, 13), ["no function foo"]),
    ],
)
def test_refused(text: str, code: str, mark: tuple[int, int] | None, parts: list[str]) -> None:
    error = refused(text)
    assert error.code == code, error.message
    for part in parts:
        assert part in error.message
    if mark is not None:
        assert error.span == mark
    assert error.exit_code == 3


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("sni(x)", "did you mean sin?"),
        ("sqr(x)", "did you mean sqrt?"),
        ("foo(x)", "foo*(…)"),
        ("half(a) = a/2\nhlaf(x)", "did you mean half?"),
        ("radius = x\nreturn raduis", "did you mean radius?"),
        ("x = 2\nx(3)", "x*(…)"),
        ("sin = 1", "sin_1"),
        ("sum(a) = a\nsum(1)", "my_sum"),
        ("b = a\na = x", "move the assignment up"),
        ("g(a, b) = a\ng(1)", "g(a, b)"),
    ],
)
def test_hints(text: str, hint: str) -> None:
    assert hint in (refused(text).hint or "")


def test_a_parameter_shadows_everything_but_functions() -> None:
    assert diffcli.evaluate(diffcli.parse("a = 5\ng(a) = a + 1\nreturn r\nr = g(x)"), {"x": 1}) == {"r": 2.0}
    assert diffcli.evaluate(diffcli.parse("g(e) = 2*e\ng(3)"), {}) == {"f": 6.0}
    assert diffcli.evaluate(diffcli.parse("g(x) = x^2\ng(x + 1)"), {"x": 2}) == {"f": 9.0}


def test_functions_call_functions() -> None:
    text = "sq(a) = a*a\nquad(a) = sq(sq(a))\nboth(a, b) = quad(a) + sq(b)\nboth(x, y)"
    assert diffcli.grad(diffcli.parse(text), {"x": 2, "y": 3}) == {"x": 32.0, "y": 6.0}


def test_a_function_sees_the_file_s_names() -> None:
    text = "k = 3\ng(a) = k*a + s\ng(x)"
    program = diffcli.parse(text)
    assert program.inputs == ("s", "x")
    assert diffcli.grad(program, {"x": 2, "s": 1}) == {"s": 1.0, "x": 3.0}


def test_a_function_called_before_what_it_uses_is_assigned() -> None:
    with pytest.raises(ExpressionError, match="k has no value here") as raised:
        diffcli.evaluate(diffcli.parse("g(a) = k*a\nr = g(x)\nk = 3\nr + k"), {"x": 1})
    assert raised.value.span == (7, 8)
    assert "before" in (raised.value.hint or "")


def test_a_thousand_functions_that_call_each_other() -> None:
    n = 1000
    text = lines_of("g0(a) = a + 1", *(f"g{i}(a) = g{i - 1}(a) + 1" for i in range(1, n)), f"g{n - 1}(x)")
    assert diffcli.value_and_grad(diffcli.parse(text), {"x": 0}) == (1000.0, {"x": 1.0})


def test_functions_may_stand_in_any_order() -> None:
    f = diffcli.parse("top(a) = mid(a) + low(a)\nmid(a) = 2*low(a)\nlow(a) = a^2\ntop(x)")
    assert diffcli.grad(f, {"x": 1}) == {"x": 6.0}


def test_a_shared_helper_is_no_cycle() -> None:
    text = "h(a) = a^2\np(a) = h(a) + 1\nq(a) = h(a) + p(a)\nq(x) + h(x)"
    assert diffcli.grad(diffcli.parse(text), {"x": 1}) == {"x": 6.0}


# Constants --------------------------------------------------------------------------------------------------


def test_the_point_shadows_a_constant() -> None:
    program = diffcli.parse("e^x")
    assert program.inputs == ("x",)
    assert diffcli.evaluate(program, {"x": 1})["f"] == pytest.approx(math.e)
    assert diffcli.evaluate(program, {"x": 2, "e": 0.5}) == {"f": 0.25}
    assert diffcli.grad(program, {"x": 2, "e": 0.5})["e"] == 1.0
    assert diffcli.evaluate(program, {"x": 1})["f"] == pytest.approx(math.e)  # and only that point


def test_the_file_shadows_a_constant() -> None:
    assert diffcli.evaluate(diffcli.parse("e = 3\ne + 1"), {}) == {"f": 4.0}
    program = diffcli.parse("input e\ne^2")
    assert program.inputs == ("e",)
    assert diffcli.grad(program, {"e": 3}) == {"e": 6.0}
    assert diffcli.evaluate(diffcli.parse("param pi = 3\npi"), {}) == {"f": 3.0}
    assert diffcli.evaluate(diffcli.parse("param pi = 3\npi"), {"pi": 4}) == {"f": 4.0}


def test_a_default_is_made_of_constants_even_where_the_file_shadows_them() -> None:
    assert diffcli.evaluate(diffcli.parse("e = 3\nparam s = 2\ns*e"), {}) == {"f": 6.0}


def test_greek_letters_are_their_constants() -> None:
    assert diffcli.evaluate(diffcli.parse("π + τ"), {}) == {"f": math.pi + math.tau}
    assert diffcli.evaluate(diffcli.parse("π"), {"π": 3}) == {"f": 3.0}
