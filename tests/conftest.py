"""What tests of several rooms share."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import settings

CHECKOUT = Path(__file__).parents[1]

# A machine with other work to do is slow now and then, which is no error of a program's.
settings.register_profile("without deadline", deadline=None)
settings.load_profile("without deadline")


def renewal() -> ModuleType:
    """docs/renew.py, which is a script and in no package."""
    spec = importlib.util.spec_from_file_location("renew", CHECKOUT / "docs" / "renew.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Coverage is not measured where it takes long and finds nothing new."""
    for item in items:
        if "sampled" in item.keywords:
            item.add_marker("no_cover")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Under ``-n`` a worker that has nothing left to do takes tests from another: the longest stand together."""
    from xdist.scheduler import WorkStealingScheduling

    return WorkStealingScheduling(config, log)


@pytest.fixture(scope="session")
def shell_environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which `diffcli` and `python` are this checkout's and this interpreter's, whatever is installed,
    and output is what a pipe gets: that in which the documents' examples are renewed.
    """
    environment: dict[str, str] = renewal().shell(tmp_path_factory.mktemp("bin"))
    return environment
