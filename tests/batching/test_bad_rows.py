"""Rows that are amiss come out in their place, and files that are no tables are refused with a cure."""

import bz2
import gzip
import json
from pathlib import Path

import numpy as np
import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest

import diffcli
from diffcli.batching import sizes
from tests.batching.tables import here, rows
from tests.cli.conftest import Outcome, Run, plain_environment, run

__all__ = ["here", "plain_environment", "run"]  # fixtures


def answered(outcome: Outcome) -> list[tuple[str, str]]:
    return [(row["f"], row["error"]) for row in rows(outcome.out)]


def test_bad_rows_come_out_in_their_place(run: Run, here: Path) -> None:
    (here / "p.csv").write_text("x,y\n1,2\noops,3\n4\n5,6,7\nnan,1\n,1\n0x10,1\n1_0,1\n7,8\n-1,1\n0,1\n1e999,1\n")
    outcome = run("eval", "log(x) + y", "--points", "p.csv")
    assert outcome.code == 6
    assert answered(outcome) == [
        ("2", ""),
        ("", "x is oops, not a number"),
        ("", "1 field where the header has 2"),
        ("", "3 fields where the header has 2"),
        ("", "x is NaN"),
        ("", "x is empty, not a number"),
        ("", "x is 0x10, not a number"),
        ("", "x is 1_0, not a number"),
        (repr(float(np.log(7.0)) + 8), ""),
        ("", "domain"),
        ("-Infinity", "pole"),
        ("Infinity", "nonfinite-input"),
    ]
    assert "12 rows, 8 failed, 2 with results that are not finite" in outcome.err


def test_a_truncated_file_loses_its_last_row_only(run: Run, here: Path) -> None:
    (here / "p.csv").write_text("x,y\n" + "1,2\n" * 1000 + "3")
    outcome = run("eval", "x*y", "--points", "p.csv")
    assert outcome.code == 6
    assert answered(outcome) == [("2", "")] * 1000 + [("", "1 field where the header has 2")]


def test_a_quote_that_never_closes_costs_one_row(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "CHUNK", 1000)
    monkeypatch.setattr(sizes, "MAX_ROW", 5000)
    (here / "p.csv").write_text("id,x\n" + "a,1\n" * 500 + '"b,2\n' + "c,3\n" * 3000 + '"d\ne",4\n')
    outcome = run("eval", "x", "--points", "p.csv", "--keep", "id")
    assert outcome.code == 6
    found = answered(outcome)
    assert found[:500] == [("1", "")] * 500
    assert found[500] == ("", "a quote is opened and never closed")
    assert found[501:3501] == [("3", "")] * 3000
    assert found[3501:] == [("4", "")]
    assert rows(outcome.out)[-1]["id"] == "d\ne"


def test_nul_bytes_are_no_numbers(run: Run, here: Path) -> None:
    (here / "p.csv").write_bytes(b"x\n1\n\x002\n3\x00\n4\n")
    outcome = run("eval", "x", "--points", "p.csv")
    assert outcome.code == 6
    assert [f for f, _ in answered(outcome)] == ["1", "", "", "4"]
    assert "\x00" not in outcome.out


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_field_of_ten_megabytes_is_one_bad_row(quote: str, run: Run, here: Path) -> None:
    (here / "p.csv").write_text("x,y\n1,2\n" + quote + "9" * 10_000_000 + "z" + quote + ",1\n3,4\n")
    outcome = run("eval", "x*y", "--points", "p.csv")
    assert outcome.code == 6
    assert [f for f, _ in answered(outcome)] == ["2", "", "12"]
    assert len(outcome.out) < 300


@pytest.mark.parametrize("end", ["\n", ""])
@pytest.mark.parametrize("length", [3000, 5001, 9000, 30_000])
def test_a_line_that_is_too_long_is_one_bad_row(
    length: int, end: str, run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizes, "CHUNK", 1000)
    monkeypatch.setattr(sizes, "MAX_ROW", 2000)
    line = "9" * length
    (here / "p.csv").write_text(f"id,x\na,1\nb,{line}\nc,3\n{line},{line}{end}")
    (here / "p.jsonl").write_text(
        f'{{"id": "a", "x": 1}}\n{{"id": "b", "x": {line}}}\n{{"id": "c", "x": 3}}\n{{"x": "{line}"}}{end}'
    )
    for name in ("p.csv", "p.jsonl"):
        outcome = run("eval", "x", "--points", name, "--keep", "id")
        found = rows(outcome.out)
        assert [(row["id"], row["f"]) for row in found] == [("a", "1"), ("", ""), ("c", "3"), ("", "")]
        assert {row["error"] for row in found} == {"", "the line is longer than 1.95 KiB"}


