"""Values and derivatives of orders 1 to 3 at the ends of domains, at poles, kinks and jumps, at ±0, ±∞ and NaN.

The expected numbers are limits and conventions (docs/conventions.md), written down by hand: outside the domain NaN, at
its end the limit from inside, at an infinity the limit where it exists, NaN for NaN unless the function is constant.
"""

from __future__ import annotations

import json
import math
import pathlib
from collections.abc import Sequence
from typing import Any

import mpmath
import numpy as np
import pytest

import diffcli
from diffcli.derive import adjoint
from diffcli.evaluation import Plan
from diffcli.graph import Builder, Node
from diffcli.primitives import FUNCTIONS

INF, NAN = math.inf, math.nan
LN2 = math.log(2.0)


def _orders(name: str, x: float, order: int) -> list[float]:
    """The value and the derivatives up to `order`, by the adjoint of the adjoint."""
    builder = Builder()
    at = builder.input("x", ())
    rows: list[Node] = [FUNCTIONS[name].build(builder, at)]
    for _ in range(order):
        bars = adjoint([rows[-1]], [builder.constant(1.0)], [at]).cotangents
        rows.append(bars.get(at, builder.constant(0.0)))
    return [float(row[0]) for row in Plan(rows).run({at: np.array([x])})]


def _same(found: Sequence[float], wanted: Sequence[float]) -> None:
    for k, (one, other) in enumerate(zip(found, wanted, strict=True)):
        if math.isfinite(other):
            assert one == pytest.approx(other, rel=1e-15, abs=1e-300), (k, found, wanted)
        else:
            assert str(float(one)) == str(float(other)), (k, found, wanted)


