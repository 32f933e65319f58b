"""The two modes of every primitive are each other's transpose, and agree with a third way, differences."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from diffcli.derive import adjoint, tangent
from diffcli.evaluation import Plan
from diffcli.graph import Builder, Node

from .cases import CASES, ROWS, Array, Case
from .exactly import OWN, exact_tangent

BATCH = 5


def _rng(case: Case) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(str(case).encode()))


def _total(array: Array) -> Array:
    return array.reshape(-1, array.shape[-1]).sum(axis=0)


class _Both:
    """A primitive's value and both its modes at random points, along random directions."""

    def __init__(self, case: Case) -> None:
        rng = _rng(case)
        builder = Builder()
        self.inputs = case.inputs(builder)
        self.node = builder.number(case.node(self.inputs))
        wrt = [self.inputs[i] for i in case.free]
        self.u_nodes = {x: builder.input(f"u{x.index}", x.shape) for x in wrt}
        self.v_node = builder.input("v", self.node.shape)
        (dot,) = tangent([self.node], self.u_nodes)
        bars = adjoint([self.node], [self.v_node], wrt).cotangents
        zero = builder.constant(0.0)
        self.u = {x: rng.standard_normal((*x.shape, BATCH)) for x in wrt}
        self.v = rng.standard_normal((*self.node.shape, BATCH))
        self.values = dict(zip(self.inputs, case.draw(rng, BATCH), strict=True))
        given = {**self.values, **{self.u_nodes[x]: u for x, u in self.u.items()}, self.v_node: self.v}
        self.wrt = wrt
        wanted: list[Node] = [dot or zero, *(bars.get(x, zero) for x in wrt)]
        dots, *back = Plan(wanted).run(given)
        self.dot = np.broadcast_to(dots, (*self.node.shape, BATCH))
        self.bars = {x: np.broadcast_to(bar, (*x.shape, BATCH)) for x, bar in zip(wrt, back, strict=True)}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_pullback_and_pushforward_are_transposes(case: Case) -> None:
    both = _Both(case)
    forward = _total(both.v * both.dot)
    backward = sum((_total(both.bars[x] * both.u[x]) for x in both.wrt), np.zeros(BATCH))
    scale = _total(np.abs(both.v * both.dot)) + sum(
        (_total(np.abs(both.bars[x] * both.u[x])) for x in both.wrt), np.zeros(BATCH)
    )
    assert np.isfinite(forward).all()
    assert (np.abs(forward - backward) <= 1e-14 * scale).all()


#: Differences make sense where there is no tie.
SMOOTH = [case for case in CASES if case.free and ROWS not in case.values]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_where_nothing_moves_nothing_moves(case: Case) -> None:
    """Structurally: no tangent in, none out, and no pullback to what is data."""
    builder = Builder()
    inputs = case.inputs(builder)
    node = case.node(inputs)
    assert case.op.pushforward(node, [None] * len(inputs)) is None
    if case.op.kind != "elementwise":
        bar = builder.input("v", node.shape)
        assert all(case.op.pullback(node, bar, i) is None for i in case.data)


@pytest.mark.parametrize("case", SMOOTH, ids=str)
def test_the_tangent_is_the_limit_of_differences(case: Case) -> None:
    both = _Both(case)
    plan = Plan([both.node])

    def at(t: float) -> Array:
        moved = {x: value + t * both.u[x] if x in both.u else value for x, value in both.values.items()}
        return plan.run(moved)[0]

    if case.op.name == "stop":
        assert (both.dot == 0.0).all()
        return
    h = 1e-4
    # Sixth order, so that only a derivative that is wrong can fail.
    slope = (45 * (at(h) - at(-h)) - 9 * (at(2 * h) - at(-2 * h)) + (at(3 * h) - at(-3 * h))) / (60 * h)
    inside = np.isfinite(slope)
    assert inside.mean() > 0.5
    scale = 1.0 + np.abs(both.dot) + np.abs(at(0.0))
    wrong = inside & (np.abs(slope - both.dot) > 1e-6 * scale)
    # Of random points hardly one lies within 3e-4 of a jump.
    assert wrong.mean() <= 0.02, (slope[wrong], both.dot[wrong])


#: Whatever an argument is that is never differentiated.
LINEAR = [case for case in CASES if case.op.kind in ("linear", "bilinear")]


@pytest.mark.parametrize("case", LINEAR, ids=str)
def test_what_is_linear_is_its_own_derivative(case: Case) -> None:
    """To the rounding: the operation on the tangents, each beside the other arguments where it is bilinear."""
    both = _Both(case)
    moved = [both.u.get(x, value) for x, value in both.values.items()]
    values = list(both.values.values())
    if case.op.kind == "linear":
        expected = case.op.apply(*moved, *case.params)
    else:
        expected = case.op.apply(moved[0], values[1]) + case.op.apply(values[0], moved[1])
    np.testing.assert_allclose(both.dot, expected, rtol=1e-14, atol=1e-14 * np.abs(expected).max())


