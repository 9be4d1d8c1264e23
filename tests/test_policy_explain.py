"""What a policy says of one sample, and why: by the book for any policy, and line by line for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.policy import UNSET, Compared, Facts, Failed, Judge, Lacking, Verdict, combined, judge, parse_policy
from ledger.rule import Choice, Findings, Observed, Policy, Score, compared
from tests import policy_model as book

POLICY = parse_policy(
    """
name = "p"
headline = "quality"

[measure.quality]
weights = { diversity = 0.5, risk = 0.5 }
invert = ["risk"]
missing = "renormalise"

[threshold]
low = 0.7

[domain.asm]
low = 0.4

[cross]
low = "mean"

[[rule]]
name = "broken"
reject = "errors > 0"

[[rule]]
name = "stale"
defer = 'tag.state == "stale"'

[[rule]]
name = "narrow"
reject = "quality < low and diversity < 0.3"

[[rule]]
name = "poor"
reject = "quality < low"

[[label]]
name = "bad"
false = "quality < 0.2"

[[label]]
name = "risky"
none = "risk > 0.9"
""",
    "p.toml",
)
ERRORS, DIVERSITY, RISK = Findings("*", "error"), Score("diversity"), Score("risk")


def facts(
    errors: int | None = 0,
    diversity: int | None = 900_000,
    risk: int | None = 100_000,
    domain: str = "",
    state: str = "",
) -> Facts:
    """Return a sample of which everything is well, but for what is said."""
    numbers: dict[Observed, int | None] = {ERRORS: errors, DIVERSITY: diversity, RISK: risk}
    return Facts(numbers, {"domain": domain}, {"state": state} if state else {})


@given(book.judged())
def test_by_the_book(pair: tuple[Policy, Facts]) -> None:
    """Outcome, rule, margin, rules that cannot be told, label and label rules are those of the documentation."""
    policy, seen = pair
    verdict = judge(policy, seen)
    told = "unset" if verdict.label is UNSET else "none" if verdict.label is None else str(verdict.label).lower()

    assert book.Said(
        verdict.outcome,
        verdict.rule,
        verdict.margin,
        tuple(each.rule for each in verdict.unknown),
        told,
        verdict.label_rules,
    ) == book.expected(policy, seen)


@given(book.judged())
def test_the_reasons_agree_with_the_verdict(pair: tuple[Policy, Facts]) -> None:
    """All comparisons of the deciding rule are shown, every other rule that holds is named, and what lacks."""
    policy, seen = pair
    verdict = judge(policy, seen)
    holding = [rule for rule in policy.rules if book.holds(rule.when, policy, seen)]

    assert [failed.rule for failed in verdict.failed] == [rule.name for rule in holding[1:]]
    assert len(verdict.compared) == (len(set(compared(holding[0].when))) if holding else 0)
    for lacking in (*verdict.unknown, *verdict.label_unknown):
        assert lacking.lacks
    for each in (*verdict.compared, *verdict.label_compared):
        assert (each.margin is None) == (each.observed is None or isinstance(each.observed, str))


@given(book.judged())
def test_one_judge_for_many(pair: tuple[Policy, Facts]) -> None:
    """A judge that is used again, and by numbers in its order, says the same."""
    policy, seen = pair
    ready = Judge(policy)
    numbers = [seen.numbers.get(item) for item in ready.numbers]

    assert ready(seen) == ready(seen) == ready.of(numbers, seen.fields, seen.tags) == judge(policy, seen)


def test_nothing_is_wrong() -> None:
    """The default decides; the margin and the comparison are those of the nearest miss."""
    verdict = judge(POLICY, facts())

    assert (verdict.outcome, verdict.rule, verdict.margin) == ("accepted", "default", 0)
    assert verdict.decisive == Compared("errors", ">", 0, 0, 0)
    assert verdict.components == (("quality", 900_000), ("diversity", 900_000), ("risk", 100_000))
    assert (verdict.compared, verdict.failed, verdict.unknown, verdict.label) == ((), (), (), UNSET)


def test_the_deciding_rule_and_the_others() -> None:
    """The first rule that holds decides; its comparisons stand in full, the others with what would give way first."""
    verdict = judge(POLICY, facts(diversity=200_000, risk=600_000))

    assert (verdict.outcome, verdict.rule, verdict.margin) == ("rejected", "narrow", -400_000)
    assert verdict.compared == (
        Compared("quality", "<", 300_000, 700_000, -400_000),
        Compared("diversity", "<", 200_000, 300_000, -100_000),
    )
    assert verdict.decisive == Compared("diversity", "<", 200_000, 300_000, -100_000)
    assert verdict.failed == (Failed("poor", 300_000, 700_000, -400_000),)


def test_the_margin_is_of_rules_with_the_same_outcome() -> None:
    """What rejects besides has to be escaped too; a rule that would defer does not count for a rejection."""
    verdict = judge(POLICY, facts(errors=2_000_000, diversity=650_000, risk=400_000, state="stale"))

    assert (verdict.outcome, verdict.rule, verdict.margin) == ("rejected", "broken", -2_000_000)
    assert [failed.rule for failed in verdict.failed] == ["stale", "poor"]
    assert verdict.failed[0] == Failed("stale", "stale", "stale", None)


def test_a_text_decides_without_a_margin() -> None:
    """No threshold changes what a text says, so there is no margin."""
    verdict = judge(POLICY, facts(state="stale"))

    assert (verdict.outcome, verdict.rule, verdict.margin) == ("deferred", "stale", None)
    assert verdict.decisive == Compared("tag.state", "==", "stale", "stale", None)


DOMAINS = {
    "": ("poor", -300_000),
    "asm": ("default", 0),
    "cpp": ("poor", -300_000),
    "asm+cpp": ("poor", -150_000),
    "asm+asm": ("default", 0),
}


@pytest.mark.parametrize("domain", DOMAINS)
def test_domains(domain: str) -> None:
    """Each domain has its threshold; a joined one the mean of its parts'."""
    verdict = judge(POLICY, facts(diversity=300_000, risk=500_000, domain=domain))

    assert (verdict.rule, verdict.margin) == DOMAINS[domain]


