"""The guards of inserts, at rest while this program writes much at once."""

from __future__ import annotations

from ledger import sqlite
from ledger.migrations import INSERT_GUARDS


def lift(connection: sqlite.Connection) -> None:
    """Take off the guards that look at each insert, until `put_back`; inside a write transaction only.

    They are there for other programs. That they exist costs as much for each row as writing it (SQLite then makes a
    copy of the row for them), and the transaction of this program checks the same at its end. Whatever ends it without
    `put_back` rolls it back, with them in place; nobody else ever sees the file without them. Guards that are
    not as they were made are left to `verify` to find: raises Damaged.
    """
    present = dict(connection.execute("SELECT name, sql FROM main.sqlite_schema WHERE type = 'trigger'"))
    for name, text in INSERT_GUARDS.items():
        if present.get(name) != text:
            raise sqlite.Damaged(f"the guard {name} is missing or changed")
    sqlite.change_schema(connection, (f"DROP TRIGGER main.{name}" for name in INSERT_GUARDS))


def put_back(connection: sqlite.Connection) -> None:
    """Put back what `lift` took off."""
    made = (text.replace("CREATE TRIGGER ", "CREATE TRIGGER main.", 1) for text in INSERT_GUARDS.values())
    sqlite.change_schema(connection, made)
