"""Sums, products, means and extremes: of a whole array, or along one axis."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from diffcli.errors import ExpressionError
from diffcli.graph import TABLE, Array, Builder, Node, Primitive
from diffcli.primitives.arithmetic import multiply
from diffcli.primitives.catalogue import add_function, axis_of, function, whole_number
from diffcli.primitives.kinds import add_up, along_another, elementwise, expand, linear, reduction, without
from diffcli.primitives.lanes import AXIS, REDUCTION, not_empty, reduced
from diffcli.primitives.norms import norm
from diffcli.primitives.piecewise import maximum, minimum, not_equal
from diffcli.primitives.structure import concat, halves, index, reshaped, stack, sum_

# Sums and means ---------------------------------------------------------------------------------------------


def _mean(x: Array, axis: int) -> Array:
    n = x.shape[axis]
    with np.errstate(all="ignore"):
        mean = halves(x, axis) / n
        if not np.isfinite(mean).all():  # the sum may overflow, to ∞ or on to ∞ − ∞, where the mean does not
            mean = np.where(np.isfinite(mean), mean, halves(x / n, axis))
    squeezed: Array = np.squeeze(mean, axis)
    return squeezed


def _mean_transpose(bar: Node, axis: int, n: int) -> Node:
    return expand(bar / float(n), axis, n)


mean = linear(
    "mean", _mean, without,
    lambda node, bar, i: _mean_transpose(bar, node.params[0], node.args[0].shape[node.params[0]]),
    keeps_rows=along_another, doc="The mean along an axis.",
)  # fmt: skip

# Extremes ---------------------------------------------------------------------------------------------------


def _tie_share(x: Array, axis: int) -> Array:
    best = x == np.max(x, axis=axis, keepdims=True)
    count = best.sum(axis=axis, keepdims=True)
    return np.where(count > 0, best / np.maximum(count, 1), np.nan)


tie_share = elementwise(
    "tie_share", _tie_share, keeps_rows=along_another, doc="1/k for each of the k largest along an axis, else 0."
)


def _unbeaten(node: Node) -> Node:
    return not_equal(_extreme_weights(node), 0.0)


def _extreme_weights(node: Node) -> Node:
    x = node.args[0]
    return tie_share(x if node.op is max_ else -x, params=node.params)


max_ = reduction(
    "max", lambda x, axis: np.max(x, axis=axis), _extreme_weights, uses=(_unbeaten,),
    doc="The largest along an axis.",
)  # fmt: skip
min_ = reduction(
    "min", lambda x, axis: np.min(x, axis=axis), _extreme_weights, uses=(_unbeaten,),
    doc="The smallest along an axis.",
)  # fmt: skip

# What people call -------------------------------------------------------------------------------------------


@function(
    "x, axis=", name="sum", doc="The sum of all, or along an axis.", rule="1 for each", notation="Σ x", **REDUCTION
)
def sum_all(builder: Builder, x: Node, axis: Node | None = None) -> Node:
    """The sum."""
    x = builder.number(x)
    return sum_(x, params=((),)) if axis is None else add_up(x, axis_of(x, axis))


@function("x, axis=", doc="The product.", rule="the product of the others, zeros and all", notation="Π x", **REDUCTION)
def prod(builder: Builder, x: Node, axis: Node | None = None) -> Node:
    """The product, by halves: each partial is then a product of the others, and none is found by division."""
    x, k = reduced(x, axis)
    lead = tuple((0, n, 1) for n in x.shape[:k])
    while (n := x.shape[k]) > 1:
        left = index(x, params=((*lead, (0, n // 2, 1)),))
        right = index(x, params=((*lead, (n // 2, 2 * (n // 2), 1)),))
        halved = left * right
        x = halved if n % 2 == 0 else concat(halved, index(x, params=((*lead, (n - 1, n, 1)),)), params=(k,))
    if x.shape[k] == 0:
        return builder.broadcast(builder.constant(1.0), without(x.shape, k))
    return reshaped(x, without(x.shape, k))


@function("x, axis=", doc="The arithmetic mean.", rule="1/n for each", notation="Σ x / n", **REDUCTION)
def mean_(builder: Builder, x: Node, axis: Node | None = None) -> Node:
    """The arithmetic mean."""
    x, k = reduced(builder.number(x), axis)
    not_empty(x, k, "the mean")
    return mean(x, params=(k,))


def _centred(x: Node, axis: int) -> Node:
    """X less its mean along the axis."""
    return x - expand(mean(x, params=(axis,)), axis, x.shape[axis])


def _freedom(x: Node, axis: int, ddof: Node | None) -> float:
    """How many degrees of freedom a variance along the axis is over."""
    not_empty(x, axis, "the variance")
    n = x.shape[axis] - (0 if ddof is None else whole_number(ddof, "ddof"))
    if n <= 0:
        raise ExpressionError(f"{x.shape[axis]} numbers leave no degree of freedom", hint="lower ddof", code="shape")
    return float(n)


@function("x, axis=, ddof=", doc="The variance, over n − ddof (0).", rule="2(x − mean)/(n − ddof)", **REDUCTION)
def var(builder: Builder, x: Node, axis: Node | None = None, ddof: Node | None = None) -> Node:
    """The variance, from the centred numbers: the one-pass formula cancels."""
    x, k = reduced(x, axis)
    n = _freedom(x, k, ddof)
    return add_up(_centred(x, k) ** 2.0, k) / n


@function(
    "x, axis=, ddof=",
    doc="The standard deviation.",
    rule="(x − mean)/((n − ddof)·std)",
    kink="0 where all are equal",
    **REDUCTION,
)
def std(builder: Builder, x: Node, axis: Node | None = None, ddof: Node | None = None) -> Node:
    """The standard deviation."""
    x, k = reduced(x, axis)
    n = _freedom(x, k, ddof)
    # The root is a node, so that arbitrary precision has all its digits.
    return norm(_centred(x, k), params=(k,)) / TABLE["sqrt"](builder.constant(n))


def _extreme(of_array: Primitive, of_two: Primitive) -> Callable[..., Node]:
    def build(builder: Builder, *nodes: Node, axis: Node | None = None) -> Node:
        what = of_array.name
        if len(nodes) == 1:
            if nodes[0].shape == ():
                raise ExpressionError(
                    f"{what} needs two or more arguments, or one array", hint=f"write {what}(a, b)", code="arity"
                )
            x, k = reduced(nodes[0], axis)
            not_empty(x, k, what)
            return of_array(x, params=(k,))
        if axis is not None:
            raise ExpressionError(f"{what} takes an axis with one array only", code="arity")
        if len(nodes) == 2:
            return of_two(*nodes)
        return of_array(stack(*builder.aligned(list(nodes), of_two)), params=(0,))

    return build


add_function(
    "max", "a, …, axis=", _extreme(max_, maximum), doc="The largest of two or more, or of an array.",
    rule="1 for the one that is taken, 0 for the others", kink="the tied share equally", family="reduction",
)  # fmt: skip
add_function(
    "min", "a, …, axis=", _extreme(min_, minimum), doc="The smallest of two or more, or of an array.",
    rule="1 for the one that is taken, 0 for the others", kink="the tied share equally", family="reduction",
)  # fmt: skip


@function(
    "x, axis=",
    doc="The Euclidean norm, without overflow.",
    rule="x/norm",
    kink="0 at the origin",
    notation="‖x‖",
    **REDUCTION,
)
def norm_(builder: Builder, x: Node, axis: Node | None = None) -> Node:
    """The Euclidean norm."""
    x, k = reduced(x, axis)
    return norm(x, params=(k,))


@function("x, axis=", doc="Running products.", rule="products of the others, zeros and all", **AXIS)
def cumprod(builder: Builder, x: Node, axis: Node | None = None) -> Node:
    """Running products, in log₂ n multiplications of whole arrays, none undone by a division."""
    if axis is None and len(x.shape) != 1:
        x = reshaped(x, (x.size,))
    k = 0 if axis is None else axis_of(x, axis)
    lead = tuple((0, n, 1) for n in x.shape[:k])
    n, step = x.shape[k], 1
    while step < n:
        head = index(x, params=((*lead, (0, step, 1)),))
        tail = multiply(index(x, params=((*lead, (step, n, 1)),)), index(x, params=((*lead, (0, n - step, 1)),)))
        x = concat(head, tail, params=(k,))
        step *= 2
    return x
