"""Numbers as people give them, in doubles."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffcli.errors import UsageError


def numbers(value: ArrayLike, what: str, code: str) -> NDArray[np.float64]:
    """A number or an array of numbers as float64; `UsageError` for text, ragged lists, complex numbers and arrays of
    which some elements are masked.
    """
    mask = getattr(value, "mask", None)
    if isinstance(mask, np.ndarray | np.bool_) and mask.any():  # NumPy would take what is behind the mask
        raise UsageError(f"{what} is masked in places", hint="fill them first: array.filled(…)", code=code)
    try:
        array = np.asarray(value)
    except ValueError:  # ragged
        array = np.asarray(None)
    if array.dtype.kind not in "biuf":
        raise UsageError(f"{what} is not a number or an array of numbers", code=code)
    return array.astype(np.float64, copy=False)
