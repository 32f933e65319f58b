"""(c) The Jacobian of m outputs in n inputs: time against passes."""

from __future__ import annotations

import statistics

import numpy as np

from benchmarks.harness import Table, alternate, installed, ratio, seconds

TITLE = "The Jacobian of m outputs in n inputs: tanh(A·sin(x)), A of m × n"


def run(smoke: bool) -> list[Table]:
    """Reverse passes, all on the batch axis, beside one pass and beside autograd."""
    import diffcli

    table = Table(TITLE, ("m", "n", "passes", "one pass", "all passes", "÷ (passes × one)", "× autograd"))
    f = diffcli.parse("input x\ntanh(A @ sin(x))")
    rng = np.random.default_rng(1)
    for m, n in ((2, 3),) if smoke else ((1, 100), (10, 100), (100, 100), (1000, 100), (10, 1000), (100, 1000)):
        at = {"A": rng.normal(size=(m, n)) / n, "x": rng.normal(size=n)}
        pullback = diffcli.vjp(f, at, wrt=["x"])
        v = np.ones(m)
        works = {
            "one": lambda p=pullback, v=v: p(v),
            "all": lambda at=at: diffcli.jacobian(f, at, wrt=["x"]),
        }
        if not smoke and installed("autograd"):
            works["autograd"] = _autograd(at["A"], at["x"])
        times = alternate(works, rounds=3 if smoke else 7)
        one, everything = (statistics.median(times[name]) for name in ("one", "all"))
        beside = f"{ratio(times, 'all', 'autograd'):.2f}" if "autograd" in times else "–"
        passes = diffcli.jacobian(f, at, wrt=["x"]).passes
        row = (
            str(m),
            str(n),
            str(passes),
            seconds(one),
            seconds(everything),
            f"{everything / (passes * one):.2f}",
            beside,
        )
        table.rows.append(row)
    return [table]


def _autograd(a: np.ndarray, x: np.ndarray):
    import autograd
    import autograd.numpy as anp

    jacobian = autograd.jacobian(lambda x: anp.tanh(a @ anp.sin(x)))
    return lambda: jacobian(x)
