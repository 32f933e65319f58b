"""The evaluator: a point gives the same bits alone and in any batch, any block and on any number of threads."""

import threading
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

import diffcli
from diffcli.derive import adjoint
from diffcli.evaluation import Plan, lift, limits
from diffcli.graph import TABLE, Builder, Node
from diffcli.primitives import FUNCTIONS
from diffcli.primitives.structure import halves
from tests.primitives.cases import Array

SHAPES = ((), (), (), (3,), (2, 3))
UNARY = ["sin", "exp", "tanh", "abs", "sigmoid", "softplus", "relu", "square", "negate", "sqrt", "log", "floor"]
BINARY = ["add", "subtract", "multiply", "divide", "maximum", "minimum", "power", "hypot", "atan2", "share"]
COMPARED = ["less", "greater_equal", "equal"]


def random_program(seed: int) -> tuple[list[Node], list[Node]]:
    """Inputs, and outputs that are values of a random graph and gradients of it, half of them views of one another."""
    rng = np.random.default_rng(seed)
    builder = Builder()
    inputs = [builder.input(f"x{i}", shape) for i, shape in enumerate(SHAPES)]
    nodes: list[Node] = [*inputs, builder.constant(2.0), builder.constant([0.5, -1.0, 3.0])]

    def pick() -> Node:
        return nodes[int(len(nodes) * rng.random() ** 0.6)]

    for _ in range(int(rng.integers(5, 60))):
        kind = rng.random()
        a, b = pick(), pick()
        if kind < 0.3:
            nodes.append(TABLE[rng.choice(UNARY)](a))
        elif kind < 0.6:
            nodes.append(TABLE[rng.choice(BINARY)](a, b))
        elif kind < 0.75:
            nodes.append(TABLE["where"](TABLE[rng.choice(COMPARED)](a, b), pick(), rng.choice([pick(), 0.0])))
        elif kind < 0.8:
            nodes.append(FUNCTIONS["sum"].build(builder, a))
        elif a.shape == (2, 3):
            key = [((1,),), ((0, (2, None, -1)),), (((0, 2, 1), 2),)][rng.integers(3)]
            made = [
                TABLE["transpose"](a, params=((1, 0),)),
                TABLE["index"](a, params=key),
                FUNCTIONS["matmul"].build(builder, a, TABLE["transpose"](a, params=((1, 0),))),
                TABLE["reshape"](TABLE["transpose"](a, params=((1, 0),)), params=((6,),)),
            ][rng.integers(4)]
            nodes.append(made if made.shape in SHAPES else FUNCTIONS["sum"].build(builder, TABLE["sin"](made)))
        elif a.shape == (3,):
            nodes.append(TABLE["stack"](a, TABLE["cos"](a)))
        else:
            nodes.append(TABLE["stack"](a, b, a) if a.shape == b.shape == () else TABLE["cos"](a))
    top = nodes[-1]
    seed_node = builder.constant(rng.standard_normal(top.shape))
    bars = adjoint([top], [seed_node], inputs).cotangents
    outputs = [top, pick(), *(bars[x] for x in inputs if x in bars)]
    return inputs, [builder.number(node) for node in outputs]


def same(one: Array, many: Array) -> bool:
    """To the bit; a NaN is a NaN, whatever sign the processor gave it."""
    return bits(one) == bits(many)


def bits(array: Array) -> bytes:
    return np.where(np.isnan(array), np.nan, array).tobytes()


def whole(array: Array, batch: int) -> Array:
    return np.broadcast_to(array, (*array.shape[:-1], batch))


