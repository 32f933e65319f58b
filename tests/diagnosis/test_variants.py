"""More hard points, of our own: naive spellings, removable singularities, infinite inputs, branches, ties.

The answers are worked out by hand; `None` stands for what has no single answer. They hold if the number itself is
right, or if a warning gives it.
"""

from __future__ import annotations

import math
from math import inf
from typing import Any

import pytest

import diffcli
from diffcli.diagnosis import examine
from tests.diagnosis.test_edge_cases import same

#: Expression, point, value, and the derivative in each variable of the point.
VARIANTS: list[tuple[str, dict[str, Any], float | None, list[Any] | None]] = [
    # one input beside others that are infinite or far larger
    ("x^2+1e-300*y", {"x": 1e200, "y": 1.0}, inf, [2e200, 1e-300]),
    ("x+y", {"x": inf, "y": 1.0}, inf, [1, 1]),
    ("sum(v)", {"v": [inf, 1.0]}, inf, [[1, 1]]),
    ("logsumexp(v)+w", {"v": [inf, 1.0], "w": 2.0}, inf, [[1, 0], 1]),
    ("floor(x)", {"x": inf}, inf, [0]),
    # naive spellings: overflow / underflow / cancellation
    ("log(exp(x)+exp(y)+exp(z))", {"x": 800, "y": 800, "z": 800}, 800 + math.log(3), [1 / 3] * 3),
    ("log(exp(x)+1)", {"x": 1000}, 1000, [1]),
    ("log(1+exp(-x))", {"x": -800}, 800, [-1]),
    ("log(sum(exp(v)))", {"v": [1000.0, 1000.0]}, 1000 + math.log(2), [[0.5, 0.5]]),
    ("log(sum(exp(v)))", {"v": [-1000.0, -1000.0]}, -1000 + math.log(2), [[0.5, 0.5]]),
    ("sqrt(x^2+y^2)", {"x": 3e-200, "y": 4e-200}, 5e-200, [0.6, 0.8]),
    ("sqrt(x*x+y*y)", {"x": 3e200, "y": 4e200}, 5e200, [0.6, 0.8]),
    ("sqrt(sum(v^2))", {"v": [3e200, 4e200]}, 5e200, [[0.6, 0.8]]),
    ("sqrt(sum(v^2))", {"v": [3e-200, 4e-200]}, 5e-200, [[0.6, 0.8]]),
    ("(exp(x)-1)/x", {"x": 1e-12}, 1.0000000000005, [0.5000000000003334]),
    ("exp(x)-1", {"x": 1e-15}, 1.0000000000000005e-15, [1.000000000000001]),
    ("1-cos(x)", {"x": 1e-9}, 5e-19, [1e-9]),
    ("1-tanh(x)^2", {"x": 20}, 4 / math.exp(40) / (1 + math.exp(-40)) ** 2, None),
    ("(1-cos(x))/x", {"x": 1e-9}, 5e-10, [0.5]),
    ("(x-sin(x))/x^3", {"x": 1e-6}, 0.16666666666665833, [-1.6666666666662697e-08]),
    ("1/(1+exp(-x))", {"x": -800}, 0.0, [0.0]),
    ("1/(1+exp(x))", {"x": 800}, 0.0, [0.0]),
    ("exp(x)/(1+exp(x))", {"x": 800}, 1.0, [0.0]),
    ("1-1/(1+exp(-x))", {"x": 40}, 4.248354255291589e-18, [-4.248354255291589e-18]),
    ("log(1-exp(-x))", {"x": 1e-20}, math.log(1e-20), [1e20]),
    ("sqrt(x+1)-sqrt(x)", {"x": 1e16}, 5e-9, [-2.5e-25]),
    ("log(x+1)-log(x)", {"x": 1e16}, 1e-16, [-1e-32]),
    ("x^2-y^2", {"x": 1e8 + 1, "y": 1e8}, 200000001.0, [200000002, -2e8]),
    ("(x+y)-x", {"x": 1e20, "y": 1.0}, 1.0, [0, 1]),
    ("(x+1)-x", {"x": 1e17}, 1.0, [0]),
    (
        "x/sqrt(x^2+y^2)",
        {"x": 1e-200, "y": 1e-200},
        math.sqrt(0.5),
        [math.sqrt(0.5) / 2 * 1e200, -math.sqrt(0.5) / 2 * 1e200],
    ),
    ("exp(x)*exp(-x)", {"x": 800}, 1.0, [0.0]),
    ("exp(x)/exp(x-1)", {"x": 1000}, math.e, [0.0]),
    ("log(exp(x))", {"x": 1000}, 1000, [1]),
    ("log(exp(x))", {"x": -1000}, -1000, [1]),
    ("exp(log(x)*2)", {"x": 0}, 0.0, [0.0]),
    ("log(x^2)", {"x": 1e-200}, 2 * math.log(1e-200), [2e200]),
    ("log(x^100)", {"x": 1e10}, 100 * math.log(1e10), [1e-8]),
    ("(x^200)^(1/200)", {"x": 100}, 100, [1]),
    ("sqrt(1-x^2)", {"x": 0.9999999999999999}, 1.4901161193847656e-08, [-67108863.99999999]),
    ("acos(cos(x))", {"x": 1e-9}, 1e-9, [1]),
    ("tan(x)-sin(x)", {"x": 1e-6}, 5e-19, None),
    ("log(cosh(x))", {"x": 1000}, 1000 - math.log(2), [1]),
    ("log(sinh(x))", {"x": 800}, 800 - math.log(2), [1]),
    ("tanh(x)-1", {"x": 30}, -1.751302152539304e-26, None),
    ("x*exp(x)/(1+exp(x))", {"x": 1000}, 1000, [1]),
    ("sin(x)/x", {"x": 0}, 1.0, [0.0]),
    ("(exp(x)-1)/x", {"x": 0}, 1.0, [0.5]),
    ("log(1+x)/x", {"x": 0}, 1.0, [-0.5]),
    ("(1-cos(x))/x^2", {"x": 0}, 0.5, [0]),
    ("tan(x)/x", {"x": 0}, 1.0, [0]),
    ("x/sin(x)", {"x": 0}, 1.0, [0]),
    ("(x^2-1)/(x-1)", {"x": 1}, 2.0, [1]),
    ("(sqrt(x)-1)/(x-1)", {"x": 1}, 0.5, [-0.125]),
    ("x^2/x", {"x": 0}, 0.0, [1]),
    ("sin(x)^2/x", {"x": 0}, 0.0, [1]),
    ("x*log(x)", {"x": 0}, 0.0, [-inf]),
    ("x^2*log(x)", {"x": 0}, 0.0, [0]),
    ("x*log(x)^2", {"x": 0}, 0.0, [inf]),
    ("sqrt(x)*log(x)", {"x": 0}, 0.0, [-inf]),
    ("x^x", {"x": 0}, 1.0, None),
    ("x*sin(1/x)", {"x": 0}, 0.0, None),
    ("exp(-1/x)", {"x": 0}, 0.0, None),
    ("exp(-1/abs(x))", {"x": 0}, 0.0, [0]),
    ("sqrt(x^2)", {"x": 0}, 0.0, None),
    ("sqrt(x^6)", {"x": 0}, 0.0, [0]),
    ("sqrt(x)^2", {"x": 0}, 0.0, [1]),
    ("cbrt(x)^3", {"x": 0}, 0.0, [1]),
    ("(x^2)^0.5", {"x": 0}, 0.0, None),
    ("(x^2)^1.5", {"x": 0}, 0.0, [0]),
    ("sqrt(x*y)", {"x": 0, "y": 0}, 0.0, None),
    ("abs(x)^3", {"x": 0}, 0.0, [0]),
    ("abs(x)^2", {"x": 0}, 0.0, [0]),
    ("sqrt(abs(x))^4", {"x": 0}, 0.0, [0]),
    ("x*abs(x)", {"x": 0}, 0.0, [0]),
    ("log(abs(x))*x^2", {"x": 0}, 0.0, [0]),
    ("x/abs(x)*x^2", {"x": 0}, 0.0, [0]),
    ("norm(v)^2", {"v": [0.0, 0.0]}, 0.0, [[0, 0]]),
    ("hypot(x,y)^2", {"x": 0, "y": 0}, 0.0, [0, 0]),
    ("sqrt(x^2+y^2)^2", {"x": 0, "y": 0}, 0.0, [0, 0]),
    ("sqrt(x^4+y^4)", {"x": 0, "y": 0}, 0.0, [0, 0]),
    # inf
    ("x-x", {"x": inf}, None, [0]),
    ("x/(1+x)", {"x": inf}, 1.0, [0]),
    ("(x+1)/(x+2)", {"x": inf}, 1.0, [0]),
    ("exp(-x)*x^3", {"x": inf}, 0.0, [0]),
    ("x^2*exp(-x)", {"x": inf}, 0.0, [0]),
    ("log(x)/x", {"x": inf}, 0.0, [0]),
    ("x*exp(x)", {"x": -inf}, 0.0, [0]),
    ("sqrt(x^2+1)-x", {"x": inf}, 0.0, [0]),
    ("atan(x)*2", {"x": -inf}, -math.pi, [0]),
    ("1/x", {"x": inf}, 0.0, [0]),
    ("exp(-x^2)", {"x": inf}, 0.0, [0]),
    ("sigmoid(x)", {"x": inf}, 1.0, [0]),
    ("softplus(x)", {"x": -inf}, 0.0, [0]),
    ("tanh(x)^2", {"x": -inf}, 1.0, [0]),
    # branches
    ("where(x<=0,0,exp(-1/x))", {"x": 0}, 0.0, [0]),
    ("where(x==0,0,x*sin(1/x))", {"x": 0}, 0.0, None),
    ("where(x==0,1,(exp(x)-1)/x)", {"x": 0}, 1.0, [0.5]),
    ("where(x==1,2,x+1)", {"x": 1}, 2.0, [1]),
    ("where(abs(x)<1e-8,1,sin(x)/x)", {"x": 0}, 1.0, [0]),
    ("(x^2 if x>1 else 2*x-1)", {"x": 1}, 1.0, [2]),
    ("where(x>=0,x,-x)", {"x": 0}, 0.0, None),
    ("where(x>0,log(x),-1)", {"x": -1}, -1.0, [0]),
    ("where(x>0,1/x,0)", {"x": 0}, 0.0, [0]),
    ("where(x!=0,x^2/x,0)", {"x": 0}, 0.0, [1]),
    ("min(x,0)+max(x,0)", {"x": 0}, 0.0, [1]),
    ("max(x,y)+min(x,y)", {"x": 1, "y": 1}, 2.0, [1, 1]),
    ("max(x,y)-min(x,y)", {"x": 1, "y": 1}, 0.0, None),
    ("clip(x,0,1)+max(x-1,0)+min(x,0)", {"x": 1}, 1.0, [1]),
    ("relu(x)-relu(-x)", {"x": 0}, 0.0, [1]),
    ("sum(sort(v))", {"v": [1.0, 1.0, 2.0]}, 4.0, [[1, 1, 1]]),
    ("prod(v)", {"v": [0.0, 0.0, 3.0]}, 0.0, [[0, 0, 0]]),
    ("x*y*z", {"x": 0, "y": 0, "z": 2}, 0.0, [0, 0, 0]),
    ("x*y/x", {"x": 0, "y": 2}, 2.0, [0, 1]),
    ("heaviside(x)*x^2", {"x": 0}, 0.0, [0]),
    ("sign(x)*x", {"x": 0}, 0.0, None),
    ("floor(x)+(x-floor(x))", {"x": 2}, 2.0, [1]),
    ("mod(x,1)+floor(x)", {"x": 2}, 2.0, [1]),
    ("abs(sin(x))", {"x": 0}, 0.0, None),
    ("abs(x-1)*(x-1)", {"x": 1}, 0.0, [0]),
    ("log(0*x+1)", {"x": 1e308}, 0.0, [0]),
    ("0*log(x)", {"x": 0}, 0.0, [0]),
    ("0/x", {"x": 0}, 0.0, [0]),
    ("x*0*exp(x)", {"x": 1000}, 0.0, [0]),
    ("x^2/1e200/1e200*1e300", {"x": 1e100}, 1e100, [2]),
    ("x*1e300*1e-300", {"x": 1e100}, 1e100, [1]),
    ("x*1e-300*1e300", {"x": 1e-100}, 1e-100, [1]),
    ("(x*1e-200)^2*1e300*1e100", {"x": 1.0}, 1.0, [2]),
    ("log(x)-log(y)", {"x": 1e300, "y": 1e300}, 0.0, [1e-300, -1e-300]),
    ("log(1-x)", {"x": 1e-20}, -1e-20, [-1]),
    ("asin(x)-x", {"x": 1e-6}, 1.6666666666674167e-19, None),
    ("sinh(x)-x", {"x": 1e-5}, 1.6666666666750e-16, None),
    ("var(v)", {"v": [1e8, 1e8 + 1]}, 0.25, [[-0.5, 0.5]]),
    ("mean(v^2)-mean(v)^2", {"v": [1e8, 1e8 + 1]}, 0.25, [[-0.5, 0.5]]),
    ("sum(v)", {"v": [1e20, 1.0, -1e20]}, 1.0, [[1, 1, 1]]),
    ("x+y+z", {"x": 1e20, "y": 1.0, "z": -1e20}, 1.0, [1, 1, 1]),
    ("dot(v,w)", {"v": [1e10, 1.0], "w": [1e10, -1e20 + 1e5]}, 98304.0, None),
    ("exp(x*log(y))", {"x": 2, "y": 0}, 0.0, None),
    ("(1+1/x)^x", {"x": 1e17}, math.e, [math.e / 2e34]),
    ("(1+x)^(1/x)", {"x": 1e-18}, math.e, [-math.e / 2]),
    ("log(sqrt(x))", {"x": 1e-320}, 0.5 * math.log(1e-320), None),
    ("1/(1/x)", {"x": 1e-310}, 1e-310, [1]),
    ("1/(1/x)", {"x": 0}, 0.0, [1]),
    ("x^-2*x^3", {"x": 0}, 0.0, [1]),
    ("sinc(x)*x", {"x": 0}, 0.0, [1]),
    ("logit(sigmoid(x))", {"x": 40}, 40, [1]),
    ("log(x/(1-x))", {"x": 0.5000000000000001}, 4.440892098500626e-16, [4]),
    ("atan(y/x)", {"x": 0, "y": 1}, None, None),
    ("acosh(x)^2", {"x": 1}, 0.0, [2]),
    ("acos(x)^2", {"x": 1}, 0.0, [-2]),
    ("asin(sin(x))", {"x": math.pi / 2}, None, None),
    ("sqrt(1-cos(x))", {"x": 1e-9}, 7.071067811865475e-10, [math.sqrt(0.5)]),
    ("sqrt(sin(x)^2)", {"x": 0}, 0.0, None),
    ("tan(x)", {"x": math.pi / 2}, 1.633123935319537e16, [1.633123935319537e16**2]),
    ("exp(exp(x))/exp(exp(x))", {"x": 10}, 1.0, [0]),
    ("log(log(exp(exp(x))))", {"x": 10}, 10, [1]),
    ("sin(x)/x*y", {"x": 0, "y": 3}, 3.0, [0, 1]),
    ("exp(-x)*exp(y)", {"x": 800, "y": 800}, 1.0, [-1, 1]),
    ("log(x*y)", {"x": 1e-200, "y": 1e-200}, 2 * math.log(1e-200), [1e200, 1e200]),
    ("sqrt(x*y)", {"x": 1e-200, "y": 1e-200}, 1e-200, [0.5, 0.5]),
    ("sqrt(x)*sqrt(y)", {"x": 0, "y": 0}, 0.0, None),
    ("x^y", {"x": 0, "y": 0}, 1.0, None),
]
SECOND: list[tuple[str, float, float]] = [
    ("x^2*log(x)", 1e-300, 2 * math.log(1e-300) + 3),
    ("sin(x)/x", 0.0, -1 / 3),
    ("(1-cos(x))/x^2", 0.0, -1 / 12),
    ("(exp(x)-1)/x", 1e-9, 1 / 3 + 0.25e-9),
    ("log(1+exp(x))", 1000.0, 0.0),
    ("log(1+exp(x))", -40.0, 4.248354255291589e-18),
    ("sqrt(x^4)", 0.0, 2.0),
    ("sqrt(x)*sqrt(x)", 0.0, 0.0),
    ("exp(-1/x^2)", 0.0, 0.0),
    ("where(x==1,1,x^3)", 1.0, 6.0),
    ("max(x,0)^3", 0.0, 0.0),
    ("abs(x)^3", 0.0, 0.0),
    ("x^3", 0.0, 0.0),
    ("tanh(x)", 20.0, -3.398683404233271e-17),
    ("1/x", 1e-100, 2e300),
    ("x^2/x", 0.0, 0.0),
    ("x*exp(x)/(1+exp(x))", 800.0, 0.0),
    ("cos(x)", 0.0, -1.0),
]


