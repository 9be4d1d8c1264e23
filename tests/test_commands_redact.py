"""`ledger redact`: secrets go out of the samples, and what stays is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import Ledger
from tests.cli import ok, run
from tests.small import chat, samples, write

AWS = "AKIA" + "Q" * 16


@pytest.fixture
def leaky(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger of three samples, of which two hold a key; the first is accepted."""
    rows = [chat(f"use {AWS}", "ok"), chat("q", f"{AWS} and {AWS}"), chat("q2", "a")]
    ledger.ingest(write(tmp_path / "a.jsonl", *rows), campaign="ops")
    ledger.accept(samples(ledger)[:1])
    return ledger


def test_json_says_what_was_found_and_where(leaky: Ledger) -> None:
    """The keys are stable; a dry run gives the same answer without events."""
    arguments = ("--ledger", leaky.path, "redact", "--campaign", "ops", "--json")

    tried = ok(*arguments, "--dry-run").json
    done = ok(*arguments).json

    assert {**done, "events": []} == tried
    assert set(done) == {
        "samples", "changed", "unchanged", "secrets", "by_rule", "places", "decisions_lapsed", "old_bytes_kept",
        "old_versions", "events",
    }  # fmt: skip
    assert (done["samples"], done["changed"], done["secrets"], len(done["events"])) == (3, 2, 3, 2)
    assert done["places"][0] == {
        "sample": samples(leaky)[0], "rule": "text/secret_aws_key", "path": "messages[0].content",
    }  # fmt: skip


def test_people_are_told_what_stays(leaky: Ledger) -> None:
    """The old bytes stay, and decisions about them no longer apply; no secret is printed."""
    out = ok("--ledger", leaky.path, "redact", "--where", "campaign == 'ops'").out

    assert "3 samples = 2 changed + 1 unchanged  ✓" in out
    assert "messages[1].content" in out
    assert "The old bytes of 2 versions stay in the ledger file, secrets included." in out
    assert "1 decision about them no longer applies" in out
    assert AWS not in out
    again = ok("--ledger", leaky.path, "redact", "--campaign", "ops").out
    assert "3 samples = 0 changed + 3 unchanged  ✓" in again
    assert "old bytes" not in again


def test_a_dry_run_records_nothing(leaky: Ledger) -> None:
    """It shows the places, and the ledger stays as it is."""
    before = leaky.status()

    out = ok("--ledger", leaky.path, "redact", "--campaign", "ops", "--dry-run").out

    assert "nothing was recorded (--dry-run)" in out
    assert "text/secret_aws_key" in out
    assert leaky.status() == before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "No ids were given, and no selection"),
        (["--campaign", "ops", "--rule", "aws"], "No kind of secret is called 'aws'"),
        (["abcdef12", "--campaign", "ops"], "give one of the two"),
    ],
)
def test_what_cannot_be_asked(leaky: Ledger, arguments: list[str], says: str) -> None:
    """A selection is needed, and a rule that there is."""
    answer = run("--ledger", leaky.path, "redact", *arguments)

    assert answer.code == 4
    assert says in answer.err
