"""``diffcli grad``: a scalar output and its gradient."""

from typing import Annotated

import typer

import diffcli
from diffcli.cli.many import Many
from diffcli.cli.notices import notices, of_orders
from diffcli.cli.options import Ask, Show, Wrt, names
from diffcli.cli.precisely import Precisely, precisely
from diffcli.report import result

EXAMPLES = """
diffcli grad "sin(x)*y" --at x=1,y=2
diffcli grad "-x^2 + y" x=3 y=1 --wrt y,x
diffcli grad "sum((A@x - b)^2)" --at A=@A.npy,b=@b.csv --at "x=[0,0,0]" --wrt x
diffcli grad "exp(x)*sin(x)" x=1 --order 3
diffcli grad "sin(x)*y" --points data.csv --keep id -o gradients.csv
diffcli grad loss.expr --at @weights.json --json | jq .gradient
"""


Order = Annotated[
    int | None,
    typer.Option(
        "--order", metavar="N", min=1, show_default=False, help="f, f', f'', … up to the N-th, by one number."
    ),
]


def run(ask: Ask, many: Many, show: Show, wrt: Wrt = None, order: Order = None, precise: Precisely = False) -> None:
    """The value and the gradient of a scalar output, in one reverse pass."""
    if many.wanted(ask, show, precise=precise, order=order):
        many.answer(ask, show, "grad", wrt=names(wrt))
        return
    program, at = ask.program()
    higher = None if order is None else diffcli.derivatives(program, at, order, wrt=names(wrt)).tolist()
    value, gradient = diffcli.value_and_grad(program, at, wrt=names(wrt))
    warnings = notices(program, at, "grad", show, wrt=names(wrt), precise=precise)
    if higher is not None:
        warnings += of_orders(program, at, higher, show, wrt=names(wrt), precise=precise)
    more = precisely(precise, program, at, show, wrt=names(wrt), order=order, warnings=warnings)
    show(result.Grad(program.source.text, at, value, gradient, higher, warnings, program.outputs[0], more))
