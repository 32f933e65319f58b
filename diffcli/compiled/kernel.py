"""One function of a whole graph: what is written down for eight points, in a loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from diffcli.compiled import watched
from diffcli.compiled.elementary import named, sech_square
from diffcli.compiled.vectors import LANES, NUMBERS, Body, CannotCompileError, Functions, Vector
from diffcli.evaluation.schedule import Schedule
from diffcli.graph import Array, Node

#: A function that is called so often is not written out at each call.
INLINED = 20
#: How many numbers the values of a graph may have: each is a value of its own here.
MOST_NUMBERS = 1 << 13

#: What the table computes by the bits of arrays, or with more divisions than it takes.
_BY_NAME: Mapping[str, Callable[..., Vector]] = {
    "within": lambda x, low, high: ((x < low) | (x > high)).where(np.nan, x + 0.0),
    "share": lambda a, b: _share(a, b),
    "heaviside": lambda x: _share(x, x.body.constant(0.0)),
    "number": Vector.number,
    "truth": Vector.truth,
    "sech_square": named("sech_square", sech_square),
}
#: These look at whole arrays, though their shape is that of their argument.
_ALONG_AN_AXIS = {"tie_share", "peak", "far_direction", "order"}


def _share(a: Vector, b: Vector) -> Vector:
    return (a > b).where(1.0, (a == b).where(0.5, (a < b).where(0.0, np.nan)))


class Source(NamedTuple):
    """The text of a kernel; the C functions it calls; the slots of what it takes that is the same for all points."""

    text: str
    library: tuple[str, ...]
    still: list[int]
    #: How many instructions eight points take, about.
    length: int


def source_of(schedule: Schedule, memory: Sequence[Any], strided: Sequence[bool]) -> Source:
    """The kernel that computes what a schedule computes.

    `memory` holds the constants; `strided` says of each moving input whether its points lie apart in memory. Raises
    `CannotCompileError`.
    """
    nodes = schedule.nodes
    if sum(nodes[slot].size for slot, _ in schedule.steps) > MOST_NUMBERS:
        raise CannotCompileError("the formula has too many values")
    functions = Functions()
    body = Body(functions)
    head = _Head(body)
    values: dict[int, Array] = {}
    for slot, apart in zip(schedule.sources, strided, strict=True):
        values[slot] = head.moving(nodes[slot], apart)
    still: list[int] = []
    for slot, args in schedule.steps:
        for arg in args:
            if arg not in values:
                if nodes[arg].constant:
                    values[arg] = np.asarray(memory[arg]).astype(object)
                else:
                    values[arg] = head.still(nodes[arg])
                    still.append(arg)
        values[slot] = _applied(body, nodes[slot], [values[arg] for arg in args])
    for slot in schedule.targets:
        if nodes[slot].boolean:
            raise CannotCompileError("a result is a condition")
        head.store(values[slot])
    text = head.text(functions)
    return Source(text, tuple(functions.library), still, len(body.lines) + functions.length())


def _applied(body: Body, node: Node, args: Sequence[Array]) -> Array:
    """The elements of a node's value, (…, 1), from those of its arguments."""
    op = node.op
    if op.name in _ALONG_AN_AXIS:
        raise CannotCompileError(f"{op.name} is not compiled")
    try:
        if op.kind == "elementwise":
            return _each(body, node, args)
        # NumPy moves and adds the elements, whatever they are.
        out = {"out": np.empty((*node.shape, 1), dtype=object)} if op.name == "place" else {}
        return np.asarray(op.apply(*args, *node.params, **out))
    except Exception as error:  # whatever a function does with arrays that vectors are not up to
        raise CannotCompileError(f"{op.name} is not compiled") from error


def _each(body: Body, node: Node, args: Sequence[Array]) -> Array:
    """An operation on every element: at once, or where it takes several steps, as a function."""
    op, params = node.op, node.params
    short = _BY_NAME.get(op.name)
    apply: Callable[..., Any] = short or (op.shorter and op.shorter(node)) or op.apply
    at_once = short or isinstance(apply, np.ufunc) or apply is np.where
    result = np.empty((*node.shape, 1), dtype=object)
    for place in np.ndindex(result.shape):
        operands = [body.of(arg[place]) for arg in args]
        if at_once:
            result[place] = apply(*operands, *params)
        else:
            result[place] = body.call((apply, params), lambda *given: apply(*given, *params), *operands)
    return result


