"""Findings: what validators found in a version. The latest look at a version is what counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ledger.sqlite import Connection
from ledger.views.span import Span

TABLES = (("validations", "position"), ("findings", "position, nth"))
DDL = (
    """CREATE TABLE {schema}.validations (
        position INTEGER PRIMARY KEY,   -- of the found event
        sample INTEGER NOT NULL,
        version INTEGER NOT NULL,       -- row of the blob that was looked at
        schema TEXT,                    -- digest of the tools' schema
        errors INTEGER NOT NULL,
        warnings INTEGER NOT NULL
    ) STRICT""",
    "CREATE INDEX {schema}.validations_sample ON validations (sample)",
    """CREATE TABLE {schema}.findings (
        position INTEGER NOT NULL,
        nth INTEGER NOT NULL,           -- in the order in which they were found
        sample INTEGER NOT NULL,
        rule TEXT NOT NULL,
        severity TEXT NOT NULL CHECK (severity IN ('error', 'warning')),
        path TEXT NOT NULL,
        PRIMARY KEY (position, nth)
    ) STRICT, WITHOUT ROWID""",
)


def fold(connection: Connection, span: Span) -> None:
    """Add the validations of the span and what they found."""
    if not span.has("found"):
        return
    connection.execute(
        """INSERT INTO findings SELECT t.position, f.key, t.sample, json_extract(f.value, '$[0]'),
            json_extract(f.value, '$[1]'), json_extract(f.value, '$[2]')
        FROM told t, json_each(t.leaf, '$.findings') f WHERE t.position BETWEEN ? AND ? AND t.kind = 'found'""",
        span.range,
    )
    connection.execute(
        """INSERT INTO validations SELECT t.position, t.sample, t.blob, json_extract(t.leaf, '$.schema'),
            (SELECT count(*) FROM findings f WHERE f.position = t.position AND f.severity = 'error'),
            (SELECT count(*) FROM findings f WHERE f.position = t.position AND f.severity = 'warning')
        FROM told t WHERE t.position BETWEEN ? AND ? AND t.kind = 'found'""",
        span.range,
    )


class Validation(NamedTuple):
    """The latest look at a sample: the event, and the version (a row in blob) that it was about."""

    position: int
    op: bytes
    sample: int
    version: int
    leaf: str


def latest(connection: Connection, handles: Sequence[int]) -> dict[int, Validation]:
    """Return sample -> its latest validation of any version, for up to a few hundred samples."""
    marks = ",".join("?" * len(handles))
    rows = connection.execute(
        f"""SELECT v.position, e.op, v.sample, v.version, e.leaf FROM (
            SELECT max(position) AS position, sample, version FROM validations WHERE sample IN ({marks})
            GROUP BY sample) v JOIN event e ON e.position = v.position""",  # noqa: S608 - question marks
        handles,
    )
    return {row[2]: Validation(*row) for row in rows}


class Found(NamedTuple):
    """One finding about a version of a sample."""

    position: int
    rule: str
    severity: str
    path: str
    version: int


def of_sample(connection: Connection, sample: int, version: int) -> list[Found]:
    """Return what the latest look at this version of a sample found, in order."""
    rows = connection.execute(
        """SELECT f.position, f.rule, f.severity, f.path, v.version FROM validations v
        JOIN findings f ON f.position = v.position
        WHERE v.position = (SELECT max(position) FROM validations WHERE sample = ? AND version = ?) ORDER BY f.nth""",
        (sample, version),
    )
    return [Found(*row) for row in rows]


def is_validated(connection: Connection, sample: int, version: int) -> bool:
    """Say whether anybody looked at this version of a sample."""
    sql = "SELECT EXISTS (SELECT 1 FROM validations WHERE sample = ? AND version = ?)"
    return bool(connection.execute(sql, (sample, version)).fetchone()[0])
