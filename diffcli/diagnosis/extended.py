"""Second opinions on rounding errors, of many points at once, in extended precision.

The bound on rounding errors adds up every rounding at its worst, and mostly says too much. Where the processor has
numbers of 64 bits of mantissa (or more), the same graph computed in these is 2,048 times as exact, and the difference
shows how wrong the doubles really are. How far the finer numbers may be trusted themselves is said by the bound, or by
what becomes of them when all of them are off by a few of their last places, up or down (Vignes, A stochastic
arithmetic for reliable scientific computation, 1993); where that does doubles no harm, it does finer numbers none.
Arbitrary precision takes ten thousand times as long.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from diffcli.diagnosis.bounds import EPS, LOCALLY_CONSTANT, ROUNDLESS
from diffcli.diagnosis.derived import Derived
from diffcli.diagnosis.passes import EXCUSABLE
from diffcli.evaluation import Plan
from diffcli.graph import CONSTANT, INPUT, TABLE, Node
from diffcli.primitives.structure import MOVES

Array: TypeAlias = NDArray[Any]
_Values: TypeAlias = Mapping[Node, Array]

#: How exact extended numbers are, relative to doubles; and by how many halves of their last place a function of the C
#: library may be off.
FINER = float(np.finfo(np.longdouble).eps) / float(np.finfo(np.float64).eps)
OFF = 16.0
#: How many times everything is computed a little off: by so much, in which numbers, and what that changes is taken so
#: many times.
SAMPLES = 2
SHAKEN: dict[Any, float] = {np.longdouble: 2.0**-60, np.float64: 2.0**-50}
SAFELY = 8.0
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
        not node.args or node.boolean or _as_it_is(node) or node.op.name in KERNELS for node in derived.order
    )


class Opinion(NamedTuple):
    """For every point: how wrong a result may be, relative to what it should be, at the most (but for what is `as
    good as zero`); and for each result, a row each, the same as a part of the bound on its error, where that is
    larger than is trusted. Infinite: nothing is known.
    """

    off: Array
    parts: Array


class _Looked(NamedTuple):
    """Some points: the inputs and seeds; what was computed in doubles; and the results in extended precision."""

    given: _Values
    doubles: _Values
    exact: _Values


class _Step(NamedTuple):
    """How a node is computed, which way it is off in each sample (if it rounds), and what nobody needs after it: kept,
    that would fill the caches.
    """

    node: Node
    how: str
    signs: Sequence[int]
    dying: Sequence[Node]


def _how(node: Node) -> str:
    if node.op is INPUT or node.op is CONSTANT:
        return "given" if node.op is INPUT else "constant"
    if node.boolean:
        return "condition"
    if _as_it_is(node):
        return "within" if node.op.name == "within" else "as it is"
    return "computed"


def _signs(node: Node, place: int) -> list[int]:
    if node.op.name in ROUNDLESS:
        return []
    return [1 - 2 * ((place * 0x9E3779B1 >> (7 + sample)) & 1) for sample in range(SAMPLES)]


def _apart(node: Node, sample: int, kind: Any) -> Array:
    """A factor for each element of what is added up, all of them different: numbers that cancel one another are off by
    something else each, as their products and partial sums are.
    """
    turns = np.arange(node.size, dtype=np.longdouble) * GOLDEN + 0.5 * sample
    factors = 1.0 + SHAKEN[kind] * (2.0 * (turns % 1.0) - 1.0)
    return np.asarray(factors.astype(kind)).reshape((*node.shape, 1))


class Finer:
    """The graph of a question, to be computed in extended precision.

    Seeds have one point on the last axis. `errors` are the bounds on the results' errors, in units of `EPS`, in the
    order of `Derived`: outputs, derivatives, and what else belongs to the answer.
    """

    def __init__(self, derived: Derived) -> None:
        self._seeds = derived.seeds
        #: What is judged together.
        self._groups = (derived.function.outputs, derived.nodes, derived.also)
        self._results = [node for group in self._groups for node in group]
        decided = [node for node in derived.order if node.args and (node.boolean or _as_it_is(node))]
        self._doubles = Plan(list(dict.fromkeys([*self._results, *decided])))
        self._steps = self._planned(derived.order)

    def _planned(self, order: Sequence[Node]) -> list[_Step]:
        last = {arg: place for place, node in enumerate(order) for arg in node.args}
        dying: list[list[Node]] = [[] for _ in order]
        for node in last.keys() - set(self._results):
            dying[last[node]].append(node)
        return [_Step(node, _how(node), _signs(node, place), dying[place]) for place, node in enumerate(order)]

    def opinion(self, at: _Values, seeds: Sequence[Array], errors: Sequence[Array], trusted: float) -> Opinion:
        """How wrong the results are, and what part of the bounds where these are larger than is `trusted`."""
        with np.errstate(all="ignore"):
            looked = self._looked(at, seeds)
            wrong = self._wrong(looked, errors)
            parts = []
            for node, error in zip(self._results, errors, strict=True):
                doubted = error > trusted * np.abs(looked.doubles[node])
                parts.append(_largest(np.where(doubted, wrong[node] / (error * EPS), 0.0)))
            off = self._off(looked, wrong)
        return Opinion(_known(off), _known(np.array(np.broadcast_arrays(off, *parts)[1:])))

    def wrong(
        self, at: _Values, seeds: Sequence[Array], errors: Callable[[_Values], Sequence[Array]], count: int
    ) -> Array:
        """Which of so many points have a result that may be wrong by more than is excusable, as by `opinion`: that is
        only asked, and for the `errors` at given points, where shaking does harm to doubles.
        """
        with np.errstate(all="ignore"):
            looked = self._looked(at, seeds)
            moved = self._shaken(looked, np.float64, looked.doubles)
            relative = _relative(self._differences(looked, moved), looked.exact)
            # A zero that nothing moves may be what terms make that are all off alike.
            zeros = {node: looked.exact[node] == 0.0 for node in self._results if not node.constant}
            relative |= {node: np.where(zero, np.inf, relative[node]) for node, zero in zeros.items()}
            off = _worst(relative)
            found = np.array(np.broadcast_to(~(off <= EXCUSABLE), (count,)))
            if found.any():
                rows = np.flatnonzero(found)
                some = _Looked(*(taken(each, rows) for each in looked))
                wrong = self._wrong(some, errors(taken(at, rows)))
                found[rows] = ~(self._off(some, wrong) <= EXCUSABLE)
        return found

    def _looked(self, at: _Values, seeds: Sequence[Array]) -> _Looked:
        given = {**at, **dict(zip(self._seeds, seeds, strict=True))}
        found = self._doubles.run(given)
        doubles = {self._doubles.order[slot]: value for slot, value in zip(self._doubles.outputs, found, strict=True)}
        return _Looked(given, doubles, self._computed(given, doubles))

    def _shaken(self, looked: _Looked, kind: Any, unshaken: _Values) -> dict[Node, Array]:
        """How much the results change where all numbers of some kind are a little off."""
        shaken = [self._computed(looked.given, looked.doubles, kind, sample) for sample in range(SAMPLES)]
        return {
            node: np.max([np.abs(each[node] - unshaken[node]) for each in shaken], axis=0) * SAFELY
            for node in self._results
        }

    def _differences(self, looked: _Looked, finer: _Values) -> dict[Node, Array]:
        """How wrong results are at the most, where the finer numbers are by so much themselves."""
        return {node: np.abs(looked.doubles[node] - looked.exact[node]) + finer[node] for node in self._results}

    def _wrong(self, looked: _Looked, errors: Sequence[Array]) -> dict[Node, Array]:
        """The same, where these are as wrong as bounds or shaking say."""
        moved = self._shaken(looked, np.longdouble, looked.exact)
        bounds = {node: error * (EPS * FINER * OFF) for node, error in zip(self._results, errors, strict=True)}
        return self._differences(looked, {node: np.fmin(bounds[node], moved[node]) for node in self._results})

    def _off(self, looked: _Looked, wrong: _Values) -> Array:
        """How wrong results are at each point, relative to what they should be, but for what is as good as zero."""
        relative = _relative(wrong, looked.exact)
        if not all((each <= EXCUSABLE).all() for each in relative.values()):
            inputs = {node: value for node, value in looked.given.items() if node not in self._seeds}
            beside = [self._computed({**looked.given, **_moved(inputs, pattern)}, looked.doubles) for pattern in (1, 2)]
            for group in self._groups:
                for node, zero in zip(group, _as_good_as_zero(group, looked, beside, wrong), strict=True):
                    relative[node] = np.where(zero, 0.0, relative[node])
        return _worst(relative)

    def _computed(self, given: _Values, doubles: _Values, kind: Any = np.longdouble, sample: int = -1) -> _Values:
        """The results in numbers of some kind; of a `sample`, with every operation a little off."""
        found: dict[Node, Array] = {}
        shaken = SHAKEN[kind] if sample >= 0 else 0.0
        factors = {sign: kind(1.0) + kind(sign * shaken) for sign in (1, -1)}
        for node, how, signs, dying in self._steps:
            if how == "computed":
                args = [found[arg] for arg in node.args]
                if shaken and node.op.name in ADDERS:
                    args[0] = args[0] * _apart(node.args[0], sample, kind)
                value = node.op.apply(*args, *node.params)
                found[node] = value * factors[signs[sample]] if shaken and signs else value
            elif how == "given":
                found[node] = given[node].astype(kind)
            elif how == "constant":
                found[node] = node.params[0][..., np.newaxis].astype(kind)
            elif how == "condition":
                found[node] = doubles[node]
            elif how == "within":
                found[node] = np.where(np.isnan(doubles[node]), np.nan, found[node.args[0]])
            else:
                found[node] = doubles[node].astype(kind)
            for dead in dying:
                del found[dead]
        return found


def taken(values: _Values, rows: Array) -> dict[Node, Array]:
    """Values at some of the points."""
    return {node: value if value.shape[-1] == 1 else value[..., rows] for node, value in values.items()}


def _relative(wrong: _Values, exact: _Values) -> dict[Node, Array]:
    return {node: np.where(each == 0.0, 0.0, each / np.abs(exact[node])) for node, each in wrong.items()}


def _worst(relative: _Values) -> Array:
    """For every point the largest."""
    off = np.zeros(1)
    for each in relative.values():
        off = np.maximum(off, _largest(each))
    return off


def _largest(value: Array) -> Array:
    return np.asarray(value.max(axis=tuple(range(value.ndim - 1)), initial=0.0))


def _as_good_as_zero(group: Sequence[Node], looked: _Looked, beside: Sequence[_Values], wrong: _Values) -> list[Array]:
    """Which of some results are wrong by no more than a rounding of the largest of them, and than what their inputs'
    last places change: so it is judged at a single point.
    """
    if sum(node.size for node in group) < 2:
        return [np.zeros(1, dtype=bool) for _ in group]
    largest = np.zeros(1)
    for node in group:
        largest = np.maximum(largest, _largest(np.abs(looked.doubles[node])))
    found = []
    for node in group:
        moved = np.max([np.abs(each[node] - looked.exact[node]) for each in beside], axis=0)
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


def _as_it_is(node: Node) -> bool:
    """What decides, decides as it does among the doubles: where that is not sure there are warnings of their own."""
    return node.op.name in LOCALLY_CONSTANT or node.op.name in ("number", "within")
