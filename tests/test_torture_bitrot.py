"""R8 in short: bits that flip."""

from __future__ import annotations

from tests.torture import bitrot


def test_bitrot() -> None:
    """Of a few flips in pages of every kind, in a journal and in a write-ahead log, none is missed."""
    found = bitrot.run("short")
    assert found.problems == 0, found.note
    assert found.cases > 50
