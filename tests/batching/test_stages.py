"""One point with large values: its rows are shared among threads, and no bit depends on where they are cut."""

from __future__ import annotations

import os
import threading
import zlib
from collections.abc import Callable, Iterator

import numpy as np
import pytest

import diffcli
from diffcli.derive import adjoint
from diffcli.evaluation import Plan, in_threads, limits, schedule, threads
from diffcli.evaluation.stages import keeps_rows, params_for
from diffcli.graph import TABLE, Builder, Node
from tests.batching.test_evaluator import same
from tests.primitives.cases import CASES, Case

ROWS = 4


def _calls() -> Iterator[Case]:
    """Every entry of the table with rows to keep to: elementwise ones on matrices, the others as they are tested."""
    for case in CASES:
        if case.op.kind == "elementwise" and not case.params:
            shapes = ((ROWS, 3),) * len(case.shapes)
            yield Case(case.op, shapes, case.params, case.values, case.data)
        else:
            yield case
    yield Case(TABLE["matmul"], ((ROWS, 2, 3), (ROWS, 3, 2)), (), ((-1, 1), (-1, 1)))
    yield Case(TABLE["matmul"], ((ROWS, 20, 20), (ROWS, 20, 20)), (), ((-1, 1), (-1, 1)))
    for name in ("softmax", "logsumexp", "max", "norm", "unit", "mean", "sort", "peak", "tie_share", "log_softmax"):
        yield Case(TABLE[name], ((ROWS, 5),), (1,), ((-2, 2),))
    yield Case(TABLE["cumsum"], ((ROWS, 5),), (1, True), ((-2, 2),))
    yield Case(TABLE["concat"], ((ROWS, 5), (ROWS, 2)), (1,), ((-2, 2), (-2, 2)))
    yield Case(TABLE["sum"], ((ROWS, 5, 2),), ((ROWS, 1, 2),), ((-2, 2),))
    yield Case(TABLE["sum"], ((ROWS, ROWS),), ((ROWS,),), ((-2, 2),))
    yield Case(TABLE["broadcast"], ((ROWS,),), ((ROWS, ROWS),), ((-2, 2),))
    yield Case(TABLE["transpose"], ((ROWS, ROWS, 3),), ((1, 0, 2),), ((-2, 2),))
    yield Case(TABLE["transpose"], ((ROWS, 2, 3),), ((0, 2, 1),), ((-2, 2),))
    yield Case(TABLE["index"], ((ROWS, 3),), (((0, ROWS, 1), 1),), ((-2, 2),))
    yield Case(TABLE["index"], ((ROWS, 3),), (((ROWS - 1, None, -1),),), ((-2, 2),))


def test_what_keeps_to_its_rows_gives_them_the_same_bits_without_the_others() -> None:
    kept = set()
    for case in _calls():
        node = case.node(case.inputs(Builder()))
        if not keeps_rows(node):
            continue
        kept.add(case.op.name)
        values = case.draw(np.random.default_rng(zlib.crc32(str(case).encode())), 1)
        values = [v if arg.boolean is False else v != 0 for v, arg in zip(values, node.args, strict=True)]
        with np.errstate(all="ignore"):
            whole = node.op.apply(*values, *node.params)
            for first, last in ((0, 1), (1, len(whole))):
                if node.op.view:
                    others = [row for i, row in enumerate(values[0]) if not first <= i < last]
                    assert not any(np.shares_memory(whole[first:last], row) for row in others), case
                else:
                    part = node.op.apply(*[v[first:last] for v in values], *params_for(node, last - first))
                    assert part.tobytes() == np.ascontiguousarray(whole[first:last]).tobytes(), case
    assert {"add", "exp", "where", "sum", "softmax", "logsumexp", "matmul", "concat", "sort", "transpose"} <= kept


