"""Which of f″, f‴, … by one number are not to be trusted.

They come from Taylor series and not from a graph of their own, so there is no bound on their rounding errors to tell
ordinary points by: each is held against its exact value (`diffcli.precise.orders`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffcli.bound import Differentiable, Point, bind
from diffcli.diagnosis.cures import Cures
from diffcli.diagnosis.ledger import Finding
from diffcli.diagnosis.naming import Naming
from diffcli.diagnosis.passes import Passes
from diffcli.diagnosis.questions import Question, ask
from diffcli.diagnosis.sites import SITES
from diffcli.diagnosis.truth import excusable, right, truth
from diffcli.diagnosis.words import MAGNIFIES, number, of_lost, of_site
from diffcli.graph import Node
from diffcli.labels import order_mark

#: What their exact values may cost, in seconds (`diffcli.precise.allowance.Allowance`).
SECONDS = 1.0
#: How far off, relative to the number, rounding is the same as here and a choice that is made here is not.
BESIDE = 2.0**-20


class _Exact(NamedTuple):
    """A derivative, and those from its two sides where it does not exist."""

    value: float
    left: float
    right: float

    @property
    def kink(self) -> bool:
        """Whether it differs on the two sides."""
        return math.isnan(self.value) and not math.isnan(self.left) and not math.isnan(self.right)

    def agrees(self, value: float) -> bool:
        """Whether nothing need be said about a number that stands for it."""
        return not self.kink and math.isfinite(value) and right(value, self.value)


def examine_orders(
    f: Differentiable,
    at: Point | ArrayLike,
    derivatives: Sequence[float],
    *,
    wrt: Sequence[str] | None = None,
    seconds: float = SECONDS,
) -> list[Finding]:
    """The findings about `derivatives`, which are f, f′, f″, … at a point, from f″ on. (f′ is what ``grad`` answers.)

    None without mpmath, and none about those that cost too much to find.
    """
    question = ask(bind(f, at, wrt), "grad")
    exact = _exact(question, question.at, len(derivatives), seconds)
    wrong = [k for k in range(2, len(exact)) if not exact[k].agrees(derivatives[k])]
    if not wrong:
        return []
    source = getattr(f, "source", None)
    naming = Naming(question, None if source is None else source.text)
    beside = _moved(question, exact, seconds)
    twice = ask(question.bound, "hessian")
    cures = Cures(twice, truth(twice, question.at, seconds), seconds)
    found: dict[str, Finding] = {}
    for k in wrong:
        off = abs(derivatives[k] - exact[k].value)
        if excusable(derivatives[k], exact[k].value, ()) and off <= 8 * beside.get(k, 0.0):
            continue
        code, message, hint, node = _said(f, question, naming, k, derivatives[k], exact[k])
        refined = {
            "value": exact[0].value,
            "derivatives": np.array([each.value for each in exact]),
            **({"left": [e.left for e in exact], "right": [e.right for e in exact]} if exact[k].kink else {}),
        }
        cure = cures.of(node)
        if cure is not None:
            node, hint = cure.node, cure.hint(naming)
        shown, span = naming.spell(node), naming.span(node)
        # The first of a kind: what is so of one order is mostly so of the next.
        found.setdefault(code, Finding(code, message, hint, naming.ids.get(node), shown, span, "derivative", refined))
    return list(found.values())


def _exact(question: Question, at: dict[Node, NDArray[np.float64]], count: int, seconds: float) -> list[_Exact]:
    """f, f′, …, up to `count` of them: as far as they exist and can be had."""
    from diffcli.precise import Exactly, SlowError, available, to_double
    from diffcli.precise.orders import higher, sided

    found: list[_Exact] = []
    if not available() or not all(np.isfinite(value).all() for value in at.values()):
        return found
    exactly = Exactly(question.function.outputs, at, question.wrt, seconds=seconds)
    try:
        (value,) = exactly.values()
        if exactly.ar.is_nan(value):
            return found
        found.append(_Exact(*[to_double(value)] * 3))
        while len(found) < count and math.isfinite(found[-1].value):
            (smooth,) = higher(exactly, 0, len(found), 70)
            if not exactly.ar.is_nan(smooth):
                found.append(_Exact(*[to_double(smooth)] * 3))
                continue
            (partial,) = sided(exactly, 0, len(found))
            found.append(_Exact(to_double(partial.value), to_double(partial.left), to_double(partial.right)))
    except SlowError:
        pass
    return found


def _moved(question: Question, exact: Sequence[_Exact], seconds: float) -> dict[int, float]:
    """By order: how much the derivatives change where the input differs in its last place."""
    beside = {node: value * (1.0 + 2.0**-52) for node, value in question.at.items()}
    changed = _exact(question, beside, len(exact), seconds / 2)
    return {k: abs(a.value - b.value) for k, (a, b) in enumerate(zip(changed, exact, strict=False))}


def _said(
    f: Differentiable, question: Question, naming: Naming, order: int, value: float, exact: _Exact
) -> tuple[str, str, str | None, Node]:
    """The code, the reason, the cure and the place of what is wrong with one derivative."""
    name = naming.rows()[0] + order_mark(order)
    output = question.function.outputs[0]
    site = _site(question.all, naming)
    if site is not None and _right_beside(f, question, order, value, exact.value):
        code, message, hint = of_site(naming.spell(site), site, None)
        return code, f"{message}: on both sides {name} is {number(exact.value)}", hint, site
    if math.isnan(exact.value):
        sides = f"{name} does not exist"
        if exact.kink:
            sides = f"{name} is {number(exact.left)} from the left and {number(exact.right)} from the right"
        if site is None:
            return "kink", f"a derivative of {naming.spell(output)} has a kink here: {sides}", None, output
        code, message, hint = of_site(naming.spell(site), site, None)
        return code, f"{message}: {sides}", hint, site
    shown = naming.spell(output)
    if math.isinf(exact.value):
        return "pole", f"{name} is {number(exact.value)}: a derivative of {shown} is infinite here", None, output
    if not math.isfinite(value):
        said = f"a derivative of {shown} is not finite here, but {name} is {number(exact.value)}"
        return "removable", said, None, output
    off = abs(value - exact.value) / abs(exact.value) if exact.value else 1.0
    digits = min(16.0, max(0.0, 16.0 + math.log10(off)))
    return "cancellation", f"{name}: {of_lost(shown, MAGNIFIES, 'derivative', digits)}", None, output


def _right_beside(f: Differentiable, question: Question, order: int, value: float, exact: float) -> bool:
    """Whether a derivative that is wrong at the point is right next to it, in doubles too: then it is a choice made
    at the point itself that is wrong, and no rounding, which is much the same there.
    """
    from diffcli.higher import derivatives

    off = abs(value - exact)
    if not math.isfinite(off):
        return False
    (node,) = question.wrt
    x = float(question.at[node])
    step = BESIDE * (abs(x) or 1.0)
    at = {str(each.params[0]): np.asarray(given) for each, given in question.at.items()}
    name = str(node.params[0])
    near = [derivatives(f, {**at, name: x + k * step}, order, wrt=(name,)) for k in (-2, -1, 1, 2)]
    return all(abs(found[order] - exact) <= off / 4 for found in near)


def _site(passes: Passes, naming: Naming) -> Node | None:
    """The first operation that stands at its kink."""
    used = passes.looked_at()
    for node in passes.order:
        if node in naming.ids and node.op.name in SITES and (passes.at_site(node) & used[node]).any():
            return node
    return None
