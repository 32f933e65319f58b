"""Every command, from its words to what comes out."""

from __future__ import annotations

import json
import math
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from diffcli.cli.app import COMMANDS
from diffcli.cli.options import Format
from diffcli.report.render import FOR_TABLES, FORMATS

from .conftest import Run


def valid(text: str) -> Any:
    """The JSON object `text`, held against the schema that it names."""
    found = json.loads(text)
    name = found["schema"].removeprefix("diffcli.").removesuffix("/1")
    schema = json.loads((files("diffcli.report") / "schemas" / f"{name}.json").read_bytes())
    Draft202012Validator(schema).validate(found)
    return found


def test_grad_as_in_the_contract(run: Run) -> None:
    assert run("grad", "sin(x)*y", "--at", "x=1,y=2", "--json") == (
        0,
        '{"schema": "diffcli.grad/1", "source": "sin(x)*y", "at": {"x": 1.0, "y": 2.0}, '
        '"value": 1.682941969615793, "gradient": {"x": 1.0806046117362795, "y": 0.8414709848078965}, "warnings": []}\n',
        "",
    )


def test_grad_for_people(run: Run) -> None:
    assert run("grad", "sin(x)*y", "x=1", "y=2").out == (
        "f = 1.682941969615793\n\ninput  at  gradient\nx      1   1.0806046117362795\ny      2   0.8414709848078965\n"
    )


@pytest.mark.parametrize(
    ("words", "out"),
    [
        (["eval", "2^10"], "1024\n"),
        (["eval", "-x^2", "--at", "x=3"], "-9\n"),
        (["eval", "--", "-x^2", "x=3"], "-9\n"),
        (["eval", "--x^2", "x=3"], "9\n"),
        (["eval", "-1"], "-1\n"),
        (["eval", "[x, 2*x]", "x=3"], "[3, 6]\n"),
        (["eval", "x/3", "x=1", "--digits", "4"], "0.3333\n"),
        (["eval", "x/3", "x=1", "--digits", "4", "--format", "csv"], "f\n0.3333333333333333\n"),
    ],
)
def test_eval(run: Run, words: list[str], out: str) -> None:
    assert run(*words) == (0, out, "")


def test_eval_of_a_file(run: Run, polar: str) -> None:
    assert run("eval", polar, "x=3", "y=4").out == "r     = 5\ntheta = 0.9272952180016122\n"
    found = valid(run("eval", f"@{polar}", "x=3", "y=4", "--json").out)
    assert found["values"] == {"r": 5.0, "theta": math.atan2(4, 3)}


def test_limits_can_be_moved(run: Run) -> None:
    code, _, err = run("eval", "sum(x*x)", "x=[1,2,3]", "--max-bytes", "8")
    assert code == 3
    assert "raise the limit with --max-bytes" in err
    assert run("eval", "sum(x*x)", "x=[1,2,3]", "--max-bytes", "800").out == "14\n"
    code, _, err = run("eval", "x+x+x", "x=1", "--max-nodes", "1")
    assert code == 3
    assert "raise the limit with --max-nodes" in err


def test_standard_input(run: Run) -> None:
    assert run("eval", "-", "x=3", stdin="x^2").out == "9\n"
    assert run("eval", "x^2", "--at", "-", stdin='{"x": 3}').out == "9\n"
    outcome = run("eval", "-", "--at", "-", stdin="x")
    assert outcome.code == 2
    assert "both the expression and the point" in outcome.err


def test_jacobian(run: Run, polar: str) -> None:
    found = valid(run("jacobian", polar, "x=3", "y=4", "--json").out)
    assert found["rows"] == ["r", "theta"]
    assert found["columns"] == ["x", "y"]
    assert found["passes"] == 2
    np.testing.assert_allclose(found["jacobian"], [[0.6, 0.8], [-0.16, 0.12]], rtol=1e-15)
    turned = valid(run("jacobian", polar, "x=3", "y=4", "--wrt", "y, x", "--json").out)
    assert turned["columns"] == ["y", "x"]
    assert run("jacobian", polar, "x=3", "y=4", "--format", "csv").out.splitlines()[0] == (
        "r,theta,d_r_x,d_r_y,d_theta_x,d_theta_y"
    )


def test_a_constant_has_a_jacobian_without_columns(run: Run) -> None:
    assert valid(run("jacobian", "[1, 2]", "--json").out)["jacobian"] == [[], []]
    assert run("jacobian", "[1, 2]").code == 0
    assert run("jacobian", "[1, 2]", "--color", "always").code == 0


def test_a_name_is_the_same_however_its_accent_is_written(run: Run) -> None:
    assert run("grad", "e\u0301^2", "\u00e9=3", "--wrt", "e\u0301").out.splitlines()[-1].split() == ["\u00e9", "3", "6"]


