"""What the tests must know of a primitive: shapes, parameters and values to try it on.

An elementwise entry says where to sample it itself (`samples`). Every other entry needs a row here, and
`test_table.py` fails for one that has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffcli.graph import TABLE, Builder, Node, Primitive, Shape
from diffcli.primitives import FUNCTIONS  # fills the table

Array = NDArray[np.float64]
assert FUNCTIONS

#: Values for an argument: random numbers in a range, 0s and 1s, a random permutation along axis 0, or given.
Values = tuple[float, float] | str | Sequence[Any]

ANY = (-3.0, 3.0)
FLAGS = "flags"
ORDER = "order"
ROWS = "rows"  # random numbers with ties among them
RUNS = "runs"  # the same in ascending order along axis 0
DEFINITE = "definite"  # a positive definite matrix with well separated eigenvalues


@dataclass(frozen=True)
class Case:
    """One way to call a primitive."""

    op: Primitive
    shapes: tuple[Shape, ...]
    params: tuple[Any, ...]
    values: tuple[Values, ...]
    data: tuple[int, ...] = ()  # arguments that are never differentiated

    def __str__(self) -> str:
        params = f", {self.params}" if self.params else ""
        return f"{self.op.name}({', '.join(map(str, self.shapes))}{params})"

    def draw(self, rng: np.random.Generator, batch: int) -> list[Array]:
        """Random arguments, with the batch on the last axis."""
        return [_draw(rng, values, (*shape, batch)) for values, shape in zip(self.values, self.shapes, strict=True)]

    def inputs(self, builder: Builder) -> list[Node]:
        """One input of the graph an argument."""
        return [builder.input(f"x{i}", shape) for i, shape in enumerate(self.shapes)]

    def node(self, inputs: Sequence[Node]) -> Node:
        return self.op(*inputs, params=self.params)

    @property
    def free(self) -> list[int]:
        """The positions of the arguments to differentiate in."""
        return [i for i in range(len(self.shapes)) if i not in self.data and i not in self.op.conditions]


def _draw(rng: np.random.Generator, values: Values, shape: tuple[int, ...]) -> Array:
    if values == FLAGS:
        return rng.integers(0, 2, shape).astype(np.float64)
    if values == ORDER:
        return np.argsort(rng.random(shape), axis=0).astype(np.float64)
    if values == ROWS:
        return rng.integers(-2, 3, shape).astype(np.float64)
    if values == RUNS:
        return np.sort(rng.integers(-1, 2, shape), axis=0).astype(np.float64)
    if values == DEFINITE:
        n = shape[0]
        noise = rng.uniform(-0.3, 0.3, shape)
        return noise + np.swapaxes(noise, 0, 1) + np.diag(np.arange(1.0, n + 1.0) * 2.0)[..., np.newaxis]
    low, high = values
    return rng.uniform(low, high, shape)


def case(
    name: str,
    *shapes: Shape,
    params: tuple[Any, ...] = (),
    values: tuple[Values, ...] | None = None,
    data: tuple[int, ...] = (),
) -> Case:
    return Case(TABLE[name], shapes, params, values or (ANY,) * len(shapes), data)


STRUCTURE = [
    case("broadcast", (), params=((4,),)),
    case("broadcast", (3,), params=((2, 3),)),
    case("broadcast", (2, 1), params=((5, 2, 3),)),
    case("sum", (4,), params=((),)),
    case("sum", (2, 3), params=((),)),
    case("sum", (2, 3), params=((3,),)),
    case("sum", (2, 3), params=((2, 1),)),
    case("sum", (5, 2, 3), params=((2, 1),)),
    case("sum", (7,), params=((1,),)),
    case("reshape", (2, 3), params=((3, 2),)),
    case("reshape", (2, 3), params=((6,),)),
    case("reshape", (), params=((1, 1),)),
    case("transpose", (2, 3), params=((1, 0),)),
    case("transpose", (2, 3, 4), params=((2, 0, 1),)),
    case("index", (4,), params=((2,),)),
    case("index", (4, 3), params=((1,),)),
    case("index", (4, 3), params=(((0, 4, 2), 1),)),
    case("index", (4, 3), params=(((3, None, -1), (0, 2, 1)),)),
    case("place", (), (2,), params=((((3,)), ((0, 4, 2),)), (4,))),
    case("place", (3,), params=(((1,),), (4, 3))),
    case("concat", (2,), (3,), params=(0,)),
    case("concat", (2, 3), (2, 1), (2, 2), params=(1,)),
    case("stack", (), (), ()),
    case("stack", (2,), (2,)),
    case("cumsum", (4,), params=(0, False)),
    case("cumsum", (2, 3), params=(1, True)),
    case("take", (4,), (4,), params=(0,), values=(ANY, ORDER), data=(1,)),
    case("take", (4, 2), (4, 2), params=(0,), values=(ANY, ORDER), data=(1,)),
    case("put", (4,), (4,), params=(0,), values=(ANY, ORDER), data=(1,)),
    case("put", (4, 2), (4, 2), params=(0,), values=(ANY, ORDER), data=(1,)),
    case("diagonal", (3, 3)),
    case("diagonal", (2, 4)),
    case("diagonal_matrix", (3,), params=((3, 3),)),
    case("diagonal_matrix", (2,), params=((2, 4),)),
    case("matmul", (2, 3), (3, 4)),
    case("matmul", (1, 5), (5, 1)),
    case("matmul", (2, 2, 3), (2, 3, 2)),
    case("matmul", (17, 16), (16, 17)),  # by BLAS
    case("matmul", (2, 16, 17), (2, 17, 16)),
]
LINALG = [
    *(case(name, (n, n)) for name in ("det", "cofactor") for n in (1, 2, 3, 4)),
    *(case("cofactor_along", (n, n), (n, n)) for n in (1, 2, 3)),
    case("cofactor_along", (4, 4), (4, 4)),
    case("cofactor_along", (13, 13), (13, 13), values=(DEFINITE, ANY)),  # its own derivative needs the inverse
    case("cofactor_further", (4, 4), (4, 4), (4, 4)),
    case("cofactor_further", (5, 5), (5, 5), (5, 5), (5, 5)),
    *(case(name, (3, 3), values=(DEFINITE,)) for name in ("inv", "logabsdet", "chol", "eigvalsh", "eigenvectors")),
    case("inv", (1, 1), values=((1.0, 2.0),)),
    case("solve", (3, 3), (3, 1), values=(DEFINITE, ANY)),
    case("solve", (2, 2), (2, 4), values=(DEFINITE, ANY)),
    case("inverse_gaps", (3,), values=(ANY,)),
]
REDUCTIONS = [
    case("mean", (5,), params=(0,)),
    case("mean", (2, 3), params=(1,)),
    case("max", (5,), params=(0,)),
    case("max", (2, 3), params=(1,), values=(ROWS,)),
    case("min", (5,), params=(0,)),
    case("min", (2, 3), params=(0,), values=(ROWS,)),
    case("softmax", (5,), params=(0,)),
    case("softmax", (2, 3), params=(1,)),
    case("softmax", (4,), params=(0,), values=((-40.0, 40.0),)),
    case("logsumexp", (5,), params=(0,)),
    case("logsumexp", (2, 3), params=(0,)),
    case("log_softmax", (5,), params=(0,)),
    case("log_softmax", (2, 3), params=(1,)),
    case("norm", (5,), params=(0,)),
    case("norm", (2, 3), params=(1,)),
    case("unit", (5,), params=(0,)),
    case("unit", (2, 3), params=(1,)),
    case("sort", (6,), params=(0,)),
    case("sort", (3, 4), params=(1,), values=(ROWS,)),
    case("tie_mean", (6,), (6,), params=(0,), values=(ANY, (1, 1)), data=(1,)),
    case("tie_mean", (2, 3), (2, 3), params=(1,), values=(ANY, (1, 1)), data=(1,)),
    case("tie_mean", (6,), (6,), params=(0,), values=(ANY, RUNS), data=(1,)),
]
#: Elementwise entries that need a parameter, or are only ever built by rules and so state no samples.
ELEMENTWISE = [
    case("within", (), params=(0.0, 1.0), values=((0.1, 0.9),)),
    case("within", (), params=(0.0, np.inf), values=((0.1, 9.0),)),
    case("sinc_derivative", (), params=(1,), values=((-9.0, 9.0),)),
    case("sinc_derivative", (), params=(2,), values=((-9.0, 9.0),)),
    case("sinc_derivative", (), params=(3,), values=((-1.0, 1.0),)),
    case("power_derivative", (), (), params=(1, 0), values=((0.1, 5.0), (-3.0, 3.0))),
    case("power_derivative", (), (), params=(0, 2), values=((0.1, 5.0), (-3.0, 3.0))),
    case("power_derivative", (), (), params=(2, 1), values=((0.1, 5.0), (-3.0, 3.0))),
    case("exp2_derivative", (), params=(2,), values=((-20.0, 20.0),)),
    case("acosh_derivative", (), params=(1,), values=((1.1, 30.0),)),
    case("acosh_derivative", (), params=(4,), values=((1.5, 9.0),)),
    case("gamma_derivative", (), params=(1,), values=((0.1, 5.0),)),
    case("gamma_derivative", (), params=(2,), values=((-3.9, -3.1),)),
    case("beta_bend", (), (), params=(False,), values=((0.1, 20.0), (0.1, 20.0))),
    case("beta_bend", (), (), params=(True,), values=((0.1, 20.0), (0.1, 20.0))),
    *(case("inverse_power", (), (), params=(n, k), values=((0.5, 9.0), ANY)) for n in (1, 2, 3) for k in range(4)),
    case("taken", (), (), (), values=((0.1, 0.2), (3.1, 3.2), (0.7, 0.8))),
    case("quotient", (), (), (), data=(1,), values=((1.0, 9.0), ANY, (0.5, 9.0))),
    case("polygamma", (), params=(1,), values=((0.1, 20.0),)),
    case("polygamma", (), params=(2,), values=((-3.9, -3.1),)),
    case("tie_share", (5,), params=(0,), values=(ROWS,)),
    case("defined", (5,), values=(ROWS,)),
    case("peak", (5,), params=(0,), values=(ROWS,)),
    case("far_direction", (5,), params=(0,), values=(ANY,)),
    case("order", (5,), params=(0,), values=(ROWS,)),
    case("share", (), (), values=(ROWS, ROWS)),
    case("between", (), (), (), values=(ANY, (-2.0, -1.0), (1.0, 2.0))),
    case("number", (), values=(FLAGS,)),
    case("truth", (), values=(ROWS,)),
    case("not", (), values=(FLAGS,)),
    *(case(name, (), (), values=(FLAGS, FLAGS)) for name in ("and", "or")),
    *(
        case(name, (), (), values=(ROWS, ROWS))
        for name in ("less", "less_equal", "greater", "greater_equal", "equal", "not_equal")
    ),
]


def _sampled(op: Primitive) -> list[Case]:
    """The rows that an elementwise entry states itself, for numbers and for arrays."""
    values = tuple(FLAGS if i in op.conditions else span for i, span in enumerate(op.samples))
    return [Case(op, (shape,) * len(values), (), values) for shape in ((), (2, 3))]


STATED = [*STRUCTURE, *LINALG, *REDUCTIONS, *ELEMENTWISE]
_LISTED = {row.op.name for row in STATED}
CASES = [*STATED, *(row for op in TABLE.values() if op.samples and op.name not in _LISTED for row in _sampled(op))]
