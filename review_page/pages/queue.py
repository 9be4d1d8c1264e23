"""The queue: samples that nearly passed, the nearest first, one after the other, decided by a key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ledger import Ledger
from ledger.errors import BadRequest, LedgerError
from review_page import notices
from review_page.chat import turns
from review_page.site import Facts, View
from review_page.words import whole

REASONS = ("wrong", "unhelpful", "off topic", "unsafe", "repeats another")
"""Reasons that are offered besides the rules of the policy."""
OFFERED = 9
"""Reasons that have a key: the digits."""
RECENT = 20
"""Events of the sample before among which the one is that can be undone."""
STATUSES = ("rejected", "accepted")
"""Of which samples the nearest to the other outcome are listed."""
_PAGES = 10
"""Pages from the first on in which a sample is looked for that an address names."""


def ask(ledger: Ledger, state: Mapping[str, str]) -> Facts:
    """Return the page of near-misses that the address names, the one sample of it that is looked at, and progress.

    Where the address names a sample that is none of them (any more), `missing` is that one, and no other is shown.
    """
    as_of, status = state.get("as_of"), state.get("status") or STATUSES[0]
    if status not in STATUSES:
        raise BadRequest(f"The queue is of rejected or of accepted samples, not of {status[:40]!r}")
    asked: dict[str, Any] = {
        "campaign": state.get("campaign") or None,
        "domain": state.get("domain"),
        "rule": state.get("rule") or None,
        "accepted": status == "accepted",
        "as_of": as_of,
    }
    named = ledger.show(state["at"], as_of=as_of) if state.get("at") else None
    after, found = _page_with(ledger, asked, state.get("after") or None, None if named is None else named["sample"])
    rows = found["near_misses"]
    ids = [row["sample"] for row in rows]
    if named is not None and named["sample"] not in ids:
        at, row, missing = 0, None, named
    else:
        at, missing = 0 if named is None else ids.index(named["sample"]), None
        row = rows[at] if rows else None
    nearness, now = ledger.nearness(**asked), ledger.status(as_of=as_of)
    shown = None if row is None else named or ledger.show(ids[at], as_of=as_of)
    return {
        **found,
        "after": after,
        "position": at,
        "row": row,
        "missing": missing,
        "shown": shown,
        "turns": [] if shown is None else turns(ledger, shown["content"]),
        "neighbours": {"before": ids[at - 1] if at else None, "next": ids[at + 1] if at + 1 < len(ids) else None},
        "left": nearness["total"],
        "left_exactly": nearness["exact"],
        "of": {"status": status, "samples": now["by_status"][status]},
        "choices": {
            "campaign": [one["name"] for one in now["campaigns"]],
            "domain": list(now["by_domain"]),
            "rule": list(now["by_reason"]),
        },
        "in_force": any(one["in_force"] for one in ledger.policies(as_of=as_of)["adopted"]),
        **_before(ledger, state, as_of),
        "reasons": reasons(ledger, as_of),
    }


def _page_with(
    ledger: Ledger, asked: Mapping[str, Any], after: str | None, sample: str | None
) -> tuple[str | None, Facts]:
    """Return a page of near-misses and where it begins; where a sample is not on it, the one that has it.

    It is looked for in the first pages; where it is in none of them the page is the one that was asked for.
    """
    found = ledger.near_misses(**asked, after=after)
    if sample is None or any(row["sample"] == sample for row in found["near_misses"]):
        return after, found
    place: str | None = None
    for _ in range(_PAGES):
        other = ledger.near_misses(**asked, after=place)
        if any(row["sample"] == sample for row in other["near_misses"]):
            return place, other
        place = other["next"]
        if place is None:
            break
    return after, found


def _before(ledger: Ledger, state: Mapping[str, str], as_of: str | None) -> Facts:
    """Return the decisions before, as the log has them: the last one can be undone, then the one before it."""
    made = notices.chain(state.get("undo"))
    events = []
    for position in made:
        try:
            events.append(ledger.event(f"@{position}"))
        except LedgerError:
            continue
    last = events[-1]["sample"] if events and events[-1]["position"] == made[-1] else None
    return {
        "done": whole(state, "done"),
        "made": events,
        "chain": made,
        "last": last,
        "undo": made[-1] if last else None,
        "last_status": ledger.show(last)["status"] if last else None,
        "recent": _recent(ledger, last, as_of),
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


_TAKES = frozenset({"after", "at", "campaign", "domain", "done", "last", "rule", "status", "undo", "was"})
VIEW = View("/queue", "queue.html", "Near-misses", ask, "Near-misses", takes=_TAKES)
