"""Lines that are not samples: listed with their place, shown with their bytes, read again."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import Ledger
from ledger.digest import blake3_bytes, show
from ledger.errors import BadRequest, NoSuchId
from tests.small import chat, text_of

BROKEN = b'{"messages": [{"role": "user", "content": "q"'
ODD = b'{"prompt": "q", "answer": "a"}'


@pytest.fixture
def mixed(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger of one sample and three lines in quarantine, two of them the same bytes."""
    good = text_of([chat("q", "a")]).encode()
    (tmp_path / "mixed.jsonl").write_bytes(BROKEN + b"\n" + good + ODD + b"\n" + BROKEN)
    report = ledger.ingest(tmp_path / "mixed.jsonl", campaign="mixed")
    assert (report["lines"], report["new"], report["quarantined"]) == (4, 1, 3)
    return ledger


def test_the_list_says_where_and_why(mixed: Ledger) -> None:
    """Line, byte offset, reason and address of every line stand in the list, oldest first."""
    told = mixed.quarantine()
    good = len(text_of([chat("q", "a")]))
    assert [(line["line"], line["offset"], line["reason"]) for line in told] == [
        (1, 0, "invalid_json"),
        (3, len(BROKEN) + 1 + good, "unknown_shape"),
        (4, len(BROKEN) + 1 + good + len(ODD) + 1, "invalid_json"),
    ]
    assert {line["source"] for line in told} == {"mixed.jsonl"}
    assert told[0]["blob"] == told[2]["blob"] == show(blake3_bytes(BROKEN))
    assert mixed.quarantine("another campaign") == []
    assert mixed.quarantine(limit=1) == told[:1]


def test_one_line_comes_back_byte_for_byte(mixed: Ledger) -> None:
    """By its event's id, or by position, a line is shown with exactly its bytes."""
    for line, body in zip(mixed.quarantine(), (BROKEN, ODD, BROKEN), strict=True):
        for name in (line["event"][:10], f"@{line['position']}"):
            assert mixed.quarantined_line(name) == (line, body)


def test_what_is_not_in_quarantine(mixed: Ledger) -> None:
    """An event that is no quarantined line is not found there; a limit below 1 means nothing."""
    with pytest.raises(NoSuchId):
        mixed.quarantined_line("@0")
    with pytest.raises(BadRequest):
        mixed.quarantine(limit=0)


def test_retry_makes_samples_of_what_can_be_read_now(mixed: Ledger) -> None:
    """A retry with other settings takes what it can; the rest stays; a second retry finds only that."""
    report = mixed.retry_quarantine(campaign="mixed")
    assert report == {"lines": 3, "new": 0, "quarantined": 3}
    before = mixed.status()
    assert mixed.retry_quarantine(campaign="mixed", form="messages")["new"] == 0
    assert mixed.status() == before


def test_a_label_that_was_refused_can_be_read_from_another_place(ledger: Ledger, tmp_path: Path) -> None:
    """A line refused for its label becomes a sample once the map says where the label stands; its place is kept."""
    rows = [chat("q", "a", label=None, grade="good"), chat("q2", "a2")]
    rows[0]["label"] = "7 of 10"
    (tmp_path / "a.jsonl").write_text(text_of(rows), encoding="utf-8")
    assert ledger.ingest(tmp_path / "a.jsonl", campaign="a")["quarantined"] == 1
    assert ledger.retry_quarantine(campaign="a", places="label=-") == {"lines": 1, "new": 1, "quarantined": 0}
    assert ledger.quarantine() == []
    status = ledger.status()
    assert (status["samples"], status["quarantined"]) == (2, 0)
    made = next(event for event in ledger.log() if event["kind"] == "ingested" and event["says"]["line"] == 1)
    assert made["says"]["source"] == "a.jsonl"
    assert ledger.retry_quarantine(campaign="a", places="label=-") == {"lines": 0, "new": 0, "quarantined": 0}
    again = ledger.ingest(tmp_path / "a.jsonl", campaign="a")
    assert (again["new"], again["known"], again["quarantined"]) == (0, 2, 0)
    assert ledger.status() == status