def test_what_mixes_rows_is_known_for_it() -> None:
    builder = Builder()
    a, stack = builder.input("a", (4, 4)), builder.input("s", (4, 4, 4))
    index, transpose, total = TABLE["index"], TABLE["transpose"], TABLE["sum"]
    mixing = [
        TABLE["softmax"](a, params=(0,)),
        TABLE["cumsum"](a, params=(0, False)),
        TABLE["matmul"](a, a),
        transpose(a, params=((1, 0),)),
        total(a, params=((4,),)),
        total(a, params=((1, 4),)),
        TABLE["broadcast"](total(a, params=((4,),)), params=((4, 4),)),
        index(a, params=(((3, None, -1),),)),
        index(stack, params=((0,),)),
        TABLE["max"](a, params=(0,)),
    ]
    assert not [node for node in mixing if keeps_rows(node)]


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever has rows is cut into three parts, however small."""
    monkeypatch.setattr(limits, "LARGE", 1)
    monkeypatch.setattr(limits, "WORTH_A_PART", 1)
    monkeypatch.setattr(schedule, "cores", lambda: 3)


def _program(seed: int) -> tuple[list[Node], list[Node]]:
    """A random graph on stacks of matrices, with its gradient."""
    rng = np.random.default_rng(seed)
    builder = Builder()
    shapes = ((6, 5, 4), (6, 5, 4), (1, 5, 4), (6, 1, 4), (6, 4, 5), (4,))
    inputs = [builder.input(f"x{i}", shape) for i, shape in enumerate(shapes)]
    nodes = [builder.broadcast(x, (6, 5, 4)) for x in inputs if x.shape != (6, 4, 5)]
    last = inputs[4]
    transpose, matmul, reshape = TABLE["transpose"], TABLE["matmul"], TABLE["reshape"]

    def pick() -> Node:
        return nodes[int(len(nodes) * rng.random() ** 0.6)]

    for _ in range(int(rng.integers(4, 25))):
        a, b = pick(), pick()
        axis = int(rng.integers(3))
        turned = transpose(a, params=((0, 2, 1),))
        made = [
            lambda a=a, b=b: a + TABLE["sin"](b),
            lambda a=a, b=b: TABLE["where"](TABLE["less"](a, b), a * b, 0.0),
            lambda a=a: TABLE["exp"](-(a * a)),
            lambda a=a, last=last: matmul(matmul(a, last), a),
            lambda turned=turned, b=b: transpose(turned + transpose(b, params=((0, 2, 1),)), params=((0, 2, 1),)),
            lambda a=a, axis=axis: TABLE["softmax"](a, params=(axis,)),
            lambda a=a, axis=axis: builder.broadcast(
                TABLE["sum"](a, params=(tuple(1 if i == axis else n for i, n in enumerate(a.shape)),)), (6, 5, 4)
            ),
            lambda turned=turned: TABLE["cos"](reshape(turned, params=((6, 5, 4),))),
            lambda a=a: TABLE["index"](a, params=(((5, None, -1),),)) * 0.5,
            lambda a=a: builder.broadcast(reshape(TABLE["logsumexp"](a, params=(2,)), params=((6, 5, 1),)), (6, 5, 4)),
            lambda a=a: reshape(TABLE["exp"](reshape(a, params=((30, 4),)) * 0.1), params=((6, 5, 4),)),
        ][int(rng.integers(11))]()
        nodes.append(made)
    top = TABLE["sum"](nodes[-1] * nodes[-2], params=((),))
    bars = adjoint([top], [builder.constant(1.0)], inputs).cotangents
    return inputs, [top, nodes[-1], *(bars[x] for x in inputs if x in bars)]


@pytest.mark.sampled
@pytest.mark.parametrize("seed", range(30))
def test_rows_shared_among_threads_have_the_bits_of_the_whole(seed: int, request: pytest.FixtureRequest) -> None:
    inputs, outputs = _program(seed)
    rng = np.random.default_rng(seed)
    plain = Plan(outputs)
    request.getfixturevalue("in_parts")
    shared = Plan(outputs)
    for jobs in (1, 3, 2):  # from the second on in the same buffers
        values = {x: rng.standard_normal((*x.shape, 1)) for x in inputs}
        for one, other in zip(plain.run(values), shared.run(values, jobs), strict=True):
            assert same(one, other)


def _parts(plan: Plan) -> list[tuple[int, int]]:
    """Of every stage: its rows, and into how many parts they were cut."""
    (found,) = plan._schedules.values()
    return [(stage.rows, len(parts)) for stage, parts in zip(found.stages, found._benches[0].stages, strict=True)]


def test_small_steps_do_not_stand_between_large_ones(in_parts: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mixture's likelihood has one stage of as many rows as it has Gaussians forwards, and one backwards."""
    monkeypatch.setattr(limits, "LARGE", 100)
    f = diffcli.parse(
        "turned = exp(reshape(q, 5, 1, 3))*(reshape(x, 1, 40, 3) - reshape(mu, 5, 1, 3))\n"
        "inner = reshape(sum(q, axis=1), 5, 1) - sum(turned^2, axis=2)/2\n"
        "f = sum(logsumexp(inner, axis=0)) + sum(q^2)\n"
        "return f"
    ).bind({"q": (5, 3), "mu": (5, 3), "x": (40, 3)})
    bars = adjoint(f.outputs, [f.builder.constant(1.0)], f.inputs).cotangents
    plan = Plan([*f.outputs, *(bars[x] for x in f.inputs)])
    rng = np.random.default_rng(0)
    plan.run({x: rng.standard_normal((*x.shape, 1)) for x in f.inputs})
    assert [rows for rows, _ in _parts(plan)] == [0, 5, 0, 5, 0]
    assert [parts for _, parts in _parts(plan)] == [1, 3, 1, 3, 1]


