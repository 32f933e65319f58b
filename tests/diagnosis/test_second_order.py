"""Hessians at kinks, ties and cancellations: the reason must be the true one, and the numbers right or refined."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import numpy as np
import pytest

import diffcli
from diffcli.diagnosis import examine


def findings(source: str, point: dict[str, Any], what: str = "hessian", v: Any = None) -> list[Any]:
    return list(examine(diffcli.parse(source), point, what, v=v))


#: Expression, point, the code of every finding, a part of the first message, and the refined matrix.
HESSIANS: list[tuple[str, dict[str, Any], list[str], str, Any]] = [
    ("max(x,y)*min(x,y)", {"x": 1, "y": 1}, ["tie", "tie"], "on both sides d²f/dxdx is 0", [[0, 1], [1, 0]]),
    ("max(x^2,0)", {"x": 0}, ["tie"], "on both sides d²f/dxdx is 2", [[2]]),
    ("max(x,0)^2", {"x": 0}, ["tie"], "d²f/dxdx is 0 from the left and 2 from the right", [[nan]]),
    ("x*abs(x)", {"x": 0}, ["kink"], "d²f/dxdx is -2 from the left and 2 from the right", [[nan]]),
    ("norm(v)^2", {"v": [0.0, 0.0]}, ["kink"], "on both sides d²f/dv[0]dv[0] is 2", [[2, 0], [0, 2]]),
    ("norm(v)", {"v": [0.0, 0.0]}, ["kink"], "df/dv[0] is -1 from the left and 1 from the right", [[nan] * 2] * 2),
    ("abs(x)", {"x": 0}, ["kink"], "df/dx is -1 from the left and 1 from the right", [[nan]]),
    ("median(v)", {"v": [1.0, 1.0, 2.0]}, ["tie"], "df/dv[0] is 0 from the left", [[nan] * 3] * 2 + [[nan, nan, 0]]),
    ("max(v)-min(v)", {"v": [1.0, 1.0, 1.0]}, ["tie", "tie"], "df/dv[0] is -1 from the left and 1", [[nan] * 3] * 3),
    # What one input does is seen beside values that another makes 10^155 times as large.
    ("1/x + exp(y)", {"x": 1e-155, "y": 1}, ["overflow"], "it is about 1e+465", [[inf, 0], [0, 2.718281828459045]]),
    (
        "x*y*z",
        {"x": 1e200, "y": 1e200, "z": 1e-300},
        ["overflow"],
        "x*y overflows",
        [[0, 1e-300, 1e200], [1e-300, 0, 1e200], [1e200, 1e200, 0]],
    ),
    # A mixed derivative that depends on the way is none, whatever steps of one shape say.
    ("x^2*y^2/(x^2+y^2)", {"x": 0, "y": 0}, ["removable"], "the limit exists", [[0, nan], [nan, 0]]),
    ("abs(x)*abs(y)", {"x": 0, "y": 0}, ["kink", "kink"], "d²f/dxdy does not exist", [[0, nan], [nan, 0]]),
    ("x*y*sin(x)/x", {"x": 0, "y": 1}, ["removable"], "the limit exists", [[0, 1], [1, 0]]),
    # What is left of n − 1 has few digits, also where no input takes part in it.
    ("x^exp(1e-10)", {"x": 2}, ["cancellation"], "loses 9 of its 16 digits", [[5.0000000010965738e-11]]),
    ("log(sigmoid(x))", {"x": -50}, ["cancellation"], "all its digits", [[-1.9287498479639178e-22]]),
]


@pytest.mark.parametrize(("source", "point", "codes", "message", "exact"), HESSIANS)
def test_the_reason_is_the_true_one(
    source: str, point: dict[str, Any], codes: list[str], message: str, exact: Any
) -> None:
    found = findings(source, point)
    assert [finding.code for finding in found] == codes
    assert message in found[0].message
    assert found[0].span is not None
    np.testing.assert_allclose(found[0].refined["hessian"], exact, rtol=1e-15, atol=0)


@pytest.mark.parametrize(
    ("source", "point"),
    [
        ("softmax(v)[0]", {"v": [1e5, 1e5]}),  # a zero by symmetry: 1 − 2·½
        ("abs(x)^3", {"x": 0}),
        ("relu(x)^3", {"x": 0}),
        ("sort(v)@v", {"v": [2.0, 1.0, 3.0]}),
        ("x^4 + y^2", {"x": 0, "y": 0}),
        ("log(sigmoid(x))", {"x": 3}),
    ],
)
def test_a_true_matrix_gets_no_warning(source: str, point: dict[str, Any]) -> None:
    assert findings(source, point) == []


def test_what_is_judged_is_what_hessian_computes() -> None:
    """Reverse over reverse would have the digits that the command's forward over reverse has lost."""
    f = diffcli.parse("log(sigmoid(x))")
    assert diffcli.hessian(f, {"x": -50.0}).matrix[0, 0] == 0.0
    assert [finding.code for finding in findings("log(sigmoid(x))", {"x": -50.0})] == ["cancellation"]


