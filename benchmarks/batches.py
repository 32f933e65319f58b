"""(d) Value and derivatives at many points, beside JAX, CasADi and autograd."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from benchmarks.harness import Table, alternate, installed, ratio, seconds

_D1 = "(log(s/k) + (r + v^2/2)*t)/(v*sqrt(t))"
_CDF = "(0.5*(1 + tanh(0.7978845608*({d} + 0.044715*{d}^3))))"
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
r1 = w1*(d*u + cu - mu)
r2 = w1*(d*v + cv - mu)
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


def run(smoke: bool) -> Iterator[Table]:
    """Throughput by expression and number of points."""
    sizes = (1000,) if smoke else (1000, 100_000, 2_000_000)
    names = list(EXPRESSIONS)[:2] if smoke else list(EXPRESSIONS)
    for count in sizes:
        yield _throughput(count, names, smoke)


def _throughput(count: int, names: list[str], smoke: bool) -> Table:
    import diffcli

    peers = [] if smoke else [peer for peer in ("jax", "autograd", "casadi") if installed(peer)]
    columns = ("expression", "diffcli", *(f"{peer} ÷ diffcli" for peer in peers))
    table = Table(f"Value and derivatives at {count:,} points, time a point", columns)
    rng = np.random.default_rng(0)
    ratios: dict[str, list[float]] = {peer: [] for peer in peers}
    for name in names:
        program = diffcli.parse(EXPRESSIONS[name])
        points = {each: rng.uniform(0.5, 2.0, count) for each in program.inputs}
        works: dict[str, Callable[[], object]] = {"diffcli": _ours(program, points)}
        for peer in peers:
            work = _PEERS[peer](program, EXPRESSIONS[name], points)
            if work is not None:
                works[peer] = work
        times = alternate(works, rounds=3 if smoke else 9 if count < 1_000_000 else 5)
        row = [name, seconds(statistics.median(times["diffcli"]) / count)]
        for peer in peers:
            if peer in times:
                ratios[peer].append(ratio(times, peer, "diffcli"))
                row.append(f"{ratios[peer][-1]:.2f}")
            else:
                row.append("–")
        table.rows.append(row)
    if peers:
        means = [f"{statistics.geometric_mean(ratios[p]):.2f}" if ratios[p] else "–" for p in peers]
        table.rows.append(["geometric mean", "", *means])
        table.notes.append("Above 1 diffcli is faster. JAX is jitted, in doubles and warm; medians of paired ratios.")
    return table


def _ours(program: Any, points: Mapping[str, np.ndarray]) -> Callable[[], object]:
    batch = program.batch(points)
    return batch.jacobian if len(program.outputs) > 1 else batch.value_and_grad


def _python(program: Any, text: str) -> str:
    """The program as the body of a Python function of the inputs in order; ``^`` is ``**``."""
    text = text.replace("^", "**").replace("max(", "maximum(").replace("min(", "minimum(")
    if "\n" not in text:
        text = f"return {text}"
    return f"def f({', '.join(program.inputs)}):\n" + "".join(f"    {line}\n" for line in text.splitlines())


def _function(program: Any, text: str, module: Any) -> Callable[..., Any]:
    used = ("sin", "cos", "tanh", "exp", "log", "sqrt", "where", "maximum", "minimum")
    names = {name: getattr(module, name) for name in used if hasattr(module, name)}
    exec(_python(program, text), names)
    found: Callable[..., Any] = names["f"]
    return found


def _jax(program: Any, text: str, points: Mapping[str, np.ndarray]) -> Callable[[], object]:
    import jax

    jax.config.update("jax_enable_x64", True)
    f = _function(program, text, jax.numpy)
    every = tuple(range(len(program.inputs)))
    if len(program.outputs) > 1:
        each = jax.jacrev(lambda *x: jax.numpy.stack(f(*x)), argnums=every)
    else:
        each = jax.value_and_grad(f, argnums=every)
    compiled = jax.jit(jax.vmap(each))
    args = [jax.numpy.asarray(array) for array in points.values()]
    return lambda: jax.block_until_ready(compiled(*args))


def _autograd(program: Any, text: str, points: Mapping[str, np.ndarray]) -> Callable[[], object] | None:
    import autograd.numpy as anp
    from autograd import elementwise_grad

    if len(program.outputs) > 1 or len(next(iter(points.values()))) > 200_000:
        return None
    f = _function(program, text, anp)
    gradient = elementwise_grad(f, argnum=tuple(range(len(points))))
    args = list(points.values())
    return lambda: (f(*args), gradient(*args))


def _casadi(program: Any, text: str, points: Mapping[str, np.ndarray]) -> Callable[[], object] | None:
    import casadi

    if "where" in text or "max" in text or len(next(iter(points.values()))) > 200_000:
        return None
    f = _function(program, text, casadi)
    symbols = [casadi.SX.sym(name) for name in program.inputs]
    out = f(*symbols)
    out = casadi.vertcat(*out) if isinstance(out, tuple) else out
    function = casadi.Function("f", symbols, [out, casadi.jacobian(out, casadi.vertcat(*symbols))])
    count = len(next(iter(points.values())))
    mapped = function.map(count)
    args = [array[np.newaxis, :] for array in points.values()]
    return lambda: mapped(*args)


_PEERS: Mapping[str, Callable[..., Any]] = {"jax": _jax, "autograd": _autograd, "casadi": _casadi}
