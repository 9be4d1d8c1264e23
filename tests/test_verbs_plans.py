"""Exports under a policy: what is pending goes only as long as none is adopted, and a manifest says which are."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import Ledger
from ledger.digest import show
from ledger.errors import PlanImpossible
from ledger.rule import Compare, Number, Policy, Rule, Score
from ledger.verbs.adopt import Proposed, adopt, digest_of_policy
from ledger.verbs.run import Run, Who
from tests.logs import store_of
from tests.small import pairs, samples, write
from tests.working import append, failed, row_of

LOW = Policy("low", (Rule("low", "rejected", Compare(Score("quality"), "<", Number(400_000))),))
HIGH = Policy("high", (Rule("low", "rejected", Compare(Score("quality"), "<", Number(800_000))),))
TRAINING = ("kto-interleaved", "sft", "train")


def put_in_force(ledger: Ledger, policy: Policy, campaign: str | None = None) -> str:
    """Adopt a policy without deciding by it; return its digest as manifests show it."""
    store, who = store_of(ledger), Who("tester")
    run = Run(store.ledger_id, "adopt", {}, who)
    with store.transaction() as transaction:
        adopt(store, transaction, run, Proposed(policy), campaign, "", who)
        run.finish(transaction, {})
    return show(digest_of_policy(policy))


@pytest.fixture
def half(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger of sixteen samples in train, of which the first eight are accepted and the others pending."""
    ledger.ingest(write(tmp_path / "a.jsonl", *pairs(8)), campaign="a")
    ledger.accept(samples(ledger)[:8])
    ledger.split("100/0/0")
    return ledger


@pytest.mark.parametrize("view", TRAINING)
def test_before_a_policy_and_after(half: Ledger, tmp_path: Path, view: str) -> None:
    """Pending and accepted samples go at first, accepted ones once a policy is adopted; both files can be rebuilt."""
    before = half.project(view, tmp_path / "before.jsonl")
    digest = put_in_force(half, LOW)
    after = half.project(view, tmp_path / "after.jsonl")
    assert (before["used"], after["used"]) == ((8, 4) if view == "sft" else (16, 8))
    assert (before["policy"], after["policy"]) == (None, digest)
    assert after["omitted"]["status"] == 8
    for name in ("before", "after"):
        told = half.rebuild(tmp_path / f"{name}.jsonl.manifest.json", tmp_path / "again.jsonl")
        assert told["identical"]
        assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / f"{name}.jsonl").read_bytes()
    then = half.project(view, tmp_path / "then.jsonl", as_of=str(before["head"]["position"]))
    assert (then["used"], then["policy"]) == (before["used"], None)


def test_views_for_reading_do_not_ask_for_a_policy(half: Ledger, tmp_path: Path) -> None:
    """`accepted` and `rejected` are what they say; their manifests name the policy all the same."""
    half.reject(samples(half)[8:10], reason="no")
    digest = put_in_force(half, LOW)
    assert half.project("accepted", tmp_path / "accepted.jsonl")["used"] == 8
    assert half.project("rejected", tmp_path / "r.jsonl")["used"] == 2
    assert half.project("rejected", tmp_path / "r.jsonl")["policy"] == digest


def test_several_policies_are_listed(half: Ledger, tmp_path: Path) -> None:
    """One policy is its digest, whatever it covers; several stand in a list, that for all campaigns first."""
    half.ingest(write(tmp_path / "b.jsonl", *pairs(2)), campaign="b")
    own = put_in_force(half, HIGH, "b")
    assert half.project("sft", tmp_path / "one.jsonl")["policy"] == own
    put_in_force(half, HIGH)
    low = put_in_force(half, LOW, "a")
    made = half.project("sft", tmp_path / "two.jsonl")
    assert made["policy"] == [{"campaign": None, "digest": own}, {"campaign": "a", "digest": low}]
    put_in_force(half, LOW)
    assert half.project("sft", tmp_path / "three.jsonl")["policy"] == low
    for name in ("one", "two", "three"):
        assert half.rebuild(tmp_path / f"{name}.jsonl.manifest.json")["identical"]


def test_the_same_rows_under_another_policy_are_another_release(half: Ledger, tmp_path: Path) -> None:
    """A manifest never names a policy that was not in force, so the release is recorded anew, once."""
    half.accept(samples(half))
    first = half.project("sft", tmp_path / "out.jsonl")
    digest = put_in_force(half, LOW)
    second = half.project("sft", tmp_path / "out.jsonl")
    assert (first["policy"], second["policy"]) == (None, digest)
    assert first["output"] == second["output"]
    events = half.status()["events"]
    assert half.project("sft", tmp_path / "out.jsonl") == second
    assert half.status()["events"] == events
    assert half.verify()["ok"]


@pytest.mark.parametrize("view", TRAINING)
def test_a_policy_that_has_not_decided_yet(ledger: Ledger, tmp_path: Path, view: str) -> None:
    """Where nothing is accepted, the next step is to decide, not to change batch sizes."""
    ledger.ingest(write(tmp_path / "a.jsonl", *pairs(2)), campaign="a")
    ledger.split("100/0/0")
    put_in_force(ledger, LOW)
    with pytest.raises(PlanImpossible, match="4 status") as raised:
        ledger.project(view, tmp_path / "out.jsonl")
    assert "4 are pending. Run `ledger decide`" in raised.value.next_step
    assert not (tmp_path / "out.jsonl").exists()
    ledger.reject(samples(ledger), reason="no")
    with pytest.raises(PlanImpossible) as raised:
        ledger.project(view, tmp_path / "out.jsonl")
    assert "decide`" not in raised.value.next_step


def test_a_failed_improvement_takes_nothing_out(half: Ledger, tmp_path: Path) -> None:
    """The original stands: as long as no policy is adopted it goes as what is pending does, and no longer."""
    before = half.project("train", tmp_path / "before.jsonl")
    append(half, [failed(row_of(half, one), one, "refused", final=True) for one in samples(half)[12:]])
    assert half.status()["by_status"]["errored"] == 4
    assert half.check("train")["used"] == half.check("train")["considered"] == 16
    after = half.project("train", tmp_path / "after.jsonl")
    assert (after["used"], after["omitted"]) == (before["used"], before["omitted"])
    assert (tmp_path / "before.jsonl").read_bytes() == (tmp_path / "after.jsonl").read_bytes()
    assert half.rebuild(tmp_path / "after.jsonl.manifest.json", tmp_path / "again.jsonl")["identical"]
    put_in_force(half, LOW)
    assert half.project("train", tmp_path / "then.jsonl")["omitted"]["status"] == 8
    half.withdraw([event["event"] for event in half.log(limit=999) if event["kind"] == "accepted"])
    with pytest.raises(PlanImpossible) as impossible:
        half.project("train", tmp_path / "none.jsonl")
    assert "12 are pending and 4 errored. Run `ledger decide`" in impossible.value.next_step
