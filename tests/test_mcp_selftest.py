"""`ledger mcp --selftest`: what a client would see, said to a person or as JSON, with an exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import Ledger
from mcp_server import selftest
from tests.cli import ok, run

READING = 10


def test_a_sound_server_passes(toolset: Ledger) -> None:
    """A line for each era and `passed`; every reading tool is there, and none that writes."""
    found = ok("--json", "--ledger", toolset.path, "mcp", "--selftest").json

    assert found["passed"]
    assert found["failed"] == []
    for one in found["eras"]:
        assert len(one["tools"]) == READING
        assert "120 samples" in one["overview"]
    shown = ok("--ledger", toolset.path, "mcp", "--selftest").out.splitlines()
    assert shown[0].startswith("2026-07-28  10 tools, ")
    assert shown[1].startswith("2025-11-25  10 tools, ")
    assert shown[-1] == "passed"


def test_what_is_allowed_is_seen(toolset: Ledger) -> None:
    """With --allow the tools that write are listed as well."""
    found = ok("--json", "--ledger", toolset.path, "mcp", "--selftest", "--allow", "propose", "--allow", "record").json

    assert found["eras"][0]["tools"][READING:] == ["ledger_propose_decision", "ledger_record_decision"]


def test_exports_that_cannot_be_written_are_told(toolset: Ledger, tmp_path: Path) -> None:
    """Whoever allows exports and names no folder for them hears so at the start, on stderr."""
    start = ("--json", "--ledger", toolset.path, "mcp", "--selftest", "--allow", "export")

    silent = ok(*start, "--export-root", tmp_path)
    warned = ok(*start)

    assert warned.json["passed"]
    assert warned.json["eras"][0]["tools"][READING:] == ["ledger_run_projection"]
    assert "warning: no files will be written without --export-root" in warned.err
    assert silent.err == ""


def test_a_server_that_does_not_answer_fails(toolset: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a client would be told is said, and the exit code is 1."""
    monkeypatch.setattr(selftest, "QUESTION", "ledger_oracle")

    done = run("--json", "--ledger", toolset.path, "mcp", "--selftest")

    assert done.code == 1
    assert not done.json["passed"]
    assert done.json["failed"] == ["There is no tool ledger_oracle."] * 2


def test_a_ledger_that_cannot_be_opened_is_an_error(toolset: Ledger) -> None:
    """As with every verb, by its own exit code."""
    done = run("--json", "--ledger", toolset.path.with_name("none.db"), "mcp", "--selftest")

    assert done.code == 10
    assert done.json["error"]["name"] == "LedgerNotFound"
