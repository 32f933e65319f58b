"""A point alone and in any batch, any block, on any number of threads, from any format into any other: the same bits.

    python -m tests.batching.bits 1000000

takes so many rows altogether, over all samples, each of which is also computed by itself; the suite takes fewer. Then
come some special points of every sample, which take longest: each is looked at singly, in every way anew.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as arrow
import pyarrow.parquet as parquet

import diffcli
from diffcli.cli.main import main
from diffcli.evaluation import limits
from diffcli.labels import labels

SAMPLES = Path(__file__).parents[2] / "samples"

#: The points of every sample: the inputs that vary, with shape and range; and those that are the same for all.
Range = tuple[tuple[int, ...], float, float]
POINTS: Mapping[str, tuple[Mapping[str, Range], Mapping[str, Any]]] = {
    "black_scholes": (
        {"spot": ((), 50, 150), "strike": ((), 50, 150), "rate": ((), 0, 0.1), "volatility": ((), 0.1, 0.5),
         "time": ((), 0.1, 2)}, {},
    ),
    "gmm": (
        {"alpha": ((2,), -1, 1), "mu": ((2, 2), -1, 1), "q": ((2, 2), -1, 1), "l": ((2, 1), -1, 1)},
        {"x": [[0.1, 0.2], [-0.3, 0.4], [0.5, 0.6]], "place": [[0, 0, 1, 0]]},
    ),
    "kepler": ({"M": ((), 0, 6), "e": ((), 0, 0.9)}, {}),
    "logistic": ({"w": ((2,), -1, 1)}, {"data": [[53, 1], [66, 0], [70, 1], [81, 0]]}),
    "neural_network": ({"W1": ((2, 3), -2, 2), "b1": ((3,), -1, 1), "W2": ((3,), -2, 2), "b2": ((), -1, 1)}, {}),
    "polar": ({"x": ((), -3, 3), "y": ((), -3, 3)}, {}),
    "robot_arm": ({"shoulder": ((), -3, 3), "elbow": ((), -3, 3)}, {}),
    "rosenbrock": ({"x": ((5,), -2, 2)}, {}),
}  # fmt: skip
SOURCES = ("csv", "tsv", "jsonl", "npy", "npz", "parquet")
TARGETS = ("csv", "jsonl", "npy", "npz", "parquet")


#: How many special points a sample gets from the command.
ODD = 20
#: Where formulas have kinks, ties, poles, overflow and no value; several inputs may be the same of them.
SPECIAL = (0.0, -0.0, 1.0, -1.0, 2.0, np.inf, -np.inf, 1e308, -1e308, 5e-324)


def same(found: np.ndarray, expected: np.ndarray, firm: int) -> bool:
    """To the bit; a NaN is a NaN. After the first `firm` columns, in a Jacobian, nobody said which of two zeros is one
    that is known without computing.
    """
    sound = [np.where(np.isnan(array), np.nan, array) for array in (found, expected)]
    for array in sound:
        array[:, firm:] += 0.0
    return found.shape == expected.shape and sound[0].tobytes() == sound[1].tobytes()


class Case:
    """A sample at some points: `expected` (rows, columns) has what each point gives alone, value and derivatives."""

    def __init__(self, name: str, rows: int, seed: int = 0, odd: int = 0) -> None:  # rows of SPECIAL values alone
        self.name, self.rows, self.odd = name, rows, odd
        self.program = diffcli.parse((SAMPLES / f"{name}.expr").read_text(encoding="utf-8"))
        varying, self.fixed = POINTS[name]
        rng = np.random.default_rng(seed)
        self.points = {each: rng.uniform(low, high, (rows, *shape)) for each, (shape, low, high) in varying.items()}
        for k in range(odd):
            for array in self.points.values():
                array[k] = SPECIAL[k] if k < len(SPECIAL) else rng.choice(SPECIAL, array.shape[1:])
        outputs = diffcli.evaluate(self.program, self._at(0))
        self.scalar = [np.shape(value) for value in outputs.values()] == [()]
        self.width = sum(np.size(value) for value in outputs.values())
        self.expected = np.array([np.concatenate([np.ravel(part) for part in self.alone(i)]) for i in range(rows)])

    @property
    def firm(self) -> int:
        """The columns in which every zero has its sign: all but a Jacobian's."""
        return self.expected.shape[1] if self.scalar else self.width

    def _at(self, i: int) -> dict[str, Any]:
        return {**self.fixed, **{name: array[i] for name, array in self.points.items()}}

    def alone(self, i: int) -> list[Any]:
        """Values and derivatives at the i-th point, one computed by itself."""
        at, wrt = self._at(i), [*self.points]
        if self.scalar:
            value, gradient = diffcli.value_and_grad(self.program, at, wrt=wrt)
            return [value, *gradient.values()]
        found = diffcli.jacobian(self.program, at, wrt=wrt)
        return [*found.values.values(), found.matrix]

    def batch(self, jobs: int) -> np.ndarray:
        """The same from arrays."""
        batch = self.program.batch(self.points, self.fixed, jobs=jobs)
        if self.scalar:
            value, gradient = batch.value_and_grad(wrt=[*self.points])
            parts = [value, *gradient.values()]
        else:
            found = batch.jacobian(wrt=[*self.points])
            parts = [*found.values.values(), found.matrix]
        return np.concatenate([part.reshape(self.rows, -1) for part in parts], axis=1)

    def command(self, source: str, target: str, jobs: int) -> np.ndarray:
        """The same by the command line, from file to file, in the working directory."""
        where = f"points.{source}"
        if not Path(where).exists():
            self._write(source)
        words = ["--columns", ",".join(self._columns())] if source == "npy" else []
        if self.fixed:
            Path("fixed.json").write_text(json.dumps(self.fixed))
            words += ["--at", "@fixed.json"]
        what = "grad" if self.scalar else "jacobian"
        words += ["--wrt", ",".join(self.points), "--points", where, "-o", f"found.{target}", "--jobs", str(jobs), "-q"]
        code = main([what, str(SAMPLES / f"{self.name}.expr"), *words])
        assert code in (0, 6), (self.name, source, target, code)
        found = self._read(target)
        # Where no output has a value, the row may be a bad one, of which the table has no derivatives either.
        lost = np.isnan(self.expected[:, : self.width]).all(axis=1) & np.isnan(found).all(axis=1)
        found[lost] = self.expected[lost]
        return found

    def _columns(self) -> list[str]:
        return [label for name, array in self.points.items() for label in labels(name, array.shape[1:])]

    def _write(self, source: str) -> None:
        table = np.concatenate([array.reshape(self.rows, -1) for array in self.points.values()], axis=1)
        match source:
            case "csv" | "tsv":
                sign = "," if source == "csv" else "\t"
                head = sign.join(f'"{name}"' if "," in name else name for name in self._columns())
                lines = [head, *(sign.join(map(repr, row)) for row in table.tolist())]
                Path(f"points.{source}").write_text("\n".join(lines) + "\n")
            case "jsonl":
                rows = zip(*(array.tolist() for array in self.points.values()), strict=True)
                lines = [json.dumps(dict(zip(self.points, row, strict=True))) for row in rows]
                Path("points.jsonl").write_text("\n".join(lines) + "\n")
            case "npy":
                np.save("points.npy", table)
            case "npz":
                np.savez("points.npz", **self.points)
            case _:
                columns = dict(zip(self._columns(), table.T, strict=True))
                parquet.write_table(arrow.table(columns), "points.parquet")

    def _read(self, target: str) -> np.ndarray:
        match target:
            case "csv":
                lines = Path("found.csv").read_text().splitlines()[1:]
                return np.array([[float(cell or "nan") for cell in line.split(",")[:-1]] for line in lines])
            case "jsonl":
                found = [_flat(json.loads(line)) for line in Path("found.jsonl").read_text().splitlines()]
                return np.array([row or [np.nan] * self.expected.shape[1] for row in found])
            case "npy":
                array: np.ndarray = np.load("found.npy")
                return array
            case "npz":
                with np.load("found.npz") as archive:
                    parts = [archive[name] for name in archive.files if not name.startswith("error")]
                return np.concatenate([part.reshape(self.rows, -1) for part in parts], axis=1)
            case _:
                table = parquet.read_table("found.parquet")
                return np.stack([table.column(k).to_numpy() for k in range(table.num_columns - 1)], axis=1)


