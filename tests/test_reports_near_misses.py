"""Near-misses: who nearly passed, by the margin to its own threshold, each text once, page by page without a gap."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import Ledger
from ledger.errors import BadRequest
from ledger.fixed import ONE, text_of
from ledger.reports.levers import flat
from ledger.reports.near_misses import EXCERPT
from ledger.rule import Levels, Policy, Rule
from tests import policy_model as book
from tests.judged import (
    LOW,
    decide,
    gates,
    ingested,
    rejected_line,
    row_of,
    score,
    scored_steps,
    store_of,
    taken,
    thresholds,
)
from tests.scoring import both, score_is, tag_is
from tests.small import chat, write
from tests.worlds import One, Step, World, step

Place = tuple[str, str | None]
"""What is told of one sample: its id, and its margin."""


def listed(ledger: Ledger, **asked: Any) -> list[Place]:  # noqa: ANN401 - as Ledger.near_misses has them
    """Return sample and margin of everything, from one page."""
    found = ledger.near_misses(limit=10_000, **asked)
    assert found["next"] is None
    return [(one["sample"], one["margin"]) for one in found["near_misses"]]


def paged(ledger: Ledger, limit: int, **asked: Any) -> list[Place]:  # noqa: ANN401 - as Ledger.near_misses has them
    """Return the same from pages."""
    found, after = [], None
    while True:
        page = ledger.near_misses(limit=limit, after=after, **asked)
        assert len(page["near_misses"]) <= limit
        found += [(one["sample"], one["margin"]) for one in page["near_misses"]]
        after = page["next"]
        if after is None:
            return found
        assert len(page["near_misses"]) == limit


# --- by hand


def test_nothing_is_near_where_nothing_is_decided(ledger: Ledger, tmp_path: Path) -> None:
    """An empty ledger, one without a policy, and one in which nothing is rejected have an empty page."""
    empty: dict[str, Any] = {
        "near_misses": [],
        "next": None,
        "twins_left_out": 0,
        "status": "rejected",
        "campaign": None,
        "domain": None,
        "rule": None,
    }
    assert ledger.near_misses() == empty
    taken(ledger, tmp_path / "in.jsonl", [("asm", {"quality": 0.9})])
    assert ledger.near_misses() == empty
    decide(ledger, LOW)
    assert ledger.near_misses() == empty


def test_a_margin_is_to_the_threshold_of_its_own_domain(ledger: Ledger, tmp_path: Path) -> None:
    """0.39 where 0.4 is asked for is nearer than 0.45 where 0.5 is; what is told of each can be read off."""
    asm, cpp = taken(
        ledger, tmp_path / "in.jsonl", [("asm", {"quality": 0.39, "memory": 1}), ("cpp", {"quality": 0.45})]
    )
    forgets = Rule("forgets", "rejected", both(score_is("memory", "<", 2), tag_is("x", "")))
    levels = Levels("min_quality", ONE // 2, (("asm", 400_000),))
    decide(ledger, replace(LOW, rules=(*LOW.rules, forgets), thresholds=(levels,), unknown="ignore"))
    found = ledger.near_misses()["near_misses"]
    assert [(one["sample"], one["margin"]) for one in found] == [(cpp, "-0.05"), (asm, "-1")]
    assert listed(ledger, domain="asm") == [(asm, "-1")]
    assert found[1] == {
        "sample": asm,
        "campaign": "c",
        "domain": "asm",
        "rule": "low_quality",
        "authority": "policy",
        "observed": "0.39",
        "threshold": "0.4",
        "score": "0.39",
        "components": {"quality": "0.39", "memory": "1"},
        "failed": [{"rule": "forgets", "observed": "1", "threshold": "2", "margin": "-1"}],
        "margin": "-1",
        "prompt": "question 0 of in.jsonl",
    }


def test_of_samples_that_teach_the_same_only_the_nearest_is_listed(ledger: Ledger, tmp_path: Path) -> None:
    """Of three copies the nearest; none of a text that is accepted elsewhere, be it in another campaign."""
    first, second, third, twin = ingested(ledger, write(tmp_path / "in.jsonl", *[chat("q", "a")] * 3, chat("r", "a")))
    (elsewhere,) = ingested(ledger, write(tmp_path / "b.jsonl", chat("r", "a")), campaign="b")
    qualities = {first: 0.1, second: 0.4, third: 0.2, twin: 0.49, elsewhere: 0.9}
    score(ledger, {one: {"quality": quality} for one, quality in qualities.items()})
    decide(ledger, LOW)
    assert listed(ledger) == [(second, "-0.1")]
    ledger.reject([elsewhere], reason="dull")
    assert listed(ledger) == [(twin, "-0.01"), (second, "-0.1")]
    assert ledger.near_misses()["twins_left_out"] == ledger.nearness()["twins_left_out"] == 2  # the first and the third
    assert ledger.near_misses(limit=1)["twins_left_out"] == ledger.nearness(within="0.01")["twins_left_out"] == 0


def test_what_is_due_or_decided_by_a_person_is_near_to_nothing(ledger: Ledger, tmp_path: Path) -> None:
    """Another policy that nobody decided by leaves out what it would pass; a person's rejection has no margin."""
    passing, failing, person = taken(
        ledger, tmp_path / "in.jsonl", [("asm", {"quality": quality}) for quality in (0.4, 0.2, 0.1)]
    )
    decide(ledger, LOW)
    ledger.reject([person], reason="dull")
    assert listed(ledger) == [(passing, "-0.1"), (failing, "-0.3")]
    score(ledger, {passing: {"quality": 0.9}}, version="2")
    assert listed(ledger) == [(failing, "-0.3")]
    assert ledger.rejections()["due"] == 1


