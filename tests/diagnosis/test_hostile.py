"""Nothing that is typed makes the look at a point run away: numbers beyond all bounds, and graphs of many of them."""

from __future__ import annotations

import json
import time

import pytest

import diffcli
from diffcli.diagnosis import examine
from diffcli.diagnosis.story import diagnose
from tests.cli.conftest import Run, run  # noqa: F401

#: What a look may take here, in seconds of the processor.
SECONDS = 0.25
HOSTILE = [
    ("sin(1e308*x)*x", {"x": 1.0}), ("gamma(x)", {"x": 1e18}), ("gamma(1e18) - x", {"x": 1.0}),
    ("lgamma(x)*0", {"x": 1e308}), ("tan(x)^1e300", {"x": 1e300}), ("x^x^x^x", {"x": 1e5}),
    ("(x^1e15)^1e15", {"x": 1 + 1e-15}), ("exp(exp(exp(x)))", {"x": 7.0}), ("log(exp(exp(exp(x))))", {"x": 7.0}),
    ("sin(exp(exp(x)))", {"x": 6.5}), ("digamma(-1e17)*x", {"x": 1.0}), ("erfc(x)*exp(x^2)", {"x": 1e150}),
    ("beta(x, 1e300)", {"x": 1e300}), ("polygamma(50, x)", {"x": 1e-300}), ("mod(1e300, x)", {"x": 1e-300}),
    ("mod(x, 1e-300)/0", {"x": 1e300}), ("cos(x)/cos(x) - 1/0*x", {"x": 1e308}), ("1e-308^x", {"x": 1e308}),
    ("sum(exp(v)^v)/0", {"v": [700.0] * 300}), ("det(A)", {"A": [[1e200, 1e-200], [1e-200, 1e-200]]}),
    ("inv(A)[0,0]", {"A": [[1e-300, 0.0], [0.0, 0.0]]}), ("cosh(x)^sinh(x)", {"x": 300.0}), ("0^x", {"x": 1e-320}),
]  # fmt: skip


@pytest.mark.parametrize(("source", "at"), HOSTILE)
def test_the_look_ends(source: str, at: dict[str, object]) -> None:
    program = diffcli.parse(source)
    start = time.process_time()
    first = examine(program, at, "jacobian", seconds=SECONDS)
    taken = time.process_time() - start
    assert taken < 4 * SECONDS + 1.0
    if taken < SECONDS / 4:  # what is found does not depend on the time it takes
        assert repr(examine(program, at, "jacobian", seconds=SECONDS)) == repr(first)


def test_deep_and_long_formulas_end() -> None:
    deep = "x"
    for _ in range(300):
        deep = f"exp(sin({deep}))"
    long = " + ".join(f"x^{k}/0" for k in range(300))
    for source in (deep, long, f"log({deep}) - log({deep} + 0*x)"):
        start = time.process_time()
        examine(diffcli.parse(source), {"x": 0.5}, "grad", seconds=SECONDS)
        assert time.process_time() - start < 4 * SECONDS + 1.0


def test_diagnose_ends() -> None:
    start = time.process_time()
    diagnose(diffcli.parse("gamma(x)^x/0"), {"x": 1e17}, seconds=SECONDS)
    assert time.process_time() - start < 4 * SECONDS + 1.0


@pytest.mark.usefixtures("capsys")
def test_quiet_looks_for_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    looks: list[object] = []
    monkeypatch.setattr("diffcli.diagnosis.examine", lambda *args, **options: looks.append(args) or [])
    assert run("grad", "log(x)", "x=0", "-q").err == ""
    assert run("grad", "log(x)", "x=0", "-q", "--strict").code == 4
    assert looks == []
    assert json.loads(run("grad", "log(x)", "x=0", "-q", "--json").out)["warnings"] == []
    assert len(looks) == 1
