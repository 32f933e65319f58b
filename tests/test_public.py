"""Everything public has a docstring and a home; importing it costs nothing."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys

import pytest

import diffcli

MODULES = [
    name
    for _, name, _ in pkgutil.walk_packages(diffcli.__path__, "diffcli.")
    if not name.startswith("diffcli.cli.") and name != "diffcli.__main__"
]


@pytest.mark.parametrize("name", MODULES)
def test_every_module_says_what_it_is_for(name: str) -> None:
    module = importlib.import_module(name)
    assert (module.__doc__ or "").strip()


@pytest.mark.parametrize("name", diffcli.__all__)
def test_every_public_name_is_documented(name: str) -> None:
    value = getattr(diffcli, name)
    doc = inspect.getdoc(value)
    assert doc
    # A dataclass without a docstring has its signature for one.
    assert not doc.startswith(f"{name}(")


@pytest.mark.parametrize("name", diffcli.__all__)
def test_the_methods_of_public_classes_are_documented(name: str) -> None:
    value = getattr(diffcli, name)
    if not inspect.isclass(value):
        assert callable(value)
        return
    for method, member in inspect.getmembers(value):
        if method.startswith("_") or not (inspect.isfunction(member) or isinstance(member, property)):
            continue
        assert inspect.getdoc(member), f"{name}.{method}"


def test_dir_lists_the_public_names() -> None:
    assert set(diffcli.__all__) | {"__version__"} == set(dir(diffcli))
    assert sorted(diffcli.__all__) == list(diffcli.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'gradient'"):
        diffcli.gradient  # noqa: B018


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, diffcli; print(sorted({'numpy', 'lark', 'rich', 'typer', 'scipy'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_a_gradient_imports_neither_lark_nor_scipy() -> None:
    code = (
        "import sys, diffcli; print(diffcli.grad(diffcli.parse('sin(x)*y'), {'x': 1, 'y': 2}));"
        "print(sorted({'lark', 'rich', 'typer', 'scipy', 'mpmath'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.splitlines() == ["{'x': 1.0806046117362795, 'y': 0.8414709848078965}", "[]"]
