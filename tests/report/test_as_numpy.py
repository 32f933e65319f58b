from __future__ import annotations

import io

import numpy as np
import pytest

from diffcli.errors import UsageError
from diffcli.report import as_numpy
from diffcli.report.result import Eval, Result

from . import examples


@pytest.mark.parametrize(
    ("result", "array"),
    [
        (examples.EVAL, [5.0, examples.THETA]),
        (Eval("", {}, {"f": np.eye(2)}), [[1.0, 0.0], [0.0, 1.0]]),
        (Eval("", {}, {"f": 2.0}), 2.0),
        (examples.GRAD, [-1.5, 2.0, 2.0]),
        (examples.JACOBIAN, [[0.6, 0.8], [-0.16, 0.12]]),
        (examples.VJP, [0.6, 0.8]),
        (examples.GRAD._replace(gradient={}), []),
    ],
)
def test_npy_holds_the_main_array(result: Result, array: object) -> None:
    found = np.load(io.BytesIO(as_numpy.npy(result)), allow_pickle=False)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, np.array(array, dtype=float))


def test_npz_holds_everything_by_name() -> None:
    def names(result: Result) -> dict[str, object]:
        with np.load(io.BytesIO(as_numpy.npz(result)), allow_pickle=False) as archive:
            return {name: archive[name].tolist() for name in archive.files}

    assert names(examples.GRAD) == {"f": -3.0, "d_x": -1.5, "d_w": [2.0, 2.0]}
    assert names(examples.VJP) == {"r": 5.0, "theta": examples.THETA, "d_x": 0.6, "d_y": 0.8}
    assert names(examples.JACOBIAN)["jacobian"] == [[0.6, 0.8], [-0.16, 0.12]]
    assert names(examples.JACOBIAN)["columns"] == ["x", "y"]
    assert names(Eval("", {}, {"file": 1.0, "θ": 2.0})) == {"file": 1.0, "θ": 2.0}


@pytest.mark.parametrize("write", [as_numpy.npy, as_numpy.npz])
def test_what_holds_no_array_says_so(write: object) -> None:
    with pytest.raises(UsageError, match="trace has no array"):
        write(examples.TRACE)  # type: ignore[operator]
