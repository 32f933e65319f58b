"""Hessians, their products with vectors, and pushforwards."""

from __future__ import annotations

import copy
import math
import pickle
import tracemalloc
from typing import Any

import numpy as np
import pytest

import diffcli
from diffcli import sweeps
from diffcli.errors import ExpressionError, UsageError

from ..oracles import load
from .programs import point, program

POINTS = [
    pytest.param(problem, point, id=f"{problem['name']}x{point['factor']}")
    for problem in load("mgh_unconstrained")["problems"]
    for point in problem["points"]
    if point.get("hess_upper_by_col")
]


def test_there_are_published_hessians() -> None:
    assert len(POINTS) >= 15


@pytest.mark.parametrize(("problem", "at"), POINTS)
def test_more_garbow_hillstrom(problem: dict[str, Any], at: dict[str, Any]) -> None:
    n = problem["n"]
    inputs = ", ".join(f"x{i + 1}" for i in range(n))
    program = diffcli.parse(f"input {inputs}\nreturn_ = {problem['f_expr']}")
    wanted = np.zeros((n, n))
    wanted.T[np.tril_indices(n)] = at["hess_upper_by_col"]
    wanted = np.triu(wanted) + np.triu(wanted, 1).T
    found = diffcli.hessian(program, dict(zip(program.inputs, at["x"], strict=True)))
    assert np.linalg.norm(found.matrix - wanted) <= 1e-10 * np.linalg.norm(wanted)


@pytest.mark.parametrize("seed", range(40))
def test_hessians_of_random_programs(seed: int) -> None:
    """Symmetric, the tangent of the gradient in every direction, the same by its entries, and inside its pattern."""
    f, at = diffcli.parse(program(seed, scalar=True, length=8)), point(seed)
    found = diffcli.hessian(f, at)
    n = len(found.columns)
    columns = []
    for k in range(n):
        hot = np.zeros(n)
        hot[k] = 1.0
        product = diffcli.hvp(f, at, _parted(hot, at))
        columns.append(_flat(product))
    one_by_one = np.array(columns).T
    scale = 1.0 + np.abs(one_by_one).max()
    assert np.abs(one_by_one - one_by_one.T).max() <= 1e-13 * scale
    assert np.abs(found.matrix - one_by_one).max() <= 1e-13 * scale
    np.testing.assert_array_equal(found.matrix, found.matrix.T)
    sparse = diffcli.hessian(f, at, sparse=True)
    np.testing.assert_allclose(sparse.entries.toarray(), found.matrix, rtol=0, atol=1e-14 * scale)
    inside = np.zeros((n, n), bool)
    inside[sparse.entries.row, sparse.entries.col] = True
    assert (one_by_one[~inside] == 0.0).all()
    value, gradient = diffcli.value_and_grad(f, at)
    assert found.value == sparse.value == value
    assert _flat(found.gradient).tolist() == _flat(gradient).tolist()
    u = np.random.default_rng(seed).standard_normal(n)
    assert np.abs(_flat(diffcli.hvp(f, at, _parted(u, at))) - one_by_one @ u).max() <= 1e-13 * n * scale


