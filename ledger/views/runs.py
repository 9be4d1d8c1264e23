"""Executions of commands: who, what with, and what came of it."""

from __future__ import annotations

from ledger.sqlite import Connection
from ledger.views.span import Span

TABLES = (("runs", "position"),)
DDL = (
    """CREATE TABLE {schema}.runs (
        position INTEGER PRIMARY KEY,   -- of its run_started event
        command TEXT NOT NULL,
        recipe TEXT NOT NULL,           -- digest of command and parameters
        actor TEXT NOT NULL,
        via TEXT NOT NULL,
        started INTEGER NOT NULL,       -- microseconds since 1970 UTC
        finished INTEGER,               -- NULL: it was interrupted, or still runs
        counts TEXT                     -- JSON
    ) STRICT""",
)


def fold(connection: Connection, span: Span) -> None:
    """Add the runs that started in the span, and close those that finished in it."""
    if span.has("run_started"):
        connection.execute(
            """INSERT INTO runs SELECT position, json_extract(leaf, '$.command'), json_extract(leaf, '$.recipe'),
                json_extract(leaf, '$.actor'), json_extract(leaf, '$.via'), json_extract(leaf, '$.at'), NULL, NULL
            FROM told WHERE position BETWEEN ? AND ? AND kind = 'run_started'""",
            span.range,
        )
    if span.has("run_finished"):
        connection.execute(
            """UPDATE runs SET finished = json_extract(t.leaf, '$.at'), counts = json_extract(t.leaf, '$.counts')
            FROM told t WHERE t.kind = 'run_finished' AND t.position BETWEEN ? AND ?
                AND runs.position = json_extract(t.leaf, '$.run')""",
            span.range,
        )


def listed(connection: Connection, limit: int) -> list[tuple[int, str, str, str, int, int | None, str | None]]:
    """Return (position, command, actor, via, started, finished, counts) of the last runs, newest first."""
    sql = "SELECT position, command, actor, via, started, finished, counts FROM runs ORDER BY position DESC LIMIT ?"
    return list(connection.execute(sql, (limit,)))
