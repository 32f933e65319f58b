"""Every entry of the table is known to the tests, documented, and named as people name it."""

from __future__ import annotations

import re

import pytest

from diffcli.graph import TABLE
from diffcli.primitives import FUNCTIONS, catalogue
from diffcli.primitives.catalogue import FAMILIES, add_function

from .cases import CASES

#: Every function that the language promises, less those from `erf` on and the decompositions of matrices.
PROMISED = re.findall(
    r"\w+",
    """
    sqrt cbrt exp exp2 expm1 log log2 log10 log1p sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh
    hypot abs sign floor ceil round trunc mod fmod max min clip relu sigmoid logit softplus log_sigmoid logaddexp
    xlogy entr sinc heaviside where deg2rad rad2deg
    sum prod mean var std norm logsumexp cumsum cumprod softmax log_softmax sort median
    dot outer cross matmul transpose trace diag
    zeros ones eye arange linspace concat stack reshape flatten len stop
    """,
)
ALIASES = {"ln": "log", "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arctan2": "atan2", "arcsinh": "asinh"}


@pytest.mark.parametrize("name", TABLE)
def test_every_primitive_has_a_case(name: str) -> None:
    assert any(case.op.name == name for case in CASES), f"say in cases.py how to call {name}, or give it samples"


@pytest.mark.parametrize("op", TABLE.values(), ids=str)
def test_every_primitive_is_documented(op) -> None:  # type: ignore[no-untyped-def]
    assert op.doc or op.operator or op.name in FUNCTIONS or op.name in ("negate", "reciprocal", "square")


@pytest.mark.parametrize("doc", catalogue(), ids=lambda doc: doc.name)
def test_every_function_is_documented(doc) -> None:  # type: ignore[no-untyped-def]
    for field in ("name", "signature", "family", "doc", "domain", "rule", "notation"):
        text = getattr(doc, field)
        assert isinstance(text, str), field
        assert text.strip(), f"{doc.name} lacks its {field}"
    assert doc.doc.endswith(".")
    assert doc.signature.startswith(f"{doc.name}(")
    assert doc.kink is None or doc.kink
    assert doc.family in FAMILIES


@pytest.mark.parametrize("name", PROMISED)
def test_every_promised_function_exists(name: str) -> None:
    assert FUNCTIONS[name].doc.name == name


@pytest.mark.parametrize(("alias", "name"), ALIASES.items())
def test_aliases(alias: str, name: str) -> None:
    assert FUNCTIONS[alias] is FUNCTIONS[name]
    assert alias in FUNCTIONS[name].doc.aliases


def test_the_catalogue_lists_every_function_once() -> None:
    names = [doc.name for doc in catalogue()]
    assert len(names) == len(set(names))
    assert set(names) == {callee.doc.name for callee in FUNCTIONS.values()}


@pytest.mark.parametrize(
    ("name", "least", "most", "keywords"),
    [
        ("sin", 1, 1, ()),
        ("atan2", 2, 2, ()),
        ("where", 3, 3, ()),
        ("sum", 1, 1, ("axis",)),
        ("var", 1, 1, ("axis", "ddof")),
        ("max", 1, None, ("axis",)),
        ("eye", 1, 2, ()),
        ("arange", 1, 3, ()),
        ("zeros", 1, None, ()),
    ],
)
def test_the_arity_is_that_of_the_signature(name: str, least: int, most: int | None, keywords: tuple[str, ...]) -> None:
    callee = FUNCTIONS[name]
    assert (callee.least, callee.most, callee.keywords) == (least, most, keywords)


def test_a_name_is_given_once() -> None:
    with pytest.raises(ValueError, match="two functions are called sin"):
        add_function("sin", "x", FUNCTIONS["sin"].build, family="elementwise", doc="Sine.", rule="cos(x)")
