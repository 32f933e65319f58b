"""Steps tied to their memory compute what they should, whatever their operands look like in memory."""

from __future__ import annotations

import numpy as np
import pytest

import diffcli


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("where([y, y] < 1, [y, y], sum(x + zeros(2, 2), axis=0))", [[1, 0], [1, 0]]),
        ("where([y, y] > 1, [y, y], sum(x + zeros(2, 2), axis=0))", [[0, 2], [0, 2]]),
        ("[sum(y*x + zeros(3)), mean(x + zeros(2, 2))]", [[3, 1.5], [0, 1]]),
    ],
)
def test_sums_of_what_is_repeated_in_place_wait_for_its_value(text: str, expected: list[list[float]]) -> None:
    program = diffcli.parse(text)
    dirty = [np.full(n, 1e3) for n in range(1, 60)]  # so that memory that nobody writes to is noticed
    del dirty
    assert diffcli.jacobian(program, {"y": 0.5, "x": 1.0}).matrix.tolist() == expected
    batch = program.batch({"y": np.full(3000, 0.5), "x": np.ones(3000)})
    assert np.all(np.asarray(batch.jacobian().matrix) == expected)