def test_quoted_fields_of_any_length(run: Run, here: Path) -> None:
    long = "a long text, " * 20_000
    (here / "p.csv").write_text(f'id,x\n"{long}\n{long}",1\n"{long}""{long}",2\n')
    outcome = run("eval", "x", "--points", "p.csv", "--keep", "id", "--json")
    assert outcome.code == 0, outcome.err
    found = [json.loads(line)["kept"]["id"] for line in outcome.out.splitlines()]
    assert found == [f"{long}\n{long}", f'{long}"{long}']


def test_lines_that_are_no_objects(run: Run, here: Path) -> None:
    bad = ['{"x": ', "[1]", '{"y": 2}', '{"x": "NaN"}', '{"x": true}', '{"x": 1e400}', ""]
    (here / "p.jsonl").write_text("\n".join(['{"x": 1}', *bad, '{"x": 5}']) + "\n")
    outcome = run("eval", "2*x", "--points", "p.jsonl")
    assert outcome.code == 6
    assert answered(outcome) == [
        ("2", ""),
        ("", "the line is no JSON object"),
        ("", "the line is no JSON object"),
        ("", "x is missing"),
        ("", "x is NaN"),
        ("", "x is true, not a number"),
        ("Infinity", "nonfinite-input"),
        ("10", ""),
    ]


def test_lines_do_not_borrow_from_each_other(run: Run, here: Path) -> None:
    (here / "p.jsonl").write_text('{"x": 1}\n{"x": 2, "a": [1\n2]}\n{"x": 3}, {"x": 4}\n{"x": 5}\n')
    outcome = run("eval", "2*x", "--points", "p.jsonl")
    assert [f for f, _ in answered(outcome)] == ["2", "", "", "", "10"]


def test_json_lines_are_valid_whatever_is_carried_along(run: Run, here: Path) -> None:
    (here / "p.csv").write_bytes(b'id,%,x\ncaf\xe9,100%d,1\n"a ""b"" \xc3\xbc",%s,0\nc,,q\n')
    outcome = run("eval", "1/x", "--points", "p.csv", "--keep", "id,%", "--json")
    first, second, third = map(json.loads, outcome.out.splitlines())
    assert first == {"i": 0, "kept": {"id": "caf\ufffd", "%": "100%d"}, "values": {"f": 1.0}, "warnings": []}
    warnings = [{"code": "pole"}]
    assert second == {"i": 1, "kept": {"id": 'a "b" ü', "%": "%s"}, "values": {"f": "Infinity"}, "warnings": warnings}
    error = {"code": "row", "message": "x is q, not a number"}
    assert third == {"i": 2, "kept": {"id": "c", "%": ""}, "error": error}


def test_fail_fast_stops_at_the_first_bad_row(run: Run, here: Path) -> None:
    (here / "p.csv").write_text("x\n1\nq\n2\n")
    outcome = run("eval", "x", "--points", "p.csv", "--fail-fast", "-o", "o.csv")
    assert outcome.code == 2
    assert "row 1: x is q, not a number" in outcome.err
    assert not (here / "o.csv").exists()


@pytest.mark.parametrize("form", ["csv", "tsv", "jsonl", "npy", "npz", "parquet"])
@pytest.mark.parametrize("command", ["eval", "grad", "jacobian", "hessian"])
def test_fail_fast_at_the_very_first_row(command: str, form: str, run: Run, here: Path) -> None:
    (here / "p.csv").write_text("x,y\nq,1\n2,3\n")
    outcome = run(command, "x*y", "--points", "p.csv", "--fail-fast", "-o", f"o.{form}")
    assert outcome == (2, "", "error: row 0: x is q, not a number\n  rows are counted from 0\n")
    assert not (here / f"o.{form}").exists()


