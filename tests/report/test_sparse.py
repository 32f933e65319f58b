"""Sparse matrices: files that SciPy reads, and pictures."""

from __future__ import annotations

import io

import numpy as np
import pytest
import scipy.io
import scipy.sparse

from diffcli.errors import UsageError
from diffcli.report import as_csv, as_mtx, as_numpy
from diffcli.report.console import render
from diffcli.report.pictures import picture
from diffcli.report.result import Entries, not_finite

from . import examples

WHOLE = np.array([[0.5, 0.0, -1.0], [0.0, np.inf, 0.0]])


def test_scipy_loads_the_npz() -> None:
    found = scipy.sparse.load_npz(io.BytesIO(as_numpy.npz(examples.SPARSE)))
    np.testing.assert_array_equal(found.toarray(), WHOLE)
    found = scipy.sparse.load_npz(io.BytesIO(as_numpy.npz(examples.SPARSE_HESSIAN)))
    np.testing.assert_array_equal(found.toarray(), [[0, 1], [1, 0]])


def test_scipy_reads_the_mtx() -> None:
    found = scipy.io.mmread(io.BytesIO(as_mtx.render(examples.SPARSE).encode()))
    assert scipy.sparse.issparse(found)
    np.testing.assert_array_equal(found.toarray(), WHOLE)
    assert as_mtx.render(examples.SPARSE).splitlines()[:3] == [
        "%%MatrixMarket matrix coordinate real general", "2 3 3", "1 1 0.5",
    ]  # fmt: skip
    jacobian, hessian = examples.JACOBIAN, examples.HESSIAN
    for dense, wanted in ((jacobian, jacobian.jacobian), (hessian, hessian.hessian)):
        np.testing.assert_array_equal(scipy.io.mmread(io.BytesIO(as_mtx.render(dense).encode())), wanted)


def test_what_has_no_matrix_is_refused() -> None:
    with pytest.raises(UsageError, match="grad has no matrix"):
        as_mtx.render(examples.GRAD)
    with pytest.raises(UsageError, match="whole arrays"):
        as_numpy.npy(examples.SPARSE)


def test_whole_matrices_and_products_in_numpys_files() -> None:
    np.testing.assert_array_equal(np.load(io.BytesIO(as_numpy.npy(examples.HESSIAN))), examples.HESSIAN.hessian)
    assert np.load(io.BytesIO(as_numpy.npy(examples.JVP))).tolist() == [0.6, -0.16]
    assert np.load(io.BytesIO(as_numpy.npy(examples.HVP))).tolist() == [4.0, 2.0]
    assert list(np.load(io.BytesIO(as_numpy.npz(examples.HESSIAN)))) == ["f", "d_x", "d_y", "hessian", "columns"]
    assert list(np.load(io.BytesIO(as_numpy.npz(examples.JVP)))) == ["r", "theta", "dot_r", "dot_theta"]
    assert list(np.load(io.BytesIO(as_numpy.npz(examples.HVP)))) == ["f", "d_x", "d_y", "hvp_x", "hvp_y"]


def test_csv() -> None:
    assert as_csv.render(examples.SPARSE) == ("f[0],f[1],d_f[0]_x[0],d_f[0]_x[2],d_f[1]_x[1]\n1,2,0.5,-1,Infinity\n")
    assert as_csv.render(examples.HESSIAN) == "f,d_x,d_y,d2_x_x,d2_x_y,d2_y_x,d2_y_y\n2,4,1,4,2,2,0\n"
    assert as_csv.render(examples.JVP).splitlines()[0] == "r,theta,dot_r,dot_theta"
    assert as_csv.render(examples.HVP) == "f,d_x,d_y,hvp_x,hvp_y\n2,4,1,4,2\n"


def test_higher_orders() -> None:
    assert as_csv.render(examples.ORDERS) == "f,d_x,d2_x,d3_x,d4_x\n8,12,12,6,0\n"
    assert np.load(io.BytesIO(as_numpy.npy(examples.ORDERS))).tolist() == [8, 12, 12, 6, 0]
    assert list(np.load(io.BytesIO(as_numpy.npz(examples.ORDERS)))) == ["f", "d_x", "d2_x", "d3_x", "d4_x"]
    assert not_finite(examples.ORDERS._replace(derivatives=[1.0, np.nan, 0.0, np.inf, np.inf])) == [
        "f'", "f'''", "f^(4)",
    ]  # fmt: skip


def test_what_is_not_finite_is_named() -> None:
    assert not_finite(examples.SPARSE) == ["df[1]/dx[1]"]
    assert not_finite(examples.HESSIAN._replace(hessian=np.array([[np.nan, 0], [0, 0]]))) == ["dx/dx"]
    assert not_finite(examples.JVP._replace(jvp={"r": np.inf})) == ["jvp of r"]
    assert not_finite(examples.HVP._replace(hvp={"x": np.nan})) == ["hvp of x"]


def _entries(matrix: np.ndarray) -> Entries:
    row, col = np.nonzero(matrix)
    return Entries("coo", matrix.shape, row, col, matrix[row, col])


def test_a_picture_has_a_dot_an_entry() -> None:
    assert picture(_entries(np.eye(8)), 64, 24, signs=True) == ["⠑⢄⠀⠀", "⠀⠀⠑⢄"]
    assert picture(_entries(np.eye(3)), 64, 24, signs=False) == ["#..", ".#.", "..#"]
    assert picture(_entries(np.ones((4, 2))), 64, 24, signs=True) == ["⣿"]
    assert picture(_entries(np.ones((1, 1))), 64, 24, signs=True) == ["⠁"]


@pytest.mark.parametrize("shape", [(1000, 1000), (5, 100_000), (100_000, 5), (1999, 1000), (97, 3)])
@pytest.mark.parametrize("signs", [True, False])
def test_a_large_picture_is_shrunk_and_misses_nothing(shape: tuple[int, int], signs: bool) -> None:
    m, n = shape
    entries = Entries("coo", shape, np.array([0, m - 1]), np.array([0, n - 1]), np.ones(2))
    lines = picture(entries, 40, 20, signs=signs)
    assert len(lines) <= 20
    assert {len(line) for line in lines} == {max(map(len, lines))}
    assert len(lines[0]) <= 40
    blank = "⠀" if signs else "."
    assert lines[0][0] != blank
    assert lines[-1][-1] != blank
    assert sum(char != blank for line in lines for char in line) == 2


def test_a_terminal_gets_the_picture() -> None:
    shown = render(examples.SPARSE, width=80, colour=False)
    assert "Jacobian (2×3) in forward mode, 2 passes of 3\n3 entries, density 50 %\n⠑⠁\n" in shown
    assert "#.#\n.#.\n" in render(examples.SPARSE, width=80, colour=False, unicode=False)


def test_nothing_stored_is_no_picture() -> None:
    none = np.zeros(0, np.int64)
    empty = examples.SPARSE._replace(jacobian=Entries("coo", (2, 3), none, none, np.zeros(0)))
    assert render(empty, width=80, colour=False).endswith("0 entries, density 0 %\n")
