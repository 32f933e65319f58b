"""Both passes at one point with nothing thrown away, and the cheap question: is anything here suspicious?

The test is the running rounding-error bound. Every operation hands on the errors of its arguments, multiplied by
how much it changes when they do, and adds half a unit of its own; so Σ|path products|·ε is at hand for values and
derivatives alike. Ordinary points end here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from diffcli.derive import adjoint, tangent
from diffcli.graph import CONSTANT, INPUT, Function, Node, ancestors

Array: TypeAlias = NDArray[Any]

EPS = 2.0**-53
#: Relative error from which on a number counts as wrong: 9,000 halves of a unit of the last place.
TOLERANCE = 1e-12
#: The same, where the inputs' own last places change the number as much.
EXCUSABLE = 1e-9
#: From so many derivatives on, one is only doubted if its error matters beside the largest.
CROWD = 100
#: From so many operations on, those on single numbers are looked at all together.
MANY = 500
SMALLEST_NORMAL = 2.0**-1022
#: What rounding into the subnormal range may cost, in units of EPS.
SUBNORMAL_ERROR = 2.0**-1074 / EPS


class Derived(NamedTuple):
    """Derivatives as nodes of the same graph: `nodes` belong to the command's answer, `seeds` are given.

    `owners` says which operation's derivative rule a node was made by; `also` are nodes of the answer on the way.
    """

    nodes: tuple[Node, ...]
    seeds: tuple[Node, ...] = ()
    owners: Mapping[Node, Node] = MappingProxyType({})
    also: tuple[Node, ...] = ()


def reverse(function: Function, wrt: Sequence[Node], name: str = "v") -> Derived:
    """The cotangents of `wrt` for a free cotangent of every output."""
    builder = function.builder
    seeds = tuple(builder.input(f"{name}:{i}", output.shape) for i, output in enumerate(function.outputs))
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
    """Every value that the outputs and the derivatives go through: at one point, for one seed or a batch of them.

    Arrays have the shapes of their nodes and the batch on the last axis, 1 for what no seed reaches.
    """

    def __init__(
        self, function: Function, derived: Derived, at: Mapping[Node, Array], seeds: Sequence[Array] = ()
    ) -> None:
        self.function = function
        self.derived = derived
        given = {**at, **dict(zip(derived.seeds, seeds, strict=True))}
        self.order = ancestors([*function.outputs, *derived.nodes, *derived.also])
        self.forward = set(ancestors(function.outputs))
        values: dict[Node, Array] = {}
        with np.errstate(all="ignore"):
            for node in self.order:
                if node.op is INPUT:
                    values[node] = given[node]
                elif node.op is CONSTANT:
                    values[node] = node.params[0][..., np.newaxis]
                else:
                    values[node] = node.op.apply(*[values[arg] for arg in node.args], *node.params)
        self.values = values
        self.batch = max((value.shape[-1] for value in values.values()), default=1)
        #: The error bound, in units of EPS, up to which a result is not doubted. The bound adds up every rounding at
        #: its worst: a long sum is better than that.
        self.trusted = TOLERANCE / EPS + len(self.order)
        self._errors: dict[Node, Any] | None = None
        self._doubted: Array | None = None

    def column(self, b: int) -> Passes:
        """The passes of one seed of the batch."""
        if self.batch == 1:
            return self
        one = object.__new__(Passes)
        one.__dict__.update(self.__dict__)
        one.values = {n: v if v.shape[-1] == 1 else v[..., b : b + 1] for n, v in self.values.items()}
        one.batch = 1
        one._errors = one._doubted = None
        return one

    # What was looked at ..................................................................................

    def looked_at(self) -> dict[Node, Array]:
        """For every node, which of its elements the results look at: an untaken branch is not. For one seed."""
        used = {node: np.zeros((*node.shape, 1), dtype=bool) for node in self.order}
        for node in self.results():
            used[node][...] = True
        conditions = self._conditions()
        for node in reversed(self.order):
            here = used[node]
            if not here.any():
                continue
            moved = _moved_back(node, here) if node.op.name in MOVES else None
            for i, arg in enumerate(node.args):
                chosen = conditions.get((node, i))
                if chosen is not None:
                    used[arg] |= (here if node.op.kind == "elementwise" else here.any()) & chosen
                elif node.op.kind == "elementwise":
                    used[arg] |= here
                elif moved is not None:
                    used[arg] |= moved[i]
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
                if node in known:
                    continue
                if node.op is CONSTANT:
                    known[node] = node.params[0][..., np.newaxis]
                else:
                    known[node] = node.op.apply(*[known[arg] for arg in node.args], *node.params)
        return {key: known[node].astype(bool) for key, node in wanted.items()}

    # Suspicion ...........................................................................................

    def suspicious(self) -> list[int]:
        """The seeds of the batch for which something asks for a closer look: a number that is not finite, a kink's
        point, a large error bound.
        """
        odd = np.zeros(self.batch, dtype=bool)
        single = self._single_numbers()
        if single is not None:
            odd |= not all(map(math.isfinite, single.values()))
        for node in self.order:
            if (single is None or node not in single) and not node.boolean:
                odd |= _any(~np.isfinite(self.values[node]))
            if self.derived.nodes and node.op.name in SITES and node in self.forward:
                odd |= _any(self.at_site(node))
        if not odd.all():
            errors = self.errors()
            dwarfed = self._dwarfed()
            for node in self.results():
                flags = self.relative(node, errors) > self.trusted
                if dwarfed and node in self.derived.nodes:
                    # Among many derivatives some cross 0 by chance; they are judged by the largest.
                    size = np.abs(self.values[node])
                    with np.errstate(all="ignore"):
                        flags &= ~(errors[node] * EPS <= np.maximum(EXCUSABLE * size, 64 * EPS * dwarfed))
                odd |= _any(flags)
        return [int(b) for b in np.flatnonzero(odd)]

    def _dwarfed(self) -> float:
        """The largest derivative, where there are many; else 0."""
        if sum(node.size for node in self.derived.nodes) < CROWD:
            return 0.0
        return max(float(np.max(np.abs(self.values[node]), initial=0.0)) for node in self.derived.nodes)

    def results(self) -> list[Node]:
        """The outputs and the derivatives."""
        return [*self.function.outputs, *self.derived.nodes, *self.derived.also]

    def relative(self, node: Node, errors: Mapping[Node, Any]) -> Array:
        """The error bound of a node's elements in units of their last place."""
        value = np.abs(self.values[node].astype(np.float64))
        with np.errstate(all="ignore"):
            # Nothing below the smallest subnormal can be asked of a double.
            excess = np.maximum(errors[node] - 4 * SUBNORMAL_ERROR, 0.0)
            ulps = np.where(excess == 0.0, 0.0, excess / value)
        return np.where(np.isnan(ulps), np.inf, ulps)

    def doubted(self) -> Array:
        """Of every element of the derivatives, in order, whether its error bound is large; for one seed."""
        if self._doubted is None:
            errors = self.errors()
            rows = [np.ravel(self.relative(node, errors) > self.trusted) for node in self.derived.nodes]
            self._doubted = np.concatenate(rows) if rows else np.zeros(0, dtype=bool)
        return self._doubted

    def at_site(self, node: Node) -> Array:
        """Which elements of a node with a kink, a jump or a comparison stand exactly at it."""
        with np.errstate(all="ignore"):
            there: Array = np.asarray(SITES[node.op.name](self, node))
        return there

    def errors(self) -> dict[Node, Any]:
        """A bound on the error of every node's elements, to first order, in units of EPS: absolute, not relative."""
        if self._errors is None:
            with np.errstate(all="ignore"):
                self._errors = self._bounds()
        return self._errors

    def _bounds(self) -> dict[Node, Any]:
        errors: dict[Node, Any] = {}
        numbers = self._single_numbers()
        slopes = {} if numbers is None else self._slopes(numbers)
        for node in self.order:
            if not node.args or node.boolean:
                errors[node] = 0.0
                continue
            known = slopes.get(node)
            if known is not None:
                error = known[0]
                for slope, arg in zip(known[1], node.args, strict=True):
                    handed = errors[arg]
                    if handed:
                        error += slope * handed
                errors[node] = error
                continue
            value = self.values[node]
            mine = [np.broadcast_to(errors[arg], self.values[arg].shape) for arg in node.args]
            name = node.op.name
            if name in MOVES:
                errors[node] = node.op.apply(*mine, *node.params)
                continue
            args = [self.values[arg] for arg in node.args]
            rule = _PROPAGATES.get(name)
            if rule is not None:
                handed = rule(self, node, mine)
            elif node.op.kind == "elementwise":
                handed = _perturbed(node, args, mine, value)
            else:
                handed = _whole(node, args, mine, value)
            errors[node] = handed if name in _ROUNDLESS else handed + _own(node, args, value)
        return errors

    # Long graphs of single numbers ........................................................................

    def _single_numbers(self) -> dict[Node, float] | None:
        """The values of all nodes that are one number, if they are many and there is one seed."""
        if self.batch > 1 or len(self.order) < MANY:
            return None
        alone = [node for node in self.order if node.shape == () and not node.boolean]
        return dict(zip(alone, np.concatenate([self.values[node] for node in alone]).tolist(), strict=True))

    def _slopes(self, numbers: Mapping[Node, float]) -> dict[Node, tuple[float, tuple[float, ...]]]:
        """Of every elementwise operation on single numbers its own rounding error and how it hands on those of its
        arguments: all uses of one operation at a time.
        """
        uses: dict[tuple[Any, ...], list[Node]] = {}
        for node in numbers:
            if node.args and node.op.kind == "elementwise":
                uses.setdefault((node.op, node.params), []).append(node)
        found: dict[Node, tuple[float, tuple[float, ...]]] = {}
        for (op, _), nodes in uses.items():
            value = np.concatenate([self.values[node] for node in nodes])
            args = [np.concatenate([self.values[node.args[i]] for node in nodes]) for i in range(len(nodes[0].args))]
            slopes = []
            for i, x in enumerate(args):
                if x.dtype == bool:
                    slopes.append(np.zeros(len(nodes)))
                    continue
                unit = [np.zeros(len(nodes)) for _ in args]
                unit[i] = np.ones(len(nodes))
                slopes.append(_handed(op, nodes[0].params, args, unit, value))
            own = np.zeros(len(nodes)) if op.name in _ROUNDLESS else _own(nodes[0], args, value)
            rows = zip(*(slope.tolist() for slope in slopes), strict=True)
            found.update(zip(nodes, zip(own.tolist(), rows, strict=True), strict=True))
        return found


