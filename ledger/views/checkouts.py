"""Checkouts: which versions were given out in which batches, to be worked on elsewhere. They change no other view."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ledger.sqlite import Connection
from ledger.views.span import Span

TABLES = (("checkouts", "position"), ("checked_out", "checkout, sample"))
DDL = (
    """CREATE TABLE {schema}.checkouts (
        position INTEGER PRIMARY KEY,
        job BLOB NOT NULL,              -- digest of all that was checked out together
        batch BLOB NOT NULL,            -- digest of the list of samples and versions
        file TEXT NOT NULL,             -- the name that the batch was written under
        samples INTEGER NOT NULL,
        members INTEGER NOT NULL        -- row of the list in blob
    ) STRICT""",
    "CREATE INDEX {schema}.checkouts_job ON checkouts (job)",
    """CREATE TABLE {schema}.checked_out (
        checkout INTEGER NOT NULL,      -- position of the event
        sample INTEGER NOT NULL,
        version INTEGER NOT NULL,       -- row of the version in blob
        PRIMARY KEY (checkout, sample)
    ) STRICT, WITHOUT ROWID""",
)
INDEXES = ("CREATE INDEX {schema}.checked_out_sample ON checked_out (sample)",)

_MADE = """INSERT INTO checkouts SELECT position, unhex(json_extract(leaf, '$.job')),
        unhex(json_extract(leaf, '$.batch')), json_extract(leaf, '$.file'), json_extract(leaf, '$.count'), blob
    FROM told WHERE position BETWEEN ? AND ? AND kind = 'checked_out'"""
_GIVEN = """INSERT INTO checked_out SELECT c.position, e.position, b.id
    FROM checkouts c, json_each((SELECT CAST(body AS TEXT) FROM blob WHERE id = c.members)) m
    JOIN event e ON e.op = unhex(json_extract(m.value, '$[0]')) AND e.position < c.position
    JOIN main.blob b ON b.hash = unhex(json_extract(m.value, '$[1]'))
    WHERE c.position BETWEEN ? AND ?"""


def fold(connection: Connection, span: Span) -> None:
    """Add what was checked out in the span."""
    if span.has("checked_out"):
        connection.execute(_MADE, span.range)
        connection.execute(_GIVEN, span.range)


class Batch(NamedTuple):
    """One batch that was given out, and how many of its samples have a child of the version since."""

    position: int
    job: bytes
    batch: bytes
    file: str
    samples: int
    at: int
    returned: int


_RETURNED = """(SELECT count(*) FROM checked_out g WHERE g.checkout = c.position AND EXISTS (
    SELECT 1 FROM derived d WHERE d.parent = g.sample AND d.version = g.version AND d.child > c.position))"""
_SELECT = f"""SELECT c.position, c.job, c.batch, c.file, c.samples, json_extract(t.leaf, '$.at'), {_RETURNED}
    FROM checkouts c JOIN told t ON t.position = c.position"""  # noqa: S608 - constants of this program


def listed(connection: Connection, job: bytes | None = None) -> list[Batch]:
    """Return the batches of all jobs, or of one, in the order in which they were given out."""
    sql = f"{_SELECT} WHERE ?1 IS NULL OR c.job = ?1 ORDER BY c.position"
    return [Batch(*row) for row in connection.execute(sql, (job,))]


def jobs_between(connection: Connection, first: bytes, last: bytes) -> list[bytes]:
    """Return up to ten jobs whose digest lies between two bounds, inclusive."""
    sql = "SELECT DISTINCT job FROM checkouts WHERE job BETWEEN ? AND ? ORDER BY job LIMIT 10"
    return [row[0] for row in connection.execute(sql, (first, last))]


class Member(NamedTuple):
    """One sample that was given out: its id, and the version (its row in blob, its address)."""

    sample: int
    id: bytes
    version: int
    hash: bytes


def members(connection: Connection, position: int) -> list[Member]:
    """Return the samples of a batch in the order of birth, which is that of its file."""
    rows = connection.execute(
        """SELECT g.sample, e.op, g.version, b.hash FROM checked_out g
        JOIN main.event e ON e.position = g.sample JOIN main.blob b ON b.id = g.version
        WHERE g.checkout = ? ORDER BY g.sample""",
        (position,),
    )
    return [Member(*row) for row in rows]


def named(connection: Connection, batches: Sequence[bytes]) -> list[tuple[int, bytes, str]]:
    """Return (position, batch, file) of the last checkout of each of up to a few hundred batches that is known."""
    marks = ",".join("?" * len(batches))
    sql = f"""SELECT max(position), batch, file FROM checkouts WHERE batch IN ({marks})
        GROUP BY batch ORDER BY 1"""  # noqa: S608 - question marks
    return connection.execute(sql, batches).fetchall()
