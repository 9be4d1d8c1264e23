"""Why samples were rejected: counts that add up to the whole, of all or of a campaign, now or at an earlier moment."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import Ledger
from ledger.errors import BadRequest, BrokenLaw
from ledger.fixed import ONE
from ledger.rule import Cap, Levels, Policy, Rule
from ledger.views import samples
from tests.judged import (
    LOW,
    compact,
    decide,
    gates,
    ingested,
    rejected_line,
    score,
    scored_steps,
    store_of,
    taken,
    thresholds,
)
from tests.scoring import score_is
from tests.small import chat, write
from tests.worlds import Step, World, step

SUMS = ("by_reason", "by_domain", "by_reason_domain")


def total(counts: Any) -> int:  # noqa: ANN401 - numbers in dictionaries of any depth
    """Return the sum of all numbers in nested counts."""
    return sum(map(total, counts.values())) if isinstance(counts, dict) else int(counts)


def adds_up(found: dict[str, Any]) -> None:
    """Check every sum that an answer promises."""
    for name in SUMS:
        assert total(found[name]) == found["total"], name
    assert {name: total(counts) for name, counts in found["by_reason_domain"].items()} == found["by_reason"]
    domains: Counter[str] = Counter()
    for counts in found["by_reason_domain"].values():
        domains.update(counts)
    assert domains == Counter(found["by_domain"])
    assert sum(found["histogram"]["counts"]) == found["scored"] <= found["total"] <= found["considered"]
    assert found["accepted"] + found["total"] <= found["considered"]
    assert {one["reason"] for one in found["recommendations"]} == set(found["by_reason"])
    for name in SUMS[:2]:
        assert list(found[name].items()) == sorted(found[name].items(), key=lambda item: (-item[1], item[0]))


def test_an_empty_ledger_has_no_rejections(ledger: Ledger) -> None:
    """Zero of zero, no rate, no bins, nothing to recommend: an answer with the same keys as every other."""
    found = ledger.rejections()
    assert {key: found[key] for key in found if key != "head"} == {
        "campaign": None, "policies": [], "headline": None, "considered": 0, "accepted": 0, "acceptance_rate": None,
        "total": 0, "by_reason": {}, "by_domain": {}, "by_reason_domain": {}, "due": 0, "scored": 0, "average": None,
        "min": None, "max": None, "histogram": {"edges": [], "counts": []}, "closest": [], "recommendations": [],
    }  # fmt: skip
    assert found["head"]["position"] == ledger.status()["head"]["position"]


def test_without_a_policy_what_people_rejected_counts(ledger: Ledger, tmp_path: Path) -> None:
    """Their reason is the word `person`, since what they wrote is theirs; scores have no headline and are not drawn."""
    one, _ = taken(ledger, tmp_path / "in.jsonl", [("asm", {"quality": 0.1}), (None, {"quality": 0.9})])
    ledger.reject([one], reason="dull")
    found = ledger.rejections()
    adds_up(found)
    assert (found["total"], found["considered"], found["acceptance_rate"]) == (1, 2, 0)
    assert (found["by_reason"], found["by_domain"], found["scored"]) == ({"person": 1}, {"asm": 1}, 0)
    assert found["policies"] == found["closest"] == []


def test_reasons_domains_and_both(ledger: Ledger, tmp_path: Path) -> None:
    """Counted by hand; '' is the domain of those without one; the score that is drawn is the policy's headline."""
    rows: list[Any] = [("asm", {"quality": 0.1}), ("asm", {"quality": 0.5, "x": 0}), (None, {"quality": 0.3, "x": 1})]
    taken(ledger, tmp_path / "in.jsonl", [*rows, ("cpp", {"quality": 1, "x": 1})])
    odd = Rule("odd", "rejected", score_is("x", "<", 1))
    decide(ledger, replace(LOW, rules=(*LOW.rules, odd), unknown="ignore"))
    found = ledger.rejections()
    adds_up(found)
    assert found["by_reason_domain"] == {"low_quality": {"": 1, "asm": 1}, "odd": {"asm": 1}}
    assert (found["scored"], found["headline"], found["average"]) == (3, "quality", 0.3)
    assert found["histogram"]["counts"] == [0, 1, 0, 1, 0, 1, 0, 0, 0, 0]
    assert (found["accepted"], found["acceptance_rate"]) == (1, 0.25)
    assert [one["name"] for one in found["policies"]] == ["low"]


