"""``diffcli functions``: what the language can say."""

from typing import Annotated

import typer

from diffcli.cli.options import Show
from diffcli.errors import UsageError
from diffcli.report import result

EXAMPLES = """
diffcli functions
diffcli functions atan2
diffcli functions --json | jq -r '.functions[].name'
"""


def complete(incomplete: str) -> list[tuple[str, str]]:
    """The functions whose name starts so, for the shell."""
    from diffcli.primitives import catalogue

    return [(entry.name, entry.doc) for entry in catalogue() if entry.name.startswith(incomplete)]


Name = Annotated[
    str | None,
    typer.Argument(metavar="[NAME]", show_default=False, help="Tell all about this one.", autocompletion=complete),
]


def run(show: Show, name: Name = None) -> None:
    """Every function by family; of one, its meaning, domain, derivative rule and convention at kinks."""
    from diffcli.primitives import catalogue

    entries = [result.Entry(*(getattr(entry, field) for field in result.Entry._fields)) for entry in catalogue()]
    if name is not None:
        chosen = [entry for entry in entries if name == entry.name or name in entry.aliases]
        if not chosen:
            raise _unknown(name, entries)
        entries = chosen
    show(result.Functions(entries))


def _unknown(name: str, entries: list[result.Entry]) -> UsageError:
    from diffcli.language.suggest import closest

    near = closest(name, [known for entry in entries for known in (entry.name, *entry.aliases)])
    return UsageError(f"there is no function {name}", hint=f"did you mean {near}?" if near else "see diffcli functions")
