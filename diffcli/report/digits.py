"""Many numbers as text by pyarrow, where it is installed: several times as fast as by Python, and the same digits.

Both give the shortest text that reads back to the same double. They spell it alike between 1e-4 and 1e10, as 0.1 or
12.5; elsewhere Python's spelling counts.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: So few numbers in all are read or printed sooner than pyarrow is imported, and so few at a time sooner than it is
#: asked.
WORTH_IMPORTING = 1 << 17
WORTH_ASKING = 1 << 11
#: How many numbers are printed in one go.
AT_ONCE = 1 << 20

_absent = False
_asked = 0


def arrow(count: int) -> Any:
    """The package `pyarrow` where it is installed, and worth asking for `count` numbers, or worth loading for them and
    all that there were before; else None.
    """
    global _absent, _asked
    _asked += count
    if _absent or count < WORTH_ASKING or ("pyarrow.csv" not in sys.modules and _asked < WORTH_IMPORTING):
        return None
    try:
        import pyarrow
        import pyarrow.compute
        import pyarrow.csv
    except ImportError:
        _absent = True
        return None
    return pyarrow


def plain(flat: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The numbers that pyarrow and Python spell alike, but for the .0 of whole ones."""
    size = abs(flat)
    found: NDArray[np.bool_] = (size < 1e10) & ((size >= 1e-4) | (size == 0))
    return found


def strings(
    package: Any,
    flat: NDArray[np.float64],
    odd: NDArray[np.bool_],
    spell: Callable[[NDArray[np.float64]], Sequence[str]],
) -> Any:
    """pyarrow's array of the texts of some numbers; those that are `odd` are spelled by `spell`."""
    found = package.compute.cast(package.array(flat), package.string())
    if odd.any():
        found = package.compute.replace_with_mask(found, package.array(odd), package.array(spell(flat[odd])))
    return found


def nested(array: NDArray[np.float64], special: Callable[[float], str]) -> str | None:
    """An array of finite numbers and others as Python prints its nested lists, but for what `special` gives for those
    that are not finite; None if there is no pyarrow, or too little for it.
    """
    package = arrow(array.size)
    if package is None or array.ndim == 0:
        return None
    from concurrent.futures import ThreadPoolExecutor

    rows = max(1, AT_ONCE // max(1, array.size // len(array)))
    parts = [array[i : i + rows] for i in range(0, len(array), rows)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # pyarrow lets go of the interpreter
        pieces = pool.map(lambda part: _nested(package, part, special), parts)
        return f"[{', '.join(pieces)}]"


def _nested(package: Any, array: NDArray[np.float64], special: Callable[[float], str]) -> str:
    """The members of an array, without the brackets around them."""
    import numpy as np

    compute = package.compute
    flat = np.ascontiguousarray(array).reshape(-1)
    zero = (flat == 0) & ~np.signbit(flat)
    with np.errstate(invalid="ignore"):
        whole = np.floor(flat) == flat
    odd = ~zero & ~(plain(flat) & ~whole)
    found = strings(package, flat, odd, lambda some: list(map(special, some.tolist())))
    if zero.any():
        found = compute.if_else(package.array(zero), "0.0", found)
    for n in reversed(array.shape[1:]):
        found = _joined(package, found, n)
        found = compute.binary_join_element_wise("[", found, "]", "")
    return _joined(package, found, len(array))[0].as_py()  # type: ignore[no-any-return]


def _joined(package: Any, texts: Any, n: int) -> Any:
    """Every n texts as one."""
    import numpy as np

    ends = np.arange(0, len(texts) + 1, n, dtype=np.int32)
    return package.compute.binary_join(package.ListArray.from_arrays(package.array(ends), texts), ", ")
