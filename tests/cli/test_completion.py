from __future__ import annotations

import pytest

from diffcli.cli.app import COMMANDS

from .conftest import Run


def complete(run: Run, monkeypatch: pytest.MonkeyPatch, line: str) -> list[str]:
    """What bash is told to offer after `line`."""
    words = line.split(" ")
    monkeypatch.setenv("_DIFFCLI_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
    code, out, err = run()
    assert (code, err) == (0, "")
    return out.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("diffcli gr", {"grad"}),
        ("diffcli ", set(COMMANDS)),
        ("diffcli --ver", {"--version"}),
        ("diffcli grad x --js", {"--json"}),
        ("diffcli grad -x^2 --js", {"--json"}),
        ("diffcli grad x --jsno --stri", {"--strict"}),
        ("diffcli trace x --ex", {"--explain"}),
        ("diffcli grad x --format js", {"json", "jsonl"}),
        ("diffcli grad x --color ", {"auto", "always", "never"}),
        ("diffcli functions atan", {"atan", "atan2", "atanh"}),
        ("diffcli schema gr", {"grad"}),
        ("diffcli grad --at ", set()),
    ],
)
def test_bash(run: Run, monkeypatch: pytest.MonkeyPatch, line: str, offered: set[str]) -> None:
    assert set(complete(run, monkeypatch, line)) == offered


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells(run: Run, monkeypatch: pytest.MonkeyPatch, shell: str) -> None:
    monkeypatch.setenv("_DIFFCLI_COMPLETE", f"complete_{shell}")
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", "diffcli gra")
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
    outcome = run()
    assert outcome.code == 0
    assert "grad" in outcome.out
    assert "a scalar output and its gradient" in outcome.out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_scripts_call_the_program(run: Run, monkeypatch: pytest.MonkeyPatch, shell: str) -> None:
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    outcome = run("--show-completion", shell)
    assert outcome.code == 0
    assert f"_DIFFCLI_COMPLETE=complete_{shell}" in outcome.out
