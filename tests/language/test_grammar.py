"""The grammar, and the tables made of it."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from diffcli.language import grammar
from diffcli.language.parse import _Actions
from diffcli.language.tables import TABLES


@pytest.fixture(autouse=True)
def _fresh() -> None:
    grammar.load.cache_clear()


def test_the_tables_are_those_of_the_grammar() -> None:
    """If not: python -m diffcli.language.grammar."""
    built = grammar.build(grammar.grammar_text())
    assert built == TABLES
    path = Path(grammar.__file__).with_name("tables.py")
    assert path.read_text(encoding="utf-8") == grammar.module(built)


def test_the_grammar_has_no_conflict(caplog: pytest.LogCaptureFixture) -> None:
    import lark

    with caplog.at_level(logging.DEBUG, logger="lark"):
        lark.Lark(grammar.grammar_text(), parser="lalr", lexer="basic", debug=True)
        assert "onflict" not in caplog.text
        # the same watch does see a conflict where there is one
        lark.Lark('start: start "+" start | "x"', parser="lalr", lexer="basic", debug=True)
        assert "onflict" in caplog.text


def test_every_action_exists_and_is_used() -> None:
    named = {action for _, _, action in TABLES.rules if action}
    methods = {name for name in vars(_Actions) if not name.startswith("_")} - {"word", "operator"}
    assert named == methods


def test_a_start_imports_no_lark() -> None:
    code = (
        "import sys; from diffcli.language.parse import parse_file; from diffcli.errors import Source;"
        "parse_file(Source('sin(x)')); print('lark' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_an_edited_grammar_is_built_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    text = grammar.grammar_text() + "// edited\n"
    monkeypatch.setattr(grammar, "grammar_text", lambda: text)
    tables = grammar.load()
    assert tables.digest == grammar.digest(text) != TABLES.digest
    assert tables.states == TABLES.states


def test_without_tables_the_grammar_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "diffcli.language.tables", None)
    assert grammar.load() == TABLES


def test_the_package_s_grammar_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    module = tmp_path / "diffcli" / "language" / "grammar.py"
    monkeypatch.setattr(grammar, "__file__", str(module))
    with pytest.raises(FileNotFoundError, match="neither in the package nor in the checkout"):
        grammar.grammar_text()
    for folder, text in ((tmp_path / "grammar", "checkout"), (tmp_path / "diffcli" / "grammar", "package")):
        folder.mkdir(parents=True)
        (folder / "diffcli.lark").write_text(text, encoding="utf-8")
        assert grammar.grammar_text() == text


def test_an_alternative_without_an_action_is_refused() -> None:
    with pytest.raises(ValueError, match="names no action"):
        grammar.build("start: NAME NAME\nNAME: /[a-z]+/")
