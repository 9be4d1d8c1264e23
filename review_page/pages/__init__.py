"""The pages, in the order of the menu; one module each, which asks the ledger and names its template."""

from __future__ import annotations

from review_page.pages import overview, queue, sample
from review_page.site import View

PAGES: tuple[View, ...] = (overview.VIEW, queue.VIEW, sample.VIEW)
