"""Selection: ids, or a condition over what is known of samples; what is chosen is decided like what is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger
from ledger.errors import BadRequest, ConditionInvalid, HeadMoved
from ledger.verbs.decide import DecideReport, decide, relabel, tag
from ledger.verbs.run import Who
from ledger.verbs.selection import selected, selection
from tests.logs import store_of
from tests.scoring import score
from tests.small import chat, samples, write

WHO = Who("tester")


@pytest.fixture
def some(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger of two campaigns: four samples labelled true and false in asm and cpp, and two more."""
    rows = [chat(f"q{n}", "a", label=n % 2 == 0, domain="asm" if n < 2 else "cpp") for n in range(4)]
    ledger.ingest(write(tmp_path / "one.jsonl", *rows), campaign="one")
    ledger.ingest(write(tmp_path / "two.jsonl", chat("q8", "a"), chat("q9", "a", tags={"lang": "de"})), campaign="two")
    return ledger


def chosen(ledger: Ledger, where: str | None = None, campaign: str | None = None) -> list[int]:
    """Return which of the samples, counted from 0, a selection takes, in its order."""
    ids = {bytes.fromhex(one): number for number, one in enumerate(samples(ledger))}
    return [ids[row.id] for rows in selected(store_of(ledger), selection([], where, campaign)) for row in rows]


def accept(ledger: Ledger, where: str | None = None, campaign: str | None = None, **more: Any) -> DecideReport:  # noqa: ANN401 - as decide has them
    """Accept what a selection takes."""
    return decide(store_of(ledger), "accept", selection([], where, campaign), "", WHO, None, **more)


@pytest.mark.parametrize(
    ("where", "campaign", "expected"),
    [
        ("label == false", None, [1, 3]),
        ("domain in ['asm', 'text'] or tag.lang == 'de'", None, [0, 1, 5]),
        ("not domain == 'cpp'", "one", [0, 1]),
        (None, "two", [4, 5]),
        ("campaign == 'two'", "one", []),
        ("status == 'pending'", None, [0, 1, 2, 3, 4, 5]),
    ],
)
def test_what_a_condition_chooses(some: Ledger, where: str | None, campaign: str | None, expected: list[int]) -> None:
    """The samples for which it holds, of one campaign or of all, in the order of their birth."""
    assert chosen(some, where, campaign) == expected


def test_a_score_that_nobody_gave_is_refused(some: Ledger) -> None:
    """It would choose nothing, in silence; the nearest name that there is is named."""
    with pytest.raises(BadRequest, match=r"No sample has a score 'quality'; nothing was scored yet"):
        chosen(some, "quality >= 0.5")
    score(some, {samples(some)[0]: {"quality": "1"}})
    with pytest.raises(BadRequest, match=r"No sample has a score 'qualty' .did you mean 'quality'"):
        chosen(some, "label == true or not qualty < 0.5")
    assert chosen(some, "quality >= 0.5") == [0]


def test_ids_come_in_the_order_in_which_they_are_named(some: Ledger) -> None:
    """A sample named twice is chosen once."""
    ids = samples(some)
    rows = [row for rows in selected(store_of(some), selection([ids[2], ids[0][:12], ids[2]])) for row in rows]
    assert [row.id.hex() for row in rows] == [ids[2], ids[0]]


@pytest.mark.parametrize(
    ("ids", "where", "campaign", "error"),
    [
        (["abcdef"], "label == true", None, BadRequest),
        (["abcdef"], None, "one", BadRequest),
        ([], None, None, BadRequest),
        ([], "", None, BadRequest),
        ([], "label == \x1b", None, BadRequest),
        ([], "label == '\ud800'", None, BadRequest),
        ([], None, " ", BadRequest),
        ([], "label ==", None, ConditionInvalid),
        ([], "colour('x')", None, ConditionInvalid),
        ([], "1; DROP TABLE samples", None, ConditionInvalid),
    ],
)
def test_what_is_no_selection(ids: list[str], where: str | None, campaign: str | None, error: type[Exception]) -> None:
    """Both ways at once, no way at all, and what is no condition are refused before anything is looked up."""
    with pytest.raises(error):
        selection(ids, where, campaign)