ONE_ARGUMENT: list[tuple[str, float, tuple[float, ...]]] = [
    ("sqrt", 0.0, (0, INF, -INF, INF)),
    ("sqrt", -0.0, (-0.0, INF, -INF, INF)),
    ("sqrt", INF, (INF, 0, 0, 0)),
    ("sqrt", -1.0, (NAN, NAN, NAN, NAN)),
    ("cbrt", 0.0, (0, INF, -INF, INF)),
    ("cbrt", -0.0, (0, INF, INF, INF)),
    ("cbrt", INF, (INF, 0, 0, 0)),
    ("cbrt", -INF, (-INF, 0, 0, 0)),
    ("exp", -INF, (0, 0, 0, 0)),
    ("exp", INF, (INF, INF, INF, INF)),
    ("exp2", -INF, (0, 0, 0, 0)),
    ("exp2", 0.0, (1, LN2, LN2**2, LN2**3)),
    ("expm1", -INF, (-1, 0, 0, 0)),
    ("expm1", 5e-324, (5e-324, 1, 1, 1)),
    ("log", 0.0, (-INF, INF, -INF, INF)),
    ("log", -0.0, (-INF, INF, -INF, INF)),
    ("log", INF, (INF, 0, 0, 0)),
    ("log", -1.0, (NAN, NAN, NAN, NAN)),
    ("log", -INF, (NAN, NAN, NAN, NAN)),
    ("log2", 0.0, (-INF, INF, -INF, INF)),
    ("log10", INF, (INF, 0, 0, 0)),
    ("log1p", -1.0, (-INF, INF, -INF, INF)),
    ("log1p", -2.0, (NAN, NAN, NAN, NAN)),
    ("log1p", INF, (INF, 0, 0, 0)),
    ("log1p", 5e-324, (5e-324, 1, -1, 2)),
    ("sin", INF, (NAN, NAN, NAN, NAN)),
    ("tan", 0.0, (0, 1, 0, 2)),
    ("asin", 1.0, (math.pi / 2, INF, INF, INF)),
    ("asin", -1.0, (-math.pi / 2, INF, -INF, INF)),
    ("asin", 2.0, (NAN, NAN, NAN, NAN)),
    ("acos", 1.0, (0, -INF, -INF, -INF)),
    ("acos", -1.0, (math.pi, -INF, INF, -INF)),
    ("acos", -1.5, (NAN, NAN, NAN, NAN)),
    ("atan", INF, (math.pi / 2, 0, 0, 0)),
    ("atan", -INF, (-math.pi / 2, 0, 0, 0)),
    ("atan", 0.0, (0, 1, 0, -2)),
    ("sinh", INF, (INF, INF, INF, INF)),
    ("cosh", -INF, (INF, -INF, INF, -INF)),
    ("tanh", INF, (1, 0, 0, 0)),
    ("tanh", -INF, (-1, 0, 0, 0)),
    ("tanh", 1000.0, (1, 0, 0, 0)),
    ("tanh", 0.0, (0, 1, 0, -2)),
    ("asinh", INF, (INF, 0, 0, 0)),
    ("asinh", 1e200, (461.2101657793691, 1e-200, 0, 0)),
    ("acosh", 1.0, (0, INF, -INF, INF)),
    ("acosh", INF, (INF, 0, 0, 0)),
    ("acosh", 0.5, (NAN, NAN, NAN, NAN)),
    ("acosh", -2.0, (NAN, NAN, NAN, NAN)),
    ("atanh", 1.0, (INF, INF, INF, INF)),
    ("atanh", -1.0, (-INF, INF, -INF, INF)),
    ("atanh", 2.0, (NAN, NAN, NAN, NAN)),
    ("sigmoid", INF, (1, 0, 0, 0)),
    ("sigmoid", -INF, (0, 0, 0, 0)),
    ("sigmoid", 0.0, (0.5, 0.25, 0, -0.125)),
    ("sigmoid", 1e-30, (0.5, 0.25, -1.25e-31, -0.125)),
    ("softplus", INF, (INF, 1, 0, 0)),
    ("softplus", 1e-8, (0.6931471855599454, 0.5000000025, 0.25, -1.25e-9)),
    ("softplus", -INF, (0, 0, 0, 0)),
    ("log_sigmoid", INF, (0, 0, 0, 0)),
    ("log_sigmoid", -INF, (-INF, 1, 0, 0)),
    ("logit", 0.0, (-INF, INF, -INF, INF)),
    ("logit", -0.0, (-INF, INF, -INF, INF)),
    ("logit", 1.0, (INF, INF, INF, INF)),
    ("logit", 0.5, (0, 4, 0, 32)),
    ("logit", 2.0, (NAN, NAN, NAN, NAN)),
    ("entr", 0.0, (0, INF, -INF, INF)),
    ("entr", INF, (-INF, -INF, 0, 0)),
    ("entr", -1.0, (-INF, NAN, NAN, NAN)),
    ("sinc", 0.0, (1, 0, -(math.pi**2) / 3, 0)),
    ("sinc", INF, (0, 0, 0, 0)),
    ("sinc", 1.0, (0, -1, 2, math.pi**2 - 6)),
    ("erf", INF, (1, 0, 0, 0)),
    ("erf", -INF, (-1, 0, 0, 0)),
    ("erf", 0.0, (0, 2 / math.sqrt(math.pi), 0, -4 / math.sqrt(math.pi))),
    ("erfc", INF, (0, 0, 0, 0)),
    ("erfc", -INF, (2, 0, 0, 0)),
    ("erfinv", 1.0, (INF, INF, INF, INF)),
    ("erfinv", -1.0, (-INF, INF, -INF, INF)),
    ("erfinv", 1.5, (NAN, NAN, NAN, NAN)),
    ("gamma", 0.0, (INF, -INF, INF, -INF)),
    ("gamma", -0.0, (-INF, -INF, -INF, -INF)),
    ("gamma", -1.0, (NAN, NAN, NAN, NAN)),
    ("gamma", -INF, (NAN, NAN, NAN, NAN)),
    ("gamma", INF, (INF, INF, INF, INF)),
    ("gamma", 172.0, (INF, INF, INF, INF)),
    ("exp2", 1024.0, (INF, 1.2460659279417838e308, 8.637070847446594e307, 5.986761306204105e307)),
    ("lgamma", 0.0, (INF, -INF, INF, -INF)),
    ("lgamma", -1.0, (INF, NAN, NAN, NAN)),
    ("lgamma", INF, (INF, INF, 0, 0)),
    ("lgamma", 1.0, (0, -np.euler_gamma, math.pi**2 / 6, -2.4041138063191885)),
    ("digamma", 0.0, (-INF, INF, -INF, INF)),
    ("digamma", -0.0, (INF, INF, INF, INF)),
    ("digamma", -2.0, (NAN, NAN, NAN, NAN)),
    ("digamma", INF, (INF, 0, 0, 0)),
    ("abs", 0.0, (0, 0, 0, 0)),
    ("abs", -0.0, (0, 0, 0, 0)),
    ("abs", -INF, (INF, -1, 0, 0)),
    ("relu", 0.0, (0, 0.5, 0, 0)),
    ("relu", -0.0, (0, 0.5, 0, 0)),
    ("relu", INF, (INF, 1, 0, 0)),
    ("sign", -0.0, (0, 0, 0, 0)),
    ("heaviside", 0.0, (0.5, 0, 0, 0)),
    ("floor", 2.0, (2, 0, 0, 0)),
    ("round", 2.5, (2, 0, 0, 0)),
    ("round", 3.5, (4, 0, 0, 0)),
    ("trunc", -2.5, (-2, 0, 0, 0)),
    ("deg2rad", INF, (INF, math.pi / 180, 0, 0)),
]


