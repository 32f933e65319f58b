"""Eight numbers at a time, and the code that computes them, in LLVM's language.

A `Vector` stands for a value of the running code. What is done to it, with operators or NumPy's functions, is written
down in the `Body` it belongs to. Nothing is allowed that would change an IEEE result: no reordering, and no fused
products but those that are asked for.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

LANES = 8
NUMBERS = f"<{LANES} x double>"
BITS = f"<{LANES} x i64>"
FLAGS = f"<{LANES} x i1>"
#: The instructions that a body may have: a graph that needs more is better off in NumPy.
MOST_LINES = 20_000
#: The same for a function of the table: one that needs more loops until all points are done, which is not known here.
MOST_IN_A_FUNCTION = 4000
#: 1.5·2⁵²: added to a whole number, the last bits of the sum are the number's.
WHOLE = 6755399441055744.0

Operand: TypeAlias = "Vector | float"


#: What NumPy's functions do to vectors, those that are ufuncs and the others; `elementary` fills both.
UFUNCS: dict[np.ufunc, Callable[..., Any]] = {}
FUNCTIONS: dict[Any, Callable[..., Any]] = {}


class CannotCompileError(Exception):
    """What a graph needs that this room lacks."""


class Body:
    """The instructions of one function. `functions` are those that may be called, by the module they are in."""

    def __init__(self, functions: Functions, most: int = MOST_LINES) -> None:
        self.functions = functions
        self._most = most
        self.lines: list[str] = []
        self.block = "entry"
        self._count = 0

    def name(self) -> str:
        """A name that nothing has yet."""
        self._count += 1
        return f"%v{self._count}"

    def put(self, instruction: str) -> str:
        """One more instruction; the name of its value."""
        if len(self.lines) >= self._most:
            raise CannotCompileError("too long")
        name = self.name()
        self.lines.append(f"  {name} = {instruction}")
        return name

    def _label(self, label: str) -> None:
        self.block = label
        self.lines.append(f"{label}:")

    def number(self, text: str) -> Vector:
        """The value of an instruction, as numbers."""
        return Vector(self, self.put(text), NUMBERS)

    def constant(self, value: float | bool) -> Vector:
        """The same number eight times."""
        if isinstance(value, bool | np.bool_):
            return Vector(self, f"splat (i1 {'true' if value else 'false'})", FLAGS)
        bits = struct.unpack("<Q", struct.pack("<d", float(value)))[0]
        return Vector(self, f"splat (double 0x{bits:016X})", NUMBERS)

    def of(self, value: Any) -> Vector:
        """A vector as it is; a number eight times."""
        if isinstance(value, Vector):
            return value
        if np.ndim(value) == 0 and isinstance(value, bool | int | float | np.generic | np.ndarray):
            plain = np.asarray(value)[()]
            return self.constant(bool(plain) if plain.dtype.kind == "b" else float(plain))
        raise CannotCompileError("an array among the points")

    def call(self, key: Any, make: Callable[..., Any], *args: Vector) -> Vector:
        """The value of a function of vectors, written down once a module by `make`."""
        name, kind = self.functions.get(key, make, [arg.kind for arg in args])
        given = ", ".join(f"{arg.kind} {arg.text}" for arg in args)
        return Vector(self, self.put(f"call fastcc {kind} @{name}({given})"), kind)

    def library(self, name: str, *args: Vector) -> Vector:
        """A function of the C library, called for one number after the other."""
        self.functions.library.setdefault(name, len(args))
        made = "poison"
        for lane in range(LANES):
            each = [self.put(f"extractelement {NUMBERS} {arg.text}, i32 {lane}") for arg in args]
            result = self.put(f"call double @diffcli.{name}({', '.join(f'double {one}' for one in each)})")
            made = self.put(f"insertelement {NUMBERS} {made}, double {result}, i32 {lane}")
        return Vector(self, made, NUMBERS)

    def unless(self, ordinary: Vector, fast: Vector, slow: Callable[[], Vector]) -> Vector:
        """`fast` where its lane is ordinary, else what `slow` writes, apart from the way of eight ordinary ones.

        A lane takes its own way whatever its neighbours are, so a point has the same bits among any others.
        """
        every = self.put(f"call i1 @llvm.vector.reduce.and.v{LANES}i1({FLAGS} {ordinary.text})")
        before, apart, after = self.block, f"slow{self._count}", f"done{self._count}"
        self.lines.append(f"  br i1 {every}, label %{after}, label %{apart}, !prof !0")
        self._label(apart)
        found = ordinary.where(fast, slow())
        there = self.block
        self.lines.append(f"  br label %{after}")
        self._label(after)
        return self.number(f"phi {NUMBERS} [{fast.text}, %{before}], [{found.text}, %{there}]")


class Functions:
    """The functions of a module: those of vectors, made at their first call, and those of the C library."""

    def __init__(self) -> None:
        self._made: dict[Any, tuple[str, str]] = {}
        self._bodies: list[tuple[str, str, str, Body, str]] = []
        self.calls: dict[str, int] = {}
        self.library: dict[str, int] = {}

    def get(self, key: Any, make: Callable[..., Any], kinds: Sequence[str]) -> tuple[str, str]:
        """The name and the type of the value of the function that `make` writes."""
        if key not in self._made:
            body = Body(self, MOST_IN_A_FUNCTION)
            args = [Vector(body, f"%a{i}", kind) for i, kind in enumerate(kinds)]
            result = body.of(make(*args))
            name = f"f{len(self._made)}"
            given = ", ".join(f"{arg.kind} {arg.text}" for arg in args)
            self._bodies.append((name, result.kind, given, body, result.text))
            self._made[key] = name, result.kind
        name, kind = self._made[key]
        self.calls[name] = self.calls.get(name, 0) + 1
        return name, kind

    def length(self) -> int:
        """How many instructions all calls take together, about."""
        return sum(self.calls[name] * len(body.lines) for name, _, _, body, _ in self._bodies)

    def text(self, inlined: int) -> str:
        """All of them; those that are called no more often than `inlined` become part of their callers."""
        parts = []
        for name, kind, given, body, result in self._bodies:
            how = "alwaysinline" if self.calls[name] <= inlined else "noinline"
            lines = "\n".join(body.lines)
            head = f"define internal fastcc {kind} @{name}({given}) {how} nounwind"
            parts.append(f"{head} {{\nentry:\n{lines}\n  ret {kind} {result}\n}}")
        for name, arity in self.library.items():
            parts.append(f"declare double @diffcli.{name}({', '.join(['double'] * arity)}) nounwind memory(none)")
        return "\n".join(parts)


class Vector:
    """A value of the running code: eight numbers, or eight conditions.

    NumPy's ``out=`` and ``copyto`` make the same object stand for another value.
    """

    __slots__ = ("body", "kind", "text")
    ndim = 1
    shape = (LANES,)
    size = LANES

    def __init__(self, body: Body, text: str, kind: str) -> None:
        self.body = body
        self.text = text
        self.kind = kind

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of its elements, as NumPy names it."""
        return np.dtype(bool if self.kind == FLAGS else np.float64)

    # What only exists here ----------------------------------------------------------------------------------

    def call(self, function: str, *others: Operand) -> Vector:
        """A function that LLVM has itself: llvm.`function`."""
        args = [self, *(self.body.of(other) for other in others)]
        given = ", ".join(f"{NUMBERS} {arg.text}" for arg in args)
        return self.body.number(f"call {NUMBERS} @llvm.{function}.v{LANES}f64({given})")

    def times_plus(self, factor: Operand, term: Operand) -> Vector:
        """self·factor + term, rounded once where the processor can and twice where not."""
        return self.call("fmuladd", factor, term)

    def where(self, yes: Operand, no: Operand) -> Vector:
        """`yes` where this condition holds, `no` elsewhere."""
        a, b = self.body.of(yes), self.body.of(no)
        if FLAGS in (a.kind, b.kind) and a.kind != b.kind:
            a, b = a.number(), b.number()
        condition = self.truth()
        return Vector(self.body, self.body.put(
            f"select {FLAGS} {condition.text}, {a.kind} {a.text}, {b.kind} {b.text}"), a.kind)  # fmt: skip

    def number(self) -> Vector:
        """Conditions as 1 and 0."""
        if self.kind == NUMBERS:
            return self
        return self.where(1.0, 0.0)

    def truth(self) -> Vector:
        """Numbers as conditions: anything but 0."""
        return self if self.kind == FLAGS else self._compared("une", 0.0)

    def bits(self) -> str:
        """The name of the bits of these numbers, as whole numbers."""
        return self.body.put(f"bitcast {NUMBERS} {self.text} to {BITS}")

    def exponent_shifted(self, whole: Vector) -> Vector:
        """self·2^whole, where neither that nor the result is subnormal or too large."""
        k = self.body.put(f"shl {BITS} {(whole + WHOLE).bits()}, splat (i64 52)")
        total = self.body.put(f"add {BITS} {self.bits()}, {k}")
        return self.body.number(f"bitcast {BITS} {total} to {NUMBERS}")

    # Arithmetic ---------------------------------------------------------------------------------------------

    def _two(self, instruction: str, other: Any, swapped: bool = False) -> Vector:
        a, b = self.number(), self.body.of(other).number()
        if swapped:
            a, b = b, a
        return self.body.number(f"{instruction} {NUMBERS} {a.text}, {b.text}")

    def _compared(self, how: str, other: Any) -> Vector:
        a, b = self.number(), self.body.of(other).number()
        return Vector(self.body, self.body.put(f"fcmp {how} {NUMBERS} {a.text}, {b.text}"), FLAGS)

    def _flagged(self, instruction: str, other: Any) -> Vector:
        a, b = self.truth(), self.body.of(other).truth()
        return Vector(self.body, self.body.put(f"{instruction} {FLAGS} {a.text}, {b.text}"), FLAGS)

    def __add__(self, other: Any) -> Vector:
        return self._two("fadd", other)

    def __radd__(self, other: Any) -> Vector:
        return self._two("fadd", other, True)

    def __sub__(self, other: Any) -> Vector:
        return self._two("fsub", other)

    def __rsub__(self, other: Any) -> Vector:
        return self._two("fsub", other, True)

    def __mul__(self, other: Any) -> Vector:
        return self._two("fmul", other)

    def __rmul__(self, other: Any) -> Vector:
        return self._two("fmul", other, True)

    def __truediv__(self, other: Any) -> Vector:
        return self._two("fdiv", other)

    def __rtruediv__(self, other: Any) -> Vector:
        return self._two("fdiv", other, True)

    def __neg__(self) -> Vector:
        return self.body.number(f"fneg {NUMBERS} {self.number().text}")

    def __pow__(self, whole: int) -> Vector:
        value = self.body.constant(1.0)
        for i in range(whole):
            value = self if i == 0 else value * self
        return value

    def __abs__(self) -> Vector:
        return self.call("fabs")

    def __lt__(self, other: Any) -> Vector:
        return self._compared("olt", other)

    def __le__(self, other: Any) -> Vector:
        return self._compared("ole", other)

    def __gt__(self, other: Any) -> Vector:
        return self._compared("ogt", other)

    def __ge__(self, other: Any) -> Vector:
        return self._compared("oge", other)

    def __eq__(self, other: Any) -> Vector:  # type: ignore[override]
        return self._compared("oeq", other)

    def __ne__(self, other: Any) -> Vector:  # type: ignore[override]
        return self._compared("une", other)

    __hash__ = object.__hash__

    def __and__(self, other: Any) -> Vector:
        return self._flagged("and", other)

    def __or__(self, other: Any) -> Vector:
        return self._flagged("or", other)

    def __invert__(self) -> Vector:
        return self._flagged("xor", True)

    __rand__, __ror__ = __and__, __or__

    def __bool__(self) -> bool:
        raise CannotCompileError("a decision that differs from point to point")

    # NumPy's protocol ---------------------------------------------------------------------------------------

    def any(self) -> bool:
        """Whether a function must be prepared for special cases: it must, as nobody knows the points yet."""
        return True

    def all(self) -> bool:
        """Whether it may count on there being none: it may not."""
        return False

    def astype(self, kind: Any) -> Vector:
        """As numbers; whole numbers are numbers here."""
        return self.number()

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
        """A NumPy function of vectors."""
        if method == "reduce" and ufunc in (np.minimum, np.maximum):
            return -math.inf if ufunc is np.minimum else math.inf  # nothing is known of the extremes
        function = UFUNCS.get(ufunc)
        if method != "__call__" or function is None or options:
            raise CannotCompileError(f"numpy.{ufunc.__name__}")
        result = function(*[self.body.of(each) for each in inputs])
        return result if out is None else _became(out[0], result)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        """A NumPy function that is no ufunc."""
        if function not in FUNCTIONS:
            raise CannotCompileError(f"numpy.{function.__name__}")
        return FUNCTIONS[function](self.body, *args, **kwargs)


def _became(place: Any, result: Vector) -> Vector:
    if not isinstance(place, Vector):
        raise CannotCompileError("a result in an array")
    place.text, place.kind = result.text, result.kind
    return place
