"""Columns of Parquet of all types, as inputs and carried along: what a row gives does not depend on the others."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest

from tests.batching.tables import here, rows
from tests.cli.conftest import Run, plain_environment, run

__all__ = ["here", "plain_environment", "run"]  # fixtures

CARRIED = [
    (arrow.date32(), date(2020, 2, 29), "2020-02-29"),
    (arrow.date64(), date(2020, 2, 29), "2020-02-29"),
    (arrow.time32("s"), time(12, 30), "12:30:00.000"),
    (arrow.timestamp("s"), datetime(2020, 2, 29, 12, 30), "2020-02-29T12:30:00.000"),
    (arrow.timestamp("ns"), 1_582_979_400_000_000_001, "2020-02-29T12:30:00.000000001"),
    (arrow.timestamp("ms", "UTC"), 1_582_979_400_000, "2020-02-29T12:30:00.000Z"),
    (arrow.decimal128(9, 3), Decimal("-12.500"), "-12.500"),
    (arrow.decimal128(20, 12), Decimal("0E-12"), "0.000000000000"),
    (arrow.binary(), b"abc", "abc"),
    (arrow.bool_(), True, "true"),
    (arrow.float64(), 0.1, "0.1"),
    (arrow.list_(arrow.date32()), [date(2020, 2, 29)], '["2020-02-29"]'),
    (arrow.struct([("a", arrow.decimal128(3, 1))]), {"a": Decimal("1.5")}, '{"a": "1.5"}'),
    (arrow.list_(arrow.timestamp("ns")), [1, None], '["1970-01-01T00:00:00.000000001", null]'),
    (arrow.struct([("t", arrow.timestamp("ns")), ("k", arrow.int8())]), {"t": 1, "k": 2},
     '{"t": "1970-01-01T00:00:00.000000001", "k": 2}'),
    (arrow.dictionary(arrow.int8(), arrow.string()), "red", "red"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "value", "text"), CARRIED, ids=lambda each: str(each))
def test_every_type_is_carried_along(kind: Any, value: Any, text: str, run: Run, here: Path) -> None:
    parquet.write_table(arrow.table({"x": [1.0, 2.0], "d": arrow.array([value, None], kind)}), here / "p.parquet")
    outcome = run("eval", "x", "--points", "p.parquet", "--keep", "d")
    assert outcome.code == 0, outcome.err
    assert [(row["d"], row["f"]) for row in rows(outcome.out)] == [(text, "1"), ("", "2")]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (arrow.array([Decimal("0.10"), None], arrow.decimal128(5, 2)), ["0.1", "x is empty, not a number"]),
        (arrow.array([True, None, False]), ["1", "x is empty, not a number", "0"]),
        (arrow.array([None, 2**53 + 1]), ["x is empty, not a number", "9007199254740992"]),
        (arrow.array(["1.5", "oops", " 2 ", "+3", "nan(1)", None, ""]),
         ["1.5", "x is oops, not a number", "2", "3", "x is nan(1), not a number", "x is empty, not a number",
          "x is empty, not a number"]),
        (arrow.array(["1.5", "nan(1)"]), ["1.5", "x is nan(1), not a number"]),
        (arrow.array([b"7", b"\xff"]), ["7", "x is \\xff, not a number"]),
        (arrow.array([date(2020, 2, 29)]), ["x is 2020-02-29, not a number"]),
        (arrow.array([1], arrow.timestamp("ns")), ["x is 1970-01-01T00:00:00.000000001, not a number"]),
        (arrow.array([timedelta(1)]), [None]),
        (arrow.array(["4", "red"]).dictionary_encode(), ["4", "x is red, not a number"]),
        (arrow.array([None, None]), ["x is empty, not a number"] * 2),
    ],
)  # fmt: skip
def test_an_input_of_any_type_is_a_number_or_a_row_that_fails(
    column: Any, expected: list[str | None], run: Run, here: Path
) -> None:
    parquet.write_table(arrow.table({"x": column}), here / "p.parquet")
    outcome = run("eval", "x", "--points", "p.parquet")
    found = rows(outcome.out)
    assert len(found) == len(expected), outcome.err
    for row, each in zip(found, expected, strict=True):
        assert each in (row["f"], row["error"]) if each else row["error"].endswith("not a number")


def test_one_text_that_is_no_number_costs_one_row(run: Run, here: Path) -> None:
    texts = [str(k) for k in range(70_000)]
    texts[66_000] = "oops"
    parquet.write_table(arrow.table({"x": texts}), here / "p.parquet")
    outcome = run("eval", "x", "--points", "p.parquet")
    assert [(row["f"], row["error"]) for row in rows(outcome.out)] == [
        ("", "x is oops, not a number") if k == 66_000 else (str(k), "") for k in range(70_000)
    ]


@pytest.mark.parametrize("group", [1, 2, 1000])
def test_the_first_list_that_is_not_empty_shows_the_shape(group: int, run: Run, here: Path) -> None:
    columns = {"x": [1.0, 2.0, 3.0, 4.0], "w": [None, [], [3.0, 4.0], [None, 2.0]], "m": [None, [], [], None]}
    columns["A"] = [[], [[1.0, None], [2.0, 3.0]], [[1.0, 2.0], [3.0, 4.0]], [[0.0, 1.0], [1.0, 0.0]]]
    schema = arrow.schema({"x": arrow.float64(), "w": arrow.list_(arrow.float64()), "m": arrow.list_(arrow.int8()),
                           "A": arrow.list_(arrow.list_(arrow.float64()))})  # fmt: skip
    parquet.write_table(arrow.table(columns, schema), here / "p.parquet", row_group_size=group)
    found = rows(run("eval", "x*sum(w)", "--points", "p.parquet", "--keep", "w[1]").out)
    assert [(row["w[1]"], row["f"], row["error"]) for row in found] == [
        ("", "", "w is empty, not a list of 2 numbers"),
        ("", "", "w is [], not a list of 2 numbers"),
        ("4.0", "21", ""),
        ("2.0", "", "w is [null, 2.0], not a list of 2 numbers"),
    ]
    assert [row["f"] for row in rows(run("eval", "A[0,1] - A[1,0]", "--points", "p.parquet").out)] == [
        "",
        "",
        "-1",
        "0",
    ]
    found = rows(run("eval", "m", "--points", "p.parquet").out)
    assert [row["error"][5:].partition(",")[0] for row in found] == ["empty", "[]", "[]", "empty"]


def test_two_columns_of_one_name(run: Run, here: Path) -> None:
    twins = arrow.Table.from_arrays([arrow.array([float(k)]) for k in range(3)], ["x", "y", "x"])
    parquet.write_table(twins, here / "p.parquet")
    outcome = run("eval", "x", "--points", "p.parquet")
    assert outcome.code == 2
    assert "the points have two columns x" in outcome.err
    assert rows(run("eval", "y", "--points", "p.parquet").out) == [{"f": "1", "error": ""}]


@pytest.mark.parametrize("name", ["p.csv", "p.jsonl", "p.npz", "p.parquet"])
@pytest.mark.parametrize(("keep", "kept"), [("w[1]", ["w[1]"]), ("w", ["w[0]", "w[1]"]), ("x,w[0]", ["x", "w[0]"])])
def test_elements_of_arrays_are_carried_along_alike(
    name: str, keep: str, kept: list[str], run: Run, here: Path
) -> None:
    x, w = np.array([1.0, 2.0]), np.array([[1.5, 2.5], [3.5, 4.5]])
    (here / "p.csv").write_text("x,w[0],w[1]\n1.0,1.5,2.5\n2.0,3.5,4.5\n")
    (here / "p.jsonl").write_text('{"x": 1.0, "w": [1.5, 2.5]}\n{"x": 2.0, "w": [3.5, 4.5]}\n')
    np.savez(here / "p.npz", x=x, w=w)
    parquet.write_table(arrow.table({"x": x, "w": w.tolist()}), here / "p.parquet")
    values = {"x": ["1.0", "2.0"], "w[0]": ["1.5", "3.5"], "w[1]": ["2.5", "4.5"]}
    outcome = run("eval", "2*x", "--points", name, "--keep", keep)
    assert outcome.code == 0, outcome.err
    found = rows(outcome.out)
    assert [*found[0]] == [*kept, "f", "error"]
    assert {label: [row[label] for row in found] for label in kept} == {label: values[label] for label in kept}


def test_an_element_that_a_row_lacks_is_empty(run: Run, here: Path) -> None:
    (here / "p.jsonl").write_text('{"x": 1, "w": [1, 2]}\n{"x": 2, "w": [3]}\n{"x": 3, "w": 4}\n')
    found = rows(run("eval", "x", "--points", "p.jsonl", "--keep", "w").out)
    assert [(row["w[0]"], row["w[1]"]) for row in found] == [("1", "2"), ("3", ""), ("", "")]


@pytest.mark.parametrize("kind", [arrow.float64(), arrow.float32(), arrow.float16(), arrow.int64(), arrow.uint64()])
@pytest.mark.parametrize("listed", [arrow.list_, arrow.large_list, lambda kind: arrow.list_(kind, 2)])
def test_lists_are_the_same_at_once_and_one_by_one(kind: Any, listed: Any, run: Run, here: Path) -> None:
    """A list that is missing has the others of its block read one by one."""
    whole = not arrow.types.is_floating(kind)
    top = 2**53 + 1 if kind == arrow.int64() else 2**63 + 2**11 + 1 if whole else 1.2345678
    rng = np.random.default_rng(0)
    w = [[int(a), top] if whole else [float(np.float16(a)), float(np.float16(top))] for a in rng.normal(0, 1, 50)]
    w = [[abs(a), b] for a, b in w]
    parquet.write_table(arrow.table({"w": arrow.array(w, listed(kind))}), here / "p.parquet")
    parquet.write_table(arrow.table({"w": arrow.array([*w, None], listed(kind))}), here / "q.parquet")
    first, second = (run("eval", "[w[0], w[1]]", "--points", name).out for name in ("p.parquet", "q.parquet"))
    assert first + ',,"w is empty, not a list of 2 numbers"\n' == second
    assert [[float(cell) for cell in line.split(",")[:2]] for line in first.splitlines()[1:]] == [
        [float(a), float(b)] for a, b in w
    ]
