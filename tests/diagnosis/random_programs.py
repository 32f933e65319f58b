"""Random programs: value and derivatives within 16·ε·Σ|path products| of the truth, or a warning; and no false alarm.

    python -m tests.diagnosis.random_programs 1000000 --seed 1 --jobs 2

runs a million, prints how they fared, and every counterexample as a command line to run. The test run takes 3,000.
Program i of a seed is the same in every run: ``--first i`` begins there.

Half of the points are ordinary; a quarter are quarters of whole numbers, so that kinks, ties, zeros and equalities
happen; a quarter are edges: 0, −0, ±1 and its neighbours, the ends of domains, tiny and huge numbers. One program in
ten has several outputs, and its Jacobian is asked for; of one in ten, the Hessian.

**Truth** is `tests.diagnosis.differences`: central differences of the exact value at 77 digits or more, by an own
reading of the formula (not of its text) in mpmath. No rule of the table, no part of `diffcli.precise` has a hand in it.

**Silent** is a number without a warning that is not finite, stands where no derivative exists (a kink, a jump, a
pole), or differs from the truth by more than 16·ε·Σ|path products|, ε = 2^-52. The sum is the running error bound of
both passes: every intermediate number times how much it moves the result (`diffcli.diagnosis.passes`). Where that
bound is not finite, 1e-12 of the number.

**Untrue** is a warning about numbers that need none. `kink`, `tie` and `predicate-at-equality` are true where some
derivative does not exist, or differs from the two sides; `cancellation` where a number is off by 1e-12 of itself;
`domain`, `pole`, `overflow` and `removable` where a number is not finite, or off, or the formula has no value; and what
`refined` tells must be right to 1e-14.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import diffcli
from diffcli.bound import bind
from diffcli.diagnosis import examine
from diffcli.diagnosis.findings import Finding
from diffcli.diagnosis.questions import ask
from tests.diagnosis.differences import ALONE, SHARP, SIDE, SMOOTH, UNDEFINED, Differences, Slope, Truth
from tests.diagnosis.exact import Undecided
from tests.diagnosis.formulas import (
    EDGE,
    NUMBER,
    ORDINARY,
    PAIR,
    SIMPLE,
    TRIPLE,
    Formula,
    command,
    defined,
    formula,
    point,
)

EPS = 2.0**-52
#: What rounding may do to a number: so many roundings of Σ|path products|.
ROUNDINGS = 16
#: Relative error from which on a warning that digits were lost is true.
LOST = 1e-12
#: Relative error of what a warning says the numbers really are.
REFINED = 1e-14
#: Below this no double is asked to be right.
LEAST = 2.0**-1070
#: One program in so many has functions of the gamma family, of which mpmath takes a thousand times as long.
SPECIAL = 200
#: How long the truth may take, in seconds of the processor: at first, and where there is something to complain of.
FIRST, SURE = 0.1, 2.0
KINDS = (ORDINARY, ORDINARY, SIMPLE, EDGE)


@dataclass
class Tally:
    """How many there were of each sort, and what went wrong, as (reason, command line, details)."""

    seen: Counter[str] = field(default_factory=Counter)
    silent: list[tuple[str, str, str]] = field(default_factory=list)
    untrue: list[tuple[str, str, str]] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Put in what another one counted."""
        self.seen.update(other.seen)
        self.silent += other.silent
        self.untrue += other.untrue


