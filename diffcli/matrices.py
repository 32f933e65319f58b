"""Whole matrices of derivatives, in as few passes as their pattern allows.

The pattern is found in the graph, the columns or rows that can share a pass get one colour, and the cheaper direction
is taken. A matrix that is full, or whose pattern would cost more than it saves, takes a pass a row or a column.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from diffcli import colouring
from diffcli.bound import Array, Bound, Values, by_name, only_output
from diffcli.colouring import Colouring
from diffcli.derive import adjoint
from diffcli.errors import ExpressionError, UsageError
from diffcli.evaluation import Plan
from diffcli.graph import Function, Node, Shape, beyond_memory
from diffcli.labels import labels
from diffcli.passes import Pull, Push
from diffcli.sparsity import Integers, Pattern, pattern
from diffcli.sweeps import Again, dense, each, mended, mended_dense, read

if TYPE_CHECKING:
    import scipy.sparse

Mode: TypeAlias = Literal["auto", "forward", "reverse"]

#: A pattern for a dense result may cost so many entries; what is larger takes a pass a row or column.
WORTH = 1 << 20
#: A pattern that is asked for may cost so many; a matrix of up to `FULL` elements is then taken to be full.
MOST = 1 << 28
FULL = 1 << 24


# What is found ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Coordinates:
    """A sparse matrix by its entries: `data[k]` stands at (`row[k]`, `col[k]`), row by row, each place once."""

    shape: tuple[int, int]
    row: Integers
    col: Integers
    data: Array

    @property
    def nnz(self) -> int:
        """How many entries are stored."""
        return len(self.data)

    def toarray(self) -> Array:
        """The whole matrix, zeros and all."""
        matrix = np.zeros(self.shape)
        matrix[self.row, self.col] = self.data
        return matrix

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """The whole matrix, so that NumPy takes it as one."""
        return np.asarray(self.toarray(), dtype=dtype)

    def scipy(self) -> scipy.sparse.csr_array:
        """The same as ``scipy.sparse.csr_array``; raises ImportError where SciPy is missing."""
        from scipy.sparse import csr_array

        return csr_array((self.data, (self.row, self.col)), shape=self.shape)


@dataclass(frozen=True, slots=True, eq=False)
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


@dataclass(frozen=True, slots=True, eq=False)
class Hessian:
    """∂²f/∂inputs² at a point: `matrix` (n, n) with a label for every column, f(x) and its gradient."""

    matrix: Array
    columns: tuple[str, ...]
    value: float
    gradient: Values
    passes: int

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """The matrix, so that NumPy and SciPy take a Hessian as one."""
        return np.array(self.matrix, dtype=dtype, copy=copy)


class _Sparse:
    """What the sparse results share."""

    __slots__ = ()
    entries: Coordinates

    @property
    def matrix(self) -> Any:
        """A ``scipy.sparse.csr_array`` where SciPy is installed, else the `entries`."""
        try:
            return self.entries.scipy()
        except ImportError:
            return self.entries

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """The whole matrix, zeros and all."""
        return np.asarray(self.entries.toarray(), dtype=dtype)


@dataclass(frozen=True, slots=True, eq=False)
class SparseJacobian(_Sparse):
    """∂outputs/∂inputs at a point by its `entries`: every element that is not zero for structural reasons."""

    entries: Coordinates
    values: Values
    mode: str
    passes: int
    outputs: Mapping[str, Shape]
    inputs: Mapping[str, Shape]

    @property
    def rows(self) -> tuple[str, ...]:
        """A label for every row."""
        return _labelled(self.outputs)

    @property
    def columns(self) -> tuple[str, ...]:
        """A label for every column."""
        return _labelled(self.inputs)


@dataclass(frozen=True, slots=True, eq=False)
class SparseHessian(_Sparse):
    """∂²f/∂inputs² at a point by its `entries`, both triangles."""

    entries: Coordinates
    value: float
    gradient: Values
    passes: int
    inputs: Mapping[str, Shape]

    @property
    def columns(self) -> tuple[str, ...]:
        """A label for every column."""
        return _labelled(self.inputs)


def _labelled(shapes: Mapping[str, Shape]) -> tuple[str, ...]:
    return tuple(label for name, shape in shapes.items() for label in labels(name, shape))


def _shapes(names: Sequence[str], nodes: Sequence[Node]) -> dict[str, Shape]:
    return {name: node.shape for name, node in zip(names, nodes, strict=True)}


def _input_shapes(wrt: Sequence[Node]) -> dict[str, Shape]:
    return _shapes([node.params[0] for node in wrt], wrt)


# How many passes --------------------------------------------------------------------------------------------


class Way(NamedTuple):
    """How a Jacobian is found: the direction and the colours; `found` None: a pass each, for a full matrix."""

    forward: bool
    found: Pattern | None
    shared: Colouring


def _size(nodes: Sequence[Node]) -> int:
    return sum(node.size for node in nodes)


def _pattern(outputs: Sequence[Node], wrt: Sequence[Node], sparse: bool) -> Pattern | None:
    """The pattern where it is worth its cost; None: the matrix is full, or as good as full."""
    m, n = _size(outputs), _size(wrt)
    found = pattern(outputs, wrt, limit=MOST if sparse else WORTH)
    if found is None and sparse:
        if m * n > FULL:
            raise ExpressionError(
                f"the pattern of this {m} × {n} matrix costs more than {MOST:,} entries to find",
                hint="ask for a part of it: --wrt x",
                code="limit",
            )
        return Pattern(np.arange(m + 1) * n, np.tile(np.arange(n), m), n)
    return None if found is None or (found.nnz == m * n and not sparse) else found


def _found_way(function: Function, wrt: Sequence[Node], mode: Mode, sparse: bool) -> Way:
    m, n = _size(function.outputs), _size(wrt)
    found = _pattern(function.outputs, wrt, sparse) if sparse or min(m, n) > 1 else None
    by_rows = by_columns = None
    if mode != "forward":
        by_rows = each(m) if found is None else colouring.of_rows(found)
    if mode != "reverse":
        by_columns = each(n) if found is None else colouring.of_columns(found)
    if by_rows is None or (by_columns is not None and by_columns.passes < by_rows.passes):
        assert by_columns is not None
        return Way(True, found, by_columns)
    return Way(False, found, by_rows)


def _again(bound: Bound, function: Function) -> Again:
    """What finds rows of the matrix of `function` anew, where numbers are not finite."""
    passes = bound.once(f"looking:{id(function)}", lambda: Pull(function, bound.wrt, looking=True))
    wide = bound.once(f"wide:{id(function)}", lambda: pattern(function.outputs, bound.wrt, limit=FULL, wide=True))
    return Again(passes, passes.start(bound.at)[1], wide)


def make_room(bound: Bound, m: int, n: int, *, alone: bool = True) -> None:
    """Refuses a whole matrix that is larger than all values together may be, before anyone allocates it. Where the
    point is not `alone`, its entries cannot be had instead.
    """
    limit = bound.function.builder.max_bytes
    if 8 * m * n > limit:
        error = beyond_memory(8 * m * n, limit, f"a whole matrix of {m:,} × {n:,} numbers")
        if alone:
            error.hint = "ask for its entries with --sparse, or raise the limit with --max-bytes"
        raise error


def known_mode(mode: str) -> None:
    """Raises `UsageError` unless `mode` is a direction of passes."""
    if mode not in ("auto", "forward", "reverse"):
        raise UsageError(f"there is no mode {mode}", hint="the modes are auto, forward and reverse", code="mode")


def way_of(bound: Bound, mode: Mode, *, sparse: bool = False) -> Way:
    """How the Jacobian of a bound function is found; the same at every point."""
    return bound.once(f"way:{mode}:{sparse}", lambda: _found_way(bound.function, bound.wrt, mode, sparse))


def jacobian_of(bound: Bound, mode: Mode, *, sparse: bool) -> Jacobian | SparseJacobian:
    """The Jacobian of a bound function, dense or by its entries."""
    known_mode(mode)
    function, wrt = bound.function, bound.wrt
    m, n = _size(function.outputs), _size(wrt)
    if not sparse:
        make_room(bound, m, n)
    way = way_of(bound, mode, sparse=sparse)
    passes: Push | Pull
    if way.forward:
        passes = bound.once("push", lambda: Push(function, wrt))
    else:
        passes = bound.once("pull", lambda: Pull(function, wrt))
    computed, kept = passes.start(bound.at)
    values = by_name(function, computed)
    direction = "forward" if way.forward else "reverse"
    again = partial(_again, bound, function)
    if way.found is None:
        matrix = mended_dense(dense(passes, kept, (m, n)), again)
        rows, columns = _labelled(_shapes(function.names, function.outputs)), _labelled(_input_shapes(wrt))
        return Jacobian(matrix, rows, columns, values, direction, way.shared.passes)
    found = way.found
    places, sharing = (found.rows, found.columns) if way.forward else (found.columns, found.rows)
    data = mended(read(passes, kept, way.shared, places, way.shared.colours[sharing]), found, again)
    entries = Coordinates((m, n), found.rows, found.columns.copy(), data)  # the pattern serves other points too
    shapes = _shapes(function.names, function.outputs), _input_shapes(wrt)
    result = SparseJacobian(entries, values, direction, way.shared.passes, *shapes)
    if sparse:
        return result
    return Jacobian(entries.toarray(), result.rows, result.columns, values, direction, result.passes)


# Second order -----------------------------------------------------------------------------------------------


def gradient_function(bound: Bound, *, looking: bool = False) -> Function:
    """The gradient as a function of its own: one output an input of `wrt`, in its shape. With `looking` nothing comes
    from elements that the output does not read, not even 0·∞: for where numbers are not finite.
    """
    key = f"gradient function{':looking' * looking}"
    return bound.once(key, lambda: _gradient_function(bound.function, bound.wrt, looking))


def _gradient_function(function: Function, wrt: Sequence[Node], looking: bool) -> Function:
    only_output(function)
    (output,) = function.outputs
    if output.shape != ():
        raise UsageError(
            f"a Hessian is that of one number, and {function.names[0]} has the shape {output.shape}",
            hint="reduce it to a number: sum(…), norm(…)",
            code="not-scalar",
        )
    builder = function.builder
    one = builder.constant(1.0)
    bars = adjoint([output], [one], wrt, [builder.truth(one)] if looking else None).cotangents
    zero = builder.constant(0.0)
    outputs = tuple(builder.broadcast(bars.get(node, zero), node.shape) for node in wrt)
    return Function(function.inputs, outputs, tuple(node.params[0] for node in wrt))


def second_passes(bound: Bound, *, looking: bool = False) -> Push:
    """The gradient's forward passes: H·u for a free tangent u."""
    gradient = gradient_function(bound, looking=looking)
    key = f"second{':looking' * looking}"
    return bound.once(key, lambda: Push(gradient, bound.wrt, also=bound.function.outputs))


