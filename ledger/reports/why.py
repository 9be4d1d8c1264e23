"""Why a sample stands as it does: where it came from, who decided what, its twins, its relatives, its releases."""

from __future__ import annotations

from typing import Any

from ledger.digest import show as shown
from ledger.reports.history import events, leaf_of, time_text
from ledger.reports.show import label_of, origin
from ledger.store import Store
from ledger.transaction import Head
from ledger.views import decisions, lineage, releases, samples

TWINS = 50
EVENTS = 200
"""How many duplicates and events are listed, so that the answer costs the same in any ledger; `cut` says of what
there is more."""


def why(store: Store, row: samples.Row, head: Head) -> dict[str, Any]:
    """Return the answer to `ledger why`; every list is in the order in which things happened.

    Of duplicates the oldest are listed, of events the latest.
    """
    twins = [t for t in samples.by_fingerprint(store.connection, row.fingerprint, TWINS + 2) if t.sample != row.sample]
    told = events(store, sample=row.sample, upto=head.position, limit=EVENTS + 1)
    return {
        "sample": row.id.hex(),
        "status": row.status,
        "reason": row.reason or None,
        "label": label_of(row),
        "label_from": "envelope" if row.label_event == row.sample else f"event @{row.label_event}",
        "split": row.split,
        "origin": origin(store, row),
        "decisions": [_decision(store, d, row) for d in decisions.of_sample(store.connection, row.sample)],
        "duplicates": [_duplicate(twin, row) for twin in twins[:TWINS]],
        "lineage": {
            "parents": [{"sample": op.hex(), "how": how} for op, how in lineage.parents(store.connection, row.sample)],
            "children": [
                {"sample": op.hex(), "how": how} for op, how in lineage.children(store.connection, row.sample)
            ],
        },
        "releases": [_release(place) for place in releases.of_sample(store.connection, row.sample)],
        "events": told[-EVENTS:],
        "cut": [name for name, more in (("duplicates", len(twins) > TWINS), ("events", len(told) > EVENTS)) if more],
    }


def _decision(store: Store, decision: decisions.Decision, row: samples.Row) -> dict[str, Any]:
    leaf = leaf_of(store, decision.leaf)
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


def _duplicate(twin: samples.Row, row: samples.Row) -> dict[str, Any]:
    return {
        "sample": twin.id.hex(),
        "campaign": twin.campaign,
        "source": twin.source,
        "status": twin.status,
        "label": label_of(twin),
        "split": twin.split,
        "same_bytes": twin.hash == row.hash,
        "conflict": None not in (twin.label, row.label) and twin.label != row.label,
    }


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
