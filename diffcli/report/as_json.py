"""JSON: always valid, keys in a fixed order, and every number the shortest text that reads back to the same double.

JSON has no NaN and no infinity: they are the strings "NaN", "Infinity" and "-Infinity", which Python's ``float()`` and
JavaScript's ``Number()`` read back. Written here rather than with `json`, whose decoder would cost every start.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from diffcli.report.digits import nested
from diffcli.report.result import FOR_PEOPLE, IF_ASKED, schema

if TYPE_CHECKING:
    from diffcli.errors import DiffcliError
    from diffcli.report.result import Result

NON_FINITE = {"nan": '"NaN"', "inf": '"Infinity"', "-inf": '"-Infinity"'}
_UNSAFE = re.compile(r'["\\\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff]')
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def encode(result: Result, *, spread: bool = False) -> str:
    """`result` as one line of JSON, or `spread` over lines for a reader; it ends with a newline."""
    return _object({"schema": schema(result), **_fields(result)}, spread)


def encode_error(error: DiffcliError) -> str:
    """The error object that scripts read; ``in`` names the text that the span counts in."""
    about = {
        "code": error.code,
        "message": error.message,
        "span": list(error.span) if error.span else None,
        "hint": error.hint,
        "in": error.source.name if error.source and error.span else None,
    }
    return _object({"schema": "diffcli.error/1", "error": about}, spread=False)


def _object(fields: Mapping[str, Any], spread: bool) -> str:
    if not spread:
        return dumps(fields) + "\n"
    members = []
    for key, value in fields.items():
        items = value.tolist() if getattr(value, "ndim", 0) else value
        if isinstance(items, (list, tuple)) and items and isinstance(items[0], (list, tuple, dict)):
            body = "[\n    " + ",\n    ".join(map(dumps, items)) + "\n  ]"
        else:
            body = dumps(value)
        members.append(f"  {dumps(key)}: {body}")
    return "{\n" + ",\n".join(members) + "\n}\n"


def _fields(record: Any) -> dict[str, Any]:
    """The fields of a named tuple that JSON carries, in order."""
    return {
        key: value
        for key, value in zip(record._fields, record, strict=True)
        if key not in FOR_PEOPLE and not (value is None and key in IF_ASKED)
    }


def dumps(value: Any) -> str:
    """Any plain value of a result as JSON on one line. Nesting is that of results, so it is shallow."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return f'"{_UNSAFE.sub(_escaped, value)}"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _number(float(value))
    if hasattr(value, "_fields"):
        value = _fields(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{dumps(key)}: {dumps(item)}" for key, item in value.items()) + "}"
    if hasattr(value, "tolist"):
        return nested(value, _number) or _array(value.tolist())
    return "[" + ", ".join(map(dumps, value)) + "]"


def _number(value: float) -> str:
    text = repr(value)
    return NON_FINITE.get(text, text)


def _array(numbers: Any) -> str:
    """An array's nested lists. Python writes finite floats as JSON does, and writes them fast."""
    text = repr(numbers)
    return re.sub(r"-?\b(?:nan|inf)\b", lambda found: NON_FINITE[found[0]], text) if "n" in text else text


def _escaped(found: re.Match[str]) -> str:
    return _SHORT.get(found[0]) or f"\\u{ord(found[0]):04x}"
