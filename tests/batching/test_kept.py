"""What is carried along comes out as it was: of bad rows too, whatever its length, and as JSON where it was JSON."""

import json
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from diffcli.batching import spools
from tests.batching.tables import here, rows
from tests.cli.conftest import Run, plain_environment, run

__all__ = ["here", "plain_environment", "run"]  # fixtures


@pytest.mark.parametrize("poured", [1, 7, 1 << 20])
def test_texts_of_any_length_in_npz(poured: int, run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spools, "POURED", poured)
    texts = ["", "a", "ü" * 3, "", "𝄞", "long" * 50, "b"] * 300
    (here / "p.csv").write_text("id,x\n" + "".join(f"{text},1\n" for text in texts))
    assert run("eval", "x", "--points", "p.csv", "--keep", "id", "-o", "o.npz").code == 0
    with np.load(here / "o.npz") as archive:
        assert archive["id"].dtype == "<U200"
        assert archive["id"].tolist() == texts


def test_a_text_of_ten_megabytes_in_npz(run: Run, here: Path) -> None:
    """It alone is as long as that; a block is not."""
    long = "y" * 10_000_000
    (here / "p.csv").write_text(f"id,x\na,1\n{long},2\n" + "b,3\n" * 3)
    assert run("eval", "x", "--points", "p.csv", "--keep", "id", "-o", "o.npz").code == 0
    with np.load(here / "o.npz") as archive:
        assert archive["id"].tolist() == ["a", long, "b", "b", "b"]


def test_an_array_of_texts_is_not_mostly_padding(run: Run, here: Path) -> None:
    """A text of 10 kB among 65,001 rows would be 2.6 GB."""
    (here / "p.csv").write_text("id,x\n" + "a,1\n" * 65_000 + f"{'y' * 10_000},2\n")
    outcome = run("eval", "x", "--points", "p.csv", "--keep", "id", "-o", "o.npz")
    assert outcome.code == 2
    assert "all texts as long as the longest, which has 10,000 letters" in outcome.err
    assert "write CSV or Parquet" in outcome.err
    assert [path.name for path in here.iterdir()] == ["p.csv"]


def test_zeros_at_the_end_of_a_text_are_not_lost(run: Run, here: Path) -> None:
    (here / "p.csv").write_bytes(b"id,x\na\x00b\x00\x00,1\nc,2\n")
    assert run("eval", "x", "--points", "p.csv", "--keep", "id", "-o", "o.npz").code == 0
    with np.load(here / "o.npz") as archive:
        assert archive["id"].tolist() == ["a\0b\ufffd\ufffd", "c"]


def test_too_little_memory_is_told_of_the_table(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(spools.TextSpool, "add", full)
    (here / "p.csv").write_text("x\n1\n")
    outcome = run("eval", "x", "--points", "p.csv", "--keep", "x", "-o", "o.npz")
    assert outcome.code == 2
    assert "not enough memory for this table" in outcome.err
    assert "--sparse" not in outcome.err


@pytest.mark.parametrize(
    ("row", "kept"),
    [('d,"4,a', ("d", "")), ('d,1,"c" d', ("d", "")), ('"d,2,c', ("", "")), ('d,"4,a\ne,5,b', ("d", ""))],
)
def test_a_malformed_row_keeps_what_can_be_read(row: str, kept: tuple[str, str], run: Run, here: Path) -> None:
    (here / "p.csv").write_text(f"id,x,note\n{row}\nf,1,z\n")
    outcome = run("eval", "x", "--points", "p.csv", "--keep", "id,note")
    found = [(each["id"], each["note"], each["f"]) for each in rows(outcome.out)]
    assert (found[0], found[-1]) == ((*kept, ""), ("f", "z", "1"))


def test_a_name_is_found_however_it_is_composed(run: Run, here: Path) -> None:
    composed, apart = "größe", unicodedata.normalize("NFD", "größe")
    for name, asked in ((composed, apart), (apart, composed)):
        (here / "p.csv").write_text(f"{name},x\na,1\n", encoding="utf-8")
        outcome = run("eval", "x", "--points", "p.csv", "--keep", asked)
        assert outcome.out == f"{name},f,error\na,1,\n"


def test_json_values_stay_what_they_are(run: Run, here: Path) -> None:
    kept = {"id": 7, "b": True, "n": None, "s": "7", "d": {"a": [1.5, "ü"]}, "e": []}
    failed = {**kept, "id": -2.5}
    lines = [{**kept, "x": 1}, {**failed, "x": "?"}, {**kept, "x": 0}]
    (here / "p.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    words = ["eval", "1/x", "--points", "p.jsonl", "--keep", ",".join(name for name in kept if name != "e")]
    found = [json.loads(line)["kept"] for line in run(*words, "--json").out.splitlines()]
    del kept["e"], failed["e"]
    assert found == [kept, failed, kept]
    row = rows(run(*words).out)[0]
    assert [row[name] for name in kept] == ["7", "true", "", "7", '{"a": [1.5, "\\u00fc"]}']


def test_json_is_valid_whatever_is_kept(run: Run, here: Path) -> None:
    deep = "[" * 400 + "]" * 400
    (here / "p.jsonl").write_text(f'{{"x":1,"id":"\\ud800"}}\n{{"x":2,"id":NaN}}\n{{"x":3,"id":{deep}}}\n')
    for form in ("jsonl", "csv", "npz", "parquet"):
        assert run("eval", "x", "--points", "p.jsonl", "--keep", "id", "-o", f"o.{form}").code == 0
    kept = [json.loads(line)["kept"]["id"] for line in (here / "o.jsonl").read_text().splitlines()]
    assert kept == ["\ufffd", "NaN", deep]


def test_names_with_commas(run: Run, here: Path) -> None:
    (here / "p.csv").write_text('x,"price, in ""USD""",id\n1,2,a\n')
    outcome = run("eval", "x", "--points", "p.csv", "--keep", 'id, "price, in ""USD"""', "-q")
    assert outcome.out == 'id,"price, in ""USD""",f,error\na,2,1,\n'
    assert "no column price to keep" in run("eval", "x", "--points", "p.csv", "--keep", "price, in").err
