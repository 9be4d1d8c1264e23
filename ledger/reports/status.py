"""How the ledger stands: counts that add up, by status, label, split and campaign, and the head."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ledger.exporters.manifest import head_json
from ledger.store import Store
from ledger.transaction import Head
from ledger.views import proposals, quarantine, rollups

STATUSES = ("accepted", "rejected", "pending", "errored", "superseded", "erased")
LABELS = ("true", "false", "none")


def status(store: Store, head: Head) -> dict[str, Any]:
    """Return the answer to `ledger status`; reads a few rows, whatever the size of the ledger."""
    groups = rollups.groups(store.connection)
    by = {name: Counter[str]() for name in ("status", "label", "split", "domain", "campaign")}
    reasons: Counter[str] = Counter()
    for group in groups:
        for name, counter in by.items():
            counter[getattr(group, name)] += group.samples
        if group.status == "rejected":
            reasons[group.rule] += group.samples
    total = rollups.born(store.connection)
    campaigns = [_campaign(name, groups) for name in sorted(by["campaign"])]
    return {
        "samples": total,
        "blobs": store.blob_count(head.position),
        "fingerprints": rollups.fingerprints(store.connection),
        "quarantined": quarantine.count(store.connection),
        "events": head.position + 1,
        "head": head_json(head.position, head.root),
        "by_status": {name: by["status"][name] for name in STATUSES},
        "by_label": {name: by["label"][name] for name in LABELS},
        "by_split": {name: count for name, count in sorted(by["split"].items()) if name},
        "by_domain": {name: count for name, count in sorted(by["domain"].items()) if name},
        "by_reason": dict(reasons.most_common()),
        "proposals": proposals.by_state(store.connection),
        "campaigns": campaigns,
        "conserved": total == sum(by["status"][name] for name in STATUSES),
        "ledger": store.ledger_id,
        "path": str(store.path),
    }


def _campaign(name: str, groups: list[rollups.Group]) -> dict[str, Any]:
    mine = [group for group in groups if group.campaign == name]
    by_status: Counter[str] = Counter()
    by_label: Counter[str] = Counter()
    for group in mine:
        by_status[group.status] += group.samples
        by_label[group.label] += group.samples
    total = sum(group.samples for group in mine)
    return {
        "name": name,
        "samples": total,
        "by_status": {status: by_status[status] for status in STATUSES},
        "by_label": {label: by_label[label] for label in LABELS},
        "conserved": total == sum(by_status[status] for status in STATUSES),
    }
