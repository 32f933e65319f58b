"""What each command answers, as plain data: floats, arrays and strings, nothing that computes.

The order of the fields is the order of the keys in JSON, after ``schema``; arrays keep their shape.
Named tuples, for they cost a start a tenth of what dataclasses do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from diffcli.labels import labels, order_mark

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Value: TypeAlias = float | NDArray[np.float64]
    Values: TypeAlias = Mapping[str, Value]

FOR_PEOPLE = frozenset({"label", "sweeps"})
"""Fields that name things on a terminal and in CSV; JSON does not carry them."""

IF_ASKED = frozenset({"forward", "reverse", "derivatives", "tangent", "precise", "orders"})
"""Fields that JSON leaves out when they are None, because an option asks for them."""


class Notice(NamedTuple):
    """A warning: the number is there, and this is why to read it with care."""

    code: str
    message: str
    hint: str | None
    node: int | None
    expression: str | None
    span: tuple[int, int] | None
    where: str
    refined: Mapping[str, Any] | None = None


class Precise(NamedTuple):
    """The same answer to more digits than a double has, as text: the outputs' elements by label, and of each its
    derivatives by the inputs' labels; f, f′, f″, …, where an order is asked for.
    """

    digits: int
    values: Mapping[str, str]
    derivatives: Mapping[str, Mapping[str, str]]
    orders: Sequence[str] | None = None


class Eval(NamedTuple):
    """The outputs at a point."""

    source: str
    at: Values
    values: Values
    warnings: Sequence[Notice] = ()
    precise: Precise | None = None


class Grad(NamedTuple):
    """A scalar output and its gradient; `label` is the output's name. `derivatives`, where an order is asked for, are
    f, f′, f″, … by the one input.
    """

    source: str
    at: Values
    value: float
    gradient: Values
    derivatives: Sequence[float] | None = None
    warnings: Sequence[Notice] = ()
    label: str = "f"
    precise: Precise | None = None


class Jacobian(NamedTuple):
    """The matrix of partial derivatives, a row for each output's element and a column for each input's."""

    source: str
    at: Values
    values: Values
    rows: Sequence[str]
    columns: Sequence[str]
    jacobian: NDArray[np.float64] | Entries
    mode: str
    passes: int
    warnings: Sequence[Notice] = ()
    precise: Precise | None = None


class Entries(NamedTuple):
    """A matrix by its entries: `data[k]` stands in row `row[k]` and column `col[k]`, row by row; the rest is zero."""

    format: str
    shape: tuple[int, int]
    row: NDArray[np.int64]
    col: NDArray[np.int64]
    data: NDArray[np.float64]


class Hessian(NamedTuple):
    """The matrix of second derivatives of a scalar output, found in so many `sweeps` over its gradient."""

    source: str
    at: Values
    value: float
    gradient: Values
    columns: Sequence[str]
    hessian: NDArray[np.float64] | Entries
    warnings: Sequence[Notice] = ()
    label: str = "f"
    sweeps: int = 0


class Jvp(NamedTuple):
    """The pushforward of one tangent, J·u, in the outputs' shapes."""

    source: str
    at: Values
    values: Values
    tangent: Values
    jvp: Values
    warnings: Sequence[Notice] = ()


class Hvp(NamedTuple):
    """The Hessian times one tangent, H·u, in the inputs' shapes."""

    source: str
    at: Values
    value: float
    gradient: Values
    tangent: Values
    hvp: Values
    warnings: Sequence[Notice] = ()
    label: str = "f"


class Vjp(NamedTuple):
    """The pullback of one cotangent, Jᵀv, in the inputs' shapes."""

    source: str
    at: Values
    values: Values
    cotangent: Values
    vjp: Values
    warnings: Sequence[Notice] = ()


class Node(NamedTuple):
    """One step of both passes: what the forward pass computed, and the adjoint that the reverse pass left; in forward
    mode the tangent beside the value.
    """

    id: int
    expression: str
    op: str
    args: Sequence[int]
    value: Value
    adjoint: Value | None
    partials: Sequence[Value | None]
    span: tuple[int, int] | None
    name: str | None = None
    forward: str | None = None
    reverse: Sequence[str] | None = None
    tangent: Value | None = None


class Trace(NamedTuple):
    """Every node in the order of the forward pass, and the seed that the reverse pass started from."""

    source: str
    at: Values
    values: Values
    seed: Values
    nodes: Sequence[Node]
    warnings: Sequence[Notice] = ()


