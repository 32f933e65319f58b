"""(e) Sparse Jacobians and Hessians: time, passes and memory, beside CasADi, which colours too, and JAX, dense."""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import Table, alternate, installed, seconds

COLUMNS = ("n", "", "passes", "first matrix", "another point", "memory")
SIZES = (1_000, 10_000, 100_000)
#: A dense matrix of doubles larger than this is not tried.
DENSE_BYTES = 1 << 31
#: What JAX has for whole matrices.
DENSE = ("jacfwd", "jacrev", "hessian")

ROSENBROCK = "concat(10*(x[1:] - x[:-1]^2), 1 - x[:-1])"
BRATU = """\
h = 1/(len(u) + 1)
row = zeros(1, len(u))
column = zeros(len(u), 1)
neighbours = concat(row, u[:-1]) + concat(u[1:], row) \
  + concat(column, u[:, :-1], axis=1) + concat(u[:, 1:], column, axis=1)
return_ = 4*u - neighbours - 5*h^2*exp(u)
return return_
"""
VALLEY = "sum(100*(x[1:] - x[:-1]^2)^2 + (1 - x[:-1])^2)"

Entries = tuple[np.ndarray, np.ndarray, np.ndarray]
#: From a point to the matrix: its entries, or the whole of it.
Work = Callable[[np.ndarray], Any]


def run(smoke: bool) -> list[Table]:
    """Chained Rosenbrock residuals, the Bratu problem on a grid, and the Hessian of Rosenbrock's function."""
    problems = (
        ("rosenbrock", "Jacobian of the 2(n−1) chained Rosenbrock residuals"),
        ("bratu", "Jacobian of the 2-D Bratu problem, five-point stencil, n unknowns"),
        ("valley", "Hessian of the n-dimensional Rosenbrock function"),
    )
    return [_table(problem, title, smoke) for problem, title in problems]


def _table(problem: str, title: str, smoke: bool) -> Table:
    table = Table(title, COLUMNS)
    for n in (64,) if smoke else SIZES:
        points = _points(problem, n)
        size = points[0].size
        rows = size if problem != "rosenbrock" else 2 * size - 2
        peers = ["diffcli"]
        if not smoke and installed("casadi"):
            peers.append("casadi")
        if not smoke and installed("jax") and 8 * rows * size <= DENSE_BYTES:
            peers += ["hessian"] if problem == "valley" else ["jacfwd", "jacrev"]
        works = {name: _maker(name, problem)() for name in peers}
        first: dict[str, float] = {}
        ours: Entries | None = None
        for name, work in works.items():
            first[name], found = _first(work, points[0])
            ours = found if ours is None else ours
            _agree(ours, _entries(found), (rows, size))
            del found  # a dense matrix is large
        long = smoke or max(first.values()) > 1.0
        again = alternate({name: partial(work, points[1]) for name, work in works.items()}, rounds=3 if long else 7)
        for name in peers:
            table.rows.append(
                (
                    f"{size:,}" if name == "diffcli" else "",
                    f"JAX {name}" if name in DENSE else name,
                    f"{rows if name == 'jacrev' else size:,}" if name in DENSE else getattr(works[name], "passes", "–"),
                    seconds(first[name]),
                    seconds(statistics.median(again[name])),
                    _memory(name, problem, n) if not smoke and Path("/proc/self/status").exists() else "–",
                )
            )
    table.notes = [
        "first matrix: from the formula, with what is done once for a formula and its shapes: pattern, colours, "
        "compilation; another point: afterwards. Memory: how much the process grows by the first.",
        f"A dense matrix (all of JAX's are) is tried up to {DENSE_BYTES >> 20} MiB.",
        "All give the same entries, to 1e-12 of the largest, or the benchmark fails.",
    ]
    return table


def _first(work: Work, point: np.ndarray) -> tuple[float, Any]:
    """Seconds of the first matrix, and the matrix."""
    start = time.perf_counter()
    found = work(point)
    return time.perf_counter() - start, found


def _entries(found: Any) -> Entries:
    if isinstance(found, tuple):
        return found
    rows, columns = np.nonzero(found)
    return rows, columns, found[rows, columns]


def _points(problem: str, n: int) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    side = round(n**0.5)
    shape = (side, side) if problem == "bratu" else (n,)
    return [rng.uniform(-1.0, 1.0, shape) for _ in range(2)]


