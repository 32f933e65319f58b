"""A parsed formula: what its inputs and outputs are, and its graph for inputs of given shapes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffcli.collector import resting
from diffcli.doubles import numbers
from diffcli.errors import Source, UsageError
from diffcli.graph import MAX_BYTES, MAX_NODES, Function, Shape, beyond_memory
from diffcli.language.lower import constant_value, lower
from diffcli.language.names import Names, analyse
from diffcli.language.parse import MAX_TOKENS, parse_file
from diffcli.language.suggest import closest
from diffcli.language.syntax import File
from diffcli.primitives.catalogue import FUNCTIONS

BINDINGS_KEPT = 16


class Program:
    """A formula, ready to be bound to the shapes of a point.

    Made by `diffcli.parse`. Immutable; binding is cached, so evaluating it at many points of the same shapes
    builds the graph once.
    """

    def __init__(
        self, file: File, names: Names, source: Source, *, max_nodes: int = MAX_NODES, max_bytes: int = MAX_BYTES
    ) -> None:
        self.source = source
        self._file = file
        self._names = names
        self._max_nodes = max_nodes
        self._max_bytes = max_bytes
        self._defaults = {name: constant_value(value, source) for name, value in names.defaults.items()}
        self._bound: dict[tuple[tuple[str, Shape], ...], Function] = {}

    def __repr__(self) -> str:
        return f"<diffcli program ({', '.join(self.inputs)}) -> ({', '.join(self.outputs)})>"

    @property
    def inputs(self) -> tuple[str, ...]:
        """Every free name, in order; params are among them, constants such as ``pi`` are not."""
        return tuple(self._names.inputs)

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that a point may give: the inputs, and the constants such as ``pi`` that the formula uses."""
        return (*self.inputs, *sorted(self._names.constants))

    @property
    def params(self) -> tuple[str, ...]:
        """The inputs that are held fixed unless a derivative names them."""
        return tuple(self._names.params)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the outputs, in order; ``f`` for a single bare expression."""
        return tuple(name for name, _ in self._names.outputs)

    @property
    def defaults(self) -> dict[str, NDArray[np.float64]]:
        """The values that the file gives its inputs and params."""
        return dict(self._defaults)

    def resolve(self, at: Mapping[str, ArrayLike]) -> dict[str, NDArray[np.float64]]:
        """The whole point, in the order of the inputs: `at` over the defaults.

        A constant's name in `at` shadows the constant. Raises `UsageError`: a name the formula lacks, missing
        names (all at once), a value that is no array of numbers.
        """
        names = dict.fromkeys([*self.inputs, *(name for name in at if name in self._names.constants)])
        self._refuse_unknown(at, names)
        values: dict[str, NDArray[np.float64]] = {}
        missing = []
        for name in names:
            if name in at:
                values[name] = numbers(at[name], f"the value of {name}", "value")
            elif name in self._defaults:
                values[name] = self._defaults[name]
            else:
                missing.append(name)
        if missing:
            self._report_missing(missing)
        return values

    def _refuse_unknown(self, at: Mapping[str, Any], names: Collection[str]) -> None:
        for name in at:
            if name in names:
                continue
            if name in self._names.assigned:
                raise UsageError(
                    f"{name} is computed by the formula, so the point cannot set it",
                    hint=f"its inputs are {', '.join(self.inputs) or 'none'}",
                    code="unknown-variable",
                )
            near = closest(name, names)
            known = ", ".join(self.inputs[:12]) + (", …" if len(self.inputs) > 12 else "")
            raise UsageError(
                f"the formula has no variable {name}",
                hint=f"did you mean {near}?" if near else (f"its variables are {known}" if known else "it has none"),
                code="unknown-variable",
            )

    def _report_missing(self, missing: list[str]) -> None:
        shown = ", ".join(missing[:12]) + (f", … ({len(missing)} in all)" if len(missing) > 12 else "")
        hint = f"add --at {','.join(f'{name}=…' for name in missing[:12])}"
        if len(missing) == 1 and missing[0] in FUNCTIONS:
            hint = f"{missing[0]} is also a function: write {FUNCTIONS[missing[0]].doc.signature}"
        raise UsageError(
            f"no value for {shown}",
            self._names.places.get(missing[0]),
            hint,
            code="missing-variable",
            source=self.source,
        )

    def bind(self, shapes: Mapping[str, Shape]) -> Function:
        """The graph for inputs of these names and shapes, in this order; the same graph for the same shapes.

        Raises `ExpressionError`: shapes that do not fit, an index out of range, a limit.
        """
        key = tuple(shapes.items())
        bound = self._bound.get(key)
        if bound is None:
            with resting():
                bound = lower(
                    self._file,
                    self._names,
                    self.source,
                    shapes,
                    max_nodes=self._max_nodes,
                    max_bytes=self._max_bytes,
                )
            self._refuse_memory(bound)
            while len(self._bound) >= BINDINGS_KEPT:
                del self._bound[next(iter(self._bound))]
            self._bound[key] = bound
        return bound

    def batch(
        self, points: Mapping[str, ArrayLike] | ArrayLike, at: Mapping[str, ArrayLike] | None = None, **options: Any
    ) -> Any:
        """This formula at many points, a `diffcli.Batch`; see `diffcli.batch`."""
        # By name, for the language knows nothing of what is computed from it.
        return import_module("diffcli.batching.arrays").batch(self, points, at, **options)

    def _refuse_memory(self, function: Function) -> None:
        size = sum(8 * node.size for node in function.builder.nodes if node.op.name != "broadcast")
        if size > self._max_bytes:
            raise beyond_memory(size, self._max_bytes).located(self.source)


def parse(
    text: str,
    *,
    name: str = "expression",
    max_tokens: int = MAX_TOKENS,
    max_nodes: int = MAX_NODES,
    max_bytes: int = MAX_BYTES,
) -> Program:
    """The program that `text` is: an expression, or statements line by line.

    `name` is what error messages call the text; the limits are on its tokens, on the nodes of its graph, and on
    the memory of all their values in bytes. Raises `ExpressionError` with the place and the mend.
    """
    source = Source(text, name)
    with resting():
        file = parse_file(source, max_tokens=max_tokens)
        names = analyse(file, source)
    return Program(file, names, source, max_nodes=max_nodes, max_bytes=max_bytes)
