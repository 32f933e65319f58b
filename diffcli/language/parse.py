"""Text to tree: the lexer, the automaton's loop and the actions that the grammar names.

The automaton keeps its own stack, and the actions build the tree while it runs, so that nesting is bounded
by memory and not by Python's stack.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache
from math import isinf
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from diffcli.errors import ExpressionError, Source, Span
from diffcli.language.automaton import ACCEPT, END, Tables
from diffcli.language.grammar import load
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
from diffcli.language.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")

MAX_TOKENS = 1_000_000
WRONG = "WRONG"  # the kind of a character that begins no token; the text ends there for the parser

# What people paste from books, and the names that `**` and they go by in the tree.
OPERATORS = {"**": "^", "−": "-", "×": "*", "·": "*", "÷": "/"}


def parse_file(source: Source, *, max_tokens: int = MAX_TOKENS) -> File:
    """The program that `source` spells; an expression is a program of one statement.

    Raises ExpressionError, placed in `source`: code ``syntax``, ``literal-overflow`` for a number that no
    double can hold, ``limit`` for more than `max_tokens` tokens.
    """
    tables = load()
    try:
        file = _run(tables, scan(source.text, tables, max_tokens))
        if not file.statements:
            raise _nothing(source.text)
    except ExpressionError as error:
        error.located(source)
        raise
    return file


def scan(text: str, tables: Tables, max_tokens: int = MAX_TOKENS) -> Tokens:
    """Cut `text` into tokens. A character that begins none is the last token, of kind WRONG."""
    kinds: list[str] = []
    spans: list[Span] = []
    ignored, keywords = tables.ignored, tables.keywords
    ascii_only = text.isascii()
    depth = 0
    for match in _scanner(tables.pattern)(text):
        kind = match.lastgroup or WRONG
        if kind in ignored:
            continue
        span = match.span()
        if kind == "NAME":
            word = match[0]
            if word in keywords:
                kind = keywords[word]
            elif not ascii_only and (wrong := _not_in_a_name(word)) is not None:
                if wrong:
                    kinds.append(kind)
                    spans.append((span[0], span[0] + wrong))
                kinds.append(WRONG)
                spans.append((span[0] + wrong, span[0] + wrong + 1))
                break
        elif kind == "LPAR" or kind == "LSQB":
            depth += 1
        elif kind == "RPAR" or kind == "RSQB":
            depth -= depth > 0
        elif kind == "NEWLINE" and depth:
            continue
        kinds.append(kind)
        spans.append(span)
        if kind == WRONG:
            break
        if len(kinds) > max_tokens:
            raise ExpressionError(
                f"the text has more than {max_tokens:,} tokens",
                span,
                "raise the limit with --max-tokens, or split the text",
                code="limit",
            )
    else:
        kinds.append(END)
        spans.append((len(text), len(text)))
    return Tokens(text, kinds, spans)


@cache
def _scanner(pattern: str) -> Callable[[str], Iterator[re.Match[str]]]:
    return re.compile(f"{pattern}|(?P<{WRONG}>[\\s\\S])").finditer


def normal_name(word: str) -> str | None:
    """`word` as the tree spells it, if it is a name: NFC-normalised; None if it is not."""
    normal = unicodedata.normalize("NFC", word)
    return normal if normal and normal[0] not in "0123456789" and _letters(normal) else None


def _not_in_a_name(word: str) -> int | None:
    """Where in `word` stands the first character that no name may have; None if it is a name."""
    if word.isascii() or _letters(unicodedata.normalize("NFC", word)):
        return None
    base = 0
    for place, letter in enumerate(word):
        if not unicodedata.combining(letter):
            base = place
        if not _letters(unicodedata.normalize("NFC", word[base : place + 1])):
            return place
    raise AssertionError("normalisation never reaches over a base character")


def _letters(word: str) -> bool:
    return all(letter.isalpha() or letter == "_" or letter in "0123456789" for letter in word)


def _run(tables: Tables, tokens: Tokens) -> File:
    """Run the automaton over `tokens`."""
    actions = _Actions(tokens)
    rules = [(symbol, size, getattr(actions, action) if action else None) for symbol, size, action in tables.rules]
    table = tables.states
    states = [0]
    values: list[Any] = []
    for index, kind in enumerate(tokens.kinds):
        while True:
            step = table[states[-1]].get(kind)
            if step is None:
                from diffcli.language.complaints import complaint

                raise complaint(tokens, index)
            if step > 0:
                states.append(step)
                values.append(index)
                break
            if step == ACCEPT:
                result: File = values[0]
                return result
            symbol, size, action = rules[-1 - step]
            if action is None:
                states.pop()
            elif size:
                arguments = values[-size:]
                del values[-size:], states[-size:]
                values.append(action(*arguments))
            else:
                values.append(action())
            states.append(table[states[-1]][symbol])
    raise AssertionError("the last token ends every run")


class _Actions:
    """What the alternatives of the grammar build.

    An action receives the symbols of its alternative: a token as its index, anything else as what its own
    action returned.
    """

    def __init__(self, tokens: Tokens) -> None:
        self.text = tokens.text
        self.spans = tokens.spans

    # ---- lists

    def blank(self) -> None:
        return None

    def first(self, item: T) -> list[T]:
        return [item]

    def more(self, items: list[T], _separator: int, item: T) -> list[T]:
        items.append(item)
        return items

    # ---- expressions

    def number(self, token: int) -> Number:
        span = self.spans[token]
        text = self.text[span[0] : span[1]]
        value = float(text)
        if isinf(value):
            raise ExpressionError(
                "this number is too large for a double, whose largest is 1.7976931348623157e308",
                span,
                "write inf if infinity is meant",
                code="literal-overflow",
            )
        return Number(value, text, span)

    def name(self, token: int) -> Name:
        return Name(self.word(token), self.spans[token])

    def word(self, token: int) -> str:
        """The name at `token`, normalised."""
        start, end = self.spans[token]
        word = self.text[start:end]
        return word if word.isascii() else unicodedata.normalize("NFC", word)

    def operator(self, token: int) -> str:
        """The operator at `token`, as the tree calls it."""
        start, end = self.spans[token]
        sign = self.text[start:end]
        return OPERATORS.get(sign, sign)

    def group(self, start: int, inner: Expression, end: int) -> Expression:
        # With its brackets in its span, an expression's text can be quoted as it stands.
        inner.span = (self.spans[start][0], self.spans[end][1])
        return inner

    def array(self, start: int, *rest: Any) -> ArrayLiteral:
        items = tuple(rest[0]) if len(rest) > 1 else ()
        return ArrayLiteral(items, (self.spans[start][0], self.spans[rest[-1]][1]))

    def call(self, name: int, _open: int, *rest: Any) -> Call:
        args: list[Expression] = []
        keywords: dict[str, Expression] = {}
        for argument in rest[0] if len(rest) > 1 else ():
            if isinstance(argument, tuple):
                token, value = argument
                if self.word(token) in keywords:
                    raise ExpressionError(
                        f"{self.word(token)}= is given twice",
                        self.spans[token],
                        "remove one of the two",
                        code="syntax",
                    )
                keywords[self.word(token)] = value
            elif keywords:
                raise ExpressionError(
                    "an argument without a name follows one with a name",
                    argument.span,
                    f"write the arguments with a name, such as {next(iter(keywords))}=, last",
                    code="syntax",
                )
            else:
                args.append(argument)
        name_span = self.spans[name]
        span = (name_span[0], self.spans[rest[-1]][1])
        return Call(self.word(name), tuple(args), tuple(keywords.items()), span, name_span)

    def keyword(self, name: int, _equal: int, value: Expression) -> tuple[int, Expression]:
        return name, value

    def index(self, value: Expression, _open: int, keys: list[Expression | Slice], end: int) -> Index:
        return Index(value, tuple(keys), (value.span[0], self.spans[end][1]))

    def slice(
        self,
        start: Expression | None,
        colon: int,
        stop: Expression | None,
        second: int | None = None,
        step: Expression | None = None,
    ) -> Slice:
        first = start.span[0] if start else self.spans[colon][0]
        last = step or second or stop or colon
        end = self.spans[last][1] if isinstance(last, int) else last.span[1]
        return Slice(start, stop, step, (first, end))

    def transpose(self, value: Expression, mark: int) -> Transpose:
        return Transpose(value, (value.span[0], self.spans[mark][1]))

    def unary(self, operator: int, operand: Expression) -> Unary:
        return Unary(self.operator(operator), operand, (self.spans[operator][0], operand.span[1]))

    def binary(self, left: Expression, operator: int, right: Expression) -> Binary:
        span = (left.span[0], right.span[1])
        return Binary(self.operator(operator), left, right, span, self.spans[operator])

    def compare(self, left: Expression, operator: int, right: Expression) -> _Chain:
        return _Chain([self.operator(operator)], [left, right], [self.spans[operator]])

    def compare_on(self, chain: _Chain, operator: int, right: Expression) -> _Chain:
        chain.ops.append(self.operator(operator))
        chain.operands.append(right)
        chain.op_spans.append(self.spans[operator])
        return chain

    def comparison(self, chain: _Chain) -> Compare:
        span = (chain.operands[0].span[0], chain.operands[-1].span[1])
        return Compare(tuple(chain.ops), tuple(chain.operands), span, tuple(chain.op_spans))

    def conditional(
        self, then: Expression, _if: int, condition: Expression, _else: int, otherwise: Expression
    ) -> Conditional:
        return Conditional(condition, then, otherwise, (then.span[0], otherwise.span[1]))

    # ---- statements

    def file(self, lines: list[Statement | list[Statement] | None]) -> File:
        statements: list[Statement] = []
        for line in lines:
            if isinstance(line, list):
                statements += line
            elif line is not None:
                statements.append(line)
        return File(tuple(statements))

    def bare(self, value: Expression) -> Bare:
        return Bare(value, value.span)

    def definition(self, left: Expression, equal: int, value: Expression) -> Assign | Define:
        """``name = value`` or ``name(parameter, …) = value``: in the grammar, expression = expression."""
        span = (left.span[0], value.span[1])
        plain = self.text[span[0]] != "("
        if isinstance(left, Name) and plain:
            return Assign(left.name, value, span, left.span)
        if isinstance(left, Call) and plain and not left.keywords:
            parameters = tuple(arg for arg in left.args if isinstance(arg, Name) and self.text[arg.span[0]] != "(")
            if len(parameters) == len(left.args):
                return Define(left.name, _distinct(parameters), value, span, left.name_span)
        from diffcli.language.complaints import not_assignable

        raise not_assignable(self.text, left, self.spans[equal], value)

    def declaration(self, name: int, _equal: int | None = None, default: Expression | None = None) -> Declaration:
        name_span = self.spans[name]
        span = (name_span[0], default.span[1] if default else name_span[1])
        return Declaration(self.word(name), default, False, span, name_span)

    def inputs(self, _word: int, declarations: list[Declaration]) -> list[Declaration]:
        return declarations

    def params(self, _word: int, declarations: list[Declaration]) -> list[Declaration]:
        for declaration in declarations:
            declaration.held = True
        return declarations

    def returns(self, word: int, names: list[Name]) -> Return:
        return Return(tuple(names), (self.spans[word][0], names[-1].span[1]))


class _Chain(NamedTuple):
    """A comparison that may go on."""

    ops: list[str]
    operands: list[Expression]
    op_spans: list[Span]


def _distinct(parameters: tuple[Name, ...]) -> tuple[Name, ...]:
    seen: set[str] = set()
    for parameter in parameters:
        if parameter.name in seen:
            raise ExpressionError(
                f"the parameter {parameter.name} is named twice",
                parameter.span,
                "give each parameter its own name",
                code="syntax",
            )
        seen.add(parameter.name)
    return parameters


def _nothing(text: str) -> ExpressionError:
    what = "holds only comments" if "#" in text else "is blank" if text else "is empty"
    return ExpressionError(
        f"there is no formula: the text {what}", (0, 0), "write one, such as sin(x)*y", code="syntax"
    )
