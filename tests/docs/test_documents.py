"""Every example in the documents is run, and must print what the document says, to the letter.

`console` blocks are run by docs/renew.py, which says what they are; a `python` block is a session of the interpreter.
The `sh` blocks of README.md are run by .ci/run, in a clone.
"""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from diffcli.primitives import FUNCTIONS
from tests.conftest import renewal

CHECKOUT = Path(__file__).parents[2]
README = CHECKOUT / "README.md"
LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)")


renew = renewal()
every_page = pytest.mark.parametrize("page", renew.PAGES, ids=lambda page: page.stem)


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    furnished: Path = renew.furnished(tmp_path_factory.mktemp("room"))
    return furnished


@every_page
def test_a_session_prints_what_the_page_says(page: Path, room: Path, shell_environment: dict[str, str]) -> None:
    for block in renew.blocks(page, "console"):
        assert block.startswith("$ ")
        assert renew.session(block, room, shell_environment) == block


@every_page
def test_python_prints_what_the_page_says(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CHECKOUT)
    sessions = "\n".join(body for body in renew.blocks(page, "python") if body.startswith(">>> "))
    test = doctest.DocTestParser().get_doctest(sessions, {}, page.name, str(page), 0)
    report: list[str] = []
    failed, attempted = doctest.DocTestRunner().run(test, out=report.append)
    assert failed == 0, "".join(report)
    assert attempted == len(re.findall(r"^>>> ", sessions, re.MULTILINE))


def test_the_pages_have_examples() -> None:
    assert len(renew.blocks(README, "console")) >= 5
    assert len(renew.blocks(README, "python")) >= 2


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(renew.BLOCK, "", page.read_text(encoding="utf-8"))
    for target, anchor in LINK.findall(text):
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in [re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings], anchor


@every_page
def test_paths_that_a_page_names_exist(page: Path) -> None:
    named = re.compile(r"`((?:diffcli|samples|tests|docs|grammar|benchmarks|\.ci)/[\w./-]*)`")
    for path in named.findall(page.read_text(encoding="utf-8")):
        assert (CHECKOUT / path).exists(), path


def test_the_readme_has_two_commands_and_they_are_one_line_each() -> None:
    commands = [line for body in renew.blocks(README, "sh") for line in body.splitlines()]
    assert len(commands) == 2
    assert all(line.startswith("python3 -m venv .venv && ") for line in commands)
    assert commands[1].endswith("-m pytest -n auto")


def test_ci_runs_the_commands_of_the_readme() -> None:
    """.ci/run takes them out of README.md by a pattern, which must find them and nothing else."""
    script = CHECKOUT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    pattern = re.search(r"grep -E '([^']*)' README.md", script.read_text(encoding="utf-8"))
    assert pattern
    found = [line for line in README.read_text(encoding="utf-8").splitlines() if re.search(pattern[1], line)]
    assert found == "".join(renew.blocks(README, "sh")).splitlines()


def test_every_public_name_has_a_docstring_and_a_place_in_the_documents() -> None:
    import diffcli

    interface = (CHECKOUT / "docs" / "interface.md").read_text(encoding="utf-8")
    for name in diffcli.__all__:
        thing = getattr(diffcli, name)
        assert thing.__doc__, name
        assert re.search(rf"\b{name}\b", interface), f"docs/interface.md does not mention diffcli.{name}"


def test_every_command_is_in_the_documents(capsys: pytest.CaptureFixture[str]) -> None:
    from diffcli.cli.main import main

    assert main(["--help"]) == 0
    listed = capsys.readouterr().out.partition("Commands:")[2]
    commands = re.findall(r"^  (\w+) ", listed, re.MULTILINE)
    assert {"eval", "grad", "jacobian", "vjp", "trace", "functions", "schema"} <= set(commands)
    for page in (README, CHECKOUT / "docs" / "interface.md"):
        for command in commands:
            assert f"`diffcli {command}" in page.read_text(encoding="utf-8"), f"{page.name}: diffcli {command}"


def test_every_error_code_is_in_the_documents() -> None:
    table = (CHECKOUT / "docs" / "interface.md").read_text(encoding="utf-8").partition("| exit code |")[2]
    for path in (CHECKOUT / "diffcli").rglob("*.py"):
        for code in re.findall(r'\bcode(?:: \S+)? ?= ?"([\w-]+)"', path.read_text(encoding="utf-8")):
            assert f"`{code}`" in table, f"{path.name}: {code}"


def test_code_that_the_tour_quotes_is_the_code() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in (CHECKOUT / "diffcli").rglob("*.py"))
    quoted = [b for b in renew.blocks(CHECKOUT / "docs" / "design.md", "python") if not b.startswith(">>> ")]
    assert quoted
    assert all(block in code for block in quoted)


# The functions ----------------------------------------------------------------------------------------------


def test_the_page_of_functions_is_up_to_date() -> None:
    assert renew.FUNCTIONS.read_text(encoding="utf-8") == renew.functions_page(), "run: python docs/renew.py"


def test_every_name_that_can_be_called_is_on_the_page() -> None:
    page = renew.functions_page()
    for name, callee in FUNCTIONS.items():
        assert f"`{name}(" in page or (name in callee.doc.aliases and f"`{name}`" in page)


def test_every_entry_says_what_it_means_and_how_it_derives() -> None:
    for callee in FUNCTIONS.values():
        doc = callee.doc
        assert doc.doc.endswith("."), doc.name
        assert doc.rule, doc.name
        assert doc.domain, doc.name


# The worked example of CONTRIBUTING.md ----------------------------------------------------------------------


def test_a_function_added_as_the_page_says_works(shell_environment: dict[str, str]) -> None:
    """Where its entry stands at the end of the room that the page names, the language has the function, both modes
    and the documentation; in a process of its own, for the table is one for all.
    """
    page = CHECKOUT / "CONTRIBUTING.md"
    (entry,) = [body for body in renew.blocks(page, "python") if not body.startswith(">>> ")]
    assert len(entry.strip().splitlines()) == 5
    program = f"""
import mpmath
from diffcli.primitives import trigonometry
exec({entry!r}, vars(trigonometry))
import diffcli
from diffcli.cli.main import main
value, slope = diffcli.value_and_grad(diffcli.parse("haversin(x)"), {{"x": 0.75}})
assert abs(value - (1 - mpmath.cos(0.75)) / 2) < 1e-16
assert abs(slope["x"] - mpmath.diff(lambda x: (1 - mpmath.cos(x)) / 2, 0.75)) < 1e-15
assert main(["functions", "haversin"]) == 0
assert main(["jacobian", "haversin(x * [1, 2])", "x=1e-9"]) == 0
"""
    done = subprocess.run(
        [sys.executable, "-c", program], env=shell_environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Half the versed sine" in done.stdout
