"""R14 in short: lines of any bytes."""

from __future__ import annotations

from tests.torture import hostile


def test_hostile() -> None:
    """Odd lines are kept exactly, have one fate each, and are shown without a traceback."""
    found = hostile.run("short")
    assert found.problems == 0, found.note
    assert found.cases > 400
