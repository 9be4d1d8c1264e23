"""The queue: samples that nearly passed, the nearest first, one after the other, decided by a key."""

from __future__ import annotations

from collections.abc import Mapping

from ledger import Ledger
from ledger.errors import LedgerError
from review_page.chat import turns
from review_page.site import Facts, View
from review_page.words import whole

REASONS = ("wrong", "unhelpful", "off topic", "unsafe", "repeats another")
"""Reasons that are offered besides the rules of the policy."""
OFFERED = 9
"""Reasons that have a key: the digits."""
RECENT = 20
"""Events of the sample before among which the one is that can be undone."""


def ask(ledger: Ledger, state: Mapping[str, str]) -> Facts:
    """Return the page of near-misses that the address names, the one sample of it that is looked at, and progress."""
    as_of, campaign = state.get("as_of"), state.get("campaign") or None
    domain, rule = state.get("domain"), state.get("rule") or None
    found = ledger.near_misses(campaign, domain=domain, rule=rule, after=state.get("after") or None, as_of=as_of)
    nearness = ledger.nearness(campaign, domain=domain, rule=rule, as_of=as_of)
    rows = found["near_misses"]
    ids = [row["sample"] for row in rows]
    at = ids.index(state["at"]) if state.get("at") in ids else 0
    shown = None if not rows else ledger.show(ids[at], as_of=as_of)
    return {
        **found,
        "position": at,
        "row": rows[at] if rows else None,
        "shown": shown,
        "turns": [] if shown is None else turns(ledger, shown["content"]),
        "neighbours": {"before": ids[at - 1] if at else None, "next": ids[at + 1] if at + 1 < len(ids) else None},
        "left": nearness["total"],
        "left_exactly": nearness["exact"],
        "done": whole(state, "done"),
        "last": state.get("last") or None,
        "undo": whole(state, "undo") if state.get("undo") else None,
        "recent": _recent(ledger, state.get("last"), as_of),
        "reasons": reasons(ledger, as_of),
    }


def _recent(ledger: Ledger, sample: str | None, as_of: str | None) -> list[Facts]:
    """Return the last events of the sample that was decided before; none where the address names none that is there."""
    if not sample or as_of is not None:
        return []
    try:
        return list(ledger.history(sample, limit=RECENT)["events"])
    except LedgerError:
        return []


def reasons(ledger: Ledger, as_of: str | None) -> list[str]:
    """Return reasons to choose from: those that rejected most so far, then the usual ones."""
    told = [reason for reason in ledger.status(as_of=as_of)["by_reason"] if reason not in {"person", "import"}]
    return list(dict.fromkeys([*told[: OFFERED - len(REASONS)], *REASONS]))[:OFFERED]


VIEW = View("/queue", "queue.html", "Near-misses", ask, "Near-misses")
