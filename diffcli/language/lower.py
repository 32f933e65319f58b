"""From syntax to graph: every expression becomes a node, once the shapes of the inputs are known.

Walks with a stack of its own: an expression may be nested deeper than Python allows calls to be.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping, MutableMapping, Sequence
from typing import TypeAlias

import numpy as np

from diffcli.errors import ExpressionError, Source, Span
from diffcli.graph import CONSTANT, MAX_BYTES, MAX_NODES, TABLE, Array, Builder, Function, Node, Shape, show_shape
from diffcli.language.names import CONSTANTS, Names, children
from diffcli.language.syntax import (
    ArrayLiteral,
    Assign,
    Binary,
    Call,
    Compare,
    Conditional,
    Define,
    Expression,
    File,
    Index,
    Name,
    Number,
    Slice,
    Transpose,
    Unary,
)
from diffcli.primitives.catalogue import FUNCTIONS, whole_number
from diffcli.primitives.structure import index, stack, swapped

Scope: TypeAlias = MutableMapping[str, Node]

_OPERATORS = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide", "^": "power", "%": "mod"}
_COMPARISONS = {
    "<": "less",
    "<=": "less_equal",
    ">": "greater",
    ">=": "greater_equal",
    "==": "equal",
    "!=": "not_equal",
}


def lower(
    file: File,
    names: Names,
    source: Source,
    shapes: Mapping[str, Shape],
    *,
    max_nodes: int = MAX_NODES,
    max_bytes: int = MAX_BYTES,
) -> Function:
    """The graph of a file, for inputs of the given shapes (scalars: ``()``), in that order.

    Raises `ExpressionError` at the operator where shapes do not fit, at an index out of range, at a limit.
    """
    builder = Builder(max_nodes, max_bytes)
    inputs = tuple(builder.input(name, shape) for name, shape in shapes.items())
    scope: dict[str, Node] = {node.params[0]: node for node in inputs}
    lowering = _Lowering(builder, names.functions, scope)
    try:
        for statement in file.statements:
            if isinstance(statement, Assign):
                node = lowering.expression(statement.value)
                scope[statement.name] = node
                lowering.labels.setdefault(node, statement.name)
        outputs = tuple(lowering.expression(expression) for _, expression in names.outputs)
    except ExpressionError as error:
        raise error.located(source) from None
    outputs = tuple(builder.number(node) for node in outputs)
    labels = {node: label for node, label in lowering.labels.items() if node not in inputs}
    called = tuple(name for name, _ in names.outputs)
    repeated = frozenset(lowering.repeated)
    return Function(inputs, outputs, called, lowering.spans, labels, scopes=lowering.scopes, repeated=repeated)


def constant_value(expression: Expression, source: Source) -> Array:
    """The value of an expression without inputs (a default, a coordinate of a point), shape and all."""
    builder = Builder()
    builder.constant(0.0)
    try:
        return builder.known(builder.number(_Lowering(builder, {}, {}).expression(expression)))
    except ExpressionError as error:
        raise error.located(source) from None


class _Apply:
    """A step that waits on the stack for its arguments: combines the `count` newest values into one."""

    __slots__ = ("count", "expression")

    def __init__(self, expression: Expression, count: int) -> None:
        self.expression = expression
        self.count = count


class _Leave:
    """Marks the end of a call of one of the file's functions: remembers its value."""

    __slots__ = ("key",)

    def __init__(self, key: tuple[str, tuple[Node, ...]]) -> None:
        self.key = key


