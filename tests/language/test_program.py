"""A parsed formula: its point, its binding, and what it says when either does not fit."""

from __future__ import annotations

import numpy as np
import pytest

import diffcli
from diffcli.errors import ExpressionError, Source, UsageError
from diffcli.language.program import BINDINGS_KEPT, Program


def refused(text: str, at: dict[str, object]) -> UsageError:
    with pytest.raises(UsageError) as raised:
        diffcli.parse(text).resolve(at)  # type: ignore[arg-type]
    assert raised.value.exit_code == 2
    return raised.value


def test_what_it_shows() -> None:
    f = diffcli.parse("r = x*y\nreturn r")
    assert isinstance(f, Program)
    assert repr(f) == "<diffcli program (x, y) -> (r)>"
    assert f.source == Source("r = x*y\nreturn r", "expression")
    assert diffcli.parse("x", name="f.expr").source.name == "f.expr"


def test_a_point_is_completed_in_the_inputs_order() -> None:
    f = diffcli.parse("input x = 1, y\nparam s = [1, 2]\nx*y*sum(s)")
    point = f.resolve({"y": 3})
    assert list(point) == ["x", "y", "s"]
    assert [value.tolist() for value in point.values()] == [1.0, 3.0, [1.0, 2.0]]
    assert all(value.dtype == np.float64 for value in point.values())


@pytest.mark.parametrize("value", [2, 2.0, True, np.float32(2), np.int64(2), np.array(2), np.uint8(2)])
def test_what_is_a_number(value: object) -> None:
    assert diffcli.parse("x").resolve({"x": value})["x"].dtype == np.float64  # type: ignore[dict-item]


@pytest.mark.parametrize("value", ["2", None, 2j, [[1, 2], [3]], {"a": 1}, [None], np.array(["a"])])
def test_what_is_no_number(value: object) -> None:
    error = refused("x", {"x": value})
    assert error.code == "value"
    assert "x" in error.message


def test_missing_names_are_listed_all_at_once() -> None:
    error = refused("x*y + z", {"y": 1})
    assert error.code == "missing-variable"
    assert error.message == "no value for x, z"
    assert error.hint == "add --at x=…,z=…"
    assert error.span == (0, 1)
    assert error.source is not None


def test_a_long_list_of_missing_names_is_cut() -> None:
    error = refused("+".join(f"x{i}" for i in range(100)), {})
    assert "x11, … (100 in all)" in error.message
    assert "x12" not in error.message


def test_a_function_without_its_brackets() -> None:
    error = refused("sin + 1", {})
    assert error.code == "missing-variable"
    assert "write sin(x)" in (error.hint or "")


@pytest.mark.parametrize(
    ("text", "name", "hint"),
    [
        ("alpha + beta_2", "alhpa", "did you mean alpha?"),
        ("x + y", "q", "its variables are x, y"),
        ("1 + 1", "q", "it has none"),
        ("pi*r", "π", "its variables are r"),
    ],
)
def test_an_unknown_name(text: str, name: str, hint: str) -> None:
    f = diffcli.parse(text)
    error = refused(text, {**dict.fromkeys(f.inputs, 1.0), name: 1.0})
    assert error.code == "unknown-variable"
    assert name in error.message
    assert error.hint == hint


def test_many_variables_are_not_all_named() -> None:
    names = [f"x{i}" for i in range(100)]
    error = refused("+".join(names), {**dict.fromkeys(names, 1.0), "qqq": 1.0})
    assert (error.hint or "").endswith("x11, …")


def test_a_computed_name_cannot_be_set() -> None:
    error = refused("r = x^2\nr + 1", {"x": 1, "r": 2})
    assert error.code == "unknown-variable"
    assert "computed by the formula" in error.message
    assert error.hint == "its inputs are x"


def test_a_constant_that_the_formula_does_not_use_is_unknown() -> None:
    assert refused("x", {"x": 1, "e": 2}).code == "unknown-variable"


def test_binding_is_cached_by_shape() -> None:
    f = diffcli.parse("x*w")
    one = f.bind({"x": (), "w": (3,)})
    assert f.bind({"x": (), "w": (3,)}) is one
    assert f.bind({"x": (), "w": (4,)}) is not one
    assert f.bind({"w": (3,), "x": ()}) is not one  # another order of the inputs


def test_the_cache_is_bounded() -> None:
    f = diffcli.parse("sum(w)")
    first = f.bind({"w": (1,)})
    for n in range(2, BINDINGS_KEPT + 2):
        f.bind({"w": (n,)})
    assert len(f._bound) == BINDINGS_KEPT
    assert f.bind({"w": (1,)}) is not first


def test_a_function_knows_its_names() -> None:
    function = diffcli.parse("a = x + 1\nb = y\nreturn b, a").bind({"x": (), "y": (2,)})
    assert function.names == ("b", "a")
    assert function.input_names == ("x", "y")
    assert [out.shape for out in function.outputs] == [(2,), ()]
    assert function.builder is function.outputs[0].builder


def test_a_boolean_output_is_a_number() -> None:
    assert diffcli.evaluate(diffcli.parse("w > 1"), {"w": [1, 2]})["f"].tolist() == [0.0, 1.0]  # type: ignore[union-attr]
    assert diffcli.grad(diffcli.parse("x > 1"), {"x": 1}) == {"x": 0.0}


def test_an_error_knows_its_file() -> None:
    with pytest.raises(ExpressionError) as raised:
        diffcli.evaluate(diffcli.parse("v + w", name="sum.expr"), {"v": [1, 2], "w": [1, 2, 3]})
    assert raised.value.source == Source("v + w", "sum.expr")
    assert raised.value.span == (2, 3)


def test_a_default_of_the_wrong_shape() -> None:
    with pytest.raises(ExpressionError, match="ragged"):
        diffcli.parse("param s = [[1, 2], [3]]\ns")


def test_an_empty_default_and_an_empty_point() -> None:
    f = diffcli.parse("param s = []\nsum(s) + x")
    assert diffcli.grad(f, {"x": 1}) == {"x": 1.0}
    assert diffcli.evaluate(diffcli.parse("1 + 1"), {}) == {"f": 2.0}
    assert diffcli.grad(diffcli.parse("1 + 1"), {}) == {}
    assert diffcli.grad(diffcli.parse("1 + 1"), []).tolist() == []