def test_a_campaign_that_is_not_there(some: Ledger) -> None:
    """A name that nothing has is a slip, not an empty selection; its spelling in Unicode does not matter."""
    for where in (None, "label == true"):
        with pytest.raises(BadRequest, match="there are one, two"):
            chosen(some, where, "tow")
    some.ingest([some.path.with_name("one.jsonl")], campaign="caf\u00e9")
    assert len(chosen(some, None, "cafe\u0301")) == 4


def test_a_selection_is_decided_in_one_commit_and_named_in_its_run(some: Ledger) -> None:
    """The run's parameters hold the condition as it was written; the events name the samples, as by ids."""
    report = accept(some, "label == true", "one")
    assert report[:3] == (2, 2, 0)
    run = next(event for event in some.log(limit=100)[::-1] if event["kind"] == "run_started")
    assert run["says"]["params"] == {"campaign": "one", "reason": "", "where": "label == true"}
    assert [some.show(one)["status"] for one in samples(some)[:3]] == ["accepted", "pending", "accepted"]
    some.accept(samples(some)[:1], reason="seen")
    assert some.log()[-3]["says"]["params"] == {"reason": "seen"}
    assert some.verify()["ok"]


def test_again_appends_nothing(some: Ledger) -> None:
    """The same condition chooses the same samples, which stand as decided; or none any more."""
    accept(some, "label == true")
    events = some.status()["events"]
    assert accept(some, "label == true")[:3] == (2, 0, 2)
    assert accept(some, "label == true and status == 'pending'") == DecideReport(0, 0, 0, [])
    assert some.status()["events"] == events


def test_nothing_chosen_is_an_answer(some: Ledger) -> None:
    """A condition that holds for no sample changes nothing and is no error."""
    events = some.status()["events"]
    assert accept(some, "domain == 'none of these'") == DecideReport(0, 0, 0, [])
    assert some.status()["events"] == events


def test_every_verb_of_people_takes_a_selection(some: Ledger) -> None:
    """Reject, defer, relabel and tag choose as accept does."""
    store, asm = store_of(some), selection([], "domain == 'asm'")
    assert decide(store, "reject", asm, "old", WHO, None).changed == 2
    assert decide(store, "defer", asm, "", WHO, None).changed == 2
    assert relabel(store, asm, "none", "", WHO, None).changed == 2
    assert tag(store, asm, "era", "eighties", "", WHO, None).changed == 2
    assert tag(store, selection([], "tag.era == 'eighties'"), "era", None, "", WHO, None).changed == 2
    assert chosen(some, "label == none and domain == 'asm'") == [0, 1]


def test_a_dry_run_counts_and_appends_nothing(some: Ledger) -> None:
    """What would change is what then does; a log that moved on is refused all the same."""
    events = some.status()["events"]
    some.accept(samples(some)[:1])
    before = some.status()
    tried = accept(some, "label == true", dry_run=True)
    assert tried == DecideReport(2, 1, 1, [])
    assert some.status() == before
    ids = samples(some)
    assert relabel(store_of(some), ids, "none", "", WHO, None, dry_run=True) == DecideReport(6, 6, 0, [])
    with pytest.raises(HeadMoved):
        decide(store_of(some), "accept", ids, "", WHO, events - 1, dry_run=True)
    assert accept(some, "label == true")[:3] == tried[:3]


def test_thousands_at_once(ledger: Ledger, tmp_path: Path) -> None:
    """More samples than one statement takes are one run, whose events follow one another."""
    rows = [chat(f"q{n}", "a", domain="even" if n % 2 else "odd") for n in range(4_000)]
    ledger.ingest(write(tmp_path / "a.jsonl", *rows), campaign="a")
    report = accept(ledger, "domain == 'odd'")
    assert report[:3] == (2_000, 2_000, 0)
    assert report.events == list(range(report.events[0], report.events[0] + 2_000))
    assert ledger.status()["by_status"]["accepted"] == 2_000
    assert len([event for event in ledger.log(limit=10_000) if event["kind"] == "run_started"]) == 2
