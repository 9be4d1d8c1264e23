"""The fold: from the log to the views, set by set, in the transaction that appends.

Views are tables that can be dropped and made again. A view's module under `views/` holds its table, its fold and its
queries; here they are run in order. Whatever the cut into batches, the result is the same. For an earlier moment the
same fold fills TEMP tables of one connection; SQLite looks a name up there first, so every query works unchanged.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from ledger.digest import blake3_bytes
from ledger.errors import UnknownEvent
from ledger.event import KINDS, UPCASTERS, is_known, upcast
from ledger.sqlite import Connection
from ledger.views import (
    decisions,
    families,
    labels,
    lineage,
    quarantine,
    releases,
    rollups,
    runs,
    samples,
    splits,
    tags,
    versions,
    withdrawals,
)
from ledger.views.span import Span

VIEWS: tuple[ModuleType, ...] = (
    rollups,
    runs,
    quarantine,
    lineage,
    versions,
    labels,
    decisions,
    tags,
    splits,
    withdrawals,
    samples,
    families,
    releases,
)
"""In the order of folding. `rollups` is begun first and ended last: it counts what the others change."""

BATCH = 100_000
"""Events folded at a time by a rebuild; bounds the temporary tables."""

OnFold = Callable[[int, int], None]
_CODE = blake3_bytes(b"".join(Path(str(module.__file__)).read_bytes() for module in VIEWS))
_STATE = """CREATE TABLE {schema}.projection (
    one INTEGER PRIMARY KEY CHECK (one = 1), code BLOB NOT NULL, position INTEGER NOT NULL) STRICT"""


def tables() -> list[tuple[str, str]]:
    """Return (table, its key columns) of every view, in order."""
    return [table for module in VIEWS for table in module.TABLES]


def prepare(connection: Connection) -> None:
    """Give a connection the functions and the one relation that folds read."""
    connection.create_function("unhex", 1, bytes.fromhex, deterministic=True)
    leaf = "leaf"
    if UPCASTERS:
        connection.create_function("upcast", 1, _upcast_text, deterministic=True)
        newest = " OR ".join(f"(kind = '{kind.name}' AND v = {kind.v})" for kind in KINDS.values())
        leaf = f"CASE WHEN {newest} THEN leaf ELSE upcast(leaf) END AS leaf"
    connection.execute("DROP VIEW IF EXISTS temp.told")
    connection.execute(f"CREATE TEMP VIEW told AS SELECT position, op, kind, v, sample, blob, {leaf} FROM main.event")  # noqa: S608 - constants


def state(connection: Connection) -> int | None:
    """Return the position up to which the file's views are folded, or None if other code made them."""
    exists = "SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = 'projection'"
    if connection.execute(exists).fetchone() is None:
        return None
    row = connection.execute("SELECT position, code FROM main.projection").fetchone()
    return row[0] if row is not None and row[1] == _CODE else None


def catch_up(connection: Connection) -> None:
    """Fold what was appended since the views' position; call inside the transaction that appended it."""
    position = state(connection)
    if position is None:
        rebuild(connection)
        return
    _fold_range(connection, position + 1, _last(connection), None)
    connection.execute("UPDATE main.projection SET position = ?", (_last(connection),))


def rebuild(connection: Connection, on_fold: OnFold | None = None) -> int:
    """Drop every view, make it again from the log and return the events folded; call inside a transaction."""
    last = _last(connection)
    for name, _ in (("projection", ""), *reversed(tables())):
        connection.execute(f"DROP TABLE IF EXISTS main.{name}")
    _create(connection, "main", last)
    _fold_range(connection, 0, last, on_fold)
    return last + 1


def fold_aside(connection: Connection, last: int, on_fold: OnFold | None = None) -> None:
    """Fill TEMP tables with the views as of position `last`; from then on this connection sees those."""
    _create(connection, "temp", last)
    _fold_range(connection, 0, last, on_fold)


def _create(connection: Connection, schema: str, last: int) -> None:
    connection.execute(_STATE.format(schema=schema))
    connection.execute(f"INSERT INTO {schema}.projection VALUES (1, ?, ?)", (_CODE, last))  # noqa: S608 - two fixed names
    for module in VIEWS:
        for statement in module.DDL:
            connection.execute(statement.format(schema=schema))


def _fold_range(connection: Connection, first: int, last: int, on_fold: OnFold | None) -> None:
    for begin in range(first, last + 1, BATCH):
        end = min(begin + BATCH - 1, last)
        span = Span(begin, end, _kinds(connection, begin, end))
        rollups.begin(connection, span)
        for module in VIEWS:
            module.fold(connection, span)
        rollups.end(connection, span)
        if on_fold is not None:
            on_fold(end + 1, last + 1)


def _kinds(connection: Connection, first: int, last: int) -> frozenset[str]:
    sql = "SELECT DISTINCT kind, v FROM event WHERE position BETWEEN ? AND ?"
    found = connection.execute(sql, (first, last)).fetchall()
    if unknown := sorted({f"{kind} v{v}" for kind, v in found if not is_known(kind, v)}):
        raise UnknownEvent(", ".join(unknown))
    return frozenset(kind for kind, _ in found)


def _last(connection: Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(position), -1) FROM event").fetchone()[0])


def _upcast_text(leaf: str) -> str:
    raised: dict[str, Any] = upcast(json.loads(leaf))
    return json.dumps(raised, ensure_ascii=False)
