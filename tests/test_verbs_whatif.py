"""What would be: the answer's shape and sums, whom it covers, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from ledger import Ledger
from ledger.errors import BadRequest, NoPolicy
from ledger.policy import changed
from ledger.rule import Cap
from ledger.sqlite import Connection
from ledger.verbs.whatif import EXAMPLES, policy_to_change, whatif
from ledger.views import due, flips, policies
from tests.judged import LOW, RELABEL
from tests.logs import store_of
from tests.scoring import ask, decide, score, some, standing, take_in
from tests.test_verbs_judge import scored
from tests.working import append, failed, row_of

BOTH = replace(LOW, labels=RELABEL.labels)


def test_the_answer(ledger: Ledger, tmp_path: Path) -> None:
    """Counts before and after, flips by way, reason and domain, and the flips themselves."""
    low, lower, _ = scored(ledger, tmp_path, "0.4", "0.2", "0.9", domain="asm", label=True)
    ledger.accept([lower], reason="seen")
    decide(ledger, BOTH)
    assert whatif(store_of(ledger), changed(BOTH, ["domain.asm.min_quality=0.3"]), None) == {
        "before": {
            "samples": 3,
            "accepted": 2,
            "rejected": 1,
            "pending": 0,
            "superseded": 0,
            "true": 1,
            "false": 2,
            "none": 0,
            "acceptance_rate": 0.666667,
        },
        "after": {
            "samples": 3,
            "accepted": 3,
            "rejected": 0,
            "pending": 0,
            "superseded": 0,
            "true": 2,
            "false": 1,
            "none": 0,
            "acceptance_rate": 1.0,
        },
        "flips": {
            "to_accepted": 1,
            "to_rejected": 0,
            "to_pending": 0,
            "to_true": 1,
            "to_false": 0,
            "to_none": 0,
            "by_reason": {"to_accepted": {"low_quality": 1}, "to_true": {"low_quality": 1}},
            "by_domain": {"to_accepted": {"asm": 1}, "to_true": {"asm": 1}},
        },
        "examples": [
            {
                "sample": low,
                "domain": "asm",
                "before": {"status": "rejected", "rule": "low_quality", "margin": "-0.1"},
                "after": {"status": "accepted", "rule": "default", "margin": "0.1"},
                "label_before": "false",
                "label_after": "true",
                "label_rules_before": "low_quality",
                "label_rules_after": None,
            }
        ],
        "never_scored": [],
        "never_looked": [],
    }


def test_without_a_difference_there_are_no_flips(ledger: Ledger, tmp_path: Path) -> None:
    """Before and after are the same."""
    scored(ledger, tmp_path, "0.2", "0.9")
    decide(ledger, BOTH)
    told = ask(ledger, BOTH)
    assert told["before"] == told["after"]
    assert (told["flips"]["by_reason"], told["examples"]) == ({}, [])


def test_no_samples_have_no_rate(ledger: Ledger) -> None:
    """Unknown is not a number."""
    decide(ledger, LOW)
    assert ask(ledger, BOTH)["after"] | {"samples": 0} == dict.fromkeys(ask(ledger, BOTH)["after"], 0) | {
        "acceptance_rate": None
    }


@pytest.mark.parametrize("caps", [(), (Cap("one", "rejected", ("source",), 40),)])
def test_some_flips_are_listed_and_all_are_counted(ledger: Ledger, tmp_path: Path, caps: Sequence[Cap]) -> None:
    """The first ones, in the order of birth."""
    ids = scored(ledger, tmp_path, *["0.2"] * (EXAMPLES + 5))
    decide(ledger, replace(LOW, caps=tuple(caps)))
    other = replace(LOW, caps=tuple(caps), thresholds=(replace(LOW.thresholds[0], default=0),))
    for limit in (0, 3, EXAMPLES, 1000):
        told = whatif(store_of(ledger), other, None, limit)
        assert [example["sample"] for example in told["examples"]] == ids[:limit]
        assert told["flips"]["to_accepted"] == len(ids)


def test_before_is_what_the_policy_in_force_says(ledger: Ledger, tmp_path: Path) -> None:
    """Also of samples that nobody decided yet."""
    scored(ledger, tmp_path, "0.2")
    decide(ledger, LOW)
    scored(ledger, tmp_path, "0.9", "0.1", campaign="later")
    assert ask(ledger, LOW)["before"] | {"samples": 3, "accepted": 1, "rejected": 2} == ask(ledger, LOW)["before"]


def test_one_campaign_alone(ledger: Ledger, tmp_path: Path) -> None:
    """Its samples are counted alone; caps count them alone, too, as where the policy is adopted for it."""
    rows = [b'{"prompt": "p", "completion": "c"}']
    (here,) = take_in(ledger, tmp_path, rows, "here")
    (there,) = take_in(ledger, tmp_path, rows, "there")
    capped = replace(LOW, unknown="ignore", caps=(Cap("one", "rejected", ("fingerprint",), 1),))
    decide(ledger, capped)
    over = here if standing(ledger)[here][0] == "rejected" else there
    campaign = "here" if over == here else "there"
    told = ask(ledger, capped, campaign)
    assert (told["before"]["samples"], told["flips"]["to_accepted"]) == (1, 1)
    assert ask(ledger, capped)["examples"] == []
    decide(ledger, capped, campaign)
    assert standing(ledger)[over][0] == "accepted"


def test_samples_that_no_policy_covers_are_decided_for_the_first_time(ledger: Ledger, tmp_path: Path) -> None:
    """Where only one campaign has a policy and another would be for all."""
    scored(ledger, tmp_path, "0.2", campaign="here")
    first, second = scored(ledger, tmp_path, "0.2", "0.9", campaign="there")
    ledger.accept([first], reason="seen")
    decide(ledger, LOW, "here")
    told = ask(ledger, LOW)
    assert (told["before"]["pending"], told["before"]["accepted"], told["before"]["rejected"]) == (1, 1, 1)
    assert [(one["sample"], one["after"]["status"]) for one in told["examples"]] == [(second, "accepted")]
    decide(ledger, LOW)
    assert standing(ledger)[second] == ("accepted", "none")


def test_the_policy_that_is_changed(ledger: Ledger, tmp_path: Path) -> None:
    """Is the one in force there; where campaigns have their own, one must be named."""
    for name in ("here", "there"):
        some(ledger, tmp_path, 1, name)
    store = store_of(ledger)
    with pytest.raises(NoPolicy):
        policy_to_change(store, None)
    decide(ledger, LOW, "here")
    assert policy_to_change(store, "here") == LOW
    with pytest.raises(BadRequest, match="of their own \\(here\\); say which one with --campaign"):
        policy_to_change(store, None)
    with pytest.raises(NoPolicy):
        policy_to_change(store, "there")
    decide(ledger, BOTH)
    assert policy_to_change(store, None) == policy_to_change(store, "there") == BOTH
    with pytest.raises(BadRequest, match="no campaign 'nowhere'"):
        policy_to_change(store, "nowhere")


def test_what_cannot_be_asked(ledger: Ledger, tmp_path: Path) -> None:
    """Nothing is in force, or there is no such campaign."""
    (one,) = some(ledger, tmp_path, 1)
    with pytest.raises(NoPolicy):
        ask(ledger, LOW)
    score(ledger, {one: {"quality": "0.1"}})
    decide(ledger, LOW)
    with pytest.raises(BadRequest):
        ask(ledger, LOW, "nowhere")


def test_an_errored_sample_of_another_campaign_is_pending(ledger: Ledger, tmp_path: Path) -> None:
    """A policy of one campaign leaves the others as they stand; what merely failed there counts as not decided."""
    ours, theirs = (some(ledger, tmp_path, 1, name)[0] for name in "ab")
    score(ledger, {ours: {"quality": "0.9"}})
    decide(ledger, LOW, "a")
    append(ledger, [failed(row_of(ledger, theirs), "one", "refused", final=True)])
    assert ledger.show(theirs)["status"] == "errored"
    after = ask(ledger, LOW)["after"]
    assert (after["samples"], after["accepted"], after["pending"]) == (2, 1, 1)


@pytest.mark.parametrize("earlier_first", [True, False])
def test_an_earlier_moment_and_the_present_are_counted_apart(
    ledger: Ledger, tmp_path: Path, *, earlier_first: bool
) -> None:
    """Whichever is asked first, each counts what stood then, and the same when it is asked again."""
    score(ledger, {one: {"quality": "0.9"} for one in some(ledger, tmp_path, 2)})
    decide(ledger, LOW)
    then = ledger.status()["head"]["position"]
    some(ledger, tmp_path, 3, "more")
    answers: dict[int | None, list[int]] = {then: [], None: []}
    for when in (then, None, then) if earlier_first else (None, then, None):
        told = ledger.whatif(["threshold.min_quality=0.95"], as_of=when)
        answers[when].append(told["before"]["samples"])
        assert told["after"]["rejected"] == 2
    assert (set(answers[then]), set(answers[None])) == ({2}, {5})


def test_the_present_is_counted_once(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other settings over the same log only look for flips; after a write it is counted anew."""
    counted: list[str | None] = []
    standing_of = flips.standing

    def counting(connection: Connection, adoption: policies.Adoption, campaign: str | None) -> list[due.Count]:
        counted.append(campaign)
        return standing_of(connection, adoption, campaign)

    monkeypatch.setattr(flips, "standing", counting)
    score(ledger, {one: {"quality": "0.9"} for one in some(ledger, tmp_path, 2)})
    decide(ledger, LOW)
    for level in ("0.1", "0.95"):
        ledger.whatif([f"threshold.min_quality={level}"])
    assert len(counted) == 1
    some(ledger, tmp_path, 1, "more")
    assert ledger.whatif(["threshold.min_quality=0.95"])["before"]["samples"] == 3
    assert len(counted) == 2
