"""The warnings of an answer."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from diffcli.report.result import Notice

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
    """What is to be said about the numbers that a command (`what`) gives at a point; mostly nothing. Where they are
    `precise`, not what only doubles suffer from; where nobody is to read it, it is not looked for.
    """
    if not show.warns():
        return []
    from diffcli.diagnosis import examine

    found = [Notice(*finding) for finding in examine(program, at, what, wrt=wrt, v=v)]
    return [each for each in found if not (precise and each.code in OF_DOUBLES)]
