"""What findings say: the reason in words, and the general cure where no rewriting fits."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from diffcli.diagnosis.passes import Passes
from diffcli.diagnosis.truth import Derivative
from diffcli.graph import Node
from diffcli.primitives.catalogue import FUNCTIONS

Said = tuple[str, str, str | None]


def number(x: float) -> str:
    """A number, short."""
    if math.isinf(x):
        return "∞" if x > 0 else "−∞"
    return f"{x:.6g}"


def about(exponent: float) -> str:
    """The size of a number, the logarithm of which is `exponent`, where that is worth reading."""
    return f"it is about 1e{exponent:+.0f}, and " if abs(exponent) < 1e9 else ""


def _arguments(passes: Passes, node: Node, element: int) -> list[float]:
    if node.op.kind != "elementwise":
        return []
    return [float(np.ravel(passes.values[arg])[element]) for arg in node.args]


def local(node: Node, args: list[float]) -> Any:
    """One elementwise operation in arbitrary precision: its value's sign and size as (value, log10), or None."""
    y = _exactly(node, args)
    if y is None or isinstance(y, bool) or y != y or abs(y) == math.inf:
        return None
    return y, (float(y.context.log10(abs(y))) if y else -math.inf)


def nowhere(node: Node, args: list[float]) -> bool:
    """Whether one elementwise operation has no value at some numbers."""
    y = _exactly(node, args)
    return y is not None and y != y


@cache
def _arithmetic() -> Any:
    """One for all of these operations: making one takes as long as hundreds of them."""
    from diffcli.precise.arithmetic import DEEP_REACH, Arithmetic

    ar = Arithmetic()
    ar.m.prec, ar.reach = 128, DEEP_REACH
    return ar


def _exactly(node: Node, args: list[float]) -> Any:
    """One elementwise operation in arbitrary precision; None without mpmath, and for operations on arrays."""
    from diffcli.precise import available
    from diffcli.precise.graphs import apply

    if not available() or node.op.kind != "elementwise":
        return None
    ar = _arithmetic()
    exact = [np.array(ar.number(x), dtype=object) for x in args]
    return apply(ar, _Alone(node), exact)[()]  # type: ignore[arg-type]


class _Alone:
    """A node's operation on single numbers."""

    def __init__(self, node: Node) -> None:
        self.op = node.op
        self.params = node.params
        self.shape: tuple[int, ...] = ()
        self.size = 1


def of_singular(shown: str, passes: Passes, node: Node, element: int) -> Said:
    """The code, the reason and the cure for a node, `shown` so, that made something non-finite of finite arguments."""
    args = _arguments(passes, node, element)
    value = float(np.ravel(passes.values[node])[element])
    name = node.op.name
    exact = local(node, args) if args else None
    if exact is not None and not math.isnan(value):
        return "overflow", f"{shown} overflows: {about(exact[1])}doubles end at 1.8e+308", None
    if name in ("divide", "reciprocal", "mod", "fmod"):
        top = args[0] if name != "reciprocal" else 1.0
        if name == "divide" and top != 0.0 and args[1] != 0.0:
            return "overflow", f"{shown} overflows: doubles end at 1.8e+308", None
        said = f"{shown} divides {number(top)} by 0"
        return ("pole" if math.isinf(value) else "domain"), said, "keep the divisor away from 0"
    if name in OF_REGULAR:
        return ("pole" if math.isinf(value) else "domain"), f"{shown}: the matrix is singular", "check its rank"
    if name == "chol":
        return "domain", f"{shown}: the matrix is not positive definite", "add a small multiple of eye(n)"
    if math.isinf(value) and not args and node.args[0].size == 0:
        return "pole", f"{shown} is {number(value)}: there is nothing to add up", None
    if math.isinf(value) and not args:
        return "overflow", f"{shown} overflows: doubles end at 1.8e+308", None
    if name == "power" and args[0] == 0.0 and math.isinf(value):
        return "pole", f"{shown} divides 1 by 0", "keep the base away from 0"
    at_pole = _at_pole(name, args)
    if math.isinf(value) and exact is None and (name not in _POLES or at_pole is False):
        return "overflow", f"{shown} overflows: doubles end at 1.8e+308", None
    if name == "entr" and args[0] < 0.0:  # minus infinity there by convention
        return of_outside(shown, passes, node, element)
    if math.isinf(value):
        return "pole", f"{shown} is infinite: {_given(args)}", _domain(name)
    if at_pole:
        return "pole", f"{shown} has a pole here: {_given(args)}", _domain(name)
    if not args:
        return "domain", f"{shown} is not a number", _domain(name)
    return of_outside(shown, passes, node, element)