@pytest.mark.parametrize(("name", "x", "wanted"), ONE_ARGUMENT, ids=str)
def test_one_argument(name: str, x: float, wanted: tuple[float, ...]) -> None:
    _same(_orders(name, x, len(wanted) - 1), wanted)


SMOOTH = sorted(
    {name for name, _, _ in ONE_ARGUMENT} - {"sign", "heaviside", "floor", "round", "trunc", "abs", "relu", "deg2rad"}
)


@pytest.mark.parametrize("name", SMOOTH)
def test_not_a_number_stays_one(name: str) -> None:
    assert all(math.isnan(x) for x in _orders(name, NAN, 3))


@pytest.mark.parametrize("name", ["abs", "relu"])
def test_a_kink_has_no_slope_at_nan(name: str) -> None:
    assert all(math.isnan(x) for x in _orders(name, NAN, 1))


#: Formula, point, value, gradient, and where stated the Hessian row by row.
FORMULAS: list[tuple[str, dict[str, float], float, tuple[float, ...], tuple[float, ...] | None]] = [
    ("hypot(x,y)", {"x": 0, "y": 0}, 0, (0, 0), (0, 0, 0, 0)),
    ("hypot(x,y)", {"x": INF, "y": 1}, INF, (1, 0), (0, 0, 0, 0)),
    ("hypot(x,y)", {"x": 1, "y": -INF}, INF, (0, -1), (0, 0, 0, 0)),
    ("hypot(x,y)", {"x": INF, "y": INF}, INF, (NAN, NAN), None),
    ("hypot(x,y)", {"x": 1.7e308, "y": 1.7e308}, INF, (math.sqrt(0.5), math.sqrt(0.5)), None),
    ("hypot(x,y)", {"x": 5e-324, "y": 0}, 5e-324, (1, 0), None),
    ("atan2(y,x)", {"y": 0.0, "x": -1}, math.pi, (-1, 0), (0, -1, -1, 0)),
    ("atan2(y,x)", {"y": -0.0, "x": -1}, -math.pi, (-1, 0), None),
    ("atan2(y,x)", {"y": 1, "x": 0}, math.pi / 2, (0, -1), None),
    ("atan2(y,x)", {"y": 0, "x": 0}, 0, (NAN, NAN), None),
    ("atan2(y,x)", {"y": 1, "x": INF}, 0, (0, 0), None),
    ("atan2(y,x)", {"y": 1e-200, "x": 1e-200}, math.pi / 4, (5e199, -5e199), None),
    ("atan2(y,x)", {"y": 1e308, "x": 1e308}, math.pi / 4, (5e-309, -5e-309), None),
    ("x^y", {"x": 0, "y": 0}, 1, (0, NAN), None),
    ("x^y", {"x": 0, "y": 1}, 0, (1, 0), None),
    ("x^y", {"x": 0, "y": 2}, 0, (0, 0), (2, 0, 0, 0)),
    ("x^y", {"x": 0, "y": 0.5}, 0, (INF, 0), None),
    ("x^y", {"x": 0, "y": -1}, INF, (-INF, -INF), None),
    ("x^y", {"x": -2, "y": 3}, -8, (12, NAN), None),
    ("x^y", {"x": -2, "y": 0.5}, NAN, (NAN, NAN), None),
    ("x^y", {"x": INF, "y": 2}, INF, (INF, INF), None),
    ("x^y", {"x": INF, "y": -1}, 0, (0, 0), (0, 0, 0, 0)),
    ("x^y", {"x": INF, "y": 0.5}, INF, (0, INF), None),
    ("x^y", {"x": 2, "y": -INF}, 0, (0, 0), (0, 0, 0, 0)),
    ("x^y", {"x": 0.5, "y": INF}, 0, (0, 0), (0, 0, 0, 0)),
    ("x^y", {"x": 0, "y": INF}, 0, (0, 0), (0, 0, 0, 0)),
    ("x^y", {"x": 1, "y": INF}, 1, (INF, 0), None),
    ("x^y", {"x": 2, "y": INF}, INF, (INF, INF), (INF, INF, INF, INF)),
    ("x^y", {"x": 0.5, "y": -INF}, INF, (-INF, -INF), (INF, INF, INF, INF)),
    ("x^y", {"x": INF, "y": -INF}, 0, (0, 0), (0, 0, 0, 0)),
    ("x^y", {"x": 0.5, "y": 1e155}, 0, (0, 0), (0, 0, 0, 0)),
    ("x^y", {"x": -0.5, "y": 1e-160}, NAN, (NAN, NAN), (NAN, NAN, NAN, NAN)),
    ("x^y", {"x": -1e300, "y": -3}, 0, (0, NAN), (0, NAN, NAN, NAN)),
    ("x^y", {"x": 5e-324, "y": 5e-324}, 1, (1, -744.4400719213813), None),
    (
        "x^y",
        {"x": 1e300, "y": 1.0000000000000002},
        1.000000000000153383e300,
        (1.000000000000153605, 6.907755278983197e302),
        None,
    ),
    ("x^y", {"x": 1, "y": NAN}, 1, (NAN, 0), None),
    ("x^y", {"x": NAN, "y": 0}, 1, (0, NAN), None),
    ("x^3", {"x": -0.0}, 0, (0,), (0,)),
    ("x^-2", {"x": 0}, INF, (-INF,), (INF,)),
    ("x^1.5", {"x": 0}, 0, (0,), (INF,)),
    ("x^2.5", {"x": 0}, 0, (0,), (0,)),
    ("x^0", {"x": NAN}, 1, (0,), (0,)),
    ("x^0.5", {"x": INF}, INF, (0,), None),
    (
        "x^y",
        {"x": 1.0053115183029189e170, "y": 1.8121272779748476},
        1.1636070442840024e308,
        (2.0974633508131815e138, INF),
        None,
    ),
    ("x+y", {"x": 3, "y": 2}, 5, (1, 1), (0, 0, 0, 0)),
    ("x-y", {"x": 3, "y": 2}, 1, (1, -1), (0, 0, 0, 0)),
    ("-x", {"x": 3}, -3, (-1,), (0,)),
    ("max(x,y)", {"x": 2, "y": 2}, 2, (0.5, 0.5), (0, 0, 0, 0)),
    ("max(x,y)", {"x": 3, "y": 2}, 3, (1, 0), None),
    ("max(x,y)", {"x": 2, "y": 3}, 3, (0, 1), None),
    ("min(x,y)", {"x": 2, "y": 2}, 2, (0.5, 0.5), (0, 0, 0, 0)),
    ("min(x,y)", {"x": 3, "y": 2}, 2, (0, 1), None),
    ("min(x,y)", {"x": 2, "y": 3}, 2, (1, 0), None),
    ("clip(x,y,z)", {"x": 1, "y": 0, "z": 1}, 1, (1, 0, 0), None),
    ("clip(x,y,z)", {"x": 0, "y": 0, "z": 1}, 0, (1, 0, 0), None),
    ("clip(x,y,z)", {"x": 1, "y": 1, "z": 2}, 1, (1, 0, 0), None),
    ("clip(x,y,z)", {"x": -1, "y": 0, "z": 1}, 0, (0, 1, 0), None),
    ("clip(x,y,z)", {"x": 5, "y": 0, "z": 1}, 1, (0, 0, 1), None),
    ("clip(x,y,z)", {"x": 0.99995, "y": 1, "z": 2}, 1, (0, 1, 0), None),
    ("clip(x,y,z)", {"x": 2.00005, "y": 1, "z": 2}, 2, (0, 0, 1), None),
    # Bounds the wrong way round: it is the upper one, whatever x is.
    ("clip(x,y,z)", {"x": 0, "y": 3, "z": -1}, -1, (0, 0, 1), None),
    ("clip(x,y,z)", {"x": -5, "y": 3, "z": -1}, -1, (0, 0, 1), None),
    ("clip(x,y,z)", {"x": 5, "y": 3, "z": -1}, -1, (0, 0, 1), None),
    ("where(x>0, y, z)", {"x": 1, "y": 5, "z": 7}, 5, (0, 1, 0), None),
    ("where(x>0, y, z)", {"x": -1, "y": 5, "z": 7}, 7, (0, 0, 1), None),
    ("xlogy(x,y)", {"x": 0, "y": 0}, 0, (-INF, 0), None),
    ("xlogy(x,y)", {"x": 0, "y": 2}, 0, (LN2, 0), (0, 0.5, 0.5, 0)),
    ("xlogy(x,y)", {"x": 1, "y": 0}, -INF, (-INF, INF), None),
    ("xlogy(x,y)", {"x": 1, "y": -1}, NAN, (NAN, NAN), None),
    ("xlogy(x,x)", {"x": 0}, 0, (-INF,), None),
    ("logaddexp(x,y)", {"x": INF, "y": 0}, INF, (1, 0), (0, 0, 0, 0)),
    ("logaddexp(x,y)", {"x": -INF, "y": -INF}, -INF, (NAN, NAN), None),
    ("logaddexp(x,y)", {"x": -INF, "y": 0}, 0, (0, 1), None),
    ("logaddexp(x,y)", {"x": 1000, "y": 1000}, 1000 + LN2, (0.5, 0.5), (0.25, -0.25, -0.25, 0.25)),
    ("mod(x,y)", {"x": 6, "y": 3}, 0, (1, -2), (0, 0, 0, 0)),
    ("mod(x,y)", {"x": -7, "y": 3}, 2, (1, 3), None),
    ("mod(x,y)", {"x": 7, "y": -3}, -2, (1, 3), None),
    ("mod(x,y)", {"x": 1, "y": 0}, NAN, (NAN, NAN), None),
    ("mod(x,y)", {"x": INF, "y": 3}, NAN, (NAN, NAN), None),
    ("mod(x,y)", {"x": 5, "y": INF}, 5, (1, 0), (0, 0, 0, 0)),
    ("mod(x,y)", {"x": -5, "y": INF}, INF, (1, 1), None),
    ("mod(x,y)", {"x": 5, "y": -INF}, -INF, (1, 1), None),
    ("mod(x,y)", {"x": -5, "y": -INF}, -5, (1, 0), None),
    ("fmod(x,y)", {"x": -5, "y": INF}, -5, (1, 0), None),
    ("fmod(x,y)", {"x": -7, "y": 3}, -1, (1, 2), None),
    ("fmod(x,y)", {"x": 7, "y": -3}, 1, (1, 2), None),
    ("max(x,y)", {"x": NAN, "y": 1}, NAN, (NAN, NAN), None),
    ("max(x,y)", {"x": INF, "y": INF}, INF, (0.5, 0.5), None),
    ("min(x,y)", {"x": -INF, "y": INF}, -INF, (1, 0), None),
    ("max(x,0)-max(-x,0)", {"x": 0}, 0, (1,), None),
    ("clip(x,1,1)", {"x": 1}, 1, (1,), None),
    ("clip(x,0,1)", {"x": 0}, 0, (1,), None),
    ("clip(x,0,1)", {"x": NAN}, NAN, (NAN,), None),
    ("x/y", {"x": 1, "y": 0}, INF, (INF, -INF), None),
    ("x/y", {"x": 1e-320, "y": 1e-10}, 1e-320 / 1e-10, (1e10, -9.99988671826831e-301), None),
    ("x/y", {"x": 1e200, "y": 1e200}, 1, (1e-200, -1e-200), None),
    ("1/x", {"x": -0.0}, -INF, (-INF,), (-INF,)),
    ("1/x", {"x": INF}, 0, (0,), (0,)),
    ("1/x", {"x": 1e-90}, 1e90, (-1e180,), (2e270,)),
    ("0*x", {"x": NAN}, NAN, (0,), (0,)),
    ("0*x", {"x": INF}, NAN, (0,), (0,)),
    ("x-x", {"x": INF}, NAN, (0,), (0,)),
    ("abs(x)*x", {"x": 0}, 0, (0,), (0,)),
    ("beta(x,y)", {"x": INF, "y": 1}, 0, (0, 0), None),
    ("beta(x,y)", {"x": -1, "y": 2}, NAN, (NAN, NAN), None),
    ("beta(x,y)", {"x": 1, "y": 2}, 0.5, (-0.75, -0.25), None),
    # a + b is a pole of Γ: B is 0, and has both derivatives.
    (
        "beta(x,y)",
        {"x": 0.5, "y": -0.5},
        0,
        (-math.tau, -math.tau),
        (17.420688722428817, 4.854318108069644, 4.854318108069644, -7.712052506289529),
    ),
    ("beta(x,y)", {"x": 1.5, "y": -2.5}, 0, (0.837758040957278197, 0.837758040957278197), None),
    # The sum of these floats is not quite -1. (mpmath, 40 digits.)
    ("beta(x,y)", {"x": 0.3, "y": -1.3}, 5.527234051434306e-16, (-9.956979685771625, -9.956979685771621), None),
    ("polygamma(1, x)", {"x": 0}, INF, (-INF,), (INF,)),
    ("polygamma(2, x)", {"x": INF}, 0, (0,), None),
    ("where(x>0, sqrt(x), 0)", {"x": 0}, 0, (0,), (0,)),
    ("where(x>0, log(x), x)", {"x": -1}, -1, (1,), (0,)),
]