@pytest.mark.parametrize("chunk", [8, 1 << 22])
def test_fail_fast_prints_the_rows_before(chunk: int, run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "CHUNK", chunk)
    (here / "p.csv").write_text("id,x\na,1\nb,0\nc,3\nd,q\ne,5\n")
    outcome = run("eval", "1/x", "--points", "p.csv", "--keep", "id", "--fail-fast")
    assert outcome.code == 2
    assert outcome.out == "id,f,error\na,1,\nb,Infinity,pole\nc,0.3333333333333333,\n"
    assert "row 3: x is q, not a number" in outcome.err


def test_strict_refuses_what_is_not_finite(run: Run, here: Path) -> None:
    (here / "p.csv").write_text("x\n1\n0\n")
    assert run("eval", "1/x", "--points", "p.csv", "--strict").code == 4


def test_what_is_wrong_with_a_whole_file(run: Run, here: Path) -> None:
    np.save(here / "objects.npy", np.array([1, "a", None], dtype=object), allow_pickle=True)
    np.save(here / "cube.npy", np.zeros((2, 2, 2)))
    np.save(here / "plain.npy", np.zeros((2, 2)))
    np.savez(here / "objects.npz", x=np.array([None], dtype=object))
    np.savez(here / "uneven.npz", x=np.zeros(2), y=np.zeros(3))
    (here / "empty.csv").write_text("")
    (here / "broken.npz").write_bytes(b"PK\x03\x04 and so on")
    (here / "broken.parquet").write_bytes(b"PAR1")
    header = (here / "plain.npy").read_bytes()
    (here / "odd.npy").write_bytes(header.replace(b"'fortran_order': ", b"'fortran_order'(("))
    np.savez(here / "later.npz", x=np.zeros(2))
    (here / "later.npz").write_bytes(
        (here / "later.npz").read_bytes().replace(b"PK\x01\x02-\x03-\x00", b"PK\x01\x02-\x03\xbb\x00")
    )
    (here / "twice.csv").write_text("x,x,y\n1,2,3\n")
    (here / "hole.csv").write_text("w[0],w[2]\n1,2\n")
    (here / "other.csv").write_text("a,b\n1,2\n")
    (here / "half.csv").write_text("x\n1\n")
    for name, said in {
        "objects.npy": "Python objects",
        "cube.npy": "no table of numbers",
        "plain.npy": "2 columns without names",
        "objects.npz": "Python objects",
        "uneven.npz": "different numbers of points",
        "empty.csv": "empty.csv is empty",
        "broken.npz": "cannot be read: it is no whole ZIP archive, which .npz files are\n  if it was cut off",
        "odd.npy": "cannot be read: its header is none of NumPy's",
        "later.npz": "cannot be read: zip file version 18.7",
        "broken.parquet": "cannot be read",
        "twice.csv": "two columns x",
        "other.csv": "no column is an input",
        "half.csv": "no column y",
        "absent.csv": "cannot be read: no such file",
        ".": "cannot be read: is a directory",
    }.items():
        outcome = run("eval", "x*y", "--points", name)
        assert outcome.code == 2, name
        assert said in outcome.err, name
        assert outcome.out == ""
    outcome = run("eval", "sum(w)", "--points", "hole.csv")
    assert outcome.code == 2
    assert "lack the column w[1]" in outcome.err
    assert run("eval", "x", "--points", "half.csv", "--keep", "id").code == 2
    assert run("eval", "x", "--points", "half.csv", "x=1").code == 2
    assert run("eval", "x", "x=1", "--keep", "id").code == 2
    assert "--jobs is for tables" in run("eval", "x", "x=1", "--jobs", "2").err
    for words in (["--points", "half.csv"], ["--points", "plain.npz"], ["x=0:1:3"]):
        assert "--columns is for .npy files" in run("eval", "x", *words, "--columns", "x").err
    assert run("eval", "x", "--points", "half.csv", "--format", "mtx").code == 2
    assert run("jacobian", "x", "--points", "half.csv", "--sparse").code == 2
    assert run("grad", "x", "x=0:1:3", "--order", "2").code == 2


