"""The bar that a terminal shows of a long run, and where it shows none."""

import re
import sys
from pathlib import Path

import pytest

from diffcli.cli.progress import _left
from tests.batching.tables import here, points, write_csv
from tests.cli.test_process import on_terminal

__all__ = ["here"]  # a fixture

#: Short blocks, and a bar without delay.
AT_ONCE = """
import sys
from diffcli.batching import sizes
from diffcli.cli import progress
from diffcli.cli.main import main
sizes.CHUNK, progress.PATIENCE = 1 << 14, 0.0
sys.exit(main(sys.argv[1:]))
"""


def shown(*words: str, columns: int, **extra: str) -> list[str]:
    """What stood on the line of the bar, one after the other, without colours."""
    program = [sys.executable, "-c", AT_ONCE]
    code, text = on_terminal("eval", "x*y", *words, columns=columns, program=program, **extra)
    assert code == 0, text
    return re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", text.replace("\x1b[2K", "\n").replace("\r", "\n")).split("\n")


def test_a_bar_has_rows_rate_and_time_left(here: Path) -> None:
    write_csv(here / "p.csv", points(20_000))
    lines = shown("--points", "p.csv", "-o", "o.csv", columns=80)
    bars = [line for line in lines if "rows/s" in line]
    assert bars
    for bar in bars:
        assert re.fullmatch(r"[0-9,]+ rows ━*[╸╺]? *━* +[0-9,]+ rows/s \d+:\d\d left *", bar), bar
        assert len(bar) <= 80
    assert bars[-1].startswith("20,000 rows ")
    assert bars[-1].rstrip().endswith("0:00 left")
    assert lines[-2].startswith("20,000 rows, ")
    counts = [int(bar.partition(" ")[0].replace(",", "")) for bar in bars]
    assert counts == sorted(counts)


@pytest.mark.parametrize("columns", [100, 60, 59, 40, 30, 29, 20, 12])
def test_a_bar_fits_its_terminal(columns: int, here: Path) -> None:
    write_csv(here / "p.csv", points(5_000))
    lines = shown("--points", "p.csv", "-o", "o.csv", columns=columns)
    bars = [line.rstrip() for line in lines if re.match(r"[0-9,]+ rows(?!,)", line)]
    assert bars
    assert max(map(len, bars)) <= columns
    assert all(("rows/s" in bar) == (columns >= 60) and (" left" in bar) == (columns >= 30) for bar in bars)


def test_without_colour_there_is_none(here: Path) -> None:
    write_csv(here / "p.csv", points(5_000))
    program = [sys.executable, "-c", AT_ONCE]
    words = ("eval", "x*y", "--points", "p.csv", "-o", "o.csv")
    assert "\x1b[38;5" in on_terminal(*words, program=program)[1]
    assert "\x1b[38;5" not in on_terminal(*words, program=program, NO_COLOR="1")[1]


def test_no_bar_where_it_would_be_in_the_way(here: Path) -> None:
    write_csv(here / "p.csv", points(3_000))
    quiet = shown("--points", "p.csv", "-o", "o.csv", "-q", columns=80)
    assert quiet == [""]
    for words in ((), ("-o", "-"), ("-o", "/dev/stdout")):  # the answers themselves
        printed = shown("--points", "p.csv", *words, columns=80)
        assert printed[0] == "f,error"
        assert len(printed) == 3_003
        assert not any("rows/s" in line for line in printed)


def test_time_left_reads_like_a_clock() -> None:
    assert _left(10, 0.5) == "0:10 left"
    assert _left(10, 0.01) == "16:30 left"
    assert _left(100, 0.01) == "2:45:00 left"
    assert _left(10, 0.0) == ""
