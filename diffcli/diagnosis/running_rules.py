"""How operations hand on a running error bound, as nodes: the rules of `running`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from diffcli.diagnosis.bounds import EPS, ERF_SLOPE, LOST, bound, rounds_inside
from diffcli.diagnosis.intervals import INF, UNKNOWN, Range, times
from diffcli.graph import TABLE, Node, Primitive
from diffcli.primitives.structure import MOVES

Array: TypeAlias = NDArray[Any]

#: By how much of its own scale an argument may be off for a slope to be what it is there.
NEAR = 2.0**-20
#: Up to so many units a bound from the ranges is near enough to what a point's own would be.
RELATIVE = 100.0


#: An error, in units of `EPS`, that is as well said to be the same at all points: only numbers of 1e-20 see it.
NOTHING = 2.0**-20


class Error(NamedTuple):
    """An error of at most q·|value| + u + `more`, in units of `EPS`: q and u are the same at all points."""

    q: float = 0.0
    u: float = 0.0
    more: Node | None = None

    @property
    def relative(self) -> bool:
        """Whether it is a multiple of the value and nothing else."""
        return self.u == 0.0 and self.more is None


EXACT = Error()


class Known(NamedTuple):
    """An argument, its error and its range."""

    node: Node
    error: Error
    range: Range

    @property
    def size(self) -> Node:
        """Its magnitude."""
        return self.node if self.range.low >= 0.0 else TABLE["abs"](self.node)

    @property
    def farthest(self) -> Node:
        """Its magnitude, and what it may be off by."""
        far = total(self.size, scaled(EPS, self.rest))
        assert far is not None
        return far

    @property
    def rest(self) -> Node | None:
        """The bound on its error at each point, but for what is relative to it."""
        return total(self.error.more, constant(self.node, self.error.u))

    @property
    def whole(self) -> Node | None:
        """The bound on its error at each point; None where it is exact."""
        return total(scaled(self.error.q, self.size) if self.error.q else None, self.rest)


_Rule: TypeAlias = Callable[..., Error]


# Terms ------------------------------------------------------------------------------------------------------


def constant(like: Node, value: float) -> Node | None:
    """A number that is the same at all points; None for 0."""
    return like.builder.constant(value) if value else None


def total(*terms: Node | None) -> Node | None:
    """The sum of what there is."""
    found = None
    for term in terms:
        if term is not None:
            found = term if found is None else found + term
    return found


def scaled(slope: Node | float, error: Node | None) -> Node | None:
    """An error times how much it grows."""
    return None if error is None else error if slope == 1.0 else error * slope


# Operations -------------------------------------------------------------------------------------------------


def handed(node: Node, args: Sequence[Known], here: Range) -> Error:
    """What the arguments' errors do to a node, whose own range is `here`."""
    name = node.op.name
    if name not in _ADDERS and not rounds_inside(node) and all(arg.error == EXACT for arg in args):
        return EXACT
    if name in MOVES or (name == "place" and len(args) == 1):
        return _moved(node, args)
    rule = _RULES.get(name)
    return rule(node, args, here) if rule is not None else _asked(node, args, here)


def _asked(node: Node, args: Sequence[Known], here: Range) -> Error:
    """By the rule of `bounds`, on arrays."""
    count = len(args)

    def apply(value: Array, *rest: Array) -> Array:
        pairs = zip(rest[count:], rest[:count], strict=True)
        moved = [np.broadcast_to(error, x.shape) for error, x in pairs]
        return bound(node, rest[:count], moved, value, exactly=True)

    op = Primitive(name=f"bound of {node.op.name}", kind="bound", apply=apply, shape=lambda *shapes: shapes[0])
    given = (node, *node.args, *_filled(args, [arg.whole for arg in args]))
    return Error(more=node.builder.make(op, given, (), node.shape))


