"""Groups of samples that teach the same or nearly the same: questions to `samples` and `near`; nothing is kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from ledger.sqlite import Connection

MEMBERS = 100
"""Members listed of one group; all are counted."""

_MINE = "s.status <> 'erased' AND (:campaign IS NULL OR s.campaign = :campaign)"
_FIND = f"""CREATE TEMP TABLE alike AS
    SELECT coalesce(c.root, s.fingerprint) AS cluster, count(*) AS samples, count(DISTINCT s.fingerprint) AS texts,
        min(s.sample) AS first
    FROM samples s LEFT JOIN near_clusters c ON c.field = :field AND c.scope = :scope AND c.fingerprint = s.fingerprint
    WHERE {_MINE} GROUP BY 1 HAVING count(*) > 1"""  # noqa: S608 - constants of this program
_SHARED = f"""SELECT coalesce(sum(n), 0) FROM (
    SELECT count(*) AS n FROM samples s WHERE {_MINE} GROUP BY {{by}} HAVING count(*) > 1)"""  # noqa: S608 - likewise
_MEMBERS = f"""SELECT * FROM (SELECT s.cluster, s.samples, row_number() OVER (PARTITION BY s.cluster
            ORDER BY b.hash, e.op) AS nth, s.sample, e.op, b.hash, s.fingerprint, s.campaign, s.source,
            json_extract(o.leaf, '$.line'), s.label, s.status
        FROM (SELECT a.cluster, a.samples, a.first, s.* FROM temp.alike a JOIN near_clusters c
                    ON c.field = :field AND c.scope = :scope AND c.root = a.cluster
                JOIN samples s ON s.fingerprint = c.fingerprint WHERE a.cluster IN ({{marks}}) AND {_MINE}
            UNION SELECT a.cluster, a.samples, a.first, s.* FROM temp.alike a
                JOIN samples s ON s.fingerprint = a.cluster WHERE a.cluster IN ({{marks}}) AND {_MINE}) s
        JOIN event e ON e.position = s.sample JOIN blob b ON b.id = s.version JOIN told o ON o.position = s.sample)
    WHERE nth <= {MEMBERS}
    ORDER BY 1, nth"""  # noqa: S608 - likewise


class Scope(NamedTuple):
    """Which look at near-duplicates counts (field, and campaign or ''), and of which campaign the samples are."""

    field: str
    scope: str
    campaign: str | None

    @property
    def values(self) -> dict[str, str | None]:
        """Return it as parameters."""
        return self._asdict()


class Counts(NamedTuple):
    """Groups, the samples in them, and of these the samples in a group of more than one text."""

    groups: int
    samples: int
    near: int


class Group(NamedTuple):
    """One group: the fingerprint that stands for it, and how many samples and different texts it has."""

    cluster: bytes
    samples: int
    texts: int


class Member(NamedTuple):
    """One sample of a group."""

    sample: int
    id: bytes
    hash: bytes
    fingerprint: bytes
    campaign: str
    source: str | None
    line: int | None
    label: int | None
    status: str


@contextmanager
def found(connection: Connection, scope: Scope) -> Iterator[None]:
    """Hold the temporary table of groups."""
    connection.execute("DROP TABLE IF EXISTS temp.alike")
    connection.execute(_FIND, scope.values)
    try:
        yield
    finally:
        connection.execute("DROP TABLE IF EXISTS temp.alike")


def counts(connection: Connection) -> Counts:
    """Return how many groups there are."""
    sql = """SELECT count(*), coalesce(sum(samples), 0), coalesce(sum(CASE WHEN texts > 1 THEN samples END), 0)
        FROM temp.alike"""
    return Counts(*connection.execute(sql).fetchone())


def shared(connection: Connection, campaign: str | None, by: str) -> int:
    """Return how many samples share their `fingerprint`, or their bytes (`version`), with another."""
    column = {"fingerprint": "s.fingerprint", "version": "s.version"}[by]
    return int(connection.execute(_SHARED.format(by=column), {"campaign": campaign}).fetchone()[0])


def groups(connection: Connection, limit: int, offset: int) -> list[Group]:
    """Return up to `limit` groups after the first `offset`: those of most samples first, then the oldest."""
    sql = "SELECT cluster, samples, texts FROM temp.alike ORDER BY samples DESC, first LIMIT ? OFFSET ?"
    return [Group(*row) for row in connection.execute(sql, (limit, offset))]


def members(connection: Connection, scope: Scope, clusters: Sequence[bytes]) -> dict[bytes, list[Member]]:
    """Return group -> up to MEMBERS of its samples, the one that survives in an export first."""
    names = {f"c{n}": cluster for n, cluster in enumerate(clusters)}
    marks = ", ".join(f":{name}" for name in names)
    made: dict[bytes, list[Member]] = {cluster: [] for cluster in clusters}
    for cluster, _, _, *member in connection.execute(_MEMBERS.format(marks=marks), {**scope.values, **names}):
        made[cluster].append(Member(*member))
    return made
