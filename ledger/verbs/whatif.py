"""What would be under another policy: the same judgement, replayed from what is recorded. Nothing is written."""

from __future__ import annotations

from collections import Counter
from typing import Any
from weakref import WeakKeyDictionary

from ledger import sqlite
from ledger.errors import BadRequest
from ledger.fixed import text_of
from ledger.rule import Policy
from ledger.store import Store
from ledger.transaction import Head
from ledger.verbs.adopt import checked_campaign
from ledger.verbs.judge import never_looked, never_scored
from ledger.verbs.run import conserve
from ledger.verbs.trial import Judged, in_force, trying
from ledger.views import due, flips, policies, samples

EXAMPLES = 20
"""Flips that are listed; all are counted."""

_STOOD: WeakKeyDictionary[Store, tuple[tuple[Head, int, str | None], list[due.Count]]] = WeakKeyDictionary()
"""How samples stood at the head that was last asked about, of each open ledger."""
_STATUSES = {"accepted": "accepted", "rejected": "rejected", "deferred": "pending", "superseded": "superseded"}
_LABELS = ("true", "false", "none")


def policy_to_change(store: Store, campaign: str | None) -> Policy:
    """Return the policy in force that changes are made to; raise NoPolicy, or BadRequest where there are several."""
    judged = in_force(store, checked_campaign(store, campaign))
    if campaign is None and any(one.adoption.campaign is not None for one in judged):
        campaigns = ", ".join(str(one.adoption.campaign) for one in judged if one.adoption.campaign is not None)
        raise BadRequest(f"Some campaigns have policies of their own ({campaigns}); say which one with --campaign")
    return judged[0].policy


def whatif(store: Store, policy: Policy, campaign: str | None, limit: int = EXAMPLES) -> dict[str, Any]:
    """Return what changes if `policy` decides instead of the one in force: counts before and after, and the flips.

    What people decided stays as it is. Equal to what `decide` would leave behind. Raises NoPolicy, BadRequest.
    """
    campaign = checked_campaign(store, campaign)
    found = _Flips(limit)
    with sqlite.snapshot(store.connection):
        before = in_force(store, campaign)
        whole = campaign is not None or any(one.adoption.campaign is None for one in before)
        if whole and len(before) == 1 and flips.can_tell(before[0].policy, policy):
            counts = _standing(store, before[0].adoption, campaign)
            found.add(*flips.turned(store.connection, before[0].adoption, policy, campaign, limit))
        else:
            counts = _replayed(store, before, policy, campaign, found, whole=whole)
        answer: dict[str, Any] = {
            "before": _counts(counts),
            "after": _counts([*counts, *found.moves()]),
            "flips": found.as_json(),
            "examples": _examples(store, found.listed),
            "never_scored": never_scored(store, [policy]),
            "never_looked": never_looked(store, [policy]),
        }
    conserve("samples", answer["after"]["samples"], {"before": answer["before"]["samples"]})
    return answer


def _standing(store: Store, adoption: policies.Adoption, campaign: str | None) -> list[due.Count]:
    """Return how samples stand; whoever moves a threshold asks again and again of the same head, so it is kept."""
    key = (store.head(), adoption.position, campaign)
    kept = _STOOD.get(store)
    if kept is None or kept[0] != key:
        kept = _STOOD[store] = (key, flips.standing(store.connection, adoption, campaign))
    return kept[1]


def _replayed(
    store: Store, before: list[Judged], policy: Policy, campaign: str | None, found: _Flips, *, whole: bool
) -> list[due.Count]:
    """Judge everything again, gather the flips, and return how samples stand before.

    Where the policies in force do not cover the `whole`, the other samples stand as nobody's policy left them.
    """
    names = [f"before{number}" for number in range(len(before))]
    for name, judged in zip(names, before, strict=True):
        judged.fill(store, name, campaign)
    if not whole:
        names.append("rest")
        due.fill_rest(store.connection, "rest", [str(one.adoption.campaign) for one in before])
    with trying(store, policy, campaign) as tried:
        tried.fill(store, "after", campaign)
        for name in names:
            found.add(*due.flips(store.connection, name, "after", found.room))
    counts = [count for name in names for count in due.standing(store.connection, name)]
    due.drop(store.connection, "after", *names)
    return counts


class _Flips:
    """Counts flips and keeps the first ones to show."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.listed: list[due.Flip] = []
        self._moves: Counter[tuple[str, str]] = Counter()
        self._ways: Counter[str] = Counter()
        self._reasons: dict[str, Counter[str]] = {}
        self._domains: dict[str, Counter[str]] = {}

    @property
    def room(self) -> int:
        """Return how many flips may still be listed."""
        return self._limit - len(self.listed)

    def add(self, turns: list[due.Turn], first: list[due.Flip]) -> None:
        """Count flips by their way, and keep those that are shown."""
        self.listed += first
        for turn in turns:
            self._moves[turn.status, turn.label] -= turn.samples
            self._moves[turn.to_status, turn.to_label] += turn.samples
            if turn.status != turn.to_status:
                reason = turn.rule if turn.to_status == "accepted" else turn.to_rule
                self._count(f"to_{_STATUSES[turn.to_status]}", reason, turn)
            if turn.label != turn.to_label:
                self._count(f"to_{turn.to_label}", turn.to_label_rules or turn.label_rules, turn)

    def moves(self) -> list[due.Count]:
        """Return what the flips add to and take from the counts."""
        return [due.Count(status, label, "", samples) for (status, label), samples in self._moves.items()]

    def _count(self, way: str, reason: str, turn: due.Turn) -> None:
        self._ways[way] += turn.samples
        self._reasons.setdefault(way, Counter())[reason] += turn.samples
        self._domains.setdefault(way, Counter())[turn.domain] += turn.samples

    def as_json(self) -> dict[str, Any]:
        """Return the counts under stable keys; by_reason names the rule that rejected before or rejects then."""
        ways = ("to_accepted", "to_rejected", "to_pending", "to_true", "to_false", "to_none")
        return {
            **{way: self._ways[way] for way in ways},
            "by_reason": {way: dict(sorted(counts.items())) for way, counts in sorted(self._reasons.items())},
            "by_domain": {way: dict(sorted(counts.items())) for way, counts in sorted(self._domains.items())},
        }


def _counts(counts: list[due.Count]) -> dict[str, Any]:
    by_status: Counter[str] = Counter()
    by_label: Counter[str] = Counter()
    for count in counts:
        by_status[_STATUSES[count.status]] += count.samples
        by_label[count.label] += count.samples
    total = sum(by_status.values())
    return {
        "samples": total,
        **{status: by_status[status] for status in ("accepted", "rejected", "pending", "superseded")},
        **{label: by_label[label] for label in _LABELS},
        "acceptance_rate": round(by_status["accepted"] / total, 6) if total else None,
    }


def _examples(store: Store, flips: list[due.Flip]) -> list[dict[str, Any]]:
    rows = samples.rows_of(store.connection, [flip.sample for flip in flips])
    return [
        {
            "sample": rows[flip.sample].id.hex(),
            "domain": flip.domain or None,
            "before": {"status": _STATUSES[flip.status], "rule": flip.rule, "margin": _text(flip.margin)},
            "after": {"status": _STATUSES[flip.to_status], "rule": flip.to_rule, "margin": _text(flip.to_margin)},
            "label_before": flip.label,
            "label_after": flip.to_label,
            "label_rules_before": flip.label_rules or None,
            "label_rules_after": flip.to_label_rules or None,
        }
        for flip in flips
    ]


def _text(margin: int | None) -> str | None:
    return None if margin is None else text_of(margin)
