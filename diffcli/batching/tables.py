"""From a table of points to a table of answers, in order and block by block: memory does not grow with the table."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from diffcli.batching import sizes
from diffcli.batching.arrays import Batch
from diffcli.batching.columns import Array, Block, Layout
from diffcli.batching.flow import Ahead, Behind
from diffcli.batching.readers import Table, read_blocks
from diffcli.batching.writers import Answer, Field, Writer
from diffcli.bound import Differentiable
from diffcli.errors import UsageError
from diffcli.evaluation import Plan
from diffcli.graph import ancestors
from diffcli.labels import labels

#: What a warning says of a row; the code of what went wrong at a point that gives a result that is not finite.
Explain = Callable[[Mapping[str, Array]], str]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked at every point: eval, grad, jacobian, vjp, jvp or hessian."""

    what: str
    wrt: Sequence[str] | None = None
    seed: Mapping[str, Any] | None = None  # the cotangent of a vjp, the tangent of a jvp
    mode: Any = "auto"


@dataclass(slots=True)
class Count:
    """How far a run has come."""

    rows: int = 0
    failed: int = 0
    not_finite: int = 0
    seconds: float = 0.0


class Answering:
    """Answers one question about a formula at the points of a table."""

    def __init__(
        self,
        f: Differentiable,
        question: Question,
        layout: Layout,
        at: Mapping[str, Any],
        *,
        jobs: int | None = None,
        jit: bool = False,
        explain: Explain | None = None,
    ) -> None:
        self._f, self._question, self._layout, self._at, self._jobs = f, question, layout, at, jobs
        self._jit = jit
        #: What kept the formula in NumPy although it was to be compiled.
        self.fallbacks: list[str] = []
        self._explain = explain
        self._codes: dict[bytes, str] = {}
        # One point shows what there will be, and that all names and shapes fit, before anything is written.
        sample = {name: np.ones((1, *shape)) for name, (shape, _) in layout.inputs.items()}
        self.fields = [field for field, _ in self._answers(sample)]

    def _answers(self, points: Mapping[str, Array]) -> list[tuple[Field, Array]]:
        batch = Batch(self._f, points, self._at, jobs=self._jobs, jit=self._jit)
        answers = self._answered(batch)
        self.fallbacks += [each for each in batch.fallbacks if each not in self.fallbacks]
        return answers

    def _answered(self, batch: Batch) -> list[tuple[Field, Array]]:
        question = self._question
        match question.what:
            case "grad":
                value, gradient = batch.value_and_grad(wrt=question.wrt)
                label = self._f.outputs[0]
                return [_field(label, ("value",), label, value), *_all(gradient, ("gradient",), "d_")]
            case "vjp":
                values, bars = batch.vjp(question.seed or {}, wrt=question.wrt)
                return [*_all(values, ("values",)), *_all(bars, ("vjp",), "d_")]
            case "jvp":
                values, dots = batch.jvp(question.seed or {}, wrt=question.wrt)
                return [*_all(values, ("values",)), *_all(dots, ("jvp",), "dot_")]
            case "jacobian":
                found = batch.jacobian(wrt=question.wrt, mode=question.mode)
                matrix = _matrix("jacobian", "d", found.rows, found.columns, found.matrix)
                return [*_all(found.values, ("values",)), matrix]
            case "hessian":
                second = batch.hessian(wrt=question.wrt)
                label = self._f.outputs[0]
                return [
                    _field(label, ("value",), label, second.value),
                    *_all(second.gradient, ("gradient",), "d_"),
                    _matrix("hessian", "d2", second.columns, second.columns, second.matrix),
                ]
        return _all(batch.values(), ("values",))

    def answer(self, block: Block, first: int) -> Answer:
        """The answers for a block whose first row is the `first` of the table."""
        points = self._layout.points(block)
        errors = {i: ("row", message) for i, message in block.errors.items()}
        for column in self._layout.columns:
            values = block.numbers[column]
            if np.isnan(values).any():
                for i in np.flatnonzero(np.isnan(values)).tolist():
                    errors.setdefault(i, ("nonfinite-input", f"{column} is NaN"))
        arrays = [array for _, array in self._answers(points)]
        warnings = self._warnings(points, arrays, errors)
        return Answer(first, block.count, arrays, block.kept, errors, warnings)

    def _warnings(
        self, points: Mapping[str, Array], arrays: Sequence[Array], errors: Mapping[int, Any]
    ) -> dict[int, str]:
        """The codes of the rows with a result that is not finite.

        Rows in which the same values are infinite or NaN have the same reason, so only one of each kind is explained.
        """
        bad = [~np.isfinite(array.reshape(len(array), -1)).all(axis=1) for array in arrays if array.size]
        rows = [i for i in np.flatnonzero(np.logical_or.reduce(bad)).tolist() if i not in errors] if bad else []
        if not rows or self._explain is None:
            return dict.fromkeys(rows, "not-finite")
        some = {name: array[rows] for name, array in points.items()}
        kinds = [_kinds(array[rows]) for array in arrays]
        kinds += [_kinds(value) for value in _every_value(self._f, some, self._at)]
        signatures = np.concatenate(kinds, axis=1)
        found = {}
        for k, i in enumerate(rows):
            signature = signatures[k].tobytes()
            if signature not in self._codes:
                self._codes[signature] = self._explain({name: array[i] for name, array in points.items()})
            found[i] = self._codes[signature]
        return found


