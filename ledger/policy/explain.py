"""One sample under a policy: what follows for its status and its label, by which rule, and how narrowly.

A comparison with an unknown number is unknown, and `and`, `or`, `not` carry that on (Kleene). The first rule that
holds decides the status; where none holds but some cannot be told, the policy's `unknown` does, else its `default`.
The label is that of the first label rule that holds. Caps need all samples at once and are not judged here.

A margin says, in millionths, how far the values are from where a comparison stops to hold: zero or less where it
holds. Of parts that must all hold the largest counts, of alternatives the smallest, and an unknown part makes the
whole unknown. Comparisons of texts are FAR away.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeAlias

from ledger.fixed import ONE, half_away
from ledger.policy.document import scope_of
from ledger.policy.kleene import Marks, Tell, Told, Truth, teller
from ledger.policy.verdict import DEFAULT, FAR, UNKNOWN, UNSET, Compared, Facts, Failed, Lacking, Verdict
from ledger.policy.writing import measured, operand_text
from ledger.rule import (
    Compare,
    Condition,
    Field,
    Measure,
    Number,
    Operand,
    Policy,
    Score,
    Tag,
    Text,
    Threshold,
    compared,
    comparisons,
    observed,
)

Values: TypeAlias = list[int | None]
_CACHED = 4_096


def judge(policy: Policy, facts: Facts) -> Verdict:
    """Return what a policy says of one sample; for many samples, make one Judge."""
    return Judge(policy)(facts)


class Seen(NamedTuple):
    """What a policy looks at for one sample: numbers with the measures behind them, thresholds, texts."""

    values: Values
    limits: list[int]
    fields: Mapping[str, str]
    tags: Mapping[str, str]


class Plain(NamedTuple):
    """A comparison of numbers: the slot of its value, and a number or the place of a threshold."""

    what: str
    op: str
    slot: int
    number: int
    threshold: int | None


class Worded(NamedTuple):
    """A comparison of texts."""

    what: str
    op: str
    is_tag: bool
    name: str
    text: str


class Ready(NamedTuple):
    """A rule with its condition made ready; `places` are its comparisons in their order."""

    name: str
    outcome: str
    label: bool | None
    tell: Tell
    places: tuple[int, ...]


class Judge:
    """A policy made ready for many samples; `numbers` are what it looks up, in the order that `of` expects."""

    def __init__(self, policy: Policy) -> None:
        """Give every number, threshold and comparison of the policy its place in a list."""
        self.policy = policy
        self.numbers = observed(policy)
        self.slots: dict[Operand, int] = {item: slot for slot, item in enumerate(self.numbers)}
        self._weights = [
            ([(self.slots[Score(name)], weight, name in each.invert) for name, weight in each.weights], each.missing)
            for each in policy.measures
        ]
        self.slots |= {Measure(each.name): len(self.numbers) + i for i, each in enumerate(policy.measures)}
        self.places = {levels.name: place for place, levels in enumerate(policy.thresholds)}
        looked_up = sorted(self.slots.items(), key=lambda item: isinstance(item[0], Score))
        self._components = [(measured(item), slot) for item, slot in looked_up if isinstance(item, (Measure, Score))]
        self._limits: dict[str, list[int]] = {}
        self._scope = scope_of(policy)
        compares = {compare: place for place, compare in enumerate(dict.fromkeys(comparisons(policy)))}
        self.compares = list(compares)
        self._made = [self._prepared(compare) for compare in compares]
        self._plain = [(place, *each) for place, each in enumerate(self._made) if isinstance(each, Plain)]
        self._worded = [(place, *each) for place, each in enumerate(self._made) if isinstance(each, Worded)]
        self._rules = [
            Ready(rule.name, rule.outcome, None, teller(rule.when, compares), _places(rule.when, compares))
            for rule in policy.rules
        ]
        self._labels = [
            Ready(rule.name, "", rule.label, teller(rule.when, compares), _places(rule.when, compares))
            for rule in policy.labels
        ]

    def __call__(self, facts: Facts) -> Verdict:
        """Return what the policy says of one sample."""
        return self.verdict(self.see(facts))

    def of(self, numbers: Values, fields: Mapping[str, str], tags: Mapping[str, str]) -> Verdict:
        """Return what the policy says of one sample, its numbers in the order of `self.numbers`."""
        return self.verdict(Seen(self.values(numbers), self.limits(fields.get("domain", "")), fields, tags))

    def see(self, facts: Facts) -> Seen:
        """Return what the policy looks at."""
        values = self.values([facts.numbers.get(item) for item in self.numbers])
        return Seen(values, self.limits(facts.fields.get("domain", "")), facts.fields, facts.tags)

    def values(self, numbers: Values) -> Values:
        """Return the numbers with the policy's measures behind them."""
        made = list(numbers)
        for parts, missing in self._weights:
            total = weights = 0
            for slot, weight, inverted in parts:
                value = numbers[slot]
                if value is not None:
                    total += weight * (ONE - value if inverted else value)
                    weights += weight
                elif missing == "defer":
                    weights = 0
                    break
            made.append(half_away(total, weights) if weights else None)
        return made

    def limits(self, domain: str) -> list[int]:
        """Return the values of the thresholds in a domain, in the policy's order."""
        found = self._limits.get(domain)
        if found is None:
            found = [levels.at(domain) for levels in self.policy.thresholds]
            if len(self._limits) < _CACHED:  # domains are data: there may be as many as samples
                self._limits[domain] = found
        return found

    def marks(self, seen: Seen) -> Marks:
        """Return the truth and the margin of every comparison."""
        values, limits, fields, tags = seen
        truths: list[Truth] = [None] * len(self._made)
        margins: Values = [None] * len(self._made)
        for place, _, op, slot, number, threshold in self._plain:
            value = values[slot]
            if value is None:
                continue
            over = value - (number if threshold is None else limits[threshold])
            if op == "<":
                truths[place], margins[place] = over < 0, over
            elif op == "<=":
                truths[place], margins[place] = over <= 0, over
            elif op == ">":
                truths[place], margins[place] = over > 0, -over
            elif op == ">=":
                truths[place], margins[place] = over >= 0, -over
            elif op == "==":
                truths[place], margins[place] = over == 0, abs(over)
            else:
                truths[place], margins[place] = over != 0, -abs(over)
        for place, _, op, is_tag, name, text in self._worded:
            holds = ((tags if is_tag else fields).get(name, "") == text) is (op == "==")
            truths[place], margins[place] = holds, -FAR if holds else FAR
        return truths, margins

    def verdict(self, seen: Seen) -> Verdict:
        """Return what follows from what the policy looks at."""
        marks = self.marks(seen)
        told = [(rule, rule.tell(*marks)) for rule in self._rules]
        holding = [each for each in told if each[1][0]]
        lacking = [self._lacking(rule, seen) for rule, each in told if each[0] is None]
        close: Told | None
        if holding:
            first = holding[0][0]
            outcome, name, shown = first.outcome, first.name, self._shown(first.places, seen, marks)
            close, group = holding[0][1], [each for rule, each in holding if rule.outcome == outcome]
        else:
            deciding = lacking and self.policy.unknown != "ignore"
            outcome, name = (self.policy.unknown, UNKNOWN) if deciding else (self.policy.default, DEFAULT)
            group = [each for _, each in told if each[0] is False]
            shown, close = (), min(group, key=_by_margin, default=None)
        labels = [(rule, rule.tell(*marks)[0]) for rule in self._labels]
        naming = [rule for rule, truth in labels if truth]
        return Verdict(
            outcome,
            name,
            _smallest(group),
            None if close is None or close[2] is None else self._compared(close[2], seen, marks),
            shown,
            tuple([self._failed(rule.name, each, seen) for rule, each in holding[1:]]) if len(holding) > 1 else (),
            tuple(lacking),
            naming[0].label if naming else UNSET,
            tuple([rule.name for rule in naming]),
            self._shown(dict.fromkeys([place for rule in naming for place in rule.places]), seen, marks),
            tuple([self._lacking(rule, seen) for rule, truth in labels if truth is None]),
            tuple([(component, seen.values[slot]) for component, slot in self._components]),
        )

    def _prepared(self, compare: Compare) -> Plain | Worded:
        left, op, right = compare.left, compare.op, compare.right
        what = operand_text(left, self._scope)
        if isinstance(left, (Field, Tag)) and isinstance(right, Text):
            return Worded(what, op, isinstance(left, Tag), left.name, right.value)
        if isinstance(right, Number):
            return Plain(what, op, self.slots[left], right.value, None)
        if not isinstance(right, Threshold):
            raise TypeError(f"{what} cannot be compared with {right}")
        return Plain(what, op, self.slots[left], 0, self.places[right.name])

    def _shown(self, places: Iterable[int], seen: Seen, marks: Marks) -> tuple[Compared, ...]:
        return tuple([self._compared(place, seen, marks) for place in places])

    def _compared(self, place: int, seen: Seen, marks: Marks) -> Compared:
        """Return one comparison with both its sides."""
        made = self._made[place]
        return Compared(made.what, made.op, *self._sides(made, seen), near(marks[1][place]))

    def _sides(self, made: Plain | Worded, seen: Seen) -> tuple[int | str | None, int | str]:
        if isinstance(made, Worded):
            return (seen.tags if made.is_tag else seen.fields).get(made.name, ""), made.text
        return seen.values[made.slot], made.number if made.threshold is None else seen.limits[made.threshold]

    def _failed(self, name: str, told: Told, seen: Seen) -> Failed:
        _, margin, place, whole = told
        if place is None:
            return Failed(name, None, None, None)
        value, limit = self._sides(self._made[place], seen)
        return Failed(name, value, limit, near(margin) if whole else None)

    def _lacking(self, rule: Ready, seen: Seen) -> Lacking:
        """Name the numbers that a rule would need; of a measure, the scores that it is made of."""
        missing: dict[str, None] = {}
        for place in rule.places:
            made = self._made[place]
            if isinstance(made, Worded) or seen.values[made.slot] is not None:
                continue
            measure = made.slot - len(self.numbers)
            slots = (
                [slot for slot, _, _ in self._weights[measure][0] if seen.values[slot] is None] if measure >= 0 else []
            )
            missing.update(dict.fromkeys([measured(self.numbers[slot]) for slot in slots] or [made.what]))
        return Lacking(rule.name, tuple(missing))


def near(margin: int | None) -> int | None:
    """Return a margin that numbers can change, None for one that they cannot."""
    return None if margin is None or abs(margin) >= FAR // 2 else margin


def _by_margin(told: Told) -> int:
    """Order what was told by its margins, those without one last."""
    return 2 * FAR if told[1] is None else told[1]


def _smallest(group: list[Told]) -> int | None:
    """Return the smallest margin, None where one of them is not wholly known or no number could change it."""
    smallest = FAR
    for _, margin, _, whole in group:
        if margin is None or not whole:
            return None
        smallest = min(smallest, margin)
    return near(smallest)


def _places(condition: Condition, places: Mapping[Compare, int]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(places[compare] for compare in compared(condition)))
