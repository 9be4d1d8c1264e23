"""Better or not: the policy in force decides about new versions, with the scores of one scorer for both sides.

A new version is accepted only where the policy accepts it and its headline is higher than that of the version that it
was made from. Where either is not known, or no policy covers the campaign, nothing is decided: unknown is not worse.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

from ledger.errors import BadRequest, NoPolicy
from ledger.event import Draft, draft
from ledger.fixed import text_of
from ledger.store import Store
from ledger.transaction import in_chunks
from ledger.verbs.run import Run, Who, conserve
from ledger.verbs.trial import Judged, in_force
from ledger.views import better, decisions, policies, samples

Rescore: TypeAlias = "Callable[[array[int]], None]"
"""Scores some samples (handles), unless they have these scores already."""

ACCEPTED, REJECTED, UNKNOWN = "accepted", "rejected", "unknown"
NOT_BETTER = "not_better"
_CHUNK = 400


class Decided(NamedTuple):
    """What was decided of new versions: how many were accepted, rejected, and could not be told, by when they are from.

    `new` counts those that were made since a position, `old` the others.
    """

    new: Counter[str]
    old: Counter[str]


def check_policy(standing: Sequence[policies.Adoption]) -> None:
    """Raise BadRequest unless each policy in force has something to compare by."""
    for adoption in standing:
        if policies.frozen(adoption).headline is None:
            raise BadRequest(
                f"The policy {adoption.name} names no headline, by which one version could be better than another",
                hint='Add headline = "…" to it and adopt it, or leave --rescore out.',
            )


def decide_better(store: Store, recipe: str, parents: array[int], since: int, rescore: Rescore, who: Who) -> Decided:
    """Score what a recipe made of samples and what it was made from, and decide which of it is better."""
    wanted = array("q")
    for chunk in in_chunks(parents, _CHUNK):
        for pair in better.undecided(store.connection, recipe, chunk):
            wanted.extend((pair.parent, pair.child))
    decided = Decided(Counter(), Counter())
    if not wanted:
        return decided
    rescore(array("q", sorted(set(wanted))))
    run = Run(store.ledger_id, "improve", {"recipe": recipe, "step": "better"}, who)
    seen = 0
    for chunk in in_chunks(parents, _CHUNK):
        with store.transaction() as transaction:
            pairs = better.undecided(store.connection, recipe, chunk)
            said = [_said(one) for one in _compared(store, pairs)]
            run.append(transaction, _drafts(store, said))
        seen += len(pairs)
        outcomes = {one.pair.child: one.outcome for one in said}
        for pair in pairs:  # of a campaign without a policy nothing is said
            (decided.new if pair.child > since else decided.old)[outcomes.get(pair.child, UNKNOWN)] += 1
    conserve("new versions", seen, decided.new + decided.old)
    with store.transaction() as transaction:
        run.finish(transaction, dict(sorted((decided.new + decided.old).items())))
    return decided


class _Sides(NamedTuple):
    """A pair under its policy, and what that says of both."""

    pair: better.Pair
    judged: Judged
    parent: better.Seen | None
    child: better.Seen | None


class _Said(NamedTuple):
    """What is decided of a pair; `details` is how that came."""

    pair: better.Pair
    judged: Judged
    outcome: str
    rule: str | None
    reason: str
    details: dict[str, Any]


def _compared(store: Store, pairs: Sequence[better.Pair]) -> list[_Sides]:
    found: list[_Sides] = []
    by_campaign: dict[str, list[better.Pair]] = {}
    rows = samples.rows_of(store.connection, [pair.child for pair in pairs]) if pairs else {}
    for pair in pairs:
        by_campaign.setdefault(rows[pair.child].campaign, []).append(pair)
    for campaign, mine in by_campaign.items():
        try:
            (judged,) = in_force(store, campaign)
        except NoPolicy:
            continue
        handles = sorted({handle for pair in mine for handle in (pair.parent, pair.child)})
        seen = better.seen(store.connection, judged.adoption.position, judged.policy, handles)
        found += [_Sides(pair, judged, seen.get(pair.parent), seen.get(pair.child)) for pair in mine]
    return sorted(found, key=lambda one: one.pair.child)


def _said(sides: _Sides) -> _Said:
    pair, judged, parent, child = sides
    before = None if parent is None else parent.headline
    after = None if child is None else child.headline
    name = judged.policy.headline or ""
    details = {"after": _text(after), "before": _text(before), "headline": name}
    if child is None or after is None or before is None:
        return _Said(pair, judged, UNKNOWN, None, "", details)
    told = f"{name} {text_of(after)}, and {text_of(before)} before"
    if child.outcome == "accepted" and after > before:
        return _Said(pair, judged, ACCEPTED, child.rule, f"better: {told}", details)
    rule = child.rule if child.outcome != "accepted" else None
    return _Said(pair, judged, REJECTED, rule, f"{NOT_BETTER}: {told}", details)


def _drafts(store: Store, said: Sequence[_Said]) -> list[Draft]:
    """Return the decisions, on an agent's authority: a person's outranks them, and a policy's takes their place."""
    told = [one for one in said if one.outcome != UNKNOWN]
    last = decisions.last_said(store.connection, "decisions", [one.pair.child for one in told]) if told else {}
    made = []
    for one in told:
        after = last.get(one.pair.child)
        fields = {
            "after": None if after is None else after.hex(),
            "authority": "agent",
            "details": one.details,
            "policy": one.judged.adoption.digest.hex(),
            "reason": one.reason,
            "rule": one.rule,
            "sample": one.pair.id.hex(),
            "version": one.pair.hash.hex(),
        }
        made.append(draft(one.outcome, one.pair.child, one.pair.version, fields))
    return made


def _text(amount: int | None) -> str | None:
    return None if amount is None else text_of(amount)
