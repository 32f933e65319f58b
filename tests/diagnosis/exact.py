"""What the operations of random formulas mean, in mpmath at any precision.

Written for the tests alone: nothing is taken from the table of primitives or from `diffcli.precise`. None is what has
no value, and stays so.
"""

from __future__ import annotations

from collections.abc import Callable
from time import process_time
from typing import Any, TypeAlias

import mpmath

Row: TypeAlias = list[Any]

#: One for all: making it takes longer than most formulas do.
_MPMATH: Any = mpmath.MPContext()
#: Addends that differ by so many bits are never seen side by side, and no argument beyond 2^FAR is worked on.
BEYOND, FAR = 6_000, 2_200


class Undecided(Exception):  # noqa: N818 - it is a verdict
    """Too far, too slow or too fine for this oracle."""


class Exact:
    """mpmath at one precision. `needed` is the precision, in bits, that would have kept all that mattered so far."""

    def __init__(self, seconds: float = 2.0) -> None:
        self.m = _MPMATH
        self.needed = 0
        self.digits = 80
        #: Whether a number of the point is −0, which mpmath does not tell from 0.
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
        self.needed = 0

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
                if lost > 8 and self.needed < lost + self.digits + 90:
                    self.needed = lost + self.digits + 90
            return sum_
        return a + b

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

    def near(self, x: Any) -> None:
        """Refuses what mpmath does not come back from."""
        if x and self.m.mag(x) > FAR:
            raise Undecided


def _total(o: Exact, terms: Row) -> Any:
    if None in terms:
        return None
    sum_ = o.m.zero
    for term in terms:
        sum_ = o.add(sum_, term)
    return sum_


def _product(o: Exact, terms: Row) -> Any:
    if None in terms:
        return None
    product = o.m.one
    for term in terms:
        product = product * term
    return product


def _dot(o: Exact, a: Row, b: Row) -> Any:
    return _total(o, [None if p is None or q is None else p * q for p, q in zip(a, b, strict=True)])


def _less(a: Any, b: Any) -> Any:
    return a - b


# Numbers ----------------------------------------------------------------------------------------------------


def _exp(o: Exact, x: Any) -> Any:
    o.near(x)
    if x and o.m.mag(x) > 60:
        raise Undecided
    o.flat(x)
    return o.m.exp(x)


def _log(o: Exact, x: Any) -> Any:
    return o.m.log(x) if x > 0 else None if x else o.m.ninf


def _trigonometric(name: str, power: int = 0) -> Callable[[Exact, Any], Any]:
    def f(o: Exact, x: Any) -> Any:
        o.near(x)
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
    return 1 / (1 + _exp(o, -x))


def _softplus(o: Exact, x: Any) -> Any:
    o.level(x)
    o.flat(x)
    high = max(x, o.m.zero)
    low = -abs(x)
    return o.add(high, o.m.log1p(_exp(o, low)) if o.m.mag(x) < 60 or not x else o.m.zero)


def _logaddexp(o: Exact, a: Any, b: Any) -> Any:
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


def _power(o: Exact, x: Any, n: Any) -> Any:
    m = o.m
    if n == 0 or x == 1:
        return m.one
    whole = n == m.floor(n)
    if x == 0:
        return m.zero if n > 0 else None
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


def _atan2(o: Exact, y: Any, x: Any) -> Any:
    if x == 0 and y == 0:
        if o.minus:
            raise Undecided  # as in C, if only mpmath had a −0
        return o.m.zero
    return o.m.atan2(y, x)


def _mod(o: Exact, x: Any, d: Any) -> Any:
    if d == 0:
        return None
    _periods(o, x, d)
    return o.add(x, -d * o.m.floor(x / d))


def _fmod(o: Exact, x: Any, d: Any) -> Any:
    if d == 0:
        return None
    _periods(o, x, d)
    q = x / d
    return o.add(x, -d * o.m.sign(q) * o.m.floor(abs(q)))


def _periods(o: Exact, x: Any, d: Any) -> None:
    if x and o.m.mag(x) - o.m.mag(d) > FAR:
        raise Undecided
    if x:
        o._small(max(0, o.m.mag(x) - o.m.mag(d)))


def _round(o: Exact, x: Any) -> Any:
    o.near(x)
    low = o.m.floor(x)
    over = x - low
    if over == 0.5:
        return low if int(low) % 2 == 0 else low + 1
    return low + 1 if over > 0.5 else low


def _steps(name: str) -> Callable[[Exact, Any], Any]:
    def f(o: Exact, x: Any) -> Any:
        o.near(x)
        return getattr(o.m, name)(x)

    return f


