"""Where an operand was due: two signs in a row, a word that is reserved, or nothing at all."""

from __future__ import annotations

from diffcli.language.complaints.brackets import closes_wrongly, never_closed
from diffcli.language.complaints.text import (
    CLOSER,
    OPENED_BY,
    OPERAND_ENDS,
    OPERAND_STARTS,
    WORDS,
    Text,
    Words,
    rest_of_operand,
)
from diffcli.language.tokens import Tokens


def where_an_operand_belongs(text: Text, kind: str) -> Words:
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
        return f"not after {before} needs brackets", f"write {before} (not {rest_of_operand(text, at + 1)})", span
    if kind == "QUOTE":
        return "' transposes what stands before it; it quotes nothing", "write the name without quotes", span
    if kind in OPENED_BY:
        words = closes_wrongly(text, kind)
        if words:
            return words
    if kind == "COMMA":
        this = "the comma"
    if kind == "$END" and text.open:
        return never_closed(text)
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


def _two_signs(text: Text, kind: str, before: str, this: str) -> Words | None:
    """Operators of other languages that are two of ours in a row."""
    at = text.at
    place = (text.spans[at - 1][0] if at else 0, text.spans[at][1])
    pair = before + this if text.touches(at) else ""
    if pair == "//":
        left = Text(_prefix(text), at - 1).left_operand() if text.kind(at - 2) in OPERAND_ENDS else "a"
        return "// is no operator", f"write floor({left}/{rest_of_operand(text, at + 1).replace('…', 'b')})", place
    if pair in ("===", "=>", "=<", "<>", "!==", ":=", "+=", "-=", "*=", "/=", "^=", "**=", "%=", "@="):
        right = {"===": "==", "!==": "!=", "=>": ">=", "=<": "<=", "<>": "!=", ":=": "="}.get(pair)
        hint = f"write {right}" if right else f"give the result a name of its own, such as y = x {before} …"
        return f"{pair} is no operator", hint, place
    if kind == "EQUAL" and text.before == "EQUAL":
        return "two = in a row", "write == to compare, = to assign", text.spans[at]
    if kind == "EQUAL" and text.before in CLOSER:
        return f"nothing between {before} and =", "write a name before =", text.spans[at]
    return None


def _prefix(text: Text) -> Tokens:
    return Tokens(text.text, text.kinds, text.spans)


def _nothing_there(text: Text, kind: str, before: str, this: str) -> Words:
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
