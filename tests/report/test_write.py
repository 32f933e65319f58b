from __future__ import annotations

import errno
import io
import os
import stat
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from diffcli.errors import OutputError
from diffcli.report import write as room
from diffcli.report.write import say, write


def test_a_file_is_written_whole_and_nothing_else_remains(tmp_path: Path) -> None:
    write("θ\n", str(tmp_path / "out.txt"))
    write(b"\x00\x01", str(tmp_path / "out.bin"))
    assert (tmp_path / "out.txt").read_bytes() == "θ\n".encode()
    assert sorted(os.listdir(tmp_path)) == ["out.bin", "out.txt"]


def test_a_new_file_gets_the_usual_permissions(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write("x", str(tmp_path / "new"))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640


def test_an_old_file_keeps_its_own(tmp_path: Path) -> None:
    target = tmp_path / "old"
    target.write_text("before")
    target.chmod(0o604)
    write("after", str(target))
    assert target.read_text() == "after"
    assert stat.S_IMODE(target.stat().st_mode) == 0o604


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "link").symlink_to("deep/target")
    for content in ("made", "replaced"):
        write(content, str(tmp_path / "link"))
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "deep" / "target").read_text() == content


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "out"
    target.write_text("before")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="out could not be written: no space left on device"):
        write("after", str(target))
    assert target.read_text() == "before"
    assert os.listdir(tmp_path) == ["out"]


def test_an_interruption_leaves_no_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write("after", str(tmp_path / "out"))
    assert os.listdir(tmp_path) == []


def test_devices_and_pipes_are_written_directly(tmp_path: Path) -> None:
    write("x", "/dev/null")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    os.mkfifo(tmp_path / "fifo")
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / "fifo").read_text()))
    reader.start()
    write("through", str(tmp_path / "fifo"))
    reader.join(5)
    assert got == ["through"]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/dev/full", "no space left on device"),
        ("{folder}", "it is a directory"),
        ("{folder}/none/out", "no such file or directory"),
        ("/proc/nothing-here", "no such file or directory"),
        ("{folder}/a\0b", "embedded null byte"),
    ],
)
def test_what_cannot_be_written_says_why(path: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(OutputError) as caught:
        write("x", path.format(folder=tmp_path))
    assert caught.value.message.endswith(f"could not be written: {reason}")
    assert caught.value.exit_code == 74


def test_a_file_needs_a_name() -> None:
    with pytest.raises(OutputError, match="has no name"):
        write("x", "")


def test_a_write_protected_file_is_respected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "out"
    target.write_text("before")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(OutputError, match="it is write-protected"):
        write("after", str(target))
    assert target.read_text() == "before"


def test_a_read_only_folder_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(room.os, "open", refused)
    with pytest.raises(OutputError, match="permission denied"):
        write("x", str(tmp_path / "out"))


@pytest.mark.parametrize("path", [None, "-", "/dev/stdout"])
def test_standard_output_by_all_its_names(path: str | None, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    write("θ", path)
    write(b"\xff", path)
    assert capsysbinary.readouterr().out == "θ".encode() + b"\xff"


def test_what_an_encoding_lacks_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    write("θ é")
    assert raw.getvalue() == b"\\u03b8 \\xe9"


def test_failures_of_standard_output(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(OutputError, match="standard output is closed"):
        write("x")
    closed = io.TextIOWrapper(io.BytesIO())
    closed.close()
    monkeypatch.setattr(sys, "stdout", closed)
    with pytest.raises(OutputError, match="standard output could not be written"):
        write("x")


def test_standard_error_may_be_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    say("nobody hears this")


def test_standard_error_speaks(capsys: pytest.CaptureFixture[str]) -> None:
    say("hear")
    assert capsys.readouterr().err == "hear"
