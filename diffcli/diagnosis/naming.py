"""What the parts of a formula are called in a message: as they were written, or as they would be."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from diffcli.diagnosis.questions import Question
from diffcli.errors import Span
from diffcli.graph import INPUT, Function, Node, ancestors
from diffcli.labels import labels
from diffcli.rewrites.matching import bracketed, stands_alone
from diffcli.spell import Spelling

#: The longest piece of a source that a message repeats.
LONGEST = 60


class Naming:
    """Names for the nodes, outputs, inputs and derivatives of one question; `text` is the source, if there is one."""

    def __init__(self, question: Question, text: str | None) -> None:
        self.function: Function = question.function
        self._question = question
        self._text = text
        primal = sorted({*ancestors(self.function.outputs), *self.function.inputs}, key=lambda node: node.index)
        #: The numbers that ``diffcli trace`` gives the function's own nodes.
        self.ids: Mapping[Node, int] = {node: i for i, node in enumerate(primal)}
        self._users: dict[Node, list[Node]] = {}
        for node in primal:
            for arg in node.args:
                self._users.setdefault(arg, []).append(node)
        self._spelling = Spelling(self.function.labels, lambda each: f"v{self.ids.get(each, each.index)}")

    def spell(self, node: Node) -> str:
        """A node as people would write it."""
        span = self.function.spans.get(self._placed(node))
        if span is not None and self._text is not None:
            written = " ".join(self._text[span[0] : span[1]].split())
            if len(written) <= LONGEST:
                return written
        return self._spelling.of(self._placed(node))

    def span(self, node: Node) -> Span | None:
        """Where a node, or what it is for, stands in the source; an input where it is first named."""
        placed = self._placed(node)
        span = self.function.spans.get(placed)
        if span is None and placed.op is INPUT and self._text is not None:
            named = re.search(rf"(?<!\w){re.escape(str(placed.params[0]))}(?!\w)", self._text)
            return named.span() if named else None
        return span

    def _placed(self, node: Node) -> Node:
        """`node`, or the nearest that uses it and was written by a person."""
        spans = self.function.spans
        here, seen = [node], {node}
        while here:
            for each in here:
                if each in spans or each.op is INPUT:
                    return each
            following = [user for each in here for user in self._users.get(each, ()) if user not in seen]
            here = sorted(dict.fromkeys(following), key=lambda each: each.index)
            seen.update(here)
        return node

    def instead(self, node: Node, better: str) -> str:
        """A better spelling as it takes the place of a node in the source: in brackets where an operator is beside."""
        span = self.function.spans.get(node)
        if span is None or self._text is None or stands_alone(self._text, *span):
            return better
        return bracketed(better)

    def rows(self) -> list[str]:
        """The outputs' elements, by name."""
        return _labels(self.function.names, self.function.outputs)

    def columns(self) -> list[str]:
        """The elements of the inputs to differentiate in, by name."""
        return _labels([str(node.params[0]) for node in self._question.wrt], self._question.wrt)

    def derivative(self, o: int, j: int, *, first: bool = False) -> str:
        """The name of the j-th number of the o-th row of the answer: df/dx, d²f/dxdy; `first`: of the gradient."""
        match self._question.what:
            case "hessian" if not first:
                columns = self.columns()
                return f"d²{self.rows()[0]}/d{columns[o]}d{columns[j]}"
            case "hvp" if not first:
                return f"the product at {self.columns()[j]}"
            case "vjp":
                return f"the cotangent of {self.columns()[j]}"
            case "jvp":
                return f"the tangent of {self.rows()[j]}"
        return f"d{self.rows()[o]}/d{self.columns()[j]}"


def _labels(names: Sequence[str], nodes: Sequence[Node]) -> list[str]:
    return [label for name, node in zip(names, nodes, strict=True) for label in labels(name, node.shape)]