def _parted(flat: np.ndarray, at: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    ends = np.cumsum([value.size for value in at.values()])[:-1]
    return {name: part.reshape(at[name].shape) for name, part in zip(at, np.split(flat, ends), strict=True)}


def _flat(values: dict[str, Any]) -> np.ndarray:
    return np.concatenate([np.ravel(value) for value in values.values()])


@pytest.mark.parametrize("seed", range(60))
def test_the_two_modes_are_each_others_transpose(seed: int) -> None:
    """⟨v, J·u⟩ = ⟨Jᵀ·v, u⟩ for random programs, scaled by the sum of the terms' sizes."""
    f, at = diffcli.parse(program(seed)), point(seed)
    rng = np.random.default_rng(seed)
    pull, push = diffcli.vjp(f, at), diffcli.linearize(f, at)
    u = {name: rng.standard_normal(np.shape(at[name])) for name in pull.wrt}
    v = {name: rng.standard_normal(np.shape(value)) for name, value in pull.values.items()}
    forward, backward = push(u), pull(v)
    left = _flat(v) * _flat(forward)
    right = _flat(u) * _flat(backward)
    matrix = np.abs(diffcli.jacobian(f, at).matrix)
    scale = np.abs(_flat(v)) @ matrix @ np.abs(_flat(u))
    assert abs(left.sum() - right.sum()) <= 1e-14 * max(scale, 1.0)
    assert {k: np.shape(x) for k, x in forward.items()} == {k: np.shape(x) for k, x in pull.values.items()}
    assert push.values.keys() == pull.values.keys()


def test_pushforward_by_name_and_by_vector() -> None:
    f = diffcli.parse("param s = 2\nr = s*x*w[0]\nq = x + w")
    at = {"x": 3.0, "w": [1.0, 2.0]}
    push = diffcli.linearize(f, at)
    assert push.wrt == ("x", "w")
    assert push.values["r"] == 6.0
    assert push({"x": 1.0})["r"] == 2.0
    assert push([1.0, 10.0, 20.0])["q"].tolist() == [11.0, 21.0]
    assert diffcli.jvp(f, at, {"s": 1.0})["r"] == 3.0
    assert diffcli.jvp(f, at, {"w": 1.0})["q"].tolist() == [1.0, 1.0]
    assert diffcli.linearize(diffcli.parse("x^2"), {"x": 3.0}).value == 9.0


def test_hvp_for_scipy() -> None:
    f = diffcli.parse("input x, y; 100*(y - x^2)^2 + (1 - x)^2")
    product = diffcli.hvp(f, [-1.2, 1.0], [1.0, -1.0])
    np.testing.assert_allclose(product, [1200 * 1.44 - 400 + 2 - 480, 480 - 200], rtol=1e-14)
    assert diffcli.hvp(f, {"x": -1.2, "y": 1.0}, {"y": 1.0}) == {"x": 480.0, "y": 200.0}


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (lambda f, at: diffcli.jvp(f, at, {"z": 1}), "unknown-variable"),
        (lambda f, at: diffcli.linearize(f, at, wrt=["x"])({"w": 1}), "unknown-variable"),
        (lambda f, at: diffcli.jvp(f, at, {"w": [1, 2, 3]}), "tangent-shape"),
        (lambda f, at: diffcli.linearize(f, at)([1.0, 2.0]), "tangent-shape"),
        (lambda f, at: diffcli.hessian(f, at), "not-scalar"),
        (lambda f, at: diffcli.hvp(f, at, {"x": 1}), "not-scalar"),
        (lambda f, at: diffcli.hessian(diffcli.parse("a=x; b=x"), {"x": 1}), "not-scalar"),
        (lambda f, at: diffcli.jacobian(f, at, mode="sideways"), "mode"),
    ],
)
def test_what_cannot_be_is_refused(act: Any, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        act(diffcli.parse("x*w"), {"x": 1.0, "w": [1.0, 2.0]})
    assert caught.value.code == code


INF = float("inf")


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
@pytest.mark.parametrize(
    ("text", "at", "wanted"),
    [
        ("[sqrt(x), x]", {"x": 0.0}, [[INF], [1.0]]),
        ("sqrt(w)", {"w": [0.0, 1.0]}, [[INF, 0.0], [0.0, 0.5]]),
        ("sqrt(x) + y", {"x": 0.0, "y": 1.0}, [[INF, 1.0]]),
        ("[sqrt(w[0])*w[1], w[1], 1/w[2]]", {"w": [0.0, 1.0, 0.0]}, [[INF, 0, 0], [0, 1, 0], [0, 0, -INF]]),
        ("w + sum(sqrt(w))", {"w": [0.0, 4.0]}, [[INF, 0.25], [INF, 1.25]]),
    ],
)
def test_an_infinite_partial_hides_no_other_entry(mode: Any, text: str, at: dict[str, Any], wanted: Any) -> None:
    f = diffcli.parse(text)
    np.testing.assert_array_equal(diffcli.jacobian(f, at, mode=mode).matrix, wanted)
    np.testing.assert_array_equal(diffcli.jacobian(f, at, mode=mode, sparse=True).entries.toarray(), wanted)


def test_a_real_nan_stays() -> None:
    found = diffcli.jacobian(diffcli.parse("[x*sqrt(y), log(z), x]"), {"x": 0.0, "y": 0.0, "z": -1.0}).matrix
    np.testing.assert_array_equal(found, [[0, np.nan, 0], [0, 0, np.nan], [1, 0, 0]])


def test_outputs_left_out_of_a_cotangent_give_nothing() -> None:
    pull = diffcli.vjp(diffcli.parse("a = sqrt(x); b = 3*x"), {"x": 0.0})
    assert pull({"b": 1.0}) == {"x": 3.0}
    assert pull({"a": 1.0}) == {"x": INF}
    # A 0 asks for nothing either, as in a row of the Jacobian.
    assert pull({"a": 0.0, "b": 1.0}) == {"x": 3.0}


def test_a_hessian_with_an_infinite_entry() -> None:
    found = diffcli.hessian(diffcli.parse("x^1.5 + x*y + y^3"), {"x": 0.0, "y": 2.0})
    np.testing.assert_array_equal(found.matrix, [[INF, 1.0], [1.0, 12.0]])


def test_a_hessian_with_an_untaken_branch() -> None:
    f = diffcli.parse("where(x > 0, sqrt(x)*y, y^2)")
    np.testing.assert_array_equal(diffcli.hessian(f, {"x": 0.0, "y": 3.0}).matrix, [[0.0, 0.0], [0.0, 2.0]])


ROSENBROCK = "concat(10*(x[1:] - x[:-1]^2), 1 - x[:-1])"


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize(("text", "at"), [("3", {}), ("3 + sum(x)", {"x": []})])
def test_a_hessian_by_nothing(text: str, at: dict[str, Any], sparse: bool) -> None:
    found = diffcli.hessian(diffcli.parse(text), at, sparse=sparse)
    assert found.value == 3
    assert np.asarray(found).shape == (0, 0)


def test_the_sparse_path_never_takes_room_for_the_whole_matrix() -> None:
    n = 20_000
    f, h = diffcli.parse(ROSENBROCK), diffcli.parse("sum(100*(x[1:] - x[:-1]^2)^2 + (1 - x[:-1])^2)")
    x = np.linspace(-1.2, 1.0, n)
    tracemalloc.start()
    jacobian = diffcli.jacobian(f, {"x": x}, sparse=True)
    hessian = diffcli.hessian(h, {"x": x}, sparse=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert jacobian.entries.shape == (2 * n - 2, n)
    assert jacobian.entries.nnz == 3 * (n - 1)
    assert jacobian.passes <= 2
    assert hessian.entries.nnz == 3 * n - 2
    assert hessian.passes <= 3
    assert peak < 40e6  # of 6.4 GB
    row, col, data = jacobian.entries.row, jacobian.entries.col, jacobian.entries.data
    diagonal = (row < n - 1) & (row == col)
    np.testing.assert_allclose(data[diagonal], -20 * x[:-1], rtol=1e-15)
    assert (data[(row < n - 1) & (row + 1 == col)] == 10.0).all()


def test_a_hundred_thousand_columns() -> None:
    n = 100_000
    found = diffcli.jacobian(diffcli.parse(ROSENBROCK), {"x": np.linspace(-1.2, 1.0, n)}, sparse=True)
    assert found.entries.shape == (2 * n - 2, n)
    assert (found.mode, found.passes) == ("forward", 2)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))], ids=["copy", "pickle"])
