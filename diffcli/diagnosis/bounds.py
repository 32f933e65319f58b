"""How operations hand on rounding errors: the rules of a running bound, to first order, in units of `EPS`.

Every operation hands on the errors of its arguments, multiplied by how much it changes when they do, and adds half a
unit of its own. Arrays have the batch on the last axis; no rule looks from one point of a batch at another.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from diffcli.graph import TABLE, Node
from diffcli.primitives.structure import MOVES

Array: TypeAlias = NDArray[Any]

EPS = 2.0**-53
SMALLEST_NORMAL = 2.0**-1022
#: What rounding into the subnormal range may cost, in units of EPS.
SUBNORMAL_ERROR = 2.0**-1074 / EPS
#: An error that no double is blamed for (`truth.right`), in units of EPS: sixteen of the smallest subnormals.
FORGIVEN = 16 * SUBNORMAL_ERROR
#: The steepest slope of erf.
ERF_SLOPE = 2.0 / math.sqrt(math.pi)
#: Relative size of the change that shows how an operation hands on an error.
NUDGE = 2.0**-20
#: The same for matrices: of one that is nearer to a singular one than by that, all digits are lost.
NEAR_SINGULAR = 2.0**-40

LOCALLY_CONSTANT = frozenset({
    "less", "less_equal", "greater", "greater_equal", "equal", "not_equal", "and", "or", "not", "truth", "sign",
    "floor", "ceil", "round", "trunc", "heaviside", "share", "between", "tie_share", "order", "peak",
    "taken", "defined",
})  # fmt: skip
ROUNDLESS = MOVES | LOCALLY_CONSTANT | {
    "negate", "abs", "maximum", "minimum", "where", "relu", "clip", "within", "stop", "number", "max", "min", "sort",
    "take", "put",
}  # fmt: skip


#: Operations on single numbers of which the slopes say all: straight lines, or steps, which `sites` sees to.
STRAIGHT = LOCALLY_CONSTANT | {
    "add", "subtract", "negate", "abs", "maximum", "minimum", "where", "relu", "clip", "within", "stop", "number",
    "mod", "fmod",
}  # fmt: skip
#: In so many patterns of signs the elements of arrays are moved, by the square roots of so many primes.
PRIMES = (2, 3, 5, 7)
PATTERNS = len(PRIMES)
#: Of an argument that is off by more than so much of itself a slope says little: x² has none at 0.
LOST = 2.0**-10

#: What works by elimination or rotation; determinants of two by two are found without.
ELIMINATIONS = frozenset({"inv", "solve", "chol", "eigvalsh", "eigenvectors"})
DETERMINANTS = frozenset({"det", "logabsdet", "cofactor", "cofactor_along", "cofactor_further"})
#: What is 0 or subnormal only where that is so to the last digit.
NEVER_UNDERFLOWS = frozenset({
    "add", "subtract", "sum", "sqrt", "cbrt", "hypot", "log", "log2", "log10", "cos", "acos", "cosh", "logaddexp",
    "mod", "fmod",
})  # fmt: skip


def bound(node: Node, args: Sequence[Array], errors: Sequence[Array], value: Array, *, exactly: bool = False) -> Array:
    """The error of a node's elements, from its arguments' values and errors (of the same shapes) and its value; with
    `exactly`, if the operation itself did not round.
    """
    name = node.op.name
    if name in MOVES:
        moved: Array = node.op.apply(*errors, *node.params)
        return moved
    rule = _RULES.get(name)
    if rule is not None:
        handed = rule(node, args, errors, value)
    elif node.op.kind == "elementwise":
        handed = _perturbed(node, args, errors, value)
    else:
        handed = _whole(node, args, _eliminated(node, args, errors), value)
    if node.op.kind == "elementwise" and name not in STRAIGHT:
        handed = widened(node, args, errors, value, handed)
    return handed if exactly or name in ROUNDLESS else handed + rounding(node, args, value)


def widened(node: Node, args: Sequence[Array], errors: Sequence[Array], value: Array, handed: Array) -> Array:
    """The error that is `handed` on by the slopes, or what arguments whose digits are lost make by being off by as much
    as they may be, if that is more: slopes vanish where x² or x·y of such zeros still move.
    """
    lost = [x.dtype != bool and error * EPS > LOST * np.abs(x) for x, error in zip(args, errors, strict=True)]
    flagged = [i for i, flags in enumerate(lost) if np.any(flags)]
    for signs in range(1 << len(flagged)) if flagged else ():
        moved = list(args)
        for k, i in enumerate(flagged):
            step = np.where(lost[i], errors[i] * EPS, 0.0)
            moved[i] = args[i] - step if signs >> k & 1 else args[i] + step
        off = np.abs(node.op.apply(*moved, *node.params) - value) / EPS
        # Where there is no value any more, (−1e-320)^1.5, anything may be meant.
        handed = np.fmax(handed, np.where(np.isnan(off) & np.isfinite(value), np.inf, off))
    return handed


def rounding(node: Node, args: Sequence[Array], value: Array) -> Array:
    """What one rounding costs: half a unit in the last place, or of the subnormal range."""
    size: Array = np.abs(value)
    low = size < SMALLEST_NORMAL
    if node.op.name not in NEVER_UNDERFLOWS and low.any():
        return np.where(low & _not_exactly_zero(node, args, value.shape), size + SUBNORMAL_ERROR, size)
    return size


def _not_exactly_zero(node: Node, args: Sequence[Array], shape: tuple[int, ...]) -> Array:
    """Where a result of 0 is not that of an argument of 0."""
    if node.op.kind != "elementwise":
        return np.ones(shape, dtype=bool)
    zero = np.zeros(shape, dtype=bool)
    for k, arg in enumerate(args):
        if not (node.op.name == "divide" and k == 1):
            zero |= arg == 0
    return ~zero


# Slopes -----------------------------------------------------------------------------------------------------

#: |∂y/∂xᵢ| for each argument, from the values of the arguments and of the result.
Slope: TypeAlias = Callable[..., tuple[Any, ...]]


def _same(*args: Array) -> tuple[Any, ...]:
    return (1.0,) * (len(args) - 1)


def _none(*args: Array) -> tuple[Any, ...]:
    return (0.0,) * (len(args) - 1)


SLOPES: dict[str, Slope] = {
    **dict.fromkeys(("add", "subtract", "negate", "abs", "within", "stop"), _same),
    "relu": lambda y, x: (np.asarray(x >= 0.0),),
    "maximum": lambda y, a, b: (np.asarray(a >= b), np.asarray(b >= a)),
    "minimum": lambda y, a, b: (np.asarray(a <= b), np.asarray(b <= a)),
    "clip": lambda y, x, low, high: (
        np.asarray((low <= x) & (x <= high)),
        np.asarray((x <= low) & (low <= high)),
        np.asarray((x >= high) | (low >= high)),
    ),
    **dict.fromkeys(LOCALLY_CONSTANT, _none),
    "number": _none,
    "where": lambda y, c, a, b: (0.0, np.asarray(c != 0), np.asarray(c == 0)),
    "multiply": lambda y, a, b: (np.abs(b), np.abs(a)),
    "divide": lambda y, a, b: (1.0 / np.abs(b), np.abs(y / b)),
    "quotient": lambda q, y, a, b: (1.0 / np.abs(b), 0.0, np.abs(q / b)),
    # By their quotients: between two steps that are close a difference would see any slope.
    "mod": lambda y, x, d: (1.0, np.abs(np.floor(x / d))),
    "fmod": lambda y, x, d: (1.0, np.abs(np.trunc(x / d))),
    "square": lambda y, x: (2.0 * np.abs(x),),
    "power": lambda y, x, n: (np.abs(n * (y / x)), np.abs(np.log(np.abs(x)) * y)),
    "reciprocal": lambda y, x: (np.square(y),),
    "sqrt": lambda y, x: (0.5 / y,),
    "exp": lambda y, x: (y,),
    "log": lambda y, x: (1.0 / np.abs(x),),
    "log1p": lambda y, x: (1.0 / np.abs(1.0 + x),),
    "expm1": lambda y, x: (1.0 + y,),
    "sin": lambda y, x: (np.abs(np.cos(x)),),
    "cos": lambda y, x: (np.abs(np.sin(x)),),
    "tan": lambda y, x: (1.0 + np.square(y),),
    "tanh": lambda y, x: (1.0 / np.square(np.cosh(x)),),
    "sinh": lambda y, x: (np.cosh(x),),
    "cosh": lambda y, x: (np.abs(np.sinh(x)),),
    "atan": lambda y, x: (1.0 / (1.0 + np.square(x)),),
    "sigmoid": lambda y, x: (y * (1.0 - y),),
    "erf": lambda y, x: (ERF_SLOPE * np.exp(-np.square(x)),),
    "erfc": lambda y, x: (ERF_SLOPE * np.exp(-np.square(x)),),
    "gauss": lambda y, x: (product(2.0 * x, y),),
    "sinc": lambda y, x: (_sinc_slope(x, 0),),
}  # fmt: skip


#: From here on an argument of sinc that is not exact is anything between two whole numbers, or nearly so.
FAR = 2.0**30


def _sinc_slope(x: Array, order: int) -> Array:
    """The size of the slope of sinc's derivative of that order: far out the largest of those near, since what is
    rounded to a whole number stands where every other one of the slopes is 0.
    """
    size = np.abs(x)
    slope = np.abs(TABLE["sinc_derivative"].apply(np.asarray(x), order + 1))
    return np.where(size < FAR, slope, math.pi**order / np.maximum(size, FAR))


def slopes(op: Any, params: tuple[Any, ...], args: Sequence[Array], value: Array) -> list[Any]:
    """|∂y/∂xᵢ| of one elementwise operation on many numbers: by its rule, else by differences."""
    rule = SLOPES.get(op.name)
    if rule is not None and not params:
        return list(rule(value, *args))
    if op.name == "sinc_derivative":
        return [_sinc_slope(args[0], *params)]
    found: list[Any] = []
    for i, x in enumerate(args):
        step = np.where(x == 0.0, 2.0**-60, np.abs(x)) * NUDGE
        up = op.apply(*args[:i], x + step, *args[i + 1 :], *params)
        down = op.apply(*args[:i], x - step, *args[i + 1 :], *params)
        found.append(np.fmax(np.abs(up - value), np.abs(down - value)) / step)
    return found


def product(a: Array, b: Array) -> Array:
    """|a·b|, 0 where either is, whatever the other."""
    return np.where((a == 0.0) | (b == 0.0), 0.0, np.abs(a * b))


def _sloped(node: Node, args: Sequence[Array], e: Sequence[Array], value: Array) -> Array:
    total: Any = 0.0
    for slope, error in zip(SLOPES[node.op.name](value, *args), e, strict=True):
        total = total + product(slope, error)
    return np.broadcast_to(total, value.shape)


def _perturbed(node: Node, args: Sequence[Array], errors: Sequence[Array], value: Array) -> Array:
    """Σ|∂y/∂xᵢ|·error of xᵢ, the partials by differences: any function of the table will do."""
    total = np.zeros(value.shape)
    for i, (x, error) in enumerate(zip(args, errors, strict=True)):
        if x.dtype == bool or not error.any():
            continue
        step = np.maximum(np.abs(x), error * EPS) * NUDGE
        step = np.where(step < 2.0**-1050, 2.0**-500, step)  # a zero that is no more wrong than subnormals are
        there = node.op.apply(*args[:i], x + step, *args[i + 1 :], *node.params)
        back = node.op.apply(*args[:i], x - step, *args[i + 1 :], *node.params)
        slope = np.fmax(np.abs(there - value), np.abs(back - value)) / step
        total = total + np.where(error == 0.0, 0.0, slope * error)
    return total


def _signs(count: int, pattern: int) -> Array:
    """Which of `count` elements go up and which down. Of up to four the patterns are all that matter; of more they
    have no more to do with rows and columns than chance has, for matrices are sensitive along patterns of these.
    """
    places = np.arange(count)
    if count <= 4:
        odd = ((places & pattern ^ (places & pattern) >> 1) & 1).astype(bool)
    else:
        odd = (places + 1) * math.sqrt(PRIMES[pattern]) % 1.0 < 0.5
    return np.where(odd, -1.0, 1.0)


def _whole(node: Node, args: Sequence[Array], errors: Sequence[Array], value: Array) -> Array:
    """For operations on whole arrays: all arguments moved by their errors, in a few patterns of signs."""
    batch = value.shape[-1:]
    size, largest = np.zeros(batch), np.zeros(batch)
    for x, error in zip(args, errors, strict=True):
        axes = tuple(range(x.ndim - 1))
        size = np.maximum(size, np.max(error, axis=axes, initial=0.0))
        largest = np.maximum(largest, np.max(np.abs(x), axis=axes, initial=0.0))
    if not size.any():
        return np.zeros(value.shape)
    nudge = NEAR_SINGULAR if rounds_inside(node) else NUDGE
    step = np.where(largest == 0.0, 1.0, largest) * nudge / np.where((size > 0.0) & np.isfinite(size), size, 1.0)
    total = np.zeros(value.shape)
    for pattern in range(PATTERNS):
        moved = []
        for x, error in zip(args, errors, strict=True):
            signs = _signs(x.size // max(1, x.shape[-1]), pattern).reshape((*x.shape[:-1], 1))
            moved.append(x + signs * np.where(np.isfinite(error), error, 0.0) * step)
        total = np.fmax(total, np.abs(node.op.apply(*moved, *node.params) - value) / step)
        if (size * EPS > LOST * largest).any():  # of zeros that are not, products move too
            off = [
                x + np.where(m < x, -1.0, 1.0) * error * EPS for x, m, error in zip(args, moved, errors, strict=True)
            ]
            total = np.fmax(total, np.abs(node.op.apply(*off, *node.params) - value) / EPS)
    return np.where(np.isfinite(size), total, np.inf)


def rounds_inside(node: Node) -> bool:
    """Whether an operation on matrices rounds on the way to its result, exact arguments or not."""
    if node.op.name in DETERMINANTS:
        # Those of two rows are rounded nearly once; the logarithm may be as good as 0.
        return node.args[0].shape[-1] > 2 or node.op.name == "logabsdet"
    return node.op.name in ELIMINATIONS


def _eliminated(node: Node, args: Sequence[Array], errors: Sequence[Array]) -> Sequence[Array]:
    """Eliminations and rotations of n rows round as if all elements of their arguments were off by n roundings of the
    largest. (N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2002, theorem 9.3.)
    """
    if not rounds_inside(node):
        return errors
    n = node.args[0].shape[-1]
    # The directions of a determinant's further derivatives are only multiplied with.
    count = 1 if node.op.name in DETERMINANTS else len(args)
    largest = [np.max(np.abs(x), axis=tuple(range(x.ndim - 1)), initial=0.0) for x in args[:count]]
    return [*(error + n * size for error, size in zip(errors, largest, strict=False)), *errors[count:]]


# Rules ------------------------------------------------------------------------------------------------------

_Rule: TypeAlias = Callable[[Node, Sequence[Array], Sequence[Array], Array], Array]


def _chosen(node: Node, args: Sequence[Array], e: Sequence[Array], value: Array) -> Array:
    return np.where(args[0], e[1], e[2])


def _of_the_chosen(ahead: Array, e: Sequence[Array]) -> Array:
    """Of two numbers the first is `ahead` by so much; where that is less than their errors, either may be meant."""
    room = (e[0] + e[1]) * EPS
    return np.where(ahead > room, e[0], np.where(ahead < -room, e[1], np.maximum(e[0], e[1])))


def _clipped(node: Node, args: Sequence[Array], e: Sequence[Array], value: Array) -> Array:
    x, low, high = args
    above = _of_the_chosen(x - low, (e[0], e[1]))
    return _of_the_chosen(high - np.maximum(x, low), (above, e[2]))


def _summed(node: Node, args: Sequence[Array], e: Sequence[Array], value: Array) -> Array:
    # Adding by halves rounds log₂ n times, each partial sum at most Σ|x|.
    depth = max(1.0, math.log2(max(node.args[0].size, 1)))
    total: Array = node.op.apply(e[0] + (depth - 1.0) * np.abs(args[0]), *node.params)
    return total


def _multiplied(node: Node, args: Sequence[Array], e: Sequence[Array], value: Array) -> Array:
    a, b = np.abs(args[0]), np.abs(args[1])
    depth = max(1.0, math.log2(max(node.args[0].shape[-1], 1)))
    total: Array = node.op.apply(e[0] + depth * a, b) + node.op.apply(a + EPS * e[0], e[1])
    return total


def _mixed(node: Node, args: Sequence[Array], e: Sequence[Array], value: Array) -> Array:
    """For what mixes the elements of one array: no error grows."""
    return np.broadcast_to(np.max(e[0], axis=tuple(range(e[0].ndim - 1)), initial=0.0), value.shape)


def _largest(node: Node, args: Sequence[Array], e: Sequence[Array], value: Array) -> Array:
    return np.asarray(np.max(e[0], axis=node.params[0], initial=0.0))


def _turned(node: Node, args: Sequence[Array], e: Sequence[Array], value: Array) -> Array:
    """Eigenvectors turn by what moves the matrix over the distance of their eigenvalue to the next (G. H. Golub,
    C. F. Van Loan, Matrix Computations, 2013, section 8.1). A finite step would turn those that are close all the way.
    """
    (off,) = _eliminated(node, args, e)
    values = TABLE["eigvalsh"].apply(*args)
    gaps = np.abs(values[np.newaxis] - values[:, np.newaxis])
    gaps[np.arange(len(values)), np.arange(len(values))] = np.inf
    turned = len(values) * off.max(axis=(0, 1), initial=0.0) / gaps.min(axis=0, initial=np.inf)
    return np.broadcast_to(turned, value.shape)


def _gaps_inverted(node: Node, args: Sequence[Array], e: Sequence[Array], value: Array) -> Array:
    return product(np.square(value), e[0][np.newaxis] + e[0][:, np.newaxis])


def _softmax(node: Node, args: Sequence[Array], e: Sequence[Array], value: Array) -> Array:
    return product(value, 2.0 * np.max(e[0], axis=node.params[0], keepdims=True, initial=0.0))


_RULES: dict[str, _Rule] = {
    **dict.fromkeys(SLOPES, _sloped),
    **dict.fromkeys(("negate", "abs", "within", "stop"), lambda node, args, e, value: e[0]),
    **dict.fromkeys(("add", "subtract"), lambda node, args, e, value: e[0] + e[1]),
    "relu": lambda node, args, e, value: np.where(args[0] + e[0] * EPS < 0.0, 0.0, e[0]),
    "maximum": lambda node, args, e, value: _of_the_chosen(args[0] - args[1], e),
    "minimum": lambda node, args, e, value: _of_the_chosen(args[1] - args[0], e),
    **dict.fromkeys((*LOCALLY_CONSTANT, "number"), lambda node, args, e, value: np.zeros((*node.shape, 1))),
    **dict.fromkeys(("sum", "mean", "cumsum"), _summed),
    **dict.fromkeys(("sort", "take", "put", "tie_mean"), _mixed),
    **dict.fromkeys(("max", "min", "logsumexp"), _largest),
    "clip": _clipped,
    "divide": lambda node, args, e, value: e[0] / np.abs(args[1]) + product(value, e[1] / np.abs(args[1])),
    "reciprocal": lambda node, args, e, value: product(value, e[0] / np.abs(args[0])),
    "quotient": lambda node, args, e, value: e[0] / np.abs(args[2]) + product(value, e[2] / np.abs(args[2])),
    "where": _chosen,
    "matmul": _multiplied,
    "place": lambda node, args, e, value: node.op.apply(*e, *node.params),
    "norm": lambda node, args, e, value: np.sqrt(np.sum(np.square(e[0]), axis=node.params[0])),
    "softmax": _softmax,
    "eigenvectors": _turned,
    "inverse_gaps": _gaps_inverted,
    "sinc_derivative": lambda node, args, e, value: product(_sinc_slope(args[0], *node.params), e[0]),
}  # fmt: skip
