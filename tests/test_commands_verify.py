"""`ledger verify` and `ledger rebuild-views`."""

from __future__ import annotations

import pytest
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the driver that the ledger uses

from ledger import Ledger
from tests.cli import ok, run


@pytest.mark.parametrize("options", [[], ["--quick"]])
def test_a_sound_ledger_passes(toolset: Ledger, options: list[str]) -> None:
    """People read that it is sound; JSON is the dict of Ledger.verify."""
    assert "the ledger is sound  ✓" in ok("--ledger", toolset.path, "verify", *options).out
    answer = ok("--ledger", toolset.path, "verify", *options, "--json").json
    assert set(answer) == {"ok", "findings", "head", "checked"}
    assert answer == toolset.verify(quick=bool(options))


def test_a_fault_is_named_and_the_exit_code_is_one(toolset: Ledger) -> None:
    """A changed blob is found, in words and in JSON."""
    path = toolset.path
    toolset.close()
    connection = sqlite3.connect(path)
    for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute("UPDATE blob SET body = CAST(replace(CAST(body AS TEXT), 'the', 'a') AS BLOB) WHERE id = 5")
    connection.commit()
    connection.close()

    people, programs = run("--ledger", path, "verify"), run("--ledger", path, "verify", "--json")

    assert people.code == programs.code == 1
    assert "the ledger is not sound  ✗" in people.out
    assert "blob_mismatch" in people.out
    assert {"blob_mismatch", "schema_changed"} <= {finding["id"] for finding in programs.json["findings"]}
    assert people.err == ""


def test_a_ledger_that_went_back_is_a_finding_here(toolset: Ledger) -> None:
    """Other verbs refuse a ledger that was rolled back; verify says what it is."""
    copy = toolset.path.read_bytes()
    ok("--ledger", toolset.path, "accept", toolset.log(limit=9)[0]["event"])
    toolset.close()
    toolset.path.write_bytes(copy)

    answer = run("--ledger", toolset.path, "verify", "--json")

    assert answer.code == 1
    assert [finding["id"] for finding in answer.json["findings"]] == ["rolled_back"]
    refused = run("--ledger", toolset.path, "status")
    assert refused.code == 18
    named = refused.err.splitlines()[-1].rpartition("delete ")[2].removesuffix(".")
    assert named.endswith(".json")
    assert answer.json["findings"][0]["message"].endswith(f"if going back was meant, delete {named}")


def test_views_are_made_again(toolset: Ledger) -> None:
    """Views that were spoilt differ, are a finding, and are the fold again afterwards."""
    before = toolset.status()
    path = toolset.path
    toolset.close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE samples SET status = 'accepted' WHERE sample = 5")
    connection.commit()
    connection.close()
    assert run("--ledger", path, "verify").code == 1

    answer = ok("--ledger", path, "rebuild-views", "--json").json

    assert answer["events"] == before["events"]
    assert ok("--ledger", path, "verify").code == 0
    assert ok("--ledger", path, "status", "--json").json == before
    assert "folded from 122 events" in ok("--ledger", path, "rebuild-views").out
