"""Renews what is written by machine in the documents: functions.md, and what the examples of all pages print.

    python docs/renew.py        then read the difference: it is what users will see change

functions.md is the table that the program itself reads. In every other page a `console` block is a session in a shell:
a line ``$ command`` and its output, errors included, as a pipe gets it. The tests fail while a page is behind.
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from diffcli.primitives import FunctionDoc, catalogue

CHECKOUT = Path(__file__).parents[1]
FUNCTIONS = CHECKOUT / "docs" / "functions.md"
PAGES = [*sorted(CHECKOUT.glob("*.md")), *sorted((CHECKOUT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

HEAD = """\
# Functions

Every function of the language, from the table in `diffcli/primitives/`. The same entry computes the function and its
derivative, and `diffcli functions NAME` shows it. This page is written by `python docs/renew.py`.

Functions of one number work on arrays element by element; those of two or more broadcast as NumPy's do. A reduction
takes the whole array, or one axis with `axis=k`. Outside a function's domain its derivative is NaN. At a kink, where
there is no derivative, stands the convention that diffcli follows.
"""


# The functions ----------------------------------------------------------------------------------------------


def functions_page() -> str:
    """The text of functions.md."""
    families: dict[str, list[FunctionDoc]] = {}
    for doc in catalogue():
        families.setdefault(doc.family, []).append(doc)
    return "\n".join([HEAD, *(section(family, docs) for family, docs in families.items())])


def section(family: str, docs: list[FunctionDoc]) -> str:
    """A family as a table; a column that would be the same for all is left out."""
    kinks = any(doc.kink for doc in docs)
    domains = any(doc.domain != "all reals" for doc in docs)
    head = ["function", "meaning", *["domain"] * domains, "derivative", *["at kinks and jumps"] * kinks]
    rows = [
        [
            f"`{doc.signature}`",
            doc.doc + (f" Also `{'`, `'.join(doc.aliases)}`." if doc.aliases else ""),
            *[doc.domain] * domains,
            doc.rule,
            *[doc.kink or ""] * kinks,
        ]
        for doc in docs
    ]
    lines = [head, ["---"] * len(head), *rows]
    table = "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)
    return f"## {family[0].upper()}{family[1:]}\n\n{table}\n"


# The examples -----------------------------------------------------------------------------------------------


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a page in one language."""
    return [body for kind, body in BLOCK.findall(page.read_text(encoding="utf-8")) if kind == language]


def session(block: str, room: Path, environment: Mapping[str, str]) -> str:
    """What a `console` block must say: its commands, each followed by what it prints in the folder `room`."""
    commands = re.findall(r"^\$ ((?:.*\\\n)*.*)\n", block, flags=re.MULTILINE)
    done = subprocess.run(
        ["bash", "-c", "".join(f"printf '%s\\n' {shlex.quote('$ ' + each)}\n{each}\n" for each in commands)],
        cwd=room,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
        check=False,  # many examples show an error
    )
    return done.stdout.decode("utf-8")


def shell(folder: Path) -> dict[str, str]:
    """An environment in which `diffcli` and `python` are this checkout's and this interpreter's, whatever is installed,
    and output is what a pipe gets; the two stand in `folder`.
    """
    python = shlex.quote(sys.executable)
    for name, command in {"diffcli": f"{python} -m diffcli", "python": python}.items():
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        script.chmod(0o755)
    kept = {k: v for k, v in os.environ.items() if k not in ("FORCE_COLOR", "COLUMNS", "DIFFCLI_DEBUG")}
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    return {**kept, "PATH": path, "PYTHONPATH": str(CHECKOUT), "PYTHONUTF8": "1", "NO_COLOR": "1"}


def furnished(room: Path) -> Path:
    """`room`, with the samples in it; what the examples write stays out of the checkout."""
    (room / "samples").symlink_to(CHECKOUT / "samples")
    return room


def main() -> None:
    """Renew every page, with the `diffcli` of this checkout."""
    FUNCTIONS.write_text(functions_page(), encoding="utf-8")
    with tempfile.TemporaryDirectory() as commands, tempfile.TemporaryDirectory() as folder:
        environment, room = shell(Path(commands)), furnished(Path(folder))
        for page in PAGES:
            text = page.read_text(encoding="utf-8")
            for block in blocks(page, "console"):
                text = text.replace(f"```console\n{block}```", f"```console\n{session(block, room, environment)}```")
            page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
