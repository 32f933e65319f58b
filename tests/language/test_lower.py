"""What expressions mean, in numbers: precedence, arrays, functions, shapes, limits."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.special
from hypothesis import given, settings
from numpy.typing import NDArray

import diffcli
from diffcli.errors import ExpressionError, Source
from diffcli.language.parse import parse_file
from diffcli.language.unparse import unparse
from tests.programs import points, programs

Array = NDArray[np.float64]
RNG = np.random.default_rng(5)
POINT: dict[str, Any] = {
    "x": 1.25,
    "y": -0.75,
    "t": 0.0,
    "w": [3.0, 1.0, 2.0],
    "A": [[1.0, 2.0, 3.0], [4.0, 5.0, 6.5]],
    "B": RNG.uniform(0.1, 2, (3, 2)),
    "S": RNG.uniform(-1, 1, (3, 3)),
    "T": RNG.uniform(0.5, 2, (2, 2, 3)),
}
X, Y, W, A, B, S, T = (np.asarray(POINT[name]) for name in "xywABST")


def value(text: str, **at: Any) -> Any:
    """The value of the only output, at the point above or another."""
    program = diffcli.parse(text)
    found = diffcli.evaluate(program, {name: {**POINT, **at}[name] for name in program.inputs})
    (result,) = found.values()
    return result


def refused(text: str, **at: Any) -> ExpressionError:
    """The error that binding `text` to a point raises."""
    with pytest.raises(ExpressionError) as raised:
        value(text, **at)
    assert raised.value.source is not None
    return raised.value


def marked(error: ExpressionError) -> str:
    """The part of the text that the error points at."""
    assert error.source is not None
    assert error.span is not None
    return error.source.text[slice(*error.span)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        # conditional, right associative
        ("1 if 1 < 2 else 2", 1),
        ("1 if 0 else 2 if 0 else 3", 3),
        ("(1 if 0 else 2) if 0 else 3", 3),
        ("1 if 1 else 2 if 0 else 3", 1),
        ("1 + 1 if 0 else 2 + 3", 5),
        ("1 if x > 0 and y < 0 else 2", 1),
        # or, and, not
        ("1 or 0 and 0", 1),
        ("(1 or 0) and 0", 0),
        ("not 0 and 0", 0),
        ("not (0 and 0)", 1),
        ("not 1 < 2", 0),
        ("not not 5", 1),
        ("not 0 == 1", 1),
        ("2 and 3", 1),
        ("0 or 0", 0),
        # comparison, chained
        ("0 < x < 1", 0),
        ("0 < x < 2", 1),
        ("1 < 3 > 2", 1),
        ("1 < 2 < 3 < 4", 1),
        ("1 < 2 < 2", 0),
        ("1 <= 1 == 1 != 2 >= 2 > 1", 1),
        ("(1 < 2) == 1", 1),
        ("1 + 1 < 3", 1),
        ("(0 < x) + 1", 2),
        ("(x > 0) * 3", 3),
        ("-(x > 0)", -1),
        ("+(x > 0)", 1),
        ("(x > 0) ^ 2", 1),
        # sum and product, left
        ("1 - 2 - 3", -4),
        ("1 - 2 + 3", 2),
        ("8 / 4 / 2", 1),
        ("8 / 4 * 2", 4),
        ("2 + 3 * 4", 14),
        ("7 % 4 * 2", 6),
        ("2 * 7 % 4", 2),
        ("-7 % 3", 2),
        ("7 % -3", -2),
        ("-(7 % 3)", -1),
        ("1 - 2 * 3 / 4", -0.5),
        # sign below power
        ("-2^2", -4),
        ("(-2)^2", 4),
        ("2^-1", 0.5),
        ("2^-2^2", 0.0625),
        ("-2^-2", -0.25),
        ("--2", 2),
        ("-+-2", 2),
        ("2*-3", -6),
        ("2--3", 5),
        ("-2*-3", 6),
        ("-x^2", -1.5625),
        # power, right
        ("2^3^2", 512),
        ("(2^3)^2", 64),
        ("2**3**2", 512),
        ("2**3^2", 512),
        ("0^0", 1),
        ("2^0.5^2", 2**0.25),
        # postfix
        ("[1,2,3][1]^2", 4),
        ("sin(x)^2", math.sin(1.25) ** 2),
        ("-w[0]", -3),
        ("2^w[2]", 4),
        ("A'[2, 0]", 3),
        ("[[1,2],[3,4]]'[0][1]", 3),
        ("w @ w", 14),
        ("2 * w @ w", 28),
        # typography
        ("2 × 3 · 4 ÷ 8 − 1", 2),
        # constants
        ("pi", math.pi),
        ("π", math.pi),
        ("tau", math.tau),
        ("τ", math.tau),
        ("e", math.e),
        ("inf", math.inf),
        ("-inf", -math.inf),
        ("1e-3 + .5 + 1.", 1.501),
    ],
)
def test_numbers(text: str, wanted: float) -> None:
    assert value(text) == pytest.approx(wanted, rel=1e-15)


def test_nan_and_negative_zero() -> None:
    assert math.isnan(value("nan"))
    assert math.isnan(value("nan * 0"))
    assert math.copysign(1, value("-0")) == -1
    assert math.copysign(1, value("-t")) == -1
    assert math.copysign(1, value("0 * -x")) == -1
    assert value("nan == nan") == 0
    assert value("nan != nan") == 1


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("[1, 2, 3]", [1, 2, 3]),
        ("[x, -1, 2*x]", [1.25, -1, 2.5]),
        ("[]", []),
        ("[[x]]", [[1.25]]),
        ("[[1, 2], [3, x]]", [[1, 2], [3, 1.25]]),
        ("[w, w]", np.stack([W, W])),
        ("[[1, -2], [3, 4]]", [[1, -2], [3, 4]]),
        ("[x > 0, 0]", [1, 0]),
        ("[1 + 1, 2]", [2, 2]),
        # indices and slices
        ("w[0]", 3),
        ("w[-1]", 2),
        ("w[len(w) - 1]", 2),
        ("A[1]", A[1]),
        ("A[-1, -2]", 5),
        ("A[:, 0]", A[:, 0]),
        ("A[0, :]", A[0]),
        ("A[1, 1:]", A[1, 1:]),
        ("w[1:]", W[1:]),
        ("w[:-1]", W[:-1]),
        ("w[:]", W),
        ("w[::2]", W[::2]),
        ("w[::-1]", W[::-1]),
        ("w[2:0:-1]", W[2:0:-1]),
        ("w[-2:]", W[-2:]),
        ("w[5:]", []),
        ("w[1:1]", []),
        ("w[:99]", W),
        ("A[::-1, ::2]", A[::-1, ::2]),
        ("T[1]", T[1]),
        ("T[0, 1, 2]", T[0, 1, 2]),
        ("T[:, 1]", T[:, 1]),
        ("A[0][1:][0]", 2),
        ("(w + 1)[1]", 2),
        ("w[1 + 1]", 2),
        ("w[2*1 - 1:]", W[1:]),
        # broadcasting
        ("A + w", A + W),
        ("A * 2", A * 2),
        ("A + [[1], [2]]", A + [[1], [2]]),
        ("[[1], [2]] * [1, 2, 3]", np.outer([1, 2], [1, 2, 3])),
        ("w > 1", [1, 0, 1]),
        ("0 < w < 3", [0, 1, 1]),
        ("w == [3, 3, 2]", [1, 0, 1]),
        ("where(w > 1, w, -w)", [3, -1, 2]),
        ("w if w > 1 else 0", [3, 0, 2]),
        ("w if x > 1 else A", np.stack([W, W])),
        ("1 - w", 1 - W),
        ("2^w", 2**W),
        ("-A", -A),
        ("T + A", T + A),
        ("max(w, 2)", np.maximum(W, 2)),
        # products
        ("A @ B", A @ B),
        ("A @ w", A @ W),
        ("[1, 2] @ A", np.array([1, 2]) @ A),
        ("w @ w", W @ W),
        ("S @ S @ w", S @ S @ W),
        ("T @ B", T @ B),
        ("A'", A.T),
        ("A' @ A", A.T @ A),
        ("w'", W),
        ("x'", 1.25),
        ("T'", np.swapaxes(T, 1, 2)),
        ("A'' ", A),
    ],
)
def test_arrays(text: str, wanted: Any) -> None:
    found = value(text)
    assert np.shape(found) == np.shape(wanted)
    np.testing.assert_allclose(found, wanted, rtol=1e-14)


ELEMENTWISE: dict[str, Callable[..., Any]] = {
    "sqrt(x)": lambda: np.sqrt(X),
    "cbrt(y)": lambda: np.cbrt(Y),
    "exp(x)": lambda: np.exp(X),
    "exp2(x)": lambda: np.exp2(X),
    "expm1(1e-10*x)": lambda: np.expm1(1e-10 * X),
    "log(x)": lambda: np.log(X),
    "ln(x)": lambda: np.log(X),
    "log2(x)": lambda: np.log2(X),
    "log10(x)": lambda: np.log10(X),
    "log1p(1e-10*x)": lambda: np.log1p(1e-10 * X),
    "sin(x)": lambda: np.sin(X),
    "cos(x)": lambda: np.cos(X),
    "tan(x)": lambda: np.tan(X),
    "asin(y)": lambda: np.arcsin(Y),
    "arcsin(y)": lambda: np.arcsin(Y),
    "acos(y)": lambda: np.arccos(Y),
    "atan(y)": lambda: np.arctan(Y),
    "atan2(y, x)": lambda: np.arctan2(Y, X),
    "arctan2(y, x)": lambda: np.arctan2(Y, X),
    "sinh(x)": lambda: np.sinh(X),
    "cosh(x)": lambda: np.cosh(X),
    "tanh(x)": lambda: np.tanh(X),
    "asinh(x)": lambda: np.arcsinh(X),
    "acosh(x)": lambda: np.arccosh(X),
    "atanh(y)": lambda: np.arctanh(Y),
    "hypot(x, y)": lambda: np.hypot(X, Y),
    "abs(y)": lambda: 0.75,
    "sign(y)": lambda: -1,
    "floor(y)": lambda: -1,
    "ceil(y)": lambda: 0,
    "round(x)": lambda: 1,
    "trunc(x)": lambda: 1,
    "mod(y, 0.5)": lambda: 0.25,
    "y % 0.5": lambda: 0.25,
    "fmod(y, 0.5)": lambda: -0.25,
    "max(x, y)": lambda: 1.25,
    "min(x, y)": lambda: -0.75,
    "max(1, x, 3, y)": lambda: 3,
    "min(1, x, 3, y)": lambda: -0.75,
    "clip(x, 0, 1)": lambda: 1,
    "relu(y)": lambda: 0,
    "relu(x)": lambda: 1.25,
    "sigmoid(x)": lambda: scipy.special.expit(X),
    "logit(0.3)": lambda: scipy.special.logit(0.3),
    "softplus(x)": lambda: np.logaddexp(0, X),
    "log_sigmoid(x)": lambda: -np.logaddexp(0, -X),
    "logaddexp(x, y)": lambda: np.logaddexp(X, Y),
    "xlogy(x, 3)": lambda: scipy.special.xlogy(X, 3),
    "entr(x)": lambda: scipy.special.entr(X),
    "sinc(x)": lambda: np.sinc(X),
    "heaviside(y)": lambda: 0,
    "where(x > 0, 2, 3)": lambda: 2,
    "deg2rad(90*x)": lambda: np.deg2rad(90 * X),
    "rad2deg(x)": lambda: np.rad2deg(X),
    "power(x, 2.5)": lambda: X**2.5,
    "x^2.5": lambda: X**2.5,
    "stop(x)": lambda: X,
}
ARRAYS: dict[str, Callable[..., Any]] = {
    "sum(A)": lambda: A.sum(),
    "sum(A, axis=0)": lambda: A.sum(0),
    "sum(A, axis=-1)": lambda: A.sum(1),
    "sum(x)": lambda: X,
    "sum(w > 1)": lambda: 2,
    "prod(A)": lambda: A.prod(),
    "prod(A, axis=1)": lambda: A.prod(1),
    "prod([])": lambda: 1,
    "sum([])": lambda: 0,
    "mean(A)": lambda: A.mean(),
    "mean(A, axis=0)": lambda: A.mean(0),
    "mean(w > 1)": lambda: 2 / 3,
    "var(A)": lambda: A.var(),
    "var(A, axis=1, ddof=1)": lambda: A.var(1, ddof=1),
    "std(A)": lambda: A.std(),
    "std(w, ddof=1)": lambda: W.std(ddof=1),
    "std(T, axis=2)": lambda: T.std(2),
    "min(A)": lambda: 1,
    "max(A, axis=0)": lambda: A.max(0),
    "min(A, axis=1)": lambda: A.min(1),
    "norm(w)": lambda: np.linalg.norm(W),
    "norm(A)": lambda: np.linalg.norm(A),
    "norm(A, axis=0)": lambda: np.linalg.norm(A, axis=0),
    "norm([])": lambda: 0,
    "logsumexp(A)": lambda: scipy.special.logsumexp(A),
    "logsumexp(A, axis=1)": lambda: scipy.special.logsumexp(A, axis=1),
    "logsumexp([])": lambda: -np.inf,
    "cumsum(w)": lambda: W.cumsum(),
    "cumsum(A)": lambda: A.cumsum(),
    "cumsum(A, axis=1)": lambda: A.cumsum(1),
    "cumprod(w)": lambda: W.cumprod(),
    "cumprod(A)": lambda: A.cumprod(),
    "cumprod(A, axis=0)": lambda: A.cumprod(0),
    "cumprod(arange(1, 8))": lambda: np.arange(1, 8).cumprod(),
    "softmax(w)": lambda: scipy.special.softmax(W),
    "softmax(A, axis=0)": lambda: scipy.special.softmax(A, 0),
    "log_softmax(w)": lambda: scipy.special.log_softmax(W),
    "log_softmax(A, axis=1)": lambda: scipy.special.log_softmax(A, 1),
    "sort(w)": lambda: np.sort(W),
    "sort(-A, axis=0)": lambda: np.sort(-A, 0),
    "median(w)": lambda: 2,
    "median(A)": lambda: np.median(A),
    "median(A, axis=0)": lambda: np.median(A, axis=0),
    "median(A, axis=1)": lambda: np.median(A, axis=1),
    "dot(w, w)": lambda: W @ W,
    "dot(A, B)": lambda: A @ B,
    "dot(2, w)": lambda: 2 * W,
    "outer(w, [1, 2])": lambda: np.outer(W, [1, 2]),
    "cross(w, [1, 2, 4])": lambda: np.cross(W, [1, 2, 4]),
    "matmul(A, B)": lambda: A @ B,
    "transpose(A)": lambda: A.T,
    "trace(S)": lambda: np.trace(S),
    "trace(A)": lambda: np.trace(A),
    "diag(w)": lambda: np.diag(W),
    "diag(A)": lambda: np.diag(A),
    "zeros(3)": lambda: np.zeros(3),
    "zeros(2, 3)": lambda: np.zeros((2, 3)),
    "zeros([2, 3])": lambda: np.zeros((2, 3)),
    "ones(2, len(w))": lambda: np.ones((2, 3)),
    "zeros(0)": lambda: np.zeros(0),
    "eye(3)": lambda: np.eye(3),
    "eye(2, 3)": lambda: np.eye(2, 3),
    "arange(4)": lambda: np.arange(4),
    "arange(2, 5)": lambda: np.arange(2, 5),
    "arange(5, 0, -2)": lambda: np.arange(5, 0, -2),
    "arange(0, 1, 0.25)": lambda: np.arange(0, 1, 0.25),
    "linspace(x, 2, 5)": lambda: np.linspace(1.25, 2, 5),
    "linspace(0, 1, 1)": lambda: [0],
    "linspace(0, 1, 0)": lambda: np.zeros(0),
    "concat(w, [x])": lambda: [3, 1, 2, 1.25],
    "concat(A, A)": lambda: np.concatenate([A, A]),
    "concat(A, A, axis=1)": lambda: np.concatenate([A, A], 1),
    "concat(A, A, axis=-1)": lambda: np.concatenate([A, A], 1),
    "stack(w, w)": lambda: np.stack([W, W]),
    "stack(w, w, axis=1)": lambda: np.stack([W, W], 1),
    "stack(w, w, axis=-1)": lambda: np.stack([W, W], -1),
    "stack(A, A, axis=1)": lambda: np.stack([A, A], 1),
    "stack(x, y)": lambda: [1.25, -0.75],
    "reshape(A, 3, 2)": lambda: A.reshape(3, 2),
    "reshape(A, [3, 2])": lambda: A.reshape(3, 2),
    "reshape(A, 3, -1)": lambda: A.reshape(3, 2),
    "reshape(A, -1)": lambda: A.ravel(),
    "reshape(x, 1, 1)": lambda: [[1.25]],
    "flatten(A)": lambda: A.ravel(),
    "flatten(x)": lambda: [1.25],
    "len(A)": lambda: 2,
}


@pytest.mark.parametrize("text", [*ELEMENTWISE, *ARRAYS])
def test_functions_are_numpy_s(text: str) -> None:
    wanted = {**ELEMENTWISE, **ARRAYS}[text]()
    found = value(text)
    assert np.shape(found) == np.shape(wanted)
    np.testing.assert_allclose(found, wanted, rtol=4e-15)


def test_every_function_is_tried() -> None:
    from diffcli.primitives import FUNCTIONS

    named = set()
    for text in (*ELEMENTWISE, *ARRAYS):
        named.add(text.partition("(")[0])
    canonical = {FUNCTIONS[name].doc.name for name in named if name in FUNCTIONS}
    assert canonical >= {"sqrt", "median", "cumprod", "cross"}
    families = ("elementwise", "piecewise", "reduction", "along an axis", "building", "control")
    mine = {c.doc.name for c in FUNCTIONS.values() if c.doc.family in families}
    special = {"erf", "erfc", "erfinv", "gamma", "lgamma", "digamma", "polygamma", "beta"}  # tested on their own
    assert mine - special <= canonical, mine - special - canonical


DIFFERENTIABLE = [
    text
    for text in (*ELEMENTWISE, *ARRAYS)
    if diffcli.parse(text).inputs and not text.startswith(("stop", "heaviside", "len", "ones")) and ">" not in text
]


@pytest.mark.parametrize("text", DIFFERENTIABLE)
def test_their_jacobians_are_the_limits_of_differences(text: str) -> None:
    program = diffcli.parse(text)
    at = {name: np.asarray(POINT[name], dtype=np.float64) for name in program.inputs}
    jacobian = diffcli.jacobian(program, at)
    columns = []
    h = 1e-3
    for name, base in at.items():
        for i in range(base.size):

            def moved(k: int, name: str = name, base: Array = base, i: int = i) -> Array:
                there = base.copy()
                there.flat[i] += k * h
                return np.ravel(diffcli.evaluate(program, {**at, name: there})["f"])

            columns.append(
                (45 * (moved(1) - moved(-1)) - 9 * (moved(2) - moved(-2)) + (moved(3) - moved(-3))) / (60 * h)
            )
    np.testing.assert_allclose(jacobian.matrix, np.stack(columns, axis=1), rtol=1e-7, atol=1e-9)


# Errors -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code", "mark", "message"),
    [
        # shapes: at the operator, with both shapes
        ("w + [1, 2]", "shape", "+", "shapes (3,) and (2,) do not fit together"),
        ("1 + (A - [1, 2])", "shape", "-", "shapes (2, 3) and (2,)"),
        ("A * B", "shape", "*", "shapes (2, 3) and (3, 2)"),
        ("A @ A", "shape", "@", "3 columns meet 2 rows"),
        ("w @ x", "shape", "@", "not numbers"),
        ("A ^ B", "shape", "^", "do not fit"),
        ("w % [1, 2]", "shape", "%", "do not fit"),
        ("w < [1, 2]", "shape", "<", "do not fit"),
        ("0 < w < [1, 2]", "shape", "<", "do not fit"),
        ("w and [1, 2]", "shape", "and", "do not fit"),
        ("w if [1, 2] else 0", "shape", "w if [1, 2] else 0", "do not fit"),
        ("atan2(w, [1, 2])", "shape", "atan2(w, [1, 2])", "do not fit"),
        ("dot(w, [1, 2])", "shape", "dot(w, [1, 2])", "3 and 2"),
        ("cross(w, [1, 2])", "shape", "cross(w, [1, 2])", "length 3"),
        ("concat(w, A)", "shape", "concat(w, A)", "cannot be joined"),
        ("concat(w, x)", "shape", "concat(w, x)", "not numbers"),
        ("stack(w, x)", "shape", "stack(w, x)", "cannot be stacked"),
        ("reshape(w, 2, 2)", "shape", "reshape(w, 2, 2)", "do not fill"),
        ("reshape(A, -1, -1)", "shape", "reshape(A, -1, -1)", "do not fill"),
        ("reshape(A, -1, 4)", "shape", "reshape(A, -1, 4)", "do not fill"),
        ("trace(w)", "shape", "trace(w)", "needs a matrix"),
        ("diag(T)", "shape", "diag(T)", "vector or a matrix"),
        ("diag(x)", "shape", "diag(x)", "vector or a matrix"),
        ("len(x)", "shape", "len(x)", "single number"),
        ("softmax(A)", "shape", "softmax(A)", "needs an axis"),
        ("mean([])", "shape", "mean([])", "empty"),
        ("var([])", "shape", "var([])", "empty"),
        ("max([])", "shape", "max([])", "empty"),
        ("median([])", "shape", "median([])", "empty"),
        ("var([1], ddof=1)", "shape", "var([1], ddof=1)", "degree of freedom"),
        ("zeros(-1)", "shape", "zeros(-1)", "cannot have the shape"),
        ("zeros(x)", "shape", "zeros(x)", "may not depend on an input"),
        ("zeros(2.5)", "shape", "zeros(2.5)", "whole number, not 2.5"),
        ("zeros([[1, 2]])", "shape", "zeros([[1, 2]])", "whole number, not an array"),
        ("eye(w)", "shape", "eye(w)", "may not depend"),
        ("arange(x)", "shape", "arange(x)", "known before"),
        ("arange(0, 1, 0)", "shape", "arange(0, 1, 0)", "step"),
        ("linspace(0, 1, -1)", "shape", "linspace(0, 1, -1)", "0 or more"),
        ("sum(A, axis=2)", "shape", "sum(A, axis=2)", "no axis 2"),
        ("sum(x, axis=0)", "shape", "sum(x, axis=0)", "no axis 0"),
        ("sum(A, axis=x)", "shape", "sum(A, axis=x)", "may not depend"),
        ("sum(A, axis=0.5)", "shape", "sum(A, axis=0.5)", "whole number"),
        # indices
        ("w[3]", "index", "3", "index 3 is out of range: there are 3 elements, 0 to 2"),
        ("w[-4]", "index", "-4", "out of range"),
        ("A[0, 3]", "index", "3", "out of range"),
        ("[][0]", "index", "0", "no elements"),
        ("w[0, 0]", "index", "w[0, 0]", "2 indices into 3 elements"),
        ("x[0]", "index", "x[0]", "0 dimensions"),
        ("A[0, 0, 0]", "index", "A[0, 0, 0]", "2 dimensions"),
        ("w[x]", "shape", "x", "may not depend on an input"),
        ("w[0.5]", "shape", "0.5", "whole number"),
        ("w[::0]", "index", "::0", "step must not be 0"),
        ("w[x:]", "shape", "x:", "may not depend"),
        # ragged arrays: the row
        ("[[1, 2], [3]]", "ragged", "[3]", "row 1 has 1 element, row 0 has 2 elements"),
        ("[1, [2]]", "ragged", "[2]", "row 1 has 1 element, row 0 is a number"),
        ("[w, A]", "ragged", "A", "row 1 is an array of shape (2, 3), row 0 has 3 elements"),
        ("[[1, 2], [3, x], [4]]", "ragged", "[4]", "row 2"),
        # arguments
        ("sin()", "arity", "sin()", "sin takes 1 argument, not 0"),
        ("sin(1, 2)", "arity", "sin(1, 2)", "sin takes 1 argument, not 2"),
        ("atan2(1)", "arity", "atan2(1)", "atan2 takes 2 arguments, not 1"),
        ("max(1)", "arity", "max(1)", "two or more"),
        ("max()", "arity", "max()", "1 or more arguments"),
        ("max(w, 2, axis=0)", "arity", "max(w, 2, axis=0)", "with one array only"),
        ("eye(1, 2, 3)", "arity", "eye(1, 2, 3)", "1 to 2 arguments"),
        ("sin(x, axis=0)", "keyword", "sin(x, axis=0)", "axis= is no option of sin"),
        ("sum(A, axes=0)", "keyword", "sum(A, axes=0)", "axes= is no option of sum"),
        ("eye(-1)", "shape", "eye(-1)", "cannot have the shape"),
        ("arange(inf)", "shape", "arange(inf)", "finite"),
        ("arange(0, 1, 1e-320)", "shape", "arange(0, 1, 1e-320)", "finite"),
        ("zeros(inf)", "shape", "zeros(inf)", "whole number, not inf"),
    ],
)
def test_what_is_wrong_and_where(text: str, code: str, mark: str, message: str) -> None:
    error = refused(text)
    assert error.code == code
    assert message in error.message
    assert marked(error) == mark


def test_the_last_comparison_is_underlined() -> None:
    error = refused("0 < w < [1, 2]")
    assert error.span == (6, 7)


def test_an_error_in_a_function_of_the_file_is_shown_there() -> None:
    error = refused("g(a) = a + [1, 2]\ng(w)")
    assert marked(error) == "+"
    assert error.span == (9, 10)


def test_an_error_in_a_derivative_s_shape_cannot_be() -> None:
    assert refused("A @ w[:2]").exit_code == 3


# Size -------------------------------------------------------------------------------------------------------


def test_ten_thousand_brackets() -> None:
    n = 10_000
    text = "(" * n + "x" + ")" * n
    assert diffcli.grad(diffcli.parse(text), {"x": 2}) == {"x": 1.0}
    nested = "sin(" * n + "x" + ")" * n
    assert math.isfinite(diffcli.grad(diffcli.parse(nested), {"x": 2})["x"])  # type: ignore[arg-type]
    deep = diffcli.parse("[" * 30 + "x" + "]" * 30 + "[0]" * 30)
    assert diffcli.grad(deep, {"x": 2}) == {"x": 1.0}


def test_ten_thousand_conditionals_signs_powers_and_comparisons() -> None:
    n = 10_000
    assert value("1 if 0 else " * n + "x") == 1.25
    assert value("-" * n + "x") == 1.25
    assert value("1^" * n + "x") == 1.0
    assert value("0 < " + "1 < " * 0 + " < ".join(map(str, range(1, n)))) == 1.0
    assert value("not " * n + "x") == 1.0
    assert value("A" + "'" * n)[1, 2] == 6.5


def test_a_sum_of_a_hundred_thousand_terms() -> None:
    n = 100_000
    program = diffcli.parse(" + ".join(f"{i % 7}*x{i % 1000}" for i in range(n)))
    point = {f"x{i}": float(i) for i in range(1000)}
    found, gradient = diffcli.value_and_grad(program, point)
    wanted = np.zeros(1000)
    for i in range(n):
        wanted[i % 1000] += i % 7
    assert [gradient[f"x{i}"] for i in range(1000)] == wanted.tolist()
    assert found == float(wanted @ np.arange(1000))


def test_a_sum_in_as_many_variables() -> None:
    n = 10_000
    program = diffcli.parse("+".join(f"a{i}" for i in range(n)))
    gradient = diffcli.grad(program, np.ones(n))
    assert (gradient == 1.0).all()
    assert len(gradient) == n


def test_doubling_functions_cost_a_node_a_level() -> None:
    lines = ["g0(a) = a", *(f"g{i}(a) = g{i - 1}(a) + g{i - 1}(a)" for i in range(1, 60)), "g59(x)"]
    assert value("\n".join(lines), x=1.0) == 2.0**59
    shared = ["y0 = x", *(f"y{i} = y{i - 1} + y{i - 1}" for i in range(1, 200)), "y199"]
    program = diffcli.parse("\n".join(shared))
    assert diffcli.grad(program, {"x": 1.0}) == {"x": 2.0**199}


def test_powers_of_powers_overflow_like_numbers() -> None:
    assert value("9^9^9^9") == math.inf
    assert value("9^9") == 387420489
    assert diffcli.grad(diffcli.parse("x^9^9^9"), {"x": 9}) == {"x": math.inf}


@pytest.mark.parametrize("huge", ["zeros(10000, 10000, 10)", "ones(1e6, 1e6)", "x + zeros(1e10)", "sum(zeros(1e12))"])
def test_arrays_beyond_the_memory_limit(huge: str) -> None:
    error = refused(huge)
    assert error.code == "limit"
    assert "GiB" in error.message
    assert "--max-bytes" in (error.hint or "")


@pytest.mark.parametrize("huge", ["eye(1e6)", "arange(1e12)", "linspace(0, 1, 1e12)", "arange(0, 1, 1e-300)"])
def test_constants_beyond_the_memory_limit(huge: str) -> None:
    assert refused(huge).code == "limit"


@pytest.mark.parametrize("value", ["x", "1"])
def test_the_limit_on_dimensions(value: str) -> None:
    most = "[" * 30 + value + "]" * 30
    product = diffcli.parse(f"sum(sort(({most} * 3) @ {most}, axis=1))")
    assert diffcli.evaluate(product, {"x": 1.0} if value == "x" else {}) == {"f": 3.0}
    error = refused("x + " + "[" * 70 + value + "]" * 70)
    assert error.code == "limit"
    assert "30 dimensions" in error.message
    assert refused(f"reshape(x, {'1, ' * 70}1)").code == "limit"


def test_the_limit_on_nodes() -> None:
    program = diffcli.parse("+".join(f"sin({i}*x)" for i in range(100)), max_nodes=50)
    with pytest.raises(ExpressionError, match="more than 50 nodes") as raised:
        diffcli.evaluate(program, {"x": 1})
    assert raised.value.code == "limit"
    assert "--max-nodes" in (raised.value.hint or "")


def test_the_limit_on_memory_can_be_set() -> None:
    text = "sum(sin(w))"
    point = {"w": np.zeros(10_000)}
    with pytest.raises(ExpressionError, match="limit") as raised:
        diffcli.evaluate(diffcli.parse(text, max_bytes=100_000), point)
    assert raised.value.code == "limit"
    assert diffcli.evaluate(diffcli.parse(text, max_bytes=1_000_000), point) == {"f": 0.0}


# Sharing, labels, spans -------------------------------------------------------------------------------------


def test_common_subexpressions_exist_once() -> None:
    function = diffcli.parse("sin(x*y) + sin(x*y)^2 + x*y").bind({"x": (), "y": ()})
    names = [node.op.name for node in function.builder.nodes]
    assert names.count("sin") == 1
    assert names.count("multiply") == 1


def test_spans_and_labels() -> None:
    text = "r = sqrt(x^2 + 1)\nr * r"
    function = diffcli.parse(text).bind({"x": ()})
    spans = {node.op.name: text[slice(*span)] for node, span in function.spans.items()}
    assert spans["square"] == "x^2" or spans["square"] == "r * r"
    assert spans["add"] == "x^2 + 1"
    assert list(function.labels.values()) == ["r"]


@given(programs(), points())
@settings(max_examples=100, deadline=None)
def test_a_program_printed_and_read_again_has_the_same_values(text: str, point: dict[str, Array]) -> None:
    printed = unparse(parse_file(Source(text)))
    program, again = diffcli.parse(text), diffcli.parse(printed)
    assert again.inputs == program.inputs
    assert again.outputs == program.outputs
    at = {name: point[name] for name in program.inputs}
    for (name, one), (other_name, other) in zip(
        diffcli.evaluate(program, at).items(), diffcli.evaluate(again, at).items(), strict=True
    ):
        assert name == other_name
        assert np.asarray(one).tobytes() == np.asarray(other).tobytes()


def test_what_a_literal_does_not_hand_on_concerns_nobody() -> None:
    f = diffcli.parse("[1/x, x][1] + [log(x), x^2, 3][1:][0]")
    assert diffcli.value_and_grad(f, {"x": 0.0}) == (0.0, {"x": 1.0})


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("[[1, x], [y, 4]][:, 1]", [2.0, 4.0]),
        ("[[1, x], [y, 4]][::-1][0]", [3.0, 4.0]),
        ("[[1, x], [y, 4]][1:, 0]", [3.0]),
        ("[[1, x], [y, 4]][-1, 0]", 3.0),
        ("[x, y][2:]", []),
    ],
)
def test_a_part_of_a_literal(text: str, wanted: Any) -> None:
    value = diffcli.evaluate(diffcli.parse(text), {"x": 2.0, "y": 3.0})["f"]
    assert np.array_equal(value, wanted)


def test_nested_extremes_are_one_call_and_cost_what_they_hold() -> None:
    f = diffcli.parse("max(max(x, y), z)")
    assert diffcli.grad(f, {"x": 1.0, "y": 1.0, "z": 1.0}) == {"x": 1 / 3, "y": 1 / 3, "z": 1 / 3}
    deep = diffcli.parse("max(x, " * 500 + "0" + ")" * 500)
    assert sum(len(node.args) for node in deep.bind({"x": ()}).builder.nodes) < 2000
