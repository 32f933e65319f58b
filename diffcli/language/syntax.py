"""What was typed, as a tree: the parser's result and the lowering's input.

Every node knows its `span`, the half-open range of characters it stands for in the source. Nodes compare by
identity: trees are deeper than Python's stack, so nothing here may recurse.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from diffcli.errors import Span


@dataclass(slots=True, eq=False, repr=False)
class Number:
    """A literal: `value` is the double it denotes, `text` what was typed."""

    value: float
    text: str
    span: Span


@dataclass(slots=True, eq=False, repr=False)
class Name:
    """A variable or a constant; NFC-normalised."""

    name: str
    span: Span


@dataclass(slots=True, eq=False, repr=False)
class ArrayLiteral:
    """``[a, b, c]``; nested literals are matrices."""

    items: tuple[Expression, ...]
    span: Span


@dataclass(slots=True, eq=False, repr=False)
class Call:
    """``name(arg, …, keyword=arg)``."""

    name: str
    args: tuple[Expression, ...]
    keywords: tuple[tuple[str, Expression], ...]
    span: Span
    name_span: Span


@dataclass(slots=True, eq=False, repr=False)
class Unary:
    """Prefix ``-``, ``+`` or ``not``."""

    op: str
    operand: Expression
    span: Span


@dataclass(slots=True, eq=False, repr=False)
class Binary:
    """``+ - * / % @ ^ and or``; ``**`` arrives here as ``^``."""

    op: str
    left: Expression
    right: Expression
    span: Span
    op_span: Span


@dataclass(slots=True, eq=False, repr=False)
class Compare:
    """A chain ``a < b <= c``: one more operand than operators, all compared, joined by *and*."""

    ops: tuple[str, ...]
    operands: tuple[Expression, ...]
    span: Span
    op_spans: tuple[Span, ...]


@dataclass(slots=True, eq=False, repr=False)
class Conditional:
    """``then if condition else otherwise``."""

    condition: Expression
    then: Expression
    otherwise: Expression
    span: Span


@dataclass(slots=True, eq=False, repr=False)
class Slice:
    """``start:stop:step`` inside an index; each part may be missing."""

    start: Expression | None
    stop: Expression | None
    step: Expression | None
    span: Span


@dataclass(slots=True, eq=False, repr=False)
class Index:
    """``value[key, key, …]``."""

    value: Expression
    keys: tuple[Expression | Slice, ...]
    span: Span


@dataclass(slots=True, eq=False, repr=False)
class Transpose:
    """``value'``."""

    value: Expression
    span: Span


Expression: TypeAlias = Number | Name | ArrayLiteral | Call | Unary | Binary | Compare | Conditional | Index | Transpose


@dataclass(slots=True, eq=False, repr=False)
class Bare:
    """An expression standing alone as a statement."""

    value: Expression
    span: Span


@dataclass(slots=True, eq=False, repr=False)
class Assign:
    """``name = value``."""

    name: str
    value: Expression
    span: Span
    name_span: Span


@dataclass(slots=True, eq=False, repr=False)
class Define:
    """``name(parameter, …) = body``: a function of the file's own."""

    name: str
    parameters: tuple[Name, ...]
    body: Expression
    span: Span
    name_span: Span


@dataclass(slots=True, eq=False, repr=False)
class Declaration:
    """One name of an ``input`` or ``param`` statement, with its default if it has one."""

    name: str
    default: Expression | None
    held: bool  # True for `param`: fixed unless asked for
    span: Span
    name_span: Span


@dataclass(slots=True, eq=False, repr=False)
class Return:
    """``return a, b``."""

    names: tuple[Name, ...]
    span: Span


Statement: TypeAlias = Bare | Assign | Define | Declaration | Return


@dataclass(slots=True, eq=False, repr=False)
class File:
    """A whole program: its statements in order."""

    statements: tuple[Statement, ...]
