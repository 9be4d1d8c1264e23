"""agreement: which scorings are paired, what each alone would be labelled, sums by source; nothing stays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ledger import Ledger
from ledger.rule import Compare, Findings, LabelRule, Number, Policy, Score
from ledger.views import agreement, campaigns
from tests.judged import LOW, RELABEL, decide, ingested, store_of
from tests.scoring import find, score
from tests.small import chat, write

HALF = Policy("half", labels=(LabelRule("low", label=False, when=Compare(Score("quality"), "<", Number(500_000))),))


def copies(ledger: Ledger, folder: Path, texts: list[int], campaign: str = "c") -> list[str]:
    """Ingest one sample for each number; equal numbers teach the same."""
    return ingested(ledger, write(folder / f"{campaign}.jsonl", *(chat(f"q{text}", "a") for text in texts)), campaign)


def groups(
    ledger: Ledger, campaign: str | None = None, policy: Policy | None = None
) -> list[list[tuple[str, str | None, dict[str, int]]]]:
    """Return the scorings of each fingerprint: who, what label, what numbers."""
    connection = store_of(ledger).connection
    with agreement.found(connection, campaign, policy):
        found = list(agreement.scorings(connection))
    return [[(one.scorer, one.label, one.values) for one in group] for group in found]


def temporary(ledger: Ledger) -> set[str]:
    """Return the names of the temporary tables of scorings."""
    rows = store_of(ledger).connection.execute("SELECT name FROM temp.sqlite_schema WHERE type = 'table'")
    return {row[0] for row in rows} & {"scorings", "scoring_labels"}


def test_scorings_of_one_text_are_one_group_in_order(ledger: Ledger, tmp_path: Path) -> None:
    """What was scored once is none; several samples or scorers are, the oldest event first."""
    one, two, alone = copies(ledger, tmp_path, [1, 1, 2])
    score(ledger, {two: {"quality": "0.75"}}, scorer="b")
    score(ledger, {one: {"quality": "0.25", "other": "1"}, alone: {"quality": "1"}}, scorer="a")
    assert groups(ledger) == [
        [("b", None, {"quality": 750_000}), ("a", None, {"quality": 250_000, "other": 1_000_000})]
    ]
    score(ledger, {alone: {"quality": "1"}}, scorer="b")
    assert [len(group) for group in groups(ledger)] == [2, 2]
    assert groups(ledger, "c") == groups(ledger)


def test_a_correction_replaces_and_a_replicate_does_not(ledger: Ledger, tmp_path: Path) -> None:
    """The latest of one scorer, version, rubric and replicate counts, whole: what it no longer says is not said."""
    (one,) = copies(ledger, tmp_path, [1])
    score(ledger, {one: {"quality": "0.25", "other": "1"}})
    score(ledger, {one: {"quality": "0.5"}})
    assert groups(ledger) == []
    score(ledger, {one: {"quality": "0.75"}}, replicate=1)
    assert groups(ledger) == [[("judge", None, {"quality": 500_000}), ("judge", None, {"quality": 750_000})]]


def test_counts_tell_what_is_beyond(ledger: Ledger, tmp_path: Path) -> None:
    """Fingerprints, scorings, and of one fingerprint those after the first fifty."""
    ids = copies(ledger, tmp_path, [1] * (agreement.MOST + 2) + [2, 2])
    score(ledger, {each: {"quality": str(n)} for n, each in enumerate(ids)})
    connection = store_of(ledger).connection
    with agreement.found(connection, None, None):
        assert agreement.counts(connection) == (2, agreement.MOST + 4, 2)
        assert [len(group) for group in agreement.scorings(connection)] in ([agreement.MOST, 2], [2, agreement.MOST])


def test_labels_by_a_policy_that_is_not_adopted(ledger: Ledger, tmp_path: Path) -> None:
    """Scores alone tell: given where no rule holds, none where one cannot be told; findings it has not seen."""
    one, two, three = copies(ledger, tmp_path, [1, 1, 1])
    given_ = {one: {"quality": "0.25"}, two: {"quality": "0.5"}, three: {"other": "1"}}
    score(ledger, given_)
    assert [label for _, label, _ in groups(ledger, policy=HALF)[0]] == ["false", "given", None]
    find(ledger, {each: [["text/empty", "error", "completion"]] for each in given_})
    broken = Policy("b", labels=(LabelRule("b", label=True, when=Compare(Findings("*", None), ">", Number(0))),))
    assert [label for _, label, _ in groups(ledger, policy=broken)[0]] == [None] * 3
    decide(ledger, broken)
    assert [label for _, label, _ in groups(ledger)[0]] == ["true"] * 3
    assert groups(ledger, policy=Policy("says nothing"))[0][0][1] is None


def test_labels_by_the_policies_in_force(ledger: Ledger, tmp_path: Path) -> None:
    """Each sample by the policy that covers it, each scoring by its own numbers, not by those that count in the end."""
    (one,) = copies(ledger, tmp_path, [1])
    (other,) = copies(ledger, tmp_path, [1], "d")
    score(ledger, {one: {"quality": "0.75", "memory": "3"}, other: {"quality": "0.75"}})
    score(ledger, {one: {"quality": "0.25", "memory": "3"}}, scorer="b")
    decide(ledger, RELABEL, "c")
    decide(ledger, LOW, "d")
    assert [(who, label) for who, label, _ in groups(ledger)[0]] == [
        ("judge", "given"),
        ("judge", "accepted"),
        ("b", "false"),
    ]


def test_nothing_is_left_behind(ledger: Ledger, tmp_path: Path) -> None:
    """The temporary tables are there inside only, also where something goes wrong there."""
    copies(ledger, tmp_path, [1])
    connection = store_of(ledger).connection
    with agreement.found(connection, None, HALF):
        assert temporary(ledger) == {"scorings", "scoring_labels"}
    assert temporary(ledger) == set()
    with pytest.raises(ZeroDivisionError), agreement.found(connection, None, None):
        raise ZeroDivisionError
    assert temporary(ledger) == set()


def test_sums_by_source(ledger: Ledger, tmp_path: Path) -> None:
    """Campaign and file, the latest by each measure, of the version that stands."""
    one, two = copies(ledger, tmp_path, [1, 2])
    (other,) = copies(ledger, tmp_path, [3], "d")
    score(ledger, {one: {"quality": "0.25"}, two: {"quality": "0.5"}, other: {"quality": "1"}})
    score(ledger, {two: {"quality": "0.75"}})
    connection = store_of(ledger).connection
    names = campaigns.measures(connection)
    found = {
        (each.campaign, each.source, names[each.measure].dimension): each[3:5]
        for each in agreement.sums(connection, None)
    }
    assert found == {("c", "c.jsonl", "quality"): (2, 1_000_000), ("d", "d.jsonl", "quality"): (1, 1_000_000)}
    assert [each.campaign for each in agreement.sums(connection, "d")] == ["d"]
    ledger.edit(one, json.dumps(chat("q1", "better")).encode())
    assert [each.total for each in agreement.sums(connection, "c")] == [750_000]
