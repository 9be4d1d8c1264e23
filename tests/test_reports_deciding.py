"""deciding: which rule decided, on what numbers, what else holds, and over whom; all as the book has it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import given, settings

from ledger import Ledger
from ledger.event import draft
from ledger.fixed import micro, text_of
from ledger.policy.verdict import Facts
from ledger.rule import (
    AllOf,
    AnyOf,
    Cap,
    Compare,
    Condition,
    Field,
    Findings,
    LabelRule,
    Number,
    Policy,
    Rule,
    Score,
    Text,
    observed,
)
from tests import policy_model as book
from tests.drawn import SAMPLES, Drawn, decided, policies
from tests.judged import LOW, RELABEL, append, decide, ingested, rejected_line, row_of, score, taken
from tests.scoring import find
from tests.small import POLICY, by_policy, chat, samples, write

NUMBERS = ("observed", "threshold", "margin")


def facts_of(one: Drawn, policy: Policy) -> Facts:
    """Return what a policy sees of a sample as drawn."""
    said = {Score(name): micro(value) for name, value in one.scores.items()}
    fields = {"domain": one.domain, "label": "none" if one.label is None else str(one.label).lower()}
    return Facts({item: said.get(item) for item in observed(policy) if isinstance(item, Score)}, fields, {})


def nearest(condition: Condition, policy: Policy, facts: Facts) -> dict[str, str | None]:
    """Return the numbers of the comparison that the margin of a condition is taken from."""
    parts = condition.parts if isinstance(condition, (AllOf, AnyOf)) else (condition,)
    told = []
    for part in parts:
        assert isinstance(part, Compare)
        margin = book.margin_of_one(part, policy, facts)
        if margin is not None:
            sides = [book.side(side, policy, facts) for side in (part.left, part.right)]
            told.append((margin, [text_of(side) for side in sides if isinstance(side, int)]))
    if not told:
        return dict.fromkeys(NUMBERS)
    margin, sides_ = (min if isinstance(condition, AnyOf) else max)(told, key=lambda each: each[0])
    return dict(zip(NUMBERS, [*sides_, text_of(margin)], strict=True))


def numbers(told: dict[str, Any]) -> dict[str, Any]:
    """Return the three numbers of an answer."""
    return {name: told[name] for name in NUMBERS}


@settings(max_examples=60)
@given(SAMPLES, policies())
def test_it_is_what_the_book_says(drawn: list[Drawn], policy: Policy) -> None:
    """Of status and label: the rule, its nearest comparison, and every other rule that holds, with its own."""
    with decided(drawn, policy) as (ledger, ids):
        for one, each in zip(ids, drawn, strict=True):
            told = ledger.why(one)
            facts = facts_of(each, policy)
            said = book.expected(policy, facts)
            status, label = told["decided"]["status"], told["decided"]["label"]
            holding = [rule for rule in policy.rules if book.holds(rule.when, policy, facts)]
            labels = [rule for rule in policy.labels if book.holds(rule.when, policy, facts)]
            assert (status["rule"], status["outcome"]) == (said.rule, said.outcome)
            assert status["unknown"] == list(said.unknown)
            if holding:
                assert numbers(status) == nearest(holding[0].when, policy, facts)
            else:
                assert (status["observed"], status["threshold"], status["compared"]) == (None, None, [])
            assert (label is not None) == bool(labels)
            if labels:
                assert label["rule"] == "+".join(rule.name for rule in labels)
                assert label["label"] is labels[0].label
                assert numbers(label) == nearest(labels[0].when, policy, facts)
            others = [("status", rule) for rule in holding[1:]] + [("label", rule) for rule in labels[1:]]
            assert told["failed_rules"] == [
                {"about": about, "rule": rule.name, **nearest(rule.when, policy, facts)} for about, rule in others
            ]
            expected = label if labels and said.rule == "default" else status
            assert told["deciding"] == expected
            assert expected["policy_name"] == "drawn"
            assert told["overrides"] == []


def test_the_deciding_rule_its_numbers_and_its_policy(ledger: Ledger, tmp_path: Path) -> None:
    """What the answer promises: rule, observed value, threshold, margin, policy; the components beside them."""
    (one,) = taken(ledger, tmp_path / "a.jsonl", [("asm", {"quality": 0.2})])
    decide(ledger, LOW)
    told = ledger.why(one)["deciding"]
    assert {name: told[name] for name in ("about", "outcome", "rule", *NUMBERS, "policy_name", "authority")} == {
        "about": "status",
        "outcome": "rejected",
        "rule": "low_quality",
        "observed": "0.2",
        "threshold": "0.5",
        "margin": "-0.3",
        "policy_name": "low",
        "authority": "policy",
    }
    assert told["policy"].startswith("b3:")
    assert told["compared"] == [{"what": "quality", "op": "<", "observed": "0.2", "threshold": "0.5", "margin": "-0.3"}]
    assert told["components"] == {"quality": "0.2"}


def test_nobody_decided(ledger: Ledger, tmp_path: Path) -> None:
    """Nothing decided, nothing failed, nobody overruled."""
    one = ingested(ledger, write(tmp_path / "a.jsonl", chat("q", "a")))[0]
    told = ledger.why(one)
    assert (told["deciding"], told["failed_rules"], told["overrides"]) == (None, [], [])
    assert told["decided"] == {"status": None, "label": None}


def test_a_policy_that_only_labels_decides_by_its_label(ledger: Ledger, tmp_path: Path) -> None:
    """Where the status is accepted by default, what decided is the label rule; the second one is told as failed."""
    one = ingested(ledger, write(tmp_path / "a.jsonl", chat("q", "a", label=True)))[0]
    score(ledger, {one: {"quality": 0.2, "memory": 1}})
    decide(ledger, RELABEL)
    told = ledger.why(one)
    assert (told["deciding"]["about"], told["deciding"]["rule"]) == ("label", "low_quality+no_memory")
    assert numbers(told["deciding"]) == {"observed": "0.2", "threshold": "0.5", "margin": "-0.3"}
    assert told["failed_rules"] == [
        {"about": "label", "rule": "no_memory", "observed": "1", "threshold": "1", "margin": "0"}
    ]
    assert told["decided"]["status"]["rule"] == "default"


def test_a_label_that_a_policy_gives_back(ledger: Ledger, tmp_path: Path) -> None:
    """When its rule no longer holds, the policy says so with a rule of none, and no numbers."""
    one = ingested(ledger, write(tmp_path / "a.jsonl", chat("q", "a", label=True)))[0]
    score(ledger, {one: {"quality": 0.2, "memory": 3}})
    decide(ledger, RELABEL)
    score(ledger, {one: {"quality": 0.9}})
    decide(ledger)
    told = ledger.why(one)
    assert (told["label"], told["decided"]["label"]["rule"], told["decided"]["label"]["label"]) == (True, None, True)
    assert numbers(told["decided"]["label"]) == dict.fromkeys(NUMBERS)


def test_who_overrode_whom(ledger: Ledger, tmp_path: Path) -> None:
    """A person over a policy: both are named, the policy's rule and numbers stay to be seen, and what failed too."""
    (one,) = taken(ledger, tmp_path / "a.jsonl", [(None, {"quality": 0.2, "memory": 1})], label=True)
    both = replace(LOW, labels=RELABEL.labels[1:])
    decide(ledger, both)
    ledger.accept([one], reason="read it twice")
    told = ledger.why(one)
    (each,) = told["overrides"]
    assert (each["about"], each["differs"]) == ("status", True)
    assert (each["by"]["actor"], each["by"]["authority"], each["by"]["reason"]) == ("tester", "person", "read it twice")
    assert (each["over"]["rule"], each["over"]["policy_name"], each["over"]["outcome"]) == (
        "low_quality",
        "low",
        "rejected",
    )
    assert (told["deciding"]["authority"], told["deciding"]["rule"], told["deciding"]["policy"]) == (
        "person",
        None,
        None,
    )
    ledger.relabel([one], "false", reason="so it is")
    second = ledger.why(one)["overrides"][1]
    assert (second["about"], second["differs"], second["over"]["rule"]) == ("label", False, "no_memory")
    decision = next(said for said in ledger.why(one)["decisions"] if said["in_force"])
    ledger.withdraw([decision["event"]])
    told = ledger.why(one)
    assert [each["about"] for each in told["overrides"]] == ["label"]
    assert told["deciding"]["rule"] == "low_quality"