@dataclass(slots=True)
class Case:
    """One formula at one point, what diffcli answers there, and what it says about it."""

    formula: Formula
    at: dict[str, list[float]]
    verb: str
    kind: str
    program: diffcli.Program
    point: dict[str, Any]
    numbers: list[float]
    findings: list[Finding]
    second: list[list[float]]

    @classmethod
    def make(cls, seed: int, i: int) -> Case:
        """Program i of a seed."""
        rng = random.Random(f"{seed}:{i}")
        kind = KINDS[i % len(KINDS)]
        verb = "hessian" if i % 10 == 7 else "jacobian" if i % 10 == 3 else "grad"
        shape = rng.choice((PAIR, TRIPLE)) if verb == "jacobian" else NUMBER
        # Second derivatives multiply: a smaller formula has as many.
        made = formula(rng, 3 if verb == "hessian" else 4, shape, special=i % SPECIAL == 1)
        at = point(rng, made.inputs, kind)
        for _ in range(6):  # most have a value where they are asked for
            if rng.random() < 0.1 or defined(made, at):
                break
            at = point(rng, made.inputs, kind)
        return cls.of(made, at, verb, kind)

    @classmethod
    def of(cls, made: Formula, at: dict[str, list[float]], verb: str, kind: str) -> Case:
        """What diffcli answers."""
        program = diffcli.parse(made.text)
        given = {
            name: row[0] if made.inputs[name] == NUMBER else np.array(row).reshape(made.inputs[name])
            for name, row in at.items()
        }
        wrt = list(at)
        second: list[list[float]] = []
        if verb == "grad":
            value, gradient = diffcli.value_and_grad(program, given, wrt=wrt)
            numbers = [value, *(float(g) for name in wrt for g in np.ravel(gradient[name]))]
        elif verb == "jacobian":
            jacobian = diffcli.jacobian(program, given, wrt=wrt)
            numbers = [float(x) for row in jacobian.values.values() for x in np.ravel(row)]
            numbers += np.ravel(jacobian.matrix).tolist()
        else:
            hessian = diffcli.hessian(program, given, wrt=wrt)
            numbers = [float(hessian.value), *(float(g) for name in wrt for g in np.ravel(hessian.gradient[name]))]
            second = hessian.matrix.tolist()
        findings = examine(program, given, verb, wrt=wrt)
        return cls(made, at, verb, kind, program, given, numbers, findings, second)

    def command(self) -> str:
        """The command line that shows it."""
        return command(self.formula.text, self.formula.inputs, self.at, self.verb)

    # Judging .............................................................................................

    def truths(self, *, sure: bool) -> list[Slope]:
        """What the numbers should be, in their order: values, first and second derivatives."""
        differences = Differences(self.formula, self.at, seconds=SURE if sure else FIRST)
        more = 40 if sure else 0
        first: Truth = differences.first(sure=sure, more=more)
        found = [Slope(UNDEFINED, None) if x is None else Slope(SMOOTH, x) for x in first.values]
        found += [slope for row in first.slopes for slope in row]
        if self.verb == "hessian":
            if all(slope.kind == SMOOTH for slope in found):
                found += [slope for row in differences.second(sure=sure, more=more) for slope in row]
            else:
                found += [Slope(UNDEFINED, None)] * len(self.second) ** 2
        return found

    def bounds(self) -> list[float]:
        """Σ|path products| of every number, in the same order, in units of ε."""
        question = ask(bind(self.program, self.point, list(self.at)), self.verb)
        errors = question.all.errors()
        derived = question.all.derived
        columns = question.by_columns
        seeds = len(self.numbers) // self.formula.size - 1 if columns else len(self.second) or self.formula.size

        def flat(nodes: Iterable[Any], *, all_seeds: bool = False) -> list[float]:
            """The bounds of the elements: for each seed, if there are several, that stands for a row of the answer."""
            rows = [np.broadcast_to(errors[n], (*n.shape, seeds)).reshape(n.size, -1) for n in nodes]
            table = np.concatenate(rows)
            return list((np.ravel(table if columns else table.T) if all_seeds else table[:, 0]) / 2)

        bounds = flat(question.function.outputs)
        if self.verb == "hessian":
            return bounds + flat(derived.also) + flat(derived.nodes, all_seeds=True)
        return bounds + flat(derived.nodes, all_seeds=True)

    def verdicts(self, truths: Sequence[Slope]) -> list[str]:
        """Of every number: ``right``, ``wrong``, ``sharp``, or ``undefined``; "not finite" comes before all."""
        got = [*self.numbers, *(x for row in self.second for x in row)]
        found, bounds = [], None
        for k, (number, slope) in enumerate(zip(got, truths, strict=True)):
            if not math.isfinite(number):
                found.append("not finite")
            elif slope.kind == SHARP:
                found.append("sharp")
            elif slope.kind in (UNDEFINED, ALONE):
                found.append(slope.kind)
            else:
                error = abs(slope.value - number)
                if error > ROUNDINGS * EPS * abs(slope.value) + LEAST:
                    bounds = bounds or self.bounds()
                    sum_ = bounds[k]
                    most = ROUNDINGS * EPS * sum_ if math.isfinite(sum_) else LOST * abs(slope.value)
                    found.append("right" if error <= most + LEAST else "wrong")
                else:
                    found.append("right")
        return found

    def complaints(self, truths: Sequence[Slope]) -> tuple[str | None, list[tuple[str, Finding]]]:
        """Why a warning is missing, if one is, and those warnings that are not true, with the reason."""
        verdicts = self.verdicts(truths)
        if not self.findings:
            for verdict in ("not finite", "wrong", "sharp", "undefined"):
                if verdict in verdicts and (verdict != "undefined" or self.verb != "hessian"):
                    return verdict, []
            return None, []
        got = [*self.numbers, *(x for row in self.second for x in row)]
        off = any(
            slope.value is not None and math.isfinite(x) and abs(slope.value - x) > LOST * abs(slope.value) + LEAST
            for x, slope in zip(got, truths, strict=True)
        )
        singular = "not finite" in verdicts or "undefined" in verdicts or any(t.kind in (SIDE, ALONE) for t in truths)
        untrue = []
        for finding in self.findings:
            if finding.code in ("kink", "tie", "predicate-at-equality"):
                true = "sharp" in verdicts or off or singular
            elif finding.code == "cancellation":
                true = off or "undefined" in verdicts
            else:
                true = singular or off or "sharp" in verdicts
            if not true:
                untrue.append(("no reason to warn", finding))
            elif finding.refined is not None:
                untrue += [(f"refined {key} is off", finding) for key in self._misled(finding, truths)]
        return None, untrue

    def _misled(self, finding: Finding, truths: Sequence[Slope]) -> list[str]:
        """The keys of `refined` that do not hold what they should."""
        assert finding.refined is not None
        told = finding.refined
        wrong = []
        parts: list[tuple[str, Any]] = [("value", told.get("value")), ("values", told.get("values")),
                                        ("gradient", told.get("gradient")), ("jacobian", told.get("jacobian")),
                                        ("hessian", told.get("hessian"))]  # fmt: skip
        place = 0
        for key, part in parts:
            if part is None:
                continue
            if isinstance(part, dict):
                flat = [float(x) for row in part.values() for x in np.ravel(row)]
            else:
                flat = [float(x) for x in np.ravel(part)]
            for x, slope in zip(flat, truths[place : place + len(flat)], strict=True):
                if slope.kind not in (SMOOTH, SIDE) or math.isnan(x):
                    continue
                big = abs(slope.value) > 1.7e308
                if (big and math.isfinite(x)) or (
                    not big and not abs(slope.value - x) <= REFINED * abs(slope.value) + LEAST
                ):
                    wrong.append(key)
                    break
            place += len(flat)
        return wrong


