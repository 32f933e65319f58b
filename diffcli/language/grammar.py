"""From the grammar to the tables that the parser runs on.

`grammar/diffcli.lark` defines the language. Lark turns it into an LALR(1) automaton, which takes longer than
most commands run, so the outcome is kept as plain literals in `tables.py`, with the digest of the grammar it
came from. Where that digest is not the grammar's (someone is editing it), the tables are built anew; only
then is Lark imported.

    python -m diffcli.language.grammar      renews tables.py
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path

from diffcli.language.automaton import ACCEPT, END, Tables


def grammar_text() -> str:
    """The text of the grammar: the package's own copy if there is one, else the checkout's."""
    package = Path(__file__).parents[1]
    for folder in (package / "grammar", package.parent / "grammar"):
        try:
            return (folder / "diffcli.lark").read_text(encoding="utf-8")
        except OSError:
            continue
    raise FileNotFoundError("diffcli.lark is neither in the package nor in the checkout")


def digest(text: str) -> str:
    """What tells one text of the grammar from another."""
    return sha256(text.encode()).hexdigest()[:16]


def build(text: str) -> Tables:
    """The tables of the grammar `text`, by Lark."""
    from lark import Lark
    from lark.grammar import Rule, Symbol
    from lark.lexer import BasicLexer, PatternStr, TerminalDef

    parser = Lark(text, parser="lalr", lexer="basic", maybe_placeholders=False)
    data, memo = parser.memo_serialize([TerminalDef, Rule])
    automaton = data["parser"]["parser"]
    symbols: dict[int, str] = automaton["tokens"]

    # Lark numbers the states in the order of a set, so we number them in the order in which they are met:
    # the same grammar then gives the same tables, byte for byte.
    numbers = {automaton["start_states"]["start"]: 0}
    queue = list(numbers)
    for state in queue:
        shifts = [(symbols[key], to) for key, (kind, to) in automaton["states"][state].items() if kind == 0]
        for _, target in sorted(shifts):
            if target not in numbers:
                numbers[target] = len(numbers)
                queue.append(target)

    rule_numbers: dict[tuple[str, tuple[str, ...]], int] = {}
    rules: list[tuple[str, int, str]] = []
    for rule in parser.rules:
        expansion: Sequence[Symbol] = rule.expansion
        if not rule.alias and not (rule.options.expand1 and len(expansion) == 1):
            raise ValueError(f"an alternative of {rule.origin.name} names no action")
        rule_numbers[rule.origin.name, tuple(symbol.name for symbol in expansion)] = len(rules)
        rules.append((str(rule.origin.name), len(expansion), str(rule.alias or "")))

    def entry(kind: int, target: int | dict[str, int]) -> int:
        if isinstance(target, int):
            return numbers[target]
        rule = memo[target["@"]]
        key = (rule["origin"]["name"], tuple(symbol["name"] for symbol in rule["expansion"]))
        return -1 - rule_numbers[key]

    states = [
        dict(sorted((symbols[key], entry(*action)) for key, action in automaton["states"][state].items()))
        for state in queue
    ]
    states[numbers[automaton["end_states"]["start"]]] = {END: ACCEPT}

    terminals: list[TerminalDef] = list(BasicLexer(parser.lexer_conf).terminals)  # in order of trial
    name = next(terminal for terminal in terminals if terminal.name == "NAME")
    is_name = re.compile(name.pattern.to_regexp()).fullmatch
    keywords = {
        terminal.pattern.value: terminal.name
        for terminal in sorted(terminals, key=lambda terminal: terminal.name)
        if isinstance(terminal.pattern, PatternStr) and is_name(terminal.pattern.value)
    }
    return Tables(
        digest=digest(text),
        pattern="|".join(
            f"(?P<{terminal.name}>{terminal.pattern.to_regexp()})"
            for terminal in terminals
            if terminal.pattern.value not in keywords
        ),
        ignored=frozenset(parser.ignore_tokens),
        keywords=keywords,
        rules=tuple(rules),
        states=tuple(states),
    )


@cache
def load() -> Tables:
    """The language's tables: the prebuilt ones if they are those of the grammar, else new ones."""
    text = grammar_text()
    try:
        from diffcli.language.tables import TABLES
    except (ImportError, SyntaxError):
        return build(text)
    return TABLES if TABLES.digest == digest(text) else build(text)


def module(tables: Tables) -> str:
    """`tables.py`: the source of a module that holds `tables` as literals."""
    rules = "".join(f"        {rule!r},\n" for rule in tables.rules)
    states = "".join(f"        {state!r},\n" for state in tables.states)
    return f'''"""The automaton of grammar/diffcli.lark, written by `python -m diffcli.language.grammar`."""

# ruff: noqa
from diffcli.language.automaton import Tables

TABLES = Tables(
    digest={tables.digest!r},
    pattern={tables.pattern!a},
    ignored=frozenset({sorted(tables.ignored)!r}),
    keywords={tables.keywords!r},
    rules=(
{rules}    ),
    states=(
{states}    ),
)
'''


if __name__ == "__main__":
    Path(__file__).with_name("tables.py").write_text(module(build(grammar_text())), encoding="utf-8")
