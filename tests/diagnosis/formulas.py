"""Random formulas: their text in the language, and what they mean in mpmath, said once more and by other means.

A formula is a list of steps, each an operation of `OPERATIONS` on earlier steps, from which both are made: the text
that diffcli reads, and the exact value. So parsing, shapes, broadcasting and evaluation are judged too, and not one
rule of `diffcli.primitives` takes part. Values are flat lists of mpmath numbers; None is what has no value.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, NamedTuple

from tests.diagnosis.exact import Exact, Row, Undecided
from tests.diagnosis.meanings import ELEMENTWISE, MEANINGS

Shape = tuple[int, ...]
#: A number of the way: (step,), or in a function's body (step, element, inner step); of what a step on whole arrays
#: takes, ("of", step, argument).
Place = tuple[Any, ...]
Touch = Callable[[Place, Row], Row]
NUMBER: Shape = ()
PAIR: Shape = (2,)
TRIPLE: Shape = (3,)
MATRIX: Shape = (2, 2)

#: The inputs that a formula may have.
INPUTS: dict[str, Shape] = {"x": NUMBER, "y": NUMBER, "z": NUMBER, "u": PAIR, "v": TRIPLE, "A": MATRIX}


class Step(NamedTuple):
    """One operation: `text` with places for its arguments, which are earlier steps."""

    text: str
    meaning: str
    args: tuple[int, ...]
    shape: Shape
    number: float = 0.0

    @property
    def elementwise(self) -> bool:
        """Whether it takes its arguments number by number."""
        return self.meaning in ELEMENTWISE and not (len(self.args) == 1 and self.meaning in ("max", "min"))


class Way(NamedTuple):
    """One way to make something: its weight, its text, what it means, and the shapes it takes (None: its own)."""

    weight: float
    text: str
    meaning: str
    takes: tuple[Shape | None, ...]


def _ways(weight: float, takes: tuple[Shape | None, ...], texts: str) -> list[Way]:
    """One way for each line ``meaning  text``; a line of one word w means w({}, …)."""
    ways = []
    lines = [line.strip() for line in texts.strip().splitlines()]
    for line in lines:
        meaning, _, text = line.partition("  ")
        text = text.strip() or f"{meaning}({', '.join(['{}'] * len(takes))})"
        ways.append(Way(weight / len(lines), text, meaning, takes))
    return ways


_SMOOTH = """
    sin\n cos\n exp\n tanh\n atan\n sin\n cos\n exp
    square  {}^2
    cube  {}^3
    negate  (-{})
    reciprocal  1/{}
    fourth  {}^4
    inverse_square  {}^-2
    twice  2*{}
    add_one  (1 + {})
    one_minus  (1 - {})
    add_one  ({} + 1)
    twice  {}*2
"""
#: Not for all numbers.
_NARROW = """
    sqrt\n sqrt\n log\n log\n log2\n log10\n log1p\n logit\n entr\n asin\n acos\n acosh\n atanh
    root  {}^0.5
    power_3_2  {}^1.5
    inverse_root  {}^-0.5
    power_1_3  {}^(1/3)
"""
_RARER = """
    cbrt\n exp2\n expm1\n sigmoid\n softplus\n log_sigmoid\n tan\n sinc\n deg2rad\n rad2deg\n sinh\n cosh\n asinh
    erf\n erfc\n stop
    one  {}^0
    cube  {0}*{0}*{0}
"""
#: mpmath needs a thousand times as long for these.
_SPECIAL = """
    erfinv\n gamma\n lgamma\n digamma
    trigamma  polygamma(1, {})
    tetragamma  polygamma(2, {})
"""
_KINKED = """
    abs\n relu\n sign\n floor\n ceil\n round\n trunc\n heaviside
    clip  clip({}, -1, 1)
    mod_2  {} % 2
    relu  max({}, 0)
    cap  min({}, 1)
"""
_PAIRS = """
    add  ({} + {})
    subtract  ({} - {})
    multiply  {}*{}
    divide  {}/{}
    add  ({} + {})
    multiply  {}*{}
