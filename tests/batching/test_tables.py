"""Tables of points on the command line: formats, streams, bad rows, and results that arrive whole or not at all."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest

import diffcli
from diffcli.batching import sizes
from tests.cli.conftest import Outcome, Run, plain_environment, run
from tests.interrupts import heed_interrupts

__all__ = ["plain_environment", "run"]  # fixtures

CHECKOUT = Path(__file__).parents[2]
FORMULA = "sin(x)*exp(y)/sqrt(1 + x^2)"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def points(count: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(7)
    scale = 10.0 ** rng.integers(-8, 3, count)
    return {"x": rng.standard_normal(count) * scale, "y": rng.uniform(-2, 2, count)}


def write_csv(path: Path, columns: dict[str, Any], delimiter: str = ",") -> Path:
    lines = [delimiter.join(columns)]
    lines += [delimiter.join(map(str, row)) for row in zip(*(list(c) for c in columns.values()), strict=True)]
    path.write_text("\n".join(lines) + "\n")
    return path


# Formats ----------------------------------------------------------------------------------------------------


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
        assert run("grad", FORMULA, "--points", source, "--keep", "id", "-o", name, "-q").code == 0
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


# Inputs from columns ----------------------------------------------------------------------------------------


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
    for wrong in ("x=0:1:0", "x=0:1:2.5", "x=0:1"):
        assert run("eval", "x", "--at", wrong).code == 2


def test_a_stream_is_answered_while_it_is_open() -> None:
    program = [sys.executable, "-m", "diffcli", "eval", "2*x", "--points", "-"]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    with subprocess.Popen(
        program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True
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


# Bad rows ---------------------------------------------------------------------------------------------------


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
        ("NaN", "domain"),
        ("-Infinity", "pole"),
        ("Infinity", "nonfinite-input"),
    ]
    assert "12 rows, 7 failed, 3 with results that are not finite" in outcome.err


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


def test_lines_that_are_no_objects(run: Run, here: Path) -> None:
    bad = ['{"x": ', "[1]", '{"y": 2}', '{"x": "NaN"}', '{"x": true}', '{"x": 1e400}', ""]
    (here / "p.jsonl").write_text("\n".join(['{"x": 1}', *bad, '{"x": 5}']) + "\n")
    outcome = run("eval", "2*x", "--points", "p.jsonl")
    assert outcome.code == 6
    assert answered(outcome) == [
        ("2", ""),
        ("", "the line is no JSON object"),
        ("", "the line is no JSON object"),
        ("", "x is empty, not a number"),
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
    assert first == {"i": 0, "kept": {"id": "caf\udce9", "%": "100%d"}, "values": {"f": 1.0}, "warnings": []}
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
        "broken.npz": "cannot be read",
        "broken.parquet": "cannot be read",
        "twice.csv": "two columns x",
        "other.csv": "no column is an input",
        "half.csv": "no value for y",
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
    assert run("eval", "x", "--points", "half.csv", "--format", "mtx").code == 2
    assert run("jacobian", "x", "--points", "half.csv", "--sparse").code == 2
    assert run("grad", "x", "x=0:1:3", "--order", "2").code == 2


# Whole or not at all ----------------------------------------------------------------------------------------


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "diffcli", *words]


ENVIRONMENT = {**os.environ, "PYTHONPATH": str(CHECKOUT)}


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("name", ["o.csv", "o.npz", "o.parquet"])
def test_a_run_that_is_stopped_leaves_the_old_file(sent: signal.Signals, name: str, here: Path) -> None:
    (here / name).write_text("old\n")
    words = command("grad", FORMULA, "--points", "-", "-o", name)
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT, preexec_fn=heed_interrupts
    ) as process:
        assert process.stdin
        process.stdin.write(b"x,y\n" + b"1,2\n" * 200_000)
        process.stdin.flush()
        time.sleep(0.7)
        process.send_signal(sent)
        process.stdin.close()
        code = process.wait(20)
    assert code == (130 if sent == signal.SIGINT else -sent)
    assert (here / name).read_text() == "old\n"
    assert [path.name for path in here.iterdir()] == [name]


@pytest.mark.parametrize("form", ["csv", "jsonl", "npy", "npz", "parquet"])
def test_a_full_disk(form: str, run: Run, here: Path) -> None:
    write_csv(here / "p.csv", points(3000))
    outcome = run("grad", FORMULA, "--points", "p.csv", "--format", form, "-o", "/dev/full")
    assert outcome.code == 74
    assert "no space left" in outcome.err
    assert Path("/dev/full").is_char_device()


def test_a_reader_that_goes_away(here: Path) -> None:
    write_csv(here / "p.csv", points(200_000))
    with subprocess.Popen(
        command("grad", FORMULA, "--points", "p.csv"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(20) == 141
        assert process.stderr.read() == b""


def test_two_runs_into_one_file(here: Path) -> None:
    write_csv(here / "p.csv", points(50_000))
    runs = [
        subprocess.Popen(command("eval", f"x*{k}", "--points", "p.csv", "-o", "o.csv", "-q"), env=ENVIRONMENT)
        for k in (1, 2)
    ]
    assert [process.wait(30) for process in runs] == [0, 0]
    found = [float(row["f"]) for row in rows((here / "o.csv").read_text())]
    assert found in ((points(50_000)["x"] * k).tolist() for k in (1, 2))
    assert sorted(path.name for path in here.iterdir()) == ["o.csv", "p.csv"]


def test_an_unwritable_place(run: Run, here: Path) -> None:
    write_csv(here / "p.csv", points(3))
    assert run("eval", "x", "--points", "p.csv", "-o", "no/such/folder.csv").code == 74
    assert run("eval", "x", "--points", "p.csv", "-o", ".").code == 74


def test_the_file_keeps_its_mode_and_links(run: Run, here: Path) -> None:
    write_csv(here / "p.csv", points(3))
    (here / "real.csv").write_text("old")
    (here / "real.csv").chmod(0o640)
    (here / "link.csv").symlink_to("real.csv")
    assert run("eval", "x", "--points", "p.csv", "-o", "link.csv").code == 0
    assert (here / "link.csv").is_symlink()
    assert (here / "real.csv").read_text().startswith("f,error\n")
    assert (here / "real.csv").stat().st_mode & 0o777 == 0o640


def test_memory_does_not_grow_with_the_table(here: Path) -> None:
    """Ten times the rows, the same peak."""
    script = (
        "import resource, sys; from diffcli.cli.main import main; "
        "code = main(sys.argv[1:]); print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss); sys.exit(code)"
    )
    peaks = []
    for count in (60_000, 600_000):
        (here / "p.csv").write_text("x,y\n" + "0.123456789,1.23456789\n" * count)
        words = [sys.executable, "-c", script, "grad", FORMULA, "--points", "p.csv", "-o", "o.csv", "-q"]
        done = subprocess.run(words, capture_output=True, text=True, env=ENVIRONMENT, check=True)
        peaks.append(int(done.stdout))
    assert peaks[1] < peaks[0] + 60_000  # kilobytes: the blocks' own size, not ten times the rows


def test_one_point_imports_nothing_of_this() -> None:
    script = (
        "import sys; from diffcli.cli.main import main; main(['grad', 'x^2', 'x=3']); "
        "print([m for m in sys.modules if m.startswith('diffcli.batching')], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=ENVIRONMENT, check=True)
    assert done.stderr == "[]\n"
