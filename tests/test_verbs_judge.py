"""Deciding by a policy: what is appended, what the answer counts, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger
from ledger.errors import BadRequest, HeadMoved, LedgerError, NoPolicy
from ledger.rule import Policy, Rule
from ledger.verbs import judge
from tests.judged import LOW, RELABEL
from tests.logs import store_of
from tests.scoring import decide, details_of, reasons, score, score_is, some, standing

BOTH = replace(LOW, labels=RELABEL.labels)
"""Rejects what is low, and labels it false."""


def scored(ledger: Ledger, folder: Path, *values: str, campaign: str = "c", **facts: Any) -> list[str]:  # noqa: ANN401 - JSON
    """Ingest one sample for each value and give it that quality."""
    ids = some(ledger, folder, len(values), campaign, **facts)
    score(ledger, {one: {"quality": value, "memory": "2"} for one, value in zip(ids, values, strict=True)})
    return ids


def kinds(ledger: Ledger, after: int) -> list[str]:
    """Return the kinds of the events after a position."""
    return [event["kind"] for event in ledger.log(limit=1000) if event["position"] > after]


def test_one_decision_for_each_sample(ledger: Ledger, tmp_path: Path) -> None:
    """Under one run: the adoption, the decisions and labels in the order of birth, and the end."""
    scored(ledger, tmp_path, "0.2", "0.9", "0.4", label=True)
    head = store_of(ledger).head().position
    report = decide(ledger, BOTH)
    assert kinds(ledger, head) == [
        "run_started",
        "policy_adopted",
        "rejected",
        "relabeled",
        "accepted",
        "rejected",
        "relabeled",
        "run_finished",
    ]
    assert report._asdict() | {"policies": None} == {
        "decided": 3,
        "changed": 3,
        "by_outcome": {"accepted": 1, "rejected": 2},
        "by_label": {"true": 1, "false": 2, "none": 0},
        "by_rule": {"low_quality": 4},  # two reject, two relabel under the same name
        "by_person": 0,
        "policies": None,
        "adopted": head + 2,
        "events": [head + 3, head + 7],
        "never_scored": [],
        "never_looked": [],
    }
    run = [event for event in ledger.log(limit=1000) if event["kind"] == "run_finished"][-1]
    assert run["says"]["counts"] == {"changed": 3, "samples": 3}


def test_only_what_changed_is_decided_again(ledger: Ledger, tmp_path: Path) -> None:
    """One more score, one more decision; nothing at all appends nothing, not even a run."""
    one, *_ = scored(ledger, tmp_path, "0.2", "0.9", "0.4")
    decide(ledger, LOW)
    score(ledger, {one: {"quality": "0.7"}})
    head = store_of(ledger).head()
    report = decide(ledger)
    assert (report.decided, report.changed, report.adopted) == (3, 1, None)
    assert kinds(ledger, head.position) == ["run_started", "accepted", "run_finished"]
    head = store_of(ledger).head()
    again = decide(ledger)
    assert (again.changed, again.events, store_of(ledger).head()) == (0, [], head)
    assert again.by_outcome == report.by_outcome


def test_each_decision_names_the_one_before(ledger: Ledger, tmp_path: Path) -> None:
    """Whoever made or withdrew it; so one that comes back is another event."""
    (one,) = scored(ledger, tmp_path, "0.2")
    decide(ledger, LOW)
    first = ledger.log(one)[-1]["event"]
    decide(ledger, replace(LOW, default="deferred", rules=(replace(LOW.rules[0], outcome="deferred"),)))
    assert details_of(ledger, one)["after"] == first
    decide(ledger, LOW)
    ledger.withdraw([ledger.log(one)[-1]["event"]])
    withdrawal = [event for event in ledger.log(limit=1000) if event["kind"] == "withdrawn"][-1]["event"]
    assert decide(ledger).changed == 1
    assert details_of(ledger, one, "rejected")["after"] == withdrawal
    assert reasons(ledger)[one] == ("rejected", "none", "low_quality")


def test_another_rule_is_another_decision(ledger: Ledger, tmp_path: Path) -> None:
    """Also where the outcome stays: what decided is part of what was decided."""
    (one,) = scored(ledger, tmp_path, "0.2")
    decide(ledger, LOW)
    assert decide(ledger, replace(LOW, rules=(replace(LOW.rules[0], name="too_low"),))).changed == 1
    assert reasons(ledger)[one] == ("rejected", "none", "too_low")


def test_an_edit_is_decided_anew(ledger: Ledger, tmp_path: Path) -> None:
    """A decision is about a version, so the new one is pending until it is decided."""
    (one,) = scored(ledger, tmp_path, "0.9")
    decide(ledger, LOW)
    ledger.edit(one, b'{"prompt": "p", "completion": "another"}')
    assert standing(ledger)[one] == ("pending", "none")
    assert decide(ledger).by_outcome == {"deferred": 1}
    assert reasons(ledger)[one] == ("pending", "none", "unknown")


def test_a_label_that_no_rule_gives_any_more_is_taken_back(ledger: Ledger, tmp_path: Path) -> None:
    """The sample has the label again that it came with, by an event without a rule; once."""
    (one,) = scored(ledger, tmp_path, "0.2", label=True)
    decide(ledger, RELABEL)
    assert standing(ledger)[one] == ("accepted", "false")
    score(ledger, {one: {"quality": "0.8"}})
    decide(ledger)
    said = details_of(ledger, one, "relabeled")
    assert (said["rule"], said["label"], standing(ledger)[one]) == (None, True, ("accepted", "true"))
    assert decide(ledger).changed == 0


def test_rules_that_hold_together_are_named_together(ledger: Ledger, tmp_path: Path) -> None:
    """Label rules joined with +, in the policy's order; each combination is counted by itself."""
    ids = some(ledger, tmp_path, 3)
    score(ledger, {ids[0]: {"quality": "0.1", "memory": "1"}, ids[1]: {"memory": "1", "quality": "1"}})
    assert decide(ledger, RELABEL).by_rule == {"low_quality+no_memory": 1, "no_memory": 1}
    assert details_of(ledger, ids[0], "relabeled")["rule"] == "low_quality+no_memory"


