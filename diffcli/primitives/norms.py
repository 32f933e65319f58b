"""The Euclidean norm along an axis, without overflow, and its direction."""

from __future__ import annotations

import numpy as np

from diffcli.graph import TABLE, Array, Node, Primitive
from diffcli.primitives.kinds import elementwise, expand, reduction
from diffcli.primitives.lanes import along, peak, symmetric
from diffcli.primitives.piecewise import equal, where
from diffcli.primitives.structure import halves


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
    "far_direction", _far_direction, keeps_rows=None,
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
    multiple = along(node, axis, v * at_peak) / along(node, axis, node * at_peak)
    rest = (1.0 - at_peak) * (v - node * multiple)
    turned = (rest - node * along(node, axis, node * rest)) / length
    return where(equal(length, 0.0), 0.0, turned)


unit: Primitive = symmetric(
    "unit", _unit, _unit_product, "x over its norm along an axis; 0 at the origin, the limit at one infinity."
)
norm: Primitive = reduction(
    "norm", _norm, lambda node: unit(node.args[0], params=node.params), doc="The Euclidean norm along an axis."
)