"""
_RARER_PAIRS = """
    hypot\n atan2\n logaddexp\n xlogy
    hypot\n atan2\n logaddexp
    power  {}^{}
    power  {}**{}
"""
_KINKED_PAIRS = """
    max\n min\n mod\n fmod
    mod  {} % {}
"""
_COMPARED = """
    less  {} < {}
    less_equal  {} <= {}
    greater  {} > {}
    greater_equal  {} >= {}
    equal  {} == {}
    not_equal  {} != {}
"""

_ELEMENTWISE = [
    *_ways(24, (None,), _SMOOTH),
    *_ways(6, (None,), _NARROW),
    *_ways(8, (None,), _RARER),
    *_ways(6, (None,), _KINKED),
    *_ways(28, (None, None), _PAIRS),
    *_ways(7, (None, None), _RARER_PAIRS),
    *_ways(5, (None, None), _KINKED_PAIRS),
]
_TO_NUMBER = [
    *_ways(4, (TRIPLE,), "sum\n prod\n mean\n var\n std\n max\n min\n norm\n logsumexp\n median\n sum\n prod"),
    *_ways(2, (TRIPLE, TRIPLE), "dot\n dot  {} @ {}"),
    *_ways(2, (TRIPLE,), "first  {}[0]\n last  {}[-1]\n second  {}[1]"),
    *_ways(1, (PAIR,), "first  {}[0]\n last  {}[1]\n hypot_of  norm({})\n sum"),
    *_ways(2, (MATRIX,), "trace\n det\n logabsdet\n sum\n second  {}[0, 1]\n last  {}[-1, -1]\n max\n prod"),
]
_TO_ARRAY: dict[Shape, list[Way]] = {
    PAIR: [
        *_ways(6, (NUMBER, NUMBER), "join  [{}, {}]"),
        *_ways(4, (MATRIX, PAIR), "matvec  {} @ {}\n solve"),
        *_ways(3, (MATRIX,), "row_0  {}[0]\n column_1  {}[:, 1]\n sum_0  sum({}, axis=0)\n prod_1  prod({}, axis=1)\n"
                             "diagonal  diag({})\n max_0  max({}, axis=0)\n eigvalsh  eigvalsh({0} + {0}')"),
        *_ways(2, (TRIPLE,), "tail  {}[1:]\n head  {}[:-1]"),
        *_ways(1, (PAIR,), "sort\n softmax\n reverse  {}[::-1]"),
    ],
    TRIPLE: [
        *_ways(8, (NUMBER, NUMBER, NUMBER), "join  [{}, {}, {}]"),
        *_ways(4, (TRIPLE,), "softmax\n log_softmax\n cumsum\n cumprod\n sort\n reverse  {}[::-1]\n"
                             "roll  concat({0}[1:], {0}[:1])"),
        *_ways(1, (TRIPLE, TRIPLE), "cross"),
        *_ways(1, (PAIR, NUMBER), "append  concat({}, [{}])"),
        *_ways(1, (NUMBER, NUMBER), "linspace  linspace({}, {}, 3)"),
    ],
    MATRIX: [
        *_ways(4, (PAIR, PAIR), "join  [{}, {}]\n join  stack({}, {})\n outer"),
        *_ways(5, (MATRIX,), "transpose  {}'\n inv\n softmax_1  softmax({}, axis=1)\n sort_0  sort({}, axis=0)\n"
                             "chol  chol({0} @ {0}' + eye(2))"),
        *_ways(2, (MATRIX, MATRIX), "matmul  {} @ {}"),
        *_ways(2, (NUMBER, NUMBER, NUMBER, NUMBER), "join  [[{}, {}], [{}, {}]]"),
    ],
}  # fmt: skip
#: Branches: a condition, and two ways to go.
_BRANCHES = [
    *_ways(3, (), "where  where({}, {}, {})"),
    *_ways(3, (), "where  ({1} if {0} else {2})"),
]
_CONDITIONS = _ways(1, (NUMBER, NUMBER), _COMPARED)
_GUARDS = [
    ("less", "0 < {}", "log\n sqrt\n power_3_2  {}^1.5\n power_1_3  {}^(1/3)"),
    ("nonzero", "{} != 0", "reciprocal  1/{}\n sinc\n sin_over\n expm1_over"),
    ("below_one", "{} < 1", "log_complement\n square  {}^2"),
    ("inside", "-1 < {} < 1", "asin\n atanh\n acos"),
]
CONSTANTS: list[tuple[str, float]] = [
    ("2", 2.0), ("3", 3.0), ("0.5", 0.5), ("1", 1.0), ("0.1", 0.1), ("(-1)", -1.0), ("0", 0.0), ("1e-3", 1e-3),
    ("10", 10.0), ("pi", math.pi), ("1.5", 1.5), ("0.25", 0.25),
]  # fmt: skip


_RARE = [*_ways(1, (None,), _SPECIAL), *_ways(0.2, (None, None), "beta")]


#: What has several operations: each takes the argument (0) or the results of those before (1, 2, …).
_COMPOSED: dict[str, list[tuple[str, str, tuple[int, ...]]]] = {
    "log_complement": [("(1 - {})", "one_minus", (0,)), ("log({})", "log", (1,))],
    "sin_over": [("sin({})", "sin", (0,)), ("{}/{}", "sin_over", (1, 0))],
    "expm1_over": [("expm1({})", "expm1", (0,)), ("{}/{}", "expm1_over", (1, 0))],
}


class _Table:
    """Ways by weight."""

    def __init__(self, ways: Sequence[Way]) -> None:
        self.ways = list(ways)
        self.sums = list(accumulate(way.weight for way in self.ways))

    def draw(self, rng: random.Random) -> Way:
        return rng.choices(self.ways, cum_weights=self.sums)[0]


_MAKING = {
    NUMBER: _Table([*_ELEMENTWISE, *_TO_NUMBER]),
    **{
        shape: _Table([*(way._replace(weight=way.weight / 4) for way in _ELEMENTWISE), *ways])
        for shape, ways in _TO_ARRAY.items()
    },
}
_WITH_SPECIAL = {shape: _Table([*table.ways, *(way._replace(weight=20 * way.weight) for way in _RARE)])
                 for shape, table in _MAKING.items()}  # fmt: skip


@dataclass(slots=True)
class Formula:
    """A program: its text, its inputs in order of their shapes' numbers, and its steps, the last of which is it."""

    text: str
    inputs: dict[str, Shape]
    steps: list[Step]
    functions: dict[str, list[Step]]

    @property
    def shape(self) -> Shape:
        """The shape of its value."""
        return self.steps[-1].shape

    @property
    def size(self) -> int:
        """How many numbers that is."""
        return math.prod(self.shape)

    def value(
        self, exact: Exact, point: dict[str, Row], held: list[Row] | None = None, touch: Touch | None = None
    ) -> Row:
        """Its value, and in `held` those of its `stop` steps: taken from there if it has them, else put there.

        `touch(place, row)` may change the result of a step, and what a step on whole arrays takes.
        """
        given = list(held) if held else None
        found: list[Row] = []
        for i, step in enumerate(self.steps):
            if step.meaning == "input":
                row = point[step.text]
            elif step.meaning == "number":
                row = [exact.number(step.number)]
            elif step.meaning == "stop":
                row = given.pop(0) if given else found[step.args[0]]
                if given is None and held is not None:
                    held.append(row)
            elif step.meaning == "call":
                row = self._called(exact, i, [found[k] for k in step.args], touch)
            else:
                args = [found[k] for k in step.args]
                if touch is not None and not step.elementwise:
                    args = [touch(("of", i, a), arg) for a, arg in enumerate(args)]
                # ∞ − ∞ and 0·∞ are nothing, to a comparison too.
                row = [None if x != x else x for x in MEANINGS[step.meaning](exact, *args)]
            found.append(row if touch is None else touch((i,), row))
        return found[-1]

    def _called(self, exact: Exact, i: int, args: list[Row], touch: Touch | None) -> Row:
        body = self._body(i)
        size = max(map(len, args))
        out: Row = []
        for k in range(size):
            found: list[Row] = []
            for n, inner in enumerate(body):
                if inner.meaning == "input":
                    arg = args["st".index(inner.text)]
                    row = [arg[k if len(arg) > 1 else 0]]
                elif inner.meaning == "number":
                    row = [exact.number(inner.number)]
                else:
                    row = MEANINGS[inner.meaning](exact, *[found[m] for m in inner.args])
                found.append(row if touch is None else touch((i, k, n), row))
            out.append(found[-1][0])
        return out

    def _body(self, i: int) -> list[Step]:
        return self.functions[self.steps[i].text.partition("(")[0]]

    def step(self, place: Place) -> Step:
        """The step that `touch` is told of by a place."""
        if place[0] == "of":
            return self.steps[place[1]]
        return self.steps[place[0]] if len(place) == 1 else self._body(place[0])[place[2]]

    def arguments(self, place: Place) -> list[Place]:
        """Where the arguments of a step's result are."""
        args = self.step(place).args
        return [(k,) for k in args] if len(place) == 1 else [(*place[:2], k) for k in args]


