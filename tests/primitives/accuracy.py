"""How many ulps every elementwise function and each of its first derivatives is off, over its whole domain.

    python -m tests.primitives.accuracy                 every function, 20,000 points each
    python -m tests.primitives.accuracy tanh atan2      some of them
    python -m tests.primitives.accuracy --table         the same, as the table that stands in docs/accuracy.md

The answers come from mpmath, from formulas written here and not from the table of primitives, at a precision that
rises until two of them agree. An ulp is the distance of the two floats around the answer (a subnormal's: 2⁻¹⁰⁷⁴).
Points: a third log-uniform over all magnitudes of the domain, a third over the moderate ones, a third close to where
rules go wrong (ends, zeros, poles, switch-overs); then every special number.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np

from diffcli.derive import adjoint
from diffcli.evaluation import Plan
from diffcli.graph import TABLE, Builder
from diffcli.primitives import FUNCTIONS

M = mpmath.mp.clone()
TINY, SMALLEST, LARGEST = 2.0**-1022, 2.0**-1074, sys.float_info.max

Reference = Callable[..., Any]


@dataclass(frozen=True)
class Case:
    """A function, where to sample its arguments, and the truth about it."""

    name: str
    arguments: tuple[Domain, ...]
    value: Reference
    partials: tuple[Reference | None, ...]
    params: tuple[float, ...] = ()  # leading constant arguments (the n of polygamma)
    limits: tuple[float, float] = (3.0, 4.0)
    pair: Callable[[np.random.Generator, int], tuple[np.ndarray, ...]] | None = None  # points that belong together


@dataclass(frozen=True)
class Domain:
    """An interval, what of it is moderate, and the points that deserve attention."""

    low: float = -math.inf
    high: float = math.inf
    moderate: tuple[float, float] = (-30.0, 30.0)
    near: tuple[float, ...] = (0.0, 1.0, -1.0)
    signs: bool = True

    def sample(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """`n` points of the interval, its special points not among them."""
        third = n // 3
        wide = np.exp2(rng.uniform(-1074, 1024, 8 * third))
        if self.signs:
            wide *= rng.choice([-1.0, 1.0], wide.size)
        wide = wide[(wide >= self.low) & (wide <= self.high)][:third]
        low, high = self.moderate
        middle = rng.uniform(low, high, third)
        small = np.exp2(rng.uniform(-60, math.log2(max(abs(low), abs(high))), third))
        middle = np.where(rng.random(third) < 0.5, middle, small * np.where(low < 0, rng.choice([-1, 1], third), 1))
        count = 2 * (n - 2 * third)
        base = rng.choice(self.near or (0.0,), count)
        offset = np.exp2(rng.uniform(-52, 0, count)) * rng.choice([-1.0, 1.0], count)
        close = np.where(base == 0.0, offset, base * (1.0 + offset))
        points = np.concatenate([wide, middle, close])
        points = points[(points >= self.low) & (points <= self.high) & np.isfinite(points)]
        return rng.permutation(points)[:n]

    def special(self) -> list[float]:
        """Zeros, subnormals, ends and near points with their neighbours, the largest."""
        ends = [x for x in (self.low, self.high) if math.isfinite(x)]
        found = {SMALLEST, TINY, math.nextafter(TINY, 0), LARGEST, 0.5, 1.0, 2.0, 1e-160, 1e160, 1e-8, 1e8}
        found |= {-x for x in found}
        for x in (*ends, *self.near):
            found |= {x, math.nextafter(x, math.inf), math.nextafter(x, -math.inf)}
        return [x for x in sorted(found) if self.low <= x <= self.high]


REAL = Domain()
POSITIVE = Domain(0.0, math.inf, (0.0, 30.0), (0.0, 1.0), signs=False)


def answers(f: Reference, points: Sequence[Sequence[float]]) -> Iterator[Any]:
    """f at every point, each at a precision that rises until two answers agree to 75 bits."""
    for point in points:
        before = None
        for precision in (130, 260, 600, 1400, 5000):
            M.prec = precision
            try:
                answer = f(*[M.mpf(x) for x in point])
            except (ZeroDivisionError, ValueError, ArithmeticError):
                answer = M.nan
            if isinstance(answer, M.mpc):
                answer = M.nan
            if before is not None and (
                answer == before
                or (M.isnan(answer) and M.isnan(before))
                or (M.isfinite(answer) and abs(answer - before) <= abs(answer) * M.mpf(2) ** -75)
            ):
                break
            before = answer
        yield answer


def ulps(got: float, answer: Any) -> float:
    """The distance of `got` from the exact `answer`, in units of the floats' spacing there; inf if it is no number."""
    if M.isnan(answer) or math.isnan(got):
        return 0.0 if M.isnan(answer) and math.isnan(got) else math.inf
    if M.isinf(answer):
        return 0.0 if got == float(answer) else math.inf
    M.prec = 130
    if math.isinf(got):
        got_exact = M.mpf(2) ** 1024 * (1 if got > 0 else -1)
        if abs(answer) >= abs(got_exact) and (answer > 0) == (got > 0):
            return 0.0
    else:
        got_exact = M.mpf(got)
    size = abs(answer)
    exponent = max(int(M.frexp(size)[1]), -1021) if size else -1021
    return float(min(abs(got_exact - answer) / M.ldexp(1, min(exponent, 1024) - 53), M.mpf(10) ** 300))


