"""`ledger serve`: what is refused before anything is served."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ledger import Ledger
from tests.cli import run


def test_other_computers_need_a_token(ledger: Ledger) -> None:
    """An address that others can reach is refused without one, and a taken port is told."""
    answer = run("--ledger", ledger.path, "serve", "--host", "0.0.0.0")  # noqa: S104 - nothing listens
    assert answer.code != 0
    assert "there is no token" in answer.err


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
