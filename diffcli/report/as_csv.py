"""CSV: a header and a row a point, outputs by name and then derivatives: ``f, d_x, d_w[0]``; ``d_r_x`` is ∂r/∂x,
``d2_x_y`` is ∂²f/∂x∂y, ``d3_x`` a third derivative, ``dot_r`` the tangent of r, ``hvp_x`` an element of H·u.
A sparse matrix gives its entries.

Numbers are whole, whatever `--digits` says; what is not finite reads as in JSON: NaN, Infinity, -Infinity.
A trace has a row a node, and the list of functions a row a function.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from diffcli.report import as_json, text
from diffcli.report.result import (
    Check,
    Component,
    Diagnose,
    Entries,
    Entry,
    Eval,
    Functions,
    Grad,
    Hessian,
    Hvp,
    Jacobian,
    Jvp,
    Node,
    Notice,
    Trace,
    Vjp,
    elements,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from diffcli.report.result import Result


def render(result: Result, between: str = ",") -> str:
    """`result` as CSV (RFC 4180, but lines end in a newline alone), or with another sign between its cells."""
    return "".join(between.join([_cell(value, between) for value in row]) + "\n" for row in _rows(result))


def _rows(result: Result) -> Iterable[Sequence[Any]]:
    """The header and what stands below it."""
    match result:
        case Trace() if any(node.tangent is not None for node in result.nodes):
            return [[*Node._fields[:9], "tangent"], *([*node[:9], node.tangent] for node in result.nodes)]
        case Trace():
            return [Node._fields[:9], *(node[:9] for node in result.nodes)]
        case Functions():
            return [Entry._fields, *result.functions]
        case Check():
            return [Component._fields, *result.components]
        case Diagnose():
            return [Notice._fields[:7], *(finding[:7] for finding in result.findings)]
        case _:
            columns = dict(_columns(result))
            return [list(columns), list(columns.values())]


def _columns(result: Eval | Grad | Jacobian | Hessian | Vjp | Jvp | Hvp) -> Iterable[tuple[str, float]]:
    match result:
        case Grad() | Hessian() | Hvp():
            yield result.label, result.value
            yield from ((f"d_{name}", value) for name, value in elements(result.gradient))
            if isinstance(result, Grad) and result.derivatives is not None:
                (name,) = result.gradient
                yield from ((f"d{k}_{name}", value) for k, value in enumerate(result.derivatives) if k > 1)
        case _:
            yield from elements(result.values)
    match result:
        case Jacobian():
            yield from _matrix("d", result.rows, result.columns, result.jacobian)
        case Hessian():
            yield from _matrix("d2", result.columns, result.columns, result.hessian)
        case Vjp():
            yield from ((f"d_{name}", value) for name, value in elements(result.vjp))
        case Jvp():
            yield from ((f"dot_{name}", value) for name, value in elements(result.jvp))
        case Hvp():
            yield from ((f"hvp_{name}", value) for name, value in elements(result.hvp))


def _matrix(
    mark: str, rows: Sequence[str], columns: Sequence[str], matrix: NDArray[np.float64] | Entries
) -> Iterable[tuple[str, float]]:
    if isinstance(matrix, Entries):
        for i, j, value in zip(matrix.row.tolist(), matrix.col.tolist(), matrix.data.tolist(), strict=True):
            yield f"{mark}_{rows[i]}_{columns[j]}", value
        return
    for row, values in zip(rows, matrix.tolist(), strict=True):
        yield from ((f"{mark}_{row}_{column}", value) for column, value in zip(columns, values, strict=True))


def _cell(value: Any, between: str) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return text.number(value) if _is_finite(value) else as_json.dumps(value).strip('"')
    cell = value if isinstance(value, str) else as_json.dumps(value)
    if any(sign in cell for sign in (between, '"', "\r", "\n")):
        return '"' + cell.replace('"', '""') + '"'
    return cell


def _is_finite(value: float) -> bool:
    return value - value == 0
