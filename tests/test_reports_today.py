"""today: what the policy says now, whether that is decided, and changes that really make it say otherwise."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import given, settings

from ledger import Ledger
from ledger.event import draft
from ledger.fixed import text_of
from ledger.rule import Cap, Compare, Field, LabelRule, Levels, Policy, Rule, Score, Text, Threshold
from tests import policy_model as book
from tests.drawn import SAMPLES, Drawn, decided, policies, word
from tests.judged import LOW, RELABEL, append, decide, ingested, row_of, score, taken
from tests.small import chat, write
from tests.worlds import Step, World, steps

WITHOUT_CAPS = book.policies().map(lambda policy: replace(policy, caps=()))
"""Caps need all samples at once, so `why` does not foresee them."""


@contextmanager
def world(first: list[Step], policy: Policy) -> Iterator[World]:
    """Yield a world in which a policy has decided."""
    with tempfile.TemporaryDirectory() as name, Ledger.init(Path(name) / "ledger.db") as ledger:
        made = World(ledger, Path(name))
        made.do(first)
        decide(ledger, policy)
        made.adopt(policy, None)
        yield made


def ways(told: dict[str, Any], key: str) -> dict[str, list[dict[str, Any]]]:
    """Return status and label -> the changes of one kind that go together."""
    found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for change in told["would_flip_if"] or ():
        if key in change:
            found[change["of"]].append(change)
    return found


@settings(max_examples=15)
@given(steps(8), WITHOUT_CAPS)
def test_what_the_policy_says_is_what_the_book_says(first: list[Step], policy: Policy) -> None:
    """Outcome, rule, margin, label and label rules of every sample; having decided, nothing is stale."""
    with world(first, policy) as made:
        for one in made.ones:
            told = made.ledger.why(one.id)["today"]
            said = made.verdicts(policy, made.ones)[one.id]
            margin = None if said.margin is None else text_of(said.margin)
            assert (told["outcome"], told["rule"], told["margin"]) == (said.outcome, said.rule, margin)
            assert told["label_rules"] == list(said.label_rules)
            assert str(told["label"]).lower() == ("none" if said.label == "unset" else said.label)
            assert (told["stale"], told["changes"], told["caps"]) == (False, [], [])


@settings(max_examples=40)
@given(SAMPLES, policies())
def test_the_settings_really_flip_the_sample(drawn: list[Drawn], policy: Policy) -> None:
    """Given to `whatif`, the settings of one way change this sample, and to what the answer says."""
    with decided(drawn, policy) as (ledger, ids):
        for one, each in zip(ids, drawn, strict=True):
            told = ledger.why(one)
            for about, changes in ways(told, "set").items():
                asked = ledger.whatif([change["set"] for change in changes], limit=1000)
                (flip,) = [flipped for flipped in asked["examples"] if flipped["sample"] == one]
                (gives,) = {change["gives"] for change in changes}
                if about == "status":
                    assert flip["before"]["status"] == told["status"] != gives == flip["after"]["status"]
                else:
                    assert flip["label_before"] == word(told["label"]) != flip["label_after"]
                    assert flip["label_after"] == (word(each.label) if gives == "unchanged" else gives)


@settings(max_examples=20)
@given(SAMPLES, policies())
def test_withdrawing_what_a_person_said_gives_what_was_told(drawn: list[Drawn], policy: Policy) -> None:
    """Where a person's word stands and something else would stand without it, that is the change, and it works."""
    with decided(drawn, policy) as (ledger, ids):
        for one, each in zip(ids, drawn, strict=True):
            under = ledger.why(one)
            if each.status is not None:
                getattr(ledger, each.status)([one], reason="so")
            if each.relabel is not None:
                ledger.relabel([one], each.relabel)
            told = ledger.why(one)
            differs = {about for about in ("status", "label") if told[about] != under[about]}
            assert set(ways(told, "withdraw")) == differs
            assert {each["about"] for each in told["overrides"] if each["differs"]} <= differs
            spoken = {about for about, said in (("status", each.status), ("label", each.relabel)) if said is not None}
            assert not spoken & {*ways(told, "set"), *ways(told, "score")}  # no policy changes what a person said
            for about, (change,) in ways(told, "withdraw").items():
                ledger.withdraw([change["withdraw"]])
                assert word(ledger.why(one)[about]) == change["gives"] == word(under[about])


@settings(max_examples=20)
@given(steps(6), WITHOUT_CAPS, steps(6))
def test_stale_is_what_deciding_would_change(first: list[Step], policy: Policy, more: list[Step]) -> None:
    """After anything else has happened, exactly the samples that are called stale get new events, of the kinds told."""
    with world(first, policy) as made:
        made.do(more)
        told = {one.id: made.ledger.why(one.id)["today"] for one in made.ones}
        assert all(each["stale"] == bool(each["changes"]) for each in told.values())
        before = {one.id: len(made.ledger.log(one.id, limit=1000)) for one in made.ones}
        decide(made.ledger)
        for one in made.ones:
            new = made.ledger.log(one.id, limit=1000)[before[one.id] :]
            kinds = ["label" if event["kind"] == "relabeled" else "status" for event in new]
            assert sorted(kinds) == sorted(told[one.id]["changes"])