def answered(reported: Any, right: Any) -> bool:
    return right is None or same(reported, right)


@pytest.mark.parametrize(
    ("source", "point", "value", "slopes"), VARIANTS, ids=lambda each: each if isinstance(each, str) else ""
)
def test_the_number_is_right_or_the_warning_gives_it(
    source: str, point: dict[str, Any], value: float | None, slopes: list[Any] | None
) -> None:
    program = diffcli.parse(source)
    got, gradient = diffcli.value_and_grad(program, point)
    wanted = dict(zip(point, slopes or [None] * len(point), strict=True))
    findings = examine(program, point, "grad")

    def holds(numbers: Any, derivatives: Any) -> bool:
        return answered(numbers, value) and all(answered(derivatives[name], wanted[name]) for name in point)

    refined = [finding.refined for finding in findings if finding.refined and "gradient" in finding.refined]
    assert holds(got, gradient) or any(holds(each["value"], each["gradient"]) for each in refined), findings


@pytest.mark.parametrize(("source", "x", "second"), SECOND)
def test_second_derivatives_are_right_or_the_warning_gives_them(source: str, x: float, second: float) -> None:
    program = diffcli.parse(source)
    got = diffcli.hessian(program, {"x": x}).matrix
    findings = examine(program, {"x": x}, "hessian")
    refined = [finding.refined for finding in findings if finding.refined and "hessian" in finding.refined]
    assert same(got, [[second]]) or any(same(each["hessian"], [[second]]) for each in refined), (got, findings)


