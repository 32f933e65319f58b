"""Operations on single numbers in arbitrary precision: the table's `reference` entries, kept from arguments that they
would not come back from, and rules for what has none or a better one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from diffcli.graph import Node
from diffcli.precise import gamma
from diffcli.precise.arithmetic import FAR, Arithmetic, finite, size
from diffcli.precise.erf import erf, erfc
from diffcli.precise.erfinv import erfinv

#: So many bits say how large a logarithm is: all of them take longer than the rest of most formulas.
ROUGH = 30
#: Log₂ of the numbers from which on their periods are taken off before they are exponents, and of those whose
#: exponentials have no precision in common with 1.
WHOLE, EXPONENT = 64, 16


def referred(ar: Arithmetic, node: Node, numbers: list[Any]) -> Any:
    """One number by the table's reference, kept from arguments it would not come back from."""
    name = node.op.name
    for x in numbers:
        if ar.is_nan(x):
            return ar.nan
    if name not in _EXACT and any(_drowns(ar, name, x) for x in numbers):
        ar.drown()
    if name not in _TIRELESS:
        far = _FAR_AWAY.get(name)
        if far is not None:
            if any(map(ar.far_for_exp, numbers)):
                return far(ar, *numbers)
        else:
            largest_size = max((size(x) for x in numbers if not isinstance(x, bool) and finite(x) and x), default=0)
            if largest_size > ar.far:
                ar.beyond, ar.too_far = True, (name, largest_size * 30_103 // 100_000 + 1)
                return ar.nan
    if name in _PERIODIC and finite(numbers[0]) and numbers[0]:
        ar.swing = max(ar.swing, size(numbers[0]))
    if name in _STEPS and all(map(finite, numbers)):
        numbers = [_whole(ar, x * _STEPS[name]) / _STEPS[name] for x in numbers]
    level = _LEVELS.get(name)
    if level is not None and all(map(finite, numbers)):
        ar.sees(level(ar.m, *numbers))
    return ar.call(_FASTER.get(name, node.op.reference), *numbers, *node.params)  # type: ignore[arg-type]


def _whole(ar: Arithmetic, x: Any) -> Any:
    """The whole number that rounding alone tells from x, 1/(0.25/30) from 120; if there is none, x."""
    near = ar.m.nint(x)
    return near if ar.same(x, near) else x


#: What goes up in steps, and how many there are from a whole number to the next.
_STEPS = {"floor": 1, "ceil": 1, "trunc": 1, "round": 2}


def _exp(m: Any, x: Any) -> Any:
    """exp(x). Far off, mpmath's own takes e to the power of a whole number, bit by bit."""
    if not x or size(x) < WHOLE:
        return m.exp(x)
    m.prec += size(x) + 16
    periods = int(m.nint(x / m.ln2))
    rest = x - periods * m.ln2
    m.prec -= size(x) + 16
    return m.ldexp(m.exp(rest), periods)


def _drowns(ar: Arithmetic, name: str, x: Any) -> bool:
    """Whether so far off, or so near 0, a function is some simpler one to any precision: sinh(x) is exp(x)/2, or x."""
    if isinstance(x, bool) or not x or not finite(x):
        return False
    return size(x) > EXPONENT if name in _FAR_AWAY else abs(size(x)) > ar.widest


#: What takes the place of a reference that is slow far off.
_FASTER = {"exp": _exp, "erf": erf, "erfc": erfc}


def _flat(power: int) -> Callable[..., float]:
    """Near 0 a constant, up to x^power."""
    return lambda m, x: -power * m.mag(x) if x else 0


def _periodic(power: int) -> Callable[..., float]:
    """The same near 0; far off all the digits before the point say nothing."""
    return lambda m, x: max(m.mag(x), -power * m.mag(x)) if x else 0


def _steep(rate: float, square: bool = False, power: int = 0, sign: int = 0) -> Callable[..., float]:
    """Far off a constant, up to exp(−rate·|x|), or of x² (`sign`: on that side only), and near 0 up to x^power."""

    def bits(m: Any, x: Any) -> float:
        if not x:
            return 0
        if m.mag(x) <= 0:
            return -power * int(m.mag(x))
        if m.mag(x) > EXPONENT or sign * x < 0:
            return 0
        return 1.4427 * rate * float(x * x if square else abs(x))

    return bits


#: How many bits it takes to tell a function's value from the constant that it is nearly: from cos(x) = 1, tanh(x) = 1.
_LEVELS: dict[str, Callable[..., float]] = {
    **dict.fromkeys(("exp", "exp2", "acos"), _flat(1)),
    **dict.fromkeys(("cos", "sinc"), _periodic(2)),
    **dict.fromkeys(("sin", "tan"), _periodic(0)),
    "cosh": _flat(2),
    "tanh": _steep(2.0),
    "expm1": _steep(1.0, sign=-1),
    "erf": _steep(1.0, square=True),
    "erfc": _steep(1.0, square=True, power=1, sign=-1),
    "sigmoid": _steep(1.0, power=1, sign=1),
    "softplus": _steep(1.0, power=1, sign=1),
    "log_sigmoid": _steep(1.0, power=1, sign=-1),
    "atan": lambda m, x: max(0, m.mag(x)) if x else 0,
    "hypot": lambda m, a, b: 2 * abs(m.mag(a) - m.mag(b)) if a and b else 0,
}


_PERIODIC = frozenset({"sin", "cos", "tan", "sinc"})
#: Functions that take an argument of any size in their stride.
_TIRELESS = frozenset({
    "multiply", "divide", "negate", "reciprocal", "square", "sqrt", "cbrt", "hypot", "log",
    "log2", "log10", "log1p", "asinh", "acosh", "atan", "atan2", "abs", "maximum",
    "minimum", "clip", "relu", "sign", "heaviside", "deg2rad", "rad2deg", "within",
})  # fmt: skip
#: What is no other function, however far off.
_EXACT = frozenset({
    "exp", "exp2", "multiply", "negate", "square", "sqrt", "cbrt", "abs", "sign", "heaviside", "deg2rad", "rad2deg",
    "within", "floor", "ceil", "round", "trunc", "relu",
})  # fmt: skip
_FAR_AWAY: dict[str, Callable[..., Any]] = {
    "exp": lambda ar, x: ar.inf if x > 0 else ar.m.zero,
    "exp2": lambda ar, x: ar.inf if x > 0 else ar.m.zero,
    "expm1": lambda ar, x: ar.inf if x > 0 else ar.m.mpf(-1),
    "sinh": lambda ar, x: ar.inf if x > 0 else -ar.inf,
    "cosh": lambda ar, x: ar.inf,
    "tanh": lambda ar, x: ar.m.sign(x),
    "erf": lambda ar, x: ar.m.sign(x),
    "erfc": lambda ar, x: ar.m.zero if x > 0 else ar.m.mpf(2),
    "sigmoid": lambda ar, x: ar.m.one if x > 0 else ar.m.zero,
    "softplus": lambda ar, x: x if x > 0 else ar.m.zero,
    "log_sigmoid": lambda ar, x: ar.m.zero if x > 0 else x,
}


def _power(ar: Arithmetic, x: Any, n: Any) -> Any:
    m = ar.m
    if ar.is_nan(x) or ar.is_nan(n):  # of 1 to the power of 1/0, too, the limit is to be found
        return ar.nan
    if n == 0 or x == 1:
        return m.one
    if m.isfinite(n) and m.isfinite(x) and x:
        if x < 0 and n != m.floor(n):
            return ar.nan
        if abs(x) != 1 and m.mag(n) + m.mag(m.ln(abs(x), prec=ROUGH)) > ar.reach + 2:
            ar.lose()
            grows = (abs(x) > 1) == (n > 0)
            return ar.inf if grows and x > 0 else (ar.nan if grows else m.zero)
    if x == 0:
        if n > 0:
            return m.zero
        even = n != m.floor(n) or (m.isfinite(n) and m.floor(n / 2) * 2 == n)
        return ar.at_pole(ar.inf) if even else ar.nan
    return ar.call(lambda m, a, b: m.power(a, b), x, n)


def _divide(ar: Arithmetic, a: Any, b: Any) -> Any:
    # 1/0 has no sign here: the two sides of the pole are looked at one by one.
    return ar.nan if b == 0 else ar.call(lambda m, p, q: p / q, a, b)


def _xlogy(ar: Arithmetic, x: Any, y: Any) -> Any:
    if ar.is_nan(x) or ar.is_nan(y):
        return ar.nan
    if x == 0:  # for every y
        return ar.m.zero
    if y == 0:
        return ar.at_pole(-ar.inf if x > 0 else ar.inf)
    return ar.nan if y < 0 else ar.call(lambda m, a, b: a * m.log(b), x, y)


def exponential(ar: Arithmetic, x: Any) -> Any:
    if ar.far_for_exp(x):
        return ar.inf if x > 0 else ar.m.zero
    return ar.call(_exp, x)


def logaddexp(ar: Arithmetic, a: Any, b: Any) -> Any:
    high, low = (a, b) if a >= b else (b, a)
    if not ar.m.isfinite(high):
        return high if not ar.is_nan(low) else ar.nan
    difference = ar.add(low, -high)
    out = ar.m.isinf(difference) or ar.far_for_exp(difference)
    return ar.add(high, ar.m.zero if out else ar.m.log1p(ar.m.exp(difference)))


def _log(function: str) -> Callable[[Arithmetic, Any], Any]:
    def log(ar: Arithmetic, x: Any) -> Any:
        if not x > 0:
            return ar.at_pole(-ar.inf) if x == 0 else ar.nan
        return ar.call(lambda m, v: getattr(m, function)(v) if function != "log2" else m.log(v) / m.ln2, x)

    return log


def _ended(function: str, low: float, high: float) -> Callable[[Arithmetic, Any], Any]:
    """A function that goes to −∞ and ∞ at the ends of its domain."""

    def f(ar: Arithmetic, x: Any) -> Any:
        if not low < x < high:
            return ar.at_pole(-ar.inf if x == low else ar.inf) if x in (low, high) else ar.nan
        if _drowns(ar, function, x):
            ar.drown()
        if function == "logit":
            return ar.call(lambda m, v: m.log(v) - m.log1p(-v), x)
        if function == "erfinv":
            return ar.call(erfinv, x)
        return ar.call(lambda m, v: getattr(m, function)(v), x)

    return f


def _log1p(ar: Arithmetic, x: Any) -> Any:
    if not x > -1:
        return ar.at_pole(-ar.inf) if x == -1 else ar.nan
    if _drowns(ar, "log1p", x):
        ar.drown()
    return ar.call(lambda m, v: m.log1p(v), x)


def of_gamma(function: Callable[..., Any], at_infinity: str) -> Callable[..., Any]:
    """A function of the gamma family of one number: as x → ∞ it goes to `at_infinity`, far below 0 it is not known."""

    def f(ar: Arithmetic, x: Any) -> Any:
        if not ar.m.isfinite(x):
            return getattr(ar.m, at_infinity) if x > 0 else ar.nan
        if x < 0 and ar.m.mag(x) > FAR:
            ar.beyond = True
            return ar.nan
        y = ar.call(function, x)
        if ar.m.isinf(y):
            ar.lose()
        return y

    return f


def _beta(ar: Arithmetic, a: Any, b: Any) -> Any:
    if any(not ar.m.isfinite(x) or (x < 0 and ar.m.mag(x) > FAR) for x in (a, b)):
        return ar.nan
    y = ar.call(gamma.beta, a, b)
    # Of poles it is known that there is no value.
    ar.beyond = ar.beyond or (ar.is_nan(y) and any(x and abs(size(x)) > FAR for x in (a, b)))
    return y


def _remainder(quotient: Callable[[Any, Any], Any]) -> Callable[[Arithmetic, Any, Any], Any]:
    """x less as many times d as the `quotient` x/d says, in whole numbers."""

    def remainder(ar: Arithmetic, x: Any, d: Any) -> Any:
        if d == 0 or not finite(x) or ar.is_nan(d):
            return ar.nan
        # Beyond all doubles' quotients lies only a limit at d = 0, and there is none: the jumps crowd together.
        if x and finite(d) and size(x) - size(d) > 2200:
            ar.crowded = True
            return ar.nan
        if not finite(d):
            return d if quotient(ar.m, ar.m.sign(x) * ar.m.sign(d) / 2) else x
        if x:  # the bits that it takes to tell how often d goes into x
            ar.sees(max(0, size(x) - size(d)))
        q = x / d
        whole = _whole(ar, q)
        return ar.m.zero if whole == ar.m.nint(q) else ar.tamed(x - d * quotient(ar.m, q))

    return remainder


def _extreme(better: Callable[[Any, Any], bool]) -> Callable[..., Any]:
    def pick(ar: Arithmetic, *numbers: Any) -> Any:
        best = numbers[0]
        for x in numbers[1:]:
            if ar.is_nan(x) or better(x, best):
                best = x
        return ar.nan if any(ar.is_nan(x) for x in numbers) else best

    return pick


largest, smallest = _extreme(lambda a, b: a > b), _extreme(lambda a, b: a < b)


def _compared(holds: Callable[[Any, Any], bool]) -> Callable[..., Any]:
    """A comparison. With what has no value it has none either, where doubles say false (or true, of ≠). What rounding
    alone tells apart is equal: tan(atan2(x, x)) and 1.
    """

    def compare(ar: Arithmetic, a: Any, b: Any) -> Any:
        if ar.is_nan(a) or ar.is_nan(b):
            return ar.nan
        return bool(holds(a, a if ar.same(a, b) else b))

    return compare


def _both(ar: Arithmetic, a: Any, b: Any) -> Any:
    if ar.is_nan(a) or ar.is_nan(b):
        return False if a is False or b is False else ar.nan
    return bool(a and b)


def _either(ar: Arithmetic, a: Any, b: Any) -> Any:
    if ar.is_nan(a) or ar.is_nan(b):
        return True if a is True or b is True else ar.nan
    return bool(a or b)


def _chosen(ar: Arithmetic, c: Any, a: Any, b: Any) -> Any:
    if ar.is_nan(c):
        return a if not ar.is_nan(a) and not ar.is_nan(b) and a == b else ar.nan
    return a if c else b


SCALARS: dict[str, Callable[..., Any]] = {
    "add": lambda ar, a, b: ar.add(a, b),
    "subtract": lambda ar, a, b: ar.add(a, -b),
    "divide": _divide,
    "reciprocal": lambda ar, x: _divide(ar, ar.m.one, x),
    "quotient": lambda ar, y, a, b: _divide(ar, y, b),
    "power": _power,
    "xlogy": _xlogy,
    "entr": lambda ar, x: ar.nan if x < 0 else -_xlogy(ar, x, x),
    "logaddexp": logaddexp,
    "log": _log("log"),
    "log2": _log("log2"),
    "log10": _log("log10"),
    "log1p": _log1p,
    "logit": _ended("logit", 0.0, 1.0),
    "atanh": _ended("atanh", -1.0, 1.0),
    "erfinv": _ended("erfinv", -1.0, 1.0),
    "gamma": of_gamma(gamma.gamma, "inf"),
    "lgamma": of_gamma(gamma.lgamma, "inf"),
    "digamma": of_gamma(lambda m, x: gamma.psi(m, 0, x), "inf"),
    "beta": _beta,
    "mod": _remainder(lambda m, q: m.floor(q)),
    "fmod": _remainder(lambda m, q: m.sign(q) * m.floor(abs(q))),
    "maximum": largest,
    "minimum": smallest,
    "clip": lambda ar, x, low, high: smallest(ar, largest(ar, x, low), high),
    "relu": lambda ar, x: largest(ar, x, ar.m.zero),
    "where": _chosen,
    "less": _compared(lambda a, b: a < b),
    "less_equal": _compared(lambda a, b: a <= b),
    "greater": _compared(lambda a, b: a > b),
    "greater_equal": _compared(lambda a, b: a >= b),
    "equal": _compared(lambda a, b: a == b),
    "not_equal": _compared(lambda a, b: a != b),
    "and": _both,
    "or": _either,
    "not": lambda ar, a: ar.nan if ar.is_nan(a) else not a,
    "number": lambda ar, c: ar.nan if ar.is_nan(c) else ar.m.mpf(int(c)),
    "truth": lambda ar, x: ar.nan if ar.is_nan(x) else bool(x != 0),
    "stop": lambda ar, x: x,
    "defined": lambda ar, x: ar.nan if ar.is_nan(x) else ar.m.one,
}
