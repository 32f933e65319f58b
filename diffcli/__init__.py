"""Differentiate formulas at a point.

    >>> import diffcli
    >>> f = diffcli.parse("sin(x)*y")
    >>> diffcli.grad(f, {"x": 1, "y": 2})
    {'x': 1.0806046117362795, 'y': 0.8414709848078965}

The names below are loaded when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from diffcli.batching.arrays import Batch, batch
    from diffcli.calculus import (
        Pullback,
        Pushforward,
        evaluate,
        grad,
        hessian,
        hvp,
        jacobian,
        jvp,
        linearize,
        value_and_grad,
        vjp,
    )
    from diffcli.errors import DiffcliError, ExpressionError, UsageError
    from diffcli.higher import derivatives, taylor
    from diffcli.language.program import Program, parse
    from diffcli.matrices import Coordinates, Hessian, Jacobian, SparseHessian, SparseJacobian
    from diffcli.tracing import Trace, TraceNode, trace

_HOMES = {
    "Batch": "diffcli.batching.arrays",
    "Coordinates": "diffcli.matrices",
    "DiffcliError": "diffcli.errors",
    "ExpressionError": "diffcli.errors",
    "Hessian": "diffcli.matrices",
    "Jacobian": "diffcli.matrices",
    "Program": "diffcli.language.program",
    "Pullback": "diffcli.calculus",
    "Pushforward": "diffcli.calculus",
    "SparseHessian": "diffcli.matrices",
    "SparseJacobian": "diffcli.matrices",
    "Trace": "diffcli.tracing",
    "TraceNode": "diffcli.tracing",
    "UsageError": "diffcli.errors",
    "batch": "diffcli.batching.arrays",
    "derivatives": "diffcli.higher",
    "evaluate": "diffcli.calculus",
    "grad": "diffcli.calculus",
    "hessian": "diffcli.calculus",
    "hvp": "diffcli.calculus",
    "jacobian": "diffcli.calculus",
    "jvp": "diffcli.calculus",
    "linearize": "diffcli.calculus",
    "parse": "diffcli.language.program",
    "taylor": "diffcli.higher",
    "trace": "diffcli.tracing",
    "value_and_grad": "diffcli.calculus",
    "vjp": "diffcli.calculus",
}

__all__ = [
    "Batch",
    "Coordinates",
    "DiffcliError",
    "ExpressionError",
    "Hessian",
    "Jacobian",
    "Program",
    "Pullback",
    "Pushforward",
    "SparseHessian",
    "SparseJacobian",
    "Trace",
    "TraceNode",
    "UsageError",
    "batch",
    "derivatives",
    "evaluate",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "linearize",
    "parse",
    "taylor",
    "trace",
    "value_and_grad",
    "vjp",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'diffcli' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
