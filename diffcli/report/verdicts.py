"""How the components of a check are laid out: each derivative, the independent one beside it, and the verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence

from diffcli.report import text
from diffcli.report.blocks import Grid, Style, kept
from diffcli.report.result import Component


def counted(verdicts: Sequence[str]) -> str:
    """How many there are of each verdict, in words."""
    counts = {verdict: verdicts.count(verdict) for verdict in ("disagrees", "ill-conditioned", "kink", "agrees")}
    if counts["agrees"] == len(verdicts):
        return "all agree"
    words = {"disagrees": ("disagrees", "disagree"), "agrees": ("agrees", "agree"), "kink": ("kink", "kinks")}
    told = [f"{n} {words.get(verdict, (verdict, verdict))[n > 1]}" for verdict, n in counts.items() if n]
    return f"{', '.join(told)} of {len(verdicts)}" if len(verdicts) > 1 else told[0]


def compared(rows: Sequence[Component], style: Style) -> Grid:
    """A line for each component, or for those that are shown."""
    shown = [None if i is None else rows[i] for i in kept(len(rows), style)]
    columns = [
        ["…" if row is None else f"d{text.escape(row.row)}/d{text.escape(row.column)}" for row in shown],
        text.align(["" if row is None else style.number(row.derivative) for row in shown]),
        ["" if row is None else _reference(row, style) for row in shown],
        ["" if row is None or not _is_number(row) else f"{row.digits:.0f}" for row in shown],
        ["" if row is None else row.verdict for row in shown],
    ]
    return Grid(("", "derivative", "reference", "digits", "verdict"), columns,
                ("name", "number", "parts", "given", "parts"))  # fmt: skip


def _is_number(row: Component) -> bool:
    """Whether there is a reference to agree with in some digits."""
    return row.reference is not None and not math.isnan(row.reference)


def _reference(row: Component, style: Style) -> str:
    if row.left is not None and row.right is not None:
        if row.left == row.right:
            return f"none, the value jumps, {style.number(row.left)} on both sides"
        left, right = ("none" if math.isnan(x) else style.number(x) for x in (row.left, row.right))
        return f"{left} from the left, {right} from the right"
    if row.reference is None:
        return "not known"
    return style.number(row.reference) if _is_number(row) else "none"
