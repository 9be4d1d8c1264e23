"""What could be done about rejections: settings that do what they promise, and a word for reasons without one."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import Ledger
from ledger.fixed import ONE
from ledger.reports import recommendations
from ledger.rule import Cap, Compare, Levels, Policy, Rule, Score, Threshold
from tests.judged import LOW, Scores, decide, gates, rejected_line, scored, taken
from tests.scoring import both, errors, find, score_is
from tests.small import chat, write

Drawn = tuple[str | None, Scores]


def advice(ledger: Ledger, campaign: str | None = None) -> list[dict[str, Any]]:
    """Return what is recommended."""
    found: list[dict[str, Any]] = ledger.rejections(campaign)["recommendations"]
    return found


def short(found: Sequence[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Return reason, domain, samples, setting and what it would accept."""
    return [tuple(one[key] for key in ("reason", "domain", "samples", "set", "would_accept")) for one in found]


def spread(ledger: Ledger, folder: Path, domain: str | None, count: int, first: int = 0) -> None:
    """Take in so many samples whose qualities are one, two, three ... hundredths."""
    rows = [(domain, {"quality": f"0.{first + n:02}"}) for n in range(count)]
    taken(ledger, folder / f"{domain}.jsonl", rows)


def test_each_domain_has_a_setting_that_lets_in_its_nearest_tenth(ledger: Ledger, tmp_path: Path) -> None:
    """Of 40 rejected in asm four come in, of 15 in cpp two, by the nearest whole hundredth, the largest group first."""
    spread(ledger, tmp_path, "asm", 45, first=10)
    spread(ledger, tmp_path, "cpp", 15)
    decide(ledger, LOW)
    found = advice(ledger)
    assert short(found) == [
        ("low_quality", "asm", 40, "domain.asm.min_quality=0.46", 4),
        ("low_quality", "cpp", 15, "domain.cpp.min_quality=0.13", 2),
    ]
    assert found[0]["advice"] == (
        "min_quality in asm from 0.5 to 0.46 would accept 4 more (of 40 rejected by low_quality in asm)."
    )
    assert [one["share"] for one in found] == [round(40 / 55, 4), round(15 / 55, 4)]


def test_without_a_domain_the_default_moves(ledger: Ledger, tmp_path: Path) -> None:
    """What has no domain is let in by the value for all; what that lets in elsewhere is counted, too."""
    spread(ledger, tmp_path, None, 10, first=40)
    spread(ledger, tmp_path, "asm", 10, first=45)
    decide(ledger, LOW)
    (nowhere,) = [one for one in advice(ledger) if one["domain"] is None]
    assert (nowhere["set"], nowhere["samples"], nowhere["would_accept"]) == ("threshold.min_quality=0.49", 10, 2)
    assert "for every domain without a value of its own, from 0.5 to 0.49 would accept 2 more" in nowhere["advice"]


def test_a_number_in_a_rule_is_advised_for_all_domains(ledger: Ledger, tmp_path: Path) -> None:
    """A threshold without a name cannot differ by domain, so one setting is advised for the rule."""
    spread(ledger, tmp_path, "asm", 10, first=40)
    spread(ledger, tmp_path, "cpp", 10, first=40)
    decide(ledger, Policy("p", rules=(Rule("low", "rejected", score_is("quality", "<", 0.5)),)))
    assert short(advice(ledger)) == [("low", None, 20, "rule.low.when=quality < 0.49", 2)]


def test_rules_that_share_a_threshold_give_way_together(ledger: Ledger, tmp_path: Path) -> None:
    """As in a gate whose first rule names the reason: the setting for it is found though the second rule holds, too."""
    spread(ledger, tmp_path, "asm", 20, first=30)
    low = Compare(Score("quality"), "<", Threshold("min_quality"))
    rules = (Rule("lowest", "rejected", both(low, score_is("quality", "<", 0.4))), Rule("low", "rejected", low))
    decide(ledger, replace(LOW, rules=rules))
    assert short(advice(ledger)) == [
        ("low", "asm", 10, "domain.asm.min_quality=0.49", 1),
        ("lowest", "asm", 10, "domain.asm.min_quality=0.39", 11),
    ]


