"""How an entry of the table states its derivative once, and gets both modes from that."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from diffcli.derive import adjoint, tangent
from diffcli.evaluation import Plan
from diffcli.graph import TABLE, Builder
from diffcli.primitives import FUNCTIONS
from diffcli.primitives.kinds import bilinear, elementwise, linear, times, total


@pytest.fixture(autouse=True)
def _table() -> Iterator[None]:
    """Puts the tables back as they were."""
    table, functions = dict(TABLE), dict(FUNCTIONS)
    yield
    for registry, kept in ((TABLE, table), (FUNCTIONS, functions)):
        registry.clear()  # type: ignore[attr-defined]
        registry.update(kept)  # type: ignore[attr-defined]


def test_a_function_takes_five_lines() -> None:
    """As the guide for contributors says: one entry, and the language has it, with both modes."""
    import diffcli

    elementwise(
        "lorentz", lambda x: 1 / (1 + x * x), partials=(lambda y, x: -2.0 * x * TABLE["square"](y),),
        signature="x", aliases=("cauchy",), doc="1/(1 + x²).", rule="−2x·y²",
        reference=lambda m, x: 1 / (1 + x * x), samples=((-9, 9),),
    )  # fmt: skip
    assert diffcli.value_and_grad(diffcli.parse("lorentz(x)"), {"x": 1}) == (0.5, {"x": -0.5})
    assert diffcli.grad(diffcli.parse("sum(cauchy(w))"), [1.0, 0.0]).tolist() == [-0.5, 0.0]
    assert diffcli.hessian(diffcli.parse("lorentz(x)"), {"x": 1}).matrix.tolist() == [[0.5]]
    assert FUNCTIONS["lorentz"].doc.signature == "lorentz(x)"


def test_a_partial_may_be_structurally_zero() -> None:
    first = elementwise("first", lambda a, b: a + 0 * b, partials=(lambda y, a, b: 1.0, lambda y, a, b: None))
    builder = Builder()
    a, b = builder.input("a", ()), builder.input("b", ())
    node = first(a, b)
    one = builder.constant(1.0)
    assert b not in adjoint([node], [one], [a, b]).cotangents
    assert tangent([node], {b: one}) == [None]
    assert tangent([node], {a: one, b: one}) == [one]


def test_products_known_beforehand_are_not_made() -> None:
    builder = Builder()
    bar, x = builder.input("bar", ()), builder.input("x", ())
    assert times(bar, 1.0) is bar
    assert times(bar, None) is None
    minus, twice, quotient = times(bar, -1.0), times(bar, 2.0), times(bar, TABLE["reciprocal"](x))
    assert minus is not None
    assert minus.op is TABLE["negate"]
    assert twice is not None
    assert twice.op is TABLE["multiply"]
    assert quotient is not None
    assert quotient.op is TABLE["divide"]  # one rounding instead of two


def test_totals_are_by_halves() -> None:
    builder = Builder()
    terms = [builder.input(f"x{i}", ()) for i in range(5)]
    a, b, c, d, e = terms
    assert total(terms) is ((a + b) + (c + d)) + e
    assert total([a]) is a
    assert total([]) is None


def test_a_linear_operation_states_its_transpose() -> None:
    twice = linear("twice", lambda x: 2 * x, lambda s: s, lambda node, bar, i: twice(bar))
    builder = Builder()
    x = builder.input("x", (3,))
    node = twice(x)
    bars = adjoint([node], [builder.constant(np.ones(3))], [x]).cotangents
    (dot,) = tangent([node], {x: builder.constant(np.ones(3))})
    assert dot is not None
    found = Plan([bars[x], dot]).run({x: np.zeros((3, 1))})
    assert [value[:, 0].tolist() for value in found] == [[2.0] * 3] * 2


def test_a_linear_operation_of_several_arguments_moves_those_that_move() -> None:
    both = linear("both", lambda a, b: a - b, lambda s, t: s, lambda node, bar, i: bar if i == 0 else -bar)
    builder = Builder()
    a, b = builder.input("a", (2,)), builder.input("b", (2,))
    (dot,) = tangent([both(a, b)], {b: builder.constant(np.array([1.0, 2.0]))})
    assert dot is not None
    assert Plan([dot]).run({})[0][:, 0].tolist() == [-1.0, -2.0]


def test_a_bilinear_operation_states_two() -> None:
    product = bilinear(
        "product",
        np.multiply,
        lambda s, t: s,
        (lambda node, bar: bar * node.args[1], lambda node, bar: bar * node.args[0]),
    )
    builder = Builder()
    a, b = builder.input("a", ()), builder.input("b", ())
    node = product(a, b)
    bars = adjoint([node], [builder.constant(1.0)], [a, b]).cotangents
    (dot,) = tangent([node], {a: builder.constant(1.0), b: builder.constant(10.0)})
    assert dot is not None
    found = Plan([bars[a], bars[b], dot]).run({a: np.array([2.0]), b: np.array([3.0])})
    assert [float(value[0]) for value in found] == [3.0, 2.0, 23.0]
