"""``diffcli trace``: both passes of reverse mode, node by node."""

from enum import StrEnum
from typing import Annotated

import typer

import diffcli
from diffcli.bound import freed
from diffcli.cli.notices import notices
from diffcli.cli.options import Ask, Cotangent, Show, Tangent, Wrt, names, point
from diffcli.report import result

EXAMPLES = """
diffcli trace "x1*x2 + sin(x1)" --at x1=2,x2=3
diffcli trace "log(x) + x*y" x=2 y=5 --explain
diffcli trace "sin(x)*y" x=1 y=2 --mode forward --tangent y=1
diffcli trace polar.expr x=3 y=4 --cotangent theta=1
"""

Explain = Annotated[bool, typer.Option("--explain", help="Say in words what each step of the two passes did.")]


class Mode(StrEnum):
    """The direction that is shown."""

    reverse = "reverse"
    forward = "forward"


Direction = Annotated[
    Mode | None,
    typer.Option("--mode", show_default=False, help="Adjoints (reverse), or tangents beside the values (forward)."),
]


def run(
    ask: Ask,
    show: Show,
    wrt: Wrt = None,
    mode: Direction = None,
    cotangent: Cotangent = None,
    tangent: Tangent = None,
    explain: Explain = False,
) -> None:
    """Every node of the graph: its value (read downwards), its local partials and its adjoint (read upwards)."""
    program, at = ask.program()
    seeds = {
        "cotangent": point(cotangent, "--cotangent", program.outputs),
        "tangent": point(tangent, "--tangent", program.inputs),
    }
    direction = mode or (Mode.forward if tangent and not cotangent else Mode.reverse)
    by = freed(program, seeds["tangent"], names(wrt))
    trace = diffcli.trace(program, at, wrt=by, mode=direction.value, **seeds)
    nodes = [
        result.Node(
            node.id,
            node.expression,
            node.op,
            node.args,
            node.value,
            node.adjoint,
            node.partials,
            node.span,
            node.name,
            node.forward if explain else None,
            node.reverse if explain and direction is Mode.reverse else None,
            node.tangent,
        )
        for node in trace.nodes
    ]
    asked = "jvp" if direction is Mode.forward else "vjp"
    warnings = notices(program, at, asked, show, wrt=by, v=trace.seed)
    show(result.Trace(program.source.text, at, trace.values, trace.seed, nodes, warnings), explain=explain)
