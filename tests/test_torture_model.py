"""R1 in short: a ledger and its model live through anything."""

from __future__ import annotations

from tests.torture import model


def test_model() -> None:
    """Nothing that happens in a few lives makes a ledger differ from its model."""
    found = model.run("short")
    assert found.problems == 0, found.note
    assert found.cases > 50
