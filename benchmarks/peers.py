"""The same formula in other people's hands: JAX, autograd, CasADi, a loop in C, and for its value numexpr; none is
imported before its use.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import installed
from benchmarks.loops import BODIES, source

Points = Mapping[str, np.ndarray[Any, Any]]
Work = Callable[[], object]


def _spelled(text: str) -> str:
    """With the names and signs of NumPy."""
    return text.replace("^", "**").replace("max(", "maximum(").replace("min(", "minimum(")


def _python(program: Any, text: str) -> str:
    """The program as the body of a Python function of the inputs in order."""
    text = _spelled(text)
    if "\n" not in text:
        text = f"return {text}"
    return f"def f({', '.join(program.inputs)}):\n" + "".join(f"    {line}\n" for line in text.splitlines())


def _function(program: Any, text: str, module: Any) -> Callable[..., Any]:
    used = ("sin", "cos", "tanh", "exp", "log", "sqrt", "where", "maximum", "minimum")
    names = {name: getattr(module, name) for name in used if hasattr(module, name)}
    if "erfc(" in text:
        names["erfc"] = _erfc(module)
    exec(_python(program, text), names)
    found: Callable[..., Any] = names["f"]
    return found


def _erfc(module: Any) -> Callable[..., Any]:
    """The complementary error function of a peer."""
    if module.__name__ == "casadi":
        return lambda x: 1 - module.erf(x)
    found: Callable[..., Any] = import_module(f"{module.__name__.partition('.')[0]}.scipy.special").erfc
    return found


def _jax(program: Any, text: str, name: str) -> Callable[[Points], Work]:
    import jax

    jax.config.update("jax_enable_x64", True)
    f = _function(program, text, jax.numpy)
    every = tuple(range(len(program.inputs)))
    if len(program.outputs) > 1:
        each = jax.jacrev(lambda *x: jax.numpy.stack(f(*x)), argnums=every)
    else:
        each = jax.value_and_grad(f, argnums=every)
    compiled = jax.jit(jax.vmap(each))

    def prepare(points: Points) -> Work:
        args = [jax.numpy.asarray(array) for array in points.values()]
        return lambda: jax.block_until_ready(compiled(*args))

    return prepare


def _jax_values(program: Any, text: str, name: str) -> Callable[[Points], Work]:
    import jax

    jax.config.update("jax_enable_x64", True)
    compiled = jax.jit(_function(program, text, jax.numpy))

    def prepare(points: Points) -> Work:
        args = [jax.numpy.asarray(array) for array in points.values()]
        return lambda: jax.block_until_ready(compiled(*args))

    return prepare


def _numexpr(program: Any, text: str, name: str) -> Callable[[Points], Work] | None:
    """It has no programs: a formula of several lines goes line by line."""
    import numexpr

    if "erfc(" in text:
        return None
    lines = [line.split(" = ") for line in _spelled(text).splitlines() if not line.startswith("return")]
    steps = [(line[0], line[1]) for line in lines] if "\n" in text else [(program.outputs[0], lines[0][0])]

    def prepare(points: Points) -> Work:
        def work() -> object:
            known = dict(points)
            for target, formula in steps:
                known[target] = numexpr.evaluate(formula, local_dict=known, global_dict={})
            return [known[out] for out in program.outputs]

        return work

    return prepare


def _autograd(program: Any, text: str, name: str) -> Callable[[Points], Work] | None:
    import autograd.numpy as anp
    from autograd import elementwise_grad

    if len(program.outputs) > 1:
        return None
    f = _function(program, text, anp)
    gradient = elementwise_grad(f, argnum=tuple(range(len(program.inputs))))
    return lambda points: lambda: (f(*points.values()), gradient(*points.values()))


def _casadi(program: Any, text: str, name: str) -> Callable[[Points], Work] | None:
    import casadi

    if "where" in text or "max" in text:
        return None
    f = _function(program, text, casadi)
    symbols = [casadi.SX.sym(name) for name in program.inputs]
    out = f(*symbols)
    out = casadi.vertcat(*out) if isinstance(out, tuple) else out
    function = casadi.Function("f", symbols, [out, casadi.jacobian(out, casadi.vertcat(*symbols))])

    def prepare(points: Points) -> Work:
        mapped = function.map(len(next(iter(points.values()))))
        args = [array[np.newaxis, :] for array in points.values()]
        return lambda: mapped(*args)

    return prepare


def _c(program: Any, text: str, name: str) -> Callable[[Points], Work] | None:
    """The loop in C, on as many threads as there are cores, for the formulas that one was written for."""
    compiler = shutil.which("cc")
    if name not in BODIES or compiler is None:
        return None
    folder = tempfile.TemporaryDirectory()
    file, library = Path(folder.name, "loop.c"), Path(folder.name, "loop.so")
    file.write_text(source(name, program.inputs, program.outputs))
    options = ["-O3", "-march=native", "-fno-math-errno", "-shared", "-fPIC"]
    subprocess.run([compiler, *options, str(file), "-o", str(library), "-lm"], check=True)
    loop = ctypes.CDLL(str(library)).loop
    folder.cleanup()
    from diffcli.evaluation import cores

    results = len(program.outputs) * (1 + len(program.inputs))

    def prepare(points: Points) -> Work:
        arrays = [np.ascontiguousarray(points[name]) for name in program.inputs]
        count = len(arrays[0])
        parts = min(cores(), max(1, count // 10_000))

        def part(k: int, found: list[Any]) -> None:
            first, last = count * k // parts, count * (k + 1) // parts
            places = [_pointers([each[first:] for each in group]) for group in (arrays, found)]
            loop(ctypes.c_long(last - first), *places)

        def work() -> object:
            found = [np.empty(count) for _ in range(results)]
            others = [threading.Thread(target=part, args=(k, found)) for k in range(1, parts)]
            for thread in others:
                thread.start()
            part(0, found)
            for thread in others:
                thread.join()
            return found

        return work

    _compared(program, prepare)
    return prepare


def _compared(program: Any, prepare: Callable[[Points], Work]) -> None:
    """Raises AssertionError if the loop does not compute what the formula says."""
    rng = np.random.default_rng(1)
    points = {name: rng.uniform(0.5, 2.0, 100) for name in program.inputs}
    batch = program.batch(points)
    ours = [*batch.values().values()]
    ours += [row for matrix in np.moveaxis(batch.jacobian().matrix, 0, -1) for row in matrix]
    np.testing.assert_allclose(np.array(prepare(points)()), ours, rtol=1e-9, atol=1e-12)


def _pointers(arrays: list[Any]) -> Any:
    return (ctypes.c_void_p * len(arrays))(*[array.ctypes.data for array in arrays])


#: Makes a formula ready: what it gives then makes the work at some points ready; None where a peer lacks its functions.
Maker = Callable[[Any, str, str], Callable[[Points], Work] | None]
#: Who computes values and derivatives, by name.
PEERS: Mapping[str, Maker] = {"JAX": _jax, "autograd": _autograd, "CasADi": _casadi, "C": _c}
#: Who computes values alone.
VALUE_PEERS: Mapping[str, Maker] = {"JAX": _jax_values, "numexpr": _numexpr}


def present(peers: Mapping[str, Maker]) -> list[str]:
    """Those of the peers that can be run here."""
    return [name for name in peers if (shutil.which("cc") is not None if name == "C" else installed(name.lower()))]
