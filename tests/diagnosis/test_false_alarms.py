"""Published starting points and the samples are ordinary: what is warned of there is so."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import diffcli
from diffcli.diagnosis import examine

DATA = Path(__file__).parents[1] / "data"
SAMPLES = Path(__file__).parents[2] / "samples"


def load(name: str) -> Any:
    return json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))["problems"]


def points() -> list[tuple[str, str, list[float]]]:
    published = [
        (f"{problem['name']} at {point['factor']}·x0", problem["f_expr"], point["x"])
        for problem in load("mgh_unconstrained")
        for point in problem["points"]
    ]
    return published + [(problem["name"], problem["f_expr"], problem["x0"]) for problem in load("hs_cutest")]


@pytest.mark.sampled
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


def flights() -> list[list[float]]:
    with (SAMPLES / "data" / "challenger.csv").open(encoding="utf-8") as file:
        rows = csv.reader(line for line in file if not line.startswith("#"))
        next(rows)
        return [[float(x) for x in row] for row in rows]


#: For each sample the inputs that are drawn, by shape and range; and those that are given.
DRAWN: dict[str, tuple[dict[str, tuple[tuple[int, ...], float, float]], Mapping[str, Any]]] = {
    "polar": ({"x": ((), -3, 3), "y": ((), -3, 3)}, {}),
    "kepler": ({"M": ((), 0, 6), "e": ((), 0, 0.9)}, {}),
    "black_scholes": ({"spot": ((), 50, 150), "strike": ((), 50, 150)}, {}),
    "rosenbrock": ({"x": ((5,), -2, 2)}, {}),
    "robot_arm": ({"shoulder": ((), -3, 3), "elbow": ((), -3, 3)}, {}),
    "logistic": ({"w": ((2,), -0.5, 0.5)}, {"data": flights()}),
    "neural_network": (
        {"W1": ((2, 3), -2, 2), "b1": ((3,), -2, 2), "W2": ((3,), -2, 2), "b2": ((), -2, 2)},
        {},
    ),
    "gmm": (
        {"alpha": ((2,), -1, 1), "mu": ((2, 3), -1, 1), "q": ((2, 3), -1, 1), "l": ((2, 3), -1, 1)},
        json.loads((SAMPLES / "data" / "gmm.json").read_text(encoding="utf-8")),
    ),
}


@pytest.mark.sampled
@pytest.mark.parametrize("name", DRAWN)
def test_nothing_is_said_of_the_samples(name: str) -> None:
    program = diffcli.parse((SAMPLES / f"{name}.expr").read_text(encoding="utf-8"))
    drawn, given = DRAWN[name]
    rng = np.random.default_rng(1)
    verbs = ["jacobian"] if name in ("polar", "robot_arm") else ["grad", "hessian"]
    for k in range(6 if name == "gmm" else 100):  # whose thousand numbers take half a second
        point = {key: rng.uniform(low, high, shape) for key, (shape, low, high) in drawn.items()}
        at = program.resolve({**given, **point})
        for what in verbs if k < 2 else verbs[:1]:
            assert examine(program, at, what) == [], (what, point)


def test_a_gradient_of_zeros_that_the_formula_holds_too() -> None:
    program = diffcli.parse("trunc((A + zeros(2, 2))[0, 1] + sum(where(A > 0, A, 0*A)))")
    assert examine(program, {"A": [[0.25, 1.2], [0.25, 0.75]]}, "grad") == []


@pytest.mark.parametrize(
    ("text", "at", "what"),
    [
        # The slopes beside 0 are negative at first, and then come up to y.
        ("inv([[x, -1], [y, x]])[0, 1] + y*sin(x)", {"x": 0.0, "y": 1e-100}, "grad"),
        ("log_softmax([x, y])*(1 - cos(x))", {"x": 0.0, "y": 1e200}, "jacobian"),
    ],
)
def test_what_is_small_beside_what_is_large_is_right(text: str, at: dict[str, float], what: str) -> None:
    assert examine(diffcli.parse(text), at, what) == []
