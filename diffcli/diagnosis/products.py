"""What J·u and vᵀ·J really are at kinks and ties, of which products of one-sided partial derivatives say nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from diffcli.diagnosis.questions import Question
from diffcli.diagnosis.truth import Sides, to_sides
from diffcli.errors import ExpressionError
from diffcli.graph import TABLE, Node

if TYPE_CHECKING:
    from diffcli.precise import Exactly


def along(question: Question, tangent: Sequence[NDArray[Any]], places: Sequence[int], seconds: float) -> Sides | None:
    """The one-sided derivatives along a `tangent`, by the parts of `wrt`, of the output elements at some `places`:
    those by t of f(x + t·u). They are no sum of partial ones: max(x, y) at a tie is as smooth as t itself where both
    move alike. None where they are not known.
    """
    from diffcli.precise import Along

    line = dict(zip(question.wrt, tangent, strict=True))
    exactly = Along(question.function.outputs, question.at, line, seconds=seconds)
    found = _partials(question, exactly, [0])
    return None if found is None else Sides(*(table[places, 0] for table in found))


def of_sum(
    question: Question, cotangent: Sequence[NDArray[Any]], places: Sequence[int], seconds: float
) -> Sides | None:
    """The partial derivatives of Σ vᵢ·fᵢ at some `places` among the elements of `wrt`, for a `cotangent` by the parts
    of the outputs: the kinks of its terms may cancel. None where they are not known.
    """
    from diffcli.precise import Exactly

    try:
        total = _total(question.function.outputs, cotangent)
    except ExpressionError:  # the graph is as large as it may be
        return None
    exactly = Exactly([total], question.at, question.wrt, seconds=seconds)
    found = _partials(question, exactly, places)
    return None if found is None else Sides(*(table[0] for table in found))


def _total(outputs: Sequence[Node], weights: Sequence[NDArray[Any]]) -> Node:
    """Their weighed sum; what has no weight takes no part, whatever it is."""
    builder = outputs[0].builder
    total = builder.constant(0.0)
    for output, weight in zip(outputs, weights, strict=True):
        if weight.any():
            factor = builder.constant(weight)
            term = factor * builder.number(output)
            term = term if weight.all() else TABLE["where"](builder.constant(weight), term, 0.0)
            total = total + (TABLE["sum"](term, params=((),)) if term.shape else term)
    return total


def _partials(question: Question, exactly: Exactly, places: Sequence[int]) -> Sides | None:
    """The partial derivatives of all outputs at these places, side by side."""
    from diffcli.precise import SlowError

    try:
        rows = [to_sides(exactly.partial(j)) for j in places]
    except SlowError:
        return None
    finally:
        question.spent += exactly.ar.allowance.spent
    found = Sides(*(np.stack(tables, axis=-1) for tables in zip(*rows, strict=True)))
    return None if exactly.ar.beyond and np.isnan(found.left).any() else found