def test_what_no_threshold_mends_is_told_in_words(ledger: Ledger, tmp_path: Path) -> None:
    """Errors, people, equality, an unknown number and a cap have advice without a setting; all reasons have some."""
    ids = taken(ledger, tmp_path / "a.jsonl", [("asm", {"quality": 1, "x": n}) for n in range(6)] + [("asm", {})])
    find(ledger, {one: [["tools/unknown", "error", "messages"]] if one == ids[0] else [] for one in ids})
    ledger.reject([ids[1]], reason="dull")
    rules = (Rule("validation_failed", "rejected", errors()), Rule("two", "rejected", score_is("x", "==", 2)))
    cap = Cap("crowd", "rejected", ("domain",), 2)
    decide(ledger, Policy("p", rules=rules, caps=(cap,), unknown="rejected"))
    found = {one["reason"]: one for one in advice(ledger)}
    assert set(found) == {"validation_failed", "two", "crowd", "person", "unknown"}
    assert all(one["set"] is one["would_accept"] is one["domain"] is None for one in found.values())
    assert found["validation_failed"]["advice"].startswith("Validators found what this rule does not allow")
    assert found["two"]["advice"] == (
        "The rule asks for no more or less of anything, so no threshold would let any of them in."
    )
    assert found["crowd"]["advice"] == "There are more than 2 for the same domain; the best stay."
    assert "outranks policies" in found["person"]["advice"]
    assert "for want of scores or findings" in found["unknown"]["advice"]


def test_a_reason_that_no_threshold_alone_decides(ledger: Ledger, tmp_path: Path) -> None:
    """Where another rule rejects every one of them, too, that is what is said."""
    spread(ledger, tmp_path, "asm", 10)
    rules = (*LOW.rules, Rule("x", "rejected", score_is("quality", "<", 0.9)))
    decide(ledger, replace(LOW, rules=rules))
    (only,) = advice(ledger)
    assert (
        only["advice"]
        == "No threshold alone would let any of them in: other rules or what cannot be told keep them out, too."
    )


def test_what_files_told_is_advised_by_how_far_it_fell_short(ledger: Ledger, tmp_path: Path) -> None:
    """Without a policy the margins of the file tell how many were nearly in; reasons that are known have a cause."""
    rows = [rejected_line(f"q{n}", "low_quality", n / 100, threshold=0.5) for n in range(40, 50)]
    rows += [rejected_line("d", "duplicate", 0.8, similarity=0.9), rejected_line("w", "too_odd", None)]
    ledger.ingest(write(tmp_path / "rejected.jsonl", *rows), campaign="old", decisions=True)
    found = {one["reason"]: one["advice"] for one in advice(ledger)}
    assert found["low_quality"] == "Of 10 whose file tells the margin, 1 fell short by at most 0.01."
    assert found["duplicate"] == recommendations.CAUSES["duplicate"]
    assert found["too_odd"] == "Look at some of them with `ledger why`."


def test_several_policies_have_no_setting_in_common(ledger: Ledger, tmp_path: Path) -> None:
    """Where campaigns have policies of their own a setting needs a campaign; asked about one, there is its own."""
    taken(ledger, tmp_path / "a.jsonl", [("asm", {"quality": 0.49})], campaign="a")
    taken(ledger, tmp_path / "b.jsonl", [("asm", {"quality": 0.49})], campaign="b")
    decide(ledger, LOW)
    decide(ledger, replace(LOW, thresholds=(Levels("min_quality", ONE),)), campaign="b")
    assert short(advice(ledger)) == [("low_quality", None, 2, None, None)]
    for campaign, at in (("a", "0.49"), ("b", "0.49")):
        (own,) = advice(ledger, campaign)
        assert (own["set"], own["would_accept"]) == (f"domain.asm.min_quality={at}", 1)
        assert ledger.whatif([own["set"]], campaign=campaign)["flips"]["to_accepted"] == 1


