"""``diffcli trace``: both passes of reverse mode, node by node."""

from typing import Annotated

import typer

import diffcli
from diffcli.cli.notices import notices
from diffcli.cli.options import Ask, Cotangent, Show, Wrt, names, point
from diffcli.report import result

EXAMPLES = """
diffcli trace "x1*x2 + sin(x1)" --at x1=2,x2=3
diffcli trace "log(x) + x*y" x=2 y=5 --explain
diffcli trace polar.expr x=3 y=4 --cotangent theta=1
"""

Explain = Annotated[bool, typer.Option("--explain", help="Say in words what each step of the two passes did.")]


def run(ask: Ask, show: Show, wrt: Wrt = None, cotangent: Cotangent = None, explain: Explain = False) -> None:
    """Every node of the graph: its value (read downwards), its local partials and its adjoint (read upwards)."""
    program, at = ask.program()
    trace = diffcli.trace(program, at, wrt=names(wrt), cotangent=point(cotangent, "--cotangent"))
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
            *((node.forward, node.reverse) if explain else ()),
        )
        for node in trace.nodes
    ]
    warnings = notices(program, at, "vjp", wrt=names(wrt), v=trace.seed)
    show(result.Trace(program.source.text, at, trace.values, trace.seed, nodes, warnings), explain=explain)
