"""What is asked of every point by itself, as plans: whether its error bounds are too large, and whether rounding may
have decided something.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import repeat
from typing import Any, TypeAlias

from numpy.typing import NDArray

from diffcli.derive import looked_at
from diffcli.diagnosis import running
from diffcli.diagnosis.flag_plans import Flags
from diffcli.diagnosis.flags import either, every, near_flag, per_point, where_looked_at, whole_flags
from diffcli.diagnosis.intervals import Range
from diffcli.diagnosis.questions import Asked
from diffcli.diagnosis.ranges import ranges
from diffcli.diagnosis.running_rules import Error
from diffcli.evaluation import Plan
from diffcli.graph import Node, ancestors
from diffcli.unrolled import MOST_NODES, seeded

Array: TypeAlias = NDArray[Any]


class Own:
    """The error bounds of single points, where the ranges that are `known` hold; up to so many units of the last place
    a result is `trusted`.
    """

    def __init__(self, asked: Asked, known: Mapping[Node, Range], trusted: float) -> None:
        self._asked, self._known, self.trusted = asked, known, trusted * (1.0 - running.SLACK)
        self._results = [*asked.derived.function.outputs, *asked.derived.nodes, *asked.derived.also]

    @cached_property
    def _errors(self) -> dict[Node, Error]:
        return running.errors(self._asked.derived.order, self._known)

    def seeds(self, k: int) -> dict[Node, Array]:
        """The k-th seed alone."""
        return dict(zip(self._asked.derived.seeds, self._asked.row(k), strict=True))

    @cached_property
    def doubted(self) -> list[tuple[Flags, Mapping[Node, Array]]]:
        """Flags, each with the seeds they take: whether any result's bound is too large."""
        asked, derived = self._asked, self._asked.derived
        if asked.rows > 1 and asked.rows * len(derived.order) <= MOST_NODES:
            # With the seeds written in, what they have in common is there once, and their zeros are not.
            rows = [seeded(derived.nodes, derived.seeds, asked.row(k)) for k in range(asked.rows)]
            also = [seeded(derived.also, derived.seeds, asked.row(0))] if derived.also else []
            found = list(dict.fromkeys(node for row in (*rows, *also) for node in row if node is not None))
            results = [*derived.function.outputs, *found]
            order = ancestors(results)
            primal = derived.primal
            known = ranges(order, {node: here for node, here in self._known.items() if node in primal}, primal)
            flag = self._flag(results, running.errors(order, known))
            return [] if flag is None else [(Flags([flag]), {})]
        flag = self._flag(self._results, self._errors)
        return [] if flag is None else [(flags, self.seeds(k)) for flags in [Flags([flag])] for k in range(asked.rows)]

    def _flag(
        self, results: Sequence[Node], errors: Mapping[Node, Error], limits: Iterable[Node | None] = repeat(None)
    ) -> Node | None:
        pairs = zip(results, limits, strict=False)
        flags = [running.doubted(node, errors[node], self.trusted, limit) for node, limit in pairs]
        some = [per_point(flag) for flag in flags if flag is not None]
        return either(some) if some else None

    @cached_property
    def limits(self) -> list[Node]:
        """For each result a free number: how large its bound may be, in units of its last place."""
        builder = self._results[0].builder
        return [builder.input(f"limit:{place}", ()) for place in range(len(self._results))]

    @cached_property
    def unusual(self) -> Flags | None:
        """Whether any result's bound is larger than its limit (which is never below what is trusted), for given seeds
        and `limits`; None: at no point.
        """
        flag = self._flag(self._results, self._errors, self.limits)
        return None if flag is None else Flags([flag])

    def errors(self, k: int, at: Mapping[Node, Array]) -> list[Array]:
        """The bounds on the results' errors at some points, for the k-th seed."""
        return self._whole.run({**at, **self.seeds(k)})

    @cached_property
    def _whole(self) -> Plan:
        zero = self._results[0].builder.constant(0.0)
        return Plan([running.whole(node, self._errors[node]) or zero for node in self._results])

    @cached_property
    def hanging(self) -> Flags | None:
        """Whether rounding may have decided something at a point; None: never."""
        derived = self._asked.derived
        if not derived.decisions:
            return None
        conditions = looked_at(derived.function.outputs)
        exact = whole_flags([node for node in derived.order if node in derived.primal])
        flags = []
        for node in derived.decisions:
            errors = [running.whole(arg, self._errors[arg]) for arg in node.args]
            near = near_flag(node, [0.0 if error is None else error for error in errors])
            flag = per_point(where_looked_at(near, conditions.get(node)))
            if all(arg in exact for arg in node.args):
                flag = flag & ~every([exact[arg] for arg in node.args])
            flags.append(flag)
        return Flags([either(flags)])
