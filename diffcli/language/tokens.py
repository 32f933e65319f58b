"""What a text is made of, before anyone knows what it means."""

from __future__ import annotations

from typing import NamedTuple

from diffcli.errors import Span


class Tokens(NamedTuple):
    """The tokens of a text, the last one END or WRONG: their kinds (terminals of the grammar) and places."""

    text: str
    kinds: list[str]
    spans: list[Span]
