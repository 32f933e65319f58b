"""A branch that is not taken contributes nothing at all; a NaN that comes from no branch stays one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import diffcli
from diffcli.derive import adjoint, tangent
from diffcli.evaluation import Plan, lift
from diffcli.graph import Array, ancestors

INF, NAN = math.inf, math.nan


def _derivatives(text: str, at: dict[str, Any]) -> tuple[Array, Array, Array]:
    """Gradient by the adjoint, Hessian by the adjoint of the adjoint and by the tangent of the adjoint."""
    program = diffcli.parse(text)
    point = program.resolve(at)
    function = program.bind({name: value.shape for name, value in point.items()})
    builder = function.builder
    (output,) = function.outputs
    zero = builder.constant(0.0)
    bars = adjoint([output], [builder.constant(1.0)], function.inputs).cotangents
    gradient = [builder.broadcast(bars.get(x, zero), x.shape) for x in function.inputs]
    values = {x: lift(point[x.params[0]]) for x in function.inputs}
    rows, columns = [], []
    for k, part in enumerate(gradient):
        for i in range(part.size):
            one_hot = np.zeros(part.shape)
            one_hot.flat[i] = 1.0
            seed = builder.constant(one_hot)
            back = adjoint([part], [seed], function.inputs).cotangents
            rows.append([builder.broadcast(back.get(x, zero), x.shape) for x in function.inputs])
            dots = tangent(gradient, {function.inputs[k]: seed})
            columns.append([builder.broadcast(dot or zero, x.shape) for dot, x in zip(dots, gradient, strict=True)])

    def numbers(nodes: list[Any]) -> Array:
        return np.concatenate([np.ravel(value[..., 0]) for value in Plan(nodes).run(values)])

    return numbers(gradient), np.array([numbers(row) for row in rows]), np.array([numbers(c) for c in columns]).T


@pytest.mark.parametrize(
    ("text", "at", "gradient", "hessian"),
    [
        ("where(x>0, sqrt(x), 0)", {"x": 0}, [0], [[0]]),
        ("where(x>0, sqrt(x), 0)", {"x": -1}, [0], [[0]]),
        ("where(x>0, sqrt(x), 0)", {"x": 4}, [0.25], [[-1 / 32]]),
        ("sqrt(x) if x > 0 else x^2", {"x": -3}, [-6], [[2]]),
        ("x^2 if not x > 0 else log(x)", {"x": -3}, [-6], [[2]]),
        ("where(x>0, log(x), 0)", {"x": 0}, [0], [[0]]),
        ("where(x==0, 1, sin(x)/x)", {"x": 0}, [0], [[0]]),
        ("where(x<100, exp(x), 0)", {"x": 1000}, [0], [[0]]),
        ("where(y!=0, x/y, 0)", {"x": 1, "y": 0}, [0, 0], [[0, 0], [0, 0]]),
        ("where(x>0, sqrt(where(x>0, x, 1)), 0)", {"x": 0}, [0], [[0]]),
        # conditions of conditions
        ("where(x>0, where(y>0, sqrt(x)*sqrt(y), x^2), y^2)", {"x": 0, "y": 3}, [0, 6], [[0, 0], [0, 2]]),
        ("where(x>0, where(y>0, sqrt(y)*x, x^2), y^2)", {"x": 3, "y": -1}, [6, 0], [[2, 0], [0, 0]]),
        ("where(x>0 and y>0, log(x)*log(y), x*y)", {"x": 2, "y": 0}, [0, 2], [[0, 1], [1, 0]]),
        ("where(x<0 or y<0, x*y, sqrt(x)*sqrt(y))", {"x": 2, "y": -1}, [-1, 2], [[0, 1], [1, 0]]),
        ("where(0 < x < 1, asin(2*x), x^3)", {"x": 2}, [12], [[12]]),
        ("(1/x if x else 5*x)", {"x": 0}, [5], [[0]]),
        # what both branches share, and what is used outside as well
        ("s = sqrt(x); where(x>0, s, 0) + where(x>0, s^2, 7*x)", {"x": 0}, [7], [[0]]),
        ("s = sqrt(x); where(x>0, s, -s)", {"x": 4}, [0.25], [[-1 / 32]]),
        ("s = x^2; where(x>0, log(s), s) + s", {"x": -3}, [-12], [[4]]),
        ("s = x^2 + 1; where(x>0, sqrt(x)*s, s)", {"x": -3}, [-6], [[2]]),
        ("s = sqrt(x); where(x>0, s, 0) + where(x>1, s, x)", {"x": -2}, [1], [[0]]),
        # max, min, clip, relu and hypot are branches too
        ("max(0, sqrt(x))", {"x": 4}, [0.25], [[-1 / 32]]),
        ("max(1/x, y)", {"x": -1e-320, "y": 2}, [0, 1], [[0, 0], [0, 0]]),
        ("min(log(x), y)", {"x": INF, "y": 2}, [0, 1], [[0, 0], [0, 0]]),
        ("relu(-1/x)", {"x": 1e-320}, [0], [[0]]),
        ("relu(log(x))", {"x": 0}, [0], [[0]]),
        ("clip(log(x), -1, 1)", {"x": 0}, [0], [[0]]),
        ("clip(x, -exp(y), exp(y))", {"x": 0, "y": 1000}, [1, 0], [[0, 0], [0, 0]]),
        ("clip(x, sqrt(y), -1)", {"x": -2, "y": 0}, [0, 0], [[0, 0], [0, 0]]),
        ("clip(x, 1/y, 2)", {"x": 5, "y": -1e-320}, [0, 0], [[0, 0], [0, 0]]),
        ("max(3, log(x), y)", {"x": 0, "y": 5}, [0, 1], [[0, 0], [0, 0]]),
        ("max([log(x), y, y^2])", {"x": 0, "y": 5}, [0, 10], [[0, 0], [0, 2]]),
        # through what is not elementwise
        ("sum(where([x, 1] > 0, sqrt([x, 1]), 0))", {"x": 0}, [0], [[0]]),
        ("where([x, y] > 0, log([x, y]), 0)[1]", {"x": 0, "y": 2}, [0, 0.5], [[0, 0], [0, -0.25]]),
        ("where(x > 0, sum(log([x, 2*x])), x)", {"x": 0}, [1], [[0]]),
        ("where(x > 0, norm([sqrt(x), 1]), x)", {"x": 0}, [1], [[0]]),
        ("where(x > 0, log([x, y])[0], x*y)", {"x": 0, "y": 3}, [3, 0], [[0, 1], [1, 0]]),
        ("where(x > 0, prod(1/[x, y]), y)", {"x": 0, "y": 3}, [0, 1], [[0, 0], [0, 0]]),
        ("where(x > 0, ([[1/x, 0], [0, 1]] @ [y, 1])[0], y)", {"x": 0, "y": 3}, [0, 1], [[0, 0], [0, 0]]),
        ("where(x > 0, sort(1/[x, 2])[1], x)", {"x": 0}, [1], [[0]]),
        ("where(x > 0, cumsum(log([x, 1]))[1], x)", {"x": 0}, [1], [[0]]),
        ("where(x > 0, logsumexp(log([x, x^2])), x)", {"x": 0}, [1], [[0]]),
        ("where(x > 0, mean(log([x, 1])), x)", {"x": 0}, [1], [[0]]),
        ("where(x > 0, softmax(log([x, 1]))[0], x)", {"x": 0}, [1], [[0]]),
        ("where(x > 0, trace(outer(log([x, 1]), [1, 1])), x)", {"x": 0}, [1], [[0]]),
        ("where(x > 0, concat(log([x]), [1])[0], x)", {"x": 0}, [1], [[0]]),
        ("where(x > 0, stack(log(x), 1)[0], x)", {"x": 0}, [1], [[0]]),
        ("where(x > 0, reshape(log([x, 1]), 2, 1)[0, 0], x)", {"x": 0}, [1], [[0]]),
        ("where(x > 0, ([log(x), 1]')[0], x)", {"x": 0}, [1], [[0]]),
        ("where(x > 0, max(log([x, 1])), x)", {"x": 0}, [1], [[0]]),
        ("where(x > 0, x^y, y)", {"x": 0, "y": 0.5}, [0, 1], [[0, 0], [0, 0]]),
    ],
)
def test_an_untaken_branch_gives_nothing(
    text: str, at: dict[str, float], gradient: list[float], hessian: list[list[float]]
) -> None:
    first, backward, forward = _derivatives(text, at)
    np.testing.assert_allclose(first, gradient, rtol=1e-14)
    np.testing.assert_allclose(backward, hessian, rtol=1e-13)
    np.testing.assert_allclose(forward, hessian, rtol=1e-13)
    program = diffcli.parse(text)
    assert list(diffcli.grad(program, at).values()) == first.tolist()
    pulled = diffcli.vjp(program, at)(1.0)
    assert list(pulled.values()) == pytest.approx(first.tolist(), rel=1e-15)
    assert diffcli.jacobian(program, at).matrix[0].tolist() == pytest.approx(first.tolist(), rel=1e-15)


@pytest.mark.parametrize(
    ("text", "at", "gradient"),
    [
        ("x*log(x)", {"x": 0}, [NAN]),  # 0·∞ from no branch
        ("0*log(x)", {"x": 0}, [NAN]),
        ("sqrt(x)^2", {"x": 0}, [NAN]),
        ("sqrt(x) * 0", {"x": 0}, [NAN]),
        ("where(x>=0, 0*sqrt(x), 1)", {"x": 0}, [NAN]),  # the branch is taken
        ("max(x*log(x), x*log(x))", {"x": 0}, [NAN]),
        ("log(x)", {"x": -1}, [NAN]),
        ("relu(x)", {"x": NAN}, [NAN]),
        ("max(x, 1)", {"x": NAN}, [NAN]),
        ("clip(x, 0, 1)", {"x": NAN}, [NAN]),
    ],
)
def test_an_honest_nan_stays(text: str, at: dict[str, float], gradient: list[float]) -> None:
    assert list(diffcli.grad(diffcli.parse(text), at).values()) == pytest.approx(gradient, nan_ok=True)


def test_element_by_element() -> None:
    f = diffcli.parse("sum(where(w > 0, sqrt(w)*log(w), w^2))")
    w = np.array([-2.0, 0.0, 1.0, 4.0])
    found = diffcli.grad(f, w)
    wanted = [-4.0, 0.0, 1.0, math.log(4) / 4 + 0.5]
    assert found == pytest.approx(wanted, rel=1e-14)


def test_rows_of_a_matrix_that_only_some_outputs_look_at() -> None:
    f = diffcli.parse("L = log(A)\nwhere(k > 0, L[0, 0], L[1, 1])")
    A = np.array([[0.0, 1.0], [1.0, 2.0]])
    bars = diffcli.grad(f, {"A": A, "k": -1})
    assert bars["A"].tolist() == [[0, 0], [0, 0.5]]  # type: ignore[union-attr]


def test_a_recursion_unrolled_by_hand() -> None:
    """Newton's method for a square root, guarded at every step."""
    lines = ["y0 = x"]
    lines += [f"y{i + 1} = (y{i} + x/y{i})/2 if x > 0 else 0" for i in range(8)]
    f = diffcli.parse("\n".join([*lines, "y8"]))
    value, gradient = diffcli.value_and_grad(f, {"x": 2.0})
    assert value == pytest.approx(math.sqrt(2), rel=1e-15)
    assert gradient["x"] == pytest.approx(0.5 / math.sqrt(2), rel=1e-14)
    assert diffcli.value_and_grad(f, {"x": 0.0}) == (0.0, {"x": 0.0})


