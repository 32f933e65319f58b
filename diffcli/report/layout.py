"""How each result is laid out for people: blocks of finished text, which `plain` and `console` then draw.

One layout serves both, so a pipe and a terminal say the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from diffcli.errors import Source
from diffcli.labels import order_mark
from diffcli.report import excerpt, pictures, text, verdicts
from diffcli.report.blocks import LEFT_OUT, Block, Grid, Line, Style, fitted, kept
from diffcli.report.result import (
    Check,
    Diagnose,
    Entries,
    Eval,
    Functions,
    Grad,
    Hessian,
    Hvp,
    Jacobian,
    Jvp,
    Precise,
    Trace,
    Vjp,
    elements,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from diffcli.report.result import Entry, Node, Result, Value, Values

LINES = 4
"""The most lines of a terminal that an array in brackets may take."""
LONGEST = 48
"""The most columns of a terminal that an expression may take in a table."""


def layout(result: Result, style: Style) -> list[Block]:
    """The blocks that show `result`, from the top down; what a terminal had no room for is said once, at the end."""
    blocks = _blocks(result, style)
    asides = dict.fromkeys(block for block in blocks if isinstance(block, Line) and block.kind == "aside")
    return [*(block for block in blocks if isinstance(block, Grid) or block not in asides), *asides]


def _blocks(result: Result, style: Style) -> list[Block]:
    match result:
        case Grad(precise=Precise(orders=[*orders])):
            return _orders(result, orders, style)
        case (
            Eval(precise=Precise() as precise)
            | Grad(precise=Precise() as precise)
            | Jacobian(precise=Precise() as precise)
        ):
            return _precise(precise)
        case Diagnose():
            return _diagnose(result, style)
        case Check():
            return _check(result, style)
        case Eval():
            return _eval(result, style)
        case Grad() if result.derivatives is not None:
            return _orders(result, [style.number(value) for value in result.derivatives], style)
        case Grad():
            head = Line(f"{text.escape(result.label)} = {style.number(result.value)}")
            return [head, *_by_input(result.at, result.gradient, "gradient", style)]
        case Jacobian():
            return _jacobian(result, style)
        case Vjp():
            seed = Line(f"cotangent {_listed(result.cotangent, style)}", "note")
            return [*_values(result.values, style), seed, *_by_input(result.at, result.vjp, "vjp", style)]
        case Hessian():
            return _hessian(result, style)
        case Jvp():
            seed = Line(f"tangent {_listed(result.tangent, style)}", "note")
            return [seed, *_by_input(result.values, result.jvp, "jvp", style, ("output", "value"))]
        case Hvp():
            head = Line(f"{text.escape(result.label)} = {style.number(result.value)}")
            seed = Line(f"tangent {_listed(result.tangent, style)}", "note")
            return [head, seed, *_by_input(result.at, result.hvp, "hvp", style)]
        case Trace():
            return _trace(result, style)
        case Functions():
            return _entry(result.functions[0]) if len(result.functions) == 1 else _families(result.functions)


def _precise(precise: Precise) -> list[Block]:
    blocks: list[Block] = [Line(f"{text.escape(label)} = {digits}") for label, digits in precise.values.items()]
    for row, derivatives in precise.derivatives.items():
        names = [f"d{text.escape(row)}/d{text.escape(column)}" for column in derivatives]
        blocks.append(Grid(("", "derivative"), (names, text.align(list(derivatives.values()))), ("name", "number")))
    return blocks


def _diagnose(result: Diagnose, style: Style) -> list[Block]:
    blocks = _values(result.values, style)
    if not result.findings:
        blocks.append(Line("nothing to find fault with: every number here has its digits", "note"))
    for finding in result.findings:
        blocks.append(Line(f"{finding.code}, {finding.where}", "head"))
        notice = excerpt.render_notice(finding, Source(result.source), width=style.room or 100)
        blocks += [Line(line) for line in notice.removeprefix("warning: ").splitlines()]
        if finding.refined:
            blocks.append(Line(f"  really: {_refined(finding.refined, style)}"))
    if result.rewrites:
        blocks.append(Line("What to write instead", "head"))
        columns = [
            [text.escape(row.expression) for row in result.rewrites],
            [text.escape(row.better) for row in result.rewrites],
            [row.why for row in result.rewrites],
        ]
        blocks.append(Grid(("written", "better", "why"), columns, ("words", "words", "words")))
    short = style._replace(digits=style.digits or 3)
    if result.columns:
        blocks.append(Line("Relative condition: what a relative change of the input is multiplied by", "head"))
        blocks += _matrix([text.escape(row) for row in result.rows], [text.escape(c) for c in result.columns],
                          result.conditions, short)  # fmt: skip
    if result.losses:
        blocks.append(Line("Where digits may go, of 16", "head"))
        columns = [
            [f"v{loss.node}" for loss in result.losses],
            [text.escape(loss.expression) for loss in result.losses],
            text.align([short.number(loss.digits) for loss in result.losses]),
            text.align([short.number(loss.own) for loss in result.losses]),
        ]
        blocks.append(Grid(("node", "expression", "lost", "here"), columns, ("name", "words", "number", "number")))
    return blocks


def _refined(refined: Mapping[str, Any], style: Style) -> str:
    parts = []
    for key, value in refined.items():
        if value is None:
            parts.append(f"{key} not known")
            continue
        shown = _listed(value, style) if isinstance(value, Mapping) else text.inline(value, style.digits)
        parts.append(f"{key} {shown}" if isinstance(value, Mapping) else f"{key} = {shown}")
    return "; ".join(parts)


def _check(result: Check, style: Style) -> list[Block]:
    by = "differences in arbitrary precision" if result.method == "mpmath" else "extrapolated differences"
    told = verdicts.counted([row.verdict for row in result.components])
    rows = fitted(partial(verdicts.compared, result.components), style)
    return [*_values(result.values, style), Line(f"Against {by}: {told}", "head"), *rows]


def _eval(result: Eval, style: Style) -> list[Block]:
    if len(result.values) == 1:
        (value,) = result.values.values()
        return _named("", value, style)
    return _values(result.values, style)


def _values(values: Values, style: Style) -> list[Block]:
    names = list(values)
    longest = max(map(text.width, names), default=0)
    blocks: list[Block] = []
    for i in kept(len(names), style):
        if i is None:
            blocks += [Line("…"), LEFT_OUT]
        else:
            blocks += _named(f"{text.pad(text.escape(names[i]), longest)} = ", values[names[i]], style)
    return blocks


def _named(name: str, value: Value, style: Style) -> list[Block]:
    """``name = value``, the value as the language would read it; a matrix takes a line a row, or is drawn as a
    matrix where a terminal has no room for that.
    """
    lines = _literal(value, style)
    first = [f"{name if i == 0 else ' ' * text.width(name)}{line}" for i, line in enumerate(lines)]
    room = style.room
    if room is None or isinstance(value, float):
        return [Line(line) for line in first]
    if max(map(text.width, first)) <= (room if value.ndim == 2 else LINES * room):
        return [Line(line) for whole in first for line in text.broken(whole, room, text.width(name) + value.ndim)]
    if value.ndim == 2:
        caption = Line(f"{name.removesuffix(' = ').strip()} {style.shape(value.shape)}".strip(), "head")
        return [caption, *_matrix(*_indices(value), value, style)]
    if style.everything:
        return [Line(line) for whole in first for line in text.broken(whole, room, text.width(name) + value.ndim)]
    return [Line(name + _cell(value, style)), LEFT_OUT]


def _literal(value: Value, style: Style) -> list[str]:
    if isinstance(value, float) or value.ndim != 2 or 0 in value.shape:
        return [text.inline(value, style.digits)]
    columns = [text.flush_right([style.number(x) for x in column]) for column in value.T.tolist()]
    rows = [f"[{', '.join(row)}]" for row in zip(*columns, strict=True)]
    return [f"{' ' if i else '['}{row}{',' if i + 1 < len(rows) else ']'}" for i, row in enumerate(rows)]


def _cell(value: Value, style: Style) -> str:
    """A value in a cell of a table; a terminal shows the ends of a long array, and its shape."""
    if not style.cuts or isinstance(value, float) or value.size <= style.in_a_cell:
        return text.inline(value, style.digits)
    flat = value.reshape(-1)
    ends = [style.number(flat[0]), style.number(flat[1]), "…", style.number(flat[-1])]
    shown = ", ".join(ends if style.in_a_cell > 2 else [ends[0], "…"])
    return f"{'[' * value.ndim}{shown}{']' * value.ndim} {style.shape(value.shape)}"


def _listed(values: Values, style: Style) -> str:
    return ", ".join(f"{text.escape(name)} = {_cell(value, style)}" for name, value in values.items())


def _by_input(
    at: Values, derivative: Values, head: str, style: Style, given: tuple[str, str] = ("input", "at")
) -> list[Block]:
    """Scalars and vectors one element a row beside the point they were taken at; a matrix as a matrix."""
    flat = {name: value for name, value in derivative.items() if isinstance(value, float) or value.ndim != 2}
    blocks = fitted(partial(_elements, at, flat, (*given, head)), style) if flat else []
    for name, value in derivative.items():
        if not isinstance(value, float) and value.ndim == 2:
            by = f"{head} by" if given[0] == "input" else f"{head} of"
            blocks.append(Line(f"{by} {text.escape(name)} {style.shape(value.shape)}", "head"))
            blocks += _matrix(*_indices(value), value, style)
    return blocks


def _elements(at: Values, derivative: Values, heads: tuple[str, str, str], style: Style) -> Grid:
    rows = list(elements(derivative))
    points = [point for _, point in elements({name: at[name] for name in derivative})]
    shown = kept(len(rows), style)
    columns = [
        ["…" if i is None else text.escape(rows[i][0]) for i in shown],
        text.align(["" if i is None else style.number(points[i]) for i in shown]),
        text.align(["" if i is None else style.number(rows[i][1]) for i in shown]),
    ]
    return Grid(heads, columns, ("name", "given", "number"))


def _jacobian(result: Jacobian, style: Style) -> list[Block]:
    caption = f"Jacobian {style.shape(result.jacobian.shape)} in {result.mode} mode, {_passes_of(result.passes)}"
    if isinstance(result.jacobian, Entries):
        each = result.jacobian.shape[result.mode == "forward"]
        caption = f"{caption} of {each}"
        matrix = pictures.sparse(result.jacobian, result.rows, result.columns, style)
        return [*_values(result.values, style), Line(caption, "head"), *matrix]
    rows = [text.escape(row) for row in result.rows]
    heads = [text.escape(column) for column in result.columns]
    matrix = _matrix(rows, heads, result.jacobian, style)
    return [*_values(result.values, style), Line(caption, "head"), *matrix]


def _orders(result: Grad, derivatives: Sequence[str], style: Style) -> list[Block]:
    point = Line(f"at {_listed(result.at, style)}", "note")
    names = [f"{text.escape(result.label)}{order_mark(k)}" for k in range(len(derivatives))]
    return [point, Grid((), [names, text.align(derivatives)], ("name", "number"))]


def _hessian(result: Hessian, style: Style) -> list[Block]:
    value = Line(f"{text.escape(result.label)} = {style.number(result.value)}")
    gradient = _by_input(result.at, result.gradient, "gradient", style)
    caption = f"Hessian {style.shape(result.hessian.shape)}, {_passes_of(result.sweeps)}"
    if isinstance(result.hessian, Entries):
        caption = f"{caption} of {len(result.columns)}"
        matrix = pictures.sparse(result.hessian, result.columns, result.columns, style)
    else:
        names = [text.escape(column) for column in result.columns]
        matrix = _matrix(names, names, result.hessian, style)
    return [value, *gradient, Line(caption, "head"), *matrix]


def _passes_of(count: int) -> str:
    return f"{count} pass" if count == 1 else f"{count} passes"


def _matrix(rows: Sequence[str], heads: Sequence[str], matrix: NDArray[np.float64], style: Style) -> list[Block]:
    return fitted(partial(_matrix_grid, rows, heads, matrix), style)


def _matrix_grid(rows: Sequence[str], heads: Sequence[str], matrix: NDArray[np.float64], style: Style) -> Grid:
    down, across = kept(len(rows), style), kept(len(heads), style)
    columns = [["…" if i is None else rows[i] for i in down]]
    for j in across:
        cells = ["…" if i is None or j is None else style.number(matrix[i, j]) for i in down]
        columns.append(cells if j is None else text.align(cells))
    return Grid(
        ["", *("…" if j is None else heads[j] for j in across)],
        columns,
        ["name", *("given" if j is None else "number" for j in across)],
        matrix=True,
    )


def _indices(matrix: NDArray[np.float64]) -> tuple[list[str], list[str]]:
    m, n = matrix.shape
    return [str(i) for i in range(m)], [str(j) for j in range(n)]


def _trace(result: Trace, style: Style) -> list[Block]:
    blocks = [Line(f"seed {_listed(result.seed, style)}", "note"), *fitted(partial(_passes, result.nodes), style)]
    if style.explain:
        ahead = _ahead(result.nodes)
        forward = [node.forward for node in result.nodes if node.forward]
        reverse = [step for node in reversed(result.nodes) for step in node.reverse or ()]
        blocks += [
            Line(f"Forward pass, downwards: each value{' and tangent' * ahead} from those above it", "head"),
            *_told(forward, style),
        ]
        if not ahead:
            blocks += [
                Line("Reverse pass, upwards: each node passes its adjoint on to its arguments", "head"),
                *_told(reverse, style),
            ]
    return blocks


def _ahead(nodes: Sequence[Node]) -> bool:
    """Whether the trace is one of forward mode."""
    return any(node.tangent is not None for node in nodes)


def _told(sentences: Sequence[str], style: Style) -> list[Block]:
    return [Line("…" if i is None else text.escape(sentences[i])) for i in kept(len(sentences), style)]


def _passes(nodes: Sequence[Node], style: Style) -> Grid:
    down, up = (" ↓", " ↑") if style.signs else ("", "")
    shown = [None if i is None else nodes[i] for i in kept(len(nodes), style)]
    ahead = _ahead(nodes)
    derived = [None if node is None else node.tangent if ahead else node.adjoint for node in shown]
    last = "tangent" + down if ahead else "adjoint" + up
    return Grid(
        ("node", "expression", "value" + down, "partials", last),
        (
            ["…" if node is None else f"v{node.id}" for node in shown],
            ["" if node is None else _expression(node, style) for node in shown],
            text.align(["" if node is None else _cell(node.value, style) for node in shown]),
            ["" if node is None else _partials(node, style) for node in shown],
            text.align(["" if value is None else _cell(value, style) for value in derived]),
        ),
        ("name", "words", "number", "parts", "number"),
    )


def _expression(node: Node, style: Style) -> str:
    expression = text.escape(node.expression)
    if style.cuts and text.width(expression) > LONGEST:
        expression = f"{expression[:32]} … {expression[-12:]}"
    return expression if node.name in (None, node.expression) else f"{text.escape(node.name or '')} = {expression}"


def _partials(node: Node, style: Style) -> str:
    d = "∂" if style.signs else "d"
    return ", ".join(
        f"{d}/{d}v{arg} = {_cell(value, style)}"
        for arg, value in zip(node.args, node.partials, strict=True)
        if value is not None
    )


def _families(entries: Sequence[Entry]) -> list[Block]:
    families: dict[str, list[Entry]] = {}
    for entry in entries:
        families.setdefault(entry.family, []).append(entry)
    room = max(text.width(entry.signature) for entry in entries)
    blocks: list[Block] = []
    for family, members in families.items():
        columns = [[text.pad(entry.signature, room) for entry in members], [_meaning(entry) for entry in members]]
        blocks += [Line(family, "head"), Grid((), columns, ("name", "words"))]
    return blocks


def _meaning(entry: Entry) -> str:
    return f"{entry.doc} Also {', '.join(entry.aliases)}." if entry.aliases else entry.doc


def _entry(entry: Entry) -> list[Block]:
    facts: Mapping[str, str | None] = {
        "meaning": entry.doc,
        "also": ", ".join(entry.aliases),
        "domain": entry.domain,
        "derivative": entry.rule,
        "at kinks": entry.kink,
        "notation": entry.notation,
        "family": entry.family,
    }
    known = {key: fact for key, fact in facts.items() if fact}
    return [Line(entry.signature, "head"), Grid((), [list(known), list(known.values())], ("name", "words"))]
