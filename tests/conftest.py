"""What tests of several rooms share."""

import os
import shlex
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shell_environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which `diffcli` and `python` are this checkout's and this interpreter's, whatever is installed,
    and output is what a pipe gets.
    """
    folder = tmp_path_factory.mktemp("bin")
    python = shlex.quote(sys.executable)
    for name, command in {"diffcli": f"{python} -m diffcli", "python": python}.items():
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        script.chmod(0o755)
    kept = {k: v for k, v in os.environ.items() if k not in ("FORCE_COLOR", "COLUMNS", "DIFFCLI_DEBUG")}
    return {
        **kept,
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(CHECKOUT),
        "PYTHONUTF8": "1",
        "NO_COLOR": "1",
    }
