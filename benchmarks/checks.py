"""(f) What the checks behind the warnings cost, where there is nothing to warn of: at one point, and at many."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from benchmarks.batches import EXPRESSIONS
from benchmarks.harness import Table, alternate, busy, installed, once, seconds

#: A look that takes longer, in seconds, is measured once, the first; and the program of 200 operations at no more
#: points.
PATIENCE, LONG = 0.5, 100_000
ONE = "A gradient with and without the look at its own numbers"


def _programs(smoke: bool) -> list[tuple[str, str, Mapping[str, object]]]:
    import numpy as np

    n = 10 if smoke else 1_000
    vector = np.linspace(0.1, 2.0, n)
    return [
        ("sin(x)*y", "sin(x)*y", {"x": 1.0, "y": 2.0}),
        ("Rosenbrock in 2", "(1 - x)^2 + 100*(y - x^2)^2", {"x": -1.2, "y": 1.0}),
        (f"a sum of {n} terms", " + ".join(f"sin(x)*{i}.5" for i in range(n)), {"x": 1.0}),
        (f"Rosenbrock in {n}, as a vector", "sum((1 - v[:-1])^2 + 100*(v[1:] - v[:-1]^2)^2)", {"v": vector}),
        (f"tanh and exp of {100 * n} numbers", "sum(exp(-v)*tanh(v))", {"v": np.tile(vector, 100)}),
    ]


def run(smoke: bool) -> Iterator[Table]:
    """Alternating rounds, after the graphs have been built."""
    yield _one_point(smoke)
    for count in (1_000,) if smoke else (100_000, 1_000_000):
        yield _many_points(count, smoke)
    if installed("llvmlite"):
        for count in (1_000,) if smoke else (100_000, 1_000_000):
            yield _many_points(count, smoke, jit=True)


def _one_point(smoke: bool) -> Table:
    import diffcli
    from diffcli.diagnosis import examine

    table = Table(ONE, ("formula", "gradient", "the look", "together"))
    for name, text, at in _programs(smoke):
        program = diffcli.parse(text)
        assert not examine(program, at, "grad")
        times = alternate(
            {
                "gradient": lambda program=program, at=at: diffcli.value_and_grad(program, at),
                "look": lambda program=program, at=at: examine(program, at, "grad"),
            },
            rounds=3 if smoke else 41,
        )
        alone, look = (min(times[key]) for key in ("gradient", "look"))
        table.rows.append((name, seconds(alone), seconds(look), f"× {1 + look / alone:.2f}"))
    table.notes.append("The best of the rounds. A command takes 100 to 200 ms to start, whatever the formula.")
    return table


def _many_points(count: int, smoke: bool, *, jit: bool = False) -> Table:
    """Values and derivatives of a batch, and the look for warnings after them."""
    import numpy as np

    shared = busy()
    what = "processor time" if shared else "time"
    title = f"The look at {count:,} points, as a part of the {what} of computing values and derivatives"
    if jit:
        title += ", compiled"
    table = Table(title, ("formula", "points in (0.5, 2)", "the look", "points from N(0, 1)", "the look", "warned of"))
    rng = np.random.default_rng(0)
    shares: tuple[list[float], list[float]] = ([], [])
    for name in list(EXPRESSIONS)[: 2 if smoke else None]:
        if count > LONG and "random" in name:
            continue
        row, warned = [name], 0
        draws: list[Callable[[], Any]] = [lambda: rng.uniform(0.5, 2.0, count), lambda: rng.standard_normal(count)]
        for draw, known in zip(draws, shares, strict=True):
            clock = time.process_time if shared else time.perf_counter
            taken, share, warned = _shared(name, draw, 3 if smoke else 9, jit, clock)
            row += [seconds(taken), f"{100 * share:.1f} %"]
            if not warned:
                known.append(share)
        table.rows.append([*row, f"{warned:,}"])
    medians = [f"{100 * statistics.median(each):.1f} %" if each else "–" for each in shares]
    table.rows.append(["median, where nothing is warned of", "", medians[0], "", medians[1], ""])
    table.notes.append("The best of the rounds of each, as other work on the machine comes in bursts.")
    return table


def _shared(
    name: str, draw: Callable[[], Any], rounds: int, jit: bool, clock: Callable[[], float]
) -> tuple[float, float, int]:
    """Seconds of computing a batch, what part of them looking at it takes, and how many rows are warned of.

    A formula whose warnings somebody asks for is watched while it is computed, so that alone is another one.
    """
    import diffcli

    program = diffcli.parse(EXPRESSIONS[name])
    points = {each: draw() for each in program.inputs}
    found: dict[str, Any] = {}

    def computing(batch: diffcli.Batch) -> Callable[[], object]:
        return batch.value_and_grad if len(program.outputs) == 1 else batch.jacobian

    alone = computing(diffcli.parse(EXPRESSIONS[name]).batch(points, jit=jit))
    looked_at = program.batch(points, jit=jit)
    compute = computing(looked_at)

    def look() -> None:
        found.update(looked_at.warnings)

    def both() -> None:
        compute()
        look()

    both()
    first = once(look, clock)
    if first > PATIENCE:
        taken = min(alternate({"compute": alone}, 3, clock=clock)["compute"])
        share = first / taken
    else:
        times = alternate({"compute": alone, "both": both}, rounds, warm_up=2, clock=clock)
        taken = min(times["compute"])
        share = min(times["both"]) / taken - 1.0
    return taken, share, len({int(row) for each in found.values() for row in each})
