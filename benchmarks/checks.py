"""(f) What the checks behind the warnings cost: a gradient with them and without, at points that are ordinary."""

from __future__ import annotations

import statistics
from collections.abc import Mapping

from benchmarks.harness import Table, alternate, seconds

TITLE = "A gradient with and without the look at its own numbers"


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


def run(smoke: bool) -> list[Table]:
    """One table: the median of alternating rounds, after the graphs have been built."""
    import diffcli
    from diffcli.diagnosis import examine

    table = Table(TITLE, ("formula", "gradient", "the look", "together"))
    for name, text, at in _programs(smoke):
        program = diffcli.parse(text)
        assert not examine(program, at, "grad")
        times = alternate(
            {
                "gradient": lambda program=program, at=at: diffcli.value_and_grad(program, at),
                "look": lambda program=program, at=at: examine(program, at, "grad"),
            },
            rounds=3 if smoke else 9,
        )
        alone, look = (statistics.median(times[key]) for key in ("gradient", "look"))
        table.rows.append((name, seconds(alone), seconds(look), f"× {1 + look / alone:.2f}"))
    table.notes.append(
        "A command spends some 200 ms before it computes: beside that, the look at a small formula is nothing."
    )
    return [table]
