"""Deciding by a policy: for every sample whose verdict is not what was decided last, the decision is appended.

The verdicts themselves are a view (`ledger.views.judgements`). A policy's decision stands under a person's and applies
again when that is withdrawn. Commits are small, so a run that was killed is taken up by the same command.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

from ledger import sqlite
from ledger.event import Draft, draft
from ledger.store import Store
from ledger.transaction import in_chunks
from ledger.verbs.adopt import Proposed, adopt, checked_campaign, digest_of_policy, is_in_force
from ledger.verbs.details import Teller
from ledger.verbs.run import Run, Who, conserve, without_collector
from ledger.verbs.trial import Judged, in_force, trying
from ledger.views import decisions, due

BATCH = 20_000
"""Samples decided in one commit; bounds the memory that their events take."""

Progress = Callable[[str, int, int], None]

_LABELS = {None: None, 0: False, 1: True}
_GIVEN = {"true": True, "false": False, "none": None}


class JudgeReport(NamedTuple):
    """What a policy says of every sample considered, and how many of them that changed."""

    decided: int
    changed: int
    by_outcome: dict[str, int]
    by_label: dict[str, int]
    by_rule: dict[str, int]
    by_person: int
    policies: list[dict[str, str | None]]
    adopted: int | None
    events: list[int]


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
        expected = None
    return _Deciding(store, in_force(store, campaign), campaign).decide(run, adopted, expected, progress)


def _dry(store: Store, proposed: Proposed | None, campaign: str | None) -> JudgeReport:
    if proposed is None or is_in_force(store, proposed.policy, campaign):
        return _Deciding(store, in_force(store, campaign), campaign).look()
    with trying(store, proposed.policy, campaign) as judged:
        return _Deciding(store, [judged], campaign).look()


class _Deciding:
    """One pass over what is due under each of some policies."""

    def __init__(self, store: Store, judged: list[Judged], campaign: str | None) -> None:
        self.store = store
        self.judged = judged
        self.campaign = campaign
        self.tallies: list[due.Tally] = []
        self.considered = self.changed = self.by_person = 0

    def look(self) -> JudgeReport:
        """Return what the policies say, and append nothing."""
        for judged in self.judged:
            self._fill(judged)
        due.drop(self.store.connection, "due")
        return self._report(None, [])

    def decide(self, run: Run, adopted: int | None, expected: int | None, progress: Progress | None) -> JudgeReport:
        """Append what is due, commit by commit."""
        events: list[int] = []
        done = 0
        for judged in self.judged:
            self._fill(judged)
            after, more = -1, True
            while more:
                rows = due.batch(self.store.connection, "due", after, BATCH)
                if rows:
                    events += self._append(run, judged, rows, expected)
                    expected = None
                    after = rows[-1].sample
                    done += len(rows)
                    if progress is not None:
                        progress("deciding", done, self.changed)
                more = len(rows) == BATCH
        due.drop(self.store.connection, "due")
        if events or adopted is not None:
            with self.store.transaction() as transaction:
                run.finish(transaction, {"changed": self.changed, "samples": self.considered})
        return self._report(adopted, [events[0], events[-1]] if events else [])

    def _append(self, run: Run, judged: Judged, rows: list[due.Due], expected: int | None) -> list[int]:
        """Append the events about some samples and return the first and the last position."""
        with self.store.transaction(expected) as transaction:
            drafts = _drafts(self.store, judged, rows)
            first = run.append(transaction, drafts)
        return [] if first is None else [first, first + len(drafts) - 1]

    def _fill(self, judged: Judged) -> None:
        judged.fill(self.store, "due", self.campaign)
        considered, changed, by_person = due.counts(self.store.connection, "due")
        self.considered += considered
        self.changed += changed
        self.by_person += by_person
        self.tallies += due.tallies(self.store.connection, "due")

    def _report(self, adopted: int | None, events: list[int]) -> JudgeReport:
        outcomes, labels = self._count("outcome"), self._count("label")
        conserve("samples", self.considered, outcomes)
        conserve("samples", self.considered, labels)
        named = [(one.policy.name, one.adoption.digest.hex(), one.adoption.campaign) for one in self.judged]
        return JudgeReport(
            decided=self.considered,
            changed=self.changed,
            by_outcome=dict(sorted(outcomes.items())),
            by_label={label: labels[label] for label in ("true", "false", "none")},
            by_rule=dict(sorted(self._by_rule().items())),
            by_person=self.by_person,
            policies=[{"name": name, "policy": f"b3:{digest}", "campaign": of} for name, digest, of in named],
            adopted=adopted,
            events=events,
        )

    def _count(self, what: str) -> Counter[str]:
        counted: Counter[str] = Counter()
        for tally in self.tallies:
            counted[getattr(tally, what)] += tally.samples
        return counted

    def _by_rule(self) -> Counter[str]:
        counted: Counter[str] = Counter()
        for tally in self.tallies:
            for rule in (tally.rule, tally.labels):
                if rule not in {"", "default"}:
                    counted[rule] += tally.samples
        return counted


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
