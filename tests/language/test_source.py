"""Where a text comes from."""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path

import pytest

from diffcli.errors import Source, UsageError
from diffcli.language.parse import parse_file
from diffcli.language.source import read_source


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("text", ["sin(x)", "-x^2", "", "x.exp", " -"])
def test_an_expression(text: str) -> None:
    assert read_source(text) == Source(text, "expression")


def test_a_file() -> None:
    Path("polar.expr").write_text("r = x", encoding="utf-8")
    Path("polar.txt").write_text("θ", encoding="utf-8")
    assert read_source("polar.expr") == Source("r = x", "polar.expr")
    assert read_source("@polar.expr") == Source("r = x", "polar.expr")
    assert read_source("@polar.txt") == Source("θ", "polar.txt")


@pytest.mark.parametrize("data", [b"\xef\xbb\xbfx\r\ny\r\n", b"x\r\ny", b"x\ny\n"])
def test_a_signature_and_any_line_ends_are_read(data: bytes) -> None:
    Path("a.expr").write_bytes(data)
    assert len(parse_file(read_source("a.expr")).statements) == 2


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_source("-", io.BytesIO(b"x+1")) == Source("x+1", "standard input")
    assert read_source("-", io.StringIO("θ")).text == "θ"
    assert read_source("-", io.TextIOWrapper(io.BytesIO("θ".encode()), "ascii")).text == "θ"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"y")))
    assert read_source("-").text == "y"
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(UsageError, match="closed"):
        read_source("-")


def _error(argument: str, stdin: io.BytesIO | None = None) -> UsageError:
    with pytest.raises(UsageError) as caught:
        read_source(argument, stdin)
    assert caught.value.exit_code == 2
    return caught.value


def test_what_cannot_be_read() -> None:
    Path("folder.expr").mkdir()
    Path("polar.expr").write_text("x", encoding="utf-8")
    error = _error("polra.expr")
    assert (error.message, error.hint, error.code) == (
        "there is no file polra.expr",
        "did you mean polar.expr?",
        "file",
    )
    here = os.path.join("..", Path.cwd().name)
    assert _error(f"{here}/polr.expr").hint == f"did you mean {here}/polar.expr?"
    assert _error("@kepler.txt").hint == "check the path"
    assert _error("nowhere/a.expr").message == "there is no folder nowhere"
    assert _error("@").message == "@ is followed by no file name"
    assert _error("folder.expr").message == "folder.expr is a directory"
    assert "null" in _error("@a\0b").message


def test_a_file_that_may_not_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str, mode: str) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    # Refused by hand: root, as whom tests often run, reads a file of any mode.
    monkeypatch.setattr("diffcli.language.source.open", refuse, raising=False)
    assert "Permission denied" in _error("secret.expr").message


def test_what_is_no_text() -> None:
    Path("binary.expr").write_bytes(b"\x7fELF\0")
    assert _error("binary.expr").message == "binary.expr is a binary file: byte 4 is zero"
    Path("latin.expr").write_bytes("x\n+ é".encode("latin-1"))
    assert _error("latin.expr").message == "latin.expr is not UTF-8: byte 4, in line 2, is 0xE9"
    Path("signed.expr").write_bytes(b"\xef\xbb\xbfab\xff")
    assert "byte 5, in line 1, is 0xFF" in _error("signed.expr").message
    Path("wide.expr").write_text("x", encoding="utf-16")
    assert _error("wide.expr").message == "wide.expr is UTF-16, not UTF-8"
    assert _error("-", io.BytesIO(b"\xff")).message.startswith("standard input is not UTF-8")


def test_standard_input_that_fails() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(5, "Input/output error")

    assert _error("-", Broken()).message == "standard input cannot be read: Input/output error"
