"""Tables of points on the command line: formats, columns, streams."""

import csv
import json
import subprocess
from pathlib import Path

import numpy as np
import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest

import diffcli
from diffcli.batching import sizes
from tests.batching.tables import ENVIRONMENT, FORMULA, command, here, points, rows, write_csv
from tests.cli.conftest import Run, plain_environment, run

__all__ = ["here", "plain_environment", "run"]  # fixtures


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same 5,000 points in every format."""
    folder = tmp_path_factory.mktemp("inputs")
    at = points(5000)
    lists = {name: [repr(v) for v in array.tolist()] for name, array in at.items()}
    ids = [f"n{i}" for i in range(5000)]
    write_csv(folder / "plain.csv", lists)
    write_csv(folder / "more.csv", {"id": ids, **lists})
    write_csv(folder / "quoted.csv", {"id": [f'"a ""{i}"", b"' for i in ids], **lists})
    write_csv(folder / "points.tsv", {"y": lists["y"], "x": lists["x"]}, "\t")
    (folder / "crlf.csv").write_bytes((folder / "plain.csv").read_bytes().replace(b"\n", b"\r\n")[:-2])
    (folder / "bom.csv").write_bytes(b"\xef\xbb\xbf" + (folder / "plain.csv").read_bytes())
    with open(folder / "points.jsonl", "w") as file:
        for x, y in zip(at["x"].tolist(), at["y"].tolist(), strict=True):
            file.write(json.dumps({"x": x, "other": [1, 2], "y": y}) + "\n")
    np.save(folder / "points.npy", np.stack([at["x"], at["y"]], axis=1))
    np.savez(folder / "points.npz", **at)
    np.savez_compressed(folder / "packed.npz", **at)
    parquet.write_table(arrow.table(at), folder / "points.parquet")
    return {path.name: path for path in folder.iterdir()}


EVERY = ("plain.csv", "more.csv", "quoted.csv", "points.tsv", "crlf.csv", "bom.csv", "points.jsonl", "points.npy",
         "points.npz", "packed.npz", "points.parquet")  # fmt: skip


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("chunk", [1 << 22, 1000])
def test_every_format_gives_the_bits_of_each_point_alone(
    name: str, chunk: int, inputs: dict[str, Path], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizes, "CHUNK", chunk)
    monkeypatch.setattr(sizes, "BLOCK_ROWS", 777 if chunk == 1000 else 65536)
    columns = ["--columns", "x,y"] if name.endswith(".npy") else []
    outcome = run("grad", FORMULA, "--points", str(inputs[name]), *columns)
    assert outcome.code == 0, outcome.err
    found = rows(outcome.out)
    at = points(5000)
    batch = diffcli.parse(FORMULA).batch(at)
    value, gradient = batch.value_and_grad()
    assert len(found) == 5000
    assert [float(row["f"]) for row in found] == value.tolist()
    assert [float(row["d_x"]) for row in found] == gradient["x"].tolist()
    assert [float(row["d_y"]) for row in found] == gradient["y"].tolist()
    for i in (0, 1, 776, 4999):
        alone = diffcli.value_and_grad(diffcli.parse(FORMULA), {k: v[i] for k, v in at.items()})
        assert alone == (float(found[i]["f"]), {"x": float(found[i]["d_x"]), "y": float(found[i]["d_y"])})
    assert {row["error"] for row in found} == {""}
    assert "5,000 rows, " in outcome.err


def test_every_output_format_holds_the_same(inputs: dict[str, Path], run: Run, here: Path) -> None:
    source = str(inputs["more.csv"])
    value, gradient = diffcli.parse(FORMULA).batch(points(5000)).value_and_grad()
    expected = np.stack([value, gradient["x"], gradient["y"]], axis=1)
    for name in ("o.csv", "o.jsonl", "o.npy", "o.npz", "o.parquet"):
        keep = [] if name == "o.npy" else ["--keep", "id"]
        assert run("grad", FORMULA, "--points", source, *keep, "-o", name, "-q").code == 0
    assert [row["id"] for row in rows((here / "o.csv").read_text())] == [f"n{i}" for i in range(5000)]
    lines = [json.loads(line) for line in (here / "o.jsonl").read_text().splitlines()]
    assert [line["i"] for line in lines] == list(range(5000))
    assert lines[3]["kept"] == {"id": "n3"}
    found = np.array([[line["value"], *line["gradient"].values()] for line in lines])
    assert found.tobytes() == expected.tobytes()
    assert np.load(here / "o.npy").tobytes() == expected.tobytes()
    with np.load(here / "o.npz") as archive:
        assert archive["d_y"].tobytes() == gradient["y"].tobytes()
        assert archive["id"][42] == "n42"
        assert archive["error"].shape == (0,)
    table = parquet.read_table(here / "o.parquet")
    assert table.column_names == ["id", "f", "d_x", "d_y", "error"]
    assert table["d_x"].to_numpy().tobytes() == gradient["x"].tobytes()


@pytest.mark.parametrize("count", [5, 50_000])  # by Python and by pyarrow
def test_a_suffix_says_what_is_written(count: int, run: Run, here: Path) -> None:
    columns = {"id": ["a b", '"x,y"', '"q\tr"', "", '"say ""a"""'] * (count // 5), "x": range(count)}
    write_csv(here / "p.csv", columns)
    with (here / "p.csv").open("a") as file:
        file.write("last,oops\n")
    words = ("grad", "x*y + x/3", "--at", "y=0.1", "--points", "p.csv", "--keep", "id")
    for name, form in (("r.tsv", "csv"), ("r.ndjson", "jsonl"), ("r.PQ", "parquet")):
        assert run(*words, "-o", f"plain.{form}").code == 6
        assert run(*words, "-o", name).code == 6
        data = (here / name).read_bytes()
        if form == "csv":
            assert data.startswith(b"id\tf\td_x\td_y\terror\n")
            found = csv.reader(data.decode().splitlines(), delimiter="\t")
            assert [*found] == [*csv.reader((here / "plain.csv").read_text().splitlines())]
            assert "x,y\t" in data.decode()
        else:
            assert data == (here / f"plain.{form}").read_bytes()
    assert rows(run("eval", "f", "--points", "r.tsv", "--keep", "id").out)[2]["id"] == "q\tr"
    outcome = run(*words, "-o", "r.mtx")
    assert outcome.code == 2
    assert "a table of answers is not written as mtx" in outcome.err


