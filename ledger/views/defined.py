"""Views that users defined: which, under what name, and when. The latest of a name is in force."""

from __future__ import annotations

from typing import NamedTuple

from ledger.sqlite import Connection
from ledger.views.span import Span

TABLES = (("defined_views", "position"),)
DDL = (
    """CREATE TABLE {schema}.defined_views (
        position INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        view INTEGER NOT NULL,          -- row of the frozen view in blob, whose address is its digest
        authority TEXT NOT NULL,
        reason TEXT NOT NULL
    ) STRICT""",
)


class Definition(NamedTuple):
    """One definition; `digest` is the address of the frozen view, `body` its bytes (None: erased)."""

    position: int
    op: bytes
    name: str
    digest: bytes
    authority: str
    reason: str
    body: bytes | None


_SELECT = """SELECT d.position, e.op, d.name, b.hash, d.authority, d.reason, b.body
    FROM defined_views d JOIN event e ON e.position = d.position JOIN blob b ON b.id = d.view"""


def fold(connection: Connection, span: Span) -> None:
    """Add the definitions of the span."""
    if span.has("view_defined"):
        connection.execute(
            """INSERT INTO defined_views SELECT position, json_extract(leaf, '$.name'), blob,
                json_extract(leaf, '$.authority'), json_extract(leaf, '$.reason')
            FROM told WHERE position BETWEEN ? AND ? AND kind = 'view_defined'""",
            span.range,
        )


def everything(connection: Connection) -> list[Definition]:
    """Return every definition, oldest first."""
    return [Definition(*row) for row in connection.execute(f"{_SELECT} ORDER BY d.position")]


def names(connection: Connection) -> list[str]:
    """Return the names that are defined, in order."""
    return [row[0] for row in connection.execute("SELECT DISTINCT name FROM defined_views ORDER BY name")]


def in_force(connection: Connection, name: str) -> Definition | None:
    """Return the latest definition of a name, or None."""
    row = connection.execute(f"{_SELECT} WHERE d.name = ? ORDER BY d.position DESC LIMIT 1", (name,)).fetchone()
    return None if row is None else Definition(*row)
