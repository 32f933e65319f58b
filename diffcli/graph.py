"""The op graph: what every transformation takes and returns.

A `Node` is one operation on other nodes; a `Builder` makes nodes and shares them, so that a common
subexpression exists once; a `Function` names a graph's inputs and outputs. A `Primitive` is one entry of the
table in `diffcli.primitives`: all there is to know about one operation.

Nodes are numbered in the order they are made, and a node is made after its arguments: the numbers are a
topological order, forward for values, backward for cotangents, and nothing here ever recurses.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from diffcli.errors import ExpressionError
from diffcli.memory import worded_apart

Shape: TypeAlias = tuple[int, ...]
Array: TypeAlias = NDArray[Any]
Operand: TypeAlias = "Node | float"

#: A partial, as a rule states it: a node, a plain number, or `None` where the derivative is structurally zero.
Partial: TypeAlias = "Node | float | None"

MAX_NODES = 10_000_000
MAX_BYTES = 1 << 30
#: NumPy broadcasts 32; the batch and the products of stacks of matrices take an axis each.
MAX_DIMENSIONS = 30


def _no_cotangent(node: Node, bar: Node, i: int) -> Node | None:
    return None


def _no_tangent(node: Node, dots: Sequence[Node | None]) -> Node | None:
    return None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Primitive:
    """One entry of the table: everything that is known about an operation.

    The kinds differ in how an entry states its derivative (`diffcli.primitives.kinds`); in the end every entry
    has both modes, `pullback` and `pushforward`, made from that one statement.
    """

    name: str
    kind: str
    #: Evaluates arrays whose last axis is the batch: ``apply(*arrays, *params)``.
    apply: Callable[..., Array]
    #: The result's shape from the arguments' shapes and the parameters (elementwise: all shapes are equal).
    shape: Callable[..., Shape]
    #: A shorter way to the value of a node, some of whose arguments are constants; like an exact `apply` that `writes`.
    shorter: Callable[[Node], Callable[..., Array] | None] | None = None
    #: `apply` takes ``out=``, the array to write into, which shares nothing with the arguments (every ufunc does).
    writes: bool = False
    #: ``additions(*arrays, *params, out, room)``: what is added to what, and where that goes, in order, of an `apply`
    #: that does nothing else; ``room(shape)`` gives memory for what is on the way.
    additions: Callable[..., Iterable[tuple[Array, Array, Array]]] | None = None
    #: ``pullback(node, bar, i)``: the cotangent that `node` hands to its i-th argument; None: structurally zero.
    pullback: Callable[[Node, Node, int], Node | None] = _no_cotangent
    #: ``pushforward(node, dots)``: the tangent of `node` from those of its arguments (None: zero).
    pushforward: Callable[[Node, Sequence[Node | None]], Node | None] = _no_tangent
    #: Elementwise only: ∂y/∂xᵢ as a function of (y, x₁, …).
    partials: tuple[Callable[..., Partial] | None, ...] = ()
    #: ``uses[i](node)``: where the i-th argument is looked at at all (branches); `None`: everywhere.
    uses: tuple[Callable[[Node], Node] | None, ...] = ()
    #: What multiplies a cotangent is data (so that 0·∞ can arise), not only 0 and 1.
    scales: bool = True
    #: ``reaches(node, flags, i)``: more than 0 for the elements of the i-th argument that a flagged element of `node`
    #: looks at; `None`: each looks at all.
    reaches: Callable[[Node, Node, int], Node] | None = None
    #: ``sifted(node, bar, i, condition)``: what `pullback` makes of those elements of `bar` alone that are looked at.
    #: For what adds up products, in which the 0 of the others would meet an infinity.
    sifted: Callable[[Node, Node, int, Node], Node] | None = None
    #: Arguments that are conditions (booleans), by position.
    conditions: tuple[int, ...] = ()
    #: True: gives booleans; None: gives what its first argument is.
    boolean: bool | None = False
    #: ``keeps_rows(node)``: whether each row of the value (what stands at one place of the first axis) comes from the
    #: same row of each argument alone, given that all have as many rows.
    keeps_rows: Callable[[Node], bool] | None = None
    #: IEEE-exact ufuncs give the same bits for any stride; all others want contiguous operands.
    exact: bool = False
    #: The result may be a view of the first argument.
    view: bool = False
    #: Simplifies at construction where IEEE arithmetic agrees.
    fold: Callable[..., Node | None] | None = None
    #: How it is written between its arguments ("+", "^"), where it is an operator.
    operator: str | None = None
    doc: str = ""
    #: The value in arbitrary precision, ``reference(mpmath, *numbers)``: what the tests hold `apply` against.
    reference: Callable[..., Any] | None = None
    #: Where the tests sample it, one (low, high) an argument.
    samples: tuple[tuple[float, float], ...] = ()

    def __repr__(self) -> str:
        return f"<{self.name}>"

    def __call__(self, *args: Operand, params: tuple[Any, ...] = ()) -> Node:
        """A node that applies this operation; plain numbers become constants, shapes are broadcast."""
        builder, nodes = _as_nodes(args)
        if self.kind == "elementwise":
            shape = nodes[0].shape
            for node in nodes:
                if node.boolean or node.shape != shape or self.conditions:
                    nodes = builder.aligned(list(nodes), self)
                    shape = nodes[0].shape
                    break
        else:
            if self.boolean is False:
                nodes = tuple([builder.number(node) for node in nodes])
            shape = self.shape(*[node.shape for node in nodes], *params)
        if self.fold is not None:
            folded = self.fold(*nodes)
            if folded is not None:
                return folded
        return builder.make(self, nodes, params, shape)


def _as_nodes(args: tuple[Operand, ...]) -> tuple[Builder, tuple[Node, ...]]:
    """Arguments with plain numbers made constants, and the builder they all belong to."""
    builder = None
    plain = False
    for arg in args:
        if isinstance(arg, Node):
            builder = arg.builder
        else:
            plain = True
    assert builder is not None, "an operation needs a node to know its builder by"
    if plain:
        return builder, tuple([arg if isinstance(arg, Node) else builder.constant(arg) for arg in args])
    return builder, args  # type: ignore[return-value]


class Node:
    """One operation in a graph: immutable, equal by identity, shared within its builder."""

    __slots__ = ("args", "boolean", "builder", "constant", "index", "op", "params", "shape")

    def __init__(
        self, builder: Builder, op: Primitive, args: tuple[Node, ...], params: tuple[Any, ...], shape: Shape
    ) -> None:
        self.builder = builder
        self.op = op
        self.args = args
        self.params = params
        self.shape = shape
        self.index = len(builder.nodes)
        self.boolean: bool = bool(args and args[0].boolean) if op.boolean is None else op.boolean
        self.constant = op is not INPUT  # depends on no input
        for arg in args:
            if not arg.constant:
                self.constant = False
                break

    def __repr__(self) -> str:
        inside = ", ".join([f"#{arg.index}" for arg in self.args] + [repr(p) for p in self.params])
        return f"#{self.index}={self.op.name}({inside})"

    def __add__(self, other: Operand) -> Node:
        return TABLE["add"](self, other)

    def __radd__(self, other: float) -> Node:
        return TABLE["add"](other, self)

    def __sub__(self, other: Operand) -> Node:
        return TABLE["subtract"](self, other)

    def __rsub__(self, other: float) -> Node:
        return TABLE["subtract"](other, self)

    def __mul__(self, other: Operand) -> Node:
        return TABLE["multiply"](self, other)

    def __rmul__(self, other: float) -> Node:
        return TABLE["multiply"](other, self)

    def __truediv__(self, other: Operand) -> Node:
        return TABLE["divide"](self, other)

    def __rtruediv__(self, other: float) -> Node:
        return TABLE["divide"](other, self)

    def __pow__(self, other: Operand) -> Node:
        return TABLE["power"](self, other)

    def __neg__(self) -> Node:
        return TABLE["negate"](self)

    def __lt__(self, other: Operand) -> Node:
        return TABLE["less"](self, other)

    def __le__(self, other: Operand) -> Node:
        return TABLE["less_equal"](self, other)

    def __gt__(self, other: Operand) -> Node:
        return TABLE["greater"](self, other)

    def __ge__(self, other: Operand) -> Node:
        return TABLE["greater_equal"](self, other)

    def __and__(self, other: Node) -> Node:
        return TABLE["and"](self, other)

    def __or__(self, other: Node) -> Node:
        return TABLE["or"](self, other)

    def __invert__(self) -> Node:
        return TABLE["not"](self)

    @property
    def size(self) -> int:
        """How many numbers its value has."""
        count = 1
        for extent in self.shape:
            count *= extent
        return count


#: Every primitive by its name; `diffcli.primitives` fills it.
TABLE: dict[str, Primitive] = {}


def register(primitive: Primitive) -> Primitive:
    """Puts an entry into the table and gives it back."""
    if primitive.name in TABLE:
        raise ValueError(f"two primitives are called {primitive.name}")
    TABLE[primitive.name] = primitive
    return primitive


def _no_apply(*_: Any) -> Array:
    raise AssertionError("inputs and constants have values, not operations")


INPUT = Primitive(name="input", kind="leaf", apply=_no_apply, shape=lambda: ())
CONSTANT = Primitive(name="constant", kind="leaf", apply=_no_apply, shape=lambda: (), boolean=False)


class Builder:
    """Makes nodes. The same operation on the same arguments is the same node."""

    def __init__(self, max_nodes: int = MAX_NODES, max_bytes: int = MAX_BYTES) -> None:
        self.nodes: list[Node] = []
        self.max_nodes = max_nodes
        self.max_bytes = max_bytes
        self._shared: dict[tuple[Any, ...], Node] = {}
        self._known: dict[Node, Array] = {}
        #: What a rule found out about a node and needs again for its next argument; it lives as long as the graph.
        self.kept: dict[Node, Any] = {}

    def make(self, op: Primitive, args: tuple[Node, ...], params: tuple[Any, ...], shape: Shape) -> Node:
        """The node for `op` on `args`, made once."""
        key = (op, args, params)
        node = self._shared.get(key)
        if node is None:
            if len(self.nodes) >= self.max_nodes:
                raise ExpressionError(
                    f"the expression needs more than {self.max_nodes:,} nodes",
                    hint="raise the limit with --max-nodes",
                    code="limit",
                )
            if shape:
                self.make_room(shape)
            node = Node(self, op, args, params, shape)
            self._shared[key] = node
            self.nodes.append(node)
        return node

    def make_room(self, shape: Shape) -> None:
        """Refuses an array that is larger than all values together may be, before anyone allocates it, and one with
        more dimensions than NumPy computes with.
        """
        if len(shape) > MAX_DIMENSIONS:
            raise ExpressionError(
                f"an array may have {MAX_DIMENSIONS} dimensions, and this one has {len(shape)}", code="limit"
            )
        size = 8 * math.prod(shape)
        if size > self.max_bytes:
            raise beyond_memory(size, self.max_bytes)

    def input(self, name: str, shape: Shape) -> Node:
        """A free variable."""
        return self.make(INPUT, (), (name,), shape)

    def constant(self, value: float | Array) -> Node:
        """A number, or an array of numbers, that depends on nothing."""
        # Digits and bytes tell 0.0 from −0.0 and one NaN from none: equality does neither.
        if isinstance(value, float) or np.ndim(value) == 0:
            key: tuple[Any, ...] = (CONSTANT, float(value).hex())
        else:
            value = np.ascontiguousarray(value, dtype=np.float64)
            self.make_room(value.shape)
            key = (CONSTANT, value.shape, value.tobytes())
        node = self._shared.get(key)
        if node is None:
            array = np.array(value, dtype=np.float64)
            array.flags.writeable = False
            node = Node(self, CONSTANT, (), (array,), array.shape)
            self._shared[key] = node
            self.nodes.append(node)
        return node

    def number(self, node: Node) -> Node:
        """`node`, with a boolean made 0 or 1."""
        return TABLE["number"](node) if node.boolean else node

    def truth(self, node: Node) -> Node:
        """`node`, with a number made a boolean: anything but 0 is true."""
        return node if node.boolean else TABLE["truth"](node)

    def broadcast(self, node: Node, shape: Shape) -> Node:
        """`node` repeated to `shape`, by NumPy's rule."""
        if node.shape == shape:
            return node
        return self.make(TABLE["broadcast"], (node,), (shape,), shape)

    def aligned(self, nodes: list[Node], op: Primitive) -> tuple[Node, ...]:
        """Operands of an elementwise operation: brought to one shape, conditions boolean and the rest not."""
        shape = nodes[0].shape
        for node in nodes:
            if node.shape != shape:
                shape = broadcast_shapes([n.shape for n in nodes])
                break
        for i, node in enumerate(nodes):
            if i in op.conditions:
                node = self.truth(node)
            elif node.boolean and op.boolean is not None:
                node = self.number(node)
            if node.shape != shape:
                node = self.broadcast(node, shape)
            nodes[i] = node
        return tuple(nodes)

    def known(self, node: Node) -> Array:
        """The value of a node that depends on no input, computed while building (indices, axes, exponents)."""
        if node.op is CONSTANT:
            value: Array = node.params[0]
            return value
        found = self._known.get(node)
        if found is not None:
            return found
        for each in ancestors([node], self._known):
            if each in self._known:
                continue
            if each.op is CONSTANT:
                value = each.params[0]
            else:
                with np.errstate(all="ignore"):
                    args = [self._known[arg][..., np.newaxis] for arg in each.args]
                    value = each.op.apply(*args, *each.params)[..., 0]
            self._known[each] = value
        return self._known[node]


