"""Matrices written out as one graph: every entry has the bits that the passes of one point give it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import diffcli
from diffcli import unrolled
from diffcli.evaluation import Plan
from tests.batching.test_arrays import bits
from tests.programs import SHAPES, points, programs


def stacked(rows: list[dict[str, Any]], names: tuple[str, ...]) -> dict[str, np.ndarray]:
    return {name: np.array([row[name] for row in rows]) for name in names}


@given(text=programs(), rows=st.lists(points(), min_size=2, max_size=3))
def test_the_jacobians_of_random_programs(text: str, rows: list[dict[str, Any]]) -> None:
    program = diffcli.parse(text)
    names = tuple(name for name in program.inputs if name in SHAPES)
    if not names:
        return
    batch = program.batch(stacked(rows, names))
    for mode in ("auto", "forward", "reverse"):
        many = batch.jacobian(mode=mode)
        for i, row in enumerate(rows):
            alone = diffcli.jacobian(program, {name: row[name] for name in names}, mode=mode)
            assert bits(many.matrix[i]) == bits(alone.matrix)


@given(text=programs(scalar=True, smooth=True), rows=st.lists(points(smooth=True), min_size=2, max_size=2))
def test_the_hessians_of_random_programs(text: str, rows: list[dict[str, Any]]) -> None:
    program = diffcli.parse(text)
    names = tuple(name for name in program.inputs if name in SHAPES)
    if not names:
        return
    many = program.batch(stacked(rows, names)).hessian()
    for i, row in enumerate(rows):
        alone = diffcli.hessian(program, {name: row[name] for name in names})
        assert bits(many.matrix[i]) == bits(alone.matrix)
        assert bits(many.value[i]) == bits(alone.value)


def test_what_is_zero_by_structure_is_not_computed() -> None:
    """Three outputs of one variable each: three derivatives of one operation each, and nothing for the zeros."""
    program = diffcli.parse("[sin(x), exp(y), x*y]")
    batch = program.batch({"x": np.linspace(0, 1, 50), "y": np.linspace(1, 2, 50)})
    found = batch.jacobian()
    made = sorted(node.op.name for node in _plan(batch).order if node.op.name != "add")  # sums make the witness
    assert made == ["cos", "exp", "input", "input", "multiply", "sin", "stack"]
    assert not found.matrix[:, 0, 1].any()
    np.testing.assert_array_equal(found.matrix[:, 2, 1], np.linspace(0, 1, 50))


def _plan(batch: diffcli.Batch) -> Plan:
    bound = batch.bound()
    plan: Plan = bound.once("unrolled:auto", pytest.fail).plan
    return plan


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_matrices_too_large_to_be_written_out_go_through_sweeps(mode: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "r = [x*y*w[0], sin(w[1]*x), w[2]]\ns = sum(w)*x\nreturn r, s"
    rng = np.random.default_rng(0)
    at = {"x": rng.standard_normal(40), "y": rng.standard_normal(40), "w": rng.standard_normal((40, 3))}
    written = diffcli.parse(text).batch(at).jacobian(mode=mode)
    monkeypatch.setattr(unrolled, "MOST_ENTRIES", 0)
    swept = diffcli.parse(text).batch(at).jacobian(mode=mode)
    assert bits(written.matrix) == bits(swept.matrix)
    assert all(bits(written.values[name]) == bits(swept.values[name]) for name in written.values)


def test_an_infinite_partial_meets_no_zero() -> None:
    """At 0 the root has an infinite slope, which in a shared pass would meet the zeros of the other entries."""
    found = diffcli.parse("[sqrt(x)*y, y^2]").batch({"x": [0.0, 4.0], "y": [1.0, 1.0]}).jacobian().matrix
    np.testing.assert_array_equal(found, [[[np.inf, 0.0], [0.0, 2.0]], [[0.25, 2.0], [0.0, 2.0]]])


def test_a_product_that_comes_to_zero_meets_infinities_as_at_one_point() -> None:
    program = diffcli.parse("0.5^(1/(x*(2 % 0.5)))")
    many = program.batch({"x": [1.49]}).jacobian(mode="forward").matrix[0]
    np.testing.assert_array_equal(many, diffcli.jacobian(program, {"x": 1.49}, mode="forward").matrix)
