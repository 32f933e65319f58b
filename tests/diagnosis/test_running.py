"""The error bound as nodes is that of `passes`; what extended precision clears is right; what is left out may be."""

from __future__ import annotations

import random
from typing import Any

import mpmath
import numpy as np
import pytest

import diffcli
from diffcli.bound import bind
from diffcli.diagnosis import extended, running
from diffcli.diagnosis.bounds import SUBNORMAL_ERROR
from diffcli.diagnosis.flags import apart, whole_flags
from diffcli.diagnosis.intervals import Range
from diffcli.diagnosis.passes import Passes
from diffcli.diagnosis.questions import Asked, asked
from diffcli.diagnosis.ranges import of_values, ranges
from diffcli.evaluation import Plan
from diffcli.graph import TABLE, Node
from tests.diagnosis.formulas import ORDINARY, formula, point
from tests.diagnosis.test_ranges import RULES

COUNT = 40
#: How much larger the bound as nodes may be: it takes sines for as steep as they get, and sums for their larger addend.
FEW_TIMES = 30.0


def points(text: str, low: float, high: float) -> tuple[Asked, dict[Node, np.ndarray[Any, Any]]]:
    """A gradient to be asked for, and points between two numbers."""
    program = diffcli.parse(text)
    bound = bind(program, dict.fromkeys(program.inputs, 1.0))
    rng = np.random.default_rng(len(text))
    return asked(bound, "grad"), {node: rng.uniform(low, high, COUNT) for node in bound.function.inputs}


@pytest.mark.parametrize("text", RULES)
@pytest.mark.parametrize("boxed", [False, True])
def test_the_bound_as_nodes_is_no_smaller(text: str, boxed: bool) -> None:
    """And without ranges, which cut it short, not much larger either."""
    for low, high in ((0.3, 2.0), (-2.0, 2.0)):
        question, at = points(text, low, high)
        derived = question.derived
        box = {node: of_values(x)[0] for node, x in at.items()}
        known = ranges(derived.order, box, derived.primal) if boxed else {}
        found = running.errors(derived.order, known)
        passes = Passes(derived, at)
        expected = passes.errors()
        said = {node: whole for node in derived.order if (whole := running.whole(node, found[node])) is not None}
        assert not any(np.any(expected[node]) for node in derived.order if node not in said)
        for node, value in zip(said, Plan(list(said.values())).run(at), strict=True):
            own = np.broadcast_to(expected[node], (*node.shape, COUNT))
            with np.errstate(invalid="ignore"):
                fine = ~(value < own * (1 - running.SLACK) - 64 * SUBNORMAL_ERROR)
                most = own if node.shape == () else own + np.abs(passes.values[node])  # elements share what is relative
                near = boxed | ~np.isfinite(value) | (value <= most * FEW_TIMES + 64 * SUBNORMAL_ERROR)
            assert fine.all(), (text, node)
            assert np.all(near), (text, node)


def test_where_a_result_is_doubted_its_bound_is_too_large() -> None:
    """Wherever that of `passes` is, and nowhere that it is much smaller; with a limit that is an input as with one that
    is known.
    """
    for text in ("x*y - y^2", "sin(x)/(x - y) + exp(x)", "sum([x, y, x*y]) - 3*x"):
        question, at = points(text, 0.4, 2.0)
        found = running.errors(question.derived.order, {})
        passes = Passes(question.derived, at)
        own = passes.worst()
        limit = question.derived.function.builder.input("limit", ())
        for trusted in (10.0, 100.0, 1e4):
            doubted, free = np.zeros((2, COUNT), dtype=bool)
            for node in passes.results():
                flag = running.doubted(node, found[node], trusted)
                other = running.doubted(node, found[node], 1.0, limit)
                if flag is not None:
                    doubted |= Plan([flag]).run(at)[0]
                if other is not None:
                    free |= Plan([other]).run({**at, limit: np.array([trusted])})[0]
            assert np.array_equal(doubted, free)
            assert doubted[own > trusted * (1 + running.SLACK)].all()
            assert not doubted[own * FEW_TIMES < trusted].any()


# Extended precision -----------------------------------------------------------------------------------------

#: Whether this processor has numbers of 64 bits of mantissa or more, as `extended` needs them; on others it says so.
FINER = bool(np.finfo(np.longdouble).nmant >= 63)


@pytest.mark.sampled
def test_kernels_are_as_exact_as_is_claimed() -> None:
    rng = np.random.default_rng(2)
    asked_of = 0
    half = float(np.finfo(np.longdouble).eps) / 2.0
    with mpmath.workprec(120):
        for name in sorted(extended.KERNELS):
            op = TABLE[name]
            if op.kind != "elementwise" or op.boolean or op.reference is None or not op.samples:
                continue
            asked_of += 1
            args = [rng.uniform(max(low, -50), min(high, 50), 60) for low, high in op.samples]
            with np.errstate(all="ignore"):
                value = op.apply(*[x.astype(np.longdouble) for x in args])
            assert value.dtype == np.longdouble, name
            for k, y in enumerate(value):
                exact = op.reference(mpmath.mp, *[mpmath.mpf(float(x[k])) for x in args])
                if isinstance(exact, mpmath.mpc) or not exact or not mpmath.isfinite(exact):
                    continue
                high = float(y)
                off = abs((mpmath.mpf(high) + mpmath.mpf(float(y - np.longdouble(high))) - exact) / exact)
                assert off <= extended.OFF * half, (name, args, k)
    assert asked_of > 30