def test_vectors_come_as_columns_and_the_rest_from_at(run: Run, here: Path) -> None:
    write_csv(here / "w.csv", {"w[1]": [1, 2], "id": ["a", "b"], "w[0]": [3, 4]})
    outcome = run("grad", "k*w[0]^2 + w[1]", "--points", "w.csv", "--at", "k=2", "--keep", "id", "--wrt", "w,k")
    assert outcome.out == "id,f,d_w[0],d_w[1],d_k,error\na,19,12,1,9,\nb,34,16,1,16,\n"
    (here / "w.jsonl").write_text('{"w": [3, 1]}\n{"w": [4, 2]}\n{"w": [4]}\n')
    same = run("grad", "k*w[0]^2 + w[1]", "--points", "w.jsonl", "k=2", "--wrt", "w,k", "--json")
    assert same.code == 6
    lines = [json.loads(line) for line in same.out.splitlines()]
    assert lines[0] == {"i": 0, "value": 19.0, "gradient": {"w": [12.0, 1.0], "k": 9.0}, "warnings": []}
    assert lines[2] == {"i": 2, "error": {"code": "row", "message": "w is [4], not an array of the shape (2,)"}}


def test_every_command_takes_points(run: Run, here: Path) -> None:
    write_csv(here / "p.csv", {"x": [2], "y": [3]})
    text = "[x*y, x^2]"
    assert run("eval", text, "--points", "p.csv").out == "f[0],f[1],error\n6,4,\n"
    assert run("vjp", text, "--points", "p.csv", "--cotangent", "f=[1,1]").out == "f[0],f[1],d_x,d_y,error\n6,4,7,2,\n"
    head = "f[0],f[1],dot_f[0],dot_f[1],error"
    assert run("jvp", text, "--points", "p.csv", "--tangent", "x=1").out == f"{head}\n6,4,3,4,\n"
    head = "f[0],f[1],d_f[0]_x,d_f[0]_y,d_f[1]_x,d_f[1]_y,error"
    assert run("jacobian", text, "--points", "p.csv").out == f"{head}\n6,4,3,2,4,0,\n"
    head = "f,d_x,d_y,d2_x_x,d2_x_y,d2_y_x,d2_y_y,error"
    assert run("hessian", "x^2*y", "--points", "p.csv").out == f"{head}\n12,12,4,6,4,4,0,\n"


