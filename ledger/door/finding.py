"""Listing samples: a page of those that filters leave, or the ids of all of them."""

from __future__ import annotations

from ledger.door.opened import Answer, Opened
from ledger.reports.status import LABELS, STATUSES
from ledger.verbs import find as finds
from ledger.verbs.words import whole_number

_MOST = 1_000


class Finding(Opened):
    """Listing samples, and selecting them; with `as_of` the answer is that of an earlier moment.

    Nothing is written but the index of words, which `text` brings up to date where the file can be written and nothing
    stands still (`standing_still`).

    Filters that are given must all hold; those left out (None) say nothing. The domain, source and split '' are those
    of samples without one. All raise BadRequest, ConditionInvalid, NoSuchPosition.
    """

    def find(  # noqa: PLR0913 - a keyword for each filter
        self,
        *,
        campaign: str | None = None,
        status: str | None = None,
        label: str | None = None,
        reason: str | None = None,
        rule: str | None = None,
        source: str | None = None,
        domain: str | None = None,
        actor: str | None = None,
        split: str | None = None,
        tag: str | None = None,
        since: str | int | None = None,
        until: str | int | None = None,
        score: tuple[str, str | float | None, str | float | None] | None = None,
        where: str | None = None,
        text: str | None = None,
        unlike: str | None = None,
        within: str | float | None = None,
        ids_prefix: str | None = None,
        sort: str = "born",
        limit: int = 20,
        after: str | None = None,
        total: bool | str = True,
        digest: bool = False,
        as_of: str | int | None = None,
    ) -> Answer:
        """Return a page of samples, how many there are in all, and where the next page begins (`next`, for `after`).

        `rule` is what decided (a rule, or the authority of who did); `reason` that or the words of who did; `actor` who
        did; `tag` is KEY or KEY=VALUE; `since` and `until` bound the decision in force, each a position or a time;
        `score` is a dimension, or a measure of the policy in force, with the least and the most it may be; `text` words
        as `search` takes them; `unlike` a campaign in which the same text has another status; `within` the margin that
        is missing at most.
        `sort`: born, newest, decided (latest first), margin (nearest first), score, lowest (both of `score`).
        `total`: True counts where that is cheap, else up to 10,000 (`exact` false: at least so many); 'exact' counts
        however long that takes; False does not count. `digest` is that of `find_ids`.
        """
        whole_number("The limit", limit, 0, _MOST)
        asked = finds.Asked(
            campaign, status, label, reason, rule, source, domain, actor, split, tag, since, until, score, where, text,
            unlike, within, ids_prefix, sort,
        )  # fmt: skip
        page = finds.Page(limit, after, total, digest)
        return finds.find(self._store, asked, page, as_of)

    def find_ids(  # noqa: PLR0913 - a keyword for each filter
        self,
        *,
        campaign: str | None = None,
        status: str | None = None,
        label: str | None = None,
        reason: str | None = None,
        rule: str | None = None,
        source: str | None = None,
        domain: str | None = None,
        actor: str | None = None,
        split: str | None = None,
        tag: str | None = None,
        since: str | int | None = None,
        until: str | int | None = None,
        score: tuple[str, str | float | None, str | float | None] | None = None,
        where: str | None = None,
        text: str | None = None,
        unlike: str | None = None,
        within: str | float | None = None,
        ids_prefix: str | None = None,
        as_of: str | int | None = None,
    ) -> Answer:
        """Return the ids of all samples that `find` would list, sorted, their count, and the digest of them.

        The digest is the BLAKE3 of the ids' bytes in their order, so two selections are equal if their digests are.
        """
        asked = finds.Asked(
            campaign, status, label, reason, rule, source, domain, actor, split, tag, since, until, score, where, text,
            unlike, within, ids_prefix,
        )  # fmt: skip
        return finds.find_ids(self._store, asked, as_of)

    @staticmethod
    def findable() -> dict[str, tuple[str, ...]]:
        """Return what a listing can be narrowed to and sorted by: statuses, labels and orders. Needs no ledger."""
        return {"status": STATUSES, "label": LABELS, "sort": finds.SORTS}
