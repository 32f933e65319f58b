"""Brackets that are never closed, or never opened."""

from __future__ import annotations

from diffcli.language.complaints.text import CLOSER, OPENED_BY, Text, Words, short


def never_closed(text: Text, before: int | None = None) -> Words:
    """A bracket is still open where the text ends, or the next statement begins at the token `before`."""
    following = text.at if before is None else before
    opening = text.open[-1]
    bracket = text.word(opening)
    closer = CLOSER[text.kinds[opening]]
    end = text.spans[following - 1][1]
    closers = "".join(CLOSER[text.kinds[index]] for index in reversed(text.open))
    whole = short(text.text[text.spans[text.first][0] : end])
    if text.kinds[following] != "$END":
        message = f"{bracket} is not closed before the next statement, {text.where(text.spans[following][0])}"
    else:
        message = f"{bracket} is never closed: the text ends at {text.where(end)}"
    if text.after_operand and whole != "…" and text.kinds[following] == "$END":
        hint = f"write {whole}{closers}"
    else:
        hint = f"write {closer} where it ends, at the latest after {text.where(end - 1)}"
    return message, hint, text.spans[opening]


def closes_wrongly(text: Text, kind: str) -> Words | None:
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
