from __future__ import annotations

import io

import pytest

from diffcli.report.terminal import Reader, reader, stderr, stdout


class Tty(io.StringIO):
    encoding = "UTF-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


def test_a_terminal_has_a_width_and_a_pipe_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "61")
    assert reader(Tty()) == Reader(terminal=True, colour=True, width=61, unicode=True)
    assert reader(io.StringIO()) == Reader(terminal=False, colour=False, width=100, unicode=True)
    monkeypatch.setenv("COLUMNS", "3")
    assert reader(Tty()).width == 20


def test_closed_streams_are_no_terminals() -> None:
    closed = Tty()
    closed.close()
    assert not reader(None).terminal
    assert reader(io.TextIOWrapper(io.BytesIO(), encoding="latin-1")).unicode is False


def test_each_stream_is_asked_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", Tty())
    monkeypatch.setattr("sys.stderr", io.StringIO())
    assert stdout().terminal
    assert not stderr().terminal


@pytest.mark.parametrize(
    ("option", "environment", "on_terminal", "in_pipe"),
    [
        ("auto", {}, True, False),
        ("auto", {"NO_COLOR": "1"}, False, False),
        ("auto", {"NO_COLOR": ""}, True, False),
        ("auto", {"FORCE_COLOR": "1"}, True, True),
        ("auto", {"FORCE_COLOR": "0"}, False, False),
        ("auto", {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False, False),
        ("always", {"NO_COLOR": "1"}, True, True),
        ("never", {"FORCE_COLOR": "1"}, False, False),
        ("auto", {"TERM": "dumb"}, False, False),
    ],
)
def test_who_decides_about_colour(
    option: str, environment: dict[str, str], on_terminal: bool, in_pipe: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert reader(Tty(), option).colour is on_terminal
    assert reader(io.StringIO(), option).colour is in_pipe
