"""The chain rule, on random programs: both modes, both orders, and finite differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings

import diffcli
from diffcli.derive import active, adjoint, tangent
from diffcli.evaluation import Plan, lift
from diffcli.graph import TABLE, Array, Builder, Function, Node
from tests.programs import points, programs

MANY = settings(max_examples=150, deadline=None)


def _bound(text: str, point: Mapping[str, Array]) -> tuple[Function, dict[Node, Array]]:
    program = diffcli.parse(text)
    at = program.resolve({name: value for name, value in point.items() if name in program.inputs})
    function = program.bind({name: value.shape for name, value in at.items()})
    return function, {node: lift(at[node.params[0]]) for node in function.inputs}


def _directions(nodes: Sequence[Node], seed: int) -> dict[Node, Node]:
    rng = np.random.default_rng(seed)
    return {node: node.builder.constant(rng.standard_normal(node.shape)) for node in nodes}


def _product(a: Node, b: Node) -> Node:
    return TABLE["sum"](a * b, params=((),))


def _sum(builder: Builder, terms: Sequence[Node]) -> Node:
    total = builder.constant(0.0)
    for term in terms:
        total = total + term
    return total


@given(programs(), points())
@MANY
def test_the_adjoint_is_the_transpose_of_the_tangent(text: str, point: dict[str, Array]) -> None:
    function, at = _bound(text, point)
    if not function.inputs:
        return
    builder = function.builder
    u, v = _directions(function.inputs, 1), _directions(function.outputs, 2)
    sweep = adjoint(function.outputs, [v[out] for out in function.outputs], function.inputs)
    dots = tangent(function.outputs, u)
    forward = _sum(builder, [_product(v[out], dot) for out, dot in zip(function.outputs, dots, strict=True) if dot])
    backward = _sum(builder, [_product(sweep.cotangents[x], u[x]) for x in function.inputs if x in sweep.cotangents])
    # What each step hands on, times how its argument moves: the size of the terms that make up either sum.
    moves = tangent([step.node.args[step.position] for step in sweep.contributions], u)
    sizes = [
        # In a branch that is not taken the argument may move infinitely fast.
        TABLE["sum"](TABLE["where"](TABLE["equal"](step.bar, 0.0), 0.0, TABLE["abs"](step.bar * dot)), params=((),))
        for step, dot in zip(sweep.contributions, moves, strict=True)
        if dot is not None
    ]
    one, other, *scales = (float(value[0]) for value in Plan([forward, backward, *sizes]).run(at))
    assert np.isfinite([one, other]).all()
    assert abs(one - other) <= 1e-14 * (sum(scales) + abs(one))


@given(programs(), points())
@MANY
def test_every_derivative_is_finite_where_the_taken_branches_are(text: str, point: dict[str, Array]) -> None:
    function, at = _bound(text, point)
    values = Plan(function.outputs).run(at)
    assert all(np.isfinite(value).all() for value in values)
    one = [function.builder.broadcast(function.builder.constant(1.0), out.shape) for out in function.outputs]
    sweep = adjoint(function.outputs, one, function.inputs)
    bars = [sweep.cotangents[x] for x in function.inputs if x in sweep.cotangents]
    assert all(np.isfinite(value).all() for value in Plan(bars).run(at))


@given(programs(scalar=True), points())
@MANY
def test_the_hessian_is_symmetric_and_the_same_both_ways(text: str, point: dict[str, Array]) -> None:
    function, at = _bound(text, point)
    (output,) = function.outputs
    builder = function.builder
    zero = builder.constant(0.0)
    first = adjoint([output], [builder.constant(1.0)], function.inputs).cotangents
    gradient = {x: builder.broadcast(first.get(x, zero), x.shape) for x in function.inputs}
    u, v = _directions(function.inputs, 1), _directions(function.inputs, 2)

    def backwards(w: Mapping[Node, Node]) -> list[Node]:
        """H·w as the adjoint of the adjoint."""
        bars = adjoint(list(gradient.values()), list(w.values()), function.inputs).cotangents
        return [builder.broadcast(bars.get(x, zero), x.shape) for x in function.inputs]

    forwards = [
        builder.broadcast(dot or zero, x.shape)
        for x, dot in zip(function.inputs, tangent(list(gradient.values()), u), strict=True)
    ]
    hu, hv = backwards(u), backwards(v)
    outputs = [*forwards, *hu, *hv]
    found = Plan([*outputs, *u.values(), *v.values()]).run(at) if outputs else []
    n = len(function.inputs)
    tangents, adjoints, others, us, vs = (found[k * n : (k + 1) * n] for k in range(5))
    assert all(np.isfinite(value).all() for value in found)
    scale = max((float(np.abs(value).max()) for value in [*tangents, *adjoints, *others]), default=0.0)
    scale = max(scale, 1.0)
    for a, b in zip(tangents, adjoints, strict=True):
        assert np.abs(a - b).max() <= 1e-10 * scale
    one = sum(float((h * w).sum()) for h, w in zip(adjoints, vs, strict=True))
    other = sum(float((h * w).sum()) for h, w in zip(others, us, strict=True))
    assert abs(one - other) <= 1e-10 * scale * max(1, n)


@given(programs(smooth=True), points(smooth=True))
@MANY
def test_the_tangent_is_the_limit_of_differences(text: str, point: dict[str, Array]) -> None:
    function, at = _bound(text, point)
    u = _directions(function.inputs, 3)
    zero = function.builder.constant(0.0)
    dots = [dot or zero for dot in tangent(function.outputs, u)]
    slopes = Plan(dots).run(at)
    plan = Plan(function.outputs)
    step = {node: lift(direction.params[0]) for node, direction in u.items()}

    def moved(t: float) -> list[Array]:
        return plan.run({node: value + t * step[node] for node, value in at.items()})

    h = 1e-4
    rows = [moved(k * h) for k in (-2, -1, 1, 2)]
    further = [moved(k * h) for k in (-4, -2, 2, 4)]
    for i, slope in enumerate(slopes):
        values = [row[i] for row in rows]
        difference = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * h)
        wide = [row[i] for row in further]
        coarse = (wide[0] - 8 * wide[1] + 8 * wide[2] - wide[3]) / (24 * h)
        # As exact as the difference itself is: what halving the step changes, and rounding.
        slack = 4 * np.abs(difference - coarse) + 1e-10 * (1 + sum(np.abs(v) for v in values))
        assert (np.abs(difference - slope) <= slack + 1e-9 * np.abs(slope)).all()


@given(programs(), points())
@settings(max_examples=60, deadline=None)
def test_a_jacobian_s_rows_are_pullbacks_and_its_columns_pushforwards(text: str, point: dict[str, Array]) -> None:
    program = diffcli.parse(text)
    at = {name: value for name, value in point.items() if name in program.inputs}
    if not at:
        return
    jacobian = diffcli.jacobian(program, at, mode="reverse")
    pullback = diffcli.vjp(program, at)
    function, values = _bound(text, point)
    row = 0
    for name, value in pullback.values.items():
        for i in range(np.size(value)):
            v = np.zeros(np.shape(value))
            v.flat[i] = 1.0
            bars = pullback({name: v})
            flat = np.concatenate([np.ravel(bar) for bar in bars.values()])
            # One sweep over a batch and one sweep alone: the same bits, zeros of either sign aside.
            assert (jacobian.matrix[row] == flat).all()
            row += 1
    scale = 1.0 + np.abs(jacobian.matrix).max(initial=0.0)
    column = 0
    zero = function.builder.constant(0.0)
    for node in function.inputs:
        for i in range(node.size):
            u = np.zeros(node.shape)
            u.flat[i] = 1.0
            dots = tangent(function.outputs, {node: function.builder.constant(u)})
            pushed = [
                function.builder.broadcast(dot or zero, out.shape)
                for dot, out in zip(dots, function.outputs, strict=True)
            ]
            flat = np.concatenate([np.ravel(dot) for dot in Plan(pushed).run(values)])
            assert np.abs(jacobian.matrix[:, column] - flat).max() <= 1e-12 * scale
            column += 1


def test_active_is_what_lies_between() -> None:
    builder = Builder()
    x, y = builder.input("x", ()), builder.input("y", ())
    a, b = TABLE["sin"](x), TABLE["sin"](y)
    c = a + b
    assert active([c], [x]) == [x, a, c]
    assert active([b], [x]) == []
    assert active([b], [b]) == [b]


def test_a_seed_that_is_none_is_zero() -> None:
    builder = Builder()
    x = builder.input("x", ())
    out = [TABLE["sin"](x), TABLE["cos"](x)]
    sweep = adjoint(out, [None, builder.constant(1.0)], [x])
    assert out[0] not in sweep.cotangents
    assert Plan([sweep.cotangents[x]]).run({x: np.array([0.5])})[0][0] == pytest.approx(-np.sin(0.5))


def test_what_does_not_depend_has_no_derivative() -> None:
    builder = Builder()
    x, y = builder.input("x", ()), builder.input("y", ())
    out = TABLE["sin"](y)
    assert x not in adjoint([out], [builder.constant(1.0)], [x]).cotangents
    assert tangent([out], {x: builder.constant(1.0)}) == [None]


def test_derivatives_of_derivatives_go_on() -> None:
    builder = Builder()
    x = builder.input("x", ())
    node = TABLE["sin"](x)
    for _ in range(8):
        node = adjoint([node], [builder.constant(1.0)], [x]).cotangents[x]
    assert Plan([node]).run({x: np.array([0.7])})[0][0] == pytest.approx(np.sin(0.7), rel=1e-14)
    # Shared nodes keep it small: eight derivatives of a sine are a handful of sines and cosines.
    assert len(builder.nodes) < 40