def _kinds(array: Array) -> np.ndarray[Any, np.dtype[np.int8]]:
    """0 finite, 1 NaN, 2 and 3 the infinities; a row a point."""
    flat = array.reshape(len(array), -1)
    kinds: np.ndarray[Any, np.dtype[np.int8]] = np.isnan(flat) + 2 * (flat == np.inf) + 3 * (flat == -np.inf)
    return kinds.astype(np.int8)


def _every_value(f: Differentiable, points: Mapping[str, Array], at: Mapping[str, Any]) -> Iterator[Array]:
    """The value of every node of the formula at some points."""
    batch = Batch(f, points, at)
    bound = batch.bound()
    nodes = [node for node in ancestors(bound.function.outputs) if not node.constant and not node.boolean]
    plan = bound.once("every value", lambda: Plan(nodes))
    yield from batch.run(plan, bound, nodes)


def _field(name: str, path: tuple[str, ...], label: str, array: Array) -> tuple[Field, Array]:
    return Field(name, path, tuple(labels(label, array.shape[1:])), array.shape[1:]), array


def _all(arrays: Mapping[str, Array], path: tuple[str, ...], mark: str = "") -> list[tuple[Field, Array]]:
    return [_field(mark + name, (*path, name), mark + name, array) for name, array in arrays.items()]


def _matrix(name: str, mark: str, rows: Sequence[str], columns: Sequence[str], matrix: Array) -> tuple[Field, Array]:
    names = tuple(f"{mark}_{row}_{column}" for row in rows for column in columns)
    return Field(name, (name,), names, matrix.shape[1:]), matrix


def run(
    table: Table,
    answering: Answering,
    layout: Layout,
    writer: Writer,
    *,
    path: str = "-",
    keep: Sequence[str] = (),
    fail_fast: bool = False,
    told: Callable[[Count, float | None], None] | None = None,
) -> Count:
    """Answer every row of `table`, in order. With `fail_fast` the first row that fails raises `UsageError`."""
    count = Count()
    start = time.perf_counter()
    width = sum(math.prod(field.shape) for field in answering.fields)
    with (
        closing(Ahead(read_blocks(table, path, layout.columns, keep))) as blocks,
        closing(Behind(writer.write)) as written,
    ):
        for block in chain.from_iterable(_cut(whole, width) for whole in blocks):
            answer = answering.answer(block, count.rows)
            if fail_fast and answer.errors:
                i = min(answer.errors)
                code, message = answer.errors[i]
                written.put(_head(answer, i))  # as much of a stream as there would be in blocks of any size
                written.finish()
                raise UsageError(f"row {count.rows + i}: {message}", hint="rows are counted from 0", code=code)
            written.put(answer)
            count.rows += block.count
            count.failed += len(answer.errors)
            count.not_finite += len(answer.warnings)
            count.seconds = time.perf_counter() - start
            if told is not None:
                told(count, table.progress())
        written.finish()
    writer.close()
    count.seconds = time.perf_counter() - start
    return count


def _head(answer: Answer, count: int) -> Answer:
    """The first rows of an answer, in which there are no errors."""
    arrays = [array[:count] for array in answer.arrays]
    warnings = {i: code for i, code in answer.warnings.items() if i < count}
    return Answer(answer.first, count, arrays, [texts[:count] for texts in answer.kept], {}, warnings)


def _cut(block: Block, width: int) -> Iterator[Block]:
    """A block in equal pieces, of at most `BLOCK_ROWS` rows and about `ANSWERED` numbers, for `width` of them a row."""
    most = max(1, min(sizes.BLOCK_ROWS, sizes.ANSWERED // max(1, width)))
    pieces = -(-block.count // most)
    if pieces < 2:
        yield block
        return
    for piece in range(pieces):
        start, end = (block.count * k // pieces for k in (piece, piece + 1))
        yield Block(
            end - start,
            {name: values[start:end] for name, values in block.numbers.items()},
            [texts[start:end] for texts in block.kept],
            {i - start: message for i, message in block.errors.items() if start <= i < end},
        )