def test_without_a_policy_there_is_nothing_to_say(ledger: Ledger, tmp_path: Path) -> None:
    """No policy covers the sample: null, also where another campaign has one."""
    one = ingested(ledger, write(tmp_path / "a.jsonl", chat("q", "a")), "plain")[0]
    taken(ledger, tmp_path / "b.jsonl", [(None, {"quality": 1})], "ruled")
    decide(ledger, LOW, "ruled")
    told = ledger.why(one)
    assert (told["today"], told["would_flip_if"]) == (None, None)


def test_what_an_agent_says_after_the_policy_is_decided_again(ledger: Ledger, tmp_path: Path) -> None:
    """An agent does not outrank a policy: what it said stands until the next `decide`, and the answer says so."""
    (one,) = taken(ledger, tmp_path / "a.jsonl", [(None, {"quality": 0.2})], label=True)
    decide(ledger, replace(LOW, labels=RELABEL.labels[:1]))
    row = row_of(ledger, one)
    fields: dict[str, Any] = {
        "after": "1" * 64,
        "authority": "agent",
        "details": {},
        "policy": None,
        "reason": "so",
        "rule": None,
    }
    fields |= {"sample": one, "version": row.hash.hex()}
    said = [("accepted", fields), ("relabeled", {**fields, "label": None})]
    append(ledger, [draft(kind, row.sample, row.version, more) for kind, more in said], authority="agent")
    told = ledger.why(one)
    assert (told["status"], told["label"], told["today"]["changes"]) == ("accepted", None, ["status", "label"])
    decide(ledger)
    told = ledger.why(one)
    assert (told["status"], told["label"], told["today"]["changes"]) == ("rejected", False, [])


def test_a_threshold_of_its_own_domain(ledger: Ledger, tmp_path: Path) -> None:
    """The setting is that of the sample's domain, so that no other sample is touched; without a domain, the default."""
    first, second = taken(ledger, tmp_path / "a.jsonl", [("asm", {"quality": 0.2}), (None, {"quality": 0.3})])
    decide(ledger, LOW)
    assert ledger.why(first)["would_flip_if"] == [
        {
            "of": "status",
            "gives": "accepted",
            "set": "domain.asm.min_quality=0.2",
            "from": "0.5",
            "to": "0.2",
            "unless": [],
        },
        {"of": "status", "gives": "accepted", "score": "quality", "needs": ">= 0.5", "has": "0.2", "unless": []},
    ]
    assert ledger.why(second)["would_flip_if"][0]["set"] == "threshold.min_quality=0.3"
    asked = ledger.whatif([ledger.why(first)["would_flip_if"][0]["set"]])
    assert (asked["flips"]["to_accepted"], asked["examples"][0]["sample"]) == (1, first)


def test_the_score_that_is_needed_flips_it(ledger: Ledger, tmp_path: Path) -> None:
    """A scorer that says what is needed brings about what the answer foretold."""
    (one,) = taken(ledger, tmp_path / "a.jsonl", [(None, {"quality": 0.2})])
    decide(ledger, LOW)
    needs = ledger.why(one)["would_flip_if"][1]["needs"]
    score(ledger, {one: {"quality": needs.removeprefix(">= ")}})
    told = ledger.why(one)
    assert (told["status"], told["today"]["outcome"], told["today"]["changes"]) == ("rejected", "accepted", ["status"])
    decide(ledger)
    assert ledger.why(one)["status"] == "accepted"


def test_a_label_that_would_stay_the_same_is_no_flip(ledger: Ledger, tmp_path: Path) -> None:
    """What came as false and is labelled false stays false without the rule, so to escape the rule flips nothing."""
    rows = [chat("q1", "a", label=False), chat("q2", "a", label=True)]
    ids = ingested(ledger, write(tmp_path / "a.jsonl", *rows))
    score(ledger, {one: {"quality": 0.2, "memory": 3} for one in ids})
    decide(ledger, RELABEL)
    assert ledger.why(ids[0])["would_flip_if"] is None
    settings_, numbers = ways(ledger.why(ids[1]), "set"), ways(ledger.why(ids[1]), "score")
    assert [change["set"] for change in settings_["label"]] == ["threshold.min_quality=0.2"]
    assert [(change["score"], change["needs"]) for change in numbers["label"]] == [("quality", ">= 0.5")]


def test_what_is_put_off_is_told_by_the_status_that_it_would_have(ledger: Ledger, tmp_path: Path) -> None:
    """A rule that defers makes a sample pending, and that is the word."""
    (one,) = taken(ledger, tmp_path / "a.jsonl", [(None, {"quality": 0.6})])
    when = Compare(Score("quality"), "<", Threshold("min_quality"))
    decide(
        ledger, Policy("ask", rules=(Rule("unsure", "deferred", when),), thresholds=(Levels("min_quality", 500_000),))
    )
    told = ledger.why(one)
    assert {change["gives"] for change in told["would_flip_if"]} == {"pending"}


