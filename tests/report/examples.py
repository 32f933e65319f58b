"""One result of every kind, small enough to check by eye."""

from __future__ import annotations

import numpy as np

from diffcli.report.result import (
    Entries,
    Entry,
    Eval,
    Functions,
    Grad,
    Hessian,
    Hvp,
    Jacobian,
    Jvp,
    Node,
    Notice,
    Trace,
    Vjp,
)

THETA = 0.9272952180016122
AT = {"x": np.array(3.0), "y": np.array(4.0)}
POLAR = {"r": 5.0, "theta": THETA}

EVAL = Eval("r = …", AT, POLAR)
GRAD = Grad(
    "sum(w)*x",
    {"x": np.array(2.0), "w": np.array([1.0, -2.5])},
    -3.0,
    {"x": -1.5, "w": np.array([2.0, 2.0])},
)
ORDERS = Grad("x^3", {"x": np.array(2.0)}, 8.0, {"x": 12.0}, [8.0, 12.0, 12.0, 6.0, 0.0])
JACOBIAN = Jacobian("r = …", AT, POLAR, ("r", "theta"), ("x", "y"), np.array([[0.6, 0.8], [-0.16, 0.12]]), "reverse", 2)
VJP = Vjp("r = …", AT, POLAR, {"r": 1.0, "theta": 0.0}, {"x": 0.6, "y": 0.8})
JVP = Jvp("r = …", AT, POLAR, {"x": 1.0}, {"r": 0.6, "theta": -0.16})
SQUARE = {"x": np.array(1.0), "y": np.array(2.0)}
HVP = Hvp("x^2*y", SQUARE, 2.0, {"x": 4.0, "y": 1.0}, {"x": 1.0}, {"x": 4.0, "y": 2.0})
HESSIAN = Hessian("x^2*y", SQUARE, 2.0, {"x": 4.0, "y": 1.0}, ("x", "y"), np.array([[4.0, 2.0], [2.0, 0.0]]), sweeps=2)
ENTRIES = Entries("coo", (2, 3), np.array([0, 0, 1]), np.array([0, 2, 1]), np.array([0.5, -1.0, np.inf]))
THREE = ("x[0]", "x[1]", "x[2]")
SPARSE = Jacobian("…", {"x": np.ones(3)}, {"f": np.array([1.0, 2.0])}, ("f[0]", "f[1]"), THREE, ENTRIES, "forward", 2)
CROSS = Entries("coo", (2, 2), np.array([0, 1]), np.array([1, 0]), np.array([1.0, 1.0]))
SPARSE_HESSIAN = HESSIAN._replace(hessian=CROSS, sweeps=2)
NODES = [
    Node(0, "x", "input", (), 2.0, 3.0, (), (0, 1), "x"),
    Node(1, "y", "input", (), 3.0, 2.0, (), (2, 3), "y"),
    Node(2, "x*y", "multiply", (0, 1), 6.0, 1.0, (3.0, 2.0), (0, 3), "f"),
]
TRACE = Trace("x*y", {"x": np.array(2.0), "y": np.array(3.0)}, {"f": 6.0}, {"f": 1.0}, NODES)
EXPLAINED = TRACE._replace(
    nodes=[
        NODES[0]._replace(forward="x is given: 2", reverse=()),
        NODES[1]._replace(forward="y is given: 3", reverse=()),
        NODES[2]._replace(forward="f = x*y = 6", reverse=("x_bar += f_bar · 3 = 3", "y_bar += f_bar · 2 = 2")),
    ]
)
LOG = Entry("log", ("ln",), "log(x)", "elementwise", "Natural logarithm.", "x > 0", "1/x", None, "ln x")
ABS = Entry("abs", (), "abs(x)", "piecewise", "Absolute value.", "all reals", "sign(x)", "0 at 0", "|x|")
FUNCTIONS = Functions([LOG, ABS])
NOTICE = Notice("domain", "log of a negative number", "use log(abs(x))", 3, "log(-x)", (0, 7), "value")

ALL = {
    "eval": EVAL,
    "grad": GRAD,
    "jacobian": JACOBIAN,
    "vjp": VJP,
    "jvp": JVP,
    "hvp": HVP,
    "hessian": HESSIAN,
    "trace": TRACE,
    "functions": FUNCTIONS,
}
