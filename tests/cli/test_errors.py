"""What a person may get wrong on the command line, and what the program says."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import diffcli
from diffcli.cli import app
from diffcli.cli.main import main, wants_json

from .conftest import Run


@pytest.mark.parametrize(
    ("words", "code", "message", "mend"),
    [
        (["gard", "x"], 2, "gard is no command", "did you mean grad?"),
        (["sin(x)"], 2, "sin(x) is no command", "the commands are eval, grad, "),
        (["--jsno"], 2, "there is no option --jsno before the command", "diffcli grad … --jsno"),
        (["--strict", "eval", "x"], 2, "there is no option --strict before the command", "diffcli eval … --strict"),
        (["grad", "x", "--jsno"], 2, "there is no option --jsno", "did you mean --json?"),
        (["grad", "x", "--at"], 2, "--at needs a value", "see diffcli grad --help"),
        (["grad", "x", "--json=1"], 2, "--json takes no value", "write --json"),
        (["grad", "x", "--format", "jsn"], 2, "'jsn' is not one of", "did you mean json?"),
        (["grad", "x", "--digits", "0"], 2, "0 is not in the range", "see diffcli grad --help"),
        (["grad", "x", "--digits", "many"], 2, "'many' is no whole number", "see diffcli grad --help"),
        (["grad"], 2, "there is no expression to work on", 'diffcli grad "sin(x)*y" --at x=1,y=2'),
        (["grad", "x^2", "+", "y", "x=1"], 2, "+ gives no variable a value", "quotes around an expression"),
        (["grad", "x", "x", "=", "1"], 2, "x gives no variable a value", "write x=1 without blanks"),
        (["grad", "-j", "x^2", "x=1"], 2, "x^2 gives no variable a value", "there is no option -j"),
        (["schema", "grad", "more"], 2, "unexpected extra argument", "see diffcli schema --help"),
        (["grad", ""], 3, "", ""),
        (["grad", "/"], 3, "", "to read the file of this name, write @/"),
        (["grad", "no-such-file.expr"], 2, "no-such-file.expr", ""),
        (["grad", "x", "--wrt", "z", "x=1"], 2, "z", ""),
        (["grad", "x", "--wrt", "x,", "x=1"], 2, "--wrt holds an empty name", "--wrt x,y"),
        (["grad", "x+y", "x=1"], 2, "y", "--at y="),
        (["grad", "x", "x=1,5"], 2, "", "x=1.5"),
        (["grad", "2x", "x=1"], 3, "", "2*x"),
        (["grad", "[x,x]", "x=1"], 2, "", "jacobian"),
        (["grad", "a*b", "--at", "3"], 2, "3 has no name", "write a=…, b=…"),
        (["vjp", "[x^2, y]", "x=1", "y=2", "--cotangent", "[1,1]"], 2, "[1,1] has no name", "write f=[1,1]"),
        (["vjp", "r=x; s=y", "x=1", "y=2", "--cotangent", "1"], 2, "1 has no name", "write r=…, s=…"),
        (["trace", "r=x; s=y", "x=1", "y=2", "--cotangent", "1"], 2, "1 has no name", "write r=…, s=…"),
        (["jvp", "a^2", "a=1", "--tangent", "2"], 2, "2 has no name", "write a=2"),
        (["jvp", "a^2", "a=1", "--tangent", ""], 2, "--tangent is empty", "write --tangent a=1"),
    ],
)
def test_mistakes(run: Run, words: list[str], code: int, message: str, mend: str) -> None:
    outcome = run(*words)
    assert outcome.code == code
    assert outcome.out == ""
    lines = outcome.err.splitlines()
    assert len(lines) <= 3
    assert lines[0].startswith("error: ")
    assert message in lines[0]
    assert mend in " ".join(lines[1:])


@pytest.mark.parametrize("form", [["--json"], ["--format", "json"], ["--format=jsonl"]])
@pytest.mark.parametrize(
    ("words", "code", "word"),
    [
        (["grad", "x^"], 3, "syntax"),
        (["grad", "x", "--jsno"], 2, "usage"),
        (["grad"], 2, "usage"),
        (["gard"], 2, "usage"),
    ],
)
def test_with_json_the_error_is_an_object(run: Run, words: list[str], code: int, word: str, form: list[str]) -> None:
    outcome = run(*words, *form)
    assert (outcome.code, outcome.out) == (code, "")
    found = json.loads(outcome.err)
    schema = json.loads((files("diffcli.report") / "schemas" / "error.json").read_bytes())
    Draft202012Validator(schema).validate(found)
    assert found["error"]["code"] == word


def test_who_wants_json() -> None:
    assert wants_json(["grad", "--json"])
    assert wants_json(["--format", "jsonl"])
    assert not wants_json(["--format", "csv", "--json"])
    assert not wants_json(["--format"])
    assert not wants_json([])


@pytest.mark.parametrize("bad", ["[/bold]", "\x1b[31mx", "x\u202ey"])
def test_what_a_user_wrote_is_never_obeyed(run: Run, tmp_path: Path, bad: str) -> None:
    named = tmp_path / f"{bad.replace('/', '-')}.expr"
    named.write_text(f"{bad} +")
    for words in (
        ["grad", bad],
        ["grad", str(named)],
        ["grad", f"{bad}.expr"],
        [bad],
        ["grad", "x", f"--{bad}"],
        ["grad", "x", "--at", bad],
        ["grad", "x", "x=1", "-o", f"{tmp_path}/none/{bad}"],
    ):
        for color in ("--color=never", "--json"):
            outcome = run(*words, color)
            assert outcome.code in (2, 3, 74)
            assert "\x1b" not in outcome.err
            assert "\u202e" not in outcome.err.replace("\\u202e", "")
            assert len(outcome.err.splitlines()) <= 3


def _raising(error: BaseException) -> object:
    def command(_: object) -> int:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (RuntimeError("odd"), 1, "error: a defect of diffcli: RuntimeError: odd\n  please report it"),
        (RecursionError(), 1, "error: a defect of diffcli: RecursionError\n  please report it"),
        (
            MemoryError(),
            3,
            "error: there is not enough memory for this\n  a point with fewer numbers",
        ),
        (KeyboardInterrupt(), 130, ""),
        (BrokenPipeError(), 141, ""),
        (OSError(28, "No space left on device"), 74, "error: standard output could not be written"),
    ],
)
def test_every_exception_has_its_exit_code(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, message: str
) -> None:
    monkeypatch.setattr("diffcli.report.write.abandon_stdout", lambda: None)
    monkeypatch.setattr(app, "run", _raising(error))
    outcome = run("grad", "x")
    assert outcome.code == code
    assert outcome.err.startswith(message)
    assert "Traceback" not in outcome.err


def test_a_defect_shows_its_traceback_to_who_asks(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIFFCLI_DEBUG", "1")
    monkeypatch.setattr(app, "run", _raising(RuntimeError("odd")))
    with pytest.raises(RuntimeError, match="odd"):
        run("grad", "x")


def test_warnings_are_shown_unless_they_are_not_wanted(run: Run) -> None:
    assert run("eval", "2*log(-x)", "x=1").err == (
        "warning: log(-x) has no value: its argument is -1\n  2*log(-x)\n    ^^^^^^^ its argument must be > 0\n"
    )
    assert run("eval", "log(-x)", "x=1", "-q").err == ""
    outcome = run("eval", "log(-x)", "x=1", "--json")
    assert outcome.err == ""
    assert json.loads(outcome.out)["warnings"][0]["code"] == "domain"


def test_the_command_line_uses_the_public_names() -> None:
    assert {"parse", "evaluate", "value_and_grad", "jacobian", "vjp", "trace"} <= set(diffcli.__all__)


def test_the_process_own_words_are_the_default(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    monkeypatch.setattr("gc.disable", lambda: done.append("disable"))
    monkeypatch.setattr("gc.isenabled", lambda: not done)
    monkeypatch.setattr("gc.freeze", lambda: done.append("freeze"))
    monkeypatch.setattr("sys.argv", ["diffcli", "eval", "2*3"])
    assert main() == 0
    assert capsys.readouterr().out == "6\n"
    assert done == ["disable", "freeze"]
