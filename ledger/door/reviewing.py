"""Looking closely: how numbers spread, poor texts beside better ones, and the versions that a sample had."""

from __future__ import annotations

import sys

from ledger.door.opened import Answer, Opened
from ledger.errors import BadRequest
from ledger.reports import pairs, released
from ledger.reports.spreads import spreads_report
from ledger.verbs import limits
from ledger.verbs.ids import find_sample
from ledger.verbs.moment import reading
from ledger.verbs.words import plain_text, whole_number

_MOST = 200


class Reviewing(Opened):
    """Looking closely. With `as_of` the answer is that of an earlier moment; nothing is written."""

    def spreads(self, name: str | None = None, *, domain: str | None = None, as_of: str | int | None = None) -> Answer:
        """Return how many samples have which score, for every dimension and every measure of the policy in force.

        `numbers` holds each with its `steps` ([hundredths, samples]), its thresholds, and the same domain by domain;
        `name` and `domain` ('': samples without one) leave out the others. A score is the latest of a dimension, as
        in `find`. The counts are kept by the fold, so the answer is exact and takes a time that does not grow with the
        ledger. Raises BadRequest, NoSuchPosition.
        """
        for what, value in (("The name", name), ("The domain", domain)):
            if value is not None:
                plain_text(what, value)
        with reading(self._store, as_of) as (there, head):
            return spreads_report(there, head, name, domain)

    def pairs(
        self,
        kind: str = "derived",
        *,
        before: int | None = None,
        limit: int = 20,
        as_of: str | int | None = None,
    ) -> Answer:
        """Return poor samples beside better ones, the newest first: their contents, and the scores of both.

        `kind` is derived (a sample beside what was made of it) or prompt (a true sample beside the oldest false one
        with its prompt). A page of the latter looks at 20,000 samples at most and may hold fewer than `limit`; it is
        `next` (for `before`) that says whether there are more. Raises BadRequest, NoSuchPosition.
        """
        if kind not in pairs.KINDS:
            raise BadRequest(f"There are no pairs of the kind {kind!r}; there are {', '.join(pairs.KINDS)}")
        whole_number("The limit", limit, 1, _MOST)
        if before is not None:
            whole_number("The position", before, 0, sys.maxsize)
        with reading(self._store, as_of) as (there, head):
            return pairs.pairs_report(there, head, kind, before, limit)

    def version(self, sample: str, position: int, *, as_of: str | int | None = None) -> Answer:
        """Return the content that one version of a sample had, by the position that `show` tells of that version.

        `content` is null where its bytes were erased. Raises NoSuchId, AmbiguousId, NoSuchPosition.
        """
        whole_number("The position", position, 0, sys.maxsize)
        with reading(self._store, as_of) as (there, _):
            return pairs.version_report(there, find_sample(there, sample), position)

    def release_manifest(self, position: int, *, as_of: str | int | None = None) -> bytes:
        """Return the bytes of the manifest of the release whose event stands at a position, as they were written.

        Raises BadRequest, NoSuchId where it is no release, NoSuchPosition.
        """
        whole_number("The position", position, 0, sys.maxsize)
        with reading(self._store, as_of) as (there, _):
            return released.manifest_bytes(there, position)

    def go_on(self) -> None:
        """Do nothing, or raise Interrupted where this is inside `limited` and the time is up or `interrupt` was called.

        For work of the caller's own between two questions, which the limit would not notice otherwise.
        """
        limits.check(self._store)
