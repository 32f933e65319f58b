"""One evaluation of a graph in arbitrary precision: the table's `reference` entries, and a rule for what has none.

Nothing here runs away: exponents and time are capped, and past a cap the answer is "not known" (NaN).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from diffcli.errors import UsageError
from diffcli.graph import CONSTANT, INPUT, Node
from diffcli.precise import gamma
from diffcli.precise.erfinv import erfinv

Exact: TypeAlias = NDArray[Any]  # an array of mpmath numbers and booleans, without a batch axis

#: An argument beyond 2^FAR is not handed to a function that would have to count its periods.
FAR = 2_500
#: Addends that differ by so many bits are never seen side by side.
BEYOND = 24_000
#: What a result may be at the most, as 2^±2^REACH: beyond, it is infinite or zero. The second is for those who want to
#: read it: the exponent alone has 600 digits then.
REACH, WIDE_REACH = 62, 2_000
#: From so many addends on, a sum is worth rounding once.
MANY = 16


class SlowError(Exception):
    """What was granted is used up."""


class Allowance:
    """How much a computation may cost, in seconds of an ordinary machine of 2020: `SlowError` is raised when it costs
    more.

    The cost of an operation is reckoned from its kind and the precision, so that what is found depends on neither the
    machine nor what else it does. The processor's time is looked at too, for what costs far more than it should.
    """

    #: How many times the seconds granted the processor's time may be.
    LAST_RESORT = 8.0

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.spent = 0.0
        self._end = time.process_time() + self.LAST_RESORT * seconds

    def spend(self, seconds: float) -> None:
        """Note of a cost; raises `SlowError` if that is more than is left."""
        self.spent += seconds
        if self.spent > self.seconds:
            raise SlowError
        self.watch()

    def watch(self) -> None:
        """Raise `SlowError` if it takes far longer than was reckoned."""
        if time.process_time() > self._end:
            raise SlowError


#: What one number costs at 1,000 bits, in seconds, by the kind of the operation: what it costs at any, and what grows
#: like the precision to the power named.
PLAIN, SMOOTH, GAMMA = (2e-6, 1e-6, 1.6), (12e-6, 6e-5, 1.9), (2e-4, 1.3e-3, 2.0)
_COSTS = {**dict.fromkeys(("gamma", "lgamma", "digamma", "polygamma", "beta", "erfinv"), GAMMA)}


def cost(node: Node, precision: int) -> float:
    """What evaluating a node costs at a precision, in seconds."""
    size = max([node.size, *(arg.size for arg in node.args)])
    if node.op.name in _MATRICES:
        size = size**1.5
    elif node.op.name == "matmul":
        size = node.size * node.args[0].shape[-1]
    smooth = (node.op.kind == "elementwise" and node.op.name not in _PLAIN) or node.op.name in _EXPONENTIAL
    at_all, growing, power = _COSTS.get(node.op.name, SMOOTH if smooth else PLAIN)
    return float(size * (at_all + growing * (precision / 1000.0) ** power))


def available() -> bool:
    """Whether mpmath is installed."""
    from importlib.util import find_spec

    return find_spec("mpmath") is not None


def require() -> None:
    """Raise a `UsageError` that says what to install, unless mpmath is."""
    if not available():
        raise UsageError(
            "arbitrary precision needs mpmath, which is not installed",
            hint="pip install 'diffcli[precise]'",
            code="missing-package",
        )


def finite(x: Any) -> bool:
    """Whether an mpmath number is finite. (Its own functions take any type of number, and five times as long.)"""
    _, man, exp, _ = x._mpf_
    return bool(man or not exp)


def size(x: Any) -> int:
    """The exponent of the power of two above a finite number that is not 0."""
    _, _, exp, count = x._mpf_
    return int(exp + count)


# One evaluation ---------------------------------------------------------------------------------------------


class Arithmetic:
    """mpmath at one precision, with its exceptions and its infinities made IEEE's.

    `needed` is the precision that would have kept every addend so far: 1 + 2^-900 needs 900 bits.
    """

    def __init__(self) -> None:
        import mpmath

        self.m: Any = mpmath.MPContext()
        self.nan, self.inf = self.m.nan, self.m.inf
        self.needed = 0
        self.allowance = Allowance(1e9)
        self.reach = REACH
        #: Whether a result was beyond that.
        self.beyond = False
        #: Doubles that stand for numbers they cannot hold: π and its like, where the user asked for all digits.
        self.exactly: Mapping[float, Any] = {}

    def number(self, value: float) -> Any:
        """A double, exactly."""
        named = self.exactly.get(value)
        return self.m.mpf(value) if named is None else named(self.m)

    def array(self, values: Any) -> Exact:
        """An array of doubles, exactly."""
        given = np.asarray(values, dtype=np.float64)
        out = np.empty(given.shape, dtype=object)
        for k, v in enumerate(given.flat):
            out.flat[k] = self.number(float(v))
        return out

    def is_nan(self, x: Any) -> bool:
        """Whether a number is NaN."""
        return not isinstance(x, bool) and x != x

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """`function(m, *args)` as a real number: NaN where there is none."""
        m = self.m
        try:
            y = function(m, *args)
        # What mpmath raises where a function has no value, or where it has no method for the argument.
        except (ArithmeticError, ValueError, TypeError, NotImplementedError, RecursionError, m.NoConvergence):
            return self.nan
        if isinstance(y, m.mpc):
            y = y.real if y.imag == 0 else self.nan
        elif isinstance(y, (int, float)) and not isinstance(y, bool):
            y = m.mpf(y)
        return self.tamed(y)

    def tamed(self, y: Any) -> Any:
        """`y`, or what it is as good as where it is out of reach: that would only slow things down."""
        if isinstance(y, self.m.mpf):
            _, man, exp, _ = y._mpf_
            if man and exp.bit_length() > self.reach + 1:
                self.beyond = True
                return (self.inf if y > 0 else -self.inf) if exp > 0 else self.m.zero
        return y

    def far_for_exp(self, x: Any) -> bool:
        """Whether exp(x) is out of reach."""
        if not (x and finite(x) and size(x) > self.reach):
            return False
        self.beyond = True
        return True

    def add(self, a: Any, b: Any) -> Any:
        """The sum a + b, and how many bits it took to see both."""
        if not (finite(a) and finite(b)):
            return self.call(lambda _, x, y: x + y, a, b)
        if a and b:
            self.sees(abs(size(a) - size(b)))  # beyond any precision to be had, the smaller one does not count
        return a + b

    def sees(self, bits: float) -> None:
        """Note of so many bits that something takes to be seen beside something else."""
        if self.needed < bits + 64 < BEYOND:
            self.needed = int(bits) + 64

    def total(self, terms: Sequence[Any]) -> Any:
        """The sum of `terms`, rounded once; 0 for none."""
        sizes = [size(term) for term in terms if finite(term) and term]
        if len(sizes) < MANY or max(sizes) - min(sizes) > BEYOND or not all(map(finite, terms)):
            sum_ = self.m.zero
            for term in terms:
                sum_ = self.add(sum_, term)
            return sum_
        total = self.m.fsum(terms)
        self.sees(max(max(sizes), size(total) if total else 0) - min(sizes))
        return total


def evaluate(
    ar: Arithmetic, order: Sequence[Node], given: Mapping[Node, Exact], frozen: Mapping[Node, Exact] | None = None
) -> dict[Node, Exact]:
    """The values of the nodes in `order` (arguments first) from those of the inputs.

    `frozen` holds the values of `stop` nodes that a change of the inputs must not move.
    """
    found: dict[Node, Exact] = {}
    for node in order:
        ar.allowance.watch()
        if node.op is INPUT:
            found[node] = given[node]
        elif node.op is CONSTANT:
            found[node] = ar.array(node.params[0])
        elif frozen is not None and node in frozen:
            found[node] = frozen[node]
        else:
            found[node] = apply(ar, node, [found[arg] for arg in node.args])
    return found


def apply(ar: Arithmetic, node: Node, args: list[Exact]) -> Exact:
    """The value of one operation; NaN where nothing is known about it."""
    rule = _RULES.get(node.op.name)
    if rule is not None:
        return _objects(rule(ar, node, *args), node.shape)
    if node.op.kind == "elementwise":
        scalar = _SCALAR.get(node.op.name)
        reference = node.op.reference
        if scalar is None and reference is None:
            return _unknown(ar, node)
        flat = [arg.ravel() for arg in args]
        out = np.empty(node.size, dtype=object)
        for k in range(node.size):
            numbers = [column[k] for column in flat]
            out[k] = scalar(ar, *numbers) if scalar else _referred(ar, node, numbers)
        return out.reshape(node.shape)
    return _unknown(ar, node)


def _unknown(ar: Arithmetic, node: Node) -> Exact:
    out = np.empty(node.shape, dtype=object)
    out.fill(ar.nan)
    return out


def _objects(value: Any, shape: tuple[int, ...]) -> Exact:
    out = np.empty(shape, dtype=object)
    if shape == ():
        out[()] = value[()] if isinstance(value, np.ndarray) else value
    else:
        out[...] = value
    return out


def _referred(ar: Arithmetic, node: Node, numbers: list[Any]) -> Any:
    """One number by the table's reference, kept from arguments it would not come back from."""
    name = node.op.name
    for x in numbers:
        if ar.is_nan(x):
            return ar.nan
    if name not in _TIRELESS:
        far = _FAR_AWAY.get(name)
        if far is not None:
            if any(map(ar.far_for_exp, numbers)):
                return far(ar, *numbers)
        elif any(not isinstance(x, bool) and finite(x) and x and size(x) > FAR for x in numbers):
            return ar.nan
    level = _LEVELS.get(name)
    if level is not None and all(map(finite, numbers)):
        ar.sees(level(ar.m, *numbers))
    return ar.call(node.op.reference, *numbers, *node.params)  # type: ignore[arg-type]


