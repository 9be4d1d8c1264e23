"""Conflicts: one text, both labels; accepted and rejected."""

from __future__ import annotations

from collections.abc import Mapping

from ledger import Ledger
from review_page.site import Facts, View
from review_page.words import whole


def ask(ledger: Ledger, state: Mapping[str, str]) -> Facts:
    """Return a page of the texts that stand in two ways."""
    return ledger.conflicts(offset=whole(state, "offset"), limit=20, as_of=state.get("as_of"))


VIEW = View("/conflicts", "conflicts.html", "Conflicts", ask, "Conflicts")
