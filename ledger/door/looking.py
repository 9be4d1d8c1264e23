"""Looking at one thing, or at a few: the head, one event, a page of a sample's events, what was released."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ledger.audit import Audit
from ledger.door.opened import Answer, Opened, silent
from ledger.errors import BadRequest
from ledger.event import KINDS
from ledger.exporters.manifest import head_json
from ledger.faults import ERROR
from ledger.fixed import micro
from ledger.reports import history as told
from ledger.reports import nearness as near
from ledger.reports import released
from ledger.reports.near_misses import Asked
from ledger.verbs.adopt import checked_campaign
from ledger.verbs.ids import event_at, find_event, find_sample, position_of
from ledger.verbs.moment import reading
from ledger.verbs.words import plain_text, whole_number

_MOST = 1_000


class _Chain(Audit):
    """A check that leaves the pages of the file to `verify`."""

    def _pages(self, *, quick: bool) -> None:
        """Look at none."""
        del quick


class Looking(Opened):
    """Looking at one thing, or at a few, at a cost that does not grow with the ledger."""

    @contextmanager
    def standing_still(self) -> Iterator[Answer]:
        """Let every question inside be answered from one state of the ledger, and yield its head.

        Others may write meanwhile; it is seen afterwards. Nothing can be written inside.
        """
        with reading(self._store) as (_, head):
            yield head_json(head.position, head.root)

    @staticmethod
    def kinds() -> dict[str, str]:
        """Return what happened when an event of a kind is in the log, in a sentence, by its name. Needs no ledger."""
        return {kind.name: kind.purpose for kind in KINDS.values()}

    def verify_chain(self) -> Answer:
        """Check what shows a change at little cost, however large the ledger: the tree, the guards, the witness.

        That is `verify(quick=True)` without SQLite's look at every page of the file; the keys are the same.
        """
        audit = _Chain(self._store, silent)
        audit.run(quick=True)
        return {
            "ok": not any(finding.severity == ERROR for finding in audit.findings),
            "findings": [finding._asdict() for finding in audit.findings],
            "head": head_json(audit.head.position, audit.head.root),
            "checked": audit.checked,
        }

    def position(self, moment: str | int) -> int:
        """Return the position that a moment means: a position, a time, or `now`. Raises BadRequest, NoSuchPosition."""
        with reading(self._store) as (here, _):
            return position_of(here, str(moment))

    def event(self, which: str) -> Answer:
        """Return one event, as `log` lists it, and the sample that it is about (or null).

        `which` is `@POSITION` or the beginning of its id. Raises BadRequest, NoSuchId, AmbiguousId.
        """
        with reading(self._store) as (here, _):
            position = find_event(here, plain_text("The event", which, needed=True))
            op, text = event_at(here, position)
            leaf = told.leaf_of(here, text)
            return {**told.event(position, op, leaf), "sample": leaf.get("sample")}

    def history(self, sample: str, *, before: int | None = None, limit: int = 20) -> Answer:
        """Return the last events of a sample, of those before a position, the newest first.

        `next` is the `before` of the page that follows, null at the end. Raises BadRequest, NoSuchId, AmbiguousId.
        """
        whole_number("The limit", limit, 1, _MOST)
        with reading(self._store) as (here, head):
            subject = find_sample(here, sample)
            upto = head.position if before is None else whole_number("The position", before, 0, sys.maxsize) - 1
            rows = here.events(sample=subject.sample, upto=min(upto, head.position), limit=limit + 1)
            page = rows[-limit:][::-1]
            return {
                "sample": subject.id.hex(),
                "events": [told.event(position, op, told.leaf_of(here, text)) for position, op, text in page],
                "next": page[-1][0] if len(rows) > limit else None,
                "head": head_json(head.position, head.root),
            }

    def nearness(
        self,
        campaign: str | None = None,
        *,
        domain: str | None = None,
        rule: str | None = None,
        accepted: bool = False,
        within: str | float | None = None,
        as_of: str | int | None = None,
    ) -> Answer:
        """Return how many samples `near_misses` lists with these arguments, and a histogram of their margins.

        `within` is how much may be missing at most. Of more than 500 the nearest are counted, and `exact` is false.
        Raises BadRequest, NoSuchPosition.
        """
        try:
            most = None if within is None else micro(within)
        except ValueError as error:
            raise BadRequest(f"The margin: {error}") from error
        with reading(self._store, as_of) as (there, _):
            asked = Asked(1, checked_campaign(there, campaign), domain, rule, None, accepted)
            return near.nearness(there, asked, most)

    def releases(
        self, view: str | None = None, *, before: int | None = None, limit: int = 20, as_of: str | int | None = None
    ) -> Answer:
        """Return what was released, of one view or of all, the newest first.

        `stale` says of each whether something was recorded since from which the view could have other rows. `next` is
        the `before` of the page that follows, null at the end. Raises BadRequest, NoSuchPosition.
        """
        whole_number("The limit", limit, 1, _MOST)
        if before is not None:
            whole_number("The position", before, 0, sys.maxsize)
        if view is not None:
            plain_text("The view", view)
        with reading(self._store, as_of) as (there, head):
            return released.releases(there, head, view, before, limit)

    def release(self, position: int, *, as_of: str | int | None = None) -> Answer:
        """Return the release whose event stands at a position, with its manifest as `contents`.

        Raises BadRequest, NoSuchId where it is no release, NoSuchPosition.
        """
        whole_number("The position", position, 0, sys.maxsize)
        with reading(self._store, as_of) as (there, head):
            return released.release(there, head, position)
