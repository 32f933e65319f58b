"""CSV read all at once, by pyarrow or NumPy, is read as its rows are by themselves, whatever stands in them."""

import io
from collections.abc import Iterator

import numpy as np
import pytest

from diffcli.batching import sizes
from diffcli.batching.columns import Block
from diffcli.batching.readers.delimited import CsvTable
from diffcli.batching.readers.lines import Lines
from diffcli.batching.readers.quickly import Wanted
from diffcli.report import digits

NUMBERS = [
    "1",
    "-2.5",
    "3e-7",
    "0.1",
    "12345678.9",
    "+4",
    " 5 ",
    "6.",
    ".5",
    '"7"',
    "inf",
    "-Infinity",
    "1e999",
    "1e-400",
]
RARE = ["", "NA", "nan", "NaN", "nan(1)", "1_0", "0x10", "1,5", "abc", '""', '"a,b"', '"a ""b"""', 'a"b', "1 2", "1d5",
        "\x00", "\x001", "1\x00", "--1", "1e", "e5", "\xa05", "٣", "1e5.5", "infin",
        "None", "-", '" 8 "', '"9" ', "1;2"]  # fmt: skip
IDS = ["a", "b c", "ü", "", "#1", "nan", "NA", '"q"', '"x,y"', '"say ""a"""', "'", "\t"]


def messy(seed: int, rows: int, rare: float, delimiter: str = ",") -> bytes:
    """Rows of which some hold something rare, or too few or too many fields, or nothing."""
    rng = np.random.default_rng(seed)

    def cell() -> str:
        texts = RARE if rng.random() < rare else NUMBERS
        return texts[rng.integers(len(texts))]

    lines = ["x,id,y"]
    for _ in range(rows):
        kind = rng.random() / max(rare, 1e-9)
        name = IDS[rng.integers(len(IDS))]
        if kind < 0.001:
            lines.append(['1,"two\nlines",3', '"1,a,2'][rng.integers(2)])
        elif kind < 0.1:
            lines.append(["", " ", "1", "1,2", "1,2,3,4", ",,"][rng.integers(6)])
        else:
            lines.append(f"{cell()},{name},{cell()}")
    ends = ["\n", "\r\n"][rng.integers(2)]
    return (ends.join(lines) + ends * int(rng.integers(2))).replace(",", delimiter).encode()


def joined(blocks: Iterator[Block]) -> tuple[list[list[float]], list[list[str]], dict[int, str]]:
    numbers: list[list[float]] = []
    kept: list[list[str]] = []
    errors: dict[int, str] = {}
    for block in blocks:
        errors |= {len(numbers) + i: said for i, said in block.errors.items()}
        rows = zip(block.numbers["x"].tolist(), block.numbers["y"].tolist(), strict=True)
        numbers += [[*row] for row in rows]
        kept += [[*row] for row in zip(*block.kept, strict=True)]
        assert len(numbers) == len(kept)
        assert all(len(column) == block.count for column in block.numbers.values())
    bare = [[0.0, 0.0] if i in errors else row for i, row in enumerate(numbers)]
    return bare, kept, errors


@pytest.fixture(params=["with pyarrow", "without"])
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digits, "WORTH_IMPORTING", 0)
    monkeypatch.setattr(digits, "WORTH_ASKING", 0)
    monkeypatch.setattr(digits, "_absent", request.param == "without")


@pytest.mark.sampled
@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize("keep", [["id"], ["id", "x"]])
@pytest.mark.parametrize("rare", [0.0, 0.002, 0.05, 0.6])
@pytest.mark.parametrize("delimiter", [",", "\t"])
def test_at_once_is_as_row_by_row(
    rare: float, keep: list[str], delimiter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = ["y", "x"]
    for seed in range(4):
        data = messy(seed, 700, rare, delimiter)
        table = CsvTable(Lines(io.BytesIO(data)), "p.csv", delimiter.encode())
        places, kept = ([table.names.index(name) for name in names] for names in (columns, keep))
        wanted = Wanted(3, delimiter.encode(), columns, places, kept)
        body = data[data.index(b"\n") + 1 :].replace(b"\r\n", b"\n")
        expected = joined(iter([table._row_by_row(body, wanted)]))
        for chunk in (1 << 22, 5000, 40):
            monkeypatch.setattr(sizes, "CHUNK", chunk)
            table = CsvTable(Lines(io.BytesIO(data)), "p.csv", delimiter.encode())
            found = joined(table.blocks(columns, keep))
            assert found[2] == expected[2], (seed, chunk)
            assert found[1] == expected[1], (seed, chunk)
            assert np.array(found[0]).tobytes() == np.array(expected[0]).tobytes(), (seed, chunk)
