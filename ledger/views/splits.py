"""Assignments to train, val and test. A sample has one, or several where a split was resolved; the last stands."""

from __future__ import annotations

from ledger.sqlite import Connection
from ledger.views.span import Span

TABLES = (("splits", "position"),)
DDL = (
    """CREATE TABLE {schema}.splits (
        position INTEGER PRIMARY KEY,
        sample INTEGER NOT NULL,
        split TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX {schema}.splits_sample ON splits (sample)",
)


def fold(connection: Connection, span: Span) -> None:
    """Add the assignments of the span."""
    if span.has("split_assigned"):
        connection.execute(
            """INSERT INTO splits SELECT position, sample, json_extract(leaf, '$.split')
            FROM told WHERE position BETWEEN ? AND ? AND kind = 'split_assigned'""",
            span.range,
        )


def any_assigned(connection: Connection) -> bool:
    """Say whether any sample was ever assigned."""
    return connection.execute("SELECT 1 FROM splits LIMIT 1").fetchone() is not None
