"""The overview: that nothing is lost, and what stands where."""

from __future__ import annotations

from collections.abc import Mapping

from ledger import Ledger
from review_page.site import Facts, View


def ask(ledger: Ledger, state: Mapping[str, str]) -> Facts:
    """Return counts by status, label, split, domain, reason and campaign, and the policies in force."""
    as_of = state.get("as_of")
    return {**ledger.status(as_of=as_of), "policies": ledger.policies(as_of=as_of)}


VIEW = View("/", "overview.html", "Overview", ask, "Overview")
