"""Who is who in a file: which names are inputs, which are computed, which functions are the file's own.

Everything here is decided once, from the text alone, before a point or a shape is known.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from diffcli.errors import ExpressionError, Source, Span
from diffcli.language.suggest import closest
from diffcli.language.syntax import (
    ArrayLiteral,
    Assign,
    Bare,
    Binary,
    Call,
    Compare,
    Conditional,
    Declaration,
    Define,
    Expression,
    File,
    Index,
    Name,
    Number,
    Return,
    Slice,
    Transpose,
    Unary,
)
from diffcli.primitives.catalogue import FUNCTIONS

CONSTANTS = {
    "pi": math.pi,
    "π": math.pi,
    "tau": math.tau,
    "τ": math.tau,
    "e": math.e,
    "inf": math.inf,
    "nan": math.nan,
}


def children(node: Expression | Slice) -> tuple[Expression | Slice | None, ...]:
    """The parts of an expression, in the order they are read."""
    match node:
        case Binary():
            return (node.left, node.right)
        case Call():
            return (*node.args, *(value for _, value in node.keywords))
        case Unary():
            return (node.operand,)
        case ArrayLiteral():
            return node.items
        case Compare():
            return node.operands
        case Conditional():
            return (node.then, node.condition, node.otherwise)
        case Index():
            return (node.value, *node.keys)
        case Transpose():
            return (node.value,)
        case Slice():
            return (node.start, node.stop, node.step)
        case Name() | Number():
            return ()


def walk(expression: Expression) -> Iterator[Expression]:
    """Every part of an expression, from left to right, without recursion."""
    stack: list[Expression | Slice] = [expression]
    while stack:
        node = stack.pop()
        if not isinstance(node, Slice):
            yield node
        if not isinstance(node, Name | Number):
            stack.extend(part for part in reversed(children(node)) if part is not None)


@dataclass(slots=True)
class Names:
    """What every name of a file stands for."""

    inputs: list[str] = field(default_factory=list)  # free names in order, params among them
    params: list[str] = field(default_factory=list)
    defaults: dict[str, Expression] = field(default_factory=dict)
    constants: set[str] = field(default_factory=set)  # constants' names that the file uses as such
    functions: dict[str, Define] = field(default_factory=dict)
    outputs: list[tuple[str, Expression]] = field(default_factory=list)
    assigned: dict[str, Assign] = field(default_factory=dict)
    places: dict[str, Span] = field(default_factory=dict)  # where each name was first seen


def _error(message: str, span: Span, hint: str | None = None, code: str = "name") -> ExpressionError:
    return ExpressionError(message, span, hint, code=code)


class _Lines:
    """Says where in the text something stands, in words."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def of(self, span: Span) -> str:
        if "\n" not in self.source.text:
            return f"at column {span[0] + 1}"
        line = self.source.text.count("\n", 0, span[0]) + 1
        return f"on line {line}"


def analyse(file: File, source: Source) -> Names:
    """The names of a file.

    Raises `ExpressionError`: a name assigned twice or used before its assignment, a function shadowed or
    recursive, a function nobody knows; each with both places where there are two.
    """
    try:
        return _analyse(file, _Lines(source))
    except ExpressionError as error:
        raise error.located(source) from None


def _analyse(file: File, lines: _Lines) -> Names:
    names = Names()
    for statement in file.statements:
        if isinstance(statement, Define):
            _define(names, statement, lines)
        elif isinstance(statement, Assign):
            _new_name(names, statement.name, statement.name_span, lines)
            names.assigned[statement.name] = statement
        elif isinstance(statement, Declaration):
            _new_name(names, statement.name, statement.name_span, lines)
            names.places[statement.name] = statement.name_span
    # A second round, when all assignments and functions are known: uses in order.
    done: set[str] = set()
    declared = [s.name for s in file.statements if isinstance(s, Declaration) and not s.held]
    names.inputs.extend(declared)
    free = dict.fromkeys(declared)
    used: set[str] = set()
    for statement in file.statements:
        match statement:
            case Declaration():
                if statement.held:
                    names.params.append(statement.name)
                    free.setdefault(statement.name)
                if statement.default is not None:
                    names.defaults[statement.name] = statement.default
                    _uses_only_constants(names, statement.default)
            case Define():
                parameters = {p.name for p in statement.parameters}
                _uses(names, statement.body, parameters, done=None, free=free, used=used, lines=lines)
            case Assign():
                _uses(names, statement.value, set(), done=done, free=free, used=used, lines=lines)
                done.add(statement.name)
            case Bare():
                _uses(names, statement.value, set(), done=done, free=free, used=used, lines=lines)
            case Return():
                pass
    names.inputs = list(free)
    _refuse_recursion(names)
    names.outputs = _outputs(file, names, used)
    return names


def _define(names: Names, statement: Define, lines: _Lines) -> None:
    if statement.name in FUNCTIONS:
        raise _error(
            f"{statement.name} is a function of the language; a file may not redefine it",
            statement.name_span,
            f"call it my_{statement.name}",
            "shadow",
        )
    _new_name(names, statement.name, statement.name_span, lines)
    names.functions[statement.name] = statement


def _new_name(names: Names, name: str, span: Span, lines: _Lines) -> None:
    if name in FUNCTIONS:
        raise _error(f"{name} is a function; assigning to it would shadow it", span, f"call it {name}_1, say", "shadow")
    before: Span | None = None
    if name in names.functions:
        before = names.functions[name].name_span
    elif name in names.assigned:
        before = names.assigned[name].name_span
    elif name in names.places:
        before = names.places[name]
    if before is not None:
        raise _error(
            f"{name} is defined twice: first {lines.of(before)}, then {lines.of(span)}",
            span,
            "give one of the two another name",
            "assigned-twice",
        )


