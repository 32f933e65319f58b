"""Rows of very many numbers: bounded as one point's are, and not slower for being in a table."""

import json
from pathlib import Path
from time import perf_counter

import numpy as np
import pytest

import diffcli
from diffcli.batching import writers
from diffcli.diagnosis import marks
from diffcli.errors import ExpressionError, UsageError
from tests.batching.tables import here
from tests.cli.conftest import Run, plain_environment, run

__all__ = ["here", "plain_environment", "run"]  # fixtures


@pytest.fixture
def wide(here: Path) -> Path:
    path = here / "p.jsonl"
    path.write_text("".join(json.dumps({"x": [i / 7 + k for i in range(300)]}) + "\n" for k in range(3)))
    return path


@pytest.mark.parametrize(("command", "text"), [("jacobian", "x*x[0]"), ("hessian", "sum(x*x[0])")])
def test_a_matrix_is_bounded_as_at_one_point(command: str, text: str, wide: Path, run: Run) -> None:
    words = [command, text, "--max-bytes", "700000"]
    many = run(*words, "--points", str(wide))
    alone = run(*words, "--at", "x=[" + ",".join(["1"] * 300) + "]")
    said = "error: a whole matrix of 300 × 300 numbers would need 703 KiB, more than the limit of 684 KiB\n"
    assert (alone.code, alone.err.startswith(said)) == (3, True)
    assert (many.code, many.out, many.err) == (3, "", said + "  raise the limit with --max-bytes\n")
    assert run(command, text, "--max-bytes", "720000", "--points", str(wide), "-o", "o.npz").code == 0


def test_the_same_in_python() -> None:
    batch = diffcli.parse("x*x[0]", max_bytes=700_000).batch({"x": np.ones((2, 300))})
    with pytest.raises(ExpressionError, match="a whole matrix of 300 × 300 numbers"):
        batch.jacobian()
    with pytest.raises(ExpressionError, match="a whole matrix of 300 × 300 numbers"):
        diffcli.parse("sum(x*x[0])", max_bytes=700_000).batch({"x": np.ones((2, 300))}).hessian()


@pytest.mark.parametrize("form", ["csv", "jsonl", "npy", "npz"])
def test_wide_rows_hold_the_numbers_of_the_point_alone(form: str, wide: Path, run: Run, here: Path) -> None:
    assert run("jacobian", "sin(x)*x[0]", "--points", str(wide), "-o", f"o.{form}").code == 0
    x = np.array([json.loads(line)["x"] for line in wide.read_text().splitlines()])
    program = diffcli.parse("sin(x)*x[0]")
    expected = [diffcli.jacobian(program, {"x": row}).matrix for row in x]
    match form:
        case "csv":
            cells = [line.split(",")[300:-1] for line in (here / "o.csv").read_text().splitlines()[1:]]
            found = np.array(cells, float).reshape(3, 300, 300)
        case "jsonl":
            found = np.array([json.loads(line)["jacobian"] for line in (here / "o.jsonl").read_text().splitlines()])
        case "npy":
            found = np.load(here / "o.npy")[:, 300:].reshape(3, 300, 300)
        case _:
            with np.load(here / "o.npz") as archive:
                found = archive["jacobian"]
    np.testing.assert_array_equal(found, expected)


def test_few_points_with_many_numbers_are_looked_at_together() -> None:
    """A matrix of 10⁶ numbers at each of two points took seven calls of NumPy for every number: 12 s."""
    answer = np.ascontiguousarray(np.random.default_rng(0).uniform(1.0, 2.0, (10**6, 2))).T
    answer[1, 77] = np.nan
    start = perf_counter()
    wrong, small = marks.wrong_or_small([answer], [np.full(10**6, 0.5)], 2, 1)
    assert (wrong.tolist(), small.tolist()) == ([1], [])
    assert perf_counter() - start < 2.0


def test_too_many_columns_for_parquet(wide: Path, run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writers, "MOST_COLUMNS", 1000)
    outcome = run("jacobian", "x*x[0]", "--points", str(wide), "-o", "o.parquet")
    assert (outcome.code, outcome.out) == (2, "")
    assert "Parquet is not made for tables of 90,300 columns\n  npz holds matrices" in outcome.err
    assert not (here / "o.parquet").exists()


def test_a_mode_that_there_is_not() -> None:
    with pytest.raises(UsageError, match="there is no mode sideways") as caught:
        diffcli.parse("[x, x^2]").batch({"x": [1.0]}).jacobian(mode="sideways")  # type: ignore[arg-type]
    assert caught.value.hint == "the modes are auto, forward and reverse"
