from __future__ import annotations

import csv
import io
import math

import numpy as np

from diffcli.report import as_csv

from . import examples


def test_a_gradient_is_a_header_and_a_row() -> None:
    assert as_csv.render(examples.GRAD) == "f,d_x,d_w[0],d_w[1]\n-3,-1.5,2,2\n"


def test_outputs_come_before_their_derivatives() -> None:
    assert as_csv.render(examples.EVAL) == "r,theta\n5,0.9272952180016122\n"
    assert as_csv.render(examples.VJP) == "r,theta,d_x,d_y\n5,0.9272952180016122,0.6,0.8\n"
    assert as_csv.render(examples.JACOBIAN) == (
        "r,theta,d_r_x,d_r_y,d_theta_x,d_theta_y\n5,0.9272952180016122,0.6,0.8,-0.16,0.12\n"
    )


def test_a_label_with_a_comma_is_quoted_and_what_is_not_finite_has_a_name() -> None:
    result = examples.EVAL._replace(values={"A": np.array([[math.nan, math.inf]]), "b": -math.inf})
    rows = list(csv.reader(io.StringIO(as_csv.render(result))))
    assert rows == [["A[0,0]", "A[0,1]", "b"], ["NaN", "Infinity", "-Infinity"]]


def test_a_trace_has_a_row_a_node() -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv.render(examples.TRACE))))
    assert [row["expression"] for row in rows] == ["x", "y", "x*y"]
    assert rows[2] == {
        "id": "2",
        "expression": "x*y",
        "op": "multiply",
        "args": "[0, 1]",
        "value": "6",
        "adjoint": "1",
        "partials": "[3.0, 2.0]",
        "span": "[0, 3]",
        "name": "f",
    }


def test_functions_have_a_row_each() -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv.render(examples.FUNCTIONS))))
    assert [row["name"] for row in rows] == ["log", "abs"]
    assert rows[0]["kink"] == ""


def test_tabs_between_cells() -> None:
    assert as_csv.render(examples.GRAD, "\t") == "f\td_x\td_w[0]\td_w[1]\n-3\t-1.5\t2\t2\n"
    result = examples.EVAL._replace(values={"A": np.array([[1.0, 2.0]])})
    assert as_csv.render(result, "\t") == "A[0,0]\tA[0,1]\n1\t2\n"  # a comma is a sign like any other
