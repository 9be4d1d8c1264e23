"""`ledger init`."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import Ledger
from tests.cli import ok, run


def test_it_makes_a_ledger_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --ledger the file is ./ledger.db, and it is empty and sound."""
    monkeypatch.chdir(tmp_path)

    answer = ok("init")

    assert f"made {tmp_path}/ledger.db" in answer.out
    with Ledger.open(tmp_path / "ledger.db") as made:
        assert made.status()["events"] == 0
        assert made.verify()["ok"]


def test_it_makes_one_below_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger in a parent folder does not stop a new one here, and here is where later verbs look."""
    Ledger.init(tmp_path / "ledger.db").close()
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")

    made = ok("init", "--json").json

    assert (tmp_path / "sub" / "ledger.db").is_file()
    assert ok("status", "--json").json["ledger"] == made["ledger"]


def test_a_name_in_the_environment_is_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """LEDGER_PATH names the new ledger as --ledger does, so that the next verb finds it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEDGER_PATH", str(tmp_path / "other.db"))

    ok("init")

    assert (tmp_path / "other.db").is_file()
    assert not (tmp_path / "ledger.db").exists()


def test_it_never_replaces_a_file(tmp_path: Path) -> None:
    """A file that is there stays as it is."""
    file = tmp_path / "precious.db"
    file.write_bytes(b"precious")

    answer = run("init", "--ledger", file)

    assert answer.code == 11
    assert file.read_bytes() == b"precious"
