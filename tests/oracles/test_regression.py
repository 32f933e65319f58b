"""NIST's nonlinear regressions: standard deviations from the Jacobian at the certified parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import diffcli

from . import load

PROBLEMS = load("nist_strd_nls")["problems"]


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_certified_standard_deviations(name: str, mode: Any) -> None:
    """√(rss/dof · diag((JᵀJ)⁻¹)) with J = ∂model/∂b, to 8 digits at least."""
    problem = PROBLEMS[name]
    data = np.array(problem["data"], dtype=np.float64)
    columns = {column: data[:, i] for i, column in enumerate(problem["columns"])}
    certified = dict(zip(problem["params"], map(float, problem["certified"]), strict=True))
    model = diffcli.parse(problem["model"])
    at = {**{key: value for key, value in columns.items() if key in model.inputs}, **certified}
    jacobian = diffcli.jacobian(model, at, wrt=problem["params"], mode=mode)
    residuals = columns[problem["response"]] - jacobian.values["f"]
    rss = float(np.sum(residuals**2))
    assert rss == pytest.approx(float(problem["certified_rss"]), rel=5e-10)
    # JᵀJ would square the condition number: the triangle of QR, its columns scaled, does not.
    size = np.linalg.norm(jacobian.matrix, axis=0)
    triangle = np.linalg.inv(np.linalg.qr(jacobian.matrix / size, mode="r"))
    deviations = np.sqrt(rss / problem["dof_n_minus_p"] * np.sum(triangle**2, axis=1)) / size
    np.testing.assert_allclose(deviations, np.array(problem["certified_sd"], dtype=np.float64), rtol=5e-9)
