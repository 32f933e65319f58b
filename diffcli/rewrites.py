"""What to write instead: spellings that overflow, underflow or cancel, and those that mean the same and do not.

A pattern looks at one node of a graph and the few below it. Each is an identity of mathematics, not of floating
point: that is its use.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

from diffcli.graph import CONSTANT, INPUT, Function, Node, ancestors
from diffcli.spell import Spelling


class Rewrite(NamedTuple):
    """A better spelling of `node`. `covers` are the operations of the old one that it does without."""

    node: Node
    written: str
    better: str
    why: str
    covers: frozenset[Node]


class _Match(NamedTuple):
    better: str
    why: str
    covers: tuple[Node, ...] = ()


Show: TypeAlias = Callable[[Node], str]
Pattern: TypeAlias = Callable[[Node, Show], _Match | None]


def rewrites(function: Function) -> list[Rewrite]:
    """Every place in a graph where a better spelling is known, in the graph's order."""
    order = ancestors(function.outputs)
    spelling = Spelling(function.labels, lambda node: f"v{node.index}")

    def show(node: Node) -> str:
        return spelling.of(node)

    found = []
    for node in order:
        for pattern in _PATTERNS.get(node.op.name, ()):
            match = pattern(node, show)
            if match is not None:
                found.append(Rewrite(node, show(node), match.better, match.why, frozenset((node, *match.covers))))
                break
    # A pattern inside a larger one is not worth saying on its own.
    covered = {node for each in found for node in each.covers if node is not each.node}
    return [each for each in found if each.node not in covered]


def suggestion(function: Function, near: Node) -> Rewrite | None:
    """The rewriting that does without the operation `near`, if one is known."""
    return next((each for each in rewrites(function) if near in each.covers), None)


# Reading nodes ----------------------------------------------------------------------------------------------


def _is(node: Node, name: str) -> bool:
    return node.op.name == name


def _plain(node: Node) -> Node:
    """`node` without the repetition that broadcasting put around it."""
    while _is(node, "broadcast"):
        node = node.args[0]
    return node


def _number(node: Node, value: float) -> bool:
    node = _plain(node)
    return node.op is CONSTANT and node.params[0].ndim == 0 and float(node.params[0]) == value


def _either(node: Node, name: str) -> Iterator[tuple[Node, Node]]:
    """Both orders of a commutative operation's arguments."""
    if _is(node, name):
        a, b = node.args
        yield a, b
        yield b, a


def _terms(node: Node) -> tuple[list[Node], list[Node]]:
    """The terms of a sum, and the additions."""
    terms, sums, pending = [], [], [node]
    while pending:
        here = pending.pop()
        if _is(here, "add"):
            sums.append(here)
            pending.extend(reversed(here.args))
        else:
            terms.append(here)
    return terms, sums


def _squared(node: Node) -> Node | None:
    """What `node` is the square of."""
    if _is(node, "square"):
        return node.args[0]
    if _is(node, "multiply") and node.args[0] is node.args[1]:
        return node.args[0]
    return None


def _inverse(node: Node) -> Node | None:
    """What `node` is the reciprocal of."""
    if _is(node, "reciprocal"):
        return node.args[0]
    if _is(node, "divide") and _number(node.args[0], 1.0):
        return node.args[1]
    return None


def _negated(node: Node, show: Show) -> str:
    if _is(node, "negate"):
        return show(node.args[0])
    text = show(node)
    return (
        f"-{text}"
        if text.isidentifier() or (text.endswith(")") and text.partition("(")[0].isidentifier())
        else (f"-({text})")
    )


def _atom(node: Node, show: Show) -> str:
    text = show(node)
    return text if text.isidentifier() or text.replace(".", "", 1).isdigit() else f"({text})"


# Patterns ---------------------------------------------------------------------------------------------------


