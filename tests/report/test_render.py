from __future__ import annotations

import json
import sys

import pytest

from diffcli.errors import UsageError
from diffcli.report.render import FORMATS, guess, render
from diffcli.report.terminal import Reader

from . import examples

PIPE = Reader(terminal=False, colour=False)
TERMINAL = Reader(terminal=True, colour=True, width=80)


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("a.json", "json"),
        ("a.jsonl", "jsonl"),
        ("A.CSV", "csv"),
        ("a.tsv", "tsv"),
        ("a.ndjson", "jsonl"),
        ("a.pq", "parquet"),
        ("a.xlsx", "xlsx"),
        ("x/y.npy", "npy"),
        ("a.mtx", "mtx"),
        ("x.d/npz", "table"),
        ("a.txt", "table"),
        (None, "table"),
    ],
)
def test_the_suffix_names_the_format(path: str | None, form: str) -> None:
    assert guess(path) == form


def test_json_is_spread_on_a_terminal_only() -> None:
    lines = {
        (form, reader.terminal): len(render(examples.GRAD, form, reader).splitlines())
        for form in ("json", "jsonl")
        for reader in (PIPE, TERMINAL)
    }
    assert lines == {("json", False): 1, ("json", True): 8, ("jsonl", False): 1, ("jsonl", True): 1}


@pytest.mark.parametrize("form", ["npy", "npz"])
def test_a_terminal_gets_no_binary(form: str) -> None:
    with pytest.raises(UsageError, match=f"a terminal cannot show {form}"):
        render(examples.GRAD, form, TERMINAL)


@pytest.mark.parametrize("form", FORMATS)
def test_a_pipe_gets_every_format_and_needs_no_rich(form: str) -> None:
    for name in [name for name in sys.modules if name == "diffcli.report.console"]:
        del sys.modules[name]
    assert render(examples.JACOBIAN, form, PIPE)
    assert "diffcli.report.console" not in sys.modules


def test_programs_get_bytes_and_people_text() -> None:
    assert json.loads(render(examples.GRAD, "json", PIPE))["value"] == -3.0
    assert isinstance(render(examples.GRAD, "csv", PIPE), bytes)
    assert isinstance(render(examples.GRAD, "table", PIPE), str)
    assert "\x1b[" in str(render(examples.GRAD, "table", TERMINAL))
    assert "\x1b[" in str(render(examples.GRAD, "table", PIPE._replace(colour=True)))
