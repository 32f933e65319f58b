"""A line of JSON says of its row what the command's object says of that point alone, and follows a schema."""

import json
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.batching.tables import ENVIRONMENT, command, here, rows
from tests.cli.conftest import Run, plain_environment, run

__all__ = ["here", "plain_environment", "run"]  # fixtures

SCHEMA = json.loads((files("diffcli.report") / "schemas" / "lines.json").read_bytes())
POINTS = {"a": (1.5, 2.0), 'b "b"': (0.0, -1.0), "c": (-2.0, 0.5), "d": (1e308, 1e308)}
SCALAR, VECTOR = "log(x)*y + k*x", "r = [log(x)*y, abs(y), k]; s = x*y"
COMMANDS = {
    "eval": (VECTOR, []),
    "grad": (SCALAR, ["--wrt", "y,x"]),
    "jacobian": (VECTOR, ["--wrt", "y,x"]),
    "hessian": (SCALAR, ["--wrt", "y,x"]),
    "vjp": (VECTOR, ["--cotangent", "r=[1,inf,2]"]),
    "jvp": (VECTOR, ["--tangent", "x=1, y=-2"]),
}


def only(name: str) -> Draft202012Validator:
    """What judges lines of one kind alone."""
    return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": SCHEMA["$defs"]})


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("keep", [[], ["--keep", "id,y"]])
def test_a_line_has_the_keys_and_numbers_of_the_point_alone(
    command: str, keep: list[str], run: Run, here: Path
) -> None:
    text, words = COMMANDS[command]
    spelled = [f'"{name.replace(chr(34), chr(34) * 2)}",{x!r},{y!r}' for name, (x, y) in POINTS.items()]
    (here / "p.csv").write_text("\n".join(["id,x,y", *spelled, "e,?,1", "f,1", "g,nan,2"]) + "\n")
    outcome = run(command, text, "--points", "p.csv", "k=3", "--json", *words, *keep)
    assert outcome.code == 6, outcome.err
    lines = [json.loads(line) for line in outcome.out.splitlines()]
    assert [line["i"] for line in lines] == [*range(7)]
    for line in lines:
        Draft202012Validator(SCHEMA).validate(line)
        assert list(line)[: 1 + bool(keep)] == ["i", "kept"][: 1 + bool(keep)]
    for line, (name, (x, y)) in zip(lines, POINTS.items(), strict=False):
        if name == "c" and text == SCALAR:  # log(-2), and no other output
            assert line["error"] == {"code": "domain", "message": "the point is outside the formula's domain"}
            only("failed").validate(line)
            continue
        only(command).validate(line)
        alone = json.loads(run(command, text, f"x={x!r}", f"y={y!r}", "k=3", "--json", *words).out)
        codes = list(dict.fromkeys(warning["code"] for warning in alone["warnings"]))
        expected = {key: value for key, value in alone.items() if key not in ("schema", "source", "at", "warnings")}
        found = {key: value for key, value in line.items() if key not in ("i", "kept", "warnings")}
        assert list(found.items()) == list(expected.items())  # the order of the keys too
        assert [warning["code"] for warning in line["warnings"]] == codes
        assert line.get("kept") == ({"id": name, "y": repr(y)} if keep else None)
    said = [("row", "x is ?, not a number"), ("row", "2 fields where the header has 3")]
    said.append(("nonfinite-input", "x is NaN"))
    for line, (code, message) in zip(lines[4:], said, strict=True):
        only("failed").validate(line)
        assert line["error"] == {"code": code, "message": message}
    assert any(line.get("warnings") for line in lines)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_schema_refuses_what_is_no_line(command: str, run: Run, here: Path) -> None:
    (here / "p.csv").write_text("x,y\n1.5,2\n")
    text, words = COMMANDS[command]
    line: dict[str, Any] = json.loads(run(command, text, "--points", "p.csv", "k=3", "--json", *words).out)
    judge = Draft202012Validator(SCHEMA)
    assert judge.is_valid(line)
    for key in line:
        assert not judge.is_valid({name: value for name, value in line.items() if name != key})
        assert not judge.is_valid({**line, key: None})
    assert not judge.is_valid({**line, "more": 1})
    assert not judge.is_valid({**line, "error": {"code": "row", "message": "both an answer and an error"}})
    assert not judge.is_valid({**line, "warnings": [{}]})
    others = [name for name in COMMANDS if name != command and only(name).is_valid(line)]
    assert others == []