def test_what_a_person_overrode_before_an_edit_is_of_another_text(ledger: Ledger, tmp_path: Path) -> None:
    """Decisions are about a version: after an edit neither side stands for the status."""
    (one,) = taken(ledger, tmp_path / "a.jsonl", [(None, {"quality": 0.2})])
    decide(ledger, LOW)
    ledger.accept([one])
    ledger.edit(one, b'{"prompt": "p", "completion": "c"}')
    told = ledger.why(one)
    assert (told["status"], told["deciding"], told["overrides"]) == ("pending", None, [])


def test_a_rule_about_findings_and_one_about_a_name(ledger: Ledger, tmp_path: Path) -> None:
    """Findings are counted; a comparison of texts has no numbers to tell."""
    ids = ingested(ledger, write(tmp_path / "a.jsonl", chat("q", "a"), chat("r", "a", domain="asm")))
    find(ledger, {ids[0]: [["tools/unknown", "error", "messages[1]"]] * 2, ids[1]: []})
    rules = (
        Rule("broken", "rejected", Compare(Findings("tools/*", "error"), ">", Number(0))),
        Rule("no_asm", "rejected", Compare(Field("domain"), "==", Text("asm"))),
    )
    decide(ledger, Policy("names", rules=rules))
    broken, named = (ledger.why(one)["deciding"] for one in ids)
    assert (broken["rule"], numbers(broken)) == ("broken", {"observed": "2", "threshold": "0", "margin": "-2"})
    assert broken["compared"][0]["what"] == "errors tools/*"
    assert (named["rule"], numbers(named), named["compared"]) == ("no_asm", dict.fromkeys(NUMBERS), [])