@pytest.mark.parametrize("sparse", [False, True])
def test_matrices_go_through_pickle_and_copy(copied: Any, sparse: bool) -> None:
    """Other processes want them (a result that held its graph could not go there)."""
    f, g = diffcli.parse("y = x^2*a; z = x[0]; return y, z"), diffcli.parse("sum(x^3)*a")
    at = {"x": [1.0, 2.0], "a": 3.0}
    first = diffcli.jacobian(f, at, sparse=True) if sparse else diffcli.jacobian(f, at)
    second = diffcli.hessian(g, at, sparse=True) if sparse else diffcli.hessian(g, at)
    np.testing.assert_array_equal(copied(first), [[6.0, 0.0, 1.0], [0.0, 12.0, 4.0], [1.0, 0.0, 0.0]])
    np.testing.assert_array_equal(copied(second), [[18.0, 0.0, 3.0], [0.0, 36.0, 12.0], [3.0, 12.0, 0.0]])
    assert copied(first).rows == ("y[0]", "y[1]", "z")
    assert copied(first).columns == copied(second).columns == ("x[0]", "x[1]", "a")


def test_sparse_results_are_scipys_where_scipy_is(monkeypatch: pytest.MonkeyPatch) -> None:
    from scipy.sparse import csr_array

    found = diffcli.jacobian(diffcli.parse(ROSENBROCK), {"x": np.arange(4.0)}, sparse=True)
    assert isinstance(found.matrix, csr_array)
    np.testing.assert_array_equal(found.matrix.toarray(), found.entries.toarray())
    monkeypatch.setitem(__import__("sys").modules, "scipy.sparse", None)
    assert found.matrix is found.entries
    np.testing.assert_array_equal(np.asarray(found), found.entries.toarray())
    np.testing.assert_array_equal(np.asarray(found.entries), found.entries.toarray())
    second = diffcli.hessian(diffcli.parse("x[0]*x[1]"), {"x": np.ones(3)}, sparse=True)
    assert second.columns == ("x[0]", "x[1]", "x[2]")
    np.testing.assert_array_equal(np.asarray(second), [[0, 1, 0], [1, 0, 0], [0, 0, 0]])
    dense = diffcli.hessian(diffcli.parse("x[0]*x[1]"), {"x": np.ones(2)})
    np.testing.assert_array_equal(np.asarray(dense), [[0, 1], [1, 0]])


