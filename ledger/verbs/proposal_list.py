"""Which proposals there are, and what one of them is about."""

from __future__ import annotations

from typing import Any

from ledger.digest import show
from ledger.errors import BadRequest
from ledger.exporters.manifest import head_json
from ledger.policy.expression import hint, listed
from ledger.reports.history import leaf_of
from ledger.reports.proposals import told
from ledger.store import Store
from ledger.transaction import Head
from ledger.verbs.member_list import first_members
from ledger.verbs.run import Who
from ledger.verbs.settle import How, find_proposal, what_of, would
from ledger.views import proposals, samples

EVERY = "all"
MOST = 1_000
"""Proposals, or members of one, that are told at once."""


def proposals_there_are(store: Store, head: Head, state: str, after: int, limit: int) -> dict[str, Any]:
    """Return up to `limit` proposals after a position, oldest first, and how many there are in each state.

    `next` is the position after which there are more, None at the end.
    """
    if state not in {*proposals.STATES, EVERY}:
        known = (*proposals.STATES, EVERY)
        raise BadRequest(f"No proposal is {state[:80]!r}{hint(state, known) or listed(known)}")
    states = proposals.STATES if state == EVERY else (state,)
    found = proposals.listed(store.connection, states, after, limit + 1)
    return {
        "proposals": [told(store, one) for one in found[:limit]],
        "by_state": proposals.by_state(store.connection),
        "next": found[limit - 1].position if len(found) > limit else None,
        "head": head_json(head.position, head.root),
    }


def proposal_shown(store: Store, head: Head, text: str | int, limit: int, who: Who) -> dict[str, Any]:
    """Return one proposal with the first of its samples, and, while it is open, what a person's accepting would change.

    `now` says of each sample whether it is still the version that was meant.
    """
    proposal = find_proposal(store, text)
    leaf = leaf_of(store, proposal.leaf)
    open_ = proposal.settled is None
    return {
        **told(store, proposal),
        "evidence": leaf["evidence"],
        "client": leaf["client"],
        "list": f"b3:{leaf['members']}",
        "members": _members(store, proposal, limit),
        "would": would(store, what_of(store, proposal), How("person"), who) if open_ else None,
        "head": head_json(head.position, head.root),
    }


def told_at(store: Store, position: int) -> dict[str, Any]:
    """Return the proposal at a position as it stands."""
    return told(store, find_proposal(store, position))


def _members(store: Store, proposal: proposals.Proposal, limit: int) -> list[dict[str, Any]]:
    wanted = first_members(store, proposal.members, proposal.samples, limit)
    rows = samples.by_ids(store.connection, [one for one, _ in wanted])
    return [
        {"sample": one.hex(), "version": show(version), "now": _now(rows.get(one), version)} for one, version in wanted
    ]


def _now(row: samples.Row | None, version: bytes) -> str:
    if row is None or row.status == "erased":
        return "erased"
    return "same" if row.hash == version else "changed_since"
