"""The warnings of an answer."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from diffcli.report.result import Notice

if TYPE_CHECKING:
    import diffcli
    from diffcli.report.result import Values


def notices(
    program: "diffcli.Program",
    at: "Values",
    what: str,
    *,
    wrt: Sequence[str] | None = None,
    v: "Mapping[str, Any] | None" = None,
) -> list[Notice]:
    """What is to be said about the numbers that a command (`what`) gives at a point; mostly nothing."""
    from diffcli.diagnosis import examine

    return [Notice(*finding) for finding in examine(program, at, what, wrt=wrt, v=v)]
