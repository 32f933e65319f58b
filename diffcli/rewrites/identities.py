"""The identities: how a formula is written, what may be written instead, and why.

Letters stand for any operand: v and w for vectors, A for a matrix, all others for whatever an elementwise operation
takes. A sum or a product is known in either order of its two arguments. `{a - b}` stands for the difference with
what is common to both left out: (x + h) − x is h; `{!a - b}` where nothing is common, there is no such spelling.

Each is an identity of mathematics, not of floating point: that is its use. Of several spellings none is good
everywhere; at a point they are tried in this order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from diffcli.graph import INPUT, Node, ancestors
from diffcli.rewrites.reading import number, plain


class Identity(NamedTuple):
    """`better` are spellings of what `written` means. `always`: the first is nowhere worse, so that it is worth saying
    whatever the point. `when` must hold of the operands, by their letters.
    """

    written: str
    better: tuple[str, ...]
    why: str
    always: bool = True
    when: Callable[[Mapping[str, Node]], bool] | None = None


def _vanishes_with(operands: Mapping[str, Node]) -> bool:
    """Whether a and b are 0 together: they have a factor in common, and only such a one makes up for a logarithm; or a
    stands alone, like a share or a probability.
    """
    factor, x = operands["a"], operands["b"]
    if factor.constant or _one_more(x):
        return False
    alone = plain(factor).op.name not in ("multiply", "divide", "power") and _of_others(operands)
    return alone or not _factors(factor).isdisjoint(_factors(x))


def _of_others(operands: Mapping[str, Node]) -> bool:
    """Whether a and b have no input in common, and may both be 0 at one point."""
    factor, x = operands["a"], operands["b"]
    inputs, others = ({node for node in ancestors([each]) if node.op is INPUT} for each in (factor, x))
    return not factor.constant and not _one_more(x) and inputs.isdisjoint(others)


def _one_more(node: Node) -> bool:
    """Whether a node is 1 + x: what its logarithm loses is lost by the sum."""
    return node.op.name == "add" and any(number(arg, 1.0) for arg in node.args)


def _factors(node: Node) -> set[Node]:
    """What a product or a power is 0 with."""
    found: set[Node] = set()
    pending = [plain(node)]
    while pending:
        here = pending.pop()
        if here in found:
            continue
        found.add(here)
        if here.op.name in ("multiply", "negate", "abs"):
            pending.extend(map(plain, here.args))
        elif here.op.name in ("square", "sqrt", "cbrt", "power", "divide"):
            pending.append(plain(here.args[0]))
    return {each for each in found if not each.constant}


def _counts(operands: Mapping[str, Node]) -> bool:
    """Whether n is the number of elements of v."""
    return number(operands["n"], float(operands["v"].size))


def _in_space(operands: Mapping[str, Node]) -> bool:
    return operands["v"].shape == operands["w"].shape == (3,)


def _vector(operands: Mapping[str, Node]) -> bool:
    return len(operands["v"].shape) == 1


def _varies(operands: Mapping[str, Node]) -> bool:
    return not operands["a"].constant


_EXP = "exp overflows"
_SIDES = "exp(x) is near 1, or lost beside it"
_ROOTS = "the roots cancel"
_SQUARES = "the squares cancel"
_RANGE = "a part of it overflows or underflows"

IDENTITIES: tuple[Identity, ...] = (
    # Logarithms
    Identity("log(exp(a))", ("a",), "log undoes exp"),
    Identity("log(sigmoid(a))", ("log_sigmoid(a)",), "sigmoid underflows"),
    Identity("log(1 - sigmoid(a))", ("log_sigmoid(-a)",), "sigmoid rounds to 1"),
    Identity("log(1/(1 + exp(a)))", ("log_sigmoid(-a)",), _EXP),
    Identity("log(exp(a)/(1 + exp(a)))", ("log_sigmoid(a)",), _EXP),
    Identity("log(1 - 1/(1 + exp(a)))", ("log_sigmoid(a)",), "the sigmoid rounds to 1"),
    Identity("log(1 - exp(a)/(1 + exp(a)))", ("log_sigmoid(-a)",), "the sigmoid rounds to 1"),
    Identity("log(sigmoid(a)/(1 - sigmoid(a)))", ("a",), "the sigmoid rounds to 1"),
    Identity("logit(sigmoid(a))", ("a",), "the sigmoid rounds to 1"),
    Identity("log(exp(a)/(exp(a) + exp(b)))", ("log_sigmoid({a - b})",), _EXP),
    Identity("log(gamma(a))", ("lgamma(a)",), "gamma overflows from 172 on"),
    Identity("log(beta(a, b))", ("lgamma(a) + lgamma(b) - lgamma(a + b)",), "beta underflows", always=False),
    Identity("log(det(A))", ("logabsdet(A)",), "a determinant overflows and underflows"),
    Identity("log(abs(det(A)))", ("logabsdet(A)",), "a determinant overflows and underflows"),
    Identity("log(prod(v))", ("sum(log(v))", "sum(log(abs(v)))"), "the product overflows or underflows", always=False),
    Identity("log(abs(prod(v)))", ("sum(log(abs(v)))",), "the product overflows or underflows"),
    Identity("log(softmax(v))", ("log_softmax(v)",), "softmax underflows"),
    Identity("log(exp(v)/sum(exp(v)))", ("log_softmax(v)",), "exp overflows and underflows", when=_vector),
    Identity("log(sum(exp(v)))", ("logsumexp(v)",), "exp overflows and underflows"),
    Identity("log(mean(exp(v)))", ("logsumexp(v) - log(len(v))",), "exp overflows and underflows"),
    Identity("log(sum(w*exp(v)))", ("logsumexp(v + log(w))",), "exp overflows and underflows", always=False),
    Identity("log(a*exp(b) + c*exp(d))", ("logaddexp(b + log(a), d + log(c))",), "exp overflows and underflows",
             always=False),
    Identity("log(exp(b) + c*exp(d))", ("logaddexp(b, d + log(c))",), "exp overflows and underflows", always=False),
    Identity("log(exp(a) - exp(b))", ("a + log(-expm1({b - a}))", "a + log1p(-exp({b - a}))"),
             "exp overflows, and the exponentials cancel", always=False),
    Identity("log(1 - exp(a))", ("log(-expm1(a))", "log1p(-exp(a))",
             "where(a > -0.7, log(-expm1(a)), log1p(-exp(a)))"), _SIDES),
    Identity("log(-expm1(a))", ("log1p(-exp(a))", "where(a > -0.7, log(-expm1(a)), log1p(-exp(a)))"), _SIDES,
             always=False),
    Identity("log1p(-exp(a))", ("log(-expm1(a))", "where(a > -0.7, log(-expm1(a)), log1p(-exp(a)))"), _SIDES,
             always=False),
    Identity("log(exp(a) - 1)", ("log(expm1(a))", "a + log1p(-exp(-a))",
             "where(a < 0.7, log(expm1(a)), a + log1p(-exp(-a)))"), "exp overflows, and cancels near 0"),
    Identity("log(expm1(a))", ("a + log1p(-exp(-a))", "where(a < 0.7, log(expm1(a)), a + log1p(-exp(-a)))"), _EXP,
             always=False),
    Identity("log(1 - erf(a))", ("log(erfc(a))",), "1 − erf(x) cancels for large x"),
    Identity("log(1 - erfc(a))", ("log(erf(a))",), "1 − erfc(x) cancels near 0"),
    Identity("log(1 - tanh(a)^2)", ("2*log(2) + log_sigmoid(2*a) + log_sigmoid(-2*a)",), "1 − tanh² cancels"),
    Identity("log(1 - tanh(a))", ("log(2) + log_sigmoid(-2*a)",), "1 − tanh(x) cancels"),
    Identity("log(1 + tanh(a))", ("log(2) + log_sigmoid(2*a)",), "1 + tanh(x) cancels"),
    Identity("log(cosh(a))", ("logaddexp(a, -a) - log(2)", "log1p(2*sinh(a/2)^2)",
             "where(abs(a) < 1, log1p(2*sinh(a/2)^2), logaddexp(a, -a) - log(2))"),
             "cosh overflows, and is 1 near 0", always=False),
    Identity("log(sinh(a))", ("a + log(-expm1(-2*a)/2)",), "sinh overflows", always=False),
    Identity("log(a + sqrt(a^2 + 1))", ("asinh(a)",), "the sum cancels for negative x"),
    Identity("log(a + sqrt(a^2 - 1))", ("acosh(a)",), "the square overflows, and cancels near 1"),
    Identity("log(sqrt(a^2 + 1) - a)", ("-asinh(a)",), "the difference cancels for large x"),
    Identity("log(a - sqrt(a^2 - 1))", ("-acosh(a)",), "the difference cancels for large x"),
    Identity("log(a/(1 - a))", ("logit(a)",), "the quotient loses digits"),
    Identity("log((1 + a)/(1 - a))", ("2*atanh(a)",), "the quotient is near 1"),
    Identity("log(1 + exp(a))", ("softplus(a)",), "exp overflows, and 1 + exp loses it"),
    Identity("log(1 + a)", ("log1p(a)",), "1 + x has lost the last digits of x"),
    Identity("log(1 - a)", ("log1p(-a)",), "1 − x has lost the last digits of x"),
    Identity("log(1 + a + b)", ("log1p(a + b)",), "1 + x has lost the last digits of x"),
    Identity("log(1 + a - b)", ("log1p({a - b})",), "1 + x has lost the last digits of x"),
    Identity("log(1 - a + b)", ("log1p({b - a})",), "1 + x has lost the last digits of x"),
    Identity("log(1 - a - b)", ("log1p(-(a + b))",), "1 + x has lost the last digits of x"),
    Identity("log2(1 + a)", ("log1p(a)/log(2)",), "1 + x has lost the last digits of x"),
    Identity("log2(1 - a)", ("log1p(-a)/log(2)",), "1 − x has lost the last digits of x"),
    Identity("log10(1 + a)", ("log1p(a)/log(10)",), "1 + x has lost the last digits of x"),
    Identity("log10(1 - a)", ("log1p(-a)/log(10)",), "1 − x has lost the last digits of x"),
    Identity("log(a/b)", ("log1p({a - b}/b)", "log(a) - log(b)"), "the quotient is near 1, or overflows",
             always=False),
    Identity("log(a*b)", ("log(a) + log(b)",), "the product overflows or underflows", always=False),
    Identity("log(a^2)", ("2*log(abs(a))",), "the square overflows or underflows", always=False),
    Identity("log(a^n)", ("n*log(a)",), "the power overflows or underflows", always=False),
    Identity("log1p(exp(a))", ("softplus(a)",), _EXP),
    Identity("log1p(expm1(a))", ("a",), "log1p undoes expm1"),
    Identity("log1p(a - 1)", ("log(a)",), "x − 1 has lost the last digits of x"),
    # The last of the logarithms: those above say more of the same formulas.
    Identity("log(exp(a)/b)", ("a - log(b)",), "exp overflows and underflows"),
    Identity("log(b*exp(a))", ("a + log(b)",), "exp overflows and underflows"),
    # Exponentials
    Identity("exp(log(a))", ("a",), "exp undoes log"),
    Identity("expm1(log1p(a))", ("a",), "expm1 undoes log1p"),
    Identity("expm1(log(a))", ("a - 1",), "expm1 undoes log, but for 1"),
    Identity("exp(n*log(a))", ("a^n",), "log is infinite at 0"),
    Identity("exp(a)*exp(b)", ("exp({a + b})",), _RANGE),
    Identity("exp(a)/exp(b)", ("exp({a - b})",), _RANGE),
    Identity("exp(a)^2", ("exp(2*a)",), _RANGE, always=False),
    Identity("exp(a)^n", ("exp(n*a)",), _RANGE, always=False),
    Identity("1/exp(a)", ("exp(-a)",), "exp overflows and underflows"),
    Identity("b/exp(a)", ("b*exp(-a)",), "exp overflows and underflows", always=False),
    Identity("sqrt(exp(a))", ("exp(a/2)",), "exp overflows and underflows"),
    Identity("prod(v)^n", ("exp(n*sum(log(v)))",), "the product overflows or underflows", always=False),
    Identity("a^b*exp(-a)/gamma(b + 1)", ("exp(b*log(a) - a - lgamma(b + 1))",), _RANGE, always=False),
    Identity("(1 + a)^b", ("exp(b*log1p(a))",), "1 + x has lost the last digits of x", always=False),
    Identity("(1 - a)^b", ("exp(b*log1p(-a))",), "1 − x has lost the last digits of x", always=False),
    # Differences from 1
    Identity("exp(a) - 1", ("expm1(a)",), "exp(x) − 1 cancels near 0"),
    Identity("1 - exp(a)", ("-expm1(a)",), "1 − exp(x) cancels near 0"),
    Identity("exp2(a) - 1", ("expm1(a*log(2))",), "2^x − 1 cancels near 0"),
    Identity("(1 + a)^n - 1", ("expm1(n*log1p(a))",), "the power cancels near 1"),
    Identity("a^n - 1", ("expm1(n*log(a))",), "the power cancels near 1", always=False),
    Identity("(1 - a)^n - 1", ("expm1(n*log1p(-a))",), "the power cancels near 1"),
    Identity("1 - (1 + a)^n", ("-expm1(n*log1p(a))",), "the power cancels near 1"),
    Identity("1 - (1 - a)^n", ("-expm1(n*log1p(-a))",), "the power cancels near 1"),
    Identity("1 - a^n", ("-expm1(n*log(a))",), "the power cancels near 1", always=False),
    Identity("(1 + a)^2 - 1", ("a*(2 + a)",), "the square cancels near 1"),
    Identity("1 - (1 + a)^2", ("-a*(2 + a)",), "the square cancels near 1"),
    Identity("1 - (1 - a)^2", ("a*(2 - a)",), "the square cancels near 1"),
    Identity("1 - a/sqrt(a^2 + b)", ("b/(sqrt(a^2 + b)*(sqrt(a^2 + b) + a))",), "the quotient is near 1 for large x",
             always=False),
    Identity("1 + a/sqrt(a^2 + b)", ("b/(sqrt(a^2 + b)*(sqrt(a^2 + b) - a))",), "the quotient is near −1 for large −x",
             always=False),
    Identity("1 - a/hypot(a, b)", ("b^2/(hypot(a, b)*(hypot(a, b) + a))",), "the quotient is near 1 for large x",
             always=False),
    Identity("2*sigmoid(a) - 1", ("tanh(a/2)",), "the sigmoid is near ½"),
    Identity("sigmoid(a) - 0.5", ("tanh(a/2)/2",), "the sigmoid is near ½"),
    Identity("2/(1 + exp(a)) - 1", ("-tanh(a/2)",), "the sigmoid is near ½"),
    Identity("cos(a) - 1", ("-2*sin(a/2)^2",), "cos(x) − 1 cancels near 0"),
    Identity("1 - cos(a)", ("2*sin(a/2)^2",), "1 − cos(x) cancels near 0"),
    Identity("cosh(a) - 1", ("2*sinh(a/2)^2",), "cosh(x) − 1 cancels near 0"),
    Identity("1 - cosh(a)", ("-2*sinh(a/2)^2",), "1 − cosh(x) cancels near 0"),
    Identity("1 - erf(a)", ("erfc(a)",), "1 − erf(x) cancels for large x"),
    Identity("1 + erf(a)", ("erfc(-a)",), "1 + erf(x) cancels for negative x"),
    Identity("1 - erfc(a)", ("erf(a)",), "1 − erfc(x) cancels near 0"),
    Identity("1 - sigmoid(a)", ("sigmoid(-a)",), "1 − sigmoid(x) cancels for large x"),
    Identity("1 - 1/(1 + exp(a))", ("sigmoid(a)",), "the sigmoid rounds to 1"),
    Identity("1 - exp(a)/(1 + exp(a))", ("sigmoid(-a)",), "the sigmoid rounds to 1"),
    Identity("1 - tanh(a)", ("2*sigmoid(-2*a)",), "1 − tanh(x) cancels for large x"),
    Identity("1 + tanh(a)", ("2*sigmoid(2*a)",), "1 + tanh(x) cancels for negative x"),
    Identity("1 - tanh(a)^2", ("1/cosh(a)^2",), "1 − tanh² cancels"),
    Identity("1 - cos(a)^2", ("sin(a)^2",), "1 − cos² cancels"),
    Identity("1 - sin(a)^2", ("cos(a)^2",), "1 − sin² cancels"),
    Identity("erf(a) - 1", ("-erfc(a)",), "erf(x) − 1 cancels for large x"),
    Identity("erfc(a) - 1", ("-erf(a)",), "erfc(x) − 1 cancels near 0"),
    Identity("sigmoid(a) - 1", ("-sigmoid(-a)",), "sigmoid(x) − 1 cancels for large x"),
    Identity("tanh(a) - 1", ("-2*sigmoid(-2*a)",), "tanh(x) − 1 cancels for large x"),
    Identity("tanh(a)^2 - 1", ("-1/cosh(a)^2",), "tanh² − 1 cancels"),
    Identity("cos(a)^2 - 1", ("-sin(a)^2",), "cos² − 1 cancels"),
    Identity("sin(a)^2 - 1", ("-cos(a)^2",), "sin² − 1 cancels"),
    Identity("cosh(a)^2 - 1", ("sinh(a)^2",), "cosh² − 1 cancels"),
    Identity("1 - a^2", ("(1 - a)*(1 + a)",), "1 − x² cancels near 1"),
    Identity("a^2 - 1", ("(a - 1)*(a + 1)",), "x² − 1 cancels near 1"),
    # Other differences
    Identity("exp(a) - exp(-a)", ("2*sinh(a)",), "the exponentials cancel near 0"),
    Identity("exp(-a) - exp(a)", ("-2*sinh(a)",), "the exponentials cancel near 0"),
    Identity("exp(a) - exp(b)", ("exp(b)*expm1({a - b})", "2*exp({a + b}/2)*sinh({a - b}/2)"),
             "the exponentials cancel"),
    Identity("cosh(a) - sinh(a)", ("exp(-a)",), "the exponentials cancel"),
    Identity("cosh(a) + sinh(a)", ("exp(a)",), "the exponentials cancel for negative x"),
    Identity("log(a) - log(1 - a)", ("logit(a)",), "the logarithms cancel near ½"),
    Identity("log(a) - log1p(-a)", ("logit(a)",), "the logarithms cancel near ½"),
    Identity("log(a) - log(b)", ("log1p({a - b}/b)", "log(a/b)"), "the logarithms cancel"),
    Identity("log1p(a) - log1p(b)", ("log1p({a - b}/(1 + b))",), "the logarithms cancel", always=False),
    Identity("a - softplus(a)", ("log_sigmoid(a)",), "the difference cancels for large x"),
    Identity("a - log(1 + exp(a))", ("log_sigmoid(a)",), _EXP),
    Identity("softplus(a) - a", ("softplus(-a)",), "the difference cancels for large x"),
    Identity("log(1 + exp(a)) - a", ("softplus(-a)",), _EXP),
    Identity("logaddexp(a, b) - b", ("softplus({a - b})",), "the difference cancels"),
    Identity("sqrt(a) - sqrt(b)", ("{a - b}/(sqrt(a) + sqrt(b))",), _ROOTS),
    Identity("cbrt(a) - cbrt(b)", ("{a - b}/(cbrt(a)^2 + cbrt(a)*cbrt(b) + cbrt(b)^2)",), _ROOTS),
    Identity("hypot(a, b) - a", ("b^2/(hypot(a, b) + a)",), "the root cancels", always=False),
    Identity("a - hypot(a, b)", ("-b^2/(hypot(a, b) + a)",), "the root cancels", always=False),
    Identity("sqrt(a) - b", ("{!a - b^2}/(sqrt(a) + b)",), "the root cancels", always=False),
    Identity("b - sqrt(a)", ("{!b^2 - a}/(b + sqrt(a))",), "the root cancels", always=False),
    Identity("-b + sqrt(a)", ("{!a - b^2}/(sqrt(a) + b)",), "the root cancels", always=False),
    Identity("-b - sqrt(a)", ("{!b^2 - a}/(sqrt(a) - b)",), "the root cancels", always=False),
    Identity("b + sqrt(a)", ("{!a - b^2}/(sqrt(a) - b)",), "the root cancels", always=False),
    Identity("1/a - 1/b", ("{b - a}/(a*b)",), "the reciprocals cancel"),
    Identity("1/sqrt(a) - 1/sqrt(b)", ("{b - a}/(sqrt(a)*sqrt(b)*(sqrt(a) + sqrt(b)))",), _ROOTS),
    Identity("a^2 - b^2", ("{a - b}*{a + b}",), _SQUARES),
    Identity("a^3 - b^3", ("{a - b}*(a^2 + a*b + b^2)",), "the cubes cancel"),
    Identity("a^2 - 2*a*b + b^2", ("{a - b}^2",), _SQUARES),
    Identity("a^2 + 2*a*b + b^2", ("{a + b}^2",), _SQUARES),
    Identity("a^4 - b^4", ("{a - b}*{a + b}*(a^2 + b^2)",), "the powers cancel"),
    Identity("a^2 + b^2 - 2*a*b*cos(c)", ("{a - b}^2 + 4*a*b*sin(c/2)^2",), _SQUARES),
    Identity("tan(a) - sin(a)", ("2*tan(a)*sin(a/2)^2",), "tan(x) and sin(x) cancel near 0"),
    Identity("sin(a) - tan(a)", ("-2*tan(a)*sin(a/2)^2",), "tan(x) and sin(x) cancel near 0"),
    Identity("cos(a)^2 - sin(a)^2", ("cos(2*a)",), _SQUARES),
    Identity("sin(a)*cos(b) - cos(a)*sin(b)", ("sin({a - b})",), "the products cancel"),
    Identity("sin(a)*cos(b) + cos(a)*sin(b)", ("sin({a + b})",), "the products cancel"),
    Identity("cos(a)*cos(b) - sin(a)*sin(b)", ("cos({a + b})",), "the products cancel"),
    Identity("cos(a)*cos(b) + sin(a)*sin(b)", ("cos({a - b})",), "the products cancel"),
    Identity("sin(a) - sin(b)", ("2*cos({a + b}/2)*sin({a - b}/2)",), "the sines cancel"),
    Identity("cos(a) - cos(b)", ("-2*sin({a + b}/2)*sin({a - b}/2)",), "the cosines cancel"),
    Identity("tan(a) - tan(b)", ("sin({a - b})/(cos(a)*cos(b))",), "the tangents cancel"),
    Identity("sinh(a) - sinh(b)", ("2*cosh({a + b}/2)*sinh({a - b}/2)",), "the hyperbolic sines cancel"),
    Identity("cosh(a) - cosh(b)", ("2*sinh({a + b}/2)*sinh({a - b}/2)",), "the hyperbolic cosines cancel"),
    Identity("tanh(a) - tanh(b)", ("sinh({a - b})/(cosh(a)*cosh(b))",), "the tangents cancel"),
    Identity("atan(a) - atan(b)", ("atan2({a - b}, 1 + a*b)",), "the angles cancel"),
    Identity("pi/2 - atan(a)", ("atan2(1, a)",), "the angle cancels for large x"),
    Identity("pi/2 - asin(a)", ("acos(a)",), "the angle cancels near 1"),
    Identity("pi/2 - acos(a)", ("asin(a)",), "the angle cancels near 0"),
    Identity("pi - acos(a)", ("acos(-a)",), "the angle cancels near −1"),
    Identity("mean(v^2) - mean(v)^2", ("var(v)",), _SQUARES),
    Identity("sum(v^2)/n - (sum(v)/n)^2", ("var(v)",), _SQUARES, when=_counts),
    Identity("sum(v^2) - sum(v)^2/n", ("sum((v - mean(v))^2)",), _SQUARES, when=_counts),
    Identity("sum(v^2) - n*mean(v)^2", ("sum((v - mean(v))^2)",), _SQUARES, when=_counts),
    Identity("sum(v^2)/n - mean(v)^2", ("var(v)",), _SQUARES, when=_counts),
    Identity("mean(v^2) - (sum(v)/n)^2", ("var(v)",), _SQUARES, when=_counts),
    Identity("sum(v*w) - n*mean(v)*mean(w)", ("sum((v - mean(v))*(w - mean(w)))",), "the products cancel",
             when=_counts),
    Identity("sum(v*w) - sum(v)*sum(w)/n", ("sum((v - mean(v))*(w - mean(w)))",), "the products cancel",
             when=_counts),
    Identity("mean(v*w) - mean(v)*mean(w)", ("mean((v - mean(v))*(w - mean(w)))",), "the products cancel"),
    Identity("a - b", ("{!a - b}",), "what is common to both cancels"),
    # Roots and powers
    Identity("sqrt(a^2)", ("abs(a)",), "the square overflows and underflows"),
    Identity("sqrt(sum(v^2))", ("norm(v)",), "squares overflow and underflow"),
    Identity("sqrt(v@v)", ("norm(v)",), "squares overflow and underflow"),
    Identity("norm(v)^2", ("sum(v^2)",), "the norm has no slope at 0"),
    Identity("hypot(a, b)^2", ("a^2 + b^2",), "the root has no slope at 0"),
    Identity("abs(a)^2", ("a^2",), "the absolute value has no slope at 0"),
    Identity("sqrt(mean(v^2) - mean(v)^2)", ("std(v)",), _SQUARES),
    Identity("sqrt(1 - a^2)", ("sqrt((1 - a)*(1 + a))",), "1 − x² cancels near 1"),
    Identity("sqrt(a^2 - 1)", ("sqrt((a - 1)*(a + 1))", "sqrt(a - 1)*sqrt(a + 1)"),
             "x² − 1 cancels near 1, and overflows"),
    Identity("sqrt(a^2 - b^2)", ("sqrt({a - b}*{a + b})", "sqrt({a - b})*sqrt({a + b})"),
             "the squares cancel, and overflow"),
    Identity("sqrt(a*b)", ("sqrt(a)*sqrt(b)",), "the product overflows or underflows", always=False),
    Identity("sqrt(a/b)", ("sqrt(a)/sqrt(b)",), "the quotient overflows or underflows", always=False),
    Identity("sqrt(a)*sqrt(a)", ("a",), "the root has no slope at 0"),
    Identity("sqrt(a)^2", ("a",), "the root has no slope at 0"),
    # Products and quotients
    Identity("-a*log(a)", ("entr(a)",), "log is infinite at 0"),
    Identity("-(a*log(a))", ("entr(a)",), "log is infinite at 0"),
    Identity("a*log(a)", ("xlogy(a, a)",), "log is infinite at 0"),
    Identity("a*b*log(a)", ("b*xlogy(a, a)",), "log is infinite at 0"),
    Identity("a*log2(a)", ("xlogy(a, a)/log(2)",), "log2 is infinite at 0"),
    Identity("a*log10(a)", ("xlogy(a, a)/log(10)",), "log10 is infinite at 0"),
    Identity("a*log(b)", ("xlogy(a, b)",), "log is infinite at 0", when=_vanishes_with),
    Identity("a*log(b)", ("xlogy(a, b)",), "log is infinite at 0", always=False, when=_of_others),
    Identity("exp(v)/sum(exp(v))", ("softmax(v)",), _EXP, when=_vector),
    Identity("sum(exp(v)*w)/sum(exp(v))", ("sum(softmax(v)*w)",), _EXP, when=_vector),
    Identity("exp(a)/(1 + exp(a))", ("sigmoid(a)",), _EXP),
    Identity("exp(a)/(exp(a) + exp(b))", ("sigmoid({a - b})",), _EXP),
    Identity("exp(a)/(1 + exp(a))^2", ("sigmoid(a)*sigmoid(-a)",), _EXP),
    Identity("1/(1 + exp(a))", ("sigmoid(-a)",), _EXP),
    Identity("(1 + exp(a))^-1", ("sigmoid(-a)",), _EXP),
    Identity("1/(exp(a) - 1)", ("1/expm1(a)", "-exp(-a)/expm1(-a)"), "exp(x) − 1 cancels near 0, and overflows"),
    Identity("1/expm1(a)", ("-exp(-a)/expm1(-a)",), _EXP, always=False),
    Identity("1/(1 - exp(a))", ("-1/expm1(a)", "exp(-a)/expm1(-a)"), "1 − exp(x) cancels near 0, and overflows"),
    Identity("exp(a)/(exp(a) - 1)", ("-1/expm1(-a)",), "exp(x) − 1 cancels near 0, and overflows"),
    Identity("b/(exp(a) - 1)", ("b/expm1(a)", "-b*exp(-a)/expm1(-a)"), "exp(x) − 1 cancels near 0, and overflows",
             always=False),
    Identity("b/expm1(a)", ("-b*exp(-a)/expm1(-a)",), _EXP, always=False),
    Identity("b/(1 + exp(a))", ("b*sigmoid(-a)",), _EXP, always=False),
    Identity("(exp(a) - exp(-a))/2", ("sinh(a)",), "the exponentials cancel near 0"),
    Identity("(exp(a) - exp(-a))/(exp(a) + exp(-a))", ("tanh(a)",), "exp overflows, and cancels near 0"),
    Identity("(exp(a) - 1)/(exp(a) + 1)", ("tanh(a/2)",), "exp overflows, and cancels near 0"),
    Identity("(1 - exp(a))/(1 + exp(a))", ("-tanh(a/2)",), "exp overflows, and cancels near 0"),
    Identity("sinh(a)/cosh(a)", ("tanh(a)",), _RANGE),
    Identity("sin(pi*a)/(pi*a)", ("sinc(a)",), "0/0 at 0"),
    Identity("sin(a)/a", ("sinc(a/pi)",), "0/0 at 0"),
    Identity("(1 - cos(a))/a^2", ("sinc(a/(2*pi))^2/2",), "0/0 at 0, and cancels near it"),
    Identity("(-b + sqrt(b^2 - 4*a*c))/(2*a)", ("2*c/(-b - sqrt(b^2 - 4*a*c))",), "the root cancels for positive b",
             always=False),
    Identity("(-b - sqrt(b^2 - 4*a*c))/(2*a)", ("2*c/(-b + sqrt(b^2 - 4*a*c))",), "the root cancels for negative b",
             always=False),
    Identity("a*b/a", ("b",), "0/0 where the common factor is 0", always=False),
    Identity("a^2/a", ("a",), "0/0 where the common factor is 0", always=False),
    Identity("gamma(a + 1)/gamma(a)", ("a",), "gamma overflows from 172 on"),
    Identity("gamma(a)*gamma(b)/gamma(a + b)", ("beta(a, b)",), "gamma overflows from 172 on"),
    Identity("gamma(a)/gamma(b)", ("exp(lgamma(a) - lgamma(b))",), "gamma overflows from 172 on", always=False),
    # Angles
    Identity("acos(1 - a)", ("2*asin(sqrt(a/2))",), "1 − x has lost the last digits of x"),
    Identity("asin(1 - a)", ("pi/2 - 2*asin(sqrt(a/2))",), "1 − x has lost the last digits of x", always=False),
    Identity("acosh(1 + a)", ("2*asinh(sqrt(a/2))",), "1 + x has lost the last digits of x"),
    Identity("atanh(1 - a)", ("(log(2 - a) - log(a))/2",), "1 − x has lost the last digits of x"),
    Identity("asin(sqrt(1 - a^2))", ("acos(abs(a))",), "1 − x² cancels near 1"),
    Identity("acos(sqrt(1 - a^2))", ("asin(abs(a))",), "1 − x² is near 1"),
    Identity("acos(sum(v*w)/(norm(v)*norm(w)))", ("atan2(norm(cross(v, w)), dot(v, w))",), "acos loses small angles",
             when=_in_space),
    Identity("acos(v@w/(norm(v)*norm(w)))", ("atan2(norm(cross(v, w)), dot(v, w))",), "acos loses small angles",
             when=_in_space),
    Identity("acos(sin(a)*sin(b) + cos(a)*cos(b)*cos(c))",
             ("2*asin(sqrt(sin({a - b}/2)^2 + cos(a)*cos(b)*sin(c/2)^2))",), "acos loses small angles", always=False),
    # atan2(y, x) itself is another function where x < 0: the angle in the plane.
    Identity("atan(a/b)", ("atan2(sign(b)*a, abs(b))",),
             "the quotient overflows; if the angle of (x, y) is meant, it is atan2(y, x)", when=_varies),
)  # fmt: skip