def test_what_is_small_is_not_shared() -> None:
    builder = Builder()
    x = builder.input("x", (200, 200))
    plan = Plan([TABLE["sin"](x) * 2.0])
    plan.run({x: np.ones((200, 200, 1))})
    assert _parts(plan) == [(200, 1)]


def test_a_buffer_that_other_parts_may_still_read_is_not_free() -> None:
    """The first rows of y are read for all rows of z, so z may not be written over y, part by part."""
    builder = Builder()
    x = builder.input("x", (6, 6))
    y = TABLE["exp"](x)
    z = TABLE["sin"](TABLE["transpose"](y, params=((1, 0),)))
    w = z * builder.broadcast(TABLE["index"](y, params=(((0, 1, 1),),)), (6, 6))
    values = np.random.default_rng(0).standard_normal((6, 6, 1))
    (expected,) = Plan([w]).run({x: values})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "LARGE", 1)
        patch.setattr(limits, "WORTH_A_PART", 1)
        patch.setattr(schedule, "cores", lambda: 6)
        (found,) = Plan([w]).run({x: values}, 1)
    assert same(expected, found)


def test_a_helper_that_never_came_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    class Asleep:
        def lend(self, work: Callable[[], None], count: int) -> list[threads._Share]:
            self.shares = [threads._Share(work) for _ in range(count)]
            return self.shares

    asleep = Asleep()
    monkeypatch.setattr(threads, "_helpers", asleep)
    seen: list[int] = []
    in_threads(3, lambda shared: seen.extend(shared), range(100))
    assert seen == list(range(100))
    for share in asleep.shares:  # too late
        share.take()
    assert len(seen) == 100


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_process_has_helpers_of_its_own() -> None:
    """Its parent's, which it does not have, would not meet at the barrier."""
    meeting = threading.Barrier(2)

    def meets(_: Iterator[int]) -> None:
        meeting.wait(10)

    in_threads(2, meets, range(2))
    helpers = threads._helpers
    if not hasattr(os, "fork"):  # then nothing is to be done, and it may be done at any time
        threads._none_came_along()
        assert threads._helpers is not helpers
        in_threads(2, meets, range(2))
        return
    child = os.fork()
    if child == 0:
        try:
            in_threads(2, meets, range(2))
        finally:
            os._exit(1 if meeting.broken else 0)
    assert os.waitpid(child, 0)[1] == 0
    assert threads._helpers is helpers
