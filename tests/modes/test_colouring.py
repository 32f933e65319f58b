"""Colours: no two columns that share a row agree, and every entry can be read out of the sums."""

from __future__ import annotations

import numpy as np
import pytest

from diffcli import colouring
from diffcli.sparsity import Pattern, from_keys


def _pattern(matrix: np.ndarray) -> Pattern:
    rows, columns = np.nonzero(matrix)
    return from_keys(rows * matrix.shape[1] + columns, len(matrix), matrix.shape[1])


def _random(seed: int, m: int, n: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.random((m, n)) < rng.uniform(0.02, 0.4)


@pytest.mark.parametrize("seed", range(40))
def test_columns_of_one_colour_share_no_row(seed: int) -> None:
    matrix = _random(seed, 25, 40)
    pattern = _pattern(matrix)
    for side, found in ((matrix, colouring.of_columns(pattern)), (matrix.T, colouring.of_rows(pattern))):
        for colour in range(found.passes):
            assert side[:, found.colours == colour].sum(axis=1).max() <= 1
        assert ((found.colours < 0) == ~side.any(axis=0)).all()
        assert found.passes >= side.sum(axis=1).max()


@pytest.mark.parametrize("seed", range(40))
def test_every_entry_of_a_symmetric_matrix_is_read_from_the_sums(seed: int) -> None:
    matrix = _random(seed, 30, 30)
    matrix |= matrix.T
    if seed % 2:
        np.fill_diagonal(matrix, False)
    rng = np.random.default_rng(seed)
    numbers = np.where(matrix, rng.standard_normal(matrix.shape), 0.0)
    numbers = numbers + numbers.T
    found = _pattern(matrix)
    shared = colouring.symmetric(found)
    sums = np.zeros((30, shared.passes))
    for j, colour in enumerate(shared.colours):
        if colour >= 0:
            sums[:, colour] += numbers[:, j]
    rows, colours = colouring.readable(found, shared)
    back = np.zeros(matrix.shape)
    back[found.rows, found.columns] = sums[rows, colours]
    np.testing.assert_array_equal(back, numbers)
    assert shared.passes <= colouring.of_columns(found).passes + 3


def _banded(n: int, width: int) -> np.ndarray:
    i = np.arange(n)
    return np.abs(i[:, None] - i) <= width


def _arrow(n: int) -> np.ndarray:
    matrix = np.eye(n, dtype=bool)
    matrix[-1] = matrix[:, -1] = True
    return matrix


@pytest.mark.parametrize("width", [0, 1, 2, 5])
def test_a_band_takes_as_many_colours_as_it_is_wide(width: int) -> None:
    found = _pattern(_banded(200, width))
    assert colouring.of_columns(found).passes == colouring.of_rows(found).passes == 2 * width + 1
    assert colouring.symmetric(found).passes <= 2 * width + 1


def test_symmetry_makes_an_arrow_cheap() -> None:
    found = _pattern(_arrow(50))
    assert colouring.of_columns(found).passes == 50
    assert colouring.symmetric(found).passes == 2


def test_a_stencil_takes_few_colours() -> None:
    n = 20
    i, j = np.divmod(np.arange(n * n), n)
    near = np.abs(i[:, None] - i) + np.abs(j[:, None] - j) <= 1
    assert colouring.of_columns(_pattern(near)).passes <= 7


def test_nothing_takes_no_colour() -> None:
    found = _pattern(np.zeros((3, 4), bool))
    assert colouring.of_columns(found).passes == 0
    assert (colouring.of_columns(found).colours == -1).all()
    assert colouring.symmetric(_pattern(np.zeros((4, 4), bool))).passes == 0
