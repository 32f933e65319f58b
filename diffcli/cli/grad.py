"""``diffcli grad``: a scalar output and its gradient."""

import diffcli
from diffcli.cli.notices import notices
from diffcli.cli.options import Ask, Show, Wrt, names
from diffcli.report import result

EXAMPLES = """
diffcli grad "sin(x)*y" --at x=1,y=2
diffcli grad "-x^2 + y" x=3 y=1 --wrt y,x
diffcli grad "sum((A@x - b)^2)" --at A=@A.npy,b=@b.csv --at "x=[0,0,0]" --wrt x
diffcli grad loss.expr --at @weights.json --json | jq .gradient
"""


def run(ask: Ask, show: Show, wrt: Wrt = None) -> None:
    """The value and the gradient of a scalar output, in one reverse pass."""
    program, at = ask.program()
    value, gradient = diffcli.value_and_grad(program, at, wrt=names(wrt))
    warnings = notices(program, at, "grad", wrt=names(wrt))
    show(result.Grad(program.source.text, at, value, gradient, warnings, label=program.outputs[0]))
