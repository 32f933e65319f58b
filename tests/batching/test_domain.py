"""A point at which the formula has no value is a bad row; one at which something is not finite is none."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
import pytest

from tests.batching.tables import here, rows
from tests.cli.conftest import Run, plain_environment, run

__all__ = ["here", "plain_environment", "run"]  # fixtures


@pytest.mark.parametrize("form", ["csv", "jsonl", "npy", "npz", "parquet"])
@pytest.mark.parametrize("command", ["eval", "grad", "jacobian", "hessian", "vjp", "jvp"])
def test_a_point_outside_the_domain_is_a_bad_row(command: str, form: str, run: Run, here: Path) -> None:
    (here / "p.csv").write_text("x\n2\n-1\n0\n3\n")
    seed = {"vjp": ["--cotangent", "f=1"], "jvp": ["--tangent", "x=1"]}.get(command, [])
    outcome = run(command, "log(x)", "--points", "p.csv", "-o", f"o.{form}", *seed)
    assert outcome.code == 6
    assert "4 rows, 1 failed, 1 with results that are not finite, warnings: pole 1, " in outcome.err
    match form:
        case "csv":
            found = rows((here / "o.csv").read_text())
            assert {value for name, value in found[1].items() if name != "error"} == {""}
            assert [row["error"] for row in found] == ["", "domain", "pole", ""]
        case "jsonl":
            line = json.loads((here / "o.jsonl").read_text().splitlines()[1])
            assert line == {"i": 1, "error": {"code": "domain", "message": "the point is outside the formula's domain"}}
        case "npy":
            assert np.isnan(np.load(here / "o.npy")).all(axis=1).tolist() == [False, True, False, False]
        case "npz":
            with np.load(here / "o.npz") as archive:
                assert (archive["error_row"].tolist(), archive["error"].tolist()) == ([1, 2], ["domain", "pole"])
        case _:
            table = parquet.read_table(here / "o.parquet")
            assert table["f"].is_null().to_pylist() == [False, True, False, False]
            assert table["error"].to_pylist() == [None, "domain", "pole", None]


def test_what_has_some_value_is_no_bad_row(run: Run, here: Path) -> None:
    """One output of two, or a value without its derivative."""
    (here / "p.csv").write_text("x\n-1\n")
    for words in (
        ["eval", "[sqrt(x), x]"],
        ["eval", "a = sqrt(x); b = x"],
        ["jvp", "[sqrt(x), x]", "--tangent", "x=1"],
    ):
        outcome = run(*words, "--points", "p.csv")
        assert outcome.code == 0
        assert outcome.out.splitlines()[1].startswith("NaN,-1,")
        assert outcome.out.endswith("domain\n")
    (here / "p.csv").write_text("x\n0\n")
    assert run("grad", "x^1.5*log(x)", "--points", "p.csv").code == 0
    assert run("eval", "zeros(0)*log(x)", "x=-1:-1:1").code == 0  # no value, and so none that is missing


def test_fail_fast_stops_outside_the_domain(run: Run, here: Path) -> None:
    (here / "p.csv").write_text("x\n1\n0\n-1\n2\n")
    outcome = run("eval", "log(x)", "--points", "p.csv", "--fail-fast")
    assert (outcome.code, outcome.out) == (2, "f,error\n0,\n-Infinity,pole\n")
    assert "row 2: the point is outside the formula's domain" in outcome.err