def test_what_every_line_says_may_hold_any_name(run: Run, here: Path) -> None:
    """A name that looks like a form, or like nothing in ASCII."""
    (here / "p.csv").write_text('"w[0]",ü\n1.5,2\n', encoding="utf-8")
    line = json.loads(run("jacobian", "w[0]*ü", "--points", "p.csv", "--json").out)
    assert (line["rows"], line["columns"], line["jacobian"]) == (["f"], ["w[0]", "ü"], [[2.0, 1.5]])


@pytest.mark.parametrize(
    ("first", "said"),
    [
        ('{"y":1}', "x is missing"),
        ("{}", "x is missing"),
        ('{"x":[1,2],"y":1}', "x is [1, 2], not a number"),
        ('{"x":"?","y":1}', "x is ?, not a number"),
        ("{", "the line is no JSON object"),
        ('{"y":1}\n{"z":[1]}\n{"x":null,"y":3}', "x is missing"),
    ],
)
def test_bad_first_rows_fail_in_their_place(first: str, said: str, run: Run, here: Path) -> None:
    outcome = run("grad", "x*y", "--points", "-", stdin=first + '\n{"x":3,"y":2}\n')
    assert outcome.code == 6, outcome.err
    lines = outcome.out.splitlines()
    assert lines[1].strip(",").strip('"') == said
    assert lines[-1] == "6,2,3,"
    assert len(lines) == 3 + first.count("\n")


def test_a_bad_first_row_does_not_say_what_shape_there_is(run: Run, here: Path) -> None:
    (here / "p.jsonl").write_text('{"w":null,"id":1}\n{"w":"?"}\n{"w":[3,4],"id":2}\n{"w":[1,0],"id":3}\n')
    outcome = run("eval", "sum(w)", "--points", "p.jsonl", "--keep", "id,w")
    said = [f'"w is {shown}, not an array of the shape (2,)"' for shown in ("empty", "?")]
    assert outcome.out == f"id,w[0],w[1],f,error\n1,,,,{said[0]}\n,,,,{said[1]}\n2,3,4,7,\n3,1,0,1,\n"


def test_where_no_row_has_all_inputs_the_first_says_what_is_missing(run: Run, here: Path) -> None:
    (here / "p.jsonl").write_text('{"y":1}\n{"z":[1]}\n' * 1000)
    outcome = run("grad", "x*y", "--points", "p.jsonl")
    assert (outcome.code, outcome.out) == (2, "")
    assert "the points have no column x\n  they have y; or" in outcome.err
    (here / "q.jsonl").write_text("".join(f'{{"x":{[1] * n}}}\n' for n in range(2, 400)))
    assert run("eval", "x + [1, 2; 3, 4][:, 2]", "--points", "q.jsonl").code == 3  # whatever their lengths


def test_only_so_much_of_a_stream_is_awaited() -> None:
    """A line that has all inputs is answered at once; where none has, the wait ends."""
    pipe = subprocess.PIPE
    for start, expected in ((b'{"y":1}\n{"x":3,"y":2}\n', b"f,error\n"), (b'{"y":1}\n' * 100, b"")):
        with subprocess.Popen(
            command("eval", "x*y", "--points", "-"), stdin=pipe, stdout=pipe, stderr=pipe, env=ENVIRONMENT
        ) as process:
            assert process.stdin
            assert process.stdout
            process.stdin.write(start)
            process.stdin.flush()
            assert process.stdout.readline() == expected
            process.kill()


def test_a_text_that_spells_a_number_is_shown_as_a_text(run: Run, here: Path) -> None:
    (here / "p.jsonl").write_text('{"x": 1}\n{"x": "2"}\n{"x": "-inf"}\n{"x": "two"}\n')
    found = rows(run("eval", "x", "--points", "p.jsonl").out)
    said = ["", 'x is "2", not a number', 'x is "-inf", not a number', "x is two, not a number"]
    assert [row["error"] for row in found] == said
