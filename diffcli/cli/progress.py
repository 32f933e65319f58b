"""A bar with rate and time left, on standard error, for runs over tables that take their time."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from diffcli.batching.tables import Count

#: The bar appears when a run has taken this long, in seconds.
PATIENCE = 1.0
#: Terminals with fewer columns see rows and time left, and no bar; with still fewer, rows alone.
ROOM_FOR_A_BAR = 60
ROOM_FOR_TIME = 30


class Progress:
    """As a context gives what is to be told how far the run has come, or None where nobody would see a bar."""

    def __init__(self, *, quiet: bool, printing: bool) -> None:
        """`printing`: the answers go to standard output; on a terminal they say themselves how far they are."""
        watched = sys.stderr is not None and sys.stderr.isatty()
        covered = printing and sys.stdout is not None and sys.stdout.isatty()
        self._shown = watched and not quiet and not covered
        self._start = time.perf_counter()
        self._bar: Any = None

    def __enter__(self) -> Callable[[Count, float | None], None] | None:
        if self._shown:
            # Before there are threads: Ctrl-C in the midst of an import would leave them its lock to wait for.
            bar = _bar()
            bar.add_task("", rows="", rate="", left="")
            with bar.console.capture():
                bar.console.print(bar.get_renderable())
        return self._told if self._shown else None

    def _told(self, count: Count, part: float | None) -> None:
        seconds = time.perf_counter() - self._start
        if seconds < PATIENCE:
            return
        if self._bar is None:
            self._bar = _bar()
            self._task = self._bar.add_task("", total=1.0, rows="", rate="", left="")
        rate = f"{count.rows / seconds:,.0f}"
        known = {} if part is None else {"completed": part, "left": _left(seconds, part)}
        self._bar.update(self._task, total=None if part is None else 1.0, rows=f"{count.rows:,}", rate=rate, **known)
        self._bar.start()  # after the first update, so that no bar without numbers is seen

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()


def _bar() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, ProgressColumn, TextColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    columns: list[ProgressColumn] = [TextColumn("{task.fields[rows]} rows")]
    wide = console.width >= ROOM_FOR_A_BAR
    if wide:
        columns += [BarColumn(bar_width=None), TextColumn("{task.fields[rate]} rows/s")]
    if console.width >= ROOM_FOR_TIME:
        columns.append(TextColumn("{task.fields[left]}"))
    return Bar(*columns, console=console, transient=True, expand=wide)


def _left(seconds: float, part: float) -> str:
    """How long the rest takes if it goes on like this: ``0:07 left``."""
    if not part:
        return ""
    left = round(seconds * (1 - part) / part)
    minutes, hours = left // 60 % 60, left // 3600
    return f"{hours}:{minutes:02}:{left % 60:02} left" if hours else f"{minutes}:{left % 60:02} left"
