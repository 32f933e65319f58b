"""``diffcli hvp``: the Hessian times one tangent."""

from diffcli.bound import freed
from diffcli.calculus import value_grad_and_hvp
from diffcli.cli.notices import notices
from diffcli.cli.options import Ask, Show, Tangent, Wrt, names, tangent_of
from diffcli.report import result

EXAMPLES = """
diffcli hvp "x^2*y + sin(y)" --at x=1,y=2 --tangent x=1
diffcli hvp "sum(exp(w))*w[0]" "w=[1,2]" --tangent "w=[0,1]" --json
"""


def run(ask: Ask, show: Show, wrt: Wrt = None, tangent: Tangent = None) -> None:
    """The Hessian of a scalar output times the tangent u, forward over reverse; the Hessian is never formed."""
    program, at = ask.program()
    u = tangent_of(program, tangent)
    by = freed(program, u, names(wrt))
    value, gradient, product = value_grad_and_hvp(program, at, u, wrt=by)
    warnings = notices(program, at, "hvp", show, wrt=by, v=u)
    show(result.Hvp(program.source.text, at, value, gradient, u, product, warnings, label=program.outputs[0]))
