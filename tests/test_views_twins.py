"""Twins: which fingerprints a sample has that is rejected, asked many at a time and as of a position."""

from __future__ import annotations

from pathlib import Path

from ledger import Ledger
from ledger.views import twins
from tests.logs import store_of
from tests.small import chat, samples, write


def test_rejected_twins_by_fingerprint(ledger: Ledger, tmp_path: Path) -> None:
    """Only what is rejected counts, and only by a decision up to the position that is asked for."""
    connection = store_of(ledger).connection
    ledger.ingest(write(tmp_path / "a.jsonl", chat("q1", "a"), chat("q2", "a"), chat("q3", "a")), campaign="a")
    one, two, three = samples(ledger)
    prints = [bytes.fromhex(ledger.show(each)["fingerprint"].removeprefix("b3:")) for each in (one, two, three)]
    assert not twins.any_rejected(connection)
    first = ledger.reject([one], reason="no")["events"][0]
    second = ledger.reject([two], reason="no")["events"][0]
    ledger.accept([three])
    assert twins.any_rejected(connection)
    assert twins.rejected_among(connection, prints, second) == set(prints[:2])
    assert twins.rejected_among(connection, prints[1:], second) == {prints[1]}
    assert twins.rejected_among(connection, prints, first) == {prints[0]}
    ledger.withdraw([f"@{first}"])
    assert twins.rejected_among(connection, prints, second) == {prints[1]}