@pytest.mark.parametrize(
    ("name", "content", "said", "hint"),
    [
        ("p.csv", gzip.compress(b"x,y\n1,2\n", mtime=0), "is compressed", "gunzip"),
        ("p.csv", bz2.compress(b"x,y\n1,2\n"), "is compressed", "bunzip2"),
        ("p.csv", "x,y\n1,2\n".encode("utf-16"), "UTF-16", "iconv -f UTF-16 "),
        ("p.csv", "x,y\n1,2\n".encode("utf-16-le"), "UTF-16", "iconv -f UTF-16LE"),
        ("p.csv", "größe,y\n1,2\n".encode("utf-16-be"), "UTF-16", "iconv -f UTF-16BE"),
        ("p.jsonl", '{"x": 1, "y": 2}\n'.encode("utf-16-le"), "UTF-16", "iconv -f UTF-16LE"),
        ("p.csv", "x,y\n1,2\n".encode("utf-32"), "UTF-32", "iconv -f UTF-32"),
        ("p.xlsx", b"PK\x03\x04\x14\x00", "a spreadsheet", "save it as CSV"),
        ("p.csv", b"PAR1\x15", "is Parquet", ".parquet"),
        ("p.dat", b"\x93NUMPY\x01\x00", "array of NumPy's", ".npy"),
        ("p.csv", b"x\x00,y\n1,2\n", "is no text", ""),
        ("p.csv", b"x,y\r1,2\r", "carriage returns", "tr "),
        ("p.json", b'[{"x": 1, "y": 2}]', "a JSON array", "jq -c"),
        ("p.csv", b"x;y\n1,5;2,5\n", "no column is an input", "separated by semicolons"),
        ("p.csv", b"x|y\n1|2\n", "no column is an input", "separated by bars"),
        ("p.csv", b"x y\n1 2\n", "no column is an input", "separated by blanks"),
        ("p.csv", b"1.5,-2e3\n3,4\n", "no column is an input", "begin with one that names the columns, x,y"),
        ("p.csv", b"# made by hand\nx,y\n3,4\n", "no column is an input", "its first line is a comment"),
        ("p.csv", b'"x,y\n3,4\n', "the first line of p.csv opens a quote and does not close it", "x,y"),
        ("p.csv", b"X,z\n3,4\n", "no column is an input", "the columns X, z"),
        ("p.csv", b"x,Y\n3,4\n", "no column y", "did you mean Y?"),
        ("p.csv", b"x,b\n3,4\n", "no column y", "they have x, b; or add --at y="),
        ("p.jsonl", b"nothing\n", "no JSON object", '{"x": 1'),
        ("p.csv", b"\n \n", "is empty", "x,y"),
    ],
)
def test_a_file_that_is_no_table(name: str, content: bytes, said: str, hint: str, run: Run, here: Path) -> None:
    (here / name).write_bytes(content)
    outcome = run("eval", "x*y", "--points", name)
    assert outcome.code == 2
    assert said in outcome.err
    assert hint in outcome.err
    assert outcome.out == ""


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("w[999999999]", "lack the column w[0]"),
        ("w[0],w[99999999999999999999999]", "lack the column w[1]"),
        ('"w[0,0]","w[999999,999999]"', "lack the column w[0,1]"),
        (f'"w[{"9" * 30}{",9" * 60}]"', "the columns of w have 61 indices"),
        (f'"w[{"0," * 65}0]"', "the columns of w have 66 indices"),
        ('w[0],"w[0,1]"', "the columns of w have 1 or 2 indices"),
        (f"w[{'9' * 5000}]", "no column is an input"),
    ],
)
def test_headers_of_arrays_that_are_not_there(header: str, said: str, run: Run, here: Path) -> None:
    (here / "p.csv").write_text(f"{header}\n1,2\n")
    outcome = run("eval", "sum(w)", "--points", "p.csv")
    assert (outcome.code, outcome.out) == (2, "")
    assert said in outcome.err


