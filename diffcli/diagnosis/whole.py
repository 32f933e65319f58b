"""What is still wrong of a whole formula once parts of it are written otherwise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from diffcli.bound import Bound
from diffcli.diagnosis.answers import Answer
from diffcli.diagnosis.passes import Passes
from diffcli.diagnosis.questions import Question, ask
from diffcli.diagnosis.truth import SECOND_ORDER, Derivative, Truth
from diffcli.graph import Function, Node, ancestors

#: The kinds of numbers, in the order in which they are spoken of: values, the derivatives asked for (of a Hessian, the
#: gradient), and second derivatives.
VALUE, FIRST, SECOND = range(3)
#: A spelling that saves fewer digits saves none.
SAVED = 1.0


class Rest(NamedTuple):
    """A number that is still wrong: which, of what kind, and how many of its 16 digits it lacks."""

    kind: int
    o: int
    j: int
    digits: float


class Whole:
    """The formula of a question with some nodes replaced, beside what its numbers really are."""

    def __init__(self, question: Question, known: Truth, seconds: float) -> None:
        self._question = question
        self._known = known
        self._seconds = seconds
        self._before: list[Rest] | None = None

    def rest(self, *spliced: tuple[Node, Node]) -> list[Rest]:
        """The numbers that are wrong still with each first node replaced by the second, one after the other."""
        outputs = list(self._question.function.outputs)
        for old, new in spliced:
            outputs = [replaced(root, old, new) for root in outputs]
        wrong = self._wrong(outputs)
        rows = {each.o for each in wrong}
        if len(rows) == 1 and sum(node.size for node in outputs) == 1:
            return wrong
        # What is as wrong in a row as it was has nothing to do with these nodes.
        moved = {o for o in rows if [r for r in wrong if r.o == o] != [r for r in self._as_written() if r.o == o]}
        return [each for each in wrong if each.o in moved]

    def better(self, now: Sequence[Rest], before: Sequence[Rest] | None = None) -> bool:
        """Whether some numbers have more digits than before, by default than as written, and none has fewer."""
        before = self._as_written() if before is None else before
        had, have = ({each[:3]: each.digits for each in rests} for rests in (before, now))
        gains = [had.get(key, 0.0) - have.get(key, 0.0) for key in {*had, *have}]
        return max(gains, default=0.0) >= SAVED and min(gains, default=0.0) > -SAVED

    def _as_written(self) -> list[Rest]:
        if self._before is None:
            self._before = self._wrong(self._question.function.outputs)
        return self._before

    def _wrong(self, outputs: Sequence[Node]) -> list[Rest]:
        """All that is wrong of a formula with these outputs, but for what no spelling mends: kinks and infinities."""
        asked = self._question
        bound = Bound(Function(asked.function.inputs, tuple(outputs), asked.function.names), asked.bound.at, asked.wrt)
        question = ask(bound, asked.what, asked.named_vector)
        if question.what != asked.what or not question.suspicious():
            return []
        answer = Answer(question, self._seconds, self._known)
        passes = next(iter(answer.passes.values()))
        values = self._known.values
        found = [
            Rest(VALUE, o, 0, answer.digits_lost(passes, [o], None))
            for o in answer.bad_values(passes)
            if values is None or math.isfinite(values[o])
        ]
        found += [
            Rest(FIRST if d.first or asked.what not in SECOND_ORDER else SECOND, d.o, d.j, _lost(answer, passes, d))
            for d in answer.wrong(answer.derivatives())
            if not d.kink and (d.exact is None or math.isfinite(d.exact))
        ]
        asked.spent += question.spent
        return found


def _lost(answer: Answer, passes: Passes, d: Derivative) -> float:
    return answer.digits_lost(passes, [], d) if math.isfinite(d.value) else 16.0


def replaced(root: Node, old: Node, new: Node) -> Node:
    """`root` with another node in the place of one that it may be made of."""
    made = {old: new}
    for node in ancestors([root]):
        if node not in made and any(arg in made for arg in node.args):
            args = tuple(made.get(arg, arg) for arg in node.args)
            made[node] = node.builder.make(node.op, args, node.params, node.shape)
    return made.get(root, root)
