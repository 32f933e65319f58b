"""``diffcli eval``: the values at a point."""

import diffcli
from diffcli.cli.many import Many
from diffcli.cli.notices import notices
from diffcli.cli.options import Ask, Show
from diffcli.cli.precisely import Precisely, precisely
from diffcli.report import result

EXAMPLES = """
diffcli eval "2^10"
diffcli eval "sqrt(x^2 + y^2)" --at x=3,y=4
diffcli eval polar.expr x=3 y=4 --json
diffcli eval "sin(x)*y" --at x=0:1:11,y=0:1:3
diffcli eval "exp(pi*sqrt(163))" --precise --digits 40
"""


def run(ask: Ask, many: Many, show: Show, precise: Precisely = False) -> None:
    """The value of an expression, or of every output of a file, at a point."""
    if many.wanted(ask, show, precise=precise):
        many.answer(ask, show, "eval")
        return
    program, at = ask.program()
    values = diffcli.evaluate(program, at)
    warnings = notices(program, at, "eval", show, precise=precise)
    more = precisely(precise, program, at, show, derivatives=False, warnings=warnings)
    show(result.Eval(program.source.text, at, values, warnings, more))
