"""The smallest change that would have made a policy say something else of a sample.

Two ways are looked for, of the status and of the label: other thresholds (for the sample's own domain, so that as few
other samples as possible are touched), and other numbers of the sample. One change that is enough is preferred, the
smallest; else changes are added until the answer is another one. Whatever is returned has been tried.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypedDict

from ledger.fixed import text_of
from ledger.policy.changes import key_text
from ledger.policy.explain import Judge, Seen
from ledger.policy.kleene import Truth, teller
from ledger.policy.moves import Moves, Numbers, Thresholds, Way, cost, limit_of, turned
from ledger.policy.verdict import UNKNOWN, UNSET, Facts, Lacking, Verdict
from ledger.policy.writing import measured
from ledger.rule import Compare, Condition, LabelRule, Policy, Rule

_STEPS = 20
"""Rules out of which one sample is led at most."""

Change = TypedDict(
    "Change",
    {"of": str, "gives": str | None, "set": str, "from": str, "to": str, "score": str, "needs": str, "has": str | None},
    total=False,
)
"""A setting of the policy (`set`, `from`, `to`) or a number of the sample (`score`, `needs`, `has`).

`of` is status or label, and `gives` what that would be; for a label, `unchanged` is the one without policies. Changes
of one kind and one `of` go together.
"""


def flip(policy: Policy, facts: Facts, verdict: Verdict | None = None) -> list[Change] | None:
    """Return the smallest changes that would flip a sample's status or its label; None where no number could.

    Entries with `set` are one way, entries with `score` are another. Where nothing is decided because numbers are
    missing, `score` names them, and `has` and `gives` are None.
    """
    judge = Judge(policy)
    seen = judge.see(facts)
    said = judge.verdict(seen) if verdict is None else verdict
    domain = facts.fields.get("domain", "")
    found = _missing("status", said.unknown) if said.rule == UNKNOWN else []
    if said.rule != UNKNOWN and policy.rules:
        found += _Search(judge, seen, "status", _status, policy.rules).changes(domain)
    if said.label is UNSET and said.label_unknown:
        found += _missing("label", said.label_unknown)
    elif policy.labels:
        found += _Search(judge, seen, "label", _label, policy.labels).changes(domain)
    return found or None


class _Search:
    """Looks for changes after which one answer, about the status or about the label, is another one."""

    def __init__(
        self, judge: Judge, seen: Seen, of: str, answer: Callable[[Verdict], str], rules: Sequence[Rule | LabelRule]
    ) -> None:
        self._judge = judge
        self._seen = seen
        self._of = of
        self._answer = answer
        places = {compare: place for place, compare in enumerate(judge.compares)}
        self._rules = [(rule.when, teller(rule.when, places)) for rule in rules]
        self._is = answer(judge.verdict(seen))

    def changes(self, domain: str) -> list[Change]:
        """Return the thresholds to change, and the numbers that would have to be others."""
        return [*self._settings(domain), *self._numbers()]

    def _settings(self, domain: str) -> list[Change]:
        way = Thresholds(self._judge, domain)
        moves = self._find(way)
        gives = self._after(way, moves)
        made: list[Change] = []
        for place, move in moves.items():
            name = self._judge.policy.thresholds[place].name
            key = key_text(("domain", domain, name) if domain else ("threshold", name))
            before, after = text_of(self._seen.limits[place]), text_of(move.value)
            made.append({"of": self._of, "gives": gives, "set": f"{key}={after}", "from": before, "to": after})
        return made

    def _numbers(self) -> list[Change]:
        way = Numbers(self._judge)
        moves = self._find(way)
        gives = self._after(way, moves)
        made: list[Change] = []
        for slot, move in moves.items():
            value, name = self._seen.values[slot], measured(move.compare.left)
            needs = f"{move.op} {text_of(limit_of(self._judge, self._seen, move.compare))}"
            has = None if value is None else text_of(value)
            made.append({"of": self._of, "gives": gives, "score": name, "needs": needs, "has": has})
        return made

    def _after(self, way: Way, moves: Moves) -> str:
        return self._answer(self._judge.verdict(way.moved(self._seen, moves)))

    def _works(self, way: Way, moves: Moves) -> bool:
        return self._after(way, moves) != self._is and way.allows(moves)

    def _find(self, way: Way) -> Moves:
        """Return the smallest single move that works, else several that work together, else none."""
        best: Moves = {}
        for compare, truth in self._truths(self._seen).items():
            moves = None if truth is None else turned(way, self._seen, {compare: truth}, compare, want=not truth)
            if moves and (not best or cost(moves) < cost(best)) and self._works(way, moves):
                best = moves
        return best or self._several(way)

    def _several(self, way: Way) -> Moves:
        """Return moves out of every rule that holds or, where none does, into one."""
        if self._holding(self._seen):
            return self._escape(way)
        truths = self._truths(self._seen)
        ways = [turned(way, self._seen, truths, rule, want=True) for rule, _ in self._rules]
        working = [moves for moves in ways if moves and self._works(way, moves)]
        return min(working, key=lambda moves: (len(moves), cost(moves)), default={})

    def _escape(self, way: Way) -> Moves:
        moves: Moves = {}
        for _ in range(_STEPS):
            now = way.moved(self._seen, moves)
            if moves and self._answer(self._judge.verdict(now)) != self._is:
                return moves if way.allows(moves) else {}
            holding = self._holding(now)
            step = turned(way, now, self._truths(now), holding[0], want=False) if holding else None
            if not step:
                break
            moves = {**moves, **step}
        return {}

    def _truths(self, seen: Seen) -> dict[Compare, Truth]:
        return dict(zip(self._judge.compares, self._judge.marks(seen)[0], strict=True))

    def _holding(self, seen: Seen) -> list[Condition]:
        marks = self._judge.marks(seen)
        return [rule for rule, tell in self._rules if tell(*marks)[0]]


def _missing(of: str, lacking: Sequence[Lacking]) -> list[Change]:
    names = dict.fromkeys(name for rule in lacking for name in rule.lacks)
    return [{"of": of, "gives": None, "score": name, "needs": "a value", "has": None} for name in names]


def _status(verdict: Verdict) -> str:
    return verdict.outcome


def _label(verdict: Verdict) -> str:
    if verdict.label is UNSET:
        return "unchanged"
    return "none" if verdict.label is None else str(verdict.label).lower()