def test_what_is_missing() -> None:
    """A rule that cannot be told is named with the scores that it lacks; of a measure, those that it is made of."""
    verdict = judge(POLICY, facts(errors=None, diversity=None, risk=None))

    assert (verdict.outcome, verdict.rule, verdict.margin) == ("deferred", "unknown", None)
    assert verdict.unknown == (
        Lacking("broken", ("errors",)),
        Lacking("narrow", ("diversity", "risk")),
        Lacking("poor", ("diversity", "risk")),
    )
    assert verdict.label_unknown == (Lacking("bad", ("diversity", "risk")), Lacking("risky", ("risk",)))


def test_what_is_known_decides() -> None:
    """A rule that holds decides though another cannot be told; a measure renormalises over what is there."""
    verdict = judge(POLICY, facts(errors=None, diversity=None, risk=950_000))

    assert (verdict.outcome, verdict.rule, verdict.margin) == ("rejected", "poor", -650_000)
    assert [lacking.rule for lacking in verdict.unknown] == ["broken", "narrow"]
    assert (verdict.label, verdict.label_rules) == (False, ("bad", "risky"))
    assert [each.what for each in verdict.label_compared] == ["quality", "risk"]


def test_an_unknown_part_takes_the_margin() -> None:
    """Where a rule that counts is not wholly known, neither is the margin."""
    either = parse_policy('name = "p"\n[[rule]]\nname = "r"\nreject = "x < 1 or y < 1"', "p")
    verdict = judge(either, Facts({Score("x"): 0, Score("y"): None}, {}, {}))

    assert (verdict.outcome, verdict.rule, verdict.margin) == ("rejected", "r", None)
    assert verdict.decisive == Compared("x", "<", 0, 1_000_000, -1_000_000)


@given(book.judged(), st.data())
def test_unknown_is_nothing_but_not_knowing(pair: tuple[Policy, Facts], data: st.DataObject) -> None:
    """Rules that hold, or fail, while some numbers are unknown do so still, whatever these numbers turn out to be."""
    policy, seen = pair
    known = [item for item, value in seen.numbers.items() if value is not None]
    hidden = data.draw(st.sets(st.sampled_from(known)) if known else st.just(set[Observed]()))
    less = seen._replace(numbers={item: None if item in hidden else value for item, value in seen.numbers.items()})
    renormalised = [w for w in policy.measures if w.missing == "renormalise"]
    before, after = judge(policy, less), judge(policy, seen)

    if not renormalised:  # the mean of fewer scores is another number
        assert holding(before) <= holding(after)
        assert {each.rule for each in after.unknown} <= {each.rule for each in before.unknown}


def holding(verdict: Verdict) -> set[str]:
    """Return the names of the rules that hold."""
    return {verdict.rule, *(failed.rule for failed in verdict.failed)} - {"default", "unknown"}


@given(
    book.choices(),
    st.lists(st.tuples(st.sampled_from(["pipeline", "rubric", "my, scorer", "other"]), book.amounts()), max_size=6),
)
def test_several_scores_of_one_name(choice: Choice, scores: list[tuple[str, int]]) -> None:
    """Of several scores, the one value that counts is that of the documentation."""
    assert combined(choice, scores) == book.combination(choice, scores)
