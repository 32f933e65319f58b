"""What someone who wrote an unknown name may have meant."""

from __future__ import annotations

from collections.abc import Iterable


def closest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate most like `name`, or None if none is like it.

    Alike are names a third of their letters or fewer apart, counting a letter inserted, left out, exchanged,
    or swapped with its neighbour as one; a difference in case alone is none.
    """
    best: str | None = None
    allowed = max(1, len(name) // 3)
    for candidate in candidates:
        if candidate == name or abs(len(candidate) - len(name)) > allowed:
            continue
        distance = _distance(name.casefold(), candidate.casefold())
        if distance > allowed or distance >= max(len(name), len(candidate)):
            continue
        if best is None or distance < allowed or (distance == allowed and candidate[:1] == name[:1] != best[:1]):
            best = candidate
        allowed = distance
    return best


def _distance(one: str, other: str) -> int:
    """Edits between two words, a swap of neighbours counting as one."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        earlier, before, row = before, row, [i]
        for j, counterpart in enumerate(other, 1):
            edits = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != counterpart))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == counterpart:
                edits = min(edits, earlier[j - 2] + 1)
            row.append(edits)
    return row[-1]
