"""Counts by campaign, domain, status, rule, label and split, kept up to date so that `status` reads a few rows.

`twinned` names the samples that teach the same as others: few, so that questions about twins look at them alone.

Before a span is folded the old standing of the samples that it touches is taken off the counts, and after the fold
their new standing is put on. When everything is folded anew, everything is counted once, at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ledger.event import BIRTHS, DECISIONS
from ledger.sqlite import Connection
from ledger.views.span import BORN, Span

TABLES = (
    ("rollups", "campaign, domain, status, rule, label, split"),
    ("sources", "campaign, source, status, rule"),
    ("totals", "name"),
    ("twinned", "sample"),
)
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
    """CREATE TABLE {schema}.sources (
        campaign TEXT NOT NULL,
        source TEXT NOT NULL,           -- '' of a derived sample
        status TEXT NOT NULL,
        rule TEXT NOT NULL,
        samples INTEGER NOT NULL,
        PRIMARY KEY (campaign, source, status, rule)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE {schema}.totals (
        name TEXT PRIMARY KEY,
        value INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID""",
    "INSERT INTO {schema}.totals VALUES ('fingerprints', 0), ('samples', 0)",
    """CREATE TABLE {schema}.twinned (
        sample INTEGER PRIMARY KEY,     -- one that teaches the same as another
        first INTEGER NOT NULL          -- the oldest that teaches the same
    ) STRICT""",
)

_COUNT = """INSERT INTO rollups SELECT campaign, coalesce(domain, ''), status, rule,
        CASE label WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE 'none' END, coalesce(split, ''), {sign}1
    FROM samples WHERE {which}
    ON CONFLICT DO UPDATE SET samples = samples + excluded.samples"""
_COUNT_SOURCES = """INSERT INTO sources SELECT campaign, coalesce(source, ''), status, rule, {sign}1
    FROM samples WHERE {which}
    ON CONFLICT DO UPDATE SET samples = samples + excluded.samples"""
"""One by one into a small table: to group first would sort all samples, which takes nearly twice as long."""
_TOUCHED = "sample IN (SELECT sample FROM touched)"

_CHANGE_STATUS = (*BIRTHS, *DECISIONS, "attempt_failed", "edited", "erased", "withdrawn")
_CHANGE_STANDING = (*_CHANGE_STATUS, "relabeled", "split_assigned")
_CHANGE_CONTENT = (*BIRTHS, "edited", "withdrawn")
_TAUGHT = "CREATE TEMP TABLE IF NOT EXISTS taught (fingerprint BLOB PRIMARY KEY, was INTEGER, times INTEGER)"
_TAUGHT_BEFORE = """INSERT OR IGNORE INTO taught SELECT fingerprint, 1, 1 FROM samples
    WHERE sample IN (SELECT sample FROM touched)"""
_TAUGHT_NOW = """INSERT INTO taught
    SELECT n.fingerprint, EXISTS (SELECT 1 FROM samples o
        WHERE o.fingerprint = n.fingerprint AND o.sample NOT IN (SELECT sample FROM touched)), 1
    FROM samples n WHERE n.sample IN (SELECT sample FROM touched)
    ON CONFLICT DO UPDATE SET times = times + 1"""
_COUNT_BORN = """UPDATE totals SET value = value + (SELECT count(*) - coalesce(sum(was), 0) FROM taught)
    WHERE name = 'fingerprints'"""
"""Where nothing but births changed what samples teach, all that is taught is taught now."""
_COUNT_TAUGHT = """UPDATE totals SET value = value + (
        SELECT coalesce(sum(EXISTS (SELECT 1 FROM samples s WHERE s.fingerprint = t.fingerprint) - t.was), 0)
        FROM taught t)
    WHERE name = 'fingerprints'"""
_REPEATED = """SELECT t.fingerprint AS fingerprint, (SELECT min(o.sample) FROM samples o
        WHERE o.fingerprint = t.fingerprint) AS first
    FROM taught t WHERE (t.was OR t.times > 1)
        AND (SELECT count(*) FROM (SELECT 1 FROM samples o WHERE o.fingerprint = t.fingerprint LIMIT 2)) = 2"""
_NEW_TWINS = f"""INSERT OR IGNORE INTO twinned
    SELECT n.sample, r.first FROM ({_REPEATED}) r CROSS JOIN samples n ON n.fingerprint = r.fingerprint
    WHERE {{which}}"""  # noqa: S608 - constants of this program
_BORN_TWINS = "(n.sample = r.first OR n.sample IN (SELECT sample FROM touched))"
_NO_TWINS = """DELETE FROM twinned WHERE sample IN (SELECT sample FROM touched) OR sample IN
    (SELECT s.sample FROM taught t CROSS JOIN samples s ON s.fingerprint = t.fingerprint)"""
_ALL_TWINS = """INSERT INTO twinned
    SELECT s.sample, r.first FROM (SELECT fingerprint, min(sample) AS first FROM samples
        GROUP BY fingerprint HAVING count(*) > 1) r
    CROSS JOIN samples s ON s.fingerprint = r.fingerprint ORDER BY s.sample"""


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
    connection.execute(_TAUGHT)
    connection.execute("DELETE FROM taught")
    if span.has(*_CHANGE_CONTENT):
        connection.execute(_TAUGHT_BEFORE)
    _count(connection, "-", _TOUCHED, of_status=span.has(*_CHANGE_STATUS))


def put_on(connection: Connection, span: Span) -> None:
    """Put what the span touched back on the counts, as it now stands."""
    if not span.has(*_CHANGE_STANDING):
        return
    _count(connection, "+", _TOUCHED, of_status=span.has(*_CHANGE_STATUS))
    connection.execute("DELETE FROM rollups WHERE samples = 0")
    connection.execute("DELETE FROM sources WHERE samples = 0")
    if span.has(*_CHANGE_CONTENT):
        connection.execute(_TAUGHT_NOW)
        _pair(connection, only_births=not span.has("edited", "withdrawn"))


def count(connection: Connection) -> None:
    """Count every sample; for views that were folded from nothing."""
    _count(connection, "+", "true")
    connection.execute(
        "UPDATE totals SET value = (SELECT count(DISTINCT fingerprint) FROM samples) WHERE name = 'fingerprints'"
    )
    connection.execute(_ALL_TWINS)


def groups(connection: Connection) -> list[Group]:
    """Return every standing and its number of samples."""
    rows = connection.execute("SELECT campaign, domain, status, rule, label, split, samples FROM rollups")
    return [Group(*row) for row in rows]


class OfSource(NamedTuple):
    """How many samples of a source ('': derived ones) share a standing."""

    campaign: str
    source: str
    status: str
    rule: str
    samples: int


def by_source(connection: Connection, names: Sequence[str]) -> list[OfSource]:
    """Return the standings of up to a few hundred campaigns, source by source."""
    marks = ",".join("?" * len(names))
    sql = f"SELECT campaign, source, status, rule, samples FROM sources WHERE campaign IN ({marks})"  # noqa: S608 - question marks
    return [OfSource(*row) for row in connection.execute(sql, names)]


def of_source(connection: Connection, source: str) -> list[OfSource]:
    """Return the standings of a source in every campaign."""
    sql = """SELECT s.campaign, s.source, s.status, s.rule, s.samples FROM (SELECT DISTINCT campaign FROM rollups) c
        CROSS JOIN sources s ON s.campaign = c.campaign AND s.source = ?"""
    return [OfSource(*row) for row in connection.execute(sql, (source,))]


def born(connection: Connection) -> int:
    """Return how many samples were ever brought into being."""
    return int(connection.execute("SELECT value FROM totals WHERE name = 'samples'").fetchone()[0])


def fingerprints(connection: Connection) -> int:
    """Return how many different fingerprints the samples' versions have."""
    return int(connection.execute("SELECT value FROM totals WHERE name = 'fingerprints'").fetchone()[0])


def _pair(connection: Connection, *, only_births: bool) -> None:
    """Count what is taught for the first time or no longer, and keep who teaches the same as others."""
    connection.execute(_COUNT_BORN if only_births else _COUNT_TAUGHT)
    if not only_births:
        connection.execute(_NO_TWINS)
    connection.execute(_NEW_TWINS.format(which=_BORN_TWINS if only_births else "true"))


def _count(connection: Connection, sign: str, which: str, *, of_status: bool = True) -> None:
    """Count samples; by source only where their status may be another."""
    for statement in (_COUNT, _COUNT_SOURCES) if of_status else (_COUNT,):
        connection.execute(statement.format(sign=sign, which=which))
