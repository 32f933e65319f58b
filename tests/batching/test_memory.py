"""The memory of a run does not depend on how long the table is, in any format; `memory.py` takes 10⁵ and 10⁷ rows."""

from pathlib import Path

import pytest

from tests.batching import memory
from tests.batching.memory import FORMATS, SHORT_BLOCKS, options, peak, peaks, run
from tests.batching.tables import here

__all__ = ["here"]  # a fixture

#: A number of rows that would be seen, were they kept.
ROWS = {"csv": 500_000, "jsonl": 250_000, "npy": 2_000_000, "npz": 700_000, "parquet": 700_000}


@pytest.mark.parametrize("form", FORMATS)
def test_memory_does_not_grow_with_the_table(form: str, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "GROUP", 10_000)
    few, many = peaks(form, (ROWS[form] // 10, ROWS[form]), SHORT_BLOCKS)
    assert many < few + 8_000, (few, many)


def test_memory_does_not_grow_with_bad_rows(here: Path) -> None:
    found = []
    for size in (100_000, 400_000):
        Path("p.csv").write_text("name,x,y\n" + "a,oops,1\nb,0.5,?\nc,1,2\n" * (size // 3))
        found.append(peak("p.csv", "o.npz", SHORT_BLOCKS, options("csv"), code=6))
    assert found[1] < found[0] + 15_000, found


def test_the_command_shows_every_format(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = iter([[40_000, 41_000]] * 4 + [[40_000, 90_000]])
    monkeypatch.setattr(memory, "peaks", lambda form, counts: next(found))
    assert run(2_000) == 1
    head, _, *lines = capsys.readouterr().out.splitlines()
    assert head == "| format | 20 rows | 2,000 rows | difference |"
    assert [line.split("|")[1].strip() for line in lines] == [*FORMATS]
    assert lines[0] == "| csv | 39 MB | 40 MB | 1 MB |"
