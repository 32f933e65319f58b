"""Patterns never miss an element, and are no wider than they need to be."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import diffcli
from diffcli import matrices
from diffcli.bound import Array, bind
from diffcli.derive import adjoint
from diffcli.errors import ExpressionError
from diffcli.evaluation import Plan
from diffcli.graph import Builder, Node
from diffcli.sparsity import Pattern, pattern

from ..primitives.cases import CASES, Case
from ..programs import points, programs
from .programs import point, program


def _dense(found: Pattern) -> np.ndarray:
    """The pattern as a matrix of booleans."""
    matrix = np.zeros(found.shape, bool)
    matrix[found.rows, found.columns] = True
    return matrix


def _one_by_one(output: Node, wrt: list[Node], values: dict[Node, Array]) -> Array:
    """The Jacobian at every point of a batch, one reverse pass an element, with no pattern: (m, n, batch)."""
    builder = output.builder
    seed = builder.input("v", output.shape)
    bars = adjoint([output], [seed], wrt).cotangents
    plan = Plan([bars.get(node, builder.constant(0.0)) for node in wrt])
    batch = max(value.shape[-1] for value in values.values())
    rows = []
    for k in range(output.size):
        hot = np.zeros((output.size, 1))
        hot[k] = 1.0
        found = plan.run({**values, seed: hot.reshape((*output.shape, 1))})
        parts = [np.broadcast_to(bar, (*x.shape, batch)).reshape(-1, batch) for bar, x in zip(found, wrt, strict=True)]
        rows.append(np.concatenate(parts))
    return np.array(rows).reshape(output.size, -1, batch)


@pytest.mark.parametrize("case", [case for case in CASES if case.free], ids=str)
def test_no_primitive_reaches_beyond_its_pattern(case: Case) -> None:
    builder = Builder()
    inputs = case.inputs(builder)
    output = builder.number(case.node(inputs))
    wrt = [inputs[i] for i in case.free]
    found = pattern([output], wrt)
    assert found is not None
    rng = np.random.default_rng(zlib.crc32(str(case).encode()))
    values = dict(zip(inputs, case.draw(rng, 7), strict=True))
    jacobian = _one_by_one(output, wrt, values)
    assert (jacobian[~_dense(found)] == 0.0).all()


EXACT = [
    ("x*2 + 1", np.eye(4)),
    ("x[1:] - x[:-1]", np.eye(3, 4) + np.eye(3, 4, 1)),
    ("x[::-1]", np.eye(4)[::-1]),
    ("concat(x[2:], x[:1])", np.eye(4)[[2, 3, 0]]),
    ("stack(x, x*x)", np.vstack([np.eye(4), np.eye(4)])),
    ("cumsum(x)", np.tril(np.ones((4, 4)))),
    ("[x[0]*x[3], sin(x[2]), 7]", [[1, 0, 0, 1], [0, 0, 1, 0], [0, 0, 0, 0]]),
    ("where(x > x[0], x, 0)", np.eye(4)),
    ("floor(x) + stop(x) + sign(x)", np.zeros((4, 4))),
    ("sum(reshape(x, 2, 2), axis=0)", [[1, 0, 1, 0], [0, 1, 0, 1]]),
    ("max(reshape(x, 2, 2), axis=1)", [[1, 1, 0, 0], [0, 0, 1, 1]]),
    ("sort(reshape(x, 2, 2), axis=1)", [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]]),
    ("reshape(x, 2, 2)'", np.eye(4)[[0, 2, 1, 3]]),
    ("diag(x[:2])", [[1, 0, 0, 0], [0] * 4, [0] * 4, [0, 1, 0, 0]]),
    ("[[1, 0], [2, 0]] @ reshape(x, 2, 2)", [[1, 0, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0]]),
    ("reshape(x, 2, 2) @ [[0, 1], [1, 0]]", [[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]]),
    ("reshape(x, 2, 2) @ reshape(x, 2, 2)", [[1, 1, 1, 0], [1, 1, 0, 1], [1, 0, 1, 1], [0, 1, 1, 1]]),
]


@pytest.mark.parametrize(("text", "wanted"), EXACT, ids=[text for text, _ in EXACT])
def test_the_pattern_is_exact(text: str, wanted: Array) -> None:
    bound = bind(diffcli.parse(text), {"x": np.arange(1.0, 5.0)})
    found = pattern(bound.function.outputs, bound.wrt)
    assert found is not None
    np.testing.assert_array_equal(_dense(found), np.asarray(wanted, bool))


@pytest.mark.parametrize("seed", range(60))
def test_random_programs_stay_inside_their_pattern(seed: int) -> None:
    f = diffcli.parse(program(seed))
    sparse = diffcli.jacobian(f, point(0), sparse=True)
    pulled = [diffcli.vjp(f, point(k)) for k in range(3)]
    inside = np.zeros(sparse.entries.shape, bool)
    inside[sparse.entries.row, sparse.entries.col] = True
    row = 0
    for name, value in pulled[0].values.items():
        for k in range(np.size(value)):
            hot = np.zeros(np.size(value))
            hot[k] = 1.0
            for pull in pulled:
                bars = pull({name: hot.reshape(np.shape(value))})
                outside = np.concatenate([np.ravel(bar) for bar in bars.values()])[~inside[row]]
                assert (outside == 0.0).all()
            row += 1
    assert row == len(inside)


@pytest.mark.parametrize("seed", range(60))
def test_all_ways_to_a_jacobian_agree(seed: int) -> None:
    f, at = diffcli.parse(program(seed)), point(seed)
    pull = diffcli.vjp(f, at)
    rows = []
    for name, value in pull.values.items():
        for k in range(np.size(value)):
            hot = np.zeros(np.size(value))
            hot[k] = 1.0
            rows.append(np.concatenate([np.ravel(bar) for bar in pull({name: hot.reshape(np.shape(value))}).values()]))
    wanted = np.array(rows)
    scale = 1.0 + np.abs(wanted).max()
    best = diffcli.jacobian(f, at)
    for mode in ("auto", "forward", "reverse"):
        found = diffcli.jacobian(f, at, mode=mode)
        assert np.abs(found.matrix - wanted).max() <= 1e-14 * scale
        assert best.passes <= found.passes <= max(wanted.shape)
        assert mode in ("auto", found.mode)
        sparse = diffcli.jacobian(f, at, mode=mode, sparse=True)
        assert np.abs(sparse.entries.toarray() - wanted).max() <= 1e-14 * scale
        assert (sparse.rows, sparse.columns) == (found.rows, found.columns)


def test_a_limit_gives_up_before_the_work_is_done() -> None:
    bound = bind(diffcli.parse("cumsum(x) * sum(x)"), {"x": np.ones(400)})
    assert pattern(bound.function.outputs, bound.wrt, limit=50_000) is None
    assert pattern(bound.function.outputs, bound.wrt, limit=1_000_000) is not None


def test_the_pattern_of_nothing() -> None:
    f = diffcli.parse("3*y + 0*x")
    sparse = diffcli.jacobian(f, {"x": 1.0, "y": np.zeros(0)}, sparse=True)
    assert sparse.entries.shape == (0, 1)
    assert sparse.passes == 0
    constant = diffcli.jacobian(diffcli.parse("input x; f = [1, 2]"), {"x": 1.0}, sparse=True)
    assert constant.entries.shape == (2, 1)
    assert constant.entries.nnz == constant.passes == 0


def test_a_pattern_too_costly_to_find_is_a_full_matrix_or_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    at = {"x": np.arange(1.0, 6.0)}
    monkeypatch.setattr(matrices, "MOST", 10)
    found = diffcli.jacobian(diffcli.parse("x^2"), at, sparse=True)
    assert found.entries.nnz == 25
    np.testing.assert_array_equal(found.entries.toarray(), np.diag(2 * at["x"]))
    second = diffcli.hessian(diffcli.parse("sum(x^3)"), at, sparse=True)
    np.testing.assert_array_equal(second.entries.toarray(), np.diag(6 * at["x"]))
    monkeypatch.setattr(matrices, "FULL", 10)
    with pytest.raises(ExpressionError, match="5 × 5 matrix costs more than 10 entries"):
        diffcli.jacobian(diffcli.parse("x^2"), at, sparse=True)


def test_a_dense_matrix_whose_pattern_is_not_worth_it_takes_a_pass_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrices, "WORTH", 10)
    found = diffcli.jacobian(diffcli.parse("x^2"), {"x": np.arange(1.0, 6.0)})
    assert found.passes == 5
    np.testing.assert_array_equal(found.matrix, np.diag(2 * np.arange(1.0, 6.0)))


@settings(max_examples=60)
@given(programs(), st.lists(points(), min_size=1, max_size=3))
def test_programs_with_kinks_and_branches_stay_inside_their_pattern(text: str, at: list[dict[str, Any]]) -> None:
    f = diffcli.parse(text)
    places = [{name: point[name] for name in f.inputs} for point in at]
    if not f.inputs:
        return
    entries = diffcli.jacobian(f, places[0], sparse=True).entries
    inside = np.zeros(entries.shape, bool)
    inside[entries.row, entries.col] = True
    for place in places:
        pull, row = diffcli.vjp(f, place), 0
        for name, value in pull.values.items():
            for k in range(np.size(value)):
                hot = np.zeros(np.size(value))
                hot[k] = 1.0
                bars = pull({name: hot.reshape(np.shape(value))})
                outside = np.concatenate([np.ravel(bar) for bar in bars.values()])[~inside[row]]
                assert (outside == 0.0).all()
                row += 1


@settings(max_examples=60)
@given(programs(scalar=True, smooth=True), points(smooth=True))
def test_hessians_of_smooth_programs(text: str, at: dict[str, Any]) -> None:
    """The compressed one is the one column by column, which is symmetric and inside the pattern."""
    f = diffcli.parse(text)
    if not f.inputs:
        return
    place = {name: at[name] for name in f.inputs}
    found = diffcli.hessian(f, place)
    entries = diffcli.hessian(f, place, sparse=True).entries
    columns = []
    for name, value in place.items():
        for k in range(value.size):
            hot = np.zeros(value.size)
            hot[k] = 1.0
            u = {each: np.zeros(np.shape(part)) for each, part in place.items()} | {name: hot.reshape(value.shape)}
            columns.append(np.concatenate([np.ravel(part) for part in diffcli.hvp(f, place, u).values()]))
    whole = np.array(columns).T
    scale = max(1.0, np.abs(whole).max(initial=0.0))
    assert np.abs(whole - whole.T).max(initial=0.0) <= 1e-12 * scale
    assert np.abs(found.matrix - whole).max(initial=0.0) <= 1e-12 * scale
    np.testing.assert_allclose(entries.toarray(), found.matrix, rtol=0, atol=1e-13 * scale)
    inside = np.zeros(entries.shape, bool)
    inside[entries.row, entries.col] = True
    assert (whole[~inside] == 0.0).all()


@pytest.mark.parametrize(
    ("source", "at", "wanted"),
    [
        ("[floor(x), where(y > 0, 1, z), sign(x)*y]", {"x": 1, "y": 1, "z": 1}, ["100", "011", "110"]),
        ("[stop(x)*y, x < z]", {"x": 1, "y": 1, "z": 1}, ["010", "101"]),
        ("[[1, 0], [2, 3]] @ v", {"v": [1, 1]}, ["11", "11"]),
        ("sort(v)*[1, x]", {"v": [1, 2], "x": 1}, ["110", "111"]),
    ],
)
def test_what_decides_counts_where_values_are_asked_for(source: str, at: dict[str, Any], wanted: list[str]) -> None:
    """A jump has no slope, but it changes the value; what is stopped is held still, whatever it is."""
    bound = bind(diffcli.parse(source), at)
    found = pattern(bound.function.outputs, bound.wrt, deciding=True)
    assert found is not None
    assert ["".join(map(str, row)) for row in _dense(found).astype(int)] == wanted


@settings(max_examples=60)
@given(programs(scalar=False), points())
def test_no_value_changes_with_what_the_deciding_pattern_leaves_out(text: str, at: dict[str, Any]) -> None:
    f = diffcli.parse(text.replace("stop(", "("))
    if not f.inputs:
        return
    place = {name: np.asarray(at[name], dtype=float) for name in f.inputs}
    bound = bind(f, place)
    found = pattern(bound.function.outputs, bound.wrt, deciding=True)
    assert found is not None
    touched = _dense(found)

    def values(point: dict[str, Any]) -> Any:
        return np.concatenate([np.ravel(np.asarray(x, dtype=float)) for x in diffcli.evaluate(f, point).values()])

    here, column = values(place), 0
    for node in bound.wrt:
        name = str(node.params[0])
        for k in range(node.size):
            for other in (-3.5, np.nan):
                moved = place[name].copy()
                moved.flat[k] = other
                changed = ~((here == (there := values({**place, name: moved}))) | (np.isnan(here) & np.isnan(there)))
                assert not (changed & ~touched[:, column]).any()
            column += 1
