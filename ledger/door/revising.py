"""Giving samples out to be worked on elsewhere, and taking back what comes of them."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from ledger import sqlite
from ledger.door.opened import Answer, Opened, Progress, silent
from ledger.readers.lines import find_inputs
from ledger.verbs import checkout as giving
from ledger.verbs.moment import reading
from ledger.verbs.revise import Scope, revise, revise_plan


class Revising(Opened):
    """Giving samples out to be worked on elsewhere, and taking back what comes of them."""

    def checkout(
        self, folder: str | Path, *, where: str | None = None, campaign: str | None = None, size: int = 50
    ) -> Answer:
        """Write the chosen samples into files of `size` lines in `folder` and record the batches; returns their job.

        Each line holds a sample's id, its version, the digest of its batch, and its content. A file that stands there
        and says something else is left: NotWritable. Raises BadRequest, ConditionInvalid, DiskFull.
        """
        with sqlite.plain_errors(self._store.path):
            return giving.checkout(self._store, giving.chosen(where, campaign), size, Path(folder), self._who)

    def checkouts(self, as_of: str | int | None = None) -> Answer:
        """Return every job that was checked out: its batches, and how many of their samples came back improved."""
        with reading(self._store, as_of) as (there, head):
            return giving.jobs(there, head)

    def revise(  # noqa: PLR0913 - a keyword for each part of the request
        self,
        files: str | Path | Iterable[str | Path],
        *,
        checkout: str | None = None,
        where: str | None = None,
        campaign: str | None = None,
        against: str | None = None,
        recipe: str = "",
        label: str = "true",
        form: str | None = None,
        places: str | None = None,
        partial: bool = False,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> Answer:
        """Take back rows that were worked on elsewhere: changed ones become children of the samples they are from.

        Rows are aligned by the id that they give, else by what they say; what cannot be told is listed, not guessed.
        `checkout` names a job; without one, rows name their batches, or are compared with the samples of each source
        (of those that `where` and `campaign` choose, or of the source `against`). A batch that came back incomplete,
        or with rows that are none of its, is recorded only with `partial`. `recipe` says what the work was told.
        Raises NoSuchCheckout, AmbiguousId, BadRequest, ConditionInvalid, InputNotFound, InputUnreadable, SourceClash.
        """
        started = time.monotonic()
        scope = Scope(checkout, where, campaign, against)
        plan = revise_plan(scope, recipe, label, places, form, partial=partial, dry_run=dry_run)
        named = [files] if isinstance(files, (str, Path)) else files
        inputs = find_inputs([str(file) for file in named])
        with sqlite.plain_errors(self._store.path):
            done = revise(self._store, inputs, plan, self._who, progress or silent)
        return {**done, "files": len(inputs), "seconds": round(time.monotonic() - started, 3)}
