"""Parquet, by pyarrow, which is imported here alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from diffcli.batching import sizes
from diffcli.batching.columns import Array, Block
from diffcli.batching.readers.table import leaves, plain, shown
from diffcli.errors import UsageError
from diffcli.labels import labels


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
        self._length: dict[str, int | None] = {}
        first = next(self._file.iter_batches(batch_size=1), None)
        for each in self._file.schema_arrow:
            value = first.column(each.name)[0].as_py() if first is not None and first.num_rows else None
            self._length[each.name] = len(value) if isinstance(value, list) else None
        self.names = [label for name, n in self._length.items() for label in labels(name, () if n is None else (n,))]

    def progress(self) -> float | None:
        return self._done / self._count if self._count else None

    def close(self) -> None:
        self._file.close()

    def blocks(self, columns: Sequence[str], keep: Sequence[str]) -> Iterator[Block]:
        mine = {name: labels(name, () if n is None else (n,)) for name, n in self._length.items()}
        used = [name for name, each in mine.items() if not {*columns, *keep}.isdisjoint(each)]
        for batch in self._file.iter_batches(batch_size=sizes.BLOCK_ROWS, columns=used):
            errors: dict[int, str] = {}
            numbers: dict[str, Array] = {}
            for name in used:
                if {*columns}.isdisjoint(mine[name]):
                    continue
                numbers |= zip(mine[name], self._numbers(name, batch.column(name), errors), strict=True)
            kept = [[plain(value) for value in batch.column(name).to_pylist()] for name in keep]
            self._done += batch.num_rows
            yield Block(batch.num_rows, numbers, [*kept], errors)

    def _numbers(self, name: str, column: Any, errors: dict[int, str]) -> list[Array]:
        import pyarrow as arrow

        n = self._length[name]
        if n is None and column.null_count == 0:
            try:
                return [column.cast(arrow.float64()).to_numpy(zero_copy_only=False)]
            except arrow.ArrowException:
                pass
        rows = np.ones((len(column), 1 if n is None else n))
        shape = () if n is None else (n,)
        for i, value in enumerate(column.to_pylist()):
            array = leaves(value)
            if array is None or array[0] != shape:
                wanted = "a number" if n is None else f"a list of {n} numbers"
                errors.setdefault(i, f"{name} is {shown(plain(value))}, not {wanted}")
            else:
                rows[i] = array[1]
        return list(rows.T)
