"""What the functions along one axis have in common."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from diffcli.errors import ExpressionError
from diffcli.graph import Array, Node, Primitive, register, show_shape
from diffcli.primitives.catalogue import axis_of
from diffcli.primitives.kinds import add_up, along_another, elementwise, expand, same_shape
from diffcli.primitives.structure import reshaped

REDUCTION = {"family": "reduction"}
AXIS = {"family": "along an axis"}


def reduced(x: Node, axis: Node | None) -> tuple[Node, int]:
    """`x` and the axis to reduce; without one, the whole array as a row."""
    if axis is None:
        return reshaped(x, (x.size,)), 0
    return x, axis_of(x, axis)


def not_empty(x: Node, axis: int, what: str) -> None:
    """Refuse what has no number along the axis."""
    if x.shape[axis] == 0:
        raise ExpressionError(f"{what} of an empty array does not exist", code="shape")


def lane_axis(x: Node, axis: Node | None, what: str) -> int:
    """The axis to go along; only a vector has one without being told."""
    if axis is not None:
        return axis_of(x, axis)
    if len(x.shape) != 1:
        raise ExpressionError(
            f"{what} of {show_shape(x.shape)} needs an axis", hint=f"write {what}(x, axis=0)", code="shape"
        )
    return 0


def _peak(y: Array, axis: int) -> Array:
    out = np.zeros(y.shape)
    if y.shape[axis]:  # an empty axis has no largest
        np.put_along_axis(out, np.argmax(y, axis=axis, keepdims=True), 1.0, axis)
    return out


peak = elementwise("peak", _peak, keeps_rows=along_another, doc="1 at the first of the largest along an axis, else 0.")


def along(node: Node, axis: int, v: Node) -> Node:
    """Σ along the axis, repeated along it."""
    return expand(add_up(v, axis), axis, node.shape[axis])


def along_reaches(node: Node, flags: Node, i: int) -> Node:
    """Every element looks at all those along the axis."""
    return along(node, node.params[0], flags)


def symmetric(name: str, apply: Callable[..., Array], product: Callable[[Node, Node], Node], doc: str) -> Primitive:
    """A function along an axis whose Jacobian J is symmetric: ``product(node, v)`` is J·v, in both modes."""
    return register(
        Primitive(
            name=name, kind="symmetric", apply=apply, shape=same_shape, reaches=along_reaches,
            keeps_rows=along_another,
            pullback=lambda node, bar, i: product(node, bar),
            pushforward=lambda node, dots: None if dots[0] is None else product(node, dots[0]),
            doc=doc,
        )
    )  # fmt: skip
