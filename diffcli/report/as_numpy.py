"""NumPy's own files: ``.npy`` holds the main array, ``.npz`` everything by name (``f``, ``d_x``, ``jacobian``)."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from diffcli.errors import UsageError
from diffcli.report.result import Entries, Eval, Grad, Hessian, Hvp, Jacobian, Jvp, Vjp

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from diffcli.report.result import Result, Values


def npy(result: Result) -> bytes:
    """The main array: the value, the gradient in one line, the Jacobian's matrix."""
    out = io.BytesIO()
    np.save(out, _main(result), allow_pickle=False)
    return out.getvalue()


def npz(result: Result) -> bytes:
    """Outputs by name and derivatives as ``d_x``, in their shapes; a Jacobian with its labels.

    A sparse matrix as ``scipy.sparse.load_npz`` reads it: ``row``, ``col``, ``data``, ``shape`` and ``format``.
    """
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:  # np.savez cannot take an array that is called `file`
        for name, value in _named(result).items():
            with archive.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, np.asarray(value), allow_pickle=False)
    return out.getvalue()


def _main(result: Result) -> NDArray[np.float64]:
    match result:
        case Eval():
            (first, *others) = result.values.values()
            return _flat(result.values) if others else np.asarray(first, dtype=np.float64)
        case Grad():
            return _flat(result.gradient) if result.derivatives is None else np.array(result.derivatives)
        case Jacobian():
            return _whole(result.jacobian)
        case Hessian():
            return _whole(result.hessian)
        case Vjp():
            return _flat(result.vjp)
        case Jvp():
            return _flat(result.jvp)
        case Hvp():
            return _flat(result.hvp)
        case _:
            raise _no_arrays(result)


def _named(result: Result) -> Mapping[str, ArrayLike]:
    match result:
        case Eval():
            return result.values
        case Grad():
            (name, *_) = result.gradient or [""]
            higher = {f"d{k}_{name}": value for k, value in enumerate(result.derivatives or ()) if k > 1}
            return {result.label: result.value, **_derivatives(result.gradient), **higher}
        case Jacobian(jacobian=Entries() as entries) | Hessian(hessian=Entries() as entries):
            return _sparse(entries)
        case Hessian():
            first = {result.label: result.value, **_derivatives(result.gradient)}
            return {**first, "hessian": _whole(result.hessian), "columns": np.array(result.columns)}
        case Jvp():
            return {**result.values, **{f"dot_{name}": value for name, value in result.jvp.items()}}
        case Hvp():
            first = {result.label: result.value, **_derivatives(result.gradient)}
            return {**first, **{f"hvp_{name}": value for name, value in result.hvp.items()}}
        case Jacobian():
            return {
                **result.values,
                "jacobian": _whole(result.jacobian),
                "rows": np.array(result.rows),
                "columns": np.array(result.columns),
            }
        case Vjp():
            return {**result.values, **_derivatives(result.vjp)}
        case _:
            raise _no_arrays(result)


def _whole(matrix: NDArray[np.float64] | Entries) -> NDArray[np.float64]:
    if isinstance(matrix, Entries):
        raise UsageError("npy holds whole arrays, not entries", hint="write npz or mtx")
    return matrix


def _sparse(entries: Entries) -> dict[str, ArrayLike]:
    return {
        "row": entries.row,
        "col": entries.col,
        "data": entries.data,
        "shape": np.array(entries.shape),
        "format": np.array(entries.format.encode()),
    }


def _derivatives(values: Values) -> dict[str, ArrayLike]:
    return {f"d_{name}": value for name, value in values.items()}


def _flat(values: Values) -> NDArray[np.float64]:
    return np.concatenate([np.ravel(value) for value in values.values()]) if values else np.empty(0)


def _no_arrays(result: Result) -> UsageError:
    return UsageError(f"{type(result).__name__.lower()} has no array to write", hint="use --format json")
