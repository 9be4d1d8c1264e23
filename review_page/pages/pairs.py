"""Lineage and pairs: a poor text beside a better one, with the scores of both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ledger import Ledger
from review_page.chat import turns
from review_page.pages.sample import beside
from review_page.site import Facts, View
from review_page.words import maybe

SHOWN = 10


def ask(ledger: Ledger, state: Mapping[str, str]) -> Facts:
    """Return a page of pairs: what differs word by word, and each score of the two."""
    kind, before = state.get("kind") or "prompt", maybe(state, "before")
    found = ledger.pairs(kind, before=before, limit=SHOWN, as_of=state.get("as_of"))
    return {**found, "pairs": [_told(ledger, pair) for pair in found["pairs"]]}


def _told(ledger: Ledger, pair: Mapping[str, Any]) -> Facts:
    poor, better = pair["poor"], pair["better"]
    names = list(dict.fromkeys([*poor["scores"], *better["scores"]]))
    return {
        **pair,
        "sides": beside(turns(ledger, poor["content"]), turns(ledger, better["content"])),
        "scores": [{"name": n, "poor": poor["scores"].get(n), "better": better["scores"].get(n)} for n in names],
    }


VIEW = View("/pairs", "pairs.html", "Pairs", ask, "Pairs")
