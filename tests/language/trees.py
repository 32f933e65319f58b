"""Trees for the tests: comparing two of them, and drawing random ones."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from diffcli.errors import Source
from diffcli.language import syntax
from diffcli.language.parse import parse_file
from diffcli.language.syntax import (
    ArrayLiteral,
    Assign,
    Bare,
    Binary,
    Call,
    Compare,
    Conditional,
    Declaration,
    Define,
    File,
    Index,
    Name,
    Number,
    Return,
    Slice,
    Transpose,
    Unary,
)

NODES = tuple(value for value in vars(syntax).values() if isinstance(value, type) and hasattr(value, "__slots__"))
PLACES = {"span", "op_span", "op_spans", "name_span", "text"}
HERE = (0, 0)


def parse(text: str) -> File:
    return parse_file(Source(text))


def expression(text: str) -> Any:
    (statement,) = parse(text).statements
    assert isinstance(statement, Bare)
    return statement.value


def shape(tree: Any) -> list[Any]:
    """All that matters of `tree`, in a flat list: two trees are alike if their lists are equal."""
    flat: list[Any] = []
    stack = [tree]
    while stack:
        item = stack.pop()
        if isinstance(item, NODES):
            flat.append(type(item).__name__)
            stack.extend(getattr(item, slot) for slot in item.__slots__ if slot not in PLACES)
        elif isinstance(item, tuple):
            flat.append(len(item))
            stack.extend(item)
        else:
            flat.append(item)
    return flat


def brackets(tree: Any) -> str:
    """`tree` with a pair of brackets round every operation: what was understood, plain to read."""
    match tree:
        case Number(text=text):
            return text
        case Name(name=name):
            return name
        case Unary(op=op, operand=operand):
            return f"({op} {brackets(operand)})"
        case Binary(op=op, left=left, right=right):
            return f"({brackets(left)} {op} {brackets(right)})"
        case Compare(ops=ops, operands=operands):
            rest = "".join(f" {op} {brackets(x)}" for op, x in zip(ops, operands[1:], strict=True))
            return f"({brackets(operands[0])}{rest})"
        case Conditional(condition=condition, then=then, otherwise=otherwise):
            return f"({brackets(then)} if {brackets(condition)} else {brackets(otherwise)})"
        case Index(value=value, keys=keys):
            return f"{brackets(value)}[{', '.join(map(brackets, keys))}]"
        case Transpose(value=value):
            return f"{brackets(value)}'"
        case Call(name=name, args=args):
            return f"{name}({', '.join(map(brackets, args))})"
    raise AssertionError(tree)


names = st.sampled_from(["x", "y", "a1", "_", "θ", "σ_1", "inf", "axis"])
numbers = st.floats(min_value=0, allow_nan=False, allow_infinity=False).map(abs)
leaves = st.one_of(
    st.builds(Number, numbers, st.just(""), st.just(HERE)),
    st.builds(Name, names, st.just(HERE)),
)


def _grown(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, max_size=3).map(tuple)
    named = st.dictionaries(names, inner, max_size=2).map(lambda d: tuple(d.items()))
    maybe = st.none() | inner
    keys = st.lists(inner | st.builds(Slice, maybe, maybe, maybe, st.just(HERE)), min_size=1, max_size=3)
    comparisons = st.lists(st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), min_size=1, max_size=3)
    return st.one_of(
        st.builds(Unary, st.sampled_from(["-", "+", "not"]), inner, st.just(HERE)),
        st.builds(
            Binary,
            st.sampled_from(["+", "-", "*", "/", "%", "@", "^", "and", "or"]),
            inner,
            inner,
            st.just(HERE),
            st.just(HERE),
        ),
        comparisons.flatmap(
            lambda ops: st.builds(
                Compare,
                st.just(tuple(ops)),
                st.tuples(*[inner] * (len(ops) + 1)),
                st.just(HERE),
                st.just((HERE,) * len(ops)),
            )
        ),
        st.builds(Conditional, inner, inner, inner, st.just(HERE)),
        st.builds(ArrayLiteral, several, st.just(HERE)),
        st.builds(Call, names, several, named, st.just(HERE), st.just(HERE)),
        st.builds(Index, inner, keys.map(tuple), st.just(HERE)),
        st.builds(Transpose, inner, st.just(HERE)),
    )


expressions = st.recursive(leaves, _grown, max_leaves=20)
name_nodes = st.builds(Name, names, st.just(HERE))
statements = st.one_of(
    st.builds(Bare, expressions, st.just(HERE)),
    st.builds(Assign, names, expressions, st.just(HERE), st.just(HERE)),
    st.builds(
        Define,
        names,
        st.lists(names, unique=True, max_size=3).map(lambda ns: tuple(Name(n, HERE) for n in ns)),
        expressions,
        st.just(HERE),
        st.just(HERE),
    ),
    st.builds(Declaration, names, st.none() | expressions, st.booleans(), st.just(HERE), st.just(HERE)),
    st.builds(Return, st.lists(name_nodes, min_size=1, max_size=3).map(tuple), st.just(HERE)),
)
files = st.lists(statements, min_size=1, max_size=4).map(lambda items: File(tuple(items)))
