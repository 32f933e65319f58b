"""After an operand: an operator, a comma or the end was due."""

from __future__ import annotations

import re

from diffcli.language.complaints.brackets import closes_wrongly, never_closed
from diffcli.language.complaints.text import OPENED_BY, OPERAND_STARTS, Text, Words, rest_of_operand

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


def after_an_operand(text: Text, kind: str) -> Words:
    span = text.spans[text.at]
    if (kind in OPERAND_STARTS or kind in ("EQUAL", "RETURN", "INPUT", "PARAM")) and text.open:
        gap = text.between(text.at)
        if "\n" in gap or "\r" in gap:
            return never_closed(text)
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


def _at_a_break(text: Text, kind: str) -> Words:
    """An operand, and then a comma, a bracket, a = or the end, which cannot follow here."""
    span = text.spans[text.at]
    pending = text.awaits_else()
    if kind == "EQUAL":
        return _equal(text)
    if kind in OPENED_BY:
        words = closes_wrongly(text, kind)
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
        return never_closed(text)
    if kind == "SEMICOLON":
        if text.kinds[text.open[-1]] == "LSQB":
            return "; inside brackets", "write the rows of a matrix as lists: [[1, 2], [3, 4]]", span
        return never_closed(text)
    if kind == "COLON":
        if text.kind(text.at + 1) == "EQUAL" and text.touches(text.at + 1):
            place = (span[0], text.spans[text.at + 1][1])
            return (
                "an assignment is written =",
                f"write {text.left_operand()} = {rest_of_operand(text, text.at + 2)}",
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


def _equal(text: Text) -> Words:
    span = text.spans[text.at]
    if text.open:
        gap = text.between(text.at - 1)
        if text.before == "NAME" and ("\n" in gap or "\r" in gap):
            return never_closed(text, text.at - 1)
        return (
            "= inside brackets",
            f"write {text.left_operand()} == {rest_of_operand(text, text.at + 1)} to compare",
            span,
        )
    return "a second = in one statement", "write == to compare, or give each assignment its own line", span


def _no_operator(text: Text, kind: str) -> Words:
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


def _malformed_number(text: Text, before: str, this: str) -> Words | None:
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


def _power_of_a_function(text: Text, argument: str) -> Words | None:
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


def _is_function(text: Text, name: str) -> bool:
    """Whether `name` is a function that everybody knows, or one that the text calls or defines."""
    from diffcli.primitives import catalogue

    if any(name == entry.name or name in entry.aliases for entry in catalogue()):
        return True
    return any(
        text.word(index) == name and text.kind(index + 1) == "LPAR"
        for index, kind in enumerate(text.kinds)
        if kind == "NAME"
    )


def _in_a_list_of_names(text: Text, kind: str, first: str) -> Words | None:
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