def of_outside(shown: str, passes: Passes, node: Node, element: int) -> Said:
    """The code, the reason and the cure for an elementwise operation outside its domain."""
    return "domain", f"{shown} has no value: {_given(_arguments(passes, node, element))}", _domain(node.op.name)


def of_vanished(shown: str, rest: float) -> str:
    """The reason for digits that went below the range of doubles: what is left is `rest`."""
    if rest == 0.0:
        return f"{shown} underflows to 0"
    return f"{shown} underflows to {number(rest)}: doubles have fewer digits below 2.2e-308"


def of_nearly_singular(shown: str) -> Said:
    """The same for a matrix that is regular, and that rounding makes singular."""
    said = f"{shown}: to all digits of doubles the matrix is singular, and yet it is not"
    return "cancellation", said, "it is as good as singular: check its rank, or scale its rows"


def _given(args: list[float]) -> str:
    """The arguments, as the end of a sentence."""
    # 1.0000000000000002 is not 1 where that decides.
    short = [(number(x), x) for x in args]
    shown = [repr(x) if math.isfinite(x) and text == f"{round(x)}" and round(x) != x else text for text, x in short]
    if len(shown) == 1:
        return f"its argument is {shown[0]}"
    return f"its arguments are {', '.join(shown[:-1])} and {shown[-1]}"


def _domain(name: str) -> str | None:
    """What the arguments of a function must be, by its entry in the catalogue. There they have letters, which a reader
    would take for the variables of the formula.
    """
    callee = FUNCTIONS.get(name)
    domain = callee.doc.domain if callee else "all reals"
    if callee is None or domain == "all reals":
        return None
    found = _BOUNDS.fullmatch(domain)
    if found is None:
        return f"its domain is {domain}"
    low, below, letter, bound = found.groups()
    which = "argument" if callee.most == 1 else "second argument" if letter == "y" else "first argument"
    above = {"<": f"> {low} and ", "≤": f"≥ {low} and ", None: ""}[below]
    return f"its {which} must be {above}{bound}"


def _at_pole(name: str, args: list[float]) -> bool | None:
    """Whether a function of the gamma family is at one of its poles; None for all others."""
    if name not in _GAMMA_FAMILY:
        return None
    return any(x <= 0.0 and x == math.floor(x) for x in args)


def of_indeterminate(shown: str, passes: Passes, node: Node) -> str:
    """The reason why a node has no value although no argument of it is NaN: 0·∞ and its like."""
    k = int(np.flatnonzero(np.isnan(passes.values[node]))[0])
    args = _arguments(passes, node, k)
    return f"{shown} is not determined" + (f": {_given(args)}" if args else "")


#: A domain that one argument alone decides.
_BOUNDS = re.compile(r"(?:(\S+) ([<≤]) )?([xy]) ([<≤>≥≠] [^,]+)")
_GAMMA_FAMILY = frozenset({"gamma", "lgamma", "digamma", "polygamma", "beta"})
#: What needs a matrix that is not singular.
OF_REGULAR = frozenset({"inv", "solve", "logabsdet"})
#: What has poles at finite arguments.
_POLES = frozenset({
    "log", "log2", "log10", "log1p", "atanh", "logit", "erfinv", "gamma", "lgamma", "digamma", "polygamma", "beta",
    "xlogy", "entr", "tan", "logabsdet",
})  # fmt: skip
_COMPARISONS = {"less", "less_equal", "greater", "greater_equal", "equal", "not_equal", "truth"}
_JUMPS = {"sign", "heaviside", "floor", "ceil", "round", "trunc", "mod", "fmod", "atan2", "power"}


def of_site(shown: str, node: Node, d: Derivative | None) -> Said:
    """The code, the reason and the cure for a kink, a jump, a tie or a comparison at equality."""
    name = node.op.name
    if name in _COMPARISONS:
        return "predicate-at-equality", f"{shown} is decided by equality", "choose the branch on purpose, or move off"
    if name in ("maximum", "minimum", "max", "min", "sort"):
        return "tie", f"{shown} is decided by a tie, which is shared equally", None
    if name == "eigvalsh":
        return "tie", f"{shown} has a repeated eigenvalue, which has no derivative of its own", None
    if name in _JUMPS:
        return "kink", f"{shown} jumps here", None
    callee = FUNCTIONS.get(name)
    if d is not None and d.jumps:
        return "kink", f"{shown} jumps here", None
    convention = f" (by convention {callee.doc.kink})" if callee and callee.doc.kink else ""
    return "kink", f"{shown} has a kink here{convention}", None


