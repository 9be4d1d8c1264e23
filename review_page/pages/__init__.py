"""The pages, in the order of the menu; a module each or one for a few of a kind, which asks the ledger."""

from __future__ import annotations

from review_page.pages import alike, find, keys, overview, pairs, queue, releases, sample, scores, whatif
from review_page.site import View

PAGES: tuple[View, ...] = (
    overview.VIEW,
    find.VIEW,
    find.ALL,
    scores.VIEW,
    whatif.VIEW,
    queue.VIEW,
    pairs.VIEW,
    *alike.VIEWS,
    *releases.VIEWS,
    sample.VIEW,
    sample.EDIT,
    keys.VIEW,
)
"""What is asked for by an address, each with its JSON twin."""
