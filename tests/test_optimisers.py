"""The public functions as an optimiser calls them: with vectors, whatever the formula is written for."""

import numpy as np
import pytest
from scipy.optimize import minimize

import diffcli


def test_a_formula_of_one_number_can_be_minimised() -> None:
    """SciPy hands over vectors, also where the formula is written for a number."""
    f = diffcli.parse("(x - 1)^2 + exp(x)")
    exact = 0.3149230578454061  # 2(x - 1) + exp(x) = 0, so x = 1 - W(e/2), Lambert's function
    found = minimize(
        diffcli.value_and_grad(f),
        [3.0],
        jac=True,
        hess=lambda x: diffcli.hessian(f, x).matrix,
        method="trust-exact",
        tol=1e-12,
    )
    assert found.x == pytest.approx([exact], rel=1e-9)
    by_product = minimize(
        diffcli.value_and_grad(f),
        [3.0],
        jac=True,
        hessp=lambda x, p: diffcli.hvp(f, x, p),
        method="trust-ncg",
        tol=1e-12,
    )
    assert by_product.x == pytest.approx([exact], rel=1e-9)


def test_a_vector_of_one_number_stays_a_vector_where_the_formula_wants_one() -> None:
    value, gradient = diffcli.value_and_grad(diffcli.parse("x[0]^2 + sum(x)"), [3.0])
    assert value == 12.0
    np.testing.assert_array_equal(gradient, [7.0])
    with pytest.raises(diffcli.UsageError):
        diffcli.grad(diffcli.parse("x^2"), {"x": [3.0]})
    with pytest.raises(diffcli.UsageError):
        diffcli.grad(diffcli.parse("x^2"), [3.0, 4.0])