def _sinc(o: Exact, x: Any) -> Any:
    if x == 0:
        return o.m.one
    o.near(x)
    o.flat(x, 2)
    angle = o.m.pi * x
    return o.m.sinpi(x) / angle


def _entr(o: Exact, x: Any) -> Any:
    return None if x < 0 else (-x * o.m.log(x) if x else o.m.zero)


def _xlogy(o: Exact, x: Any, y: Any) -> Any:
    return None if y < 0 else x * _log(o, y) if x else o.m.zero


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


def _constant_plus(o: Exact, x: Any) -> Any:
    return o.add(x, o.m.one)


_ONE: dict[str, Callable[[Exact, Any], Any]] = {
    "sin": _trigonometric("sin"), "cos": _trigonometric("cos", 2), "tan": _trigonometric("tan"), "exp": _exp,
    "sqrt": lambda o, x: o.m.sqrt(x) if x >= 0 else None, "log": _log, "tanh": _tanh, "atan": lambda o, x: o.m.atan(x),
    "square": lambda o, x: x * x, "cube": lambda o, x: x * x * x, "negate": lambda o, x: -x,
    "reciprocal": lambda o, x: 1 / x if x else None, "fourth": _fixed_power(4), "inverse_square": _fixed_power(-2),
    "root": lambda o, x: o.m.sqrt(x) if x >= 0 else None, "power_3_2": _fixed_power(1.5),
    "inverse_root": _fixed_power(-0.5), "power_1_3": lambda o, x: None if x < 0 else o.m.cbrt(x),
    "twice": lambda o, x: 2 * x,
    "add_one": _constant_plus, "one_minus": lambda o, x: o.add(-x, o.m.one),
    "cbrt": lambda o, x: o.m.sign(x) * o.m.cbrt(abs(x)), "exp2": lambda o, x: _exp(o, x * o.m.ln2),
    "expm1": lambda o, x: o.m.expm1(x) if not x or o.m.mag(x) < 60 else _exp(o, x) - 1,
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
    "trunc": lambda o, x: (o.near(x), o.m.sign(x) * o.m.floor(abs(x)))[1],
    "heaviside": lambda o, x: (o.m.sign(x) + 1) / 2, "clip": lambda o, x: min(max(x, -o.m.one), o.m.one),
    "mod_2": lambda o, x: _mod(o, x, o.m.mpf(2)), "cap": lambda o, x: min(x, o.m.one),
    "nonzero": lambda o, x: x != 0, "below_one": lambda o, x: x < 1, "inside": lambda o, x: -1 < x < 1,
    "not": lambda o, c: not c,
}  # fmt: skip
_TWO: dict[str, Callable[[Exact, Any, Any], Any]] = {
    "add": lambda o, a, b: o.add(a, b), "subtract": lambda o, a, b: o.add(a, -b), "multiply": lambda o, a, b: a * b,
    "divide": lambda o, a, b: a / b if b else None,
    # Of sin(x) and x, and of expm1(x) and x: near 0 a constant.
    "sin_over": lambda o, a, b: (o.flat(b, 2), a / b)[1] if b else None,
    "expm1_over": lambda o, a, b: (o.flat(b), a / b)[1] if b else None,
    "hypot": lambda o, a, b: o.m.sqrt(o.add(a * a, b * b)),
    "atan2": _atan2, "logaddexp": _logaddexp, "xlogy": _xlogy, "beta": _beta,
    "max": lambda o, a, b: max(a, b), "min": lambda o, a, b: min(a, b), "mod": _mod, "fmod": _fmod,
    "less": lambda o, a, b: a < b, "less_equal": lambda o, a, b: a <= b, "greater": lambda o, a, b: a > b,
    "greater_equal": lambda o, a, b: a >= b, "equal": lambda o, a, b: a == b, "not_equal": lambda o, a, b: a != b,
}  # fmt: skip


def _real(x: Any) -> Any:
    """No ∞ − ∞: that is nothing."""
    return x if x == x else None


def _each(f: Callable[..., Any]) -> Callable[..., Row]:
    def one(o: Exact, x: Row) -> Row:
        return [None if a is None else _real(f(o, a)) for a in x]

    return one


def _each_pair(f: Callable[..., Any]) -> Callable[..., Row]:
    def two(o: Exact, x: Row, y: Row) -> Row:
        if len(x) != len(y):
            x, y = (x * len(y), y) if len(x) == 1 else (x, y * len(x))
        return [None if a is None or b is None else _real(f(o, a, b)) for a, b in zip(x, y, strict=True)]

    return two


def _to_the_power(o: Exact, x: Row, n: Row) -> Row:
    # Whatever x is, even nothing, x⁰ is 1.
    return _each_pair(_power)(o, [o.m.one if a is None and 0 in n else a for a in x] if len(n) == 1 else x, n)


