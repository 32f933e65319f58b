"""What is looked at is what is answered, to the bit: else a good answer is doubted for what another graph rounds."""

from __future__ import annotations

import numpy as np
import pytest

import diffcli
from diffcli.bound import bind
from diffcli.diagnosis import examine
from diffcli.diagnosis.questions import ask


@pytest.mark.parametrize("text", ["sin(x^4)/x^4", "exp(x^3) - y*x^4", "sum([x, y, x*y]^3)", "norm([x, y]^4) + y^3"])
def test_both_passes_have_the_answer_s_own_bits(text: str) -> None:
    program = diffcli.parse(text)
    for x in np.random.default_rng(5).uniform(0.2, 0.9, 20):
        at = {name: float(x) for name in program.inputs}
        value, gradient = diffcli.value_and_grad(program, at)
        passes = ask(bind(program, at), "grad").all
        assert float(passes.values[passes.function.outputs[0]][0]) == value
        found = [float(np.ravel(passes.values[node])[0]) for node in passes.derived.nodes]
        assert found == list(gradient.values())


def test_of_a_hessian_s_two_sides_the_one_that_is_given_is_looked_at() -> None:
    at = {"y": 700.0, "x": 0.5}
    program = diffcli.parse("(-max(y, 0))/(y + (y*x))")
    matrix = diffcli.hessian(program, at).matrix
    assert matrix[0, 1] == matrix[1, 0] == 0.0  # below the diagonal a forward pass leaves 1e-19
    assert examine(program, at, "hessian") == []
