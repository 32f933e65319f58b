"""The memory of a run does not depend on how long its table is, whatever the format.

    python -m tests.batching.memory 10000000

takes each format into itself with a hundredth of so many rows and with all of them, and shows the peak of each process
and the difference; the suite has shorter tables, in shorter blocks.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import chdir
from pathlib import Path

import numpy as np
import pyarrow as arrow
import pyarrow.parquet as parquet

from tests.batching.tables import ENVIRONMENT, FORMULA

#: A run, and then its peak in kilobytes: that of its own memory, as what the system counts for a child begins with the
#: memory of who started it.
SCRIPT = """
import sys
from diffcli.batching import sizes, writers
from diffcli.cli.main import main
from diffcli.report import digits
{before}
code = main(sys.argv[1:])
print([line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")][0])
sys.exit(code)
"""
#: Short blocks, so that short tables fill all there is to be filled.
SHORT_BLOCKS = """
sizes.CHUNK, sizes.BLOCK_ROWS, writers.GROUP_ROWS = 1 << 18, 1 << 12, 1 << 12
digits.WORTH_IMPORTING = 0
"""
#: How much larger the peak of a hundred times as many rows may be, in megabytes. The numbers of 10⁷ rows take 400.
ALLOWED = 40
#: So many rows are written at a time; and those of a group, in Parquet.
PIECE = 10_000
GROUP = 100_000


def text(path: Path, count: int, head: str, row: str) -> None:
    """A file of so many rows, in each of which two numbers take the places of %r."""
    rng = np.random.default_rng(0)
    lines = [row % pair for pair in zip(*rng.uniform(0.1, 2.0, (2, PIECE)).tolist(), strict=True)]
    whole = "".join(lines)
    with open(path, "w", encoding="utf-8") as file:
        file.write(head)
        for start in range(0, count, PIECE):
            file.write(whole if count - start >= PIECE else "".join(lines[: count - start]))


def csv(path: Path, count: int) -> None:
    text(path, count, "name,x,y\n", "abc,%r,%r\n")


def jsonl(path: Path, count: int) -> None:
    text(path, count, "", '{"name": "abc", "x": %r, "y": %r}\n')


def npy(path: Path, count: int) -> None:
    array = np.lib.format.open_memmap(path, "w+", shape=(count, 2))
    array[:] = 0.5


def npz(path: Path, count: int) -> None:
    np.savez(path, name=np.full(count, "abc"), x=np.full(count, 0.5), y=np.full(count, 2.0))


def pq(path: Path, count: int) -> None:
    rng = np.random.default_rng(0)
    schema = arrow.schema({"name": arrow.string(), "x": arrow.float64(), "y": arrow.float64()})
    with parquet.ParquetWriter(path, schema) as writer:
        for start in range(0, count, GROUP):
            size = min(GROUP, count - start)
            columns = [arrow.array(["abc"] * size), rng.random(size), rng.random(size)]
            writer.write_table(arrow.table(columns, schema))


#: How each format is written.
FORMATS: dict[str, Callable[[Path, int], None]] = {"csv": csv, "jsonl": jsonl, "npy": npy, "npz": npz, "parquet": pq}


def peak(source: str, target: str, before: str = "", more: tuple[str, ...] = (), code: int = 0) -> int:
    """The peak of a run from file to file, in kilobytes."""
    words = ["grad", FORMULA, "--points", source, "-o", target, "-q", *more]
    python = [sys.executable, "-c", SCRIPT.format(before=before)]
    done = subprocess.run([*python, *words], capture_output=True, text=True, env=ENVIRONMENT, check=False)
    assert done.returncode == code, done.stderr
    return int(done.stdout)


def options(form: str) -> tuple[str, ...]:
    """What a run over a table of that format needs besides."""
    return ("--columns", "x,y") if form == "npy" else ("--keep", "name")


def peaks(form: str, counts: tuple[int, ...], before: str = "") -> Iterator[int]:
    """The peaks of runs from one format into itself with so many rows; in the working directory."""
    for count in counts:
        source, target = Path(f"p.{form}"), Path(f"o.{form}")
        FORMATS[form](source, count)
        yield peak(str(source), str(target), before, options(form))
        source.unlink()
        target.unlink()


def run(count: int) -> int:
    """Print the table; how many formats take more memory for more rows."""
    print(f"| format | {count // 100:,} rows | {count:,} rows | difference |\n|---|---:|---:|---:|")
    grown = 0
    for form in FORMATS:
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder, chdir(folder):
            few, many = (round(each / 1024) for each in peaks(form, (count // 100, count)))
        grown += many > few + ALLOWED
        print(f"| {form} | {few} MB | {many} MB | {many - few} MB |", flush=True)
        print(f"{form}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
    return grown


if __name__ == "__main__":
    sys.exit(run(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000) > 0)
