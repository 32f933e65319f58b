"""The collector rests while graphs are built, and only then."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

import diffcli
from diffcli.collector import resting
from diffcli.errors import ExpressionError


@pytest.fixture(autouse=True)
def collecting() -> Iterator[None]:
    gc.enable()
    yield
    gc.enable()


def test_it_rests_inside_and_goes_on_afterwards() -> None:
    with resting():
        assert not gc.isenabled()
        with resting():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_an_error_sets_it_going_again() -> None:
    with pytest.raises(ExpressionError):
        diffcli.parse("sin(x) +")
    assert gc.isenabled()


def test_whoever_turned_it_off_keeps_it_off() -> None:
    gc.disable()
    diffcli.grad(diffcli.parse("sin(x)"), {"x": 1.0})
    assert not gc.isenabled()


def test_building_a_graph_collects_nothing() -> None:
    text = " + ".join(f"x{i}*sin(x{i})" for i in range(2_000))
    point = {f"x{i}": 1.0 for i in range(2_000)}
    seen: list[str] = []

    def watch(phase: str, info: dict[str, int]) -> None:
        seen.append(phase)

    diffcli.parse("x").bind({"x": ()})  # everything is imported
    gc.collect()
    gc.callbacks.append(watch)
    try:
        f = diffcli.parse(text)
        f.bind(dict.fromkeys(point, ()))
    finally:
        gc.callbacks.remove(watch)
    assert len(seen) <= 6, seen  # a few between the stages, not one every few hundred nodes
