"""What the order of the elements along an axis decides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from diffcli.graph import Array, Builder, Node, Primitive, register
from diffcli.primitives.catalogue import function
from diffcli.primitives.kinds import along_another, elementwise, linear, same_shape, without
from diffcli.primitives.lanes import AXIS, lane_axis, not_empty, reduced
from diffcli.primitives.piecewise import defined
from diffcli.primitives.reductions import mean
from diffcli.primitives.structure import halves, index, put, reshaped, take


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
    data=(1,), keeps_rows=along_another,
    doc="Means over runs of equal keys along an axis: ties share equally. Its own transpose.",
)  # fmt: skip
order = elementwise(
    "order", lambda x, axis: np.argsort(x, axis=axis, kind="stable").astype(np.float64),
    keeps_rows=along_another, doc="Where each element of the sorted array comes from.",
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
        pullback=_sort_pullback, pushforward=_sort_pushforward, scales=False, keeps_rows=along_another,
        doc="Sorted along an axis, ascending.",
    )
)  # fmt: skip


@function(
    "x, axis=", doc="The elements in ascending order.", rule="a permutation", kink="the tied share equally", **AXIS
)
def sort_(builder: Builder, x: Node, axis: Node | None = None) -> Node:
    """The elements in ascending order."""
    return sort(x, params=(lane_axis(x, axis, "sort"),))


@function(
    "x, axis=", doc="The middle element, or the mean of the two in the middle.",
    rule="1 for the middle one, ½ for each of two", kink="the tied share equally", **AXIS,
)  # fmt: skip
def median(builder: Builder, x: Node, axis: Node | None = None) -> Node:
    """The median."""
    x, k = reduced(x, axis)
    not_empty(x, k, "the median")
    n = x.shape[k]
    key = tuple((0, m, 1) for m in x.shape[:k])
    ascending = sort(x, params=(k,))
    middle = index(ascending, params=((*key, ((n - 1) // 2, n // 2 + 1, 1)),))
    value = mean(middle, params=(k,)) if n % 2 == 0 else reshaped(middle, without(x.shape, k))
    # What is no number is sorted to the end.
    return value if n < 2 else value * defined(index(ascending, params=((*key, n - 1),)))
