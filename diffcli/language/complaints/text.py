"""The tokens around the place where a text stopped making sense."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from diffcli.errors import Span

if TYPE_CHECKING:
    from diffcli.language.tokens import Tokens

LONGEST_QUOTE = 40  # characters of the user's text in a hint; what is longer, or cannot be seen, stands as …

OPERAND_ENDS = {"NUMBER", "NAME", "RPAR", "RSQB", "QUOTE"}
OPERAND_STARTS = {"NUMBER", "NAME", "LPAR", "LSQB", "NOT"}
WORDS = {"INPUT", "PARAM", "RETURN", "IF", "ELSE", "AND", "OR", "NOT"}
OPENED_BY = {"RPAR": "LPAR", "RSQB": "LSQB"}
CLOSER = {"LPAR": ")", "LSQB": "]"}

#: What is wrong, what to do about it, and the place.
Words = tuple[str, str, Span]


class Text:
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
        return short(self.text[start:end])

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
        return short(self.text[self.spans[first][0] : self.spans[last][1]])

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


def short(text: str) -> str:
    text = " ".join(text.split())
    # A comment in the text would swallow what follows it here.
    return text if len(text) <= LONGEST_QUOTE and text.isprintable() and "#" not in text else "…"


def rest_of_operand(text: Text, first: int) -> str:
    """What follows from token `first` on up to the end of the operand, or … if nothing does."""
    return text.right_operand(first) if text.kind(first) in OPERAND_STARTS else "…"