def test_a_rule_that_measures_nothing_is_listed_only_when_asked_for(ledger: Ledger, tmp_path: Path) -> None:
    """Every sample for which `memory == 1` holds has a margin of 0, which says nothing about how near it is."""
    ids = taken(ledger, tmp_path / "in.jsonl", [("asm", {"memory": 1}), ("asm", {"memory": 1})])
    decide(ledger, Policy("p", rules=(Rule("forgets", "rejected", score_is("memory", "==", 1)),)))
    assert listed(ledger) == []
    assert listed(ledger, rule="forgets") == [(ids[1], "0"), (ids[0], "0")]
    assert paged(ledger, 1, rule="forgets") == listed(ledger, rule="forgets")
    assert listed(ledger, rule="another") == []


def test_accepted_samples_that_only_just_passed(ledger: Ledger, tmp_path: Path) -> None:
    """With `accepted` the margin is what lies between the sample and rejection, the least first."""
    far, near, at, out = taken(
        ledger, tmp_path / "in.jsonl", [("asm", {"quality": quality}) for quality in (0.9, 0.55, 0.5, 0.4)]
    )
    decide(ledger, LOW)
    assert listed(ledger, accepted=True) == [(at, "0"), (near, "0.05"), (far, "0.4")]
    assert paged(ledger, 1, accepted=True) == listed(ledger, accepted=True)
    assert listed(ledger) == [(out, "-0.1")]
    first = ledger.near_misses(accepted=True)["near_misses"][0]
    assert (first["rule"], first["observed"], first["threshold"]) == ("default", "0.5", "0.5")


def test_margins_can_be_larger_than_any_score(ledger: Ledger, tmp_path: Path) -> None:
    """Between a million and less than nothing lie more than a million; the place where a page ends can say so."""
    ids = taken(ledger, tmp_path / "in.jsonl", [("asm", {"quality": f"-99999{n}.5"}) for n in range(3)])
    decide(ledger, replace(LOW, thresholds=(Levels("min_quality", 10**12),)))
    assert ledger.near_misses(limit=1)["next"].startswith("-1999990.5@")
    assert paged(ledger, 1) == [(one, f"-199999{n}.5") for n, one in enumerate(ids)]


@pytest.mark.parametrize(
    "after",
    ["", "@", "x", "-0.1", "@1", "1@", "1@x", "0x1@1", "1e3@1", "--1@1", "1@-1", "1@1@1", " 1@1", "1@1\n", "\u0661@1",
     "9999999999@1", "0.0000001@1", f"1@{'9' * 16}", "nan@1", "1@1" * 9999],
)  # fmt: skip
def test_a_place_that_no_page_ended_at_is_refused(ledger: Ledger, after: str) -> None:
    """What is no margin and sample is refused with a short word, though the ledger is empty."""
    with pytest.raises(BadRequest, match="take the `next` of an answer") as refused:
        ledger.near_misses(after=after)
    assert len(str(refused.value)) < 200


def test_a_campaign_that_there_is_not_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    """As everywhere; a domain or a rule that nothing has is an empty page, since both are texts of the data."""
    taken(ledger, tmp_path / "in.jsonl", [("asm", {"quality": 0.1})])
    decide(ledger, LOW)
    with pytest.raises(BadRequest, match="There is no campaign 'd'; there are c"):
        ledger.near_misses("d")
    for limit in (0, -1, 10**9):
        with pytest.raises(BadRequest, match="limit"):
            ledger.near_misses(limit=limit)
    assert listed(ledger, domain="cpp") == listed(ledger, rule="x") == listed(ledger, domain="") == []