class _Lowering:
    def __init__(self, builder: Builder, functions: Mapping[str, Define], scope: Scope) -> None:
        self.builder = builder
        self.functions = functions
        self.scope = scope
        self.spans: dict[Node, Span] = {}
        self.repeated: set[Node] = set()
        self.labels: dict[Node, str] = {}
        self.scopes: dict[Node, Mapping[str, Node]] = {}
        # A call on the same arguments is the same node: without this, nested calls would cost 2ⁿ.
        self.calls: dict[tuple[str, tuple[Node, ...]], Node] = {}

    def expression(self, expression: Expression) -> Node:
        """The node of an expression."""
        work: list[tuple[Expression | _Apply | _Leave, Scope]] = [(expression, self.scope)]
        values: list[Node] = []
        while work:
            task, scope = work.pop()
            if isinstance(task, _Leave):
                self.calls[task.key] = values[-1]
                continue
            if not isinstance(task, _Apply):
                node = self._leaf(task, scope)
                if node is not None:
                    values.append(node)
                    continue
                if isinstance(task, Binary):
                    work += ((_Apply(task, 2), scope), (task.right, scope), (task.left, scope))
                    continue
                if isinstance(task, Call) and task.name in _FLAT:
                    task = _one_call(task)
                parts = [part for part in _parts(task) if part is not None]
                work.append((_Apply(task, len(parts)), scope))
                work.extend((part, scope) for part in reversed(parts))
                continue
            done, count = task.expression, task.count
            args = values[len(values) - count :]
            del values[len(values) - count :]
            if isinstance(done, Call) and done.name in self.functions:
                key = (done.name, tuple(args))
                known = self.calls.get(key)
                if known is not None:
                    values.append(known)
                    continue
                define = self.functions[done.name]
                local = ChainMap({p.name: arg for p, arg in zip(define.parameters, args, strict=True)}, self.scope)
                work.append((_Leave(key), scope))
                work.append((define.body, local))
                continue
            try:
                node = self._apply(done, args)
            except ExpressionError as error:
                if error.span is None:
                    error.span = _place(done)
                raise
            span = self.spans.setdefault(node, done.span)
            if done.span[0] >= span[1] or done.span[1] <= span[0]:
                self.repeated.add(node)
            elif span is done.span and scope is not self.scope and isinstance(scope, ChainMap):
                self.scopes[node] = scope.maps[0]
            values.append(node)
        return values[0]

    def _leaf(self, expression: Expression, scope: Scope) -> Node | None:
        """The node of what has no parts, or of a literal whose parts are all plain numbers."""
        match expression:
            case Number():
                return self.builder.constant(expression.value)
            case Name():
                node = scope.get(expression.name)
                if node is not None:
                    return node
                if expression.name in CONSTANTS:
                    return self.builder.constant(CONSTANTS[expression.name])
                raise ExpressionError(
                    f"{expression.name} has no value here",
                    expression.span,
                    "assign it before the function that uses it is called"
                    if self.functions
                    else "a point's values are numbers and constants, such as pi/2",
                    code="name",
                )
            case Unary(op="-", operand=Number() as number):
                return self.builder.constant(-number.value)
            case ArrayLiteral():
                row = _plain_row(expression)
                return None if row is None else self.builder.constant(row)
        return None

    def _apply(self, expression: Expression, args: Sequence[Node]) -> Node:
        match expression:
            case Binary(op="and" | "or"):
                return TABLE[expression.op](*args)
            case Binary(op="@"):
                return FUNCTIONS["matmul"].build(self.builder, *args)
            case Binary():
                return TABLE[_OPERATORS[expression.op]](*args)
            case Unary(op="-"):
                return TABLE["negate"](*args)
            case Unary(op="+"):
                return self.builder.number(args[0])
            case Unary():
                return TABLE["not"](*args)
            case Compare():
                return self._compare(expression, args)
            case Conditional():
                then, condition, otherwise = args
                return TABLE["where"](condition, then, otherwise)
            case Call():
                return self._call(expression, args)
            case ArrayLiteral():
                return self._array(expression, args)
            case Index():
                return self._index(expression, args)
            case Transpose():
                return swapped(args[0])
            case Name() | Number():
                raise AssertionError("a leaf has no parts")

    def _compare(self, expression: Compare, args: Sequence[Node]) -> Node:
        chain: Node | None = None
        for i, op in enumerate(expression.ops):
            try:
                link = TABLE[_COMPARISONS[op]](args[i], args[i + 1])
                chain = link if chain is None else chain & link
            except ExpressionError as error:
                error.span = expression.op_spans[i]
                raise
        assert chain is not None
        return chain

    def _call(self, call: Call, args: Sequence[Node]) -> Node:
        callee = FUNCTIONS[call.name]
        given = len(call.args)
        if given < callee.least or (callee.most is not None and given > callee.most):
            raise ExpressionError(
                f"{call.name} takes {_arity(callee.least, callee.most)}, not {given}",
                call.span,
                f"it is {callee.doc.signature}",
                code="arity",
            )
        keywords: dict[str, Node] = {}
        for (keyword, _), value in zip(call.keywords, args[given:], strict=True):
            if keyword not in callee.keywords:
                known = ", ".join(f"{k}=" for k in callee.keywords)
                raise ExpressionError(
                    f"{keyword}= is no option of {call.name}",
                    call.span,
                    f"it takes {known}" if known else f"it is {callee.doc.signature}",
                    code="keyword",
                )
            keywords[keyword] = value
        return callee.build(self.builder, *args[:given], **keywords)

    def _array(self, literal: ArrayLiteral, args: Sequence[Node]) -> Node:
        nodes = [self.builder.number(arg) for arg in args]
        for row, node in enumerate(nodes):
            if node.shape != nodes[0].shape:
                raise ExpressionError(
                    f"ragged array: row {row} {_holds(node)}, row 0 {_holds(nodes[0])}",
                    literal.items[row].span,
                    "give every row as many elements",
                    code="ragged",
                )
        if all(node.op is CONSTANT for node in nodes):
            return self.builder.constant(np.stack([node.params[0] for node in nodes]))
        return stack(*nodes)

    def _index(self, expression: Index, args: Sequence[Node]) -> Node:
        value, rest = args[0], iter(args[1:])
        if len(expression.keys) > len(value.shape):
            raise ExpressionError(
                f"{len(expression.keys)} indices into {_described(value)}, which has "
                f"{len(value.shape)} dimension{'s' * (len(value.shape) != 1)}",
                expression.span,
                code="index",
            )
        keys: list[int | tuple[int | None, int | None, int]] = []
        for key, extent in zip(expression.keys, value.shape, strict=False):
            try:
                if isinstance(key, Slice):
                    bounds = [
                        None if part is None else whole_number(next(rest), "a slice's bound")
                        for part in (key.start, key.stop, key.step)
                    ]
                    keys.append(_slice(bounds, extent))
                else:
                    keys.append(_position(whole_number(next(rest), "an index"), extent))
            except ExpressionError as error:
                error.span = error.span or key.span
                raise
        if value.op is stack:
            return _element(value, keys)
        return index(value, params=(tuple(keys),))


