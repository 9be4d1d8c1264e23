"""Lineage and pairs: a poor text beside a better one, with the scores of both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ledger import Ledger
from review_page.chat import WHOLE
from review_page.pages.sample import beside
from review_page.site import Facts, View
from review_page.worddiff import Effort
from review_page.words import maybe

SHOWN = 10


def ask(ledger: Ledger, state: Mapping[str, str]) -> Facts:
    """Return a page of pairs: what differs word by word, and each score of the two."""
    kind, before = state.get("kind") or "prompt", maybe(state, "before")
    found = ledger.pairs(kind, before=before, limit=SHOWN, as_of=state.get("as_of"))
    effort, left, told = Effort(), WHOLE, []
    for n, pair in enumerate(found["pairs"]):
        each = left // (2 * (len(found["pairs"]) - n))  # what one pair does not need is there for those after it
        told.append(_told(ledger, pair, each, effort))
        left -= sum(len(piece["text"]) for side in told[-1]["sides"] for piece in side["pieces"])
    return {**found, "pairs": told}


def _told(ledger: Ledger, pair: Mapping[str, Any], room: int, effort: Effort) -> Facts:
    poor, better = pair["poor"], pair["better"]
    names = list(dict.fromkeys([*poor["scores"], *better["scores"]]))
    return {
        **pair,
        "sides": beside(ledger, poor["content"], better["content"], room, effort),
        "scores": [{"name": n, "poor": poor["scores"].get(n), "better": better["scores"].get(n)} for n in names],
    }


VIEW = View("/pairs", "pairs.html", "Pairs", ask, "Pairs", takes=frozenset({"kind", "before"}))
