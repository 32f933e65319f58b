"""``diffcli check``: the derivative against an independent one."""

import math

from diffcli.cli.options import Ask, Show, Wrt, names
from diffcli.errors import DisagreementError
from diffcli.report import result

EXAMPLES = """
diffcli check "sin(x)*exp(-x^2)" --at x=1
diffcli check "abs(x)" x=0
diffcli check polar.expr x=3 y=4 --json
"""


def run(ask: Ask, show: Show, wrt: Wrt = None) -> None:
    """Every derivative beside an independent one, with a verdict; exit code 5 if one disagrees."""
    from diffcli.check import check

    program, at = ask.program()
    found = check(program, at, wrt=names(wrt))
    rows = [result.Component(*each) for each in found.components]
    show(result.Check(program.source.text, at, found.values, found.method, found.agrees, rows))
    if not found.agrees:
        first = next(each for each in rows if each.verdict == "disagrees")
        raise DisagreementError(
            f"d{first.row}/d{first.column} is {first.derivative:g}, and {_said(first)}",
            hint="diffcli diagnose says where the two part",
        )


def _said(component: result.Component) -> str:
    if component.left is not None and component.right is not None:
        return f"differences say {component.left:g} on the left and {component.right:g} on the right"
    if component.reference is None or math.isnan(component.reference):
        return "differences find none"
    return f"differences say {component.reference:g}"
