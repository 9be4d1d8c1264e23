"""Campaigns side by side: how many of what, what share was accepted and how sure that is, why not, and by which policy.

Counts come from `rollups`. Acceptance is of the samples about which something was decided (deferring is a decision
too), so a campaign that nobody decided on yet has none; the label rate is of the samples that have a label. A
difference of rates is a difference of gates as well as of data where the policies differ, so these are compared too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from ledger.digest import show as shown
from ledger.fixed import half_away
from ledger.policy.changes import differences
from ledger.reports.history import leaf_of, time_text
from ledger.reports.intervals import CONFIDENCE, Interval, newcombe, share, wilson, word
from ledger.reports.status import LABELS, STATUSES
from ledger.rule import Policy
from ledger.store import Store
from ledger.transaction import in_chunks
from ledger.views import campaigns, policies, rollups

SCORES_UPTO = 100_000
"""Samples up to which every score is read without being asked for: well under a second."""

_PLACES = 10_000
_DECIDED = ("rejected", "pending", "superseded", "errored")
_LABEL_WORDS = {1: "true", 0: "false", None: "none"}
_Group = rollups.Group


def compare(store: Store, names: Sequence[str], *, scores: bool | None = None) -> dict[str, Any]:
    """Return the answer to `ledger compare`: each campaign, what differs between neighbours, and the trend.

    The campaigns are those named, in that order, or all in the order in which they began. `scores`: read every score
    for the means (None: where that takes a moment only).
    """
    began = campaigns.began(store.connection)
    by_name: dict[str, list[_Group]] = {}
    for group in rollups.groups(store.connection):
        by_name.setdefault(group.campaign, []).append(group)
    never = len(began)
    order = {name: place for place, name in enumerate(began)}
    names = list(dict.fromkeys(names)) or sorted(by_name, key=lambda name: (order.get(name, never), name))
    count = sum(group.samples for name in names for group in by_name.get(name, ()))
    told = [_campaign(name, by_name.get(name, []), began.get(name)) for name in names]
    in_force = {name: policies.in_force_for(store.connection, name) for name in names}
    for one in told:
        one["policy"] = _policy(store, in_force[one["name"]])
    read = count <= SCORES_UPTO if scores is None else scores
    _add_scores(store, told, read=read)
    frozen = {name: None if a is None else policies.frozen(a) for name, a in in_force.items()}
    neighbours = [*pairwise(told), *([(told[0], told[-1])] if len(told) > 2 else [])]  # noqa: PLR2004
    return {
        "campaigns": told,
        "differences": [_difference(one, other, frozen) for one, other in neighbours],
        "trend": [_point(one) for one in told],
        "confidence": CONFIDENCE,
        "scores_read": read,
    }


def _campaign(name: str, groups: list[_Group], began: campaigns.Began | None) -> dict[str, Any]:
    standing = _standing(groups)
    whys: Counter[tuple[str, str]] = Counter()
    by_domain: dict[str, list[_Group]] = {}
    for group in groups:
        by_domain.setdefault(group.domain, []).append(group)
        if group.rule and group.status in _DECIDED:
            whys[group.status, group.rule] += group.samples
    wholes = standing["by_status"]
    ordered = sorted(whys.items(), key=lambda item: (_DECIDED.index(item[0][0]), -item[1], item[0][1]))
    return {
        "name": name,
        "began": None if began is None else {"position": began.position, "time": time_text(began.at)},
        **standing,
        "conserved": standing["samples"] == sum(wholes.values()) == sum(standing["by_label"].values()),
        "reasons": [
            {"status": status, "rule": rule, "samples": count, "share": share(count, wholes[status])}
            for (status, rule), count in ordered
        ],
        "by_domain": {domain: _standing(by_domain[domain]) for domain in sorted(by_domain)},
    }


def _standing(groups: list[_Group]) -> dict[str, Any]:
    """Return counts by status and label, and the share that was accepted, of some samples."""
    by_status: Counter[str] = Counter()
    by_label: Counter[str] = Counter()
    decided = 0
    for group in groups:
        by_status[group.status] += group.samples
        by_label[group.label] += group.samples
        decided += group.samples if group.rule and group.status != "erased" else 0
    labelled = by_label["true"] + by_label["false"]
    return {
        "samples": sum(by_status.values()),
        "by_status": {status: by_status[status] for status in STATUSES},
        "by_label": {label: by_label[label] for label in LABELS},
        "acceptance": {
            "accepted": by_status["accepted"],
            "decided": decided,
            **_rate(wilson(by_status["accepted"], decided)),
        },
        "label_rate": {"true": by_label["true"], "labelled": labelled, **_rate(wilson(by_label["true"], labelled))},
    }


def _rate(interval: Interval | None) -> dict[str, float | None]:
    """Return an interval under its keys; nulls where there is none."""
    return (
        dict.fromkeys(("rate", "low", "high"))
        if interval is None
        else dict(zip(("rate", "low", "high"), interval, strict=True))
    )


def _policy(store: Store, adoption: policies.Adoption | None) -> dict[str, Any] | None:
    if adoption is None:
        return None
    event = store.event(adoption.position)
    return {
        "name": adoption.name,
        "policy": shown(adoption.digest),
        "position": adoption.position,
        "time": None if event is None else time_text(leaf_of(store, event[1])["at"]),
        "campaign": adoption.campaign,
        "reason": adoption.reason,
    }


def _add_scores(store: Store, told: list[dict[str, Any]], *, read: bool) -> None:
    """Give each campaign its means and label rules; None where they were not read."""
    names = [one["name"] for one in told]
    means: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    rules: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    if read:
        samples = {one["name"]: one["samples"] for one in told}
        for chunk in in_chunks(names):
            means |= _means(store, chunk)
            for name, rule, count in campaigns.label_rules(store.connection, chunk):
                rules[name].append({"rule": rule, "samples": count, "share": share(count, samples[name])})
    for one in told:
        one["label_rules"] = rules[one["name"]] if read else None
        one["means"] = means[one["name"]] if read else None


def _means(store: Store, names: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Return campaign -> the means of its measures, exact up to the fourth decimal; rubrics are never mixed."""
    measures = campaigns.measures(store.connection)
    sums: dict[tuple[str, campaigns.Measure], dict[str, tuple[int, int]]] = {}
    for each in campaigns.sums(store.connection, names):
        by_label = sums.setdefault((each.campaign, measures[each.measure]), {})
        by_label[_LABEL_WORDS[each.label]] = (each.samples, each.total)
    made: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for (name, measure), by_label in sorted(sums.items(), key=lambda item: (item[0][1].dimension, item[0])):
        samples, total = (sum(pair[side] for pair in by_label.values()) for side in (0, 1))
        made[name].append(
            {
                "dimension": measure.dimension,
                "scorer": measure.scorer,
                "scorer_version": measure.scorer_version,
                "rubric": f"b3:{measure.rubric}" if measure.rubric else None,
                "samples": samples,
                "mean": mean(samples, total),
                "by_label": {
                    label: {"samples": count, "mean": mean(count, part)} for label, (count, part) in by_label.items()
                },
            }
        )
    return made


