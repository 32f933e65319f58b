"""Minimise a formula with SciPy, on gradients by diffcli.

    python samples/minimise.py

`diffcli.value_and_grad(f)` is a function of the point that returns the value and the gradient, which is just what
`scipy.optimize.minimize` asks for under `jac=True`. For comparison the same method runs without: SciPy then guesses
each gradient from differences, which takes one more evaluation for every variable and loses half the digits.
"""

from pathlib import Path

import numpy as np
from scipy.optimize import OptimizeResult, minimize

import diffcli

VALLEY = diffcli.parse((Path(__file__).parent / "rosenbrock.expr").read_text(encoding="utf-8"))


def by_gradient(start: np.ndarray) -> OptimizeResult:
    """The minimum of Rosenbrock's function, by diffcli's gradient."""
    return minimize(diffcli.value_and_grad(VALLEY), start, jac=True, method="BFGS", options={"gtol": 1e-10})


def by_differences(start: np.ndarray) -> OptimizeResult:
    """The same without a gradient."""
    return minimize(lambda x: diffcli.evaluate(VALLEY, x)["f"], start, method="BFGS")


def main() -> None:
    """Ten dimensions, from the starting point of SciPy's own tutorial, taken twice."""
    start = np.array([1.3, 0.7, 0.8, 1.9, 1.2] * 2)
    for title, found in (("gradient by diffcli", by_gradient(start)), ("differences by SciPy", by_differences(start))):
        error = np.max(np.abs(found.x - 1.0))
        print(f"{title:21} {found.nfev:5} evaluations, largest error of x {error:.1e}")


if __name__ == "__main__":
    main()
