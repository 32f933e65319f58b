"""Where the system has no nameless files (macOS, network folders): a hidden one beside the result until it is whole."""

import errno
import fcntl
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from diffcli.report import beside
from diffcli.report.stream import Sink
from tests.batching.tables import ENVIRONMENT, here
from tests.cli.conftest import Run, plain_environment, run
from tests.interrupts import heed_interrupts

__all__ = ["here", "plain_environment", "run"]  # fixtures

FORMATS = ["csv", "jsonl", "npy", "npz", "parquet"]
#: The command, on such a system.
NAMED = "import os, sys; del os.O_TMPFILE; from diffcli.cli.main import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture(autouse=True)
def no_nameless_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "O_TMPFILE")
    monkeypatch.setattr(tempfile, "_O_TMPFILE_WORKS", False)  # what it found out when it was imported


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def parts(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name.endswith(".part")]


@pytest.mark.parametrize("form", FORMATS)
def test_the_result_takes_the_old_ones_place_and_mode(form: str, run: Run, here: Path) -> None:
    (here / f"o.{form}").write_text("old\n")
    (here / f"o.{form}").chmod(0o640)
    assert run("eval", "2*x", "x=0:1:11", "-o", f"o.{form}").code == 0
    assert names(here) == [f"o.{form}"]
    assert (here / f"o.{form}").stat().st_mode & 0o777 == 0o640
    assert run("eval", "2*x", "x=0:1:11", "-o", f"new.{form}").code == 0
    assert (here / f"o.{form}").read_bytes() == (here / f"new.{form}").read_bytes()


@pytest.mark.parametrize("form", FORMATS)
def test_an_error_in_the_middle_leaves_the_old_file(form: str, run: Run, here: Path) -> None:
    (here / f"o.{form}").write_text("old\n")
    (here / "p.csv").write_text("x\n" + "1\n" * 1000 + "?\n")
    assert run("eval", "x", "--points", "p.csv", "--fail-fast", "-o", f"o.{form}").code == 2
    assert (here / f"o.{form}").read_text() == "old\n"
    assert names(here) == [f"o.{form}", "p.csv"]


def test_the_file_is_there_while_it_is_written(here: Path) -> None:
    with Sink("o.csv") as sink:
        sink.write(b"new\n")
        sink.flush()
        (part,) = parts(here)
        assert part.name.startswith(".o.csv.diffcli-")
        assert part.read_bytes() == b"new\n"
    assert names(here) == ["o.csv"]


def started(*words: str) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-c", NAMED, *words], stdin=pipe, stderr=pipe, env=ENVIRONMENT, preexec_fn=heed_interrupts
    )


def test_runs_that_are_stopped(run: Run, here: Path) -> None:
    """Ctrl-C leaves nothing; a killed run leaves its file, which the next one to the same place removes."""
    (here / "o.csv").write_text("old\n")
    runs = [started("eval", "x", "--points", "-", "-o", "o.csv") for _ in range(2)]
    for process in runs:
        assert process.stdin
        process.stdin.write(b"x\n" + b"1\n" * 1000)
        process.stdin.flush()
    while len(parts(here)) < 2:
        time.sleep(0.01)
    time.sleep(0.1)
    for process, sent, code in zip(runs, (signal.SIGKILL, signal.SIGINT), (-signal.SIGKILL, 130), strict=True):
        process.send_signal(sent)
        assert process.stdin
        assert process.stderr
        assert process.wait(20) == code
        assert process.stderr.read() == b""
        process.stdin.close()
        process.stderr.close()
    assert (here / "o.csv").read_text() == "old\n"
    assert len(parts(here)) == 1
    assert run("eval", "x", "x=0:1:2", "-o", "other.csv").code == 0
    assert len(parts(here)) == 1  # which is not its own
    assert run("eval", "x", "x=0:1:2", "-o", "o.csv").code == 0
    assert names(here) == ["o.csv", "other.csv"]


def test_a_disk_that_fills(here: Path) -> None:
    """A file may grow to 4 KB and no further."""
    (here / "o.csv").write_text("old\n")

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 12, 1 << 12))

    words = [sys.executable, "-c", NAMED, "eval", "x", "x=0:1:10000", "-o", "o.csv"]
    done = subprocess.run(
        words, capture_output=True, text=True, env=ENVIRONMENT, check=False, preexec_fn=little_room
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (74, "error: o.csv could not be written: file too large\n")
    assert (here / "o.csv").read_text() == "old\n"
    assert names(here) == ["o.csv"]


def test_two_runs_at_once(here: Path) -> None:
    """Each has a file of its own; the last to end wins; and what is left of a dead one disturbs neither."""
    target = str(here / "o.csv")
    dead, descriptor = beside.create(target)
    os.write(descriptor, b"dead")
    os.close(descriptor)
    with Sink(target) as first:
        assert parts(here) == [Path(dead)]  # the dead one's place is free again
        with Sink(target) as second:
            assert len(parts(here)) == 2
            first.write(b"first")
            second.write(b"second")
        assert Path(target).read_text() == "second"
    assert Path(target).read_text() == "first"
    assert names(here) == ["o.csv"]


def test_more_runs_than_there_are_places_and_long_names(here: Path) -> None:
    target = str(here / ("ä" * 120 + ".csv"))
    made = [beside.create(target) for _ in range(beside.SLOTS + 2)]
    assert len({path for path, _ in made}) == beside.SLOTS + 2
    for _, descriptor in made:
        os.close(descriptor)
    os.close(beside.create(target)[1])
    assert len(parts(here)) == 3  # those without a place of their own stay, and the new one


def test_where_there_are_no_locks_nothing_is_removed(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(descriptor: int, how: int) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(fcntl, "flock", unknown)
    for _ in range(2):
        os.close(beside.create(str(here / "o.csv"))[1])
    assert len(parts(here)) == 2
    with Sink(str(here / "o.csv")) as sink:
        sink.write(b"new")
    assert (here / "o.csv").read_text() == "new"
    assert len(parts(here)) == 2


def test_a_file_that_was_removed_before_it_was_locked(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that comes between making and locking takes the file for a dead one's, and the maker makes another."""
    true, removed = fcntl.flock, []

    def late(descriptor: int, how: int) -> None:
        if not removed:
            removed.append(parts(here)[0])
            removed[0].unlink()
        true(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", late)
    path, descriptor = beside.create(str(here / "o.csv"))
    assert removed
    assert os.path.samestat(os.fstat(descriptor), os.stat(path))
    os.close(descriptor)


def test_what_is_no_file_of_a_run_stays(here: Path) -> None:
    first, descriptor = beside.create(str(here / "o.csv"))
    os.close(descriptor)
    os.unlink(first)
    (here / "elsewhere").write_text("mine")
    os.symlink(here / "elsewhere", first)
    second, descriptor = beside.create(str(here / "o.csv"))
    os.close(descriptor)
    assert second != first
    assert (here / "elsewhere").read_text() == "mine"


def test_a_file_that_somebody_exchanged_does_not_become_the_result(here: Path) -> None:
    """Locks do not reach from machine to machine, and machines may have one name."""
    (here / "o.csv").write_text("old")
    path, descriptor = beside.create(str(here / "o.csv"))
    os.unlink(path)
    Path(path).write_text("half of another")
    with pytest.raises(OSError, match="another machine"):
        beside.rename(path, descriptor, str(here / "o.csv"))
    os.close(descriptor)
    assert (here / "o.csv").read_text() == "old"