@pytest.mark.parametrize("chunk", [1, 1 << 22])
def test_blank_lines_before_the_header(chunk: int, run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "CHUNK", chunk)
    (here / "p.csv").write_text("\n\r\n  \nx,y\n2,3\n")
    (here / "p.tsv").write_bytes(b"\xef\xbb\xbf\n\n\tx\ty\na\t2\t3\n")  # the first column has no name
    (here / "p.jsonl").write_text('\n \n{"x": 2, "y": 3}\n')
    for name in ("p.csv", "p.tsv", "p.jsonl"):
        outcome = run("eval", "x*y", "--points", name, "-q")
        assert (outcome.code, outcome.out, outcome.err) == (0, "f,error\n6,\n", "")


def test_a_header_alone_gives_a_header_alone(run: Run, here: Path) -> None:
    (here / "p.csv").write_text("x,y")
    outcome = run("eval", "x*y", "--points", "p.csv")
    assert (outcome.code, outcome.out) == (0, "f,error\n")
    assert outcome.err.startswith("0 rows, ")


def test_a_decimal_comma_is_told(run: Run, here: Path) -> None:
    (here / "p.tsv").write_text("x\ty\n1,5\t2\n")
    outcome = run("eval", "x*y", "--points", "p.tsv")
    assert answered(outcome) == [("", "x is 1,5, not a number; write 1.5")]


@pytest.mark.parametrize("form", ["csv", "jsonl", "npz", "parquet"])
def test_names_that_are_no_text_are_carried_along(form: str, run: Run, here: Path) -> None:
    (here / "p.csv").write_bytes(b"x,caf\xe9\n1,a\n")
    name = b"caf\xe9".decode("utf-8", "surrogateescape")
    outcome = run("eval", "2*x", "--points", "p.csv", "--keep", name, "-o", f"o.{form}")
    assert (outcome.code, outcome.err.startswith("1 row, ")) == (0, True)
    match form:
        case "csv":
            assert (here / "o.csv").read_bytes() == b"caf\xe9,f,error\na,2,\n"
        case "jsonl":
            assert json.loads((here / "o.jsonl").read_text())["kept"] == {"caf\ufffd": "a"}
        case "npz":
            with np.load(here / "o.npz") as archive:
                assert archive["caf\ufffd"].tolist() == ["a"]
        case _:
            assert parquet.read_table(here / "o.parquet")["caf\ufffd"].to_pylist() == ["a"]


def test_columns_to_keep_are_there_once(run: Run, here: Path) -> None:
    (here / "p.csv").write_text("x,name,name,f,error\n3,a,b,old,why\n")
    assert "did you mean name?" in run("eval", "x", "--points", "p.csv", "--keep", "nmae").err
    assert "two columns name" in run("eval", "x", "--points", "p.csv", "--keep", "name").err
    for name in ("f", "error"):
        for form in ("csv", "npz", "parquet"):
            outcome = run("eval", "x", "--points", "p.csv", "--keep", name, "-o", f"o.{form}")
            assert outcome.code == 2
            assert f"two columns {name}" in outcome.err
    outcome = run("eval", "x", "--points", "p.csv", "--keep", "f", "-o", "o.npy")
    assert "holds the results alone" in outcome.err
    assert [path.name for path in here.iterdir()] == ["p.csv"]
    outcome = run("eval", "x", "--points", "p.csv", "--keep", "f,error", "--json")
    assert json.loads(outcome.out)["kept"] == {"f": "old", "error": "why"}


def test_bad_rows_of_arrays(run: Run, here: Path) -> None:
    values = np.array([1.0, np.nan, -1.0, 0.0, 4.0])
    expected = [("0", ""), ("", "x is NaN"), ("", "domain"), ("-Infinity", "pole"), (repr(float(np.log(4.0))), "")]
    np.save(here / "p.npy", values)
    np.savez(here / "p.npz", x=values, other=["a"] * 5)
    parquet.write_table(arrow.table({"x": values}), here / "p.parquet")
    for name in ("p.npy", "p.npz", "p.parquet"):
        outcome = run("eval", "log(x)", "--points", name, *(["--columns", "x"] if name == "p.npy" else []))
        assert outcome.code == 6
        assert answered(outcome) == expected, name