@pytest.mark.parametrize(("text", "point", "value", "gradient", "hessian"), FORMULAS, ids=str)
def test_formulas(
    text: str,
    point: dict[str, float],
    value: float,
    gradient: tuple[float, ...],
    hessian: tuple[float, ...] | None,
) -> None:
    f = diffcli.parse(text)
    found, slopes = diffcli.value_and_grad(f, point)
    _same([found], [value])
    _same([float(slopes[name]) for name in point], gradient)
    if hessian is not None:
        _same(np.asarray(diffcli.hessian(f, point)).ravel().tolist(), hessian)


#: Functions of mpmath, and where to hold the second and third derivative against it.
SMOOTH_POINTS: dict[str, tuple[Any, float]] = {
    "sqrt": (mpmath.mp.sqrt, 1.7),
    "cbrt": (mpmath.mp.cbrt, 1.7),
    "exp2": (lambda x: mpmath.mp.power(2, x), 0.7),
    "log": (mpmath.mp.log, 1.7),
    "log1p": (mpmath.mp.log1p, 0.7),
    "tan": (mpmath.mp.tan, 0.7),
    "asin": (mpmath.mp.asin, 0.7),
    "acos": (mpmath.mp.acos, 0.3),
    "atan": (mpmath.mp.atan, 0.7),
    "tanh": (mpmath.mp.tanh, 0.7),
    "asinh": (mpmath.mp.asinh, 0.7),
    "acosh": (mpmath.mp.acosh, 1.7),
    "atanh": (mpmath.mp.atanh, 0.7),
    "logit": (lambda x: mpmath.mp.log(x / (1 - x)), 0.7),
    "sigmoid": (lambda x: 1 / (1 + mpmath.mp.exp(-x)), 0.7),
    "entr": (lambda x: -x * mpmath.mp.log(x), 0.7),
    "sinc": (mpmath.mp.sincpi, 1.7),
    "erf": (mpmath.mp.erf, 0.7),
    "erfinv": (mpmath.mp.erfinv, 0.7),
    "gamma": (mpmath.mp.gamma, 1.7),
    "lgamma": (mpmath.mp.loggamma, 1.7),
    "digamma": (mpmath.mp.digamma, 1.7),
}