def _flat(power: int) -> Callable[..., float]:
    """Near 0 a constant, up to x^power."""
    return lambda m, x: -power * m.mag(x) if x else 0


def _steep(rate: float, square: bool = False, power: int = 0, sign: int = 0) -> Callable[..., float]:
    """Far off a constant, up to exp(−rate·|x|), or of x² (`sign`: on that side only), and near 0 up to x^power."""

    def bits(m: Any, x: Any) -> float:
        if not x:
            return 0
        if m.mag(x) <= 0:
            return float(-power * m.mag(x))
        if m.mag(x) > 16 or sign * x < 0:
            return 0
        return 1.4427 * rate * float(x * x if square else abs(x))

    return bits


#: How many bits it takes to tell a function's value from the constant that it is nearly: from cos(x) = 1, tanh(x) = 1.
_LEVELS: dict[str, Callable[..., float]] = {
    **dict.fromkeys(("exp", "exp2", "acos"), _flat(1)),
    **dict.fromkeys(("cos", "cosh", "sinc"), _flat(2)),
    "tanh": _steep(2.0),
    "erf": _steep(1.0, square=True),
    "erfc": _steep(1.0, square=True, power=1, sign=-1),
    "sigmoid": _steep(1.0, power=1, sign=1),
    "softplus": _steep(1.0, power=1, sign=1),
    "log_sigmoid": _steep(1.0, power=1, sign=-1),
    "atan": lambda m, x: max(0, m.mag(x)) if x else 0,
    "hypot": lambda m, a, b: 2 * abs(m.mag(a) - m.mag(b)) if a and b else 0,
}