def test_caps_are_replayed_unless_there_are_too_many(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a cap only what stays is counted as accepted; of very many samples the number is left to `whatif`."""
    spread(ledger, tmp_path, "asm", 42, first=10)
    crowd = Cap("crowd", "rejected", ("domain",), 4, "quality")
    decide(ledger, replace(LOW, caps=(crowd,)))  # 0.5 and 0.51 pass; of the four that come next the cap keeps two
    assert short(advice(ledger)) == [("low_quality", "asm", 40, "domain.asm.min_quality=0.46", 2)]
    monkeypatch.setattr(recommendations, "REPLAYED", 41)
    assert short(advice(ledger)) == [("low_quality", "asm", 40, "domain.asm.min_quality=0.46", None)]
    assert "ask `ledger whatif` how many it lets in" in advice(ledger)[0]["advice"]
    decide(ledger, replace(LOW, caps=(replace(crowd, keep=2),)))
    monkeypatch.undo()
    assert short(advice(ledger)) == [("low_quality", None, 40, None, None)]
    assert "other rules, caps or what cannot be told keep them out, too" in advice(ledger)[0]["advice"]


def test_odd_names_of_domains_stand_in_quotes_or_have_no_setting(ledger: Ledger, tmp_path: Path) -> None:
    """A domain is a text of the data: its setting is quoted so that `whatif` reads it back, or there is none."""
    names = ['say "x"', "a.b=c", "it's \\ so", "two\nlines", "é", "x" * 2000]
    for number, name in enumerate(names):
        taken(ledger, tmp_path / f"{number}.jsonl", [(name, {"quality": 0.4})])
    decide(ledger, LOW)
    found = advice(ledger)
    assert {one["domain"] for one in found if one["set"]} >= set(names[:3]) | {"é"}
    for one in found:
        if one["set"] is not None and one["domain"] is not None:
            assert ledger.whatif([one["set"]])["flips"]["to_accepted"] == one["would_accept"] == 1


def test_each_reason_has_advice_beyond_the_largest_groups(ledger: Ledger, tmp_path: Path) -> None:
    """Of more domains than are worked out the largest are, and a small reason is not lost among them."""
    for number in range(recommendations.MOST + 3):
        taken(ledger, tmp_path / f"{number}.jsonl", [(f"d{number:02}", {"quality": 0.4, "y": 1})] * 2)
    taken(ledger, tmp_path / "one.jsonl", [("d00", {"quality": 0.9, "y": 0})])
    decide(ledger, replace(LOW, rules=(*LOW.rules, Rule("odd", "rejected", score_is("y", "<", 0.5)))))
    found = advice(ledger)
    assert len([one for one in found if one["reason"] == "low_quality"]) == recommendations.MOST
    assert found[-1]["reason"] == "odd"
    assert found[-1]["would_accept"] == 1


@settings(max_examples=15)
@given(
    drawn=st.lists(scored(), min_size=10, max_size=50),
    policies=st.lists(gates(), min_size=1, max_size=4),
    people=st.lists(st.tuples(st.integers(0, 49), st.sampled_from(["accept", "reject"])), max_size=3),
)
def test_would_accept_is_what_whatif_says(
    drawn: list[Drawn], policies: list[Policy], people: list[tuple[int, str]]
) -> None:
    """Under any policy, with caps, accepting rules, unknown numbers and people's decisions: exactly the same number."""
    with tempfile.TemporaryDirectory() as folder, Ledger.init(Path(folder) / "ledger.db") as ledger:
        ids = taken(ledger, Path(folder) / "in.jsonl", drawn)
        ledger.ingest(write(Path(folder) / "b.jsonl", chat("q", "of another campaign")), campaign="b")
        for who, verb in people:
            getattr(ledger, verb)([ids[who % len(ids)]], reason="so")
        for policy in policies:
            decide(ledger, policy)
            for campaign in (None, "c"):
                for one in advice(ledger, campaign):
                    assert (one["set"] is None) == (one["would_accept"] is None)
                    if one["set"] is not None:
                        told = ledger.whatif([one["set"]], campaign=campaign)["flips"]["to_accepted"]
                        assert one["would_accept"] == told > 0
