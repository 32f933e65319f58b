"""Comparisons, branches, and functions with kinks or jumps.

At a kink the derivative is the one that convex analysis and symmetry prefer: the least subgradient, and equal
shares among the tied, so that max(x, 0) − max(−x, 0) has the derivative 1 at 0. A locally constant function
has the derivative 0.
"""

from __future__ import annotations

import numpy as np

from diffcli.graph import Array, Node, Partial, Primitive
from diffcli.primitives.kinds import elementwise

# Booleans ---------------------------------------------------------------------------------------------------

less = elementwise("less", np.less, arity=2, boolean=True, exact=True, operator="<")
less_equal = elementwise("less_equal", np.less_equal, arity=2, boolean=True, exact=True, operator="<=")
greater = elementwise("greater", np.greater, arity=2, boolean=True, exact=True, operator=">")
greater_equal = elementwise("greater_equal", np.greater_equal, arity=2, boolean=True, exact=True, operator=">=")
equal = elementwise("equal", np.equal, arity=2, boolean=True, exact=True, operator="==")
not_equal = elementwise("not_equal", np.not_equal, arity=2, boolean=True, exact=True, operator="!=")


def _fold_not(x: Node) -> Node | None:
    return x.args[0] if x.op.name == "not" else None


logical_and = elementwise(
    "and", np.logical_and, arity=2, boolean=True, exact=True, conditions=(0, 1), operator="and",
    fold=lambda a, b: a if a is b else None,
)  # fmt: skip
logical_or = elementwise(
    "or", np.logical_or, arity=2, boolean=True, exact=True, conditions=(0, 1), operator="or",
    fold=lambda a, b: a if a is b else None,
)  # fmt: skip
logical_not = elementwise(
    "not", np.logical_not, boolean=True, exact=True, conditions=(0,), operator="not", fold=_fold_not,
)  # fmt: skip


def _number(c: Array, out: Array | None = None) -> Array:
    if out is None:
        return c.astype(np.float64)
    np.copyto(out, c)
    return out


# A boolean argument is what `number` is for, so it takes it as it comes.
number = elementwise("number", _number, conditions=(0,), writes=True, doc="1 where true, 0 where false.")
truth = elementwise(
    "truth", lambda x, out=None: np.not_equal(x, 0.0, out=out), boolean=True, writes=True, doc="True where not 0."
)

where = elementwise(
    "where", np.where, partials=(None, lambda y, c, a, b: 1.0, lambda y, c, a, b: 1.0),
    conditions=(0,), exact=True, uses=(None, lambda y: y.args[0], lambda y: ~y.args[0]),
    fold=lambda c, a, b: a if a is b else None,
    signature="c, a, b", family="piecewise", doc="a where c is true, else b; the same as “a if c else b”.",
    rule="∂a: 1 where c, ∂b: 1 where not c; the branch not taken contributes nothing at all",
    notation="a if c else b", reference=lambda m, c, a, b: a if c else b, samples=((0, 1), (-9, 9), (-9, 9)),
)  # fmt: skip

# Kinks ------------------------------------------------------------------------------------------------------


def _share(a: Array, b: Array | float, out: Array | None = None) -> Array:
    beats, loses = a > b, a < b
    shares = np.empty(beats.shape) if out is None else out
    np.copyto(shares, beats)
    if np.count_nonzero(beats) + np.count_nonzero(loses) < beats.size:
        shares[a == b] = 0.5
        shares[~(beats | loses | (a == b))] = np.nan
    return shares


share = elementwise("share", _share, arity=2, writes=True, doc="How much of a maximum is a's: 1, 0, or half at a tie.")
between = elementwise(
    "between", lambda x, low, high: np.where(np.isnan(x), x, (low <= x) & (x <= high)), arity=3,
    doc="1 on [low, high], 0 outside.",
)  # fmt: skip


defined = elementwise(
    "defined", lambda x: np.where(np.isnan(x), x, 1.0), arity=1, doc="1, and NaN where x is no number."
)


def _at_least(a: Node, b: Node) -> Node:
    """A ≥ b, or not comparable: NaN counts as looked at."""
    return ~(a < b)


