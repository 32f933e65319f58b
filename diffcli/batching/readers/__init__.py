"""Tables of points in files, read a block at a time, so that a file of any length takes the same memory.

A row that cannot be read is a row with an error, in its place: the tables are read to their end. What is wrong with
a whole file (no such column, no array of numbers) raises `UsageError`.
"""

from __future__ import annotations

import os
import sys
import zipfile
import zlib
from collections.abc import Collection, Iterator, Sequence
from typing import BinaryIO

from diffcli.batching.columns import Block
from diffcli.batching.readers.complaints import refuse_what_is_no_table
from diffcli.batching.readers.delimited import CsvTable
from diffcli.batching.readers.json_lines import JsonTable
from diffcli.batching.readers.lines import Lines
from diffcli.batching.readers.numpy_files import NpyTable, NpzTable
from diffcli.batching.readers.parquet import ParquetTable
from diffcli.batching.readers.table import Table
from diffcli.errors import UsageError
from diffcli.report.text import escape

__all__ = ["Table", "check", "forms", "open_table", "read_blocks"]

SUFFIXES = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".npy": "npy", ".npz": "npz",
            ".parquet": "parquet", ".pq": "parquet"}  # fmt: skip


def open_table(path: str, stream: BinaryIO | None, columns: Sequence[str] | None = None) -> Table:
    """The table in the file at `path` (“-”: in `stream`, CSV or JSON Lines); `columns` name those of an ``.npy``, and
    only those.
    """
    if columns is not None and SUFFIXES.get(os.path.splitext(path)[1].lower()) != "npy":
        raise UsageError("--columns is for .npy files: other tables name their columns themselves", code="points")
    if path == "-":
        if stream is None:
            raise UsageError("standard input is closed", code="file")
        # Past Python's own buffer: a thread that waits for more would hold it when the interpreter wants to end.
        return _text(getattr(stream, "raw", stream), "standard input", None, owned=False)
    kind = SUFFIXES.get(os.path.splitext(path)[1].lower())
    try:
        if kind == "npy":
            return NpyTable(path, columns)
        if kind == "npz":
            return NpzTable(path)
        if kind == "parquet":
            return ParquetTable(path)
        file = open(path, "rb")  # noqa: SIM115  # the table closes it
        try:
            return _text(file, path, kind)
        except BaseException:
            file.close()
            raise
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise _unreadable(path, error) from error


def forms(table: Table, inputs: Collection[str]) -> Iterator[None]:
    """The ways to read a table for a formula of these inputs: for each it is made ready, until the formula can take it.
    Only rows of JSON differ in what they hold.
    """
    return table.forms(inputs) if isinstance(table, JsonTable) else iter((None,))


def check(table: Table, path: str, columns: Sequence[str], keep: Sequence[str]) -> None:
    """Raises `UsageError` if these columns of the table in the file at `path` cannot be read."""
    try:
        table.check(columns, keep)
    except ValueError as error:
        raise _unreadable(path, error) from error


def read_blocks(table: Table, path: str, columns: Sequence[str], keep: Sequence[str]) -> Iterator[Block]:
    """The rows of the table in the file at `path`. Raises `UsageError` where the file cannot be read any further."""
    blocks = table.blocks(columns, keep)
    while True:
        try:
            block = next(blocks, None)
        except Exception as error:
            package = sys.modules.get("pyarrow")
            broken = (OSError, EOFError, zlib.error, zipfile.BadZipFile, *([package.ArrowException] if package else []))
            if not isinstance(error, broken):
                raise
            raise _unreadable(path, error) from error
        if block is None:
            return
        block.part = table.progress()
        yield block


def _unreadable(path: str, error: Exception) -> UsageError:
    name = "standard input" if path == "-" else escape(path)
    if isinstance(error, zipfile.BadZipFile):
        said = f"{name} cannot be read: it is no whole ZIP archive, which .npz files are"
        return UsageError(said, hint="if it was cut off, write or copy it once more", code="file")
    said = getattr(error, "strerror", None) or str(error).partition("\n")[0] or type(error).__name__
    return UsageError(f"{name} cannot be read: {said[:1].lower() + said[1:]}", code="file")


def _text(stream: BinaryIO, name: str, kind: str | None, *, owned: bool = True) -> Table:
    lines = Lines(stream, owned=owned)
    start = lines.peek().lstrip()
    if kind is None:
        head = start.partition(b"\n")[0]
        kind = "jsonl" if head.startswith(b"{") else "tsv" if b"\t" in head and b"," not in head else "csv"
    if not start:
        raise UsageError(f"{escape(name)} is empty", hint="its first line names the columns: x,y", code="points")
    refuse_what_is_no_table(name, start)
    return JsonTable(lines, name) if kind == "jsonl" else CsvTable(lines, name, b"\t" if kind == "tsv" else b",")
