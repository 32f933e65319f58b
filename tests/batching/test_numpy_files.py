"""NumPy's files: what is used of them must be numbers, and nothing is asked of the rest."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.batching.tables import here, rows
from tests.cli.conftest import Run, plain_environment, run

__all__ = ["here", "plain_environment", "run"]  # fixtures


def test_a_field_may_be_an_array(run: Run, here: Path) -> None:
    kind = np.dtype([("x", "f8"), ("w", "f8", 2), ("A", "i4", (2, 2)), ("id", "U3")])
    np.save(here / "p.npy", np.array([(1, (2, 3), ((1, 2), (3, 4)), "a"), (4, (5, 6), ((5, 6), (7, 8)), "b")], kind))
    outcome = run("eval", "x*w[1] + A[1,0]", "--points", "p.npy", "--keep", "w,id,A[0,1]")
    assert outcome.code == 0, outcome.err
    assert outcome.out == 'w[0],w[1],id,"A[0,1]",f,error\n2.0,3.0,a,2,6,\n5.0,6.0,b,6,31,\n'


def test_fields_of_other_types(run: Run, here: Path) -> None:
    kind = np.dtype([("x", "U4"), ("b", "S4"), ("t", "M8[s]"), ("s", [("y", "f8")]), ("c", "c16")])
    table = np.zeros(3, kind)
    table["x"], table["b"], table["t"] = ["1.5", "oops", " 2"], [b"3", b"\xe9", b""], "2020-02-29T12:30"
    np.save(here / "p.npy", table)
    found = rows(run("eval", "x", "--points", "p.npy", "--keep", "t").out)
    assert [(row["t"][:10], row["f"], row["error"]) for row in found] == [
        ("2020-02-29", "1.5", ""), ("2020-02-29", "", "x is oops, not a number"), ("2020-02-29", "2", ""),
    ]  # fmt: skip
    assert [row["f"] for row in rows(run("eval", "b", "--points", "p.npy").out)] == ["3", "", ""]
    for name in ("t", "s", "c"):
        outcome = run("eval", name, "--points", "p.npy", "-o", "o.csv")
        assert outcome.code == 2
        assert f"p.npy cannot be read: {name} is of the type" in outcome.err


UNUSED: dict[str, Any] = {
    "dates": np.array(["2020-02-29", "2021-01-01"], "M8[D]"),
    "objects": np.array([{}, None], object),
    "scalar": np.array(7.0),
    "longer": np.zeros(5),
    "fortran": np.asfortranarray(np.ones((2, 3))),
    "complex": np.ones(2, complex),
    "fields": np.zeros(2, [("a", "f8")]),
}


def test_what_is_not_used_of_an_archive_may_be_anything(run: Run, here: Path) -> None:
    np.savez(here / "p.npz", **UNUSED, x=np.array([1.0, 2.0]))
    outcome = run("eval", "2*x", "--points", "p.npz", "--keep", "dates")
    assert outcome.code == 0, outcome.err
    assert outcome.out == "dates,f,error\n2020-02-29,2,\n2021-01-01,4,\n"


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("x + dates", "dates is of the type datetime64[D], which is no number"),
        ("x + objects", "objects holds Python objects"),
        ("x + scalar", "scalar is no array of numbers"),
        ("x + longer", "different numbers of points: longer 5, x 2"),
        ("x + sum(fortran)", "fortran is no array of numbers"),
        ("x + complex", "complex is no array of numbers"),
    ],
)
def test_what_is_used_of_an_archive_must_be_points(formula: str, said: str, run: Run, here: Path) -> None:
    np.savez(here / "p.npz", **UNUSED, x=np.array([1.0, 2.0]))
    outcome = run("eval", formula, "--points", "p.npz")
    assert (outcome.code, outcome.out) == (2, "")
    assert said in outcome.err


def test_archives_of_texts_and_of_nothing(run: Run, here: Path) -> None:
    np.savez(here / "p.npz", x=np.array(["1", "oops"]))
    assert [(row["f"], row["error"]) for row in rows(run("eval", "x", "--points", "p.npz").out)] == [
        ("1", ""), ("", "x is oops, not a number"),
    ]  # fmt: skip
    np.savez(here / "empty.npz")
    outcome = run("eval", "x", "--points", "empty.npz")
    assert outcome.code == 2
    assert "the table has no columns" in outcome.err
