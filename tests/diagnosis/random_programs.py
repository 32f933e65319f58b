"""Random programs: value and derivatives within 16·ε·Σ|path products| of the truth, or a warning; and no false alarm.

    python -m tests.diagnosis.random_programs 1000000 --seed 1 --jobs 2

runs a million, prints how they fared, and every counterexample as a command line to run. The test run takes 12,000.
Program i of a seed is the same in every run: ``--first i`` begins there.

Half of the points are ordinary; a quarter are quarters of whole numbers, so that kinks, ties, zeros and equalities
happen; a quarter are edges: 0, −0, ±1 and its neighbours, the ends of domains, tiny and huge numbers. One program in
ten has several outputs, and its Jacobian is asked for; of one in ten, the Hessian.

**Truth** is `tests.diagnosis.differences`: central differences of the exact value at 77 digits or more, by an own
reading of the formula (not of its text) in mpmath. No rule of the table, no part of `diffcli.precise` has a hand in it.

What is silent, what is untrue and what a well-conditioned point is: `tests.diagnosis.judged`.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterable, Sequence

from tests.diagnosis.formulas import EDGE, NUMBER, ORDINARY, PAIR, SIMPLE, TRIPLE, defined, formula, point
from tests.diagnosis.judged import Case, Tally, judge

#: One program in so many has functions of the gamma family, of which mpmath takes a thousand times as long.
SPECIAL = 200
KINDS = (ORDINARY, ORDINARY, SIMPLE, EDGE)


def case(seed: int, i: int) -> Case:
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
    return Case.of(made, at, verb, kind)


def run(count: int, seed: int, first: int = 0) -> Tally:
    """Programs first, …, first + count − 1 of a seed."""
    tally = Tally()
    for i in range(first, first + count):
        judge(case(seed, i), tally)
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
