"""Functions of matrices in arbitrary precision, against fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import diffcli
from diffcli.diagnosis import examine


def hilbert(n: int) -> list[list[float]]:
    return [[1 / (i + j + 1) for j in range(n)] for i in range(n)]


def solved(a: list[list[float]], b: list[float]) -> list[Fraction]:
    """The x with a·x = b, of the doubles themselves."""
    rows = [[*map(Fraction, row), Fraction(x)] for row, x in zip(a, b, strict=True)]
    for k in range(len(rows)):
        pivot = next(i for i in range(k, len(rows)) if rows[i][k])
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [x / rows[k][k] for x in rows[k]]
        for i, row in enumerate(rows):
            if i != k:
                rows[i] = [x - row[k] * y for x, y in zip(row, rows[k], strict=True)]
    return [row[-1] for row in rows]


@pytest.mark.parametrize("source", ["sum(inv(A))", "sum(solve(A, ones(n)))"])
@pytest.mark.parametrize("n", [9, 12])
def test_a_matrix_that_is_nearly_singular_has_its_inverse(source: str, n: int) -> None:
    """Its determinant is 2^-258: at 160 and at 256 bits it seems to be none."""
    (finding,) = examine(diffcli.parse(source.replace("(n)", f"({n})")), {"A": hilbert(n)}, "eval")
    assert finding.refined is not None
    assert finding.refined["values"]["f"] == float(sum(solved(hilbert(n), [1.0] * n)))


def test_a_singular_matrix_has_none_at_any_precision() -> None:
    for a in ([[1.0, 2.0], [2.0, 4.0]], np.outer([1, 2, 3], [1 / 7, 2 / 7, 5.0]).tolist()):
        (finding,) = examine(diffcli.parse("inv(A)[0, 0]"), {"A": a}, "eval")
        assert finding.code in ("domain", "pole", "cancellation")
