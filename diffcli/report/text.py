"""Text that people see: numbers as short as they can be, what a user typed made harmless, columns that line up."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from diffcli.report.result import Value


def escape(text: str) -> str:
    r"""`text` with every character that does not print, or that moves the cursor, as an escape: ``\x1b``."""
    return text if text.isprintable() else "".join(map(escape_character, text))


def escape_character(char: str) -> str:
    """One character, or its escape. A byte that was no text (a file's name may hold one) shows as that byte."""
    if char.isprintable():
        return char
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        code -= 0xDC00
    short = {9: "\\t", 10: "\\n", 13: "\\r"}.get(code)
    return short or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")


def width(text: str) -> int:
    """How many columns of a terminal `text` takes; East Asian wide characters take two, combining ones none."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def pad(text: str, columns: int) -> str:
    """`text` and the blanks that bring it to `columns`."""
    return text + " " * (columns - width(text))


def number(value: float, digits: int | None = None) -> str:
    """The shortest text that reads back to the same double, or (of fewer than 17) `digits` significant digits."""
    text = repr(float(value)) if digits is None or digits >= 17 else f"{value:.{digits}g}"
    mantissa, mark, exponent = text.partition("e")
    if mark:
        return f"{mantissa}e{int(exponent)}"
    return mantissa.removesuffix(".0")


def inline(value: Value, digits: int | None = None) -> str:
    """A number or an array on one line, as the language would read it back: ``[[1, 2], [3, 4]]``."""
    return number(value, digits) if isinstance(value, float) else nested(value.tolist(), digits)


def nested(values: Any, digits: int | None = None) -> str:
    """Nested lists of numbers as one literal. The nesting is an array's, so it is shallow."""
    if isinstance(values, list):
        return f"[{', '.join(nested(value, digits) for value in values)}]"
    return number(values, digits)


def flush_right(cells: Sequence[str]) -> list[str]:
    """Cells as a column, their ends one below the other."""
    room = max(map(width, cells), default=0)
    return [" " * (room - width(cell)) + cell for cell in cells]


def align(cells: Sequence[str]) -> list[str]:
    """Numbers as a column, their decimal points one below the other; what is no number starts where they start."""
    parts = [_at_point(cell) for cell in cells]
    left = max((len(head) for head, _ in parts), default=0)
    column = [" " * (left - len(head)) + head + tail if head else tail for head, tail in parts]
    room = max(map(width, column), default=0)
    return [pad(cell, room) for cell in column]


def _at_point(cell: str) -> tuple[str, str]:
    """A number's part before its point or exponent, and the rest; an array or a word has no such part."""
    if not cell[-1:].isdigit():
        return ("", cell) if cell[-1:] in ("", "]", ")", "…") else (cell, "")
    for i, char in enumerate(cell):
        if char in ".e":
            return cell[:i], cell[i:]
    return cell, ""


def broken(line: str, room: int, indent: int) -> list[str]:
    """A line of numbers as lines of up to `room` columns, broken after commas; those after the first are indented.

    A number is never broken: where it has no room, its line is too long.
    """
    if width(line) <= room:
        return [line]
    lines, blank = [""], " " * min(indent, room // 2)
    for part in line.replace(", ", ",\n").split("\n"):
        if lines[-1].strip() and width(f"{lines[-1]}{part}") > room:
            lines[-1] = lines[-1].rstrip()
            lines.append(blank)
        lines[-1] += f"{part} "
    return [*lines[:-1], lines[-1].rstrip()]
