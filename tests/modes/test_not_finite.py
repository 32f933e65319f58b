"""Where numbers are not finite: every way to a Jacobian must still give the same one."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

import diffcli
from diffcli.diagnosis import examine
from diffcli.primitives import products

NAN = np.nan

#: Steps with poles, infinite slopes and ends of domains, of vectors of 3; and what mixes their elements.
STEPS = [
    "sqrt({0})", "log({0})", "1/{0}", "{0}^1.5", "cbrt({0})", "xlogy({0}, {1})", "hypot({0}, {1})", "atan2({0}, {1})",
    "norm({0})*{0}", "sum({0}) + {0}", "mean({0})*{1}", "prod({0}) + {1}", "cumsum({0})", "sort({0})", "softmax({0})",
    "concat({0}[1:], {0}[:1])", "max({0}, {1})", "where({0} > 0, {0}*{1}, {1})", "{0}*{1}", "{0} - {1}",
    "[[1, 0, 2], [0, 1, 0], [3, 0, 1]] @ {0}", "diag({0}) @ {1}", "diag(1/{0}) @ {1}", "{0} @ diag(sqrt({1}))",
    "diag(outer({0}, {1}) @ diag(log({0})))", "(outer({0}, {1}) @ diag({0}))[:, 1]", "norm(outer({0}, {1}), axis=1)",
    "softmax(outer(1/{0}, {1}), axis=1)[:, 2]",
]  # fmt: skip


def _program(rng: random.Random) -> str:
    pool, lines, used = ["v", "w"], ["input v, w"], set()
    for i in range(rng.randint(2, 6)):
        a, b = rng.choice(pool), rng.choice(pool)
        used |= {a, b}
        lines.append(f"y{i} = {rng.choice(STEPS).format(a, b)}")
        pool.append(f"y{i}")
    return "\n".join([*lines, "return " + ", ".join([y for y in pool[2:] if y not in used] or pool[-1:])])


@pytest.mark.parametrize("block", range(10))
def test_all_ways_to_a_jacobian_agree_where_it_is_not_finite(block: int) -> None:
    infinite = 0
    for seed in range(25 * block, 25 * block + 25):
        rng = random.Random(seed)
        f = diffcli.parse(_program(rng))
        at = {name: np.array([rng.choice([0.0, 0.0, 1.0, -1.0, 2.0, 0.5]) for _ in range(3)]) for name in ("v", "w")}
        wanted = diffcli.jacobian(f, at, mode="reverse").matrix
        infinite += not np.isfinite(wanted).all()
        modes: list[Any] = ["auto", "forward", "reverse"]
        ways = [diffcli.jacobian(f, at, mode=mode).matrix for mode in modes]
        ways += [diffcli.jacobian(f, at, mode=mode, sparse=True).entries.toarray() for mode in modes]
        for found in ways:
            np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12, err_msg=f"seed {seed}")
    assert infinite > 3


def test_a_zero_of_a_constant_matrix_hides_no_row_from_another() -> None:
    """Rows 0 and 1 share no column for 0 in the matrix; the NaN of one, times that 0, must not reach the other."""
    f = diffcli.parse("y = [[1, 0], [0, 1]] @ x; z = log(y); return z, y")
    found = diffcli.jacobian(f, {"x": [-1.0, 2.0]}).matrix
    np.testing.assert_array_equal(found, [[np.nan, 0.0], [0.0, 0.5], [1.0, 0.0], [0.0, 1.0]])


def test_an_unsorted_element_has_its_own_slope() -> None:
    f = diffcli.parse("sort(sqrt(x))")
    np.testing.assert_array_equal(diffcli.jacobian(f, {"x": [4.0, 0.0]}).matrix, [[0.0, np.inf], [0.25, 0.0]])


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
def test_a_product_hears_only_the_rows_that_are_asked_for(mode: Any) -> None:
    """Row 0 looks at nothing infinite: the 0 of row 1, which is not asked for, must not meet the pole there."""
    found = diffcli.jacobian(diffcli.parse("diag(w/v) @ w"), {"v": [1, 0], "w": [2, 3]}, wrt=["w"], mode=mode)
    np.testing.assert_array_equal(found.matrix, [[4.0, 0.0], [0.0, np.inf]])


@pytest.mark.parametrize("most", [0, products.SIFTED_UP_TO])
def test_large_products_are_deaf_to_whole_rows_too(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Products too large to be taken apart element by element."""
    monkeypatch.setattr(products, "SIFTED_UP_TO", most)
    f = diffcli.parse("(diag(1/v) @ outer(w, w))[1]")  # (w₁/v₁)·w
    found = diffcli.jacobian(f, {"v": [0, 2], "w": [3, 5]}, wrt=["w"], mode="reverse").matrix
    np.testing.assert_array_equal(found, [[2.5, 1.5], [0.0, 5.0]])


UNREAD = [
    ("cumsum([x, log(x)])[0]", -1.0, 1.0, 0.0),
    ("[x, 1/x][0]*sin(x)", 0.0, 0.0, 2.0),
    ("[x^2, 1/x][0]*sin(x) + x", 0.0, 1.0, 0.0),
    ("max([x, sqrt(x) - 5, -3])", 0.0, 1.0, 0.0),
    ("sort([x^2, 1/x])[0]", 0.0, 0.0, 2.0),
    ("concat([x^2, x], [log(x)])[0]^2 + reshape([x, 1/x, 3, x], 2, 2)[1, 1]", 0.0, 1.0, 0.0),
    ("sum([[x, 1/x], [x^3, 2]][:, 0])", 0.0, 1.0, 0.0),
    # Read, and so poisoned: 0 times what is infinite.
    ("dot([x, 1/x], [1, 0])", 0.0, NAN, NAN),
    ("x*0*log(x)", 0.0, NAN, NAN),
]


@pytest.mark.parametrize(("text", "x", "slope", "bend"), UNREAD)
def test_what_is_not_read_poisons_nothing(text: str, x: float, slope: float, bend: float) -> None:
    f, at = diffcli.parse(text), {"x": x}
    for found in (
        diffcli.grad(f, at)["x"],
        diffcli.vjp(f, at)(1.0)["x"],
        diffcli.hessian(f, at).gradient["x"],
        f.batch({"x": np.array([2.0, x, 3.0])}).grad()["x"][1],
        f.batch({"x": np.array([2.0, x, 3.0])}).vjp(1.0)[1]["x"][1],
        f.batch({"x": np.array([x, 3.0])}).hessian().gradient["x"][0],
    ):
        np.testing.assert_equal(found, slope)
    for found in (
        diffcli.hessian(f, at).matrix[0, 0],
        diffcli.hvp(f, at, {"x": 1.0})["x"],
        f.batch({"x": np.array([2.0, x])}).hessian().matrix[1, 0, 0],
    ):
        np.testing.assert_equal(found, bend)


def test_a_cotangent_of_0_asks_for_nothing() -> None:
    f = diffcli.parse("[1/x, x]")
    assert diffcli.vjp(f, {"x": 0.0})([0.0, 1.0]) == {"x": 1.0}
    np.testing.assert_array_equal(f.batch({"x": np.array([0.0, 2.0])}).vjp([0.0, 1.0])[1]["x"], [1.0, 1.0])
    assert diffcli.vjp(f, {"x": 0.0})([1.0, 0.0]) == {"x": -np.inf}


def test_what_is_not_read_is_no_culprit() -> None:
    f = diffcli.parse("cumsum([x^2, log(x)])[0]")
    for what in ("grad", "hessian"):
        assert list(examine(f, {"x": np.array(-1.0)}, what)) == []
