"""What was released: a page of the releases, the newest first, and whether a sample changed its standing since."""

from __future__ import annotations

from typing import NamedTuple

from ledger.sqlite import Connection
from ledger.views.span import quoted

QUIET = (
    *("key_rotated", "proposal_accepted", "proposal_declined", "proposed", "quarantined"),
    *("released", "run_finished", "run_started"),
)
"""Kinds of events that leave the rows of every view as they are."""


class Release(NamedTuple):
    """One release: its event, and what the event says; `manifest` is the row of the manifest's bytes in blob."""

    position: int
    op: bytes
    leaf: str
    manifest: int


def page(connection: Connection, name: str | None, before: int | None, limit: int) -> list[Release]:
    """Return releases of a view (by its name; None: of any) older than a position, the newest first."""
    rows = connection.execute(
        """SELECT r.position, e.op, e.leaf, r.manifest FROM releases r JOIN main.event e ON e.position = r.position
        WHERE (:name IS NULL OR r.view = :name) AND (:before IS NULL OR r.position < :before)
        ORDER BY r.position DESC LIMIT :limit""",
        {"name": name, "before": before, "limit": limit},
    )
    return [Release(*row) for row in rows]


def at(connection: Connection, position: int) -> Release | None:
    """Return the release whose event stands at a position."""
    row = connection.execute(
        """SELECT r.position, e.op, e.leaf, r.manifest FROM releases r JOIN main.event e ON e.position = r.position
        WHERE r.position = ?""",
        (position,),
    ).fetchone()
    return None if row is None else Release(*row)


def last_change(connection: Connection, upto: int) -> int:
    """Return the last position, up to one, after which a view can have other rows; -1 where there is none.

    It looks backwards, past what belongs to the last few commits.
    """
    kinds = quoted(QUIET)
    sql = f"SELECT max(position) FROM main.event WHERE position <= ? AND kind NOT IN ({kinds})"  # noqa: S608 - constants
    (position,) = connection.execute(sql, (upto,)).fetchone()
    return -1 if position is None else int(position)