class _Head:
    """The pointers of a kernel, and its loop."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._before: list[str] = []
        self._inputs = 0
        self._still = 0
        self._outputs: list[Vector] = []

    def _pointer(self, array: str, i: int) -> str:
        name = f"%{array}{i}"
        self._before += [
            f"  {name}.at = getelementptr ptr, ptr %{array}, i64 {i}",
            f"  {name} = load ptr, ptr {name}.at, !invariant.load !1",
        ]
        return name

    def moving(self, node: Node, apart: bool) -> Array:
        """The elements of an input that differs from point to point."""
        body = self._body
        result = np.empty((*node.shape, 1), dtype=object)
        for place in np.ndindex(result.shape):
            i = self._inputs
            self._inputs += 1
            pointer = self._pointer("in", i)
            if not apart:
                here = body.put(f"getelementptr double, ptr {pointer}, i64 %i")
                result[place] = body.number(f"load {NUMBERS}, ptr {here}, align 8")
                continue
            step = f"%step{i}"
            self._before += [
                f"  {step}.at = getelementptr i64, ptr %steps, i64 {i}",
                f"  {step} = load i64, ptr {step}.at, !invariant.load !1",
            ]
            made = "poison"
            for lane in range(LANES):
                index = body.put(f"add i64 %i, {lane}")
                offset = body.put(f"mul i64 {index}, {step}")
                here = body.put(f"getelementptr i8, ptr {pointer}, i64 {offset}")
                one = body.put(f"load double, ptr {here}, align 8")
                made = body.put(f"insertelement {NUMBERS} {made}, double {one}, i32 {lane}")
            result[place] = Vector(body, made, NUMBERS)
        return result

    def still(self, node: Node) -> Array:
        """The elements of a value that is the same for all points."""
        result = np.empty((*node.shape, 1), dtype=object)
        for place in np.ndindex(result.shape):
            name = f"%still{self._still}"
            self._before += [
                f"  {name}.at = getelementptr double, ptr %still, i64 {self._still}",
                f"  {name}.one = load double, ptr {name}.at, !invariant.load !1",
                f"  {name}.first = insertelement {NUMBERS} poison, double {name}.one, i32 0",
                f"  {name} = shufflevector {NUMBERS} {name}.first, {NUMBERS} poison, <{LANES} x i32> zeroinitializer",
            ]
            self._still += 1
            value = Vector(self._body, name, NUMBERS)
            result[place] = value.truth() if node.boolean else value
        return result

    def store(self, value: Array) -> None:
        """The elements of an output."""
        self._outputs += [self._body.of(each).number() for each in value.flat]

    def text(self, functions: Functions) -> str:
        """The module: the kernel and the functions it calls."""
        body = self._body
        for i, value in enumerate(self._outputs):
            here = body.put(f"getelementptr double, ptr {self._pointer('out', i)}, i64 %i")
            body.lines.append(f"  store {NUMBERS} {value.text}, ptr {here}, align 8")
        before, inside = "\n".join(self._before), "\n".join(body.lines)
        return f"""\
define void @kernel(i64 %first, i64 %last, ptr %in, ptr %steps, ptr %out, ptr %still) nounwind {{
start:
{before}
  %end = sub i64 %last, {LANES}
  br label %entry
entry:
  %i = phi i64 [%first, %start], [%next, %{body.block}]
{inside}
  %after = add i64 %i, {LANES}
  %next = call i64 @llvm.smin.i64(i64 %after, i64 %end)
  %done = icmp sge i64 %after, %last
  br i1 %done, label %finish, label %entry
finish:
  ret void
}}
{functions.text(INLINED)}
{watched.TEXT}
!0 = !{{!"branch_weights", i32 1000, i32 1}}
!1 = !{{}}
"""
