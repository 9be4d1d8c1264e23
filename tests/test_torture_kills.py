"""The matrix, R5: kills at random moments; in short form."""

from __future__ import annotations

from tests.torture import kills


def test_killed_at_any_moment_and_taken_up() -> None:
    """What was acknowledged before a kill is there after it, and the same commands come to the same end."""
    row = kills.run("short")
    assert row.problems == 0, row.note
    assert row.cases >= kills.KILLS["short"]
