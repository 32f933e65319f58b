"""The warnings of an answer."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from diffcli.report.result import Notice

#: What only doubles suffer from.
OF_DOUBLES = frozenset({"overflow", "cancellation"})

if TYPE_CHECKING:
    import diffcli
    from diffcli.cli.options import Show
    from diffcli.report.result import Values


def notices(
    program: "diffcli.Program",
    at: "Values",
    what: str,
    show: "Show",
    *,
    wrt: Sequence[str] | None = None,
    v: "Mapping[str, Any] | None" = None,
    precise: bool = False,
) -> list[Notice]:
    """What is to be said about the numbers that a command (`what`) gives at a point; mostly nothing. Where nobody is to
    read it, it is not looked for.
    """
    if not show.warns():
        return []
    from diffcli.diagnosis import examine

    found = [Notice(*finding) for finding in examine(program, at, what, wrt=wrt, v=v)]
    return _of_shown(found, show, precise)


def of_orders(
    program: "diffcli.Program",
    at: "Values",
    derivatives: Sequence[float],
    show: "Show",
    *,
    wrt: Sequence[str] | None = None,
    precise: bool = False,
) -> list[Notice]:
    """The same of f, f′, f″, …, from f″ on."""
    if not show.warns() or len(derivatives) < 3:
        return []
    from diffcli.diagnosis.higher_orders import examine_orders

    found = [Notice(*finding) for finding in examine_orders(program, at, derivatives, wrt=wrt)]
    return _of_shown(found, show, precise)


def _of_shown(found: list[Notice], show: "Show", precise: bool) -> list[Notice]:
    """What is about the numbers that are shown: tables of `precise` digits have no doubles, all other formats do."""
    digits = precise and show.form() == "table"
    return [each for each in found if not (digits and each.code in OF_DOUBLES)]
