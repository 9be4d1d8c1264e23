"""The keys, as a page for browsers that run no scripts; with them it is a dialog on every page."""

from __future__ import annotations

from collections.abc import Mapping

from ledger import Ledger
from review_page.site import Facts, View
from review_page.words import KEYS


def ask(_ledger: Ledger, _state: Mapping[str, str]) -> Facts:
    """Return each key and what it does."""
    return {"keys": [{"key": key, "does": does} for key, does in KEYS]}


VIEW = View("/keys", "keys.html", "Keys", ask)
