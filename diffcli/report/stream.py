"""Writing what is computed bit by bit, so that it arrives whole or not at all.

A file gets its name only when all of it is written and synced: until then it has none (or, where the system knows no
nameless files, a hidden one beside its target), so no error leaves a part of it behind, nor does a killed process, but
for such a hidden file, which the next run removes.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
from contextlib import suppress
from typing import IO, Any

from diffcli.errors import OutputError
from diffcli.report import beside
from diffcli.report.text import escape
from diffcli.report.write import STANDARD_OUTPUT, abandon_stdout, reason


class Sink:
    """Where a long result goes: standard output, a device, or a file that appears when all is well (`commit`).

    With `seekable`, what is written may be changed until then; standard output then gets it at the end.
    Raises `OutputError` if something cannot be written, BrokenPipeError if nobody reads standard output.
    """

    def __init__(self, path: str | None, *, seekable: bool = False) -> None:
        self._path = path
        self._target: str | None = None
        self._named: str | None = None
        self._spool = False
        self._standard = path is None or path in STANDARD_OUTPUT
        try:
            self.file = self._opened(seekable)
        except (OSError, ValueError) as error:
            raise self._failure(error) from error

    def _opened(self, seekable: bool) -> IO[bytes]:
        if self._standard:
            if sys.stdout is None:
                raise OutputError("standard output is closed")
            sys.stdout.flush()
            self._spool = seekable
            if seekable:
                return tempfile.TemporaryFile()
            # Past Python's own buffer, which a thread that waits for a reader would hold when the interpreter ends.
            return getattr(sys.stdout.buffer, "raw", sys.stdout.buffer)
        if not self._path:
            raise ValueError("it has no name")
        self._present = self._status()
        if self._present and stat.S_ISDIR(self._present.st_mode):
            raise IsADirectoryError(None, "it is a directory")
        special = self._path.startswith(("/dev/fd/", "/dev/std", "/proc/"))
        if special or (self._present and not stat.S_ISREG(self._present.st_mode)):
            if seekable:
                self._spool = True
                return tempfile.TemporaryFile()
            return open(os.open(self._path, os.O_WRONLY | os.O_APPEND), "wb", buffering=0)
        if self._present and not os.access(self._path, os.W_OK):
            raise PermissionError(None, "it is write-protected")
        self._target = os.path.realpath(self._path)
        folder = os.path.dirname(self._target)
        if os.path.isdir("/proc/self/fd"):  # by which it will be named
            with suppress(OSError, AttributeError):
                return open(os.open(folder, os.O_TMPFILE | os.O_RDWR, 0o666), "w+b")
        self._named, descriptor = beside.create(self._target)
        return open(descriptor, "w+b")

    def _status(self) -> os.stat_result | None:
        try:
            return os.stat(self._path or "")
        except FileNotFoundError:
            return None

    @property
    def folder(self) -> str | None:
        """Where there is room for what waits to be written; None where any place will do."""
        return None if self._target is None else os.path.dirname(self._target)

    def write(self, data: bytes | memoryview) -> None:
        """Write all of `data`."""
        rest = memoryview(data)
        try:
            while rest:
                count = self.file.write(rest)
                if count is None:
                    raise BlockingIOError(None, "its reader is not ready")
                rest = rest[count:]
        except (OSError, ValueError) as error:
            raise self._failure(error) from error

    def flush(self) -> None:
        """Let a reader see what there is."""
        try:
            self.file.flush()
        except (OSError, ValueError) as error:
            raise self._failure(error) from error

    def commit(self) -> None:
        """All is written: the file takes its name, standard output gets the rest."""
        try:
            self.file.flush()
            if self._spool:
                self._deliver()
            if self._target is not None:
                self._take_name(self._target)
            if not self._standard or self._spool:
                self.file.close()
        except (OSError, ValueError) as error:
            raise self._failure(error) from error

    def _deliver(self) -> None:
        self.file.seek(0)
        if self._standard:
            shutil.copyfileobj(self.file, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        else:
            with open(os.open(self._path or "", os.O_WRONLY | os.O_APPEND), "wb") as device:
                shutil.copyfileobj(self.file, device)

    def _take_name(self, target: str) -> None:
        descriptor = self.file.fileno()
        if self._present:
            with suppress(OSError):  # only an administrator may give a file away
                os.fchown(descriptor, self._present.st_uid, self._present.st_gid)
            os.fchmod(descriptor, stat.S_IMODE(self._present.st_mode))
        os.fsync(descriptor)
        if self._named is None:
            self._named = beside.link(descriptor, target)
        beside.rename(self._named, descriptor, target)
        self._named = None

    def abort(self) -> None:
        """Forget what was written; what was there before stays."""
        if self._standard and not self._spool:
            return
        if self._named is not None:  # which is this run's own as long as the file is open
            with suppress(OSError):
                os.unlink(self._named)
            self._named = None
        with suppress(OSError, ValueError, AttributeError):  # which it may not have come to
            self.file.close()

    def _failure(self, error: Exception) -> Exception:
        if self._standard:
            abandon_stdout()
            if isinstance(error, BrokenPipeError):
                return error
            return OutputError(f"standard output could not be written: {reason(error)}")
        self.abort()
        return OutputError(f"{escape(self._path or 'the output file')} could not be written: {reason(error)}")

    def __enter__(self) -> Sink:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is None:
            self.commit()
        else:
            self.abort()
            # What others write into the file, or beside it, for want of room there.
            if isinstance(error, OSError) and not self._standard and not isinstance(error, BrokenPipeError):
                raise self._failure(error) from error
