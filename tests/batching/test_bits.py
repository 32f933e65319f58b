"""All samples, formats and threads: the same bits; `tests/batching/bits.py` takes a million rows."""

from pathlib import Path

import numpy as np
import pytest

from diffcli.batching import sizes
from diffcli.batching.arrays import Batch
from diffcli.diagnosis.many import Warned
from tests.batching.bits import POINTS, SAMPLES, Case, differences, same
from tests.batching.tables import here

__all__ = ["here"]  # a fixture


def test_every_sample_is_there() -> None:
    assert sorted(POINTS) == sorted(path.stem for path in SAMPLES.glob("*.expr"))


def test_zeros_have_signs_but_in_jacobians() -> None:
    plus, minus = np.array([[0.0, 0.0, np.nan]]), np.array([[0.0, -0.0, -np.nan]])
    assert same(plus, minus, firm=1)
    assert not same(plus, minus, firm=2)


@pytest.mark.sampled
@pytest.mark.parametrize("name", POINTS)
def test_a_point_has_the_same_bits_everywhere(name: str, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "CHUNK", 20_000)
    monkeypatch.setattr(sizes, "BLOCK_ROWS", 300)
    assert list(differences(Case(name, 2000))) == []


@pytest.mark.parametrize("name", POINTS)
@pytest.mark.parametrize("jobs", [1, 2])
def test_special_points_have_the_same_bits_in_a_batch(name: str, jobs: int) -> None:
    case = Case(name, 60, odd=40)
    assert same(case.batch(jobs), case.expected, case.firm)


@pytest.mark.sampled
@pytest.mark.parametrize("name", POINTS)
def test_special_points_have_the_same_bits_through_files(
    name: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is wrong at such points is another question, which takes a tenth of a second for each.
    monkeypatch.setattr(Batch, "warned", lambda *_: Warned([]))
    assert list(differences(Case(name, 24, odd=20), threads=[1])) == []
