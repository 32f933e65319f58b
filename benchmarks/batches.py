"""(d) Value and derivatives at many points, beside JAX, autograd, CasADi and a loop in C; values beside numexpr too."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.harness import Table, alternate, busy, installed, once, ratio, seconds
from benchmarks.peers import PEERS, VALUE_PEERS, Maker, Points, Work, present

_D1 = "(log(s/k) + (r + v^2/2)*t)/(v*sqrt(t))"
_CDF = "(0.5*erfc(-{d}/sqrt(2)))"
_D2 = f"({_D1} - v*sqrt(t))"


def _random_program(steps: int) -> str:
    """A program of that many operations on values before them."""
    rng = np.random.default_rng(5)
    names, lines = ["x", "y", "z"], []
    for i in range(steps):
        a, b = (names[-1 - int(k)] for k in rng.integers(0, min(8, len(names)), 2))
        forms = ("sin({a} + {b})", "{a}*cos({b})", "{a} + 0.5*{b}", "tanh({a} - {b})", "{a}/(1 + {b}^2)")
        form = forms[int(rng.integers(5))]
        lines.append(f"v{i} = {form.format(a=a, b=b)}")
        names.append(f"v{i}")
    return "\n".join([*lines, f"f = v{steps - 1}", "return f"])


def _network(width: int) -> str:
    hidden = [f"tanh({0.3 * k - 1}*x + {0.7 - 0.2 * k}*y + {0.1 * k}*z)" for k in range(width)]
    return " + ".join(f"{(-1) ** k * 0.5}*{h}" for k, h in enumerate(hidden))


#: As in bundle adjustment: 11 numbers of a camera (angles, place, focal length, centre, distortion), 3 of a point, a
#: weight; where the point is in the picture is constant.
_CAMERA = """\
cx = cos(ax)
sx = sin(ax)
cy = cos(ay)
sy = sin(ay)
cz = cos(az)
sz = sin(az)
p = px - tx
q = py - ty
w = pz - tz
x1 = cz*p - sz*q
y1 = sz*p + cz*q
x2 = cy*x1 + sy*w
z2 = cy*w - sy*x1
y3 = cx*y1 - sx*z2
z3 = sx*y1 + cx*z2 + 10
u = x2/z3
v = y3/z3
n = u^2 + v^2
d = f*(1 + n*(k1 + n*k2))
r1 = w1*(d*u + cu - 0.3)
r2 = w1*(d*v + cv - 0.1)
return r1, r2
"""
_ARM = "a = cos(p) + 0.8*cos(p + q) + 0.3*cos(p + q + w)\nb = sin(p) + 0.8*sin(p + q) + 0.3*sin(p + q + w)\nreturn a, b"

#: Text, by name; two outputs mean a Jacobian.
EXPRESSIONS: Mapping[str, str] = {
    "three variables": "sin(x)*exp(y)/sqrt(x*z) + log(z)",
    "polynomial": "3*x^3*y - 2*x*y^2 + x*y + 5*y^3 - 7*x + y^4*x^2",
    "transcendental": "sin(x)*exp(-y^2) + log(1 + x^2)*tanh(y*z) + sqrt(x^2 + z^2)",
    "Black–Scholes": f"s*{_CDF.format(d=_D1)} - k*exp(-r*t)*{_CDF.format(d=_D2)}",
    "robot arm": _ARM,
    "reprojection": _CAMERA,
    "small network": _network(8),
    "where": "where(x > 1, sqrt(x)*y, where(y > 1, log(y)*z, x^2)) + max(x, y)*min(y, z) + where(z < 1, exp(z), 1/z)",
    "random program": _random_program(200),
}


DERIVATIVES, VALUES = "Value and derivatives", "Values alone"
#: Peers that are not asked for millions of points.
SLOW = ("autograd", "CasADi")
#: So many points go at once where there are more, as anybody would do who has a bound on memory.
CHUNK = 1_000_000
#: So many chunks have points of their own, and are taken again and again: every one is far larger than any cache, and a
#: `Batch` keeps its points and its last answer, which of all chunks together would be many gigabytes.
DISTINCT = 2
#: What takes longer than this at a chunk, in seconds, is measured at one chunk and not at all of them.
PATIENCE = 1.0


def run(smoke: bool) -> Iterator[Table]:
    """Throughput by expression and number of points."""
    names = list(EXPRESSIONS)[:2] if smoke else list(EXPRESSIONS)
    for makers, what in ((PEERS, DERIVATIVES), (VALUE_PEERS, VALUES)):
        peers = {} if smoke else {name: makers[name] for name in present(makers)}
        for count in (1000,) if smoke else (1000, 100_000, 10_000_000):
            yield throughput(count, names, peers, what, rounds=3 if smoke else 11 if count < CHUNK else 3)


def throughput(count: int, names: Sequence[str], peers: Mapping[str, Maker], what: str, rounds: int) -> Table:
    """Time a point, and how many times as long the peers take."""
    ours = ("diffcli", "jit") if installed("llvmlite") else ("diffcli",)
    pairs = [(peer, own) for peer in peers if count <= 200_000 or peer not in SLOW for own in ours]
    columns = ("expression", "diffcli", "jit", *(f"{peer} ÷ {own}" for peer, own in pairs))
    shared = busy()
    table = Table(f"{what} at {count:,} points, {'processor time' if shared else 'time'} a point", columns)
    ratios: dict[tuple[str, str], list[float]] = {pair: [] for pair in pairs}
    cut: list[str] = []
    for name in names:
        works = _works(name, count, ours, {peer: peers[peer] for peer, _ in pairs}, what)
        done = count
        if count > CHUNK and max(min(once(parts[0]) for _ in range(2)) for parts in works.values()) > PATIENCE:
            cut.append(name)
            works, done = {who: parts[:1] for who, parts in works.items()}, CHUNK
        clock = time.process_time if shared else time.perf_counter
        times = alternate({who: _all(parts) for who, parts in works.items()}, rounds, clock=clock)
        for pair in pairs:
            if pair[0] in times:
                ratios[pair].append(ratio(times, *pair))
        row = [seconds(statistics.median(times[own]) / done) if own in times else "–" for own in ("diffcli", "jit")]
        found = [f"{ratios[pair][-1]:.2f}" if pair[0] in times else "–" for pair in pairs]
        table.rows.append([name, *row, *found])
    if pairs:
        means = [f"{statistics.geometric_mean(ratios[pair]):.2f}" if ratios[pair] else "–" for pair in pairs]
        table.rows.append(["geometric mean", "", "", *means])
    table.notes += _notes(peers, shared)
    if count > CHUNK:
        only = f"; one chunk only: {', '.join(cut)}" if cut else ""
        table.notes.append(f"In chunks of {CHUNK:,}, {DISTINCT} different ones in turn{only}.")
    return table


def _notes(peers: Mapping[str, Maker], shared: bool) -> Iterator[str]:
    if peers:
        yield "Above 1 diffcli is faster; medians of paired ratios. JAX is jitted, in doubles and warm."
    if "C" in peers:
        yield "C is a loop written by hand, on all cores: benchmarks/loops.py."
    if "numexpr" in peers:
        yield "numexpr, on all cores, takes a formula of several lines line by line."
    if shared:
        yield "The machine had other work to do, so this is the processor time of all threads together."


def _works(name: str, count: int, ours: Sequence[str], peers: Mapping[str, Maker], what: str) -> dict[str, list[Work]]:
    """The work of everybody who can do it, chunk by chunk; of a chunk that comes again it is the same."""
    import diffcli

    program = diffcli.parse(EXPRESSIONS[name])
    rng = np.random.default_rng(0)
    sizes = [min(CHUNK, count - start) for start in range(0, count, CHUNK)]
    chunks = [{each: rng.uniform(0.5, 2.0, size) for each in program.inputs} for size in sizes[:DISTINCT]]
    prepared = {own: _prepared(program, what, jit=own == "jit") for own in ours}
    for peer, maker in peers.items():
        theirs = maker(program, EXPRESSIONS[name], name)
        if theirs is not None:
            prepared[peer] = theirs
    works = {who: [prepare(chunk) for chunk in chunks] for who, prepare in prepared.items()}
    if what == VALUES:
        _compared(works)
    return {who: [parts[k % len(parts)] for k in range(len(sizes))] for who, parts in works.items()}


def _compared(works: Mapping[str, Sequence[Work]]) -> None:
    """Raises AssertionError if somebody has other values than we."""
    (ours, *others) = [parts[0]() for parts in works.values()]
    assert isinstance(ours, dict)
    for other in others:
        each = (
            list(other.values()) if isinstance(other, dict) else other if isinstance(other, list | tuple) else [other]
        )
        np.testing.assert_allclose(np.array(each), np.array(list(ours.values())), rtol=1e-9, atol=1e-12)


def _prepared(program: Any, what: str, jit: bool) -> Callable[[Points], Work]:
    def prepare(points: Points) -> Work:
        batch = program.batch(points, jit=jit)
        if what == VALUES:
            values: Work = batch.values
            return values
        work: Work = batch.jacobian if len(program.outputs) > 1 else batch.value_and_grad
        return work

    return prepare


def _all(parts: Sequence[Work]) -> Work:
    def work() -> None:
        for part in parts:
            part()

    return work