def _filled(args: Sequence[Known], parts: Sequence[Node | None]) -> list[Node]:
    """Errors in the shapes of the arguments, zeros for those of exact numbers."""
    return [
        arg.node.builder.broadcast(arg.node.builder.constant(0.0) if part is None else part, arg.node.shape)
        for arg, part in zip(args, parts, strict=True)
    ]


# Rules ------------------------------------------------------------------------------------------------------


def _moved(node: Node, args: Sequence[Known]) -> Error:
    """Of what takes numbers as they are."""
    more = [arg.error.more for arg in args]
    moved = None if all(each is None for each in more) else node.op(*_filled(args, more), params=node.params)
    return Error(max(arg.error.q for arg in args), max(arg.error.u for arg in args), moved)


def _placed(node: Node, args: Sequence[Known], here: Range) -> Error:
    return Error(more=node.op(*_filled(args, [arg.whole for arg in args]), params=node.params))


def _passed(node: Node, args: Sequence[Known], here: Range) -> Error:
    return args[0].error


def _added(node: Node, args: Sequence[Known], here: Range) -> Error:
    a, b = args
    u, more = a.error.u + b.error.u, total(a.error.more, b.error.more)
    q = max(a.error.q, b.error.q)
    if q == 0.0 or _alike(node, a.range, b.range):
        return Error(q, u, more)
    near, far = sorted(args, key=lambda arg: (not arg.node.constant, arg.range.low < 0.0))
    # The one addend is at most the sum and the other, whose magnitude is the easier to come by.
    return Error(far.error.q, u, total(more, scaled(near.error.q + far.error.q, near.size)))


def _alike(node: Node, a: Range, b: Range) -> bool:
    """Whether what is added has the same sign at all points."""
    if node.op.name == "subtract":
        b = b._replace(low=-b.high, high=-b.low)
    return (a.low >= 0.0 and b.low >= 0.0) or (a.high <= 0.0 and b.high <= 0.0)


def _multiplied(node: Node, args: Sequence[Known], here: Range) -> Error:
    a, b = sorted(args, key=lambda arg: arg.node.index)
    if a.node is b.node:
        return _squared(node, args, here)
    # Where both digits are lost, products move by both errors, even from 0.
    both = 0.0 if a.error.relative or b.error.relative else _product(a, b)
    u, more = both if both <= NOTHING else 0.0, None
    for x, size, far in ((a, b.size, b.range.most), (b, a.size if both <= NOTHING else a.farthest, a.range.most)):
        at_all = times(x.error.u, far)
        if at_all <= NOTHING:
            u, more = u + at_all, total(more, scaled(size, x.error.more))
        else:
            more = total(more, scaled(size, x.rest))
    return Error(a.error.q + b.error.q, u, more)


def _product(a: Known, b: Known) -> float:
    """At most what two errors together do to a product."""
    return EPS * times(a.range.error, b.range.error)


def _squared(node: Node, args: Sequence[Known], here: Range) -> Error:
    (x, *_) = args
    if x.error.relative:
        return Error(2.0 * x.error.q)
    rest, both = x.rest, _product(x, x)
    more = scaled(x.size * 2.0, rest)
    if both <= NOTHING:
        return Error(2.0 * x.error.q, both, more)
    assert rest is not None
    return Error(2.0 * x.error.q, 0.0, total(more, rest * rest * EPS))


def _divided(node: Node, args: Sequence[Known], here: Range) -> Error:
    """Of a quotient whose divisor is the last argument."""
    a, b = args[0], args[-1]
    q, nearest = a.error.q + b.error.q, b.range.nearest
    if a.error.relative and b.error.relative:
        return Error(q)
    size = Known(node, EXACT, here).size
    u = (a.error.u + times(here.most, b.error.u)) / nearest if nearest else INF
    if u <= NOTHING:
        beside = total(a.error.more, scaled(size, b.error.more))
    else:
        u, beside = 0.0, total(a.rest, scaled(size, b.rest))
    if beside is None:
        return Error(q, u)
    return Error(q, u, _unless(_lost(b), beside / b.size, INF))


