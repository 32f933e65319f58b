"""Matrices that are nearly singular, and eigenvalues that are nearly equal: what rounding makes of them is said.

The true errors are known from mpmath; a bound that were too small would leave the numbers without a warning.
"""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from numpy.typing import NDArray

import diffcli
from diffcli.diagnosis import examine

HILBERT = np.array([[1 / (i + j + 1) for j in range(10)] for i in range(10)])
RANK_2 = np.outer([0.3, 0.7, 1.1], [1 / 3, 0.2, 0.9]) + np.outer([1 / 7, 0.6, -0.4], [0.55, -0.13, 0.21])
NEAR = RANK_2 + 1e-10 * np.eye(3)
CLOSE = np.array([[1.0, 1e-9, 2e-9], [1e-9, 1.0 + 1e-9, -1e-9], [2e-9, -1e-9, 1.0 - 3e-9]])
PLAIN = np.array([[3.0, 1.0, 0.5], [1.0, 4.0, 0.25], [0.5, 0.25, 2.0]])


def exact_slopes(text: str, a: NDArray[np.float64]) -> NDArray[np.float64]:
    """The derivative of a formula of one matrix, with all digits."""
    with mpmath.workdps(60):
        exact = mpmath.matrix(a.tolist())
        if text == "eigvalsh(A)[0]":
            values, vectors = mpmath.eigsy(exact)
            first = vectors[:, min(range(len(a)), key=lambda k: values[k])]
            found = first * first.T
        else:
            inverse = exact**-1
            found = inverse.T if text == "logabsdet(A)" else mpmath.det(exact) * inverse.T
        return np.array(found.tolist(), dtype=np.float64)


@pytest.mark.parametrize(
    ("text", "a"),
    [("det(A)", HILBERT), ("logabsdet(A)", HILBERT), ("logabsdet(A)", NEAR), ("eigvalsh(A)[0]", CLOSE)],
)
def test_a_derivative_that_has_lost_half_its_digits_says_so(text: str, a: NDArray[np.float64]) -> None:
    slopes, exact = diffcli.grad(diffcli.parse(text), {"A": a})["A"], exact_slopes(text, a)
    assert np.abs(slopes / exact - 1.0).max() > 1e-8
    assert {finding.code for finding in examine(diffcli.parse(text), {"A": a}, "grad")} == {"cancellation"}


@pytest.mark.parametrize(("text", "a"), [("logabsdet(A)", NEAR), ("eigvalsh(A)[0]", CLOSE), ("sum(inv(A))", NEAR)])
def test_among_many_points_too(text: str, a: NDArray[np.float64]) -> None:
    batch = diffcli.parse(text).batch({"A": np.stack([PLAIN, a, PLAIN + 0.1])})
    batch.value_and_grad()
    assert {code: rows.tolist() for code, rows in batch.warnings.items()} == {"cancellation": [1]}


@pytest.mark.parametrize("text", ["det(A)", "logabsdet(A)", "sum(inv(A))", "eigvalsh(A)[0]", "sum(chol(A))"])
def test_well_conditioned_matrices_are_left_in_peace(text: str) -> None:
    assert examine(diffcli.parse(text), {"A": PLAIN}, "grad") == []
    assert examine(diffcli.parse(text), {"A": PLAIN}, "hessian") == []
