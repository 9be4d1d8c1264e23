"""What differs between two sides, each of them samples as they stood at one position. Nothing is kept.

How a sample stood at an earlier position is read from the history that the views hold (every edit, label, decision,
split and weight with the position where it was said and where it was withdrawn), for the samples that are asked about:
nothing is folded again. The tests hold this against the fold.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from ledger.sqlite import Connection

WAYS = ("added", "removed", "changed", "relabelled", "moved", "status", "weighted")
"""How a sample can differ; the first two alone, the others together."""
SIDES = ("a", "b")
TURNS = {"label": "relabelled", "split": "moved", "status": "status"}
"""Facts whose turns are counted, with the way of differing that they make."""

_STOOD = "({0}.position <= :at AND ({0}.withdrawn IS NULL OR {0}.withdrawn > :at))"
_SIDE = """CREATE TEMP TABLE side_{side} (
    sample INTEGER PRIMARY KEY,
    version INTEGER NOT NULL,
    label INTEGER,
    split TEXT,
    status TEXT NOT NULL,
    times INTEGER NOT NULL          -- its weight; of a selection, the rows that it has there
)"""
_ASKED = "CREATE TEMP TABLE asked (sample INTEGER PRIMARY KEY)"
_CHOSEN = "CREATE TEMP TABLE chosen_{side} (sample INTEGER PRIMARY KEY, rows INTEGER NOT NULL)"
_TABLES = ("asked", "differing", *(f"{name}_{side}" for name in ("side", "chosen") for side in SIDES))

_ERASED = "SELECT blob FROM main.event WHERE kind = 'erased' AND position BETWEEN :first AND :last"
_TOUCHED = (
    "SELECT sample FROM samples WHERE sample BETWEEN :first AND :last",
    "SELECT sample FROM splits WHERE position BETWEEN :first AND :last",
    *(
        f"""SELECT sample FROM {table} WHERE position BETWEEN :first AND :last
            OR position IN (SELECT target FROM withdrawals WHERE position BETWEEN :first AND :last)"""  # noqa: S608
        for table in ("versions", "labels", "decisions", "weights")
    ),
    "SELECT sample FROM failures WHERE position BETWEEN :first AND :last",
    "SELECT parent FROM derived WHERE child BETWEEN :first AND :last",
    f"SELECT sample FROM samples WHERE version IN ({_ERASED})",  # noqa: S608 - constants, here and below
    f"SELECT sample FROM versions WHERE blob IN ({_ERASED})",  # noqa: S608
    f"""SELECT v.sample FROM versions v JOIN main.event e ON e.position = v.sample WHERE e.blob IN ({_ERASED})""",  # noqa: S608
)
"""Every sample about which something was said in a stretch of the log: at least those that stand otherwise after it."""

_NOW = """INSERT INTO temp.side_{side} SELECT s.sample, s.version, s.label, s.split, s.status, coalesce(w.times, 1)
    FROM asked k CROSS JOIN samples s ON s.sample = k.sample LEFT JOIN (
        SELECT sample, times, max(position + (authority = 'person') * 4611686018427387904) FROM weights
        WHERE withdrawn IS NULL GROUP BY sample) w ON w.sample = k.sample"""
_UNDECIDED = """iif((SELECT max(f.position) FROM failures f
        WHERE f.sample = k.sample AND f.version = k.version AND f.position <= :at)
    > coalesce((SELECT max(r.child) FROM derived r
        WHERE r.parent = k.sample AND r.version = k.version AND r.child <= :at), -1), 'errored', 'pending')"""
_PERSON_FIRST = "ORDER BY {0}.authority <> 'person', {0}.position DESC LIMIT 1"
_THEN = f"""INSERT INTO temp.side_{{side}} SELECT k.sample, k.version,
        iif(k.labelled IS NULL, (SELECT json_extract(t.leaf, '$.label') FROM told t WHERE t.position = k.sample),
            (SELECT l.label FROM labels l WHERE l.position = k.labelled)),
        (SELECT p.split FROM splits p WHERE p.sample = k.sample AND p.position <= :at ORDER BY p.position DESC LIMIT 1),
        iif(EXISTS (SELECT 1 FROM main.event e WHERE e.kind = 'erased' AND e.blob = k.version AND e.position <= :at),
            'erased', coalesce((SELECT iif(d.outcome = 'deferred', 'pending', d.outcome) FROM decisions d
                WHERE d.sample = k.sample AND d.version = k.version AND {_STOOD.format("d")}
                ORDER BY CASE d.authority WHEN 'person' THEN 0 WHEN 'import' THEN 2 ELSE 1 END, d.position DESC
                LIMIT 1), {_UNDECIDED})),
        coalesce((SELECT w.times FROM weights w WHERE w.sample = k.sample AND {_STOOD.format("w")}
            {_PERSON_FIRST.format("w")}), 1)
    FROM (SELECT a.sample, (SELECT e.blob FROM main.event e WHERE e.position = coalesce(
                (SELECT max(v.position) FROM versions v WHERE v.sample = a.sample AND {_STOOD.format("v")}), a.sample)
            ) AS version,
            (SELECT l.position FROM labels l WHERE l.sample = a.sample AND {_STOOD.format("l")}
                {_PERSON_FIRST.format("l")}) AS labelled
        FROM asked a WHERE a.sample <= :at) k"""  # noqa: S608 - constants of this program
_ONLY_CHOSEN = (
    "DELETE FROM temp.side_{side} WHERE sample NOT IN (SELECT sample FROM temp.chosen_{side})",
    """UPDATE temp.side_{side} SET times = (SELECT c.rows FROM temp.chosen_{side} c
        WHERE c.sample = side_{side}.sample)""",
)
_DIFFERING = """CREATE TEMP TABLE differing AS SELECT * FROM (
    SELECT k.sample,
        CASE WHEN a.sample IS NULL AND b.sample IS NULL THEN 0 WHEN a.sample IS NULL THEN 1 WHEN b.sample IS NULL THEN 2
            ELSE (a.version <> b.version) * 4 + (a.label IS NOT b.label) * 8 + (a.split IS NOT b.split) * 16
                + (a.status <> b.status) * 32 + (a.times <> b.times) * 64 END AS ways
    FROM asked k LEFT JOIN side_a a ON a.sample = k.sample LEFT JOIN side_b b ON b.sample = k.sample
) WHERE ways"""
_MEMBERS = """INSERT INTO temp.chosen_{side} SELECT sample, copies FROM release_samples
    WHERE release = ? AND omitted IS NULL"""
_LISTED = """SELECT e.op, s.campaign, s.source, s.domain, d.ways, a.version, va.hash, a.label, a.split, a.status,
        a.times, b.version, vb.hash, b.label, b.split, b.status, b.times
    FROM (SELECT sample, ways FROM differing WHERE ways & :mask ORDER BY sample LIMIT :limit OFFSET :offset) d
    JOIN samples s ON s.sample = d.sample JOIN main.event e ON e.position = d.sample
    LEFT JOIN side_a a ON a.sample = d.sample LEFT JOIN main.blob va ON va.id = a.version
    LEFT JOIN side_b b ON b.sample = d.sample LEFT JOIN main.blob vb ON vb.id = b.version ORDER BY d.sample"""


class Stood(NamedTuple):
    """How a sample stood: address of its version, label, split, status, weight (of a selection: its rows)."""

    version: bytes
    label: int | None
    split: str | None
    status: str
    times: int


class Differing(NamedTuple):
    """One sample that differs: its id, where it is from, how it differs, and how it stood on either side."""

    id: bytes
    campaign: str
    source: str | None
    domain: str | None
    ways: tuple[str, ...]
    a: Stood | None
    b: Stood | None


class Turn(NamedTuple):
    """How many samples have one value on one side and another on the other; None is none."""

    before: str | int | None
    after: str | int | None
    samples: int


@contextmanager
def held(connection: Connection) -> Iterator[None]:
    """Hold the temporary tables that a comparison fills, empty at first."""
    _drop(connection)
    try:
        connection.execute(_ASKED)
        for side in SIDES:
            connection.execute(_SIDE.format(side=side))
            connection.execute(_CHOSEN.format(side=side))
        yield
    finally:
        _drop(connection)


def choose(connection: Connection, side: str, rows: Iterable[tuple[int, int]]) -> None:
    """Say which samples a side holds, with the rows that each has there."""
    connection.executemany(f"INSERT INTO temp.chosen_{side} VALUES (?, ?)", rows)  # noqa: S608 - one of two letters


def choose_released(connection: Connection, side: str, release: int) -> None:
    """Let a side hold the samples of a release."""
    connection.execute(_MEMBERS.format(side=side), (release,))


def ask_touched(connection: Connection, one: int, other: int) -> None:
    """Ask about every sample of which something was said between two positions, whichever is the earlier."""
    span = {"first": min(one, other) + 1, "last": max(one, other)}
    for sql in _TOUCHED:
        connection.execute(f"INSERT OR IGNORE INTO asked {sql}", span)


def ask_chosen(connection: Connection) -> None:
    """Ask about every sample that a side holds."""
    for side in SIDES:
        connection.execute(f"INSERT OR IGNORE INTO asked SELECT sample FROM temp.chosen_{side}")  # noqa: S608 - a letter


def stand(connection: Connection, side: str, at: int, *, head: int, chosen: bool) -> None:
    """Fill a side with how the samples that are asked about stood at a position; `head` is that of the views.

    `chosen`: only those that the side holds.
    """
    connection.execute((_NOW if at == head else _THEN).format(side=side), {} if at == head else {"at": at})
    if chosen:
        for sql in _ONLY_CHOSEN:
            connection.execute(sql.format(side=side))


def compare(connection: Connection) -> dict[str, int]:
    """Find what differs and count it by way; `samples` is how many differ at all."""
    connection.execute(_DIFFERING)
    counted = ", ".join(f"coalesce(sum(ways & {1 << place} <> 0), 0)" for place in range(len(WAYS)))
    row = connection.execute(f"SELECT count(*), {counted} FROM differing").fetchone()  # noqa: S608 - numbers
    return dict(zip(("samples", *WAYS), row, strict=True))


def turns(connection: Connection, fact: str) -> list[Turn]:
    """Return how often a fact (a key of TURNS) was what and became what, in order."""
    bit = 1 << WAYS.index(TURNS[fact])
    rows = connection.execute(
        f"""SELECT a.{fact}, b.{fact}, count(*) FROM differing d JOIN side_a a ON a.sample = d.sample
            JOIN side_b b ON b.sample = d.sample WHERE d.ways & ? GROUP BY 1, 2 ORDER BY 1, 2""",  # noqa: S608 - a column
        (bit,),
    )
    return [Turn(*row) for row in rows]


def listed(connection: Connection, way: str | None, limit: int, offset: int) -> list[Differing]:
    """Return what differs (in one way, or in any), in the order of birth."""
    mask = 1 << WAYS.index(way) if way else (1 << len(WAYS)) - 1
    rows = connection.execute(_LISTED, {"mask": mask, "limit": limit, "offset": offset})
    return [_differing(row) for row in rows]


def born(connection: Connection, at: int) -> int:
    """Return how many samples there were at a position."""
    return int(connection.execute("SELECT count(*) FROM samples WHERE sample <= ?", (at,)).fetchone()[0])


def held_by(connection: Connection, side: str) -> tuple[int, int]:
    """Return how many samples and rows a side holds that is a selection."""
    samples, rows = connection.execute(f"SELECT count(*), coalesce(sum(rows), 0) FROM temp.chosen_{side}").fetchone()  # noqa: S608 - a letter
    return int(samples), int(rows)


def release_of(connection: Connection, manifest: bytes, upto: int) -> int | None:
    """Return the position of the release whose manifest has this address, if it was recorded up to a position."""
    row = connection.execute(
        """SELECT r.position FROM releases r JOIN blob b ON b.id = r.manifest
        WHERE b.hash = ? AND r.position <= ? ORDER BY r.position DESC LIMIT 1""",
        (manifest, upto),
    ).fetchone()
    return None if row is None else int(row[0])


def _differing(row: Sequence[Any]) -> Differing:
    ways = tuple(way for place, way in enumerate(WAYS) if row[4] & 1 << place)
    a, b = (None if side[0] is None else Stood(*side[1:]) for side in (row[5:11], row[11:17]))
    return Differing(row[0], row[1], row[2], row[3], ways, a, b)


def _drop(connection: Connection) -> None:
    for table in _TABLES:
        connection.execute(f"DROP TABLE IF EXISTS temp.{table}")
