"""Which samples are twins of which: the same bytes, the same teaching, or texts that are nearly the same.

Exact twins are known from the fingerprints, without looking. Near ones are what the last look at a field recorded.
"""

from __future__ import annotations

import json
from typing import Any

from ledger.digest import show as shown
from ledger.fixed import ONE, text_of
from ledger.store import Store
from ledger.transaction import in_chunks
from ledger.views import alike, near
from ledger.views.alike import Scope

LIMIT = 1_000
"""Groups in one answer, unless another number is asked for."""

_LABELS = {None: None, 0: False, 1: True}


def duplicates(
    store: Store, field: str = near.WHOLE, campaign: str | None = None, limit: int = LIMIT, offset: int = 0
) -> dict[str, Any]:
    """Return the answer to `ledger duplicates`: exact counts, and one page of groups, the largest first.

    The first member of a group represents it: the one that an export would keep. `exact` counts the samples that share
    their fingerprint with another, `near` those in a group of several texts.
    """
    connection = store.connection
    look, scope = _look(store, field, campaign)
    with alike.found(connection, scope):
        counts = alike.counts(connection)
        page = alike.groups(connection, limit, offset)
        groups = [made for chunk in in_chunks(page, 100) for made in _groups(store, scope, chunk)]
    recipe = None if look is None else json.loads(look.recipe)
    return {
        "exact": alike.shared(connection, campaign, "fingerprint"),
        "same_bytes": alike.shared(connection, campaign, "version"),
        "near": counts.near,
        "groups": groups,
        "counted": counts.groups,
        "samples": counts.samples,
        "field": field,
        "threshold": None if recipe is None else text_of(recipe["threshold"]),
        "look": None if look is None else look.position,
        "campaign": campaign,
        "offset": offset,
        "left": max(counts.groups - offset - len(page), 0),
    }


def _look(store: Store, field: str, campaign: str | None) -> tuple[near.Standing | None, Scope]:
    """Return the look that counts: at a campaign's samples alone, else at all."""
    if campaign is not None and (own := near.standing(store.connection, field, campaign)):
        return own, Scope(field, campaign, campaign)
    return near.standing(store.connection, field, ""), Scope(field, "", campaign)


def _groups(store: Store, scope: Scope, page: list[alike.Group]) -> list[dict[str, Any]]:
    members = alike.members(store.connection, scope, [group.cluster for group in page])
    return [
        {
            "representative": members[group.cluster][0].id.hex(),
            "samples": group.samples,
            "texts": group.texts,
            "members": [_member(store, scope, one, members[group.cluster]) for one in members[group.cluster]],
            "cut": group.samples - len(members[group.cluster]),
        }
        for group in page
    ]


def _member(store: Store, scope: Scope, one: alike.Member, group: list[alike.Member]) -> dict[str, Any]:
    """Return one member; its similarity is that to the representative, or where they are no pair to its nearest."""
    kind, similarity, twin = _likeness(store, scope, one, group)
    return {
        "sample": one.id.hex(),
        "similarity": similarity / ONE,
        "kind": kind,
        "twin": twin,
        "fingerprint": shown(one.fingerprint),
        "campaign": one.campaign,
        "source": one.source,
        "line": one.line,
        "label": _LABELS[one.label],
        "status": one.status,
    }


def _likeness(store: Store, scope: Scope, one: alike.Member, group: list[alike.Member]) -> tuple[str, int, str | None]:
    """Return what sort of twin a member is, how similar, and of which sample.

    The sample is None for the representative itself, and where the texts that tie it to the group are not listed:
    changed since the last look, of another campaign, or beyond the members that one answer has.
    """
    first = group[0]
    if one.fingerprint == first.fingerprint:
        kind = "content" if one.hash == first.hash else "fingerprint"
        return kind, ONE, None if one is first else first.id.hex()
    place = (store.connection, scope.field, scope.scope)
    direct = near.similarity(*place, one.fingerprint, first.fingerprint)
    if direct is not None:
        return "near", direct, first.id.hex()
    found = dict(near.twins_of(*place, near.centre(*place, one.fingerprint)))
    by_text = {member.fingerprint: member.id.hex() for member in reversed(group)}
    nearest = next((text for text in found if text in by_text), next(iter(found), None))  # the most alike comes first
    return "near", 0 if nearest is None else found[nearest], None if nearest is None else by_text.get(nearest)
