"""The hard points: every number is the best there is, or comes with a warning that gives it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import diffcli
from diffcli.diagnosis import examine
from diffcli.diagnosis.ledger import Finding

DATA = Path(__file__).parents[1] / "data"
CASES: list[dict[str, Any]] = [
    case for name in ("edge_cases", "hard_cases") for case in json.loads((DATA / f"{name}.json").read_text())["cases"]
]
TOLERANCE = 1e-12


def numbers(value: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """A figure of the file: a number, a word for one, or lists of them."""
    if isinstance(value, list):
        return np.array([numbers(item) for item in value], dtype=float)
    return np.array(float(value))


def same(got: Any, wanted: Any) -> bool:
    a, b = np.ravel(np.asarray(got, dtype=float)), np.ravel(numbers(wanted))
    with np.errstate(all="ignore"):
        close = np.abs(a - b) <= TOLERANCE * np.abs(b) + 4 * 2.0**-1074
    return a.shape == b.shape and bool(np.all((a == b) | close | (np.isnan(a) & np.isnan(b))))


def within(got: Any, accept: dict[str, Any] | None) -> bool:
    """Whether a gradient is one of those that the conventions allow."""
    if accept is None:
        return False
    return all(
        bool(
            np.all(
                (np.ravel(numbers(low)) - TOLERANCE <= np.ravel(g))
                & (np.ravel(g) <= np.ravel(numbers(high)) + TOLERANCE)
            )
        )
        for g, low, high in zip(got, accept["lo"], accept["hi"], strict=True)
    )


def verdict(case: dict[str, Any]) -> tuple[str, list[Finding]]:
    program = diffcli.parse(case["expression"])
    point = {name: numbers(value) for name, value in case["point"].items()}
    best = case["best"]
    value, gradient = diffcli.value_and_grad(program, point)
    findings = examine(program, point, "grad")
    parts = list(gradient.values())
    good = all(same(g, b) for g, b in zip(parts, best["grad"], strict=True)) or within(parts, best["accept"])
    second = True
    if case["order"] == 2 and best["hess"] is not None:
        findings = [*findings, *examine(program, point, "hessian")]
        second = same(diffcli.hessian(program, point).matrix, best["hess"])
    if same(value, best["value"]) and good and second:
        return "best", findings
    for finding in findings:
        refined = finding.refined or {}
        if (
            "gradient" in refined
            and same(refined["value"], best["value"])
            and all(same(g, b) for g, b in zip(refined["gradient"].values(), best["grad"], strict=True))
            and (second or same(refined.get("hessian", math.nan), best["hess"]))
        ):
            return "refined", findings
    return "warned" if findings else "silently wrong", findings


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_every_hard_point_is_best_or_warned_with_what_is_best(case: dict[str, Any]) -> None:
    judged, findings = verdict(case)
    assert judged in ("best", "refined"), findings
    reported = diffcli.value_and_grad(
        diffcli.parse(case["expression"]), {k: numbers(v) for k, v in case["point"].items()}
    )
    finite = all(np.isfinite(part).all() for part in (reported[0], *reported[1].values()))
    assert finite or findings, "a number that is not finite always has its reason beside it"
    if "codes" in case:
        assert sorted({finding.code for finding in findings}) == case["codes"]


@pytest.mark.parametrize(
    ("text", "at", "what"),
    [("2", {}, "hessian"), ("sum(x)", {"x": []}, "hessian"), ("x[:0]", {"x": [1.0, 2.0]}, "jacobian")],
)
def test_no_derivatives_are_no_reason_to_fail(text: str, at: dict[str, Any], what: str) -> None:
    program = diffcli.parse(text)
    assert list(examine(program, program.resolve(at), what)) == []