@pytest.mark.parametrize(
    ("source", "point", "codes"),
    [
        ("log(x)", {"x": -1}, ["domain"]),
        ("log(x)", {"x": 0}, ["pole"]),
        ("sqrt(x)", {"x": 0}, ["pole"]),
        ("exp(x)", {"x": 1000}, ["overflow"]),
        ("sqrt(x^2+y^2)", {"x": 1e-200, "y": 0}, ["overflow"]),
        ("abs(x)", {"x": 0}, ["kink"]),
        ("floor(x)", {"x": 2}, ["kink"]),
        ("max(x, y)", {"x": 1, "y": 1}, ["tie"]),
        ("(x if x > 0 else 2*x)", {"x": 0}, ["predicate-at-equality"]),
        ("1 - cos(x)", {"x": 1e-9}, ["cancellation"]),
        ("sin(x)/x", {"x": 0}, ["removable"]),
        ("x + 1", {"x": math.nan}, ["nonfinite-input"]),
        ("x + 1", {"x": inf}, ["nonfinite-input"]),
        ("max(x, x) + abs(x)*x + max(x, 0) - max(-x, 0)", {"x": 0}, []),
        ("where(x > 0, log(x), 1)", {"x": -1}, []),
        ("(1 - x)^2 + 100*(y - x^2)^2", {"x": -1.2, "y": 1}, []),
        ("var(v)", {"v": [1e9, 1e9 + 1, 1e9 + 2]}, []),
        ("[1, cos(x + y)]", {"x": 1.0, "y": 0.5707963267948966}, []),
        # Singular, and not by rounding only.
        ("sum(solve(A, A))", {"A": [[1.0, 2.0], [2.0, 4.0]]}, ["removable"]),
        # At powers of two these look smooth.
        ("where(x != 0, mod(1/x, 1), 0)", {"x": 0.0}, ["predicate-at-equality"]),
        ("where(x > 0, mod(1, x), 0)", {"x": 0.0}, ["predicate-at-equality"]),
        ("where(x != 0, x*floor(1/x), 1)", {"x": 0.0}, ["predicate-at-equality"]),
        # A slope that grows like a logarithm, on the only side there is.
        ("xlogy(x, x)", {"x": 0.0}, ["pole"]),
        ("entr(x)", {"x": 0.0}, ["pole"]),
    ],
)
def test_each_reason_has_its_code(source: str, point: dict[str, Any], codes: list[str]) -> None:
    program = diffcli.parse(source)
    what = "grad" if len(program.outputs) == 1 and not source.startswith("[") else "jacobian"
    assert [finding.code for finding in examine(program, point, what)] == codes


