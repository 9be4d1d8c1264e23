"""Policies as values: their frozen form, its digest, and what a policy looks up."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from ledger.digest import decode
from ledger.rule import (
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Findings,
    Levels,
    Measure,
    Not,
    Number,
    Policy,
    Rule,
    Score,
    Tag,
    Text,
    Threshold,
    Weighted,
    as_json,
    comparisons,
    condition_json,
    condition_of,
    observed,
    policy_of,
)
from tests import policy_model as book

LOW = Compare(Score("quality"), "<", Threshold("low"))


@given(book.policies())
def test_freezing_loses_nothing(policy: Policy) -> None:
    """The frozen bytes are canonical, and the policy that they hold is the one that was frozen."""
    frozen = decode(policy.to_bytes())

    assert policy_of(frozen) == policy
    assert policy_of(frozen).to_bytes() == policy.to_bytes()


@given(book.policies(), book.policies())
def test_different_policies_have_different_bytes(one: Policy, other: Policy) -> None:
    """Two policies have the same frozen form only where they are equal."""
    assert (one.to_bytes() == other.to_bytes()) == (one == other)


@given(book.conditions(("overall",), ("low",)))
def test_conditions_in_prefix_notation(condition: Condition) -> None:
    """A condition goes into JSON and back."""
    assert condition_of(condition_json(condition)) == condition


def test_the_frozen_form_is_what_it_was() -> None:
    """The bytes of a policy never change between versions of the program, because decisions name their digest."""
    policy = Policy(
        "p",
        rules=(Rule("r", "rejected", AllOf((LOW, Not(Compare(Tag("t"), "==", Text("x")))))),),
        thresholds=(Levels("low", 500_000, (("asm", 400_000),), "min"),),
        measures=(Weighted("m", (("quality", 2_500),), frozenset({"quality"})),),
        headline="m",
    )

    assert policy.to_bytes().decode() == (
        '{"caps":[],"default":"accepted","format":1,"headline":"m","labels":[],'
        '"measures":[["m",[["quality",2500]],["quality"],"defer"]],"name":"p",'
        '"rules":[["r","rejected",["and",["<",["score","quality"],["threshold","low"]],'
        '["not",["==",["tag","t"],["text","x"]]]]]],"scores":["latest",[],"0"],'
        '"thresholds":[["low","0.5",[["asm","0.4"]],"min"]],"unknown":"deferred"}'
    )


BROKEN: list[Any] = [
    {},
    {"format": 2},
    [],
    None,
    {**as_json(Policy("p")), "scores": []},
    {**as_json(Policy("p")), "rules": [["r", "rejected"]]},
    {**as_json(Policy("p")), "rules": [["r", "rejected", ["<>", ["score", "a"], ["number", "1"]]]]},
    {**as_json(Policy("p")), "rules": [["r", "rejected", ["<", ["spell", "a"], ["number", "1"]]]]},
    {**as_json(Policy("p")), "thresholds": [["t", "NaN", [], None]]},
    {**as_json(Policy("p")), "thresholds": [["t", "1", [], "median"]]},
]


@pytest.mark.parametrize("value", BROKEN, ids=range(len(BROKEN)))
def test_what_is_no_frozen_policy(value: Any) -> None:  # noqa: ANN401 - any JSON value
    """A newer format, or anything that `as_json` does not make, is a ValueError with a sentence."""
    with pytest.raises(ValueError, match=r"\w"):
        policy_of(value)


def test_a_condition_nested_without_end_is_refused() -> None:
    """A frozen policy from somewhere else cannot exhaust the stack."""
    when: list[Any] = condition_json(LOW)
    for _ in range(100_000):
        when = ["not", when]

    with pytest.raises(ValueError, match="frozen policy"):
        policy_of({**as_json(Policy("p")), "rules": [["r", "rejected", when]]})


def test_what_a_policy_looks_up() -> None:
    """Each number is looked up once: scores of measures first, then those of rules, labels, headline and caps."""
    errors = Findings("*", "error")
    rules = (
        Rule("a", "rejected", AnyOf((LOW, Compare(errors, ">", Number(0))))),
        Rule("b", "rejected", Compare(Measure("m"), "<", Number(1))),
    )
    policy = Policy("p", rules, measures=(Weighted("m", (("coherence", 1), ("quality", 1))),), headline="rank")

    assert observed(policy) == (Score("coherence"), Score("quality"), errors, Score("rank"))
    assert [compare.left for compare in comparisons(policy)] == [Score("quality"), errors, Measure("m")]


def test_thresholds_by_domain() -> None:
    """A domain's own value comes first, joined or not; then that for joined domains; then the one for all."""
    own = (("asm", 400_000), ("asm+oracle", 450_000))
    levels = [Levels("t", 600_000, own, cross) for cross in (None, 500_000, "min", "max", "mean")]

    assert {level.at("asm+oracle") for level in levels} == {450_000}
    assert {level.at("cpp") for level in levels} == {level.at("") for level in levels} == {600_000}
    assert [level.at("asm+cpp") for level in levels] == [600_000, 500_000, 400_000, 600_000, 500_000]


@given(book.levels("t"))
def test_thresholds_by_domain_by_the_book(levels: Levels) -> None:
    """`Levels.at` is what the documentation says, for joined and odd domains too."""
    for domain in (*book.DOMAINS, "", "z", "z+asm", "+", "asm+", "asm+cpp+z"):
        assert levels.at(domain) == book.level(levels, domain)
