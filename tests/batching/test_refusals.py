"""Options and files that make no table are refused in words that say what to do."""

from pathlib import Path

import numpy as np
import pytest

from tests.batching.tables import here
from tests.cli.conftest import Run, plain_environment, run

__all__ = ["here", "plain_environment", "run"]  # fixtures


def test_arrays_that_cannot_be_read(run: Run, here: Path) -> None:
    np.save(here / "objects.npy", np.array([1, None], dtype=object), allow_pickle=True)
    np.save(here / "whole.npy", np.zeros((10, 2)))
    (here / "cut.npy").write_bytes((here / "whole.npy").read_bytes()[:-8])
    (here / "text.npy").write_text("x,y\n1,2\n")
    for name, said, hint in (
        ("objects.npy", "objects.npy holds Python objects, which are not loaded\n", "numpy.save(FILE, array.astype("),
        ("cut.npy", "cut.npy cannot be read: it ends after 152 of the 160 bytes of its array\n", "once more"),
        ("text.npy", "text.npy cannot be read: its header is none of NumPy's\n", ""),
    ):
        outcome = run("eval", "x*y", "--points", name, "--columns", "x,y")
        assert outcome.code == 2
        assert said in outcome.err
        assert hint in outcome.err
    assert run("eval", "x*y", "--points", "whole.npy", "--columns", "x,y").code == 0


@pytest.mark.parametrize("name", ["o.foo", "o.csv.gz", "o.mtx", "o.xlsx"])
def test_a_suffix_that_names_no_format(name: str, run: Run, here: Path) -> None:
    outcome = run("eval", "x", "x=0:1:3", "-o", name)
    assert outcome.code == 2
    assert (
        f"not written as {name.rpartition('.')[2]}\n  choose csv, tsv, jsonl, npy, npz, parquet; --format"
        in outcome.err
    )
    assert not (here / name).exists()
    assert run("eval", "x", "x=0:1:3", "-o", name, "--format", "csv").code == 0
    assert (here / name).read_text().startswith("x,f,error\n")


@pytest.mark.parametrize("name", ["o", "o.txt", "o.CSV"])
def test_a_name_that_may_hold_csv(name: str, run: Run, here: Path) -> None:
    assert run("eval", "x", "x=0:1:3", "-o", name).code == 0
    assert (here / name).read_text().startswith("x,f,error\n")


@pytest.mark.parametrize("second", [["--points", "q.csv"], ["--points=q.csv"]])
def test_one_table_at_a_time(second: list[str], run: Run, here: Path) -> None:
    for name in ("p.csv", "q.csv"):
        (here / name).write_text("x\n1\n")
    outcome = run("eval", "x", "--points", "p.csv", *second)
    assert (outcome.code, outcome.out) == (2, "")
    assert "--points is given twice" in outcome.err


@pytest.mark.parametrize("words", [["hvp", "x^2", "--tangent", "x=1"], ["trace", "x^2"], ["diagnose", "x^2"]])
def test_ranges_for_commands_of_one_point(words: list[str], run: Run) -> None:
    outcome = run(*words, "--at", "x=0:1:3")
    assert (outcome.code, outcome.out) == (2, "")
    assert "x is given a range, and this command takes one point" in outcome.err


def test_a_table_for_a_formula_without_inputs(run: Run, here: Path) -> None:
    (here / "p.csv").write_text("x\n1\n")
    outcome = run("eval", "3", "--points", "p.csv")
    assert outcome.code == 2
    assert "the formula has no inputs, so its value is the same at all points" in outcome.err


@pytest.mark.parametrize("words", [["x=2", "y=3"], ["--at", "x=0:1:3,y=3"], ["--points", "p.csv"]])
def test_a_direction_that_is_missing(words: list[str], run: Run, here: Path) -> None:
    (here / "p.csv").write_text("x,y\n1,2\n")
    formula = "r = x*y\ns = x + y\nreturn r, s"
    outcome = run("vjp", formula, *words)
    assert outcome.err == "error: which cotangent is to be pulled back?\n  add --cotangent r=…,s=…\n"
    outcome = run("jvp", formula, *words)
    assert outcome.err == "error: which tangent is to be pushed forward?\n  add --tangent x=…,y=…\n"
