"""Functions of many numbers: over a whole array, or along one axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from diffcli.errors import ExpressionError
from diffcli.graph import TABLE, Array, Builder, Node, Primitive, register, show_shape
from diffcli.primitives.arithmetic import multiply
from diffcli.primitives.catalogue import add_function, axis_of, function, whole_number
from diffcli.primitives.kinds import add_up, elementwise, expand, linear, reduction, same_shape, without
from diffcli.primitives.piecewise import defined, equal, maximum, minimum, not_equal, where
from diffcli.primitives.structure import concat, halves, index, put, reshaped, stack, sum_, take

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
    doc="The mean along an axis.",
)  # fmt: skip

# Extremes ---------------------------------------------------------------------------------------------------


def _tie_share(x: Array, axis: int) -> Array:
    best = x == np.max(x, axis=axis, keepdims=True)
    count = best.sum(axis=axis, keepdims=True)
    return np.where(count > 0, best / np.maximum(count, 1), np.nan)


tie_share = elementwise("tie_share", _tie_share, doc="1/k for each of the k largest along an axis, else 0.")


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

# Sums of exponentials ---------------------------------------------------------------------------------------


def _shifted(x: Array, axis: int) -> tuple[Array, Array]:
    """X less its largest, and that: equal infinities differ by 0, and all −∞ has no largest."""
    top = np.max(x, axis=axis, keepdims=True) if x.shape[axis] else np.full_like(halves(x, axis), -np.inf)
    z = np.subtract(x, top, out=np.empty(x.shape))
    if (top == np.inf).any():
        np.copyto(z, 0.0, where=(x == top) & (top == np.inf))
    return z, top


def _others(z: Array, axis: int, out: Array | None = None) -> Array:
    """Σ exp(z) less the term 1 of (one of) the largest, which have z = 0; `out` takes the terms."""
    if not z.shape[axis]:
        return halves(z, axis)
    below = z != 0.0
    ties = z.shape[axis] - 1 - np.count_nonzero(below, axis=axis, keepdims=True)
    e = np.exp(z, out=out)
    others: Array = halves(np.multiply(e, below, out=e), axis) + ties
    return others


def _logsumexp(x: Array, axis: int) -> Array:
    z, top = _shifted(x, axis)
    value = np.where(top == -np.inf, top, top + np.log1p(_others(z, axis, z))) if x.shape[axis] else top
    return np.squeeze(value, axis)


def _softmax(x: Array, axis: int) -> Array:
    z, _ = _shifted(x, axis)
    e = np.exp(z, out=z)
    return np.divide(e, halves(e, axis), out=e)


def _log_softmax(x: Array, axis: int) -> Array:
    # The others' share enters through log1p: at the largest element a difference would cancel.
    z, _ = _shifted(x, axis)
    return np.subtract(z, np.log1p(_others(z, axis)), out=z)


def _peak(y: Array, axis: int) -> Array:
    out = np.zeros(y.shape)
    if y.shape[axis]:  # an empty axis has no largest
        np.put_along_axis(out, np.argmax(y, axis=axis, keepdims=True), 1.0, axis)
    return out


peak = elementwise("peak", _peak, doc="1 at the first of the largest along an axis, else 0.")


def _along(node: Node, axis: int, v: Node) -> Node:
    """Σ along the axis, repeated along it."""
    return expand(add_up(v, axis), axis, node.shape[axis])


def _lanes(node: Node, flags: Node, i: int) -> Node:
    """Every element looks at all those along the axis."""
    return _along(node, node.params[0], flags)


def _softmax_product(node: Node, v: Node) -> Node:
    """(diag(y) − y·yᵀ)·v, symmetric, so both modes. Measured from v at the largest y: there vᵢ − Σyⱼvⱼ cancels."""
    (axis,) = node.params
    centred = v - _along(node, axis, v * peak(node, params=(axis,)))
    return node * (centred - _along(node, axis, node * centred))


softmax = register(
    Primitive(
        name="softmax", kind="symmetric", apply=_softmax, shape=same_shape, reaches=_lanes,
        pullback=lambda node, bar, i: _softmax_product(node, bar),
        pushforward=lambda node, dots: None if dots[0] is None else _softmax_product(node, dots[0]),
        doc="exp(x) over its sum along an axis.",
    )
)  # fmt: skip
logsumexp = reduction(
    "logsumexp", _logsumexp, lambda node: softmax(node.args[0], params=node.params),
    doc="log Σ exp(x) along an axis.",
)  # fmt: skip


def _log_softmax_pullback(node: Node, bar: Node, i: int) -> Node:
    (axis,) = node.params
    return bar - softmax(node.args[0], params=(axis,)) * _along(node, axis, bar)


def _log_softmax_pushforward(node: Node, dots: Sequence[Node | None]) -> Node | None:
    (axis,) = node.params
    if dots[0] is None:
        return None
    return dots[0] - _along(node, axis, softmax(node.args[0], params=(axis,)) * dots[0])


log_softmax = register(
    Primitive(
        name="log_softmax", kind="own", apply=_log_softmax, shape=same_shape, reaches=_lanes,
        pullback=_log_softmax_pullback, pushforward=_log_softmax_pushforward,
        doc="log of softmax along an axis.",
    )
)  # fmt: skip

# The norm ---------------------------------------------------------------------------------------------------


def _norm(x: Array, axis: int) -> Array:
    # Scaled by a power of two, which is exact, so that no square overflows or underflows.
    if x.shape[axis] == 0:
        return np.squeeze(halves(x, axis), axis)
    top = np.max(np.abs(x), axis=axis, keepdims=True)
    scale = np.ldexp(1.0, np.clip(np.frexp(np.where(np.isfinite(top), top, 1.0))[1], -1000, 1000))
    value = np.where(np.isinf(top), np.inf, scale * np.sqrt(halves(np.square(x / scale), axis)))
    return np.squeeze(value, axis)


def _far_direction(x: Array, axis: int) -> Array:
    top = np.max(np.abs(x), axis=axis, keepdims=True, initial=0.0)
    if np.max(top, initial=0.0) < 1e300:
        return np.zeros_like(x)  # no norm overflows, and nobody looks
    infinite = np.isinf(x)
    scaled = np.where(np.isinf(top), np.where(infinite, np.sign(x), 0.0), x / np.where(np.isinf(top), 1.0, top))
    length = np.sqrt(halves(np.square(scaled), axis))
    several = infinite.sum(axis=axis, keepdims=True) > 1
    return np.where(np.isnan(top) | several, np.nan, scaled / length)


far_direction = elementwise(
    "far_direction", _far_direction,
    doc="x over its norm along an axis, where that is infinite: the limit at one infinity, NaN at several.",
)  # fmt: skip


def _unit(x: Array, axis: int) -> Array:
    length = np.expand_dims(_norm(x, axis), axis)
    value = x / length
    small = length < 2.0**-960
    if small.any():  # a subnormal length has lost digits
        enlarged = np.where(small, x, 0.0) * 2.0**500
        value = np.where(small, enlarged / np.expand_dims(_norm(enlarged, axis), axis), value)
    if np.isinf(length).any():
        value = np.where(np.isinf(length), far_direction.apply(x, axis), value)
    return np.where(length == 0.0, 0.0, value)


def _unit_product(node: Node, v: Node) -> Node:
    """(I − u·uᵀ)·v/‖x‖, symmetric, so both modes; 0 at the origin, where u is a convention.

    Measured from the multiple of u that agrees with v at the largest uₚ: there 1 − uₚ² has no digit left where the
    others are small.
    """
    (axis,) = node.params
    length = expand(norm(node.args[0], params=(axis,)), axis, node.shape[axis])
    at_peak = peak(TABLE["abs"](node), params=(axis,))
    multiple = _along(node, axis, v * at_peak) / _along(node, axis, node * at_peak)
    rest = (1.0 - at_peak) * (v - node * multiple)
    turned = (rest - node * _along(node, axis, node * rest)) / length
    return where(equal(length, 0.0), 0.0, turned)


unit: Primitive = register(
    Primitive(
        name="unit", kind="symmetric", apply=_unit, shape=same_shape, reaches=_lanes,
        pullback=lambda node, bar, i: _unit_product(node, bar),
        pushforward=lambda node, dots: None if dots[0] is None else _unit_product(node, dots[0]),
        doc="x over its norm along an axis; 0 at the origin, the limit at one infinity.",
    )
)  # fmt: skip
norm: Primitive = reduction(
    "norm", _norm, lambda node: unit(node.args[0], params=node.params), doc="The Euclidean norm along an axis."
)

# Sorting ----------------------------------------------------------------------------------------------------


def _tie_mean(v: Array, y: Array, axis: int) -> Array:
    """Each element of v becomes the mean over the run of equal elements of the sorted y that it stands in."""
    batch = max(v.shape[-1], y.shape[-1])
    rows = np.moveaxis(np.broadcast_to(v, (*v.shape[:-1], batch)), axis, 0).copy()
    keys = np.moveaxis(np.broadcast_to(y, rows.shape if axis == 0 else (*y.shape[:-1], batch)), axis, 0)
    if len(rows) < 2 or not (keys[1:] == keys[:-1]).any():
        return np.moveaxis(rows, 0, axis)
    flat, sorted_keys = rows.reshape(len(rows), -1), keys.reshape(len(rows), -1)
    for column in np.flatnonzero((sorted_keys[1:] == sorted_keys[:-1]).any(axis=0)):
        starts = np.flatnonzero(np.r_[True, sorted_keys[1:, column] != sorted_keys[:-1, column]])
        ends = np.r_[starts[1:], len(rows)]
        for start, end in zip(starts, ends, strict=True):
            flat[start:end, column] = halves(flat[start:end, column], 0)[0] / (end - start)
    return np.moveaxis(flat.reshape(rows.shape), 0, axis)


tie_mean: Primitive = linear(
    "tie_mean", _tie_mean, lambda s, y, axis: s, lambda node, bar, i: tie_mean(bar, node.args[1], params=node.params),
    data=(1,), doc="Means over runs of equal keys along an axis: ties share equally. Its own transpose.",
)  # fmt: skip
order = elementwise(
    "order", lambda x, axis: np.argsort(x, axis=axis, kind="stable").astype(np.float64),
    doc="Where each element of the sorted array comes from.",
)  # fmt: skip


def _sort_pullback(node: Node, bar: Node, i: int) -> Node:
    return put(tie_mean(bar, node, params=node.params), order(node.args[0], params=node.params), params=node.params)


def _sort_pushforward(node: Node, dots: Sequence[Node | None]) -> Node | None:
    if dots[0] is None:
        return None
    moved = take(dots[0], order(node.args[0], params=node.params), params=node.params)
    return tie_mean(moved, node, params=node.params)


sort = register(
    Primitive(
        name="sort", kind="own", apply=lambda x, axis: np.sort(x, axis=axis, kind="stable"), shape=same_shape,
        pullback=_sort_pullback, pushforward=_sort_pushforward, scales=False, doc="Sorted along an axis, ascending.",
    )
)  # fmt: skip

# What people call -------------------------------------------------------------------------------------------


def reduced(x: Node, axis: Node | None) -> tuple[Node, int]:
    """`x` and the axis to reduce; without one, the whole array as a row."""
    if axis is None:
        return reshaped(x, (x.size,)), 0
    return x, axis_of(x, axis)


def _not_empty(x: Node, axis: int, what: str) -> None:
    if x.shape[axis] == 0:
        raise ExpressionError(f"{what} of an empty array does not exist", code="shape")


REDUCTION = {"family": "reduction"}


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
    _not_empty(x, k, "the mean")
    return mean(x, params=(k,))


def _centred(x: Node, axis: int) -> Node:
    return x - expand(mean(x, params=(axis,)), axis, x.shape[axis])


def _freedom(x: Node, axis: int, ddof: Node | None) -> float:
    _not_empty(x, axis, "the variance")
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
            _not_empty(x, k, what)
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


@function("x, axis=", doc="log Σ exp(x), without overflow.", rule="softmax(x)", notation="log Σ eˣ", **REDUCTION)
def logsumexp_(builder: Builder, x: Node, axis: Node | None = None) -> Node:
    """Log Σ exp(x)."""
    x, k = reduced(x, axis)
    return logsumexp(x, params=(k,))


def _last(x: Node, axis: Node | None, what: str) -> int:
    if axis is not None:
        return axis_of(x, axis)
    if len(x.shape) != 1:
        raise ExpressionError(
            f"{what} of {show_shape(x.shape)} needs an axis", hint=f"write {what}(x, axis=0)", code="shape"
        )
    return 0


AXIS = {"family": "along an axis"}


@function("x, axis=", doc="exp(x) over its sum.", rule="diag(y) − y·yᵀ", notation="eˣ/Σ eˣ", **AXIS)
def softmax_(builder: Builder, x: Node, axis: Node | None = None) -> Node:
    """exp(x) over its sum."""
    return softmax(x, params=(_last(x, axis, "softmax"),))


@function("x, axis=", doc="log(softmax(x)), accurate where softmax is near 1.", rule="I − 1·softmax(x)ᵀ", **AXIS)
def log_softmax_(builder: Builder, x: Node, axis: Node | None = None) -> Node:
    """Log of softmax."""
    return log_softmax(x, params=(_last(x, axis, "log_softmax"),))


@function(
    "x, axis=", doc="The elements in ascending order.", rule="a permutation", kink="the tied share equally", **AXIS
)
def sort_(builder: Builder, x: Node, axis: Node | None = None) -> Node:
    """The elements in ascending order."""
    return sort(x, params=(_last(x, axis, "sort"),))


@function(
    "x, axis=", doc="The middle element, or the mean of the two in the middle.",
    rule="1 for the middle one, ½ for each of two", kink="the tied share equally", **AXIS,
)  # fmt: skip
def median(builder: Builder, x: Node, axis: Node | None = None) -> Node:
    """The median."""
    x, k = reduced(x, axis)
    _not_empty(x, k, "the median")
    n = x.shape[k]
    key = tuple((0, m, 1) for m in x.shape[:k])
    ascending = sort(x, params=(k,))
    middle = index(ascending, params=((*key, ((n - 1) // 2, n // 2 + 1, 1)),))
    value = mean(middle, params=(k,)) if n % 2 == 0 else reshaped(middle, without(x.shape, k))
    # What is no number is sorted to the end.
    return value if n < 2 else value * defined(index(ascending, params=((*key, n - 1),)))


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