def test_an_infinite_input_has_no_second_derivative_to_compare_with() -> None:
    assert [finding.code for finding in findings("mod(x,y)", {"x": 5, "y": inf})] == ["nonfinite-input"]


@pytest.mark.parametrize(
    ("source", "point", "code", "message"),
    [
        ("sin(x)", {"x": inf}, "domain", "df/dx does not exist"),  # samples of a wave may shrink by chance
        ("x*inf", {"x": 0}, "domain", "x*inf is not determined: its arguments are 0 and ∞"),
        ("max(x,-inf)", {"x": -inf}, "tie", "on both sides df/dx is 1"),
        ("polygamma(1,x)", {"x": 1e-200}, "overflow", "it is about 1e+400"),
        ("det(A)", {"A": [[1e200, 0.0], [0.0, 1e200]]}, "overflow", "overflows"),
    ],
)
def test_gradients_at_the_edges_of_doubles(source: str, point: dict[str, Any], code: str, message: str) -> None:
    last = findings(source, point, "grad")[-1]
    assert last.code == code
    assert message in last.message


def test_a_determinant_beyond_doubles_is_not_singular() -> None:
    f = diffcli.parse("logabsdet(A)")
    for size in (1e-200, 1e200):
        value, gradient = diffcli.value_and_grad(f, {"A": [[size, 0.0], [0.0, size]]})
        assert value == pytest.approx(2 * np.log(size), rel=1e-15)
        np.testing.assert_allclose(gradient["A"], np.eye(2) / size, rtol=1e-15)
    np.testing.assert_array_equal(
        diffcli.evaluate(diffcli.parse("inv(A)"), {"A": [[1e-200, 0.0], [0.0, 1e-200]]})["f"], np.eye(2) * 1e200
    )


@pytest.mark.parametrize(
    ("source", "point", "value", "codes"),
    [
        ("atan2(y,x)", {"y": -0.0, "x": -1.0}, -np.pi, ["kink"]),
        ("atan2(y,x)", {"y": 0.0, "x": -1.0}, np.pi, ["kink"]),
        ("1/x", {"x": -0.0}, -inf, ["pole"]),
        ("atan(1/x)", {"x": -0.0}, -np.pi / 2, ["pole"]),
        ("atan2(2*y,y*z)", {"y": 0.0, "z": -0.0}, np.pi, ["kink"]),
        ("atan2(2*y,y*z)", {"y": 0.0, "z": -1.0}, np.pi, ["kink"]),
        ("gamma(x)", {"x": -0.0}, -inf, ["pole"]),
    ],
)
def test_a_value_at_minus_zero_is_not_doubted(
    source: str, point: dict[str, Any], value: float, codes: list[str]
) -> None:
    found = findings(source, point, "grad")
    assert [finding.code for finding in found] == codes
    assert found[0].refined["value"] == pytest.approx(value, rel=1e-15)


def test_a_slope_beside_the_edge_of_another_domain() -> None:
    """−Σ p·log p has a slope in p[1] where p[0] is 0: p[0] is approached from inside its domain."""
    (found,) = findings("-sum(p*log(p))", {"p": [0.0, 1.0]}, "grad")
    assert found.code == "removable"
    np.testing.assert_array_equal(found.refined["gradient"]["p"], [inf, -1.0])


@pytest.mark.parametrize(
    ("source", "point", "what", "messages"),
    [
        ("[1/x, x]", {"x": 0}, "jacobian", ["1/x divides 1 by 0"]),
        (
            "hypot(x,y)",
            {"x": 1e-320, "y": 0},
            "hessian",
            ["d²f/dydy overflows: it is about 1e+320, and doubles end at 1.8e+308"],
        ),
    ],
)
def test_a_row_is_judged_as_it_is_given(source: str, point: dict[str, Any], what: str, messages: list[str]) -> None:
    """A pass for one row multiplies the others' infinite slopes by 0; the command finds the row again, without."""
    assert [finding.message for finding in findings(source, point, what)] == messages


@pytest.mark.parametrize(
    ("source", "point", "u", "code", "product"),
    [
        ("log(sigmoid(x))", {"x": -50}, {"x": 2.0}, "cancellation", {"x": -3.8574996959278356e-22}),
        ("max(x,y)*min(x,y)", {"x": 1, "y": 1}, {"x": 1.0}, "tie", {"x": 0.0, "y": 1.0}),
        ("x*abs(x) + y^2", {"x": 0, "y": 1}, {"x": 1.0, "y": 1.0}, "kink", {"x": nan, "y": 2.0}),
        ("sqrt(x)*y", {"x": 0, "y": 2}, {"y": 2.0}, "pole", {"x": inf, "y": 0.0}),
    ],
)
def test_a_product_with_the_hessian(source: str, point: Any, u: Any, code: str, product: Any) -> None:
    found = findings(source, point, "hvp", u)
    assert {finding.code for finding in found} == {code}
    assert found[0].refined["hvp"] == pytest.approx(product, rel=1e-15, abs=0, nan_ok=True)
    assert findings("exp(x)*y", {"x": 1.0, "y": 2.0}, "hvp", {"y": 2.0}) == []