def mean(count: int, total: int) -> float:
    """Return the mean of `count` numbers that sum up to `total` millionths, rounded to four places."""
    return half_away(total, count * 100) / _PLACES


def _difference(one: dict[str, Any], other: dict[str, Any], frozen: dict[str, Policy | None]) -> dict[str, Any]:
    """Return what changed from one campaign to another: both rates, and the policy."""
    old, new = frozen[one["name"]], frozen[other["name"]]
    changes = None if old is None or new is None else [list(change) for change in differences(old, new)]
    return {
        "from": one["name"],
        "to": other["name"],
        "acceptance": _change(one["acceptance"], other["acceptance"], "accepted", "decided"),
        "label_rate": _change(one["label_rate"], other["label_rate"], "true", "labelled"),
        "same_policy": old == new,
        "policy_changes": changes,
    }


def _change(before: dict[str, Any], after: dict[str, Any], part: str, whole: str) -> dict[str, Any]:
    interval = newcombe((before[part], before[whole]), (after[part], after[whole]))
    return {**_rate(interval), "word": word(interval)}


def _point(one: dict[str, Any]) -> dict[str, Any]:
    policy = one["policy"]
    return {
        "campaign": one["name"],
        "began": one["began"],
        "acceptance": one["acceptance"],
        "label_rate": one["label_rate"],
        "policy": None if policy is None else policy["policy"],
    }
