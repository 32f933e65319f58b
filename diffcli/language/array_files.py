"""One array from a file: ``.npy``, ``.npz`` or ``.csv``. Imported only when a value names one."""

from __future__ import annotations

import re
from math import isinf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffcli.errors import UsageError
from diffcli.language.source import read_text, short, unreadable
from diffcli.language.suggest import closest

Array = NDArray[np.float64]


def read_array(path: str, name: str) -> Array:
    """The array in a ``.npy``, ``.npz`` or ``.csv`` file; `name` is that of the value, for hints. Raises UsageError."""
    archive = re.fullmatch(r"(.*\.npz)(?::(.*))?", path, re.DOTALL)
    if archive:
        return _from_numpy(archive[1], archive[2], name)
    if path.endswith(".npy"):
        return _from_numpy(path, None, name)
    if path.endswith(".csv"):
        return _from_csv(read_text(path), path)
    whole = path.endswith(".json")
    hint = f"write @{short(path)} for a whole point" if whole else "save it as .npy or .csv"
    raise UsageError("only .npy, .npz and .csv files hold one array", hint=hint, code="point")


def _from_numpy(path: str, key: str | None, name: str) -> Array:
    """The array in a ``.npy`` file, or the array `key` of a ``.npz`` one. Pickled objects are never read."""
    try:
        # NumPy leaves a damaged file open when it opens it itself.
        file = open(path, "rb")  # noqa: SIM115
    except OSError as error:
        raise unreadable(path, error) from None
    with file:
        try:
            loaded = np.load(file, allow_pickle=False)
            if not isinstance(loaded, np.lib.npyio.NpzFile):
                return _real(loaded, path)
            with loaded as archive:
                key = _chosen(list(archive.files), path, key, name)
                return _real(archive[key], f"{path}:{key}")
        except UsageError:
            raise
        except Exception as error:  # a damaged file can raise anything: ValueError, EOFError, BadZipFile, …
            raise _not_numpy(path, error) from None


def _chosen(keys: list[str], path: str, key: str | None, name: str) -> str:
    """Which of an archive's arrays is meant."""
    if key is None and len(keys) == 1:
        return keys[0]
    if key is not None and key in keys:
        return key
    if not keys:
        raise UsageError(f"{path} holds no array", hint="save one by numpy.savez", code="file")
    listed = ", ".join(short(each) for each in keys[:8]) + (", …" if len(keys) > 8 else "")
    what = "holds several arrays:" if key is None else f"has no array {short(key)}; it has"
    pick = (closest(key, keys) if key else None) or keys[0]
    raise UsageError(f"{path} {what} {listed}", hint=f"write {name}=@{path}:{short(pick)}", code="file")


def _not_numpy(path: str, error: Exception) -> UsageError:
    if "Object arrays" in str(error):
        message = f"{path} holds pickled objects, which are not read: they can run any program"
        return UsageError(message, hint="save numbers: numpy.save(path, array.astype(float))", code="file")
    return UsageError(f"{path} is no NumPy file, or is damaged", hint="save it by numpy.save", code="file")


def _real(array: Any, path: str) -> Array:
    """`array` as doubles; refused where that would drop something."""
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiub":
        what = "complex numbers" if getattr(array, "dtype", None) and array.dtype.kind == "c" else "no numbers"
        raise UsageError(f"{path} holds {what}", hint="save an array of real numbers", code="file")
    return np.ascontiguousarray(array, dtype=np.float64).reshape(array.shape)


def _from_csv(text: str, path: str) -> Array:
    """Numbers separated by commas, below a header if there is one: a row or column is a vector."""
    rows: list[list[float]] = []
    header = False
    width = 0
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        cells = line.split(",")
        row = [_cell(cell) for cell in cells]
        wrong = next((place for place, value in enumerate(row) if value is None), None)
        if wrong is not None:
            if not rows and not header:
                header, width = True, len(cells)
                continue
            shown = short(cells[wrong].strip())
            what = f'"{shown}" is no number' if shown else "a cell is empty"
            hint = "write numbers with a point, separated by commas" if shown else "write NaN for a missing value"
            raise UsageError(f"{path}, line {number}, column {wrong + 1}: {what}", hint=hint, code="file")
        if (rows or header) and len(row) != width:
            message = f"{path}, line {number}: {len(row)} cells where the line before has {width}"
            raise UsageError(message, hint="give all lines one length", code="file")
        width = len(row)
        rows.append([value for value in row if value is not None])
    if not rows:
        raise UsageError(f"{path} holds no numbers", hint="write one row of numbers a line", code="file")
    array = np.array(rows, dtype=np.float64)
    return array.reshape(-1) if 1 in array.shape else array


def _cell(cell: str) -> float | None:
    """The number in a cell of CSV; None if there is none."""
    cell = cell.strip().strip('"')
    if not cell.isascii() or "_" in cell:
        return None
    try:
        value = float(cell)
    except ValueError:
        return None
    # An infinity is spelled; a number too large for a double is none.
    return None if isinf(value) and any(map(str.isdigit, cell)) else value