def _handed(op: Any, params: tuple[Any, ...], args: list[Array], errors: list[Array], value: Array) -> Array:
    """What errors of 1 in one of the arguments of many single operations come to."""
    name = op.name
    if name in ("add", "subtract", "negate", "abs", "within", "relu", "stop", "number", "maximum", "minimum", "clip"):
        summed: Array = np.add.reduce(errors)
        return summed
    if name in _LOCALLY_CONSTANT:
        return np.zeros(value.shape)
    if name == "where":
        return np.where(args[0], errors[1], errors[2])
    if name == "multiply":
        return np.where(errors[0] > 0.0, np.abs(args[1]), np.abs(args[0]))
    if name == "square":
        return np.multiply(2.0, np.abs(args[0]))
    for i, error in enumerate(errors):
        if error.any():
            x = args[i]
            step = np.where(x == 0.0, 2.0**-60, np.abs(x)) * NUDGE
            up = op.apply(*args[:i], x + step, *args[i + 1 :], *params)
            down = op.apply(*args[:i], x - step, *args[i + 1 :], *params)
            slope: Array = np.fmax(np.abs(up - value), np.abs(down - value)) / step
            return slope
    return np.zeros(value.shape)


def _any(flags: Array) -> Array:
    """Whether any element is flagged, by seed."""
    return np.asarray(flags.any(axis=tuple(range(flags.ndim - 1))))


