"""``diffcli schema``: the JSON Schema of what a command answers."""

from importlib.resources import files
from typing import Annotated

import typer

from diffcli.errors import UsageError
from diffcli.report.write import write

EXAMPLES = """
diffcli schema
diffcli schema grad
diffcli schema lines
diffcli schema error -o error.json
"""


def known() -> list[str]:
    """The names of the schemas that ship with the package."""
    folder = files("diffcli.report") / "schemas"
    return sorted(file.name.removesuffix(".json") for file in folder.iterdir() if file.name.endswith(".json"))


def complete(incomplete: str) -> list[str]:
    """The schemas whose name starts so, for the shell."""
    return [name for name in known() if name.startswith(incomplete)]


Name = Annotated[
    str | None,
    typer.Argument(metavar="[NAME]", show_default=False, help="grad, or diffcli.grad/1.", autocompletion=complete),
]
Output = Annotated[str | None, typer.Option("-o", "--output", metavar="FILE", help="Write to a file.")]


def run(name: Name = None, output: Output = None) -> None:
    """The JSON Schema (2020-12) of a command's JSON, of its lines for many points, or of errors; alone, the names."""
    if name is None:
        write("".join(f"{each}\n" for each in known()), output)
        return
    short = name.removeprefix("diffcli.").removesuffix("/1")
    if short not in known():
        raise _unknown(name)
    write((files("diffcli.report") / "schemas" / f"{short}.json").read_bytes(), output)


def _unknown(name: str) -> UsageError:
    from diffcli.language.suggest import closest

    near = closest(name, known())
    hint = f"did you mean {near}?" if near else f"there are {', '.join(known())}"
    return UsageError(f"there is no schema {name}", hint=hint)
