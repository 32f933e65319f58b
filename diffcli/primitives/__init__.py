"""The table of primitives: one entry says all there is to know about a function.

Importing this package fills `diffcli.graph.TABLE` (operations) and `FUNCTIONS` (what people call by name).
"""

from __future__ import annotations

from diffcli.primitives import elementwise, linalg, piecewise, reductions, special, structure
from diffcli.primitives.catalogue import FUNCTIONS, Callee, FunctionDoc, catalogue

__all__ = [
    "FUNCTIONS",
    "Callee",
    "FunctionDoc",
    "catalogue",
    "elementwise",
    "linalg",
    "piecewise",
    "reductions",
    "special",
    "structure",
]
