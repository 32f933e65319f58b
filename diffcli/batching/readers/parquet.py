"""Parquet, by pyarrow, which is imported here alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any

import numpy as np

from diffcli.batching import sizes
from diffcli.batching.columns import Array, Block, Shape, Shapes
from diffcli.batching.readers.quickly import NUMBER
from diffcli.batching.readers.table import element, leaves, located, plain, shown
from diffcli.errors import UsageError


class ParquetTable:
    """A Parquet file; a column of lists of one length is an array."""

    def __init__(self, path: str) -> None:
        try:
            import pyarrow.parquet as parquet
        except ImportError:
            raise UsageError(
                "Parquet needs pyarrow", hint="pip install 'diffcli[parquet]'", code="missing-package"
            ) from None
        self._file = parquet.ParquetFile(path, pre_buffer=False)  # which would hold all that was read
        self._count = self._file.metadata.num_rows
        self._done = 0
        schema = self._file.schema_arrow
        self.names: list[str] = [*schema.names]
        self.shapes: Shapes = {
            each.name: self._shape(k) if _holds_lists_of_numbers(each.type) else () for k, each in enumerate(schema)
        }

    def _shape(self, k: int) -> tuple[int, ...]:
        """The shape of the lists of a column, as the first that is not empty shows it; () if there is none."""
        name = self._file.schema_arrow.names[k]
        for size, most in ((1, 1), (sizes.BLOCK_ROWS, None)):  # the first row has it, mostly
            for batch in islice(self._file.iter_batches(batch_size=size, columns=[name]), most):
                for value in filter(None, batch.column(0).to_pylist()):
                    found = leaves(value)
                    if found is not None:
                        return found[0]
                    if not isinstance(value[0], list):  # numbers and nulls
                        return (len(value),)
        return ()

    def progress(self) -> float | None:
        return self._done / self._count if self._count else None

    def close(self) -> None:
        self._file.close()

    def check(self, columns: Sequence[str], keep: Sequence[str]) -> None:
        """Every row says for itself what it holds."""

    def blocks(self, columns: Sequence[str], keep: Sequence[str]) -> Iterator[Block]:
        places = [located(label, self.shapes) for label in keep]
        used = [*dict.fromkeys([*columns, *(name for name, _ in places)])]
        rows = sizes.rows(sum(math.prod(self.shapes[name]) for name in used))
        for batch in self._file.iter_batches(batch_size=rows, columns=used):
            errors: dict[int, str] = {}
            numbers = {name: self._numbers(name, batch.column(name), errors) for name in columns}
            kept = []
            for name, at in places:
                column = batch.column(name)
                kept.append([plain(element(each, at)) for each in column.to_pylist()] if at else _texts(column))
            self._done += batch.num_rows
            yield Block(batch.num_rows, numbers, [*kept], errors)

    def _numbers(self, name: str, column: Any, errors: dict[int, str]) -> Array:
        shape = self.shapes[name]
        if shape == ():
            return _scalars(name, column, errors)
        whole = _lists(column, shape)
        if whole is not None:
            return whole
        rows = np.ones((len(column), *shape))
        flat = rows.reshape(len(column), math.prod(shape))
        for i, value in enumerate(column.to_pylist()):
            array = leaves(value)
            if array is None or array[0] != shape:
                wanted = f"a list of {shape[0]} numbers" if len(shape) == 1 else f"an array of the shape {shape}"
                errors.setdefault(i, f"{name} is {shown(plain(value))}, not {wanted}")
            else:
                flat[i] = array[1]
        return rows


def _holds_lists_of_numbers(kind: Any) -> bool:
    """Whether the values of a column of that type are arrays of numbers, nested lists."""
    import pyarrow as arrow

    leaf = kind
    while arrow.types.is_list(leaf) or arrow.types.is_large_list(leaf) or arrow.types.is_fixed_size_list(leaf):
        leaf = leaf.value_type
    return leaf is not kind and (arrow.types.is_integer(leaf) or arrow.types.is_floating(leaf))


def _lists(column: Any, shape: Shape) -> Array | None:
    """Lists of numbers all at once; None if one of them is missing, or of another length, or lacks a number."""
    import pyarrow as arrow
    import pyarrow.compute as compute

    if len(shape) > 1 or column.null_count:
        return None
    numbers = column.flatten()
    whole = arrow.types.is_integer(numbers.type) or numbers.type in (arrow.float32(), arrow.float64())
    if not whole or numbers.null_count or (compute.list_value_length(column).to_numpy() != shape[0]).any():
        return None
    found: Array = np.array(numbers.cast(arrow.float64(), safe=False).to_numpy()).reshape(len(column), *shape)
    return found


def _scalars(name: str, column: Any, errors: dict[int, str]) -> Array:
    """The numbers of a column, with an error where there is none: what a row gives does not depend on the others."""
    import pyarrow as arrow

    if arrow.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if arrow.types.is_boolean(kind) or arrow.types.is_integer(kind) or arrow.types.is_floating(kind):
        found = column.cast(arrow.float64(), safe=False)
    elif arrow.types.is_decimal(kind):
        found = column.cast(arrow.string()).cast(arrow.float64())  # by way of its digits it is rounded correctly
    else:
        return _spelled(name, column, errors)
    numbers: Array = np.array(found.fill_null(1.0).to_numpy(zero_copy_only=False))
    if column.null_count:
        for i in np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False)).tolist():
            errors.setdefault(i, f"{name} is empty, not a number")
    return numbers


def _spelled(name: str, column: Any, errors: dict[int, str]) -> Array:
    """The numbers that texts spell; dates and the like spell none."""
    import pyarrow as arrow

    numbers = np.full(len(column), np.nan)
    if arrow.types.is_string(column.type) or arrow.types.is_large_string(column.type):
        # All at once; what comes out as NaN may be a null, or nan(…), which is no number here.
        with suppress(arrow.ArrowInvalid):
            numbers = np.array(column.cast(arrow.float64()).to_numpy(zero_copy_only=False))
    rows = np.flatnonzero(np.isnan(numbers))
    if not len(rows):
        return numbers
    texts = _texts(column)
    never = arrow.types.is_temporal(column.type)
    for i in rows.tolist():
        number = texts[i].strip().encode("utf-8", "surrogateescape")
        if NUMBER(number) and not never:
            numbers[i] = float(number)
        else:
            numbers[i] = 1.0
            errors.setdefault(i, f"{name} is {shown(texts[i])}, not a number")
    return numbers


def _texts(column: Any) -> list[str]:
    """What is carried along of a column: dates and times by ISO 8601, numbers and nested values as JSON."""
    import pyarrow as arrow

    if arrow.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if arrow.types.is_temporal(column.type):  # which Python cannot hold to the nanosecond
        try:
            spelled = column.cast(arrow.string()).to_pylist()
        except arrow.ArrowException:
            spelled = [each if each is None else str(each) for each in column.to_pylist()]
        return ["" if each is None else each.replace(" ", "T") for each in spelled]
    try:
        return [plain(value) for value in column.to_pylist()]
    except ValueError:  # nanoseconds, deep inside
        return [plain(_value(each)) for each in column]


def _value(scalar: Any) -> Any:
    """A nested value as Python's, but for moments, which are texts."""
    import pyarrow as arrow

    if not scalar.is_valid:
        return None
    if isinstance(scalar, arrow.ListScalar):
        return [_value(each) for each in scalar.values]
    if isinstance(scalar, arrow.StructScalar):
        return {name: _value(each) for name, each in scalar.items()}
    if arrow.types.is_timestamp(scalar.type):
        return _texts(arrow.array([scalar.value], scalar.type))[0]
    return scalar.as_py()
