"""Changes every rule of the table in sign, factor and argument, and counts the changes that the tests notice.

    python -m tests.primitives.mutants                 the whole table
    python -m tests.primitives.mutants tanh solve      some of it

Of an elementwise entry each partial is changed. Of every other (linear, bilinear, reductions, functions of matrices)
the pullback of each argument, the pushforward, and both at once, so that they stay each other's transpose.

A mutant is killed if one of the fast tests of its entry fails: the laws of test_laws.py, among them the differences of
the value in doubles and in arbitrary precision, the ulps of test_ulps.py, the points of test_edges.py. Survivors are
printed.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from diffcli.graph import TABLE, Builder, Node, Primitive

from . import accuracy, test_edges, test_laws
from .cases import CASES


class Mutant(NamedTuple):
    """A change of some fields of an entry; `same` if it builds the same rules."""

    what: str
    fields: dict[str, Any]
    same: bool


# Elementwise entries ----------------------------------------------------------------------------------------


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


def _of_partials(primitive: Primitive) -> Iterator[Mutant]:
    rules = primitive.partials
    for i, rule in enumerate(rules):
        for what, mutant in _mutations(rule, i) if rule is not None else ():
            fields = {"partials": (*rules[:i], mutant, *rules[i + 1 :])}
            yield Mutant(f"partial {i}, {what}", fields, _same_partial(rule, mutant, primitive))


# All others -------------------------------------------------------------------------------------------------


def _moved(node: Node) -> Node:
    """The same operation on other arguments, each element by another ten-thousandth; data as they are."""
    data = next(case.data for case in CASES if case.op is node.op)
    args = []
    for i, arg in enumerate(node.args):
        factors = 1.0 + 1e-4 * np.linspace(1.0, 2.0, max(arg.size, 1)).reshape(arg.shape)
        args.append(arg if i in data else arg * node.builder.constant(factors))
    return node.op(*args, params=node.params)


def _flipped(bar: Node) -> Node:
    """The elements along the last axis that has several in reverse."""
    for axis in reversed(range(len(bar.shape))):
        if bar.shape[axis] > 1:
            key = tuple((k, None, -1) if i == axis else (0, n, 1) for i, n in enumerate(bar.shape) for k in (n - 1,))
            return TABLE["index"](bar, params=(key,))
    return bar


#: What is done to what a rule gives.
_OF_RESULTS: dict[str, Callable[[Node], Node | None]] = {
    "sign": lambda found: -found,
    "factor 2": lambda found: found * 2.0,
    "factor 1 + 1e-6": lambda found: found * (1.0 + 1e-6),
    "zero": lambda found: None,
}


def _changed(rule: Callable[..., Node | None], change: Callable[[Node], Node | None]) -> Callable[..., Node | None]:
    def mutant(*given: Any) -> Node | None:
        found = rule(*given)
        return None if found is None else change(found)

    return mutant


def _of_argument(pullback: Callable[..., Node | None], mutant: Callable[..., Node | None], i: int) -> Any:
    """The pullback with that of argument i changed."""
    return lambda node, bar, k: (mutant if k == i else pullback)(node, bar, k)


def _of_rules(primitive: Primitive) -> Iterator[Mutant]:
    back, forth = primitive.pullback, primitive.pushforward
    moved_back = lambda node, bar, i: back(_moved(node), bar, i)  # noqa: E731
    moved_forth = lambda node, dots: forth(_moved(node), dots)  # noqa: E731
    pairs = [(what, _changed(back, change), _changed(forth, change)) for what, change in _OF_RESULTS.items()]
    pairs.append(("argument", moved_back, moved_forth))
    for what, changed_back, changed_forth in pairs:
        for i in range(len(_example(primitive).args)):
            yield _mutant(primitive, f"pullback {i}, {what}", pullback=_of_argument(back, changed_back, i))
        yield _mutant(primitive, f"pushforward, {what}", pushforward=changed_forth)
        yield _mutant(primitive, f"both, {what}", pullback=changed_back, pushforward=changed_forth)
    for i in range(len(_example(primitive).args)):
        flipped = lambda node, bar, k: back(node, _flipped(bar), k)  # noqa: E731
        yield _mutant(primitive, f"pullback {i}, order", pullback=_of_argument(back, flipped, i))


def _example(primitive: Primitive) -> Node:
    case = max((case for case in CASES if case.op is primitive), key=lambda case: sum(map(len, case.shapes)))
    return case.node(case.inputs(Builder()))


def _mutant(primitive: Primitive, what: str, **fields: Any) -> Mutant:
    node = _example(primitive)
    bar = node.builder.input("v", node.shape)
    dots = [node.builder.input(f"u{i}", arg.shape) for i, arg in enumerate(node.args)]
    back, forth = fields.get("pullback"), fields.get("pushforward")
    same = back is None or all(back(node, bar, i) is primitive.pullback(node, bar, i) for i in range(len(dots)))
    same = same and (forth is None or forth(node, dots) is primitive.pushforward(node, dots))
    return Mutant(what, fields, same)


# What kills them --------------------------------------------------------------------------------------------


#: Each with the cases that it is tried on, the cheap ones first.
LAWS = (
    (test_laws.test_pullback_and_pushforward_are_transposes, CASES),
    (test_laws.test_what_is_linear_is_its_own_derivative, test_laws.LINEAR),
    (test_laws.test_the_tangent_is_the_limit_of_differences, test_laws.SMOOTH),
    (test_laws.test_the_tangent_is_that_of_the_exact_operation, test_laws.EXACT),
    (test_laws.test_the_second_derivative_is_the_same_by_both_ways, CASES),
)


def _killed(primitive: Primitive) -> bool:
    """Whether a test of the entry fails."""
    for law, cases in LAWS:
        for case in cases:
            if case.op is primitive:
                try:
                    law(case)
                except Exception:  # whatever goes wrong is noticed
                    return True
    if primitive.kind != "elementwise":
        return False
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
            mutants = list(_of_partials(primitive) if primitive.kind == "elementwise" else _of_rules(primitive))
            if mutants and _killed(primitive):
                sys.exit(f"the tests of {primitive.name} fail as it is: nothing can be said of its mutants")
            for mutant in mutants:
                if mutant.same:
                    same += 1
                    continue
                dead = _dies(primitive, mutant)
                total += 1
                killed += dead
                if not dead:
                    print(f"survives: {primitive.name}, {mutant.what}", flush=True)
    print(f"{killed} of {total} mutants killed, {100.0 * killed / max(total, 1):.1f} % ({same} more change nothing)")
    sys.exit(killed < 0.95 * total)


def _dies(primitive: Primitive, mutant: Mutant) -> bool:
    original = {name: getattr(primitive, name) for name in mutant.fields}
    try:
        for name, rule in mutant.fields.items():
            # Entries are immutable so that nobody else does this.
            object.__setattr__(primitive, name, rule)
        return _killed(primitive)
    finally:
        for name, rule in original.items():
            object.__setattr__(primitive, name, rule)


if __name__ == "__main__":
    main()
