"""What the tests of tables share: points, files of them, and commands in processes of their own."""

import csv
import io
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

CHECKOUT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
FORMULA = "sin(x)*exp(y)/sqrt(1 + x^2)"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "diffcli", *words]


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def points(count: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(7)
    scale = 10.0 ** rng.integers(-8, 3, count)
    return {"x": rng.standard_normal(count) * scale, "y": rng.uniform(-2, 2, count)}


def write_csv(path: Path, columns: dict[str, Any], delimiter: str = ",") -> Path:
    lines = [delimiter.join(columns)]
    lines += [delimiter.join(map(str, row)) for row in zip(*(list(c) for c in columns.values()), strict=True)]
    path.write_text("\n".join(lines) + "\n")
    return path
