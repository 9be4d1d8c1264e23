"""Which samples hold words, asked of the index of words (`ledger.views.search`) in the order of another list."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from ledger.sqlite import Connection
from ledger.views.search import READERS

_GAP = 2_000 * READERS
"""Rows of the index: texts further apart than that are looked for one by one."""

_ALL = f"""SELECT s.sample FROM main.search
    CROSS JOIN main.search_reader d ON d.number = search.rowid % {READERS}
    CROSS JOIN samples s ON s.version = search.rowid / {READERS} AND s.reader = d.reader
    WHERE search MATCH ? AND s.status <> 'erased' LIMIT ?"""  # noqa: S608 - constants of this program
_ROWS = f"""SELECT s.version * {READERS} + d.number, s.sample FROM json_each(?) j
    CROSS JOIN samples s ON s.sample = j.value
    CROSS JOIN main.search_reader d ON d.reader = s.reader WHERE s.status <> 'erased' ORDER BY 1"""  # noqa: S608 - likewise
_BETWEEN = "SELECT rowid FROM main.search WHERE search MATCH ? AND rowid BETWEEN ? AND ?"


def holding(connection: Connection, match: str, limit: int = -1) -> list[int]:
    """Return up to `limit` samples whose current version matches a query of FTS5, in no order."""
    return [row[0] for row in connection.execute(_ALL, (match, limit))]


def among(connection: Connection, match: str, handles: Sequence[int]) -> set[int]:
    """Return those of some samples whose current version matches; samples born together cost one look."""
    rows: dict[int, list[int]] = {}
    for row, sample in connection.execute(_ROWS, (json.dumps(handles),)):
        rows.setdefault(row, []).append(sample)
    found: set[int] = set()
    for first, last in _stretches(list(rows)):
        for (row,) in connection.execute(_BETWEEN, (match, first, last)):
            found.update(rows.get(row, ()))
    return found


def behind(connection: Connection, position: int) -> int:
    """Return how many versions came after a position, up to the moment that the connection looks at."""
    sql = """SELECT (SELECT count(*) FROM samples WHERE sample > ?1)
        + (SELECT count(*) FROM versions WHERE position > ?1)"""
    return int(connection.execute(sql, (position,)).fetchone()[0])


def _stretches(rows: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and last of rows, in order, that stand close together."""
    first = last = rows[0] if rows else 0
    for row in rows[1:]:
        if row - last > _GAP:
            yield first, last
            first = row
        last = row
    if rows:
        yield first, last
