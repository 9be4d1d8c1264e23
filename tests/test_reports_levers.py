"""What a rejection hangs on: which comparison would have to be otherwise, and the setting that makes it so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.fixed import ONE
from ledger.policy.changes import changed
from ledger.policy.verdict import UNKNOWN
from ledger.reports.levers import Way, flat, headline, leaves_zero, lever, setting, untouched, ways, window
from ledger.rule import (
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Field,
    Findings,
    Levels,
    Measure,
    Not,
    Number,
    Op,
    Policy,
    Rule,
    Score,
    Text,
    Threshold,
    Weighted,
)
from ledger.views.judging import slots_of
from tests import policy_model as book
from tests.scoring import both, either, errors, field_is, score_is

LIMIT = Threshold("min_quality")
LEVELS = Levels("min_quality", ONE // 2, (("a+b", 300_000), ("asm", 400_000)), "min")


def under(limit: Threshold = LIMIT, op: Op = "<", name: str = "quality") -> Compare:
    """Return the comparison of a score with a threshold that has a name."""
    return Compare(Score(name), op, limit)


def rejecting(*conditions: Condition, **more: object) -> Policy:
    """Return a policy with one rule for each condition: r0, r1 ..., all of which reject."""
    rules = tuple(Rule(f"r{n}", "rejected", when) for n, when in enumerate(conditions))
    return Policy("p", rules=rules, thresholds=(LEVELS,), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("when", "wanted"),
    [
        (under(), [(under(), ">=")]),
        (under(op=">="), [(under(op=">="), "<")]),
        (Not(under(op=">")), [(under(op=">"), ">")]),
        (Not(Not(under())), [(under(), ">=")]),
        (both(under(), score_is("x", "<=", 1)), [(under(), ">="), (score_is("x", "<=", 1), ">")]),
        (either(score_is("x", ">", 1), under()), [(under(), ">="), (score_is("x", ">", 1), "<=")]),
        (both(under(), field_is("domain", "asm")), [(under(), ">=")]),
        (score_is("x", "==", 1), []),
        (errors(), []),
        (field_is("domain", "asm"), []),
    ],
    ids=str,
)
def test_what_a_rejection_hangs_on(when: Condition, wanted: list[tuple[Compare, Op]]) -> None:
    """Each comparison of a score in the rule, and what it would have to be; those with a named threshold come first."""
    assert ways(rejecting(when), "r0") == [Way("r0", compare, op) for compare, op in wanted]
    assert not ways(rejecting(when), "another")


def test_what_no_rule_accepts_hangs_on_the_rules_that_accept() -> None:
    """Where the default is to reject, the comparisons of the rules that accept would have to hold."""
    rules = (Rule("good", "accepted", under(op=">=")), Rule("bad", "rejected", score_is("x", "<", 1)))
    policy = Policy("p", rules=rules, thresholds=(LEVELS,), default="rejected")
    assert ways(policy, "default") == [Way("good", under(op=">="), ">=")]
    assert ways(Policy("p", rules=rules, thresholds=(LEVELS,)), "default") == []
    assert ways(policy, "good") == []


def test_a_lever_knows_what_else_keeps_a_sample_out() -> None:
    """Other rules that reject or defer must not hold, unless the same threshold keeps them from it, too."""
    rules = (
        Rule("low", "rejected", under()),
        Rule("broken", "deferred", errors()),
        Rule("good", "accepted", score_is("x", ">", 1)),
        Rule("lowest", "rejected", both(under(), score_is("x", "<", 0))),
        Rule("either", "rejected", either(under(), score_is("x", "<", 0))),
    )
    policy = Policy("p", rules=rules, thresholds=(LEVELS,))
    (way,) = ways(policy, "low")
    made = lever(policy, "low", way, slots_of(policy))
    assert (made.number, made.down, made.open) == (slots_of(policy).numbers[Score("quality")], True, False)
    assert (made.others, made.open_questions, made.needed) == (0b10010, 0b10110, 0)
    strict = Policy("p", rules=rules, thresholds=(LEVELS,), default="rejected")
    assert lever(strict, "low", way, slots_of(strict)).needed == 0b100


def test_a_threshold_moves_in_one_domain_or_by_default() -> None:
    """The setting is text for `--set`; for a domain it is that domain's, joined with + or not, else the default."""
    policy = rejecting(under())
    (way,) = ways(policy, "r0")
    told = {domain: setting(policy, way, domain, 25) for domain in ("", "asm", "a+b", "x y")}
    assert {domain: one.text for domain, one in told.items() if one} == {
        "": "threshold.min_quality=0.25",
        "asm": "domain.asm.min_quality=0.25",
        "a+b": "domain.a+b.min_quality=0.25",
        "x y": 'domain."x y".min_quality=0.25',
    }
    assert {domain: one.before for domain, one in told.items() if one} == {
        "": 500_000, "asm": 400_000, "a+b": 300_000, "x y": 500_000,
    }  # fmt: skip
    assert all(one and (one.name, one.value) == ("min_quality", 250_000) for one in told.values())