def _where(o: Exact, c: Row, a: Row, b: Row) -> Row:
    size = max(len(c), len(a), len(b))
    c, a, b = (row * size if len(row) == 1 else row for row in (c, a, b))
    return [(p if p == q else None) if t is None else (p if t else q) for t, p, q in zip(c, a, b, strict=True)]


def _and(o: Exact, a: Row, b: Row) -> Row:
    return [False if False in (a[0], b[0]) else None if None in (a[0], b[0]) else True]


def _or(o: Exact, a: Row, b: Row) -> Row:
    return [True if True in (a[0], b[0]) else None if None in (a[0], b[0]) else False]


# Arrays -----------------------------------------------------------------------------------------------------


def _known(f: Callable[..., Row]) -> Callable[..., Row]:
    """For what needs all its numbers: of some without a value nothing has one."""

    def whole(o: Exact, *rows: Row) -> Row:
        if any(x is None for row in rows for x in row):
            return [None] * _SIZES.get(f, len(rows[0]))
        return f(o, *rows)

    return whole


_SIZES: dict[Callable[..., Row], int] = {}


def _sized(size: int) -> Callable[[Callable[..., Row]], Callable[..., Row]]:
    def mark(f: Callable[..., Row]) -> Callable[..., Row]:
        _SIZES[f] = size
        return _known(f)

    return mark


@_sized(1)
def _mean(o: Exact, x: Row) -> Row:
    return [_total(o, x) / len(x)]


@_sized(1)
def _var(o: Exact, x: Row) -> Row:
    middle = _total(o, x) / len(x)
    return [_total(o, [o.add(a, -middle) ** 2 for a in x]) / len(x)]


@_sized(1)
def _std(o: Exact, x: Row) -> Row:
    return [o.m.sqrt(_var(o, x)[0])]


@_sized(1)
def _norm(o: Exact, x: Row) -> Row:
    return [o.m.sqrt(_total(o, [a * a for a in x]))]


@_sized(1)
def _logsumexp(o: Exact, x: Row) -> Row:
    sum_ = x[0]
    for a in x[1:]:
        sum_ = _logaddexp(o, sum_, a)
    return [sum_]


