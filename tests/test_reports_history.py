"""Events as sentences: every kind says what happened."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger
from ledger.errors import BadRequest
from ledger.event import KINDS
from ledger.reports.history import sentence, time_text
from tests.judged import LOW, RELABEL, decide, ingested
from tests.scoring import find, give_up, score
from tests.small import chat, samples, text_of, write


def test_times_are_utc() -> None:
    """Microseconds since 1970 are told as ISO 8601 with a Z."""
    assert time_text(0) == "1970-01-01T00:00:00Z"
    assert time_text(1_795_521_600_000_000) == "2026-11-24T12:00:00Z"


def test_the_log_tells_the_story(ledger: Ledger, tmp_path: Path) -> None:
    """Each kind of event that can be made today has a sentence of its own, in the order of the log."""
    (tmp_path / "a.jsonl").write_text(text_of([chat("q", "a", label=True)]) + "{\n", encoding="utf-8")
    ledger.ingest(tmp_path / "a.jsonl", campaign="c")
    one = samples(ledger)[0]
    ledger.accept([one])
    ledger.reject([one], reason="too short")
    ledger.defer([one], reason="ask")
    ledger.relabel([one], "none", reason="unclear")
    ledger.tag([one], "lang", "de")
    ledger.tag([one], "lang", None)
    ledger.edit(one, text_of([chat("q", "b")]).encode(), reason="typo")
    ledger.withdraw([ledger.log(one)[-1]["event"]], reason="no typo")
    ledger.split("100/0/0")
    ledger.project("sft", tmp_path / "out.jsonl")
    told = [event["sentence"] for event in ledger.log(limit=1_000) if not event["kind"].startswith("run_")]
    target, blob = ledger.log(one)[-3]["event"], ledger.log(one)[-3]["says"]["blob"]
    assert told == [
        "came from a.jsonl line 1 (campaign c, label true)",
        "a.jsonl line 2 is not a valid sample: invalid_json",
        "accepted",
        "rejected: too short",
        "deferred: ask",
        "labelled none: unclear",
        "tag lang = de",
        "tag lang removed",
        f"edited into b3:{blob[:12]}: typo",
        f"withdrew {target[:12]}: no typo",
        "assigned to train",
        "released sft as out.jsonl: 1 rows",
    ]
    runs = [event["sentence"] for event in ledger.log(limit=1_000) if event["kind"].startswith("run_")]
    assert runs[:2] == ["ingest began", "finished: 0 known, 2 lines, 1 new, 1 quarantined"]


def test_judgement_tells_its_story(ledger: Ledger, tmp_path: Path) -> None:
    """Scores with their numbers, what could not be measured, what was found, the policy, and what decided by name."""
    (one,) = ingested(ledger, write(tmp_path / "a.jsonl", chat("q", "a", label=True)))
    score(ledger, {one: {"quality": "0.2", "memory": "1", "other": None}})
    give_up(ledger, [one], "too_long", scorer="reader")
    find(ledger, {one: [["text/too_short", "error", "completion"], ["text/too_long", "warning", "completion"]]})
    find(ledger, {one: []})
    decide(ledger, replace(LOW, labels=RELABEL.labels), "c")
    decide(ledger, RELABEL)
    told = [event["sentence"] for event in ledger.log(limit=1_000) if not event["kind"].startswith("run_")]
    assert told[1:] == [
        "scored by judge: memory 1, quality 0.2, 1 unscored",
        "not scored by reader: too_long",
        "validated: 1 errors, 1 warnings",
        "validated: nothing found",
        "adopted the policy low for c",
        "rejected by the rule low_quality",
        "labelled false by the rule low_quality+no_memory",
        "adopted the policy relabel",
        "accepted by the rule default",
    ]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_has_a_sentence(kind: str) -> None:
    """No kind that can stand in a log is told by its bare name."""
    leaf: dict[str, Any] = dict.fromkeys(KINDS[kind].fields, "x") | {
        "kind": kind,
        "counts": {},
        "label": None,
        "tags": [],
        "dimensions": [["d", "1"]],
        "unscored": [],
        "findings": [],
        "steps": [1, 2],
    }
    assert sentence(leaf) != kind or kind in {"accepted", "rejected", "deferred", "superseded"}


def test_a_kind_from_elsewhere_is_told_by_its_name() -> None:
    """An event that this version has no words for is not an error."""
    assert sentence({"kind": "blessed"}) == "blessed"


def test_the_log_of_one_sample_and_its_limit(ledger: Ledger, tmp_path: Path) -> None:
    """The last events are listed, oldest first; a limit below 1 means nothing; as of a moment, only up to it."""
    ledger.ingest(write(tmp_path / "a.jsonl", chat("q", "a"), chat("q2", "a")), campaign="c")
    one, two = samples(ledger)
    ledger.accept([one])
    assert [event["kind"] for event in ledger.log(one)] == ["ingested", "accepted"]
    assert [event["kind"] for event in ledger.log(one, limit=1)] == ["accepted"]
    assert [event["position"] for event in ledger.log(limit=3)] == [4, 5, 6]
    assert [event["position"] for event in ledger.log(limit=3, as_of="3")] == [1, 2, 3]
    assert [event["kind"] for event in ledger.log(two, as_of="3")] == ["ingested"]
    for limit in (0, -1, 10**30):
        with pytest.raises(BadRequest, match="The limit"):
            ledger.log(limit=limit)
