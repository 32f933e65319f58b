"""Second opinions on rounding errors, of many points at once, in extended precision.

The bound on rounding errors adds up every rounding at its worst, and mostly says too much. Where the processor has
numbers of 64 bits of mantissa (or more), the same graph computed in these is 2,048 times as exact, and the difference
shows how wrong the doubles really are. How far the finer numbers may be trusted themselves is said by the bound, or by
what becomes of them when all of them are off by a few of their last places, up or down (Vignes, A stochastic
arithmetic for reliable scientific computation, 1993). Arbitrary precision takes ten thousand times as long.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from diffcli.diagnosis.bounds import EPS, LOCALLY_CONSTANT, MOVES, ROUNDLESS
from diffcli.diagnosis.derived import Derived
from diffcli.diagnosis.passes import EXCUSABLE
from diffcli.graph import CONSTANT, INPUT, TABLE, Node

Array: TypeAlias = NDArray[Any]
_Values: TypeAlias = Mapping[Node, Array]

#: How exact extended numbers are, relative to doubles; and by how many halves of their last place a function of the C
#: library may be off.
FINER = float(np.finfo(np.longdouble).eps) / float(np.finfo(np.float64).eps)
OFF = 16.0
#: How many times everything is computed a little off: by so much, and what that changes is taken so many times.
SAMPLES = 2
SHAKEN = 2.0**-60
SAFELY = 8.0
_FACTORS = (np.longdouble(1.0) + np.longdouble(SHAKEN), np.longdouble(1.0) - np.longdouble(SHAKEN))
#: What rounds inside, where no factor on its result can show it: 1e20 + 1 − 1e20 is 0, and 0 is never a little off.
ADDERS = frozenset({"sum", "matmul"})
#: Of a turn, the golden section: its multiples are as far from one another as they can be.
GOLDEN = np.longdouble(0.6180339887498949)

#: What NumPy computes in extended precision by the same kernel that serves doubles: its own functions, but for the
#: conversions of angles (whose factor is a double), and those of the table that are written in them alone.
KERNELS = frozenset(
    name for name, op in TABLE.items() if isinstance(op.apply, np.ufunc) and name not in ("deg2rad", "rad2deg")
) | {
    *MOVES, "where", "relu", "clip", "sum", "quotient", "sech_square", "asin_slope", "atanh_slope", "sigmoid",
    "sigmoid_slope", "softplus", "log_sigmoid",
}  # fmt: skip


def possible(derived: Derived) -> bool:
    """Whether this processor's numbers are finer than doubles, and all operations can be computed in them."""
    return FINER <= 2.0**-11 and all(
        not node.args or node.boolean or _as_they_are(node) or node.op.name in KERNELS or node.op.name == "within"
        for node in derived.order
    )


class Opinion(NamedTuple):
    """For every point: how wrong a result may be, relative to what it should be, at the most (but for what is `as
    good as zero`); and for each result, a row each, the same as a part of the bound on its error, where that is
    larger than is trusted. Infinite: nothing is known.
    """

    off: Array
    parts: Array


def opinion(
    derived: Derived,
    at: Mapping[Node, Array],
    seeds: Sequence[Array],
    errors: Sequence[Array],
    trusted: float,
    *,
    parts_matter: bool = True,
) -> Opinion:
    """How wrong the results are. `errors` are the bounds on their errors, in units of `EPS`, in the order of
    `Derived`: outputs, derivatives, and what else belongs to the answer. Where only it matters whether they are wrong,
    the bounds may say enough of the finer numbers.
    """
    results = [*derived.function.outputs, *derived.nodes, *derived.also]
    given = {**at, **dict(zip(derived.seeds, seeds, strict=True))}
    bounds = dict(zip(results, errors, strict=True))
    off = np.zeros(1)
    with np.errstate(all="ignore"):
        doubles = dict(zip(derived.order, derived.run(given), strict=True))
        exact = _computed(derived, given, doubles)
        wrong = _wrong(bounds, doubles, exact, [])
        relative = _relative(wrong, exact)
        if parts_matter or not _all_right(relative):
            shaken = [_computed(derived, given, doubles, sample) for sample in range(SAMPLES)]
            wrong = _wrong(bounds, doubles, exact, shaken)
            relative = _relative(wrong, exact)
        parts = []
        for node, error in zip(results, errors, strict=True):
            doubted = error > trusted * np.abs(doubles[node])
            parts.append(_largest(np.where(doubted, wrong[node] / (error * EPS), 0.0)))
        if not _all_right(relative):
            beside = [_computed(derived, {**given, **_moved(at, pattern)}, doubles) for pattern in (1, 2)]
            for group in (derived.function.outputs, derived.nodes, derived.also):
                for node, zero in zip(group, _as_good_as_zero(group, doubles, exact, beside, wrong), strict=True):
                    relative[node] = np.where(zero, 0.0, relative[node])
        for each in relative.values():
            off = np.maximum(off, _largest(each))
    return Opinion(_known(off), _known(np.array(np.broadcast_arrays(off, *parts)[1:])))


