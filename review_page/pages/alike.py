"""What is alike or at odds: duplicates, templates, conflicts, agreement, as lists to act on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ledger import Ledger
from ledger.errors import BadRequest
from review_page.site import Facts, View
from review_page.words import whole

SHOWN = 20


def duplicates(ledger: Ledger, state: Mapping[str, str]) -> Facts:
    """Return a page of groups of twins, each with the ids of those that are ticked: copies of one that is kept.

    The first that is accepted is kept, else the first of all. Ticked are those that were rejected or wait, with the
    same label: what is accepted already, and what says the opposite, is for a person to look at.
    """
    found = ledger.duplicates(offset=whole(state, "offset"), limit=SHOWN, as_of=state.get("as_of"))
    groups = [{**group, **_copies(group)} for group in found["groups"]]
    return {**found, "groups": groups, "following": whole(state, "offset") + SHOWN if found["left"] else None}


def _copies(group: Mapping[str, Any]) -> Facts:
    members = group["members"]
    accepted = [one for one in members if one["status"] == "accepted"]
    first = [one for one in members if one["sample"] == group["representative"]]
    kept = next(iter([*accepted, *first, *members]))
    copies = [one for one in members if one["status"] in {"rejected", "pending"} and one["label"] == kept["label"]]
    return {"kept": kept["sample"], "ticked": [one["sample"] for one in copies if one["sample"] != kept["sample"]]}


def conflicts(ledger: Ledger, state: Mapping[str, str]) -> Facts:
    """Return a page of the texts that stand in two ways."""
    kind, offset = state.get("kind") or None, whole(state, "offset")
    found = ledger.conflicts(kind=kind, offset=offset, limit=SHOWN, as_of=state.get("as_of"))
    return {**found, "following": offset + SHOWN if found["left"] else None}


def templates(ledger: Ledger, state: Mapping[str, str]) -> Facts:
    """Return the families of the last look for templates; nobody having looked is told, not refused."""
    field, as_of = state.get("field") or "answer", state.get("as_of")
    if as_of is not None:
        ledger.position(as_of)  # what is wrong with the moment is not that nobody looked
    try:
        return {"told": ledger.templates(field, look=False, limit=SHOWN, as_of=as_of), "field": field}
    except BadRequest as error:
        return {"told": None, "field": field, "missing": str(error)}


def agreement(ledger: Ledger, state: Mapping[str, str]) -> Facts:
    """Return how far scores of the same text agree, who drifts, and the texts that they disagree about."""
    return ledger.agreement(state.get("campaign") or None, limit=SHOWN, as_of=state.get("as_of"))


VIEWS = (
    View(
        "/duplicates", "duplicates.html", "Duplicates", duplicates, "Duplicates", slow=True, takes=frozenset({"offset"})
    ),
    View("/templates", "templates.html", "Templates", templates, "Templates", takes=frozenset({"field"})),
    View(
        "/conflicts",
        "conflicts.html",
        "Conflicts",
        conflicts,
        "Conflicts",
        slow=True,
        takes=frozenset({"kind", "offset"}),
    ),
    View("/agreement", "agreement.html", "Agreement", agreement, "Agreement", slow=True, takes=frozenset({"campaign"})),
)