def _mirrored(matrix: Array) -> Array:
    """A Hessian, made symmetric to the last bit: of two numbers that should be one, that below the diagonal counts,
    unless only the other is finite.
    """
    for i in range(1, len(matrix)):
        below, above = matrix[i, :i], matrix[:i, i]
        matrix[i, :i] = matrix[:i, i] = np.where(np.isfinite(below) | ~np.isfinite(above), below, above)
    return matrix


def _symmetric_way(gradient: Function, wrt: Sequence[Node], sparse: bool) -> tuple[Pattern | None, Colouring]:
    found = _pattern(gradient.outputs, wrt, sparse)
    if found is None:
        return None, each(_size(wrt))
    found = found.symmetric()
    return found, colouring.symmetric(found)


def symmetric_way_of(bound: Bound, *, sparse: bool = False) -> tuple[Pattern | None, Colouring]:
    """The Hessian's pattern (None: full) and the colours of its passes; the same at every point."""
    gradient = gradient_function(bound)
    return bound.once(f"symmetric way:{sparse}", lambda: _symmetric_way(gradient, bound.wrt, sparse))


def readable_of(bound: Bound, found: Pattern, shared: Colouring, *, sparse: bool = False) -> tuple[Integers, Integers]:
    """Where every entry of the Hessian stands in the passes: the element and the colour."""
    return bound.once(f"readable:{sparse}", lambda: colouring.readable(found, shared))


