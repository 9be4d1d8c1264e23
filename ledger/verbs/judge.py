"""Deciding by a policy: for every sample whose verdict is not what was decided last, the decision is appended.

The verdicts themselves are a view (`ledger.views.judgements`). A policy's decision stands under a person's and applies
again when that is withdrawn. Commits are small, so a run that was killed is taken up by the same command. Each of them
is made of what the log said just before it: where somebody else wrote meanwhile, what is due is looked up again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any, NamedTuple

from ledger import sqlite
from ledger.errors import HeadMoved
from ledger.event import Draft, draft
from ledger.rule import Policy, Score, observed
from ledger.store import Store
from ledger.transaction import in_chunks
from ledger.verbs.adopt import Proposed, adopt, checked_campaign, digest_of_policy, is_in_force
from ledger.verbs.details import Teller
from ledger.verbs.run import Run, Who, conserve, without_collector
from ledger.verbs.trial import Judged, in_force, trying
from ledger.views import decisions, due, near, policies, scores, templates

BATCH = 20_000
"""Samples decided in one commit; bounds the memory that their events take."""

RETRIES = 100
"""How often what is due is looked up again because of others; then they have to wait for us, or we for them."""

Progress = Callable[[str, int, int], None]

_LABELS = {None: None, 0: False, 1: True}
_GIVEN = {"true": True, "false": False, "none": None}


class JudgeReport(NamedTuple):
    """What a policy says of every sample considered, and how many of them that changed.

    `never_scored` names scores that a policy asks for and nobody ever gave: to be measured yet, or mistyped;
    `never_looked` what its caps count by that nobody ever looked for (near-duplicates, templates).
    """

    decided: int
    changed: int
    by_outcome: dict[str, int]
    by_label: dict[str, int]
    by_rule: dict[str, int]
    by_person: int
    policies: list[dict[str, str | None]]
    adopted: int | None
    events: list[int]
    never_scored: list[str]
    never_looked: list[str]


@without_collector()
def judge(
    store: Store,
    proposed: Proposed | None,
    campaign: str | None,
    who: Who,
    *,
    reason: str = "",
    dry_run: bool = False,
    expected: int | None = None,
    progress: Progress | None = None,
) -> JudgeReport:
    """Adopt a policy, unless it is in force, and append what it decides otherwise than was decided before.

    Without a policy, that in force decides. With `campaign` only its samples are decided, and a policy is adopted for
    it alone. `progress` hears "deciding", the decisions recorded and their number. Raises NoPolicy, BadRequest.
    """
    campaign = checked_campaign(store, campaign)
    if expected is not None and (position := store.head().position) != expected:
        raise HeadMoved(position, expected)
    if dry_run:
        with sqlite.snapshot(store.connection):
            return _dry(store, proposed, campaign)
    params: dict[str, Any] = {"campaign": campaign}
    if proposed is not None:
        params["policy"] = digest_of_policy(proposed.policy).hex()
    run = Run(store.ledger_id, "decide", params, who)
    adopted = None
    if proposed is not None and not is_in_force(store, proposed.policy, campaign):
        with store.transaction(expected) as transaction:
            adopted = adopt(store, transaction, run, proposed, campaign, reason, who)
    return _Deciding(store, in_force(store, campaign), campaign).decide(run, adopted, progress)


def _dry(store: Store, proposed: Proposed | None, campaign: str | None) -> JudgeReport:
    if proposed is None or is_in_force(store, proposed.policy, campaign):
        return _Deciding(store, in_force(store, campaign), campaign).look()
    with trying(store, proposed.policy, campaign) as judged:
        return _Deciding(store, [judged], campaign).look()


class _Found(NamedTuple):
    """What one policy covers: samples, those whose outcome or label is due, those that people decided, and tallies."""

    considered: int
    changed: int
    by_person: int
    tallies: list[due.Tally]


class _Deciding:
    """One pass over what is due under each of some policies."""

    def __init__(self, store: Store, judged: list[Judged], campaign: str | None) -> None:
        self.store = store
        self.judged = judged
        self.campaign = campaign
        self.found: dict[int, _Found] = {}
        self.changed = 0
        self.retries = 0

    def look(self) -> JudgeReport:
        """Return what the policies say, and append nothing."""
        for judged in self.judged:
            self.changed += self._fill(judged).changed
        due.drop(self.store.connection, "due")
        return self._report(None, [])

    def decide(self, run: Run, adopted: int | None, progress: Progress | None) -> JudgeReport:
        """Append what is due, commit by commit."""
        events: list[int] = []
        for judged in self.judged:
            for positions, is_due in self._batches(run, judged):
                events += positions
                if progress is not None:
                    progress("deciding", self.changed, is_due)
        due.drop(self.store.connection, "due")
        if events or adopted is not None:
            with self.store.transaction() as transaction:
                run.finish(transaction, {"changed": self.changed, "samples": self._sum("considered")})
        return self._report(adopted, [events[0], events[-1]] if events else [])

    def _batches(self, run: Run, judged: Judged) -> Iterator[tuple[list[int], int]]:
        """Append what is due under one policy; yield each commit's first and last position, and how many are due."""
        before = self.changed
        position, found = self.store.head().position, self._fill(judged)
        after, more = -1, found.changed > 0
        while more:
            try:
                rows, positions, position = self._append(run, judged, after, position)
            except HeadMoved:
                self._check_in_force(judged)
                position, found = self.store.head().position, self._fill(judged)
                before, after = self.changed, -1
                continue
            self.changed += len(rows)
            yield positions, before + found.changed
            after = rows[-1].sample if rows else after
            more = len(rows) == BATCH

    def _append(self, run: Run, judged: Judged, after: int, position: int) -> tuple[list[due.Due], list[int], int]:
        """Append the events about the next samples; return these, the first and the last position, and the new head."""
        with self.store.transaction(position) as transaction:
            rows = due.batch(self.store.connection, "due", after, BATCH)
            drafts = _drafts(self.store, judged, rows)
            first = run.append(transaction, drafts)
            head = transaction.next_position - 1
        return rows, [] if first is None else [first, first + len(drafts) - 1], head

    def _check_in_force(self, judged: Judged) -> None:
        """Raise HeadMoved where somebody else put another policy in force meanwhile, or writes all the time."""
        self.retries += 1
        standing = {adoption.position for adoption in policies.in_force(self.store.connection)}
        if judged.adoption.position not in standing or self.retries > RETRIES:
            raise HeadMoved(self.store.head().position, judged.adoption.position)

    def _fill(self, judged: Judged) -> _Found:
        judged.fill(self.store, "due", self.campaign)
        counts = due.counts(self.store.connection, "due")
        found = self.found[judged.adoption.position] = _Found(*counts, due.tallies(self.store.connection, "due"))
        return found

    def _sum(self, what: str) -> int:
        return sum(getattr(found, what) for found in self.found.values())

    def _report(self, adopted: int | None, events: list[int]) -> JudgeReport:
        considered, outcomes, labels = self._sum("considered"), self._count("outcome"), self._count("label")
        conserve("samples", considered, outcomes)
        conserve("samples", considered, labels)
        named = [(one.policy.name, one.adoption.digest.hex(), one.adoption.campaign) for one in self.judged]
        return JudgeReport(
            decided=considered,
            changed=self.changed,
            by_outcome=dict(sorted(outcomes.items())),
            by_label={label: labels[label] for label in ("true", "false", "none")},
            by_rule=dict(sorted(self._by_rule().items())),
            by_person=self._sum("by_person"),
            policies=[{"name": name, "policy": f"b3:{digest}", "campaign": of} for name, digest, of in named],
            adopted=adopted,
            events=events,
            never_scored=never_scored(self.store, [one.policy for one in self.judged]),
            never_looked=never_looked(self.store, [one.policy for one in self.judged]),
        )

    def _tallies(self) -> Iterator[due.Tally]:
        return chain.from_iterable(found.tallies for found in self.found.values())

    def _count(self, what: str) -> Counter[str]:
        counted: Counter[str] = Counter()
        for tally in self._tallies():
            counted[getattr(tally, what)] += tally.samples
        return counted

    def _by_rule(self) -> Counter[str]:
        counted: Counter[str] = Counter()
        for tally in self._tallies():
            for rule in (tally.rule, tally.labels):
                if rule not in {"", "default"}:
                    counted[rule] += tally.samples
        return counted


