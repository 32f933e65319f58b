"""The exact numbers at a point, under the keys of the command's answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffcli.diagnosis.questions import Question
from diffcli.diagnosis.truth import SECOND_ORDER, Sides, Truth
from diffcli.graph import Node

Refined = Mapping[str, Any]
#: What asks for a matrix times a vector.
PRODUCTS = ("vjp", "jvp", "hvp")


def refined(question: Question, known: Truth, answer: Sides | None) -> Refined | None:
    """What is known of them: NaN says that there is none, None that it is not known. `answer` has the derivatives that
    one of `PRODUCTS` asks for.
    """
    what, function = question.what, question.function
    if known.values is None:
        return None
    values = _shaped(known.values, function.outputs, function.names)
    if what == "eval":
        return {"values": values}
    one = what in ("grad", *SECOND_ORDER)
    out: dict[str, Any] = {"value": next(iter(values.values()))} if one else {"values": values}
    table = "gradient" if what == "grad" else what
    if known.first is None:
        return {**out, **({"gradient": None} if what in SECOND_ORDER else {}), table: None}
    inputs = [str(node.params[0]) for node in question.wrt]

    def by_input(row: NDArray[Any]) -> dict[str, Any]:
        return _shaped(row.tolist(), question.wrt, inputs)

    if what in SECOND_ORDER:
        out["gradient"] = by_input(known.first.value[0])
        if known.second is None:
            return {**out, what: None}
    sides = answer if what in PRODUCTS else known.second if what == "hessian" else known.first
    assert sides is not None
    shapes: dict[str, Callable[[NDArray[Any]], Any]] = {
        "grad": lambda table: by_input(table[0]),
        "vjp": by_input,
        "hvp": by_input,
        "jvp": lambda row: _shaped(row.tolist(), function.outputs, function.names),
    }
    shape = shapes.get(what, np.asarray)
    out[table] = shape(sides.value)
    if sides.differ:
        out["left"], out["right"] = shape(sides.left), shape(sides.right)
    return out


def _shaped(flat: Sequence[float], nodes: Sequence[Node], names: Sequence[str]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    start = 0
    for node, name in zip(nodes, names, strict=True):
        part = flat[start : start + node.size]
        out[name] = float(part[0]) if node.shape == () else np.array(part).reshape(node.shape)
        start += node.size
    return out
