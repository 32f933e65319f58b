"""All samples, formats and threads: the same bits; `tests/batching/bits.py` takes a million rows."""

from pathlib import Path

import pytest

from diffcli.batching import sizes
from tests.batching.bits import POINTS, SAMPLES, Case, differences
from tests.batching.tables import here

__all__ = ["here"]  # a fixture


def test_every_sample_is_there() -> None:
    assert sorted(POINTS) == sorted(path.stem for path in SAMPLES.glob("*.expr"))


@pytest.mark.parametrize("name", POINTS)
def test_a_point_has_the_same_bits_everywhere(name: str, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "CHUNK", 20_000)
    monkeypatch.setattr(sizes, "BLOCK_ROWS", 300)
    assert list(differences(Case(name, 2000))) == []
