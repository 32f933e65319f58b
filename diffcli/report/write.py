"""Writing what was computed, so that it arrives whole or the exit code says that it did not.

A file is written beside its target, synced and renamed, so a reader never meets half of it and a failure leaves what
was there before. Standard output is flushed here, not at the interpreter's end, where an error has nobody to tell.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from contextlib import suppress
from typing import BinaryIO

from diffcli.errors import OutputError
from diffcli.report import beside
from diffcli.report.text import escape

STANDARD_OUTPUT = ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")


def write(data: str | bytes, path: str | None = None) -> None:
    """Write `data` to the file at `path`, or to standard output.

    Raises OutputError if it cannot be written whole, and BrokenPipeError if the reader of standard output went away.
    """
    if path is None or path in STANDARD_OUTPUT:
        _to_stdout(data)
        return
    if not path:
        raise OutputError("the output file has no name")
    content = data if isinstance(data, bytes) else data.encode("utf-8", "backslashreplace")
    try:
        _to_file(path, content)
    except (OSError, ValueError) as error:
        raise OutputError(f"{escape(path)} could not be written: {reason(error)}") from error


def say(message: str) -> None:
    """Write `message` to standard error; where even that fails there is nobody left to tell."""
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(message)
        sys.stderr.flush()


def _to_stdout(data: str | bytes) -> None:
    stream = sys.stdout
    if stream is None:
        raise OutputError("standard output is closed")
    try:
        stream.flush()
        if isinstance(data, str):
            data = data.encode(stream.encoding or "utf-8", "backslashreplace")
        _all_of(data, stream.buffer)
    except (OSError, ValueError) as error:
        abandon_stdout()
        if isinstance(error, BrokenPipeError):
            raise
        raise OutputError(f"standard output could not be written: {reason(error)}") from error


def _all_of(data: bytes, sink: BinaryIO) -> None:
    """Write `data` to the end: where Python was told not to buffer, a pipe may take it in pieces."""
    rest = memoryview(data)
    while rest:
        count = sink.write(rest)
        if count is None:
            raise BlockingIOError(errno.EAGAIN, "its reader is not ready")
        rest = rest[count:]
    sink.flush()


def abandon_stdout() -> None:
    """Lead standard output to nowhere, or the interpreter would try the rest again at its end, and complain."""
    if sys.stdout is None:
        return
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _to_file(path: str, content: bytes) -> None:
    try:
        present = os.stat(path)
    except FileNotFoundError:
        present = None
    if present and stat.S_ISDIR(present.st_mode):
        raise IsADirectoryError(None, "it is a directory")
    if (present and not stat.S_ISREG(present.st_mode)) or path.startswith(("/dev/fd/", "/dev/std", "/proc/")):
        with open(os.open(path, os.O_WRONLY | os.O_APPEND), "wb", buffering=0) as device:
            _all_of(content, device)
        return
    if present and not os.access(path, os.W_OK):
        raise PermissionError(None, "it is write-protected")
    _replace(os.path.realpath(path), content, present)


def _replace(target: str, content: bytes, present: os.stat_result | None) -> None:
    path, descriptor = beside.create(target)
    with open(descriptor, "wb") as file:
        try:
            file.write(content)
            file.flush()
            if present:
                with suppress(OSError):  # only an administrator may give a file away
                    os.fchown(descriptor, present.st_uid, present.st_gid)
                os.fchmod(descriptor, stat.S_IMODE(present.st_mode))
            os.fsync(descriptor)
            beside.rename(path, descriptor, target)
        except BaseException:
            with suppress(OSError):
                os.unlink(path)
            raise


def reason(error: Exception) -> str:
    """What the system says about `error`, to stand after a colon."""
    said = getattr(error, "strerror", None) or str(error)
    return said[:1].lower() + said[1:]
