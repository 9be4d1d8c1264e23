"""The list: samples by any filter, a page at a time; every number on the other pages leads here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ledger import Ledger
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


def ask(ledger: Ledger, state: Mapping[str, str]) -> Facts:
    """Return a page of the samples that the filters in the address leave."""
    without = {name for name in state.get("none", "").split(",") if name in EMPTY}
    given: dict[str, Any] = {name: state[name] for name in FILTERS if state.get(name)} | dict.fromkeys(without, "")
    score = _score(state)
    found = ledger.find(
        **given,
        score=score,
        sort=state.get("sort") or "born",
        after=state.get("after") or None,
        limit=LIMIT,
        as_of=state.get("as_of"),
    )
    names = {"score": score[0], "least": score[1], "most": score[2]} if score is not None else {}
    return {**found, "filters": {**given, **names}, "known": {**ledger.findable(), "filters": FILTERS}}


def _score(state: Mapping[str, str]) -> tuple[str, str | None, str | None] | None:
    name = state.get("score")
    return (name, state.get("least") or None, state.get("most") or None) if name else None


VIEW = View("/find", "find.html", "Samples", ask, "Samples")
