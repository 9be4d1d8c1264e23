"""Parent edges: which sample was derived from which version of which other."""

from __future__ import annotations

from ledger.sqlite import Connection
from ledger.views.span import Span

TABLES = (("lineage", "child"),)
DDL = (
    """CREATE TABLE {schema}.lineage (
        child INTEGER PRIMARY KEY,
        parent INTEGER NOT NULL,
        how TEXT NOT NULL               -- improved, regenerated
    ) STRICT""",
)
INDEXES = ("CREATE INDEX {schema}.lineage_parent ON lineage (parent)",)


def fold(connection: Connection, span: Span) -> None:
    """Add the derivations of the span."""
    if span.has("improved", "regenerated"):
        connection.execute(
            """INSERT INTO lineage SELECT t.position, p.position, t.kind
            FROM told t JOIN event p ON p.op = unhex(json_extract(t.leaf, '$.parent'))
            WHERE t.position BETWEEN ? AND ? AND t.kind IN ('improved', 'regenerated')""",
            span.range,
        )


def parents(connection: Connection, sample: int) -> list[tuple[bytes, str]]:
    """Return (parent's id, how) of a sample: one, or none."""
    sql = "SELECT e.op, l.how FROM lineage l JOIN event e ON e.position = l.parent WHERE l.child = ?"
    return list(connection.execute(sql, (sample,)))


def children(connection: Connection, sample: int) -> list[tuple[bytes, str]]:
    """Return (child's id, how) of every sample derived from this one, oldest first."""
    sql = "SELECT e.op, l.how FROM lineage l JOIN event e ON e.position = l.child WHERE l.parent = ? ORDER BY l.child"
    return list(connection.execute(sql, (sample,)))