@pytest.mark.parametrize("name", SMOOTH_POINTS)
def test_second_and_third_derivatives(name: str) -> None:
    f, x = SMOOTH_POINTS[name]
    found = _orders(name, x, 3)
    with mpmath.workdps(80):
        for order in (1, 2, 3):
            assert found[order] == pytest.approx(float(mpmath.diff(f, mpmath.mpf(x), order)), rel=1e-13), order


@pytest.mark.parametrize("orders", [(1, 1), (0, 2), (2, 0), (1, 2), (2, 1), (0, 3)], ids=str)
def test_mixed_derivatives_of_powers(orders: tuple[int, int]) -> None:
    builder = Builder()
    x, n = builder.input("x", ()), builder.input("n", ())
    node = FUNCTIONS["power"].build(builder, x, n)
    for variable, order in ((x, orders[0]), (n, orders[1])):
        for _ in range(order):
            node = adjoint([node], [builder.constant(1.0)], [variable]).cotangents[variable]
    found = float(Plan([node]).run({x: np.array([1.7]), n: np.array([2.3])})[0][0])
    with mpmath.workdps(80):
        want = mpmath.diff(lambda a, b: mpmath.power(a, b), (mpmath.mpf(1.7), mpmath.mpf(2.3)), orders)
    assert found == pytest.approx(float(want), rel=1e-13)


