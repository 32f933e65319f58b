"""The table of primitives: one entry says all there is to know about a function.

Importing this package fills `diffcli.graph.TABLE` (operations) and `FUNCTIONS` (what people call by name).
"""

from __future__ import annotations

# In the order in which `diffcli functions` lists what they define.
from diffcli.primitives import arithmetic, powers, exponentials, trigonometry, hyperbolic  # isort: skip
from diffcli.primitives import building, products, linalg, piecewise, reductions  # isort: skip
from diffcli.primitives import sums_of_exponentials, sorting  # isort: skip
from diffcli.primitives import error_functions, gamma_family, beta_function  # isort: skip
from diffcli.primitives.catalogue import FUNCTIONS, Callee, FunctionDoc, catalogue

__all__ = [
    "FUNCTIONS",
    "Callee",
    "FunctionDoc",
    "arithmetic",
    "beta_function",
    "building",
    "catalogue",
    "error_functions",
    "exponentials",
    "gamma_family",
    "hyperbolic",
    "linalg",
    "piecewise",
    "powers",
    "products",
    "reductions",
    "sorting",
    "sums_of_exponentials",
    "trigonometry",
]