def _log(node: Node, show: Show) -> _Match | None:
    (u,) = node.args
    if _is(u, "exp"):
        return _Match(show(u.args[0]), "log undoes exp", (u,))
    if _is(u, "sigmoid"):
        return _Match(f"log_sigmoid({show(u.args[0])})", "sigmoid underflows", (u,))
    if _is(u, "gamma"):
        return _Match(f"lgamma({show(u.args[0])})", "gamma overflows from 172 on", (u,))
    if _is(u, "det"):
        return _Match(f"logabsdet({show(u.args[0])})", "a determinant overflows and underflows", (u,))
    if _is(u, "softmax"):
        return _Match(f"log_softmax({show(u.args[0])})", "softmax underflows", (u,))
    if _is(u, "sum") and _is(u.args[0], "exp") and u.shape == ():
        return _Match(f"logsumexp({show(u.args[0].args[0])})", "exp overflows and underflows", (u, u.args[0]))
    if _is(u, "subtract") and _number(u.args[0], 1.0):
        return _Match(f"log1p({_negated(u.args[1], show)})", "1 − x has lost the last digits of x", (u,))
    if _is(u, "divide") and _is(u.args[1], "subtract"):
        below = u.args[1]
        if _number(below.args[0], 1.0) and below.args[1] is u.args[0]:
            return _Match(f"logit({show(u.args[0])})", "the quotient loses digits", (u, below))
    terms, sums = _terms(u)
    if not sums:
        return None
    if all(_is(term, "exp") for term in terms):
        inside = [show(term.args[0]) for term in terms]
        better = f"logaddexp({', '.join(inside)})" if len(inside) == 2 else f"logsumexp([{', '.join(inside)}])"
        return _Match(better, "exp overflows and underflows", (*sums, *terms))
    if len(terms) == 2:
        for one, other in (terms, terms[::-1]):
            if not _number(one, 1.0):
                continue
            if _is(other, "exp"):
                return _Match(f"softplus({show(other.args[0])})", "exp overflows, and 1 + exp loses it", (*sums, other))
            return _Match(f"log1p({show(other)})", "1 + x has lost the last digits of x", tuple(sums))
        for x, root in (terms, terms[::-1]):
            inside_root, more = _terms(root.args[0]) if _is(root, "sqrt") else ([], [])
            if len(inside_root) == 2 and any(
                _squared(a) is x and _number(b, 1.0) for a, b in (inside_root, inside_root[::-1])
            ):
                return _Match(f"asinh({show(x)})", "the sum cancels for negative x", (*sums, root, *more))
    return None


def _sqrt(node: Node, show: Show) -> _Match | None:
    (u,) = node.args
    base = _squared(u)
    if base is not None:
        return _Match(f"abs({show(base)})", "the square overflows and underflows", (u,))
    if _is(u, "power") and u.args[1].constant:
        exponent = u.builder.known(u.args[1])
        if exponent.size and (exponent == exponent.flat[0]).all() and float(exponent.flat[0]) % 4 == 0:
            half = int(exponent.flat[0]) // 2
            return _Match(
                f"{_atom(u.args[0], show)}^{half}", "the power underflows, and the root has no slope at 0", (u,)
            )
    if _is(u, "sum") and u.shape == ():
        inside = _squared(u.args[0])
        if inside is not None:
            return _Match(f"norm({show(inside)})", "squares overflow and underflow", (u, u.args[0]))
    if _is(u, "subtract") and _number(u.args[0], 1.0):
        x = _squared(u.args[1])
        if x is not None:
            return _Match(f"sqrt((1 - {_atom(x, show)})*(1 + {_atom(x, show)}))", "1 − x² cancels near 1",
                          (u, u.args[1]))  # fmt: skip
    terms, sums = _terms(u)
    if not sums:
        return None
    roots = []
    for term in terms:
        square = _squared(term)
        if square is not None:
            roots.append(show(square))
        elif _number(term, 1.0):
            roots.append("1")
        else:
            return None
    if all(_number(term, 1.0) for term in terms):
        return None
    better = f"hypot({', '.join(roots)})" if len(roots) == 2 else f"norm([{', '.join(roots)}])"
    return _Match(better, "squares overflow and underflow", (*sums, *terms))


