"""The list: samples by any filter, a page at a time; every number on the other pages leads here."""

from __future__ import annotations

from collections.abc import Mapping

from ledger import Ledger
from review_page.site import Facts, View

FILTERS = ("campaign", "status", "label", "reason", "rule", "source", "domain", "actor", "split", "tag", "where", "text")
LIMIT = 50


def ask(ledger: Ledger, state: Mapping[str, str]) -> Facts:
    """Return a page of the samples that the filters in the address leave."""
    given = {name: state[name] for name in FILTERS if state.get(name) or (name in {"domain", "split"} and name in state)}
    score = _score(state)
    found = ledger.find(
        **given,
        score=score,
        sort=state.get("sort") or "born",
        after=state.get("after") or None,
        limit=LIMIT,
        as_of=state.get("as_of"),
    )
    return {**found, "filters": {**given, **({} if score is None else {"score": score[0]})}, "known": ledger.findable()}


def _score(state: Mapping[str, str]) -> tuple[str, str | None, str | None] | None:
    name = state.get("score")
    return (name, state.get("least") or None, state.get("most") or None) if name else None


VIEW = View("/find", "find.html", "Samples", ask, "Samples")