class _Growing:
    """A formula that is being made."""

    def __init__(self, rng: random.Random, names: dict[str, Shape], *, special: bool = False) -> None:
        self.rng = rng
        self.making = _WITH_SPECIAL if special else _MAKING
        self.names = names
        self.steps: list[Step] = []
        self.places: dict[Step, int] = {}
        self.functions: dict[str, list[Step]] = {}

    def put(self, text: str, meaning: str, args: tuple[int, ...], shape: Shape, number: float = 0.0) -> int:
        step = Step(text, meaning, args, shape, number)
        if step not in self.places:
            self.places[step] = len(self.steps)
            self.steps.append(step)
        return self.places[step]

    def leaf(self, shape: Shape) -> int:
        rng = self.rng
        fitting = [name for name, its in self.names.items() if its == shape]
        if fitting and rng.random() < (0.8 if shape == NUMBER else 0.95):
            return self.put(rng.choice(fitting), "input", (), shape)
        if shape == NUMBER:
            text, value = rng.choice(CONSTANTS)
            return self.put(text, "number", (), shape, value)
        # An array of what there is.
        if rng.random() < 0.8:
            text = "[[{}, {}], [{}, {}]]" if shape == MATRIX else f"[{', '.join(['{}'] * shape[0])}]"
            args = [self.leaf(NUMBER) for _ in range(math.prod(shape))]
            for k in range(1, len(args)):
                if args[k] in args[:k]:  # a tie that nobody would write
                    args[k] = self.leaf(NUMBER)
            return self.put(text, "join", tuple(args), shape)
        return self.put("{} + " + f"zeros({', '.join(map(str, shape))})", "repeat_" + str(math.prod(shape)),
                        (self.leaf(NUMBER),), shape)  # fmt: skip

    def grow(self, shape: Shape, depth: int, table: _Table | None = None) -> int:
        """A new step of a shape (or one made before)."""
        rng = self.rng
        chance = rng.random()
        if depth <= 0 or chance < 0.1:
            return self.leaf(shape)
        if table is None:
            if chance < 0.16:
                made = [i for i, step in enumerate(self.steps) if step.args and step.shape == shape]
                made = [i for i in made if self.steps[i].meaning not in BOOLEAN]
                if made:
                    return rng.choice(made)
            if chance < 0.22:
                return self.branch(shape, depth)
            if chance < 0.25 and self.functions:
                name = rng.choice(list(self.functions))
                args = tuple(self.grow(shape, depth - 1) for _ in range(2 if name == "h" else 1))
                return self.put(f"{name}({', '.join(['{}'] * len(args))})", "call", args, shape)
        way = (table or self.making[shape]).draw(rng)
        args = tuple(
            self.grow(
                # Beside an array there may be a number: it is broadcast.
                shape if takes is None and (k == 0 or rng.random() < 0.7) else (takes or NUMBER),
                depth - 1,
                table,
            )
            for k, takes in enumerate(way.takes)
        )
        if len(args) == 2 and args[0] == args[1] and way.takes[1] is None and rng.random() < 0.7:
            args = args[0], self.grow(shape, depth - 1, table)
        if shape != NUMBER and way.takes and way.takes[0] is None and len(args) > 1 and rng.random() < 0.2:
            args = args[::-1]
        return self.put(way.text, way.meaning, args, shape)

    def branch(self, shape: Shape, depth: int) -> int:
        rng = self.rng
        if rng.random() < 0.4:
            condition, test, bodies = rng.choice(_GUARDS)
            way = rng.choice(_ways(1, (None,), bodies))
            arg = self.grow(shape, depth - 2)
            made = [arg]
            for text, meaning, places in _COMPOSED.get(way.meaning, [(way.text, way.meaning, (0,))]):
                made.append(self.put(text, meaning, tuple([made[k] for k in places]), shape))
            inside = made[-1]
            args: tuple[int, ...] = (arg,)
            if condition == "less":
                zero = self.put("0", "number", (), NUMBER, 0.0)
                test, args = "{} < {}", (zero, arg)
            chosen = self.put(test, condition, args, shape)
            text = rng.choice(["where({}, {}, {})", "({1} if {0} else {2})"])
            return self.put(text, "where", (chosen, inside, self.grow(shape, depth - 2)), shape)
        chosen = self.condition(depth)
        way = rng.choice(_BRANCHES)
        return self.put(way.text, "where", (chosen, self.grow(shape, depth - 1), self.grow(shape, depth - 1)), shape)

    def condition(self, depth: int) -> int:
        rng = self.rng
        way = rng.choice(_CONDITIONS)
        args = self.grow(NUMBER, depth - 2), self.grow(NUMBER, depth - 2)
        if args[0] == args[1]:
            args = args[0], self.put("1", "number", (), NUMBER, 1.0)
        found = self.put(way.text, way.meaning, args, NUMBER)
        kind = rng.random()
        if kind < 0.1:
            return self.put("(not {})", "not", (found,), NUMBER)
        if kind < 0.3:
            text, meaning = rng.choice([("({} and {})", "and"), ("({} or {})", "or")])
            return self.put(text, meaning, (found, self.condition(depth - 1)), NUMBER)
        return found