def _subtract(node: Node, show: Show) -> _Match | None:
    a, b = node.args
    if _number(b, 1.0):
        if _is(a, "exp"):
            return _Match(f"expm1({show(a.args[0])})", "exp(x) − 1 cancels near 0", (a,))
        if _is(a, "cos"):
            return _Match(f"-2*sin({_atom(a.args[0], show)}/2)^2", "cos(x) − 1 cancels near 0", (a,))
    if _number(a, 1.0):
        if _is(b, "exp"):
            return _Match(f"-expm1({show(b.args[0])})", "1 − exp(x) cancels near 0", (b,))
        if _is(b, "cos"):
            return _Match(f"2*sin({_atom(b.args[0], show)}/2)^2", "1 − cos(x) cancels near 0", (b,))
        if _is(b, "erf"):
            return _Match(f"erfc({show(b.args[0])})", "1 − erf(x) cancels for large x", (b,))
        if _is(b, "erfc"):
            return _Match(f"erf({show(b.args[0])})", "1 − erfc(x) cancels near 0", (b,))
        if _is(b, "sigmoid"):
            return _Match(f"sigmoid({_negated(b.args[0], show)})", "1 − sigmoid(x) cancels for large x", (b,))
        root = _squared(b)
        if root is not None and _is(root, "tanh"):
            return _Match(f"1/cosh({show(root.args[0])})^2", "1 − tanh² cancels", (b, root))
        if root is not None and _is(root, "cos"):
            return _Match(f"sin({show(root.args[0])})^2", "1 − cos² cancels", (b, root))
        if root is not None and _is(root, "sin"):
            return _Match(f"cos({show(root.args[0])})^2", "1 − sin² cancels", (b, root))
        if root is not None:
            return _Match(f"(1 - {_atom(root, show)})*(1 + {_atom(root, show)})", "1 − x² cancels near 1", (b,))
    if _is(a, "sqrt") and _is(b, "sqrt"):
        x, y = a.args[0], b.args[0]
        over = f"({show(a)} + {show(b)})"
        known = _difference(x, y)
        top = known if known is not None else f"({show(x)} - {_atom(y, show)})"
        return _Match(f"{top}/{over}", "the roots cancel", ())
    if _is(a, "log") and _is(b, "log"):
        return _Match(f"log({_atom(a.args[0], show)}/{_atom(b.args[0], show)})", "the logarithms cancel", ())
    if _is(a, "mean"):
        inside, below = _squared(a.args[0]), _squared(b)
        if inside is not None and below is not None and _is(below, "mean") and below.args[0] is inside:
            return _Match(f"var({show(_unflattened(inside))})", "the squares cancel", (a, b, a.args[0], below))
    square, other = _squared(a), _squared(b)
    if square is not None and other is not None:
        return _Match(
            f"({show(square)} - {_atom(other, show)})*({show(square)} + {show(other)})", "the squares cancel", (a, b)
        )
    return None


def _difference(x: Node, y: Node) -> str | None:
    """The difference x − y as a number, where x is y and a constant."""
    for one, other in _either(x, "add"):
        if one is y and _plain(other).op is CONSTANT and _plain(other).shape == ():
            return f"{float(_plain(other).params[0]):g}"
    return None


def _unflattened(node: Node) -> Node:
    return node.args[0] if _is(node, "reshape") else node


def _multiply(node: Node, show: Show) -> _Match | None:
    for a, b in _either(node, "multiply"):
        if _is(a, "sqrt") and a is b:
            return _Match(show(a.args[0]), "the root has no slope at 0", (a,))
        if _is(b, "log"):
            x = b.args[0]
            if a is x:
                return _Match(f"xlogy({show(x)}, {show(x)})", "log is infinite at 0", (b,))
            if _is(a, "negate") and a.args[0] is x:
                return _Match(f"entr({show(x)})", "log is infinite at 0", (a, b))
            if _is(x, "add") and any(_number(arg, 1.0) for arg in x.args):
                return None  # what is lost is lost by the sum, and log1p is the cure
            # Only a factor that vanishes with the logarithm's argument makes up for it.
            if not _number(a, 0.0) and _plain(a).op is not CONSTANT and _vanishes_with(a, x):
                return _Match(f"xlogy({show(a)}, {show(x)})", "log is infinite at 0", (b,))
    return None


def _vanishes_with(factor: Node, x: Node) -> bool:
    """Whether a factor and x may both be 0 at one point: they have a factor in common, or none of their inputs."""
    inputs = {node for node in ancestors([factor]) if node.op is INPUT}
    others = {node for node in ancestors([x]) if node.op is INPUT}
    return inputs.isdisjoint(others) or not _factors(factor).isdisjoint(_factors(x))


