"""The test problems of optimisation: value and gradient at every published starting point."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import diffcli
from diffcli.bound import bind
from diffcli.evaluation import Plan

from . import load

WITHIN = 1e-12
MGH = load("mgh_unconstrained")["problems"]
HS = load("hs_cutest")["problems"]


def _point(program: diffcli.Program, x: list[float]) -> dict[str, float]:
    return {name: value for i, value in enumerate(x) if (name := f"x{i + 1}") in program.inputs}


def _at(text: str, x: list[float]) -> tuple[float, Any]:
    """The value and the gradient, with a 0 for a variable that the formula lacks."""
    program = diffcli.parse(text)
    value, gradient = diffcli.value_and_grad(program, _point(program, x))
    return value, np.array([gradient.get(f"x{i + 1}", 0.0) for i in range(len(x))])


def _terms(residuals: list[str], x: list[float]) -> tuple[float, float]:
    """How large f and its gradient would be if the last difference of each residual did not cancel."""
    value, gradient = 0.0, np.zeros(len(x))
    for text in residuals:
        program = diffcli.parse(text)
        bound = bind(program, _point(program, x))
        (residual,) = bound.function.outputs
        assert residual.op.name in ("add", "subtract")
        size = sum(abs(float(term[0])) for term in Plan(residual.args).run(bound.at))
        value += size**2
        gradient += 2 * size * np.abs(_at(text, x)[1])
    return value, float(np.linalg.norm(gradient))


POINTS = [
    pytest.param(problem, point, id=f"{problem['name']}x{point['factor']}")
    for problem in MGH
    for point in problem["points"]
]


@pytest.mark.parametrize(("problem", "point"), POINTS)
def test_more_garbow_hillstrom(problem: dict[str, Any], point: dict[str, Any]) -> None:
    value, gradient = _at(problem["f_expr"], point["x"])
    wanted = np.array(point["grad"])
    value_scale, gradient_scale = abs(point["f"]), float(np.linalg.norm(wanted))
    if point["f"] < 1e-20:  # nothing but what rounding left of terms near 1
        value_scale, gradient_scale = _terms(problem["residuals"], point["x"])
    assert abs(value - point["f"]) <= WITHIN * value_scale
    assert np.linalg.norm(gradient - wanted) <= WITHIN * gradient_scale


def test_one_value_is_a_rounding_residue() -> None:
    assert [(p.values[0]["name"], p.values[1]["factor"]) for p in POINTS if p.values[1]["f"] < 1e-20] == [("gulf", 10)]


SQUARES = [
    pytest.param(problem, point, id=f"{problem['name']}x{point['factor']}")
    for problem in MGH
    for point in problem.get("ssq_points", [])
]


@pytest.mark.parametrize(("problem", "point"), SQUARES)
def test_sums_of_squares(problem: dict[str, Any], point: dict[str, Any]) -> None:
    value, _ = _at(problem["f_expr"], point["x"])
    assert value == pytest.approx(point["sumsq"], rel=WITHIN)


@pytest.mark.parametrize(("problem", "point"), POINTS)
def test_the_gradient_is_that_of_the_residuals(problem: dict[str, Any], point: dict[str, Any]) -> None:
    """2·Jᵀr, with the Jacobian of all residuals as the outputs of one program."""
    if point["f"] < 1e-20:
        return  # r is rounding, and so is the product
    names = [f"r{i}" for i in range(len(problem["residuals"]))]
    text = "\n".join(f"{name} = {r}" for name, r in zip(names, problem["residuals"], strict=True))
    inputs = ", ".join(f"x{i + 1}" for i in range(problem["n"]))
    program = diffcli.parse(f"input {inputs}\n{text}\nreturn {', '.join(names)}")
    jacobian = diffcli.jacobian(program, point["x"])
    assert jacobian.rows == tuple(names)
    assert 1 <= jacobian.passes <= min(len(names), problem["n"])
    r = np.array(list(jacobian.values.values()))
    wanted = np.array(point["grad"])
    assert np.linalg.norm(2 * jacobian.matrix.T @ r - wanted) <= WITHIN * np.linalg.norm(wanted)


@pytest.mark.parametrize("problem", HS, ids=lambda p: p["name"])
def test_hock_schittkowski_and_cutest(problem: dict[str, Any]) -> None:
    value, gradient = _at(problem["f_expr"], problem["x0"])
    wanted = np.array([float(g) for g in problem["my_mp30"]["grad0"]])
    assert value == pytest.approx(float(problem["my_mp30"]["f0"]), rel=WITHIN)
    assert np.linalg.norm(gradient - wanted) <= WITHIN * np.linalg.norm(wanted)


INTERIOR = [p for p in HS if p["kind"] == "interior" and p["x_star"] is not None]


@pytest.mark.parametrize("problem", INTERIOR, ids=lambda p: p["name"])
def test_the_gradient_vanishes_at_the_published_optimum(problem: dict[str, Any]) -> None:
    value, gradient = _at(problem["f_expr"], problem["x_star"])
    assert value == pytest.approx(float(problem["f_star_published"].split()[0]), rel=1e-6, abs=1e-6)
    start = np.linalg.norm(_at(problem["f_expr"], problem["x0"])[1])
    assert np.linalg.norm(gradient) <= 1e-4 * start