def _wrong(bounds: _Values, doubles: _Values, exact: _Values, shaken: Sequence[_Values]) -> dict[Node, Array]:
    """How wrong results are at the most: by the finer numbers, and by what these may be off themselves."""
    found = {}
    for node, error in bounds.items():
        finer = error * (EPS * FINER * OFF)
        if shaken:
            spread = np.max([np.abs(each[node] - exact[node]) for each in shaken], axis=0)
            finer = np.fmin(finer, spread * SAFELY)
        found[node] = np.abs(doubles[node] - exact[node]) + finer
    return found


def _relative(wrong: _Values, exact: _Values) -> dict[Node, Array]:
    return {node: np.where(each == 0.0, 0.0, each / np.abs(exact[node])) for node, each in wrong.items()}


def _all_right(relative: _Values) -> bool:
    return all((each <= EXCUSABLE).all() for each in relative.values())


def _largest(value: Array) -> Array:
    return np.asarray(value.max(axis=tuple(range(value.ndim - 1)), initial=0.0))


def _as_good_as_zero(
    group: Sequence[Node], doubles: _Values, exact: _Values, beside: Sequence[_Values], wrong: _Values
) -> list[Array]:
    """Which of some results are wrong by no more than a rounding of the largest of them, and than what their inputs'
    last places change: so it is judged at a single point.
    """
    if sum(node.size for node in group) < 2:
        return [np.zeros(1, dtype=bool) for _ in group]
    largest = np.zeros(1)
    for node in group:
        largest = np.maximum(largest, _largest(np.abs(doubles[node])))
    found = []
    for node in group:
        moved = np.max([np.abs(each[node] - exact[node]) for each in beside], axis=0)
        found.append((wrong[node] <= 64 * EPS * largest) & (wrong[node] <= 8.0 * moved))
    return found


def _moved(at: Mapping[Node, Array], pattern: int) -> dict[Node, Array]:
    """The inputs, each off by its last place, in a pattern of signs (the same as at a single point)."""
    moved, count = {}, 0
    for node, value in at.items():
        signs = np.where((np.arange(count, count + node.size) // pattern) % 2, -1.0, 1.0)
        count += node.size
        moved[node] = value * (1.0 + signs.reshape((*node.shape, 1)) * 2.0**-52)
    return moved


def _known(value: Array) -> Array:
    return np.where(np.isnan(value), np.inf, value).astype(np.float64)


def _as_they_are(node: Node) -> bool:
    """What decides, decides as it does among the doubles: where that is not sure there are warnings of their own."""
    return node.op.name in LOCALLY_CONSTANT or node.op.name == "number"


def _apart(node: Node, sample: int) -> Array:
    """A factor for each element of what is added up, all of them different: numbers that cancel one another are off by
    something else each, as their products and partial sums are.
    """
    turns = np.arange(node.size, dtype=np.longdouble) * GOLDEN + 0.5 * sample
    return np.asarray(1.0 + SHAKEN * (2.0 * (turns % 1.0) - 1.0)).reshape((*node.shape, 1))


def _computed(
    derived: Derived, given: Mapping[Node, Array], doubles: Mapping[Node, Array], sample: int | None = None
) -> dict[Node, Array]:
    """All numbers in extended precision; of a `sample`, each a little off by its operation."""
    found: dict[Node, Array] = {}
    for place, node in enumerate(derived.order):
        if node.op is INPUT:
            found[node] = given[node].astype(np.longdouble)
        elif node.op is CONSTANT:
            found[node] = doubles[node].astype(np.longdouble)
        elif node.boolean:
            found[node] = doubles[node]
        elif _as_they_are(node):
            found[node] = doubles[node].astype(np.longdouble)
        elif node.op.name == "within":
            found[node] = np.where(np.isnan(doubles[node]), np.nan, found[node.args[0]])
        else:
            args = [found[arg] for arg in node.args]
            if sample is not None and node.op.name in ADDERS:
                args[0] = args[0] * _apart(node.args[0], sample)
            value = node.op.apply(*args, *node.params)
            if sample is not None and node.op.name not in ROUNDLESS:
                value = value * _FACTORS[(place * 0x9E3779B1 >> (7 + sample)) & 1]
            found[node] = value
    return found
