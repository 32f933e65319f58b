"""Both passes at one point with nothing thrown away, and the cheap question: is anything here suspicious?

The test is the running rounding-error bound. Every operation hands on the errors of its arguments, multiplied by
how much it changes when they do, and adds half a unit of its own; so Σ|path products|·ε is at hand for values and
derivatives alike. Ordinary points end here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from diffcli.derive import adjoint, tangent
from diffcli.graph import CONSTANT, INPUT, Function, Node, ancestors

Array: TypeAlias = NDArray[Any]

#: A result whose error may be more than so many units of its last place is looked at closely.
TRUSTED_ULPS = 4096.0
EPS = 2.0**-53
SMALLEST_NORMAL = 2.0**-1022
#: What rounding into the subnormal range may cost, in units of EPS.
SUBNORMAL_ERROR = 2.0**-1074 / EPS


@dataclass(frozen=True, slots=True)
class Derived:
    """Derivatives as nodes of the same graph: `nodes` belong to the command's answer, `seeds` are given.

    `owners` says which operation's derivative rule a node was made by.
    """

    nodes: tuple[Node, ...]
    seeds: tuple[Node, ...] = ()
    owners: Mapping[Node, Node] = field(default_factory=dict)


def reverse(function: Function, wrt: Sequence[Node]) -> Derived:
    """The cotangents of `wrt` for a free cotangent of every output."""
    builder = function.builder
    seeds = tuple(builder.input(f"v:{i}", output.shape) for i, output in enumerate(function.outputs))
    forward = set(ancestors(function.outputs))
    sweep = adjoint(function.outputs, seeds, wrt)
    zero = builder.constant(0.0)
    owners: dict[Node, Node] = {}
    for step in sweep.contributions:
        _claim(owners, step.bar, step.node, forward)
    bars = tuple(builder.broadcast(sweep.cotangents.get(node, zero), node.shape) for node in wrt)
    for node, bar in sweep.cotangents.items():
        _claim(owners, bar, node, forward)
    return Derived(bars, seeds, owners)


def _claim(owners: dict[Node, Node], made: Node, owner: Node, forward: set[Node]) -> None:
    pending = [made]
    while pending:
        node = pending.pop()
        if node in owners or node in forward or node.op is INPUT or node.op is CONSTANT:
            continue
        owners[node] = owner
        pending.extend(node.args)


def forward(function: Function, wrt: Sequence[Node]) -> Derived:
    """The tangents of the outputs for a free tangent of each of `wrt`."""
    builder = function.builder
    seeds = {node: builder.input(f"u:{node.params[0]}", node.shape) for node in wrt}
    known = set(ancestors(function.outputs))
    zero = builder.constant(0.0)
    dots = [
        builder.broadcast(zero if dot is None else dot, output.shape)
        for dot, output in zip(tangent(function.outputs, seeds), function.outputs, strict=True)
    ]
    owners: dict[Node, Node] = {}
    for node in ancestors(dots):
        # A tangent's node is made right after those of the operation's arguments: its owner is an operand of it.
        if node not in known and node.op is not INPUT and node.op is not CONSTANT:
            near = [arg for arg in node.args if arg in known and arg.op is not CONSTANT]
            owners[node] = (
                max(near, key=lambda n: n.index)
                if near
                else next((owners[arg] for arg in node.args if arg in owners), function.outputs[0])
            )
    return Derived(tuple(dots), tuple(seeds.values()), owners)


class Passes:
    """Every value that the outputs and the derivatives at one point go through.

    Arrays have the shapes of their nodes, no batch axis.
    """

    def __init__(
        self, function: Function, derived: Derived, at: Mapping[Node, Array], seeds: Sequence[Array] = ()
    ) -> None:
        self.function = function
        self.derived = derived
        given = {**at, **dict(zip(derived.seeds, seeds, strict=True))}
        self.order = ancestors([*function.outputs, *derived.nodes])
        self.forward = set(ancestors(function.outputs))
        self.values: dict[Node, Array] = {}
        with np.errstate(all="ignore"):
            for node in self.order:
                if node.op is INPUT:
                    self.values[node] = np.asarray(given[node], dtype=np.float64)
                elif node.op is CONSTANT:
                    self.values[node] = node.params[0]
                else:
                    self.values[node] = _apply(node, [self.values[arg] for arg in node.args])
        self._errors: dict[Node, Array] | None = None

    # What was looked at ..................................................................................

    def looked_at(self) -> dict[Node, Array]:
        """For every node, which of its elements the results look at: an untaken branch is not."""
        used = {node: np.zeros(node.shape, dtype=bool) for node in self.order}
        for node in (*self.function.outputs, *self.derived.nodes):
            used[node][...] = True
        conditions = self._conditions()
        for node in reversed(self.order):
            here = used[node]
            if not here.any():
                continue
            for i, arg in enumerate(node.args):
                chosen = conditions.get((node, i))
                if chosen is not None:
                    used[arg] |= (here if node.op.kind == "elementwise" else here.any()) & chosen
                elif node.op.kind == "elementwise":
                    used[arg] |= here
                elif node.op.name in _MOVES:
                    used[arg] |= _moved_back(node, i, here)
                else:
                    used[arg] |= True
        return used

    def _conditions(self) -> dict[tuple[Node, int], Array]:
        wanted = {
            (node, i): rule(node)
            for node in self.order
            if node.op.uses
            for i, rule in enumerate(node.op.uses)
            if rule is not None
        }
        known = dict(self.values)
        with np.errstate(all="ignore"):
            for node in ancestors(wanted.values(), known):
                if node not in known:
                    known[node] = (
                        node.params[0] if node.op is CONSTANT else _apply(node, [known[arg] for arg in node.args])
                    )
        return {key: known[node].astype(bool) for key, node in wanted.items()}

    # Suspicion ...........................................................................................

    def suspicious(self) -> bool:
        """Whether anything asks for a closer look: a non-finite number, a kink's point, a large error bound."""
        for node in self.order:
            value = self.values[node]
            if not node.boolean and not np.isfinite(value).all():
                return True
            if self.derived.nodes and node in self.forward and node.op.name in SITES and self.at_site(node).any():
                return True
        errors = self.errors()
        return any((self.relative(node, errors) > TRUSTED_ULPS).any() for node in self.results())

    def results(self) -> list[Node]:
        """The outputs and the derivatives."""
        return [*self.function.outputs, *self.derived.nodes]

    def relative(self, node: Node, errors: Mapping[Node, Array]) -> Array:
        """The error bound of a node's elements in units of their last place."""
        value = np.abs(self.values[node].astype(np.float64))
        error = errors[node]
        with np.errstate(all="ignore"):
            # Nothing below the smallest subnormal can be asked of a double.
            excess = np.maximum(error - 4 * SUBNORMAL_ERROR, 0.0)
            ulps = np.where(excess == 0.0, 0.0, excess / value)
        return np.where(np.isnan(ulps), np.inf, ulps)

    def at_site(self, node: Node) -> Array:
        """Which elements of a node with a kink, a jump or a comparison stand exactly at it."""
        with np.errstate(all="ignore"):
            there: Array = np.asarray(SITES[node.op.name](self, node))
        return there

    def errors(self) -> dict[Node, Array]:
        """A bound on the error of every node's elements, to first order, in units of EPS: absolute, not relative."""
        if self._errors is None:
            with np.errstate(all="ignore"):
                self._errors = self._bounds()
        return self._errors

    def _bounds(self) -> dict[Node, Array]:
        errors: dict[Node, Array] = {}
        for node in self.order:
            value = self.values[node]
            if not node.args or node.boolean:
                errors[node] = np.zeros(node.shape)
                continue
            mine = [errors[arg] for arg in node.args]
            args = [self.values[arg] for arg in node.args]
            name = node.op.name
            if name in _MOVES:
                errors[node] = _apply(node, mine)
                continue
            rule = _PROPAGATES.get(name)
            if rule is not None:
                handed = rule(self, node, mine)
            elif node.op.kind == "elementwise":
                handed = _perturbed(node, args, mine, value)
            else:
                handed = _whole(node, args, mine, value)
            own = np.zeros(node.shape) if name in _ROUNDLESS else _own(node, args, value)
            errors[node] = handed + own
        return errors


