"""What arbitrary precision may cost, reckoned beforehand: nothing runs away, on no machine."""

from __future__ import annotations

import time

from diffcli.graph import Node


class SlowError(Exception):
    """What was granted is used up."""


class Allowance:
    """How much a computation may cost, in seconds of an ordinary machine of 2020: `SlowError` is raised when it costs
    more.

    The cost of an operation is reckoned from its kind and the precision, so that what is found depends on neither the
    machine nor what else it does. The processor's time is looked at too, for what costs far more than it should.
    """

    #: How many times the seconds granted the processor's time may be.
    LAST_RESORT = 8.0

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.spent = 0.0
        self._end = time.process_time() + self.LAST_RESORT * seconds

    def spend(self, seconds: float) -> None:
        """Note of a cost; raises `SlowError` if that is more than is left."""
        self.spent += seconds
        if self.spent > self.seconds:
            raise SlowError
        self.watch()

    def affords(self, seconds: float) -> bool:
        """Whether so much may be spent and half of what was granted still be left for others."""
        return self.spent + seconds <= self.seconds / 2

    def watch(self) -> None:
        """Raise `SlowError` if it takes far longer than was reckoned."""
        if time.process_time() > self._end:
            raise SlowError


#: Of one size whatever the argument, but for its digits.
_PLAIN = frozenset({
    "add", "subtract", "multiply", "divide", "negate", "reciprocal", "square", "abs", "maximum", "minimum", "clip",
    "relu", "sign", "heaviside", "deg2rad", "rad2deg", "within", "floor", "ceil", "round", "trunc", "mod", "fmod",
    "where", "less", "less_equal", "greater", "greater_equal", "equal", "not_equal", "and", "or", "not", "number",
    "truth", "stop", "sqrt",
})  # fmt: skip
_EXPONENTIAL = frozenset({"logsumexp", "softmax", "log_softmax"})
_MATRICES = frozenset({"det", "logabsdet", "inv", "solve", "chol", "eigvalsh"})

#: What one number costs at 1,000 bits, in seconds, by the kind of the operation: what it costs at any, and what grows
#: like the precision to the power named.
PLAIN, SMOOTH, GAMMA = (2e-6, 1e-6, 1.6), (12e-6, 6e-5, 1.9), (2e-4, 1.3e-3, 2.0)
SERIES = (5e-5, 2e-4, 2.0)  # those for erf, on the average of arguments
SPECTRUM = (1.2e-5, 1e-5, 1.5)  # rotations until a matrix is diagonal, for each of the n³ numbers of a product
_COSTS = {
    **dict.fromkeys(("gamma", "lgamma", "digamma", "polygamma", "beta", "erfinv"), GAMMA),
    **dict.fromkeys(("erf", "erfc"), SERIES),
    "eigvalsh": SPECTRUM,
}


def cost(node: Node, precision: int) -> float:
    """What evaluating a node costs at a precision, in seconds."""
    size = max([node.size, *(arg.size for arg in node.args)])
    if node.op.name in _MATRICES:
        size = size**1.5
    elif node.op.name == "matmul":
        size = node.size * node.args[0].shape[-1]
    smooth = (node.op.kind == "elementwise" and node.op.name not in _PLAIN) or node.op.name in _EXPONENTIAL
    at_all, growing, power = _COSTS.get(node.op.name, SMOOTH if smooth else PLAIN)
    return float(size * (at_all + growing * (precision / 1000.0) ** power))