def _flat(row: Mapping[str, Any]) -> list[float]:
    """The numbers of a row of JSON, in order."""
    found: list[float] = []
    about = ("i", "error", "rows", "columns", "mode", "passes", "warnings")
    waiting = [value for key, value in reversed(row.items()) if key not in about]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict | list):
            waiting += reversed([*value.values()] if isinstance(value, dict) else value)
        else:
            found.append(float(value))
    return found


def differences(case: Case, threads: Sequence[int] = (1, 2)) -> Iterator[str]:
    """The ways in which a point does not give what it gives alone; to be called in an empty directory. `threads`: on
    how many each pair of formats is tried.
    """
    usual = limits.MAX_BLOCK
    for jobs in (1, 2, 3):
        for block in (usual, 1000):
            limits.MAX_BLOCK = block
            try:
                if not same(case.batch(jobs), case.expected, case.firm):
                    yield f"arrays, blocks of {block}, {jobs} threads"
            finally:
                limits.MAX_BLOCK = usual
    formats = [*((source, "npy") for source in SOURCES), *(("csv", target) for target in TARGETS if target != "npy")]
    for source, target, jobs in ((*pair, jobs) for pair in formats for jobs in threads):
        if not same(case.command(source, target, jobs), case.expected, case.firm):
            yield f"{source} to {target}, {jobs} threads"


def run(rows: int) -> int:
    """Take so many rows over all samples, and special points besides; how many ways failed."""
    failed = 0
    for name in POINTS:
        for case, threads in ((Case(name, -(-rows // len(POINTS)), seed=1), (1, 2)), (Case(name, ODD, odd=ODD), (1,))):
            start = time.perf_counter()
            with tempfile.TemporaryDirectory() as folder:
                os.chdir(folder)
                found = [*differences(case, threads)]
                os.chdir(SAMPLES)
            failed += len(found)
            what = f"{case.rows:,} {'special points' if case.odd else 'rows'}, {case.expected.size:,} numbers"
            took = f"{time.perf_counter() - start:.0f} s"
            print(f"{name}: {what}, {took}: {'; '.join(found) or 'the same bits'}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(run(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000) > 0)
