"""Random expressions at random points, ordinary and nasty, against mpmath, which reads the same text by itself.

    python -m tests.diagnosis.random_points 1000000 [seed]

runs a million and prints how they fared; the test run takes a thousand.
"""

from __future__ import annotations

import math
import random
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import mpmath
import numpy as np

import diffcli
from diffcli.bound import bind
from diffcli.diagnosis import examine
from diffcli.diagnosis.ledger import Finding
from diffcli.diagnosis.questions import ask

UNARY = [
    "sin({})", "cos({})", "exp({})", "log({})", "sqrt({})", "tanh({})", "atan({})", "({})^2", "({})^3", "1/({})",
    "expm1({})", "log1p({})", "sinh({})", "cosh({})", "asinh({})", "-({})", "abs({})", "cbrt({})", "2*({})", "tan({})",
]  # fmt: skip
BINARY = ["({} + {})", "({} - {})", "({} * {})", "({} / {})", "hypot({}, {})", "atan2({}, {})", "max({}, {})"]
NASTY = [0.0, 1.0, -1.0, 0.5, 2.0, 1e-8, 1e-20, 1e8, 1e200, 1e-200, 700.0, -700.0, math.pi, 1 + 2**-40]
DIGITS = 60
#: What rounding may do to a number: so many roundings of Σ|path products|.
ROUNDINGS = 16


def expression(rng: random.Random, depth: int) -> str:
    if depth == 0 or rng.random() < 0.1:
        return rng.choice(["x", "y", "x", "y", "1", "0.5", "3"])
    if rng.random() < 0.5:
        return rng.choice(UNARY).format(expression(rng, depth - 1))
    return rng.choice(BINARY).format(expression(rng, depth - 1), expression(rng, depth - 1))


def point(rng: random.Random, nasty: bool) -> dict[str, float]:
    def one() -> float:
        return rng.choice(NASTY) if nasty and rng.random() < 0.7 else rng.choice([-1, 1]) * rng.uniform(0.2, 3.0)

    return {"x": one(), "y": one()}


def _real(x: Any) -> Any:
    if isinstance(x, mpmath.mpc):
        raise TypeError("no real number")
    if x and mpmath.isfinite(x) and abs(mpmath.mag(x)) > 5000:
        raise OverflowError("mpmath would count its periods")
    return x


def _guarded(function: Any) -> Any:
    return lambda *args: _real(function(*map(_real, args)))


NAMES: dict[str, Any] = {
    name: _guarded(getattr(mpmath, name))
    for name in ("sin", "cos", "exp", "log", "sqrt", "tanh", "atan", "expm1", "log1p", "sinh", "cosh", "asinh", "hypot",
                 "atan2", "tan")
} | {"max": max, "abs": abs, "cbrt": lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x))}  # fmt: skip


def _far(x: float) -> float:
    return abs(math.log10(abs(x))) if x else 300.0


def exact(source: str, at: dict[str, float]) -> tuple[Any, dict[str, Any]] | None:
    """Value and gradient by mpmath alone; None where there is no smooth real answer it can give."""
    code = compile(source.replace("^", "**"), "expression", "eval")

    def f(x: Any, y: Any) -> Any:
        return _real(eval(code, {"__builtins__": {}}, {**NAMES, "x": x, "y": y}))

    with mpmath.workdps(DIGITS):
        try:
            x, y = mpmath.mpf(at["x"]), mpmath.mpf(at["y"])
            with mpmath.workdps(1500):
                value = +mpmath.mpf(f(x, y))
            slopes = {}
            for name, along in (("x", lambda t: f(t, y)), ("y", lambda t: f(x, t))):
                here = x if name == "x" else y
                h = abs(here) * mpmath.mpf(10) ** -20 if here else mpmath.mpf(10) ** -230
                with mpmath.workdps(4 * DIGITS if max(map(_far, at.values())) < 2 else 1500):
                    left, middle, right = along(here - h), along(here), along(here + h)
                    slope = (right - left) / (2 * h)
                    bend = abs((right - middle) - (middle - left)) / h
                    if not here and abs(slope) > mpmath.mpf(10) ** 100:
                        return None
                    if bend > mpmath.mpf(10) ** -12 * (abs(slope) + mpmath.mpf(10) ** -300):
                        return None
                    slopes[name] = slope
        except (ArithmeticError, ValueError, TypeError):
            return None
        numbers = [value, *slopes.values()]
        return (value, slopes) if all(mpmath.isfinite(n) and abs(n) < 1e300 for n in numbers) else None


@dataclass
class Tally:
    """How many there were, and those that went wrong."""

    seen: Counter[str] = field(default_factory=Counter)
    silent: list[tuple[str, dict[str, float], Any]] = field(default_factory=list)
    untrue: list[tuple[str, dict[str, float], Finding]] = field(default_factory=list)


def judge(source: str, at: dict[str, float], tally: Tally) -> None:
    """One expression at one point."""
    program = diffcli.parse(source)
    at = {name: value for name, value in at.items() if name in program.inputs}
    if not at:
        return
    value, gradient = diffcli.value_and_grad(program, at)
    findings = examine(program, at, "grad")
    tally.seen["points"] += 1
    tally.seen["warned"] += bool(findings)
    truth = exact(source, {"x": 1.0, "y": 1.0, **at})
    numbers = [value, *(float(g) for g in gradient.values())]
    if truth is None:
        if not all(map(math.isfinite, numbers)) and not findings:
            tally.silent.append((source, at, numbers))
        return
    tally.seen["smooth"] += 1
    right = [truth[0], *(truth[1][name] for name in gradient)]
    question = ask(bind(program, at), "grad")
    passes = question.all
    bounds = [float(np.max(passes.errors()[node])) for node in (*passes.function.outputs, *passes.derived.nodes)]
    pairs = list(zip(numbers, right, strict=True))
    precise = [math.isfinite(got) and abs(got - r) <= 1e-12 * abs(r) + 2.0**-1060 for got, r in pairs]
    good = [
        close or (math.isfinite(got) and abs(got - r) <= ROUNDINGS * 2.0**-52 * max(bound, abs(r)))
        for close, got, r, bound in zip(precise, numbers, right, bounds, strict=True)
    ]
    if not all(good) and not findings:
        tally.silent.append((source, at, (numbers, right)))
    if findings and all(precise):
        tally.untrue.extend((source, at, finding) for finding in findings)
    for finding in findings:
        if finding.refined and "gradient" in finding.refined:
            told = [finding.refined["value"], *(finding.refined["gradient"][name] for name in gradient)]
            if not all(abs(t - r) <= 1e-14 * abs(r) + 2.0**-1060 for t, r in zip(told, right, strict=True)):
                tally.untrue.append((source, at, finding))


def run(count: int, seed: int, *, nasty: bool, depth: int = 3) -> Tally:
    rng = random.Random(seed)
    tally = Tally()
    while tally.seen["points"] < count:
        judge(expression(rng, depth), point(rng, nasty), tally)
    return tally


def main(words: list[str]) -> int:
    count = int(words[0]) if words else 1000
    seed = int(words[1]) if len(words) > 1 else 1
    worst = 0
    for nasty in (False, True):
        tally = run(count // 2, seed, nasty=nasty)
        print("nasty points:" if nasty else "ordinary points:", dict(tally.seen))
        for title, rows in (("wrong and not warned of", tally.silent), ("warned of and right", tally.untrue)):
            print(f"  {title}: {len(rows)}")
            for row in rows[:10]:
                print("   ", *row)
        worst += len(tally.silent)
    return int(worst > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
