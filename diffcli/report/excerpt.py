"""Errors and warnings in three lines at most: what is wrong, the place with carets under it, and the likely fix.

The fix stands beside the carets, where the eye already is::

    error: a number stands directly before a name
      3 + 2x
          ^^ write 2*x
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from diffcli.report import text

if TYPE_CHECKING:
    from diffcli.errors import DiffcliError, Source, Span
    from diffcli.report.result import Notice

INDENT = "  "
CONTEXT = 20
"""The fewest columns kept before the place when a long line is cut."""
NEARBY = 500
"""How many characters around the place are looked at; a line may have millions."""

_UNNUMBERED = ("expression", "command line")
_RED, _YELLOW, _CYAN, _GREY, _PLAIN = "\x1b[1;31m", "\x1b[1;33m", "\x1b[36m", "\x1b[90m", "\x1b[0m"


def render_error(error: DiffcliError, *, width: int = 100, colour: bool = False) -> str:
    """`error` as at most three lines for `width` columns; whatever a user typed is escaped."""
    return _render("error", _RED, error.message, error.hint, error.source, error.span, width, colour)


def render_notice(notice: Notice, source: Source, *, width: int = 100, colour: bool = False) -> str:
    """A warning, with the culprit in `source` underlined."""
    return _render("warning", _YELLOW, notice.message, notice.hint, source, notice.span, width, colour)


def _render(
    label: str,
    tint: str,
    message: str,
    hint: str | None,
    source: Source | None,
    span: Span | None,
    width: int,
    colour: bool,
) -> str:
    def paint(piece: str, code: str) -> str:
        return f"{code}{piece}{_PLAIN}" if colour and piece else piece

    lines = [f"{paint(label + ':', tint)} {text.escape(message)}"]
    fix = text.escape(hint or "")
    if source is None or span is None or not source.text.strip():
        if fix:
            lines.append(INDENT + paint(fix, _CYAN))
    else:
        shown = cut(source, span, width - len(INDENT), text.width(fix) + 1 if fix else 0)
        lines.append(INDENT + paint(shown.gutter, _GREY) + shown.excerpt)
        below = " " * (text.width(shown.gutter) + shown.before) + paint("^" * shown.carets, tint)
        lines.append(f"{INDENT}{below} {paint(fix, _CYAN)}".rstrip())
    return "".join(f"{line}\n" for line in lines)


class Excerpt(NamedTuple):
    """A piece of one line, the columns before the place and those of the place itself."""

    gutter: str
    excerpt: str
    before: int
    carets: int


def cut(source: Source, span: Span, room: int, beside: int) -> Excerpt:
    """The line of `source` that holds the start of `span`, cut around it to `room` columns.

    `beside` columns are wanted after the carets. A span that starts at the end of the text, on an empty line, is shown
    at the end of the last line that says something; a span over several lines is shown up to the end of its first.
    """
    start, end = span
    start = min(max(start, 0), len(source.text))
    if not source.text[start:].strip():
        start = min(start, len(source.text.rstrip()))
    before = _newlines(source.text[:start]).rpartition("\n")[2]
    number = _newlines(source.text[:start]).count("\n") + 1
    after = _newlines(source.text[start:]).partition("\n")[0]
    gutter = _gutter(source, number)
    room -= text.width(gutter)

    head = [_cell(char) for char in before[-NEARBY:]]
    tail = [_cell(char) for char in after[:NEARBY]]
    inside = max(end - start, 0)
    carets = max(1, sum(text.width(cell) for cell in tail[:inside]))
    limit = max(CONTEXT, room - carets - beside)
    columns = sum(map(text.width, head))
    left = ""
    if columns > limit or len(before) > NEARBY:
        left = "…"
        while head and columns + 1 > limit:
            columns -= text.width(head.pop(0))
        columns += 1
    kept: list[str] = []
    used = columns
    for cell in tail:
        if used + text.width(cell) > room - 1 and len(kept) < len(after):
            break
        kept.append(cell)
        used += text.width(cell)
    right = "…" if len(kept) < len(after) else ""
    return Excerpt(gutter, left + "".join(head + kept) + right, columns, max(1, min(carets, used - columns)))


def _newlines(piece: str) -> str:
    return piece.replace("\r\n", "\n").replace("\r", "\n")


def _cell(char: str) -> str:
    return " " if char == "\t" else text.escape_character(char)


def _gutter(source: Source, number: int) -> str:
    several = "\n" in source.text.strip()
    if source.name in _UNNUMBERED:
        return f"{number} | " if several else ""
    name = text.escape(source.name)
    name = f"…{name[-29:]}" if len(name) > 30 else name
    return f"{name} | " if source.name.startswith("-") and not several else f"{name}:{number} | "
