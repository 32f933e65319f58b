"""Patterns that no single identity says: of any number of terms, of any exponent, of shapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from diffcli.graph import Node
from diffcli.rewrites.matching import Show, bracketed
from diffcli.rewrites.reading import number, squared, terms_of, value


class Match(NamedTuple):
    """A better spelling, why, and the operations of the old one."""

    better: str
    why: str
    covers: tuple[Node, ...]


Family: TypeAlias = Callable[[Node, Show], Match | None]


def _log_of_exponentials(node: Node, show: Show) -> Match | None:
    terms, sums = terms_of(node.args[0])
    if not sums or not all(term.op.name == "exp" for term in terms):
        return None
    inside = [show(term.args[0]) for term in terms]
    better = f"logaddexp({', '.join(inside)})" if len(inside) == 2 else f"logsumexp([{', '.join(inside)}])"
    return Match(better, "exp overflows and underflows", (*sums, *terms))


def _log_of_a_part(node: Node, show: Show) -> Match | None:
    """The logarithm of some elements of a softmax, of whatever axis."""
    parts, here = [], node.args[0]
    while here.op.name in ("index", "reshape"):
        parts.append(here)
        here = here.args[0]
    if here.op.name != "softmax" or not parts or not show(parts[0]).startswith("softmax("):
        return None
    return Match(f"log_{show(parts[0])}", "softmax underflows", (*parts, here))


def _root_of_squares(node: Node, show: Show) -> Match | None:
    terms, sums = terms_of(node.args[0])
    bases = [squared(term) for term in terms]
    others = [term for base, term in zip(bases, terms, strict=True) if base is None]
    if not sums or len(others) == len(terms) or not all(number(term, 1.0) for term in others):
        return None
    sides = ["1" if base is None else show(base) for base in bases]
    better = f"hypot({', '.join(sides)})" if len(sides) == 2 else f"norm([{', '.join(sides)}])"
    return Match(better, "squares overflow and underflow", (*sums, *terms))


def _root_of_power(node: Node, show: Show) -> Match | None:
    """√(x^4k): for other exponents the half of them is not even, and the root is of the size."""
    (u,) = node.args
    exponent = value(u.args[1]) if u.op.name == "power" else None
    if exponent is None or exponent % 4 != 0:
        return None
    better = f"{bracketed(show(u.args[0]))}^{exponent / 2:g}"
    return Match(better, "the power underflows, and the root has no slope at 0", (u,))


def _inverse_times(node: Node, show: Show) -> Match | None:
    left, right = node.args
    if left.op.name != "inv":
        return None
    right = right.args[0] if right.op.name == "reshape" else right
    return Match(f"solve({show(left.args[0])}, {show(right)})", "an inverse costs digits", (left,))


#: By the outermost operation.
FAMILIES: dict[str, tuple[Family, ...]] = {
    "log": (_log_of_exponentials, _log_of_a_part),
    "sqrt": (_root_of_squares, _root_of_power),
    "matmul": (_inverse_times,),
}