def test_bad_rows_of_parquet(run: Run, here: Path) -> None:
    columns = {"x": ["1", "two", None, "4"], "w": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0]]}
    parquet.write_table(arrow.table(columns), here / "p.parquet")
    outcome = run("eval", "sum(w)", "--points", "p.parquet", "--keep", "x")
    assert [(row["x"], row["f"], row["error"]) for row in rows(outcome.out)] == [
        ("1", "3", ""), ("two", "7", ""), ("", "11", ""), ("4", "", "w is [7.0], not a list of 2 numbers"),
    ]  # fmt: skip
    parquet.write_table(arrow.table({"x": [1, None, 3]}), here / "n.parquet")
    outcome = run("eval", "2*x", "--points", "n.parquet")
    assert answered(outcome) == [("2", ""), ("", "x is empty, not a number"), ("6", "")]


def test_bad_rows_in_binary_answers(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "CHUNK", 16)
    (here / "p.csv").write_bytes(b"id,x\na,1\nbcd,oops\n\xe9,0\n,4\na much longer one,\n")
    for form in ("npy", "npz", "parquet"):
        words = [] if form == "npy" else ["--keep", "id"]
        assert run("eval", "1/x", "--points", "p.csv", "-o", f"o.{form}", *words).code == 6
        if form == "npz":
            with np.load(here / "o.npz") as archive:
                assert {name: archive[name].tolist() for name in ("id", "error_row", "error")} == {
                    "id": ["a", "bcd", "\udce9", "", "a much longer one"],
                    "error_row": [1, 2, 4],
                    "error": ["x is oops, not a number", "pole", "x is empty, not a number"],
                }
                found = archive["f"]
        elif form == "npy":
            found = np.load(here / "o.npy")[:, 0]
        np.testing.assert_array_equal(found, [1, np.nan, np.inf, 0.25, np.nan])
    table = parquet.read_table(here / "o.parquet")
    assert table["f"].to_pylist() == [1, None, np.inf, 0.25, None]
    assert table["error"].to_pylist() == [None, "x is oops, not a number", "pole", None, "x is empty, not a number"]
    assert table["id"].to_pylist() == ["a", "bcd", "\ufffd", "", "a much longer one"]


def test_a_file_that_breaks_off(run: Run, here: Path) -> None:
    """What cannot be read to its end is an error of its own, and no answer."""
    np.savez_compressed(here / "p.npz", x=np.random.default_rng(0).random(300_000))
    data = bytearray((here / "p.npz").read_bytes())
    data[len(data) // 2] ^= 0xFF
    (here / "p.npz").write_bytes(data)
    parquet.write_table(arrow.table({"x": np.random.default_rng(0).random(300_000)}), here / "p.parquet")
    data = bytearray((here / "p.parquet").read_bytes())
    data[100_000:1_000_000] = b"\xff" * 900_000
    (here / "p.parquet").write_bytes(data)
    np.save(here / "p.npy", np.zeros((1000, 1)))
    (here / "p.npy").write_bytes((here / "p.npy").read_bytes()[:-1000])
    for name in ("p.npz", "p.parquet", "p.npy"):
        columns = ["--columns", "x"] if name == "p.npy" else []
        outcome = run("eval", "x", "--points", name, *columns, "-o", "o.csv")
        assert outcome.code == 2, outcome
        assert f"{name} cannot be read" in outcome.err
        assert not (here / "o.csv").exists()


def test_rows_of_jacobians_that_are_not_finite_are_mended_together() -> None:
    """Each is found anew, as of its point alone; a point after the other, they took a thousand times as long."""
    program = diffcli.parse("[x/y, sqrt(y), x*z, v[0]*log(z)]")
    rng = np.random.default_rng(5)
    points = {name: rng.choice([0.0, 1.5, np.inf, np.nan, -2.0], 60) for name in "xyz"}
    points["v"] = rng.choice([0.0, 1.0, np.inf], (60, 2))
    for mode in ("forward", "reverse"):
        found = program.batch(points).jacobian(mode=mode).matrix
        alone = [
            diffcli.jacobian(program, {name: part[i] for name, part in points.items()}, mode=mode).matrix
            for i in range(60)
        ]
        np.testing.assert_array_equal(found, alone)
