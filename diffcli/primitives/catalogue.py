"""The functions people can call by name: what `diffcli functions` prints and the language looks up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from diffcli.errors import ExpressionError
from diffcli.graph import Node

FAMILIES = ("elementwise", "piecewise", "reduction", "along an axis", "linear algebra", "building", "control")


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionDoc:
    """All that a person may want to know about one function; every field is plain text."""

    name: str
    aliases: tuple[str, ...]
    signature: str
    family: str
    doc: str
    domain: str
    rule: str
    kink: str | None
    notation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Callee:
    """A function of the language: how many arguments it takes, by which keywords, and what it builds.

    `build(builder, *nodes, **keywords)` makes the node; a keyword's value arrives as a node too.
    """

    doc: FunctionDoc
    least: int
    most: int | None
    keywords: tuple[str, ...]
    build: Callable[..., Node]


#: By name and by every alias.
FUNCTIONS: dict[str, Callee] = {}


def add_function(
    name: str,
    signature: str,
    build: Callable[..., Node],
    *,
    family: str,
    doc: str,
    domain: str = "all reals",
    rule: str,
    kink: str | None = None,
    notation: str = "",
    aliases: tuple[str, ...] = (),
) -> None:
    """Puts a function into the catalogue. The arity is read off the signature: ``x, y=2, …, axis=``."""
    least = 0
    most: int | None = 0
    keywords = []
    for parameter in filter(None, (part.strip() for part in signature.split(","))):
        if parameter == "…":
            most = None
        elif parameter.endswith("="):
            keywords.append(parameter[:-1])
        else:
            least += "=" not in parameter
            most = None if most is None else most + 1
    callee = Callee(
        doc=FunctionDoc(
            name=name,
            aliases=aliases,
            signature=f"{name}({signature.replace('=,', '=…,') + ('…' if signature.endswith('=') else '')})",
            family=family,
            doc=doc,
            domain=domain,
            rule=rule,
            kink=kink,
            notation=notation or f"{name}({signature})",
        ),
        least=least,
        most=most,
        keywords=tuple(keywords),
        build=build,
    )
    for each in (name, *aliases):
        if each in FUNCTIONS:
            raise ValueError(f"two functions are called {each}")
        FUNCTIONS[each] = callee


def function(
    signature: str, *, name: str | None = None, **facts: Any
) -> Callable[[Callable[..., Node]], Callable[..., Node]]:
    """Declares a function that is composed of primitives; its name is the Python function's, less a final ``_``."""

    def declare(build: Callable[..., Node]) -> Callable[..., Node]:
        add_function(name or build.__name__.rstrip("_"), signature, build, **facts)
        return build

    return declare


def catalogue() -> list[FunctionDoc]:
    """Every function once, by family and then in the table's order."""
    docs = {id(callee): callee.doc for callee in FUNCTIONS.values()}
    return sorted(docs.values(), key=lambda doc: FAMILIES.index(doc.family))


def whole_number(node: Node, what: str) -> int:
    """The integer that `node` is, where the language wants one that is known before the point is."""
    if not node.constant:
        raise ExpressionError(
            f"{what} must be known before the point is, so it may not depend on an input",
            hint=f"write {what} as a number, or with len(…)",
            code="shape",
        )
    value = node.builder.known(node)
    if value.ndim != 0 or not float(value).is_integer():
        shown = f"{float(value):g}" if value.ndim == 0 else f"an array of shape {value.shape}"
        raise ExpressionError(f"{what} must be a whole number, not {shown}", code="shape")
    return int(value)


def axis_of(node: Node, axis: Node) -> int:
    """The axis that `axis` names, counted from the front."""
    k = whole_number(axis, "the axis")
    dimensions = len(node.shape)
    if not -dimensions <= k < dimensions:
        raise ExpressionError(
            f"there is no axis {k} in an array of {dimensions} dimension{'s' * (dimensions != 1)}",
            hint=f"its shape is {node.shape}" if node.shape else "it is a single number",
            code="shape",
        )
    return k % dimensions
