"""The findings at one point, as they are made: each once, with its place, its cure and the exact numbers."""

from __future__ import annotations

from typing import NamedTuple

from diffcli.diagnosis.answers import Answer
from diffcli.diagnosis.cures import Cure, Cures
from diffcli.diagnosis.naming import Naming
from diffcli.diagnosis.refined import Refined, refined
from diffcli.errors import Span
from diffcli.graph import Node, ancestors

#: As many are made at the most.
MOST = 8


class Finding(NamedTuple):
    """One reason to read a number with care; the fields are those of a warning in JSON."""

    code: str
    message: str
    hint: str | None
    node: int | None
    expression: str | None
    span: Span | None
    where: str
    refined: Refined | None


class Ledger:
    """The findings so far; without `cures` what to write instead is not looked for."""

    def __init__(self, answer: Answer, naming: Naming, cures: Cures | None) -> None:
        self._answer, self._naming, self._cures = answer, naming, cures
        self.findings: list[Finding] = []
        #: The operations that they are about, with their codes and places.
        self.named: dict[tuple[Node, str, str], None] = {}

    @property
    def full(self) -> bool:
        """Whether no more are made."""
        return len(self.findings) == MOST

    def cure(self, node: Node, of: Node | None = None) -> Cure | None:
        """What to write instead where it goes wrong at a node; `of`: as a part of what that one is made of."""
        found = self._cures.of(node) if self._cures is not None and node in self._naming.ids else None
        return found if found is None or of is None or found.node in ancestors([of]) else None

    def add(self, code: str, message: str, hint: str | None, node: Node, where: str, *, of: Node | None = None) -> None:
        """Make a finding about a node; where there is a `cure`, its place is the whole that is to be replaced."""
        self.named[node, code, where] = None
        cure = self.cure(node, of)
        if cure is not None:
            node, hint = cure.node, cure.hint(self._naming)
        span = self._naming.span(node)
        known = any((each.code, each.span, each.message) == (code, span, message) for each in self.findings)
        if self.full or known:
            return
        number, shown = self._naming.ids.get(node), self._naming.spell(node)
        self.findings.append(Finding(code, message, hint, number, shown, span, where, self._refined()))

    def _refined(self) -> Refined | None:
        """What the numbers really are."""
        # What an input that is not a number gives is known to nobody.
        answer, question = self._answer, self._answer.question
        sides = None if question.what == "eval" else answer.exact(next(iter(answer.passes.values())), 0)
        return refined(question, answer.truth, sides)