def _own(node: Node, args: list[Array], value: Array) -> Array:
    """What one rounding costs: half a unit in the last place, or of the subnormal range."""
    size = np.abs(value)
    low = size < SMALLEST_NORMAL
    if low.any() and node.op.name not in ("add", "subtract"):
        return np.where(low & _not_exactly_zero(node, args), size + SUBNORMAL_ERROR, size)
    return size


def _not_exactly_zero(node: Node, args: list[Array]) -> Array:
    """Where a result of 0 is not that of an argument of 0."""
    zero = np.zeros(node.shape, dtype=bool)
    for k, arg in enumerate(args):
        if node.op.kind == "elementwise" and not (node.op.name == "divide" and k == 1):
            zero |= arg == 0
    return ~zero if node.op.kind == "elementwise" else np.ones(node.shape, dtype=bool)


#: Relative size of the change that shows how an operation hands on an error.
NUDGE = 2.0**-20


def _perturbed(node: Node, args: list[Array], errors: list[Array], value: Array) -> Array:
    """Σ|∂y/∂xᵢ|·error of xᵢ, the partials by differences: any function of the table will do."""
    total = np.zeros(node.shape)
    for i, (x, error) in enumerate(zip(args, errors, strict=True)):
        if not error.any() or x.dtype == bool:
            continue
        step = np.maximum(np.abs(x), error * EPS) * NUDGE
        there = _apply(node, [*args[:i], x + step, *args[i + 1 :]])
        back = _apply(node, [*args[:i], x - step, *args[i + 1 :]])
        slope = np.fmax(np.abs(there - value), np.abs(back - value)) / step
        total = total + np.where(error == 0.0, 0.0, slope * error)
    return total