def _factors(node: Node) -> set[Node]:
    """What a product or a power is 0 with."""
    found: set[Node] = set()
    pending = [_plain(node)]
    while pending:
        here = pending.pop()
        if here in found:
            continue
        found.add(here)
        if here.op.name in ("multiply", "negate", "abs"):
            pending.extend(map(_plain, here.args))
        elif here.op.name in ("square", "sqrt", "cbrt", "power", "divide"):
            pending.append(_plain(here.args[0]))
    return {each for each in found if not each.constant}


def _square(node: Node, show: Show) -> _Match | None:
    (x,) = node.args
    if _is(x, "sqrt"):
        return _Match(show(x.args[0]), "the root has no slope at 0", (x,))
    return None


def _negate(node: Node, show: Show) -> _Match | None:
    (x,) = node.args
    for a, b in _either(x, "multiply"):
        if _is(b, "log") and b.args[0] is a:
            return _Match(f"entr({show(a)})", "log is infinite at 0", (x, b))
    return None


def _exp(node: Node, show: Show) -> _Match | None:
    (x,) = node.args
    if _is(x, "log"):
        return _Match(show(x.args[0]), "exp undoes log", (x,))
    for a, b in _either(x, "multiply"):
        if _is(b, "log"):
            return _Match(f"{_atom(b.args[0], show)}^{_atom(a, show)}", "log is infinite at 0", (x, b))
    return None


def _divide(node: Node, show: Show) -> _Match | None:
    a, b = node.args
    low = _plain(b)
    if _is(a, "exp") and _is(low, "sum") and low.args[0] is a and len(a.shape) == 1:
        return _Match(f"softmax({show(a.args[0])})", "exp overflows", (a, b, low))
    terms, sums = _terms(b)
    if _is(a, "exp") and len(terms) == 2 and a in terms:
        other = terms[0] if terms[1] is a else terms[1]
        if _number(other, 1.0):
            return _Match(f"sigmoid({show(a.args[0])})", "exp overflows", (a, *sums))
        if _is(other, "exp"):
            better = f"sigmoid({show(a.args[0])} - {_atom(other.args[0], show)})"
            return _Match(better, "exp overflows", (a, other, *sums))
    if _is(a, "sin"):
        x = a.args[0]
        if x is b:
            for p, y in _either(x, "multiply"):
                if _number(p, math.pi):
                    return _Match(f"sinc({show(y)})", "0/0 at 0", (a, x))
            return _Match(f"sinc({_atom(x, show)}/pi)", "0/0 at 0", (a,))
    return _logistic(node, show)


def _logistic(node: Node, show: Show) -> _Match | None:
    below = _inverse(node)
    if below is None:
        return None
    terms, sums = _terms(below)
    if len(terms) == 2:
        for one, other in (terms, terms[::-1]):
            if _number(one, 1.0) and _is(other, "exp"):
                return _Match(f"sigmoid({_negated(other.args[0], show)})", "exp overflows", (*sums, other))
    return None


def _atan(node: Node, show: Show) -> _Match | None:
    (q,) = node.args
    if _is(q, "divide") and not q.args[0].constant:
        y, x = (show(arg) for arg in q.args)
        y = y if y.isidentifier() else f"({y})"
        # atan2(y, x) itself is another function where x < 0: the angle in the plane.
        why = "the quotient overflows; if the angle of (x, y) is meant, it is atan2(y, x)"
        return _Match(f"atan2(sign({x})*{y}, abs({x}))", why, (q,))
    return None


def _matmul(node: Node, show: Show) -> _Match | None:
    left = node.args[0]
    if _is(left, "inv"):
        right = _unflattened(node.args[1])
        return _Match(f"solve({show(left.args[0])}, {show(right)})", "an inverse costs digits", (left,))
    return None


_PATTERNS: dict[str, tuple[Pattern, ...]] = {
    "log": (_log,),
    "sqrt": (_sqrt,),
    "subtract": (_subtract,),
    "multiply": (_multiply,),
    "square": (_square,),
    "negate": (_negate,),
    "exp": (_exp,),
    "divide": (_divide,),
    "reciprocal": (_logistic,),
    "atan": (_atan,),
    "matmul": (_matmul,),
}
