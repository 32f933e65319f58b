"""A result is there whole or not at all, whatever stops the run; and memory does not grow with the table."""

import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.batching.tables import ENVIRONMENT, FORMULA, command, here, points, rows, write_csv
from tests.cli.conftest import Run, plain_environment, run
from tests.cli.test_process import on_terminal
from tests.interrupts import heed_interrupts

__all__ = ["here", "plain_environment", "run"]  # fixtures


@pytest.mark.parametrize("name", ["o.csv", "o.npz", "o.parquet"])
def test_a_run_that_is_stopped_leaves_the_old_file(name: str, here: Path) -> None:
    (here / name).write_text("old\n")
    words = command("grad", FORMULA, "--points", "-", "-o", name)
    pipe = subprocess.PIPE
    stopped = (signal.SIGINT, signal.SIGKILL, signal.SIGTERM)
    runs = [
        subprocess.Popen(words, stdin=pipe, stderr=pipe, env=ENVIRONMENT, preexec_fn=heed_interrupts) for _ in stopped
    ]
    for process in runs:
        assert process.stdin
        process.stdin.write(b"x,y\n" + b"1,2\n" * 200_000)  # more than a pipe holds, so it has begun
        process.stdin.flush()
    time.sleep(0.2)
    for process, sent in zip(runs, stopped, strict=True):
        process.send_signal(sent)
        assert process.stdin
        process.stdin.close()
        code = process.wait(20)
        assert process.stderr
        assert process.stderr.read() == b""
        process.stderr.close()
        assert code == (130 if sent == signal.SIGINT else -sent)
    assert (here / name).read_text() == "old\n"
    assert [path.name for path in here.iterdir()] == [name]


@pytest.mark.parametrize("form", ["csv", "jsonl", "npy", "npz", "parquet"])
def test_a_full_disk(form: str, run: Run, here: Path) -> None:
    write_csv(here / "p.csv", points(3000))
    outcome = run("grad", FORMULA, "--points", "p.csv", "--format", form, "-o", "/dev/full")
    assert outcome.code == 74
    assert "no space left" in outcome.err
    assert Path("/dev/full").is_char_device()