def test_prompts_are_cut_and_samples_without_a_domain_can_be_asked_for(ledger: Ledger, tmp_path: Path) -> None:
    """A hundred characters of the prompt, however long; '' is the domain of those without one."""
    long, _ = ingested(ledger, write(tmp_path / "in.jsonl", chat("x" * 5000, "a"), {**chat("y", "a"), "domain": "asm"}))
    score(ledger, {one: {"quality": 0.1} for one in (long, _)})
    decide(ledger, LOW)
    (only,) = ledger.near_misses(domain="")["near_misses"]
    assert (only["sample"], only["domain"], only["prompt"]) == (long, None, "x" * EXCERPT)


# --- recorded by files


def test_what_a_file_told_is_ranked_by_what_it_told(ledger: Ledger, tmp_path: Path) -> None:
    """The margin, score and components are the file's; duplicates and what has no margin are near to nothing."""
    rows = [
        rejected_line("a", "low_quality", 0.3, threshold=0.5, components={"diversity": 0.1}),
        rejected_line("b", "low_diversity", 0.45, threshold=0.5),
        rejected_line("c", "duplicate", 0.8, similarity=0.9, threshold=0.8),
        rejected_line("d", "validation_failed", None),
        rejected_line("e", "too_close", 0.8, similarity=0.9, threshold=0.88),
    ]
    ledger.ingest(write(tmp_path / "rejected.jsonl", *rows), campaign="old", decisions=True)
    found = ledger.near_misses()["near_misses"]
    assert [(one["rule"], one["margin"], one["score"]) for one in found] == [
        ("too_close", "-0.02", "0.8"),
        ("low_diversity", "-0.05", "0.45"),
        ("low_quality", "-0.2", "0.3"),
    ]
    last = found[-1]
    assert (last["authority"], last["observed"], last["threshold"], last["components"], last["failed"]) == (
        "import", "0.3", "0.5", {"diversity": "0.1"}, [],
    )  # fmt: skip
    assert paged(ledger, 1) == [(one["sample"], one["margin"]) for one in found]


def test_a_policy_s_margin_stands_before_a_file_s(ledger: Ledger, tmp_path: Path) -> None:
    """Where a policy decides what a file had told, its margin counts; a copy that only the file decided is left out."""
    lines = [
        rejected_line("a", "low_quality", 0.45, threshold=0.5),
        rejected_line("b", "low_quality", 0.3, threshold=0.5),
    ]
    ledger.ingest(write(tmp_path / "rejected.jsonl", *lines), campaign="old", decisions=True)
    twin, other = ingested(ledger, write(tmp_path / "new.jsonl", chat("a", "an answer"), chat("z", "an answer")), "new")
    score(ledger, {twin: {"quality": 0.1}, other: {"quality": 0.2}})
    decide(ledger, LOW, campaign="new")
    found = ledger.near_misses()["near_misses"]
    assert [(one["authority"], one["margin"]) for one in found] == [
        ("import", "-0.2"), ("policy", "-0.3"), ("policy", "-0.4"),
    ]  # fmt: skip
    assert {one["sample"] for one in found[1:]} == {twin, other}
    assert [one["margin"] for one in ledger.near_misses("old")["near_misses"]] == ["-0.05", "-0.2"]


def test_a_decision_that_was_withdrawn_is_near_to_nothing(ledger: Ledger, tmp_path: Path) -> None:
    """Nor is one whose sample a person accepted, or its copy."""
    rows = [rejected_line(name, "low_quality", 0.3, threshold=0.5) for name in "ab"]
    ledger.ingest(write(tmp_path / "rejected.jsonl", *rows), campaign="old", decisions=True)
    one, two = (entry["sample"] for entry in ledger.near_misses()["near_misses"])
    ledger.withdraw([ledger.log(one)[-1]["event"]])
    assert [sample for sample, _ in listed(ledger)] == [two]
    ledger.accept([two], reason="fine")
    assert listed(ledger) == []


# --- by the book