def _inverted(node: Node, args: Sequence[Known], here: Range) -> Error:
    one = node.builder.constant(1.0)
    return _divided(node, [Known(one, EXACT, UNKNOWN), *args], here)


def _lost(x: Known) -> Node | None:
    """Where a number may have lost its digits, so that it may be nearly 0; None: nowhere."""
    rest = x.rest
    if rest is None or x.range.error * EPS <= LOST * x.range.nearest:
        return None
    return ~TABLE["less_equal"](rest * (EPS / LOST), x.size)


def _unless(flag: Node | None, error: Node, otherwise: Node | float) -> Node:
    return error if flag is None else TABLE["where"](flag, otherwise, error)


def _by_slope(
    slope: Callable[[Node, Known], Node], steepest: float = INF, *, relative: bool = False, bends: float = 0.0
) -> _Rule:
    """Of a function of one number, from the size of its slope where its value is y, which is never more than the
    `steepest`. It is `relative` if no relative error grows. The slope itself changes by a factor of less than e where x
    moves by 1, or by 1/|x| where that `bends` it.
    """

    def rule(node: Node, args: Sequence[Known], here: Range) -> Error:
        (x,) = args
        rest = x.rest if relative else x.whole
        if rest is None:
            return Error(x.error.q if relative else 0.0)
        handed = rest * slope(node, x)
        moved = x.range.error * EPS * (2.0 + times(bends, x.range.most))
        if not moved <= NEAR:  # at all points, and so the slope where x really is may be another
            room = rest * (2.0 * EPS) if not bends else rest * EPS * (x.size * bends + 2.0)
            far = rest * steepest if steepest < INF else INF
            handed = _unless(~TABLE["less_equal"](room, NEAR), handed, far)
        return Error(x.error.q if relative else 0.0, 0.0, handed)

    return rule


def _wave(slope: Callable[[Node], Node]) -> _Rule:
    """Of a sine or cosine, whose slope is never more than 1: to know better may cost as much as the function."""

    def rule(node: Node, args: Sequence[Known], here: Range) -> Error:
        (x,) = args
        if node.op.name == "sin" and x.range.most <= 1.5:
            return x.error
        error = x.whole
        if error is None or (x.error.relative and x.error.q <= RELATIVE):
            return Error(more=error)
        # At an extremum the next term counts.
        return Error(more=error * (TABLE["abs"](slope(x.node)) + error * EPS))

    return rule


def _sqrt(node: Node, args: Sequence[Known], here: Range) -> Error:
    (x,) = args
    if x.error.more is None and x.range.nearest > 0.0:
        return Error(x.error.q / 2.0, 0.5 * x.error.u / math.sqrt(x.range.nearest))
    rest = x.rest
    return Error(x.error.q / 2.0, 0.0, None if rest is None else rest * 0.5 / node)


def _exp(node: Node, args: Sequence[Known], here: Range) -> Error:
    (x,) = args
    q = times(x.error.q, x.range.most)
    if q > RELATIVE:
        return _EXP(node, args, here)
    return _EXP(node, [x._replace(error=x.error._replace(q=0.0))], here)._replace(q=q)


def _log(node: Node, args: Sequence[Known], here: Range) -> Error:
    (x,) = args
    rest = x.rest
    return Error(more=total(constant(node, x.error.q), None if rest is None else rest / x.size))


