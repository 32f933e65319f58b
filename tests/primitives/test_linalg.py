"""Functions of matrices where they are hard: singular, nearly so, repeated eigenvalues, not definite."""

from __future__ import annotations

import fractions
import itertools
import math
from typing import Any

import numpy as np
import pytest

import diffcli
from diffcli.errors import DiffcliError
from diffcli.higher import derivatives

NAN = np.nan


def _gradient(text: str, **at: Any) -> dict[str, np.ndarray]:
    return {name: np.asarray(part) for name, part in diffcli.grad(diffcli.parse(text), at).items()}


def _value(text: str, **at: Any) -> Any:
    return next(iter(diffcli.evaluate(diffcli.parse(text), at).values()))


def _exact_det(matrix: Any) -> fractions.Fraction:
    """By the sum over permutations."""
    n = len(matrix)
    total = fractions.Fraction(0)
    for order in itertools.permutations(range(n)):
        term = fractions.Fraction((-1) ** sum(order[i] > order[j] for i in range(n) for j in range(i + 1, n)))
        for i, j in enumerate(order):
            term *= fractions.Fraction(float(matrix[i][j]))
        total += term
    return total


def _exact_cofactors(matrix: Any) -> np.ndarray:
    n = len(matrix)
    return np.array(
        [
            [
                float(
                    (-1) ** (i + j)
                    * _exact_det([[matrix[r][c] for c in range(n) if c != j] for r in range(n) if r != i])
                )
                for j in range(n)
            ]
            for i in range(n)
        ]
    )


SINGULAR = [
    [[1.0, 2.0], [2.0, 4.0]],
    [[0.1, 0.3], [0.2, 0.6]],
    [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]],
    np.zeros((3, 3)),
    np.zeros((4, 4)),
    np.ones((4, 4)),
    [[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0], [9.0, 10.0, 11.0, 12.0], [1.0, 0.0, 0.0, 1.0]],
]


