"""Points in all their forms, and what is said about bad ones."""

from __future__ import annotations

import io
import json
import math
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffcli.errors import ExpressionError, Source, UsageError
from diffcli.language.points import read_point, split_assignments
from diffcli.language.syntax import ArrayLiteral, Binary, Call, Name, Number, Unary

CONSTANTS = {"pi": math.pi, "e": math.e, "inf": math.inf, "nan": math.nan}
OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "^": np.power,
}


def evaluate(tree: Any, source: Source) -> Any:
    """Constants, as small as the tests need it."""
    match tree:
        case Number(value=value):
            return np.float64(value)
        case Name(name=name, span=span):
            if name not in CONSTANTS:
                raise ExpressionError(f"{name} is no constant", span, "give its value", code="name", source=source)
            return np.float64(CONSTANTS[name])
        case Unary(op=op, operand=operand):
            return evaluate(operand, source) * (-1.0 if op == "-" else 1.0)
        case Binary(op=op, left=left, right=right):
            return OPERATORS[op](evaluate(left, source), evaluate(right, source))
        case ArrayLiteral(items=items, span=span):
            values = [evaluate(item, source) for item in items]
            if len({np.shape(value) for value in values}) > 1:
                raise ExpressionError("the rows differ in length", span, "give all rows one length", code="shape")
            return np.array(values)
        case Call(name="sum", args=(arg,)):
            return np.sum(evaluate(arg, source))
    raise AssertionError(tree)


def point(*words: str, stdin: io.BytesIO | None = None) -> dict[str, Any]:
    return {name: value.tolist() for name, value in read_point(words, stdin, evaluate).items()}


def error(*words: str, stdin: io.BytesIO | None = None) -> UsageError:
    with pytest.raises(UsageError) as caught:
        read_point(words, stdin, evaluate)
    problem = caught.value
    assert problem.exit_code == 2
    assert problem.hint
    if problem.span:
        assert problem.source
        assert 0 <= problem.span[0] <= problem.span[1] <= len(problem.source.text)
    return problem


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["x=1"], {"x": 1.0}),
        (["x=1, y=-2, w=[1,2,3]"], {"x": 1.0, "y": -2.0, "w": [1.0, 2.0, 3.0]}),
        (["x=1", "y=-2"], {"x": 1.0, "y": -2.0}),
        (["x=1,", "y=2"], {"x": 1.0, "y": 2.0}),
        (["  x = 1 ,y= +2. "], {"x": 1.0, "y": 2.0}),
        (["x=1e-3,y=.5,z=2.5E+7"], {"x": 1e-3, "y": 0.5, "z": 2.5e7}),
        (["A=[[1, 2], [3, 4.5e0]]"], {"A": [[1.0, 2.0], [3.0, 4.5]]}),
        (["w=[]"], {"w": []}),
        (["w=[1,2,]"], {"w": [1.0, 2.0]}),
        (["w=[.5, 1., +2]"], {"w": [0.5, 1.0, 2.0]}),
        (["x=pi/2"], {"x": math.pi / 2}),
        (["w=[1,2,3]/2, x=-inf"], {"w": [0.5, 1.0, 1.5], "x": -math.inf}),
        (["e=0.1"], {"e": 0.1}),
        (["x=sum([1, 2]), y=(1+2)*3"], {"x": 3.0, "y": 9.0}),
        (["θ=1, e\u0301=2"], {"θ": 1.0, "é": 2.0}),
        (["x=−2×3"], {"x": -6.0}),
        ([], {}),
        ([""], {}),
        ([" "], {}),
    ],
)
def test_values(words: list[str], expected: dict[str, Any]) -> None:
    assert point(*words) == expected
    for value in read_point(words, None, evaluate).values():
        assert value.dtype == np.float64


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_read_to_the_last_bit(value: float) -> None:
    assert point(f"x={value!r}, w=[{value!r}]") == {"x": value, "w": [value]}
    assert math.copysign(1, point(f"w=[{value!r}]")["w"][0]) == math.copysign(1, value)


