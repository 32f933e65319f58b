"""The seed's definitions, in code.

    vjp(f, x)(v) = J_f(x)ᵀ·v

A gradient is the pullback of 1. A Jacobian is the pullback of every one-hot v. Everything else is built on that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffcli.derive import active, adjoint
from diffcli.errors import UsageError
from diffcli.evaluation import Plan, lift
from diffcli.graph import Function, Node, Shape, ancestors

_T = TypeVar("_T")
Array: TypeAlias = NDArray[np.float64]
Value: TypeAlias = float | Array
Values: TypeAlias = dict[str, Value]
Point: TypeAlias = Mapping[str, ArrayLike]

#: How many numbers a sweep may hold at once before the Jacobian's rows are done in chunks.
CHUNK_NUMBERS = 1 << 24


class Differentiable(Protocol):
    """What can be differentiated: something with named inputs, that is a graph once their shapes are known."""

    @property
    def inputs(self) -> tuple[str, ...]: ...
    @property
    def params(self) -> tuple[str, ...]: ...
    def resolve(self, at: Point) -> dict[str, Array]: ...
    def bind(self, shapes: Mapping[str, Shape]) -> Function: ...


# The point --------------------------------------------------------------------------------------------------


def _place(f: Differentiable, at: Point | ArrayLike) -> dict[str, Array]:
    """The point by name; a flat vector fills the inputs in order."""
    if isinstance(at, Mapping):
        return f.resolve(at)
    free = [name for name in f.inputs if name not in f.params]
    vector = np.asarray(at, dtype=np.float64)
    if len(free) == 1:
        return f.resolve({free[0]: vector})
    if vector.shape != (len(free),):
        raise UsageError(
            f"a point as a plain vector needs {len(free)} numbers, one for each of {', '.join(free)}; "
            f"this one has the shape {vector.shape}",
            hint="give the point by name: {'x': …, 'y': …}",
            code="point",
        )
    return f.resolve(dict(zip(free, vector, strict=True)))


def _wrt(f: Differentiable, point: Mapping[str, Array], wrt: Sequence[str] | None) -> tuple[str, ...]:
    """The inputs to differentiate in, in order: those that are named, or all that are not held."""
    if wrt is None:
        return tuple(name for name in point if name not in f.params)
    for i, name in enumerate(wrt):
        if name not in point:
            raise UsageError(
                f"cannot differentiate in {name}: it is no variable of the formula",
                hint=f"its variables are {', '.join(point) or 'none'}",
                code="unknown-variable",
            )
        if name in wrt[:i]:
            raise UsageError(f"{name} is named twice in --wrt", code="usage")
    return tuple(wrt)


@dataclass(frozen=True, slots=True)
class Bound:
    """A function at a point, to be differentiated in some of its inputs."""

    function: Function
    at: dict[Node, Array]  # batch axis last
    wrt: tuple[Node, ...]

    def once(self, what: str, make: Callable[[], _T]) -> _T:
        """What `make` makes of this function and these inputs, made once for all points."""
        key = (what, self.wrt)
        if key not in self.function.derived:
            self.function.derived[key] = make()
        made: _T = self.function.derived[key]
        return made


def bind(f: Differentiable, at: Point | ArrayLike, wrt: Sequence[str] | None = None) -> Bound:
    point = _place(f, at)
    names = _wrt(f, point, wrt)
    function = f.bind({name: value.shape for name, value in point.items()})
    by_name = dict(zip(function.input_names, function.inputs, strict=True))
    return Bound(
        function,
        {by_name[name]: lift(value) for name, value in point.items()},
        tuple(by_name[name] for name in names),
    )


def single(array: Array) -> Value:
    """The value of a batch of one: a number, or an array."""
    value = array[..., 0]
    return float(value) if value.ndim == 0 else np.array(value)


def _values(function: Function, arrays: Sequence[Array]) -> Values:
    return {name: single(array) for name, array in zip(function.names, arrays, strict=True)}


def evaluate(f: Differentiable, at: Point | ArrayLike) -> Values:
    """The value of every output at a point, by name."""
    bound = bind(f, at)
    plan = bound.once("values", lambda: Plan(bound.function.outputs))
    return _values(bound.function, plan.run(bound.at))


# One pass ---------------------------------------------------------------------------------------------------


class _Reverse:
    """The two passes of a function, with a free cotangent (a seed) for every output.

    The forward pass computes the outputs and keeps the residuals, the intermediate values that the backward pass
    looks at; the backward pass takes them and the seeds to the cotangents of the inputs.
    """

    def __init__(self, function: Function, wrt: tuple[Node, ...]) -> None:
        builder = function.builder
        self.seeds = [builder.input(f"v:{i}", output.shape) for i, output in enumerate(function.outputs)]
        sweep = adjoint(function.outputs, self.seeds, wrt)
        zero = builder.constant(0.0)
        bars = [sweep.cotangents.get(node, zero) for node in wrt]
        seeded = set(active(bars, self.seeds))
        self.residuals = [node for node in ancestors(bars) if node not in seeded]
        self.forward = Plan([*function.outputs, *self.residuals])
        self.backward = Plan(bars, given=self.residuals)


class Pullback:
    """v ↦ J_f(x)ᵀ·v at the point x it was made for; `values` are f(x), `wrt` the inputs it gives cotangents of."""

    def __init__(self, bound: Bound) -> None:
        self._bound = bound
        function = bound.function
        self.wrt = tuple(node.params[0] for node in bound.wrt)
        self._passes = bound.once("reverse", lambda: _Reverse(function, bound.wrt))
        computed = self._passes.forward.run(bound.at)
        count = len(function.outputs)
        self._kept = dict(zip(self._passes.residuals, computed[count:], strict=True))
        self.values = _values(function, computed[:count])

    @property
    def value(self) -> Value:
        """f(x), where f has one output."""
        return self.values[_only_output(self._bound.function)]

    def __call__(self, v: Mapping[str, ArrayLike] | ArrayLike) -> Values:
        """The cotangents of the inputs, each shaped like its input. `v`: one cotangent an output, by name (those
        left out are 0), or the cotangent of the only output.
        """
        return {
            name: single(bar)
            for name, bar in zip(self.wrt, self._batch(cotangents(self._bound.function, v)), strict=True)
        }

    def _batch(self, seeds: Mapping[int, Array]) -> list[Array]:
        """Cotangents of the inputs for seeds with the batch on the last axis, by the outputs' positions."""
        given = {seed: seeds.get(i, np.zeros((*seed.shape, 1))) for i, seed in enumerate(self._passes.seeds)}
        bars = self._passes.backward.run({**self._kept, **given})
        return [
            np.broadcast_to(bar, (*node.shape, bar.shape[-1])) for node, bar in zip(self._bound.wrt, bars, strict=True)
        ]


