"""Finding samples by their words."""

from __future__ import annotations

import sys

from ledger.door.opened import Answer, Opened, Progress, silent
from ledger.verbs import search as searches
from ledger.verbs.words import whole_number

_MOST = 1_000


class Search(Opened):
    """Finding samples by their words."""

    def search(  # noqa: PLR0913 - a keyword for each setting
        self,
        query: str,
        *,
        field: str = "all",
        campaign: str | None = None,
        status: str | None = None,
        label: str | None = None,
        domain: str | None = None,
        where: str | None = None,
        limit: int = 20,
        offset: int = 0,
        as_of: str | int | None = None,
        rebuild: bool = False,
        progress: Progress | None = None,
    ) -> Answer:
        """Return the samples whose current version holds all words of a query, nearest first, with snippets.

        Phrases stand in quotes, `word*` is any word that begins so; `field` is prompt, completion or all. The first
        search makes an index in the ledger's file, later ones put new versions in, and `rebuild` makes it anew. Raises
        BadRequest, ConditionInvalid, NoSuchPosition, LedgerBusy, DiskFull; NotWritable for `rebuild`.
        """
        whole_number("The limit", limit, 0, _MOST)
        whole_number("The offset", offset, 0, sys.maxsize)
        asked = searches.Asked(query, field, campaign, status, label, domain, where, limit, offset)
        return searches.search(self._store, asked, as_of, progress or silent, anew=rebuild)

    @staticmethod
    def searchable() -> dict[str, tuple[str, ...]]:
        """Return what a search can be narrowed to: fields, statuses and labels. Needs no ledger."""
        return {"field": searches.FIELDS, "status": searches.STATUSES, "label": searches.LABELS}