def test_what_people_decided_is_counted_and_stands(ledger: Ledger, tmp_path: Path) -> None:
    """The policy's decision is recorded beneath, and applies when theirs is withdrawn."""
    one, two, _ = scored(ledger, tmp_path, "0.2", "0.2", "0.2")
    (accepted,) = ledger.accept([one], reason="seen")["events"]
    ledger.relabel([two], "true", reason="seen")
    report = decide(ledger, BOTH)
    assert (report.by_person, report.by_outcome, report.changed) == (2, {"rejected": 3}, 3)
    assert report.by_label == {"true": 1, "false": 2, "none": 0}
    assert standing(ledger)[one] == ("accepted", "false")
    ledger.withdraw([f"@{accepted}"])
    assert standing(ledger)[one] == ("rejected", "false")
    assert decide(ledger).changed == 0


def test_a_campaign_is_decided_alone(ledger: Ledger, tmp_path: Path) -> None:
    """A policy is adopted for it alone; without a policy, the one that covers it decides."""
    (here,) = scored(ledger, tmp_path, "0.2", campaign="here")
    (there,) = scored(ledger, tmp_path, "0.2", campaign="there")
    report = decide(ledger, LOW, "here")
    assert (report.decided, report.policies[0]["campaign"]) == (1, "here")
    assert standing(ledger)[there] == ("pending", "none")
    with pytest.raises(NoPolicy):
        decide(ledger, None, "there")
    decide(ledger, replace(LOW, thresholds=(replace(LOW.thresholds[0], default=0),)))
    assert standing(ledger) == {here: ("accepted", "none"), there: ("accepted", "none")}


