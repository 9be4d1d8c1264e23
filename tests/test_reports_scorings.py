"""scorings: each statement of a scorer and the last look of the validators, with who said it and of which version."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ledger import Ledger
from ledger.reports import scorings
from ledger.validators import RULES
from tests.judged import ingested
from tests.scoring import find, give_up, score
from tests.small import chat, write

RUBRIC = "ab" * 32


@pytest.fixture
def one(ledger: Ledger, tmp_path: Path) -> str:
    """Return the only sample of a ledger."""
    return ingested(ledger, write(tmp_path / "a.jsonl", chat("q", "a")))[0]


def edit(ledger: Ledger, sample: str, answer: str) -> str:
    """Give a sample another text and return the event."""
    ledger.edit(sample, json.dumps(chat("q", answer)).encode())
    event: str = ledger.log(sample)[-1]["event"]
    return event


def test_nothing_was_said(ledger: Ledger, one: str) -> None:
    """Empty lists, and null for a look that nobody took."""
    told = ledger.why(one)
    assert (told["scores"], told["validated"], told["findings"]) == ([], None, [])


def test_every_scoring_is_kept(ledger: Ledger, one: str) -> None:
    """Several scorers and attempts, oldest first, with scorer, version, rubric, and numbers as decimal texts."""
    score(ledger, {one: {"quality": "0.25", "memory": None}}, scorer="judge", rubric=RUBRIC)
    score(ledger, {one: {"quality": "0.5"}}, scorer="judge", rubric=RUBRIC, replicate=1)
    give_up(ledger, [one], "too_long", scorer="reader")
    first, second, third = ledger.why(one)["scores"]
    assert {name: first[name] for name in ("scorer", "scorer_version", "rubric", "replicate", "current", "actor")} == {
        "scorer": "judge",
        "scorer_version": "1",
        "rubric": f"b3:{RUBRIC}",
        "replicate": 0,
        "current": True,
        "actor": "tester",
    }
    assert first["dimensions"] == {"quality": "0.25"}
    assert first["unscored"] == [{"dimension": "memory", "reason": "not_asked"}]
    assert (first["notes"], first["evidence"], first["version"]) == ({}, None, ledger.show(one)["version"])
    assert (second["replicate"], second["dimensions"]) == (1, {"quality": "0.5"})
    assert (third["scorer"], third["rubric"], third["dimensions"]) == ("reader", None, {})
    assert third["unscored"] == [{"dimension": "", "reason": "too_long"}]
    assert first["position"] < second["position"] < third["position"]


def test_notes_and_evidence_of_an_imported_score(ledger: Ledger, one: str, tmp_path: Path) -> None:
    """The line of a file of scores is named as the evidence; its text stays in the store."""
    line = {"sample": one, "scores": {"helpful": 4.5}, "scorer": "judge", "version": "2", "notes": "very helpful"}
    ledger.import_scores(write(tmp_path / "scores.jsonl", line))
    (told,) = ledger.why(one)["scores"]
    assert (told["scorer"], told["scorer_version"], told["dimensions"]) == ("judge", "2", {"helpful": "4.5"})
    assert told["evidence"].startswith("b3:")
    assert "very helpful" not in json.dumps(ledger.why(one))


def test_scores_of_an_earlier_version_say_so(ledger: Ledger, one: str) -> None:
    """After an edit the old numbers are of another text; when the edit is withdrawn they are of this one again."""
    score(ledger, {one: {"quality": "1"}})
    before = ledger.show(one)["version"]
    made = edit(ledger, one, "another")
    (told,) = ledger.why(one)["scores"]
    assert (told["current"], told["version"]) == (False, before)
    ledger.withdraw([made])
    assert [each["current"] for each in ledger.why(one)["scores"]] == [True]


def test_a_crowd_of_scorings_is_cut_to_the_latest(ledger: Ledger, one: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many are listed and no more; the answer says that there are older ones."""
    monkeypatch.setattr(scorings, "SCORINGS", 3)
    for attempt in range(3):
        score(ledger, {one: {"quality": str(attempt), "other": "1"}}, replicate=attempt)
    assert (len(ledger.why(one)["scores"]), ledger.why(one)["cut"]) == (3, [])
    give_up(ledger, [one])
    told = ledger.why(one)
    assert ([each["replicate"] for each in told["scores"]], told["cut"]) == ([1, 2, 0], ["scores"])
    assert told["scores"][-1]["unscored"] == [{"dimension": "", "reason": "error"}]


def test_findings_have_a_sentence_each(ledger: Ledger, one: str) -> None:
    """What was found stands in its order; its sentence is made from the rules, null for a rule nobody here knows."""
    find(ledger, {one: [["text/too_short", "error", "completion"], ["their/rule", "warning", "messages[0]"]]})
    told = ledger.why(one)
    assert told["validated"]["validators"] == {"structure": "1"}
    assert (told["validated"]["schema"], told["validated"]["position"]) == (None, ledger.log(one)[-1]["position"])
    assert told["findings"] == [
        {"rule": "text/too_short", "severity": "error", "path": "completion", "sentence": RULES["text/too_short"]},
        {"rule": "their/rule", "severity": "warning", "path": "messages[0]", "sentence": None},
    ]


def test_the_latest_look_at_the_version_that_stands(ledger: Ledger, one: str) -> None:
    """A later look replaces an earlier one; of an edited text nothing is known until somebody looks again."""
    find(ledger, {one: [["text/too_short", "error", "completion"]]}, schema=b"{}")
    assert ledger.why(one)["validated"]["schema"].startswith("b3:")
    first = ledger.why(one)["findings"]
    made = edit(ledger, one, "another")
    assert (ledger.why(one)["validated"], ledger.why(one)["findings"]) == (None, [])
    find(ledger, {one: []})
    assert (ledger.why(one)["validated"] is None, ledger.why(one)["findings"]) == (False, [])
    ledger.withdraw([made])
    assert ledger.why(one)["findings"] == first  # those of the text that stands again, though not looked at last
    assert ledger.why(one)["validated"]["position"] is not None


def test_an_earlier_moment(ledger: Ledger, one: str) -> None:
    """As of before a score and a look, neither is there."""
    before = ledger.status()["head"]["position"]
    score(ledger, {one: {"quality": "1"}})
    find(ledger, {one: []})
    told = ledger.why(one, before)
    assert (told["scores"], told["validated"]) == ([], None)
    assert len(ledger.why(one)["scores"]) == 1
