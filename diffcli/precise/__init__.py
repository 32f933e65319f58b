"""The same graph in arbitrary precision, by mpmath, which is imported on first use only.

`arithmetic` evaluates a graph once; `limits` asks it for values and derivatives at rising precision until two agree.
What that costs is reckoned beforehand and limited (`Allowance`).
"""

from __future__ import annotations

from diffcli.precise.arithmetic import SlowError, available, require
from diffcli.precise.limits import Exactly, to_double

__all__ = ["Exactly", "SlowError", "available", "require", "to_double"]
