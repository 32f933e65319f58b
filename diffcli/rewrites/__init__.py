"""What to write instead: spellings that overflow, underflow or cancel, and those that mean the same and do not.

Most are `identities`, which `matching` finds in a graph; those of any number of terms are `families`. Whether one is
right at some point is not known here: `diffcli.diagnosis.cures` tries them.
"""

from __future__ import annotations

from typing import NamedTuple

from diffcli.graph import INPUT, Function, Node, ancestors
from diffcli.rewrites.families import FAMILIES
from diffcli.rewrites.identities import Identity
from diffcli.rewrites.matching import patterns, spelled
from diffcli.spell import Spelling

#: The longest operand that a better spelling repeats.
LONGEST = 400
#: The longest vector whose product is known as one.
LONGEST_VECTOR = 32
#: What stands for a longer one, and in no spelling that is given.
_ELLIPSIS = "…"


class Rewrite(NamedTuple):
    """Better spellings of `node`. `covers` are the operations of the old one that they do without, itself among them;
    `always`: the first is nowhere worse.
    """

    node: Node
    written: str
    better: str
    why: str
    covers: frozenset[Node]
    others: tuple[str, ...] = ()
    always: bool = True

    @property
    def spellings(self) -> tuple[str, ...]:
        """All of them, in the order to be tried."""
        return (self.better, *self.others)


def rewrites(function: Function, *, always: bool = True) -> list[Rewrite]:
    """Every place in a graph where a better spelling is known, in the graph's order; `always`: those that are worth
    saying whatever the point, and none inside another.
    """
    writing = _Writing(function)
    found = [each for node in ancestors(function.outputs) for each in writing.of(node) if each.always or not always]
    if not always:
        return found
    first = {each.node: each for each in reversed(found)}
    covered = {node for each in found for node in each.covers if node is not each.node}
    return [each for each in found if each is first[each.node] and each.node not in covered]


class _Writing:
    """Finds what a node may be written as, in the names that hold where it stands."""

    def __init__(self, function: Function) -> None:
        self._function = function
        self._spellings: dict[int, Spelling] = {}
        lengths = {node.shape[0] for node in ancestors(function.outputs) if len(node.shape) == 1}
        # The longest first: the last steps of a long product are those of a short one.
        self._lengths = (*sorted((n for n in lengths if 2 < n <= LONGEST_VECTOR), reverse=True), 2)

    def of(self, node: Node) -> list[Rewrite]:
        """What fits one node. Nothing is written down before anything does: mostly nothing does."""
        if node.constant or node.op is INPUT:
            return []
        found: list[Rewrite] = []

        def add(texts: list[str | None], why: str, covers: tuple[Node, ...], always: bool) -> None:
            usable = [text for text in texts if text is not None and _ELLIPSIS not in text]
            if usable:
                whole, written = frozenset((node, *covers)), self._spelling(node).of(node)
                found.append(Rewrite(node, written, usable[0], why, whole, tuple(usable[1:]), always))

        fitting: set[Identity] = set()
        for pattern in patterns(node.op.name, self._lengths):
            identity = pattern.identity
            fit = pattern.fits(node) if identity not in fitting else None
            if fit is not None:
                fitting.add(identity)
                show = self._spelling(node).called
                texts = [spelled(each, fit.operands, show) for each in identity.better]
                add(texts, identity.why, fit.covers, identity.always)
        for family in FAMILIES.get(node.op.name, ()):
            match = family(node, self._spelling(node).called)
            if match is not None:
                add([match.better], match.why, match.covers, True)
        return found

    def _spelling(self, node: Node) -> Spelling:
        """How operands of a node are written where it stands: in a function's body, by the names of its parameters."""
        names = self._function.local_names(node)
        key = id(names) if names else 0
        if key not in self._spellings:
            labels = {**self._function.labels, **{arg: name for name, arg in names.items()}}
            self._spellings[key] = Spelling(labels, lambda _: _ELLIPSIS, LONGEST)
        return self._spellings[key]
