"""Points: the values that a person gives to names, as ``x=1, w=[1,2,3]``, JSON, or arrays in files.

Nearly all values are plain numbers or lists of them; these are read here and now. Anything else is a constant
expression of the language, and goes the way of every expression.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from math import isinf
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, TextIO

import numpy as np
from numpy.typing import NDArray

from diffcli.errors import DiffcliError, Source, Span, UsageError
from diffcli.graph import MAX_DIMENSIONS
from diffcli.language.source import read_standard_input, read_text, short

if TYPE_CHECKING:
    from diffcli.language.syntax import Expression

Array = NDArray[np.float64]
Evaluate = Callable[["Expression", Source], Array]

PLAIN_NUMBER = re.compile(r"[+-]?([0-9]+(?:\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?").fullmatch
PLAIN_LIST = re.compile(r"\[[\[\]0-9eE+\-., \t\r\n]*\]").fullmatch
CUT = re.compile(r"[,()\[\]]").finditer
#: So many of the names that a value may be meant for are told.
NAMED = 4
SPECIAL = {"NaN": np.nan, "Infinity": np.inf, "-Infinity": -np.inf}  # as JSON output spells them


class Assignment(NamedTuple):
    """One ``name=value`` of a text, not yet evaluated; the spans are places in that text."""

    name: str  # NFC-normalised
    name_span: Span
    value: str
    value_span: Span


class _Given(NamedTuple):
    """A value, and how to show it should its name be given again."""

    value: Array
    shown: str


def read_point(
    words: Sequence[str],
    stdin: BinaryIO | TextIO | None,
    evaluate_constant: Evaluate,
    *,
    option: str = "--at",
    names: Sequence[str] = ("x",),
) -> dict[str, Array]:
    """The point that `words` spell: each is ``x=1, w=[1,2]``, ``@point.json``, or ``-`` for JSON from `stdin`.

    A value is a float64 array, of shape () for a number; the order is that in which the names were given.
    `evaluate_constant` gives the value of what is no plain number. Raises UsageError; `option` is the name
    of the source in which its caret points, and `names` are those that a value without one may be meant for.
    """
    point: dict[str, _Given] = {}
    for word in words:
        if word == "-":
            _merge(point, _json_point(read_standard_input(stdin), "standard input"), None)
        elif word.startswith("@"):
            _merge(point, _json_point(read_text(word[1:]), word[1:]), None)
        else:
            source = Source(word, option)
            for assignment in split_assignments(word, option, names):
                value = _value(assignment, source, evaluate_constant)
                given = _Given(value, f"{assignment.name}={short(assignment.value)}")
                _merge(point, [(assignment.name, given)], (source, assignment.name_span))
    return {name: given.value for name, given in point.items()}


def split_assignments(text: str, option: str = "--at", names: Sequence[str] = ("x",)) -> list[Assignment]:
    """Cut ``x=1, w=[1,2,3]`` at the commas that stand outside brackets. Raises UsageError; `names` as above."""
    if not text.strip():
        return []
    source = Source(text, option)
    pieces = list(_pieces(text))
    if len(pieces) > 1 and not text[slice(*pieces[-1])].strip():
        del pieces[-1]  # a comma at the end harms nobody: the shell cuts `x=1, y=2` into `x=1,` and `y=2`
    assignments: list[Assignment] = []
    for place, (start, end) in enumerate(pieces):
        equal = text.find("=", start, end)
        if equal < 0:
            raise _no_assignment(source, assignments, pieces, place, names)
        name_span = _trimmed(text, start, equal)
        value_span = _trimmed(text, equal + 1, end)
        name = _name(source, name_span)
        value = text[slice(*value_span)]
        if not value:
            raise _wrong(f"{name} has no value", source, (name_span[0], equal + 1), f"write {name}=1")
        if value.startswith("="):
            hint = f"write {name}={short(value.lstrip('= '))}"
            raise _wrong("a value is given by one =", source, (equal, value_span[0] + 1), hint)
        assignments.append(Assignment(name, name_span, value, value_span))
    return assignments


# ---- the text --------------------------------------------------------------------------------------------


def _pieces(text: str) -> Iterator[Span]:
    """The stretches between the commas outside brackets."""
    start = depth = 0
    for match in CUT(text):
        sign = match[0]
        if sign in "([":
            depth += 1
        elif sign in ")]":
            depth -= depth > 0
        elif depth == 0:
            yield start, match.start()
            start = match.end()
    yield start, len(text)


def _trimmed(text: str, start: int, end: int) -> Span:
    """The span without the white space at its ends."""
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end


def _name(source: Source, span: Span) -> str:
    name = source.text[slice(*span)]
    if name.isascii():
        good = name.isidentifier()
    else:
        from diffcli.language.parse import normal_name

        normal = normal_name(name)
        good = normal is not None
        name = normal or name
    if good:
        return name
    if not name:
        raise _wrong("no name stands before =", source, (span[0], span[0] + 1), "write x=1")
    gap = re.search(r"\s", name)
    hint = "put a comma between two values: x=1, y=2" if gap else "a name has letters, digits and _ only"
    if name[0] in "{\"'":
        hint = "write x=1, y=2, or give JSON in a file, as @point.json"
    raise _wrong(f"{short(name)} is no name", source, span, hint)


def _no_assignment(
    source: Source, before: list[Assignment], pieces: list[Span], place: int, names: Sequence[str]
) -> UsageError:
    """The error for a piece without =."""
    text = source.text
    span = _trimmed(text, *pieces[place])
    piece = text[slice(*span)]
    if not piece:
        return _wrong("nothing stands before a comma", source, (span[0], span[0] + 1), "remove the comma")
    if before and PLAIN_NUMBER(piece) and PLAIN_NUMBER(before[-1].value):
        last = before[-1]
        whole = (last.name_span[0], span[1])
        numbers = [text[slice(*_trimmed(text, *later))] for later in pieces[place:]]
        if len(numbers) > 1 and PLAIN_NUMBER(numbers[1]):
            hint = f"write {last.name}=[{short(', '.join([last.value, *filter(PLAIN_NUMBER, numbers)]))}]"
            return _wrong("a list needs brackets", source, whole, hint)
        if piece.isdigit() and "." not in last.value:
            return _wrong("a comma inside a number", source, whole, f"write {last.name}={last.value}.{piece}")
    if piece.isidentifier():
        return _wrong(f"{short(piece)} has no value", source, span, f"write {short(piece)}=1")
    gap = re.fullmatch(r"(\w+)\s+(\S.*)", piece, re.DOTALL)
    if gap and gap[1].isidentifier():
        return _wrong(f"no = stands between {gap[1]} and its value", source, span, f"write {gap[1]}={short(gap[2])}")
    missing = [name for name in names if all(name != each.name for each in before)] or list(names)
    value = short(piece) if len(missing) == 1 else "…"
    hint = ", ".join(f"{name}={value}" for name in missing[:NAMED]) + (", …" if len(missing) > NAMED else "")
    return _wrong(f"{short(piece)} has no name", source, span, f"write {hint}")


def _merge(point: dict[str, _Given], values: Iterable[tuple[str, _Given]], place: tuple[Source, Span] | None) -> None:
    for name, given in values:
        if name in point:
            source, span = place or (None, None)
            message = f"{name} is given twice: {point[name].shown} and {given.shown}"
            raise UsageError(message, span, "remove one of the two", code="duplicate", source=source)
        point[name] = given


def _wrong(message: str, source: Source, span: Span, hint: str, code: str = "point") -> UsageError:
    return UsageError(message, span, hint, code=code, source=source)


# ---- values ----------------------------------------------------------------------------------------------


def _value(assignment: Assignment, source: Source, evaluate_constant: Evaluate) -> Array:
    text = assignment.value
    if PLAIN_NUMBER(text):
        number = float(text)
        if not isinf(number):
            return np.array(number)
    elif PLAIN_LIST(text):
        plain = _plain_list(text)
        if plain is not None:
            return plain
    elif text.startswith("@"):
        from diffcli.language.array_files import read_array

        try:
            return read_array(text[1:], assignment.name)
        except UsageError as error:
            raise error.located(source, assignment.value_span) from None
    return _constant(assignment, source, evaluate_constant)


def _plain_list(text: str) -> Array | None:
    """A list of numbers that JSON writes as we do; None if it is not quite that."""
    import json

    try:
        array = _array(json.loads(text, parse_int=float))
    except (ValueError, RecursionError, _NoArrayError):
        return None
    return array if np.isfinite(array).all() else None


def _constant(assignment: Assignment, source: Source, evaluate_constant: Evaluate) -> Array:
    """The value of a constant expression; its errors point into `source`."""
    from diffcli.language.parse import parse_file
    from diffcli.language.syntax import Bare

    text, offset = assignment.value, assignment.value_span[0]
    own = Source(text, source.name)
    try:
        statements = parse_file(own).statements
        if len(statements) != 1 or not isinstance(statements[0], Bare):
            raise _wrong("a value is one expression", own, (0, len(text)), "put a comma between two values: x=1, y=2")
        return np.asarray(evaluate_constant(statements[0].value, own), dtype=np.float64)
    except DiffcliError as error:
        second = re.search(r"(?<=[\s;])([^\W\d]\w*)\s*=(?!=)", text)
        if second and not _inside_brackets(text[: second.start()]):
            place = (offset + second.start(), offset + second.end())
            hint = f"write a comma before {short(second[1])}="
            raise _wrong("no comma between two values", source, place, hint) from None
        span = error.span and (error.span[0] + offset, error.span[1] + offset)
        # What is wrong with a point is the command line's fault, not the expression's: exit code 2.
        raise UsageError(error.message, span, error.hint, code=error.code, source=source) from None


def _inside_brackets(before: str) -> bool:
    return before.count("(") + before.count("[") > before.count(")") + before.count("]")


class _NoArrayError(Exception):
    """Nested lists that are no array: why, and what to do about it."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def _array(value: Any) -> Array:
    """A number or nested lists of numbers as an array; level by level, for lists may be deep."""
    shape: list[int] = []
    level = [value]
    while level and isinstance(level[0], list):
        length = len(level[0])
        for place, row in enumerate(level):
            if not isinstance(row, list):
                raise _NoArrayError(f"row {place} is a number where the others are lists", "give all rows one length")
            if len(row) != length:
                message = f"the rows differ in length: row 0 has {length}, row {place} has {len(row)}"
                raise _NoArrayError(message, "give all rows one length")
        shape.append(length)
        if len(shape) > MAX_DIMENSIONS:
            raise _NoArrayError(f"its lists are nested more than {MAX_DIMENSIONS} deep", "flatten them")
        level = [item for row in level for item in row]
    if not all(type(leaf) is float for leaf in level):
        level = [_number(leaf) for leaf in level]
    return np.array(level, dtype=np.float64).reshape(shape)


