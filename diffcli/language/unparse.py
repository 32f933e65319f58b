"""Tree to text: with the fewest brackets that read back to the same tree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isnan
from typing import TypeAlias

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
    Statement,
    Transpose,
    Unary,
)

# How tightly each form binds; an operand that binds less than its place asks for gets brackets.
CONDITIONAL, OR, AND, NOT, COMPARISON, SUM, PRODUCT, SIGN, POWER, POSTFIX = range(10)

# operator: (its own level, its left operand's, its right operand's, as written)
BINARY = {
    "or": (OR, OR, AND, " or "),
    "and": (AND, AND, NOT, " and "),
    "+": (SUM, SUM, PRODUCT, " + "),
    "-": (SUM, SUM, PRODUCT, " - "),
    "*": (PRODUCT, PRODUCT, SIGN, "*"),
    "/": (PRODUCT, PRODUCT, SIGN, "/"),
    "%": (PRODUCT, PRODUCT, SIGN, " % "),
    "@": (PRODUCT, PRODUCT, SIGN, " @ "),
    "^": (POWER, POSTFIX, SIGN, "^"),
}
UNARY = {"not": (NOT, NOT, "not "), "-": (SIGN, SIGN, "-"), "+": (SIGN, SIGN, "+")}

# A piece of text, or an expression and the level that its place asks for.
Piece: TypeAlias = "str | tuple[Expression | Slice, int]"


def unparse(tree: Expression | File) -> str:
    """The text of `tree`; a file has one statement a line."""
    if isinstance(tree, File):
        return "\n".join(_write(_statement(statement)) for statement in tree.statements)
    return _write([(tree, CONDITIONAL)])


def number(value: float) -> str:
    """The shortest text that reads back to `value`: ``1``, ``0.1``, ``1e-5``."""
    if isnan(value):
        return "nan"
    text = repr(value)
    mantissa, exponent, power = text.partition("e")
    if mantissa.endswith(".0"):
        mantissa = mantissa[:-2]
    return f"{mantissa}e{int(power)}" if exponent else mantissa


def _write(pieces: Sequence[Piece]) -> str:
    """Write `pieces` one after another; an expression's own pieces take its place on the stack."""
    out: list[str] = []
    stack: list[Piece] = list(reversed(pieces))
    while stack:
        piece = stack.pop()
        if isinstance(piece, str):
            out.append(piece)
            continue
        expression, asked = piece
        level, parts = _pieces(expression)
        if level < asked:
            parts = ["(", *parts, ")"]
        stack.extend(reversed(parts))
    return "".join(out)


def _pieces(expression: Expression | Slice) -> tuple[int, list[Piece]]:
    """How tightly `expression` binds, and what it is written as."""
    match expression:
        case Number(value=value):
            text = number(value)
            return SIGN if text.startswith("-") else POSTFIX, [text]
        case Name(name=name):
            return POSTFIX, [name]
        case ArrayLiteral(items=items):
            return POSTFIX, ["[", *_listed(items), "]"]
        case Call(name=name, args=args, keywords=keywords):
            named = [piece for key, value in keywords for piece in (", ", f"{key}=", (value, CONDITIONAL))]
            pieces: list[Piece] = [*_listed(args), *named]
            return POSTFIX, [f"{name}(", *(pieces if args else pieces[1:]), ")"]
        case Unary(op=op, operand=operand):
            level, asked, text = UNARY[op]
            return level, [text, (operand, asked)]
        case Binary(op=op, left=left, right=right):
            level, on_left, on_right, text = BINARY[op]
            return level, [(left, on_left), text, (right, on_right)]
        case Compare(ops=ops, operands=operands):
            pairs = zip(ops, operands[1:], strict=True)
            rest = [piece for op, operand in pairs for piece in (f" {op} ", (operand, SUM))]
            return COMPARISON, [(operands[0], SUM), *rest]
        case Conditional(condition=condition, then=then, otherwise=otherwise):
            return CONDITIONAL, [(then, OR), " if ", (condition, OR), " else ", (otherwise, CONDITIONAL)]
        case Slice(start=start, stop=stop, step=step):
            parts = [*_maybe(start), ":", *_maybe(stop)]
            return CONDITIONAL, parts if step is None else [*parts, ":", *_maybe(step)]
        case Index(value=value, keys=keys):
            return POSTFIX, [(value, POSTFIX), "[", *_listed(keys), "]"]
        case Transpose(value=value):
            return POSTFIX, [(value, POSTFIX), "'"]


def _maybe(expression: Expression | None) -> list[Piece]:
    return [] if expression is None else [(expression, CONDITIONAL)]


def _listed(items: Sequence[Expression | Slice]) -> Iterator[Piece]:
    for place, item in enumerate(items):
        if place:
            yield ", "
        yield item, CONDITIONAL


def _statement(statement: Statement) -> list[Piece]:
    match statement:
        case Bare(value=value):
            return [(value, CONDITIONAL)]
        case Assign(name=name, value=value):
            return [f"{name} = ", (value, CONDITIONAL)]
        case Define(name=name, parameters=parameters, body=body):
            listed = ", ".join(parameter.name for parameter in parameters)
            return [f"{name}({listed}) = ", (body, CONDITIONAL)]
        case Declaration(name=name, default=None, held=held):
            return [f"{'param' if held else 'input'} {name}"]
        case Declaration(name=name, default=default, held=held):
            assert default is not None
            return [f"{'param' if held else 'input'} {name} = ", (default, CONDITIONAL)]
        case Return(names=names):
            return [f"return {', '.join(name.name for name in names)}"]