class Entry(NamedTuple):
    """A function of the language, as its table entry documents it."""

    name: str
    aliases: Sequence[str]
    signature: str
    family: str
    doc: str
    domain: str
    rule: str
    kink: str | None
    notation: str


class Functions(NamedTuple):
    """The functions of the language: all of them, or the one that was asked for."""

    functions: Sequence[Entry]


class Better(NamedTuple):
    """A spelling that means the same and is safer."""

    expression: str
    better: str
    why: str
    span: tuple[int, int] | None


class Loss(NamedTuple):
    """A node whose value may have lost so many of its 16 digits, `own` of them by its own doing."""

    node: int
    expression: str
    span: tuple[int, int] | None
    digits: float
    own: float


class Diagnose(NamedTuple):
    """The story of one point; `conditions` are relative condition numbers, a row an output, a column an input."""

    source: str
    at: Values
    values: Values
    findings: Sequence[Notice]
    rewrites: Sequence[Better]
    rows: Sequence[str]
    columns: Sequence[str]
    conditions: NDArray[np.float64]
    losses: Sequence[Loss]
    warnings: Sequence[Notice] = ()


class Component(NamedTuple):
    """One derivative beside an independent figure, and the verdict."""

    row: str
    column: str
    derivative: float
    reference: float | None
    left: float | None
    right: float | None
    digits: float
    verdict: str


class Check(NamedTuple):
    """Every derivative against an independent one, by ``mpmath`` or by ``differences``."""

    source: str
    at: Values
    values: Values
    method: str
    agrees: bool
    components: Sequence[Component]
    warnings: Sequence[Notice] = ()


Matrix: TypeAlias = "NDArray[np.float64] | Entries"
Result: TypeAlias = Eval | Grad | Jacobian | Hessian | Vjp | Jvp | Hvp | Trace | Functions | Diagnose | Check


def schema(result: Result) -> str:
    """The name and version of the schema that `result` follows, ``diffcli.grad/1``."""
    return f"diffcli.{type(result).__name__.lower()}/1"


def elements(values: Values) -> Iterator[tuple[str, float]]:
    """Every number in `values` beside its label, arrays row by row."""
    for name, value in values.items():
        if isinstance(value, float):
            yield name, value
        else:
            yield from zip(labels(name, value.shape), value.ravel().tolist(), strict=True)


def not_finite(result: Result) -> list[str]:
    """The results, by label, that are infinite or not a number; what `--strict` refuses."""
    found: list[str] = []
    for prefix, values in _numbers(result):
        found += [f"{prefix}{label}" for label, value in elements(values) if not -_INF < value < _INF]
    return found


def _numbers(result: Result) -> list[tuple[str, Values]]:
    if isinstance(result, Grad):
        if result.derivatives is not None:
            return [(result.label, {order_mark(k): value for k, value in enumerate(result.derivatives)})]
        return [("", {result.label: result.value}), (f"d{result.label}/d", result.gradient)]
    if isinstance(result, Jacobian):
        return [("", result.values), *_of_matrix(result.rows, result.columns, result.jacobian)]
    if isinstance(result, Hessian):
        first = [("", {result.label: result.value}), (f"d{result.label}/d", result.gradient)]
        return [*first, *_of_matrix(result.columns, result.columns, result.hessian)]
    if isinstance(result, Hvp):
        return [("", {result.label: result.value}), ("hvp of ", result.hvp)]
    if isinstance(result, Jvp):
        return [("", result.values), ("jvp of ", result.jvp)]
    if isinstance(result, Vjp):
        return [("", result.values), ("vjp of ", result.vjp)]
    if isinstance(result, Trace):
        adjoints = {f"v{node.id}": node.adjoint for node in result.nodes if node.adjoint is not None}
        moved = {f"v{node.id}": node.tangent for node in result.nodes if node.tangent is not None}
        values = {f"v{node.id}": node.value for node in result.nodes}
        return [("", values), ("adjoint of ", adjoints), ("tangent of ", moved)]
    if isinstance(result, Eval):
        return [("", result.values)]
    return []


def _of_matrix(
    rows: Sequence[str], columns: Sequence[str], matrix: NDArray[np.float64] | Entries
) -> list[tuple[str, Values]]:
    if isinstance(matrix, Entries):
        return [
            (f"d{rows[i]}/d", {columns[j]: value})
            for i, j, value in zip(matrix.row.tolist(), matrix.col.tolist(), matrix.data.tolist(), strict=True)
            if not -_INF < value < _INF
        ]
    return [
        (f"d{row}/d", dict(zip(columns, values, strict=True)))
        for row, values in zip(rows, matrix.tolist(), strict=True)
    ]


_INF = float("inf")
