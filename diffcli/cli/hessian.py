"""``diffcli hessian``: the second derivatives of a scalar output."""

import diffcli
from diffcli.cli.many import Many
from diffcli.cli.notices import notices
from diffcli.cli.options import Ask, Show, Sparse, Wrt, entries, names
from diffcli.report import result

EXAMPLES = """
diffcli hessian "x^2*y + sin(y)" --at x=1,y=2
diffcli hessian "(1 - x)^2 + 100*(y - x^2)^2" x=1 y=1 --json
diffcli hessian "sum((x[1:] - x[:-1]^2)^2)" x=@x.npy --sparse -o hessian.npz
diffcli hessian "x^2*y + sin(y)" --points data.csv -o hessians.npz
"""


def run(ask: Ask, many: Many, show: Show, wrt: Wrt = None, sparse: Sparse = False) -> None:
    """The Hessian of a scalar output with its value and gradient: forward passes over the reverse one."""
    if many.wanted(ask, show, sparse=sparse):
        many.answer(ask, show, "hessian", wrt=names(wrt))
        return
    program, at = ask.program()
    found: diffcli.Hessian | diffcli.SparseHessian
    matrix: result.Matrix
    if sparse:
        found = diffcli.hessian(program, at, wrt=names(wrt), sparse=True)
        matrix = entries(found.entries)
    else:
        found = diffcli.hessian(program, at, wrt=names(wrt))
        matrix = found.matrix
    warnings = notices(program, at, "hessian", show, wrt=names(wrt))
    first = (program.source.text, at, found.value, found.gradient)
    show(result.Hessian(*first, found.columns, matrix, warnings, label=program.outputs[0], sweeps=found.passes))