ARRAYS: list[tuple[str, Sequence[float], float, Sequence[float]]] = [
    ("prod(v)", [0, 2, 3], 0, [6, 0, 0]),
    ("prod(v)", [0, 0, 3], 0, [0, 0, 0]),
    ("prod(v)", [0, INF, 3], NAN, [INF, 0, NAN]),
    ("sum(cumprod(v))", [2, 0, 3, 0, 5], 2, [1, 8, 0, 0, 0]),
    ("norm(v)", [0, 0], 0, [0, 0]),
    ("norm(v)", [3e200, 4e200], 5e200, [0.6, 0.8]),
    ("norm(v)", [3e-200, 4e-200], 5e-200, [0.6, 0.8]),
    ("norm(v)", [INF, 1], INF, [1, 0]),
    ("norm(v)", [1.7e308, 1.7e308], INF, [math.sqrt(0.5), math.sqrt(0.5)]),
    ("std(v)", [1, 1, 1], 0, [0, 0, 0]),
    ("var(v)", [1, 1, 1], 0, [0, 0, 0]),
    ("logsumexp(v)", [INF, 0], INF, [1, 0]),
    ("logsumexp(v)", [-INF, 0], 0, [0, 1]),
    ("logsumexp(v)", [-INF, -INF], -INF, [NAN, NAN]),
    ("softmax(v)[0]", [1000, 0], 1, [0, 0]),
    ("softmax(v)[0]", [-INF, 0], 0, [0, 0]),
    ("max(v)", [1, 1, 0], 1, [0.5, 0.5, 0]),
    ("max(v)", [-INF, -INF], -INF, [0.5, 0.5]),
    ("median(v)", [2, 2, 2], 2, [1 / 3, 1 / 3, 1 / 3]),
    ("median(v)", [1, NAN, 3], NAN, [0, 0, NAN]),
    ("median(v)", [NAN, 2, INF, 1], NAN, [0, NAN, NAN, 0]),
    ("median(v)", [NAN], NAN, [1]),
    ("median(v)", [1, -INF, INF], 1, [1, 0, 0]),
    ("dot(sort(v),[1,2,3])", [2, 2, 1], 11, [2.5, 2.5, 1]),
    ("mean(v)", [1e308, 1e308], 1e308, [0.5, 0.5]),
]