@pytest.mark.parametrize(
    ("text", "message", "caret", "hint"),
    [
        ("x=1,5", "a comma inside a number", "x=1,5", "write x=1.5"),
        ("y=0, x=-1,25", "a comma inside a number", "x=-1,25", "write x=-1.25"),
        ("w=1,2,3", "a list needs brackets", "w=1,2", "write w=[1, 2, 3]"),
        ("x", "x has no value", "x", "write x=1"),
        ("x=1, y", "y has no value", "y", "write y=1"),
        ("5", "5 has no name", "5", "write x=5"),
        ("x=pi, 5", "5 has no name", "5", "write x=5"),
        ("x=", "x has no value", "x=", "write x=1"),
        ("x=, y=1", "x has no value", "x=", "write x=1"),
        ("x=1,,y=2", "nothing stands before a comma", ",", "remove the comma"),
        ("x==1", "a value is given by one =", "==", "write x=1"),
        ("=1", "no name stands before =", "=", "write x=1"),
        ("2x=1", "2x is no name", "2x", "a name has letters, digits and _ only"),
        ("x²=1", "x² is no name", "x²", "a name has letters, digits and _ only"),
        ("x 1, y=2", "no = stands between x and its value", "x 1", "write x=1"),
        ("x y=2", "x y is no name", "x y", "put a comma between two values: x=1, y=2"),
        ('{"x"=1}', '{"x" is no name', '{"x"', "write x=1, y=2, or give JSON in a file, as @point.json"),
        ("x=1 y=2", "no comma between two values", "y=", "write a comma before y="),
        ("x=1; y=2", "no comma between two values", "y=", "write a comma before y="),
        ("x=1;2", "a value is one expression", "1;2", "put a comma between two values: x=1, y=2"),
        ("x=1, x=2", "x is given twice: x=1 and x=2", "x", "remove one of the two"),
        ("é=1, e\u0301=2", "é is given twice: é=1 and é=2", "e\u0301", "remove one of the two"),
        ("y=1, x=2z", "no operator between a number", "z", "write 2*z"),
        ("y=1, x=sin(", "( is never closed", "(", "write ) where it ends, at the latest after column 4"),
        ("y=1, x=2*b", "b is no constant", "b", "give its value"),
        ("x=sum([1 2], axis=0)", "no comma between two elements", "2", "write 1, 2"),
        ("x=1e400", "too large for a double", "1e400", "write inf if infinity is meant"),
        ("w=[1, -1e400]", "too large for a double", "1e400", "write inf if infinity is meant"),
        ("w=[[1,2],[3]]", "the rows differ in length", "[[1,2],[3]]", "give all rows one length"),
        ("w=[1_0]", "an underscore inside a number", "1_0", "write 10"),
        ("x=true)", ") closes nothing", ")", "remove it, or write ( where it begins"),
        ("w=@data.txt", "only .npy, .npz and .csv", "@data.txt", "save it as .npy or .csv"),
        ("w=@w.json", "only .npy, .npz and .csv", "@w.json", "write @w.json for a whole point"),
        ("w=@w.npy", "there is no file w.npy", "@w.npy", "check the path"),
    ],
)
def test_what_is_said(text: str, message: str, caret: str, hint: str) -> None:
    problem = error(text)
    assert message in problem.message
    assert problem.hint == hint
    assert problem.source == Source(text, "--at")
    assert problem.span
    assert text[slice(*problem.span)] == caret


def test_a_name_given_twice_in_two_words_shows_both() -> None:
    problem = error("x=1", "y=1, x=2")
    assert problem.message == "x is given twice: x=1 and x=2"
    assert (problem.source, problem.span) == (Source("y=1, x=2", "--at"), (5, 6))
    assert "w=… and w=2" in error(f"w=[{'1,' * 50}1]", "w=2").message


