"""What goes wrong, said so that a person can mend it.

Every error that a user can cause is a `DiffcliError`: a message, where known the exact place in a text
(`span`, in characters, end exclusive), and the likely fix (`hint`). One subclass an exit code; `code` is the
short stable word that scripts read in JSON.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Source:
    """A text that a user wrote, and what to call it: ``expression``, a file's path, ``--at``, …"""

    text: str
    name: str = "expression"


class DiffcliError(Exception):
    """An error with its place and its mend; the command line prints it in three lines at most."""

    exit_code: ClassVar[int] = 1
    default_code: ClassVar[str] = "internal"

    def __init__(
        self,
        message: str,
        span: Span | None = None,
        hint: str | None = None,
        *,
        code: str | None = None,
        source: Source | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.span = span
        self.hint = hint
        self.code = code or self.default_code
        self.source = source

    def located(self, source: Source, span: Span | None = None) -> DiffcliError:
        """This error, placed in `source` (at `span`) unless it already knows its place."""
        if self.source is None:
            self.source = source
            if self.span is None:
                self.span = span
        return self


class UsageError(DiffcliError):
    """The command line or the point: an unknown option, a missing variable, an unreadable file."""

    exit_code = 2
    default_code = "usage"


class ExpressionError(DiffcliError):
    """The expression: its syntax, a function nobody knows, shapes that do not fit, a limit."""

    exit_code = 3
    default_code = "expression"


class StrictError(DiffcliError):
    """`--strict`, and a result is not finite."""

    exit_code = 4
    default_code = "not-finite"


class DisagreementError(DiffcliError):
    """`check`, and the derivative is not what an independent one says."""

    exit_code = 5
    default_code = "disagrees"


class OutputError(DiffcliError):
    """The output could not be written: a full disk, a read-only folder. No partial file remains."""

    exit_code = 74
    default_code = "output"
