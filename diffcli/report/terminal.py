"""Who reads: a terminal of some width, in colour or not, or a pipe. Each stream is asked for itself."""

from __future__ import annotations

import os
import shutil
import sys
from typing import NamedTuple, TextIO


class Reader(NamedTuple):
    """What one stream leads to; `terminal` False is a pipe or a file, where a line may have any length."""

    terminal: bool
    colour: bool
    width: int = 100
    unicode: bool = True


def reader(stream: TextIO | None, color: str = "auto") -> Reader:
    """The reader of `stream`. Colour: the option `color` over NO_COLOR over FORCE_COLOR over the terminal."""
    try:
        terminal = stream is not None and stream.isatty()
    except ValueError:
        terminal = False
    width = shutil.get_terminal_size((100, 24)).columns if terminal else 100
    encoding = (getattr(stream, "encoding", None) or "utf-8").lower().replace("-", "")
    return Reader(terminal, _in_colour(terminal, color), max(width, 20), encoding.startswith("utf"))


def _in_colour(terminal: bool, color: str) -> bool:
    if color != "auto":
        return color == "always"
    if os.environ.get("NO_COLOR"):
        return False
    forced = os.environ.get("FORCE_COLOR")
    if forced:
        return forced not in ("0", "false")
    return terminal and os.environ.get("TERM") != "dumb"


def stdout(color: str = "auto") -> Reader:
    """The reader of standard output."""
    return reader(sys.stdout, color)


def stderr(color: str = "auto") -> Reader:
    """The reader of standard error."""
    return reader(sys.stderr, color)
