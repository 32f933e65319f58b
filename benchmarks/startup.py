"""(a) The whole command, beside the imports it cannot do without and beside peers' one-liners."""

from __future__ import annotations

import compileall
import statistics
import sys
from pathlib import Path

import diffcli
from benchmarks.harness import Table, alternate, command, installed, ratio, seconds

TITLE = "Start-up: the gradient of sin(x)*y as a whole command"

DIFFCLI = (sys.executable, "-m", "diffcli", "grad", "sin(x)*y", "--at", "x=1,y=2", "--json")
FLOOR = (sys.executable, "-c", "import numpy, typer, lark")
SYMPY = (
    sys.executable,
    "-c",
    "from sympy import *; x, y = symbols('x y'); f = sin(x)*y; p = {x: 1, y: 2};"
    "print(f.subs(p).evalf(17), [f.diff(v).subs(p).evalf(17) for v in (x, y)])",
)
JAX = (
    sys.executable,
    "-c",
    "import jax; jax.config.update('jax_enable_x64', True); import jax.numpy as np;"
    "print(jax.value_and_grad(lambda x, y: np.sin(x)*y, (0, 1))(1.0, 2.0))",
)


def run(smoke: bool) -> list[Table]:
    """Whole processes, taking turns, with their bytecode in place as an installed package has it."""
    compileall.compile_dir(str(Path(diffcli.__file__).parent), quiet=1)
    commands = {"diffcli grad --json": DIFFCLI, "floor: import numpy, typer, lark": FLOOR}
    table = Table(TITLE, ("command", "median", "× floor"))
    if not smoke:
        for name, words, module in (("SymPy one-liner", SYMPY, "sympy"), ("JAX one-liner", JAX, "jax")):
            if installed(module):
                commands[name] = words
            else:
                table.notes.append(f"{name}: not installed")
    times = alternate({name: command(*words) for name, words in commands.items()}, rounds=2 if smoke else 21)
    floor = "floor: import numpy, typer, lark"
    for name in commands:
        table.rows.append((name, seconds(statistics.median(times[name])), f"{ratio(times, name, floor):.2f}"))
    return [table]
