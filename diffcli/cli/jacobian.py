"""``diffcli jacobian``: every output by every input."""

import diffcli
from diffcli.cli.notices import notices
from diffcli.cli.options import Ask, Show, Wrt, names
from diffcli.report import result

EXAMPLES = """
diffcli jacobian "[r*cos(t), r*sin(t)]" --at r=2,t=pi/6
diffcli jacobian polar.expr x=3 y=4 --wrt y,x
diffcli jacobian polar.expr x=3 y=4 -o jacobian.npy
"""


def run(ask: Ask, show: Show, wrt: Wrt = None) -> None:
    """The Jacobian: a row for every output, a column for every input."""
    program, at = ask.program()
    jacobian = diffcli.jacobian(program, at, wrt=names(wrt))
    show(
        result.Jacobian(
            program.source.text,
            at,
            jacobian.values,
            jacobian.rows,
            jacobian.columns,
            jacobian.matrix,
            jacobian.mode,
            jacobian.passes,
            notices(program, at, "jacobian", wrt=names(wrt)),
        )
    )