@pytest.mark.parametrize("matrix", SINGULAR, ids=lambda m: f"{len(m)}x{len(m)}")
def test_det_of_singular_matrices(matrix: Any) -> None:
    assert _value("det(A)", A=matrix) == float(_exact_det(matrix))
    np.testing.assert_allclose(_gradient("det(A)", A=matrix)["A"], _exact_cofactors(matrix), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize(("n", "rank"), [(4, 4), (4, 3), (4, 2), (4, 1), (5, 2), (6, 4)])
def test_det_along_a_line_has_the_derivatives_of_its_polynomial(n: int, rank: int) -> None:
    """Up to the fifth, at singular matrices too. The polynomial det(A + t·E) from its values at 0, 1, …, n, exactly."""
    rng = np.random.default_rng(n * 10 + rank)
    a = rng.integers(-3, 4, (n, rank)) @ rng.integers(-3, 4, (rank, n))
    e = rng.integers(-3, 4, (n, n))
    differences = [_exact_det(a + t * e) for t in range(n + 1)]
    coefficients = [fractions.Fraction(0)] * (n + 1)  # of powers of t, by Newton's formula
    basis = [fractions.Fraction(1)]
    for k in range(n + 1):
        for i, c in enumerate(basis):
            coefficients[i] += differences[0] * c
        differences = [(after - before) / (k + 1) for before, after in itertools.pairwise(differences)]
        basis = [(basis[i - 1] if i else 0) - (k * basis[i] if i < len(basis) else 0) for i in range(len(basis) + 1)]
    rows = ", ".join(
        "[" + ", ".join(f"{x} + t*({y})" for x, y in zip(*row, strict=True)) + "]" for row in zip(a, e, strict=True)
    )
    found = derivatives(diffcli.parse(f"det([{rows}])"), {"t": 0.0}, order=min(n, 5))
    exact = [float(math.factorial(k) * c) for k, c in enumerate(coefficients[: min(n, 5) + 1])]
    np.testing.assert_allclose(found, exact, rtol=1e-11, atol=1e-11 * max(map(abs, exact)))


@pytest.mark.parametrize("power", [0, 30, 60, 130, -60])
def test_det_of_two_by_two_has_the_last_digits_too(power: int) -> None:
    rng = np.random.default_rng(power + 100)
    for _ in range(50):
        matrix = (rng.uniform(-2, 2, (2, 2)) * 10.0**power).tolist()
        right = float(_exact_det(matrix))
        assert abs(_value("det(A)", A=matrix) - right) <= 2.0**-52 * abs(right)


def test_det_of_permutations_and_empty() -> None:
    assert _value("det(A)", A=[[0.0, 1.0], [1.0, 0.0]]) == -1.0
    np.testing.assert_array_equal(_gradient("det(A)", A=[[0.0, 1.0], [1.0, 0.0]])["A"], [[0, -1], [-1, 0]])
    assert _value("det(A)", A=np.eye(5)[[1, 2, 3, 4, 0]]) == 1.0


@pytest.mark.parametrize("n", [2, 3, 4, 6])
def test_det_keeps_its_digits_near_singular_matrices(n: int) -> None:
    rng = np.random.default_rng(n)
    for _ in range(5):
        matrix = rng.standard_normal((n, n))
        matrix[-1] = matrix[:-1].sum(axis=0) * (1.0 + 1e-15 * rng.standard_normal(n))
        exact = float(_exact_det(matrix))
        assert _value("det(A)", A=matrix) == pytest.approx(exact, rel=1e-15)
        assert _value("logabsdet(A)", A=matrix) == pytest.approx(np.log(abs(exact)), rel=1e-14)


@pytest.mark.parametrize("matrix", SINGULAR, ids=lambda m: f"{len(m)}x{len(m)}")
def test_what_singular_matrices_do_not_have(matrix: Any) -> None:
    n = len(matrix)
    for text in ("sum(inv(A))", f"sum(solve(A, ones({n})))"):
        assert np.isnan(_value(text, A=matrix))
        assert np.isnan(_gradient(text, A=matrix)["A"]).all()
    assert _value("logabsdet(A)", A=matrix) == -np.inf
    assert np.isnan(_gradient("logabsdet(A)", A=matrix)["A"]).all()


def test_not_positive_definite() -> None:
    for matrix in ([[1.0, 2.0], [2.0, 1.0]], [[-1.0, 0.0], [0.0, 1.0]], [[NAN, 0.0], [0.0, 1.0]]):
        assert np.isnan(_value("sum(chol(A))", A=matrix))
        assert np.isnan(_value("chol(A)[0, 1]", A=matrix))
        assert np.isnan(_gradient("sum(chol(A))", A=matrix)["A"]).all()


def test_repeated_eigenvalues_have_no_derivative_of_their_own() -> None:
    assert np.isnan(_gradient("sum(eigvalsh(A)*[1,2])", A=np.eye(2))["A"]).all()
    # Rounding splits the double eigenvalue 0 of a matrix of ones; only the simple one, 3, has a derivative.
    assert np.isnan(_gradient("eigvalsh(A)[0]", A=np.ones((3, 3)))["A"]).all()
    first = _gradient("eigvalsh(A)[0]", A=[[2.0, 1.0], [1.0, 3.0]])["A"]
    root = np.sqrt(5.0)
    np.testing.assert_allclose(
        first, [[(root + 1) / (2 * root), -1 / root], [-1 / root, (root - 1) / (2 * root)]], rtol=1e-14
    )


def test_known_derivatives() -> None:
    a, b = np.array([[4.0, 1.0], [1.0, 3.0]]), np.array([1.0, 2.0])
    inverse = np.linalg.inv(a)
    np.testing.assert_allclose(_gradient("logabsdet(A)", A=a)["A"], inverse.T, rtol=1e-14)
    np.testing.assert_allclose(_gradient("sum(solve(A, b))", A=a, b=b)["b"], inverse.T @ np.ones(2), rtol=1e-14)
    np.testing.assert_allclose(
        _gradient("sum(solve(A, b))", A=a, b=b)["A"], -np.outer(inverse.T @ np.ones(2), inverse @ b), rtol=1e-14
    )
    # log det A = 2·Σ log Lᵢᵢ
    np.testing.assert_allclose(_gradient("2*sum(log(diag(chol(A))))", A=a)["A"], inverse, rtol=1e-14)
    np.testing.assert_allclose(_gradient("sum(eigvalsh(A)^2)", A=a)["A"], 2 * a, rtol=1e-14)


def test_one_bad_matrix_of_a_batch_spares_the_others() -> None:
    f = diffcli.parse("sum(inv([[x, 2], [2, 4]]))")
    values = f.batch({"x": np.array([0.0, 1.0, 2.0])}).values()
    array = np.asarray(next(iter(values.values())) if isinstance(values, dict) else values)
    alone = [_value("sum(inv([[x, 2], [2, 4]]))", x=x) for x in (0.0, 1.0, 2.0)]
    np.testing.assert_array_equal(array, alone)
    assert np.isnan(array[1])
    assert np.isfinite(array[[0, 2]]).all()


@pytest.mark.parametrize("name", ["det", "logabsdet", "inv", "chol", "eigvalsh"])
def test_only_square_matrices(name: str) -> None:
    with pytest.raises(DiffcliError, match="square"):
        _value(f"{name}(A)", A=np.ones((2, 3)))
    with pytest.raises(DiffcliError, match="rows"):
        _value("solve(A, b)", A=np.eye(2), b=np.ones(3))


def test_the_logarithm_of_a_determinant_of_one_is_nothing() -> None:
    """NumPy's adds up the logarithms of the pivots: 3e-16, whose cube root is 7e-6."""
    assert diffcli.jacobian(diffcli.parse("logabsdet(A)"), {"A": [[-1.75, 2.0], [1.25, -2.0]]}).values == {"f": 0.0}