def judge(case: Case, tally: Tally) -> None:
    """One case: counted, and complained about where the truth at two precisions says so too."""
    tally.seen["programs"] += 1
    tally.seen[case.kind] += 1
    tally.seen[case.verb] += 1
    tally.seen["warned"] += bool(case.findings)
    tally.seen["warned, ordinary point"] += bool(case.findings) and case.kind == ORDINARY
    try:
        truths = case.truths(sure=False)
        missing, untrue = case.complaints(truths)
        if missing or untrue:
            truths = case.truths(sure=True)
            missing, untrue = case.complaints(truths)
    except Undecided:
        tally.seen["undecided"] += 1
        return
    kinds = {slope.kind for slope in truths}
    worst = SHARP if SHARP in kinds else UNDEFINED if UNDEFINED in kinds else SIDE if SIDE in kinds else SMOOTH
    tally.seen[f"truth is {worst}"] += 1
    tally.seen["numbers"] += len(truths)
    if missing:
        tally.silent.append((missing, case.command(), _shown(case, truths)))
    for reason, finding in untrue:
        tally.untrue.append((f"{finding.code}: {reason}", case.command(), f"{finding.message}; {_shown(case, truths)}"))


def _shown(case: Case, truths: Sequence[Slope]) -> str:
    got = [*case.numbers, *(x for row in case.second for x in row)]
    pairs = []
    for x, slope in zip(got, truths, strict=True):
        told = (
            slope.kind
            if slope.value is None
            else f"{float(slope.value) if abs(slope.value) < 1e308 else slope.value!s:.25}"
        )
        pairs.append(f"{x!r} ({told})")
    return ", ".join(pairs)


def run(count: int, seed: int, first: int = 0) -> Tally:
    """Programs first, …, first + count − 1 of a seed."""
    tally = Tally()
    for i in range(first, first + count):
        judge(Case.make(seed, i), tally)
    return tally


def _part(job: tuple[int, int, int]) -> Tally:
    return run(*job)


def _jobs(count: int, seed: int, first: int, jobs: int) -> Iterable[Tally]:
    chunk = 500
    parts = [(min(chunk, first + count - i), seed, i) for i in range(first, first + count, chunk)]
    if jobs == 1:
        yield from map(_part, parts)
        return
    from multiprocessing import Pool

    with Pool(jobs) as pool:
        yield from pool.imap(_part, parts)


def main(words: Sequence[str] | None = None) -> int:
    """The command line; its exit code is 1 if a wrong number was not warned of."""
    parser = argparse.ArgumentParser(prog="python -m tests.diagnosis.random_programs")
    parser.add_argument("count", type=int, nargs="?", default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="the first program's number")
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args(words)
    total = Tally()
    for tally in _jobs(options.count, options.seed, options.first, options.jobs):
        total.add(tally)
        for title, rows in (("SILENT", tally.silent), ("UNTRUE", tally.untrue)):
            for reason, line, details in rows:
                print(f"{title} ({reason})\n  {line}\n    {details}", flush=True)
    for name, number in sorted(total.seen.items()):
        print(f"{number:>10,}  {name}")
    print(f"{len(total.silent):>10,}  wrong and not warned of")
    print(f"{len(total.untrue):>10,}  warnings that are not true")
    return int(bool(total.silent))


if __name__ == "__main__":
    sys.exit(main())
