"""What each command answers, as plain data: floats, arrays and strings, nothing that computes.

The order of the fields is the order of the keys in JSON, after ``schema``; arrays keep their shape.
Named tuples, for they cost a start a tenth of what dataclasses do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from diffcli.labels import labels

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Value: TypeAlias = float | NDArray[np.float64]
    Values: TypeAlias = Mapping[str, Value]

FOR_PEOPLE = frozenset({"label"})
"""Fields that name things on a terminal and in CSV; JSON does not carry them."""

IF_ASKED = frozenset({"forward", "reverse"})
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


class Eval(NamedTuple):
    """The outputs at a point."""

    source: str
    at: Values
    values: Values
    warnings: Sequence[Notice] = ()


class Grad(NamedTuple):
    """A scalar output and its gradient; `label` is the output's name."""

    source: str
    at: Values
    value: float
    gradient: Values
    warnings: Sequence[Notice] = ()
    label: str = "f"


class Jacobian(NamedTuple):
    """The matrix of partial derivatives, a row for each output's element and a column for each input's."""

    source: str
    at: Values
    values: Values
    rows: Sequence[str]
    columns: Sequence[str]
    jacobian: NDArray[np.float64]
    mode: str
    passes: int
    warnings: Sequence[Notice] = ()


class Vjp(NamedTuple):
    """The pullback of one cotangent, Jᵀv, in the inputs' shapes."""

    source: str
    at: Values
    values: Values
    cotangent: Values
    vjp: Values
    warnings: Sequence[Notice] = ()


class Node(NamedTuple):
    """One step of both passes: what the forward pass computed, and the adjoint that the reverse pass left."""

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


Result: TypeAlias = Eval | Grad | Jacobian | Vjp | Trace | Functions


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
        return [("", {result.label: result.value}), (f"d{result.label}/d", result.gradient)]
    if isinstance(result, Jacobian):
        rows = [
            (f"d{row}/d", dict(zip(result.columns, values, strict=True)))
            for row, values in zip(result.rows, result.jacobian.tolist(), strict=True)
        ]
        return [("", result.values), *rows]
    if isinstance(result, Vjp):
        return [("", result.values), ("vjp of ", result.vjp)]
    if isinstance(result, Trace):
        adjoints = {f"v{node.id}": node.adjoint for node in result.nodes if node.adjoint is not None}
        return [("", {f"v{node.id}": node.value for node in result.nodes}), ("adjoint of ", adjoints)]
    if isinstance(result, Eval):
        return [("", result.values)]
    return []


_INF = float("inf")
