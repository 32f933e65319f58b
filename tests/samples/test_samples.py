"""Every sample runs, and its answer is that of somebody else."""

import csv
import importlib.util
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pandas
import pytest
from scipy.optimize import rosen, rosen_der
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, norm

import diffcli
from diffcli.cli.main import main

CHECKOUT = Path(__file__).parents[2]
SAMPLES = CHECKOUT / "samples"

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """``run("grad", "polar", "x=1")``: the JSON that the command answers for a sample, from the checkout's root."""
    monkeypatch.chdir(CHECKOUT)

    def answer(command: str, sample: str, *words: str) -> dict[str, Any]:
        code = main([command, f"samples/{sample}.expr", *words, "--json"])
        out, err = capsys.readouterr()
        assert code == 0, err
        parsed: dict[str, Any] = json.loads(out)
        return parsed

    return answer


def array(values: Any) -> np.ndarray:
    return np.array(values, dtype=np.float64)


def differences(f: Callable[[np.ndarray], float], x: np.ndarray) -> np.ndarray:
    """The gradient by central differences, good to about 1e-9 where f and its derivatives are of order 1."""
    step = 1e-5
    gradient = np.zeros(x.size)
    for i in range(x.size):
        h = np.zeros(x.size)
        h[i] = step
        gradient[i] = (f(x + h) - f(x - h)) / (2 * step)
    return gradient


def test_every_sample_has_a_test() -> None:
    tested = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    samples = {path.stem for path in SAMPLES.iterdir() if path.is_file()}
    assert samples == samples & tested


def test_every_data_file_is_small_and_says_where_it_comes_from() -> None:
    for path in (SAMPLES / "data").iterdir():
        assert path.stat().st_size < 20_000
        if path.suffix == ".csv":
            assert "# Source: " in path.read_text(encoding="utf-8")