def test_another_option_may_have_the_same_syntax() -> None:
    text = "r=1, theta=[0, 1]"
    pieces = split_assignments(text, "--cotangent")
    assert [(piece.name, piece.value) for piece in pieces] == [("r", "1"), ("theta", "[0, 1]")]
    assert [text[slice(*piece.value_span)] for piece in pieces] == ["1", "[0, 1]"]
    assert [text[slice(*piece.name_span)] for piece in pieces] == ["r", "theta"]
    with pytest.raises(UsageError) as caught:
        split_assignments("r", "--cotangent")
    assert caught.value.source == Source("r", "--cotangent")
    with pytest.raises(UsageError) as caught:
        read_point(["r=2s"], None, evaluate, option="--tangent")
    assert caught.value.source == Source("r=2s", "--tangent")


# ---- JSON


def test_json_from_a_file_and_from_standard_input(tmp_path: Path) -> None:
    data = {"x": 1, "θ": -2.5, "w": [1, 2.0, "NaN"], "A": [[1, 2], [3, "-Infinity"]], "none": []}
    path = tmp_path / "point.json"
    path.write_text(json.dumps(data), encoding="utf-8-sig")
    for given_point in (
        point(f"@{path}", "y=3"),
        point("-", "y=3", stdin=io.BytesIO(json.dumps(data).encode())),
    ):
        assert list(given_point) == ["x", "θ", "w", "A", "none", "y"]
        assert given_point["A"] == [[1.0, 2.0], [3.0, -math.inf]]
        assert math.isnan(given_point["w"][2])
        assert given_point["none"] == []


def test_json_knows_infinity() -> None:
    assert point("-", stdin=io.BytesIO(b'{"x": "Infinity"}')) == {"x": math.inf}


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ('{"x": 1,}', "standard input is no valid JSON", 'write {"x": 1, "w": [1, 2]}'),
        ("", "standard input is no valid JSON: expecting value", 'write {"x": 1, "w": [1, 2]}'),
        ("[1, 2]", "standard input holds no JSON object", 'write {"x": 1, "w": [1, 2]}'),
        ('{"x": true}', "x: true is no number", "write 1"),
        ('{"x": false}', "x: false is no number", "write 0"),
        ('{"x": null}', "x: null is no number", 'write "NaN" for a missing value'),
        ('{"x": "1.5"}', 'x: "1.5" is no number', "write 1.5 without quotes"),
        ('{"x": "pi"}', 'x: "pi" is no number', 'only "NaN" and "Infinity" are quoted'),
        ('{"x": {"y": 1}}', "x: an object is no number", "give numbers and lists of numbers"),
        ('{"x": [[1, 2], [3]]}', "x: the rows differ in length: row 0 has 2, row 1 has 1", "give all rows one length"),
        ('{"x": [[1], 2]}', "x: row 1 is a number where the others are lists", "give all rows one length"),
        ('{"x": [1, [2]]}', "x: a list stands where the others are numbers", "give all rows one length"),
        ('{"x": 1e400}', "x: a number is too large for a double", 'write "Infinity" if it is meant'),
        (f'{{"x": {"9" * 5000}}}', "x: a number is too large", 'write "Infinity" if it is meant'),
        ('{"x": 1, "x": 2}', "x is given twice", "remove one of the two"),
        ('{"2x": 1}', '"2x" is no name', "a name has letters, digits and _ only"),
        ('{"": 1}', '"" is no name', "a name has letters, digits and _ only"),
        (f'{{"x": {"[" * 31}1{"]" * 31}}}', "nested more than 30 deep", "flatten them"),
        (f'{{"x": {"[" * 100_000}}}', "nested too deeply", 'write {"x": 1, "w": [1, 2]}'),
    ],
)
def test_what_is_said_about_json(text: str, message: str, hint: str) -> None:
    problem = error("-", stdin=io.BytesIO(text.encode()))
    assert message in problem.message
    assert problem.hint == hint


