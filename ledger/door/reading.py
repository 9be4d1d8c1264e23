"""Reading at leisure: what differs between two moments, views or releases, and what a shell can complete."""

from __future__ import annotations

import sys
from pathlib import Path

from ledger.door.opened import Answer, Opened
from ledger.errors import BadRequest
from ledger.verbs import diff as differences
from ledger.verbs import offers as completions
from ledger.verbs.moment import reading
from ledger.verbs.words import whole_number

_MOST = 100_000


class Reading(Opened):
    """Reading at leisure: what differs between two moments, and what a shell can complete. Nothing is written."""

    def diff(
        self,
        a: str | int | Path,
        b: str | int | Path = "now",
        *,
        view: str | None = None,
        only: str | None = None,
        limit: int = differences.LIMIT,
        offset: int = 0,
        as_of: str | int | None = None,
    ) -> Answer:
        """Return which samples differ on the way from `a` to `b`, and how: counts, turns, and a list.

        Either is a position, a time, `now`, a view, or the path of a manifest or of the file beside it; a moment beside
        a view or a manifest is that view at that moment, and `view` lets two moments be so. `only` lists those that
        differ in one way: added, removed, changed, relabelled, moved, status, weighted. Raises BadRequest,
        NoSuchPosition, ManifestUnreadable, ForeignManifest, PlanImpossible, ViewInvalid, InputNotFound.
        """
        whole_number("The limit", limit, 0, _MOST)
        whole_number("The offset", offset, 0, sys.maxsize)
        page = differences.Page(only, limit, offset)
        return differences.diff(self._store, a, b, view, as_of, page)

    def offers(self, kind: str, beginning: str = "") -> list[str]:
        """Return what begins so, for a shell to complete: ids of samples, events or quarantined lines, or names.

        `kind` is samples, events, quarantined, or actors, campaigns, policies, proposals, sources, views. Raises
        BadRequest.
        """
        if kind not in completions.KINDS:
            raise BadRequest(f"Nothing completes {kind!r}; there are {', '.join(completions.KINDS)}")
        with reading(self._store) as (here, _):
            return completions.offers(here, kind, beginning)

    @staticmethod
    def ways_to_differ() -> tuple[str, ...]:
        """Return how samples can differ, as `diff` names it. Needs no ledger."""
        return differences.WAYS