def _spelled(steps: Sequence[Step]) -> list[str]:
    """The statements: what is used twice gets a name of its own."""
    uses = [0] * len(steps)
    for step in steps:
        for place in step.args:
            uses[place] += max(1, step.text.count("{0}"))
    texts: list[str] = []
    statements = []
    for i, step in enumerate(steps):
        text = step.text
        if step.args:
            text = text.format(*[texts[j] for j in step.args])
            if not _alone(text):
                text = f"({text})"
            if i < len(steps) - 1 and uses[i] > 1 and step.meaning not in BOOLEAN:
                name = f"p{len(statements) + 1}"
                statements.append(f"{name} = {_bare(text)}")
                text = name
        texts.append(text)
    return [*statements, _bare(texts[-1])]


#: What gives true or false.
BOOLEAN = {
    *("less", "less_equal", "greater", "greater_equal", "equal", "not_equal", "and", "or", "not"),
    *("nonzero", "below_one", "inside"),
}


def _alone(text: str) -> bool:
    """Whether it is a call, or stands in brackets."""
    before = re.match(r"\w*[(\[]", text)
    return before is not None and _closes(text)


def _closes(text: str) -> bool:
    """Whether the first bracket closes at the end."""
    depth = 0
    for k, letter in enumerate(text):
        depth += (letter in "([") - (letter in ")]")
        if depth == 0 and letter in ")]":
            return k == len(text) - 1
    return False


