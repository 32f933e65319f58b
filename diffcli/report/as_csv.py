"""CSV: a header and a row a point, outputs by name and then derivatives: ``f, d_x, d_w[0]``; ``d_r_x`` is ∂r/∂x.

Numbers are whole, whatever `--digits` says; what is not finite reads as in JSON: NaN, Infinity, -Infinity.
A trace has a row a node, and the list of functions a row a function.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from diffcli.report import as_json, text
from diffcli.report.result import Entry, Eval, Functions, Grad, Jacobian, Node, Trace, Vjp, elements

if TYPE_CHECKING:
    from diffcli.report.result import Result


def render(result: Result) -> str:
    """`result` as CSV (RFC 4180, but lines end in a newline alone)."""
    match result:
        case Trace():
            return _table(Node._fields[:9], [node[:9] for node in result.nodes])
        case Functions():
            return _table(Entry._fields, result.functions)
        case _:
            columns = dict(_columns(result))
            return _table(list(columns), [list(columns.values())])


def _columns(result: Eval | Grad | Jacobian | Vjp) -> Iterable[tuple[str, float]]:
    if isinstance(result, Grad):
        yield result.label, result.value
        yield from ((f"d_{name}", value) for name, value in elements(result.gradient))
        return
    yield from elements(result.values)
    if isinstance(result, Jacobian):
        for row, values in zip(result.rows, result.jacobian.tolist(), strict=True):
            yield from ((f"d_{row}_{column}", value) for column, value in zip(result.columns, values, strict=True))
    elif isinstance(result, Vjp):
        yield from ((f"d_{name}", value) for name, value in elements(result.vjp))


def _table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    return "".join(",".join(map(_cell, row)) + "\n" for row in [header, *rows])


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return text.number(value) if _is_finite(value) else as_json.dumps(value).strip('"')
    cell = value if isinstance(value, str) else as_json.dumps(value)
    if any(sign in cell for sign in ',"\r\n'):
        return '"' + cell.replace('"', '""') + '"'
    return cell


def _is_finite(value: float) -> bool:
    return value - value == 0
