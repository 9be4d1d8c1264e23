"""Flips told in one pass from what the policy in force saw: when that can be, and that it is the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the driver that the ledger uses

from ledger import Ledger
from ledger.rule import Cap, Choice, LabelRule, Levels, Policy, Rule, Score, Threshold, Weighted
from ledger.rule import Compare as Is
from ledger.verbs.trial import in_force, trying
from ledger.views import due, flips
from ledger.views.judging import slots_of
from tests.judged import taken
from tests.logs import store_of
from tests.scoring import ONE, both, decide, field_is, score, score_is, some
from tests.test_views_scores import handle, views

TWO = Policy(
    "two",
    rules=(
        Rule("low", "rejected", Is(Score("a"), "<", Threshold("low"))),
        Rule("loud", "deferred", both(Is(Score("b"), ">", Threshold("loud")), field_is("domain", ""))),
    ),
    labels=(LabelRule("poor", label=False, when=Is(Score("a"), "<", Threshold("poor"))),),
    thresholds=(Levels("low", ONE // 2), Levels("loud", ONE // 2), Levels("poor", ONE // 5)),
    measures=(Weighted("m", (("a", 1), ("b", 1))),),
    unknown="ignore",
)
"""Two rules and a label, with a threshold each."""


def at(policy: Policy, **thresholds: int) -> Policy:
    """Return a policy with other thresholds."""
    return replace(
        policy,
        thresholds=tuple(replace(one, default=thresholds.get(one.name, one.default)) for one in policy.thresholds),
    )


@pytest.mark.parametrize(
    ("other", "can"),
    [
        (at(TWO, low=ONE), True),
        (replace(TWO, rules=TWO.rules[:1]), True),
        (replace(TWO, default="rejected", unknown="rejected"), True),
        (replace(TWO, rules=(Rule("m", "rejected", score_is("b", "<", 1)),)), True),
        (replace(TWO, rules=(Rule("c", "rejected", score_is("c", "<", 1)),)), False),
        (replace(TWO, rules=(Rule("d", "rejected", field_is("domain", "asm")),)), False),
        (replace(TWO, scores=Choice("mean")), False),
        (replace(TWO, caps=(Cap("one", "rejected", ("prompt",), 1),)), False),
    ],
    ids=["thresholds", "a rule less", "defaults", "a new rule", "a new score", "a new text", "scores", "caps"],
)
def test_flips_can_be_told_where_nothing_new_is_asked(
    ledger: Ledger, tmp_path: Path, other: Policy, *, can: bool
) -> None:
    """And no cap makes samples depend on one another; told so, they are those of judging everything again."""
    assert flips.can_tell(TWO, other) is can
    assert flips.can_tell(other, TWO) is (can and other.rules[-1].name not in {"low", "m"})
    ids = some(ledger, tmp_path, 9)
    score(ledger, {one: {"a": f"0.{n}", "b": f"0.{n * 4 % 10}"} for n, one in enumerate(ids[1:], 1)})
    decide(ledger, TWO)
    if can:
        assert turned(ledger, other) == slowly(ledger, other) != []


@pytest.mark.parametrize("thresholds", [{"low": 700_000}, {"loud": 100_000}, {"poor": 600_000}, {"low": 1, "loud": 1}])
def test_every_threshold_that_moved_is_looked_at(ledger: Ledger, tmp_path: Path, thresholds: dict[str, int]) -> None:
    """One, another, or several at once."""
    ids = some(ledger, tmp_path, 9)
    score(ledger, {one: {"a": f"0.{n}", "b": f"0.{n * 4 % 10}"} for n, one in enumerate(ids[1:], 1)})
    decide(ledger, TWO)
    assert turned(ledger, at(TWO, **thresholds)) == slowly(ledger, at(TWO, **thresholds)) != []


@pytest.mark.parametrize("cross", ["min", "max", "mean", 550_000, None])
@pytest.mark.parametrize("moved", ["default", "asm", "both", "a new domain", "cross"])
def test_thresholds_by_domain_turn_the_same(
    ledger: Ledger, tmp_path: Path, cross: Literal["min", "max", "mean"] | int | None, moved: str
) -> None:
    """Whichever value moves, and however domains are joined: what is told in one pass is what judging again finds."""
    here = [(domain, {"a": f"0.{n}", "b": "0"}) for domain in ("asm", "cpp", "asm+cpp", "") for n in range(1, 10)]
    taken(ledger, tmp_path / "in.jsonl", here)
    low = Levels("low", 500_000, (("asm", 300_000), ("cpp", 700_000)), cross)
    decide(ledger, replace(TWO, thresholds=(low, *TWO.thresholds[1:])))
    after = {
        "default": replace(low, default=620_000),
        "asm": replace(low, domains=(("asm", 440_000), ("cpp", 700_000))),
        "both": replace(low, default=380_000, domains=(("asm", 300_000), ("cpp", 650_000))),
        "a new domain": replace(low, domains=(*low.domains, ("text", 900_000)), default=450_000),
        "cross": replace(low, cross="max" if cross == "min" else "min"),
    }[moved]
    policy = replace(TWO, thresholds=(after, *TWO.thresholds[1:]))
    assert turned(ledger, policy) == slowly(ledger, policy)


def test_a_flip_says_what_turns_and_how_narrowly(ledger: Ledger, tmp_path: Path) -> None:
    """Status, rule, label and margin, before and after."""
    one, two = some(ledger, tmp_path, 2)
    score(ledger, {one: {"a": "0.4", "b": "0"}, two: {"a": "0.6", "b": "0"}})
    decide(ledger, TWO)
    (flip,) = turned(ledger, at(TWO, low=300_000))
    way = due.Way("", "rejected", "accepted", "low", "default", "none", "none", "", "")
    assert flip == due.Flip(handle(ledger, one), way, -100_000, 100_000)
    (flip,) = turned(ledger, at(TWO, poor=500_000))
    way = flip.way
    assert (way.status, way.to_status) == ("rejected", "rejected")
    assert (way.label, way.to_label, way.label_rules, way.to_label_rules) == ("none", "false", "", "poor")


def test_what_people_decided_does_not_turn(ledger: Ledger, tmp_path: Path) -> None:
    """Neither the status nor the label that a person gave."""
    one, two = some(ledger, tmp_path, 2)
    score(ledger, {each: {"a": "0.4", "b": "0"} for each in (one, two)})
    ledger.reject([one], reason="seen")
    ledger.relabel([one], "true", reason="seen")
    decide(ledger, TWO)
    found = turned(ledger, at(TWO, low=0, poor=ONE))
    assert [flip.sample for flip in found] == [handle(ledger, two)]


def test_a_campaign_narrows_the_flips_and_the_counts(ledger: Ledger, tmp_path: Path) -> None:
    """Under a policy for all."""
    here, there = (*some(ledger, tmp_path, 1, "here"), *some(ledger, tmp_path, 1, "there"))
    score(ledger, {each: {"a": "0.4", "b": "0"} for each in (here, there)})
    decide(ledger, TWO)
    (judged,) = in_force(store_of(ledger), None)
    turns, found = flips.turned(views(ledger), judged.adoption, at(TWO, low=0), "here", 9)
    assert [(turn.way.status, turn.way.to_status, turn.samples) for turn in turns] == [("rejected", "accepted", 1)]
    assert [flip.sample for flip in found] == [handle(ledger, here)]
    assert flips.standing(views(ledger), judged.adoption, "here") == [due.Count("rejected", "none", "", 1)]
    assert flips.standing(views(ledger), judged.adoption, None) == [
        due.Count("rejected", "none", "", 1),
        due.Count("rejected", "none", "", 1),
    ]


def test_all_are_counted_and_the_oldest_are_told(ledger: Ledger, tmp_path: Path) -> None:
    """However few are to be told; nothing of it stays behind."""
    ids = some(ledger, tmp_path, 5)
    score(ledger, {each: {"a": "0.4", "b": "0"} for each in ids})
    decide(ledger, TWO)
    (judged,) = in_force(store_of(ledger), None)
    for few in (0, 2):
        turns, found = flips.turned(views(ledger), judged.adoption, at(TWO, low=0), None, few)
        assert [turn.samples for turn in turns] == [5]
        assert [flip.sample for flip in found] == [handle(ledger, one) for one in ids[:few]]
    assert not views(ledger).execute("SELECT 1 FROM temp.sqlite_schema WHERE name = 'flipped'").fetchall()


def turned(ledger: Ledger, other: Policy) -> list[due.Flip]:
    """Return the flips to another policy, told from what was seen."""
    (judged,) = in_force(store_of(ledger), None)
    return flips.turned(views(ledger), judged.adoption, other, None, 1_000)[1]


def slowly(ledger: Ledger, other: Policy) -> list[due.Flip]:
    """Return the flips to another policy, everything judged again."""
    store = store_of(ledger)
    (judged,) = in_force(store, None)
    judged.fill(store, "before", None)
    with trying(store, other, None) as tried:
        tried.fill(store, "after", None)
        _, found = due.flips(store.connection, "before", "after", 1_000)
    due.drop(store.connection, "before", "after")
    return found


MOVES = st.tuples(st.integers(0, 40), st.sampled_from([-30, -2, -1, 0, 0, 1, 2, 30]))
LEVELS = st.dictionaries(st.sampled_from([*"abcdefgh", "a+b"]), MOVES, min_size=3, max_size=9)
JOINED = st.lists(st.sampled_from("abcdefghz"), min_size=1, max_size=4).map("+".join)


@settings(max_examples=200)
@given(
    LEVELS,
    MOVES,
    st.sampled_from(["min", "max", "mean", 20, None]),
    st.lists(JOINED, min_size=1, max_size=9),
)
def test_whatever_a_threshold_passes_is_near(
    own: dict[str, tuple[int, int]],
    default: tuple[int, int],
    cross: Literal["min", "max", "mean"] | int | None,
    domains: list[str],
) -> None:
    """In every domain, joined or not: a number that was below it and is not, or the other way round, is looked at."""
    before = Levels("low", default[0], tuple(sorted((one, at) for one, (at, _) in own.items())), cross)
    moved = tuple(sorted((one, at + by) for one, (at, by) in own.items()))
    after = Levels("low", sum(default), moved, cross)
    compare = Is(Score("a"), "<", Threshold("low"))
    policy = Policy("p", rules=(Rule("low", "rejected", compare),), thresholds=(before,))
    passed = flips.near(compare, before, after, policy, slots_of(policy))
    connection = sqlite3.connect(":memory:")
    sql = f"SELECT {passed} FROM (SELECT ? AS x0)"  # noqa: S608 - the SQL that is tested
    looked_at = {x for x in range(-32, 73) if connection.execute(sql, (x,)).fetchone()[0]}
    connection.close()
    for domain in domains:
        assert {x for x in range(-32, 73) if (x < before.at(domain)) != (x < after.at(domain))} <= looked_at


def test_what_no_threshold_passed_is_not_near() -> None:
    """Between two stretches nothing turns; of many the narrowest gaps are looked at too."""
    assert flips.stretches([(1, 3), (9, 7), (5, 5), (2, 4)]) == [(1, 4), (7, 9)]
    assert flips.stretches([(10 * n, 10 * n + n) for n in range(1, 7)]) == [(10, 11), (20, 22), (30, 33), (40, 66)]
    assert flips.stretches([(1, 1)]) == []
