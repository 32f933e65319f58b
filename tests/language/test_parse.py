"""What a text means: precedence, every construct, spans, and size."""

from __future__ import annotations

import time

import pytest

from diffcli.errors import ExpressionError, Source
from diffcli.language.parse import parse_file
from diffcli.language.syntax import (
    ArrayLiteral,
    Assign,
    Bare,
    Binary,
    Call,
    Compare,
    Declaration,
    Define,
    Index,
    Name,
    Number,
    Return,
    Slice,
    Unary,
)

from .trees import brackets, expression, parse, shape


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        # conditional: right
        ("a if b else c if d else e", "(a if b else (c if d else e))"),
        ("a or b if c or d else e or f", "((a or b) if (c or d) else (e or f))"),
        ("a + 1 if b else c + 1", "((a + 1) if b else (c + 1))"),
        # or, and, not: left, not is a prefix
        ("a or b or c", "((a or b) or c)"),
        ("a and b and c", "((a and b) and c)"),
        ("a or b and c", "(a or (b and c))"),
        ("a and b or c", "((a and b) or c)"),
        ("not a and b", "((not a) and b)"),
        ("not not a", "(not (not a))"),
        ("not a < b", "(not (a < b))"),
        # comparison: chained
        ("0 < x < 1", "(0 < x < 1)"),
        ("a < b <= c == d != e >= f > g", "(a < b <= c == d != e >= f > g)"),
        ("(a < b) < c", "((a < b) < c)"),
        ("a < (b < c)", "(a < (b < c))"),
        ("a + b < c * d", "((a + b) < (c * d))"),
        # sum: left
        ("a - b - c", "((a - b) - c)"),
        ("a - b + c", "((a - b) + c)"),
        ("a + b * c", "(a + (b * c))"),
        # product: left
        ("a / b / c", "((a / b) / c)"),
        ("a * b / c % d @ e", "((((a * b) / c) % d) @ e)"),
        ("a / b * c", "((a / b) * c)"),
        # sign
        ("-a * b", "((- a) * b)"),
        ("a * -b", "(a * (- b))"),
        ("-a + b", "((- a) + b)"),
        ("a - -b", "(a - (- b))"),
        ("--a", "(- (- a))"),
        ("+-a", "(+ (- a))"),
        ("-a < -b", "((- a) < (- b))"),
        # power: right
        ("-2^2", "(- (2 ^ 2))"),
        ("2^3^2", "(2 ^ (3 ^ 2))"),
        ("2^-1", "(2 ^ (- 1))"),
        ("2^-2^2", "(2 ^ (- (2 ^ 2)))"),
        ("-2^-2", "(- (2 ^ (- 2)))"),
        ("2**3**2", "(2 ^ (3 ^ 2))"),
        ("a * b^c", "(a * (b ^ c))"),
        ("a^b * c", "((a ^ b) * c)"),
        # postfix: left
        ("sin(x)^2", "(sin(x) ^ 2)"),
        ("a[i][j]", "a[i][j]"),
        ("a[i]'", "a[i]'"),
        ("a'[i]", "a'[i]"),
        ("a'^2", "(a' ^ 2)"),
        ("a^b'", "(a ^ b')"),
        ("-a'", "(- a')"),
        ("A @ B'", "(A @ B')"),
        ("f(x)[0]'", "f(x)[0]'"),
        # typographic signs
        ("a − b × c · d ÷ e", "(a - (((b * c) * d) / e))"),
        ("−a", "(- a)"),
    ],
)
def test_precedence(text: str, meaning: str) -> None:
    assert brackets(expression(text)) == meaning


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1.0), ("1.", 1.0), (".5", 0.5), ("1e-3", 1e-3), ("2.5E+7", 2.5e7), ("007", 7.0), ("1e-400", 0.0)],
)
def test_numbers(text: str, value: float) -> None:
    number = expression(text)
    assert isinstance(number, Number)
    assert (number.value, number.text, number.span) == (value, text, (0, len(text)))


def test_a_literal_beyond_the_doubles_is_an_error() -> None:
    with pytest.raises(ExpressionError) as caught:
        parse("x + 1e400")
    assert (caught.value.code, caught.value.span) == ("literal-overflow", (4, 9))


@pytest.mark.parametrize("text", ["x", "_", "θ", "σ_1", "x1y2", "变量", "ñ", "e", "inputs", "iff", "π"])
def test_names(text: str) -> None:
    name = expression(text)
    assert isinstance(name, Name)
    assert name.name == text


def test_names_are_composed_and_spans_are_not() -> None:
    total = expression("e\u0301 + か\u3099 + s\u0323\u0307")
    assert total.left.left.name == "é"
    assert total.left.right.name == "が"
    assert total.right.name == "ṩ"
    assert total.left.left.span == (0, 2)
    assert total.right.span == (10, 13)


def test_spans() -> None:
    text = "  (a + b)*f( x )[1:] "
    product = expression(text)

    def quoted(node: object) -> str:
        start, end = node.span  # type: ignore[attr-defined]
        return text[start:end]

    assert quoted(product) == "(a + b)*f( x )[1:]"
    assert product.op_span == (9, 10)
    assert quoted(product.left) == "(a + b)"
    assert product.left.op_span == (5, 6)
    assert quoted(product.right) == "f( x )[1:]"
    assert quoted(product.right.value) == "f( x )"
    assert product.right.value.name_span == (10, 11)
    assert quoted(product.right.keys[0]) == "1:"


def test_the_spans_of_a_chain() -> None:
    chain = expression("a < b <= c")
    assert isinstance(chain, Compare)
    assert chain.ops == ("<", "<=")
    assert chain.op_spans == ((2, 3), (6, 8))
    assert chain.span == (0, 10)


