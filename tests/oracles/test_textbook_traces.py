"""Textbook examples of reverse mode: every node's value and adjoint."""

from __future__ import annotations

from typing import Any

import pytest

import diffcli

from . import load

CASES = load("ad_trace_examples")["cases"]
TRACED = [case for case in CASES if "nodes" in case]
WITHIN = 1e-14


def _number(text: Any) -> float:
    """A coordinate, such as 2, "1.5" or "2/3"."""
    value = diffcli.evaluate(diffcli.parse(str(text)), {})["f"]
    assert isinstance(value, float)
    return value


def _point(case: dict[str, Any]) -> dict[str, float]:
    return {name: _number(text) for name, text in case["at"].items()}


def _written_out(case: dict[str, Any]) -> diffcli.Program:
    """The case as a program with a line a node, so that what is shared is what the textbook shares."""
    lines = [f"{name} = {expression}" for name, expression in case["nodes"]]
    return diffcli.parse("\n".join(["input " + ", ".join(case["at"]), *lines, f"return {case['nodes'][-1][0]}"]))


@pytest.mark.parametrize("case", TRACED, ids=lambda case: case["name"])
def test_every_node(case: dict[str, Any]) -> None:
    trace = diffcli.trace(_written_out(case), _point(case))
    by_name = {node.name: node for node in trace.nodes if node.name}
    for name, value in case["my_mp30_values"].items():
        assert by_name[name].value == pytest.approx(float(value), rel=WITHIN), name
    for name, adjoint in case["my_mp30_adjoints"].items():
        assert by_name[name].adjoint == pytest.approx(float(adjoint), rel=WITHIN), name


def _digits(text: str) -> float:
    """Half a unit in the last printed place."""
    return 0.5 * 10.0 ** -len(text.partition(".")[2])


@pytest.mark.parametrize("case", TRACED, ids=lambda case: case["name"])
def test_the_published_figures(case: dict[str, Any]) -> None:
    point = _point(case)
    trace = diffcli.trace(_written_out(case), point)
    by_name = {node.name: node for node in trace.nodes if node.name}
    for what, text in case["published"].items():
        if what.startswith("d/d"):
            found = by_name[what[3:]].adjoint
        elif what.endswith("bar"):
            found = by_name[what[:-3]].adjoint
        elif what == "f'(3)":
            found = by_name["x"].adjoint
        else:
            found = by_name[what].value
        if text[0].isdigit() or text[0] == "-":
            # A book may have cut the digits off instead of rounding them.
            assert found == pytest.approx(float(text), abs=2.01 * _digits(text)), what
        else:
            formula = diffcli.parse(text)
            wanted = diffcli.evaluate(formula, {name: point[name] for name in formula.inputs})["f"]
            assert found == pytest.approx(wanted, rel=WITHIN), what


@pytest.mark.parametrize("case", TRACED, ids=lambda case: case["name"])
def test_the_bare_expression_has_the_same_gradient(case: dict[str, Any]) -> None:
    value, gradient = diffcli.value_and_grad(diffcli.parse(case["expr"]), _point(case))
    assert value == pytest.approx(float(case["my_mp30_values"][case["nodes"][-1][0]]), rel=WITHIN)
    for name, part in gradient.items():
        assert part == pytest.approx(float(case["my_mp30_adjoints"][name]), rel=WITHIN)


@pytest.mark.parametrize("case", TRACED, ids=lambda case: case["name"])
def test_the_partials_carry_the_adjoints(case: dict[str, Any]) -> None:
    """Every adjoint is the sum of its users' adjoints times their partials."""
    trace = diffcli.trace(_written_out(case), _point(case))
    received = {node.id: 0.0 for node in trace.nodes}
    received[next(node.id for node in trace.nodes if node.name == case["nodes"][-1][0])] = 1.0
    for node in reversed(trace.nodes):
        for arg, partial in zip(node.args, node.partials, strict=True):
            if partial is not None and node.adjoint is not None:
                received[arg] += partial * node.adjoint
    for node in trace.nodes:
        if node.adjoint is not None:
            assert received[node.id] == pytest.approx(node.adjoint, rel=WITHIN)


@pytest.mark.parametrize("case", [c for c in CASES if "derivative" in c["published"]], ids=lambda case: case["name"])
def test_derivatives_of_the_gnu_scientific_library(case: dict[str, Any]) -> None:
    (found,) = diffcli.grad(diffcli.parse(case["expr"]), _point(case)).values()
    assert found == pytest.approx(float(case["my_value"]), rel=WITHIN, abs=0)
    formula = diffcli.evaluate(diffcli.parse(case["published"]["derivative"]), _point(case))["f"]
    assert found == pytest.approx(formula, rel=WITHIN, abs=0)


def test_speelpenning() -> None:
    (case,) = (c for c in CASES if "speelpenning" in c["name"])
    point = _point(case)
    value, gradient = diffcli.value_and_grad(diffcli.parse(case["expr"]), point)
    assert value == pytest.approx(1 / 6, rel=WITHIN)
    for name, x in point.items():
        assert gradient[name] == pytest.approx(value / x, rel=WITHIN)
    as_array = diffcli.parse("prod(x)")
    assert diffcli.grad(as_array, list(point.values())) == pytest.approx(list(gradient.values()), rel=WITHIN)