def _whole(node: Node, args: list[Array], errors: list[Array], value: Array) -> Array:
    """For operations on whole arrays: all arguments moved by their errors, in a few patterns of signs."""
    if not any(error.any() for error in errors):
        return np.zeros(node.shape)
    total = np.zeros(node.shape)
    for pattern in range(4):
        moved = []
        size = 0.0
        for error in errors:
            worst = float(np.max(error)) if error.size else 0.0
            size = max(size, worst)
        if not np.isfinite(size) or size == 0.0:
            return np.full(node.shape, np.inf)
        largest = max((float(np.max(np.abs(x))) for x in args if x.size), default=1.0) or 1.0
        step = largest * NUDGE / size
        for x, error in zip(args, errors, strict=True):
            signs = np.where((np.arange(x.size) >> pattern) % 2, -1.0, 1.0).reshape(x.shape)
            moved.append(x + signs * error * step)
        total = np.fmax(total, np.abs(_apply(node, moved) - value) / step)
    return total


def _apply(node: Node, args: Sequence[Array]) -> Array:
    batched = [np.ascontiguousarray(np.asarray(arg)[..., np.newaxis]) for arg in args]
    value: Array = node.op.apply(*batched, *node.params)[..., 0]
    return value


#: What moves numbers or takes one of them as it is.
_MOVES = frozenset({"broadcast", "reshape", "transpose", "index", "concat", "stack", "diagonal", "diagonal_matrix"})
_ROUNDLESS = _MOVES | {
    "negate", "abs", "maximum", "minimum", "where", "relu", "clip", "within", "stop", "number", "max", "min", "sort",
    "take", "put", "sign", "floor", "ceil", "round", "trunc", "heaviside", "share", "between", "tie_share", "order",
    "peak",
}  # fmt: skip


def _one(passes: Passes, node: Node, e: list[Array]) -> Array:
    return e[0]