def test_calls() -> None:
    call = expression("sum(A, axis=1, ddof=x+1)")
    assert isinstance(call, Call)
    assert call.name == "sum"
    assert [shape(arg) for arg in call.args] == [["Name", "A"]]
    assert [name for name, _ in call.keywords] == ["axis", "ddof"]
    assert isinstance(call.keywords[1][1], Binary)
    assert expression("f()").args == ()


def test_arrays() -> None:
    literal = expression("[[1, 2], [x, y+1],]")
    assert isinstance(literal, ArrayLiteral)
    assert [len(row.items) for row in literal.items] == [2, 2]
    assert literal.span == (0, 19)
    assert expression("[]").items == ()


@pytest.mark.parametrize(
    ("text", "given"),
    [
        (":", (0, 0, 0)),
        ("1:", (1, 0, 0)),
        (":-1", (0, 1, 0)),
        ("1:2", (1, 1, 0)),
        ("::2", (0, 0, 1)),
        ("1::2", (1, 0, 1)),
        (":1:2", (0, 1, 1)),
        ("1:2:3", (1, 1, 1)),
        ("1:2:", (1, 1, 0)),
    ],
)
def test_slices(text: str, given: tuple[int, int, int]) -> None:
    index = expression(f"a[{text}]")
    assert isinstance(index, Index)
    (key,) = index.keys
    assert isinstance(key, Slice)
    assert tuple(int(part is not None) for part in (key.start, key.stop, key.step)) == given
    assert key.span == (2, 2 + len(text))


def test_several_keys() -> None:
    index = expression("a[:, i+1, -1]")
    assert [type(key) for key in index.keys] == [Slice, Binary, Unary]


def test_a_file() -> None:
    text = (
        "# polar.expr: Cartesian to polar\r\n"
        "input x, y                  # optional\r\n"
        "param scale = 1\r\n"
        "half(a) = a / 2\r\n"
        "r = scale * sqrt(x^2\r\n"
        "       + y^2)\r\n"
        "\r\n"
        "theta = atan2(y, x); half(r)\r\n"
        "return r, theta"
    )
    kinds = [Declaration, Declaration, Declaration, Define, Assign, Assign, Bare, Return]
    statements = parse(text).statements
    assert [type(statement) for statement in statements] == kinds
    x, _, scale, half, r, theta, bare, back = statements
    assert isinstance(x, Declaration)
    assert isinstance(scale, Declaration)
    assert isinstance(half, Define)
    assert isinstance(back, Return)
    assert (x.name, x.held, x.default) == ("x", False, None)
    assert (scale.name, scale.held, text[slice(*scale.span)]) == ("scale", True, "scale = 1")
    assert (half.name, [p.name for p in half.parameters]) == ("half", ["a"])
    assert [name.name for name in back.names] == ["r", "theta"]
    quotes = [text[slice(*statement.span)] for statement in (half, theta, bare, back)]
    assert quotes == ["half(a) = a / 2", "theta = atan2(y, x)", "half(r)", "return r, theta"]
    assert text[slice(*r.name_span)] == "r"  # type: ignore[union-attr]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", ";", "\n\n;\n", " # why\n"])
def test_ends_of_statements(end: str) -> None:
    assert len(parse(f"{end}x{end}y = 2{end}").statements) == 2


def test_brackets_may_span_lines() -> None:
    text = "f(a,  # first\n  [1,\r\n\r\n 2],\n)"
    with pytest.raises(ExpressionError):
        parse(text)
    assert len(expression(text.replace("2],\n)", "2]\n)")).args) == 2


def test_a_name_may_look_like_a_number_or_a_word() -> None:
    assert expression("e1 + x2e3").left.name == "e1"
    assert expression("notx").name == "notx"


def test_a_number_may_stand_beside_a_word() -> None:
    assert brackets(expression("1if x else 2")) == "(1 if x else 2)"


def test_nesting_is_bounded_by_memory_alone() -> None:
    for depth in (10_000, 100_000):
        assert isinstance(expression("(" * depth + "x" + ")" * depth), Name)
    assert isinstance(expression("sin(" * 30_000 + "x" + ")" * 30_000), Call)
    assert isinstance(expression("[" * 30_000 + "]" * 30_000), ArrayLiteral)
    assert isinstance(expression("-" * 30_000 + "x"), Unary)
    assert isinstance(expression("2^" * 30_000 + "x"), Binary)
    assert isinstance(expression("x" + "[0]'" * 30_000), object)


def test_a_long_sum_takes_linear_time() -> None:
    def seconds(terms: int) -> float:
        text = " + ".join(f"1.5*x{i}" for i in range(terms))
        start = time.perf_counter()
        parse(text)
        return time.perf_counter() - start

    seconds(1_000)
    assert seconds(40_000) < 12 * max(seconds(10_000), 0.02)


def test_a_text_has_a_limit_that_can_be_raised() -> None:
    text = "+".join(["x"] * 51)  # 101 tokens
    assert parse_file(Source(text), max_tokens=101)
    with pytest.raises(ExpressionError) as caught:
        parse_file(Source(text), max_tokens=100)
    error = caught.value
    assert (error.code, error.span) == ("limit", (100, 101))
    assert "100 tokens" in error.message
    assert "--max-tokens" in (error.hint or "")


def test_an_error_knows_its_source() -> None:
    source = Source("x +", "model.expr")
    with pytest.raises(ExpressionError) as caught:
        parse_file(source)
    assert caught.value.source is source
