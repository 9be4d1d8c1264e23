"""campaigns: when each began, the measures there are, sums of scores by label, label rules that stand."""

from __future__ import annotations

from pathlib import Path

from ledger import Ledger
from ledger.views import campaigns
from tests.judged import RELABEL, decide, ingested, score, store_of
from tests.small import chat, write


def test_a_campaign_began_with_its_first_files(ledger: Ledger, tmp_path: Path) -> None:
    """The run that took in its first file, in the order of the runs; more files later change nothing."""
    for number, name in enumerate(["b", "a", "b"]):
        ledger.ingest(write(tmp_path / f"{number}.jsonl", chat(f"q{number}", "a")), campaign=name)
    began = campaigns.began(store_of(ledger).connection)
    first = ledger.log(limit=1000)
    starts = {event["position"]: event for event in first if event["kind"] == "run_started"}
    assert list(began) == ["b", "a"]
    assert began["b"].position == 0
    assert {each.position for each in began.values()} <= set(starts)
    assert began["b"].at <= began["a"].at


def test_no_run_no_campaign(ledger: Ledger) -> None:
    """An empty ledger has none, nor measures, nor sums."""
    connection = store_of(ledger).connection
    assert (campaigns.began(connection), campaigns.measures(connection)) == ({}, {})
    assert (campaigns.sums(connection, ["c"]), campaigns.label_rules(connection, ["c"])) == ([], [])


def test_sums_by_measure_and_label(ledger: Ledger, tmp_path: Path) -> None:
    """Of several scores by one measure the latest; by another version it is another measure; other campaigns apart."""
    rows = [chat("q1", "a", label=True), chat("q2", "a", label=True), chat("q3", "a", label=False)]
    one, two, three = ingested(ledger, write(tmp_path / "a.jsonl", *rows), "c")
    (other,) = ingested(ledger, write(tmp_path / "b.jsonl", chat("q4", "a")), "other")
    score(ledger, {each: {"quality": 0.25} for each in (one, two, three, other)})
    score(ledger, {one: {"quality": 0.5}})
    score(ledger, {one: {"quality": 9, "length": 2}}, version="2", rubric="ab" * 32)
    connection = store_of(ledger).connection
    names = campaigns.measures(connection)
    assert list(names.values()) == [
        campaigns.Measure("judge", "1", "", "quality"),
        campaigns.Measure("judge", "2", "ab" * 32, "length"),
        campaigns.Measure("judge", "2", "ab" * 32, "quality"),
    ]
    found = {
        (each.campaign, names[each.measure].dimension, names[each.measure].scorer_version, each.label): each[3:]
        for each in campaigns.sums(connection, ["c"])
    }
    assert found == {
        ("c", "quality", "1", 1): (2, 750_000),
        ("c", "quality", "1", 0): (1, 250_000),
        ("c", "quality", "2", 1): (1, 9_000_000),
        ("c", "length", "2", 1): (1, 2_000_000),
    }
    assert [each.label for each in campaigns.sums(connection, ["other"])] == [None]
    ledger.edit(three, b'{"prompt": "p", "completion": "c"}')
    assert {each.label for each in campaigns.sums(connection, ["c"])} == {1}


def test_label_rules_that_stand(ledger: Ledger, tmp_path: Path) -> None:
    """Joined as they were recorded, the most frequent first; where a person's label stands over it, none is."""
    rows = [chat(f"q{n}", "a", label=True) for n in range(5)]
    ids = ingested(ledger, write(tmp_path / "a.jsonl", *rows), "c")
    numbers = [(0.1, 1), (0.1, 2), (0.1, 3), (0.9, 1), (0.9, 2)]
    given = {one: {"quality": quality, "memory": memory} for one, (quality, memory) in zip(ids, numbers, strict=True)}
    score(ledger, given)
    decide(ledger, RELABEL)
    connection = store_of(ledger).connection
    assert campaigns.label_rules(connection, ["c", "none"]) == [
        ("c", "low_quality", 2),
        ("c", "low_quality+no_memory", 1),
        ("c", "no_memory", 1),
    ]
    ledger.relabel([ids[1]], "true")
    score(ledger, {ids[3]: {"memory": 2}})
    decide(ledger)
    assert campaigns.label_rules(connection, ["c"]) == [("c", "low_quality", 1), ("c", "low_quality+no_memory", 1)]
