"""Interrupting a child process, wherever the tests themselves run."""

from __future__ import annotations

import signal


def heed_interrupts() -> None:
    """For a child, before it starts: a shell that runs the tests in the background has SIGINT ignored, and a child
    inherits that.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
