"""One random program: what diffcli answers, what it warns of, and whether that is right.

**Silent** is a number without a warning that is not finite, stands where no value or no derivative exists (a kink, a
jump, a pole), or differs from the truth by more than 16·ε·Σ|path products|, ε = 2^-52. (Where the formula itself has no
value, the truth is what values and slopes go to, if all ways lead to one.) The sum is that of `tests.diagnosis.paths`,
found by moving every number on the way; of second derivatives it is the running bound of `diffcli.diagnosis`. Where it
is not known (steps may be so short that it comes out less than the slope itself), 1e-12 of the number. A warning
excuses only the numbers that it is about: those that
`tests.diagnosis.blame` finds to depend on the operation it names, and values only if it says so.

**Untrue** is a warning about numbers that need none. `kink`, `tie` and `predicate-at-equality` are true where some
derivative does not exist, or differs from the two sides; `cancellation` where a number is off by 1e-12 of itself;
`domain`, `pole`, `overflow` and `removable` where a number is not finite, or off, or the formula has no value; and what
`refined` tells must be right to 1e-14.

A point is **well-conditioned** if all derivatives exist there, and all numbers are right to 1e-12 of themselves: there
any warning is untrue.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import diffcli
from diffcli.bound import Bound, bind
from diffcli.diagnosis import examine
from diffcli.diagnosis.ledger import Finding
from diffcli.diagnosis.questions import ask
from tests.diagnosis.blame import Blame
from tests.diagnosis.differences import ALONE, LIMIT, SHARP, SIDE, SMOOTH, UNDEFINED, Differences, Slope, Truth
from tests.diagnosis.exact import Undecided
from tests.diagnosis.formulas import NUMBER, ORDINARY, Formula, command
from tests.diagnosis.paths import Paths

EPS = 2.0**-52
#: What rounding may do to a number: so many roundings of Σ|path products|.
ROUNDINGS = 16
#: Relative error from which on a warning that digits were lost is true.
LOST = 1e-12
#: Relative error of what a warning says the numbers really are.
REFINED = 1e-14
#: Below this no double is asked to be right.
LEAST = 2.0**-1070
#: From here on the nearest double is infinite.
TOO_LARGE = 2**1024 - 2**970
#: How long the truth may take, in seconds of the processor: at first, and where there is something to complain of.
FIRST, SURE = 0.1, 2.0
#: What asks for a warning.
BAD = ("not finite", "wrong", SHARP, UNDEFINED)


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
        kinds = [LIMIT if any(slope.kind == LIMIT for slope in row) else SMOOTH for row in first.slopes]
        found = [
            Slope(UNDEFINED, None) if x is None else Slope(kind, x) for kind, x in zip(kinds, first.values, strict=True)
        ]
        found += [slope for row in first.slopes for slope in row]
        if self.verb == "hessian":
            if all(slope.kind == SMOOTH for slope in found):
                found += [slope for row in differences.second(sure=sure, more=more) for slope in row]
            else:
                found += [Slope(UNDEFINED, None)] * len(self.second) ** 2
        return found

    def least(self) -> Callable[[int], Any]:
        """Σ|path products| of a number, by its place, in units of ε."""
        paths = Paths(self.formula, self.at, seconds=SURE)
        values, directions = self.formula.size, len(paths.directions)

        def sum_(k: int) -> Any:
            if k < values:
                return paths.of_value(k)
            if k < len(self.numbers):
                return paths.of_slope(*divmod(k - values, directions))
            return self.second_bounds()[k - len(self.numbers)]

        return sum_

    def second_bounds(self) -> list[float]:
        """The same of second derivatives, by the running bound of `diffcli.diagnosis`."""
        question = ask(self.bound(), self.verb)
        errors, n = question.all.errors(), len(self.second)
        rows = [np.broadcast_to(errors[x], (*x.shape, n)).reshape(x.size, n) for x in question.all.derived.nodes]
        return list(np.ravel(np.concatenate(rows).T) / 2)

    def bound(self) -> Bound:
        """The program at its point."""
        return bind(self.program, self.point, list(self.at))

    def verdicts(self, truths: Sequence[Slope]) -> list[str]:
        """Of every number: ``right``, ``lax`` (within what rounding may do), ``wrong``, ``sharp``, ``undefined`` or
        ``alone``; "not finite" comes before all.
        """
        found: list[str] = []
        sums = None
        for k, (number, slope) in enumerate(zip(self.got, truths, strict=True)):
            if not math.isfinite(number):
                found.append("not finite")
            elif slope.kind in (SHARP, UNDEFINED, ALONE):
                found.append(slope.kind)
            elif (error := abs(slope.value - number)) <= ROUNDINGS * EPS * abs(slope.value) + LEAST:
                found.append("right")
            else:
                sums = sums or self.least()
                sum_ = sums(k)
                known = sum_ is not None and sum_ < 1e300
                # The sum of a slope is no less than the slope, unless its steps went over those of the formula.
                if self.formula.size <= k < len(self.numbers):
                    known = known and 2 * sum_ >= abs(slope.value)
                most = ROUNDINGS * EPS * sum_ if known else LOST * abs(slope.value)
                found.append("lax" if error <= most + LEAST else "wrong")
        return found

    @property
    def got(self) -> list[float]:
        """All numbers of the answer: values, first and second derivatives."""
        return [*self.numbers, *(x for row in self.second for x in row)]

    def missing(self, verdicts: Sequence[str]) -> str | None:
        """Why a warning is missing, if one is: a number is bad, and no finding is about it."""
        bad = [(verdict, k) for k, verdict in enumerate(verdicts) if verdict in BAD]
        if self.verb == "hessian":
            bad = [each for each in bad if each[0] != UNDEFINED]
        if not bad:
            return None
        worst = min((verdict for verdict, _ in bad), key=BAD.index)
        if not self.findings:
            return worst
        blame = Blame(self.bound(), self.verb)
        for verdict, k in sorted(bad, key=lambda each: BAD.index(each[0])):
            named = [(finding, place) for finding in self.findings for place in blame.named(finding)]
            together = self.decided([place for _, place in named], blame, k)
            if not together and not any(self.concerns(finding, place, blame, verdict, k) for finding, place in named):
                return f"{verdict}, and no warning is about number {k}"
        return None

    def decided(self, places: Sequence[int], blame: Blame, k: int) -> bool:
        """Whether a derivative is of what all comparisons that are warned of decide together."""
        values = self.formula.size
        return values <= k < len(self.numbers) and blame.decided(places, *divmod(k - values, len(blame.directions)))

    def concerns(self, finding: Finding, place: int, blame: Blame, verdict: str, k: int) -> bool:
        """Whether a finding that names the node of a place is about a number of the answer."""
        values, n = self.formula.size, len(blame.directions)
        if k < values:
            spoils = verdict == UNDEFINED and blame.spoils(place, k)
            return finding.where == "value" and (spoils or blame.value(place, k))
        if k < len(self.numbers):
            o, j = divmod(k - values, n)
            # What has no value has no derivative.
            of_value = verdict == UNDEFINED and finding.where == "value"
            of_value = of_value and (blame.value(place, o) or blame.spoils(place, o))
            # NaN goes wherever the formula does: 0·NaN is NaN.
            spreads = verdict == "not finite" and values == 1 and blame.between(place, j)
            return of_value or spreads or blame.slope(place, o, j)
        i, j = divmod(k - len(self.numbers), n)
        spreads = verdict == "not finite" and (blame.between(place, i) or blame.between(place, j))
        return spreads or blame.bend(place, i, j)

    def close(self, truths: Sequence[Slope]) -> bool:
        """Whether what is finite, and should be, is right but for its last digits."""
        return not any(
            slope.value is not None and math.isfinite(x) and abs(slope.value - x) > LOST * abs(slope.value) + LEAST
            for x, slope in zip(self.got, truths, strict=True)
        )

    def untrue(self, truths: Sequence[Slope], verdicts: Sequence[str]) -> list[tuple[str, Finding]]:
        """The warnings that are not true, with the reason."""
        off = not self.close(truths)
        ends = any(slope.kind in (SIDE, LIMIT, ALONE) for slope in truths)
        singular = "not finite" in verdicts or "undefined" in verdicts or ends
        untrue = []
        for finding in self.findings:
            if finding.code in ("kink", "tie", "predicate-at-equality"):
                true = "sharp" in verdicts or off or singular
            elif finding.code == "cancellation":
                # Of what nothing is asked, nobody knows whether it is right.
                true = off or "undefined" in verdicts or "not finite" in verdicts or ALONE in verdicts
            else:
                true = singular or off or "sharp" in verdicts
            if not true:
                untrue.append(("no reason to warn", finding))
            elif finding.refined is not None:
                untrue += [(f"refined {key} is off", finding) for key in self._misled(finding, truths)]
        return untrue

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
                if slope.kind not in (SMOOTH, SIDE, LIMIT) or math.isnan(x):
                    continue
                big = abs(slope.value) >= TOO_LARGE
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
        verdicts = case.verdicts(truths)
        if case.missing(verdicts) or case.untrue(truths, verdicts):
            truths = case.truths(sure=True)
            verdicts = case.verdicts(truths)
    except Undecided:
        tally.seen["undecided"] += 1
        return
    kinds = {slope.kind for slope in truths}
    worst = SHARP if SHARP in kinds else UNDEFINED if UNDEFINED in kinds else SIDE if SIDE in kinds else SMOOTH
    tally.seen[f"truth is {worst}"] += 1
    tally.seen["numbers"] += len(truths)
    tally.seen["numbers within rounding only"] += verdicts.count("lax")
    well = kinds == {SMOOTH} and {"right", "lax"}.issuperset(verdicts) and case.close(truths)
    tally.seen["well-conditioned"] += well
    missing, untrue = case.missing(verdicts), case.untrue(truths, verdicts)
    tally.seen["well-conditioned, untrue warning"] += well and bool(untrue)
    if missing:
        tally.silent.append((missing, case.command(), _shown(case, truths)))
    for reason, finding in untrue:
        tally.untrue.append((f"{finding.code}: {reason}", case.command(), f"{finding.message}; {_shown(case, truths)}"))


def _shown(case: Case, truths: Sequence[Slope]) -> str:
    pairs = []
    for x, slope in zip(case.got, truths, strict=True):
        told = (
            slope.kind
            if slope.value is None
            else f"{float(slope.value) if abs(slope.value) < 1e308 else slope.value!s:.25}"
        )
        pairs.append(f"{x!r} ({told})")
    return ", ".join(pairs)
