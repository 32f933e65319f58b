"""Changes every partial of the table in sign, factor and argument, and counts the changes that the tests notice.

    python -m tests.primitives.mutants                 the whole table
    python -m tests.primitives.mutants tanh atan2      some of it

A mutant is killed if one of the fast tests of its entry fails: the differences of the value (law by law, as in
test_laws.py), the ulps of test_ulps.py, the points of test_edges.py. Survivors are printed.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from diffcli.graph import TABLE, Builder, Node, Primitive

from . import accuracy, test_edges, test_laws
from .cases import CASES


def _mutations(rule: Callable[..., Any], position: int) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The rule with another sign, another factor, without its node, and with its arguments moved."""

    def negated(*nodes: Node) -> Any:
        found = rule(*nodes)
        return None if found is None else -found

    def doubled(*nodes: Node) -> Any:
        found = rule(*nodes)
        return None if found is None else found * 2.0

    def nudged(*nodes: Node) -> Any:
        found = rule(*nodes)
        return None if found is None else found * (1.0 + 1e-6)

    def dropped(*nodes: Node) -> Any:
        return None

    def argument(*nodes: Node) -> Any:
        changed = list(nodes)
        changed[position + 1] = nodes[position + 1] * (1.0 + 1e-4)
        return rule(*changed)

    yield from (("sign", negated), ("factor 2", doubled), ("factor 1 + 1e-6", nudged), ("zero", dropped))
    yield "argument", argument


def _same_partial(rule: Callable[..., Any], mutant: Callable[..., Any], primitive: Primitive) -> bool:
    """Whether the mutant builds the same rule: a constant rule has no argument to change."""
    builder = Builder()
    inputs = [builder.input(f"x{i}", ()) for i in range(len(primitive.partials))]
    params = next((case.params for case in CASES if case.op is primitive), ())
    node = primitive(*inputs, params=params)
    if node.op is not primitive:
        return False
    return bool(
        rule(node, *node.args) is mutant(node, *node.args) or rule(node, *node.args) == mutant(node, *node.args)
    )


def _killed(primitive: Primitive) -> bool:
    """Whether a test of the entry fails."""
    for case in CASES:
        if case.op is primitive:
            for law in (
                test_laws.test_the_tangent_is_the_limit_of_differences,
                test_laws.test_the_second_derivative_is_the_same_by_both_ways,
            ):
                try:
                    law(case)
                except Exception:  # whatever goes wrong is noticed
                    return True
    for case in accuracy.CASES:
        if primitive.name == case.name:
            worst = accuracy.measure(case, 60, seed=1)
            limits = (case.limits[0], *[case.limits[1]] * (len(worst.errors) - 1))
            if any(error > limit for error, limit in zip(worst.errors, limits, strict=True)):
                return True
    checks: list[Callable[[], None]] = [
        *(partial(test_edges.test_one_argument, *row) for row in test_edges.ONE_ARGUMENT if row[0] == primitive.name),
        *(partial(test_edges.test_second_and_third_derivatives, name) for name in test_edges.SMOOTH_POINTS),
        *(partial(test_edges.test_mixed_derivatives_of_powers, orders) for orders in ((1, 1), (0, 2), (2, 0))),
        *(partial(test_edges.test_formulas, *row) for row in test_edges.FORMULAS),
    ]
    for check in checks:
        try:
            check()
        except Exception:  # whatever goes wrong is noticed
            return True
    return False


def main() -> None:
    """Prints the survivors and the share of the killed; exits with 1 below 95 %."""
    warnings.simplefilter("ignore")
    wanted = set(sys.argv[1:])
    killed = total = same = 0
    with np.errstate(all="ignore"):
        for primitive in list(TABLE.values()):
            if wanted and primitive.name not in wanted:
                continue
            for i, rule in enumerate(primitive.partials):
                if rule is None:
                    continue
                for what, mutant in _mutations(rule, i):
                    if _same_partial(rule, mutant, primitive):
                        same += 1
                        continue
                    original = primitive.partials
                    # Entries are immutable so that nobody else does this.
                    object.__setattr__(primitive, "partials", (*original[:i], mutant, *original[i + 1 :]))
                    try:
                        dead = _killed(primitive)
                    finally:
                        object.__setattr__(primitive, "partials", original)
                    total += 1
                    killed += dead
                    if not dead:
                        print(f"survives: {primitive.name}, partial {i}, {what}", flush=True)
    print(f"{killed} of {total} mutants killed, {100.0 * killed / max(total, 1):.1f} % ({same} more change nothing)")
    sys.exit(killed < 0.95 * total)


if __name__ == "__main__":
    main()