def test_a_campaign_is_counted_by_itself(ledger: Ledger, tmp_path: Path) -> None:
    """The campaigns' totals are the whole's; one without rejections has none; one that there is not is refused."""
    taken(ledger, tmp_path / "a.jsonl", [("asm", {"quality": 0.1}), ("cpp", {"quality": 0.2})], campaign="a")
    taken(ledger, tmp_path / "b.jsonl", [("asm", {"quality": 0.3})], campaign="b")
    taken(ledger, tmp_path / "c.jsonl", [("asm", {"quality": 0.9})], campaign="c")
    decide(ledger, LOW)
    decide(ledger, replace(LOW, name="own", thresholds=(Levels("min_quality", ONE),)), campaign="b")
    found = {campaign: ledger.rejections(campaign) for campaign in (None, "a", "b", "c")}
    for one in found.values():
        adds_up(one)
    assert {name: one["total"] for name, one in found.items()} == {None: 3, "a": 2, "b": 1, "c": 0}
    assert {name: len(one["closest"]) for name, one in found.items()} == {None: 3, "a": 2, "b": 1, "c": 0}
    assert [one["name"] for one in found["b"]["policies"]] == ["own"]
    assert {one["campaign"] for one in found[None]["policies"]} == {None, "b"}
    with pytest.raises(BadRequest, match="There is no campaign 'd'; there are a, b, c"):
        ledger.rejections("d")


def test_rejections_that_files_told_count_with_their_numbers(ledger: Ledger, tmp_path: Path) -> None:
    """Reason, score and margin are what the file says; a duplicate's score stands before its components."""
    rows = [
        rejected_line("a", "low_quality", 0.35, threshold=0.4, components={"coherence": 0.9}),
        rejected_line("b", "duplicate", 0.8, similarity=0.93),
        rejected_line("c", "validation_failed", None),
    ]
    ledger.ingest(write(tmp_path / "rejected.jsonl", *rows), campaign="old", decisions=True)
    found = ledger.rejections()
    adds_up(found)
    assert found["by_reason"] == {"duplicate": 1, "low_quality": 1, "validation_failed": 1}
    assert (found["scored"], found["min"], found["max"]) == (2, 0.35, 0.8)
    assert [(one["rule"], one["margin"], one["score"]) for one in found["closest"]] == [
        ("low_quality", "-0.05", "0.35")
    ]


def test_a_policy_s_number_counts_before_a_file_s(ledger: Ledger, tmp_path: Path) -> None:
    """A sample that a file rejected and a scorer scored since is drawn by what the policy in force sees of it."""
    decide(ledger, LOW)
    row = rejected_line("a", "low_quality", 0.35, threshold=0.4)
    ledger.ingest(write(tmp_path / "rejected.jsonl", row), campaign="old", decisions=True)
    (sample,) = [event["event"] for event in ledger.log(limit=100) if event["kind"] == "ingested"]
    assert (ledger.rejections()["max"], ledger.rejections()["due"]) == (0.35, 1)
    score(ledger, {sample: {"quality": 0.2}})
    assert (ledger.rejections()["max"], ledger.rejections()["due"]) == (0.2, 0)


def test_what_is_due_is_counted(ledger: Ledger, tmp_path: Path) -> None:
    """Rejected samples that the policy in force would not reject; what a cap or a person rejects is not among them."""
    ids = taken(ledger, tmp_path / "in.jsonl", [("asm", {"quality": n / 10}) for n in range(10)])
    decide(ledger, replace(LOW, caps=(Cap("crowd", "rejected", ("domain",), 2),)))
    ledger.reject([ids[-1]], reason="dull")
    decide(ledger)
    found = ledger.rejections()
    adds_up(found)
    assert found["due"] == 0
    assert found["by_reason"]["person"] == 1
    score(ledger, {ids[0]: {"quality": 0.9}, ids[1]: {"quality": 0.2}}, version="2")
    assert ledger.rejections()["due"] == 1


