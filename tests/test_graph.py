"""Nodes and builders: sharing, folding, broadcasting, limits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from diffcli import graph
from diffcli.errors import ExpressionError
from diffcli.evaluation import Plan
from diffcli.graph import CONSTANT, INPUT, TABLE, Builder, Function, Node, Primitive, ancestors, register
from diffcli.primitives import FUNCTIONS


def numbers(builder: Builder | None = None) -> tuple[Builder, Node, Node]:
    builder = builder or Builder()
    return builder, builder.input("x", ()), builder.input("y", ())


def test_the_same_operation_is_the_same_node() -> None:
    builder, x, y = numbers()
    assert x + y is x + y
    assert x + y is not y + x
    assert TABLE["sin"](x) is TABLE["sin"](x)
    assert builder.input("x", ()) is x
    assert (x * 2.0) is (x * 2.0)


def test_constants_are_shared_by_their_bits() -> None:
    builder = Builder()
    assert builder.constant(1.0) is builder.constant(1)
    assert builder.constant(0.0) is not builder.constant(-0.0)
    assert builder.constant(math.nan) is builder.constant(math.nan)
    assert builder.constant(np.zeros(2)) is builder.constant([0.0, 0.0])  # type: ignore[arg-type]
    assert builder.constant(np.zeros(2)) is not builder.constant(np.zeros((1, 2)))
    assert builder.constant(np.zeros((2, 3))[:, ::2]).params[0].flags.c_contiguous


def test_operators_make_nodes() -> None:
    _, x, y = numbers()
    made = {
        "add": x + y, "subtract": x - y, "multiply": x * y, "divide": x / y, "power": x**y, "negate": -x,
        "less": x < y, "less_equal": x <= y, "greater": x > y, "greater_equal": x >= y,
    }  # fmt: skip
    for name, node in made.items():
        assert node.op is TABLE[name]
    assert (x < y).boolean
    assert ((x < y) & (y < x)).op is TABLE["and"]
    assert ((x < y) | (y < x)).op is TABLE["or"]
    assert (~(x < y)).op is TABLE["not"]
    assert [n.op.name for n in (2.0 + x, 2.0 - x, 2.0 * x, 2.0 / x)] == ["add", "subtract", "multiply", "divide"]
    assert (2.0 - x).args[0].op is CONSTANT
    assert x.size == 1
    assert repr(x) == "#0=input('x')"
    assert repr(x + y).startswith("#")
    assert repr(TABLE["sin"]) == "<sin>"


def test_identities_are_folded_only_where_they_are_exact() -> None:
    builder, x, y = numbers()
    assert x * 1.0 is x
    assert 1.0 * x is x
    assert (x * -1.0).op is TABLE["negate"]
    assert x / 1.0 is x
    negative = -x
    assert -negative is x
    assert x**1.0 is x
    assert (x**2.0).op is TABLE["square"]
    assert (x**-1.0).op is TABLE["reciprocal"]
    assert (x**0.5).op is TABLE["sqrt"]
    assert (x**0.0).params[0] == 1.0
    assert (x + (-y)).op is TABLE["subtract"]
    assert ~~(x < y) is (x < y)
    condition = x < y
    assert condition & condition is condition
    assert condition | condition is condition
    assert TABLE["where"](condition, x, x) is x
    # 0·x is not 0, x + 0 is not x (of −0), x/x is not 1.
    assert (x * 0.0).op is TABLE["multiply"]
    assert (x + 0.0).op is TABLE["add"]
    assert (x / x).op is TABLE["divide"]
    assert (x - x).op is TABLE["subtract"]
    assert builder.constant(1.0) in builder.nodes


def test_folding_sees_through_broadcasts() -> None:
    builder = Builder()
    w = builder.input("w", (3,))
    assert w * 1.0 is w
    assert (w**2.0).op is TABLE["square"]
    assert (w ** builder.constant(np.array([2.0, 2.0, 2.0]))).op is TABLE["square"]
    assert (w ** builder.constant(np.array([2.0, 2.0, 3.0]))).op is TABLE["power"]
    empty = builder.input("empty", (0,))
    assert (empty ** builder.constant(np.zeros(0))).op is TABLE["power"]
    assert (w**0.0).shape == (3,)


def test_broadcasting_is_a_node() -> None:
    builder = Builder()
    x, w = builder.input("x", ()), builder.input("w", (3,))
    total = w + x
    assert total.shape == (3,)
    assert total.args[1].op is TABLE["broadcast"]
    assert builder.broadcast(w, (3,)) is w
    with pytest.raises(ExpressionError, match=r"shapes \(3,\) and \(2,\) do not fit together"):
        w + builder.input("v", (2,))


def test_booleans_become_numbers_where_numbers_are_wanted() -> None:
    builder, x, y = numbers()
    flag = x < y
    assert (flag + 1.0).args[0].op is TABLE["number"]
    assert TABLE["sin"](flag).args[0].op is TABLE["number"]
    assert builder.number(x) is x
    assert builder.truth(flag) is flag
    assert builder.truth(x).op is TABLE["truth"]
    assert TABLE["where"](x, x, y).args[0].op is TABLE["truth"]
    assert builder.broadcast(flag, (2,)).boolean


def test_what_is_known_beforehand() -> None:
    builder = Builder()
    two = builder.constant(2.0)
    assert builder.known(two + builder.constant(3.0) * 4.0) == 14.0
    assert builder.known(TABLE["sum"](builder.broadcast(two, (3,)), params=((),))) == 6.0
    assert (two + 1.0).constant
    assert not (builder.input("x", ()) + 1.0).constant


def test_what_is_known_is_not_worked_out_again(monkeypatch: pytest.MonkeyPatch) -> None:
    builder = Builder()
    walked: list[int] = []

    def counted(*args: Any) -> list[Node]:
        found = ancestors(*args)
        walked.append(len(found))
        return found

    monkeypatch.setattr(graph, "ancestors", counted)
    node = builder.constant(0.0)
    for k in range(1, 100):
        node = node + 1.0
        assert builder.known(node) == k
    assert max(walked) == 3  # the sum, its known half, and 1


def test_ancestors_come_before_their_users() -> None:
    _, x, y = numbers()
    a = TABLE["sin"](x)
    b = a * y
    unused = x + y
    order = ancestors([b])
    assert order == [x, y, a, b]
    assert unused not in order
    assert ancestors([b], given=[a]) == [y, a, b]
    assert ancestors([]) == []


def test_limits() -> None:
    builder = Builder(max_nodes=3)
    x = builder.input("x", ())
    TABLE["sin"](TABLE["sin"](x))
    with pytest.raises(ExpressionError, match="more than 3 nodes") as raised:
        TABLE["cos"](x)
    assert raised.value.code == "limit"
    small = Builder(max_bytes=80)
    w = small.input("w", (10,))
    assert TABLE["sin"](w).size == 10
    with pytest.raises(ExpressionError, match="would need 88 bytes, more than the limit of 80 bytes") as raised:
        small.input("v", (11,))
    assert raised.value.code == "limit"


def test_inputs_have_no_operation() -> None:
    for leaf in (INPUT, CONSTANT):
        with pytest.raises(AssertionError):
            leaf.apply()
        assert leaf.shape() == ()


def test_a_name_is_taken_once() -> None:
    assert FUNCTIONS
    with pytest.raises(ValueError, match="two primitives are called sin"):
        register(Primitive(name="sin", kind="elementwise", apply=np.sin, shape=lambda s: s))


def test_a_primitive_without_rules_is_constant() -> None:
    """The default for what has no derivative: zero in both modes, stated structurally."""
    builder, x, _ = numbers()
    bare = Primitive(name="bare", kind="own", apply=np.sign, shape=lambda s: s)
    node = builder.make(bare, (x,), (), ())
    assert bare.pullback(node, builder.constant(1.0), 0) is None
    assert bare.pushforward(node, [builder.constant(1.0)]) is None


def test_a_function_has_names() -> None:
    builder, x, y = numbers()
    f = Function((x, y), (x + y, x * y), ("sum", "product"))
    assert f.builder is builder
    assert f.input_names == ("x", "y")
    assert [float(v[0]) for v in Plan(f.outputs).run({x: np.array([2.0]), y: np.array([3.0])})] == [5.0, 6.0]
