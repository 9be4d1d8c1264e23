"""Which event withdrew which: what a withdrawn event said no longer applies."""

from __future__ import annotations

from ledger.sqlite import Connection
from ledger.views.span import Span

TABLES = (("withdrawals", "target"),)
DDL = (
    """CREATE TABLE {schema}.withdrawals (
        target INTEGER PRIMARY KEY,     -- position of the event that no longer applies
        position INTEGER NOT NULL
    ) STRICT""",
)
_MARKED = ("decisions", "labels", "tags", "versions", "weights")


def fold(connection: Connection, span: Span) -> None:
    """Record the withdrawals of the span and mark their targets where they stand."""
    if not span.has("withdrawn"):
        return
    connection.execute(
        """INSERT INTO withdrawals SELECT e.position, t.position
        FROM told t JOIN event e ON e.op = unhex(json_extract(t.leaf, '$.target'))
        WHERE t.position BETWEEN ? AND ? AND t.kind = 'withdrawn'""",
        span.range,
    )
    for table in _MARKED:
        connection.execute(
            f"""UPDATE {table} SET withdrawn = (SELECT w.position FROM withdrawals w WHERE w.target = {table}.position)
            WHERE position IN (SELECT w.target FROM withdrawals w WHERE w.position BETWEEN ? AND ?)""",  # noqa: S608
            span.range,
        )


def by(connection: Connection, target: int) -> int | None:
    """Return the position of the event that withdrew `target`, or None."""
    row = connection.execute("SELECT position FROM withdrawals WHERE target = ?", (target,)).fetchone()
    return None if row is None else int(row[0])
