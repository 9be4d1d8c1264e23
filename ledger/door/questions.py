"""Asking about many samples at once: why they were rejected, which nearly passed, how campaigns and scorers differ."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from ledger.door.opened import Answer, Opened
from ledger.errors import BadRequest
from ledger.reports import agreement as agreements
from ledger.reports import conflicts as contradictions
from ledger.reports.compare import compare
from ledger.reports.near_misses import Asked, near_misses
from ledger.reports.rejections import rejections
from ledger.reports.sides import WAYS, sides
from ledger.verbs.adopt import checked_campaign
from ledger.verbs.files import put_page
from ledger.verbs.moment import reading
from ledger.verbs.words import whole_number

_MOST = 100_000


class Questions(Opened):
    """Asking about many samples at once. With `as_of` the answer is that of an earlier moment; nothing is written.

    All raise BadRequest for a campaign that does not exist.
    """

    def rejections(self, campaign: str | None = None, as_of: str | int | None = None, limit: int = 10) -> Answer:
        """Return how many samples are rejected for what, the closest to passing, and what could be done about it."""
        whole_number("The limit", limit, 0, _MOST)
        with reading(self._store, as_of) as (there, head):
            return rejections(there, head, checked_campaign(there, campaign), limit)

    def near_misses(
        self,
        campaign: str | None = None,
        *,
        domain: str | None = None,
        rule: str | None = None,
        accepted: bool = False,
        limit: int = 20,
        after: str | None = None,
        as_of: str | int | None = None,
    ) -> Answer:
        """Return the rejected (or `accepted`) samples nearest to another outcome, a page at a time.

        `domain` '' is that of samples without one; `after` is the `next` of the page before.
        """
        whole_number("The limit", limit, 1, _MOST)
        with reading(self._store, as_of) as (there, _):
            asked = Asked(limit, checked_campaign(there, campaign), domain, rule, after, accepted)
            return near_misses(there, asked)

    def compare(
        self,
        campaigns: Sequence[str] = (),
        *,
        scores: bool | None = None,
        by: str | None = None,
        limit: int = 20,
        as_of: str | int | None = None,
    ) -> Answer:
        """Return campaigns side by side (default: all, as they began), what differs between them, and the trend.

        `scores`: read every score for the means; None: up to 100,000 samples. `by` reason, rule, domain or source adds
        `parts`: two campaigns part by part, up to `limit`, and how many texts are judged otherwise in the second.
        """
        whole_number("The limit", limit, 0, _MOST)
        if by is not None and by not in WAYS:
            raise BadRequest(f"There is no part {by!r} to compare by; there are {', '.join(WAYS)}")
        if by is not None and len(campaigns) != 2:  # noqa: PLR2004 - as the message says
            raise BadRequest(f"Two campaigns are compared part by part, not {len(campaigns)}")
        with reading(self._store, as_of) as (there, head):
            names = [checked_campaign(there, name) or "" for name in campaigns]
            found = compare(there, names, scores=scores)
            return found if by is None else {**found, "parts": sides(there, head, (names[0], names[1]), by, limit)}

    def agreement(
        self,
        campaign: str | None = None,
        *,
        by: str | None = None,
        thresholds: Sequence[str] = (),
        limit: int = agreements.LIMIT,
        as_of: str | int | None = None,
    ) -> Answer:
        """Return how far scores of the same text agree, and who drifts; `by` scorer or batch.

        `thresholds` such as `overall_quality=3.0` give labels in place of the policy in force.
        """
        whole_number("The limit", limit, 0, _MOST)
        with reading(self._store, as_of) as (there, _):
            return agreements.agreement(there, checked_campaign(there, campaign), by, thresholds, limit)

    def conflicts(
        self,
        campaign: str | None = None,
        *,
        kind: str | None = None,
        limit: int = contradictions.LIMIT,
        offset: int = 0,
        as_of: str | int | None = None,
    ) -> Answer:
        """Return the texts that samples contradict one another about, all samples named; `kind` is one of three."""
        whole_number("The limit", limit, 0, _MOST)
        whole_number("The offset", offset, 0, sys.maxsize)
        with reading(self._store, as_of) as (there, _):
            return contradictions.conflicts_report(there, checked_campaign(there, campaign), kind, limit, offset)

    def write_page(self, file: str | Path, page: bytes) -> int:
        """Write a page of HTML that somebody made of an answer, whole or not at all; return its bytes.

        Raises NotWritable, also where a file stands that is no page, BadRequest, DiskFull.
        """
        return put_page(Path(file), self._store.path, page)
