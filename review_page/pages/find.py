"""The list: samples by any filter, a page at a time; every number on the other pages leads here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from ledger import Ledger
from ledger.errors import BadRequest
from review_page.site import Facts, View

FILTERS = (
    "campaign",
    "status",
    "label",
    "reason",
    "rule",
    "source",
    "domain",
    "actor",
    "split",
    "tag",
    "where",
    "text",
)
EMPTY = frozenset({"domain", "source", "split"})
"""Filters whose empty text means samples without one, when `none` names them: an empty field of a form says nothing."""
LIMIT = 50
SHOWN = 10
"""Samples that are shown of all that are decided about."""
MOST = 50_000
"""Samples that are decided about at once."""
_TOO_MANY = f"Narrow the filters to {MOST:,} or fewer, or use `ledger accept --where` and the like."
_UNINDEXED = "There is no index of words yet"
_PLACES = frozenset({"after", "as_of", "did", "now", "sort", "undone"})
"""What an address says besides filters."""


def ask(ledger: Ledger, state: Mapping[str, str]) -> Facts:
    """Return a page of the samples that the filters in the address leave.

    Where there is no index of words to look into, nothing is found; `unindexed` says so, and whether it is made here.
    """
    given = filters(state)
    try:
        found = ledger.find(
            **given,
            sort=state.get("sort") or "born",
            after=state.get("after") or None,
            limit=LIMIT,
            as_of=state.get("as_of"),
        )
    except BadRequest as error:
        if not str(error).startswith(_UNINDEXED):
            raise
        found = {**ledger.find(limit=0, total=False, as_of=state.get("as_of")), "total": 0}
        unindexed = {"message": str(error), "made_here": ledger.status()["samples"] <= MOST}
        return {**found, **_asked(given), "unindexed": unindexed}
    return {**found, **_asked(given), "unindexed": None}


def filters(state: Mapping[str, str]) -> dict[str, Any]:
    """Return what the address filters by, as `find` and `find_ids` take it."""
    without = {name for name in state.get("none", "").split(",") if name in EMPTY}
    given: dict[str, Any] = {name: state[name] for name in FILTERS if state.get(name)} | dict.fromkeys(without, "")
    score = _score(state)
    return given if score is None else {**given, "score": score}


def _asked(given: Mapping[str, Any]) -> Facts:
    """Return the filters by name, and what there is to filter by."""
    score = given.get("score")
    names = {} if score is None else {"score": score[0], "least": score[1], "most": score[2]}
    return {"filters": {**given, **names}, "known": {**Ledger.findable(), "filters": FILTERS}}


def selected(ledger: Ledger, state: Mapping[str, str]) -> Facts:
    """Return all samples that the filters leave: `ids`, `count`, `digest`, `head`; raise BadRequest for too many."""
    given = {**filters(state), "as_of": state.get("as_of")}
    counted = ledger.find(**given, limit=0)["total"]
    if counted > MOST:
        raise BadRequest(f"{counted:,} samples are more than a page decides about", hint=_TOO_MANY)
    found = ledger.find_ids(**given)
    if found["count"] > MOST:
        raise BadRequest(f"{found['count']:,} samples are more than a page decides about", hint=_TOO_MANY)
    return found


def everything(ledger: Ledger, state: Mapping[str, str]) -> Facts:
    """Return how many samples the filters leave, which in digest, and at which head: what deciding about all is of."""
    found = selected(ledger, state)
    given = filters(state)
    return {
        "count": found["count"],
        "digest": found["digest"],
        "head": found["head"],
        "filters": _asked(given)["filters"],
        "first": ledger.find(**given, limit=SHOWN, total=False, as_of=state.get("as_of"))["samples"],
        "sent": urlencode({name: value for name, value in state.items() if name not in _PLACES}),
    }


def _score(state: Mapping[str, str]) -> tuple[str, str | None, str | None] | None:
    name = state.get("score")
    return (name, state.get("least") or None, state.get("most") or None) if name else None


_TAKES = frozenset(FILTERS) | {"after", "sort", "none", "score", "least", "most"}
VIEW = View("/find", "find.html", "Samples", ask, "Samples", takes=_TAKES)
ALL = View("/find/all", "find-all.html", "All of them", everything, takes=_TAKES)