def test_branches_cost_nothing_where_there_are_none() -> None:
    f = diffcli.parse("sin(x)*cos(y) + exp(x*y)").bind({"x": (), "y": ()})
    adjoint(f.outputs, [f.builder.constant(1.0)], f.inputs)
    assert not any(node.op.name == "where" for node in f.builder.nodes)


def test_a_cotangent_is_not_chosen_before_a_step_after_which_it_is_chosen_again() -> None:
    f = diffcli.parse("where(x > 0, sin(exp(x)*y), 0)").bind({"x": (), "y": ()})
    bars = adjoint(f.outputs, [f.builder.constant(1.0)], f.inputs).cotangents
    used = ancestors([bars[x] for x in f.inputs])
    assert not [node for node in used if node.op.name == "multiply" and any(a.op.name == "where" for a in node.args)]
    assert [bars[x].op.name for x in f.inputs] == ["where", "where"]


def test_what_both_branches_use_is_used_always() -> None:
    f = diffcli.parse("s = exp(x); where(x > 0, sin(s), cos(s))").bind({"x": ()})
    adjoint(f.outputs, [f.builder.constant(1.0)], f.inputs)
    assert not any(node.op.name == "or" for node in f.builder.nodes)


def test_a_thousand_nested_branches() -> None:
    n = 1000
    text = "(log(x) if x > 0 else " * n + "x^2" + ")" * n
    assert diffcli.grad(diffcli.parse(text), {"x": -3}) == {"x": -6.0}
    assert diffcli.grad(diffcli.parse(text), {"x": 2}) == {"x": 0.5}
