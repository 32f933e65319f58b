from __future__ import annotations

import math

import numpy as np
import pytest

from diffcli.labels import labels
from diffcli.report.result import Result, elements, not_finite, schema

from . import examples


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((), ["w"]),
        ((2,), ["w[0]", "w[1]"]),
        ((2, 2), ["w[0,0]", "w[0,1]", "w[1,0]", "w[1,1]"]),
        ((1, 2, 1), ["w[0,0,0]", "w[0,1,0]"]),
        ((0,), []),
        ((2, 0), []),
    ],
)
def test_labels(shape: tuple[int, ...], expected: list[str]) -> None:
    assert labels("w", shape) == expected


def test_elements_are_labelled_row_by_row() -> None:
    values = {"x": 1.0, "A": np.array([[2.0, 3.0]]), "y": np.array(4.0)}
    assert list(elements(values)) == [("x", 1.0), ("A[0,0]", 2.0), ("A[0,1]", 3.0), ("y", 4.0)]


@pytest.mark.parametrize("result", examples.ALL.values(), ids=examples.ALL.keys())
def test_finite_results_pass(result: Result) -> None:
    assert not_finite(result) == []


def test_what_is_not_finite_is_named() -> None:
    nan, inf = math.nan, math.inf
    assert not_finite(examples.EVAL._replace(values={"r": nan, "s": 1.0})) == ["r"]
    assert not_finite(examples.GRAD._replace(value=inf, gradient={"w": np.array([1.0, -inf])})) == ["f", "df/dw[1]"]
    bad = examples.JACOBIAN._replace(jacobian=np.array([[1.0, nan], [0.0, 0.0]]))
    assert not_finite(bad) == ["dr/dy"]
    assert not_finite(examples.VJP._replace(vjp={"x": nan})) == ["vjp of x"]
    nodes = [examples.NODES[0]._replace(value=inf), examples.NODES[1]._replace(adjoint=nan)]
    assert not_finite(examples.TRACE._replace(nodes=nodes)) == ["v0", "adjoint of v1"]


def test_the_name_of_a_schema() -> None:
    assert schema(examples.VJP) == "diffcli.vjp/1"
