"""The automaton that the parser runs: what stands in its tables."""

from __future__ import annotations

from typing import NamedTuple

END = "$END"
ACCEPT = 0


class Tables(NamedTuple):
    """A grammar as an automaton over the names of its symbols."""

    digest: str
    pattern: str  # one regular expression; each terminal is a named group
    ignored: frozenset[str]  # terminals that separate others and mean nothing
    keywords: dict[str, str]  # reserved word -> its terminal
    rules: tuple[tuple[str, int, str], ...]  # symbol produced, number of symbols consumed, action ("": none)
    states: tuple[dict[str, int], ...]  # symbol -> n > 0: go to state n; -n: reduce by rule n - 1; or ACCEPT
