"""Lines that are not valid samples: where they stood, why, and whether a later reading made a sample of them."""

from __future__ import annotations

from typing import NamedTuple

from ledger.sqlite import Connection
from ledger.views.span import Span

TABLES = (("quarantine", "position"),)
DDL = (
    """CREATE TABLE {schema}.quarantine (
        position INTEGER PRIMARY KEY,
        blob INTEGER NOT NULL,
        campaign TEXT NOT NULL,
        source TEXT NOT NULL,
        nth INTEGER NOT NULL,
        line INTEGER NOT NULL,          -- from 1
        offset INTEGER NOT NULL,        -- bytes from the start of the (uncompressed) source
        reason TEXT NOT NULL,
        run INTEGER NOT NULL,           -- position of the run_started that read it
        sample INTEGER                  -- the sample that a retry made of it
    ) STRICT""",
    "CREATE INDEX {schema}.quarantine_blob ON quarantine (blob) WHERE sample IS NULL",
)


class Quarantined(NamedTuple):
    """One quarantined line; `id` is the op of its event."""

    position: int
    id: bytes
    hash: bytes
    blob: int
    size: int
    campaign: str
    source: str
    nth: int
    line: int
    offset: int
    reason: str
    run: int
    sample: int | None


def fold(connection: Connection, span: Span) -> None:
    """Add the span's quarantined lines; close those of which a sample was made since."""
    if span.has("quarantined"):
        connection.execute(
            """INSERT INTO quarantine SELECT position, blob, json_extract(leaf, '$.campaign'),
                json_extract(leaf, '$.source'), json_extract(leaf, '$.nth'), json_extract(leaf, '$.line'),
                json_extract(leaf, '$.offset'), json_extract(leaf, '$.reason'), json_extract(leaf, '$.run'), NULL
            FROM told WHERE position BETWEEN ? AND ? AND kind = 'quarantined'""",
            span.range,
        )
    if span.has("ingested"):
        connection.execute(
            """UPDATE quarantine SET sample = t.position FROM told t
            WHERE quarantine.sample IS NULL AND t.blob = quarantine.blob AND t.kind = 'ingested'
                AND t.position BETWEEN ? AND ? AND t.position > quarantine.position
                AND json_extract(t.leaf, '$.campaign') = quarantine.campaign
                AND json_extract(t.leaf, '$.source') = quarantine.source
                AND json_extract(t.leaf, '$.nth') = quarantine.nth""",
            span.range,
        )


def count(connection: Connection) -> int:
    """Return how many lines are in quarantine."""
    return int(connection.execute("SELECT count(*) FROM quarantine WHERE sample IS NULL").fetchone()[0])


def listed(connection: Connection, *, campaign: str | None = None, limit: int = -1) -> list[Quarantined]:
    """Return the lines in quarantine, oldest first (`limit` -1: all)."""
    rows = connection.execute(
        """SELECT q.position, e.op, b.hash, q.blob, b.size, q.campaign, q.source, q.nth, q.line, q.offset, q.reason,
            q.run, q.sample
        FROM quarantine q JOIN event e ON e.position = q.position JOIN blob b ON b.id = q.blob
        WHERE q.sample IS NULL AND (:campaign IS NULL OR q.campaign = :campaign) ORDER BY q.position LIMIT :limit""",
        {"campaign": campaign, "limit": limit},
    )
    return [Quarantined(*row) for row in rows]
