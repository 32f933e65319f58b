"""Where `diffcli` starts, and the one place where errors end: `program` computes, `main` catches.

Nothing is imported here before it is needed; ``--version`` needs nothing at all.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

import diffcli
from diffcli.errors import DiffcliError, ExpressionError, OutputError

INTERRUPTED = 130
NOBODY_READS = 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (without the program's name; by default the process's own); return the exit code."""
    if argv is None:
        # A start makes no garbage worth collecting, and an end need not search what start-up made for any.
        gc.disable()
        try:
            code = _guarded(sys.argv[1:])
        finally:
            gc.freeze()
        if code:
            _leave(code)
        return code
    return _guarded(list(argv))


def program(words: list[str]) -> int:
    """Do what `words` ask for and return the exit code; errors are raised."""
    if words and words[0] in ("--version", "-V"):
        from diffcli.report.write import write

        write(f"diffcli {diffcli.__version__}\n")
        return 0
    from diffcli.cli.app import run

    return run(words)


def _leave(code: int) -> None:
    """End the process here and now if threads are left, as where a table was broken off.

    They may be at work in compiled code that comes back to ask for the interpreter, and it must not be half taken apart
    by then: Python would abort.
    """
    threading = sys.modules.get("threading")
    if threading is None or threading.active_count() == 1:
        return
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # closed, or gone
            stream.flush()
    os._exit(code)


def _guarded(words: list[str]) -> int:
    try:
        return program(words)
    except DiffcliError as error:
        return _report(error, words)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        from diffcli.report.write import abandon_stdout

        abandon_stdout()
        return NOBODY_READS
    except OSError as error:  # what reads and writes here raises DiffcliError; click prints a completion by itself
        from diffcli.report.write import abandon_stdout, reason

        abandon_stdout()
        return _report(OutputError(f"standard output could not be written: {reason(error)}"), words)
    except MemoryError:
        hint = "a point with fewer numbers takes less; so does a matrix by its entries, with --sparse"
        return _report(ExpressionError("there is not enough memory for this", hint=hint, code="limit"), words)
    except Exception as error:
        if os.environ.get("DIFFCLI_DEBUG"):
            raise
        what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        hint = "please report it, with this command line; DIFFCLI_DEBUG=1 shows the traceback"
        return _report(DiffcliError(f"a defect of diffcli: {what}", hint=hint), words)


def _report(error: DiffcliError, words: Sequence[str]) -> int:
    """Say what went wrong on standard error, as an object if the results would have been JSON."""
    from diffcli.report.write import say

    if wants_json(words):
        from diffcli.report.as_json import encode_error

        say(encode_error(error))
    else:
        from diffcli.report import terminal
        from diffcli.report.excerpt import render_error

        reader = terminal.stderr(_color(words))
        say(render_error(error, width=reader.width, colour=reader.colour))
    return error.exit_code


def wants_json(words: Sequence[str]) -> bool:
    """Whether the command line asks for JSON, even one that could not be read to its end."""
    form = _value_of("--format", words)
    return "--json" in words if form is None else form in ("json", "jsonl")


def _color(words: Sequence[str]) -> str:
    color = _value_of("--color", words)
    return color if color in ("always", "never") else "auto"


def _value_of(option: str, words: Sequence[str]) -> str | None:
    for i, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name == option:
            return value if equals else "".join(words[i + 1 : i + 2])
    return None
