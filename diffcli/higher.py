"""Derivatives of any order of a function of one variable, by truncated Taylor series.

Nested derivatives of a graph grow with every order. Series do not: for y = g(x) the coefficients follow from those of
the local partial p = ∂y/∂x, since y′ = p·x′ means

    k·y_k = Σ_{j=1..k} j·x_j·p_{k−j}

and p is a node like any other, made by the rule that both modes use: cos for sin, y itself for exp. So the table is
all that is needed, and a coefficient of order k costs k products a node.
(Griewank and Walther, Evaluating Derivatives, 2nd edition, 2008, chapter 13.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from diffcli.bound import Array, Differentiable, Point, bind_number
from diffcli.errors import UsageError
from diffcli.graph import CONSTANT, INPUT, Node

#: A coefficient, with the batch on the last axis; None is a structural zero.
_Coefficient: TypeAlias = "Array | None"
_Need: TypeAlias = tuple[Node, int]
#: What the inputs that stand for derivatives are called; no variable's name has a colon.
_RATE = "rate:"


def taylor(f: Differentiable, at: Point | ArrayLike, order: int, *, wrt: Sequence[str] | None = None) -> Array:
    """The coefficients c₀ … c_order of t ↦ f(x + t) = Σ cₖ·tᵏ.

    `wrt` names the one variable, where f has several. Raises `UsageError` unless f gives one number and the variable
    is one.
    """
    bound = bind_number(f, at, wrt)
    (output,) = bound.function.outputs
    if output.shape != ():
        raise UsageError(
            f"{bound.function.names[0]} has the shape {output.shape}, and only a number has higher derivatives here",
            hint="reduce it to a number: sum(…), x[0]",
            code="not-scalar",
        )
    if not hasattr(order, "__index__") or order < 0:
        raise UsageError(f"there is no derivative of order {order}", code="order")
    if len(bound.wrt) != 1 or bound.wrt[0].shape != ():
        named = ", ".join(node.params[0] for node in bound.wrt) or "none"
        raise UsageError(
            f"higher derivatives are those by one number, not by {named}",
            hint="name it: --wrt x",
            code="order",
        )
    series = _Series(bound.wrt[0], bound.at)
    found = [series.coefficient(output, k) for k in range(order + 1)]
    return np.array([0.0 if c is None else float(c[0]) for c in found])


def derivatives(f: Differentiable, at: Point | ArrayLike, order: int, *, wrt: Sequence[str] | None = None) -> Array:
    """f(x), f′(x), …, up to the derivative of that order; see `taylor`."""
    coefficients = taylor(f, at, order, wrt=wrt)
    return np.array([_times_factorial(float(c), k) for k, c in enumerate(coefficients)])


def _times_factorial(c: float, k: int) -> float:
    """c·k!, rounded once: k! alone is beyond doubles from 171 on."""
    if c == 0.0 or not math.isfinite(c):
        return c
    top, bottom = c.as_integer_ratio()
    try:
        return top * math.factorial(k) / bottom
    except OverflowError:
        return math.copysign(math.inf, c)


class _Series:
    """The series of nodes in one variable, worked out as far as they are asked for."""

    def __init__(self, variable: Node, at: dict[Node, Array]) -> None:
        self.variable = variable
        self.at = at
        self.known: dict[Node, list[_Coefficient]] = {}
        self.moving = {variable}
        self.seen = variable.index + 1
        self.rates: dict[Node, Node] = {}  # the input that stands for a node's derivative, and the node
        self.rules: dict[Node, Node | list[tuple[Node, Node | float, Node | None]] | None] = {}

    def coefficient(self, node: Node, k: int) -> _Coefficient:
        """The coefficient of order k of a node, and before it all that it needs."""
        waiting: list[_Need] = [(node, k)]
        while waiting:
            here, order = waiting[-1]
            row = self.known.setdefault(here, [])
            if len(row) > order:
                waiting.pop()
                continue
            needs = [(here, order - 1)] if len(row) < order else self._needs(here, order)
            missing = [(each, upto) for each, upto in needs if len(self.known.get(each, ())) <= upto]
            if missing:
                waiting.extend(missing)
                continue
            waiting.pop()
            with np.errstate(all="ignore"):
                row.append(self._compute(here, order))
        return self.known[node][k]

    def _moves(self, node: Node) -> bool:
        for each in node.builder.nodes[self.seen :]:
            # The graph keeps the rates of an earlier series, and what was built on them.
            if any(arg in self.moving for arg in each.args) or (each.op is INPUT and each.params[0].startswith(_RATE)):
                self.moving.add(each)
        self.seen = len(node.builder.nodes)
        return node in self.moving

    def _needs(self, node: Node, k: int) -> list[_Need]:
        if node in self.rates:
            return [(self.rates[node], k + 1)]
        if node.op is INPUT or node.op is CONSTANT or (k and not self._moves(node)):
            return []
        if k == 0:
            return [(arg, 0) for arg in node.args]
        rule = self._rule(node)
        if rule is None:
            return []
        if isinstance(rule, Node):
            return [(rule, k - 1)]
        needs = [(arg, k) for arg, _, _ in rule]
        needs += [(partial, k - 1) for _, partial, _ in rule if isinstance(partial, Node)]
        return needs + [(condition, 0) for _, _, condition in rule if condition is not None]

    def _compute(self, node: Node, k: int) -> _Coefficient:
        if node in self.rates:
            above = self.known[self.rates[node]][k + 1]
            return None if above is None else above * (k + 1.0)
        if node is self.variable:
            return (self.at[node], np.ones(1))[k] if k < 2 else None
        if k == 0:
            return self._value(node)
        if node.op is INPUT or node.op is CONSTANT or not self._moves(node):
            return None
        rule = self._rule(node)
        if rule is None:
            return None
        if isinstance(rule, Node):
            rate = self.known[rule][k - 1]
            return None if rate is None else rate / k
        if node.op.name == "multiply" or node.op.name == "square":
            a, b = self.known[node.args[0]], self.known[node.args[-1]]
            return _sum([_times(a[j], b[k - j]) for j in range(k + 1) if j < len(a) and k - j < len(b)])
        terms: list[_Coefficient] = []
        for arg, partial, condition in rule:
            x = self.known[arg]
            if isinstance(partial, Node):
                p = self.known[partial]
                term = _sum([_times(x[j], p[k - j], float(j)) for j in range(1, k + 1)])
                term = None if term is None else term / k
            else:
                top = x[k]
                term = None if top is None else top * partial
            if term is not None and condition is not None:
                chosen = self.known[condition][0]
                term = np.where(chosen, term, 0.0)  # type: ignore[arg-type]
            terms.append(term)
        return _sum(terms)

    def _value(self, node: Node) -> Array:
        if node.op is INPUT:
            return self.at[node]
        if node.op is CONSTANT:
            value: Array = node.params[0][..., np.newaxis]
            return value
        zero = np.zeros(1)
        args = []
        for arg in node.args:
            found = self.known[arg][0]
            args.append(np.broadcast_to(zero, (*arg.shape, 1)) if found is None else found)
        return np.asarray(node.op.apply(*map(np.ascontiguousarray, args), *node.params))

    def _rule(self, node: Node) -> Node | list[tuple[Node, Node | float, Node | None]] | None:
        """What a node's series follows from: for elementwise ones (argument, partial, when it is looked at), else the
        node of the derivative, from inputs that stand for the arguments' derivatives.
        """
        if node not in self.rules:
            self.rules[node] = self._elementwise(node) if node.op.kind == "elementwise" else self._general(node)
        return self.rules[node]

    def _elementwise(self, node: Node) -> list[tuple[Node, Node | float, Node | None]]:
        rule = []
        for i, (arg, make) in enumerate(zip(node.args, node.op.partials, strict=True)):
            partial = make(node, *node.args) if make is not None and self._moves(arg) else None
            if partial is None:
                continue
            if isinstance(partial, Node):
                partial = node.builder.number(partial)
            condition = node.op.uses[i] if node.op.uses else None
            rule.append((arg, partial, None if condition is None else condition(node)))
        return rule

    def _general(self, node: Node) -> Node | None:
        rates: list[Node | None] = []
        for arg in node.args:
            if not self._moves(arg):
                rates.append(None)
                continue
            rate = node.builder.input(f"{_RATE}{arg.index}", arg.shape)
            self.rates[rate] = arg
            self.moving.add(rate)
            rates.append(rate)
        return node.op.pushforward(node, rates)


def _times(a: _Coefficient, b: _Coefficient, factor: float = 1.0) -> _Coefficient:
    if a is None or b is None:
        return None
    return a * b if factor == 1.0 else factor * a * b


def _sum(terms: Sequence[_Coefficient]) -> _Coefficient:
    total: _Coefficient = None
    for term in terms:
        if term is not None:
            total = term if total is None else total + term
    return total