def _only_output(function: Function) -> str:
    if len(function.outputs) != 1:
        raise UsageError(
            f"the formula has {len(function.outputs)} outputs: {', '.join(function.names)}",
            hint="name one of them in a `return`, or use jacobian",
            code="not-scalar",
        )
    return function.names[0]


def cotangents(function: Function, v: Mapping[str, ArrayLike] | ArrayLike) -> dict[int, Array]:
    """The seeds of a reverse pass, by the outputs' positions."""
    named = v if isinstance(v, Mapping) else {_only_output(function): v}
    seeds: dict[int, Array] = {}
    for name, value in named.items():
        if name not in function.names:
            raise UsageError(
                f"the formula has no output {name}",
                hint=f"its outputs are {', '.join(function.names)}",
                code="unknown-output",
            )
        i = function.names.index(name)
        shape = function.outputs[i].shape
        array = np.asarray(value, dtype=np.float64)
        if array.shape not in (shape, ()):
            raise UsageError(
                f"the cotangent of {name} must have its shape {shape}, not {array.shape}", code="cotangent-shape"
            )
        seeds[i] = lift(np.broadcast_to(array, shape))
    return seeds


def vjp(f: Differentiable, at: Point | ArrayLike, *, wrt: Sequence[str] | None = None) -> Pullback:
    """The pullback of f at x: v ↦ J_f(x)ᵀ·v."""
    return Pullback(bind(f, at, wrt))


