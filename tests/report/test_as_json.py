from __future__ import annotations

import json
import math
from importlib.resources import files
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from diffcli.errors import ExpressionError, Source, UsageError
from diffcli.report import as_json
from diffcli.report.result import Result

from . import examples


def schema(name: str) -> Any:
    return json.loads((files("diffcli.report") / "schemas" / f"{name}.json").read_bytes())


@pytest.mark.parametrize("name", examples.ALL)
@pytest.mark.parametrize("spread", [False, True])
def test_every_result_follows_its_schema(name: str, spread: bool) -> None:
    Draft202012Validator.check_schema(schema(name))
    Draft202012Validator(schema(name)).validate(json.loads(as_json.encode(examples.ALL[name], spread=spread)))


def test_the_keys_stand_in_the_order_of_the_contract() -> None:
    def keys(result: Result) -> list[str]:
        return list(json.loads(as_json.encode(result)))

    common = ["schema", "source", "at"]
    assert keys(examples.EVAL) == [*common, "values", "warnings"]
    assert keys(examples.GRAD) == [*common, "value", "gradient", "warnings"]
    assert keys(examples.JACOBIAN) == [*common, "values", "rows", "columns", "jacobian", "mode", "passes", "warnings"]
    assert keys(examples.JVP) == [*common, "values", "tangent", "jvp", "warnings"]
    assert keys(examples.HVP) == [*common, "value", "gradient", "tangent", "hvp", "warnings"]
    assert keys(examples.HESSIAN) == [*common, "value", "gradient", "columns", "hessian", "warnings"]
    assert keys(examples.VJP) == [*common, "values", "cotangent", "vjp", "warnings"]
    assert keys(examples.TRACE) == [*common, "values", "seed", "nodes", "warnings"]
    node = json.loads(as_json.encode(examples.TRACE))["nodes"][2]
    assert list(node) == ["id", "expression", "op", "args", "value", "adjoint", "partials", "span", "name"]


@pytest.mark.parametrize(("result", "key"), [(examples.SPARSE, "jacobian"), (examples.SPARSE_HESSIAN, "hessian")])
@pytest.mark.parametrize("spread", [False, True])
def test_a_sparse_matrix_is_its_entries(result: Result, key: str, spread: bool) -> None:
    found = json.loads(as_json.encode(result, spread=spread))
    Draft202012Validator(schema(key)).validate(found)
    assert list(found[key]) == ["format", "shape", "row", "col", "data"]
    wrong = {**found, key: {**found[key], "format": "csr"}}
    assert not Draft202012Validator(schema(key)).is_valid(wrong)


def test_the_entries_count_from_0() -> None:
    assert '"jacobian": {"format": "coo", "shape": [2, 3], "row": [0, 0, 1], "col": [0, 2, 1], ' in as_json.encode(
        examples.SPARSE
    )
    assert '"data": [0.5, -1.0, "Infinity"]}' in as_json.encode(examples.SPARSE)


def test_derivatives_are_there_where_an_order_is_asked_for() -> None:
    found = json.loads(as_json.encode(examples.ORDERS))
    Draft202012Validator(schema("grad")).validate(found)
    assert list(found) == ["schema", "source", "at", "value", "gradient", "derivatives", "warnings"]
    assert found["derivatives"] == [8, 12, 12, 6, 0]


def test_an_explained_trace_carries_its_words() -> None:
    found = json.loads(as_json.encode(examples.EXPLAINED))
    Draft202012Validator(schema("trace")).validate(found)
    assert found["nodes"][2]["reverse"] == ["x_bar += f_bar · 3 = 3", "y_bar += f_bar · 2 = 2"]


def test_one_line_unless_spread() -> None:
    line = as_json.encode(examples.JACOBIAN)
    assert line.count("\n") == 1
    assert line.startswith('{"schema": "diffcli.jacobian/1", "source": "r = …", "at": {"x": 3.0, "y": 4.0}, ')
    assert '"jacobian": [[0.6, 0.8], [-0.16, 0.12]]' in line
    spread = as_json.encode(examples.JACOBIAN, spread=True)
    assert '\n  "jacobian": [\n    [0.6, 0.8],\n    [-0.16, 0.12]\n  ],\n' in spread
    assert json.loads(spread) == json.loads(line)


def test_what_is_not_finite_is_a_string_that_reads_back() -> None:
    matrix = np.array([[math.inf, 1e-5], [-0.0, math.nan]])
    grad = examples.GRAD._replace(value=math.nan, gradient={"x": -math.inf, "w": matrix})
    found = json.loads(as_json.encode(grad))
    Draft202012Validator(schema("grad")).validate(found)
    assert found["value"] == "NaN"
    assert found["gradient"] == {"x": "-Infinity", "w": [["Infinity", 1e-5], [-0.0, "NaN"]]}
    assert math.isnan(float("NaN"))
    assert float("-Infinity") == -math.inf


@given(st.text(st.characters(codec=None)))
def test_any_text_is_valid_and_harmless(text: str) -> None:
    encoded = as_json.dumps(text)
    assert json.loads(encoded) == text
    assert encoded.encode("utf-8")
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in encoded)


@given(st.lists(st.floats(), max_size=20))
def test_any_array_reads_back_to_the_bit(numbers: list[float]) -> None:
    back = [float(number) for number in json.loads(as_json.dumps(np.array(numbers, dtype=float)))]
    assert np.array(back).tobytes() == np.array([math.nan if math.isnan(n) else n for n in numbers]).tobytes()


def test_small_values_of_every_kind() -> None:
    assert as_json.dumps([None, True, False, 3, 'a"b\\c', (1.0, 2.5), {"k": np.zeros((0, 2))}]) == (
        '[null, true, false, 3, "a\\"b\\\\c", [1.0, 2.5], {"k": []}]'
    )


def test_warnings_are_objects() -> None:
    found = json.loads(as_json.encode(examples.GRAD._replace(warnings=[examples.NOTICE])))
    Draft202012Validator(schema("grad")).validate(found)
    assert list(found["warnings"][0]) == ["code", "message", "hint", "node", "expression", "span", "where", "refined"]


def test_errors_follow_their_schema_too() -> None:
    placed = ExpressionError("no", (3, 5), "yes", code="syntax", source=Source("a + b\x1b", "model.expr"))
    bare = UsageError("no")
    for error in (placed, bare):
        Draft202012Validator(schema("error")).validate(json.loads(as_json.encode_error(error)))
    assert json.loads(as_json.encode_error(placed)) == {
        "schema": "diffcli.error/1",
        "error": {"code": "syntax", "message": "no", "span": [3, 5], "hint": "yes", "in": "model.expr"},
    }
    assert json.loads(as_json.encode_error(bare))["error"] == {
        "code": "usage",
        "message": "no",
        "span": None,
        "hint": None,
        "in": None,
    }
