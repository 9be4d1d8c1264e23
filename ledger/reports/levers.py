"""What in a policy a rejection hangs on: the comparison that keeps samples out, and which setting would move it.

Pure functions over policies. A setting is text as `ledger whatif --set` takes it, so what is advised can be tried.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ledger.errors import BadRequest
from ledger.fixed import text_of
from ledger.policy.changes import changed, key_text
from ledger.policy.document import scope_of
from ledger.policy.logic import Normal, normal
from ledger.policy.verdict import DEFAULT, UNKNOWN
from ledger.policy.writing import condition_text, measured
from ledger.rule import (
    OUTCOMES,
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Findings,
    Measure,
    Not,
    Number,
    Op,
    Policy,
    Score,
    Threshold,
    compared,
    comparisons,
)
from ledger.views.judging import Slots, number_of
from ledger.views.retried import Lever, Window

_OPPOSITE: dict[Op, Op] = {"<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_ONE_HUNDREDTH = 10_000


class Way(NamedTuple):
    """A comparison that keeps samples out, in the condition of which rule, and what it would have to be instead."""

    rule: str
    compare: Compare
    wanted: Op

    @property
    def down(self) -> bool:
        """Say whether a lower threshold lets samples in."""
        return self.wanted in {">", ">="}


class Setting(NamedTuple):
    """A change of one threshold: its name for people, its values, the text for `--set`, and the policy it makes."""

    name: str
    before: int
    value: int
    text: str
    after: Policy


def ways(policy: Policy, reason: str) -> list[Way]:
    """Return the comparisons on which rejections for a reason hang, those with a named threshold first.

    Empty for reasons that no number decides: findings, equality, texts, what people or caps reject.
    """
    found: list[Way] = []
    for rule in policy.rules:
        if rule.outcome == "rejected" and rule.name == reason:
            found += (Way(rule.name, one, op) for one, op in _held(rule.when, wanted=False))
        elif rule.outcome == "accepted" and reason == DEFAULT and policy.default == "rejected":
            found += (Way(rule.name, one, op) for one, op in _held(rule.when, wanted=True))
    return sorted(found, key=lambda way: isinstance(way.compare.right, Number))


def lever(policy: Policy, reason: str, way: Way, slots: Slots) -> Lever:
    """Return a way as the views count with it; rules that the same threshold keeps from holding are not in its way."""
    masks = dict.fromkeys(OUTCOMES, 0)
    for bit, rule in enumerate(policy.rules):
        if rule.name != reason and not (rule.outcome != "accepted" and _gives_way(rule.when, way.compare)):
            masks[rule.outcome] |= 1 << bit
    accepts = policy.default == "accepted" or reason == DEFAULT
    return Lever(
        reason,
        _number(policy, way.compare, slots),
        way.down,
        way.wanted in {"<", ">"},
        masks["rejected"] | masks["deferred"],
        masks["rejected"] | masks["deferred"] | masks["accepted"],
        0 if accepts else masks["accepted"],
    )


def untouched(policy: Policy, way: Way) -> int:
    """Return a mask of the rules that keep samples out wherever the threshold of a way is: those without it.

    0 where a rule accepts, which may come before a rule that rejects.
    """
    if any(rule.outcome == "accepted" for rule in policy.rules):
        return 0
    right = way.compare.right
    touched = {way.rule}
    if isinstance(right, Threshold):
        touched |= {rule.name for rule in policy.rules if any(one.right == right for one in compared(rule.when))}
    return sum(1 << bit for bit, rule in enumerate(policy.rules) if rule.name not in touched)


def setting(policy: Policy, way: Way, domain: str, hundredths: int) -> Setting | None:
    """Return the change that puts the threshold of a way, in a domain ('': by default), at so many hundredths.

    None where the policy does not take it.
    """
    value, right = hundredths * _ONE_HUNDREDTH, way.compare.right
    if isinstance(right, Threshold):
        levels = next(one for one in policy.thresholds if one.name == right.name)
        name, before = right.name, levels.at(domain)
        key = ("domain", domain, name) if domain else ("threshold", name)
        text = f"{key_text(key)}={text_of(value)}"
    else:
        name, before = measured(way.compare.left), right.value if isinstance(right, Number) else 0
        when = next(rule.when for rule in policy.rules if rule.name == way.rule)
        moved = _replaced(when, way.compare, Compare(way.compare.left, way.compare.op, Number(value)))
        text = f"{key_text(('rule', way.rule, 'when'))}={condition_text(moved, scope_of(policy))}"
    try:
        after = changed(policy, [text])
    except BadRequest:  # a domain's name that no policy takes, a condition that is too long
        return None
    return None if after == policy else Setting(name, before, value, text, after)


def window(policy: Policy, way: Way, made: Setting, domains: Sequence[str], slots: Slots) -> Window:
    """Return where a setting can say something else than the policy does; `domains` are all that there are."""
    right = way.compare.right
    if not isinstance(right, Threshold):
        low, high = sorted((made.before, made.value))
        return Window(None, ((_number(policy, way.compare, slots), low, high),), untouched(policy, way))
    old = next(one for one in policy.thresholds if one.name == right.name)
    new = next(one for one in made.after.thresholds if one.name == right.name)
    moved = [domain for domain in domains if old.at(domain) != new.at(domain)]
    values = [levels.at(domain) for domain in moved for levels in (old, new)]
    if not moved:
        return Window((), (), 0)
    lefts = dict.fromkeys(_number(policy, one, slots) for one in comparisons(policy) if one.right == right)
    ranges = tuple((left, min(values), max(values)) for left in lefts)
    return Window(tuple(moved), ranges, untouched(policy, way))


def flat(policy: Policy, outcome: str) -> list[str]:
    """Return the rules for an outcome whose margin measures nothing: they ask whether a number is equal, or no number.

    What the rule `unknown` decides is as far from nothing in particular.
    """
    names = [rule.name for rule in policy.rules if rule.outcome == outcome and not _is_measured(normal(rule.when))]
    return [*names, UNKNOWN]


def leaves_zero(policy: Policy, outcome: str) -> bool:
    """Say whether a sample with an outcome can be exactly at the threshold of a rule that measures."""
    if outcome in {policy.default, "accepted"}:
        return True
    forms = [normal(rule.when) for rule in policy.rules if rule.outcome == outcome]
    return any(one.op in {"<=", ">="} for form in forms if _is_measured(form) for one in _numeric(form))


def headline(policy: Policy) -> str | None:
    """Return the score or measure that stands for a sample: the one that the policy names, else its first."""
    if policy.headline is not None:
        return policy.headline
    for weighted in policy.measures:
        return weighted.name
    lefts = (one.left for one in comparisons(policy))
    return next((left.dimension for left in lefts if isinstance(left, Score)), None)


def _held(condition: Condition, *, wanted: bool) -> Iterator[tuple[Compare, Op]]:
    """Yield the comparisons of numbers in a condition, and what each would be if the condition is to be so."""
    if isinstance(condition, Not):
        yield from _held(condition.part, wanted=not wanted)
    elif isinstance(condition, (AllOf, AnyOf)):
        for part in condition.parts:
            yield from _held(part, wanted=wanted)
    elif condition.op in _OPPOSITE and isinstance(condition.left, (Score, Measure)):
        yield condition, condition.op if wanted else _OPPOSITE[condition.op]


def _gives_way(condition: Condition, compare: Compare) -> bool:
    """Say whether a condition cannot hold once a comparison with a named threshold does not."""
    if isinstance(condition, AllOf):
        return any(_gives_way(part, compare) for part in condition.parts)
    if isinstance(condition, AnyOf):
        return all(_gives_way(part, compare) for part in condition.parts)
    return condition == compare and isinstance(compare.right, Threshold)


def _replaced(condition: Condition, old: Compare, new: Compare) -> Condition:
    if isinstance(condition, Compare):
        return new if condition == old else condition
    if isinstance(condition, Not):
        return Not(_replaced(condition.part, old, new))
    parts = tuple(_replaced(part, old, new) for part in condition.parts)
    return AllOf(parts) if isinstance(condition, AllOf) else AnyOf(parts)


def _number(policy: Policy, compare: Compare, slots: Slots) -> str:
    """Return SQL for the left side of a comparison of numbers."""
    left = compare.left
    if isinstance(left, Measure):
        return number_of(policy, left.name, slots)
    return slots.numbers[left]


def _is_measured(form: Normal) -> bool:
    compares = list(_numeric(form))
    return bool(compares) and all(one.op != "==" for one in compares)


def _numeric(form: Normal) -> Iterator[Compare]:
    """Yield the comparisons of numbers in a condition in normal form."""
    if not isinstance(form, Compare):
        for part in form[1]:
            yield from _numeric(part)
    elif isinstance(form.left, (Score, Measure, Findings)):
        yield form