#: Zeros, but for digits that are lost, of which the next operation has no slope: formula, point, what is meant.
FLAT = [
    ("p = sin(sign(x)-cos(x)); p*p*p", 1e-17, 1.25e-103),
    ("p = sin(sign(x)-cos(x)); p^2", 1e-17, 2.5e-69),
    ("p = sign(x)-cos(x); [p, p]@[p, p]", 1e-17, 5e-69),
    ("p = sign(x)-cos(x); det([[p, 2*p], [p^2, p]])", 1e-17, 2.5e-69),
    ("p = sign(x)-cos(x); sum([p, x*p]^2)", 1e-17, 2.5e-69),
    ("p = exp(x)-1-x; prod([p, p, p])", 1e-9, 1.2500000012500005e-55),
    ("p = [exp(x)-1-x, exp(x)-1-x]; sum(p*p)", 1e-9, 5.000000003333335e-37),
    ("p = exp(x)-1-x; cosh(p) - 1", 1e-9, 1.2500000008333337e-37),
]


@pytest.mark.parametrize(("source", "x", "value"), FLAT, ids=[each[0] for each in FLAT])
def test_a_zero_without_digits_is_doubted_where_its_square_is(source: str, x: float, value: float) -> None:
    for what in ("eval", "grad", "hessian"):
        finding = examine(diffcli.parse(source), {"x": x}, what)[0]
        assert (finding.code, finding.where) == ("cancellation", "value")
        assert finding.refined is not None
        told = finding.refined["values"]["f"] if what == "eval" else finding.refined["value"]
        assert told == pytest.approx(value, rel=1e-15)