def commands() -> list[str]:
    """The command lines that the samples' comments show."""
    lines = [
        line.removeprefix("#").strip()
        for path in sorted(SAMPLES.glob("*.expr"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    return [line for line in lines if line.startswith("diffcli ")]


def test_the_comments_show_a_command_for_every_expression() -> None:
    shown = " ".join(commands())
    assert all(f"samples/{path.name}" in shown for path in SAMPLES.glob("*.expr"))


@pytest.mark.parametrize("line", commands())
def test_the_command_in_a_comment_runs(
    line: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import shlex

    monkeypatch.chdir(CHECKOUT)
    assert main(shlex.split(line)[1:]) == 0
    out, err = capsys.readouterr()
    assert out
    assert err == ""


def test_polar(run: Run) -> None:
    for x, y in ((3.0, 4.0), (-0.5, 2.0), (1e200, -1e200)):
        answer = run("jacobian", "polar", f"x={x!r}", f"y={y!r}")
        r = np.hypot(x, y)
        assert answer["rows"] == ["r", "theta"]
        assert answer["columns"] == ["x", "y"]
        np.testing.assert_allclose(answer["jacobian"], [[x / r, y / r], [-y / r / r, x / r / r]], rtol=1e-15)
        assert answer["values"]["theta"] == np.arctan2(y, x)


def test_robot_arm(run: Run) -> None:
    shoulder, elbow, upper, fore = 0.7, 1.1, 0.4, 0.3
    joints = [f"shoulder={shoulder}", f"elbow={elbow}"]
    both = shoulder + elbow
    answer = run("jacobian", "robot_arm", *joints)
    expected = array(
        [
            [-upper * np.sin(shoulder) - fore * np.sin(both), -fore * np.sin(both)],
            [upper * np.cos(shoulder) + fore * np.cos(both), fore * np.cos(both)],
        ]
    )
    np.testing.assert_allclose(answer["jacobian"], expected, rtol=1e-14)
    np.testing.assert_allclose(np.linalg.det(array(answer["jacobian"])), upper * fore * np.sin(elbow), rtol=1e-13)
    force = [3.0, -9.81]
    torque = run("vjp", "robot_arm", *joints, "--cotangent", f"hand={force}")["vjp"]
    np.testing.assert_allclose([torque["shoulder"], torque["elbow"]], expected.T @ force, rtol=1e-14)


def greeks(s: float, k: float, r: float, v: float, t: float) -> tuple[float, dict[str, float]]:
    """The textbook formulas: price, and its derivatives."""
    d1 = (np.log(s / k) + (r + v**2 / 2) * t) / (v * np.sqrt(t))
    d2 = d1 - v * np.sqrt(t)
    discounted = k * np.exp(-r * t)
    price = s * norm.cdf(d1) - discounted * norm.cdf(d2)
    return price, {
        "spot": norm.cdf(d1),
        "strike": -np.exp(-r * t) * norm.cdf(d2),
        "rate": t * discounted * norm.cdf(d2),
        "volatility": s * norm.pdf(d1) * np.sqrt(t),
        "time": s * norm.pdf(d1) * v / (2 * np.sqrt(t)) + r * discounted * norm.cdf(d2),
    }


def test_black_scholes(run: Run) -> None:
    published = run("grad", "black_scholes")
    assert round(published["value"], 2) == 2.40
    rounded = {name: float(f"{value:.3g}") for name, value in published["gradient"].items()}
    assert {name: rounded[name] for name in ("spot", "volatility", "rate", "time")} == {
        "spot": 0.522, "volatility": 12.1, "rate": 8.91, "time": 4.31,
    }  # fmt: skip
    # Another of Hull's: a share at 42, six months, and a call worth 4.76.
    at = {"spot": 42.0, "strike": 40.0, "rate": 0.1, "volatility": 0.2, "time": 0.5}
    assert round(run("grad", "black_scholes", *[f"{k}={v}" for k, v in at.items()])["value"], 2) == 4.76
    for at["spot"] in (30.0, 40.0, 55.0):  # out of the money, at it, in it
        answer = run("grad", "black_scholes", *[f"{k}={v}" for k, v in at.items()])
        price, derivatives = greeks(*at.values())
        assert answer["value"] == pytest.approx(price, rel=1e-11)
        assert answer["gradient"] == pytest.approx(derivatives, rel=1e-11)


def test_kepler(run: Run) -> None:
    assert round(np.rad2deg(run("eval", "kepler")["values"]["E"]), 6) == 5.554589
    mpmath.mp.dps = 30
    for mean, e in ((0.3, 0.0167), (2.0, 0.2), (5.9, 0.25)):
        exact = mpmath.findroot(lambda E, mean=mean, e=e: E - e * mpmath.sin(E) - mean, mean)
        answer = run("grad", "kepler", f"M={mean}", f"e={e}")
        assert answer["value"] == pytest.approx(float(exact), rel=1e-14)
        slope = 1 / (1 - e * mpmath.cos(exact))  # by the implicit function theorem
        expected = {"M": float(slope), "e": float(mpmath.sin(exact) * slope)}
        assert answer["gradient"] == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("n", [2, 3, 10])
def test_rosenbrock(run: Run, n: int) -> None:
    x = np.random.default_rng(n).uniform(-2, 2, n)
    answer = run("grad", "rosenbrock", "--at", f"x={x.tolist()}")
    assert answer["value"] == pytest.approx(rosen(x), rel=1e-14)
    np.testing.assert_allclose(answer["gradient"]["x"], rosen_der(x), rtol=1e-13, atol=1e-12)
    assert run("grad", "rosenbrock", "--at", f"x={[1.0] * n}")["gradient"]["x"] == [0.0] * n


def test_logistic(run: Run) -> None:
    data = "data=@samples/data/challenger.csv"
    table = np.loadtxt(io.StringIO((SAMPLES / "data/challenger.csv").read_text("utf-8")), delimiter=",", skiprows=4)
    assert table.shape == (23, 2)
    # Published: the estimates 15.0429 and -0.2322, residual deviance 20.315 (twice the loss) on 21 degrees of freedom.
    at_estimates = run("grad", "logistic", data, "w=[15.0429, -0.232163]")
    assert round(2 * at_estimates["value"], 3) == 20.315
    assert np.linalg.norm(at_estimates["gradient"]["w"] / array([7.0, 490.0])) < 1e-4
    w = array([12.0, -0.2])
    answer = run("grad", "logistic", data, f"w={w.tolist()}")
    p = 1 / (1 + np.exp(-(w[0] + w[1] * table[:, 0])))
    residual = p - table[:, 1]
    np.testing.assert_allclose(answer["gradient"]["w"], [residual.sum(), residual @ table[:, 0]], rtol=1e-12)
    assert list(answer["gradient"]) == ["w"]


def test_neural_network(run: Run) -> None:
    weights = json.loads((SAMPLES / "data/xor.json").read_text(encoding="utf-8"))
    shapes = {name: np.shape(value) for name, value in weights.items()}
    inputs, answers = array([[0, 0], [0, 1], [1, 0], [1, 1]]), array([0, 1, 1, 0])

    def loss(flat: np.ndarray) -> float:
        parts, start = {}, 0
        for name, shape in shapes.items():
            size = int(np.prod(shape))
            parts[name] = flat[start : start + size].reshape(shape)
            start += size
        z = np.tanh(inputs @ parts["W1"] + parts["b1"]) @ parts["W2"] + parts["b2"]
        p = 1 / (1 + np.exp(-z))
        return float(-np.mean(answers * np.log(p) + (1 - answers) * np.log(1 - p)))

    flat = np.concatenate([np.ravel(value) for value in weights.values()])
    answer = run("grad", "neural_network", "--at", "@samples/data/xor.json")
    assert answer["value"] == pytest.approx(loss(flat), rel=1e-14)
    assert {name: np.shape(value) for name, value in answer["gradient"].items()} == shapes
    gradient = np.concatenate([np.ravel(answer["gradient"][name]) for name in shapes])
    np.testing.assert_allclose(gradient, differences(loss, flat), atol=1e-9)


def in_shell(command: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", command], cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=60
    )


def test_elasticity(shell_environment: dict[str, str], tmp_path: Path) -> None:
    bare = {**shell_environment, "PATH": str(tmp_path)}
    refused = subprocess.run(
        [shutil.which("bash") or "bash", SAMPLES / "elasticity.sh", "x", "x=1"],
        env=bare,
        capture_output=True,
        text=True,
    )
    assert refused.returncode == 2
    assert "needs jq" in refused.stderr
    done = in_shell('samples/elasticity.sh "k*m^2/r^3" k=2 m=3 r=4', shell_environment)
    if shutil.which("jq") is None:
        assert "needs jq" in done.stderr
        return
    assert done.stderr == ""
    found = [(name, float(value)) for name, value in (line.split("\t") for line in done.stdout.splitlines())]
    assert [name for name, _ in found] == ["r", "m", "k"]
    assert [value for _, value in found] == pytest.approx([-3.0, 2.0, 1.0], rel=1e-14)


def test_gauss_newton(shell_environment: dict[str, str]) -> None:
    done = in_shell("python samples/gauss_newton.py", shell_environment)
    assert done.stderr == ""
    # NIST's certified parameters and their certified standard deviations, all eleven digits of each.
    assert done.stdout.splitlines()[-2:] == [
        "b1 = 2.3894212918e+02 ± 2.7070075241e+00   certified 2.3894212918e+02",
        "b2 = 5.5015643181e-04 ± 7.2668688436e-06   certified 5.5015643181e-04",
    ]


def test_gauss_newton_from_the_nearer_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SAMPLES))
    sys.modules.pop("gauss_newton", None)
    import gauss_newton

    y, x = np.loadtxt(gauss_newton.DATA, delimiter=",", skiprows=3, unpack=True)
    b, deviations, squares = gauss_newton.fit({"b1": 250.0, "b2": 0.0005}, {"x": x, "y": y})
    np.testing.assert_allclose(b, [2.3894212918e02, 5.5015643181e-04], rtol=1e-10)
    np.testing.assert_allclose(deviations, [2.7070075241e00, 7.2668688436e-06], rtol=1e-10)
    assert squares == pytest.approx(1.2455138894e-01, rel=1e-10)


def test_minimise(shell_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    done = in_shell("python samples/minimise.py", shell_environment)
    assert done.stderr == ""
    ours, theirs = (line.split() for line in done.stdout.splitlines())
    evaluations = ours.index("evaluations,")
    assert float(ours[-1]) < 1e-8
    assert int(ours[evaluations - 1]) * 5 < int(theirs[theirs.index("evaluations,") - 1])


def options(rows: int) -> pandas.DataFrame:
    """A table for samples/cluster.py, with a column that is no input."""
    names = ("spot", "rate", "time", "volatility")
    numbers = np.random.default_rng(0).uniform(0.5, 2.0, (4, rows))
    return pandas.DataFrame({"id": [f"n{k}" for k in range(rows)], **dict(zip(names, numbers, strict=True))})


def test_cluster_by_partitions() -> None:
    """Cut into partitions as Dask cuts it, each computed by itself, a table gives what it gives whole: to the bit."""
    spec = importlib.util.spec_from_file_location("cluster", SAMPLES / "cluster.py")
    assert spec
    assert spec.loader
    cluster = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(cluster)
    table = options(1000)
    whole = cluster.sensitivities(table)
    assert list(whole) == [*table, "f", "d_spot", "d_rate", "d_time", "d_volatility"]
    cuts = [0, 1, 3, 500, 1000]
    parts = [cluster.sensitivities(table.iloc[first:last]) for first, last in pairwise(cuts)]
    pandas.testing.assert_frame_equal(pandas.concat(parts), whole, check_exact=True)
    logistic = 1 / (1 + np.exp(-table["volatility"] * table["time"]))
    np.testing.assert_allclose(whole["d_spot"], np.exp(-table["rate"] * table["time"]) * logistic, rtol=1e-14)
    np.testing.assert_allclose(whole["d_rate"], -table["time"] * whole["f"], rtol=1e-14)


def test_cluster(tmp_path: Path) -> None:
    """As it is documented: Dask's own processes on this machine, several partitions, the rows in their order."""
    table = options(5000)
    table.to_csv(tmp_path / "points.csv", index=False)
    words = [str(SAMPLES / "cluster.py"), "points.csv", "gradients.csv", "64KB"]  # of some 400 KB
    done = subprocess.run(
        [sys.executable, *words], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    read = pandas.read_csv(tmp_path / "points.csv")
    names = ("spot", "rate", "time", "volatility")
    program = diffcli.parse("spot*exp(-rate*time)/(1 + exp(-volatility*time))")
    value, gradient = program.batch({name: read[name].to_numpy() for name in names}).value_and_grad()
    with open(tmp_path / "gradients.csv", newline="", encoding="utf-8") as file:
        rows = [*csv.DictReader(file)]
    assert list(rows[0]) == [*table, "f", *(f"d_{name}" for name in names)]
    assert [row["id"] for row in rows] == [*table["id"]]
    assert [float(row["f"]) for row in rows] == value.tolist()
    for name in names:
        assert [float(row[f"d_{name}"]) for row in rows] == gradient[name].tolist()


def test_gmm(run: Run) -> None:
    """The likelihood is SciPy's, density by density; the prior is what is left; the gradient is that of differences."""
    at = {name: array(value) for name, value in json.loads((SAMPLES / "data" / "gmm.json").read_text()).items()}
    count, d = at["x"].shape
    densities = []
    for alpha, mean, q, below in zip(at["alpha"], at["mu"], at["q"], at["l"], strict=True):
        factor = np.diag(np.exp(q))
        factor[np.tril_indices(d, -1)] = below
        covariance = np.linalg.inv(factor.T @ factor)
        densities.append(alpha + multivariate_normal(mean, covariance).logpdf(at["x"]))
    likelihood = logsumexp(densities, axis=0).sum() - count * logsumexp(at["alpha"])
    prior = 0.5 * ((np.exp(at["q"]) ** 2).sum() + (at["l"] ** 2).sum())
    words = ["--at", f"@{SAMPLES / 'data' / 'gmm.json'}"]
    answer = run("grad", "gmm", *words)
    np.testing.assert_allclose(answer["value"], likelihood + prior, rtol=1e-12)
    assert list(answer["gradient"]) == ["alpha", "mu", "q", "l"]
    f = diffcli.parse((SAMPLES / "gmm.expr").read_text(encoding="utf-8"))
    for name in ("alpha", "mu", "q", "l"):
        shape = at[name].shape

        def value(flat: np.ndarray, name: str = name, shape: tuple[int, ...] = shape) -> float:
            return float(diffcli.evaluate(f, at | {name: flat.reshape(shape)})["posterior"])

        found = array(answer["gradient"][name]).ravel()
        np.testing.assert_allclose(found, differences(value, at[name].ravel()), rtol=1e-6, atol=1e-7)
