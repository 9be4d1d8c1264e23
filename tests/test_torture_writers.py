"""The matrix, R7: many writers and readers; in short form."""

from __future__ import annotations

from tests.torture import writers


def test_many_at_once() -> None:
    """Nothing is lost, doubled or skipped, no reader sees half a batch, nobody is told of a lock."""
    row = writers.run("short")
    assert row.problems == 0, row.note
    assert row.cases >= (writers.WRITERS + 1) * writers.COMMITS["short"]
