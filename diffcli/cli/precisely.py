"""The option that asks for more digits than a double has."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from diffcli.report.result import Notice, Precise

if TYPE_CHECKING:
    import diffcli
    from diffcli.cli.options import Show
    from diffcli.report.result import Values

DIGITS = 50

Precisely = Annotated[
    bool,
    typer.Option("--precise", help=f"In arbitrary precision, correctly rounded to --digits N ({DIGITS})."),
]


def precisely(
    asked: bool,
    program: "diffcli.Program",
    at: "Values",
    show: "Show",
    *,
    wrt: Sequence[str] | None = None,
    derivatives: bool = True,
    order: int | None = None,
    warnings: list[Notice],
) -> Precise | None:
    """The answer in as many digits as were asked for, if they were; to `warnings` is added what is out of reach."""
    if not asked:
        return None
    from diffcli.precise.rounded import rounded

    found = rounded(program, at, show.digits or DIGITS, wrt=wrt, derivatives=derivatives, order=order)
    if found.beyond and show.warns():
        said = f"{', '.join(found.beyond)}: the exponent has more than 600 digits, which is out of reach"
        warnings.append(Notice("overflow", said, None, None, None, None, "value"))
    for row, reason in found.unknown if show.warns() else ():
        said = f"{row} is not known: {reason}, which is out of reach"
        warnings.append(Notice("overflow", said, None, None, None, None, "value"))
    told = found.beyond or found.unknown or any(notice.where == "value" for notice in warnings)
    if show.warns() and not told:
        warnings += _nowhere(program, at, found.values)
    return Precise(found.digits, found.values, found.derivatives, found.orders)


def _nowhere(program: "diffcli.Program", at: "Values", values: dict[str, str]) -> list[Notice]:
    """What to say of outputs that have a value in doubles only: tan(pi/2) has one because the double pi is not π."""
    odd = [(o, row, text) for o, (row, text) in enumerate(values.items()) if text in ("nan", "inf", "-inf")]
    if not odd:
        return []
    import numpy as np

    import diffcli

    doubles = np.concatenate([np.ravel(value) for value in diffcli.evaluate(program, at).values()])
    notices = []
    for o, row, text in odd:
        if np.isfinite(doubles[o]):
            code, said = ("domain", "has no value") if text == "nan" else ("pole", f"is {text}")
            message = f"with all digits, pi, tau and e the numbers themselves, {row} {said}"
            notices.append(Notice(code, message, None, None, None, None, "value"))
    return notices
