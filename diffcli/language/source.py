"""Where a text comes from: the command line, a file or standard input."""

from __future__ import annotations

import os
import sys
from typing import BinaryIO, TextIO

from diffcli.errors import Source, UsageError
from diffcli.language.suggest import closest

LONGEST_QUOTE = 40  # characters


def read_source(argument: str, stdin: BinaryIO | TextIO | None = None) -> Source:
    """The text that SOURCE names: a file if it ends in ``.expr`` or begins with ``@``, ``-`` for standard input.

    Anything else is an expression itself. Raises UsageError for what cannot be read as text.
    """
    if argument == "-":
        return Source(_text(_standard_input(stdin), "standard input"), "standard input")
    if argument.startswith("@"):
        return Source(read_text(argument[1:]), argument[1:])
    if argument.endswith(".expr"):
        return Source(read_text(argument), argument)
    return Source(argument)


def read_text(path: str) -> str:
    """The text of a file in UTF-8, with or without a byte order mark; line ends stay as they are."""
    return _text(read_bytes(path), path)


def read_bytes(path: str) -> bytes:
    """The bytes of a file; UsageError where there are none to be had."""
    if not path:
        raise UsageError("@ is followed by no file name", hint="write @ and the path of a file", code="file")
    try:
        with open(path, "rb") as file:
            return file.read()
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from None


def unreadable(path: str, error: Exception) -> UsageError:
    """The error for a file that cannot be opened or read."""
    if isinstance(error, FileNotFoundError):
        folder, name = os.path.split(path)
        try:
            near = closest(name, sorted(os.listdir(folder or ".")))
        except OSError:
            return UsageError(f"there is no folder {folder}", hint="check the path", code="file")
        hint = f"did you mean {os.path.join(folder, near)}?" if near else "check the path"
        return UsageError(f"there is no file {path}", hint=hint, code="file")
    if isinstance(error, IsADirectoryError) or os.path.isdir(path):
        return UsageError(f"{path} is a directory", hint="name a file in it", code="file")
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return UsageError(f"{path} cannot be read: {reason}", hint="check the path and its permissions", code="file")


def read_standard_input(stdin: BinaryIO | TextIO | None) -> str:
    """All of standard input, as text in UTF-8."""
    return _text(_standard_input(stdin), "standard input")


#: The standard input that was read already.
_read: list[object] = []


def _once(stream: object) -> None:
    """Refuse what has been read before, for nothing is left of it."""
    if stream is not None and any(stream is each for each in _read):
        raise UsageError("standard input is asked for twice", hint="give one of the two a file")
    _read[:] = [stream]


def _standard_input(stdin: BinaryIO | TextIO | None) -> bytes:
    if stdin is None:
        _once(sys.stdin)
    stream = sys.stdin if stdin is None else stdin
    if stream is None:  # the shell closed it: `<&-`
        raise UsageError("standard input is closed", hint="pipe a text in, or give it as argument", code="file")
    try:
        data: bytes | str = getattr(stream, "buffer", stream).read()
    except (OSError, ValueError) as error:
        raise unreadable("standard input", error) from None
    return data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data


def _text(data: bytes, name: str) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UsageError(f"{name} is UTF-16, not UTF-8", hint="save it as UTF-8", code="encoding")
    zero = data.find(b"\0")
    if zero >= 0:
        raise UsageError(
            f"{name} is a binary file: byte {zero} is zero", hint="give a text file in UTF-8", code="encoding"
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # With its signature, a file's offsets begin after the three bytes of it.
        offset = error.start + (3 if data.startswith(b"\xef\xbb\xbf") else 0)
        line = data.count(b"\n", 0, offset) + 1
        raise UsageError(
            f"{name} is not UTF-8: byte {offset}, in line {line}, is 0x{data[offset]:02X}",
            hint="save it as UTF-8",
            code="encoding",
        ) from None


def short(text: str) -> str:
    """A piece of the user's text for a message: … where it is long or cannot be seen."""
    return text if len(text) <= LONGEST_QUOTE and text.isprintable() else "…"
