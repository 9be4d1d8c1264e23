"""standing: what the policy in force says of a few samples, and the number that stands for each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ledger import Ledger
from ledger.rule import Policy, Weighted
from ledger.views import standing
from ledger.views.standing import Headline
from tests.judged import LOW, RELABEL, Scores, decide, ingested, row_of, score, store_of, taken
from tests.small import chat, write


def headlines(ledger: Ledger, ids: list[str]) -> list[tuple[str, int] | None]:
    """Return the headline of each sample."""
    handles = [row_of(ledger, one).sample for one in ids]
    found = standing.headlines(store_of(ledger).connection, handles)
    return [found.get(handle) for handle in handles]


def test_what_the_policy_says(ledger: Ledger, tmp_path: Path) -> None:
    """Outcome, rule, margin, numbers; None where no policy covers the sample."""
    first, second = taken(ledger, tmp_path / "a.jsonl", [(None, {"quality": 0.2}), (None, {})])
    connection = store_of(ledger).connection
    assert standing.judged(connection, row_of(ledger, first).sample) is None
    decide(ledger, LOW)
    low = standing.judged(connection, row_of(ledger, first).sample)
    unknown = standing.judged(connection, row_of(ledger, second).sample)
    assert low is not None
    assert unknown is not None
    assert (low.outcome, low.rule, low.margin, low.held, low.untold) == ("rejected", "low_quality", -300_000, 1, 0)
    assert low.numbers[:2] == (200_000, None)
    assert (unknown.outcome, unknown.rule, unknown.margin, unknown.untold) == ("deferred", "unknown", None, 1)
    assert standing.judged(connection, 10**6) is None


def test_the_label_without_policies(ledger: Ledger, tmp_path: Path) -> None:
    """As it came, or as a person gave it; what a policy says of it does not show."""
    rows = [chat("q1", "a", label=True), chat("q2", "a", label=False), chat("q3", "a")]
    ids = ingested(ledger, write(tmp_path / "a.jsonl", *rows))
    score(ledger, {one: {"quality": 0.2, "memory": 1} for one in ids})
    decide(ledger, RELABEL)
    ledger.relabel(ids[1:2], "true")
    connection = store_of(ledger).connection
    assert [ledger.show(one)["label"] for one in ids] == [False, True, False]
    assert [standing.given_label(connection, row_of(ledger, one).sample) for one in ids] == ["true", "true", "none"]


def test_the_default_headline(ledger: Ledger, tmp_path: Path) -> None:
    """`overall_quality` if that was ever scored, else `overall`, else nothing; the latest, of the text that stands."""
    ids = ingested(ledger, write(tmp_path / "a.jsonl", chat("q1", "a"), chat("q2", "a")))
    score(ledger, {ids[0]: {"quality": 1}})
    assert headlines(ledger, ids) == [None, None]
    score(ledger, {ids[0]: {"overall": 2}, ids[1]: {"overall": 3}})
    assert headlines(ledger, ids) == [Headline("overall", 2_000_000), Headline("overall", 3_000_000)]
    score(ledger, {ids[0]: {"overall_quality": 4}})
    score(ledger, {ids[0]: {"overall_quality": 5}}, scorer="other")
    assert headlines(ledger, ids) == [Headline("overall_quality", 5_000_000), None]
    ledger.edit(ids[0], b'{"prompt": "p", "completion": "c"}')
    assert headlines(ledger, ids) == [None, None]


def test_the_headline_of_a_policy(ledger: Ledger, tmp_path: Path) -> None:
    """What the policy that covers a sample names, a score or a measure; unknown is none, not the default."""
    rows: list[tuple[None, Scores]] = [(None, {"quality": 0.2, "memory": 1, "overall": 9}), (None, {"overall": 9})]
    ids = taken(ledger, tmp_path / "a.jsonl", rows)
    (other,) = taken(ledger, tmp_path / "b.jsonl", [(None, {"overall": 7})], "d")
    decide(ledger, LOW, "c")
    assert headlines(ledger, [*ids, other]) == [Headline("quality", 200_000), None, Headline("overall", 7_000_000)]
    mean = Weighted("mix", (("quality", 1), ("memory", 3)), frozenset(), "renormalise")
    decide(ledger, replace(LOW, measures=(mean,), headline="mix"), "c")
    assert headlines(ledger, ids) == [Headline("mix", 800_000), None]
    decide(ledger, Policy("plain"), "c")
    assert headlines(ledger, ids) == [Headline("overall", 9_000_000)] * 2


def test_of_no_samples(ledger: Ledger) -> None:
    """Asked for none, there are none."""
    assert standing.headlines(store_of(ledger).connection, []) == {}
