"""Scores: a true histogram of every component and measure, domain by domain, with the thresholds of the policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ledger import Ledger
from review_page.charts import bars
from review_page.pages.whatif import levers
from review_page.site import Facts, View

SHOWN = 24
"""Charts of one page."""


def ask(ledger: Ledger, state: Mapping[str, str]) -> Facts:
    """Return each number's bars: of all domains together, of one domain, or of one number domain by domain."""
    as_of, name, domain = state.get("as_of"), state.get("name") or None, state.get("domain")
    found = ledger.spreads(name, domain=domain, as_of=as_of)
    numbers = [_charted(one, one["name"], domain) for one in found["numbers"]]
    if name is not None and domain is None:
        parts = [part for one in found["numbers"] for part in one["by_domain"]]
        if len(parts) > 1 or any(part["domain"] for part in parts):
            numbers += [_charted(part, name, part["domain"]) for part in parts]
    first, movable = _first(numbers), levers(ledger, state)
    return {
        "charts": first[:SHOWN],
        "left": max(0, len(first) - SHOWN),
        "names": found["names"],
        "domains": found["domains"],
        "name": name,
        "domain": domain,
        "levers": None if movable is None else [lever._asdict() for lever in movable],
        "head": found["head"],
    }


def _charted(part: Mapping[str, Any], name: str, domain: str | None) -> Facts:
    return {
        "name": name,
        "domain": domain,
        "samples": part["samples"],
        "thresholds": part["thresholds"],
        "bars": bars(part["steps"], part["thresholds"]),
    }


def _first(charts: list[Facts]) -> list[Facts]:
    """Return what the policy is about before what it does not look at."""
    return sorted(charts, key=lambda chart: not chart["thresholds"])


VIEW = View("/scores", "scores.html", "Scores", ask, "Scores", takes=frozenset({"name", "domain", "campaign"}))
