"""What only a process of its own can show: exit codes, signals, pipes, terminals, and what a start imports."""

from __future__ import annotations

import errno
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from fcntl import ioctl
from pathlib import Path

import pytest

from tests.interrupts import heed_interrupts

ROOT = Path(__file__).parents[2]
PROGRAM = [sys.executable, "-m", "diffcli"]
GRAD = ["grad", "sin(x)*y", "--at", "x=1,y=2"]


def environment(**extra: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    return {**kept, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", **extra}


def call(*words: str, **extra: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PROGRAM, *words], capture_output=True, text=True, env=environment(**extra), check=False)


def on_terminal(*words: str, columns: int = 80, program: Sequence[str] = PROGRAM, **extra: str) -> tuple[int, str]:
    """The exit code, and what a terminal of so many columns shows of both streams."""
    pid, descriptor = pty.fork()
    if pid == 0:
        os.execvpe(program[0], [*program, *words], environment(COLUMNS=str(columns), **extra))
    ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    shown = b""
    while True:
        try:
            piece = os.read(descriptor, 1 << 16)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            break
        if not piece:
            break
        shown += piece
    os.close(descriptor)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode().replace("\r\n", "\n")


def test_an_exit_code_leaves_the_process() -> None:
    found = call("grad", "x^")
    assert (found.returncode, found.stdout) == (3, "")
    assert found.stderr.startswith("error: ")


def test_a_full_disk_behind_standard_output() -> None:
    for words in (GRAD, ["--help"], ["--version"], ["--show-completion"]):
        with open("/dev/full", "w") as full:
            found = subprocess.run(
                [*PROGRAM, *words],
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
                env=environment(_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="") | {"SHELL": "/bin/bash"},
            )
        assert found.returncode == 74, words
        assert found.stderr.splitlines() == ["error: standard output could not be written: no space left on device"]


def test_a_reader_that_goes_away() -> None:
    script = f"{sys.executable} -m diffcli eval 'arange(300000)' | head -c 10 >/dev/null; echo ${{PIPESTATUS[0]}}"
    found = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=environment(), check=False)
    assert (found.stdout, found.stderr) == ("141\n", "")


def test_closed_streams() -> None:
    script = f"{sys.executable} -m diffcli eval 1 >&-; echo $?; {sys.executable} -m diffcli eval '1+' 2>&-; echo $?"
    found = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=environment(), check=False)
    assert found.stdout.split() == ["74", "3"]
    assert found.stderr == "error: standard output is closed\n"


def test_an_interruption() -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [*PROGRAM, "eval", "-"], stdin=pipe, stdout=pipe, stderr=pipe, env=environment(), preexec_fn=heed_interrupts
    ) as process:
        assert process.stderr is not None
        _until_it_reads(process.pid)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert process.stderr.read() == b""


def _until_it_reads(pid: int) -> None:
    """Wait until the process `pid` sleeps in reading its standard input, a pipe."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        where = Path(f"/proc/{pid}/wchan")
        if "pipe_" in where.read_text() or Path(f"/proc/{pid}/syscall").read_text().startswith("0 0x0 "):
            return
        time.sleep(0.02)
    raise AssertionError("it never came to read")


def test_a_start_imports_only_what_it_uses() -> None:
    code = "import sys; from diffcli.cli.main import main; main({words!r}); print(*sys.modules, file=sys.stderr)"

    def imported(*words: str) -> set[str]:
        start = [sys.executable, "-c", code.format(words=words)]
        found = subprocess.run(start, capture_output=True, text=True, env=environment(), check=True)
        return {name.partition(".")[0] for name in found.stderr.split()} | set(found.stderr.split())

    light = imported("--version")
    assert not light & {"numpy", "typer", "click", "lark", "rich", "importlib.metadata", "dataclasses_json"}
    json = imported(*GRAD, "--json")
    assert not json & {"rich", "scipy", "mpmath", "json", "importlib.metadata", "diffcli.cli.trace", "diffcli.tracing"}
    assert not imported(*GRAD) & {"rich"}


def test_a_terminal_gets_tables_in_colour() -> None:
    code, shown = on_terminal(*GRAD)
    assert code == 0
    assert "\x1b[" in shown
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert plain.startswith("f = 1.682941969615793\n\ninput   at             gradient\n───")
    code, shown = on_terminal(*GRAD, NO_COLOR="1")
    assert "\x1b[" not in shown
    assert "───" in shown


def test_a_terminal_gets_json_it_can_read() -> None:
    _, shown = on_terminal(*GRAD, "--json")
    assert shown.startswith('{\n  "schema": "diffcli.grad/1",\n')


def test_a_terminal_gets_no_binary() -> None:
    code, shown = on_terminal(*GRAD, "--format", "npy")
    assert code == 2
    assert "a terminal cannot show npy" in shown


@pytest.mark.parametrize("columns", [40, 120])
def test_errors_fit_the_terminal(columns: int) -> None:
    code, shown = on_terminal("grad", "a + " * 40 + "2x", columns=columns, NO_COLOR="1")
    assert code == 3
    message, excerpt, carets = shown.splitlines()
    assert message.startswith("error: ")
    assert len(excerpt) <= columns
    assert excerpt[carets.index("^") :] == "x"


def test_bash_completes(tmp_path: Path) -> None:
    """The script that is shown, in a real shell."""
    program = tmp_path / "diffcli"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m diffcli "$@"\n')
    program.chmod(0o755)
    script = (
        'eval "$(_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION=1 diffcli --show-completion bash)"\n'
        'COMP_WORDS=(diffcli grad x --js) COMP_CWORD=3\n_diffcli_completion diffcli\necho "${COMPREPLY[@]}"\n'
    )
    env = environment(PATH=f"{tmp_path}:{os.environ['PATH']}")
    found = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=env, check=False)
    assert found.stdout.split() == ["--json"], found.stderr
