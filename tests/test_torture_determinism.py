"""R10 in short: the same input gives the same bytes."""

from __future__ import annotations

from tests.torture import determinism


def test_determinism() -> None:
    """Another hash seed and another folder give the same root, ids, views and exports."""
    found = determinism.run("short")
    assert found.problems == 0, found.note
    assert found.cases > 1