def beyond_memory(size: int, limit: int, what: str = "its values") -> ExpressionError:
    """The error for values of `size` bytes where `limit` are allowed."""
    needed, allowed = worded_apart(size, limit)
    said = f"{what} would need {needed}, more than the limit of {allowed}"
    return ExpressionError(said, hint="raise the limit with --max-bytes", code="limit")


def broadcast_shapes(shapes: Sequence[Shape]) -> Shape:
    """NumPy's broadcasting rule; an `ExpressionError` names the shapes that do not fit."""
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        named = " and ".join(show_shape(s) for s in shapes if s != ())
        raise ExpressionError(f"shapes {named} do not fit together", code="shape") from None


def show_shape(shape: Shape) -> str:
    """A shape as people write it: ``(3, 4)``, or ``a number``."""
    return str(shape) if shape else "a number"


def ancestors(outputs: Iterable[Node], given: Container[Node] = ()) -> list[Node]:
    """Every node that `outputs` depend on, themselves included, arguments before users; not beyond `given`."""
    seen = set(outputs)
    stack = list(seen)
    while stack:
        node = stack.pop()
        if given and node in given:
            continue
        for arg in node.args:
            if arg not in seen:
                seen.add(arg)
                stack.append(arg)
    return sorted(seen, key=attrgetter("index"))


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A graph with named inputs and outputs: f: Rⁿ → Rᵐ, each input and output of any shape."""

    inputs: tuple[Node, ...]
    outputs: tuple[Node, ...]
    names: tuple[str, ...]  # of the outputs
    spans: Mapping[Node, tuple[int, int]] = field(default_factory=dict)
    labels: Mapping[Node, str] = field(default_factory=dict)  # the names that a file gave its values
    derived: dict[tuple[Any, ...], Any] = field(default_factory=dict)  # what transformations made of it, kept for reuse
    #: What the parameters stand for in the body of a file's function that a node is made in.
    scopes: Mapping[Node, Mapping[str, Node]] = field(default_factory=dict)
    #: Those that are written at several places, of which `spans` has the first.
    repeated: frozenset[Node] = frozenset()

    @property
    def builder(self) -> Builder:
        """The builder that all its nodes share."""
        return self.outputs[0].builder

    @property
    def input_names(self) -> tuple[str, ...]:
        """The inputs' names, in order."""
        return tuple(node.params[0] for node in self.inputs)

    def local_names(self, node: Node) -> Mapping[str, Node]:
        """What only has a name where `node` is written: the parameters, in the body of a file's function."""
        return self.scopes.get(node, {})
