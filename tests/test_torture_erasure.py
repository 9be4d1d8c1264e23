"""R13 in short: what was erased is found nowhere."""

from __future__ import annotations

from tests.torture import erasure


def test_erasure() -> None:
    """Two secrets come in by every way and are erased: no file, row, answer or later export holds a piece of them."""
    found = erasure.run("short")
    assert found.problems == 0, found.note
    assert found.cases > 80