def test_ranges_make_a_grid(run: Run) -> None:
    assert run("eval", "x*y", "--at", "x=0:1:3, y=1:2:2").out == (
        "x,y,f,error\n0,1,0,\n0,2,0,\n0.5,1,0.5,\n0.5,2,1,\n1,1,1,\n1,2,2,\n"
    )
    found = rows(run("grad", "sin(x)", "x=0:pi:11").out)
    assert [float(row["x"]) for row in found] == np.linspace(0, np.pi, 11).tolist()
    assert run("eval", "x", "x=3:4:1").out == "x,f,error\n3,3,\n"
    assert run("eval", "x", "x=3:4:1", "--keep", "x").out == "x,f,error\n3,3,\n"  # as it is anyhow
    assert run("eval", "x", "x=2:1:2").out == "x,f,error\n2,2,\n1,1,\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["x=0:1:0"], "x has no points"),
        (["x=0:1:-3"], "x has no points"),
        (["x=0:1:2.5"], "no whole number of points"),
        (["x=0:1:[2,3]"], "belongs into an index"),
        (["x=0:1"], "x is no range"),
        (["x=0:1:2:3"], "x is no range"),
        (["x=0:inf:3"], "x has no end"),
        (["x=0:1:3", "x=0:1:3"], "x is given twice"),
        (["x=0:1:3", "x=2"], "x is given twice"),
        (["x=0:1:3", "y=0:1:3"], "the formula has no variable y"),
        (["x=0:1:3", "y=2"], "the formula has no variable y"),
        (["y=0:1:3"], "the formula has no variable y\n  its variables are x"),
        (["x=0:1:1e13"], "a grid of 1e+13 points"),
        (["x=0:1:1e7,y=0:1:1e7"], "a grid of 1e+14 points"),
    ],
)
def test_ranges_that_are_none(words: list[str], said: str, run: Run) -> None:
    outcome = run("eval", "x", *words)
    assert outcome.code == 2
    assert said in outcome.err
    assert outcome.out == ""


def test_a_huge_range_starts_at_once() -> None:
    program = command("eval", "x", "x=1:2:1e11", "-q")
    with subprocess.Popen(program, stdout=subprocess.PIPE, env=ENVIRONMENT, text=True) as process:
        assert process.stdout
        assert [process.stdout.readline() for _ in range(3)] == [
            "x,f,error\n",
            "1,1,\n",
            "1.00000000001,1.00000000001,\n",
        ]
        process.stdout.close()
        assert process.wait(20) == 141


@pytest.mark.parametrize(
    "words",
    [
        ["eval", "-"],
        ["eval", "x", "--at", "-"],
        ["jvp", "x", "--tangent", "-"],
        ["vjp", "x", "--cotangent", "-"],
        ["jvp", "x", "--tangent", "x=1", "--tangent", "-"],
    ],
)
def test_standard_input_is_read_once(words: list[str], run: Run) -> None:
    outcome = run(*words, "--points", "-", stdin="x\n1\n")
    said = "error: the points are not alone in asking for standard input\n  give them a file\n"
    assert outcome == (2, "", said)


def test_a_stream_of_json_lines(run: Run) -> None:
    lines = '{"x": 1, "w": [1, 2]}\n\n{"w": [3, 4], "x": 2, "more": null}\n'
    assert run("eval", "x*sum(w)", "--points", "-", stdin=lines).out == "f,error\n3,\n14,\n"


def test_a_stream_is_answered_while_it_is_open() -> None:
    program = command("eval", "2*x", "--points", "-")
    with subprocess.Popen(
        program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write("x\n1\n")
        process.stdin.flush()
        assert process.stdout.readline() == "f,error\n"
        assert process.stdout.readline() == "2,\n"
        process.stdin.write("21\n")
        process.stdin.close()
        assert process.stdout.readline() == "42,\n"
        assert process.wait(20) == 0