def test_the_second_derivative_of_a_norm_keeps_its_digits() -> None:
    """1 − u² has none where the other elements are small: b²/r³ is then the whole answer."""
    for v in ([1.0, 1e-9, 0.0], [1e-300, 1e-310, 0.0], [3.0, 4.0, 0.0], [1e200, 1e190, 1e180]):
        found = diffcli.hessian(diffcli.parse("norm(v)"), {"v": np.array(v)}).matrix
        with mpmath.workdps(50):
            x = [mpmath.mpf(each) for each in v]
            r = mpmath.norm(x)
            for i in range(3):
                for j in range(3):
                    others = sum(x[k] ** 2 for k in range(3) if k != i) if i == j else -x[i] * x[j]
                    assert found[i, j] == pytest.approx(float(others / r**3), rel=4e-15, abs=0.0)


#: Where an argument is so small that B is as good as 1 over it; among them those whose other argument is below 0.
SMALL_SHAPES = [(-1.7, 1e-310), (-0.3, -1e-302), (0.4, 1e-302), (2.5, -1e-310), (-30.2, 1e-200), (2e-305, 1e-153),
                (1e-250, -1e-310), (1e-90, 1e-302), (-1e-19, -1e-200), (1e-305, -1e-17)]  # fmt: skip


@pytest.mark.parametrize("pair", SMALL_SHAPES, ids=str)
def test_beta_beside_its_pole_at_0(pair: tuple[float, float]) -> None:
    """Of tiny arguments 1.5 was taken instead if the other was below 0: B was √π/2."""
    f = diffcli.parse("beta(x,y)")
    for x, y in (pair, pair[::-1]):
        point = {"x": x, "y": y}
        value, slopes = diffcli.value_and_grad(f, point)
        (xx, xy), (_, yy) = diffcli.hessian(f, point).matrix
        with mpmath.workdps(1000):
            a, b = mpmath.mpf(x), mpmath.mpf(y)
            exact = mpmath.beta(a, b)
            d, e = (mpmath.digamma(t) - mpmath.digamma(a + b) for t in (a, b))
            bend = mpmath.psi(1, a + b)
            wanted = [1, d, e, d * d + mpmath.psi(1, a) - bend, d * e - bend, e * e + mpmath.psi(1, b) - bend]
            truth = [float(exact * each) for each in wanted]
        found = [value, float(slopes["x"]), float(slopes["y"]), float(xx), float(xy), float(yy)]
        np.testing.assert_allclose(found, truth, rtol=2e-15, atol=0.0)