def _bare(text: str) -> str:
    return text[1:-1] if text.startswith("(") and _closes(text) else text


def formula(rng: random.Random, depth: int = 4, shape: Shape = NUMBER, *, special: bool = False) -> Formula:
    """A random formula with at least one input; `special`: with functions of the gamma family among others."""
    while True:
        names = {name: INPUTS[name] for name in ("x", "y", "z")[: rng.choice((1, 2, 2, 2, 3))]}
        if rng.random() < 0.35:
            name = rng.choice("uvA")
            names = dict(list(names.items())[:2]) | {name: INPUTS[name]}
        growing = _Growing(rng, names, special=special)
        statements = []
        if rng.random() < 0.12:
            for name in ("g", "h")[: rng.choice((1, 1, 2))]:
                parts = ["s", "t"][: 1 + (name == "h")]
                steps: list[Step] = []
                while not {*parts} <= {step.text for step in steps}:
                    body = _Growing(rng, dict.fromkeys(parts, NUMBER))
                    steps = _used(body.steps, body.grow(NUMBER, 2, _NO_STOPS))
                growing.functions[name] = steps
                statements.append(f"{name}({', '.join(parts)}) = {_spelled_whole(steps)}")
        used = _used(growing.steps, growing.grow(shape, depth))
        inputs = {step.text: step.shape for step in used if step.meaning == "input"}
        if inputs and len(used) > 2:
            called = {step.text.partition("(")[0] for step in used if step.meaning == "call"}
            statements = [each for each in statements if each[0] in called]
            return Formula("; ".join([*statements, *_spelled(used)]), inputs, used, growing.functions)