#: What is said where and why, in words that must hold: formula, point, command, code, words.
SAID = [
    ("gamma(x)", {"x": -1}, "eval", "pole", "has a pole here"),
    ("gamma(x)", {"x": 1e300}, "eval", "overflow", "overflows"),
    ("digamma(x)", {"x": -2}, "eval", "pole", "has a pole here"),
    ("lgamma(x)", {"x": 0}, "eval", "pole", "is infinite"),
    ("xlogy(x, y)", {"x": 0, "y": -1}, "grad", "domain", "df/dx does not exist: xlogy(x, y) has no"),
    ("exp(x)*1e300", {"x": -740}, "eval", "overflow", "underflows to 4.19956e-322: doubles have fewer digits"),
    ("exp(x)*1e300", {"x": -800}, "eval", "overflow", "underflows to 0"),
    ("inv(A)", {"A": [[1e200, 1], [1, 1e-200]]}, "eval", "cancellation", "to all digits of doubles the matrix is"),
    ("inv(A)", {"A": [[1, 2], [2, 4]]}, "eval", "domain", "the matrix is singular"),
    ("logabsdet(A)", {"A": [[0, 0], [0, 0]]}, "grad", "pole", "the matrix is singular"),
    ("min(1/x, 5)", {"x": 0}, "eval", "pole", "1/x divides 1 by 0"),
    ("clip(1/x, 0, 1)", {"x": 0}, "eval", "pole", "1/x divides 1 by 0"),
    ("clip(0, x, y)", {"x": 1, "y": 1}, "grad", "kink", "df/dx is 1 from the left and 0 from the right"),
    ("log(x^2)", {"x": 1e-200}, "grad", "overflow", "x^2 underflows to 0"),
    ("x^2/y^2", {"x": 1e-200, "y": 1e-200}, "grad", "overflow", "x^2 underflows to 0"),
    ("1/x^2", {"x": 1e-200}, "grad", "overflow", "x^2 underflows to 0, so 1/x^2 overflows"),
    ("gamma(x^2)", {"x": 1e-200}, "eval", "overflow", "x^2 underflows to 0, so gamma(x^2) overflows"),
    ("1/exp(-x)", {"x": 800}, "eval", "overflow", "exp(-x) underflows to 0, so 1/exp(-x) overflows"),
    ("atan(1/x^2)", {"x": 1e-200}, "grad", "overflow", "x^2 underflows to 0"),
    ("1/x^2", {"x": 0}, "grad", "pole", "1/x^2 divides 1 by 0"),
    ("log(exp(-x))", {"x": 1e20}, "eval", "overflow", "exp(-x) underflows to 0"),
    ("x^y", {"x": -1, "y": inf}, "grad", "nonfinite-input", "y is infinite"),
    ("std(v)^2", {"v": [1, 1, 1]}, "hessian", "kink", "by convention 0 at the origin"),
    ("sum(round([x^0.5, atan2(x, x)]))", {"x": 0}, "grad", "kink", "atan2(x, x) jumps here"),
    ("logabsdet([[1.1, a], [a, 0.990909090909091]])^(1/3)", {"a": 0.3}, "eval", "cancellation", "magnifies"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "at", "what", "code", "words"), SAID, ids=[each[0] for each in SAID])
