"""What to say about a text that does not parse: the place, what is wrong there, and one likely fix.

Imported only when there is something to complain about. The parser names the token at which it gave up; that
token, the one before it and the brackets still open tell nearly always what happened. The text is never
read as if it were right: every fix is a suggestion.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from diffcli.errors import ExpressionError, Span

if TYPE_CHECKING:
    from diffcli.language.parse import Tokens
    from diffcli.language.syntax import Expression

LONGEST_QUOTE = 40  # characters of the user's text in a hint; what is longer, or cannot be seen, stands as …

OPERAND_ENDS = {"NUMBER", "NAME", "RPAR", "RSQB", "QUOTE"}
OPERAND_STARTS = {"NUMBER", "NAME", "LPAR", "LSQB", "NOT"}
WORDS = {"INPUT", "PARAM", "RETURN", "IF", "ELSE", "AND", "OR", "NOT"}
OPENED_BY = {"RPAR": "LPAR", "RSQB": "LSQB"}
CLOSER = {"LPAR": ")", "LSQB": "]"}

# Characters that people type or paste, and what they should write.
INSTEAD = {
    "!": "not", "~": "not", "¬": "not", "∧": "and", "∨": "or",
    "≤": "<=", "≥": ">=", "≠": "!=", "≈": "==", "≡": "==", "∞": "inf",
    "–": "-", "—": "-", "‐": "-", "‑": "-", "∗": "*", "⋅": "*", "∙": "*", "•": "*", "⨯": "*", "✕": "*",
    "∕": "/", "⁄": "/", "’": "'", "‘": "'", "′": "'", "ᵀ": "'", "⊤": "'", "≔": "=", "←": "=",
    "∑": "sum( )", "∏": "prod( )", "√": "sqrt( )", "∛": "cbrt( )",
}  # fmt: skip

# Words of other languages, and how the same is said here.
FOREIGN = {
    "lambda": "define a function on a line of its own, such as f(x) = x^2",
    "def": "define a function by f(x) = …, without def",
    "let": "write the assignment without let",
    "is": "write == to compare",
    "in": "write a comparison, such as 0 < x",
    "for": "there are no loops; arrays and sum, prod, cumsum do their work",
    "then": "write a if c else b",
    "import": "all functions are there already; `diffcli functions` lists them",
}
MODULES = {"np", "numpy", "math", "Math", "cmath", "jnp", "jax", "torch", "tf", "sp", "sympy", "scipy", "mp"}


def complaint(tokens: Tokens, at: int) -> ExpressionError:
    """The error for a text whose token number `at` fits nothing that the grammar allows there."""
    text = _Text(tokens, at)
    kind = text.kinds[at]
    if kind == "WRONG":
        message, hint, span = _character(text)
    elif text.after_operand:
        message, hint, span = _after_an_operand(text, kind)
    else:
        message, hint, span = _where_an_operand_belongs(text, kind)
    return ExpressionError(message, span, hint, code="syntax")


def not_assignable(text: str, left: Expression, equal: Span, value: Expression) -> ExpressionError:
    """The error for ``left = value`` where `left` is neither a name nor a function with its parameters."""
    from diffcli.language import syntax

    start, end = left.span
    target = text[start:end]
    right = text[value.span[0] : value.span[1]]
    if isinstance(left, syntax.Call):
        message = "a function is defined by plain parameter names"
        hint = f"write {_short(left.name)}(a) = …, and use a on the right"
    elif isinstance(left, syntax.Index):
        message = "an element cannot be assigned"
        hint = "assign the whole array, such as a = [1, 2, 3]"
    elif isinstance(left, syntax.Name):
        message = "the name to assign stands in brackets"
        hint = f"write {_short(left.name)} = {_short(right)}"
    elif isinstance(value, syntax.Name):
        message = "what is assigned stands on the right of ="
        hint = f"write {_short(value.name)} = {_short(target)}"
    else:
        message = "only a name, or a function such as f(a), can stand on the left of ="
        hint = f"write {_short(target)} == {_short(right)} to compare"
        return ExpressionError(message, equal, hint, code="syntax")
    return ExpressionError(message, left.span, hint, code="syntax")


Words = tuple[str, str, Span]  # message, hint, place


class _Text:
    """The tokens before and after the one that fits nothing."""

    def __init__(self, tokens: Tokens, at: int) -> None:
        self.text, self.kinds, self.spans = tokens
        self.at = at
        self.before = self.kinds[at - 1] if at else ""
        self.after_operand = self.before in OPERAND_ENDS
        self.open: list[int] = []  # brackets not yet closed
        self.partner: dict[int, int] = {}  # closing bracket -> its opening one
        for index in range(at):
            kind = self.kinds[index]
            if kind in CLOSER:
                self.open.append(index)
            elif kind in OPENED_BY and self.open:
                self.partner[index] = self.open.pop()
        self.first = at  # where the statement begins
        while self.first and self.kinds[self.first - 1] not in ("NEWLINE", "SEMICOLON"):
            self.first -= 1

    def word(self, index: int) -> str:
        """The token at `index` as it was typed, … if it is long; "" beyond the text."""
        if not 0 <= index < len(self.spans):
            return ""
        start, end = self.spans[index]
        return _short(self.text[start:end])

    def kind(self, index: int) -> str:
        return self.kinds[index] if 0 <= index < len(self.kinds) else ""

    def touches(self, index: int) -> bool:
        """Whether the token at `index` follows the one before it without a space."""
        return index > 0 and self.spans[index - 1][1] == self.spans[index][0]

    def between(self, index: int) -> str:
        """The text between the token before `index` and the one at it."""
        return self.text[self.spans[index - 1][1] : self.spans[index][0]]

    def quote(self, first: int, last: int) -> str:
        """The text from token `first` to token `last`, on one line and short."""
        return _short(self.text[self.spans[first][0] : self.spans[last][1]])

    def left_operand(self) -> str:
        """The postfix expression that ends before the failing token."""
        first = last = self.at - 1
        while True:
            if self.kinds[first] == "QUOTE" and first:
                first -= 1
                continue
            if first in self.partner:
                opening = self.partner[first]
                holder = self.kind(opening - 1)
                first = opening
                if holder == "NAME" or (self.kinds[opening] == "LSQB" and holder in OPERAND_ENDS):
                    first -= 1
                    continue
            return self.quote(first, last)

    def right_operand(self, first: int) -> str:
        """The postfix expression that begins at token `first`, as far as can be told."""
        last = first
        if self.kind(first) == "NAME" and self.kind(first + 1) == "LPAR":
            last += 1
        if self.kind(last) in CLOSER:
            depth = 0
            for index in range(last, len(self.kinds)):
                depth += (self.kinds[index] in CLOSER) - (self.kinds[index] in OPENED_BY)
                if depth == 0:
                    return self.quote(first, index)
            return self.word(first) + ("(…)" if last > first else "…" + CLOSER[self.kinds[last]])
        return self.quote(first, last)

    def awaits_else(self) -> int | None:
        """The last ``if`` within the innermost open bracket that has no ``else`` yet."""
        start = max(self.open[-1] if self.open else 0, self.first)
        depth = 0
        for index in range(self.at - 1, start - 1, -1):
            kind = self.kinds[index]
            depth += (kind in OPENED_BY) - (kind in CLOSER)
            if depth == 0 and kind == "ELSE":
                return None
            if depth == 0 and kind == "IF":
                return index
        return None

    def where(self, position: int) -> str:
        """``line 3, column 5`` of a position; the line only where there are several."""
        before = re.split(r"\r\n|\r|\n", self.text[:position])
        column = f"column {len(before[-1]) + 1}"
        several = len(before) > 1 or "\n" in self.text[position:].rstrip()
        return f"line {len(before)}, {column}" if several else column


def _short(text: str) -> str:
    text = " ".join(text.split())
    # A comment in the text would swallow what follows it here.
    return text if len(text) <= LONGEST_QUOTE and text.isprintable() and "#" not in text else "…"


# ---- after an operand: an operator, a comma or the end was due ---------------------------------------------


def _after_an_operand(text: _Text, kind: str) -> Words:
    span = text.spans[text.at]
    if (kind in OPERAND_STARTS or kind in ("EQUAL", "RETURN", "INPUT", "PARAM")) and text.open:
        gap = text.between(text.at)
        if "\n" in gap or "\r" in gap:
            return _never_closed(text)
    first = text.kinds[text.first]
    if first in ("INPUT", "PARAM", "RETURN") and not text.open:
        words = _in_a_list_of_names(text, kind, first)
        if words:
            return words
    if kind in ("END", "NEWLINE", "SEMICOLON", "RPAR", "RSQB", "COMMA", "$END", "COLON", "EQUAL"):
        return _at_a_break(text, kind)
    if kind in ("RETURN", "INPUT", "PARAM"):
        word = text.word(text.at)
        return f"{word} begins a statement", f"write {word} on a new line, or after a ;", span
    if kind == "ELSE":
        return "else without an if before it", "write a if c else b", span
    if kind == "IF":
        return (
            "a second if before the else of the first",
            "put the inner conditional in brackets: a if (…) else b",
            span,
        )
    return _no_operator(text, kind)


def _at_a_break(text: _Text, kind: str) -> Words:
    """An operand, and then a comma, a bracket, a = or the end, which cannot follow here."""
    span = text.spans[text.at]
    pending = text.awaits_else()
    if kind == "EQUAL":
        return _equal(text)
    if kind in OPENED_BY:
        words = _closes_wrongly(text, kind)
        if words:
            return words
    if pending is not None and kind != "COLON":
        condition = text.quote(pending + 1, text.at - 1)
        return (
            "an if without an else",
            f"write what holds otherwise: … if {condition} else 0",
            text.spans[pending],
        )
    if kind == "$END":
        return _never_closed(text)
    if kind == "SEMICOLON":
        if text.kinds[text.open[-1]] == "LSQB":
            return "; inside brackets", "write the rows of a matrix as lists: [[1, 2], [3, 4]]", span
        return _never_closed(text)
    if kind == "COLON":
        if text.kind(text.at + 1) == "EQUAL" and text.touches(text.at + 1):
            place = (span[0], text.spans[text.at + 1][1])
            return (
                "an assignment is written =",
                f"write {text.left_operand()} = {_rest(text, text.at + 2)}",
                place,
            )
        if text.open and text.kinds[text.open[-1]] == "LSQB":
            return "a slice has at most three parts", "write start:stop:step", span
        return ": belongs into an index", "write a[1:3] for a slice", span
    # A comma where no list is open.
    if not text.open:
        left, right = text.at - 1, text.at + 1
        if text.kinds[left] == text.kind(right) == "NUMBER" and text.touches(text.at) and text.touches(right):
            place = (text.spans[left][0], text.spans[right][1])
            return (
                "a comma inside a number",
                f"write {text.word(left)}.{text.word(right)}: a decimal point",
                place,
            )
        return "a comma outside brackets", "separate statements by ; and write arrays as [1, 2]", span
    inner = text.quote(text.open[-1] + 1, text.at - 1)
    return "a comma between plain brackets", f"write an array with square ones: [{inner}, …]", span


def _equal(text: _Text) -> Words:
    span = text.spans[text.at]
    if text.open:
        gap = text.between(text.at - 1)
        if text.before == "NAME" and ("\n" in gap or "\r" in gap):
            return _never_closed(text, text.at - 1)
        return (
            "= inside brackets",
            f"write {text.left_operand()} == {_rest(text, text.at + 1)} to compare",
            span,
        )
    return "a second = in one statement", "write == to compare, or give each assignment its own line", span


def _rest(text: _Text, first: int) -> str:
    """What follows from token `first` on up to the end of the operand, or … if nothing does."""
    return text.right_operand(first) if text.kind(first) in OPERAND_STARTS else "…"


def _no_operator(text: _Text, kind: str) -> Words:
    """Two operands side by side: nothing multiplies without a sign."""
    at = text.at
    span = text.spans[at]
    before, this = text.word(at - 1), text.word(at)
    joined = text.touches(at)
    left, right = text.left_operand(), text.right_operand(at)
    if this in FOREIGN or before in FOREIGN:
        foreign = at if this in FOREIGN else at - 1
        return (
            f"{text.word(foreign)} is no word of this language",
            FOREIGN[text.word(foreign)],
            text.spans[foreign],
        )
    if text.before == "NUMBER":
        words = _power_of_a_function(text, right)
        if words:
            return words
    if text.before == "NUMBER" and joined:
        words = _malformed_number(text, before, this)
        if words:
            return words
    if text.before == kind == "NUMBER" and re.fullmatch(r"[0-9]{3}(\.[0-9]*)?", this):
        place = (text.spans[at - 1][0], span[1])
        return "a space inside a number", f"write {before}{this}", place
    if kind == "NOT":
        return "not where an operator belongs", f"write {left} and not …, or {left} != …", span
    if text.before == "NAME" and kind != "LPAR" and not joined and _is_function(text, before):
        return f"{before} is a function; its argument stands in brackets", f"write {before}({right})", span
    if text.before == "QUOTE" and kind == "LPAR":
        name = text.word(at - 2)
        return (
            "' transposes an array, and its result is no function",
            f"write {name}{right}: diffcli grad gives its derivative",
            span,
        )
    if text.before == "QUOTE" and kind == text.kind(at - 2) == "NUMBER" and joined and text.touches(at - 1):
        place = (text.spans[at - 2][0], span[1])
        return "a ' inside a number", f"write {text.word(at - 2)}{this}", place
    if text.before == "QUOTE" and kind in ("NAME", "NUMBER") and text.kind(at + 1) == "QUOTE":
        return (
            "' transposes what stands before it; it quotes nothing",
            f"write {this} without quotes",
            text.spans[at - 1],
        )
    if text.kind(at + 1) == "EQUAL" and kind == "NAME":
        return "two statements on one line", f"write a ; or a new line before {this} =", span
    if text.open and text.kinds[text.open[-1]] == "LSQB" and not joined:
        return "no comma between two elements", f"write {left}, {right}", span
    what = "a number" if text.before == "NUMBER" else "an operand"
    return f"no operator between {what} and what follows it", f"write {left}*{right}", span


def _malformed_number(text: _Text, before: str, this: str) -> Words | None:
    """A number and what clings to it: 1_000, 0x10, 1.2.3."""
    at = text.at
    place = (text.spans[at - 1][0], text.spans[at][1])
    whole = before + this
    if re.fullmatch(r"[0-9_.]+", whole) and "_" in whole and not whole.endswith("_"):
        return "an underscore inside a number", f"write {whole.replace('_', '')}", place
    if re.fullmatch(r"0([xX][0-9a-fA-F]+|[bB][01]+|[oO][0-7]+)", whole):
        return "numbers are decimal", f"write {int(whole, 0)}", place
    if text.kinds[at] == "NUMBER":
        return "a number has one decimal point", "remove one of the points", text.spans[at]
    return None


def _power_of_a_function(text: _Text, argument: str) -> Words | None:
    """Books write the power before the argument: sin²(x); and sin⁻¹ for what is no power at all."""
    at = text.at
    sign = text.kind(at - 2) == "SIGN"
    start = at - 4 if sign else at - 3
    name = text.word(start)
    if text.kind(start + 1) != "POWER" or text.kind(start) != "NAME" or not _is_function(text, name):
        return None
    call = f"{name}{argument}" if argument.startswith("(") else f"{name}({argument})"
    power = text.quote(start + 1, at - 1)
    hint = f"write {call}{power}"
    if sign and text.word(at - 1) == "1" and _is_function(text, f"a{name}"):
        hint = f"write a{call}, or 1/{call}"
    return f"the argument of {name} stands before the power", hint, (text.spans[start + 1][0], text.spans[at - 1][1])


def _is_function(text: _Text, name: str) -> bool:
    """Whether `name` is a function that everybody knows, or one that the text calls or defines."""
    from diffcli.primitives import catalogue

    if any(name == entry.name or name in entry.aliases for entry in catalogue()):
        return True
    return any(
        text.word(index) == name and text.kind(index + 1) == "LPAR"
        for index, kind in enumerate(text.kinds)
        if kind == "NAME"
    )


def _in_a_list_of_names(text: _Text, kind: str, first: str) -> Words | None:
    """Trouble in ``input x, …``, ``param x, …`` or ``return x, …``; None for trouble in a default."""
    word = text.word(text.first)
    span = text.spans[text.at]
    if first == "RETURN":
        if kind == "NAME":
            return (
                "no comma between two names",
                f"write return {text.word(text.at - 1)}, {text.word(text.at)}",
                span,
            )
        if kind == "EQUAL":
            return "return takes names", f"write {text.word(text.at - 1)} = … on a line before it", span
        return "return takes names, no formulas", "assign the formula first: y = …; return y", span
    for index in range(text.at - 1, text.first, -1):
        if text.kinds[index] == "EQUAL":
            return None
    if kind == "NAME":
        return (
            "no comma between two names",
            f"write {word} {text.word(text.at - 1)}, {text.word(text.at)}",
            span,
        )
    return (
        f"{word} takes names",
        f"write {word} {text.word(text.at - 1)}, or {word} {text.word(text.at - 1)} = 1",
        span,
    )


# ---- brackets ----------------------------------------------------------------------------------------------


def _never_closed(text: _Text, before: int | None = None) -> Words:
    """A bracket is still open where the text ends, or the next statement begins at the token `before`."""
    following = text.at if before is None else before
    opening = text.open[-1]
    bracket = text.word(opening)
    closer = CLOSER[text.kinds[opening]]
    end = text.spans[following - 1][1]
    closers = "".join(CLOSER[text.kinds[index]] for index in reversed(text.open))
    whole = _short(text.text[text.spans[text.first][0] : end])
    if text.kinds[following] != "$END":
        message = f"{bracket} is not closed before the next statement, {text.where(text.spans[following][0])}"
    else:
        message = f"{bracket} is never closed: the text ends at {text.where(end)}"
    if text.after_operand and whole != "…" and text.kinds[following] == "$END":
        hint = f"write {whole}{closers}"
    else:
        hint = f"write {closer} where it ends, at the latest after {text.where(end - 1)}"
    return message, hint, text.spans[opening]


def _closes_wrongly(text: _Text, kind: str) -> Words | None:
    """A closing bracket without its opening one."""
    bracket = text.word(text.at)
    span = text.spans[text.at]
    if not text.open:
        return (
            f"{bracket} closes nothing",
            f"remove it, or write {'(' if bracket == ')' else '['} where it begins",
            span,
        )
    opening = text.open[-1]
    if text.kinds[opening] != OPENED_BY[kind]:
        closer = CLOSER[text.kinds[opening]]
        where = text.where(text.spans[opening][0])
        return (
            f"{bracket} does not close the {text.word(opening)} at {where}",
            f"write {closer} before it",
            span,
        )
    return None


# ---- where an operand was due ------------------------------------------------------------------------------


def _where_an_operand_belongs(text: _Text, kind: str) -> Words:
    at = text.at
    span = text.spans[at]
    before, this = text.word(at - 1), text.word(at)
    if kind in ("INPUT", "PARAM", "RETURN") or (text.before in ("INPUT", "PARAM", "RETURN") and kind == "EQUAL"):
        place = at if kind != "EQUAL" else at - 1
        word = text.word(place)
        return f"{word} is a reserved word", f"choose another name, such as {word}_", text.spans[place]
    if text.before in ("INPUT", "PARAM", "RETURN"):
        return (
            f"{before} needs a name",
            f"write {before} x",
            span if kind in WORDS | {"NUMBER"} else text.spans[at - 1],
        )
    first = text.kinds[text.first]
    if text.before == "COMMA" and not text.open and first in ("INPUT", "PARAM", "RETURN") and kind in OPERAND_STARTS:
        return f"{text.word(text.first)} takes names", f"write {text.word(text.first)} x, y", span
    words = _two_signs(text, kind, before, this)
    if words:
        return words
    if kind == "IF":
        return "if with nothing before it", "write a if c else b", span
    if kind == "NOT":
        return f"not after {before} needs brackets", f"write {before} (not {_rest(text, at + 1)})", span
    if kind == "QUOTE":
        return "' transposes what stands before it; it quotes nothing", "write the name without quotes", span
    if kind in OPENED_BY:
        words = _closes_wrongly(text, kind)
        if words:
            return words
    if kind == "COMMA":
        this = "the comma"
    if kind == "$END" and text.open:
        return _never_closed(text)
    if kind in ("$END", "NEWLINE", "SEMICOLON", "RPAR", "RSQB", "COMMA") or text.before in (
        "",
        "NEWLINE",
        "SEMICOLON",
    ):
        return _nothing_there(text, kind, before, this)
    if text.before in CLOSER or text.before == "COMMA":
        return f"nothing between {before} and {this}", f"write a value before {this}", span
    return (
        f"nothing between {before} and {this}",
        f"write a value between them, or remove one of {before} and {this}",
        span,
    )


def _two_signs(text: _Text, kind: str, before: str, this: str) -> Words | None:
    """Operators of other languages that are two of ours in a row."""
    at = text.at
    place = (text.spans[at - 1][0] if at else 0, text.spans[at][1])
    pair = before + this if text.touches(at) else ""
    if pair == "//":
        left = _Text(_prefix(text), at - 1).left_operand() if text.kind(at - 2) in OPERAND_ENDS else "a"
        return "// is no operator", f"write floor({left}/{_rest(text, at + 1).replace('…', 'b')})", place
    if pair in ("===", "=>", "=<", "<>", "!==", ":=", "+=", "-=", "*=", "/=", "^=", "**=", "%=", "@="):
        right = {"===": "==", "!==": "!=", "=>": ">=", "=<": "<=", "<>": "!=", ":=": "="}.get(pair)
        hint = f"write {right}" if right else f"give the result a name of its own, such as y = x {before} …"
        return f"{pair} is no operator", hint, place
    if kind == "EQUAL" and text.before == "EQUAL":
        return "two = in a row", "write == to compare, = to assign", text.spans[at]
    if kind == "EQUAL" and text.before in CLOSER:
        return f"nothing between {before} and =", "write a name before =", text.spans[at]
    return None


def _prefix(text: _Text) -> Tokens:
    from diffcli.language.parse import Tokens

    return Tokens(text.text, text.kinds, text.spans)


def _nothing_there(text: _Text, kind: str, before: str, this: str) -> Words:
    """An operator, a comma or a bracket, and then nothing that it could apply to."""
    at = text.at
    span = text.spans[at]
    if text.before in ("", "NEWLINE", "SEMICOLON"):
        if kind == "ELSE":
            return "else without an if before it", "write a if c else b", span
        return f"nothing stands before {this}", f"write a value before {this}, or remove it", span
    place = text.spans[at - 1]
    if text.before in CLOSER:
        if kind == "COMMA":
            return (
                f"nothing between {before} and the comma",
                "write a value before the comma, or remove it",
                span,
            )
        what = "index" if text.before == "LSQB" else "brackets"
        return (
            f"nothing stands in the {what}",
            f"write a value between {before} and {this}",
            (place[0], span[1]),
        )
    if text.before == "COMMA":
        if kind == "COMMA":
            return "nothing between two commas", "remove one of them", span
        return "nothing follows the comma", "remove the comma, or write a value after it", place
    if text.before == "EQUAL":
        return "nothing follows =", "write a value after it", place
    if text.before == "PRODUCT" and before == "%":
        return "nothing follows %, which is the remainder", "write /100 for per cent", place
    if kind == "NEWLINE":
        hint = "to go on in the next line, put the whole in brackets"
        return f"the line ends after {before}", hint, place
    return f"nothing follows {before}", f"write a value after {before}, or remove it", place


# ---- characters --------------------------------------------------------------------------------------------


def _character(text: _Text) -> Words:
    """A character that begins no token."""
    start, _ = span = text.spans[text.at]
    letter = text.text[start]
    rest = text.text[start + 1 :]
    previous = text.text[max(start - 1, 0) : start]
    what = (
        f"{letter} ({_code(letter)})" if letter.isprintable() else f"a character that cannot be seen ({_code(letter)})"
    )
    operand = re.match(r"\s*(\w+(\([^()]*\))?|\([^()]*\))", rest)
    argument = _short(operand[0].strip()) if operand else "x"
    bare = argument[1:-1] if argument.startswith("(") else argument

    if letter in "&|" and rest.startswith(letter):
        span = (start, start + 2)
    if letter == "&":
        return f"{text.text[span[0] : span[1]]} is no operator", "write and", span
    if letter == "|":
        if text.after_operand:
            return f"{text.text[span[0] : span[1]]} is no operator", "write or", span
        inside = re.match(r"([^|\n]+)\|", rest)
        return "| is no bracket", f"write abs({_short(inside[1]) if inside else 'x'})", span
    if letter == "!" and text.after_operand:
        return "! is no operator", f"write gamma({text.left_operand()} + 1) for a factorial", span
    if letter in "!~¬":
        return f"{letter} is no operator", f"write not {argument}", span
    if letter in "√∛":
        return f"{letter} is no operator", f"write {'sqrt' if letter == '√' else 'cbrt'}({bare})", span
    if letter in '"`“”„«»':
        inside = re.match(r"\w+", rest)
        return (
            "there are no texts, only numbers",
            f"write {inside[0] if inside else 'a name'} without quotes",
            span,
        )
    if letter == ".":
        return _dot(text, rest, span)
    if letter == "{":
        inside = re.match(r"([^{}\n]*)\}", rest)
        return "{ is no bracket here", f"write ({_short(inside[1]) if inside else '…'})", span
    if letter == "}":
        return "} is no bracket here", "write )", span
    if letter == "\\":
        word = re.match(r"[A-Za-z]+", rest)
        if word:
            return "\\ begins nothing here", f"write {word[0]} without \\", span
        return "\\ begins nothing here", "to go on in the next line, put the whole in brackets", span
    if letter == "$":
        return "$ is no part of a name", "remove it", span
    if letter == "?":
        return "? is no operator", "write a if c else b", span
    if letter == "ᵀ" or letter in INSTEAD:
        return f"{what} is no sign of this language", f"write {INSTEAD[letter]}", span
    return _unicode(text, letter, what, previous, span)


def _dot(text: _Text, rest: str, span: Span) -> Words:
    sign = rest[:1]
    if sign and sign in "*/^'":
        return "operators work on every element without a dot", f"write {sign}", (span[0], span[0] + 2)
    member = re.match(r"[^\W\d]\w*", rest)
    if text.before == "NAME" and member:
        owner = text.word(text.at - 1)
        if owner in MODULES:
            return "functions stand by themselves", f"write {member[0]} without {owner}.", span
        if member[0] == "T" and not rest[1:].startswith("("):
            return "a transpose is written '", f"write {owner}'", span
        if rest[member.end() :].startswith("("):
            return "there are no methods", f"write {member[0]}({owner})", span
        if re.fullmatch(r"[\w./\\~-]+", text.text):
            return ". is no part of a name", f"write @{text.text} to read a file", span
        return ". is no part of a name", f"write {owner}_{member[0]}, or {owner}*{member[0]}", span
    return ". belongs to a number", "write a digit beside it, such as 0.5", span


def _unicode(text: _Text, letter: str, what: str, previous: str, span: Span) -> Words:
    """A character from elsewhere: digits that are not ASCII, powers, fractions, marks, spaces."""
    start = span[0]
    category = unicodedata.category(letter)
    plain = unicodedata.normalize("NFKC", letter).replace("−", "-").replace("⁄", "/")
    compatible = unicodedata.decomposition(letter).split(" ")[0]
    if compatible in ("<super>", "<sub>"):
        end = start
        while unicodedata.decomposition(text.text[end : end + 1] or " ").startswith(compatible):
            end += 1
        digits = unicodedata.normalize("NFKC", text.text[start:end]).replace("−", "-")
        if digits.isascii():
            base = text.word(text.at - 1) if text.after_operand else "x"
            join = "^" if compatible == "<super>" else ""
            return (
                f"{what} is no part of a name",
                f"write {base if len(base) < LONGEST_QUOTE else '…'}{join}{digits}",
                (start, end),
            )
    if category == "Nd":
        run = re.match(r"\d+", text.text[start:])
        digits = "".join(str(unicodedata.digit(digit)) for digit in run[0]) if run else plain
        return f"{what} is no ASCII digit", f"write {_short(digits)}", (start, start + len(digits))
    if compatible == "<fraction>" and plain.isascii():
        return f"{what} is no number here", f"write ({plain})", span
    if category == "Zs":
        return f"a space of an unusual kind ({_code(letter)})", "write a plain space", span
    if category in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
        return f"a character that cannot be seen ({_code(letter)})", "remove it", span
    if category in ("Mn", "Mc", "Me"):
        name = text.word(text.at - 1) if text.before == "NAME" and span[0] == text.spans[text.at - 1][1] else "x"
        return (
            f"a mark that joins no letter of its own ({_code(letter)})",
            f"write {_short(name)}_ for another name",
            span,
        )
    if plain != letter and plain.isascii() and plain.isprintable():
        return f"{what} is no sign of this language", f"write {plain.strip()}", span
    if previous and text.before == "NAME" and span[0] == text.spans[text.at - 1][1]:
        return f"{what} is no letter", "write names of letters, digits and _", span
    return f"{what} is no sign of this language", "remove it, or write its name in letters", span


def _code(letter: str) -> str:
    name = unicodedata.name(letter, "")
    return f"U+{ord(letter):04X}" + (f" {name}" if name else "")
