"""What the operations of random formulas on single numbers mean, in mpmath at any precision.

Written for the tests alone: nothing is taken from the table of primitives or from `diffcli.precise`. None is what has
no value, and stays so.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from time import process_time
from typing import Any, TypeAlias

import mpmath

Row: TypeAlias = list[Any]

#: One for all: making it takes longer than most formulas do.
_MPMATH: Any = mpmath.MPContext()
#: Addends that differ by so many bits are never seen side by side, and no argument beyond 2^FAR is worked on.
BEYOND, FAR = 6_000, 2_200
#: How many bits at the end of a number may be rounding, in a comparison.
ROUNDED = 128


class Undecided(Exception):  # noqa: N818 - it is a verdict
    """Too far, too slow or too fine for this oracle."""


class Exact:
    """mpmath at one precision. `needed` is the precision, in bits, that would have kept all that mattered so far."""

    def __init__(self, seconds: float = 2.0) -> None:
        self.m = _MPMATH
        self.needed = 0
        #: How many bits of a result are no more than rounding, at most: of what is left of others, all the less.
        self.lost = 0
        #: How many bits smaller than what they are steps of those are that seem to change nothing.
        self.unseen = 0
        self.digits = 80
        #: Whether a zero may be −0, which mpmath does not tell from 0.
        self.minus = False
        self._end = process_time() + seconds

    def check(self) -> None:
        """Ends what takes too long."""
        if process_time() > self._end:
            raise Undecided

    def at(self, bits: int) -> None:
        """Work with so many bits from here on."""
        self.check()
        self.m.prec = bits
        self.needed = self.lost = self.unseen = 0

    def number(self, x: float) -> Any:
        """A double, exactly."""
        return self.m.mpf(x)

    def add(self, a: Any, b: Any) -> Any:
        """The sum, with note of the bits that it takes to see both addends, and the result."""
        if a and b:
            m = self.m
            high, low = m.mag(a), m.mag(b)
            if high < low:
                high, low = low, high
            apart = high - low
            if self.needed < apart + self.digits and apart < BEYOND:
                self.needed = apart + self.digits
            sum_ = a + b
            if sum_:
                lost = high - m.mag(sum_)
                self.lose(lost)
            return sum_
        return a + b

    def lose(self, bits: int) -> None:
        """Note of so many bits that rounding has of a result."""
        if bits > 8:
            self.lost = max(self.lost, bits)
            self.needed = max(self.needed, bits + self.digits + 90)

    def waves(self, x: Any) -> None:
        """Note of a function with a period: of a large argument, it takes the bits after the point."""
        if x:
            self._small(max(0, self.m.mag(x)))

    def flat(self, x: Any, power: int = 1) -> None:
        """Note of a function that is a constant near 0, up to x^power."""
        if x:
            self._small(-power * self.m.mag(x))

    def level(self, x: Any) -> None:
        """Note of a function that is a constant up to exp(−|x|)."""
        if self.m.mag(x) < 14:
            self._small(int(abs(x) * 1.4427) + 1)

    def _small(self, bits: int) -> None:
        if self.needed < bits + self.digits and bits < BEYOND:
            self.needed = bits + self.digits

    def same(self, a: Any, b: Any) -> bool:
        """Whether two numbers are equal, or differ by nothing but rounding, with note of the bits that would tell."""
        if a == b or not (self.m.isfinite(a) and self.m.isfinite(b)):
            return bool(a == b)
        alike = max(self.m.mag(x) for x in (a, b) if x) - self.m.mag(a - b)
        if alike + ROUNDED <= self.m.prec:
            return False
        self._small(alike + ROUNDED)
        return True

    def whole(self, x: Any) -> Any:
        """The whole number that rounding alone tells from x, if there is one; else x."""
        near = self.m.nint(x)
        return near if self.same(x, near) else x

    def near(self, x: Any) -> None:
        """Refuses what mpmath does not come back from."""
        if x and self.m.mag(x) > FAR:
            raise Undecided


def total(o: Exact, terms: Row) -> Any:
    if None in terms:
        return None
    sum_ = o.m.zero
    for term in terms:
        sum_ = o.add(sum_, term)
    return sum_


def product(o: Exact, terms: Row) -> Any:
    if None in terms:
        return None
    found = o.m.one
    for term in terms:
        found = found * term
    return found


def dot(o: Exact, a: Row, b: Row) -> Any:
    return total(o, [None if p is None or q is None else p * q for p, q in zip(a, b, strict=True)])


# Numbers ----------------------------------------------------------------------------------------------------


def exp(o: Exact, x: Any) -> Any:
    o.near(x)
    if x and o.m.mag(x) > 60:
        raise Undecided
    o.flat(x)
    return o.m.exp(x)


def _log(o: Exact, x: Any) -> Any:
    if x <= 0:
        return None if x else o.m.ninf
    found = o.m.log(x)
    if found:  # of 1 + 1e-300 the 1 is all that most precisions keep
        o.lose(-o.m.mag(found))
    return found


def _trigonometric(name: str, power: int = 0) -> Callable[[Exact, Any], Any]:
    def f(o: Exact, x: Any) -> Any:
        o.near(x)
        o.waves(x)
        if power:
            o.flat(x, power)
        return getattr(o.m, name)(x)

    return f


def _hyperbolic(name: str) -> Callable[[Exact, Any], Any]:
    def f(o: Exact, x: Any) -> Any:
        if x and o.m.mag(x) > 60:
            raise Undecided
        if name == "cosh":
            o.flat(x, 2)
        return getattr(o.m, name)(x)

    return f


def _tanh(o: Exact, x: Any) -> Any:
    o.level(2 * x)
    if x and o.m.mag(x) > 40:
        return o.m.sign(x)
    return o.m.tanh(x)


def _sigmoid(o: Exact, x: Any) -> Any:
    o.level(x)
    o.flat(x)
    return 1 / (1 + exp(o, -x))


def _softplus(o: Exact, x: Any) -> Any:
    o.level(x)
    o.flat(x)
    high = max(x, o.m.zero)
    low = -abs(x)
    return o.add(high, o.m.log1p(exp(o, low)) if o.m.mag(x) < 60 or not x else o.m.zero)


def logaddexp(o: Exact, a: Any, b: Any) -> Any:
    if o.m.ninf in (a, b):
        return max(a, b)
    return o.add(b, _softplus(o, o.add(a, -b)))


def _erf(o: Exact, x: Any) -> Any:
    if x and o.m.mag(x) > 0:
        o.level(x * x)
        if o.m.mag(x) > 20:
            return o.m.sign(x)
    return o.m.erf(x)


def _erfc(o: Exact, x: Any) -> Any:
    o.flat(x)
    if x and o.m.mag(x) > 12:
        if x > 0:
            raise Undecided
        return o.m.mpf(2)
    if x < 0:
        o.level(x * x)
    return o.m.erfc(x)


def _gentle(o: Exact, x: Any) -> None:
    """The gamma family is slow where precision is high, and out of reach far off."""
    if o.m.prec > 700 or (x and abs(o.m.mag(x)) > 12):
        raise Undecided


def _pole(o: Exact, x: Any) -> bool:
    return bool(x <= 0 and x == o.m.floor(x))


def _gamma_family(function: Callable[[Exact, Any], Any]) -> Callable[[Exact, Any], Any]:
    def f(o: Exact, x: Any) -> Any:
        if _pole(o, x):
            return None
        _gentle(o, x)
        return function(o, x)

    return f


def _beta(o: Exact, a: Any, b: Any) -> Any:
    if _pole(o, a) or _pole(o, b):
        return None
    _gentle(o, a), _gentle(o, b)
    c = o.add(a, b)
    if _pole(o, c):
        return o.m.zero
    return o.m.gamma(a) * o.m.gamma(b) / o.m.gamma(c)


def power(o: Exact, x: Any, n: Any) -> Any:
    m = o.m
    if n == 0 or x == 1:
        return m.one
    whole = n == m.floor(n)
    if x == 0:  # 1/0 has no sign, but 1/0² has one, and so has 1/0^1.5
        return m.zero if n > 0 else None if whole and n % 2 else m.inf
    if x < 0 and not whole:
        return None
    if m.mag(n) > 60:
        raise Undecided
    if m.mag(n) + max(m.mag(abs(m.log(abs(x)))), 0) > 60:
        raise Undecided
    o.flat(n * m.log(abs(x)))
    return m.power(x, n)


def _fixed_power(n: float) -> Callable[[Exact, Any], Any]:
    def f(o: Exact, x: Any) -> Any:
        if x < 0 and n != int(n):
            return None
        if x == 0:
            return o.m.zero if n > 0 else o.m.inf
        return x ** int(n) if n == int(n) else o.m.power(x, o.m.mpf(n))

    return f


def _atan(o: Exact, x: Any) -> Any:
    if x:  # far off a constant, up to 1/x
        o._small(o.m.mag(x))
    return o.m.atan(x)


def _expm1(o: Exact, x: Any) -> Any:
    if x < 0:
        o.level(x)
    return o.m.expm1(x) if not x or o.m.mag(x) < 60 else exp(o, x) - 1


def _atan2(o: Exact, y: Any, x: Any) -> Any:
    if y == 0 and x <= 0:
        if o.minus:
            raise Undecided  # as in C, if only mpmath had a −0
        return o.m.pi if x else o.m.zero
    if x and y:  # a quarter turn but for x/y
        o._small(abs(o.m.mag(y) - o.m.mag(x)))
    return o.m.atan2(y, x)


def _mod(o: Exact, x: Any, d: Any) -> Any:
    if d == 0 or not o.m.isfinite(x):
        return None
    if not o.m.isfinite(d):  # a pole: whether 0 has its sign, nobody knows
        return None if not x else x if x * d >= 0 else d
    _periods(o, x, d)
    q = x / d
    return o.m.zero if o.whole(q) == o.m.nint(q) else o.add(x, -d * o.m.floor(q))


def _fmod(o: Exact, x: Any, d: Any) -> Any:
    if d == 0 or not o.m.isfinite(x):
        return None
    if not o.m.isfinite(d):
        return x
    _periods(o, x, d)
    q = x / d
    return o.m.zero if o.whole(q) == o.m.nint(q) else o.add(x, -d * o.m.sign(q) * o.m.floor(abs(q)))


def _periods(o: Exact, x: Any, d: Any) -> None:
    if x and o.m.mag(x) - o.m.mag(d) > FAR:
        raise Undecided
    if x:
        o._small(max(0, o.m.mag(x) - o.m.mag(d)))


def _round(o: Exact, x: Any) -> Any:
    o.near(x)
    x = o.whole(2 * x) / 2
    low = o.m.floor(x)
    over = x - low
    if over == 0.5:
        return low if int(low) % 2 == 0 else low + 1
    return low + 1 if over > 0.5 else low


def _steps(name: str) -> Callable[[Exact, Any], Any]:
    def f(o: Exact, x: Any) -> Any:
        o.near(x)
        return getattr(o.m, name)(o.whole(x))

    return f


def _sinc(o: Exact, x: Any) -> Any:
    if x == 0:
        return o.m.one
    o.near(x)
    o.waves(x)
    o.flat(x, 2)
    angle = o.m.pi * x
    return o.m.sinpi(x) / angle


def _entr(o: Exact, x: Any) -> Any:
    return None if x < 0 else (-x * o.m.log(x) if x else o.m.zero)


def _xlogy(o: Exact, x: Any, y: Any) -> Any:
    if not x:  # the convention for every y
        return o.m.zero
    return None if y < 0 else x * _log(o, y)


def _within_one(name: str) -> Callable[[Exact, Any], Any]:
    def f(o: Exact, x: Any) -> Any:
        if abs(x) > 1:
            return None
        if name == "acos":
            o.flat(x)
        return getattr(o.m, name)(x)

    return f


def _log1p(o: Exact, x: Any) -> Any:
    return o.m.log1p(x) if x > -1 else None if x < -1 else o.m.ninf


def _compared(holds: Callable[[Any, Any], bool]) -> Callable[[Exact, Any, Any], bool]:
    """What rounding alone tells apart is equal: tan(atan2(x, x)) and 1."""
    return lambda o, a, b: holds(a, a if o.same(a, b) else b)


def _constant_plus(o: Exact, x: Any) -> Any:
    return o.add(x, o.m.one)


OF_ONE: dict[str, Callable[[Exact, Any], Any]] = {
    "sin": _trigonometric("sin"), "cos": _trigonometric("cos", 2), "tan": _trigonometric("tan"), "exp": exp,
    "sqrt": lambda o, x: o.m.sqrt(x) if x >= 0 else None, "log": _log, "tanh": _tanh, "atan": _atan,
    "square": lambda o, x: x * x, "cube": lambda o, x: x * x * x, "negate": lambda o, x: -x,
    "reciprocal": lambda o, x: 1 / x if x else None, "fourth": _fixed_power(4), "inverse_square": _fixed_power(-2),
    "root": lambda o, x: o.m.sqrt(x) if x >= 0 else None, "power_3_2": _fixed_power(1.5),
    "inverse_root": _fixed_power(-0.5), "power_1_3": lambda o, x: None if x < 0 else o.m.cbrt(x),
    "twice": lambda o, x: 2 * x,
    "add_one": _constant_plus, "one_minus": lambda o, x: o.add(-x, o.m.one),
    "cbrt": lambda o, x: o.m.sign(x) * o.m.cbrt(abs(x)), "exp2": lambda o, x: exp(o, x * o.m.ln2),
    "expm1": _expm1,
    "log2": lambda o, x: None if x < 0 else _log(o, x) / o.m.ln2,
    "log10": lambda o, x: None if x < 0 else _log(o, x) / o.m.ln10, "log1p": _log1p, "sigmoid": _sigmoid,
    "logit": lambda o, x: None if x < 0 or x > 1 else _log(o, x) - _log1p(o, -x), "softplus": _softplus,
    "log_sigmoid": lambda o, x: -_softplus(o, -x), "entr": _entr, "asin": _within_one("asin"),
    "acos": _within_one("acos"), "sinc": _sinc, "deg2rad": lambda o, x: x * o.m.pi / 180,
    "rad2deg": lambda o, x: x * 180 / o.m.pi, "sinh": _hyperbolic("sinh"), "cosh": _hyperbolic("cosh"),
    "asinh": lambda o, x: o.m.asinh(x), "acosh": lambda o, x: o.m.acosh(x) if x >= 1 else None,
    "atanh": lambda o, x: None if abs(x) > 1 else o.m.atanh(x) if abs(x) < 1 else x * o.m.inf,
    "erf": _erf, "erfc": _erfc,
    "erfinv": lambda o, x: (_gentle(o, x), o.m.erfinv(x))[1] if -1 < x < 1 else None,
    "gamma": _gamma_family(lambda o, x: o.m.gamma(x)),
    "lgamma": _gamma_family(lambda o, x: o.m.log(abs(o.m.gamma(x)))),
    "digamma": _gamma_family(lambda o, x: o.m.psi(0, x)), "trigamma": _gamma_family(lambda o, x: o.m.psi(1, x)),
    "tetragamma": _gamma_family(lambda o, x: o.m.psi(2, x)),
    "abs": lambda o, x: abs(x), "relu": lambda o, x: max(x, o.m.zero), "sign": lambda o, x: o.m.sign(x),
    "floor": _steps("floor"), "ceil": _steps("ceil"), "round": _round,
    "trunc": lambda o, x: (o.near(x), o.m.sign(x) * o.m.floor(abs(o.whole(x))))[1],
    "heaviside": lambda o, x: (o.m.sign(x) + 1) / 2, "clip": lambda o, x: min(max(x, -o.m.one), o.m.one),
    "mod_2": lambda o, x: _mod(o, x, o.m.mpf(2)), "cap": lambda o, x: min(x, o.m.one),
    "nonzero": lambda o, x: x != 0, "below_one": lambda o, x: x < 1 and not o.same(x, o.m.one),
    "inside": lambda o, x: -1 < x < 1 and not o.same(abs(x), o.m.one),
    "not": lambda o, c: not c,
}  # fmt: skip
OF_TWO: dict[str, Callable[[Exact, Any, Any], Any]] = {
    "add": lambda o, a, b: o.add(a, b), "subtract": lambda o, a, b: o.add(a, -b), "multiply": lambda o, a, b: a * b,
    "divide": lambda o, a, b: a / b if b else None,
    # Of sin(x) and x, and of expm1(x) and x: near 0 a constant.
    "sin_over": lambda o, a, b: (o.flat(b, 2), a / b)[1] if b else None,
    "expm1_over": lambda o, a, b: (o.flat(b), a / b)[1] if b else None,
    "hypot": lambda o, a, b: o.m.sqrt(o.add(a * a, b * b)),
    "atan2": _atan2, "logaddexp": logaddexp, "xlogy": _xlogy, "beta": _beta,
    "max": lambda o, a, b: max(a, b), "min": lambda o, a, b: min(a, b), "mod": _mod, "fmod": _fmod,
    "less": _compared(operator.lt), "less_equal": _compared(operator.le), "greater": _compared(operator.gt),
    "greater_equal": _compared(operator.ge), "equal": _compared(operator.eq), "not_equal": _compared(operator.ne),
}  # fmt: skip