@_sized(1)
def _median(o: Exact, x: Row) -> Row:
    return [sorted(x)[len(x) // 2]]


@_sized(1)
def _det(o: Exact, a: Row) -> Row:
    return [o.add(a[0] * a[3], -a[1] * a[2])]


@_sized(1)
def _logabsdet(o: Exact, a: Row) -> Row:
    (d,) = _det(o, a)
    return [o.m.log(abs(d)) if d else o.m.ninf]


@_sized(1)
def _largest(o: Exact, x: Row) -> Row:
    return [max(x)]


@_sized(1)
def _smallest(o: Exact, x: Row) -> Row:
    return [min(x)]


@_known
def _softmax(o: Exact, x: Row) -> Row:
    total = _logsumexp(o, x)[0]
    parts = [o.add(a, -total) for a in x]
    for a in parts:
        o.level(a)
    return [_exp(o, a) for a in parts]


@_known
def _log_softmax(o: Exact, x: Row) -> Row:
    return [-_logsumexp(o, [o.add(b, -a) for b in x])[0] for a in x]


def _cumsum(o: Exact, x: Row) -> Row:
    return [_total(o, x[: k + 1]) for k in range(len(x))]


def _cumprod(o: Exact, x: Row) -> Row:
    return [_product(o, x[: k + 1]) for k in range(len(x))]


@_known
def _sort(o: Exact, x: Row) -> Row:
    return sorted(x)


def _matmul(o: Exact, a: Row, b: Row) -> Row:
    return [_dot(o, a[2 * i : 2 * i + 2], b[j::2]) for i in (0, 1) for j in (0, 1)]


def _matvec(o: Exact, a: Row, u: Row) -> Row:
    return [_dot(o, a[:2], u), _dot(o, a[2:], u)]


@_known
def _inv(o: Exact, a: Row) -> Row:
    (d,) = _det(o, a)
    return [a[3] / d, -a[1] / d, -a[2] / d, a[0] / d] if d else [None] * 4


@_sized(2)
def _solve(o: Exact, a: Row, u: Row) -> Row:
    (d,) = _det(o, a)
    if not d:
        return [None] * 2
    return [o.add(a[3] * u[0], -a[1] * u[1]) / d, o.add(a[0] * u[1], -a[2] * u[0]) / d]


@_sized(2)
def _eigvalsh(o: Exact, a: Row) -> Row:
    # Of A + Aᵀ.
    p, q, r = 2 * a[0], o.add(a[1], a[2]), 2 * a[3]
    middle, half = o.add(p, r) / 2, o.add(p, -r) / 2
    radius = o.m.sqrt(o.add(half * half, q * q))
    return [o.add(middle, -radius), o.add(middle, radius)]


@_known
def _chol(o: Exact, a: Row) -> Row:
    # Of A·Aᵀ + 1.
    one = o.m.one
    p = o.add(o.add(a[0] * a[0], a[1] * a[1]), one)
    q = o.add(a[0] * a[2], a[1] * a[3])
    # 1 + |row|² − q²/p, without the cancellation: ((det A)² + |rows|² + 1)/p.
    (d,) = _det(o, a)
    rest = o.add(d * d, o.add(p, o.add(a[2] * a[2], a[3] * a[3]))) / p
    root = o.m.sqrt(p)
    return [root, o.m.zero, q / root, o.m.sqrt(rest)]


@_known
def _cross(o: Exact, a: Row, b: Row) -> Row:
    return [o.add(a[i] * b[j], -a[j] * b[i]) for i, j in ((1, 2), (2, 0), (0, 1))]


def _linspace(o: Exact, a: Row, b: Row) -> Row:
    if None in (a[0], b[0]):
        return [a[0], None, b[0]]
    return [a[0], o.add(a[0], b[0]) / 2, b[0]]


def _outer(o: Exact, a: Row, b: Row) -> Row:
    return [None if p is None or q is None else p * q for p in a for q in b]


#: By name; rows in, a row out. Matrices are 2 × 2, row by row.
MEANINGS: dict[str, Callable[..., Row]] = {
    **{name: _each(f) for name, f in _ONE.items()},
    **{name: _each_pair(f) for name, f in _TWO.items()},
    "one": lambda o, x: [o.m.one] * len(x), "power": _to_the_power, "where": _where, "and": _and, "or": _or,
    "sum": lambda o, x: [_total(o, x)], "prod": lambda o, x: [_product(o, x)], "mean": _mean, "var": _var, "std": _std,
    "norm": _norm, "hypot_of": _norm, "logsumexp": _logsumexp, "median": _median, "det": _det,
    "logabsdet": _logabsdet, "dot": lambda o, a, b: [_dot(o, a, b)],
    "first": lambda o, x: [x[0]], "second": lambda o, x: [x[1]], "last": lambda o, x: [x[-1]],
    "trace": lambda o, a: [_total(o, [a[0], a[3]])],
    "join": lambda o, *rows: [x for row in rows for x in row], "append": lambda o, u, x: [*u, *x],
    "matvec": _matvec, "solve": _solve, "eigvalsh": _eigvalsh, "chol": _chol, "inv": _inv, "matmul": _matmul,
    "row_0": lambda o, a: a[:2], "column_1": lambda o, a: a[1::2], "diagonal": lambda o, a: [a[0], a[3]],
    "sum_0": lambda o, a: [_total(o, a[0::2]), _total(o, a[1::2])],
    "prod_1": lambda o, a: [_product(o, a[:2]), _product(o, a[2:])],
    "max_0": lambda o, a: [*_largest(o, a[0::2]), *_largest(o, a[1::2])],
    "tail": lambda o, v: v[1:], "head": lambda o, v: v[:-1], "reverse": lambda o, v: v[::-1],
    "roll": lambda o, v: [*v[1:], *v[:1]], "sort": _sort, "softmax": _softmax, "log_softmax": _log_softmax,
    "cumsum": _cumsum, "cumprod": _cumprod, "cross": _cross, "linspace": _linspace, "outer": _outer,
    "transpose": lambda o, a: [a[0], a[2], a[1], a[3]],
    "softmax_1": lambda o, a: [*_softmax(o, a[:2]), *_softmax(o, a[2:])],
    "sort_0": lambda o, a: [x for pair in zip(_sort(o, a[0::2]), _sort(o, a[1::2]), strict=True) for x in pair],
    **{f"repeat_{n}": (lambda o, x, n=n: x * n) for n in (2, 3, 4)},
}  # fmt: skip
#: What takes its arguments number by number.
ELEMENTWISE = frozenset({*_ONE, *_TWO, "one", "power", "where"})


def _of_numbers_or_rows(name: str, over_rows: Callable[..., Row]) -> None:
    """`max` and `min` take two things, or one row."""
    pairs = MEANINGS[name]
    MEANINGS[name] = lambda o, *rows: over_rows(o, *rows) if len(rows) == 1 else pairs(o, *rows)


_of_numbers_or_rows("max", _largest)
_of_numbers_or_rows("min", _smallest)
