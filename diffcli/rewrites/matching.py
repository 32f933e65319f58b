"""An identity as a pattern of nodes: what it fits, and its other side in the words of the formula."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import NamedTuple, TypeAlias

from diffcli.graph import CONSTANT, INPUT, Builder, Node, ancestors
from diffcli.language.program import parse
from diffcli.rewrites.identities import IDENTITIES, Identity
from diffcli.rewrites.reading import plain, signed_terms, squared, value

Show: TypeAlias = Callable[[Node], str]
Operands: TypeAlias = Mapping[str, Node]

_COMMUTATIVE = frozenset({"add", "multiply", "hypot", "logaddexp", "maximum", "minimum"})
#: An operand in a spelling, the minus that is its sign, or a difference to be shortened.
_SLOT = re.compile(r"(?P<minus>(?<=[(,])-|(?<=, )-|^-)?(?:\{(?P<difference>[^}]*)\}|\b(?P<letter>[abcdnvwA])\b(?!\())")
_OPENS, _CLOSES = frozenset("([,=;\n"), frozenset(")],;#\r\n")


class Fit(NamedTuple):
    """What the letters of an identity stand for, and the nodes of its first side."""

    operands: Operands
    covers: tuple[Node, ...]


class Pattern(NamedTuple):
    """An identity whose first side is a graph."""

    identity: Identity
    root: Node

    def fits(self, node: Node) -> Fit | None:
        """How a node is the first side of the identity, if it is."""
        states: list[tuple[tuple[tuple[Node, Node], ...], dict[str, Node], tuple[Node, ...]]]
        states = [(((self.root, node),), {}, ())]
        while states:
            pairs, bound, covers = states.pop()
            if not pairs:
                if self.identity.when is None or self.identity.when(bound):
                    return Fit(bound, covers)
                continue
            (wanted, given), rest = pairs[0], pairs[1:]
            wanted, given = plain(wanted), plain(given)
            if wanted.op is INPUT:
                letter = str(wanted.params[0])
                if bound.setdefault(letter, given) is given:
                    states.append((rest, bound, covers))
            elif wanted.constant:
                known = value(wanted)
                if known is not None and value(given) == known:
                    states.append((rest, bound, covers))
            elif wanted.op.name == "square" and given.op.name == "multiply" and given.args[0] is given.args[1]:
                states.append((((wanted.args[0], given.args[0]), *rest), bound, (*covers, given)))
            elif wanted.op is given.op and wanted.params == given.params and len(wanted.args) == len(given.args):
                orders = [given.args]
                if wanted.op.name in _COMMUTATIVE:
                    orders.insert(0, given.args[::-1])
                for args in orders:
                    more = tuple(zip(wanted.args, args, strict=True))
                    states.append(((*more, *rest), dict(bound), (*covers, given)))
        return None


@cache
def patterns(operation: str, lengths: tuple[int, ...] = (2,)) -> tuple[Pattern, ...]:
    """The patterns whose outermost operation this is, in the order of the identities; those of vectors for each of some
    lengths: a product has a graph of its own for every one.
    """
    return tuple(
        Pattern(identity, root)
        for identity in IDENTITIES
        for root in dict.fromkeys(_root(identity, n) for n in (lengths if _has_vectors(identity) else (2,)))
        if root.op.name == operation
    )


@cache
def _has_vectors(identity: Identity) -> bool:
    return re.search(r"\b[vw]\b", identity.written) is not None


@cache
def _root(identity: Identity, n: int) -> Node:
    """The first side of an identity as a graph, where vectors have n elements."""
    program = parse(identity.written)
    shapes = {"v": (n,), "w": (n,), "A": (2, 2)}
    (root,) = program.bind({name: shapes.get(name, ()) for name in program.inputs}).outputs
    return root


def spelled(template: str, operands: Operands, show: Show) -> str | None:
    """A side of an identity with the operands in the places of their letters; None where there is none such."""
    pieces, end = [], 0
    for slot in _SLOT.finditer(template):
        minus = slot["minus"] or ""
        if slot["difference"] is not None:
            text = _difference(slot["difference"], operands, show)
            if text is None:
                return None
        else:
            operand = operands[slot["letter"]]
            if operand.op.name == "negate" and minus and stands_alone(template, slot.start(), slot.end()):
                minus, operand = "", operand.args[0]
            text = show(operand)
        alone = not minus and stands_alone(template, slot.start(), slot.end())
        pieces += [template[end : slot.start()], minus, text if alone else bracketed(text)]
        end = slot.end()
    return "".join([*pieces, template[end:]])


def stands_alone(text: str, start: int, end: int) -> bool:
    """Whether a piece of a text stands by itself, so that no operator beside it takes a part of it."""
    before, after = text[:start], text[end:]
    enclosed = sum(before.count(char) for char in "([") > sum(before.count(char) for char in ")]")
    spaces = " \t\r\n" if enclosed else " \t"  # only in brackets does an expression go on after the end of a line
    before, after = before.rstrip(spaces), after.lstrip(spaces)
    return (not before or before[-1] in _OPENS) and (not after or after[0] in _CLOSES)


_ATOM = re.compile(r"\d+(\.\d+)?(e[+-]?\d+)?|\w+")


def bracketed(text: str) -> str:
    """A text in brackets, unless it is a name, a number or a call."""
    whole = _ATOM.fullmatch(text) is not None or _is_call(text)
    return text if whole else f"({text})"


def _is_call(text: str) -> bool:
    """Whether a text is one call of a function, or in brackets already."""
    opening = re.match(r"\w*\(", text)
    if opening is None or not text.endswith(")"):
        return False
    depth = 0
    for k, char in enumerate(text):
        depth += (char in "([") - (char in ")]")
        if depth == 0 and k >= opening.end():
            return k == len(text) - 1
    return False


def _difference(template: str, operands: Operands, show: Show) -> str | None:
    """What a difference comes to once what is common to both is left out; with "!" before it, None where nothing is."""
    needs = template.startswith("!")
    terms = signed_terms(_built(template.removeprefix("!"), operands))
    kept: list[tuple[int, Node]] = []
    for sign, term in terms:
        opposite = next((each for each in kept if each[0] == -sign and _same(each[1], term)), None)
        if opposite is None:
            kept.append((sign, term))
        else:
            kept.remove(opposite)
    if needs and len(kept) == len(terms):
        return None
    if not kept:
        return "0"
    kept.sort(key=lambda each: each[0] < 0)
    first, *others = [(sign, show(_folded(term))) for sign, term in kept]
    return ("-" if first[0] < 0 else "") + first[1] + "".join(f" {'+' if s > 0 else '-'} {text}" for s, text in others)


def _same(a: Node, b: Node) -> bool:
    a, b = (squared(node) or node for node in (a, b)) if squared(a) and squared(b) else (a, b)
    return a is b or (value(a) is not None and value(a) == value(b))


def _folded(node: Node) -> Node:
    """A node that is always one number as this number."""
    known = value(node)
    return node if known is None else node.builder.constant(known)


def _built(text: str, operands: Operands) -> Node:
    """An expression of the operands as a node beside theirs."""
    program = parse(text)
    function = program.bind({name: operands[name].shape for name in program.inputs})
    builder = next(iter(operands.values())).builder
    return grafted(function.outputs[0], {node: operands[str(node.params[0])] for node in function.inputs}, builder)


def grafted(root: Node, given: Mapping[Node, Node], builder: Builder) -> Node:
    """`root`, of another graph, made by `builder`, whose nodes are `given` in the place of its inputs."""
    made: dict[Node, Node] = {}
    for node in ancestors([root]):
        if node.op is INPUT:
            made[node] = given[node]
        elif node.op is CONSTANT:
            made[node] = builder.constant(node.params[0])
        else:
            made[node] = builder.make(node.op, tuple(made[arg] for arg in node.args), node.params, node.shape)
    return made[root]