def test_a_number_in_a_condition_is_changed_there_and_nowhere_else() -> None:
    """A number without a name is moved by writing the rule's condition anew; its other comparisons stay."""
    when = both(score_is("quality", "<", 0.5), score_is("x", "<", 0.5))
    policy = rejecting(when, score_is("quality", "<", 0.5))
    way = next(way for way in ways(policy, "r0") if way.compare.left == Score("quality"))
    made = setting(policy, way, "", 25)
    assert made is not None
    assert (made.name, made.text) == ("quality", "rule.r0.when=quality < 0.25 and x < 0.5")
    moved = both(score_is("quality", "<", 0.25), score_is("x", "<", 0.5))
    assert [rule.when for rule in made.after.rules] == [moved, score_is("quality", "<", 0.5)]


def test_a_setting_that_changes_nothing_or_is_not_taken_is_none() -> None:
    """The value that stands already is no advice, nor is a domain whose name no policy takes."""
    policy = rejecting(under())
    (way,) = ways(policy, "r0")
    assert setting(policy, way, "asm", 40) is None
    assert setting(policy, way, "two\nlines", 25) is None


def test_a_window_holds_every_comparison_with_the_threshold() -> None:
    """A threshold that two rules share moves both, in the domains whose value changes, between old and new."""
    policy = rejecting(both(under(), under(name="x")), under(name="x"))
    slots = slots_of(policy)
    way = ways(policy, "r0")[0]
    made = setting(policy, way, "asm", 20)
    assert made is not None
    found = window(policy, way, made, ["", "asm", "asm+b", "a+b", "cpp"], slots)
    assert found.domains == ("asm", "asm+b")  # a+b has a value of its own
    lefts = [slots.numbers[Score(name)] for name in ("quality", "x")]
    assert found.ranges == tuple((left, 200_000, 400_000) for left in lefts)
    assert window(policy, way, made, ["cpp"], slots) == ((), (), 0)


def test_a_window_of_a_plain_number_is_everywhere() -> None:
    """A number in a condition has no domain; what can turn lies between the old and the new value."""
    policy = rejecting(score_is("quality", "<", 0.5))
    (way,) = ways(policy, "r0")
    made = setting(policy, way, "", 60)
    assert made is not None
    number = slots_of(policy).numbers[Score("quality")]
    assert window(policy, way, made, ["asm"], slots_of(policy)) == (None, ((number, 500_000, 600_000),), 0)


def test_what_a_threshold_does_not_touch() -> None:
    """Rules that do not ask for it keep a sample out wherever it is; none surely does where a rule accepts."""
    policy = rejecting(under(), errors(), both(under(), errors()), field_is("domain", "x"))
    (way,) = ways(policy, "r0")
    assert untouched(policy, way) == 0b1010
    plain = rejecting(score_is("x", "<", 1), both(score_is("x", "<", 1), errors()))
    assert untouched(plain, ways(plain, "r0")[0]) == 0b10
    accepting = Policy("p", rules=(*policy.rules, Rule("good", "accepted", errors())), thresholds=(LEVELS,))
    assert untouched(accepting, way) == 0