def test_the_words_hold(source: str, at: dict[str, Any], what: str, code: str, words: str) -> None:
    (finding,) = examine(diffcli.parse(source), at, what)
    assert finding.code == code
    assert words in finding.message


@pytest.mark.parametrize(
    ("source", "at", "what"),
    [
        ("1/erf((x*x)**(x+1))", {"x": 2.0361995257131733}, "grad"),  # a slope of 1e-2442
        ("digamma(1)-tanh(x)", {"x": 5e-324}, "hessian"),  # 2·tanh·sech², to the last place of the smallest numbers
        ("log1p(digamma(x/x))", {"x": -1.909}, "hessian"),
        ("atan(x^2)", {"x": 1e200}, "hessian"),  # both sides are 1e-800
        ("xlogy(x, y)", {"x": 0, "y": -1.75}, "eval"),  # 0 for every y
        ("[1.5, 1] + mod([y, x]/[x, y], [x, y])", {"x": 1.44, "y": 1e-17}, "jacobian"),  # jumps 1e-34 apart
    ],
)
def test_nothing_is_said_of_what_is_right(source: str, at: dict[str, Any], what: str) -> None:
    assert examine(diffcli.parse(source), at, what) == []


@pytest.mark.parametrize(
    ("source", "point", "limit"),
    [
        ("(1+x)^(1/x)", 0, math.e),
        ("cos(x)^(1/x^2)", 0, math.exp(-0.5)),
        ("x^(1/(1-x))", 1, math.exp(-1)),
        ("(sin(x)/x)^(1/x^2)", 0, math.exp(-1 / 6)),
        ("(1+1/x)^x", 1e300, math.e),
    ],
)
def test_one_to_the_power_of_infinity_is_a_limit(source: str, point: float, limit: float) -> None:
    """In doubles it is 1, and nothing was said of it."""
    for what in ("eval", "grad"):
        finding = examine(diffcli.parse(source), {"x": point}, what)[0]
        assert finding.refined is not None
        told = finding.refined["values"]["f"] if what == "eval" else finding.refined["value"]
        assert told == pytest.approx(limit, rel=1e-15)


