"""Characters that begin no token: signs of other languages, digits and marks from elsewhere."""

from __future__ import annotations

import re
import unicodedata

from diffcli.errors import Span
from diffcli.language.complaints.text import LONGEST_QUOTE, Text, Words, short

# Characters that people type or paste, and what they should write.
INSTEAD = {
    "!": "not", "~": "not", "¬": "not", "∧": "and", "∨": "or",
    "≤": "<=", "≥": ">=", "≠": "!=", "≈": "==", "≡": "==", "∞": "inf",
    "–": "-", "—": "-", "‐": "-", "‑": "-", "∗": "*", "⋅": "*", "∙": "*", "•": "*", "⨯": "*", "✕": "*",
    "∕": "/", "⁄": "/", "’": "'", "‘": "'", "′": "'", "ᵀ": "'", "⊤": "'", "≔": "=", "←": "=",
    "∑": "sum( )", "∏": "prod( )", "√": "sqrt( )", "∛": "cbrt( )",
}  # fmt: skip

MODULES = {"np", "numpy", "math", "Math", "cmath", "jnp", "jax", "torch", "tf", "sp", "sympy", "scipy", "mp"}


def wrong_character(text: Text) -> Words:
    """A character that begins no token."""
    start, _ = span = text.spans[text.at]
    letter = text.text[start]
    rest = text.text[start + 1 :]
    previous = text.text[max(start - 1, 0) : start]
    what = (
        f"{letter} ({_code(letter)})" if letter.isprintable() else f"a character that cannot be seen ({_code(letter)})"
    )
    operand = re.match(r"\s*(\w+(\([^()]*\))?|\([^()]*\))", rest)
    argument = short(operand[0].strip()) if operand else "x"
    bare = argument[1:-1] if argument.startswith("(") else argument

    if letter in "&|" and rest.startswith(letter):
        span = (start, start + 2)
    if letter == "&":
        return f"{text.text[span[0] : span[1]]} is no operator", "write and", span
    if letter == "|":
        if text.after_operand:
            return f"{text.text[span[0] : span[1]]} is no operator", "write or", span
        inside = re.match(r"([^|\n]+)\|", rest)
        return "| is no bracket", f"write abs({short(inside[1]) if inside else 'x'})", span
    if letter == "!" and text.after_operand:
        return "! is no operator", f"write gamma({text.left_operand()} + 1) for a factorial", span
    if letter in "!~¬":
        return f"{letter} is no operator", f"write not {argument}", span
    if letter in "√∛":
        return f"{letter} is no operator", f"write {'sqrt' if letter == '√' else 'cbrt'}({bare})", span
    if letter in '"`“”„«»':
        inside = re.match(r"\w+", rest)
        return (
            "there are no texts, only numbers",
            f"write {inside[0] if inside else 'a name'} without quotes",
            span,
        )
    if letter == ".":
        return _dot(text, rest, span)
    if letter == "{":
        inside = re.match(r"([^{}\n]*)\}", rest)
        return "{ is no bracket here", f"write ({short(inside[1]) if inside else '…'})", span
    if letter == "}":
        return "} is no bracket here", "write )", span
    if letter == "\\":
        word = re.match(r"[A-Za-z]+", rest)
        if word:
            return "\\ begins nothing here", f"write {word[0]} without \\", span
        return "\\ begins nothing here", "to go on in the next line, put the whole in brackets", span
    if letter == "$":
        return "$ is no part of a name", "remove it", span
    if letter == "?":
        return "? is no operator", "write a if c else b", span
    if letter == "ᵀ" or letter in INSTEAD:
        return f"{what} is no sign of this language", f"write {INSTEAD[letter]}", span
    return _unicode(text, letter, what, previous, span)


def _dot(text: Text, rest: str, span: Span) -> Words:
    sign = rest[:1]
    if sign and sign in "*/^'":
        return "operators work on every element without a dot", f"write {sign}", (span[0], span[0] + 2)
    member = re.match(r"[^\W\d]\w*", rest)
    if text.before == "NAME" and member:
        owner = text.word(text.at - 1)
        if owner in MODULES:
            return "functions stand by themselves", f"write {member[0]} without {owner}.", span
        if member[0] == "T" and not rest[1:].startswith("("):
            return "a transpose is written '", f"write {owner}'", span
        if rest[member.end() :].startswith("("):
            return "there are no methods", f"write {member[0]}({owner})", span
        if re.fullmatch(r"[\w./\\~-]+", text.text):
            return ". is no part of a name", f"write @{text.text} to read a file", span
        return ". is no part of a name", f"write {owner}_{member[0]}, or {owner}*{member[0]}", span
    return ". belongs to a number", "write a digit beside it, such as 0.5", span


def _unicode(text: Text, letter: str, what: str, previous: str, span: Span) -> Words:
    """A character from elsewhere: digits that are not ASCII, powers, fractions, marks, spaces."""
    start = span[0]
    category = unicodedata.category(letter)
    plain = unicodedata.normalize("NFKC", letter).replace("−", "-").replace("⁄", "/")
    compatible = unicodedata.decomposition(letter).split(" ")[0]
    if compatible in ("<super>", "<sub>"):
        end = start
        while unicodedata.decomposition(text.text[end : end + 1] or " ").startswith(compatible):
            end += 1
        digits = unicodedata.normalize("NFKC", text.text[start:end]).replace("−", "-")
        if digits.isascii():
            base = text.word(text.at - 1) if text.after_operand else "x"
            join = "^" if compatible == "<super>" else ""
            return (
                f"{what} is no part of a name",
                f"write {base if len(base) < LONGEST_QUOTE else '…'}{join}{digits}",
                (start, end),
            )
    if category == "Nd":
        run = re.match(r"\d+", text.text[start:])
        digits = "".join(str(unicodedata.digit(digit)) for digit in run[0]) if run else plain
        return f"{what} is no ASCII digit", f"write {short(digits)}", (start, start + len(digits))
    if compatible == "<fraction>" and plain.isascii():
        return f"{what} is no number here", f"write ({plain})", span
    if category == "Zs":
        return f"a space of an unusual kind ({_code(letter)})", "write a plain space", span
    if category in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
        return f"a character that cannot be seen ({_code(letter)})", "remove it", span
    if category in ("Mn", "Mc", "Me"):
        name = text.word(text.at - 1) if text.before == "NAME" and span[0] == text.spans[text.at - 1][1] else "x"
        return (
            f"a mark that joins no letter of its own ({_code(letter)})",
            f"write {short(name)}_ for another name",
            span,
        )
    if plain != letter and plain.isascii() and plain.isprintable():
        return f"{what} is no sign of this language", f"write {plain.strip()}", span
    if previous and text.before == "NAME" and span[0] == text.spans[text.at - 1][1]:
        return f"{what} is no letter", "write names of letters, digits and _", span
    return f"{what} is no sign of this language", "remove it, or write its name in letters", span


def _code(letter: str) -> str:
    name = unicodedata.name(letter, "")
    return f"U+{ord(letter):04X}" + (f" {name}" if name else "")
