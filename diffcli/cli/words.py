"""Telling options from expressions, which may start with a minus sign too.

An option is a word that *is* one of the command's short options, or that reads ``--letters`` or ``--letters=value``;
a misspelt one is then an unknown option and never a formula. Everything else (``-x^2``, ``-1``, ``--2``, ``-(a)``) is
an expression or a piece of a point, and so is every word after ``--``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from diffcli.errors import Source, UsageError
from diffcli.language.suggest import closest

_LONG = re.compile(r"--[A-Za-z][A-Za-z-]*(?==|$)")


class Arranged(NamedTuple):
    """The words of a command, options with their values apart from the rest."""

    options: list[str]
    rest: list[str]


def arrange(command: str, words: Sequence[str], takes_value: Mapping[str, bool]) -> Arranged:
    """Part `words`, those after `command`, into options and the rest; both keep their order.

    `takes_value` says of every option whether a value follows it. Raises UsageError for an unknown option and for
    one without its value.
    """
    options: list[str] = []
    rest: list[str] = []
    i = 0
    while i < len(words):
        word = words[i]
        i += 1
        if word == "--":
            rest += words[i:]
            break
        long = _LONG.match(word)
        name = long[0] if long else word
        if name not in takes_value:
            if long or (rest and re.fullmatch(r"-[A-Za-z]", word)):
                raise _unknown(command, words, i - 1, name, takes_value)
            rest.append(word)
            continue
        if word != name and not takes_value[name]:
            raise pointed(f"{name} takes no value", f"write {name}", command, words, i - 1)
        options.append(word)
        if takes_value[name] and "=" not in word:
            if i == len(words) or words[i] in takes_value:
                raise pointed(f"{name} needs a value", f"see {command} --help", command, words, i - 1)
            options.append(words[i])
            i += 1
    return Arranged(options, rest)


def pointed(message: str, hint: str, command: str, words: Sequence[str], index: int) -> UsageError:
    """An error about the word at `index`, which is underlined in the command line as a shell would read it."""
    import shlex

    before = " ".join([command, *map(shlex.quote, words[:index])]) + " "
    shown = shlex.quote(words[index])
    text = " ".join([before.rstrip(), shown, *map(shlex.quote, words[index + 1 :])])
    return UsageError(message, (len(before), len(before) + len(shown)), hint, source=Source(text, "command line"))


def _unknown(command: str, words: Sequence[str], index: int, name: str, takes_value: Mapping[str, bool]) -> UsageError:
    near = closest(name, [option for option in takes_value if option.startswith("--")])
    hint = f"did you mean {near}?" if near else f"see {command} --help; an expression goes in parentheses, or after --"
    return pointed(f"there is no option {name}", hint, command, words, index)