@pytest.mark.parametrize("seed", range(60))
def test_any_batch_in_any_blocks_gives_each_point_its_bits(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs, outputs = random_program(seed)
    plan = Plan(outputs)
    rng = np.random.default_rng(seed)
    batch = 41
    values = {x: rng.standard_normal((*x.shape, batch)) for x in inputs}
    for x in inputs:
        values[x].flat[:5] = [0.0, -0.0, np.inf, np.nan, -1e300]
    held = inputs[seed % len(inputs)]  # the same for all points
    values[held] = values[held][..., :1].copy()
    alone = [
        plan.run({x: np.ascontiguousarray(whole(value, batch)[..., i : i + 1]) for x, value in values.items()})
        for i in range(batch)
    ]
    monkeypatch.setattr(limits, "NUMBERS_PER_CALL", 1)
    for block, jobs in ((1, 1), (2, 3), (7, 2), (40, 1), (64, 2), (64, 1)):
        monkeypatch.setattr(limits, "MAX_BLOCK", block)
        found = plan.run(values, jobs)
        for k, many in enumerate(found):
            for i in range(batch):
                assert same(alone[i][k][..., 0], whole(many, batch)[..., i]), (block, jobs, k, i)


def test_a_bench_is_used_again_with_new_values() -> None:
    """What is the same for all points may change from run to run."""
    f = diffcli.parse("where(x > p, x*p, 0) + exp(p)^x").bind({"x": (), "p": ()})
    plan = Plan(f.outputs)
    x, p = f.inputs
    points = np.linspace(0.0, 2.0, 1000)
    for level in (0.5, 1.5, 0.25):
        (found,) = plan.run({x: points, p: np.array([level])})
        expected = np.where(points > level, points * level, 0.0) + np.exp(level) ** points
        np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_inputs_may_have_any_strides() -> None:
    f = diffcli.parse("sum(sin(w)) * w[0]").bind({"w": (3,)})
    plan = Plan(f.outputs)
    rows = np.random.default_rng(0).standard_normal((50, 6))[:, ::2]
    (found,) = plan.run({f.inputs[0]: np.moveaxis(rows, 0, -1)})
    (plain,) = plan.run({f.inputs[0]: np.ascontiguousarray(rows.T)})
    assert same(found, plain)


def test_a_value_may_be_output_and_input_and_used_on() -> None:
    builder = Builder()
    x = builder.input("x", (2,))
    y = TABLE["exp"](x)
    turned = TABLE["index"](y, params=(((1, None, -1),),))
    plan = Plan([x, y, turned, y + y, TABLE["negate"](turned)])
    values = np.random.default_rng(1).standard_normal((2, 100))
    found = plan.run({x: values})
    expected = [values, np.exp(values), np.exp(values)[::-1], 2 * np.exp(values), -np.exp(values)[::-1]]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_buffers_are_shared_by_values_that_do_not_meet() -> None:
    """A chain of a hundred operations needs the memory of two."""
    text = "x"
    for i in range(100):
        text = f"sin({text} + {i})"
    f = diffcli.parse(text).bind({"x": ()})
    plan = Plan(f.outputs)
    assert plan.schedule(frozenset(slot for _, slot in plan.inputs)).width <= 3


def test_a_batch_of_any_size_takes_the_memory_of_its_results() -> None:
    f = diffcli.parse("x" + "".join(f" + sin(x*{i})*x" for i in range(2, 40))).bind({"x": ()})
    plan = Plan(f.outputs)
    points = np.linspace(0.0, 1.0, 2_000_000)
    tracemalloc.start()
    try:
        plan.run({f.inputs[0]: points})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < points.nbytes + 2 * limits.BENCH_BYTES


def counted(plan_of: Callable[[Node], Node], monkeypatch: pytest.MonkeyPatch) -> tuple[Plan, Node, list[int]]:
    calls: list[int] = []
    sine = TABLE["sin"]

    def apply(x: NDArray[np.float64], out: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        calls.append(x.size)
        return np.sin(x, out=out)

    builder = Builder()
    x = builder.input("x", ())
    node = plan_of(x)
    monkeypatch.setattr(limits, "MAX_BLOCK", 10)
    object.__setattr__(sine, "apply", apply)
    try:
        return Plan([node]), x, calls
    finally:
        object.__setattr__(sine, "apply", np.sin)


def test_constants_are_computed_once_a_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    plan, x, calls = counted(lambda x: x * TABLE["sin"](x.builder.constant(3.0)), monkeypatch)
    for _ in range(3):
        plan.run({x: np.ones(1)})
        plan.run({x: np.ones(100)})
    assert calls == [1]


def test_what_is_the_same_for_all_points_is_computed_once_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    builder = Builder()
    x, p = builder.input("x", ()), builder.input("p", ())
    node = x * TABLE["sin"](p)
    calls: list[int] = []
    plan = Plan([node])
    monkeypatch.setattr(limits, "MAX_BLOCK", 10)
    slot, step = next((i, step) for i, step in enumerate(plan.steps) if step[0] is np.sin)
    plan.steps[slot] = (lambda v: calls.append(1) or np.sin(v), *step[1:])
    plan.run({x: np.ones(100), p: np.ones(1)})
    assert calls == [1]


def test_an_error_in_a_thread_reaches_the_caller_and_stops_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_BLOCK", 1)
    monkeypatch.setattr(limits, "NUMBERS_PER_CALL", 1)
    builder = Builder()
    x = builder.input("x", ())
    plan = Plan([TABLE["cumsum"](TABLE["stack"](x, x), params=(0, False))])
    seen: set[int] = set()
    original = TABLE["cumsum"].apply

    def fails(*args: object) -> object:
        seen.add(threading.get_ident())
        raise KeyboardInterrupt

    object.__setattr__(TABLE["cumsum"], "apply", fails)
    try:
        with pytest.raises(KeyboardInterrupt):
            plan.run({x: np.ones(50)}, 3)
    finally:
        object.__setattr__(TABLE["cumsum"], "apply", original)
    assert 1 <= len(seen) <= 3
    assert threading.active_count() == 1 or all(not t.name.startswith("Thread-") for t in threading.enumerate()[1:])


def test_lift_makes_a_batch_of_one() -> None:
    assert lift(np.float64(2.0)).shape == (1,)
    assert lift(np.zeros((2, 3))).shape == (2, 3, 1)


@pytest.mark.parametrize("seed", range(0, 60, 3))
def test_a_point_with_large_values_has_the_same_bits_in_buffers(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs, outputs = random_program(seed)
    rng = np.random.default_rng(seed)
    plain = Plan(outputs)
    monkeypatch.setattr(limits, "LARGE", 1)
    buffered = Plan(outputs)
    for _ in range(3):  # the second time in the same buffers
        values = {x: rng.standard_normal((*x.shape, 1)) for x in inputs}
        for one, other in zip(plain.run(values), buffered.run(values), strict=True):
            assert one.shape == other.shape
            assert same(one, other)


@pytest.mark.parametrize("batch", [1, 3])
def test_short_rows_that_repeat_are_written_out_and_give_the_same_bits(
    batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    f = diffcli.parse("sum(exp(q)*(x - mu)^2) + sum(x*s, axis=2) + sum(x[:, :, 0], axis=0)[1]").bind(
        {"x": (1, 40, 5), "mu": (6, 1, 5), "q": (6, 1, 5), "s": (1, 40, 1)}
    )
    bars = adjoint(f.outputs, [f.builder.constant(np.ones(f.outputs[0].shape))], f.inputs).cotangents
    outputs = [*f.outputs, *(bars[x] for x in f.inputs)]
    rng = np.random.default_rng(0)
    values = {x: rng.standard_normal((*x.shape, batch)) for x in f.inputs}
    values[f.inputs[1]] = values[f.inputs[1]][..., :1].copy()
    plain = Plan(outputs).run(values)
    monkeypatch.setattr(limits, "LARGE", 1)
    for one, other in zip(plain, Plan(outputs).run(values), strict=True):
        assert same(one, other)


@pytest.mark.parametrize("n", [2, 3, 7, 10, 16])
def test_a_sum_has_the_same_bits_however_little_lies_behind_its_axis(n: int) -> None:
    rows = np.random.default_rng(n).standard_normal((300, n, 1))
    many = np.repeat(rows, 20, axis=-1)
    assert same(halves(rows, 1), halves(many, 1)[..., :1])
    out = np.empty((300, 1, 1))
    assert same(halves(rows, 1, out), halves(rows, 1))
