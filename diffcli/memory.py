"""Amounts of memory, in words."""

from __future__ import annotations

UNITS = ("KiB", "MiB", "GiB", "TiB")


def worded(size: int) -> str:
    """So many bytes, to three digits or a whole number, in the largest unit that fits: ``1.5 GiB``, ``20 bytes``."""
    if size < 1024:
        return f"{size:,} byte{'s' * (size != 1)}"
    # From 1,023.5 on it would be written as 1,024, which is one of the next.
    power = max([1, *(k for k in range(2, len(UNITS) + 1) if size >= 1023.5 * 1024 ** (k - 1))])
    amount = size / 1024**power
    return f"{amount:.3g} {UNITS[power - 1]}" if amount < 999.5 else f"{amount:,.0f} {UNITS[power - 1]}"


def worded_apart(first: int, second: int) -> tuple[str, str]:
    """Two amounts; to the byte where they would read alike."""
    words = worded(first), worded(second)
    return words if words[0] != words[1] else (f"{first:,} bytes", f"{second:,} bytes")
