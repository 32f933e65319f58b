"""Random programs: vectors, matrices and numbers through every kind of operation that moves or mixes elements."""

from __future__ import annotations

import random

import numpy as np

#: By the kinds of the arguments (s: number, v: vector of 6, m: 3 × 2 matrix) and of the result.
STEPS = [
    ("vv", "v", "{0}*{1}"),
    ("vv", "v", "{0}/(2+{1}^2)"),
    ("vs", "v", "{0}*{1} - sin({0})"),
    ("v", "v", "concat({0}[1:], {0}[:1])"),
    ("vv", "v", "concat({0}[::2], {1}[:3])"),
    ("v", "v", "{0}[::-1]"),
    ("v", "v", "cumsum({0})"),
    ("v", "v", "tanh({0})"),
    ("v", "v", "sort({0})"),
    ("v", "v", "softmax({0})"),
    ("vv", "v", "max({0}, {1})"),
    ("vv", "v", "where({0} > {1}, {0}^2, exp(-{1}^2))"),
    ("v", "v", "stop({0})"),
    ("v", "v", "floor({0})"),
    ("v", "v", "eye(6)[:, ::-1] @ {0}"),
    ("v", "v", "diag([1, 0, 2, 0, 0, 3]) @ {0}"),
    ("m", "v", "flatten({0}) + 0"),
    ("m", "v", "flatten({0}')"),
    ("v", "m", "reshape({0}, 3, 2)"),
    ("v", "m", "[[{0}[0], {0}[1]], [{0}[2], 1], [0, {0}[5]]]"),
    ("mm", "m", "{0}*{1}"),
    ("mv", "m", "{0} + {1}[:2]"),
    ("mm", "m", "{0} @ ({1}[:2])"),
    ("m", "m", "cumsum({0}, axis=0)"),
    ("m", "m", "{0} * outer(logsumexp({0}, axis=1), [1, 2])"),
    ("m", "m", "sort({0}, axis=1)"),
    ("m", "m", "outer(mean({0}, axis=1), [1, 0.5])"),
    ("m", "m", "outer([1, 2, 3], max({0}, axis=0))"),
    ("m", "v", "concat(diag({0} @ {0}'), sum({0}, axis=1))"),
    ("v", "s", "sum({0}^2)"),
    ("v", "s", "{0}[2]"),
    ("v", "s", "norm({0} + 3)"),
    ("m", "s", "{0}[1, 0]*{0}[2, 1]"),
    ("m", "s", "prod({0}[0])"),
    ("ss", "s", "{0}*cos({1})"),
    ("ss", "s", "atan2({0}, 2 + {1}^2)"),
]  # fmt: skip


def program(seed: int, *, scalar: bool = False, length: int = 12) -> str:
    """A program of the inputs v (6), w (6), m (3, 2), s and t; its outputs are the steps that nothing uses."""
    rng = random.Random(seed)
    pool = {"v": ["v", "w"], "m": ["m"], "s": ["s", "t"]}
    used: set[str] = set()
    lines = []
    for i in range(length):
        takes, gives, text = rng.choice(STEPS)
        chosen = [rng.choice(pool[kind][-4:]) for kind in takes]
        used |= set(chosen)
        name = f"y{i}"
        lines.append(f"{name} = {text.format(*chosen)}")
        pool[gives].append(name)
    made = [name for names in pool.values() for name in names if name.startswith("y") and name not in used]
    if scalar:
        lines.append("return_ = " + " + ".join(f"sum({name}*1)" for name in made))
        made = ["return_"]
    return "input v, w, m, s, t\n" + "\n".join(lines) + "\nreturn " + ", ".join(made)


def point(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    shapes = {"v": (6,), "w": (6,), "m": (3, 2), "s": (), "t": ()}
    return {name: rng.uniform(-1.5, 1.5, shape) for name, shape in shapes.items()}
