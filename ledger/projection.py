"""The fold: from the log to the views, set by set, in the transaction that appends.

Views are tables that can be dropped and made again. A view's module under `views/` holds its table, its fold and its
queries; here they are run in order. Whatever the cut into batches, the result is the same. For an earlier moment the
same fold fills TEMP tables of one connection; SQLite looks a name up there first, so every query works unchanged.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from ledger import event, rule
from ledger.digest import blake3_bytes
from ledger.errors import UnknownEvent
from ledger.event import KINDS, UPCASTERS, is_known, upcast
from ledger.sqlite import Connection
from ledger.views import (
    checkouts,
    conditions,
    decisions,
    defined,
    erased,
    families,
    findings,
    judgements,
    judging,
    labels,
    lineage,
    near,
    observing,
    policies,
    proposals,
    quarantine,
    releases,
    rollups,
    runs,
    samples,
    scores,
    splits,
    spreads,
    tags,
    templates,
    trainings,
    versions,
    weights,
    withdrawals,
    work,
)
from ledger.views import span as spans
from ledger.views.span import Span

VIEWS: tuple[ModuleType, ...] = (
    rollups,
    runs,
    quarantine,
    lineage,
    versions,
    labels,
    weights,
    decisions,
    tags,
    splits,
    withdrawals,
    erased,
    work,
    checkouts,
    samples,
    near,
    templates,
    families,
    releases,
    trainings,
    scores,
    findings,
    policies,
    defined,
    proposals,
    judgements,
    spreads,
)
"""In the order of folding: each reads only those before it. `rollups` counts what all of them leave behind, and
`judgements` looks at it, and `spreads` counts both; they are made once at the end where everything is folded anew."""

BATCH = 100_000
"""Events folded at a time by a rebuild; bounds the temporary tables."""

OnFold = Callable[[int, int], None]
_SOURCES = (
    *(
        __file__,
        event.__file__,
        rule.__file__,
        spans.__file__,
        conditions.__file__,
        judging.__file__,
        observing.__file__,
    ),
    *(module.__file__ for module in VIEWS),
)
_CODE = blake3_bytes(b"".join(Path(str(source)).read_bytes() for source in _SOURCES))
"""What the views were made by: stored with them, so that another version of this program makes them again."""
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
    sql = "SELECT sql FROM main.sqlite_schema WHERE type = 'table' AND name = 'projection'"
    if connection.execute(sql).fetchone() != (_STATE.format(schema="main").replace("main.", ""),):
        return None
    row = connection.execute("SELECT position, code FROM main.projection").fetchone()
    return row[0] if row is not None and row[1] == _CODE else None


def catch_up(connection: Connection) -> None:
    """Fold what was appended since the views' position; call inside the transaction that appended it."""
    position, last = state(connection), _last(connection)
    if position is None or position > last:
        rebuild(connection)
        return
    for span in _spans(connection, position + 1, last):
        spans.touch(connection, span)
        rollups.take_off(connection, span)
        spreads.take_off(connection, span)
        _fold(connection, span)
        rollups.put_on(connection, span)
        judgements.follow(connection, span)
        spreads.put_on(connection, span)
    connection.execute("UPDATE main.projection SET position = ?", (last,))


def rebuild(connection: Connection, on_fold: OnFold | None = None) -> int:
    """Drop every view, make it again from the log and return the events folded; call inside a transaction."""
    last = _last(connection)
    kinds = dict(connection.execute("SELECT name, type FROM main.sqlite_schema WHERE type IN ('table', 'view')"))
    for name, _ in (("projection", ""), *reversed(tables())):
        connection.execute(f"DROP {kinds.get(name, 'table')} IF EXISTS main.{name}")
    _make(connection, "main", last, on_fold)
    return last + 1


def fold_aside(connection: Connection, last: int, on_fold: OnFold | None = None) -> None:
    """Fill TEMP tables with the views as of position `last`; from then on this connection sees those."""
    _make(connection, "temp", last, on_fold)


def is_same(connection: Connection, table: str, key: str) -> bool:
    """Say whether a view surely has the same rows in the file as aside; SQLite compares, and hands none of them out."""
    names = [column[0] for column in connection.execute(f"SELECT * FROM temp.{table} LIMIT 0").description]  # noqa: S608 - fixed names
    if names != [column[0] for column in connection.execute(f"SELECT * FROM main.{table} LIMIT 0").description]:  # noqa: S608 - likewise
        return False
    meets = " AND ".join(f"made.{name.strip()} = stored.{name.strip()}" for name in key.split(","))
    differs = " OR ".join(f"made.{name} IS NOT stored.{name}" for name in names)
    sql = f"""SELECT (SELECT count(*) FROM main.{table}) = (SELECT count(*) FROM temp.{table}) AND NOT EXISTS
        (SELECT 1 FROM main.{table} stored LEFT JOIN temp.{table} made ON {meets} WHERE {differs})"""  # noqa: S608 - likewise
    return bool(connection.execute(sql).fetchone()[0])


def definitions(schema: str = "main") -> Iterator[str]:
    """Yield the statements that make the views' tables and indexes in `schema`, empty."""
    yield _STATE.format(schema=schema)
    for module in VIEWS:
        yield from (statement.format(schema=schema) for statement in (*module.DDL, *_later(module)))


def _make(connection: Connection, schema: str, last: int, on_fold: OnFold | None) -> None:
    """Fold everything up to `last` into new tables, and count and index it at the end, which is cheaper."""
    connection.execute(_STATE.format(schema=schema))
    connection.execute(f"INSERT INTO {schema}.projection VALUES (1, ?, ?)", (_CODE, last))  # noqa: S608 - two fixed names
    for module in VIEWS:
        for statement in module.DDL:
            connection.execute(statement.format(schema=schema))
    for span in _spans(connection, 0, last):
        spans.touch(connection, span)
        _fold(connection, span)
        if on_fold is not None:
            on_fold(span.last + 1, last + 1)
    for module in VIEWS:
        for statement in _later(module):
            connection.execute(statement.format(schema=schema))
    rollups.count(connection)
    judgements.judge(connection)
    spreads.count(connection)


def _later(module: ModuleType) -> tuple[str, ...]:
    """Return the indexes that queries need and folds do not."""
    indexes: tuple[str, ...] = getattr(module, "INDEXES", ())
    return indexes


def _spans(connection: Connection, first: int, last: int) -> Iterator[Span]:
    for begin in range(first, last + 1, BATCH):
        end = min(begin + BATCH - 1, last)
        yield Span(begin, end, _kinds(connection, begin, end))


def _fold(connection: Connection, span: Span) -> None:
    for module in VIEWS:
        if module is not judgements:
            module.fold(connection, span)


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
