"""What a policy's decision says beside its outcome: what was compared, by how much it failed, what it is made of."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from ledger.digest import Fragment, encoded
from ledger.fixed import ONE, text_of
from ledger.rule import (
    AllOf,
    Compare,
    Condition,
    Field,
    Findings,
    Measure,
    Not,
    Number,
    Policy,
    Score,
    Tag,
    Threshold,
    Weighted,
    compared,
    observed,
)
from ledger.views.conditions import FAR
from ledger.views.due import Due
from ledger.views.judging import slots_of

_KEPT = 50_000
"""Details that are kept in memory, about 1 KB each."""

Values = Sequence[int | None]


class Weighed(NamedTuple):
    """One comparison of numbers, with what it found; amounts in millionths."""

    what: str
    op: str
    observed: int | None
    threshold: int
    margin: int | None

    def as_json(self) -> list[str | None]:
        """Return it as decimal texts."""
        return [self.what, self.op, _text(self.observed), text_of(self.threshold), _text(self.margin)]


class Teller:
    """Tells the details of one policy's verdicts; `numbers` are those of `ledger.rule.observed(policy)`."""

    def __init__(self, policy: Policy) -> None:
        """Prepare for a policy."""
        self._policy = policy
        self._written: dict[object, Fragment] = {}
        self._slots = {item: slot for slot, item in enumerate(observed(policy))}
        self._bits = slots_of(policy).bits
        self._scores = [(item.dimension, slot) for item, slot in self._slots.items() if isinstance(item, Score)]
        self._measures = {weighted.name: weighted for weighted in policy.measures}
        self._levels = {level.name: level for level in policy.thresholds}
        self._rules = {rule.name: n for n, rule in enumerate(policy.rules)}
        self._level_at = cache(lambda name, domain: self._levels[name].at(domain))

    def decision(self, row: Due) -> Fragment:
        """Return the details of a decision about the status, written as restricted JSON."""
        if row.twin is not None:
            return encoded(self.decision_details(row))
        key = (row.rule, row.domain, row.numbers, row.facts, row.held, row.untold, row.margin)
        return self._written.get(key) or self._keep(key, self.decision_details(row))

    def label(self, row: Due) -> Fragment:
        """Return the details of a decision about the label, written as restricted JSON."""
        key = (row.label_held if row.labels else 0, row.domain, row.numbers)
        return self._written.get(key) or self._keep(key, self.label_details(row))

    def _keep(self, key: object, details: dict[str, Any]) -> Fragment:
        """Write details once for the many samples that share them: judges give few different scores."""
        if len(self._written) >= _KEPT:
            self._written.clear()
        written = self._written[key] = encoded(details)
        return written

    def decision_details(self, row: Due) -> dict[str, Any]:
        """Return the details of a decision about the status."""
        values = self._measured(row.numbers)
        decider = self._rules.get(row.rule)
        when = None if decider is None else self._policy.rules[decider].when
        weighed = [] if when is None else self._weighed(when, values, row.domain)
        margin, first = (row.margin, None) if when is None else self._nearest(when, values, row)
        failed = [n for n in range(len(self._policy.rules)) if row.held >> n & 1 and n != decider]
        return {
            "compared": [one.as_json() for one in weighed],
            "components": self._components(row.numbers, values),
            "family": row.template,
            "failed": [self._failed(n, values, row) for n in failed],
            "margin": _text(margin if when is None or first is not None else None),
            "observed": None if first is None else _text(first.observed),
            "rank": row.nth,
            "similarity": _text(row.alike),
            "threshold": None if first is None else text_of(first.threshold),
            "twin": None if row.twin is None else row.twin.hex(),
            "unknown": [rule.name for n, rule in enumerate(self._policy.rules) if row.untold >> n & 1],
        }

    def label_details(self, row: Due) -> dict[str, Any]:
        """Return the details of a decision about the label: what the rules compared that hold."""
        values = self._measured(row.numbers)
        rules = [rule for n, rule in enumerate(self._policy.labels) if row.labels and row.label_held >> n & 1]
        return {
            "compared": [one.as_json() for rule in rules for one in self._weighed(rule.when, values, row.domain)],
            "components": self._components(row.numbers, values),
        }

    def _failed(self, number: int, values: dict[Any, int | None], row: Due) -> list[str | None]:
        rule = self._policy.rules[number]
        margin, first = self._nearest(rule.when, values, row)
        if first is None:
            return [rule.name, None, None, None]
        return [rule.name, _text(first.observed), text_of(first.threshold), _text(margin)]

    def _nearest(
        self, condition: Condition, values: dict[Any, int | None], row: Due
    ) -> tuple[int | None, Weighed | None]:
        """Return a condition's margin by what is known in it, and the comparison of numbers that it is taken from."""
        if isinstance(condition, Compare):
            if isinstance(condition.left, (Field, Tag)):
                return -FAR if row.facts >> self._bits[condition] & 1 else FAR, None
            one = self._one(condition, values, row.domain)
            return one.margin, one
        if isinstance(condition, Not):
            margin, one_of = self._nearest(condition.part, values, row)
            return None if margin is None else -margin, one_of
        sign = 1 if isinstance(condition, AllOf) else -1
        parts = (self._nearest(part, values, row) for part in condition.parts)
        told = [(sign * margin, margin, one_of) for margin, one_of in parts if margin is not None]
        return max(told, key=lambda each: each[0])[1:] if told else (None, None)

    def _measured(self, numbers: Values) -> dict[Any, int | None]:
        values: dict[Any, int | None] = {item: numbers[slot] for item, slot in self._slots.items()}
        for name, weighted in self._measures.items():
            values[Measure(name)] = _mean(weighted, values)
        return values

    def _components(self, numbers: Values, values: dict[Any, int | None]) -> list[list[str | None]]:
        parts = [[dimension, _text(numbers[slot])] for dimension, slot in self._scores]
        return sorted(parts + [[name, _text(values[Measure(name)])] for name in self._measures])

    def _weighed(self, condition: Condition, values: dict[Any, int | None], domain: str) -> list[Weighed]:
        numbers = (one for one in compared(condition) if isinstance(one.left, (Score, Measure, Findings)))
        return [self._one(compare, values, domain) for compare in numbers]

    def _one(self, compare: Compare, values: dict[Any, int | None], domain: str) -> Weighed:
        right = compare.right
        threshold = self._level_at(right.name, domain) if isinstance(right, Threshold) else _number(right)
        value = values[compare.left]
        return Weighed(_name(compare.left), compare.op, value, threshold, _margin(compare.op, value, threshold))


def _margin(op: str, value: int | None, threshold: int) -> int | None:
    if value is None:
        return None
    if op in {"==", "!="}:
        return abs(value - threshold) if op == "==" else -abs(value - threshold)
    return value - threshold if op in {"<", "<="} else threshold - value


def _mean(weighted: Weighted, values: dict[Any, int | None]) -> int | None:
    total = amount = 0
    for dimension, weight in weighted.weights:
        value = values[Score(dimension)]
        if value is None:
            if weighted.missing == "defer":
                return None
            continue
        total += weight
        amount += weight * (ONE - value if dimension in weighted.invert else value)
    if not total:
        return None
    rounded = (abs(amount) + total // 2) // total
    return -rounded if amount < 0 else rounded


def _number(operand: object) -> int:
    if not isinstance(operand, Number):
        raise TypeError("a number is compared with a number")
    return operand.value


def _name(operand: object) -> str:
    if isinstance(operand, Score):
        return operand.dimension
    if isinstance(operand, Findings):
        return f"findings {operand.rule}" if operand.severity is None else f"{operand.severity}s {operand.rule}"
    return operand.name if isinstance(operand, Measure) else ""


def _text(amount: int | None) -> str | None:
    return None if amount is None else text_of(amount)