def test_each_campaign_by_its_own_policy(ledger: Ledger, tmp_path: Path) -> None:
    """Without a policy all those in force decide, and the answer counts them together."""
    scored(ledger, tmp_path, "0.2", campaign="here")
    scored(ledger, tmp_path, "0.2", campaign="there")
    decide(ledger, LOW)
    decide(ledger, replace(LOW, rules=(), default="deferred", labels=RELABEL.labels), "there")
    report = decide(ledger)
    assert [policy["campaign"] for policy in report.policies] == [None, "there"]
    assert (report.decided, report.changed, report.by_outcome) == (2, 0, {"deferred": 1, "rejected": 1})


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_commits_are_small(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Whatever the batch, it is one run and the same decisions."""
    monkeypatch.setattr(judge, "BATCH", size)
    ids = scored(ledger, tmp_path, *["0.2", "0.9"] * 3)
    heads = count(ledger, "head")
    report = decide(ledger, LOW)
    assert count(ledger, "head") - heads == 1 + -(-len(ids) // size) + 1
    assert report.changed == len(ids)
    assert [stand for stand, _ in standing(ledger).values()] == ["rejected", "accepted"] * 3
    assert kinds(ledger, 0).count("run_finished") == 3  # the ingest, the scores, the decisions


def count(ledger: Ledger, table: str) -> int:
    """Return how many rows a table of the log has."""
    return int(store_of(ledger).connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - fixed


def test_a_dry_run_says_the_same_and_appends_nothing(ledger: Ledger, tmp_path: Path) -> None:
    """With a policy or without one, for all campaigns or for one."""
    scored(ledger, tmp_path, "0.2", "0.9", campaign="here")
    scored(ledger, tmp_path, "0.2", campaign="there")
    for policy, campaign in ((LOW, None), (BOTH, "here"), (LOW, None), (None, None)):
        before = ledger.path.read_bytes()
        dry = decide(ledger, policy, campaign, dry_run=True)
        assert ledger.path.read_bytes() == before
        wet = decide(ledger, policy, campaign)
        assert dry == wet._replace(adopted=None, events=[])


@pytest.mark.parametrize(
    ("policy", "more", "error"),
    [
        (None, {}, NoPolicy),
        (LOW, {"campaign": "nowhere"}, BadRequest),
        (LOW, {"expected": 0}, HeadMoved),
        (None, {"dry_run": True}, NoPolicy),
    ],
)
def test_what_cannot_be_decided(
    ledger: Ledger, tmp_path: Path, policy: Policy | None, more: dict[str, Any], error: type[LedgerError]
) -> None:
    """Nothing is appended, no policy adopted."""
    scored(ledger, tmp_path, "0.2")
    head = store_of(ledger).head()
    with pytest.raises(error):
        decide(ledger, policy, **more)
    assert store_of(ledger).head() == head


def test_the_expected_head_is_that_before_the_first_commit(ledger: Ledger, tmp_path: Path) -> None:
    """Also where nothing is adopted any more."""
    (one,) = scored(ledger, tmp_path, "0.2")
    decide(ledger, LOW, expected=store_of(ledger).head().position)
    score(ledger, {one: {"quality": "0.9"}})
    head = store_of(ledger).head()
    with pytest.raises(HeadMoved):
        decide(ledger, expected=head.position - 1)
    assert store_of(ledger).head() == head
    assert decide(ledger, expected=head.position).changed == 1


def test_unknown_is_never_a_rejection_by_accident(ledger: Ledger, tmp_path: Path) -> None:
    """What was not scored is deferred, and the decision names the rules that could not be told."""
    (one,) = some(ledger, tmp_path, 1)
    decide(ledger, replace(LOW, rules=(*LOW.rules, Rule("other", "accepted", score_is("memory", ">", 0)))))
    assert reasons(ledger)[one] == ("pending", "none", "unknown")
    assert details_of(ledger, one)["details"]["unknown"] == ["low_quality", "other"]
    assert decide(ledger).never_scored == ["memory", "quality"]


def test_a_ledger_without_samples(ledger: Ledger) -> None:
    """A policy may be adopted before anything is there."""
    report = decide(ledger, LOW)
    assert (report.decided, report.by_outcome, report.events) == (0, {}, [])
    assert report.adopted is not None