def _own(node: Node, args: list[Array], value: Array) -> Array:
    """What one rounding costs: half a unit in the last place, or of the subnormal range."""
    size: Array = np.abs(value)
    low = size < SMALLEST_NORMAL
    if low.any() and node.op.name not in ("add", "subtract"):
        return np.where(low & _not_exactly_zero(node, args, value.shape), size + SUBNORMAL_ERROR, size)
    return size


def _not_exactly_zero(node: Node, args: list[Array], shape: tuple[int, ...]) -> Array:
    """Where a result of 0 is not that of an argument of 0."""
    if node.op.kind != "elementwise":
        return np.ones(shape, dtype=bool)
    zero = np.zeros(shape, dtype=bool)
    for k, arg in enumerate(args):
        if not (node.op.name == "divide" and k == 1):
            zero |= arg == 0
    return ~zero


#: Relative size of the change that shows how an operation hands on an error.
NUDGE = 2.0**-20


def _perturbed(node: Node, args: list[Array], errors: list[Array], value: Array) -> Array:
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


def _whole(node: Node, args: list[Array], errors: list[Array], value: Array) -> Array:
    """For operations on whole arrays: all arguments moved by their errors, in a few patterns of signs."""
    size = max((float(np.max(error)) for error in errors if error.size), default=0.0)
    if size == 0.0:
        return np.zeros(value.shape)
    if not math.isfinite(size):
        return np.full(value.shape, np.inf)
    largest = max((float(np.max(np.abs(x))) for x in args if x.size), default=1.0) or 1.0
    step = largest * NUDGE / size
    total = np.zeros(value.shape)
    for pattern in range(4):
        moved = []
        for x, error in zip(args, errors, strict=True):
            signs = np.where((np.arange(x.size) >> pattern) % 2, -1.0, 1.0).reshape(x.shape)
            moved.append(x + signs * error * step)
        total = np.fmax(total, np.abs(node.op.apply(*moved, *node.params) - value) / step)
    return total


