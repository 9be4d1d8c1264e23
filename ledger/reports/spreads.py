"""How scores and measures spread, by domain, in steps of a hundredth, and where the policy in force draws its lines.

Read from counts that the fold keeps, so it is exact and takes the same time whatever the size of the ledger.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from ledger.exporters.manifest import head_json
from ledger.fixed import text_of
from ledger.rule import Compare, Measure, Number, Policy, Score, Threshold, comparisons
from ledger.store import Store
from ledger.transaction import Head
from ledger.views import policies, spreads
from ledger.views.rejected import HUNDREDTH

DOMAINS = 200
"""Domains that are told of one number, those with the most samples; all are counted together."""


def spreads_report(store: Store, head: Head, name: str | None, domain: str | None) -> dict[str, Any]:
    """Return each number's steps, of all domains together and domain by domain, and the thresholds it is held against.

    A step is [hundredths, samples]: that many have a number from hundredths / 100 on and below the next. A name that is
    both is told as the measure of a policy in force, as a listing by it counts.
    """
    measures = spreads.measures(store.connection)
    measured = spreads.of_measures(store.connection)
    found = [*measured, *(one for one in spreads.of_dimensions(store.connection) if one.name not in measures)]
    told: dict[str, dict[str, list[spreads.Spread]]] = {}
    for one in found:
        if name in {None, one.name} and domain in {None, one.domain}:
            told.setdefault(one.name, {}).setdefault(one.domain, []).append(one)
    return {
        "numbers": [
            _number(store, each, of_domain, domain, is_measure=each in measures) for each, of_domain in told.items()
        ],
        "names": sorted({one.name for one in found}),
        "domains": sorted({one.domain for one in found}),
        "name": name,
        "domain": domain,
        "step": "0.01",
        "head": head_json(head.position, head.root),
    }


def _number(
    store: Store, name: str, of_domain: dict[str, list[spreads.Spread]], domain: str | None, *, is_measure: bool
) -> dict[str, Any]:
    total: Counter[int] = Counter()
    for steps in of_domain.values():
        for one in steps:
            total[one.step] += one.samples
    largest = sorted(of_domain, key=lambda each: (-sum(one.samples for one in of_domain[each]), each))[:DOMAINS]
    lines = _lines(store, Measure(name) if is_measure else Score(name))
    return {
        "name": name,
        "kind": "measure" if is_measure else "score",
        "samples": sum(total.values()),
        "steps": sorted([step, samples] for step, samples in total.items()),
        "thresholds": _levels(lines, domain),
        "by_domain": [
            {
                "domain": each,
                "samples": sum(one.samples for one in of_domain[each]),
                "steps": [[one.step, one.samples] for one in of_domain[each]],
                "thresholds": _levels(lines, each),
            }
            for each in sorted(largest)
        ],
        "cut": len(of_domain) - len(largest),
    }


def _lines(store: Store, number: Measure | Score) -> list[tuple[Policy, str | None, Compare]]:
    """Return where a policy in force compares a number with a threshold: the policy, its campaign, the comparison."""
    found = []
    for adoption in policies.in_force(store.connection):
        policy = policies.frozen(adoption)
        found += [
            (policy, adoption.campaign, one)
            for one in dict.fromkeys(comparisons(policy))
            if one.left == number and isinstance(one.right, (Threshold, Number))
        ]
    return found


def _levels(lines: list[tuple[Policy, str | None, Compare]], domain: str | None) -> list[dict[str, Any]]:
    """Return the thresholds of a domain; with None those of all domains without a value of their own."""
    return [_level(policy, campaign, one, domain) for policy, campaign, one in lines]


def _level(policy: Policy, campaign: str | None, one: Compare, domain: str | None) -> dict[str, Any]:
    value, setting = HUNDREDTH, None
    if isinstance(one.right, Number):
        value = one.right.value
    elif isinstance(one.right, Threshold):
        levels = next(each for each in policy.thresholds if each.name == one.right.name)
        own = domain is not None and domain in dict(levels.domains)
        value = levels.default if domain is None else levels.at(domain)
        setting = f"domain.{domain}.{levels.name}" if own else f"threshold.{levels.name}"
    return {"op": one.op, "value": text_of(value), "setting": setting, "policy": policy.name, "campaign": campaign}
