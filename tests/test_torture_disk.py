"""The matrix, R6: no room; in short form."""

from __future__ import annotations

from tests.torture import disk


def test_no_room() -> None:
    """A command without room says so, leaves a sound ledger and no drafts, and does its work when there is room."""
    row = disk.run("short")
    assert row.problems == 0, row.note
    assert row.cases >= 2 * 5 * disk.LIMITS["short"]
    assert " 38" in row.note, "some must have met the wall"
