"""``diffcli diagnose``: the whole story of one point."""

from diffcli.cli.options import Ask, Show, Wrt, names
from diffcli.report import result

EXAMPLES = """
diffcli diagnose "log(exp(x) + exp(y))" --at x=1000,y=1000
diffcli diagnose "(1 - cos(x))/x^2" x=1e-8
diffcli diagnose model.expr --at @point.json --json
"""


def run(ask: Ask, show: Show, wrt: Wrt = None) -> None:
    """Where and why a value or derivative is not to be trusted, what it really is, and what to write instead."""
    from diffcli.diagnosis.story import diagnose

    program, at = ask.program()
    story = diagnose(program, at, wrt=names(wrt))
    findings = [result.Notice(*finding) for finding in story.findings]
    better = [result.Better(*each) for each in story.rewrites]
    losses = [result.Loss(*each) for each in story.losses]
    show(
        result.Diagnose(
            program.source.text, at, story.values, findings, better, story.rows, story.columns, story.conditions, losses
        )
    )
