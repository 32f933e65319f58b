"""The memory of a run does not depend on how long the table is, in any format."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest

from tests.batching.tables import ENVIRONMENT, FORMULA, here

__all__ = ["here"]  # a fixture

#: A run with short blocks, so that short tables fill all there is to be filled; then its peak, in kilobytes.
SCRIPT = """
import sys
from diffcli.batching import sizes
from diffcli.cli.main import main
sizes.CHUNK, sizes.BLOCK_ROWS = 1 << 18, 1 << 12
code = main(sys.argv[1:])
print([line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")][0])
sys.exit(code)
"""


def text(path: Path, count: int, head: str, row: str) -> None:
    with open(path, "w") as file:
        file.write(head)
        for start in range(0, count, 10_000):
            file.write(row * min(10_000, count - start))


def csv(path: Path, count: int) -> None:
    text(path, count, "name,x,y\n", "abc,0.123456789,1.23456789\n")


def jsonl(path: Path, count: int) -> None:
    text(path, count, "", '{"name": "abc", "x": 0.123456789, "y": 1.23456789}\n')


def npy(path: Path, count: int) -> None:
    array = np.lib.format.open_memmap(path, "w+", shape=(count, 2))
    array[:] = 0.5


def npz(path: Path, count: int) -> None:
    np.savez(path, name=np.full(count, "abc"), x=np.full(count, 0.5), y=np.full(count, 2.0))


def pq(path: Path, count: int) -> None:
    rng = np.random.default_rng(0)
    table = arrow.table({"name": ["abc"] * count, "x": rng.random(count), "y": rng.random(count)})
    parquet.write_table(table, path, row_group_size=10_000)


#: How each format is written, and a number of rows that would be seen, were they kept.
FORMATS: dict[str, tuple[Callable[[Path, int], None], int]] = {
    "csv": (csv, 500_000), "jsonl": (jsonl, 250_000), "npy": (npy, 2_000_000), "npz": (npz, 700_000),
    "parquet": (pq, 700_000),
}  # fmt: skip


def peak(source: str, target: str, *more: str) -> int:
    words = [sys.executable, "-c", SCRIPT, "grad", FORMULA, "--points", source, "-o", target, "-q", *more]
    return int(subprocess.run(words, capture_output=True, text=True, env=ENVIRONMENT, check=True).stdout)


@pytest.mark.parametrize("form", FORMATS)
def test_memory_does_not_grow_with_the_table(form: str, here: Path) -> None:
    write, count = FORMATS[form]
    more = ["--columns", "x,y"] if form == "npy" else ["--keep", "name"]
    peaks = []
    for size in (count // 10, count):
        write(here / f"p.{form}", size)
        peaks.append(peak(f"p.{form}", f"o.{form}", *more))
    assert peaks[1] < peaks[0] + 8_000, peaks


def test_memory_does_not_grow_with_bad_rows(here: Path) -> None:
    peaks = []
    for size in (30_000, 300_000):
        text(here / "p.csv", size, "x,y\n", "oops,1\n0.5,?\n1,2\n")
        words = [sys.executable, "-c", SCRIPT, "grad", FORMULA, "--points", "p.csv", "-o", "o.npz", "-q"]
        done = subprocess.run(words, capture_output=True, text=True, env=ENVIRONMENT, check=False)
        assert done.returncode == 6
        peaks.append(int(done.stdout))
    assert peaks[1] < peaks[0] + 20_000, peaks
