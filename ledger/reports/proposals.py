"""Proposals as people and programs read them: who proposed what of how many samples, and what became of it."""

from __future__ import annotations

from typing import Any

from ledger.errors import CorruptLedger
from ledger.event import op_of
from ledger.reports.history import leaf_of, time_text
from ledger.store import Store
from ledger.views import proposals

Answer = dict[str, Any]

COUNTS = ("changed", "outranked", "unchanged", "changed_since", "erased")
"""What becomes of the samples of a proposal that is accepted; together they are all of them.

Those that are outranked stay otherwise than the verdict has them, or as they were already, for what a person decided
about them. A decision is recorded of those that changed, and of those of the outranked of which it was not yet.
"""
MOST_ABOUT = 20
"""Open proposals about one sample that are told."""


def name_of(position: int) -> str:
    """Return the short name of a proposal, which is that of its place in the log."""
    return f"P{position}"


def brief(store: Store, proposal: proposals.Proposal) -> Answer:
    """Return what is proposed, by whom and why."""
    leaf = leaf_of(store, proposal.leaf)
    return {
        "proposal": proposal.op.hex(),
        "name": name_of(proposal.position),
        "position": proposal.position,
        "time": time_text(leaf["at"]),
        "proposer": proposal.proposer,
        "via": leaf["via"],
        "verdict": proposal.verdict,
        "reason": proposal.reason,
        "count": proposal.samples,
    }


def told(store: Store, proposal: proposals.Proposal) -> Answer:
    """Return a proposal with what became of it; `settled` is None while it is open."""
    leaf = leaf_of(store, proposal.leaf)
    settled = None if proposal.settled is None else _settled(store, proposal.settled)
    return {**brief(store, proposal), "key": leaf["key"], "state": proposal.state, "settled": settled}


def about(store: Store, sample: int) -> list[Answer]:
    """Return the open proposals about a sample, oldest first; one more than MOST_ABOUT where there are more."""
    return [brief(store, one) for one in proposals.about(store.connection, sample, MOST_ABOUT + 1)]


def _settled(store: Store, position: int) -> Answer:
    """Return who accepted or declined a proposal and why; of an accepted one also what became of its samples.

    `events` are the first and the last position of the decisions, which stand behind the acceptance.
    """
    op, leaf = _event(store, position)
    counts, end = _counts(store, leaf["run"]) if leaf["kind"] == "proposal_accepted" else ({}, position + 1)
    policy = leaf.get("policy")
    return {
        "position": position,
        "event": op.hex(),
        "time": time_text(leaf["at"]),
        "actor": leaf["actor"],
        "via": leaf["via"],
        "authority": leaf["authority"],
        "confirmed": leaf.get("confirmed"),
        "policy": None if policy is None else f"b3:{policy}",
        "reason": leaf["reason"],
        **{name: counts.get(name) for name in COUNTS},
        "events": [position + 1, end - 1] if end > position + 1 else [],
    }


def _counts(store: Store, run: int) -> tuple[dict[str, int], int]:
    """Return the counts with which a run ended, and where: they say what became of the samples when it happened.

    Its decisions are all that stands between the acceptance and its end, since they are one commit.
    """
    ended = op_of("run_finished", {"started": _event(store, run)[0].hex()})
    found = store.find_ops(ended, ended)
    return (_event(store, found[0][1])[1]["counts"], found[0][1]) if found else ({}, 0)


def _event(store: Store, position: int) -> tuple[bytes, dict[str, Any]]:
    found = store.event(position)
    if found is None:
        raise CorruptLedger(store.path, f"the event @{position} is missing")
    return found[0], leaf_of(store, found[1])