#: What is elementwise has the ulps of `test_ulps.py`, but for what only rules build; what is linear the law above.
EXACT = [case for case in SMOOTH if case.op.kind not in ("elementwise", "linear") or case.op.name in OWN]


@pytest.mark.parametrize("case", EXACT, ids=str)
def test_the_tangent_is_that_of_the_exact_operation(case: Case) -> None:
    """By a difference of what mpmath makes of the operation, with a step of 2⁻¹⁶⁰."""
    both = _Both(case)
    along = {both.inputs.index(x): u[..., 0] for x, u in both.u.items()}
    exact = exact_tangent(case, [both.values[x][..., 0] for x in both.inputs], along)
    scale = np.abs(exact).max()
    np.testing.assert_allclose(both.dot[..., 0], exact, rtol=2e-13, atol=2e-13 * scale)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_second_derivative_is_the_same_by_both_ways(case: Case) -> None:
    """The tangent of the adjoint is the adjoint of the adjoint: a Hessian is symmetric."""
    rng = _rng(case)
    builder = Builder()
    inputs = case.inputs(builder)
    node = builder.number(case.node(inputs))
    wrt = [inputs[i] for i in case.free]
    v = builder.constant(rng.standard_normal(node.shape))
    bars = adjoint([node], [v], wrt).cotangents
    zero = builder.constant(0.0)
    first = [builder.broadcast(bars.get(x, zero), x.shape) for x in wrt]
    u = {x: builder.constant(rng.standard_normal(x.shape)) for x in wrt}
    forward = [dot or zero for dot in tangent(first, u)]
    back = adjoint(first, [u[x] for x in wrt], wrt).cotangents
    backward = [back.get(x, zero) for x in wrt]
    values = dict(zip(inputs, case.draw(rng, BATCH), strict=True))
    found = Plan([*forward, *backward]).run(values)
    for x, one, other in zip(wrt, found[: len(wrt)], found[len(wrt) :], strict=True):
        one, other = (np.broadcast_to(a, (*x.shape, BATCH)) for a in (one, other))
        assert np.isfinite(one).all()
        scale = max(1.0, np.abs(found[0]).max(), np.abs(one).max())
        np.testing.assert_allclose(one, other, rtol=2e-14, atol=2e-14 * scale)


@pytest.mark.sampled
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_point_alone_is_a_point_in_a_batch(case: Case) -> None:
    """To the bit: value, pullback and pushforward, in batches of any size, and where only some arguments vary."""
    rng = _rng(case)
    builder = Builder()
    inputs = case.inputs(builder)
    node = builder.number(case.node(inputs))
    wrt = [inputs[i] for i in case.free]
    zero = builder.constant(0.0)
    v = builder.constant(rng.standard_normal(node.shape))
    bars = adjoint([node], [v], wrt).cotangents
    (dot,) = tangent([node], {x: builder.constant(rng.standard_normal(x.shape)) for x in wrt})
    plan = Plan([node, dot or zero, *(bars.get(x, zero) for x in wrt)])
    values = case.draw(rng, 1000)
    alone = [
        plan.run({x: np.ascontiguousarray(value[..., i : i + 1]) for x, value in zip(inputs, values, strict=True)})
        for i in range(17)
    ]
    for size in (2, 3, 7, 8, 17, 1000):
        batch = plan.run({x: np.ascontiguousarray(value[..., :size]) for x, value in zip(inputs, values, strict=True)})
        for i in range(min(size, 17)):
            for one, many in zip(alone[i], batch, strict=True):
                column = many[..., i if many.shape[-1] > 1 else 0]
                assert one[..., 0].tobytes() == np.ascontiguousarray(column).tobytes()
    if len(inputs) > 1:
        for held in range(len(inputs)):
            mixed = plan.run(
                {
                    x: np.ascontiguousarray(value[..., :1] if k == held else value[..., :17])
                    for k, (x, value) in enumerate(zip(inputs, values, strict=True))
                }
            )
            for i in range(17):
                single = plan.run(
                    {
                        x: np.ascontiguousarray(value[..., :1] if k == held else value[..., i : i + 1])
                        for k, (x, value) in enumerate(zip(inputs, values, strict=True))
                    }
                )
                for one, many in zip(single, mixed, strict=True):
                    column = many[..., i if many.shape[-1] > 1 else 0]
                    assert one[..., 0].tobytes() == np.ascontiguousarray(column).tobytes()