def of_sides(name: str, d: Derivative) -> str:
    """What a derivative, called `name`, is on the two sides."""
    if d.left is None or d.right is None:
        return ""
    if d.jumps:
        if math.isnan(d.left) or math.isnan(d.right):
            return f", so {name} does not exist"
        if d.left == d.right:
            return f": {name} does not exist; the slope beside it is {number(d.left)}"
        return f": the slopes are {number(d.left)} on the left and {number(d.right)} on the right"
    if not d.kink and d.exact is not None:
        if math.isnan(d.exact):
            return f": {name} does not exist"
        return f": on both sides {name} is {number(d.exact)}"
    if d.left == d.right:
        return f": {name} does not exist; on both sides of here it is {number(d.left)}"
    return f": {name} is {number(d.left)} from the left and {number(d.right)} from the right"


#: What most operations that lose digits do.
MAGNIFIES = "magnifies rounding errors"


def losing(passes: Passes, node: Node, spell: Callable[[Node], str] | None) -> str:
    """What an operation does to lose digits; `spell` tells what it is made of, where that is written in the formula.

    A sum cancels only where it is smaller than its terms. 1 + 1e-12 does not, but has no room for the last digits of
    what is added, and (1 + x)^n − 1 shows it.
    """
    if node.op.name not in ("add", "subtract", "sum"):
        return MAGNIFIES
    terms = [float(np.abs(passes.values[arg]).max(initial=0.0)) for arg in node.args]
    if 2.0 * float(np.abs(passes.values[node]).min(initial=math.inf)) <= max(terms):
        return "cancels"
    if spell is None or 8.0 * min(terms) > max(terms):
        return "is rounded, which is magnified"
    return f"rounds away digits of {spell(node.args[int(np.argmin(terms))])}"


def of_lost(what: str, losing: str, where: str, digits: float) -> str:
    """The reason why a value or a derivative (`where`) has lost digits; `losing` is what `what` does to them."""
    lost = "all its digits" if digits >= 15.5 else f"{digits:.0f} of its 16 digits"
    return f"{what} {losing}: the {where} loses {lost}"


def of_nothing(what: str, losing: str) -> str:
    """The reason why there is a number where there should be none."""
    return f"{what} {losing}: with all digits there is no value here"


def of_decided(shown: str, what: str, off: float) -> str:
    """The reason why `shown` may have been decided wrongly: by `what`, whose relative error is up to `off`."""
    if off >= 0.5:
        return f"{shown} is decided by {what}, which has lost all its digits"
    return f"{shown} is decided by the last digits of {what}, which are rounding errors"


def of_derivative(shown: str, label: str, d: Derivative, beyond: float | None) -> Said:
    """The code, the reason and the cure for a derivative, called `label`, that is not finite although the value is.

    `shown` is the operation that is to blame; `beyond` is log₁₀ of a derivative that is too large for a double, ∞ where
    nobody knows it.
    """
    if d.exact is not None and math.isfinite(d.exact):
        return "removable", f"the derivative of {shown} is not finite here, but {label} is {number(d.exact)}", None
    if d.exact is not None and math.isnan(d.exact) and math.isnan(d.value):
        return "domain", f"{label} does not exist: {shown} has no derivative here", None
    if beyond == math.inf:
        given = "not a number" if math.isnan(d.value) else number(d.value)
        return "overflow", f"{label} is {given}: a number on the way overflows, and doubles end at 1.8e+308", None
    if beyond is not None:
        return "overflow", f"{label} overflows: {about(beyond)}doubles end at 1.8e+308", None
    if d.exact is not None and math.isinf(d.exact):
        return "pole", f"{label} is {number(d.exact)}: the slope of {shown} is infinite here", None
    if math.isinf(d.value):
        return "pole", f"{label} is {number(d.value)}: the slope of {shown} is infinite here", None
    return "domain", f"{label} is not a number: {shown} has no derivative here", None
