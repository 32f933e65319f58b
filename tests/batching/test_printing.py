"""Numbers as text: the shortest that reads back, the same with pyarrow and without; and reading, the same with both."""

import re
import subprocess
import sys

import numpy as np
import pytest

from diffcli.batching import printing
from diffcli.batching.columns import Range
from diffcli.report import as_json, digits
from diffcli.report.text import number
from tests.batching.tables import ENVIRONMENT


@pytest.fixture(params=["with pyarrow", "without"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Even short tables go through pyarrow, or none does."""
    monkeypatch.setattr(digits, "WORTH_IMPORTING", 0)
    monkeypatch.setattr(digits, "WORTH_ASKING", 0)
    monkeypatch.setattr(digits, "_absent", request.param == "without")
    return str(request.param)


def values() -> np.ndarray:
    rng = np.random.default_rng(3)
    bits = rng.integers(0, 1 << 64, 20_000, dtype=np.uint64).view(np.float64)
    usual = rng.standard_normal(20_000) * 10.0 ** rng.integers(-9, 20, 20_000)
    short = rng.integers(-999, 999, 5_000) * 10.0 ** rng.integers(-12, 19, 5_000)
    edges = [10.0**k for k in range(-10, 25)]
    edges += [np.nextafter(x, x * s) for x in edges for s in (0, 2)]
    special = [0.0, -0.0, 5e-324, 1.7976931348623157e308, 2.0**53, np.inf, -np.inf, np.nan, 1e22, 1e23, 0.1, 1 / 3]
    every = np.concatenate([bits, usual, short, edges, special])
    return every[: len(every) // 4 * 4].reshape(-1, 4)


def spelled(value: float) -> str:
    return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(repr(value), number(value))


def test_numbers_are_the_shortest_that_read_back(way: str) -> None:
    table = values()
    cells = bytes(printing.lines(table, [], None, [])).decode().replace("\n", "").split(",")[:-1]
    assert cells == [spelled(value) for value in table.ravel().tolist()]
    back = np.array([float(cell) for cell in cells])
    same = back.view(np.int64) == table.ravel().view(np.int64)
    assert (same | np.isnan(table.ravel())).all()


@pytest.mark.parametrize("shape", [(-1,), (-1, 4), (-1, 2, 5), (7, 1, -1, 1)])
def test_json_spells_arrays_as_python_does(shape: tuple[int, ...], way: str) -> None:
    table = values().ravel()
    table = np.concatenate([table, -np.arange(100.0), np.zeros(50)])
    table = table[: len(table) // 140 * 140].reshape(shape)
    text = as_json.dumps(table)
    spelled = {"nan": '"NaN"', "inf": '"Infinity"', "-inf": '"-Infinity"'}
    words = re.sub(r"-?\b(?:nan|inf)\b", lambda found: spelled[found[0]], repr(table.tolist()))
    assert text == words


def test_lines_are_put_together_alike(way: str) -> None:
    table = np.array([[1.0, 2.5], [3.0, 1e-5], [np.nan, 4.0]])
    names = ['"a, b"', "ü", ""]
    assert bytes(printing.lines(table, [names], ["", "x is no number", "pole"], [1])).decode() == (
        '"a, b",1,2.5,\nü,,,x is no number\n,NaN,4,pole\n'
    )
    assert bytes(printing.lines(table[:1], [], None, [])) == b"1,2.5,\n"
    nothing = np.zeros((2, 0))
    assert bytes(printing.lines(nothing, [], None, [])) == b"\n\n"
    assert bytes(printing.lines(nothing, [["a", "b"]], ["", "why"], [1])) == b"a,\nb,why\n"


def test_bytes_that_are_no_text_are_carried_along(way: str) -> None:
    broken = b"caf\xe9".decode("utf-8", "surrogateescape")
    assert bytes(printing.lines(np.ones((1, 1)), [[broken]], None, [])) == b"caf\xe9,1,\n"


def test_cells_are_in_quotes_where_they_must_be() -> None:
    assert list(printing.cells(["a", "b c"])) == ["a", "b c"]
    assert list(printing.cells(['say "a"', "b,c", "d\ne", "f\rg", "h"])) == [
        '"say ""a"""',
        '"b,c"',
        '"d\ne"',
        '"f\rg"',
        "h",
    ]


@pytest.mark.parametrize("first", [0.0, -1.5, 1e308, 5e-324])
@pytest.mark.parametrize("last", [1.0, -1.5, 3e-323, 1e-300])
@pytest.mark.parametrize("size", [1, 2, 11, 1000])
def test_ranges_are_those_of_numpy(first: float, last: float, size: int) -> None:
    assert Range(first, last, size).at(np.arange(size)).tobytes() == np.linspace(first, last, size).tobytes()


def test_pyarrow_is_loaded_when_all_there_was_is_worth_it() -> None:
    """A long table comes in blocks, each of which is too short to load pyarrow for."""
    script = (
        "import sys; from diffcli.report import digits; ask = lambda: digits.arrow(digits.WORTH_IMPORTING // 3 + 1); "
        "found = [ask() is not None for _ in range(3)]; print(found, digits.arrow(5) is None)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=ENVIRONMENT, check=True)
    assert done.stdout == "[False, False, True] True\n"
