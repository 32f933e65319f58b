"""What several commands share: how a question is asked (`Ask`) and how its answer is shown (`Show`).

A command takes them as two parameters; `flattened` spreads their fields over its signature, where typer finds them.
"""

import inspect
import os
from collections.abc import Callable, Sequence
from enum import StrEnum
from time import process_time
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple
from unicodedata import normalize

import typer

import diffcli
from diffcli.errors import ExpressionError, Source, StrictError, UsageError
from diffcli.report import terminal
from diffcli.report.excerpt import render_notice
from diffcli.report.render import guess, render, require
from diffcli.report.result import not_finite
from diffcli.report.write import say, write

if TYPE_CHECKING:
    from diffcli.report.result import Entries, Result, Values


class Format(StrEnum):
    """The formats of a result."""

    table = "table"
    json = "json"
    jsonl = "jsonl"
    csv = "csv"
    tsv = "tsv"
    npy = "npy"
    npz = "npz"
    mtx = "mtx"
    parquet = "parquet"


#: The formats that hold the warnings.
IN_THE_ANSWER = ("json", "jsonl")


class Color(StrEnum):
    """When to use colour."""

    auto = "auto"
    always = "always"
    never = "never"


Wrt = Annotated[
    str | None,
    typer.Option("--wrt", metavar="NAMES", help="Differentiate by these, in this order: x,y. Else by all but params."),
]
Cotangent = Annotated[
    list[str] | None,
    typer.Option("--cotangent", metavar="POINT", help="The cotangent v: 'r=1, theta=0'; outputs left out count as 0."),
]

Tangent = Annotated[
    list[str] | None,
    typer.Option("--tangent", metavar="POINT", help="The tangent u: 'x=1, w=[0,1]'; inputs left out do not move."),
]
Sparse = Annotated[bool, typer.Option("--sparse", help="By its entries, those that are not zero whatever the point.")]


class Ask(NamedTuple):
    """An expression and the point to look at it."""

    source: Annotated[
        str | None,
        typer.Argument(
            metavar="SOURCE",
            show_default=False,
            help="An expression; a file that ends in .expr, or any with @file; - reads standard input.",
        ),
    ] = None
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[x=1 y=2 …]", show_default=False, help="The point, as --at takes it.")
    ] = None
    at: Annotated[
        list[str] | None,
        typer.Option("--at", metavar="POINT", help="The point, repeatable: 'x=1, w=[1,2]', @point.json, w=@w.npy."),
    ] = None
    max_tokens: Annotated[
        int | None, typer.Option("--max-tokens", metavar="N", min=1, help="Raise the limit on the length of the text.")
    ] = None
    max_nodes: Annotated[
        int | None, typer.Option("--max-nodes", metavar="N", min=1, help="Raise the limit on a graph's nodes.")
    ] = None
    max_bytes: Annotated[
        int | None, typer.Option("--max-bytes", metavar="N", min=1, help="Raise the limit on the memory of all values.")
    ] = None

    def point_words(self) -> list[str]:
        """The words that say where the point is."""
        return [*(self.at or ()), *(_value(word, self.source or "") for word in self.words or ())]

    def program(self) -> "tuple[diffcli.Program, Values]":
        """The parsed source and the whole point, in the order of its inputs."""
        words = self.point_words()
        if self.source == "-" and "-" in words:
            raise UsageError("both the expression and the point ask for standard input", hint="give one of them a file")
        _refuse_ranges(words)
        program = self.parsed()
        return program, program.resolve(point(words, names=program.inputs) or {})

    def parsed(self) -> "diffcli.Program":
        """The parsed source."""
        from diffcli.language.source import read_source

        if self.source is None:
            hint = 'for instance: diffcli grad "sin(x)*y" --at x=1,y=2'
            raise UsageError("there is no expression to work on", hint=hint)
        source = read_source(self.source)
        limits = {"max_tokens": self.max_tokens, "max_nodes": self.max_nodes, "max_bytes": self.max_bytes}
        raised = {limit: given for limit, given in limits.items() if given is not None}
        try:
            program = diffcli.parse(source.text, name=source.name, **raised)
        except ExpressionError as error:
            if os.path.exists(source.text):
                error.hint = f"to read the file of this name, write @{source.text}"
            raise
        return program


class Show(NamedTuple):
    """The answer's format, where it goes, and how much of it."""

    json: Annotated[bool, typer.Option("--json", help="One JSON object; short for --format json.")] = False
    format: Annotated[
        Format | None,
        typer.Option("--format", show_default=False, help="The format; -o FILE guesses it from the suffix."),
    ] = None
    output: Annotated[
        str | None, typer.Option("-o", "--output", metavar="FILE", help="Write to a file, whole or not at all.")
    ] = None
    digits: Annotated[
        int | None,
        typer.Option("--digits", metavar="N", min=1, help="Significant digits in tables; JSON and CSV keep all."),
    ] = None
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 4 if a result is not finite.")] = False
    everything: Annotated[bool, typer.Option("--all", help="Show what is large whole on a terminal.")] = False
    color: Annotated[
        Color, typer.Option("--color", show_default=False, help="Colour, over NO_COLOR and FORCE_COLOR.")
    ] = Color.auto
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No warnings; of many points no bar and no summary.")] = (
        False
    )
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Say on standard error what was written and how long it took.")
    ] = False

    def __call__(self, result: "Result", *, explain: bool = False) -> None:
        """Write `result` where and as the options say; then warn, and with ``--strict`` refuse what is not finite."""
        form = self.form()
        if self.output in (None, "-"):
            reader = terminal.stdout(self.color.value)
        else:
            reader = terminal.Reader(terminal=False, colour=self.color is Color.always)
        content = render(result, form, reader, digits=self.digits, everything=self.everything, explain=explain)
        write(content, self.output)
        if not self.quiet and form not in IN_THE_ANSWER:
            _warn(result, self.color.value)
        if self.verbose:
            say(f"{form} to {self.output or 'standard output'}, after {process_time():.3f} s of computing\n")
        if self.strict:
            _refuse(result)

    def warns(self) -> bool:
        """Whether warnings come out at all: on standard error, or in the answer."""
        return not self.quiet or self.form() in IN_THE_ANSWER

    def form(self) -> str:
        """The format of the answer at one point. Raises `UsageError` if there is none of that name."""
        if self.json and self.format not in (None, Format.json):
            raise UsageError(f"--json and --format {self.format.value} are two formats", hint="give one of them")
        form = "json" if self.json else self.format.value if self.format else guess(self.output)
        require(form)
        return form