def test_an_earlier_moment(ledger: Ledger, tmp_path: Path) -> None:
    """With `as_of` the answer is, byte for byte, the one that was given then."""
    told = []
    taken(ledger, tmp_path / "a.jsonl", [("asm", {"quality": n / 10}) for n in range(10)])
    told.append(ledger.rejections())
    decide(ledger, LOW)
    told.append(ledger.rejections())
    decide(ledger, replace(LOW, thresholds=(Levels("min_quality", 200_000),)))
    told.append(ledger.rejections())
    assert [one["total"] for one in told] == [0, 5, 2]
    for one in told:
        assert compact(ledger.rejections(as_of=one["head"]["position"])) == compact(one)


def test_the_closest_are_as_many_as_asked_for(ledger: Ledger, tmp_path: Path) -> None:
    """The first of the near-misses; none for 0; a number that is none is refused."""
    taken(ledger, tmp_path / "in.jsonl", [("asm", {"quality": n / 100}) for n in range(15)])
    decide(ledger, LOW)
    every = ledger.near_misses(limit=100)["near_misses"]
    for limit in (0, 1, 10, 100):
        assert ledger.rejections(limit=limit)["closest"] == every[:limit]
    for bad in (-1, 10**9):
        with pytest.raises(BadRequest, match="limit"):
            ledger.rejections(limit=bad)


def test_counts_that_do_not_agree_are_refused(ledger: Ledger, tmp_path: Path) -> None:
    """Where another hand changed the counts in the file, the report is not given."""
    taken(ledger, tmp_path / "in.jsonl", [("asm", {"quality": 0.1})])
    decide(ledger, LOW)
    other = sqlite3.connect(ledger.path)
    other.execute("UPDATE rollups SET samples = samples + 1 WHERE status = 'rejected'")
    other.commit()
    other.close()
    with pytest.raises(BrokenLaw, match="1 rejected samples by_reason, but the parts add up to 2"):
        ledger.rejections()


def test_hostile_names_are_counted_like_others(ledger: Ledger, tmp_path: Path) -> None:
    """A domain can be any text; it is a key of the answer, whole."""
    names = ["</script>", "a\u202eb", 'say "x"', "é" * 50]
    lines = [{**chat(f"q{n}", "a"), "domain": name} for n, name in enumerate(names)]
    ids = ingested(ledger, write(tmp_path / "in.jsonl", *lines))
    ledger.reject(ids, reason="so")
    found = ledger.rejections()
    adds_up(found)
    assert set(found["by_domain"]) == {ledger.show(one)["domain"] or "" for one in ids}


@settings(max_examples=15)
@given(drawn=scored_steps(), policy=thresholds() | gates(), own=st.none() | gates(), later=st.lists(step(), max_size=4))
def test_the_report_of_any_world_adds_up(
    drawn: list[Step], policy: Policy, own: Policy | None, later: list[Step]
) -> None:
    """Whatever was said and withdrawn: every sum is the number of samples that stand rejected, of each campaign too."""
    with tempfile.TemporaryDirectory() as folder, Ledger.init(Path(folder) / "ledger.db") as ledger:
        world = World(ledger, Path(folder))
        world.do(drawn)
        decide(ledger, policy)
        if own is not None:
            decide(ledger, own, world.ones[0].campaign)
        world.do(later)
        rows = list(samples.everything(store_of(ledger).connection))
        campaigns = sorted({row.campaign for row in rows})
        whole = ledger.rejections()
        for campaign in (None, *campaigns):
            found = ledger.rejections(campaign)
            adds_up(found)
            mine = [row for row in rows if campaign in {None, row.campaign}]
            rejected = [row for row in mine if row.status == "rejected"]
            assert (found["considered"], found["total"]) == (len(mine), len(rejected))
            assert found["accepted"] == sum(row.status == "accepted" for row in mine)
            assert Counter(row.domain or "" for row in rejected) == Counter(found["by_domain"])
            json.dumps(found, allow_nan=False)
        for key in ("total", "scored", "due", "considered", "accepted"):
            assert whole[key] == sum(ledger.rejections(campaign)[key] for campaign in campaigns)
