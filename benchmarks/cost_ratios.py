"""(f) What derivatives cost: gradient ÷ value over all samples and some larger formulas, and H·u ÷ gradient."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import Table, alternate, ratio, seconds

SAMPLES = Path(__file__).parent.parent / "samples"
#: The samples with the points that their own headers suggest.
POINTS: dict[str, dict[str, Any]] = {
    "black_scholes": {},
    "kepler": {},
    "logistic": {"w": [15.0429, -0.232163]},
    "polar": {"x": 3.0, "y": 4.0},
    "robot_arm": {"shoulder": 0.5, "elbow": 1.0},
    "rosenbrock": {"x": [-1.2, 1.0, -1.2, 1.0]},
}
#: Samples whose whole point stands in a file.
DATA = {"gmm": "gmm.json", "neural_network": "xor.json"}
COLUMNS = ("formula", "value", "gradient or Jᵀv", "÷ value", "H·u", "÷ gradient")


def run(smoke: bool) -> list[Table]:
    """Gradients (of several outputs, the pullback of ones) and Hessian products, calls from Python included."""
    table = Table("What derivatives cost beside evaluation", COLUMNS)
    rounds, calls = (3, 1) if smoke else (15, 20)
    worst = [0.0, 0.0]
    for name, text, at, wrt in [*_samples(), *_larger(smoke)]:
        works = _works(text, at, wrt)
        times = alternate({key: partial(_repeat, work, calls) for key, work in works.items()}, rounds=rounds)
        value, gradient = (statistics.median(times[key]) / calls for key in ("value", "gradient"))
        first = ratio(times, "gradient", "value")
        worst[0] = max(worst[0], first)
        second = ("–", "–")
        if "hvp" in times:
            over = ratio(times, "hvp", "gradient")
            worst[1] = max(worst[1], over)
            second = (seconds(statistics.median(times["hvp"]) / calls), f"{over:.2f}")
        table.rows.append((name, seconds(value), seconds(gradient), f"{first:.2f}", *second))
    table.notes.append(f"Largest: gradient ÷ value {worst[0]:.2f}, H·u ÷ gradient {worst[1]:.2f}.")
    return [table]


def _repeat(work: Callable[[], object], calls: int) -> None:
    for _ in range(calls):
        work()


def _works(text: str, at: dict[str, Any], wrt: list[str] | None) -> dict[str, Callable[[], object]]:
    import diffcli
    from diffcli.calculus import value_grad_and_hvp

    f = diffcli.parse(text)
    values = diffcli.evaluate(f, at)
    works: dict[str, Callable[[], object]] = {"value": lambda: diffcli.evaluate(f, at)}
    if len(values) == 1 and all(isinstance(value, float) for value in values.values()):
        gradient = diffcli.grad(f, at, wrt=wrt)
        u = {name: np.ones_like(part) for name, part in gradient.items()}
        works["gradient"] = lambda: diffcli.value_and_grad(f, at, wrt=wrt)
        works["hvp"] = lambda: value_grad_and_hvp(f, at, u, wrt=wrt)
    else:
        v = {name: np.ones_like(value) for name, value in values.items()}
        works["gradient"] = lambda: diffcli.vjp(f, at, wrt=wrt)(v)
    return works


def _samples() -> list[tuple[str, str, dict[str, Any], None]]:
    import json

    found = []
    for path in sorted(SAMPLES.glob("*.expr")):
        at = dict(POINTS.get(path.stem, {}))
        if path.stem == "logistic":
            lines = (SAMPLES / "data" / "challenger.csv").read_text(encoding="utf-8").splitlines()
            at["data"] = np.loadtxt([line for line in lines if line[:1].isdigit()], delimiter=",")
        elif path.stem in DATA:
            at = json.loads((SAMPLES / "data" / DATA[path.stem]).read_text(encoding="utf-8"))
        found.append((path.name, path.read_text(encoding="utf-8"), at, None))
    return found


def _larger(smoke: bool) -> list[tuple[str, str, dict[str, Any], list[str] | None]]:
    rng = np.random.default_rng(1)
    valley = "sum(100*(x[1:] - x[:-1]^2)^2 + (1 - x[:-1])^2)"
    layers = "sum((tanh(tanh(X@A)@B)@c - y)^2)"
    n, k = (50, 4) if smoke else (200, 30)
    weights = {"A": rng.normal(size=(20, k)), "B": rng.normal(size=(k, k)), "c": rng.normal(size=k)}
    return [
        *(
            (f"Rosenbrock, n = {n:,}", valley, {"x": rng.uniform(-1, 1, n)}, None)
            for n in ((100,) if smoke else (1_000, 100_000))
        ),
        (f"two layers of {k}, {n} rows", layers, {"X": rng.normal(size=(n, 20)), "y": rng.normal(size=n), **weights},
         list(weights)),
        ("logsumexp(A@x)", "logsumexp(A@x)", {"A": rng.normal(size=(100, 50)), "x": rng.normal(size=50)}, ["x"]),
    ]  # fmt: skip
