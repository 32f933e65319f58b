"""(i) The gradient of ADBench's Gaussian mixture (n = 1,000, d = 10, K = 25) beside JAX, autograd and PyTorch."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import Table, alternate_apart, busy, installed, ratio, seconds

Array = np.ndarray[Any, Any]
#: Gives the value, and the gradient in each of `FREE`.
Work = Callable[[], tuple[float, list[Array]]]
SAMPLE = Path(__file__).parent.parent / "samples" / "gmm.expr"
FREE = ("alpha", "mu", "q", "l")


def run(smoke: bool) -> list[Table]:
    """Value and gradient, from arrays to arrays; every answer is held against ours."""
    sizes = (20, 2, 3) if smoke else (1000, 10, 25)
    point = _point(*sizes)
    makers: dict[str, Callable[[dict[str, Array]], Work]] = {"diffcli": _diffcli}
    peers = {"JAX": ("jax", _jax), "autograd": ("autograd", _autograd), "PyTorch": ("torch", _torch)}
    makers |= {name: maker for name, (package, maker) in peers.items() if not smoke and installed(package)}
    value, gradient = _diffcli(point)()
    for maker in makers.values():
        their_value, their_gradient = maker(point)()
        assert abs(value - their_value) <= 1e-9 * abs(value)
        for ours, theirs in zip(gradient, their_gradient, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-7)
    works = {name: partial(maker, point) for name, maker in makers.items()}
    times = alternate_apart(works, rounds=3 if smoke else 41)
    n, d, k = sizes
    table = Table(f"Value and gradient of a Gaussian mixture, n = {n:,}, d = {d}, K = {k}", ("", "time", "÷ diffcli"))
    for name in ("diffcli", *peers):
        if name in works:
            table.rows.append([name, seconds(statistics.median(times[name])), f"{ratio(times, name, 'diffcli'):.2f}"])
        else:
            table.rows.append([name, "–", "–"])
    table.notes.append("Above 1 diffcli is faster; medians of paired ratios, in turns, each in a process of its own.")
    table.notes.append("JAX is jitted, in doubles and warm.")
    if busy():
        table.notes.append("The machine had other work to do: look at the ratios, not at the times.")
    return [table]


def _point(n: int, d: int, k: int) -> dict[str, Array]:
    rng = np.random.default_rng(0)
    below = [(i, j) for i in range(d) for j in range(i)]
    place = np.zeros((len(below), d * d))
    place[np.arange(len(below)), [i * d + j for i, j in below]] = 1.0
    return {
        "alpha": rng.standard_normal(k),
        "mu": rng.standard_normal((k, d)),
        "q": 0.1 * rng.standard_normal((k, d)),
        "l": 0.1 * rng.standard_normal((k, len(below))),
        "x": rng.standard_normal((n, d)),
        "place": place,
    }


def _diffcli(point: dict[str, Array]) -> Work:
    import diffcli

    program = diffcli.parse(SAMPLE.read_text(encoding="utf-8"))

    def work() -> tuple[float, list[Array]]:
        value, gradient = diffcli.value_and_grad(program, point)
        return value, [np.asarray(gradient[name]) for name in FREE]

    return work


def _posterior(alpha: Any, mu: Any, q: Any, l: Any, x: Any, place: Any, numpy: Any, logsumexp: Any) -> Any:  # noqa: E741
    """The same objective in the manner of NumPy."""
    (n, d), k = x.shape, mu.shape[0]
    below = (l @ place).reshape((k, d, d))
    centred = x.reshape((1, n, d)) - mu.reshape((k, 1, d))
    turned = numpy.exp(q).reshape((k, 1, d)) * centred + numpy.matmul(centred, numpy.swapaxes(below, 1, 2))
    inner = (alpha + q.sum(1)).reshape((k, 1)) - 0.5 * (turned**2).sum(2)
    likelihood = -0.5 * n * d * float(np.log(2 * np.pi)) + logsumexp(inner).sum() - n * logsumexp(alpha)
    return likelihood + 0.5 * ((numpy.exp(q) ** 2).sum() + (l**2).sum())


def _jax(point: dict[str, Array]) -> Work:
    import jax

    jax.config.update("jax_enable_x64", True)
    from jax.scipy.special import logsumexp

    def f(free: Any, x: Any, place: Any) -> Any:
        return _posterior(*free, x, place, jax.numpy, lambda z: logsumexp(z, axis=0))

    compiled = jax.jit(jax.value_and_grad(f))
    free = [jax.numpy.asarray(point[name]) for name in FREE]
    held = [jax.numpy.asarray(point[name]) for name in ("x", "place")]

    def work() -> tuple[float, list[Array]]:
        value, gradient = jax.block_until_ready(compiled(free, *held))
        return float(value), gradient

    return work


def _autograd(point: dict[str, Array]) -> Work:
    import autograd.numpy as anp
    from autograd import value_and_grad
    from autograd.scipy.special import logsumexp

    f = value_and_grad(lambda free: _posterior(*free, point["x"], point["place"], anp, lambda z: logsumexp(z, axis=0)))
    free = tuple(point[name] for name in FREE)

    def work() -> tuple[float, list[Array]]:
        value, gradient = f(free)
        return float(value), list(gradient)

    return work


def _torch(point: dict[str, Array]) -> Work:
    import torch

    free = [torch.from_numpy(point[name]).requires_grad_() for name in FREE]
    held = [torch.from_numpy(point[name]) for name in ("x", "place")]

    def work() -> tuple[float, list[Array]]:
        value = _posterior(*free, *held, torch, lambda z: torch.logsumexp(z, 0))
        gradient = torch.autograd.grad(value, free)
        return float(value.detach()), [each.numpy() for each in gradient]

    return work
