"""`ledger serve`: what is refused before anything is served."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from http_access.door import Door
from http_access.place import Place, listen
from ledger import Ledger
from review_page import server
from tests.cli import run

TOKEN = "a-long-token-of-anna"  # noqa: S105 - of a test


@pytest.mark.parametrize(
    ("arguments", "token", "says"),
    [
        (["--host", "0.0.0.0"], None, "there is no token"),  # noqa: S104 - nothing listens
        (["--host", "0.0.0.0"], TOKEN, "under which this server is reached"),  # noqa: S104 - nothing listens
        (["--host", "0.0.0.0"], "", "The token in LEDGER_TOKEN is shorter than 16 characters"),  # noqa: S104 - likewise
        ([], "", "The token in LEDGER_TOKEN is shorter than 16 characters"),
        ([], "fifteen-letters", "The token in LEDGER_TOKEN is shorter than 16 characters"),
        ([], "a-long-token-of-ann\u0101", "characters other than ASCII"),
        ([], "a long token of anna", "has spaces"),
        (["--token-file", "/nonexistent"], None, "cannot be read"),
        (["--allow-host", "*"], None, "not an exact host"),
        (["--allow-origin", "ledger.example"], None, "not an exact origin"),
        (["--host", "a b"], None, "neither a name nor an address"),
        (["--deadline", "0"], None, "more than 0"),
    ],
)
def test_what_is_unsafe_is_refused(ledger: Ledger, arguments: list[str], token: str | None, says: str) -> None:
    """An address that others can reach without a token of use, and what cannot work; no token is said again."""
    env = {} if token is None else {"LEDGER_TOKEN": token}
    answer = run("--ledger", ledger.path, "serve", "--port", "0", *arguments, env=env)
    assert answer.code == 4
    assert says in answer.err
    assert not token or token not in answer.err


def test_a_taken_port_is_told(ledger: Ledger) -> None:
    """Before anything is served."""
    with listen(Place("127.0.0.1", 0)) as bound:
        answer = run("--ledger", ledger.path, "serve", "--port", str(bound.getsockname()[1]))
    assert answer.code == 4
    assert "Cannot listen at 127.0.0.1:" in answer.err


def test_a_token_file_says_who_decides(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each token has its name; the one in the environment is the actor's."""
    file = tmp_path / "tokens"
    file.write_text("bob:bobs-own-token-0123\n", encoding="utf-8")
    file.chmod(0o600)
    doors: list[Door] = []
    monkeypatch.setattr(server, "serve", lambda _options, door, _ready: doors.append(door))
    given = ["--actor", "anna", "--token-file", file, "--allow-host", "Ledger.example", "--host", "192.0.2.1"]
    answer = run("--ledger", ledger.path, "serve", "--port", "80", *given, env={"LEDGER_TOKEN": TOKEN})
    assert answer.code == 0
    assert "tokens travel as they are" in answer.err
    assert doors[0].subjects == {TOKEN: "anna", "bobs-own-token-0123": "bob"}
    assert doors[0].names(80) == ["192.0.2.1:80", "192.0.2.1", "ledger.example"]


def test_there_must_be_a_ledger(tmp_path: Path) -> None:
    """And a number for the port."""
    assert run("--ledger", tmp_path / "none.db", "serve").code != 0
    assert run("serve", "--port", "70000").code == 2


def test_without_the_extra_it_says_which(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of what is missing, and what installs it."""
    real = importlib.import_module

    def without(name: str, *rest: Any) -> ModuleType:  # noqa: ANN401 - as importlib has it
        if name == "review_page.server":
            raise ModuleNotFoundError("No module named 'jinja2'", name="jinja2")
        return real(name, *rest)

    monkeypatch.setattr(importlib, "import_module", without)
    answer = run("--ledger", ledger.path, "serve")
    assert answer.code != 0
    assert "jinja2" in answer.err
    assert "sample-ledger[ui]" in answer.err
