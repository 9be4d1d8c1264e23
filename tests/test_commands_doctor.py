"""`ledger doctor`."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import Ledger
from tests.cli import ok, run


def test_a_sound_ledger(toolset: Ledger) -> None:
    """People read where it is and that nothing is wrong; JSON is the dict of Ledger.doctor."""
    people = ok("--ledger", toolset.path, "doctor")

    assert "nothing is wrong  ✓" in people.out
    assert "SQLite" in people.out
    answer = ok("--ledger", toolset.path, "doctor", "--json").json
    assert set(answer) == {"ok", "findings", "facts"}
    assert all(set(finding) == {"id", "severity", "message", "advice"} for finding in answer["findings"])
    now = Ledger.doctor(toolset.path)
    assert answer["findings"] == now["findings"]
    assert answer["facts"] == now["facts"] | {"free_bytes": answer["facts"]["free_bytes"]}


def test_a_finding_says_what_to_do(toolset: Ledger, tmp_path: Path) -> None:
    """An error makes the exit code 1, and its remedy stands below it; a file that is no ledger is a finding, too."""
    (tmp_path / "other.db").write_bytes(b"not a database" * 100)
    toolset.close()
    (tmp_path / "second.db").hardlink_to(toolset.path)

    linked, other = run("--ledger", toolset.path, "doctor"), run("--ledger", tmp_path / "other.db", "doctor")

    assert (linked.code, other.code) == (1, 1)
    assert "hard_links" in linked.out
    assert "Keep one name" in linked.out
    assert "\n1 error  ✗" in linked.out
    assert "cannot_open" in other.out
    assert linked.err == other.err == ""


def test_what_is_counted_is_what_is_listed(toolset: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors and warnings are counted in words and listed; the rest comes last, under a heading of its own."""
    monkeypatch.setattr("ledger.verbs.doctor.find_spec", lambda _name: None)
    toolset.close()
    (tmp_path / "second.db").hardlink_to(toolset.path)
    toolset.path.chmod(0o666)

    out = run("--ledger", toolset.path, "doctor").out

    assert "\n1 error, 1 warning  ✗\n" in out
    counted, _, rest = out.partition("for your information")
    assert [name in counted for name in ("hard_links", "writable_by_others", "extra_missing")] == [True, True, False]
    assert "extra_missing" in rest
    assert "error" not in rest


def test_where_there_is_no_ledger(tmp_path: Path) -> None:
    """There is nothing to look at."""
    assert run("--ledger", tmp_path / "none.db", "doctor").code == 10
