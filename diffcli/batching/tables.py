"""From a table of points to a table of answers, in order and block by block: memory does not grow with the table."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from diffcli.batching import sizes
from diffcli.batching.arrays import Batch
from diffcli.batching.columns import Array, Block, Layout
from diffcli.batching.flow import Ahead, Behind
from diffcli.batching.readers import Table, read_blocks
from diffcli.batching.writers import DOMAIN, Answer, Field, Same, Writer
from diffcli.bound import Differentiable
from diffcli.errors import UsageError
from diffcli.labels import labels

#: The codes of the warnings of the rows that have any, from the batch that has just been answered and the rows with
#: errors, which have none.
Warn = Callable[[Batch, Collection[int]], Mapping[int, tuple[str, ...]]]


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
    warned: Counter[str] = field(default_factory=Counter)  # rows by code
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
        warn: Warn | None = None,
    ) -> None:
        self._f, self._question, self._layout, self._at, self._jobs = f, question, layout, at, jobs
        self._jit = jit
        #: What kept the formula in NumPy although it was to be compiled.
        self.fallbacks: list[str] = []
        self._warn = warn
        # One point shows what there will be, and that all names and shapes fit, before anything is written.
        sample = {name: np.broadcast_to(1.0, (1, *shape)) for name, (shape, _) in layout.inputs.items()}
        _, answers = self._answers(sample)
        #: What an answer has, in the order of the command's own keys; `fields` are those that vary.
        self.parts = [each if isinstance(each, Same) else each[0] for each in answers]
        self.fields = [part for part in self.parts if isinstance(part, Field)]

    def _answers(self, points: Mapping[str, Array]) -> tuple[Batch, list[tuple[Field, Array] | Same]]:
        batch = Batch(self._f, points, self._at, jobs=self._jobs, jit=self._jit)
        answers = self._answered(batch)
        self.fallbacks += [each for each in batch.fallbacks if each not in self.fallbacks]
        return batch, answers

    def _answered(self, batch: Batch) -> list[tuple[Field, Array] | Same]:
        question = self._question
        match question.what:
            case "grad":
                value, gradient = batch.value_and_grad(wrt=question.wrt)
                name = self._f.outputs[0]
                return [_field(name, ("value",), name, value), *_all(gradient, ("gradient",), "d_")]
            case "vjp":
                values, bars = batch.vjp(question.seed or {}, wrt=question.wrt)
                nothing = {name: np.zeros(array.shape[1:]) for name, array in values.items()}
                cotangent = _seed("cotangent", {**nothing, **(question.seed or {})})
                return [*_all(values, ("values",)), cotangent, *_all(bars, ("vjp",), "d_")]
            case "jvp":
                values, dots = batch.jvp(question.seed or {}, wrt=question.wrt)
                tangent = _seed("tangent", question.seed or {})
                return [*_all(values, ("values",)), tangent, *_all(dots, ("jvp",), "dot_")]
            case "jacobian":
                found = batch.jacobian(wrt=question.wrt, mode=question.mode)
                matrix = _matrix("jacobian", "d", found.rows, found.columns, found.matrix)
                labelled = [Same("rows", [*found.rows]), Same("columns", [*found.columns])]
                way = [Same("mode", found.mode), Same("passes", found.passes)]
                return [*_all(found.values, ("values",)), *labelled, matrix, *way]
            case "hessian":
                second = batch.hessian(wrt=question.wrt)
                name = self._f.outputs[0]
                return [
                    _field(name, ("value",), name, second.value),
                    *_all(second.gradient, ("gradient",), "d_"),
                    Same("columns", [*second.columns]),
                    _matrix("hessian", "d2", second.columns, second.columns, second.matrix),
                ]
        return [*_all(batch.values(), ("values",))]

    def answer(self, block: Block, first: int) -> Answer:
        """The answers for a block whose first row is the `first` of the table."""
        points = self._layout.points(block)
        errors = {i: ("row", message) for i, message in block.errors.items()}
        for name, values in points.items():
            for i, *place in np.argwhere(np.isnan(values)).tolist():
                errors.setdefault(i, ("nonfinite-input", f"{self._layout.column(name, place)} is NaN"))
        batch, answers = self._answers(points)
        warnings = {} if self._warn is None else self._warn(batch, errors)
        arrays = [each[1] for each in answers if not isinstance(each, Same)]
        outputs = [each[1] for each in answers if not isinstance(each, Same) and each[0].path[0] in ("value", "values")]
        outside = _outside(outputs, warnings)
        errors |= dict.fromkeys(outside, (DOMAIN, "the point is outside the formula's domain"))
        warnings = {i: codes for i, codes in warnings.items() if i not in outside}
        return Answer(first, block.count, arrays, block.kept, errors, warnings)


def _outside(values: Sequence[Array], warnings: Mapping[int, tuple[str, ...]]) -> set[int]:
    """The rows at which the formula has no value at all, because an operation leaves its domain."""
    rows = [i for i, codes in warnings.items() if DOMAIN in codes]
    values = [array for array in values if array.size]
    if not rows or not values:
        return set()
    none = [np.isnan(array[rows].reshape(len(rows), -1)).all(axis=1) for array in values]
    return {i for i, lost in zip(rows, np.logical_and.reduce(none).tolist(), strict=True) if lost}


def _field(name: str, path: tuple[str, ...], heading: str, array: Array) -> tuple[Field, Array]:
    shape = array.shape[1:]
    return Field(name, path, partial(labels, heading, shape), shape), array


def _all(arrays: Mapping[str, Array], path: tuple[str, ...], mark: str = "") -> list[tuple[Field, Array]]:
    return [_field(mark + name, (*path, name), mark + name, array) for name, array in arrays.items()]


def _seed(key: str, seed: Mapping[str, Any]) -> Same:
    return Same(key, {name: np.asarray(value, dtype=np.float64) for name, value in seed.items()})


def _matrix(name: str, mark: str, rows: Sequence[str], columns: Sequence[str], matrix: Array) -> tuple[Field, Array]:
    return Field(
        name, (name,), lambda: [f"{mark}_{row}_{column}" for row in rows for column in columns], matrix.shape[1:]
    ), matrix


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
    width = sum(each.size for each in answering.fields)
    with _completed(writer):
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
                count.not_finite += _not_finite(answer)
                count.warned.update(chain.from_iterable(answer.warnings.values()))
                count.seconds = time.perf_counter() - start
                if told is not None:
                    told(count, block.part)
            written.finish()
        writer.close()
    count.seconds = time.perf_counter() - start
    return count


@contextmanager
def _completed(writer: Writer) -> Iterator[None]:
    """What is done here completes the file, or else nothing will."""
    try:
        yield
    except BaseException:
        writer.abandon()
        raise


def _head(answer: Answer, count: int) -> Answer:
    """The first rows of an answer, in which there are no errors."""
    arrays = [array[:count] for array in answer.arrays]
    warnings = {i: code for i, code in answer.warnings.items() if i < count}
    return Answer(answer.first, count, arrays, [texts[:count] for texts in answer.kept], {}, warnings)


def _not_finite(answer: Answer) -> int:
    """How many rows have results that are not finite. They all have warnings."""
    rows = list(answer.warnings)
    arrays = [array for array in answer.arrays if array.size]
    if not rows or not arrays:
        return 0
    finite = [np.isfinite(array[rows].reshape(len(rows), -1)).all(axis=1) for array in arrays]
    return int(np.count_nonzero(~np.logical_and.reduce(finite)))


def _cut(block: Block, width: int) -> Iterator[Block]:
    """A block in equal pieces, of at most `BLOCK_ROWS` rows and about `ANSWERED` numbers, for `width` of them a row."""
    pieces = -(-block.count // sizes.rows(width))
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
            block.part,
        )
