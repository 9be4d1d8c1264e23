"""Why a sample stands as it does: what was said about it and by whom, what decided, and what would decide otherwise.

With it come its origin, twins, relatives and releases. Every part is found through an index, so that the answer costs
the same in any ledger.
"""

from __future__ import annotations

from typing import Any

from ledger.digest import show as shown
from ledger.reports.deciding import deciding
from ledger.reports.history import events, leaf_of
from ledger.reports.proposals import MOST_ABOUT, about
from ledger.reports.reached import reached
from ledger.reports.scorings import found, scorings
from ledger.reports.show import erasure, label_of, origin
from ledger.reports.statements import statement, statements
from ledger.reports.today import today
from ledger.store import Store
from ledger.transaction import Head
from ledger.views import lineage, releases, samples, trainings, weights

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
    came = origin(store, row)
    known = statements(store, row)
    standing = known.in_force(row)
    scored, more_scored = scorings(store, row)
    validated, findings = found(store, row)
    proposed = about(store, row.sample)
    cut = (
        ("duplicates", len(twins) > TWINS),
        ("scores", more_scored),
        ("events", len(told) > EVENTS),
        ("proposals", len(proposed) > MOST_ABOUT),
    )
    return {
        "sample": row.id.hex(),
        "status": row.status,
        "reason": row.reason or None,
        "erased": erasure(store, row),
        "label": label_of(row),
        "label_from": "envelope" if row.label_event == row.sample else f"event @{row.label_event}",
        "split": row.split,
        "weight": _weight(store, row),
        "version": shown(row.hash),
        "domain": row.domain,
        "origin": came,
        **deciding(store, row, known),
        **today(store, row, known, came["label"]),
        "scores": scored,
        "validated": validated,
        "findings": findings,
        "decisions": [statement(said, known, standing) for said in known.status],
        "labels": [statement(said, known, standing) for said in known.label],
        "proposals": proposed[:MOST_ABOUT],
        "duplicates": [_duplicate(twin, row) for twin in twins[:TWINS]],
        "lineage": {
            "parents": [{"sample": op.hex(), "how": how} for op, how in lineage.parents(store.connection, row.sample)],
            "children": [
                {"sample": op.hex(), "how": how} for op, how in lineage.children(store.connection, row.sample)
            ],
        },
        "releases": _releases(store, row.sample),
        "events": told[-EVENTS:],
        "cut": [name for name, more in cut if more],
    }


def _weight(store: Store, row: samples.Row) -> dict[str, Any] | None:
    """Return the weight in force, by whom and why; None where it is 1."""
    given = weights.history(store.connection, [row.sample]).get(row.sample, [])
    said = weights.standing(given)
    if said is None or said.times == weights.ONCE or (event := store.event(said.position)) is None:
        return None
    by = leaf_of(store, event[1])["actor"]
    return {"times": said.times, "by": by, "reason": said.reason, "event": event[0].hex()}


def _duplicate(twin: samples.Row, row: samples.Row) -> dict[str, Any]:
    return {
        "sample": twin.id.hex(),
        "campaign": twin.campaign,
        "source": twin.source,
        "status": twin.status,
        "label": label_of(twin),
        "split": twin.split,
        "similarity": 1,
        "same_bytes": twin.hash == row.hash,
        "conflict": None not in (twin.label, row.label) and twin.label != row.label,
    }


def _releases(store: Store, sample: int) -> list[dict[str, Any]]:
    """Return where a sample stands in each release, and which trainings took a step on one of its rows there."""
    places = releases.of_sample(store.connection, sample)
    found = trainings.of_releases(store.connection, [one.position for one in places if one.copies])
    return [_release(one, [run for run in found if _took(store, run, one)]) for one in places]


def _took(store: Store, run: trainings.Training, place: releases.Place) -> bool:
    return run.release == place.position and place.place is not None and reached(store, run).is_reached(place.place)


def _release(place: releases.Place, runs: list[trainings.Training]) -> dict[str, Any]:
    return {
        "position": place.position,
        "view": place.view,
        "name": place.name,
        "output": f"b3:{place.output}",
        "manifest": shown(place.manifest),
        "row": place.place,
        "copies": place.copies,
        "preferred": None if place.preferred is None else place.preferred == 1,
        "omitted": place.omitted,
        "trained": [
            {
                "position": run.position,
                "event": run.op.hex(),
                "method": run.method,
                "state": run.state,
                "output": run.output,
            }
            for run in runs
        ],
    }
