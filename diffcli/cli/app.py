"""The typer application. A command's module is imported, and its options are built, only when it is the one called.

Contexts and formatters are click's, which some versions of typer bring with them and others import: hence `Any`.
"""

import os
import re
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from diffcli.cli.options import flattened
from diffcli.cli.words import arrange, pointed
from diffcli.errors import UsageError
from diffcli.language.suggest import closest
from diffcli.report import terminal
from diffcli.report.write import write

COMMANDS = ("eval", "grad", "jacobian", "hessian", "vjp", "jvp", "hvp", "trace", "diagnose", "check", "functions",
            "schema")  # fmt: skip

EXAMPLES = """
diffcli grad "sin(x)*y" --at x=1,y=2
diffcli jacobian "[r*cos(t), r*sin(t)]" r=2 t=pi/6
diffcli trace "x1*x2 + sin(x1)" x1=2 x2=3 --explain
diffcli grad model.expr --at @point.json --json | jq .gradient
diffcli grad model.expr --points data.csv --keep id -o gradients.csv
"""

_SETTINGS = {"help_option_names": ["-h", "--help"]}
_USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]


class Command(TyperCommand):
    """A command whose expression may start with a minus sign, and whose help opens with examples."""

    examples = ""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Sort the words into options and the rest before click reads them; answer ``--help``."""
        takes_value = {
            name: not getattr(option, "is_flag", True)
            for option in self.get_params(ctx)
            if option.param_type_name == "option"
            for name in option.opts
        }
        try:
            options, rest = arrange(ctx.command_path, args, takes_value)
        except UsageError:
            if ctx.resilient_parsing:  # a shell asks how half a command line may go on
                return super().parse_args(ctx, args)
            raise
        if sum(word.partition("=")[0] == "--points" for word in options) > 1 and not ctx.resilient_parsing:
            raise UsageError("--points is given twice", hint="a run takes one table, or a stream of several")
        if not ctx.resilient_parsing and not {"-h", "--help"}.isdisjoint(options):
            _show_help(ctx)
        return super().parse_args(ctx, [*options, "--", *rest])

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Examples, then what the command does, then its options."""
        _write_examples(formatter, self.examples)
        super().format_help(ctx, formatter)


class Commands(TyperGroup):
    """The commands by name, each built when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Every command, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name, or None."""
        return build(cmd_name) if cmd_name in COMMANDS else None

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Answer a bare ``diffcli`` and ``--help``; refuse an unknown command or option with a suggestion."""
        if ctx.resilient_parsing:
            return super().parse_args(ctx, args)
        if not args or args[0] in ("-h", "--help"):
            _show_help(ctx)
        known = {name for option in self.get_params(ctx) for name in option.opts}
        if args[0] not in COMMANDS and args[0].partition("=")[0] not in known:
            raise _unknown(args)
        return super().parse_args(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Examples, then the commands."""
        _write_examples(formatter, EXAMPLES)
        super().format_help(ctx, formatter)


def run(words: list[str]) -> int:
    """Run the command line `words`; what typer refuses is raised as a UsageError."""
    group = build_group()
    try:
        if "_DIFFCLI_COMPLETE" in os.environ:
            group(prog_name="diffcli")
        with group.make_context("diffcli", list(words)) as ctx:
            group.invoke(ctx)
    except typer.Exit as finished:
        return finished.exit_code
    except SystemExit as finished:
        return finished.code if isinstance(finished.code, int) else 0
    except _USAGE_ERROR as error:
        raise _translated(error) from error
    return 0


def build_group() -> Any:
    """The application as a click group."""
    app = typer.Typer(cls=Commands, rich_markup_mode=None, context_settings=_SETTINGS, subcommand_metavar="COMMAND …")
    app.callback()(_top)
    return typer.main.get_command(app)


def build(name: str) -> Any:
    """The command of that name as a click command."""
    module = import_module(f"diffcli.cli.{name}")
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    summary = (module.__doc__ or "").partition(": ")[2]
    app.command(name, cls=Command, context_settings=_SETTINGS, short_help=summary)(flattened(module.run))
    command: Any = typer.main.get_command(app)
    command.examples = module.EXAMPLES
    return command


def _top(
    version: Annotated[bool, typer.Option("--version", "-V", help="Print the version and exit.")] = False,
) -> None:
    """Differentiate formulas at a point: values, gradients, Jacobians, and every step of the reverse pass."""


def _write_examples(formatter: Any, examples: str) -> None:
    formatter.write("Examples:\n" + "".join(f"  {line}\n" for line in examples.strip().splitlines()) + "\n")


def _show_help(ctx: Any) -> None:
    text = ctx.get_help()
    if terminal.stdout().colour:
        text = re.sub(r"^(\S[^:\n]*:)", "\x1b[1m\\1\x1b[0m", text, flags=re.MULTILINE)
    write(text + "\n")
    raise typer.Exit(0)


def _unknown(words: list[str]) -> UsageError:
    word = words[0]
    if word.startswith("--") and word[2:3].isalpha():
        called = next((name for name in words if name in COMMANDS), None)
        hint = f"options come after the command: diffcli {called or 'grad'} … {word}"
        return pointed(f"there is no option {word} before the command", hint, "diffcli", words, 0)
    near = closest(word, COMMANDS)
    hint = f"did you mean {near}?" if near else f"the commands are {', '.join(COMMANDS)}"
    return pointed(f"{word} is no command", hint, "diffcli", words, 0)


def _translated(error: Exception) -> UsageError:
    """A complaint of click's in this program's voice."""
    message = error.format_message().rstrip(".")  # type: ignore[attr-defined]
    message = re.sub(r"is not a valid int(eger)?( range)?$", "is no whole number", message)
    choices = getattr(getattr(getattr(error, "param", None), "type", None), "choices", ())
    given = re.search(r"'([^']*)' is not one of", message)
    near = closest(given[1], [getattr(choice, "value", choice) for choice in choices]) if given else None
    ctx = getattr(error, "ctx", None)
    hint = f"did you mean {near}?" if near else f"see {ctx.command_path} --help" if ctx else None
    return UsageError(message[:1].lower() + message[1:], hint=hint)
