"""A function at a point: what every derivative starts from, and the names and shapes that people give it by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffcli.collector import resting
from diffcli.doubles import numbers
from diffcli.errors import UsageError
from diffcli.evaluation import lift
from diffcli.graph import Function, Node, Shape

_T = TypeVar("_T")
Array: TypeAlias = NDArray[np.float64]
Value: TypeAlias = float | Array
Values: TypeAlias = dict[str, Value]
Point: TypeAlias = Mapping[str, ArrayLike]


class Differentiable(Protocol):
    """What can be differentiated: something with named inputs, that is a graph once their shapes are known."""

    @property
    def inputs(self) -> tuple[str, ...]: ...
    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def params(self) -> tuple[str, ...]: ...
    @property
    def outputs(self) -> tuple[str, ...]: ...
    def resolve(self, at: Point) -> dict[str, Array]: ...
    def bind(self, shapes: Mapping[str, Shape]) -> Function: ...


# The point --------------------------------------------------------------------------------------------------


def _place(f: Differentiable, at: Point | ArrayLike) -> dict[str, Array]:
    """The point by name; a flat vector fills the inputs in order."""
    if isinstance(at, Mapping):
        return f.resolve(at)
    free = [name for name in f.inputs if name not in f.params]
    vector = numbers(at, "the point", "value")
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


def freed(f: Differentiable, u: object, wrt: Sequence[str] | None) -> Sequence[str] | None:
    """What to differentiate in along the tangent `u`: a param that it names moves, as one that `wrt` names does."""
    if wrt is not None or not isinstance(u, Mapping) or set(f.params).isdisjoint(u):
        return wrt
    return tuple(name for name in f.inputs if name not in f.params or name in u)


def _wrt(f: Differentiable, point: Mapping[str, Array], wrt: Sequence[str] | None) -> tuple[str, ...]:
    """The inputs to differentiate in, in order: those that are named, or all that are not held."""
    if wrt is None:
        return tuple(name for name in point if name not in f.params)
    if isinstance(wrt, str):  # one name, and not its letters
        wrt = (wrt,)
    if not isinstance(wrt, Iterable):
        raise UsageError(f"{wrt!r} names no inputs to differentiate in", hint="give a list of names: ['x', 'y']")
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
            with resting():
                self.function.derived[key] = make()
        made: _T = self.function.derived[key]
        return made


def refuse_text(f: object) -> None:
    """Raises `UsageError` where the formula is the text of one."""
    if isinstance(f, str):
        raise UsageError("the formula is a text, which nobody has parsed", hint=f"write diffcli.parse({f!r})")


def bind(f: Differentiable, at: Point | ArrayLike, wrt: Sequence[str] | None = None) -> Bound:
    refuse_text(f)
    point = _place(f, at)
    names = _wrt(f, point, wrt)
    function = f.bind({name: value.shape for name, value in point.items()})
    by_name = dict(zip(function.input_names, function.inputs, strict=True))
    return Bound(
        function,
        {by_name[name]: lift(value) for name, value in point.items()},
        tuple(by_name[name] for name in names),
    )


def bind_number(f: Differentiable, at: Point | ArrayLike, wrt: Sequence[str] | None = None) -> Bound:
    """The same for one output that is to be a number; a vector of one number may then stand for that number.

    Optimisers hand over vectors whatever the formula is written for, so ``(x-1)^2`` takes [3] as x = 3.
    """
    bound = bind(f, at, wrt)
    only_output(bound.function)
    if bound.function.outputs[0].shape == (1,) and not isinstance(at, Mapping) and np.shape(at) == (1,):
        return bind(f, np.reshape(np.asarray(at), ()), wrt)
    return bound


def single(array: Array) -> Value:
    """The value of a batch of one: a number, or an array."""
    if array.ndim == 1:
        return float(array[0])
    return np.array(array[..., 0])


def singles(arrays: Sequence[Array]) -> list[Value]:
    """The values of batches of one that were computed for this call alone, each with memory of its own: only views,
    constants and what stands twice have to be copied.
    """
    found: list[Value] = []
    taken = set()
    for array in arrays:
        if array.ndim == 1 or array.base is not None or not array.flags.writeable or id(array) in taken:
            found.append(single(array))
        else:
            taken.add(id(array))
            found.append(array.reshape(array.shape[:-1]))
    return found


def repeated(array: Array, shape: Shape) -> Array:
    """A batch of one in the shape of its node: a number may stand for all elements."""
    whole = (*shape, 1)  # NumPy takes longer to repeat nothing than to multiply
    return array if array.shape == whole else np.broadcast_to(array, whole)


def by_name(function: Function, arrays: Sequence[Array]) -> Values:
    """The outputs' values, copied: passes may go on looking at what is handed in."""
    return {name: single(array) for name, array in zip(function.names, arrays, strict=True)}


# Seeds ------------------------------------------------------------------------------------------------------


def only_output(function: Function) -> str:
    if len(function.outputs) != 1:
        raise UsageError(
            f"the formula has {len(function.outputs)} outputs: {', '.join(function.names)}",
            hint="name one of them in a `return`, or use jacobian",
            code="not-scalar",
        )
    return function.names[0]


def cotangents(function: Function, v: Mapping[str, ArrayLike] | ArrayLike) -> dict[int, Array]:
    """The seeds of a reverse pass, by the outputs' positions."""
    named = v if isinstance(v, Mapping) else {only_output(function): v}
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
        array = numbers(value, f"the cotangent of {name}", "value")
        if array.shape not in (shape, ()):
            raise UsageError(
                f"the cotangent of {name} must have its shape {shape}, not {array.shape}", code="cotangent-shape"
            )
        seeds[i] = repeated(array[..., np.newaxis], shape)
    return seeds


def tangents(wrt: Sequence[Node], u: Mapping[str, ArrayLike] | ArrayLike) -> dict[Node, Array]:
    """The seeds of a forward pass, by the inputs they move. A flat vector holds them one after the other."""
    shapes = {node.params[0]: node.shape for node in wrt}
    named = u if isinstance(u, Mapping) else _parted(wrt, numbers(u, "the tangent", "value"))
    seeds: dict[Node, Array] = {}
    for name, value in named.items():
        if name not in shapes:
            raise UsageError(
                f"a tangent is given for {name}, which is not differentiated by",
                hint=f"name it in --wrt too; now the tangent's names are {', '.join(shapes) or 'none'}",
                code="unknown-variable",
            )
        array = numbers(value, f"the tangent of {name}", "value")
        if array.shape not in (shapes[name], ()):
            raise UsageError(
                f"the tangent of {name} must have its shape {shapes[name]}, not {array.shape}", code="tangent-shape"
            )
        node = next(node for node in wrt if node.params[0] == name)
        seeds[node] = repeated(array[..., np.newaxis], node.shape)
    return seeds


def _parted(wrt: Sequence[Node], flat: Array) -> dict[str, Array]:
    if len(wrt) == 1:
        (node,) = wrt
        return {node.params[0]: flat.reshape(node.shape) if flat.shape == (node.size,) else flat}
    size = sum(node.size for node in wrt)
    if flat.shape != (size,):
        raise UsageError(
            f"a tangent as a plain vector needs {size} numbers; this one has the shape {flat.shape}",
            hint="give it by name: {'x': …, 'y': …}",
            code="tangent-shape",
        )
    ends = np.cumsum([node.size for node in wrt])[:-1]
    parts = np.split(flat, ends)
    return {node.params[0]: part.reshape(node.shape) for node, part in zip(wrt, parts, strict=True)}