def test_rules_whose_margin_measures_nothing() -> None:
    """Equality and texts have no distance; a comparison beside a text has, and what is unknown never has."""
    conditions = (
        score_is("x", "==", 1),
        field_is("domain", "x"),
        both(field_is("domain", "x"), under()),
        either(score_is("x", "==", 1), under()),
        score_is("x", "!=", 1),
        Not(score_is("x", "==", 1)),
        Not(score_is("x", "!=", 1)),
        errors(),
    )
    assert flat(rejecting(*conditions), "rejected") == ["r0", "r1", "r3", "r6", UNKNOWN]
    assert flat(rejecting(*conditions), "deferred") == [UNKNOWN]


@pytest.mark.parametrize(
    ("when", "outcome", "zero"),
    [
        (under(), "rejected", False),
        (under(op="<="), "rejected", True),
        (Not(under(op=">")), "rejected", True),
        (Not(under(op=">=")), "rejected", False),
        (score_is("x", "==", 1), "rejected", False),
        (under(), "accepted", True),
        (under(op="<="), "deferred", False),
    ],
    ids=str,
)
def test_when_a_margin_can_be_zero(when: Condition, outcome: str, zero: bool) -> None:  # noqa: FBT001 - expected
    """A rule that rejects what is under a threshold never holds at it; one that also holds at it can."""
    assert leaves_zero(rejecting(when), outcome) is zero


def test_the_number_that_stands_for_a_sample() -> None:
    """The one that the policy names, else its first measure, else the first score that a rule asks for, else none."""
    weighted = Weighted("overall", (("a", 1), ("b", 1)))
    rules = (Rule("r", "rejected", Compare(Measure("overall"), "<", Number(1))),)
    assert headline(rejecting(under(), headline="x")) == "x"
    assert headline(Policy("p", rules=rules, measures=(weighted,))) == "overall"
    assert headline(rejecting(errors(), under())) == "quality"
    assert headline(rejecting(errors(), Compare(Field("domain"), "==", Text("x")))) is None


@given(book.policies(), st.sampled_from(["", "asm", "asm+cpp", "z"]), st.integers(-100, 200))
def test_every_setting_is_one_that_whatif_takes(policy: Policy, domain: str, hundredths: int) -> None:
    """Of any policy, for any reason: the text makes the policy that is told, and it differs in one number."""
    for reason in (*(rule.name for rule in policy.rules), "default"):
        for way in ways(policy, reason):
            assert isinstance(way.compare.left, (Score, Measure))
            made = setting(policy, way, domain if isinstance(way.compare.right, Threshold) else "", hundredths)
            if made is None:
                continue
            assert changed(policy, [made.text]) == made.after != policy
            assert made.value == hundredths * 10_000
            if isinstance(way.compare.right, Threshold):
                assert made.after.rules == policy.rules
            else:
                assert made.after.thresholds == policy.thresholds


@given(book.judged())
def test_a_rule_with_a_margin_of_nothing_is_flat(drawn: tuple[Policy, object]) -> None:
    """By the book: where a rule that is not flat leaves a margin of exactly 0, `leaves_zero` said that it can."""
    policy, facts = drawn
    said = book.expected(policy, facts)  # type: ignore[arg-type]
    if said.margin == 0 and said.rule not in flat(policy, said.outcome):
        assert leaves_zero(policy, said.outcome)


def test_conditions_of_all_kinds_are_walked() -> None:
    """A comparison of findings is a distance, but no lever: no threshold of the policy mends what validators found."""
    when = AllOf((Compare(Findings("*", None), ">", Number(ONE)), AnyOf((under(), errors()))))
    assert ways(rejecting(when), "r0") == [Way("r0", under(), ">=")]