def _number(leaf: Any) -> float:
    """A JSON number, or one of the strings that stand for what JSON has no number for."""
    match leaf:
        case bool():
            raise _NoArrayError(f"{str(leaf).lower()} is no number", f"write {int(leaf)}")
        case float():
            return leaf
        case str() if leaf in SPECIAL:
            return SPECIAL[leaf]
        case str():
            hint = f"write {leaf} without quotes" if PLAIN_NUMBER(leaf) else 'only "NaN" and "Infinity" are quoted'
            raise _NoArrayError(f'"{short(leaf)}" is no number', hint)
        case list():
            raise _NoArrayError("a list stands where the others are numbers", "give all rows one length")
        case None:
            raise _NoArrayError("null is no number", 'write "NaN" for a missing value')
    raise _NoArrayError("an object is no number", "give numbers and lists of numbers")


# ---- files -----------------------------------------------------------------------------------------------


def _json_point(text: str, origin: str) -> list[tuple[str, _Given]]:
    """A JSON object of numbers and nested lists."""
    import json

    source = Source(text, origin)
    try:
        pairs = json.loads(text, parse_int=float, object_pairs_hook=_Pairs)
    except json.JSONDecodeError as error:
        place = min(error.pos, len(text))
        what = error.msg[:1].lower() + error.msg[1:]
        span = (place, min(place + 1, len(text)))
        raise _wrong(f"{origin} is no valid JSON: {what}", source, span, 'write {"x": 1, "w": [1, 2]}') from None
    except RecursionError:
        hint = 'write {"x": 1, "w": [1, 2]}'
        raise UsageError(f"{origin} is nested too deeply", hint=hint, code="point") from None
    if not isinstance(pairs, _Pairs):
        raise UsageError(f"{origin} holds no JSON object", hint='write {"x": 1, "w": [1, 2]}', code="point")
    infinite = "Infinity" in text  # looked up once: the text is as long as the point
    values: list[tuple[str, _Given]] = []
    for key, value in pairs.items:
        name = _key(key, origin)
        try:
            array = _array(value)
        except _NoArrayError as error:
            raise UsageError(f"{origin}: {name}: {error.message}", hint=error.hint, code="point") from None
        if not infinite and np.isinf(array).any():
            hint = 'write "Infinity" if it is meant'
            raise UsageError(f"{origin}: {name}: a number is too large for a double", hint=hint, code="point")
        values.append((name, _Given(array, f"{name} in {origin}")))
    return values


class _Pairs:
    """A JSON object, with the names that it gives twice."""

    def __init__(self, items: list[tuple[str, Any]]) -> None:
        self.items = items


def _key(key: str, origin: str) -> str:
    from diffcli.language.parse import normal_name

    name = normal_name(key)
    if name is None:
        hint = "a name has letters, digits and _ only"
        raise UsageError(f'{origin}: "{short(key)}" is no name', hint=hint, code="point")
    return name
