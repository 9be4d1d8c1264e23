"""The overview: that nothing is lost, what stands where, by which policy, and how campaigns went one after another."""

from __future__ import annotations

from collections.abc import Mapping

from ledger import Ledger
from review_page.site import Facts, View


def ask(ledger: Ledger, state: Mapping[str, str]) -> Facts:
    """Return counts by status, label, split, domain, reason and campaign, the policies in force, and the trend."""
    as_of = state.get("as_of")
    policies = ledger.policies(as_of=as_of)
    return {
        **ledger.status(as_of=as_of),
        "policies": [one for one in policies["adopted"] if one["in_force"]],
        "trend": ledger.compare(scores=False, as_of=as_of)["trend"],
    }


VIEW = View("/", "overview.html", "Overview", ask, "Overview")
