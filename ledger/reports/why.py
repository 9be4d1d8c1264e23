"""Why a sample stands as it does: where it came from, who decided what, its twins, its relatives, its releases."""

from __future__ import annotations

from typing import Any

from ledger.digest import show as shown
from ledger.event import read_leaf
from ledger.reports.history import events, time_text
from ledger.reports.show import label_of, origin
from ledger.store import Head, Store
from ledger.views import decisions, lineage, releases, samples

TWINS = 50
"""How many duplicates are listed; the count says how many there are."""
EVENTS = 200


def why(store: Store, row: samples.Row, head: Head) -> dict[str, Any]:
    """Return the answer to `ledger why`; every list is in the order in which things happened."""
    return {
        "sample": row.id.hex(),
        "status": row.status,
        "reason": row.reason or None,
        "label": label_of(row),
        "label_from": "envelope" if row.label_event == row.sample else f"event @{row.label_event}",
        "split": row.split,
        "origin": origin(store, row),
        "decisions": [_decision(d, row) for d in decisions.of_sample(store.connection, row.sample)],
        "duplicates": _duplicates(store, row),
        "lineage": {
            "parents": [{"sample": op.hex(), "how": how} for op, how in lineage.parents(store.connection, row.sample)],
            "children": [
                {"sample": op.hex(), "how": how} for op, how in lineage.children(store.connection, row.sample)
            ],
        },
        "releases": [_release(place) for place in releases.of_sample(store.connection, row.sample)],
        "events": events(store, sample=row.sample, upto=head.position, limit=EVENTS),
    }


def _decision(decision: decisions.Decision, row: samples.Row) -> dict[str, Any]:
    leaf = read_leaf(decision.leaf)
    return {
        "event": decision.op.hex(),
        "position": decision.position,
        "outcome": decision.outcome,
        "authority": decision.authority,
        "actor": leaf["actor"],
        "via": leaf["via"],
        "time": time_text(leaf["at"]),
        "rule": decision.rule,
        "reason": decision.reason,
        "details": leaf["details"],
        "policy": decision.policy,
        "version": shown(decision.version),
        "in_force": decision.position == row.decision,
        "withdrawn": decision.withdrawn is not None,
    }


def _duplicates(store: Store, row: samples.Row) -> list[dict[str, Any]]:
    twins = samples.by_fingerprint(store.connection, row.fingerprint, TWINS + 1)
    return [
        {
            "sample": twin.id.hex(),
            "campaign": twin.campaign,
            "source": twin.source,
            "status": twin.status,
            "label": label_of(twin),
            "split": twin.split,
            "same_bytes": twin.hash == row.hash,
            "conflict": None not in (twin.label, row.label) and twin.label != row.label,
        }
        for twin in twins
        if twin.sample != row.sample
    ][:TWINS]


def _release(place: releases.Place) -> dict[str, Any]:
    return {
        "position": place.position,
        "view": place.view,
        "name": place.name,
        "output": f"b3:{place.output}",
        "manifest": shown(place.manifest),
        "row": place.place,
        "omitted": place.omitted,
    }
