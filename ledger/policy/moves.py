"""Moves: other thresholds, or other numbers of a sample, that turn a comparison or a whole condition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple, Protocol, TypeAlias

from ledger.fixed import LARGEST, ONE
from ledger.policy.check import Fault, check
from ledger.policy.explain import Judge, Seen
from ledger.policy.kleene import Truth
from ledger.rule import AllOf, Compare, Condition, Findings, Levels, Not, Number, Op, Threshold

NEGATED: dict[Op, Op] = {"<": ">=", ">=": "<", ">": "<=", "<=": ">", "==": "!=", "!=": "=="}
_BEYOND: dict[Op, int] = {"<": -1, "<=": 0, ">": 1, ">=": 0, "==": 0, "!=": 1}
"""How far a number stands from its limit, in the smallest steps, where the comparison only just holds."""
_FARTHEST = LARGEST * ONE


class Move(NamedTuple):
    """A new value; the comparison that it turns, and the operator that holds between its sides then."""

    value: int
    cost: int
    compare: Compare
    op: Op


Moves: TypeAlias = dict[int, Move]
"""From the place of a threshold, or the slot of a number, to its new value."""


class Way(Protocol):
    """What may be moved."""

    def move(self, seen: Seen, compare: Compare, op: Op) -> tuple[int, Move] | None:
        """Return the place and the smallest move after which `op` holds between the sides of a comparison."""

    def moved(self, seen: Seen, moves: Moves) -> Seen:
        """Return what a policy would look at then."""

    def allows(self, moves: Moves) -> bool:
        """Say whether that can be: a policy with other thresholds has to be sound."""


class Thresholds:
    """The thresholds in the domain of the sample may be moved."""

    def __init__(self, judge: Judge, domain: str) -> None:
        """Move the thresholds of this policy in a domain, or for all samples without one."""
        self._judge = judge
        self._domain = domain

    def move(self, seen: Seen, compare: Compare, op: Op) -> tuple[int, Move] | None:
        """Return the threshold's place and its new value."""
        value = _value(self._judge, seen, compare)
        if value is None or not isinstance(compare.right, Threshold):
            return None
        place = self._judge.places[compare.right.name]
        limit = value - _BEYOND[op]
        return _within(place, Move(limit, abs(limit - seen.limits[place]), compare, op))

    def moved(self, seen: Seen, moves: Moves) -> Seen:
        """Return what the policy would look at with these thresholds."""
        limits = list(seen.limits)
        for place, move in moves.items():
            limits[place] = move.value
        return seen._replace(limits=limits)

    def allows(self, moves: Moves) -> bool:
        """Say whether the policy with these thresholds could be adopted: no rule of it may be one that never holds."""
        policy = self._judge.policy
        thresholds = [
            set_at(levels, self._domain, moves[place].value) if place in moves else levels
            for place, levels in enumerate(policy.thresholds)
        ]
        try:
            check(replace(policy, thresholds=tuple(thresholds)))
        except Fault:
            return False
        return True


class Numbers:
    """The numbers of the sample may be others: a score, a measure as a whole, a count of findings."""

    def __init__(self, judge: Judge) -> None:
        """Move the numbers that this policy looks up."""
        self._judge = judge

    def move(self, seen: Seen, compare: Compare, op: Op) -> tuple[int, Move] | None:
        """Return the number's slot and its new value."""
        slot, value = self._judge.slots.get(compare.left), _value(self._judge, seen, compare)
        if slot is None or value is None:
            return None
        step = ONE if isinstance(compare.left, Findings) else 1
        limit = limit_of(self._judge, seen, compare)
        # The last whole step at or before the limit, from which `op` may lie one step to either side.
        base = limit // step * step if op in {"<=", ">"} else -(-limit // step) * step
        wanted = base + _BEYOND[op] * step
        if step == ONE and (wanted < 0 or (op == "==" and base != limit)):
            return None
        return _within(slot, Move(wanted, abs(wanted - value), compare, op))

    def moved(self, seen: Seen, moves: Moves) -> Seen:
        """Return what the policy would look at with these numbers; measures follow from their scores."""
        count = len(self._judge.numbers)
        numbers = [moves[slot].value if slot in moves else value for slot, value in enumerate(seen.values[:count])]
        values = self._judge.values(numbers)
        for slot, move in moves.items():
            values[slot] = move.value
        return seen._replace(values=values)

    def allows(self, moves: Moves) -> bool:  # noqa: ARG002 - as for thresholds
        """Say yes: any number can be measured."""
        return True


def turned(way: Way, seen: Seen, truths: Mapping[Compare, Truth], condition: Condition, *, want: bool) -> Moves | None:
    """Return the moves after which a condition holds, or does not; none where it is so; None where that cannot be."""
    if isinstance(condition, Not):
        return turned(way, seen, truths, condition.part, want=not want)
    if isinstance(condition, Compare):
        if truths[condition] is want:
            return {}
        found = way.move(seen, condition, condition.op if want else NEGATED[condition.op])
        return None if found is None else dict([found])
    ways = [turned(way, seen, truths, part, want=want) for part in condition.parts]
    possible = [moves for moves in ways if moves is not None]
    if isinstance(condition, AllOf) != want:  # one part is enough
        return min(possible, key=cost, default=None)
    if len(possible) < len(ways):
        return None
    return {place: move for moves in possible for place, move in moves.items()}


def set_at(levels: Levels, domain: str, value: int) -> Levels:
    """Return a threshold with another value in one domain, or for all where there is none."""
    if not domain:
        return replace(levels, default=value)
    return replace(levels, domains=tuple(sorted({**dict(levels.domains), domain: value}.items())))


def cost(moves: Moves) -> int:
    """Return how far moves go together."""
    return sum(move.cost for move in moves.values())


def limit_of(judge: Judge, seen: Seen, compare: Compare) -> int:
    """Return what a number is compared with."""
    if isinstance(compare.right, Number):
        return compare.right.value
    return seen.limits[judge.places[compare.right.name]] if isinstance(compare.right, Threshold) else 0


def _value(judge: Judge, seen: Seen, compare: Compare) -> int | None:
    slot = judge.slots.get(compare.left)
    return None if slot is None else seen.values[slot]


def _within(place: int, move: Move) -> tuple[int, Move] | None:
    return (place, move) if abs(move.value) <= _FARTHEST else None