@pytest.mark.parametrize(
    ("source", "point", "numbers"),
    [
        ("log(exp(x))", 1e20, (1e20, 1.0)),
        ("log(exp(-x))", 1e20, (-1e20, -1.0)),
        ("x - log(1 + exp(x))", 1e20, (0.0, 0.0)),
        ("log(exp(exp(x))) - exp(x)", 1e4, None),
    ],
)
def test_what_is_out_of_every_reach_is_not_told_as_infinite(
    source: str, point: float, numbers: tuple[float, float] | None
) -> None:
    finding = examine(diffcli.parse(source), {"x": point}, "grad")[0]
    assert finding.refined == (numbers and {"value": numbers[0], "gradient": {"x": numbers[1]}})
    assert numbers is None or (finding.hint or "").startswith("write ")


def test_kinks_are_told_where_second_derivatives_are_too_dear() -> None:
    """The first ones were known, and a site of which no second was known was taken for one that does no harm."""
    points: list[tuple[str, dict[str, Any]]] = [
        ("erfinv(a)*hypot(x,y)^2", {"a": 0.5, "x": 0, "y": 0}),
        ("gamma(a)*gamma(b)*gamma(c)*relu(y)^2", {"a": 1.5, "b": 2.5, "c": 3.5, "y": 0}),
        ("norm(v)^2", {"v": [0] * 40}),
        ("sum(abs(v)*v)", {"v": [0] * 40}),
    ]
    for source, at in points:
        for what in ("hessian", "hvp"):
            direction = {"y": 1.0} if "y" in at else {"v": [1.0] * 40}
            codes = [
                each.code for each in examine(diffcli.parse(source), at, what, v=direction if what == "hvp" else None)
            ]
            assert codes == ["kink"]