def _times(passes: Passes, node: Node, e: list[Array]) -> Array:
    a, b = (passes.values[arg] for arg in node.args)
    return _product(np.abs(b), e[0]) + _product(np.abs(a), e[1])


def _product(a: Array, b: Array) -> Array:
    return np.where((a == 0.0) | (b == 0.0), 0.0, a * b)


def _over(passes: Passes, node: Node, e: list[Array]) -> Array:
    _, b = (np.abs(passes.values[arg]) for arg in node.args)
    y = np.abs(passes.values[node])
    return _product(1.0 / b, e[0]) + _product(y / b, e[1])


def _chosen(passes: Passes, node: Node, e: list[Array]) -> Array:
    return np.where(passes.values[node.args[0]], e[1], e[2])


def _summed(passes: Passes, node: Node, e: list[Array]) -> Array:
    # Adding by halves rounds log₂ n times, each partial sum at most Σ|x|.
    x = np.abs(passes.values[node.args[0]])
    depth = max(1.0, np.log2(max(x.size, 1)))
    return _apply(node, [e[0] + (depth - 1.0) * x])


def _multiplied(passes: Passes, node: Node, e: list[Array]) -> Array:
    a, b = (np.abs(passes.values[arg]) for arg in node.args)
    depth = max(1.0, np.log2(max(a.shape[-1], 1)))
    bound: Array = _apply(node, [e[0], b]) + _apply(node, [a, e[1]]) + depth * _apply(node, [a, b])
    return bound


_PROPAGATES: dict[str, Callable[[Passes, Node, list[Array]], Array]] = {
    **dict.fromkeys(("negate", "abs", "within", "relu", "stop", "number"), _one),
    **dict.fromkeys(("add", "subtract"), lambda passes, node, e: e[0] + e[1]),
    **dict.fromkeys(("maximum", "minimum"), lambda passes, node, e: np.maximum(e[0], e[1])),
    "clip": lambda passes, node, e: np.maximum(np.maximum(e[0], e[1]), e[2]),
    "multiply": _times,
    "divide": _over,
    "where": _chosen,
    "reciprocal": lambda passes, node, e: _product(np.square(passes.values[node]), e[0]),
    "square": lambda passes, node, e: _product(2.0 * np.abs(passes.values[node.args[0]]), e[0]),
    **dict.fromkeys(("sum", "mean", "cumsum"), _summed),
    "matmul": _multiplied,
    **dict.fromkeys(
        ("less", "less_equal", "greater", "greater_equal", "equal", "not_equal", "and", "or", "not", "truth", "sign",
         "floor", "ceil", "round", "trunc", "heaviside", "share", "between", "tie_share", "order", "peak"),
        lambda passes, node, e: np.zeros(node.shape),
    ),
    "max": lambda passes, node, e: np.max(e[0], axis=node.params[0]),
    "min": lambda passes, node, e: np.max(e[0], axis=node.params[0]),
    "sort": lambda passes, node, e: np.broadcast_to(np.max(e[0], axis=node.params[0], keepdims=True), node.shape),
    "take": lambda passes, node, e: np.broadcast_to(np.max(e[0], initial=0.0), node.shape),
    "put": lambda passes, node, e: np.broadcast_to(np.max(e[0], initial=0.0), node.shape),
    "place": lambda passes, node, e: _apply(node, e),
    "tie_mean": lambda passes, node, e: np.broadcast_to(np.max(e[0], initial=0.0), node.shape),
    "norm": lambda passes, node, e: np.sqrt(np.sum(np.square(e[0]), axis=node.params[0])),
    "logsumexp": lambda passes, node, e: np.max(e[0], axis=node.params[0], initial=0.0),
    "softmax": lambda passes, node, e: _product(
        np.abs(passes.values[node]), 2.0 * np.max(e[0], axis=node.params[0], keepdims=True, initial=0.0)
    ),
}  # fmt: skip


# Sites ------------------------------------------------------------------------------------------------------


def _args(passes: Passes, node: Node) -> list[Array]:
    return [passes.values[arg] for arg in node.args]


