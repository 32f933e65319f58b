"""(e) From file to file, whole commands: CSV to CSV beside a script of pandas and JAX, and the other formats."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.harness import Table, alternate, installed, ratio, seconds

FORMULA = "sin(x)*exp(y)/sqrt(x*z) + log(z)"

_PANDAS = """
import sys, jax, pandas
jax.config.update("jax_enable_x64", True)
from jax.numpy import sin, exp, log, sqrt
frame = pandas.read_csv(sys.argv[1])
f = lambda x, y, z: sin(x)*exp(y)/sqrt(x*z) + log(z)
value, (dx, dy, dz) = jax.jit(jax.vmap(jax.value_and_grad(f, argnums=(0, 1, 2))))(*(frame[c].to_numpy() for c in "xyz"))
pandas.DataFrame({"f": value, "d_x": dx, "d_y": dy, "d_z": dz}).to_csv(sys.argv[2], index=False)
"""
_WITHOUT = "import sys; sys.modules['pyarrow'] = None; from diffcli.cli.main import main; sys.exit(main())"


def run(smoke: bool) -> Iterator[Table]:
    """CSV to CSV beside a peer; then every format into itself."""
    count = 1000 if smoke else 1_000_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder, count)
        yield _beside(folder, count, smoke)
        if not smoke:
            yield _formats(folder, count)


def _write(folder: Path, count: int) -> None:
    numbers = np.random.default_rng(0).uniform(0.5, 2.0, (count, 3))
    rows = numbers.tolist()
    (folder / "points.csv").write_text("x,y,z\n" + "".join([f"{x!r},{y!r},{z!r}\n" for x, y, z in rows]))
    (folder / "points.jsonl").write_text("".join([f'{{"x": {x}, "y": {y}, "z": {z}}}\n' for x, y, z in rows]))
    np.save(folder / "points.npy", numbers)
    np.savez(folder / "points.npz", x=numbers[:, 0], y=numbers[:, 1], z=numbers[:, 2])
    if installed("pyarrow"):
        import pyarrow
        import pyarrow.parquet

        table = pyarrow.table({name: numbers[:, k] for k, name in enumerate("xyz")})
        pyarrow.parquet.write_table(table, folder / "points.parquet")


def _words(folder: Path, suffix: str, *python: str) -> list[str]:
    source, target = folder / f"points.{suffix}", folder / f"gradients.{suffix}"
    columns = ["--columns", "x,y,z"] if suffix == "npy" else []
    return [sys.executable, *python, "grad", FORMULA, "--points", str(source), "-o", str(target), "-q", *columns]


def _beside(folder: Path, count: int, smoke: bool) -> Table:
    table = Table(f"From CSV to CSV, {count:,} rows of three numbers, whole commands", ("", "time", "rows/s"))
    works = {"diffcli": _words(folder, "csv", "-m", "diffcli")}
    if installed("pyarrow"):
        works["diffcli without pyarrow"] = _words(folder, "csv", "-c", _WITHOUT)
    if not smoke and installed("pandas", "jax"):
        files = [str(folder / "points.csv"), str(folder / "theirs.csv")]
        works["pandas and JAX"] = [sys.executable, "-c", _PANDAS, *files]
        if installed("pyarrow"):
            reading = _PANDAS.replace("sys.argv[1])", "sys.argv[1], engine='pyarrow')")
            works["pandas reading by pyarrow, and JAX"] = [sys.executable, "-c", reading, *files]
    times = _timed(works, 1 if smoke else 5, 0 if smoke else 1)
    for name in works:
        median = statistics.median(times[name])
        table.rows.append([name, seconds(median), f"{count / median:,.0f}"])
    mine = [name for name in works if name.startswith("diffcli")]
    for peer in [name for name in works if name not in mine]:
        for ours in mine:
            table.notes.append(f"{peer}: {ratio(times, peer, ours):.2f} times as long as {ours}.")
    return table


def _formats(folder: Path, count: int) -> Table:
    table = Table(f"Every format into itself, {count:,} rows, whole commands", ("format", "time", "rows/s"))
    formats = [path.suffix[1:] for path in sorted(folder.glob("points.*"))]
    times = _timed({form: _words(folder, form, "-m", "diffcli") for form in formats}, 3, 1)
    for form in formats:
        median = statistics.median(times[form])
        table.rows.append([form, seconds(median), f"{count / median:,.0f}"])
    return table


def _timed(works: dict[str, list[str]], rounds: int, warm_up: int) -> dict[str, list[float]]:
    runs = {name: lambda words=words: subprocess.run(words, check=True) for name, words in works.items()}
    return alternate(runs, rounds=rounds, warm_up=warm_up)
