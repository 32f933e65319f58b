"""What all operations of random formulas mean: those of `exact`, number by number, and those on arrays.

None is what has no value, and stays so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.diagnosis.exact import OF_ONE, OF_TWO, Exact, Row, dot, exp, logaddexp, power, product, total


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
    # As IEEE 754 has it: whatever x is, even nothing, x⁰ is 1; and so is 1ⁿ, whatever n is.
    x, n = (row * max(len(x), len(n)) if len(row) == 1 else row for row in (x, n))
    return [o.m.one if p == 0 or a == 1 else _each_pair(power)(o, [a], [p])[0] for a, p in zip(x, n, strict=True)]


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
    return [total(o, x) / len(x)]


@_sized(1)
def _var(o: Exact, x: Row) -> Row:
    middle = total(o, x) / len(x)
    return [total(o, [o.add(a, -middle) ** 2 for a in x]) / len(x)]


@_sized(1)
def _std(o: Exact, x: Row) -> Row:
    return [o.m.sqrt(_var(o, x)[0])]


@_sized(1)
def _norm(o: Exact, x: Row) -> Row:
    return [o.m.sqrt(total(o, [a * a for a in x]))]


@_sized(1)
def _logsumexp(o: Exact, x: Row) -> Row:
    sum_ = x[0]
    for a in x[1:]:
        sum_ = logaddexp(o, sum_, a)
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
    all_ = _logsumexp(o, x)[0]
    parts = [o.add(a, -all_) for a in x]
    for a in parts:
        o.level(a)
    return [exp(o, a) for a in parts]


@_known
def _log_softmax(o: Exact, x: Row) -> Row:
    return [-_logsumexp(o, [o.add(b, -a) for b in x])[0] for a in x]


def _cumsum(o: Exact, x: Row) -> Row:
    return [total(o, x[: k + 1]) for k in range(len(x))]


def _cumprod(o: Exact, x: Row) -> Row:
    return [product(o, x[: k + 1]) for k in range(len(x))]


@_known
def _sort(o: Exact, x: Row) -> Row:
    return sorted(x)


def _matmul(o: Exact, a: Row, b: Row) -> Row:
    return [dot(o, a[2 * i : 2 * i + 2], b[j::2]) for i in (0, 1) for j in (0, 1)]


def _matvec(o: Exact, a: Row, u: Row) -> Row:
    return [dot(o, a[:2], u), dot(o, a[2:], u)]


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


def _cross(o: Exact, a: Row, b: Row) -> Row:
    pairs = ((1, 2), (2, 0), (0, 1))
    return [total(o, [product(o, [a[i], b[j]]), product(o, [o.m.mpf(-1), a[j], b[i]])]) for i, j in pairs]


def _linspace(o: Exact, a: Row, b: Row) -> Row:
    if None in (a[0], b[0]):
        return [a[0], None, b[0]]
    return [a[0], o.add(a[0], b[0]) / 2, b[0]]


def _outer(o: Exact, a: Row, b: Row) -> Row:
    return [None if p is None or q is None else p * q for p in a for q in b]


#: By name; rows in, a row out. Matrices are 2 × 2, row by row.
MEANINGS: dict[str, Callable[..., Row]] = {
    **{name: _each(f) for name, f in OF_ONE.items()},
    **{name: _each_pair(f) for name, f in OF_TWO.items()},
    "one": lambda o, x: [o.m.one] * len(x), "power": _to_the_power, "where": _where, "and": _and, "or": _or,
    "sum": lambda o, x: [total(o, x)], "prod": lambda o, x: [product(o, x)], "mean": _mean, "var": _var, "std": _std,
    "norm": _norm, "hypot_of": _norm, "logsumexp": _logsumexp, "median": _median, "det": _det,
    "logabsdet": _logabsdet, "dot": lambda o, a, b: [dot(o, a, b)],
    "first": lambda o, x: [x[0]], "second": lambda o, x: [x[1]], "last": lambda o, x: [x[-1]],
    "trace": lambda o, a: [total(o, [a[0], a[3]])],
    "join": lambda o, *rows: [x for row in rows for x in row], "append": lambda o, u, x: [*u, *x],
    "matvec": _matvec, "solve": _solve, "eigvalsh": _eigvalsh, "chol": _chol, "inv": _inv, "matmul": _matmul,
    "row_0": lambda o, a: a[:2], "column_1": lambda o, a: a[1::2], "diagonal": lambda o, a: [a[0], a[3]],
    "sum_0": lambda o, a: [total(o, a[0::2]), total(o, a[1::2])],
    "prod_1": lambda o, a: [product(o, a[:2]), product(o, a[2:])],
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
ELEMENTWISE = frozenset({*OF_ONE, *OF_TWO, "one", "power", "where"})


def _of_numbers_or_rows(name: str, over_rows: Callable[..., Row]) -> None:
    """`max` and `min` take two things, or one row."""
    pairs = MEANINGS[name]
    MEANINGS[name] = lambda o, *rows: over_rows(o, *rows) if len(rows) == 1 else pairs(o, *rows)


_of_numbers_or_rows("max", _largest)
_of_numbers_or_rows("min", _smallest)
