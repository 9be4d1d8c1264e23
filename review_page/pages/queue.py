"""The queue: samples that nearly passed, the nearest first, one after the other, decided by a key."""

from __future__ import annotations

from collections.abc import Mapping

from ledger import Ledger
from review_page.chat import turns
from review_page.site import Facts, View


def ask(ledger: Ledger, state: Mapping[str, str]) -> Facts:
    """Return the page of near-misses that the address names, and the one sample of it that is looked at."""
    as_of = state.get("as_of")
    found = ledger.near_misses(
        state.get("campaign") or None,
        domain=state.get("domain"),
        rule=state.get("rule") or None,
        after=state.get("after") or None,
        as_of=as_of,
    )
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
    }


VIEW = View("/queue", "queue.html", "Near-misses", ask, "Near-misses")
