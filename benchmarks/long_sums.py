"""(b) Sums of n terms in n variables: reading, building and differentiating grow linearly."""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable

from benchmarks.harness import Table, alternate, installed, once, ratio, seconds

TITLE = "A sum of n terms in n variables: from text to gradient"
FACTOR = 1.5


def text(n: int) -> str:
    """1.5*x0*sin(x0) + 1.5*x1*sin(x1) + …"""
    return " + ".join(f"{FACTOR}*x{i}*sin(x{i})" for i in range(n))


def point(n: int) -> dict[str, float]:
    """A point where no term is special."""
    return {f"x{i}": 0.5 + i / n for i in range(n)}


def diffcli_whole(n: int) -> object:
    """Parse, bind, and take the value and the gradient."""
    import diffcli

    return diffcli.value_and_grad(diffcli.parse(text(n)), point(n))


def casadi_whole(n: int) -> object:
    """The same in CasADi, which has no parser: Python reads the text."""
    import casadi

    names = {f"x{i}": casadi.SX.sym(f"x{i}") for i in range(n)}
    total = sum(FACTOR * x * casadi.sin(x) for x in names.values())
    x = casadi.vertcat(*names.values())
    f = casadi.Function("f", [x], [total, casadi.gradient(total, x)])
    return f(list(point(n).values()))


def autograd_whole(n: int) -> object:
    """The same in autograd, term by term as the text has it."""
    import autograd
    import autograd.numpy as np

    def f(x: list[float]) -> float:
        total = 0.0
        for each in x:
            total = total + FACTOR * each * np.sin(each)
        return total

    return autograd.value_and_grad(f)(list(point(n).values()))


def sympy_whole(n: int) -> object:
    """The same in SymPy: parse, differentiate in every variable, substitute."""
    import sympy

    f = sympy.sympify(text(n))
    at = {sympy.Symbol(name): value for name, value in point(n).items()}
    return [f.diff(x).xreplace(at) for x in at]


PEERS: tuple[tuple[str, Callable[[int], object], int], ...] = (
    ("casadi", casadi_whole, 100_000),
    ("autograd", autograd_whole, 1_000),
    ("sympy", sympy_whole, 100),
)


def run(smoke: bool) -> list[Table]:
    """Whole times beside peers, and the two sweeps against each other."""
    return [_whole(smoke), _sweeps(smoke)]


def _whole(smoke: bool) -> Table:
    table = Table(TITLE, ("n", "diffcli", "per term", *(f"× {name}" for name, _, _ in PEERS)))
    for n in (100,) if smoke else (100, 1_000, 10_000, 100_000):
        row = []
        for name, whole, largest in PEERS:
            if smoke or n > largest or not installed(name):
                row.append("–")
                continue
            times = alternate(
                {"diffcli": lambda n=n: diffcli_whole(n), name: lambda n=n, whole=whole: whole(n)}, rounds=3, warm_up=0
            )
            row.append(f"{ratio(times, 'diffcli', name):.2f}")
        gc.collect()
        ours = statistics.median(once(lambda n=n: diffcli_whole(n)) for _ in range(3))
        table.rows.append((f"{n:,}", seconds(ours), seconds(ours / n), *row))
    table.notes.append("–: not installed, or it takes minutes: SymPy and autograd grow with n².")
    return table


def _sweeps(smoke: bool) -> Table:
    import diffcli

    table = Table("The two sweeps of the same sums, bound once", ("n", "value", "value and gradient", "ratio"))
    for n in (100,) if smoke else (1_000, 10_000, 100_000):
        f, at = diffcli.parse(text(n)), point(n)
        times = alternate(
            {
                "value": lambda f=f, at=at: diffcli.evaluate(f, at),
                "both": lambda f=f, at=at: diffcli.value_and_grad(f, at),
            },
            rounds=5,
        )
        medians = [statistics.median(times[name]) for name in ("value", "both")]
        table.rows.append((f"{n:,}", *map(seconds, medians), f"{ratio(times, 'both', 'value'):.2f}"))
    return table