def _equal(passes: Passes, node: Node) -> Array:
    a, b = _args(passes, node)[:2]
    return np.asarray(a == b) & np.isfinite(a.astype(np.float64))


def _zero(passes: Passes, node: Node) -> Array:
    return np.asarray(passes.values[node.args[0]] == 0.0)


def _tied(passes: Passes, node: Node) -> Array:
    (x,) = _args(passes, node)
    axis = node.params[0]
    return np.asarray((x == np.expand_dims(passes.values[node], axis)).sum(axis=axis) > 1)


def _bounds_met(passes: Passes, node: Node) -> Array:
    x, low, high = _args(passes, node)
    return np.asarray((x == low) | (x == high))


def _whole_number(passes: Passes, node: Node) -> Array:
    (x,) = _args(passes, node)
    there = (x == np.floor(x)) & (np.abs(x) < 2.0**53)
    return np.asarray(there & (x != 0.0) if node.op.name == "trunc" else there)


def _halfway(passes: Passes, node: Node) -> Array:
    (x,) = _args(passes, node)
    return np.asarray(np.abs(x - np.trunc(x)) == 0.5)


def _multiple(passes: Passes, node: Node) -> Array:
    x, d = _args(passes, node)
    return np.asarray((passes.values[node] == 0.0) & (d != 0.0) & ((x != 0.0) | (node.op.name == "mod")))


def _both_zero(passes: Passes, node: Node) -> Array:
    a, b = _args(passes, node)
    return np.asarray((a == 0.0) & (b == 0.0))


def _equal_neighbours(passes: Passes, node: Node) -> Array:
    y = np.moveaxis(passes.values[node], node.params[0], 0)
    there = np.zeros(y.shape, dtype=bool)
    there[1:] |= y[1:] == y[:-1]
    there[:-1] |= y[1:] == y[:-1]
    return np.moveaxis(there, 0, node.params[0])


def _repeated(passes: Passes, node: Node) -> Array:
    y = passes.values[node]
    there = np.zeros(y.shape, dtype=bool)
    close = np.abs(np.diff(y)) <= 1e-14 * np.max(np.abs(y), initial=0.0)
    there[1:] |= close
    there[:-1] |= close
    return there


def _cut(passes: Passes, node: Node) -> Array:
    y, x = _args(passes, node)
    return np.asarray((y == 0.0) & (x < 0.0))


#: Where an operation has a kink, a jump or a comparison that falls on equality.
SITES: dict[str, Callable[[Passes, Node], Array]] = {
    **dict.fromkeys(("maximum", "minimum", "less", "less_equal", "greater", "greater_equal", "equal", "not_equal"),
                    _equal),
    **dict.fromkeys(("abs", "relu", "sign", "heaviside", "truth"), _zero),
    **dict.fromkeys(("max", "min"), _tied),
    "clip": _bounds_met,
    **dict.fromkeys(("floor", "ceil", "trunc"), _whole_number),
    "round": _halfway,
    **dict.fromkeys(("mod", "fmod"), _multiple),
    "hypot": _both_zero,
    "norm": lambda passes, node: np.asarray(passes.values[node] == 0.0),
    "sort": _equal_neighbours,
    "eigvalsh": _repeated,
    "atan2": _cut,
}  # fmt: skip


def _moved_back(node: Node, i: int, flags: Array) -> Array:
    """Which elements of the i-th argument the flagged elements of `node` are: the moves, done to numbers of places."""
    start, places = 1, []
    for arg in node.args:
        places.append(np.arange(start, start + arg.size, dtype=np.float64).reshape(arg.shape))
        start += arg.size
    came_from = _apply(node, places)
    first = int(places[i].flat[0]) if places[i].size else 0
    wanted = came_from[flags] - first
    inside = wanted[(wanted >= 0) & (wanted < node.args[i].size)].astype(np.intp)
    back = np.zeros(node.args[i].size, dtype=bool)
    back[inside] = True
    return back.reshape(node.args[i].shape)
