"""From a result and a format to what is written; each format's module is imported only when it is asked for."""

from __future__ import annotations

from os.path import splitext
from typing import TYPE_CHECKING

from diffcli.errors import UsageError
from diffcli.report.text import escape

if TYPE_CHECKING:
    from diffcli.report.result import Result
    from diffcli.report.terminal import Reader

FORMATS = ("table", "json", "jsonl", "csv", "tsv", "npy", "npz", "mtx")
#: What only a table of answers is written as.
FOR_TABLES = ("parquet",)
BINARY = frozenset({"npy", "npz"})
#: Suffixes that are not the name of their format.
_SUFFIXES = {"": "table", "txt": "table", "ndjson": "jsonl", "pq": "parquet"}


def guess(path: str | None) -> str:
    """The format that a file's suffix names, or the suffix itself if it names none. Without one it is a table."""
    suffix = splitext(path or "")[1][1:].lower()
    return _SUFFIXES.get(suffix, suffix)


def require(form: str) -> None:
    """Raises UsageError unless the result at one point can be written so."""
    if form in FOR_TABLES:
        raise UsageError("Parquet is for tables of answers", hint="add --points FILE, or write CSV", code="usage")
    if form not in FORMATS:
        hint = f"choose txt, {', '.join(FORMATS[1:])}; --format table goes with any name"
        raise UsageError(f"a result is not written as {escape(form)}", hint=hint, code="usage")


def render(
    result: Result,
    form: str,
    reader: Reader,
    *,
    digits: int | None = None,
    everything: bool = False,
    explain: bool = False,
) -> str | bytes:
    """`result` in the format `form` for `reader`: text for people, bytes for programs (JSON and CSV are UTF-8).

    Raises UsageError where a terminal would get a binary file, or the result holds no array to put in one.
    """
    if form in ("json", "jsonl"):
        from diffcli.report import as_json

        return as_json.encode(result, spread=reader.terminal and form == "json").encode()
    if form in ("csv", "tsv"):
        from diffcli.report import as_csv

        return as_csv.render(result, "\t" if form == "tsv" else ",").encode("utf-8", "backslashreplace")
    if form == "mtx":
        from diffcli.report import as_mtx

        return as_mtx.render(result).encode()
    if form in BINARY:
        if reader.terminal:
            raise UsageError(f"a terminal cannot show {form}, which is binary", hint=f"write a file: -o result.{form}")
        from diffcli.report import as_numpy

        return as_numpy.npy(result) if form == "npy" else as_numpy.npz(result)
    if not reader.terminal and not reader.colour:
        from diffcli.report import plain

        return plain.render(result, digits=digits, explain=explain)
    from diffcli.report import console

    return console.render(
        result,
        width=reader.width if reader.terminal else None,
        colour=reader.colour,
        unicode=reader.unicode,
        digits=digits,
        explain=explain,
        everything=everything,
    )
