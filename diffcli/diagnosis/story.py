"""The whole story of one point: every finding, what to write instead, how well the point is conditioned, and where
the digits go.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffcli.bound import Differentiable, Point, Values, bind
from diffcli.calculus import jacobian
from diffcli.diagnosis.bounds import EPS
from diffcli.diagnosis.findings import Examination
from diffcli.diagnosis.ledger import Finding
from diffcli.diagnosis.questions import ask
from diffcli.errors import Span
from diffcli.graph import Node
from diffcli.rewrites import rewrites

#: What the exact numbers may cost, in seconds (`diffcli.precise.allowance.Allowance`).
SECONDS = 3.0
#: How many nodes are named, and from how many digits on.
NODES, LEAST = 8, 1.0
#: So many places are looked at that may be written otherwise.
MOST_REWRITES = 40


class Loss(NamedTuple):
    """A node whose value may have lost `digits` of its 16, `own` of them by its own doing."""

    node: int
    expression: str
    span: Span | None
    digits: float
    own: float


class Better(NamedTuple):
    """A spelling that means the same and is safer."""

    expression: str
    better: str
    why: str
    span: Span | None


class Story(NamedTuple):
    """All that is known about the numbers at a point. `conditions` (rows × columns) are relative condition numbers:
    a relative change of the input by δ changes the output by κ·δ.
    """

    values: Values
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    findings: list[Finding]
    rewrites: list[Better]
    conditions: NDArray[np.float64]
    losses: list[Loss]


def diagnose(
    f: Differentiable, at: Point | ArrayLike, *, wrt: Sequence[str] | None = None, seconds: float = SECONDS
) -> Story:
    """The story of f's values and first derivatives at a point."""
    bound = bind(f, at, wrt)
    found = jacobian(f, at, wrt=wrt)
    scalar = found.matrix.shape[0] == 1
    question = ask(bound, "grad" if scalar else "jacobian")
    doubted = question.suspicious()
    if not doubted:
        question.seeds = [0]
    source = getattr(f, "source", None)
    examination = Examination(question, seconds if doubted else 0.0, None if source is None else source.text)
    findings = examination.findings() if doubted else []
    return Story(
        values=found.values,
        rows=tuple(found.rows),
        columns=tuple(found.columns),
        findings=findings,
        rewrites=_better(examination),
        conditions=_conditions(examination, np.asarray(found.matrix)),
        losses=_losses(examination),
    )


def _better(examination: Examination) -> list[Better]:
    """The cures of the findings, and what else is better written otherwise and right here."""
    naming, cures = examination.naming, examination.cures
    found = {cure.node: cure for cure in cures.chosen()}
    gone = {node for cure in found.values() for node in cure.covers}
    covered: set[Node] = set()
    for rewrite in rewrites(examination.function)[:MOST_REWRITES]:
        if rewrite.node in gone or not rewrite.covers.isdisjoint(found):
            continue  # the cure of the whole, or of a part, has been found right here, or better
        harmless = cures.harmless(rewrite)
        if harmless is not None:
            covered |= rewrite.covers - {rewrite.node}
            found[rewrite.node] = harmless
    kept = sorted((cure for node, cure in found.items() if node not in covered), key=lambda cure: cure.node.index)
    return [Better(naming.spell(cure.node), cure.better, cure.why, naming.span(cure.node)) for cure in kept]


def _conditions(examination: Examination, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """|x·(∂f/∂x)/f|, of the true derivatives where those of doubles are wrong."""
    question, known = examination.question, examination.truth
    values = np.concatenate(
        [np.ravel(question.all.values[node][..., 0]) for node in question.function.outputs] or [np.zeros(0)]
    )
    if known.values is not None and known.first is not None:
        values = np.array(known.values)
        matrix = np.where(np.isnan(known.first.value), matrix, known.first.value)
    point = np.concatenate([np.ravel(question.at[node]) for node in question.wrt] or [np.zeros(0)])
    with np.errstate(all="ignore"):
        kappa = np.abs(matrix * point / values[:, np.newaxis])
        # Nothing moves what does not depend on the input, and a zero moves by any amount relative to itself.
        return np.where((matrix == 0.0) | (point == 0.0), 0.0, kappa)


def _losses(examination: Examination) -> list[Loss]:
    passes = next(iter(examination.passes.values()))
    errors = passes.errors()
    used = passes.looked_at()
    rows: dict[tuple[str, Span | None], Loss] = {}

    def worst(node: object) -> float:
        ulps = np.where(used[node], passes.relative(node, errors), 0.0)  # type: ignore[index, arg-type]
        return float(ulps.max(initial=0.0))

    for node in passes.order:
        if node not in examination.naming.ids or not node.args or node.boolean:
            continue
        mine = worst(node)
        theirs = max((worst(arg) for arg in node.args), default=0.0)
        digits, before = _lost(mine), _lost(theirs)
        if digits < LEAST or digits - before < 0.5:
            continue
        span = examination.naming.span(node)
        loss = Loss(examination.naming.ids[node], examination.naming.spell(node), span, digits, digits - before)
        key = (loss.expression, span)
        if key not in rows or rows[key].digits < digits:
            rows[key] = loss
    return sorted(rows.values(), key=lambda loss: -loss.own)[:NODES]


def _lost(ulps: float) -> float:
    """Units of the last place as decimal digits, 16 at most."""
    if ulps <= 1.0:
        return 0.0
    return 16.0 if ulps >= 1.0 / EPS else round(math.log10(ulps), 1)
