"""What to say about a text that does not parse: the place, what is wrong there, and one likely fix.

Imported only when there is something to complain about. The parser names the token at which it gave up; that
token, the one before it and the brackets still open tell nearly always what happened. The text is never
read as if it were right: every fix is a suggestion.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from diffcli.errors import ExpressionError, Span
from diffcli.language.complaints.characters import wrong_character
from diffcli.language.complaints.operands import where_an_operand_belongs
from diffcli.language.complaints.operators import after_an_operand
from diffcli.language.complaints.text import Text, short

if TYPE_CHECKING:
    from diffcli.language.syntax import Expression
    from diffcli.language.tokens import Tokens


def complaint(tokens: Tokens, at: int) -> ExpressionError:
    """The error for a text whose token number `at` fits nothing that the grammar allows there."""
    text = Text(tokens, at)
    kind = text.kinds[at]
    if kind == "WRONG":
        message, hint, span = wrong_character(text)
    elif text.after_operand:
        message, hint, span = after_an_operand(text, kind)
    else:
        message, hint, span = where_an_operand_belongs(text, kind)
    return ExpressionError(message, span, hint, code="syntax")


def not_assignable(text: str, left: Expression, equal: Span, value: Expression) -> ExpressionError:
    """The error for ``left = value`` where `left` is neither a name nor a function with its parameters."""
    from diffcli.language import syntax

    start, end = left.span
    target = text[start:end]
    right = text[value.span[0] : value.span[1]]
    if isinstance(left, syntax.Call):
        message = "a function is defined by plain parameter names"
        hint = f"write {short(left.name)}(a) = …, and use a on the right"
    elif isinstance(left, syntax.Index):
        message = "an element cannot be assigned"
        hint = "assign the whole array, such as a = [1, 2, 3]"
    elif isinstance(left, syntax.Name):
        message = "the name to assign stands in brackets"
        hint = f"write {short(left.name)} = {short(right)}"
    elif isinstance(value, syntax.Name):
        message = "what is assigned stands on the right of ="
        hint = f"write {short(value.name)} = {short(target)}"
    else:
        message = "only a name, or a function such as f(a), can stand on the left of ="
        hint = f"write {short(target)} == {short(right)} to compare"
        return ExpressionError(message, equal, hint, code="syntax")
    return ExpressionError(message, left.span, hint, code="syntax")
