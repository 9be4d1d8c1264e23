"""`ledger backup`."""

from __future__ import annotations

from pathlib import Path

from ledger import Ledger
from tests.cli import ok, run


def test_a_copy_that_can_be_used(toolset: Ledger, tmp_path: Path) -> None:
    """People read where it is and at which head; it answers as the ledger does."""
    people = ok("--ledger", toolset.path, "backup", tmp_path / "one.db")
    answer = ok("--ledger", toolset.path, "backup", tmp_path / "two.db", "--quick", "--json").json

    assert str(tmp_path / "one.db") in people.out
    assert "✓" in people.out
    assert set(answer) == {"path", "bytes", "ledger", "head", "checked"}
    before = ok("--ledger", toolset.path, "status", "--json").json
    for name in ("one.db", "two.db"):
        after = ok("--ledger", tmp_path / name, "status", "--json").json
        assert after == before | {"path": str(tmp_path / name)}


def test_nothing_is_overwritten(toolset: Ledger, tmp_path: Path) -> None:
    """A name that is taken is refused, with the next step on stderr."""
    (tmp_path / "mine.db").write_text("mine")

    answer = run("--ledger", toolset.path, "backup", tmp_path / "mine.db")

    assert answer.code == 60
    assert "Choose another name" in answer.err
    assert (tmp_path / "mine.db").read_text() == "mine"
