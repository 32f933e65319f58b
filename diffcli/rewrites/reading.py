"""Reading the nodes of a graph."""

from __future__ import annotations

from diffcli.graph import Node


def plain(node: Node) -> Node:
    """`node` without the repetition that broadcasting put around it."""
    while node.op.name == "broadcast":
        node = node.args[0]
    return node


def value(node: Node) -> float | None:
    """The number that a node always is; None for all others."""
    node = plain(node)
    return float(node.builder.known(node)) if node.constant and node.shape == () else None


def number(node: Node, wanted: float) -> bool:
    """Whether a node always is the number `wanted`."""
    return value(node) == wanted


def squared(node: Node) -> Node | None:
    """What `node` is the square of."""
    if node.op.name == "square":
        return node.args[0]
    if node.op.name == "multiply" and node.args[0] is node.args[1]:
        return node.args[0]
    return None


def terms_of(node: Node) -> tuple[list[Node], list[Node]]:
    """The terms of a sum, and the additions."""
    terms, sums, pending = [], [], [node]
    while pending:
        here = pending.pop()
        if here.op.name == "add":
            sums.append(here)
            pending.extend(reversed(here.args))
        else:
            terms.append(here)
    return terms, sums


def signed_terms(node: Node, sign: int = 1) -> list[tuple[int, Node]]:
    """The terms of sums, differences and negations, with their signs."""
    terms, pending = [], [(sign, node)]
    while pending:
        sign, here = pending.pop()
        here = plain(here)
        if here.op.name in ("add", "subtract"):
            a, b = here.args
            pending += [(-sign if here.op.name == "subtract" else sign, b), (sign, a)]
        elif here.op.name == "negate":
            pending.append((-sign, here.args[0]))
        else:
            terms.append((sign, here))
    return terms
