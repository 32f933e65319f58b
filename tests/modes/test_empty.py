"""Arrays without a number: an answer of the right shape, or an error that says why there is none, and never a crash."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import diffcli
from diffcli.cli.main import main
from diffcli.errors import ExpressionError
from diffcli.precise.rounded import rounded
from diffcli.primitives import catalogue

SHAPES = [(0,), (0, 3), (3, 0), (0, 0)]
#: Ways to call a function; what does not fit one of them is refused while the graph is built.
CALLS = ["{}(x)", "{}(x, x)", "{}(2, x)", "{}(x > 0, 3, 0)"]
ALONG = ["{}(x)", "{}(x, axis=0)", "{}(x, axis=1)", "{}(x, x)"]
MORE = ["x'", "x @ x", "x @ x'", "x' @ x", "x[1:]", "x*x + 1", "norm(x)*x", "[x, x]", "x^2", "sum(x) + 1/x"]


def _bound(text: str, at: dict[str, Any]) -> diffcli.Program | None:
    """The formula, if it is one at all for inputs of these shapes."""
    f = diffcli.parse(text)
    try:
        f.bind({name: np.shape(value) for name, value in at.items()})
    except ExpressionError:
        return None
    return f


def _answers(text: str, shape: tuple[int, ...]) -> bool:
    """Goes every way there is; whether the formula fits the shape."""
    at = {"x": np.zeros(shape)}
    f, g = _bound(text, at), _bound(f"sum({text})", at)
    if f is None or g is None:
        return False
    (value,) = diffcli.evaluate(f, at).values()
    assert len(rounded(f, at, 20, derivatives=False).values) == np.size(value)
    wanted = np.zeros((np.size(value), 0))
    for mode in ("forward", "reverse"):
        np.testing.assert_array_equal(diffcli.jacobian(f, at, mode=mode).matrix, wanted)  # type: ignore[arg-type]
        sparse: Any = diffcli.jacobian(f, at, mode=mode, sparse=True)  # type: ignore[call-overload]
        np.testing.assert_array_equal(sparse.entries.toarray(), wanted)
    for values in (diffcli.grad(g, at), diffcli.jvp(g, at, {"x": 0.0}), diffcli.hvp(g, at, {"x": 0.0})):
        assert {np.shape(part) for part in values.values()} <= {shape, ()}
    for second in (diffcli.hessian(g, at), diffcli.hessian(g, at, sparse=True)):
        np.testing.assert_array_equal(np.asarray(second), np.zeros((0, 0)))
    many = {"x": np.zeros((2, *shape))}
    assert diffcli.batch(f, many).values()[f.outputs[0]].shape == (2, *np.shape(value))
    assert diffcli.batch(g, many).grad()["x"].shape == (2, *shape)
    return True


@pytest.mark.parametrize("doc", [doc for doc in catalogue() if doc.family != "building"], ids=lambda doc: doc.name)
def test_every_function_answers_for_empty_arrays_or_says_why_not(doc: Any) -> None:
    calls = ALONG if doc.family in ("reduction", "along an axis") else CALLS
    shapes = [(0, 3)] if doc.family == "elementwise" else SHAPES
    fitted = [(call, shape) for call in calls for shape in shapes if _answers(call.format(doc.name), shape)]
    assert fitted or doc.name in ("cross", "clip")  # of vectors of 3; of three arguments


@pytest.mark.parametrize("text", MORE)
def test_operators_answer_for_empty_arrays(text: str) -> None:
    assert any(_answers(text, shape) for shape in SHAPES)


@pytest.mark.parametrize("doc", [doc for doc in catalogue() if doc.family == "elementwise"], ids=lambda doc: doc.name)
def test_elementwise_functions_keep_the_shape(doc: Any) -> None:
    arguments = doc.signature.count(",") + 1
    call = "2, x" if doc.name == "polygamma" else ", ".join(["x"] * arguments)
    for shape in SHAPES:
        assert np.shape(diffcli.evaluate(diffcli.parse(f"{doc.name}({call})"), {"x": np.zeros(shape)})["f"]) == shape


@pytest.mark.parametrize(
    ("text", "shape", "wanted"),
    [
        ("sum(x)", (0,), 0.0),
        ("prod(x)", (0, 3), 1.0),
        ("norm(x)", (0,), 0.0),
        ("logsumexp(x)", (0,), -np.inf),
        ("logsumexp(x, axis=0)", (0, 3), np.full(3, -np.inf)),
        ("sum(x, axis=1)", (3, 0), np.zeros(3)),
        ("mean(x, axis=0)", (3, 0), np.zeros(0)),
        ("softmax(x, axis=1)", (3, 0), np.zeros((3, 0))),
        ("log_softmax(x, axis=0)", (0, 3), np.zeros((0, 3))),
        ("cumsum(x, axis=1)", (3, 0), np.zeros((3, 0))),
        ("x @ x'", (3, 0), np.zeros((3, 3))),
        ("det(x)", (0, 0), 1.0),
        ("logabsdet(x)", (0, 0), 0.0),
        ("eigvalsh(x)", (0, 0), np.zeros(0)),
        ("inv(x)", (0, 0), np.zeros((0, 0))),
        ("clip(x, 0, 1)", (0,), np.zeros(0)),
    ],
)
def test_what_nothing_amounts_to(text: str, shape: tuple[int, ...], wanted: Any) -> None:
    found = diffcli.evaluate(diffcli.parse(text), {"x": np.zeros(shape)})["f"]
    np.testing.assert_array_equal(found, wanted)
    assert np.shape(found) == np.shape(wanted)


@pytest.mark.parametrize("text", ["max(x)", "min(x)", "mean(x)", "var(x)", "std(x)", "median(x)"])
def test_what_nothing_has(text: str) -> None:
    with pytest.raises(ExpressionError, match="empty"):
        diffcli.evaluate(diffcli.parse(text), {"x": []})


@pytest.mark.parametrize("words", [["grad", "sum(where(x, 3, 0))"], ["diagnose", "logsumexp(x)"]])
def test_nothing_is_judged_too(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "x=[]"]) == 0
    assert not capsys.readouterr().err


def test_a_formula_may_repeat_the_number_that_its_gradient_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["grad", "sum(where(x, 3, 0))", "x=[1,2]", "--json"]) == 0
    assert '"gradient": {"x": [0.0, 0.0]}' in capsys.readouterr().out


def test_nothing_to_differentiate_by(capsys: pytest.CaptureFixture[str]) -> None:
    """A formula of params alone, say: matrices without columns, at one point and at many."""
    f = diffcli.parse("param k = 2\nf = k^2")
    for found in (diffcli.hessian(f, {"k": 3}), diffcli.hessian(f, {"k": 3}, sparse=True)):
        assert (np.asarray(found).shape, found.value, found.columns, found.passes) == ((0, 0), 9.0, (), 0)
    many = f.batch({"k": [3.0, 4.0]}).hessian()
    assert (many.matrix.shape, many.value.tolist(), many.gradient) == ((2, 0, 0), [9.0, 16.0], {})
    assert f.batch({"k": [3.0]}).jacobian(mode="forward").matrix.shape == (1, 1, 0)
    assert main(["hessian", "param k = 2; f = k^2", "k=3:4:2", "-q"]) == 0
    assert capsys.readouterr().out == "k,f,error\n3,9,\n4,16,\n"
