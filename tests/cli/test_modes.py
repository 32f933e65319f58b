"""Forward mode, second order and sparse matrices from the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.io
import scipy.sparse

from .conftest import Run
from .test_commands import valid

CHAIN = "x[1:] - x[:-1]^2"


def test_grad_of_higher_orders(run: Run) -> None:
    found = valid(run("grad", "x^3*t", "x=2", "t=1", "--wrt", "x", "--order", "4", "--json").out)
    assert found["gradient"] == {"x": 12.0}
    assert found["derivatives"] == [8.0, 12.0, 12.0, 6.0, 0.0]
    assert run("grad", "x^3", "x=2", "--order", "2").out == "at x = 2\n\nf     8\nf'   12\nf''  12\n"
    assert "name it: --wrt x" in run("grad", "x*y", "x=2", "y=1", "--order", "2").err
    assert run("grad", "x", "x=2", "--order", "0").code == 2


def test_jvp(run: Run, polar: str) -> None:
    found = valid(run("jvp", polar, "x=3", "y=4", "--tangent", "x=1", "--json").out)
    assert found["tangent"] == {"x": 1.0}
    assert found["values"] == {"r": 5.0, "theta": 0.9272952180016122}
    assert found["jvp"] == pytest.approx({"r": 0.6, "theta": -0.16}, rel=1e-15)
    outcome = run("jvp", polar, "x=3", "y=4")
    assert outcome.code == 2
    assert "add --tangent x=…,y=…" in outcome.err
    assert "it is no variable" in run("jvp", polar, "x=3", "y=4", "--tangent", "z=1").err
    assert valid(run("jvp", "param s = 2; s*x", "x=3", "--tangent", "s=1", "--json").out)["jvp"] == {"f": 3.0}


def test_hvp(run: Run) -> None:
    found = valid(run("hvp", "x^2*y", "x=1", "y=2", "--tangent", "x=1", "--json").out)
    assert (found["value"], found["gradient"], found["hvp"]) == (2.0, {"x": 4.0, "y": 1.0}, {"x": 4.0, "y": 2.0})
    assert run("hvp", "x^2*y", "x=1", "y=2").code == 2
    assert run("hvp", "[x, x]", "x=1", "--tangent", "x=1").code == 2
    only = valid(run("hvp", "x^2*y", "x=1", "y=2", "--tangent", "y=1", "--wrt", "y", "--json").out)
    assert only["hvp"] == {"y": 0.0}


def test_hessian(run: Run) -> None:
    found = valid(run("hessian", "x^2*y", "--at", "x=1,y=2", "--wrt", "y,x", "--json").out)
    assert found["columns"] == ["y", "x"]
    assert found["hessian"] == [[0.0, 2.0], [2.0, 4.0]]
    assert run("hessian", "[x, x]", "x=1").code == 2
    assert run("hessian", "sqrt(x)", "x=0", "--strict").code == 4


@pytest.mark.parametrize(("mode", "passes"), [("auto", 2), ("forward", 2), ("reverse", 5)])
def test_the_mode_of_a_jacobian(run: Run, mode: str, passes: int) -> None:
    words = ["jacobian", "concat([x*y, x+y, x/y, x-y], [y])", "x=1", "y=2", "--mode", mode, "--json"]
    found = valid(run(*words).out)
    assert found["mode"] == ("reverse" if mode == "reverse" else "forward")
    assert found["passes"] == passes
    assert found["jacobian"] == [[2, 1], [1, 1], [0.5, -0.25], [1, -1], [0, 1]]


def test_an_unknown_mode(run: Run) -> None:
    outcome = run("jacobian", "x", "x=1", "--mode", "forwards")
    assert outcome.code == 2
    assert "did you mean forward?" in outcome.err


def test_a_sparse_jacobian(run: Run, tmp_path: Path) -> None:
    words = ["jacobian", CHAIN, "x=linspace(0, 1, 5)", "--sparse"]
    found = valid(run(*words, "--json").out)
    assert found["jacobian"]["shape"] == [4, 5]
    assert found["jacobian"]["row"] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert found["jacobian"]["col"] == [0, 1, 1, 2, 2, 3, 3, 4]
    assert found["jacobian"]["data"] == [0.0, 1.0, -0.5, 1.0, -1.0, 1.0, -1.5, 1.0]
    assert found["passes"] == 2
    wanted = np.eye(4, 5, 1) - np.diag([0, 0.5, 1, 1.5, 0])[:4]
    run(*words, "-o", str(tmp_path / "a.npz"))
    np.testing.assert_array_equal(scipy.sparse.load_npz(tmp_path / "a.npz").toarray(), wanted)
    run(*words, "-o", str(tmp_path / "a.mtx"))
    np.testing.assert_array_equal(scipy.io.mmread(tmp_path / "a.mtx").toarray(), wanted)
    assert run(*words, "--format", "mtx").out.startswith("%%MatrixMarket matrix coordinate real general\n4 5 8\n")
    assert run(*words, "-o", str(tmp_path / "a.npy")).code == 2


def test_sparse_matrices_warn_too(run: Run) -> None:
    found = valid(run("jacobian", "[sqrt(x), y]", "x=0", "y=1", "--sparse", "--json").out)
    assert found["jacobian"]["data"] == ["Infinity", 1.0]
    assert [warning["expression"] for warning in found["warnings"]] == ["sqrt(x)"]
    assert "warning:" in run("hessian", "x^1.5", "x=0", "--sparse").err


def test_a_sparse_hessian(run: Run) -> None:
    found = valid(run("hessian", f"sum(({CHAIN})^2)", "x=linspace(0, 1, 50)", "--sparse", "--json").out)
    assert found["hessian"]["shape"] == [50, 50]
    assert len(found["hessian"]["data"]) == 148
    shown = run("hessian", f"sum(({CHAIN})^2)", "x=linspace(0, 1, 50)", "--sparse").out
    assert "Hessian (50x50), 3 passes of 50\n148 entries, density 5.92 %\n" in shown


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["jvp", "x*y", "x=2", "y=3", "--tangent", "x=[1,2]"], "the tangent of x must have its shape (), not (2,)"),
        (["jvp", "x", "x=[1,2,3]", "--tangent", "x=[]"], "the tangent of x must have its shape (3,), not (0,)"),
        (["hvp", "sum(x)", "x=[1,2,3]", "--tangent", "x=[1]"], "the tangent of x must have its shape (3,), not (1,)"),
        (["vjp", "x", "x=[1,2,3]", "--cotangent", "f=[1,2]"], "the cotangent of f must have its shape (3,), not (2,)"),
        (["vjp", "x", "x=1", "--cotangent", "f=[1,2]"], "the cotangent of f must have its shape (), not (2,)"),
    ],
)
def test_a_direction_of_the_wrong_shape(run: Run, words: list[str], message: str) -> None:
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert message in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["jvp", "x*y", "x=1", "y=1", "--tangent", "x=nan"], "warning: the tangent of x is not a number"),
        (["jvp", "sum(x)", "x=[1,2]", "--tangent", "x=[0,nan]"], "warning: the tangent of x[1] is not a number"),
        (["vjp", "x*y", "x=1", "y=1", "--cotangent", "f=nan"], "warning: the cotangent of f is not a number"),
        (["hvp", "x*y", "x=1", "y=1", "--tangent", "x=inf"], "warning: the tangent of x is infinite"),
    ],
)
def test_a_direction_that_is_not_finite(run: Run, words: list[str], message: str) -> None:
    code, _, err = run(*words)
    assert code == 0
    assert err.count("warning") == 1
    assert message in err
