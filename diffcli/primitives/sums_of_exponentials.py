"""Sums of exponentials along an axis, none of which overflows: logsumexp, softmax and its logarithm."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from diffcli.graph import Array, Builder, Node, Primitive, register
from diffcli.primitives.catalogue import function
from diffcli.primitives.kinds import along_another, reduction, same_shape
from diffcli.primitives.lanes import AXIS, REDUCTION, along, along_reaches, lane_axis, peak, reduced, symmetric
from diffcli.primitives.piecewise import not_equal, where
from diffcli.primitives.structure import halves


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


def _softmax_product(node: Node, v: Node) -> Node:
    """(diag(y) − y·yᵀ)·v, symmetric, so both modes. Measured from v at the largest y: there vᵢ − Σyⱼvⱼ cancels."""
    (axis,) = node.params
    centred = v - along(node, axis, v * peak(node, params=(axis,)))
    return node * (centred - along(node, axis, node * centred))


softmax = symmetric("softmax", _softmax, _softmax_product, "exp(x) over its sum along an axis.")
logsumexp = reduction(
    "logsumexp", _logsumexp, lambda node: softmax(node.args[0], params=node.params),
    doc="log Σ exp(x) along an axis.",
)  # fmt: skip


# At the largest element 1 − softmax has no digit left where the others are small: their sum takes its place.


def _log_softmax_pullback(node: Node, bar: Node, i: int) -> Node:
    """bar − y·Σ bar, of y = softmax(x)."""
    (axis,) = node.params
    share = softmax(node.args[0], params=(axis,))
    largest = not_equal(peak(share, params=(axis,)), 0.0)
    bar_there = along(node, axis, where(largest, bar, 0.0))
    other_bars, other_shares = (along(node, axis, where(largest, 0.0, each)) for each in (bar, share))
    return where(largest, bar * other_shares, bar - share * bar_there) - share * other_bars


def _log_softmax_pushforward(node: Node, dots: Sequence[Node | None]) -> Node | None:
    """ẋ − Σ y·ẋ, with ẋ measured from that at the largest element."""
    (axis,) = node.params
    (dot,) = dots
    if dot is None:
        return None
    share = softmax(node.args[0], params=(axis,))
    centred = dot - along(node, axis, dot * peak(share, params=(axis,)))
    return centred - along(node, axis, share * centred)


log_softmax = register(
    Primitive(
        name="log_softmax", kind="own", apply=_log_softmax, shape=same_shape, reaches=along_reaches,
        keeps_rows=along_another,
        pullback=_log_softmax_pullback, pushforward=_log_softmax_pushforward,
        doc="log of softmax along an axis.",
    )
)  # fmt: skip


@function("x, axis=", doc="log Σ exp(x), without overflow.", rule="softmax(x)", notation="log Σ eˣ", **REDUCTION)
def logsumexp_(builder: Builder, x: Node, axis: Node | None = None) -> Node:
    """Log Σ exp(x)."""
    x, k = reduced(x, axis)
    return logsumexp(x, params=(k,))


@function("x, axis=", doc="exp(x) over its sum.", rule="diag(y) − y·yᵀ", notation="eˣ/Σ eˣ", **AXIS)
def softmax_(builder: Builder, x: Node, axis: Node | None = None) -> Node:
    """exp(x) over its sum."""
    return softmax(x, params=(lane_axis(x, axis, "softmax"),))


@function("x, axis=", doc="log(softmax(x)), accurate where softmax is near 1.", rule="I − 1·softmax(x)ᵀ", **AXIS)
def log_softmax_(builder: Builder, x: Node, axis: Node | None = None) -> Node:
    """Log of softmax."""
    return log_softmax(x, params=(lane_axis(x, axis, "log_softmax"),))
