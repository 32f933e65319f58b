"""Tables of points in files, read a block at a time, so that a file of any length takes the same memory.

A row that cannot be read is a row with an error, in its place: the tables are read to their end. What is wrong with
a whole file (no such column, no array of numbers) raises `UsageError`.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from typing import BinaryIO

from diffcli.batching.readers.delimited import CsvTable
from diffcli.batching.readers.json_lines import JsonTable
from diffcli.batching.readers.lines import Lines
from diffcli.batching.readers.numpy_files import NpyTable, NpzTable
from diffcli.batching.readers.parquet import ParquetTable
from diffcli.batching.readers.table import Table
from diffcli.errors import UsageError
from diffcli.report.text import escape

__all__ = ["Table", "open_table"]

SUFFIXES = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".npy": "npy", ".npz": "npz",
            ".parquet": "parquet", ".pq": "parquet"}  # fmt: skip


def open_table(path: str, stream: BinaryIO | None, columns: Sequence[str] | None = None) -> Table:
    """The table in the file at `path` (“-”: in `stream`, CSV or JSON Lines); `columns` name those of an ``.npy``."""
    if path == "-":
        if stream is None:
            raise UsageError("standard input is closed", code="file")
        return _text(stream, "standard input", None, owned=False)
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
        said = getattr(error, "strerror", None) or str(error).partition("\n")[0] or type(error).__name__
        said = said[:1].lower() + said[1:]
        raise UsageError(f"{escape(path)} cannot be read: {said}", code="file") from error


def _text(stream: BinaryIO, name: str, kind: str | None, *, owned: bool = True) -> Table:
    lines = Lines(stream, owned=owned)
    start = lines.peek().lstrip()
    if kind is None:
        head = start.partition(b"\n")[0]
        kind = "jsonl" if head.startswith(b"{") else "tsv" if b"\t" in head and b"," not in head else "csv"
    if not start:
        raise UsageError(f"{escape(name)} is empty", hint="its first line names the columns: x,y", code="points")
    return JsonTable(lines, name) if kind == "jsonl" else CsvTable(lines, name, b"\t" if kind == "tsv" else b",")
