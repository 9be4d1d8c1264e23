"""`ledger status`."""

from __future__ import annotations

from ledger import Ledger
from tests.cli import ok, run


def test_json_is_what_the_ledger_answers(toolset: Ledger) -> None:
    """--json prints the dict of Ledger.status, with every key that the contract names."""
    answer = ok("--ledger", toolset.path, "status", "--json").json

    assert answer == toolset.status()
    promised = {"samples", "blobs", "fingerprints", "quarantined", "events", "head", "by_status", "by_label"}
    assert promised | {"campaigns", "conserved"} <= set(answer)


def test_the_counts_add_up_in_one_line(toolset: Ledger) -> None:
    """The conservation line names every status, and a tick says that it holds."""
    toolset.reject([toolset.log(limit=9)[0]["event"]], reason="no")

    out = ok("--ledger", toolset.path, "status").out

    assert "120 samples = 0 accepted + 1 rejected + 119 pending + 0 errored + 0 superseded + 0 erased  ✓" in out
    assert "rejected for" in out
    assert "toolset" in out


def test_an_empty_ledger_has_a_status(ledger: Ledger) -> None:
    """Nothing is also an answer."""
    assert "0 samples = 0 accepted" in ok("--ledger", ledger.path, "status").out


def test_as_of_shows_the_past(toolset: Ledger) -> None:
    """At an earlier position the samples that came later are not there."""
    then = ok("--ledger", toolset.path, "status", "--as-of", "60", "--json").json

    assert (then["samples"], then["head"]["position"]) == (60, 60)


def test_a_moment_that_is_none_is_refused(toolset: Ledger) -> None:
    """Neither a position nor a time: an error that says what is taken."""
    answer = run("--ledger", toolset.path, "status", "--as-of", "yesterday")

    assert answer.code == 4
    assert "2026-01-31" in answer.err