def hessian_of(bound: Bound, *, sparse: bool) -> Hessian | SparseHessian:
    """The Hessian of a bound function of one number, dense or by its entries: forward passes over the reverse one."""
    found = _hessian_of(bound, sparse, looking=False)
    entries = found.entries.data if isinstance(found, SparseHessian) else found.matrix
    if not all(np.isfinite(part).all() for part in (entries, *found.gradient.values())):
        found = _hessian_of(bound, sparse, looking=True)
    return found


def _hessian_of(bound: Bound, sparse: bool, looking: bool) -> Hessian | SparseHessian:
    gradient, wrt = gradient_function(bound, looking=looking), bound.wrt
    n = _size(wrt)
    if not sparse:
        make_room(bound, n, n)
    if not wrt:
        (only,) = bound.once("values", lambda: Plan(bound.function.outputs)).run(bound.at)
        none = Coordinates((0, 0), np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
        if sparse:
            return SparseHessian(none, float(only[0]), {}, 0, {})
        return Hessian(none.toarray(), (), float(only[0]), {}, 0)
    found, shared = symmetric_way_of(bound, sparse=sparse)
    passes = second_passes(bound, looking=looking)
    computed, kept = passes.start(bound.at)
    value, parts = float(computed[-1][0]), by_name(gradient, computed[:-1])
    again = partial(_again, bound, gradient)
    columns = _labelled(_input_shapes(wrt))
    if found is None:
        matrix = _mirrored(mended_dense(dense(passes, kept, (n, n)), again))
        return Hessian(matrix, columns, value, parts, shared.passes)
    places, colours = readable_of(bound, found, shared, sparse=sparse)
    data = mended(read(passes, kept, shared, places, colours), found, again)
    entries = Coordinates((n, n), found.rows, found.columns.copy(), data)
    if sparse:
        return SparseHessian(entries, value, parts, shared.passes, _input_shapes(wrt))
    return Hessian(entries.toarray(), columns, value, parts, shared.passes)