@contextmanager
def made(drawn: list[Step], policy: Policy, own: Policy | None, later: list[Step]) -> Iterator[World]:
    """Yield a world in which some steps were done, policies decided, and more steps were done."""
    with tempfile.TemporaryDirectory() as folder, Ledger.init(Path(folder) / "ledger.db") as ledger:
        world = World(ledger, Path(folder))
        world.do(drawn)
        decide(ledger, policy)
        world.adopt(policy, None)
        if own is not None:
            decide(ledger, own, world.ones[0].campaign)
            world.adopt(own, world.ones[0].campaign)
        world.do(later)
        yield world


def by_the_book(world: World, status: str, rule: str | None, domain: str | None) -> list[Place]:
    """Return what should be listed, counted sample by sample."""
    accepted = {world.version(one)[2] for one in world.ones if row_of(world.ledger, one.id).status == "accepted"}
    nearest: dict[int, tuple[int, bool, int, One]] = {}
    for place, one in enumerate(world.ones):
        said = judged(world, one, status)
        if said is None or (domain is not None and one.domain != domain):
            continue
        policy = world.policy_for(one.campaign)
        assert policy is not None
        if said.margin is None or (said.rule in flat(policy, status) if rule is None else said.rule != rule):
            continue
        content = world.version(one)[2]
        if status == "rejected" and content in accepted:
            continue
        key = (abs(said.margin), said.margin > 0, place if said.margin > 0 else -place, one)
        if content not in nearest or key[:3] < nearest[content][:3]:
            nearest[content] = key
    ranked = sorted(nearest.values(), key=lambda key: key[:3])
    return [(one.id, text_of(size if above else -size)) for size, above, _, one in ranked]


def judged(world: World, one: One, status: str) -> book.Said | None:
    """Return what the policy says of a sample that stands as it decided, and still says."""
    row, policy = row_of(world.ledger, one.id), world.policy_for(one.campaign)
    assert policy is not None
    said = book.expected(policy, world.facts(policy, one))
    if row.decision is None or (row.status, said.outcome) != (status, status) or said.rule != row.reason:
        return None
    sql = "SELECT authority FROM decisions WHERE position = ?"
    (authority,) = store_of(world.ledger).connection.execute(sql, (row.decision,)).fetchone()
    return said if authority == "policy" and world.person(one) is None else None


@settings(max_examples=20)
@given(
    drawn=scored_steps(),
    policy=thresholds() | thresholds() | gates(),
    own=st.none() | gates(),
    later=st.lists(step(), max_size=4),
    limit=st.integers(1, 3),
)
def test_the_list_is_what_a_plain_loop_finds(
    drawn: list[Step], policy: Policy, own: Policy | None, later: list[Step], limit: int
) -> None:
    """Both statuses, of all, of a rule, of a domain: the same samples in the same order; pages come to the same."""
    with made(drawn, policy, own, later) as world:
        for status in ("rejected", "accepted"):
            asked: list[tuple[str | None, str | None]] = [(None, None), ("x", None), ("default", None), (None, "")]
            for rule, domain in asked:
                chosen: dict[str, Any] = {"rule": rule, "domain": domain, "accepted": status == "accepted"}
                expected = by_the_book(world, status, rule, domain)
                assert listed(world.ledger, **chosen) == expected
                assert paged(world.ledger, limit, **chosen) == expected


@settings(max_examples=20)
@given(
    told=st.lists(
        st.tuples(st.integers(0, 4), st.sampled_from(["low", "duplicate"]), st.sampled_from([0.1, 0.3, 0.45, 0.6])),
        min_size=1,
        max_size=10,
    ),
    limit=st.integers(1, 3),
)
def test_what_files_told_comes_in_pages_too(told: list[tuple[int, str, float]], limit: int) -> None:
    """Nearest first, each text once, the newest of equals first; nothing that passed its threshold, no duplicate."""
    with tempfile.TemporaryDirectory() as folder, Ledger.init(Path(folder) / "ledger.db") as ledger:
        lines = [rejected_line(f"q{text}", reason, value, threshold=0.5) for text, reason, value in told]
        ledger.ingest(write(Path(folder) / "in.jsonl", *lines), campaign="old", decisions=True)
        births = [event["event"] for event in ledger.log(limit=100) if event["kind"] == "ingested"]
        nearest: dict[int, tuple[int, int]] = {}
        for place, (text, reason, value) in enumerate(told):
            short = round((0.5 - value) * ONE)
            if short >= 0 and reason != "duplicate" and (short, -place) < nearest.get(text, (ONE, 0)):
                nearest[text] = (short, -place)
        expected = [(births[-place], text_of(-short)) for short, place in sorted(nearest.values())]
        assert listed(ledger) == paged(ledger, limit) == expected