def computed(case: Case, points: np.ndarray) -> list[np.ndarray]:
    """The value and the derivatives that diffcli finds, at points (arguments, n)."""
    builder = Builder()
    inputs = [builder.input(f"x{i}", ()) for i in range(len(case.arguments))]
    fixed = [builder.constant(p) for p in case.params]
    if case.name in FUNCTIONS:
        y = FUNCTIONS[case.name].build(builder, *fixed, *inputs)
    else:
        y = TABLE[case.name](*fixed, *inputs)
    bars = adjoint([y], [builder.constant(1.0)], inputs).cotangents
    zero = builder.constant(0.0)
    plan = Plan([y, *(bars.get(x, zero) for x in inputs)])
    return [np.broadcast_to(out, (points.shape[1],)) for out in plan.run(dict(zip(inputs, points, strict=True)))]


def sampled(case: Case, n: int, seed: int = 0) -> np.ndarray:
    """Points for a case, (arguments, n and some more)."""
    rng = np.random.default_rng([seed, *case.name.encode()])
    columns = [domain.sample(rng, n) for domain in case.arguments]
    points = np.stack([column[: min(map(len, columns))] for column in columns])
    if case.pair is not None:
        points = np.concatenate([points, np.stack(case.pair(rng, n // 2))], axis=1)
    specials = np.stack([s.ravel() for s in np.meshgrid(*[np.array(d.special()) for d in case.arguments])])
    if len(columns) > 1:  # all pairs of them are many: no more than of the others
        specials = specials[:, rng.permutation(specials.shape[1])[:n]]
    return np.concatenate([points, specials], axis=1)


@dataclass(frozen=True)
class Worst:
    """The largest errors of a function: value and each derivative, with the point where."""

    errors: tuple[float, ...]
    at: tuple[tuple[float, ...], ...]
    points: int


def measure(case: Case, n: int, seed: int = 0) -> Worst:
    """The largest errors of `case` over `n` points and the special ones."""
    points = sampled(case, n, seed)
    outputs = computed(case, points)
    errors, places = [], []
    for reference, got in zip((case.value, *case.partials), outputs, strict=True):
        if reference is None:
            continue
        worst, where = 0.0, ()
        columns = [tuple(map(float, column)) for column in points.T]
        for point, number, answer in zip(columns, got, answers(reference, columns), strict=True):
            if M.isnan(answer):
                continue  # poles and jumps: the edge tests speak of them
            error = ulps(float(number), answer)
            if error > worst:
                worst, where = error, point
        errors.append(worst)
        places.append(where)
    return Worst(tuple(errors), tuple(places), points.shape[1])


# The truth --------------------------------------------------------------------------------------------------


def _logistic(x: Any) -> Any:
    return 1 / (1 + M.exp(-x))


def _tail_pairs(rng: np.random.Generator, n: int) -> tuple[np.ndarray, ...]:
    """Pairs whose exponentials add up to nearly 1, where logaddexp is nearly 0."""
    b = -np.exp2(rng.uniform(-40, 5, n))
    a = np.log1p(-np.exp(b)) * (1.0 + rng.choice([-1, 1], n) * np.exp2(rng.uniform(-48, -2, n)))
    return (np.where(np.isfinite(a), a, 0.0), b)


def _powers(rng: np.random.Generator, n: int) -> tuple[np.ndarray, ...]:
    """Bases and exponents whose power is neither 0 nor infinite, over the whole range of results."""
    x = np.exp2(rng.choice([-1.0, 1.0], n) * np.exp2(rng.uniform(-52, 10, n)))
    x = np.clip(x, SMALLEST, LARGEST)
    logs = np.where(x == 1.0, 1.0, np.log2(x))
    return (x, rng.uniform(-1074, 1024, n) / logs)


def _comparable(rng: np.random.Generator, n: int) -> tuple[np.ndarray, ...]:
    """Two numbers of any magnitude that differ by a moderate factor."""
    a = np.exp2(rng.uniform(-1070, 1000, n)) * rng.choice([-1.0, 1.0], n)
    return (a, a * rng.uniform(0.01, 3.0, n) * rng.choice([-1.0, 1.0], n))


def _sinc(x: Any) -> Any:
    return M.sincpi(x)


def _sinc_slope(x: Any) -> Any:
    if abs(x) < 1e-20:
        return -(M.pi**2) * x / 3
    return (M.cospi(x) - M.sincpi(x)) / x


def _quotient_slope(a: Any, b: Any) -> Any:
    return -a / (b * b)


def _square_sum(a: Any, b: Any) -> Any:
    return a * a + b * b


def _truncated(q: Any) -> Any:
    return M.sign(q) * M.floor(abs(q))


def _remainder(x: Any, d: Any, whole: Reference) -> tuple[Any, Any]:
    """x − d·q and q, with as many bits as the quotient of any two floats needs."""
    if d == 0:
        return M.nan, M.nan
    M.prec = 2300
    q = whole(x / d)
    return x - d * q, q


def _erfc(x: Any) -> Any:
    if x > 40:
        return M.ldexp(1, -3000)  # far below the smallest float
    return M.erfc(x)


def _erfinv(y: Any) -> Any:
    """By Newton's method on mpmath's erf and erfc: its own erfinv is slow near the ends."""
    size = abs(y)
    if size == 0:
        return y
    rest = 1 - size
    if rest == 0:
        return M.inf * M.sign(y)
    x = size * M.sqrt(M.pi) / 2 if size < 0.5 else M.sqrt(-M.log(rest))
    for _ in range(60):
        gap = (M.erf(x) - size) if size < 0.5 else (rest - M.erfc(x))
        step = gap / (2 / M.sqrt(M.pi) * M.exp(-x * x))
        x -= step / (1 + x * step)
        if abs(step) < abs(x) * M.mpf(2) ** (-M.prec // 2):
            break
    return x * M.sign(y)


def _is_pole(x: Any) -> bool:
    return bool(x <= 0 and x == M.floor(x))


def _gamma(x: Any) -> Any:
    if _is_pole(x):
        return M.nan
    if x > 1000:
        return M.ldexp(1, 3000)
    if x < -1000:
        return M.ldexp(-1 if M.floor(x) % 2 else 1, -3000)
    return M.gamma(x)


def _log_gamma(x: Any) -> Any:
    """log|Γ(x)| far from 0, by reflection."""
    if _is_pole(x):
        return M.nan
    return M.loggamma(x) if x > 0 else M.log(M.pi / abs(M.sinpi(x))) - M.loggamma(1 - x)


def _psi(n: int, x: Any) -> Any:
    if _is_pole(x):
        return M.nan
    if abs(x) < M.mpf(2) ** -200:
        return (-1) ** (n + 1) * M.factorial(n) / x ** (n + 1)
    if x > 2.0**80:
        return M.log(x) if n == 0 else (-1) ** (n + 1) * M.factorial(n - 1) / x**n
    # Recurrence up to where the asymptotic series has the precision asked; mpmath's own psi takes 30 ms a point.
    total, far = M.mpf(0), M.prec // 4 + 2 * n
    while x < far:
        total += 1 / x ** (n + 1)
        x += 1
    series = M.log(x) - 1 / (2 * x) if n == 0 else -M.factorial(n - 1) / x**n - M.factorial(n) / (2 * x ** (n + 1))
    if n == 0:
        series = -series
    for k in range(1, M.prec // 6 + 4):
        factor = M.mpf(1) / (2 * k) if n == 0 else M.factorial(2 * k + n - 1) / M.factorial(2 * k)
        series += (1 if n == 0 else -1) * M.bernoulli(2 * k) * factor / x ** (2 * k + n)
    if n == 0:
        return -(series + total)
    return (-1) ** n * (series - M.factorial(n) * total)


def _beta(a: Any, b: Any) -> Any:
    """Γ(a)Γ(b)/Γ(a+b), the leading terms where one is too large for mpmath's precision."""
    a, b = max(a, b), min(a, b)
    if a > 2.0**60:
        return M.gamma(b) * M.exp(-b * M.log(a)) if b < 2.0**20 else M.ldexp(1, -3000)
    if b > 1e5:
        return M.ldexp(1, -3000)
    return M.exp(M.loggamma(a) + M.loggamma(b) - M.loggamma(a + b))


def _psi_drop(a: Any, b: Any) -> Any:
    if b < a * M.mpf(2) ** -200:
        return -b * _psi(1, a)
    return _psi(0, a) - _psi(0, a + b)


ERROR = Domain(moderate=(-6.0, 28.0), near=(0.0, 0.25, 0.875, 1.0, 5.9, 26.5, 27.2))
GAMMA = Domain(-300.0, math.inf, moderate=(-185.0, 172.0), near=(0.0, 1.0, 2.0, -1.0, -2.0, 171.6, -0.5, -7.0))
ROOTS = (1.4616321449683623, -0.5040830082644554, -1.573498473162390, -2.457024738220800, -3.143580888349980)
ZEROS = (
    -2.4570247382208006,
    -2.747682646727413,
    -3.955294284858598,
    -4.039361839740537,
    -4.991544640560048,
    -5.008218168441144,
)
POLES = Domain(-300.0, math.inf, moderate=(-25.0, 40.0), near=(0.0, 1.0, 2.0, -1.0, -2.0, -7.0, 24.0, *ROOTS, *ZEROS))
SHAPE = Domain(2.0**-300, math.inf, (0.0, 200.0), (1.0, 2.0, 128.0), signs=False)
UNIT = Domain(-1.0, 1.0, (-1.0, 1.0))
ANGLE = Domain(moderate=(-20.0, 20.0), near=(0.0, math.pi / 2, math.pi, 3 * math.pi / 2, math.tau))
WAVES = Domain(moderate=(-20.0, 20.0), near=(0.0, 0.5, 1.0, 2.0, -3.0, 1.4302966531242027, 2.4590240337775, 7.5))
GROWTH = Domain(moderate=(-745.0, 710.0), near=(0.0, -745.13, 709.78, -708.4, 1.0))
LOGISTIC = Domain(moderate=(-760.0, 760.0), near=(0.0, 1.0, 37.0, -37.0, 709.78, -709.78, -745.13))
HYPERBOLIC = Domain(moderate=(-711.0, 711.0), near=(0.0, 0.5, 1.0, 20.0, 22.0, 710.475, 355.0))


CASES = [
    Case("multiply", (REAL, REAL), lambda a, b: a * b, (lambda a, b: b, lambda a, b: a)),
    Case("divide", (REAL, REAL), lambda a, b: a / b, (lambda a, b: 1 / b, _quotient_slope), pair=_comparable),
    Case("reciprocal", (REAL,), lambda x: 1 / x, (lambda x: -1 / x**2,)),
    Case("square", (REAL,), lambda x: x * x, (lambda x: 2 * x,)),
    Case(
        "power",
        (POSITIVE, Domain(moderate=(-5.0, 5.0), near=(0.0, 0.5, 1.0, 2.0, 3.0, -1.0))),
        lambda x, n: M.power(x, n),
        (
            lambda x, n: M.mpf(0) if n == 0 else n * M.power(x, n - 1) if x else M.nan,
            lambda x, n: M.power(x, n) * M.log(x) if x else M.nan,
        ),
        pair=_powers,
    ),
    Case("sqrt", (POSITIVE,), M.sqrt, (lambda x: 0.5 / M.sqrt(x),)),
    Case("cbrt", (REAL,), lambda x: M.sign(x) * M.cbrt(abs(x)), (lambda x: 1 / (3 * M.cbrt(abs(x)) ** 2),)),
    Case(
        "hypot",
        (REAL, REAL),
        M.hypot,
        (lambda a, b: a / M.hypot(a, b), lambda a, b: b / M.hypot(a, b)),
        pair=_comparable,
    ),
    Case("exp", (GROWTH,), M.exp, (M.exp,)),
    Case("exp2", (Domain(moderate=(-1075.0, 1024.0)),), lambda x: M.power(2, x), (lambda x: M.power(2, x) * M.log(2),)),
    Case("expm1", (GROWTH,), M.expm1, (M.exp,)),
    Case("log", (POSITIVE,), M.log, (lambda x: 1 / x,)),
    Case("log2", (POSITIVE,), lambda x: M.log(x) / M.log(2), (lambda x: 1 / (x * M.log(2)),)),
    Case("log10", (POSITIVE,), lambda x: M.log(x) / M.log(10), (lambda x: 1 / (x * M.log(10)),)),
    Case("log1p", (Domain(-1.0, math.inf, (-1.0, 9.0)),), M.log1p, (lambda x: 1 / (1 + x),)),
    Case("sin", (ANGLE,), M.sin, (M.cos,)),
    Case("cos", (ANGLE,), M.cos, (lambda x: -M.sin(x),)),
    Case("tan", (ANGLE,), M.tan, (lambda x: 1 + M.tan(x) ** 2,)),
    Case("asin", (UNIT,), M.asin, (lambda x: 1 / M.sqrt((1 - x) * (1 + x)),)),
    Case("acos", (UNIT,), M.acos, (lambda x: -1 / M.sqrt((1 - x) * (1 + x)),)),
    Case("atan", (REAL,), M.atan, (lambda x: 1 / (1 + x * x),)),
    Case(
        "atan2",
        (REAL, REAL),
        M.atan2,
        (lambda y, x: x / _square_sum(x, y), lambda y, x: -y / _square_sum(x, y)),
        pair=_comparable,
    ),
    Case("sinh", (HYPERBOLIC,), M.sinh, (M.cosh,)),
    Case("cosh", (HYPERBOLIC,), M.cosh, (M.sinh,)),
    Case("tanh", (HYPERBOLIC,), M.tanh, (lambda x: M.sech(x) ** 2,)),
    Case("asinh", (REAL,), M.asinh, (lambda x: 1 / M.sqrt(1 + x * x),)),
    Case("acosh", (Domain(1.0, math.inf, (1.0, 30.0), (1.0,)),), M.acosh, (lambda x: 1 / M.sqrt((x - 1) * (x + 1)),)),
    Case("atanh", (UNIT,), M.atanh, (lambda x: 1 / ((1 - x) * (1 + x)),)),
    Case("sigmoid", (LOGISTIC,), _logistic, (lambda x: _logistic(x) * _logistic(-x),)),
    Case(
        "logit",
        (Domain(0.0, 1.0, (0.0, 1.0), (0.25, 0.5, 0.75, 1.0), signs=False),),
        lambda x: M.log(x / (1 - x)),
        (lambda x: 1 / (x * (1 - x)),),
    ),
    Case("softplus", (LOGISTIC,), lambda x: M.log1p(M.exp(x)), (_logistic,)),
    Case("log_sigmoid", (LOGISTIC,), lambda x: -M.log1p(M.exp(-x)), (lambda x: _logistic(-x),)),
    Case(
        "logaddexp",
        (Domain(moderate=(-40.0, 40.0)), Domain(moderate=(-40.0, 40.0))),
        lambda a, b: max(a, b) + M.log1p(M.exp(-abs(a - b))),
        (lambda a, b: _logistic(a - b), lambda a, b: _logistic(b - a)),
        pair=_tail_pairs,
    ),
    Case(
        "xlogy",
        (REAL, POSITIVE),
        lambda a, b: a * M.log(b) if a else M.mpf(0),
        (lambda a, b: M.log(b), lambda a, b: a / b if a else M.mpf(0)),
    ),
    Case(
        "entr",
        (Domain(0.0, math.inf, (0.0, 9.0), (0.36787944117144233, 1.0), signs=False),),
        lambda x: -x * M.log(x) if x else M.mpf(0),
        (lambda x: -M.log(x) - 1,),
    ),
    Case("sinc", (WAVES,), _sinc, (_sinc_slope,)),
    Case("erf", (ERROR,), M.erf, (lambda x: 2 / M.sqrt(M.pi) * M.exp(-x * x),), limits=(3.0, 8.0)),
    Case("erfc", (ERROR,), _erfc, (lambda x: -2 / M.sqrt(M.pi) * M.exp(-x * x),), limits=(3.0, 8.0)),
    Case("erfinv", (UNIT,), _erfinv, (lambda y: M.sqrt(M.pi) / 2 * M.exp(_erfinv(y) ** 2),), limits=(3.0, 8.0)),
    Case("gamma", (GAMMA,), _gamma, (lambda x: _gamma(x) * _psi(0, x),), limits=(3.0, 8.0)),
    Case(
        "lgamma",
        (POLES,),
        lambda x: M.log(abs(M.gamma(x))) if abs(x) < 200 else _log_gamma(x),
        (lambda x: _psi(0, x),),
        limits=(3.0, 8.0),
    ),
    Case("digamma", (POLES,), lambda x: _psi(0, x), (lambda x: _psi(1, x),), limits=(3.0, 8.0)),
    Case("polygamma", (POLES,), lambda x: _psi(1, x), (lambda x: _psi(2, x),), (1.0,), limits=(3.0, 8.0)),
    Case("polygamma", (POLES,), lambda x: _psi(2, x), (lambda x: _psi(3, x),), (2.0,), limits=(3.0, 8.0)),
    Case("polygamma", (POLES,), lambda x: _psi(5, x), (lambda x: _psi(6, x),), (5.0,), limits=(3.0, 8.0)),
    Case(
        "beta",
        (SHAPE, SHAPE),
        _beta,
        (lambda a, b: _beta(a, b) * _psi_drop(a, b), lambda a, b: _beta(a, b) * _psi_drop(b, a)),
        limits=(3.0, 8.0),
    ),
    Case("deg2rad", (REAL,), lambda x: x * M.pi / 180, (lambda x: M.pi / 180,)),
    Case("rad2deg", (REAL,), lambda x: x * 180 / M.pi, (lambda x: 180 / M.pi,)),
    Case(
        "mod",
        (REAL, REAL),
        lambda x, d: _remainder(x, d, M.floor)[0],
        (lambda x, d: M.mpf(1) if d else M.nan, lambda x, d: -_remainder(x, d, M.floor)[1]),
        pair=_comparable,
    ),
    Case(
        "fmod",
        (REAL, REAL),
        lambda x, d: _remainder(x, d, _truncated)[0],
        (lambda x, d: M.mpf(1) if d else M.nan, lambda x, d: -_remainder(x, d, _truncated)[1]),
        pair=_comparable,
    ),
]


def main() -> None:
    """Measures, prints a line a function, and exits with 1 if one misses its limit."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("functions", nargs="*")
    parser.add_argument("--points", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--table", action="store_true", help="print a Markdown table")
    options = parser.parse_args()
    missed = False
    if options.table:
        print("| function | points | value | derivatives |\n|---|---:|---:|---|")
    for case in CASES:
        if options.functions and case.name not in options.functions:
            continue
        worst = measure(case, options.points, options.seed)
        limits = (case.limits[0], *[case.limits[1]] * (len(worst.errors) - 1))
        bad = any(error > limit for error, limit in zip(worst.errors, limits, strict=True))
        missed |= bad
        label = case.name + "".join(f" {p:g}" for p in case.params)
        shown = [f"{error:.2f}" if error < 1e6 else f"{error:.0e}" for error in worst.errors]
        if options.table:
            print(f"| `{label}` | {worst.points:,} | {shown[0]} | {', '.join(shown[1:])} |")
        else:
            places = "   ".join(f"{s} at {', '.join(map(repr, at))}" for s, at in zip(shown, worst.at, strict=True))
            print(f"{'MISSED ' if bad else ''}{label}: {places}", flush=True)
    sys.exit(missed)


if __name__ == "__main__":
    main()