abs_ = elementwise(
    "abs", np.abs, partials=(lambda y, x: sign(x),), exact=True,
    signature="x", family="piecewise", doc="Absolute value.", rule="sign(x)", kink="0 at 0", notation="|x|",
    reference=lambda m, x: abs(x), samples=((-9, 9),),
)  # fmt: skip
maximum = elementwise(
    "maximum", np.maximum, partials=(lambda y, a, b: share(a, b), lambda y, a, b: share(b, a)), exact=True,
    uses=(lambda y: _at_least(*y.args), lambda y: _at_least(y.args[1], y.args[0])),
    doc="The larger of two.", reference=lambda m, a, b: max(a, b), samples=((-9, 9), (-9, 9)),
)  # fmt: skip
minimum = elementwise(
    "minimum", np.minimum, partials=(lambda y, a, b: share(b, a), lambda y, a, b: share(a, b)), exact=True,
    uses=(lambda y: _at_least(y.args[1], y.args[0]), lambda y: _at_least(*y.args)),
    doc="The smaller of two.", reference=lambda m, a, b: min(a, b), samples=((-9, 9), (-9, 9)),
)  # fmt: skip
clip = elementwise(
    "clip", lambda x, low, high, out=None: np.minimum(np.maximum(x, low, out=out), high, out=out),
    exact=True, writes=True,
    partials=(
        lambda y, x, low, high: between(x, low, high),
        # Between bounds of which the lower is the higher there is nothing: it is high, whatever x is.
        lambda y, x, low, high: (x < low) & (low <= high),
        lambda y, x, low, high: (x > high) | (low > high),
    ),
    uses=(
        lambda y: _at_least(y.args[0], y.args[1]) & _at_least(y.args[2], y.args[0]),
        lambda y: ~(y.args[0] >= y.args[1]) & _at_least(y.args[2], y.args[1]),
        lambda y: ~(y.args[0] <= y.args[2]) | ~(y.args[1] <= y.args[2]),
    ),
    signature="x, low, high", aliases=("clamp",), family="piecewise",
    doc="x kept between low and high; high where low is above it.",
    rule="1 between the bounds, 0 outside", kink="1 on its bounds", notation="min(max(x, low), high)",
    reference=lambda m, x, a, b: min(max(x, a), b), samples=((-9, 9), (-5, -1), (1, 5)),
)  # fmt: skip
relu = elementwise(
    "relu", lambda x, out=None: np.maximum(x, 0.0, out=out), partials=(lambda y, x: heaviside(x),), exact=True,
    writes=True,
    uses=(lambda y: _at_least(y.args[0], y.builder.broadcast(y.builder.constant(0.0), y.shape)),),
    signature="x", family="piecewise", doc="max(x, 0).", rule="heaviside(x)", kink="½ at 0", notation="max(x, 0)",
    reference=lambda m, x: max(x, 0), samples=((-9, 9),),
)  # fmt: skip

# Jumps ------------------------------------------------------------------------------------------------------

sign: Primitive = elementwise(
    "sign", np.sign, exact=True, signature="x", family="piecewise", doc="−1, 0 or 1.", rule="0", kink="0 at the jump",
    reference=lambda m, x: m.sign(x), samples=((-9, 9),),
)  # fmt: skip
heaviside: Primitive = elementwise(
    "heaviside", lambda x, out=None: _share(x, 0.0, out), writes=True, signature="x", family="piecewise",
    doc="0 below 0, 1 above, ½ at 0.", rule="0", kink="0 at the jump",
    reference=lambda m, x: (1 + m.sign(x)) / 2, samples=((-9, 9),),
)  # fmt: skip
floor = elementwise(
    "floor", np.floor, exact=True, signature="x", family="piecewise", doc="The whole number at or below x.",
    rule="0", kink="0 at the jumps", notation="⌊x⌋", reference=lambda m, x: m.floor(x), samples=((-9, 9),),
)  # fmt: skip
ceil = elementwise(
    "ceil", np.ceil, exact=True, signature="x", family="piecewise", doc="The whole number at or above x.",
    rule="0", kink="0 at the jumps", notation="⌈x⌉", reference=lambda m, x: m.ceil(x), samples=((-9, 9),),
)  # fmt: skip
round_ = elementwise(
    "round", np.rint, exact=True, signature="x", family="piecewise",
    doc="The nearest whole number, a half to the even one.", rule="0", kink="0 at the jumps",
    reference=lambda m, x: m.nint(x), samples=((-9, 9),),
)  # fmt: skip
trunc = elementwise(
    "trunc", np.trunc, exact=True, signature="x", family="piecewise", doc="x without its fraction.",
    rule="0", kink="0 at the jumps", reference=lambda m, x: m.sign(x) * m.floor(abs(x)), samples=((-9, 9),),
)  # fmt: skip


def _remainder_dividend(y: Node, x: Node, d: Node) -> Partial:
    return defined(y)


def _taken(y: Array, x: Array, d: Array) -> Array:
    # The quotient that was taken, exactly: x/d may round up to the next whole number. Divided apart, as the
    # difference x − y may overflow.
    value = np.rint(x / d - y / d)
    return np.where(np.isinf(d) & np.isfinite(x), np.where(y == x, 0.0, -1.0), value)


taken = elementwise("taken", _taken, arity=3, doc="The whole number q of y = x − q·d, for a remainder y.")


def _remainder_divisor(y: Node, x: Node, d: Node) -> Partial:
    return -taken(y, x, d)


mod = elementwise(
    "mod", np.mod, partials=(_remainder_dividend, _remainder_divisor), operator="%",
    signature="x, y", family="piecewise", doc="Floored remainder, with the sign of y; the same as x % y.",
    domain="y ≠ 0", rule="1, −⌊x/y⌋", kink="that of the right-hand side at the jumps", notation="x mod y",
    reference=lambda m, x, d: x - d * m.floor(x / d), samples=((-9, 9), (0.5, 3)),
)  # fmt: skip
fmod = elementwise(
    "fmod", np.fmod, partials=(_remainder_dividend, _remainder_divisor),
    signature="x, y", family="piecewise", doc="Truncated remainder, with the sign of x.",
    domain="y ≠ 0", rule="1, −trunc(x/y)", kink="that of the side away from 0 at the jumps",
    reference=lambda m, x, d: x - d * m.sign(x / d) * m.floor(abs(x / d)), samples=((-9, 9), (0.5, 3)),
)  # fmt: skip
stop_ = elementwise(
    "stop", np.positive, exact=True, signature="x", family="control",
    doc="x, held constant for differentiation.", rule="0", samples=((-9, 9),),
)  # fmt: skip