def test_log_softmax_keeps_its_digits_where_softmax_is_nearly_one() -> None:
    """1 − softmax has none there: by both modes, and to second order, the others' shares are the whole answer."""
    v = np.array([0.0, 40.0, 1.5])
    f = diffcli.parse("log_softmax(v)[1]*826")
    e = np.exp(v - 40.0)
    others, total = e[0] + e[2], math.fsum(e)
    gradient = 826 * np.array([-e[0], others, -e[2]]) / total
    np.testing.assert_allclose(diffcli.grad(f, {"v": v})["v"], gradient, rtol=2e-15, atol=0.0)
    forward = diffcli.jacobian(f, {"v": v}, mode="forward").matrix
    np.testing.assert_allclose(forward, [gradient], rtol=2e-15, atol=0.0)
    second = diffcli.hessian(f, {"v": v}).matrix
    assert second[1, 1] == pytest.approx(-826 * others / total**2, rel=4e-15, abs=0.0)
    # Whatever the cotangents are: that of the largest element is not lost beside the others', nor they beside it.
    back = diffcli.vjp(diffcli.parse("log_softmax(v)"), {"v": v})({"f": np.array([1e-30, 1e10, 0.0])})["v"]
    with mpmath.workdps(50):
        y = [mpmath.exp(x) / sum(mpmath.exp(t) for t in v) for x in v]
        bars = [mpmath.mpf("1e-30"), mpmath.mpf(1e10), mpmath.mpf(0)]
        exact = [float(bar - share * sum(bars)) for bar, share in zip(bars, y, strict=True)]
    np.testing.assert_allclose(back, exact, rtol=4e-15, atol=0.0)


@pytest.mark.parametrize(("text", "v", "value", "gradient"), ARRAYS, ids=str)
def test_arrays(text: str, v: Sequence[float], value: float, gradient: Sequence[float]) -> None:
    found, slopes = diffcli.value_and_grad(diffcli.parse(text), {"v": np.array(v, dtype=float)})
    _same([found], [value])
    _same(np.asarray(slopes["v"]).tolist(), gradient)


def _conventions() -> list[tuple[str, str, str]]:
    page = (pathlib.Path(__file__).parents[2] / "docs" / "conventions.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("| `")]
    return [(formula.strip("`"), point.strip("`"), ours) for formula, point, ours, *_ in rows]


@pytest.mark.parametrize(("formula", "point", "shown"), _conventions(), ids=str)
def test_the_page_of_conventions(formula: str, point: str, shown: str) -> None:
    at = {}
    for word in point.split(" "):
        name, value = word.split("=")
        numbers = json.loads(value.replace("inf", "Infinity"))
        at[name] = np.array(numbers, dtype=float)
    slopes = diffcli.grad(diffcli.parse(formula), at)
    found = [float(x) + 0.0 for name in at for x in np.ravel(np.asarray(slopes[name]))]
    numbers = [float(x.replace("−", "-").replace("∞", "inf")) for x in shown.split(", ")]
    assert found == pytest.approx(numbers, rel=1e-3, nan_ok=True)
