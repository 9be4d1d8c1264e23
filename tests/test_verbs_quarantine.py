"""Lines that are not samples: listed with their place, shown with their bytes, read again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger
from ledger.digest import blake3_bytes, show
from ledger.errors import BadRequest, NoSuchId
from tests.small import chat, samples, text_of, write

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


QUOTED = "said-only-in-the-line"


def test_no_event_holds_what_the_line_said(ledger: Ledger, tmp_path: Path) -> None:
    """The message quotes the line when somebody looks; no leaf does, since leaves cannot be erased."""
    write(tmp_path / "a.jsonl", {**chat("q", "a"), "label": QUOTED}, {QUOTED: 1})
    ledger.ingest(tmp_path / "a.jsonl", campaign="a")
    assert all(QUOTED in line["message"] for line in ledger.quarantine())
    said = [event["says"] for event in ledger.log() if event["kind"] == "quarantined"]
    assert len(said) == 2
    assert QUOTED not in str(ledger.log(limit=1000))
    assert not any("message" in each for each in said)


def test_the_message_is_that_of_the_run_that_quarantined(ledger: Ledger, tmp_path: Path) -> None:
    """A line is read again with the map and the format of its ingest, each line with its own."""
    rows = [chat("q", "a", grade={"x": 1})]
    ledger.ingest(write(tmp_path / "a.jsonl", *rows), campaign="a", places="domain=grade")
    ledger.ingest(write(tmp_path / "b.jsonl", *rows), campaign="b", form="instruction")
    first, second = ledger.quarantine()
    assert "grade is not a plain value" in first["message"]
    assert "`instruction` is not text" in second["message"]
    assert ledger.quarantined_line(second["event"])[0] == second


def test_a_long_line_is_read_again_only_when_it_is_shown(ledger: Ledger, tmp_path: Path) -> None:
    """A list does not parse a line of over a megabyte; looking at that one line does."""
    write(tmp_path / "a.jsonl", {**chat("q", "a" * (1 << 20)), "label": 7})
    ledger.ingest(tmp_path / "a.jsonl", campaign="a")
    [line] = ledger.quarantine()
    assert "quarantine show" in line["message"]
    assert "label is '7'" in ledger.quarantined_line(line["event"])[0]["message"]


def test_retry_reads_as_the_ingest_did_except_for_what_is_given(ledger: Ledger, tmp_path: Path) -> None:
    """Tags, map and format of the original ingest hold in a retry; a map that is given takes the map's place only."""
    row = {"prompt": "p", "completion": "c", **chat("q", "a", meta={"topic": "asm"}), "label": "7 of 10"}
    file = write(tmp_path / "a.jsonl", row)
    options: dict[str, Any] = {"tags": {"batch": "7", "\u00e4": "x"}, "form": "prompt_completion"}
    ledger.ingest(file, campaign="a", **options, places="domain=meta.topic")
    assert ledger.retry_quarantine(campaign="a") == {"lines": 1, "new": 0, "quarantined": 1}
    assert ledger.retry_quarantine(campaign="a", places="label=-,domain=meta.topic")["new"] == 1
    shown = ledger.show(samples(ledger)[0])
    assert (shown["tags"], shown["domain"], shown["label"]) == ({"batch": "7", "\u00e4": "x"}, "asm", None)
    assert shown["reader"] == "prompt_completion@1"
    assert ledger.verify()["ok"]


def test_retry_keeps_the_map_where_only_the_format_is_given(ledger: Ledger, tmp_path: Path) -> None:
    """Without a map of its own, a retry finds facts where the ingest of that line was told to look."""
    for name, place in (("a", "meta.a"), ("b", "meta.b")):
        row = chat("q", "a", meta={"a": "from a", "b": "from b"})
        ledger.ingest(
            write(tmp_path / f"{name}.jsonl", row),
            campaign="c",
            form="instruction",
            places=f"domain={place}",
            tags={"of": name},
        )
    assert ledger.retry_quarantine(campaign="c", form="messages")["new"] == 2
    shown = [ledger.show(sample) for sample in samples(ledger)]
    assert [(each["domain"], each["tags"]) for each in shown] == [("from a", {"of": "a"}), ("from b", {"of": "b"})]
