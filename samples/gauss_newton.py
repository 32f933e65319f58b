"""Fit a curve by the Gauss-Newton method, on Jacobians by diffcli.

    python samples/gauss_newton.py

The problem is Misra1a of NIST's Statistical Reference Datasets, whose answer is certified to eleven digits; the
iteration below finds all of them. What least squares need is the Jacobian J of the residuals r: where r is
nearly linear, the best step solves the linear problem min ‖J·step + r‖. The same J at the solution gives the
standard deviations of the fitted parameters, as the square roots of the diagonal of s²·(JᵀJ)⁻¹.
"""

from pathlib import Path

import numpy as np

import diffcli

DATA = Path(__file__).parent / "data" / "misra1a.csv"
CERTIFIED = {"b1": 2.3894212918e02, "b2": 5.5015643181e-04}

RESIDUALS = diffcli.parse("""
    input b1, b2
    param x, y                          # data: no columns of the Jacobian
    r = b1*(1 - exp(-b2*x)) - y
""")


def fit(start: dict[str, float], data: dict[str, np.ndarray], steps: int = 20) -> tuple[np.ndarray, np.ndarray, float]:
    """The parameters, their standard deviations and the residual sum of squares, from NIST's `start`."""
    b = np.array(list(start.values()))
    for i in range(steps):
        jacobian = diffcli.jacobian(RESIDUALS, {**dict(zip(start, b, strict=True)), **data})
        r = jacobian.values["r"]
        print(f"{i:2}  {r @ r:.11e}  " + "  ".join(f"{each:.11e}" for each in b))
        step, *_ = np.linalg.lstsq(jacobian.matrix, -r)
        b = b + step
        if np.all(np.abs(step) <= 1e-14 * np.abs(b)):
            break
    variance = r @ r / (len(r) - len(b))
    deviations = np.sqrt(variance * np.diag(np.linalg.inv(jacobian.matrix.T @ jacobian.matrix)))
    return b, deviations, float(r @ r)


def main() -> None:
    """Fit from the first of NIST's two starting points, and compare."""
    y, x = np.loadtxt(DATA, delimiter=",", skiprows=3, unpack=True)
    print(" i  sum of squares     b1                 b2")
    b, deviations, _ = fit({"b1": 500.0, "b2": 0.0001}, {"x": x, "y": y})
    print()
    for name, value, deviation in zip(CERTIFIED, b, deviations, strict=True):
        print(f"{name} = {value:.10e} ± {deviation:.10e}   certified {CERTIFIED[name]:.10e}")


if __name__ == "__main__":
    main()
