"""What a text that does not parse is told: the place, what is wrong, and one fix."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffcli.errors import ExpressionError

from .test_unparse import PROGRAMS
from .trees import parse

# text, where the caret goes (as «…» in it), a part of the message, the hint
CASES = [
    # juxtaposition
    ("2«x»", "no operator", "write 2*x"),
    ("2«(»x+1)", "no operator", "write 2*(x+1)"),
    ("(a)«(»b)", "no operator", "write (a)*(b)"),
    ("x «y»", "no operator", "write x*y"),
    ("a(b)«(»c)", "no operator", "write a(b)*(c)"),
    ("a[0]'«b»", "no operator", "write a[0]'*b"),
    ("2 «3»", "no operator", "write 2*3"),
    ("sin(x) «cos»(x)", "no operator", "write sin(x)*cos(x)"),
    ("f(x «y»)", "no operator", "write x*y"),
    ("[1 «2» 3]", "no comma between two elements", "write 1, 2"),
    ("sin «x»", "sin is a function", "write sin(x)"),
    ("sin«^2»(x + 1)", "argument of sin stands before the power", "write sin(x + 1)^2"),
    ("2*sin«**2» x", "argument of sin stands before the power", "write sin(x)**2"),
    ("sin«^2»x", "argument of sin stands before the power", "write sin(x)^2"),
    ("sin«^-1»(x)", "argument of sin stands before the power", "write asin(x), or 1/sin(x)"),
    ("log«^-1»(x)", "argument of log stands before the power", "write log(x)^-1"),
    ("y^2 «(»x)", "no operator", "write 2*(x)"),
    ("«import» numpy", "import is no word", "all functions are there already; `diffcli functions` lists them"),
    ("ln «2»*x", "ln is a function", "write ln(2)"),
    ("half(a) = a/2; half «x»", "half is a function", "write half(x)"),
    ("f'«(»x)", "transposes", "write f(x): diffcli grad gives its derivative"),
    # numbers
    ("«1,5»", "a comma inside a number", "write 1.5: a decimal point"),
    ("x + «1,5»", "a comma inside a number", "write 1.5: a decimal point"),
    ("«1_000»", "an underscore inside a number", "write 1000"),
    ("«0x10»", "numbers are decimal", "write 16"),
    ("«0b101»", "numbers are decimal", "write 5"),
    ("«1 000»", "a space inside a number", "write 1000"),
    ("«1'000»", "inside a number", "write 1000"),
    ("1.2«.3»", "one decimal point", "remove one of the points"),
    ("2«e»", "no operator", "write 2*e"),
    ("«1e400»", "too large for a double", "write inf if infinity is meant"),
    ("«٣»", "no ASCII digit", "write 3"),
    ("x«１２»", "no ASCII digit", "write 12"),
    # operators of other languages
    ("5«//»2", "// is no operator", "write floor(5/2)"),
    ("a «&» b", "& is no operator", "write and"),
    ("a «&&» b", "&& is no operator", "write and"),
    ("a «|» b", "| is no operator", "write or"),
    ("a «||» b", "|| is no operator", "write or"),
    ("«|»x|", "| is no bracket", "write abs(x)"),
    ("2*«|»x + 1|", "| is no bracket", "write abs(x + 1)"),
    ("«!»x", "! is no operator", "write not x"),
    ("n«!»", "! is no operator", "write gamma(n + 1) for a factorial"),
    ("«~»x", "~ is no operator", "write not x"),
    ("x «===» 2", "=== is no operator", "write =="),
    ("x «=>» 2", "=> is no operator", "write >="),
    ("x «<>» 2", "<> is no operator", "write !="),
    ("x «:=» 2", "an assignment is written =", "write x = 2"),
    ("x «+=» 2", "+= is no operator", "give the result a name of its own, such as y = x + …"),
    ("x = «=» 2", "two = in a row", "write == to compare, = to assign"),
    ("a «.*» b", "without a dot", "write *"),
    ("c «?» a : b", "? is no operator", "write a if c else b"),
    ("a«:»b", ": belongs into an index", "write a[1:3] for a slice"),
    ("50«%»", "remainder", "write /100 for per cent"),
    ("x «is» 2", "no word of this language", "write == to compare"),
    ("«lambda» x: x", "no word", "define a function on a line of its own, such as f(x) = x^2"),
    ("x «in» y", "no word", "write a comparison, such as 0 < x"),
    # names of other languages
    ("a«.»b + 1", "no part of a name", "write a_b, or a*b"),
    ("model«.»txt", "no part of a name", "write @model.txt to read a file"),
    ("np«.»sin(x)", "functions stand by themselves", "write sin without np."),
    ("x«.»T", "a transpose is written '", "write x'"),
    ("x«.»sum()", "there are no methods", "write sum(x)"),
    ("x + «.»", "belongs to a number", "write a digit beside it, such as 0.5"),
    ("«$»x", "$ is no part", "remove it"),
    ("«\\»sin(x)", "begins nothing", "write sin without \\"),
    ("x «\\»\n+ y", "begins nothing", "to go on in the next line, put the whole in brackets"),
    ('«"»x"', "no texts", "write x without quotes"),
    ("«'»x'", "quotes nothing", "write the name without quotes"),
    ("x + y «'»z'", "quotes nothing", "write z without quotes"),
    ("«{»x+1}", "{ is no bracket here", "write (x+1)"),
    ("x«}»", "} is no bracket here", "write )"),
    # signs from elsewhere
    ("«√»x", "√ is no operator", "write sqrt(x)"),
    ("«√»(x+1)", "√ is no operator", "write sqrt(x+1)"),
    ("x«²»", "no part of a name", "write x^2"),
    ("x«⁻¹»", "no part of a name", "write x^-1"),
    ("x«₁» + 1", "no part of a name", "write x1"),
    ("«½»*x", "no number here", "write (1/2)"),
    ("x «≤» 2", "no sign of this language", "write <="),
    ("x «–» 2", "EN DASH", "write -"),
    ("«∞»", "INFINITY", "write inf"),
    ("sin«（»x）", "FULLWIDTH", "write ("),
    ("x «⊗» y", "CIRCLED TIMES", "remove it, or write its name in letters"),
    ("n«°»", "no letter", "write names of letters, digits and _"),
    ("x«\u0302»", "joins no letter", "write x_ for another name"),
    ("«\x1b»[31m", "cannot be seen (U+001B)", "remove it"),
    ("x«\u200b»", "ZERO WIDTH SPACE", "remove it"),
    ("«\ufeff»x", "cannot be seen", "remove it"),
    ("x«\xa0»+ y", "NO-BREAK SPACE", "write a plain space"),
    ("«\udcff»", "cannot be seen (U+DCFF)", "remove it"),
    # brackets
    ("sin«(»x", "( is never closed: the text ends at column 6", "write sin(x)"),
    ("sin«(»cos(x)", "( is never closed", "write sin(cos(x))"),
    ("«[»1,2", "[ is never closed", "write [1,2]"),
    ("a«[»1:2", "[ is never closed", "write a[1:2]"),
    ("f«(»x # one\n + y", "( is never closed", "write ) where it ends, at the latest after line 2, column 4"),
    ("«(»", "( is never closed", "write ) where it ends, at the latest after column 1"),
    ("f«(»x,", "( is never closed", "write ) where it ends, at the latest after column 4"),
    (
        "r = sqrt«(»x^2\nt = 2",
        "( is not closed before the next statement, line 2, column 1",
        "write ) where it ends, at the latest after line 1, column 12",
    ),
    (
        "a = «[»1, 2 +\nb = 3",
        "[ is not closed before the next statement, line 2, column 1",
        "write ] where it ends, at the latest after line 1, column 11",
    ),
    ("f«(»x; y", "( is not closed before the next statement", "write ) where it ends, at the latest after column 3"),
    ("«]»", "] closes nothing", "remove it, or write [ where it begins"),
    ("x«)»", ") closes nothing", "remove it, or write ( where it begins"),
    ("f([x«)»", ") does not close the [ at column 3", "write ] before it"),
    ("(x +«]»", "] does not close the ( at column 1", "write ) before it"),
    ("«()»", "nothing stands in the brackets", "write a value between ( and )"),
    ("a«[]»", "nothing stands in the index", "write a value between [ and ]"),
    ("(1«,» 2)", "a comma between plain brackets", "write an array with square ones: [1, …]"),
    ("[1, 2«;» 3, 4]", "; inside brackets", "write the rows of a matrix as lists: [[1, 2], [3, 4]]"),
    ("a[1:2:3«:»4]", "at most three parts", "write start:stop:step"),
    # something missing
    ("x+«*»y", "nothing between + and *", "write a value between them, or remove one of + and *"),
    ("x «+»", "nothing follows +", "write a value after +, or remove it"),
    ("x «+»\ny", "the line ends after +", "to go on in the next line, put the whole in brackets"),
    ("(x «+»)", "nothing follows +", "write a value after +, or remove it"),
    ("x «and»", "nothing follows and", "write a value after and, or remove it"),
    ("«*» x", "nothing stands before *", "write a value before *, or remove it"),
    ("«and» x", "nothing stands before and", "write a value before and, or remove it"),
    ("«,»", "nothing stands before the comma", "write a value before the comma, or remove it"),
    ("x «=»", "nothing follows =", "write a value after it"),
    ("«=» 2", "nothing stands before =", "write a value before =, or remove it"),
    ("f(«,»x)", "nothing between ( and the comma", "write a value before the comma, or remove it"),
    ("f(x«,»)", "nothing follows the comma", "remove the comma, or write a value after it"),
    ("[1,«,»2]", "nothing between two commas", "remove one of them"),
    ("f(«=»2)", "nothing between ( and =", "write a name before ="),
    ("f(«*»2)", "nothing between ( and *", "write a value before *"),
    ("x«,» y", "a comma outside brackets", "separate statements by ; and write arrays as [1, 2]"),
    ("2 + «not» x", "not after + needs brackets", "write + (not x)"),
    ("a «not» b", "not where an operator belongs", "write a and not …, or a != …"),
    # conditionals
    ("x «if» y", "an if without an else", "write what holds otherwise: … if y else 0"),
    ("(x «if» y)", "an if without an else", "write what holds otherwise: … if y else 0"),
    ("x «if» f(y); z", "an if without an else", "write what holds otherwise: … if f(y) else 0"),
    ("«if» x then y", "if with nothing before it", "write a if c else b"),
    ("x «else» y", "else without an if", "write a if c else b"),
    ("«else»", "else without an if", "write a if c else b"),
    ("a if b «if» c else d", "a second if", "put the inner conditional in brackets: a if (…) else b"),
    ("x if y «else»", "nothing follows else", "write a value after else, or remove it"),
    # statements
    ("x + 1 «=» 2", "left of =", "write x + 1 == 2 to compare"),
    ("«1» = x", "on the right of =", "write x = 1"),
    ("«(x)» = 2", "stands in brackets", "write x = 2"),
    ("«a[0]» = 1", "an element cannot be assigned", "assign the whole array, such as a = [1, 2, 3]"),
    ("«f(2)» = 3", "plain parameter names", "write f(a) = …, and use a on the right"),
    ("«f((a))» = 3", "plain parameter names", "write f(a) = …, and use a on the right"),
    ("«f(a=1)» = 3", "plain parameter names", "write f(a) = …, and use a on the right"),
    ("f(x, «x») = 2", "the parameter x is named twice", "give each parameter its own name"),
    ("x = y «=» 2", "a second =", "write == to compare, or give each assignment its own line"),
    ("x = 2 «y» = 3", "two statements on one line", "write a ; or a new line before y ="),
    ("(x «=» 2)", "= inside brackets", "write x == 2 to compare"),
    ("«let» x = 2", "no word of this language", "write the assignment without let"),
    ("«input»", "input needs a name", "write input x"),
    ("input «2»", "input needs a name", "write input x"),
    ("input x «y»", "no comma between two names", "write input x, y"),
    ("input f«(»x)", "input takes names", "write input f, or input f = 1"),
    ("input x, «2»", "input takes names", "write input x, y"),
    ("input x«,»", "nothing follows the comma", "remove the comma, or write a value after it"),
    ("input x = 1 «2»", "no operator", "write 1*2"),
    ("param s «=»", "nothing follows =", "write a value after it"),
    ("«input» = 3", "input is a reserved word", "choose another name, such as input_"),
    ("x + «param»", "param is a reserved word", "choose another name, such as param_"),
    ("x «return» y", "return begins a statement", "write return on a new line, or after a ;"),
    ("«return»", "return needs a name", "write return x"),
    ("return x«+»1", "no formulas", "assign the formula first: y = …; return y"),
    ("return x «y»", "no comma between two names", "write return x, y"),
    ("return x «=» 2", "return takes names", "write x = … on a line before it"),
    ("sum(axis=0, «x»)", "without a name follows", "write the arguments with a name, such as axis=, last"),
    ("sum(x, axis=0, «axis»=1)", "axis= is given twice", "remove one of the two"),
    # nothing
    ("«»", "the text is empty", "write one, such as sin(x)*y"),
    ("«»  ", "the text is blank", "write one, such as sin(x)*y"),
    ("«»# a comment\n", "holds only comments", "write one, such as sin(x)*y"),
]


@pytest.mark.parametrize(("marked", "message", "hint"), CASES, ids=[ascii(case[0]) for case in CASES])
def test_what_is_said(marked: str, message: str, hint: str) -> None:
    before, rest = marked.split("«", 1)
    inside, after = rest.split("»", 1)
    text = before + inside + after
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    error = caught.value
    assert message in error.message
    assert error.hint == hint
    assert error.span == (len(before), len(before) + len(inside))
    assert error.code == ("literal-overflow" if "1e400" in text else "syntax")


def test_long_texts_are_not_quoted_whole() -> None:
    for text in ("2" * 5000 + "x" * 5000, "0x" + "f" * 9000, "x" * 5000 + "²", f"({'x+' * 999}x", "1" * 999 + ",5"):
        with pytest.raises(ExpressionError) as caught:
            parse(text)
        assert len(f"{caught.value.message}{caught.value.hint}") < 300


def test_a_late_mistake_in_a_long_text_is_found_quickly() -> None:
    with pytest.raises(ExpressionError) as caught:
        parse("(" + "+".join(["x"] * 100_000) + "\n y = 2")
    assert caught.value.span == (0, 1)


def _checked(text: str) -> None:
    """Parse `text`; it may fail in one way only, and says so in plain words."""
    try:
        parse(text)
    except ExpressionError as error:
        start, end = error.span or (-1, -1)
        assert 0 <= start <= end <= len(text)
        for line in (error.message, error.hint):
            assert line
            assert "\n" not in line
            assert all(unicodedata.category(letter) not in ("Cc", "Cs") for letter in line)


SCRAPS = [
    *"()[]{},;:'\"=<>!+-−*/%@^&|~.#$?\\ \n\r\t_²½٣√\u0301\u0344\u0302\x1b\u200b",
    *("x", "e", "é", "1", "2.5", "1e5", "0x1f", "sin", "θ", "//", "**", "==", "<=", ":="),
    *("if", "else", "and", "or", "not", "input", "param", "return", "lambda"),
]


@given(st.lists(st.sampled_from(SCRAPS), max_size=14).map("".join))
@settings(max_examples=600, deadline=None)
def test_scraps_parse_or_are_explained(text: str) -> None:
    _checked(text)


@given(st.lists(st.sampled_from(SCRAPS), max_size=10).map(" ".join))
@settings(max_examples=400, deadline=None)
def test_spaced_scraps_parse_or_are_explained(text: str) -> None:
    _checked(text)


@given(st.text(st.characters(codec=None), max_size=20))
@settings(max_examples=300, deadline=None)
def test_any_text_parses_or_is_explained(text: str) -> None:
    _checked(text)


@given(st.sampled_from(PROGRAMS), st.integers(0, 80), st.integers(0, 3), st.sampled_from(["", *SCRAPS]))
@settings(max_examples=600, deadline=None)
def test_damaged_programs_parse_or_are_explained(program: str, at: int, removed: int, scrap: str) -> None:
    at = min(at, len(program))
    _checked(program[:at] + scrap + program[at + removed :])


def test_every_name_letter_that_unicode_has_is_accepted_or_explained() -> None:
    for code in range(0x80, 0x3200):
        _checked(f"a{chr(code)}b")
