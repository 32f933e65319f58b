"""What to write instead at a point: better spellings, each tried there before anybody is told of it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from diffcli.bound import Bound
from diffcli.diagnosis.naming import Naming
from diffcli.diagnosis.questions import Question, ask
from diffcli.diagnosis.truth import SECOND_ORDER, Sides, Truth, excusable, right, truth
from diffcli.diagnosis.whole import FIRST, VALUE, Rest, Whole, replaced
from diffcli.errors import DiffcliError
from diffcli.evaluation import Plan
from diffcli.graph import CONSTANT, INPUT, Function, Node, ancestors
from diffcli.language.program import parse
from diffcli.matrices import hessian_of, jacobian_of
from diffcli.rewrites import Rewrite, rewrites
from diffcli.rewrites.matching import grafted

#: So many spellings are tried for one finding, and so large a Jacobian is looked at.
MOST_TRIED, MOST_NUMBERS = 16, 1 << 12
#: So many of those that help are tried in the whole formula, and so many others beside one that is not enough.
MOST_WHOLE, MOST_BESIDE = 4, 6


class Cure(NamedTuple):
    """What to write instead of `node`, the whole of it, which does without the operations it `covers`. `beside` are
    others without which the formula stays wrong, and `rest` is what is wrong of it still.
    """

    node: Node
    better: str
    why: str
    covers: frozenset[Node]
    beside: tuple[Cure, ...] = ()
    rest: tuple[Rest, ...] = ()

    def hint(self, naming: Naming) -> str:
        """What is said of it."""
        # A function of one's own is one text, however often it is called.
        first, *others = dict.fromkeys((each._said(naming), naming.spell(each.node)) for each in (self, *self.beside))
        said = [f"write {first[0]}", *(f"and {better} for {written}" for better, written in others)]
        if self.rest:
            said.append(_still(min(self.rest, key=lambda each: (each.kind, -each.digits)), naming))
        return ", ".join(said)

    def _said(self, naming: Naming) -> str:
        everywhere = " wherever it stands" if self.node in naming.function.repeated else ""
        return naming.instead(self.node, self.better) + everywhere


def _still(rest: Rest, naming: Naming) -> str:
    """What is said of a number that stays wrong."""
    name = "the value" if rest.kind == VALUE else naming.derivative(rest.o, rest.j, first=rest.kind == FIRST)
    lost = "has no right digit" if rest.digits >= 15.5 else f"loses {rest.digits:.0f} of its 16 digits"
    return f"but {name} still {lost}"


class _Numbers(NamedTuple):
    """What an expression comes to with doubles: values, the Jacobian and the Hessian, as far as they are asked for."""

    values: NDArray[Any]
    first: NDArray[Any] | None
    second: NDArray[Any] | None


class Cures:
    """Finds, for what a finding is about, a spelling that is right at the point where the written one is wrong.

    What is right, `truth` tells; where it is not known, that no number of the new spelling is in doubt must do.
    """

    def __init__(self, question: Question, known: Truth, seconds: float) -> None:
        self._question = question
        self._function = question.function
        self._known = known
        self._seconds = seconds
        self._every: list[Rewrite] | None = None
        self._found: dict[Node, Cure | None] = {}
        self._numbers: dict[Node, _Numbers] = {}
        self._truths: dict[Node, Truth] = {}
        self._whole = Whole(question, known, seconds / 4)

    def of(self, near: Node) -> Cure | None:
        """The cure for what goes wrong at a node; None where no spelling is known that helps here."""
        if near in self._known.nowhere:
            return None  # what has no value about the point is not to be mended
        if near not in self._found:
            self._found[near] = self._best(near)
        return self._found[near]

    def chosen(self) -> list[Cure]:
        """All that were found so far."""
        return list(dict.fromkeys(cure for cure in self._found.values() if cure is not None))

    def harmless(self, rewrite: Rewrite) -> Cure | None:
        """The first spelling of a rewriting that is right at this point: as what is written, where nothing is known."""
        for better in rewrite.spellings:
            new = self._spliced(rewrite.node, better)
            if new is not None and self._no_worse(rewrite.node, new):
                return Cure(rewrite.node, better, rewrite.why, rewrite.covers)
        return None

    # In the whole formula ................................................................................

    def _best(self, near: Node) -> Cure | None:
        """The first spelling that makes the whole formula right, else the first that makes it better, with others
        beside it.
        """
        partial: list[Cure] = []
        for cure in islice(self._that_help(near), MOST_WHOLE):
            rest = self._rest(cure)
            if not rest:
                return cure
            partial.append(cure._replace(rest=tuple(rest)))
        if not partial:  # what is not right itself may be less wrong
            halves = (each._replace(rest=tuple(self._rest(each))) for each, *_ in self._tried(near)[:MOST_WHOLE])
            partial = [each for each in halves if self._whole.better(each.rest)]
        found = self._beside(min(partial, key=lambda each: not self._whole.better(each.rest))) if partial else None
        return found if found is not None and (not found.rest or self._whole.better(found.rest)) else None

    def _beside(self, cure: Cure) -> Cure:
        """A cure with all others that mend something and are needed, too."""
        nodes = dict.fromkeys(each.node for each in self._rewrites() if each.node is not cure.node)
        helping = (next(self._that_help(node), None) for node in islice(nodes, MOST_BESIDE))
        others = dict.fromkeys(each for each in helping if each is not None and each.node is not cure.node)
        found = self._with(cure, tuple(others))
        for other in others:
            without = self._with(cure, tuple(each for each in found.beside if each is not other))
            if not self._whole.better(found.rest, without.rest):
                found = without
        return found

    def _with(self, cure: Cure, others: tuple[Cure, ...]) -> Cure:
        more = cure._replace(beside=others)
        return more._replace(rest=tuple(self._rest(more)))

    def _rest(self, cure: Cure) -> list[Rest]:
        """What is wrong of the formula with a cure, and those beside it, in their places."""
        spliced = []
        for each in (cure, *cure.beside):
            new = self._spliced(each.node, each.better)
            if new is not None:
                spliced.append((each.node, new))
        return self._whole.rest(*spliced)

    # Candidates ..........................................................................................

    def _that_help(self, near: Node) -> Iterator[Cure]:
        tried = self._tried(near)
        exact = [each for each in tried if self._helps(*each[1:], excuse=False)]
        # What is right by chance may be wrong as soon as it is written down, in another order.
        yield from (cure for cure, _, new in exact if self._beyond_doubt(new))
        yield from (cure for cure, *_ in exact)
        yield from (cure for cure, *others in tried if self._helps(*others, excuse=True))

    def _tried(self, near: Node) -> list[tuple[Cure, Node, Node]]:
        """The spellings to be tried, each with the expression that must come out right, as it is and with it."""
        if near.op is INPUT or near.op is CONSTANT:
            return []
        return [
            (Cure(rewrite.node, better, rewrite.why, rewrite.covers), judged, replaced(judged, rewrite.node, new))
            for rewrite, judged in islice(self._candidates(near), MOST_TRIED)
            for better in rewrite.spellings
            if (new := self._spliced(rewrite.node, better)) is not None
        ]

    def _candidates(self, near: Node) -> Iterator[tuple[Rewrite, Node]]:
        """Rewritings, each with the expression that must come out right: the smallest that does without `near` and
        mends the largest that does, the largest that mends itself, then the nearest of what `near` is made of.
        """
        every = self._rewrites()
        covering = [each for each in every if near in each.covers]
        yield from ((each, covering[-1].node) for each in covering)
        nearest = sorted(every, key=lambda each: -each.node.index)
        yield from ((each, each.node) for each in nearest if near in each.covers)
        below = set(ancestors([near])) - {near}
        yield from ((each, near) for each in nearest if each.node in below)

    def _rewrites(self) -> list[Rewrite]:
        """Every place where a better spelling is known, whether it helps here or not."""
        if self._every is None:
            self._every = rewrites(self._function, always=False)
        return self._every

    def _spliced(self, node: Node, better: str) -> Node | None:
        """A spelling as a node of the graph that it is for; None where it does not say the same in that place."""
        scope: dict[str, Node] = {label: each for each, label in self._function.labels.items()}
        scope |= dict(zip(self._function.input_names, self._function.inputs, strict=True))
        scope |= self._function.local_names(node)
        try:
            program = parse(better)
            # A formula that has lost its variables is not what anybody wants to write.
            if not program.inputs or not all(name in scope for name in program.inputs):
                return None
            given = {name: scope[name] for name in program.names if name in scope}
            (root,) = (function := program.bind({name: each.shape for name, each in given.items()})).outputs
        except DiffcliError:
            return None
        inputs = {each: given[str(each.params[0])] for each in function.inputs}
        new = grafted(root, inputs, self._function.builder)
        return new if new.shape == node.shape else None

    # Judging .............................................................................................

    def _helps(self, old: Node, new: Node, *, excuse: bool) -> bool:
        """Whether all numbers of a new expression are right, and one of the old is not; `excuse`: or wrong by no more
        than a rounding of the largest beside them.
        """
        known = self._true(old)
        if known.values is None:
            return self._beyond_doubt(new)
        if all(map(math.isnan, known.values)):
            return False  # what has no value is not to be mended
        before, after = self._of(old), self._of(new)
        mends = False
        for was, now, exact in _paired(before, after, known):
            if exact is None:
                if not np.isfinite(now).all():
                    return False
                continue
            if not (_fine(now, exact) | (excuse & _excusable(now, exact))).all():
                return False
            mends = mends or not _fine(was, exact).all()
        return mends or (self._question.what in SECOND_ORDER and known.second is None)

    def _no_worse(self, old: Node, new: Node) -> bool:
        """Whether every number of a new expression is right: that of the old, where what is right is not known."""
        known, before, after = self._known_of(old), self._of(old), self._of(new)
        for was, now, exact in _paired(before, after, known):
            sides = exact or Sides(was, was, was, np.zeros(was.shape, dtype=bool))
            if not (_fine(now, sides) | _excusable(now, sides)).all():
                return False
        return True

    def _beyond_doubt(self, node: Node) -> bool:
        bound = self._bound(node)
        return not ask(bound, "eval" if self._question.what == "eval" or not bound.wrt else "jacobian").suspicious()

    def _of(self, node: Node) -> _Numbers:
        if node not in self._numbers:
            self._numbers[node] = self._computed(node)
        return self._numbers[node]

    def _computed(self, node: Node) -> _Numbers:
        bound, what = self._bound(node), self._question.what
        count = sum(each.size for each in bound.wrt)
        if what == "eval" or not 0 < count * node.size <= MOST_NUMBERS:
            (found,) = Plan([node]).run(bound.at)
            return _Numbers(np.ravel(found[..., 0]), None, None)
        # In the direction that a gradient takes: the other one rounds otherwise.
        matrix = jacobian_of(bound, "auto" if node.shape else "reverse", sparse=False)
        values = np.ravel(np.asarray(next(iter(matrix.values.values()))))
        second = np.asarray(hessian_of(bound, sparse=False)) if self._what_of(node) in SECOND_ORDER else None
        return _Numbers(values, np.asarray(matrix), second)

    def _bound(self, node: Node) -> Bound:
        return Bound(self._alone(node), self._question.bound.at, self._question.wrt)

    def _alone(self, node: Node) -> Function:
        return Function(self._function.inputs, (node,), ("f",))

    def _what_of(self, node: Node) -> str:
        """What is asked of an expression: of an array, whose elements a Hessian is made of, first derivatives."""
        what = self._question.what
        return "jacobian" if what in SECOND_ORDER and node.shape else what

    def _true(self, node: Node) -> Truth:
        """What an expression really is."""
        if node not in self._truths:
            known = self._known_of(node)
            if known.values is None and self._known.values is not None:
                asked = _Asked(self._alone(node), self._question.wrt, self._what_of(node))
                known = truth(asked, self._question.at, self._seconds / 4)
                self._question.spent += asked.spent
            self._truths[node] = known
        return self._truths[node]

    def _known_of(self, node: Node) -> Truth:
        """What is known of an expression that is an output."""
        known, start = self._known, 0
        for output in self._function.outputs:
            if output is node and known.values is not None:
                rows = slice(start, start + node.size)
                first = None if known.first is None else Sides(*(table[rows] for table in known.first))
                return Truth(known.values[rows], None, first, known.second)
            start += output.size
        return self._truths.get(node, Truth())


@dataclass(slots=True)
class _Asked:
    """What the truth of one expression is asked of."""

    function: Function
    wrt: tuple[Node, ...]
    what: str
    spent: float = 0.0


def _paired(before: _Numbers, after: _Numbers, known: Truth) -> Iterator[tuple[Any, Any, Sides | None]]:
    """Numbers of the old expression, of the new, and what they should be (None: not known), kind by kind."""
    values = None if known.values is None else np.array(known.values)
    none = np.zeros(before.values.shape, dtype=bool)
    yield before.values, after.values, None if values is None else Sides(values, values, values, none)
    for was, now, exact in ((before.first, after.first, known.first), (before.second, after.second, known.second)):
        if was is not None and now is not None:
            yield was, now, exact


def _fine(given: NDArray[Any], exact: Sides) -> NDArray[Any]:
    """Which numbers are what they should be; at a kink, anything from one side to the other."""
    out = np.zeros(given.shape, dtype=bool)
    rows = zip(*(np.ravel(table) for table in (given, *exact)), strict=True)
    for k, (x, true, left, after, jumps) in enumerate(rows):
        if math.isnan(true) and not (math.isnan(left) or math.isnan(after)) and not jumps:
            out.flat[k] = min(left, after) <= x <= max(left, after)
        else:
            out.flat[k] = right(float(x), float(true))
    return out


def _excusable(given: NDArray[Any], exact: Sides) -> NDArray[Any]:
    """Which numbers are wrong by no more than a rounding of the largest beside them."""
    beside = [float(x) for x in np.ravel(exact.value)]
    flags = [excusable(float(x), true, beside) for x, true in zip(np.ravel(given), beside, strict=True)]
    return np.array(flags, dtype=bool).reshape(given.shape)