def _agree(ours: Entries, theirs: Entries, shape: tuple[int, int]) -> None:
    from scipy.sparse import coo_array

    one, other = (coo_array((data, (row, col)), shape=shape) for row, col, data in (ours, theirs))
    assert abs(one - other).max() <= 1e-12 * abs(one).max()


def _memory(name: str, problem: str, n: int) -> str:
    """How much a fresh process grows by the first matrix; its imports are done before."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_grow, args=(name, problem, n, theirs))
    process.start()
    grown = ours.recv()
    process.join()
    return f"{grown / 1024:.0f} MiB"


def _grow(name: str, problem: str, n: int, answer: Any) -> None:
    work, point = _maker(name, problem), _points(problem, n)[0]
    work()(_points(problem, 16)[0])
    before = _peak()
    work()(point)
    answer.send(_peak() - before)


def _peak() -> int:
    """The most memory that this process has held, in KiB (Linux)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0])


def _maker(name: str, problem: str) -> Callable[[], Work]:
    if name in DENSE:
        return _jax(problem, name)
    return {"diffcli": _diffcli, "casadi": _casadi}[name](problem)


def _diffcli(problem: str) -> Callable[[], Work]:
    import diffcli

    text = {"rosenbrock": ROSENBROCK, "bratu": BRATU, "valley": VALLEY}[problem]

    def make() -> Work:
        f = diffcli.parse(text)
        name = f.inputs[0]

        def work(point: np.ndarray) -> Entries:
            found = (
                diffcli.hessian(f, {name: point}, sparse=True)
                if problem == "valley"
                else diffcli.jacobian(f, {name: point}, sparse=True)
            )
            work.passes = str(found.passes)  # type: ignore[attr-defined]
            return found.entries.row, found.entries.col, found.entries.data

        return work

    return make


def _residuals(problem: str, x: Any, m: Any, join: Callable[..., Any], down: Callable[..., Any]) -> Any:
    """The same formulas over another array library: `m` has exp, `join` lays side by side, `down` below each other."""
    if problem == "rosenbrock":
        return down(10 * (x[1:] - x[:-1] ** 2), 1 - x[:-1])
    side = x.shape[0]
    row, column = np.zeros((1, side)), np.zeros((side, 1))
    near = down(row, x[:-1, :]) + down(x[1:, :], row) + join(column, x[:, :-1]) + join(x[:, 1:], column)
    return 4 * x - near - 5 / (side + 1) ** 2 * m.exp(x)


def _casadi(problem: str) -> Callable[[], Work]:
    import casadi

    def make() -> Work:
        made: dict[tuple[int, ...], Any] = {}

        def work(point: np.ndarray) -> Entries:
            if point.shape not in made:
                x = casadi.SX.sym("x", *point.shape)
                if problem == "valley":
                    value = casadi.sumsqr(_residuals("rosenbrock", x, casadi, casadi.horzcat, casadi.vertcat))
                    matrix = casadi.hessian(value, x)[0]
                else:
                    value = _residuals(problem, x, casadi, casadi.horzcat, casadi.vertcat)
                    matrix = casadi.jacobian(casadi.vec(value), casadi.vec(x))
                rows, columns = matrix.sparsity().get_triplet()
                # The elements of its matrices count down the columns; ours along the rows.
                order = np.arange(point.size).reshape(point.shape).ravel(order="F")
                places = (order[columns], order[rows] if problem == "bratu" else np.array(rows))
                made[point.shape] = casadi.Function("m", [x], [matrix]), places[1], places[0]
            function, rows, columns = made[point.shape]
            return rows, columns, np.array(function(point).nonzeros())

        return work

    return make


def _jax(problem: str, transformation: str) -> Callable[[], Work]:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)

    def residuals(x: Any) -> Any:
        def down(*parts: Any) -> Any:
            return jnp.concatenate(parts)

        def join(*parts: Any) -> Any:
            return jnp.concatenate(parts, axis=1)

        return _residuals("rosenbrock" if problem == "valley" else problem, x, jnp, join, down)

    def make() -> Work:
        if problem == "valley":
            matrix = jax.jit(jax.hessian(lambda x: jnp.sum(residuals(x) ** 2)))
        else:
            matrix = jax.jit(getattr(jax, transformation)(residuals))

        def work(point: np.ndarray) -> np.ndarray:
            return np.asarray(matrix(point)).reshape(-1, point.size)

        return work

    return make
