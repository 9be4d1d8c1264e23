"""What a policy says of every sample at once is what it says of each, by the book."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import Ledger
from ledger.rule import (
    Cap,
    Compare,
    Condition,
    LabelRule,
    Levels,
    Not,
    Number,
    Policy,
    Rule,
    Score,
    Threshold,
    Weighted,
)
from ledger.verbs.trial import trying
from ledger.views.conditions import Parameters
from ledger.views.judging import level, lookup, number_of, slots_of
from tests import policy_model as book
from tests.logs import store_of
from tests.scoring import ask, both, decide, either, judged, score, score_is, some
from tests.worlds import Step, World, made, steps

SAID = """SELECT e.op, j.outcome, j.rule, j.margin, j.held, j.untold, j.label, j.label_held, j.label_untold, j.person,
        j.bound, j.given FROM {table} j JOIN event e ON e.position = j.sample ORDER BY j.sample"""


def by_the_book(world: World, policy: Policy) -> list[tuple[object, ...]]:
    """Return the rows that a policy for all campaigns should lead to."""
    rows: list[tuple[object, ...]] = []
    for one in world.ones:
        facts = world.facts(policy, one)
        said = book.expected(policy, facts)
        truths = [book.holds(rule.when, policy, facts) for rule in policy.rules]
        labels = [book.holds(rule.when, policy, facts) for rule in policy.labels]
        label = {"true": 1, "false": 0}.get(said.label)
        masks = (mask(truths), unknown(truths), label, mask(labels), unknown(labels))
        stands = (world.person(one), world.bound(one), world.given(one))
        rows.append((bytes.fromhex(one.id), said.outcome, said.rule, said.margin, *masks, *stands))
    return rows


def mask(truths: list[bool | None]) -> int:
    """Return the bits of the rules that hold."""
    return sum(1 << n for n, truth in enumerate(truths) if truth)


def unknown(truths: list[bool | None]) -> int:
    """Return the bits of the rules that cannot be told."""
    return sum(1 << n for n, truth in enumerate(truths) if truth is None)


@settings(max_examples=60)
@given(drawn=steps(), policies=st.lists(book.policies(), min_size=1, max_size=8))
def test_every_policy_says_of_every_sample_what_it_says_by_the_book(drawn: list[Step], policies: list[Policy]) -> None:
    """Outcome, rule, margin, the rules that hold and those that cannot be told, label, what people said: exactly."""
    with made(drawn) as world:
        store = store_of(world.ledger)
        for policy in policies:
            with trying(store, policy, None):
                rows = store.connection.execute(SAID.format(table="temp.tried")).fetchall()
            assert rows == by_the_book(world, policy)


# --- how wide and deep


def test_the_largest_policies_are_judged(ledger: Ledger, tmp_path: Path) -> None:
    """Sixty rules, conditions as wide and deep as they may be, thousands of domains, twenty caps."""
    (one, *_) = some(ledger, tmp_path, 5, domain="d7")
    score(ledger, {one: {"q0": "0.5", "q15": "1"}})
    deep: Condition = score_is("q0", ">", 0)
    for depth in range(8):
        deep = Not(deep) if depth % 3 == 2 else (both if depth % 3 else either)(deep, score_is("q1", "==", depth + 2))
    wide = either(*(Compare(Score(f"q{n % 16}"), "<", Number(-n)) for n in range(1, 200)))
    narrow = [Rule(f"r{n}", "rejected", Compare(Score("q0"), "<", Number(-n))) for n in range(50)]
    low = Compare(Score("q0"), "<", Threshold("low"))
    policy = Policy(
        "large",
        rules=(
            *narrow,
            Rule("deep", "deferred", Not(deep)),
            Rule("wide", "rejected", wide),
            Rule("low", "accepted", low),
        ),
        labels=tuple(LabelRule(f"l{n}", label=n % 2 == 0, when=low) for n in range(6)),
        thresholds=(Levels("low", 0, tuple((f"d{n}", 600_000) for n in range(5_000)), "mean"),),
        caps=tuple(Cap(f"c{n}", "rejected", ("domain", f"tag.t{n}"), 1 + n % 3, "q0") for n in range(20)),
        unknown="ignore",
    )
    decide(ledger, policy)
    assert judged(ledger, "outcome, rule, margin, labelled")[one] == ("accepted", "low", -100_000, "true")
    assert decide(ledger).by_rule == {"c0": 4, "l0+l1+l2+l3+l4+l5": 1, "low": 1}
    assert ask(ledger, policy)["flips"]["by_reason"] == {}


@settings(max_examples=200)
@given(
    values=st.lists(book.amounts() | st.none(), min_size=3, max_size=3),
    weights=st.lists(st.integers(1, 1_000_000), min_size=3, max_size=3),
    invert=st.frozensets(st.sampled_from("abc")),
    missing=st.sampled_from(["defer", "renormalise"]),
)
def test_a_measure_is_the_mean_by_the_book(
    values: list[int | None], weights: list[int], invert: frozenset[str], missing: Literal["defer", "renormalise"]
) -> None:
    """To the last millionth, halves away from zero, whatever is missing."""
    weighted = Weighted("m", tuple(zip("abc", weights, strict=True)), invert, missing)
    policy = Policy("p", measures=(weighted,))
    numbers = {Score(name): value for name, value in zip("abc", values, strict=True)}
    columns = ", ".join(f"{'NULL' if value is None else value} AS x{n}" for n, value in enumerate(values))
    sql = f"SELECT {number_of(policy, 'm', slots_of(policy))} FROM (SELECT {columns})"  # noqa: S608 - numbers
    with closing(sqlite3.connect(":memory:")) as connection:
        assert connection.execute(sql).fetchone()[0] == book.weighted_mean(weighted, numbers)


@settings(max_examples=100)
@given(levels=book.levels("t"), domain=st.sampled_from(["", *book.DOMAINS, "z", "asm+z", "+", "asm+asm+cpp"]))
def test_a_threshold_is_that_of_the_domain_by_the_book(levels: Levels, domain: str) -> None:
    """Its own value, that of joined domains, or the one for all."""
    policy = Policy("p", thresholds=(levels,))
    parameters = Parameters({"domain": domain})
    with closing(sqlite3.connect(":memory:")) as connection:
        value = level(levels, lookup(connection, policy), parameters)
        sql = f"SELECT {value} FROM (SELECT :domain AS domain)"  # noqa: S608 - made by the program
        assert (
            connection.execute(sql, parameters.values).fetchone()[0] == book.level(levels, domain) == levels.at(domain)
        )
