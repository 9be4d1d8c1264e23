"""Policies by the book: strategies that draw policies and facts, and a plain evaluation of them to compare with.

The evaluation is written from docs/policies.md alone, slowly and with fractions, and shares no code with the two fast
ones (`ledger.policy.explain` for one sample, the views for all).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cache
from typing import NamedTuple

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ledger.policy.check import Fault, check
from ledger.policy.verdict import Facts
from ledger.rule import (
    COMBINES,
    AllOf,
    AnyOf,
    Cap,
    Choice,
    Compare,
    Condition,
    Field,
    Findings,
    LabelRule,
    Levels,
    Measure,
    Not,
    Number,
    Operand,
    Policy,
    Rule,
    Score,
    Tag,
    Text,
    Threshold,
    Weighted,
    observed,
)

FAR = 10**15
MILLION = 1_000_000

DIMENSIONS = ("quality", "coherence", "my dim", "é", "errors")
THRESHOLDS = ("low", "high")
MEASURES = ("overall", "mix")
DOMAINS = ("asm", "cpp", "asm+cpp", "cpp+x", "a b")
TEXTS = ("", "asm", "twain", 'say "x"', "it's \\ so")
TAGS = ("persona", "my tag", "and")
GROUPS = ("fingerprint", "domain", "tag.my tag", "near", "near.answer", "template.answer")
GLOBS = ("*", "tools/*", "text/empty")


class Said(NamedTuple):
    """What a policy says of one sample; the label is `unset` where no label rule holds."""

    outcome: str
    rule: str
    margin: int | None
    unknown: tuple[str, ...]
    label: str
    label_rules: tuple[str, ...]


def expected(policy: Policy, facts: Facts) -> Said:
    """Return what a policy says of one sample, by the book."""
    told = [(rule, holds(rule.when, policy, facts), margin(rule.when, policy, facts)) for rule in policy.rules]
    unknown = tuple(rule.name for rule, truth, _ in told if truth is None)
    outcome, name = policy.default, "default"
    if unknown and policy.unknown != "ignore":
        outcome, name = policy.unknown, "unknown"
    counted = [amount for _, truth, amount in told if truth is False]
    for rule, truth, _ in told:
        if truth is True:
            outcome, name = rule.outcome, rule.name
            counted = [amount for other, held, amount in told if held is True and other.outcome == rule.outcome]
            break
    labels = [rule for rule in policy.labels if holds(rule.when, policy, facts) is True]
    words = {True: "true", False: "false", None: "none"}
    label = words[labels[0].label] if labels else "unset"
    return Said(outcome, name, smallest(counted), unknown, label, tuple(rule.name for rule in labels))


def smallest(margins: Sequence[int | None]) -> int | None:
    """Return the smallest margin: None where one is unknown, there is none, or no number could change it."""
    known = [amount for amount in margins if amount is not None]
    if len(known) < len(margins) or not known or 2 * abs(min(known)) >= FAR:
        return None
    return min(known)


def holds(condition: Condition, policy: Policy, facts: Facts) -> bool | None:
    """Return the truth of a condition, None where it cannot be told."""
    if isinstance(condition, Not):
        inner = holds(condition.part, policy, facts)
        return None if inner is None else not inner
    if isinstance(condition, Compare):
        left, right = side(condition.left, policy, facts), side(condition.right, policy, facts)
        return None if left is None or right is None else compare(left, condition.op, right)
    parts = [holds(part, policy, facts) for part in condition.parts]
    if isinstance(condition, AllOf):
        return False if False in parts else None if None in parts else True
    return True if True in parts else None if None in parts else False


def margin(condition: Condition, policy: Policy, facts: Facts) -> int | None:
    """Return how far the values are from where a condition stops to hold, None where that cannot be told."""
    if isinstance(condition, Not):
        inner = margin(condition.part, policy, facts)
        return None if inner is None else -inner
    if isinstance(condition, Compare):
        return margin_of_one(condition, policy, facts)
    parts = [margin(part, policy, facts) for part in condition.parts]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    return max(known) if isinstance(condition, AllOf) else min(known)


def margin_of_one(condition: Compare, policy: Policy, facts: Facts) -> int | None:
    """Return the margin of one comparison."""
    left, right = side(condition.left, policy, facts), side(condition.right, policy, facts)
    if left is None or right is None:
        return None
    if isinstance(left, str) or isinstance(right, str):
        return -FAR if compare(left, condition.op, right) else FAR
    if condition.op in {"==", "!="}:
        return abs(left - right) if condition.op == "==" else -abs(left - right)
    return left - right if condition.op in {"<", "<="} else right - left


def compare(left: int | str, op: str, right: int | str) -> bool:
    """Return the truth of a comparison of two numbers or of two texts."""
    if op in {"==", "!="}:
        return (left == right) == (op == "==")
    assert isinstance(left, int)
    assert isinstance(right, int)
    return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[op]


def side(operand: Operand, policy: Policy, facts: Facts) -> int | str | None:
    """Return one side of a comparison: a number in millionths, a text, or None where it is unknown."""
    if isinstance(operand, (Number, Text)):
        return operand.value
    if isinstance(operand, (Score, Findings)):
        return facts.numbers.get(operand)
    if isinstance(operand, Measure):
        weighted = next(each for each in policy.measures if each.name == operand.name)
        return weighted_mean(weighted, facts.numbers)
    if isinstance(operand, Threshold):
        levels = next(each for each in policy.thresholds if each.name == operand.name)
        return level(levels, facts.fields.get("domain", ""))
    return (facts.fields if isinstance(operand, Field) else facts.tags).get(operand.name, "")


def weighted_mean(
    weighted: Weighted, numbers: Mapping[Score, int | None] | Mapping[Score | Findings, int | None]
) -> int | None:
    """Return a measure, halves rounded away from zero."""
    parts: list[tuple[int, int]] = []
    for dimension, weight in weighted.weights:
        value = numbers.get(Score(dimension))
        if value is not None:
            parts.append((weight, MILLION - value if dimension in weighted.invert else value))
    if not parts or (weighted.missing == "defer" and len(parts) < len(weighted.weights)):
        return None
    return rounded(Fraction(sum(weight * value for weight, value in parts), sum(weight for weight, _ in parts)))


def level(levels: Levels, domain: str) -> int:
    """Return the value of a threshold in a domain."""
    own = dict(levels.domains)
    if domain in own:
        return own[domain]
    if "+" not in domain or levels.cross is None:
        return levels.default
    parts = [own.get(part, levels.default) for part in domain.split("+")]
    if levels.cross == "min":
        return min(parts)
    if levels.cross == "max":
        return max(parts)
    return math.floor(Fraction(sum(parts), len(parts))) if levels.cross == "mean" else levels.cross


def combination(choice: Choice, scores: Sequence[tuple[str, int]]) -> int | None:
    """Return the one value that counts of several scores, in the order of the log."""
    scores = [(scorer, value) for scorer, value in scores if not choice.scorers or scorer in choice.scorers]
    values = sorted(value for _, value in scores)
    if not values:
        return None
    mean = rounded(Fraction(sum(values), len(values)))
    middle = Fraction(values[len(values) // 2] + values[-1 - len(values) // 2], 2)
    by_scorer = dict(scores)  # the last of each
    return {
        "latest": scores[-1][1],
        "first": next((by_scorer[scorer] for scorer in choice.scorers if scorer in by_scorer), scores[-1][1]),
        "min": values[0],
        "max": values[-1],
        "mean": mean,
        "median": rounded(middle),
        "agree": mean if values[-1] - values[0] <= choice.tolerance else None,
    }[choice.combine]


def rounded(value: Fraction) -> int:
    """Return the nearest whole number, halves away from zero."""
    nearest = math.floor(abs(value) + Fraction(1, 2))
    return nearest if value >= 0 else -nearest


@cache
def conditions(measures: tuple[str, ...] = (), thresholds: tuple[str, ...] = ()) -> SearchStrategy[Condition]:
    """Return conditions that a policy with these measures and thresholds can have."""
    return st.recursive(
        compares(measures, thresholds),
        lambda inner: st.one_of(
            st.builds(Not, inner),
            st.builds(AllOf, st.lists(inner, min_size=2, max_size=3).map(tuple)),
            st.builds(AnyOf, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        ),
        max_leaves=5,
    )


def compares(measures: Sequence[str], thresholds: Sequence[str]) -> SearchStrategy[Compare]:
    """Return single comparisons of numbers and of texts."""
    looked_up: list[SearchStrategy[Operand]] = [st.builds(Score, st.sampled_from(DIMENSIONS)), findings()]
    limits: list[SearchStrategy[Operand]] = [st.builds(Number, amounts())]
    if measures:
        looked_up.append(st.builds(Measure, st.sampled_from(measures)))
    if thresholds:
        limits.append(st.builds(Threshold, st.sampled_from(thresholds)))
    numeric = st.builds(
        Compare, st.one_of(looked_up), st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), st.one_of(limits)
    )
    plain = st.builds(Field, st.sampled_from(["campaign", "domain", "source"])) | st.builds(Tag, st.sampled_from(TAGS))
    equal = st.sampled_from(["==", "!="])
    worded = st.builds(Compare, plain, equal, st.builds(Text, st.sampled_from(TEXTS)))
    label = st.builds(
        Compare, st.just(Field("label")), equal, st.builds(Text, st.sampled_from(["true", "false", "none"]))
    )
    return st.one_of(numeric, numeric, worded, label)


def findings() -> SearchStrategy[Findings]:
    """Return counts of findings."""
    return st.builds(Findings, st.sampled_from(GLOBS), st.sampled_from(["error", "warning", None]))


def amounts() -> SearchStrategy[int]:
    """Return numbers in millionths, often the same ones, so that comparisons come out equal."""
    few = st.sampled_from([-MILLION, 0, 1, 300_000, 500_000, 500_001, MILLION, 2 * MILLION])
    return few | st.integers(-(10**12), 10**12)


def rule_names() -> SearchStrategy[str]:
    """Return names of rules, unusual ones too."""
    odd = st.text(
        st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters="+"), min_size=1, max_size=5
    )
    return (odd | st.sampled_from(["low quality", 'a."b"', "x=y"])).filter(
        lambda name: name not in {"default", "unknown"}
    )


def policies() -> SearchStrategy[Policy]:
    """Return sound policies, as `parse_policy` makes them."""
    return _policies().filter(is_sound)


def is_sound(policy: Policy) -> bool:
    """Say whether a policy passes the check that every policy passes."""
    try:
        check(policy)
    except Fault:
        return False
    return True


@st.composite
def _policies(draw: st.DrawFn) -> Policy:
    thresholds = draw(st.lists(st.sampled_from(THRESHOLDS), unique=True))
    measures = draw(st.lists(st.sampled_from(MEASURES), unique=True))
    names = draw(st.lists(rule_names(), unique=True, min_size=1, max_size=7))
    when = conditions(tuple(sorted(measures)), tuple(sorted(thresholds)))
    cut = draw(st.integers(0, len(names)))
    capped = draw(st.integers(cut, len(names)))
    ranked = st.sampled_from([*DIMENSIONS, *measures])
    groups = st.lists(st.sampled_from(GROUPS), unique=True, min_size=1)
    outcomes = st.sampled_from(["accepted", "rejected", "deferred"])
    return Policy(
        name=draw(st.sampled_from(["p", "my 'policy'"])),
        rules=tuple(Rule(name, draw(outcomes), draw(when)) for name in names[:cut]),
        labels=tuple(
            LabelRule(name, draw(st.sampled_from([True, False, None])), draw(when)) for name in names[cut:capped]
        ),
        caps=tuple(
            Cap(
                name,
                draw(st.sampled_from(["rejected", "deferred"])),
                tuple(draw(groups)),
                draw(st.integers(1, 3)),
                draw(ranked | st.none()),
                draw(st.sampled_from([None, None, "source", "tag.my tag"])),
            )
            for name in names[capped:]
        ),
        thresholds=tuple(draw(levels(name)) for name in thresholds),
        measures=tuple(draw(weighted_means(name)) for name in measures),
        scores=draw(choices()),
        default=draw(outcomes),
        unknown=draw(outcomes | st.just("ignore")),
        headline=draw(ranked | st.none()),
    )


def levels(name: str) -> SearchStrategy[Levels]:
    """Return the values of a threshold."""
    own = st.dictionaries(st.sampled_from(DOMAINS), amounts()).map(lambda found: tuple(sorted(found.items())))
    return st.builds(Levels, st.just(name), amounts(), own, amounts() | st.sampled_from(["min", "max", "mean", None]))


def weighted_means(name: str) -> SearchStrategy[Weighted]:
    """Return measures; their dimensions come in any order."""
    weights = st.lists(st.tuples(st.sampled_from(DIMENSIONS), st.integers(1, 200_000)), min_size=1, max_size=4)
    return weights.flatmap(
        lambda found: st.builds(
            Weighted,
            st.just(name),
            st.just(tuple(dict(found).items())),
            st.frozensets(st.sampled_from(sorted(dict(found)))),
            st.sampled_from(["defer", "renormalise"]),
        )
    )


def choices() -> SearchStrategy[Choice]:
    """Return ways to combine several scores; `first` needs scorers."""
    scorers = st.sampled_from(["pipeline", "rubric", "my, scorer"])
    others = st.sampled_from([word for word in COMBINES if word != "first"])
    tolerance = st.integers(0, 3 * MILLION)
    return st.one_of(
        st.builds(Choice, others, st.lists(scorers, unique=True).map(tuple), tolerance),
        st.builds(Choice, st.just("first"), st.lists(scorers, unique=True, min_size=1).map(tuple), tolerance),
    )


def facts(policy: Policy) -> SearchStrategy[Facts]:
    """Return what may be known of a sample, in the terms of a policy."""
    counts = st.integers(0, 3).map(lambda count: count * MILLION)
    numbers = {item: (amounts() if isinstance(item, Score) else counts) | st.none() for item in observed(policy)}
    fields = {
        "campaign": st.sampled_from(TEXTS[1:]),
        "domain": st.sampled_from(["", *DOMAINS, "z", "x+y"]),
        "label": st.sampled_from(["true", "false", "none"]),
        "source": st.sampled_from(TEXTS),
    }
    tags = st.dictionaries(st.sampled_from(TAGS), st.sampled_from(TEXTS))
    return st.builds(Facts, st.fixed_dictionaries(numbers), st.fixed_dictionaries(fields), tags)


def judged() -> SearchStrategy[tuple[Policy, Facts]]:
    """Return a policy with a sample that it can be asked about."""
    return policies().flatmap(lambda policy: st.tuples(st.just(policy), facts(policy)))