def test_a_mistake_in_json_is_located() -> None:
    problem = error("-", stdin=io.BytesIO(b'{"x": 1 "y": 2}'))
    assert problem.source == Source('{"x": 1 "y": 2}', "standard input")
    assert problem.span == (8, 9)


def test_unreadable_json(tmp_path: Path) -> None:
    (tmp_path / "point.json").write_text("{}", encoding="utf-8")
    assert error(f"@{tmp_path}/piont.json").hint == f"did you mean {tmp_path}/point.json?"
    assert "is a directory" in error(f"@{tmp_path}").message
    (tmp_path / "bad.json").write_bytes(b'{"x\xff": 1}')
    assert "not UTF-8" in error(f"@{tmp_path}/bad.json").message


# ---- files of arrays


def test_numpy_files(tmp_path: Path) -> None:
    A = np.arange(6.0).reshape(2, 3)
    for name, array in (("a", A), ("f", A.T), ("i", A.astype(int)), ("h", A.astype("f4")), ("s", np.array(2.0))):
        np.save(tmp_path / f"{name}.npy", array)
        assert point(f"w=@{tmp_path}/{name}.npy, x=1") == {"w": array.tolist(), "x": 1.0}
    np.savez(tmp_path / "one.npz", only=A)
    np.savez_compressed(tmp_path / "two.npz", X=A, y=A[0])
    assert point(f"w=@{tmp_path}/one.npz") == {"w": A.tolist()}
    assert point(f"w=@{tmp_path}/two.npz:y") == {"w": A[0].tolist()}
    assert read_point([f"w=@{tmp_path}/f.npy"], None, evaluate)["w"].flags.c_contiguous


def test_what_is_said_about_numpy_files(tmp_path: Path) -> None:
    np.savez(tmp_path / "two.npz", X=np.ones(2), target=np.ones(2))
    problem = error(f"w=@{tmp_path}/two.npz")
    assert problem.message.endswith("two.npz holds several arrays: X, target")
    assert problem.hint == f"write w=@{tmp_path}/two.npz:X"
    problem = error(f"w=@{tmp_path}/two.npz:tarGet")
    assert problem.message.endswith("two.npz has no array tarGet; it has X, target")
    assert problem.hint == f"write w=@{tmp_path}/two.npz:target"
    assert problem.span == (2, len(f"w=@{tmp_path}/two.npz:tarGet"))

    np.savez(tmp_path / "none.npz")
    assert "holds no array" in error(f"w=@{tmp_path}/none.npz").message
    np.save(tmp_path / "objects.npy", np.array([1, "a", None], dtype=object))
    assert "pickled objects, which are not read" in error(f"w=@{tmp_path}/objects.npy").message
    np.savez(tmp_path / "objects.npz", w=np.array([None]))
    assert "pickled objects" in error(f"w=@{tmp_path}/objects.npz").message
    np.save(tmp_path / "complex.npy", np.array([1j]))
    assert "holds complex numbers" in error(f"w=@{tmp_path}/complex.npy").message
    np.save(tmp_path / "text.npy", np.array(["a"]))
    assert "holds no numbers" in error(f"w=@{tmp_path}/text.npy").message
    np.savez(tmp_path / "text.npz", a=np.array(["a"]))
    assert "holds no numbers" in error(f"w=@{tmp_path}/text.npz").message
    (tmp_path / "folder.npy").mkdir()
    assert "is a directory" in error(f"w=@{tmp_path}/folder.npy").message


