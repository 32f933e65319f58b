"""What a compiled run sees of its columns is what they hold, and warnings are the same with it as without."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import diffcli
from diffcli.compiled import machine
from diffcli.diagnosis import marks
from diffcli.evaluation import Plan
from diffcli.evaluation.extremes import Extremes
from diffcli.graph import Builder

Array = np.ndarray[Any, np.dtype[np.float64]]

SPECIAL = [0.0, -0.0, 5e-324, -1e-310, 1.5, -2.0, 1e308, -1e300, np.inf, -np.inf, np.nan]


@pytest.mark.parametrize("count", [8, 9, 1024, 1031, 40_000])
def test_extremes_are_those_of_the_columns(count: int) -> None:
    rng = np.random.default_rng(count)
    builder = Builder()
    x, y, v = builder.input("x", ()), builder.input("y", ()), builder.input("v", (2,))
    plan = Plan([x + y, v * x])
    values = {
        x: np.where(rng.random(count) < 0.01, rng.choice(SPECIAL, count), rng.standard_normal(count)),
        y: rng.uniform(-2.0, -1.0, count),
        v: np.moveaxis(np.where(rng.random((count, 2)) < 0.3, 0.0, rng.uniform(-1.0, 1.0, (count, 2))), 0, -1),
    }
    values[y][-1] = -1e-200  # the last point counts, whatever the length
    extremes = Extremes()
    found = machine.run(plan, values, 2, extremes=extremes)
    assert machine.why_not(plan) is None
    arrays = [*((values[node], True) for node in (x, y, v)), *((each, False) for each in found)]
    for array, read in arrays:
        seen = extremes.of(array)
        assert seen is not None
        for place, column in enumerate(array.reshape(-1, count)):
            for k in range(seen.least.shape[1]):
                # The last stretch has eight points at least, some of them those of the one before.
                part = column[min(k * extremes.size, count - 8) : (k + 1) * extremes.size]
                size = np.abs(part)
                assert np.array_equal(seen.most[place, k], size.max(), equal_nan=True)
                if not np.isfinite(part).all():
                    continue
                least = size[size > 0.0].min() if read and size.any() else size.min()
                assert seen.least[place, k] == least
                if read:
                    assert seen.low is not None
                    assert seen.high is not None
                    assert (seen.low[place, k], seen.high[place, k]) == (part.min(), part.max())
    assert extremes.finite(values[x]) == np.isfinite(values[x]).all()
    assert extremes.finite(values[y])
    extremes.forget(values[y], [count - 1])
    assert not extremes.finite(values[y])
    assert extremes.of(np.ones(count)) is None


TEXTS = ["x*y - sin(x)/y", "log(x)*sqrt(y) + abs(x - y)", "a = x/y\nb = x*y - 1\nreturn a, b"]


@pytest.mark.parametrize("text", TEXTS)
def test_warnings_are_the_same_where_numbers_were_seen(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(len(text))
    points = {name: rng.uniform(0.5, 3.0, 20_000) for name in "xy"}
    points["x"][[3, 777, 19_999]] = [0.0, np.inf, 1e-320]
    points["y"][[4, 778, 19_999]] = [0.0, np.nan, 1e-320]
    points["x"][900] = points["y"][900]
    program = diffcli.parse(text)
    batch = program.batch(points, jit=True)
    compute = batch.value_and_grad if len(program.outputs) == 1 else batch.jacobian
    read: list[int] = []
    original = marks.of_values
    monkeypatch.setattr(marks, "of_values", lambda value: read.append(value.size) or original(value))
    counts, found = [], []
    for _ in range(2):  # the second time it is known that somebody asks
        compute()
        read.clear()
        found.append({code: rows.tolist() for code, rows in batch.warnings.items()})
        counts.append(sum(read))
    assert found[0] == found[1] != {}
    assert counts[0] == 40_000
    assert 0 < counts[1] < 40_000


def test_what_is_mended_is_read_again() -> None:
    """The gradient of what is not looked at is 0·∞ in a pass, and 0."""
    program = diffcli.parse("(x if x > 0 else 0)*where(y > 0, log(y), 0) + x*y")
    rng = np.random.default_rng(2)
    points = {name: rng.uniform(0.5, 3.0, 5_000) for name in "xy"}
    points["x"][[5, 4_000]], points["y"][[7, 4_001]] = 0.0, 0.0
    batches = [program.batch(points, jit=jit) for jit in (True, False)]
    for _ in range(2):
        answers = []
        for batch in batches:
            batch.value_and_grad()
            answers.append({code: rows.tolist() for code, rows in batch.warnings.items()})
        assert answers[0] == answers[1] != {}
