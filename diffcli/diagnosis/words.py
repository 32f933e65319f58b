"""What findings say: the reason in words, and the general cure where no rewriting fits."""

from __future__ import annotations

import math
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


def _arguments(passes: Passes, node: Node, element: int) -> list[float]:
    if node.op.kind != "elementwise":
        return []
    return [float(np.ravel(passes.values[arg])[element]) for arg in node.args]


def local(node: Node, args: list[float]) -> Any:
    """One elementwise operation in arbitrary precision: its value's sign and size as (value, log10), or None."""
    from diffcli.precise import available
    from diffcli.precise.arithmetic import Arithmetic
    from diffcli.precise.graphs import apply

    if not available() or node.op.kind != "elementwise":
        return None
    ar = Arithmetic()
    ar.m.prec = 128
    exact = [np.array(ar.number(x), dtype=object) for x in args]
    y: Any = apply(ar, _Alone(node), exact)[()]  # type: ignore[arg-type]
    if isinstance(y, bool) or ar.is_nan(y) or not ar.m.isfinite(y):
        return None
    return y, (float(ar.m.log10(abs(y))) if y else -math.inf)


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
        size = f"1e{exact[1]:+.0f}" if math.isfinite(exact[1]) else "0"
        return "overflow", f"{shown} overflows: it is about {size}, and doubles end at 1.8e+308", None
    if name in ("divide", "reciprocal", "mod", "fmod"):
        top = args[0] if name != "reciprocal" else 1.0
        if name == "divide" and top != 0.0 and args[1] != 0.0:
            return "overflow", f"{shown} overflows: doubles end at 1.8e+308", None
        said = f"{shown} divides {number(top)} by 0"
        return ("pole" if math.isinf(value) else "domain"), said, "keep the divisor away from 0"
    if name in ("inv", "solve", "logabsdet"):
        return ("pole" if math.isinf(value) else "domain"), f"{shown}: the matrix is singular", "check its rank"
    if name == "chol":
        return "domain", f"{shown}: the matrix is not positive definite", "add a small multiple of eye(n)"
    if math.isinf(value) and not args:
        return "overflow", f"{shown} overflows: doubles end at 1.8e+308", None
    callee = FUNCTIONS.get(name)
    domain = callee.doc.domain if callee else "all reals"
    given = ", ".join(number(x) for x in args)
    if math.isinf(value) and exact is None and name not in _POLES and not (name == "power" and args[0] == 0.0):
        return "overflow", f"{shown} overflows: doubles end at 1.8e+308", None
    if math.isinf(value):
        return "pole", f"{shown} is infinite: its argument is {given}", f"its domain is {domain}" if callee else None
    hint = f"its domain is {domain}" if domain != "all reals" else None
    if not args:
        return "domain", f"{shown} is not a number", hint
    return "domain", f"{shown} has no value: its argument is {given}", hint


def of_indeterminate(shown: str, passes: Passes, node: Node) -> str:
    """The reason why a node has no value although no argument of it is NaN: 0·∞ and its like."""
    k = int(np.flatnonzero(np.isnan(passes.values[node]))[0])
    given = " and ".join(number(x) for x in _arguments(passes, node, k))
    return f"{shown} is not determined" + (f": its arguments are {given}" if given else "")


#: What has poles at finite arguments.
_POLES = frozenset({
    "log", "log2", "log10", "log1p", "atanh", "logit", "erfinv", "gamma", "lgamma", "digamma", "polygamma", "beta",
    "xlogy", "entr", "tan", "logabsdet",
})  # fmt: skip
_COMPARISONS = {"less", "less_equal", "greater", "greater_equal", "equal", "not_equal", "truth"}
_JUMPS = {"sign", "heaviside", "floor", "ceil", "round", "trunc", "mod", "fmod", "atan2"}


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


def of_lost(what: str, where: str, digits: float, *, cancels: bool) -> str:
    """The reason why a value or a derivative (`where`) has lost digits."""
    lost = "all its digits" if digits >= 15.5 else f"{digits:.0f} of its 16 digits"
    return f"{what} {'cancels' if cancels else 'magnifies rounding errors'}: the {where} loses {lost}"


def of_decided(shown: str, what: str, off: float) -> str:
    """The reason why `shown` may have been decided wrongly: by `what`, whose relative error is up to `off`."""
    if off >= 0.5:
        return f"{shown} is decided by {what}, which has lost all its digits"
    return f"{shown} is decided by the last digits of {what}, which are rounding errors"


def of_derivative(shown: str, label: str, d: Derivative, beyond: float | None) -> Said:
    """The code, the reason and the cure for a derivative, called `label`, that is not finite although the value is.

    `shown` is the operation that is to blame; `beyond` is log₁₀ of a derivative that is too large for a double.
    """
    if d.exact is not None and math.isfinite(d.exact):
        return "removable", f"the derivative of {shown} is not finite here, but {label} is {number(d.exact)}", None
    if d.exact is not None and math.isnan(d.exact) and math.isnan(d.value):
        return "domain", f"{label} does not exist: {shown} has no derivative here", None
    if beyond is not None:
        return "overflow", f"{label} overflows: it is about 1e{beyond:+.0f}, and doubles end at 1.8e+308", None
    if d.exact is not None and math.isinf(d.exact):
        return "pole", f"{label} is {number(d.exact)}: the slope of {shown} is infinite here", None
    if math.isinf(d.value):
        return "pole", f"{label} is {number(d.value)}: the slope of {shown} is infinite here", None
    return "domain", f"{label} is not a number: {shown} has no derivative here", None