def test_a_missing_number_is_named(ledger: Ledger, tmp_path: Path) -> None:
    """Where it cannot be told what the policy says, the number that is missing is what would settle it."""
    (one,) = taken(ledger, tmp_path / "a.jsonl", [(None, {"other": 1})])
    decide(ledger, LOW)
    told = ledger.why(one)
    assert (told["status"], told["deciding"]["rule"]) == ("pending", "unknown")
    assert told["would_flip_if"] == [
        {"of": "status", "gives": None, "score": "quality", "needs": "a value", "has": None, "unless": []}
    ]


def test_what_an_agent_decided_is_withdrawn(ledger: Ledger, tmp_path: Path) -> None:
    """Not turned by a setting: those would turn what the policy says, which is not what stands."""
    (one,) = taken(ledger, tmp_path / "a.jsonl", [(None, {"quality": 0.9})])
    decide(ledger, LOW)
    done = ledger.record([one], "reject", reason="an agent saw it", key="1")
    (position, _) = done["settled"]["events"]
    told = ledger.why(one)
    assert (told["status"], told["today"]["changes"]) == ("rejected", ["status"])
    changes = [change for change in told["would_flip_if"] if change["of"] == "status"]
    assert changes == [{"of": "status", "gives": "accepted", "unless": [], "withdraw": f"@{position}"}]
    ledger.withdraw([f"@{position}"])
    assert ledger.show(one)["status"] == "accepted"


def test_no_number_changes_a_text(ledger: Ledger, tmp_path: Path) -> None:
    """What a rule says by a name alone no threshold and no score turns: null."""
    (one,) = taken(ledger, tmp_path / "a.jsonl", [("asm", {"quality": 1})])
    rule = Rule("no_asm", "rejected", Compare(Field("domain"), "==", Text("asm")))
    decide(ledger, Policy("texts", rules=(rule,)))
    told = ledger.why(one)
    assert (told["deciding"]["rule"], told["would_flip_if"]) == ("no_asm", None)


def test_a_cap_may_keep_out_what_a_threshold_would_let_in(ledger: Ledger, tmp_path: Path) -> None:
    """Caps need all samples at once, so the answer names them as what may stand in the way."""
    ids = taken(ledger, tmp_path / "a.jsonl", [("asm", {"quality": 0.9}), ("asm", {"quality": 0.2})])
    decide(ledger, replace(LOW, caps=(Cap("one each", "deferred", ("domain",), 1, "quality"),)))
    assert [change["unless"] for change in ledger.why(ids[1])["would_flip_if"]] == [["one each"]] * 2


def test_a_cap_that_set_it_aside_says_how_wide_it_would_have_to_be(ledger: Ledger, tmp_path: Path) -> None:
    """The second best of a domain is let in by a cap of two; `whatif` agrees, and deciding is not due."""
    rows = [("asm", {"quality": 0.9}), ("asm", {"quality": 0.7}), ("asm", {"quality": 0.6})]
    ids = taken(ledger, tmp_path / "a.jsonl", rows)
    decide(ledger, replace(LOW, caps=(Cap("one.each", "deferred", ("domain",), 1, "quality"),)))
    told = ledger.why(ids[1])
    assert (told["status"], told["deciding"]["rule"], told["deciding"]["rank"]) == ("pending", "one.each", 2)
    assert told["deciding"]["twin"] == {"sample": ids[0], "similarity": None}
    assert (told["today"]["stale"], told["today"]["caps"]) == (False, ["one.each"])
    (change,) = told["would_flip_if"]
    assert change == {
        "of": "status",
        "gives": "accepted",
        "set": 'cap."one.each".keep=2',
        "from": "1",
        "to": "2",
        "unless": [],
    }
    asked = ledger.whatif([change["set"]])
    assert [(each["sample"], each["after"]["status"]) for each in asked["examples"]] == [(ids[1], "accepted")]
    score(ledger, {ids[1]: {"quality": 0.1}})
    assert ledger.why(ids[1])["today"]["changes"] == ["status"]  # now its own score rejects it


def test_two_ways_to_be_labelled(ledger: Ledger, tmp_path: Path) -> None:
    """Out of two label rules that hold, both must be led; the changes of one way belong together."""
    one = ingested(ledger, write(tmp_path / "a.jsonl", chat("q", "a", label=True)))[0]
    score(ledger, {one: {"quality": 0.2, "memory": 1}})
    levels = (Levels("low", 500_000), Levels("least", 2_000_000))
    rules = (
        LabelRule("low", label=False, when=Compare(Score("quality"), "<", Threshold("low"))),
        LabelRule("least", label=False, when=Compare(Score("memory"), "<", Threshold("least"))),
    )
    decide(ledger, Policy("both", labels=rules, thresholds=levels))
    together = [change["set"] for change in ways(ledger.why(one), "set")["label"]]
    assert sorted(together) == ["threshold.least=1", "threshold.low=0.2"]
    assert all(ledger.whatif([each])["flips"]["to_true"] == 0 for each in together)
    assert ledger.whatif(together)["flips"]["to_true"] == 1