def names(wrt: str | None) -> tuple[str, ...] | None:
    """The names in ``--wrt x,y``, in NFC as the language has them; None where the option is not given."""
    if wrt is None:
        return None
    found = tuple(normalize("NFC", name.strip()) for name in wrt.split(","))
    if "" in found:
        raise UsageError("--wrt holds an empty name", hint="write --wrt x,y")
    return found


def point(words: list[str] | None, option: str = "--at", names: Sequence[str] = ()) -> "Values | None":
    """The values by name that the words of `option` give; None where the option is not given. `names` are those that
    there are values for.
    """
    if not words:
        return None
    from diffcli.language.lower import constant_value
    from diffcli.language.points import read_point

    names = names or ("x",)
    found = read_point(words, None, constant_value, option=option, names=names)
    if not found and option != "--at":
        raise UsageError(f"{option} is empty", hint=f"write {option} {names[0]}=1")
    return found


def _refuse_ranges(words: list[str]) -> None:
    """Ranges are many points, and who asks takes one."""
    if any(":" in word for word in words):
        from diffcli.cli.many import parted

        for name in parted(words)[1]:
            hint = "eval, grad, jacobian, hessian, vjp and jvp take ranges"
            raise UsageError(f"{name} is given a range, and this command takes one point", hint=hint, code="point")


def tangent_of(program: "diffcli.Program", tangent: list[str] | None) -> "Values":
    """The tangent that ``--tangent`` gives."""
    moving = [name for name in program.inputs if name not in program.params]
    u = point(tangent, "--tangent", moving)
    if u is None:
        hint = f"add --tangent {','.join(f'{name}=…' for name in moving)}"
        raise UsageError("which tangent is to be pushed forward?", hint=hint)
    return u


def cotangent_of(program: "diffcli.Program", cotangent: list[str] | None) -> "Values":
    """The cotangent that ``--cotangent`` gives."""
    v = point(cotangent, "--cotangent", program.outputs)
    if v is None:
        hint = f"add --cotangent {','.join(f'{name}=…' for name in program.outputs)}"
        raise UsageError("which cotangent is to be pulled back?", hint=hint)
    return v


def entries(found: "diffcli.Coordinates") -> "Entries":
    """A sparse matrix as a plain result."""
    from diffcli.report.result import Entries

    return Entries("coo", found.shape, found.row, found.col, found.data)


def flattened(function: Callable[..., None]) -> Callable[..., None]:
    """`function` with the fields of `Ask` and `Show` in place of the parameters that hold them.

    The help has them in this order: what is asked, the command's own options, how it is shown, the limits. Any
    named tuple of options is such a bundle.
    """
    held: dict[str, Any] = {
        name: bundle
        for name, bundle in function.__annotations__.items()
        if isinstance(bundle, type) and issubclass(bundle, tuple)
    }
    parameters = sorted(inspect.signature(function).parameters.values(), key=lambda it: it.annotation is Show)
    spread: list[inspect.Parameter] = []
    for parameter in parameters:
        bundle = held.get(parameter.name)
        fields = bundle.__annotations__ if bundle else {parameter.name: parameter.annotation}
        defaults = bundle._field_defaults if bundle else {parameter.name: parameter.default}
        spread += [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=defaults[name], annotation=annotation)
            for name, annotation in fields.items()
        ]
    spread.sort(key=lambda it: it.name.startswith("max_"))

    def command(**given: Any) -> None:
        for name, bundle in held.items():
            given[name] = bundle(**{field: given.pop(field) for field in bundle._fields})
        function(**given)

    command.__name__, command.__doc__ = function.__name__, function.__doc__
    command.__signature__ = inspect.Signature(spread)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in spread}
    return command


def _value(word: str, source: str) -> str:
    """A word that follows the expression; a piece of an expression that the shell took apart is refused."""
    if "=" in word.strip("=") or word == "-" or word.startswith("@"):
        return word
    hint = "write x=1 without blanks, and quotes around an expression that has some"
    if len(source) == 2 and source.startswith("-"):
        hint = f"there is no option {source}, so it was read as the expression"
    raise UsageError(f"{word} gives no variable a value", hint=hint)


def _warn(result: "Result", color: str) -> None:
    reader = terminal.stderr(color)
    for notice in getattr(result, "warnings", ()):
        source = Source(result.source)  # type: ignore[union-attr]
        say(render_notice(notice, source, width=reader.width, colour=reader.colour))


def _refuse(result: "Result") -> None:
    bad = not_finite(result)
    if bad:
        more = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
        raise StrictError(f"not finite: {bad[0]}{more}", hint="diffcli trace shows the step where it arose")
