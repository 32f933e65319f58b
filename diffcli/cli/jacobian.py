"""``diffcli jacobian``: every output by every input."""

from enum import StrEnum
from typing import Annotated

import typer

import diffcli
from diffcli.cli.many import Many
from diffcli.cli.notices import notices
from diffcli.cli.options import Ask, Show, Sparse, Wrt, entries, names
from diffcli.cli.precisely import Precisely, precisely
from diffcli.errors import UsageError
from diffcli.report import result

EXAMPLES = """
diffcli jacobian "[r*cos(t), r*sin(t)]" --at r=2,t=pi/6
diffcli jacobian polar.expr x=3 y=4 --wrt y,x
diffcli jacobian polar.expr x=3 y=4 -o jacobian.npy
diffcli jacobian polar.expr --points data.csv -o jacobians.npz
diffcli jacobian "x[1:] - x[:-1]^2" x=@x.npy --sparse -o jacobian.mtx
"""


class Mode(StrEnum):
    """The direction of the passes."""

    auto = "auto"
    forward = "forward"
    reverse = "reverse"


Direction = Annotated[Mode, typer.Option("--mode", help="The direction of the passes; auto takes the one with fewer.")]


def run(
    ask: Ask,
    many: Many,
    show: Show,
    wrt: Wrt = None,
    mode: Direction = Mode.auto,
    sparse: Sparse = False,
    precise: Precisely = False,
) -> None:
    """The Jacobian: a row for every output, a column for every input, in as few passes as its pattern allows."""
    if many.wanted(ask, show, precise=precise, sparse=sparse):
        many.answer(ask, show, "jacobian", wrt=names(wrt), mode=mode.value)
        return
    if sparse and precise:
        hint = "leave one of them out; --wrt makes the matrix smaller"
        raise UsageError("--precise gives every derivative, and --sparse asks for the entries alone", hint=hint)
    program, at = ask.program()
    found: diffcli.Jacobian | diffcli.SparseJacobian
    matrix: result.Matrix
    if sparse:
        found = diffcli.jacobian(program, at, wrt=names(wrt), mode=mode.value, sparse=True)
        matrix = entries(found.entries)
    else:
        found = diffcli.jacobian(program, at, wrt=names(wrt), mode=mode.value)
        matrix = found.matrix
    warnings = notices(program, at, "jacobian", show, wrt=names(wrt), precise=precise)
    more = precisely(precise, program, at, show, wrt=names(wrt), warnings=warnings)
    text, rows, columns = program.source.text, found.rows, found.columns
    show(result.Jacobian(text, at, found.values, rows, columns, matrix, found.mode, found.passes, warnings, more))
