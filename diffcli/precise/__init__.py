"""The same graph in arbitrary precision, by mpmath, which is imported on first use only.

`graphs` evaluates a graph by the operations of `scalars` and `arrays`; `leaps` says where limits of arguments mislead.
`evaluations` does so at and near a point, at rising precision until two agree, `infinity` where inputs are infinite;
`limits` finds what values and derivatives go to, `along` derivatives along a line, `orders` higher ones, and `rounded`
their digits. What that costs is reckoned beforehand and limited (`allowance`).
"""

from __future__ import annotations

from diffcli.precise.allowance import SlowError
from diffcli.precise.along import Along
from diffcli.precise.arithmetic import available, require
from diffcli.precise.limits import Exactly, Partial, to_double

__all__ = ["Along", "Exactly", "Partial", "SlowError", "available", "require", "to_double"]
