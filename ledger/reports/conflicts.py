"""Which samples teach the same thing and contradict one another, with all of them named.

This is wider than what an export leaves out as `conflict` (`ledger.exporters.eligibility`), which is only both labels
among samples whose status it takes, of one split. Here rejected and superseded samples count too: that one text is
accepted and rejected, or called good and bad, is worth knowing also where a decision has settled it. `in_exports` says
of which groups an export of all splits would leave out every sample.
"""

from __future__ import annotations

from typing import Any

from ledger.digest import show as shown
from ledger.errors import BadRequest
from ledger.exporters.eligibility import usable
from ledger.fixed import text_of
from ledger.store import Store
from ledger.transaction import in_chunks
from ledger.views import conflicts, policies, standing

LIMIT = 1000
"""Groups in one answer, unless another number is asked for."""

_LABELS = {None: None, 0: False, 1: True}


def conflicts_report(
    store: Store, campaign: str | None = None, kind: str | None = None, limit: int = LIMIT, offset: int = 0
) -> dict[str, Any]:
    """Return the answer to `ledger conflicts`: exact counts, and one page of groups, oldest first.

    With `campaign` the groups are those with a sample of it; their other samples are named wherever they are. `kind`
    is labels, decisions or derived. Raises BadRequest for another.
    """
    if kind is not None and kind not in conflicts.KINDS:
        raise BadRequest(f"There is no kind of conflict {kind!r}; there are {', '.join(conflicts.KINDS)}")
    connection = store.connection
    statuses = usable(policy_adopted=policies.adopted(connection))
    with conflicts.found(connection, campaign, statuses):
        total = conflicts.counts(connection, kind)
        page = conflicts.groups(connection, kind, limit, offset)
        by_kind = {name: conflicts.counts(connection, name)._asdict() for name in conflicts.KINDS}
        stopping = conflicts.stopping(connection)
    return {
        "fingerprints": total.fingerprints,
        "samples": total.samples,
        "by_kind": by_kind,
        "in_exports": stopping,
        "groups": [group for chunk in in_chunks(page) for group in _groups(store, chunk)],
        "campaign": campaign,
        "kind": kind,
        "offset": offset,
        "left": max(total.fingerprints - offset - len(page), 0),
    }


def _groups(store: Store, page: list[conflicts.Group]) -> list[dict[str, Any]]:
    fingerprints = [group.fingerprint for group in page]
    sides = conflicts.sides(store.connection, fingerprints)
    twins = conflicts.twins(store.connection, fingerprints)
    handles = [twin.sample for group in fingerprints for twin in twins[group]]
    numbers: dict[int, standing.Headline] = {}
    for chunk in in_chunks(handles):
        numbers |= standing.headlines(store.connection, chunk)
    return [
        {
            "fingerprint": shown(group.fingerprint),
            "kinds": list(group.kinds),
            "in_exports": group.stops,
            "samples": group.samples,
            "sides": [
                {"label": _LABELS[side.label], "status": side.status, "samples": side.samples}
                for side in sides[group.fingerprint]
            ],
            "twins": [_twin(twin, numbers.get(twin.sample)) for twin in twins[group.fingerprint]],
            "cut": group.samples - len(twins[group.fingerprint]),
        }
        for group in page
    ]


def _twin(twin: conflicts.Twin, headline: standing.Headline | None) -> dict[str, Any]:
    return {
        "sample": twin.id.hex(),
        "campaign": twin.campaign,
        "source": twin.source,
        "line": twin.line,
        "label": _LABELS[twin.label],
        "status": twin.status,
        "decided_by": _by(twin.decided_by),
        "labelled_by": _by(twin.labelled_by),
        "derived": twin.derived,
        "score": None if headline is None else {"name": headline.name, "value": text_of(headline.value)},
        "releases": twin.releases,
    }


def _by(said: tuple[str, str | None, str] | None) -> dict[str, str | None] | None:
    return None if said is None else dict(zip(("authority", "rule", "actor"), said, strict=True))