@pytest.mark.parametrize("name", ["o.csv", "o.jsonl", "o.npy", "o.npz", "o.parquet"])
def test_a_disk_that_fills(name: str, here: Path) -> None:
    """A file may grow to 64 KB and no further; whoever writes to it, it is the file that is named."""
    write_csv(here / "p.csv", points(20_000))
    (here / name).write_text("old\n")

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))

    words = command("grad", FORMULA, "--points", "p.csv", "-o", name)
    done = subprocess.run(
        words, capture_output=True, text=True, env=ENVIRONMENT, check=False, preexec_fn=little_room
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (74, f"error: {name} could not be written: file too large\n")
    assert (here / name).read_text() == "old\n"
    assert sorted(path.name for path in here.iterdir()) == sorted([name, "p.csv"])


def test_standard_output_that_is_closed() -> None:
    script = f"{sys.executable} -m diffcli eval x x=0:1:3 >&-; echo $? >&2"
    for more in ("", "--format npz", "--format parquet"):
        words = ["bash", "-c", script.replace(" >&-", f" {more} >&-")]
        done = subprocess.run(words, capture_output=True, text=True, env=ENVIRONMENT, check=False)
        assert done.stderr == "error: standard output is closed\n74\n"


def interrupted(*words: str, start: bytes = b"") -> tuple[int | None, bytes]:
    """A run that waits, for its reader or for more to read, is sent Ctrl-C: its exit code, and what it says."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command(*words), stdin=pipe, stdout=pipe, stderr=pipe, env=ENVIRONMENT, preexec_fn=heed_interrupts
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdin.write(start)
        process.stdin.flush()
        process.stdout.read(8)  # it has begun to answer
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        code = process.wait(10)
        return code, process.stderr.read()


def test_a_run_that_waits_can_be_interrupted(here: Path) -> None:
    write_csv(here / "p.csv", points(200_000))
    assert interrupted("grad", FORMULA, "--points", "p.csv") == (130, b"")
    assert interrupted("grad", FORMULA, "--points", "-", start=b"x,y\n1,2\n") == (130, b"")


def test_an_interruption_leaves_a_clean_terminal(here: Path) -> None:
    script = """
import os, signal, sys
from diffcli.batching import sizes, tables
from diffcli.cli import progress
from diffcli.cli.main import main
sizes.CHUNK, progress.PATIENCE = 1 << 10, 0.0
signal.signal(signal.SIGINT, signal.default_int_handler)
told = progress.Progress._told
def interrupted(bar, count, part):
    told(bar, count, part)
    if count.rows > 1000:
        os.kill(os.getpid(), signal.SIGINT)
progress.Progress._told = interrupted
sys.exit(main(sys.argv[1:]))
"""
    write_csv(here / "p.csv", points(50_000))
    program = [sys.executable, "-c", script]
    code, text = on_terminal("eval", "x*y", "--points", "p.csv", "-o", "o.csv", program=program)
    assert code == 130
    assert "rows/s" in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")  # the cursor is back
    assert "Traceback" not in text
    assert [path.name for path in here.iterdir()] == ["p.csv"]


def test_nothing_is_imported_for_the_bar_among_threads(here: Path) -> None:
    """An import that Ctrl-C breaks off leaves a lock that a thread might wait for."""
    script = """
import sys, threading
from diffcli.batching import sizes, tables
from diffcli.cli import progress
from diffcli.cli.main import main
sizes.CHUNK, progress.PATIENCE = 1 << 10, 0.0
told = progress.Progress._told
def watched(bar, count, part):
    before = {name for name in sys.modules if name.startswith("rich")}
    told(bar, count, part)
    print(*sorted({name for name in sys.modules if name.startswith("rich")} - before), sep="\\nIMPORTED ")
progress.Progress._told = watched
sys.exit(main(sys.argv[1:]))
"""
    write_csv(here / "p.csv", points(5_000))
    program = [sys.executable, "-c", script]
    code, text = on_terminal("eval", "x*y", "--points", "p.csv", "-o", "o.csv", program=program)
    assert code == 0
    assert "rows/s" in text
    assert "rich" not in text


def test_waits_wake_up_by_themselves() -> None:
    """A wait that nobody ends looks around now and then, and so does not sleep through Ctrl-C."""
    for wait in ("channel.get()", "[channel.put(1) for _ in range(9)]", "behind.put(99), behind.finish()"):
        script = f"""
import signal, threading, time
from diffcli.batching.flow import Behind, _Channel
signal.signal(signal.SIGINT, signal.default_int_handler)
channel = _Channel()
threading.Timer(0.3, signal.raise_signal, [signal.SIGINT]).start()
behind = Behind(time.sleep)
try:
    {wait}
except KeyboardInterrupt:
    print("woken", flush=True)
"""
        words = [sys.executable, "-c", script]
        done = subprocess.run(words, capture_output=True, text=True, env=ENVIRONMENT, check=False, timeout=20)
        assert done.stdout == "woken\n", done.stderr


def test_a_full_disk_behind_standard_output(here: Path) -> None:
    write_csv(here / "p.csv", points(3000))
    for form in ("csv", "jsonl", "npz", "parquet"):
        with open("/dev/full", "wb") as full:
            words = command("grad", FORMULA, "--points", "p.csv", "--format", form)
            done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, check=False)
        assert done.returncode == 74
        assert "standard output could not be written: no space left on device" in done.stderr


def test_a_table_may_be_replaced_by_its_answers(run: Run, here: Path) -> None:
    write_csv(here / "p.csv", {"x": range(20_000)})
    assert run("eval", "2*x", "--points", "p.csv", "--keep", "x", "-o", "p.csv", "-q").code == 0
    assert [(row["x"], row["f"]) for row in rows((here / "p.csv").read_text())] == [
        (str(x), str(2 * x)) for x in range(20_000)
    ]


def test_a_reader_that_goes_away(here: Path) -> None:
    write_csv(here / "p.csv", points(200_000))
    with subprocess.Popen(
        command("grad", FORMULA, "--points", "p.csv"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(20) == 141
        assert process.stderr.read() == b""


def test_two_runs_into_one_file(here: Path) -> None:
    write_csv(here / "p.csv", points(50_000))
    runs = [
        subprocess.Popen(command("eval", f"x*{k}", "--points", "p.csv", "-o", "o.csv", "-q"), env=ENVIRONMENT)
        for k in (1, 2)
    ]
    assert [process.wait(30) for process in runs] == [0, 0]
    found = [float(row["f"]) for row in rows((here / "o.csv").read_text())]
    assert found in ((points(50_000)["x"] * k).tolist() for k in (1, 2))
    assert sorted(path.name for path in here.iterdir()) == ["o.csv", "p.csv"]


def test_an_unwritable_place(run: Run, here: Path) -> None:
    write_csv(here / "p.csv", points(3))
    assert run("eval", "x", "--points", "p.csv", "-o", "no/such/folder.csv").code == 74
    assert run("eval", "x", "--points", "p.csv", "-o", ".").code == 74
    assert run("eval", "x", "--points", "p.csv", "-o", "/proc/o.csv").code == 74  # where nobody may write
    (here / "link.csv").symlink_to("absent/o.csv")
    assert run("eval", "x", "--points", "p.csv", "-o", "link.csv").code == 74


def test_the_file_keeps_its_mode_and_links(run: Run, here: Path) -> None:
    write_csv(here / "p.csv", points(3))
    (here / "real.csv").write_text("old")
    (here / "real.csv").chmod(0o640)
    (here / "link.csv").symlink_to("real.csv")
    assert run("eval", "x", "--points", "p.csv", "-o", "link.csv").code == 0
    assert (here / "link.csv").is_symlink()
    assert (here / "real.csv").read_text().startswith("f,error\n")
    assert (here / "real.csv").stat().st_mode & 0o777 == 0o640


def test_one_point_imports_nothing_of_this() -> None:
    script = (
        "import sys; from diffcli.cli.main import main; main(['grad', 'x^2', 'x=3']); "
        "print([m for m in sys.modules if m.startswith('diffcli.batching')], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=ENVIRONMENT, check=True)
    assert done.stderr == "[]\n"


def test_threads_that_are_left_do_not_outlive_an_error() -> None:
    """A run that is broken off leaves them at work, and an interpreter that ends under them aborts."""
    script = """
import sys, threading, time
from diffcli.cli.main import main
threading.Thread(target=time.sleep, args=(60,)).start()
print("before", end="")
sys.exit(main())
"""
    words = [sys.executable, "-c", script, "eval", "x^"]
    done = subprocess.run(words, capture_output=True, text=True, env=ENVIRONMENT, check=False, timeout=20)
    assert (done.returncode, done.stdout) == (3, "before")
    assert done.stderr.startswith("error: nothing follows ^")