def test_the_culprit_is_underlined() -> None:
    (finding,) = examine(diffcli.parse("y + log(1 + exp(x))"), {"x": 1000, "y": 1}, "grad")
    assert (finding.expression, finding.span, finding.where) == ("log(1 + exp(x))", (4, 19), "value")
    assert finding.hint == "write softplus(x)"
    assert finding.message.startswith("exp(x) overflows")
    (finding,) = examine(diffcli.parse("2*sqrt(x*y)"), {"x": 0, "y": 1}, "grad")
    assert (finding.expression, finding.span, finding.where) == ("sqrt(x*y)", (2, 11), "derivative")


def test_without_mpmath_the_place_and_the_reason_remain(monkeypatch: pytest.MonkeyPatch) -> None:
    import diffcli.precise

    monkeypatch.setattr(diffcli.precise, "available", lambda: False)
    for source, x, code in [
        ("log(x)", -1.0, "domain"), ("exp(x)", 1000.0, "overflow"), ("abs(x)", 0.0, "kink"),
        ("1 - cos(x)", 1e-9, "cancellation"), ("sqrt(x)", 0.0, "pole"), ("log(1 + x)", 1e-20, "cancellation"),
    ]:  # fmt: skip
        (finding,) = examine(diffcli.parse(source), {"x": x}, "grad")
        assert (finding.code, finding.refined) == (code, None)


def test_what_takes_too_long_is_left_at_its_place() -> None:
    import numpy as np

    point = {"v": np.concatenate([[0.0], np.linspace(1, 2, 3000)])}
    (finding,) = examine(diffcli.parse("sum(abs(v))"), point, "grad", seconds=0.5)
    assert finding.code == "kink"


def test_products_of_the_jacobian_are_refined_too() -> None:
    program = diffcli.parse("r = log(exp(x) + exp(y)); s = x*y")
    point = {"x": 1000, "y": 1000}
    (finding,) = examine(program, point, "vjp", v={"r": 2, "s": 1})
    assert finding.refined is not None
    assert same(finding.refined["vjp"]["x"], 1001.0)
    (finding,) = examine(program, point, "jvp", v={"x": 1, "y": 3})
    assert finding.refined is not None
    assert same(finding.refined["jvp"]["r"], 2.0)
    findings = examine(diffcli.parse("[x/y, sqrt(x)]"), {"x": 0, "y": 0}, "jacobian")
    assert [finding.where for finding in findings] == ["value", "derivative"]
