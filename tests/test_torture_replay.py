"""R11 in short: the past can be had again."""

from __future__ import annotations

from tests.torture import replay


def test_replay() -> None:
    """Views at drawn positions, and exports as of drawn commits, are what they were."""
    found = replay.run("short")
    assert found.problems == 0, found.note
    assert found.cases > 60