def test_the_formats_on_offer_are_those_there_are() -> None:
    assert tuple(Format) == (*FORMATS, *FOR_TABLES)


def test_an_infinite_output_left_out_of_a_cotangent(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "pole.expr"
    file.write_text("a = 1/x\nb = 3*x\n")
    outcome = run("vjp", str(file), "x=0", "--cotangent", "b=1", "--json")
    found = json.loads(outcome.out)
    assert outcome.err == ""
    assert found["cotangent"] == {"a": 0.0, "b": 1.0}
    assert found["vjp"] == {"x": 3.0}


def test_vjp(run: Run, polar: str) -> None:
    found = valid(run("vjp", polar, "x=3", "y=4", "--cotangent", "r=1", "--json").out)
    assert found["cotangent"] == {"r": 1.0, "theta": 0.0}
    assert found["vjp"] == pytest.approx({"x": 0.6, "y": 0.8}, rel=1e-15)
    outcome = run("vjp", polar, "x=3", "y=4")
    assert outcome.code == 2
    assert "add --cotangent r=…,theta=…" in outcome.err


def test_trace(run: Run) -> None:
    found = valid(run("trace", "x1*x2 + sin(x1)", "x1=2", "x2=3", "--json").out)
    assert [node["expression"] for node in found["nodes"]] == ["x1", "x2", "x1*x2", "sin(x1)", "x1*x2 + sin(x1)"]
    assert found["nodes"][0]["adjoint"] == pytest.approx(3 + math.cos(2), rel=1e-15)
    assert "forward" not in found["nodes"][0]
    assert "forward" in valid(run("trace", "x*x", "x=2", "--json", "--explain").out)["nodes"][0]
    words = run("trace", "x1*x2 + sin(x1)", "x1=2", "x2=3", "--explain").out
    assert words.index("Forward pass") < words.index("Reverse pass")


def test_trace_from_a_given_seed(run: Run, polar: str) -> None:
    found = valid(run("trace", polar, "x=3", "y=4", "--cotangent", "theta=1", "--json").out)
    assert found["seed"] == {"r": 0.0, "theta": 1.0}
    adjoints = {node["name"]: node["adjoint"] for node in found["nodes"]}
    assert adjoints["x"] == pytest.approx(-0.16, rel=1e-15)


def test_functions(run: Run) -> None:
    listed = run("functions").out
    assert "sinh(x)" in listed
    assert "elementwise\n" in listed
    entry = run("functions", "ln").out
    assert entry.startswith("log(x)\n")
    assert "derivative" in entry
    found = valid(run("functions", "atan2", "--json").out)
    assert [each["name"] for each in found["functions"]] == ["atan2"]
    assert len(valid(run("functions", "--json").out)["functions"]) > 60
    outcome = run("functions", "snh")
    assert outcome == (2, "", "error: there is no function snh\n  did you mean sinh?\n")
    assert "see diffcli functions" in run("functions", "zzzzzzzz").err


def test_schema(run: Run, tmp_path: Path) -> None:
    names = run("schema").out.split()
    assert {"eval", "grad", "jacobian", "vjp", "trace", "functions", "error"} <= set(names)
    for name in names:
        found = json.loads(run("schema", name).out)
        Draft202012Validator.check_schema(found)
        assert found["$id"] == f"diffcli.{name}/1"
    assert run("schema", "diffcli.grad/1").out == run("schema", "grad").out
    run("schema", "grad", "-o", str(tmp_path / "grad.json"))
    assert (tmp_path / "grad.json").read_text() == run("schema", "grad").out
    assert run("schema", "grda") == (2, "", "error: there is no schema grda\n  did you mean grad?\n")
    assert "there are check, diagnose" in run("schema", "zzzzzzz").err


# Where it goes ----------------------------------------------------------------------------------------------


def test_the_suffix_of_the_file_chooses_the_format(run: Run, tmp_path: Path) -> None:
    starts = {
        "a.json": b"{",
        "a.ndjson": b"{",
        "a.csv": b"f,d_x\n9,6",
        "a.tsv": b"f\td_x\n9\t6",
        "a.npy": b"\x93NUMPY",
        "a.npz": b"PK",
        "a.txt": b"f = ",
    }
    for name, start in starts.items():
        assert run("grad", "x^2", "x=3", "-o", str(tmp_path / name)) == (0, "", "")
        assert (tmp_path / name).read_bytes().startswith(start)
    assert np.load(tmp_path / "a.npy").tolist() == [6.0]
    run("grad", "x^2", "x=3", "-o", str(tmp_path / "b.csv"), "--json")
    assert valid((tmp_path / "b.csv").read_text())["value"] == 9.0


@pytest.mark.parametrize("name", ["a.xlsx", "a.csv.gz", "a.foo", "a.py"])
def test_a_suffix_that_names_no_format_is_refused_before_computing(name: str, run: Run, tmp_path: Path) -> None:
    target = str(tmp_path / name)
    code, out, err = run("grad", "x^2", "x=nothing", "-o", target)
    assert (code, out) == (2, "")
    assert err == (
        f"error: a result is not written as {name.rpartition('.')[2]}\n"
        "  choose txt, json, jsonl, csv, tsv, npy, npz, mtx; --format table goes with any name\n"
    )
    assert not (tmp_path / name).exists()
    assert run("grad", "x^2", "x=3", "-o", target, "--format", "table").code == 0
    assert (tmp_path / name).read_text().startswith("f = 9")


@pytest.mark.parametrize("words", [["-o", "a.parquet"], ["-o", "a.pq"], ["--format", "parquet"]])
def test_one_result_is_no_parquet(words: list[str], run: Run) -> None:
    for command in ("grad", "trace"):
        code, out, err = run(command, "x^2", "x=3", *words)
        assert (code, out) == (2, "")
        assert err == "error: Parquet is for tables of answers\n  add --points FILE, or write CSV\n"


def test_two_formats_are_one_too_many(run: Run) -> None:
    outcome = run("grad", "x^2", "x=3", "--json", "--format", "csv")
    assert outcome.code == 2
    assert "--json and --format csv are two formats" in outcome.err
    assert run("grad", "x^2", "x=3", "--json", "--format", "json").code == 0


@pytest.mark.parametrize("target", ["/dev/full", "{folder}", "{folder}/no/such/folder/out"])
def test_what_cannot_be_written_is_74(run: Run, tmp_path: Path, target: str) -> None:
    code, out, err = run("grad", "x^2", "x=3", "-o", target.format(folder=tmp_path))
    assert (code, out) == (74, "")
    assert "could not be written" in err
    assert list(tmp_path.iterdir()) == []


def test_strict_shows_the_result_and_refuses_it(run: Run) -> None:
    code, out, err = run("eval", "log(x)", "x=0", "--strict")
    assert (code, out) == (4, "-inf\n")
    assert err.startswith("warning: log(x) is infinite")
    assert "error: not finite: f\n" in err
    code, out, err = run("grad", "sqrt(x)+y", "x=0", "y=1", "--strict", "--json")
    assert code == 4
    assert valid(out)["gradient"]["x"] == "Infinity"
    assert valid(err)["error"]["code"] == "not-finite"
    assert run("eval", "log(x)", "x=0").code == 0
    assert "f[0] and 1 more" in run("eval", "log(x)", "x=[0,0]", "--strict").err
    assert run("eval", "x", "x=1", "--strict").code == 0


def test_verbose_speaks_on_standard_error(run: Run) -> None:
    code, out, err = run("eval", "x", "x=1", "-v")
    assert (code, out) == (0, "1\n")
    assert err.startswith("table to standard output, after ")


def test_colour_by_option_and_by_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def coloured(*words: str) -> bool:
        return "\x1b[" in run("grad", "x^2", "x=3", *words).out

    assert not coloured()
    assert coloured("--color", "always")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert coloured()
    assert not coloured("--color=never")
    assert "\x1b[" in run("grad", "x^").err
    monkeypatch.setenv("NO_COLOR", "1")
    assert not coloured()
    assert "\x1b[" not in run("grad", "x^").err
    assert "\x1b[" in run("grad", "x^", "--color", "always").err


# Help -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [[], ["-h"], ["--help"]])
def test_help_opens_with_examples_and_names_every_command(run: Run, words: list[str]) -> None:
    code, out, err = run(*words)
    assert (code, err) == (0, "")
    assert out.startswith('Examples:\n  diffcli grad "sin(x)*y" --at x=1,y=2\n')
    for name in COMMANDS:
        assert f"\n  {name} " in out


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_every_command_explains_itself(run: Run, name: str, option: str) -> None:
    code, out, err = run(name, option)
    assert (code, err) == (0, "")
    assert out.startswith(f"Examples:\n  diffcli {name}")
    assert f"Usage: diffcli {name} " in out
    assert max(map(len, out.splitlines())) <= 88
    assert run(name, "--jsno", option).code == 2


def test_every_example_in_the_help_can_be_parsed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each example whose inputs are all in it."""
    import shlex

    from diffcli.cli.app import EXAMPLES, build

    lines = [line for name in COMMANDS for line in build(name).examples.strip().splitlines()]
    for line in [*EXAMPLES.strip().splitlines(), *lines]:
        words = shlex.split(line)
        assert words[0] == "diffcli"
        if "|" in words or any(".expr" in word or "@" in word or word == "-o" for word in words):
            continue
        assert run(*words[1:]).code == 0, line


def test_version(run: Run) -> None:
    assert run("--version") == (0, "diffcli 0.1.0\n", "")
    assert run("-V") == run("--version")