def _element(stacked: Node, keys: Sequence[int | tuple[int | None, int | None, int]]) -> Node:
    """A part of ``[a, b, …]``: only what is named is computed, so a pole in the rest concerns nobody."""
    first, *rest = keys
    chosen = stacked.args[slice(*first)] if isinstance(first, tuple) else (stacked.args[first],)
    if not chosen:
        return index(stacked, params=(tuple(keys),))
    if not isinstance(first, tuple):
        return index(chosen[0], params=(tuple(rest),)) if rest else chosen[0]
    row = stack(*chosen)
    whole = (0, len(chosen), 1)
    return index(row, params=((whole, *rest),)) if rest else row


#: Calls whose nested calls are one with them: the tied then share equally, whatever the order.
_FLAT = ("max", "min")


def _one_call(call: Call) -> Call:
    """max(max(a, b), c) as max(a, b, c)."""
    flat: list[Expression] = []
    waiting: list[Expression] = [call]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Call) and part.name == call.name and len(part.args) > 1 and not part.keywords:
            waiting.extend(reversed(part.args))
        else:
            flat.append(part)
    return call if flat == [call] else Call(call.name, tuple(flat), (), call.span, call.name_span)


def _parts(expression: Expression) -> Sequence[Expression | None]:
    if isinstance(expression, Index):
        flat: list[Expression | None] = [expression.value]
        for key in expression.keys:
            flat.extend((key.start, key.stop, key.step) if isinstance(key, Slice) else (key,))
        return flat
    return children(expression)  # type: ignore[return-value]  # only an index has slices among its parts


def _place(expression: Expression) -> Span:
    """Where an error of this operation is shown: at the operator, where there is one."""
    return expression.op_span if isinstance(expression, Binary) else expression.span


def _plain_row(literal: ArrayLiteral) -> Array | None:
    """The array of a literal of plain numbers, so that data of any length costs no nodes."""
    row = []
    for item in literal.items:
        if isinstance(item, Number):
            row.append(item.value)
        elif isinstance(item, Unary) and item.op == "-" and isinstance(item.operand, Number):
            row.append(-item.operand.value)
        else:
            return None
    return np.array(row, dtype=np.float64)


def _described(node: Node) -> str:
    if not node.shape:
        return "a number"
    if len(node.shape) == 1:
        return f"{node.shape[0]} element{'s' * (node.shape[0] != 1)}"
    return f"an array of shape {show_shape(node.shape)}"


def _holds(node: Node) -> str:
    return f"{'has' if len(node.shape) == 1 else 'is'} {_described(node)}"


def _slice(bounds: Sequence[int | None], extent: int) -> tuple[int | None, int | None, int]:
    start, stop, step = bounds
    if step == 0:
        raise ExpressionError("a slice's step must not be 0", code="index")
    first, last, by = slice(start, stop, step).indices(extent)
    # Counting down to the first element ends before position 0, which as a bound would mean the last one.
    return first, (None if last < 0 else last), by


def _position(k: int, extent: int) -> int:
    if not -extent <= k < extent:
        raise ExpressionError(
            f"index {k} is out of range: there are {extent} elements, 0 to {extent - 1}"
            if extent
            else f"index {k} is out of range: there are no elements",
            hint="indices count from 0, negative ones from the end",
            code="index",
        )
    return k % extent


def _arity(least: int, most: int | None) -> str:
    if most is None:
        return f"{least} or more arguments"
    if least == most:
        return f"{least} argument{'s' * (least != 1)}"
    return f"{least} to {most} arguments"
