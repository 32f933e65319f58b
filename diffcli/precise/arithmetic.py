"""mpmath at one precision, with its exceptions and its infinities made IEEE's.

Nothing here runs away: exponents are capped, and past a cap the answer is "not known" (NaN).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from diffcli.errors import UsageError
from diffcli.precise.allowance import Allowance

Exact: TypeAlias = NDArray[Any]  # an array of mpmath numbers and booleans, without a batch axis

#: An argument beyond 2^FAR is not handed to a function that would have to count its periods; the second is for those
#: who want to read the digits, and wait for them.
FAR, WIDE_FAR = 2_500, 100_000
#: Addends that differ by so many bits are never seen side by side.
BEYOND, WIDE_BEYOND = 24_000, 130_000
#: How many bits at the end of a number may be rounding, in a comparison.
ROUNDED = 128
#: What a result may be at the most, as 2^±2^REACH: beyond, it is infinite or zero. The second is for those who want to
#: read it: the exponent alone has 600 digits then. The third is for limits: exp(x³) where x stands for ∞.
REACH, WIDE_REACH, DEEP_REACH = 62, 2_000, 2_700
#: From so many addends on, a sum is worth rounding once.
MANY = 16


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


def log2(x: Any) -> tuple[int, float]:
    """Log₂ of a positive finite number, with the digits of a double, as a whole number and what is to be added to it.
    Powers of two have theirs exactly. (To thousands of bits a logarithm takes longer than the rest of most formulas.)
    """
    _, man, exp, count = x._mpf_
    bits = min(count, 64)
    return int(exp + count - 1), math.log2((man >> count - bits) / (1 << bits - 1))


@cache
def _context() -> Any:
    """mpmath's class of arithmetics. Its own writes some hundred functions anew into the class for each of its objects,
    which takes longer than a small formula.
    """
    import mpmath

    base: Any = mpmath.MPContext

    def wrap_once(cls: Any, name: str, *args: Any) -> None:
        if name not in vars(cls):
            base._wrap_specfun.__func__(cls, name, *args)

    return type("Context", (base,), {"_wrap_specfun": classmethod(wrap_once)})


class Arithmetic:
    """mpmath at one precision, with its exceptions and its infinities made IEEE's.

    `needed` is the precision that would have kept every addend so far: 1 + 2^-900 needs 900 bits.
    """

    def __init__(self) -> None:
        self.m: Any = _context()()
        self.nan, self.inf = self.m.nan, self.m.inf
        self.needed = 0
        self.allowance = Allowance(1e9)
        self.reach, self.far, self.widest = REACH, FAR, BEYOND
        #: The last function whose argument was farther off than `far`, and the digits of it before the point.
        self.too_far: tuple[str, int] | None = None
        #: Log₂ of the largest argument that a function with a period had so far.
        self.swing = 0
        #: Whether a result was beyond that, or is not known because an argument was too far off.
        self.beyond = False
        #: Whether a remainder was asked for where its jumps crowd together: there it goes nowhere.
        self.crowded = False
        #: How many results are infinite at a pole; how many are infinite, or 0, for want of exponents; and in how many
        #: something is lost for want of precision.
        self.poles = self.unreached = self.drowned = 0
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

    def log2(self, x: Any) -> Any:
        """Log₂ of a positive finite number, with the digits of a double."""
        whole, rest = log2(x)
        return self.m.mpf(whole) + rest

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
                self.lose()
                return (self.inf if y > 0 else -self.inf) if exp > 0 else self.m.zero
        return y

    def lose(self) -> None:
        """Note that a result is said to be infinite, or 0, for want of exponents."""
        self.beyond = True
        self.unreached += 1

    def drown(self) -> None:
        """Note that something is lost beside what is larger than any precision."""
        self.beyond = True
        self.drowned += 1

    def at_pole(self, y: Any) -> Any:
        """`y`, which is infinite; with note that it is made of finite numbers."""
        self.poles += 1
        return y

    def far_for_exp(self, x: Any) -> bool:
        """Whether exp(x) is out of reach."""
        if not (x and finite(x) and size(x) > self.reach):
            return False
        self.lose()
        return True

    def add(self, a: Any, b: Any) -> Any:
        """The sum a + b, and how many bits it took to see both."""
        if not (finite(a) and finite(b)):
            return self.call(lambda _, x, y: x + y, a, b)
        if a and b:
            self.sees(abs(size(a) - size(b)))
        return a + b

    def sees(self, bits: float) -> None:
        """Note of so many bits that something takes to be seen beside something else. Beyond any precision to be had,
        it is lost there.
        """
        if bits + 64 >= self.widest:
            self.drown()
        elif self.needed < bits + 64:
            self.needed = int(bits) + 64

    def same(self, a: Any, b: Any) -> bool:
        """Whether two numbers are equal, or differ by nothing but rounding; with note of the bits that would tell."""
        if isinstance(a, bool) or isinstance(b, bool) or a == b or not (finite(a) and finite(b)):
            return bool(a == b)
        alike = max(size(x) for x in (a, b) if x) - size(a - b)
        if alike + ROUNDED <= self.m.prec:
            return False
        self.sees(alike + ROUNDED - 64)
        return True

    def total(self, terms: Sequence[Any]) -> Any:
        """The sum of `terms`, rounded once; 0 for none."""
        sizes = [size(term) for term in terms if finite(term) and term]
        if len(sizes) < MANY or max(sizes) - min(sizes) > self.widest or not all(map(finite, terms)):
            sum_ = self.m.zero
            for term in terms:
                sum_ = self.add(sum_, term)
            return sum_
        total = self.m.fsum(terms)
        self.sees(max(max(sizes), size(total) if total else 0) - min(sizes))
        return total