@pytest.mark.parametrize("name", ["w.npy", "w.npz"])
def test_damaged_numpy_files(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    np.savez(path, w=np.arange(100.0)) if name == "w.npz" else np.save(path, np.arange(100.0))
    whole = path.read_bytes()
    damaged = [b"", b"garbage", whole[:60], whole[:-20], b"\x80\x04K\x01."]
    if name == "w.npz":
        damaged.append(whole[:200] + bytes(byte ^ 255 for byte in whole[200:300]) + whole[300:])
    for data in damaged:
        path.write_bytes(data)
        assert "is no NumPy file, or is damaged" in error(f"w=@{path}").message


def test_an_archive_that_is_an_array_and_the_other_way_round(tmp_path: Path) -> None:
    with (tmp_path / "array.npz").open("wb") as file:
        np.save(file, np.ones(2))
    assert point(f"w=@{tmp_path}/array.npz") == {"w": [1.0, 1.0]}
    with (tmp_path / "archive.npy").open("wb") as file:
        np.savez(file, w=np.ones(2))
    assert point(f"w=@{tmp_path}/archive.npy") == {"w": [1.0, 1.0]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,2,3\n", [1, 2, 3]),
        ("1\n2\n3\n", [1, 2, 3]),
        ("w\n1\n2\n", [1, 2]),
        ("a,b\r\n1,2\r\n3,4\r\n", [[1, 2], [3, 4]]),
        ("# a comment\n\n1, -2.5e3\n\n3, +4\n", [[1, -2500], [3, 4]]),
        ('"a","b"\n"1","2"\n', [1, 2]),
        ("5", [5]),
        ("inf,-Infinity\n", [math.inf, -math.inf]),
        ("\ufeffx,y\n1,2\n", [1, 2]),
    ],
)
def test_csv(text: str, expected: list[Any], tmp_path: Path) -> None:
    path = tmp_path / "w.csv"
    path.write_text(text, encoding="utf-8", newline="")
    assert point(f"w=@{path}") == {"w": expected}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no numbers"),
        ("a,b\n", "holds no numbers"),
        ("1,2\n3\n", "line 2: 1 cells where the line before has 2"),
        ("a,b\n1\n", "line 2: 1 cells where the line before has 2"),
        ("1,2\n3,x\n", 'line 2, column 2: "x" is no number'),
        ("1,2\n3,\n", "line 2, column 2: a cell is empty"),
        ("a\nb\n", 'line 2, column 1: "b" is no number'),
        ("1\n1_0\n", '"1_0" is no number'),
        ("1\n1e999\n", '"1e999" is no number'),
        ("1;5\n2;5\n2;7", '"2;5" is no number'),
        ("1\n٣\n", '"٣" is no number'),
    ],
)
def test_what_is_said_about_csv(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "w.csv"
    path.write_text(text, encoding="utf-8")
    problem = error(f"w=@{path}")
    assert message in problem.message
    assert problem.source == Source(f"w=@{path}", "--at")


# ---- size, and what is never done


def test_a_large_point_is_quick() -> None:
    n = 100_000
    numbers = ",".join(map(repr, np.linspace(0, 1, n).tolist()))
    names = ", ".join(f"x{i}=0.5" for i in range(n))
    start = time.perf_counter()
    assert len(point(f"w=[{numbers}]")["w"]) == n
    assert len(point(names)) == n
    assert time.perf_counter() - start < 5


def test_plain_numbers_need_no_parser() -> None:
    code = (
        "import sys; from diffcli.language.points import read_point;"
        "read_point(['x=1, w=[1,2]'], None, None);"
        "print([name for name in sys.modules if name in ('lark', 'diffcli.language.parse')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


SCRAPS = ["x", "y", "=", ",", "[", "]", "(", ")", "1", "2.5", "-", " ", "@", "@w.npy", "pi", ";", '"', "{", "θ", "\x1b"]


@given(st.lists(st.sampled_from(SCRAPS), max_size=12).map("".join))
def test_any_words_are_read_or_explained(word: str) -> None:
    if not word.startswith("@") and word != "-":
        said = ""
        try:
            read_point([word], None, lambda tree, source: np.zeros(()))
        except UsageError as problem:
            said = f"{problem.message}{problem.hint}"
        assert "\x1b" not in said