def test_a_cap_names_the_twin_for_whose_sake(ledger: Ledger, tmp_path: Path) -> None:
    """Of two that teach the same the better stays: the other names it, its own place, and that they are the same."""
    ids = ingested(ledger, write(tmp_path / "a.jsonl", chat("q", "a"), chat("q", "a")))
    score(ledger, {ids[0]: {"quality": 0.7}, ids[1]: {"quality": 0.9}})
    decide(ledger, replace(LOW, caps=(Cap("once", "rejected", ("fingerprint",), 1, "quality"),)))
    told = ledger.why(ids[0])["deciding"]
    assert (told["rule"], told["rank"], told["twin"]) == ("once", 2, {"sample": ids[1], "similarity": 1})


def test_a_decision_that_came_with_the_file(ledger: Ledger, tmp_path: Path) -> None:
    """A recorded rejection is attributed to the file, with the numbers that stand there."""
    line = rejected_line("q", "low_quality", 0.31, threshold=0.4, diversity=0.2)
    ledger.ingest(write(tmp_path / "rejected.jsonl", line), campaign="c", decisions=True)
    told = ledger.why(samples(ledger)[0])
    assert (told["deciding"]["authority"], told["deciding"]["rule"]) == ("import", "low_quality")
    assert numbers(told["deciding"]) == {"observed": "0.31", "threshold": "0.4", "margin": "-0.09"}
    assert told["deciding"]["components"] == {"diversity": "0.2"}
    assert (told["overrides"], told["would_flip_if"], told["deciding"]["policy"]) == ([], None, None)


def test_a_policy_that_nobody_adopted_here(ledger: Ledger, tmp_path: Path) -> None:
    """What another program says by a policy of its own is told without that policy's name, rules by their names."""
    one = ingested(ledger, write(tmp_path / "a.jsonl", chat("q", "a")))[0]
    by_policy(ledger, one, "rejected", rule="length")
    by_policy(ledger, one, "relabeled", rule="short+shorter", label=False)
    with Ledger.open(ledger.path) as opened:
        told = opened.why(one)
    assert (told["deciding"]["rule"], told["deciding"]["policy"]) == ("length", f"b3:{POLICY}")
    assert (told["deciding"]["policy_name"], told["today"]) == (None, None)
    assert [each["rule"] for each in told["failed_rules"]] == ["shorter"]
    assert numbers(told["failed_rules"][0]) == dict.fromkeys(NUMBERS)


def test_the_widest_margin_there_is(ledger: Ledger, tmp_path: Path) -> None:
    """A score and a threshold at opposite ends are further apart than any score from zero."""
    one = ingested(ledger, write(tmp_path / "a.jsonl", chat("q", "a", label=True)))[0]
    score(ledger, {one: {"quality": -1_000_000}})
    when = Compare(Score("quality"), "<", Number(10**12))
    decide(ledger, Policy("wide", labels=(LabelRule("low", label=False, when=when),)))
    told = ledger.why(one)["deciding"]
    assert numbers(told) == {"observed": "-1000000", "threshold": "1000000", "margin": "-2000000"}


def test_rules_whose_names_begin_alike(ledger: Ledger, tmp_path: Path) -> None:
    """Names joined in an event are told apart by the policy: neither `low` nor `low quality` is taken for the other."""
    one = ingested(ledger, write(tmp_path / "a.jsonl", chat("q", "a", label=True)))[0]
    score(ledger, {one: {"quality": 0.2, "memory": 1}})
    low, memory = RELABEL.labels[0], RELABEL.labels[1]
    labels = (
        replace(low, name="low", when=Compare(Score("quality"), "<", Number(0))),
        replace(memory, name="low quality"),
        replace(low, name="low quality of it"),
    )
    decide(ledger, replace(RELABEL, labels=labels))
    told = ledger.why(one)
    assert (told["deciding"]["rule"], told["deciding"]["observed"]) == ("low quality+low quality of it", "1")
    assert [(each["rule"], each["observed"]) for each in told["failed_rules"]] == [("low quality of it", "0.2")]


def test_an_agent_is_no_person(ledger: Ledger, tmp_path: Path) -> None:
    """What an agent says outranks nothing; it is told as its own, and overrides nobody."""
    (one,) = taken(ledger, tmp_path / "a.jsonl", [(None, {"quality": 0.2})])
    decide(ledger, LOW)
    row = row_of(ledger, one)
    fields: dict[str, Any] = {"after": "1" * 64, "authority": "agent", "details": {}, "policy": None, "reason": "so"}
    fields |= {"rule": None, "sample": one, "version": row.hash.hex()}
    append(ledger, [draft("accepted", row.sample, row.version, fields)], authority="agent")
    told = ledger.why(one)
    assert (told["status"], told["deciding"]["authority"], told["overrides"]) == ("accepted", "agent", [])