@overload
def value_and_grad(
    f: Differentiable, at: None = None, *, wrt: Sequence[str] | None = None
) -> Callable[[ArrayLike], tuple[float, Array]]: ...
@overload
def value_and_grad(f: Differentiable, at: Point, *, wrt: Sequence[str] | None = None) -> tuple[float, Values]: ...
@overload
def value_and_grad(f: Differentiable, at: ArrayLike, *, wrt: Sequence[str] | None = None) -> tuple[float, Array]: ...
def value_and_grad(f: Differentiable, at: Any = None, *, wrt: Sequence[str] | None = None) -> Any:
    """f(x) and its gradient, from one reverse pass: the pullback of 1.

    At a point by name the gradient comes by name, each part shaped like its input; at a flat vector it is a flat
    vector. Without a point: the function of the point, as ``scipy.optimize.minimize(…, jac=True)`` wants it.
    Raises `UsageError` unless f has exactly one output, a number.
    """
    if at is None:
        return lambda x: value_and_grad(f, x, wrt=wrt)
    bound = bind(f, at, wrt)
    function = bound.function
    _only_output(function)
    (output,) = function.outputs
    if output.shape != ():
        raise UsageError(
            f"a gradient is that of one number, and {function.names[0]} has the shape {output.shape}",
            hint="use jacobian, or reduce it to a number: sum(…), norm(…)",
            code="not-scalar",
        )
    plan = bound.once("gradient", lambda: _gradient_plan(output, bound.wrt))
    value, *arrays = plan.run(bound.at)
    gradient = {
        node.params[0]: single(np.broadcast_to(array, (*node.shape, 1)))
        for node, array in zip(bound.wrt, arrays, strict=True)
    }
    if isinstance(at, Mapping):
        return float(value[0]), gradient
    flat = [np.ravel(part) for part in gradient.values()]
    return float(value[0]), np.concatenate(flat) if flat else np.zeros(0)


@overload
def grad(f: Differentiable, at: None = None, *, wrt: Sequence[str] | None = None) -> Callable[[ArrayLike], Array]: ...
@overload
def grad(f: Differentiable, at: Point, *, wrt: Sequence[str] | None = None) -> Values: ...
@overload
def grad(f: Differentiable, at: ArrayLike, *, wrt: Sequence[str] | None = None) -> Array: ...
def grad(f: Differentiable, at: Any = None, *, wrt: Sequence[str] | None = None) -> Any:
    """The gradient alone; see `value_and_grad`."""
    if at is None:
        return lambda x: grad(f, x, wrt=wrt)
    return value_and_grad(f, at, wrt=wrt)[1]


def _gradient_plan(output: Node, wrt: Sequence[Node]) -> Plan:
    one, zero = output.builder.constant(1.0), output.builder.constant(0.0)
    bars = adjoint([output], [one], wrt).cotangents
    return Plan([output, *(bars.get(node, zero) for node in wrt)])


# All rows ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Jacobian:
    """∂outputs/∂inputs at a point: `matrix` (m, n) with a label for every row and column."""

    matrix: Array
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: Values
    mode: str
    passes: int

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """The matrix, so that NumPy and SciPy take a Jacobian as one."""
        return np.array(self.matrix, dtype=dtype, copy=copy)


def labels(name: str, shape: Shape) -> Iterator[str]:
    """What the elements of a value are called, row by row: ``r``, ``w[0]``, ``A[1,2]``."""
    if shape == ():
        yield name
    else:
        for position in np.ndindex(*shape):
            yield f"{name}[{','.join(map(str, position))}]"


def jacobian(f: Differentiable, at: Point | ArrayLike, *, wrt: Sequence[str] | None = None) -> Jacobian:
    """The Jacobian: the pullback of every one-hot v, all of them on the batch axis of one adjoint."""
    bound = bind(f, at, wrt)
    function = bound.function
    pullback = Pullback(bound)
    sizes = [output.size for output in function.outputs]
    m, n = sum(sizes), sum(node.size for node in bound.wrt)
    matrix = np.empty((m, n))
    chunk = max(1, CHUNK_NUMBERS // max(1, sum(node.size for node in pullback._passes.backward.order)))
    starts = np.cumsum([0, *sizes])
    for first in range(0, m, chunk):
        batch = min(chunk, m - first)
        seeds = {}
        for i, output in enumerate(function.outputs):
            one_hot = np.zeros((sizes[i], batch))
            rows = np.arange(max(first, starts[i]), min(first + batch, starts[i + 1]))
            one_hot[rows - starts[i], rows - first] = 1.0
            seeds[i] = one_hot.reshape((*output.shape, batch))
        bars = pullback._batch(seeds)
        column = 0
        for node, bar in zip(bound.wrt, bars, strict=True):
            whole = np.broadcast_to(bar, (*node.shape, batch)).reshape(node.size, batch)
            matrix[first : first + batch, column : column + node.size] = whole.T
            column += node.size
    return Jacobian(
        matrix=matrix,
        rows=tuple(
            label
            for name, out in zip(function.names, function.outputs, strict=True)
            for label in labels(name, out.shape)
        ),
        columns=tuple(label for node in bound.wrt for label in labels(node.params[0], node.shape)),
        values=pullback.values,
        mode="reverse",
        passes=m,
    )
