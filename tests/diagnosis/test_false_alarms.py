"""The published starting points of optimisation are ordinary: what is warned of there is so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import diffcli
from diffcli.diagnosis import examine

DATA = Path(__file__).parents[1] / "data"


def load(name: str) -> Any:
    return json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))["problems"]


def points() -> list[tuple[str, str, list[float]]]:
    published = [
        (f"{problem['name']} at {point['factor']}·x0", problem["f_expr"], point["x"])
        for problem in load("mgh_unconstrained")
        for point in problem["points"]
    ]
    return published + [(problem["name"], problem["f_expr"], problem["x0"]) for problem in load("hs_cutest")]


def test_nothing_is_said_at_ordinary_points() -> None:
    warned = {}
    for name, text, x in points():
        program = diffcli.parse(text)
        at = {f"x{i + 1}": value for i, value in enumerate(x) if f"x{i + 1}" in program.inputs}
        findings = examine(program, at, "grad")
        if findings:
            warned[name] = [finding.code for finding in findings]
    # Both are what rounding left of terms that cancel: f is 1e-30 in the one, a derivative 1e-19 in the other.
    assert warned == {"gaussian at 1·x0": ["cancellation"], "gulf at 10·x0": ["cancellation"]}


def test_a_gradient_of_zeros_that_the_formula_holds_too() -> None:
    program = diffcli.parse("trunc((A + zeros(2, 2))[0, 1] + sum(where(A > 0, A, 0*A)))")
    assert examine(program, {"A": [[0.25, 1.2], [0.25, 0.75]]}, "grad") == []