def opinion(text: str, at: dict[str, list[float]]) -> extended.Opinion | None:
    """What finer numbers say of a gradient, if this processor has any."""
    program = diffcli.parse(text)
    bound = bind(program, dict.fromkeys(program.inputs, 1.0))
    question = asked(bound, "grad")
    assert extended.possible(question.derived) is FINER
    if not FINER:
        return None
    values = {node: np.array(at[str(node.params[0])]) for node in bound.function.inputs}
    passes = Passes(question.derived, values)
    errors = [np.broadcast_to(passes.errors()[node], passes.values[node].shape) for node in passes.results()]
    return extended.Finer(question.derived).opinion(values, [], errors, 1e6)


def test_what_cancels_beyond_extended_precision_is_not_cleared() -> None:
    """1 + 1e-25 − 1 is 0 to doubles and to 64 bits alike: that they agree says nothing."""
    found = opinion("(1 + x) - 1 + 0*y", {"x": [1e-25, 1e-9, 0.5], "y": [1.0, 1.0, 1.0]})
    if found is None:
        return
    assert not found.off[0] <= 1e-9
    assert 1e-9 < found.off[1] < 1e-6
    assert found.off[2] < 1e-15


@pytest.mark.sampled
def test_an_opinion_is_never_too_good() -> None:
    """Of random formulas: the error is no larger than is said, against 60 digits."""
    from diffcli.precise import Exactly

    rng = random.Random(8)
    cleared = 0
    for _ in range(60):
        made = formula(rng)
        if set(made.inputs.values()) != {()}:
            continue
        at = {name: float(np.ravel(value)[0]) for name, value in point(rng, made.inputs, ORDINARY).items()}
        program = diffcli.parse(made.text)
        bound = bind(program, at)
        question = asked(bound, "eval")
        if not extended.possible(question.derived):
            continue
        passes = Passes(question.derived, bound.at)
        errors = [np.broadcast_to(passes.errors()[node], passes.values[node].shape) for node in passes.results()]
        said = float(extended.Finer(question.derived).opinion(bound.at, [], errors, 1e6).off[0])
        if not said < 1e-9:
            continue
        exactly = Exactly(bound.function.outputs, {node: x[..., 0] for node, x in bound.at.items()}, bound.wrt)
        (exact,) = exactly.values()
        value = mpmath.mpf(float(passes.values[bound.function.outputs[0]].flat[0]))
        assert abs(value - exact) <= abs(exact) * mpmath.mpf(max(said, 1e-300)), (made.text, at)
        cleared += 1
    assert cleared >= 15 if FINER else not cleared


# What ranges exclude ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "x", "y", "away"),
    [
        ("abs(x)", (0.5, 2), (0, 0), True), ("abs(x)", (-1, 2), (0, 0), False), ("max(x, y)", (2, 3), (0, 1), True),
        ("max(x, y)", (0, 3), (1, 2), False), ("floor(x)", (1.25, 1.5), (0, 0), True),
        ("floor(x)", (1.5, 2), (0, 0), False), ("floor(x)", (1.25, 9), (0, 0), False),
        ("clip(x, 0, y)", (0.5, 0.75), (1, 2), True),
        ("clip(x, y, 1)", (3, 4), (0.5, 1.5), False), ("clip(x, y, 1)", (3, 4), (0.25, 0.5), True),
        ("clip(x, 0, y)", (0.5, 1.75), (1, 2), False), ("hypot(x, y)", (-1, 1), (1, 2), True),
        ("hypot(x, y)", (-1, 1), (0, 2), False), ("atan2(x, y)", (-1, 1), (1, 2), True),
        ("atan2(x, y)", (-1, 1), (-1, 2), False), ("x % y", (1, 2), (3, 4), False),
    ],
)  # fmt: skip
def test_operations_that_ranges_keep_from_their_kinks(
    text: str, x: tuple[float, float], y: tuple[float, float], away: bool
) -> None:
    program = diffcli.parse(f"{text} + 0*y")
    derived = asked(bind(program, {"x": 1.0, "y": 1.0}), "grad").derived
    box = dict(zip(derived.function.inputs, (Range(*x), Range(*y)), strict=True))
    known = ranges(derived.order, box, derived.primal)
    (node,) = derived.sited
    assert apart(node, known) is away


def test_whole_numbers_stay_whole() -> None:
    program = diffcli.parse("floor(x*y + 3*x) + floor(x/y)")
    bound = bind(program, {"x": 1.0, "y": 1.0})
    derived = asked(bound, "grad").derived
    flags = whole_flags(derived.order)
    products, quotients = (node.args[0] for node in derived.sited)
    assert quotients not in flags
    at = dict(
        zip(
            bound.function.inputs,
            (np.array([3.0, 0.5, 2.0**40, -0.0]), np.array([2.0, 2.0, 2.0**20, 1.0])),
            strict=True,
        )
    )
    (found,) = Plan([flags[products]]).run(at)
    assert found.tolist() == [True, False, False, True]


def test_rows_are_judged_in_steps_as_at_once() -> None:
    """Most are right by what shaking says alone; for the others bounds count too."""
    text = "(1 - cos(x))/x^2 + sin(y*1e6)*1e-5"
    question, at = points(text, 1e-4, 1.0)
    finer = extended.Finer(question.derived)
    if not FINER:
        return
    passes = Passes(question.derived, at)
    errors = [np.broadcast_to(passes.errors()[node], passes.values[node].shape) for node in passes.results()]
    x = question.derived.function.inputs[0]
    places = {value: place for place, value in enumerate(at[x].tolist())}
    asked_at: list[int] = []

    def some(few: Any) -> list[Any]:
        rows = [places[value] for value in few[x].tolist()]
        asked_at.extend(rows)
        return [each[..., rows] for each in errors]

    found = finer.wrong(at, [], some, COUNT)
    assert np.array_equal(found, ~(finer.opinion(at, [], errors, 1e6).off <= 1e-9))
    assert 0 < np.count_nonzero(found) < COUNT
    assert 0 < len(asked_at) < COUNT
