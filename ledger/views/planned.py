"""What a plan takes, as temporary tables of one connection: questions about a release are then sets, not loops.

`planned` has a row for each row of the file; `taken` one for each sample with a row there, with how many rows it has
and what most questions ask about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from ledger.sqlite import Connection

Rows = Sequence[int] | Sequence[tuple[int, int]]
"""Samples in the order of the file, or (chosen, rejected) where a row is a pair."""

_PLANNED = """CREATE TEMP TABLE planned (
    place INTEGER PRIMARY KEY,
    sample INTEGER NOT NULL,
    rejected INTEGER                -- of a pair: the sample that the first is preferred over
)"""
_TAKEN = """CREATE TEMP TABLE taken (
    sample INTEGER PRIMARY KEY,
    rows INTEGER NOT NULL,          -- of the file, or what its weight makes of them
    label INTEGER,
    split TEXT,
    status TEXT NOT NULL,
    campaign TEXT NOT NULL,
    domain TEXT,
    version INTEGER NOT NULL,
    fingerprint BLOB NOT NULL
)"""
_WEIGHTED = "CREATE TEMP TABLE weighted (sample INTEGER PRIMARY KEY, times INTEGER NOT NULL)"
_TAKE = """INSERT INTO taken SELECT s.sample, p.rows, s.label, s.split, s.status, s.campaign, s.domain, s.version,
        s.fingerprint
    FROM (SELECT sample, count(*) AS rows FROM (
            SELECT sample FROM planned UNION ALL SELECT rejected FROM planned WHERE rejected IS NOT NULL
        ) GROUP BY sample) p
    CROSS JOIN samples s ON s.sample = p.sample"""
_COUNT_SO = "UPDATE taken SET rows = rows * ? WHERE sample = ?"
_TABLES = ("planned", "taken", "weighted")


@contextmanager
def held(
    connection: Connection,
    rows: Rows,
    weights: Iterable[tuple[int, int]] = (),
    column: Mapping[int, int] | None = None,
) -> Iterator[None]:
    """Hold `planned`, `taken` and `weighted` for the rows of a plan; `weights` are (sample, times).

    `column`: where the file says weights in a column, how often the row of a sample counts.
    """
    fill(connection, rows)
    try:
        connection.execute(_WEIGHTED)
        connection.executemany("INSERT INTO weighted VALUES (?, ?)", weights)
        connection.execute(_TAKEN)
        connection.execute(_TAKE)
        if column:
            connection.executemany(_COUNT_SO, ((times, sample) for sample, times in column.items()))
        yield
    finally:
        drop(connection, *_TABLES)


def fill(connection: Connection, rows: Rows) -> None:
    """Make the temporary table `planned` of a plan's rows, in order."""
    drop(connection, *_TABLES)
    connection.execute(_PLANNED)
    if rows and isinstance(rows[0], tuple):
        pairs = ((place, *pair) for place, pair in enumerate(rows))  # type: ignore[misc]  # the first tells for all
        connection.executemany("INSERT INTO planned VALUES (?, ?, ?)", pairs)
    else:
        connection.executemany("INSERT INTO planned VALUES (?, ?, NULL)", enumerate(rows))


def drop(connection: Connection, *tables: str) -> None:
    """Drop temporary tables, where they are."""
    for table in tables:
        connection.execute(f"DROP TABLE IF EXISTS temp.{table}")
