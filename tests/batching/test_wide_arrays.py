"""Arrays of many numbers a point go through whole: nothing is made for each of their elements."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest

from diffcli.batching import columns, sizes
from diffcli.batching.readers import quickly
from diffcli.batching.spools import npy_header
from tests.batching.tables import here, rows
from tests.cli.conftest import Run, plain_environment, run

__all__ = ["here", "plain_environment", "run"]  # fixtures


def archive(path: Path, **members: bytes) -> None:
    with zipfile.ZipFile(path, "w") as written:
        for name, content in members.items():
            written.writestr(f"{name}.npy", content)


THREE = npy_header((3,)) + np.arange(3.0).tobytes()


def test_a_header_of_any_size_costs_nothing(run: Run, here: Path) -> None:
    """These would be labels by the billion."""
    archive(here / "p.npz", x=THREE, other=npy_header((3, 10**9)))
    outcome = run("eval", "x", "--points", "p.npz", "-q")
    assert (outcome.code, outcome.out) == (0, "f,error\n0,\n1,\n2,\n")
    outcome = run("eval", "x", "--points", "p.npz", "--keep", "other[7],y")
    assert outcome.err == "error: the points have no column y to keep\n  they have x, other\n"


@pytest.mark.parametrize("shape", [(1, 10**9), (0, 10**10), (10**9, 10**9)])
def test_more_numbers_a_point_than_memory_holds(shape: tuple[int, ...], run: Run, here: Path) -> None:
    archive(here / "p.npz", x=npy_header(shape))
    outcome = run("eval", "sum(x)", "--points", "p.npz")
    assert outcome.code == 3
    assert outcome.err.startswith("error: its values would need ")
    assert "more than the limit of 1 GiB\n  raise the limit with --max-bytes" in outcome.err


def write(name: str, x: np.ndarray) -> None:
    match name.rpartition(".")[2]:
        case "npz":
            np.savez(name, x=x)
        case "npy":
            table = np.zeros(len(x), dtype=[("x", "f8", x.shape[1:])])
            table["x"] = x
            np.save(name, table)
        case "jsonl":
            Path(name).write_text("".join(json.dumps({"x": row.tolist()}) + "\n" for row in x))
        case "parquet":
            parquet.write_table(arrow.table({"x": x.tolist()}), name)
        case _:
            head = ",".join(f"x[{i}]" for i in range(x.shape[1]))
            Path(name).write_text("\n".join([head, *(",".join(map(repr, row.tolist())) for row in x)]) + "\n")


@pytest.mark.parametrize("name", ["p.npz", "p.npy", "p.jsonl", "p.parquet"])
def test_no_label_is_made_of_an_array(name: str, run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).random((5, 20_000))
    x[3, 17] = np.nan
    write(name, x)
    made: list[str] = []

    def watched(name: str, shape: tuple[int, ...]) -> list[str]:
        made.append(name)
        return [name]

    monkeypatch.setattr(columns, "labels", watched)
    found = rows(run("eval", "sum(x)", "--points", name).out)
    assert [float(row["f"] or "nan") for row in found] == pytest.approx(np.sum(x, axis=1).tolist(), nan_ok=True)
    assert [row["error"] for row in found] == ["", "", "", "x[17] is NaN", ""]
    assert made == []


@pytest.mark.parametrize("name", ["p.npz", "p.npy", "p.parquet"])
def test_few_rows_of_many_numbers_are_read_at_a_time(
    name: str, run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = np.random.default_rng(0).random((40, 100))
    write(name, x)
    expected = run("grad", "sum(sin(x))", "--points", name, "--keep", "x[3]").out
    monkeypatch.setattr(sizes, "ANSWERED", 250)
    assert sizes.rows(100) == 2
    assert run("grad", "sum(sin(x))", "--points", name, "--keep", "x[3]").out == expected
    assert [float(row["x[3]"]) for row in rows(expected)] == x[:, 3].tolist()


def test_elements_of_matrices_are_kept_and_named(run: Run, here: Path) -> None:
    a = np.arange(12.0).reshape(2, 2, 3)
    a[1, 1, 2] = np.nan
    np.savez(here / "p.npz", A=a, t=np.array([[["1", "2"]], [["3", "?"]]]))
    outcome = run("eval", "sum(A)", "--points", "p.npz", "--keep", "A[1, 0]", "-q")
    assert outcome.out == '"A[1,0]",f,error\n3.0,15,\n9.0,,"A[1,2] is NaN"\n'
    outcome = run("eval", "sum(t)", "--points", "p.npz", "-q")
    assert outcome.out == 'f,error\n3,\n,"t[0,1] is ?, not a number"\n'
    for name in ("A[2,0]", "A[0]", "A[0,0,0]"):
        assert "no column" in run("eval", "sum(A)", "--points", "p.npz", "--keep", name).err


def test_columns_by_the_thousand(run: Run, here: Path) -> None:
    """Each is found at once, and few lines of many columns are NumPy's to read."""
    x = np.random.default_rng(0).random((3, 5000))
    write("p.csv", x)
    found = rows(run("eval", "sum(x)", "--points", "p.csv", "--keep", "x[4999]").out)
    assert [float(row["f"]) for row in found] == pytest.approx(np.sum(x, axis=1).tolist())
    assert [row["x[4999]"] for row in found] == [repr(value) for value in x[:, 4999].tolist()]
    assert quickly.FEWEST_LINES > 3


def test_a_first_line_that_is_too_long(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "CHUNK", 100)
    monkeypatch.setattr(sizes, "MAX_ROW", 1000)
    write("p.csv", np.ones((2, 500)))
    outcome = run("eval", "sum(x)", "--points", "p.csv")
    assert outcome.code == 2
    assert outcome.err == (
        "error: the first line of p.csv is longer than 1,000 bytes\n  put arrays as large as that into an .npz file\n"
    )
