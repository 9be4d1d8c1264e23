"""Why samples were rejected: how many for which reason in which domain, which nearly passed, what could be done.

Counts come from the views that every fold keeps; that they agree with the samples themselves is checked, and a report
whose parts do not add up is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from ledger.digest import show as shown
from ledger.errors import BrokenLaw
from ledger.exporters.manifest import head_json
from ledger.reports.histogram import spread
from ledger.reports.levers import headline
from ledger.reports.near_misses import Asked, near_misses
from ledger.reports.recommendations import recommendations
from ledger.store import Store
from ledger.transaction import Head
from ledger.views import policies, rejected, rollups
from ledger.views.judging import number_of, slots_of


def rejections(store: Store, head: Head, campaign: str | None = None, limit: int = 10) -> dict[str, Any]:
    """Return the answer to `ledger rejections`; `limit` is how many of the closest are listed. Raises BrokenLaw."""
    groups = [group for group in rollups.groups(store.connection) if campaign in {None, group.campaign}]
    considered = sum(group.samples for group in groups)
    accepted = sum(group.samples for group in groups if group.status == "accepted")
    counts: Counter[tuple[str, str]] = Counter()
    for group in groups:
        if group.status == "rejected":
            counts[group.rule, group.domain] += group.samples
    adoptions = _adoptions(store, campaign)
    named = {one.position: headline(policies.frozen(one)) for one in adoptions}
    steps = _steps(store, adoptions, named, campaign)
    values = spread(steps)
    total = sum(step.samples for step in steps)
    parts: dict[str, dict[str, Any]] = {
        "by_reason": _by(counts, 0),
        "by_domain": _by(counts, 1),
        "by_reason_domain": {reason: _by(counts, 1, reason) for reason in _by(counts, 0)},
    }
    _add_up(total, parts)
    _must_equal("scored samples", values.scored, sum(values.histogram.counts))
    only = adoptions[0] if len(adoptions) == 1 else None
    return {
        "campaign": campaign,
        "head": head_json(head.position, head.root),
        "policies": [{"name": one.name, "policy": shown(one.digest), "campaign": one.campaign} for one in adoptions],
        "headline": next(iter(named.values())) if len(set(named.values())) == 1 else None,
        "considered": considered,
        "accepted": accepted,
        "acceptance_rate": round(accepted / considered, 6) if considered else None,
        "total": total,
        **parts,
        "due": sum(step.due for step in steps),
        "scored": values.scored,
        "average": values.average,
        "min": values.least,
        "max": values.greatest,
        "histogram": values.histogram.as_json(),
        "closest": near_misses(store, Asked(limit, campaign))["near_misses"] if limit else [],
        "recommendations": recommendations(store.connection, counts, only, campaign, considered),
    }


def _adoptions(store: Store, campaign: str | None) -> list[policies.Adoption]:
    """Return the policies in force, all or the one that covers a campaign."""
    if campaign is None:
        return policies.in_force(store.connection)
    covering = policies.in_force_for(store.connection, campaign)
    return [] if covering is None else [covering]


def _steps(
    store: Store, adoptions: Iterable[policies.Adoption], named: Mapping[int, str | None], campaign: str | None
) -> list[rejected.Step]:
    frozen = {one.position: policies.frozen(one) for one in adoptions}
    numbers = {
        position: number_of(policy, name, slots_of(policy))
        for position, policy in frozen.items()
        if (name := named[position]) is not None
    }
    caps = [cap.name for policy in frozen.values() for cap in policy.caps]
    return rejected.steps(store.connection, numbers, caps, campaign)


def _by(counts: Mapping[tuple[str, str], int], what: int, reason: str | None = None) -> dict[str, int]:
    """Return counts by reason (0) or domain (1), all or those of one reason, the most frequent first."""
    found: Counter[str] = Counter()
    for key, samples in counts.items():
        if reason in {None, key[0]}:
            found[key[what]] += samples
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _add_up(total: int, parts: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise BrokenLaw unless each way of counting comes to the number of rejected samples."""
    for name, by in parts.items():
        _must_equal(
            f"rejected samples {name}",
            total,
            sum(sum(count.values()) if isinstance(count, Mapping) else count for count in by.values()),
        )


def _must_equal(what: str, total: int, found: int) -> None:
    if total != found:
        raise BrokenLaw(f"{total} {what}, but the parts add up to {found}")
