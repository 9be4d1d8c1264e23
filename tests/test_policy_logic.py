"""What can be said of conditions without a sample: it is always true, and in the simple cases nothing is missed."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.policy.logic import Normal, always, follows, never, normal, opposite
from ledger.policy.verdict import Facts
from ledger.rule import (
    OPS,
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Field,
    Findings,
    Levels,
    Not,
    Number,
    Op,
    Policy,
    Rule,
    Score,
    Tag,
    Text,
    Threshold,
)
from tests import policy_model as book

ONE = 1_000_000
PAIRS = list(product(OPS, OPS))
Q, COUNT, DOMAIN = Score("quality"), Findings("*", "error"), Field("domain")


def conditions(*names: str) -> st.SearchStrategy[Policy]:
    """Return policies of a rule for each name; few numbers and texts, so that rules often touch one another."""
    limit = st.sampled_from([Number(0), Number(ONE), Number(2 * ONE), Threshold("low")])
    numeric = st.builds(Compare, st.sampled_from([Q, COUNT]), st.sampled_from(OPS), limit)
    worded = st.builds(
        Compare,
        st.sampled_from([DOMAIN, Tag("t")]),
        st.sampled_from(["==", "!="]),
        st.sampled_from(["", "asm"]).map(Text),
    )
    several = st.lists(st.deferred(lambda: when), min_size=2, max_size=3).map(tuple)
    when: st.SearchStrategy[Condition] = st.one_of(
        numeric, worded, st.builds(Not, numeric | worded), st.builds(AllOf, several), st.builds(AnyOf, several)
    )
    levels = st.sampled_from(
        [Levels("low", ONE), Levels("low", ONE, (("asm", 0),)), Levels("low", ONE, (("asm", 0),), "min")]
    )
    return st.builds(
        lambda low, *whens: Policy(
            "p", tuple(Rule(name, "rejected", one) for name, one in zip(names, whens, strict=True)), thresholds=(low,)
        ),
        levels,
        *[when for _ in names],
    )


def facts() -> st.SearchStrategy[Facts]:
    """Return samples for these conditions."""
    counts = st.sampled_from([None, 0, ONE, 2 * ONE, 3 * ONE])
    values = st.sampled_from([None, -1, 0, 1, ONE - 1, ONE, ONE + 1, 2 * ONE, 3 * ONE])
    return st.builds(
        Facts,
        st.fixed_dictionaries({Q: values, COUNT: counts}),
        st.fixed_dictionaries({"domain": st.sampled_from(["", "asm", "cpp", "asm+cpp"])}),
        st.fixed_dictionaries({"t": st.sampled_from(["", "asm", "x"])}),
    )


def plain(form: Normal) -> Condition:
    """Return a normal form as a condition."""
    if isinstance(form, Compare):
        return form
    word, parts = form
    made = tuple(plain(part) for part in parts)
    return AllOf(made) if word == "and" else AnyOf(made)


@given(conditions("r"), facts())
def test_the_normal_form_means_the_same(policy: Policy, seen: Facts) -> None:
    """A condition and its normal form are true, false and unknown of the same samples; its opposite of the others."""
    when = policy.rules[0].when
    form = normal(when)
    truth = book.holds(when, policy, seen)

    assert book.holds(plain(form), policy, seen) is truth
    assert book.holds(plain(opposite(form)), policy, seen) is (None if truth is None else not truth)
    assert normal(when, negated=True) == opposite(form)


@given(conditions("r"), st.lists(facts(), min_size=5, max_size=20))
def test_never_and_always_are_certain(policy: Policy, samples: list[Facts]) -> None:
    """What is said never to hold holds for no sample, what is said always to hold for every one."""
    form = normal(policy.rules[0].when)
    thresholds = {levels.name: levels for levels in policy.thresholds}
    truths = {book.holds(policy.rules[0].when, policy, seen) for seen in samples}

    assert not (never(form, thresholds) and True in truths)
    assert not (always(form, thresholds) and truths != {True})


@given(conditions("a", "b"), st.lists(facts(), min_size=5, max_size=20))
def test_what_follows_is_certain(policy: Policy, samples: list[Facts]) -> None:
    """Where a condition follows from another, the other holds for every sample for which the one does."""
    one, other = (rule.when for rule in policy.rules)
    for left, right in ((one, other), (AllOf((one, other)), one), (one, AnyOf((one, other))), (one, Not(Not(one)))):
        if follows(normal(left), normal(right)):
            for seen in samples:
                assert book.holds(left, policy, seen) is not True or book.holds(right, policy, seen) is True


@given(conditions("a", "b"))
def test_a_narrower_condition_follows(policy: Policy) -> None:
    """A condition with one more part follows from the one without it, however its parts are ordered."""
    one, other = (rule.when for rule in policy.rules)

    assert follows(normal(AllOf((other, one))), normal(one))


@pytest.mark.parametrize(("left", "right"), PAIRS, ids=["".join(pair) for pair in PAIRS])
def test_two_comparisons_of_one_number(left: Op, right: Op) -> None:
    """Two comparisons of one score, or of one count of findings, contradict each other exactly where no value fits."""
    fine = [n for limit in (ONE, 2 * ONE) for n in (limit - 1, limit, limit + 1)]
    for looked_up, values in ((Q, fine), (COUNT, range(0, 5 * ONE, ONE))):
        for limits in product((ONE, 2 * ONE), repeat=2):
            pair = [Compare(looked_up, op, Number(limit)) for op, limit in zip((left, right), limits, strict=True)]
            possible = any(all(book.compare(n, c.op, c.right.value) for c in pair) for n in values)  # type: ignore[union-attr]

            assert never(normal(AllOf(tuple(pair))), {}) is not possible


def test_counts_are_whole_numbers_from_zero() -> None:
    """A count of findings is never below zero, nor between two whole numbers; a score may be both."""
    for op, limit in (("<", 0), ("<=", -1), ("==", ONE // 2)):
        compare = Compare(COUNT, op, Number(limit))  # type: ignore[arg-type]  # from a list
        assert never(normal(compare), {})
        assert not never(normal(Compare(Q, compare.op, compare.right)), {})


def test_thresholds_in_every_domain() -> None:
    """Two thresholds contradict each other only where they do in every domain; joined domains are not told."""
    between = normal(AllOf((Compare(Q, ">", Threshold("low")), Compare(Q, "<", Threshold("high")))))
    low, high = Levels("low", 2 * ONE), Levels("high", ONE)

    assert never(between, {"low": low, "high": high})
    assert never(between, {"low": low, "high": Levels("high", ONE, (("asm", 2 * ONE),))})
    assert not never(between, {"low": low, "high": Levels("high", ONE, (("asm", 3 * ONE),))})
    assert not never(between, {"low": low, "high": Levels("high", ONE, (), 3 * ONE)})


def test_one_threshold_contradicts_itself() -> None:
    """A number is never above and below the same threshold, whatever its values are."""
    at = normal(AllOf((Compare(Q, ">", Threshold("low")), Compare(Q, "<=", Threshold("low")))))

    assert never(at, {"low": Levels("low", ONE, (("asm", 0),), "mean")})


def test_texts() -> None:
    """A text is one thing; a tag or field that is compared with itself both ways always fits."""
    asm, cpp = (Compare(DOMAIN, "==", Text(name)) for name in ("asm", "cpp"))

    assert never(normal(AllOf((asm, cpp))), {})
    assert never(normal(AllOf((asm, Not(asm)))), {})
    assert never(normal(AllOf((Compare(Q, ">", Number(0)), AllOf((asm, cpp))))), {})
    assert not never(normal(AnyOf((asm, cpp))), {})
    assert always(normal(AnyOf((asm, Not(asm)))), {})
    assert not always(normal(AnyOf((Compare(Q, "<", Number(0)), Compare(Q, ">=", Number(0))))), {})