#: Of one size whatever the argument, but for its digits.
_PLAIN = frozenset({
    "add", "subtract", "multiply", "divide", "negate", "reciprocal", "square", "abs", "maximum", "minimum", "clip",
    "relu", "sign", "heaviside", "deg2rad", "rad2deg", "within", "floor", "ceil", "round", "trunc", "mod", "fmod",
    "where", "less", "less_equal", "greater", "greater_equal", "equal", "not_equal", "and", "or", "not", "number",
    "truth", "stop", "sqrt",
})  # fmt: skip
_EXPONENTIAL = frozenset({"logsumexp", "softmax", "log_softmax"})
_MATRICES = frozenset({"det", "logabsdet", "inv", "solve", "chol", "eigvalsh"})
#: Functions that take an argument of any size in their stride.
_TIRELESS = frozenset({
    "multiply", "divide", "negate", "reciprocal", "square", "sqrt", "cbrt", "hypot", "log",
    "log2", "log10", "log1p", "asinh", "acosh", "atan", "atan2", "abs", "maximum",
    "minimum", "clip", "relu", "sign", "heaviside", "deg2rad", "rad2deg", "within",
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
    if n == 0 or x == 1:
        return m.one
    if ar.is_nan(x) or ar.is_nan(n):
        return ar.nan
    if m.isfinite(n) and m.isfinite(x) and x:
        if x < 0 and n != m.floor(n):
            return ar.nan
        if m.mag(n) + max(m.mag(m.log(abs(x))), 0) > ar.reach + 2:
            ar.beyond = True
            grows = (abs(x) > 1) == (n > 0)
            return ar.inf if grows and x > 0 else (ar.nan if grows else m.zero)
    if x == 0:
        if n > 0:
            return m.zero
        return ar.inf if n != m.floor(n) or (m.isfinite(n) and m.floor(n / 2) * 2 == n) else ar.nan
    return ar.call(lambda m, a, b: m.power(a, b), x, n)


def _divide(ar: Arithmetic, a: Any, b: Any) -> Any:
    # 1/0 has no sign here: the two sides of the pole are looked at one by one.
    return ar.nan if b == 0 else ar.call(lambda m, p, q: p / q, a, b)


def _xlogy(ar: Arithmetic, x: Any, y: Any) -> Any:
    if x == 0 and y >= 0:
        return ar.m.zero
    return ar.nan if y < 0 else ar.call(lambda m, a, b: a * m.log(b), x, y)


def _logaddexp(ar: Arithmetic, a: Any, b: Any) -> Any:
    high, low = (a, b) if a >= b else (b, a)
    if not ar.m.isfinite(high):
        return high if not ar.is_nan(low) else ar.nan
    difference = ar.add(low, -high)
    grown = ar.m.zero if ar.m.isinf(difference) or difference < -FAR else ar.m.log1p(ar.m.exp(difference))
    return ar.add(high, grown)


def _log(function: str) -> Callable[[Arithmetic, Any], Any]:
    def log(ar: Arithmetic, x: Any) -> Any:
        if not x > 0:
            return -ar.inf if x == 0 else ar.nan
        return ar.call(lambda m, v: getattr(m, function)(v) if function != "log2" else m.log(v) / m.ln2, x)

    return log


def _ended(function: str, low: float, high: float) -> Callable[[Arithmetic, Any], Any]:
    """A function that goes to −∞ and ∞ at the ends of its domain."""

    def f(ar: Arithmetic, x: Any) -> Any:
        if not low < x < high:
            return -ar.inf if x == low else ar.inf if x == high else ar.nan
        if function == "logit":
            return ar.call(lambda m, v: m.log(v) - m.log1p(-v), x)
        if function == "erfinv":
            return ar.call(erfinv, x)
        return ar.call(lambda m, v: getattr(m, function)(v), x)

    return f


def _log1p(ar: Arithmetic, x: Any) -> Any:
    if not x > -1:
        return -ar.inf if x == -1 else ar.nan
    return ar.call(lambda m, v: m.log1p(v), x)


def _of_gamma(function: Callable[..., Any], at_infinity: str) -> Callable[..., Any]:
    """A function of the gamma family of one number: as x → ∞ it goes to `at_infinity`, far below 0 it is not known."""

    def f(ar: Arithmetic, x: Any) -> Any:
        if not ar.m.isfinite(x):
            return getattr(ar.m, at_infinity) if x > 0 else ar.nan
        if x < 0 and ar.m.mag(x) > FAR:
            return ar.nan
        return ar.call(function, x)

    return f


def _beta(ar: Arithmetic, a: Any, b: Any) -> Any:
    if any(not ar.m.isfinite(x) or (x < 0 and ar.m.mag(x) > FAR) for x in (a, b)):
        return ar.nan
    return ar.call(gamma.beta, a, b)


def _mod(ar: Arithmetic, x: Any, d: Any) -> Any:
    # Beyond all doubles' quotients lies only a limit at d = 0, and there is none: the jumps crowd together.
    if d == 0 or not ar.m.isfinite(x) or not ar.m.isfinite(d) or (x and ar.m.mag(x) - ar.m.mag(d) > 2200):
        return ar.nan
    return ar.call(lambda m, a, b: a - b * m.floor(a / b), x, d)


def _fmod(ar: Arithmetic, x: Any, d: Any) -> Any:
    # Beyond all doubles' quotients lies only a limit at d = 0, and there is none: the jumps crowd together.
    if d == 0 or not ar.m.isfinite(x) or not ar.m.isfinite(d) or (x and ar.m.mag(x) - ar.m.mag(d) > 2200):
        return ar.nan
    return ar.call(lambda m, a, b: a - b * m.sign(a / b) * m.floor(abs(a / b)), x, d)


def _extreme(better: Callable[[Any, Any], bool]) -> Callable[..., Any]:
    def pick(ar: Arithmetic, *numbers: Any) -> Any:
        best = numbers[0]
        for x in numbers[1:]:
            if ar.is_nan(x) or better(x, best):
                best = x
        return ar.nan if any(ar.is_nan(x) for x in numbers) else best

    return pick


_largest, _smallest = _extreme(lambda a, b: a > b), _extreme(lambda a, b: a < b)


def _compared(holds: Callable[[Any, Any], bool]) -> Callable[..., Any]:
    """A comparison. With what has no value it has none either, where doubles say false (or true, of ≠)."""

    def compare(ar: Arithmetic, a: Any, b: Any) -> Any:
        return ar.nan if ar.is_nan(a) or ar.is_nan(b) else bool(holds(a, b))

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


_SCALAR: dict[str, Callable[..., Any]] = {
    "add": lambda ar, a, b: ar.add(a, b),
    "subtract": lambda ar, a, b: ar.add(a, -b),
    "divide": _divide,
    "reciprocal": lambda ar, x: _divide(ar, ar.m.one, x),
    "power": _power,
    "xlogy": _xlogy,
    "entr": lambda ar, x: ar.nan if x < 0 else -_xlogy(ar, x, x),
    "logaddexp": _logaddexp,
    "log": _log("log"),
    "log2": _log("log2"),
    "log10": _log("log10"),
    "log1p": _log1p,
    "logit": _ended("logit", 0.0, 1.0),
    "atanh": _ended("atanh", -1.0, 1.0),
    "erfinv": _ended("erfinv", -1.0, 1.0),
    "gamma": _of_gamma(gamma.gamma, "inf"),
    "lgamma": _of_gamma(gamma.lgamma, "inf"),
    "digamma": _of_gamma(lambda m, x: gamma.psi(m, 0, x), "inf"),
    "beta": _beta,
    "mod": _mod,
    "fmod": _fmod,
    "maximum": _largest,
    "minimum": _smallest,
    "clip": lambda ar, x, low, high: _smallest(ar, _largest(ar, x, low), high),
    "relu": lambda ar, x: _largest(ar, x, ar.m.zero),
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


# Arrays -----------------------------------------------------------------------------------------------------


def _batched(ar: Arithmetic, node: Node, *args: Exact) -> Exact:
    """What only moves numbers about does so with these too: its own `apply`, on a batch of one."""
    moved: Exact = node.op.apply(*[arg[..., np.newaxis] for arg in args], *node.params)[..., 0]
    return moved


def _sum(ar: Arithmetic, node: Node, x: Exact) -> Exact:
    (shape,) = node.params
    extra = x.ndim - len(shape)
    axes = tuple(k for k in range(x.ndim) if k < extra or (shape[k - extra] == 1 and x.shape[k] != 1))
    kept = [k for k in range(x.ndim) if k not in axes]
    rows = np.transpose(x, (*kept, *axes)).reshape((*[x.shape[k] for k in kept], math.prod(x.shape[k] for k in axes)))
    out = np.empty(rows.shape[:-1], dtype=object)
    for position in np.ndindex(*rows.shape[:-1]):
        out[position] = ar.total(rows[position].tolist())
    return out.reshape(shape)


def _rows(of: Callable[[Arithmetic, list[Any]], Any]) -> Callable[..., Exact]:
    """A rule from one on the numbers along an axis, which gives one number or as many as it takes."""

    def rule(ar: Arithmetic, node: Node, x: Exact) -> Exact:
        axis = node.params[0]
        rows = np.moveaxis(x, axis, -1)
        reduced = node.shape != x.shape
        out = np.empty(rows.shape[:-1] if reduced else rows.shape, dtype=object)
        for position in np.ndindex(*rows.shape[:-1]):
            answer = of(ar, rows[position].tolist())
            if reduced:
                out[position] = answer
            else:
                for k, number in enumerate(answer):
                    out[(*position, k)] = number
        return out if reduced else np.moveaxis(out, -1, axis)

    return rule


def _logsumexp(ar: Arithmetic, row: list[Any]) -> Any:
    if not row:
        return -ar.inf
    result = row[0]
    for x in row[1:]:
        result = ar.nan if ar.is_nan(result) or ar.is_nan(x) else _logaddexp(ar, result, x)
    return result


def _log_softmax(ar: Arithmetic, row: list[Any]) -> list[Any]:
    total = _logsumexp(ar, row)
    return [ar.add(x, -total) for x in row]


def _exp(ar: Arithmetic, x: Any) -> Any:
    if ar.far_for_exp(x):
        return ar.inf if x > 0 else ar.m.zero
    return ar.call(lambda m, v: m.exp(v), x)


def _norm(ar: Arithmetic, row: list[Any]) -> Any:
    return ar.call(lambda m, v: m.sqrt(v), ar.total([x * x for x in row]))


def _sorted(ar: Arithmetic, row: list[Any]) -> list[Any]:
    return [ar.nan] * len(row) if any(ar.is_nan(x) for x in row) else sorted(row)


def _matmul(ar: Arithmetic, node: Node, a: Exact, b: Exact) -> Exact:
    out = np.empty(node.shape, dtype=object)
    lead = node.shape[:-2]
    a = np.broadcast_to(a, (*lead, *a.shape[-2:]))
    b = np.broadcast_to(b, (*lead, *b.shape[-2:]))
    for position in np.ndindex(*node.shape):
        row, column = a[(*position[:-2], position[-2])], b[(*position[:-2], slice(None), position[-1])]
        out[position] = ar.total([ar.call(lambda _, p, q: p * q, p, q) for p, q in zip(row, column, strict=True)])
    return out


def _diagonal_matrix(ar: Arithmetic, node: Node, x: Exact) -> Exact:
    out = np.empty(node.shape, dtype=object)
    out.fill(ar.m.zero)
    for k, value in enumerate(x):
        out[k, k] = value
    return out


def _cumsum(ar: Arithmetic, node: Node, x: Exact) -> Exact:
    axis, backwards = node.params
    rows = np.moveaxis(x, axis, 0)
    out = np.empty(rows.shape, dtype=object)
    for position in np.ndindex(*rows.shape[1:]):
        total = ar.m.zero
        for k in range(len(rows))[:: -1 if backwards else 1]:
            total = ar.add(total, rows[(k, *position)])
            out[(k, *position)] = total
    return np.moveaxis(out, 0, axis)


# Matrices ---------------------------------------------------------------------------------------------------


def _matrices(of: Callable[..., Any]) -> Callable[..., Exact]:
    """A rule from one on mpmath matrices; a matrix that the operation has no answer for gives NaN."""

    def rule(ar: Arithmetic, node: Node, *args: Exact) -> Exact:
        if any(not ar.m.isfinite(x) for arg in args for x in arg.flat):
            return _unknown(ar, node)
        # Elimination multiplies rows: sums of products of numbers far apart, which `needed` cannot see into.
        sizes = [ar.m.mag(x) for arg in args for x in arg.flat if x]
        if sizes:
            ar.sees(2 * (max(sizes) - min(sizes)))
        try:
            answer = of(ar, *[ar.m.matrix(arg.tolist()) for arg in args])
        except (ArithmeticError, ValueError, TypeError):
            return _unknown(ar, node)
        if not isinstance(answer, ar.m.matrix):
            return _objects(answer, node.shape)
        out = np.empty(answer.rows * answer.cols, dtype=object)
        out[:] = [answer[i, j] for i in range(answer.rows) for j in range(answer.cols)]
        return out.reshape(node.shape)

    return rule


def _determinant(ar: Arithmetic, a: Any) -> Any:
    """By elimination with the largest pivots; exact zeros stay zeros."""
    m, n = ar.m, a.rows
    rows = [[a[i, j] for j in range(n)] for i in range(n)]
    det = m.one
    for k in range(n):
        pivot = max(range(k, n), key=lambda i: abs(rows[i][k]))
        if rows[pivot][k] == 0:
            return m.zero
        if pivot != k:
            rows[k], rows[pivot] = rows[pivot], rows[k]
            det = -det
        det *= rows[k][k]
        for i in range(k + 1, n):
            factor = rows[i][k] / rows[k][k]
            if factor:
                rows[i] = [rows[i][j] - factor * rows[k][j] for j in range(n)]
    return det


def _regular(ar: Arithmetic, a: Any) -> Any:
    """`a`, unless it is singular to the last bit."""
    size = ar.m.one
    for i in range(a.rows):
        size *= max((abs(a[i, j]) for j in range(a.cols)), default=ar.m.one)
    if abs(_determinant(ar, a)) <= size * ar.m.mpf(2) ** (32 - ar.m.prec):
        raise ZeroDivisionError
    return a


def _solve(ar: Arithmetic, a: Any, b: Any) -> Any:
    """Column by column."""
    _regular(ar, a)
    out = ar.m.matrix(b.rows, b.cols)
    for j in range(b.cols):
        out[:, j] = ar.m.lu_solve(a, b[:, j])
    return out


def _logabsdet(ar: Arithmetic, a: Any) -> Any:
    det = abs(_determinant(ar, a))
    return -ar.inf if det == 0 else ar.m.log(det)


def _polygamma(ar: Arithmetic, node: Node, x: Exact) -> Exact:
    (n,) = node.params
    psi = _of_gamma(lambda m, v: gamma.psi(m, n, v), "zero")
    out = np.empty(x.size, dtype=object)
    out[:] = [psi(ar, number) for number in x.flat]
    return out.reshape(x.shape)


_RULES: dict[str, Callable[..., Any]] = {
    "polygamma": _polygamma,
    **dict.fromkeys(("broadcast", "reshape", "transpose", "index", "concat", "stack", "diagonal"), _batched),
    "sum": _sum,
    "mean": _rows(lambda ar, row: ar.total(row) / len(row)),
    "max": _rows(lambda ar, row: _largest(ar, *row)),
    "min": _rows(lambda ar, row: _smallest(ar, *row)),
    "logsumexp": _rows(_logsumexp),
    "softmax": _rows(lambda ar, row: [_exp(ar, x) for x in _log_softmax(ar, row)]),
    "log_softmax": _rows(_log_softmax),
    "norm": _rows(_norm),
    "sort": _rows(_sorted),
    "matmul": _matmul,
    "diagonal_matrix": _diagonal_matrix,
    "cumsum": _cumsum,
    "det": _matrices(_determinant),
    "logabsdet": _matrices(_logabsdet),
    "inv": _matrices(lambda ar, a: _regular(ar, a) ** -1),
    "solve": _matrices(_solve),
    "chol": _matrices(lambda ar, a: ar.m.cholesky((a + a.T) / 2)),
    "eigvalsh": _matrices(lambda ar, a: ar.m.eigsy((a + a.T) / 2, eigvals_only=True) if a.rows else []),
}