def _uses(
    names: Names,
    expression: Expression,
    bound: set[str],
    *,
    done: set[str] | None,
    free: dict[str, None],
    used: set[str],
    lines: _Lines,
) -> None:
    """Notes every name in `expression`; `done` are the names assigned so far (None: any, in a function's body)."""
    for node in walk(expression):
        if isinstance(node, Call):
            _check_callee(names, node, bound, free)
        if not isinstance(node, Name) or node.name in bound:
            continue
        name = node.name
        if name in names.functions:
            raise _error(f"{name} is a function of this file", node.span, f"write {name}(…)")
        if name in names.assigned:
            if done is not None and name not in done:
                place = names.assigned[name].name_span
                raise _error(
                    f"{name} is used before its assignment {lines.of(place)}",
                    node.span,
                    "move the assignment up",
                    "used-before-assignment",
                )
            used.add(name)
        elif name in CONSTANTS and name not in free and name not in names.places:
            names.constants.add(name)
        else:
            free.setdefault(name)
            names.places.setdefault(name, node.span)


def _uses_only_constants(names: Names, expression: Expression) -> None:
    for node in walk(expression):
        if isinstance(node, Name) and node.name not in CONSTANTS:
            raise _error(
                f"a default must be a number, and {node.name} is none", node.span, "use numbers and pi, e, …", "default"
            )
        if isinstance(node, Call) and node.name in names.functions:
            raise _error(
                f"a default must be a number, and {node.name} is a function of this file",
                node.name_span,
                "use numbers and the functions of the language",
                "default",
            )
        if isinstance(node, Call):
            _check_callee(names, node, set(), {})


def _check_callee(names: Names, call: Call, bound: set[str], free: dict[str, None]) -> None:
    name = call.name
    if name in names.functions:
        wanted = len(names.functions[name].parameters)
        if len(call.args) != wanted or call.keywords:
            raise _error(
                f"{name} takes {_count(wanted, 'argument')}, not {len(call.args) + len(call.keywords)}",
                call.span,
                f"it is defined as {name}({', '.join(p.name for p in names.functions[name].parameters)})",
                "arity",
            )
        return
    if name in FUNCTIONS:
        return
    if name in bound or name in names.assigned or name in free:
        raise _error(
            f"{name} is a variable, not a function",
            call.name_span,
            f"to multiply, write {name}*(…)",
            "not-a-function",
        )
    near = closest(name, [*FUNCTIONS, *names.functions])
    raise _error(
        f"there is no function {name}",
        call.name_span,
        f"did you mean {near}?" if near else f"for a product, write {name}*(…); `diffcli functions` lists them all",
        "unknown-function",
    )


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}{'s' * (n != 1)}"


def _refuse_recursion(names: Names) -> None:
    calls = {
        name: [node for node in walk(define.body) if isinstance(node, Call) and node.name in names.functions]
        for name, define in names.functions.items()
    }
    finished: set[str] = set()
    for start in calls:
        path: list[str] = []
        stack: list[tuple[str, Iterator[Call]]] = []
        if start not in finished:
            path.append(start)
            stack.append((start, iter(calls[start])))
        while stack:
            name, rest = stack[-1]
            call = next(rest, None)
            if call is None:
                stack.pop()
                path.pop()
                finished.add(name)
            elif call.name in path:
                cycle = [*path[path.index(call.name) :], call.name]
                raise _error(
                    f"a function may not call itself: {' → '.join(cycle)}",
                    call.span,
                    "write the steps out, or as an array",
                    "recursion",
                )
            elif call.name not in finished:
                path.append(call.name)
                stack.append((call.name, iter(calls[call.name])))


def _outputs(file: File, names: Names, used: set[str]) -> list[tuple[str, Expression]]:
    returned = [s for s in file.statements if isinstance(s, Return)]
    if len(returned) > 1:
        raise _error("a file has one return", returned[1].span, "name all outputs in it: return a, b", "return")
    if returned:
        outputs: list[tuple[str, Expression]] = []
        for name in returned[0].names:
            if name.name not in names.assigned and name.name not in names.inputs:
                near = closest(name.name, names.assigned)
                raise _error(
                    f"nothing is called {name.name}", name.span, f"did you mean {near}?" if near else None, "name"
                )
            if any(name.name == given for given, _ in outputs):
                raise _error(f"{name.name} is returned twice", name.span, None, "return")
            outputs.append((name.name, name))
        return outputs
    found: list[tuple[str | None, Expression]] = []
    for statement in file.statements:
        if isinstance(statement, Bare):
            value = statement.value
            named = value.name if isinstance(value, Name) and value.name in names.assigned else None
            found.append((named, value))
        elif isinstance(statement, Assign) and statement.name not in used:
            found.append((statement.name, Name(statement.name, statement.name_span)))
    if not found:
        last = file.statements[-1].span if file.statements else (0, 0)
        raise _error("nothing is computed here", last, "add an expression, such as x^2", "empty")
    unnamed = sum(name is None for name, _ in found)
    taken = {name for name, _ in found if name is not None}
    numbers = iter(range(1, len(found) + 1))
    return [(name or _bare_name(unnamed, numbers, taken), value) for name, value in found]


def _bare_name(unnamed: int, numbers: Iterator[int], taken: set[str]) -> str:
    if unnamed == 1 and "f" not in taken:
        return "f"
    return next(name for name in (f"f{n}" for n in numbers) if name not in taken)