def _raised(node: Node, args: Sequence[Known], here: Range) -> Error:
    x, n = args
    if n.error != EXACT or not n.node.constant:
        return _asked(node, args, here)
    k = n.node.builder.known(n.node)
    q = float(abs(k).max()) * x.error.q
    if x.error.relative:
        return Error(q)
    if x.error.more is None and k.size == 1 and float(k.flat[0]) >= 1.0 and x.range.most < 1e3:
        return Error(q, float(k.flat[0]) * (x.range.most + EPS * x.error.u) ** (float(k.flat[0]) - 1.0) * x.error.u)
    if k.size != 1 or float(k.flat[0]) < 1.0:
        return Error(q, 0.0, scaled(TABLE["abs"](n.node * (node / x.node)), x.rest))
    # Where the digits of x are lost, the slope is that at the far end of where x may be.
    far = TABLE["power"](x.farthest, float(k.flat[0]) - 1.0)
    return Error(q, 0.0, scaled(far * float(k.flat[0]), x.rest))


def _chosen(node: Node, args: Sequence[Known], here: Range) -> Error:
    a, b = (arg.error for arg in args[1:])
    more = [0.0 if each.more is None else each.more for each in (a, b)]
    chosen = None if a.more is None and b.more is None else TABLE["where"](node.args[0], *more)
    return Error(max(a.q, b.q), max(a.u, b.u), chosen)


def _added_up(node: Node, args: Sequence[Known], here: Range) -> Error:
    (x,) = args
    depth = max(1.0, math.log2(max(x.node.size, 1))) - 1.0
    if (x.range.low >= 0.0 or x.range.high <= 0.0) and x.error.relative:
        return Error(x.error.q + depth)
    inside = Known(x.node, x.error._replace(q=x.error.q + depth), x.range).whole
    if inside is None:
        return EXACT
    return Error(more=node.op(node.builder.broadcast(inside, x.node.shape), params=node.params))


def _of_matrices(node: Node, args: Sequence[Known], here: Range) -> Error:
    a, b = args
    depth = max(1.0, math.log2(max(a.node.shape[-1], 1)))
    first = Known(a.node, a.error._replace(q=a.error.q + depth), a.range).whole
    second = b.whole
    assert first is not None
    more = node.op(node.builder.broadcast(first, a.node.shape), b.size, params=node.params)
    if second is not None:
        # Where both digits are lost: products move by both errors, even from 0.
        more = more + node.op(
            node.builder.broadcast(a.farthest, a.node.shape),
            node.builder.broadcast(second, b.node.shape),
            params=node.params,
        )
    return Error(more=more)


_EXP = _by_slope(lambda y, x: y)

#: What adds up elements rounds many times, exact ones too.
_ADDERS = frozenset({"sum", "mean", "cumsum", "matmul"})

_RULES: dict[str, _Rule] = {
    **dict.fromkeys(("negate", "abs", "within", "stop"), _passed),
    **dict.fromkeys(("add", "subtract"), _added),
    "place": _placed,
    "multiply": _multiplied,
    **dict.fromkeys(("divide", "quotient"), _divided),
    "reciprocal": _inverted,
    "square": _squared,
    "sqrt": _sqrt,
    "exp": _exp,
    "log": _log,
    "log1p": _asked,
    "expm1": _by_slope(lambda y, x: y + 1.0),
    "sin": _wave(TABLE["cos"]),
    "cos": _wave(TABLE["sin"]),
    "atan": _passed,
    "tanh": _by_slope(lambda y, x: TABLE["sech_square"](x.node), 1.0, relative=True),
    "sech_square": _by_slope(lambda y, x: y * 2.0, 0.8),
    "erf": _by_slope(lambda y, x: TABLE["gauss"](x.node) * ERF_SLOPE, ERF_SLOPE, relative=True, bends=2.0),
    "erfc": _by_slope(lambda y, x: TABLE["gauss"](x.node) * ERF_SLOPE, ERF_SLOPE, bends=2.0),
    "gauss": _by_slope(lambda y, x: (x.size + NEAR) * y * 2.0, 0.86, bends=2.0),
    "power": _raised,
    "where": _chosen,
    **dict.fromkeys(("sum", "mean", "cumsum"), _added_up),
    "matmul": _of_matrices,
}
