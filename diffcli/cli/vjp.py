"""``diffcli vjp``: the pullback of one cotangent."""

import numpy as np

import diffcli
from diffcli.cli.many import Many
from diffcli.cli.notices import notices
from diffcli.cli.options import Ask, Cotangent, Show, Wrt, cotangent_of, names
from diffcli.report import result

EXAMPLES = """
diffcli vjp polar.expr --at x=3,y=4 --cotangent r=1,theta=0
diffcli vjp "[x*y, x+y]" x=2 y=3 --cotangent "f=[1, -1]"
diffcli vjp polar.expr --points data.csv --cotangent r=1 --json
"""


def run(ask: Ask, many: Many, show: Show, wrt: Wrt = None, cotangent: Cotangent = None) -> None:
    """The vector-Jacobian product: the transposed Jacobian times the cotangent v, in one reverse pass."""
    if many.wanted(ask, show, seed=cotangent):
        many.answer(ask, show, "vjp", wrt=names(wrt), seed=lambda program: cotangent_of(program, cotangent))
        return
    program, at = ask.program()
    pullback = diffcli.vjp(program, at, wrt=names(wrt))
    v = cotangent_of(program, cotangent)
    nothing = {name: np.zeros(np.shape(value)) if np.ndim(value) else 0.0 for name, value in pullback.values.items()}
    whole = {**nothing, **v}
    products = pullback(v)
    warnings = notices(program, at, "vjp", show, wrt=names(wrt), v=whole)
    show(result.Vjp(program.source.text, at, pullback.values, whole, products, warnings))
