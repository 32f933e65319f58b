"""MatrixMarket, the exchange format of NIST: a header, the sizes, a line an entry; rows and columns count from 1.

A sparse matrix is written by its entries (``coordinate``), a whole one column by column (``array``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from diffcli.errors import UsageError
from diffcli.report.result import Entries, Hessian, Jacobian

if TYPE_CHECKING:
    from diffcli.report.result import Result


def render(result: Result) -> str:
    """The matrix of `result`; raises UsageError where there is none."""
    match result:
        case Jacobian():
            matrix = result.jacobian
        case Hessian():
            matrix = result.hessian
        case _:
            raise UsageError(f"{type(result).__name__.lower()} has no matrix to write", hint="use --format json")
    kind = "coordinate" if isinstance(matrix, Entries) else "array"
    head = f"%%MatrixMarket matrix {kind} real general\n"
    if not isinstance(matrix, Entries):
        m, n = matrix.shape
        return head + f"{m} {n}\n" + "".join(f"{value!r}\n" for value in matrix.T.ravel().tolist())
    m, n = matrix.shape
    entries = zip((matrix.row + 1).tolist(), (matrix.col + 1).tolist(), matrix.data.tolist(), strict=True)
    return head + f"{m} {n} {len(matrix.data)}\n" + "".join(f"{i} {j} {value!r}\n" for i, j, value in entries)
