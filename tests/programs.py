"""Random programs: well-formed texts of the language, and points to try them at.

Every program is finite at every point drawn here. Where an operation is not (a root, a logarithm, a quotient),
it stands in a branch that is taken only where it is, so that an untaken branch that leaks shows as a NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

Array = NDArray[np.float64]
Shape = tuple[int, ...]
Draw = Callable[[st.SearchStrategy[Any]], Any]

#: The inputs, by name.
SHAPES: dict[str, Shape] = {"x": (), "y": (), "w": (3,), "A": (2, 3)}
_SMOOTH = [
    *(f"{name}({{}})" for name in ("sin", "cos", "tanh", "atan", "sigmoid", "softplus", "asinh", "sinc", "sinh(sin")),
    *("exp(-{}^2)", "sqrt(1 + {}^2)", "log(2 + {}^2)", "1/(1 + {}^2)", "-{}", "2*{}", "{}^2", "{}^3", "+{}"),
]
SMOOTH = [text + ")" * (text.count("(") - text.count(")")) for text in _SMOOTH]
SMOOTH_PAIRS = ["{} + {}", "{} - {}", "{}*{}", "{} / (2 + cos({}))", "atan2({}, 2 + sin({}))", "logaddexp({}, {})"]
KINKED = ["abs({})", "relu({})", "clip({}, -1, 1)", "floor({})", "sign({})", "stop({})", "({}) % 2"]
KINKED_PAIRS = ["max({}, {})", "min({}, {})", "hypot({}, {})"]
GUARDED = [
    "where({a} > 0, sqrt({a}), {b})",
    "(log({a}) if {a} > 0 else {b})",
    "where({a} != 0, {b}/{a}, {b})",
    "({b} if {a} <= 1 or {b} < 0 else acosh({a})*{b})",
    "(asin({a}) if -1 < {a} < 1 else {b})",
    "where(not {a} > 0, {b}, {a}^1.5)",
    "where({a} > {b}, {a}, {b})",
]
#: What gives a number, a vector of 3 or a matrix of 2 × 3 from which.
SMOOTH_SHAPES: dict[Shape, list[tuple[str, tuple[Shape, ...]]]] = {
    (): [
        ("sum({})", ((3,),)),
        ("sum({})", ((2, 3),)),
        ("mean({})", ((2, 3),)),
        ("prod({})", ((3,),)),
        ("logsumexp({})", ((3,),)),
        ("var({})", ((3,),)),
        ("dot({}, {})", ((3,), (3,))),
        ("({})[1]", ((3,),)),
        ("({})[1, -1]", ((2, 3),)),
        ("({})[0] @ {}", ((2, 3), (3,))),
        ("trace({} @ ({})')", ((2, 3), (2, 3))),
    ],
    (3,): [
        ("[{}, {}, {}]", ((), (), ())),
        ("sum({}, axis=0)", ((2, 3),)),
        ("softmax({})", ((3,),)),
        ("log_softmax({})", ((3,),)),
        ("cumsum({})", ((3,),)),
        ("cumprod({})", ((3,),)),
        ("({})[1]", ((2, 3),)),
        ("({})[::-1]", ((3,),)),
        ("concat(({})[1:], ({})[:1])", ((3,), (3,))),
        ("({} @ ({})')[0] @ {}", ((2, 3), (2, 3), (2, 3))),
        ("cross({}, {})", ((3,), (3,))),
        ("diag(outer({}, {}))", ((3,), (3,))),
        ("linspace({}, {}, 3)", ((), ())),
    ],
    (2, 3): [
        ("[{}, {}]", ((3,), (3,))),
        ("stack({}, {})", ((3,), (3,))),
        ("outer([{}, 1], {})", ((), (3,))),
        ("reshape({}, 3, 2)'", ((2, 3),)),
        ("{} + zeros(2, 3)", ((3,),)),
        ("concat(({})[:, 1:], ({})[:, :1], axis=1)", ((2, 3), (2, 3))),
    ],
}
KINKED_SHAPES: dict[Shape, list[tuple[str, tuple[Shape, ...]]]] = {
    (): [("max({})", ((3,),)), ("min({})", ((2, 3),)), ("norm({})", ((3,),)), ("median({})", ((3,),))],
    (3,): [("sort({})", ((3,),)), ("max({}, axis=0)", ((2, 3),))],
    (2, 3): [("sort({}, axis=1)", ((2, 3),))],
}


def _expression(draw: Draw, shape: Shape, depth: int, names: dict[str, Shape], smooth: bool) -> str:
    """The text of a random expression of a shape, in brackets if it is not a name or a number."""
    if depth == 0 or draw(st.integers(0, 5)) == 0:
        fitting = [name for name, its in names.items() if its == shape]
        constants = {(): ["0.5", "(-2)", "pi"], (3,): ["[1, -0.5, 2]"], (2, 3): ["ones(2, 3)"]}[shape]
        return str(draw(st.sampled_from([*fitting, *fitting, *constants])))

    def part(of: Shape = shape) -> str:
        return _expression(draw, of, depth - 1, names, smooth)

    # A number may stand where an array is wanted: it is broadcast.
    def other() -> str:
        return part(draw(st.sampled_from([shape, ()])))

    kind = draw(st.integers(0, 2 if smooth else 5))
    if kind == 0:
        return f"({draw(st.sampled_from(SMOOTH)).format(part())})"
    if kind == 1:
        return f"({draw(st.sampled_from(SMOOTH_PAIRS)).format(part(), other())})"
    if kind in (2, 3):
        rows = SMOOTH_SHAPES[shape] if kind == 2 else KINKED_SHAPES[shape]
        text, wanted = draw(st.sampled_from(rows))
        return f"({text.format(*(part(each) for each in wanted))})"
    if kind == 4:
        return f"({draw(st.sampled_from(GUARDED)).format(a=part(), b=other())})"
    if draw(st.booleans()):
        return f"({draw(st.sampled_from(KINKED)).format(part())})"
    return f"({draw(st.sampled_from(KINKED_PAIRS)).format(part(), other())})"


@st.composite
def programs(draw: Draw, *, smooth: bool = False, scalar: bool = False) -> str:
    """A program in some of the inputs of `SHAPES`, with assignments that it shares.

    `smooth`: without kinks, jumps and branches. `scalar`: with the one output f, a number.
    """
    names = dict(SHAPES)
    lines = []
    for name in ("p", "q")[: draw(st.integers(0, 2))]:
        shape = draw(st.sampled_from(list(SMOOTH_SHAPES)))
        lines.append(f"{name} = {_expression(draw, shape, 2, names, smooth)}")
        names[name] = shape
    shapes = [()] if scalar else draw(st.lists(st.sampled_from(list(SMOOTH_SHAPES)), min_size=1, max_size=2))
    outputs = [f"f{i}" if len(shapes) > 1 else "f" for i in range(len(shapes))]
    for output, shape in zip(outputs, shapes, strict=True):
        lines.append(f"{output} = {_expression(draw, shape, 3, names, smooth)}")
    lines.append(f"return {', '.join(outputs)}")
    return "\n".join(lines)


def _coordinate(smooth: bool) -> st.SearchStrategy[float]:
    # Quarters, so that ties, kinks and zeros happen; or numbers of which no two are alike.
    quarters = st.integers(-8, 8).map(lambda n: n / 4)
    return st.floats(-2, 2, width=32) if smooth else quarters


def points(*, smooth: bool = False) -> st.SearchStrategy[dict[str, Array]]:
    """A value for every input of `SHAPES`."""

    def array(shape: Shape) -> st.SearchStrategy[Array]:
        size = int(np.prod(shape))
        one = _coordinate(smooth)
        return st.lists(one, min_size=size, max_size=size).map(lambda row: np.array(row).reshape(shape))

    return st.fixed_dictionaries({name: array(shape) for name, shape in SHAPES.items()})
