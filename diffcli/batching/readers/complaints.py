"""What is wrong with a whole table, said with the cure: files that are no text, columns that nobody wants."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from diffcli.errors import UsageError
from diffcli.report.text import escape

#: How files begin that hold no text, what they are, and what to do with them.
_BINARY = {
    b"\x1f\x8b": ("is compressed", "unpack it on the way: gunzip -c FILE | diffcli … --points -"),
    b"BZh": ("is compressed", "unpack it on the way: bunzip2 -c FILE | diffcli … --points -"),
    b"\xfd7zXZ\x00": ("is compressed", "unpack it on the way: xz -dc FILE | diffcli … --points -"),
    b"\x28\xb5\x2f\xfd": ("is compressed", "unpack it on the way: zstd -dc FILE | diffcli … --points -"),
    b"PK\x03\x04": ("is a spreadsheet or an archive", "save it as CSV; an archive of NumPy arrays is named .npz"),
    b"\xd0\xcf\x11\xe0": ("is a spreadsheet", "save it as CSV"),
    b"PAR1": ("is Parquet", "give its name the ending .parquet"),
    b"\x93NUMPY": ("is an array of NumPy's", "give its name the ending .npy"),
    b"\xff\xfe\x00\x00": ("is written in UTF-32", "iconv -f UTF-32 -t UTF-8 FILE | diffcli … --points -"),
    b"\x00\x00\xfe\xff": ("is written in UTF-32", "iconv -f UTF-32 -t UTF-8 FILE | diffcli … --points -"),
    b"\xff\xfe": ("is written in UTF-16", "iconv -f UTF-16 -t UTF-8 FILE | diffcli … --points -"),
    b"\xfe\xff": ("is written in UTF-16", "iconv -f UTF-16 -t UTF-8 FILE | diffcli … --points -"),
}


def refuse_what_is_no_table(name: str, start: bytes) -> None:
    """Raise `UsageError` if what begins with `start`, its first line at least, is no table of text."""
    for mark, (what, hint) in _BINARY.items():
        if start.startswith(mark):
            raise UsageError(f"{escape(name)} {what}", hint=hint, code="file")
    first = start.partition(b"\n")[0].removesuffix(b"\r")
    if b"\x00" in first:
        # Without the mark that tells: every other byte of a Latin letter is zero.
        for encoding, zeros, letters in (("UTF-16LE", first[1::2], first[::2]), ("UTF-16BE", first[::2], first[1::2])):
            if zeros.count(0) > len(zeros) // 2 and 0 not in letters:
                hint = f"iconv -f {encoding} -t UTF-8 FILE | diffcli … --points -"
                raise UsageError(f"{escape(name)} is written in UTF-16", hint=hint, code="file")
        raise UsageError(f"{escape(name)} is no text: its first line holds zero bytes", code="file")
    if b"\r" in first:
        hint = "tr '\\r' '\\n' < FILE | diffcli … --points -"
        raise UsageError(f"the lines of {escape(name)} end in carriage returns", hint=hint, code="file")
    if first.lstrip().startswith(b"[") and not re.match(rb"\s*\[[^,]*\]", first):
        hint = "write an object a line: jq -c '.[]' FILE | diffcli … --points -"
        raise UsageError(f"{escape(name)} is a JSON array", hint=hint, code="points")


def unwanted(names: Sequence[str], inputs: Iterable[str]) -> str:
    """What to do about a table none of whose columns is an input."""
    if not names:
        return f"the table has no columns, and the inputs are {', '.join(inputs) or 'none'}"
    inputs = [*inputs]
    if not inputs:
        return "the formula has no inputs, so its value is the same at all points"
    (name, *more) = names
    if name.startswith("#"):
        return "its first line is a comment: grep -v '^#' FILE | diffcli … --points -"
    for sign, said in ((";", "semicolons"), ("|", "bars")):
        if not more and sign in name:
            comma = " and have their numbers written with a point" if sign == ";" else ""
            return f"its columns are separated by {said}: have them separated by commas{comma}"
    if not more and len(name.split()) > 1:
        return "its columns are separated by blanks: have them separated by commas"
    if all(re.fullmatch(r"[-+.\deE]+", each) for each in names):
        return f"its first line holds numbers: begin with one that names the columns, {','.join(inputs)}"
    return f"its inputs are {', '.join(inputs) or 'none'}, and the columns {listed(names)}"


def listed(names: Sequence[str]) -> str:
    """Some names, at most a dozen."""
    return escape(", ".join(names[:12])) + (f", … ({len(names)} in all)" if len(names) > 12 else "")
