"""Which numbers at a point are not to be trusted, where that begins, and what they really are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from diffcli.bound import Differentiable, Point, bind
from diffcli.collector import resting
from diffcli.diagnosis.questions import ask

if TYPE_CHECKING:
    from diffcli.diagnosis.ledger import Finding

#: What the exact numbers of one command may cost, in seconds (`diffcli.precise.allowance.Allowance`).
SECONDS = 1.0


def examine(
    f: Differentiable,
    at: Point | ArrayLike,
    what: str,
    *,
    wrt: Sequence[str] | None = None,
    v: Mapping[str, ArrayLike] | None = None,
    seconds: float = SECONDS,
) -> list[Finding]:
    """The findings about what a command answers at a point: `what` is ``eval``, ``grad``, ``jacobian``, ``vjp``
    (with the cotangent `v`), ``jvp`` (with the tangent `v`), ``hessian`` or ``hvp`` (with the tangent `v`).

    Empty at ordinary points, which are told by the rounding-error bound alone.
    """
    return examined(f, at, what, wrt=wrt, v=v, seconds=seconds)[0]


def examined(
    f: Differentiable,
    at: Point | ArrayLike,
    what: str,
    *,
    wrt: Sequence[str] | None = None,
    v: Mapping[str, ArrayLike] | None = None,
    seconds: float = SECONDS,
    hints: bool = True,
) -> tuple[list[Finding], float]:
    """The same, and what the exact numbers for it have cost, in reckoned seconds. Without `hints` no better spelling is
    looked for, which takes several times as long as the rest.
    """
    with resting():
        question = ask(bind(f, at, wrt), what, v)
        if not question.suspicious():
            return [], 0.0
    from diffcli.diagnosis.findings import Examination

    source = getattr(f, "source", None)
    text = source.text if source is not None else None
    return Examination(question, seconds, text, hints=hints).findings(), question.spent