_NO_STOPS = _Table([way for way in _ELEMENTWISE if way.meaning != "stop"])


def _spelled_whole(steps: Sequence[Step]) -> str:
    """One expression, with nothing named."""
    texts: list[str] = []
    for step in steps:
        text = step.text
        if step.args:
            text = f"({text.format(*[texts[j] for j in step.args])})"
        texts.append(text)
    return _bare(texts[-1])


def _used(steps: list[Step], last: int) -> list[Step]:
    """The steps that `last` needs, numbered anew."""
    wanted = {last}
    for i in range(last, -1, -1):
        if i in wanted:
            wanted.update(steps[i].args)
    places = {old: new for new, old in enumerate(sorted(wanted))}
    return [steps[old]._replace(args=tuple(places[j] for j in steps[old].args)) for old in sorted(wanted)]


# Points -----------------------------------------------------------------------------------------------------

ORDINARY, SIMPLE, EDGE = "ordinary", "simple", "edge"
_EDGES = [
    0.0, -0.0, 1.0, -1.0, 1 + 2**-52, 1 - 2**-53, 0.5, -0.5, 2.0, 3.0, 1e-8, -1e-8, 1e-3, 1e3, 1e8, -1e8, 30.0, -40.0,
    math.pi, math.pi / 2, 1 + 2**-40, 1e-17, 1e17, 700.0, -745.0,
]  # fmt: skip
_FAR = [1e-20, 1e20, -1e20, 1e-100, 1e100, 1e-200, 1e200, -1e-200, 1e308, 5e-324, 1e-310]


def point(rng: random.Random, inputs: dict[str, Shape], kind: str) -> dict[str, list[float]]:
    """A point: numbers of which no two are alike, quarters (so that kinks, ties and zeros happen), or edges."""

    signs = rng.choice(((1.0,), (-1.0, 1.0)))

    def ordinary() -> float:
        return rng.choice(signs) * rng.uniform(0.2, 3.0)

    def simple() -> float:
        return rng.randint(-8, 8) / 4

    far = rng.random() < 0.25

    def edge() -> float:
        chance = rng.random()
        if chance < 0.3:
            return ordinary()
        return rng.choice(_FAR if far and chance < 0.6 else _EDGES)

    draw = {ORDINARY: ordinary, SIMPLE: simple, EDGE: edge}[kind]
    return {name: [draw() for _ in range(math.prod(shape))] for name, shape in inputs.items()}


def defined(made: Formula, at: dict[str, list[float]]) -> bool:
    """Whether the formula has a value at a point, roughly."""
    o = Exact(0.1)
    try:
        o.at(100)
        return None not in made.value(o, {name: [o.number(x) for x in row] for name, row in at.items()})
    except Undecided:
        return False


def command(text: str, inputs: dict[str, Shape], at: dict[str, list[float]], verb: str = "grad") -> str:
    """The command line that shows what diffcli says there."""
    parts = []
    for name, row in at.items():
        shape = inputs[name]
        value: Any = row[0] if shape == NUMBER else list(row) if len(shape) == 1 else [row[:2], row[2:]]
        parts.append(f"{name}={value!r}".replace(" ", ""))
    return f"diffcli {verb} \"{text}\" --at '{', '.join(parts)}'"