@pytest.mark.parametrize("what", [diffcli.jacobian, diffcli.hessian])
def test_whoever_writes_to_a_sparse_result_harms_nobody(what: Any) -> None:
    f = diffcli.parse("x^2" if what is diffcli.jacobian else "sum(x^2)")
    point = {"x": np.ones(3)}
    entries = what(f, point, sparse=True).entries
    for part in (entries.row, entries.col, entries.data):
        part[:] = 0
    np.testing.assert_array_equal(what(f, point, sparse=True).entries.toarray(), 2 * np.eye(3))


def test_a_full_hessian_is_symmetric_to_the_bit() -> None:
    f = diffcli.parse("exp(x*y)*sin(x + 0.3*y)*norm([x, y, z])")
    rng = np.random.default_rng(1)
    for _ in range(50):
        matrix = diffcli.hessian(f, rng.uniform(0.1, 2.0, 3)).matrix
        np.testing.assert_array_equal(matrix, matrix.T)


def test_rows_that_are_not_finite_have_a_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """√x at 0, n times beside one x[0], would take a pass a row."""
    f = diffcli.parse("sqrt(x) + x[0]")
    whole = diffcli.jacobian(f, {"x": np.zeros(5)}, sparse=True).entries.toarray()
    assert whole[3].tolist() == [1.0, 0.0, 0.0, math.inf, 0.0]
    monkeypatch.setattr(sweeps, "MENDING_NUMBERS", 10)
    f = diffcli.parse("sqrt(x) + x[0]")
    for options in ({"sparse": True}, {"sparse": False}):
        first = diffcli.jacobian(f, {"x": np.zeros(5)}, **options)
        assert np.asarray(first).diagonal()[1:].tolist() == [math.inf] * 4


def test_a_whole_matrix_keeps_to_the_limit_on_memory() -> None:
    """80 GB that nobody has were asked of the machine; what just fits the machine went past the limit unseen."""
    f, g = diffcli.parse("x^2", max_bytes=10**6), diffcli.parse("sum(x^3)", max_bytes=10**6)
    for size, fits in ((353, True), (354, False)):  # 8·353² bytes
        at = {"x": np.linspace(0.0, 1.0, size)}
        acts: list[tuple[Any, Any]] = [(diffcli.jacobian, f), (diffcli.hessian, g)]
        for act, function in acts:
            assert act(function, at, sparse=True).entries.nnz == size
            if fits:
                assert act(function, at).matrix.shape == (size, size)
                continue
            with pytest.raises(ExpressionError, match="a whole matrix of 354 × 354 numbers") as caught:
                act(function, at)
            assert caught.value.code == "limit"
            assert "--sparse" in (caught.value.hint or "")
