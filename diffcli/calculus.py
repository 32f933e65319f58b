"""The seed's definitions, in code.

    vjp(f, x)(v) = J_f(x)ᵀ·v            jvp(f, x)(u) = J_f(x)·u

A gradient is the pullback of 1. A Jacobian is the pullback of every one-hot v, or the pushforward of every one-hot u.
A Hessian is the Jacobian of the gradient, and its product with u the gradient's pushforward. Everything else is built
on that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike

from diffcli.bound import (
    Array,
    Bound,
    Differentiable,
    Point,
    Value,
    Values,
    bind,
    bind_number,
    by_name,
    cotangents,
    freed,
    only_output,
    repeated,
    single,
    singles,
    tangents,
)
from diffcli.derive import adjoint, tangent
from diffcli.errors import UsageError
from diffcli.evaluation import Plan
from diffcli.graph import Function, Node
from diffcli.passes import Passes, Pull, Push

if TYPE_CHECKING:
    from diffcli.matrices import Hessian, Jacobian, Mode, SparseHessian, SparseJacobian


def evaluate(f: Differentiable, at: Point | ArrayLike) -> Values:
    """The value of every output at a point, by name."""
    bound = bind(f, at)
    plan = bound.once("values", lambda: Plan(bound.function.outputs))
    return dict(zip(bound.function.names, singles(plan.run(bound.at)), strict=True))


# One pass ---------------------------------------------------------------------------------------------------


class _Linear:
    """A derivative at the point x it was made for; `values` are f(x), `wrt` the inputs it is taken in."""

    def __init__(self, bound: Bound, passes: Passes) -> None:
        self._bound = bound
        self._passes = passes
        self.wrt = tuple(node.params[0] for node in bound.wrt)
        computed, self._kept = passes.start(bound.at)
        self.values = by_name(bound.function, computed)

    @property
    def value(self) -> Value:
        """f(x), where f has one output."""
        return self.values[only_output(self._bound.function)]

    def _swept(self, seeds: Sequence[Array]) -> list[Array]:
        return self._passes.sweep.run({**self._kept, **dict(zip(self._passes.seeds, seeds, strict=True))})


class Pullback(_Linear):
    """v ↦ J_f(x)ᵀ·v at the point x it was made for; `values` are f(x), `wrt` the inputs it gives cotangents of."""

    def __init__(self, bound: Bound) -> None:
        super().__init__(bound, bound.once("pull", lambda: Pull(bound.function, bound.wrt)))

    def __call__(self, v: Mapping[str, ArrayLike] | ArrayLike) -> Values:
        """The cotangents of the inputs, each shaped like its input. `v`: one cotangent an output, by name (those
        left out are 0), or the cotangent of the only output. From an element whose cotangent is 0 comes nothing.
        """
        function = self._bound.function
        given = cotangents(function, v)
        seeds = [given.get(i, np.zeros((*node.shape, 1))) for i, node in enumerate(function.outputs)]
        bars = self._swept(seeds)
        if not finite(bars):
            bars = looking_pass(self._bound, seeds)
        return _shaped(self.wrt, self._bound.wrt, bars)


def finite(arrays: Sequence[Array]) -> bool:
    """Whether there is no NaN and no infinity."""
    return all(np.isfinite(array).all() for array in arrays)


def looking_pull(bound: Bound) -> Pull:
    """Reverse passes in which every element that is looked at is asked for by name."""
    return bound.once("looking", lambda: Pull(bound.function, bound.wrt, looking=True))


def looking_pass(bound: Bound, seeds: Sequence[Array]) -> list[Array]:
    """One reverse pass that looks at nothing but what it is asked for: from an element whose seed is 0, or that
    nothing reads, comes nothing at all, not even 0·∞.
    """
    passes = looking_pull(bound)
    looks = [(seed != 0.0).astype(np.float64) for seed in seeds]
    given = dict(zip((*passes.seeds, *passes.looks), (*seeds, *looks), strict=True))
    return passes.sweep.run({**passes.start(bound.at)[1], **given})


def vjp(f: Differentiable, at: Point | ArrayLike, *, wrt: Sequence[str] | None = None) -> Pullback:
    """The pullback of f at x: v ↦ J_f(x)ᵀ·v."""
    return Pullback(bind(f, at, wrt))


class Pushforward(_Linear):
    """u ↦ J_f(x)·u at the point x it was made for; `values` are f(x), `wrt` the inputs it takes tangents of."""

    def __init__(self, bound: Bound) -> None:
        super().__init__(bound, bound.once("push", lambda: Push(bound.function, bound.wrt)))

    def __call__(self, u: Mapping[str, ArrayLike] | ArrayLike) -> Values:
        """The tangents of the outputs by name, each shaped like its output. `u`: a tangent an input, by name (those
        left out are 0), or a flat vector.
        """
        given = tangents(self._bound.wrt, u)
        seeds = [given.get(node, np.zeros((*node.shape, 1))) for node in self._bound.wrt]
        function = self._bound.function
        return _shaped(function.names, function.outputs, self._swept(seeds))


def linearize(f: Differentiable, at: Point | ArrayLike, *, wrt: Sequence[str] | None = None) -> Pushforward:
    """The pushforward of f at x: u ↦ J_f(x)·u. One evaluation serves any number of tangents."""
    return Pushforward(bind(f, at, wrt))


def jvp(
    f: Differentiable,
    at: Point | ArrayLike,
    tangent: Mapping[str, ArrayLike] | ArrayLike,
    *,
    wrt: Sequence[str] | None = None,
) -> Values:
    """J_f(x)·u by output, in one forward pass: how the outputs move when the inputs move along `tangent`.

    By name, only the inputs that `tangent` names move (a param too).
    """
    if wrt is None and isinstance(tangent, Mapping):
        wrt = tuple(tangent)
    return linearize(f, at, wrt=wrt)(tangent)


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
    bound = bind_number(f, at, wrt)
    function = bound.function
    (output,) = function.outputs
    if output.shape != ():
        raise UsageError(
            f"a gradient is that of one number, and {function.names[0]} has the shape {output.shape}",
            hint="use jacobian, or reduce it to a number: sum(…), norm(…)",
            code="not-scalar",
        )
    plan = bound.once("gradient", lambda: gradient_plan(output, bound.wrt))
    value, *arrays = plan.run(bound.at)
    if not finite(arrays):
        arrays = looking_pass(bound, [np.ones(1)])
    return float(value[0]), _like(at, _fresh(bound.wrt, arrays))


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


def gradient_plan(output: Node, wrt: Sequence[Node]) -> Plan:
    """A number and its cotangents of `wrt`: the pullback of 1."""
    one, zero = output.builder.constant(1.0), output.builder.constant(0.0)
    bars = adjoint([output], [one], wrt).cotangents
    return Plan([output, *(bars.get(node, zero) for node in wrt)])


def _shaped(names: Sequence[str], nodes: Sequence[Node], arrays: Sequence[Array]) -> Values:
    """Values in the shapes of `nodes`: a derivative that is one number for all elements is repeated."""
    return {name: single(repeated(array, node.shape)) for name, node, array in zip(names, nodes, arrays, strict=True)}


def _fresh(wrt: Sequence[Node], arrays: Sequence[Array]) -> Values:
    """The same by input, for arrays that nothing else will look at."""
    whole = [repeated(array, node.shape) for node, array in zip(wrt, arrays, strict=True)]
    return dict(zip([node.params[0] for node in wrt], singles(whole), strict=True))


def _like(at: Point | ArrayLike, values: Values) -> Values | Array:
    """Values by name where the point is, and as a flat vector where that is one."""
    if isinstance(at, Mapping):
        return values
    flat = [np.ravel(part) for part in values.values()]
    return np.concatenate(flat) if flat else np.zeros(0)


# All passes -------------------------------------------------------------------------------------------------


@overload
def jacobian(
    f: Differentiable,
    at: Point | ArrayLike,
    *,
    wrt: Sequence[str] | None = None,
    mode: Mode = "auto",
    sparse: Literal[False] = False,
) -> Jacobian: ...
@overload
def jacobian(
    f: Differentiable,
    at: Point | ArrayLike,
    *,
    wrt: Sequence[str] | None = None,
    mode: Mode = "auto",
    sparse: Literal[True],
) -> SparseJacobian: ...
def jacobian(
    f: Differentiable,
    at: Point | ArrayLike,
    *,
    wrt: Sequence[str] | None = None,
    mode: Mode = "auto",
    sparse: bool = False,
) -> Jacobian | SparseJacobian:
    """The Jacobian: the pullback of every one-hot v, or the pushforward of every one-hot u, all of them on the batch
    axis of one pass.

    Columns (rows) that have no row (column) in common share a pass. `mode` “auto” takes the direction with the fewer
    passes. `sparse`: by its entries, in memory that grows with them and not with m × n.
    """
    from diffcli.matrices import jacobian_of  # with all that colours a matrix, which most commands do not need

    return jacobian_of(bind(f, at, wrt), mode, sparse=sparse)


@overload
def hessian(
    f: Differentiable, at: Point | ArrayLike, *, wrt: Sequence[str] | None = None, sparse: Literal[False] = False
) -> Hessian: ...
@overload
def hessian(
    f: Differentiable, at: Point | ArrayLike, *, wrt: Sequence[str] | None = None, sparse: Literal[True]
) -> SparseHessian: ...
def hessian(
    f: Differentiable, at: Point | ArrayLike, *, wrt: Sequence[str] | None = None, sparse: bool = False
) -> Hessian | SparseHessian:
    """The Hessian of a function of one number: the pushforward of the gradient, for every one-hot u.

    Raises `UsageError` unless f has exactly one output, a number.
    """
    from diffcli.matrices import hessian_of

    return hessian_of(bind_number(f, at, wrt), sparse=sparse)


def value_grad_and_hvp(
    f: Differentiable,
    at: Point | ArrayLike,
    tangent: Mapping[str, ArrayLike] | ArrayLike,
    *,
    wrt: Sequence[str] | None = None,
) -> tuple[float, Values, Values]:
    """f(x), its gradient and H_f(x)·u, by input, in one pass forward over one in reverse."""
    from diffcli.matrices import gradient_function

    bound = bind_number(f, at, freed(f, tangent, wrt))
    gradient = gradient_function(bound)
    given = tangents(bound.wrt, tangent)
    moved = [node for node in bound.wrt if node in given]
    key = f"hvp:{','.join(node.params[0] for node in moved)}"
    passes = bound.once(key, lambda: _Along(bound.function, gradient, moved))
    seeds = dict(zip(passes.seeds, (given[node] for node in moved), strict=True))
    value, *found = passes.plan.run({**bound.at, **seeds})
    if not finite(found):
        looking = gradient_function(bound, looking=True)
        passes = bound.once(f"looking:{key}", lambda: _Along(bound.function, looking, moved))
        value, *found = passes.plan.run({**bound.at, **seeds})
    count = len(bound.wrt)
    return float(value[0]), _fresh(bound.wrt, found[:count]), _fresh(bound.wrt, found[count:])


class _Along:
    """One plan for f, its gradient, and the gradient's pushforward."""

    def __init__(self, function: Function, gradient: Function, moved: Sequence[Node]) -> None:
        builder = function.builder
        self.seeds = [builder.input(f"u:{node.params[0]}", node.shape) for node in moved]
        dots = tangent(gradient.outputs, dict(zip(moved, self.seeds, strict=True)))
        zero = builder.constant(0.0)
        products = [zero if dot is None else dot for dot in dots]
        self.plan = Plan([*function.outputs, *gradient.outputs, *products])


@overload
def hvp(
    f: Differentiable, at: Point, tangent: Mapping[str, ArrayLike] | ArrayLike, *, wrt: Sequence[str] | None = None
) -> Values: ...
@overload
def hvp(
    f: Differentiable, at: ArrayLike, tangent: Mapping[str, ArrayLike] | ArrayLike, *, wrt: Sequence[str] | None = None
) -> Array: ...
def hvp(f: Differentiable, at: Any, tangent: Any, *, wrt: Sequence[str] | None = None) -> Any:
    """H_f(x)·u: the gradient's pushforward (forward over reverse). The Hessian is never formed.

    By name at a point by name, inputs that `tangent` leaves out do not move, and a param that it names does; at a flat
    vector a flat vector, as ``scipy.optimize.minimize(…, hessp=…)`` wants it.
    """
    return _like(at, value_grad_and_hvp(f, at, tangent, wrt=wrt)[2])
