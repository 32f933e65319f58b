"""A node as people would write it: the graph back in the language, one operation or as much as fits."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from diffcli.graph import CONSTANT, INPUT, Node

#: Longer operands are written as a reference to their node, so that n nodes take n lines and not n² characters.
LONGEST = 80

_ATOM, _POWER, _SIGN, _PRODUCT, _SUM, _COMPARE, _NOT, _AND, _OR = range(9)
_OPERATORS = {
    "add": ("+", _SUM),
    "subtract": ("-", _SUM),
    "multiply": ("*", _PRODUCT),
    "divide": ("/", _PRODUCT),
    "mod": ("%", _PRODUCT),
    "matmul": ("@", _PRODUCT),
    "power": ("^", _POWER),
    "less": ("<", _COMPARE),
    "less_equal": ("<=", _COMPARE),
    "greater": (">", _COMPARE),
    "greater_equal": (">=", _COMPARE),
    "equal": ("==", _COMPARE),
    "not_equal": ("!=", _COMPARE),
    "and": ("and", _AND),
    "or": ("or", _OR),
}
#: Operations that the language leaves unsaid.
_SILENT = {"broadcast", "number", "truth"}

#: Doubles that have a name.
_CONSTANTS = {math.pi: "pi", math.tau: "tau", math.e: "e"}
#: What goes along an axis, which the language names; of a vector it is left unsaid.
_ALONG = frozenset({
    "softmax", "log_softmax", "logsumexp", "norm", "max", "min", "mean", "sort", "cumsum",
})  # fmt: skip


class Spelling:
    """Writes the nodes of one graph. Named nodes appear by name, long operands by reference."""

    def __init__(self, labels: Mapping[Node, str], reference: Callable[[Node], str], longest: int = LONGEST) -> None:
        self._labels = labels
        self._reference = reference
        self._longest = longest
        self._written: dict[Node, tuple[str, int]] = {}

    def of(self, node: Node) -> str:
        """The whole expression of a node; its arguments must have been written before, or be few."""
        return self._write(node)[0]

    def called(self, node: Node) -> str:
        """A node by its name, where it has one, else its expression."""
        return self._labels.get(node) or self.of(node)

    def step(self, node: Node, called: Callable[[Node], str]) -> str:
        """One operation on its arguments, which are `called` by name."""
        return _compose(node, [(called(arg), _ATOM) for arg in node.args])[0]

    def _write(self, node: Node) -> tuple[str, int]:
        pending = [node]
        while pending:
            here = pending[-1]
            missing = [arg for arg in here.args if arg not in self._written]
            if missing:
                pending.extend(missing)
                continue
            pending.pop()
            self._written[here] = _compose(here, [self._operand(arg) for arg in here.args])
        return self._written[node]

    def _operand(self, node: Node) -> tuple[str, int]:
        if node in self._labels:
            return self._labels[node], _ATOM
        text, level = self._written[node]
        return (text, level) if len(text) <= self._longest else (self._reference(node), _ATOM)


def _compose(node: Node, args: list[tuple[str, int]]) -> tuple[str, int]:
    name = node.op.name
    if node.op is INPUT:
        return str(node.params[0]), _ATOM
    if node.op is CONSTANT:
        return _number(node.params[0])
    if name in _OPERATORS and len(args) == 2:
        sign, level = _OPERATORS[name]
        left = _inside(args[0], level - (level in (_POWER, _COMPARE)))  # x^y^z and x < y < z group otherwise
        right = _inside(args[1], level - (name != "power")) if name != "power" else _inside(args[1], _SIGN)
        return f"{left}{sign if name in ('power', 'multiply', 'divide') else f' {sign} '}{right}", level
    if name in _SILENT:
        return args[0]
    special = _special(node, args)
    if special is not None:
        return special
    inside = [text for text, _ in args] + [_parameter(p) for p in node.params]
    return f"{name}({', '.join(inside)})", _ATOM


def _special(node: Node, args: list[tuple[str, int]]) -> tuple[str, int] | None:
    """Operations with a spelling of their own."""
    match node.op.name:
        case "negate":
            return f"-{_inside(args[0], _PRODUCT - 1)}", _SIGN
        case "square":
            return f"{_inside(args[0], _ATOM)}^2", _POWER
        case "reciprocal":
            return f"1/{_inside(args[0], _SIGN)}", _PRODUCT
        case "not":
            return f"not {_inside(args[0], _NOT)}", _NOT
        case "maximum":
            return f"max({args[0][0]}, {args[1][0]})", _ATOM
        case "minimum":
            return f"min({args[0][0]}, {args[1][0]})", _ATOM
        case "index":
            keys = ", ".join(_key(key) for key in node.params[0])
            return f"{_inside(args[0], _ATOM)}[{keys}]", _ATOM
        case "stack":
            return f"[{', '.join(text for text, _ in args)}]", _ATOM
        case "transpose" if len(node.shape) == 2:
            return f"{_inside(args[0], _ATOM)}'", _ATOM
        case name if name in _ALONG and not any(node.params[1:]):
            axis = "" if len(node.args[0].shape) == 1 else f", axis={node.params[0]}"
            return f"{name}({args[0][0]}{axis})", _ATOM
        case "sum":
            shape = node.params[0]
            return f"sum({args[0][0]})" if shape == () else f"sum({args[0][0]} to {shape})", _ATOM
    return None


def _inside(part: tuple[str, int], loosest: int) -> str:
    text, level = part
    return text if level <= loosest else f"({text})"


def _key(key: int | tuple[int | None, int | None, int]) -> str:
    if isinstance(key, tuple):
        start, stop, step = key
        text = f"{'' if start in (0, None) and step > 0 else start}:{'' if stop is None else stop}"
        return text if step == 1 else f"{text}:{step}"
    return str(key)


def _parameter(parameter: Any) -> str:
    if isinstance(parameter, tuple):
        return str(list(parameter)).replace("(", "[").replace(")", "]")
    return str(parameter)


def _number(array: Any) -> tuple[str, int]:
    if array.ndim == 0:
        text = _CONSTANTS.get(float(array)) or _shortest(float(array))
        return text, (_SIGN if text.startswith("-") else _ATOM)
    if not 0 < array.size <= 8:
        return f"an array of shape {array.shape}", _ATOM
    texts = [_shortest(value) for value in array.flat]
    for extent in reversed(array.shape):
        texts = [f"[{', '.join(texts[i : i + extent])}]" for i in range(0, len(texts), extent)]
    return texts[0], _ATOM


def _shortest(value: float) -> str:
    """The shortest text that reads back to the same double."""
    return repr(float(value)).removesuffix(".0")