def never_scored(store: Store, asking: Iterable[Policy]) -> list[str]:
    """Return the scores that policies ask for and that nobody ever gave to any sample, sorted."""
    known = set(scores.dimensions(store.connection))
    asked = {item.dimension for policy in asking for item in observed(policy) if isinstance(item, Score)}
    return sorted(asked - known)


def never_looked(store: Store, asking: Iterable[Policy]) -> list[str]:
    """Return what caps of policies count by that no look at all samples has found yet, sorted."""
    asked = {per for policy in asking for cap in policy.caps for per in cap.per}
    missing = []
    for per in sorted(asked):
        kind, _, field = per.partition(".")
        if kind == "near" and near.standing(store.connection, field or near.WHOLE, "") is None:
            missing.append(per)
        if kind == "template" and templates.last(store.connection, field, "") is None:
            missing.append(per)
    return missing


def _drafts(store: Store, judged: Judged, rows: list[due.Due]) -> list[Draft]:
    """Return the events that make the decisions what the policy says."""
    made: list[Draft] = []
    teller = Teller(judged.policy)
    for chunk in in_chunks(rows):
        decided = decisions.last_said(store.connection, "decisions", [row.sample for row in chunk])
        labelled = decisions.last_said(store.connection, "labels", [row.sample for row in chunk])
        for row in chunk:
            common: dict[str, Any] = {
                "authority": "policy",
                "policy": judged.adoption.digest.hex(),
                "reason": "",
                "sample": row.id.hex(),
                "version": row.hash.hex(),
            }
            if row.outcome_due:
                details = teller.decision(row)
                fields = {**common, "after": _hex(decided.get(row.sample)), "details": details, "rule": row.rule}
                made.append(draft(row.outcome, row.sample, row.version, fields))
            if row.label_due:
                label = _LABELS[row.label] if row.labels else _GIVEN[row.given]
                fields = {
                    **common,
                    "after": _hex(labelled.get(row.sample)),
                    "details": teller.label(row),
                    "label": label,
                    "rule": row.labels or None,
                }
                made.append(draft("relabeled", row.sample, row.version, fields))
    return made


def _hex(op: bytes | None) -> str | None:
    return None if op is None else op.hex()
