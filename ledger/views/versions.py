"""Edits: the versions that were added to a sample after its first."""

from __future__ import annotations

from typing import NamedTuple

from ledger.sqlite import Connection
from ledger.views.span import Span

TABLES = (("versions", "position"),)
DDL = (
    """CREATE TABLE {schema}.versions (
        position INTEGER PRIMARY KEY,
        sample INTEGER NOT NULL,
        blob INTEGER NOT NULL,
        withdrawn INTEGER
    ) STRICT""",
    "CREATE INDEX {schema}.versions_sample ON versions (sample)",
)


def fold(connection: Connection, span: Span) -> None:
    """Add the edits of the span."""
    if span.has("edited"):
        connection.execute(
            """INSERT INTO versions
            SELECT position, sample, blob, NULL FROM told WHERE position BETWEEN ? AND ? AND kind = 'edited'""",
            span.range,
        )


class Edit(NamedTuple):
    """One edit: its position, the address of the version that it brought, and the event that withdrew it, if any."""

    position: int
    hash: bytes
    withdrawn: int | None


def of_sample(connection: Connection, sample: int) -> list[Edit]:
    """Return each edit of a sample, oldest first."""
    rows = connection.execute(
        """SELECT v.position, b.hash, v.withdrawn FROM versions v JOIN blob b ON b.id = v.blob
        WHERE v.sample = ? ORDER BY v.position""",
        (sample,),
    )
    return [Edit(*row) for row in rows]
