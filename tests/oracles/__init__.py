"""Our answers against other people's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent.parent / "data"


def load(name: str) -> Any:
    """One of the files of figures in tests/data."""
    return json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
