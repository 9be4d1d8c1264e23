"""Erasing what must not be kept."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.door.opened import Answer, Opened, Progress, silent
from ledger.verbs.erase import Wish, erase


class Erasure(Opened):
    """Erasing what must not be kept."""

    def erase(
        self,
        ids: Sequence[str],
        *,
        reason: str,
        authority: str,
        with_children: bool = False,
        dry_run: bool = False,
        yes: bool = False,
        expected_head: int | None = None,
        progress: Progress | None = None,
    ) -> Answer:
        """Erase the bytes of samples (every version, and every twin), of lines in quarantine, or of `b3:` blobs.

        `authority` names the person or ticket on whose authority. Events, addresses and fingerprints stay, and what was
        erased does not come in again. `with_children` covers what was derived from it as well; `dry_run` only tells
        what would go. Raises NotConfirmed without `yes`; then, as with any error, nothing is erased.
        """
        wish = Wish(ids, reason, authority, with_children)
        heard = progress or silent
        return erase(self._store, wish, self._who, expected_head, dry_run=dry_run, yes=yes, progress=heard)._asdict()
