"""Counts by campaign, domain, status, rule, label and split, kept up to date so that `status` reads a few rows.

Before a span is folded the old standing of the samples that it touches is taken off the counts, and after the fold
their new standing is put on. When everything is folded anew, everything is counted once, at the end.
"""

from __future__ import annotations

from typing import NamedTuple

from ledger.event import BIRTHS, DECISIONS
from ledger.sqlite import Connection
from ledger.views.span import BORN, Span

TABLES = (("rollups", "campaign, domain, status, rule, label, split"), ("totals", "name"))
DDL = (
    """CREATE TABLE {schema}.rollups (
        campaign TEXT NOT NULL,
        domain TEXT NOT NULL,           -- '' where there is none, here and below
        status TEXT NOT NULL,
        rule TEXT NOT NULL,             -- that decided, or whose authority did
        label TEXT NOT NULL,            -- true, false, none
        split TEXT NOT NULL,
        samples INTEGER NOT NULL,
        PRIMARY KEY (campaign, domain, status, rule, label, split)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE {schema}.totals (
        name TEXT PRIMARY KEY,
        value INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID""",
    "INSERT INTO {schema}.totals VALUES ('fingerprints', 0), ('samples', 0)",
)

_COUNT = """INSERT INTO rollups SELECT campaign, coalesce(domain, ''), status, rule,
        CASE label WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE 'none' END, coalesce(split, ''), {sign}1
    FROM samples WHERE {which}
    ON CONFLICT DO UPDATE SET samples = samples + excluded.samples"""
"""One by one into a small table: to group first would sort all samples, which takes nearly twice as long."""
_TOUCHED = "sample IN (SELECT sample FROM touched)"

_CHANGE_STANDING = (*BIRTHS, *DECISIONS, "edited", "erased", "relabeled", "split_assigned", "withdrawn")
_CHANGE_CONTENT = (*BIRTHS, "edited", "withdrawn")
_TAUGHT_BEFORE = """INSERT OR IGNORE INTO taught SELECT fingerprint, 1 FROM samples
    WHERE sample IN (SELECT sample FROM touched)"""
_TAUGHT_NOW = """INSERT OR IGNORE INTO taught
    SELECT n.fingerprint, EXISTS (SELECT 1 FROM samples o
        WHERE o.fingerprint = n.fingerprint AND o.sample NOT IN (SELECT sample FROM touched))
    FROM samples n WHERE n.sample IN (SELECT sample FROM touched)"""
_COUNT_TAUGHT = """UPDATE totals SET value = value + (
        SELECT coalesce(sum(EXISTS (SELECT 1 FROM samples s WHERE s.fingerprint = t.fingerprint) - t.was), 0)
        FROM taught t)
    WHERE name = 'fingerprints'"""


class Group(NamedTuple):
    """How many samples share a standing; '' stands for none."""

    campaign: str
    domain: str
    status: str
    rule: str
    label: str
    split: str
    samples: int


def fold(connection: Connection, span: Span) -> None:
    """Count the samples born, so that the sum of their standings can be compared; the rest is counted around it."""
    if span.has(*BIRTHS):
        connection.execute(
            f"""UPDATE totals SET value = value + (SELECT count(*) FROM told
                WHERE position BETWEEN ? AND ? AND kind IN ({BORN})) WHERE name = 'samples'""",  # noqa: S608 - constants
            span.range,
        )


def take_off(connection: Connection, span: Span) -> None:
    """Take what the span touches off the counts, as it stood before."""
    if not span.has(*_CHANGE_STANDING):
        return
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS taught (fingerprint BLOB PRIMARY KEY, was INTEGER)")
    connection.execute("DELETE FROM taught")
    if span.has(*_CHANGE_CONTENT):
        connection.execute(_TAUGHT_BEFORE)
    connection.execute(_COUNT.format(sign="-", which=_TOUCHED))


def put_on(connection: Connection, span: Span) -> None:
    """Put what the span touched back on the counts, as it now stands."""
    if not span.has(*_CHANGE_STANDING):
        return
    connection.execute(_COUNT.format(sign="+", which=_TOUCHED))
    connection.execute("DELETE FROM rollups WHERE samples = 0")
    if span.has(*_CHANGE_CONTENT):
        connection.execute(_TAUGHT_NOW)
        connection.execute(_COUNT_TAUGHT)


def count(connection: Connection) -> None:
    """Count every sample; for views that were folded from nothing."""
    connection.execute(_COUNT.format(sign="+", which="true"))
    connection.execute(
        "UPDATE totals SET value = (SELECT count(DISTINCT fingerprint) FROM samples) WHERE name = 'fingerprints'"
    )


def groups(connection: Connection) -> list[Group]:
    """Return every standing and its number of samples."""
    rows = connection.execute("SELECT campaign, domain, status, rule, label, split, samples FROM rollups")
    return [Group(*row) for row in rows]


def born(connection: Connection) -> int:
    """Return how many samples were ever brought into being."""
    return int(connection.execute("SELECT value FROM totals WHERE name = 'samples'").fetchone()[0])


def fingerprints(connection: Connection) -> int:
    """Return how many different fingerprints the samples' versions have."""
    return int(connection.execute("SELECT value FROM totals WHERE name = 'fingerprints'").fetchone()[0])
