"""``diffcli jvp``: the pushforward of one tangent."""

import diffcli
from diffcli.cli.many import Many
from diffcli.cli.notices import notices
from diffcli.cli.options import Ask, Show, Tangent, tangent_of
from diffcli.report import result

EXAMPLES = """
diffcli jvp polar.expr --at x=3,y=4 --tangent x=1,y=0
diffcli jvp "[x*y, x+y]" x=2 y=3 --tangent "x=1, y=-1"
diffcli jvp polar.expr --points data.csv --tangent x=1 --json
"""


def run(ask: Ask, many: Many, show: Show, tangent: Tangent = None) -> None:
    """The Jacobian times the tangent u, in one forward pass: how the outputs move when the inputs move along u."""
    if many.wanted(ask, show, seed=tangent):
        many.answer(ask, show, "jvp", seed=lambda program: tangent_of(program, tangent))
        return
    program, at = ask.program()
    u = tangent_of(program, tangent)
    push = diffcli.linearize(program, at, wrt=tuple(u))
    products = push(u)
    warnings = notices(program, at, "jvp", show, wrt=tuple(u), v=u)
    show(result.Jvp(program.source.text, at, push.values, u, products, warnings))
