"""Relabelings: labels given after the one that the envelope brought."""

from __future__ import annotations

from ledger.sqlite import Connection
from ledger.views.span import Span

TABLES = (("labels", "position"),)
DDL = (
    """CREATE TABLE {schema}.labels (
        position INTEGER PRIMARY KEY,
        sample INTEGER NOT NULL,
        label INTEGER,
        authority TEXT NOT NULL,        -- person before policy, also in the alphabet
        reason TEXT NOT NULL,
        withdrawn INTEGER
    ) STRICT""",
    "CREATE INDEX {schema}.labels_sample ON labels (sample)",
)


def fold(connection: Connection, span: Span) -> None:
    """Add the relabelings of the span."""
    if span.has("relabeled"):
        connection.execute(
            """INSERT INTO labels SELECT position, sample, json_extract(leaf, '$.label'),
                CASE WHEN json_extract(leaf, '$.policy') IS NULL THEN 'person' ELSE 'policy' END,
                json_extract(leaf, '$.reason'), NULL
            FROM told WHERE position BETWEEN ? AND ? AND kind = 'relabeled'""",
            span.range,
        )