#: What moves numbers or takes one of them as it is.
MOVES = frozenset({"broadcast", "reshape", "transpose", "index", "concat", "stack", "diagonal", "diagonal_matrix"})
_LOCALLY_CONSTANT = frozenset({
    "less", "less_equal", "greater", "greater_equal", "equal", "not_equal", "and", "or", "not", "truth", "sign",
    "floor", "ceil", "round", "trunc", "heaviside", "share", "between", "tie_share", "order", "peak",
})  # fmt: skip
_ROUNDLESS = MOVES | _LOCALLY_CONSTANT | {
    "negate", "abs", "maximum", "minimum", "where", "relu", "clip", "within", "stop", "number", "max", "min", "sort",
    "take", "put",
}  # fmt: skip

_Rule: TypeAlias = Callable[[Passes, Node, list[Array]], Array]


def _one(passes: Passes, node: Node, e: list[Array]) -> Array:
    return e[0]


def _times(passes: Passes, node: Node, e: list[Array]) -> Array:
    a, b = (passes.values[arg] for arg in node.args)
    return _product(np.abs(b), e[0]) + _product(np.abs(a), e[1])


def _product(a: Array, b: Array) -> Array:
    return np.where((a == 0.0) | (b == 0.0), 0.0, a * b)


def _over(passes: Passes, node: Node, e: list[Array]) -> Array:
    b = np.abs(passes.values[node.args[1]])
    y = np.abs(passes.values[node])
    return _product(1.0 / b, e[0]) + _product(y / b, e[1])


def _chosen(passes: Passes, node: Node, e: list[Array]) -> Array:
    return np.where(passes.values[node.args[0]], e[1], e[2])


def _summed(passes: Passes, node: Node, e: list[Array]) -> Array:
    # Adding by halves rounds log₂ n times, each partial sum at most Σ|x|.
    depth = max(1.0, math.log2(max(node.args[0].size, 1)))
    bound: Array = node.op.apply(e[0] + (depth - 1.0) * np.abs(passes.values[node.args[0]]), *node.params)
    return bound


def _multiplied(passes: Passes, node: Node, e: list[Array]) -> Array:
    a, b = (np.abs(passes.values[arg]) for arg in node.args)
    depth = max(1.0, math.log2(max(node.args[0].shape[-1], 1)))
    bound: Array = node.op.apply(e[0] + depth * a, b) + node.op.apply(a, e[1])
    return bound


def _mixed(passes: Passes, node: Node, e: list[Array]) -> Array:
    """For what mixes the elements of one array: no error grows."""
    return np.full(passes.values[node].shape, np.max(e[0], initial=0.0))


def _largest(passes: Passes, node: Node, e: list[Array]) -> Array:
    bound: Array = np.max(e[0], axis=node.params[0])
    return bound


_PROPAGATES: dict[str, _Rule] = {
    **dict.fromkeys(("negate", "abs", "within", "relu", "stop", "number"), _one),
    **dict.fromkeys(("add", "subtract"), lambda passes, node, e: e[0] + e[1]),
    **dict.fromkeys(("maximum", "minimum"), lambda passes, node, e: np.maximum(e[0], e[1])),
    **dict.fromkeys(_LOCALLY_CONSTANT, lambda passes, node, e: np.zeros((*node.shape, 1))),
    **dict.fromkeys(("sum", "mean", "cumsum"), _summed),
    **dict.fromkeys(("sort", "take", "put", "tie_mean"), _mixed),
    **dict.fromkeys(("max", "min", "logsumexp"), _largest),
    "clip": lambda passes, node, e: np.maximum(np.maximum(e[0], e[1]), e[2]),
    "multiply": _times,
    "divide": _over,
    "where": _chosen,
    "reciprocal": lambda passes, node, e: _product(np.square(passes.values[node]), e[0]),
    "square": lambda passes, node, e: _product(2.0 * np.abs(passes.values[node.args[0]]), e[0]),
    "matmul": _multiplied,
    "place": lambda passes, node, e: node.op.apply(*e, *node.params),
    "norm": lambda passes, node, e: np.sqrt(np.sum(np.square(e[0]), axis=node.params[0])),
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
    close = np.abs(np.diff(y, axis=0)) <= 1e-14 * np.max(np.abs(y), axis=0, initial=0.0)
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


def _moved_back(node: Node, flags: Array) -> list[Array]:
    """Which elements of each argument the flagged elements of `node` are: the moves, done to numbers of places."""
    ends = np.cumsum([1, *(arg.size for arg in node.args)])  # place 0 is nobody's: a zero that was filled in
    places = [
        np.arange(start, start + arg.size, dtype=np.float64).reshape((*arg.shape, 1))
        for start, arg in zip(ends, node.args, strict=False)
    ]
    back = np.zeros(ends[-1], dtype=bool)
    back[node.op.apply(*places, *node.params)[flags].astype(np.intp)] = True
    return [
        back[start : start + arg.size].reshape((*arg.shape, 1)) for start, arg in zip(ends, node.args, strict=False)
    ]
